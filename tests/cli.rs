//! The command line: one test per promise that the binary makes to cron and to people.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arrow_array::{ArrayRef, BooleanArray, RecordBatch, StringArray};
use assert_cmd::Command;
use parquet::arrow::ArrowWriter;
use uptime_ledger::ledger::Lock;

use crate::job::{self, Ran, job, n, table};

const DAY: &str = "2026-11-18";
const MORNING_AFTER: &str = "2026-11-19T06:00:00Z";

/// A folder with logs and a place for reports.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn reports(&self) -> PathBuf {
        self.path("reports")
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// A run without config over the files named, as of the morning after the day.
    fn run(&self, files: &[&str], args: &[&str]) -> Ran {
        let mut command = Command::new(job::binary());
        command.current_dir(self.dir.path()).arg("run").arg("--requests").args(files);
        command.args(["--out", "reports", "--simulate", "--as-of", MORNING_AFTER]).args(args);
        job::ran(&mut command)
    }

    fn is_nothing_published(&self) -> bool {
        // The lock file is there from the first try on.
        job::files(&self.reports()).keys().all(|path| path == Path::new(".lock"))
    }

    fn intake(&self) -> BTreeMap<String, job::Row> {
        let rows = table(&self.reports(), &format!("daily/{DAY}/intake"));
        rows.into_iter().map(|row| (row["path"].clone(), row)).collect()
    }
}

/// One good row a minute from midnight on.
fn rows(prefix: &str, count: u32) -> String {
    let mut text = String::new();
    for at in 0..count {
        let (hour, minute) = (at / 60, at % 60);
        writeln!(
            text,
            r#"{{"ts":"{DAY}T{hour:02}:{minute:02}:00Z","request_id":"{prefix}-{at}","region":"eu","http_status":200}}"#
        )
        .unwrap();
    }
    text
}

fn xz(text: &str) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(text: &str) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn parquet_rows(count: usize) -> Vec<u8> {
    let texts = |text: fn(usize) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values((0..count).map(text)))
    };
    parquet(vec![
        ("ts", texts(|at| format!("{DAY}T12:{:02}:00Z", at % 60))),
        ("request_id", texts(|at| format!("p-{at}"))),
        ("http_status", texts(|_| "200".into())),
    ])
}

/// One day of ordinary traffic.
fn sample(place: &Place) -> PathBuf {
    let args = ["--days", "1", "--rows", "2000", "--no-stories"];
    job::sample(&place.path("sample"), &args).join("uptime-ledger.toml")
}

#[test]
fn a_run_with_nothing_new_publishes_nothing() {
    let place = Place::new();
    let config = sample(&place);
    let run = |as_of: &str| {
        let ran =
            job::run(&config, &place.reports(), &["--date", DAY, "--simulate", "--as-of", as_of, "--json"]);
        ran.json()["days"][0].clone()
    };
    let stamps = || -> BTreeMap<PathBuf, (SystemTime, Vec<u8>)> {
        let read =
            |path: PathBuf| (fs::metadata(&path).unwrap().modified().unwrap(), fs::read(&path).unwrap());
        let paths = job::paths(&place.reports()).into_iter().filter(|path| !path.ends_with(".lock"));
        paths.map(|path| (path.clone(), read(path))).collect()
    };
    let first = run(MORNING_AFTER);
    assert_eq!((&first["is_new"], &first["edition"]), (&true.into(), &1.into()));
    let before = stamps();
    let second = run("2026-11-20T06:00:00Z");
    assert_eq!((&second["is_new"], &second["edition"]), (&false.into(), &1.into()));
    let after = stamps();
    let changed: Vec<_> = after.iter().filter(|(path, stamp)| before.get(*path) != Some(*stamp)).collect();
    assert!(
        changed.is_empty() && before.len() == after.len(),
        "{:?}",
        changed.iter().map(|(p, _)| p).collect::<Vec<_>>()
    );
}

#[test]
fn the_day_is_yesterday_by_the_job_s_own_clock() {
    let place = Place::new();
    place.file("a.ndjson", rows("a", 1_440));
    for (as_of, code, day) in [
        ("2026-11-19T00:00:00Z", 0, DAY),
        ("2026-11-19T23:59:59Z", 0, DAY),
        ("2026-11-20T01:30:00+02:00", 0, DAY),
    ] {
        let args =
            ["run", "--out", "reports", "--json", "--simulate", "--as-of", as_of, "--requests", "a.ndjson"];
        let ran = job::ran(Command::new(job::binary()).current_dir(place.dir.path()).args(args)).expect(code);
        assert_eq!(ran.json()["days"][0]["day"], day, "{as_of}");
    }
}

#[test]
fn what_cannot_be_asked_for_is_a_usage_error() {
    let place = Place::new();
    place.file("a.ndjson", rows("a", 10));
    let told = |args: &[&str], parts: &[&str]| {
        place.run(&["a.ndjson"], args).expect(2).says(parts);
        assert!(place.is_nothing_published(), "{args:?}");
    };
    told(&["--date", "2026-11-19"], &["2026-11-19 is not over", "2026-11-19T06:00:00Z", "2026-11-18"]);
    told(&["--from", "2026-11-18", "--to", "2026-11-17"], &["2026-11-18", "2026-11-17", "after"]);
    told(&["--from", "2026-11-18"], &["--to"]);
    told(&["--date", "2026-11-31"], &["2026-11-31"]);
    told(&["--date", "2026-11-17", "--from", "2026-11-16", "--to", "2026-11-17"], &["cannot be used with"]);
    told(&["--preset", "apach"], &["apach", "canonical", "combined", "nginx-json", "apache"]);
    told(&["--zone", "Europe/Nowhere"], &["Europe/Nowhere"]);
    told(&["--memory", "lots"], &["lots", "512MiB"]);
    told(&["--threads", "many"], &["many"]);
    told(&["--nonsense"], &["--nonsense"]);
    place
        .run(&["logs/absent.ndjson"], &["--date", DAY])
        .expect(2)
        .says(&["logs/absent.ndjson", "no such file"]);
    assert!(place.is_nothing_published());
    job(["nonsense"]).expect(2);
    job(["run", "--requests", "a.ndjson"]).expect(2).says(&["--out"]);
}

#[test]
fn a_config_that_is_missing_or_wrong_is_shown_with_its_place() {
    let place = Place::new();
    let run = |args: &[&str]| job::ran(Command::new(job::binary()).current_dir(place.dir.path()).args(args));
    run(&["run"]).expect(2).says(&["uptime-ledger.toml", "--config", "--requests"]);
    run(&["check"]).expect(2).says(&["uptime-ledger.toml"]);
    run(&["run", "--config", "etc/absent.toml"]).expect(2).says(&["etc/absent.toml", "no such file"]);

    place.file(
        "bad.toml",
        "slot = \"2m\"\n[[source]]\nname = \"a\"\npaths = [\"a.ndjson\"]\npreset = \"apach\"\n",
    );
    for command in ["run", "check"] {
        run(&[command, "--config", "bad.toml"]).expect(2).says(&[
            "bad.toml:1:8",
            "bad.toml:5:10",
            "2 mistakes",
            "nothing was published",
        ]);
    }
    place.file("latin.toml", b"reports = \"caf\xe9\"\n");
    run(&["check", "--config", "latin.toml"]).expect(2).says(&["latin.toml:1:15: byte 0xE9 is not UTF-8"]);
    assert!(!place.path("reports").exists());

    place.file("good.toml", "[[source]]\nname = \"a\"\npaths = [\"a.ndjson\"]\n");
    let ran = run(&["check", "--config", "good.toml"]).expect(0);
    assert!(ran.stdout.contains("good.toml: 1 sources") && ran.stderr.is_empty(), "{ran:?}");
}

#[test]
fn an_empty_file_has_a_balance_and_a_day_without_rows_is_worth_a_look() {
    let place = Place::new();
    place.file("empty.ndjson", "");
    place.file("header.csv", "ts,request_id,http_status\n");
    let ran = place.run(&["empty.ndjson", "header.csv"], &["--json"]).expect(3);
    let attention: Vec<_> = ran.json()["days"][0]["attention"].as_array().unwrap().clone();
    assert!(attention.iter().any(|a| a["kind"] == "no-rows"), "{attention:?}");
    for (path, row) in place.intake() {
        assert_eq!((n(&row, "rows_read"), row["failure"].as_str()), (0, ""), "{path}");
    }
    assert_eq!(place.intake().len(), 2);
    // A pattern without a match is no log at all.
    place.file("u.toml", "[[source]]\nname = \"a\"\npaths = [\"absent/*.ndjson\"]\n");
    let out = place.path("other");
    let ran = job::run(&place.path("u.toml"), &out, &["--date", DAY, "--simulate", "--as-of", MORNING_AFTER])
        .expect(3);
    ran.says(&["no log file was found"]);
}

#[test]
fn a_cut_off_file_counts_for_nothing_and_the_others_in_full() {
    let place = Place::new();
    // Noise keeps the packed text from fitting one block.
    let text: String = rows("c", 1_440).lines().enumerate().fold(String::new(), |mut all, (at, line)| {
        let noise = (at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        writeln!(all, "{},\"trace_id\":\"{noise:016x}\"}}", line.strip_suffix('}').unwrap()).unwrap();
        all
    });
    let cut = |bytes: Vec<u8>| bytes[..bytes.len() * 2 / 3].to_vec();
    place.file("cut.ndjson.gz", cut(gzip(&text)));
    place.file("cut.ndjson.zst", cut(zstd::encode_all(text.as_bytes(), 3).unwrap()));
    place.file("cut.ndjson.xz", cut(xz(&text)));
    place.file("cut.ndjson.bz2", cut(bzip2(&text)));
    place.file("cut.parquet", cut(parquet_rows(1_000)));
    place.file("good.ndjson", rows("a", 1_440));
    place.file("good.parquet", parquet_rows(60));
    let files = [
        "cut.ndjson.gz",
        "cut.ndjson.zst",
        "cut.ndjson.xz",
        "cut.ndjson.bz2",
        "cut.parquet",
        "good.ndjson",
        "good.parquet",
    ];
    place.run(&files, &[]).expect(3).says(&[
        "cut.ndjson.bz2: ",
        "cut.ndjson.gz: ",
        "cut.ndjson.xz: ",
        "and 2 more files",
        "nothing of these 5 files is counted",
    ]);
    job::assert_balanced(&place.reports());
    let intake = place.intake();
    for path in &files[..5] {
        let row = &intake[*path];
        assert!(!row["failure"].is_empty(), "{path}");
        assert_eq!(["rows_read", "accepted", "quarantine"].map(|c| n(row, c)), [0, 0, 0], "{path}");
    }
    // Where in the text the packed ones end.
    for path in &files[..4] {
        assert!(
            intake[*path]["failure"].contains(|c: char| c.is_ascii_digit()),
            "{}",
            intake[*path]["failure"]
        );
    }
    assert_eq!((n(&intake["good.ndjson"], "accepted"), n(&intake["good.parquet"], "accepted")), (1_440, 60));
    let accounts = table(&place.reports(), &format!("daily/{DAY}/accounts"));
    assert_eq!(accounts.iter().map(|a| n(a, "events_net")).sum::<u64>(), 1_500);
    let availability = table(&place.reports(), "availability");
    assert!(availability.iter().all(|row| row["state"] == "provisional"));
}

#[test]
fn when_no_file_can_be_read_nothing_is_published() {
    let place = Place::new();
    place.file("cut.ndjson.gz", &gzip(&rows("a", 500))[..100]);
    place.file("not.parquet", "PAR1 but no footer");
    // A file that opens and cannot be read, whoever asks.
    std::os::unix::fs::symlink("/proc/self/mem", place.path("memory.ndjson")).unwrap();
    place.run(&["cut.ndjson.gz", "not.parquet", "memory.ndjson"], &[]).expect(1).says(&[
        "nothing was published",
        "cut.ndjson.gz: ",
        "not.parquet: ",
        "memory.ndjson: ",
    ]);
    assert!(place.is_nothing_published(), "{:?}", job::files(&place.reports()).keys());
    // Beside a good one it is only named.
    place.file("good.ndjson", rows("a", 1_440));
    place.run(&["memory.ndjson", "good.ndjson"], &[]).expect(3).says(&["memory.ndjson: "]);
    assert_eq!(n(&place.intake()["good.ndjson"], "accepted"), 1_440);
}

#[test]
fn a_log_may_be_piped_into_a_run_of_one_day_and_is_read_once() {
    let place = Place::new();
    let piped = |name: &str, bytes: Vec<u8>, args: &[&str]| {
        let mut command = Command::new(job::binary());
        command.current_dir(place.dir.path()).args(["run", "--simulate", "--out", name]).args(args);
        job::ran(command.write_stdin(bytes))
    };
    let of = |day: &str, as_of: &str| {
        ["--requests", "-", "--date", day, "--as-of", as_of].map(str::to_owned).to_vec()
    };
    let run = |name: &str, bytes: Vec<u8>, args: Vec<String>| {
        piped(name, bytes, &args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let text = rows("a", 1_440);
    place.file("a.ndjson", &text);
    place.run(&["a.ndjson"], &[]).expect(0);
    let accounts = |reports: &Path| table(reports, &format!("daily/{DAY}/accounts"));
    for (name, bytes) in [("plain", text.clone().into_bytes()), ("packed", gzip(&text)), ("xz", xz(&text))] {
        let ran = run(name, bytes, of(DAY, MORNING_AFTER)).expect(0);
        ran.says(&[&format!(
            "read once: {DAY} was read from standard input, so no later run reads it again"
        )]);
        let reports = place.path(name);
        assert_eq!(accounts(&reports), accounts(&place.reports()), "{name}");
        let intake = table(&reports, &format!("daily/{DAY}/intake"));
        assert_eq!((intake[0]["path"].as_str(), n(&intake[0], "rows_read")), ("-", 1_440), "{name}");
        assert!(job::paths(&reports).iter().all(|path| !path.ends_with("-")), "{name}");
    }
    // The next day's pipe says nothing of this day: neither that rows are gone, nor that it changed.
    let next = "2026-11-19";
    let rows = rows("b", 1_440).replace(DAY, next);
    run("plain", rows.into_bytes(), of(next, "2026-11-20T06:00:00Z")).expect(0);
    let editions = fs::read_dir(place.path(&format!("plain/ledger/editions/{DAY}"))).unwrap();
    assert_eq!(editions.count(), 1);
    assert_eq!(accounts(&place.path("plain")), accounts(&place.reports()));
    // A pipe that breaks in a packed log spoils the file, and so the run.
    run("cut", gzip(&text)[..200].to_vec(), of(DAY, MORNING_AFTER)).expect(1).says(&["-: "]);
}

#[test]
fn standard_input_that_is_not_for_one_day_is_refused() {
    let place = Place::new();
    let days = ["--from", "2026-11-17", "--to", DAY];
    for args in [&["-"][..], &["-", "--from", days[1], "--to", days[3]]] {
        place.run(args, &[]).expect(2).says(&["`-` is standard input", "name its day with --date"]);
    }
    let twice = ["--webhooks", "-", "--date", DAY];
    place.run(&["-"], &twice).expect(2).says(&["`-` is standard input", "only once", "write the other log"]);
    assert!(place.is_nothing_published());
    let config = "reports = \"reports\"\n[[source]]\nname = \"a\"\npaths = [\"-\", \"./-\"]\n";
    place.file("u.toml", config);
    let ran = job([OsStr::new("check"), OsStr::new("--config"), place.path("u.toml").as_os_str()]);
    assert_eq!(ran.expect(2).stderr.matches("which a config cannot name").count(), 2);
}

#[test]
fn a_file_without_read_permission_is_named_with_the_remedy() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let secret = place.file("secret.ndjson", rows("a", 10));
    place.file("good.ndjson", rows("b", 10));
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::File::open(&secret).is_ok() {
        println!("skipped: permissions do not bind this user");
        return;
    }
    place
        .run(&["secret.ndjson", "good.ndjson"], &[])
        .expect(3)
        .says(&["secret.ndjson: no permission", "give the user"]);
}

#[test]
fn pipes_sockets_and_marker_files_among_logs_are_not_opened() {
    let place = Place::new();
    place.file("logs/a.ndjson", rows("a", 1_440));
    for marker in ["_SUCCESS", "_committed_17", ".a.ndjson.crc"] {
        place.file(&format!("logs/{marker}"), "no log");
    }
    place.run(&["logs"], &[]).expect(0);
    let _socket = std::os::unix::net::UnixListener::bind(place.path("logs/b.ndjson")).unwrap();
    let made = Command::new("mkfifo").arg(place.path("logs/c.ndjson")).ok();
    let mut said = vec!["attention[special-file]", "logs/b.ndjson is a socket", "move it away"];
    said.extend(made.is_ok().then_some("logs/c.ndjson is a named pipe"));
    place.run(&["logs"], &["--date", DAY]).expect(3).says(&said);
    assert_eq!(place.intake().len(), 1);
    // It is told in full once.
    place.run(&["logs/*.ndjson"], &["--date", DAY]).expect(3).says(&["stand since", "special-file"]);
    assert_eq!(place.intake().len(), 1);
    place.run(&["logs/b.ndjson"], &[]).expect(2).says(&["logs/b.ndjson is a socket, not a file"]);
}

#[test]
fn a_file_of_no_bytes_is_cut_off_if_its_name_claims_a_format() {
    let place = Place::new();
    place.file("logs/a.ndjson", rows("a", 1_440));
    place.file("logs/b.ndjson", "");
    place.run(&["logs"], &[]).expect(0);
    place.file("logs/c.parquet", "");
    place.file("logs/d.csv.gz", "");
    let says =
        ["attention[unreadable-file]", "c.parquet: it has no bytes", "d.csv.gz: it has no bytes", "2 files"];
    place.run(&["logs"], &["--date", DAY]).expect(3).says(&says);
}

#[test]
fn columns_in_capitals_are_those_of_the_schema() {
    let place = Place::new();
    let minutes = || (0..1_440).map(|n| format!("2026-11-18T{:02}:{:02}:00Z", n / 60, n % 60));
    let csv = minutes().map(|at| format!("{at},r-{at},503\n")).collect::<String>();
    place.file("a.csv", format!("ts,REQUEST_ID,HTTP_STATUS\n{csv}"));
    let json = |at| format!(r#"{{"TS":"{at}","requestId":"s-{at}","Http-Status":503,"note":1}}"#) + "\n";
    place.file("b.ndjson", minutes().map(json).collect::<String>());
    place.run(&["a.csv", "b.ndjson"], &[]).expect(0);
    for file in ["a.csv", "b.ndjson"] {
        assert_eq!(n(&place.intake()[file], "accepted"), 1_440, "{file}");
    }
    let accounts = table(&place.reports(), &format!("daily/{DAY}/accounts"));
    let bad = accounts.iter().filter(|row| row["account"] == "bad:platform:error");
    assert_eq!(bad.map(|row| n(row, "events_net")).sum::<u64>(), 2_880, "{accounts:?}");
    place.file("c.csv", "ts,HTTP_STATUS,httpStatus\n2026-11-18T00:00:00Z,200,503\n");
    let all = ["a.csv", "b.ndjson", "c.csv"];
    place.run(&all, &["--date", DAY]).expect(3).says(&["`HTTP_STATUS` and `httpStatus`"]);
}

#[test]
fn a_folder_with_the_name_of_a_log_is_no_log() {
    let place = Place::new();
    place.file("logs/a.ndjson", rows("a", 1_440));
    fs::create_dir(place.path("logs/b.ndjson")).unwrap();
    place.run(&["logs/*.ndjson"], &[]).expect(0);
    assert_eq!(place.intake().len(), 1);
}

#[test]
fn reports_that_cannot_be_written_fail_the_run_and_leave_nothing_behind() {
    let place = Place::new();
    place.file("a.ndjson", rows("a", 10));
    let file = place.file("taken", "a file");
    let run = |out: &str| {
        let args = ["run", "--requests", "a.ndjson", "--simulate", "--as-of", MORNING_AFTER, "--out", out];
        job::ran(Command::new(job::binary()).current_dir(place.dir.path()).args(args))
    };
    let told = run("taken").expect(1).says(&["taken", "a file stands where a folder is needed"]);
    assert_eq!(told.stderr.matches("os error").count(), 1, "{}", told.stderr);
    run("taken/below").expect(1).says(&["taken", "a file stands where a folder is needed"]);
    run("/proc/reports").expect(1).says(&["/proc/reports"]);
    assert_eq!(fs::read(file).unwrap(), b"a file");
    assert_eq!(job::paths(place.dir.path()).len(), 2);
}

#[test]
fn a_write_that_fails_half_way_leaves_whole_files_and_the_next_run_repairs() {
    let place = Place::new();
    let config = sample(&place);
    let args = format!(
        "run --config {} --out {} --date {DAY} --simulate --as-of {MORNING_AFTER}",
        config.display(),
        place.reports().display()
    );
    let limited = |kibibytes: u32| {
        // The signal is ignored, so that writing beyond the limit is an error as on a full disk.
        let script = format!("trap '' XFSZ; ulimit -f {kibibytes}; exec {} {args}", job::binary().display());
        job::ran(Command::new("bash").args(["-c", &script]))
    };
    let whole = place.path("whole");
    job::run(&config, &whole, &["--date", DAY, "--simulate", "--as-of", MORNING_AFTER, "--quiet"]);

    // Not even the edition: nothing is published.
    limited(1).expect(1).says(&["writing failed", "ledger", "run again"]);
    let left: Vec<PathBuf> =
        job::files(&place.reports()).into_keys().filter(|p| !p.ends_with(".lock")).collect();
    assert!(left.is_empty(), "{left:?}");

    // The edition, but not the largest table.
    limited(600).expect(1).says(&["daily/2026-11-18/slots.csv", "writing failed", "run again"]);
    for (path, bytes) in job::files(&place.reports()) {
        if path.extension().is_some_and(|e| e == "csv") {
            assert_eq!(bytes, fs::read(whole.join(&path)).unwrap(), "{}", path.display());
        }
        assert!(!path.to_string_lossy().contains(".tmp"), "{}", path.display());
    }
    assert!(!place.reports().join("daily/2026-11-18/slots.csv").exists());

    let ran = job::run(
        &config,
        &place.reports(),
        &["--date", DAY, "--simulate", "--as-of", MORNING_AFTER, "--json"],
    );
    assert_eq!(ran.json()["days"][0]["is_new"], false);
    let (mut repaired, mut whole) = (job::files(&place.reports()), job::files(&whole));
    for files in [&mut repaired, &mut whole] {
        files.retain(|path, _| path.extension().is_some_and(|e| e == "csv" || e == "ndjson"));
    }
    assert!(repaired == whole, "{:?}\n{:?}", repaired.keys(), whole.keys());
}

#[test]
fn a_second_run_says_who_holds_the_lock() {
    let place = Place::new();
    place.file("a.ndjson", rows("a", 1_440));
    let lock = Lock::acquire(&place.reports()).unwrap();
    place
        .run(&["a.ndjson"], &[])
        .expect(1)
        .says(&["in use by another run", &format!("pid {}", std::process::id())]);
    assert!(place.is_nothing_published());
    drop(lock);
    place.run(&["a.ndjson"], &[]).expect(0);
}

#[test]
fn a_parquet_timestamp_of_the_wrong_type_is_named() {
    let place = Place::new();
    let ids: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    place.file(
        "bad.parquet",
        parquet(vec![("ts", Arc::new(BooleanArray::from(vec![true, false]))), ("request_id", ids.clone())]),
    );
    place.file("none.parquet", parquet(vec![("when", ids.clone()), ("request_id", ids)]));
    place.file("good.ndjson", rows("a", 1_440));
    place.run(&["bad.parquet", "none.parquet", "good.ndjson"], &[]).expect(3);
    let intake = place.intake();
    let failure = |path: &str| intake[path]["failure"].clone();
    assert!(
        failure("bad.parquet").contains("ts") && failure("bad.parquet").to_lowercase().contains("boolean"),
        "{}",
        failure("bad.parquet")
    );
    assert!(failure("none.parquet").contains("when, request_id"), "{}", failure("none.parquet"));
}

#[test]
fn what_is_said_fits_who_listens() {
    let place = Place::new();
    place.file("a.ndjson", rows("a", 1_440));
    let json = place.run(&["a.ndjson"], &["--json"]).expect(0);
    assert_eq!(json.stdout.lines().count(), 1);
    let summary = json.json();
    assert_eq!((&summary["exit_code"], &summary["days"][0]["accepted"]), (&0.into(), &1_440.into()));
    assert!(json.stderr.is_empty(), "{}", json.stderr);

    let quiet = place.run(&["a.ndjson"], &["--quiet"]).expect(0);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));

    let verbose = place.run(&["a.ndjson"], &["-v", "--date", DAY]).expect(0);
    assert!(verbose.stderr.contains("reading") && verbose.stderr.contains("rendered"), "{}", verbose.stderr);
    for said in [&verbose.stdout, &verbose.stderr, &json.stdout] {
        assert!(!said.contains('\u{1b}'), "escape codes without a terminal: {said:?}");
    }
    assert!(
        verbose.stdout.contains("No outages.") && verbose.stdout.contains("1 (as before)"),
        "{}",
        verbose.stdout
    );
    let help = job(["--help"]).expect(0).stdout;
    for line in ["0  done", "1  failed", "2  usage", "3  done, also with nothing new"] {
        assert!(help.contains(line), "{help}");
    }
    job(["--version"]).expect(0);
}

#[test]
fn suspense_and_gaps_call_a_person() {
    let place = Place::new();
    let config = job::sample(&place.path("sample"), &["--rows", "18000"]).join("uptime-ledger.toml");
    let args = ["--date", "2026-11-20", "--simulate", "--as-of", "2026-11-21T06:00:00Z"];
    let ran = job::run(&config, &place.reports(), &args).expect(3);
    let ran = ran.says(&[
        "12 events with error code 199999 match no rule",
        "no rows of region apac from 2026-11-20T14:00:00Z to 2026-11-20T14:45:00Z",
    ]);
    assert!(!ran.stdout.contains("attention"), "{}", ran.stdout);
    let args = [&args[..], &["--json"]].concat();
    let day = job::run(&config, &place.reports(), &args).expect(3).json()["days"][0].clone();
    let kinds: Vec<&str> =
        day["attention"].as_array().unwrap().iter().map(|a| a["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"suspense") && kinds.contains(&"gap"), "{kinds:?}");
    assert_eq!(day["state"], "provisional");
}

#[test]
fn a_day_whose_logs_are_gone_keeps_its_edition() {
    let place = Place::new();
    place.file("a.ndjson", rows("a", 1_440));
    let b = place.file("b.ndjson", rows("b", 60));
    place.run(&["*.ndjson"], &[]).expect(0);
    let before = job::files(&place.reports().join("daily"));
    fs::remove_file(&b).unwrap();
    let parts = ["kept: 2026-11-18 keeps its edition", "`fewer:2026-11-18`"];
    place.run(&["*.ndjson"], &[]).expect(0).says(&parts);
    let kept = job::files(&place.reports());
    place.run(&["*.ndjson"], &[]).expect(0).says(&parts);
    assert_eq!(job::files(&place.reports()), kept);
    assert_eq!(job::files(&place.reports().join("daily")), before);
    // Nothing is to do, but two persons may let the next run book what is left, once.
    let out = place.reports();
    let ack = |args: &[&str]| {
        let fixed = ["ack", "--out", out.to_str().unwrap(), "--as-of", MORNING_AFTER];
        job::job([&fixed[..], args].concat())
    };
    assert_eq!(ack(&["--json"]).expect(0).json(), serde_json::json!([]));
    let word = ["fewer:2026-11-18", "--author", "Ann", "--approver", "Bo", "--reason", "retention"];
    ack(&word).expect(0);
    place.run(&["*.ndjson"], &[]).expect(0).says(&["because of logs-removed"]);
    assert_eq!(table(&place.reports(), "availability")[0]["edition"], "2");
    ack(&word).expect(2).says(&["no attention stands open"]);
    // No more may be gone than was told.
    place.file("a.ndjson", rows("a", 1_000));
    place.run(&["*.ndjson"], &[]).expect(0).says(&parts);
    ack(&word).expect(0);
    place.file("a.ndjson", rows("a", 900));
    place.run(&["*.ndjson"], &[]).expect(0).says(&parts);
    assert_eq!(table(&place.reports(), "availability")[0]["edition"], "2");
}

#[test]
fn ids_of_any_kind_are_told_apart_and_what_is_none_is_set_aside() {
    let place = Place::new();
    let row = |id: &str, more: &str| {
        format!(r#"{{"ts":"{DAY}T10:00:00Z","request_id":{id},"http_status":200{more}}}"#) + "\n"
    };
    let text = [
        row("18446744073709551615", ""),
        row("18446744073709551614", ""),
        row("7", ""),
        row(r#""7""#, ""),
        row("{}", ""),
        row(r#""-""#, ""),
        row(r#""-""#, ""),
        row(r#""r""#, r#","region":"*""#),
    ];
    place.file("a.ndjson", text.concat());
    // Two bad rows are too few to call a person.
    place.run(&["a.ndjson"], &[]).expect(0);
    let file = &place.intake()["a.ndjson"];
    assert_eq!((n(file, "accepted"), n(file, "duplicate"), n(file, "quarantine")), (5, 1, 2));
    let quarantine =
        fs::read_to_string(place.reports().join(format!("daily/{DAY}/quarantine.ndjson"))).unwrap();
    assert!(quarantine.contains("request_id is an object"), "{quarantine}");
    assert!(quarantine.contains("which stands for all regions"), "{quarantine}");
}

#[test]
fn tomorrow_s_log_may_grow_without_a_new_edition() {
    let place = Place::new();
    place.file("r-2026-11-18.ndjson", rows("a", 1_440));
    let config = "[[source]]\nname = \"r\"\npaths = \"r-{date}.ndjson\"\n";
    let config = place.file("uptime-ledger.toml", config);
    let next = |count: u32| rows("b", count).replace(DAY, "2026-11-19");
    let run = || {
        job::run(
            &config,
            &place.reports(),
            &["--date", DAY, "--simulate", "--as-of", MORNING_AFTER, "--json"],
        )
        .expect(0)
    };
    place.file("r-2026-11-19.ndjson", next(10));
    run();
    place.file("r-2026-11-19.ndjson", next(90) + "not a row\n");
    assert_eq!(run().json()["days"][0]["is_new"], false);
    // A late row of the day itself is news.
    let late = r#"{"ts":"2026-11-18T23:59:59Z","request_id":"late","region":"eu","http_status":503}"#;
    place.file("r-2026-11-19.ndjson", next(90) + late);
    assert_eq!(run().json()["days"][0]["edition"], 2);
}

#[test]
fn a_gap_in_the_platform_s_log_is_no_outage_whatever_the_callers_saw() {
    let place = Place::new();
    let mut requests = String::from("ts,region,http_status\n");
    let mut egress = String::from("ts,region,symptom\n");
    for minute in 0..1_440 {
        let at = format!("{DAY}T{:02}:{:02}:30Z", minute / 60, minute % 60);
        let is_silent = (600..630).contains(&minute);
        for region in ["eu", "us"].into_iter().filter(|region| *region == "us" || !is_silent) {
            writeln!(requests, "{at},{region},200").unwrap();
        }
        if is_silent {
            egress.push_str(&format!("{at},eu,timeout\n").repeat(20));
        }
    }
    place.file("requests.csv", requests);
    place.file("egress.csv", egress);
    let config = "\
        [[source]]\nname = \"requests\"\npaths = \"requests.csv\"\n\
        [[source]]\nname = \"egress\"\npaths = \"egress.csv\"\nvantage = \"caller_egress\"\n\
        [definition]\nmin_events = 1\n";
    let config = place.file("uptime-ledger.toml", config);
    let run =
        || job::run(&config, &place.reports(), &["--date", DAY, "--simulate", "--as-of", MORNING_AFTER]);
    let parts = ["source requests: no rows of region eu from 2026-11-18T10:00:00Z to 2026-11-18T10:30:00Z"];
    run().expect(3).says(&parts);
    let slots = |scope_kind: &str, region: &str, state: &str| {
        let rows = table(&place.reports(), &format!("daily/{DAY}/slots"));
        let is_it =
            |r: &&job::Row| r["scope_kind"] == scope_kind && r["region"] == region && r["state_net"] == state;
        rows.iter().filter(is_it).count()
    };
    assert_eq!(slots("service", "eu", "unobserved"), 30);
    assert_eq!(slots("service", "eu", "down") + slots("component", "*", "down"), 0);
    assert_eq!(slots("component", "*", "up"), 1_440);
    // With the platform's log gone altogether, the callers alone prove nothing.
    fs::remove_file(place.path("requests.csv")).unwrap();
    fs::remove_dir_all(place.reports()).unwrap();
    run().expect(3).says(&["source requests: no log file of this day was found", "every slot is unobserved"]);
    assert_eq!(slots("component", "*", "unobserved"), 1_440);
}

/// A payload bears its own times, which may be years away from the log that holds it.
#[test]
fn a_failed_status_of_another_year_is_read_and_is_no_row_of_the_day() {
    let place = Place::new();
    let payload = |timestamp: &str| {
        let status = format!(
            r#"{{"id":"wamid.1","status":"failed","timestamp":"{timestamp}","recipient_id":"1","errors":[{{"code":131000}}]}}"#
        );
        let value = format!(r#"{{"messaging_product":"whatsapp","statuses":[{status}]}}"#);
        let change = format!(r#"{{"field":"messages","value":{value}}}"#);
        let entry = format!(r#"[{{"id":"1","changes":[{change}]}}]"#);
        let posted = format!(r#"{{"object":"whatsapp_business_account","entry":{entry}}}"#);
        format!(r#"{{"received_at":"{DAY}T10:00:00Z","payload":{posted}}}"#) + "\n"
    };
    place.file("p.ndjson", ["1500000000", "1763460000", "1795000000"].map(payload).concat());
    let (log, reports) = (place.path("p.ndjson"), place.reports());
    let args = [
        "run",
        "--webhook-preset",
        "whatsapp-webhook",
        "--date",
        DAY,
        "--simulate",
        "--as-of",
        MORNING_AFTER,
    ];
    let paths = ["--webhooks", log.to_str().unwrap(), "--out", reports.to_str().unwrap()];
    let ran = job::job([&args[..], &paths].concat());
    assert!(matches!(ran.code, Some(0 | 3)), "{ran:?}");
    job::assert_balanced(&reports);
}

#[test]
fn a_misspelt_column_is_no_outage() {
    let place = Place::new();
    let mut csv = String::from("when,code\n");
    for minute in 0..1_440 {
        writeln!(csv, "{DAY}T{:02}:{:02}:00Z,200", minute / 60, minute % 60).unwrap();
    }
    let ndjson = csv.lines().skip(1).map(|line| {
        let (at, status) = line.split_once(',').unwrap();
        format!("{{\"when\":\"{at}\",\"code\":{status}}}\n")
    });
    place.file("b.ndjson", ndjson.collect::<String>());
    place.file("a.csv", &csv);
    let run = |paths: &str, status: &str| {
        let columns = format!("[source.columns]\nts = \"when\"\nhttp_status = \"{status}\"\n");
        let config = format!("[[source]]\nname = \"s\"\npaths = \"{paths}\"\n{columns}");
        let config = place.file("uptime-ledger.toml", config);
        job::run(&config, &place.reports(), &["--date", DAY, "--simulate", "--as-of", MORNING_AFTER])
    };
    run("a.csv", "status").expect(1).says(&["it has no column `status`", "when, code"]);
    assert!(place.is_nothing_published());
    run("b.ndjson", "status").expect(3).says(&["source s: no row has `status`", "misspelt"]);
    run("b.ndjson", "code").expect(3).says(&["because of config", "http_status from", "key: settings:"]);
}

#[test]
fn a_good_edition_is_not_replaced_by_nothing() {
    let place = Place::new();
    place.file("a.ndjson", rows("a", 1_440));
    place.run(&["a.ndjson"], &[]).expect(0);
    let before = job::files(&place.reports());
    let parts = ["attention[fewer]: 2026-11-18", "none of the 1440 rows", "preset and columns"];
    place.run(&["a.ndjson"], &["--preset", "combined"]).expect(3).says(&parts);
    // Only what needs a person is new.
    let is_figure = |path: &PathBuf| path.starts_with("daily") || path.starts_with("ledger/editions");
    let figures = |mut files: std::collections::BTreeMap<PathBuf, Vec<u8>>| {
        files.retain(|path, _| is_figure(path));
        files
    };
    let (before, after) = (figures(before), figures(job::files(&place.reports())));
    assert!(!before.is_empty() && before == after);
}

#[test]
fn programs_are_told_of_failures_too() {
    let place = Place::new();
    let ran = place.run(&["nowhere.log"], &["--json"]).expect(2);
    assert_eq!(ran.json()["exit_code"], 2);
    assert!(ran.json()["error"].as_str().unwrap().contains("nowhere.log"));
    let config = place.file("uptime-ledger.toml", "slot = \"1m\"\n");
    job::run(&config, &place.reports(), &["--date", DAY]).expect(2).says(&["names no log", "[[source]]"]);
}

/// A webhook log with one notification a minute, of which the first two carry statuses.
fn webhook_rows(day: &str, statuses: &str) -> String {
    let mut text = String::from(
        "ts,event_ts,webhook_id,region,message_id,status,error_code,attempt_no,outcome,http_status\n",
    );
    for at in 0..1_440 {
        let (hour, minute) = (at / 60, at % 60);
        writeln!(
            text,
            "{day}T{hour:02}:{minute:02}:01Z,{day}T{hour:02}:{minute:02}:00Z,w-{at},eu,,,,1,http,200"
        )
        .unwrap();
    }
    text + statuses
}

#[test]
fn webhook_logs_can_be_run_alone_and_beside_request_logs() {
    let place = Place::new();
    let status = format!("{DAY}T10:00:05Z,{DAY}T10:00:04Z,w-sent,eu,m-1,sent,,1,http,200\n");
    place.file("webhooks.csv", webhook_rows(DAY, &status));
    let requests = [
        format!(r#"{{"ts":"{DAY}T10:00:00Z","region":"eu","http_status":200,"message_id":"m-1"}}"#),
        format!(r#"{{"ts":"{DAY}T10:01:00Z","region":"eu","http_status":200,"message_id":"m-2"}}"#),
    ];
    place.file("requests.ndjson", rows("a", 1_440) + &requests.join("\n") + "\n");
    let run = |logs: &[&str], out: &str| {
        let mut command = Command::new(job::binary());
        command.current_dir(place.dir.path()).arg("run").args(logs);
        command.args(["--out", out, "--simulate", "--as-of", MORNING_AFTER]);
        let ran = job::ran(&mut command).expect(0);
        job::assert_balanced(&place.path(out));
        let daily = place.path(out).join("daily").join(DAY);
        let accounts = table(&daily, "accounts");
        let events = |stream: &str, account: &str| -> u64 {
            let rows = accounts.iter().filter(|a| a["stream"] == stream && a["account"] == account);
            rows.map(|a| n(a, "events_net")).sum()
        };
        let calls = [("request", "good"), ("message", "good"), ("message", "bad:platform:missed")];
        let found = calls.map(|(stream, account)| events(stream, account));
        let orphans = job::reconciled(&daily, "orphan_statuses");
        (ran, found, events("notification", "good"), orphans)
    };
    let (_, calls, notifications, orphans) = run(&["--webhooks", "webhooks.csv"], "alone");
    assert_eq!((calls, notifications, orphans), ([0, 0, 0], 1_441, 1));
    let (_, calls, notifications, orphans) =
        run(&["--requests", "requests.ndjson", "--webhooks", "webhooks.csv"], "both");
    assert_eq!((calls, notifications, orphans), ([1_440, 1, 1], 1_441, 0));
    // Without a webhook log an admitted message is a call that was answered.
    let (_, calls, notifications, _) = run(&["--requests", "requests.ndjson"], "requests");
    assert_eq!((calls, notifications), ([1_442, 0, 0], 0));

    let payload = r#"{"ts":1794996005,"payload":{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"messaging_product":"whatsapp","statuses":[{"id":"m-1","status":"sent","timestamp":"1794996004"}]}}]}]}}"#;
    place.file(
        "payloads.ndjson",
        payload.to_owned() + "\n" + &payload.replace("1794996005", "1795003200") + "\n",
    );
    let posted = [
        "--requests",
        "requests.ndjson",
        "--webhooks",
        "payloads.ndjson",
        "--webhook-preset",
        "whatsapp-webhook",
    ];
    let (_, calls, notifications, orphans) = run(&posted, "posted");
    assert_eq!((calls, notifications, orphans), ([1_440, 1, 1], 1, 0));
}

#[test]
fn what_a_webhook_log_needs_is_said_when_it_is_missing() {
    let place = Place::new();
    place.file("webhooks.csv", webhook_rows(DAY, ""));
    let run = |args: &[&str]| {
        job::ran(Command::new(job::binary()).current_dir(place.dir.path()).arg("run").args(args))
    };
    run(&["--webhooks", "webhooks.csv"]).expect(2).says(&["--out"]);
    run(&["--webhooks", "absent.csv", "--out", "reports", "--date", DAY]).expect(2).says(&["absent.csv"]);
    run(&["--webhooks", "webhooks.csv", "--out", "reports", "--preset", "combined"]).expect(2);
    run(&["--webhooks", "webhooks.csv", "--out", "reports", "--webhook-preset", "combined"])
        .expect(2)
        .says(&["combined", "whatsapp-webhook"]);
    assert!(place.is_nothing_published());
}

const DAY_AFTER: &str = "2026-11-19";

/// Two days of logs; what became of a message of the first one stands in the webhook log of the second.
fn told_a_day_late() -> (Place, PathBuf) {
    let place = Place::new();
    let admitted =
        format!(r#"{{"ts":"{DAY}T10:00:00Z","region":"eu","http_status":200,"message_id":"m-1"}}"#);
    place.file(&format!("requests-{DAY}.ndjson"), rows("a", 1_440) + &admitted + "\n");
    place.file(&format!("webhooks-{DAY}.csv"), webhook_rows(DAY, ""));
    let next = DAY_AFTER;
    place.file(&format!("requests-{next}.ndjson"), rows("b", 1_440).replace(DAY, next));
    let late = format!("{next}T12:00:00Z,{DAY}T10:00:04Z,w-late,eu,m-1,sent,,1,http,200\n");
    place.file(&format!("webhooks-{next}.csv"), webhook_rows(next, &late));
    let config = "\
        [[source]]\nname = \"requests\"\npaths = \"requests-{date}.ndjson\"\n\
        [[source]]\nname = \"webhooks\"\nlog = \"webhooks\"\npaths = \"webhooks-{date}.csv\"\n";
    let config = place.file("uptime-ledger.toml", config);
    (place, config)
}

#[test]
fn a_day_is_restated_by_the_webhook_log_of_a_later_one() {
    let (place, config) = told_a_day_late();
    let next = DAY_AFTER;
    let run = |day: &str| {
        let args = ["--date", day, "--simulate", "--as-of", "2026-11-20T06:00:00Z", "--json"];
        let ran = job::run(&config, &place.reports(), &args).expect(0);
        ran.json()
    };
    // Edition by the ledger and by the reports, and the account of the message.
    let standing = || {
        let editions = job::paths(&place.reports().join(format!("ledger/editions/{DAY}")));
        let edition = fs::read(editions.iter().rfind(|p| p.ends_with("edition.json")).unwrap()).unwrap();
        let edition: serde_json::Value = serde_json::from_slice(&edition).unwrap();
        let availability = table(&place.reports(), "availability");
        // The notification that tells of it a day late is a matter of the service `webhooks`.
        let is_it =
            |row: &&job::Row| row["day"] == DAY && row["scope_kind"] == "service" && row["scope"] == "all";
        let shown = availability.iter().find(is_it).unwrap();
        let accounts = table(&place.reports(), &format!("daily/{DAY}/accounts"));
        let message = accounts.iter().find(|row| row["stream"] == "message").unwrap();
        let bad: u64 = n(shown, "events_bad");
        (edition["edition"].as_u64(), n(shown, "edition"), message["account"].clone(), bad)
    };
    run(DAY);
    assert_eq!(standing(), (Some(1), 1, "bad:platform:missed".to_owned(), 1));
    run(next);
    assert_eq!(standing(), (Some(2), 2, "good".to_owned(), 0));
    // Nothing new: neither day is published again.
    run(DAY);
    run(next);
    assert_eq!(standing().0, Some(2));
}

#[test]
fn a_run_says_which_days_it_restated() {
    let (place, config) = told_a_day_late();
    let run = |day: &str, more: &[&str]| {
        let args = [&["--date", day, "--simulate", "--as-of", "2026-11-20T06:00:00Z"], more].concat();
        job::run(&config, &place.reports(), &args).expect(0)
    };
    run(DAY, &[]);
    let daily = place.reports().join("daily").join(DAY);
    let before = job::files(&daily);
    let told = run(DAY_AFTER, &["--json"]).json();
    assert!(job::files(&daily) != before, "the day is restated");
    assert!(told.to_string().contains(&format!("\"{DAY}\"")), "{told}");
}

#[test]
fn a_simulation_says_so_on_every_page_and_never_becomes_a_real_ledger() {
    let place = Place::new();
    let config = sample(&place);
    let run =
        |out: &str, args: &[&str]| job::run(&config, &place.path(out), &[&["--date", DAY], args].concat());
    let given = ["--simulate", "--as-of", MORNING_AFTER];
    let ran = run("given", &given).expect(0);
    assert!(ran.stdout.trim_end().ends_with("(simulated)"), "{}", ran.stdout);
    let files = job::files(&place.path("given"));
    let journal = &files[Path::new("ledger/journal.ndjson")];
    let first = String::from_utf8_lossy(journal).lines().next().unwrap().to_owned();
    for part in [r#""clock":"given""#, r#""at":"2026-11-19T06:00:00Z","wall":"2026-11-19T06:00:00Z""#] {
        assert!(first.contains(part), "{first}");
    }
    let is_page =
        |path: &&PathBuf| path.extension().is_some_and(|e| e == "html" || e == "atom" || e == "journal");
    let pages: Vec<_> = files.keys().filter(is_page).collect();
    assert!(pages.len() >= 5, "{pages:?}");
    for page in pages {
        assert!(String::from_utf8_lossy(&files[page]).contains("simulated"), "{}", page.display());
    }
    let status: serde_json::Value = serde_json::from_slice(&files[Path::new("status.json")]).unwrap();
    assert_eq!(status["is_simulated"], true);
    assert_eq!(run("given", &[&given[..], &["--json"]].concat()).expect(0).json()["is_simulated"], true);

    run("given", &[]).expect(2).says(&["--as-of", "--simulate"]);
    run("given", &["--as-of", MORNING_AFTER]).expect(0);
    assert_eq!(job::files(&place.path("given")), files, "the clock may be given again, and changes nothing");

    let ran = run("real", &["--as-of", MORNING_AFTER]).expect(0);
    assert!(!ran.stdout.contains("simulated"), "{}", ran.stdout);
    let files = job::files(&place.path("real"));
    for (path, bytes) in files.iter().filter(|(path, _)| !path.starts_with("ledger")) {
        assert!(!String::from_utf8_lossy(bytes).contains("simulated"), "{}", path.display());
    }
    run("real", &given).expect(2).says(&["machine's clock", "--simulate"]);
    run("new", &["--simulate"]).expect(2).says(&["--as-of"]);
}

#[test]
fn settings_that_nothing_names_any_more_are_no_part_of_the_ledger() {
    let place = Place::new();
    let config = sample(&place);
    let text = fs::read_to_string(&config).unwrap();
    for minutes in [10, 14, 15] {
        let changed = text.replace("first_status_minutes = 10", &format!("first_status_minutes = {minutes}"));
        assert_eq!(changed != text, minutes != 10);
        fs::write(&config, changed).unwrap();
        job::run(&config, &place.reports(), &["--date", DAY, "--simulate", "--as-of", MORNING_AFTER]);
        job([OsStr::new("verify"), OsStr::new("--out"), place.reports().as_os_str()]).expect(0);
    }
}

#[test]
fn runs_that_name_their_files_by_hand_do_not_ask_for_those_of_other_days() {
    let place = Place::new();
    for day in 16..=18 {
        let name = format!("{day}.ndjson");
        place.file(&name, rows("a", 1_440).replace(DAY, &format!("2026-11-{day}")));
        let mut command = Command::new(job::binary());
        command.current_dir(place.dir.path()).args(["run", "--requests", &name, "--out", "reports"]);
        command.args(["--date", &format!("2026-11-{day}"), "--simulate", "--as-of", MORNING_AFTER]);
        let ran = job::ran(&mut command).expect(0);
        assert!(!ran.stderr.contains("attention"), "{}", ran.stderr);
    }
}

#[test]
fn the_catalogue_is_compared_with_a_table_of_codes() {
    let place = Place::new();
    let check = |name: &str| {
        let mut command = Command::new(job::binary());
        job::ran(command.current_dir(place.dir.path()).args(["check", "--against", name]))
    };
    let catalogue = include_str!("../data/error_catalog.csv");
    place.file("same.csv", catalogue);
    let same = check("same.csv").expect(0);
    assert!(same.stdout.ends_with("codes; 0 new, 0 gone, 0 changed\n"), "{same:?}");
    let without = |code: &str| catalogue.lines().filter(|line| !line.starts_with(code)).collect::<Vec<_>>();
    let mut other = without("131026,");
    let changed = "131049,,404,Not delivered,policy,policy,backoff,,,";
    other.retain(|line| !line.starts_with("131049,"));
    other.extend([changed, "131999,,400,Made up,parameter,caller,no,,,"]);
    place.file("other.csv", other.join("\n"));
    let told = check("other.csv").expect(3);
    let lines: Vec<&str> = told.stdout.lines().collect();
    let kinds: Vec<&str> = lines.iter().filter_map(|line| line.split(':').next()).collect();
    assert_eq!(kinds, ["gone 131026", "changed 131049", "new 131999", "other.csv"], "{told:?}");
    assert!(lines[1].contains("http_status is 400 here, 404 there; title is `"), "{told:?}");
    place.file("wrong.csv", "code,titel\n2,API Service\n");
    let wrong = check("wrong.csv").expect(2);
    assert!(
        wrong.stderr.contains("wrong.csv:1:6") && wrong.stderr.contains("did you mean `title`"),
        "{wrong:?}"
    );
    assert!(check("absent.csv").expect(2).stderr.contains("absent.csv"));
}
