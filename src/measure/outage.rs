//! Outages: runs of down slots, with their class, codes and callers.

use std::collections::BTreeMap;

use super::floor_percent;
use super::runs::Run;
use super::timeline::{Judgement, MeasuredDay};
use crate::config::SlotRule;
use crate::day::{SECOND_US, rfc3339};
use crate::ledger::{BadLine, Outline};
use crate::slots::{Scope, Side, shortest_run};

/// The class of an outage, by its length and by whether an API update explains it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Under a minute (R12).
    UnderMinute,
    /// One to five minutes (R12).
    UpToFiveMinutes,
    OverFiveMinutes,
    /// Error code 2 alone, and at most 5:00 (R13).
    Update,
}

impl Class {
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnderMinute => "<1m",
            Self::UpToFiveMinutes => "1-5m",
            Self::OverFiveMinutes => ">5m",
            Self::Update => "update",
        }
    }

    /// Returns the class; longer than 5:00 is an ordinary outage, whatever its codes.
    pub const fn of(down_seconds: i64, is_code_2_only: bool) -> Self {
        match down_seconds {
            301.. => Self::OverFiveMinutes,
            _ if is_code_2_only => Self::Update,
            60.. => Self::UpToFiveMinutes,
            _ => Self::UnderMinute,
        }
    }
}

/// A maximal run of down slots of one scope, net.
#[derive(Debug, Clone, PartialEq)]
pub struct Outage {
    /// Scope and start, so that the same outage keeps its id from one edition to the next.
    pub id: String,
    pub scope: Scope,
    pub start_us: i64,
    pub end_us: i64,
    /// Down slots only; less than the span if unobserved slots lie between.
    pub down_seconds: i64,
    pub class: Class,
    /// Long enough to count under the definition `whatsapp`.
    pub is_counted: bool,
    pub events_bad: i64,
    /// Up to five codes with their events, most frequent first: `131016:1234 none:3`.
    pub top_error_codes: String,
    /// Share of the three callers with the most bad events, millionths of a percent.
    ///
    /// `None` if no caller is known.
    pub top_callers_micro_percent: Option<i64>,
}

impl Outage {
    /// Returns the seconds from start to end, unobserved slots included.
    pub const fn span_seconds(&self) -> i64 {
        (self.end_us - self.start_us) / SECOND_US
    }
}

/// Returns the outages of a scope, one for each run.
///
/// A run over days that were made by two rules may be found by both. It is listed by the rule of
/// the day that it begins on.
pub(super) fn outages(scope: &Scope, judgements: &[Judgement], measured: &[MeasuredDay<'_>]) -> Vec<Outage> {
    let mut found = Vec::new();
    for judgement in judgements {
        let runs = judgement.scopes.get(scope).map(|timeline| &timeline.runs[Side::Net as usize]);
        for run in runs.into_iter().flatten() {
            let first = measured.partition_point(|day| day.edition.day.end_us() <= run.start_us);
            let days = measured[first..].iter().take_while(|day| day.edition.day.start_us() < run.end_us);
            let days: Vec<&MeasuredDay<'_>> = days.collect();
            if days.first().is_some_and(|day| day.judgement.rule == judgement.rule) {
                found.push(outage(scope, run, &days, &judgement.rule));
            }
        }
    }
    found
}

fn outage(scope: &Scope, run: &Run, days: &[&MeasuredDay<'_>], rule: &SlotRule) -> Outage {
    let mut codes: BTreeMap<Option<i64>, i64> = BTreeMap::new();
    let mut callers: BTreeMap<&str, i64> = BTreeMap::new();
    for edition in days.iter().map(|day| day.edition) {
        for line in lines(edition, run).iter().filter(|l| is_in(l, scope, edition)) {
            *codes.entry(line.error_code).or_default() += line.events_net;
            *callers.entry(&line.caller).or_default() += line.events_net;
        }
    }
    codes.retain(|_, events| *events != 0);
    let events_bad: i64 = codes.values().sum();
    let is_code_2_only = !codes.is_empty() && codes.keys().all(|code| *code == Some(2));

    let mut codes: Vec<_> = codes.into_iter().collect();
    codes.sort_by_key(|(code, events)| (-events, *code));
    let word = |code: Option<i64>| code.map_or("none".to_owned(), |c| c.to_string());
    let codes: Vec<String> =
        codes.iter().take(5).map(|(c, events)| format!("{}:{events}", word(*c))).collect();

    callers.remove("-");
    let mut callers: Vec<i64> = callers.into_values().collect();
    callers.sort_unstable_by_key(|events| -events);
    let top: i64 = callers.iter().take(3).sum();

    let slot = days.first().map_or(1, |day| i64::from(day.edition.slot_length.seconds()));
    let least = shortest_run(rule, slot);
    Outage {
        id: format!("{scope}:{}", rfc3339(run.start_us)),
        scope: scope.clone(),
        start_us: run.start_us,
        end_us: run.end_us,
        down_seconds: run.down_seconds,
        class: Class::of(run.down_seconds, is_code_2_only),
        is_counted: run.down_seconds >= least,
        events_bad,
        top_error_codes: codes.join(" "),
        top_callers_micro_percent: if top > 0 { floor_percent(top, events_bad) } else { None },
    }
}

/// Returns the bad lines of a day that lie in a run; they are sorted by slot.
fn lines<'a>(edition: &'a Outline, run: &Run) -> &'a [BadLine] {
    let start = |line: &BadLine| edition.day.start_us() + i64::from(line.slot) * edition.slot_length.us();
    let from = edition.bad.partition_point(|line| start(line) < run.start_us);
    let to = edition.bad.partition_point(|line| start(line) < run.end_us);
    edition.bad.get(from..to).unwrap_or_default()
}

fn is_in(line: &BadLine, scope: &Scope, edition: &Outline) -> bool {
    let is_there = scope.is_all_regions() || *scope.region == *line.region;
    is_there && edition.definition.includes(scope, &line.service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_minutes_sharp_is_still_an_update() {
        assert_eq!(Class::of(300, true), Class::Update);
        assert_eq!(Class::of(301, true), Class::OverFiveMinutes);
        assert_eq!(Class::of(300, false), Class::UpToFiveMinutes);
        assert_eq!(Class::of(60, false), Class::UpToFiveMinutes);
        assert_eq!(Class::of(59, false), Class::UnderMinute);
    }
}
