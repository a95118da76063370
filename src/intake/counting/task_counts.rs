//! Task counts: what one worker counted, without anything that only counting needs.
//!
//! Callers stand under their pseudonyms, and attributes of rows under names that may be kept, so
//! that the counts may leave the process ([`wire`](crate::intake::wire)).

use serde::{Deserialize, Serialize};

use super::file_tally::FileTally;
use super::latency_cell::{CellKey, LatencyCell};
use super::notes::evidence::EvidenceRows;
use super::notes::field_counts::FieldCounts;
use super::notes::id_sample::IdSample;
use super::notes::odd_words::OddWords;
use super::notes::repeated_hours::RepeatedHours;
use super::notes::unreadable::UnreadableRows;
use crate::daybook::delivery::AttemptTraits;
use crate::facts::CallerSketch;
use crate::intake::records::message_records::StatusTraits;
use crate::intake::rows::interner::Lexicon;
use crate::intake::rows::request_shape::Shape;

/// Key of a fact, in worker-local numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LocalFact {
    pub slot: u32,
    pub shape: u32,
    pub caller: u32,
}

/// Latest webhook rows of one region: how far its log reaches.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct LatestRows {
    /// Latest row of the day, microseconds since 1970.
    pub last_us: Option<i64>,
    /// Latest row soon after the day, in the same unit.
    pub ahead_us: Option<i64>,
}

/// Active callers of one hour, service and region.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ActiveCell {
    /// Hour, service and region.
    pub key: CellKey,
    /// Rows that name a caller.
    pub named: i64,
    pub sketch: CallerSketch,
}

/// Counts of one worker, in its own numbers.
#[derive(Debug, Serialize, Deserialize)]
pub struct TaskCounts {
    pub names: Lexicon,
    pub shape_list: Vec<Shape>,
    pub facts: Vec<LocalFact>,
    /// By fact.
    pub events: Vec<i64>,
    /// By fact: sixtieths of calls that neither dedupe nor the join looks at again.
    pub sixtieths: Vec<u64>,
    /// Evidence of events that are not plainly good, by slot and shape.
    pub witnesses: Vec<((u32, u32), EvidenceRows)>,
    /// Latencies by slot, service and region.
    pub latencies: Vec<(CellKey, LatencyCell)>,
    pub active: Vec<ActiveCell>,
    /// By file.
    pub tallies: Vec<FileTally>,
    pub attempted_list: Vec<AttemptTraits>,
    pub status_list: Vec<StatusTraits>,
    /// By number of the source reader: a sample of the ids of its calls.
    pub id_samples: Vec<IdSample>,
    /// By region.
    pub lanes: Vec<(u32, LatestRows)>,
    pub unreadable: UnreadableRows,
    pub odd_words: OddWords,
    pub hours: RepeatedHours,
    pub fields: FieldCounts,
}

impl TaskCounts {
    /// Returns what was counted in a file.
    pub fn tally(&self, file: u32) -> &FileTally {
        &self.tallies[file as usize]
    }
}
