//! Listing: size, time and hash of a day's log files, so that only changed ones are read again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::UNIX_EPOCH;

use super::bytes::log_bytes::{LogBytes, LogPlace};
use super::content_hash::{ContentHash, Pieces, Whole};
use super::find;
use crate::config::Config;
use crate::day::Day;
use crate::error::Trouble;
use crate::facts::Input;
use crate::intake::workers;

/// Lists the log files of a day and of its neighbours, with their hashes.
///
/// A known file with the same size and time keeps its hash; the others are read by `threads`.
///
/// # Errors
/// A path named by hand does not exist, or a folder cannot be listed.
pub fn inputs(config: &Config, day: Day, known: &[Input], threads: usize) -> Result<Vec<Input>, Trouble> {
    Ok(listing(config, day, known)?.hashed(&BTreeMap::new(), threads))
}

/// Log files as they were at one moment, some without a hash.
pub struct Listing {
    files: Vec<(LogPlace, Input)>,
    /// Hashes that an earlier version took of the day's logs.
    ///
    /// A file that still has one keeps it: a new version of the job restates no day.
    early: BTreeSet<String>,
}

/// Lists the log files of a day and of its neighbours.
///
/// A known file with the same size and time keeps its hash; the others have none yet. Objects have
/// theirs from the store.
///
/// # Errors
/// A path named by hand does not exist, or a folder cannot be listed.
pub fn listing(config: &Config, day: Day, known: &[Input]) -> Result<Listing, Trouble> {
    let input = |file: find::LogFile| {
        let modified_us = modified_us(&file.place);
        let same = known.iter().find(|k| {
            k.path == file.shown && (k.bytes, k.modified_us) == (file.bytes, modified_us) && modified_us != 0
        });
        let hash = same.map(|k| k.hash.clone()).unwrap_or_default();
        let mut input = Input { path: file.shown, bytes: file.bytes, modified_us, hash, version: None };
        if let LogPlace::Object(object) = &file.place {
            // The store tells its contents apart; nothing has to be read.
            input.hash.clone_from(&object.identity().name);
            let same = known.iter().find(|k| (&k.path, &k.hash) == (&input.path, &input.hash));
            input.version = same.and_then(|known| known.version.clone());
        }
        (file.place, input)
    };
    let files = find::find(config, day)?.logs.into_iter().map(input).collect();
    let early = known.iter().filter(|known| !known.hash.contains(':')).map(|known| known.hash.clone());
    Ok(Listing { files, early: early.collect() })
}

impl Listing {
    /// Fills in the missing hashes, with `threads`.
    ///
    /// A file in `read` gets the length and hash taken while it was parsed, even if another hash
    /// was known. The others are hashed here; one that changes meanwhile keeps an empty hash.
    /// Modification times stay those of the listing, so the next run notices any later change.
    pub fn hashed(mut self, read: &BTreeMap<String, Whole>, threads: usize) -> Vec<Input> {
        let name = |hash: &ContentHash| {
            let early = self.early.get(&hash.early);
            early.unwrap_or(&hash.name).clone()
        };
        for (_, input) in &mut self.files {
            if let Some(Whole { bytes, hash, version }) = read.get(&input.path) {
                (input.bytes, input.hash, input.version) = (*bytes, name(hash), version.clone());
            }
        }
        let found = &mut self.files;
        // The largest first, so that no worker is left with a big file at the end.
        let mut unknown: Vec<usize> = (0..found.len()).filter(|n| found[*n].1.hash.is_empty()).collect();
        unknown.sort_by_key(|n| std::cmp::Reverse(found[*n].1.bytes));
        let next = AtomicUsize::new(0);
        let work = || {
            let mut hashes = Vec::new();
            while let Some(n) = unknown.get(next.fetch_add(1, Ordering::Relaxed)) {
                let (place, input) = &found[*n];
                let hash = hash_of(place).map(|hash| name(&hash)).unwrap_or_default();
                let bytes = bytes_of(place);
                let is_same = (bytes, modified_us(place)) == (input.bytes, input.modified_us);
                hashes.push((*n, if is_same { hash } else { String::new() }));
            }
            hashes
        };
        let hashes = workers::run(threads.min(unknown.len()), work);
        for (n, hash) in hashes.into_iter().flatten() {
            found[n].1.hash = hash;
        }
        self.files.into_iter().map(|(_, input)| input).collect()
    }
}

/// Returns the modification time in microseconds since 1970; 0 if the disk stores none.
fn modified_us(place: &LogPlace) -> i64 {
    let path = match place {
        LogPlace::Disk(path) => path,
        LogPlace::Object(object) => return object.modified_us(),
        LogPlace::Input(_) => return 0,
    };
    let metadata = std::fs::metadata(path).ok();
    let modified = metadata.and_then(|m| m.modified().ok()?.duration_since(UNIX_EPOCH).ok());
    modified.map_or(0, |t| i64::try_from(t.as_micros()).unwrap_or(0))
}

fn bytes_of(place: &LogPlace) -> u64 {
    match place {
        LogPlace::Disk(path) => std::fs::metadata(path).map_or(0, |found| found.len()),
        LogPlace::Input(input) => input.file().metadata().map_or(0, |found| found.len()),
        LogPlace::Object(object) => object.identity().bytes,
    }
}

fn hash_of(place: &LogPlace) -> std::io::Result<ContentHash> {
    let mut file = LogBytes::open(place)?.reader();
    let mut pieces = Pieces::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(pieces.whole()),
            n => pieces.update(&buffer[..n]),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::io::Write as _;
    use std::path::Path;

    use super::*;
    use crate::facts::Salt;
    use crate::intake::files::content_hash;
    use crate::intake::formats::parquet::tests::source;
    use crate::intake::{IntakeFolders, Meter, read};

    const HEADER: &str = "ts,request_id,http_status,note\n";

    /// Returns rows that fill more than two pieces, the last ones with `note` at their end.
    fn rows(note: &str) -> String {
        let mut text = String::from(HEADER);
        for n in 0..300_000 {
            let note =
                if n > 299_000 { note } else { "something that makes a row long enough for several pieces" };
            writeln!(text, "2026-11-20T10:00:{:02}Z,r-{n},200,{note}", n % 60).unwrap();
        }
        assert!(text.len() > 2 * content_hash::PIECE);
        text
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        to.write_all(text.as_bytes()).unwrap();
        to.finish().unwrap()
    }

    /// Returns the config of a folder with one log, and the day of the log.
    fn one(path: &Path) -> (Config, Day) {
        (Config { sources: vec![source(path)], ..Config::bare("") }, "2026-11-20".parse().unwrap())
    }

    fn wholes(config: &Config, day: Day, workers: usize) -> BTreeMap<String, Whole> {
        let (spill, daybook) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folders = IntakeFolders { spill: spill.path(), daybook: daybook.path() };
        read(
            config,
            day,
            crate::intake::Workers::Threads(workers),
            &Salt::new("test"),
            folders,
            i64::MAX,
            &Meter::default(),
        )
        .unwrap()
        .1
        .wholes
    }

    #[test]
    fn a_hash_taken_while_reading_is_that_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let text = rows("plain");
        let files: [(&str, Vec<u8>); 6] = [
            ("small.csv", text.as_bytes()[..400].to_vec()),
            ("empty.csv", Vec::new()),
            // The header is read before the chunks.
            ("large.csv", text.clone().into_bytes()),
            // Reading begins in chunks, and starts again in one piece.
            ("quoted.csv", rows("\"two\nlines\"").into_bytes()),
            // With two workers the file is decompressed on a thread of its own.
            ("packed.csv.gz", gzip(&text)),
            ("packed.csv.zst", zstd::encode_all(text.as_bytes(), 1).unwrap()),
        ];
        for (name, bytes) in files {
            let path = folder.path().join(name);
            std::fs::write(&path, &bytes).unwrap();
            let (config, day) = one(&path);
            let want = Whole {
                bytes: bytes.len() as u64,
                hash: hash_of(&LogPlace::Disk(path.clone())).unwrap(),
                version: None,
            };
            for workers in [1, 2] {
                let found = wholes(&config, day, workers);
                assert_eq!(found.values().collect::<Vec<_>>(), [&want], "{name} with {workers}");
            }
        }
    }

    #[test]
    fn a_file_is_recorded_as_it_was_read_though_it_was_known_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let write = |rows: &str| std::fs::write(&path, format!("{HEADER}{rows}")).unwrap();
        write("2026-11-20T10:00:00Z,r-1,200,a\n");
        let (config, day) = one(&path);
        let known = inputs(&config, day, &[], 1).unwrap();
        let listing = listing(&config, day, &known).unwrap();
        write("2026-11-20T10:00:00Z,r-1,500,b\n");
        let found = listing.hashed(&wholes(&config, day, 1), 1);
        assert_eq!(found[0].hash, hash_of(&LogPlace::Disk(path)).unwrap().name);
        assert_ne!(found[0].hash, known[0].hash);
        // The next run sees the file as changed, reads it, and finds the recorded hash.
        assert_eq!((found[0].bytes, found[0].modified_us), (known[0].bytes, known[0].modified_us));
    }

    #[test]
    fn a_file_keeps_the_hash_of_an_earlier_version_until_its_content_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, format!("{HEADER}2026-11-20T10:00:00Z,r-1,200,a\n")).unwrap();
        let (config, day) = one(&path);
        let early = hash_of(&LogPlace::Disk(path.clone())).unwrap().early;
        let mut known = inputs(&config, day, &[], 1).unwrap();
        assert!(known[0].hash.starts_with("blake3:"));
        // It was moved here, and is read anew.
        (known[0].hash, known[0].path) = (early.clone(), "elsewhere.csv".to_owned());
        assert_eq!(inputs(&config, day, &known, 1).unwrap()[0].hash, early);
        let listing = listing(&config, day, &known).unwrap();
        assert_eq!(listing.hashed(&wholes(&config, day, 1), 1)[0].hash, early);
        std::fs::write(&path, format!("{HEADER}2026-11-20T10:00:00Z,r-1,500,a\n")).unwrap();
        assert!(inputs(&config, day, &known, 1).unwrap()[0].hash.starts_with("blake3:"));
    }
}
