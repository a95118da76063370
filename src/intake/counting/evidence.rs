//! EvidenceRows: where the rows stand that explain a count, the first few of each slot and kind.

/// Rows of evidence that a slot and kind keep.
pub const EVIDENCE: usize = 3;

/// Where a row stands before chunks know their first line: file, chunk of the file, row in the chunk from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub file: u32,
    pub chunk: u32,
    pub row: u64,
}

/// A row behind a count that is not plainly good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EvidenceRow {
    pub place: Place,
    /// The low 64 bits of the id's hash; 0 without id.
    pub hash: u64,
}

/// The first rows of a slot and kind in the order of files, one per id: workers race, so the first seen would not do.
#[derive(Debug, Clone, Copy, Default)]
pub struct EvidenceRows([Option<EvidenceRow>; EVIDENCE]);

impl EvidenceRows {
    pub fn iter(&self) -> impl Iterator<Item = EvidenceRow> + '_ {
        self.0.iter().flatten().copied()
    }

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
