//! Detect: finds the format of a file by its first bytes, its preset and its name, in this order.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::bytes::decompress::{self, LogCompression};
use super::bytes::log_bytes::LogBytes;
use crate::config::{LogPreset, Source};
use crate::intake::formats::foreign::opened;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Parquet,
    Ndjson,
    Delimited,
    Combined,
    /// Lines of another program, as a format file says.
    Foreign,
}

impl LogFormat {
    /// Returns the name in reports, such as `ndjson.gz`.
    pub fn name(self, compression: LogCompression) -> String {
        let format = match self {
            Self::Parquet => "parquet",
            Self::Ndjson => "ndjson",
            Self::Delimited => "csv",
            Self::Combined => "combined",
            Self::Foreign => "log",
        };
        match compression.ending() {
            "" => format.into(),
            ending => format!("{format}.{ending}"),
        }
    }
}

/// Endings of names of files that have a header, so that an empty one was cut off.
const NEVER_EMPTY: [&str; 14] =
    ["parquet", "parq", "pq", "gz", "gzip", "zst", "zstd", "bz2", "xz", "lz4", "zip", "orc", "avro", "z"];
/// Endings of names that the first bytes must confirm.
const CONFIRMED: [&str; 9] = ["parquet", "parq", "pq", "gz", "gzip", "zst", "zstd", "bz2", "xz"];

/// Limit on bytes of a first line that is looked at.
const LONGEST_START: u64 = 64 << 10;
/// First bytes that tell what a file is.
const HEAD: usize = 10;

/// Detects format and compression from a file's first bytes.
///
/// An empty file is empty text, as rotation leaves it, unless its name says otherwise.
///
/// # Errors
/// The file cannot be read, is encrypted Parquet, or has a name that its first bytes contradict.
pub fn detect(path: &Path, file: &LogBytes, source: &Source) -> io::Result<(LogFormat, LogCompression)> {
    let mut head = [0; HEAD];
    let n = file.read_at(&mut head, 0)?;
    let wrong = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidData, what.to_owned()));
    match head[..n] {
        [b'P', b'A', b'R', b'1', ..] => return Ok((LogFormat::Parquet, LogCompression::None)),
        [b'P', b'A', b'R', b'E', ..] => {
            return wrong("it is encrypted Parquet, which cannot be read; decrypt it first");
        }
        _ => {}
    }
    let compression = LogCompression::of(&head[..n]);
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    if compression == LogCompression::None {
        let claimed = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        if n == 0 && NEVER_EMPTY.contains(&claimed) {
            return wrong(&format!(
                "it has no bytes, and no {claimed} file is empty: writing it was cut off; put the whole file in its place"
            ));
        }
        if n > 0 && CONFIRMED.contains(&claimed) {
            return wrong(&format!(
                "its name says {claimed}, but its first bytes do not; it is corrupt or misnamed"
            ));
        }
    }
    let format = match source.preset {
        LogPreset::Combined => LogFormat::Combined,
        LogPreset::NginxJson | LogPreset::WhatsappWebhook => LogFormat::Ndjson,
        LogPreset::Format => LogFormat::Foreign,
        LogPreset::Canonical => {
            let ending = format!(".{}", compression.ending());
            let stem = name.strip_suffix(&ending).unwrap_or(&name);
            match stem.rsplit('.').next() {
                _ if !source.has_header => LogFormat::Delimited,
                Some("csv" | "tsv" | "txt") => LogFormat::Delimited,
                Some("ndjson" | "jsonl" | "json") => LogFormat::Ndjson,
                _ => sniff(file, compression)?,
            }
        }
    };
    Ok((format, compression))
}

/// Returns why a file cannot be opened, with the remedy.
pub fn explain(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "no permission to read it; give the user of the job access".to_owned()
        }
        io::ErrorKind::NotFound if path.is_symlink() => {
            "it is a link to a file that does not exist; put the file there, or remove the link".to_owned()
        }
        _ => error.to_string(),
    }
}

/// Detects the format by the first line: JSON, bare or inside another program's line, or a header.
fn sniff(file: &LogBytes, compression: LogCompression) -> io::Result<LogFormat> {
    let is_blank = |b: &u8| b.is_ascii_whitespace() || matches!(b, 0 | 0xef | 0xbb | 0xbf);
    let mut reader = BufReader::new(decompress::reader(file.reader(), compression)?);
    loop {
        let mut line = Vec::new();
        let n = reader.by_ref().take(LONGEST_START).read_until(b'\n', &mut line)?;
        let start = line.iter().position(|b| !is_blank(b));
        match start.map(|start| &line[start..]) {
            Some([b'{' | b'[', ..]) => return Ok(LogFormat::Ndjson),
            Some(line) => {
                let is_json = |inner: &[u8]| matches!(inner.trim_ascii_start(), [b'{' | b'[', ..]);
                let is_wrapped = opened(line.trim_ascii_end()).is_some_and(|opened| is_json(&opened.inner));
                return Ok(if is_wrapped { LogFormat::Ndjson } else { LogFormat::Delimited });
            }
            None if n == 0 => return Ok(LogFormat::Delimited),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::files::bytes::log_bytes::LogPlace;

    #[test]
    fn an_empty_file_is_empty_text_unless_its_name_says_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let source = Source::bare("edge", crate::config::Log::Requests);
        let detect = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            let file = LogBytes::open(&LogPlace::Disk(path.clone())).unwrap();
            detect(&path, &file, &source).map_err(|e| e.to_string())
        };
        for name in ["a.csv", "a.ndjson", "a.log", "a", "parquet"] {
            assert!(detect(name, b"").is_ok(), "{name}");
        }
        for name in ["a.parquet", "a.snappy.PARQUET", "a.csv.gz", "a.ndjson.zst", "a.pq", "a.csv.bz2"] {
            assert!(detect(name, b"").unwrap_err().starts_with("it has no bytes"), "{name}");
        }
        for name in ["a.parquet", "a.csv.gz", "a.ndjson.zst", "a.csv.xz", "a.csv.bz2"] {
            assert!(detect(name, b"PA").unwrap_err().starts_with("its name says"), "{name}");
        }
    }
}
