//! Quarantine: rows that could not be read, with place, reason and a bounded, redacted excerpt.

use serde::Serialize;

use super::value::printable;

/// Excerpts kept per file; further bad rows are counted and not shown.
pub const KEPT_PER_FILE: usize = 1_000;
/// Characters of a row that an excerpt shows.
const EXCERPT: usize = 160;

/// A row that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Quarantined {
    pub file: String,
    /// Line, or row of a Parquet file; from 1.
    pub line: u64,
    pub reason: String,
    pub excerpt: String,
}

/// The beginning of a bad row, with everything masked that may identify a person: runs of seven and more digits (phone
/// numbers; dates stay readable, their runs are shorter), message ids, tokens and the query strings of URLs.
pub fn excerpt(row: &[u8]) -> String {
    let text = printable(row, EXCERPT);
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    let mut in_query = false;
    for c in text.chars() {
        if in_query && !c.is_whitespace() && !matches!(c, '"' | '\'' | ',' | '\\') {
            continue;
        }
        in_query = false;
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '=' | '/') {
            word.push(c);
        } else {
            out.push_str(&masked(&word));
            word.clear();
            out.push(c);
            if c == '?' {
                in_query = true;
                out.push_str("[masked]");
            }
        }
    }
    out.push_str(&masked(&word));
    out
}

fn masked(word: &str) -> String {
    let has_long_number = || word.split(|c: char| !c.is_ascii_digit()).any(|run| run.len() >= 7);
    // Base64 of message ids and tokens: long, without the separators of names, dates and paths.
    let is_token = || {
        word.len() >= 20
            && word.split(['/', '.', '-', '_']).any(|part| {
                part.len() >= 16
                    && part.bytes().any(|b| b.is_ascii_digit())
                    && part.bytes().any(|b| b.is_ascii_alphabetic())
            })
    };
    if word.starts_with("wamid.") || has_long_number() || is_token() {
        let kept: String = word.chars().take_while(char::is_ascii_alphabetic).take(6).collect();
        format!("{kept}[masked]")
    } else {
        word.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_personal_leaves_in_an_excerpt() {
        assert_eq!(
            excerpt(b"GET /v1/messages?to=me&access_token=abc HTTP"),
            "GET /v1/messages?[masked] HTTP"
        );
        let row = br#"{"ts":"2026-11-20T10:07:00Z","message_id":"wamid.HBgLMTU1NTAwMDEyMzQVAgARGBI5","to":"15550001234","t":"EAAGm0PX4ZCpsBAKZCZA9ZCx","id":"+4915123456789","#;
        let shown = excerpt(row);
        for secret in ["HBgL", "15550001234", "4915123456789", "ZCpsBAK"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        assert!(shown.contains("2026-11-20T10:07:00Z"), "{shown}");
    }

    #[test]
    fn excerpts_are_bounded() {
        assert!(excerpt(&[b'x'; 100_000]).chars().count() <= EXCERPT + 1);
    }
}
