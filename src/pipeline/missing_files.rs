//! Missing files: what a person hears of files that were expected and not read.

use std::collections::{BTreeMap, BTreeSet};

use super::Job;
use crate::attention::{Attention, AttentionKind};
use crate::config::{Config, Log, lexical};
use crate::day::Day;
use crate::daybook::{self, DaybookFolders};
use crate::error::Trouble;
use crate::facts::{FileBalance, FileDay, FileHours, FileRole, Gap, Lost, MissingCause};
use crate::intake::masked;
use crate::ledger::Edition;
use crate::report::missing_evidence::hours;
use crate::resolve::missing_logs::fallen_rows::{self, FallenRows, GroupsOfDay};

/// Files, and reasons for which lines are no calls, that are named in one message.
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
        let (all, files) = (names.iter().copied().collect::<Vec<_>>().join(","), names.len() as u64);
        let known = names.clone();
        let names = shown(&names);
        let told = if cause == MissingCause::Absent {
            let message = format!(
                "source {source}: {names} {verb} there on other days, with rows{of_region} {hours}, and not on this one; {effect}. \
                 Ship {those}: the next run reads the day again"
            );
            Attention::new(AttentionKind::MissingFile, day, &[source, region, &all], message)
        } else {
            let own = edition.intake.iter().filter(|file| {
                let is_of = file.source == *source && file.role == FileRole::Own;
                is_of && known.contains(masked(&lexical(&file.path)).as_str())
            });
            let message = if own.clone().all(FileBalance::has_no_calls_alone) {
                let no_calls = FileBalance::no_calls(own).text(SHOWN);
                format!(
                    "source {source}: the lines in {names} are no calls ({no_calls}); {effect}. Does the format of the source \
                     fit {those}?"
                )
            } else {
                format!(
                    "source {source}: there are rows in {names}, but none of this day; {effect}. Do the dates of {those}, their \
                     clock or their time zone differ from those of the rows?"
                )
            };
            Attention::new(AttentionKind::FileWithoutRows, day, &[source, region, &all], message)
        };
        told.of_measure(files).of_files(source, known)
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
        match daybook::head(folder) {
            Ok(head) => _ = days.insert(*day, head.file_hours),
            Err(trouble) if trouble.stops_all() => return Err(trouble),
            Err(_) => {}
        }
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
        Attention::new(AttentionKind::FallenRows, day, &[&source, &region, &name], message)
            .of_measure(hours.len() as u64)
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
    let mut say = |kind, subject: [&str; 2], measure, message| {
        found.push(Attention::new(kind, day, &subject, message).of_measure(measure));
    };
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
            say(AttentionKind::MissingFile, [&source.name, path], 1, message);
        }
    }
    let may_be_empty = |name: &str| config.sources.iter().any(|s| s.name == name && s.may_be_empty);
    found.extend(without_rows(day, &edition.intake, &own, &is_told, &may_be_empty));
    found.extend(unread(day, &own));
    found
}

/// Files by source, in the order of their paths.
fn by_source<'f>(files: impl Iterator<Item = &'f FileHours>) -> BTreeMap<&'f str, Vec<&'f FileHours>> {
    let mut of: BTreeMap<&str, Vec<&FileHours>> = BTreeMap::new();
    files.for_each(|file| of.entry(&file.source).or_default().push(file));
    of
}

/// Returns the names of files as part of a key.
fn names(files: &[&FileHours]) -> String {
    let names: BTreeSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
    names.into_iter().collect::<Vec<_>>().join(",")
}

/// Returns ` (and 3 more files)` for the files behind the first.
fn and_more(files: &[&FileHours]) -> String {
    match files.len() {
        0 | 1 => String::new(),
        2 => " (and one more file)".to_owned(),
        n => format!(" (and {} more files)", n - 1),
    }
}

/// Reports the files of a source whose path names the day and whose rows are of other days.
///
/// So are files all of whose lines are no calls, unless the source may be empty, or no file of the
/// day has a row, which is told as such.
fn without_rows(
    day: Day,
    balances: &[FileBalance],
    own: &[&FileHours],
    is_told: &dyn Fn(&str, &str) -> bool,
    may_be_empty: &dyn Fn(&str) -> bool,
) -> Vec<Attention> {
    let has_rows = balances.iter().any(|file| file.accepted > 0 || file.failure.is_some());
    // Rows without a readable time are told as quarantine.
    let outside = paths(balances, |file| file.outside > 0);
    let no_calls = paths(balances, |file| has_rows && file.has_no_calls_alone());
    let is_without = |file: &&FileHours| {
        let path = file.path.as_str();
        let has_other_rows = outside.contains(path) && file.pattern.contains("{date");
        let has_no_calls = no_calls.contains(path) && !may_be_empty(&file.source);
        let is_empty = file.is_readable && file.hours.is_empty();
        is_empty && (has_other_rows || has_no_calls) && !is_told(&file.source, &file.pattern)
    };
    let told = by_source(own.iter().copied().filter(is_without)).into_iter().map(|(source, mut files)| {
        // The first file stands for all; one with rows of other days says more.
        files.sort_by_key(|file| no_calls.contains(file.path.as_str()));
        let (first, more) = (files[0], and_more(&files));
        let message = if no_calls.contains(first.path.as_str()) {
            let first_file = balances.iter().filter(|file| file.path == first.path);
            format!(
                "source {source}: the lines in {} are no calls ({}){more}. Does the format of the source fit the log?",
                first.path,
                FileBalance::no_calls(first_file).text(SHOWN)
            )
        } else {
            format!(
                "source {source}: {} has {} rows, and none of them is of the day in its name{more}. Do its date, its clock or \
                 its time zone differ from those of its rows?",
                first.path, first.rows_read
            )
        };
        let subject = [source, &names(&files)];
        Attention::new(AttentionKind::FileWithoutRows, day, &subject, message).of_measure(files.len() as u64)
    });
    told.collect()
}

/// Returns the paths of the files for which something holds.
fn paths(balances: &[FileBalance], is: impl Fn(&FileBalance) -> bool) -> BTreeSet<&str> {
    balances.iter().filter(|file| is(file)).map(|file| file.path.as_str()).collect()
}

/// Reports the files of a source with rows of days that no run looks for there.
fn unread(day: Day, own: &[&FileHours]) -> Vec<Attention> {
    let found = by_source(own.iter().copied().filter(|file| !file.unread.is_empty()));
    let told = found.into_iter().map(|(source, files)| {
        let all = || files.iter().flat_map(|file| &file.unread);
        let rows: u64 = all().map(|(_, rows)| rows).sum();
        let (first, last) = (all().map(|(day, _)| *day).min(), all().map(|(day, _)| *day).max());
        let (first, last) = (first.unwrap_or(day), last.unwrap_or(day));
        let days = if first == last { format!("{first}") } else { format!("{first} to {last}") };
        let neighbours = all().map(|(other, _)| other.days_to(day).abs()).max().unwrap_or(0);
        let (path, more) = (&files[0].path, and_more(&files));
        let (verb, whose) = if files.len() == 1 { ("holds", "the file") } else { ("hold", "the files") };
        let message = format!(
            "source {source}: {path}{more} {verb} {rows} rows of {days}, which no run reads, because they lie farther from the \
             date of {whose} than `neighbours`; set neighbours = {neighbours} and run these days again, or move the rows into \
             files of their days"
        );
        Attention::new(AttentionKind::UnreadRows, day, &[source, &names(&files)], message).of_measure(rows)
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file: path, accepted rows, lines that are no calls.
    type Given<'g> = (&'g str, u64, &'g [(&'g str, u64)]);

    fn told(files: &[Given<'_>], may_be_empty: bool) -> Vec<String> {
        let stored = r#"{"path":"","source":"edge","log":"requests","role":"own","format":"csv","bytes":1,"rows_read":0,"accepted":0,"duplicate":0,"outside":0,"quarantine":0,"first_ts_us":null,"last_ts_us":null,"failure":null}"#;
        let hours = r#"{"source":"edge","log":"requests","pattern":"p","name":"p","path":"","belongs":"own","is_readable":true,"bytes":1,"rows_read":1,"regions":[],"hours":[]}"#;
        let (mut balances, mut own) = (Vec::new(), Vec::new());
        for (path, accepted, no_calls) in files {
            let mut file: FileBalance = serde_json::from_str(stored).unwrap();
            no_calls.iter().for_each(|(why, lines)| file.not_a_call_reasons.add(why, *lines));
            file.not_a_call = file.not_a_call_reasons.sum();
            (file.path, file.accepted, file.rows_read) =
                ((*path).to_owned(), *accepted, accepted + file.not_a_call);
            balances.push(file);
            let mut hours: FileHours = serde_json::from_str(hours).unwrap();
            (hours.path, hours.name) = ((*path).to_owned(), (*path).to_owned());
            hours.hours = if *accepted > 0 { vec![(10, *accepted)] } else { Vec::new() };
            own.push(hours);
        }
        let own: Vec<&FileHours> = own.iter().collect();
        let day = "2026-11-20".parse().unwrap();
        let found = without_rows(day, &balances, &own, &|_, _| false, &|_| may_be_empty);
        found.into_iter().map(|attention| attention.message).collect()
    }

    #[test]
    fn a_file_of_lines_that_are_no_calls_is_told() {
        let good: Given<'_> = ("a.log", 5, &[("start-up", 3)]);
        let strange: Given<'_> = ("b.log", 0, &[("a header line", 1), ("other logger", 7)]);
        let message = "source edge: the lines in b.log are no calls (other logger: 7; a header line: 1). Does the format of \
                       the source fit the log?";
        assert_eq!(told(&[good, strange], false), [message]);
        assert_eq!(told(&[good, strange], true), [""; 0], "a source that may be empty");
        assert_eq!(told(&[good, ("b.log", 0, &[("a header line", 1)])], false), [""; 0], "an empty file");
        assert_eq!(told(&[strange], false), [""; 0], "no row of the day at all is told as such");
    }
}
