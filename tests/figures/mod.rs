//! Figures: small worked examples of outages, months, coverage and budgets.

mod worlds;

use uptime_ledger::day::{Day, SlotLength};
use uptime_ledger::ledger::{DayState, Edition, Extent, Kept, Outline};
use uptime_ledger::measure::{self, Class, Condition, Figure, FigureStatus, Figures, Period};
use uptime_ledger::policy::Account;
use uptime_ledger::slots::{Scope, ScopeKind};

use crate::given::{self, Event, config, day, edition, letters};

const MINUTES: usize = 1_440;

/// Days in a row, from runs of letters: `[(1435, 'u'), (5, 'd')]`.
fn draw(first: &str, days: &[&[(usize, char)]]) -> (Vec<Edition>, Figures) {
    let config = config(SlotLength::Minute);
    let editions: Vec<Edition> = (0_i64..)
        .zip(days)
        .map(|(at, parts)| {
            let states: String = parts.iter().flat_map(|(n, c)| std::iter::repeat_n(*c, *n)).collect();
            assert_eq!(states.len(), MINUTES);
            edition(day(first).plus(at), &config, &letters(&states))
        })
        .collect();
    let figures = given::figures(&editions, &config);
    (editions, figures)
}

fn find<'a>(figures: &'a [Figure], scope: &str, definition: &str, period: Period) -> &'a Figure {
    let is =
        |f: &&Figure| f.scope.to_string() == scope && f.definition.name == definition && f.period == period;
    figures.iter().find(is).unwrap()
}

fn on(figures: &Figures, scope: &str, at: &str) -> i64 {
    find(&figures.days, scope, "whatsapp", Period::Day(day(at))).net.slots_counted
}

#[test]
fn a_run_over_midnight_and_month_end_counts_on_both_sides() {
    let (_, figures) = draw("2026-11-30", &[&[(1_434, 'u'), (6, 'd')], &[(4, 'd'), (1_436, 'u')]]);
    assert_eq!(on(&figures, "service:messages:eu", "2026-11-30"), 6);
    assert_eq!(on(&figures, "component:Cloud API:*", "2026-12-01"), 4);
    let id = "service:messages:*:2026-11-30T23:54:00Z";
    let outage = figures.outages.iter().find(|o| o.id == id).unwrap();
    assert_eq!((outage.down_seconds, outage.is_counted, outage.class), (600, true, Class::OverFiveMinutes));
    assert_eq!((outage.events_bad, outage.top_error_codes.as_str()), (100, "131016:100"));
    assert_eq!(outage.top_callers_micro_percent, Some(100_000_000));

    let nine = draw("2026-11-30", &[&[(1_434, 'u'), (6, 'd')], &[(3, 'd'), (1_437, 'u')]]).1;
    assert_eq!(on(&nine, "service:messages:eu", "2026-11-30"), 0);
    assert!(!nine.outages[0].is_counted);
    let figure = find(&nine.days, "service:messages:eu", "occurrences", Period::Day(day("2026-11-30")));
    assert_eq!((figure.net.events.good(), figure.net.events.bad()), (1_434, 60));
    assert_eq!(figure.net_micro_percent, Some(95_983_935));
}

#[test]
fn a_month_runs_then_ends_then_is_final() {
    let all_up: &[(usize, char)] = &[(MINUTES, 'u')];
    let november = Period::Month(day("2026-11-01").month());
    let scope = "service:messages:eu";

    let running = draw("2026-11-20", &[all_up, all_up]).1;
    let figure = find(&running.months, scope, "whatsapp", november);
    assert_eq!(
        (figure.status, figure.net.slots, figure.days_published),
        (FigureStatus::Running, 21 * 1_440, 2)
    );
    assert_eq!(figure.coverage_micro_percent, Some(100_000_000 * 2 / 21));
    assert_eq!(figure.net_micro_percent, Some(100_000_000), "unobserved time is not down time");

    let over = draw("2026-11-30", &[all_up, all_up]).1;
    let figure = find(&over.months, scope, "whatsapp", november);
    // Days without an edition: the month is never final, and what it could be at worst stands beside the figure.
    let incomplete = FigureStatus::Incomplete { published: 1, days: 30 };
    assert_eq!((figure.status, figure.net.slots), (incomplete, 30 * 1_440));
    assert_eq!(figure.status.to_string(), "incomplete (1 of 30 days)");
    assert_eq!(figure.net_micro_percent, Some(100_000_000));
    assert_eq!(figure.at_least_micro_percent, Some(100_000_000 / 30));
    let whole: Vec<&[(usize, char)]> = vec![all_up; 30];
    let over = draw("2026-11-01", &whole).1;
    let figure = find(&over.months, scope, "whatsapp", november);
    assert_eq!(
        (figure.status, figure.at_least_micro_percent),
        (FigureStatus::Provisional, Some(100_000_000))
    );

    // As of 2026-12-14, the tenth business day.
    let settled = draw("2026-12-13", &[all_up]).1;
    assert_eq!(settled.months[0].status, FigureStatus::Running);
    let config = config(SlotLength::Minute);
    let editions = ["2026-11-30", "2026-12-13"].map(|d| edition(day(d), &config, &letters("u")));
    let settled = given::figures(&editions, &config);
    assert_eq!(find(&settled.months, scope, "whatsapp", november).status, incomplete);
    let mut days: Vec<Edition> =
        (0..30).map(|at| edition(day("2026-11-01").plus(at), &config, &letters("u"))).collect();
    days.push(edition(day("2026-12-13"), &config, &letters("u")));
    // While one of its days is open, the month is not final.
    for (open, status) in [(1, FigureStatus::Provisional), (0, FigureStatus::Final)] {
        days[open..30].iter_mut().for_each(|edition| edition.state = DayState::Sealed);
        let settled = given::figures(&days, &config);
        assert_eq!(find(&settled.months, scope, "whatsapp", november).status, status);
    }
}

#[test]
fn nothing_observed_is_null_and_a_silent_region_lowers_coverage() {
    let (_, figures) = draw("2026-11-20", &[&[(MINUTES, 'u')]]);
    let at = Period::Day(day("2026-11-20"));
    let media = find(&figures.days, "service:media:us", "whatsapp", at);
    assert_eq!((media.net_micro_percent, media.coverage_micro_percent), (None, Some(0)));
    let component = find(&figures.days, "component:Cloud API:*", "whatsapp", at);
    assert_eq!(component.net_micro_percent, Some(100_000_000));
    assert_eq!(component.coverage_micro_percent, Some(25_000_000), "one of four pairs");
    let eu = find(&figures.days, "component:Cloud API:eu", "whatsapp", at);
    assert_eq!(eu.coverage_micro_percent, Some(50_000_000));
}

#[test]
fn a_target_has_a_budget_in_slots_and_in_events() {
    let (_, figures) = draw("2026-11-20", &[&[(20, 'd'), (1_420, 'u')]]);
    let november = Period::Month(day("2026-11-01").month());
    let budget =
        |definition| find(&figures.months, "component:Cloud API:*", definition, november).budget.unwrap();
    // 0.1 % of 43,200 minutes, rounded down.
    let slots = budget("whatsapp");
    assert_eq!((slots.unit, slots.allowed, slots.used, slots.remaining()), ("slots", 43, 20, 23));
    let events = budget("occurrences");
    assert_eq!((events.unit, events.allowed, events.used, events.remaining()), ("events", 1, 200, -199));
    assert!(find(&figures.months, "service:messages:eu", "whatsapp", november).budget.is_none());
}

#[test]
fn code_2_for_five_minutes_is_an_update_and_for_six_an_outage() {
    let config = config(SlotLength::Minute);
    let outage = |minutes: usize, last_code: i64| {
        let mut events = letters(&format!("u{}u", "d".repeat(minutes)));
        for event in events.iter_mut().filter(|e| e.account == Account::BadPlatformError) {
            event.code = Some(if event.slot == minutes as u32 { last_code } else { 2 });
        }
        let figures = given::figures(&[edition(day("2026-11-20"), &config, &events)], &config);
        figures.outages.first().unwrap().class
    };
    // The successes around lie up to 6:43 apart.
    assert_eq!(outage(5, 2), Class::PerhapsUpdate);
    assert_eq!(outage(5, 131_016), Class::PerhapsUpToFiveMinutes);
    assert_eq!(outage(6, 2), Class::OverFiveMinutes);
}

#[test]
fn what_is_open_makes_a_day_provisional() {
    let config = config(SlotLength::Minute);
    let mut events = letters("uuu");
    assert_eq!(edition(day("2026-11-20"), &config, &events).state, DayState::Reported);
    events[0].account = Account::Suspense;
    assert_eq!(edition(day("2026-11-20"), &config, &events).state, DayState::Provisional);
    events[0].account = Account::Unknown;
    assert_eq!(edition(day("2026-11-20"), &config, &events).state, DayState::Provisional);
}

/// A day waits for a rule or for an outcome that is due, but not for evidence that is lost.
#[test]
fn what_is_unknown_does_not_keep_a_day_from_being_sealed() {
    let config = config(SlotLength::Minute);
    let open = |account| {
        let mut events = letters("uuu");
        events[0].account = account;
        let draft = given::draft(day("2026-11-20"), &config, &events);
        draft.edition.open_events() > 0
    };
    assert!(open(Account::Suspense) && open(Account::Pending));
    assert!(!open(Account::Unknown));
}

#[test]
fn unknown_events_make_a_slot_doubtful_where_it_would_be_down_if_they_were_bad() {
    let config = config(SlotLength::Minute);
    let states = |unknown_at: &[u32]| {
        let mut events = letters("uuuuuuu.d");
        let more = |slot: &u32| Event { account: Account::Unknown, slot: *slot, ..events[0].clone() };
        let more: Vec<Event> = unknown_at.iter().map(more).collect();
        events.extend(more);
        let edition = edition(day("2026-11-20"), &config, &events);
        let scope = edition.slots.scopes()[0].clone();
        edition.slots.cells(&scope).take(9).map(|cell| cell.net.state.letter()).collect::<String>()
    };
    assert_eq!(states(&[]), "uuuuuuu.d");
    // Six successes lie between the first minute and the outage.
    assert_eq!(states(&[0]), "uuuuuuu.d");
    assert_eq!(states(&[7]), "uuuuuuu?d");
}

#[test]
fn a_damaged_edition_names_its_file_and_what_no_line_tells_of_is_moved_aside() {
    let config = config(SlotLength::Minute);
    let reports = tempfile::tempdir().unwrap();
    let at = day("2026-11-20");
    let draft = |letters_: &str| given::draft(at, &config, &letters(letters_));
    let clock = given::clock(&draft("u"));
    let mut ledger = given::writer(reports.path(), &draft("u"));
    assert_eq!(ledger.days(), Vec::<Day>::new());
    let first = ledger.publish(draft("uuu"), &Kept::default(), clock).unwrap().edition;
    drop(ledger);

    let folder = reports.path().join("ledger");
    let editions = folder.join("editions/2026-11-20");
    for stranger in [folder.join(".tmp-1"), editions.join("0002"), folder.join("policies/abc")] {
        std::fs::create_dir_all(stranger).unwrap();
    }
    let mut ledger = given::writer(reports.path(), &draft("u"));
    assert_eq!((ledger.days(), ledger.read(at, Extent::Whole).unwrap()), (vec![at], first));
    assert!(!folder.join(".tmp-1").exists() && !editions.join("0002").exists());
    assert!(!folder.join("policies/abc").exists());
    assert_eq!(ledger.strays().moved, [".tmp-1", "editions.2026-11-20.0002", "policies.abc"]);
    assert_eq!(ledger.publish(draft("uud"), &Kept::default(), clock).unwrap().edition.number, 2);

    std::fs::write(editions.join("0002/slots.parquet"), "PAR1 not really").unwrap();
    let told = ledger.read(at, Extent::Whole).unwrap_err().to_string();
    assert!(told.contains("slots.parquet is damaged"), "{told}");
    std::fs::write(editions.join("0002/edition.json"), r#"{"format": 9}"#).unwrap();
    let told = ledger.read(at, Extent::Whole).unwrap_err().to_string();
    assert!(told.contains("edition.json is damaged: it is not as it was written"), "{told}");
}

/// `letters` fills the first slots of the day; a status page looks at its last hour.
#[test]
fn the_condition_is_that_of_the_last_hour() {
    let config = given::config(SlotLength::Minutes5);
    let condition = |states: &str| {
        let events = given::letters(&format!("{}{states}", ".".repeat(288 - 12)));
        let edition = given::edition(given::day("2026-11-20"), &config, &events);
        measure::condition(&edition, &Scope::new(ScopeKind::Component, "Cloud API", "*"))
    };
    assert_eq!(condition("............"), Condition::NotObserved);
    assert_eq!(condition("uuuuuuuuuuuu"), Condition::NoKnownIssues);
    assert_eq!(condition("uuuuguuuuuuu"), Condition::PossibleDisruption);
    // Ten bad events beside eleven of one good event each, beside 220, and alone.
    assert_eq!(condition("uuuuduuuuuuu"), Condition::MediumDisruption);
    assert_eq!(condition("gggggdgggggg"), Condition::LowDisruption);
    assert_eq!(condition("...........d"), Condition::HighDisruption);
}

#[test]
fn an_edition_without_its_outline_is_damaged() {
    let config = config(SlotLength::Minute);
    let reports = tempfile::tempdir().unwrap();
    let at = day("2026-11-20");
    let draft = given::draft(at, &config, &letters("uugd"));
    let clock = given::clock(&draft);
    let mut ledger = given::writer(reports.path(), &draft);
    let want = Outline::of(&ledger.publish(draft, &Kept::default(), clock).unwrap().edition);
    let folder = reports.path().join("ledger/editions/2026-11-20/0001");
    assert_eq!(ledger.outlines([(at, 1)]).unwrap(), std::slice::from_ref(&want));

    std::fs::remove_file(folder.join("outline.parquet")).unwrap();
    assert!(ledger.outlines([(at, 1)]).is_err(), "it is told of, and not there");
    // A manifest that no longer names it is not the one that the journal names.
    let manifest = std::fs::read_to_string(folder.join("edition.json")).unwrap();
    let shorter: Vec<&str> = manifest.lines().filter(|line| !line.contains("outline.parquet")).collect();
    std::fs::write(folder.join("edition.json"), shorter.join("\n")).unwrap();
    assert!(ledger.outlines([(at, 1)]).is_err());
}

#[test]
fn bad_events_of_a_day_within_a_run_count_although_no_slot_of_it_is_down() {
    let mut config = config(SlotLength::Minute);
    config.measure.max_gap_seconds = 86_400;
    let reports = tempfile::tempdir().unwrap();
    let first = day("2026-11-20");
    let days = [format!("{}d", ".".repeat(MINUTES - 1)), ".".repeat(MINUTES), "d".to_owned()];
    let mut ledger = given::writer(reports.path(), &given::draft(first, &config, &[]));
    for (at, states) in (0_i64..).zip(&days) {
        let mut draft = given::draft(first.plus(at), &config, &letters(states));
        if at == 1 {
            // In a gap of the logs: the events stay, and the slot is not judged.
            draft.edition.bad = given::edition(first, &config, &letters("d")).bad;
        }
        let clock = given::clock(&draft);
        ledger.publish(draft, &Kept::default(), clock).unwrap();
    }
    let editions: Vec<Edition> =
        ledger.days().into_iter().map(|day| ledger.read(day, Extent::Whole).unwrap()).collect();
    let figures = measure::draw(&ledger.outlines(ledger.standing()).unwrap(), &config);
    assert_eq!(figures, given::figures(&editions, &config));
    assert_eq!((figures.outages[0].down_seconds, figures.outages[0].events_bad), (120, 30));
}
