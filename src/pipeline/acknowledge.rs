//! Acknowledging: a person's word on an attention becomes a line of the ledger.

use std::collections::BTreeSet;
use std::path::Path;

use super::draw;
use crate::attention::{Acknowledgement, Closing, Standing};
use crate::clock::{Clock, ClockSource};
use crate::day::Day;
use crate::document::spelling::closest;
use crate::error::Trouble;
use crate::ledger::{Entry, Writer};
use crate::overrides::is_same_person;
use crate::queries::reported;

/// Longest time for which a notice may be acknowledged.
const LONGEST_DAYS: i64 = 90;

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
    let today = Day::of(clock.wall);
    let is_older = ledger.older_journal()?.is_some();
    let said = if is_older {
        let said = check_obstacle(word).map_err(Trouble::Usage)?;
        ledger.resume(said.clone(), clock)?;
        said
    } else {
        let standing = ledger.record().standing(today);
        let said = check(&standing, word, today).map_err(Trouble::Usage)?;
        ledger.append(clock, Entry::Acknowledged(said.clone()))?;
        said
    };
    if let Some(settings) = ledger.record().settings.clone().filter(|_| is_older) {
        reported::note(&mut ledger, &settings, clock)?;
    }
    if let Some(settings) = ledger.record().settings.clone().filter(|_| !ledger.days().is_empty()) {
        draw::draw(&ledger, reports, &BTreeSet::new(), &settings, None, workers)?;
    }
    Ok(said)
}

/// Checks the word of two persons on an obstacle, which takes a decision.
fn check_obstacle(word: Word) -> Result<Acknowledgement, String> {
    let Word { key, author, approver, reason, until } = word;
    for (what, text) in [("--author", &author), ("--reason", &reason)] {
        if text.trim().is_empty() {
            return Err(format!("{what} is empty; say who decides it, and why"));
        }
    }
    match &approver {
        None => {
            return Err(format!("`{key}` is a decision: it takes a second person; name one with --approver"));
        }
        Some(approver) if is_same_person(&author, approver) => {
            return Err("author and approver are the same person; have another person approve it".to_owned());
        }
        Some(_) => {}
    }
    if until.is_some() {
        return Err(format!("`{key}` is a decision, which holds for good; leave --until out"));
    }
    Ok(Acknowledgement { key, author, approver, reason, until: None, measure: 1, spans: Vec::new() })
}

fn check(standing: &[Standing], word: Word, today: Day) -> Result<Acknowledgement, String> {
    let Word { key, author, approver, reason, until } = word;
    let Some(known) = standing.iter().find(|standing| standing.key == key) else {
        let keys = standing.iter().map(|standing| standing.key.as_str());
        let guess = closest(&key, keys).map_or_else(String::new, |guess| format!("did you mean `{guess}`? "));
        return Err(format!(
            "no attention stands open under `{key}`; {guess}`uptime-ledger ack` lists those that do"
        ));
    };
    for (what, text) in [("--author", &author), ("--reason", &reason)] {
        if text.trim().is_empty() {
            return Err(format!("{what} is empty; say who acknowledges it, and why"));
        }
    }
    match (known.attention.kind.closing(), &approver, until) {
        (Closing::Decision, None, _) => {
            return Err(format!("`{key}` is a decision: it takes a second person; name one with --approver"));
        }
        (Closing::Decision, _, Some(_)) => {
            return Err(format!("`{key}` is a decision, which holds for good; leave --until out"));
        }
        (Closing::Decision, Some(approver), None) if is_same_person(&author, approver) => {
            return Err("author and approver are the same person; have another person approve it".to_owned());
        }
        (Closing::Notice, Some(_), _) => {
            return Err(format!("`{key}` is a notice, which takes no second person; leave --approver out"));
        }
        (Closing::Notice, None, Some(until)) if until < today || today.plus(LONGEST_DAYS) < until => {
            return Err(format!(
                "--until {until} must lie from today, {today}, to {}: a notice holds for at most {LONGEST_DAYS} days",
                today.plus(LONGEST_DAYS)
            ));
        }
        _ => {}
    }
    let until = match known.attention.kind.closing() {
        Closing::Notice => Some(until.unwrap_or_else(|| today.plus(LONGEST_DAYS))),
        Closing::Decision => None,
    };
    let (measure, spans) = (known.measure, known.spans.clone());
    Ok(Acknowledgement { key, author, approver, reason, until, measure, spans })
}
