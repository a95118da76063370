//! Kernels: what the job does most, by itself: parse, intern, dedupe, join, classify, count, publish, measure.
//!
//! `just kernels`, or `cargo bench --bench kernels -- parse` for some. Numbers of different machines cannot be compared; those of one run
//! can. The whole job beside other engines is `just bench`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use uptime_ledger::clock::{Clock, ClockSource};
use uptime_ledger::config::{Config, Log, Source, Vantage};
use uptime_ledger::day::{Day, SlotLength};
use uptime_ledger::facts::{Fact, Facts, Intake, Kind, Reached, Receipt, Salt, Stream};
use uptime_ledger::intake::kernels::{self, Form, Reader};
use uptime_ledger::ledger::{Basis, Draft, Edition, Kept, Outline, Writer};
use uptime_ledger::measure;
use uptime_ledger::policy::{Policy, Postings};
use uptime_ledger::sample::{self, Compression, SampleFormat, SampleSettings};
use uptime_ledger::slots::Slots;

const DAY: &str = "2026-11-18";
/// Rows of each log that is parsed, more or less.
const ROWS: u64 = 50_000;
/// Names, ids and messages that are looked at at once: about a partition of a day of ten million.
const MANY: u64 = 40_000;
/// Facts of a day.
const FACTS: u32 = 1_000_000;

fn main() {
    divan::main();
}

fn day() -> Day {
    DAY.parse().expect("a day")
}

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(day().end_us() + 43_200_000_000).expect("an instant")
}

fn source(log: Log) -> Source {
    Source {
        vantage: if log == Log::Requests { Vantage::EdgeIngress } else { Vantage::WebhookEgress },
        ..Source::bare("bench", log)
    }
}

/// A log of the sample as one text.
fn text(log: &str, form: Form) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let format = if form == Form::Ndjson { SampleFormat::Ndjson } else { SampleFormat::Csv };
    let settings = SampleSettings {
        from: day(),
        days: 1,
        rows: ROWS,
        seed: 1,
        format,
        compression: Some(Compression::None),
        files: 1,
        stories: false,
    };
    sample::write(folder.path(), &settings).expect("room on disk");
    let begin = format!("{log}-{DAY}-eu");
    let paths = std::fs::read_dir(folder.path().join("logs")).expect("logs");
    let mut paths = paths.map(|entry| entry.expect("a log").path());
    let is_it = |path: &std::path::PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&begin))
    };
    std::fs::read(paths.find(is_it).expect("a log of the region")).expect("it was just written")
}

#[divan::bench(args = ["requests.ndjson", "requests.csv", "webhooks.ndjson", "webhooks.csv"])]
fn parse(bencher: Bencher, name: &str) {
    let (log, form) = name.split_once('.').expect("a log and its form");
    let form = if form == "csv" { Form::Delimited } else { Form::Ndjson };
    let reader =
        Reader::new(source(if log == "requests" { Log::Requests } else { Log::Webhooks }), form, day());
    let text = text(log, form);
    let rows = reader.read(&text).expect("a good log");
    bencher
        .counter(ItemsCount::new(rows))
        .counter(BytesCount::new(text.len()))
        .bench_local(|| reader.read(black_box(&text)));
}

#[divan::bench(args = [10, 1_000, 100_000])]
fn intern(bencher: Bencher, different: u64) {
    let names: Vec<String> = (0..MANY).map(|n| format!("biz-{:06}", n * 7_919 % different)).collect();
    bencher
        .counter(ItemsCount::new(MANY))
        .bench_local(|| kernels::intern(black_box(&names).iter().map(String::as_bytes)));
}

#[divan::bench]
fn hash(bencher: Bencher) {
    let ids: Vec<String> = (0..MANY).map(|n| format!("req-{n:032x}")).collect();
    let salt = Salt::new("a");
    let all = || ids.iter().fold(0, |all, id| all ^ kernels::hash(&salt, id.as_bytes()));
    bencher.counter(ItemsCount::new(MANY)).bench_local(|| black_box(all()));
}

/// One id in two hundred comes twice.
#[divan::bench]
fn dedupe(bencher: Bencher) {
    let id = |n: u64| if n.is_multiple_of(200) { n + 1 } else { n };
    let salt = Salt::new("a");
    let hashes: Vec<u128> = (0..MANY).map(|n| kernels::hash(&salt, &id(n).to_le_bytes())).collect();
    bencher.counter(ItemsCount::new(MANY)).bench_local(|| kernels::duplicates(black_box(&hashes)));
}

/// Three statuses per message.
#[divan::bench]
fn join(bencher: Bencher) {
    let salt = Salt::new("a");
    let low = |n: u64| kernels::hash(&salt, &(n % (MANY / 3)).to_le_bytes()) >> 8;
    let packed = kernels::packed_statuses((0..MANY).map(low));
    bencher.counter(ItemsCount::new(MANY)).bench_local(|| kernels::messages(black_box(&packed)));
}

/// A day on which every minute has many different failures.
fn facts(code: impl Fn(u32) -> Option<i64>) -> Facts {
    const SLOTS: u32 = 1_440;
    const CALLERS: u32 = 40;
    let kind = |n: u32| {
        let service = ["messages", "media", "management"][n as usize % 3];
        let region = ["eu", "us", "apac"][n as usize / 3 % 3];
        let http_status = Some(if n < 9 { 200 } else { 500 + (n % 4) as u16 });
        let kind = Kind::bare(Stream::Request, "bench", Vantage::EdgeIngress, service, region);
        Kind { http_status, reached: Reached::Yes, error_code: code(n), ..kind }
    };
    let kinds: Vec<Kind> = (0..18).map(kind).collect();
    let callers: Vec<String> = (0..CALLERS).map(|n| format!("c-{n:012x}")).collect();
    let fact = |n: u32| Fact {
        slot: n % SLOTS,
        kind: n / SLOTS % kinds.len() as u32,
        caller: n / SLOTS / kinds.len() as u32,
        events: i64::from(n % 7 + 1),
        sixtieths: 1 << (n % 60),
    };
    let rows: Vec<Fact> = (0..FACTS).map(fact).collect();
    Facts::new(day(), SlotLength::default(), &kinds, &callers, rows, Vec::new()).expect("good facts")
}

static MILLION: LazyLock<Facts> = LazyLock::new(|| facts(|n| (n >= 9).then_some(i64::from(n))));
/// The same with failures only, each of which is a line of its own.
static FAILED: LazyLock<Facts> = LazyLock::new(|| facts(|n| Some([2, 131_000, 131_016][n as usize % 3])));

fn postings() -> Postings {
    Policy::built_in().classify(MILLION.clone()).expect("good facts")
}

#[divan::bench]
fn classify(bencher: Bencher) {
    let policy = Policy::built_in();
    bencher
        .counter(ItemsCount::new(FACTS))
        .with_inputs(|| MILLION.clone())
        .bench_values(|facts| policy.classify(facts));
}

#[divan::bench]
fn count(bencher: Bencher) {
    let (postings, config) = (postings(), Config::bare(""));
    bencher.counter(ItemsCount::new(FACTS)).bench(|| Slots::count(black_box(&postings), &[], &config));
}

fn edition(postings: &Postings) -> Edition {
    let config = Config::bare("");
    let slots = Slots::count(postings, &[], &config).expect("good postings");
    let edition = Edition::started(Receipt::default(), &slots, &config, "policy", noon());
    edition.booked(postings, slots, Vec::new()).expect("good postings")
}

/// Everything between the facts of a day and its edition in the ledger: classify, count, draft, publish.
#[divan::bench(sample_count = 10, args = ["mixed", "failed"])]
fn book(bencher: Bencher, what: &str) {
    let facts = if what == "failed" { &FAILED } else { &MILLION };
    let policy = Policy::built_in();
    let publish = |(folder, facts): (tempfile::TempDir, Facts)| {
        let intake = Intake { facts, receipt: Receipt::default() };
        let postings = policy.classify(intake.facts).expect("good facts");
        let edition = edition(&postings);
        let basis = Basis { facts: postings.facts().clone(), gaps: Vec::new(), attempts: 0 };
        let clock = Clock::given(noon());
        let mut ledger = Writer::open(folder.path(), clock, ClockSource::Given).expect("room on disk");
        let rules = policy.rules_name().to_owned();
        let daybooks = BTreeMap::default();
        let draft = Draft { edition, basis, daybooks, rules, config: None, has_ended: false };
        ledger.publish(draft, &Kept::default(), clock).expect("room on disk");
        folder
    };
    bencher
        .counter(ItemsCount::new(FACTS))
        .with_inputs(|| (tempfile::tempdir().expect("a folder"), Facts::clone(facts)))
        .bench_values(publish);
}

/// Ninety days, each with an outage in its last hour that goes on into the next day.
#[divan::bench]
fn measure_a_quarter(bencher: Bencher) {
    let one = Outline::of(&edition(&postings()));
    let mut outlines = vec![one; 90];
    outlines.iter_mut().zip(0..).for_each(|(outline, n)| outline.day = day().plus(n));
    let config = Config::bare(Path::new(""));
    bencher.counter(ItemsCount::new(outlines.len())).bench(|| measure::draw(black_box(&outlines), &config));
}
