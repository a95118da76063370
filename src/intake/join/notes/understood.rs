//! Understood: whether files can tell of outcomes, and words in them that nobody knows.

use std::collections::BTreeMap;

use crate::config::{Field, Log, Source};
use crate::intake::counting::file_tally::FileTally;
use crate::intake::counting::notes::odd_words::WordList;
use crate::intake::files::find::LogFile;
use crate::intake::files::first_row::{self, FirstRow};
use crate::intake::files::masked_name::masked;
use crate::intake::pass::Pass;
use crate::intake::rows::raw_row::OUTCOMES;
use crate::redact::redacted;

/// Files of one name in which no row tells of an outcome, so that their events are unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SilentFiles {
    pub source: String,
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

/// Decides whether a name of files can tell of outcomes.
///
/// It can if any of its rows of the day names a field for them, or if one of the week before did;
/// `before` is `None` if nothing is known of that week. Where it can, a row without the field is
/// evidence of a call without an answer.
const fn can_tell(is_named_today: bool, before: Option<bool>) -> bool {
    is_named_today || matches!(before, Some(true))
}

/// Groups the files of request logs that were read by source and masked name.
fn groups(pass: &Pass, files: &[LogFile], sources: &[Source]) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<(usize, String), Vec<usize>> = BTreeMap::new();
    for (n, file) in files.iter().enumerate() {
        let is_read = !pass.failures.contains_key(&(n as u32));
        if is_read && sources[file.source].log == Log::Requests {
            groups.entry((file.source, masked(&file.shown))).or_default().push(n);
        }
    }
    groups.into_values().collect()
}

fn tallies(pass: &Pass, file: usize) -> impl Iterator<Item = &FileTally> {
    pass.counts.iter().map(move |counts| counts.tally(file as u32))
}

/// Returns by file whether its name can tell of outcomes; see [`can_tell`].
pub fn outcomes_told(pass: &Pass, files: &[LogFile], sources: &[Source]) -> Vec<bool> {
    let mut told = vec![true; files.len()];
    for group in groups(pass, files, sources) {
        let is_named = group.iter().flat_map(|n| tallies(pass, *n)).any(|t| t.named & OUTCOMES != 0);
        for n in group {
            told[n] = can_tell(is_named, None);
        }
    }
    told
}

/// Describes the names of files with accepted rows that cannot tell of outcomes.
pub fn silent_files(pass: &Pass, files: &[LogFile], sources: &[Source], told: &[bool]) -> Vec<SilentFiles> {
    let mut silent = Vec::new();
    for group in groups(pass, files, sources) {
        let rows: u64 = group.iter().flat_map(|n| tallies(pass, *n)).map(|t| t.accepted).sum();
        let Some(first) = group.first().filter(|n| rows > 0 && !told[**n]) else { continue };
        let source = &sources[files[*first].source];
        // A file that is gone by now only cannot show its keys.
        let row = first_row::read(&files[*first].path, source).unwrap_or_default();
        silent.push(SilentFiles {
            source: source.name.clone(),
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
    let mut sums: BTreeMap<(&str, WordList, &str), u64> = BTreeMap::new();
    for (list, reader, word, rows) in pass.counts.iter().flat_map(|counts| counts.odd_words.iter()) {
        let source = pass.source_readers[reader as usize].name.as_str();
        *sums.entry((source, list, word)).or_default() += rows;
    }
    let of = |((source, list, word), rows): ((&str, _, &str), _)| OddWord {
        source: source.to_owned(),
        list,
        word: word.to_owned(),
        rows,
    };
    sums.into_iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(pairs: &[(&str, &str)]) -> FirstRow {
        FirstRow(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_name_tells_of_outcomes_if_it_does_so_today_or_did_in_the_week_before() {
        assert!(can_tell(true, None) && can_tell(true, Some(false)) && can_tell(false, Some(true)));
        assert!(!can_tell(false, None) && !can_tell(false, Some(false)));
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
