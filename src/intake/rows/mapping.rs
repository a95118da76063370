//! Mapping: the names in a log, and the canonical fields that they fill.
//!
//! A preset comes first; columns of the config replace its entries.

use super::raw_row::{LogValue, UPSTREAM_CONNECT, UPSTREAM_HEADER};
use crate::config::{Cast, ColumnSource, Field, LogPreset, Source, Unit};

/// One name in the log, and the field it fills.
#[derive(Debug, Clone)]
pub struct MappedField {
    /// Column name, or dotted path in JSON.
    pub name: String,
    pub field: usize,
    /// Preference among several names of one field; 0 is first.
    pub rank: u8,
    /// True if the config names it: a log without it is not the log that was meant.
    pub is_named: bool,
}

/// Mapping of one source.
#[derive(Debug, Clone)]
pub struct Mapping {
    pub entries: Vec<MappedField>,
    /// Fields with the same value in every row of the source.
    pub constants: Vec<(usize, String)>,
    pub ts_cast: Cast,
    pub duration_cast: Cast,
    pub event_ts_cast: Cast,
    words: Vec<(usize, Vec<(String, String)>)>,
}

impl Mapping {
    pub fn of(source: &Source) -> Self {
        let mut mapping = Self {
            entries: preset_entries(source),
            constants: Vec::new(),
            ts_cast: Cast::Auto,
            event_ts_cast: Cast::Auto,
            duration_cast: Cast::Unit(match source.preset {
                LogPreset::NginxJson => Unit::Seconds,
                LogPreset::Canonical | LogPreset::Combined | LogPreset::WhatsappWebhook => Unit::Milliseconds,
            }),
            words: Vec::new(),
        };
        for column in &source.columns {
            let field = column.field as usize;
            mapping.entries.retain(|e| e.field != field);
            match &column.from {
                ColumnSource::Name(name) => {
                    mapping.entries.push(MappedField { name: name.clone(), field, rank: 0, is_named: true });
                }
                ColumnSource::Value(value) => mapping.constants.push((field, value.clone())),
            }
            if column.cast != Cast::Auto {
                match column.field {
                    Field::Ts => mapping.ts_cast = column.cast.clone(),
                    Field::EventTs => mapping.event_ts_cast = column.cast.clone(),
                    Field::Duration => mapping.duration_cast = column.cast.clone(),
                    _ => {}
                }
            }
            if !column.words.is_empty() {
                mapping.words.push((field, column.words.clone()));
            }
        }
        mapping
    }

    /// Checks that a file has all names that the config requires.
    ///
    /// # Errors
    /// A name is missing; the message gives it, and the names that the file has.
    pub fn check_names(&self, is_there: impl Fn(&str) -> bool, found: &str) -> Result<(), String> {
        match self.entries.iter().find(|e| e.is_named && !is_there(&e.name)) {
            None => Ok(()),
            Some(entry) => Err(format!(
                "it has no column `{}`, which [source.columns] names; it has {}",
                entry.name,
                crate::redact::redacted(found.as_bytes(), 200)
            )),
        }
    }

    /// Returns the names of the config that a whole day of a log can be expected to have.
    ///
    /// Fields about errors may well be missing for a day.
    pub fn expected(&self) -> impl Iterator<Item = &MappedField> {
        const EXPECTED: [Field; 14] = [
            Field::Ts,
            Field::Duration,
            Field::RequestId,
            Field::BusinessId,
            Field::Service,
            Field::Endpoint,
            Field::Region,
            Field::HttpStatus,
            Field::MessageId,
            Field::EventTs,
            Field::WebhookId,
            Field::Status,
            Field::AttemptNo,
            Field::Outcome,
        ];
        self.entries.iter().filter(|e| e.is_named && EXPECTED.iter().any(|f| *f as usize == e.field))
    }

    /// Returns the names in the log that fill a field.
    pub fn names(&self, field: Field) -> Vec<&str> {
        let entries = self.entries.iter().filter(|entry| entry.field == field as usize);
        entries.map(|entry| entry.name.as_str()).collect()
    }

    /// Returns whether the mapping replaces words of a field.
    pub fn has_words(&self) -> bool {
        !self.words.is_empty()
    }

    /// Returns the replacement for a value of a field, if the source lists one.
    pub fn word(&self, field: usize, value: &LogValue<'_>) -> Option<&str> {
        let (_, words) = self.words.iter().find(|(f, _)| *f == field)?;
        let spelled = match value {
            // CSV is often written with a blank after the comma.
            LogValue::Text(text) => std::str::from_utf8(text).ok()?.trim().to_owned(),
            LogValue::Int(n) => n.to_string(),
            LogValue::Bool(b) => b.to_string(),
            _ => return None,
        };
        words.iter().find(|(from, _)| *from == spelled).map(|(_, to)| to.as_str())
    }

    /// Returns the fields whose words are replaced.
    pub fn word_fields(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().map(|(field, _)| *field)
    }
}

fn preset_entries(source: &Source) -> Vec<MappedField> {
    let entry =
        |name: &str, field: usize, rank: u8| MappedField { name: name.into(), field, rank, is_named: false };
    match source.preset {
        LogPreset::Canonical => {
            Field::of(source.log).iter().map(|f| entry(f.column(), *f as usize, 0)).collect()
        }
        // Filled by position or by their own reader, not by name.
        LogPreset::Combined | LogPreset::WhatsappWebhook => Vec::new(),
        LogPreset::NginxJson => [
            ("msec", Field::Ts as usize, 0),
            ("time_iso8601", Field::Ts as usize, 1),
            ("time_local", Field::Ts as usize, 2),
            ("request_time", Field::Duration as usize, 0),
            ("request_id", Field::RequestId as usize, 0),
            ("upstream_http_x_fb_trace_id", Field::TraceId as usize, 0),
            ("http_x_fb_trace_id", Field::TraceId as usize, 1),
            ("status", Field::HttpStatus as usize, 0),
            ("upstream_status", Field::UpstreamStatus as usize, 0),
            ("request_uri", Field::Endpoint as usize, 0),
            ("uri", Field::Endpoint as usize, 1),
            ("request", Field::Endpoint as usize, 2),
            ("business_id", Field::BusinessId as usize, 0),
            ("service", Field::Service as usize, 0),
            ("region", Field::Region as usize, 0),
            ("upstream_connect_time", UPSTREAM_CONNECT, 0),
            ("upstream_header_time", UPSTREAM_HEADER, 0),
        ]
        .into_iter()
        .map(|(name, field, rank)| entry(name, field, rank))
        .collect(),
    }
}
