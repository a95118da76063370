//! File hours: the rows of each log file by hour, by which a file that is missing is noticed.

use std::collections::BTreeSet;

use crate::config::{ColumnSource, Field, Log, Source, lexical};
use crate::day::{DAY_US, Day};
use crate::facts::{FileDay, FileHours, FileRole, LinesByReason};
use crate::intake::counting::file_tally::FileTally;
use crate::intake::files::find::LogFile;
use crate::intake::files::masked_name::masked;
use crate::intake::pass::Pass;
use crate::intake::rows::raw_row::OUTCOMES;

/// Returns the hours of the day's own files, and of the files of the day after it.
///
/// Both are in the order of `files`.
pub fn file_hours(day: Day, pass: &Pass, files: &[LogFile], sources: &[Source]) -> Vec<FileHours> {
    let mut all = Vec::new();
    for (n, file) in files.iter().enumerate() {
        let belongs = match (file.role, file.found_by.shift) {
            (FileRole::Own, _) => FileDay::Own,
            (FileRole::Neighbour, 1) => FileDay::Next,
            _ => continue,
        };
        let source = &sources[file.source];
        let is_readable = !pass.failures.contains_key(&(n as u32));
        let mut regions: BTreeSet<String> = fixed_region(file, source).into_iter().collect();
        let (mut hours, mut other_days, mut rows_read, mut named) = ([0_u64; 24], Vec::new(), 0, 0);
        for counts in pass.counts.iter().filter(|_| is_readable) {
            let tally: &FileTally = counts.tally(n as u32);
            rows_read += tally.rows_read - tally.not_a_call_reasons.of(LinesByReason::HEADER);
            named |= tally.named;
            let told = if belongs == FileDay::Own { &tally.hours } else { &tally.next_hours };
            hours.iter_mut().zip(told).for_each(|(sum, n)| *sum += n);
            other_days.extend(tally.other_days.iter().copied());
            regions.extend(tally.regions.iter().map(|region| counts.names.regions.text(*region).to_owned()));
        }
        all.push(FileHours {
            source: source.name.clone(),
            log: source.log,
            pattern: lexical(&source.paths[file.found_by.pattern]),
            name: masked(&lexical(&file.shown)),
            path: file.shown.clone(),
            belongs,
            is_readable,
            bytes: file.bytes,
            rows_read,
            regions: regions.into_iter().collect(),
            hours: (0..24).zip(hours).filter(|(_, rows)| *rows > 0).collect(),
            names_outcome: source.log == Log::Requests && named & OUTCOMES != 0,
            unread: if belongs == FileDay::Own { unread(day, file, source, other_days) } else { Vec::new() },
        });
    }
    all
}

/// Returns the region that the config or the path gives to all rows of a file.
pub fn fixed_region(file: &LogFile, source: &Source) -> Option<String> {
    let fixed = source.columns.iter().find(|column| column.field == Field::Region).map(|c| &c.from);
    let in_path = file.constants.iter().find(|(field, _)| *field == Field::Region).map(|(_, text)| text);
    match (fixed, in_path) {
        (Some(ColumnSource::Value(region)), _) | (None, Some(region)) => Some(region.clone()),
        _ => None,
    }
}

/// Returns the days whose rows in this file no run reads, with the number of these rows.
///
/// A run of such a day would look for its rows in files at most `neighbours` days away. Files
/// without a date in their path are read for every day.
fn unread(day: Day, file: &LogFile, source: &Source, mut other_days: Vec<(i64, u64)>) -> Vec<(Day, u64)> {
    if !file.found_by.is_dated {
        return Vec::new();
    }
    let own = day.start_us() / DAY_US;
    other_days.retain(|(other, _)| (other - own).abs() > i64::from(source.neighbours));
    other_days.sort_unstable();
    let mut found: Vec<(Day, u64)> = Vec::new();
    for (other, rows) in other_days {
        let Some(other) = Day::of_us(other * DAY_US) else { continue };
        match found.last_mut().filter(|(known, _)| *known == other) {
            Some((_, sum)) => *sum += rows,
            None => found.push((other, rows)),
        }
    }
    found
}
