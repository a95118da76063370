//! Governance, through the binary: clock, settings and rows are judged by what the journal holds.

use std::fs;

use crate::books::Books;
use crate::job;

const DAY: [&str; 2] = ["--date", "2026-11-02"];

/// Books with one published day, in which twelve minutes are down.
fn published() -> Books {
    let books = Books::new();
    books.log("2026-11-02", 0..0);
    books.run("2026-11-03T03:00:00Z", &DAY).expect(0);
    books
}

fn row(id: &str, cells: &str, created_at: &str) -> String {
    format!("{id},{cells},OPS-1,ann,bob,{created_at},")
}

/// A row that excuses the twelve minutes.
fn excuse(id: &str, created_at: &str) -> String {
    row(id, "to_uptime,2026-11-02T10:00Z,2026-11-02T10:12Z,messages,,,131016,,caller-misuse", created_at)
}

fn configure(books: &Books, change: impl Fn(&str) -> String) {
    let path = books.path("uptime-ledger.toml");
    fs::write(&path, change(&fs::read_to_string(&path).unwrap())).unwrap();
}

/// The state of the published day.
fn state(books: &Books) -> String {
    job::table(&books.reports(), "availability")[0]["state"].clone()
}

#[test]
fn after_a_long_silence_nothing_is_written_until_two_persons_believe_the_clock() {
    let books = published();
    let before = job::files(&books.reports());
    let after = "2026-12-09T03:00:00Z";
    books.run(after, &DAY).expect(1).says(&["36 days after the last line", "uptime-ledger ack 'clock'"]);
    books.ask(&["ack", "--as-of", after]).expect(1).says(&["ack 'clock'"]);
    assert!(job::files(&books.reports()) == before, "nothing was written");
    let alone =
        ["ack", "clock", "--as-of", after, "--author", "ann", "--approver", "Ann", "--reason", "moved"];
    books.ask(&alone).expect(2).says(&["the same person"]);
    books.acknowledge("clock", after).expect(0);
    books.run(after, &DAY).expect(0);
    books.ask(&["verify"]).expect(0);
}

#[test]
fn a_clock_that_was_ahead_for_one_night_seals_nothing_and_is_set_right() {
    let books = published();
    books.run("2026-12-02T03:00:00Z", &DAY).expect(0);
    assert_eq!(state(&books), "reported", "no rows show that the time has passed");
    let right = "2026-11-04T03:00:00Z";
    books.log("2026-11-03", 0..0);
    books.run(right, &[]).expect(1).says(&["28 days before the last line", "ack 'clock'"]);
    let early = books.acknowledge("clock", "2026-11-02T12:00:00Z").expect(1);
    early.says(&["2026-11-02 has published rows and was not over then"]);
    books.acknowledge("clock", right).expect(0);
    books.run(right, &[]).expect(0);
    // The night ahead counts as of the accepted instant: the review goes on as if it had not been.
    books.overrides(&[excuse("a", "2026-11-04T09:00:00Z")]);
    books.log("2026-11-04", 0..0);
    books.run("2026-11-05T03:00:00Z", &[]).expect(0);
    assert_eq!((books.counted("2026-11-02"), books.status("a").0.as_str()), (0, "applied"));
    books.ask(&["verify"]).expect(0);
}

#[test]
fn a_few_minutes_back_are_no_step_back() {
    let books = published();
    books.run("2026-11-03T02:56:00Z", &DAY).expect(0);
    books.run("2026-11-03T02:54:59Z", &DAY).expect(1).says(&["5 minutes before the last line"]);
}

#[test]
fn a_setting_is_told_with_both_values_until_two_persons_agree() {
    let books = published();
    configure(&books, |text| text.replace("coverage_percent = 1", "coverage_percent = 2"));
    let at = "2026-11-03T04:00:00Z";
    let ran = books.run(at, &DAY).expect(3);
    let ran = ran.says(&["attention[settings]", "limits.coverage_percent from"]);
    let key = ran.stderr.split("key: ").nth(1).unwrap().lines().next().unwrap().to_owned();
    books.run("2026-11-03T05:00:00Z", &DAY).expect(3).says(&["1 stands since 2026-11-03 (settings)"]);
    books.acknowledge(&key, "2026-11-03T06:00:00Z").expect(0);
    books.run("2026-11-03T07:00:00Z", &DAY).expect(0);
    // Set back, it is another change; the title of the pages is none.
    configure(&books, |text| text.replace("coverage_percent = 2", "coverage_percent = 1"));
    books.run("2026-11-03T08:00:00Z", &DAY).expect(3).says(&["limits.coverage_percent from"]);
    books.touch("2026-11-03T09:00:00Z", &DAY);
    let journal = fs::read_to_string(books.reports().join("ledger/journal.ndjson")).unwrap();
    assert_eq!(journal.matches(r#""changed""#).count(), 2, "{journal}");
    books.ask(&["verify"]).expect(0);
}

#[test]
fn the_policy_and_the_catalogue_are_settings_too() {
    let books = published();
    let policy = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/data/policy.toml")).unwrap();
    configure(&books, |text| format!("policy = \"p.toml\"\n{text}"));
    fs::write(books.path("p.toml"), policy.clone() + "\n# A comment decides nothing.\n").unwrap();
    books.run("2026-11-03T04:00:00Z", &DAY).expect(0);
    let other = policy.replacen("to = \"user:caller\"", "to = \"good\"", 1);
    fs::write(books.path("p.toml"), other).unwrap();
    books.run("2026-11-03T05:00:00Z", &DAY).expect(3).says(&["policy.reason.", "user:caller", "good"]);
    books.ask(&["verify"]).expect(0);
}

#[test]
fn who_may_review_a_day_is_decided_before_it_ends() {
    let books = Books::new();
    configure(&books, |text| {
        text.replace("path = \"overrides.csv\"", "path = \"overrides.csv\"\napprovers = [\"bob\"]")
    });
    books.log("2026-11-02", 0..0);
    books.run("2026-11-03T03:00:00Z", &DAY).expect(0);
    configure(&books, |text| text.replace("[\"bob\"]", "[\"bob\", \"carol\"]\ntwo_persons = false"));
    let by = |id: &str, persons: &str| excuse(id, "2026-11-03T09:00:00Z").replace("ann,bob", persons);
    books.overrides(&[by("other", "ann,carol"), by("alone", "bob,B\u{043E}b"), by("good", "ann,\u{FF22}OB")]);
    let ran = books.run("2026-11-04T03:00:00Z", &DAY).expect(3);
    let ran =
        ran.says(&["`carol` may not approve rows", "hold for days that end after 2026-11-04T03:00:00Z"]);
    let statuses = ["other", "alone", "good"].map(|id| books.status(id).0);
    assert_eq!(statuses, ["refused", "refused", "applied"]);
    // Decisions go by the same list.
    let key = ran.stderr.split("key: settings:").nth(1).unwrap().lines().next().unwrap().to_owned();
    let said = ["ack", &format!("settings:{key}"), "--as-of", "2026-11-04T04:00:00Z", "--author", "ann"];
    let by = |approver| [&said[..], &["--approver", approver, "--reason", "agreed"]].concat();
    books.ask(&by("carol")).expect(2).says(&["`carol` may not approve decisions"]);
    books.ask(&by("bob")).expect(0);
    // Once applied, a row is not checked again, whatever the list says.
    configure(&books, |text| text.replace("[\"bob\", \"carol\"]", "[\"dan\"]"));
    books.run("2026-11-05T03:00:00Z", &DAY).expect(3);
    assert_eq!((books.counted("2026-11-02"), books.status("good").0.as_str()), (0, "applied"));
    books.ask(&["verify"]).expect(0);
}

#[test]
fn a_row_that_no_run_could_have_seen_in_time_needs_two_persons() {
    let books = published();
    books.overrides(&[excuse("a", "2026-11-05T09:00:00Z"), excuse("b", "2026-11-11T09:00:00Z")]);
    // No run was made from the morning after the day until two days after its window.
    let at = "2026-11-12T03:00:00Z";
    let ran = books.run(at, &DAY).expect(3);
    let ran = ran.says(&["attention[late-row]", "override b", "late:"]);
    assert_eq!((books.counted("2026-11-02"), books.status("a").0.as_str()), (12, "waiting"));
    let key = ran.stderr.split("key: late-row:").nth(1).unwrap().lines().next().unwrap().to_owned();
    books.acknowledge(&format!("late-row:{key}"), at).expect(0);
    books.run("2026-11-12T04:00:00Z", &DAY).expect(3).says(&["because of overrides"]);
    assert_eq!((books.counted("2026-11-02"), books.status("a").0.as_str()), (0, "applied"));
    books.ask(&["verify"]).expect(0);
}

#[test]
fn failures_that_come_when_the_window_is_almost_over_may_still_be_excused() {
    let books = published();
    books.touch("2026-11-10T03:00:00Z", &DAY);
    books.log("2026-11-02", 720..740);
    books.run("2026-11-10T23:00:00Z", &DAY).expect(0).says(&["because of logs"]);
    assert_eq!(books.counted("2026-11-02"), 32);
    let at = |id: &str, from: &str, to: &str| {
        let cells = format!("to_uptime,2026-11-02T{from}Z,2026-11-02T{to}Z,messages,,,131016,,caller-misuse");
        row(id, &cells, "2026-11-12T09:00:00Z")
    };
    books.overrides(&[
        at("late", "12:00", "12:20"),
        at("both", "10:00", "12:20"),
        at("early", "10:00", "10:12"),
    ]);
    books.run("2026-11-13T03:00:00Z", &DAY).expect(3).says(&["not-late", "came later"]);
    let statuses = ["late", "both", "early"].map(|id| books.status(id).0);
    assert_eq!(
        (statuses, books.counted("2026-11-02")),
        (["applied", "refused", "refused"].map(str::to_owned), 12)
    );
    books.ask(&["verify"]).expect(0);
}

#[test]
fn a_row_that_finds_nothing_any_more_has_settled() {
    let books = published();
    books.overrides(&[excuse("a", "2026-11-03T09:00:00Z")]);
    books.run("2026-11-04T03:00:00Z", &DAY).expect(0);
    let log = books.path("logs/2026-11-02.csv");
    fs::write(&log, fs::read_to_string(&log).unwrap().replace("503,131016", "200,")).unwrap();
    let ran = books.run("2026-11-05T03:00:00Z", &DAY).expect(3);
    let ran = ran.says(&["attention[rewritten-log]"]);
    assert!(!ran.stderr.contains("override-refused"), "{}", ran.stderr);
    assert_eq!(books.status("a").0, "settled");
    books.ask(&["verify"]).expect(0);
}

#[test]
fn an_outage_with_a_code_that_nobody_knows_can_be_turned_into_downtime() {
    let books = Books::new();
    books.log("2026-11-02", 0..0);
    let log = books.path("logs/2026-11-02.csv");
    fs::write(&log, fs::read_to_string(&log).unwrap().replace("503,131016", "400,135999")).unwrap();
    books.run("2026-11-03T03:00:00Z", &DAY).expect(3).says(&["attention[suspense]"]);
    assert_eq!(books.counted("2026-11-02"), 0);
    let cells = "to_downtime,2026-11-02T10:00Z,2026-11-02T10:12Z,messages,,,135999,,validation-fault";
    let reasons = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/data/policy.toml")).unwrap();
    let reason = if reasons.contains("id = \"validation-fault\"") {
        "validation-fault"
    } else {
        "authorization-fault"
    };
    books.overrides(&[row("a", &cells.replace("validation-fault", reason), "2026-11-03T09:00:00Z")]);
    books.run("2026-11-04T03:00:00Z", &DAY).expect(0);
    assert_eq!((books.counted("2026-11-02"), books.status("a").0.as_str()), (12, "applied"));
    books.ask(&["verify"]).expect(0);
}
