//! Tidying: removes what a killed run left, and moves aside what the ledger does not know.
//!
//! Only folders that `.writing` announces are removed. Backups, files of editors, links and folders
//! that another journal named are moved to `lost+found/`, where a person looks at them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::Writer;
use super::lost_and_found::{LOST_AND_FOUND, Strays};
use super::writing::{self, Announced, WRITING};
use crate::error::Trouble;
use crate::ledger::editions::folder::{self, EDITIONS, MANIFEST};
use crate::ledger::editions::seals;
use crate::ledger::journal::{HEAD, JOURNAL};
use crate::ledger::places::{self, CONFIGS, DAYBOOKS, FILES, POLICIES, SALT, SEALS};
use crate::ledger::{Ledger, disk};
use crate::plain_file;

/// Folders with a folder for each day.
const DAYS: [&str; 3] = [EDITIONS, DAYBOOKS, SEALS];

/// Folders that the journal names, and what tells the names of their files.
type Known = BTreeMap<PathBuf, Listing>;

/// What tells the names of the files in a folder.
enum Listing {
    /// The manifest of an edition, with its hash.
    Manifest(String),
    /// The list of a daybook, with its hash.
    List(String),
    These(&'static [&'static str]),
}

impl Listing {
    /// Returns the names; `None` if what tells them is damaged, which is told elsewhere.
    fn names(&self, place: &Path) -> Option<BTreeSet<OsString>> {
        let names: Vec<String> = match self {
            Self::Manifest(hash) => {
                let files = folder::hashes_of(place, hash)?;
                files.into_keys().chain([MANIFEST.to_owned()]).collect()
            }
            Self::These(names) => names.iter().map(|name| (*name).to_owned()).collect(),
            Self::List(hash) => {
                let list = plain_file::read(&place.join(FILES)).ok()?;
                if disk::sha256(&list) != *hash {
                    return None;
                }
                let list = String::from_utf8(list).ok()?;
                let names = list.lines().filter_map(|line| line.split_once("  ")).map(|(_, name)| name);
                names.chain([FILES]).map(str::to_owned).collect()
            }
        };
        Some(names.into_iter().map(OsString::from).collect())
    }
}

impl Writer {
    /// Removes what a killed run left, and moves aside all that no line of the journal names.
    ///
    /// # Errors
    /// [`Trouble::Io`]; [`Trouble::NotPlain`] if `lost+found` is no folder.
    pub(super) fn tidy(&self) -> Result<Strays, Trouble> {
        let ledger = &self.ledger.folder;
        let known = known(&self.ledger);
        if writing::is_ours(ledger) {
            let announced = Announced::read(ledger)?;
            let leftovers = announced.map(|it| it.leftovers(ledger, &self.ledger.journal));
            remove_unknown(&leftovers.unwrap_or_default(), &known)?;
        }
        let temporary = ledger.join(disk::TEMPORARY);
        if is_folder(&temporary) {
            disk::remove(&temporary)?;
        }
        let mut strays = Strays::look(ledger)?;
        for path in strangers(ledger, &known)? {
            strays.take(ledger, &path)?;
        }
        remove_empty_days(ledger)?;
        if writing::is_ours(ledger) {
            writing::remove(ledger)?;
        }
        Ok(strays)
    }

    /// Removes announced folders that no line names.
    pub(super) fn remove_leftovers(&self, leftovers: &[PathBuf]) -> Result<(), Trouble> {
        remove_unknown(leftovers, &known(&self.ledger))
    }
}

/// Lists the folders that lines of the journal name.
pub(in crate::ledger) fn named_folders(ledger: &Ledger) -> impl Iterator<Item = PathBuf> {
    known(ledger).into_keys()
}

/// What stands in a ledger and is not named by a line of its journal.
pub(in crate::ledger) struct Unknown {
    /// What a killed run has announced, or was writing.
    pub unfinished: Vec<PathBuf>,
    /// Anything else.
    pub strangers: Vec<PathBuf>,
}

/// Looks for what stands in a ledger and is not named by a line of its journal.
///
/// # Errors
/// [`Trouble::Io`] or [`Trouble::NotPlain`].
pub(in crate::ledger) fn unknown(ledger: &Ledger) -> Result<Unknown, Trouble> {
    let (root, known) = (&ledger.folder, known(ledger));
    let mut unfinished = Vec::new();
    if writing::is_ours(root) {
        unfinished.push(root.join(WRITING));
        unfinished.extend(Announced::read(root)?.iter().flat_map(|it| it.leftovers(root, &ledger.journal)));
    }
    unfinished.push(root.join(disk::TEMPORARY));
    unfinished.retain(|place| !known.contains_key(place) && fs::symlink_metadata(place).is_ok());
    let mut strangers = strangers(root, &known)?;
    strangers.retain(|path| !unfinished.contains(path));
    Ok(Unknown { unfinished, strangers })
}

fn remove_unknown(leftovers: &[PathBuf], known: &Known) -> Result<(), Trouble> {
    for place in leftovers.iter().filter(|place| !known.contains_key(*place)) {
        disk::remove(place)?;
        remove_if_empty(place.parent().unwrap_or(place))?;
    }
    Ok(())
}

/// Finds the folders that lines of the journal name, and what tells what is in them.
fn known(ledger: &Ledger) -> Known {
    let root = &ledger.folder;
    let mut known = Known::new();
    let config = |config: &String| (places::of_config(root, config), Listing::These(&[places::SETTINGS]));
    for (day, record) in &ledger.record.days {
        let table = |table: &String| (seals::place(root, *day, table), Listing::These(&[seals::TABLE]));
        known.extend(record.frozen.iter().map(table));
        for edition in &record.editions {
            let said = &edition.publication;
            known.insert(
                folder::place(root, said.day, said.edition),
                Listing::Manifest(said.manifest.clone()),
            );
            known.insert(places::of_policy(root, &said.policy), Listing::These(&places::POLICY_FILES));
            known.extend(said.config.iter().map(config));
        }
        if let Some(reading) = record.reading.as_ref().filter(|_| !record.is_pruned) {
            known.insert(places::of_daybook(root, reading), Listing::List(reading.daybook.clone()));
            known.extend(reading.config.iter().map(config));
        }
    }
    for (settings, policy) in &ledger.record.governed_names {
        known.extend([config(settings)]);
        known.insert(places::of_policy(root, policy), Listing::These(&places::POLICY_FILES));
    }
    known
}

/// Lists what stands in a ledger and is not known: files, links, and whole folders.
fn strangers(root: &Path, known: &Known) -> Result<Vec<PathBuf>, Trouble> {
    const FILES: [&str; 4] = [JOURNAL, HEAD, SALT, WRITING];
    const FOLDERS: [&str; 7] =
        [EDITIONS, DAYBOOKS, SEALS, POLICIES, CONFIGS, LOST_AND_FOUND, disk::TEMPORARY];
    let is_one_of = |names: &[&str], name: &OsStr| names.iter().any(|known| *known == name);
    let mut found = Vec::new();
    for (name, path) in entries(root)? {
        let is_known = if name == WRITING {
            writing::is_ours(root)
        } else if is_one_of(&FOLDERS, &name) {
            is_folder(&path)
        } else {
            // A link in place of the salt is refused by those that read it.
            is_one_of(&FILES, &name)
        };
        if !is_known {
            found.push(path);
        }
    }
    for parent in places::PARENTS.map(|name| root.join(name)) {
        if is_folder(&parent) {
            // A run that was killed between making the folder of a day and filling it leaves one.
            let has_days = DAYS.iter().any(|name| parent.ends_with(name));
            below(&parent, has_days, known, &mut found)?;
        }
    }
    Ok(found)
}

/// Adds what stands in a folder of the ledger and is not known.
fn below(parent: &Path, can_be_empty: bool, known: &Known, found: &mut Vec<PathBuf>) -> Result<(), Trouble> {
    for (_, path) in entries(parent)? {
        if !is_folder(&path) {
            found.push(path);
        } else if let Some(listing) = known.get(&path) {
            let Some(files) = listing.names(&path) else { continue };
            let inside = entries(&path)?.into_iter().filter(|(name, _)| !files.contains(name));
            found.extend(inside.map(|(_, path)| path));
        } else if known.range(path.clone()..).next().is_some_and(|(next, _)| next.starts_with(&path)) {
            below(&path, false, known, found)?;
        } else if !(can_be_empty && entries(&path)?.is_empty()) {
            found.push(path);
        }
    }
    Ok(())
}

/// Removes folders of days in which nothing is.
fn remove_empty_days(ledger: &Path) -> Result<(), Trouble> {
    for parent in DAYS.map(|name| ledger.join(name)).iter().filter(|path| is_folder(path)) {
        for (_, day) in entries(parent)?.iter().filter(|(_, path)| is_folder(path)) {
            remove_if_empty(day)?;
        }
    }
    Ok(())
}

/// Lists names and paths in a folder, sorted.
fn entries(folder: &Path) -> Result<Vec<(OsString, PathBuf)>, Trouble> {
    let trouble = |e| Trouble::io(folder, "listing the ledger", e);
    let entries = fs::read_dir(folder).map_err(trouble)?;
    let entry = |entry: std::io::Result<fs::DirEntry>| {
        entry.map(|entry| (entry.file_name(), entry.path())).map_err(trouble)
    };
    let mut entries = entries.map(entry).collect::<Result<Vec<_>, _>>()?;
    entries.sort_unstable();
    Ok(entries)
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// Removes a folder of a day if nothing is in it.
fn remove_if_empty(path: &Path) -> Result<(), Trouble> {
    match fs::remove_dir(path) {
        Ok(()) => Ok(()),
        Err(e) if matches!(e.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::NotFound) => Ok(()),
        Err(e) => Err(Trouble::io(path, "clearing away", e)),
    }
}
