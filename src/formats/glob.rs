//! Glob: a text in which `*` is any text, anywhere.

use serde::{Deserialize, Serialize};

/// A pattern of literal texts around `*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Glob {
    /// The literal texts; one alone is the whole text.
    parts: Vec<String>,
}

impl Glob {
    pub fn new(text: &str) -> Self {
        Self { parts: text.split('*').map(str::to_owned).collect() }
    }

    /// Returns the text if there is no `*` in it.
    pub fn literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [whole] => Some(whole),
            _ => None,
        }
    }

    /// Returns the pattern as it is written.
    pub fn text(&self) -> String {
        self.parts.join("*")
    }

    /// Returns whether a whole text is one of the pattern.
    pub fn matches(&self, text: &[u8]) -> bool {
        let [first, middle @ .., last] = self.parts.as_slice() else {
            return self.parts.first().is_some_and(|whole| whole.as_bytes() == text);
        };
        // A comparison with an empty text, which has no address, is slow.
        let mut rest = text;
        if !first.is_empty() {
            let Some(behind) = rest.strip_prefix(first.as_bytes()) else { return false };
            rest = behind;
        }
        if !last.is_empty() {
            let Some(before) = rest.strip_suffix(last.as_bytes()) else { return false };
            rest = before;
        }
        for part in middle {
            // The first byte is searched: preparing a search for a text takes longer than this.
            let found = part.as_bytes().split_first().map_or(Some(0), |(byte, behind)| {
                memchr::memchr_iter(*byte, rest).find(|at| rest[at + 1..].starts_with(behind))
            });
            let Some(at) = found else { return false };
            rest = &rest[at + part.len()..];
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text() {
        let is = |pattern: &str, text: &str| Glob::new(pattern).matches(text.as_bytes());
        for (pattern, text) in [
            ("a", "a"),
            ("*", ""),
            ("*", "x"),
            ("SC*", "SC--"),
            ("*refused*", "was refused."),
            ("a*b*c", "abbc"),
        ] {
            assert!(is(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "ab"), ("ab*ba", "aba"), ("SC*", "sC"), ("*x", "xy"), ("a*b*c", "acb")]
        {
            assert!(!is(pattern, text), "{pattern} {text}");
        }
    }
}
