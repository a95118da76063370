//! Seal: makes days final whose window has passed, and removes daybooks that no open day needs.

use super::days::Booked;
use super::read::{missing, open_days};
use super::{Job, book};
use crate::attention::{Attention, AttentionKind, Look};
use crate::clock::Clock;
use crate::day::{DAY_US, Day, SECOND_US};
use crate::facts::MissingCause;
use crate::ledger::{DayState, OpenEvents, Writer};
use crate::queries::seals;
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
        let OpenEvents { pending, suspense, .. } = match newest.publication.state {
            DayState::Provisional => ledger.open_events(day, newest.publication.edition)?,
            _ => OpenEvents::default(),
        };
        if pending > 0 {
            let prepared = book::ended(job, ledger, day)?;
            let rows = ledger.made_from(day)?.map(|made| made.rows).unwrap_or_default();
            let (done, _) = book::publish(job, ledger, prepared, rows, clock)?;
            booked.replace(done);
        }
        if suspense > 0 {
            let message = format!(
                "its review window has passed, but it cannot be sealed: {suspense} events are in suspense"
            );
            let told = Attention::new(AttentionKind::Unsealed, day, &[], message);
            booked.looks.take(Look::Run, Some(told));
            continue;
        }
        sealed.push(day);
    }
    // Measured after all of them have ended: each is a neighbour of the next.
    for frozen in seals::frozen(ledger, &sealed.iter().copied().collect())? {
        ledger.seal(&frozen, clock)?;
    }
    Ok(sealed)
}

/// Stores the figures of days that an older version has sealed without them.
pub(super) fn freeze(ledger: &mut Writer, clock: Clock) -> anyhow::Result<()> {
    let tables = seals::of_older_seals(ledger)?;
    Ok(ledger.freeze(&tables, clock)?)
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
        let missing = missing(job, &daybooks)?;
        let has_absent = |day: &&Day| {
            missing.get(*day).is_some_and(|logs| logs.iter().any(|log| log.cause == MissingCause::Absent))
        };
        if let Some(oldest) = open.iter().filter(has_absent).min() {
            let judged_by = oldest.plus(-HISTORY_DAYS)..=*oldest;
            spent.retain(|day| !judged_by.contains(day));
        }
    }
    for day in spent {
        ledger.prune(day, clock)?;
    }
    Ok(())
}
