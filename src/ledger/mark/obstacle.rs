//! Obstacle: a state of the ledger in which nothing is written until two persons say how to go on.

use std::fmt;
use std::path::Path;

use super::OlderJournal;
use crate::attention::CLOCK;
use crate::error::Trouble;

/// What stands in the way of every command that writes, under the key that `ack` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    pub key: String,
    /// What was found, and what to do; the command that goes on from it follows.
    pub message: String,
}

impl Obstacle {
    /// The clock of the run is not believed ([`crate::ledger::journal::clocks::doubt`]).
    pub(in crate::ledger) fn clock(message: String) -> Self {
        Self { key: CLOCK.to_owned(), message }
    }

    /// The reports show lines that the journal does not have.
    pub fn older_journal(older: &OlderJournal) -> Self {
        Self { key: older.key(), message: older.to_string() }
    }

    /// Returns the refusal of a command that would write, with the way out.
    pub fn refusal(&self, reports: &Path) -> Trouble {
        Trouble::Refused(format!("{}: {self}", reports.display()))
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, message } = self;
        write!(f, "{message}: uptime-ledger ack '{key}' --author NAME --approver NAME --reason TEXT")
    }
}
