//! Doors: what stands beside the tables is read back by other hands, bears the worst texts, and is a function of the ledger
//! also where only a part of it is drawn.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use atom_syndication::Feed;
use calamine::{Data, Range, Reader, Xlsx};
use serde_json::Value as Json;
use uptime_ledger::config::{Component, Config, Format, Service};
use uptime_ledger::day::SlotLength;
use uptime_ledger::ledger::{Applied, Edition, Entry, JudgedRow, Kept, Ledger, Outline, RowStatus, Settings};
use uptime_ledger::measure;
use uptime_ledger::overrides::Override;
use uptime_ledger::policy::{Account, Direction, Policy};
use uptime_ledger::report::{self, Days, Drawing};

use crate::given::{self, Event, day};
use crate::job::{self, Ran};

/// All that has ever broken a format, on one line or more.
const WORST: &str = "=HYPERLINK(\"http://x\",1)\u{0}\u{7}\r\n\t  ;date:x [2026-99-99] (a)  }\"\\<script>alert(1)</script>&amp;]]>\u{202e}gpj\u{ffff}\u{2028}_x000A_ é🦀";

/// The same, and ten thousand more.
fn worst() -> &'static str {
    Box::leak(format!("{WORST}{}", "x".repeat(10_000)).into_boxed_str())
}

/// Runs a tool on a text, when it is there; with CI set it must be.
fn tool(name: &str, args: &[&str], input: &str) -> Option<Ran> {
    let mut command = Command::new(name);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "{name} is needed: {error}");
            // Written as it is: what `eprintln!` says is only shown of a test that fails.
            let told = format!("skipped: what {name} says, because it is missing: {error}\n");
            std::io::stderr().write_all(told.as_bytes()).unwrap();
            return None;
        }
    };
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Some(Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) })
}

/// A day in which everything that people and logs name is named in the worst way, with all of its doors.
struct Hostile {
    reports: tempfile::TempDir,
    row: Override,
}

impl Hostile {
    fn new() -> Self {
        let reports = tempfile::tempdir().unwrap();
        let service = worst();
        let config = Config {
            services: vec![Service { name: service.into(), endpoints: Vec::new() }],
            components: vec![Component {
                name: format!("C {WORST}"),
                services: vec![service.into()],
                target_micro_percent: Some(99_900_000),
            }],
            regions: vec![format!("@{WORST}")],
            ..given::config(SlotLength::Minutes5)
        };
        let event = |slot, account, code, events| Event {
            slot,
            service,
            region: "-",
            account,
            code,
            caller: 1,
            events,
        };
        let mut events: Vec<Event> =
            (120..125).map(|slot| event(slot, Account::BadPlatformError, Some(131_016), 20)).collect();
        events.push(event(0, Account::Good, None, 7));
        events.push(Event { service: "a;b", ..event(1, Account::Suspense, Some(-1), 3) });
        events.push(Event { service: "a_b", ..event(2, Account::Pending, None, 2) });
        events.push(Event { service: "a_b", ..event(3, Account::Unknown, None, 4) });

        let mut draft = given::draft(day("2026-11-20"), &config, &events);
        let at = given::clock(&draft);
        let row = Override {
            id: worst().into(),
            direction: Direction::ToUptime,
            start_us: day("2026-11-20").start_us(),
            end_us: day("2026-11-20").end_us(),
            service: None,
            region: None,
            business_id: None,
            error_code: None,
            account: None,
            reason: WORST.into(),
            to: "user:caller".into(),
            ticket: format!("+{WORST}"),
            author: format!("-{WORST}"),
            approver: format!("\t{WORST}"),
            created_at_us: i64::MAX,
            note: worst().repeat(10),
            also_business_id: Vec::new(),
        };
        draft.edition.overrides = vec![Applied { row: row.clone(), events: 0, slots_changed: 0 }];
        let mut settings = Settings::of(&config);
        settings.outputs.title = worst().into();
        settings.outputs.url = Some("https://status.example.com/?a=1&b=<2>/".into());
        let mut ledger = given::writer(reports.path(), &draft);
        let policy = Policy::built_in();
        ledger.keep_policy(&policy).unwrap();
        draft.edition.policy = policy.fingerprint();
        ledger.append(at, Entry::Settings { settings: settings.clone(), governed: None }).unwrap();
        ledger
            .append(at, Entry::Overrides { seen: vec![row.clone()], gone: Vec::new(), salt: None })
            .unwrap();
        let judged =
            JudgedRow { row: row.identity(), status: RowStatus::Applied, why: WORST.into(), events: None };
        ledger.append(at, Entry::Judged { rows: vec![judged] }).unwrap();
        let edition = ledger.publish(draft, &Kept::default(), at).unwrap().edition;
        drop(ledger);

        let hostile = Self { reports, row };
        hostile.draw(&edition, &settings);
        hostile
    }

    fn draw(&self, edition: &Edition, settings: &Settings) {
        let ledger = Ledger::open(self.reports.path()).unwrap();
        let outlines = [Outline::of(edition)];
        let figures = measure::draw(&outlines, &settings.config());
        let overridden = outlines.as_slice();
        let drawing = Drawing { overridden, ..given::drawing(&ledger, settings, &figures) };
        let none = Days { days: &[], read: &|day| unreachable!("{day} was not asked for"), workers: 1 };
        report::render(self.reports.path(), &drawing, None, &none).unwrap();
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(fs::read(self.reports.path().join(name)).unwrap()).unwrap()
    }
}

/// Nothing that a terminal, a browser or XML would trip over; line ends are no text.
#[track_caller]
fn assert_plain(name: &str, text: &str) {
    let is_bad = |c: char| {
        (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{2028}' | '\u{ffff}' | '\u{fffe}')
    };
    assert!(!text.contains(is_bad), "{name}: {:?}", text.chars().find(|c| is_bad(*c)));
}

#[test]
fn the_worst_texts_do_no_harm() {
    let hostile = Hostile::new();

    let status: Json = serde_json::from_str(&hostile.text("status.json")).unwrap();
    fits(&serde_json::from_str(&report::status_schema()).unwrap(), &status);
    assert_eq!(status["components"][0]["name"], format!("C {WORST}"), "programs find what they look for");
    assert_eq!(status["outages"][0]["overrides"][0], hostile.row.id);

    let text = hostile.text("outages.atom");
    assert_plain("outages.atom", &text);
    assert!(!text.contains("<script"), "{text}");
    let feed = Feed::read_from(text.as_bytes()).unwrap();
    assert_eq!(feed.entries.len(), 1);
    assert!(feed.entries[0].title.value.contains("<script>alert(1)</script>&amp;"), "{:?}", feed.entries[0]);
    assert!(text.len() < 10_000, "ten thousand letters are no headline");

    let text = hostile.text("metrics.prom");
    assert_plain("metrics.prom", &text);
    if let Some(ran) = tool("promtool", &["check", "metrics"], &text) {
        let ran = ran.expect(0);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    }

    let text = hostile.text("months/2026-11.journal");
    assert_plain("2026-11.journal", &text);
    if let Some(ran) = tool("hledger", &["-f", "-", "check", "--strict", "ordereddates"], &text) {
        ran.expect(0);
        let accounts = tool("hledger", &["-f", "-", "balance", "--flat", "-N", "-O", "csv"], &text).unwrap();
        let accounts = accounts.expect(0).stdout;
        for part in [
            "\"bad:platform:error:",
            "\"pending:a_b\",\"2 ev\"",
            "\"suspense:a_b~",
            "\"unknown:a_b\",\"4 ev\"",
            "\"events\",\"-116 ev\"",
        ] {
            assert!(accounts.contains(part), "no `{part}` in\n{accounts}");
        }
        assert_eq!(accounts.lines().count(), 1 + 5 + 7 + 1, "{accounts}");
    }

    let bytes = fs::read(hostile.reports.path().join("months/2026-11.xlsx")).unwrap();
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes)).unwrap();
    for name in book.sheet_names() {
        assert!(book.worksheet_formula(&name).unwrap().is_empty(), "{name} holds a formula");
        for (row, column, cell) in book.worksheet_range(&name).unwrap().used_cells() {
            if let Data::String(text) = cell {
                assert_plain(&format!("{name} {row}:{column}"), text);
                assert!(text.encode_utf16().count() <= 32_767);
            }
        }
    }
    let overrides = book.worksheet_range("Overrides").unwrap();
    let Data::String(note) = at(&overrides, 1, "note") else { panic!("a note is text") };
    assert!(
        note.starts_with("=HYPERLINK(") && note.contains("_x000A_ é🦀xxx") && note.len() > 32_000,
        "{note}"
    );
    assert!(matches!(at(&overrides, 1, "start"), Data::DateTime(_)));
    assert!(matches!(at(&overrides, 1, "created_at"), Data::String(_)), "no workbook knows that year");
}

/// A cell by its row and the name of its column.
#[track_caller]
fn at<'a>(sheet: &'a Range<Data>, row: usize, column: &str) -> &'a Data {
    let header = sheet.rows().next().unwrap();
    let at = header.iter().position(|cell| *cell == column).unwrap_or_else(|| panic!("no {column}"));
    &sheet.rows().nth(row).unwrap()[at]
}

/// As much of JSON Schema as ours uses.
#[track_caller]
fn fits(root: &Json, value: &Json) {
    if let Err(why) = check(root, root, value, "$") {
        panic!("{why}");
    }
}

fn check(root: &Json, schema: &Json, value: &Json, at: &str) -> Result<(), String> {
    let fail = |why: &str| Err(format!("{at}: {why}: {value}"));
    if let Some(to) = schema["$ref"].as_str() {
        check(root, root.pointer(to.trim_start_matches('#')).unwrap(), value, at)?;
    }
    if let Some(any) = schema["anyOf"].as_array()
        && any.iter().all(|one| check(root, one, value, at).is_err())
    {
        return fail("is none of these");
    }
    let kinds = match &schema["type"] {
        Json::Array(kinds) => kinds.clone(),
        Json::Null => Vec::new(),
        kind => vec![kind.clone()],
    };
    let is = |kind: &Json| match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other}"),
    };
    if !kinds.is_empty() && !kinds.iter().any(is) {
        return fail("is of another type");
    }
    if schema["enum"].as_array().is_some_and(|all| !all.contains(value)) {
        return fail("is not in the list");
    }
    if let (Some(properties), Some(fields)) = (schema["properties"].as_object(), value.as_object()) {
        let [said, found] =
            [properties, fields].map(|of| of.keys().map(String::as_str).collect::<BTreeSet<_>>());
        let required: BTreeSet<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
        // Only what says that a ledger is a simulation, or that older journals were put back, may be absent.
        let optional = BTreeSet::from(["is_simulated", "older_journals"]);
        if !found.is_subset(&said) || !said.difference(&found).all(|name| optional.contains(name)) {
            return fail("has other properties");
        }
        if required != said.difference(&optional).copied().collect() {
            return fail("requires other properties");
        }
        for (name, field) in fields {
            check(root, &properties[name], field, &format!("{at}.{name}"))?;
        }
    }
    for (n, item) in value.as_array().into_iter().flatten().enumerate() {
        check(root, &schema["items"], item, &format!("{at}[{n}]"))?;
    }
    Ok(())
}

/// A folder whose days are all good but for some minutes.
struct Place {
    dir: tempfile::TempDir,
}

const CONFIG: &str = r#"
salt = "a pinch of salt for tests"
slot = "5m"
regions = ["eu"]

[[source]]
name = "edge"
paths = "logs/{date}.csv"
neighbours = 0

[[service]]
name = "messages"

[[component]]
name = "Cloud API"
services = ["messages"]
target_percent = 99.9

[definition]
min_events = 2

[limits]
coverage_percent = 0

[overrides]
path = "overrides.csv"
"#;
const HEADER: &str = "id,direction,start,end,service,region,business_id,error_code,account,reason,ticket,author,approver,created_at,note\n";

impl Place {
    fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(place.path("logs")).unwrap();
        place.config("");
        place.overrides(&[]);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn config(&self, more: &str) {
        fs::write(self.path("uptime-ledger.toml"), format!("{CONFIG}\n{more}")).unwrap();
    }

    fn overrides(&self, rows: &[&str]) {
        fs::write(self.path("overrides.csv"), HEADER.to_owned() + &rows.join("\n") + "\n").unwrap();
    }

    /// Two calls every five minutes; those of the slots fail.
    fn log(&self, day: &str, service: &str, down: impl Fn(u32) -> bool) {
        let mut text = "ts,request_id,business_id,region,service,http_status,error_code\n".to_owned();
        for slot in 0..288 {
            let (status, code) = if down(slot) { (503, "131016") } else { (200, "") };
            for call in 0..2 {
                let (hour, minute) = (slot / 12, slot % 12 * 5);
                let id = format!("{day}-{slot}-{call}");
                writeln!(text, "{day}T{hour:02}:{minute:02}:0{call}Z,{id},b,eu,{service},{status},{code}")
                    .unwrap();
            }
        }
        fs::write(self.path("logs").join(format!("{day}.csv")), text).unwrap();
    }

    /// Runs a day, and draws everything again beside it: not a byte may differ.
    #[track_caller]
    fn run(&self, as_of: &str, day: &str) {
        let args = ["--simulate", "--as-of", as_of, "--date", day];
        let ran = job::run(&self.path("uptime-ledger.toml"), &self.path("out"), &args);
        assert!(matches!(ran.code, Some(0 | 3)), "{ran:?}");
        self.verify();
    }

    #[track_caller]
    fn verify(&self) {
        job::job([Path::new("verify"), Path::new("--out"), &self.path("out")]).expect(0);
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path("out").join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }
}

#[test]
fn what_is_drawn_in_parts_is_what_is_drawn_whole() {
    let place = Place::new();
    // The only day of September is sealed before the month is final, which it then becomes by the clock alone.
    for (as_of, day) in [("2026-09-11T03:00:00Z", "2026-09-10"), ("2026-10-10T03:00:00Z", "2026-10-09")] {
        place.log(day, "messages", |_| false);
        place.run(as_of, day);
    }
    // October ends in an outage that November continues, over three days of which the middle one comes last.
    place.log("2026-10-30", "messages", |slot| slot >= 280);
    place.run("2026-10-31T03:00:00Z", "2026-10-30");
    place.log("2026-11-01", "messages", |slot| slot < 20);
    place.run("2026-11-02T03:00:00Z", "2026-11-01");
    place.log("2026-10-31", "messages", |_| true);
    place.run("2026-11-02T04:00:00Z", "2026-10-31");
    // A row over both months is first refused, then applied; another waits for a day that never comes.
    let row = |id: &str, from: &str, to: &str| {
        format!(
            "{id},to_uptime,{from},{to},messages,,,131016,,caller-misuse,OPS-1,ann,bob,2026-11-02T09:00:00Z,"
        )
    };
    let long = row("long", "2026-10-31T23:00Z", "2026-11-02T01:00Z");
    let waiting = row("waiting", "2026-10-28T00:00Z", "2026-10-28T01:00Z");
    place.overrides(&[&long.replace(",bob,", ",ann,"), &waiting]);
    place.run("2026-11-03T03:00:00Z", "2026-11-01");
    place.overrides(&[&long, &waiting]);
    place.run("2026-11-03T04:00:00Z", "2026-11-01");
    place.overrides(&[&long]);
    place.run("2026-11-03T05:00:00Z", "2026-11-01");
    place.log("2026-11-02", "messages", |slot| slot < 6);
    place.run("2026-11-04T03:00:00Z", "2026-11-02");
    place.log("2026-11-05", "messages", |slot| slot < 6);
    place.run("2026-11-06T03:00:00Z", "2026-11-05");
    for month in ["2026-10", "2026-11"] {
        let text = String::from_utf8(place.read(&format!("months/{month}.journal"))).unwrap();
        assert!(text.contains(") overrides\n"), "{text}");
        if let Some(ran) = tool("hledger", &["-f", "-", "check", "--strict", "ordereddates"], &text) {
            ran.expect(0);
        }
    }
    // Months become final while the job is down, and another service begins.
    place.log("2026-12-08", "calls", |slot| slot == 7);
    place.run("2026-12-09T03:00:00Z", "2026-12-08");
    let sheet = |name: &str| {
        let bytes = Cursor::new(place.read("months/2026-10.xlsx"));
        let mut book: Xlsx<_> = calamine::open_workbook_from_rs(bytes).unwrap();
        book.worksheet_range(name).unwrap()
    };
    assert_eq!(*at(&sheet("Month"), 1, "status"), "incomplete (3 of 31 days)");
    assert!(!sheet("Month").used_cells().any(|(_, _, cell)| *cell == "calls"), "October knew no calls");
    assert!(sheet("Outages").height() > 1 && sheet("Overrides").height() == 3, "{:?}", sheet("Overrides"));

    // From then on October stays as it is, whatever comes.
    let october = || ["xlsx", "journal"].map(|ending| place.read(&format!("months/2026-10.{ending}")));
    let before = october();
    place.log("2026-12-09", "messages", |slot| slot < 9);
    place.run("2026-12-10T03:00:00Z", "2026-12-09");
    assert!(before == october());
    // But for what is found out about it, or about a row that reaches into it.
    place.log("2026-11-02", "messages", |slot| slot < 12);
    place.run("2026-12-11T03:00:00Z", "2026-11-02");
    let after = october();
    assert!(before[0] != after[0] && before[1] == after[1]);
    place.log("2026-10-30", "messages", |slot| slot >= 200);
    place.run("2026-12-12T03:00:00Z", "2026-10-30");
    assert!(after[0] != october()[0]);
}

#[test]
fn what_is_switched_off_is_taken_away() {
    let place = Place::new();
    place.log("2026-11-20", "messages", |slot| (120..125).contains(&slot));
    place.run("2026-11-21T03:00:00Z", "2026-11-20");
    let doors = [
        ("json", "status.json"),
        ("atom", "outages.atom"),
        ("prometheus", "metrics.prom"),
        ("excel", "months/2026-11.xlsx"),
        ("hledger", "months/2026-11.journal"),
    ];
    let is_there = |file: &str| place.path("out").join(file).exists();
    assert!(doors.iter().all(|(_, file)| is_there(file)));
    for (hour, (format, file)) in (4..).zip(doors) {
        let others = Format::ALL.iter().map(|(name, _)| *name).filter(|name| *name != format);
        let others: Vec<String> = others.map(|name| format!("\"{name}\"")).collect();
        place.config(&format!("[outputs]\nformats = [{}]", others.join(", ")));
        place.run(&format!("2026-11-21T{hour:02}:00:00Z"), "2026-11-20");
        for (_, other) in doors {
            assert_eq!(is_there(other), other != file, "{other} without {format}");
        }
    }
    place.config("[outputs]\nformats = []");
    place.run("2026-11-21T20:00:00Z", "2026-11-20");
    assert!(!doors.iter().any(|(_, file)| is_there(file)));
}

#[test]
fn programs_are_told_what_the_tables_say() {
    let place = Place::new();
    place.config("[outputs]\ntitle = \"Messaging\"\nurl = \"https://status.example.com\"");
    place.log("2026-11-19", "messages", |_| false);
    place.run("2026-11-20T03:00:00Z", "2026-11-19");
    place.log("2026-11-20", "messages", |slot| (120..125).contains(&slot) || slot == 287);
    place.run("2026-11-21T03:00:00Z", "2026-11-20");
    let months = job::table(&place.path("out"), "months");
    let month = months.iter().find(|m| m["scope_kind"] == "component" && m["region"] == "*").unwrap();

    let status: Json = serde_json::from_slice(&place.read("status.json")).unwrap();
    fits(&serde_json::from_str(&report::status_schema()).unwrap(), &status);
    let component = &status["components"][0];
    assert_eq!(
        (&status["title"], &status["data_through"]),
        (&"Messaging (simulated)".into(), &"2026-11-20".into())
    );
    assert_eq!(component["condition"], "low_disruption");
    assert_eq!(component["month"]["availability_percent"]["net"], month["availability_percent_net"]);
    assert_eq!(component["month"]["slots_counted"]["net"].to_string(), month["slots_counted"]);
    assert_eq!(component["month"]["budget"]["remaining"].to_string(), month["budget_remaining"]);
    assert_eq!(component["last_month"], Json::Null);
    let days = component["days"].as_array().unwrap();
    assert_eq!((days.len(), &days[1]["slots_down"], &days[1]["slots_counted"]), (2, &6.into(), &5.into()));
    assert_eq!(status["outages"][1]["error_codes"][0]["error_code"], 131_016);

    let feed = Feed::read_from(place.read("outages.atom").as_slice()).unwrap();
    assert_eq!(feed.links[0].href, "https://status.example.com/outages.atom");
    let titles: Vec<&str> = feed.entries.iter().map(|entry| entry.title.value.as_str()).collect();
    let want = [
        "Cloud API down 2026-11-20 23:55 to 2026-11-21 00:00 UTC, does not count",
        "Cloud API down 2026-11-20 10:00-10:25 UTC, counts",
    ];
    assert_eq!(titles, want);
    let entry = &feed.entries[1];
    assert_eq!(entry.links[0].href, "https://status.example.com/daily/2026-11-20/index.html");
    assert_eq!(entry.updated.to_rfc3339(), "2026-11-21T03:00:00+00:00");
    let summary = &entry.summary.as_ref().unwrap().value;
    for part in [
        "25 min down, class >5m; under the definition whatsapp it counts. Bad events: 10. It took at least ",
        " and at most ",
        ". Error codes and their bad events: 131016:10.",
    ] {
        assert!(summary.contains(part), "{summary}");
    }
    let summary = &feed.entries[0].summary.as_ref().unwrap().value;
    assert!(
        summary.contains("No success has followed up to the end of the data: it may go on."),
        "{summary}"
    );

    let text = String::from_utf8(place.read("metrics.prom")).unwrap();
    let ratio = month["availability_percent_net"].parse::<f64>().unwrap() / 100.0;
    for want in [
        format!(
            "uptime_ledger_availability_ratio{{book=\"net\",component=\"Cloud API\",period=\"month\"}} {ratio}\n"
        ),
        format!(
            "uptime_ledger_budget_remaining_slots{{component=\"Cloud API\",period=\"month\"}} {}\n",
            month["budget_remaining"]
        ),
        "uptime_ledger_data_through_timestamp_seconds 1795219200\n".to_owned(),
        "uptime_ledger_condition{component=\"Cloud API\",condition=\"low_disruption\"} 1\n".to_owned(),
    ] {
        assert!(text.contains(&want), "no `{want}` in\n{text}");
    }

    let text = String::from_utf8(place.read("months/2026-11.journal")).unwrap();
    if let Some(ran) = tool("hledger", &["-f", "-", "balance", "-O", "csv", "cur:ev"], &text) {
        for account in ["good:messages\",\"1140", "bad:platform:error:messages\",\"12"] {
            assert!(ran.stdout.contains(account), "{}", ran.stdout);
        }
    }
    let mut book: Xlsx<_> =
        calamine::open_workbook_from_rs(Cursor::new(place.read("months/2026-11.xlsx"))).unwrap();
    assert_eq!(book.sheet_names(), ["Month", "Days", "Outages", "Overrides", "Restatements", "Columns"]);
    let sheet = book.worksheet_range("Outages").unwrap();
    let Data::DateTime(start) = at(&sheet, 1, "start") else { panic!("an instant is a date") };
    let (year, month, day, hour, minute, ..) = start.to_ymd_hms_milli();
    assert_eq!((year, month, day, hour, minute), (2026, 11, 20, 10, 0));
    assert_eq!(*at(&sheet, 1, "duration_seconds"), 1_500.0);
}
