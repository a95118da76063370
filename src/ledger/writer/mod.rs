//! The writer: a ledger that can be changed, by the one run that holds the lock.

pub(super) mod causes;
mod lock;
mod lost_and_found;
mod settings;
mod tidy;
mod writing;

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use causes::{causes, is_rewritten, name_settings, name_settings_of_facts};
pub use lock::Lock;
pub(super) use lost_and_found::LOST_AND_FOUND;
pub use lost_and_found::Strays;
pub(super) use tidy::{named_folders, unknown};
pub(super) use writing::Announced;

use super::editions::basis::{Basis, StoredBasis};
use super::editions::folder::{self, Part};
use super::editions::manifest::Manifest;
use super::editions::seals::StoredTable;
use super::journal::clocks;
use super::journal::entry::{Cause, Entry, FrozenName, Looked, Publication};
use super::{DayState, Draft, Edition, FORMAT, FrozenDay, Ledger, disk};
use crate::attention::Looks;
use crate::clock::{Clock, ClockSource};
use crate::config::Canonical;
use crate::day::rfc3339;
use crate::error::Trouble;
use crate::facts::{FileBalance, Input};
use crate::overrides::Override;
use crate::policy::Policy;

/// A ledger that can be written to, and is read like a [`Ledger`].
#[derive(Debug)]
pub struct Writer {
    ledger: Ledger,
    /// Clock source for a ledger that begins with this run.
    source: ClockSource,
    /// What `.writing` announces.
    announced: Option<Announced>,
    strays: Strays,
    _lock: Lock,
}

/// Policy and settings that the ledger keeps with a new line, unless it has them already.
///
/// They are written only together with a line that names them.
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
    /// Takes the lock of a reports folder, removes what a killed run left there, and moves aside
    /// what the ledger does not know.
    ///
    /// A new ledger takes the clock `source`; an existing one keeps its own.
    ///
    /// # Errors
    /// - [`Trouble::Io`] if the folder cannot be created or written to.
    /// - [`Trouble::Locked`] if another run holds it.
    /// - [`Trouble::Damaged`] if its journal is damaged.
    /// - [`Trouble::Refused`] if an [`Obstacle`](crate::ledger::Obstacle) stands in the way.
    /// - [`Trouble::Usage`] if the run works as of an instant before the last entry or beyond the
    ///   wall clock, or `source` is not that of the ledger.
    pub fn open(reports: &Path, clock: Clock, source: ClockSource) -> Result<Self, Trouble> {
        Self::open_past(reports, clock, source, None)
    }

    /// Opens a ledger in spite of the obstacle that has this key; any other still refuses.
    ///
    /// # Errors
    /// As for [`Writer::open`].
    pub fn open_past(
        reports: &Path,
        clock: Clock,
        source: ClockSource,
        key: Option<&str>,
    ) -> Result<Self, Trouble> {
        let mut lock = Lock::acquire(reports)?;
        let mut ledger = Ledger::open(reports)?;
        ledger.journal.hold(lock.take_journal());
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
        let obstacle = ledger.obstacle(clock)?;
        if let Some(obstacle) = obstacle.as_ref().filter(|obstacle| Some(obstacle.key.as_str()) != key) {
            return Err(Trouble::Refused(format!("{reports_shown}: {obstacle}")));
        }
        if obstacle.is_none() {
            ledger.journal.check_clock(ledger.steady(clock).at)?;
        }
        if clock.at > clock.wall {
            return Err(Trouble::Usage(format!(
                "--as-of {} lies after the clock of this machine ({}); leave it out, or begin a simulation with --simulate",
                rfc3339(clock.at.timestamp_micros()),
                rfc3339(clock.wall.timestamp_micros())
            )));
        }
        fs::create_dir_all(&ledger.folder)
            .map_err(|e| Trouble::io(&ledger.folder, "creating the ledger", e))?;
        ledger.journal.mend()?;
        let (announced, strays) = (None, Strays::default());
        let mut writer = Self { ledger, source, announced, strays, _lock: lock };
        // What an older journal does not know may be taken back; it is moved after that.
        if writer.older_journal()?.is_none() {
            writer.move_strays()?;
        }
        Ok(writer)
    }

    /// Appends a line to the journal and applies it to the state.
    ///
    /// # Errors
    /// I/O error. Either nothing was appended, or the line was appended and `journal.head` is one
    /// line behind; the next `open` repairs it. [`Trouble::Usage`] if the clock lies before the
    /// last entry.
    pub fn append(&mut self, clock: Clock, entry: Entry) -> Result<(), Trouble> {
        // A line that was announced before could not be written.
        self.settle()?;
        self.append_announced(clock, entry)
    }

    /// Notes what looks have found, if it is something else than before.
    ///
    /// # Errors
    /// As for [`Writer::append`].
    pub fn note_attention(&mut self, looks: Looks, clock: Clock) -> Result<(), Trouble> {
        let looked = self.ledger.record.attention.news(looks).into_iter();
        let looked: Vec<Looked> = looked.map(|(at, found)| Looked { at, found }).collect();
        if looked.is_empty() { Ok(()) } else { self.append(clock, Entry::Attention { looked }) }
    }

    /// Appends the line whose folders were announced and are in place.
    ///
    /// # Errors
    /// As for [`Writer::append`].
    pub(super) fn append_announced(&mut self, clock: Clock, entry: Entry) -> Result<(), Trouble> {
        // Written with the first entry, so that a run without a result leaves no ledger behind.
        if self.ledger.journal.lines().is_empty() {
            self.ledger.journal.append(clock, Entry::Ledger { format: FORMAT, clock: self.source })?;
        }
        let line = self.ledger.journal.append(clock, entry)?;
        self.ledger.last = line.seq;
        if clocks::is_accepted(&line.entry) {
            self.ledger.replay();
        } else {
            self.ledger.record.apply(line);
        }
        // If this fails, the line counts nevertheless.
        self.ledger.journal.mend()?;
        self.settle()
    }

    /// Announces the folders of the coming line, and those that no line will name after it.
    ///
    /// It is called before the first of these folders is put in place.
    ///
    /// # Errors
    /// [`Trouble::Io`]; [`Trouble::Replaced`] if another run has changed the journal.
    pub(super) fn announce(&mut self, coming: &[PathBuf], leaving: &[PathBuf]) -> Result<(), Trouble> {
        self.ledger.journal.check_unchanged()?;
        // A line that was announced before could not be written, or what it left not be removed.
        self.settle()?;
        let announced = Announced::new(&self.folder, &self.ledger.journal, coming, leaving);
        announced.write(&self.folder)?;
        self.announced = Some(announced);
        Ok(())
    }

    /// Removes the announcement, and the folders that no line names although it has ended.
    fn settle(&mut self) -> Result<(), Trouble> {
        let Some(announced) = &self.announced else { return Ok(()) };
        let leftovers = announced.leftovers(&self.folder, &self.ledger.journal);
        if !leftovers.is_empty() {
            self.remove_leftovers(&leftovers)?;
        }
        writing::remove(&self.folder)?;
        self.announced = None;
        Ok(())
    }

    /// Moves aside what the ledger does not know.
    pub(super) fn move_strays(&mut self) -> Result<(), Trouble> {
        self.strays = self.tidy()?;
        Ok(())
    }

    /// Returns the folder of the ledger.
    pub(super) fn place(&self) -> &Path {
        &self.ledger.folder
    }

    /// Returns what stands in `lost+found/`.
    pub const fn strays(&self) -> &Strays {
        &self.strays
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
            Some(newest) => Some(self.intact_with(day, newest.edition, Part::Manifest)?.1),
            None => None,
        };
        // Another order of the same components, services and regions is no other definition.
        if let Some(before) = &before
            && before.definition.is_like(&edition.definition)
        {
            edition.definition = before.definition.clone();
        }
        let mut known = Vec::new();
        if let Some(newest) = &newest {
            // Another spelling of a path is no other file.
            known = folder::read_intake(&self.intact(day, newest.edition, Part::Intake)?)?;
            edition.spell_paths_as(&known);
        }
        // Another ticket or note is no other row.
        if let Some(before) = &before
            && Override::are_same_rows(&before.rows(), &edition.rows())
        {
            for (now, known) in edition.overrides.iter_mut().zip(&before.overrides) {
                now.row = known.row.clone();
            }
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
            edition.intake = known;
            let is_adjusting = newest.is_adjusting;
            return Ok(Published { edition, is_new: false, causes: Vec::new(), is_adjusting });
        }
        let is_ruled_alike = before.as_ref().is_some_and(|before| self.is_ruled_alike(before, &manifest));
        let inputs = record.reading.as_ref().map(|reading| reading.files.clone()).unwrap_or_default();
        let is_rewritten = before.as_ref().is_some_and(|b| is_rewritten(&b.inputs, &inputs, &edition.intake));
        let mut causes = causes(before.as_ref(), is_ruled_alike, has_ended, is_rewritten, &comparable);
        if let Some(before) = &before {
            self.name_settings(&mut causes, before, &comparable, &inputs, &edition.intake, &basis);
        }
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
        manifest.inputs = inputs;

        let place = folder::place(&self.folder, day, edition.number);
        let coming: Vec<PathBuf> = [place.clone()].into_iter().chain(self.places_of(with)).collect();
        let folder = folder::write(&self.folder, &edition, stored, &tables, &mut manifest)?;
        self.announce(&coming, &[])?;
        self.keep_all(with)?;
        disk::put_folder(folder, &place)?;
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
        self.append_announced(clock, Entry::Edition(publication))?;
        Ok(Published { edition, is_new: true, causes, is_adjusting })
    }

    /// Names settings among the causes of an edition, if it may differ because of them.
    fn name_settings(
        &self,
        causes: &mut Vec<Cause>,
        before: &Manifest,
        now: &Manifest,
        inputs: &[Input],
        intake: &[FileBalance],
        basis: &Basis,
    ) {
        let day = now.day;
        if before.daybooks.get(&day) != now.daybooks.get(&day) {
            if let named @ [_, ..] = &*self.reading_causes(before.config.as_ref(), now.config.as_ref()) {
                name_settings(causes, named, &before.inputs, inputs, intake);
            }
            return;
        }
        if before.facts == now.facts {
            return;
        }
        // Settings under which it came out the same once are no cause.
        let record = self.ledger.record.days.get(&day);
        let confirmed = record.and_then(|record| record.confirmed_config(before.edition));
        let named = self.reading_causes(confirmed.or(before.config.as_ref()), now.config.as_ref());
        if !named.is_empty() {
            // An edition whose facts cannot be read counts as different; `verify` names it.
            let before_basis = self.ledger.basis(day, before.edition);
            let can_be_of_others = !before_basis.is_ok_and(|before| before.is_same_but_for_calls(basis));
            let is_same_job = before.job_version == now.job_version;
            name_settings_of_facts(causes, &named, can_be_of_others, is_same_job);
        }
    }

    /// Returns the settings of reading that differ between two kept configs, as causes.
    fn reading_causes(&self, before: Option<&String>, now: Option<&String>) -> Vec<Cause> {
        let kept = |name: Option<&String>| self.config(name?).ok();
        // The line of governed settings has kept those of this run before its first edition.
        match (kept(before), kept(now)) {
            (Some(before), Some(now)) => {
                let changed = now.reading_changes(&before);
                let of_format = changed.iter().any(|key| Canonical::is_of_format(key));
                let of_config = changed.iter().any(|key| !Canonical::is_of_format(key));
                let causes = [(of_config, Cause::Config), (of_format, Cause::Format)];
                causes.into_iter().filter(|(is_so, _)| *is_so).map(|(_, cause)| cause).collect()
            }
            _ => Vec::new(),
        }
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
        let stored = StoredTable::of(frozen);
        self.announce(&[stored.place(&self.folder)], &[])?;
        stored.put(&self.folder)?;
        self.append_announced(clock, Entry::Sealed { day, edition, table: Some(stored.table) })
    }

    /// Stores figures of days that an older version sealed without them, under one line.
    ///
    /// # Errors
    /// As for [`Writer::append`].
    pub fn freeze(&mut self, tables: &[FrozenDay], clock: Clock) -> Result<(), Trouble> {
        let stored: Vec<StoredTable> = tables.iter().map(StoredTable::of).collect();
        if stored.is_empty() {
            return Ok(());
        }
        let coming: Vec<PathBuf> = stored.iter().map(|stored| stored.place(&self.folder)).collect();
        self.announce(&coming, &[])?;
        stored.iter().try_for_each(|stored| stored.put(&self.folder))?;
        let name = |(frozen, stored): (&FrozenDay, StoredTable)| {
            let FrozenDay { day, edition, .. } = *frozen;
            FrozenName { day, edition, table: stored.table }
        };
        let days = tables.iter().zip(stored).map(name).collect();
        self.append_announced(clock, Entry::Frozen { days })
    }
}

impl Ledger {
    /// Returns whether two editions are booked by the same rules.
    pub(super) fn is_ruled_alike(&self, before: &Manifest, now: &Manifest) -> bool {
        let rules = now.policy_rules.as_deref().unwrap_or_default();
        let written = before.policy_rules.as_deref();
        self.rules_are(&before.policy_fingerprint, written, &now.policy_fingerprint, rules)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.ledger.journal.release();
        // It is empty unless a write failed; then the next run clears it.
        let _ = fs::remove_dir(self.ledger.folder.join(disk::TEMPORARY));
    }
}

/// Returns whether two editions of one policy differ in anything but their reconciliation.
fn has_other_figures(before: &Manifest, now: &Manifest) -> bool {
    let booked = |m: &Manifest| (m.facts.clone(), m.instants.clone(), m.logs.clone(), m.missing.clone());
    booked(before) != booked(now)
        || !Override::are_same_rows(&before.rows(), &now.rows())
        || before.definition != now.definition
        || before.balance.accounts != now.balance.accounts
}
