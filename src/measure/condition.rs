//! Condition: the state of a component now, from the last hour that is published.

use crate::day::SECOND_US;
use crate::ledger::Edition;
use crate::slots::{Counts, Scope, Side, State};

use super::floor_percent;

/// The condition of a component on a status page.
///
/// The platform publishes no thresholds for its levels; the tenth and the half are our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// Nothing was observed in the hour.
    NotObserved,
    NoKnownIssues,
    /// Bad events, but no down slot (R3).
    PossibleDisruption,
    /// Down slots, and less than a tenth of the hour's judged events were bad.
    LowDisruption,
    /// Down slots, and at least a tenth of the judged events were bad.
    MediumDisruption,
    /// Down slots, and at least half of the judged events were bad.
    HighDisruption,
}

impl Condition {
    /// All conditions, from the best to the worst.
    pub const ALL: [Self; 6] = [
        Self::NotObserved,
        Self::NoKnownIssues,
        Self::PossibleDisruption,
        Self::LowDisruption,
        Self::MediumDisruption,
        Self::HighDisruption,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::NotObserved => "not_observed",
            Self::NoKnownIssues => "no_known_issues",
            Self::PossibleDisruption => "possible_disruption",
            Self::LowDisruption => "low_disruption",
            Self::MediumDisruption => "medium_disruption",
            Self::HighDisruption => "high_disruption",
        }
    }
}

/// The span that counts as now: the last hour of the newest day.
const NOW_US: i64 = 3_600 * SECOND_US;

/// Returns the condition of a scope in the last hour of a day, after overrides.
pub fn condition(newest: &Edition, scope: &Scope) -> Condition {
    let per_hour = (NOW_US / newest.slot_length().us()) as usize;
    let Some(at) = newest.slots.position(scope) else { return Condition::NotObserved };
    let side = newest.slots.book(at, Side::Net);
    let from = side.states().len().saturating_sub(per_hour);
    let mut events = Counts::default();
    for slot in side.events().iter().filter(|slot| slot.slot as usize >= from) {
        events.merge(&slot.events);
    }
    match side.states()[from..].iter().max().copied().unwrap_or_default() {
        State::Unobserved => Condition::NotObserved,
        State::Up => Condition::NoKnownIssues,
        State::Degraded | State::Doubtful => Condition::PossibleDisruption,
        State::Down => {
            let judged = events.judged(&newest.definition.measure());
            match floor_percent(events.bad(), judged).unwrap_or(0) {
                50_000_000.. => Condition::HighDisruption,
                10_000_000.. => Condition::MediumDisruption,
                _ => Condition::LowDisruption,
            }
        }
    }
}
