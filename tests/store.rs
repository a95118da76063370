//! Stores: logs in a bucket of a real S3 server on loopback, read like logs of a disk, or told; reports published there.
//!
//! `tests/store/requirements.txt` is installed by the tests; without Python they are skipped, unless `CI` is set.

mod proxy;
mod server;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use assert_cmd::Command;
use proxy::{Asked, Fate, Proxy};
use server::{Server, server};

use crate::job::{self, Ran, ran};

const DAY: &str = "2026-11-18";
const MORNING_AFTER: &str = "2026-11-19T06:00:00Z";
/// What must stand nowhere.
const SECRETS: [&str; 3] = ["AKIAHUNTERTWO", "hunter2secret", "hunter2token"];

/// A folder with a config, and the ways to a server.
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

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// A config of one source of request logs.
    fn config(&self, paths: &str, more: &str) {
        let text = format!(
            "reports = \"reports\"\nsalt = \"the salt of a test\"\n{more}\n[[source]]\nname = \"edge\"\npaths = [\"{paths}\"]\n"
        );
        self.file("u.toml", text);
    }

    /// The job with keys in its environment, by way of a port.
    fn job(&self, port: u16, args: &[&str]) -> Ran {
        self.job_with(
            port,
            &[
                ("AWS_ACCESS_KEY_ID", SECRETS[0]),
                ("AWS_SECRET_ACCESS_KEY", SECRETS[1]),
                ("AWS_SESSION_TOKEN", SECRETS[2]),
            ],
            args,
        )
    }

    fn job_with(&self, port: u16, environment: &[(&str, &str)], args: &[&str]) -> Ran {
        let mut command = Command::new(job::binary());
        for (name, _) in std::env::vars()
            .filter(|(name, _)| name.to_ascii_lowercase().contains("proxy") || name.starts_with("AWS_"))
        {
            command.env_remove(name);
        }
        command
            .current_dir(self.dir.path())
            .env("HOME", self.dir.path())
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
            .envs(environment.iter().copied())
            .args(args);
        let ran = ran(&mut command);
        self.assert_no_secret(&ran);
        ran
    }

    /// A run of the config, as of the morning after the day; without a date, of the day that is due.
    fn run(&self, port: u16, args: &[&str]) -> Ran {
        let fixed = ["run", "--config", "u.toml", "--simulate", "--as-of", MORNING_AFTER];
        self.job(port, &[&fixed[..], args].concat())
    }

    fn reports(&self) -> PathBuf {
        self.path("reports")
    }

    #[track_caller]
    fn assert_no_secret(&self, ran: &Ran) {
        for secret in SECRETS {
            assert!(
                !ran.stdout.contains(secret) && !ran.stderr.contains(secret),
                "{}{}",
                ran.stdout,
                ran.stderr
            );
            for path in job::paths(&self.reports()) {
                let bytes = fs::read(&path).unwrap();
                let is_there = bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
                assert!(!is_there, "{} is in {}", secret, path.display());
            }
        }
    }

    #[track_caller]
    fn assert_nothing_published(&self) {
        assert!(job::paths(&self.reports()).iter().all(|path| !path.ends_with("availability.csv")));
    }

    fn intake(&self) -> BTreeMap<String, job::Row> {
        let rows = job::table(&self.reports(), &format!("daily/{DAY}/intake"));
        rows.into_iter().map(|row| (row["path"].clone(), row)).collect()
    }
}

/// One good row a minute.
fn rows(prefix: &str, status: u16) -> String {
    rows_of(DAY, prefix, status)
}

fn rows_of(day: &str, prefix: &str, status: u16) -> String {
    let mut text = String::new();
    for at in 0..1_440 {
        let (hour, minute) = (at / 60, at % 60);
        writeln!(text, r#"{{"ts":"{day}T{hour:02}:{minute:02}:00Z","request_id":"{prefix}-{at}","http_status":{status}}}"#).unwrap();
    }
    text
}

fn forward(_: &Asked, _: usize) -> Fate {
    Fate::Forwarded
}

fn gzip(text: &str) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Every table as text, without the tables' ways to the logs.
fn tables(reports: &Path, bucket: &str) -> BTreeMap<PathBuf, String> {
    let files =
        job::files(reports).into_iter().filter(|(path, _)| path.extension().is_some_and(|e| e == "csv"));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&format!("s3://{bucket}/"), "");
    files.map(|(path, bytes)| (path, text(bytes))).collect()
}

#[test]
fn a_sample_in_a_bucket_gives_the_reports_of_the_same_sample_on_a_disk() {
    let Some(server) = server() else { return };
    for (bucket, args) in [
        ("sample-parquet", ["--format", "parquet"].as_slice()),
        ("sample-csv", &["--format", "csv"]),
        ("sample-gz", &["--format", "ndjson", "--compression", "gz"]),
    ] {
        let place = Place::new();
        let sample = place.path("sample");
        job::sample(&sample, &[&["--rows", "20000", "--days", "2"], args].concat());
        server.fill(bucket, &sample);
        let config = fs::read_to_string(sample.join("uptime-ledger.toml")).unwrap();
        fs::write(sample.join("bucket.toml"), config.replace("\"logs/", &format!("\"s3://{bucket}/logs/")))
            .unwrap();
        let proxy = Proxy::before(server.port, forward);
        let fixed =
            ["--from", "2026-11-18", "--to", "2026-11-19", "--simulate", "--as-of", "2026-11-20T03:17:00Z"];
        let [disk, stored] = ["uptime-ledger.toml", "bucket.toml"].map(|name| {
            let config = sample.join(name).display().to_string();
            let out = place.path(&format!("out-{name}")).display().to_string();
            let ran =
                place.job(proxy.port, &[&["run", "--config", &config, "--out", &out], &fixed[..]].concat());
            assert!(matches!(ran.code, Some(0 | 3)), "{}", ran.stderr);
            (ran.code, tables(Path::new(&out), bucket))
        });
        assert_eq!(disk.0, stored.0);
        assert!(disk.1.len() > 10);
        for (path, text) in &disk.1 {
            assert!(stored.1.get(path) == Some(text), "{bucket}: {} differs", path.display());
        }
        // Every read names the content that was listed.
        let asked = proxy.take();
        assert!(asked.iter().any(Asked::is_part));
        assert!(asked.iter().filter(|asked| asked.is_part()).all(|asked| asked.header("if-match").is_some()));
        // Only what begins with the day's own text is listed, and that of the days beside it.
        for asked in asked.iter().filter(|asked| asked.is_list()) {
            assert!(asked.path.contains("-2026-11-"), "{}", asked.path);
        }
        // Processes, with an exchange in the bucket: every part is asked for by its content as well.
        let (config, out) = (sample.join("bucket.toml"), place.path("out-processes"));
        let exchange = format!("s3://{bucket}/exchange");
        let fixed =
            [&["run", "--config", config.to_str().unwrap(), "--out", out.to_str().unwrap()], &fixed[..]];
        let engine = ["--engine", "processes", "--exchange", &exchange, "--tasks", "5", "--reducers", "3"];
        let ran = place.job(proxy.port, &[&fixed.concat()[..], &engine].concat());
        assert_eq!(ran.code, disk.0, "{}", ran.stderr);
        assert!(tables(&out, bucket) == stored.1, "{bucket}: processes give other tables");
        let asked = proxy.take();
        assert!(asked.iter().any(|asked| asked.is_part() && asked.path.contains("/exchange/run-")));
        assert!(asked.iter().filter(|asked| asked.is_part()).all(|asked| asked.header("if-match").is_some()));
        let left = asked.iter().filter(|asked| asked.method == "PUT").count();
        let removed =
            asked.iter().filter(|asked| asked.method == "POST" && asked.path.contains("delete")).count();
        assert!(left > 10 && removed == left, "{left} objects were written, {removed} removed");
    }
}

#[test]
fn a_plain_log_of_several_chunks_is_read_by_parts_and_each_row_once() {
    let Some(server) = server() else { return };
    server.bucket("chunks");
    let mut text = String::from("ts,request_id,http_status,note\n");
    for n in 0..200_000 {
        let (minute, second) = (n / 60 % 1_440, n % 60);
        let note = "something that makes the row long enough for several chunks of eight million bytes each";
        writeln!(text, "{DAY}T{:02}:{:02}:{second:02}Z,r-{n},200,{note}", minute / 60, minute % 60).unwrap();
    }
    assert!(text.len() > 20 << 20);
    let packed = zstd::encode_all(text.as_bytes(), 1).unwrap();
    server.put("/chunks/plain/a.csv", text.as_bytes());
    server.put("/chunks/packed/a.csv.zst", &packed);
    for folder in ["plain", "packed"] {
        let place = Place::new();
        place.config(&format!("s3://chunks/{folder}"), "");
        place.run(server.port, &[]).expect(0);
        let intake = place.intake();
        let row = intake.values().next().unwrap();
        assert_eq!(["rows_read", "accepted"].map(|c| job::n(row, c)), [200_000, 200_000], "{folder}");
    }
}

#[test]
fn what_did_not_change_is_not_read_again_and_what_did_is() {
    let Some(server) = server() else { return };
    server.bucket("again");
    server.keep_versions("again");
    server.put("/again/logs/2026-11-18/eu-a.ndjson.gz", &gzip(&rows("a", 200)));
    server.put("/again/logs/2026-11-18/us-b.ndjson", rows("b", 200).as_bytes());
    server.put("/again/logs/2026-11-18/_SUCCESS", b"");
    server.put("/again/logs/2026-11-17/eu-a.ndjson", rows_of("2026-11-17", "z", 200).as_bytes());
    let place = Place::new();
    place.config("s3://again/logs/{date}/{region}-*.ndjson*", "");
    let proxy = Proxy::before(server.port, forward);
    place.run(proxy.port, &[]).expect(0);
    let names = ["2026-11-17/eu-a.ndjson", "2026-11-18/eu-a.ndjson.gz", "2026-11-18/us-b.ndjson"];
    let paths = names.map(|name| format!("s3://again/logs/{name}"));
    assert_eq!(place.intake().into_keys().collect::<Vec<_>>(), paths);
    let journal = || fs::read_to_string(place.reports().join("ledger/journal.ndjson")).unwrap();
    // As JSON writes `etag:"..."`.
    assert_eq!(journal().matches(r#""hash":"etag:\""#).count(), 3);
    assert_eq!(journal().matches(r#""version":""#).count(), 3, "{}", journal());
    proxy.take();
    place.run(proxy.port, &[]).expect(0);
    let asked = proxy.take();
    assert!(asked.iter().all(Asked::is_list), "{asked:?}");
    // A log that is written anew is read, and the day restated.
    server.put("/again/logs/2026-11-18/us-b.ndjson", (rows("b", 200) + &rows("c", 503)).as_bytes());
    place.run(proxy.port, &[]).says(&["restated: 2026-11-18 is now edition 2, because of logs"]);
    assert!(proxy.take().iter().any(Asked::is_part));
}

#[test]
fn a_store_that_is_busy_for_a_moment_is_asked_again() {
    let Some(server) = server() else { return };
    server.bucket("busy");
    server.put("/busy/2026-11-18.ndjson", rows("a", 200).as_bytes());
    let busy = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";
    let proxy = Proxy::before(server.port, move |_, number| match number {
        0..=2 | 4..=6 | 8 => Fate::Answered("503 Slow Down", busy.to_owned()),
        _ => Fate::Forwarded,
    });
    let place = Place::new();
    place.config("s3://busy/{date}.ndjson", "");
    place.run(proxy.port, &[]).expect(0);
    assert!(proxy.take().len() > 9);
    assert_eq!(job::n(&place.intake()["s3://busy/2026-11-18.ndjson"], "accepted"), 1_440);
}

#[test]
fn a_store_that_refuses_is_trouble_and_no_absence_and_its_answer_is_not_shown() {
    let Some(server) = server() else { return };
    server.bucket("closed");
    server.put("/closed/2026-11-18.ndjson", rows("a", 200).as_bytes());
    // An answer that repeats what was sent, as those of real stores do.
    let refuse = |what: fn(&Asked) -> bool| {
        Proxy::before(server.port, move |asked, _| {
            let body = format!(
                "<Error><Code>AccessDenied</Code><AWSAccessKeyId>{asked:?} {SECRETS:?}</AWSAccessKeyId></Error>"
            );
            if what(asked) { Fate::Answered("403 Forbidden", body) } else { Fate::Forwarded }
        })
    };
    for (what, pattern, said) in [
        (refuse(Asked::is_list), "s3://closed/*{date}.ndjson", "s3://closed/: listing failed"),
        (
            refuse(|asked| asked.method == "HEAD"),
            "s3://closed/{date}.ndjson",
            "2026-11-17.ndjson: looking for it failed",
        ),
        (
            refuse(Asked::is_part),
            "s3://closed/{date}.ndjson",
            "s3://closed/2026-11-18.ndjson: reading failed",
        ),
    ] {
        let place = Place::new();
        place.config(pattern, "");
        let ran = place.run(what.port, &[]).expect(1);
        ran.says(&[said, "the store answered 403 Forbidden", "check the credentials"]);
        place.assert_nothing_published();
        // The next night all is well.
        place.run(server.port, &[]).expect(0);
    }
    let place = Place::new();
    place.config("s3://no-such-bucket/{date}.ndjson", "");
    place.run(server.port, &[]).expect(1).says(&["NoSuchBucket", "check the name of the bucket"]);
    place.assert_nothing_published();
    // Nothing at all listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let one = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];
    let _ = (port, one);
}

#[test]
fn a_day_that_was_published_stands_while_its_bucket_cannot_be_listed() {
    let Some(server) = server() else { return };
    server.bucket("later");
    server.put("/later/2026-11-18.ndjson", rows("a", 200).as_bytes());
    let place = Place::new();
    place.config("s3://later/*{date}.ndjson", "");
    place.run(server.port, &[]).expect(0);
    let closed = Proxy::before(server.port, |_, _| Fate::Answered("403 Forbidden", String::new()));
    let tables = || tables(&place.reports(), "later");
    let before = tables().remove(Path::new("availability.csv"));
    place.run(closed.port, &[]).expect(1).says(&["listing failed", "2026-11-18"]);
    assert_eq!(tables().remove(Path::new("availability.csv")), before);
    place.run(server.port, &[]).expect(0);
}

#[test]
fn a_log_that_is_written_anew_while_it_is_read_is_never_a_mixture() {
    let Some(server) = server() else { return };
    server.bucket("anew");
    let mut text = String::from("ts,request_id,http_status,note\n");
    for n in 0..120_000 {
        let note = "x".repeat(100);
        writeln!(text, "{DAY}T{:02}:{:02}:00Z,r-{n},200,{note}", n / 60 % 24, n % 60).unwrap();
    }
    let other = text.replace(",200,", ",503,");
    let first = |asked: &Asked| asked.is_part();
    for (name, gone) in [("a.csv", false), ("b.csv", true)] {
        server.put(&format!("/anew/{name}"), text.as_bytes());
        let (parts, path, to) = (AtomicUsize::new(0), format!("/anew/{name}"), other.clone());
        let hand: Arc<Server> = server.clone();
        let proxy = Proxy::before(server.port, move |asked, _| {
            // Before the third part is given.
            if first(asked) && parts.fetch_add(1, Ordering::SeqCst) == 2 {
                if gone { hand.delete(&path) } else { hand.put(&path, to.as_bytes()) }
            }
            Fate::Forwarded
        });
        let place = Place::new();
        place.config(&format!("s3://anew/{name}"), "");
        let said = if gone { "it is not there any more" } else { "it was written anew while it was read" };
        place.run(proxy.port, &[]).expect(1).says(&[&format!("s3://anew/{name}: reading failed: {said}")]);
        place.assert_nothing_published();
        if !gone {
            place.run(proxy.port, &[]);
            assert_eq!(job::n(&place.intake()["s3://anew/a.csv"], "accepted"), 120_000);
            let accounts = job::table(&place.reports(), &format!("daily/{DAY}/accounts"));
            let bad = accounts.iter().filter(|row| row["account"] == "bad:platform:error");
            assert_eq!(bad.map(|row| job::n(row, "events_net")).sum::<u64>(), 120_000);
        }
    }
}

#[test]
fn a_corrupt_object_is_an_unreadable_file_like_any_other() {
    let Some(server) = server() else { return };
    server.bucket("torn");
    let packed = gzip(&rows("a", 200));
    server.put("/torn/a.ndjson.gz", &packed[..packed.len() / 2]);
    server.put("/torn/b.parquet", b"PAR1 but no footer");
    server.put("/torn/c.ndjson", rows("c", 200).as_bytes());
    let place = Place::new();
    place.config("s3://torn/*", "");
    let said = ["attention[unreadable-file]", "s3://torn/a.ndjson.gz: ", "s3://torn/b.parquet: "];
    place.run(server.port, &[]).expect(3).says(&said);
    assert_eq!(job::n(&place.intake()["s3://torn/c.ndjson"], "accepted"), 1_440);
}

#[test]
fn a_web_server_gives_files_by_their_names() {
    let Some(server) = server() else { return };
    server.bucket("web");
    server.put("/web/logs/2026-11-18.ndjson.gz", &gzip(&rows("a", 200)));
    let place = Place::new();
    let proxy = Proxy::before(server.port, forward);
    let (port, path) = (proxy.port, "web/logs/{date}.ndjson.gz");
    place.config(&format!("http://127.0.0.1:{port}/{path}"), "");
    place.run(port, &[]).expect(0);
    let shown = format!("http://127.0.0.1:{port}/web/logs/2026-11-18.ndjson.gz");
    assert_eq!(job::n(&place.intake()[&shown], "accepted"), 1_440);
    // A pattern needs a list, which most web servers do not give.
    place.config(&format!("http://127.0.0.1:{port}/web/logs/*{{date}}.ndjson.gz"), "");
    place.run(port, &["--out", "other"]).expect(1).says(&["listing failed"]);
}

#[test]
fn addresses_that_are_named_by_hand_must_be_there() {
    let Some(server) = server() else { return };
    server.bucket("hand");
    server.put("/hand/a/a.ndjson", rows("a", 200).as_bytes());
    let place = Place::new();
    let run = |path: &str| {
        let fixed = ["--out", "reports", "--simulate", "--as-of", MORNING_AFTER, "--date", DAY];
        place.job(server.port, &[&["run", "--requests", path], &fixed[..]].concat())
    };
    for path in ["s3://hand/b.ndjson", "s3://hand/b/", "s3://hand/b/*.ndjson", "s3://hand/a/b*"] {
        run(path).expect(2).says(&[path, "no such file or folder"]);
    }
    for path in [
        "s3://hand/a/a.ndjson",
        "s3://hand/a",
        "s3://hand/a/",
        "s3://hand/**/*.ndjson",
        "s3://hand/?/[a-b].*",
    ] {
        fs::remove_dir_all(place.reports()).ok();
        run(path).expect(0);
        assert_eq!(place.intake().into_keys().collect::<Vec<_>>(), ["s3://hand/a/a.ndjson"], "{path}");
    }
    for publish in ["https://example.com/a", "reports", "s3://k:hunter2secret@b/a"] {
        place.config("a.ndjson", &format!("[outputs]\npublish = \"{publish}\"\n"));
        place
            .job(server.port, &["check", "--config", "u.toml"])
            .expect(2)
            .says(&["[outputs] publish: the address cannot be used"]);
    }
    for bad in [
        "https://me:hunter2secret@example.com/a.csv",
        "https://example.com/a?sig=hunter2secret",
        "http://example.com/a",
    ] {
        run(bad).expect(2).says(&["an address in `paths` cannot be used"]);
        place.config(bad, "");
        place.job(server.port, &["check", "--config", "u.toml"]).expect(2).says(&["cannot be used"]);
    }
}

#[test]
fn keys_are_found_where_the_tools_of_the_cloud_keep_them() {
    let Some(server) = server() else { return };
    server.bucket("keys");
    server.put("/keys/2026-11-18.ndjson", rows("a", 200).as_bytes());
    let proxy = Proxy::before(server.port, forward);
    let place = Place::new();
    place.config("s3://keys/{date}.ndjson", "");
    let keys =
        format!("[night]\naws_access_key_id = {}\naws_secret_access_key = {}\n", SECRETS[0], SECRETS[1]);
    place.file(".aws/credentials", keys);
    let args = ["run", "--config", "u.toml", "--simulate", "--as-of", MORNING_AFTER];
    place.job_with(proxy.port, &[("AWS_PROFILE", "night")], &args).expect(0);
    let asked = proxy.take();
    assert!(asked.iter().all(|asked| asked.header("authorization").unwrap().contains(SECRETS[0])));
    let ran = place.job_with(proxy.port, &[("AWS_PROFILE", "day")], &args).expect(1);
    ran.says(&["AWS_PROFILE names `day`"]);
    place.file(".aws/config", "[profile work]\nsso_session = x\n");
    let ran = place.job_with(proxy.port, &[("AWS_PROFILE", "work")], &args).expect(1);
    ran.says(&["gets its keys by `sso_session`", "export-credentials"]);
}

#[test]
fn a_store_that_is_silent_is_waited_for_as_long_as_the_limits_say() {
    use std::time::Duration;
    use uptime_ledger::store::{Depth, StoreAddress, StoreLimits, Stores};
    let Some(server) = server() else { return };
    server.bucket("silent");
    let proxy = Proxy::before(server.port, |_, _| Fate::Silent);
    let limits = StoreLimits { file: Duration::from_secs(1), run: Duration::from_secs(2) };
    let address = format!("http://127.0.0.1:{}/silent/a.csv", proxy.port);
    let address = StoreAddress::parse(&address).unwrap().unwrap();
    let stores = Stores::new(limits);
    let said = stores.head(&address).unwrap_err().to_string();
    assert!(said.contains("`run_timeout_minutes` has passed"), "{said}");
    // The time of the run is over for everything else too.
    let said = stores.list(&address.root, "", Depth::All).unwrap_err().to_string();
    assert!(said.contains("`run_timeout_minutes` has passed"), "{said}");
}

/// What lies in a bucket, by name.
fn published(server: &Server, bucket: &str) -> BTreeMap<String, Vec<u8>> {
    let list = String::from_utf8(server.get(&format!("/{bucket}?list-type=2"))).unwrap();
    let keys = list.split("<Key>").skip(1).map(|rest| rest.split("</Key>").next().unwrap().to_owned());
    keys.map(|key| (key.clone(), server.get(&format!("/{bucket}/{key}")))).collect()
}

#[test]
fn finished_reports_are_published_the_index_page_last_and_only_what_changed() {
    let Some(server) = server() else { return };
    server.bucket("status");
    let place = Place::new();
    place.file("logs/2026-11-18.ndjson", rows("a", 200));
    place.config("logs/{date}.ndjson", "[outputs]\npublish = \"s3://status/board\"\n");
    let proxy = Proxy::before(server.port, forward);
    place.run(proxy.port, &[]).expect(0);
    // What bad rows look like stays at home, and so do the ledger and what the job notes for itself.
    let local = || -> BTreeMap<String, Vec<u8>> {
        let files = job::files(&place.reports()).into_iter();
        let is_served = |path: &Path| {
            let is_private = path.starts_with("ledger") || path.ends_with("quarantine.ndjson");
            !is_private && !path.to_str().unwrap().starts_with('.')
        };
        let reports = files.filter(|(path, _)| is_served(path));
        reports.map(|(path, bytes)| (format!("board/{}", path.display()), bytes)).collect()
    };
    assert!(local().len() > 20, "{:?}", local().keys());
    assert!(published(&server, "status") == local());
    let puts = |proxy: &Proxy| -> Vec<String> {
        proxy.take().into_iter().filter(|a| a.method == "PUT").map(|a| a.path).collect()
    };
    let sent = puts(&proxy);
    assert_eq!(sent.last().unwrap(), "/status/board/index.html");
    assert_eq!(sent.len(), local().len());
    // Nothing new, nothing sent.
    place.run(proxy.port, &[]).expect(0);
    assert_eq!(puts(&proxy), [] as [String; 0]);
    // A restatement sends what it changes, and pages that are switched off are removed.
    place.file("logs/2026-11-18.ndjson", rows("a", 200) + &rows("b", 503));
    place.run(proxy.port, &[]);
    let sent = puts(&proxy);
    assert!(sent.len() > 5 && sent.last().unwrap() == "/status/board/index.html", "{sent:?}");
    assert!(published(&server, "status") == local());
    place.config("logs/{date}.ndjson", "[outputs]\nformats = [\"html\"]\npublish = \"s3://status/board\"\n");
    place.run(proxy.port, &[]);
    assert!(!local().contains_key("board/status.json"));
    assert!(published(&server, "status") == local());
}

#[test]
fn reports_that_cannot_be_published_are_told_and_tried_again() {
    let Some(server) = server() else { return };
    server.bucket("board");
    let place = Place::new();
    place.file("logs/2026-11-18.ndjson", rows("a", 200));
    place.config("logs/{date}.ndjson", "[outputs]\npublish = \"s3://board/\"\n");
    // The sixth is refused, and each after it, by an answer that repeats what was sent.
    let refusing = Proxy::before(server.port, |asked, number| {
        let body = format!("<Error><Code>AccessDenied</Code><Token>{asked:?} {SECRETS:?}</Token></Error>");
        if number < 5 { Fate::Forwarded } else { Fate::Answered("403 Forbidden", body) }
    });
    let said =
        ["attention[publish]", "wait to be published", "the store answered 403 Forbidden (AccessDenied)"];
    place.run(refusing.port, &[]).expect(3).says(&said);
    // The run stands.
    assert_eq!(job::table(&place.reports(), &format!("daily/{DAY}/intake")).len(), 1);
    let page = || fs::read_to_string(place.reports().join("index.html")).unwrap();
    assert!(page().contains("wait to be published"));
    assert!(!published(&server, "board").contains_key("index.html"));
    place.run(refusing.port, &[]).expect(3).says(&["stand", "publish"]);
    place.run(server.port, &[]).expect(0);
    assert!(!page().contains("wait to be published"));
    assert!(published(&server, "board")["index.html"] == page().into_bytes());
}
