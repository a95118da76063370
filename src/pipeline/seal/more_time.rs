//! More time: open days that may still be reviewed after their window and its grace.

use std::collections::HashSet;

use anyhow::Context;

use crate::clock::Clock;
use crate::config::Canonical;
use crate::day::{DAY_US, Day, SECOND_US};
use crate::ledger::{Cause, EditionRecord, Ledger};
use crate::overrides::{LateEvidence, MoreTime, PostingKey, bad_postings};
use crate::policy::{Policy, Postings};

const HOUR_US: i64 = 3_600 * SECOND_US;

/// A day as this run is about to publish it: its editions do not show yet what the run has read.
#[derive(Clone, Copy)]
pub struct ComingEdition<'a> {
    pub postings: &'a Postings,
    pub policy: &'a Policy,
    pub settings: &'a Canonical,
}

/// Returns the instant at which the review window of a day ends with its grace, in microseconds
/// since 1970.
pub fn graced_us(ledger: &Ledger, day: Day) -> i64 {
    let review = ledger.record().review.of(day);
    day.end_us() + i64::from(review.review_days) * DAY_US + i64::from(review.grace_hours) * HOUR_US
}

/// Finds what gives an open day more time; `coming` is its next edition, if it may have one.
///
/// Time is given by late evidence, by applied rows that are gone from the file, and by the first
/// run since the window ended if its grace is over by then: nobody could have been heard before.
///
/// # Errors
/// An edition of the day, or its policy, is missing or damaged.
pub fn more_time(
    ledger: &Ledger,
    day: Day,
    coming: Option<ComingEdition<'_>>,
    clock: Clock,
) -> anyhow::Result<MoreTime> {
    let review = ledger.record().review.of(day);
    let closes_us = day.end_us() + i64::from(review.review_days) * DAY_US;
    let graced_us = graced_us(ledger, day);
    let now_us = clock.wall.timestamp_micros();
    let first_line_after = |instant_us: i64| {
        let walls = ledger.lines().map(|line| line.wall().timestamp_micros());
        walls.filter(|wall| *wall > instant_us).min()
    };
    let first_run_us = first_line_after(closes_us).unwrap_or(now_us);
    let mut granted_us = Vec::new();
    if first_run_us > graced_us {
        granted_us.push(first_run_us);
    }
    let gone =
        ledger.record().rows.values().filter(|filed| filed.was_applied && filed.row.days().any(|d| d == day));
    granted_us.extend(gone.filter_map(|filed| filed.gone).map(|gone| gone.timestamp_micros()));
    let mut late = Vec::new();
    let editions =
        ledger.record().days.get(&day).map(|record| record.editions.as_slice()).unwrap_or_default();
    for (at, edition) in editions.iter().enumerate() {
        let at_us = edition.at.timestamp_micros();
        if at_us > closes_us - DAY_US && comes_from_logs(edition) {
            let postings = new_bad(ledger, day, &editions[..=at])?;
            if !postings.is_empty() {
                late.push(LateEvidence { at_us, postings });
            }
        }
    }
    if let Some(coming) = coming.filter(|_| now_us > closes_us - DAY_US) {
        let postings = coming_bad(ledger, day, coming, editions)?;
        if !postings.is_empty() {
            late.push(LateEvidence { at_us: now_us, postings });
        }
    }
    let cap_us = first_line_after(graced_us).unwrap_or(now_us) + i64::from(review.review_days) * DAY_US;
    Ok(MoreTime { late, granted_us, cap_us })
}

/// Returns whether no run has left a line since the window of a day ended.
pub fn is_first_run(ledger: &Ledger, day: Day) -> bool {
    let review = ledger.record().review.of(day);
    let closes_us = day.end_us() + i64::from(review.review_days) * DAY_US;
    ledger.last_wall().is_none_or(|last| last.timestamp_micros() <= closes_us)
}

fn comes_from_logs(edition: &EditionRecord) -> bool {
    let is_of_logs = |cause: &Cause| {
        matches!(cause, Cause::First | Cause::Logs | Cause::LogsRemoved | Cause::Webhooks | Cause::Neighbour)
    };
    edition.publication.causes.iter().any(is_of_logs)
}

/// Returns the bad postings of the last of some editions that none of the others had.
///
/// Under other reading settings, nothing is new: the same rows are read in another way.
fn new_bad(ledger: &Ledger, day: Day, editions: &[EditionRecord]) -> anyhow::Result<HashSet<PostingKey>> {
    let Some((last, earlier)) = editions.split_last() else { return Ok(HashSet::new()) };
    let policy = ledger.policy(&last.publication.policy)?;
    let is_read_alike = match (earlier.last(), kept(ledger, last)) {
        (Some(before), Some(settings)) => is_read_alike(ledger, before, &settings),
        _ => true,
    };
    if !is_read_alike {
        return Ok(HashSet::new());
    }
    let bad = bad(ledger, day, last, &policy)?;
    unknown_before(ledger, day, bad, &policy, earlier)
}

/// Returns the bad postings of a coming edition that no edition had.
fn coming_bad(
    ledger: &Ledger,
    day: Day,
    coming: ComingEdition<'_>,
    editions: &[EditionRecord],
) -> anyhow::Result<HashSet<PostingKey>> {
    if editions.last().is_some_and(|before| !is_read_alike(ledger, before, coming.settings)) {
        return Ok(HashSet::new());
    }
    unknown_before(ledger, day, bad_postings(coming.postings)?, coming.policy, editions)
}

/// Removes the bad postings that earlier editions had.
///
/// The newest of them also counts as it would be booked by the policy of the postings.
fn unknown_before(
    ledger: &Ledger,
    day: Day,
    mut new: HashSet<PostingKey>,
    policy: &Policy,
    earlier: &[EditionRecord],
) -> anyhow::Result<HashSet<PostingKey>> {
    for (at, edition) in earlier.iter().enumerate() {
        let own = ledger.policy(&edition.publication.policy)?;
        let known = bad(ledger, day, edition, &own)?;
        new.retain(|posting| !known.contains(posting));
        if at + 1 == earlier.len() {
            let rebooked = bad(ledger, day, edition, policy)?;
            new.retain(|posting| !rebooked.contains(posting));
        }
    }
    Ok(new)
}

/// Returns the bad postings of an edition, as a policy books its facts.
fn bad(
    ledger: &Ledger,
    day: Day,
    edition: &EditionRecord,
    policy: &Policy,
) -> anyhow::Result<HashSet<PostingKey>> {
    let facts = ledger.basis(day, edition.publication.edition)?.facts;
    Ok(bad_postings(&policy.classify(facts).context("classifying the facts")?)?)
}

/// Returns the settings of an edition, as far as the ledger kept them.
fn kept(ledger: &Ledger, edition: &EditionRecord) -> Option<Canonical> {
    edition.publication.config.as_ref().and_then(|config| ledger.config(config).ok())
}

/// Returns whether an edition was read under these settings; true if its own were not kept.
fn is_read_alike(ledger: &Ledger, edition: &EditionRecord, settings: &Canonical) -> bool {
    kept(ledger, edition).is_none_or(|own| own.reads_like(settings))
}
