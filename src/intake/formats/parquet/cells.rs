//! Cells: typed access to one column of a batch, row by row.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, BooleanArray, Int32Array, LargeBinaryArray,
    LargeStringArray, StringArray, StringViewArray,
};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, TimeUnit};
use chrono_tz::Tz;

use crate::day::SECOND_US;
use crate::intake::rows::instant;
use crate::intake::rows::raw_row::LogValue;
use crate::intake::rows::sketch::Scalar;

/// Whole numbers below this can be part of a key; rows with others take the slow path.
///
/// HTTP statuses are below it, error codes are not.
pub const SMALL: i64 = 1_024;

/// A column with its nulls.
///
/// Numbers are widened once per batch, so that each row only costs an index into a slice.
pub struct Cells<'a> {
    nulls: Option<&'a NullBuffer>,
    values: Values<'a>,
}

enum Values<'a> {
    Text(&'a StringArray),
    LargeText(&'a LargeStringArray),
    View(&'a StringViewArray),
    Binary(&'a BinaryArray),
    LargeBinary(&'a LargeBinaryArray),
    BinaryView(&'a BinaryViewArray),
    Dictionary(&'a Int32Array, Words<'a>),
    Int(Vec<i64>),
    Wide(&'a arrow_array::UInt64Array),
    Float(Vec<f64>),
    Bool(&'a BooleanArray),
    /// Microseconds since 1970, UTC.
    ///
    /// `None` if out of range, or in the hour that the zone skips.
    Time(Vec<Option<i64>>),
    /// Decimal numbers of which not all are whole numbers of 64 bits.
    Decimal(Vec<LogValue<'static>>),
    Foreseen(Foreseen),
    Odd,
}

/// Values of a dictionary.
#[derive(Clone, Copy)]
enum Words<'a> {
    Text(&'a StringArray),
    Binary(&'a BinaryArray),
}

impl<'a> Words<'a> {
    fn of(values: &'a ArrayRef) -> Option<Self> {
        let text = values.as_string_opt::<i32>().map(Self::Text);
        text.or_else(|| values.as_binary_opt::<i32>().map(Self::Binary))
    }

    fn len(self) -> usize {
        match self {
            Self::Text(words) => words.len(),
            Self::Binary(words) => words.len(),
        }
    }

    /// Returns the word of a key, if it has one.
    #[inline]
    fn get(self, key: i32) -> Option<&'a [u8]> {
        let at = usize::try_from(key).ok().filter(|at| *at < self.len())?;
        match self {
            Self::Text(words) => words.is_valid(at).then(|| words.value(at).as_bytes()),
            Self::Binary(words) => words.is_valid(at).then(|| words.value(at)),
        }
    }
}

/// Fact about all values of a column, which makes it unnecessary to read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreseen {
    /// Every row has a value, whose content does not matter.
    Everywhere,
    /// No row has a value.
    Nowhere,
}

impl<'a> Cells<'a> {
    /// Makes the cells of a column; `zone` is for wall-clock timestamps, which have none.
    pub fn of(array: &'a ArrayRef, zone: Tz) -> Self {
        macro_rules! int {
            ($kind:ty) => {
                Values::Int(array.as_primitive::<$kind>().values().iter().map(|n| i64::from(*n)).collect())
            };
        }
        macro_rules! time {
            ($kind:ty, $scale:expr) => {
                array
                    .as_primitive::<$kind>()
                    .values()
                    .iter()
                    .map(|n| $scale(*n))
                    .collect::<Vec<Option<i64>>>()
            };
        }
        let values = match array.data_type() {
            DataType::Utf8 => Values::Text(array.as_string()),
            DataType::LargeUtf8 => Values::LargeText(array.as_string()),
            DataType::Utf8View => Values::View(array.as_string_view()),
            DataType::Binary => Values::Binary(array.as_binary()),
            DataType::LargeBinary => Values::LargeBinary(array.as_binary()),
            DataType::BinaryView => Values::BinaryView(array.as_binary_view()),
            DataType::Dictionary(_, _) => array
                .as_dictionary_opt::<Int32Type>()
                .and_then(|d| Some(Values::Dictionary(d.keys(), Words::of(d.values())?)))
                .unwrap_or(Values::Odd),
            DataType::Decimal32(_, scale) => {
                let numbers = array.as_primitive::<Decimal32Type>().values();
                decimals(array, *scale, |n| Some(numbers[n].into()))
            }
            DataType::Decimal64(_, scale) => {
                let numbers = array.as_primitive::<Decimal64Type>().values();
                decimals(array, *scale, |n| Some(numbers[n].into()))
            }
            DataType::Decimal128(_, scale) => {
                let numbers = array.as_primitive::<Decimal128Type>().values();
                decimals(array, *scale, |n| Some(numbers[n]))
            }
            DataType::Decimal256(_, scale) => {
                let numbers = array.as_primitive::<Decimal256Type>().values();
                decimals(array, *scale, |n| numbers[n].to_i128())
            }
            DataType::Int8 => int!(Int8Type),
            DataType::Int16 => int!(Int16Type),
            DataType::Int32 => int!(Int32Type),
            DataType::Int64 => int!(Int64Type),
            DataType::UInt8 => int!(UInt8Type),
            DataType::UInt16 => int!(UInt16Type),
            DataType::UInt32 => int!(UInt32Type),
            DataType::UInt64 => {
                let numbers = array.as_primitive::<UInt64Type>();
                let all: Option<Vec<i64>> = numbers.values().iter().map(|n| i64::try_from(*n).ok()).collect();
                all.map_or(Values::Wide(numbers), Values::Int)
            }
            DataType::Float32 => Values::Float(
                array.as_primitive::<Float32Type>().values().iter().map(|x| f64::from(*x)).collect(),
            ),
            DataType::Float64 => Values::Float(array.as_primitive::<Float64Type>().values().to_vec()),
            DataType::Boolean => Values::Bool(array.as_boolean()),
            DataType::Timestamp(unit, offset) => {
                let mut us = match unit {
                    TimeUnit::Second => time!(TimestampSecondType, |n: i64| n.checked_mul(SECOND_US)),
                    TimeUnit::Millisecond => time!(TimestampMillisecondType, |n: i64| n.checked_mul(1_000)),
                    TimeUnit::Microsecond => time!(TimestampMicrosecondType, Some),
                    TimeUnit::Nanosecond => {
                        time!(TimestampNanosecondType, |n: i64| Some(n.div_euclid(1_000)))
                    }
                };
                if offset.is_none() && zone != Tz::UTC {
                    for us in &mut us {
                        *us = us.and_then(|us| instant::in_zone(us, zone));
                    }
                }
                Values::Time(us)
            }
            _ => Values::Odd,
        };
        Self { nulls: array.nulls(), values }
    }

    /// Makes the cells of a column that is not read.
    pub const fn foreseen(foreseen: Foreseen) -> Self {
        Self { nulls: None, values: Values::Foreseen(foreseen) }
    }

    pub const fn is_read(&self) -> bool {
        !matches!(self.values, Values::Foreseen(_))
    }

    /// Appends a digit for the value of each row to `numbers`, and returns the base of the digits.
    ///
    /// Equal values get equal digits, below the base. Rows whose value has no digit are marked in
    /// `odd`. `None`, and nothing is appended, if the column has no such digits.
    pub fn add_digits(&self, numbers: &mut [u64], odd: &mut [bool]) -> Option<u64> {
        let nulls = self.nulls.filter(|nulls| nulls.null_count() > 0);
        let is_null = |n: usize| nulls.is_some_and(|nulls| nulls.is_null(n));
        match &self.values {
            Values::Dictionary(keys, values) => {
                let base = values.len() as u64 + 1;
                for (n, (number, key)) in numbers.iter_mut().zip(keys.values()).enumerate() {
                    let digit = if is_null(n) { 0 } else { u64::from(key.unsigned_abs()) + 1 };
                    *number = number.wrapping_mul(base).wrapping_add(digit);
                }
                Some(base)
            }
            Values::Int(values) => {
                for (n, (number, value)) in numbers.iter_mut().zip(values).enumerate() {
                    let is_small = (0..SMALL).contains(value);
                    let digit = if is_null(n) || !is_small { 0 } else { *value as u64 + 1 };
                    odd[n] |= !is_small && !is_null(n);
                    *number = number.wrapping_mul(SMALL as u64 + 1).wrapping_add(digit);
                }
                Some(SMALL as u64 + 1)
            }
            Values::Float(values) => {
                for (n, (number, value)) in numbers.iter_mut().zip(values).enumerate() {
                    let is_small = value.fract() == 0.0 && (0.0..SMALL as f64).contains(value);
                    let is_missing = is_null(n) || value.is_nan();
                    let digit = if is_missing || !is_small { 0 } else { *value as u64 + 1 };
                    odd[n] |= !is_small && !is_missing;
                    *number = number.wrapping_mul(SMALL as u64 + 1).wrapping_add(digit);
                }
                Some(SMALL as u64 + 1)
            }
            Values::Bool(array) => {
                for (n, number) in numbers.iter_mut().enumerate() {
                    let digit = if is_null(n) { 0 } else { 1 + u64::from(array.value(n)) };
                    *number = number.wrapping_mul(3).wrapping_add(digit);
                }
                Some(3)
            }
            Values::Foreseen(_) => Some(1),
            // If no row has a value, there is nothing to append.
            _ => nulls.is_some_and(|nulls| nulls.null_count() == numbers.len()).then_some(1),
        }
    }

    /// Returns whether a row of the batch has a value.
    #[inline]
    pub fn is_there(&self, n: usize) -> bool {
        match &self.values {
            Values::View(a) if self.nulls.is_none() => !LogValue::is_no_text(a.value(n).as_bytes()),
            _ => !self.value(n).is_nothing(),
        }
    }

    /// Writes the value of a row into `slot` of a sketch; a missing one leaves it unchanged.
    #[inline]
    pub fn put(&self, n: usize, slot: &mut Scalar<'a>) {
        if self.nulls.is_some_and(|nulls| nulls.is_null(n)) {
            return;
        }
        match &self.values {
            Values::View(a) => {
                let text = a.value(n).as_bytes();
                if !LogValue::is_no_text(text) {
                    *slot = Scalar::Text(text);
                }
            }
            Values::Time(us) => match us[n] {
                Some(us) => *slot = Scalar::Instant(us),
                None => *slot = Scalar::Odd,
            },
            Values::Dictionary(keys, words) => {
                if let Some(text) = words.get(keys.value(n)).filter(|text| !LogValue::is_no_text(text)) {
                    *slot = Scalar::Text(text);
                }
            }
            Values::Int(numbers) => *slot = Scalar::Int(numbers[n]),
            Values::Float(numbers) if numbers[n].is_nan() => {}
            Values::Float(numbers) => *slot = Scalar::Float(numbers[n]),
            _ => *slot = Scalar::of(self.value(n)),
        }
    }

    /// Returns the value of a row of the batch.
    #[inline]
    pub fn value(&self, n: usize) -> LogValue<'a> {
        if self.nulls.is_some_and(|nulls| nulls.is_null(n)) {
            return LogValue::Missing;
        }
        match &self.values {
            Values::Text(a) => LogValue::text(a.value(n).as_bytes()),
            Values::LargeText(a) => LogValue::text(a.value(n).as_bytes()),
            Values::View(a) => LogValue::text(a.value(n).as_bytes()),
            Values::Binary(a) => LogValue::text(a.value(n)),
            Values::LargeBinary(a) => LogValue::text(a.value(n)),
            Values::BinaryView(a) => LogValue::text(a.value(n)),
            Values::Dictionary(keys, words) => {
                words.get(keys.value(n)).map_or(LogValue::Missing, LogValue::text)
            }
            Values::Int(numbers) => LogValue::Int(numbers[n]),
            Values::Wide(numbers) => i64::try_from(numbers.value(n)).map_or_else(
                |_| LogValue::from_text(numbers.value(n).to_string().into_bytes().into()),
                LogValue::Int,
            ),
            // Tools without nulls in columns of numbers write this for a missing one.
            Values::Float(numbers) if numbers[n].is_nan() => LogValue::Missing,
            Values::Float(numbers) => LogValue::number(numbers[n]),
            Values::Decimal(numbers) => numbers[n].clone(),
            Values::Bool(a) => LogValue::Bool(a.value(n)),
            Values::Time(us) => us[n].map_or(LogValue::Odd("a time out of range"), LogValue::Instant),
            Values::Foreseen(Foreseen::Everywhere) => LogValue::text(b"there"),
            Values::Foreseen(Foreseen::Nowhere) => LogValue::Missing,
            Values::Odd => LogValue::Odd("a value of an unsupported type"),
        }
    }
}

/// Makes the values of a decimal column, whose unscaled numbers are `None` beyond 128 bits.
///
/// Whole numbers are read as such, whatever the scale.
fn decimals<'a>(array: &ArrayRef, scale: i8, unscaled: impl Fn(usize) -> Option<i128>) -> Values<'a> {
    let power = 10_i128.checked_pow(u32::from(scale.unsigned_abs()));
    let value = |n: usize| {
        if array.is_null(n) {
            return LogValue::Int(0);
        }
        let (Some(unscaled), Some(power)) = (unscaled(n), power) else {
            return LogValue::Odd("a decimal number of more than 38 digits");
        };
        let whole = match scale {
            ..=0 => unscaled.checked_mul(power),
            _ => (unscaled % power == 0).then(|| unscaled / power),
        };
        match whole {
            Some(whole) => i64::try_from(whole)
                .map_or_else(|_| LogValue::from_text(whole.to_string().into_bytes().into()), LogValue::Int),
            None if scale > 0 => LogValue::Float(unscaled as f64 / power as f64),
            None => LogValue::Odd("a decimal number of more than 38 digits"),
        }
    };
    let values: Vec<LogValue<'static>> = (0..array.len()).map(value).collect();
    let whole = |value: &LogValue<'_>| if let LogValue::Int(n) = value { Some(*n) } else { None };
    let all: Option<Vec<i64>> = values.iter().map(whole).collect();
    all.map_or(Values::Decimal(values), Values::Int)
}
