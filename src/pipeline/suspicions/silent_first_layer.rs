//! Silent first layer: spans in which it has no rows, and the callers' proxies wait in vain.
//!
//! Its log may be lost, or it was down. Nothing is booked for it: a call that never reached the
//! first layer is not counted automatically (R4). But a person should look.

use super::suspected_outage::is_more_than_chance;
use crate::attention::{Attention, AttentionKind};
use crate::config::Source;
use crate::day::{Day, rfc3339};
use crate::facts::{Facts, Gap, Kind, Lost, Reached, Stream, Symptom};

/// Reports the silent spans in which more calls have no answer than in the rest of the day.
///
/// By chance so many would have none less than once in a million times.
pub fn attention(day: Day, gaps: &[Gap], facts: &Facts, sources: &[Source]) -> Vec<Attention> {
    let Some(inner) = sources.iter().map(|source| source.vantage.rank()).min() else { return Vec::new() };
    let silent = |gap: &&Gap| gap.lost == Lost::Events && gap.file.is_none();
    let mut found = Vec::new();
    for gap in gaps.iter().filter(silent) {
        // Calls, and those of them without an answer.
        let (mut then, mut otherwise) = ([0_i64; 2], [0_i64; 2]);
        for fact in facts.iter() {
            let kind = &facts.kinds()[fact.kind as usize];
            let is_here =
                kind.stream != Stream::Notification && (gap.region == "*" || gap.region == kind.region);
            if !is_here {
                continue;
            }
            let is_then = (gap.start_slot..gap.end_slot).contains(&fact.slot);
            let counts = if is_then { &mut then } else { &mut otherwise };
            counts[0] += fact.events;
            counts[1] += if kind.vantage.rank() > inner && is_unanswered(kind) { fact.events } else { 0 };
        }
        // A day that only outer sources tell of says nothing of how many calls usually have none.
        if otherwise[0] == 0 {
            continue;
        }
        let share = (otherwise[1] + 1) as f64 / (otherwise[0] + 1) as f64;
        if is_more_than_chance((then[0], then[1]), share) {
            let at = |slot: u32| rfc3339(day.start_us() + i64::from(slot) * facts.slot_length().us());
            let message = format!(
                "{} of {} calls in region {} from {} to {} have no answer in the logs of callers, while source {} has no rows. \
                 Either its log is lost, or it was down; its minutes are unobserved. Ship the log, or find out what was the case",
                then[1],
                then[0],
                gap.region,
                at(gap.start_slot),
                at(gap.end_slot),
                gap.source
            );
            let slot_us = facts.slot_length().us();
            let span = [gap.start_slot, gap.end_slot].map(|slot| day.start_us() + i64::from(slot) * slot_us);
            let subject = ["first-layer", &*gap.source, &*gap.region];
            let told = Attention::new(AttentionKind::SuspectedOutage, day, &subject, message);
            found.push(told.of_measure(then[1].unsigned_abs()).of_spans(vec![span]));
        }
    }
    found
}

/// Returns whether a call was sent and its answer never came.
fn is_unanswered(kind: &Kind) -> bool {
    matches!(kind.symptom, Symptom::Timeout | Symptom::Reset)
        && kind.error_code.is_none()
        && kind.reached != Reached::No
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Log, Vantage};
    use crate::day::SlotLength;
    use crate::facts::Fact;

    /// Returns how much is told of a silence with these calls at the callers, answered or not.
    fn told(answered: i64, unanswered: i64) -> usize {
        let source = |name: &str, vantage| Source { vantage, ..Source::bare(name, Log::Requests) };
        let sources = [source("edge", Vantage::FirstLayer), source("proxy", Vantage::CallerEgress)];
        let bare = |name: &str, vantage| {
            let kind = Kind::bare(Stream::Request, name, vantage, "messages", "eu");
            Kind { http_status: Some(200), ..kind }
        };
        let proxy = bare("proxy", Vantage::CallerEgress);
        let timeout = Kind { http_status: None, symptom: Symptom::Timeout, ..proxy.clone() };
        let kinds = [bare("edge", Vantage::FirstLayer), proxy, timeout];
        let fact = |slot, kind, events| Fact { slot, kind, caller: 0, events, sixtieths: 0 };
        let rows = vec![fact(0, 0, 5_000), fact(0, 2, 50), fact(600, 1, answered), fact(600, 2, unanswered)];
        let day = "2026-11-18".parse().unwrap();
        let facts = Facts::new(day, SlotLength::Minute, &kinds, &[String::new()], rows, Vec::new()).unwrap();
        let gap = Gap {
            lost: Lost::Events,
            source: "edge".to_owned(),
            region: "eu".to_owned(),
            services: Vec::new(),
            start_slot: 590,
            end_slot: 620,
            expected: 100,
            file: None,
        };
        attention(day, &[gap], &facts, &sources).len()
    }

    #[test]
    fn callers_that_wait_in_vain_are_told_and_answered_ones_are_not() {
        assert_eq!(told(0, 100), 1);
        assert_eq!(told(100, 3), 0, "as on the rest of the day");
        assert_eq!(told(100, 0), 0, "a lost log");
        assert_eq!(told(0, 2), 0, "too few");
    }
}
