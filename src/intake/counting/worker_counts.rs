//! Worker counts: the running counts of one worker, and its records for dedupe and join.

use std::path::Path;
use std::sync::Arc;

use hashbrown::HashMap;

use super::active_callers::ActiveCallers;
use super::call::Call;
use super::file_tally::FileTally;
use super::latency_cell::{CellKey, LatencyCell};
use super::memo::{KnownRow, Memo};
use super::notes::evidence::{EvidenceRow, EvidenceRows, RowPlace};
use super::notes::field_counts::FieldCounts;
use super::notes::id_sample::IdSample;
use super::notes::odd_words::{OddWords, WordList};
use super::notes::repeated_hours::RepeatedHours;
use super::notes::unreadable::UnreadableRows;
use super::task_counts::{ActiveCell, LatestRows, LocalFact, TaskCounts};
use crate::config::{Excerpts, Field, Log};
use crate::day::{Day, SlotLength};
use crate::daybook::delivery::AttemptTraits;
use crate::error::Trouble;
use crate::facts::{Salt, latency};
use crate::intake::pass::settings::PassSettings;
use crate::intake::records::call_record::{CallRecord, MARGIN_US};
use crate::intake::records::growing_memory::GrowingMemory;
use crate::intake::records::message_records::{AdmissionRecord, StatusTraits};
use crate::intake::records::numbers::{OUTSIDE, WorkerFact};
use crate::intake::records::partition_bits::PartitionBits;
use crate::intake::records::partitions::MemoryBudget;
use crate::intake::records::record_sets::Records;
use crate::intake::rows::attempt_reader::ParsedStatus;
use crate::intake::rows::endpoints::Declared;
use crate::intake::rows::interner::Lexicon;
use crate::intake::rows::raw_row::{LogValue, RawRow};
use crate::intake::rows::request_shape::Shape;
use crate::intake::rows::sketch::Scalar;
use crate::intake::rows::source_reader::{ParsedRequest, SourceReader};

const NO_CELL: u32 = u32::MAX;
/// Shapes whose facts are found by an array over all slots: 6 KiB each for slots of a minute.
const MOST_PLAIN: usize = 4_096;
/// Entries of the cache of shapes, found by comparison alone: traffic repeats a few dozen.
const RECENT: usize = 64;

type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Running counts of one worker, with its records for dedupe and join.
pub struct WorkerCounts {
    /// What they take of the memory of the pass.
    memory: GrowingMemory,
    start_us: i64,
    end_us: i64,
    slot_length: SlotLength,
    pub names: Lexicon,
    pub excerpts: Excerpts,
    shapes: Map<Shape, u32>,
    pub shape_list: Vec<Shape>,
    /// Facts of plainly good events, which have no caller: by shape and slot, the number plus one.
    plain: Vec<Vec<u32>>,
    others: Map<LocalFact, WorkerFact>,
    pub facts: Vec<LocalFact>,
    pub events: Vec<i64>,
    /// By fact: sixtieths of calls that neither dedupe nor the join looks at again.
    pub sixtieths: Vec<u64>,
    /// Evidence of events that are not plainly good, by slot and shape.
    pub witnesses: Map<(u32, u32), EvidenceRows>,
    /// Latency cell of each fact, so that a row finds it without hashing.
    cell_of: Vec<u32>,
    cell_numbers: Map<CellKey, u32>,
    cells: Vec<LatencyCell>,
    pub active: ActiveCallers,
    recent: Box<[Option<(Shape, u32)>; RECENT]>,
    tallies: Vec<FileTally>,
    pub records: Records,
    attempted_numbers: Map<AttemptTraits, u32>,
    pub attempted_list: Vec<AttemptTraits>,
    /// By number of the source reader: a sample of the ids of its calls.
    pub id_samples: Vec<IdSample>,
    status_numbers: Map<StatusTraits, u32>,
    pub status_list: Vec<StatusTraits>,
    /// Latest webhook rows, by region.
    pub lanes: Map<u32, LatestRows>,
    pub unreadable: UnreadableRows,
    /// Buffer for the statuses of one row.
    pub told: Vec<ParsedStatus>,
    pub odd_words: OddWords,
    pub hours: RepeatedHours,
    pub fields: FieldCounts,
    pub memo: Memo,
    /// Classification of the last posted row, if other rows may reuse it.
    pub learned: Option<KnownRow>,
    pub buffer: Vec<u8>,
}

impl WorkerCounts {
    /// Creates empty counts; `budget` bounds the memory of the records for dedupe and join.
    pub fn new(
        day: Day,
        slot_length: SlotLength,
        files: usize,
        budget: &Arc<MemoryBudget>,
        partition_bits: PartitionBits,
        is_joined: bool,
    ) -> Self {
        let mut counts = Self {
            memory: GrowingMemory::new(budget),
            start_us: day.start_us(),
            end_us: day.end_us(),
            slot_length,
            names: Lexicon::new(),
            excerpts: Excerpts::default(),
            shapes: Map::default(),
            shape_list: Vec::new(),
            plain: Vec::new(),
            others: Map::default(),
            facts: Vec::new(),
            events: Vec::new(),
            sixtieths: Vec::new(),
            witnesses: Map::default(),
            cell_of: Vec::new(),
            cell_numbers: Map::default(),
            cells: Vec::new(),
            active: ActiveCallers::default(),
            recent: Box::new([None; RECENT]),
            tallies: vec![FileTally::default(); files],
            records: Records::new(is_joined, partition_bits, budget),
            attempted_numbers: Map::default(),
            attempted_list: Vec::new(),
            id_samples: Vec::new(),
            status_numbers: Map::default(),
            status_list: Vec::new(),
            lanes: Map::default(),
            unreadable: UnreadableRows::default(),
            told: Vec::new(),
            odd_words: OddWords::default(),
            hours: RepeatedHours::default(),
            fields: FieldCounts::default(),
            memo: Memo::default(),
            learned: None,
            buffer: Vec::new(),
        };
        // The numbers below OUTSIDE stand for rows outside the day.
        for _ in 0..OUTSIDE {
            counts.facts.push(LocalFact { slot: 0, shape: 0, caller: 0 });
            counts.events.push(0);
            counts.sixtieths.push(0);
            counts.cell_of.push(NO_CELL);
        }
        counts
    }

    /// Creates empty counts for a pass over so many files.
    pub fn of(settings: &PassSettings<'_>, files: usize, budget: &Arc<MemoryBudget>) -> Self {
        let PassSettings { day, slot_length, partition_bits, is_joined, excerpts, .. } = *settings;
        let counts = Self::new(day, slot_length, files, budget, partition_bits, is_joined);
        Self { excerpts, ..counts }
    }

    /// Begins a work item: a chunk, a file or a slice.
    pub fn begin_item(&mut self) {
        self.names.begin_item();
        self.unreadable.begin();
        self.hours.begin();
        self.memo.clear();
    }

    /// Returns the counts and the records, and frees all that only counting needs.
    ///
    /// Callers leave as pseudonyms; `declared` names are kept as they are.
    pub fn close(mut self, declared: &Declared, salt: &Salt) -> (TaskCounts, Records) {
        self.hours.settle();
        self.unreadable.begin();
        self.names.make_clear(declared, salt);
        self.id_samples.iter_mut().for_each(|sample| sample.make_clear(salt));
        let latencies = self.cell_numbers.iter();
        let mut cells: Vec<Option<LatencyCell>> = self.cells.into_iter().map(Some).collect();
        let latencies = latencies.filter_map(|(key, number)| Some((*key, cells[*number as usize].take()?)));
        let active = self.active.cells();
        let active = active.map(|(key, cell)| ActiveCell { key, named: cell.named, sketch: cell.sketch() });
        let counts = TaskCounts {
            names: self.names,
            shape_list: self.shape_list,
            facts: self.facts,
            events: self.events,
            sixtieths: self.sixtieths,
            witnesses: self.witnesses.into_iter().collect(),
            latencies: latencies.collect(),
            active: active.collect(),
            tallies: self.tallies,
            attempted_list: self.attempted_list,
            status_list: self.status_list,
            id_samples: self.id_samples,
            lanes: self.lanes.into_iter().collect(),
            unreadable: self.unreadable,
            odd_words: self.odd_words,
            hours: self.hours,
            fields: self.fields,
        };
        (counts, self.records)
    }

    /// Counts a row that its format has split into fields (slow path); `raw` is for its excerpt.
    ///
    /// # Errors
    /// Spilling to disk failed. An unreadable row is no error: it goes to quarantine.
    pub fn post(
        &mut self,
        source_reader: &SourceReader,
        row: &mut RawRow<'_>,
        place: RowPlace,
        raw: impl FnOnce() -> Vec<u8>,
        spill: &Path,
    ) -> Result<(), Trouble> {
        self.learned = None;
        source_reader.translate(row);
        if source_reader.source().log == Log::Webhooks {
            return self.post_attempt(source_reader, row, place, raw, spill);
        }
        let read = self.hours.time(source_reader, row, &self.day_us()).and_then(|(start_us, duration_us)| {
            if self.is_far(start_us) {
                return Ok((start_us, None));
            }
            let hash = source_reader.ids.call_of(&source_reader.salt, row.get(Field::RequestId))?;
            source_reader
                .read(row, &mut self.names)
                .map(|reading| (start_us, Some((reading, duration_us, hash))))
        });
        self.saw(place, row);
        let Some((start_us, reading)) = self.tally_row(place, read, raw) else { return Ok(()) };
        let Some((mut reading, duration_us, hash)) = reading else { return Ok(()) };
        let is_inside = self.day_us().contains(&start_us);
        self.hear_in_file(place.file, reading.shape.region());
        if is_inside && hash != 0 && source_reader.has_siblings {
            match row.get(Field::RequestId) {
                LogValue::Text(id) => self.sample_id(source_reader, id, hash),
                LogValue::Int(id) => self.sample_id(source_reader, id.to_string().as_bytes(), hash),
                _ => {}
            }
        }
        if !row.names_outcome() {
            reading.shape.silent = place.file + 1;
        }
        if is_inside && reading.has_odd_scope {
            self.odd_words.add(WordList::Scope, source_reader.number(), &row.get(Field::Scope).bytes());
        }
        let shape = if is_inside { self.shape(&reading.shape) } else { 0 };
        let is_usual = !row.get(Field::Service).is_missing() && !row.is_emptied(Field::MessageId);
        let is_ordinary = reading.shape.is_plainly_good() && !reading.has_odd_scope;
        if is_inside && is_ordinary && is_usual {
            self.learned = Some(KnownRow::Call { shape });
        }
        let ParsedRequest { caller, message, sender, .. } = reading;
        let active = Scalar::named(row.get(Field::BusinessId));
        let call = Call { start_us, duration_us, shape, caller, active, hash, message, sender };
        self.enter(source_reader, &call, &place, spill)
    }

    /// Counts a call that has been read, and stores its record for dedupe or join.
    ///
    /// # Errors
    /// Spilling to disk failed.
    pub fn enter(
        &mut self,
        source_reader: &SourceReader,
        call: &Call<'_>,
        place: &RowPlace,
        spill: &Path,
    ) -> Result<(), Trouble> {
        let is_inside = self.day_us().contains(&call.start_us);
        let (fact, latency) = if is_inside {
            let counted = self.count(source_reader, call, place);
            self.check_memory()?;
            counted
        } else {
            (WorkerFact(source_reader.vantage.rank()), CallRecord::NO_LATENCY)
        };
        let offset_us = call.start_us - self.start_us;
        if call.hash == 0 {
            if is_inside && call.message != 0 {
                let (id, caller) = (call.message, call.sender);
                return AdmissionRecord { id, offset_us, fact, caller }
                    .push(&mut self.records.admitted, spill);
            }
            if is_inside {
                self.sixtieths[fact.at()] |= self.slot_length.place(offset_us).bit();
            }
            return Ok(());
        }
        let Call { hash, message, sender: caller, .. } = *call;
        let (file, is_named) = (place.file, !call.active.is_missing());
        let record = CallRecord { hash, offset_us, latency, fact, file, is_named, message, caller };
        if source_reader.is_joined() {
            self.records.calls.push(hash, spill, |bytes: &mut [u8; CallRecord::WIDE]| record.pack(bytes))
        } else {
            self.records.calls.push(hash, spill, |bytes: &mut [u8; CallRecord::NARROW]| record.pack(bytes))
        }
    }

    /// Notes the id of a call of the day, to see whether it meets those of another source.
    pub fn sample_id(&mut self, source_reader: &SourceReader, id: &[u8], hash: u128) {
        let at = source_reader.number() as usize;
        if at >= self.id_samples.len() {
            self.id_samples.resize_with(at + 1, IdSample::default);
        }
        self.id_samples[at].note(id, hash);
    }

    /// Notes the fields that a row had.
    pub fn saw(&mut self, place: RowPlace, row: &RawRow<'_>) {
        let tally = &mut self.tallies[place.file as usize];
        tally.seen |= row.seen();
        tally.named |= row.named();
    }

    /// Returns whether an instant is farther than [`MARGIN_US`] from the day.
    pub fn is_far(&self, us: i64) -> bool {
        us < self.start_us - MARGIN_US || us >= self.end_us + MARGIN_US
    }

    /// Counts a row by its instant, or quarantines it if it could not be read.
    pub fn tally_row<T>(
        &mut self,
        place: RowPlace,
        read: Result<(i64, T), String>,
        raw: impl FnOnce() -> Vec<u8>,
    ) -> Option<(i64, T)> {
        match read {
            Ok((us, read)) => {
                self.note(&place, us, 0);
                Some((us, read))
            }
            Err(reason) => {
                self.quarantine(place, reason, &raw());
                None
            }
        }
    }

    /// Counts a readable row by its instant; `seen` is the bit set of its fields.
    pub fn note(&mut self, place: &RowPlace, us: i64, seen: u32) {
        let day_us = self.day_us();
        self.tallies[place.file as usize].note(us, &day_us, seen);
        self.unreadable.readable(place, us);
    }

    /// Returns the half-open interval of the day, in microseconds since 1970.
    pub const fn day_us(&self) -> std::ops::Range<i64> {
        self.start_us..self.end_us
    }

    /// Returns the worker-local number of an attempt's traits.
    pub fn attempted(&mut self, attempted: AttemptTraits) -> u32 {
        *self.attempted_numbers.entry(attempted).or_insert_with(|| {
            self.attempted_list.push(attempted);
            (self.attempted_list.len() - 1) as u32
        })
    }

    /// Returns the worker-local number of a status's traits.
    pub fn status_traits(&mut self, traits: StatusTraits) -> u32 {
        *self.status_numbers.entry(traits).or_insert_with(|| {
            self.status_list.push(traits);
            (self.status_list.len() - 1) as u32
        })
    }

    /// Notes a webhook row of a region, in the day or soon after it.
    pub fn hear(&mut self, region: u32, us: i64) {
        let lane = self.lanes.entry(region).or_default();
        let last = if us < self.end_us { &mut lane.last_us } else { &mut lane.ahead_us };
        *last = (*last).max(Some(us));
    }

    /// Notes the length of a line with a payload, and how many statuses it holds.
    pub fn tell_in_file(&mut self, file: u32, bytes: usize, statuses: usize) {
        let tally = &mut self.tallies[file as usize];
        tally.told_bytes += bytes as u64;
        tally.told_statuses += statuses as u64;
    }

    /// Notes the region of a row of a file.
    pub fn hear_in_file(&mut self, file: u32, region: u32) {
        self.tallies[file as usize].hear(region);
    }

    /// Quarantines a row that its format could not split into fields.
    pub fn quarantine(&mut self, place: RowPlace, reason: String, raw: &[u8]) {
        self.quarantine_line(place, reason, raw, raw.len());
    }

    /// Quarantines a row of so many bytes; `raw` is what its excerpt may show.
    pub fn quarantine_line(&mut self, place: RowPlace, reason: String, raw: &[u8], bytes: usize) {
        self.unreadable.unreadable(&place, bytes);
        self.tallies[place.file as usize].note_bad_row(place, reason, raw, self.excerpts);
    }

    /// Counts a line that is no call. It hides no time, so it opens no window of unreadable rows.
    pub fn not_a_call(&mut self, place: RowPlace, why: &str) {
        self.learned = None;
        self.tallies[place.file as usize].note_not_a_call(why);
    }

    /// Counts rows that are known to lie far outside the day, without reading them.
    pub fn skip_outside(&mut self, file: u32, rows: u64, first_us: i64, last_us: i64) {
        let day_us = self.day_us();
        self.tallies[file as usize].skip(rows, first_us, last_us, &day_us);
    }

    fn count(&mut self, reader: &SourceReader, call: &Call<'_>, place: &RowPlace) -> (WorkerFact, u16) {
        let slot = ((call.start_us - self.start_us) / self.slot_length.us()) as u32;
        let fact = self.fact(LocalFact { slot, shape: call.shape, caller: call.caller });
        self.events[fact.at()] += 1;

        let shape = &self.shape_list[call.shape as usize];
        let (service, region) = (shape.service(), shape.region());
        let is_plainly_good = shape.is_plainly_good();
        let mut bucket = CallRecord::NO_LATENCY;
        if let (true, Some(us)) = (shape.is_answered(), call.duration_us) {
            bucket = latency::bucket(us) as u16;
            let cell = self.cell(fact, (slot, service, region));
            self.cells[cell as usize].add(u32::from(bucket));
        }
        if !call.active.is_missing() {
            let slots_per_hour = self.slot_length.per_day() / 24;
            let key = || (slot / slots_per_hour, service, region);
            self.active.add(fact, key, call.active, &reader.salt);
        }
        if !is_plainly_good {
            let witness = EvidenceRow { place: *place, hash: call.hash as u64 };
            self.witnesses.entry((slot, call.shape)).or_default().add(witness);
        }
        (fact, bucket)
    }

    /// Checks, after a row was counted, that facts and names fit into memory.
    pub fn check_memory(&mut self) -> Result<(), Trouble> {
        let traits = self.attempted_list.len() + self.status_list.len();
        self.memory.check(&self.names, self.facts.len(), traits)
    }

    fn shape(&mut self, shape: &Shape) -> u32 {
        let recent = &mut self.recent[shape.mix() as usize % RECENT];
        if let Some((known, number)) = recent
            && known == shape
        {
            return *number;
        }
        let number = *self.shapes.entry(*shape).or_insert_with(|| {
            self.shape_list.push(*shape);
            self.plain.push(Vec::new());
            (self.shape_list.len() - 1) as u32
        });
        *recent = Some((*shape, number));
        number
    }

    fn cell(&mut self, fact: WorkerFact, key: CellKey) -> u32 {
        let cell = &mut self.cell_of[fact.at()];
        if *cell == NO_CELL {
            *cell = *self.cell_numbers.entry(key).or_insert_with(|| {
                self.cells.push(LatencyCell::default());
                (self.cells.len() - 1) as u32
            });
        }
        *cell
    }

    fn fact(&mut self, key: LocalFact) -> WorkerFact {
        let next = WorkerFact(self.facts.len() as u32);
        // Plainly good events are most rows but have few shapes: the first get an array over slots.
        let shape = key.shape as usize;
        let fact = if shape < MOST_PLAIN && self.shape_list[shape].is_plainly_good() {
            let slots = &mut self.plain[shape];
            if slots.is_empty() {
                slots.resize(self.slot_length.per_day() as usize, 0);
            }
            let entry = &mut slots[key.slot as usize];
            if *entry == 0 {
                *entry = next.0 + 1;
            }
            WorkerFact(*entry - 1)
        } else {
            *self.others.entry(key).or_insert(next)
        };
        if fact == next {
            self.memory.fact();
            self.facts.push(key);
            self.events.push(0);
            self.sixtieths.push(0);
            self.cell_of.push(NO_CELL);
        }
        fact
    }
}
