//! Clock: the two instants that a run works by, read once, in `cli`.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// The time of a run; every line that the run writes to the journal holds both instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// The instant that the run works as of: `--as-of`, else the wall clock.
    pub at: DateTime<Utc>,
    /// The instant at which the run takes place; `at` if the clock of the ledger is given.
    pub wall: DateTime<Utc>,
}

impl Clock {
    /// Returns a clock with one instant for both.
    pub const fn given(at: DateTime<Utc>) -> Self {
        Self { at, wall: at }
    }

    /// Returns the latest instant that a log read by this run can mean, in microseconds since 1970.
    ///
    /// It is 48 hours after the wall clock, so that a wrong zone is still a time. Simulated ledgers
    /// may read days ahead of their clock: there it is 400 days after `at`.
    pub fn latest_log_us(self, source: ClockSource) -> i64 {
        let latest = match source {
            ClockSource::Real => self.wall + TimeDelta::hours(48),
            ClockSource::Given => self.at + TimeDelta::days(400),
        };
        latest.timestamp_micros()
    }
}

/// The source of a ledger's clock; the first line of its journal fixes it permanently.
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
