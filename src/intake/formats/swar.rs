//! SWAR (SIMD within a register): finds special bytes in a text, eight bytes at a time.

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Marks every byte of `word` that equals `byte` by its high bit; all other bits are 0.
const fn equal(word: u64, byte: u8) -> u64 {
    let differing = word ^ (LOW * byte as u64);
    !(((differing & !HIGH) + !HIGH) | differing | !HIGH)
}

/// Marks every byte of `word` below 0x20 by its high bit; all other bits are 0.
const fn control(word: u64) -> u64 {
    !((word & !HIGH) + LOW * 0x60) & !word & HIGH
}

fn word(bytes: &[u8]) -> u64 {
    let mut word = [0xff; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(word)
}

/// Writes the positions of all delimiters of a record to `ends`, and returns their number.
///
/// `None` if there are more than `ends` holds, or any quote, which could hide a delimiter.
#[inline]
pub fn delimiters(record: &[u8], delimiter: u8, ends: &mut [u32]) -> Option<usize> {
    let (words, rest) = record.as_chunks::<8>();
    let mut found = 0;
    let mut note = |word: u64, at: usize| {
        if equal(word, b'"') != 0 {
            return None;
        }
        let mut mask = equal(word, delimiter);
        while mask != 0 {
            *ends.get_mut(found)? = (at + (mask.trailing_zeros() / 8) as usize) as u32;
            found += 1;
            mask &= mask - 1;
        }
        Some(())
    };
    for (n, bytes) in words.iter().enumerate() {
        note(u64::from_le_bytes(*bytes), n * 8)?;
    }
    if !rest.is_empty() {
        note(word(rest), words.len() * 8)?;
    }
    Some(found)
}

/// Returns the position of the quote that ends a JSON string, which begins before `text`.
///
/// `None` if there is none, or if an escape or a control character comes first.
#[inline]
pub fn string_end(text: &[u8]) -> Option<usize> {
    let (words, rest) = text.as_chunks::<8>();
    let stop = |word: u64| equal(word, b'"') | equal(word, b'\\') | control(word);
    let mut at = 0;
    for bytes in words {
        let mask = stop(u64::from_le_bytes(*bytes));
        if mask != 0 {
            at += (mask.trailing_zeros() / 8) as usize;
            return (text[at] == b'"').then_some(at);
        }
        at += 8;
    }
    let mask = stop(word(rest));
    at += (mask.trailing_zeros() / 8) as usize;
    (mask != 0 && text[at] == b'"').then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_are_found_where_they_stand(text in prop::collection::vec(any::<u8>(), 0..60)) {
            for byte in [0, b',', b'"', 0x7f, 0x80, 0xff] {
                for window in text.windows(8) {
                    let word = u64::from_le_bytes(window.try_into().unwrap());
                    let (mut is, mut is_control) = (0, 0);
                    for (n, b) in window.iter().enumerate() {
                        is |= u64::from(*b == byte) << (n * 8 + 7);
                        is_control |= u64::from(*b < 0x20) << (n * 8 + 7);
                    }
                    prop_assert_eq!((equal(word, byte), control(word)), (is, is_control));
                }
            }
        }

        #[test]
        fn delimiters_are_those_of_a_plain_search(text in "[a,é\u{2028}\"]{0,40}", most in 0_usize..12) {
            let bytes = text.as_bytes();
            let places: Vec<u32> = (0..bytes.len() as u32).filter(|n| bytes[*n as usize] == b',').collect();
            let mut ends = vec![0; most];
            let found = delimiters(bytes, b',', &mut ends);
            if bytes.contains(&b'"') {
                prop_assert_eq!(found, None);
            } else if places.len() > most {
                prop_assert_eq!(found, None);
            } else {
                prop_assert_eq!(found, Some(places.len()));
                prop_assert_eq!(&ends[..places.len()], places.as_slice());
            }
        }

        #[test]
        fn strings_end_at_their_quote(text in "[aé\u{7f}\u{1f}\\\\\"]{0,30}") {
            let bytes = text.as_bytes();
            let first = bytes.iter().position(|b| matches!(b, b'"' | b'\\' | 0..0x20));
            let expected = first.filter(|at| bytes[*at] == b'"');
            prop_assert_eq!(string_end(bytes), expected);
        }
    }
}
