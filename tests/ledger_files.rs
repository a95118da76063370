//! Ledger files: what stands in the folder of the ledger, or in place of its files, is neither followed, overwritten nor
//! deleted, and two runs never write at the same time.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::TimeDelta;
use uptime_ledger::clock::{Clock, ClockSource};
use uptime_ledger::ledger::{Entry, Writer};

use crate::job::{self, Ran};

const CONFIG: &str = r#"
reports = "reports"
slot = "5m"
[[source]]
name = "requests"
paths = ["requests-{date}.ndjson"]
[[service]]
name = "messages"
[definition]
min_events = 1
[limits]
coverage_percent = 0
"#;

/// A folder with logs of some days and a simulated ledger, whose first day is accounted.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        fs::write(place.path("uptime-ledger.toml"), CONFIG).unwrap();
        for day in 18..=28 {
            place.log(day, &[]);
        }
        place.run(&["--date", "2026-11-18", "--simulate", "--as-of", "2026-11-19T03:00:00Z"]).expect(0);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn ledger(&self, name: &str) -> PathBuf {
        self.path("reports/ledger").join(name)
    }

    /// Writes the log of a day: a call that went well, and those that failed at these hours.
    fn log(&self, day: u32, failed: &[u32]) {
        let call = |hour: u32, rest: &str| {
            format!(
                r#"{{"ts":"2026-11-{day}T{hour:02}:00:00Z","request_id":"{day}-{hour}","service":"messages",{rest}}}"#
            ) + "\n"
        };
        let failed = failed.iter().map(|hour| call(*hour, r#""http_status":500,"error_code":131016"#));
        let text: String = [call(23, r#""http_status":200"#)].into_iter().chain(failed).collect();
        fs::write(self.path(&format!("requests-2026-11-{day}.ndjson")), text).unwrap();
    }

    fn run(&self, args: &[&str]) -> Ran {
        job::run(&self.path("uptime-ledger.toml"), &self.path("reports"), args)
    }

    /// The nightly run that accounts the day before `day`.
    fn night(&self, day: u32) -> Ran {
        self.run(&["--as-of", &format!("2026-11-{day}T03:00:00Z")])
    }

    fn ask(&self, args: &[&str]) -> Ran {
        let reports = self.path("reports");
        job::job([args, &["--out", reports.to_str().unwrap()]].concat())
    }

    #[track_caller]
    fn is_whole(&self) {
        self.ask(&["verify"]).expect(0);
    }

    /// The names in `lost+found/`.
    fn lost(&self) -> Vec<String> {
        let names = fs::read_dir(self.ledger("lost+found")).into_iter().flatten();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

#[test]
fn what_the_ledger_does_not_know_is_moved_aside_and_told_until_it_is_gone() {
    let place = Place::new();
    fs::create_dir_all(place.path("victim/sub")).unwrap();
    fs::write(place.path("victim/sub/x"), "precious").unwrap();
    let at = |name: &str| place.ledger(name);
    fs::write(at("notes.txt"), "a backup").unwrap();
    copy(&at("journal.ndjson"), &at("journal.ndjson.bak"));
    copy(&at("editions/2026-11-18/0001"), &at("editions/2026-11-18/0002"));
    copy(&at("editions/2026-11-18"), &at("editions/2026-11-17"));
    fs::write(at("editions/2026-11-18/0001/edition.json~"), "an editor").unwrap();
    fs::create_dir(at("policies/mine")).unwrap();
    fs::create_dir(at(".tmp-backup")).unwrap();
    symlink(place.path("victim"), at("editions/2020-01-01")).unwrap();
    symlink(place.path("victim"), at(".tmp")).unwrap();
    symlink(place.path("victim/sub/x"), at(".writing")).unwrap();
    assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    fs::write(at("").join(OsStr::from_bytes(b"latin-\xe9")), "bytes").unwrap();
    let daybook = fs::read_dir(at("daybooks/2026-11-18")).unwrap().next().unwrap().unwrap().path();
    fs::write(daybook.join("copy.parquet"), "a copy").unwrap();
    place.ask(&["verify"]).expect(1).says(&["notes.txt", "edition.json~", "copy.parquet", "2020-01-01"]);

    place.night(20).expect(3).says(&[
        "attention[lost-and-found]",
        "13 files",
        "nothing was deleted",
        "notes.txt",
    ]);
    place.is_whole();
    let lost = place.lost();
    assert_eq!(lost.len(), 13, "{lost:?}");
    for name in ["notes.txt", "editions.2026-11-17", "editions.2026-11-18.0002", ".tmp", ".writing", "pipe"] {
        assert!(lost.iter().any(|lost| lost == name), "{name}: {lost:?}");
    }
    assert_eq!(fs::read_to_string(at("lost+found/notes.txt")).unwrap(), "a backup");
    assert_eq!(fs::read_to_string(place.path("victim/sub/x")).unwrap(), "precious");
    assert!(fs::symlink_metadata(at("lost+found/editions.2020-01-01")).unwrap().is_symlink());

    // It stands until somebody has looked, and more of it is told again.
    place.night(21).expect(3);
    let known = ["--author", "ann", "--reason", "looked", "--as-of", "2026-11-21T04:00:00Z"];
    place.ask(&[&["ack", "lost-and-found"], &known[..]].concat()).expect(0);
    place.night(22).expect(0);
    fs::write(at("notes.txt"), "another").unwrap();
    place.night(23).expect(3);
    assert_eq!(fs::read_to_string(at("lost+found/notes.txt.1")).unwrap(), "another");
    fs::remove_dir_all(at("lost+found")).unwrap();
    place.night(24).expect(0);
    place.is_whole();
}

#[test]
fn what_no_line_announced_is_not_removed_whatever_an_announcement_says() {
    let place = Place::new();
    fs::create_dir_all(place.path("reports/victim/sub")).unwrap();
    copy(&place.ledger("editions/2026-11-18/0001"), &place.ledger("editions/2026-11-18/0007"));
    let head = fs::read_to_string(place.ledger("journal.head")).unwrap();
    let head = head.trim_end().trim_end_matches('}');
    let names = [
        "../victim",
        "editions/../../victim",
        "editions/2026-11-18/0001",
        "policies",
        "salt",
        "lost+found/x",
    ];
    let names = names.map(|name| format!("\"{name}\"")).join(",");
    fs::write(place.ledger(".writing"), format!("{head},\"coming\":[{names}],\"leaving\":[{names}]}}\n"))
        .unwrap();
    place.ask(&["verify"]).expect(1).says(&[".writing: a run was killed"]);
    place.night(20).expect(3);
    assert!(place.path("reports/victim/sub").exists());
    assert_eq!(place.lost(), ["editions.2026-11-18.0007"]);
    place.is_whole();

    // An announcement of another line says nothing of what stands there now.
    copy(&place.ledger("editions/2026-11-18/0001"), &place.ledger("editions/2026-11-18/0008"));
    let old = format!("{head},\"coming\":[\"editions/2026-11-18/0008\"],\"leaving\":[]}}\n");
    fs::write(place.ledger(".writing"), old).unwrap();
    place.night(21).expect(3);
    assert_eq!(place.lost(), ["editions.2026-11-18.0007", "editions.2026-11-18.0008"]);
    assert!(!place.ledger(".writing").exists());
}

/// What can stand in place of a file or a folder, and how it is called.
const ODD: [(&str, &str); 4] = [
    ("link to a file", "a symbolic link"),
    ("link to a folder", "a symbolic link"),
    ("link to nothing", "a symbolic link"),
    ("pipe", "a named pipe"),
];

#[test]
fn no_command_reads_or_writes_through_what_stands_in_place_of_a_file() {
    let place = Place::new();
    fs::create_dir(place.path("victim")).unwrap();
    fs::write(place.path("victim/x"), "precious").unwrap();
    let day = "editions/2026-11-18";
    let policy = fs::read_dir(place.ledger("policies")).unwrap().next().unwrap().unwrap().file_name();
    let policy = format!("ledger/policies/{}", policy.to_str().unwrap());
    let of_verify = [
        "daily/2026-11-18/slots.csv",
        &format!("ledger/{day}/0001/facts.parquet"),
        &format!("{policy}/policy.toml"),
        &policy,
    ];
    let of_run = [
        ".lock",
        ".drawn",
        "availability.csv",
        "months.parquet",
        "index.html",
        "daily",
        "months",
        "ledger",
        "ledger/journal.ndjson",
        "ledger/journal.head",
        "ledger/salt",
        "ledger/editions",
        &format!("ledger/{day}"),
        &format!("ledger/{day}/0001"),
        &format!("ledger/{day}/0001/edition.json"),
        &format!("ledger/{day}/0001/outline.parquet"),
        "ledger/lost+found",
    ];
    let names = of_verify.map(|name| (name, false)).into_iter().chain(of_run.map(|name| (name, true)));
    for (name, is_of_run) in names {
        for (what, said) in ODD {
            let (path, aside) = (place.path("reports").join(name), place.path("aside"));
            let was_there = path.exists();
            if was_there {
                fs::rename(&path, &aside).unwrap();
            }
            match what {
                "link to a file" => symlink(place.path("victim/x"), &path).unwrap(),
                "link to a folder" => symlink(place.path("victim"), &path).unwrap(),
                "link to nothing" => symlink(place.path("nothing"), &path).unwrap(),
                _ => assert!(Command::new("mkfifo").arg(&path).status().unwrap().success()),
            }
            if name == "ledger/lost+found" {
                fs::write(place.ledger("notes"), "aside").unwrap();
            }
            let ran = if is_of_run { place.night(20) } else { place.ask(&["verify"]) };
            let told = format!("{} is {said}, where", path.display());
            let told_by_verify = format!("{}: it is {said}, where", path.display());
            let is_told = ran.stderr.contains(&told) || ran.stderr.contains(&told_by_verify);
            // That a report is not as it should be is what `verify` says.
            let is_told = is_told || (name == "daily/2026-11-18/slots.csv" && ran.stderr.contains(name));
            assert!(ran.code == Some(1) && is_told, "{name}, {what}: {ran:?}");
            fs::remove_file(&path).unwrap();
            if name == "ledger/lost+found" {
                fs::remove_file(place.ledger("notes")).unwrap();
            }
            if was_there {
                fs::rename(&aside, &path).unwrap();
            }
            assert_eq!(fs::read_to_string(place.path("victim/x")).unwrap(), "precious", "{name}, {what}");
            assert_eq!(fs::read_dir(place.path("victim")).unwrap().count(), 1, "{name}, {what}");
            assert!(!place.path("nothing").exists(), "{name}, {what}");
        }
    }
    place.night(20).expect(0);
    place.is_whole();
    assert_eq!(place.lost(), Vec::<String>::new());
}

#[test]
fn a_lock_that_has_the_text_of_another_file_is_not_overwritten() {
    let place = Place::new();
    fs::write(place.path("v.txt"), "keep\n").unwrap();
    fs::remove_file(place.path("reports/.lock")).unwrap();
    fs::hard_link(place.path("v.txt"), place.path("reports/.lock")).unwrap();
    for ran in [place.night(20), place.ask(&["report"])] {
        ran.expect(1).says(&[".lock is a file with other text, where a lock should stand"]);
    }
    assert_eq!(fs::read_to_string(place.path("v.txt")).unwrap(), "keep\n");
}

/// A run at work, in this process.
fn at_work(place: &Place) -> (Writer, Clock) {
    let clock = Clock::given("2026-11-19T04:00:00Z".parse().unwrap());
    (Writer::open(&place.path("reports"), clock, ClockSource::Given).unwrap(), clock)
}

/// A line that changes nothing.
const SOME_LINE: Entry = Entry::Confirmed { days: Vec::new() };

#[test]
fn a_lock_that_is_deleted_lets_no_second_run_in() {
    let place = Place::new();
    let (mut writer, clock) = at_work(&place);
    let pid = format!("pid {}", std::process::id());
    place.night(20).expect(1).says(&["is in use by another run", &pid]);
    fs::remove_file(place.path("reports/.lock")).unwrap();
    for ran in [place.night(20), place.ask(&["report"])] {
        ran.expect(1).says(&["journal.ndjson is in use by another run", &pid]);
    }
    writer.append(clock, SOME_LINE).unwrap();
    drop(writer);
    place.night(20).expect(0);
    place.is_whole();
}

#[test]
fn a_run_whose_journal_is_replaced_writes_nothing_more() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 4] = [
        ("the file is gone", |journal| fs::remove_file(journal).unwrap()),
        ("another file stands in its place", |journal| {
            let bytes = fs::read(journal).unwrap();
            fs::remove_file(journal).unwrap();
            fs::write(journal, bytes).unwrap();
        }),
        ("lines were added or cut off", |journal| {
            let bytes = fs::read(journal).unwrap();
            fs::write(journal, [bytes.as_slice(), b"another line\n"].concat()).unwrap();
        }),
        ("lines were added or cut off", |journal| {
            let bytes = fs::read(journal).unwrap();
            fs::write(journal, &bytes[..bytes.len() / 2]).unwrap();
        }),
    ];
    for (said, change) in changes {
        let place = Place::new();
        let journal = place.ledger("journal.ndjson");
        copy(&journal, &place.path("kept"));
        let (mut writer, clock) = at_work(&place);
        change(&journal);
        let changed = fs::read(&journal).ok();
        let told = writer.append(clock, SOME_LINE).unwrap_err().to_string();
        assert!(told.contains(said) && told.contains("one job alone"), "{told}");
        assert_eq!(fs::read(&journal).ok(), changed, "{said}");
        drop(writer);
        copy(&place.path("kept"), &journal);
        place.night(20).expect(0);
        place.is_whole();
    }
}

#[test]
fn of_two_first_runs_one_begins_the_journal() {
    let reports = tempfile::tempdir().unwrap();
    let open = |after: i64| {
        let at = "2026-11-19T04:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        let clock = Clock::given(at + TimeDelta::hours(after));
        (Writer::open(reports.path(), clock, ClockSource::Given).unwrap(), clock)
    };
    let (mut first, clock) = open(0);
    fs::remove_file(reports.path().join(".lock")).unwrap();
    let (mut second, later) = open(1);
    second.append(later, SOME_LINE).unwrap();
    let told = first.append(clock, SOME_LINE).unwrap_err().to_string();
    assert!(told.contains("another run has begun it"), "{told}");
    assert_eq!(second.lines().count(), 2);
}

/// Nights until some days are sealed, and the journal as it was before they were.
struct Older {
    place: Place,
    journal: [Vec<u8>; 2],
    /// The newer journal.
    newer: [Vec<u8>; 2],
}

const JOURNAL: [&str; 2] = ["journal.ndjson", "journal.head"];

impl Older {
    /// Days 18 and 19 are sealed after line 30 or so; day 19 was also published after it.
    fn new() -> Self {
        let place = Place::new();
        let review = "[overrides]\npath = \"overrides.csv\"\nreview_days = 2\ngrace_hours = 24\n";
        fs::write(place.path("uptime-ledger.toml"), CONFIG.to_owned() + review).unwrap();
        let header = "id,direction,start,end,service,region,business_id,error_code,account,reason,ticket,author,approver,created_at,note\n";
        fs::write(place.path("overrides.csv"), header).unwrap();
        fs::remove_dir_all(place.path("reports")).unwrap();
        place.log(19, &[10]);
        place.run(&["--date", "2026-11-18", "--simulate", "--as-of", "2026-11-19T03:00:00Z"]).expect(0);
        let read = || JOURNAL.map(|name| fs::read(place.ledger(name)).unwrap());
        let journal = read();
        for day in 20..=23 {
            place.night(day).expect(0);
        }
        let newer = read();
        let older = Self { place, journal, newer };
        assert_eq!(older.state(19), ("sealed".to_owned(), "50.000000".to_owned()));
        // Who changes the log now would turn the sealed figure into 100.
        older.place.log(19, &[]);
        older
    }

    fn put(&self, journal: &[Vec<u8>; 2]) {
        JOURNAL
            .iter()
            .zip(journal)
            .for_each(|(name, bytes)| fs::write(self.place.ledger(name), bytes).unwrap());
    }

    /// State and net percentage (by events) of a day.
    fn state(&self, day: u32) -> (String, String) {
        let rows = job::table(&self.place.path("reports"), "availability");
        let is = |row: &&job::Row| {
            row["day"] == format!("2026-11-{day}") && row["scope_kind"] == "component" && row["region"] == "*"
        };
        let row = rows.iter().filter(is).find(|row| row["definition"] == "occurrences").unwrap();
        (row["state"].clone(), row["availability_percent_net"].clone())
    }

    fn key(&self) -> String {
        let head = fs::read_to_string(self.place.ledger("journal.head")).unwrap();
        let head: serde_json::Value = serde_json::from_str(&head).unwrap();
        format!("head:{}", head["hash"].as_str().unwrap())
    }

    fn ack(&self, key: &str, day: u32, more: &[&str]) -> Ran {
        let at = format!("2026-11-{day}T05:00:00Z");
        let args = ["ack", key, "--author", "ann", "--reason", "the disk was lost", "--as-of", &at];
        self.place.ask(&[&args[..], more].concat())
    }
}

const SECOND: [&str; 2] = ["--approver", "bob"];

#[test]
fn an_older_journal_is_refused_until_two_persons_go_on_from_it_and_stays_visible() {
    let older = Older::new();
    let place = &older.place;
    older.put(&older.journal);
    let key = older.key();
    let before = job::files(&place.path("reports"));
    let command = format!("uptime-ledger ack '{key}' --author NAME --approver NAME --reason TEXT");
    let said = ["does not go on from line", "an older journal was put back", &command];
    place.night(24).expect(1).says(&said);
    place.run(&["--date", "2026-11-19", "--as-of", "2026-11-24T03:00:00Z"]).expect(1).says(&said);
    place.ask(&["report"]).expect(1).says(&said);
    place.ask(&["ack", "--as-of", "2026-11-24T03:00:00Z"]).expect(1).says(&said);
    place.ask(&["verify"]).expect(1).says(&["an older journal was put back"]);
    older.ack(&key, 24, &[]).expect(2).says(&["second person"]);
    older.ack(&key, 24, &["--approver", "Ann"]).expect(2).says(&["same person"]);
    older.ack("head:0000", 24, &SECOND).expect(1).says(&said);
    let mut after = job::files(&place.path("reports"));
    after.insert(".lock".into(), Vec::new());
    assert!(before.iter().all(|(path, bytes)| path == Path::new(".lock") || after.get(path) == Some(bytes)));

    let ran = older.ack(&key, 24, &SECOND).expect(0);
    assert!(ran.stdout.contains("stay sealed: 2026-11-18, 2026-11-19"), "{ran:?}");
    place.is_whole();
    place.night(25).expect(3).says(&["attention[lost-and-found]"]);
    place.is_whole();
    assert_eq!(older.state(19), ("sealed".to_owned(), "50.000000".to_owned()));
    for name in ["index.html", "months/2026-11.html", "daily/2026-11-19/index.html", "months/2026-11.journal"]
    {
        let page = fs::read_to_string(place.path("reports").join(name)).unwrap();
        assert!(page.contains("An older journal was put back"), "{name}");
    }
    let status = fs::read_to_string(place.path("reports/status.json")).unwrap();
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(
        status["older_journals"][0]["days_taken_back"],
        serde_json::json!(["2026-11-18", "2026-11-19"])
    );
    for month in job::table(&place.path("reports"), "months") {
        assert!(month["status"].contains(", older journal at line "), "{month:?}");
    }

    // What was given up is not gone on from either, and the decision is no longer there to take.
    let now = JOURNAL.map(|name| fs::read(place.ledger(name)).unwrap());
    older.put(&older.newer);
    place.night(26).expect(1).says(&["an older journal was put back"]);
    older.put(&now);
    place.night(26).expect(3);
    older.ack(&key, 26, &SECOND).expect(2).says(&["no attention stands open"]);
    place.is_whole();
}

#[test]
fn a_run_killed_after_the_word_and_before_the_drawing_goes_on() {
    let older = Older::new();
    older.put(&older.journal);
    let mark = fs::read(older.place.path("reports/.drawn")).unwrap();
    older.ack(&older.key(), 24, &SECOND).expect(0);
    fs::write(older.place.path("reports/.drawn"), mark).unwrap();
    older.place.night(25).expect(3);
    older.place.is_whole();
    assert_eq!(older.state(19), ("sealed".to_owned(), "50.000000".to_owned()));
}

#[test]
fn a_sealed_edition_is_taken_back_from_lost_and_found_only_if_its_hash_is_that_of_the_mark() {
    for is_forged in [false, true] {
        let older = Older::new();
        let place = &older.place;
        older.put(&older.journal);
        fs::create_dir(place.ledger("lost+found")).unwrap();
        let lost = place.ledger("lost+found/editions.2026-11-19");
        fs::rename(place.ledger("editions/2026-11-19"), &lost).unwrap();
        if is_forged {
            let path = lost.join("0001/accounts.parquet");
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        }
        let ran = older.ack(&older.key(), 24, &SECOND).expect(0);
        let said = if is_forged { "reopened: 2026-11-19" } else { "stay sealed: 2026-11-18, 2026-11-19" };
        assert!(ran.stdout.contains(said), "{ran:?}");
        assert!(lost.join("0001").exists(), "nothing is deleted");
        place.is_whole();
        if !is_forged {
            assert_eq!(older.state(19), ("sealed".to_owned(), "50.000000".to_owned()));
            continue;
        }
        // A day like any other, that is told, and sealed only by its word.
        place.night(25).expect(3).says(&["attention[reopened]", "reopened:2026-11-19"]);
        place.night(26).expect(3);
        assert_eq!(older.state(19).0, "reported");
        older.ack("reopened:2026-11-19", 26, &[]).expect(2).says(&["second person"]);
        older.ack("reopened:2026-11-19", 26, &SECOND).expect(0);
        place.night(27).expect(3);
        assert_eq!(older.state(19).0, "sealed");
        place.is_whole();
    }
}

#[test]
fn stored_figures_of_a_seal_that_no_line_names_show_an_older_journal_without_the_mark() {
    let older = Older::new();
    let place = &older.place;
    fs::remove_file(place.path("reports/.drawn")).unwrap();
    older.put(&older.journal);
    place.night(24).expect(1).says(&["does not name the seal of 2026-11-18", "ack 'head:"]);
    let ran = older.ack(&older.key(), 24, &SECOND).expect(0);
    // What was stored says nothing of itself: the days are open until two persons seal them.
    assert!(ran.stdout.contains("reopened: 2026-11-18, 2026-11-19"), "{ran:?}");
    place.is_whole();
    place.night(25).expect(3).says(&["reopened:2026-11-18", "reopened:2026-11-19"]);
    place.is_whole();
}

#[test]
fn lines_that_were_cut_off_or_chained_anew_are_an_older_journal() {
    let older = Older::new();
    let text = String::from_utf8(older.newer[0].clone()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let chained = |lines: &[String]| {
        let (mut before, mut out) = ("0".to_owned(), String::new());
        for line in lines {
            let at = line.find("\"previous\":\"").unwrap() + "\"previous\":\"".len();
            let end = at + line[at..].find('"').unwrap();
            let line = format!("{}{before}{}", &line[..at], &line[end..]);
            before = sha256(&line);
            out += &(line + "\n");
        }
        let head = format!("{{\"seq\":{},\"hash\":\"{before}\"}}\n", lines.len());
        [out.into_bytes(), head.into_bytes()]
    };
    let whole: Vec<String> = lines.iter().map(ToString::to_string).collect();
    assert_eq!(chained(&whole), older.newer);
    let changed: Vec<String> =
        whole.iter().map(|line| line.replace("\"slots\":[1,", "\"slots\":[0,")).collect();
    assert_ne!(changed, whole);
    for lines in [&whole[..whole.len() - 1], &whole[..2], &changed] {
        older.put(&chained(lines));
        older.place.night(24).expect(1).says(&["an older journal was put back, or lines were cut off"]);
    }
    older.put(&older.newer);
    older.place.night(24).expect(0);
}

fn sha256(text: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
