//! Quarter: 92 nights of the daily job, through the binary. Logs come late, reviewers write rows and take them back, the
//! policy changes half-way, and three runs are killed. In the end the changes that were told come to the figures that
//! are shown, to the row, and a ledger made anew from the same files shows the same of every day that is still open.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{Days, NaiveDate};

use crate::converge;
use crate::job::{self, Ran, table};

const NIGHTS: u64 = 92;
/// The day whose night is the first one under the other policy.
const CHANGE: u64 = 46;
/// Days whose nights are killed: while the journal grows, at its last line, and before the first report is in place.
const KILLED: [(u64, Kill); 3] = [(20, Kill::FirstLine), (47, Kill::LastLine), (75, Kill::Reports)];

const CONFIG: &str = r#"
    salt = "a pinch of salt for tests"
    slot = "5m"
    policy = "policy.toml"
    regions = ["eu", "us"]

    [[source]]
    name = "requests"
    paths = ["logs/requests-{date}*.ndjson"]

    [[source]]
    name = "webhooks"
    log = "webhooks"
    paths = ["logs/webhooks-{date}*.ndjson"]

    [[service]]
    name = "messages"

    [[service]]
    name = "media"

    [[component]]
    name = "Cloud API"
    services = ["messages", "media"]
    target_percent = 99.9

    [definition]
    min_events = 2

    [limits]
    coverage_percent = 0

    [overrides]
    path = "overrides.csv"

    # Nothing here looks at pages.
    [outputs]
    formats = []
"#;

/// What the policy says from some day on: what was the caller's is the platform's.
const RULE: &str = r#"
[[rule]]
id = "limit-that-nobody-was-told-of"
when = { error_code = 131048 }
account = "bad:platform:error"
because = "A limit that nobody was told of is the platform's own fault."
cites = ["R6"]
"#;

const HEADER: &str = "id,direction,start,end,service,region,business_id,error_code,account,reason,ticket,author,approver,created_at,note\n";

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kill {
    FirstLine,
    LastLine,
    Reports,
}

/// A file that is shipped on some day.
struct Shipment {
    at: u64,
    name: String,
    text: String,
}

/// A row of the override file, from the night of one day on until that of another.
struct Correction {
    from: u64,
    until: u64,
    text: String,
}

/// Numbers that look like chance and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

fn day(at: u64) -> String {
    NaiveDate::from_ymd_opt(2026, 10, 1).unwrap().checked_add_days(Days::new(at)).unwrap().to_string()
}

/// The clock of the night after a day.
fn clock(at: u64, time: &str) -> String {
    format!("{}T{time}Z", day(at + 1))
}

fn call(at: u64, minute: u64, id: &str, rest: &str) -> String {
    let ts = format!("{}T{:02}:{:02}:07Z", day(at), minute / 60, minute % 60);
    format!(r#"{{"ts":"{ts}","request_id":"{at}-{minute}-{id}","business_id":"b{id}",{rest}}}"#) + "\n"
}

/// A status that is told some days after its message was admitted.
fn status(at: u64, after: u64, minute: u64, message: &str, word: &str) -> String {
    let ts = format!("{}T{:02}:{:02}:20Z", day(at + after), minute / 60, minute % 60);
    format!(
        r#"{{"ts":"{ts}","webhook_id":"{message}-{word}","service":"messages","region":"eu","message_id":"{message}","status":"{word}","outcome":"http","http_status":200}}"#
    ) + "\n"
}

/// The story of the quarter.
#[derive(Default)]
struct Script {
    shipments: Vec<Shipment>,
    corrections: Vec<Correction>,
}

impl Script {
    fn new() -> Self {
        let mut script = Self::default();
        let mut told: BTreeMap<u64, String> = BTreeMap::new();
        for at in 0..NIGHTS {
            script.requests(at);
            script.messages(at, &mut told);
        }
        for (at, text) in told.into_iter().filter(|(at, _)| *at < NIGHTS) {
            // Some webhook logs are shipped two days late.
            let late = if Dice(at * 77 + 5).one_in(15) { 2 } else { 0 };
            script.ship(at + late, format!("webhooks-{}.ndjson", day(at)), text);
        }
        script
    }

    fn ship(&mut self, at: u64, name: String, text: String) {
        self.shipments.push(Shipment { at, name, text });
    }

    /// The calls of a day, and what reviewers say of them.
    fn requests(&mut self, at: u64) {
        let mut dice = Dice(at * 1_000 + 17);
        let [mut text, mut late] = [String::new(), String::new()];
        for minute in (0..1_440).step_by(60) {
            for region in ["eu", "us"] {
                let good = format!(r#""service":"media","region":"{region}","http_status":200"#);
                text += &call(at, minute, &format!("g{region}"), &good);
            }
        }
        let failed = |minute: u64, id: &str, code: u32, status: u32| {
            let rest =
                format!(r#""service":"media","region":"us","http_status":{status},"error_code":{code}"#);
            call(at, minute, id, &rest)
        };
        // An outage; every fifth reaches over midnight.
        let slots = 1 + dice.below(6);
        let start = if at.is_multiple_of(5) { 1_440 - 5 * slots } else { 300 + 5 * dice.below(60) };
        let comes_late = dice.one_in(3);
        for minute in (start..start + 5 * slots).step_by(5) {
            for id in ["x", "y"] {
                let which = if comes_late { &mut late } else { &mut text };
                *which += &failed(minute, id, 131_016, 503);
            }
        }
        if at % 5 == 1 {
            for minute in [0, 5] {
                text += &failed(minute, "z", 131_016, 503);
                text += &failed(minute, "w", 131_016, 503);
            }
        }
        // Callers whose tokens are refused, and callers who meet a limit.
        for minute in [900, 905, 910] {
            (0..3).for_each(|id| text += &failed(minute, &format!("a{id}"), 190, 401));
        }
        for minute in [1_000, 1_005, 1_010] {
            (0..2).for_each(|id| text += &failed(minute, &format!("t{id}"), 131_048, 429));
        }
        self.ship(at, format!("requests-{}.ndjson", day(at)), text);
        if comes_late {
            let after = 1 + dice.below(6);
            self.ship(at + after, format!("requests-{}-late.ndjson", day(at)), late);
        }
        if dice.one_in(3) {
            let shorter = 5 * dice.below(slots);
            self.correct(
                at,
                &mut dice,
                ["to_uptime", "131016", "", "caller-misuse"],
                [start, start + 5 * slots - shorter],
            );
        }
        if dice.one_in(4) {
            self.correct(at, &mut dice, ["to_downtime", "190", "user:*", "authorization-fault"], [900, 910]);
        }
    }

    fn correct(&mut self, at: u64, dice: &mut Dice, what: [&str; 4], [start, end]: [u64; 2]) {
        let [direction, code, account, reason] = what;
        // What turns up as downtime may do so after the seal.
        let from = at + 1 + dice.below(if direction == "to_uptime" { 6 } else { 12 });
        let until = if dice.one_in(3) { from + 1 + dice.below(5) } else { u64::MAX };
        let instant =
            |minute: u64| format!("{}T{:02}:{:02}Z", day(at + minute / 1_440), minute / 60 % 24, minute % 60);
        let (id, created_at) = (format!("{direction}-{at}"), clock(from, "00:30:00"));
        let text = format!(
            "{id},{direction},{},{},media,us,,{code},{account},{reason},OPS-{at},ann,bob,{created_at},\n",
            instant(start),
            instant(end)
        );
        self.corrections.push(Correction { from, until, text });
    }

    /// Messages are admitted, and told of at once, days later or never.
    fn messages(&mut self, at: u64, told: &mut BTreeMap<u64, String>) {
        let mut dice = Dice(at * 1_000 + 29);
        let mut text = String::new();
        for minute in (30..1_440).step_by(120) {
            let message = format!("m{at}x{minute}");
            let rest = r#""service":"messages","region":"eu","http_status":200"#;
            text += &call(at, minute, &message, &format!(r#"{rest},"message_id":"{message}""#));
            let mut tell = |after: u64, word: &str| {
                *told.entry(at + after).or_default() += &status(at, after, minute, &message, word);
            };
            match dice.below(12) {
                0 => {}
                1 => tell(2, "delivered"),
                2 => {
                    tell(0, "sent");
                    tell(1 + dice.below(5), "failed");
                }
                3 => {
                    tell(0, "failed");
                    tell(1 + dice.below(6), "delivered");
                }
                _ => tell(0, "delivered"),
            }
        }
        self.ship(at, format!("requests-{}-messages.ndjson", day(at)), text);
    }
}

/// A folder with config, policy, what has been shipped so far, and the ledger that is made of it night by night.
struct Office {
    dir: tempfile::TempDir,
    script: Script,
}

impl Office {
    fn new() -> Self {
        // Memory, where there is such a folder: what takes its time to sync would make this slow.
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let office = Self { dir, script: Script::new() };
        fs::create_dir(office.path("logs")).unwrap();
        fs::write(office.path("uptime-ledger.toml"), CONFIG).unwrap();
        office.policy("");
        office
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn reports(&self) -> PathBuf {
        self.path("reports")
    }

    /// The usual policy, with a rule before all others.
    fn policy(&self, first: &str) {
        let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/policy.toml");
        fs::write(self.path("policy.toml"), first.to_owned() + &fs::read_to_string(usual).unwrap()).unwrap();
    }

    /// What has come by the night of a day: logs, rows, another policy.
    fn receive(&self, at: u64) {
        for shipment in self.script.shipments.iter().filter(|shipment| shipment.at == at) {
            fs::write(self.path("logs").join(&shipment.name), &shipment.text).unwrap();
        }
        let is_there = |c: &&Correction| (c.from..c.until).contains(&at);
        let rows = self.script.corrections.iter().filter(is_there).map(|c| c.text.as_str());
        fs::write(self.path("overrides.csv"), HEADER.to_owned() + &rows.collect::<String>()).unwrap();
        if at == CHANGE {
            self.policy(RULE);
        }
    }

    #[track_caller]
    fn run(&self, out: &Path, args: &[&str]) -> Ran {
        let ran = job::run(&self.path("uptime-ledger.toml"), out, args);
        assert!(matches!(ran.code, Some(0 | 3)), "{args:?}: {ran:?}");
        ran
    }

    fn night(&self, at: u64, time: &str) {
        self.run(&self.reports(), &["--simulate", "--as-of", &clock(at, time), "--quiet"]);
    }

    /// A night that ends early.
    fn killed(&self, at: u64, kill: Kill) {
        // What it would have done.
        let whole = self.path("whole");
        copy(&self.reports(), &whole);
        self.run(&whole, &["--simulate", "--as-of", &clock(at, "03:00:00"), "--quiet"]);
        let length = |reports: &Path| fs::metadata(reports.join("ledger/journal.ndjson")).unwrap().len();
        let [before, after] = [self.reports(), whole.clone()].map(|reports| length(&reports));
        if kill == Kill::Reports {
            fs::remove_dir_all(self.reports().join("ledger")).unwrap();
            copy(&whole.join("ledger"), &self.reports().join("ledger"));
        } else {
            // The system ends a process that writes a file beyond this many blocks: the line that would reach over is torn.
            let blocks = if kill == Kill::FirstLine { before / 512 + 1 } else { (after - 1) / 512 };
            let mut shell = assert_cmd::Command::new("sh");
            shell.args(["-c", &format!("ulimit -c 0; ulimit -f {blocks}; exec \"$0\" \"$@\"")]);
            shell.arg(job::binary()).arg("run").arg("--config").arg(self.path("uptime-ledger.toml"));
            shell.arg("--out").arg(self.reports()).args([
                "--simulate",
                "--as-of",
                &clock(at, "03:00:00"),
                "--quiet",
            ]);
            let ran = job::ran(&mut shell);
            assert_eq!(ran.code, None, "was not killed: {ran:?}");
            let torn = length(&self.reports());
            assert_eq!(
                (torn % 512, torn),
                (0, blocks * 512),
                "the journal was {before} and would be {after}"
            );
        }
        assert_ne!(job::job(["verify".as_ref(), "--out".as_ref(), self.reports().as_os_str()]).code, Some(0));
        fs::remove_dir_all(whole).unwrap();
    }

    fn ask(&self, args: &[&str]) -> Ran {
        let reports = self.reports();
        job::job(args.iter().copied().chain(["--out", reports.to_str().unwrap()])).expect(0)
    }
}

fn copy(from: &Path, to: &Path) {
    for (path, bytes) in job::files(from) {
        fs::create_dir_all(to.join(&path).parent().unwrap()).unwrap();
        fs::write(to.join(path), bytes).unwrap();
    }
}

// What is shown, and what is told of its changes.

pub const COLUMNS: [&str; 11] = [
    "slots_down",
    "slots_counted",
    "slots_degraded",
    "slots_unobserved",
    "events_good",
    "events_bad",
    "events_user",
    "events_excluded",
    "events_pending",
    "events_suspense",
    "events_unknown",
];

pub type Sums = BTreeMap<[String; 4], [i64; 11]>;

pub fn key(row: &job::Row) -> [String; 4] {
    ["day", "scope_kind", "scope", "definition"].map(|column| row[column].clone())
}

pub fn numbers(row: &job::Row, more: &str) -> [i64; 11] {
    COLUMNS.map(|column| row[&format!("{column}{more}")].parse().unwrap())
}

/// Figures of days in all regions, as the reports show them.
pub fn shown(reports: &Path) -> Sums {
    let rows = table(reports, "availability").into_iter().filter(|row| row["region"] == "*");
    rows.map(|row| (key(&row), numbers(&row, ""))).collect()
}

/// Adds up all changes of one kind.
pub fn changes(restated: &[job::Row], is_adjusting: &str) -> Sums {
    let mut sums = Sums::new();
    for row in restated.iter().filter(|row| row["is_adjusting"] == is_adjusting) {
        let sum = sums.entry(key(row)).or_insert([0; 11]);
        sum.iter_mut().zip(numbers(row, "_delta")).for_each(|(sum, delta)| *sum += delta);
    }
    sums
}

/// What was shown first and every change since come to what is shown.
#[track_caller]
pub fn assert_adds_up(first: &Sums, reports: &Path, when: &str) {
    let changes = changes(&table(reports, "restatements"), "false");
    let now = shown(reports);
    assert_eq!(first.keys().collect::<Vec<_>>(), now.keys().collect::<Vec<_>>(), "{when}");
    for (key, now) in &now {
        let change = changes.get(key).copied().unwrap_or_default();
        let sum: Vec<i64> = first[key].iter().zip(change).map(|(first, change)| first + change).collect();
        assert_eq!(sum, now, "{when}: {key:?}, first {:?}, changes {change:?}", first[key]);
    }
    let unknown: Vec<_> = changes.keys().filter(|key| !now.contains_key(*key)).collect();
    assert!(unknown.is_empty(), "{when}: {unknown:?}");
}

/// Adjusting entries come to the difference of the months with them and without.
fn assert_adjusts(reports: &Path) {
    let mut sums: BTreeMap<[String; 4], [i64; 2]> = BTreeMap::new();
    for (key, change) in changes(&table(reports, "restatements"), "true") {
        let [day, kind, scope, definition] = key;
        let sum = sums.entry([day[..7].to_owned(), kind, scope, definition]).or_default();
        *sum = [sum[0] + change[1], sum[1] + change[5]];
    }
    assert!(!sums.is_empty(), "nothing was found out after the seal");
    for row in table(reports, "months").iter().filter(|row| row["region"] == "*") {
        let number = |column: &str| row[column].parse::<i64>().unwrap();
        let key = ["month", "scope_kind", "scope", "definition"].map(|column| row[column].clone());
        let found = ["slots_counted", "events_bad"].map(|c| number(&format!("{c}_adjusted")) - number(c));
        assert_eq!(found, sums.get(&key).copied().unwrap_or_default(), "{key:?}");
    }
}

/// Everything happened that was meant to happen, or nothing would have been shown.
fn assert_eventful(reports: &Path) {
    let restated = table(reports, "restatements");
    let causes: BTreeSet<&str> = restated.iter().flat_map(|row| row["cause"].split(' ')).collect();
    for cause in ["logs", "webhooks", "overrides", "policy"] {
        assert!(causes.contains(cause), "no {cause} in {causes:?}");
    }
    let rows = table(reports, "overrides");
    for (direction, status) in [
        ("to_uptime", "applied"),
        ("to_uptime", "withdrawn"),
        ("to_downtime", "applied"),
        ("to_downtime", "withdrawn"),
    ] {
        let is = |row: &&job::Row| row["direction"] == direction && row["status"] == status;
        assert!(rows.iter().filter(is).count() > 1, "no {direction} row was {status}");
    }
}

/// Of days that are still open a new ledger shows the same as the old one: the same rows, rules and windows hold. Sealed days
/// have kept what was known when they were sealed, under the policy of their time, and a new ledger refuses rows whose
/// window has passed before it first saw them, up to three hours before the day is sealed; how often a day was published,
/// and what files beside its own held, is history and no figure.
fn assert_same_when_made_anew(office: &Office, at: u64) {
    let open: BTreeSet<String> = table(&office.reports(), "availability")
        .into_iter()
        .filter(|row| row["state"] != "sealed" && row["day"] >= day(at - 7))
        .map(|row| row["day"].clone())
        .collect();
    assert_eq!(open.len(), 8, "{open:?}");
    let anew = office.path("anew");
    let (from, to) = (day(0), day(NIGHTS - 1));
    office.run(
        &anew,
        &["--from", &from, "--to", &to, "--simulate", "--as-of", &clock(at, "03:00:00"), "--quiet"],
    );
    let [old, new] = [office.reports(), anew].map(|reports| {
        let mut found: BTreeMap<PathBuf, String> = BTreeMap::new();
        for (path, text) in converge::reports(&reports) {
            let is_of = |name: &str| path == Path::new(name);
            if is_of("availability.csv") || is_of("outages.csv") {
                let is_open = |line: &&str| {
                    open.iter().any(|day| line.contains(&format!("{day}T")) || line.starts_with(day.as_str()))
                };
                found.insert(
                    path,
                    text.lines().filter(is_open).fold(String::new(), |text, line| text + line + "\n"),
                );
            } else if open.iter().any(|day| path.starts_with(format!("daily/{day}")))
                && !path.ends_with("intake.csv")
            {
                found.insert(path, text);
            }
        }
        found
    });
    assert!(old.len() > 5 * open.len(), "{:?}", old.keys());
    assert_eq!(converge::differences(&old, &new), "");
}

#[test]
fn a_quarter_adds_up() {
    let office = Office::new();
    let reports = office.reports();
    let mut first = Sums::new();
    let mut kept = Vec::new();
    for at in 0..NIGHTS {
        office.receive(at);
        let killed = KILLED.iter().find(|(killed, _)| *killed == at);
        if let Some((_, kill)) = killed {
            office.killed(at, *kill);
            if *kill == Kill::LastLine {
                // Nobody looks before the next night, and by then more has come.
                continue;
            }
        }
        let time = if killed.is_some() { "04:00:00" } else { "03:00:00" };
        office.night(at, time);
        if at == 60 {
            // Somebody finds a log of a day that is sealed.
            let name = format!("logs/requests-{}-found.ndjson", day(40));
            let lost = r#""service":"media","region":"us","http_status":503,"error_code":131016"#;
            let text: String = (0..4).map(|n| call(40, 700 + 5 * (n / 2), &format!("f{n}"), lost)).collect();
            fs::write(office.path(&name), text).unwrap();
            office.run(
                &reports,
                &["--simulate", "--as-of", &clock(at, "05:00:00"), "--date", &day(40), "--quiet"],
            );
        }
        if at % 30 == 10 {
            // Most days of the week were booked again by what the new webhook log says, and came out as they were.
            let before = job::files(&reports);
            let journal = String::from_utf8_lossy(&before[Path::new("ledger/journal.ndjson")]).into_owned();
            assert!(journal.contains(r#""kind":"confirmed""#));
            office.night(at, time);
            assert!(job::files(&reports) == before, "a run with nothing new publishes nothing");
        }
        for (key, numbers) in shown(&reports) {
            first.entry(key).or_insert(numbers);
        }
        assert_adds_up(&first, &reports, &day(at));
        if killed.is_some() || at % 40 == 39 {
            let mut files = job::files(&reports);
            files.retain(|path, _| !path.starts_with("ledger") && path != Path::new(".lock"));
            kept.push((clock(at, time), files));
        }
    }
    office.ask(&["verify"]);
    assert_eq!(first.len() as u64, NIGHTS * 3 * 2, "a component and two services under two definitions");
    assert_adjusts(&reports);
    assert_eventful(&reports);
    for (then, files) in kept {
        let into = office.path("then");
        office.ask(&["report", "--as-of", &then, "--into", into.to_str().unwrap()]);
        let mut wrong = String::new();
        let drawn = job::files(&into);
        for (path, bytes) in &files {
            if drawn.get(path) != Some(bytes) {
                writeln!(wrong, "{}", path.display()).unwrap();
            }
        }
        assert_eq!((wrong.as_str(), drawn.len()), ("", files.len()), "as of {then}");
        fs::remove_dir_all(into).unwrap();
    }
    assert_same_when_made_anew(&office, NIGHTS - 1);
}
