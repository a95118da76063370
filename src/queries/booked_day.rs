//! Booked day: the inputs of a new edition, kept in memory for the rest of the run.

use crate::facts::Gap;
use crate::ledger::{Edition, Ledger};
use crate::policy::Postings;

/// A new edition with the postings it was booked from, so that it is drawn without reading it back.
pub struct BookedDay {
    pub edition: Edition,
    pub gaps: Vec<Gap>,
    /// After overrides.
    pub postings: Postings,
}

impl BookedDay {
    /// Returns the day with its current state if its edition is the standing one, else `None`.
    ///
    /// The edition may have been sealed since it was published.
    pub fn standing(mut self, ledger: &Ledger) -> Option<Self> {
        let record = ledger.record().days.get(&self.edition.day)?;
        if record.standing()?.publication.edition != self.edition.number {
            return None;
        }
        self.edition.state = record.state(self.edition.number, self.edition.state);
        Some(self)
    }
}
