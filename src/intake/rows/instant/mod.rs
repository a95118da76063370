//! Instants: timestamps and durations of any notation, read as UTC microseconds.

pub mod repeated_hour;

use chrono::{DateTime, LocalResult, NaiveDate, NaiveDateTime, TimeZone};
use chrono_tz::Tz;

use super::fields::is_nan;
use super::raw_row::LogValue;
use crate::config::{Cast, Unit};

/// Latest instant accepted, 9999-12-31T23:59:59Z: any later one is a broken number, not a time.
const LATEST_US: i64 = 253_402_300_799_999_999;
/// Earliest instant accepted, 0001-01-01T00:00:00Z.
const EARLIEST_US: i64 = -62_135_596_800_000_000;

/// Reads an instant in microseconds since 1970, UTC; `zone` is for texts without one.
///
/// # Errors
/// The value is no possible instant; the message is ready for quarantine.
pub fn instant(value: &LogValue<'_>, cast: &Cast, zone: Tz) -> Result<i64, String> {
    let us = match (value, cast) {
        (LogValue::Missing, _) => return Err("no timestamp".into()),
        (LogValue::Instant(us), _) => Some(*us),
        (LogValue::Int(n), Cast::Unit(unit)) => scale(*n, *unit),
        (LogValue::Int(n), _) => scale(*n, guess_unit(*n)),
        (LogValue::Float(x), Cast::Unit(unit)) => scale_float(*x, *unit),
        (LogValue::Float(x), _) => scale_float(*x, guess_unit(*x as i64)),
        (LogValue::Text(text), _) => instant_of_text(text, cast, zone),
        (LogValue::Bool(_) | LogValue::Odd(_), _) => None,
    };
    match us {
        Some(us) if is_possible(us) => Ok(us),
        _ => Err(format!("timestamp {} cannot be read", value.excerpt())),
    }
}

/// Returns whether an instant lies between the years 1 and 9999.
pub fn is_possible(us: i64) -> bool {
    (EARLIEST_US..=LATEST_US).contains(&us)
}

/// Reads an instant of a text, as [`instant`] does; `None` if it cannot be read.
#[inline]
pub fn instant_of_text(text: &[u8], cast: &Cast, zone: Tz) -> Option<i64> {
    let us = match cast {
        Cast::Format(format) => with_format(text.trim_ascii(), format, zone),
        Cast::Unit(unit) => decimal(text.trim_ascii(), *unit),
        Cast::Auto => zulu(text).or_else(|| any_notation(text.trim_ascii(), zone)),
    };
    us.filter(|us| is_possible(*us))
}

fn any_notation(text: &[u8], zone: Tz) -> Option<i64> {
    match text.first()? {
        b'0'..=b'9' if matches!(text.get(4), Some(b'-' | b'/')) => any_iso(text, zone),
        // No number has a slash.
        b'0'..=b'9' if text.get(2) == Some(&b'/') => clf(text, zone),
        b'0'..=b'9' => decimal_guess(text).or_else(|| clf(text, zone)),
        _ => rfc2822(text).or_else(|| ctime(text, zone)),
    }
}

/// Reads a duration in microseconds; `None` if the log has none (`-`, empty, -1).
///
/// # Errors
/// The value is not a number.
pub fn duration(value: &LogValue<'_>, cast: &Cast) -> Result<Option<u64>, String> {
    let unit = match cast {
        Cast::Unit(unit) => *unit,
        _ => Unit::Milliseconds,
    };
    let us = match value {
        LogValue::Missing => return Ok(None),
        LogValue::Int(n) => scale(*n, unit),
        LogValue::Float(x) if x.is_nan() => return Ok(None),
        LogValue::Float(x) => scale_float(*x, unit),
        LogValue::Text(text) if text.as_ref() == b"-" || is_nan(text) => return Ok(None),
        LogValue::Text(text) => decimal(text, unit),
        _ => None,
    };
    match us {
        Some(us) if us < 0 => Ok(None),
        Some(us) => Ok(Some(us as u64)),
        None => Err(format!("duration {} is not a number", value.excerpt())),
    }
}

const fn scale(n: i64, unit: Unit) -> Option<i64> {
    match unit {
        Unit::Seconds => n.checked_mul(1_000_000),
        Unit::Milliseconds => n.checked_mul(1_000),
        Unit::Microseconds => Some(n),
        Unit::Nanoseconds => Some(n.div_euclid(1_000)),
    }
}

fn scale_float(x: f64, unit: Unit) -> Option<i64> {
    let us = match unit {
        Unit::Seconds => x * 1e6,
        Unit::Milliseconds => x * 1e3,
        Unit::Microseconds => x,
        Unit::Nanoseconds => x / 1e3,
    };
    // Rounded, not truncated: 0.3 s is stored as slightly less.
    (us.is_finite() && us.abs() < 9e18).then(|| us.round() as i64)
}

/// Guesses the unit of a number since 1970 by its magnitude: unambiguous from 1973 to 5138.
const fn guess_unit(n: i64) -> Unit {
    match n.unsigned_abs() {
        0..100_000_000_000 => Unit::Seconds,
        100_000_000_000..100_000_000_000_000 => Unit::Milliseconds,
        100_000_000_000_000..100_000_000_000_000_000 => Unit::Microseconds,
        _ => Unit::Nanoseconds,
    }
}

fn decimal_guess(text: &[u8]) -> Option<i64> {
    let whole = text.split(|b| *b == b'.').next()?;
    let number = std::str::from_utf8(whole).ok().and_then(|whole| whole.parse().ok());
    let exact = number.and_then(|n| exact_decimal(text, guess_unit(n)));
    exact.or_else(|| with_exponent(text).and_then(|x| scale_float(x, guess_unit(x as i64))))
}

/// Reads a number such as `1.79516922e9`, as floats are often printed; `None` for other texts.
fn with_exponent(text: &[u8]) -> Option<f64> {
    memchr::memchr2(b'e', b'E', text)?;
    let is_number = text.iter().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'));
    std::str::from_utf8(text).ok().filter(|_| is_number)?.parse().ok()
}

/// Reads a decimal number in `unit`, with or without an exponent.
fn decimal(text: &[u8], unit: Unit) -> Option<i64> {
    exact_decimal(text, unit).or_else(|| scale_float(with_exponent(text)?, unit))
}

/// Reads a decimal number in `unit`, exactly.
///
/// `1646861401.524102` seconds never goes through a float.
fn exact_decimal(text: &[u8], unit: Unit) -> Option<i64> {
    let (whole, fraction) = match memchr::memchr(b'.', text) {
        Some(dot) => (&text[..dot], &text[dot + 1..]),
        None => (text, &[][..]),
    };
    let is_negative = whole.first() == Some(&b'-');
    let whole = scale(std::str::from_utf8(whole).ok()?.parse().ok()?, unit)?;
    let digits = match unit {
        Unit::Seconds => 6,
        Unit::Milliseconds => 3,
        Unit::Microseconds | Unit::Nanoseconds => 0,
    };
    let mut part = 0;
    for n in 0..digits.max(fraction.len()) {
        let digit = match fraction.get(n) {
            Some(d @ b'0'..=b'9') => i64::from(d - b'0'),
            Some(_) => return None,
            None => 0,
        };
        if n < digits {
            part = part * 10 + digit;
        }
    }
    whole.checked_add(if is_negative { -part } else { part })
}

/// Reads the notation of almost all logs, `2026-11-20T10:07:00Z` with or without a fraction.
///
/// Fast path, eight bytes at a time; `None` for any other notation.
#[inline]
fn zulu(text: &[u8]) -> Option<i64> {
    /// Returns the word if its bytes are those of `shape`, or digits where that has `0`.
    const fn shaped(bytes: &[u8; 8], shape: &[u8; 8]) -> Option<u64> {
        let (mut mask, mut six, mut at) = (u64::MAX, 0, 0);
        while at < 8 {
            if shape[at] == b'0' {
                mask &= !(0xf << (8 * at));
                six |= 6 << (8 * at);
            }
            at += 1;
        }
        let (word, shape) = (u64::from_le_bytes(*bytes), u64::from_le_bytes(*shape));
        // The upper half of a digit is 3, and remains 3 if 6 is added to the lower half.
        if word & mask == shape && word.wrapping_add(six) & mask == shape { Some(word) } else { None }
    }
    const fn two(word: u64, at: u32) -> i64 {
        ((word >> (8 * at)) & 0xf) as i64 * 10 + ((word >> (8 * at + 8)) & 0xf) as i64
    }
    let (date, rest) = text.split_first_chunk::<8>()?;
    let (hour, rest) = rest.split_first_chunk::<8>()?;
    let ([colon, tens, ones], rest) = rest.split_first_chunk::<3>()?;
    let (date, hour) = (shaped(date, b"0000-00-")?, shaped(hour, b"00T00:00")?);
    if *colon != b':' || !tens.is_ascii_digit() || !ones.is_ascii_digit() {
        return None;
    }
    let second = i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
    let (hours, minutes) = (two(hour, 3), two(hour, 6));
    let micros = match rest {
        b"Z" => 0,
        [b'.', digits @ .., b'Z'] if (1..=6).contains(&digits.len()) => {
            let mut micros = 0;
            for n in 0..6 {
                let digit = *digits.get(n).unwrap_or(&b'0');
                if !digit.is_ascii_digit() {
                    return None;
                }
                micros = micros * 10 + i64::from(digit - b'0');
            }
            micros
        }
        _ => return None,
    };
    if hours > 23 || minutes > 59 || second > 59 {
        return None;
    }
    let days = days_from_civil(two(date, 0) * 100 + two(date, 2), two(date, 5), two(hour, 0))?;
    Some((((days * 24 + hours) * 60 + minutes) * 60 + second) * 1_000_000 + micros)
}

/// Reads an ISO 8601 or RFC 3339 date and time, or one as databases and languages print it.
///
/// For example `2026-11-20T10:07:00.123Z`, `2026-11-20 10:07`, `...+02:00`, `...+0200`, `... UTC`,
/// `... +0000 UTC` (Go) or `...+01:00[Europe/Berlin]` (Java).
fn any_iso(text: &[u8], zone: Tz) -> Option<i64> {
    let two = |at: usize| -> Option<i64> {
        match (text.get(at)?, text.get(at + 1)?) {
            (a @ b'0'..=b'9', b @ b'0'..=b'9') => Some(i64::from(a - b'0') * 10 + i64::from(b - b'0')),
            _ => None,
        }
    };
    let (year, month, date) = (two(0)? * 100 + two(2)?, two(5)?, two(8)?);
    if !matches!(text[4], b'-' | b'/')
        || *text.get(7)? != text[4]
        || !matches!(text.get(10)?, b'T' | b't' | b' ')
        || *text.get(13)? != b':'
    {
        return None;
    }
    let (hour, minute) = (two(11)?, two(14)?);
    let mut rest = &text[16..];
    let mut second = 0;
    let mut micros = 0;
    if rest.first() == Some(&b':') {
        second = two(17)?;
        rest = &text[19..];
        if matches!(rest.first(), Some(b'.' | b',')) {
            let digits = rest[1..].iter().take_while(|b| b.is_ascii_digit()).count();
            if digits == 0 {
                return None;
            }
            for n in 0..6 {
                micros = micros * 10 + if n < digits { i64::from(rest[1 + n] - b'0') } else { 0 };
            }
            rest = &rest[1 + digits..];
        }
    }
    // A leap second becomes the last microsecond of its minute: days keep 86,400 seconds.
    if second == 60 {
        (second, micros) = (59, 999_999);
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_from_civil(year, month, date)?;
    let local = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000 + micros;
    offset(local, rest, zone)
}

/// Returns the instant of a local time and of the text behind it, which may say its offset.
fn offset(local_us: i64, rest: &[u8], zone: Tz) -> Option<i64> {
    // Go appends the reading of its monotonic clock, Java the name of the zone.
    let rest = memchr::memmem::find(rest, b" m=").map_or(rest, |at| &rest[..at]);
    let rest = match rest {
        [before @ .., b']'] => &before[..memchr::memrchr(b'[', before)?],
        rest => rest,
    };
    let is_in_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-');
    let mut words = rest.split(|b| *b == b' ').filter(|word| !word.is_empty());
    let (offset, name) = (words.next(), words.next());
    // A name behind an offset says the same again; alone, only the name of UTC is one instant.
    if words.next().is_some() || name.is_some_and(|name| !name.iter().all(is_in_name)) {
        return None;
    }
    match offset {
        None => in_zone(local_us, zone),
        Some(b"Z" | b"z" | b"UTC" | b"GMT") if name.is_none() => Some(local_us),
        Some([sign @ (b'+' | b'-'), digits @ ..]) => {
            let digit = |n: usize| digits.get(n).filter(|b| b.is_ascii_digit()).map(|b| i64::from(b - b'0'));
            let minutes_at = match digits.len() {
                2 => None,
                4 => Some(2),
                5 if digits[2] == b':' => Some(3),
                _ => return None,
            };
            let hours = digit(0)? * 10 + digit(1)?;
            let minutes = match minutes_at {
                Some(at) => digit(at)? * 10 + digit(at + 1)?,
                None => 0,
            };
            if hours > 18 || minutes > 59 {
                return None;
            }
            let offset_us = (hours * 60 + minutes) * 60_000_000;
            Some(if *sign == b'+' { local_us - offset_us } else { local_us + offset_us })
        }
        _ => None,
    }
}

/// Returns the days from 1970-01-01 to a proleptic Gregorian date.
///
/// Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=longest).contains(&day) {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Converts local wall-clock time to UTC.
///
/// The hour that happens twice in autumn is taken as its first pass
/// ([`RepeatedHour`](repeated_hour::RepeatedHour) tells the two apart); the hour that does
/// not exist in spring gives `None`.
pub fn in_zone(local_us: i64, zone: Tz) -> Option<i64> {
    if zone == Tz::UTC {
        return Some(local_us);
    }
    let naive = DateTime::from_timestamp_micros(local_us)?.naive_utc();
    match zone.from_local_datetime(&naive) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at.timestamp_micros()),
        LocalResult::None => None,
    }
}

/// Returns the number of a month by its English name of three letters.
fn month(name: &[u8]) -> Option<u8> {
    Some(match name {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    })
}

/// Reads a time in Common Log Format: `17/May/2015:10:05:03 +0000`, also with a fraction.
pub fn clf(text: &[u8], zone: Tz) -> Option<i64> {
    if text.len() < 20 || text[2] != b'/' || text[6] != b'/' || text[11] != b':' {
        return None;
    }
    plain_clf(text).or_else(|| clf_in_parts(text, zone))
}

/// Reads the notation of almost all access logs: to the second, in UTC.
///
/// Fast path, without a copy; `None` for any other time.
fn plain_clf(text: &[u8]) -> Option<i64> {
    let text: &[u8; 26] = text.try_into().ok()?;
    if text[20..] != *b" +0000" || text[14] != b':' || text[17] != b':' {
        return None;
    }
    let two = |at: usize| match (text[at], text[at + 1]) {
        (a @ b'0'..=b'9', b @ b'0'..=b'9') => Some(i64::from(a - b'0') * 10 + i64::from(b - b'0')),
        _ => None,
    };
    let (hour, minute, second) = (two(12)?, two(15)?, two(18)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_from_civil(two(7)? * 100 + two(9)?, i64::from(month(&text[3..6])?), two(0)?)?;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000)
}

fn clf_in_parts(text: &[u8], zone: Tz) -> Option<i64> {
    dated([&text[7..11], &[month(&text[3..6])?], &text[..2], &text[12..]], zone)
}

/// Reads a time as C's `ctime` prints it: `Wed Nov 18 10:00:09 2026`.
///
/// `UTC` may stand before the year.
fn ctime(text: &[u8], zone: Tz) -> Option<i64> {
    let mut words = text.split(|b| *b == b' ').filter(|word| !word.is_empty());
    let ([_, _, _], name, day, time) = (words.next()?, words.next()?, words.next()?, words.next()?) else {
        return None;
    };
    let (offset, year) = match (words.next()?, words.next()) {
        (offset, Some(year)) => (offset, year),
        (year, None) => (&b""[..], year),
    };
    let day = if let [digit] = day { [b'0', *digit] } else { day.try_into().ok()? };
    if words.next().is_some() {
        return None;
    }
    dated([year, &[month(name)?], &day, &[time, b" ", offset].concat()], zone)
}

/// Reads a date in parts (year, number of the month, day, and all else) through [`any_iso`].
///
/// One reader then checks ranges and offsets of all notations.
fn dated([year, month, day, rest]: [&[u8]; 4], zone: Tz) -> Option<i64> {
    let month = month.first().filter(|_| year.len() == 4)?;
    let month = [b'0' + month / 10, b'0' + month % 10];
    let mut text = [0_u8; 80];
    let parts = [year, b"-", &month, b"-", day, b"T", rest];
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut at = 0;
    for part in parts.into_iter().filter(|_| length <= 80) {
        text[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
    any_iso(&text[..at], zone)
}

fn rfc2822(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    DateTime::parse_from_rfc2822(text).ok().map(|at| at.timestamp_micros())
}

/// Reads a text by a chrono format.
///
/// Without a time of day it is midnight; without an offset the source's zone decides.
fn with_format(text: &[u8], format: &str, zone: Tz) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(at) = DateTime::parse_from_str(text, format) {
        return Some(at.timestamp_micros());
    }
    let naive = NaiveDateTime::parse_from_str(text, format)
        .ok()
        .or_else(|| NaiveDate::parse_from_str(text, format).ok()?.and_hms_opt(0, 0, 0))?;
    in_zone(naive.and_utc().timestamp_micros(), zone)
}

#[cfg(test)]
mod tests;
