//! Sketch: the values of a row that the fast path for repetitive rows reads.
//!
//! A format reduces each row to a *sketch*: a key (the values that decide how the row is
//! classified) and the values unique to the row (time, duration, ids, caller). If an earlier row of
//! the same work item had the same key and was ordinary (a plainly good call, or an attempt with an
//! id), this row reuses its classification and only the unique values are parsed. Every other row
//! takes the slow path, which is the only place that classifies.
//!
//! Classifications are remembered for one work item, because limits on names hold per item, and so
//! do the columns that a file has shown.

use std::borrow::Cow;

use chrono_tz::Tz;

use super::instant;
use super::raw_row::{LogValue, MOST_BYTES, trimmed};
use super::source_reader::SourceReader;
use crate::config::{Cast, Field, Log, LogPreset};

/// Field whose value is unique to each row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PerRowField {
    Ts,
    /// Duration of a call.
    Duration,
    /// Instant of the event that a webhook row reports.
    EventTs,
    /// Id of the call or of the notification.
    Id,
    Message,
    /// Correlation of a status.
    Correlation,
    Caller,
}

const OWN: usize = PerRowField::Caller as usize + 1;

/// Role of a field in the classification of its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldRole {
    /// Part of the key: rows with the same values are classified alike.
    SketchKey,
    /// Read in every row.
    PerRowField(PerRowField),
    /// Only its presence matters.
    PresenceOnly,
    /// Irrelevant in ordinary rows.
    Ignored,
}

impl FieldRole {
    /// Returns whether the presence of a value is part of the key.
    pub const fn is_there(self) -> bool {
        matches!(self, Self::PresenceOnly | Self::PerRowField(PerRowField::Message))
    }

    /// Returns the role of a field in a log; a field without another role is part of the key.
    pub fn of(field: usize, log: Log) -> Self {
        const CALL: [(Field, FieldRole); 11] = [
            (Field::Ts, FieldRole::PerRowField(PerRowField::Ts)),
            (Field::Duration, FieldRole::PerRowField(PerRowField::Duration)),
            (Field::RequestId, FieldRole::PerRowField(PerRowField::Id)),
            (Field::MessageId, FieldRole::PerRowField(PerRowField::Message)),
            (Field::BusinessId, FieldRole::PerRowField(PerRowField::Caller)),
            (Field::TraceId, FieldRole::PresenceOnly),
            // Ordinary rows name their service, so the endpoint is not needed.
            (Field::Endpoint, FieldRole::Ignored),
            // Read in failures only.
            (Field::RecipientArea, FieldRole::Ignored),
            (Field::Correlation, FieldRole::Ignored),
            (Field::ClientPlatform, FieldRole::Ignored),
            (Field::ClientVersion, FieldRole::Ignored),
        ];
        const ATTEMPT: [(Field, FieldRole); 7] = [
            (Field::Ts, FieldRole::PerRowField(PerRowField::Ts)),
            (Field::EventTs, FieldRole::PerRowField(PerRowField::EventTs)),
            (Field::WebhookId, FieldRole::PerRowField(PerRowField::Id)),
            (Field::MessageId, FieldRole::PerRowField(PerRowField::Message)),
            (Field::Correlation, FieldRole::PerRowField(PerRowField::Correlation)),
            (Field::BusinessId, FieldRole::PerRowField(PerRowField::Caller)),
            (Field::Topic, FieldRole::Ignored),
        ];
        let parts: &[(Field, Self)] = match log {
            Log::Requests => &CALL,
            Log::Webhooks => &ATTEMPT,
        };
        parts.iter().find(|(known, _)| *known as usize == field).map_or(Self::SketchKey, |(_, part)| *part)
    }
}

/// Returns whether rows of a source can be sketched.
///
/// Every field but a correlation must have one column, and no setting may replace a value that is
/// unique to a row.
pub fn is_sketchable(source_reader: &SourceReader) -> bool {
    let mapping = &source_reader.mapping;
    let is_own = |field| {
        matches!(
            FieldRole::of(field, source_reader.source().log),
            FieldRole::PerRowField(_) | FieldRole::PresenceOnly
        )
    };
    let is_plain = mapping.entries.iter().enumerate().all(|(at, entry)| {
        let is_alias = entry.field == Field::Correlation as usize;
        mapping.entries[..at].iter().all(|o| (o.field != entry.field || is_alias) && o.name != entry.name)
    });
    // A duration moves the instant of a row; webhook rows have none unless the config maps one.
    let is_timed = source_reader.source().log == Log::Webhooks
        && mapping.entries.iter().any(|entry| entry.field == Field::Duration as usize);
    source_reader.source().preset == LogPreset::Canonical
        && !is_timed
        && is_plain
        && !mapping.constants.iter().any(|(field, _)| is_own(*field) || *field == Field::Duration as usize)
        && !mapping.word_fields().any(is_own)
}

/// A borrowed value, so that clearing a sketch frees nothing.
#[derive(Debug, Clone, Copy, Default)]
pub enum Scalar<'b> {
    #[default]
    Missing,
    Text(&'b [u8]),
    Int(i64),
    Float(f64),
    /// Microseconds since 1970.
    Instant(i64),
    /// A value that ordinary rows do not have in this place.
    Odd,
}

impl<'b> Scalar<'b> {
    #[inline]
    pub fn of(value: LogValue<'b>) -> Self {
        match value {
            _ if value.is_nothing() => Self::Missing,
            LogValue::Text(Cow::Borrowed(text)) => Self::Text(text),
            LogValue::Int(n) => Self::Int(n),
            LogValue::Float(x) => Self::Float(x),
            LogValue::Instant(us) => Self::Instant(us),
            LogValue::Missing | LogValue::Text(Cow::Owned(_)) | LogValue::Bool(_) | LogValue::Odd(_) => {
                Self::Odd
            }
        }
    }

    /// Returns a name: a text or a whole number; other values are missing.
    pub fn named(value: &'b LogValue<'_>) -> Self {
        match value {
            LogValue::Text(name) if !LogValue::is_no_text(name) => Self::Text(name),
            LogValue::Int(n) => Self::Int(*n),
            _ => Self::Missing,
        }
    }

    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }

    /// Reads an instant, as [`instant::instant`] does; `None` if the row must take the slow path.
    #[inline]
    pub fn instant(&self, cast: &Cast, zone: Tz) -> Option<i64> {
        match self {
            Self::Instant(us) => instant::is_possible(*us).then_some(*us),
            Self::Text(text) => instant::instant_of_text(text, cast, zone),
            Self::Int(n) => instant::instant(&LogValue::Int(*n), cast, zone).ok(),
            Self::Float(x) => instant::instant(&LogValue::Float(*x), cast, zone).ok(),
            Self::Missing | Self::Odd => None,
        }
    }

    /// Reads a duration, as [`instant::duration`] does.
    ///
    /// # Errors
    /// The row must take the slow path, which says what is wrong.
    #[inline]
    pub fn duration(&self, cast: &Cast) -> Result<Option<u64>, String> {
        match self {
            Self::Missing => Ok(None),
            Self::Text(text) => instant::duration(&LogValue::text(text), cast),
            Self::Int(n) => instant::duration(&LogValue::Int(*n), cast),
            Self::Float(x) => instant::duration(&LogValue::Float(*x), cast),
            Self::Instant(_) | Self::Odd => Err("an unusual duration".to_owned()),
        }
    }

    /// Applies `make` to a text without the blanks around it, or to the digits of a whole number.
    ///
    /// `None` for other values.
    #[inline]
    pub fn with_bytes<T>(&self, make: impl FnOnce(&[u8]) -> T) -> Option<T> {
        match self {
            Self::Text(text) => Some(make(trimmed(text))),
            Self::Int(n) => Some(make(n.to_string().as_bytes())),
            Self::Missing | Self::Float(_) | Self::Instant(_) | Self::Odd => None,
        }
    }
}

/// Key of a sketch: rows with equal numbers and equal bytes are classified alike.
///
/// A format uses the part that suits it.
#[derive(Debug, Clone, Default)]
pub struct SketchKey {
    pub number: u64,
    pub bytes: Vec<u8>,
}

impl SketchKey {
    #[inline]
    pub fn is(&self, other: &Self) -> bool {
        // Comparing two empty slices costs more than this test.
        let is_empty = self.bytes.is_empty() && other.bytes.is_empty();
        self.number == other.number && (is_empty || self.bytes == other.bytes)
    }
}

/// The values of a row that the fast path reads.
#[derive(Debug)]
pub struct Sketch<'b> {
    /// Equal if all key fields are equal and the same presence-only fields have values.
    pub key: SketchKey,
    own: [Scalar<'b>; OWN],
    /// Bit set of the fields outside the key that the row has.
    pub seen: u32,
    /// Lengths of all texts outside the key, joined by OR: as long as a power of two if one is.
    lengths: usize,
}

impl<'b> Sketch<'b> {
    pub fn new() -> Self {
        Self { key: SketchKey::default(), own: [Scalar::Missing; OWN], seen: 0, lengths: 0 }
    }

    pub fn clear(&mut self) {
        self.key.number = 0;
        self.key.bytes.clear();
        self.own = [Scalar::Missing; OWN];
        self.seen = 0;
        self.lengths = 0;
    }

    /// Takes the value of a field outside the key.
    #[inline]
    pub fn take(&mut self, field: usize, part: FieldRole, value: Scalar<'b>) {
        let is_there = !value.is_missing();
        if let Scalar::Text(text) = value {
            self.lengths |= text.len();
        }
        self.seen |= u32::from(is_there) << field;
        if part.is_there() {
            self.key.number = self.key.number << 1 | u64::from(is_there);
        }
        if let FieldRole::PerRowField(own) = part {
            self.put(own, value);
        }
    }

    /// Takes a text, as [`Sketch::take`] does.
    #[inline]
    pub fn take_text(&mut self, field: usize, part: FieldRole, text: &'b [u8]) {
        let is_there = !LogValue::is_no_text(text);
        self.lengths |= text.len();
        self.seen |= u32::from(is_there) << field;
        if part.is_there() {
            self.key.number = self.key.number << 1 | u64::from(is_there);
        }
        if let (FieldRole::PerRowField(own), true) = (part, is_there) {
            self.put(own, Scalar::Text(text));
        }
    }

    /// Keeps a value; of two under the names of one field the slow path knows which counts.
    #[inline]
    fn put(&mut self, own: PerRowField, value: Scalar<'b>) {
        let place = &mut self.own[own as usize];
        *place = match (own, place.is_missing(), value.is_missing()) {
            (PerRowField::Correlation, false, true) => return,
            (PerRowField::Correlation, false, false) => Scalar::Odd,
            _ => value,
        };
    }

    /// Returns whether a value may be longer than any value may be: the slow path knows.
    #[inline]
    pub fn is_too_long(&self) -> bool {
        const { assert!(MOST_BYTES.is_power_of_two()) };
        self.lengths >= MOST_BYTES
            || self.own.iter().any(|value| matches!(value, Scalar::Text(text) if text.len() > MOST_BYTES))
    }

    /// Returns the place for the value of a field.
    ///
    /// Write the value there directly and once: a copy of a whole value must wait until its parts
    /// have been written.
    #[inline]
    pub const fn own_mut(&mut self, own: PerRowField) -> &mut Scalar<'b> {
        &mut self.own[own as usize]
    }

    /// Returns a value by reference, to be read part by part.
    ///
    /// A value that is copied as a whole must wait until its parts have been written.
    #[inline]
    pub const fn own(&self, own: PerRowField) -> &Scalar<'b> {
        &self.own[own as usize]
    }
}

/// Keys remembered per work item, more than the kinds of ordinary rows in any traffic.
pub const MOST: usize = 4_096;
