//! Timeline: one scope over all days of a window, in order, with holes where there is no edition.

use super::runs::{Run, Tick, counted_seconds};
use super::{PeriodSums, coverage};
use crate::day::{DAY_US, Day, SECOND_US};
use crate::ledger::{Outline, ScopeOutline};
use crate::slots::{Scope, Side, State};

/// One scope over a window of days.
pub(super) struct Timeline<'a> {
    scope: &'a Scope,
    /// Every day from the first edition to the last.
    days: Vec<(Day, Option<&'a Outline>)>,
}

/// One published day of one scope.
pub(super) struct DayReading<'a> {
    pub edition: &'a Outline,
    pub gross: PeriodSums,
    pub net: PeriodSums,
    pub coverage: coverage::Coverage,
}

impl<'a> Timeline<'a> {
    pub fn new(editions: &'a [Outline], scope: &'a Scope) -> Self {
        let mut days: Vec<(Day, Option<&Outline>)> = Vec::new();
        for edition in editions {
            while let Some((last, _)) = days.last().filter(|(last, _)| last.plus(1) < edition.day) {
                days.push((last.plus(1), None));
            }
            days.push((edition.day, Some(edition)));
        }
        Self { scope, days }
    }

    /// Returns the slots of the whole window.
    ///
    /// A day that does not know the scope is one long unobserved tick. A day without a down slot is
    /// one tick as well, because runs need no more: unobserved if all of it is, else up.
    pub fn ticks(&self, book: Side) -> impl Iterator<Item = Tick> {
        self.days.iter().flat_map(move |(day, edition)| {
            let line = edition.and_then(|e| e.scope(self.scope));
            let down = line.filter(|line| line.slots(book, State::Down) > 0);
            let states = down.map(|line| line.states(book)).unwrap_or_default();
            let seconds = edition.map_or(1, |e| i64::from(e.slot_length.seconds()));
            let is_seen =
                line.is_some_and(|line| line.slots(book, State::Unobserved) < line.states(book).len() as i64);
            let state = if is_seen { State::Up } else { State::Unobserved };
            let whole = Tick { start_us: day.start_us(), seconds: DAY_US / SECOND_US, state };
            day_ticks(*day, seconds, states).chain(states.is_empty().then_some(whole))
        })
    }

    /// Returns the sums of each published day that knows the scope, by the day's own definition.
    ///
    /// `runs` are gross and net.
    pub fn readings(&self, runs: &[Vec<Run>; 2]) -> Vec<DayReading<'a>> {
        let known = self.days.iter().filter_map(|(_, edition)| *edition);
        known
            .filter_map(|edition| {
                let line = edition.scope(self.scope)?;
                let [gross, net] = Side::ALL.map(|book| reading(edition, line, book, &runs[book as usize]));
                let coverage = coverage::of_day(edition, self.scope);
                Some(DayReading { edition, gross, net, coverage })
            })
            .collect()
    }
}

fn day_ticks(day: Day, seconds: i64, states: &[State]) -> impl Iterator<Item = Tick> {
    let start = move |at: usize| day.start_us() + at as i64 * seconds * SECOND_US;
    states.iter().enumerate().map(move |(at, state)| Tick { start_us: start(at), seconds, state: *state })
}

fn reading(edition: &Outline, line: &ScopeOutline, book: Side, runs: &[Run]) -> PeriodSums {
    let seconds = i64::from(edition.slot_length.seconds());
    let states = line.states(book);
    let mut reading = PeriodSums::of_day(line, book, seconds);
    if reading.slots_down == 0 {
        return reading;
    }
    let end = edition.day.end_us();
    let from = runs.partition_point(|run| run.end_us <= edition.day.start_us());
    let to = runs.partition_point(|run| run.start_us < end);
    let here = runs.get(from..to).unwrap_or_default();
    let is_long = |run: &&Run| run.down_seconds >= i64::from(edition.definition.min_run_seconds);
    let counted: Vec<Run> = here.iter().filter(is_long).cloned().collect();
    reading.counted_seconds = counted_seconds(day_ticks(edition.day, seconds, states), &counted);
    reading.slots_counted = reading.counted_seconds / seconds;
    reading
}
