//! Laws: what holds after each night of a world, whatever has happened in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use uptime_ledger::ledger::{self, Ledger};

use super::acts::Row;
use super::hostile::UNDECLARED;
use super::office::Office;
use super::truth::{self, Books, Counts, Daybook, Group, Rules, Shelf};
use super::world::{DAY_US, Log, NIGHTS, Tale};
use crate::disturb;
use crate::job;

/// Every so many nights the whole ledger is verified: it takes longer each time.
const VERIFIED: i64 = 6;

const SERVICES: [&str; 3] = ["messages", "media", "webhooks"];

const EVENTS: [&str; 7] = [
    "events_good",
    "events_bad",
    "events_user",
    "events_excluded",
    "events_pending",
    "events_suspense",
    "events_unknown",
];

/// Net figures of a day, as shown.
#[derive(Debug, Default)]
struct ShownDay {
    is_sealed: bool,
    edition: String,
    /// Events by service and region, `*` included.
    events: BTreeMap<(String, String), Counts>,
    /// Every figure of the day, without the status of its month.
    figures: Vec<String>,
}

/// What the ledger has shown so far, and what it was shown of.
#[derive(Default)]
pub struct Laws {
    days: BTreeMap<i64, Daybook>,
    /// Figures of sealed days, and how their policy sees calls.
    sealed: BTreeMap<i64, (Vec<String>, Rules)>,
    published: BTreeSet<i64>,
    /// Days that were read in the last night.
    read: Vec<i64>,
    /// The newest edition of each day, and the first night that had it.
    editions: BTreeMap<i64, (String, i64)>,
    /// Files that had one other bit for a run, by night.
    pub flips: Vec<(i64, String)>,
    /// Sealed days of which the logs of the night can tell: all daybooks that they were booked from still stand.
    whole: BTreeSet<i64>,
}

/// The first law that does not hold.
pub type Broken = Result<(), String>;

impl Laws {
    /// Reads what the logs hold in a night, of days that the job is to read.
    pub fn read(&mut self, office: &Office, night: i64) {
        self.read.clear();
        self.whole = self.whole(office, night);
        let first = self.published.first().copied().unwrap_or(night);
        for day in first..=night {
            let is_from_callers = office.is_from_callers;
            // What was read under other settings stays as it is.
            let is_like = self.days.get(&day).is_none_or(|known| known.is_from_callers == is_from_callers);
            if self.sealed.contains_key(&day) || !is_like {
                continue;
            }
            let mut book = Daybook { is_from_callers, lacks_webhooks: true, ..Daybook::default() };
            for line in office.world.lines.iter().filter(|line| line.night <= night) {
                let us = office.world.rows[line.row].tale.us();
                if us.is_some_and(|us| us.div_euclid(DAY_US) == day) && (line.file - day).abs() <= 1 {
                    book.rows.insert(line.row);
                }
                book.lacks_webhooks &= (line.log, line.file) != (Log::Webhooks, day);
            }
            self.days.insert(day, book);
            self.read.push(day);
        }
    }

    fn whole(&self, office: &Office, night: i64) -> BTreeSet<i64> {
        let near = night - office.world.retry_days - 1;
        let sealed: Vec<i64> = self.sealed.range(near..).map(|(day, _)| *day).collect();
        if sealed.is_empty() {
            return BTreeSet::new();
        }
        let ledger = Ledger::open(&office.reports()).unwrap();
        let stand = ledger.daybooks();
        let is_whole = |day: &i64| {
            let made = ledger.made_from(office.world.date(*day).to_string().parse().unwrap()).unwrap();
            made.is_some_and(|made| made.daybooks.keys().all(|day| stand.contains_key(day)))
        };
        sealed.into_iter().filter(is_whole).collect()
    }

    /// Every promise of the ledger, after the run of a night.
    pub fn hold(&mut self, office: &Office, night: i64) -> Broken {
        self.books(office, night)?;
        if night % VERIFIED != 0 && night != NIGHTS - 1 {
            return Ok(());
        }
        verify(office)
    }

    /// Net figures are true, and those of sealed days stay.
    pub fn books(&mut self, office: &Office, night: i64) -> Broken {
        let shown = shown(office)?;
        let applied = applied(office);
        let beside = beside(office)?;
        let shelf = Shelf { rows: &office.world.rows, days: &self.days, retry_days: office.world.retry_days };
        let rules = Rules { is_strict: office.is_strict };
        for day in self.published.iter().copied().chain(self.read.iter().copied()) {
            let Some(now) = shown.get(&day) else { return Err(format!("day {day} is not shown")) };
            if let Some((figures, sealed_rules)) = self.sealed.get(&day) {
                let moved = figures.iter().zip(&now.figures).find(|(was, is)| was != is);
                if moved.is_some() || figures.len() != now.figures.len() {
                    return Err(format!("sealed day {day} has moved: {moved:?}"));
                }
                let has_rows = office.known_rows.iter().any(|row| row.day == day);
                if !has_rows && self.whole.contains(&day) {
                    let books = truth::count(shelf.events(day, *sealed_rules), &[]);
                    is_adjusted(day, books, now, &beside)?;
                }
                continue;
            }
            let applied: Vec<&Row> = applied.iter().copied().filter(|row| row.day == day).collect();
            let books = truth::count(shelf.events(day, rules), &applied);
            is_true(day, &books, now)?;
        }
        let read: Vec<i64> = std::mem::take(&mut self.read);
        for day in read {
            let (edition, since) = self.editions.get(&day).cloned().unwrap_or((String::new(), night));
            if edition != shown[&day].edition {
                balance(office, day, since..=night)?;
            }
        }
        for (day, now) in &shown {
            self.published.insert(*day);
            let known = self.editions.entry(*day).or_default();
            if known.0 != now.edition {
                *known = (now.edition.clone(), night);
            }
            if now.is_sealed && !self.sealed.contains_key(day) {
                self.sealed.insert(*day, (now.figures.clone(), rules));
            }
        }
        Ok(())
    }
}

/// Every hash and every balance holds.
pub fn verify(office: &Office) -> Broken {
    let checked = ledger::verify(&office.reports());
    match checked.findings.first() {
        Some(finding) => Err(format!("verify: {finding}")),
        None => Ok(()),
    }
}

/// Rows are in exactly one account, and as many were read as the files had lines.
///
/// An edition that came out as it was keeps its numbers of rows, also if a copy of a row was added to a file; so may the
/// next one, if it follows from that edition alone. These numbers are of one of the nights since then.
fn balance(office: &Office, day: i64, mut nights: RangeInclusive<i64>) -> Broken {
    let folder = office.reports().join("daily").join(office.world.date(day).to_string());
    let intake = job::table(&folder, "intake");
    let found = [(Log::Requests, "requests"), (Log::Webhooks, "webhooks")].map(|(log, name)| {
        let own = intake.iter().filter(|file| file["log"] == name && file["role"] == "own");
        let mut sums = [0, 0];
        for file in own {
            sums[0] += job::n(file, "rows_read");
            sums[1] += job::n(file, "quarantine");
        }
        (log, sums)
    });
    let of_night = |night: i64| {
        found.map(|(log, _)| {
            let lines = office.world.lines.iter().filter(|line| (line.log, line.file) == (log, day));
            let own: Vec<usize> = lines.filter(|line| line.night <= night).map(|line| line.row).collect();
            let is_broken = |row: &&usize| matches!(office.world.rows[**row].tale, Tale::Broken);
            (log, [own.len() as u64, own.iter().filter(is_broken).count() as u64])
        })
    };
    let want = of_night(*nights.end());
    if !nights.any(|night| of_night(night) == found) {
        return Err(format!("day {day}: rows and broken ones of its files are {found:?}, not {want:?}"));
    }
    let accepted = intake.iter().filter(|file| file["log"] == "requests");
    let accepted: u64 = accepted.map(|file| job::n(file, "accepted")).sum();
    let accounts = job::table(&folder, "accounts");
    let calls = accounts.iter().filter(|row| row["stream"] != "notification");
    let calls: u64 = calls.map(|row| job::n(row, "events_net")).sum();
    if accepted == calls {
        Ok(())
    } else {
        Err(format!("day {day}: {accepted} calls were accepted, and {calls} are in the accounts"))
    }
}

/// The rows that the ledger says are applied.
fn applied<'o>(office: &'o Office) -> Vec<&'o Row> {
    let table = job::table(&office.reports(), "overrides");
    let of = |row: &&Row| {
        let is_it = |told: &job::Row| {
            told["id"] == row.id && told["approver"] == row.approver && told["status"] == "applied"
        };
        table.iter().any(is_it)
    };
    office.known_rows.iter().filter(of).collect()
}

fn shown(office: &Office) -> Result<BTreeMap<i64, ShownDay>, String> {
    let path = office.reports().join("availability.csv");
    let mut reader = csv::Reader::from_path(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let header = reader.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let [day_at, kind, scope, region, definition, status, state, edition] =
        ["day", "scope_kind", "scope", "region", "definition", "status", "state", "edition"].map(at);
    let events = EVENTS.map(at);
    let mut shown: BTreeMap<i64, ShownDay> = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(|e| format!("{}: {e}", path.display()))?;
        let date: chrono::NaiveDate = record[day_at].parse().unwrap();
        let day = shown.entry((date - office.world.base).num_days()).or_default();
        day.is_sealed = &record[state] == "sealed";
        record[edition].clone_into(&mut day.edition);
        let cells = record.iter().enumerate().filter(|(at, _)| *at != status).map(|(_, cell)| cell);
        day.figures.push(cells.collect::<Vec<_>>().join(","));
        if &record[kind] == "service" && &record[definition] == "whatsapp" {
            let place = (known(&record[scope], &SERVICES), known(&record[region], &["eu", "us", "*"]));
            let counts = day.events.entry(place).or_default();
            counts.iter_mut().zip(events).for_each(|(sum, at)| *sum += record[at].parse::<i64>().unwrap());
        }
    }
    Ok(shown)
}

/// What is found out about a sealed day stands beside it: net and adjusting rows come to the truth.
fn is_adjusted(day: i64, books: Books, now: &ShownDay, beside: &BTreeMap<(i64, String), Counts>) -> Broken {
    let mut want: BTreeMap<String, Counts> = BTreeMap::new();
    for ((service, _), counts) in books {
        let sum = want.entry(service).or_default();
        sum.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
    }
    for service in SERVICES {
        let mut want = want.remove(service).unwrap_or_default();
        want[Group::Unknown as usize] += std::mem::take(&mut want[Group::Pending as usize]);
        let mut found = now.events.get(&(service.to_owned(), "*".to_owned())).copied().unwrap_or_default();
        let beside = beside.get(&(day, service.to_owned())).copied().unwrap_or_default();
        found.iter_mut().zip(beside).for_each(|(sum, n)| *sum += n);
        if want != found {
            let text = format!(
                "sealed day {day}, {service}: net and adjusting rows ({beside:?}) are {found:?}, not {want:?}"
            );
            return Err(text);
        }
    }
    Ok(())
}

/// Sums of adjusting rows, by day and service.
fn beside(office: &Office) -> Result<BTreeMap<(i64, String), Counts>, String> {
    let path = office.reports().join("restatements.csv");
    let mut reader = csv::Reader::from_path(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let header = reader.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let [day, kind, scope, definition, is_adjusting] =
        ["day", "scope_kind", "scope", "definition", "is_adjusting"].map(at);
    let events = EVENTS.map(|name| at(&format!("{name}_delta")));
    let mut sums: BTreeMap<(i64, String), Counts> = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(|e| format!("{}: {e}", path.display()))?;
        let is_it =
            [&record[kind], &record[definition], &record[is_adjusting]] == ["service", "whatsapp", "true"];
        if is_it {
            let date: chrono::NaiveDate = record[day].parse().unwrap();
            let sum =
                sums.entry(((date - office.world.base).num_days(), record[scope].to_owned())).or_default();
            sum.iter_mut().zip(events).for_each(|(sum, at)| *sum += record[at].parse::<i64>().unwrap());
        }
    }
    Ok(sums)
}

/// Names that nobody declared stand together.
fn known(name: &str, names: &[&str]) -> String {
    if names.contains(&name) { name.to_owned() } else { UNDECLARED.to_owned() }
}

/// The events shown of a day are those of the model, by service and region.
fn is_true(day: i64, books: &Books, now: &ShownDay) -> Broken {
    let mut want = books.clone();
    for ((service, _), counts) in books {
        let all = want.entry((service.clone(), "*".to_owned())).or_default();
        all.iter_mut().zip(counts).for_each(|(all, n)| *all += n);
    }
    if now.is_sealed {
        // With its window, what is pending ends.
        for counts in want.values_mut() {
            counts[Group::Unknown as usize] += std::mem::take(&mut counts[Group::Pending as usize]);
        }
    }
    let mut found = now.events.clone();
    found.retain(|_, counts| *counts != [0; 7]);
    if want == found {
        return Ok(());
    }
    let places: BTreeSet<_> = want.keys().chain(found.keys()).collect();
    let mut text = format!(
        "day {day} (sealed: {}): good, bad, user, excluded, pending, suspense, unknown\n",
        now.is_sealed
    );
    for place in places.into_iter().filter(|place| want.get(*place) != found.get(*place)) {
        writeln!(text, "  {place:?} is {:?}, not {:?}", found.get(place), want.get(place)).unwrap();
    }
    Err(text)
}

/// All files below the reports, but for the one that says who held it.
pub fn files(office: &Office) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut tree = disturb::tree(&office.reports());
    tree.retain(|path, _| !path.ends_with(".lock"));
    tree
}
