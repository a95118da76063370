//! Glob: a text in which `*` is any text, anywhere.

/// A pattern of literal texts around `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        let Some(rest) = text.strip_prefix(first.as_bytes()) else { return false };
        let Some(mut rest) = rest.strip_suffix(last.as_bytes()) else { return false };
        for part in middle {
            let Some(at) = memchr::memmem::find(rest, part.as_bytes()) else { return false };
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
