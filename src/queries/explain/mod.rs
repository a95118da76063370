//! Explaining: why a slot has its state, from the ledger alone.

mod day;
mod text;
mod verdict;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::day::Day;
use crate::error::Trouble;
use crate::ledger::{Edition, Ledger};
use crate::slots::{ALL_REGIONS, Scope, ScopeKind};

pub use day::DayExplainer;

/// A slot to explain.
pub struct Question {
    pub at: DateTime<Utc>,
    /// A service or component; if absent, the worst component.
    pub scope: Option<String>,
    /// If absent, all regions.
    pub region: Option<String>,
}

/// The explanation of a slot; instants are RFC 3339, counts are events.
#[derive(Debug, Serialize)]
pub struct Explanation {
    pub slot_start: String,
    pub slot_end: String,
    pub scope_kind: &'static str,
    pub scope: String,
    pub region: String,
    pub state: &'static str,
    /// Before overrides.
    pub state_gross: &'static str,
    pub services: Vec<ServiceVerdict>,
    /// The run of down slots that contains the slot.
    pub run: Option<RunOfSlots>,
    pub postings: Vec<ExplainedPosting>,
    pub top_error_codes: Vec<(String, i64)>,
    pub top_callers: Vec<(String, i64)>,
    pub overrides: Vec<AppliedOverride>,
    pub editions: Vec<EditionOfSlot>,
    pub edition: u32,
    pub day_state: &'static str,
    /// Its month and the days of it with an edition, if the month is over and lacks some.
    pub incomplete_month: Option<String>,
    pub gaps: Vec<String>,
}

/// How one service was judged, with its net events; a component is as bad as its worst service.
#[derive(Debug, Serialize)]
pub struct ServiceVerdict {
    pub service: String,
    pub state: &'static str,
    pub good: i64,
    pub bad: i64,
    pub user: i64,
    pub excluded: i64,
    pub pending: i64,
    pub suspense: i64,
    pub unknown: i64,
    /// The reason for the state, in plain words with the numbers.
    pub because: String,
    /// The change in events that would turn the state.
    pub flips_when: String,
}

/// The outage that holds a slot; instants are RFC 3339.
#[derive(Debug, Serialize)]
pub struct RunOfSlots {
    pub start: String,
    pub end: String,
    pub down_seconds: i64,
    /// From the first to the last bad event; null if the instants are not known.
    pub at_least_seconds: Option<i64>,
    /// From the last success before to the first one after; null if there is none.
    pub at_most_seconds: Option<i64>,
    pub is_ongoing: bool,
    pub is_counted: bool,
    /// True if it does not count because fewer callers than `min_callers` make it long enough.
    pub is_narrow: bool,
    pub class: &'static str,
    /// Named callers with bad events in its down slots, and all that were active then.
    pub callers_hit: i64,
    pub callers_active: Option<u64>,
    /// Fewest callers without whose bad events nothing of it is long enough to count.
    pub leave_out: Option<i64>,
    /// Length from which a run counts.
    pub min_run_seconds: u32,
}

/// Events with the same account, rule and code.
#[derive(Debug, Serialize)]
pub struct ExplainedPosting {
    pub account: String,
    pub events: i64,
    pub events_gross: i64,
    pub rule: String,
    pub because: String,
    pub cites: Vec<String>,
    pub stream: String,
    pub service: String,
    pub region: String,
    pub http_status: Option<u16>,
    pub error_code: Option<i64>,
    pub error_title: Option<String>,
    pub symptom: String,
    pub outcome: String,
    pub timing: String,
    /// `file:row` of up to three rows.
    pub evidence: Vec<String>,
}

/// An override row that covers the slot.
#[derive(Debug, Serialize)]
pub struct AppliedOverride {
    pub id: String,
    pub direction: &'static str,
    pub reason: String,
    pub ticket: String,
    pub author: String,
    pub approver: String,
    pub to: String,
}

/// The slot as one edition of the day counted it, after overrides.
#[derive(Debug, Serialize)]
pub struct EditionOfSlot {
    pub edition: u32,
    pub published_at: String,
    pub day_state: &'static str,
    pub causes: Vec<&'static str>,
    pub is_adjusting: bool,
    pub state: &'static str,
    pub good: i64,
    pub bad: i64,
}

/// Explains a slot.
///
/// # Errors
/// The day has no edition, there is no such scope, or the ledger cannot be read.
pub fn explain(ledger: &Ledger, question: &Question) -> anyhow::Result<Explanation> {
    let us = question.at.timestamp_micros();
    let day = Day::of(question.at);
    let books = DayExplainer::read(ledger, day)?;
    let slot = ((us - day.start_us()) / books.edition().slot_length().us()) as u32;
    let scope = scope(books.edition(), question, slot)?;
    let incomplete_month = incomplete_month(ledger, day);
    Ok(Explanation { incomplete_month, ..books.explain(&scope, slot) })
}

/// Says how many days of the month of a day have an edition, if it is over and lacks some.
fn incomplete_month(ledger: &Ledger, day: Day) -> Option<String> {
    let month = day.month();
    let known = ledger.days();
    let is_over = known.last().is_some_and(|last| *last >= month.last());
    let published = known.iter().filter(|day| day.month() == month).count();
    let days = month.first().through(month.last()).count();
    (is_over && published < days).then(|| format!("{month}: {published} of {days} days"))
}

/// Finds the scope that is asked for, or the worst component.
fn scope(edition: &Edition, question: &Question, slot: u32) -> Result<Scope, Trouble> {
    let region = question.region.as_deref().unwrap_or(ALL_REGIONS);
    let state = |scope: &Scope| {
        let cell = day::cell(edition, scope, slot);
        (cell.net.state, cell.gross.state)
    };
    let mut there = edition.slots.scopes().iter().filter(|scope| *scope.region == *region);
    let found = match &question.scope {
        Some(name) => there.find(|scope| *scope.name == **name),
        // The first one, if several are equally bad.
        None => there.filter(|scope| scope.kind == ScopeKind::Component).fold(
            None,
            |worst: Option<&Scope>, next| {
                if worst.is_some_and(|worst| state(worst) >= state(next)) { worst } else { Some(next) }
            },
        ),
    };
    found.cloned().ok_or_else(|| {
        let mut known: Vec<String> =
            edition.slots.scopes().iter().map(|s| format!("{} ({})", s.name, s.region)).collect();
        known.dedup();
        let wanted = question.scope.as_deref().unwrap_or("a component");
        Trouble::Usage(format!(
            "{} does not know {wanted} in region {region}; it knows {}",
            edition.day,
            known.join(", ")
        ))
    })
}
