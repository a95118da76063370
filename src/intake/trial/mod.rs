//! Trial: what a source makes of a text, row by row, without counting it.
//!
//! For `inspect`, for the samples of format files, and for tests.

mod own;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono_tz::Tz;

use super::counting::notes::evidence::RowPlace;
use super::formats::foreign::{FoundRow, JsonStream, Sink, is_stream};
use super::formats::frame;
use super::rows::endpoints::Endpoints;
use super::rows::instant;
use super::rows::interner::Lexicon;
use super::rows::raw_row::{LogValue, RawRow};
use super::rows::source_reader::{Join, SourceReader};
use crate::config::{Cast, Config, Field, FormatChoice, Log, LogPreset, Source};
use crate::daybook::delivery::AttemptResult;
use crate::facts::{Reached, Salt};
use crate::formats::{FormatSample, SampleRow};

/// What became of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum TriedRow {
    Call(TriedCall),
    /// No call, and why.
    NotACall(String),
    /// Why it cannot be read.
    Unreadable(String),
}

/// A call or an attempt as it is understood.
#[derive(Debug, Clone, PartialEq)]
pub struct TriedCall {
    /// Start, in microseconds since 1970.
    pub start_us: i64,
    pub duration_us: Option<u64>,
    pub reached: Reached,
    /// Values by canonical field; a field that is logged without a value is not there.
    pub values: BTreeMap<Field, String>,
    /// Fields that the row logs, with or without a value.
    pub logged: Vec<Field>,
}

/// Reads a text by a source.
pub fn try_text(source: &Source, text: &[u8]) -> Vec<TriedRow> {
    let mut rows = Vec::new();
    try_each(source, text, true, &mut |_, row| rows.push(row));
    rows
}

/// Reads a text by a source, and hands on each row with the number of its line.
///
/// `is_whole` says that the text is a whole file: a line or object that its end cuts is a row.
pub fn try_each(source: &Source, text: &[u8], is_whole: bool, take: &mut dyn FnMut(u64, TriedRow)) {
    let config = Config::bare("");
    let endpoints = Endpoints::of(&config.services, &config.ignore);
    let reader = SourceReader::new(0, source, &endpoints, &Join::new(&config, &Salt::new("trial")));
    let mut tried = Tried { reader: &reader, names: Lexicon::new(), line: 0, take };
    if let Some(why) = frame::foreign_encoding(text) {
        return tried.row(TriedRow::Unreadable(why));
    }
    match reader.foreign() {
        Some(mut foreign) => {
            each_line(text, is_whole, is_stream(text), &mut |line, inside| {
                tried.line += line;
                foreign.line(inside, &mut tried);
            });
            if is_whole {
                foreign.finish(&mut tried);
            }
        }
        None => own::try_each(&mut tried, text, is_whole),
    }
}

/// Hands on each line that is not blank, or each object of a stream, with the number of lines since
/// the one before.
fn each_line(text: &[u8], is_whole: bool, is_stream: bool, take: &mut dyn FnMut(u64, &[u8])) {
    if is_stream {
        let lines = |part: &[u8]| memchr::memchr_iter(b'\n', part).count() as u64;
        let (mut at, mut passed) = (0, 0);
        while let Some(object) = JsonStream.next(&text[at..], is_whole) {
            let (start, end) = (at + object.start, at + object.end);
            take(passed + lines(&text[at..start]), &text[start..end]);
            passed = lines(&text[start..end]);
            at = end;
        }
        return;
    }
    let mut passed = 0;
    for line in lines(text) {
        passed += 1;
        if !line.iter().all(u8::is_ascii_whitespace) {
            take(std::mem::take(&mut passed), line);
        }
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').map(|line| frame::bare(line.strip_suffix(b"\r").unwrap_or(line)))
}

/// Returns the source that reads a log by a format as it is.
pub fn source_of_format(choice: &FormatChoice) -> Source {
    Source {
        preset: LogPreset::Format,
        vantage: choice.file.vantage,
        identity: choice.identity(),
        format: Some(choice.clone()),
        ..Source::bare("trial", choice.file.log)
    }
}

/// Returns what is wrong with the samples of a format: each sample with what it gives instead.
pub fn wrong_samples(choice: &FormatChoice) -> Vec<(&FormatSample, String)> {
    let source = source_of_format(choice);
    let wrong = |sample| Some((sample, wrong_sample(&source, sample)?));
    choice.file.samples.iter().filter_map(wrong).collect()
}

fn wrong_sample(source: &Source, sample: &FormatSample) -> Option<String> {
    let rows = try_text(source, sample.lines.join("\n").as_bytes());
    let is_call = |row: &&TriedRow| matches!(row, TriedRow::Call(_));
    let is_other = |row: &&TriedRow| matches!(row, TriedRow::Unreadable(_));
    let calls: Vec<&TriedRow> = rows.iter().filter(is_call).collect();
    match (&sample.gives, calls.as_slice(), rows.iter().find(is_other)) {
        (SampleRow::NotACall, [], None) if !rows.is_empty() => None,
        (SampleRow::Quarantine, [], Some(_)) => None,
        (SampleRow::Call(wanted), [TriedRow::Call(call)], None) => {
            let mut wrong = String::new();
            for (name, want) in wanted {
                let found = call.shown(name);
                if !is_same(name, want, &found) {
                    let _ = write!(wrong, "{}{name} is `{found}`", if wrong.is_empty() { "" } else { ", " });
                }
            }
            (!wrong.is_empty()).then_some(wrong)
        }
        (_, _, Some(TriedRow::Unreadable(why))) => Some(format!("it cannot be read: {why}")),
        (_, [], _) => Some(match rows.first() {
            Some(TriedRow::NotACall(why)) => format!("it gives no call: {why}"),
            _ => "it gives no row".to_owned(),
        }),
        (_, calls, _) => Some(format!("it gives {} calls", calls.len())),
    }
}

fn is_same(name: &str, want: &str, found: &str) -> bool {
    match name {
        "ts" | "event_ts" => {
            let us = |text: &str| instant::instant_of_text(text.as_bytes(), &Cast::Auto, Tz::UTC);
            us(want).is_some() && us(want) == us(found)
        }
        "duration_ms" => match (want.parse::<f64>(), found.parse::<f64>()) {
            // Durations are kept in whole microseconds.
            (Ok(want), Ok(found)) => (want - found).abs() < 0.001,
            _ => false,
        },
        _ => want == found,
    }
}

impl TriedCall {
    /// Returns a field as text; empty if it has no value.
    pub fn shown(&self, name: &str) -> String {
        match name {
            "ts" => chrono::DateTime::from_timestamp_micros(self.start_us)
                .map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
                .unwrap_or_default(),
            "duration_ms" => self.duration_us.map(|us| (us as f64 / 1_000.0).to_string()).unwrap_or_default(),
            "reached" => match self.reached {
                Reached::Yes => "yes",
                Reached::No => "no",
                Reached::Unknown => "unknown",
            }
            .to_owned(),
            _ => {
                let of = |(field, value): (&Field, &String)| (field.name() == name).then(|| value.clone());
                self.values.iter().find_map(of).unwrap_or_default()
            }
        }
    }
}

struct Tried<'a> {
    reader: &'a SourceReader,
    names: Lexicon,
    line: u64,
    take: &'a mut dyn FnMut(u64, TriedRow),
}

impl Sink for Tried<'_> {
    fn take(&mut self, found: FoundRow<'_, '_>, _: &[u8]) {
        match found {
            FoundRow::NotACall(why) => self.row(TriedRow::NotACall(why.to_owned())),
            FoundRow::Unreadable(why) => self.row(TriedRow::Unreadable(why)),
            FoundRow::Call(row) => self.read(Ok(()), row),
        }
    }
}

impl Tried<'_> {
    fn row(&mut self, row: TriedRow) {
        (self.take)(self.line, row);
    }

    fn read(&mut self, read: Result<(), String>, row: &mut RawRow<'_>) {
        let call = read.and_then(|()| self.call(row));
        self.row(call.map_or_else(TriedRow::Unreadable, TriedRow::Call));
    }

    fn call(&mut self, row: &mut RawRow<'_>) -> Result<TriedCall, String> {
        self.reader.translate(row);
        let (start_us, duration_us) = self.reader.time(row)?;
        let is_request = self.reader.source().log == Log::Requests;
        let (mut reached, mut outcome) = (Reached::Unknown, None);
        if is_request {
            reached = self.reader.read(row, &mut self.names)?.shape.reached;
        } else {
            let place = RowPlace { file: 0, chunk: 0, row: 1 };
            let attempt = self.reader.webhook(row, start_us, place, &mut self.names, &mut Vec::new())?;
            outcome = Some(outcome_word(attempt.attempted.trial).to_owned());
        }
        let text = |value: &LogValue<'_>| match value {
            LogValue::Missing => None,
            LogValue::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
            LogValue::Int(n) | LogValue::Instant(n) => Some(n.to_string()),
            LogValue::Float(x) => Some(x.to_string()),
            LogValue::Bool(b) => Some(b.to_string()),
            LogValue::Odd(what) => Some((*what).to_owned()),
        };
        let fields = Field::of(self.reader.source().log);
        let values = fields.iter().filter_map(|field| Some((*field, text(row.get(*field))?)));
        let values = values.chain(outcome.map(|outcome| (Field::Outcome, outcome))).collect();
        let logged = fields.iter().copied().filter(|field| row.named() & 1 << *field as u32 != 0).collect();
        Ok(TriedCall { start_us, duration_us, reached, values, logged })
    }
}

const fn outcome_word(result: AttemptResult) -> &'static str {
    match result {
        AttemptResult::Http => "http",
        AttemptResult::Dns => "dns",
        AttemptResult::Connect => "connect",
        AttemptResult::Tls => "tls",
        AttemptResult::Reset => "reset",
        AttemptResult::Timeout => "timeout",
        AttemptResult::None => "none",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_all_formats_give_what_they_say() {
        let mut wrong = Vec::new();
        for choice in FormatChoice::all() {
            for (sample, why) in wrong_samples(&choice) {
                wrong.push(format!("{}: {}\n  {}", choice.name, why, sample.lines.join("\n  ")));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn every_element_of_a_list_is_a_row() {
        let mut formats = 0;
        for choice in FormatChoice::all() {
            let source = source_of_format(&choice);
            let kinds = |text: &str| {
                let rows = try_text(&source, text.as_bytes());
                let calls = rows.iter().filter(|row| matches!(row, TriedRow::Call(_))).count();
                (calls, rows.iter().filter(|row| matches!(row, TriedRow::Unreadable(_))).count())
            };
            let is_object = |line: &str| line.starts_with('{') && kinds(&format!("[{line}]")) == (1, 0);
            let mut samples = choice.file.samples.iter().filter(|sample| sample.lines.len() == 1);
            let Some(line) = samples.find(|s| is_object(&s.lines[0])).map(|s| &s.lines[0]) else { continue };
            formats += 1;
            assert_eq!(kinds(&format!("[{line},17]")), (1, 1), "{}", choice.name);
            assert_eq!(kinds(&format!("[{line},{line},{{}}]")), (2, 1), "{}", choice.name);
            // Objects of a list over many lines, whose end is missing.
            assert_eq!(kinds(&format!("[{line},{line}")), (2, 0), "{}", choice.name);
            assert_eq!(kinds(&format!("[{line},{{\"a\":")), (1, 1), "{}", choice.name);
            // Below another line it is one line, which is broken.
            assert_eq!(kinds(&format!("{line}\n[{line},{line}")), (1, 1), "{}", choice.name);
            assert_eq!(kinds(&format!("{{\"a\":{}", "[".repeat(100_000))), (0, 1), "{}", choice.name);
            assert_eq!(kinds(&"[".repeat(100_000)), (0, 1), "{}", choice.name);
            assert_eq!(kinds(&"[{\"a\":".repeat(100_000)), (0, 1), "{}", choice.name);
        }
        assert!(formats >= 8, "{formats}");
    }
}
