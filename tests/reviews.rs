//! Reviews: what reviewers run into, one scenario each, through the binary.

use std::fmt::Write;
use std::fs;
use std::ops::Range;

use crate::books::Books;
use crate::job::{self, Ran, Row, n, table};

/// Minutes of a day in which all calls fail, with the answer they get.
type Failing = (Range<u32>, u32, &'static str);

const FAILED: Failing = (600..612, 503, "131016");
const TURNED_AWAY: Failing = (720..732, 401, "190");

/// A log of a day: two calls every ten minutes, and in the minutes that are named.
fn log(books: &Books, day: &str, failing: &[Failing]) {
    let mut text = "ts,request_id,business_id,region,endpoint,http_status,error_code\n".to_owned();
    for minute in 0..1_440 {
        let found = failing.iter().find(|(minutes, _, _)| minutes.contains(&minute));
        if minute % 10 != 0 && found.is_none() {
            continue;
        }
        let (status, code) = found.map_or((200, ""), |(_, status, code)| (*status, *code));
        for call in 0..2 {
            let at = format!("{:02}:{:02}", minute / 60, minute % 60);
            let rest = format!("{day}-{minute}-{call},b{call},eu,/1/messages,{status},{code}");
            writeln!(text, "{day}T{at}:0{call}Z,{rest}").unwrap();
        }
    }
    fs::create_dir_all(books.path("logs")).unwrap();
    fs::write(books.path("logs").join(format!("{day}.csv")), text).unwrap();
}

/// A row of November 2026 that excuses what failed.
fn up(id: &str, from: &str, to: &str, created_at: &str) -> String {
    format!(
        "{id},to_uptime,2026-11-{from}Z,2026-11-{to}Z,messages,,,131016,,caller-misuse,OPS-1,ann,bob,2026-11-{created_at}Z,"
    )
}

/// A row of November 2026 that finds fault with callers being turned away.
fn down(id: &str, from: &str, to: &str, created_at: &str) -> String {
    format!(
        "{id},to_downtime,2026-11-{from}Z,2026-11-{to}Z,messages,,,190,,authorization-fault,OPS-2,ann,bob,2026-11-{created_at}Z,"
    )
}

/// The rows of a report that are of the component, in all regions, under the published definition.
fn published(books: &Books, name: &str) -> Vec<Row> {
    let is_ours = |row: &Row| {
        row["scope_kind"] == "component"
            && row.get("region").is_none_or(|region| region == "*")
            && row.get("definition").is_none_or(|name| name == "whatsapp")
    };
    table(&books.reports(), name).into_iter().filter(is_ours).collect()
}

fn moved(books: &Books, id: &str) -> u64 {
    let rows = table(&books.reports(), "overrides");
    n(rows.iter().rfind(|row| row["id"] == id).unwrap(), "events_moved")
}

fn kinds(ran: &Ran) -> Vec<String> {
    let json = ran.json();
    let kinds = json["attention"].as_array().unwrap().iter();
    kinds.map(|attention| attention["kind"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_one_row_finds_no_other_row_excuses() {
    let books = Books::new();
    log(&books, "2026-11-02", &[FAILED, TURNED_AWAY]);
    let run = |as_of: &str| books.run(as_of, &["--date", "2026-11-02"]);
    run("2026-11-03T03:00:00Z").expect(0);
    assert_eq!(books.counted("2026-11-02"), 12);
    let found = down("found", "02T12:00", "02T12:12", "03T09:00");
    let excused = up("excused", "02T12:03", "02T12:06", "03T10:00").replace("131016", "190");
    books.overrides(std::slice::from_ref(&found));
    run("2026-11-04T03:00:00Z").expect(0);
    assert_eq!((books.counted("2026-11-02"), moved(&books, "found")), (24, 24));

    // Seen later, though its id is smaller and it stands first.
    books.overrides(&[excused.clone(), found.clone()]);
    run("2026-11-05T03:00:00Z").expect(3).says(&[
        "overrides.csv:2:9",
        "row `found` moves 6 events of 2026-11-02 the other way",
        "agree on one direction",
    ]);
    assert_eq!((books.counted("2026-11-02"), books.status("excused").0.as_str()), (24, "refused"));
    // Alone it has nothing to excuse: who was turned away was not booked as a fault.
    books.overrides(std::slice::from_ref(&excused));
    run("2026-11-06T03:00:00Z").expect(3);
    assert!(books.status("excused").1.starts_with("no-effect"), "{:?}", books.status("excused"));
    assert_eq!(books.counted("2026-11-02"), 12);
    let put_back = "it is gone from the file, and what it moved was put back";
    assert_eq!(books.status("found"), ("withdrawn".to_owned(), put_back.to_owned()));

    // The other way round, and both at once: the smaller id stands.
    let excused = up("excused", "02T10:00", "02T10:12", "03T09:00");
    let found = down("found", "02T10:00", "02T10:12", "03T09:00").replace("190", "131016");
    books.overrides(&[found, excused]);
    run("2026-11-07T03:00:00Z").expect(3).says(&["overrides.csv:2:7", "row `excused` moves 24 events"]);
    assert!(books.status("found").1.starts_with("contradicts"), "{:?}", books.status("found"));
    assert_eq!(books.counted("2026-11-02"), 0);
    books.overrides(&[up("excused", "02T10:00", "02T10:12", "03T09:00")]);
    run("2026-11-08T03:00:00Z").expect(3).says(&["row-gone"]);
    assert_eq!(books.status("found"), ("withdrawn".to_owned(), "it is gone from the file".to_owned()));
    books.ask(&["verify"]).expect(0);
}

#[test]
fn a_row_waits_for_its_day() {
    let books = Books::new();
    log(&books, "2026-11-02", &[FAILED]);
    books.run("2026-11-03T03:00:00Z", &[]).expect(0);
    books.overrides(&[up("today", "03T10:00", "03T10:12", "03T11:00")]);
    books.run("2026-11-03T12:00:00Z", &[]).expect(0);
    let (status, why) = books.status("today");
    assert_eq!((status.as_str(), why.as_str()), ("waiting", "not all of its days are accounted yet"));

    log(&books, "2026-11-03", &[FAILED]);
    books.run("2026-11-04T03:00:00Z", &[]).expect(0);
    assert_eq!((books.status("today").0.as_str(), books.counted("2026-11-03")), ("applied", 0));

    // What has not happened yet cannot be reviewed: neither by its own words nor by the clock.
    books.overrides(&[
        up("today", "03T10:00", "03T10:12", "03T11:00"),
        up("foreseen", "05T10:00", "05T10:12", "04T09:00"),
        up("future", "05T10:00", "05T10:12", "05T10:30"),
    ]);
    books.run("2026-11-04T12:00:00Z", &[]).expect(3).says(&[
        "overrides.csv:3:103: `created_at` lies before `end`",
        "overrides.csv:4:101",
        "said to be written at 2026-11-05T10:30:00Z, and seen by the run of 2026-11-04T12:00:00Z already",
    ]);
    assert_eq!(books.status("today").0, "applied");
}

#[test]
fn a_row_over_midnight_applies_to_the_day_that_has_books() {
    let books = Books::new();
    let midnight = [(1_430..1_440, 503, "131016"), (0..10, 503, "131016")];
    log(&books, "2026-11-02", &midnight[..1]);
    books.overrides(&[up("over", "02T23:50", "03T00:10", "03T00:30")]);
    books.run("2026-11-03T03:00:00Z", &[]).expect(0);
    assert_eq!((books.counted("2026-11-02"), moved(&books, "over")), (0, 20));
    assert_eq!(books.status("over"), ("applied".to_owned(), String::new()));
    log(&books, "2026-11-03", &midnight[1..]);
    books.run("2026-11-04T03:00:00Z", &[]).expect(0);
    assert_eq!((books.counted("2026-11-03"), moved(&books, "over")), (0, 40));
    // Of the first day nothing is new.
    let history = books.ask(&["history", "2026-11-02", "--json"]).expect(0).json();
    assert_eq!(history.as_array().unwrap().len(), 1, "{history}");
    books.ask(&["verify"]).expect(0);
}

#[test]
fn a_row_over_a_sealed_and_an_open_day() {
    let books = Books::new();
    for day in ["2026-11-02", "2026-11-03"] {
        log(&books, day, &[FAILED, TURNED_AWAY]);
    }
    books.run("2026-11-03T03:00:00Z", &[]).expect(0);
    books.run("2026-11-04T03:00:00Z", &[]).expect(0);
    for day in
        ["2026-11-04", "2026-11-05", "2026-11-06", "2026-11-07", "2026-11-08", "2026-11-09", "2026-11-10"]
    {
        log(&books, day, &[]);
    }
    books.run("2026-11-10T03:00:00Z", &[]).expect(0);
    books.run("2026-11-11T03:00:01Z", &[]).expect(0);
    let state = |day: &str| {
        let row = published(&books, "availability").into_iter().find(|row| row["day"] == day).unwrap();
        row["state"].clone()
    };
    assert_eq!((state("2026-11-02").as_str(), state("2026-11-03").as_str()), ("sealed", "reported"));

    // Excuses come too late for the first day, and so for the row; what is found out in time is booked to both.
    let excuse = up("excuse", "02T10:00", "03T10:12", "09T09:00");
    let fault = down("fault", "02T12:00", "03T12:12", "11T09:00");
    books.overrides(&[excuse, fault.clone()]);
    books.run("2026-11-11T12:00:00Z", &[]).expect(3).says(&["back-dated", "overrides.csv:2:"]);
    assert_eq!((books.status("fault").0.as_str(), moved(&books, "fault")), ("applied", 48));
    let counted = || {
        let months = published(&books, "months");
        let of_month = |column| n(&months[0], column);
        (books.counted("2026-11-02"), books.counted("2026-11-03"), of_month("slots_counted_adjusted"))
    };
    assert_eq!(counted(), (12, 24, 48));

    // Another row about the sealed day does not take back what stands beside it; nor does a row that is gone.
    let more = down("more", "02T12:11", "02T12:20", "11T13:00");
    books.overrides(&[fault, more]);
    books.run("2026-11-11T14:00:00Z", &[]).expect(3).says(&["overlaps", "overrides.csv:3:"]);
    assert_eq!(counted(), (12, 24, 48));
    books.overrides(&[]);
    books.run("2026-11-11T18:00:00Z", &[]).expect(3).says(&["row-gone:fault:2026-11-03"]);
    assert_eq!(counted(), (12, 12, 36));
    let (status, why) = books.status("fault");
    assert!(status == "withdrawn" && why.contains("what it moved on 2026-11-02"), "{status}: {why}");
    books.overrides(&[down("again", "02T12:05", "02T12:12", "11T19:00")]);
    books
        .run("2026-11-11T20:00:00Z", &[])
        .expect(3)
        .says(&["row `fault` moves 14 events of 2026-11-02", "the day is sealed, and the other row stays"]);
    assert_eq!(counted(), (12, 12, 36));
    books.ask(&["verify"]).expect(0);
}

#[test]
fn what_stands_beside_a_sealed_day_outlives_its_window() {
    let books = Books::new();
    log(&books, "2026-11-02", &[FAILED, TURNED_AWAY]);
    let run = |as_of: &str| books.run(as_of, &["--date", "2026-11-02"]);
    run("2026-11-03T03:00:00Z").expect(0);
    books
        .seal("2026-11-02", "2026-11-10T03:00:00Z", "2026-11-12T03:00:00Z", &["--date", "2026-11-02"])
        .expect(0);
    let fault = down("fault", "02T12:00", "02T12:12", "12T09:00");
    books.overrides(std::slice::from_ref(&fault));
    run("2026-11-13T03:00:00Z").expect(0).says(&["adjusting: 2026-11-02"]);
    let adjusted = || n(&published(&books, "months")[0], "slots_counted_adjusted");
    assert_eq!((books.counted("2026-11-02"), adjusted()), (12, 24));

    // The month is final since 2026-12-14; a row that comes now is refused, and moves nothing else.
    books.overrides(&[fault, down("late", "02T12:00", "02T12:12", "30T09:00")]);
    run("2026-12-16T03:00:00Z").expect(3).says(&["back-dated", "overrides.csv:3:"]);
    assert_eq!((books.counted("2026-11-02"), adjusted()), (12, 24));
    assert_eq!((books.status("fault").0.as_str(), moved(&books, "fault")), ("applied", 24));
    books.ask(&["verify"]).expect(0);
}

#[test]
fn rows_that_wait_are_refused_by_the_run_whose_seal_comes_before_them() {
    let books = Books::new();
    log(&books, "2026-11-02", &[FAILED]);
    let day = ["--date", "2026-11-02"];
    // Its second day is never read.
    let over_midnight = up("over-midnight", "02T23:50", "03T00:10", "03T01:00");
    books.overrides(std::slice::from_ref(&over_midnight));
    books.run("2026-11-03T03:00:00Z", &day).expect(0);
    assert_eq!(books.status("over-midnight").0, "waiting");
    // No run was asked for 2026-11-05. The month is open as long as its only day is.
    books.touch("2026-11-30T03:00:00Z", &day);
    books.overrides(&[over_midnight, down("waits", "05T12:00", "05T12:12", "12T09:00")]);
    let at = "2026-12-19T03:00:00Z";
    books.touch("2026-12-16T03:00:00Z", &day);
    assert_eq!(books.status("waits").0, "waiting");
    books.run(at, &day).expect(3);
    books.acknowledge("end:2026-11-02", at).expect(0);
    let said = ["override waits (", "back-dated", "override over-midnight (", "sealed: 2026-11-02 is sealed"];
    books.run(at, &day).expect(3).says(&said);
    assert!(["waits", "over-midnight"].iter().all(|id| books.status(id).0 == "refused"));
    let journal = || fs::read_to_string(books.reports().join("ledger/journal.ndjson")).unwrap();
    let before = journal();
    books.run(at, &day).expect(3);
    let after = journal();
    // A sealed day that is asked for is read, and pruned again.
    let more = after.strip_prefix(&before).unwrap();
    assert!(!["judged", "attention"].iter().any(|kind| more.contains(kind)), "it is told once: {more}");
}

#[test]
fn who_writes_a_row_does_not_approve_it() {
    let books = Books::new();
    log(&books, "2026-11-02", &[FAILED]);
    let alone = up("alone", "02T10:00", "02T10:12", "03T01:00").replace(",ann,bob,", ",Ann B.,ann  b.,");
    books.overrides(&[alone, up("ok", "02T10:00", "02T10:01", "03T01:00")]);
    let check = ["check", "--config", books.path("uptime-ledger.toml").to_str().unwrap()].map(str::to_owned);
    let said = ["overrides.csv:2:99: author and approver are the same person", "have another person approve"];
    job::job(check).expect(2).says(&said);
    books.run("2026-11-03T03:00:00Z", &[]).expect(3).says(&said);
    assert_eq!(books.counted("2026-11-02"), 11, "the other row is applied");
    let (status, why) = books.status("alone");
    assert!(status == "refused" && said.iter().all(|part| why.contains(part)), "{status}: {why}");
    books.overrides(&[up("ok", "02T10:00", "02T10:01", "03T01:00")]);
    books.run("2026-11-03T04:00:00Z", &[]).expect(0);
}

#[test]
fn no_caller_is_named_in_what_is_kept_of_a_bad_row() {
    let books = Books::new();
    log(&books, "2026-11-02", &[FAILED]);
    let row = up("a", "02T10:00", "02T10:12", "03T01:00");
    let rounded = row.replace("messages,,,", "messages,,1.02290129340398E+14,");
    let known =
        row.replace("a,to_uptime", "b,to_uptime").replace("messages,,,", "messages,,102290129340398,");
    books.overrides(&[rounded, known]);
    books
        .run("2026-11-03T03:00:00Z", &[])
        .expect(3)
        .says(&["`business_id` is a number that a spreadsheet has rounded"]);
    assert_eq!((books.status("a").0.as_str(), books.status("b").0.as_str()), ("refused", "refused"));
    for (path, bytes) in job::files(&books.reports()) {
        let text = String::from_utf8_lossy(&bytes);
        for id in ["1.02290129340398", "102290129340398"] {
            assert!(!text.contains(id), "{id} in {}", path.display());
        }
    }
}

#[test]
fn a_row_that_is_edited_after_its_window_is_a_new_one() {
    let books = Books::new();
    log(&books, "2026-11-02", &[FAILED]);
    let run = |as_of: &str| books.run(as_of, &["--date", "2026-11-02"]);
    run("2026-11-03T03:00:00Z").expect(0);
    let row = up("a", "02T10:00", "02T10:12", "03T09:00");
    books.overrides(std::slice::from_ref(&row));
    run("2026-11-04T03:00:00Z").expect(0);
    books.touch("2026-11-10T03:00:00Z", &["--date", "2026-11-02"]);
    // A note may be written whenever it comes to mind; the day is not published again for it.
    books.overrides(&[row.clone() + "as announced"]);
    run("2026-11-10T04:00:00Z").expect(0);
    assert_eq!((books.counted("2026-11-02"), books.status("a").0.as_str()), (0, "applied"));
    let noted = table(&books.reports(), "overrides");
    assert_eq!((noted.len(), noted[0]["note"].as_str()), (1, "as announced"));
    let history = books.ask(&["history", "2026-11-02", "--json"]).expect(0).json();
    assert_eq!(history.as_array().unwrap().len(), 2, "{history}");
    // Any other cell makes it another row, which comes too late.
    books.overrides(&[row.replace(",bob,", ",carol,")]);
    run("2026-11-11T00:00:01Z")
        .expect(3)
        .says(&["override a moved 24 events", "first seen after the window"]);
    assert_eq!(books.counted("2026-11-02"), 12);
    let rows = table(&books.reports(), "overrides");
    let statuses: Vec<&str> = rows.iter().map(|row| row["status"].as_str()).collect();
    assert_eq!(statuses, ["withdrawn", "waiting"]);
    books.ask(&["verify"]).expect(0);
}

#[test]
fn a_row_that_was_not_applied_by_the_seal_never_is() {
    let books = Books::new();
    for day in ["2026-11-02", "2026-11-03"] {
        log(&books, day, &[FAILED]);
    }
    books.run("2026-11-03T03:00:00Z", &["--date", "2026-11-02"]).expect(0);
    let run = |as_of: &str| books.run(as_of, &["--date", "2026-11-03"]);
    let first = up("first", "02T10:00", "02T10:03", "03T09:00");
    let second = up("second", "02T10:02", "02T10:12", "03T09:00");
    let long = up("long", "02T10:02", "03T10:12", "03T10:15");
    books.overrides(&[first, second.clone(), long.clone()]);
    run("2026-11-04T03:00:00Z").expect(3).says(&["overrides.csv:3:", "overrides.csv:4:"]);
    books
        .seal("2026-11-03", "2026-11-10T03:00:00Z", "2026-11-11T03:00:01Z", &["--date", "2026-11-03"])
        .expect(3);
    let states = || published(&books, "availability").into_iter().map(|row| row["state"].clone());
    assert_eq!(states().collect::<Vec<_>>(), ["sealed", "reported"]);
    assert_eq!(books.counted("2026-11-02"), 0, "nine minutes are left");

    // With the first one gone nothing would stand in their way but the seal. Of the second one nothing is left to decide.
    books.overrides(&[second, long]);
    let ran = run("2026-11-11T12:00:00Z").expect(3).says(&["override long", "2026-11-02 is sealed"]);
    assert!(!ran.stderr.contains("override second"), "{}", ran.stderr);
    let (status, why) = books.status("long");
    assert!(status == "refused" && why.starts_with("sealed:"), "{status}: {why}");
    let (status, why) = books.status("second");
    assert!(status == "refused" && why.starts_with("overlaps:"), "{status}: {why}");
    let (status, why) = books.status("first");
    assert!(status == "withdrawn" && why.contains("stays"), "{status}: {why}");
    assert_eq!(["first", "second", "long"].map(|id| moved(&books, id)), [6, 0, 0]);
    assert_eq!((books.counted("2026-11-02"), books.counted("2026-11-03")), (0, 12));
    books.ask(&["verify"]).expect(0);
}

#[test]
fn a_fault_between_two_runs_makes_them_one() {
    let books = Books::new();
    let bridge = (610..612, 401, "190");
    log(&books, "2026-11-02", &[(600..610, 503, "131016"), bridge, (612..622, 503, "131016")]);
    let run = |as_of: &str| books.run(as_of, &["--date", "2026-11-02"]).expect(0);
    let outages = || {
        let rows = published(&books, "outages");
        rows.into_iter().map(|row| n(&row, "duration_seconds")).collect::<Vec<_>>()
    };
    run("2026-11-03T03:00:00Z");
    assert_eq!((books.counted("2026-11-02"), outages()), (20, vec![600, 600]));
    books.overrides(&[down("bridge", "02T10:10", "02T10:12", "03T09:00")]);
    run("2026-11-04T03:00:00Z");
    assert_eq!((books.counted("2026-11-02"), outages()), (22, vec![1_320]));
    assert_eq!(published(&books, "outages")[0]["overrides"], "bridge");
    let row = &published(&books, "availability")[0];
    assert_eq!(
        (n(row, "slots_counted_gross"), n(row, "events_bad_gross"), n(row, "events_bad")),
        (20, 40, 44)
    );
}

#[test]
fn a_run_over_the_end_of_a_month_counts_in_both() {
    let books = Books::new();
    log(&books, "2026-11-30", &[(1_434..1_440, 503, "131016")]);
    books.run("2026-12-01T03:00:00Z", &[]).expect(0);
    assert_eq!(books.counted("2026-11-30"), 0, "six minutes are no outage");
    log(&books, "2026-12-01", &[(0..6, 503, "131016")]);
    books.run("2026-12-02T03:00:00Z", &[]).expect(0);
    let counted = || {
        let months = published(&books, "months");
        let of_months: Vec<u64> = months.iter().map(|month| n(month, "slots_counted")).collect();
        (books.counted("2026-11-30"), books.counted("2026-12-01"), of_months)
    };
    assert_eq!(counted(), (6, 6, vec![6, 6]));
    let outages = published(&books, "outages");
    let spans: Vec<_> = outages.iter().map(|row| (row["start"].as_str(), row["end"].as_str())).collect();
    assert_eq!(spans, [("2026-11-30T23:54:00Z", "2026-12-01T00:06:00Z")]);
    assert_eq!(outages[0]["is_counted"], "true");

    // The day before has one edition, and yet another figure than it was shown with.
    let restated = |of: &str| -> Vec<(String, String)> {
        let rows = published(&books, "restatements").into_iter().filter(|row| row["day"] == of);
        rows.map(|row| (row["slots_counted_delta"].clone(), row["cause"].clone())).collect()
    };
    let neighbour = |delta: &str| (delta.to_owned(), "neighbour".to_owned());
    assert_eq!(restated("2026-11-30"), [neighbour("6")]);

    // Three excused minutes on one side of midnight free both.
    let row = up("a", "30T23:54", "30T23:57", "30T23:59").replace("2026-11-30T23:54Z", "2026-12-01T00:00Z");
    let row = row
        .replace("2026-11-30T23:57Z", "2026-12-01T00:03Z")
        .replace("2026-11-30T23:59Z", "2026-12-02T09:00Z");
    books.overrides(&[row]);
    books.run("2026-12-03T03:00:00Z", &["--date", "2026-12-01"]).expect(0);
    assert_eq!(counted(), (0, 0, vec![0, 0]));
    assert_eq!(restated("2026-11-30"), [neighbour("6"), neighbour("-6")]);
    assert_eq!(restated("2026-12-01"), [("-6".to_owned(), "overrides".to_owned())]);
    books.ask(&["verify"]).expect(0);
}

#[test]
fn a_log_that_changed_and_cannot_be_read_again_leaves_its_day() {
    let books = Books::new();
    log(&books, "2026-11-02", &[FAILED]);
    books.run("2026-11-03T03:00:00Z", &[]).expect(0);
    // A rotation gone wrong: the header is all that is left.
    let path = books.path("logs/2026-11-02.csv");
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, whole.lines().next().unwrap().to_owned() + "\n").unwrap();
    log(&books, "2026-11-03", &[]);
    let ran = books.run("2026-11-04T03:00:00Z", &["--json"]).expect(3);
    assert_eq!(kinds(&ran), ["fewer"]);
    for part in ["none of the 308 rows", "keeps its edition", "acknowledge it"] {
        assert!(ran.stdout.contains(part), "no `{part}` in {}", ran.stdout);
    }
    assert_eq!(ran.json()["kept"], serde_json::json!(["2026-11-02"]));
    assert_eq!((books.counted("2026-11-02"), books.counted("2026-11-03")), (12, 0));
    fs::write(&path, whole).unwrap();
    let ran = books.run("2026-11-04T04:00:00Z", &["--json"]).expect(0);
    assert_eq!(kinds(&ran), Vec::<String>::new());
    books.ask(&["verify"]).expect(0);
}

#[test]
fn an_override_file_that_cannot_be_read_withdraws_nothing() {
    let books = Books::new();
    log(&books, "2026-11-02", &[FAILED]);
    let file = books.path("overrides.csv");
    let config = books.path("uptime-ledger.toml");
    books.overrides(&[up("a", "02T10:00", "02T10:12", "03T01:00")]);
    books.run("2026-11-03T03:00:00Z", &[]).expect(0);
    let good = fs::read_to_string(&file).unwrap();
    // As a spreadsheet saves it, without a header, and not at all.
    let latin = [good.trim_end().as_bytes(), b"\xfcber\n"].concat();
    let broken =
        format!("overrides.csv:2:{}: byte 0xFC is not UTF-8", good.lines().nth(1).unwrap().len() + 1);
    let semicolons = good.replace(',', ";").into_bytes();
    let headless = good.lines().skip(1).collect::<String>().into_bytes();
    for (bytes, said) in [
        (Some(latin), broken.as_str()),
        (Some(semicolons), "overrides.csv:1:1: columns are separated by semicolons"),
        (Some(headless), "overrides.csv:1:1: column `id` is missing"),
        (None, "overrides.csv: no such file"),
    ] {
        match bytes {
            Some(bytes) => fs::write(&file, bytes).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        job::job(["check", "--config", config.to_str().unwrap()]).expect(2).says(&[said]);
        let ran = books.run("2026-11-03T04:00:00Z", &[]).expect(3);
        ran.says(&[said, "no row was taken from it or withdrawn"]);
        assert_eq!((books.counted("2026-11-02"), books.status("a").0.as_str()), (0, "applied"), "{said}");
    }
    // Programs are told what the first mistake is, too.
    fs::write(&file, good.replacen("region", "regoin", 1)).unwrap();
    let ran = books.run("2026-11-03T04:00:00Z", &["--json"]).expect(3);
    assert_eq!(kinds(&ran), ["overrides-unreadable"]);
    for part in
        ["column `region` is missing", "the header must name", "and 1 more in this file; no row was taken"]
    {
        assert!(ran.stdout.contains(part), "no `{part}` in {}", ran.stdout);
    }
    fs::write(&file, good).unwrap();
    books.run("2026-11-03T05:00:00Z", &[]).expect(0);

    // Nor does a config that names no file any more, as long as a row of it can still move something.
    let named = fs::read_to_string(&config).unwrap();
    let unnamed = named.lines().filter(|line| !line.contains("overrides")).collect::<Vec<_>>().join("\n");
    fs::write(&config, unnamed).unwrap();
    let ran = books.run("2026-11-03T06:00:00Z", &[]).expect(3);
    ran.says(&[
        "1 row of an override file can still move something, and the config names no such file",
        "Name the file under [overrides]",
    ]);
    assert_eq!((books.counted("2026-11-02"), books.status("a").0.as_str()), (0, "applied"));
    fs::write(&config, named).unwrap();
    books.run("2026-11-03T07:00:00Z", &[]).expect(3).says(&["settings"]);
}
