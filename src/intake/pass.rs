//! Pass: reads the files of a day once, with several workers.

pub mod map;
mod open;
pub mod plan;
pub mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use map::{Stopped, TaskFindings, map};
use open::Open;
use plan::{Item, ReadPlan};
use settings::PassSettings;

use super::counting::notes::timeless::timeless;
use super::counting::task_counts::TaskCounts;
use super::counting::worker_counts::WorkerCounts;
use super::files::bytes::decompress::LogCompression;
use super::files::content_hash::{self, PieceHash, Whole};
use super::files::copies;
use super::files::find::LogFile;
use super::formats::lines::CHUNK;
use super::meter::Meter;
use super::records::partitions::MemoryBudget;
use super::records::record_sets::{AnyRecords, Records};
use super::rows::source_reader::SourceReader;
use super::workers;
use crate::error::Trouble;

/// Result of a pass: the workers' counts, and the means to translate their numbers.
pub struct Pass {
    /// By worker.
    pub counts: Vec<TaskCounts>,
    /// By worker.
    pub records: Vec<AnyRecords>,
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
    /// Versions of the objects of stores that keep versions.
    pub versions: BTreeMap<u32, String>,
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
/// Spilling to disk failed, a store does not give a file, or the day does not fit into memory.
pub fn pass(
    files: &[LogFile],
    mut plan: ReadPlan,
    rounds: &mut dyn Rounds,
    meter: &Meter,
) -> Result<Pass, Trouble> {
    let (mut wholes, mut copies) = (BTreeMap::new(), BTreeMap::new());
    loop {
        let Round { counts, records, budget, mut findings } = rounds.round(&plan, meter)?;
        let readers = (0..files.len()).map(|file| plan.reader(file));
        let timeless = timeless(&counts, readers);
        let failures = std::mem::take(&mut findings.failures);
        let failed = failures.into_iter().map(|(file, (_, reason))| (file, reason)).chain(timeless);
        let failed: BTreeMap<u32, String> = failed.collect();
        if !failed.is_empty() || !findings.quoted.is_empty() {
            for file in &findings.quoted {
                plan.read_in_one_piece(*file);
            }
            for (file, reason) in failed {
                plan.fail(file, reason);
            }
            continue;
        }
        wholes.append(&mut self::wholes(&findings.pieces, &plan));
        let found = copies::copies(files, &counts, &plan.source_readers, &plan.reader_of, |n| {
            let is_plain = plan.opened[n as usize].as_ref()?.compression == LogCompression::None;
            if is_plain { wholes.get(&n).map(|whole| &whole.hash.name) } else { findings.texts.get(&n) }
        });
        if !found.is_empty() {
            for copy in found.keys() {
                plan.leave_out(*copy);
            }
            copies.extend(found);
            continue;
        }
        let ReadPlan { source_readers, reader_of, formats, failures, .. } = plan;
        let TaskFindings { chunk_lines, versions, .. } = findings;
        return Ok(Pass {
            counts,
            records,
            budget,
            source_readers,
            reader_of,
            formats,
            chunk_lines,
            failures,
            wholes,
            versions,
            copies,
        });
    }
}

/// Returns length and hash of the files of which every piece was seen.
fn wholes(pieces: &BTreeMap<(u32, u32), PieceHash>, plan: &ReadPlan) -> BTreeMap<u32, Whole> {
    let whole = |(n, open): (usize, &Option<Open>)| {
        let (file, bytes) = (n as u32, open.as_ref()?.size);
        let seen: Vec<PieceHash> =
            pieces.range((file, 0)..=(file, u32::MAX)).map(|(_, hash)| *hash).collect();
        let is_whole = seen.len() as u64 == bytes.div_ceil(CHUNK);
        is_whole.then(|| (file, Whole { bytes, hash: content_hash::of_file(&seen, bytes), version: None }))
    };
    plan.opened.iter().enumerate().filter_map(whole).collect()
}

/// The counts of all workers, after each item was read once.
pub struct Round {
    pub counts: Vec<TaskCounts>,
    pub records: Vec<AnyRecords>,
    pub budget: Arc<MemoryBudget>,
    pub findings: TaskFindings,
}

/// A runner of the items of a plan.
pub trait Rounds {
    /// Reads each item of the plan once, but for those that an earlier round has read alike.
    ///
    /// # Errors
    /// Spilling to disk failed, a store does not give a file, or the day does not fit into memory.
    fn round(&mut self, plan: &ReadPlan, meter: &Meter) -> Result<Round, Trouble>;
}

/// The threads of this process.
pub struct ThreadRounds<'a> {
    pub files: &'a [LogFile],
    pub settings: &'a PassSettings<'a>,
}

impl Rounds for ThreadRounds<'_> {
    fn round(&mut self, plan: &ReadPlan, meter: &Meter) -> Result<Round, Trouble> {
        round(self.files, plan, self.settings, meter)
    }
}

/// Reads all items once, on threads.
fn round(
    files: &[LogFile],
    plan: &ReadPlan,
    settings: &PassSettings<'_>,
    meter: &Meter,
) -> Result<Round, Trouble> {
    let items = plan.items();
    meter.begin(plan.opened.iter().flatten().count() as u64, items.iter().map(|(bytes, _)| bytes).sum());
    let (next, stopped) = (AtomicUsize::new(0), Stopped::default());
    let left: Vec<AtomicUsize> = (0..files.len())
        .map(|n| AtomicUsize::new(items.iter().filter(|(_, i)| i.file() == n).count()))
        .collect();
    let count = settings.workers.clamp(1, items.len().max(1));
    let behind = bytes_behind(&items);
    // Each worker of the join has a further one for the calls that are left after dedupe.
    let sets = count * Records::SETS + settings.workers.clamp(1, settings.partition_bits.partitions());
    let budget = MemoryBudget::new(settings.memory_bytes as usize, sets);

    let work = || -> Result<((TaskCounts, Records), TaskFindings), Trouble> {
        let mut counts = WorkerCounts::of(settings, files.len(), &budget);
        let mut findings = TaskFindings::default();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some((bytes, item)) = items.get(at) else { break };
            // True if the others run out of items before this one is done: a core is then free.
            let is_last = behind[at] < bytes.saturating_mul((settings.workers as u64).saturating_sub(1));
            if let Err(trouble) =
                map(plan, item, is_last, settings, &stopped, (&mut counts, &mut findings), meter)
            {
                // The others need not begin what will not be used.
                next.store(items.len(), Ordering::Relaxed);
                return Err(trouble.in_log(&files[item.file()].shown));
            }
            meter.bytes(*bytes);
            if left[item.file()].fetch_sub(1, Ordering::Relaxed) == 1 {
                meter.file_done();
            }
        }
        Ok((counts.close(&plan.join.declared, &plan.join.salt), findings))
    };
    let mut round = Round {
        counts: Vec::new(),
        records: Vec::new(),
        budget: budget.clone(),
        findings: TaskFindings::default(),
    };
    for worker in workers::run(count, work) {
        let ((counts, records), findings) = worker?;
        round.counts.push(counts);
        round.records.push(records.boxed());
        round.findings.merge(findings);
    }
    Ok(round)
}

/// Returns, by item, the bytes of all items after it.
fn bytes_behind(items: &[(u64, Item)]) -> Vec<u64> {
    let mut left: u64 = items.iter().map(|(bytes, _)| bytes).sum();
    let behind = |(bytes, _): &(u64, Item)| {
        left -= bytes;
        left
    };
    items.iter().map(behind).collect()
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
