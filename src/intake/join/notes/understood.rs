//! Understood: files that tell of no outcome, and words in files that nobody knows.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::config::{Field, Log, Source, lexical};
use crate::intake::counting::file_tally::FileTally;
use crate::intake::counting::notes::odd_words::{WordCounts, WordList};
use crate::intake::files::find::LogFile;
use crate::intake::files::first_row::{self, FirstRow};
use crate::intake::files::masked_name::masked;
use crate::intake::pass::Pass;
use crate::intake::rows::raw_row::OUTCOMES;
use crate::redact::redacted;

/// Files of one name in which no row of the day tells of an outcome.
///
/// Their events are unknown, unless files of that name told of outcomes in the week before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SilentFiles {
    pub source: String,
    /// Their paths without what changes from day to day.
    pub name: String,
    /// Paths as reports show them.
    pub files: Vec<String>,
    pub rows: u64,
    /// Names of the first row of the first file.
    pub keys: Vec<String>,
    /// Line for `[source.columns]` that is likely to be right.
    pub mapping: Option<String>,
}

/// A word that is not of its closed list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OddWord {
    pub source: String,
    pub list: WordList,
    pub word: String,
    pub rows: u64,
}

/// Rows of a source with local times that its zone has twice, and no row near them in their file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuessedRows {
    pub source: String,
    pub zone: String,
    pub rows: u64,
    /// The first pass, in which they were put: microseconds since 1970.
    pub first_pass: Range<i64>,
}

/// Groups the files of request logs that were read by source and masked name.
fn groups(pass: &Pass, files: &[LogFile], sources: &[Source]) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<(usize, String), Vec<usize>> = BTreeMap::new();
    for (n, file) in files.iter().enumerate() {
        let is_read = !pass.failures.contains_key(&(n as u32));
        if is_read && sources[file.source].log == Log::Requests {
            groups.entry((file.source, masked(&lexical(&file.shown)))).or_default().push(n);
        }
    }
    groups.into_values().collect()
}

fn tallies(pass: &Pass, file: usize) -> impl Iterator<Item = &FileTally> {
    pass.counts.iter().map(move |counts| counts.tally(file as u32))
}

/// Returns by file its name, if no row in files of that name tells of outcomes.
pub fn untold_names(pass: &Pass, files: &[LogFile], sources: &[Source]) -> Vec<Option<String>> {
    let mut untold = vec![None; files.len()];
    for group in groups(pass, files, sources) {
        let is_named = group.iter().flat_map(|n| tallies(pass, *n)).any(|t| t.named & OUTCOMES != 0);
        for n in group.into_iter().filter(|_| !is_named) {
            untold[n] = Some(masked(&lexical(&files[n].shown)));
        }
    }
    untold
}

/// Describes the names of files with accepted rows that tell of no outcome.
pub fn silent_files(
    pass: &Pass,
    files: &[LogFile],
    sources: &[Source],
    untold: &[Option<String>],
) -> Vec<SilentFiles> {
    let mut silent = Vec::new();
    for group in groups(pass, files, sources) {
        let rows: u64 = group.iter().flat_map(|n| tallies(pass, *n)).map(|t| t.accepted).sum();
        let Some(first) = group.first().filter(|_| rows > 0) else { continue };
        let Some(name) = untold[*first].clone() else { continue };
        let source = &sources[files[*first].source];
        // A file that is gone by now only cannot show its keys.
        let row = first_row::read(&files[*first], source).unwrap_or_default();
        silent.push(SilentFiles {
            source: source.name.clone(),
            name,
            files: group.iter().map(|n| files[*n].shown.clone()).collect(),
            rows,
            keys: row.0.iter().map(|(key, _)| redacted(key.as_bytes(), 40)).collect(),
            mapping: likely(&row),
        });
    }
    silent
}

/// Guesses the mapping of a column that looks like an HTTP status or an answer's statement.
fn likely(row: &FirstRow) -> Option<String> {
    let is_plain = |key: &&(String, String)| redacted(key.0.as_bytes(), 40) == key.0;
    let names = |key: &str, words: &[&str]| words.iter().any(|word| key.to_ascii_lowercase().contains(word));
    let is_status = |value: &str| value.parse::<u16>().is_ok_and(|status| (100..600).contains(&status));
    let is_truth = |value: &str| matches!(value.to_ascii_lowercase().as_str(), "true" | "false");
    let find = |is: &dyn Fn(&str, &str) -> bool| {
        row.0.iter().filter(is_plain).find(|(key, value)| is(key, value)).map(|(key, _)| key.as_str())
    };
    let line = |field: Field, key: &str| format!("{} = \"{key}\"", field.column());
    find(&|key, value| names(key, &["status", "code", "response"]) && is_status(value))
        .map(|key| line(Field::HttpStatus, key))
        .or_else(|| {
            find(&|key, value| names(key, &["success", "ok"]) && is_truth(value))
                .map(|key| line(Field::IsSuccess, key))
        })
        .or_else(|| find(&|_, value| is_status(value)).map(|key| line(Field::HttpStatus, key)))
        .or_else(|| find(&|key, _| names(key, &["status"])).map(|key| line(Field::HttpStatus, key)))
}

/// Adds up the words of closed lists that nobody knows, by source.
pub fn odd_words(pass: &Pass) -> Vec<OddWord> {
    let mut sums: BTreeMap<(&str, WordList), WordCounts> = BTreeMap::new();
    for (list, reader, words) in pass.counts.iter().flat_map(|counts| counts.odd_words.iter()) {
        let source = pass.source_readers[reader as usize].name.as_str();
        sums.entry((source, list)).or_default().merge(words);
    }
    let mut told = Vec::new();
    for ((source, list), words) in &sums {
        told.extend(words.told().map(|(word, rows)| OddWord {
            source: (*source).to_owned(),
            list: *list,
            word: word.to_owned(),
            rows,
        }));
    }
    told.sort();
    told
}

/// Adds up the rows that may belong to either pass of a repeated hour, by source.
pub fn guessed_rows(pass: &Pass) -> Vec<GuessedRows> {
    let mut sums: BTreeMap<&str, GuessedRows> = BTreeMap::new();
    for (reader, rows) in pass.counts.iter().flat_map(|counts| counts.hours.guessed()) {
        let reader = &pass.source_readers[reader as usize];
        let Some(hour) = reader.repeated_hour() else { continue };
        let none = || GuessedRows {
            source: reader.name.clone(),
            zone: reader.source().zone.to_string(),
            rows: 0,
            first_pass: hour.first().clone(),
        };
        sums.entry(&reader.name).or_insert_with(none).rows += rows;
    }
    sums.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(pairs: &[(&str, &str)]) -> FirstRow {
        FirstRow(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn the_likely_mapping_goes_by_name_and_value() {
        for (pairs, want) in [
            (&[("ts", "2026-11-20T10:00:00Z"), ("status", "200")][..], Some("http_status = \"status\"")),
            (
                &[("ts", "1763633220"), ("ms", "120"), ("sc_status", "404")],
                Some("http_status = \"sc_status\""),
            ),
            (&[("ok", "true")], Some("is_success = \"ok\"")),
            (&[("status", "OK")], Some("http_status = \"status\"")),
            (&[("path", "/x")], None),
        ] {
            assert_eq!(likely(&row(pairs)).as_deref(), want, "{pairs:?}");
        }
    }
}
