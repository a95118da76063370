//! Inspect: what logs are and what they say, from a bounded look at them, without counting them.
//!
//! For `inspect` and `init`, for runs without a config, and for what is said of a wrong preset.

mod candidates;
mod dated_paths;
mod draft;
mod findings;
mod glimpse;
mod lint;
mod path_template;
mod remarks;
mod services;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono_tz::Tz;

use super::files::find::{self, LogFile};
use super::formats::foreign::opened;
use super::masked;
use super::trial::{TriedRow, try_each, try_text};
use crate::config::{Config, Log, Placeholder, Source};
use crate::day::Day;
use crate::error::Trouble;
use crate::plain_file::SpooledInput;

pub use candidates::{BestFit, Candidate};
pub use dated_paths::DatedFile;
pub use draft::{DraftConfig, draft};
pub use findings::{Arrival, Findings, FirstUnreadable, by_count};
pub use lint::lint;
pub use path_template::{segments, template};
pub use remarks::Remark;

/// Share of rows, in thousandths, that a preset must understand to be taken for that of a log.
const LEAST_READ: u64 = 500;
/// Envelopes within envelopes that are named.
const DEEPEST: usize = 3;
/// Lines that are tried for an envelope and for a zone.
const TRIED_LINES: usize = 20;

/// How much of the logs is looked at.
#[derive(Debug, Clone, Copy)]
pub struct GlimpseLimits {
    /// Bytes of text at the beginning and at the end of each file.
    pub head_bytes: usize,
    pub tail_bytes: usize,
    /// Files; of more, those looked at are spread evenly.
    pub files: usize,
}

impl Default for GlimpseLimits {
    fn default() -> Self {
        Self { head_bytes: 4 << 20, tail_bytes: 4 << 20, files: 32 }
    }
}

impl GlimpseLimits {
    /// Returns limits for the times that logs cover, and for their presets.
    pub const fn times() -> Self {
        Self { head_bytes: 256 << 10, tail_bytes: 256 << 10, files: 128 }
    }
}

/// What is looked at, and how.
#[derive(Debug, Clone)]
pub struct LogLook<'a> {
    pub paths: &'a [String],
    /// Content of the path `-`, on the command line.
    pub standard_input: Option<&'a SpooledInput>,
    /// Zone of times that name none.
    pub zone: Tz,
    pub limits: GlimpseLimits,
    /// The only candidate, if a person has named it.
    pub preset: Option<Candidate>,
    /// The only type of rows that is looked for, if there is one.
    pub log: Option<Log>,
    /// The moment of looking, in microseconds since 1970.
    pub now_us: i64,
}

/// A file that was looked at.
#[derive(Debug, Clone)]
pub struct InspectedFile {
    pub path: String,
    pub bytes: u64,
    /// `gzip`, `zstd`, `parquet` or empty.
    pub stored: &'static str,
    /// True if all of it was looked at.
    pub is_whole: bool,
    /// True if its end was not reached, so that its last day is not known.
    pub is_open: bool,
    /// Days from the first call in it to the last.
    pub days: Option<(Day, Day)>,
}

/// The files of one preset.
#[derive(Debug, Clone)]
pub struct InspectedLog {
    /// The word of `preset`.
    pub preset: String,
    /// A source that reads the log.
    pub source: Source,
    /// Presets that read it as well.
    pub ties: Vec<String>,
    pub layout: Option<String>,
    /// The envelopes around its lines, the outermost first.
    pub envelopes: Vec<String>,
    pub files: Vec<InspectedFile>,
    pub findings: Findings,
    /// True if its times name no zone, although its format does not say which it is.
    pub is_without_zone: bool,
    /// Names by which the format would judge failures, and that the log does not have.
    pub not_logged: Vec<String>,
    /// True if keys of the log tell that it is a sample of the calls.
    pub is_sampled: bool,
}

/// What a look at logs has found.
#[derive(Debug, Clone, Default)]
pub struct Inspected {
    /// The logs, those with most rows first.
    pub logs: Vec<InspectedLog>,
    /// Files that no preset reads, and why.
    pub unread: Vec<(String, String)>,
    pub found: usize,
    pub looked_at: usize,
}

impl Inspected {
    /// Returns the days that the logs cover.
    ///
    /// Between files that were not looked at, all days count as covered.
    pub fn days(&self) -> BTreeSet<Day> {
        let spans: Vec<(Day, Day)> =
            self.logs.iter().flat_map(|log| &log.files).filter_map(|file| file.days).collect();
        if self.looked_at < self.found
            && let (Some(first), Some(last)) =
                (spans.iter().map(|(first, _)| *first).min(), spans.iter().map(|(_, last)| *last).max())
        {
            return first.through(last).collect();
        }
        spans.into_iter().flat_map(|(first, last)| first.through(last)).collect()
    }
}

/// Looks at logs, and groups them by the preset that reads them.
///
/// # Errors
/// A path does not exist or is no file, or a folder cannot be listed.
pub fn inspect(look: &LogLook<'_>) -> Result<Inspected, Trouble> {
    let files = files(look.paths, look.standard_input)?;
    let mut inspected = Inspected { found: files.len(), ..Inspected::default() };
    let mut logs: BTreeMap<(String, &'static str), InspectedLog> = BTreeMap::new();
    let mut known: BTreeMap<String, BestFit> = BTreeMap::new();
    for file in spread(&files, look.limits.files) {
        inspected.looked_at += 1;
        let shown = file.path.display().to_string();
        let seen = match glimpse::read(&file.path, &file.place, &look.limits) {
            Ok(seen) => seen,
            Err(why) => {
                inspected.unread.push((shown, why));
                continue;
            }
        };
        if seen.text.trim_ascii().is_empty() {
            inspected.unread.push((shown, "it is empty".to_owned()));
            continue;
        }
        let (probe, is_whole) = candidates::probe(&seen.text, seen.is_whole);
        let alike = known.get(&masked(&shown)).filter(|fit| reads_all(fit, &probe, is_whole)).cloned();
        let best = look.preset.clone().map(|candidate| BestFit { candidate, read: 1_000, ties: Vec::new() });
        let best = best.or(alike).or_else(|| candidates::best(&probe, is_whole, look.log));
        let Some(best) = best.clone().filter(|best| best.read >= LEAST_READ) else {
            inspected.unread.push((shown, unknown(&seen.text, best)));
            continue;
        };
        known.insert(masked(&shown), best.clone());
        let key = (best.candidate.name.clone(), best.candidate.source.log.name());
        let log = logs.entry(key).or_insert_with(|| begin(&best, &probe, is_whole, look.zone));
        log.ties.retain(|tie| best.ties.contains(tie));
        log.is_sampled |= remarks::names_a_sample(&probe);
        let source = log.source.clone();
        try_each(&source, &seen.text, seen.is_whole, &mut |line, row| {
            log.findings.add(row, &shown, line, look.now_us);
        });
        let days = log.findings.end_file();
        let (stored, is_whole, is_open) = (seen.stored, seen.is_whole, seen.is_open);
        log.files.push(InspectedFile { path: shown, bytes: file.bytes, stored, is_whole, is_open, days });
    }
    inspected.logs = logs.into_values().collect();
    inspected.logs.sort_by_key(|log| std::cmp::Reverse(log.findings.rows()));
    Ok(inspected)
}

/// Returns the preset that a file seems to be written by, if it is not the source's.
pub fn likeness(file: &LogFile, source: &Source) -> Option<String> {
    let limits = GlimpseLimits { head_bytes: 64 << 10, tail_bytes: 0, files: 1 };
    let seen = glimpse::read(&file.path, &file.place, &limits).ok()?;
    let (probe, _) = candidates::probe(&seen.text, false);
    let best = candidates::best(&probe, seen.is_whole, None).filter(|best| best.read >= LEAST_READ)?;
    let own = source.format.as_ref().map_or_else(|| source.preset.name().to_owned(), |f| f.file.name.clone());
    let is_own = best.candidate.name == own && best.candidate.source.log == source.log;
    (!is_own && !best.ties.contains(&own)).then_some(best.candidate.name)
}

fn begin(best: &BestFit, probe: &[u8], is_whole: bool, zone: Tz) -> InspectedLog {
    let mut source = best.candidate.source.clone();
    source.zone = zone;
    let format = source.format.as_ref();
    let not_logged = format.map_or_else(Vec::new, |choice| {
        let logged = candidates::names_logged(choice, probe, is_whole);
        let asked = choice.file.deciding().into_iter().filter(|_| !choice.file.omits_empty);
        let lacking = asked.filter(|(_, names)| !names.iter().any(|name| logged.contains(name)));
        let mut names: Vec<String> = lacking.filter_map(|(_, names)| names.into_iter().next()).collect();
        names.sort();
        names.dedup();
        names
    });
    InspectedLog {
        preset: best.candidate.name.clone(),
        ties: best.ties.clone(),
        layout: format.and_then(|choice| candidates::layout(choice, probe)),
        envelopes: envelopes(&source, probe),
        is_without_zone: remarks::lacks_zone(&source, probe),
        source,
        files: Vec::new(),
        findings: Findings::default(),
        not_logged,
        is_sampled: false,
    }
}

fn reads_all(fit: &BestFit, probe: &[u8], is_whole: bool) -> bool {
    let mut is_read = true;
    let mut calls = 0;
    try_each(&fit.candidate.source, probe, is_whole, &mut |_, row| match row {
        TriedRow::Call(_) => calls += 1,
        TriedRow::NotACall(_) => {}
        TriedRow::Unreadable(_) => is_read = false,
    });
    is_read && calls > 0
}

/// Returns the envelopes of the first call.
fn envelopes(source: &Source, probe: &[u8]) -> Vec<String> {
    let has_call = |text: &[u8]| try_text(source, text).iter().any(|row| matches!(row, TriedRow::Call(_)));
    for line in probe.split(|byte| *byte == b'\n').take(TRIED_LINES) {
        if line.trim_ascii().is_empty() || !has_call(line) {
            continue;
        }
        let (mut names, mut text) = (Vec::new(), line.to_vec());
        while names.len() < DEEPEST
            && let Some(opened) = opened(&text)
            && (opened.is_object || has_call(&opened.inner))
        {
            names.push(opened.envelope.to_owned());
            text = opened.inner;
        }
        return names;
    }
    Vec::new()
}

/// Says of a log that no preset reads what it looks like.
fn unknown(text: &[u8], best: Option<BestFit>) -> String {
    let nearest = best.map_or_else(String::new, |best| {
        format!("; nearest is `{}`, which reads {} % of its rows", best.candidate.name, best.read / 10)
    });
    let line = text.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty());
    let keys = line
        .and_then(|line| serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(line).ok())
        .map(|object| object.keys().take(12).cloned().collect::<Vec<_>>().join(", "))
        .map_or_else(String::new, |keys| format!("; its keys: {keys}"));
    format!(
        "no preset reads it{nearest}{keys}; begin a format of your own with `uptime-ledger formats show NAME > my.toml`"
    )
}

/// Returns the files of paths; folders without files stand for all files in the folders below.
fn files(paths: &[String], input: Option<&SpooledInput>) -> Result<Vec<LogFile>, Trouble> {
    let any_day = Day::new(chrono::NaiveDate::default());
    let mut all = BTreeMap::new();
    for path in paths {
        let mut source = Source::bare("inspect", Log::Requests);
        source.is_named_by_hand = true;
        source.paths = vec![undated(path)];
        let list = |source: Source| {
            let config = Config {
                sources: vec![source],
                standard_input: input.cloned(),
                ..Config::bare(Path::new(""))
            };
            find::find(&config, any_day).map(|found| found.logs)
        };
        let mut found = list(source.clone())?;
        if found.is_empty() && Path::new(path).is_dir() {
            let folder = glob::Pattern::escape(path.trim_end_matches('/'));
            found = list(Source { paths: vec![format!("{folder}/**/*")], ..source })?;
        }
        all.extend(found.into_iter().map(|file| (file.path.clone(), file)));
    }
    Ok(all.into_values().collect())
}

/// Returns a path in which any day stands for the day.
fn undated(path: &str) -> String {
    let mut text = path.to_owned();
    for (at, placeholder) in Placeholder::all(path).into_iter().rev() {
        if let Placeholder::Date(format) = placeholder {
            let parts = format.split('/').map(|_| "*").collect::<Vec<_>>().join("/");
            text.replace_range(at, &parts);
        }
    }
    text
}

/// Returns at most `most` of the files, the first and the last among them.
fn spread<T>(files: &[T], most: usize) -> impl Iterator<Item = &T> {
    let taken = files.len().min(most.max(2));
    let step = move |n: usize| if taken < 2 { 0 } else { n * (files.len() - 1) / (taken - 1) };
    (0..taken).filter_map(move |n| files.get(step(n)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look<'a>(paths: &'a [String]) -> LogLook<'a> {
        let limits = GlimpseLimits::default();
        LogLook {
            paths,
            standard_input: None,
            zone: Tz::UTC,
            limits,
            preset: None,
            log: None,
            now_us: 1_795_000_000_000_000,
        }
    }

    #[test]
    fn files_are_grouped_by_preset_and_envelopes_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let line = r#"{"time_iso8601":"2026-11-18T10:00:00+00:00","status":"502","request_uri":"/a/1","upstream_addr":"h:1","request_time":"0.1"}"#;
        file("a.log", &format!("{line}\n{line}\n"));
        let wrapped = serde_json::json!({"log": format!("{line}\n"), "stream": "stdout", "time": "2026-11-18T10:00:01Z"});
        file("b.log", &format!("{wrapped}\n"));
        file("c.csv", "ts,http_status\n2026-11-19T10:00:00Z,200\n");
        file("d.txt", "hello\nworld\n");
        let paths = vec![folder.path().display().to_string()];
        let found = inspect(&look(&paths)).unwrap();
        let names: Vec<&str> = found.logs.iter().map(|log| log.preset.as_str()).collect();
        assert_eq!(names, ["nginx", "canonical"]);
        let nginx = &found.logs[0];
        assert_eq!((nginx.findings.calls, nginx.files.len()), (3, 2));
        assert!(nginx.not_logged.contains(&"upstream_connect_time".to_owned()), "{:?}", nginx.not_logged);
        assert!(!nginx.not_logged.contains(&"upstream_addr".to_owned()));
        assert_eq!(found.unread.len(), 1);
        let days: Vec<String> = found.days().iter().map(ToString::to_string).collect();
        assert_eq!(days, ["2026-11-18", "2026-11-19"]);
        let wrapped = vec![folder.path().join("b.log").display().to_string()];
        assert_eq!(inspect(&look(&wrapped)).unwrap().logs[0].envelopes, ["docker"]);
    }

    #[test]
    fn of_many_files_the_first_the_last_and_some_between_are_looked_at() {
        let files: Vec<String> = (0..10).map(|n| n.to_string()).collect();
        let taken: Vec<String> = spread(&files, 4).cloned().collect();
        assert_eq!(taken, ["0", "3", "6", "9"]);
        assert_eq!(spread(&files[..1], 4).count(), 1);
        assert_eq!(undated("a/{date:%Y/%m}/b-{date}.log"), "a/*/*/b-*.log");
    }
}
