//! Log files as they lie on disk: Parquet, gzip, zstd, xz, bzip2, plain. The first byte chooses the name. A file is read and balances, or is
//! refused as a whole; what is read can be resolved.

#![no_main]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use uptime_ledger::config::{Config, Log, Source};
use uptime_ledger::day::Day;
use uptime_ledger::daybook::{self, DaybookFolder};
use uptime_ledger::facts::Salt;
use uptime_ledger::intake::{self, IntakeFolders, Meter, Workers};
use uptime_ledger::resolve::{ResolveParts, resolve};

/// Two, so that what is compressed is inflated on a thread of its own.
const WORKERS: Workers<'_> = Workers::Threads(2);
const NAMES: [&str; 8] =
    ["a.parquet", "a.ndjson.gz", "a.ndjson.zst", "a.csv.gz", "a.csv", "a.log", "a.csv.xz", "a.csv.bz2"];

static ROOM: LazyLock<TempDir> = LazyLock::new(|| {
    // A panic of the Parquet decoder is caught and makes its file corrupt; any other is a finding, whoever would catch it.
    std::panic::set_hook(Box::new(|panic| {
        if !panic.location().is_some_and(|place| place.file().contains("registry")) {
            eprintln!("{panic}");
            std::process::abort();
        }
    }));
    tempfile::tempdir().expect("a folder")
});

fn source(log: Log, path: &Path) -> Source {
    Source {
        paths: vec![path.display().to_string()],
        is_named_by_hand: true,
        neighbours: 0,
        ..Source::bare("fuzz", log)
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((way, bytes)) = data.split_first() else { return };
    let path = ROOM.path().join(NAMES[usize::from(*way) % NAMES.len()]);
    std::fs::write(&path, bytes).expect("room on disk");
    let log = if *way < 128 { Log::Requests } else { Log::Webhooks };
    let config = Config { sources: vec![source(log, &path)], ..Config::bare("") };
    let day: Day = "2026-11-18".parse().expect("a day");
    let folder = tempfile::tempdir_in(ROOM.path()).expect("a folder");
    let folders = IntakeFolders { spill: ROOM.path(), daybook: folder.path() };
    let read = intake::read(&config, day, WORKERS, &Salt::new("fuzz"), folders, i64::MAX, &Meter::default());
    if let Ok((daybook, _)) = read {
        for file in &daybook.files {
            assert_eq!(file.check(), Ok(()));
        }
        let stored = DaybookFolder::as_found(folder.path().to_path_buf()).expect("it was just written");
        daybook::check(&stored).expect("what was written can be read");
        resolve(day, &[(day, stored)].into(), &config, &BTreeMap::new(), ResolveParts::on(1)).expect("it balances");
    }
    std::fs::remove_file(&path).expect("the file that was just written");
});
