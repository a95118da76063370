//! Override rows in a run: read, filed in the journal, decided, and applied to their days.

use std::collections::{BTreeMap, BTreeSet};

use super::Job;
use crate::attention::{Attention, AttentionKind};
use crate::clock::Clock;
use crate::day::Day;
use crate::document::Mistake;
use crate::facts::Salt;
use crate::ledger::{Entry, FiledRow, JudgedRow, Ledger, MalformedRow, RowStatus, Writer};
use crate::overrides::{self, Decided, Decision, Direction, Filed, Override, OverrideSheet, Touched};
use crate::policy::Postings;

/// The result of reading the override file.
#[derive(Default)]
pub struct Desired {
    /// The file, if it could be read.
    sheet: Option<OverrideSheet>,
    pub attention: Vec<Attention>,
    /// Mistakes in the file, to be shown with their excerpts.
    pub mistakes: Vec<Mistake>,
}

/// Reads the override file, and journals which rows are new and which are gone.
///
/// If the file cannot be read, or the config no longer names it, no row is withdrawn.
pub fn file(job: &Job, ledger: &mut Writer, clock: Clock) -> anyhow::Result<Desired> {
    let day = Day::of(clock.at);
    let mut desired = Desired::default();
    let mut say = |kind, subject: &[&str], message| {
        desired.attention.push(Attention::new(kind, day, subject, message));
    };
    let Some(document) = &job.override_file else {
        let open = live(ledger, job, clock).len();
        if open > 0 {
            let what = "of an override file can still move something, and the config names no such file; nothing was withdrawn. Name the file under \
                        [overrides]; to withdraw rows, take them out of it";
            let rows = if open == 1 { "row" } else { "rows" };
            say(AttentionKind::OverridesNotNamed, &[], format!("{open} {rows} {what}"));
        }
        return Ok(desired);
    };
    let salt = Salt::new(&job.config.salt.clone().map_or_else(|| ledger.salt(), Ok)?);
    let unreadable = "no row was taken from it or withdrawn";
    let sheet = match document {
        Err(trouble) => {
            say(AttentionKind::OverridesUnreadable, &[], format!("{trouble}; {unreadable}"));
            return Ok(desired);
        }
        Ok(document) => match overrides::read(document, &job.policy, &job.config, &salt) {
            Ok(sheet) => sheet,
            Err(mistakes) => {
                let first = mistakes.0.first().map(Mistake::told).unwrap_or_default();
                let more = match mistakes.0.len() {
                    0 | 1 => String::new(),
                    n => format!("; and {} more in this file", n - 1),
                };
                say(AttentionKind::OverridesUnreadable, &[], format!("{first}{more}; {unreadable}"));
                desired.mistakes = mistakes.0;
                return Ok(desired);
            }
        },
    };
    let malformed: Vec<MalformedRow> = sheet
        .refused
        .iter()
        .map(|m| MalformedRow {
            id: m.id.clone(),
            line: m.line as u64,
            why: m.mistakes.iter().map(Mistake::told).collect::<Vec<_>>().join("; "),
        })
        .collect();
    for bad in &malformed {
        say(AttentionKind::OverrideRefused, &[&bad.id], format!("override {}: {}", bad.id, bad.why));
    }
    desired.mistakes = sheet.refused.iter().flat_map(|m| m.mistakes.clone()).collect();

    let record = ledger.record();
    let is_filed = |row: &&Override| record.rows.get(&row.fingerprint()).is_none_or(|r| r.gone.is_some());
    let seen: Vec<Override> = sheet.rows.iter().filter(is_filed).cloned().collect();
    let present: BTreeSet<String> = sheet.rows.iter().map(Override::fingerprint).collect();
    let is_gone =
        |(fingerprint, r): &(&String, &FiledRow)| r.gone.is_none() && !present.contains(*fingerprint);
    let gone: Vec<String> = record.rows.iter().filter(is_gone).map(|(f, _)| f.clone()).collect();
    if !seen.is_empty() || !gone.is_empty() {
        ledger.append(clock, Entry::Overrides { seen, gone })?;
    }
    if ledger.record().malformed != malformed {
        ledger.append(clock, Entry::Malformed { rows: malformed })?;
    }
    desired.sheet = Some(sheet);
    Ok(desired)
}

/// Lists the rows that may still be decided differently.
///
/// Their window is open, one of their days is not sealed, or they have never been decided.
fn live(ledger: &Ledger, job: &Job, clock: Clock) -> Vec<Filed> {
    let days = &ledger.record().days;
    let is_sealed = |day: Day| days.get(&day).is_some_and(|record| record.sealed.is_some());
    let now = clock.at.timestamp_micros();
    let mut live: Vec<Filed> = ledger
        .record()
        .rows
        .values()
        .filter(|filed| filed.gone.is_none())
        .filter(|filed| {
            let row = &filed.row;
            let closes = |day| overrides::closes_us(row.direction, day, &job.config.overrides);
            let is_over = row.first_day().is_none_or(|day| now > closes(day));
            filed.judged.is_none() || !is_over || !filed.row.days().all(is_sealed)
        })
        .map(|filed| Filed { row: filed.row.clone(), first_seen_us: filed.first_seen.timestamp_micros() })
        .collect();
    live.sort_by(|a, b| (a.first_seen_us, &a.row.id).cmp(&(b.first_seen_us, &b.row.id)));
    live
}

/// Decisions about the rows, and the rows that apply to each day.
#[derive(Default)]
pub struct Plan {
    judged: Vec<Decided>,
    /// Rows that apply to each day with classified events, as far as any do.
    rows: BTreeMap<Day, Vec<Override>>,
}

impl Plan {
    pub fn rows(&self, day: Day) -> Option<Vec<Override>> {
        self.rows.get(&day).cloned()
    }

    /// Leaves the rows alone that touch one of these days, which could not be classified.
    ///
    /// The other days of such a row keep the rows that they have.
    pub fn hold(&mut self, stuck: &BTreeSet<Day>, ledger: &Ledger) {
        let (held, judged) = std::mem::take(&mut self.judged)
            .into_iter()
            .partition(|judged: &Decided| judged.row.days().any(|day| stuck.contains(&day)));
        self.judged = judged;
        for day in held.iter().flat_map(|judged| judged.row.days()) {
            if let (Some(rows), Ok(Some(made))) = (self.rows.get_mut(&day), ledger.made_from(day)) {
                *rows = made.rows;
            }
        }
    }

    pub fn days(&self) -> impl Iterator<Item = Day> {
        self.rows.keys().copied()
    }
}

/// Lists the days that live rows name.
pub fn touched(job: &Job, ledger: &Ledger, clock: Clock) -> BTreeSet<Day> {
    live(ledger, job, clock).iter().flat_map(|filed| filed.row.days().collect::<Vec<_>>()).collect()
}

/// Decides the live rows; `postings` holds the classified days among [`touched`].
pub fn plan(
    job: &Job,
    ledger: &Ledger,
    postings: &BTreeMap<Day, &Postings>,
    clock: Clock,
) -> anyhow::Result<Plan> {
    let record = ledger.record();
    let filed = live(ledger, job, clock);
    let mut frozen: BTreeMap<Day, Vec<Override>> = BTreeMap::new();
    for day in postings.keys() {
        if record.days.get(day).is_some_and(|record| record.sealed.is_some()) {
            // Rows of its adjusting entries are included: they are as final as the day.
            frozen.insert(*day, ledger.made_from(*day)?.map(|made| made.rows).unwrap_or_default());
        }
    }
    let touched: Vec<Touched<'_>> = postings
        .iter()
        .map(|(day, postings)| Touched { day: *day, postings, sealed: frozen.get(day).map(Vec::as_slice) })
        .collect();
    let judged = overrides::plan(&filed, &touched, &job.config.overrides)?;
    let mut rows: BTreeMap<Day, Vec<Override>> = BTreeMap::new();
    // Rows that were applied to a sealed day stay, even if they are withdrawn or refused since.
    for (day, frozen) in &frozen {
        rows.insert(*day, frozen.clone());
    }
    for judged in judged.iter().filter(|j| j.verdict == Decision::Applied) {
        // The other days get the row when they are booked.
        for day in judged.row.days().filter(|day| postings.contains_key(day)) {
            let is_frozen = frozen.contains_key(&day);
            let of_day = rows.entry(day).or_default();
            let is_there = of_day.contains(&judged.row);
            if !is_there && (!is_frozen || judged.row.direction == Direction::ToDowntime) {
                of_day.push(judged.row.clone());
            }
        }
    }
    Ok(Plan { judged, rows })
}

/// Journals the new decisions, and reports the rows that were refused.
pub fn note(plan: &Plan, desired: &mut Desired, ledger: &mut Writer, clock: Clock) -> anyhow::Result<()> {
    let mut decided: Vec<JudgedRow> = Vec::new();
    for judged in &plan.judged {
        let (status, why) = match &judged.verdict {
            Decision::Applied => (RowStatus::Applied, String::new()),
            Decision::Waiting => (RowStatus::Waiting, "not all of its days are accounted yet".to_owned()),
            Decision::Refused(refusal) => (RowStatus::Refused, format!("{}: {refusal}", refusal.name())),
        };
        if let Decision::Refused(refusal) = &judged.verdict {
            let mistake = desired.sheet.as_ref().and_then(|sheet| sheet.refusal(&judged.row.id, refusal));
            let place = mistake.as_ref().map(|m| format!(" ({})", m.place())).unwrap_or_default();
            let message = format!("override {}{place}: {why}", judged.row.id);
            let day = Day::of_us(judged.row.start_us).unwrap_or(Day::of(clock.at));
            let told = Attention::new(AttentionKind::OverrideRefused, day, &[&judged.row.id], message);
            desired.attention.push(told);
            desired.mistakes.extend(mistake);
        }
        decided.push(JudgedRow { row: judged.row.fingerprint(), status, why });
    }
    for (fingerprint, filed) in &ledger.record().rows {
        if filed.gone.is_some() {
            let is_sealed =
                |day: &Day| ledger.record().days.get(day).is_some_and(|record| record.sealed.is_some());
            let was_applied = filed.judged.as_ref().is_some_and(|judged| judged.status == RowStatus::Applied);
            let why = match filed.row.days().find(is_sealed) {
                _ if !was_applied => "it is gone from the file".to_owned(),
                Some(day) => {
                    format!("it is gone from the file; what it moved on {day} and other sealed days stays")
                }
                None => "it is gone from the file, and what it moved was put back".to_owned(),
            };
            decided.push(JudgedRow { row: fingerprint.clone(), status: RowStatus::Withdrawn, why });
        }
    }
    let record = ledger.record();
    decided.retain(|judged| {
        record.rows.get(&judged.row).is_some_and(|row| {
            // The first reason of a withdrawn row stays, even if more of its days are sealed later.
            let is_withdrawn = |j: &JudgedRow| j.status == RowStatus::Withdrawn;
            let known = row.judged.as_ref();
            known != Some(judged) && !(known.is_some_and(is_withdrawn) && is_withdrawn(judged))
        })
    });
    if !decided.is_empty() {
        ledger.append(clock, Entry::Judged { rows: decided })?;
    }
    Ok(())
}
