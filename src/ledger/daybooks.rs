//! Daybooks in the ledger: kept, found, replaced and pruned, with the salt of their ids.
//!
//! A daybook stands in `daybooks/<day>/<hash>/`, and is kept so that later days can settle what it
//! leaves open. The journal names the current one of each day; any other folder is left over from a
//! killed run.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::journal::entry::{Entry, LogsRead};
use super::places::{FILES, SALT, of_config, of_daybook};
use super::{Ledger, Writer, disk};
use crate::clock::Clock;
use crate::config::{Canonical, STANDARD_INPUT, lexical};
use crate::day::Day;
use crate::daybook::{self, DaybookFolder, DaybookFolders};
use crate::error::Trouble;
use crate::facts::Salt;
use crate::plain_file;

/// Combines the hashes of the daybooks that a day was resolved from into one hash.
pub fn fingerprint(daybooks: &BTreeMap<Day, String>) -> String {
    let lines: String = daybooks.iter().map(|(day, hash)| format!("{day} {hash}\n")).collect();
    disk::sha256(lines.as_bytes())
}

/// Returns the folder of the daybook that a reading wrote.
pub(super) fn of_reading(ledger: &Ledger, reading: &LogsRead) -> PathBuf {
    of_daybook(&ledger.folder, reading)
}

impl Ledger {
    /// Lists the folders of the daybooks that are kept, by day; a folder that is gone is left out.
    pub fn daybooks(&self) -> DaybookFolders {
        let kept = self.record().days.values().filter(|day| !day.is_pruned);
        let places = kept.filter_map(|day| day.reading.as_ref()).map(|r| (r, of_daybook(&self.folder, r)));
        let there = places.filter(|(_, place)| place.exists());
        there.map(|(r, place)| (r.day, DaybookFolder::new(place, &r.daybook))).collect()
    }

    /// Returns how the logs of a day were read, unless they were not, or the daybook was pruned.
    pub fn daybook(&self, day: Day) -> Option<&LogsRead> {
        self.record().days.get(&day).filter(|day| !day.is_pruned)?.reading.as_ref()
    }

    /// Returns whether a day was read with a salt, or no day can have been.
    ///
    /// A salt may be kept before the first day is read with it: while the config had one.
    fn is_known(&self, salt: &str) -> bool {
        let fingerprint = Salt::new(salt).fingerprint();
        let readings = || self.record().days.values().filter_map(|day| day.reading.as_ref());
        let newest = self.lines().filter_map(|line| match &line.entry {
            Entry::Read(reading) => Some(reading),
            _ => None,
        });
        let Some(newest) = newest.last() else { return true };
        readings().any(|reading| reading.salt == fingerprint)
            || newest
                .config
                .as_ref()
                .is_some_and(|config| self.config(config).is_ok_and(|config| config.has_salt()))
    }

    /// Returns the salt kept in the ledger, or a new random one, for ids if the config has no salt.
    ///
    /// A new salt is 32 bytes of `/dev/urandom`, in hex; [`Writer::keep_salt`] stores it.
    ///
    /// # Errors
    /// [`Trouble::Damaged`] if no day was read with the kept one; [`Trouble::Io`].
    pub fn salt(&self) -> Result<String, Trouble> {
        let path = self.folder.join(SALT);
        if plain_file::is_file(&path)? {
            let text = plain_file::read_to_string(&path).map_err(Trouble::of_stored)?;
            let salt = text.trim();
            if !self.is_known(salt) {
                let why = "no day was read with it, so ids and callers would no longer be matched";
                return Err(disk::damaged(&path, why));
            }
            return Ok(salt.to_owned());
        }
        let mut bytes = [0; 32];
        let chance = Path::new("/dev/urandom");
        let drawn = File::open(chance).and_then(|mut f| f.read_exact(&mut bytes));
        drawn.map_err(|e| Trouble::io(chance, "drawing a salt", e))?;
        Ok(disk::hex(&bytes))
    }
}

impl Writer {
    /// Creates a temporary folder for intake to write a daybook into.
    pub fn scratch(&self) -> Result<TempDir, Trouble> {
        disk::temporary(&self.folder)
    }

    /// Keeps a new daybook in place of the one of its day, with the settings it was read with.
    ///
    /// If the daybook, the files, the settings and the salt are all as before, nothing is written.
    ///
    /// # Errors
    /// [`Trouble::Io`].
    pub fn keep(
        &mut self,
        scratch: TempDir,
        reading: LogsRead,
        settings: &Canonical,
        clock: Clock,
    ) -> Result<(), Trouble> {
        let listing = daybook::list(scratch.path())?;
        let reading = LogsRead { daybook: disk::sha256(listing.as_bytes()), ..reading };
        let before = self.daybook(reading.day).cloned();
        let place = of_daybook(&self.folder, &reading);
        let is_same = before.as_ref().is_some_and(|b| b.daybook == reading.daybook);
        let is_kept = is_same && is_whole(&place, &listing)?;
        if let Some(before) = before.as_ref().filter(|_| is_kept)
            // The same rows in the same files: a new modification time alone is not journaled.
            && (&before.settings, &before.salt) == (&reading.settings, &reading.salt)
            && before.is_like(&reading)
        {
            return Ok(());
        }
        let mut leaving = Vec::new();
        if let Some(before) = &before {
            leaving.push(of_daybook(&self.folder, before));
            leaving.extend(before.config.iter().map(|config| of_config(&self.folder, config)));
        }
        if !is_kept {
            disk::write(&scratch.path().join(FILES), listing.as_bytes())?;
        }
        self.announce(&[place.clone(), of_config(&self.folder, &settings.fingerprint())], &leaving)?;
        if !is_kept {
            // A damaged one is written again: its name says what it must be.
            disk::remove(&place)?;
            disk::put_folder(scratch, &place)?;
        }
        let config = Some(self.keep_config(settings)?);
        self.append_announced(clock, Entry::Read(LogsRead { config, ..reading }))
    }

    /// Notes for a daybook of version 0.1.0 the settings it was read with.
    ///
    /// # Errors
    /// [`Trouble::Io`].
    pub fn adopt(&mut self, reading: LogsRead, settings: &Canonical, clock: Clock) -> Result<(), Trouble> {
        self.announce(&[of_config(&self.folder, &settings.fingerprint())], &[])?;
        let config = Some(self.keep_config(settings)?);
        self.append_announced(clock, Entry::Read(LogsRead { config, ..reading }))
    }

    /// Removes the daybook of a day once no day can be settled by it any more.
    pub fn prune(&mut self, day: Day, clock: Clock) -> Result<(), Trouble> {
        let reading = self.daybook(day);
        let config = reading.and_then(|reading| reading.config.as_ref());
        let config = config.map(|config| of_config(&self.folder, config));
        let place = reading.map(|reading| of_daybook(&self.folder, reading));
        let leaving: Vec<_> = place.into_iter().chain(config).collect();
        self.announce(&[], &leaving)?;
        self.append_announced(clock, Entry::Pruned { day })
    }

    /// Stores the salt if the ledger has none yet, readable by the job's own user alone.
    pub fn keep_salt(&self, salt: &str) -> Result<(), Trouble> {
        let path = self.folder.join(SALT);
        if plain_file::is_file(&path)? {
            return Ok(());
        }
        disk::put_private(&path, format!("{salt}\n").as_bytes())
    }
}

/// Returns whether a stored daybook has these files; a damaged one is written again.
fn is_whole(folder: &Path, listing: &str) -> Result<bool, Trouble> {
    if !plain_file::is_folder(folder)? {
        return Ok(false);
    }
    let is_listed = match plain_file::read_if_there(&folder.join(FILES)) {
        Ok(list) => list.as_deref() == Some(listing.as_bytes()),
        Err(trouble) if trouble.stops_all() => return Err(trouble),
        Err(_) => false,
    };
    Ok(is_listed && daybook::list(folder).is_ok_and(|stored| stored == listing))
}

impl LogsRead {
    /// True if standard input was among the logs, which cannot be read again.
    pub fn is_read_once(&self) -> bool {
        self.files.iter().any(|file| file.path == STANDARD_INPUT)
    }

    /// True if both read the same files with the same contents; modification times are ignored.
    pub fn is_like(&self, other: &Self) -> bool {
        let contents = |r: &Self| {
            r.files.iter().map(|f| (lexical(&f.path), f.bytes, f.hash.clone())).collect::<Vec<_>>()
        };
        contents(self) == contents(other)
    }
}
