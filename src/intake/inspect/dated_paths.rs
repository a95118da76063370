//! Dated paths: patterns with `{date}` that lead to files whose names have a date.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use crate::day::Day;

/// A file with the days from the first call in it to the last.
#[derive(Debug, Clone)]
pub struct DatedFile {
    pub path: String,
    pub days: Option<(Day, Day)>,
}

/// Days by which the date of a name may lie beside the rows of its file.
const SLACK_DAYS: i64 = 1;

/// Ways to write a date in a path: the expression, and the pattern for it.
static DATES: LazyLock<[(Regex, &str); 5]> = LazyLock::new(|| {
    [
        (regex(r"y=(?P<y>\d{4})/m=(?P<m>\d\d)/d=(?P<d>\d\d)"), "y={date:%Y}/m={date:%m}/d={date:%d}"),
        (regex(r"(?P<y>\d{4})/(?P<m>\d\d)/(?P<d>\d\d)"), "{date:%Y/%m/%d}"),
        (regex(r"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)"), "{date}"),
        (regex(r"(?P<y>(?:19|20)\d\d)(?P<m>[01]\d)(?P<d>[0-3]\d)"), "{date:%Y%m%d}"),
        (regex(r"(?P<y>\d\d)(?P<m>[01]\d)(?P<d>[0-3]\d)"), "{date:%y%m%d}"),
    ]
});

/// What changes behind a date from file to file: hours, counters, hashes.
static CHANGING: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?:[T_-]?\d\d(?:[-:]?\d\d){0,2}(?:\.\d+)?Z?\b|[._-]?\b[0-9A-Fa-f]{8,}\b)"));

fn regex(pattern: &str) -> Regex {
    // Each pattern is a constant, and a test reads all of them.
    #[expect(clippy::expect_used, reason = "constant patterns")]
    Regex::new(pattern).expect("a constant pattern")
}

/// Returns patterns that lead to all files of a list.
///
/// A date becomes a placeholder if the rows of its file are of that day or of one beside it. Paths
/// that are alike then become one pattern.
pub fn patterns(files: &[DatedFile]) -> Vec<String> {
    let mut plain = BTreeSet::new();
    let mut dated: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files {
        match dated_path(file) {
            Some((pattern, key)) => _ = dated.entry(key).or_default().insert(pattern),
            None => _ = plain.insert(escaped(&file.path)),
        }
    }
    let mut found: Vec<String> = dated
        .into_iter()
        .map(|(key, patterns)| match patterns.first() {
            Some(only) if patterns.len() == 1 && !is_changing(only) => only.clone(),
            _ => key,
        })
        .collect();
    found.extend(plain);
    found
}

/// Returns the pattern of a file, and the same with `*` for what changes behind the date.
fn dated_path(file: &DatedFile) -> Option<(String, String)> {
    let (first, last) = file.days?;
    for (date, placeholder) in DATES.iter() {
        // The last date is that of the file; one before it may be of a folder.
        for found in date.captures_iter(&file.path).collect::<Vec<_>>().into_iter().rev() {
            let whole = found.get_match();
            let number = |name: &str| found.name(name).and_then(|part| part.as_str().parse::<u32>().ok());
            let (Some(year), Some(month), Some(day)) = (number("y"), number("m"), number("d")) else {
                continue;
            };
            let year = if year < 100 { year + 2_000 } else { year };
            let Some(named) = chrono::NaiveDate::from_ymd_opt(year as i32, month, day) else { continue };
            let named = Day::new(named);
            if first.plus(-SLACK_DAYS) > named || named > last.plus(SLACK_DAYS) {
                continue;
            }
            let before = pattern_before(&file.path[..whole.start()], named);
            let behind = &file.path[whole.end()..];
            let pattern = format!("{before}{placeholder}{}", escaped(behind));
            let (stem, ending) = stem_and_ending(behind);
            let masked = merged(&CHANGING.replace_all(&escaped(stem), "*"));
            return Some((pattern, format!("{before}{placeholder}{masked}{}", escaped(ending))));
        }
    }
    None
}

/// Returns what stands before a date, in which the same day may be written once more.
fn pattern_before(text: &str, named: Day) -> String {
    let mut text = escaped(text);
    for (format, placeholder) in
        [("%Y/%m/%d", "{date:%Y/%m/%d}"), ("%Y-%m-%d", "{date}"), ("%Y%m%d", "{date:%Y%m%d}")]
    {
        text = text.replace(&named.date().format(format).to_string(), placeholder);
    }
    text
}

fn is_changing(pattern: &str) -> bool {
    let behind = pattern.rfind('}').map_or("", |at| &pattern[at + 1..]);
    let (stem, _) = stem_and_ending(behind);
    CHANGING.is_match(stem)
}

/// Cuts off the endings of a name, which say how a file is written.
fn stem_and_ending(name: &str) -> (&str, &str) {
    let mut at = name.len();
    for ending in [".gz", ".zst", ".log", ".json", ".ndjson", ".jsonl", ".csv", ".tsv", ".txt", ".parquet"] {
        // `.gz` comes first, as it is the last of several.
        if name[..at].ends_with(ending) {
            at -= ending.len();
        }
    }
    name.split_at(at)
}

/// Returns a text in which several stars in a row are one.
fn merged(text: &str) -> String {
    let mut merged = String::new();
    for c in text.chars() {
        if !(c == '*' && merged.ends_with('*')) {
            merged.push(c);
        }
    }
    merged
}

/// Returns a path as a pattern that means the path itself.
fn escaped(path: &str) -> String {
    let mut text = String::new();
    for c in path.chars() {
        match c {
            '[' => text.push_str("[[]"),
            '{' | '}' | '*' | '?' => text.push('?'),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(paths: &[(&str, &str)]) -> Vec<String> {
        let file = |(path, day): &(&str, &str)| {
            let day: Day = day.parse().unwrap();
            DatedFile { path: (*path).to_owned(), days: Some((day, day)) }
        };
        patterns(&paths.iter().map(file).collect::<Vec<_>>())
    }

    #[test]
    fn dates_of_names_become_placeholders_if_the_rows_agree() {
        let day = "2026-11-20";
        for (path, want) in [
            ("logs/access-2026-11-20.log", "logs/access-{date}.log"),
            ("logs/access.log-20261121.gz", "logs/access.log-{date:%Y%m%d}.gz"),
            ("W3SVC1/u_ex261120.log", "W3SVC1/u_ex{date:%y%m%d}.log"),
            ("AWSLogs/1/2026/11/20/x.log.gz", "AWSLogs/1/{date:%Y/%m/%d}/x.log.gz"),
            ("cf/E1.2026-11-20-10.0123abcd.gz", "cf/E1.{date}*.gz"),
            (
                "r/y=2026/m=11/d=20/h=05/m=00/PT1H.json",
                "r/y={date:%Y}/m={date:%m}/d={date:%d}/h=*/m=*/PT1H.json",
            ),
            ("logs/access.log", "logs/access.log"),
            ("logs/access-2025-01-01.log", "logs/access-2025-01-01.log"),
            ("logs/[a]{b}.log", "logs/[[]a]?b?.log"),
        ] {
            assert_eq!(of(&[(path, day)]), [want], "{path}");
        }
        assert_eq!(
            of(&[("a-2026-11-20.log", day), ("a-2026-11-21.log", "2026-11-21"), ("b.log", day)]),
            ["a-{date}.log", "b.log"]
        );
    }
}
