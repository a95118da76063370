//! Worlds of lost, renamed and resting logs, by which the judgement of missing logs is tried.

use proptest::prelude::*;

use super::*;

const HOURS: [u8; 2] = [9, 10];
const NONE: [&str; 0] = [];

fn day(n: i64) -> Day {
    "2026-11-02".parse::<Day>().unwrap().plus(n)
}

fn source(name: &str, log: Log, path: &str) -> Source {
    Source { paths: vec![path.to_owned()], ..Source::bare(name, log) }
}

fn sources() -> Vec<Source> {
    vec![
        source("calls", Log::Requests, "calls-{date}-*.csv"),
        source("hooks", Log::Webhooks, "hooks-{date}-*.csv"),
    ]
}

/// A file with as many rows in each of [`HOURS`].
fn file(log: Log, node: &str, rows: u64) -> FileHours {
    let source = if log == Log::Requests { "calls" } else { "hooks" };
    FileHours {
        source: source.to_owned(),
        log,
        pattern: format!("{source}-{{date}}-*.csv"),
        name: format!("{source}-*-{node}.csv"),
        path: format!("{source}-2026-11-02-{node}.csv"),
        belongs: FileDay::Own,
        is_readable: true,
        bytes: rows * 100,
        rows_read: rows,
        regions: vec!["eu".to_owned()],
        hours: HOURS.map(|hour| (hour, rows / 2)).to_vec(),
        names_outcome: true,
        unread: Vec::new(),
    }
}

/// The nodes of one log on one day, with their rows.
type Nodes<'a> = &'a [(&'a str, u64)];

fn files(log: Log, nodes: Nodes<'_>) -> Vec<FileHours> {
    nodes.iter().map(|(node, rows)| file(log, node, *rows)).collect()
}

/// Returns the names of webhook logs that are missing on the last of some days.
fn missing(days: &[(Nodes<'_>, Nodes<'_>)]) -> Vec<String> {
    missing_though(days, &[])
}

fn missing_though(days: &[(Nodes<'_>, Nodes<'_>)], acknowledged: &[AcknowledgedName]) -> Vec<String> {
    let of = |(n, (hooks, calls)): (usize, &(Nodes<'_>, Nodes<'_>))| {
        (day(n as i64), [files(Log::Webhooks, hooks), files(Log::Requests, calls)].concat())
    };
    let days: BTreeMap<Day, Vec<FileHours>> = days.iter().enumerate().map(of).collect();
    let last = *days.keys().last().unwrap();
    let found = missing_logs(&days, &sources(), acknowledged).missing.remove(&last).unwrap();
    found.into_iter().filter(|log| log.log == Log::Webhooks).map(|log| log.name).collect()
}

/// Three days like the first pair, then the second.
fn after_three(before: (Nodes<'_>, Nodes<'_>), today: (Nodes<'_>, Nodes<'_>)) -> Vec<String> {
    missing(&[before, before, before, today])
}

const BOTH: Nodes<'_> = &[("node1", 1_000), ("node2", 1_000)];
const CALLS: Nodes<'_> = &[("node1", 333), ("node2", 334)];

#[test]
fn a_name_that_is_gone_is_missing() {
    let only = [("node1", 1_000)];
    assert_eq!(after_three((BOTH, CALLS), (&only, CALLS)), ["hooks-*-node2.csv"]);
    assert_eq!(after_three((BOTH, CALLS), (&only, &[("node1", 333)])), ["hooks-*-node2.csv"]);
    assert_eq!(after_three((BOTH, CALLS), (&[], CALLS)), ["hooks-*-node1.csv", "hooks-*-node2.csv"]);
    // A new node with a few rows does not stand for it.
    let few = [("node1", 1_000), ("node3", 8)];
    assert_eq!(after_three((BOTH, CALLS), (&few, CALLS)), ["hooks-*-node2.csv"]);
    // A small one beside a big one, on a day with more traffic.
    let sizes = [("big", 19_000), ("small", 1_000)];
    let calls = [("lb", 6_667)];
    assert_eq!(after_three((&sizes, &calls), (&[("big", 19_570)], &[("lb", 6_867)])), ["hooks-*-small.csv"]);
    // With one day before it, that day counts; with none, nothing is expected.
    assert_eq!(missing(&[(BOTH, CALLS), (&only, CALLS)]), ["hooks-*-node2.csv"]);
    assert_eq!(missing(&[(&only, CALLS)]), NONE);
}

#[test]
fn a_quiet_day_does_not_hide_a_missing_name() {
    let (weekend, calls) = ([("node1", 450), ("node2", 450)], [("lb", 300)]);
    let monday: (Nodes<'_>, Nodes<'_>) = (&[("node1", 1_000)], &[("lb", 667)]);
    assert_eq!(after_three((&weekend, &calls), monday), ["hooks-*-node2.csv"]);
}

#[test]
fn rows_that_others_have_are_not_missing() {
    // Renamed, split and merged, also on a day with less than half of the traffic.
    let renamed = [("a", 450), ("b", 450)];
    assert_eq!(after_three((BOTH, CALLS), (&renamed, &[("node1", 150), ("node2", 150)])), NONE);
    let split = [("node1", 1_000), ("node2a", 500), ("node2c", 500)];
    assert_eq!(after_three((BOTH, CALLS), (&split, CALLS)), NONE);
    assert_eq!(after_three((BOTH, CALLS), (&[("node1", 2_000)], CALLS)), NONE);
    let (green, blue) = ([("green", 2_000)], [("blue", 2_000)]);
    let days: [(Nodes<'_>, Nodes<'_>); 4] =
        [(&green, CALLS), (&blue, CALLS), (&green, CALLS), (&blue, CALLS)];
    assert_eq!(missing(&days), NONE);
}

#[test]
fn a_node_that_the_others_stand_in_for_looks_like_a_lost_file() {
    // Ten nodes become nine, and each does a ninth more: by rows alone it cannot be told.
    let names: Vec<String> = (0..10).map(|n| format!("n{n}")).collect();
    let ten: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 1_000)).collect();
    let nine: Vec<(&str, u64)> = names.iter().take(9).map(|name| (name.as_str(), 1_112)).collect();
    let calls = [("lb", 3_333)];
    assert_eq!(after_three((&ten, &calls), (&nine, &calls)), ["hooks-*-n9.csv"]);
}

#[test]
fn an_absent_name_stays_expected_until_it_is_back() {
    let only: Nodes<'_> = &[("node1", 1_000)];
    let mut days: Vec<(Nodes<'_>, Nodes<'_>)> = vec![(BOTH, CALLS); 3];
    for _ in 0..LONGEST_ABSENCE_DAYS {
        days.push((only, CALLS));
        assert_eq!(missing(&days), ["hooks-*-node2.csv"], "day {}", days.len());
    }
    days.push((only, CALLS));
    assert_eq!(missing(&days), NONE);
    days.truncate(5);
    days.push((BOTH, CALLS));
    assert_eq!(missing(&days), NONE);
    days.push((only, CALLS));
    assert_eq!(missing(&days), ["hooks-*-node2.csv"], "away again");
}

#[test]
fn an_acknowledged_name_stays_expected_until_that_ends() {
    let only: Nodes<'_> = &[("node1", 1_000)];
    let mut days: Vec<(Nodes<'_>, Nodes<'_>)> = vec![(BOTH, CALLS); 3];
    let until = 3 + LONGEST_ABSENCE_DAYS + 20;
    let known = |node: &str| AcknowledgedName {
        source: "hooks".to_owned(),
        name: format!("hooks-*-{node}.csv"),
        until: day(until),
    };
    let (known, other) = ([known("node2")], [known("node1")]);
    for n in 3..=until + 1 {
        days.push((only, CALLS));
        let is_near = n < 3 + LONGEST_ABSENCE_DAYS;
        let expected: &[&str] = if n <= until { &["hooks-*-node2.csv"] } else { &[] };
        assert_eq!(missing_though(&days, &known), expected, "day {n}");
        assert_eq!(missing_though(&days, &other).is_empty(), !is_near, "day {n}");
    }
    // The days by which it is judged are enough to judge it by, with those of the last month.
    days.pop();
    let of = |(n, (hooks, calls)): (usize, &(Nodes<'_>, Nodes<'_>))| {
        (day(n as i64), [files(Log::Webhooks, hooks), files(Log::Requests, calls)].concat())
    };
    let mut all: BTreeMap<Day, Vec<FileHours>> = days.iter().enumerate().map(of).collect();
    let judged = missing_logs(&all, &sources(), &known);
    let judged_by = &judged.judged_by[&day(until)];
    assert_eq!(*judged_by, [day(0), day(1), day(2)].into());
    all.retain(|of, _| judged_by.contains(of) || day(until - HISTORY_DAYS) <= *of);
    let again = missing_logs(&all, &sources(), &known);
    assert_eq!(again.missing[&day(until)], judged.missing[&day(until)]);
}

#[test]
fn what_comes_later_does_not_judge_a_day_again() {
    let only: Nodes<'_> = &[("node1", 1_000)];
    let days: Vec<(Nodes<'_>, Nodes<'_>)> =
        vec![(BOTH, CALLS), (BOTH, CALLS), (only, CALLS), (only, CALLS), (BOTH, CALLS), (only, CALLS)];
    let of = |(n, (hooks, calls)): (usize, &(Nodes<'_>, Nodes<'_>))| {
        (day(n as i64), [files(Log::Webhooks, hooks), files(Log::Requests, calls)].concat())
    };
    let all: BTreeMap<Day, Vec<FileHours>> = days.iter().enumerate().map(of).collect();
    let judged = missing_logs(&all, &sources(), &[]).missing;
    for end in 1..=days.len() {
        let until = all.iter().take(end).map(|(day, files)| (*day, files.clone())).collect();
        for (day, logs) in missing_logs(&until, &sources(), &[]).missing {
            assert_eq!(logs, judged[&day], "{day} of {end} days");
        }
    }
}

#[test]
fn the_first_day_is_judged_by_the_names_of_the_next() {
    let next = |file: FileHours| FileHours { belongs: FileDay::Next, ..file };
    let today = vec![
        file(Log::Webhooks, "node1", 1_000),
        next(file(Log::Webhooks, "node1", 1_000)),
        next(file(Log::Webhooks, "node2", 1_000)),
    ];
    let found = missing_logs(&[(day(0), today)].into(), &sources(), &[]).missing.remove(&day(0)).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].name.as_str(), found[0].cause), ("hooks-*-node2.csv", MissingCause::Absent));
    let hours: Vec<(u8, u32)> = found[0].hours.iter().map(|hour| (hour.hour, hour.region_ppm)).collect();
    assert_eq!(hours, [(9, 500_000), (10, 500_000)]);
}

#[test]
fn an_unreadable_file_opens_the_hours_of_its_name() {
    let broken = |file: FileHours| FileHours {
        is_readable: false,
        rows_read: 0,
        hours: Vec::new(),
        regions: Vec::new(),
        ..file
    };
    let before = files(Log::Webhooks, BOTH);
    let today = vec![file(Log::Webhooks, "node1", 1_000), broken(file(Log::Webhooks, "node2", 1_000))];
    let found = missing_logs(&[(day(0), before), (day(1), today)].into(), &sources(), &[])
        .missing
        .remove(&day(1))
        .unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].cause, found[0].region.as_str()), (MissingCause::Unreadable, "eu"));
    assert_eq!(found[0].hours.iter().map(|hour| hour.hour).collect::<Vec<_>>(), HOURS);
    // Of a name that was never read, the size tells how much is gone.
    let today = vec![file(Log::Webhooks, "node1", 1_000), broken(file(Log::Webhooks, "new", 1_000))];
    let found = missing_logs(&[(day(0), today)].into(), &sources(), &[]).missing.remove(&day(0)).unwrap();
    assert_eq!(found[0].region, "*");
    let hours: Vec<(u8, u32)> = found[0].hours.iter().map(|hour| (hour.hour, hour.region_ppm)).collect();
    assert_eq!(hours, [(9, 500_000), (10, 500_000)]);
}

#[test]
fn a_source_that_may_be_empty_misses_nothing() {
    let mut sources = sources();
    sources[1].may_be_empty = true;
    let days = [(day(0), files(Log::Webhooks, BOTH)), (day(1), files(Log::Requests, CALLS))].into();
    assert_eq!(missing_logs(&days, &sources, &[]).missing.remove(&day(1)), Some(Vec::new()));
}

proptest! {
    /// The order of files decides nothing, and the shares of a region are never more than all.
    #[test]
    fn files_count_in_any_order(
        rows in prop::collection::vec((0_usize..5, 2_u64..2_000, any::<bool>()), 1..25),
        days in 1_i64..6,
    ) {
        let names = ["a", "node1", "node2", "x7", "y"];
        let mut all: BTreeMap<Day, Vec<FileHours>> = BTreeMap::new();
        for (n, (name, rows, is_call)) in rows.iter().enumerate() {
            let log = if *is_call { Log::Requests } else { Log::Webhooks };
            all.entry(day(n as i64 % days)).or_default().push(file(log, names[*name], *rows));
        }
        let judged = missing_logs(&all, &sources(), &[]);
        let mut other = all.clone();
        for files in other.values_mut() {
            files.reverse();
        }
        prop_assert_eq!(&missing_logs(&other, &sources(), &[]), &judged);
        for logs in judged.missing.values() {
            for log in [Log::Requests, Log::Webhooks] {
                for hour in HOURS {
                    let of_hour = logs.iter().filter(|l| l.log == log).flat_map(|l| &l.hours);
                    let sum: u32 = of_hour.filter(|h| h.hour == hour).map(|h| h.region_ppm).sum();
                    prop_assert!(sum <= 1_000_010, "{sum}");
                }
            }
        }
    }
}
