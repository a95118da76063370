//! Judge: the right answer, computed from the counts: minutes by state, runs, accounts.

use std::collections::BTreeMap;

use super::accounts::{Verdict, VerdictEntry};
use super::counts::{Books, Tally};
use super::runs::{Line, Minute, TruthRun, TruthState, outages};
use super::{
    ComponentDay, ComponentTruth, DayTruth, SlotsTruth, States, TruthEntry, TruthOutage, TruthReconciliation,
};
use crate::day::{Day, MINUTE_US, rfc3339};
use crate::sample::traffic::outcomes::End;
use crate::sample::traffic::stories::{COMPONENTS, DAY, MESSAGES, REGIONS, SERVICES, StoryScope};
use crate::sample::traffic::{REQUESTS, SOURCES, WEBHOOKS};

/// The judgement of a whole sample.
pub struct Judge {
    first: Day,
    books: Books,
    /// By service; the last entry is for all regions together.
    minutes: [[Vec<Minute>; REGIONS.len() + 1]; SERVICES.len()],
    lines: [[Line; REGIONS.len() + 1]; SERVICES.len()],
}

impl Judge {
    pub fn new(first: Day, mut books: Books) -> Self {
        let gaps = books.settle();
        let mut minutes: [[Vec<Minute>; REGIONS.len() + 1]; SERVICES.len()] = Default::default();
        for (minute, services) in books.tallies.iter().enumerate() {
            for (service, (tallies, lines)) in services.iter().zip(&mut minutes).enumerate() {
                let in_gap: [bool; REGIONS.len()] =
                    std::array::from_fn(|r| service == MESSAGES && gaps[r].inside[minute]);
                for (line, minute) in lines.iter_mut().zip(judged(tallies, in_gap)) {
                    line.push(minute);
                }
            }
        }
        let lines = minutes.each_ref().map(|regions| regions.each_ref().map(|line| Line::of(line)));
        Self { first, books, minutes, lines }
    }

    /// Returns the webhook rows of the day after the last one, copies included.
    pub const fn later_rows(&self) -> u64 {
        self.books.later_rows
    }

    /// Returns services over all regions.
    fn services(&self, services: &[usize]) -> Vec<(&Line, &[Minute])> {
        let all = REGIONS.len();
        services.iter().map(|service| (&self.lines[*service][all], &*self.minutes[*service][all])).collect()
    }

    /// Combines services: the first that any has of down, doubtful, degraded and up.
    fn component(&self, services: &[usize]) -> Vec<TruthState> {
        let lines = self.services(services);
        let minutes = lines.first().map_or(0, |(line, _)| line.states.len());
        let worst = |minute: usize| lines.iter().map(|(line, _)| line.states[minute]).max();
        (0..minutes).map(|minute| worst(minute).unwrap_or_default()).collect()
    }

    pub fn days(&self) -> Vec<DayTruth> {
        let components: Vec<_> = COMPONENTS
            .iter()
            .map(|(name, services)| (*name, self.component(services), outages(&self.services(services))))
            .collect();
        (0..self.books.days.len()).map(|at| self.day(at, &components)).collect()
    }

    fn day(&self, at: usize, components: &[(&'static str, Vec<TruthState>, Vec<TruthRun>)]) -> DayTruth {
        let entries = self.entries(at);
        let mut accounts = BTreeMap::new();
        for entry in &entries {
            *accounts.entry(entry.account).or_default() += entry.events;
        }
        let book = &self.books.days[at];
        let events: u64 = entries.iter().map(|entry| entry.events).sum();
        let notifications = book.told[1].iter().flatten().sum();
        let calls = events - notifications;
        let duplicates = book.duplicate_calls + book.duplicate_attempts;
        let minutes = at * DAY as usize..(at + 1) * DAY as usize;
        let mut slots = Vec::new();
        for (service, by_region) in SERVICES.iter().zip(&self.lines) {
            for (region, all) in
                ["*"].iter().chain(&REGIONS).zip(by_region.iter().rev().take(1).chain(by_region))
            {
                slots.push(SlotsTruth {
                    scope: StoryScope { service, region },
                    states: States::of(&all.states[minutes.clone()]),
                    down_ranges: self.down_ranges(&all.states, minutes.clone()),
                });
            }
        }
        let counted = |slots: &[TruthState], runs: &[TruthRun]| {
            let is_counted = |minute: &usize| runs.iter().any(|run| run.is_counted() && run.holds(*minute));
            minutes.clone().filter(|m| slots[*m] == TruthState::Down).filter(is_counted).count() as u32
        };
        DayTruth {
            day: self.first.plus(at as i64),
            rows: calls + book.attempts + duplicates,
            duplicates,
            duplicate_calls: book.duplicate_calls,
            duplicate_attempts: book.duplicate_attempts,
            calls,
            attempts: book.attempts,
            notifications,
            events,
            messages: book.messages.to_vec(),
            reconciliation: TruthReconciliation {
                orphan_statuses: book.orphan_statuses,
                orphan_attempts: book.orphan_attempts,
                contradicted_messages: book.contradicted_messages,
            },
            accounts,
            entries,
            slots,
            components: components
                .iter()
                .map(|(component, slots, runs)| ComponentDay {
                    component,
                    states: States::of(&slots[minutes.clone()]),
                    down_counted: counted(slots, runs),
                })
                .collect(),
        }
    }

    fn entries(&self, day: usize) -> Vec<TruthEntry> {
        let book = &self.books.days[day];
        let mut entries = BTreeMap::new();
        for (source, services) in book.calls.iter().enumerate() {
            for (service, regions) in services.iter().enumerate() {
                for (region, ends) in regions.iter().enumerate() {
                    for (end, events) in End::ALL.iter().zip(ends) {
                        let outcome = end.outcome();
                        let key = (0, source, service, region, outcome.account, outcome.error_code);
                        *entries.entry(key).or_insert(0) += events;
                    }
                }
            }
        }
        let places = [(REQUESTS, MESSAGES), (WEBHOOKS, crate::sample::traffic::stories::WEBHOOKS)];
        for (stream, ((source, service), regions)) in places.into_iter().zip(&book.told).enumerate() {
            for (region, verdicts) in regions.iter().enumerate() {
                for (verdict, events) in Verdict::ALL.iter().zip(verdicts) {
                    let VerdictEntry { account, error_code, .. } = verdict.entry();
                    let key = (stream + 1, source, service, region, account, error_code);
                    *entries.entry(key).or_insert(0) += events;
                }
            }
        }
        let entry = |((stream, source, service, region, account, error_code), events)| TruthEntry {
            stream: ["request", "message", "notification"][stream],
            source: SOURCES[source],
            service: SERVICES[service],
            region: REGIONS[region],
            account,
            error_code,
            events,
        };
        entries.into_iter().filter(|(_, events)| *events > 0).map(entry).collect()
    }

    fn instant(&self, minute: usize) -> String {
        rfc3339(self.first.start_us() + minute as i64 * MINUTE_US)
    }

    fn down_ranges(&self, slots: &[TruthState], minutes: std::ops::Range<usize>) -> Vec<[String; 2]> {
        let mut ranges: Vec<[usize; 2]> = Vec::new();
        for minute in minutes.filter(|minute| slots[*minute] == TruthState::Down) {
            match ranges.last_mut() {
                Some(last) if last[1] == minute => last[1] += 1,
                _ => ranges.push([minute, minute + 1]),
            }
        }
        ranges.into_iter().map(|range| range.map(|minute| self.instant(minute))).collect()
    }

    pub fn components(&self) -> Vec<ComponentTruth> {
        let truth = |(component, services): &(&'static str, &[usize])| {
            let runs = outages(&self.services(services));
            ComponentTruth {
                component,
                services: services.iter().map(|service| SERVICES[*service]).collect(),
                a: self.component(services).len() as u32,
                b: runs.iter().filter(|run| run.is_counted()).map(|run| run.down).sum(),
            }
        };
        COMPONENTS.iter().map(truth).collect()
    }

    pub fn outages(&self) -> Vec<TruthOutage> {
        let services = SERVICES.iter().enumerate().map(|(at, name)| ("service", *name, vec![at]));
        let components = COMPONENTS.iter().map(|(name, services)| ("component", *name, services.to_vec()));
        let mut found = Vec::new();
        for (scope_kind, scope, services) in services.chain(components) {
            for run in outages(&self.services(&services)) {
                let outage = TruthOutage {
                    scope_kind,
                    scope,
                    region: "*",
                    start: self.instant(run.start),
                    end: self.instant(run.end),
                    seconds: run.down * 60,
                    counted: run.is_counted(),
                    class: run.class(),
                };
                found.push((run.start, outage));
            }
        }
        found.sort_by_key(|(start, _)| *start);
        found.into_iter().map(|(_, outage)| outage).collect()
    }
}

/// Returns the judged events of one minute of a service: each region, and all of them together.
fn judged(tallies: &[Tally; REGIONS.len()], in_gap: [bool; REGIONS.len()]) -> [Minute; REGIONS.len() + 1] {
    let mut all = Tally::default();
    let mut minutes = [Minute::default(); REGIONS.len() + 1];
    for ((tally, is_gap), minute) in tallies.iter().zip(in_gap).zip(&mut minutes) {
        all.merge(tally);
        *minute = Minute { is_gap, ..tally.minute() };
    }
    minutes[REGIONS.len()] = Minute { is_gap: in_gap.iter().all(|is_gap| *is_gap), ..all.minute() };
    minutes
}

impl Tally {
    fn merge(&mut self, other: &Self) {
        self.good += other.good;
        self.bad += other.bad;
        self.user += other.user;
        self.unknown += other.unknown;
        self.plain_bad += other.plain_bad;
    }

    fn minute(self) -> Minute {
        Minute {
            good: self.good.into(),
            bad: self.bad.into(),
            unknown: self.unknown.into(),
            user: self.user.into(),
            is_gap: false,
            only_update: self.plain_bad == 0,
        }
    }
}

impl States {
    fn of(slots: &[TruthState]) -> Self {
        let count = |state| slots.iter().filter(|slot| **slot == state).count() as u32;
        Self {
            up: count(TruthState::Up),
            degraded: count(TruthState::Degraded),
            down: count(TruthState::Down),
            doubtful: count(TruthState::Doubtful),
            unobserved: count(TruthState::Unobserved),
        }
    }
}
