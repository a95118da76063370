//! Active callers: the callers of each hour, service and region, as one worker sees them.

use std::hash::{BuildHasher, Hasher};

use hashbrown::HashMap;

use super::latency_cell::CellKey;
use crate::facts::{CallerSketch, Salt};
use crate::intake::records::numbers::WorkerFact;
use crate::intake::rows::sketch::Scalar;

const NO_CELL: u32 = u32::MAX;
/// Hashes that a cell may hold before it forgets all but the smallest.
const MOST: usize = 2 * CallerSketch::KEPT;
/// Slots of the table of a cell with its first caller.
const FIRST: usize = 8;

/// Entries of the cache of recent callers.
const RECENT: usize = 4_096;

/// Callers of each hour, service and region.
#[derive(Debug)]
pub struct ActiveCallers {
    /// By fact: its cell, so that a row finds it without hashing.
    cell_of: Vec<u32>,
    numbers: HashMap<CellKey, u32, foldhash::fast::RandomState>,
    cells: Vec<CallerCell>,
    /// Callers that are known in their cell, by a fingerprint of both.
    ///
    /// Most rows repeat one of them, and end here: without it a row needs the keyed hash of its
    /// caller, and jumps that no processor predicts. Two fingerprints meet once in 2^64.
    recent: Box<[u64; RECENT]>,
    hasher: foldhash::fast::RandomState,
}

impl Default for ActiveCallers {
    fn default() -> Self {
        let (cell_of, numbers, cells, hasher) = Default::default();
        Self { cell_of, numbers, cells, recent: Box::new([0; RECENT]), hasher }
    }
}

/// Callers of one hour, service and region.
#[derive(Debug)]
pub struct CallerCell {
    /// Rows that name a caller.
    pub named: i64,
    /// Hash table of hashes, open addressing; 0 is an empty slot.
    table: Vec<u64>,
    held: usize,
    /// Hashes from this one on are not among the smallest.
    limit: u64,
}

impl ActiveCallers {
    /// Counts a row of a fact that names a caller; `key` gives hour, service and region.
    #[inline]
    pub fn add(&mut self, fact: WorkerFact, key: impl FnOnce() -> CellKey, caller: Scalar<'_>, salt: &Salt) {
        if self.cell_of.get(fact.at()).is_none_or(|cell| *cell == NO_CELL) {
            self.find(fact, key());
        }
        let number = self.cell_of[fact.at()];
        let cell = &mut self.cells[number as usize];
        cell.named += 1;
        let mut print = self.hasher.build_hasher();
        print.write_u32(number);
        match caller {
            Scalar::Text(name) => print.write(name),
            Scalar::Int(n) => print.write_i64(n),
            _ => {}
        }
        let print = print.finish();
        let recent = &mut self.recent[print as usize % RECENT];
        if *recent != print {
            *recent = print;
            if let Some(hash) = caller.with_bytes(|name| salt.caller(name)) {
                cell.add(hash);
            }
        }
    }

    #[cold]
    fn find(&mut self, fact: WorkerFact, key: CellKey) {
        if fact.at() >= self.cell_of.len() {
            self.cell_of.resize(fact.at() + 1, NO_CELL);
        }
        self.cell_of[fact.at()] = *self.numbers.entry(key).or_insert_with(|| {
            self.cells.push(CallerCell { named: 0, table: vec![0; FIRST], held: 0, limit: u64::MAX });
            (self.cells.len() - 1) as u32
        });
    }

    /// Returns the cells by hour, service and region.
    pub fn cells(&self) -> impl Iterator<Item = (CellKey, &CallerCell)> {
        self.numbers.iter().map(|(key, number)| (*key, &self.cells[*number as usize]))
    }
}

impl CallerCell {
    #[inline]
    fn add(&mut self, caller: u64) {
        // In busy cells most callers end here.
        if caller >= self.limit {
            return;
        }
        let mask = self.table.len() - 1;
        let mut at = caller as usize & mask;
        while self.table[at] != 0 {
            if self.table[at] == caller {
                return;
            }
            at = (at + 1) & mask;
        }
        self.table[at] = caller;
        self.held += 1;
        if self.held * 2 > self.table.len() {
            self.make_room();
        }
    }

    #[cold]
    fn make_room(&mut self) {
        let mut hashes: Vec<u64> = self.hashes().collect();
        let mut slots = self.table.len();
        if hashes.len() > MOST {
            hashes.sort_unstable();
            hashes.truncate(CallerSketch::KEPT);
            self.limit = hashes[CallerSketch::KEPT - 1];
        } else {
            slots *= 2;
        }
        (self.table, self.held) = (vec![0; slots], 0);
        // The table is large enough, and the largest hash is kept although it is the limit.
        let mask = slots - 1;
        for hash in hashes {
            let mut at = hash as usize & mask;
            while self.table[at] != 0 {
                at = (at + 1) & mask;
            }
            self.table[at] = hash;
            self.held += 1;
        }
    }

    fn hashes(&self) -> impl Iterator<Item = u64> {
        self.table.iter().copied().filter(|hash| *hash != 0)
    }

    /// Returns the sketch of the callers.
    pub fn sketch(&self) -> CallerSketch {
        CallerSketch::of(self.hashes().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cell_keeps_the_smallest_hashes(
            callers in prop::collection::vec(prop_oneof![1..200_i64, 1..2_000_i64, 1..1_i64 << 48], 0..4_000),
            are_numbers in any::<bool>(),
        ) {
            let (mut active, salt) = (ActiveCallers::default(), Salt::new("s"));
            let mut hashes = Vec::new();
            for caller in &callers {
                let text = caller.to_string();
                hashes.push(salt.caller(text.as_bytes()));
                let name = if are_numbers { Scalar::Int(*caller) } else { Scalar::Text(text.as_bytes()) };
                active.add(WorkerFact(5), || (7, 1, 2), name, &salt);
            }
            for (key, cell) in active.cells() {
                prop_assert_eq!((key, cell.named), ((7, 1, 2), callers.len() as i64));
                prop_assert!(cell.table.len() <= 2 * MOST);
                prop_assert_eq!(cell.sketch(), CallerSketch::of(hashes.clone()));
            }
        }
    }
}
