//! Publish: copies finished reports that changed to where they are served, the index page last.
//!
//! The ledger stays where it is. `.published` notes what was copied, so that a run that was cut off
//! or failed leaves the rest to the next one. It notes size and time: an ETag is no hash of the
//! content everywhere. Given up: a folder restored from a backup is copied once more.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::destination::{Destination, is_inside};
use super::write::Writer;
use crate::error::Trouble;
use crate::plain_file;
use crate::store::Stores;

/// The file that notes what was copied, in the reports folder.
const PUBLISHED: &str = ".published";
/// Folders of reports; files in the reports folder itself are known by their endings.
const FOLDERS: [&str; 3] = ["daily", "heads", "months"];
/// Endings of reports with their media types.
const KINDS: [(&str, &str); 14] = [
    ("html", "text/html; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("json", "application/json"),
    ("ndjson", "application/x-ndjson"),
    ("atom", "application/atom+xml"),
    ("prom", "text/plain; version=0.0.4"),
    ("parquet", "application/vnd.apache.parquet"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("journal", "text/plain; charset=utf-8"),
    ("txt", "text/plain; charset=utf-8"),
    ("checkpoint", "text/plain; charset=utf-8"),
    ("minisig", "text/plain; charset=utf-8"),
    ("tsq", "application/timestamp-query"),
    ("tsr", "application/timestamp-reply"),
];
const INDEX: &str = "index.html";
/// What bad rows look like is for those who mend the logs, and may be their text (`excerpts`).
const PRIVATE: &str = "quarantine.ndjson";
/// Copies that are under way at a time.
const AT_A_TIME: usize = 8;

/// What was copied, and where to.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Copied {
    to: String,
    /// By path in the reports folder.
    files: BTreeMap<String, Stamp>,
}

/// Size and time of a file, which change whenever a report is written anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    bytes: u64,
    modified_us: u64,
}

/// Why reports were not published, and how many wait.
#[derive(Debug)]
pub struct NotPublished {
    pub trouble: Trouble,
    pub waiting: usize,
}

/// Copies the reports that are new or changed since the last copy, and removes those that are gone.
///
/// Pages follow the tables that they link to, and the index page comes last.
///
/// # Errors
/// The reports folder cannot be read or the note not be written.
pub fn publish(reports: &Path, to: &Destination, stores: &Stores) -> Result<Option<NotPublished>, Trouble> {
    if let Err(trouble) = to.open() {
        let waiting = files(reports)?.len();
        return Ok(Some(NotPublished { trouble, waiting }));
    }
    let mut copied = noted(reports, to)?;
    let found = files(reports)?;
    let is_new = |(path, stamp): &(&String, &Stamp)| copied.files.get(*path) != Some(*stamp);
    let new: Vec<(&String, &Stamp)> = found.iter().filter(is_new).collect();
    let gone: Vec<String> = copied.files.keys().filter(|path| !found.contains_key(*path)).cloned().collect();
    if new.is_empty() && gone.is_empty() {
        return Ok(None);
    }
    let waves =
        [0, 1, 2].map(|wave| new.iter().filter(|(path, _)| wave_of(path) == wave).collect::<Vec<_>>());
    let mut failed = None;
    for (number, wave) in waves.iter().enumerate() {
        // Whatever an old page links to stays until the new ones are there.
        if number == 2 && failed.is_none() {
            for path in &gone {
                if let Err(trouble) = to.delete(path, stores) {
                    failed = Some(trouble);
                    break;
                }
                copied.files.remove(path);
            }
        }
        if failed.is_some() {
            break;
        }
        let (done, error) = copy(reports, to, stores, wave);
        copied.files.extend(done.into_iter().map(|(path, stamp)| (path.clone(), *stamp)));
        failed = error;
    }
    let waiting = found.iter().filter(|(path, stamp)| copied.files.get(*path) != Some(*stamp)).count();
    let text = serde_json::to_string(&copied).unwrap_or_default();
    let mut note = Writer::new(reports)?;
    note.text(PUBLISHED, &text)?;
    note.done()?;
    Ok(failed.map(|trouble| NotPublished { trouble, waiting }))
}

/// Returns when a file is copied: tables first, then pages, then the index page.
fn wave_of(path: &str) -> usize {
    match path {
        INDEX => 2,
        path if ending(path) == "html" => 1,
        _ => 0,
    }
}

/// Returns the ending of a name; empty if it has none.
fn ending(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, ending)| ending)
}

/// Copies some files, several at a time; returns those that were copied, and why one was not.
fn copy<'f>(
    reports: &Path,
    to: &Destination,
    stores: &Stores,
    files: &[&(&'f String, &'f Stamp)],
) -> (Vec<(&'f String, &'f Stamp)>, Option<Trouble>) {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((path, stamp)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(trouble) = copy_one(reports, path, to, stores) {
                next.store(files.len(), Ordering::Relaxed);
                return (done, Some(trouble));
            }
            done.push((*path, *stamp));
        }
        (done, None)
    };
    let results: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..files.len().min(AT_A_TIME)).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let mut all = (Vec::new(), None);
    for (done, trouble) in results {
        all.0.extend(done);
        all.1 = all.1.or(trouble);
    }
    all
}

fn copy_one(reports: &Path, path: &str, to: &Destination, stores: &Stores) -> Result<(), Trouble> {
    let kind = KINDS.iter().find(|(known, _)| *known == ending(path));
    let media_type = kind.map_or("application/octet-stream", |(_, media_type)| media_type);
    to.put(path, plain_file::open(&reports.join(path))?, media_type, stores)
}

/// Reads what was copied; nothing, if it was copied elsewhere.
fn noted(reports: &Path, to: &Destination) -> Result<Copied, Trouble> {
    let read = plain_file::read_if_there(&reports.join(PUBLISHED))?;
    // A note that cannot be read costs a copy of everything.
    let copied = read.and_then(|bytes| serde_json::from_slice::<Copied>(&bytes).ok());
    let mut copied = copied
        .filter(|copied| copied.to == to.to_string())
        .unwrap_or(Copied { to: to.to_string(), files: BTreeMap::new() });
    // The note may have been changed, and what was copied be gone.
    copied.files.retain(|path, stamp| is_inside(path) && to.has(path, stamp.bytes));
    Ok(copied)
}

/// Returns the reports, by their paths in the reports folder.
fn files(reports: &Path) -> Result<BTreeMap<String, Stamp>, Trouble> {
    let mut found = BTreeMap::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let place = reports.join(&folder);
        let trouble = |e| Trouble::io(&place, "listing the folder", e);
        for entry in fs::read_dir(&place).map_err(trouble)? {
            let entry = entry.map_err(trouble)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            // Links are not followed.
            let metadata = entry.metadata().map_err(trouble)?;
            let is_report = KINDS.iter().any(|(known, _)| *known == ending(&name));
            let path = format!("{folder}{name}");
            if metadata.is_dir() && (!folder.is_empty() || FOLDERS.contains(&name.as_str())) {
                folders.push(format!("{path}/"));
            } else if metadata.is_file() && is_report && !name.starts_with('.') && name != PRIVATE {
                let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
                let modified_us = modified.map_or(0, |at| at.as_micros() as u64);
                found.insert(path, Stamp { bytes: metadata.len(), modified_us });
            }
        }
    }
    Ok(found)
}
