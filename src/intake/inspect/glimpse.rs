//! Glimpse: the beginning and the end of a log file as one text.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::Type;

use super::GlimpseLimits;
use crate::config::{Log, Source};
use crate::error::guarded;
use crate::intake::files::bytes::decompress::{self, LogCompression};
use crate::intake::files::bytes::log_bytes::{LogBytes, LogPlace};
use crate::intake::files::detect::{self, LogFormat};
use crate::intake::formats::parquet::{Positioned, write_row};

/// Longest first line that is read whole: exports of some programs are one line.
const LONGEST_LINE: usize = 64 << 20;
/// Bytes of compressed text that are decoded to find its end.
const MOST_DECODED: u64 = 512 << 20;
/// Rows of Parquet that are read from the beginning and from the end.
const PARQUET_ROWS: usize = 10_000;
/// Limit on bytes of a Parquet column in a row group that is looked at.
const MOST_COLUMN: i64 = 64 << 20;

/// What was seen of a file.
#[derive(Debug)]
pub struct Glimpse {
    /// Whole lines; header lines of the beginning hold for the end too.
    pub text: Vec<u8>,
    /// True if it is all that the file has.
    pub is_whole: bool,
    /// True if the end of the file was not reached.
    pub is_open: bool,
    /// How the file is stored: `parquet`, `gzip`, `zstd`, `xz`, `bzip2`, or empty.
    pub stored: &'static str,
}

/// Reads the beginning and the end of a file.
///
/// # Errors
/// The file cannot be opened or decoded; the message says why.
pub fn read(path: &Path, place: &LogPlace, limits: &GlimpseLimits) -> Result<Glimpse, String> {
    let file = LogBytes::open(place).map_err(|e| detect::explain(path, &e))?;
    let any = Source::bare("inspect", Log::Requests);
    let (format, compression) = detect::detect(path, &file, &any).map_err(|e| detect::explain(path, &e))?;
    if format == LogFormat::Parquet {
        return rows_of_parquet(&file);
    }
    let stored = match compression {
        LogCompression::None => return plain(&file, limits).map_err(|e| e.to_string()),
        LogCompression::Gzip => "gzip",
        LogCompression::Zstd => "zstd",
        LogCompression::Xz => "xz",
        LogCompression::Bzip2 => "bzip2",
    };
    let text = decompress::reader(file.reader(), compression).map_err(|e| e.to_string())?;
    decoded(text, stored, limits).map_err(|e| e.to_string())
}

fn plain(file: &LogBytes, limits: &GlimpseLimits) -> io::Result<Glimpse> {
    let size = file.size()?;
    let both = limits.head_bytes + limits.tail_bytes;
    let mut text =
        read_at(file, 0, size.min(if size <= both as u64 { both } else { limits.head_bytes } as u64))?;
    if text.len() as u64 == size {
        return Ok(Glimpse { text, is_whole: true, is_open: false, stored: "" });
    }
    if memchr::memchr(b'\n', &text).is_none() {
        text = read_at(file, 0, size.min(LONGEST_LINE as u64))?;
        let is_whole = text.len() as u64 == size;
        return Ok(Glimpse { text, is_whole, is_open: !is_whole, stored: "" });
    }
    let tail = read_at(file, size - limits.tail_bytes as u64, limits.tail_bytes as u64)?;
    join(&mut text, &tail);
    Ok(Glimpse { text, is_whole: false, is_open: false, stored: "" })
}

fn read_at(file: &LogBytes, from: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut text = vec![0; length as usize];
    let mut n = 0;
    while n < text.len() {
        match file.read_at(&mut text[n..], from + n as u64)? {
            0 => break,
            more => n += more,
        }
    }
    text.truncate(n);
    Ok(text)
}

fn decoded(mut from: impl Read, stored: &'static str, limits: &GlimpseLimits) -> io::Result<Glimpse> {
    let both = limits.head_bytes + limits.tail_bytes;
    let mut text = Vec::new();
    from.by_ref().take(both as u64).read_to_end(&mut text)?;
    if text.len() < both {
        return Ok(Glimpse { text, is_whole: true, is_open: false, stored });
    }
    if memchr::memchr(b'\n', &text).is_none() {
        from.by_ref().take((LONGEST_LINE - text.len()) as u64).read_to_end(&mut text)?;
        let is_whole = text.len() < LONGEST_LINE;
        return Ok(Glimpse { text, is_whole, is_open: !is_whole, stored });
    }
    // The last pieces are kept while the rest passes by.
    let (mut last, mut piece) = (text.split_off(limits.head_bytes), Vec::new());
    let mut decoded = both as u64;
    let mut is_open = true;
    while decoded < MOST_DECODED {
        piece.clear();
        let n = from.by_ref().take(limits.tail_bytes.max(1 << 16) as u64).read_to_end(&mut piece)?;
        if n == 0 {
            is_open = false;
            break;
        }
        decoded += n as u64;
        last.extend_from_slice(&piece);
        let surplus = last.len().saturating_sub(limits.tail_bytes);
        last.drain(..surplus);
    }
    join(&mut text, &last);
    Ok(Glimpse { text, is_whole: false, is_open, stored })
}

/// Adds the whole lines of the end to those of the beginning.
fn join(head: &mut Vec<u8>, tail: &[u8]) {
    head.truncate(memchr::memrchr(b'\n', head).map_or(0, |at| at + 1));
    if let Some(at) = memchr::memchr(b'\n', tail) {
        head.extend_from_slice(&tail[at + 1..]);
    }
}

/// Reads rows of Parquet as lines of JSON; columns of very much data are left out.
fn rows_of_parquet(file: &LogBytes) -> Result<Glimpse, String> {
    let read = guarded(|| -> Result<Glimpse, parquet::errors::ParquetError> {
        let reader = SerializedFileReader::new(Positioned::new(file)?)?;
        let rows = reader.metadata().file_metadata().num_rows() as usize;
        let groups = reader.num_row_groups();
        let mut text = Vec::new();
        let mut seen = 0;
        for at in [Some(0), groups.checked_sub(1).filter(|last| *last > 0)].into_iter().flatten() {
            if at >= groups || seen >= rows {
                break;
            }
            let group = reader.get_row_group(at)?;
            let Some(columns) = small_columns(group.metadata()) else { continue };
            let skipped = match at {
                0 => 0,
                _ => (group.metadata().num_rows() as usize).saturating_sub(PARQUET_ROWS),
            };
            for row in group.get_row_iter(Some(columns))?.skip(skipped).take(PARQUET_ROWS) {
                write_row(&row?, &mut text);
                seen += 1;
            }
        }
        Ok(Glimpse { text, is_whole: seen == rows, is_open: false, stored: "parquet" })
    })?;
    read.map_err(|e| e.to_string())
}

/// Returns the columns of a row group whose data is not too much for a look.
fn small_columns(group: &RowGroupMetaData) -> Option<Type> {
    let root = group.schema_descr().root_schema();
    let bytes_of = |name: &str| -> i64 {
        let of = group
            .columns()
            .iter()
            .filter(|column| column.column_path().parts().first().is_some_and(|p| p == name));
        of.map(|column| column.uncompressed_size().max(column.compressed_size())).fold(0, i64::saturating_add)
    };
    let is_small = |field: &&Arc<Type>| (0..=MOST_COLUMN).contains(&bytes_of(field.name()));
    let fields: Vec<Arc<Type>> = root.get_fields().iter().filter(is_small).cloned().collect();
    if fields.is_empty() {
        return None;
    }
    Type::group_type_builder(root.name()).with_fields(fields).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginning_and_end_are_whole_lines_of_plain_and_compressed_files() {
        let folder = tempfile::tempdir().unwrap();
        let text: String = (0..1_000).map(|n| format!("line {n:04}\n")).collect();
        let limits = GlimpseLimits { head_bytes: 95, tail_bytes: 47, files: 1 };
        let plain = folder.path().join("a.log");
        std::fs::write(&plain, &text).unwrap();
        let packed = folder.path().join("a.log.zst");
        std::fs::write(&packed, zstd::encode_all(text.as_bytes(), 1).unwrap()).unwrap();
        for path in [plain, packed] {
            let seen = read(&path, &LogPlace::Disk(path.clone()), &limits).unwrap();
            let lines: Vec<&str> = std::str::from_utf8(&seen.text).unwrap().lines().collect();
            assert_eq!(lines.len(), 13, "{lines:?}");
            assert_eq!((lines[0], lines[8], lines[12]), ("line 0000", "line 0008", "line 0999"));
            assert!(!seen.is_whole && !seen.is_open);
        }
        let short = folder.path().join("b.log");
        std::fs::write(&short, "a\nb").unwrap();
        assert!(read(&short, &LogPlace::Disk(short.clone()), &limits).unwrap().is_whole);
    }
}
