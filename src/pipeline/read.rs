//! Logs: finds the days whose logs are due, and reads them into daybooks (the only heavy step).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::poorer::{RowsChange, change, has_missing_logs, is_accepted, is_unlike_before};
use super::{Asked, Job, Watch};
use crate::attention::{Attention, AttentionKind, Look, Looks};
use crate::clock::Clock;
use crate::config::{Canonical, Difference};
use crate::day::Day;
use crate::daybook::{self, DaybookFolders};
use crate::error::Trouble;
use crate::facts::{Input, MissingLog, Salt};
use crate::intake::{self, IntakeFolders, Meter, ReadNotes};
use crate::ledger::{Ledger, LogsRead, Writer};
use crate::resolve::missing_logs;

/// Outcome of reading the logs of a run.
#[derive(Default)]
pub(super) struct LogsOfRun {
    /// The days that the run accounts, in order.
    pub days: Vec<Day>,
    /// Days whose logs were read into their daybooks, with other open days behind the asked ones.
    pub read: Vec<Read>,
    /// Days that keep their edition although rows are gone from their logs.
    pub kept: Vec<Day>,
    /// Why an asked day could not be read; it and the days behind it are not accounted.
    pub failure: Option<anyhow::Error>,
    pub looks: Looks,
}

/// Reads the days that are due, and open days whose logs have changed since they were read.
///
/// # Errors
/// No asked day could be read, or the ledger could not be.
pub(super) fn logs(
    job: &Job,
    ledger: &mut Writer,
    asked: &Asked,
    clock: Clock,
    watch: Watch<'_>,
) -> anyhow::Result<LogsOfRun> {
    let mut found = LogsOfRun::default();
    match asked {
        Asked::Days(days) => found.days.clone_from(days),
        Asked::Due => {
            let missed;
            (found.days, missed) = due(ledger, clock);
            found.looks.take(Look::Run, missed);
        }
    }
    adopt(job, ledger, clock)?;
    let one = |ledger: &mut Writer, day: Day| -> Result<Reading, Trouble> {
        tracing::info!(%day, "reading");
        let meter = Arc::new(Meter::default());
        let watching = watch(day, &meter);
        let done = read(job, ledger, day, clock, &meter);
        drop(watching);
        done
    };
    for day in &found.days.clone() {
        let is_known = matches!(asked, Asked::Due) && ledger.days().contains(day);
        if is_known && look(job, ledger, *day)? == LogState::Same {
            found.looks.take(Look::Kept(*day), None);
            continue;
        }
        match one(ledger, *day) {
            Ok(done) => found.take(*day, done),
            Err(error) => {
                let error = anyhow::Error::from(error).context(format!("reading {day}"));
                if found.read.is_empty() {
                    return Err(error);
                }
                found.failure = Some(error);
                return Ok(found);
            }
        }
    }
    for day in open_days(ledger) {
        if found.days.contains(&day) {
            continue;
        }
        // A log that cannot be read now can be read by the next run; the day stands as it is.
        let state = match look(job, ledger, day)? {
            LogState::Gone if is_accepted(ledger, day, 0) => LogState::Changed,
            // Its daybook is not there any more since an older journal was put back.
            LogState::Unknown if ledger.record().days.get(&day).is_some_and(|known| known.is_pruned) => {
                LogState::Changed
            }
            state => state,
        };
        match state {
            LogState::Gone => found.kept.push(day),
            LogState::Same => found.looks.take(Look::Kept(day), None),
            LogState::Changed | LogState::Unknown => {}
        }
        if state == LogState::Changed {
            match one(ledger, day) {
                Ok(done) => found.take(day, done),
                Err(error) => {
                    let message = format!("its logs have changed and could not be read again: {error}");
                    let told = Attention::new(AttentionKind::NotReadAgain, day, &[], message);
                    found.looks.take(Look::Run, Some(told));
                }
            }
        }
    }
    found.looks.take(Look::Run, read_otherwise(job, ledger));
    Ok(found)
}

impl LogsOfRun {
    fn take(&mut self, day: Day, reading: Reading) {
        match reading {
            Reading::Read(read) => {
                let read = *read;
                self.looks.take(Look::Kept(day), None);
                self.looks.take(Look::Happened(day), read.attention.iter().cloned());
                self.read.push(read);
            }
            Reading::Kept(told) => {
                self.kept.push(day);
                self.looks.take(Look::Kept(day), told);
            }
        }
    }
}

/// What reading the logs of a day came to.
enum Reading {
    Read(Box<Read>),
    /// The logs are poorer than before, so the day keeps what was read of them; perhaps with a
    /// reason for a person to look.
    Kept(Option<Attention>),
}

/// A day whose logs have been read into its daybook.
pub struct Read {
    pub day: Day,
    pub notes: ReadNotes,
    /// What reading alone shows to a person.
    attention: Vec<Attention>,
}

/// Days to look back from yesterday for days without an edition, which are caught up, oldest first.
const CATCH_UP_DAYS: i64 = 31;

/// Lists the days that are due: yesterday, and missed days since the first edition.
///
/// Days missed before the last [`CATCH_UP_DAYS`] are not read, but reported as attention.
fn due(ledger: &Ledger, clock: Clock) -> (Vec<Day>, Option<Attention>) {
    let yesterday = Day::of(clock.at).plus(-1);
    let known = ledger.days();
    let Some(first) = known.first().copied() else { return (vec![yesterday], None) };
    let is_missed = |day: &Day| !known.contains(day);
    let from = first.max(yesterday.plus(-CATCH_UP_DAYS));
    let mut due: Vec<Day> = from.through(yesterday).filter(is_missed).collect();
    if !due.contains(&yesterday) {
        due.push(yesterday);
    }
    let older = first.through(from.plus(-1)).filter(is_missed).count();
    let attention = (older > 0).then(|| {
        let message = format!(
            "{older} days since then have no edition and lie too far back to be caught up; run them with --from and --to"
        );
        Attention::new(AttentionKind::MissedDays, first, &[], message).of_measure(older as u64)
    });
    (due, attention)
}

/// State of a day's logs, compared with how they were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogState {
    /// Files and contents are unchanged.
    Same,
    /// Files are new or have another content, or one could not be read.
    Changed,
    /// Some of its files are gone, and there is nothing new.
    Gone,
    /// The day has no daybook or was read under other settings.
    Unknown,
}

/// Compares the logs of a day with how they were read.
///
/// A file with the same size and modification time is not opened.
pub fn look(job: &Job, ledger: &Ledger, day: Day) -> Result<LogState, Trouble> {
    let place = ledger.daybooks().remove(&day);
    let Some(reading) = ledger.daybook(day).filter(|_| place.is_some()) else { return Ok(LogState::Unknown) };
    if !job.config.reads_like(&reading.settings) {
        return Ok(LogState::Unknown);
    }
    let now = intake::inputs(&job.config, day, &reading.files, job.workers)?;
    // A file that could not be read then may be readable now.
    let is_whole = now.iter().all(|input| !input.hash.is_empty());
    let is_known = |input: &Input| reading.files.iter().any(|file| file.hash == input.hash);
    if is_whole && now.len() < reading.files.len() && now.iter().all(is_known) {
        return Ok(LogState::Gone);
    }
    let now = LogsRead { files: now, ..reading.clone() };
    Ok(if now.is_like(reading) && is_whole { LogState::Same } else { LogState::Changed })
}

/// Reads the logs of a day into its daybook.
///
/// # Errors
/// [`Trouble`]; the daybook that the day had before is kept.
fn read(job: &Job, ledger: &mut Writer, day: Day, clock: Clock, meter: &Meter) -> Result<Reading, Trouble> {
    let config = &job.config;
    let text = config.salt.clone().map_or_else(|| ledger.salt(), Ok)?;
    let salt = Salt::new(&text);
    let scratch = ledger.scratch()?;
    // Listed before reading: if a log grows meanwhile, the next run sees that it has changed.
    let known = ledger.daybook(day).map(|reading| reading.files.clone()).unwrap_or_default();
    let listing = intake::listing(config, day, &known)?;
    let spill = ledger.scratch()?;
    let folders = IntakeFolders { spill: spill.path(), daybook: scratch.path() };
    let latest_us = clock.latest_log_us(job.clock_source);
    let (daybook, notes) = intake::read(config, day, job.workers, &salt, folders, latest_us, meter)?;
    let files = listing.hashed(&notes.wholes, job.workers);
    let mut attention = Vec::new();
    let change = change(job, ledger, day, &daybook)?;
    let is_poorer = change.gone() > 0 && (job.may_lose_logs || is_accepted(ledger, day, change.gone()));
    if !is_poorer {
        match change {
            RowsChange::NotFewer => {}
            RowsChange::Gone { gone, before } if is_unlike_before(&daybook) => {
                let message = format!(
                    "none of the {before} rows that it was made from is found in its logs any more ({gone} are gone); it keeps \
                     its edition. Do preset and columns still fit the logs? To publish the day without them, acknowledge it"
                );
                return Ok(Reading::Kept(Some(
                    Attention::new(AttentionKind::FewerRows, day, &[], message).of_measure(gone),
                )));
            }
            RowsChange::Gone { gone, before } => {
                let is_missing = has_missing_logs(ledger, day)?;
                let message = format!(
                    "{gone} of the {before} rows that it was made from are no longer in its logs, and something was missing from \
                     it already; it keeps its edition. Put the logs back, or acknowledge it, and the next run books what \
                     is left"
                );
                let told = Attention::new(AttentionKind::FewerRows, day, &[], message).of_measure(gone);
                return Ok(Reading::Kept(is_missing.then_some(told)));
            }
            RowsChange::Mixed { gone, fresh } => {
                let message = format!(
                    "{gone} rows are gone from its logs and {fresh} others are new; it keeps its edition. Put back what is gone, \
                     or, if the logs are right now, acknowledge it, and the next run books them"
                );
                return Ok(Reading::Kept(Some(
                    Attention::new(AttentionKind::FewerRows, day, &[], message).of_measure(gone),
                )));
            }
            RowsChange::Rewritten { healed } => {
                // Rows that were written anew before count on, so that a second time is told as well.
                let before = ledger.record().attention.happened(AttentionKind::RewrittenLog, day);
                let times =
                    if before == 0 { String::new() } else { format!(", after {before} earlier ones") };
                let message = format!(
                    "no row is gone from its logs, but {healed} that failed before do not fail now{times}: they were written anew. \
                     The day is booked by them; ask who changed them, and why"
                );
                let told = Attention::new(AttentionKind::RewrittenLog, day, &[], message);
                attention.push(told.of_measure(before + healed));
            }
        }
    }
    if config.salt.is_none() {
        ledger.keep_salt(&text)?;
    }
    let settings = Canonical::of_reading(config).fingerprint();
    let reading = LogsRead {
        day,
        daybook: String::new(),
        settings,
        config: None,
        salt: salt.fingerprint(),
        files,
        is_poorer,
    };
    ledger.keep(scratch, reading, &job.settings(), clock)?;
    Ok(Reading::Read(Box::new(Read { day, notes, attention })))
}

/// Notes today's settings for open days of version 0.1.0 that were read under the same ones.
///
/// That version kept a hash of its own; from here on such a day is compared setting by setting.
fn adopt(job: &Job, ledger: &mut Writer, clock: Clock) -> Result<(), Trouble> {
    let settings = Canonical::of_reading(&job.config).fingerprint();
    for day in open_days(ledger) {
        let landed = ledger.daybook(day).filter(|reading| reading.config.is_none());
        let Some(reading) = landed.filter(|reading| job.config.reads_like(&reading.settings)).cloned() else {
            continue;
        };
        let reading = LogsRead { settings: settings.clone(), ..reading };
        ledger.adopt(reading, &job.settings(), clock)?;
    }
    Ok(())
}

/// Returns whether slots, deadlines and services are those under which a daybook was shaped.
fn is_shaped_alike(job: &Job, ledger: &Ledger, day: Day, head_settings: &str) -> bool {
    match ledger.daybook(day).and_then(|reading| reading.config.as_ref()) {
        Some(kept) => {
            let kept = ledger.config(kept);
            kept.is_ok_and(|kept| Canonical::of_joining(&job.config).differences(&kept).is_empty())
        }
        None => job.config.joins_like(head_settings),
    }
}

/// Differences shown for one group of days; more would hide the days.
const TOLD_DIFFERENCES: usize = 5;

/// Reports open days that were read under settings that differ from today's.
///
/// These days stay as they are, and rows added to their logs are not read, until a person decides.
/// Days with the same differences share one attention.
pub fn read_otherwise(job: &Job, ledger: &Ledger) -> Vec<Attention> {
    // Without a config, every run names its own files, and days of other runs are none of its own.
    if job.config.sources.iter().all(|source| source.is_named_by_hand) {
        return Vec::new();
    }
    // Days that follow one another and have the same differences.
    let mut groups: Vec<(String, Vec<Day>)> = Vec::new();
    for day in open_days(ledger) {
        let Some(reading) = ledger.daybook(day).filter(|reading| !job.config.reads_like(&reading.settings))
        else {
            continue;
        };
        let differences = differences(job, ledger, reading);
        match groups.last_mut() {
            Some((same, days)) if *same == differences && days.last() == Some(&day.plus(-1)) => {
                days.push(day);
            }
            _ => groups.push((differences, vec![day])),
        }
    }
    let told = |(differences, days): (String, Vec<Day>)| {
        let (first, last) = (days[0], days[days.len() - 1]);
        let which = if days.len() == 1 {
            "it was".to_owned()
        } else {
            format!("{} days up to {last} were", days.len())
        };
        let message = format!(
            "{which} read under other settings, and what is added to their logs is not read: {differences}. Set that back, or \
             read the days again: --from {first} --to {last}"
        );
        let subject = first.to_string();
        Attention::new(AttentionKind::OtherSettings, first, &[&subject], message)
            .of_measure(days.len() as u64)
    };
    groups.into_iter().map(told).collect()
}

/// Describes the settings that differ from those that a day was read under, with both values.
fn differences(job: &Job, ledger: &Ledger, reading: &LogsRead) -> String {
    let Some(name) = &reading.config else {
        let place = ledger.daybooks().remove(&reading.day);
        let head = place.and_then(|folder| daybook::head(&folder).ok());
        let is_joined_alike = head.is_some_and(|head| job.config.joins_like(&head.settings));
        let among = if is_joined_alike {
            "a [[source]] differs"
        } else {
            "slot, [webhooks], [[service]] or [[source]] differs"
        };
        return format!("{among}; version 0.1.0, which read it, kept no settings to compare with");
    };
    let kept = match ledger.config(name) {
        Ok(kept) => kept,
        Err(trouble) => return format!("which ones cannot be told ({trouble})"),
    };
    let differences = Canonical::of_reading(&job.config).differences(&kept);
    let shown = |text: &str| if text.is_empty() { "not there".to_owned() } else { text.to_owned() };
    let mut told: Vec<String> = differences
        .iter()
        .take(TOLD_DIFFERENCES)
        .map(|Difference { key, old, new }| format!("`{key}` was {}, is {}", shown(old), shown(new)))
        .collect();
    if differences.len() > TOLD_DIFFERENCES {
        told.push(format!("and {} more", differences.len() - TOLD_DIFFERENCES));
    }
    told.join("; ")
}

/// The daybooks that a run may use, and attention for the others.
#[derive(Default)]
pub struct Usable {
    pub daybooks: DaybookFolders,
    pub attention: Vec<Attention>,
    /// Days near the ones just read that keep their edition in this run.
    pub stay: Vec<Day>,
}

/// Checks the daybooks around the days just read.
///
/// If a daybook cannot be read, or was made under other settings or another salt, its day stays as
/// it is and needs attention.
pub fn usable(job: &Job, ledger: &Ledger, read: &[Day]) -> Result<Usable, Trouble> {
    let config = &job.config;
    let mut found = Usable { daybooks: ledger.daybooks(), ..Usable::default() };
    if !config.has_webhooks() {
        return Ok(found);
    }
    let reach = config.webhooks.reach_days();
    let salt = Salt::new(&config.salt.clone().map_or_else(|| ledger.salt(), Ok)?).fingerprint();
    let is_near = |day: Day, by: i64| read.iter().any(|read| (read.plus(-by)..=read.plus(by)).contains(&day));
    let mut near = Vec::new();
    for (day, folder) in found.daybooks.clone() {
        if !is_near(day, 2 * reach) {
            continue;
        }
        let of_day = day.to_string();
        let mut say = |kind: AttentionKind, message| {
            let subject: &[&str] = if kind.tells_of_a_day() { &[] } else { &[&of_day] };
            found.attention.push(Attention::new(kind, day, subject, message));
        };
        match daybook::check(&folder) {
            Err(trouble) => {
                say(
                    AttentionKind::UnreadableDaybook,
                    format!("it stays as it is, and no other day can be settled by it: {trouble}"),
                );
                found.daybooks.remove(&day);
            }
            Ok(head) if head.salt != salt => {
                say(
                    AttentionKind::OtherSettings,
                    "it was read under another salt; run that day again".to_owned(),
                );
                found.daybooks.remove(&day);
            }
            // `read_otherwise` reports it, with the settings that differ.
            Ok(head) if is_near(day, reach) && !is_shaped_alike(job, ledger, day, &head.settings) => {
                found.stay.push(day);
            }
            Ok(_) if is_near(day, reach) => near.push(day),
            Ok(_) => {}
        }
    }
    // A day is not settled again from fewer daybooks than before.
    let record = ledger.record();
    let is_lost = |day: &&Day| {
        !found.daybooks.contains_key(day) && record.days.get(day).is_some_and(|known| !known.is_pruned)
    };
    for day in near {
        let needed = day.plus(-1)..=day.plus(reach);
        let published = ledger.days();
        let lost: Vec<String> =
            published.iter().filter(|d| needed.contains(d)).filter(is_lost).map(Day::to_string).collect();
        if lost.is_empty() {
            continue;
        }
        let is_read = read.contains(&day);
        let what = if is_read { "it may be less settled than it was" } else { "it stays as it is" };
        let message = format!("{what}: there is no daybook to use of {}; run them again", lost.join(", "));
        found.attention.push(Attention::new(AttentionKind::MissingDaybook, day, &[], message));
        if !is_read {
            found.stay.push(day);
        }
    }
    Ok(found)
}

/// Returns the missing logs of each day that has a daybook, judged by the days before it.
pub(super) fn missing(
    job: &Job,
    daybooks: &DaybookFolders,
) -> Result<BTreeMap<Day, Vec<MissingLog>>, Trouble> {
    let mut days = BTreeMap::new();
    for (day, folder) in daybooks {
        days.insert(*day, daybook::head(folder)?.file_hours);
    }
    Ok(missing_logs::missing_logs(&days, &job.config.sources))
}

/// Days with an edition that is not final.
pub(super) fn open_days(ledger: &Ledger) -> Vec<Day> {
    let is_open = |day: &Day| ledger.record().days.get(day).is_some_and(|record| record.sealed.is_none());
    ledger.days().into_iter().filter(is_open).collect()
}
