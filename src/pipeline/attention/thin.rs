//! Thin evidence: components and services with too little to judge by.

use crate::attention::{Attention, AttentionKind};
use crate::config::Limits;
use crate::day::rfc3339;
use crate::facts::{Gap, Lost};
use crate::ledger::Edition;
use crate::slots::{ALL_REGIONS, Scope, ScopeKind, State};

/// Events of a component below which its coverage tells nothing, as a multiple of `min_rows`.
const EVENTS: i64 = 10;
/// Natural logarithm of how often chance alone may leave a stretch of a day empty: once in a
/// million days, over 1,440 places for it.
const MIN_SURPRISE: f64 = 21.09;

/// Reports the components of which too few slots are observed.
///
/// They are fewer than `coverage_percent`, and the longest empty stretch is no chance at the
/// component's rate of events: a stretch of `n` slots is empty with a probability of about
/// `e^(-n x events / slots)`. Slots in a gap are left out, because the gap or the missing file is
/// told already.
pub(super) fn coverage(edition: &Edition, gaps: &[Gap], limits: &Limits) -> Vec<Attention> {
    let components =
        edition.slots.scopes().iter().filter(|s| s.kind == ScopeKind::Component && s.is_all_regions());
    let mut found = Vec::new();
    for scope in components {
        let is_in_gap = |slot: &usize| {
            gaps.iter().any(|gap| (gap.start_slot as usize..gap.end_slot as usize).contains(slot))
        };
        let slots = edition.slots.cells(scope).enumerate().filter(|(slot, _)| !is_in_gap(slot));
        let slots: Vec<_> = slots.map(|(_, cell)| cell).collect();
        let is_observed: Vec<bool> =
            slots.iter().map(|cell| !matches!(cell.net.state, State::Unobserved | State::Doubtful)).collect();
        let observed = is_observed.iter().filter(|is_observed| **is_observed).count() as u64;
        let events: i64 =
            slots.iter().map(|cell| &cell.net.events).map(|n| n.good() + n.bad() + n.answered()).sum();
        let all = slots.len() as u64;
        if events < EVENTS * i64::from(limits.min_rows)
            || observed * 1_000_000 >= all * u64::from(limits.coverage_ppm)
        {
            continue;
        }
        let empty = is_observed.split(|is_observed| *is_observed).map(<[bool]>::len).max().unwrap_or(0);
        if empty as f64 * events as f64 / all as f64 > MIN_SURPRISE {
            let name = &scope.name;
            let message = format!(
                "{name}: {observed} of {all} slots have something to judge by, less than `limits.coverage_percent` asks for"
            );
            let attention = Attention::new(AttentionKind::Coverage, edition.day, &[name], message);
            found.push(attention.of_measure(all - observed));
        }
    }
    found
}

/// Doubtful time of a service and region in one stretch from which on a person is told, in seconds.
const DOUBTFUL_SECONDS: i64 = 600;

/// Reports the longest doubtful stretch of each service and region, if it is long enough.
///
/// A stretch ends at a slot that is up, degraded or down. Slots in a gap are left out, because the
/// gap or the missing file is told already.
pub(super) fn doubtful(edition: &Edition, gaps: &[Gap]) -> Vec<Attention> {
    let mut found = Vec::new();
    let length = edition.slot_length();
    let instant = |slot: usize| rfc3339(edition.day.start_us() + slot as i64 * length.us());
    let single =
        edition.slots.scopes().iter().filter(|s| s.kind == ScopeKind::Service && !s.is_all_regions());
    for scope in single {
        let states: Vec<State> = edition.slots.cells(scope).map(|cell| cell.net.state).collect();
        let mut stretches: Vec<(usize, usize, i64)> = Vec::new();
        let mut is_open = false;
        let is_told = |slot: usize| {
            gaps.iter().any(|gap| {
                (gap.start_slot as usize..gap.end_slot as usize).contains(&slot)
                    && (gap.region == ALL_REGIONS || *gap.region == *scope.region)
                    // A missing log of webhooks takes away outcomes of calls of other services.
                    && (gap.lost == Lost::SomeOutcomes
                        || gap.services.iter().any(|service| **service == *scope.name))
            })
        };
        for (slot, state) in states.iter().enumerate() {
            match (state, stretches.last_mut()) {
                (State::Doubtful, _) if is_told(slot) => {}
                (State::Doubtful, Some((_, last, slots))) if is_open => {
                    (*last, *slots) = (slot, *slots + 1);
                }
                (State::Doubtful, _) => {
                    stretches.push((slot, slot, 1));
                    is_open = true;
                }
                (State::Unobserved, _) => {}
                _ => is_open = false,
            }
        }
        let seconds = i64::from(length.seconds());
        stretches.retain(|(.., slots)| slots * seconds >= DOUBTFUL_SECONDS);
        if let Some((first, last, slots)) = stretches.iter().max_by_key(|(.., slots)| *slots) {
            let more = match stretches.len() {
                1 => String::new(),
                n => format!(", the longest of {n} such stretches"),
            };
            let minutes = slots * seconds / 60;
            let (Scope { name, region, .. }, from, to) = (scope, instant(*first), instant(*last + 1));
            let message = format!(
                "{name} in {region}: {minutes} minutes from {from} to {to} are neither up nor down{more}; they lower the \
                 coverage. `explain` says why"
            );
            let attention = Attention::new(AttentionKind::Doubtful, edition.day, &[name, region], message);
            found.push(attention.of_measure(minutes.unsigned_abs()));
        }
    }
    found
}
