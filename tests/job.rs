//! Job: the binary as cron and people run it, and what it wrote, read back.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// One row of a CSV report, by column.
pub type Row = BTreeMap<String, String>;

/// What a command said and how it ended.
#[derive(Debug)]
pub struct Ran {
    /// `None` when a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Every part stands on stderr.
    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stderr.contains(part), "no `{part}` in stderr:\n{}", self.stderr);
        }
        self
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}", self.stdout))
    }
}

pub fn binary() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_uptime-ledger"))
}

pub fn ran(command: &mut Command) -> Ran {
    let output = command.env_remove("RUST_BACKTRACE").output().unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub fn job<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Ran {
    ran(Command::new(binary()).args(args))
}

/// `uptime-ledger sample --out <out> <args>`.
pub fn sample(out: &Path, args: &[&str]) -> PathBuf {
    let out = out.to_path_buf();
    job([OsStr::new("sample"), OsStr::new("--out"), out.as_os_str()]
        .into_iter()
        .chain(args.iter().map(OsStr::new)))
    .expect(0);
    out
}

/// `uptime-ledger run --config <config> --out <out> <args>`.
pub fn run(config: &Path, out: &Path, args: &[&str]) -> Ran {
    let fixed =
        [OsStr::new("run"), OsStr::new("--config"), config.as_os_str(), OsStr::new("--out"), out.as_os_str()];
    job(fixed.into_iter().chain(args.iter().map(OsStr::new)))
}

/// A CSV report without its ending.
#[track_caller]
pub fn table(reports: &Path, name: &str) -> Vec<Row> {
    let path = reports.join(name).with_extension("csv");
    let mut reader = csv::Reader::from_path(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    reader.deserialize().map(Result::unwrap).collect()
}

/// A count in a row.
#[track_caller]
pub fn n(row: &Row, column: &str) -> u64 {
    row[column].parse().unwrap_or_else(|e| panic!("{column} is `{}`: {e}", row[column]))
}

/// Every file of a folder with its bytes, by its path below it; hidden files too.
pub fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    paths(folder)
        .into_iter()
        .map(|path| (path.strip_prefix(folder).unwrap().into(), fs::read(&path).unwrap()))
        .collect()
}

/// Every file of a folder and of those below it, sorted.
pub fn paths(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// Rows are in exactly one account, in every file of every published day: rows of request logs as calls or as messages,
/// rows of webhook logs as attempts of notifications.
#[track_caller]
pub fn assert_balanced(reports: &Path) {
    for day in fs::read_dir(reports.join("daily")).into_iter().flatten() {
        let folder = day.unwrap().path();
        let intake = table(&folder, "intake");
        for file in &intake {
            let parts = ["accepted", "duplicate", "conflict", "outside", "quarantine", "not_a_call"]
                .map(|c| n(file, c));
            assert_eq!(n(file, "rows_read"), parts.iter().sum::<u64>(), "{file:?}");
        }
        let accepted =
            |log: &str| intake.iter().filter(|f| f["log"] == log).map(|f| n(f, "accepted")).sum::<u64>();
        let accounts = table(&folder, "accounts");
        let calls = accounts.iter().filter(|a| a["stream"] != "notification");
        let calls: u64 = calls.map(|a| n(a, "events_net")).sum();
        assert_eq!(accepted("requests"), calls, "{}", folder.display());
        let attempts = reconciled(&folder, "attempts");
        assert_eq!(accepted("webhooks"), attempts, "{}", folder.display());
    }
}

/// A number of `reconciliation` of a day; 0 without webhook logs.
#[track_caller]
pub fn reconciled(daily: &Path, item: &str) -> u64 {
    table(daily, "reconciliation").iter().find(|row| row["item"] == item).map_or(0, |row| n(row, "count"))
}
