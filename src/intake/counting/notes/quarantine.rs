//! Quarantine: the bounded, redacted excerpt of a row that could not be read.

use crate::redact::redacted;

/// Bad rows kept per file; further ones are only counted.
pub const KEPT_PER_FILE: usize = 1_000;
/// Characters of a row shown in an excerpt.
const EXCERPT: usize = 160;

/// Returns the beginning of a bad row, redacted.
pub fn excerpt(row: &[u8]) -> String {
    redacted(row, EXCERPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_bounded() {
        assert!(excerpt(&[b'x'; 100_000]).chars().count() <= EXCERPT + 1);
    }
}
