//! Quarantine: the bounded excerpt of a row that could not be read.

use crate::config::Excerpts;
use crate::redact::{redacted, shape};

/// Bad rows kept per file; further ones are only counted.
pub const KEPT_PER_FILE: usize = 1_000;
/// Characters of a row shown in an excerpt.
const EXCERPT: usize = 160;

/// Returns the beginning of a bad row, as the config wants it shown.
pub fn excerpt(row: &[u8], excerpts: Excerpts) -> String {
    match excerpts {
        Excerpts::Shape => shape(row, EXCERPT),
        Excerpts::Text => redacted(row, EXCERPT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_bounded() {
        for excerpts in [Excerpts::Shape, Excerpts::Text] {
            assert!(excerpt(&[b'x'; 100_000], excerpts).chars().count() <= EXCERPT + 1);
        }
    }
}
