//! Copies: files of one source and day with the same text, such as a log beside its `.gz`.

use std::collections::BTreeMap;

use super::find::LogFile;
use crate::config::{Field, Log};
use crate::intake::counting::task_counts::TaskCounts;
use crate::intake::rows::source_reader::SourceReader;

/// Returns the files whose text is that of another file, with that file.
///
/// Only rows without ids are looked at: copies of others are found row by row. `hash_of` returns
/// the hash of a file's text, decompressed, if it is known.
pub fn copies<'h>(
    files: &[LogFile],
    counts: &[TaskCounts],
    source_readers: &[SourceReader],
    reader_of: &[usize],
    hash_of: impl Fn(u32) -> Option<&'h String>,
) -> BTreeMap<u32, u32> {
    let mut first = BTreeMap::new();
    let mut copies = BTreeMap::new();
    // The day's own file stays, if the other one is of a day beside it.
    let mut order: Vec<usize> = (0..files.len()).collect();
    order.sort_by_key(|n| (files[*n].role, *n));
    for n in order {
        let tallies = || counts.iter().map(|counts| counts.tally(n as u32));
        let id = match source_readers[reader_of[n]].source().log {
            Log::Requests => Field::RequestId,
            Log::Webhooks => Field::WebhookId,
        };
        let has_ids = tallies().any(|tally| tally.seen & (1 << id as usize) != 0);
        let has_rows = tallies().any(|tally| tally.accepted > 0);
        if let Some(hash) = hash_of(n as u32).filter(|_| has_rows && !has_ids) {
            let original = *first.entry((reader_of[n], hash)).or_insert(n as u32);
            if original != n as u32 {
                copies.insert(n as u32, original);
            }
        }
    }
    copies
}
