//! Detect: finds the format of a file by its first bytes, its preset and its name, in this order.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use flate2::bufread::GzDecoder;

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
        LogPreset::Format => LogFormat::Foreign,
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
    let mut text = [0; 4_096];
    let mut reader = reader(from_start(file.try_clone()?), compression)?;
    let is_before = |b: &u8| b.is_ascii_whitespace() || matches!(b, 0 | 0xef | 0xbb | 0xbf);
    loop {
        let n = reader.read(&mut text)?;
        match text[..n].iter().find(|b| !is_before(b)) {
            Some(b'{') => return Ok(LogFormat::Ndjson),
            None if n > 0 => {}
            _ => return Ok(LogFormat::Delimited),
        }
    }
}

/// Returns the text of a file, decompressed; several gzip members or zstd frames are one text.
///
/// # Errors
/// The decoder cannot be set up.
pub fn reader(
    raw: impl Read + Send + 'static,
    compression: LogCompression,
) -> io::Result<Box<dyn Read + Send>> {
    let buffered = |raw| io::BufReader::with_capacity(1 << 18, raw);
    Ok(match compression {
        LogCompression::None => Box::new(raw),
        LogCompression::Gzip => Box::new(Guarded(Some(Members::<GzDecoder<_>>::new(buffered(raw))?))),
        LogCompression::Zstd => {
            Box::new(Guarded(Some(Members::<zstd::stream::read::Decoder<'_, _>>::new(buffered(raw))?)))
        }
    })
}

/// A decoder of one gzip member or one zstd frame.
trait MemberDecoder: Read + Sized {
    type Raw: BufRead;
    fn begin(raw: Self::Raw) -> io::Result<Self>;
    /// Returns the bytes behind the member.
    fn rest(self) -> Self::Raw;
}

impl<R: BufRead> MemberDecoder for GzDecoder<R> {
    type Raw = R;

    fn begin(raw: R) -> io::Result<Self> {
        // The decoder reads the header of the member immediately.
        guarded(|| Self::new(raw)).map_err(io::Error::other)
    }

    fn rest(self) -> R {
        self.into_inner()
    }
}

impl<R: BufRead> MemberDecoder for zstd::stream::read::Decoder<'static, R> {
    type Raw = R;

    fn begin(raw: R) -> io::Result<Self> {
        Ok(zstd::stream::read::Decoder::with_buffer(raw)?.single_frame())
    }

    fn rest(self) -> R {
        self.finish()
    }
}

/// Text of all members of a file, one after the other.
///
/// Zeros behind a member are no mistake: block devices and some archivers fill up with them, and
/// `gzip -d` takes them too. Anything else there fails the file.
struct Members<D>(Option<D>);

impl<D: MemberDecoder> Members<D> {
    fn new(raw: D::Raw) -> io::Result<Self> {
        D::begin(raw).map(|decoder| Self(Some(decoder)))
    }
}

impl<D: MemberDecoder> Read for Members<D> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(decoder) = &mut self.0 {
            let n = decoder.read(buffer)?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            let Some(mut raw) = self.0.take().map(D::rest) else { break };
            loop {
                let bytes = raw.fill_buf()?;
                let (all, zeros) = (bytes.len(), bytes.iter().take_while(|byte| **byte == 0).count());
                raw.consume(zeros);
                if all == 0 {
                    return Ok(0);
                }
                if zeros < all {
                    break;
                }
            }
            self.0 = Some(D::begin(raw)?);
        }
        Ok(0)
    }
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

    #[test]
    fn zeros_behind_the_last_member_are_skipped_and_anything_else_fails_the_file() {
        use std::io::Write;
        let gzip = |text: &[u8]| {
            let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            to.write_all(text).unwrap();
            to.finish().unwrap()
        };
        let zstd = |text: &[u8]| zstd::encode_all(text, 1).unwrap();
        // A frame of zstd without text.
        let skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec();
        for compression in [LogCompression::Gzip, LogCompression::Zstd] {
            let is_gzip = compression == LogCompression::Gzip;
            let pack = |text: &[u8]| if is_gzip { gzip(text) } else { zstd(text) };
            let extra = if is_gzip { Vec::new() } else { skippable.clone() };
            let zeros = vec![0; 600_000];
            let read = |bytes: Vec<u8>| {
                let mut text = String::new();
                reader(io::Cursor::new(bytes), compression)?.read_to_string(&mut text).map(|_| text)
            };
            let whole = [&*extra, &*pack(b"one\n"), &extra, &zeros, &pack(b"two\n"), &extra].concat();
            assert_eq!(read([&*whole, &zeros].concat()).unwrap(), "one\ntwo\n");
            assert_eq!(read([&*whole, b"\0"].concat()).unwrap(), "one\ntwo\n");
            assert!(read([&*whole, &zeros, b"x"].concat()).is_err(), "{compression:?}");
            assert!(read([&*whole, b"2026-11-20T10:00:00Z"].concat()).is_err(), "{compression:?}");
            // A member that is torn is no end.
            assert!(read(pack(b"one\n")[..10].to_vec()).is_err(), "{compression:?}");
        }
    }

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
