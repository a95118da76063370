//! Logs: finds the days whose logs are due, and reads them into daybooks (the only heavy step).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::poorer::{self, change, is_accepted};
use super::{Asked, Job, Watch};
use crate::attention::{Attention, AttentionKind, Look, Looks, NamedFiles};
use crate::clock::Clock;
use crate::config::{Canonical, Difference};
use crate::day::Day;
use crate::daybook::{self, DaybookFolders};
use crate::error::Trouble;
use crate::facts::{Input, Salt};
use crate::intake::{self, IntakeFolders, Meter, ReadNotes};
use crate::ledger::{Ledger, LogsRead, Writer};
use crate::resolve::missing_logs::{self, AcknowledgedName, JudgedFiles};

/// Outcome of reading the logs of a run.
#[derive(Default)]
pub(super) struct LogsOfRun {
    /// The days that the run accounts, in order.
    pub days: Vec<Day>,
    /// Days whose logs were read into their daybooks, with other open days behind the asked ones.
    pub read: Vec<Read>,
    /// Days that keep their edition although rows are gone from their logs.
    pub kept: Vec<Day>,
    /// Asked days that could not be read, and why.
    pub failed: BTreeMap<Day, anyhow::Error>,
    /// Trouble of the machine, after which no other day was read.
    pub trouble: Option<anyhow::Error>,
    pub looks: Looks,
}

/// Reads the days that are due, untold days, and open days whose logs have changed.
///
/// Of an untold day a killed run may have told nothing. A day that cannot be read stops alone.
///
/// # Errors
/// [`Trouble::stops_all`] before any day was read, or the ledger cannot be read or written.
pub(super) fn logs(
    job: &Job,
    ledger: &mut Writer,
    asked: &Asked,
    untold: &BTreeSet<Day>,
    clock: Clock,
    watch: Watch<'_>,
) -> anyhow::Result<LogsOfRun> {
    let mut found = LogsOfRun::default();
    match asked {
        Asked::Days(days) => found.days.clone_from(days),
        Asked::Due => found.days = due(ledger, clock),
    }
    adopt(job, ledger, clock)?;
    let one = |ledger: &mut Writer, day: Day| -> Result<Reading, Trouble> {
        tracing::info!(%day, "reading");
        job.cancellation.check()?;
        let meter = Arc::new(Meter::new(job.cancellation.clone()));
        let _watching = watch(day, &meter);
        read(job, ledger, day, clock, &meter)
    };
    for day in &found.days.clone() {
        let is_known = matches!(asked, Asked::Due) && ledger.days().contains(day) && !untold.contains(day);
        let state = if is_known { look(job, ledger, *day) } else { Ok(LogState::Unknown) };
        if matches!(state, Ok(LogState::Same)) {
            found.looks.take(Look::Kept(*day), None);
            found.looks.take(Look::Tried(*day), None);
            continue;
        }
        // A store that cannot be listed would not be read either.
        match state.and_then(|_| one(ledger, *day)) {
            Ok(done) => found.take(*day, done),
            Err(error) if error.stops_all() => {
                let error = anyhow::Error::from(error).context(format!("reading {day}"));
                if found.read.is_empty() || job.cancellation.check().is_err() {
                    return Err(error);
                }
                found.trouble = Some(error);
                return Ok(found);
            }
            Err(error) => {
                found.looks.take(Look::Tried(*day), Some(not_read(ledger, *day, &error)));
                let error = anyhow::Error::from(error).context(format!("reading {day}"));
                found.failed.insert(*day, error);
            }
        }
    }
    for day in open_days(ledger) {
        if found.days.contains(&day) {
            continue;
        }
        // A log that cannot be read now can be read by the next run; the day stands as it is.
        let state = match look(job, ledger, day) {
            Err(error) if error.stops_all() => return Err(error.into()),
            Err(error) => {
                found.looks.take(Look::Tried(day), Some(not_read(ledger, day, &error)));
                continue;
            }
            Ok(LogState::Gone) if is_accepted(ledger, day, 0) => LogState::Changed,
            // Its daybook is not there any more since an older journal was put back.
            Ok(LogState::Unknown) if ledger.record().days.get(&day).is_some_and(|known| known.is_pruned) => {
                LogState::Changed
            }
            Ok(LogState::Same) if untold.contains(&day) => LogState::Changed,
            Ok(state) => state,
        };
        match state {
            LogState::Gone => found.take(day, Reading::Kept(poorer::gone(job, ledger, day)?)),
            LogState::Same => {
                found.looks.take(Look::Kept(day), None);
                found.looks.take(Look::Tried(day), None);
            }
            LogState::Changed | LogState::Unknown => {}
        }
        if state == LogState::Changed {
            match one(ledger, day) {
                Ok(done) => found.take(day, done),
                Err(error) => found.looks.take(Look::Tried(day), Some(not_read(ledger, day, &error))),
            }
        }
    }
    if ledger.days().is_empty()
        && found.read.is_empty()
        && let Some((_, error)) = found.failed.pop_first()
    {
        // Nothing was ever published, and nothing is begun now.
        return Err(error);
    }
    Ok(found)
}

impl LogsOfRun {
    fn take(&mut self, day: Day, reading: Reading) {
        match reading {
            Reading::Read(read) => {
                let read = *read;
                self.looks.take(Look::Kept(day), None);
                self.looks.take(Look::Tried(day), None);
                self.looks.take(Look::Happened(day), read.attention.iter().cloned());
                self.read.push(read);
            }
            Reading::Kept(told) => {
                self.kept.push(day);
                self.looks.take(Look::Kept(day), Some(told));
                self.looks.take(Look::Tried(day), None);
            }
        }
    }
}

/// What reading the logs of a day came to.
enum Reading {
    Read(Box<Read>),
    /// The logs are poorer than before, so the day keeps what was read of them.
    Kept(Attention),
}

/// A day whose logs have been read into its daybook.
pub struct Read {
    pub day: Day,
    pub notes: ReadNotes,
    /// What reading alone shows to a person.
    attention: Vec<Attention>,
}

/// Returns what a person is told of a day whose logs could not be read.
fn not_read(ledger: &Ledger, day: Day, error: &Trouble) -> Attention {
    let error = match error {
        Trouble::NothingReadable(reasons) => format!("none of its files can be read; {}", reasons.trim()),
        other => other.to_string(),
    };
    if ledger.days().contains(&day) {
        let message = format!("its logs have changed and could not be read again: {error}");
        Attention::new(AttentionKind::NotReadAgain, day, &[], message)
    } else {
        let message = format!("it could not be read, and every run tries again: {error}");
        Attention::new(AttentionKind::NotPublished, day, &[], message)
    }
}

/// Days to look back from yesterday for days without an edition, which are caught up, oldest first.
const CATCH_UP_DAYS: i64 = 31;

/// Lists the days that are due: yesterday, and missed days since the first edition.
///
/// Days missed before the last [`CATCH_UP_DAYS`] are not read ([`missed`]).
fn due(ledger: &Ledger, clock: Clock) -> Vec<Day> {
    let yesterday = Day::of(clock.at).plus(-1);
    let known = ledger.days();
    let Some(first) = known.first().copied() else { return vec![yesterday] };
    let from = first.max(yesterday.plus(-CATCH_UP_DAYS));
    let mut due: Vec<Day> = from.through(yesterday).filter(|day| !known.contains(day)).collect();
    if !due.contains(&yesterday) {
        due.push(yesterday);
    }
    due
}

/// Reports days without an edition that lie too far back to be caught up.
pub(super) fn missed(ledger: &Ledger, clock: Clock) -> Option<Attention> {
    let known = ledger.days();
    let first = known.first().copied()?;
    let from = Day::of(clock.at).plus(-1 - CATCH_UP_DAYS);
    let older = first.through(from.plus(-1)).filter(|day| !known.contains(day)).count();
    (older > 0).then(|| {
        let message = format!(
            "{older} days since then have no edition and lie too far back to be caught up; run them with --from and --to"
        );
        Attention::new(AttentionKind::MissedDays, first, &[], message).of_measure(older as u64)
    })
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
/// A file with the same size and modification time is not opened. A day that was read from standard
/// input stays as it is.
pub fn look(job: &Job, ledger: &Ledger, day: Day) -> Result<LogState, Trouble> {
    let place = ledger.daybooks().remove(&day);
    let Some(reading) = ledger.daybook(day).filter(|_| place.is_some()) else { return Ok(LogState::Unknown) };
    if reading.is_read_once() {
        return Ok(LogState::Same);
    }
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
    let (daybook, notes) = intake::read(config, day, job.readers(), &salt, folders, latest_us, meter)?;
    let files = listing.hashed(&notes.wholes, job.workers);
    let mut attention = Vec::new();
    let change = change(job, ledger, day, &daybook)?;
    let is_poorer = change.gone() > 0 && is_accepted(ledger, day, change.gone());
    if !is_poorer && let Some(told) = poorer::told(ledger, day, change, &daybook)? {
        if change.gone() > 0 {
            return Ok(Reading::Kept(told));
        }
        // Told before the day is read: if the run is killed, its logs are compared with themselves.
        ledger.note_attention(Looks::of(Look::Happened(day), told.clone()), clock)?;
        attention.push(told);
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
            // Of a damaged config, the fingerprint in the daybook is left.
            let is_alike = |kept| Canonical::of_joining(&job.config).differences(&kept).is_empty();
            ledger.config(kept).map_or_else(|_| job.config.joins_like(head_settings), is_alike)
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
        let is_other =
            |reading: &&LogsRead| !reading.is_read_once() && !job.config.reads_like(&reading.settings);
        let Some(reading) = ledger.daybook(day).filter(is_other) else { continue };
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

/// Checks the daybooks around the days just read and around open days.
///
/// If a daybook cannot be read, or was made under other settings or another salt, its day stays as
/// it is and needs attention.
pub fn usable(job: &Job, ledger: &Ledger, read: &[Day]) -> Result<Usable, Trouble> {
    let config = &job.config;
    let mut found = Usable { daybooks: ledger.daybooks(), ..Usable::default() };
    let days: BTreeSet<Day> = open_days(ledger).into_iter().chain(read.iter().copied()).collect();
    let reach = config.webhooks.reach_days();
    let salt = Salt::new(&config.salt.clone().map_or_else(|| ledger.salt(), Ok)?).fingerprint();
    let is_near = |day: Day, by: i64| days.range(day.plus(-by)..=day.plus(by)).next().is_some();
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
        let is_joined = config.has_webhooks();
        match if is_joined { daybook::check(&folder) } else { daybook::head(&folder) } {
            Err(trouble) => {
                say(
                    AttentionKind::UnreadableDaybook,
                    format!("it stays as it is, and no other day can be settled by it: {trouble}"),
                );
                found.daybooks.remove(&day);
            }
            Ok(_) if !is_joined => {}
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

/// Judges the files of each day that has a daybook, by the days before it.
pub(super) fn missing(job: &Job, ledger: &Ledger, daybooks: &DaybookFolders) -> Result<JudgedFiles, Trouble> {
    let mut days = BTreeMap::new();
    for (day, folder) in daybooks {
        match daybook::head(folder) {
            Ok(head) => _ = days.insert(*day, head.file_hours),
            Err(trouble) if trouble.stops_all() => return Err(trouble),
            // It is told; the other days are judged without it.
            Err(_) => {}
        }
    }
    let names = |(files, until): (&NamedFiles, Day)| {
        let of = |name: &String| AcknowledgedName { source: files.source.clone(), name: name.clone(), until };
        files.names.iter().map(of).collect::<Vec<_>>()
    };
    let acknowledged: Vec<_> = ledger.record().attention.acknowledged_files().flat_map(names).collect();
    Ok(missing_logs::missing_logs(&days, &job.config.sources, &acknowledged))
}

/// Days with an edition that is not final.
pub(super) fn open_days(ledger: &Ledger) -> Vec<Day> {
    let is_open = |day: &Day| ledger.record().days.get(day).is_some_and(|record| record.sealed.is_none());
    ledger.days().into_iter().filter(is_open).collect()
}
