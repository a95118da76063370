//! Failed days: a day that cannot be read or booked, or that is damaged, stops itself alone.

use std::fs;
use std::path::{Path, PathBuf};

use uptime_ledger::clock::{Clock, ClockSource};
use uptime_ledger::daybook;
use uptime_ledger::ledger::Writer;

use crate::attention::{Desk, calls};
use crate::job::{self, Ran, Row};

const CONFIG: &str = "regions = [\"eu\"]\n\
     [[source]]\nname = \"calls\"\npaths = [\"r-{date}.ndjson\"]\nneighbours = 0\n\
     [[source]]\nname = \"hooks\"\nlog = \"webhooks\"\npaths = [\"w-{date}.ndjson\"]\nneighbours = 0\n\
     [[service]]\nname = \"messages\"\n\
     [overrides]\npath = \"overrides.csv\"\n\
     [outputs]\nformats = [\"html\", \"hledger\"]\n";
const HEADER: &str = "id,direction,start,end,service,region,business_id,error_code,account,reason,ticket,author,approver,created_at,note\n";
const FIRST: &str = "2026-11-18";

fn day(n: i64) -> String {
    FIRST.parse::<uptime_ledger::day::Day>().unwrap().plus(n).to_string()
}

/// The morning after a day.
fn at(n: i64) -> String {
    format!("{}T03:00:00Z", day(n + 1))
}

/// A desk with an override row; each day has an outage that ends at midnight and one that begins there.
struct World(Desk);

impl World {
    /// A world in which some nights have passed.
    fn after(nights: i64) -> Self {
        let world = Self(Desk::new(CONFIG));
        let row = format!(
            "a,to_uptime,{0}T10:00Z,{0}T10:10Z,,,,,,caller-misuse,OPS-1,Ann,Bo,2026-11-19T00:00Z,\n",
            day(0)
        );
        world.0.file("overrides.csv", &format!("{HEADER}{row}"));
        (0..nights).for_each(|n| _ = world.night(n));
        world
    }

    /// Another world in which the same has happened.
    fn copy(&self) -> Self {
        let copy = Desk::new(CONFIG);
        for path in job::paths(self.0.dir.path()) {
            let to = copy.path(path.strip_prefix(self.0.dir.path()).unwrap().to_str().unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(&path, to).unwrap();
        }
        Self(copy)
    }

    fn ship(&self, n: i64) {
        let day = day(n);
        let calls = calls(&day, 0..1_440, |minute| {
            let code = if (600..615).contains(&minute) || !(8..1_432).contains(&minute) { 500 } else { 200 };
            let message =
                if code == 200 { format!(r#","message_id":"{day}-{minute}""#) } else { String::new() };
            format!(r#","http_status":{code},"region":"eu","service":"messages"{message}"#)
        });
        // Five failures a minute make a run by themselves.
        let again = |copy: u32| {
            let failed = calls.lines().filter(|row| row.contains(":500"));
            failed.map(move |row| row.replace("request_id\":\"", &format!("request_id\":\"{copy}-")) + "\n")
        };
        let calls = calls.clone() + &(1..5).flat_map(again).collect::<String>();
        self.0.file(&format!("r-{day}.ndjson"), &calls);
        let status = |minute: u32, of: &str, status: &str| {
            format!(
                r#"{{"ts":"{day}T{:02}:{:02}:30Z","webhook_id":"{status}-{of}-{minute}","attempt_no":1,"outcome":"http","http_status":200,"region":"eu","service":"messages","message_id":"{of}-{minute}","status":"{status}"}}"#,
                minute / 60,
                minute % 60
            ) + "\n"
        };
        let mut hooks: String = (8..1_432).map(|minute| status(minute, &day, "sent")).collect();
        // What becomes of a message of the day before is told a day later, so that day is booked again.
        if n > 0 {
            hooks += &status(700, &self::day(n - 1), "failed");
        }
        self.0.file(&format!("w-{day}.ndjson"), &hooks);
    }

    fn night(&self, n: i64) -> Ran {
        self.ship(n);
        self.0.night(&at(n))
    }

    fn reports(&self) -> PathBuf {
        self.0.path("reports")
    }

    fn editions(&self) -> PathBuf {
        self.0.path("reports/ledger/editions")
    }

    /// Net figures over all regions, without the editions that they come from.
    fn figures(&self, table: &str) -> Vec<Vec<String>> {
        let columns = [
            "scope_kind",
            "scope",
            "definition",
            "slots_down",
            "slots_counted",
            "slots_unobserved",
            "events_good",
        ];
        let columns = [&columns[..], &["events_bad", "availability_percent_net"]].concat();
        let of = |row: &Row| {
            let period = row.get("day").or_else(|| row.get("month")).unwrap().clone();
            let cells = columns.iter().map(|column| row[*column].clone());
            std::iter::once(period).chain(cells).collect()
        };
        let rows = job::table(&self.reports(), table);
        rows.iter().filter(|row| row["region"] == "*").map(of).collect()
    }

    #[track_caller]
    fn is_like(&self, other: &Self, what: &str) {
        for table in ["availability", "months"] {
            assert_eq!(self.figures(table), other.figures(table), "{what}: {table}");
        }
    }

    fn kinds(&self, at: &str) -> Vec<String> {
        let standing = self.0.standing(at);
        standing.iter().map(|one| one["kind"].as_str().unwrap().to_owned()).collect()
    }
}

/// Returns the only file of this name below a folder.
#[track_caller]
fn find(folder: &Path, name: &str) -> PathBuf {
    let found: Vec<PathBuf> = job::paths(folder).into_iter().filter(|path| path.ends_with(name)).collect();
    let [one] = &found[..] else { panic!("{name} in {}: {found:?}", folder.display()) };
    one.clone()
}

/// Ways of losing what a file says.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Garbage,
    Cut,
    Gone,
}

impl Harm {
    const ALL: [Self; 3] = [Self::Garbage, Self::Cut, Self::Gone];

    fn inflict(self, path: &Path) -> Vec<u8> {
        let before = fs::read(path).unwrap();
        match self {
            Self::Garbage => fs::write(path, b"\x1f\x8b\x08\x00garbage").unwrap(),
            Self::Cut => fs::write(path, &before[..before.len() / 2]).unwrap(),
            Self::Gone => fs::remove_file(path).unwrap(),
        }
        before
    }
}

#[test]
fn a_day_whose_logs_cannot_be_read_waits_and_the_others_go_on() {
    let (whole, world) = (World::after(4), World::after(1));
    world.ship(1);
    let [calls, hooks] = ["r", "w"].map(|log| world.0.path(&format!("{log}-{}.ndjson", day(1))));
    let logs = [&calls, &hooks].map(|log| Harm::Garbage.inflict(log));
    // Nothing else is due.
    let ran = world.0.night(&at(1));
    let said =
        ["attention[not-published]: 2026-11-19: it could not be read", "r-2026-11-19.ndjson", "0 of 1 days"];
    assert_eq!(ran.code, Some(1), "{ran:?}");
    ran.says(&said);
    world.night(2).expect(3).says(&["not-published"]);
    let days: Vec<String> = world.figures("availability").into_iter().map(|row| row[0].clone()).collect();
    assert!(days.contains(&day(2)) && !days.contains(&day(1)), "{days:?}");
    assert!(world.kinds(&at(2)).contains(&"not-published".to_owned()));
    for (path, text) in [&calls, &hooks].into_iter().zip(logs) {
        fs::write(path, text).unwrap();
    }
    let ran = world.night(3);
    assert!(!ran.stderr.contains("not-published"), "{}", ran.stderr);
    world.is_like(&whole, "mended");
    world.0.ask(&["verify"]).expect(0);
}

#[test]
fn a_socket_in_the_place_of_a_log_stops_nothing() {
    let (whole, world) = (World::after(3), World::after(1));
    world.ship(1);
    let path = world.0.path(&format!("r-{}.ndjson", day(1)));
    let text = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    world.0.night(&at(1)).expect(3).says(&["attention[special-file]", "r-2026-11-19.ndjson is a socket"]);
    drop(socket);
    fs::remove_file(&path).unwrap();
    fs::write(&path, text).unwrap();
    world.night(2);
    world.is_like(&whole, "mended");
}

#[test]
fn a_damaged_daybook_stops_what_it_settles_alone() {
    let (base, whole) = (World::after(2), World::after(4));
    for (harm, (name, kind)) in Harm::ALL.into_iter().zip([
        ("daybook.json", "unreadable-daybook"),
        ("facts.parquet", "not-settled"),
        ("messages.parquet", "unreadable-daybook"),
    ]) {
        let what = format!("{name} {harm:?}");
        let world = base.copy();
        let path = find(&world.0.path(&format!("reports/ledger/daybooks/{}", day(1))), name);
        let before = harm.inflict(&path);
        let ran = world.night(2);
        assert_eq!(ran.code, Some(3), "{what}: {ran:?}");
        assert!(ran.stderr.contains(&format!("attention[{kind}]: 2026-11-19")), "{what}: {ran:?}");
        assert!(world.figures("availability").iter().any(|row| row[0] == day(2)), "{what}");
        fs::write(&path, before).unwrap();
        let ran = world.night(3);
        assert!(!ran.stderr.contains(kind), "{what}: {ran:?}");
        world.is_like(&whole, &what);
        world.0.ask(&["verify"]).expect(0);
    }
}

/// Keeps another daybook of a day, as a version with a bug would have written it: a file has a row more than its accounts.
fn unbalance(world: &World, day: &str) {
    let reports = world.reports();
    let day = day.parse().unwrap();
    let now = at(1).parse().unwrap();
    let clock = Clock { at: now, wall: now };
    let mut ledger = Writer::open(&reports, clock, ClockSource::Given).unwrap();
    let reading = ledger.daybook(day).unwrap().clone();
    let folder = ledger.daybooks()[&day].clone();
    let mut daybook = daybook::read(&folder).unwrap();
    daybook.files[0].rows_read += 1;
    let scratch = ledger.scratch().unwrap();
    for path in job::paths(folder.path()).iter().filter(|path| !path.ends_with(daybook::FILES)) {
        fs::copy(path, scratch.path().join(path.file_name().unwrap())).unwrap();
    }
    daybook::write(&daybook, scratch.path(), false).unwrap();
    let settings = ledger.config(reading.config.as_ref().unwrap()).unwrap();
    ledger.keep(scratch, reading, &settings, clock).unwrap();
}

#[test]
fn a_day_whose_books_do_not_balance_stops_itself_alone() {
    let (world, whole) = (World::after(2), World::after(3));
    let before = world.figures("availability");
    unbalance(&world, &day(1));
    // Without it the next run would take the day for one that a killed run has read, and read it again.
    world.0.ask(&["report"]);
    let ran = world.night(2).expect(3);
    ran.says(&["attention[not-settled]: 2026-11-19", "could not be booked"]);
    let of = |day: &str, rows: Vec<Vec<String>>| -> Vec<Vec<String>> {
        rows.into_iter().filter(|row| row[0] == day).collect()
    };
    // What counts of it depends on the day after, whose outage begins at the midnight between them.
    let own = |rows: Vec<Vec<String>>| -> Vec<Vec<String>> {
        of(&day(1), rows).into_iter().map(|row| [&row[..5], &row[6..9]].concat()).collect()
    };
    let now = world.figures("availability");
    assert_eq!(own(now.clone()), own(before), "it stays as it was");
    assert_eq!(of(&day(2), now), of(&day(2), whole.figures("availability")), "the others go on");
    // Its logs are read again, and the books balance.
    world.0.ask(&["run", "--date", &day(1), "--as-of", &at(2)]);
    world.is_like(&whole, "read again");
    world.0.ask(&["verify"]).expect(0);
}

#[test]
fn of_a_damaged_edition_the_noted_figures_stand() {
    let (base, whole, later) = (World::after(4), World::after(5), World::after(6));
    let names = [
        "edition.json",
        "basis.json",
        "slots.parquet",
        "outline.parquet",
        "accounts.parquet",
        "facts.parquet",
    ];
    for (name, harm) in names.into_iter().zip(Harm::ALL.into_iter().cycle()) {
        let what = format!("{name} {harm:?}");
        let world = base.copy();
        // A day that other days no longer settle, with a neighbour on either side.
        let folder = world.editions().join(day(1));
        let newest = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
        let path = newest.join(name);
        let text = harm.inflict(&path);
        let drawn = job::files(&world.reports().join("daily").join(day(1)));
        let ran = world.night(4);
        assert_eq!(ran.code, Some(3), "{what}: {ran:?}");
        world.is_like(&whole, &what);
        let is_needed =
            !["basis.json", "facts.parquet"].contains(&name) || ran.stderr.contains("damaged-day");
        if is_needed {
            assert!(ran.stderr.contains("attention[damaged-day]: 2026-11-19"), "{what}: {ran:?}");
            assert!(ran.stderr.contains(name), "{what}: {ran:?}");
            assert!(world.kinds(&at(4)).contains(&"damaged-day".to_owned()), "{what}");
            assert_eq!(job::files(&world.reports().join("daily").join(day(1))), drawn, "{what}");
        }
        fs::write(&path, text).unwrap();
        let ran = world.night(5);
        assert!(!ran.stderr.contains("damaged"), "{what}: {ran:?}");
        assert!(!world.kinds(&at(5)).contains(&"damaged-day".to_owned()), "{what}");
        world.is_like(&later, &what);
        world.0.ask(&["verify"]).expect(0);
    }
}

#[test]
fn a_damaged_sealed_day_is_told_too() {
    let world = World::after(12);
    let whole = world.copy();
    whole.night(12);
    let journal = fs::read_to_string(world.0.path("reports/ledger/journal.ndjson")).unwrap();
    assert!(journal.contains(r#""kind":"sealed","day":"2026-11-19""#), "{journal}");
    let folder = world.editions().join(day(1));
    let newest = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
    let text = Harm::Garbage.inflict(&newest.join("edition.json"));
    let ran = world.night(12);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stderr.contains("attention[damaged-day]: 2026-11-19"), "{ran:?}");
    world.is_like(&whole, "sealed");
    fs::write(newest.join("edition.json"), text).unwrap();
    world.night(13);
    assert!(!world.kinds(&at(13)).contains(&"damaged-day".to_owned()));
    world.0.ask(&["verify"]).expect(0);
}

#[test]
fn a_kept_policy_or_config_that_is_damaged_is_kept_again() {
    let (base, whole) = (World::after(3), World::after(4));
    for (name, harm) in ["policy.toml", "error_catalog.csv", "settings.json"].into_iter().zip(Harm::ALL) {
        let what = format!("{name} {harm:?}");
        let world = base.copy();
        let path = find(&world.0.path("reports/ledger"), name);
        harm.inflict(&path);
        let ran = world.night(3);
        assert_ne!(ran.code, Some(1), "{what}: {ran:?}");
        world.is_like(&whole, &what);
        world.0.ask(&["verify"]).expect(0);
    }
}

/// A daybook that says it has read more rows than its events are: it is hashed before it is read.
#[test]
fn a_daybook_that_was_edited_reaches_no_books_and_stops_its_day_alone() {
    let (whole, world) = (World::after(4), World::after(2));
    let path = find(&world.0.path(&format!("reports/ledger/daybooks/{}", day(1))), "daybook.json");
    let before = fs::read_to_string(&path).unwrap();
    let wrong = before.replacen("\"rows_read\":", "\"rows_read\":1", 1);
    assert_ne!(before, wrong);
    fs::write(&path, wrong).unwrap();
    let ran = world.night(2);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    ran.says(&["attention[unreadable-daybook]: 2026-11-19", "daybook.json is damaged: its SHA-256 is"]);
    fs::write(&path, before).unwrap();
    world.night(3);
    world.is_like(&whole, "mended");
}
