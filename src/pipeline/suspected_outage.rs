//! Suspected outages: times with more events without an outcome than a missing log explains.

use std::collections::{BTreeMap, BTreeSet};

use super::{Attention, AttentionKind};
use crate::day::{Day, HOUR_US, MINUTE_US, rfc3339};
use crate::facts::{Facts, Gap, Lost, Stream, Timing};

/// Spans of the clock that are looked at.
const SPANS_US: [i64; 2] = [HOUR_US, 10 * MINUTE_US];
/// Natural logarithm of how often chance alone may give such a span: once in a million.
const MIN_SURPRISE: f64 = 13.815_510_557_964_274;

/// Messages of a span, and those whose outcome nobody knows.
type Counts = (i64, i64);

/// Reports the times of a day in which missing webhook logs do not explain all unknown messages.
///
/// Each message without an outcome is one that a missing file may hold: of `n` messages, as many as
/// the share of the files makes likely. Where the binomial probability of so many is below one in a
/// million (bounded by Chernoff), a person should look.
pub(super) fn attention(day: Day, gaps: &[Gap], facts: &Facts) -> Vec<Attention> {
    let lost: Vec<&Gap> = gaps.iter().filter(|gap| gap.lost == Lost::SomeOutcomes).collect();
    if lost.is_empty() {
        return Vec::new();
    }
    let slot_us = facts.slot_length().us();
    let mut minutes: BTreeMap<(&str, &str), BTreeMap<i64, Counts>> = BTreeMap::new();
    for fact in facts.iter() {
        let kind = &facts.kinds()[fact.kind as usize];
        if kind.stream == Stream::Message {
            let slots = minutes.entry((&kind.service, &kind.region)).or_default();
            let (all, unknown) = slots.entry(i64::from(fact.slot) * slot_us).or_default();
            *all += fact.events;
            *unknown += if kind.timing == Timing::Unseen { fact.events } else { 0 };
        }
    }
    let mut found = Vec::new();
    for ((service, region), slots) in minutes {
        // Which ten minutes are suspicious, by either span.
        let mut suspicious: BTreeSet<i64> = BTreeSet::new();
        for span_us in SPANS_US {
            let mut spans: BTreeMap<i64, Counts> = BTreeMap::new();
            for (at, (all, unknown)) in &slots {
                let span = spans.entry(at / span_us).or_default();
                *span = (span.0 + all, span.1 + unknown);
            }
            for (at, counts) in spans {
                let start_us = at * span_us;
                let share = share(&lost, region, start_us, slot_us);
                if share.is_some_and(|share| is_more_than_chance(counts, share)) {
                    suspicious.extend((0..span_us / SPANS_US[1]).map(|n| start_us + n * SPANS_US[1]));
                }
            }
        }
        let tens: Vec<i64> = suspicious.into_iter().collect();
        for run in tens.chunk_by(|a, b| a + SPANS_US[1] == *b) {
            let (from_us, to_us) = (run[0], run[run.len() - 1] + SPANS_US[1]);
            let (all, unknown) = slots
                .range(from_us..to_us)
                .fold((0, 0), |(all, unknown), (_, counts)| (all + counts.0, unknown + counts.1));
            let (start, end) = (rfc3339(day.start_us() + from_us), rfc3339(day.start_us() + to_us));
            let row = format!(
                "suspected-{day}-{service}-{region}-{},to_downtime,{start},{end},{service},{region},,,unknown,missed-after-all,,\
                 AUTHOR,APPROVER,INSTANT,",
                from_us / MINUTE_US
            );
            let message = format!(
                "{unknown} of {all} messages of service {service} in region {region} from {start} to {end} have no outcome, more \
                 than the missing webhook logs explain. If messages were down then, add this row to the override file, with \
                 author, approver and the present instant: {row}"
            );
            found.push(Attention { day, kind: AttentionKind::SuspectedOutage, message });
        }
    }
    found
}

/// Returns the share of the webhook rows of a region that is missing in the hour of an instant.
fn share(lost: &[&Gap], region: &str, at_us: i64, slot_us: i64) -> Option<f64> {
    let slot = (at_us / slot_us) as u32;
    let is_here = |gap: &&&Gap| {
        (gap.start_slot..gap.end_slot).contains(&slot) && (gap.region == "*" || gap.region == region)
    };
    let files = lost.iter().filter(is_here).filter_map(|gap| gap.file.as_ref());
    let ppm = files.map(|file| u64::from(file.region_ppm)).reduce(|sum, ppm| sum + ppm)?;
    Some(ppm.min(1_000_000) as f64 / 1e6)
}

/// Returns whether chance gives so many unknown messages less than once in a million times.
fn is_more_than_chance((all, unknown): Counts, share: f64) -> bool {
    if all == 0 || unknown == 0 {
        return false;
    }
    let (n, found) = (all as f64, unknown as f64 / all as f64);
    if found <= share {
        return false;
    }
    if share <= 0.0 {
        return true;
    }
    let rest = if found < 1.0 { (1.0 - found) * ((1.0 - found) / (1.0 - share)).ln() } else { 0.0 };
    n * found.mul_add((found / share).ln(), rest) > MIN_SURPRISE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_rows_explain_half_of_the_messages() {
        assert!(!is_more_than_chance((242, 121), 0.5));
        assert!(!is_more_than_chance((242, 140), 0.5));
        assert!(is_more_than_chance((242, 242), 0.5));
        assert!(is_more_than_chance((100, 90), 0.5));
        assert!(!is_more_than_chance((10, 10), 0.5), "ten in a row happen once in a thousand times");
        assert!(!is_more_than_chance((242, 242), 1.0), "all rows are missing");
        assert!(!is_more_than_chance((0, 0), 0.5));
    }
}
