//! Booked day: what a new edition was booked from, as long as the run remembers it.

use crate::facts::Gap;
use crate::ledger::{Edition, Ledger};
use crate::policy::Postings;

/// What a new edition was booked from, as long as the run remembers it: its day can be drawn without being read again.
pub struct BookedDay {
    pub edition: Edition,
    pub gaps: Vec<Gap>,
    /// After adjusting entries.
    pub postings: Postings,
}

impl BookedDay {
    /// Is this the edition that the figures of its day come from? Then as it stands now: it may have been sealed since.
    pub fn standing(mut self, ledger: &Ledger) -> Option<Self> {
        let record = ledger.record().days.get(&self.edition.day)?;
        if record.standing()?.publication.edition != self.edition.number {
            return None;
        }
        self.edition.state = record.state(self.edition.number, self.edition.state);
        Some(self)
    }
}
