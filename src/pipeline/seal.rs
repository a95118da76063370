//! Seal: makes days final whose window has passed, and removes daybooks that no open day needs.

use std::collections::BTreeSet;

use super::days::Booked;
use super::read::{missing, open_days};
use super::{Accounted, Job, book};
use crate::attention::{Attention, AttentionKind, Look};
use crate::clock::Clock;
use crate::day::{DAY_US, Day, SECOND_US};
use crate::error::stops_all;
use crate::facts::MissingCause;
use crate::ledger::{DayState, OpenEvents, Writer};
use crate::resolve::missing_logs::HISTORY_DAYS;

/// Seals the days whose window has passed, and tells which ones cannot be sealed.
pub(super) fn due(
    job: &Job,
    ledger: &mut Writer,
    clock: Clock,
    booked: &mut Booked,
) -> anyhow::Result<Vec<Day>> {
    let overrides = &job.config.overrides;
    let retries = if job.config.has_webhooks() { job.config.webhooks.retry_days } else { 0 };
    let window_us = i64::from(overrides.review_days.max(retries)) * DAY_US
        + i64::from(overrides.grace_hours) * 3_600 * SECOND_US;
    let mut sealed = Vec::new();
    for day in open_days(ledger) {
        let Some(record) = ledger.record().days.get(&day) else { continue };
        let (Some(first), Some(newest)) = (record.editions.first(), record.newest()) else { continue };
        // A day published late can be reviewed as long as one published the next morning.
        let from_us = day.end_us().max(first.at.timestamp_micros());
        if clock.at.timestamp_micros() <= from_us + window_us {
            continue;
        }
        let OpenEvents { pending, suspense, .. } = match ledger.open_events(day, newest.publication.edition) {
            Ok(open) if newest.publication.state == DayState::Provisional => open,
            Ok(_) => OpenEvents::default(),
            Err(trouble) if trouble.stops_all() => return Err(trouble.into()),
            Err(trouble) => {
                booked.is_damaged(day, &trouble.to_string());
                continue;
            }
        };
        if suspense > 0 {
            let message = format!(
                "its review window has passed, but it cannot be sealed: {suspense} events are in suspense"
            );
            let told = Attention::new(AttentionKind::Unsealed, day, &[], message);
            booked.looks.take(Look::Run, Some(told));
            continue;
        }
        if pending > 0 {
            // It is sealed in this run, so that no later run finds the events pending again.
            match end(job, ledger, day, clock) {
                Ok(done) => booked.replace(done),
                Err(error) if stops_all(&error) => return Err(error),
                Err(error) => {
                    booked.is_not_booked(ledger, day, &error);
                    continue;
                }
            }
        }
        ledger.seal(day, clock)?;
        sealed.push(day);
    }
    Ok(sealed)
}

/// Publishes a day in which nothing is pending any more, because its window has passed.
fn end(job: &Job, ledger: &mut Writer, day: Day, clock: Clock) -> anyhow::Result<Accounted> {
    let prepared = book::ended(job, ledger, day)?;
    let rows = ledger.made_from(day)?.map(|made| made.rows).unwrap_or_default();
    Ok(book::publish(job, ledger, prepared, rows, clock)?.0)
}

/// Removes daybooks by which no open day can be settled.
///
/// While an open day has an expected file that is absent, the days on which the file could have
/// stood are kept: without them the next run would no longer expect it, and judge the day anew.
pub(super) fn prune(job: &Job, ledger: &mut Writer, clock: Clock) -> anyhow::Result<()> {
    let reach = job.config.webhooks.reach_days();
    let open = open_days(ledger);
    let is_needed = |day: Day| {
        day.plus(2 * reach + 2) > Day::of(clock.at)
            || open.iter().any(|open| (day.plus(-reach)..=day.plus(reach)).contains(open))
            || !ledger.days().contains(&day)
    };
    let daybooks = ledger.daybooks();
    let mut spent: Vec<Day> = daybooks.keys().copied().filter(|day| !is_needed(*day)).collect();
    if !spent.is_empty() {
        let missing = missing(job, ledger, &daybooks)?;
        let has_absent = |day: &&Day| {
            let logs = missing.missing.get(*day);
            logs.is_some_and(|logs| logs.iter().any(|log| log.cause == MissingCause::Absent))
        };
        if let Some(oldest) = open.iter().filter(has_absent).min() {
            let judged_by = oldest.plus(-HISTORY_DAYS)..=*oldest;
            // An acknowledged name may have stood longer ago.
            let of_open = missing.judged_by.iter().filter(|(day, _)| open.contains(day));
            let long_ago: BTreeSet<Day> = of_open.flat_map(|(_, days)| days.clone()).collect();
            spent.retain(|day| !judged_by.contains(day) && !long_ago.contains(day));
        }
    }
    for day in spent {
        ledger.prune(day, clock)?;
    }
    Ok(())
}
