//! `.writing`: the folders of the coming journal line, announced before they are put in place.
//!
//! A run that is killed leaves folders that no line names. They may be removed only if this run
//! made them, which `.writing` proves: it names them, and the line after which they were to follow.

use std::fs;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Trouble;
use crate::ledger::places::PARENTS;
use crate::ledger::{Journal, disk};
use crate::plain_file;

pub(in crate::ledger) const WRITING: &str = ".writing";
/// An announcement begins with this, also if it was not written whole.
const BEGINNING: &[u8] = br#"{"seq":"#;

/// What is put in place before the coming line, and removed after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::ledger) struct Announced {
    /// Number and hash of the last line of the journal.
    seq: u64,
    hash: String,
    /// Folders that the coming line names, by their paths below the ledger.
    coming: Vec<String>,
    /// Folders that no line names any more after it.
    leaving: Vec<String>,
}

impl Announced {
    /// Makes the announcement of a line that follows the last one of a journal.
    pub fn new(ledger: &Path, journal: &Journal, coming: &[PathBuf], leaving: &[PathBuf]) -> Self {
        let (seq, hash) = journal.head();
        let below = |paths: &[PathBuf]| {
            let shown = |path: &PathBuf| path.strip_prefix(ledger).unwrap_or(path).display().to_string();
            paths.iter().map(shown).collect()
        };
        Self { seq, hash: hash.to_owned(), coming: below(coming), leaving: below(leaving) }
    }

    /// Reads the announcement of a ledger folder; `None` if there is none of ours, or half of one.
    ///
    /// Half of one was never followed by a folder, because it is synced before.
    ///
    /// # Errors
    /// [`Trouble::NotPlain`] or [`Trouble::Io`].
    pub fn read(ledger: &Path) -> Result<Option<Self>, Trouble> {
        if !is_ours(ledger) {
            return Ok(None);
        }
        let bytes = plain_file::read_if_there(&ledger.join(WRITING))?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Writes and syncs it, in place of the one before.
    ///
    /// # Errors
    /// [`Trouble::Io`].
    pub fn write(&self, ledger: &Path) -> Result<(), Trouble> {
        let path = ledger.join(WRITING);
        remove(ledger)?;
        let text = match serde_json::to_string(self) {
            Ok(text) => text + "\n",
            Err(e) => unreachable!("numbers and strings always serialise: {e}"),
        };
        disk::write(&path, text.as_bytes())?;
        disk::sync_folder(ledger)
    }

    /// Returns the folders that may be removed now, unless a line names them.
    ///
    /// Before the coming line is written these are its own; after it, what it left behind; if
    /// another line follows, or the announced last line is gone, none.
    pub fn leftovers(&self, ledger: &Path, journal: &Journal) -> Vec<PathBuf> {
        let (seq, hash) = journal.head();
        let followed = journal.lines().last().map(|line| line.previous.as_str());
        let names = if self.seq == seq && self.hash == hash {
            &self.coming
        } else if self.seq + 1 == seq && followed == Some(&self.hash) {
            &self.leaving
        } else {
            return Vec::new();
        };
        names.iter().filter_map(|name| place(ledger, name)).collect()
    }
}

/// Removes the announcement of a ledger folder, whole or not.
///
/// # Errors
/// [`Trouble::Io`].
pub(super) fn remove(ledger: &Path) -> Result<(), Trouble> {
    disk::remove(&ledger.join(WRITING))
}

/// Returns whether `.writing` is one that a run may have written; if it is not there, it is none.
pub(super) fn is_ours(ledger: &Path) -> bool {
    let path = ledger.join(WRITING);
    let is_plain = fs::symlink_metadata(&path).is_ok_and(|found| found.is_file());
    let begins = |bytes: Vec<u8>| {
        let n = bytes.len().min(BEGINNING.len());
        bytes[..n] == BEGINNING[..n]
    };
    is_plain && plain_file::read(&path).is_ok_and(begins)
}

/// Returns where a folder of an announcement stands; `None` unless it can be one of the ledger's.
///
/// No part of the way to it may be a link.
fn place(ledger: &Path, name: &str) -> Option<PathBuf> {
    let path = Path::new(name);
    let parts: Vec<_> = path.components().collect();
    let is_below = matches!(parts.as_slice(), [Component::Normal(parent), _, ..]
        if PARENTS.iter().any(|known| parent.to_str() == Some(known)));
    let is_plain = parts.iter().all(|part| matches!(part, Component::Normal(_)));
    if !is_below || !is_plain {
        return None;
    }
    let place = ledger.join(path);
    let is_folder = |path: &Path| fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    place.ancestors().skip(1).take(parts.len()).all(is_folder).then_some(place)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn an_announcement_names_folders_of_the_ledger_alone() {
        let place_ = tempfile::tempdir().unwrap();
        let ledger = place_.path().join("ledger");
        fs::create_dir_all(ledger.join("editions/2026-11-18")).unwrap();
        fs::create_dir_all(place_.path().join("victim")).unwrap();
        symlink(place_.path().join("victim"), ledger.join("editions/2026-11-19")).unwrap();
        let good = "editions/2026-11-18/0001";
        assert_eq!(place(&ledger, good), Some(ledger.join(good)));
        for bad in [
            "editions",
            "editions/../../victim",
            "../victim/x",
            "/etc/x/y",
            "salt",
            "lost+found/x",
            "editions/2026-11-19/sub",
            "./editions/2026-11-18/0001",
        ] {
            assert_eq!(place(&ledger, bad), None, "{bad}");
        }
    }

    #[test]
    fn half_an_announcement_is_ours_and_says_nothing() {
        let ledger = tempfile::tempdir().unwrap();
        let journal = Journal::read(ledger.path()).unwrap();
        let whole = Announced::new(ledger.path(), &journal, &[ledger.path().join("policies/a")], &[]);
        assert!(!is_ours(ledger.path()));
        whole.write(ledger.path()).unwrap();
        assert_eq!(Announced::read(ledger.path()).unwrap(), Some(whole));
        let bytes = fs::read(ledger.path().join(WRITING)).unwrap();
        for n in 0..bytes.len() - 1 {
            fs::write(ledger.path().join(WRITING), &bytes[..n]).unwrap();
            assert_eq!(Announced::read(ledger.path()).unwrap(), None, "{n}");
            assert!(is_ours(ledger.path()), "{n}");
        }
        fs::write(ledger.path().join(WRITING), "notes of an editor").unwrap();
        assert!(!is_ours(ledger.path()));
    }
}
