//! The writer: a ledger that can be changed, by the one run that holds the lock.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Deref;
use std::path::Path;

use super::editions::basis::StoredBasis;
use super::editions::folder::{self, EDITIONS};
use super::editions::manifest::Manifest;
use super::editions::seals::{self, SEALS};
use super::journal::entry::{Cause, Entry, FrozenName, Publication};
use super::places::{self, CONFIGS, DAYBOOKS, POLICIES};
use super::{DayState, Draft, Edition, FORMAT, FrozenDay, Ledger, Lock, disk};
use crate::clock::{Clock, ClockSource};
use crate::config::Canonical;
use crate::day::Day;
use crate::error::Trouble;
use crate::policy::Policy;

/// A ledger that can be written to, and is read like a [`Ledger`].
#[derive(Debug)]
pub struct Writer {
    ledger: Ledger,
    /// Clock source for a ledger that begins with this run.
    source: ClockSource,
    _lock: Lock,
}

/// Policy and settings that the ledger keeps with a new edition, unless it has them already.
///
/// They are written only together with an edition: [`Writer::open`] removes what no entry names.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kept<'a> {
    pub policy: Option<&'a Policy>,
    pub settings: Option<&'a Canonical>,
}

/// The newest edition of a day after publishing.
#[derive(Debug, Clone)]
pub struct Published {
    pub edition: Edition,
    /// False if the newest edition already had the same content, so that nothing was written.
    pub is_new: bool,
    /// Why it differs from the edition before it; empty if it is not new.
    pub causes: Vec<Cause>,
    /// True if the day was sealed before: the sealed figures stay, and this edition is an addition.
    pub is_adjusting: bool,
}

impl Deref for Writer {
    type Target = Ledger;

    fn deref(&self) -> &Ledger {
        &self.ledger
    }
}

impl Writer {
    /// Takes the lock of a reports folder and removes what a killed run left there.
    ///
    /// A new ledger takes the clock `source`; an existing one keeps its own.
    ///
    /// # Errors
    /// - [`Trouble::Io`] if the folder cannot be created or written to.
    /// - [`Trouble::Locked`] if another run holds it.
    /// - [`Trouble::Damaged`] if its journal is damaged.
    /// - [`Trouble::Usage`] if the clock lies before the last entry, or `source` is
    ///   [`ClockSource::Given`] and the ledger has the machine's clock.
    pub fn open(reports: &Path, clock: Clock, source: ClockSource) -> Result<Self, Trouble> {
        let lock = Lock::acquire(reports)?;
        let mut ledger = Ledger::open(reports)?;
        ledger.journal.check_clock(clock.at)?;
        let reports_shown = reports.display();
        match (ledger.journal.clock_source(), source) {
            (Some(ClockSource::Real), ClockSource::Given) => {
                return Err(Trouble::Usage(format!(
                    "{reports_shown}: this ledger has the machine's clock, so it can never be a simulation; leave --simulate \
                     out, or give another --out"
                )));
            }
            (Some(ClockSource::Given), ClockSource::Real) => {
                return Err(Trouble::Usage(format!(
                    "{reports_shown}: the clock of this ledger is given (it was begun with --simulate); say what time it is \
                     with --as-of"
                )));
            }
            _ => {}
        }
        fs::create_dir_all(&ledger.folder)
            .map_err(|e| Trouble::io(&ledger.folder, "creating the ledger", e))?;
        ledger.journal.mend()?;
        let writer = Self { ledger, source, _lock: lock };
        writer.tidy()?;
        Ok(writer)
    }

    /// Appends a line to the journal and applies it to the state.
    ///
    /// # Errors
    /// I/O error. Either nothing was appended, or the line was appended and `journal.head` is one
    /// line behind; the next `open` repairs it. [`Trouble::Usage`] if the clock lies before the
    /// last entry.
    pub fn append(&mut self, clock: Clock, entry: Entry) -> Result<(), Trouble> {
        // Written with the first entry, so that a run without a result leaves no ledger behind.
        if self.ledger.journal.lines().is_empty() {
            self.ledger.journal.append(clock, Entry::Ledger { format: FORMAT, clock: self.source })?;
        }
        let line = self.ledger.journal.append(clock, entry)?;
        self.ledger.record.apply(line);
        self.ledger.last = line.seq;
        // If this fails, the line counts nevertheless.
        self.ledger.journal.mend()
    }

    /// Removes temporary files, and all folders that no line of the journal names.
    fn tidy(&self) -> Result<(), Trouble> {
        let ledger = &self.ledger.folder;
        for name in disk::names(ledger)?.iter().filter(|name| name.starts_with(disk::TEMPORARY)) {
            disk::remove(&ledger.join(name))?;
        }
        let days = &self.ledger.record.days;
        let mut known = BTreeSet::new();
        for (day, record) in days {
            for edition in &record.editions {
                let Publication { day, edition, policy, config, .. } = &edition.publication;
                known.insert(folder::place(ledger, *day, *edition));
                known.insert(places::of_policy(ledger, policy));
                known.extend(config.iter().map(|config| places::of_config(ledger, config)));
            }
            known.extend(record.frozen.iter().map(|table| seals::place(ledger, *day, table)));
            if let Some(reading) = record.reading.as_ref().filter(|_| !record.is_pruned) {
                known.insert(places::of_daybook(ledger, reading));
                known.extend(reading.config.iter().map(|config| places::of_config(ledger, config)));
            }
        }
        for parent in [EDITIONS, DAYBOOKS, SEALS].map(|name| ledger.join(name)) {
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
        for parent in [POLICIES, CONFIGS].map(|name| ledger.join(name)) {
            for place in disk::names(&parent)?.into_iter().map(|name| parent.join(name)) {
                if !known.contains(&place) {
                    disk::remove(&place)?;
                }
            }
        }
        Ok(())
    }

    /// Publishes a draft as the newest edition of its day, numbered from 1.
    ///
    /// If the newest edition has the same content already, nothing is written.
    ///
    /// # Errors
    /// I/O error, or the newest edition is damaged. The day stays as it was, unless the line was
    /// appended and only `journal.head` could not be written (see [`Writer::append`]).
    pub fn publish(&mut self, draft: Draft, with: &Kept<'_>, clock: Clock) -> Result<Published, Trouble> {
        let Draft { mut edition, basis, daybooks, rules, config, has_ended } = draft;
        let day = edition.day;
        let record = self.ledger.record.days.get(&day).cloned().unwrap_or_default();
        let newest = record.newest().map(|newest| newest.publication.clone());
        let before = match &newest {
            Some(newest) => {
                Some(folder::read_manifest(&folder::place(&self.folder, day, newest.edition), day)?)
            }
            None => None,
        };
        // Another order of the same components, services and regions is no other definition.
        if let Some(before) = &before
            && before.definition.is_like(&edition.definition)
        {
            edition.definition = before.definition.clone();
        }
        if let Some(newest) = &newest {
            // Another spelling of a path is no other file.
            let known = folder::read_intake(&folder::place(&self.folder, day, newest.edition));
            edition.spell_paths_as(&known.unwrap_or_default());
        }
        let tables = folder::tables(&edition);
        let stored = StoredBasis { basis: &basis, tables: &basis.tables() };
        let mut manifest = Manifest::new(&edition, &rules, stored, &tables);
        (manifest.daybooks, manifest.config) = (daybooks, config.clone());
        let is_adjusting = record.sealed.is_some();
        let comparable = match &before {
            Some(before) => manifest.as_before(before, &edition, &tables),
            None => manifest.clone(),
        };
        if let (Some(before), Some(newest)) = (&before, &newest)
            && before.content == comparable.content
        {
            // Only notes outside the content may differ: the clock, and neighbours' rows of other
            // days.
            edition.number = newest.edition;
            edition.as_of = before.as_of;
            edition.job_version.clone_from(&before.job_version);
            edition.policy.clone_from(&before.policy_fingerprint);
            edition.state = record.state(newest.edition, before.state);
            edition.intake = folder::read_intake(&folder::place(&self.folder, day, newest.edition))?;
            let is_adjusting = newest.is_adjusting;
            return Ok(Published { edition, is_new: false, causes: Vec::new(), is_adjusting });
        }
        let is_ruled_alike = before.as_ref().is_some_and(|before| self.is_ruled_alike(before, &manifest));
        let mut causes = causes(before.as_ref(), is_ruled_alike, has_ended, &comparable);
        if self.ledger.daybook(day).is_some_and(|reading| reading.is_poorer) {
            for cause in causes.iter_mut().filter(|cause| **cause == Cause::Logs) {
                *cause = Cause::LogsRemoved;
            }
        }
        edition.number = newest.as_ref().map_or(0, |newest| newest.edition) + 1;
        if let Some(before) = &before
            && edition.state == DayState::Reported
        {
            let is_restated = before.state == DayState::Restated
                || has_ended
                || !is_ruled_alike
                || has_other_figures(before, &comparable);
            edition.state = if is_restated { DayState::Restated } else { DayState::Reported };
        }
        manifest.edition = edition.number;
        manifest.state = edition.state;
        manifest.previous = newest.map(|newest| newest.manifest);
        manifest.inputs = record.reading.map(|reading| reading.files).unwrap_or_default();

        if let Some(policy) = with.policy {
            self.keep_policy(policy)?;
        }
        if let Some(settings) = with.settings {
            self.keep_config(settings)?;
        }
        let folder = folder::write(&self.folder, &edition, stored, &tables, &mut manifest)?;
        disk::put_folder(folder, &folder::place(&self.folder, day, edition.number))?;
        let publication = Publication {
            day,
            edition: edition.number,
            state: edition.state,
            manifest: manifest.hash(),
            policy: edition.policy.clone(),
            rules: Some(rules),
            config,
            causes: causes.clone(),
            is_adjusting,
        };
        self.append(clock, Entry::Edition(publication))?;
        Ok(Published { edition, is_new: true, causes, is_adjusting })
    }

    /// Returns whether two editions are booked by the same rules.
    fn is_ruled_alike(&self, before: &Manifest, now: &Manifest) -> bool {
        let rules = now.policy_rules.as_deref().unwrap_or_default();
        let written = before.policy_rules.as_deref();
        self.rules_are(&before.policy_fingerprint, written, &now.policy_fingerprint, rules)
    }

    /// Seals a day: its newest edition becomes final, with these figures.
    ///
    /// A day that is sealed already, or whose newest edition is another, stays as it is.
    ///
    /// # Errors
    /// As for [`Writer::append`].
    pub fn seal(&mut self, frozen: &FrozenDay, clock: Clock) -> Result<(), Trouble> {
        let (day, edition) = (frozen.day, frozen.edition);
        let record = self.ledger.record.days.get(&day);
        let newest = record.filter(|r| r.sealed.is_none()).and_then(|r| r.newest());
        if newest.is_none_or(|newest| newest.publication.edition != edition) {
            return Ok(());
        }
        let table = Some(seals::write(&self.folder, frozen)?);
        self.append(clock, Entry::Sealed { day, edition, table })
    }

    /// Stores figures of days that an older version sealed without them, under one line.
    ///
    /// # Errors
    /// As for [`Writer::append`].
    pub fn freeze(&mut self, tables: &[FrozenDay], clock: Clock) -> Result<(), Trouble> {
        let mut days = Vec::new();
        for frozen in tables {
            let table = seals::write(&self.folder, frozen)?;
            days.push(FrozenName { day: frozen.day, edition: frozen.edition, table });
        }
        if days.is_empty() { Ok(()) } else { self.append(clock, Entry::Frozen { days }) }
    }
}

/// Returns whether two editions of one policy differ in anything but their reconciliation.
fn has_other_figures(before: &Manifest, now: &Manifest) -> bool {
    let booked = |m: &Manifest| {
        let rows: Vec<_> = m.overrides.iter().map(|o| o.row.clone()).collect();
        (m.facts.clone(), m.instants.clone(), m.logs.clone(), m.missing.clone(), rows)
    };
    booked(before) != booked(now)
        || before.definition != now.definition
        || before.balance.accounts != now.balance.accounts
}

/// Finds out why an edition differs from the one before it.
fn causes(before: Option<&Manifest>, is_ruled_alike: bool, has_ended: bool, now: &Manifest) -> Vec<Cause> {
    let Some(before) = before else { return vec![Cause::First] };
    let own = |m: &Manifest| m.daybooks.get(&m.day).cloned();
    let others = |m: &Manifest| -> BTreeMap<Day, String> {
        m.daybooks.iter().filter(|(day, _)| **day != m.day).map(|(d, h)| (*d, h.clone())).collect()
    };
    let rows = |m: &Manifest| m.overrides.iter().map(|o| o.row.clone()).collect::<Vec<_>>();
    let mut causes = Vec::new();
    let mut add = |is_so: bool, cause: Cause| is_so.then(|| causes.push(cause));
    // Daybooks change every day, mostly without effect on this one: a neighbour's file is new, or
    // other days are read. If the rows of the day's own files are unchanged, new facts came from
    // elsewhere.
    // Rules and overrides change instants too; if they are the same, facts have other sixtieths.
    let has_other_instants = before.instants != now.instants && is_ruled_alike && rows(before) == rows(now);
    let has_other_callers = before.callers != now.callers;
    let has_other_facts = before.facts != now.facts || has_other_instants || has_other_callers;
    let is_told_by_others = has_other_facts && before.logs == now.logs && others(before) != others(now);
    let is_read_otherwise = has_other_facts && own(before) != own(now);
    add(before.logs != now.logs || (is_read_otherwise && !is_told_by_others), Cause::Logs);
    let is_expected_otherwise = has_other_facts && before.logs == now.logs && before.missing != now.missing;
    add(is_expected_otherwise, Cause::Neighbour);
    add(is_told_by_others && !is_expected_otherwise, Cause::Webhooks);
    add(rows(before) != rows(now), Cause::Overrides);
    add(!is_ruled_alike, Cause::Policy);
    add(before.definition != now.definition, Cause::Definition);
    add(has_ended, Cause::Window);
    if causes.is_empty() {
        // Rows of other days can change the reconciliation alone: which statuses are orphans.
        let is_told_by_others = before.logs == now.logs && others(before) != others(now);
        let is_same_job = before.job_version == now.job_version;
        causes.push(if is_told_by_others && is_same_job { Cause::Webhooks } else { Cause::Job });
    }
    causes
}
