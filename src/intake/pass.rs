//! Pass: reads the files of a day once, with several workers.

mod open;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use open::{Open, open_all};

use super::counting::notes::timeless::timeless;
use super::counting::worker_counts::WorkerCounts;
use super::files::bytes::decompress::{self, LogCompression};
use super::files::bytes::log_bytes::LogBytes;
use super::files::bytes::read_ahead::ahead;
use super::files::content_hash::{self, Hashing, PieceHash, Whole};
use super::files::copies;
use super::files::find::{LogFile, source_of};
use super::formats::lines::{self, CHUNK, Stop, TextParser};
use super::formats::parquet::{FilePlace, Slice};
use super::meter::Meter;
use super::records::partitions::{MemoryBudget, PARTITIONS};
use super::rows::endpoints::Endpoints;
use super::rows::source_reader::{Join, SourceReader};
use super::workers;
use crate::config::{Excerpts, Source};
use crate::day::{Day, SlotLength};
use crate::error::Trouble;

/// Settings of a pass, in addition to its files.
#[derive(Debug, Clone)]
pub struct PassSettings<'a> {
    pub day: Day,
    pub slot_length: SlotLength,
    pub workers: usize,
    /// Bytes that records for dedupe and join may hold in memory, over all workers.
    pub memory_bytes: u64,
    /// Folder for records beyond `memory_bytes`.
    pub spill: &'a Path,
    /// True if webhook logs report the outcome of messages.
    pub is_joined: bool,
    /// Time limits for the first status and for the first attempt, in microseconds.
    pub first_status_us: i64,
    pub first_attempt_us: i64,
    /// How rows that cannot be read are shown.
    pub excerpts: Excerpts,
    /// Hash of all settings that shape a daybook.
    pub fingerprint: String,
}

/// Result of a pass: the workers' counts, and the means to translate their numbers.
pub struct Pass {
    pub counts: Vec<WorkerCounts>,
    /// Memory that the records of all workers share.
    pub budget: Arc<MemoryBudget>,
    pub source_readers: Vec<SourceReader>,
    /// Index of the source reader of each file.
    pub reader_of: Vec<usize>,
    /// Format of each file, by position in the list of files.
    pub formats: Vec<String>,
    /// Lines per chunk of each chunked file, to turn rows in chunks into lines of the file.
    pub chunk_lines: BTreeMap<(u32, u32), u64>,
    /// Files that could not be read, with the reason.
    pub failures: BTreeMap<u32, String>,
    /// Length and hash of the files that were read from their first byte to their last.
    pub wholes: BTreeMap<u32, Whole>,
    /// Files that are not counted, because they have the text of another file of their source.
    pub copies: BTreeMap<u32, u32>,
}

/// Reads all files once.
///
/// If a file cannot be read to its end, the pass is repeated without it, so that nothing of a
/// broken file is counted. If a file that was cut into chunks has quotes, which can hide line ends,
/// or a second header, the pass is repeated with that file in one piece. If two files of a source
/// have the same text and no ids in it, the pass is repeated without the second.
///
/// # Errors
/// Spilling to disk failed, or a store does not give a file.
pub fn pass(
    files: &[LogFile],
    sources: &[Source],
    endpoints: &Endpoints,
    join: &Join,
    settings: &PassSettings<'_>,
    meter: &Meter,
) -> Result<Pass, Trouble> {
    let (source_readers, reader_of) = source_readers(files, sources, endpoints, join, settings.day);
    let mut failures = BTreeMap::new();
    let mut formats = vec!["unknown".to_owned(); files.len()];
    let mut opened: Vec<Option<Open>> = Vec::new();
    for (n, open) in open_all(files, &reader_of, &source_readers)?.into_iter().enumerate() {
        match open {
            Ok(open) => {
                formats[n] = open.format.name(open.compression);
                opened.push(Some(open));
            }
            Err(reason) => {
                failures.insert(n as u32, reason);
                opened.push(None);
            }
        }
    }
    let (mut wholes, mut copies) = (BTreeMap::new(), BTreeMap::new());
    loop {
        let mut round = round(files, &opened, &source_readers, settings, meter)?;
        let readers = opened.iter().map(|open| Some(&source_readers[open.as_ref()?.source_reader]));
        round.failures.extend(timeless(&round.counts, readers));
        for file in &round.quoted {
            if let Some(open) = &mut opened[*file as usize] {
                (open.can_split, open.header) = (false, None);
            }
        }
        if round.failures.is_empty() && round.quoted.is_empty() {
            wholes.append(&mut self::wholes(&round.pieces, &opened));
            let found = copies::copies(files, &round.counts, &source_readers, &reader_of, |n| {
                let is_plain = opened[n as usize].as_ref()?.compression == LogCompression::None;
                if is_plain { wholes.get(&n).map(|whole| &whole.hash.name) } else { round.texts.get(&n) }
            });
            if !found.is_empty() {
                for copy in found.keys() {
                    opened[*copy as usize] = None;
                }
                copies.extend(found);
                continue;
            }
            return Ok(Pass {
                wholes,
                copies,
                counts: round.counts,
                budget: round.budget,
                source_readers,
                reader_of,
                formats,
                chunk_lines: round.chunk_lines,
                failures,
            });
        }
        for (file, reason) in round.failures {
            opened[file as usize] = None;
            failures.insert(file, reason);
        }
    }
}

/// Returns length and hash of the files of which every piece was seen.
fn wholes(pieces: &BTreeMap<(u32, u32), PieceHash>, opened: &[Option<Open>]) -> BTreeMap<u32, Whole> {
    let whole = |(n, open): (usize, &Option<Open>)| {
        let (file, bytes) = (n as u32, open.as_ref()?.size);
        let seen: Vec<PieceHash> =
            pieces.range((file, 0)..=(file, u32::MAX)).map(|(_, hash)| *hash).collect();
        let is_whole = seen.len() as u64 == bytes.div_ceil(CHUNK);
        is_whole.then(|| (file, Whole { bytes, hash: content_hash::of_file(&seen, bytes), version: None }))
    };
    opened.iter().enumerate().filter_map(whole).collect()
}

/// Makes one source reader per source and per set of constants that its paths give.
fn source_readers(
    files: &[LogFile],
    sources: &[Source],
    endpoints: &Endpoints,
    join: &Join,
    day: Day,
) -> (Vec<SourceReader>, Vec<usize>) {
    let mut source_readers: Vec<SourceReader> = Vec::new();
    let mut known = Vec::new();
    let of = files
        .iter()
        .map(|file| {
            let key = (file.source, file.constants.clone());
            known.iter().position(|k| *k == key).unwrap_or_else(|| {
                let source = source_of(file, &sources[file.source]);
                let reader = SourceReader::new(source_readers.len() as u32, &source, endpoints, join);
                source_readers.push(reader.of_day(day));
                known.push(key);
                known.len() - 1
            })
        })
        .collect();
    (source_readers, of)
}

enum Item {
    Chunk { file: usize, chunk: u32, start: u64, end: u64 },
    Whole { file: usize },
    Slice { file: usize, number: u32, slice: Slice },
}

impl Item {
    /// Returns the position in the file, ascending.
    const fn position(&self) -> u32 {
        match self {
            Self::Chunk { chunk, .. } => *chunk,
            Self::Whole { .. } => 0,
            Self::Slice { number, .. } => *number,
        }
    }

    const fn file(&self) -> usize {
        match self {
            Self::Chunk { file, .. } | Self::Whole { file } | Self::Slice { file, .. } => *file,
        }
    }
}

fn items(opened: &[Option<Open>]) -> Vec<(u64, Item)> {
    let mut items = Vec::new();
    for (n, open) in opened.iter().enumerate() {
        let Some(open) = open else { continue };
        if let Some(columns) = &open.columns {
            let slices = columns.slices();
            // All slices have one weight, to stay in order: the first bad rows of a file are kept.
            let bytes = open.size / slices.len().max(1) as u64;
            let item = |(slice, number)| (bytes, Item::Slice { file: n, number, slice });
            items.extend(slices.into_iter().zip(0..).map(item));
        } else if open.can_split {
            for chunk in 0..open.size.div_ceil(CHUNK) {
                let (start, end) = (chunk * CHUNK, ((chunk + 1) * CHUNK).min(open.size));
                items.push((end - start, Item::Chunk { file: n, chunk: chunk as u32, start, end }));
            }
        } else {
            items.push((open.size, Item::Whole { file: n }));
        }
    }
    // The largest first, so that no worker is left with a big file at the end.
    items.sort_by_key(|(bytes, item)| (std::cmp::Reverse(*bytes), item.file()));
    items
}

struct Round {
    counts: Vec<WorkerCounts>,
    budget: Arc<MemoryBudget>,
    chunk_lines: BTreeMap<(u32, u32), u64>,
    /// Hashes by file and number of the piece.
    pieces: BTreeMap<(u32, u32), PieceHash>,
    /// Hashes of the texts of compressed files.
    texts: BTreeMap<u32, String>,
    failures: BTreeMap<u32, String>,
    /// Files that must not be cut into chunks.
    quoted: BTreeSet<u32>,
}

fn round(
    files: &[LogFile],
    opened: &[Option<Open>],
    source_readers: &[SourceReader],
    settings: &PassSettings<'_>,
    meter: &Meter,
) -> Result<Round, Trouble> {
    let items = items(opened);
    meter.begin(opened.iter().flatten().count() as u64, items.iter().map(|(bytes, _)| bytes).sum());
    let next = AtomicUsize::new(0);
    // Of several failures of a file, the first in the file is reported, whoever finds one first.
    let failures: Mutex<BTreeMap<u32, (u32, String)>> = Mutex::default();
    let quoted: Mutex<BTreeSet<u32>> = Mutex::default();
    let chunk_lines: Mutex<BTreeMap<(u32, u32), u64>> = Mutex::default();
    let pieces: Mutex<BTreeMap<(u32, u32), PieceHash>> = Mutex::default();
    let texts: Mutex<BTreeMap<u32, String>> = Mutex::default();
    let left: Vec<AtomicUsize> = (0..files.len())
        .map(|n| AtomicUsize::new(items.iter().filter(|(_, i)| i.file() == n).count()))
        .collect();
    let count = settings.workers.clamp(1, items.len().max(1));
    let mut left_bytes: u64 = items.iter().map(|(bytes, _)| bytes).sum();
    // By item: bytes of all items after it.
    let behind: Vec<u64> = items
        .iter()
        .map(|(bytes, _)| {
            left_bytes -= bytes;
            left_bytes
        })
        .collect();
    // Each worker of the join has a further one for the calls that are left after dedupe.
    let sets = count * WorkerCounts::SETS + settings.workers.clamp(1, PARTITIONS);
    let budget = MemoryBudget::new(settings.memory_bytes as usize, sets);

    let work = || -> Result<WorkerCounts, Trouble> {
        let mut counts =
            WorkerCounts::new(settings.day, settings.slot_length, files.len(), &budget, settings.is_joined);
        counts.excerpts = settings.excerpts;
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some((bytes, item)) = items.get(at) else { break };
            // True if the others run out of items before this one is done: a core is then free.
            let is_last = behind[at] < bytes.saturating_mul((settings.workers as u64).saturating_sub(1));
            let n = item.file();
            let Some(open) = &opened[n] else { continue };
            if lock(&quoted).contains(&(n as u32)) {
                continue;
            }
            if lock(&failures).get(&(n as u32)).is_some_and(|(at, _)| *at < item.position()) {
                continue;
            }
            counts.begin_item();
            let source_reader = &source_readers[open.source_reader];
            let work = ItemWork { open, item, source_reader, is_last };
            let read = read(&work, settings, &mut counts, meter).map_err(|stop| open.stop(stop));
            match read {
                Ok(seen) => {
                    if let Item::Chunk { chunk, .. } = item {
                        lock(&chunk_lines).insert((n as u32, *chunk), seen.lines);
                    }
                    lock(&texts).extend(seen.text.map(|hash| (n as u32, hash)));
                    let numbered = seen.pieces.iter().zip(item.position()..);
                    lock(&pieces).extend(numbered.map(|(hash, at)| ((n as u32, at), *hash)));
                }
                Err(Stop::InOnePiece) => {
                    lock(&quoted).insert(n as u32);
                }
                Err(Stop::File(reason)) => {
                    let failure = (item.position(), reason);
                    let mut failures = lock(&failures);
                    let first = failures.entry(n as u32).or_insert_with(|| failure.clone());
                    *first = failure.min(first.clone());
                }
                Err(Stop::Run(trouble)) => {
                    // The others need not begin what will not be used.
                    next.store(items.len(), Ordering::Relaxed);
                    return Err(trouble.in_log(&files[n].shown));
                }
            }
            meter.bytes(*bytes);
            if left[n].fetch_sub(1, Ordering::Relaxed) == 1 {
                meter.file_done();
            }
        }
        counts.close();
        Ok(counts)
    };
    let counts = workers::run(count, work).into_iter().collect::<Result<Vec<_>, _>>()?;
    let failures = failures.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let pieces = pieces.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(Round {
        counts,
        budget,
        quoted: quoted.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner),
        pieces,
        texts: texts.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner),
        chunk_lines: chunk_lines.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner),
        failures: failures.into_iter().map(|(file, (_, reason))| (file, reason)).collect(),
    })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Findings about an item, in addition to its rows.
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

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use crate::config::Config;
    use crate::intake::Meter;
    use crate::intake::formats::parquet;

    /// A CSV file of more than two chunks, whose last rows have line ends inside quotes.
    #[test]
    fn quotes_that_come_late_are_read_as_if_they_had_come_early() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let mut text = String::from("\nts,request_id,http_status,note\n");
        for n in 0..250_000 {
            let note = if n >= 249_000 {
                "\"two\nlines, 1 row\""
            } else {
                "something that makes the row long enough for chunks"
            };
            let (minute, second) = (n / 60 % 1_440, n % 60);
            let at = format!("2026-11-20T{:02}:{:02}:{second:02}Z", minute / 60, minute % 60);
            writeln!(text, "{at},r-{n},{},{note}", if n == 249_990 { "2o0" } else { "200" }).unwrap();
        }
        assert!(text.len() as u64 > 2 * super::CHUNK);
        std::fs::write(&path, &text).unwrap();
        let config = Config { sources: vec![parquet::tests::source(&path)], ..Config::bare("") };
        for workers in [1, 3] {
            let day = "2026-11-20".parse().unwrap();
            let intake =
                parquet::tests::facts(&config, day, workers, folder.path(), &Meter::default()).unwrap();
            let file = &intake.receipt.files[0];
            assert_eq!((file.rows_read, file.accepted, file.quarantine), (250_000, 249_999, 1));
            // Two lines before the rows, and 990 line ends inside quotes before the bad row.
            assert_eq!(intake.receipt.quarantine[0].line, 2 + 249_990 + 990 + 1);
        }
    }
}
