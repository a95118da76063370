//! Truth: a sample is made, run, and every figure of the reports is held against its truth.json.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::job::{self, Row, n, table};

const ARGUMENTS: [&str; 2] = ["--rows", "18000"];

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}"))
}

fn count(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or_else(|| panic!("no {key} in {value}"))
}

fn items<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("no {key} in {value}"))
}

/// Makes a sample, runs its three days in one command, and compares.
fn reproduces(format: &str, compression: Option<&str>) {
    let dir = tempfile::tempdir().unwrap();
    let mut args = vec!["--format", format];
    args.extend(ARGUMENTS);
    args.extend(compression.iter().flat_map(|c| ["--compression", c]));
    let sample = job::sample(&dir.path().join("sample"), &args);
    compare(&sample, &dir.path().join("reports"), &[]);
}

fn compare(sample: &Path, reports: &Path, more: &[&str]) {
    let truth: Value = serde_json::from_slice(&fs::read(sample.join("truth.json")).unwrap()).unwrap();
    let days = items(&truth, "days");
    let (from, to) = (text(&days[0], "day"), text(&days[days.len() - 1], "day"));
    let args = ["--from", from, "--to", to, "--simulate", "--as-of", "2026-11-25T06:00:00Z", "--json"];
    // Suspense and the gap are planted.
    let ran = job::run(&sample.join("uptime-ledger.toml"), reports, &[&args, more].concat()).expect(3);
    let spilled = |day: &Value| count(day, "spilled_bytes") > 0;
    assert_eq!(items(&ran.json(), "days").iter().all(spilled), !more.is_empty());

    for day in days {
        let folder = reports.join("daily").join(text(day, "day"));
        files_are_true(items(&truth, "files"), day, &table(&folder, "intake"));
        entries_are_true(day, &table(&folder, "accounts"));
        messages_are_true(day, &table(&folder, "deliveries"), &table(&folder, "reconciliation"));
        slots_are_true(day, &table(&folder, "slots"));
    }
    availability_is_true(&truth, &table(reports, "availability"), &table(reports, "months"));
    outages_are_true(items(&truth, "outages"), &table(reports, "outages"));
    totals_are_true(&truth, reports);
}

fn files_are_true(files: &[Value], day: &Value, intake: &[Row]) {
    let date = text(day, "day");
    let seen: Vec<&str> = intake.iter().map(|row| row["path"].as_str()).collect();
    let own: Vec<&str> =
        intake.iter().filter(|row| row["role"] == "own").map(|row| row["path"].as_str()).collect();
    let shipped: Vec<&str> =
        files.iter().filter(|f| text(f, "shipped_on") == date).map(|f| text(f, "path")).collect();
    let sorted = |mut paths: Vec<&str>| {
        paths.sort_unstable();
        paths.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(sorted(own), sorted(shipped), "{date}");
    for file in files {
        let path = text(file, "path");
        let Some(row) = intake.iter().find(|row| row["path"] == path) else {
            assert!(file["rows_by_day"].get(date).is_none(), "{date}: rows in {path}, which was not read");
            continue;
        };
        assert_eq!((row["source"].as_str(), row["failure"].as_str()), (text(file, "source"), ""), "{path}");
        assert_eq!(n(row, "rows_read"), count(file, "rows_read"), "{date} {path}");
        if row["role"] == "own" {
            assert_eq!(n(row, "quarantine"), count(file, "malformed"), "{date} {path}");
        } else {
            // A broken row whose timestamp can be read and is another day's is that day's to report.
            assert!(n(row, "quarantine") <= count(file, "malformed"), "{date} {path}");
        }
        let mine = file["rows_by_day"].get(date).map_or(0, |rows| rows.as_u64().unwrap());
        assert_eq!(n(row, "accepted") + n(row, "duplicate"), mine, "{date} {path}");
    }
    assert_eq!(seen.len(), sorted(seen).len());
    let sum = |column| intake.iter().map(|row| n(row, column)).sum::<u64>();
    let of = |log: &str, column| {
        intake.iter().filter(|row| row["log"] == log).map(|row| n(row, column)).sum::<u64>()
    };
    assert_eq!(of("requests", "accepted"), count(day, "calls"), "{date}");
    assert_eq!(of("requests", "duplicate"), count(day, "duplicate_calls"), "{date}");
    assert_eq!(of("webhooks", "accepted"), count(day, "attempts"), "{date}");
    assert_eq!(of("webhooks", "duplicate"), count(day, "duplicate_attempts"), "{date}");
    assert_eq!(sum("accepted") + sum("duplicate"), count(day, "rows"), "{date}");
}

/// Stream, service, region, account and error code of some events.
type Entry = (String, String, String, String, String);

fn entries_are_true(day: &Value, accounts: &[Row]) {
    let mut want: BTreeMap<Entry, u64> = BTreeMap::new();
    let mut by_account: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in items(day, "entries") {
        let code = entry["error_code"].as_i64().map_or(String::new(), |code| code.to_string());
        let name = |key| text(entry, key).to_owned();
        *want.entry((name("stream"), name("service"), name("region"), name("account"), code)).or_default() +=
            count(entry, "events");
    }
    let mut found: BTreeMap<Entry, u64> = BTreeMap::new();
    for row in accounts {
        assert_eq!(row["events_gross"], row["events_net"]);
        let name = |key: &str| row[key].clone();
        *found
            .entry((name("stream"), name("service"), name("region"), name("account"), name("error_code")))
            .or_default() += n(row, "events_net");
        *by_account.entry(&row["account"]).or_default() += n(row, "events_net");
    }
    assert_eq!(found, want, "{}", text(day, "day"));
    let told: BTreeMap<&str, u64> =
        day["accounts"].as_object().unwrap().iter().map(|(k, v)| (k.as_str(), v.as_u64().unwrap())).collect();
    assert_eq!(by_account, told, "{}", text(day, "day"));
}

/// What became of messages, region by region, and how well the two logs fit each other.
fn messages_are_true(day: &Value, deliveries: &[Row], reconciliation: &[Row]) {
    let date = text(day, "day");
    for want in items(day, "messages") {
        let region = text(want, "region");
        let sum = |column: &str, word: &str| -> u64 {
            deliveries
                .iter()
                .filter(|row| row["stream"] == "message" && row["region"] == region && row[column] == word)
                .map(|row| n(row, "events_net"))
                .sum()
        };
        for outcome in ["delivered", "sent", "failed", "none"] {
            assert_eq!(sum("outcome", outcome), count(want, outcome), "{date} {region} {outcome}");
        }
        for timing in ["in_time", "late", "overdue", "unseen"] {
            assert_eq!(sum("timing", timing), count(want, timing), "{date} {region} {timing}");
        }
    }
    let counted = |item: &str| n(reconciliation.iter().find(|row| row["item"] == item).unwrap(), "count");
    for item in ["orphan_statuses", "orphan_attempts", "contradicted_messages"] {
        assert_eq!(counted(item), count(&day["reconciliation"], item), "{date} {item}");
    }
    assert_eq!(counted("attempts"), count(day, "attempts"), "{date}");
}

fn slots_are_true(day: &Value, slots: &[Row]) {
    let date = text(day, "day");
    let scopes = items(day, "slots").iter().map(|scope| {
        let place = ("service", text(scope, "service"), text(scope, "region"));
        (place, scope, Some(items(scope, "down_ranges")))
    });
    let components = items(day, "components")
        .iter()
        .map(|scope| (("component", text(scope, "component"), "*"), scope, None));
    for ((kind, name, region), scope, down_ranges) in scopes.chain(components) {
        let cells: Vec<&Row> = slots
            .iter()
            .filter(|row| row["scope_kind"] == kind && row["scope"] == name && row["region"] == region)
            .collect();
        let place = format!("{date} {kind} {name} {region}");
        assert_eq!(cells.len(), 1_440, "{place}");
        for state in ["up", "degraded", "down", "doubtful", "unobserved"] {
            let minutes = cells.iter().filter(|row| row["state_net"] == state).count() as u64;
            assert_eq!(minutes, count(scope, state), "{place}: {state}");
        }
        assert!(cells.iter().all(|row| row["state_net"] == row["state_gross"]), "{place}");
        let Some(down_ranges) = down_ranges else { continue };
        let down = |row: &Row| {
            down_ranges.iter().any(|range| {
                let at = row["slot_start"].as_str();
                range[0].as_str().unwrap() <= at && at < range[1].as_str().unwrap()
            })
        };
        for row in cells {
            assert_eq!(row["state_net"] == "down", down(row), "{place}: {}", row["slot_start"]);
        }
    }
}

fn availability_is_true(truth: &Value, availability: &[Row], months: &[Row]) {
    let of = |rows: &[Row], component: &str| -> Vec<Row> {
        let mine = |row: &&Row| {
            row["scope_kind"] == "component"
                && row["scope"] == component
                && row["region"] == "*"
                && row["definition"] == "whatsapp"
        };
        rows.iter().filter(mine).cloned().collect()
    };
    for day in items(truth, "days") {
        for component in items(day, "components") {
            let rows = of(availability, text(component, "component"));
            let row = rows.iter().find(|row| row["day"] == text(day, "day")).unwrap();
            assert_eq!(n(row, "slots_counted"), count(component, "down_counted"), "{row:?}");
            assert_eq!(n(row, "slots_down"), count(component, "down"), "{row:?}");
            assert_eq!(n(row, "slots_degraded"), count(component, "degraded"), "{row:?}");
            assert_eq!(n(row, "slots_doubtful"), count(component, "doubtful"), "{row:?}");
            assert_eq!(n(row, "slots_unobserved"), count(component, "unobserved"), "{row:?}");
            assert_eq!(row["availability_percent_net"], percent(1_440, count(component, "down_counted")));
        }
    }
    for component in items(truth, "components") {
        let name = text(component, "component");
        let (a, b) = (count(component, "a"), count(component, "b"));
        let rows = of(availability, name);
        assert_eq!(rows.iter().map(|row| n(row, "slots")).sum::<u64>(), a, "{name}");
        assert_eq!(rows.iter().map(|row| n(row, "slots_counted")).sum::<u64>(), b, "{name}");
        let rows = of(months, name);
        assert_eq!(rows.len(), 1, "{name}");
        // The month runs from its first day to the last of the sample.
        assert_eq!(n(&rows[0], "slots"), 20 * 1_440, "{name}");
        assert_eq!(n(&rows[0], "slots_counted"), b, "{name}");
        assert_eq!(rows[0]["availability_percent_net"], percent(20 * 1_440, b), "{name}");
    }
}

/// `100 * (a - b) / a`, rounded down to six decimals.
fn percent(a: u64, b: u64) -> String {
    let micro = 100_000_000 * (a - b) / a;
    format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000)
}

fn outages_are_true(want: &[Value], found: &[Row]) {
    let want: Vec<[String; 8]> = want
        .iter()
        .map(|o| {
            let name = |key| text(o, key).to_owned();
            let counted = o["counted"].as_bool().unwrap().to_string();
            [
                name("scope_kind"),
                name("scope"),
                name("region"),
                name("start"),
                name("end"),
                count(o, "seconds").to_string(),
                name("class"),
                counted,
            ]
        })
        .collect();
    let columns =
        ["scope_kind", "scope", "region", "start", "end", "duration_seconds", "class", "is_counted"];
    let found: Vec<[String; 8]> = found
        .iter()
        .filter(|row| row["region"] == "*")
        .map(|row| columns.map(|column| row[column].clone()))
        .collect();
    let sorted = |mut rows: Vec<[String; 8]>| {
        rows.sort();
        rows
    };
    assert_eq!(sorted(found), sorted(want));
}

fn totals_are_true(truth: &Value, reports: &Path) {
    let days: Vec<Vec<Row>> = items(truth, "days")
        .iter()
        .map(|day| table(&reports.join("daily").join(text(day, "day")), "intake"))
        .collect();
    let sum = |role: &str, column: &str| -> u64 {
        days.iter()
            .flatten()
            .filter(|row| role.is_empty() || row["role"] == role)
            .map(|row| n(row, column))
            .sum()
    };
    // The day after the last one has files of its own: what was shipped after midnight.
    let last = text(items(truth, "days").last().unwrap(), "day");
    let later: Vec<&Value> = items(truth, "files").iter().filter(|f| text(f, "shipped_on") > last).collect();
    let later = |key| later.iter().map(|f| count(f, key)).sum::<u64>();
    let totals = &truth["totals"];
    assert_eq!(sum("own", "rows_read") + later("rows_read"), count(totals, "rows_read"));
    assert_eq!(sum("own", "quarantine") + later("malformed"), count(totals, "malformed"));
    let accepted = count(totals, "request_rows") + count(totals, "webhook_rows");
    assert_eq!(sum("", "accepted"), accepted, "nothing lost, nothing double");
    assert_eq!(sum("", "duplicate"), count(totals, "duplicates"));
}

#[test]
fn ndjson_reproduces_its_truth() {
    for compression in ["none", "gz", "zst"] {
        reproduces("ndjson", Some(compression));
    }
}

#[test]
fn csv_reproduces_its_truth() {
    for compression in ["none", "gz", "zst"] {
        reproduces("csv", Some(compression));
    }
}

#[test]
fn parquet_reproduces_its_truth() {
    for compression in ["none", "gz", "zst"] {
        reproduces("parquet", Some(compression));
    }
}

/// More traffic, other dice, and a join that does not fit the memory it is given.
#[test]
fn a_larger_sample_reproduces_its_truth_by_way_of_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--rows", "120000", "--seed", "6", "--format", "csv"];
    let sample = job::sample(&dir.path().join("sample"), &args);
    compare(&sample, &dir.path().join("reports"), &["--memory", "64KiB", "--threads", "2"]);
}

#[test]
fn the_sample_of_the_repository_reproduces_its_truth() {
    let reports = tempfile::tempdir().unwrap();
    compare(&committed(), &reports.path().join("reports"), &[]);
}

#[test]
fn the_command_in_the_data_readme_makes_the_sample_of_the_repository() {
    let dir = tempfile::tempdir().unwrap();
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let command = readme.lines().find(|l| l.starts_with("uptime-ledger sample --out data/sample")).unwrap();
    let args: Vec<&str> = command.split_whitespace().skip(4).collect();
    let made = job::sample(&dir.path().join("sample"), &args);
    let (mut made, mut committed) = (job::files(&made), job::files(&committed()));
    // Whoever tries the sample has reports beside it.
    committed.retain(|path, _| !path.starts_with("reports"));
    assert!(made.keys().eq(committed.keys()), "{:?}\n{:?}", made.keys(), committed.keys());
    made.retain(|path, bytes| committed[path] != *bytes);
    assert!(made.is_empty(), "other bytes: {:?}", made.keys());
}

fn committed() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample")
}

/// What README.md and reports/summary.md show of the first command is what it prints, line by line (some are left out there).
#[test]
fn the_readme_shows_what_the_sample_prints() {
    let reports = tempfile::tempdir().unwrap();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let args =
        ["--from", "2026-11-18", "--to", "2026-11-20", "--simulate", "--as-of", "2026-11-21T03:17:00Z"];
    let ran = job::run(&committed().join("uptime-ledger.toml"), reports.path(), &args).expect(3);
    let printed: Vec<String> = ran.stdout.lines().chain(ran.stderr.lines()).map(words).collect();
    // A table with fewer columns or rows than the whole one has narrower columns, and other columns may be left out.
    let is_printed = |line: &str| {
        let mut shown = line.split(' ').peekable();
        printed.iter().any(|printed| {
            let mut shown = shown.clone();
            printed.split(' ').for_each(|word| _ = shown.next_if_eq(&word));
            shown.peek().is_none()
        }) && shown.peek().is_some()
    };
    let mut lines = 0;
    for page in ["README.md", "reports/summary.md"] {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
        let blocks: Vec<&str> =
            text.split("```text\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        let block = blocks.into_iter().find(|block| block.contains("2026-11-18  Cloud API")).unwrap();
        for line in block.lines().map(words).filter(|line| !line.is_empty() && !line.starts_with("Reports:"))
        {
            // Words are left out of tables alone.
            let is_whole = ["attention[", "key:"].iter().any(|start| line.starts_with(start));
            let is_there = if is_whole { printed.contains(&line) } else { is_printed(&line) };
            assert!(is_there, "{page}: `{line}` is not printed");
            lines += 1;
        }
    }
    assert!(lines > 20, "{lines}");
}
