//! Runs: the down slots that make one outage, and how the first version of the rule found them.

use crate::config::SlotRule;
use crate::day::{DAY_US, SECOND_US};
use crate::ledger::Outline;
use crate::slots::{Scope, Side, State, shortest_run};

/// Down slots that make one outage, from the first to the last of them.
///
/// Other slots may lie between; they add nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub start_us: i64,
    pub end_us: i64,
    /// Down slots only.
    pub down_seconds: i64,
    /// True if fewer callers than `min_callers` asks for make it long enough.
    pub is_narrow: bool,
}

impl Run {
    /// Returns whether the run counts under a rule, in slots of a length.
    pub const fn is_counted(&self, rule: &SlotRule, slot_seconds: i64) -> bool {
        !self.is_narrow && self.is_long(rule, slot_seconds)
    }

    /// Returns whether the run is long enough to count.
    pub const fn is_long(&self, rule: &SlotRule, slot_seconds: i64) -> bool {
        self.down_seconds >= shortest_run(rule, slot_seconds)
    }
}

/// A span of one state.
struct Span {
    start_us: i64,
    end_us: i64,
    state: State,
}

/// Finds the runs of a scope by the first version of the rule.
///
/// A run ends at a slot that is up or degraded, and at an unobserved stretch longer than
/// `max_gap_minutes`. A day without an edition, or that does not know the scope, is unobserved.
pub(super) fn first_version_runs(
    editions: &[Outline],
    scope: &Scope,
    side: Side,
    rule: &SlotRule,
) -> Vec<Run> {
    let mut found: Vec<Run> = Vec::new();
    let (mut is_open, mut gap_us) = (false, 0);
    let mut next = editions.first().map_or(0, |edition| edition.day.start_us());
    for edition in editions {
        let start_us = edition.day.start_us();
        let hole =
            (next < start_us).then_some(Span { start_us: next, end_us: start_us, state: State::Unobserved });
        next = start_us + DAY_US;
        for Span { start_us, end_us, state } in hole.into_iter().chain(spans(edition, scope, side)) {
            match state {
                State::Down => {
                    let seconds = (end_us - start_us) / SECOND_US;
                    match found.last_mut() {
                        Some(run) if is_open => {
                            run.end_us = end_us;
                            run.down_seconds += seconds;
                        }
                        _ => found.push(Run { start_us, end_us, down_seconds: seconds, is_narrow: false }),
                    }
                    (is_open, gap_us) = (true, 0);
                }
                State::Unobserved => {
                    gap_us += end_us - start_us;
                    is_open &= gap_us <= i64::from(rule.max_gap_seconds) * SECOND_US;
                }
                State::Up | State::Degraded | State::Doubtful => is_open = false,
            }
        }
    }
    found
}

/// Returns the spans of equal states of a day; all of it is unobserved if it lacks the scope.
fn spans(edition: &Outline, scope: &Scope, side: Side) -> Vec<Span> {
    let (start_us, length) = (edition.day.start_us(), edition.slot_length.us());
    let states = edition.scope(scope).map(|line| &**line.states(side)).unwrap_or_default();
    if states.is_empty() {
        return vec![Span { start_us, end_us: start_us + DAY_US, state: State::Unobserved }];
    }
    let mut at = start_us;
    let span = |run: &[State]| {
        let from = at;
        at += run.len() as i64 * length;
        Span { start_us: from, end_us: at, state: run[0] }
    };
    states.chunk_by(|a, b| a == b).map(span).collect()
}

/// Counts the down slots of a day that lie in one of the runs, which ascend by time.
pub(super) fn counted_slots(edition: &Outline, states: &[State], runs: &[&Run]) -> i64 {
    let is_in = |slot: &usize| {
        let start_us = edition.day.start_us() + *slot as i64 * edition.slot_length.us();
        let after = runs.partition_point(|run| run.start_us <= start_us);
        after > 0 && start_us < runs[after - 1].end_us
    };
    (0..states.len()).filter(|slot| states[*slot] == State::Down).filter(is_in).count() as i64
}
