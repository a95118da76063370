//! The right answer, worked out while the events pass by: accounts, minutes, runs.

use std::collections::BTreeMap;

use super::outcomes::{End, Group};
use super::plan::{COMPONENTS, DAY, MIN_EVENTS, REGIONS, SERVICES, Scope, UNABLE_PERCENT};
use super::rows::{Event, MINUTE_US, SOURCES};
use super::runs::{Run, Slot, State, runs};
use super::truth::{ComponentDay, ComponentTruth, DayTruth, Entry, Outage, SlotsTruth, States};
use crate::day::{Day, rfc3339};

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    good: u64,
    bad: u64,
    user: u64,
    /// Of the bad ones, those with another code than 2.
    plain_bad: u64,
}

/// Events of a day by source, service, region and end.
type Counts = [[[[u64; End::ALL.len()]; REGIONS.len()]; SERVICES.len()]; SOURCES.len()];

pub struct Judge {
    first: Day,
    counts: Vec<Box<Counts>>,
    duplicates: Vec<u64>,
    /// Of the minute that is going on.
    tallies: [[Tally; REGIONS.len()]; SERVICES.len()],
    /// By service; the last place is for all regions together.
    slots: [[Vec<Slot>; REGIONS.len() + 1]; SERVICES.len()],
}

impl Judge {
    pub fn new(first: Day, days: u32) -> Self {
        let empty = [[[[0; End::ALL.len()]; REGIONS.len()]; SERVICES.len()]; SOURCES.len()];
        Self {
            first,
            counts: (0..days).map(|_| Box::new(empty)).collect(),
            duplicates: vec![0; days as usize],
            tallies: Default::default(),
            slots: Default::default(),
        }
    }

    /// Books one event of the minute that is going on.
    pub fn book(&mut self, event: &Event) {
        let day = event.day as usize;
        if event.flaw != 0 {
            return;
        }
        if event.is_copy {
            self.duplicates[day] += 1;
            return;
        }
        let (source, service, region) =
            (usize::from(event.source), usize::from(event.service), usize::from(event.region));
        self.counts[day][source][service][region][event.end as usize] += 1;
        let tally = &mut self.tallies[service][region];
        match event.end.outcome().group {
            Group::Good => tally.good += 1,
            Group::Bad => {
                tally.bad += 1;
                tally.plain_bad += u64::from(event.end.outcome().error_code != Some(2));
            }
            Group::User => tally.user += 1,
            Group::Aside => {}
        }
    }

    /// The minute is over: its slots get their states.
    pub fn close_minute(&mut self) {
        for (tallies, slots) in self.tallies.iter_mut().zip(&mut self.slots) {
            let mut all = Tally::default();
            for (tally, slots) in tallies.iter_mut().zip(slots.iter_mut()) {
                slots.push(tally.slot());
                all.good += tally.good;
                all.bad += tally.bad;
                all.user += tally.user;
                all.plain_bad += tally.plain_bad;
                *tally = Tally::default();
            }
            slots[REGIONS.len()].push(all.slot());
        }
    }

    fn all_regions(&self, service: usize) -> &[Slot] {
        &self.slots[service][REGIONS.len()]
    }

    /// Down if any of its services is, else degraded if any is, else up if any is.
    fn component(&self, services: &[usize]) -> Vec<Slot> {
        let minutes = self.all_regions(0).len();
        let slot = |minute: usize| {
            let slots = || services.iter().map(|service| self.all_regions(*service)[minute]);
            let state = [State::Down, State::Degraded, State::Up]
                .into_iter()
                .find(|state| slots().any(|slot| slot.state == *state));
            let state = state.unwrap_or(State::Unobserved);
            Slot {
                state,
                only_update: slots().filter(|slot| slot.state == state).all(|slot| slot.only_update),
            }
        };
        (0..minutes).map(slot).collect()
    }

    pub fn days(&self) -> Vec<DayTruth> {
        let components: Vec<_> = COMPONENTS
            .iter()
            .map(|(name, services)| {
                let slots = self.component(services);
                let runs = runs(&slots);
                (*name, slots, runs)
            })
            .collect();
        (0..self.counts.len()).map(|at| self.day(at, &components)).collect()
    }

    fn day(&self, at: usize, components: &[(&'static str, Vec<Slot>, Vec<Run>)]) -> DayTruth {
        let entries = self.entries(at);
        let mut accounts = BTreeMap::new();
        for entry in &entries {
            *accounts.entry(entry.account).or_default() += entry.events;
        }
        let events = entries.iter().map(|entry| entry.events).sum();
        let minutes = at * DAY as usize..(at + 1) * DAY as usize;
        let mut slots = Vec::new();
        for (service, by_region) in SERVICES.iter().zip(&self.slots) {
            for (region, all) in
                ["*"].iter().chain(&REGIONS).zip(by_region.iter().rev().take(1).chain(by_region))
            {
                slots.push(SlotsTruth {
                    scope: Scope { service, region },
                    states: States::of(&all[minutes.clone()]),
                    down_ranges: self.down_ranges(all, minutes.clone()),
                });
            }
        }
        let counted = |slots: &[Slot], runs: &[Run]| {
            let is_counted = |minute: &usize| runs.iter().any(|run| run.is_counted() && run.holds(*minute));
            minutes.clone().filter(|m| slots[*m].state == State::Down).filter(is_counted).count() as u32
        };
        DayTruth {
            day: self.first.plus(at as i64),
            rows: events + self.duplicates[at],
            duplicates: self.duplicates[at],
            events,
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

    fn entries(&self, day: usize) -> Vec<Entry> {
        let mut entries = BTreeMap::new();
        for (source, services) in self.counts[day].iter().enumerate() {
            for (service, regions) in services.iter().enumerate() {
                for (region, ends) in regions.iter().enumerate() {
                    for (end, events) in End::ALL.iter().zip(ends).filter(|(_, events)| **events > 0) {
                        let outcome = end.outcome();
                        let key = (source, service, region, outcome.account, outcome.error_code);
                        *entries.entry(key).or_insert(0) += events;
                    }
                }
            }
        }
        let entry = |((source, service, region, account, error_code), events)| Entry {
            source: SOURCES[source],
            service: SERVICES[service],
            region: REGIONS[region],
            account,
            error_code,
            events,
        };
        entries.into_iter().map(entry).collect()
    }

    fn instant(&self, minute: usize) -> String {
        rfc3339(self.first.start_us() + minute as i64 * MINUTE_US)
    }

    fn down_ranges(&self, slots: &[Slot], minutes: std::ops::Range<usize>) -> Vec<[String; 2]> {
        let mut ranges: Vec<[usize; 2]> = Vec::new();
        for minute in minutes.filter(|minute| slots[*minute].state == State::Down) {
            match ranges.last_mut() {
                Some(last) if last[1] == minute => last[1] += 1,
                _ => ranges.push([minute, minute + 1]),
            }
        }
        ranges.into_iter().map(|range| range.map(|minute| self.instant(minute))).collect()
    }

    pub fn components(&self) -> Vec<ComponentTruth> {
        let truth = |(component, services): &(&'static str, &[usize])| {
            let slots = self.component(services);
            ComponentTruth {
                component,
                services: services.iter().map(|service| SERVICES[*service]).collect(),
                a: slots.len() as u32,
                b: runs(&slots).iter().filter(|run| run.is_counted()).map(|run| run.down).sum(),
            }
        };
        COMPONENTS.iter().map(truth).collect()
    }

    pub fn outages(&self) -> Vec<Outage> {
        let services =
            SERVICES.iter().enumerate().map(|(at, name)| ("service", *name, self.all_regions(at).to_vec()));
        let components =
            COMPONENTS.iter().map(|(name, services)| ("component", *name, self.component(services)));
        let mut found = Vec::new();
        for (scope_kind, scope, slots) in services.chain(components) {
            for run in runs(&slots) {
                let outage = Outage {
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

impl Tally {
    fn slot(self) -> Slot {
        let judged = self.good + self.bad;
        let state = if judged >= MIN_EVENTS && self.bad * 100 >= judged * UNABLE_PERCENT {
            State::Down
        } else if self.bad > 0 {
            State::Degraded
        } else if self.good + self.user > 0 {
            State::Up
        } else {
            State::Unobserved
        };
        Slot { state, only_update: self.plain_bad == 0 }
    }
}

impl States {
    fn of(slots: &[Slot]) -> Self {
        let count = |state| slots.iter().filter(|slot| slot.state == state).count() as u32;
        Self {
            up: count(State::Up),
            degraded: count(State::Degraded),
            down: count(State::Down),
            unobserved: count(State::Unobserved),
        }
    }
}
