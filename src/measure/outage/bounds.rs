//! Bounds: how long an outage lasted at least and at most, from the instants of single events.

use crate::day::SECOND_US;
use crate::ledger::{InstantLine, Outline};
use crate::measure::measured_day::MeasuredDay;
use crate::measure::runs::Run;
use crate::slots::Scope;

/// Instants within which an outage began and ended, in microseconds.
///
/// An instant is known to a sixtieth of its slot, so a beginning or an end is the earlier or later
/// end of that sixtieth, whichever makes the bound hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bounds {
    /// End of the sixtieth of the first bad event, start of that of the last one.
    least: Option<[i64; 2]>,
    /// Start of the sixtieth of the last success before the first bad event, if there is one.
    begun_after: Option<i64>,
    /// End of the sixtieth of the first success after the last bad event, if there is one.
    ended_before: Option<i64>,
}

/// Sixtieths of a slot.
const PARTS: i64 = 60;

impl Bounds {
    /// Finds the bounds of the runs of a service within one outage.
    ///
    /// They come from the events of the service and region alone; of successes also from slots and
    /// days around that are not failing.
    pub fn of(service: &Scope, run: &Run, days: &[MeasuredDay<'_>]) -> Self {
        let first = days.partition_point(|day| day.edition.day.end_us() <= run.start_us);
        let behind = days.partition_point(|day| day.edition.day.start_us() < run.end_us);
        let own = days.get(first..behind).unwrap_or_default().iter();
        let bad: Vec<[i64; 2]> = own
            .flat_map(|day| parts(day.edition, service, |line| line.bad))
            .filter(|part| run.start_us <= part[0] && part[0] < run.end_us)
            .collect();
        let Some((from, to)) = bad.first().zip(bad.last()) else { return Self::default() };
        let good = |day: &MeasuredDay<'_>| parts(day.edition, service, |line| line.good);
        let before = days.get(..behind).unwrap_or_default().iter().rev();
        let after = days.get(first..).unwrap_or_default().iter();
        Self {
            least: Some([from[1], to[0]]),
            begun_after: before
                .flat_map(|day| good(day).into_iter().rev())
                .find(|part| part[0] < from[0])
                .map(|part| part[0]),
            ended_before: after.flat_map(good).find(|part| part[0] > to[0]).map(|part| part[1]),
        }
    }

    /// Takes the earliest beginnings and the latest ends of the parts of an outage.
    pub fn join(&mut self, other: &Self) {
        let Some([from, to]) = other.least else { return };
        *self = match self.least {
            None => *other,
            Some(mine) => Self {
                least: Some([mine[0].min(from), mine[1].max(to)]),
                begun_after: self.begun_after.zip(other.begun_after).map(|(a, b)| a.min(b)),
                ended_before: self.ended_before.zip(other.ended_before).map(|(a, b)| a.max(b)),
            },
        };
    }

    /// Returns the seconds from the first to the last bad event, rounded down.
    pub fn at_least_seconds(&self) -> Option<i64> {
        self.least.map(|[from, to]| (to - from).max(0) / SECOND_US)
    }

    /// Returns the seconds from the last success before to the first one after, rounded up.
    pub fn at_most_seconds(&self) -> Option<i64> {
        let (from, to) = self.begun_after.zip(self.ended_before)?;
        Some((to - from + SECOND_US - 1) / SECOND_US)
    }

    /// Returns whether a success follows the last bad event.
    pub const fn has_ended(&self) -> bool {
        self.ended_before.is_some()
    }
}

/// Returns the sixtieths of a day in which events of a service began, with their ends.
fn parts(day: &Outline, service: &Scope, set: impl Fn(&InstantLine) -> u64) -> Vec<[i64; 2]> {
    let length = day.slot_length.us();
    let ours = day.instants.iter().filter(|line| service.holds(&line.service, &line.region));
    let mut found: Vec<[i64; 2]> = Vec::new();
    for line in ours {
        let start_us = day.day.start_us() + i64::from(line.slot) * length;
        let set = set(line);
        let parts = (0..PARTS).filter(|part| set >> part & 1 == 1);
        found.extend(parts.map(|part| [part, part + 1].map(|at| start_us + at * length / PARTS)));
    }
    // Lines of several regions stand side by side.
    found.sort_unstable();
    found.dedup();
    found
}
