//! Repair: rebuilds damaged files of the ledger from the files that are whole.
//!
//! A rebuilt file counts only if it is the file that the journal names: by its bytes, or by the
//! hash of its content, as Parquet bytes change with the version of their writer.

use std::path::{Path, PathBuf};

use polars::prelude::PolarsError;

use super::daybooks::of_reading;
use super::disk::{self, sha256, sha256_of};
use super::editions::basis::{BASIS, Basis};
use super::editions::folder::{self, Part};
use super::editions::manifest::Manifest;
use super::editions::seals::{self, StoredTable};
use super::mark::Drawn;
use super::places::FILES;
use super::{
    DayRecord, Edition, EditionRecord, Entry, FrozenDay, Journal, Ledger, Lock, Outline, RepairedFile, Writer,
};
use crate::clock::Clock;
use crate::day::Day;
use crate::daybook;
use crate::error::Trouble;
use crate::overrides::adjust;
use crate::slots::Slots;
use crate::table::{Record, Table};

/// Tables that follow from facts, policy and overrides.
const DERIVED: [&str; 6] = ["slots", "bad", "accounts", "instants", "deliveries", "outline"];

/// Files that were rebuilt, and the lines that the journal gets of them.
#[derive(Debug, Default)]
struct Rebuilt {
    paths: Vec<PathBuf>,
    lines: Vec<RepairedFile>,
}

/// Writes `journal.head` anew if it is damaged and the journal is whole.
///
/// It is whole if its lines follow one another and it ends with the line that the reports show.
/// Returns the path of the head if it was written.
///
/// # Errors
/// [`Trouble::Locked`] if a run is at work; [`Trouble::Io`].
pub fn repair_head(reports: &Path) -> Result<Option<PathBuf>, Trouble> {
    let _lock = Lock::acquire(reports)?;
    let folder = reports.join("ledger");
    let shown = Drawn::read(reports)?.map(|drawn| (drawn.seq, drawn.hash));
    match shown {
        Some((seq, hash)) => Journal::name_anew(&folder, seq, &hash),
        None => Ok(None),
    }
}

impl Writer {
    /// Rebuilds the damaged files of editions and the lists of daybooks, and journals those that
    /// have other bytes than before. Returns their paths.
    ///
    /// # Errors
    /// [`Trouble::Io`] and the like. A file that cannot be rebuilt is no error.
    pub fn repair(&mut self, clock: Clock) -> Result<Vec<PathBuf>, Trouble> {
        let mut rebuilt = Rebuilt::default();
        for (day, record) in &self.record().days {
            for edition in &record.editions {
                self.repair_edition(*day, edition, &mut rebuilt)?;
            }
            rebuilt.paths.extend(self.repair_list(record)?);
        }
        let Rebuilt { paths, lines } = rebuilt;
        if !lines.is_empty() {
            self.append(clock, Entry::Repaired { files: lines })?;
        }
        Ok(paths)
    }

    /// Stores the figures of a sealed day again, if they are those that the journal names.
    ///
    /// # Errors
    /// [`Trouble::Io`].
    pub fn repair_table(&self, frozen: &FrozenDay) -> Result<Option<PathBuf>, Trouble> {
        let stored = StoredTable::of(frozen);
        let named = self.record().days.get(&frozen.day).and_then(|record| record.frozen.as_ref());
        if named != Some(&stored.table) {
            return Ok(None);
        }
        let place = stored.place(self.place());
        disk::remove(&place)?;
        stored.put(self.place())?;
        Ok(Some(place.join(seals::TABLE)))
    }

    fn repair_edition(&self, day: Day, said: &EditionRecord, rebuilt: &mut Rebuilt) -> Result<(), Trouble> {
        let place = folder::place(self.place(), day, said.publication.edition);
        let manifest = match folder::check(&place, said, Part::Manifest) {
            Ok(manifest) => manifest,
            Err(trouble) if trouble.stops_all() => return Err(trouble),
            Err(_) => return Ok(()),
        };
        let mut damaged = Vec::new();
        for (name, hash) in &manifest.files {
            match sha256_of(&place.join(name)) {
                Ok(found) if found == *said.repaired.get(name).unwrap_or(hash) => {}
                Err(trouble) if trouble.stops_all() => return Err(trouble),
                Ok(_) | Err(_) => damaged.push(name.clone()),
            }
        }
        let is_derived = |name: &&String| DERIVED.iter().any(|table| **name == format!("{table}.parquet"));
        let derived: Vec<&String> = damaged.iter().filter(is_derived).collect();
        let is_of_basis =
            |name: &String| matches!(name.as_str(), BASIS | "facts.parquet" | "evidence.parquet");
        if derived.is_empty() || damaged.iter().any(is_of_basis) {
            return Ok(());
        }
        let Some(edition) = self.rebook(&place, &manifest, &damaged)? else { return Ok(()) };
        let mut tables = folder::tables(&edition);
        let is_content = manifest.is_content(&edition, &tables);
        let outline = Outline::of(&edition).to_table();
        tables.push((outline.spec().name, outline));
        for name in derived {
            let is_named = |(table, _): &&(&str, Table)| *name == format!("{table}.parquet");
            let Some((_, table)) = tables.iter().find(is_named) else { continue };
            let path = place.join(name);
            let bytes = table.to_parquet(&folder::metadata(&edition));
            let bytes = bytes.map_err(|e| Trouble::io(&path, "writing Parquet", std::io::Error::other(e)))?;
            let hash = sha256(&bytes);
            let is_as_before =
                manifest.files.get(name) == Some(&hash) || said.repaired.get(name) == Some(&hash);
            if !is_as_before && !is_content {
                continue;
            }
            disk::replace(self.place(), &path, &bytes)?;
            rebuilt.paths.push(path);
            let line = RepairedFile { day, edition: manifest.edition, file: name.clone(), sha256: hash };
            rebuilt.lines.extend((!is_as_before).then_some(line));
        }
        Ok(())
    }

    /// Books the facts of an edition again; tables that are damaged and do not follow from them are
    /// left out. `None` if the policy is damaged, or the facts cannot be booked by it.
    fn rebook(
        &self,
        place: &Path,
        manifest: &Manifest,
        damaged: &[String],
    ) -> Result<Option<Edition>, Trouble> {
        let stored = self.policy(&manifest.policy_fingerprint);
        let read = stored.and_then(|policy| Ok((policy, Basis::read(place, manifest.day, manifest.slot)?)));
        let (policy, basis) = match read {
            Ok(read) => read,
            Err(trouble) if trouble.stops_all() => return Err(trouble),
            Err(_) => return Ok(None),
        };
        let rows = manifest.rows();
        let booked = || -> Result<Edition, PolarsError> {
            let postings = policy.classify(basis.facts.clone())?;
            let (postings, moved) = adjust(&postings, &rows)?;
            let slots = Slots::count(&postings, &basis.gaps, &manifest.definition.config())?;
            let kept = kept(place, manifest, damaged, slots.clone());
            kept.booked(&postings, slots, rows.iter().cloned().zip(moved).collect())
        };
        Ok(booked().ok().map(|edition| Edition { state: manifest.state, ..edition }))
    }

    /// Writes the list of files of a daybook anew, if the files are those that it named.
    fn repair_list(&self, record: &DayRecord) -> Result<Option<PathBuf>, Trouble> {
        let Some(reading) = record.reading.as_ref().filter(|_| !record.is_pruned) else { return Ok(None) };
        let place = of_reading(self, reading);
        let path = place.join(FILES);
        if sha256_of(&path).is_ok_and(|found| found == reading.daybook) {
            return Ok(None);
        }
        match daybook::list(&place) {
            Ok(list) if sha256(list.as_bytes()) == reading.daybook => {
                disk::replace(self.place(), &path, list.as_bytes())?;
                Ok(Some(path))
            }
            Err(trouble) if trouble.stops_all() => Err(trouble),
            Ok(_) | Err(_) => Ok(None),
        }
    }
}

impl Ledger {
    /// Lists the sealed days whose stored figures are damaged.
    ///
    /// # Errors
    /// Trouble of the machine.
    pub fn damaged_tables(&self) -> Result<Vec<Day>, Trouble> {
        let mut damaged = Vec::new();
        for day in self.record().days.keys() {
            match self.frozen(*day) {
                Err(trouble) if trouble.stops_all() => return Err(trouble),
                Err(_) => damaged.push(*day),
                Ok(_) => {}
            }
        }
        Ok(damaged)
    }
}

/// Returns the parts of an edition that do not follow from its facts, as far as they are whole.
fn kept(place: &Path, manifest: &Manifest, damaged: &[String], slots: Slots) -> Edition {
    fn lines<T: Record>(place: &Path, manifest: &Manifest, damaged: &[String]) -> Vec<T> {
        let name = format!("{}.parquet", T::spec().name);
        let is_there = manifest.files.contains_key(&name) && !damaged.contains(&name);
        if is_there { folder::read_lines(place).unwrap_or_default() } else { Vec::new() }
    }
    Edition {
        day: manifest.day,
        number: manifest.edition,
        as_of: manifest.as_of,
        job_version: manifest.job_version.clone(),
        state: manifest.state,
        definition: manifest.definition.clone(),
        policy: manifest.policy_fingerprint.clone(),
        overrides: Vec::new(),
        slots,
        bad: Vec::new(),
        instants: Vec::new(),
        callers: lines(place, manifest, damaged),
        accounts: Vec::new(),
        intake: folder::read_intake(place).unwrap_or_default(),
        quarantine: lines(place, manifest, damaged),
        latency: lines(place, manifest, damaged),
        deliveries: Vec::new(),
        delays: lines(place, manifest, damaged),
        fields: lines(place, manifest, damaged),
        reconciliation: lines(place, manifest, damaged),
    }
}
