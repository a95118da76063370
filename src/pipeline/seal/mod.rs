//! Seal: makes days final whose window has passed, and removes daybooks that no open day needs.

pub(super) mod more_time;

use std::collections::BTreeSet;

use more_time::{graced_us, is_first_run, more_time};

use super::days::Booked;
use super::read::{missing, open_days};
use super::{Accounted, Job, book};
use crate::attention::{Attention, AttentionKind, Look};
use crate::clock::Clock;
use crate::day::{DAY_US, Day, rfc3339};
use crate::error::{Trouble, stops_all};
use crate::facts::MissingCause;
use crate::ledger::{DayState, Entry, Ledger, OpenEvents, Writer};
use crate::overrides::Windows;
use crate::queries::seals;
use crate::resolve::missing_logs::HISTORY_DAYS;

/// Days for which daybooks wait for a damaged one to be mended, after which they are removed.
const MENDING_DAYS: i64 = 14;

/// Seals the days whose window has passed, and tells which ones cannot be sealed.
pub(super) fn due(
    job: &Job,
    ledger: &mut Writer,
    clock: Clock,
    booked: &mut Booked,
) -> anyhow::Result<Vec<Day>> {
    let retries = if job.config.has_webhooks() { job.config.webhooks.retry_days } else { 0 };
    let last_end_us = last_end_us(ledger, clock)?;
    let now_us = clock.wall.timestamp_micros();
    let mut due = BTreeSet::new();
    let mut waiting = Vec::new();
    let mut given = Vec::new();
    for day in open_days(ledger) {
        let retried_us = day.end_us() + i64::from(retries) * DAY_US;
        let closes_us = graced_us(ledger, day).max(retried_us);
        let Some(record) = ledger.record().days.get(&day) else { continue };
        // A day that was sealed before is sealed again only as two persons say.
        let said = ledger.record().attention.acknowledgement_on(AttentionKind::Reopened, day);
        if record.is_reopened && said.is_none() {
            continue;
        }
        let is_said = record.is_reopened;
        let Some(newest) = record.newest() else { continue };
        if now_us <= closes_us && !is_said {
            continue;
        }
        let (state, edition) = (newest.publication.state, newest.publication.edition);
        let more = match more_time(ledger, day, None, clock) {
            Ok(more) => more,
            Err(error) if stops_all(&error) => return Err(error),
            Err(error) => {
                booked.tell_damaged(day, &format!("{error:#}"));
                continue;
            }
        };
        let review = ledger.record().review.clone();
        let more = Windows { review, more: [(day, more)].into(), ..Windows::default() };
        if !is_said && more.given_until_us(day).is_some_and(|until| now_us <= until) {
            if is_first_run(ledger, day) {
                given.push(day);
            }
            continue;
        }
        let OpenEvents { pending, suspense, .. } = match ledger.open_events(day, edition) {
            Ok(open) if state == DayState::Provisional => open,
            Ok(_) => OpenEvents::default(),
            Err(trouble) if trouble.stops_all() => return Err(trouble.into()),
            Err(trouble) => {
                booked.tell_damaged(day, &trouble.to_string());
                continue;
            }
        };
        if pending > 0 && last_end_us >= closes_us {
            // Nothing of it is pending again, also if it cannot be sealed yet.
            match end(job, ledger, day, clock) {
                Ok(done) => booked.replace(done),
                Err(error) if stops_all(&error) => return Err(error),
                Err(error) => {
                    booked.tell_not_booked(ledger, day, &error);
                    continue;
                }
            }
        }
        // It is sealed last: a row may still turn what is in suspense into downtime.
        let cap_us = more.more.get(&day).map_or(now_us, |more| more.cap_us);
        if suspense > 0 && now_us <= cap_us {
            let message = format!(
                "its review window has passed, and {suspense} events are in suspense; it is sealed with them after {}",
                rfc3339(cap_us)
            );
            let told = Attention::new(AttentionKind::Unsealed, day, &[], message);
            booked.looks.take(Look::Run, Some(told));
            continue;
        }
        if last_end_us < closes_us && !is_said {
            waiting.push(day);
            continue;
        }
        due.insert(day);
    }
    booked.looks.take(Look::Run, no_later_rows(ledger, &waiting)?);
    if !given.is_empty() {
        // Without a line, each later run would be the first again.
        ledger.append(clock, Entry::MoreTime { days: given })?;
    }
    // Measured after all of them have ended: each is a neighbour of the next.
    let mut sealed = Vec::new();
    for frozen in seals::frozen(ledger, &due)? {
        ledger.seal(&frozen, clock)?;
        sealed.push(frozen.day);
    }
    Ok(sealed)
}

/// Stores the figures of days that an older version has sealed without them.
pub(super) fn freeze(ledger: &mut Writer, clock: Clock) -> anyhow::Result<()> {
    let tables = seals::of_older_seals(ledger)?;
    Ok(ledger.freeze(&tables, clock)?)
}

/// Returns the end of the last day that shows that time has passed, in microseconds since 1970.
///
/// That is the newest day with published rows: a clock alone may be wrong. After a person has said
/// that no rows come after it, the clock is believed.
fn last_end_us(ledger: &Ledger, clock: Clock) -> Result<i64, Trouble> {
    let Some(newest) = ledger.newest_with_rows()? else { return Ok(i64::MIN) };
    let has_ended = ledger.record().attention.acknowledgement_on(AttentionKind::End, newest).is_some();
    Ok(if has_ended { clock.wall.timestamp_micros() } else { newest.end_us() })
}

/// Tells that days whose window has passed wait for rows of a later day.
fn no_later_rows(ledger: &Ledger, waiting: &[Day]) -> Result<Option<Attention>, Trouble> {
    let (Some(first), Some(newest)) = (waiting.first(), ledger.newest_with_rows()?) else { return Ok(None) };
    let days = waiting.len();
    let which = if days == 1 { format!("{first} is") } else { format!("{days} days from {first} on are") };
    let message = format!(
        "{which} not sealed although the review window has passed: no rows of a day after {newest} were published that would show \
         that so much time has passed. If logs are missing, put them back; if no rows come after {newest}, acknowledge it, and the \
         next run seals by the clock"
    );
    Ok(Some(Attention::new(AttentionKind::End, newest, &[], message).of_measure(days as u64)))
}

/// Publishes a day in which nothing is pending any more, because its window has passed.
fn end(job: &Job, ledger: &mut Writer, day: Day, clock: Clock) -> anyhow::Result<Accounted> {
    let prepared = book::ended(job, ledger, day)?;
    let rows = ledger.made_from(day)?.map(|made| made.rows).unwrap_or_default();
    Ok(book::publish(job, ledger, prepared, rows, clock)?.0)
}

/// Removes daybooks by which no open day can be settled.
///
/// Without one that an open day was booked from, the next run would book that day again.
///
/// While an open day has an expected file that is absent, the days on which the file could have
/// stood are kept: without them the next run would no longer expect it, and judge the day anew.
///
/// Daybooks of a sealed day of which logs have told since wait while another one of them is
/// damaged: what the logs tell could not be booked when it is mended.
pub(super) fn prune(
    job: &Job,
    ledger: &mut Writer,
    waiting: &BTreeSet<Day>,
    clock: Clock,
) -> anyhow::Result<()> {
    let reach = job.config.webhooks.reach_days();
    let before = book::reaches(job)[0].max(reach);
    let open = open_days(ledger);
    let known_until = Day::of_us(last_end_us(ledger, clock)?).unwrap_or(Day::of(clock.wall));
    let known_until = known_until.min(Day::of(clock.wall));
    let is_needed = |day: Day| {
        let waits = if waiting.contains(&day) { MENDING_DAYS } else { 0 };
        day.plus(2 * reach + 2 + waits) > known_until
            || open.iter().any(|open| (day.plus(-reach)..=day.plus(before)).contains(open))
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
