//! The folder of a stored daybook, whose files are hashed before they are read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::number_rows::damaged;
use crate::error::Trouble;
use crate::plain_file::{self, sha256, sha256_of};

/// File that lists hashes and names of the others, as `sha256sum` writes them.
///
/// The SHA-256 of this list is the hash of the daybook.
pub const FILES: &str = "files.sha256";

/// The folder of a stored daybook.
///
/// A file is hashed once, when it is first read: clones know what has been hashed.
#[derive(Debug, Clone)]
pub struct DaybookFolder {
    place: PathBuf,
    /// Hash of the daybook.
    daybook: String,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Hashes of the files, by name; `None` until the list is read.
    listed: Option<BTreeMap<String, String>>,
    /// Files that are as they were written.
    intact: BTreeSet<String>,
}

impl DaybookFolder {
    /// Names a folder that holds the daybook of this hash.
    pub fn new(place: PathBuf, daybook: &str) -> Self {
        Self { place, daybook: daybook.to_owned(), seen: Arc::default() }
    }

    /// Names a folder of files as they stand there, before a journal names them.
    ///
    /// # Errors
    /// As for [`list`].
    pub fn as_found(place: PathBuf) -> Result<Self, Trouble> {
        let daybook = sha256(list(&place)?.as_bytes());
        Ok(Self::new(place, &daybook))
    }

    pub fn path(&self) -> &Path {
        &self.place
    }

    /// Returns the path of a file that is as it was written.
    ///
    /// # Errors
    /// [`Trouble::Damaged`] with the path of the file, or of the list of files: it is missing, or
    /// has another hash.
    pub fn file(&self, name: &str) -> Result<PathBuf, Trouble> {
        let path = self.place.join(name);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.intact.contains(name) {
            return Ok(path);
        }
        let Some(said) = self.list(&mut seen)?.get(name).cloned() else {
            return Err(damaged(&path, &format!("it is read, but {FILES} does not name it")));
        };
        let found = sha256_of(&path).map_err(Trouble::of_stored)?;
        if found != said {
            return Err(damaged(&path, &format!("its SHA-256 is {found}, {FILES} names {said}")));
        }
        seen.intact.insert(name.to_owned());
        Ok(path)
    }

    /// Returns the names of all files, sorted.
    ///
    /// # Errors
    /// [`Trouble::Damaged`] with the path of the list of files.
    pub fn names(&self) -> Result<Vec<String>, Trouble> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(self.list(&mut seen)?.keys().cloned().collect())
    }

    /// Returns the hashes of the files by name; the list is read once.
    fn list<'s>(&self, seen: &'s mut Seen) -> Result<&'s BTreeMap<String, String>, Trouble> {
        let listed = match seen.listed.take() {
            Some(listed) => listed,
            None => self.listed()?,
        };
        Ok(seen.listed.insert(listed))
    }

    /// Checks all files.
    ///
    /// # Errors
    /// As for [`DaybookFolder::file`].
    pub fn check(&self) -> Result<(), Trouble> {
        self.listed()?.keys().try_for_each(|name| self.file(name).map(drop))
    }

    /// Reads the list; without it, the files that are there are hashed: they give the same list.
    fn listed(&self) -> Result<BTreeMap<String, String>, Trouble> {
        let path = self.place.join(FILES);
        let text = match plain_file::read_if_there(&path).map_err(Trouble::of_stored)? {
            Some(text) => text,
            None => list(&self.place)?.into_bytes(),
        };
        let found = sha256(&text);
        if found != self.daybook {
            let said = &self.daybook;
            return Err(damaged(&path, &format!("its SHA-256 is {found}, the journal names {said}")));
        }
        let text = String::from_utf8(text).map_err(|e| damaged(&path, &e))?;
        let split = |line: &str| line.split_once("  ").map(|(hash, name)| (name.to_owned(), hash.to_owned()));
        Ok(text.lines().filter_map(split).collect())
    }
}

/// Lists the files of a folder, one line each: SHA-256, two blanks, name; but not the list itself.
///
/// # Errors
/// [`Trouble::Damaged`] if the folder or a file cannot be read.
pub fn list(folder: &Path) -> Result<String, Trouble> {
    let unread = |e: std::io::Error| damaged(folder, &e);
    let names = fs::read_dir(folder).map_err(unread)?;
    let names = names.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
    let mut names: Vec<String> = names.collect::<Result<_, _>>().map_err(unread)?;
    names.retain(|name| name != FILES);
    names.sort_unstable();
    let mut list = String::new();
    for name in names {
        let hash = sha256_of(&folder.join(&name)).map_err(Trouble::of_stored)?;
        list.extend([&hash, "  ", &name, "\n"]);
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_given_out_only_as_it_was_written() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::write(at("a"), "one").unwrap();
        fs::write(at("b"), "two").unwrap();
        let text = list(place.path()).unwrap();
        let open = || DaybookFolder::new(place.path().to_path_buf(), &sha256(text.as_bytes()));
        // Without the list, the files give it.
        assert_eq!(open().file("a").unwrap(), at("a"));
        fs::write(at(FILES), &text).unwrap();
        let folder = open();
        folder.check().unwrap();

        fs::write(at("b"), "twO").unwrap();
        assert!(folder.clone().file("b").is_ok(), "it was hashed before");
        let told = open().file("b").unwrap_err().to_string();
        assert!(told.contains("/b is damaged: its SHA-256 is"), "{told}");
        assert!(open().file("a").is_ok());
        assert!(open().file("c").unwrap_err().to_string().contains("does not name it"));
        fs::write(at(FILES), text.replace("  b", "  c")).unwrap();
        let told = open().file("a").unwrap_err().to_string();
        assert!(told.contains("files.sha256 is damaged"), "{told}");
    }
}
