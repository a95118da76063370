//! Suspected outages: times with more events without an outcome than missing rows explain.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::attention::{Attention, AttentionKind};
use crate::day::{Day, HOUR_US, MINUTE_US, rfc3339};
use crate::facts::{Facts, Gap, Lost, OtherSpelling, Stream, Timing};

/// Spans of the clock that are looked at.
const SPANS_US: [i64; 2] = [HOUR_US, 10 * MINUTE_US];
/// Natural logarithm of how often chance alone may give such a span: once in a million.
const MIN_SURPRISE: f64 = 13.815_510_557_964_274;

/// Messages of a span, and those whose outcome nobody knows.
type Counts = (i64, i64);
/// Counts by instant since the start of the day, in microseconds.
type Series = BTreeMap<i64, Counts>;

/// Reports the times of a day in which missing webhook rows do not explain all unknown messages.
///
/// Each message without an outcome is one that a missing row may tell of: of `n` messages, as many
/// as the share of the missing files, or of the rows of a log that fell silent, makes likely. Where
/// the binomial probability of so many is below one in a million (bounded by Chernoff), a person
/// should look.
pub fn attention(day: Day, gaps: &[Gap], facts: &Facts) -> Vec<Attention> {
    let lost = lost(gaps, facts);
    if lost.is_empty() {
        return Vec::new();
    }
    let slot_us = facts.slot_length().us();
    let mut found = Vec::new();
    for ((service, region), slots) in messages(facts) {
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
            let (all, unknown) = slots.range(from_us..to_us).fold((0, 0), sum);
            let span = Span { day, service, region, from_us, to_us };
            let (start, end) = span.ends();
            let message = format!(
                "{unknown} of {all} messages of service {service} in region {region} from {start} to {end} have no outcome, more \
                 than the missing webhook rows explain. If messages were down then, {}",
                span.advice()
            );
            found.push(span.told(unknown, &[service, region], message));
        }
    }
    found
}

/// Reports the regions of a day whose messages have no status under their own ids.
///
/// Their ids may be spelled in two ways, or all was down beside statuses of other senders.
pub fn of_spellings(day: Day, others: &[OtherSpelling], facts: &Facts) -> Vec<Attention> {
    let mut found = Vec::new();
    for ((service, region), slots) in messages(facts) {
        let Some(other) = others.iter().find(|other| other.region == region) else { continue };
        let (all, unknown) = slots.values().fold((0, 0), |sums, counts| sum(sums, (&0, counts)));
        let hours = slots.iter().filter(|(_, counts)| counts.1 > 0).map(|(at, _)| at / HOUR_US);
        let (Some(first), Some(last)) = (hours.clone().min(), hours.max()) else { continue };
        let span = Span { day, service, region, from_us: first * HOUR_US, to_us: (last + 1) * HOUR_US };
        let message = format!(
            "{unknown} of {all} messages of service {service} in region {region} have no status, and {} statuses of source {} \
             name no message: their ids are spelled in two ways, and are to be made alike; or all was down, and the statuses are \
             of other senders. If messages were down, {}",
            other.orphans,
            other.source,
            span.advice()
        );
        found.push(span.told(unknown, &[service, region, "ids"], message));
    }
    found
}

/// Counts the messages of a day by service and region.
fn messages(facts: &Facts) -> BTreeMap<(&str, &str), Series> {
    let slot_us = facts.slot_length().us();
    let mut minutes: BTreeMap<(&str, &str), Series> = BTreeMap::new();
    for fact in facts.iter() {
        let kind = &facts.kinds()[fact.kind as usize];
        if kind.stream == Stream::Message {
            let slots = minutes.entry((&kind.service, &kind.region)).or_default();
            let (all, unknown) = slots.entry(i64::from(fact.slot) * slot_us).or_default();
            *all += fact.events;
            *unknown += if kind.timing == Timing::Unseen { fact.events } else { 0 };
        }
    }
    minutes
}

const fn sum((all, unknown): Counts, (_, counts): (&i64, &Counts)) -> Counts {
    (all + counts.0, unknown + counts.1)
}

/// A suspected outage of a service in a region, in microseconds since the start of the day.
struct Span<'s> {
    day: Day,
    service: &'s str,
    region: &'s str,
    from_us: i64,
    to_us: i64,
}

impl Span<'_> {
    /// Returns its ends as instants.
    fn ends(&self) -> (String, String) {
        (rfc3339(self.day.start_us() + self.from_us), rfc3339(self.day.start_us() + self.to_us))
    }

    /// Returns the attention that tells of the span.
    fn told(&self, unknown: i64, subject: &[&str], message: String) -> Attention {
        let span = [self.from_us, self.to_us].map(|us| self.day.start_us() + us);
        Attention::new(AttentionKind::SuspectedOutage, self.day, subject, message)
            .of_measure(unknown.unsigned_abs())
            .of_spans(vec![span])
    }

    /// Returns what to do if it was an outage, with the override row.
    fn advice(&self) -> String {
        let Self { day, service, region, from_us, .. } = self;
        let (start, end) = self.ends();
        format!(
            "add this row to the override file, with author, approver and the present instant: \
             suspected-{day}-{service}-{region}-{},to_downtime,{start},{end},{service},{region},,,unknown,missed-after-all,,\
             AUTHOR,APPROVER,INSTANT,",
            from_us / MINUTE_US
        )
    }
}

/// A stretch, in slots, in which a share of the webhook rows of a region is missing.
struct LostRows<'g> {
    region: &'g str,
    slots: Range<u32>,
    share: f64,
}

/// Returns where webhook rows are missing: with a file, or because their log was almost silent.
fn lost<'g>(gaps: &'g [Gap], facts: &Facts) -> Vec<LostRows<'g>> {
    let of = |gap: &'g Gap| {
        let share = match (gap.lost, &gap.file) {
            (Lost::SomeOutcomes, Some(file)) => f64::from(file.region_ppm) / 1e6,
            (Lost::Outcomes, None) => fallen_share(gap, gaps, facts)?,
            _ => return None,
        };
        Some(LostRows { region: &gap.region, slots: gap.start_slot..gap.end_slot, share })
    };
    gaps.iter().filter_map(of).collect()
}

/// Returns the share of the webhooks of a region that is missing while its log is almost silent.
///
/// As many webhooks for each message are to be expected as in the rest of the day. `None` if the
/// rest of the day does not tell.
fn fallen_share(gap: &Gap, gaps: &[Gap], facts: &Facts) -> Option<f64> {
    let silent = |slot: u32| {
        let is_here = |other: &&Gap| other.lost == Lost::Outcomes && other.region == gap.region;
        gaps.iter().filter(is_here).any(|other| (other.start_slot..other.end_slot).contains(&slot))
    };
    let (mut then, mut otherwise) = ([0_i64; 2], [0_i64; 2]);
    for fact in facts.iter() {
        let kind = &facts.kinds()[fact.kind as usize];
        let what = match kind.stream {
            Stream::Message if kind.region == gap.region => 0,
            Stream::Notification if kind.region == gap.region || kind.region == "-" => 1,
            _ => continue,
        };
        if (gap.start_slot..gap.end_slot).contains(&fact.slot) {
            then[what] += fact.events;
        } else if !silent(fact.slot) {
            otherwise[what] += fact.events;
        }
    }
    let [messages, webhooks] = otherwise;
    if messages == 0 || webhooks == 0 || then[0] == 0 {
        return None;
    }
    let expected = then[0] as f64 * webhooks as f64 / messages as f64;
    Some((1.0 - then[1] as f64 / expected).max(0.0))
}

/// Returns the share of the webhook rows of a region that is missing at an instant.
fn share(lost: &[LostRows<'_>], region: &str, at_us: i64, slot_us: i64) -> Option<f64> {
    let slot = (at_us / slot_us) as u32;
    let is_here =
        |rows: &&LostRows<'_>| rows.slots.contains(&slot) && (rows.region == "*" || rows.region == region);
    let shares = lost.iter().filter(is_here).map(|rows| rows.share);
    Some(shares.reduce(|sum, share| sum + share)?.min(1.0))
}

/// Returns whether chance gives so many unknown messages less than once in a million times.
pub fn is_more_than_chance(counts: Counts, share: f64) -> bool {
    surprise(counts, share) > MIN_SURPRISE
}

/// Returns how rare so many of all are, at this share: at most `exp(-surprise)` (Chernoff).
///
/// 0 if they are no more than the share.
pub fn surprise((all, unknown): Counts, share: f64) -> f64 {
    if all == 0 || unknown == 0 {
        return 0.0;
    }
    let (n, found) = (all as f64, unknown as f64 / all as f64);
    if found <= share {
        return 0.0;
    }
    if share <= 0.0 {
        return f64::INFINITY;
    }
    let rest = if found < 1.0 { (1.0 - found) * ((1.0 - found) / (1.0 - share)).ln() } else { 0.0 };
    n * found.mul_add((found / share).ln(), rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Vantage;
    use crate::day::SlotLength;
    use crate::facts::{Fact, Kind};

    /// Returns what is told if the webhook log of a minute with messages has so many webhooks left.
    fn told(messages: i64, webhooks: i64) -> usize {
        let bare = |stream| Kind::bare(stream, "s", Vantage::FirstLayer, "messages", "eu");
        let unseen = Kind { timing: Timing::Unseen, ..bare(Stream::Message) };
        let kinds = [bare(Stream::Message), unseen, bare(Stream::Notification)];
        let fact = |slot, kind, events| Fact { slot, kind, caller: 0, events, sixtieths: 0 };
        let rows = vec![fact(0, 0, 1_000), fact(0, 2, 3_000), fact(600, 1, messages), fact(600, 2, webhooks)];
        let day = "2026-11-18".parse().unwrap();
        let facts = Facts::new(day, SlotLength::Minute, &kinds, &[String::new()], rows, Vec::new()).unwrap();
        let gap = Gap {
            lost: Lost::Outcomes,
            source: "hooks".to_owned(),
            region: "eu".to_owned(),
            services: Vec::new(),
            start_slot: 590,
            end_slot: 660,
            expected: messages,
            file: None,
        };
        attention(day, &[gap], &facts).len()
    }

    #[test]
    fn a_silent_log_explains_as_much_as_its_rows_have_fallen() {
        assert_eq!(told(10_000, 0), 0, "nothing is left that could tell");
        assert_eq!(told(100, 3), 0, "one in a hundred rows is left");
        assert_eq!(told(10_000, 300), 1, "one in a hundred messages should have a status");
    }

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
