//! Published heads: found in whatever the job has published, or in a file that a person kept.

use std::path::Path;

use regex::Regex;
use serde_json::Value;

use super::Checkpoint;
use crate::error::Trouble;
use crate::plain_file;
use crate::table;

/// A head that was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishedHead {
    /// Hash of a line, with its number unless only the hash was kept.
    Line {
        seq: Option<u64>,
        hash: String,
    },
    Checkpoint(Checkpoint),
}

/// Reads a hash, or number and hash of a line as pages and Parquet files name them.
pub fn line_of(text: &str) -> Option<PublishedHead> {
    let parts: Vec<&str> = text.split_whitespace().collect();
    let (seq, hash) = match parts.as_slice() {
        [hash] => (None, *hash),
        [seq, hash] => (Some(seq.parse().ok()?), *hash),
        _ => return None,
    };
    is_hash(hash).then(|| PublishedHead::Line { seq, hash: hash.to_owned() })
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Reads the heads of a published file: a Parquet file, `status.json` or other JSON, a page, a
/// checkpoint, or any text with number and hash of a line.
///
/// # Errors
/// [`Trouble::Usage`] if it names no head; [`Trouble::Io`] if it cannot be read.
pub fn read_heads(path: &Path) -> Result<Vec<PublishedHead>, Trouble> {
    let bytes = plain_file::read(path)?;
    let heads = if bytes.starts_with(b"PAR1") {
        let named = table::metadata_of(bytes::Bytes::from(bytes), "ledger");
        named.ok().flatten().and_then(|text| line_of(&text)).into_iter().collect()
    } else {
        of_text(&String::from_utf8_lossy(&bytes))
    };
    if heads.is_empty() {
        return Err(Trouble::Usage(format!(
            "{}: it names no head of a ledger; give the status page, status.json, a Parquet file, a checkpoint, or the hash itself",
            path.display()
        )));
    }
    Ok(heads)
}

fn of_text(text: &str) -> Vec<PublishedHead> {
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        return of_json(&value).into_iter().collect();
    }
    if let Some(checkpoint) = Checkpoint::parse(text) {
        return vec![PublishedHead::Checkpoint(checkpoint)];
    }
    let Ok(head) = Regex::new("([0-9]+)[ \t]*(?:<code>)?[ \t]*([0-9a-f]{64})(?:[^0-9a-f]|$)") else {
        unreachable!("the expression is one")
    };
    let line = |found: regex::Captures<'_>| PublishedHead::Line {
        seq: found[1].parse().ok(),
        hash: found[2].to_owned(),
    };
    head.captures_iter(text).map(line).collect()
}

/// Reads `{"ledger": {"line", "hash"}}` of published JSON, or `{"seq", "hash"}` of our own.
fn of_json(value: &Value) -> Option<PublishedHead> {
    let head = value.get("ledger").unwrap_or(value);
    let seq = head.get("line").or_else(|| head.get("seq")).and_then(Value::as_u64);
    let hash = head.get("hash")?.as_str().filter(|hash| is_hash(hash))?;
    Some(PublishedHead::Line { seq, hash: hash.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_found_in_json_in_pages_and_in_text() {
        let hash = "0123456789abcdef".repeat(4);
        let want = vec![PublishedHead::Line { seq: Some(12), hash: hash.clone() }];
        let json = format!(r#"{{"format":1,"ledger":{{"line":12,"hash":"{hash}"}}}}"#);
        assert_eq!(of_text(&json), want);
        assert_eq!(of_text(&format!("<dd>9</dd><dd>12 <code>{hash}</code></dd>")), want);
        assert_eq!(of_text(&format!("line 12 {hash}\n")), want);
        assert_eq!(line_of(&hash), Some(PublishedHead::Line { seq: None, hash: hash.clone() }));
        assert_eq!(of_text(&format!("policy {hash}")), Vec::new());
        assert_eq!(line_of("reports/status.json"), None);
    }
}
