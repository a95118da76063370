//! Memo: rows that say the same are looked at once. A format sketches a row, which is cheap; when a row with the same sketch
//! was found to be ordinary before, this one is too, and only what is its own is read. All else goes the whole way.
//!
//! What is remembered holds for one item of work: limits on names hold per item, and so does what a file has shown of its columns.

use std::borrow::Cow;

use chrono_tz::Tz;

use super::instant;
use super::raw_row::Value;
use super::source_reader::SourceReader;
use crate::config::{Cast, Field, Log, LogPreset};

/// What is each row's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PerRowField {
    Ts,
    /// Of calls.
    Duration,
    /// Of webhook rows: when the event was.
    EventTs,
    /// Of the call or the notification.
    Id,
    Message,
    Caller,
}

const OWN: usize = PerRowField::Caller as usize + 1;

/// How a field takes part in what its row is found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldRole {
    /// Rows with the same values are found to be the same.
    Key,
    /// Read in every row.
    PerRowField(PerRowField),
    /// Only whether it is there matters.
    PresenceOnly,
    /// Nothing of it matters in ordinary rows.
    Ignored,
}

impl FieldRole {
    /// Whether it is part of the key that a value is there.
    pub const fn is_there(self) -> bool {
        matches!(self, Self::PresenceOnly | Self::PerRowField(PerRowField::Message))
    }

    /// The part of a field in a log; what has no other part is key.
    pub fn of(field: usize, log: Log) -> Self {
        const CALL: [(Field, FieldRole); 10] = [
            (Field::Ts, FieldRole::PerRowField(PerRowField::Ts)),
            (Field::Duration, FieldRole::PerRowField(PerRowField::Duration)),
            (Field::RequestId, FieldRole::PerRowField(PerRowField::Id)),
            (Field::MessageId, FieldRole::PerRowField(PerRowField::Message)),
            (Field::BusinessId, FieldRole::PerRowField(PerRowField::Caller)),
            (Field::TraceId, FieldRole::PresenceOnly),
            // Ordinary rows name their service.
            (Field::Endpoint, FieldRole::Ignored),
            // Looked at in failures only.
            (Field::RecipientArea, FieldRole::Ignored),
            (Field::ClientPlatform, FieldRole::Ignored),
            (Field::ClientVersion, FieldRole::Ignored),
        ];
        const ATTEMPT: [(Field, FieldRole); 6] = [
            (Field::Ts, FieldRole::PerRowField(PerRowField::Ts)),
            (Field::EventTs, FieldRole::PerRowField(PerRowField::EventTs)),
            (Field::WebhookId, FieldRole::PerRowField(PerRowField::Id)),
            (Field::MessageId, FieldRole::PerRowField(PerRowField::Message)),
            (Field::BusinessId, FieldRole::PerRowField(PerRowField::Caller)),
            (Field::Topic, FieldRole::Ignored),
        ];
        let parts: &[(Field, Self)] = match log {
            Log::Requests => &CALL,
            Log::Webhooks => &ATTEMPT,
        };
        parts.iter().find(|(known, _)| *known as usize == field).map_or(Self::Key, |(_, part)| *part)
    }
}

/// Whether rows of a source can be sketched: every field has one column, and no setting puts another value in the place of
/// one that is a row's own.
pub fn is_sketchable(source_reader: &SourceReader) -> bool {
    let mapping = &source_reader.mapping;
    let is_own = |field| {
        matches!(
            FieldRole::of(field, source_reader.source().log),
            FieldRole::PerRowField(_) | FieldRole::PresenceOnly
        )
    };
    let is_plain = mapping.entries.iter().enumerate().all(|(at, entry)| {
        mapping.entries[..at].iter().all(|other| other.field != entry.field && other.name != entry.name)
    });
    // A duration moves the instant of a row; webhook rows have none unless somebody maps one.
    let is_timed = source_reader.source().log == Log::Webhooks
        && mapping.entries.iter().any(|entry| entry.field == Field::Duration as usize);
    source_reader.source().preset == LogPreset::Canonical
        && !is_timed
        && is_plain
        && !mapping.constants.iter().any(|(field, _)| is_own(*field) || *field == Field::Duration as usize)
        && !mapping.word_fields().any(is_own)
}

/// A value that is only borrowed, so that a sketch is cleared without a thought.
#[derive(Debug, Clone, Copy, Default)]
pub enum Scalar<'b> {
    #[default]
    Missing,
    Text(&'b [u8]),
    Int(i64),
    Float(f64),
    Instant(i64),
    /// What ordinary rows do not have there.
    Odd,
}

impl<'b> Scalar<'b> {
    #[inline]
    pub fn of(value: Value<'b>) -> Self {
        match value {
            _ if value.is_nothing() => Self::Missing,
            Value::Text(Cow::Borrowed(text)) => Self::Text(text),
            Value::Int(n) => Self::Int(n),
            Value::Float(x) => Self::Float(x),
            Value::Instant(us) => Self::Instant(us),
            Value::Missing | Value::Text(Cow::Owned(_)) | Value::Bool(_) | Value::Odd(_) => Self::Odd,
        }
    }

    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }

    /// An instant, read as [`instant::instant`] does; `None` when the row must go the whole way.
    #[inline]
    pub fn instant(&self, cast: &Cast, zone: Tz) -> Option<i64> {
        match self {
            Self::Instant(us) => instant::is_possible(*us).then_some(*us),
            Self::Text(text) => instant::instant_of_text(text, cast, zone),
            Self::Int(n) => instant::instant(&Value::Int(*n), cast, zone).ok(),
            Self::Float(x) => instant::instant(&Value::Float(*x), cast, zone).ok(),
            Self::Missing | Self::Odd => None,
        }
    }

    /// A duration, read as [`instant::duration`] does.
    ///
    /// # Errors
    /// The row must go the whole way, which says what is wrong.
    #[inline]
    pub fn duration(&self, cast: &Cast) -> Result<Option<u64>, String> {
        match self {
            Self::Missing => Ok(None),
            Self::Text(text) => instant::duration(&Value::text(text), cast),
            Self::Int(n) => instant::duration(&Value::Int(*n), cast),
            Self::Float(x) => instant::duration(&Value::Float(*x), cast),
            Self::Instant(_) | Self::Odd => Err("an unusual duration".to_owned()),
        }
    }

    /// Makes something of a text, or of the digits of a whole number; `None` when it is neither.
    #[inline]
    pub fn with_bytes<T>(&self, make: impl FnOnce(&[u8]) -> T) -> Option<T> {
        match self {
            Self::Text(text) => Some(make(text)),
            Self::Int(n) => Some(make(n.to_string().as_bytes())),
            Self::Missing | Self::Float(_) | Self::Instant(_) | Self::Odd => None,
        }
    }
}

/// What rows must have in common to be alike: the same number, and the same bytes. A format uses what it has.
#[derive(Debug, Clone, Default)]
pub struct Key {
    pub number: u64,
    pub bytes: Vec<u8>,
}

impl Key {
    #[inline]
    pub fn is(&self, other: &Self) -> bool {
        // To compare no bytes at no address costs more than to compare some.
        let is_empty = self.bytes.is_empty() && other.bytes.is_empty();
        self.number == other.number && (is_empty || self.bytes == other.bytes)
    }
}

/// A row as far as ordinary rows are looked at.
#[derive(Debug)]
pub struct Sketch<'b> {
    /// Equal keys: equal values of all key fields, and the same ones there of those of which only that matters.
    pub key: Key,
    own: [Scalar<'b>; OWN],
    /// The fields outside the key that the row has, as bits.
    pub seen: u32,
}

impl<'b> Sketch<'b> {
    pub fn new() -> Self {
        Self { key: Key::default(), own: [Scalar::Missing; OWN], seen: 0 }
    }

    pub fn clear(&mut self) {
        self.key.number = 0;
        self.key.bytes.clear();
        self.own = [Scalar::Missing; OWN];
        self.seen = 0;
    }

    /// Takes the value of a field that is no key.
    #[inline]
    pub fn take(&mut self, field: usize, part: FieldRole, value: Scalar<'b>) {
        let is_there = !value.is_missing();
        self.seen |= u32::from(is_there) << field;
        if part.is_there() {
            self.key.number = self.key.number << 1 | u64::from(is_there);
        }
        if let FieldRole::PerRowField(own) = part {
            self.own[own as usize] = value;
        }
    }

    /// [`Sketch::take`] of a text.
    #[inline]
    pub fn take_text(&mut self, field: usize, part: FieldRole, text: &'b [u8]) {
        let is_there = !Value::is_no_text(text);
        self.seen |= u32::from(is_there) << field;
        if part.is_there() {
            self.key.number = self.key.number << 1 | u64::from(is_there);
        }
        if let (FieldRole::PerRowField(own), true) = (part, is_there) {
            self.own[own as usize] = Scalar::Text(text);
        }
    }

    /// Where the value of a field is put. Whoever writes it there writes it once: copied as a whole it would wait for its parts.
    #[inline]
    pub const fn own_mut(&mut self, own: PerRowField) -> &mut Scalar<'b> {
        &mut self.own[own as usize]
    }

    /// By reference, and read part by part: a value that is put together only to be looked at waits for its own parts.
    #[inline]
    pub const fn own(&self, own: PerRowField) -> &Scalar<'b> {
        &self.own[own as usize]
    }
}

/// More kinds of ordinary rows than any traffic has.
pub const MOST: usize = 4_096;
