//! Text logs: lines of plain and compressed files to rows, chunk by chunk.

mod programs;
mod row_list;
#[cfg(test)]
mod tests;
mod wrapped;

use std::io::{self, Read};
use std::path::Path;

use super::csv::Layout;
use super::foreign::{self, ForeignReader, Unwrapper};
use super::frame::{self, LineEnds, QuotedRecords, RecordEnd};
use super::ndjson_template::Templates;
use super::{access_log, ndjson};
use crate::config::LogPreset;
use crate::error::Trouble;
use crate::intake::counting::notes::evidence::RowPlace;
use crate::intake::counting::worker_counts::WorkerCounts;
use crate::intake::files::bytes::log_bytes::LogBytes;
use crate::intake::files::content_hash::{self, PIECE, PieceHash};
use crate::intake::files::detect::LogFormat;
use crate::intake::meter::Meter;
use crate::intake::rows::raw_row::RawRow;
use crate::intake::rows::sketch::Sketch;
use crate::intake::rows::source_reader::SourceReader;

pub use programs::ProgramRows;
use row_list::RowList;

/// Bytes per chunk of a plain file, which workers share: the pieces of its hash.
pub const CHUNK: u64 = PIECE as u64;
/// Bytes of text that are decoded per step.
const STEP: usize = 1 << 20;
/// Limit on bytes of a log line; a longer one is quarantined.
///
/// One broken file can then not take all memory.
const MAX_LINE: usize = 16 << 20;

/// Reason why reading stopped.
#[derive(Debug)]
pub enum Stop {
    /// This file cannot be read; the others can.
    File(String),
    /// This chunk has quotes or another header, so its file must be read in one piece.
    InOnePiece,
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
    foreign: Option<ForeignReader<'a>>,
    unwrapper: Unwrapper,
    row_list: Option<RowList>,
    /// True if the text is JSON objects, wherever its lines end.
    is_stream: bool,
    header: Vec<u8>,
    /// Why the rows after a header inside the text cannot be read.
    refusal: Option<String>,
    /// Line ends of the text, once one is known.
    ends: Option<LineEnds>,
    is_chunk: bool,
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
            foreign: source_reader.foreign(),
            unwrapper: Unwrapper::default(),
            row_list: RowList::of(&source_reader.mapping).filter(|_| format == LogFormat::Ndjson),
            is_stream: false,
            header: Vec::new(),
            refusal: None,
            ends: None,
            is_chunk: false,
            file,
            chunk,
            spill,
            lines: 0,
        }
    }

    /// Returns a parser for a chunk of a file whose lines end in line feeds, with the header of
    /// the file.
    ///
    /// # Errors
    /// [`Stop::File`], if the header names no known column, one twice, or lacks one of the config.
    pub fn for_chunk(mut self, header: Option<&[u8]>) -> Result<Self, Stop> {
        (self.is_chunk, self.ends) = (true, Some(LineEnds::LineFeed));
        if let Some(header) = header {
            self.take_header(header)?;
        }
        Ok(self)
    }

    /// Takes the header line of the file.
    ///
    /// # Errors
    /// [`Stop::File`], if the header names no known column, one twice, or lacks one of the config.
    fn take_header(&mut self, header: &[u8]) -> Result<(), Stop> {
        if let Some(reason) = frame::foreign_encoding(header) {
            return Err(Stop::File(reason));
        }
        let header = frame::bare(header.strip_suffix(b"\r").unwrap_or(header));
        let layout =
            Layout::from_header(header, self.source_reader.source().delimiter, &self.source_reader.mapping);
        self.layout = Some(layout.map_err(Stop::File)?.sketching(self.source_reader));
        self.header = header.to_vec();
        Ok(())
    }

    /// Takes another header, inside the text: the rows after it are read by it.
    ///
    /// If it cannot be used, they are quarantined up to the next header.
    ///
    /// # Errors
    /// [`Stop::InOnePiece`], if this is a chunk and the columns differ from those of its header:
    /// the chunks after it cannot know of it.
    fn change_header(
        &mut self,
        header: &[u8],
        place: RowPlace,
        counts: &mut WorkerCounts,
    ) -> Result<(), Stop> {
        let mapping = &self.source_reader.mapping;
        let layout = Layout::from_header(header, self.source_reader.source().delimiter, mapping);
        let is_like = |new: &Layout| self.layout.as_ref().is_some_and(|layout| layout.is_like(new));
        if self.refusal.is_none() && layout.as_ref().is_ok_and(is_like) {
            return Ok(());
        }
        if self.is_chunk {
            return Err(Stop::InOnePiece);
        }
        // The same bytes now mean something else.
        counts.memo.clear();
        self.refusal = layout.as_ref().err().map(|why| {
            format!("it stands below another header, in line {}, that cannot be used: {why}", place.row)
        });
        if let Ok(layout) = layout {
            self.layout = Some(layout.sketching(self.source_reader));
            self.header = header.to_vec();
        }
        Ok(())
    }

    /// Parses whole records from the beginning of `text`, and returns how many bytes they took.
    ///
    /// # Errors
    /// [`Stop::File`] for an unusable header or text, [`Stop::InOnePiece`] for a chunk that needs
    /// the text before it, [`Stop::Run`] if spilling to disk failed.
    pub fn parse(&mut self, text: &[u8], is_end: bool, counts: &mut WorkerCounts) -> Result<usize, Stop> {
        let (mut row, mut sketch) = (RawRow::new(), Sketch::new());
        if self.lines == 0
            && let Some(reason) = frame::foreign_encoding(text)
        {
            return Err(Stop::File(reason));
        }
        if self.lines == 0 && !self.is_chunk {
            self.is_stream |= (self.format == LogFormat::Foreign && foreign::is_stream(text))
                || (self.format == LogFormat::Ndjson && foreign::is_spread(text));
        }
        if self.is_stream {
            return self.parse_stream(text, is_end, counts);
        }
        self.ends = self.ends.or_else(|| LineEnds::of(text, is_end));
        let ends = self.ends.unwrap_or(LineEnds::LineFeed);
        let delimiter = self.source_reader.source().delimiter;
        let may_be_open = self.format == LogFormat::Delimited && memchr::memchr(b'"', text).is_some();
        let mut quoted = QuotedRecords::new(delimiter, ends);
        let mut at = 0;
        while at < text.len() {
            if text[at] == 0 {
                at += frame::nuls(&text[at..]);
                continue;
            }
            let Some((mut length, mut step)) = ends.line(&text[at..], is_end) else { break };
            let mut lines = 1;
            if may_be_open && frame::is_open(&text[at..at + length], delimiter) {
                let is_row = |line: &[u8], inside: usize| {
                    self.layout.as_ref().is_some_and(|layout| layout.is_row(line, inside, self.source_reader))
                };
                match quoted.end(text, at, step, is_end, is_row) {
                    RecordEnd::At(whole, next, more) => (length, step, lines) = (whole, next, more),
                    RecordEnd::NeedsMore => break,
                    RecordEnd::Stray => {
                        let reason = "a quote opens a field and is not closed as it should be, before a delimiter \
                            or a line end; its writer must close it, or write quotes twice inside quotes";
                        counts.quarantine(self.place(), reason.into(), &text[at..at + length]);
                        self.lines += 1;
                        at += step;
                        continue;
                    }
                }
            }
            let place = self.place();
            self.lines += lines;
            let line = &text[at..at + length];
            at += step;
            let mut line = line.strip_suffix(b"\r").unwrap_or(line);
            if matches!(line, [0 | 0xef, ..] | [.., 0]) {
                line = frame::bare(line);
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            self.line(line, place, &mut row, &mut sketch, counts)?;
        }
        if is_end {
            self.finish_lines(counts)?;
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
        if self.foreign.is_some() {
            return self.foreign_line(line, place, counts);
        }
        if self.row_list.is_some() {
            return self.listed_rows(line, place, counts);
        }
        let is_sketched = self.refusal.is_none()
            && counts.memo.is_worth_it()
            && match (self.format, &self.layout) {
                (LogFormat::Ndjson, _) => self.templates.sketch(line, sketch),
                (LogFormat::Delimited, Some(layout)) => layout.sketch(line, sketch),
                _ => false,
            };
        if is_sketched && counts.post_sketched(self.source_reader, sketch, &place, self.spill)? {
            return Ok(());
        }
        if memchr::memchr2(0, b'\r', line).is_some()
            && let rows @ [_, _, ..] = &*frame::rows_of_line(line, |part| self.is_whole(part))
        {
            for (at, part) in (0..).zip(rows) {
                let place = RowPlace { row: place.row + at, ..place };
                self.lines += u64::from(at > 0);
                self.line(part, place, row, sketch, counts)?;
            }
            return Ok(());
        }
        if self.source_reader.source().preset == LogPreset::WhatsappWebhook {
            let unread = counts.post_payload(self.source_reader, line, None, place, self.spill)?;
            if let Some(reason) = unread
                && !self.wrapped(line, place, counts)?
            {
                // No excerpt: a payload holds names and private messages.
                counts.quarantine_line(place, reason, &[], line.len());
            }
            return Ok(());
        }
        row.clear();
        let read = match self.format {
            LogFormat::Ndjson => ndjson::read(line, &mut self.tree, row),
            LogFormat::Combined => access_log::read(line, row),
            LogFormat::Foreign => return Ok(()),
            LogFormat::Delimited | LogFormat::Parquet => match &self.layout {
                None => return self.take_header(line),
                // Files that were joined with `cat` repeat their header.
                Some(_) if line == self.header && self.refusal.is_none() => return Ok(()),
                Some(layout) if layout.is_blank(line) => return Ok(()),
                Some(layout) => {
                    let read = layout.read(line, row);
                    let reader = self.source_reader;
                    if reader.source().has_header
                        && !reader.has_time(row)
                        && layout.is_header(line, &reader.mapping)
                    {
                        return self.change_header(line, place, counts);
                    }
                    self.refusal.clone().map_or(read, Err)
                }
            },
        };
        let is_own = match &read {
            Ok(()) => self.format != LogFormat::Ndjson || self.source_reader.names_time(row),
            Err(_) => self.format == LogFormat::Delimited,
        };
        if !is_own && self.wrapped(line, place, counts)? {
            return Ok(());
        }
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

    /// Returns whether a part of a line is a row by itself.
    fn is_whole(&self, part: &[u8]) -> bool {
        let part = frame::bare(part).trim_ascii();
        match self.format {
            LogFormat::Ndjson => part.starts_with(b"{") && part.ends_with(b"}"),
            LogFormat::Combined => access_log::read(part, &mut RawRow::new()).is_ok(),
            LogFormat::Foreign => false,
            LogFormat::Delimited | LogFormat::Parquet => {
                self.layout.as_ref().is_some_and(|layout| layout.is_as_wide(part))
            }
        }
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
            match parser.ends.unwrap_or(LineEnds::LineFeed).line(&text, false) {
                Some((_, step)) => {
                    passed += step as u64;
                    text.drain(..step);
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
        meter.rows(parser.lines - before)?;
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
/// [`Stop::File`] if the file cannot be read, [`Stop::InOnePiece`] if a CSV chunk has quotes or
/// another header, [`Stop::Run`] if spilling to disk failed.
pub fn read_chunk(
    file: &LogBytes,
    range: std::ops::Range<u64>,
    first: u64,
    size: u64,
    parser: &mut TextParser<'_>,
    counts: &mut WorkerCounts,
) -> Result<PieceHash, Stop> {
    // One buffer per worker: the kernel would zero a fresh one page by page, for every chunk.
    let mut text = std::mem::take(&mut counts.buffer);
    let read = chunk(file, range, first, size, &mut text, parser, counts);
    counts.buffer = text;
    read
}

fn chunk(
    file: &LogBytes,
    range: std::ops::Range<u64>,
    first: u64,
    size: u64,
    text: &mut Vec<u8>,
    parser: &mut TextParser<'_>,
    counts: &mut WorkerCounts,
) -> Result<PieceHash, Stop> {
    let unreadable = |e: io::Error| Stop::File(format!("{e}, at byte {}", range.start));
    // One byte before the range shows whether a line begins right at its start.
    let from = range.start.saturating_sub(1);
    text.resize((range.end - from) as usize, 0);
    file.read_exact_at(text, from).map_err(unreadable)?;
    let number = range.start / PIECE as u64;
    let hash = content_hash::hash(&text[(range.start - from) as usize..], number);
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
        return Err(Stop::InOnePiece);
    }
    let mut at = range.end;
    let mut is_too_long = false;
    // Where the last line begins, which may end behind the range.
    let last = memchr::memrchr(b'\n', &text[skip..]).map_or(skip, |n| skip + n + 1);
    while text.last() != Some(&b'\n') && at < size {
        // NULs in front of the row do not count, however many they are.
        if frame::nuls(&text[last..]) == text.len() - last {
            text.truncate(last);
        }
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
        parser.parse(&text[skip..last], true, counts)?;
        parser.too_long(&text[last..(last + 1_024).min(text.len())], counts);
    } else {
        parser.parse(&text[skip..], true, counts)?;
    }
    Ok(hash)
}
