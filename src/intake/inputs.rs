//! Inputs: which log files a day has, and how they look, so that only what has changed is read again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::pieces::{self, Pieces};
use super::{files, workers};
use crate::config::Config;
use crate::day::Day;
use crate::error::Trouble;

/// A log file as it was when it was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// As the reports show it.
    pub path: String,
    pub bytes: u64,
    /// Microseconds since 1970; 0 where the disk keeps none.
    pub modified_us: i64,
    /// XXH3-128 in hex, of its bytes or, beyond 8 MiB, of the hashes of its pieces of 8 MiB; empty when it could not be read,
    /// or changed meanwhile. It tells files apart and proves nothing.
    pub hash: String,
}

/// The log files of a day and of its neighbours as they are now. Of a file that is known with the same size and time the
/// hash is taken over, without reading it; as many `threads` read the others.
///
/// # Errors
/// A path named by hand does not exist, or a folder cannot be listed.
pub fn inputs(config: &Config, day: Day, known: &[Input], threads: usize) -> Result<Vec<Input>, Trouble> {
    Ok(listing(config, day, known)?.hashed(&BTreeMap::new(), threads))
}

/// Log files as they looked at one moment, some without their hash.
pub struct Listing(Vec<(PathBuf, Input)>);

/// The log files of a day and of its neighbours as they are now; of those that are known with the same size and time, with
/// their hash.
///
/// # Errors
/// A path named by hand does not exist, or a folder cannot be listed.
pub fn listing(config: &Config, day: Day, known: &[Input]) -> Result<Listing, Trouble> {
    let input = |file: files::LogFile| {
        let modified_us = modified_us(&file.path);
        let same = known.iter().find(|k| {
            k.path == file.shown && (k.bytes, k.modified_us) == (file.bytes, modified_us) && modified_us != 0
        });
        let hash = same.map(|k| k.hash.clone()).unwrap_or_default();
        (file.path, Input { path: file.shown, bytes: file.bytes, modified_us, hash })
    };
    Ok(Listing(files::find(&config.sources, &config.base, day)?.into_iter().map(input).collect()))
}

impl Listing {
    /// The hashes that are missing: as they are `taken` already, by path, or by reading the files with as many `threads`. A file
    /// that is read for its hash here and has changed since it was listed stays without, so that the next run looks at it again.
    pub fn hashed(mut self, taken: &BTreeMap<String, String>, threads: usize) -> Vec<Input> {
        for (_, input) in self.0.iter_mut().filter(|(_, input)| input.hash.is_empty()) {
            input.hash = taken.get(&input.path).cloned().unwrap_or_default();
        }
        let found = &mut self.0;
        // The largest first, so that no worker is left alone with one at the end.
        let mut unknown: Vec<usize> = (0..found.len()).filter(|n| found[*n].1.hash.is_empty()).collect();
        unknown.sort_by_key(|n| std::cmp::Reverse(found[*n].1.bytes));
        let next = AtomicUsize::new(0);
        let work = || {
            let mut hashes = Vec::new();
            while let Some(n) = unknown.get(next.fetch_add(1, Ordering::Relaxed)) {
                let (path, input) = &found[*n];
                let hash = hash_of(path).unwrap_or_default();
                let bytes = std::fs::metadata(path).map_or(0, |found| found.len());
                let is_same = (bytes, modified_us(path)) == (input.bytes, input.modified_us);
                hashes.push((*n, if is_same { hash } else { String::new() }));
            }
            hashes
        };
        let hashes = workers::run(threads.min(unknown.len()), work);
        for (n, hash) in hashes.into_iter().flatten() {
            found[n].1.hash = hash;
        }
        self.0.into_iter().map(|(_, input)| input).collect()
    }
}

/// Microseconds since 1970; 0 where the disk keeps none.
fn modified_us(path: &Path) -> i64 {
    let metadata = std::fs::metadata(path).ok();
    let modified = metadata.and_then(|m| m.modified().ok()?.duration_since(UNIX_EPOCH).ok());
    modified.map_or(0, |t| i64::try_from(t.as_micros()).unwrap_or(0))
}

fn hash_of(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut pieces = Pieces::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(pieces::of_file(&pieces.finish())),
            n => pieces.update(&buffer[..n]),
        }
    }
}

/// Identifies everything beside the logs that decides what a daybook holds: where rows are looked for and how they are
/// understood.
pub fn reading_fingerprint(config: &Config) -> String {
    let text = format!("{} {:?}", super::settings_fingerprint(config), config.sources);
    Sha256::digest(text)[..6].iter().map(|b| format!("{b:02x}")).collect()
}
