//! A timeline: one scope over all days of a window, in order, with holes where there is no edition.

use super::runs::{Run, Tick, counted_seconds};
use super::{Reading, coverage};
use crate::day::{DAY_US, Day, SECOND_US};
use crate::ledger::Edition;
use crate::slots::{Book, Scope, State, Tally};

pub(super) struct Timeline<'a> {
    scope: &'a Scope,
    /// Every day from the first edition to the last.
    days: Vec<(Day, Option<&'a Edition>)>,
}

/// One published day of one scope.
pub(super) struct DayReading<'a> {
    pub edition: &'a Edition,
    pub gross: Reading,
    pub net: Reading,
    pub coverage: coverage::Coverage,
}

impl<'a> Timeline<'a> {
    pub fn new(editions: &'a [Edition], scope: &'a Scope) -> Self {
        let mut days: Vec<(Day, Option<&Edition>)> = Vec::new();
        for edition in editions {
            while let Some((last, _)) = days.last().filter(|(last, _)| last.plus(1) < edition.day) {
                days.push((last.plus(1), None));
            }
            days.push((edition.day, Some(edition)));
        }
        Self { scope, days }
    }

    /// The slots of the whole window. A day that does not know the scope is one long unobserved tick.
    pub fn ticks(&self, book: Book) -> impl Iterator<Item = Tick> {
        self.days.iter().flat_map(move |(day, edition)| {
            let tallies = edition.map(|e| tallies(e, self.scope, book)).unwrap_or_default();
            let seconds = edition.map_or(1, |e| i64::from(e.slot_length().seconds()));
            let is_blank = tallies.is_empty();
            let whole =
                Tick { start_us: day.start_us(), seconds: DAY_US / SECOND_US, state: State::Unobserved };
            day_ticks(*day, seconds, tallies).chain(is_blank.then_some(whole))
        })
    }

    /// What each published day that knows the scope comes to, by its own definition. `runs` are gross and net.
    pub fn readings(&self, runs: &[Vec<Run>; 2]) -> Vec<DayReading<'a>> {
        let known = self.days.iter().filter_map(|(_, edition)| *edition);
        known
            .filter(|e| e.slots.position(self.scope).is_some())
            .map(|edition| {
                let [gross, net] = [Book::Gross, Book::Net]
                    .map(|book| reading(edition, tallies(edition, self.scope, book), &runs[book as usize]));
                let coverage = coverage::of_day(edition, self.scope);
                DayReading { edition, gross, net, coverage }
            })
            .collect()
    }
}

fn tallies<'a>(edition: &'a Edition, scope: &Scope, book: Book) -> &'a [Tally] {
    edition.slots.position(scope).map(|at| edition.slots.book(at, book)).unwrap_or_default()
}

fn day_ticks(day: Day, seconds: i64, tallies: &[Tally]) -> impl Iterator<Item = Tick> {
    let start = move |at: usize| day.start_us() + at as i64 * seconds * SECOND_US;
    tallies.iter().enumerate().map(move |(at, t)| Tick { start_us: start(at), seconds, state: t.state })
}

fn reading(edition: &Edition, tallies: &[Tally], runs: &[Run]) -> Reading {
    let seconds = i64::from(edition.slot_length().seconds());
    let mut reading = Reading::default();
    for tally in tallies {
        reading.add(tally, seconds);
    }
    let end = edition.day.end_us();
    let from = runs.partition_point(|run| run.end_us <= edition.day.start_us());
    let to = runs.partition_point(|run| run.start_us < end);
    let here = runs.get(from..to).unwrap_or_default();
    let is_long = |run: &&Run| run.down_seconds >= i64::from(edition.definition.min_run_seconds);
    let counted: Vec<Run> = here.iter().filter(is_long).cloned().collect();
    reading.counted_seconds = counted_seconds(day_ticks(edition.day, seconds, tallies), &counted);
    reading.slots_counted = reading.counted_seconds / seconds;
    reading
}
