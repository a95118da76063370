//! DaybookFolders: what the logs of each day said, kept beside the editions so that later days can settle what was left open.
//!
//! `daybooks/<day>/<hash>/`: the journal says which one is the day's; others are clearings of a killed run.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::journal::entry::{Entry, LogsRead};
use super::{Ledger, Writer, disk};
use crate::clock::Clock;
use crate::config::{Canonical, lexical};
use crate::day::Day;
use crate::error::Trouble;
use crate::resolve::DaybookFolders;

pub(super) const DAYBOOKS: &str = "daybooks";
pub(super) const SALT: &str = "salt";
/// Hashes and names of the other files, as `sha256sum` writes them: its own hash is the daybook's.
pub(super) const FILES: &str = "files.sha256";
/// Hexadecimal digits of the hash that name the folder.
const NAME: usize = 16;

/// Where the daybook of a reading stands.
pub(super) fn place(ledger: &Path, reading: &LogsRead) -> PathBuf {
    let name = reading.daybook.get(..NAME).unwrap_or(&reading.daybook);
    ledger.join(DAYBOOKS).join(reading.day.to_string()).join(name)
}

/// One hash for the daybooks that tell of a day.
pub fn fingerprint(daybooks: &BTreeMap<Day, String>) -> String {
    let lines: String = daybooks.iter().map(|(day, hash)| format!("{day} {hash}\n")).collect();
    disk::sha256(lines.as_bytes())
}

impl Ledger {
    /// The daybooks that are kept, by day. One whose folder has vanished is not among them.
    pub fn daybooks(&self) -> DaybookFolders {
        let kept = self.record().days.values().filter(|day| !day.is_pruned);
        let places = kept.filter_map(|day| day.reading.as_ref()).map(|r| (r.day, place(&self.folder, r)));
        places.filter(|(_, place)| place.exists()).collect()
    }

    /// The daybook of a day, by its hash.
    pub fn daybook(&self, day: Day) -> Option<&LogsRead> {
        self.record().days.get(&day).filter(|day| !day.is_pruned)?.reading.as_ref()
    }

    /// What ids are mixed with when the config says nothing: what is kept in the ledger, or else a new one.
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
    /// A folder for intake to write a daybook into.
    pub fn scratch(&self) -> Result<TempDir, Trouble> {
        disk::temporary(&self.folder)
    }

    /// Keeps what was read, and the settings it was read with, in place of what was kept of its day; the same as before changes nothing.
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
            && place(&self.folder, before).exists()
        {
            // The same rows in the same files; the journal need not know that a file was touched.
            if (&before.settings, &before.salt) == (&reading.settings, &reading.salt)
                && before.is_like(&reading)
            {
                return Ok(());
            }
        } else {
            disk::write(&scratch.path().join(FILES), listing.as_bytes())?;
            disk::put_folder(scratch, &place(&self.folder, &reading))?;
        }
        let is_other = before.as_ref().is_some_and(|b| b.daybook != reading.daybook);
        let config = Some(self.keep_config(settings)?);
        self.append(clock, Entry::Read(LogsRead { config, ..reading }))?;
        match before.filter(|_| is_other) {
            Some(before) => disk::remove(&place(&self.folder, &before)),
            None => Ok(()),
        }
    }

    /// Removes the daybook of a day that nothing can be settled by any more.
    pub fn prune(&mut self, day: Day, clock: Clock) -> Result<(), Trouble> {
        self.append(clock, Entry::Pruned { day })?;
        disk::remove(&self.folder.join(DAYBOOKS).join(day.to_string()))
    }

    /// Keeps a salt for as long as the ledger, where none is kept yet; readable by the job's own user alone.
    pub fn keep_salt(&self, salt: &str) -> Result<(), Trouble> {
        let path = self.folder.join(SALT);
        if path.exists() {
            return Ok(());
        }
        disk::put_private(&path, format!("{salt}\n").as_bytes())
    }
}

impl LogsRead {
    /// The same files with the same contents, whenever they were touched.
    pub fn is_like(&self, other: &Self) -> bool {
        let contents = |r: &Self| {
            r.files.iter().map(|f| (lexical(&f.path), f.bytes, f.hash.clone())).collect::<Vec<_>>()
        };
        contents(self) == contents(other)
    }
}
