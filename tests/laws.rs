//! Laws: what holds whatever the events are.

use proptest::prelude::*;
use uptime_ledger::day::{Day, SlotLength};
use uptime_ledger::ledger::{Cause, Edition, Extent, Kept, Ledger, Outline, check_balance};
use uptime_ledger::measure::{self, Figures, Period, floor_percent};
use uptime_ledger::policy::Account;
use uptime_ledger::report::{self, Days};
use uptime_ledger::slots::{Scope, ScopeKind, Slots, State};
use uptime_ledger::table::{Metadata, Table};

use crate::given::{self, CALLERS, Event, config, day, letters};

const SLOTS: usize = SlotLength::Minutes5.per_day() as usize;

/// Any events, in any account.
pub fn events() -> impl Strategy<Value = Vec<Event>> {
    let service = prop::sample::select(vec!["messages", "media", "webhooks"]);
    let region = prop::sample::select(vec!["eu", "us", "-"]);
    let account = prop::sample::select(Account::ALL.to_vec());
    let code = prop::option::of(prop::sample::select(vec![2_i64, 131_016, 190]));
    let event = (0..SLOTS as u32, service, region, account, code, 0..CALLERS.len(), 1..40_i64);
    let event = event.prop_map(|(slot, service, region, account, code, caller, events)| {
        // Few slots, so that events meet.
        Event { slot: slot % 12, service, region, account, code, caller, events }
    });
    prop::collection::vec(event, 0..60)
}

/// Days around a month's end, some of them without an edition; each a string of slot states.
fn window() -> impl Strategy<Value = Vec<Option<String>>> {
    let stretch = (prop::sample::select(vec!['d', 'd', '.', 'u', 'g']), 1..9_usize);
    let line = prop::collection::vec(stretch, 500);
    (line, prop::collection::vec(prop::bool::weighted(0.85), 4)).prop_map(|(stretches, is_there)| {
        let line: String = stretches.iter().flat_map(|(state, n)| std::iter::repeat_n(*state, *n)).collect();
        let blank = ".".repeat(SLOTS);
        let days = (0..4).map(|at| line.get(at * SLOTS..(at + 1) * SLOTS).unwrap_or(&blank).to_owned());
        days.zip(is_there).map(|(day, is_there)| is_there.then_some(day)).collect()
    })
}

fn first() -> Day {
    day("2026-11-29")
}

fn draw(window: &[Option<String>], gap_slots: u32) -> (Vec<Edition>, Figures) {
    let mut config = config(SlotLength::Minutes5);
    config.measure.max_gap_seconds = gap_slots * 300;
    let days = window.iter().enumerate().filter_map(|(at, states)| Some((at, states.as_ref()?)));
    let editions: Vec<Edition> =
        days.map(|(at, s)| given::edition(first().plus(at as i64), &config, &letters(s))).collect();
    let figures = given::figures(&editions, &config);
    (editions, figures)
}

/// Good and bad events that [`letters`] gives a slot.
fn events_of(letter: char) -> (i64, i64) {
    match letter {
        'd' => (0, 10),
        'g' => (20, 1),
        'u' => (1, 0),
        _ => (0, 0),
    }
}

/// Which slots of a line are down in an outage that counts: at least two of them, by the rule in its plain words.
///
/// A failing slot is a `d`, so five bad events are always there. Every stretch from a `d` to a `d` is tried.
fn counted(line: &[char], gap: usize) -> Vec<bool> {
    let outweigh = |part: &[char]| {
        let (good, bad) = part.iter().fold((0, 0), |sum, letter| {
            let (good, bad) = events_of(*letter);
            (sum.0 + good, sum.1 + bad)
        });
        bad * 2 >= good + bad
    };
    let mut spans: Vec<[usize; 2]> = Vec::new();
    for start in (0..line.len()).filter(|at| line[*at] == 'd') {
        for end in (start..line.len()).filter(|at| line[*at] == 'd') {
            let part = &line[start..=end];
            let few = |between: &[char]| {
                between.len() <= gap && between.iter().map(|letter| events_of(*letter).0).sum::<i64>() < 5
            };
            if !part.split(|letter| *letter == 'd').all(few) {
                break;
            }
            if (1..=part.len()).all(|n| outweigh(&part[..n]) && outweigh(&part[part.len() - n..])) {
                match spans.last_mut() {
                    Some(open) if start <= open[1] => open[1] = open[1].max(end + 1),
                    _ => spans.push([start, end + 1]),
                }
            }
        }
    }
    let mut counted = vec![false; line.len()];
    for [start, end] in spans {
        let down = (start..end).filter(|at| line[*at] == 'd');
        if down.clone().count() >= 2 {
            down.for_each(|at| counted[at] = true);
        }
    }
    counted
}

proptest! {
    #![proptest_config(given::cases(24))]

    #[test]
    fn every_slot_is_somewhere_and_the_books_balance(events in events()) {
        let config = config(SlotLength::Minutes5);
        let postings = given::postings(day("2026-11-20"), &config, &events);
        let slots = Slots::count(&postings, &[], &config).unwrap();
        check_balance(&given::files(&postings), 0, &postings, &slots).unwrap();
        for scope in slots.scopes() {
            let by_state = State::ALL.map(|s| slots.cells(scope).filter(|c| c.net.state == s).count());
            prop_assert_eq!(by_state.iter().sum::<usize>(), SLOTS);
        }
        let whole = Scope::new(ScopeKind::Component, "Cloud API", "*");
        let parts = ["messages", "media"].map(|s| Scope::new(ScopeKind::Service, s, "*"));
        let parts = parts.map(|s| slots.cells(&s).collect::<Vec<_>>());
        for (at, cell) in slots.cells(&whole).enumerate() {
            prop_assert_eq!(cell.net.state, parts[0][at].net.state.max(parts[1][at].net.state));
            prop_assert_eq!(cell.net.events.total(), parts.iter().map(|p| p[at].net.events.total()).sum::<i64>());
        }
        let back = Slots::from_table(slots.day(), slots.length(), &slots.to_table());
        prop_assert_eq!(back, Ok(slots));
    }

    #[test]
    fn a_row_too_many_is_an_imbalance(events in events()) {
        let config = config(SlotLength::Minutes5);
        let postings = given::postings(day("2026-11-20"), &config, &events);
        let slots = Slots::count(&postings, &[], &config).unwrap();
        let mut files = given::files(&postings);
        prop_assert!(check_balance(&files, 1, &postings, &slots).is_err());
        files[0].rows_read += 1;
        prop_assert!(check_balance(&files, 0, &postings, &slots).is_err());
        files[0].accepted += 1;
        prop_assert!(check_balance(&files, 0, &postings, &slots).is_err());
    }

    #[test]
    fn runs_are_found_over_the_window_and_clipped_afterwards(window in window(), gap in 0..4_u32) {
        let (editions, figures) = draw(&window, gap);
        let known = window.iter().position(Option::is_some).zip(window.iter().rposition(Option::is_some));
        let Some((from, to)) = known else { return Ok(()) };
        let blank = ".".repeat(SLOTS);
        let line: Vec<char> = window.iter().flat_map(|d| d.as_ref().unwrap_or(&blank).chars()).collect();
        let counted = counted(&line, gap as usize);
        let oracle = |at: usize| counted[at * SLOTS..(at + 1) * SLOTS].iter().filter(|c| **c).count() as i64;

        let mine = |f: &&measure::Figure| f.definition.name == "whatsapp"
            && (f.scope.kind, &*f.scope.name, &*f.scope.region) == (ScopeKind::Service, "messages", "eu");
        let days: Vec<_> = figures.days.iter().filter(mine).collect();
        prop_assert_eq!(days.len(), editions.len());
        for figure in &days {
            let Period::Day(day) = figure.period else { unreachable!() };
            let at = first().through(day).count() - 1;
            prop_assert_eq!(figure.net.slots_counted, oracle(at), "{}", day);
        }
        let total: i64 = (from..=to).map(oracle).sum();
        let months: i64 = figures.months.iter().filter(mine).map(|f| f.net.slots_counted).sum();
        prop_assert_eq!(days.iter().map(|f| f.net.slots_counted).sum::<i64>(), total);
        prop_assert_eq!(months, total);
        for month in figures.months.iter().filter(mine) {
            let Period::Month(m) = month.period else { unreachable!() };
            let last = editions.last().unwrap().day.min(m.last());
            prop_assert_eq!(month.net.slots, (m.first().through(last).count() * SLOTS) as i64);
        }
        let outages: i64 = figures.outages.iter()
            .filter(|o| o.is_counted && o.scope.kind == ScopeKind::Service && !o.scope.is_all_regions())
            .map(|o| o.down_seconds / 300).sum();
        prop_assert_eq!(outages, total);
    }

    #[test]
    fn percentages_round_down(bad in 0..1_000_000_000_000_i64, good in 0..1_000_000_000_000_i64) {
        let percent = floor_percent(good, good + bad);
        prop_assert_eq!(percent.is_none(), good + bad == 0);
        if let Some(micro) = percent {
            prop_assert!(bad == 0 || micro < 100_000_000);
            let exact = i128::from(good) * 100_000_000;
            let whole = i128::from(good + bad);
            let shown = i128::from(micro) * whole;
            prop_assert!(shown <= exact && exact - shown < whole, "within a millionth");
        }
    }

    #[test]
    fn csv_and_parquet_hold_the_same_values(events in events()) {
        let config = config(SlotLength::Minutes5);
        let edition = given::edition(day("2026-11-20"), &config, &events);
        let figures = given::figures(std::slice::from_ref(&edition), &config);
        let reports = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(reports.path()).unwrap();
        let settings = given::settings(&config);
        let drawing = given::drawing(&ledger, &settings, &figures);
        let read = |day| Ok(Some(given::day_drawing(day, &config, &events)));
        let drawn = Days { days: &[day("2026-11-20")], read: &read, workers: 1 };
        let render = || report::render(reports.path(), &drawing, None, &drawn).unwrap();
        // Fifteen tables twice, and the quarantine.
        prop_assert_eq!(render().written.len(), 31);
        let summary = report::Summary::new(&drawing).unwrap();
        let tables = summary.tables().into_iter().cloned().chain(report::daily_tables(&read(day("2026-11-20")).unwrap().unwrap()));
        for ((place, spec), table) in report::schema().into_iter().zip(tables) {
            let path = reports.path().join(place.replace("<day>", "2026-11-20"));
            let parquet = std::fs::File::open(path.with_extension("parquet")).unwrap();
            let back = Table::from_parquet(spec, parquet).unwrap();
            prop_assert_eq!(&back, &table, "{}", place);
            let csv = std::fs::read(path.with_extension("csv")).unwrap();
            prop_assert!(back.to_csv() == csv, "{}", place);
            let mut reader = csv::Reader::from_reader(csv.as_slice());
            prop_assert_eq!(reader.records().map(Result::unwrap).count(), table.len());
        }
        let again = render();
        prop_assert_eq!((again.written.len(), again.unchanged), (0, 31));
    }

    #[test]
    fn an_edition_is_read_as_it_was_written(events in events()) {
        let config = config(SlotLength::Minutes5);
        let reports = tempfile::tempdir().unwrap();
        let mut draft = given::draft(day("2026-11-20"), &config, &events);
        let of = draft.edition.day;
        let mut ledger = given::writer(reports.path(), &draft);
        let first = ledger.publish(draft.clone(), &Kept::default(), given::clock(&draft)).unwrap();
        prop_assert!(first.is_new && first.edition.number == 1);
        prop_assert_eq!(first.causes, [Cause::First]);
        prop_assert_eq!(&ledger.read(of, Extent::Whole).unwrap(), &first.edition);
        prop_assert_eq!(&ledger.accounts(of).unwrap().1, &first.edition.intake);

        // Bad lines, instants and callers are read where a run can be.
        let mut outline = Outline::of(&first.edition);
        if !outline.is_down() {
            (outline.bad, outline.instants, outline.callers) = Default::default();
        }
        prop_assert_eq!(ledger.outlines([(of, 1)]).unwrap(), [outline]);

        let stamp = |name: &str| std::fs::metadata(reports.path().join("ledger").join(name)).unwrap().modified().unwrap();
        let stamps = || ["editions", "editions/2026-11-20/0001/edition.json", "journal.ndjson"].map(stamp);
        let before = stamps();
        draft.edition.as_of += chrono::Duration::days(1);
        // A line that is no call is no row of the day.
        draft.edition.intake[0].rows_read += 1;
        draft.edition.intake[0].not_a_call += 1;
        draft.edition.intake[0].not_a_call_reasons.add("start-up", 1);
        let second = ledger.publish(draft.clone(), &Kept::default(), given::clock(&draft)).unwrap();
        prop_assert!(!second.is_new);
        prop_assert_eq!(&second.edition, &first.edition);
        prop_assert_eq!(before, stamps());

        // Other words for the same rules are the same policy.
        draft.edition.policy = "policy-2".into();
        prop_assert!(!ledger.publish(draft.clone(), &Kept::default(), given::clock(&draft)).unwrap().is_new);
        draft.rules = "rules-2".into();
        // Other rules by which all comes out the same publish nothing either.
        prop_assert!(!ledger.publish(draft.clone(), &Kept::default(), given::clock(&draft)).unwrap().is_new);
        for line in &mut draft.edition.accounts {
            line.rule = "another-rule".into();
        }
        let third = ledger.publish(draft.clone(), &Kept::default(), given::clock(&draft)).unwrap();
        prop_assert_eq!(third.is_new, !draft.edition.accounts.is_empty());
        if third.is_new {
            prop_assert_eq!(third.edition.number, 2);
            prop_assert_eq!(third.causes, [Cause::Policy]);
            prop_assert_eq!(ledger.read(of, Extent::Whole).unwrap(), third.edition);
            prop_assert_eq!(ledger.basis(of, 2).unwrap().facts.rows(), draft.basis.facts.rows());
        }
        prop_assert_eq!(ledger.edition(of, 1, Extent::Whole).unwrap(), first.edition);
    }
}

#[test]
fn parquet_names_its_origin() {
    let config = config(SlotLength::Minute);
    let edition = given::edition(day("2026-11-20"), &config, &letters("dddddddddddd"));
    let reports = tempfile::tempdir().unwrap();
    let figures = given::figures(std::slice::from_ref(&edition), &config);
    let ledger = Ledger::open(reports.path()).unwrap();
    let settings = given::settings(&config);
    let read = |day| Ok(Some(given::day_drawing(day, &config, &letters("dddddddddddd"))));
    let drawn = Days { days: &[edition.day], read: &read, workers: 1 };
    report::render(reports.path(), &given::drawing(&ledger, &settings, &figures), None, &drawn).unwrap();
    let file = std::fs::File::open(reports.path().join("availability.parquet")).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let pairs = reader.metadata().file_metadata().key_value_metadata().unwrap();
    for key in ["table", "job_version", "as_of", "policy_fingerprint", "definition"] {
        assert!(pairs.iter().any(|p| p.key == format!("uptime_ledger.{key}") && p.value.is_some()), "{key}");
    }
    assert!(Metadata::default().0.is_empty());
}
