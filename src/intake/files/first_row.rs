//! First row: the names and values of the first row of a log file, for messages about it.

use std::io::{self, Read};

use super::bytes::decompress;
use super::bytes::log_bytes::LogBytes;
use super::detect::{self, LogFormat};
use super::find::LogFile;
use crate::config::Source;
use crate::intake::formats::parquet;

/// Bytes within which a first row is looked for.
const REACH: u64 = 1 << 16;

/// Names with their values as text; values are empty where they are not at hand.
#[derive(Debug, Default)]
pub struct FirstRow(pub Vec<(String, String)>);

/// Reads the names in a file, and the values of its first row.
///
/// # Errors
/// The file cannot be opened or decompressed.
pub fn read(log: &LogFile, source: &Source) -> io::Result<FirstRow> {
    let file = LogBytes::open(&log.place)?;
    let (format, compression) = detect::detect(&log.path, &file, source)?;
    if format == LogFormat::Parquet {
        let names = parquet::names(&file).map_err(io::Error::other)?;
        return Ok(FirstRow(names.into_iter().map(|name| (name, String::new())).collect()));
    }
    let mut text = Vec::new();
    decompress::reader(file.reader(), compression)?.take(REACH).read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    let mut lines = text.trim_start_matches('\u{feff}').lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or_default();
    if format == LogFormat::Ndjson {
        return Ok(FirstRow(members(first)));
    }
    let cells = |line: &str| -> Vec<String> {
        line.split(char::from(source.delimiter))
            .map(|cell| cell.trim().trim_matches('"').to_owned())
            .collect()
    };
    if !source.has_header {
        let numbered = (1..).map(|n: usize| n.to_string()).zip(cells(first));
        return Ok(FirstRow(numbered.collect()));
    }
    let mut values = lines.next().map(cells).unwrap_or_default().into_iter();
    Ok(FirstRow(cells(first).into_iter().map(|name| (name, values.next().unwrap_or_default())).collect()))
}

/// Returns the members of a JSON object; none if the line is none.
fn members(line: &str) -> Vec<(String, String)> {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap_or_default();
    let text = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    object.into_iter().map(|(key, value)| (key, text(value))).collect()
}
