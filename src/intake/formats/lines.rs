//! Text logs: lines of plain, gzip and zstd files to rows, chunk by chunk.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::csv::{self, Layout};
use super::ndjson_template::Templates;
use super::{access_log, ndjson};
use crate::config::LogPreset;
use crate::error::Trouble;
use crate::intake::counting::evidence::RowPlace;
use crate::intake::counting::worker_counts::WorkerCounts;
use crate::intake::files::content_hash::{self, PIECE};
use crate::intake::files::detect::LogFormat;
use crate::intake::meter::Meter;
use crate::intake::rows::raw_row::RawRow;
use crate::intake::rows::sketch::Sketch;
use crate::intake::rows::source_reader::SourceReader;

/// Bytes per chunk of a plain file, which workers share: the pieces of its hash.
pub const CHUNK: u64 = PIECE as u64;
/// Bytes of text that are decoded per step.
const STEP: usize = 1 << 20;
/// Limit on bytes of a log line; a longer one is quarantined.
///
/// One broken file can then not take all memory.
const MAX_LINE: usize = 16 << 20;
/// Limit on bytes of a quoted CSV record; one still open after this has an unclosed quote.
const MAX_QUOTED: usize = 64 << 10;

/// Reason why reading stopped.
#[derive(Debug)]
pub enum Stop {
    /// This file cannot be read; the others can.
    File(String),
    /// This chunk has quotes, so its file must be read in one piece.
    Quoted,
    /// The run cannot go on.
    Run(Trouble),
}

impl std::convert::From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Run(trouble)
    }
}

/// Parser that turns the text of one file, or of one chunk of it, into rows.
pub struct TextParser<'a> {
    source_reader: &'a SourceReader,
    format: LogFormat,
    tree: ndjson::Tree,
    templates: Templates,
    layout: Option<Layout>,
    header: Vec<u8>,
    file: u32,
    chunk: u32,
    spill: &'a Path,
    /// Lines of this chunk that were parsed so far.
    pub lines: u64,
}

impl<'a> TextParser<'a> {
    pub fn new(
        source_reader: &'a SourceReader,
        format: LogFormat,
        file: u32,
        chunk: u32,
        spill: &'a Path,
    ) -> Self {
        let source = source_reader.source();
        let layout = (format == LogFormat::Delimited && !source.has_header)
            .then(|| Layout::by_position(source.delimiter, &source_reader.mapping));
        let tree = ndjson::Tree::of(&source_reader.mapping);
        let templates = Templates::of(source_reader);
        Self {
            source_reader,
            format,
            tree,
            templates,
            layout,
            header: Vec::new(),
            file,
            chunk,
            spill,
            lines: 0,
        }
    }

    /// Takes a header line that was read before.
    ///
    /// # Errors
    /// [`Stop::File`], if the header names no known column or lacks one of the config.
    pub fn take_header(&mut self, header: &[u8]) -> Result<(), Stop> {
        let header = header.strip_suffix(b"\r").unwrap_or(header);
        let layout =
            Layout::from_header(header, self.source_reader.source().delimiter, &self.source_reader.mapping);
        self.layout = Some(layout.map_err(Stop::File)?.sketching(self.source_reader));
        self.header = header.to_vec();
        Ok(())
    }

    /// Parses whole records from the beginning of `text`, and returns how many bytes they took.
    ///
    /// # Errors
    /// [`Stop::File`] for an unusable header, [`Stop::Run`] if spilling to disk failed.
    pub fn parse(&mut self, text: &[u8], is_end: bool, counts: &mut WorkerCounts) -> Result<usize, Stop> {
        let (mut row, mut sketch) = (RawRow::new(), Sketch::new());
        let may_be_open = self.format == LogFormat::Delimited && memchr::memchr(b'"', text).is_some();
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let (mut length, mut step) = match memchr::memchr(b'\n', rest) {
                Some(n) => (n, n + 1),
                None if is_end => (rest.len(), rest.len()),
                None => break,
            };
            let mut lines = 1;
            if may_be_open && csv::is_open(&rest[..length], self.source_reader.source().delimiter) {
                match record_end(rest, self.source_reader.source().delimiter, is_end) {
                    RecordEnd::At(n, more) => (length, step, lines) = (n, (n + 1).min(rest.len()), more),
                    RecordEnd::NeedsMore if !is_end => break,
                    // Only the first line is bad; the next line may be a record again.
                    RecordEnd::NeedsMore | RecordEnd::Never => {
                        let place = self.place();
                        let line = &rest[..length];
                        counts.quarantine(place, "a quote is opened and never closed".into(), line);
                        self.lines += 1;
                        at += step;
                        continue;
                    }
                }
            }
            let place = self.place();
            self.lines += lines;
            at += step;
            let line = &rest[..length];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let line = if place.row == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            self.line(line, place, &mut row, &mut sketch, counts)?;
        }
        Ok(at)
    }

    fn line<'b>(
        &mut self,
        line: &'b [u8],
        place: RowPlace,
        row: &mut RawRow<'b>,
        sketch: &mut Sketch<'b>,
        counts: &mut WorkerCounts,
    ) -> Result<(), Stop> {
        if self.source_reader.source().preset == LogPreset::WhatsappWebhook {
            return Ok(counts.post_payload(self.source_reader, line, place, self.spill)?);
        }
        let is_sketched = counts.memo.is_worth_it()
            && match (self.format, &self.layout) {
                (LogFormat::Ndjson, _) => self.templates.sketch(line, sketch),
                (LogFormat::Delimited, Some(layout)) => layout.sketch(line, sketch),
                _ => false,
            };
        if is_sketched && counts.post_sketched(self.source_reader, sketch, &place, self.spill)? {
            return Ok(());
        }
        row.clear();
        let read = match self.format {
            LogFormat::Ndjson => ndjson::read(line, &mut self.tree, row),
            LogFormat::Combined => access_log::read(line, row),
            LogFormat::Delimited | LogFormat::Parquet => match &self.layout {
                None => return self.take_header(line),
                // Files that were joined with `cat` repeat their header.
                Some(_) if line == self.header => return Ok(()),
                Some(layout) => layout.read(line, row),
            },
        };
        match read {
            Ok(()) => {
                counts.post(self.source_reader, row, place, || line.to_vec(), self.spill)?;
                if is_sketched {
                    counts.learn(sketch);
                } else if self.format == LogFormat::Ndjson {
                    self.templates.learn(line, &self.tree, self.source_reader);
                }
            }
            Err(reason) => counts.quarantine(place, reason, line),
        }
        Ok(())
    }

    fn place(&self) -> RowPlace {
        RowPlace { file: self.file, chunk: self.chunk, row: self.lines + 1 }
    }

    fn too_long(&mut self, start: &[u8], counts: &mut WorkerCounts) {
        // A payload is never shown, because it holds private messages.
        let is_payload = self.source_reader.source().preset == LogPreset::WhatsappWebhook;
        let shown = if is_payload { &[] } else { start };
        counts.quarantine(self.place(), format!("a line of more than {} MiB", MAX_LINE >> 20), shown);
        self.lines += 1;
    }
}

enum RecordEnd {
    /// Position of the line end, and the number of lines of the record.
    At(usize, u64),
    NeedsMore,
    Never,
}

/// Returns the end of a record whose first line ends inside quotes.
fn record_end(text: &[u8], delimiter: u8, is_end: bool) -> RecordEnd {
    let window = &text[..text.len().min(MAX_QUOTED)];
    let mut lines = 1;
    for end in memchr::memchr_iter(b'\n', window) {
        if !csv::is_open(&window[..end], delimiter) {
            return RecordEnd::At(end, lines);
        }
        lines += 1;
    }
    if is_end && window.len() == text.len() && !csv::is_open(window, delimiter) {
        return RecordEnd::At(window.len(), lines);
    }
    if text.len() >= MAX_QUOTED { RecordEnd::Never } else { RecordEnd::NeedsMore }
}

/// Reads a whole text, compressed or not, from its beginning.
///
/// # Errors
/// [`Stop::File`] with the position, if the file is truncated or corrupt; [`Stop::Run`] if spilling
/// to disk failed.
pub fn read_stream(
    mut reader: impl Read,
    parser: &mut TextParser<'_>,
    counts: &mut WorkerCounts,
    meter: &Meter,
) -> Result<(), Stop> {
    let mut text = Vec::with_capacity(STEP * 2);
    let mut passed = 0_u64;
    let mut is_skipping = false;
    loop {
        let had = text.len();
        let broken = |e: &io::Error, at: u64, line: u64| {
            Stop::File(format!("{e}, {at} bytes into its text (after line {line})"))
        };
        (&mut reader)
            .take(STEP as u64)
            .read_to_end(&mut text)
            .map_err(|e| broken(&e, passed + text.len() as u64, parser.lines))?;
        let is_end = text.len() == had;
        if is_skipping {
            match memchr::memchr(b'\n', &text) {
                Some(n) => {
                    passed += n as u64 + 1;
                    text.drain(..=n);
                    is_skipping = false;
                }
                None if is_end => return Ok(()),
                None => {
                    passed += text.len() as u64;
                    text.clear();
                    continue;
                }
            }
        }
        let before = parser.lines;
        let used = parser.parse(&text, is_end, counts)?;
        meter.rows(parser.lines - before);
        passed += used as u64;
        if is_end {
            return Ok(());
        }
        if used == 0 && text.len() > MAX_LINE {
            parser.too_long(&text[..1_024], counts);
            passed += text.len() as u64;
            text.clear();
            is_skipping = true;
        } else {
            text.drain(..used);
        }
    }
}

/// Reads the lines that begin in `range` of a plain file, and returns the hash of its bytes.
///
/// `size` is the length of the file. Lines before byte `first` (the header) are not read, but they
/// are hashed if they lie in the range.
///
/// # Errors
/// [`Stop::File`] if the file cannot be read, [`Stop::Quoted`] if a CSV chunk has quotes,
/// [`Stop::Run`] if spilling to disk failed.
pub fn read_chunk(
    file: &File,
    range: std::ops::Range<u64>,
    first: u64,
    size: u64,
    parser: &mut TextParser<'_>,
    counts: &mut WorkerCounts,
) -> Result<u128, Stop> {
    // One buffer per worker: the kernel would zero a fresh one page by page, for every chunk.
    let mut text = std::mem::take(&mut counts.buffer);
    let read = chunk(file, range, first, size, &mut text, parser, counts);
    counts.buffer = text;
    read
}

fn chunk(
    file: &File,
    range: std::ops::Range<u64>,
    first: u64,
    size: u64,
    text: &mut Vec<u8>,
    parser: &mut TextParser<'_>,
    counts: &mut WorkerCounts,
) -> Result<u128, Stop> {
    let unreadable = |e: io::Error| Stop::File(format!("{e}, at byte {}", range.start));
    // One byte before the range shows whether a line begins right at its start.
    let from = range.start.saturating_sub(1);
    text.resize((range.end - from) as usize, 0);
    file.read_exact_at(text, from).map_err(unreadable)?;
    let hash = content_hash::hash(&text[(range.start - from) as usize..]);
    let skip = if range.start > first {
        match memchr::memchr(b'\n', text) {
            Some(n) => n + 1,
            None => return Ok(hash),
        }
    } else {
        (first - from) as usize
    };
    if skip == text.len() {
        return Ok(hash);
    }
    if parser.format == LogFormat::Delimited && memchr::memchr(b'"', &text[skip..]).is_some() {
        return Err(Stop::Quoted);
    }
    let mut at = range.end;
    let mut is_too_long = false;
    while text.last() != Some(&b'\n') && at < size {
        let step = (size - at).min(1 << 16) as usize;
        let had = text.len();
        text.resize(had + step, 0);
        file.read_exact_at(&mut text[had..], at).map_err(unreadable)?;
        at += step as u64;
        if let Some(n) = memchr::memchr(b'\n', &text[had..]) {
            text.truncate(had + n + 1);
        } else if text.len() > MAX_LINE + CHUNK as usize {
            is_too_long = true;
            break;
        }
    }
    if is_too_long {
        let last = memchr::memrchr(b'\n', text).map_or(skip, |n| n + 1);
        parser.parse(&text[skip..last], true, counts)?;
        parser.too_long(&text[last..(last + 1_024).min(text.len())], counts);
    } else {
        parser.parse(&text[skip..], true, counts)?;
    }
    Ok(hash)
}
