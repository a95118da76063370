//! Safe writing: a file or folder appears whole or not at all, and is synced before it is named.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::Trouble;
use crate::plain_file;
pub(super) use crate::plain_file::{hex, sha256};
use crate::table::{Spec, Table};

/// Folder in the ledger for what is being written; the next run removes what a killed one left.
pub(super) const TEMPORARY: &str = ".tmp";

/// Returns the SHA-256 of a stored file, in hex.
pub(super) fn sha256_of(path: &Path) -> Result<String, Trouble> {
    plain_file::sha256_of(path).map_err(Trouble::of_stored)
}

/// Lists the names in a folder, sorted; a folder that does not exist has none.
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

/// Writes and syncs a new file, in a folder that no reader looks at yet.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
    let written = File::create_new(path).and_then(|mut f| f.write_all(bytes).and_then(|()| f.sync_all()));
    written.map_err(|e| Trouble::io(path, "writing", e))
}

/// Writes a file by renaming, so that a reader sees the old content or the new one, never a mix.
pub(super) fn put(path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
    put_with(path, bytes, 0o666)
}

/// Writes a file like [`put`], readable by the job's own user alone.
pub(super) fn put_private(path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
    put_with(path, bytes, 0o600)
}

fn put_with(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Trouble> {
    let trouble = |e| Trouble::io(path, "writing", e);
    let folder = path.parent().unwrap_or(path);
    let mut builder = tempfile::Builder::new();
    open_to_readers(&mut builder, mode);
    let mut file = builder.tempfile_in(temporaries(folder)?).map_err(trouble)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(trouble)?;
    file.persist(path).map_err(|e| trouble(e.error))?;
    sync_folder(folder)
}

/// Writes a file of a ledger in place of the one that stands there, if any.
pub(super) fn replace(ledger: &Path, path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
    let scratch = temporary(ledger)?;
    let new = scratch.path().join("new");
    write(&new, bytes)?;
    fs::rename(&new, path).map_err(|e| Trouble::io(path, "putting in place", e))?;
    sync_folder(path.parent().unwrap_or(path))
}

/// Creates a temporary folder of a ledger, which is created if it does not exist.
pub(super) fn temporary(ledger: &Path) -> Result<TempDir, Trouble> {
    let place = temporaries(ledger)?;
    let mut builder = tempfile::Builder::new();
    open_to_readers(&mut builder, 0o777);
    builder.tempdir_in(&place).map_err(|e| Trouble::io(place, "creating a temporary folder", e))
}

/// Returns the folder for what is being written, which is created if it does not exist.
fn temporaries(ledger: &Path) -> Result<PathBuf, Trouble> {
    let place = ledger.join(TEMPORARY);
    if !plain_file::is_folder(&place)? {
        fs::create_dir_all(&place).map_err(|e| Trouble::io(&place, "creating the folder", e))?;
    }
    Ok(place)
}

/// Moves a written folder to its place, where nothing stands, and syncs it.
pub(super) fn put_folder(folder: TempDir, place: &Path) -> Result<(), Trouble> {
    sync_folder(folder.path())?;
    let parent = place.parent().unwrap_or(place);
    fs::create_dir_all(parent).map_err(|e| Trouble::io(parent, "creating the folder", e))?;
    // Kept only after the rename: if that fails, dropping `folder` removes it.
    fs::rename(folder.path(), place).map_err(|e| Trouble::io(place, "putting in place", e))?;
    let _ = folder.keep();
    sync_folder(parent)?;
    parent.parent().map_or(Ok(()), sync_folder)
}

/// Removes a file or folder; if there is none, that is no error.
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

/// Syncs a folder: a rename in it is on disk only after that.
pub(super) fn sync_folder(path: &Path) -> Result<(), Trouble> {
    File::open(path).and_then(|f| f.sync_all()).map_err(|e| Trouble::io(path, "syncing", e))
}

pub(super) fn damaged(path: &Path, why: impl ToString) -> Trouble {
    Trouble::Damaged { path: path.to_owned(), why: why.to_string() }
}

/// Returns a maker of temporary files with this mode, less the umask.
pub(super) fn readable(mode: u32) -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    open_to_readers(&mut builder, mode);
    builder
}

/// Sets the mode of a temporary file or folder, which is private to its owner by default.
///
/// The umask still applies: it decides who may read the ledger.
#[cfg(unix)]
fn open_to_readers(builder: &mut tempfile::Builder<'_, '_>, mode: u32) {
    use std::os::unix::fs::PermissionsExt;

    builder.permissions(fs::Permissions::from_mode(mode));
}

#[cfg(not(unix))]
fn open_to_readers(_builder: &mut tempfile::Builder<'_, '_>, _mode: u32) {}

/// Reads a Parquet file as a table with this schema.
///
/// # Errors
/// [`Trouble::Io`] if it cannot be opened, [`Trouble::Damaged`] if it does not fit the schema.
pub fn read_table(path: &Path, spec: &'static Spec) -> Result<Table, Trouble> {
    let file = plain_file::open(path).map_err(Trouble::of_stored)?;
    Table::from_parquet(spec, file).map_err(|e| damaged(path, e))
}
