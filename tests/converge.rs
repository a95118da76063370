//! Converge: days may be run in any order, and logs may come late; in the end the books say the same, and what a person
//! would work out by hand from the statuses and attempts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::job::{self, n, table};
use crate::order::shuffle;

const SECOND_US: i64 = 1_000_000;
const HOUR_US: i64 = 3_600 * SECOND_US;
const DAY_US: i64 = 24 * HOUR_US;

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config { failure_persistence: None, max_shrink_iters: 8, ..Config::with_cases(cases) })
}

// Days in any order.

const DAYS: [&str; 4] = ["2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21"];
const AS_OF: [&str; 3] = ["--simulate", "--as-of", "2026-11-25T06:00:00Z"];

/// A small sample in a folder of its own.
struct Sample {
    dir: tempfile::TempDir,
    logs: Vec<PathBuf>,
}

impl Sample {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let sample = job::sample(&dir.path().join("sample"), &["--days", "3", "--rows", "1500"]);
        let config = sample.join("uptime-ledger.toml");
        let text = fs::read_to_string(&config).unwrap();
        assert!(text.contains("slot = \"1m\"") && text.contains("neighbours = 1"));
        // Longer slots make for quicker runs.
        fs::write(&config, text.replace("slot = \"1m\"", "slot = \"5m\"")).unwrap();
        let logs = job::paths(&sample.join("logs"));
        Self { dir, logs }
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("sample/uptime-ledger.toml")
    }

    fn run(&self, out: &Path, args: &[&str]) {
        let ran = job::run(&self.config(), out, &[&AS_OF, args, &["--quiet"]].concat());
        assert!(matches!(ran.code, Some(0 | 3)), "{args:?}: {ran:?}");
        job::assert_balanced(out);
    }

    fn each(&self, out: &Path, days: &[&str], args: &[&str]) {
        for day in days {
            self.run(out, &[&["--date", day], args].concat());
        }
    }

    fn all_at_once(&self) -> BTreeMap<PathBuf, String> {
        let out = self.dir.path().join("at-once");
        self.run(&out, &["--from", DAYS[0], "--to", DAYS[3]]);
        let reports = reports(&out);
        let text: String = reports.values().map(String::as_str).collect();
        for word in
            ["bad:platform:missed", "excluded:network:webhook", ",late,", ",unseen,", "user:recipient"]
        {
            assert!(text.contains(word), "there is no {word} to get wrong");
        }
        reports
    }
}

/// Every table and quarantine, but for what tells how often a day was published: that is history and no figure.
pub fn reports(out: &Path) -> BTreeMap<PathBuf, String> {
    let is_figure = |path: &PathBuf| !path.starts_with("ledger") && !path.starts_with("restatements.csv");
    let files = job::files(out).into_iter().filter(|(path, _)| is_figure(path));
    let texts = files.filter(|(path, _)| path.extension().is_some_and(|e| e == "csv" || e == "ndjson"));
    let read = |(path, bytes): (PathBuf, Vec<u8>)| {
        let text = String::from_utf8(bytes).unwrap();
        let text = if path.extension().is_some_and(|e| e == "csv") { without_edition(&text) } else { text };
        // A file of a day beside it that gives nothing to a day is no part of what the day says of itself.
        let is_stranger =
            |line: &&str| line.split(',').nth(3) == Some("neighbour") && line.split(',').nth(7) == Some("0");
        let is_own = |line: &&str| !path.ends_with("intake.csv") || !is_stranger(line);
        let text = text.lines().filter(is_own).fold(String::new(), |text, line| text + line + "\n");
        (path, text)
    };
    texts.map(read).collect()
}

fn without_edition(text: &str) -> String {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let edition = records[0].iter().position(|name| name == "edition");
    let kept = |record: &csv::StringRecord| -> Vec<String> {
        let cells = record.iter().enumerate().filter(|(at, _)| Some(*at) != edition);
        cells.map(|(_, cell)| if cell == "restated" { "reported" } else { cell }.to_owned()).collect()
    };
    records.iter().fold(String::new(), |text, record| text + &kept(record).join(",") + "\n")
}

/// The first lines that differ, of each file.
pub fn differences(want: &BTreeMap<PathBuf, String>, found: &BTreeMap<PathBuf, String>) -> String {
    let mut text = String::new();
    for path in want.keys().chain(found.keys()).collect::<BTreeSet<_>>() {
        let (want, found) = (want.get(path).map_or("", |t| t), found.get(path).map_or("", |t| t));
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
        let (a, b) = (lines(want), lines(found));
        if want != found {
            writeln!(text, "{}:", path.display()).unwrap();
            a.difference(&b).take(4).for_each(|line| writeln!(text, "- {line}").unwrap());
            b.difference(&a).take(4).for_each(|line| writeln!(text, "+ {line}").unwrap());
        }
    }
    text
}

#[test]
fn days_may_be_run_in_any_order() {
    let sample = Sample::new();
    let want = sample.all_at_once();
    let law = runner(6).run(&Just(DAYS.to_vec()).prop_shuffle(), |days| {
        let out = tempfile::tempdir_in(sample.dir.path()).unwrap();
        sample.each(out.path(), &days, &[]);
        let wrong = differences(&want, &reports(out.path()));
        prop_assert!(wrong.is_empty(), "{days:?}\n{wrong}");
        Ok(())
    });
    law.unwrap();
}

/// Runs all days without some logs, then again with them; returns what differs from a run of all at once.
fn late(
    sample: &Sample,
    want: &BTreeMap<PathBuf, String>,
    [first, again]: [&[&str]; 2],
    missing: &[&PathBuf],
) -> String {
    let out = tempfile::tempdir_in(sample.dir.path()).unwrap();
    let away = tempfile::tempdir_in(sample.dir.path()).unwrap();
    let hidden = |log: &Path| away.path().join(log.file_name().unwrap());
    for log in missing {
        fs::rename(log, hidden(log)).unwrap();
    }
    sample.each(out.path(), first, &[]);
    for log in missing {
        fs::rename(hidden(log), log).unwrap();
    }
    sample.each(out.path(), again, &[]);
    differences(want, &reports(out.path()))
}

#[test]
fn logs_may_come_late() {
    let sample = Sample::new();
    let want = sample.all_at_once();
    let order = || Just(DAYS.to_vec()).prop_shuffle();
    let missing = prop::collection::vec(prop::bool::weighted(0.3), sample.logs.len());
    let law = runner(8).run(&(order(), order(), missing), |(first, again, missing)| {
        let missing: Vec<&PathBuf> =
            sample.logs.iter().zip(missing).filter_map(|(log, is)| is.then_some(log)).collect();
        let wrong = late(&sample, &want, [&first, &again], &missing);
        prop_assert!(wrong.is_empty(), "{first:?}, then {again:?}, at first without {missing:?}\n{wrong}");
        Ok(())
    });
    law.unwrap();
}

/// A row that cannot be read is of the day of its file, however late that comes.
#[test]
fn unreadable_rows_of_the_file_of_a_day_are_no_break_of_the_day_before() {
    let sample = Sample::new();
    let is_late = |log: &&PathBuf| log.ends_with("requests-2026-11-20-apac.ndjson");
    let late_log = sample.logs.iter().find(is_late).unwrap();
    assert_eq!(late(&sample, &sample.all_at_once(), [&DAYS, &DAYS], &[late_log]), "");
    let all = sample.dir.path().join("at-once");
    let rows = |table: &str, of: &dyn Fn(&job::Row) -> bool, column: &str| -> u64 {
        job::table(&all, table).iter().filter(|row| of(row)).map(|row| n(row, column)).sum()
    };
    let sum = rows("breaks", &|row| row["kind"] == "quarantine", "events");
    let own: u64 = DAYS
        .map(|day| rows(&format!("daily/{day}/intake"), &|row| row["role"] == "own", "quarantine"))
        .iter()
        .sum();
    assert!(sum > 0 && sum == own, "{sum} rows in the table, {own} in the files");
}

// A small model.

/// The day that messages are admitted on and notifications tell of.
const FIRST: &str = "2026-11-10";
const DEADLINE_US: i64 = 600 * SECOND_US;
/// How long a message may be held.
const HELD_US: i64 = HOUR_US;
/// Days after it whose logs still matter.
const REACH: i64 = 8;
/// How long an event can change, from its admission or first attempt.
const WINDOW_US: i64 = 7 * DAY_US;

fn first_us() -> i64 {
    format!("{FIRST}T00:00:00Z").parse::<DateTime<chrono::Utc>>().unwrap().timestamp_micros()
}

fn instant(us: i64) -> String {
    DateTime::from_timestamp_micros(us).unwrap().to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// How many days after the first.
fn day_of(us: i64) -> i64 {
    (us - first_us()).div_euclid(DAY_US)
}

/// Instants of the first day, many of them close to midnight.
fn start() -> impl Strategy<Value = i64> {
    let us = prop_oneof![2 => 0..DAY_US, 1 => DAY_US - 700 * SECOND_US..DAY_US, 1 => Just(0_i64)];
    us.prop_map(|us| first_us() + us)
}

/// Shortly around the deadline, or whenever.
fn delay() -> impl Strategy<Value = i64> {
    prop_oneof![
        3 => 0..DEADLINE_US,
        2 => DEADLINE_US - 1..=DEADLINE_US + 1,
        2 => DEADLINE_US..8 * DAY_US,
    ]
}

/// A row of a webhook log.
#[derive(Debug, Clone)]
struct WebhookRow {
    ts_us: i64,
    json: String,
    /// Copies beside it, and the file of the day after that it is shipped in.
    copies: usize,
    is_shipped_late: bool,
}

/// Whatever else is in the log of a region, so that it is known to go on. It tells of something long ago, so it is judged
/// nowhere.
fn beat(region: &str, ts_us: i64) -> WebhookRow {
    let ts = instant(ts_us);
    let json = format!(
        r#"{{"ts":"{ts}","event_ts":"2026-09-01T00:00:00Z","webhook_id":"beat-{region}","region":"{region}","service":"all","outcome":"http","http_status":200}}"#
    );
    WebhookRow { ts_us, json, copies: 0, is_shipped_late: false }
}

/// The last instant of which the books of the first day know a webhook row.
fn watermark(rows: &[WebhookRow]) -> Option<i64> {
    rows.iter().map(|row| row.ts_us).filter(|us| day_of(*us) <= REACH).max()
}

/// A message and what is told of it.
#[derive(Debug, Clone)]
struct Message {
    at_us: i64,
    answer: Answer,
    statuses: Vec<Status>,
    beat_us: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Answer {
    Accepted,
    Held,
    Code2,
}

#[derive(Debug, Clone)]
struct Status {
    word: &'static str,
    code: Option<i64>,
    event_us: i64,
    ts_us: i64,
    copies: usize,
    is_shipped_late: bool,
}

fn messages() -> impl Strategy<Value = Vec<Message>> {
    let word = prop::sample::select(vec![
        "sent",
        "sent",
        "delivered",
        "read",
        "played",
        "failed",
        "failed",
        "accepted",
    ]);
    let code = prop::sample::select(vec![
        None,
        Some(131_026),
        Some(131_049),
        Some(131_016),
        Some(131_056),
        Some(199_999),
    ]);
    let status = (word, code, delay(), 0..=8_i64, 0..DAY_US, 0..3_usize, any::<bool>());
    let answer = prop::sample::select(vec![
        Answer::Accepted,
        Answer::Accepted,
        Answer::Accepted,
        Answer::Held,
        Answer::Code2,
    ]);
    let beat = prop::option::of(0..9 * DAY_US);
    let message = (start(), answer, prop::collection::vec(status, 0..4), beat);
    let message = message.prop_map(|(at_us, answer, statuses, beat)| {
        let statuses = statuses.into_iter().map(|(word, code, delay, day, time, copies, is_shipped_late)| {
            let event_us = at_us + delay;
            Status {
                word,
                code: code.filter(|_| word == "failed"),
                event_us,
                // Nobody tells of what has not happened yet.
                ts_us: event_us.max(first_us() + day * DAY_US + time),
                copies,
                is_shipped_late,
            }
        });
        let beat_us = beat.map(|us| first_us() + us);
        Message { at_us, answer, statuses: statuses.collect(), beat_us }
    });
    prop::collection::vec(message, 30)
}

impl Message {
    fn rows(&self, id: &str) -> Vec<WebhookRow> {
        let of = |(at, status): (usize, &Status)| {
            let (ts, event_ts) = (instant(status.ts_us), instant(status.event_us));
            let code = status.code.map_or(String::new(), |code| format!(r#","error_code":{code}"#));
            let json = format!(
                r#"{{"ts":"{ts}","event_ts":"{event_ts}","webhook_id":"{id}-{at}","service":"all","region":"{id}","message_id":"{id}","status":"{}"{code},"outcome":"http","http_status":200}}"#,
                status.word
            );
            let Status { ts_us, copies, is_shipped_late, .. } = *status;
            WebhookRow { ts_us, json, copies, is_shipped_late }
        };
        let statuses = self.statuses.iter().enumerate().map(of);
        statuses.chain(self.beat_us.map(|us| beat(id, us))).collect()
    }

    fn request(&self, id: &str) -> String {
        let answer = match self.answer {
            Answer::Accepted => r#""http_status":200,"message_status":"accepted""#,
            Answer::Held => r#""http_status":200,"message_status":"held_for_quality_assessment""#,
            Answer::Code2 => r#""http_status":503,"error_code":2"#,
        };
        format!(
            r#"{{"ts":"{}","request_id":"r-{id}","service":"all","region":"{id}","message_id":"{id}",{answer}}}"#,
            instant(self.at_us)
        )
    }

    /// What a person would say.
    fn account(&self, id: &str) -> &'static str {
        let is_known = |s: &&Status| day_of(s.ts_us) <= REACH && s.event_us <= self.at_us + WINDOW_US;
        let known: Vec<&Status> =
            self.statuses.iter().filter(|s| is_known(s) && s.word != "accepted").collect();
        let says = |words: &[&str]| known.iter().any(|s| words.contains(&s.word));
        let is_sent = says(&["sent", "delivered", "read", "played"]);
        let is_failed = says(&["failed"]) && !says(&["delivered", "read", "played"]);
        let failures = known.iter().filter(|s| s.word == "failed");
        let says_most = failures.min_by_key(|s| (s.code.is_none(), s.event_us, s.code));
        let fault = match says_most.and_then(|s| s.code) {
            Some(131_026) => "user:recipient",
            Some(131_049) => "user:policy",
            Some(131_056) => "user:throttled",
            Some(199_999) => "suspense",
            _ => "bad:platform:error",
        };
        let is_dropped = self.answer == Answer::Held && is_failed && fault == "user:policy";
        let first = known.iter().map(|s| s.event_us).min();
        let due_us = self.at_us + if self.answer == Answer::Held { HELD_US } else { DEADLINE_US };
        // Not a row of the region all day: its log is lost.
        let is_lost = self.rows(id).iter().all(|row| day_of(row.ts_us) != 0);
        match self.answer {
            // Only what was taken can fail later; a failure alone leaves the answer as it is.
            Answer::Code2 if is_failed && is_sent => fault,
            Answer::Code2 if is_sent => "good",
            Answer::Code2 => "bad:platform:error",
            Answer::Held | Answer::Accepted => match first {
                // A decision of the platform may take its time where the message was held for it.
                Some(us) if us > due_us && !is_lost && is_dropped => "user:policy",
                Some(us) if us > due_us && !is_lost => "bad:platform:missed",
                Some(us) if us > due_us => "unknown",
                Some(_) if is_failed => fault,
                Some(_) => "good",
                None if !is_lost && watermark(&self.rows(id)) > Some(due_us) => "bad:platform:missed",
                None if is_lost => "unknown",
                None => "pending",
            },
        }
    }
}

/// A notification and the attempts to deliver it.
#[derive(Debug, Clone)]
struct Notification {
    event_us: i64,
    /// When, and how it ended.
    attempts: Vec<(i64, Trial)>,
    numbers: Numbers,
    copies: usize,
    is_shipped_late: bool,
    beat_us: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Trial {
    Http(u16),
    Network(&'static str),
    Internal,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Numbers {
    /// The log has no numbers of attempts.
    None,
    FromOne,
    /// The log of the first attempt is lost.
    FromTwo,
}

fn notifications() -> impl Strategy<Value = Vec<Notification>> {
    let http = || prop::sample::select(vec![200, 204, 302, 404, 500]).prop_map(Trial::Http);
    let network =
        prop::sample::select(vec!["dns", "connect", "tls", "reset", "timeout"]).prop_map(Trial::Network);
    let trial = prop_oneof![2 => http(), 3 => network, 1 => Just(Trial::Internal)];
    let pause = prop::sample::select(vec![
        SECOND_US,
        HOUR_US,
        23 * HOUR_US,
        24 * HOUR_US,
        24 * HOUR_US + 1,
        30 * HOUR_US,
        72 * HOUR_US,
        167 * HOUR_US,
    ]);
    let attempts = (delay(), prop::collection::vec((pause, trial), 1..6));
    let numbers =
        prop::sample::select(vec![Numbers::None, Numbers::FromOne, Numbers::FromOne, Numbers::FromTwo]);
    let beat = prop::option::of(0..9 * DAY_US);
    let notification = (start(), attempts, numbers, 0..3_usize, any::<bool>(), beat);
    let notification =
        notification.prop_map(|(event_us, (delay, pairs), numbers, copies, is_shipped_late, beat)| {
            let mut ts_us = event_us + delay;
            let mut attempts = Vec::new();
            for (pause, trial) in pairs {
                attempts.push((ts_us, trial));
                ts_us += pause;
            }
            attempts.retain(|(us, _)| day_of(*us) <= 8);
            // Attempts of one day are stored together, so the last day is not cut by its hours.
            let until_us = event_us + delay + WINDOW_US;
            attempts.retain(|(us, _)| *us <= until_us || day_of(*us) > day_of(until_us));
            let beat_us = beat.map(|us| first_us() + us);
            Notification { event_us, attempts, numbers, copies, is_shipped_late, beat_us }
        });
    prop::collection::vec(notification, 30)
}

impl Notification {
    fn rows(&self, id: &str) -> Vec<WebhookRow> {
        let event_ts = instant(self.event_us);
        let of = |(at, (ts_us, trial)): (usize, &(i64, Trial))| {
            let ts = instant(*ts_us);
            let number = match self.numbers {
                Numbers::None => String::new(),
                Numbers::FromOne => format!(r#","attempt_no":{}"#, at + 1),
                Numbers::FromTwo => format!(r#","attempt_no":{}"#, at + 2),
            };
            let outcome = match trial {
                Trial::Http(status) => format!(r#""outcome":"http","http_status":{status}"#),
                Trial::Network(symptom) => format!(r#""outcome":"{symptom}""#),
                Trial::Internal => r#""outcome":"none""#.to_owned(),
            };
            let json = format!(
                r#"{{"ts":"{ts}","event_ts":"{event_ts}","webhook_id":"{id}","service":"all","region":"{id}"{number},{outcome}}}"#
            );
            WebhookRow { ts_us: *ts_us, json, copies: self.copies, is_shipped_late: self.is_shipped_late }
        };
        let attempts = self.attempts.iter().enumerate().map(of);
        attempts.chain(self.beat_us.map(|us| beat(id, us))).collect()
    }

    /// What a person would say; nothing of a notification of which only retries are known.
    fn account(&self, id: &str) -> Option<&'static str> {
        let (begun_us, _) = *self.attempts.first()?;
        let is_known = |us: i64| day_of(us) <= REACH && us <= begun_us + WINDOW_US;
        let known: Vec<(i64, Trial)> =
            self.attempts.iter().copied().filter(|(us, _)| is_known(*us)).collect();
        let ((first_us, _), (last_us, last)) = (*known.first()?, *known.last()?);
        if self.numbers == Numbers::FromTwo {
            return None;
        }
        let any = |is: fn(&Trial) -> bool| known.iter().any(|(_, trial)| is(trial));
        let is_stopped = last_us < self.event_us + 7 * DAY_US
            && watermark(&self.rows(id))
                .is_some_and(|us| us.min(self.event_us + WINDOW_US) - last_us > 24 * HOUR_US);
        Some(if first_us - self.event_us > DEADLINE_US {
            "bad:platform:missed"
        } else if any(|trial| matches!(trial, Trial::Http(200..=299))) {
            "good"
        } else if last == Trial::Internal {
            "bad:platform:error"
        } else if is_stopped {
            "bad:platform:missed"
        } else if any(|trial| matches!(trial, Trial::Http(_))) {
            "user:caller"
        } else {
            "excluded:network:webhook"
        })
    }
}

/// Writes a file per log and day in any order of rows, runs every day, and returns the accounts of a stream by region.
fn accounts_of(
    stream: &str,
    requests: &[(i64, String)],
    webhooks: Vec<WebhookRow>,
    seed: u64,
) -> BTreeMap<String, Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("uptime-ledger.toml");
    fs::write(
        &config,
        "slot = \"5m\"\n\
         [[source]]\nname = \"requests\"\npaths = \"requests-{date}.ndjson\"\n\
         [[source]]\nname = \"webhooks\"\nlog = \"webhooks\"\npaths = \"webhooks-{date}.ndjson\"\n\
         [webhooks]\nheld_hours = 1\n",
    )
    .unwrap();
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let date = |us: i64| instant(us)[..10].to_owned();
    for (at_us, json) in requests {
        files.entry(format!("requests-{}.ndjson", date(*at_us))).or_default().push(json.clone());
    }
    // Every day has a webhook log, if only of somewhere else: a day without one counts as lost.
    let heard = (0..=8).map(|day| beat("nowhere", first_us() + day * DAY_US + SECOND_US));
    for row in webhooks.into_iter().chain(heard) {
        let shipped_us = row.ts_us + if row.is_shipped_late { DAY_US } else { 0 };
        let file = files.entry(format!("webhooks-{}.ndjson", date(shipped_us))).or_default();
        file.extend(std::iter::repeat_n(row.json, row.copies + 1));
    }
    for (name, mut rows) in files {
        shuffle(&mut rows, seed);
        fs::write(dir.path().join(name), rows.join("\n") + "\n").unwrap();
    }
    let mut days: Vec<String> = (0..=8).map(|day| date(first_us() + day * DAY_US)).collect();
    // The first day is run before the others have told of it, so that they restate it.
    shuffle(&mut days[1..], seed);
    let out = dir.path().join("reports");
    for day in &days {
        let args = ["--date", day, "--simulate", "--as-of", "2026-11-25T06:00:00Z", "--quiet"];
        let ran = job::run(&config, &out, &args);
        assert!(matches!(ran.code, Some(0 | 3)), "{ran:?}");
    }
    job::assert_balanced(&out);
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for day in &days {
        for row in table(&out.join("daily").join(day), "accounts") {
            let events = usize::try_from(n(&row, "events_net")).unwrap();
            let place =
                if day == FIRST { row["account"].clone() } else { format!("{day} {}", row["account"]) };
            // A failing answer admits nothing and stays a request, unless a status says otherwise.
            let is_it = (row["stream"] == "notification") == (stream == "notification");
            if !is_it {
                continue;
            }
            found.entry(row["region"].clone()).or_default().extend(std::iter::repeat_n(place, events));
        }
    }
    found
}

#[test]
fn a_message_is_booked_as_a_person_would_book_it() {
    let law = runner(3).run(&(messages(), any::<u64>()), |(messages, seed)| {
        let ids: Vec<String> = (0..messages.len()).map(|at| format!("m{at:02}")).collect();
        // One message is told of at once: logs of which nothing fits would not be taken for two of a kind.
        let at_us = first_us() + SECOND_US;
        let status = Status {
            word: "sent",
            code: None,
            event_us: at_us,
            ts_us: at_us,
            copies: 0,
            is_shipped_late: false,
        };
        let told = Message { at_us, answer: Answer::Accepted, statuses: vec![status], beat_us: None };
        let all = || messages.iter().zip(ids.iter().map(String::as_str)).chain([(&told, "told")]);
        let requests: Vec<(i64, String)> = all().map(|(m, id)| (m.at_us, m.request(id))).collect();
        let webhooks = all().flat_map(|(m, id)| m.rows(id)).collect();
        let found = accounts_of("message", &requests, webhooks, seed);
        let mut wrong = String::new();
        for (message, id) in messages.iter().zip(&ids) {
            let (want, found) =
                (vec![message.account(id).to_owned()], found.get(id).cloned().unwrap_or_default());
            if want != found {
                writeln!(wrong, "{found:?}, not {want:?}: {} {message:#?}", message.request(id)).unwrap();
                message.rows(id).iter().for_each(|row| writeln!(wrong, "  {}", row.json).unwrap());
            }
        }
        prop_assert!(wrong.is_empty(), "{wrong}");
        Ok(())
    });
    law.map_err(|e| e.to_string()).unwrap();
}

#[test]
fn a_notification_is_booked_as_a_person_would_book_it() {
    let law = runner(3).run(&(notifications(), any::<u64>()), |(notifications, seed)| {
        let ids: Vec<String> = (0..notifications.len()).map(|at| format!("n{at:02}")).collect();
        let webhooks = notifications.iter().zip(&ids).flat_map(|(n, id)| n.rows(id)).collect();
        // Calls show which regions the platform has.
        let call = |(n, id): (&Notification, &String)| {
            let ts = instant(n.event_us);
            let json = format!(
                r#"{{"ts":"{ts}","request_id":"r-{id}","service":"all","region":"{id}","message_id":"m-{id}","http_status":200}}"#
            );
            (n.event_us, json)
        };
        let requests: Vec<(i64, String)> = notifications.iter().zip(&ids).map(call).collect();
        let found = accounts_of("notification", &requests, webhooks, seed);
        let mut wrong = String::new();
        for (notification, id) in notifications.iter().zip(&ids) {
            let want: Vec<String> = notification.account(id).map(str::to_owned).into_iter().collect();
            let found = found.get(id).cloned().unwrap_or_default();
            if want != found {
                writeln!(wrong, "{found:?}, not {want:?}: {notification:#?}").unwrap();
                notification.rows(id).iter().for_each(|row| writeln!(wrong, "  {}", row.json).unwrap());
            }
        }
        prop_assert!(wrong.is_empty(), "{wrong}");
        Ok(())
    });
    law.map_err(|e| e.to_string()).unwrap();
}

/// What the books say of one notification of the first day, told by webhook logs alone.
fn booked(rows: &[(&str, &str)]) -> Vec<String> {
    let row = |(ts, rest): &(&str, &str)| {
        let ts_us = ts.parse::<DateTime<chrono::Utc>>().unwrap().timestamp_micros();
        let json = format!(r#"{{"ts":"{ts}",{rest}}}"#);
        WebhookRow { ts_us, json, copies: 0, is_shipped_late: false }
    };
    let found = accounts_of("notification", &[], rows.iter().map(row).collect(), 1);
    found.get("eu").cloned().unwrap_or_default()
}

#[test]
fn the_log_of_one_region_proves_nothing_about_the_retries_of_another() {
    let first = r#""event_ts":"2026-11-10T06:12:59Z","webhook_id":"w","region":"eu","outcome":"timeout""#;
    let beat = r#""event_ts":"2026-09-01T00:00:00Z","webhook_id":"x","region":"us","outcome":"http","http_status":200"#;
    let rows = [("2026-11-10T06:13:00Z", first), ("2026-11-14T00:00:00Z", beat)];
    assert_eq!(booked(&rows), ["excluded:network:webhook"]);
}

#[test]
fn a_notification_that_is_tried_again_after_it_was_delivered_counts_once() {
    let good = r#""event_ts":"2026-11-10T06:12:59Z","webhook_id":"w","region":"eu","outcome":"http","http_status":200"#;
    let again = good.replace(r#""http","http_status":200"#, r#""timeout""#);
    assert_eq!(booked(&[("2026-11-10T06:13:00Z", good), ("2026-11-10T23:00:00Z", &again)]), ["good"]);
    assert_eq!(booked(&[("2026-11-10T06:13:00Z", good), ("2026-11-11T06:00:00Z", &again)]), ["good"]);
}

#[test]
fn a_notification_may_be_taken_in_another_region_than_it_was_first_tried_in() {
    let first = r#""event_ts":"2026-11-10T06:12:59Z","webhook_id":"w","region":"eu","attempt_no":1,"outcome":"timeout""#;
    let second = r#""event_ts":"2026-11-10T06:12:59Z","webhook_id":"w","region":"us","attempt_no":2,"outcome":"http","http_status":202"#;
    assert_eq!(booked(&[("2026-11-10T06:13:00Z", first), ("2026-11-10T06:14:00Z", second)]), ["good"]);
}

#[test]
fn attempts_of_one_instant_all_count_in_whatever_order_they_are_logged() {
    let event = r#""event_ts":"2026-11-10T06:12:59Z","webhook_id":"w","region":"eu","outcome":"#;
    let (bad, good) = (format!(r#"{event}"timeout""#), format!(r#"{event}"http","http_status":200"#));
    let at = "2026-11-10T06:13:00Z";
    assert_eq!(booked(&[(at, &bad), (at, &good)]), ["good"]);
    assert_eq!(booked(&[(at, &good), (at, &bad)]), ["good"]);
}

#[test]
fn retries_that_went_on_for_a_week_have_not_stopped() {
    let row = r#""event_ts":"2026-11-10T00:05:00Z","webhook_id":"w","region":"eu","outcome":"connect""#;
    let beat = r#""event_ts":"2026-09-01T00:00:00Z","webhook_id":"x","region":"eu","outcome":"http","http_status":200"#;
    let times: Vec<String> =
        (0..7 * 24).map(|hour| instant(first_us() + (hour * 3_600 + 310) * SECOND_US)).collect();
    let mut rows: Vec<(&str, &str)> = times.iter().map(|ts| (ts.as_str(), row)).collect();
    rows.push(("2026-11-17T23:59:00Z", beat));
    assert_eq!(booked(&rows), ["excluded:network:webhook"]);
    // The same, but for the last two days of them, while the log goes on.
    rows.extend(["2026-11-15T12:00:00Z", "2026-11-16T12:00:00Z"].map(|ts| (ts, beat)));
    let is_late = |ts: &str| ("2026-11-15".."2026-11-17").contains(&ts);
    let stopped: Vec<(&str, &str)> =
        rows.iter().copied().filter(|(ts, rest)| *rest == beat || !is_late(ts)).collect();
    assert_eq!(booked(&stopped), ["bad:platform:missed"]);
}

/// What the platform does after the last hour changes nothing, also if the same log tells of it.
#[test]
fn an_attempt_after_the_last_hour_hides_none_before_it() {
    let event = r#""event_ts":"2026-11-10T06:00:00Z","webhook_id":"w","region":"eu""#;
    let row = |no: usize, how: &str| format!(r#"{event},"attempt_no":{no},{how}"#);
    let mut rows = vec![("2026-11-10T06:00:10Z".to_owned(), row(1, r#""outcome":"none""#))];
    rows.extend(
        (11..=17).map(|day| (format!("2026-11-{day}T05:59:00Z"), row(day - 9, r#""outcome":"none""#))),
    );
    let booked = |rows: &[(String, String)]| -> Vec<String> {
        booked(&rows.iter().map(|(ts, rest)| (ts.as_str(), rest.as_str())).collect::<Vec<_>>())
    };
    let without = booked(&rows);
    assert!(without[0].starts_with("bad:"), "{without:?}");
    rows.push(("2026-11-17T06:30:00Z".to_owned(), row(9, r#""outcome":"http","http_status":200"#)));
    assert_eq!(booked(&rows), without);
}

#[test]
fn a_later_attempt_without_event_time_belongs_to_the_first_one() {
    let first = r#""webhook_id":"w","region":"eu","attempt_no":1,"outcome":"timeout""#;
    let second = r#""webhook_id":"w","region":"eu","attempt_no":2,"outcome":"http","http_status":200"#;
    let rows = [("2026-11-10T23:59:30Z", first), ("2026-11-11T00:00:30Z", second)];
    assert_eq!(booked(&rows), ["good"]);
}

#[test]
fn retries_of_a_notification_without_id_are_nobody_s_fault() {
    let first = r#""region":"eu","attempt_no":1,"outcome":"timeout""#;
    let beat = r#""event_ts":"2026-09-01T00:00:00Z","webhook_id":"x","region":"eu","outcome":"http","http_status":200"#;
    let rows =
        [("2026-11-10T06:13:00Z", first), ("2026-11-11T12:00:00Z", beat), ("2026-11-12T12:00:00Z", beat)];
    assert_eq!(booked(&rows), ["excluded:network:webhook"]);
}

#[test]
fn two_logs_that_write_ids_in_different_ways_are_no_outage() {
    let at = |n: i64| first_us() + (36_000 + n) * SECOND_US;
    let request = |n: i64| {
        let ts = instant(at(n));
        let json = format!(
            r#"{{"ts":"{ts}","request_id":"r-{n}","service":"all","region":"eu","message_id":"m-{n}","http_status":200}}"#
        );
        (at(n), json)
    };
    let status = |n: i64| {
        let ts = instant(at(n) + SECOND_US);
        let json = format!(
            r#"{{"ts":"{ts}","webhook_id":"w-{n}","region":"eu","message_id":"wamid.m-{n}","status":"sent","outcome":"http","http_status":200}}"#
        );
        WebhookRow { ts_us: at(n) + SECOND_US, json, copies: 0, is_shipped_late: false }
    };
    let requests: Vec<_> = (0..30).map(request).collect();
    let rows = (0..30).map(status).chain([beat("eu", at(0) + DAY_US)]).collect();
    assert_eq!(accounts_of("message", &requests, rows, 1)["eu"], vec!["unknown"; 30]);
}

#[test]
fn a_day_whose_daybook_is_gone_does_not_unsettle_another() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("uptime-ledger.toml");
    let source = |log: &str| {
        format!("[[source]]\nname = \"{log}\"\nlog = \"{log}\"\npaths = \"{log}-{{date}}.ndjson\"\n")
    };
    fs::write(&config, source("requests") + &source("webhooks")).unwrap();
    let request = r#"{"ts":"2026-11-10T10:00:00Z","request_id":"r","message_id":"m","http_status":200}"#;
    fs::write(dir.path().join("requests-2026-11-10.ndjson"), request).unwrap();
    for (day, word) in [("10", "sent"), ("12", "delivered"), ("13", "sent")] {
        let id = if day == "13" { "other" } else { "m" };
        let row = format!(
            r#"{{"ts":"2026-11-{day}T10:00:01Z","webhook_id":"w{day}","message_id":"{id}","status":"{word}","http_status":200}}"#
        );
        fs::write(dir.path().join(format!("webhooks-2026-11-{day}.ndjson")), row).unwrap();
    }
    let out = dir.path().join("reports");
    let run = |day: &str| {
        let date = format!("2026-11-{day}");
        let ran = job::run(
            &config,
            &out,
            &["--date", &date, "--simulate", "--as-of", "2026-11-25T06:00:00Z", "--quiet"],
        );
        assert!(matches!(ran.code, Some(0 | 3)), "{ran:?}");
        ran
    };
    let outcome = || {
        let rows = table(&out.join("daily/2026-11-10"), "deliveries");
        rows.iter().find(|row| row["stream"] == "message").unwrap()["outcome"].clone()
    };
    run("10");
    assert_eq!(outcome(), "sent");
    run("12").says(&["restated: 2026-11-10 is now edition 2"]);
    assert_eq!(outcome(), "delivered");
    fs::remove_dir_all(out.join("ledger/daybooks/2026-11-12")).unwrap();
    run("13").says(&["2026-11-10: it stays as it is: there is no daybook to use of 2026-11-12"]);
    assert_eq!(outcome(), "delivered");
}
