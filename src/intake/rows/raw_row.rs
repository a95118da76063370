//! Raw row: one log row as found, with values borrowed from the block it was read in.

use std::borrow::Cow;

use crate::config::{Field, TimeBasis};
use crate::redact::value;

/// Field in addition to [`Field`], filled by presets only: nginx's `upstream_connect_time`.
pub const UPSTREAM_CONNECT: usize = Field::ALL.len();
/// Field in addition to [`Field`], filled by presets only: nginx's `upstream_header_time`.
pub const UPSTREAM_HEADER: usize = UPSTREAM_CONNECT + 1;
/// Number of values that a row can have.
pub const FIELDS: usize = UPSTREAM_HEADER + 1;

/// Fields in which `-` is a value: nginx took no such step, which an absent field does not say.
const DASH_SPEAKS: [usize; 3] = [Field::UpstreamStatus as usize, UPSTREAM_CONNECT, UPSTREAM_HEADER];

/// A value as its format wrote it.
///
/// Text is bytes, because most of it is compared or hashed and never shown.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum LogValue<'a> {
    #[default]
    Missing,
    Text(Cow<'a, [u8]>),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// Microseconds since 1970, from a typed timestamp column.
    Instant(i64),
    /// A value that cannot be a scalar, by its name (`an object`).
    Odd(&'static str),
}

impl<'a> LogValue<'a> {
    /// Returns a text value without blanks around it; empty text is missing.
    ///
    /// All formats trim alike, so that an id in one log meets the same id in another.
    pub fn text(bytes: &'a [u8]) -> Self {
        let text = trimmed(bytes);
        if text.is_empty() { Self::Missing } else { Self::Text(Cow::Borrowed(text)) }
    }

    /// Returns a text value, as [`LogValue::text`] does, for text that may be owned.
    pub fn from_text(text: Cow<'a, [u8]>) -> Self {
        match text {
            Cow::Borrowed(text) => Self::text(text),
            Cow::Owned(text) if text.trim_ascii().is_empty() => Self::Missing,
            Cow::Owned(text) if text.trim_ascii().len() == text.len() => Self::Text(Cow::Owned(text)),
            Cow::Owned(text) => Self::Text(Cow::Owned(text.trim_ascii().to_vec())),
        }
    }

    /// Returns a number; a whole one is the same in either notation.
    pub fn number(x: f64) -> Self {
        whole(x).map_or(Self::Float(x), Self::Int)
    }

    /// Returns whether the value is `-`, which logs write for nothing.
    fn is_dash(&self) -> bool {
        matches!(self, Self::Text(text) if text.len() == 1 && text[0] == b'-')
    }

    /// Returns whether a text is [`LogValue::is_nothing`] once it is a value.
    #[inline]
    pub const fn is_no_text(text: &[u8]) -> bool {
        matches!(trimmed(text), [] | [b'-'])
    }

    /// Returns whether the value is missing, or `-` for nothing.
    #[inline]
    pub fn is_nothing(&self) -> bool {
        self.is_missing() || self.is_dash()
    }

    /// Returns a text or a whole number as bytes; other values have none.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.to_vec(),
            Self::Int(n) => n.to_string().into_bytes(),
            _ => Vec::new(),
        }
    }

    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }

    /// Returns the value for a message: at most 60 characters, or its shape.
    pub fn excerpt(&self) -> String {
        match self {
            Self::Missing => "nothing".into(),
            Self::Text(t) => format!("`{}`", value(t, 60)),
            Self::Int(n) | Self::Instant(n) => format!("`{}`", value(n.to_string().as_bytes(), 60)),
            Self::Float(x) => format!("`{}`", value(x.to_string().as_bytes(), 60)),
            Self::Bool(b) => format!("`{b}`"),
            Self::Odd(what) => (*what).into(),
        }
    }
}

/// Limit on bytes of a value; a longer one is no value of any field.
pub const MOST_BYTES: usize = 8 << 10;
const TOO_LONG: LogValue<'static> = LogValue::Odd("a text of more than 8 KiB");

/// Returns a text without the ASCII blanks around it.
///
/// Almost no text has any, which one look at both ends shows.
#[inline]
pub const fn trimmed(text: &[u8]) -> &[u8] {
    match text {
        [first, .., last] if *first > b' ' && *last > b' ' => text,
        _ => text.trim_ascii(),
    }
}

/// Returns a number as a whole one, if it is whole and exact.
pub fn whole(x: f64) -> Option<i64> {
    (x.fract() == 0.0 && x.abs() < 9e15).then_some(x as i64)
}

/// Bit set of the fields that can tell what became of a call.
pub const OUTCOMES: u32 = 1 << Field::HttpStatus as u32
    | 1 << Field::ErrorCode as u32
    | 1 << Field::IsSuccess as u32
    | 1 << Field::Symptom as u32
    | 1 << Field::UpstreamStatus as u32;

/// Values of a row by field, reused from row to row of one block.
#[derive(Debug)]
pub struct RawRow<'a> {
    values: [LogValue<'a>; FIELDS],
    rank: [u8; FIELDS],
    /// Bit set of the fields that may have a value.
    filled: u32,
    /// Bit set of the fields that were filled, including fields that were emptied again.
    seen: u32,
    /// Bit set of the fields whose column is there, also without a value.
    named: u32,
    /// Bit set of the fields whose value is longer than any value may be.
    long: u32,
    /// End of the request that the time of this row marks, if the row says so.
    pub time_basis: Option<TimeBasis>,
}

impl<'a> RawRow<'a> {
    pub fn new() -> Self {
        Self {
            values: std::array::from_fn(|_| LogValue::Missing),
            rank: [0; FIELDS],
            filled: 0,
            seen: 0,
            named: 0,
            long: 0,
            time_basis: None,
        }
    }

    pub fn clear(&mut self) {
        while self.filled != 0 {
            self.values[self.filled.trailing_zeros() as usize] = LogValue::Missing;
            self.filled &= self.filled - 1;
        }
        (self.seen, self.named, self.long, self.time_basis) = (0, 0, 0, None);
    }

    /// Sets a field, unless a column with a smaller `rank` has already filled it.
    ///
    /// Returns false if a column with the same rank has already set it in this row.
    #[inline]
    pub fn set(&mut self, field: usize, rank: u8, value: LogValue<'a>) -> bool {
        self.named |= 1 << field;
        if value.is_missing() || (value.is_dash() && !DASH_SPEAKS.contains(&field)) {
            return true;
        }
        if self.values[field].is_missing() {
            self.filled |= 1 << field;
            self.seen |= 1 << field;
        } else if self.rank[field] < rank {
            return true;
        } else if self.rank[field] == rank {
            return false;
        }
        let is_long = matches!(&value, LogValue::Text(text) if text.len() > MOST_BYTES);
        self.values[field] = if is_long { TOO_LONG } else { value };
        self.long = self.long & !(1 << field) | u32::from(is_long) << field;
        self.rank[field] = rank;
        true
    }

    /// Sets a field to a text, as [`RawRow::set`] does.
    ///
    /// The value is written in its place, part by part: a whole value that is copied must wait
    /// until its parts have been written.
    #[inline]
    pub fn set_text(&mut self, field: usize, rank: u8, text: &'a [u8]) -> bool {
        let text = trimmed(text);
        if matches!(text, [] | [b'-']) || text.len() > MOST_BYTES || !self.values[field].is_missing() {
            return self.set(field, rank, LogValue::text(text));
        }
        self.named |= 1 << field;
        self.filled |= 1 << field;
        self.seen |= 1 << field;
        self.rank[field] = rank;
        // The value before is missing, so that nothing is to be dropped.
        std::mem::forget(std::mem::replace(&mut self.values[field], LogValue::Text(Cow::Borrowed(text))));
        true
    }

    /// Checks that no value is too long, also of a field that is not needed to judge the row.
    ///
    /// # Errors
    /// The first field whose value is.
    #[inline]
    pub fn check_lengths(&self) -> Result<(), String> {
        if self.long == 0 {
            return Ok(());
        }
        let field =
            Field::ALL.get(self.long.trailing_zeros() as usize).map_or("a value", |field| field.column());
        Err(format!("{field} is {}, expected at most {MOST_BYTES} bytes", TOO_LONG.excerpt()))
    }

    /// Sets a field, whatever the log says.
    pub fn force(&mut self, field: usize, value: LogValue<'a>) {
        self.named |= 1 << field;
        self.filled |= 1 << field;
        self.values[field] = value;
    }

    /// Replaces a value that is there; the new value may be missing.
    pub fn replace(&mut self, field: usize, value: LogValue<'a>) {
        if !self.values[field].is_missing() {
            self.values[field] = value;
        }
    }

    /// Returns the bit set of the fields that the row has had.
    pub const fn seen(&self) -> u32 {
        self.seen
    }

    /// Returns whether the log has a value for the field that was taken away as no value.
    pub fn is_emptied(&self, field: Field) -> bool {
        self.seen & 1 << field as u32 != 0 && self.get(field).is_missing()
    }

    /// Returns the bit set of the fields that the row names, also without a value.
    pub const fn named(&self) -> u32 {
        self.named
    }

    /// Returns whether the row names a field that can tell what became of a call.
    pub const fn names_outcome(&self) -> bool {
        self.named & OUTCOMES != 0
    }

    pub fn get(&self, field: Field) -> &LogValue<'a> {
        &self.values[field as usize]
    }

    /// Returns a value by field number, including fields that only presets fill.
    pub fn at(&self, field: usize) -> &LogValue<'a> {
        &self.values[field]
    }
}

impl Default for RawRow<'_> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_in_two_ways() {
        assert_eq!(LogValue::text(b""), LogValue::Missing);
        for text in ["", "-", " ", "- ", " -", "a", "-a", " a-", "--", "- -"] {
            let value = LogValue::text(text.as_bytes());
            assert_eq!(LogValue::is_no_text(text.as_bytes()), value.is_nothing(), "{text:?}");
            assert_eq!(LogValue::from_text(text.as_bytes().to_vec().into()), value);
        }
        let mut row = RawRow::new();
        row.set(3, 0, LogValue::text(b"-"));
        assert!(row.at(3).is_missing());
        row.set(UPSTREAM_HEADER, 0, LogValue::text(b"-"));
        assert!(!row.at(UPSTREAM_HEADER).is_missing());
        row.set(3, 0, LogValue::text(b"timeout"));
        row.replace(3, LogValue::text(b""));
        assert!(row.at(3).is_missing() && row.set(3, 0, LogValue::Int(1)));
        for texts in [["a", "b"], ["-", "b"], ["", " b "], [" a", "-"]] {
            let (mut row, mut other) = (RawRow::new(), RawRow::new());
            for (text, rank) in texts.into_iter().zip([1, 0]) {
                let text = text.as_bytes();
                assert_eq!(row.set_text(3, rank, text), other.set(3, rank, LogValue::text(text)));
                assert_eq!((row.at(3), row.seen(), row.named()), (other.at(3), other.seen(), other.named()));
            }
        }
    }

    #[test]
    fn the_preferred_source_of_a_field_wins_in_any_order() {
        let ts = Field::Ts as usize;
        for order in [[0_u8, 1], [1, 0]] {
            let mut row = RawRow::new();
            for rank in order {
                assert!(row.set(ts, rank, LogValue::Int(i64::from(rank))));
            }
            assert_eq!(row.get(Field::Ts), &LogValue::Int(0));
            assert!(!row.set(ts, 0, LogValue::Int(9)));
            row.clear();
            assert!(row.get(Field::Ts).is_missing() && row.seen() == 0);
        }
    }
}
