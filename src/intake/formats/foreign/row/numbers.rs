//! Numbers: durations and instants as programs write them, in nanoseconds.

use chrono_tz::Tz;

use crate::config::Cast;
use crate::formats::Unit;
use crate::intake::rows::instant;

/// Reads a duration or an instant in nanoseconds: a written suffix goes before the unit.
pub fn nanoseconds(text: &[u8], unit: Option<Unit>, zone: Tz) -> Option<i128> {
    let text = text.trim_ascii();
    // No number has a minus behind four digits.
    let is_date = matches!(text, [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'-', ..]);
    if !is_date && let Some(nanoseconds) = number_with_unit(text, unit) {
        return Some(nanoseconds);
    }
    instant::instant_of_text(text, &Cast::Auto, zone).map(|us| i128::from(us) * 1_000)
}

/// Reads a number with a suffix (`0.005s`, `12ms`, `1.2\u{b5}s`), else in a unit (default seconds).
pub fn number_with_unit(text: &[u8], unit: Option<Unit>) -> Option<i128> {
    if let Some(number) = plain_number(text, unit) {
        return Some(i128::from(number));
    }
    let text = std::str::from_utf8(text).ok()?;
    let text = text.strip_prefix('+').unwrap_or(text);
    let end =
        text.find(|c: char| !matches!(c, '0'..='9' | '.' | '-' | 'e' | 'E' | '+')).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    decimal(number, i128::from(scale_of(suffix.as_bytes(), unit)?))
}

/// Reads digits with a point among them, as almost all durations are written.
///
/// Fast path: it needs no 128 bits, whose divisions are calls. `None` for any other number.
fn plain_number(text: &[u8], unit: Option<Unit>) -> Option<i64> {
    /// Digits of a whole number that 64 bits hold.
    const MOST_DIGITS: usize = 18;
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let digits = |from: usize| from + text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let end = digits(0);
    if end == 0 || end > MOST_DIGITS {
        return None;
    }
    let (mut from, mut to) = (end, end);
    if text.get(end) == Some(&b'.') {
        from = end + 1;
        to = digits(from);
    }
    let scale = scale_of(&text[to..], unit)?;
    let digit = |byte: &u8| i64::from(byte - b'0');
    let whole = text[..end].iter().fold(0_i64, |number, byte| number * 10 + digit(byte));
    let mut value = whole.checked_mul(scale)?;
    let mut place = scale;
    for byte in &text[from..to] {
        place /= 10;
        value = value.checked_add(digit(byte) * place)?;
    }
    Some(value)
}

/// Returns the nanoseconds of a suffix, else of the unit.
fn scale_of(suffix: &[u8], unit: Option<Unit>) -> Option<i64> {
    Some(match suffix {
        b"" => match unit.unwrap_or(Unit::Seconds) {
            Unit::Seconds => 1_000_000_000,
            Unit::Milliseconds => 1_000_000,
            Unit::Microseconds => 1_000,
            Unit::Nanoseconds => 1,
        },
        b"ns" => 1,
        b"us" => 1_000,
        b"ms" => 1_000_000,
        b"s" => 1_000_000_000,
        b"m" => 60_000_000_000,
        _ if suffix == "\u{b5}s".as_bytes() || suffix == "\u{3bc}s".as_bytes() => 1_000,
        _ => return None,
    })
}

/// Returns a decimal number times a scale, without a float unless it has an exponent.
///
/// Slow path: it decides about every number.
fn decimal(text: &str, scale: i128) -> Option<i128> {
    if text.contains(['e', 'E']) {
        let number: f64 = text.parse().ok()?;
        let scaled = number * scale as f64;
        return (scaled.is_finite() && scaled.abs() < 1e30).then_some(scaled.round() as i128);
    }
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty())
        || !is_number(whole)
        || !is_number(fraction)
        || whole.len() > 24
    {
        return None;
    }
    let mut value = if whole.is_empty() { 0 } else { whole.parse::<i128>().ok()? }.checked_mul(scale)?;
    let mut place = scale;
    for digit in fraction.bytes() {
        place /= 10;
        value += i128::from(digit - b'0') * place;
    }
    Some(sign * value)
}

/// Returns nanoseconds as a text of seconds.
pub fn seconds_text(nanoseconds: i128) -> Vec<u8> {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let n = nanoseconds.unsigned_abs();
    format!("{sign}{}.{:09}", n / 1_000_000_000, n % 1_000_000_000).into_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn plain_numbers_are_what_the_exact_reader_says(
            text in "[+-]?[0-9]{0,20}(\\.[0-9]{0,12})?(ns|us|ms|s|m|x|e5|\u{b5}s)?",
            unit in prop::sample::select(vec![None, Some(Unit::Milliseconds), Some(Unit::Nanoseconds)]),
        ) {
            let bare = text.strip_prefix('+').unwrap_or(&text);
            let end = bare.find(|c: char| !matches!(c, '0'..='9' | '.' | '-' | 'e' | '+')).unwrap_or(bare.len());
            let scale = scale_of(&bare.as_bytes()[end..], unit);
            let exact = scale.and_then(|scale| decimal(&bare[..end], i128::from(scale)));
            if let Some(found) = plain_number(text.as_bytes(), unit) {
                prop_assert_eq!(Some(i128::from(found)), exact, "{}", text);
            }
        }
    }

    #[test]
    fn numbers_are_exact_and_a_suffix_goes_before_the_unit() {
        let of = |text: &str, unit| number_with_unit(text.as_bytes(), unit);
        assert_eq!(of("0.005192s", Some(Unit::Milliseconds)), Some(5_192_000));
        assert_eq!(of("1.2\u{b5}s", None), Some(1_200));
        assert_eq!(of("+2002", Some(Unit::Milliseconds)), Some(2_002_000_000));
        assert_eq!(of("1795835421.615", None), Some(1_795_835_421_615_000_000));
        assert_eq!(of("-0.5", None), Some(-500_000_000));
        assert_eq!(of("1.5e-05", None), Some(15_000));
        for text in ["", "-", "x", "1,2", "1.2.3", "12 ms", "5h"] {
            assert_eq!(of(text, None), None, "{text}");
        }
    }
}
