//! Instants: the sixtieths in which events began, and the callers of an hour, counted again from the rows of small worlds.
//!
//! A world has calls in two views, with copies, conflicts and rows in the file of a neighbouring day, messages that several calls
//! name, and notifications whose attempts cross midnight.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use chrono::{DateTime, SecondsFormat};
use proptest::prelude::*;
use uptime_ledger::config::{self, Config};
use uptime_ledger::day::{Day, SlotLength};
use uptime_ledger::daybook::{DaybookFolder, DaybookFolders};
use uptime_ledger::document::Document;
use uptime_ledger::facts::{CallerLine, CallerSketch, Fact, Facts, Intake, Salt, Stream};
use uptime_ledger::intake::{self, IntakeFolders, Meter};
use uptime_ledger::ledger::{Cause, Draft, Edition, Extent, InstantLine, Kept};
use uptime_ledger::policy::{Account, Group, PostingLine};
use uptime_ledger::resolve::{ResolveParts, resolve};
use uptime_ledger::slots::Slots;

use crate::given::{self, Event, cases, day};
use crate::laws::events;
use crate::order::shuffle;

const SECOND_US: i64 = 1_000_000;
const MIDDLE: &str = "2026-11-20";
const SLOTS: [(&str, i64); 4] = [("10s", 10), ("30s", 30), ("1m", 60), ("5m", 300)];

fn days() -> [Day; 3] {
    [-1, 0, 1].map(|n| day(MIDDLE).plus(n))
}

fn instant(us: i64) -> String {
    DateTime::from_timestamp_micros(us).unwrap().to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Seconds around the two midnights of the middle day, and around its noon, so that events meet in slots.
fn start() -> impl Strategy<Value = i64> {
    let from = prop::sample::select(vec![-40_i64, 43_000, 86_360]);
    (from, 0..80 * SECOND_US).prop_map(|(from, us)| day(MIDDLE).start_us() + from * SECOND_US + us)
}

/// A row of one view of a call: how long after the call's start, its status, and whether the file of the next day has it.
type Told = (i64, u16, bool);

#[derive(Debug, Clone)]
struct Call {
    start_us: i64,
    has_id: bool,
    region: &'static str,
    /// The message that it admits, of a few that calls share.
    message: Option<u32>,
    caller: Option<u32>,
    /// True if the view of the callers names them too.
    is_named_outside: bool,
    /// Rows of the view of the platform, and of that of the callers.
    inner: Vec<Told>,
    outer: Vec<Told>,
}

fn call() -> impl Strategy<Value = Call> {
    let region = prop::sample::select(vec!["eu", "us"]);
    // Copies and retries with the same id: some lie so far behind that they are conflicts.
    let told = |status: Vec<u16>| {
        let after = prop_oneof![0..900_000_i64, 0..30 * SECOND_US];
        prop::collection::vec((after, prop::sample::select(status), any::<bool>()), 0..3)
    };
    let message = prop::option::of(prop_oneof![0..6_u32, 0..1_000_u32]);
    let (inner, outer) = (told(vec![200, 200, 503]), told(vec![200, 504]));
    let caller = (prop::option::weighted(0.8, 0..9_u32), any::<bool>());
    let call = (start(), prop::bool::weighted(0.85), region, message, caller, inner, outer);
    call.prop_map(|(start_us, has_id, region, message, (caller, is_named_outside), inner, outer)| Call {
        start_us,
        has_id,
        region,
        message,
        caller,
        is_named_outside,
        inner,
        outer,
    })
}

/// A notification, perhaps of a status of a message.
#[derive(Debug, Clone)]
struct Notification {
    event_us: i64,
    region: &'static str,
    status: Option<(u32, &'static str)>,
    /// Delays of the attempts, status and number of copies.
    attempts: Vec<(i64, u16, usize)>,
}

fn notification() -> impl Strategy<Value = Notification> {
    let region = prop::sample::select(vec!["eu", "us"]);
    let word = prop::sample::select(vec!["sent", "delivered", "failed", "read"]);
    let status = prop::option::of((prop_oneof![0..6_u32, 0..1_000_u32], word));
    let delay = prop_oneof![0..60 * SECOND_US, 0..3_000 * SECOND_US];
    let attempt = (delay, prop::sample::select(vec![200_u16, 500]), 0..3_usize);
    let notification = (start(), region, status, prop::collection::vec(attempt, 1..3));
    notification.prop_map(|(event_us, region, status, attempts)| Notification {
        event_us,
        region,
        status,
        attempts,
    })
}

/// The place of events: slot, region, status of the call, or `None` for notifications.
type Place = (u32, String, Option<u16>);
/// Number of events, and their sixtieths.
type Began = (i64, u64);
/// Hour and region.
type Hour = (u32, String);
/// Number of calls, those that name a caller, and all callers named, also by copies.
type Callers = (i64, i64, BTreeSet<u32>);

/// The files of a world, and what it comes to on each day.
struct World {
    files: BTreeMap<String, Vec<String>>,
    events: BTreeMap<(Day, Place), Began>,
    callers: BTreeMap<(Day, Hour), Callers>,
    slot_seconds: i64,
}

impl World {
    fn of(calls: &[Call], notifications: &[Notification], slot_seconds: i64) -> Self {
        let (files, events, callers) = Default::default();
        let mut world = Self { files, events, callers, slot_seconds };
        // Every day has every log.
        for (at, day) in days().iter().enumerate() {
            let start_us = day.start_us() + 50_000 * SECOND_US;
            let told = vec![(0, 200, false)];
            let (inner, outer) = (told.clone(), told);
            let (message, caller, is_named_outside) = (None, None, false);
            let (has_id, region) = (true, "eu");
            let call = Call { start_us, has_id, region, message, caller, is_named_outside, inner, outer };
            world.call(10_000 + at, &call);
            let attempts = vec![(SECOND_US, 200, 0)];
            let told = Notification { event_us: start_us, region: "eu", status: None, attempts };
            world.notification(10_000 + at, &told);
        }
        for (at, call) in calls.iter().enumerate() {
            world.call(at, call);
        }
        for (at, notification) in notifications.iter().enumerate() {
            world.notification(at, notification);
        }
        world
    }

    fn write(&mut self, log: &str, us: i64, json: String) {
        let date = &instant(us)[..10];
        self.files.entry(format!("{log}-{date}.ndjson")).or_default().push(json);
    }

    fn count(&mut self, us: i64, region: &str, status: Option<u16>) {
        let day = Day::of_us(us).unwrap();
        let offset_us = us - day.start_us();
        // In another way than the job: the last sixtieth that does not begin after the instant.
        let slot = (0..8_640).take_while(|n| n * self.slot_seconds * SECOND_US <= offset_us).last().unwrap();
        let within_us = offset_us - slot * self.slot_seconds * SECOND_US;
        let sixtieth =
            (0..60).take_while(|n| n * self.slot_seconds * SECOND_US <= within_us * 60).last().unwrap();
        let place = (u32::try_from(slot).unwrap(), region.to_owned(), status);
        let (events, set) = self.events.entry((day, place)).or_default();
        *events += 1;
        *set |= 1 << sixtieth;
    }

    fn call(&mut self, at: usize, call: &Call) {
        // Instants of one call differ, so that nothing depends on which of two equal rows is first.
        let mut rows: Vec<(i64, u16, bool, &str)> = Vec::new();
        for (view, told) in [("requests", &call.inner), ("egress", &call.outer)] {
            for (after, status, is_late) in told {
                let us = call.start_us + after * 8 + rows.len() as i64;
                rows.push((us, *status, *is_late, view));
            }
        }
        for (us, status, is_late, view) in &rows {
            let mut json =
                format!(r#"{{"ts":"{}","region":"{}","http_status":{status}"#, instant(*us), call.region);
            if call.has_id {
                write!(json, r#","request_id":"r-{at}""#).unwrap();
            }
            if let Some(message) = call.message.filter(|_| *status == 200) {
                write!(json, r#","message_id":"m-{message}""#).unwrap();
            }
            let caller = call.caller.filter(|_| call.is_named_outside || *view == "requests");
            if let Some(caller) = caller {
                write!(json, r#","business_id":"b-{caller}""#).unwrap();
            }
            self.hour(*us, call.region).2.extend(caller);
            // All rows of a call are in files that its day reads.
            let is_late = *is_late && Day::of_us(*us) == Day::of_us(call.start_us);
            let shipped_us = us + if is_late { 86_400 * SECOND_US } else { 0 };
            self.write(view, shipped_us, json + r#","service":"all"}"#);
        }
        if !call.has_id {
            for (us, status, _, view) in rows {
                self.count_call(us, call, status, view);
            }
            return;
        }
        // The platform knows its calls best; of its rows the first counts.
        let first = |view| rows.iter().filter(|row| row.3 == view).min();
        if let Some((us, status, _, view)) = first("requests").or(first("egress")) {
            self.count_call(*us, call, *status, view);
        }
    }

    fn count_call(&mut self, us: i64, call: &Call, status: u16, view: &str) {
        self.count(us, call.region, Some(status));
        let is_named = call.caller.is_some() && (call.is_named_outside || view == "requests");
        let (calls, named, _) = self.hour(us, call.region);
        (*calls, *named) = (*calls + 1, *named + i64::from(is_named));
    }

    fn hour(&mut self, us: i64, region: &str) -> &mut Callers {
        let day = Day::of_us(us).unwrap();
        let hour = (us - day.start_us()) / (3_600 * SECOND_US);
        self.callers.entry((day, (u32::try_from(hour).unwrap(), region.to_owned()))).or_default()
    }

    fn notification(&mut self, at: usize, notification: &Notification) {
        let Notification { event_us, region, status, attempts } = notification;
        for (n, (delay, http_status, copies)) in attempts.iter().enumerate() {
            let us = event_us + delay + n as i64;
            let mut json = format!(
                r#"{{"ts":"{}","event_ts":"{}","webhook_id":"w-{at}","service":"all","region":"{region}""#,
                instant(us),
                instant(*event_us)
            );
            if let Some((message, word)) = status {
                write!(json, r#","message_id":"m-{message}","status":"{word}""#).unwrap();
            }
            write!(json, r#","outcome":"http","http_status":{http_status}}}"#).unwrap();
            (0..=*copies).for_each(|_| self.write("webhooks", us, json.clone()));
        }
        self.count(*event_us, region, None);
    }

    /// Reads the three days and returns the facts and receipts of each, as known from all of them.
    fn read(&self, folder: &Path, slot: &str, seed: u64, workers: usize) -> Vec<Intake> {
        for (name, rows) in &self.files {
            let mut rows = rows.clone();
            shuffle(&mut rows, seed);
            fs::write(folder.join(name), rows.join("\n") + "\n").unwrap();
        }
        let config = config(folder, slot);
        let mut daybooks: DaybookFolders = DaybookFolders::new();
        for day in days() {
            let daybook = folder.join(format!("daybook-{day}"));
            fs::create_dir_all(&daybook).unwrap();
            let folders = IntakeFolders { spill: folder, daybook: &daybook };
            intake::read(
                &config,
                day,
                intake::Workers::Threads(workers),
                &Salt::new("s"),
                folders,
                i64::MAX,
                &Meter::default(),
            )
            .unwrap();
            daybooks.insert(day, DaybookFolder::as_found(daybook).unwrap());
        }
        days()
            .map(|day| resolve(day, &daybooks, &config, &BTreeMap::new(), ResolveParts::on(1)).unwrap())
            .into()
    }
}

fn config(folder: &Path, slot: &str) -> Config {
    let source = |name: &str, rest: &str| {
        format!("[[source]]\nname = \"{name}\"\nneighbours = 1\npaths = \"{name}-{{date}}.ndjson\"\n{rest}\n")
    };
    let text = format!("slot = \"{slot}\"\n")
        + &source("requests", "vantage = \"first_layer\"")
        + &source("egress", "vantage = \"caller_egress\"")
        + &source("webhooks", "log = \"webhooks\"");
    config::config(&Document::new("uptime-ledger.toml", text), folder).unwrap()
}

/// Events and sixtieths of the facts of a day, by place.
fn counted(facts: &Facts) -> BTreeMap<Place, Began> {
    let mut all: BTreeMap<Place, Began> = BTreeMap::new();
    for fact in facts.iter() {
        let kind = &facts.kinds()[fact.kind as usize];
        let status = kind.http_status.filter(|_| kind.stream != Stream::Notification);
        assert!((1..=fact.events).contains(&i64::from(fact.sixtieths.count_ones())), "{fact:?}");
        let (events, set) = all.entry((fact.slot, kind.region.clone(), status)).or_default();
        *events += fact.events;
        *set |= fact.sixtieths;
    }
    all
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn events_that_stay_give_the_sixtieths_and_the_callers(
        calls in prop::collection::vec(call(), 0..30),
        notifications in prop::collection::vec(notification(), 0..15),
        slot in 0..SLOTS.len(),
        seed in any::<u64>(),
        workers in 1..4_usize,
    ) {
        let (slot, slot_seconds) = SLOTS[slot];
        let world = World::of(&calls, &notifications, slot_seconds);
        let folder = tempfile::tempdir().unwrap();
        let read = world.read(folder.path(), slot, seed, workers);
        for (day, Intake { facts, receipt }) in days().into_iter().zip(&read) {
            let of_day = world.events.iter().filter(|((of, _), _)| *of == day);
            let want: BTreeMap<Place, Began> = of_day.map(|((_, place), began)| (place.clone(), *began)).collect();
            prop_assert_eq!(counted(facts), want, "{}", day);

            let salt = Salt::new("s");
            let hash = |n: &u32| salt.caller(format!("b-{n}").as_bytes());
            let of_day = world.callers.iter().filter(|((of, _), (calls, ..))| *of == day && *calls > 0);
            let want: Vec<CallerLine> = of_day
                .map(|((_, (hour, region)), (calls, named, callers))| CallerLine {
                    hour: *hour,
                    service: "all".to_owned(),
                    region: region.clone(),
                    events: *calls,
                    named: *named,
                    sketch: CallerSketch::of(callers.iter().map(hash).collect()),
                })
                .collect();
            prop_assert_eq!(&receipt.callers, &want, "{}", day);
        }
    }

    #[test]
    fn an_edition_keeps_the_instants_that_bounds_need(events in events()) {
        let config = given::config(SlotLength::Minutes5);
        let mut sets: BTreeMap<(&str, &str), Vec<[u64; 2]>> = BTreeMap::new();
        for event in &events {
            let of_place = sets.entry((event.service, event.region)).or_insert_with(|| vec![[0, 0]; 288]);
            let set = match event.account.group() {
                Group::Good => 0,
                Group::Bad => 1,
                _ => continue,
            };
            of_place[event.slot as usize][set] |= given::sixtieths(event);
        }
        let mut want = Vec::new();
        for ((service, region), sets) in &sets {
            let is_good = |slot: &usize| sets[*slot][0] != 0;
            let mut needed: Vec<usize> = (0..288).find(is_good).into_iter().chain((0..288).rfind(is_good)).collect();
            for slot in (0..288).filter(|slot| sets[*slot][1] != 0) {
                needed.push(slot);
                needed.extend((0..slot).rfind(is_good).into_iter().chain((slot + 1..288).find(is_good)));
            }
            needed.sort_unstable();
            needed.dedup();
            want.extend(needed.into_iter().map(|slot| {
                let [good, bad] = sets[slot];
                let (service, region) = ((*service).to_owned(), (*region).to_owned());
                InstantLine { slot: slot as u32, service, region, good, bad }
            }));
        }
        want.sort_by(|a, b| (a.slot, &a.service, &a.region).cmp(&(b.slot, &b.service, &b.region)));
        prop_assert_eq!(given::edition(day(MIDDLE), &config, &events).instants, want);
    }
}

/// Good and bad sixtieths of the one slot of an edition, after entries that move events of its bad posting.
fn after(moves: &[(i64, Account)]) -> (u64, u64) {
    let config = given::config(SlotLength::Minute);
    let event = |account, slot| Event {
        slot,
        service: "messages",
        region: "eu",
        account,
        code: None,
        caller: 1,
        events: 10,
    };
    let events = [event(Account::BadPlatformError, 5), event(Account::Good, 900)];
    let postings = given::postings(day(MIDDLE), &config, &events);
    let bad = postings.originals(|account| account == Account::BadPlatformError).unwrap()[0];
    let entries: Vec<PostingLine> = (1..)
        .zip(moves)
        .flat_map(|(entry, (events, account))| {
            let taken = PostingLine { entry, events: -events, ..bad };
            [taken, PostingLine { entry, events: *events, account: *account, ..bad }]
        })
        .collect();
    let postings = postings.adjusted(&entries).unwrap();
    let slots = Slots::count(&postings, &[], &config).unwrap();
    let as_of = DateTime::from_timestamp_micros(day(MIDDLE).end_us()).unwrap();
    let edition = Edition::started(given::receipt(&postings), &slots, &config, "policy-1", as_of);
    let edition = edition.booked(&postings, slots, Vec::new()).unwrap();
    edition.instants.iter().find(|line| line.slot == 5).map_or((0, 0), |line| (line.good, line.bad))
}

#[test]
fn instants_follow_what_overrides_leave_and_give() {
    let set = 1 << 35;
    assert_eq!(after(&[]), (0, set));
    assert_eq!(after(&[(4, Account::Good)]), (set, set), "partly moved");
    assert_eq!(after(&[(4, Account::UserCaller)]), (0, set));
    assert_eq!(after(&[(4, Account::Good), (6, Account::UserCaller)]), (set, 0), "moved by two rows");
    assert_eq!(after(&[(10, Account::UserCaller)]), (0, 0));
}

#[test]
fn sixtieths_and_callers_alone_restate_no_day_that_had_none() {
    let config = given::config(SlotLength::Minute);
    let reports = tempfile::tempdir().unwrap();
    let mut known = given::draft(day(MIDDLE), &config, &given::letters("ugdu"));
    let line = |hour, events| CallerLine {
        hour,
        service: "messages".to_owned(),
        region: "eu".to_owned(),
        events,
        named: events - 1,
        sketch: CallerSketch::of(vec![1, 1 << 47, 7]),
    };
    known.edition.callers = vec![line(0, 20), line(23, 3)];
    // As a job booked it that kept none.
    let mut unknown = known.clone();
    let facts = &unknown.basis.facts;
    let rows = facts.iter().map(|fact| Fact { sixtieths: 0, ..fact }).collect();
    let (kinds, callers) = (facts.kinds(), facts.callers());
    unknown.basis.facts =
        Facts::new(day(MIDDLE), facts.slot_length(), kinds, callers, rows, Vec::new()).unwrap();
    unknown.edition.instants.clear();
    unknown.edition.callers.clear();
    let mut ledger = given::writer(reports.path(), &known);
    let mut publish = |draft: &Draft| {
        let published = ledger.publish(draft.clone(), &Kept::default(), given::clock(draft)).unwrap();
        (published.is_new, published.causes)
    };
    assert_eq!(publish(&unknown), (true, vec![Cause::First]));
    assert_eq!(publish(&known), (false, vec![]));

    let mut later = known.clone();
    later.edition.accounts[0].events_net += 1;
    assert!(publish(&later).0, "with something else they are stored");
    let mut moved = later.clone();
    moved.edition.instants[0].good <<= 1;
    moved.daybooks = [(day(MIDDLE), "daybook-2".to_owned())].into();
    assert_eq!(publish(&moved), (true, vec![Cause::Logs]));
    let mut renamed = moved.clone();
    renamed.edition.callers[1] = line(23, 4);
    renamed.daybooks = [(day(MIDDLE), "daybook-3".to_owned())].into();
    assert_eq!(publish(&renamed), (true, vec![Cause::Logs]));
    assert!(publish(&unknown).0);
    let folder = reports.path().join("ledger/editions").join(MIDDLE);
    for table in ["instants", "callers"] {
        let is_there = [1, 2, 3, 4, 5].map(|n| folder.join(format!("{n:04}/{table}.parquet")).exists());
        assert_eq!(is_there, [false, true, true, true, false], "{table}");
    }
    let read = |number| ledger.edition(day(MIDDLE), number, Extent::Whole).unwrap();
    assert_eq!((read(1).instants, read(1).callers), (Vec::new(), Vec::new()));
    assert_eq!((read(4).instants, read(4).callers), (renamed.edition.instants, renamed.edition.callers));
}
