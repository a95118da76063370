//! Lost evidence: the events whose outcome a missing log could have held are not judged.

use std::collections::BTreeMap;

use super::Resolver;
use crate::config::{Log, Vantage};
use crate::day::Day;
use crate::facts::{Fact, Kind, MissingLog, Outcome};

/// A span in which a log is missing, in microseconds since 1970, half-open.
pub struct LostSpan {
    missing: MissingLog,
    day: Day,
    start_us: i64,
    end_us: i64,
}

/// Returns the spans of the missing logs of several days.
pub fn spans(missing: &BTreeMap<Day, Vec<MissingLog>>) -> Vec<LostSpan> {
    let of_day = |(day, logs): (&Day, &Vec<MissingLog>)| -> Vec<LostSpan> {
        let of_log = |log: &MissingLog| -> Vec<LostSpan> {
            let span = |(start_us, end_us)| LostSpan { missing: log.clone(), day: *day, start_us, end_us };
            log.spans(*day).map(span).collect()
        };
        logs.iter().flat_map(of_log).collect()
    };
    missing.iter().flat_map(of_day).collect()
}

impl LostSpan {
    /// True if the span has an instant in `[from_us, to_us]`.
    const fn touches(&self, from_us: i64, to_us: i64) -> bool {
        self.start_us <= to_us && from_us < self.end_us
    }
}

impl Resolver<'_> {
    /// Returns whether webhook rows of a region between two instants may be missing.
    pub fn has_lost_webhooks(&self, region: &str, from_us: i64, to_us: i64) -> bool {
        self.lost.iter().any(|span| {
            span.missing.log == Log::Webhooks && span.missing.concerns(region) && span.touches(from_us, to_us)
        })
    }

    /// Returns whether calls of a region between two instants may be missing.
    pub fn has_lost_calls(&self, region: &str, from_us: i64, to_us: i64) -> bool {
        self.lost.iter().any(|span| {
            span.missing.log == Log::Requests && span.missing.concerns(region) && span.touches(from_us, to_us)
        })
    }

    /// Returns the facts that no other day can change, with some calls without an answer left open.
    ///
    /// Left open are those without an answer further out, while the log further in is missing.
    ///
    /// A proxy that waits in vain proves no failure if the log that could tell of the answer is
    /// lost. Calls with an answer, an error code or a symptom before the platform stay as they are.
    pub fn own_facts(&mut self) -> Vec<Fact> {
        let mut facts = self.own.facts.clone();
        if self.lost.is_empty() {
            return facts;
        }
        let own = self.own.clone();
        for fact in &mut facts {
            let kind = &own.kinds[fact.kind as usize];
            if self.is_left_open(kind, fact.slot) {
                fact.kind = self.kind(Kind { outcome: Outcome::Unknown, ..kind.clone() });
            }
        }
        facts
    }

    /// Returns whether a missing log further in could have told of the answer to a call.
    pub fn is_left_open(&self, kind: &Kind, slot: u32) -> bool {
        let rank_of = |name: &str| {
            self.config.sources.iter().find(|source| source.name == name).map(|source| source.vantage.rank())
        };
        let slot_us = self.own.slot_length.us();
        let from_us = self.day.start_us() + i64::from(slot) * slot_us;
        is_unanswered(kind)
            && self.lost.iter().any(|span| {
                span.day == self.day
                    && span.missing.log == Log::Requests
                    && span.missing.concerns(&kind.region)
                    && span.touches(from_us, from_us + slot_us - 1)
                    && rank_of(&span.missing.source).is_some_and(|inner| inner < kind.vantage.rank())
            })
    }
}

/// Returns whether a call may have been answered although its log shows no answer.
fn is_unanswered(kind: &Kind) -> bool {
    kind.is_unanswered() && kind.vantage != Vantage::FirstLayer
}
