//! Given: configs, postings and editions made by hand, without logs.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use proptest::prelude::ProptestConfig;
use proptest::test_runner::FileFailurePersistence;
use uptime_ledger::clock::{Clock, ClockSource};
use uptime_ledger::config::{Component, Config, Log, Service, Vantage};
use uptime_ledger::day::{Day, SlotLength};
use uptime_ledger::facts::{
    Fact, Facts, FileBalance, FileRole, Histogram, Kind, Latencies, LinesByReason, Reached, Receipt, Stream,
};
use uptime_ledger::ledger::{Basis, Draft, Edition, Ledger, Outline, Settings, Writer};
use uptime_ledger::measure::{self, Figures};
use uptime_ledger::policy::{Account, Booking, Postings};
use uptime_ledger::report::{self, DayDrawing, Drawing};
use uptime_ledger::slots::Slots;

/// Some events of one slot.
#[derive(Debug, Clone)]
pub struct Event {
    pub slot: u32,
    pub service: &'static str,
    pub region: &'static str,
    pub account: Account,
    pub code: Option<i64>,
    pub caller: usize,
    pub events: i64,
}

/// How often a law is tried, unless `CASES` says how often. Cases that failed once are kept beside the laws and tried first.
pub fn cases(n: u32) -> ProptestConfig {
    let n = std::env::var("CASES").map_or(n, |n| n.parse().unwrap());
    let kept = Box::new(FileFailurePersistence::WithSource("regressions"));
    ProptestConfig { failure_persistence: Some(kept), ..ProptestConfig::with_cases(n) }
}

pub const CALLERS: [&str; 5] = ["", "biz-1", "biz-2", "biz-3", "biz-4"];

pub fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// Two services in two regions, one component with a target.
pub fn config(slot: SlotLength) -> Config {
    let service = |name: &str| Service { name: name.into(), endpoints: Vec::new() };
    Config {
        slot,
        services: vec![service("messages"), service("media")],
        components: vec![Component {
            name: "Cloud API".into(),
            services: vec!["messages".into(), "media".into()],
            target_micro_percent: Some(99_900_000),
        }],
        regions: vec!["eu".into(), "us".into()],
        ..Config::bare("")
    }
}

pub fn postings(day: Day, config: &Config, events: &[Event]) -> Postings {
    // The account decides the kind here, so that every kind has one verdict.
    let kind = |e: &Event| {
        let kind = Kind::bare(Stream::Request, e.account.name(), Vantage::FirstLayer, e.service, e.region);
        Kind { http_status: Some(200), reached: Reached::Yes, error_code: e.code, ..kind }
    };
    let kinds: Vec<Kind> = events.iter().map(kind).collect();
    let callers: Vec<String> = CALLERS.iter().map(ToString::to_string).collect();
    let rows = events.iter().enumerate().map(|(at, e)| Fact {
        slot: e.slot,
        kind: at as u32,
        caller: e.caller as u32,
        events: e.events,
        sixtieths: sixtieths(e),
    });
    let facts = Facts::new(day, config.slot, &kinds, &callers, rows.collect(), Vec::new()).unwrap();
    let verdict =
        |kind: &Kind| Booking { account: kind.source.parse().unwrap(), rule: format!("to-{}", kind.source) };
    let bookings = facts.kinds().iter().map(verdict).collect();
    Postings::new(facts, bookings).unwrap()
}

/// The sixtieths in which its events began: one, by its slot.
pub fn sixtieths(event: &Event) -> u64 {
    1 << (event.slot.wrapping_mul(7) % 60)
}

/// A file that accounts for all events.
pub fn files(postings: &Postings) -> Vec<FileBalance> {
    let accepted = u64::try_from(postings.facts().events()).unwrap();
    vec![FileBalance {
        path: "logs/a.ndjson".into(),
        source: "edge".into(),
        log: Log::Requests,
        role: FileRole::Own,
        format: "ndjson".into(),
        bytes: 123,
        rows_read: accepted + 15,
        accepted,
        duplicate: 1,
        outside: 2,
        quarantine: 3,
        first_ts_us: Some(postings.facts().day().start_us() + 1),
        last_ts_us: None,
        failure: None,
        conflict: 5,
        not_a_call: 4,
        not_a_call_reasons: no_calls(),
    }]
}

/// Lines that are no calls, for two reasons.
pub fn no_calls() -> LinesByReason {
    let mut lines = LinesByReason::default();
    lines.add("other logger", 3);
    lines.add(LinesByReason::HEADER, 1);
    lines
}

/// The receipt of these files.
pub fn receipt(postings: &Postings) -> Receipt {
    Receipt { latencies: latencies(), files: files(postings), ..Receipt::default() }
}

pub fn latencies() -> Latencies {
    let mut latencies = Latencies::default();
    for (slot, region, bucket) in [(0, "eu", 190), (0, "us", 230), (7, "us", 210)] {
        let mut histogram = Histogram::default();
        histogram.add(bucket, 3);
        latencies.0.insert((slot, "messages".into(), region.into()), histogram);
    }
    latencies
}

/// An edition, as of the morning after its day.
pub fn edition(day: Day, config: &Config, events: &[Event]) -> Edition {
    draft(day, config, events).edition
}

/// A ledger that is written at the moment that a draft is of.
pub fn writer(reports: &Path, draft: &Draft) -> Writer {
    Writer::open(reports, clock(draft), ClockSource::Given).unwrap()
}

/// The moment that a draft is of.
pub fn clock(draft: &Draft) -> Clock {
    Clock::given(draft.edition.as_of)
}

/// A draft of it, to be published.
pub fn draft(day: Day, config: &Config, events: &[Event]) -> Draft {
    let postings = postings(day, config, events);
    let slots = Slots::count(&postings, &[], config).unwrap();
    let as_of: DateTime<Utc> = DateTime::from_timestamp_micros(day.end_us()).unwrap();
    let edition = Edition::started(receipt(&postings), &slots, config, "policy-1", as_of);
    let edition = edition.booked(&postings, slots, Vec::new()).unwrap();
    let basis = Basis { facts: postings.facts().clone(), gaps: Vec::new(), attempts: 0 };
    let daybooks = [(day, "daybook-1".to_owned())].into();
    Draft { edition, basis, daybooks, rules: "rules-1".to_owned(), config: None, has_ended: false }
}

/// What is measured of some editions.
pub fn figures(editions: &[Edition], config: &Config) -> Figures {
    measure::draw(&editions.iter().map(Outline::of).collect::<Vec<_>>(), config)
}

/// Figures without overrides or adjusting entries, ready to be drawn.
pub fn drawing<'a>(ledger: &'a Ledger, settings: &'a Settings, figures: &'a Figures) -> Drawing<'a> {
    Drawing {
        ledger,
        settings,
        figures,
        adjusted: &figures.months,
        overridden: &[],
        adjusting: &[],
        damaged: Box::leak(Box::default()),
    }
}

/// A day ready to be drawn, without explanations.
pub fn day_drawing(day: Day, config: &Config, events: &[Event]) -> DayDrawing {
    let failures = report::failures(&postings(day, config, events)).unwrap();
    DayDrawing {
        edition: edition(day, config, events),
        line: String::new(),
        gaps: Vec::new(),
        failures,
        red: BTreeMap::new(),
    }
}

/// Settings under which nothing but tables is drawn.
pub fn settings(config: &Config) -> Settings {
    let mut settings = Settings::of(config);
    settings.outputs.formats.clear();
    settings
}

/// Events that make a slot of `messages` in `eu` what the letter says: `d`own, de`g`raded, `u`p, `.` unobserved.
pub fn letters(states: &str) -> Vec<Event> {
    let event = |slot: usize, account, events| Event {
        slot: slot as u32,
        service: "messages",
        region: "eu",
        account,
        code: (account != Account::Good).then_some(131_016),
        caller: usize::from(account != Account::Good),
        events,
    };
    let events = |(slot, letter)| match letter {
        'd' => vec![event(slot, Account::BadPlatformError, 10)],
        'g' => vec![event(slot, Account::BadPlatformMissed, 1), event(slot, Account::Good, 20)],
        'u' => vec![event(slot, Account::Good, 1)],
        _ => vec![],
    };
    states.chars().enumerate().flat_map(events).collect()
}
