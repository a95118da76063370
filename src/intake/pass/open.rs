//! Open: what must be known of a file before its rows are read.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::error::Trouble;
use crate::intake::files::bytes::decompress::LogCompression;
use crate::intake::files::bytes::log_bytes::{LogBytes, LogPlace};
use crate::intake::files::detect::{self, LogFormat};
use crate::intake::files::find::LogFile;
use crate::intake::files::head::{self, CsvHeader, JsonObjects};
use crate::intake::formats::lines::{CHUNK, Stop};
use crate::intake::formats::parquet::{self, LogColumns};
use crate::intake::rows::source_reader::SourceReader;
use crate::intake::workers;

/// A file that is ready to be read.
///
/// Each work item opens it anew: a day may have more files than a process may hold open.
pub struct Open {
    pub place: LogPlace,
    pub source_reader: usize,
    pub format: LogFormat,
    pub compression: LogCompression,
    pub columns: Option<LogColumns>,
    pub header: Option<CsvHeader>,
    pub size: u64,
    pub can_split: bool,
}

impl Open {
    /// Returns why reading stopped: a file that its store does not give is trouble, not a bad file.
    pub fn stop(&self, stop: Stop) -> Stop {
        match stop {
            Stop::File(reason) => self.place.trouble().map_or(Stop::File(reason), Stop::Run),
            other => other,
        }
    }
}

/// A file that is ready, why it cannot be read, or nothing for one that is not wanted.
type Opened = Result<Option<Open>, String>;

/// Objects that are opened at a time: each needs an answer or two of its store, and no core.
const AT_A_TIME: usize = 16;

/// Opens all wanted files; of those that cannot be read it returns the reason.
///
/// # Errors
/// [`Trouble::Store`]: a store does not give a file.
pub fn open_all(
    files: &[LogFile],
    reader_of: &[usize],
    source_readers: &[SourceReader],
    is_wanted: &(dyn Fn(usize) -> bool + Sync),
) -> Result<Vec<Opened>, Trouble> {
    let objects = files.iter().filter(|file| matches!(file.place, LogPlace::Object(_))).count();
    let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let work = || -> Result<Vec<(usize, Opened)>, Trouble> {
        let mut opened = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = files.get(n) else { break };
            if !is_wanted(n) {
                opened.push((n, Ok(None)));
                continue;
            }
            let open = open(file, reader_of[n], source_readers).map(Some);
            if open.is_err()
                && let Some(trouble) = file.place.trouble()
            {
                is_over.store(true, Ordering::Relaxed);
                return Err(trouble);
            }
            opened.push((n, open));
        }
        Ok(opened)
    };
    let parts: Vec<_> = if objects == 0 { vec![work()] } else { workers::run(objects.min(AT_A_TIME), work) };
    let mut opened = Vec::new();
    for part in parts {
        opened.extend(part?);
    }
    opened.sort_by_key(|(n, _)| *n);
    Ok(opened.into_iter().map(|(_, open)| open).collect())
}

/// Opens a file: finds its format, its columns or header, and whether it may be cut into chunks.
///
/// # Errors
/// The reason why the file cannot be read.
fn open(log: &LogFile, source_reader: usize, source_readers: &[SourceReader]) -> Result<Open, String> {
    let explain = |e: io::Error| detect::explain(&log.path, &e);
    let file = LogBytes::open(&log.place).map_err(explain)?;
    let source = source_readers[source_reader].source();
    let (format, compression) = detect::detect(&log.path, &file, source).map_err(explain)?;
    let size = file.size().map_err(explain)?;
    let mut open = Open {
        place: log.place.clone(),
        source_reader,
        format,
        compression,
        columns: None,
        header: None,
        size,
        can_split: false,
    };
    if format == LogFormat::Parquet {
        open.columns = Some(parquet::open(&file, &source_readers[source_reader])?);
    } else if compression == LogCompression::None && size > CHUNK {
        let is_delimited = format == LogFormat::Delimited;
        let head = head::head(&file, size).map_err(explain)?;
        open.header = head.header.filter(|_| is_delimited && source.has_header);
        let is_known = open.header.is_some() || !is_delimited || !source.has_header;
        // Splitting needs line feeds that are record ends; quotes can hide them.
        let reader = &source_readers[source_reader];
        let is_stream = match format {
            LogFormat::Foreign => head.objects != JsonObjects::InLines,
            LogFormat::Ndjson => head.objects == JsonObjects::Spread,
            LogFormat::Parquet | LogFormat::Delimited | LogFormat::Combined => false,
        };
        let needs_order = reader.repeated_hour().is_some() || reader.has_headers() || is_stream;
        open.can_split =
            head.has_line_feeds && is_known && !needs_order && !(is_delimited && head.has_quotes);
        if needs_order {
            open.header = None;
        }
    }
    Ok(open)
}
