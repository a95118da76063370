//! Logs of a published day that are written anew so that less fails: told, in every log, however often it is done.

use std::fs;
use std::path::PathBuf;

use crate::job::{self, Ran};

const CONFIG: &str = r#"
reports = "reports"
[[source]]
name = "calls"
paths = ["calls-{date}.ndjson"]
[[source]]
name = "hooks"
log = "webhooks"
paths = ["hooks-{date}.ndjson"]
[[service]]
name = "messages"
[definition]
min_events = 1
[limits]
coverage_percent = 0
"#;

/// A day of an hour of calls, and messages with their statuses, some of which failed.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        fs::write(place.path("uptime-ledger.toml"), CONFIG).unwrap();
        place.write(20, 20, 0);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes the logs: of 60 calls and of 60 messages these many failed, and so many more calls went well.
    fn write(&self, calls: usize, messages: usize, more: usize) {
        let ts = |n: usize| format!("2026-11-18T10:{:02}:00Z", n % 60);
        let call = |n: usize| {
            let ts = ts(n);
            let outcome = if n < calls {
                r#""http_status":500,"error_code":131016"#.to_owned()
            } else {
                r#""http_status":200"#.to_owned()
            };
            format!(r#"{{"ts":"{ts}","request_id":"c{n}","service":"messages",{outcome}}}"#)
        };
        let admitted = |n: usize| {
            let ts = ts(n);
            format!(
                r#"{{"ts":"{ts}","request_id":"m{n}","service":"messages","http_status":200,"message_id":"wamid.{n}"}}"#
            )
        };
        let status = |n: usize| {
            let ts = ts(n);
            let word = if n < messages { r#""failed","error_code":131016"# } else { r#""delivered""# };
            format!(
                r#"{{"ts":"{ts}","webhook_id":"w{n}","service":"messages","message_id":"wamid.{n}","status":{word},"outcome":"http","http_status":200}}"#
            )
        };
        let lines = |rows: Vec<String>| rows.join("\n") + "\n";
        let all = (0..60 + more).map(call).chain((0..60).map(admitted)).collect();
        fs::write(self.path("calls-2026-11-18.ndjson"), lines(all)).unwrap();
        fs::write(self.path("hooks-2026-11-18.ndjson"), lines((0..60).map(status).collect())).unwrap();
    }

    fn run(&self, hour: u32) -> Ran {
        let at = format!("2026-11-19T{hour:02}:00:00Z");
        let args = ["--date", "2026-11-18", "--simulate", "--as-of", &at, "--quiet"];
        job::run(&self.path("uptime-ledger.toml"), &self.path("reports"), &args)
    }

    fn ack(&self, hour: u32, more: &[&str]) -> Ran {
        let (at, out) = (format!("2026-11-19T{hour:02}:30:00Z"), self.path("reports"));
        let args =
            ["ack", "rewritten-log:2026-11-18", "--author", "ann", "--reason", "a fix of the exporter"];
        let place = ["--as-of", &at, "--out", out.to_str().unwrap()];
        job::job([&args[..], &place[..], more].concat())
    }
}

#[test]
fn less_that_fails_is_told_in_either_log_also_with_rows_that_were_added() {
    for (calls, messages, more) in [(0, 20, 0), (19, 20, 0), (20, 0, 0), (20, 19, 0), (10, 20, 3)] {
        let place = Place::new();
        let before = place.run(3);
        assert!(!before.stderr.contains("rewritten-log"), "{before:?}");
        place.write(calls, messages, more);
        place.run(4).expect(3).says(&["attention[rewritten-log]", "rewritten-log:2026-11-18"]);
        place.ack(4, &[]).expect(2).says(&["second person"]);
        place.ack(4, &["--approver", "bob"]).expect(0);
        let after = place.run(5);
        assert!(!after.stderr.contains("rewritten-log"), "{after:?}");
    }
    // Rows that come late, some of which fail, are no such change.
    let place = Place::new();
    place.run(3);
    place.write(20, 20, 5);
    let late = place.run(4);
    assert!(!late.stderr.contains("rewritten-log"), "{late:?}");
}

#[test]
fn a_log_that_is_rewritten_bit_by_bit_is_told_each_time() {
    let place = Place::new();
    place.run(3);
    for (hour, calls) in [(4, 15), (5, 12), (6, 11), (7, 10)] {
        place.write(calls, 20, 0);
        place.run(hour).expect(3).says(&["attention[rewritten-log]"]);
        place.ack(hour, &["--approver", "bob"]).expect(0);
    }
}
