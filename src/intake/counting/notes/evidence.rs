//! Evidence: the first rows of each slot and kind that explain its count.

use serde::{Deserialize, Serialize};

/// Rows of evidence kept per slot and kind.
pub const EVIDENCE: usize = 3;

/// Position of a row while the first line of its chunk is not yet known.
///
/// `file` is the index of the file, `chunk` the index of the chunk in the file, `row` counts from 1
/// in the chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RowPlace {
    pub file: u32,
    pub chunk: u32,
    pub row: u64,
}

/// Row behind a count that is not plainly good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EvidenceRow {
    pub place: RowPlace,
    /// Low 64 bits of the hash of the call's id; 0 without an id.
    pub hash: u64,
}

/// The first rows of a slot and kind in the order of files, at most one per id.
///
/// Workers race, so the rows seen first would differ from run to run.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct EvidenceRows([Option<EvidenceRow>; EVIDENCE]);

impl EvidenceRows {
    pub fn iter(&self) -> impl Iterator<Item = EvidenceRow> + '_ {
        self.0.iter().flatten().copied()
    }

    /// Adds a row, if it precedes a row that is kept or if there is room.
    pub fn add(&mut self, new: EvidenceRow) {
        let same_id = self.0.iter().position(|w| w.is_some_and(|w| new.hash != 0 && w.hash == new.hash));
        let place = same_id.or_else(|| self.0.iter().position(Option::is_none)).unwrap_or_else(|| {
            let last = self.0.iter().enumerate().max_by_key(|(_, w)| **w);
            last.map_or(0, |(at, _)| at)
        });
        if self.0[place].is_none_or(|old| new < old) {
            self.0[place] = Some(new);
        }
    }
}
