//! Carried: the sums of all workers under one numbering, without the items.

use std::collections::BTreeMap;

use super::{Carried, Correlator};
use crate::daybook::RegionActivity;
use crate::facts::{Fact, Kind, latency};
use crate::intake::join::merge::MergedFact;
use crate::intake::join::sums::{SlotEvents, Sums, counted};
use crate::intake::records::numbers::DayFact;

impl Correlator<'_> {
    /// Adds up what the workers found.
    pub fn carried(&self, sums: Vec<Sums>) -> Carried {
        let mut carried = Carried::default();
        let mut admitted: BTreeMap<&str, (BTreeMap<u32, u32>, Vec<String>)> = BTreeMap::new();
        let rank = &self.merged.rank;
        for sum in &sums {
            for (fact, n) in counted(&sum.open).chain(counted(&sum.closed)) {
                let fact = DayFact(fact);
                *carried.moved.entry(fact).or_default() += i64::from(n);
                let MergedFact { slot, kind, .. } = self.merged.fact(fact);
                let kind = self.merged.kind(kind);
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
                let MergedFact { slot, kind, caller } = self.merged.fact(DayFact(fact));
                let kind = rank.kinds[self.merged.closed[&(kind, 0)].at()];
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
                let (kind, caller) =
                    (rank.kinds[self.merged.closed[&(*kind, *status)].at()], rank.callers[0]);
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
                let Kind { service, region, .. } = self.merged.kind(*kind);
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
        carried.lanes = self.lanes(&admitted, &sums);
        carried
    }

    fn lanes(
        &self,
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
            let region = &self.merged.kind(*kind).region;
            let (_, rows) = lanes.entry(region.clone()).or_default();
            for (slot, n) in counted(slots) {
                *rows.entry(slot).or_default() += n;
            }
        }
        for counts in &self.pass.counts {
            for (region, heard) in &counts.lanes {
                let (lane, _) = lanes.entry(counts.names.regions.text(*region).to_owned()).or_default();
                lane.last_us = lane.last_us.max(heard.last_us);
                lane.ahead_us = lane.ahead_us.max(heard.ahead_us);
            }
        }
        let finish = |(region, (lane, rows)): (String, (RegionActivity, BTreeMap<u32, u32>))| {
            RegionActivity { region, rows: rows.into_iter().collect(), ..lane }
        };
        lanes.into_iter().map(finish).collect()
    }
}
