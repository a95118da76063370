//! Quarantine: rows that could not be read, with place, reason and a bounded, redacted excerpt.

use crate::redact::redacted;

/// Excerpts kept per file; further bad rows are counted and not shown.
pub const KEPT_PER_FILE: usize = 1_000;
/// Characters of a row that an excerpt shows.
const EXCERPT: usize = 160;

/// The beginning of a bad row, redacted.
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
