//! Nights: whatever comes between them, and wherever one is killed, the ledger keeps its word.
//!
//! Rows are added, edited, withdrawn and put back; logs come late, are rewritten or gone; settings change; clocks jump. After
//! each night every law of [`Laws::hold`] is tried.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use uptime_ledger::day::Day;
use uptime_ledger::ledger::Ledger;
use uptime_ledger::measure;
use uptime_ledger::queries::reported::{self, around, as_known_now, with_adjustments};

use crate::converge;
use crate::disturb::{self, Call, Traced};
use crate::given;
use crate::job::{self, Ran, Row};
use crate::quarter::{self, Sums};
use crate::seals::{self, Minute, Nights, Span, date};

const FIRST: u32 = 27;
const DAYS: u32 = 5;

/// What happens before a night.
#[derive(Debug, Clone)]
enum Act {
    Seals(seals::Act),
    /// The log of a day is written anew.
    Rewritten(u32, [u32; 4]),
    /// One of the rows has another approver from now on: it is another row with the same id.
    Edited(usize),
    /// One of the rows has another note: it is the same row.
    Noted(usize),
    Taken(usize),
    /// The row that was taken last is back, as it was.
    PutBack,
    /// Logs are read as those of another place.
    Vantage,
    Review([u32; 2]),
    Limit(u32),
    /// Two persons acknowledge everything that stands open.
    Agreed,
}

/// What the clock does in a night.
#[derive(Debug, Clone, Copy)]
enum Tick {
    Steady,
    /// Minutes: another run goes by a clock that was set right.
    Back(u32),
    /// Minutes before the last line: refused.
    BackTooFar(u32),
    /// Days: refused, because nothing came for so long.
    AheadTooFar(u32),
    /// Days that the clock is ahead in one run, and is believed.
    Ahead(u32),
    /// Days without a run before the night; two persons say that the clock is right.
    Silence(u32),
}

#[derive(Debug, Clone)]
struct Night {
    acts: Vec<Act>,
    tick: Tick,
    /// The run is killed at this millionth of its calls.
    kill: Option<usize>,
}

const ACKED: [&str; 6] = ["--author", "ann", "--approver", "bob", "--reason", "it was looked into"];

/// What the ledger has shown so far, and what may have changed it since.
#[derive(Default)]
struct Laws {
    first: Sums,
    sealed: BTreeMap<[String; 5], Row>,
    /// Outages of sealed days, as far as they lie in them.
    outages: BTreeMap<String, BTreeSet<[String; 6]>>,
    /// Tables and pages of sealed days.
    files: BTreeMap<PathBuf, Vec<u8>>,
    restated: BTreeMap<Vec<String>, usize>,
    /// Rows that were applied once, by fingerprint.
    applied: BTreeSet<String>,
    causes: BTreeSet<&'static str>,
    /// All causes so far: an edition names everything that differs from the edition before it.
    earlier: BTreeSet<&'static str>,
    has_rows: bool,
    /// Logs were to be read in another way from some night on; each day is when it is read again.
    is_read_otherwise: bool,
}

impl Laws {
    /// Notes what an act may change.
    fn expect(&mut self, act: &Act) {
        let causes: &[&str] = match act {
            Act::Seals(seals::Act::Late(..)) => &["logs"],
            Act::Seals(seals::Act::Gone(_)) => &[],
            Act::Seals(seals::Act::Definition(_)) => &["definition"],
            Act::Seals(seals::Act::Policy) => &["policy"],
            Act::Seals(seals::Act::Row(..) | seals::Act::Withdraw) => &["overrides"],
            Act::Rewritten(..) => &["logs", "logs-removed"],
            Act::Edited(_) | Act::Taken(_) | Act::PutBack => &["overrides"],
            Act::Vantage => &["config"],
            Act::Agreed => &["logs-removed", "overrides"],
            Act::Noted(_) | Act::Review(_) | Act::Limit(_) => &[],
        };
        self.causes.extend(causes);
        self.is_read_otherwise |= matches!(act, Act::Vantage);
        if self.is_read_otherwise {
            self.causes.insert("config");
        }
        self.has_rows |= matches!(act, Act::Seals(seals::Act::Row(..)));
        if self.has_rows && !self.causes.is_empty() {
            // What a row moves goes by what is there to move.
            self.causes.insert("overrides");
        }
    }

    /// Every promise of the ledger, after a run.
    fn hold(&mut self, nights: &Nights, when: &str) {
        let reports = nights.reports();
        for (key, numbers) in quarter::shown(&reports) {
            self.first.entry(key).or_insert(numbers);
        }
        nights.adds_up();
        days_add_up(&reports, when);
        quarter::assert_adds_up(&self.first, &reports, when);
        self.nothing_sealed_moves(nights, when);
        self.changes_have_causes(nights, when);
        for row in nights.table("overrides") {
            let fingerprint = row["fingerprint"].clone();
            if row["status"] == "applied" {
                self.applied.insert(fingerprint);
            } else {
                assert!(
                    row["status"] != "refused" || !self.applied.contains(&fingerprint),
                    "{when}: {row:#?}"
                );
            }
        }
        nights.verify();
    }

    fn nothing_sealed_moves(&mut self, nights: &Nights, when: &str) {
        let now = nights.sealed();
        for (key, row) in &self.sealed {
            assert_eq!(now.get(key), Some(row), "{when}");
        }
        let days: BTreeSet<String> = now.keys().map(|[day, ..]| day.clone()).collect();
        self.sealed = now;
        let outages = nights.table("outages");
        let mut files = BTreeMap::new();
        for day in days {
            let parts = parts_of(&outages, &day);
            let before = self.outages.entry(day.clone()).or_insert_with(|| parts.clone());
            assert_eq!(parts, *before, "{when}: outages of {day}");
            let folder = nights.reports().join("daily").join(&day);
            files.extend(
                job::files(&folder).into_iter().map(|(path, bytes)| (Path::new(&day).join(path), bytes)),
            );
        }
        for (path, bytes) in &self.files {
            let found = files.get(path).map(|bytes| String::from_utf8_lossy(bytes));
            let is_same = files.get(path) == Some(bytes);
            assert!(
                is_same,
                "{when}: {} was\n{}\nis\n{found:?}",
                path.display(),
                String::from_utf8_lossy(bytes)
            );
        }
        self.files = files;
    }

    /// Changes that were not told before, by what happened since.
    fn changes_have_causes(&mut self, nights: &Nights, when: &str) {
        let mut counts: BTreeMap<Vec<String>, usize> = BTreeMap::new();
        for mut row in nights.table("restatements") {
            // Once a clock was set right, its instants are others.
            row.remove("published_at");
            let key: Vec<String> = row.values().cloned().collect();
            let count = counts.entry(key.clone()).or_default();
            *count += 1;
            if *count <= self.restated.get(&key).copied().unwrap_or_default() {
                continue;
            }
            let causes: Vec<&str> = row["cause"].split(' ').collect();
            let is_now = |cause: &&str| *cause == "neighbour" || self.causes.contains(cause);
            let is_known = |cause: &&str| is_now(cause) || self.earlier.contains(cause);
            assert!(
                causes.iter().any(is_now) && causes.iter().all(is_known),
                "{when}: {:?}\n{row:#?}",
                self.causes
            );
        }
        for (key, before) in &self.restated {
            assert!(counts.get(key).is_some_and(|now| now >= before), "{when}: no longer told: {key:?}");
        }
        self.restated = counts;
    }
}

/// Outages of a day, each as far as it lies in the day: scope, start, end, and whether it counts.
fn parts_of(outages: &[Row], day: &str) -> BTreeSet<[String; 6]> {
    let (start, end) = (format!("{day}T00:00:00Z"), format!("{day}T24:00:00Z"));
    let is_in = |row: &&Row| row["start"] < end && row["end"] > start;
    let part = |row: &Row| {
        let [kind, scope, region] = ["scope_kind", "scope", "region"].map(|column| row[column].clone());
        let (from, to) = (row["start"].clone().max(start.clone()), row["end"].clone().min(end.clone()));
        [kind, scope, region, from, to, row["is_counted"].clone()]
    };
    outages.iter().filter(is_in).map(part).collect()
}

/// Net and adjusting rows of each day come to what is measured anew of the whole ledger.
fn days_add_up(reports: &Path, when: &str) {
    let ledger = Ledger::open(reports).unwrap();
    let editions = with_adjustments(&ledger);
    let days: BTreeSet<Day> = editions.keys().copied().collect();
    let config = ledger.record().settings.as_ref().unwrap().config();
    let outlines = as_known_now(around(&ledger, &editions, &days).unwrap());
    let measured = measure::draw(&outlines, &config);
    let mut beside = quarter::changes(&job::table(reports, "restatements"), "true");
    let net = quarter::shown(reports);
    for figure in measured.days.iter().filter_map(|figure| reported::reported(figure, true)) {
        let key =
            [figure.day.to_string(), figure.scope_kind.name().to_owned(), figure.scope, figure.definition];
        let net = net.get(&key).unwrap_or_else(|| panic!("{when}: {key:?} is not shown"));
        let beside = beside.remove(&key).unwrap_or_default();
        let sum: Vec<i64> = net.iter().zip(beside).map(|(net, beside)| net + beside).collect();
        // The order of the columns, but for doubtful slots.
        let measured = [&figure.slots[..4], &figure.events].concat();
        assert_eq!(sum, measured, "{when}: net and adjusting rows of {key:?}");
    }
    assert!(beside.values().all(|deltas| *deltas == [0; 11]), "{when}: {beside:?}");
}

impl Act {
    fn happen(&self, nights: &mut Nights, taken: &mut Vec<String>, night: u32) -> Option<u32> {
        let at = |n: usize, rows: &[String]| (!rows.is_empty()).then(|| n % rows.len());
        let edit = |rows: &mut Vec<String>, n: usize, from: &str, to: &str| {
            if let Some(at) = at(n, rows) {
                rows[at] = rows[at].replacen(from, to, 1);
            }
        };
        match self {
            Self::Seals(act) => return nights.act(act, night),
            Self::Rewritten(day, edges) if *day < night => {
                nights.edges(*day, *edges);
                return Some(*day);
            }
            Self::Edited(n) => edit(&mut nights.rows, *n, ",bob,", ",carol,"),
            Self::Noted(n) => edit(&mut nights.rows, *n, ",\n", ",looked into\n"),
            Self::Taken(n) => {
                if let Some(at) = at(*n, &nights.rows) {
                    taken.push(nights.rows.remove(at));
                }
            }
            Self::PutBack => nights.rows.extend(taken.pop()),
            Self::Vantage => {
                nights.source = if nights.source.is_empty() { "vantage = \"edge_ingress\"" } else { "" };
            }
            Self::Review(review) => nights.review = *review,
            Self::Limit(rows) => nights.min_rows = *rows,
            Self::Rewritten(..) => {}
            Self::Agreed => agree(nights, &instant(night, "02:00:00")),
        }
        None
    }
}

/// An instant of the night after a day.
fn instant(night: u32, time: &str) -> String {
    format!("{}T{time}Z", date(night + 1))
}

fn ask(nights: &Nights, args: &[&str]) -> Ran {
    let reports = nights.reports();
    job::job(args.iter().copied().chain(["--out", reports.to_str().unwrap()]))
}

fn agree(nights: &Nights, at: &str) {
    if !nights.reports().exists() {
        return;
    }
    let standing = ask(nights, &["ack", "--json", "--as-of", at]);
    // After a long silence, the clock comes first.
    let standing = if matches!(standing.code, Some(0 | 3)) { standing.json() } else { return };
    for one in standing.as_array().unwrap() {
        let second: &[&str] =
            if one["is_decision"] == true { &ACKED } else { &["--author", "ann", "--reason", "known"] };
        ask(nights, &[&["ack", one["key"].as_str().unwrap(), "--as-of", at], second].concat()).expect(0);
    }
}

/// A run that the clock forbids; nothing is written.
fn refused(nights: &Nights, at: &str) {
    let before = job::files(&nights.reports());
    let ran = nights.run(at, &[]).expect(1);
    assert!(ran.stderr.contains("ack 'clock'"), "{ran:?}");
    assert!(before == job::files(&nights.reports()), "a refused run wrote something");
}

/// Two persons believe the clock.
fn believed(nights: &Nights, at: &str) {
    refused(nights, at);
    ask(nights, &[&["ack", "clock", "--as-of", at], &ACKED[..]].concat()).expect(0);
}

/// A run at once after another changes nothing.
fn once(nights: &Nights, at: &str, args: &[&str]) {
    let journal = || fs::read_to_string(nights.reports().join("ledger/journal.ndjson")).unwrap();
    let (before, lines) = (disturb::tree(&nights.reports()), journal());
    let ran = nights.run(at, args);
    assert!(matches!(ran.code, Some(0 | 3)), "{ran:?}");
    let few = disturb::differences(&before, &disturb::tree(&nights.reports()));
    let more = journal().split_off(lines.len());
    assert_eq!(few, "", "{at} {args:?}: a run with nothing new changes nothing: {more}");
}

/// Kills the run of a night at one of its calls. A plain run then makes of the ledger what it would have become.
fn killed(nights: &Nights, at: &str, which: impl Fn(&[Call]) -> usize) {
    let [before, whole] = ["before", "whole"].map(|name| nights.path(name));
    let reports = nights.reports();
    let _ = fs::create_dir(&reports);
    disturb::copy(&reports, &before);
    disturb::copy(&reports, &whole);
    nights.write();
    let config = nights.path("uptime-ledger.toml");
    let traced = Traced { config: &config, args: &["--simulate", "--quiet", "--as-of", at] };
    let (status, calls) = traced.calls(&whole);
    assert!(matches!(status.code(), Some(0 | 3)), "{status:?}");
    let call = &calls[which(&calls)];
    let prepare = || {
        fs::remove_dir_all(&reports).unwrap();
        disturb::copy(&before, &reports);
    };
    traced.kill(call, &reports, prepare).unwrap();
    let ran = nights.run(at, &[]);
    assert!(matches!(ran.code, Some(0 | 3)), "killed at {call:?}: {ran:?}");
    let few = disturb::differences(&disturb::tree(&whole), &disturb::tree(&reports));
    if !few.is_empty() {
        // The journal may tell of it in other lines; what is shown and what stands open is the same.
        let [want, found] =
            [&whole, &reports].map(|folder| (converge::reports(folder), standing(folder, at)));
        let figures = converge::differences(&want.0, &found.0);
        assert_eq!(figures, "", "killed at {call:?}: {few}: without {:#?}", apart(&whole, &reports));
        assert_eq!(found.1, want.1, "killed at {call:?}: {:#?}", apart(&whole, &reports));
    }
    for folder in [before, whole] {
        fs::remove_dir_all(folder).unwrap();
    }
}

/// Keys of what stands open.
fn standing(reports: &Path, at: &str) -> Vec<String> {
    let args = ["ack", "--json", "--as-of", at, "--out", reports.to_str().unwrap()];
    let standing = job::job(args).json();
    standing.as_array().unwrap().iter().map(|one| one["key"].to_string()).collect()
}

/// Lines of one journal that the other lacks, each way.
fn apart(one: &Path, other: &Path) -> [Vec<String>; 2] {
    let lines = |folder: &Path| -> Vec<String> {
        let text = fs::read_to_string(folder.join("ledger/journal.ndjson")).unwrap();
        text.lines().map(|line| line.split("\"entry\":").nth(1).unwrap().to_owned()).collect()
    };
    let (one, other) = (lines(one), lines(other));
    let only = |some: &[String], others: &[String]| -> Vec<String> {
        some.iter().filter(|line| !others.contains(line)).cloned().collect()
    };
    [only(&one, &other), only(&other, &one)]
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let n = || 0..8_usize;
    let review = prop::sample::select(vec![[2, 4], [1, 0], [3, 24], [2, 24]]);
    let act = prop_oneof![
        10 => seals::act(FIRST).prop_map(Act::Seals),
        1 => (FIRST..FIRST + DAYS, seals::edges()).prop_map(|(day, edges)| Act::Rewritten(day, edges)),
        1 => n().prop_map(Act::Edited),
        1 => n().prop_map(Act::Noted),
        2 => n().prop_map(Act::Taken),
        2 => Just(Act::PutBack),
        1 => Just(Act::Vantage),
        1 => review.prop_map(Act::Review),
        1 => (1..4_u32).prop_map(Act::Limit),
        2 => Just(Act::Agreed),
    ];
    prop::collection::vec(act, 0..5)
}

fn night() -> impl Strategy<Value = Night> {
    let tick = prop_oneof![
        10 => Just(Tick::Steady),
        2 => (1..6_u32).prop_map(Tick::Back),
        1 => (6..3_000_u32).prop_map(Tick::BackTooFar),
        1 => (36..90_u32).prop_map(Tick::AheadTooFar),
        1 => (1..35_u32).prop_map(Tick::Ahead),
        1 => (36..50_u32).prop_map(Tick::Silence),
    ];
    let kill = prop_oneof![3 => Just(None), 1 => (0..1_000_000_usize).prop_map(Some)];
    (acts(), tick, kill).prop_map(|(acts, tick, kill)| Night { acts, tick, kill })
}

/// Lets the nights come, and tries every law after each.
fn pass(logs: &[[u32; 4]], plan: &[Night], can_kill: bool) {
    let (mut nights, mut laws, mut taken) = (Nights::new(), Laws::default(), Vec::new());
    let mut night = FIRST - 1;
    let mut is_first = true;
    let mut was_ahead = false;
    for (n, Night { acts, tick, kill }) in plan.iter().enumerate() {
        night += 1;
        let at = |night: u32| instant(night, "03:00:00");
        if let (Tick::Silence(days), false) = (tick, is_first) {
            night += days;
            believed(&nights, &at(night));
        }
        nights.edges(night, logs.get(n).copied().unwrap_or_default());
        laws.earlier.append(&mut laws.causes);
        laws.causes.extend(laws.is_read_otherwise.then_some("config"));
        if was_ahead {
            // Days that had not come were published without rows.
            laws.causes.insert("logs");
        }
        let mut late = BTreeSet::new();
        for act in acts {
            laws.expect(act);
            late.extend(act.happen(&mut nights, &mut taken, night));
        }
        if !is_first {
            match tick {
                Tick::AheadTooFar(days) => refused(&nights, &at(night + days)),
                Tick::Ahead(days) => {
                    was_ahead = true;
                    laws.causes.insert("logs");
                    let ran = nights.run(&at(night + days), &[]);
                    assert!(matches!(ran.code, Some(0 | 3)), "{ran:?}");
                    laws.hold(&nights, &format!("ahead after {}", date(night)));
                    believed(&nights, &at(night));
                }
                _ => {}
            }
        }
        let when = format!("after {}", date(night));
        match kill {
            Some(millionth) if can_kill => {
                killed(&nights, &at(night), |calls| millionth * calls.len() / 1_000_000);
            }
            _ => nights.night(night),
        }
        laws.hold(&nights, &when);
        once(&nights, &at(night), &[]);
        match tick {
            Tick::Back(minutes) => once(&nights, &instant(night, &format!("02:{:02}:00", 60 - minutes)), &[]),
            Tick::BackTooFar(minutes) => {
                let (day, minutes) = (night - minutes / 1_440, minutes % 1_440);
                let minute = 180_i64 - i64::from(minutes);
                let (day, minute) = if minute < 0 { (day - 1, minute + 1_440) } else { (day, minute) };
                refused(&nights, &instant(day, &format!("{:02}:{:02}:00", minute / 60, minute % 60)));
            }
            _ => {}
        }
        // Daybooks of days before a long silence are pruned. A day that is read again without those beside it expects other
        // files, run after run.
        late.retain(|day| day + 7 >= night);
        for day in &late {
            nights.again(night, *day);
        }
        if let Some(day) = late.last() {
            laws.hold(&nights, &format!("again {when}"));
            once(&nights, &instant(night, "03:30:00"), &["--date", &date(*day)]);
        }
        is_first = false;
    }
}

#[test]
fn a_row_that_is_refused_for_a_sealed_day_is_told_until_that_day_ends() {
    let mut nights = Nights::new();
    for night in FIRST..FIRST + 5 {
        nights.edges(night, [4, 0, 0, 0]);
        if night == FIRST + 4 {
            nights.act(&seals::Act::Row("to_uptime", Span { day: FIRST, from: 0, to: 4 }), night);
        }
        nights.night(night);
    }
    let reports = nights.reports();
    let keys = |night, time| standing(&reports, &instant(night, time));
    assert_eq!(keys(FIRST + 4, "03:00:00"), ["\"override-refused:r0\""]);
    once(&nights, &instant(FIRST + 4, "03:00:00"), &[]);
    // Edited, it is another row under the same key, and is refused again.
    nights.edges(FIRST + 5, [0; 4]);
    nights.rows[0] = nights.rows[0].replace(",bob,", ",carol,");
    nights.night(FIRST + 5);
    assert_eq!(keys(FIRST + 5, "03:00:00"), ["\"override-refused:r0\""]);
    once(&nights, &instant(FIRST + 5, "03:00:00"), &[]);
    nights.edges(FIRST + 6, [0; 4]);
    nights.night(FIRST + 6);
    assert_eq!(keys(FIRST + 6, "03:00:00"), [""; 0]);
    once(&nights, &instant(FIRST + 6, "03:00:00"), &[]);
}

#[test]
fn a_log_with_as_many_other_rows_is_named_as_logs() {
    let nights = Nights::new();
    nights.edges(FIRST, [4, 0, 0, 6]);
    nights.night(FIRST);
    nights.edges(FIRST, [1, 0, 0, 4]);
    nights.edges(FIRST + 1, [0; 4]);
    nights.night(FIRST + 1);
    let causes: BTreeSet<String> =
        nights.table("restatements").into_iter().map(|row| row["cause"].clone()).collect();
    assert_eq!(causes, ["logs".to_owned()].into());
}

/// With a short window, daybooks that show which files and columns to expect are older than any that can settle a day.
#[test]
fn daybooks_that_an_open_day_was_booked_from_are_kept() {
    let mut nights = Nights::new();
    nights.config = "[webhooks]\nretry_days = 1";
    for night in FIRST..FIRST + 11 {
        nights.edges(night, [0; 4]);
        nights.night(night);
    }
    once(&nights, &instant(FIRST + 10, "03:00:00"), &[]);
    let journal = fs::read_to_string(nights.reports().join("ledger/journal.ndjson")).unwrap();
    assert!(journal.contains(r#""kind":"pruned""#), "no daybook was old enough");
}

/// At its last line a run tells what it has found.
#[test]
fn what_a_killed_run_could_not_tell_is_told_by_the_next_one() {
    if !disturb::can_disturb() {
        return;
    }
    let mut nights = Nights::new();
    let last_line = |calls: &[Call]| {
        let is_journal = |call: &Call| call.name == "write" && call.target == "ledger/journal.ndjson";
        calls.iter().rposition(is_journal).unwrap()
    };
    for night in FIRST..FIRST + 6 {
        nights.edges(night, [4, 0, 0, 0]);
        if night < FIRST + 2 {
            nights.act(&seals::Act::Late(Span { day: night, from: 30, to: 35 }, Minute::Good), night);
        }
        if night == FIRST + 4 {
            nights.act(&seals::Act::Row("to_uptime", Span { day: FIRST, from: 0, to: 4 }), night);
        }
        if night == FIRST + 5 {
            nights.edges(night - 1, [9, 0, 0, 0]);
        }
        if night < FIRST + 2 {
            nights.night(night);
        } else {
            killed(&nights, &instant(night, "03:00:00"), last_line);
        }
    }
}

proptest! {
    #![proptest_config(given::cases(2))]
    #[test]
    fn over_any_nights_the_ledger_keeps_its_word(
        logs in prop::collection::vec(seals::edges(), DAYS as usize),
        plan in prop::collection::vec(night(), DAYS as usize + 3),
    ) {
        pass(&logs, &plan, disturb::can_disturb());
    }
}
