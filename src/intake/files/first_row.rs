//! First row: the names and values of the first row of a log file, for messages about it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::detect::{self, LogFormat};
use crate::config::Source;
use crate::error::guarded;

/// Bytes within which a first row is looked for.
const REACH: u64 = 1 << 16;

/// Names with their values as text; values are empty where they are not at hand.
#[derive(Debug, Default)]
pub struct FirstRow(pub Vec<(String, String)>);

/// Reads the names in a file, and the values of its first row.
///
/// # Errors
/// The file cannot be opened or decompressed.
pub fn read(path: &Path, source: &Source) -> io::Result<FirstRow> {
    let file = Arc::new(File::open(path)?);
    let (format, compression) = detect::detect(path, &file, source)?;
    if format == LogFormat::Parquet {
        let opened = File::open(path)?;
        let builder =
            guarded(|| ParquetRecordBatchReaderBuilder::try_new(opened)).map_err(io::Error::other)?;
        let builder = builder.map_err(|e| io::Error::other(e.to_string()))?;
        let names = builder.schema().fields().iter().map(|field| (field.name().clone(), String::new()));
        return Ok(FirstRow(names.collect()));
    }
    let mut text = Vec::new();
    detect::reader(detect::from_start(file.try_clone()?), compression)?.take(REACH).read_to_end(&mut text)?;
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
