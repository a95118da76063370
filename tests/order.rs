//! Order: how logs are shipped changes no figure. Only the counts of copies may differ.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

use crate::job::{self, n, table};

const DAY: &str = "2026-11-18";
const RUN: [&str; 5] = ["--date", DAY, "--simulate", "--as-of", "2026-11-19T06:00:00Z"];
/// What must not change by a byte.
const FIGURES: [&str; 7] = [
    "availability.csv",
    "outages.csv",
    "months.csv",
    "daily/2026-11-18/accounts.csv",
    "daily/2026-11-18/deliveries.csv",
    "daily/2026-11-18/delays.csv",
    "daily/2026-11-18/reconciliation.csv",
];
const SLOTS: &str = "daily/2026-11-18/slots.csv";

/// One way of shipping the same rows.
#[derive(Debug, Clone)]
struct Shipping {
    seed: u64,
    files: usize,
    /// Rows that come once more, by their place.
    copies: Vec<Index>,
    /// Files that come once more.
    twins: Vec<Index>,
    /// How each file is packed.
    packing: Vec<u8>,
}

fn shipping() -> impl Strategy<Value = Shipping> {
    let index = || prop::collection::vec(any::<Index>(), 0..40);
    let twins = prop::collection::vec(any::<Index>(), 0..3);
    (any::<u64>(), 1..6_usize, index(), twins, prop::collection::vec(0..5_u8, 6))
        .prop_map(|(seed, files, copies, twins, packing)| Shipping { seed, files, copies, twins, packing })
}

#[derive(Debug, Default)]
struct Rows {
    /// Of CSV.
    header: String,
    rows: Vec<String>,
}

/// A day of a sample.
struct Given {
    dir: tempfile::TempDir,
    extension: &'static str,
    /// By source; webhook logs are a source per region, because their paths name it.
    rows: BTreeMap<String, Rows>,
    baseline: BTreeMap<String, String>,
}

impl Given {
    fn new(extension: &'static str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let args = ["--days", "3", "--rows", "2500", "--format", extension];
        let sample = job::sample(&dir.path().join("sample"), &args);
        let mut rows: BTreeMap<String, Rows> = BTreeMap::new();
        for path in job::paths(&sample.join("logs")) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            // Whatever began on the day lies in these files.
            if !name.contains(DAY) && !name.contains("2026-11-19") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let mut lines = text.lines().map(str::to_owned);
            let (source, rest) = name.split_once('-').unwrap();
            let region = rest.split('.').next().unwrap().rsplit('-').next().unwrap();
            let source = if source == "webhooks" { format!("{source}-{region}") } else { source.to_owned() };
            let is_webhooks = source.starts_with("webhooks");
            let rows = rows.entry(source).or_default();
            if extension == "csv" {
                rows.header = lines.next().unwrap();
            }
            // Which message an unreadable row of a webhook log explains is said by the rows beside it, so these stay away.
            let width = rows.header.split(',').count();
            let is_whole = |line: &String| match extension {
                "csv" => line.split(',').count() == width,
                _ => serde_json::from_str::<serde_json::Value>(line).is_ok_and(|row| row.is_object()),
            };
            let is_readable = |line: &String| {
                is_whole(line) && ![" at ", "2o0", "two hundred"].iter().any(|flaw| line.contains(flaw))
            };
            rows.rows.extend(lines.filter(|line| !is_webhooks || is_readable(line)));
        }
        assert_eq!(rows.len(), 5, "{:?}", rows.keys());
        // Undated paths: whatever lies there is read.
        let config = fs::read_to_string(sample.join("uptime-ledger.toml")).unwrap();
        let config = config
            .replace(&format!("logs/requests-{{date}}-*.{extension}"), "logs/requests-*")
            .replace(&format!("logs/egress-{{date}}.{extension}"), "logs/egress-*")
            .replace(&format!("logs/webhooks-{{date}}-{{region}}.{extension}"), "logs/webhooks-{region}-*");
        assert!(!config.contains("{date}"), "{config}");
        fs::write(dir.path().join("uptime-ledger.toml"), config).unwrap();
        let mut given = Self { dir, extension, rows, baseline: BTreeMap::new() };
        let plain =
            Shipping { seed: 0, files: 1, copies: Vec::new(), twins: Vec::new(), packing: vec![0; 6] };
        given.baseline = given.figures(&plain, &[]).0;
        assert!(given.baseline[SLOTS].contains(",down,"), "there is something to get wrong");
        given
    }

    /// The figures of the day when it is shipped like this, and its duplicates.
    fn figures(&self, shipping: &Shipping, args: &[&str]) -> (BTreeMap<String, String>, u64) {
        let place = tempfile::tempdir_in(self.dir.path()).unwrap();
        fs::create_dir(place.path().join("logs")).unwrap();
        for (source, rows) in &self.rows {
            self.ship(source, rows, shipping, &place.path().join("logs"));
        }
        let config = place.path().join("uptime-ledger.toml");
        fs::copy(self.dir.path().join("uptime-ledger.toml"), &config).unwrap();
        let reports = place.path().join("reports");
        let ran = job::run(&config, &reports, &[&RUN, args].concat());
        assert!(matches!(ran.code, Some(0 | 3)), "{ran:?}");
        job::assert_balanced(&reports);
        let read = |name: &str| (name.to_owned(), fs::read_to_string(reports.join(name)).unwrap());
        let figures = FIGURES.into_iter().chain([SLOTS]).map(read).collect();
        let intake = table(&reports, "daily/2026-11-18/intake");
        (figures, intake.iter().map(|file| n(file, "duplicate")).sum())
    }

    fn ship(&self, source: &str, given: &Rows, shipping: &Shipping, logs: &Path) {
        let mut rows: Vec<&String> = given.rows.iter().collect();
        let copies: Vec<&String> = shipping.copies.iter().map(|at| *at.get(&rows)).collect();
        rows.extend(copies);
        if shipping.seed != 0 {
            shuffle(&mut rows, shipping.seed);
        }
        let size = rows.len().div_ceil(shipping.files);
        let files: Vec<String> = rows
            .chunks(size)
            .map(|rows| {
                let mut text = String::new();
                if !given.header.is_empty() {
                    writeln!(text, "{}", given.header).unwrap();
                }
                for row in rows {
                    writeln!(text, "{row}").unwrap();
                }
                text
            })
            .collect();
        let twins = shipping.twins.iter().map(|at| at.get(&files));
        for (at, text) in files.iter().chain(twins).enumerate() {
            let (ending, bytes) = pack(shipping.packing[at % shipping.packing.len()], text.as_bytes());
            let path = logs.join(format!("{source}-{at}.{}{ending}", self.extension));
            fs::write(path, bytes).unwrap();
        }
    }
}

/// Another order for each seed.
pub fn shuffle<T>(rows: &mut [T], seed: u64) {
    let mut state = seed;
    for at in (1..rows.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        rows.swap(at, (state >> 33) as usize % (at + 1));
    }
}

fn pack(how: u8, bytes: &[u8]) -> (&'static str, Vec<u8>) {
    match how {
        0 => ("", bytes.to_vec()),
        1 => {
            // Two members, as when a log is appended to.
            let (a, b) = bytes.split_at(bytes.len() / 3);
            let member = |bytes| {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            };
            (".gz", [member(a), member(b)].concat())
        }
        2 => {
            let (a, b) = bytes.split_at(bytes.len() / 2);
            (".zst", [a, b].map(|part| zstd::encode_all(part, 1).unwrap()).concat())
        }
        3 => {
            let (a, b) = bytes.split_at(bytes.len() / 2);
            let stream = |bytes| {
                let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            };
            (".xz", [stream(a), stream(b)].concat())
        }
        _ => {
            let (a, b) = bytes.split_at(bytes.len() / 2);
            let stream = |bytes| {
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            };
            (".bz2", [stream(a), stream(b)].concat())
        }
    }
}

fn any_shipping_gives_the_same_figures(extension: &'static str) {
    let given = Given::new(extension);
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(6) });
    let law = runner.run(&shipping(), |shipping| {
        let (figures, duplicates) = given.figures(&shipping, &[]);
        for (name, text) in &figures {
            prop_assert!(*text == given.baseline[name], "{}", first_difference(&given.baseline[name], text));
        }
        prop_assert!(duplicates > 0);
        Ok(())
    });
    law.unwrap();
}

fn first_difference(want: &str, found: &str) -> String {
    let pair = want.lines().zip(found.lines()).find(|(a, b)| a != b);
    format!("{pair:?}, {} and {} lines", want.lines().count(), found.lines().count())
}

#[test]
fn ndjson_may_come_in_any_order_any_file_and_any_number_of_times() {
    any_shipping_gives_the_same_figures("ndjson");
}

#[test]
fn csv_may_come_in_any_order_any_file_and_any_number_of_times() {
    any_shipping_gives_the_same_figures("csv");
}

/// Enough ids to spill: every worker holds 4 MiB of them at least.
fn many_rows() -> String {
    let mut text = String::from("ts,request_id,business_id,region,http_status,error_code,duration_ms\n");
    for at in 0..400_000_u64 {
        // One row in forty is the copy of an earlier one, with another answer now and then.
        let id = if at % 40 == 7 { at / 3 } else { at };
        let second = id % 86_400;
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        let region = ["eu", "us", "apac"][(id % 3) as usize];
        let (status, code) = match at % 97 {
            0..20 if hour == 9 => ("503", "131016"),
            20 => ("401", "190"),
            21 => ("500", "199999"),
            _ => ("200", ""),
        };
        let duration = at * 7_919 % 5_000;
        writeln!(
            text,
            "{DAY}T{hour:02}:{minute:02}:{second:02}Z,r-{id},b-{},{region},{status},{code},{duration}",
            id % 11
        )
        .unwrap();
    }
    text
}

#[test]
fn threads_and_memory_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("many.csv");
    fs::write(&log, many_rows()).unwrap();
    let config = dir.path().join("uptime-ledger.toml");
    // Pseudonyms are salted, and without a word from the config every ledger draws a salt of its own.
    fs::write(
        &config,
        "salt = \"the salt of a test\"\n[[source]]\nname = \"requests\"\npaths = [\"many.csv\"]\n",
    )
    .unwrap();
    let run = |name: &str, args: &[&str]| {
        let reports = dir.path().join(name);
        let ran = job::run(&config, &reports, &[&RUN[..], &["--json"], args].concat()).expect(3);
        let day = &ran.json()["days"][0];
        let (spilled, duplicates) =
            (day["spilled_bytes"].as_u64().unwrap(), day["duplicate"].as_u64().unwrap());
        assert!(duplicates > 9_000, "{duplicates}");
        let mut files = job::files(&reports);
        files.retain(|path, _| path != Path::new(".lock"));
        (files, spilled)
    };
    let (want, spilled) = run("one", &["--threads", "1"]);
    assert_eq!(spilled, 0);
    for threads in ["2", "7"] {
        same(&want, &run(threads, &["--threads", threads]).0, threads);
    }
    for threads in ["1", "2"] {
        let name = format!("tiny-{threads}");
        let (found, spilled) = run(&name, &["--memory", "64KiB", "--threads", threads]);
        assert!(spilled > 0, "{name}");
        same(&want, &found, &name);
    }
}

fn same(want: &BTreeMap<PathBuf, Vec<u8>>, found: &BTreeMap<PathBuf, Vec<u8>>, name: &str) {
    assert!(want.keys().eq(found.keys()), "{name}: {:?}", found.keys());
    let differ: Vec<_> =
        want.iter().filter(|(path, bytes)| found[*path] != **bytes).map(|(path, _)| path).collect();
    assert!(differ.is_empty(), "{name}: {differ:?}");
}

/// More than 20 MiB, so that a plain file is read in chunks, with broken rows all over it.
fn big(is_quoted: bool, is_csv: bool) -> (String, Vec<u64>) {
    let mut text = String::new();
    let mut bad_lines = Vec::new();
    let filler = "x".repeat(120);
    let mut line = 0;
    if is_csv {
        text.push_str("ts,request_id,http_status,endpoint,region\n");
        line += 1;
    }
    let mut id = 0_u64;
    while text.len() < 21 << 20 {
        id += 1;
        line += 1;
        let second = id % 86_400;
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        let ts = format!("{DAY}T{hour:02}:{minute:02}:{second:02}Z");
        let is_bad = id.is_multiple_of(1_009);
        let status = if is_bad { "2o0" } else { "200" };
        if is_bad {
            bad_lines.push(line);
        }
        if !is_csv {
            writeln!(text, r#"{{"ts":"{ts}","request_id":"r-{id}","http_status":"{status}","endpoint":"/{filler}","region":"eu"}}"#).unwrap();
        } else if is_quoted && id.is_multiple_of(5) {
            // A line end inside a quoted cell is no end of the row.
            writeln!(text, "\"{ts}\",r-{id},{status},\"/{filler}\"\"\n,\"\"{filler}\",eu").unwrap();
            line += 1;
        } else {
            writeln!(text, "{ts},r-{id},{status},/{filler},eu").unwrap();
        }
        if id.is_multiple_of(4_001) {
            text.push_str("\n\n");
            line += 2;
        }
    }
    (text, bad_lines)
}

#[test]
fn big_plain_files_are_cut_into_chunks_and_lines_are_still_right() {
    for (name, is_csv, is_quoted) in
        [("a.ndjson", false, false), ("b.csv", true, false), ("c.csv", true, true)]
    {
        let dir = tempfile::tempdir().unwrap();
        let (text, bad_lines) = big(is_quoted, is_csv);
        let log = dir.path().join(name);
        fs::write(&log, &text).unwrap();
        let rows = if is_csv { text.matches(",r-").count() } else { text.matches("\"r-").count() } as u64;
        drop(text);
        let run = |threads: &str| {
            let reports = dir.path().join(threads);
            let log = log.display().to_string();
            let out = reports.display().to_string();
            let args = ["run", "--requests", &log, "--out", &out, "--threads", threads, "--quiet"];
            job::job(args.iter().chain(&RUN)).expect(0);
            let intake = table(&reports, "daily/2026-11-18/intake");
            assert_eq!(n(&intake[0], "rows_read"), rows, "{name}");
            assert_eq!(n(&intake[0], "quarantine"), bad_lines.len() as u64, "{name}");
            assert_eq!(n(&intake[0], "accepted"), rows - bad_lines.len() as u64, "{name}");
            let quarantine = fs::read_to_string(reports.join("daily/2026-11-18/quarantine.ndjson")).unwrap();
            let lines: Vec<u64> = quarantine
                .lines()
                .map(|line| {
                    serde_json::from_str::<serde_json::Value>(line).unwrap()["line"].as_u64().unwrap()
                })
                .collect();
            assert_eq!(lines, bad_lines, "{name}");
            fs::read(reports.join(SLOTS)).unwrap()
        };
        assert!(run("1") == run("2"), "{name}");
    }
}
