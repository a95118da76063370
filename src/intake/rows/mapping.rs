//! Mapping: the names in a log, and the canonical fields that they fill.
//!
//! A preset comes first; columns of the config replace its entries.

use super::raw_row::{LogValue, UPSTREAM_CONNECT, UPSTREAM_HEADER};
use crate::config::{Cast, ColumnSource, Field, LogPreset, Source, Unit};

/// The name that the Cloud API has for a correlation, in requests and in statuses.
pub const CORRELATION_ALIAS: &str = "biz_opaque_callback_data";

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
    /// True if the area of a recipient is given by a business-scoped user id.
    pub is_area_of_bsuid: bool,
    words: Vec<(usize, Vec<(String, String)>)>,
}

impl Mapping {
    pub fn of(source: &Source) -> Self {
        let mut mapping = Self {
            entries: preset_entries(source),
            constants: Vec::new(),
            ts_cast: Cast::Auto,
            event_ts_cast: Cast::Auto,
            is_area_of_bsuid: false,
            duration_cast: Cast::Unit(match source.preset {
                LogPreset::NginxJson => Unit::Seconds,
                LogPreset::Format => Unit::Microseconds,
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
                ColumnSource::Off => {}
            }
            if column.cast != Cast::Auto {
                match column.field {
                    Field::Ts => mapping.ts_cast = column.cast.clone(),
                    Field::EventTs => mapping.event_ts_cast = column.cast.clone(),
                    Field::Duration => mapping.duration_cast = column.cast.clone(),
                    Field::RecipientArea => mapping.is_area_of_bsuid = true,
                    _ => {}
                }
            }
            if !column.words.is_empty() {
                mapping.words.push((field, column.words.clone()));
            }
        }
        mapping
    }

    /// Returns the columns of a file that fill fields, as positions in `names`.
    ///
    /// A column of exactly the name is taken; if there is none, a column whose name is alike and
    /// that no other field has exactly.
    ///
    /// # Errors
    /// A name of the config is missing, or two columns have one name or are equally alike.
    pub fn columns(&self, names: &[String]) -> Result<Vec<(usize, &MappedField)>, String> {
        let is_taken = |name: &str| self.entries.iter().any(|entry| entry.name == name);
        let mut columns = Vec::new();
        for entry in &self.entries {
            let all = names.iter().enumerate();
            let mut hits: Vec<usize> =
                all.clone().filter(|(_, name)| **name == entry.name).map(|(at, _)| at).collect();
            if hits.is_empty() {
                let is_hit = |name: &str| is_alike(name.as_bytes(), entry.name.as_bytes()) && !is_taken(name);
                hits = all.filter(|(_, name)| is_hit(name)).map(|(at, _)| at).collect();
            }
            match hits.as_slice() {
                [] if entry.is_named => {
                    return Err(format!(
                        "it has no column `{}`, which [source.columns] names; it has {}",
                        entry.name,
                        crate::redact::values(names.iter().map(String::as_bytes), 200)
                    ));
                }
                [] => {}
                [at] => columns.push((*at, entry)),
                [one, other, ..] if names[*one] == names[*other] => {
                    return Err(format!(
                        "the column `{}` stands in it twice, and which one is meant cannot be told; remove or rename one of them",
                        names[*one]
                    ));
                }
                [one, other, ..] => {
                    return Err(format!(
                        "the columns `{}` and `{}` can both be meant by `{}`; rename one of them, or name the right one under \
                         [source.columns]",
                        names[*one], names[*other], entry.name
                    ));
                }
            }
        }
        Ok(columns)
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

/// Returns whether two names differ only in ASCII case and in what stands between their words.
///
/// `HTTP_STATUS`, `httpStatus` and `Http-Status` are alike.
pub fn is_alike(one: &[u8], other: &[u8]) -> bool {
    let plain = |name| folded(name).next().is_some();
    plain(one) && folded(one).eq(folded(other))
}

fn folded(name: &[u8]) -> impl Iterator<Item = u8> {
    name.iter().filter(|byte| !matches!(byte, b'-' | b'_' | b' ')).map(u8::to_ascii_lowercase)
}

fn preset_entries(source: &Source) -> Vec<MappedField> {
    let entry =
        |name: &str, field: usize, rank: u8| MappedField { name: name.into(), field, rank, is_named: false };
    match source.preset {
        LogPreset::Canonical => {
            let own = Field::of(source.log).iter().map(|f| entry(f.column(), *f as usize, 0));
            own.chain([entry(CORRELATION_ALIAS, Field::Correlation as usize, 1)]).collect()
        }
        // Filled by position or by their own reader, not by name.
        LogPreset::Combined | LogPreset::WhatsappWebhook | LogPreset::Format => Vec::new(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Column, Log};

    fn columns(names: &[&str], mapped: &[(Field, &str)]) -> Result<Vec<String>, String> {
        let mut source = Source::bare("edge", Log::Webhooks);
        for (field, name) in mapped {
            let from = ColumnSource::Name((*name).to_owned());
            source.columns.push(Column { field: *field, from, cast: Cast::Auto, words: Vec::new() });
        }
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mapping = Mapping::of(&source);
        let told = |(at, entry): &(usize, &MappedField)| {
            format!("{} = {}", Field::ALL[entry.field].column(), names[*at])
        };
        let mut found: Vec<String> = mapping.columns(&names)?.iter().map(told).collect();
        found.sort();
        Ok(found)
    }

    #[test]
    fn names_are_alike_in_any_spelling_of_their_words() {
        for spelling in ["HTTP_STATUS", "httpStatus", "Http-Status", "HTTP STATUS", "httpstatus"] {
            assert!(is_alike(spelling.as_bytes(), b"http_status"), "{spelling}");
        }
        for other in ["http_statu", "http_status_", "http.status", "status", "", "_"] {
            let is_same = other == "http_status_";
            assert_eq!(is_alike(other.as_bytes(), b"http_status"), is_same, "{other}");
        }
        assert!(!is_alike(b"", b"") && !is_alike(b"_", b"-") && !is_alike(b"a.b", b"a_b"));
    }

    #[test]
    fn a_column_in_another_spelling_is_taken_only_if_none_is_exact() {
        assert_eq!(
            columns(&["TS", "webhookId", "x"], &[]),
            Ok(vec!["ts = TS".into(), "webhook_id = webhookId".into()])
        );
        assert_eq!(columns(&["TS", "ts"], &[]), Ok(vec!["ts = ts".into()]));
        // A column that the config names for one field fills no other.
        let named = columns(&["ts", "Status"], &[(Field::HttpStatus, "Status")]);
        assert_eq!(named, Ok(vec!["http_status = Status".into(), "ts = ts".into()]));
        let named = columns(&["ts", "RESULT CODE"], &[(Field::HttpStatus, "result_code")]);
        assert_eq!(named, Ok(vec!["http_status = RESULT CODE".into(), "ts = ts".into()]));
    }

    #[test]
    fn two_columns_for_one_field_are_refused_with_both_names() {
        let why = columns(&["ts", "HTTP_STATUS", "httpStatus"], &[]).unwrap_err();
        assert!(why.contains("`HTTP_STATUS` and `httpStatus` can both be meant by `http_status`"), "{why}");
        let why = columns(&["ts", "region", "region"], &[]).unwrap_err();
        assert!(why.contains("`region` stands in it twice"), "{why}");
        // Columns that fill no field may have any names.
        assert!(columns(&["ts", "note", "note", "", ""], &[]).is_ok());
        let why = columns(&["ts"], &[(Field::HttpStatus, "code")]).unwrap_err();
        assert!(why.starts_with("it has no column `code`, which [source.columns] names; it has ts"), "{why}");
    }
}
