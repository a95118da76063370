//! Plan: decides which rows apply, in the order in which runs first saw them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use polars::prelude::PolarsResult;

use super::override_row::Override;
use super::refusal::{Conflict, Refusal};
use super::select::Movable;
use super::window::{RowTiming, Windows};
use crate::day::Day;
use crate::policy::{Direction, Postings};

/// A row as the ledger stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filed {
    pub row: Override,
    /// The instant at which a run first saw the row.
    pub first_seen_us: i64,
    /// True if it was applied before: then it is not judged again.
    pub was_applied: bool,
    /// True if two persons agree that it may move something although it came after its window.
    pub is_agreed: bool,
}

impl Filed {
    /// Makes a row that was never applied.
    pub const fn new(row: Override, first_seen_us: i64) -> Self {
        Self { row, first_seen_us, was_applied: false, is_agreed: false }
    }
}

/// A day with its original postings.
#[derive(Debug, Clone, Copy)]
pub struct Touched<'a> {
    pub day: Day,
    pub postings: &'a Postings,
    /// Rows that are permanently applied to a sealed day or next to it; `None` if the day is open.
    pub sealed: Option<&'a [Override]>,
}

/// A row with its decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    pub row: Override,
    pub first_seen_us: i64,
    pub verdict: Decision,
    /// Events that it moves, over all days with books; 0 unless it is applied.
    pub events: i64,
}

/// The decision about a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    Applied,
    /// It was applied before, and no longer finds anything to move.
    Settled,
    /// It selects nothing yet, and some of its days have no books yet.
    Waiting,
    /// It came after its window, in time that a run gave the day: two persons must agree.
    Asks,
    Refused(Refusal),
}

/// Decides every row; the result is in the order of `filed`, and does not depend on that order.
///
/// Rows of sealed days come first and stay as they are, then those that were applied before: a
/// posting that fits several belongs to the one seen first. Any other row is judged in the order in
/// which they were first seen, then by id; one whose counts an earlier row moves is refused whole.
pub fn plan(filed: &[Filed], touched: &[Touched<'_>], windows: &Windows) -> PolarsResult<Vec<Decided>> {
    Ok(plan_with_gone(filed, &[], touched, windows)?.0)
}

/// Decides every row as [`plan`] does, and counts what rows that are gone no longer move.
///
/// The second result is parallel to `gone`: events of open days that the row would move and that no
/// row with its id moves now.
///
/// # Errors
/// The postings lack a column.
pub fn plan_with_gone(
    filed: &[Filed],
    gone: &[Override],
    touched: &[Touched<'_>],
    windows: &Windows,
) -> PolarsResult<(Vec<Decided>, Vec<i64>)> {
    let mut books = Claims::open(touched)?;
    let mut order: Vec<usize> = (0..filed.len()).collect();
    order.sort_by_cached_key(|at| {
        let filed = &filed[*at];
        let is_settled = (Reverse(books.is_frozen(&filed.row)), Reverse(filed.was_applied));
        (is_settled, filed.first_seen_us, &filed.row)
    });
    let mut judged: Vec<Option<(Decision, i64)>> = vec![None; filed.len()];
    for at in order {
        judged[at] = Some(books.judge(&filed[at], windows));
    }
    let decided = (filed.iter().zip(judged))
        .map(|(filed, judged)| {
            let (verdict, events) = judged.unwrap_or((Decision::Waiting, 0));
            Decided { row: filed.row.clone(), first_seen_us: filed.first_seen_us, verdict, events }
        })
        .collect();
    Ok((decided, gone.iter().map(|row| books.given_up(row)).collect()))
}

/// The days with books, and the rows that hold postings of them.
struct Claims<'a> {
    days: BTreeMap<Day, DayClaims<'a>>,
    /// Rows that hold postings.
    taken: Vec<Override>,
    /// Rows of sealed days, by id: a row is looked for in all of them.
    frozen: BTreeMap<&'a str, Vec<&'a Override>>,
}

struct DayClaims<'a> {
    movable: Movable<'a>,
    sealed: Option<&'a [Override]>,
}

impl<'a> Claims<'a> {
    /// Opens the days, and gives the rows of sealed days the counts that they moved.
    fn open(touched: &[Touched<'a>]) -> PolarsResult<Self> {
        let mut books = Self { days: BTreeMap::new(), taken: Vec::new(), frozen: BTreeMap::new() };
        for Touched { day, postings, sealed } in touched {
            let mut movable = Movable::new(postings)?;
            for row in sealed.unwrap_or_default() {
                books.frozen.entry(&row.id).or_default().push(row);
                let mut lines = movable.selected(row);
                lines.retain(|at| movable.holder(*at).is_none());
                movable.take(&lines, books.taken.len());
                books.taken.push(row.clone());
            }
            books.days.insert(*day, DayClaims { movable, sealed: *sealed });
        }
        Ok(books)
    }

    fn is_frozen(&self, row: &Override) -> bool {
        self.frozen.get(row.id.as_str()).is_some_and(|rows| rows.iter().any(|known| known.is_same_row(row)))
    }

    fn judge(&mut self, filed: &Filed, windows: &Windows) -> (Decision, i64) {
        let Filed { row, first_seen_us, was_applied, is_agreed } = filed;
        if self.is_frozen(row) {
            return (Decision::Applied, self.take(row));
        }
        if *was_applied {
            return match self.take(row) {
                0 => (Decision::Settled, 0),
                events => (Decision::Applied, events),
            };
        }
        let late = match windows.timing(row, *first_seen_us) {
            RowTiming::InTime => None,
            RowTiming::OnlyLate => self.not_late(row, *first_seen_us, windows),
            // A sealed day takes nothing, whoever agrees.
            RowTiming::Asks if *is_agreed || self.sealed(row).is_some() => None,
            RowTiming::Asks => return (Decision::Asks, 0),
            RowTiming::Refused(refusal) => Some(refusal),
        };
        if let Some(refusal) = late.or_else(|| self.sealed(row)).or_else(|| self.meets(row)) {
            return (Decision::Refused(refusal), 0);
        }
        match self.take(row) {
            0 if row.days().all(|day| self.days.contains_key(&day)) => {
                (Decision::Refused(Refusal::NoEffect), 0)
            }
            0 => (Decision::Waiting, 0),
            events => (Decision::Applied, events),
        }
    }

    /// Counts the events of open days that a row would move and no row with its id moves.
    fn given_up(&self, row: &Override) -> i64 {
        let of_day = |page: &DayClaims<'_>| -> i64 {
            let is_given_up =
                |at: &usize| page.movable.holder(*at).is_none_or(|holder| self.taken[holder].id != row.id);
            let selected = page.movable.selected(row).into_iter().filter(is_given_up);
            selected.map(|at| page.movable.line(at).events).sum()
        };
        let pages = row.days().filter_map(|day| self.days.get(&day));
        pages.filter(|page| page.sealed.is_none()).map(of_day).sum()
    }

    /// Refuses a row after its window that selects anything but evidence that came late.
    fn not_late(&self, row: &Override, first_seen_us: i64, windows: &Windows) -> Option<Refusal> {
        let day = row.first_day()?;
        let is_other = |page_of: &Day, page: &DayClaims<'_>| {
            let selected = page.movable.selected(row).into_iter();
            selected
                .filter(|at| page.movable.holder(*at).is_none())
                .any(|at| !windows.is_late(*page_of, &page.movable.key(at), first_seen_us))
        };
        let has_other = row.days().any(|of| self.days.get(&of).is_some_and(|page| is_other(&of, page)));
        let closes_us = windows.closes_us(row.direction, day);
        has_other.then_some(Refusal::NotLate { closes_us, first_seen_us })
    }

    /// Refuses a row that would improve a sealed day: later discoveries can only make it worse.
    fn sealed(&self, row: &Override) -> Option<Refusal> {
        let is_sealed = |day: &Day| self.days.get(day).is_some_and(|page| page.sealed.is_some());
        let day = row.days().find(is_sealed).filter(|_| row.direction == Direction::ToUptime)?;
        Some(Refusal::Sealed { day })
    }

    /// Finds the first row that moves some of the same counts: the other direction before the same.
    fn meets(&self, row: &Override) -> Option<Refusal> {
        let contradicted = self.first_met(row, |page| {
            // The other row moved its counts to its target account; if this row names an account,
            // it means that one.
            let means = |at: &usize| {
                let holder = page.movable.holder(*at).map(|holder| &self.taken[holder]);
                holder.is_some_and(|other| {
                    other.direction != row.direction
                        && other.target().is_some_and(|account| row.takes_account(account))
                })
            };
            page.movable.described(row).filter(means).collect()
        });
        if let Some(met) = contradicted {
            return Some(Refusal::Contradicts(met));
        }
        self.first_met(row, |page| page.movable.selected(row)).map(Refusal::Overlaps)
    }

    /// Finds the first held posting: its holder, its day, and how many events it holds there.
    fn first_met(&self, row: &Override, postings: impl Fn(&DayClaims<'a>) -> Vec<usize>) -> Option<Conflict> {
        row.days().find_map(|day| {
            let page = self.days.get(&day)?;
            let met = postings(page);
            let first = met.iter().find_map(|at| page.movable.holder(*at))?;
            let of_first = met.iter().filter(|at| page.movable.holder(**at) == Some(first));
            let events = of_first.map(|at| page.movable.line(*at).events).sum();
            let other = &self.taken[first];
            let is_final = page.sealed.is_some();
            Some(Conflict { other: other.id.clone(), day, events, is_final })
        })
    }

    /// Gives the row all selected postings that no other row holds, and returns its events.
    ///
    /// Postings of a sealed day do not become uptime.
    fn take(&mut self, row: &Override) -> i64 {
        let holder = self.taken.len();
        let mut events = 0;
        for day in row.days() {
            let Some(page) = self.days.get_mut(&day) else { continue };
            let mut lines = page.movable.selected(row);
            let may_take = page.sealed.is_none() || row.direction == Direction::ToDowntime;
            let is_free_or_mine = |at: &usize| match page.movable.holder(*at) {
                None => may_take,
                Some(other) => self.taken[other].is_same_row(row),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::day::SlotLength;
    use crate::overrides::Code;
    use crate::overrides::override_row::tests::{row, us};
    use crate::overrides::select::tests::{day, event, postings};
    use crate::policy::Account;

    const MORNING: &str = "2026-11-22T03:00:00Z";

    /// From 10:00 to 10:09 the platform fails (2), from 10:10 to 10:19 it rejects callers (190).
    fn hour(date: &str) -> Postings {
        let failed = (600..610).map(|slot| event(slot, Account::BadPlatformError, Some(2)));
        let turned_away = (610..620).map(|slot| event(slot, Account::UserCaller, Some(190)));
        postings(day(date), SlotLength::Minute, &failed.chain(turned_away).collect::<Vec<_>>())
    }

    fn up(id: &str) -> Override {
        row(id, Direction::ToUptime)
    }

    fn down(id: &str) -> Override {
        Override { account: None, error_code: Some(Code::Number(190)), ..row(id, Direction::ToDowntime) }
    }

    /// The row, from minute `from` of the hour up to, and without, minute `to`.
    fn at(row: Override, from: u32, to: u32) -> Override {
        let minute = |minute: u32| us(&format!("2026-11-20T10:{minute:02}:00Z"));
        Override {
            start_us: minute(from),
            end_us: minute(to),
            created_at_us: us("2026-11-20T12:00:00Z"),
            ..row
        }
    }

    fn seen(row: &Override, first_seen: &str) -> Filed {
        Filed::new(row.clone(), us(first_seen))
    }

    fn word(judged: &Decided) -> &'static str {
        match &judged.verdict {
            Decision::Applied => "applied",
            Decision::Waiting => "waiting",
            Decision::Settled => "settled",
            Decision::Asks => "asks",
            Decision::Refused(refusal) => refusal.name(),
        }
    }

    /// Words and counts, in the order of the rows.
    fn judged(filed: &[Filed], days: &[(&str, Option<&[Override]>)]) -> Vec<(&'static str, i64)> {
        let books: Vec<Postings> = days.iter().map(|(date, _)| hour(date)).collect();
        let touched: Vec<Touched<'_>> = (days.iter().zip(&books))
            .map(|((date, sealed), postings)| Touched { day: day(date), postings, sealed: *sealed })
            .collect();
        let judged = plan(filed, &touched, &Windows::default()).unwrap();
        judged.iter().map(|judged| (word(judged), judged.events)).collect()
    }

    /// The same on the one open day, for rows that one run sees together.
    fn together(rows: &[&Override]) -> Vec<(&'static str, i64)> {
        let filed: Vec<Filed> = rows.iter().map(|row| seen(row, MORNING)).collect();
        judged(&filed, &[("2026-11-20", None)])
    }

    #[test]
    fn the_windows_are_kept_to_the_second() {
        // The week after 2026-11-20 ends with 2026-11-28T00:00:00Z, its month is final at
        // 2026-12-14T00:00:00Z; runs may see a row a day later.
        for (row, created_at, first_seen, word) in [
            (up("a"), "2026-11-27T23:59:59Z", "2026-11-28T03:00:00Z", "applied"),
            (up("a"), "2026-11-28T00:00:00Z", "2026-11-28T03:00:00Z", "applied"),
            (up("a"), "2026-11-28T00:00:01Z", "2026-11-28T03:00:00Z", "late"),
            (up("a"), "2026-11-27T09:00:00Z", "2026-11-29T00:00:00Z", "applied"),
            (up("a"), "2026-11-27T09:00:00Z", "2026-11-29T00:00:01Z", "back-dated"),
            (up("a"), "2026-11-27T09:00:00Z", "2026-11-27T08:59:59Z", "future"),
            (down("a"), "2026-11-28T00:00:01Z", "2026-11-28T03:00:00Z", "applied"),
            (down("a"), "2026-12-13T23:59:59Z", "2026-12-14T03:00:00Z", "applied"),
            (down("a"), "2026-12-14T00:00:00Z", "2026-12-15T00:00:00Z", "applied"),
            (down("a"), "2026-12-14T00:00:01Z", "2026-12-14T03:00:00Z", "late"),
            (down("a"), "2026-12-13T09:00:00Z", "2026-12-15T00:00:01Z", "back-dated"),
        ] {
            let row = Override { created_at_us: us(created_at), ..row };
            let found = judged(&[seen(&row, first_seen)], &[("2026-11-20", None)]);
            let events = if word == "applied" { 100 } else { 0 };
            assert_eq!(found, [(word, events)], "{created_at} {first_seen}");
        }
    }

    #[test]
    fn an_edited_row_is_judged_as_one_that_was_never_seen() {
        let edited = Override { note: "as agreed".to_owned(), ..up("a") };
        let late = "2026-11-29T00:00:01Z";
        assert_eq!(judged(&[seen(&up("a"), MORNING)], &[("2026-11-20", None)]), [("applied", 100)]);
        assert_eq!(judged(&[seen(&edited, late)], &[("2026-11-20", None)]), [("back-dated", 0)]);
    }

    #[test]
    fn what_was_seen_first_goes_first_then_the_smaller_id() {
        let (a, b) = (at(up("a"), 0, 6), at(up("b"), 5, 10));
        assert_eq!(together(&[&a, &b]), [("applied", 60), ("overlaps", 0)]);
        assert_eq!(together(&[&b, &a]), [("overlaps", 0), ("applied", 60)]);
        let later = [seen(&a, "2026-11-23T03:00:00Z"), seen(&b, MORNING)];
        assert_eq!(judged(&later, &[("2026-11-20", None)]), [("overlaps", 0), ("applied", 50)]);
    }

    #[test]
    fn a_refused_row_holds_nothing() {
        let (a, b, c) = (at(up("a"), 0, 3), at(up("b"), 2, 8), at(up("c"), 3, 10));
        assert_eq!(together(&[&a, &b, &c]), [("applied", 30), ("overlaps", 0), ("applied", 70)]);
        let gone = [("applied", 60), ("overlaps", 0)];
        assert_eq!(together(&[&b, &c]), gone, "without `a`, `b` comes first");
    }

    #[test]
    fn two_rows_of_two_directions_cannot_mean_the_same_counts() {
        let turned_away = Override { error_code: Some(Code::Number(190)), ..up("b") };
        assert_eq!(together(&[&down("a"), &turned_away]), [("applied", 100), ("contradicts", 0)]);
        // Row `b` finds in user:caller what `a` gave to it; it may still take what was there
        // before.
        let all_users = Override { account: Some("user:*".to_owned()), error_code: None, ..down("b") };
        assert_eq!(together(&[&up("a"), &all_users]), [("applied", 100), ("contradicts", 0)]);
        let throttled = Override { account: Some("user:throttled".to_owned()), ..all_users.clone() };
        assert_eq!(together(&[&up("a"), &throttled]), [("applied", 100), ("no-effect", 0)]);
        let away = at(all_users, 10, 20);
        assert_eq!(together(&[&up("a"), &away]), [("applied", 100), ("applied", 100)]);
        // If it meets both, the conflict with the other direction is reported.
        let three =
            [&at(up("a"), 0, 5), &down("b"), &Override { business_id: Some("c-1".to_owned()), ..up("c") }];
        assert_eq!(together(&three), [("applied", 50), ("applied", 100), ("contradicts", 0)]);
    }

    #[test]
    fn a_row_waits_for_days_without_books_and_not_for_others() {
        let long = Override {
            end_us: us("2026-11-21T11:00:00Z"),
            created_at_us: us("2026-11-21T12:00:00Z"),
            ..up("a")
        };
        let filed = [seen(&long, "2026-11-22T03:00:00Z")];
        assert_eq!(judged(&filed, &[]), [("waiting", 0)]);
        // The known day applies already.
        assert_eq!(judged(&filed, &[("2026-11-20", None)]), [("applied", 100)]);
        assert_eq!(judged(&filed, &[("2026-11-20", None), ("2026-11-21", None)]), [("applied", 200)]);
        let nothing = Override { error_code: Some(Code::None), ..long };
        let filed = [seen(&nothing, "2026-11-22T03:00:00Z")];
        assert_eq!(judged(&filed, &[("2026-11-20", None)]), [("waiting", 0)]);
        assert_eq!(judged(&filed, &[("2026-11-20", None), ("2026-11-21", None)]), [("no-effect", 0)]);
    }

    #[test]
    fn a_sealed_day_may_turn_out_worse_but_not_better() {
        let sealed: &[Override] = &[at(up("a"), 0, 5)];
        let days = [("2026-11-20", Some(sealed))];
        let rest = at(up("b"), 5, 10);
        assert_eq!(judged(&[seen(&rest, MORNING)], &days), [("sealed", 0)]);
        assert_eq!(judged(&[seen(&down("b"), MORNING)], &days), [("applied", 100)]);
        let same = Override { error_code: Some(Code::Number(2)), ..down("b") };
        assert_eq!(judged(&[seen(&same, MORNING)], &days), [("contradicts", 0)]);
        // A row of the seal stays and goes first, however late it is now and whoever was seen
        // before it.
        let late = [seen(&same, MORNING), seen(&sealed[0], "2027-01-01T00:00:00Z")];
        assert_eq!(judged(&late, &days), [("contradicts", 0), ("applied", 50)]);
        let postings = hour("2026-11-20");
        let touched = [Touched { day: day("2026-11-20"), postings: &postings, sealed: Some(sealed) }];
        let told = plan(&late, &touched, &Windows::default()).unwrap();
        let Decision::Refused(refusal) = &told[0].verdict else { unreachable!() };
        assert!(refusal.remedy().contains("the other row stays"), "{refusal}");
    }

    #[test]
    fn of_two_new_rows_on_a_sealed_day_the_first_one_stays_at_once() {
        let postings = hour("2026-11-20");
        let touched = [Touched { day: day("2026-11-20"), postings: &postings, sealed: Some(&[]) }];
        let told =
            plan(&[seen(&down("a"), MORNING), seen(&down("b"), MORNING)], &touched, &Windows::default());
        let told = told.unwrap();
        let refused = told.iter().find_map(|decided| match &decided.verdict {
            Decision::Refused(refusal) => Some(refusal),
            _ => None,
        });
        assert!(refused.unwrap().remedy().contains("the other row stays"), "{refused:?}");
    }

    #[test]
    fn a_row_over_a_sealed_and_an_open_day_is_taken_whole_or_not_at_all() {
        let over = |row: Override| Override {
            end_us: us("2026-11-21T11:00:00Z"),
            created_at_us: us("2026-11-21T12:00:00Z"),
            ..row
        };
        let at = "2026-11-22T03:00:00Z";
        let word = |row: Override, sealed: &[Override]| {
            judged(&[seen(&over(row), at)], &[("2026-11-20", Some(sealed)), ("2026-11-21", None)])[0]
        };
        assert_eq!(word(up("a"), &[]), ("sealed", 0));
        assert_eq!(word(down("a"), &[]), ("applied", 200));
        // The row was applied to both days before the first was sealed.
        assert_eq!(word(up("a"), &[over(up("a"))]), ("applied", 200));
    }
}
