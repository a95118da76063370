//! Seals: what a sealed day shows never changes, and what is found out later stands beside it, to the slot.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{Days, NaiveDate};
use proptest::prelude::*;

use crate::given;
use crate::job::{self, Ran, Row, table};

const HEADER: &str = "id,direction,start,end,service,region,business_id,error_code,account,reason,ticket,author,approver,created_at,note\n";

/// What another policy says: callers that are refused are the platform's fault.
const RULE: &str = r#"
[[rule]]
id = "refused-by-us"
when = { error_code = 190 }
account = "bad:platform:error"
because = "The platform has refused callers that it should not have."
cites = ["R6"]

"#;

/// What the calls of a minute come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Minute {
    Good,
    /// An error of the platform.
    Bad,
    /// The caller was refused: an error of its own, unless a row or a policy says otherwise.
    Refused,
}

use Minute::{Bad, Good, Refused};

/// A stretch of minutes of a day.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    pub day: u32,
    pub from: u32,
    pub to: u32,
}

/// The date of a day, counted from November 1st, which is 1.
pub fn date(day: u32) -> String {
    let before = NaiveDate::from_ymd_opt(2026, 10, 31).unwrap();
    (before + Days::new(u64::from(day))).to_string()
}

/// A folder with config, logs and overrides. The window of a day is two days and four hours.
pub struct Nights {
    dir: tempfile::TempDir,
    definition: [u32; 3],
    is_strict: bool,
    pub rows: Vec<String>,
    /// Rows that were ever written; each has an id of its own.
    made: usize,
    files: usize,
    /// Keys of `[overrides]` and `[limits]`.
    pub review: [u32; 2],
    pub min_rows: u32,
    /// Keys of the source.
    pub source: &'static str,
    /// Tables of the config in addition to those of every test.
    pub config: &'static str,
}

impl Nights {
    pub fn new() -> Self {
        // Memory, where there is such a folder: a disk that takes its time to sync would make this slow.
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let nights = Self {
            dir,
            definition: [10, 2, 15],
            is_strict: false,
            rows: Vec::new(),
            made: 0,
            files: 0,
            review: [2, 4],
            min_rows: 1,
            source: "",
            config: "",
        };
        fs::create_dir_all(nights.path("logs")).unwrap();
        nights
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn reports(&self) -> PathBuf {
        self.path("reports")
    }

    /// Writes a log: two calls a minute at the ends of the day, and every half hour between them.
    fn log(&self, day: u32, name: &str, minutes: impl IntoIterator<Item = (u32, Minute)>) {
        let mut text = "ts,request_id,business_id,region,endpoint,http_status,error_code\n".to_owned();
        for (minute, what) in minutes {
            for call in 0..2 {
                let (hour, minute) = (minute / 60, minute % 60);
                let rest = match what {
                    Good => "200,",
                    Bad => "503,131016",
                    Refused => "401,190",
                };
                let (ts, id) =
                    (format!("{}T{hour:02}:{minute:02}:{call:02}Z", date(day)), format!("{name}{day}"));
                writeln!(text, "{ts},{id}-{hour}-{minute}-{call},b{call},eu,/1/messages,{rest}").unwrap();
            }
        }
        fs::write(self.path(&format!("logs/{}{name}.csv", date(day))), text).unwrap();
    }

    /// The log of a whole day, good but for these stretches.
    fn day(&self, day: u32, spans: &[(std::ops::Range<u32>, Minute)]) {
        let minutes = (0..1_440).filter(|minute| minute % 30 == 0 || *minute < 20 || *minute >= 1_420);
        let what = |minute: u32| {
            spans.iter().rfind(|(span, _)| span.contains(&minute)).map_or(Good, |(_, what)| *what)
        };
        self.log(day, "", minutes.map(|minute| (minute, what(minute))));
    }

    fn row(&mut self, direction: &str, span: Span, created_at: &str) {
        let Span { day, from, to } = span;
        let at = |minute: u32| format!("{}T{:02}:{:02}Z", date(day), minute / 60, minute % 60);
        let end = if to == 1_440 { format!("{}T00:00Z", date(day + 1)) } else { at(to) };
        let (code, account, reason) = match direction {
            "to_uptime" => (131_016, "", "caller-misuse"),
            _ => (190, "user:*", "authorization-fault"),
        };
        let id = format!("r{}", self.made);
        self.made += 1;
        let start = at(from);
        self.rows.push(format!(
            "{id},{direction},{start},{end},messages,,,{code},{account},{reason},OPS-1,ann,bob,{created_at},\n"
        ));
    }

    pub fn run(&self, as_of: &str, args: &[&str]) -> Ran {
        self.write();
        let fixed = ["--simulate", "--quiet", "--as-of", as_of];
        job::run(&self.path("uptime-ledger.toml"), &self.reports(), &[&fixed[..], args].concat())
    }

    /// Writes config, policy and rows.
    pub fn write(&self) {
        let [min_run, min_events, max_gap] = self.definition;
        let ([review_days, grace_hours], min_rows) = (self.review, self.min_rows);
        let (source, more) = (self.source, self.config);
        let config = format!(
            r#"
            salt = "a pinch of salt for tests"
            policy = "policy.toml"
            regions = ["eu"]
            [[source]]
            name = "edge"
            paths = "logs/{{date}}*.csv"
            {source}
            [[service]]
            name = "messages"
            endpoints = ["/{{id}}/messages"]
            [[component]]
            name = "Cloud API"
            services = ["messages"]
            [definition]
            min_run_minutes = {min_run}
            min_events = {min_events}
            max_gap_minutes = {max_gap}
            [limits]
            coverage_percent = 0
            min_rows = {min_rows}
            [overrides]
            path = "overrides.csv"
            review_days = {review_days}
            grace_hours = {grace_hours}
            [outputs]
            formats = []
            {more}
            "#
        );
        fs::write(self.path("uptime-ledger.toml"), config).unwrap();
        fs::write(self.path("overrides.csv"), HEADER.to_owned() + &self.rows.concat()).unwrap();
        let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/policy.toml");
        let mut policy = fs::read_to_string(built_in).unwrap();
        if self.is_strict {
            policy.insert_str(policy.find("[[rule]]").unwrap(), RULE);
        }
        fs::write(self.path("policy.toml"), policy).unwrap();
    }

    /// The run of the night after a day; what it has to tell is not looked at.
    #[track_caller]
    pub fn night(&self, day: u32) {
        let ran = self.run(&format!("{}T03:00:00Z", date(day + 1)), &[]);
        assert!(matches!(ran.code, Some(0 | 3)), "{ran:?}");
    }

    /// A run of one day, later that night.
    #[track_caller]
    pub fn again(&self, night: u32, day: u32) {
        let at = format!("{}T03:30:00Z", date(night + 1));
        let ran = self.run(&at, &["--date", &date(day)]);
        assert!(matches!(ran.code, Some(0 | 3)), "{ran:?}");
    }

    pub fn verify(&self) {
        let reports = self.reports();
        job::job(["verify", "--out", reports.to_str().unwrap()]).expect(0);
    }

    pub fn table(&self, name: &str) -> Vec<Row> {
        table(&self.reports(), name)
    }

    /// Figures of sealed days, by day, scope, region and definition.
    pub fn sealed(&self) -> BTreeMap<[String; 5], Row> {
        let rows = self.table("availability").into_iter().filter(|row| row["state"] == "sealed");
        let mut sealed: BTreeMap<[String; 5], Row> = rows
            .map(|row| {
                (
                    ["day", "scope_kind", "scope", "region", "definition"].map(|column| row[column].clone()),
                    row,
                )
            })
            .collect();
        // A month may become final after its days.
        for row in sealed.values_mut() {
            row.remove("status");
        }
        sealed
    }

    /// Counted slots of the component on a day, as shown.
    fn counted(&self, day: u32) -> i64 {
        let (date, rows) = (date(day), self.table("availability"));
        number(
            rows.iter().find(|row| row["day"] == date && is_headline(row) && row["region"] == "*").unwrap(),
            "slots_counted",
        )
    }

    /// Adjusting rows of the component: day, counted slots, cause.
    fn adjusting(&self) -> Vec<(String, i64, String)> {
        let rows = self.table("restatements").into_iter();
        let rows = rows.filter(|row| row["is_adjusting"] == "true" && is_headline(row));
        rows.map(|row| (row["day"].clone(), number(&row, "slots_counted_delta"), row["cause"].clone()))
            .collect()
    }

    /// Counted slots of the component in the month, net and adjusted.
    fn month(&self) -> [i64; 2] {
        let rows = self.table("months");
        let row = rows.iter().find(|row| is_headline(row) && row["region"] == "*").unwrap();
        ["slots_counted", "slots_counted_adjusted"].map(|column| number(row, column))
    }

    /// Outages of the component: start, end, seconds, whether it counts.
    fn outages(&self) -> Vec<(String, String, i64, bool)> {
        let rows = self.table("outages").into_iter();
        let rows = rows.filter(|row| row["scope_kind"] == "component" && row["region"] == "*");
        rows.map(|row| {
            let seconds = number(&row, "duration_seconds");
            (row["start"].clone(), row["end"].clone(), seconds, row["is_counted"] == "true")
        })
        .collect()
    }

    /// Net, with adjusting rows, comes to adjusted; and the outages that count are what counts.
    #[track_caller]
    pub fn adds_up(&self) {
        let (days, months) = (self.table("availability"), self.table("months"));
        let (rows, outages) = (self.table("restatements"), self.table("outages"));
        let mut counted: BTreeMap<[&str; 3], i64> = BTreeMap::new();
        for month in &months {
            let is_of = |row: &&Row| {
                row["day"].starts_with(&month["month"])
                    && ["scope_kind", "scope", "definition"]
                        .iter()
                        .all(|column| row[*column] == month[*column])
            };
            let of_month: Vec<&Row> =
                days.iter().filter(is_of).filter(|row| row["region"] == month["region"]).collect();
            let sum = |column: &str| of_month.iter().map(|row| number(row, column)).sum::<i64>();
            for column in ["slots_counted", "events_bad"] {
                let net = number(month, column);
                assert_eq!(net, sum(column), "{column} of {month:?}");
                if month["region"] == "*" {
                    let adjusting = rows.iter().filter(is_of).filter(|row| row["is_adjusting"] == "true");
                    let beside: i64 = adjusting.map(|row| number(row, &format!("{column}_delta"))).sum();
                    let adjusted = number(month, &format!("{column}_adjusted"));
                    assert_eq!(net + beside, adjusted, "{column} of {month:?}\n{rows:#?}");
                }
            }
            if month["definition"] == "whatsapp" {
                let scope = ["scope_kind", "scope", "region"].map(|column| month[column].as_str());
                *counted.entry(scope).or_default() += number(month, "slots_counted");
            }
        }
        for (scope, counted) in counted {
            let of_scope = outages.iter().filter(|row| {
                row["is_counted"] == "true"
                    && ["scope_kind", "scope", "region"].map(|c| row[c].as_str()) == scope
            });
            let seconds: i64 = of_scope.map(|row| number(row, "duration_seconds")).sum();
            assert_eq!(seconds, 60 * counted, "{scope:?}\n{outages:#?}");
        }
    }
}

pub fn number(row: &Row, column: &str) -> i64 {
    row[column].parse().unwrap_or_else(|e| panic!("{column} is `{}`: {e}", row[column]))
}

fn is_headline(row: &Row) -> bool {
    row["scope_kind"] == "component" && row["definition"] == "whatsapp"
}

#[test]
fn a_row_on_a_sealed_day_that_makes_a_run_count_has_a_row_on_the_open_day_beside_it() {
    let mut nights = Nights::new();
    nights.day(6, &[(1_430..1_435, Refused), (1_435..1_440, Bad)]);
    nights.day(7, &[(0..4, Bad)]);
    nights.day(8, &[]);
    nights.day(9, &[]);
    for day in [6, 7, 8, 9] {
        nights.night(day);
    }
    assert_eq!((nights.counted(6), nights.counted(7)), (0, 0), "nine minutes");
    nights.row("to_downtime", Span { day: 6, from: 1_430, to: 1_435 }, "2026-11-10T01:00Z");
    nights.again(9, 7);
    let of = |day: &str, slots, cause: &str| (day.to_owned(), slots, cause.to_owned());
    assert_eq!((nights.counted(6), nights.counted(7), nights.month()), (0, 0, [0, 14]));
    assert_eq!(nights.adjusting(), [of("2026-11-06", 10, "overrides"), of("2026-11-07", 4, "neighbour")]);
    // Sealing the other day changes nothing.
    nights.day(10, &[]);
    nights.night(10);
    assert_eq!(nights.month(), [0, 14]);
    assert_eq!(nights.outages().len(), 1, "{:?}", nights.outages());
    nights.adds_up();
    nights.verify();
}

#[test]
fn a_run_that_grows_on_an_open_day_counts_there_and_stands_beside_the_sealed_one() {
    let mut nights = Nights::new();
    nights.day(6, &[(1_435..1_440, Bad)]);
    nights.day(7, &[(0..4, Bad), (4..10, Refused)]);
    nights.day(8, &[]);
    nights.day(9, &[]);
    for day in [6, 7, 8, 9] {
        nights.night(day);
    }
    let before = nights.sealed();
    let whole = ("2026-11-06T23:55:00Z".to_owned(), "2026-11-07T00:04:00Z".to_owned(), 540, false);
    assert_eq!(nights.outages(), [whole]);
    nights.row("to_downtime", Span { day: 7, from: 4, to: 10 }, "2026-11-08T09:00Z");
    nights.again(9, 7);
    assert_eq!(nights.sealed(), before);
    assert_eq!((nights.counted(6), nights.counted(7), nights.month()), (0, 10, [10, 15]));
    assert_eq!(nights.adjusting(), [("2026-11-06".to_owned(), 5, "neighbour".to_owned())]);
    // Each day has its part of what is an outage of fifteen minutes on one of them, and none on the other.
    let at = |start: &str, end: &str, seconds, is_counted| {
        (format!("2026-11-{start}Z"), format!("2026-11-{end}Z"), seconds, is_counted)
    };
    assert_eq!(
        nights.outages(),
        [at("06T23:55:00", "07T00:00:00", 300, false), at("07T00:00:00", "07T00:10:00", 600, true)]
    );
    nights.adds_up();
    nights.verify();
}

#[test]
fn a_slot_of_a_sealed_day_is_explained_and_shown_as_its_seal_has_left_it() {
    let mut nights = Nights::new();
    nights.definition = [10, 8, 15];
    nights.day(6, &[(1_439..1_440, Bad)]);
    nights.day(7, &[(0..10, Refused)]);
    nights.day(8, &[]);
    nights.day(9, &[]);
    for day in [6, 7, 8, 9] {
        nights.night(day);
    }
    let before = nights.sealed();
    // Two failures are a disturbance by themselves, and the first minute of an outage with those behind them.
    nights.row("to_downtime", Span { day: 7, from: 0, to: 10 }, "2026-11-08T09:00Z");
    nights.again(9, 7);
    assert_eq!((nights.sealed(), nights.counted(7)), (before, 10));
    let rows = nights.table("restatements");
    let beside = rows.iter().find(|row| row["is_adjusting"] == "true" && is_headline(row)).unwrap();
    let deltas = ["slots_down_delta", "slots_counted_delta", "slots_degraded_delta"];
    assert_eq!(deltas.map(|column| number(beside, column)), [1, 1, -1]);
    let out = nights.reports();
    let explain = |at: &str| {
        let ran = job::job(["explain", "--at", at, "--json", "--out", out.to_str().unwrap()]).expect(0);
        let slot = ran.json();
        (slot["state"].as_str().unwrap().to_owned(), slot["run"]["is_counted"].as_bool())
    };
    assert_eq!(explain("2026-11-06T23:59Z"), ("degraded".to_owned(), None));
    assert_eq!(explain("2026-11-07T00:05Z"), ("down".to_owned(), Some(true)));
    assert_eq!(
        nights.outages(),
        [("2026-11-07T00:00:00Z".to_owned(), "2026-11-07T00:10:00Z".to_owned(), 600, true)]
    );
    nights.adds_up();
    nights.verify();
}

#[test]
fn another_definition_or_policy_moves_nothing_of_a_sealed_day() {
    let mut nights = Nights::new();
    nights.day(6, &[(1_425..1_430, Refused), (1_430..1_435, Bad)]);
    nights.day(7, &[(0..3, Bad)]);
    nights.day(8, &[]);
    nights.day(9, &[]);
    for day in [6, 7, 8, 9] {
        nights.night(day);
    }
    let before = nights.sealed();
    (nights.definition, nights.is_strict) = ([5, 2, 0], true);
    nights.day(10, &[]);
    nights.night(10);
    assert_eq!(nights.sealed().len(), 2 * before.len());
    assert_eq!((nights.counted(6), nights.adjusting()), (0, Vec::new()));

    // Rows that come late are booked by the policy and the definition that the day was sealed with.
    nights.log(6, "-late", [(700, Bad), (1_432, Bad)]);
    nights.again(10, 6);
    assert!(before.iter().all(|(key, row)| nights.sealed().get(key) == Some(row)));
    assert_eq!((nights.counted(6), nights.month()[1] - nights.month()[0]), (0, 0));
    let rows = nights.table("restatements");
    let late = rows.iter().find(|row| row["is_adjusting"] == "true" && is_headline(row)).unwrap();
    assert_eq!((number(late, "events_bad_delta"), number(late, "events_user_delta")), (4, 0));
    assert_eq!(late["cause"], "logs");
    nights.adds_up();
    nights.verify();
}

const WEBHOOKS: &str = r#"
    [webhooks]
    retry_days = 1
    [[source]]
    name = "hooks"
    log = "webhooks"
    paths = "webhooks/{date}*.ndjson"
"#;

impl Nights {
    /// Logs of a day that admits a message every half hour, each of which is delivered, and one at 23:55.
    fn messages(&self, day: u32, is_coded: bool) {
        let mut calls =
            "ts,request_id,business_id,region,endpoint,http_status,error_code,message_id\n".to_owned();
        let mut told = String::new();
        for minute in (0..1_440).filter(|minute| minute % 30 == 0 || *minute == 1_435) {
            let (hour, minute) = (minute / 60, minute % 60);
            let id = format!("{day}-{hour}-{minute}");
            writeln!(calls, "2026-11-{day:02}T{hour:02}:{minute:02}:01Z,{id},b1,eu,/1/messages,200,,{id}")
                .unwrap();
            if minute != 55 {
                told += &status(day, &format!("{hour:02}:{minute:02}:20"), &id);
            }
        }
        if is_coded {
            writeln!(calls, "2026-11-{day:02}T12:10:01Z,odd,b1,eu,/1/messages,400,199999,").unwrap();
        }
        fs::create_dir_all(self.path("webhooks")).unwrap();
        fs::write(self.path(&format!("logs/2026-11-{day:02}.csv")), calls).unwrap();
        fs::write(self.path(&format!("webhooks/2026-11-{day:02}.ndjson")), told).unwrap();
    }

    /// Events of the component on a day, by column.
    fn events(&self, day: u32, columns: [&str; 3]) -> [i64; 3] {
        let (date, rows) = (date(day), self.table("availability"));
        let row = rows.iter().find(|row| row["day"] == date && is_headline(row) && row["region"] == "*");
        columns.map(|column| number(row.unwrap(), column))
    }
}

/// A status of a message, logged when it was sent.
fn status(day: u32, time: &str, message: &str) -> String {
    format!(
        r#"{{"ts":"2026-11-{day:02}T{time}Z","webhook_id":"w{message}","service":"messages","region":"eu","message_id":"{message}","status":"delivered","outcome":"http","http_status":200}}"#
    ) + "\n"
}

#[test]
fn what_is_pending_ends_with_the_window_also_where_the_logs_are_gone_or_something_is_in_suspense() {
    for (is_coded, state) in [(false, "sealed"), (true, "provisional")] {
        let mut nights = Nights::new();
        nights.config = WEBHOOKS;
        nights.messages(6, is_coded);
        nights.night(6);
        let events = || nights.events(6, ["events_pending", "events_unknown", "events_suspense"]);
        assert_eq!(events(), [1, 0, i64::from(is_coded)]);
        fs::remove_dir_all(nights.path("logs")).unwrap();
        fs::remove_dir_all(nights.path("webhooks")).unwrap();
        // Rows of a later day show that the window has passed. Nothing of it is pending again in the nights after.
        for night in 7..11 {
            if night == 9 {
                fs::create_dir_all(nights.path("logs")).unwrap();
                nights.messages(9, false);
            }
            nights.night(night);
            let is_over = night >= 9;
            assert_eq!(events(), [i64::from(!is_over), i64::from(is_over), i64::from(is_coded)], "{night}");
            let rows = nights.table("availability");
            let now = rows.iter().find(|row| row["day"] == "2026-11-06").unwrap();
            assert!(night != 9 || now["state"] == state, "{now:#?}");
        }
        let windows = nights.table("restatements").into_iter().filter(|row| row["cause"] == "window");
        assert!(windows.count() > 0);
        nights.verify();
    }
}

#[test]
fn a_webhook_log_that_comes_after_the_seal_is_an_adjusting_entry_of_the_day_before() {
    let mut nights = Nights::new();
    nights.config = WEBHOOKS;
    // That a message was missed shows late, and gives its day more time.
    for day in 6..11 {
        nights.messages(day, false);
        nights.night(day);
    }
    let events = || nights.events(6, ["events_good", "events_bad", "events_pending"]);
    assert_eq!(events(), [96, 1, 0]);
    // Messages and their notifications. The status was told in time, and is found in a log of the next day.
    fs::write(nights.path("webhooks/2026-11-07-late.ndjson"), status(7, "00:03:00", "6-23-55")).unwrap();
    nights.again(10, 7);
    assert_eq!(events(), [96, 1, 0]);
    let rows = nights.table("restatements");
    let row = rows.iter().find(|row| row["is_adjusting"] == "true" && is_headline(row)).unwrap();
    let deltas = ["events_good_delta", "events_bad_delta"].map(|column| number(row, column));
    assert_eq!((&*row["day"], &*row["cause"], deltas), ("2026-11-06", "webhooks", [1, -1]));
    nights.adds_up();
    let before = job::files(&nights.reports());
    nights.again(10, 7);
    assert!(before == job::files(&nights.reports()), "a run with nothing new changes nothing");
    nights.verify();
}

#[test]
fn a_table_that_is_lost_or_changed_is_named() {
    let nights = Nights::new();
    nights.day(6, &[(0..15, Bad)]);
    nights.day(7, &[]);
    nights.day(8, &[]);
    nights.day(9, &[]);
    for day in [6, 7, 8, 9] {
        nights.night(day);
    }
    let seals = job::paths(&nights.reports().join("ledger/seals"));
    assert_eq!(seals.len(), 1);
    let text = fs::read_to_string(&seals[0]).unwrap();
    let verify = || job::job(["verify", "--out", nights.reports().to_str().unwrap()]);
    fs::write(&seals[0], text.replacen("\"counted\":15", "\"counted\":0", 1)).unwrap();
    verify().expect(1).says(&["seal.json", "its hash is"]);
    fs::remove_file(&seals[0]).unwrap();
    verify().expect(1).says(&["seal.json"]);
    fs::write(&seals[0], text).unwrap();
    nights.verify();
    let stranger = seals[0].with_file_name("more.json");
    fs::write(&stranger, "{}").unwrap();
    verify().expect(1).says(&["more.json"]);
}

/// What happens between two nights.
#[derive(Debug, Clone)]
pub enum Act {
    /// Rows of a day that were not in its logs before.
    Late(Span, Minute),
    /// The log of a day is gone.
    Gone(u32),
    Definition([u32; 3]),
    Policy,
    Row(&'static str, Span),
    Withdraw,
}

impl Nights {
    /// Lets it happen before the night after a day, if it can. Returns the day whose logs have changed.
    pub fn act(&mut self, act: &Act, night: u32) -> Option<u32> {
        match act {
            Act::Late(span, what) if span.day <= night => {
                self.files += 1;
                let minutes = (span.from..span.to).map(|minute| (minute, *what));
                self.log(span.day, &format!("-{}", self.files), minutes);
                return Some(span.day);
            }
            Act::Gone(day) if *day < night => {
                // It may be gone already.
                let _ = fs::remove_file(self.path(&format!("logs/{}.csv", date(*day))));
                return Some(*day);
            }
            Act::Definition(definition) => self.definition = *definition,
            Act::Policy => self.is_strict = !self.is_strict,
            Act::Row(direction, span) if span.day <= night => {
                self.row(direction, *span, &format!("{}T01:00Z", date(night + 1)));
            }
            Act::Withdraw => _ = self.rows.pop(),
            Act::Late(..) | Act::Gone(_) | Act::Row(..) => {}
        }
        None
    }

    /// The log of a whole day: refused and bad minutes at its beginning, and at its end.
    pub fn edges(&self, day: u32, edges: [u32; 4]) {
        let [bad, refused, bad_then, refused_then] = edges;
        let end = 1_440 - bad_then;
        self.day(
            day,
            &[
                (0..bad, Bad),
                (bad..bad + refused, Refused),
                (end - refused_then..end, Refused),
                (end..1_440, Bad),
            ],
        );
    }
}

const FIRST: u32 = 2;
const DAYS: u32 = 5;

/// A stretch beside a midnight of one of three days.
fn span(first: u32) -> impl Strategy<Value = Span> {
    (first..first + 3, any::<bool>(), 0..12_u32, 1..10_u32).prop_map(|(day, is_end, from, length)| {
        if is_end {
            Span { day, from: 1_440 - from - length, to: 1_440 - from }
        } else {
            Span { day, from, to: from + length }
        }
    })
}

/// Something that happens to days that begin with the first one.
pub fn act(first: u32) -> impl Strategy<Value = Act> {
    let minute = prop::sample::select(vec![Bad, Bad, Refused, Good]);
    let direction = prop::sample::select(vec!["to_uptime", "to_downtime", "to_downtime"]);
    let definition = prop::sample::select(vec![[10, 2, 15], [5, 2, 15], [10, 8, 0], [3, 2, 3]]);
    prop_oneof![
        4 => (span(first), minute).prop_map(|(span, what)| Act::Late(span, what)),
        1 => (first..first + DAYS).prop_map(Act::Gone),
        1 => definition.prop_map(Act::Definition),
        1 => Just(Act::Policy),
        4 => (direction, span(first)).prop_map(|(direction, span)| Act::Row(direction, span)),
        1 => Just(Act::Withdraw),
    ]
}

/// The minutes at the beginning of a day that are refused and bad, and those at its end.
pub fn edges() -> impl Strategy<Value = [u32; 4]> {
    [0..7_u32, 0..7_u32, 0..7_u32, 0..7_u32]
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 20, ..given::cases(4) })]
    #[test]
    fn over_any_nights_net_and_adjusting_rows_come_to_adjusted_and_no_sealed_figure_moves(
        logs in prop::collection::vec(edges(), DAYS as usize),
        acts in prop::collection::vec(prop::collection::vec(act(FIRST), 0..4), DAYS as usize + 3),
    ) {
        let mut nights = Nights::new();
        let mut sealed: BTreeMap<[String; 5], Row> = BTreeMap::new();
        for (night, acts) in (FIRST..).zip(&acts) {
            nights.edges(night, logs.get((night - FIRST) as usize).copied().unwrap_or_default());
            let late: Vec<u32> = acts.iter().filter_map(|act| nights.act(act, night)).collect();
            nights.night(night);
            nights.adds_up();
            for day in &late {
                nights.again(night, *day);
            }
            nights.adds_up();
            let now = nights.sealed();
            for (key, row) in &sealed {
                prop_assert_eq!(now.get(key), Some(row));
            }
            sealed = now;
        }
        prop_assert!(!sealed.is_empty());
        let last = FIRST + acts.len() as u32 - 1;
        // A row that was refused for a sealed day is told once.
        nights.again(last, last);
        let before = job::files(&nights.reports());
        nights.again(last, last);
        prop_assert!(before == job::files(&nights.reports()), "a run with nothing new changes nothing");
        nights.verify();
    }
}
