//! The plan: which rows apply. Rows are judged in the order in which runs first saw them, each against those before it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use polars::prelude::PolarsResult;

use super::refusal::Refusal;
use super::row::Row;
use super::select::Movable;
use super::window::out_of_time;
use crate::config::Overrides;
use crate::day::Day;
use crate::policy::{Direction, Postings};

/// A row as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filed {
    pub row: Row,
    /// When a run first saw exactly this content.
    pub first_seen_us: i64,
}

/// A day with its original postings.
#[derive(Debug, Clone, Copy)]
pub struct Touched<'a> {
    pub day: Day,
    pub postings: &'a Postings,
    /// The rows that are applied in its sealed edition; `None` when the day is open.
    pub sealed: Option<&'a [Row]>,
}

/// A row with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    pub row: Row,
    pub first_seen_us: i64,
    pub verdict: Verdict,
    /// Events that it moves, over all days that are known; 0 unless it is applied.
    pub events: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Applied,
    /// It selects nothing yet, and some of its days have no books yet.
    Waiting,
    Refused(Refusal),
}

/// Judges every row; the result stands in the order of `filed`, and does not depend on it.
///
/// The rows of sealed editions stay as they are and come first. Of the others a row that was seen earlier goes before one
/// that was seen later, then by id. A row that meets counts which a row before it moves is refused as a whole.
pub fn plan(filed: &[Filed], touched: &[Touched<'_>], review: &Overrides) -> PolarsResult<Vec<Judged>> {
    let mut books = Books::open(touched)?;
    let mut order: Vec<usize> = (0..filed.len()).collect();
    order.sort_by_key(|at| {
        let filed = &filed[*at];
        (Reverse(books.is_frozen(&filed.row)), filed.first_seen_us, &filed.row)
    });
    let mut judged: Vec<Option<(Verdict, i64)>> = vec![None; filed.len()];
    for at in order {
        let Filed { row, first_seen_us } = &filed[at];
        judged[at] = Some(books.judge(row, *first_seen_us, review));
    }
    Ok((filed.iter().zip(judged))
        .map(|(filed, judged)| {
            let (verdict, events) = judged.unwrap_or((Verdict::Waiting, 0));
            Judged { row: filed.row.clone(), first_seen_us: filed.first_seen_us, verdict, events }
        })
        .collect())
}

/// The days that are known, with the rows that were taken so far.
struct Books<'a> {
    days: BTreeMap<Day, Page<'a>>,
    /// Rows that hold postings.
    taken: Vec<Row>,
}

struct Page<'a> {
    movable: Movable<'a>,
    sealed: Option<&'a [Row]>,
}

impl<'a> Books<'a> {
    /// Opens the books, with what sealed editions have moved.
    fn open(touched: &[Touched<'a>]) -> PolarsResult<Self> {
        let mut books = Self { days: BTreeMap::new(), taken: Vec::new() };
        for Touched { day, postings, sealed } in touched {
            let mut movable = Movable::new(postings)?;
            for row in sealed.unwrap_or_default() {
                let mut lines = movable.selected(row);
                lines.retain(|at| movable.holder(*at).is_none());
                movable.take(&lines, books.taken.len());
                books.taken.push(row.clone());
            }
            books.days.insert(*day, Page { movable, sealed: *sealed });
        }
        Ok(books)
    }

    fn is_frozen(&self, row: &Row) -> bool {
        self.days.values().any(|page| page.sealed.is_some_and(|rows| rows.contains(row)))
    }

    fn judge(&mut self, row: &Row, first_seen_us: i64, review: &Overrides) -> (Verdict, i64) {
        if self.is_frozen(row) {
            return (Verdict::Applied, self.take(row));
        }
        if let Some(refusal) =
            out_of_time(row, first_seen_us, review).or_else(|| self.sealed(row)).or_else(|| self.meets(row))
        {
            return (Verdict::Refused(refusal), 0);
        }
        match self.take(row) {
            0 if row.days().all(|day| self.days.contains_key(&day)) => {
                (Verdict::Refused(Refusal::NoEffect), 0)
            }
            0 => (Verdict::Waiting, 0),
            events => (Verdict::Applied, events),
        }
    }

    /// A sealed day may still turn out worse than it looked, never better.
    fn sealed(&self, row: &Row) -> Option<Refusal> {
        let is_sealed = |day: &Day| self.days.get(day).is_some_and(|page| page.sealed.is_some());
        let day = row.days().find(is_sealed).filter(|_| row.direction == Direction::ToUptime)?;
        Some(Refusal::Sealed { day })
    }

    /// The first row that moves some of the same counts: one of the other direction before one of the same.
    fn meets(&self, row: &Row) -> Option<Refusal> {
        let contradicted = self.first_met(row, |page| {
            // What the other row moved stands in its target account now. Where this row names an account, it means that one.
            let means = |at: &usize| {
                let holder = page.movable.holder(*at).map(|holder| &self.taken[holder]);
                holder.is_some_and(|other| {
                    other.direction != row.direction
                        && other.target().is_some_and(|account| row.takes_account(account))
                })
            };
            page.movable.described(row).filter(means).collect()
        });
        if let Some((other, day, events)) = contradicted {
            return Some(Refusal::Contradicts { other, day, events });
        }
        let (other, day, events) = self.first_met(row, |page| page.movable.selected(row))?;
        Some(Refusal::Overlaps { other, day, events })
    }

    /// Of postings that are held already: the holder of the first one, its day, and how many events it holds there.
    fn first_met(&self, row: &Row, postings: impl Fn(&Page<'a>) -> Vec<usize>) -> Option<(String, Day, i64)> {
        row.days().find_map(|day| {
            let page = self.days.get(&day)?;
            let met = postings(page);
            let first = met.iter().find_map(|at| page.movable.holder(*at))?;
            let of_first = met.iter().filter(|at| page.movable.holder(**at) == Some(first));
            let events = of_first.map(|at| page.movable.line(*at).events).sum();
            Some((self.taken[first].id.clone(), day, events))
        })
    }

    /// Gives the row all that it selects and nobody holds, beside what it holds already; what is sealed does not become uptime.
    /// Tells how many events it holds then.
    fn take(&mut self, row: &Row) -> i64 {
        let holder = self.taken.len();
        let mut events = 0;
        for day in row.days() {
            let Some(page) = self.days.get_mut(&day) else { continue };
            let mut lines = page.movable.selected(row);
            let may_take = page.sealed.is_none() || row.direction == Direction::ToDowntime;
            let is_free_or_mine = |at: &usize| match page.movable.holder(*at) {
                None => may_take,
                Some(other) => self.taken[other] == *row,
            };
            lines.retain(is_free_or_mine);
            events += lines.iter().map(|at| page.movable.line(*at).events).sum::<i64>();
            page.movable.take(&lines, holder);
        }
        if events > 0 {
            self.taken.push(row.clone());
        }
        events
    }
}
