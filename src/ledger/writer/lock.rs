//! The lock of a reports folder: one run at a time, and a second one is told who holds it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use crate::error::Trouble;
use crate::ledger::journal;
use crate::plain_file;

const LOCK: &str = ".lock";
/// The text of a held lock begins with this; the text of another file is not overwritten.
const HOLDER: &str = "pid ";

/// A held lock, released when dropped.
///
/// The journal is locked in addition to `.lock`: if one of the files is deleted while a run holds
/// them, the other keeps a second run out. The files stay behind, `.lock` empty. The locks belong
/// to the operating system, so a killed run never leaves one.
#[derive(Debug)]
pub struct Lock {
    file: File,
    /// The journal, opened to append to it; `None` if there is none yet.
    journal: Option<File>,
}

impl Lock {
    /// Takes `<reports>/.lock` and the journal, and creates the folder if it does not exist.
    ///
    /// # Errors
    /// [`Trouble::Locked`] if another run holds one of them, with its process id and start;
    /// [`Trouble::NotPlain`] if something else stands there; else [`Trouble::Io`].
    pub fn acquire(reports: &Path) -> Result<Self, Trouble> {
        fs::create_dir_all(reports).map_err(|e| Trouble::io(reports, "creating the reports folder", e))?;
        let path = reports.join(LOCK);
        let trouble = |e| Trouble::io(&path, "locking", e);
        let mut file = open(&path)?;
        let lock = file.try_lock();
        let mut text = Vec::new();
        // A lock is short; of another file nobody needs more.
        (&file).take(256).read_to_end(&mut text).map_err(trouble)?;
        let text = String::from_utf8_lossy(&text);
        match lock {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let is_known = text.starts_with(HOLDER);
                let holder = if is_known { text.trim().to_owned() } else { "unknown process".to_owned() };
                return Err(Trouble::Locked { path: reports.to_owned(), holder });
            }
            Err(TryLockError::Error(e)) => return Err(trouble(e)),
        }
        if !text.is_empty() && !text.starts_with(HOLDER) {
            return Err(Trouble::NotPlain { path, what: "a file with other text", wanted: "a lock" });
        }
        let journal = journal::open_locked(&reports.join("ledger"))?;
        // The start of the process, for the person who finds the lock held; no figure depends on
        // it.
        let since = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
        let since = since.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        file.set_len(0).map_err(trouble)?;
        let holder = format!("{HOLDER}{} since {since}", std::process::id());
        file.write_all(holder.as_bytes()).map_err(trouble)?;
        Ok(Self { file, journal })
    }

    /// Hands over the locked journal, for the one that appends to it.
    pub(super) fn take_journal(&mut self) -> Option<File> {
        self.journal.take()
    }
}

/// Opens the file of the lock, and creates it if nothing stands there.
fn open(path: &Path) -> Result<File, Trouble> {
    let mut options = OpenOptions::new();
    options.read(true).append(true);
    if !plain_file::is_file(path)? {
        match options.clone().create_new(true).open(path) {
            // Another run was faster.
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            made => return made.map_err(|e| Trouble::io(path, "locking", e)),
        }
    }
    plain_file::open_with(path, &options)
}

impl Drop for Lock {
    fn drop(&mut self) {
        // This only wipes the name of the holder; closing the file releases the lock.
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_run_learns_who_holds_the_lock() {
        let reports = tempfile::tempdir().unwrap();
        let first = Lock::acquire(reports.path()).unwrap();
        let told = Lock::acquire(reports.path()).unwrap_err().to_string();
        assert!(told.contains(&format!("pid {} since 2", std::process::id())), "{told}");
        drop(first);
        Lock::acquire(reports.path()).unwrap();
    }

    #[test]
    fn a_lock_that_is_deleted_keeps_a_second_run_out_all_the_same() {
        let reports = tempfile::tempdir().unwrap();
        fs::create_dir(reports.path().join("ledger")).unwrap();
        fs::write(reports.path().join("ledger/journal.ndjson"), "").unwrap();
        let first = Lock::acquire(reports.path()).unwrap();
        fs::remove_file(reports.path().join(LOCK)).unwrap();
        let told = Lock::acquire(reports.path()).unwrap_err().to_string();
        assert!(told.contains(&format!("in use by another run (pid {})", std::process::id())), "{told}");
        drop(first);
        Lock::acquire(reports.path()).unwrap();
    }

    #[test]
    fn a_file_that_is_no_lock_is_not_overwritten() {
        let reports = tempfile::tempdir().unwrap();
        let (path, other) = (reports.path().join(LOCK), reports.path().join("other"));
        fs::write(&path, "precious").unwrap();
        let told = Lock::acquire(reports.path()).unwrap_err().to_string();
        assert!(told.contains("a file with other text, where a lock should stand"), "{told}");
        fs::rename(&path, &other).unwrap();
        std::os::unix::fs::symlink(&other, &path).unwrap();
        let told = Lock::acquire(reports.path()).unwrap_err().to_string();
        assert!(told.contains(".lock is a symbolic link"), "{told}");
        assert_eq!(fs::read(&other).unwrap(), b"precious");
    }
}
