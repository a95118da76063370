//! Writing report files: all are written before any is put in place, and only those that would change.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use super::Rendered;
use crate::error::Trouble;
use crate::table::{Metadata, Table};

const TEMPORARY: &str = ".tmp-";

pub(super) struct Writer<'a> {
    reports: &'a Path,
    pending: Vec<(TempPath, PathBuf)>,
    /// Files that are not published any more.
    gone: Vec<PathBuf>,
    unchanged: usize,
}

impl<'a> Writer<'a> {
    /// Clears away first what a killed run left behind, of whatever day.
    pub fn new(reports: &'a Path) -> Result<Self, Trouble> {
        clear_away(reports)?;
        clear_away(&reports.join("months"))?;
        for path in entries(&reports.join("daily"))? {
            if path.is_dir() {
                clear_away(&path)?;
            }
        }
        Ok(Self { reports, pending: Vec::new(), gone: Vec::new(), unchanged: 0 })
    }

    /// Writes `<table>.csv` and `<table>.parquet`.
    pub fn table(&mut self, table: &Table, metadata: &Metadata) -> Result<(), Trouble> {
        let mut batch = FileBatch::default();
        batch.table("", table, metadata)?;
        self.batch(batch)
    }

    /// Writes what was made elsewhere.
    pub fn batch(&mut self, batch: FileBatch) -> Result<(), Trouble> {
        for (path, bytes) in batch.files {
            self.bytes(&path, &bytes)?;
        }
        batch.none.iter().for_each(|path| self.no(path));
        for (folder, prefix, keep) in batch.no_others {
            self.no_others(&folder, prefix, &keep)?;
        }
        Ok(())
    }

    /// Writes a text file, by its path below the reports folder.
    pub fn text(&mut self, path: &str, text: &str) -> Result<(), Trouble> {
        self.file(self.reports.join(path), text.as_bytes())
    }

    /// Writes a file of bytes, by its path below the reports folder.
    pub fn bytes(&mut self, path: &str, bytes: &[u8]) -> Result<(), Trouble> {
        self.file(self.reports.join(path), bytes)
    }

    /// Takes away a file that is not published any more, if it is there.
    pub fn no(&mut self, path: &str) {
        let path = self.reports.join(path);
        if path.exists() {
            self.gone.push(path);
        }
    }

    fn no_others(&mut self, folder: &str, prefix: &str, keep: &[String]) -> Result<(), Trouble> {
        for path in entries(&self.reports.join(folder))? {
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            if name.starts_with(prefix) && !keep.contains(&name) {
                self.gone.push(path);
            }
        }
        Ok(())
    }

    fn file(&mut self, path: PathBuf, bytes: &[u8]) -> Result<(), Trouble> {
        if fs::read(&path).is_ok_and(|found| found == bytes) {
            self.unchanged += 1;
            return Ok(());
        }
        self.pending.push((staged(&path, bytes)?, path));
        Ok(())
    }

    /// Puts every file in its place. What can fail for want of space has been done before the first one moves.
    pub fn done(self) -> Result<Rendered, Trouble> {
        let mut written = Vec::with_capacity(self.pending.len());
        for (file, path) in self.pending {
            file.persist(&path).map_err(|e| Trouble::io(&path, "putting in place", e.error))?;
            written.push(path);
        }
        for path in self.gone {
            fs::remove_file(&path).map_err(|e| Trouble::io(&path, "removing", e))?;
        }
        Ok(Rendered { written, unchanged: self.unchanged })
    }
}

/// Files that are made but not written, by their paths below the reports folder: days are drawn side by side and written one
/// after the other.
#[derive(Default)]
pub(super) struct FileBatch {
    files: Vec<(String, Vec<u8>)>,
    /// Files that are not published any more.
    none: Vec<String>,
    /// Folders in which only the files given may begin so.
    no_others: Vec<(String, &'static str, Vec<String>)>,
}

impl FileBatch {
    /// `<folder>/<table>.csv` and `.parquet`.
    pub fn table(&mut self, folder: &str, table: &Table, metadata: &Metadata) -> Result<(), Trouble> {
        let folder = Path::new(folder);
        let path =
            |ending: &str| folder.join(format!("{}.{ending}", table.spec().name)).display().to_string();
        let parquet = table
            .to_parquet(metadata)
            .map_err(|e| Trouble::io(path("parquet"), "writing Parquet", std::io::Error::other(e)))?;
        self.files.push((path("csv"), table.to_csv()));
        self.files.push((path("parquet"), parquet));
        Ok(())
    }

    pub fn text(&mut self, path: String, text: String) {
        self.files.push((path, text.into_bytes()));
    }

    pub fn no(&mut self, path: String) {
        self.none.push(path);
    }

    /// Takes away the files of a folder that begin so and are not among those to keep.
    pub fn no_others(&mut self, folder: &str, prefix: &'static str, keep: Vec<String>) {
        self.no_others.push((folder.to_owned(), prefix, keep));
    }
}

/// Removes the temporary files of a folder.
fn clear_away(folder: &Path) -> Result<(), Trouble> {
    for path in entries(folder)? {
        let is_temporary = path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(TEMPORARY));
        if is_temporary && path.is_file() {
            fs::remove_file(&path).map_err(|e| Trouble::io(&path, "clearing away", e))?;
        }
    }
    Ok(())
}

/// What lies in a folder; nothing when there is no such folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Trouble> {
    let trouble = |e| Trouble::io(folder, "listing", e);
    match fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries.map_err(trouble)?.map(|e| e.map(|e| e.path()).map_err(trouble)).collect(),
    }
}

/// Writes `bytes` to a hidden file beside `path`, so that a reader sees the file before or the file after, never a
/// part of it. It disappears when it is not put in place.
fn staged(path: &Path, bytes: &[u8]) -> Result<TempPath, Trouble> {
    let trouble = |e| Trouble::io(path, "writing", e);
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(|e| Trouble::io(folder, "creating the folder", e))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    open_to_readers(&mut builder);
    let mut file = builder.tempfile_in(folder).map_err(trouble)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(trouble)?;
    Ok(file.into_temp_path())
}

/// Temporary files are private to their owner unless told otherwise; reports are for whom the umask lets in.
#[cfg(unix)]
fn open_to_readers(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn open_to_readers(_builder: &mut tempfile::Builder<'_, '_>) {}
