//! Detect: finds the format of a file by its first bytes, its preset and its name, in this order.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::config::{LogPreset, Source};
use crate::error::guarded;

/// Compression around the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogCompression {
    None,
    Gzip,
    Zstd,
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Parquet,
    Ndjson,
    Delimited,
    Combined,
}

impl LogFormat {
    /// Returns the name in reports, such as `ndjson.gz`.
    pub fn name(self, compression: LogCompression) -> String {
        let format = match self {
            Self::Parquet => "parquet",
            Self::Ndjson => "ndjson",
            Self::Delimited => "csv",
            Self::Combined => "combined",
        };
        match compression {
            LogCompression::None => format.into(),
            LogCompression::Gzip => format!("{format}.gz"),
            LogCompression::Zstd => format!("{format}.zst"),
        }
    }
}

/// Endings of names of files that have a header, so that an empty one was cut off.
const NEVER_EMPTY: [&str; 14] =
    ["parquet", "parq", "pq", "gz", "gzip", "zst", "zstd", "bz2", "xz", "lz4", "zip", "orc", "avro", "z"];
/// Endings of names that the first bytes must confirm.
const CONFIRMED: [&str; 7] = ["parquet", "parq", "pq", "gz", "gzip", "zst", "zstd"];

/// Detects format and compression from a file's first bytes.
///
/// An empty file is empty text, as rotation leaves it, unless its name says otherwise.
///
/// # Errors
/// The file cannot be read, is encrypted Parquet, or has a name that its first bytes contradict.
pub fn detect(path: &Path, file: &File, source: &Source) -> io::Result<(LogFormat, LogCompression)> {
    let mut head = [0; 4];
    let n = file.read_at(&mut head, 0)?;
    let wrong = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidData, what.to_owned()));
    let (compression, ending) = match head[..n] {
        [b'P', b'A', b'R', b'1'] => return Ok((LogFormat::Parquet, LogCompression::None)),
        [b'P', b'A', b'R', b'E'] => {
            return wrong("it is encrypted Parquet, which cannot be read; decrypt it first");
        }
        [0x1f, 0x8b, ..] => (LogCompression::Gzip, "gz"),
        [0x28, 0xb5, 0x2f, 0xfd] => (LogCompression::Zstd, "zst"),
        // Skippable frames may come first.
        [0x50..=0x5f, 0x2a, 0x4d, 0x18] => (LogCompression::Zstd, "zst"),
        _ => (LogCompression::None, ""),
    };
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
        LogPreset::Canonical => {
            let stem = name.strip_suffix(&format!(".{ending}")).unwrap_or(&name);
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

/// Detects the format by the first character: a brace begins JSON, anything else a header line.
fn sniff(file: &File, compression: LogCompression) -> io::Result<LogFormat> {
    let mut text = [0; 64];
    let mut reader = reader(from_start(file.try_clone()?), compression)?;
    let mut n = 0;
    while n < text.len() {
        match reader.read(&mut text[n..])? {
            0 => break,
            more => n += more,
        }
    }
    let first = text[..n].iter().find(|b| !b.is_ascii_whitespace() && !matches!(b, 0xef | 0xbb | 0xbf));
    Ok(if first == Some(&b'{') { LogFormat::Ndjson } else { LogFormat::Delimited })
}

/// Returns the text of a file, decompressed; several gzip members or zstd frames are one text.
///
/// # Errors
/// The decoder cannot be set up.
pub fn reader(
    raw: impl Read + Send + 'static,
    compression: LogCompression,
) -> io::Result<Box<dyn Read + Send>> {
    Ok(match compression {
        LogCompression::None => Box::new(raw),
        LogCompression::Gzip => {
            let raw = io::BufReader::with_capacity(1 << 18, raw);
            // The decoder reads the header of the first member immediately.
            let decoder = guarded(|| flate2::bufread::MultiGzDecoder::new(raw)).map_err(io::Error::other)?;
            Box::new(Guarded(Some(decoder)))
        }
        LogCompression::Zstd => Box::new(Guarded(Some(zstd::stream::read::Decoder::new(raw)?))),
    })
}

/// A decoder whose panic becomes an error of its file; it is not used again afterwards.
struct Guarded<R>(Option<R>);

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(decoder) = &mut self.0 else { return Ok(0) };
        guarded(|| decoder.read(buffer)).unwrap_or_else(|words| {
            self.0 = None;
            Err(io::Error::other(words))
        })
    }
}

/// Returns a reader of a file from its beginning.
pub const fn from_start(file: File) -> impl Read + Send {
    FromStart { file, at: 0 }
}

/// Reader by position, so that clones of one descriptor do not share a cursor.
struct FromStart {
    file: File,
    at: u64,
}

impl Read for FromStart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read_at(buffer, self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Panics;

    impl Read for Panics {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            panic!("a decoder of others")
        }
    }

    #[test]
    fn an_empty_file_is_empty_text_unless_its_name_says_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let source = Source::bare("edge", crate::config::Log::Requests);
        let detect = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            detect(&path, &File::open(&path).unwrap(), &source).map_err(|e| e.to_string())
        };
        for name in ["a.csv", "a.ndjson", "a.log", "a", "parquet"] {
            assert!(detect(name, b"").is_ok(), "{name}");
        }
        for name in ["a.parquet", "a.snappy.PARQUET", "a.csv.gz", "a.ndjson.zst", "a.pq", "a.csv.bz2"] {
            assert!(detect(name, b"").unwrap_err().starts_with("it has no bytes"), "{name}");
        }
        for name in ["a.parquet", "a.csv.gz", "a.ndjson.zst"] {
            assert!(detect(name, b"PA").unwrap_err().starts_with("its name says"), "{name}");
        }
    }

    #[test]
    fn a_decoder_that_panics_spoils_its_file_alone() {
        for compression in [LogCompression::Gzip, LogCompression::Zstd] {
            let text = reader(Panics, compression).and_then(|mut text| text.read(&mut [0; 8]));
            let error = text.unwrap_err().to_string();
            assert_eq!(error, "the decoder gave up, so the file is corrupt: a decoder of others");
        }
    }
}
