//! Narrow runs: those that fewer callers than `min_callers` make long enough to count.

use super::breadth::Breadth;
use super::outage::parts;
use super::timeline::{Judgement, MeasuredDay};
use crate::ledger::Outline;
use crate::slots::{Scope, ScopeKind, Side};

/// Marks the narrow runs of all scopes.
///
/// A run counts all the same if too few of its calls name a caller, or if it is long enough without
/// the bad events of all named callers. A component counts at least what each of its services does.
pub(super) fn mark(editions: &[Outline], judgements: &mut [Judgement]) {
    let asks = |judgement: &Judgement| !judgement.rule.version.is_first() && judgement.rule.min_callers > 1;
    for kind in [ScopeKind::Service, ScopeKind::Component] {
        if !judgements.iter().any(asks) {
            return;
        }
        let measured = MeasuredDay::all(editions, judgements);
        let mut found: Vec<(usize, Scope, Side, Vec<usize>)> = Vec::new();
        for (at, judgement) in judgements.iter().enumerate().filter(|(_, judgement)| asks(judgement)) {
            for scope in judgement.scopes.keys().filter(|scope| scope.kind == kind) {
                for side in Side::ALL {
                    found.push((at, scope.clone(), side, narrow(judgement, scope, side, &measured)));
                }
            }
        }
        for (at, scope, side, runs) in found {
            if let Some(timeline) = judgements[at].scopes.get_mut(&scope) {
                runs.into_iter().for_each(|run| timeline.runs[side as usize][run].is_narrow = true);
            }
        }
    }
}

/// Returns the positions of the narrow runs of a scope.
fn narrow(judgement: &Judgement, scope: &Scope, side: Side, measured: &[MeasuredDay<'_>]) -> Vec<usize> {
    let Some(timeline) = judgement.scopes.get(scope) else { return Vec::new() };
    let mut found = Vec::new();
    for (at, run) in timeline.runs[side as usize].iter().enumerate() {
        let first = measured.partition_point(|day| day.edition.day.end_us() <= run.start_us);
        let days = measured[first..].iter().take_while(|day| day.edition.day.start_us() < run.end_us);
        let days: Vec<&MeasuredDay<'_>> = days.collect();
        let slot = days.first().map_or(1, |day| i64::from(day.edition.slot_length.seconds()));
        if !run.is_long(&judgement.rule, slot) {
            continue;
        }
        let parts = parts(scope, run, &days, judgement, side);
        let counts_alone = |part: &super::Run| part.is_counted(&judgement.rule, slot);
        if scope.kind == ScopeKind::Component && parts.iter().any(|(_, part)| counts_alone(part)) {
            continue;
        }
        let services: Vec<&Scope> = parts.iter().map(|(service, _)| *service).collect();
        let breadth = Breadth::of(&services, run, &days, judgement, side);
        let is_asked = |callers: usize| callers < judgement.rule.min_callers as usize;
        if breadth.active.is_some() && breadth.leave_out.is_some_and(is_asked) {
            found.push(at);
        }
    }
    found
}
