//! The lock of a reports folder: one run at a time, and a second one is told who holds it.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use crate::error::Trouble;

/// A held lock, released when dropped.
///
/// The file stays behind, empty. The lock itself belongs to the operating system, so a killed run
/// never leaves one.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes `<reports>/.lock`, and creates the folder if it does not exist.
    ///
    /// # Errors
    /// [`Trouble::Locked`] if another run holds it, with its process id and start; else
    /// [`Trouble::Io`].
    pub fn acquire(reports: &Path) -> Result<Self, Trouble> {
        fs::create_dir_all(reports).map_err(|e| Trouble::io(reports, "creating the reports folder", e))?;
        let path = reports.join(".lock");
        let trouble = |e| Trouble::io(&path, "locking", e);
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(trouble)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let is_known = file.read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
                let holder = if is_known { holder.trim().to_owned() } else { "unknown process".to_owned() };
                return Err(Trouble::Locked { path: reports.to_owned(), holder });
            }
            Err(TryLockError::Error(e)) => return Err(trouble(e)),
        }
        // The start of the process, for the person who finds the lock held; no figure depends on
        // it.
        let since = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
        let since = since.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        file.set_len(0).map_err(trouble)?;
        write!(file, "pid {} since {since}", std::process::id()).map_err(trouble)?;
        Ok(Self { file })
    }
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
}
