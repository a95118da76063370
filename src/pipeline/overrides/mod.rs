//! Override rows in a run: read, filed in the journal, decided, and applied to their days.

mod sealed;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

pub use sealed::note_sealed;

use super::Job;
use super::seal::more_time::{ComingEdition, more_time};
use crate::attention::{Attention, AttentionKind};
use crate::clock::Clock;
use crate::day::Day;
use crate::document::Mistake;
use crate::error::stops_all;
use crate::facts::Salt;
use crate::ledger::{Entry, FiledRow, JudgedRow, Ledger, LedgerState, MalformedRow, RowStatus, Writer};
use crate::overrides::{
    self, Decided, Decision, Direction, Filed, KnownRows, LedgerRow, Malformed, Override, OverrideSheet,
    Refusal, RowTiming, Touched, Windows,
};
use crate::policy::Postings;

/// The result of reading the override file.
#[derive(Default)]
pub struct Desired {
    /// The file, if it could be read.
    sheet: Option<OverrideSheet>,
    pub attention: Vec<Attention>,
    /// Mistakes in the file, to be shown with their excerpts.
    pub mistakes: Vec<Mistake>,
    /// Wall clock of the last line before the run.
    last_wall: Option<DateTime<Utc>>,
    /// Rows that this run does not judge, because a day of theirs could not be classified.
    held: BTreeSet<String>,
}

impl Desired {
    /// Begins with a ledger to which the run has written nothing yet.
    pub fn after(ledger: &Ledger) -> Self {
        Self { last_wall: ledger.last_wall(), ..Self::default() }
    }

    /// Tells that a row is refused.
    fn refuse(&mut self, id: &str, day: Day, why: &str, mistake: Option<Mistake>) {
        let place = mistake.as_ref().map(|m| format!(" ({})", m.place())).unwrap_or_default();
        let message = format!("override {id}{place}: {why}");
        self.attention.push(Attention::new(AttentionKind::OverrideRefused, day, &[id], message));
        self.mistakes.extend(mistake);
    }
}

/// Reads the override file, and journals which rows are new and which are gone.
///
/// If the file cannot be read, or the config no longer names it, no row is withdrawn.
pub fn file(job: &Job, ledger: &mut Writer, mut desired: Desired, clock: Clock) -> anyhow::Result<Desired> {
    let day = Day::of(clock.wall);
    let mut say = |kind, subject: &[&str], message| {
        desired.attention.push(Attention::new(kind, day, subject, message));
    };
    let Some(document) = &job.override_file else {
        let open = live(ledger, clock).len();
        if open > 0 {
            let what = "of an override file can still move something, and the config names no such file; nothing was withdrawn. Name the file under \
                        [overrides]; to withdraw rows, take them out of it";
            let rows = if open == 1 { "row" } else { "rows" };
            say(AttentionKind::OverridesNotNamed, &[], format!("{open} {rows} {what}"));
        }
        return Ok(desired);
    };
    let record = ledger.record();
    let salt = Salt::new(&job.config.salt.clone().map_or_else(|| ledger.salt(), Ok)?);
    let unreadable = "no row was taken from it or withdrawn";
    let sheet = match document {
        Err(trouble) => {
            say(AttentionKind::OverridesUnreadable, &[], format!("{trouble}; {unreadable}"));
            return Ok(desired);
        }
        Ok(document) => {
            let known = known(ledger, &salt.fingerprint());
            let (policy, config) = (&job.policy, &job.config);
            match overrides::read_known(document, policy, config, &salt, &record.review, &known) {
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
            }
        }
    };
    let in_file = record.rows.values().filter(|filed| filed.gone.is_none());
    let known_ids: BTreeSet<&str> = in_file.map(|filed| filed.row.id.as_str()).collect();
    let why = |m: &Malformed| {
        let why = m.mistakes.iter().map(Mistake::told).collect::<Vec<_>>().join("; ");
        if known_ids.contains(m.id.as_str()) {
            format!("{why}; the row stays as it was seen before")
        } else {
            why
        }
    };
    let malformed: Vec<MalformedRow> = sheet
        .refused
        .iter()
        .map(|m| MalformedRow { id: m.id.clone(), line: m.line as u64, why: why(m) })
        .collect();
    for bad in &malformed {
        say(AttentionKind::OverrideRefused, &[&bad.id], format!("override {}: {}", bad.id, bad.why));
    }
    desired.mistakes = sheet.refused.iter().flat_map(|m| m.mistakes.clone()).collect();

    let is_news =
        |row: &&Override| record.rows.get(&row.identity()).is_none_or(|r| r.gone.is_some() || r.row != **row);
    let seen: Vec<Override> = sheet.rows.iter().filter(is_news).cloned().collect();
    let present: BTreeSet<String> = sheet.rows.iter().map(Override::identity).collect();
    let unread: BTreeSet<&String> = sheet.refused.iter().map(|m| &m.id).collect();
    let is_gone = |(identity, filed): &(&String, &FiledRow)| {
        filed.gone.is_none() && !present.contains(*identity) && !unread.contains(&filed.row.id)
    };
    let gone: Vec<String> = record.rows.iter().filter(is_gone).map(|(name, _)| name.clone()).collect();
    if !seen.is_empty() || !gone.is_empty() {
        ledger.append(clock, Entry::Overrides { seen, gone, salt: Some(salt.fingerprint()) })?;
    }
    if ledger.record().malformed != malformed {
        ledger.append(clock, Entry::Malformed { rows: malformed })?;
    }
    desired.sheet = Some(sheet);
    Ok(desired)
}

/// Returns the rows that the ledger knows, as a file is read next to them with a salt.
fn known(ledger: &Ledger, salt: &str) -> KnownRows {
    let record = ledger.record();
    // Lines of earlier versions do not name the salt of a row; the days do.
    let mut readings = record.days.values().filter_map(|day| day.reading.as_ref());
    let was_other = readings.any(|reading| reading.salt != salt);
    let known = |filed: &FiledRow| LedgerRow {
        row: filed.row.clone(),
        has_other_salt: filed.salt.as_ref().map_or(was_other, |own| own != salt),
    };
    KnownRows::new(record.rows.values().map(known))
}

/// Lists the rows that may still be decided differently.
///
/// Their window is open, one of their days is not sealed, or they have never been decided.
fn live(ledger: &Ledger, clock: Clock) -> Vec<Filed> {
    let record = ledger.record();
    let is_sealed = |day: Day| record.days.get(&day).is_some_and(|record| record.sealed.is_some());
    let windows = windows(ledger, clock);
    let mut live: Vec<Filed> = record
        .rows
        .iter()
        .filter(|(_, filed)| filed.gone.is_none())
        .filter(|(_, filed)| {
            let row = &filed.row;
            let closes = |day| windows.closes_us(row.direction, day);
            let is_over = row.first_day().is_none_or(|day| windows.now_us > closes(day));
            filed.judged.is_none() || !is_over || !filed.row.days().all(is_sealed)
        })
        .map(|(identity, filed)| Filed {
            row: filed.row.clone(),
            first_seen_us: filed.first_seen.timestamp_micros(),
            was_applied: filed.was_applied,
            is_agreed: record.attention.acknowledgement(&asking(&filed.row, identity, "").key()).is_some(),
        })
        .collect();
    live.sort_by(|a, b| (a.first_seen_us, &a.row.id).cmp(&(b.first_seen_us, &b.row.id)));
    live
}

/// Returns the windows of all rows, without more time.
fn windows(ledger: &Ledger, clock: Clock) -> Windows {
    let record = ledger.record();
    let open = record.days.iter().filter(|(_, day)| day.sealed.is_none() && day.newest().is_some());
    Windows {
        review: record.review.clone(),
        now_us: clock.wall.timestamp_micros(),
        open_months: open.map(|(day, _)| day.month()).collect(),
        more: BTreeMap::new(),
    }
}

/// Finds more time for the open days of rows that came after their window and its grace.
fn with_more_time(
    mut windows: Windows,
    ledger: &Ledger,
    filed: &[Filed],
    coming: &BTreeMap<Day, ComingEdition<'_>>,
    clock: Clock,
) -> anyhow::Result<Windows> {
    let is_open = |day: &Day| match ledger.record().days.get(day) {
        Some(record) => record.sealed.is_none() && (record.newest().is_some() || coming.contains_key(day)),
        None => coming.contains_key(day),
    };
    let is_late = |filed: &&Filed| {
        !filed.was_applied && matches!(windows.timing(&filed.row, filed.first_seen_us), RowTiming::Refused(_))
    };
    let days: BTreeSet<Day> =
        filed.iter().filter(is_late).flat_map(|filed| filed.row.days()).filter(is_open).collect();
    for day in days {
        match more_time(ledger, day, coming.get(&day).copied(), clock) {
            Ok(more) => _ = windows.more.insert(day, more),
            Err(error) if stops_all(&error) => return Err(error),
            // A damaged day is told by itself; its rows are judged again when it is whole.
            Err(_) => {}
        }
    }
    Ok(windows)
}

/// Returns the rows that were applied to a day that is still open, and are gone from the file.
fn gone(ledger: &Ledger) -> Vec<Override> {
    let record = ledger.record();
    let is_open = |day: Day| record.days.get(&day).is_some_and(|record| record.sealed.is_none());
    let gone = record.rows.values().filter(|filed| filed.gone.is_some() && filed.was_applied);
    gone.filter(|filed| filed.row.days().any(is_open)).map(|filed| filed.row.clone()).collect()
}

/// Makes the attention of a row that two persons must agree to.
fn asking(row: &Override, identity: &str, message: &str) -> Attention {
    let name = identity.get(..8).unwrap_or(identity);
    let day = row.first_day().unwrap_or(Day::of(DateTime::UNIX_EPOCH));
    Attention::new(AttentionKind::LateRow, day, &[&row.id, name], message.to_owned())
}

/// Decisions about the rows, and the rows that apply to each day.
#[derive(Default)]
pub struct Plan {
    judged: Vec<Decided>,
    /// Rows that apply to each day with classified events, as far as any do.
    rows: BTreeMap<Day, Vec<Override>>,
    /// Rows that are gone from the file, with the events that no row with their id moves now.
    given_up: Vec<(Override, i64)>,
    /// Rows that are left alone.
    held: BTreeSet<String>,
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
        self.held.extend(held.iter().map(|judged| judged.row.identity()));
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

/// Lists the days that live rows name, or applied ones that are gone.
pub fn touched(ledger: &Ledger, clock: Clock) -> BTreeSet<Day> {
    let live = live(ledger, clock).into_iter().map(|filed| filed.row);
    live.chain(gone(ledger)).flat_map(|row| row.days()).collect()
}

/// Decides the live rows; `postings` holds the classified days among [`touched`].
///
/// Open days are judged with what this run has read of them, as the next run would find them.
pub fn plan(
    job: &Job,
    ledger: &Ledger,
    postings: &BTreeMap<Day, &Postings>,
    clock: Clock,
) -> anyhow::Result<Plan> {
    let record = ledger.record();
    let filed = live(ledger, clock);
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
    let settings = job.settings();
    let coming = |postings| ComingEdition { postings, policy: &job.policy, settings: &settings };
    let coming = postings.iter().map(|(day, postings)| (*day, coming(*postings))).collect();
    let windows = with_more_time(windows(ledger, clock), ledger, &filed, &coming, clock)?;
    let gone = gone(ledger);
    let (judged, given_up) = overrides::plan_with_gone(&filed, &gone, &touched, &windows)?;
    let mut rows: BTreeMap<Day, Vec<Override>> = BTreeMap::new();
    // Rows that were applied to a sealed day stay, even if they are withdrawn or refused since.
    let mut there: BTreeSet<(Day, String)> = BTreeSet::new();
    for (day, frozen) in &frozen {
        there.extend(frozen.iter().map(|row| (*day, row.identity())));
        rows.insert(*day, frozen.clone());
    }
    for judged in judged.iter().filter(|j| j.verdict == Decision::Applied) {
        // The other days get the row when they are booked.
        for day in judged.row.days().filter(|day| postings.contains_key(day)) {
            let is_frozen = frozen.contains_key(&day);
            let of_day = rows.entry(day).or_default();
            let is_new = there.insert((day, judged.row.identity()));
            if is_new && (!is_frozen || judged.row.direction == Direction::ToDowntime) {
                of_day.push(judged.row.clone());
            }
        }
    }
    let given_up = gone.into_iter().zip(given_up).filter(|(_, events)| *events > 0).collect();
    Ok(Plan { judged, rows, given_up, held: BTreeSet::new() })
}

/// Journals the new decisions, and reports the rows that were refused.
pub fn note(plan: &Plan, desired: &mut Desired, ledger: &mut Writer, clock: Clock) -> anyhow::Result<()> {
    let mut decided: Vec<JudgedRow> = Vec::new();
    desired.held.clone_from(&plan.held);
    let record = ledger.record();
    for judged in &plan.judged {
        let identity = judged.row.identity();
        let day = judged.row.first_day().unwrap_or(Day::of(clock.wall));
        let filed = record.rows.get(&identity);
        let mut first_events = None;
        let (status, why) = match &judged.verdict {
            Decision::Applied => {
                first_events = filed.filter(|filed| !filed.was_applied).map(|_| judged.events);
                desired.attention.extend(filed.and_then(|filed| grown(filed, day, judged.events)));
                (RowStatus::Applied, String::new())
            }
            Decision::Settled => (RowStatus::Settled, "what it had moved has settled by itself".to_owned()),
            Decision::Waiting => (RowStatus::Waiting, "not all of its days are accounted yet".to_owned()),
            Decision::Asks => {
                let why = format!(
                    "it was first seen after the window of {day} had closed, in time that a run gave the day because nobody could \
                     be heard before or a row was gone; it moves nothing until two persons acknowledge it"
                );
                let message = format!("override {}: {why}", judged.row.id);
                desired.attention.push(asking(&judged.row, &identity, &message));
                (RowStatus::Waiting, why)
            }
            Decision::Refused(refusal) => {
                let why = refuse(&judged.row, filed, refusal, desired, day);
                (RowStatus::Refused, why)
            }
        };
        decided.push(JudgedRow { row: identity, status, why, events: first_events });
    }
    tell_of_killed_run(plan, desired, record);
    for (row, events) in &plan.given_up {
        let days = row.days().collect::<Vec<_>>();
        let day = days.iter().find(|day| record.days.get(day).is_some_and(|day| day.sealed.is_none()));
        let message = format!(
            "override {} moved {events} events, and neither it nor another row with its id moves them now: it is gone from the file, \
             or was edited. Put it back, or have two persons acknowledge that it was withdrawn",
            row.id
        );
        let day = day.copied().unwrap_or(Day::of(clock.wall));
        let told = Attention::new(AttentionKind::RowGone, day, &[&row.id], message);
        desired.attention.push(told.of_measure(events.unsigned_abs()));
    }
    for (identity, filed) in &record.rows {
        if filed.gone.is_some() {
            let is_sealed = |day: &Day| record.days.get(day).is_some_and(|record| record.sealed.is_some());
            let was_applied = filed
                .judged
                .as_ref()
                .is_some_and(|judged| matches!(judged.status, RowStatus::Applied | RowStatus::Settled));
            let why = match filed.row.days().find(is_sealed) {
                _ if !was_applied => "it is gone from the file".to_owned(),
                Some(day) => {
                    format!("it is gone from the file; what it moved on {day} and other sealed days stays")
                }
                None => "it is gone from the file, and what it moved was put back".to_owned(),
            };
            decided.push(JudgedRow {
                row: identity.clone(),
                status: RowStatus::Withdrawn,
                why,
                events: None,
            });
        }
    }
    decided.retain(|judged| {
        record.rows.get(&judged.row).is_some_and(|row| {
            // The first reason of a withdrawn row stays, even if more of its days are sealed later.
            let is_withdrawn = |j: &JudgedRow| j.status == RowStatus::Withdrawn;
            let known = row.judged.as_ref();
            let is_as_before = |known: &JudgedRow| (known.status, &known.why) == (judged.status, &judged.why);
            let is_withdrawn_again = known.is_some_and(is_withdrawn) && is_withdrawn(judged);
            !known.is_some_and(is_as_before) && !is_withdrawn_again
        })
    });
    if !decided.is_empty() {
        ledger.append(clock, Entry::Judged { rows: decided })?;
    }
    Ok(())
}

/// Tells of a refused row, and returns why it is; the first reason stays as long as it holds.
fn refuse(
    row: &Override,
    filed: Option<&FiledRow>,
    refusal: &Refusal,
    desired: &mut Desired,
    day: Day,
) -> String {
    let sheet = desired.sheet.as_ref();
    let known = filed.and_then(|filed| filed.judged.as_ref());
    let is_told = |known: &&JudgedRow| known.status == RowStatus::Refused && refusal.is_told_by(&known.why);
    let (why, mistake) = match known.filter(is_told) {
        Some(known) => {
            let why = known.why.clone();
            (why, sheet.and_then(|sheet| sheet.earlier_refusal(&row.id, &known.why)))
        }
        None => {
            let why = format!("{}: {refusal}", refusal.name());
            (why, sheet.and_then(|sheet| sheet.refusal(&row.id, refusal)))
        }
    };
    desired.refuse(&row.id, day, &why, mistake);
    why
}

/// Tells of rows that the last run has refused and not told of, because it was killed.
///
/// If nothing of such a row is left to decide, it is not judged again.
fn tell_of_killed_run(plan: &Plan, desired: &mut Desired, record: &LedgerState) {
    let judged: BTreeSet<String> = plan.judged.iter().map(|judged| judged.row.identity()).collect();
    for (identity, filed) in record.rows.iter().filter(|(_, filed)| filed.gone.is_none()) {
        let (Some(known), Some(day)) = (&filed.judged, filed.row.first_day()) else { continue };
        let (id, is_last) = (&filed.row.id, filed.judged_at >= desired.last_wall);
        if known.status != RowStatus::Refused || !is_last || judged.contains(identity) {
            continue;
        }
        let key = Attention::new(AttentionKind::OverrideRefused, day, &[id], String::new()).key();
        if record.attention.since(&key).is_none() {
            let mistake = desired.sheet.as_ref().and_then(|sheet| sheet.earlier_refusal(id, &known.why));
            desired.refuse(id, day, &known.why, mistake);
        }
    }
}

/// Tells of an applied row that moves more than twice what it moved when it was first applied.
fn grown(filed: &FiledRow, day: Day, events: i64) -> Option<Attention> {
    let first = filed.first_events.filter(|_| filed.was_applied)?;
    let message = format!(
        "override {} moves {events} events now, and {first} when it was first applied: look at what came later (uptime-ledger \
         explain), and narrow the row if it was not meant",
        filed.row.id
    );
    let told = Attention::new(AttentionKind::RowGrown, day, &[&filed.row.id], message);
    (events > 2 * first).then(|| told.of_measure(events.unsigned_abs()))
}
