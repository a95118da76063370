//! Evidence: logs of a day that are missing, silent, or cannot be read.

use std::collections::{BTreeMap, BTreeSet};

use crate::attention::{Attention, AttentionKind};
use crate::config::{Config, lexical};
use crate::day::{Day, SlotLength, rfc3339};
use crate::facts::{FileBalance, FileRole, Gap, Lost};
use crate::intake::masked;
use crate::ledger::Edition;
use crate::slots::ALL_REGIONS;

/// Files, and reasons for which lines are no calls, that are named in one message.
const SHOWN: usize = 3;

/// Reports days without logs or rows, unreadable files and rows, silent regions, and gaps.
pub(super) fn attention(edition: &Edition, gaps: &[Gap], config: &Config) -> Vec<Attention> {
    let day = edition.day;
    let mut found = Vec::new();
    let mut say = |kind, subject: &[&str], message| found.push(Attention::new(kind, day, subject, message));
    if edition.intake.is_empty() {
        let message = "no log file was found; every slot of the day is unobserved";
        say(AttentionKind::NoLogs, &[], message.to_owned());
    } else if found_nothing(edition) {
        let first = edition.intake.iter().filter_map(|f| f.first_ts_us).min();
        let last = edition.intake.iter().filter_map(|f| f.last_ts_us).max();
        let span = match (first, last) {
            (Some(first), Some(last)) => {
                format!("; the logs reach from {} to {}", rfc3339(first), rfc3339(last))
            }
            _ => String::new(),
        };
        let no_calls = FileBalance::no_calls(edition.intake.iter());
        let no_calls = match no_calls.sum() {
            0 => String::new(),
            lines => format!("; {lines} lines are no calls ({})", no_calls.text(SHOWN)),
        };
        say(AttentionKind::NoRows, &[], format!("the log files hold no row of this day{span}{no_calls}"));
    }
    let has_rows = edition.intake.iter().any(|file| file.accepted > 0);
    // A day without any row is told as such.
    let is_told = found_nothing(edition);
    for source in config.sources.iter().filter(|_| !is_told) {
        if !edition.intake.iter().any(|f| f.source == source.name && f.role == FileRole::Own) {
            let message = format!("source {}: no log file of this day was found", source.name);
            say(AttentionKind::MissingSource, &[&source.name], message);
        }
    }
    for region in &config.regions {
        let has_region = edition.accounts.iter().any(|line| line.region == *region);
        if !has_region && has_rows {
            let message = format!("region {region}: no row all day; its slots are unobserved");
            say(AttentionKind::Gap, &[ALL_REGIONS, region], message);
        }
    }
    found.extend(of_gaps(gaps, edition.slot_length(), day));
    found.extend(unreadable(edition));
    found.extend(quarantine(edition, config));
    found
}

/// Returns whether no row of the day was found, though every file could be read.
fn found_nothing(edition: &Edition) -> bool {
    edition.intake.iter().all(|file| file.accepted == 0 && file.failure.is_none())
}

/// Reports the gaps of a source and region in one line, with the longest of them.
///
/// A gap in the hours of a missing or unreadable file is told with that file.
fn of_gaps(gaps: &[Gap], length: SlotLength, day: Day) -> Vec<Attention> {
    let mut of: BTreeMap<(&str, &str), Vec<&Gap>> = BTreeMap::new();
    let is_of_file = |gap: &Gap| {
        let mut files = gaps.iter().filter(|other| other.file.is_some());
        files.any(|file| {
            let is_there = file.region == gap.region || file.region == ALL_REGIONS;
            let is_of_source = gap.source.split(", ").any(|source| source == file.source);
            let is_within = file.start_slot <= gap.start_slot && gap.end_slot <= file.end_slot;
            is_there && is_of_source && is_within
        })
    };
    for gap in gaps.iter().filter(|gap| gap.file.is_none() && !is_of_file(gap)) {
        of.entry((&gap.source, &gap.region)).or_default().push(gap);
    }
    let slots = |gap: &Gap| u64::from(gap.end_slot - gap.start_slot);
    let mut found = Vec::new();
    for ((source, region), gaps) in of {
        let Some(longest) = gaps.iter().max_by_key(|gap| (slots(gap), std::cmp::Reverse(gap.start_slot)))
        else {
            continue;
        };
        let message = gap_message(longest, length, day);
        let message = match gaps.len() {
            1 => message,
            n => format!("{message}; it is the longest of {n} such stretches"),
        };
        let minutes = gaps.iter().map(|gap| slots(gap) * u64::from(length.seconds())).sum::<u64>() / 60;
        found.push(Attention::new(AttentionKind::Gap, day, &[source, region], message).of_measure(minutes));
    }
    found
}

fn gap_message(gap: &Gap, length: SlotLength, day: Day) -> String {
    if gap.region == ALL_REGIONS {
        return format!(
            "source {}: no rows all day, only sources further out had some; nothing can be judged by those alone, \
             so every slot is unobserved",
            gap.source
        );
    }
    let at = |slot: u32| rfc3339(day.start_us() + i64::from(slot) * length.us());
    let Gap { source, region, expected, .. } = gap;
    let (start, end) = (at(gap.start_slot), at(gap.end_slot));
    match gap.lost {
        Lost::Events | Lost::SomeEvents => format!(
            "source {source}: no rows of region {region} from {start} to {end} while others went on (about {expected} were \
             to be expected); those slots are unobserved"
        ),
        Lost::Outcomes | Lost::SomeOutcomes => format!(
            "source {source}: next to no rows of region {region} from {start} to {end}, in which {expected} messages were \
             admitted; what became of them is not known, and those slots are unobserved"
        ),
    }
}

/// Files by source.
fn by_source<'e>(files: impl Iterator<Item = &'e FileBalance>) -> BTreeMap<&'e str, Vec<&'e FileBalance>> {
    let mut of: BTreeMap<&str, Vec<&FileBalance>> = BTreeMap::new();
    files.for_each(|file| of.entry(&file.source).or_default().push(file));
    of
}

/// Reports the files of a source that could not be read to their ends, in one line.
fn unreadable(edition: &Edition) -> Vec<Attention> {
    let broken = edition.intake.iter().filter(|file| file.failure.is_some());
    let told = by_source(broken).into_iter().map(|(source, files)| {
        let names: BTreeSet<String> = files.iter().map(|file| masked(&file.path)).collect();
        let known: BTreeSet<String> = files.iter().map(|file| masked(&lexical(&file.path))).collect();
        let all = names.into_iter().collect::<Vec<_>>().join(",");
        let failure =
            |file: &&FileBalance| format!("{}: {}", file.path, file.failure.as_deref().unwrap_or_default());
        let first: Vec<String> = files.iter().take(SHOWN).map(failure).collect();
        let message = match files.len() {
            1 => format!("{}; nothing of it is counted", first[0]),
            n if n <= SHOWN => format!("{}; nothing of these {n} files is counted", first.join("; ")),
            n => format!(
                "{}; and {} more files; nothing of these {n} files is counted",
                first.join("; "),
                n - SHOWN
            ),
        };
        let attention = Attention::new(AttentionKind::UnreadableFile, edition.day, &[source, &all], message);
        attention.of_measure(files.len() as u64).of_files(source, known.iter().map(String::as_str))
    });
    told.collect()
}

/// Reports the sources with too many unreadable rows.
///
/// Their share is above `quarantine_percent`, and they are `min_rows` or most rows of the source.
fn quarantine(edition: &Edition, config: &Config) -> Vec<Attention> {
    let limits = &config.limits;
    let own = edition.intake.iter().filter(|file| file.role == FileRole::Own);
    let mut found = Vec::new();
    for (source, files) in by_source(own) {
        let bad: u64 = files.iter().map(|file| file.quarantine).sum();
        let rows: u64 = files.iter().map(|file| file.event_rows()).sum();
        let is_above = bad * 1_000_000 > rows * u64::from(limits.quarantine_ppm);
        if !is_above || (bad < limits.min_rows.into() && bad * 2 <= rows) {
            continue;
        }
        let bad_files: Vec<&&FileBalance> = files.iter().filter(|file| file.quarantine > 0).collect();
        let first = bad_files[0];
        let which = match bad_files.len() {
            1 => first.path.clone(),
            n => format!("source {source}, {n} files from {} on", first.path),
        };
        let of_first = edition.quarantine.iter().find(|row| row.file == first.path);
        let like = of_first.map_or_else(String::new, |row| {
            let excerpt = if row.excerpt.is_empty() {
                String::new()
            } else {
                format!(", and the row looks like {}", row.excerpt)
            };
            format!(
                "; the first in line {}: {}{excerpt}. Do preset and columns fit the log?",
                row.line, row.reason
            )
        });
        let message = format!("{which}: {bad} of {rows} rows could not be read{like}");
        let attention = Attention::new(AttentionKind::Quarantine, edition.day, &[source], message);
        found.push(attention.of_measure(bad));
    }
    found
}
