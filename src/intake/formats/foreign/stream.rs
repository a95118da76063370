//! Stream: JSON objects without line ends between them, or over many lines.

use crate::intake::formats::ndjson::MAX_DEPTH;

/// Returns whether the beginning of a text is such a stream, and not one object a line.
///
/// It is if its first line is no whole JSON value, or has more than one, and the first object can
/// be read.
pub fn is_stream(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    if !matches!(text.first(), Some(b'{' | b'[')) {
        return false;
    }
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if is_json(line) {
        return false;
    }
    match JsonStream.next(text, false) {
        Some(object) => is_json(&text[object.start..object.end]),
        None => false,
    }
}

/// Returns whether the beginning of a text is such a stream whose objects are spread over lines.
///
/// In a log that has one object a line, more than one object in the first line is a broken line.
pub fn is_spread(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    let line = memchr::memchr(b'\n', text).unwrap_or(text.len());
    let ends_behind = || JsonStream.next(text, false).is_some_and(|object| object.end > line);
    is_stream(head) && (text.first() == Some(&b'[') || ends_behind())
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
}

/// Objects of a text, one after the other; a list around them is passed by.
#[derive(Debug)]
pub struct JsonStream;

/// Place of an object in a text, and where the text behind it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonObject {
    pub start: usize,
    pub end: usize,
}

impl JsonStream {
    /// Returns the next object, which may be cut at the end of the text; `None` if it is not whole.
    pub fn next(&self, text: &[u8], is_end: bool) -> Option<JsonObject> {
        let is_between =
            |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b'[' | b']' | 0 | 0x1e);
        let start = text.iter().position(|byte| !is_between(byte))?;
        if text[start] != b'{' {
            // No object: the rest of the line is one piece.
            let end = memchr::memchr(b'\n', &text[start..]).map(|at| start + at);
            return end.or_else(|| is_end.then_some(text.len())).map(|end| JsonObject { start, end });
        }
        let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
        for (at, byte) in text.iter().enumerate().skip(start) {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' if in_string => is_escaped = true,
                b'"' => in_string = !in_string,
                b'{' | b'[' if !in_string => depth += 1,
                b'}' | b']' if !in_string => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return Some(JsonObject { start, end: at + 1 });
                    }
                }
                _ => {}
            }
            if depth > MAX_DEPTH * 4 {
                return Some(JsonObject { start, end: at + 1 });
            }
        }
        is_end.then_some(JsonObject { start, end: text.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_found_wherever_line_ends_are() {
        let cut = |text: &str| {
            let (mut at, mut found) = (0, Vec::new());
            while let Some(object) = JsonStream.next(&text.as_bytes()[at..], true) {
                found.push(text[at + object.start..at + object.end].to_owned());
                at += object.end;
            }
            found
        };
        assert_eq!(cut(r#"{"a":"}"}{"b":[{}]}"#), [r#"{"a":"}"}"#, r#"{"b":[{}]}"#]);
        assert_eq!(cut("[\n{\n\"a\":1\n},\n{}]\n"), ["{\n\"a\":1\n}", "{}"]);
        assert_eq!(cut("{} x\n{\"a\""), ["{}", "x", "{\"a\""]);
        assert!(is_stream(b"{\n\"a\":1\n}\n") && is_stream(br#"{"a":1}{"a":2}"#) && is_stream(b"[\n{}\n]"));
        assert!(
            !is_stream(b"{\"a\":1}\n{\"a\":2}\n")
                && !is_stream(b"{\"a\":1\n{\"a\":2}\n")
                && !is_stream(b"a,b\n")
        );
    }
}
