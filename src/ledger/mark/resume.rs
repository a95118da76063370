//! Going on from an older journal: what was sealed after its last line is taken back as sealed.
//!
//! Only the mark of the drawing says which edition a day was sealed with; an edition counts only if
//! its hash is the one in the mark, or the one that the edition after it names.

use std::path::{Path, PathBuf};

use super::SealedDay;
use crate::attention::Acknowledgement;
use crate::clock::Clock;
use crate::day::Day;
use crate::error::Trouble;
use crate::ledger::editions::folder::{self, Part};
use crate::ledger::editions::manifest::Manifest;
use crate::ledger::editions::seals;
use crate::ledger::journal::entry::{Entry, Publication, Resumption, TakenBack};
use crate::ledger::writer::causes::causes;
use crate::ledger::writer::{LOST_AND_FOUND, Writer};
use crate::ledger::{Ledger, disk, places};
use crate::plain_file;

/// A day that was sealed after the last line of an older journal, as it can be taken back.
struct Found {
    taken_back: TakenBack,
    /// Folders to copy from `lost+found/` to their places.
    copies: Vec<[PathBuf; 2]>,
}

impl Writer {
    /// Goes on from an older journal, as two persons have decided.
    ///
    /// # Errors
    /// [`Trouble::Usage`] if the journal is not older than the reports; [`Trouble::Io`].
    pub fn resume(&mut self, said: Acknowledgement, clock: Clock) -> Result<Resumption, Trouble> {
        let Some(older) = self.older_journal()? else {
            return Err(Trouble::Usage("the journal goes on from the line that the reports show".to_owned()));
        };
        let mark = self.drawn()?;
        let sealed = mark.as_ref().map(|mark| mark.sealed.clone()).unwrap_or_default();
        let is_open = |day: &Day| self.record().days.get(day).is_none_or(|record| record.sealed.is_none());
        let mut copies = Vec::new();
        let (mut taken_back, mut reopened) = (Vec::new(), Vec::new());
        for (day, seal) in sealed.iter().filter(|(day, _)| is_open(day)) {
            match self.find(*day, seal) {
                Some(found) => {
                    copies.extend(found.copies);
                    taken_back.push(found.taken_back);
                }
                None => reopened.push(*day),
            }
        }
        // Figures of a seal that the mark does not name prove that there was one, not which.
        reopened.extend(older.sealed.iter().filter(|day| is_open(day) && !sealed.contains_key(day)));
        reopened.sort_unstable();
        let mut open: Vec<Day> = self.days().into_iter().filter(is_open).collect();
        if let Some(newest) = mark.and_then(|mark| mark.newest) {
            let first = self.days().last().map_or(newest, |day| day.plus(1));
            open.extend(first.through(newest));
        }
        open.retain(|day| !sealed.contains_key(day) && !reopened.contains(day));
        let resumption = Resumption {
            said,
            from: older.head,
            given_up: older.drawn,
            open,
            taken_back,
            reopened,
            unread: self.days_without_daybook(),
        };
        let coming: Vec<PathBuf> = copies.iter().map(|[_, place]| place.clone()).collect();
        self.announce(&coming, &[])?;
        for [from, place] in &copies {
            self.copy(from, place)?;
        }
        self.append_announced(clock, Entry::Resumed(Box::new(resumption.clone())))?;
        self.move_strays()?;
        Ok(resumption)
    }

    /// Copies a folder of files to its place.
    fn copy(&self, from: &Path, place: &Path) -> Result<(), Trouble> {
        let scratch = disk::temporary(self.place())?;
        for name in disk::names(from)? {
            disk::write(&scratch.path().join(&name), &plain_file::read(&from.join(&name))?)?;
        }
        disk::put_folder(scratch, place)
    }
}

impl Ledger {
    /// Finds the edition that a day was sealed with, and those between it and the newest known one.
    fn find(&self, day: Day, seal: &SealedDay) -> Option<Found> {
        let known = self.record.days.get(&day);
        let newest = known.and_then(|record| record.newest()).map(|newest| &newest.publication);
        let mut copies = Vec::new();
        let mut found: Vec<(Manifest, String)> = Vec::new();
        let (mut number, mut hash) = (seal.edition, seal.manifest.clone());
        loop {
            if newest.is_some_and(|newest| newest.edition >= number) {
                newest.filter(|newest| (newest.edition, &newest.manifest) == (number, &hash))?;
                if is_edition(&folder::place(&self.folder, day, number), &hash) {
                    break;
                }
                return None;
            }
            let place = folder::place(&self.folder, day, number);
            let from = self.candidates(&place).into_iter().find(|from| is_edition(from, &hash))?;
            let manifest = folder::read_manifest(&from, day).ok().filter(|m| m.edition == number)?;
            self.keep_names(&manifest, &mut copies)?;
            if from != place {
                copies.push([from, place]);
            }
            let previous = manifest.previous.clone();
            found.push((manifest, hash));
            match previous {
                Some(previous) => (number, hash) = (number.checked_sub(1)?, previous),
                None if number == 1 && newest.is_none() => break,
                None => return None,
            }
        }
        if let Some(table) = &seal.table {
            let place = seals::place(&self.folder, day, table);
            let is_table =
                |from: &PathBuf| disk::sha256_of(&from.join(seals::TABLE)).ok().as_ref() == Some(table);
            let from = self.candidates(&place).into_iter().find(is_table)?;
            if from != place {
                copies.push([from, place]);
            }
        }
        found.reverse();
        let mut before = match newest {
            Some(newest) => Some(self.intact_with(day, newest.edition, Part::Manifest).ok()?.1),
            None => None,
        };
        let mut editions = Vec::new();
        for (manifest, hash) in found {
            let is_ruled_alike = before.as_ref().is_some_and(|before| self.is_ruled_alike(before, &manifest));
            editions.push(Publication {
                day,
                edition: manifest.edition,
                state: manifest.state,
                manifest: hash,
                policy: manifest.policy_fingerprint.clone(),
                rules: manifest.policy_rules.clone(),
                config: manifest.config.clone(),
                causes: causes(before.as_ref(), is_ruled_alike, false, false, &manifest),
                is_adjusting: false,
            });
            before = Some(manifest);
        }
        copies.dedup();
        let taken_back = TakenBack { day, edition: seal.edition, table: seal.table.clone(), editions };
        Some(Found { taken_back, copies })
    }

    /// Finds policy and config of an edition; `None` if one of them is gone.
    fn keep_names(&self, manifest: &Manifest, copies: &mut Vec<[PathBuf; 2]>) -> Option<()> {
        let policy = places::of_policy(&self.folder, &manifest.policy_fingerprint);
        let config = manifest.config.iter().map(|config| places::of_config(&self.folder, config));
        for place in [policy].into_iter().chain(config) {
            if plain_file::is_folder(&place).ok()? {
                continue;
            }
            let from = self
                .candidates(&place)
                .into_iter()
                .find(|from| plain_file::is_folder(from).is_ok_and(|is_there| is_there))?;
            if !copies.iter().any(|[_, known]| *known == place) {
                copies.push([from, place]);
            }
        }
        Some(())
    }

    /// Lists where a folder of the ledger may stand: in its place, or in `lost+found/`.
    fn candidates(&self, place: &Path) -> Vec<PathBuf> {
        let lost = self.folder.join(LOST_AND_FOUND);
        let names = disk::names(&lost).unwrap_or_default();
        let below = place.strip_prefix(&self.folder).unwrap_or(place).display().to_string();
        let flat = below.replace('/', ".");
        let (outer, inner) = below.rsplit_once('/').unwrap_or_default();
        let outer = outer.replace('/', ".");
        let is_numbered = |name: &str, flat: &str| {
            name.strip_prefix(flat).is_some_and(|rest| {
                rest.is_empty() || rest[1..].parse::<u64>().is_ok() && rest.starts_with('.')
            })
        };
        let moved = names.iter().filter(|name| is_numbered(name, &flat)).map(|name| lost.join(name));
        let within =
            names.iter().filter(|name| is_numbered(name, &outer)).map(|name| lost.join(name).join(inner));
        [place.to_path_buf()].into_iter().chain(moved).chain(within).collect()
    }

    /// Lists the days whose daybook is not there any more as the journal names it.
    fn days_without_daybook(&self) -> Vec<Day> {
        let has_daybook = |day: &Day| {
            let Some(reading) = self.daybook(*day) else { return true };
            let place = places::of_daybook(&self.folder, reading);
            let list = plain_file::read(&place.join(places::FILES));
            let is_listed = list.is_ok_and(|list| disk::sha256(&list) == reading.daybook)
                && disk::names(&place).is_ok_and(|names| names.len() > 1);
            is_listed && reading.config.as_ref().is_none_or(|config| self.config(config).is_ok())
        };
        self.record.days.keys().copied().filter(|day| !has_daybook(day)).collect()
    }
}

/// Returns whether a folder holds an edition whose manifest has this hash, with all its files.
fn is_edition(folder: &Path, hash: &str) -> bool {
    if !plain_file::is_folder(folder).is_ok_and(|is_there| is_there) {
        return false;
    }
    let Some(files) = folder::hashes_of(folder, hash) else { return false };
    files.iter().all(|(name, hash)| disk::sha256_of(&folder.join(name)).ok().as_ref() == Some(hash))
}
