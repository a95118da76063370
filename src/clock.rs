//! Clock: the two instants that a run works by, read once, in `cli`.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What time it is for a run. Every line that it writes to the journal holds both instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// The moment that the run works as of: `--as-of`, else the wall clock.
    pub at: DateTime<Utc>,
    /// What the clock on the wall shows; `at` where the clock of a ledger is given.
    pub wall: DateTime<Utc>,
}

impl Clock {
    /// A clock that shows one instant both ways.
    pub const fn given(at: DateTime<Utc>) -> Self {
        Self { at, wall: at }
    }
}

/// Where the clock of a ledger comes from. The first line of its journal says so, for good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockSource {
    /// The clock of the machine.
    #[default]
    Real,
    /// `--as-of` of each run: a simulation, which can never become a real ledger.
    Given,
}

impl fmt::Display for ClockSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Real => "real",
            Self::Given => "given",
        })
    }
}
