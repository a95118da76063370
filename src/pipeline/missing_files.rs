//! Missing files: what a person hears of files that were expected and not read.

use std::collections::{BTreeMap, BTreeSet};

use super::{Attention, AttentionKind, Job};
use crate::config::{Config, Log, lexical};
use crate::day::Day;
use crate::daybook::{self, DaybookFolders};
use crate::error::Trouble;
use crate::facts::{FileDay, FileHours, FileRole, Gap, Lost, MissingCause};
use crate::ledger::Edition;
use crate::report::missing_evidence::hours;
use crate::resolve::missing_logs::fallen_rows::{self, FallenRows, GroupsOfDay};

/// Files named in one message.
const SHOWN: usize = 3;

/// Reports the missing files of a day: one line for all files of a source, region and cause.
///
/// Unreadable ones are reported with the other files.
pub(super) fn attention(edition: &Edition, gaps: &[Gap]) -> Vec<Attention> {
    let day = edition.day;
    let mut groups: BTreeMap<(&str, &str, MissingCause), Vec<&Gap>> = BTreeMap::new();
    for gap in gaps {
        let Some(file) = gap.file.as_ref().filter(|file| file.cause != MissingCause::Unreadable) else {
            continue;
        };
        groups.entry((&gap.source, &gap.region, file.cause)).or_default().push(gap);
    }
    let told = groups.into_iter().map(|((source, region, cause), gaps)| {
        let names: BTreeSet<&str> =
            gaps.iter().filter_map(|gap| gap.file.as_ref()).map(|file| file.name.as_str()).collect();
        let hours = hours(&gaps, edition.slot_length().per_day());
        let of_region = if region == "*" { String::new() } else { format!(" of region {region}") };
        let effect = match gaps[0].lost {
            Lost::SomeEvents | Lost::Events => {
                "a slot in these hours is down only if it would be so with the missing calls good"
            }
            Lost::SomeOutcomes | Lost::Outcomes => "what could have stood there is unknown, not missed",
        };
        let (verb, those) = if names.len() == 1 { ("is", "the file") } else { ("are", "the files") };
        let names = shown(&names);
        if cause == MissingCause::Absent {
            let message = format!(
                "source {source}: {names} {verb} there on other days, with rows{of_region} {hours}, and not on this one; {effect}. \
                 Ship {those}: the next run reads the day again"
            );
            Attention { day, kind: AttentionKind::MissingFile, message }
        } else {
            let message = format!(
                "source {source}: there are rows in {names}, but none of this day; {effect}. Do the dates of {those}, their clock \
                 or their time zone differ from those of the rows?"
            );
            Attention { day, kind: AttentionKind::FileWithoutRows, message }
        }
    });
    told.collect()
}

fn shown(names: &BTreeSet<&str>) -> String {
    let first = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// Returns what the files of groups show of a day, by the days before it.
pub(super) fn groups(job: &Job, daybooks: &DaybookFolders, day: Day) -> Result<GroupsOfDay, Trouble> {
    let mut days = BTreeMap::new();
    for (day, folder) in daybooks.range(day.plus(-fallen_rows::HISTORY_DAYS)..=day) {
        days.insert(*day, daybook::head(folder)?.file_hours);
    }
    Ok(fallen_rows::groups_of_day(day, &days, &job.config.sources))
}

/// Reports the groups of files that have almost no rows in hours in which they usually have some.
pub(super) fn of_fallen(day: Day, fallen: Vec<FallenRows>) -> impl Iterator<Item = Attention> {
    let told = move |FallenRows { source, log, name, region, hours }: FallenRows| {
        let of_region = if region == "*" { String::new() } else { format!(" of region {region}") };
        let shown: Vec<String> = hours
            .iter()
            .map(|(hour, rows, usual)| format!("{hour:02}:00 to {:02}:00 ({rows}, else {usual})", hour + 1))
            .collect();
        let effect = match log {
            Log::Requests => "the calls that are missing count nowhere",
            Log::Webhooks => "a message whose statuses are missing counts as missed",
        };
        let message = format!(
            "source {source}: {name} has less than a tenth of the rows{of_region} that it has on the days before, from {}; is one \
             of its files missing, or a part of one? {effect}. Ship what is missing: the next run reads the day again",
            shown.join(", ")
        );
        Attention { day, kind: AttentionKind::FallenRows, message }
    };
    fallen.into_iter().map(told)
}

/// Reports paths of the config without a file, files without a row of their day, and unread rows.
///
/// What the `gaps` tell already is left out.
pub(super) fn of_files(
    edition: &Edition,
    files: &[FileHours],
    gaps: &[Gap],
    config: &Config,
) -> Vec<Attention> {
    let day = edition.day;
    let mut found = Vec::new();
    let is_told = |source: &str, pattern: &str| {
        let of_gap =
            |gap: &Gap| gap.file.as_ref().is_some_and(|file| gap.source == source && file.pattern == pattern);
        gaps.iter().any(of_gap)
    };
    let mut say = |kind, message| found.push(Attention { day, kind, message });
    let own: Vec<&FileHours> = files.iter().filter(|file| file.belongs == FileDay::Own).collect();
    let has_own =
        |source: &str| edition.intake.iter().any(|file| file.source == source && file.role == FileRole::Own);
    for source in config.sources.iter().filter(|source| has_own(&source.name) && !source.may_be_empty) {
        let found: BTreeSet<&str> =
            own.iter().filter(|file| file.source == source.name).map(|file| file.pattern.as_str()).collect();
        let is_missing = |path: &&String| {
            let pattern = lexical(path);
            !found.contains(pattern.as_str()) && !is_told(&source.name, &pattern)
        };
        for path in source.paths.iter().filter(is_missing) {
            let message = format!(
                "source {}: no file of this day is at `{path}`; ship it, or take the path out of `paths` if there is none any \
                 more",
                source.name
            );
            say(AttentionKind::MissingFile, message);
        }
    }
    for file in &own {
        let FileHours { source, path, pattern, unread, .. } = file;
        let has_other_rows = file.is_readable && file.rows_read > 0 && file.hours.is_empty();
        if has_other_rows && pattern.contains("{date") && !is_told(source, pattern) {
            let message = format!(
                "source {source}: {path} has {} rows, and none of them is of the day in its name. Do its date, its clock or its \
                 time zone differ from those of its rows?",
                file.rows_read
            );
            say(AttentionKind::FileWithoutRows, message);
        }
        if !unread.is_empty() {
            let rows: u64 = unread.iter().map(|(_, rows)| rows).sum();
            let (first, last) = (unread[0].0, unread[unread.len() - 1].0);
            let days = if first == last { format!("{first}") } else { format!("{first} to {last}") };
            let neighbours = unread.iter().map(|(other, _)| other.days_to(day).abs()).max().unwrap_or(0);
            let message = format!(
                "source {source}: {path} holds {rows} rows of {days}, which no run reads, because they lie farther from the \
                 date of the file than `neighbours`; set neighbours = {neighbours} and run these days again, or move the rows \
                 into files of their days"
            );
            say(AttentionKind::UnreadRows, message);
        }
    }
    found
}
