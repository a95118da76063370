//! Period sums: the integers of one side over a period, before any division.

use super::measured_day::{MeasuredDay, StateCounts};
use super::runs::{Run, counted_slots};
use crate::ledger::{FrozenSums, NotedSlots};
use crate::slots::{Counts, Scope, Side, State};

/// Sums of one side over a period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PeriodSums {
    pub slots: i64,
    pub slots_down: i64,
    pub slots_degraded: i64,
    pub slots_doubtful: i64,
    pub slots_unobserved: i64,
    /// Down slots in runs that are long enough.
    pub slots_counted: i64,
    /// The same in time, because a month may hold days with different slot lengths.
    pub seconds: i64,
    /// Doubtful and unobserved slots: neither up nor down.
    pub unjudged_seconds: i64,
    /// Down slots that do not count, but would if the unjudged slots next to them had been down.
    pub beside_unjudged_seconds: i64,
    pub counted_seconds: i64,
    pub events: Counts,
}

impl PeriodSums {
    /// Returns the sums of one day, or `None` if it does not know the scope.
    pub(super) fn of_day(day: &MeasuredDay<'_>, scope: &Scope, side: Side) -> Option<Self> {
        let seconds = i64::from(day.edition.slot_length.seconds());
        if let Some(frozen) = day.frozen {
            return Some(Self::frozen(
                &frozen.scope(scope)?.sums[side as usize],
                day.counts(scope, side),
                seconds,
            ));
        }
        let states = day.states(scope, side)?;
        let counts = day.counts(scope, side);
        let rule = &day.judgement.rule;
        let runs = &day.judgement.scopes.get(scope)?.runs[side as usize];
        let from = runs.partition_point(|run| run.end_us <= day.edition.day.start_us());
        let to = runs.partition_point(|run| run.start_us < day.edition.day.end_us());
        let here = runs.get(from..to).unwrap_or_default();
        let counted: Vec<&Run> = here.iter().filter(|run| run.is_counted(rule, seconds)).collect();
        let slots_down = counts.of_state(State::Down);
        let slots_counted = if slots_down == 0 { 0 } else { counted_slots(day.edition, states, &counted) };
        let unjudged = counts.of_state(State::Unobserved) + counts.of_state(State::Doubtful);
        let is_uncounted = slots_counted < slots_down && unjudged > 0;
        let measured = Self {
            slots: counts.all(),
            slots_down,
            slots_degraded: counts.of_state(State::Degraded),
            slots_doubtful: counts.of_state(State::Doubtful),
            slots_unobserved: counts.of_state(State::Unobserved),
            slots_counted,
            seconds: counts.all() * seconds,
            unjudged_seconds: unjudged * seconds,
            beside_unjudged_seconds: if is_uncounted {
                let beside = down_beside_unjudged(states);
                (beside - slots_counted).clamp(0, slots_down - slots_counted) * seconds
            } else {
                0
            },
            counted_seconds: slots_counted * seconds,
            events: day.edition.scope(scope)?.events(side),
        };
        let noted = day.edition.noted.get(scope).filter(|_| side == Side::Net || day.edition.is_stand_in);
        Some(noted.map_or(measured, |slots| measured.noted(*slots, seconds)))
    }

    /// Takes the sums of a sealed day as its seal left them.
    fn frozen(sums: &FrozenSums, counts: StateCounts, seconds: i64) -> Self {
        let FrozenSums { down, counted, degraded, doubtful, unobserved, beside_unjudged, events } = *sums;
        Self {
            slots: counts.all(),
            slots_down: down,
            slots_degraded: degraded,
            slots_doubtful: doubtful,
            slots_unobserved: unobserved,
            slots_counted: counted,
            seconds: counts.all() * seconds,
            unjudged_seconds: (unobserved + doubtful) * seconds,
            beside_unjudged_seconds: beside_unjudged * seconds,
            counted_seconds: counted * seconds,
            events,
        }
    }

    /// Returns the sums of one day of slots of this length, to be stored.
    pub(super) const fn to_freeze(self, slot_seconds: i64) -> FrozenSums {
        FrozenSums {
            down: self.slots_down,
            counted: self.slots_counted,
            degraded: self.slots_degraded,
            doubtful: self.slots_doubtful,
            unobserved: self.slots_unobserved,
            beside_unjudged: self.beside_unjudged_seconds / slot_seconds,
            events: self.events,
        }
    }

    /// Takes the slots of a sealed day, or of one that can no longer be read, as they were noted.
    const fn noted(self, slots: NotedSlots, seconds: i64) -> Self {
        let [slots_down, slots_counted, slots_degraded, slots_unobserved, slots_doubtful] = slots;
        Self {
            slots_down,
            slots_counted,
            slots_degraded,
            slots_unobserved,
            slots_doubtful,
            unjudged_seconds: (slots_unobserved + slots_doubtful) * seconds,
            counted_seconds: slots_counted * seconds,
            ..self
        }
    }

    /// Adds days without an edition.
    pub(super) const fn add_unobserved(&mut self, slots: i64, seconds: i64) {
        self.slots += slots;
        self.slots_unobserved += slots;
        self.seconds += seconds;
        self.unjudged_seconds += seconds;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.slots += other.slots;
        self.slots_down += other.slots_down;
        self.slots_degraded += other.slots_degraded;
        self.slots_doubtful += other.slots_doubtful;
        self.slots_unobserved += other.slots_unobserved;
        self.slots_counted += other.slots_counted;
        self.seconds += other.seconds;
        self.unjudged_seconds += other.unjudged_seconds;
        self.beside_unjudged_seconds += other.beside_unjudged_seconds;
        self.counted_seconds += other.counted_seconds;
        self.events.merge(&other.events);
    }

    /// Returns the time of slots that are up, degraded or down.
    pub const fn observed_seconds(&self) -> i64 {
        self.seconds - self.unjudged_seconds
    }

    /// Returns the down time of the period if every unjudged slot had been down.
    pub const fn down_at_most_seconds(&self) -> i64 {
        self.counted_seconds + self.unjudged_seconds + self.beside_unjudged_seconds
    }
}

/// Counts the down slots in stretches of down and unjudged slots that hold an unjudged one.
fn down_beside_unjudged(states: &[State]) -> i64 {
    let may_be_down = |state: &State| matches!(state, State::Down | State::Doubtful | State::Unobserved);
    let stretches = states.split(|state| !may_be_down(state));
    let down = |part: &[State]| part.iter().filter(|state| **state == State::Down).count();
    stretches.filter(|part| down(part) < part.len()).map(down).sum::<usize>() as i64
}
