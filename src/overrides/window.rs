//! Window: the instants up to which a row may be written, and up to which a run must have seen it.

use super::override_row::Override;
use super::refusal::Refusal;
use crate::config::Overrides;
use crate::day::{DAY_US, Day, SECOND_US};
use crate::policy::Direction;

const HOUR_US: i64 = 3_600 * SECOND_US;

/// Returns the last instant at which a row about events of this day is in time.
///
/// For uptime this is a week after the day's end, unless configured (R2); for downtime the instant
/// at which the month becomes final (R20).
pub fn closes_us(direction: Direction, day: Day, review: &Overrides) -> i64 {
    match direction {
        Direction::ToUptime => day.end_us() + i64::from(review.review_days) * DAY_US,
        Direction::ToDowntime => day.month().final_at().start_us(),
    }
}

/// Refuses a row that is out of time, judged by its first day.
///
/// `created_at` is a claim, but the instant at which a run first saw the row is known: a row that
/// first appears long after its window was not written in it.
pub fn out_of_time(row: &Override, first_seen_us: i64, review: &Overrides) -> Option<Refusal> {
    let created_at_us = row.created_at_us;
    if created_at_us > first_seen_us {
        return Some(Refusal::Future { created_at_us, first_seen_us });
    }
    let closes_us = closes_us(row.direction, row.first_day()?, review);
    let direction = row.direction;
    if created_at_us > closes_us {
        return Some(Refusal::Late { direction, closes_us, created_at_us });
    }
    let grace_hours = review.grace_hours;
    (first_seen_us > closes_us + i64::from(grace_hours) * HOUR_US).then_some(Refusal::BackDated {
        closes_us,
        created_at_us,
        first_seen_us,
        grace_hours,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overrides::override_row::tests::{row, us};

    fn judged(direction: Direction, created_at: &str, first_seen: &str) -> &'static str {
        let row = Override { created_at_us: us(created_at), ..row("a", direction) };
        out_of_time(&row, us(first_seen), &Overrides::default()).map_or("in-time", |refusal| refusal.name())
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
        let refusal = out_of_time(&row, row.created_at_us, &Overrides::default());
        assert_eq!(refusal.map(|r| r.name()), Some("late"));
    }

    #[test]
    fn both_lengths_are_settings() {
        let review = Overrides { review_days: 2, grace_hours: 0, ..Overrides::default() };
        let mut row = row("a", Direction::ToUptime);
        row.created_at_us = us("2026-11-23T00:00:00Z");
        assert_eq!(out_of_time(&row, row.created_at_us, &review), None);
        let refusal = out_of_time(&row, row.created_at_us + 1, &review);
        assert_eq!(refusal.map(|r| r.name()), Some("back-dated"));
    }
}
