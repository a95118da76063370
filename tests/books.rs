//! Books: overrides, seals and editions over time, through the binary; what was published can be drawn again, and what was
//! touched is found.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::job::{self, Ran, n, table};

const HEADER: &str = "id,direction,start,end,service,region,business_id,error_code,account,reason,ticket,author,approver,created_at,note\n";

/// A folder with config, logs and overrides. On every day calls fail for twelve minutes from 10:00 on.
pub struct Books {
    dir: tempfile::TempDir,
}

impl Books {
    pub fn new() -> Self {
        let books = Self { dir: tempfile::tempdir().unwrap() };
        let config = r#"
            salt = "a pinch of salt for tests"
            regions = ["eu"]
            [[source]]
            name = "edge"
            paths = "logs/{date}*.csv"
            [[service]]
            name = "messages"
            endpoints = ["/{id}/messages"]
            [[component]]
            name = "Cloud API"
            services = ["messages"]
            target_percent = 99.9
            [definition]
            min_events = 2
            [limits]
            coverage_percent = 1
            [overrides]
            path = "overrides.csv"
        "#;
        fs::write(books.path("uptime-ledger.toml"), config).unwrap();
        books.overrides(&[]);
        books
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn reports(&self) -> PathBuf {
        self.path("reports")
    }

    /// A log of a day: two calls every other minute; those from 10:00 to 10:11 fail, as do all in `also`.
    pub fn log(&self, day: &str, also: std::ops::Range<u32>) {
        let mut text = "ts,request_id,business_id,region,endpoint,http_status,error_code\n".to_owned();
        for minute in (0..1_440).filter(|m| m % 30 == 0 || (595..625).contains(m) || also.contains(m)) {
            let is_bad = (600..612).contains(&minute) || also.contains(&minute);
            let (status, code) = if is_bad { (503, "131016") } else { (200, "") };
            for call in 0..2 {
                let (hour, minute) = (minute / 60, minute % 60);
                let id = format!("{day}-{hour}-{minute}-{call}");
                let rest = format!("{id},b{call},eu,/1/messages,{status},{code}");
                writeln!(text, "{day}T{hour:02}:{minute:02}:0{call}Z,{rest}").unwrap();
            }
        }
        fs::create_dir_all(self.path("logs")).unwrap();
        fs::write(self.path("logs").join(format!("{day}.csv")), text).unwrap();
    }

    pub fn overrides(&self, rows: &[String]) {
        fs::write(self.path("overrides.csv"), HEADER.to_owned() + &rows.join("\n") + "\n").unwrap();
    }

    pub fn run(&self, as_of: &str, args: &[&str]) -> Ran {
        job::run(
            &self.path("uptime-ledger.toml"),
            &self.reports(),
            &[&["--simulate", "--as-of", as_of], args].concat(),
        )
    }

    /// A run that leaves a line although nothing has happened: pages get another title.
    pub fn touch(&self, as_of: &str, args: &[&str]) {
        let config = fs::read_to_string(self.path("uptime-ledger.toml")).unwrap();
        let title = "[outputs]\ntitle = \"Status\"\n";
        let config = if config.contains(title) { config.replace(title, "") } else { config + "\n" + title };
        fs::write(self.path("uptime-ledger.toml"), config).unwrap();
        self.run(as_of, args);
    }

    /// Seals by the clock, after a run in the grace of the window and the word of two persons that no rows come after `newest`.
    pub fn seal(&self, newest: &str, in_grace: &str, as_of: &str, args: &[&str]) -> Ran {
        self.touch(in_grace, args);
        self.run(as_of, args).expect(3).says(&[&format!("key: end:{newest}")]);
        self.acknowledge(&format!("end:{newest}"), as_of).expect(0);
        self.run(as_of, args)
    }

    /// Two persons acknowledge a decision.
    pub fn acknowledge(&self, key: &str, as_of: &str) -> Ran {
        let persons = ["--author", "ann", "--approver", "bob", "--reason", "it was looked into"];
        self.ask(&[&["ack", key, "--as-of", as_of], &persons[..]].concat())
    }

    pub fn ask(&self, args: &[&str]) -> Ran {
        let reports = self.reports();
        job::job(args.iter().copied().chain(["--out", reports.to_str().unwrap()]))
    }

    /// Slots of the component that count on a day.
    pub fn counted(&self, day: &str) -> u64 {
        let rows = table(&self.reports(), "availability");
        let is = |row: &&job::Row| {
            row["day"] == day
                && row["scope_kind"] == "component"
                && row["region"] == "*"
                && row["definition"] == "whatsapp"
        };
        n(rows.iter().find(is).unwrap(), "slots_counted")
    }

    pub fn status(&self, id: &str) -> (String, String) {
        let rows = table(&self.reports(), "overrides");
        let row = rows.iter().rfind(|row| row["id"] == id).unwrap_or_else(|| panic!("no {id} in {rows:?}"));
        (row["status"].clone(), row["why"].clone())
    }
}

/// A row that excuses some minutes of 2026-11-02.
fn excuse(id: &str, from: &str, to: &str, created_at: &str) -> String {
    format!(
        "{id},to_uptime,2026-11-02T{from}Z,2026-11-02T{to}Z,messages,,,131016,,caller-misuse,OPS-1,ann,bob,{created_at},"
    )
}

/// A row that finds fault with minutes of 2026-11-02 in which callers were refused.
fn blame(id: &str, created_at: &str) -> String {
    format!(
        "{id},to_downtime,2026-11-02T10:00Z,2026-11-02T10:12Z,messages,,,131016,user:*,authorization-fault,OPS-2,ann,bob,{created_at},"
    )
}

#[test]
fn the_week_is_kept_to_the_second() {
    // Of 2026-11-02 the week ends with 2026-11-10T00:00:00Z; runs may see a row a day later.
    for (created_at, seen_at, status, why) in [
        ("2026-11-09T23:59:59Z", "2026-11-10T03:00:00Z", "applied", ""),
        ("2026-11-10T00:00:00Z", "2026-11-10T03:00:00Z", "applied", ""),
        ("2026-11-10T00:00:01Z", "2026-11-10T03:00:00Z", "refused", "late:"),
        ("2026-11-05T09:00:00Z", "2026-11-11T00:00:00Z", "applied", ""),
        ("2026-11-05T09:00:00Z", "2026-11-11T00:00:01Z", "refused", "back-dated:"),
        ("2026-11-10T09:00:00Z", "2026-11-10T03:00:00Z", "refused", "future:"),
    ] {
        let books = Books::new();
        books.log("2026-11-02", 0..0);
        books.run("2026-11-03T03:00:00Z", &["--date", "2026-11-02"]).expect(0);
        assert_eq!(books.counted("2026-11-02"), 12);
        // A run was made since the week ended: else there would be more time.
        books.touch("2026-11-10T00:00:01Z", &["--date", "2026-11-02"]);
        books.overrides(&[excuse("a", "10:00", "10:12", created_at)]);
        let code = if status == "applied" { 0 } else { 3 };
        let ran = books.run(seen_at, &["--date", "2026-11-02"]).expect(code);
        let found = books.status("a");
        assert_eq!(found.0, status, "{created_at} {seen_at}: {found:?}");
        assert!(found.1.starts_with(why), "{found:?}");
        if status == "refused" {
            ran.says(&["overrides.csv:2:", "override a"]);
        }
        assert_eq!(books.counted("2026-11-02"), if status == "applied" { 0 } else { 12 });
    }
}

#[test]
fn a_run_that_an_override_splits_no_longer_counts_and_what_is_withdrawn_is_put_back() {
    let books = Books::new();
    books.log("2026-11-02", 0..0);
    let run = |as_of: &str| books.run(as_of, &["--date", "2026-11-02"]);
    run("2026-11-03T03:00:00Z").expect(0);
    // Minutes 4 and 5 of 12 are excused: runs of four and of six are left.
    books.overrides(&[excuse("a", "10:04", "10:06", "2026-11-03T09:00:00Z")]);
    run("2026-11-04T03:00:00Z")
        .expect(0)
        .says(&["restated: 2026-11-02 is now edition 2, because of overrides"]);
    assert_eq!(books.counted("2026-11-02"), 0);
    let availability = table(&books.reports(), "availability");
    assert!(availability.iter().any(|row| n(row, "slots_counted_gross") == 12), "gross stays");

    // The same counts twice, either way, and a row against which the whole of it speaks.
    let again = excuse("b", "10:05", "10:07", "2026-11-04T09:00:00Z");
    let alone = excuse("c", "10:08", "10:09", "2026-11-04T09:00:00Z").replace(",ann,bob,", ",ann,Ann,");
    let nothing = excuse("d", "04:00", "05:00", "2026-11-04T09:00:00Z");
    books.overrides(&[excuse("a", "10:04", "10:06", "2026-11-03T09:00:00Z"), again, alone, nothing]);
    let ran = run("2026-11-05T03:00:00Z").expect(3);
    ran.says(&["overlaps", "no-effect", "overrides.csv:4:"]);
    assert_eq!(books.status("a").0, "applied");
    assert_eq!(books.status("b").0, "refused");
    assert!(books.status("c").1.contains("overrides.csv:4:"), "{:?}", books.status("c"));
    assert!(books.status("d").1.starts_with("no-effect"));

    // What one row excuses another cannot blame.
    books.overrides(&[
        excuse("a", "10:04", "10:06", "2026-11-03T09:00:00Z"),
        blame("e", "2026-11-05T09:00:00Z"),
    ]);
    run("2026-11-06T03:00:00Z").expect(3).says(&["contradicts"]);
    assert_eq!(books.counted("2026-11-02"), 0);

    books.overrides(&[]);
    // Who withdraws an applied row is told so until two persons agree.
    run("2026-11-07T03:00:00Z").expect(3).says(&["override a moved 4 events", "key: row-gone:a:2026-11-02"]);
    books.acknowledge("row-gone:a:2026-11-02", "2026-11-07T03:00:00Z").expect(0);
    run("2026-11-07T03:00:00Z").expect(0);
    assert_eq!((books.counted("2026-11-02"), books.status("a").0.as_str()), (12, "withdrawn"));
    books.ask(&["verify"]).expect(0);
}

#[test]
fn a_sealed_day_stays_and_what_comes_later_stands_beside_it() {
    let books = Books::new();
    books.log("2026-11-02", 0..0);
    let run = |as_of: &str| books.run(as_of, &["--date", "2026-11-02"]);
    run("2026-11-03T03:00:00Z").expect(0);
    books.overrides(&[excuse("a", "10:00", "10:12", "2026-11-03T09:00:00Z")]);
    run("2026-11-04T03:00:00Z").expect(0);
    books
        .seal("2026-11-02", "2026-11-10T03:00:00Z", "2026-11-12T03:00:01Z", &["--date", "2026-11-02"])
        .expect(0);
    let state = || table(&books.reports(), "availability")[0]["state"].clone();
    assert_eq!((state().as_str(), books.counted("2026-11-02")), ("sealed", 0));

    // Gone after the seal: nothing changes.
    books.overrides(&[]);
    run("2026-11-13T03:00:00Z").expect(0);
    assert_eq!((books.counted("2026-11-02"), books.status("a").0.as_str()), (0, "withdrawn"));

    // A late log: the day stays, and the difference is told.
    books.log("2026-11-02", 720..740);
    run("2026-11-14T03:00:00Z")
        .expect(0)
        .says(&["adjusting: 2026-11-02 is sealed; edition 3 stands beside it"]);
    assert_eq!((state().as_str(), books.counted("2026-11-02")), ("sealed", 0));
    let restated = table(&books.reports(), "restatements");
    let adjusting =
        restated.iter().find(|r| r["is_adjusting"] == "true" && r["definition"] == "whatsapp").unwrap();
    assert_eq!((adjusting["slots_counted_delta"].as_str(), adjusting["cause"].as_str()), ("20", "logs"));
    let months = table(&books.reports(), "months");
    let month =
        months.iter().find(|m| m["scope_kind"] == "component" && m["definition"] == "whatsapp").unwrap();
    assert_eq!((n(month, "slots_counted"), n(month, "slots_counted_adjusted")), (0, 20));
    books.ask(&["verify"]).expect(0);
}

/// A run over midnight that grows when its first day is sealed: the day keeps its figure, and the growth is an adjusting row
/// that is taken back when the run shrinks again.
#[test]
fn a_run_that_grows_into_a_sealed_day_is_an_adjusting_row() {
    let books = Books::new();
    let run = |as_of: &str, day: &str| books.run(as_of, &["--date", day]).expect(0);
    books.log("2026-11-02", 1_434..1_440);
    books.log("2026-11-03", 0..3);
    run("2026-11-03T03:00:00Z", "2026-11-02");
    run("2026-11-04T03:00:00Z", "2026-11-03");
    // Nine minutes over midnight do not count; the twelve in the morning do.
    assert_eq!((books.counted("2026-11-02"), books.counted("2026-11-03")), (12, 12));
    books
        .seal("2026-11-03", "2026-11-10T03:00:00Z", "2026-11-11T03:00:01Z", &["--date", "2026-11-03"])
        .expect(0);
    let months = |column| {
        let months = table(&books.reports(), "months");
        let is = |m: &&job::Row| m["scope_kind"] == "component" && m["definition"] == "whatsapp";
        n(months.iter().find(is).unwrap(), column)
    };
    let adjusting = || -> Vec<(String, String)> {
        let rows = table(&books.reports(), "restatements");
        let is = |r: &&job::Row| {
            r["is_adjusting"] == "true" && r["definition"] == "whatsapp" && r["scope_kind"] == "component"
        };
        rows.iter().filter(is).map(|r| (r["slots_counted_delta"].clone(), r["cause"].clone())).collect()
    };
    let check = |on_third: u64, rows: &[&str], beside: u64| {
        assert_eq!((books.counted("2026-11-02"), books.counted("2026-11-03")), (12, on_third));
        let rows: Vec<(String, String)> =
            rows.iter().map(|delta| ((*delta).to_owned(), "neighbour".to_owned())).collect();
        assert_eq!(adjusting(), rows);
        assert_eq!(months("slots_counted_adjusted"), months("slots_counted") + beside);
    };
    check(12, &[], 0);
    books.log("2026-11-03", 0..6);
    run("2026-11-11T04:00:00Z", "2026-11-03");
    check(18, &["6"], 6);
    let row = "a,to_uptime,2026-11-03T00:00Z,2026-11-03T00:06Z,messages,,,131016,,caller-misuse,OPS-1,ann,bob,2026-11-10T09:00:00Z,";
    books.overrides(&[row.to_owned()]);
    run("2026-11-11T05:00:00Z", "2026-11-03");
    check(12, &["6", "-6"], 0);
    books.ask(&["verify"]).expect(0);
}

#[test]
fn what_was_published_can_be_drawn_again_byte_for_byte() {
    let books = Books::new();
    let mut kept: Vec<(String, std::collections::BTreeMap<PathBuf, Vec<u8>>)> = Vec::new();
    let keep = |kept: &mut Vec<_>, edition: &str| {
        let mut files = job::files(&books.reports());
        files.retain(|path, _| !path.starts_with("ledger") && path != Path::new(".lock"));
        kept.push((edition.to_owned(), files));
    };
    books.log("2026-11-02", 0..0);
    books.run("2026-11-03T03:00:00Z", &[]).expect(0);
    keep(&mut kept, "2026-11-02/1");
    books.overrides(&[excuse("a", "10:00", "10:03", "2026-11-03T09:00:00Z")]);
    books.log("2026-11-03", 1_433..1_440);
    books.run("2026-11-04T03:00:00Z", &[]).expect(0);
    keep(&mut kept, "2026-11-03/1");
    // Two days were missed; one of them has no log at all. The run over midnight grows by it.
    books.log("2026-11-05", 0..0);
    books.log("2026-11-04", 0..5);
    books.run("2026-11-06T03:00:00Z", &[]).expect(0);
    keep(&mut kept, "2026-11-05/1");
    books.overrides(&[]);
    let text = fs::read_to_string(books.path("uptime-ledger.toml")).unwrap().replace("99.9", "99");
    fs::write(books.path("uptime-ledger.toml"), text).unwrap();
    books.run("2026-11-07T03:00:00Z", &["--date", "2026-11-06"]).expect(3);
    keep(&mut kept, "2026-11-06/1");

    for (edition, files) in &kept {
        let into = tempfile::tempdir().unwrap();
        books.ask(&["report", "--as-of", edition, "--into", into.path().to_str().unwrap()]).expect(0);
        let drawn = job::files(into.path());
        for (path, bytes) in files {
            assert!(drawn.get(path) == Some(bytes), "{} as of {edition}", path.display());
        }
        assert_eq!(drawn.len(), files.len(), "{edition}");
    }
    books.ask(&["verify"]).expect(0);

    assert_changes_add_up(&kept, &table(&books.reports(), "restatements"));
    let before = job::files(&books.reports());
    // The day without a log still stands open.
    books
        .run("2026-11-07T04:00:00Z", &[])
        .expect(3)
        .says(&["3 stand since 2026-11-07 (no-rows, row-gone, settings)"]);
    let after = job::files(&books.reports());
    assert!(before == after, "a run with nothing new publishes nothing");
}

/// The log of the day before comes late and stands first in the list of files, so the day's own rows come from another number.
#[test]
fn a_day_that_came_out_as_it_was_is_drawn_as_it_was() {
    let books = Books::new();
    books.log("2026-11-02", 0..0);
    books.run("2026-11-03T03:00:00Z", &["--date", "2026-11-02"]).expect(0);
    let drawn = || job::files(&books.reports().join("daily/2026-11-02"));
    let before = drawn();
    let names_a_row = |page: &Vec<u8>| String::from_utf8_lossy(page).contains("logs/2026-11-02.csv:");
    assert!(before.values().any(names_a_row));
    books.log("2026-11-01", 0..0);
    books.run("2026-11-03T04:00:00Z", &["--date", "2026-11-02"]).expect(0);
    assert_eq!(table(&books.reports(), "restatements").len(), 0);
    assert!(drawn() == before, "what is drawn of the day has changed");
    books.ask(&["verify"]).expect(0);
}

/// What was shown first of each day, and every change since, come to what is shown now, to the row.
fn assert_changes_add_up(
    kept: &[(String, std::collections::BTreeMap<PathBuf, Vec<u8>>)],
    restated: &[job::Row],
) {
    const COLUMNS: [&str; 9] = [
        "slots_down",
        "slots_counted",
        "slots_degraded",
        "slots_unobserved",
        "events_good",
        "events_bad",
        "events_user",
        "events_excluded",
        "events_pending",
    ];
    let key = |row: &job::Row| ["day", "scope_kind", "scope", "definition"].map(|c| row[c].clone());
    let shown = |files: &std::collections::BTreeMap<PathBuf, Vec<u8>>| -> Vec<job::Row> {
        let mut reader = csv::Reader::from_reader(files[Path::new("availability.csv")].as_slice());
        let rows = reader.deserialize().map(Result::<job::Row, _>::unwrap);
        rows.filter(|row| row["region"] == "*").collect()
    };
    let mut sums = std::collections::BTreeMap::new();
    for row in kept.iter().flat_map(|(_, files)| shown(files)) {
        sums.entry(key(&row)).or_insert_with(|| COLUMNS.map(|c| row[c].parse::<i64>().unwrap()));
    }
    for row in restated.iter().filter(|row| row["is_adjusting"] == "false") {
        let sum = sums.get_mut(&key(row)).unwrap();
        for (at, column) in COLUMNS.into_iter().enumerate() {
            sum[at] += row[&format!("{column}_delta")].parse::<i64>().unwrap();
        }
    }
    for row in shown(&kept.last().unwrap().1) {
        assert_eq!(sums[&key(&row)], COLUMNS.map(|c| row[c].parse::<i64>().unwrap()), "{:?}", key(&row));
    }
    for cause in ["overrides", "neighbour"] {
        assert!(restated.iter().any(|row| row["cause"] == cause), "no {cause} in {restated:?}");
    }
}

#[test]
fn a_policy_that_books_nothing_is_no_part_of_the_ledger() {
    let books = Books::new();
    books.log("2026-11-02", 0..0);
    books.run("2026-11-03T03:00:00Z", &["--date", "2026-11-02"]).expect(0);
    books
        .seal("2026-11-02", "2026-11-10T03:00:00Z", "2026-11-12T03:00:01Z", &["--date", "2026-11-02"])
        .expect(0);
    // Every day is sealed, and goes on under the policy of its time.
    let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/policy.toml");
    fs::write(books.path("p.toml"), fs::read_to_string(policy).unwrap() + "\n# Changed.\n").unwrap();
    let config = fs::read_to_string(books.path("uptime-ledger.toml")).unwrap();
    fs::write(books.path("uptime-ledger.toml"), format!("policy = \"p.toml\"\n{config}")).unwrap();
    books.run("2026-11-13T03:00:00Z", &["--date", "2026-11-02"]).expect(0);
    books.ask(&["verify"]).expect(0);
}

#[test]
fn a_file_that_was_touched_is_named() {
    let books = Books::new();
    books.log("2026-11-02", 0..0);
    books.log("2026-11-03", 0..0);
    books.run("2026-11-04T03:00:00Z", &["--from", "2026-11-02", "--to", "2026-11-03"]).expect(0);
    let ledger = books.reports().join("ledger");
    for path in job::paths(&ledger) {
        let bytes = fs::read(&path).unwrap();
        let mut flipped = bytes.clone();
        let middle = bytes.len() / 2;
        flipped[middle] ^= 1;
        let cut = bytes[..bytes.len() - 1].to_vec();
        let twice = [&bytes[..], &bytes[middle..]].concat();
        for bad in [flipped, cut, twice] {
            fs::write(&path, &bad).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap();
            let told = books.ask(&["verify"]).expect(1);
            let is_named = told.stderr.contains(name)
                || path.parent().is_some_and(|p| told.stderr.contains(p.to_str().unwrap()))
                || (name == "journal.ndjson" && told.stderr.contains("journal"))
                || (name == "journal.head" && told.stderr.contains("journal"));
            assert!(is_named, "{}: {}", path.display(), told.stderr);
        }
        fs::write(&path, &bytes).unwrap();
    }
    let stranger = ledger.join("editions/2026-11-02/0001/more.txt");
    fs::write(&stranger, "x").unwrap();
    books.ask(&["verify"]).expect(1).says(&["more.txt"]);
    fs::remove_file(stranger).unwrap();
    let report = books.reports().join("availability.csv");
    fs::write(&report, "day\n").unwrap();
    books.ask(&["verify"]).expect(1).says(&["availability.csv"]);
    books.ask(&["report"]).expect(0);
    books.ask(&["verify"]).expect(0);
}

#[test]
fn a_red_minute_is_explained() {
    let books = Books::new();
    books.log("2026-11-02", 0..0);
    books.run("2026-11-03T03:00:00Z", &["--date", "2026-11-02"]).expect(0);
    let text = books.ask(&["explain", "--at", "2026-11-02T10:07Z"]).expect(0).stdout;
    for part in [
        "down, because 2 of 2 judged events were bad",
        "12m00s down",
        "platform-fault",
        "logs/2026-11-02.csv:",
        "131016",
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    let json = books
        .ask(&["explain", "--at", "2026-11-02T10:20Z", "--service", "messages", "--json"])
        .expect(0)
        .json();
    assert_eq!((&json["state"], &json["services"][0]["good"]), (&"up".into(), &2.into()));
    books
        .ask(&["explain", "--at", "2026-11-02T10:07Z", "--service", "mesages"])
        .expect(2)
        .says(&["messages"]);
    books.ask(&["explain", "--at", "2026-12-02T10:07Z"]).expect(2).says(&["has no edition"]);

    let file = books.path("overrides.csv");
    let new = [
        "override",
        "new",
        "--at",
        "2026-11-02T10:07Z",
        "--direction",
        "to_uptime",
        "--reason",
        "caller-misuse",
    ];
    let more = ["--service", "messages", "--ticket", "OPS-1", "--author", "ann", "--approver", "bob"];
    let rest = ["--created-at", "2026-11-03T09:00Z", "--append", file.to_str().unwrap()];
    books.ask(&[&new[..], &more[..], &rest[..]].concat()).expect(0);
    let config = books.path("uptime-ledger.toml");
    job::job(["check", "--config", config.to_str().unwrap()]).expect(0);
    books.run("2026-11-04T03:00:00Z", &["--date", "2026-11-02"]).expect(0);
    assert_eq!(books.counted("2026-11-02"), 0);
    let text = books.ask(&["explain", "--at", "2026-11-02T10:07Z"]).expect(0).stdout;
    assert!(text.contains("before overrides it was down") && text.contains("approved by bob"), "{text}");
    let diff = books.ask(&["diff", "2026-11-02/1", "2026-11-02/2"]).expect(0).stdout;
    assert!(diff.contains("12 -> 0") && diff.contains("+24 user:caller"), "{diff}");
    let history = books.ask(&["history", "2026-11-02"]).expect(0).stdout;
    assert!(history.contains("restated") && history.contains("overrides"), "{history}");
}
