//! Sums: the counts of one worker while it joins calls with webhook rows.

use serde::{Deserialize, Serialize};

use crate::facts::ids::Map;
use crate::facts::{DayTotals, DelayKind, latency};
use crate::intake::records::numbers::{DayFact, DayKind};

/// Counts of one worker of the join.
#[derive(Debug, Serialize, Deserialize)]
pub struct Sums {
    /// By fact of a call: messages whose outcome is open.
    pub open: Vec<u32>,
    /// By fact of a call: messages whose outcome is decided, and the sixtieths of their admission.
    pub closed: Vec<u32>,
    pub closed_sixtieths: Vec<u64>,
    /// By fact of a call: sixtieths of calls whose message another call admitted.
    pub calls_again: Map<DayFact, u64>,
    /// By fact: calls without an answer that are kept apart.
    pub waiting: Map<DayFact, i64>,
    /// Closed notifications by kind and HTTP status, then by slot.
    pub notifications: Map<(DayKind, u16), Vec<SlotEvents>>,
    /// Delays by kind and measure, then by bucket.
    pub delays: Map<(DayKind, DelayKind), Vec<u32>>,
    pub duplicates: Map<u32, u64>,
    /// Webhook rows by kind of their notification, then by slot.
    pub rows: Map<DayKind, Vec<u32>>,
    /// Those of them that failed or report a failed message, by the same.
    pub failing: Map<DayKind, Vec<u32>>,
    pub attempts: u64,
    pub tally: DayTotals,
}

/// Events of one slot, with the sixtieths in which they began.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct SlotEvents {
    pub events: u32,
    pub sixtieths: u64,
}

impl Sums {
    pub fn new(facts: usize) -> Self {
        Self {
            open: vec![0; facts],
            closed: vec![0; facts],
            closed_sixtieths: vec![0; facts],
            calls_again: Map::default(),
            waiting: Map::default(),
            notifications: Map::default(),
            delays: Map::default(),
            duplicates: Map::default(),
            rows: Map::default(),
            failing: Map::default(),
            attempts: 0,
            tally: DayTotals::default(),
        }
    }

    pub fn measure(&mut self, kind: DayKind, measure: DelayKind, value: i64) {
        let bucket = latency::bucket(u64::try_from(value).unwrap_or(0));
        *entry(self.delays.entry((kind, measure)).or_default(), bucket) += 1;
    }
}

/// Returns the entry at an index, after making room for it.
pub fn entry<T: Clone + Default>(entries: &mut Vec<T>, index: u32) -> &mut T {
    let index = index as usize;
    if index >= entries.len() {
        entries.resize(index + 1, T::default());
    }
    &mut entries[index]
}

/// Returns the indexes with a count above zero, with their counts.
pub fn counted(counts: &[u32]) -> impl Iterator<Item = (u32, u32)> {
    counts.iter().enumerate().filter(|(_, n)| **n > 0).map(|(at, n)| (at as u32, *n))
}
