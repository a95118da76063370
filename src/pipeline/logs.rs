//! Logs: which days are read, and reading them into daybooks. The only heavy step.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{Attention, Desk};
use crate::day::Day;
use crate::error::Trouble;
use crate::intake::{self, Daybooks, FileBalance, Meter, Notes, Salt};
use crate::ledger::{Extent, Ledger, Reading, Writer};

/// A day whose logs have been read into its daybook.
pub struct Read {
    pub day: Day,
    pub notes: Notes,
}

/// Days that a run looks back for: missed ones are caught up, oldest first.
const CATCH_UP_DAYS: i64 = 31;

/// The days that are due without being asked for: yesterday, and those since the first one that were missed.
pub(super) fn due(ledger: &Ledger, as_of: DateTime<Utc>) -> (Vec<Day>, Option<Attention>) {
    let yesterday = Day::of(as_of).plus(-1);
    let known = ledger.days();
    let Some(first) = known.first().copied() else { return (vec![yesterday], None) };
    let is_missed = |day: &Day| !known.contains(day);
    let from = first.max(yesterday.plus(-CATCH_UP_DAYS));
    let mut due: Vec<Day> = from.through(yesterday).filter(is_missed).collect();
    if !due.contains(&yesterday) {
        due.push(yesterday);
    }
    let older = first.through(from.plus(-1)).filter(is_missed).count();
    let attention = (older > 0).then(|| Attention {
        day: first,
        kind: "missed-days",
        message: format!(
            "{older} days since then have no edition and lie too far back to be caught up; run them with --from and --to"
        ),
    });
    (due, attention)
}

/// How the logs of a day look beside what was read of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Just as they were read.
    Same,
    /// Files are new or have another content.
    Changed,
    /// They were never read, or otherwise than they would be today, or some of them are gone.
    Other,
}

/// Compares the logs of a day with what was read of them. A file of the same size and time is not opened.
pub(super) fn look(desk: &Desk, ledger: &Ledger, day: Day) -> Result<Look, Trouble> {
    let place = ledger.daybooks().remove(&day);
    let Some(reading) = ledger.daybook(day).filter(|_| place.is_some()) else { return Ok(Look::Other) };
    if reading.settings != intake::reading_fingerprint(&desk.config) {
        return Ok(Look::Other);
    }
    let now = intake::inputs(&desk.config, day, &reading.files, desk.workers)?;
    let is_there = |path: &String| now.iter().any(|input| input.path == *path);
    if !reading.files.iter().all(|file| is_there(&file.path)) {
        return Ok(Look::Other);
    }
    // What could not be read then may be readable now.
    let is_whole = now.iter().all(|input| !input.hash.is_empty());
    let now = Reading { files: now, ..reading.clone() };
    Ok(if now.is_like(reading) && is_whole { Look::Same } else { Look::Changed })
}

/// Reads the logs of a day into its daybook.
///
/// # Errors
/// [`Trouble`]; what was kept of the day before stays then.
pub(super) fn read(
    desk: &Desk,
    ledger: &mut Writer,
    day: Day,
    as_of: DateTime<Utc>,
    meter: &Meter,
) -> Result<Read, Trouble> {
    let config = &desk.config;
    let text = config.salt.clone().map_or_else(|| ledger.salt(), Ok)?;
    let salt = Salt::new(&text);
    let scratch = ledger.scratch()?;
    // Looked at before they are read: a log that grows meanwhile is seen to have changed by the next run.
    let known = ledger.daybook(day).map(|reading| reading.files.clone()).unwrap_or_default();
    let listing = intake::listing(config, day, &known)?;
    let spill = ledger.scratch()?;
    let places = (spill.path(), scratch.path());
    let (daybook, notes) = intake::read(config, day, desk.workers, &salt, places, meter)?;
    let files = listing.hashed(&notes.wholes, desk.workers);
    if !desk.may_lose_logs {
        keep_logs(ledger, day, &daybook.files)?;
    }
    if config.salt.is_none() {
        ledger.keep_salt(&text)?;
    }
    let settings = intake::reading_fingerprint(config);
    let reading = Reading { day, daybook: String::new(), settings, salt: salt.fingerprint(), files };
    ledger.keep(scratch, reading, as_of)?;
    Ok(Read { day, notes })
}

/// A day whose logs have been rotated away must not be run again by accident: what was published would be lost.
fn keep_logs(ledger: &Ledger, day: Day, files: &[FileBalance]) -> Result<(), Trouble> {
    let mut before: BTreeMap<String, u64> = BTreeMap::new();
    let mut edition = 0;
    if ledger.days().contains(&day) {
        let standing = ledger.read(day, Extent::Slots)?;
        edition = standing.number;
        before.extend(standing.intake.into_iter().map(|f| (f.path, f.accepted)));
    }
    // A run that was killed before it published has left what it read all the same.
    if let Some(folder) = ledger.daybooks().get(&day)
        && let Ok(kept) = intake::head(folder)
    {
        before.extend(kept.files.into_iter().map(|f| (f.path, f.accepted)));
    }
    let is_there = |path: &str| files.iter().any(|f| f.path == path && f.failure.is_none());
    let gone: Vec<String> =
        before.iter().filter(|(path, n)| **n > 0 && !is_there(path)).map(|(path, _)| path.clone()).collect();
    let events: u64 = before.values().sum();
    if events > 0 && files.iter().all(|f| f.accepted == 0) && gone.is_empty() {
        return Err(Trouble::RowsGone { day, edition, events });
    }
    if gone.is_empty() {
        return Ok(());
    }
    Err(Trouble::LogsGone { day, edition, gone })
}

/// The daybooks that a run may use, and what is to be said of the others.
#[derive(Default)]
pub(super) struct Usable {
    pub daybooks: Daybooks,
    pub attention: Vec<Attention>,
    /// Days near those that were read that stay as they were read before.
    pub stay: Vec<Day>,
}

/// Looks at the daybooks around the days just read. A day whose daybook cannot be read, or was made under other settings
/// than today's, stays as it is, and a person should look.
pub(super) fn usable(desk: &Desk, ledger: &Ledger, read: &[Day]) -> Result<Usable, Trouble> {
    let config = &desk.config;
    let mut found = Usable { daybooks: ledger.daybooks(), ..Usable::default() };
    if !config.has_webhooks() {
        return Ok(found);
    }
    let reach = i64::from(config.webhooks.retry_days);
    let salt = Salt::new(&config.salt.clone().map_or_else(|| ledger.salt(), Ok)?).fingerprint();
    let settings = intake::settings_fingerprint(config);
    let is_near = |day: Day, by: i64| read.iter().any(|read| (read.plus(-by)..=read.plus(by)).contains(&day));
    let mut near = Vec::new();
    for (day, folder) in found.daybooks.clone() {
        if !is_near(day, 2 * reach) {
            continue;
        }
        let mut say = |kind, message| found.attention.push(Attention { day, kind, message });
        match intake::check(&folder) {
            Err(trouble) => {
                say(
                    "unreadable-daybook",
                    format!("it stays as it is, and no other day can be settled by it: {trouble}"),
                );
                found.daybooks.remove(&day);
            }
            Ok(head) if head.salt != salt => {
                say("other-settings", "it was read under another salt; run that day again".to_owned());
                found.daybooks.remove(&day);
            }
            Ok(head) if head.settings != settings && is_near(day, reach) => {
                say(
                    "other-settings",
                    "it stays as it is: it was read under another slot, [webhooks] or services; run that day again"
                        .to_owned(),
                );
                found.stay.push(day);
            }
            Ok(_) if is_near(day, reach) => near.push(day),
            Ok(_) => {}
        }
    }
    // A day is not settled anew with less than it was settled with before.
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
        found.attention.push(Attention { day, kind: "missing-daybook", message });
        if !is_read {
            found.stay.push(day);
        }
    }
    Ok(found)
}
