//! Missing files: what a person hears of files that were expected and not read.

use std::collections::{BTreeMap, BTreeSet};

use super::{Attention, AttentionKind};
use crate::config::{Config, lexical};
use crate::day::Day;
use crate::facts::{FileDay, FileHours, FileRole, Gap, Lost, MissingCause};
use crate::ledger::Edition;

/// Reports the missing files of a day, one line each. Unreadable ones are reported with the others.
pub(super) fn attention(edition: &Edition, gaps: &[Gap]) -> Vec<Attention> {
    let day = edition.day;
    let mut files: BTreeMap<(&str, &str), Vec<&Gap>> = BTreeMap::new();
    for gap in gaps {
        let Some(file) = gap.file.as_ref().filter(|file| file.cause != MissingCause::Unreadable) else {
            continue;
        };
        files.entry((&gap.source, &file.name)).or_default().push(gap);
    }
    let told = files.into_iter().map(|((source, name), gaps)| {
        let gap = gaps[0];
        let hours = hours(&gaps, edition.slot_length().per_day());
        let region = if gap.region == "*" { String::new() } else { format!(" of region {}", gap.region) };
        let effect = match gap.lost {
            Lost::SomeEvents | Lost::Events => {
                "a slot in these hours is down only if it would be so with the missing calls good"
            }
            Lost::SomeOutcomes | Lost::Outcomes => "what it could have told of is unknown, not missed",
        };
        let is_absent = gap.file.as_ref().is_some_and(|file| file.cause == MissingCause::Absent);
        if is_absent {
            let message = format!(
                "source {source}: {name} stands on other days, with rows{region} {hours}, and not on this one; {effect}. Ship \
                 the file: the day is read again by the next run"
            );
            Attention { day, kind: AttentionKind::MissingFile, message }
        } else {
            let message = format!(
                "source {source}: {name} holds rows, but none of this day; {effect}. Does its date, its clock or its time \
                 zone differ from those of its rows?"
            );
            Attention { day, kind: AttentionKind::FileWithoutRows, message }
        }
    });
    told.collect()
}

/// Reports paths of the config without a file, files without a row of their day, and unread rows.
pub(super) fn of_files(day: Day, files: &[FileHours], edition: &Edition, config: &Config) -> Vec<Attention> {
    let mut found = Vec::new();
    let mut say = |kind, message| found.push(Attention { day, kind, message });
    let own: Vec<&FileHours> = files.iter().filter(|file| file.belongs == FileDay::Own).collect();
    let has_own =
        |source: &str| edition.intake.iter().any(|file| file.source == source && file.role == FileRole::Own);
    for source in config.sources.iter().filter(|source| has_own(&source.name) && !source.may_be_empty) {
        let found: BTreeSet<&str> =
            own.iter().filter(|file| file.source == source.name).map(|file| file.pattern.as_str()).collect();
        for path in source.paths.iter().filter(|path| !found.contains(lexical(path).as_str())) {
            let message = format!(
                "source {}: no file of this day is at `{path}`; ship it, or take the path out of `paths` if there is none any \
                 more",
                source.name
            );
            say(AttentionKind::MissingFile, message);
        }
    }
    for file in &own {
        let FileHours { source, path, unread, .. } = file;
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

/// Writes the hours of some gaps, of an hour each: `from 09:00 to 12:00 and from 14:00 to 15:00`.
fn hours(gaps: &[&Gap], per_day: u32) -> String {
    let per_hour = per_day / 24;
    let all: BTreeSet<u32> = gaps.iter().map(|gap| gap.start_slot / per_hour).collect();
    if all.len() == 24 {
        return "all day".to_owned();
    }
    let all: Vec<u32> = all.into_iter().collect();
    let spans: Vec<String> = all
        .chunk_by(|a, b| a + 1 == *b)
        .map(|span| format!("from {:02}:00 to {:02}:00", span[0], span[span.len() - 1] + 1))
        .collect();
    spans.join(" and ")
}
