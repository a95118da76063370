//! Writing safely: whole files or none, on disk before anybody is told of them.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::error::Trouble;
use crate::table::{Spec, Table};

/// What a killed run leaves behind begins like this; the next one clears it away.
pub(super) const TEMPORARY: &str = ".tmp-";

/// SHA-256 in hex.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// SHA-256 of a file, which may be longer than memory.
pub(super) fn sha256_of(path: &Path) -> Result<String, Trouble> {
    let trouble = |e| Trouble::io(path, "reading", e);
    let mut file = File::open(path).map_err(trouble)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(trouble)? {
            0 => return Ok(hex(&hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}

/// Hashes and names of the files of a folder, a line for each.
pub(super) fn listing(folder: &Path) -> Result<String, Trouble> {
    let mut listing = String::new();
    for name in names(folder)? {
        let of_file = sha256_of(&folder.join(&name))?;
        listing.extend([&of_file, "  ", &name, "\n"]);
    }
    Ok(listing)
}

/// Names of what lies in a folder, in order; none when there is no such folder.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, Trouble> {
    let trouble = |e| Trouble::io(folder, "listing the ledger", e);
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(trouble)?,
    };
    let names = entries.map(|e| e.map(|e| e.file_name().to_string_lossy().into_owned()).map_err(trouble));
    let mut names: Vec<String> = names.collect::<Result<_, _>>()?;
    names.sort_unstable();
    Ok(names)
}

/// Writes a file that does not exist yet, in a folder that nobody looks at yet.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
    let written = File::create(path).and_then(|mut f| f.write_all(bytes).and_then(|()| f.sync_all()));
    written.map_err(|e| Trouble::io(path, "writing", e))
}

/// Puts a file in its place, where another may stand: a reader sees the one before or the one after.
pub(super) fn put(path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
    put_with(path, bytes, 0o666)
}

/// [`put`], readable by the job's own user alone.
pub(super) fn put_private(path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
    put_with(path, bytes, 0o600)
}

fn put_with(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Trouble> {
    let trouble = |e| Trouble::io(path, "writing", e);
    let folder = path.parent().unwrap_or(path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    open_to_readers(&mut builder, mode);
    let mut file = builder.tempfile_in(folder).map_err(trouble)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(trouble)?;
    file.persist(path).map_err(|e| trouble(e.error))?;
    sync_folder(folder)
}

/// A folder to write into, in a parent that is made if need be.
pub(super) fn temporary(parent: &Path) -> Result<TempDir, Trouble> {
    fs::create_dir_all(parent).map_err(|e| Trouble::io(parent, "creating the folder", e))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    open_to_readers(&mut builder, 0o777);
    builder.tempdir_in(parent).map_err(|e| Trouble::io(parent, "creating a temporary folder", e))
}

/// Puts a written folder in a place where nothing stands that anybody was told of.
pub(super) fn put_folder(folder: TempDir, place: &Path) -> Result<(), Trouble> {
    sync_folder(folder.path())?;
    remove(place)?;
    let parent = place.parent().unwrap_or(place);
    fs::create_dir_all(parent).map_err(|e| Trouble::io(parent, "creating the folder", e))?;
    // Forgotten only once it has moved: what cannot be moved is cleared away.
    fs::rename(folder.path(), place).map_err(|e| Trouble::io(place, "putting in place", e))?;
    let _ = folder.keep();
    sync_folder(parent)?;
    parent.parent().map_or(Ok(()), sync_folder)
}

/// Removes a file or folder; what is not there is as good as removed.
pub(super) fn remove(path: &Path) -> Result<(), Trouble> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(e) => Err(e),
    };
    match removed {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(Trouble::io(path, "clearing away", e)),
        _ => Ok(()),
    }
}

/// A rename is on disk once the folder that names the file is.
pub(super) fn sync_folder(path: &Path) -> Result<(), Trouble> {
    File::open(path).and_then(|f| f.sync_all()).map_err(|e| Trouble::io(path, "syncing", e))
}

pub(super) fn damaged(path: &Path, why: impl ToString) -> Trouble {
    Trouble::Damaged { path: path.to_owned(), why: why.to_string() }
}

/// Temporary files are private to their owner unless told otherwise; the ledger is for whom the umask lets in.
#[cfg(unix)]
fn open_to_readers(builder: &mut tempfile::Builder<'_, '_>, mode: u32) {
    use std::os::unix::fs::PermissionsExt;

    builder.permissions(fs::Permissions::from_mode(mode));
}

#[cfg(not(unix))]
fn open_to_readers(_builder: &mut tempfile::Builder<'_, '_>, _mode: u32) {}

pub fn read_table(path: &Path, spec: &'static Spec) -> Result<Table, Trouble> {
    let file = File::open(path).map_err(|e| Trouble::io(path, "reading", e))?;
    Table::from_parquet(spec, file).map_err(|e| damaged(path, e))
}
