//! `lost+found/`: what stood in the ledger and was not known, moved aside and never deleted.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::error::Trouble;
use crate::ledger::disk;
use crate::plain_file;

pub(in crate::ledger) const LOST_AND_FOUND: &str = "lost+found";
/// Bytes of a name there, without the number that keeps names apart; file systems allow 255.
const LONGEST: usize = 200;

/// What stands in `lost+found/`, and what could not be moved there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Strays {
    /// Names in `lost+found/`, sorted.
    pub moved: Vec<String>,
    /// Paths below the ledger that could not be moved, each with the reason.
    pub stuck: Vec<(String, String)>,
}

impl Strays {
    pub const fn is_empty(&self) -> bool {
        self.moved.is_empty() && self.stuck.is_empty()
    }

    /// Looks at what was moved there before.
    pub(super) fn look(ledger: &Path) -> Result<Self, Trouble> {
        let place = ledger.join(LOST_AND_FOUND);
        if !plain_file::is_folder(&place)? {
            return Ok(Self::default());
        }
        match disk::names(&place) {
            Ok(moved) => Ok(Self { moved, stuck: Vec::new() }),
            // That of a file system is not ours to read; nothing can have been moved there.
            Err(Trouble::Io { cause, .. }) if cause.kind() == ErrorKind::PermissionDenied => {
                Ok(Self::default())
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Moves a file, link or folder of the ledger there, under a name that nothing has yet.
    ///
    /// # Errors
    /// [`Trouble::Io`] if the folder cannot be made; what cannot be moved is noted.
    pub(super) fn take(&mut self, ledger: &Path, path: &Path) -> Result<(), Trouble> {
        let place = ledger.join(LOST_AND_FOUND);
        if !plain_file::is_folder(&place)? {
            fs::create_dir(&place).map_err(|e| Trouble::io(&place, "creating the folder", e))?;
            disk::sync_folder(ledger)?;
        }
        let below = path.strip_prefix(ledger).unwrap_or(path);
        let moved = free(&place, &flat(below)).and_then(|to| fs::rename(path, &to).map(|()| to));
        match moved {
            Ok(to) => {
                let name = to.file_name().unwrap_or_default().to_string_lossy().into_owned();
                self.moved.push(name);
                self.moved.sort_unstable();
                disk::sync_folder(&place)?;
                path.parent().map_or(Ok(()), disk::sync_folder)
            }
            Err(e) => {
                self.stuck.push((below.display().to_string(), e.to_string()));
                Ok(())
            }
        }
    }
}

/// Returns a path as one name: `editions/2026-11-20/0002` as `editions.2026-11-20.0002`.
fn flat(below: &Path) -> OsString {
    let bytes: Vec<u8> =
        below.as_os_str().as_bytes().iter().map(|b| if *b == b'/' { b'.' } else { *b }).collect();
    OsString::from_vec(bytes.into_iter().take(LONGEST).collect())
}

/// Returns the first path in a folder, by this name or with a number after it, where nothing is.
fn free(folder: &Path, name: &OsStr) -> std::io::Result<PathBuf> {
    let mut path = folder.join(name);
    for number in 1_u64.. {
        match fs::symlink_metadata(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => break,
            Err(e) => return Err(e),
            Ok(_) => {
                let mut numbered = name.to_owned();
                numbered.push(format!(".{number}"));
                path = folder.join(numbered);
            }
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_is_overwritten_and_no_link_is_followed() {
        let ledger = tempfile::tempdir().unwrap();
        let at = |name: &str| ledger.path().join(name);
        let mut strays = Strays::look(ledger.path()).unwrap();
        for text in ["one", "two", "three"] {
            fs::create_dir_all(at("editions/2026-11-20")).unwrap();
            fs::write(at("editions/2026-11-20/notes"), text).unwrap();
            strays.take(ledger.path(), &at("editions/2026-11-20/notes")).unwrap();
        }
        fs::create_dir(at("victim")).unwrap();
        fs::write(at("victim/x"), "precious").unwrap();
        symlink(at("victim"), at("link")).unwrap();
        strays.take(ledger.path(), &at("link")).unwrap();
        assert_eq!(strays, Strays::look(ledger.path()).unwrap());
        assert_eq!(
            strays.moved,
            [
                "editions.2026-11-20.notes",
                "editions.2026-11-20.notes.1",
                "editions.2026-11-20.notes.2",
                "link"
            ]
        );
        let read = |name: &str| fs::read_to_string(at("lost+found").join(name)).unwrap();
        assert_eq!(read("editions.2026-11-20.notes.1"), "two");
        assert!(fs::symlink_metadata(at("lost+found/link")).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(at("victim/x")).unwrap(), "precious");
    }
}
