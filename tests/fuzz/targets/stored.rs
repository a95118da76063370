//! What the job wrote and reads again: daybooks, the journal, files of an exchange, tables of editions. The first byte chooses which file is damaged. What is
//! damaged is refused or read, and never more than that.

#![no_main]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use uptime_ledger::config::{Config, Log, Source};
use uptime_ledger::day::Day;
use uptime_ledger::daybook::{self, DaybookFolder};
use uptime_ledger::facts::Salt;
use uptime_ledger::intake::kernels::read_exchange;
use uptime_ledger::intake::{self, IntakeFolders, Meter, Workers};
use uptime_ledger::ledger::Ledger;
use uptime_ledger::report;
use uptime_ledger::resolve::{ResolveParts, resolve};
use uptime_ledger::table::Table;

/// A daybook with something in each of its files, and all of them with their bytes.
struct Room {
    folder: TempDir,
    config: Config,
    day: Day,
    files: Vec<(PathBuf, Vec<u8>)>,
}

fn source(log: Log, path: PathBuf) -> Source {
    Source {
        paths: vec![path.display().to_string()],
        is_named_by_hand: true,
        neighbours: 0,
        ..Source::bare(if log == Log::Requests { "calls" } else { "hooks" }, log)
    }
}

const CALLS: &str = "ts,request_id,service,region,http_status,error_code,duration_ms,message_id,business_id
2026-11-18T10:00:00Z,a,messages,eu,200,,12,m-1,b-1
2026-11-18T10:00:01Z,b,messages,eu,200,,13,m-2,b-1
2026-11-18T10:00:02Z,c,messages,us,500,2,14,,b-2
";
const HOOKS: &str =
    "ts,event_ts,webhook_id,business_id,region,message_id,status,error_code,attempt_no,outcome,http_status
2026-11-18T10:00:05Z,2026-11-18T10:00:04Z,w-1,b-1,eu,m-1,sent,,1,http,200
2026-11-18T10:00:06Z,2026-11-18T10:00:05Z,w-2,b-1,eu,m-1,delivered,,1,http,200
2026-11-18T10:00:07Z,2026-11-18T10:00:06Z,w-3,b-1,eu,m-2,failed,131026,1,timeout,
2026-11-18T10:00:08Z,2026-11-18T10:00:06Z,w-4,b-1,eu,m-9,sent,,1,http,500
";

static ROOM: LazyLock<Room> = LazyLock::new(|| {
    // A panic of the Parquet decoder is caught and makes its file corrupt; any other is a finding, whoever would catch it.
    std::panic::set_hook(Box::new(|panic| {
        if !panic.location().is_some_and(|place| place.file().contains("registry")) {
            eprintln!("{panic}");
            std::process::abort();
        }
    }));
    let folder = tempfile::tempdir().expect("a folder");
    let (calls, hooks) = (folder.path().join("calls.csv"), folder.path().join("hooks.csv"));
    fs::write(&calls, CALLS).expect("room on disk");
    fs::write(&hooks, HOOKS).expect("room on disk");
    let sources = vec![source(Log::Requests, calls), source(Log::Webhooks, hooks)];
    let config = Config { sources, ..Config::bare("") };
    let day: Day = "2026-11-18".parse().expect("a day");
    let daybook = folder.path().join("daybook");
    fs::create_dir(&daybook).expect("room on disk");
    let folders = IntakeFolders { spill: folder.path(), daybook: &daybook };
    let workers = Workers::Threads(1);
    intake::read(&config, day, workers, &Salt::new("fuzz"), folders, i64::MAX, &Meter::default()).expect("good logs");
    let mut files: Vec<(PathBuf, Vec<u8>)> = fs::read_dir(&daybook)
        .expect("it was just written")
        .map(|entry| entry.expect("a file").path())
        .map(|path| (path.clone(), fs::read(&path).expect("a file")))
        .collect();
    files.sort();
    Room { folder, config, day, files }
});

fuzz_target!(|data: &[u8]| {
    let Some((way, bytes)) = data.split_first() else { return };
    let room = &*ROOM;
    let way = usize::from(*way) % (room.files.len() + 3);
    if let Some((path, good)) = room.files.get(way) {
        fs::write(path, bytes).expect("room on disk");
        let daybook = room.folder.path().join("daybook");
        // With the hashes of what stands there, so that readers see it.
        let daybook = DaybookFolder::as_found(daybook).expect("its files can be hashed");
        let is_readable = daybook::check(&daybook).is_ok();
        let daybooks = [(room.day, daybook)].into();
        let resolved = resolve(room.day, &daybooks, &room.config, &BTreeMap::new(), ResolveParts::on(1));
        assert!(is_readable || resolved.is_err() || *good != bytes, "an undamaged daybook is refused");
        fs::write(path, good).expect("room on disk");
    } else if way == room.files.len() {
        let ledger = room.folder.path().join("ledger");
        fs::create_dir_all(&ledger).expect("room on disk");
        fs::write(ledger.join("journal.ndjson"), bytes).expect("room on disk");
        drop(Ledger::open(room.folder.path()));
    } else if way == room.files.len() + 1 {
        read_exchange(bytes);
    } else {
        let bytes = bytes::Bytes::copy_from_slice(bytes);
        for (_, spec) in report::schema() {
            drop(Table::from_parquet(spec, bytes.clone()));
        }
    }
});
