//! Map: reads items into the counts of one worker.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::open::Open;
use super::plan::{Item, ReadPlan};
use super::settings::PassSettings;
use crate::error::Trouble;
use crate::intake::counting::worker_counts::WorkerCounts;
use crate::intake::files::bytes::decompress::{self, LogCompression};
use crate::intake::files::bytes::log_bytes::{LogBytes, LogPlace};
use crate::intake::files::bytes::read_ahead::ahead;
use crate::intake::files::content_hash::{self, Hashing, PieceHash};
use crate::intake::formats::lines::{self, Stop, TextParser};
use crate::intake::formats::parquet::FilePlace;
use crate::intake::meter::Meter;
use crate::intake::rows::source_reader::SourceReader;

/// What reading some items came to, in addition to their rows.
#[derive(Default, Serialize, Deserialize)]
pub struct TaskFindings {
    /// Lines by file and chunk.
    pub chunk_lines: BTreeMap<(u32, u32), u64>,
    /// Hashes by file and number of the piece.
    pub pieces: BTreeMap<(u32, u32), PieceHash>,
    /// Hashes of the texts of compressed files.
    pub texts: BTreeMap<u32, String>,
    /// By file that cannot be read: the position of the item that failed, and why.
    pub failures: BTreeMap<u32, (u32, String)>,
    /// Files that must not be cut into chunks.
    pub quoted: BTreeSet<u32>,
    /// Versions of objects, if their store keeps versions.
    pub versions: BTreeMap<u32, String>,
}

impl TaskFindings {
    /// Adds the findings of another worker.
    ///
    /// Of several failures of a file the first in the file stays, whoever found it.
    pub fn merge(&mut self, other: Self) {
        self.chunk_lines.extend(other.chunk_lines);
        self.pieces.extend(other.pieces);
        self.texts.extend(other.texts);
        self.quoted.extend(other.quoted);
        self.versions.extend(other.versions);
        for (file, failure) in other.failures {
            let first = self.failures.entry(file).or_insert_with(|| failure.clone());
            *first = failure.min(first.clone());
        }
    }
}

/// Files whose further items need not be read, as workers tell one another.
#[derive(Default)]
pub struct Stopped(Mutex<BTreeMap<u32, u32>>);

impl Stopped {
    /// Returns whether an item need not be read: its file stopped at an earlier one.
    pub fn has(&self, item: &Item) -> bool {
        self.files().get(&(item.file() as u32)).is_some_and(|at| *at < item.position())
    }

    /// Notes that a file stopped at a position; all its items, if it must be read in another way.
    fn note(&self, file: u32, position: u32) {
        let mut files = self.files();
        let first = files.entry(file).or_insert(position);
        *first = position.min(*first);
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<u32, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads one item into `counts`; `is_last` is true if a core is free to decompress it ahead.
///
/// # Errors
/// The run cannot go on: a disk fails, a store does not give a file, or memory is too small.
pub fn map(
    plan: &ReadPlan,
    item: &Item,
    is_last: bool,
    settings: &PassSettings<'_>,
    stopped: &Stopped,
    (counts, findings): (&mut WorkerCounts, &mut TaskFindings),
    meter: &Meter,
) -> Result<(), Trouble> {
    let n = item.file();
    let Some(open) = &plan.opened[n] else { return Ok(()) };
    if stopped.has(item) {
        return Ok(());
    }
    let file = n as u32;
    counts.begin_item();
    let work = ItemWork { open, item, source_reader: &plan.source_readers[open.source_reader], is_last };
    match read(&work, settings, counts, meter).map_err(|stop| open.stop(stop)) {
        Ok(seen) => {
            if let Item::Chunk { chunk, .. } = item {
                findings.chunk_lines.insert((file, *chunk), seen.lines);
            }
            findings.texts.extend(seen.text.map(|hash| (file, hash)));
            let numbered = seen.pieces.iter().zip(item.position()..);
            findings.pieces.extend(numbered.map(|(hash, at)| ((file, at), *hash)));
        }
        Err(Stop::InOnePiece) => {
            findings.quoted.insert(file);
            stopped.note(file, 0);
        }
        Err(Stop::File(reason)) => {
            let failures = [(file, (item.position(), reason))].into();
            findings.merge(TaskFindings { failures, ..TaskFindings::default() });
            stopped.note(file, item.position());
        }
        Err(Stop::Run(trouble)) => return Err(trouble),
    }
    if let LogPlace::Object(object) = &open.place
        && let Some(version) = object.version()
    {
        findings.versions.insert(file, version.to_owned());
    }
    Ok(())
}

/// What reading one item came to, in addition to its rows.
#[derive(Default)]
struct Seen {
    /// Lines that begin in a chunk.
    lines: u64,
    /// Hashes of its pieces of the file; none for Parquet, which is not read whole.
    pieces: Vec<PieceHash>,
    /// Hash of the text of a compressed file.
    text: Option<String>,
}

/// An item to read, and its file.
struct ItemWork<'a> {
    open: &'a Open,
    item: &'a Item,
    source_reader: &'a SourceReader,
    /// True if a core is free to decompress it ahead.
    is_last: bool,
}

fn read(
    &ItemWork { open, item, source_reader, is_last }: &ItemWork<'_>,
    settings: &PassSettings<'_>,
    counts: &mut WorkerCounts,
    meter: &Meter,
) -> Result<Seen, Stop> {
    let n = item.file() as u32;
    let gone = |e: io::Error| Stop::File(format!("{e}; it was there when the run began"));
    let file = LogBytes::open(&open.place).map_err(gone)?;
    match item {
        Item::Slice { slice, .. } => {
            let Some(columns) = &open.columns else { return Ok(Seen::default()) };
            // Instants that nobody can mean are quarantined row by row.
            if let Some((first, last)) = columns.is_outside(slice.group, settings.day, source_reader)
                && source_reader.is_meant(first)
                && source_reader.is_meant(last)
            {
                counts.skip_outside(n, slice.rows, first, last);
                return Ok(Seen::default());
            }
            let place = FilePlace { file: n, spill: settings.spill };
            columns.read_slice(&file, *slice, source_reader, place, counts, meter)?;
            Ok(Seen::default())
        }
        Item::Whole { .. } => {
            let mut parser = TextParser::new(source_reader, open.format, n, 0, settings.spill);
            let own = |e: io::Error| Stop::File(e.to_string());
            let (raw, pieces) = Hashing::new(file.reader());
            let reader = decompress::reader(raw, open.compression).map_err(own)?;
            let is_worth_it = is_last && open.compression != LogCompression::None;
            let reader: Box<dyn Read> = if is_worth_it { ahead(reader) } else { reader };
            let text = if open.compression == LogCompression::None {
                lines::read_stream(reader, &mut parser, counts, meter)?;
                None
            } else {
                let (reader, text) = Hashing::new(reader);
                lines::read_stream(reader, &mut parser, counts, meter)?;
                Some(content_hash::seen(&text).whole().name)
            };
            let mut pieces = content_hash::seen(&pieces);
            let is_whole = pieces.bytes == open.size;
            Ok(Seen { lines: 0, pieces: if is_whole { pieces.finish() } else { Vec::new() }, text })
        }
        Item::Chunk { chunk, start, end, .. } => {
            let header = open.header.as_ref();
            let mut parser = TextParser::new(source_reader, open.format, n, *chunk, settings.spill)
                .for_chunk(header.map(|header| &*header.text))?;
            let first = header.map_or(0, |header| header.end);
            // The lines up to the header belong to the first chunk.
            parser.lines = header.filter(|_| *chunk == 0).map_or(0, |header| header.lines);
            let hash = lines::read_chunk(&file, *start..*end, first, open.size, &mut parser, counts)?;
            meter.rows(parser.lines)?;
            Ok(Seen { lines: parser.lines, pieces: vec![hash], text: None })
        }
    }
}
