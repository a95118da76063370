//! Days: whole days from logs to reports, one folder of `tests/days/` each, named by the sentence that it proves.
//!
//! A case is `uptime-ledger.toml` with the logs that it names, and `expected/`. The first line of the config says which
//! days are run, one after the other: `# days: 2026-11-18` or `# days: 2026-11-18 2026-11-19`. `BLESS=1` writes `expected/` anew: the tables
//! that hold a figure, and the slots in which something happened.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::job;

#[test]
fn every_day_ends_in_the_reports_that_are_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/days");
    let mut cases: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 6, "{} cases", cases.len());
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = String::new();
    for case in cases {
        let found = reports_of(&case);
        let expected = case.join("expected");
        if bless {
            let _ = fs::remove_dir_all(&expected);
            for (path, text) in &found {
                let path = expected.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            continue;
        }
        let want = job::files(&expected);
        let want: BTreeMap<PathBuf, String> =
            want.into_iter().map(|(path, bytes)| (path, String::from_utf8(bytes).unwrap())).collect();
        let paths: std::collections::BTreeSet<&PathBuf> = want.keys().chain(found.keys()).collect();
        for path in paths {
            let (want, found) = (want.get(path).map_or("", |t| t), found.get(path).map_or("", |t| t));
            if want != found {
                writeln!(wrong, "{} of {}:\n{}", path.display(), case.display(), difference(want, found))
                    .unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "reports have changed; if that is right, run again with BLESS=1\n\n{wrong}");
}

fn difference(want: &str, found: &str) -> String {
    let only = |a: &str, b: &str, sign: char| {
        let lines = a.lines().filter(|line| !b.lines().any(|other| other == *line));
        lines.fold(String::new(), |all, line| all + &format!("{sign} {line}\n"))
    };
    only(want, found, '-') + &only(found, want, '+')
}

/// The reports of a case that are worth reading, by their path.
fn reports_of(case: &Path) -> BTreeMap<PathBuf, String> {
    let config = case.join("uptime-ledger.toml");
    let text = fs::read_to_string(&config).unwrap_or_else(|e| panic!("{}: {e}", config.display()));
    let days = text.lines().next().and_then(|line| line.strip_prefix("# days: "));
    let days = days.unwrap_or_else(|| panic!("{}: the first line is `# days: DAY...`", config.display()));
    let out = tempfile::tempdir().unwrap();
    let mut attention = String::new();
    for day in days.split_whitespace() {
        let args = ["--date", day, "--simulate", "--as-of", "2026-12-24T06:00:00Z"];
        let ran = job::run(&config, out.path(), &args);
        assert!(matches!(ran.code, Some(0 | 3)), "{}: {ran:?}", case.display());
        // A handful of rows covers no day.
        let is_of_coverage =
            |line: &str| line.contains("slots have something to judge by") || line.contains("key: coverage:");
        for line in ran.stderr.lines().filter(|line| !is_of_coverage(line)) {
            writeln!(attention, "{line}").unwrap();
        }
    }
    job::assert_balanced(out.path());

    let mut found = BTreeMap::new();
    if !attention.is_empty() {
        found.insert("attention.txt".into(), attention);
    }
    for (path, bytes) in job::files(out.path()) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let name = path.to_string_lossy();
        let text = match name.rsplit('/').next().unwrap_or_default() {
            "availability.csv" | "outages.csv" | "accounts.csv" | "quarantine.ndjson" => text,
            "slots.csv" => judged(&text),
            "intake.csv" | "deliveries.csv" | "fields.csv" | "reconciliation.csv" => text,
            _ => continue,
        };
        if text.lines().count() > usize::from(!name.ends_with("ndjson")) {
            found.insert(path, text);
        }
    }
    found
}

/// Slots of services over all regions in which something happened, without the columns of the gross book.
fn judged(slots: &str) -> String {
    let mut reader = csv::Reader::from_reader(slots.as_bytes());
    let header = reader.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|h| h == name).unwrap();
    let kept: Vec<usize> = (0..header.len()).filter(|at| !header[*at].ends_with("_gross")).collect();
    let row = |row: &csv::StringRecord| kept.iter().map(|at| &row[*at]).collect::<Vec<_>>().join(",") + "\n";
    let events: Vec<usize> = (0..header.len()).filter(|at| header[*at].starts_with("events_")).collect();
    let mut text = row(&header);
    for record in reader.records().map(Result::unwrap) {
        let is_whole = &record[at("scope_kind")] == "service" && &record[at("region")] == "*";
        if is_whole && events.iter().any(|at| &record[*at] != "0") {
            text.push_str(&row(&record));
        }
    }
    text
}
