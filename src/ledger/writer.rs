//! The writer: the ledger in the hands of the one run that holds the lock.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Deref;
use std::path::Path;

use chrono::{DateTime, Utc};

use super::daybooks::{self, DAYBOOKS};
use super::entry::{Cause, Entry, Publication};
use super::folder::{self, EDITIONS};
use super::manifest::Manifest;
use super::policies::{self, POLICIES};
use super::{DayState, Draft, Edition, FORMAT, Ledger, Lock, disk};
use crate::day::Day;
use crate::error::Trouble;

/// A ledger that can be written to. It reads like a [`Ledger`].
#[derive(Debug)]
pub struct Writer {
    ledger: Ledger,
    _lock: Lock,
}

/// The edition of a day that is the newest after publishing.
#[derive(Debug, Clone)]
pub struct Published {
    pub edition: Edition,
    /// False when the day already stood there with the same content, and nothing was written.
    pub is_new: bool,
    /// Why it differs from the edition before it; empty when it is not new.
    pub causes: Vec<Cause>,
    /// The day was sealed: its figures stay, and this stands beside them.
    pub is_adjusting: bool,
}

impl Deref for Writer {
    type Target = Ledger;

    fn deref(&self) -> &Ledger {
        &self.ledger
    }
}

impl Writer {
    /// Takes the lock of a reports folder and clears away what a killed run has left there.
    ///
    /// # Errors
    /// The folder cannot be made or written to, another run holds it, or its journal is damaged.
    pub fn open(reports: &Path, at: DateTime<Utc>) -> Result<Self, Trouble> {
        let lock = Lock::acquire(reports)?;
        let mut ledger = Ledger::open(reports)?;
        ledger.journal.check_clock(at)?;
        fs::create_dir_all(&ledger.folder)
            .map_err(|e| Trouble::io(&ledger.folder, "creating the ledger", e))?;
        ledger.journal.mend()?;
        let writer = Self { ledger, _lock: lock };
        writer.tidy()?;
        Ok(writer)
    }

    /// Appends a line to the journal: from here on it is true.
    ///
    /// # Errors
    /// The disk refuses: nothing has happened, or all but that the head was told of it.
    pub fn append(&mut self, at: DateTime<Utc>, entry: Entry) -> Result<(), Trouble> {
        // A ledger begins with its first entry: a run that comes to nothing leaves none behind.
        if self.ledger.journal.lines().is_empty() {
            self.ledger.journal.append(at, Entry::Ledger { format: FORMAT })?;
        }
        let line = self.ledger.journal.append(at, entry)?;
        self.ledger.record.take(line);
        self.ledger.last = line.seq;
        // The line stands even where the head cannot be told of it now.
        self.ledger.journal.mend()
    }

    /// Clears away what no line of the journal tells of.
    fn tidy(&self) -> Result<(), Trouble> {
        let ledger = &self.ledger.folder;
        for name in disk::names(ledger)?.iter().filter(|name| name.starts_with(disk::TEMPORARY)) {
            disk::remove(&ledger.join(name))?;
        }
        let days = &self.ledger.record.days;
        let mut known = BTreeSet::new();
        for record in days.values() {
            for edition in &record.editions {
                let Publication { day, edition, policy, .. } = &edition.publication;
                known.insert(folder::place(ledger, *day, *edition));
                known.insert(policies::place(ledger, policy));
            }
            if let Some(reading) = record.reading.as_ref().filter(|_| !record.is_pruned) {
                known.insert(daybooks::place(ledger, reading));
            }
        }
        for parent in [EDITIONS, DAYBOOKS].map(|name| ledger.join(name)) {
            for day in disk::names(&parent)? {
                let day = parent.join(day);
                for name in disk::names(&day)? {
                    let place = day.join(name);
                    if !known.contains(&place) {
                        disk::remove(&place)?;
                    }
                }
                if disk::names(&day)?.is_empty() {
                    disk::remove(&day)?;
                }
            }
        }
        let parent = ledger.join(POLICIES);
        for place in disk::names(&parent)?.into_iter().map(|name| parent.join(name)) {
            if !known.contains(&place) {
                disk::remove(&place)?;
            }
        }
        Ok(())
    }

    /// Makes a draft the newest edition of its day: number 1, or one more than the newest so far. A draft with the content
    /// that is already there changes nothing.
    ///
    /// # Errors
    /// The disk refuses, and the day stands as before.
    pub fn publish(&mut self, draft: Draft, at: DateTime<Utc>) -> Result<Published, Trouble> {
        let Draft { mut edition, basis, daybooks } = draft;
        let day = edition.day;
        let tables = folder::tables(&edition);
        let of_basis = basis.tables();
        let mut manifest = Manifest::new(&edition, (&basis, &of_basis), &tables);
        manifest.daybooks = daybooks;
        let record = self.ledger.record.days.get(&day).cloned().unwrap_or_default();
        let newest = record.newest().map(|newest| newest.publication.clone());
        let before = match &newest {
            Some(newest) => {
                Some(folder::read_manifest(&folder::place(&self.folder, day, newest.edition), day)?)
            }
            None => None,
        };
        let is_adjusting = record.sealed.is_some();
        if let (Some(before), Some(newest)) = (&before, &newest)
            && before.content == manifest.content
        {
            // The same in all but what was noted beside it: the clock, and what neighbours' files held for other days.
            edition.number = newest.edition;
            edition.as_of = before.as_of;
            edition.job_version.clone_from(&before.job_version);
            edition.state = record.state(newest.edition, before.state);
            edition.intake = folder::read_intake(&folder::place(&self.folder, day, newest.edition))?;
            let is_adjusting = newest.is_adjusting;
            return Ok(Published { edition, is_new: false, causes: Vec::new(), is_adjusting });
        }
        let causes = causes(before.as_ref(), &manifest);
        edition.number = newest.as_ref().map_or(0, |newest| newest.edition) + 1;
        if before.is_some() && edition.state == DayState::Reported {
            edition.state = DayState::Restated;
        }
        manifest.edition = edition.number;
        manifest.state = edition.state;
        manifest.previous = newest.map(|newest| newest.manifest);
        manifest.inputs = record.reading.map(|reading| reading.files).unwrap_or_default();

        let folder = folder::write(&self.folder, &edition, (&basis, &of_basis), &tables, &mut manifest)?;
        disk::put_folder(folder, &folder::place(&self.folder, day, edition.number))?;
        let publication = Publication {
            day,
            edition: edition.number,
            state: edition.state,
            manifest: manifest.hash(),
            policy: edition.policy.clone(),
            causes: causes.clone(),
            is_adjusting,
        };
        self.append(at, Entry::Edition(publication))?;
        Ok(Published { edition, is_new: true, causes, is_adjusting })
    }

    /// The edition of a day becomes final.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn seal(&mut self, day: Day, at: DateTime<Utc>) -> Result<(), Trouble> {
        let record = self.ledger.record.days.get(&day);
        let Some(newest) = record.filter(|r| r.sealed.is_none()).and_then(|r| r.newest()) else {
            return Ok(());
        };
        let edition = newest.publication.edition;
        self.append(at, Entry::Sealed { day, edition })
    }
}

/// Why an edition differs from the one before it.
fn causes(before: Option<&Manifest>, now: &Manifest) -> Vec<Cause> {
    let Some(before) = before else { return vec![Cause::First] };
    let own = |m: &Manifest| m.daybooks.get(&m.day).cloned();
    let others = |m: &Manifest| -> BTreeMap<Day, String> {
        m.daybooks.iter().filter(|(day, _)| **day != m.day).map(|(d, h)| (*d, h.clone())).collect()
    };
    let rows = |m: &Manifest| m.overrides.iter().map(|o| o.row.clone()).collect::<Vec<_>>();
    let mut causes = Vec::new();
    let mut add = |is_so: bool, cause: Cause| is_so.then(|| causes.push(cause));
    // Daybooks change every day, mostly without a word about this one: a neighbour's file is new, other days are read. When
    // the rows of the day's own files are as before, what is new of it came from elsewhere.
    let has_other_facts = before.facts != now.facts;
    let is_told_by_others = has_other_facts && before.logs == now.logs && others(before) != others(now);
    let is_read_otherwise = has_other_facts && own(before) != own(now);
    add(before.logs != now.logs || (is_read_otherwise && !is_told_by_others), Cause::Logs);
    add(is_told_by_others, Cause::Webhooks);
    add(rows(before) != rows(now), Cause::Overrides);
    add(before.policy_fingerprint != now.policy_fingerprint, Cause::Policy);
    add(before.definition != now.definition, Cause::Definition);
    if causes.is_empty() {
        causes.push(Cause::Job);
    }
    causes
}
