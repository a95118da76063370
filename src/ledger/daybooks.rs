//! Daybooks: what the logs of each day said, kept beside the editions so that later days can settle what was left open.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Ledger, folder};
use crate::day::Day;
use crate::error::Trouble;
use crate::intake::Daybooks;

const FOLDER: &str = "daybooks";
const SALT: &str = "salt";

impl Ledger {
    fn daybook_folder(&self) -> PathBuf {
        self.folder.join(FOLDER)
    }

    /// The daybooks that are kept, by day.
    pub fn daybooks(&self) -> Result<Daybooks, Trouble> {
        let parent = self.daybook_folder();
        let days = folder::days(&parent)?;
        Ok(days.into_iter().map(|day| (day, folder::standing(&parent, day))).collect())
    }

    /// A folder for intake to write a daybook into.
    pub fn scratch(&self) -> Result<TempDir, Trouble> {
        folder::tidy(&self.daybook_folder())?;
        folder::temporary(&self.daybook_folder())
    }

    /// Keeps a daybook, in place of what was kept of its day; the same as before changes nothing. The caller holds the
    /// [`super::Lock`].
    pub fn keep(&self, day: Day, scratch: TempDir) -> Result<(), Trouble> {
        let parent = self.daybook_folder();
        if is_same(&folder::standing(&parent, day), scratch.path())? {
            return Ok(());
        }
        folder::swap_in(&parent, &day.to_string(), scratch)
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
        Ok(super::lines::hex(&bytes))
    }

    /// Keeps a salt for as long as the ledger, where none is kept yet; readable by the job's own user alone.
    pub fn keep_salt(&self, salt: &str) -> Result<(), Trouble> {
        let path = self.folder.join(SALT);
        if path.exists() {
            return Ok(());
        }
        let trouble = |e| Trouble::io(&path, "writing", e);
        let mut file = tempfile::NamedTempFile::new_in(&self.folder).map_err(trouble)?;
        writeln!(file, "{salt}").and_then(|()| file.as_file().sync_all()).map_err(trouble)?;
        file.persist(&path).map_err(|e| trouble(e.error))?;
        Ok(())
    }
}

/// Do two folders hold the same files?
fn is_same(a: &Path, b: &Path) -> Result<bool, Trouble> {
    let files = |folder: &Path| -> Result<BTreeSet<std::ffi::OsString>, Trouble> {
        let trouble = |e| Trouble::io(folder, "listing", e);
        match fs::read_dir(folder) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(BTreeSet::new()),
            entries => entries.map_err(trouble)?.map(|e| Ok(e.map_err(trouble)?.file_name())).collect(),
        }
    };
    let names = files(a)?;
    if names != files(b)? {
        return Ok(false);
    }
    for name in names {
        if !has_same_bytes(&a.join(&name), &b.join(&name))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Piece by piece: what a day carries may be longer than memory.
fn has_same_bytes(a: &Path, b: &Path) -> Result<bool, Trouble> {
    let open = |path: &Path| {
        let file = File::open(path).map_err(|e| Trouble::io(path, "reading", e))?;
        let length = file.metadata().map_err(|e| Trouble::io(path, "reading", e))?.len();
        Ok::<_, Trouble>((BufReader::with_capacity(1 << 16, file), length))
    };
    let ((mut one, length), (mut other, other_length)) = (open(a)?, open(b)?);
    if length != other_length {
        return Ok(false);
    }
    let (mut left, mut right) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut rest = length as usize;
    while rest > 0 {
        let n = rest.min(left.len());
        one.read_exact(&mut left[..n]).map_err(|e| Trouble::io(a, "reading", e))?;
        other.read_exact(&mut right[..n]).map_err(|e| Trouble::io(b, "reading", e))?;
        if left[..n] != right[..n] {
            return Ok(false);
        }
        rest -= n;
    }
    Ok(true)
}
