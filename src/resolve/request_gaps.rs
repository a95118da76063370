//! Request gaps: spans in which a source was silent for one region while other traffic went on.
//!
//! A gap is missing evidence, not an outage: its slots are unobserved, and a person should look.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::config::Source;
use crate::facts::{Facts, Gap, Kind, Lost, Stream};

/// Shortest silence that is reported, in seconds.
const MIN_SECONDS: u32 = 300;
/// Rows expected in the span from the traffic around it; below this, silence may be chance.
const MIN_EXPECTED: i64 = 20;
/// Seconds of traffic before and after the span from which the expected rows are computed.
const AROUND_SECONDS: u32 = 3_600;

/// Returns the gaps of a day in the logs of the innermost vantage that the config has.
///
/// Outer vantages only see what callers saw. A silence of all regions of all sources together has
/// no other traffic to prove it, so it is no gap.
pub fn gaps(facts: &Facts, sources: &[Source]) -> Vec<Gap> {
    let slots = facts.slot_length().per_day() as usize;
    let inner = sources.iter().map(|s| s.vantage.rank()).min();
    let mut services: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    let is_inner = |kind: &&Kind| inner.is_none_or(|inner| kind.vantage.rank() <= inner);
    for kind in facts.kinds().iter().filter(is_inner) {
        services.entry((&kind.source, &kind.region)).or_default().insert(&kind.service);
    }
    // The lane number of each kind, so that no fact is looked up by strings.
    let numbers: BTreeMap<_, _> = services.keys().copied().zip(0_usize..).collect();
    let number =
        |kind: &Kind| is_inner(&kind).then(|| numbers[&(kind.source.as_str(), kind.region.as_str())]);
    let lane_of: Vec<Option<usize>> = facts.kinds().iter().map(number).collect();
    let (mut all, mut counted) = (vec![0_i64; slots], vec![vec![0_i64; slots]; numbers.len()]);
    for fact in facts.iter() {
        all[fact.slot as usize] += fact.events;
        if let Some(lane) = lane_of[fact.kind as usize] {
            counted[lane][fact.slot as usize] += fact.events;
        }
    }
    let lanes: BTreeMap<_, _> = numbers.into_keys().zip(counted).collect();
    let per_slot = facts.slot_length().seconds();
    let shortest = MIN_SECONDS.div_ceil(per_slot) as usize;
    let around = (AROUND_SECONDS / per_slot) as usize;
    let mut gaps: Vec<Gap> = deaf(facts, sources).into_iter().collect();
    for ((source, region), lane) in &lanes {
        let mut at = 0;
        while at < slots {
            let end = at + lane[at..].iter().take_while(|n| **n == 0).count();
            if end == at {
                at += 1;
                continue;
            }
            let before = &lane[at.saturating_sub(around)..at];
            let after = &lane[end..(end + around).min(slots)];
            let length = end - at;
            let rows: i64 = before.iter().chain(after).sum();
            let expected = rows * length as i64 / (before.len() + after.len()).max(1) as i64;
            let others: i64 = all[at..end].iter().sum();
            // Between its first and its last row a source is judged by its hours alone: a service
            // may have traffic only in the daytime. A span at an end of the day needs more.
            let active = active(lane);
            let is_within = active.start < at && end < active.end;
            let around = if is_within { active } else { 0..slots };
            let rest = || {
                let (before, after) = (&lane[around.start..at], &lane[end..around.end]);
                before.iter().chain(after).copied().collect::<Vec<_>>()
            };
            let is_steady = is_steady(before) && is_steady(after) && is_steady(&rest());
            if length >= shortest && is_steady && expected >= MIN_EXPECTED && others > 0 {
                gaps.push(Gap {
                    lost: Lost::Events,
                    source: (*source).to_owned(),
                    region: (*region).to_owned(),
                    services: services[&(*source, *region)].iter().map(|s| (*s).to_owned()).collect(),
                    start_slot: at as u32,
                    end_slot: end as u32,
                    expected,
                    file: None,
                });
            }
            at = end;
        }
    }
    gaps.sort();
    gaps
}

/// Returns the slots from the first to the last with rows.
fn active(lane: &[i64]) -> Range<usize> {
    let first = lane.iter().position(|n| *n > 0).unwrap_or(0);
    let last = lane.iter().rposition(|n| *n > 0).map_or(0, |last| last + 1);
    first..last
}

/// Returns a gap of the whole day if only outer vantages have rows.
///
/// A caller's proxy that logs nothing but failures would otherwise turn the day into an outage.
fn deaf(facts: &Facts, sources: &[Source]) -> Option<Gap> {
    let inner = sources.iter().map(|s| s.vantage.rank()).min()?;
    let spoke = |rank| facts.kinds().iter().any(|k| k.vantage.rank() == rank);
    if facts.kinds().is_empty() || spoke(inner) {
        return None;
    }
    let silent = sources.iter().filter(|s| s.vantage.rank() == inner).map(|s| s.name.as_str());
    let told = facts.kinds().iter().filter(|k| k.stream != Stream::Notification);
    let services: BTreeSet<&str> = told.map(|k| k.service.as_str()).collect();
    Some(Gap {
        lost: Lost::Events,
        source: silent.collect::<Vec<_>>().join(", "),
        region: "*".to_owned(),
        services: services.into_iter().map(str::to_owned).collect(),
        start_slot: 0,
        end_slot: facts.slot_length().per_day(),
        expected: 0,
        file: None,
    })
}

/// True if at least every second slot has rows.
///
/// A source that logs only now and then is silent without a reason. At the ends of the day there
/// may be nothing before or after a span, so the rest of the day is tested in addition.
fn is_steady(lane: &[i64]) -> bool {
    lane.iter().filter(|n| **n > 0).count() * 2 >= lane.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Vantage;
    use crate::day::SlotLength;
    use crate::facts::{Fact, Kind, Reached};

    fn kind(region: &str) -> Kind {
        let kind = Kind::bare(Stream::Request, "requests", Vantage::FirstLayer, "messages", region);
        Kind { http_status: Some(200), reached: Reached::Yes, ..kind }
    }

    fn day(silent: std::ops::Range<u32>, rate: i64) -> Facts {
        let mut rows = Vec::new();
        for slot in 0..1_440 {
            rows.push(Fact { slot, kind: 0, caller: 0, events: 50, sixtieths: 1 });
            if !silent.contains(&slot) {
                rows.push(Fact { slot, kind: 1, caller: 0, events: rate, sixtieths: 1 });
            }
        }
        of(rows)
    }

    fn of(rows: Vec<Fact>) -> Facts {
        let kinds = [kind("eu"), kind("us")];
        Facts::new("2026-11-20".parse().unwrap(), SlotLength::Minute, &kinds, &[String::new()], rows, vec![])
            .unwrap()
    }

    #[test]
    fn silence_beside_a_talking_sibling_is_a_gap() {
        let found = gaps(&day(840..885, 4), &[]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].region.as_str(), found[0].start_slot, found[0].end_slot), ("us", 840, 885));
        assert_eq!(found[0].expected, 180);
    }

    #[test]
    fn a_day_told_by_the_callers_alone_is_not_judged() {
        let source = |name: &str, vantage| Source {
            name: name.into(),
            vantage,
            ..Source::bare("", crate::config::Log::Requests)
        };
        let both = [source("requests", Vantage::FirstLayer), source("egress", Vantage::CallerEgress)];
        let mut egress = kind("eu");
        (egress.source, egress.vantage) = ("egress".into(), Vantage::CallerEgress);
        let rows = vec![Fact { slot: 7, kind: 0, caller: 0, events: 50, sixtieths: 1 }];
        let told = |kind: Kind| {
            let day = "2026-11-20".parse().unwrap();
            Facts::new(day, SlotLength::Minute, &[kind], &[String::new()], rows.clone(), vec![]).unwrap()
        };
        let found = gaps(&told(egress), &both);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].source.as_str(), found[0].region.as_str(), found[0].end_slot),
            ("requests", "*", 1_440)
        );
        assert_eq!(gaps(&told(kind("eu")), &both), []);
    }

    #[test]
    fn short_or_sparse_silence_is_chance() {
        assert_eq!(gaps(&day(840..844, 40), &[]), []);
        assert_eq!(gaps(&day(840..850, 1), &[]), []);
        // A burst of ten minutes in an otherwise silent day.
        let mut burst = day(0..1_440, 0).rows();
        burst.extend((480..490).map(|slot| Fact { slot, kind: 1, caller: 0, events: 500, sixtieths: 1 }));
        assert_eq!(gaps(&of(burst), &[]), []);
        assert_eq!(gaps(&day(0..0, 4), &[]), []);
    }
}
