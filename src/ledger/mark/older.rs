//! Older journals: finds that a journal does not go on from the line that the reports show.

use std::fmt;
use std::path::Path;

use super::Drawn;
use crate::error::Trouble;
use crate::ledger::journal::entry::{Entry, HeadName};
use crate::ledger::{Journal, Ledger};

/// A journal that lacks lines which the reports show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OlderJournal {
    /// The last line that is there.
    pub head: HeadName,
    /// The line that the reports show.
    pub drawn: HeadName,
}

impl OlderJournal {
    /// Returns the key under which two persons go on from the journal as it is.
    pub fn key(&self) -> String {
        format!("head:{}", self.head.hash)
    }

    /// Returns the refusal of a command that would write, with the way out.
    pub fn refusal(&self, reports: &Path) -> Trouble {
        let shown = reports.display();
        Trouble::Refused(format!(
            "{shown}: {self}: uptime-ledger ack '{}' --author NAME --approver NAME --reason TEXT",
            self.key()
        ))
    }
}

impl fmt::Display for OlderJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { head, drawn } = self;
        write!(
            f,
            "the journal ends with line {} ({}) and does not go on from line {} ({}), which the reports show: an older journal was \
             put back, or lines were cut off; nothing was written. Put the newest journal back (journal.ndjson and journal.head, \
             from a backup); only if there is none, go on from line {}, which every page of the days concerned will say permanently",
            head.seq, head.hash, drawn.seq, drawn.hash, head.seq
        )
    }
}

impl Ledger {
    /// Finds out whether the journal lacks lines that the reports show.
    ///
    /// # Errors
    /// The mark of the drawing cannot be read ([`Trouble`]).
    pub fn older_journal(&self) -> Result<Option<OlderJournal>, Trouble> {
        let Some(drawn) = self.drawn()? else { return Ok(None) };
        let drawn = HeadName { seq: drawn.seq, hash: drawn.hash };
        if goes_on_from(&self.journal, &drawn) {
            return Ok(None);
        }
        let (seq, hash) = self.journal.head();
        Ok(Some(OlderJournal { head: HeadName { seq, hash: hash.to_owned() }, drawn }))
    }

    /// Reads the mark of the drawing beside this ledger.
    pub(super) fn drawn(&self) -> Result<Option<Drawn>, Trouble> {
        self.folder.parent().map_or(Ok(None), Drawn::read)
    }
}

/// Returns whether a line is one of the journal, or was given up by one.
fn goes_on_from(journal: &Journal, drawn: &HeadName) -> bool {
    let is_given_up = |entry: &Entry| matches!(entry, Entry::Resumed(resumed) if resumed.given_up == *drawn);
    journal.hash_of(drawn.seq).is_some_and(|hash| hash == drawn.hash)
        || journal.lines().iter().any(|line| is_given_up(&line.entry))
}
