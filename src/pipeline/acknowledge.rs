//! Acknowledging: a person's word on an attention becomes a line of the ledger.

use std::collections::BTreeSet;
use std::path::Path;

use super::draw;
use crate::attention::{Acknowledgement, CLOCK, Closing, LONGEST_NOTICE_DAYS, Standing};
use crate::clock::{Clock, ClockSource};
use crate::config::ReviewRules;
use crate::day::{Day, rfc3339};
use crate::document::spelling::closest;
use crate::error::Trouble;
use crate::ledger::{Entry, Ledger, Obstacle, Writer};
use crate::overrides::{is_listed, is_same_person};
use crate::queries::reported;

/// What a person says of an attention.
#[derive(Debug, Clone)]
pub struct Word {
    pub key: String,
    pub author: String,
    pub approver: Option<String>,
    pub reason: String,
    pub until: Option<Day>,
}

/// Journals that a person knows of an attention, and draws the reports that show what stands.
///
/// # Errors
/// [`Trouble::Usage`] if no such attention stands, or if the word lacks what its kind takes; the
/// message names it. Nothing is written then.
pub fn acknowledge(
    reports: &Path,
    word: Word,
    clock: Clock,
    source: ClockSource,
    workers: usize,
) -> anyhow::Result<Acknowledgement> {
    let mut ledger = Writer::open_past(reports, clock, source, Some(&word.key))?;
    let obstacle = ledger.obstacle(clock)?;
    let is_older = obstacle.as_ref().is_some_and(|obstacle| obstacle.key != CLOCK);
    let review = review_of_acks(&ledger);
    let said = match obstacle {
        Some(obstacle) => check_obstacle(&obstacle, word, &review).map_err(Trouble::Usage)?,
        None => {
            let today = Day::of(ledger.steady(clock).wall);
            check(&ledger.record().to_acknowledge(today), word, today, &review).map_err(Trouble::Usage)?
        }
    };
    if said.key == CLOCK {
        refuse_early_clock(&ledger, clock)?;
    }
    if is_older {
        ledger.resume(said.clone(), clock)?;
        if let Some(settings) = ledger.record().settings.clone() {
            reported::note(&mut ledger, &settings, clock)?;
        }
    } else {
        let clock = if said.key == CLOCK { clock } else { ledger.steady(clock) };
        ledger.append(clock, Entry::Acknowledged(said.clone()))?;
    }
    if let Some(settings) = ledger.record().settings.clone().filter(|_| !ledger.days().is_empty()) {
        draw::draw(&ledger, reports, &BTreeSet::new(), &settings, None, workers)?;
    }
    Ok(said)
}

/// Refuses a clock before the end of a day that has rows: those rows were written later.
fn refuse_early_clock(ledger: &Ledger, clock: Clock) -> Result<(), Trouble> {
    match ledger.newest_with_rows()? {
        Some(day) if clock.wall.timestamp_micros() < day.end_us() => Err(Trouble::Refused(format!(
            "the clock ({}) cannot be right: {day} has published rows and was not over then; set the clock right",
            rfc3339(clock.wall.timestamp_micros())
        ))),
        _ => Ok(()),
    }
}

fn check_obstacle(obstacle: &Obstacle, word: Word, review: &ReviewRules) -> Result<Acknowledgement, String> {
    let Word { key, author, approver, reason, until } = word;
    check_persons(&key, &author, &reason)?;
    let approver = check_decision(&obstacle.key, &author, approver, until, review)?;
    let approver = Some(approver);
    Ok(Acknowledgement {
        key,
        author,
        approver,
        reason,
        until: None,
        measure: 1,
        spans: Vec::new(),
        files: None,
    })
}

/// Checks that author and reason are given.
fn check_persons(key: &str, author: &str, reason: &str) -> Result<(), String> {
    for (what, text) in [("--author", author), ("--reason", reason)] {
        if text.trim().is_empty() {
            return Err(format!("{what} is empty; say who acknowledges `{key}`, and why"));
        }
    }
    Ok(())
}

/// Returns the second person of a decision.
fn check_decision(
    key: &str,
    author: &str,
    approver: Option<String>,
    until: Option<Day>,
    review: &ReviewRules,
) -> Result<String, String> {
    match approver.filter(|approver| !approver.trim().is_empty()) {
        None => Err(format!("`{key}` is a decision: it takes a second person; name one with --approver")),
        Some(_) if until.is_some() => {
            Err(format!("`{key}` is a decision, which holds for good; leave --until out"))
        }
        Some(approver) if review.needs_two_persons && is_same_person(author, &approver) => {
            Err("author and approver are the same person; have another person approve it".to_owned())
        }
        Some(approver) if !review.approvers.is_empty() && !is_listed(&approver, &review.approvers) => {
            Err(format!(
                "`{approver}` may not approve decisions of this ledger; those who may are {}",
                review.approvers.join(", ")
            ))
        }
        Some(approver) => Ok(approver),
    }
}

/// Returns the rules of review by which decisions are taken.
///
/// They are those of the newest sealed day, so that nobody changes them for a decision of today;
/// before the first seal, those that the ledger began with.
fn review_of_acks(ledger: &Ledger) -> ReviewRules {
    let record = ledger.record();
    let newest = record.days.iter().rfind(|(_, day)| day.sealed.is_some()).map(|(day, _)| *day);
    newest.map_or_else(|| record.review.first(), |day| record.review.of(day))
}

fn check(
    standing: &[Standing],
    word: Word,
    today: Day,
    review: &ReviewRules,
) -> Result<Acknowledgement, String> {
    let Word { key, author, approver, reason, until } = word;
    let Some(known) = standing.iter().find(|standing| standing.key == key) else {
        let keys = standing.iter().map(|standing| standing.key.as_str());
        let guess = closest(&key, keys).map_or_else(String::new, |guess| format!("did you mean `{guess}`? "));
        return Err(format!(
            "no attention stands open under `{key}`; {guess}`uptime-ledger ack` lists those that do"
        ));
    };
    check_persons(&key, &author, &reason)?;
    let (approver, until) = match (known.attention.kind.closing(), approver) {
        (Closing::Decision, approver) => {
            (Some(check_decision(&key, &author, approver, until, review)?), None)
        }
        (Closing::Notice, Some(_)) => {
            return Err(format!("`{key}` is a notice, which takes no second person; leave --approver out"));
        }
        (Closing::Notice, None) => {
            let last = today.plus(LONGEST_NOTICE_DAYS);
            let until = until.unwrap_or(last);
            if until < today || last < until {
                return Err(format!(
                    "--until {until} must lie from today, {today}, to {last}: a notice holds for at most {LONGEST_NOTICE_DAYS} \
                     days"
                ));
            }
            (None, Some(until))
        }
    };
    let (measure, spans, files) = (known.measure, known.spans.clone(), known.attention.files.clone());
    Ok(Acknowledgement { key, author, approver, reason, until, measure, spans, files })
}
