//! Keys: the name under which an attention is told, acknowledged and closed.

use std::fmt::Write as _;

/// Key under which a clock that is not believed is accepted.
///
/// It is stored in journals and never renamed.
pub const CLOCK: &str = "clock";

/// Characters of a part that is kept; a longer one ends in a hash of the whole.
const LONGEST: usize = 80;

/// Returns a text as part of a key: one word without colons, that a shell takes as it is.
///
/// Other characters are written as `%` and two hexadecimal digits per byte.
pub fn part(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-/+={}*@,".contains(&byte) {
            out.push(byte as char);
        } else {
            let _ = write!(out, "%{byte:02x}");
        }
    }
    if out.len() <= LONGEST {
        return out;
    }
    let hash = xxhash_rust::xxh3::xxh3_64(text.as_bytes());
    out.truncate(LONGEST - 9);
    let _ = write!(out, "~{:08x}", hash >> 32);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_one_word_of_bounded_length() {
        assert_eq!(part("node-2/requests-{date}.ndjson"), "node-2/requests-{date}.ndjson");
        assert_eq!(part("a b:c"), "a%20b%3ac");
        let (one, other) = (part(&"x".repeat(200)), part(&"x".repeat(201)));
        assert!(one.len() == LONGEST && one != other, "{one} {other}");
    }
}
