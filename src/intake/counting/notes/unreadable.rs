//! Unreadable rows: between which readable rows of their file they stand.
//!
//! A row that cannot be read may have told of anything that happened near the rows beside it, so it
//! explains the missing status of one message from then.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::evidence::RowPlace;

/// Unreadable rows between two readable ones of a file, whose instants are microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnreadableSpan {
    /// Instants of the readable rows around them; `None` at an end of the file.
    pub before_us: Option<i64>,
    pub after_us: Option<i64>,
    pub rows: u64,
    pub bytes: u64,
}

/// A part of a file, as one worker read it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Part {
    place: RowPlace,
    first_us: Option<i64>,
    last_us: Option<i64>,
    /// Unreadable rows before the first readable row, and after the last.
    leading: (u64, u64),
    trailing: (u64, u64),
    within: Vec<UnreadableSpan>,
}

/// Notes the unreadable rows of one work item after the other.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct UnreadableRows {
    part: Option<Part>,
    parts: Vec<Part>,
}

impl UnreadableRows {
    /// Begins a work item, which is part of one file.
    pub fn begin(&mut self) {
        self.parts.extend(self.part.take());
    }

    /// Notes a readable row.
    #[inline]
    pub fn readable(&mut self, place: &RowPlace, us: i64) {
        let Some(part) = &mut self.part else {
            self.part = Some(Part::begun_with(*place, Some(us)));
            return;
        };
        if part.trailing.0 > 0 {
            part.settle(us);
        }
        part.last_us = Some(us);
    }

    /// Notes a row that could not be read, of so many bytes.
    pub fn unreadable(&mut self, place: &RowPlace, bytes: usize) {
        let part = self.part.get_or_insert_with(|| Part::begun_with(*place, None));
        part.trailing = (part.trailing.0 + 1, part.trailing.1 + bytes as u64);
    }
}

impl Part {
    const fn begun_with(place: RowPlace, us: Option<i64>) -> Self {
        Self { place, first_us: us, last_us: us, leading: (0, 0), trailing: (0, 0), within: Vec::new() }
    }

    /// Closes a run of unreadable rows, which ends before a readable row.
    fn settle(&mut self, us: i64) {
        let (rows, bytes) = std::mem::take(&mut self.trailing);
        if self.last_us.is_none() {
            self.leading = (rows, bytes);
            self.first_us = Some(us);
            return;
        }
        self.within.push(UnreadableSpan { before_us: self.last_us, after_us: Some(us), rows, bytes });
    }
}

/// Joins the parts of all workers: by file, the spans of its unreadable rows, in order.
///
/// Files without unreadable rows are left out. The spans do not depend on how files were cut.
pub fn spans<'w>(workers: impl Iterator<Item = &'w UnreadableRows>) -> BTreeMap<u32, Vec<UnreadableSpan>> {
    let mut files: BTreeMap<u32, Vec<&Part>> = BTreeMap::new();
    for part in workers.flat_map(|rows| rows.parts.iter().chain(&rows.part)) {
        files.entry(part.place.file).or_default().push(part);
    }
    let mut all = BTreeMap::new();
    for (file, mut parts) in files {
        parts.sort_by_key(|part| part.place);
        let mut spans = Vec::new();
        let (mut last_us, mut waiting) = (None, (0, 0));
        let mut close = |before_us, after_us, (rows, bytes): (u64, u64)| {
            if rows > 0 {
                spans.push(UnreadableSpan { before_us, after_us, rows, bytes });
            }
        };
        for part in parts {
            let Some(first_us) = part.first_us else {
                waiting = (waiting.0 + part.trailing.0, waiting.1 + part.trailing.1);
                continue;
            };
            close(last_us, Some(first_us), (waiting.0 + part.leading.0, waiting.1 + part.leading.1));
            part.within.iter().for_each(|span| close(span.before_us, span.after_us, (span.rows, span.bytes)));
            (last_us, waiting) = (part.last_us, part.trailing);
        }
        close(last_us, None, waiting);
        if !spans.is_empty() {
            all.insert(file, spans);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Notes the rows of a file, cut at some places, by two workers in turn.
    fn found(rows: &[Option<i64>], cuts: &[usize]) -> Vec<UnreadableSpan> {
        let mut workers = [UnreadableRows::default(), UnreadableRows::default()];
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (rows.len() + 1)).collect();
        cuts.extend([0, rows.len()]);
        cuts.sort_unstable();
        for (chunk, cut) in cuts.windows(2).enumerate() {
            let worker = &mut workers[chunk % 2];
            worker.begin();
            for (row, us) in rows[cut[0]..cut[1]].iter().enumerate() {
                let place = RowPlace { file: 3, chunk: chunk as u32, row: row as u64 };
                match us {
                    Some(us) => worker.readable(&place, *us),
                    None => worker.unreadable(&place, 10),
                }
            }
        }
        spans(workers.iter()).remove(&3).unwrap_or_default()
    }

    proptest! {
        #[test]
        fn spans_do_not_depend_on_how_a_file_is_cut(
            rows in prop::collection::vec(prop::option::of(0_i64..100), 0..30),
            cuts in prop::collection::vec(0_usize..31, 0..5),
        ) {
            let whole = found(&rows, &[]);
            prop_assert_eq!(&found(&rows, &cuts), &whole);
            let bad = rows.iter().filter(|row| row.is_none()).count() as u64;
            prop_assert_eq!(whole.iter().map(|span| span.rows).sum::<u64>(), bad);
            prop_assert_eq!(whole.iter().map(|span| span.bytes).sum::<u64>(), 10 * bad);
        }
    }

    #[test]
    fn rows_stand_between_their_neighbours() {
        let span = |before_us, after_us, rows| UnreadableSpan { before_us, after_us, rows, bytes: 10 * rows };
        assert_eq!(
            found(&[None, Some(5), None, None, Some(9), Some(8), None], &[3]),
            [span(None, Some(5), 1), span(Some(5), Some(9), 2), span(Some(8), None, 1)]
        );
        assert_eq!(found(&[None, None], &[1]), [span(None, None, 2)]);
    }
}
