//! Repair: a JSON line with bytes or numbers that JSON does not know, made readable.
//!
//! nginx writes the bytes of a request as they came, also those that are not UTF-8. Python writes
//! floats that are no numbers as `NaN`, `Infinity` and `-Infinity`.

use std::borrow::Cow;

use crate::intake::rows::raw_row::LogValue;

/// First of 256 private characters, each of which stands for a byte that is not UTF-8.
const FIRST_BYTE: u32 = 0x10_fe00;
/// Private character in front of a word that stands for a number.
const NUMBER: char = '\u{10fdff}';
/// Words for floats that are no numbers; the longest first.
const WORDS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];

/// Returns the line in JSON; `None` if nothing in it needs repair.
pub fn repaired(line: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(line.len() + 64);
    let (mut rest, mut in_string, mut is_changed) = (line, false, false);
    while let Some(byte) = rest.first() {
        let word = WORDS.iter().find(|word| !in_string && rest.starts_with(word.as_bytes()));
        let taken = match (word, byte) {
            (Some(word), _) => {
                is_changed = true;
                out.extend_from_slice(format!("\"{NUMBER}{word}\"").as_bytes());
                word.len()
            }
            (None, b'\\') if in_string => {
                out.extend_from_slice(&rest[..rest.len().min(2)]);
                2
            }
            (None, 0x80..) => {
                // The character that begins here, or one byte that is none. Only four bytes are
                // looked at, so that the time is linear in the line.
                let first = rest[..rest.len().min(4)].utf8_chunks().next();
                let length = first.map_or(0, |chunk| chunk.valid().len());
                if length == 0 {
                    is_changed = true;
                    let stand_in = char::from_u32(FIRST_BYTE + u32::from(*byte)).unwrap_or('?');
                    out.extend_from_slice(stand_in.to_string().as_bytes());
                    1
                } else {
                    let length = rest[..length].iter().take_while(|byte| **byte >= 0x80).count();
                    out.extend_from_slice(&rest[..length]);
                    length
                }
            }
            (None, byte) => {
                in_string ^= *byte == b'"';
                out.push(*byte);
                1
            }
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    is_changed.then_some(out)
}

/// Returns a value of a repaired line as the log wrote it.
pub fn restored(value: &LogValue<'_>) -> LogValue<'static> {
    match value {
        LogValue::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => match text.strip_prefix(NUMBER) {
                Some(word) => LogValue::Float(word.parse().unwrap_or(f64::NAN)),
                None => LogValue::from_text(Cow::Owned(bytes(text))),
            },
            Err(_) => LogValue::from_text(Cow::Owned(text.to_vec())),
        },
        LogValue::Missing => LogValue::Missing,
        LogValue::Int(n) => LogValue::Int(*n),
        LogValue::Float(x) => LogValue::Float(*x),
        LogValue::Bool(b) => LogValue::Bool(*b),
        LogValue::Instant(us) => LogValue::Instant(*us),
        LogValue::Odd(what) => LogValue::Odd(what),
    }
}

fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match u8::try_from(u32::from(c).wrapping_sub(FIRST_BYTE)) {
            Ok(byte) => bytes.push(byte),
            Err(_) => bytes.extend_from_slice(c.to_string().as_bytes()),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn repaired_text(line: &[u8]) -> Option<String> {
        repaired(line).map(|line| String::from_utf8(line).unwrap())
    }

    #[test]
    fn words_are_numbers_outside_of_strings_alone() {
        assert_eq!(repaired_text(br#"{"a":"NaN \" NaN","b":"\\","c":"Infinity"}"#), None);
        let text = repaired_text(br#"{"a":NaN,"b":-Infinity}"#).unwrap();
        assert_eq!(text, format!("{{\"a\":\"{NUMBER}NaN\",\"b\":\"{NUMBER}-Infinity\"}}"));
        assert_eq!(
            restored(&LogValue::text(format!("{NUMBER}-Infinity").as_bytes())),
            LogValue::Float(f64::NEG_INFINITY)
        );
    }

    proptest! {
        #[test]
        fn bytes_come_back_as_they_were(text in prop::collection::vec(any::<u8>(), 0..40)) {
            let line = [b"\"", &*text, b"\""].concat();
            prop_assume!(!text.contains(&b'"') && !text.contains(&b'\\') && text.trim_ascii() == text);
            match repaired_text(&line) {
                None => prop_assert!(std::str::from_utf8(&line).is_ok()),
                Some(line) => {
                    let text_in = line.trim_matches('"').as_bytes();
                    prop_assert_eq!(restored(&LogValue::text(text_in)), LogValue::from_text(text.into()));
                }
            }
        }
    }
}
