//! Days: whole days from logs to reports, one folder of `tests/days/` each, named by the sentence that it proves.
//!
//! A case is `uptime-ledger.toml` with the logs that it names, and `expected/`. The first line of the config says which
//! days are run, one after the other: `# days: 2026-11-18` or `# days: 2026-11-18 2026-11-19`. `BLESS=1` writes `expected/` anew: the tables
//! that hold a figure, and the slots in which something happened.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use uptime_ledger::config;
use uptime_ledger::daybook::{self, Closed, DaybookFolder, DaybookFolders, IdRange, ItemWriter};
use uptime_ledger::document::Document;
use uptime_ledger::ledger::Ledger;
use uptime_ledger::resolve::{ResolveParts, resolve};

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
    assert_same_in_parts(&config, out.path());

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

/// The days of a ledger come to the same however their items are cut into files, and those into parts.
fn assert_same_in_parts(config: &Path, reports: &Path) {
    let text = fs::read_to_string(config).unwrap();
    let document = Document::new(config.display().to_string(), text);
    let config = config::config(&document, config.parent().unwrap()).unwrap();
    let whole = Ledger::open(reports).unwrap().daybooks();
    let scratch = tempfile::tempdir().unwrap();
    for (cut_rows, parts) in [(1, 1), (3, 2), (u64::MAX, 16), (2, 300)] {
        let mut cut = DaybookFolders::new();
        for (day, folder) in &whole {
            let place = scratch.path().join(format!("{day}-{cut_rows}"));
            cut_items(folder, &place, cut_rows);
            cut.insert(*day, DaybookFolder::as_found(place).unwrap());
        }
        for day in whole.keys() {
            let told = |daybooks, parts| {
                let parts = ResolveParts { threads: 3, parts };
                format!("{:?}", resolve(*day, daybooks, &config, &BTreeMap::new(), parts).unwrap())
            };
            assert_eq!(told(&cut, Some(parts)), told(&whole, None), "{day}: {cut_rows} rows, {parts} parts");
        }
    }
}

/// Copies a daybook, with fewer rows in each of its item files.
fn cut_items(folder: &DaybookFolder, place: &Path, cut_rows: u64) {
    fs::create_dir(place).unwrap();
    for name in folder.names().unwrap() {
        fs::copy(folder.path().join(&name), place.join(&name)).unwrap();
    }
    let (all, mut items) = (IdRange::ALL, ItemWriter::cut_at(place, cut_rows, 3).unwrap());
    for item in daybook::messages(folder, all).unwrap() {
        items.message(item.unwrap()).unwrap();
    }
    for item in daybook::notifications(folder, all).unwrap() {
        items.notification(item.unwrap()).unwrap();
    }
    for of in [Closed::Messages, Closed::Notifications] {
        for short in daybook::closed(folder, of, all).unwrap() {
            items.closed(of, short.unwrap()).unwrap();
        }
    }
    for call in daybook::waiting_calls(folder).unwrap() {
        items.waiting_call(call).unwrap();
    }
    for row in daybook::correlations(folder, all).unwrap() {
        let (id, correlation) = row.unwrap();
        items.correlation(id, correlation).unwrap();
    }
    items.close().unwrap();
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
