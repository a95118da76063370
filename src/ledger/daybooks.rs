//! Daybooks in the ledger: kept, found, replaced and pruned, with the salt of their ids.
//!
//! A daybook stands in `daybooks/<day>/<hash>/`, and is kept so that later days can settle what it
//! leaves open. The journal names the current one of each day; any other folder is left over from a
//! killed run.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

use tempfile::TempDir;

use super::journal::entry::{Entry, LogsRead};
use super::places::{DAYBOOKS, FILES, SALT, of_daybook};
use super::{Ledger, Writer, disk};
use crate::clock::Clock;
use crate::config::{Canonical, lexical};
use crate::day::Day;
use crate::daybook::DaybookFolders;
use crate::error::Trouble;

/// Combines the hashes of the daybooks that a day was resolved from into one hash.
pub fn fingerprint(daybooks: &BTreeMap<Day, String>) -> String {
    let lines: String = daybooks.iter().map(|(day, hash)| format!("{day} {hash}\n")).collect();
    disk::sha256(lines.as_bytes())
}

impl Ledger {
    /// Lists the folders of the daybooks that are kept, by day; a folder that is gone is left out.
    pub fn daybooks(&self) -> DaybookFolders {
        let kept = self.record().days.values().filter(|day| !day.is_pruned);
        let places =
            kept.filter_map(|day| day.reading.as_ref()).map(|r| (r.day, of_daybook(&self.folder, r)));
        places.filter(|(_, place)| place.exists()).collect()
    }

    /// Returns how the logs of a day were read, unless they were not, or the daybook was pruned.
    pub fn daybook(&self, day: Day) -> Option<&LogsRead> {
        self.record().days.get(&day).filter(|day| !day.is_pruned)?.reading.as_ref()
    }

    /// Returns the salt kept in the ledger, or a new random one, for ids if the config has no salt.
    ///
    /// A new salt is 32 bytes of `/dev/urandom`, in hex; [`Writer::keep_salt`] stores it.
    ///
    /// # Errors
    /// [`Trouble::Io`].
    pub fn salt(&self) -> Result<String, Trouble> {
        let path = self.folder.join(SALT);
        match fs::read_to_string(&path) {
            Ok(salt) if !salt.trim().is_empty() => return Ok(salt.trim().to_owned()),
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(Trouble::io(&path, "reading", e)),
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
        let listing = disk::listing(scratch.path())?;
        let reading = LogsRead { daybook: disk::sha256(listing.as_bytes()), ..reading };
        let before = self.daybook(reading.day).cloned();
        if let Some(before) = &before
            && before.daybook == reading.daybook
            && is_whole(&of_daybook(&self.folder, before), &listing)?
        {
            // The same rows in the same files: a new modification time alone is not journaled.
            if (&before.settings, &before.salt) == (&reading.settings, &reading.salt)
                && before.is_like(&reading)
            {
                return Ok(());
            }
        } else {
            disk::write(&scratch.path().join(FILES), listing.as_bytes())?;
            disk::put_folder(scratch, &of_daybook(&self.folder, &reading))?;
        }
        let is_other = before.as_ref().is_some_and(|b| b.daybook != reading.daybook);
        let config = Some(self.keep_config(settings)?);
        self.append(clock, Entry::Read(LogsRead { config, ..reading }))?;
        if let Some(before) = before {
            if is_other {
                disk::remove(&of_daybook(&self.folder, &before))?;
            }
            self.forget_config(before.config.as_deref())?;
        }
        Ok(())
    }

    /// Removes the daybook of a day once no day can be settled by it any more.
    pub fn prune(&mut self, day: Day, clock: Clock) -> Result<(), Trouble> {
        let config = self.daybook(day).and_then(|reading| reading.config.clone());
        self.append(clock, Entry::Pruned { day })?;
        disk::remove(&self.folder.join(DAYBOOKS).join(day.to_string()))?;
        self.forget_config(config.as_deref())
    }

    /// Stores the salt if the ledger has none yet, readable by the job's own user alone.
    pub fn keep_salt(&self, salt: &str) -> Result<(), Trouble> {
        let path = self.folder.join(SALT);
        if path.exists() {
            return Ok(());
        }
        disk::put_private(&path, format!("{salt}\n").as_bytes())
    }
}

/// Returns whether a stored daybook has these files; a damaged one is written again.
fn is_whole(folder: &Path, listing: &str) -> Result<bool, Trouble> {
    let stored: String = disk::listing(folder)?
        .lines()
        .filter(|line| !line.ends_with(FILES))
        .fold(String::new(), |text, line| text + line + "\n");
    Ok(stored == listing)
}

impl LogsRead {
    /// True if both read the same files with the same contents; modification times are ignored.
    pub fn is_like(&self, other: &Self) -> bool {
        let contents = |r: &Self| {
            r.files.iter().map(|f| (lexical(&f.path), f.bytes, f.hash.clone())).collect::<Vec<_>>()
        };
        contents(self) == contents(other)
    }
}
