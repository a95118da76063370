//! Carried: the sums of all workers under one numbering, without the items.

use std::collections::BTreeMap;

use crate::daybook::RegionActivity;
use crate::facts::ids::Map;
use crate::facts::{DayTotals, Delays, Fact, Kind, latency};
use crate::intake::join::merge::{Merged, MergedFact};
use crate::intake::join::sums::{SlotEvents, Sums, counted};
use crate::intake::pass::Pass;
use crate::intake::records::numbers::{DayFact, DayKind};

/// Result of the join, without the items.
#[derive(Default)]
pub struct Carried {
    /// By fact of the calls: events that are now counted as messages.
    pub moved: Map<DayFact, i64>,
    /// By fact of the calls: sixtieths of those that name a message which another call admitted.
    pub calls_again: Map<DayFact, u64>,
    /// Messages and notifications whose outcome can no longer change.
    pub facts: Vec<Fact>,
    pub delays: Delays,
    pub lanes: Vec<RegionActivity>,
    /// Copies of webhook rows, by file.
    pub duplicates: Map<u32, u64>,
    /// Webhook rows without copies, by kind of their notification and slot.
    pub rows: BTreeMap<(DayKind, u32), u32>,
    /// Those of them that failed or report a failed message, by the same.
    pub failing: BTreeMap<(DayKind, u32), u32>,
    /// Webhook rows of the day, without copies.
    pub attempts: u64,
    pub tally: DayTotals,
}

impl Carried {
    /// Adds up what the workers found.
    pub fn of(pass: &Pass, merged: &Merged, sums: &[Sums]) -> Self {
        let mut carried = Self::default();
        let mut admitted: BTreeMap<&str, (BTreeMap<u32, u32>, Vec<String>)> = BTreeMap::new();
        let rank = &merged.rank;
        for sum in sums {
            for (fact, n) in counted(&sum.open).chain(counted(&sum.closed)) {
                let fact = DayFact(fact);
                *carried.moved.entry(fact).or_default() += i64::from(n);
                let MergedFact { slot, kind, .. } = merged.fact(fact);
                let kind = merged.kind(kind);
                // A failed call admits no message, so no status is due.
                if kind.has_admitted() {
                    let (slots, services) = admitted.entry(&kind.region).or_default();
                    *slots.entry(slot).or_default() += n;
                    if !services.contains(&kind.service) {
                        services.push(kind.service.clone());
                    }
                }
            }
            for (fact, events) in counted(&sum.closed) {
                let MergedFact { slot, kind, caller } = merged.fact(DayFact(fact));
                let kind = rank.kinds[merged.closed[&(kind, 0)].at()];
                let caller = rank.callers[caller as usize];
                let sixtieths = sum.closed_sixtieths[fact as usize];
                carried.facts.push(Fact { slot, kind, caller, events: events.into(), sixtieths });
            }
            for (fact, n) in &sum.waiting {
                *carried.moved.entry(*fact).or_default() += n;
            }
            for (fact, set) in &sum.calls_again {
                *carried.calls_again.entry(*fact).or_default() |= set;
            }
            for ((kind, status), slots) in &sum.notifications {
                let (kind, caller) = (rank.kinds[merged.closed[&(*kind, *status)].at()], rank.callers[0]);
                let counted = (0..).zip(slots).filter(|(_, counts)| counts.events > 0);
                carried.facts.extend(counted.map(|(slot, SlotEvents { events, sixtieths })| Fact {
                    slot,
                    kind,
                    caller,
                    events: (*events).into(),
                    sixtieths: *sixtieths,
                }));
            }
            for ((kind, measure), buckets) in &sum.delays {
                let Kind { service, region, .. } = merged.kind(*kind);
                for (bucket, n) in counted(buckets) {
                    let value = latency::bucket_floor(bucket) as i64;
                    carried.delays.add(*measure, service, region, value, n.into());
                }
            }
            sum.duplicates.iter().for_each(|(file, n)| *carried.duplicates.entry(*file).or_default() += n);
            for (kind, slots) in &sum.rows {
                for (slot, n) in counted(slots) {
                    *carried.rows.entry((*kind, slot)).or_default() += n;
                }
            }
            for (kind, slots) in &sum.failing {
                for (slot, n) in counted(slots) {
                    *carried.failing.entry((*kind, slot)).or_default() += n;
                }
            }
            carried.attempts += sum.attempts;
            let (t, s) = (&mut carried.tally, &sum.tally);
            t.messages_open += sum.open.iter().map(|n| u64::from(*n)).sum::<u64>();
            t.messages_closed += sum.closed.iter().map(|n| u64::from(*n)).sum::<u64>();
            t.notifications_open += s.notifications_open;
            t.notifications_closed += s.notifications_closed;
            t.statuses += s.statuses;
            t.messages_told += s.messages_told;
            t.admitted_again += s.admitted_again;
        }
        carried.lanes = lanes(pass, merged, &admitted, sums);
        carried
    }
}

fn lanes(
    pass: &Pass,
    merged: &Merged,
    admitted: &BTreeMap<&str, (BTreeMap<u32, u32>, Vec<String>)>,
    sums: &[Sums],
) -> Vec<RegionActivity> {
    let mut lanes: BTreeMap<String, (RegionActivity, BTreeMap<u32, u32>)> = BTreeMap::new();
    for (region, (slots, services)) in admitted {
        let (lane, _) = lanes.entry((*region).to_owned()).or_default();
        lane.admitted = slots.iter().map(|(slot, n)| (*slot, *n)).collect();
        lane.services.clone_from(services);
        lane.services.sort();
    }
    for (kind, slots) in sums.iter().flat_map(|sum| &sum.rows) {
        let region = &merged.kind(*kind).region;
        let (_, rows) = lanes.entry(region.clone()).or_default();
        for (slot, n) in counted(slots) {
            *rows.entry(slot).or_default() += n;
        }
    }
    for counts in &pass.counts {
        for (region, heard) in &counts.lanes {
            let (lane, _) = lanes.entry(counts.names.regions.text(*region).to_owned()).or_default();
            lane.last_us = lane.last_us.max(heard.last_us);
            lane.ahead_us = lane.ahead_us.max(heard.ahead_us);
        }
    }
    let finish = |(region, (lane, rows)): (String, (RegionActivity, BTreeMap<u32, u32>))| RegionActivity {
        region,
        rows: rows.into_iter().collect(),
        ..lane
    };
    lanes.into_iter().map(finish).collect()
}
