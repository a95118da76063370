//! Period sums: the integers of one side over a period, before any division.

use crate::ledger::ScopeOutline;
use crate::slots::{Counts, Side, State};

/// Sums of one side over a period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PeriodSums {
    pub slots: i64,
    pub slots_down: i64,
    pub slots_degraded: i64,
    pub slots_unobserved: i64,
    /// Down slots in runs that are long enough.
    pub slots_counted: i64,
    /// The same in time, because a month may hold days with different slot lengths.
    pub seconds: i64,
    pub unobserved_seconds: i64,
    pub counted_seconds: i64,
    pub events: Counts,
}

impl PeriodSums {
    /// Returns the sums of one day, without the counted runs.
    pub(super) fn of_day(line: &ScopeOutline, book: Side, seconds: i64) -> Self {
        let slots = |state| line.slots(book, state);
        let all = line.states(book).len() as i64;
        Self {
            slots: all,
            slots_down: slots(State::Down),
            slots_degraded: slots(State::Degraded),
            slots_unobserved: slots(State::Unobserved),
            slots_counted: 0,
            seconds: all * seconds,
            unobserved_seconds: slots(State::Unobserved) * seconds,
            counted_seconds: 0,
            events: line.events(book),
        }
    }

    /// Adds days without an edition.
    pub(super) const fn add_unobserved(&mut self, slots: i64, seconds: i64) {
        self.slots += slots;
        self.slots_unobserved += slots;
        self.seconds += seconds;
        self.unobserved_seconds += seconds;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.slots += other.slots;
        self.slots_down += other.slots_down;
        self.slots_degraded += other.slots_degraded;
        self.slots_unobserved += other.slots_unobserved;
        self.slots_counted += other.slots_counted;
        self.seconds += other.seconds;
        self.unobserved_seconds += other.unobserved_seconds;
        self.counted_seconds += other.counted_seconds;
        self.events.merge(&other.events);
    }

    pub const fn observed_seconds(&self) -> i64 {
        self.seconds - self.unobserved_seconds
    }
}
