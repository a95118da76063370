//! Real data: public logs that nobody here wrote, and corner cases of file formats.
//!
//! They are no part of the repository: the tests run where a copy lies at `../shared/realdata` or in the folder that
//! `UPTIME_LEDGER_REALDATA` names, and say so where they are skipped.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::job::{self, Ran, Row, job, n, table};

/// The folder of one kind of data, when it is there.
#[expect(clippy::print_stdout, reason = "whoever reads the output should know what was not tested")]
pub(super) fn data(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("UPTIME_LEDGER_REALDATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/realdata"), PathBuf::from);
    let folder = root.join(name);
    let folder = folder.canonicalize().ok().filter(|folder| folder.is_dir());
    if folder.is_none() {
        println!("skipped: there is no {}", root.join(name).display());
    }
    folder
}

/// A run without config.
fn bare(logs: &[&Path], out: &Path, args: &[&str]) -> Ran {
    let fixed = [Path::new("run"), Path::new("--out"), out, Path::new("--requests")].map(Path::as_os_str);
    job(fixed
        .into_iter()
        .chain(logs.iter().map(|l| l.as_os_str()))
        .chain(args.iter().map(std::ffi::OsStr::new)))
}

/// A run with a config of one source.
fn mapped(dir: &Path, paths: &str, source: &str, args: &[&str]) -> (Ran, PathBuf) {
    let config = dir.join("uptime-ledger.toml");
    fs::write(
        &config,
        format!("slot = \"5m\"\n[[source]]\nname = \"requests\"\npaths = [{paths:?}]\n{source}\n"),
    )
    .unwrap();
    let reports = dir.join("reports");
    let _ = fs::remove_dir_all(&reports);
    (job::run(&config, &reports, args), reports)
}

fn over_days(reports: &Path, name: &str) -> Vec<Row> {
    let mut days: Vec<PathBuf> =
        fs::read_dir(reports.join("daily")).unwrap().map(|day| day.unwrap().path()).collect();
    days.sort();
    days.iter().flat_map(|day| table(day, name)).collect()
}

/// Events by one column of the accounts.
fn sums(accounts: &[Row], column: &str) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for row in accounts {
        *sums.entry(row[column].clone()).or_default() += n(row, "events_net");
    }
    sums
}

fn total(rows: &[Row], column: &str) -> u64 {
    rows.iter().map(|row| n(row, column)).sum()
}

/// Whatever a file holds, the job ends by itself and the books balance. Returns the exit code.
#[track_caller]
fn survives(ran: &Ran, reports: &Path, what: &str) -> i32 {
    let code = ran.code.unwrap_or_else(|| panic!("{what}: ended by a signal\n{}", ran.stderr));
    assert!(matches!(code, 0..=3), "{what}: exit code {code}\n{}", ran.stderr);
    for word in ["panicked", "overflowed", "This is a bug"] {
        assert!(!ran.stderr.contains(word), "{what}:\n{}", ran.stderr);
    }
    job::assert_balanced(reports);
    let is_published = reports.join("daily").exists();
    assert_eq!(is_published, matches!(code, 0 | 3), "{what}: exit code {code}");
    code
}

#[test]
fn apache_access_logs() {
    let Some(folder) = data("access_logs") else { return };
    let out = tempfile::tempdir().unwrap();
    let args = ["--preset", "combined", "--from", "2015-05-17", "--to", "2015-05-20"];
    let ran = bare(&[&folder.join("apache_logs")], out.path(), &args);
    survives(&ran, out.path(), "apache_logs");
    let accounts = over_days(out.path(), "accounts");
    assert_eq!(total(&accounts, "events_net"), 10_000);
    let intake = over_days(out.path(), "intake");
    assert_eq!(
        (total(&intake, "accepted"), total(&intake, "outside")),
        (10_000, 30_000),
        "each row is once of its day"
    );
    assert_eq!((total(&intake, "duplicate"), total(&intake, "quarantine")), (0, 0));
    let by_rule = sums(&accounts, "rule");
    assert_eq!((by_rule["server-error"], sums(&accounts, "account")["bad:platform:error"]), (3, 3));
    // 213 times 404, 4 times 403 or 416.
    let text = fs::read_to_string(folder.join("apache_logs")).unwrap();
    let status = |wanted: &str| {
        text.lines().filter(|l| l.split('"').nth(2).unwrap().trim().starts_with(wanted)).count() as u64
    };
    assert_eq!((status("404"), status("500")), (213, 3));
    assert_eq!(by_rule["client-error"] + by_rule["unauthorized"], status("4"));
    assert_eq!(by_rule["unauthorized"], status("403") + status("401"));
}

#[test]
fn checks_of_a_status_page() {
    let Some(folder) = data("probe") else { return };
    let dir = tempfile::tempdir().unwrap();
    let source = r#"
header = false
vantage = "caller_egress"
[source.columns]
ts = 1
http_status = { from = 2, words = { success = "200", failed = "503" } }
"#;
    let paths = folder.join("{service}_report.log").display().to_string();
    let args = ["--from", "2022-05-02", "--to", "2022-07-21", "--quiet"];
    let (ran, reports) = mapped(dir.path(), &paths, source, &args);
    survives(&ran, &reports, "probe");
    let mut wrong = String::new();
    for path in job::paths(&folder) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let Some(service) = name.strip_prefix("derived_daily_") else { continue };
        let mut reader = csv::Reader::from_path(&path).unwrap();
        for row in reader.deserialize::<Row>().map(Result::unwrap) {
            let accounts = table(&reports.join("daily").join(&row["day"]), "accounts");
            let of = |is_bad: bool| -> u64 {
                accounts
                    .iter()
                    .filter(|a| a["service"] == service && (!is_bad || a["account"].starts_with("bad:")))
                    .map(|a| n(a, "events_net"))
                    .sum()
            };
            if (of(false), of(true)) != (n(&row, "checks"), n(&row, "failed")) {
                writeln!(
                    wrong,
                    "{service} {}: {} checks, {} failed, want {row:?}",
                    row["day"],
                    of(false),
                    of(true)
                )
                .unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn exchanges_with_the_graph_api() {
    let Some(folder) = data("whatsapp") else { return };
    let dir = tempfile::tempdir().unwrap();
    let source = r#"
[source.columns]
ts = "date"
trace_id = "fb_trace_id"
request_id = "fb_request_id"
endpoint = "uri"
http_status = "status"
error_code = "error.code"
error_subcode = "error.error_subcode"
is_transient = "error.is_transient"
is_success = "body.success"
"#;
    let log = folder.join("graph_exchanges.jsonl");
    let mut by_day: BTreeMap<String, Vec<serde_json::Value>> = BTreeMap::new();
    for line in fs::read_to_string(&log).unwrap().lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let at = chrono::DateTime::parse_from_rfc2822(row["date"].as_str().unwrap()).unwrap();
        by_day.entry(at.date_naive().to_string()).or_default().push(row);
    }
    assert_eq!(by_day.values().map(Vec::len).sum::<usize>(), 69);
    for (day, rows) in by_day {
        let (ran, reports) = mapped(dir.path(), &log.display().to_string(), source, &["--date", &day]);
        survives(&ran, &reports, &day);
        let accounts = over_days(&reports, "accounts");
        let intake = over_days(&reports, "intake");
        assert_eq!(total(&intake, "quarantine"), 0, "{day}");
        // Identity is fb_request_id; some exchanges were recorded twice.
        let mut ids = std::collections::BTreeSet::new();
        let is_first = |row: &&serde_json::Value| {
            row["fb_request_id"].is_null() || ids.insert(row["fb_request_id"].to_string())
        };
        let unique: Vec<&serde_json::Value> = rows.iter().filter(is_first).collect();
        assert_eq!(total(&accounts, "events_net"), unique.len() as u64, "{day}");
        let failed = unique.iter().filter(|row| row["error"]["code"].is_number()).count() as u64;
        let with_code: u64 =
            accounts.iter().filter(|a| !a["error_code"].is_empty()).map(|a| n(a, "events_net")).sum();
        assert_eq!(with_code, failed, "{day}");
        let good = sums(&accounts, "account").get("good").copied().unwrap_or(0);
        let ok = unique.iter().filter(|row| row["status"].as_u64().unwrap() < 400).count() as u64;
        assert_eq!(good, ok, "{day}");
    }
}

#[test]
fn cloudflare_and_caddy_by_column_mapping() {
    let Some(folder) = data("lnav") else { return };
    let dir = tempfile::tempdir().unwrap();
    let cloudflare = "[source.columns]\nts = { from = \"EdgeStartTimestamp\", unit = \"ns\" }\nrequest_id = \"RayID\"\nhttp_status = \"EdgeResponseStatus\"\nendpoint = \"ClientRequestURI\"\nregion = \"EdgeColoCode\"";
    let caddy = "[source.columns]\nts = { from = \"ts\", unit = \"s\" }\nduration = { from = \"duration\", unit = \"s\" }\nhttp_status = \"status\"\nendpoint = \"request.uri\"";
    for (name, source, ts, scale) in [
        ("logfile_cloudflare.1", cloudflare, "EdgeStartTimestamp", 1e9),
        ("logfile_cloudflare.json", &cloudflare.replace(", unit = \"ns\"", ""), "", 1.0),
        ("logfile_caddy_log.1", caddy, "ts", 1.0),
    ] {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        let (mut by_day, mut lines) = (BTreeMap::<String, u64>::new(), 0);
        for line in text.lines() {
            lines += 1;
            let Ok(row) = serde_json::from_str::<serde_json::Value>(line) else { continue };
            let day = match &row[ts] {
                serde_json::Value::Number(n) => {
                    let seconds = (n.as_f64().unwrap() / scale) as i64;
                    chrono::DateTime::from_timestamp(seconds, 0).unwrap().date_naive().to_string()
                }
                _ => match row["EdgeStartTimestamp"].as_str() {
                    Some(text) => text[..10].to_owned(),
                    None => continue,
                },
            };
            *by_day.entry(day).or_default() += 1;
        }
        assert!(!by_day.is_empty(), "{name}");
        for (day, events) in by_day {
            let path = folder.join(name).display().to_string();
            let (ran, reports) = mapped(dir.path(), &path, source, &["--date", &day]);
            survives(&ran, &reports, name);
            let intake = over_days(&reports, "intake");
            assert_eq!(
                (n(&intake[0], "accepted"), n(&intake[0], "rows_read")),
                (events, lines),
                "{name} {day}"
            );
        }
    }
}

#[test]
fn no_file_makes_the_job_panic() {
    let mut files = Vec::new();
    for name in ["lnav", "torture"] {
        files.extend(data(name).iter().flat_map(|folder| job::paths(folder)));
    }
    if files.is_empty() {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let date = ["--date", "2022-10-30", "--quiet", "--threads", "2"];
    for preset in ["canonical", "combined", "nginx-json"] {
        // All at once, each with a balance or a reason.
        let reports = out.path().join(preset);
        let logs: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        let ran = bare(&logs, &reports, &[&["--preset", preset][..], &date].concat());
        if survives(&ran, &reports, preset) == 3 {
            assert_eq!(over_days(&reports, "intake").len(), files.len(), "{preset}");
        }
    }
    // One by one: alone, a file that cannot be read must fail the run and publish nothing.
    let suspects = files.iter().filter(|path| {
        let text = path.to_string_lossy();
        !text.contains("json_test_suite")
    });
    for path in suspects {
        let reports = out.path().join("one");
        let _ = fs::remove_dir_all(&reports);
        let ran = bare(&[path], &reports, &date);
        survives(&ran, &reports, &path.display().to_string());
    }
}

#[test]
fn the_json_test_suite() {
    let Some(folder) = data("torture/json_test_suite/test_parsing") else { return };
    let dir = tempfile::tempdir().unwrap();
    let logs = dir.path().join("logs");
    fs::create_dir(&logs).unwrap();
    let mut names = Vec::new();
    for path in job::paths(&folder) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = fs::read(&path).unwrap();
        let content = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        if content.iter().any(|b| matches!(b, b'\n' | b'\r')) || path.extension().is_none_or(|e| e != "json")
        {
            continue;
        }
        // Each has an id of its own, because two suites of equal rows would be one file shipped twice.
        let head = format!(r#"{{"ts":"2026-11-18T10:00:00Z","request_id":"{name}","http_status":200,"x":"#);
        let row = [head.as_bytes(), content, b"}\n"].concat();
        fs::write(logs.join(name.replace(".json", ".ndjson")), row).unwrap();
        names.push(name.replace(".json", ".ndjson"));
    }
    assert!(names.len() > 250, "{}", names.len());
    let reports = dir.path().join("reports");
    let ran = bare(&[&logs], &reports, &["--date", "2026-11-18", "--quiet"]);
    survives(&ran, &reports, "the suite");
    let intake = over_days(&reports, "intake");
    let mut wrong = String::new();
    for name in names {
        let row = intake.iter().find(|row| row["path"].ends_with(&format!("/{name}"))).unwrap();
        let found = (n(row, "rows_read"), n(row, "accepted"), n(row, "quarantine"));
        // Python writes these words for floats that are no numbers.
        let is_python = ["n_number_NaN", "n_number_infinity", "n_number_minus_infinity"]
            .iter()
            .any(|word| name == format!("{word}.ndjson"));
        let want = match name.as_bytes()[0] {
            _ if is_python => (1, 1, 0),
            b'y' => (1, 1, 0),
            b'n' => (1, 0, 1),
            _ => continue,
        };
        if found != want {
            writeln!(wrong, "{name}: {found:?}, want {want:?}: {}", row["failure"]).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn parquet_files_with_a_leaf_as_request_id() {
    use parquet::basic::Type;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let Some(folder) = data("torture/parquet_testing") else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut published = 0;
    for path in job::paths(&folder).into_iter().filter(|p| p.extension().is_some_and(|e| e == "parquet")) {
        // The footer may be corrupt, too; then any name will do.
        let open = || -> Option<String> {
            let reader = SerializedFileReader::new(fs::File::open(&path).ok()?).ok()?;
            let schema = reader.metadata().file_metadata().schema_descr();
            let leaf = schema.columns().iter().find(|column| {
                matches!(column.physical_type(), Type::BYTE_ARRAY | Type::INT32 | Type::INT64)
            })?;
            Some(leaf.path().string())
        };
        let leaf = std::panic::catch_unwind(open).ok().flatten().unwrap_or_else(|| "id".into());
        let source =
            format!("[source.columns]\nts = {{ value = \"2026-11-18T10:00:00Z\" }}\nrequest_id = {leaf:?}");
        let (ran, reports) =
            mapped(dir.path(), &path.display().to_string(), &source, &["--date", "2026-11-18", "--quiet"]);
        published += u32::from(survives(&ran, &reports, &path.display().to_string()) != 1);
    }
    assert!(published > 30, "{published}");
}

/// Payloads of webhooks, and other documents of the same interfaces, by where they were found.
fn documents(folder: &Path) -> Vec<(String, serde_json::Value)> {
    let mut found = Vec::new();
    for path in job::paths(folder).into_iter().filter(|path| path.extension().is_some_and(|e| e == "json")) {
        let text = fs::read_to_string(&path).unwrap();
        // One has something after its document.
        let json = serde_json::Deserializer::from_str(&text).into_iter().next().unwrap().unwrap();
        let name = path.display().to_string();
        match json {
            // These hold many, by name.
            serde_json::Value::Object(named) if name.contains("tests/data/updates") => {
                found.extend(named.into_iter().map(|(key, json)| (format!("{name}#{key}"), json)));
            }
            json => found.push((name, json)),
        }
    }
    found
}

/// A run over payloads, one per line.
fn posted(dir: &Path, lines: &[String], day: &str) -> (Ran, PathBuf) {
    let log = dir.join("payloads.ndjson");
    fs::write(&log, lines.join("\n") + "\n").unwrap();
    let reports = dir.join("reports");
    let _ = fs::remove_dir_all(&reports);
    let (log, out) = (log.display().to_string(), reports.display().to_string());
    let preset = ["--webhook-preset", "whatsapp-webhook"];
    let ran = job(["run", "--webhooks", &log, "--out", &out, "--date", day].iter().chain(&preset));
    survives(&ran, &reports, day);
    (ran, reports)
}

#[test]
fn payloads_as_they_were_posted() {
    let Some(folder) = data("whatsapp") else { return };
    let documents = documents(&folder);
    let is_webhook = |json: &serde_json::Value| json.get("entry").is_some();
    let webhooks = documents.iter().filter(|(_, json)| is_webhook(json)).count() as u64;
    assert!(webhooks > 50 && (webhooks as usize) < documents.len(), "{webhooks} of {}", documents.len());
    let dir = tempfile::tempdir().unwrap();

    // As a server would log them on one day.
    let day = "2026-11-18";
    let enveloped: Vec<String> = documents
        .iter()
        .flat_map(|(_, json)| {
            let text = serde_json::to_string(&json.to_string()).unwrap();
            let at = format!(r#""received_at":"{day}T10:00:00Z""#);
            [format!(r#"{{{at},"payload":{json}}}"#), format!(r#"{{{at},"body":{text}}}"#)]
        })
        .collect();
    let (ran, reports) = posted(dir.path(), &enveloped, day);
    assert!(matches!(ran.code, Some(3)), "{ran:?}");
    let intake = &over_days(&reports, "intake")[0];
    assert_eq!(n(intake, "rows_read"), enveloped.len() as u64);
    // What is posted twice at the same instant is a copy, however it is wrapped.
    let copies = n(intake, "duplicate");
    assert!(copies >= webhooks, "{intake:?}");
    assert_eq!(n(intake, "accepted") + copies, 2 * webhooks);
    assert_eq!(n(intake, "quarantine"), 2 * (documents.len() as u64 - webhooks));
    let quarantine = fs::read_to_string(reports.join("daily").join(day).join("quarantine.ndjson")).unwrap();
    for line in quarantine.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(row["reason"].as_str().unwrap().starts_with("not a webhook payload: "), "{line}");
    }
    let accounts = over_days(&reports, "accounts");
    assert_eq!(sums(&accounts, "account"), BTreeMap::from([("good".to_owned(), n(intake, "accepted"))]));

    // As they are: their own times decide.
    let bare: Vec<String> = documents.iter().map(|(_, json)| json.to_string()).collect();
    let (_, reports) = posted(dir.path(), &bare, "2023-10-25");
    let intake = &over_days(&reports, "intake")[0];
    assert_eq!(n(intake, "rows_read"), bare.len() as u64);

    // Statuses of messages that no request log admitted: `sent` and `delivered` of one message and `read` of another,
    // and on another day `read`, `played` and `failed` of one.
    let statuses = documents.iter().filter(|(name, _)| name.contains("/message_status.json#"));
    let statuses: Vec<String> = statuses.map(|(_, json)| json.to_string()).collect();
    assert_eq!(statuses.len(), 7);
    for (day, rows, want) in [("2023-10-25", 4, 3), ("2023-07-15", 3, 3)] {
        let (_, reports) = posted(dir.path(), &statuses, day);
        let daily = reports.join("daily").join(day);
        let found = ["attempts", "statuses", "orphan_statuses"].map(|item| job::reconciled(&daily, item));
        assert_eq!(found, [rows, want, want], "{day}");
    }
}
