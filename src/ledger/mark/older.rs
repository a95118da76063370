//! Older journals: finds that a journal does not go on from the line that the reports show.

use std::fmt;
use std::path::PathBuf;

use super::Drawn;
use crate::day::Day;
use crate::error::Trouble;
use crate::ledger::editions::seals;
use crate::ledger::journal::entry::{Entry, HeadName};
use crate::ledger::places::SEALS;
use crate::ledger::writer::Announced;
use crate::ledger::{Journal, Ledger, disk};

/// A journal that lacks lines which the reports show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OlderJournal {
    /// The last line that is there.
    pub head: HeadName,
    /// The line that the reports show; `None` if nothing tells of it.
    pub drawn: Option<HeadName>,
    /// Days of which figures of a seal are stored that the journal does not name.
    pub sealed: Vec<Day>,
}

impl OlderJournal {
    /// Returns the key under which two persons go on from the journal as it is.
    pub fn key(&self) -> String {
        format!("head:{}", self.head.hash)
    }
}

impl fmt::Display for OlderJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { head, drawn, sealed } = self;
        write!(f, "the journal ends with line {} ({}) and does not ", head.seq, head.hash)?;
        match (drawn, sealed.first()) {
            (Some(drawn), _) => {
                write!(f, "go on from line {} ({}), which the reports show", drawn.seq, drawn.hash)?;
            }
            (None, Some(day)) => write!(f, "name the seal of {day}, whose figures are stored")?,
            (None, None) => write!(f, "name what is stored")?,
        }
        write!(
            f,
            ": an older journal was put back, or lines were cut off; nothing was written. Put the newest journal back \
             (journal.ndjson and journal.head, from a backup); only if there is none, go on from line {}, which every page of the \
             days concerned will say permanently",
            head.seq
        )
    }
}

impl Ledger {
    /// Finds out whether the journal lacks lines that the reports show, or a seal that is stored.
    ///
    /// # Errors
    /// The mark of the drawing or the stored seals cannot be read ([`Trouble`]).
    pub fn older_journal(&self) -> Result<Option<OlderJournal>, Trouble> {
        let drawn = self.drawn()?.map(|drawn| HeadName { seq: drawn.seq, hash: drawn.hash });
        let drawn = drawn.filter(|drawn| !goes_on_from(&self.journal, drawn));
        let sealed = self.unnamed_seals()?;
        if drawn.is_none() && sealed.is_empty() {
            return Ok(None);
        }
        let (seq, hash) = self.journal.head();
        Ok(Some(OlderJournal { head: HeadName { seq, hash: hash.to_owned() }, drawn, sealed }))
    }

    /// Lists the days of which figures of a seal are stored that no line names.
    ///
    /// What a killed run has announced is no seal yet.
    fn unnamed_seals(&self) -> Result<Vec<Day>, Trouble> {
        let announced = Announced::read(&self.folder)?;
        let leftovers = announced.map(|it| it.leftovers(&self.folder, &self.journal)).unwrap_or_default();
        let mut found = Vec::new();
        let parent = self.folder.join(SEALS);
        for name in disk::names(&parent)? {
            let Ok(day) = name.parse::<Day>() else { continue };
            let named = self.record.days.get(&day).and_then(|record| record.frozen.as_ref());
            let named = named.map(|table| seals::place(&self.folder, day, table));
            let place = parent.join(&name);
            let is_seal = |place: &PathBuf| {
                let hash = disk::sha256_of(&place.join(seals::TABLE));
                hash.is_ok_and(|hash| seals::place(&self.folder, day, &hash) == *place)
            };
            let places = if place.is_dir() { disk::names(&place)? } else { Vec::new() };
            let places = places.into_iter().map(|name| place.join(name));
            let mut strange =
                places.filter(|place| named.as_ref() != Some(place) && !leftovers.contains(place));
            if strange.any(|place| is_seal(&place)) {
                found.push(day);
            }
        }
        Ok(found)
    }

    /// Reads the mark of the drawing beside this ledger.
    pub(super) fn drawn(&self) -> Result<Option<Drawn>, Trouble> {
        self.folder.parent().map_or(Ok(None), Drawn::read)
    }
}

/// Returns whether a line is one of the journal, or was given up by one.
fn goes_on_from(journal: &Journal, drawn: &HeadName) -> bool {
    let is_given_up =
        |entry: &Entry| matches!(entry, Entry::Resumed(resumed) if resumed.given_up.as_ref() == Some(drawn));
    journal.hash_of(drawn.seq).is_some_and(|hash| hash == drawn.hash)
        || journal.lines().iter().any(|line| is_given_up(&line.entry))
}
