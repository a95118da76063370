//! Kernels: single parts of intake, for benchmarks and fuzzing.
//!
//! The job itself does not use this module.

use super::join::correlate::items::Items;
use super::join::dedupe::Deduped;
use super::join::dedupe::repeated::repeated;
use super::join::sums::Sums;
use std::path::Path;

use super::counting::task_counts::TaskCounts;
use super::counting::worker_counts::WorkerCounts;
use super::files::detect::LogFormat;
use super::formats::lines::{Stop, TextParser};
use super::records::group;
use super::records::message_records::StatusRecord;
use super::records::partition_bits::PartitionBits;
use super::records::partitions::MemoryBudget;
use super::records::record_sets::Records;
use super::rows::endpoints::Endpoints;
use super::rows::interner::Names;
use super::rows::source_reader::{Join, SourceReader};
use super::tasks::worker::{MapHead, MergeHead};
use super::wire::object::{JobHash, ObjectOrigin, SectionPart, Stage};
use super::wire::receipt::TaskReceipt;
use super::wire::record_blocks::unpack;
use super::wire::stage_job::StageJob;
use crate::config::{Config, Source};
use crate::day::Day;
use crate::daybook::message::StatusWord;
use crate::facts::Salt;
use crate::facts::ids::Id;

const BITS: PartitionBits = PartitionBits::FEWEST;

/// Format of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Ndjson,
    Delimited,
    Combined,
    /// As the format of the source says.
    Foreign,
}

/// Reader of texts of one source, as a worker reads them.
pub struct Reader {
    rows: SourceReader,
    format: LogFormat,
    config: Config,
    day: Day,
}

/// Everything that a worker knows after reading a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub rows_read: u64,
    pub accepted: u64,
    pub outside: u64,
    pub quarantine: u64,
    pub not_a_call: u64,
    /// Rows that took the fast path.
    pub sketched: u32,
    /// Everything else, as text and bytes.
    pub rest: Vec<String>,
}

impl Reader {
    /// Makes a reader for rows of `day`, with webhook logs assumed to exist.
    pub fn new(source: Source, form: Form, day: Day) -> Self {
        let config = Config { sources: vec![source], ..Config::bare("") };
        let join = Join { is_joined: true, ..Join::new(&config, &Salt::new("kernels")) };
        let source_reader =
            SourceReader::new(0, &config.sources[0], &Endpoints::of(&config.services, &config.ignore), &join);
        let format = match form {
            Form::Ndjson => LogFormat::Ndjson,
            Form::Delimited => LogFormat::Delimited,
            Form::Combined => LogFormat::Combined,
            Form::Foreign => LogFormat::Foreign,
        };
        Self { rows: source_reader, format, config, day }
    }

    /// Reads a whole text, and returns how many rows it had.
    ///
    /// # Errors
    /// The text cannot be read at all; the message says why.
    pub fn read(&self, text: &[u8]) -> Result<u64, String> {
        self.counts(text).map(|(counts, ..)| counts.tally(0).rows_read)
    }

    /// Reads a whole text, and returns everything that is then known.
    ///
    /// Two ways of reading that agree here agree in everything.
    ///
    /// # Errors
    /// The text cannot be read at all; the message says why.
    pub fn find(&self, text: &[u8]) -> Result<Found, String> {
        let (counts, records, sketched) = self.counts(text)?;
        let tally = counts.tally(0);
        let mut rest = vec![format!("{:?} {:?} {:x}", tally.first_us, tally.last_us, tally.seen)];
        rest.extend(tally.bad_rows.iter().map(|(place, reason, _)| format!("{place:?} {reason}")));
        let facts = counts.facts.iter().zip(&counts.events);
        rest.extend(
            facts.map(|(fact, n)| format!("{fact:?} {n} {:?}", counts.shape_list.get(fact.shape as usize))),
        );
        rest.push(format!("{:?} {:?}", counts.attempted_list, counts.status_list));
        let mut lanes: Vec<_> = counts.lanes.iter().map(|lane| format!("{lane:?}")).collect();
        let latencies = counts
            .latencies
            .iter()
            .map(|(key, cell)| format!("{key:?} {:?}", cell.counts().collect::<Vec<_>>()));
        lanes.extend(latencies);
        lanes.sort();
        rest.extend(lanes);
        for records in records.all() {
            let mut bytes = Vec::new();
            for at in 0..BITS.partitions() {
                records
                    .take(at, Path::new(""), |all| bytes.extend_from_slice(all))
                    .map_err(|e| e.to_string())?;
            }
            rest.push(format!("{bytes:02x?}"));
        }
        Ok(Found {
            rows_read: tally.rows_read,
            accepted: tally.accepted,
            outside: tally.outside,
            quarantine: tally.quarantine,
            not_a_call: tally.not_a_call,
            sketched,
            rest,
        })
    }

    /// Returns the counts of a text, its records, and how many rows took the fast path.
    fn counts(&self, text: &[u8]) -> Result<(TaskCounts, Records, u32), String> {
        let budget = MemoryBudget::new(usize::MAX, Records::SETS);
        let mut counts = WorkerCounts::new(self.day, self.config.slot, 1, &budget, BITS, true);
        counts.begin_item();
        let mut parser = TextParser::new(&self.rows, self.format, 0, 0, Path::new(""));
        match parser.parse(text, true, &mut counts) {
            Ok(_) => {
                let sketched = counts.memo.hits();
                let (counts, records) = counts.close(&self.rows.declared, &self.rows.salt);
                Ok((counts, records, sketched))
            }
            Err(Stop::File(reason)) => Err(reason),
            Err(Stop::InOnePiece) => Err("quotes".to_owned()),
            Err(Stop::Run(trouble)) => Err(trouble.to_string()),
        }
    }
}

/// Reads bytes as each file and part of an exchange, and returns how many of these they can be.
pub fn read_exchange(bytes: &[u8]) -> usize {
    let origin = ObjectOrigin { job: JobHash([0; 16]), stage: Stage::Map, task: 0 };
    let widths = Records::widths(true).into_iter().chain(Records::widths(false));
    let block = |width| unpack(bytes, width, bytes.len() / width, &mut Vec::new()).is_ok();
    let found = [
        StageJob::parse(bytes, "job").is_ok(),
        TaskReceipt::parse(bytes, "receipt", &origin).is_ok(),
        postcard::from_bytes::<Vec<SectionPart>>(bytes).is_ok(),
        postcard::from_bytes::<MapHead>(bytes).is_ok(),
        postcard::from_bytes::<MergeHead>(bytes).is_ok(),
        postcard::from_bytes::<Deduped>(bytes).is_ok(),
        postcard::from_bytes::<Items>(bytes).is_ok(),
        postcard::from_bytes::<Vec<Sums>>(bytes).is_ok(),
    ];
    found.into_iter().chain(widths.map(block)).filter(|is_one| *is_one).count()
}

/// Interns names, and returns how many distinct ones there are.
pub fn intern<'n>(names: impl IntoIterator<Item = &'n [u8]>) -> usize {
    let mut known = Names::new();
    for name in names {
        known.id(name, usize::MAX);
    }
    known.all().len() - 1
}

/// Finds the surplus copies of calls by the hashes of their ids, and returns how many there are.
pub fn duplicates(hashes: &[u128]) -> usize {
    let mut lost = 0;
    repeated(hashes, |rows| lost += rows.len() - 1);
    lost
}

/// Returns the keyed hash of the id of a call, a message or a notification.
pub fn hash(salt: &Salt, id: &[u8]) -> Id {
    salt.id(id)
}

/// Returns statuses of one partition, packed as intake stores them.
pub fn packed_statuses(ids: impl IntoIterator<Item = Id>) -> Vec<u8> {
    let mut packed = Vec::new();
    for (at, id) in ids.into_iter().enumerate() {
        let mut bytes = [0; StatusRecord::BYTES];
        let offset_us = at as i64;
        StatusRecord { id, offset_us, word: StatusWord::Sent, is_ahead: false, traits: 0, caller: 0 }
            .pack(0, &mut bytes);
        packed.extend_from_slice(&bytes);
    }
    packed
}

/// Groups the statuses of one partition by message, and returns how many messages there are.
pub fn messages(packed: &[u8]) -> usize {
    let mut statuses: Vec<StatusRecord> =
        packed.chunks_exact(StatusRecord::BYTES).map(StatusRecord::unpack).collect();
    group::sort(BITS, &mut statuses, &mut Vec::new(), |status| status.id);
    statuses.chunk_by(|a, b| a.id == b.id).count()
}
