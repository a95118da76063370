//! Trial: what a source makes of a text, row by row, without counting it.
//!
//! For `inspect`, for the samples of format files, and for tests.

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

/// Reads a text by the format of a source; other sources give no rows.
pub fn try_text(source: &Source, text: &[u8]) -> Vec<TriedRow> {
    let config = Config::bare("");
    let endpoints = Endpoints::of(&config.services, &config.ignore);
    let reader = SourceReader::new(0, source, &endpoints, &Join::new(&config, &Salt::new("trial")));
    let Some(mut foreign) = reader.foreign() else { return Vec::new() };
    let mut tried = Tried { reader: &reader, names: Lexicon::new(), rows: Vec::new() };
    if is_stream(text) {
        let mut at = 0;
        while let Some(object) = JsonStream.next(&text[at..], true) {
            foreign.line(&text[at + object.start..at + object.end], &mut tried);
            at += object.end;
        }
    } else {
        for line in text.split(|byte| *byte == b'\n') {
            let line = frame::bare(line.strip_suffix(b"\r").unwrap_or(line));
            if !line.iter().all(u8::is_ascii_whitespace) {
                foreign.line(line, &mut tried);
            }
        }
    }
    foreign.finish(&mut tried);
    tried.rows
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
    rows: Vec<TriedRow>,
}

impl Sink for Tried<'_> {
    fn take(&mut self, found: FoundRow<'_, '_>, _: &[u8]) {
        let row = match found {
            FoundRow::NotACall(why) => TriedRow::NotACall(why.to_owned()),
            FoundRow::Unreadable(why) => TriedRow::Unreadable(why),
            FoundRow::Call(row) => match self.call(row) {
                Ok(call) => TriedRow::Call(call),
                Err(why) => TriedRow::Unreadable(why),
            },
        };
        self.rows.push(row);
    }
}

impl Tried<'_> {
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
}
