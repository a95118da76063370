//! Windows: the instants up to which a row may be written, and up to which a run must have seen it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::override_row::Override;
use super::refusal::Refusal;
use super::select::PostingKey;
use crate::config::ReviewHistory;
use crate::day::{DAY_US, Day, Month, SECOND_US};
use crate::policy::Direction;

const HOUR_US: i64 = 3_600 * SECOND_US;
/// Hours that a run gives an open day from its wall clock, in addition to `grace_hours`.
const MORE_HOURS: i64 = 48;

/// What decides whether a row is in time.
#[derive(Debug, Clone, Default)]
pub struct Windows {
    pub review: ReviewHistory,
    /// The wall clock, in microseconds since 1970.
    pub now_us: i64,
    /// Months of which a published day can still change; they are not final.
    pub open_months: BTreeSet<Month>,
    /// More time than the window and its grace, of open days.
    pub more: BTreeMap<Day, MoreTime>,
}

/// Why an open day may still be reviewed after its window and grace.
#[derive(Debug, Clone, Default)]
pub struct MoreTime {
    /// Evidence that came when the window was almost over, or later.
    pub late: Vec<LateEvidence>,
    /// Instants of runs that give time to rows of the window; two persons must agree to each row.
    pub granted_us: Vec<i64>,
    /// No time is given beyond it, in microseconds since 1970.
    pub cap_us: i64,
}

/// Postings that had no bad events in any earlier edition.
#[derive(Debug, Clone)]
pub struct LateEvidence {
    /// Publication, in microseconds since 1970.
    pub at_us: i64,
    pub postings: HashSet<PostingKey>,
}

/// Whether a row is in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowTiming {
    InTime,
    /// It may move postings of late evidence, and nothing else.
    OnlyLate,
    /// Two persons must agree first.
    Asks,
    Refused(Refusal),
}

impl Windows {
    /// Makes windows without more time.
    pub fn of_review(review: ReviewHistory) -> Self {
        Self { review, ..Self::default() }
    }

    /// Returns the last instant at which a row about events of this day is in time.
    ///
    /// For uptime this is a week after the day's end, unless configured (R2); for downtime the
    /// instant at which the month becomes final (R20).
    pub fn closes_us(&self, direction: Direction, day: Day) -> i64 {
        match direction {
            Direction::ToUptime => day.end_us() + i64::from(self.review.of(day).review_days) * DAY_US,
            Direction::ToDowntime => {
                let final_us = day.month().final_at().start_us();
                if self.open_months.contains(&day.month()) { final_us.max(self.now_us) } else { final_us }
            }
        }
    }

    /// Returns the length of the time that a run gives a day, in microseconds.
    pub fn given_us(&self, day: Day) -> i64 {
        (MORE_HOURS + i64::from(self.review.of(day).grace_hours)) * HOUR_US
    }

    /// Returns the last instant at which a row about a day can be in time because of more time.
    pub fn given_until_us(&self, day: Day) -> Option<i64> {
        let more = self.more.get(&day)?;
        let given = more.late.iter().map(|late| late.at_us).chain(more.granted_us.iter().copied());
        given.map(|at| (at + self.given_us(day)).min(more.cap_us)).max()
    }

    /// Decides whether a row is in time, by its first day.
    ///
    /// `created_at` is a claim, but the instant at which a run first saw the row is known: a row
    /// that first appears long after its window was not written in it.
    pub fn timing(&self, row: &Override, first_seen_us: i64) -> RowTiming {
        let created_at_us = row.created_at_us;
        if created_at_us > first_seen_us {
            return RowTiming::Refused(Refusal::Future { created_at_us, first_seen_us });
        }
        let Some(day) = row.first_day() else { return RowTiming::InTime };
        let closes_us = self.closes_us(row.direction, day);
        let (direction, grace_hours) = (row.direction, self.review.of(day).grace_hours);
        let is_written_in_time = created_at_us <= closes_us;
        if is_written_in_time && first_seen_us <= closes_us + i64::from(grace_hours) * HOUR_US {
            return RowTiming::InTime;
        }
        if direction == Direction::ToUptime
            && let Some(more) = self.more.get(&day)
        {
            let is_given =
                |at: i64| (at..=(at + self.given_us(day)).min(more.cap_us)).contains(&first_seen_us);
            if is_written_in_time && more.granted_us.iter().any(|at| is_given(*at)) {
                return RowTiming::Asks;
            }
            if more.late.iter().any(|late| is_given(late.at_us)) {
                return RowTiming::OnlyLate;
            }
        }
        RowTiming::Refused(if is_written_in_time {
            Refusal::BackDated { closes_us, created_at_us, first_seen_us, grace_hours }
        } else {
            Refusal::Late { direction, closes_us, created_at_us }
        })
    }

    /// Returns whether a posting of a day is late evidence that a row seen then may move.
    pub fn is_late(&self, day: Day, posting: &PostingKey, first_seen_us: i64) -> bool {
        let Some(more) = self.more.get(&day) else { return false };
        let is_given = |at: i64| (at..=(at + self.given_us(day)).min(more.cap_us)).contains(&first_seen_us);
        more.late.iter().any(|late| is_given(late.at_us) && late.postings.contains(posting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ReviewRules;
    use crate::overrides::override_row::tests::{row, us};

    fn word(timing: &RowTiming) -> &'static str {
        match timing {
            RowTiming::InTime => "in-time",
            RowTiming::OnlyLate => "only-late",
            RowTiming::Asks => "asks",
            RowTiming::Refused(refusal) => refusal.name(),
        }
    }

    fn judged(direction: Direction, created_at: &str, first_seen: &str) -> &'static str {
        let row = Override { created_at_us: us(created_at), ..row("a", direction) };
        word(&Windows::default().timing(&row, us(first_seen)))
    }

    #[test]
    fn the_review_window_is_seven_days_after_the_end_of_the_day_inclusive() {
        let judged = |created_at| judged(Direction::ToUptime, created_at, "2026-11-28T00:30:00Z");
        assert_eq!(judged("2026-11-27T23:59:59Z"), "in-time");
        assert_eq!(judged("2026-11-28T00:00:00Z"), "in-time");
        assert_eq!(judged("2026-11-28T00:00:01Z"), "late");
    }

    #[test]
    fn downtime_may_be_found_until_the_month_is_final() {
        let judged = |created_at| judged(Direction::ToDowntime, created_at, "2026-12-14T06:00:00Z");
        assert_eq!(judged("2026-12-13T23:59:59Z"), "in-time");
        assert_eq!(judged("2026-12-14T00:00:00Z"), "in-time");
        assert_eq!(judged("2026-12-14T00:00:01Z"), "late");
    }

    #[test]
    fn a_claim_is_held_against_what_runs_saw() {
        let judged = |first_seen| judged(Direction::ToUptime, "2026-11-27T12:00:00Z", first_seen);
        assert_eq!(judged("2026-11-27T12:00:00Z"), "in-time");
        assert_eq!(judged("2026-11-27T11:59:59Z"), "future");
        assert_eq!(judged("2026-11-29T00:00:00Z"), "in-time");
        assert_eq!(judged("2026-11-29T00:00:01Z"), "back-dated");
    }

    #[test]
    fn the_first_day_decides() {
        let mut row = row("a", Direction::ToUptime);
        row.end_us = us("2026-11-25T00:00:00Z");
        row.created_at_us = us("2026-11-29T00:00:00Z");
        assert_eq!(word(&Windows::default().timing(&row, row.created_at_us)), "late");
    }

    #[test]
    fn both_lengths_are_settings() {
        let mut review = ReviewHistory::default();
        review.add(0, ReviewRules { review_days: 2, grace_hours: 0, ..ReviewRules::default() });
        let mut row = row("a", Direction::ToUptime);
        row.created_at_us = us("2026-11-23T00:00:00Z");
        let windows = Windows::of_review(review);
        assert_eq!(windows.timing(&row, row.created_at_us), RowTiming::InTime);
        assert_eq!(word(&windows.timing(&row, row.created_at_us + 1)), "back-dated");
    }

    #[test]
    fn a_run_gives_time_for_two_days_and_the_grace_and_never_beyond_the_cap() {
        let row = row("a", Direction::ToUptime);
        let more = |granted: &str, cap: &str| {
            let more = MoreTime { granted_us: vec![us(granted)], cap_us: us(cap), ..MoreTime::default() };
            Windows { more: [(row.first_day().unwrap(), more)].into(), ..Windows::default() }
        };
        let windows = more("2026-12-01T03:00:00Z", "2026-12-08T03:00:00Z");
        let at = |windows: &Windows, first_seen: &str| word(&windows.timing(&row, us(first_seen)));
        assert_eq!(at(&windows, "2026-12-01T02:59:59Z"), "back-dated");
        assert_eq!(at(&windows, "2026-12-04T03:00:00Z"), "asks");
        assert_eq!(at(&windows, "2026-12-04T03:00:01Z"), "back-dated");
        let late = Override { created_at_us: us("2026-12-01T04:00:00Z"), ..row.clone() };
        assert_eq!(word(&windows.timing(&late, us("2026-12-02T03:00:00Z"))), "late");
        let capped = more("2026-12-07T03:00:00Z", "2026-12-08T03:00:00Z");
        assert_eq!(
            [at(&capped, "2026-12-08T03:00:00Z"), at(&capped, "2026-12-08T03:00:01Z")],
            ["asks", "back-dated"]
        );
    }

    #[test]
    fn downtime_may_be_found_while_a_day_of_the_month_is_open() {
        let row = Override { created_at_us: us("2026-12-15T09:00:00Z"), ..row("a", Direction::ToDowntime) };
        let now_us = us("2026-12-16T03:00:00Z");
        let open =
            Windows { now_us, open_months: [row.first_day().unwrap().month()].into(), ..Windows::default() };
        assert_eq!(word(&open.timing(&row, now_us)), "in-time");
        assert_eq!(word(&Windows { now_us, ..Windows::default() }.timing(&row, now_us)), "late");
    }
}
