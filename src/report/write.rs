//! Writing report files: all that changed are written aside first, then put in place together.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use super::Rendered;
use crate::error::Trouble;
use crate::plain_file;
use crate::redact::{visible_json, visible_lines};
use crate::table::{Metadata, Table};

pub(super) const TEMPORARY: &str = ".tmp-";
/// Letters and digits after it; another name is not ours.
pub(super) const RANDOM: usize = 12;
/// Rows beyond which a table that computes its values is never in memory as CSV.
///
/// 69 scopes of a day of minutes have fewer; their CSV takes some 10 MB.
const LONG: usize = 100_000;
/// Bytes of a long file that are written or compared at a time.
const PIECE: usize = 1 << 16;

pub(super) struct Writer<'a> {
    reports: &'a Path,
    pending: Vec<(TempPath, PathBuf)>,
    /// Files to remove because they are no longer published.
    gone: Vec<PathBuf>,
    unchanged: usize,
}

impl<'a> Writer<'a> {
    /// Creates a writer, and removes temporary files that a killed run left behind, for any day.
    pub fn new(reports: &'a Path) -> Result<Self, Trouble> {
        clear_away(reports)?;
        for name in ["months", "daily"] {
            plain_file::is_folder(&reports.join(name))?;
        }
        clear_away(&reports.join("months"))?;
        for path in entries(&reports.join("daily"))? {
            if fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir()) {
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

    /// Writes the files of a batch, and notes the ones to remove.
    pub fn batch(&mut self, batch: FileBatch) -> Result<(), Trouble> {
        for (path, content) in batch.files {
            match content {
                Content::Bytes(bytes) => self.bytes(&path, &bytes)?,
                Content::Csv(table) => self.csv(&path, &table)?,
            }
        }
        for path in &batch.none {
            self.no(path)?;
        }
        for (folder, prefix, keep) in batch.no_others {
            self.no_others(&folder, prefix, &keep)?;
        }
        Ok(())
    }

    /// Writes a text file, by its path below the reports folder.
    pub fn text(&mut self, path: &str, text: &str) -> Result<(), Trouble> {
        self.file(self.reports.join(path), shown(path, text).as_bytes())
    }

    /// Writes a file of bytes, by its path below the reports folder.
    pub fn bytes(&mut self, path: &str, bytes: &[u8]) -> Result<(), Trouble> {
        self.file(self.reports.join(path), bytes)
    }

    /// Writes a table as CSV row by row, by the path of the file below the reports folder.
    fn csv(&mut self, path: &str, table: &Table) -> Result<(), Trouble> {
        let path = self.reports.join(path);
        let is_there = self.is_there(&path)?;
        let new = staged(&path, |file| {
            let mut out = BufWriter::with_capacity(PIECE, file);
            table.write_csv(&mut out).and_then(|()| out.flush())
        })?;
        if is_there
            && is_same(plain_file::open(&new)?, plain_file::open(&path)?)
                .map_err(|e| Trouble::io(&path, "reading", e))?
        {
            self.unchanged += 1;
            return Ok(());
        }
        self.pending.push((new, path));
        Ok(())
    }

    /// Notes a file for removal, if it exists.
    pub fn no(&mut self, path: &str) -> Result<(), Trouble> {
        let path = self.reports.join(path);
        if self.is_there(&path)? {
            self.gone.push(path);
        }
        Ok(())
    }

    /// Returns whether a report file is there.
    ///
    /// # Errors
    /// [`Trouble::NotPlain`] if something else stands there, or in place of a folder on the way:
    /// a report is never written through a link.
    fn is_there(&self, path: &Path) -> Result<bool, Trouble> {
        let folders = path.ancestors().skip(1).take_while(|folder| *folder != self.reports);
        // From the outermost, because a folder cannot be looked at behind a link.
        for folder in folders.collect::<Vec<_>>().into_iter().rev() {
            plain_file::is_folder(folder)?;
        }
        plain_file::is_file(path)
    }

    fn no_others(&mut self, folder: &str, prefix: &str, keep: &[String]) -> Result<(), Trouble> {
        for path in entries(&self.reports.join(folder))? {
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            if name.starts_with(prefix) && !keep.contains(&name) && self.is_there(&path)? {
                self.gone.push(path);
            }
        }
        Ok(())
    }

    fn file(&mut self, path: PathBuf, bytes: &[u8]) -> Result<(), Trouble> {
        if self.is_there(&path)? && plain_file::read(&path)? == bytes {
            self.unchanged += 1;
            return Ok(());
        }
        self.pending.push((staged(&path, |mut file| file.write_all(bytes))?, path));
        Ok(())
    }

    /// Puts every file in its place, and removes the noted ones.
    ///
    /// All writing, which may fail for lack of space, is done before the first file moves.
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

/// The content of a file that is to be written.
enum Content {
    Bytes(Vec<u8>),
    /// A long table whose CSV is made row by row when the file is written: all slots of hundreds of
    /// scopes take some 100 bytes of CSV each.
    Csv(Table),
}

/// Files of one day, by their paths below the reports folder.
///
/// Days are drawn in parallel, each into a batch, and written one after the other.
#[derive(Default)]
pub(super) struct FileBatch {
    files: Vec<(String, Content)>,
    /// Files to remove because they are no longer published.
    none: Vec<String>,
    /// Folder, prefix and the only names with this prefix that may stay there.
    no_others: Vec<(String, &'static str, Vec<String>)>,
}

impl FileBatch {
    /// Adds `<folder>/<table>.csv` and `.parquet`.
    pub fn table(&mut self, folder: &str, table: &Table, metadata: &Metadata) -> Result<(), Trouble> {
        let table = table.visible();
        let folder = Path::new(folder);
        let path =
            |ending: &str| folder.join(format!("{}.{ending}", table.spec().name)).display().to_string();
        let parquet = table
            .to_parquet(metadata)
            .map_err(|e| Trouble::io(path("parquet"), "writing Parquet", std::io::Error::other(e)))?;
        let is_long = table.has_cells() && table.len() > LONG;
        let csv = if is_long { Content::Csv((*table).clone()) } else { Content::Bytes(table.to_csv()) };
        self.files.push((path("csv"), csv));
        self.files.push((path("parquet"), Content::Bytes(parquet)));
        Ok(())
    }

    pub fn text(&mut self, path: String, text: String) {
        let text = shown(&path, &text).into_owned();
        self.files.push((path, Content::Bytes(text.into_bytes())));
    }

    pub fn no(&mut self, path: String) {
        self.none.push(path);
    }

    /// Removes the files of a folder that begin with `prefix` and are not in `keep`.
    pub fn no_others(&mut self, folder: &str, prefix: &'static str, keep: Vec<String>) {
        self.no_others.push((folder.to_owned(), prefix, keep));
    }
}

/// Returns the text of a report as it is written: no character in it is hidden.
fn shown<'t>(path: &str, text: &'t str) -> Cow<'t, str> {
    let is_json = path.ends_with("json");
    if is_json { visible_json(text) } else { visible_lines(text) }
}

/// Removes the temporary files of a folder.
fn clear_away(folder: &Path) -> Result<(), Trouble> {
    for path in entries(folder)? {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if is_temporary(&name) && fs::symlink_metadata(&path).is_ok_and(|found| found.is_file()) {
            fs::remove_file(&path).map_err(|e| Trouble::io(&path, "clearing away", e))?;
        }
    }
    Ok(())
}

/// Returns whether a name is one of ours for a file that is being written.
pub(super) fn is_temporary(name: &str) -> bool {
    let random = name.strip_prefix(TEMPORARY).unwrap_or_default();
    random.len() == RANDOM && random.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Lists the paths in a folder; a folder that does not exist has none.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, Trouble> {
    let trouble = |e| Trouble::io(folder, "listing", e);
    match fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries.map_err(trouble)?.map(|e| e.map(|e| e.path()).map_err(trouble)).collect(),
    }
}

/// Returns whether two files have the same bytes, which may not fit into memory.
fn is_same(mut one: impl Read, mut other: impl Read) -> io::Result<bool> {
    let (mut ours, mut theirs) = (Vec::with_capacity(PIECE), Vec::with_capacity(PIECE));
    loop {
        ours.clear();
        theirs.clear();
        one.by_ref().take(PIECE as u64).read_to_end(&mut ours)?;
        other.by_ref().take(PIECE as u64).read_to_end(&mut theirs)?;
        if ours != theirs || ours.is_empty() {
            return Ok(ours == theirs);
        }
    }
}

/// Writes a temporary file in the folder of `path`, and syncs it.
///
/// Renaming it later shows a reader the old file or the new one, never a part. It is removed if it
/// is dropped before.
fn staged(path: &Path, write: impl FnOnce(&File) -> io::Result<()>) -> Result<TempPath, Trouble> {
    let trouble = |e| Trouble::io(path, "writing", e);
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(|e| Trouble::io(folder, "creating the folder", e))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY).rand_bytes(RANDOM);
    open_to_readers(&mut builder);
    let file = builder.tempfile_in(folder).map_err(trouble)?;
    write(file.as_file()).and_then(|()| file.as_file().sync_all()).map_err(trouble)?;
    Ok(file.into_temp_path())
}

/// Sets the mode of a temporary file, which is private to its owner by default.
///
/// The umask still applies: it decides who may read the reports.
#[cfg(unix)]
fn open_to_readers(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn open_to_readers(_builder: &mut tempfile::Builder<'_, '_>) {}
