//! Latency cell: latencies of one slot, service and region, while a worker counts.

use serde::{Deserialize, Serialize};

/// Slot or hour, service and region; the latter two are numbers of the worker's lexicon.
pub type CellKey = (u32, u32, u32);

/// Latency histogram of one slot, service and region; octaves without events take no memory.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct LatencyCell([Option<Box<[u32; 16]>>; 32]);

impl LatencyCell {
    /// Counts one event.
    pub fn add(&mut self, bucket: u32) {
        let page = self.0[(bucket >> 4) as usize].get_or_insert_default();
        page[(bucket & 15) as usize] += 1;
    }

    /// Returns the buckets that are not empty, with their counts.
    pub fn counts(&self) -> impl Iterator<Item = (u32, i64)> + '_ {
        self.0.iter().enumerate().filter_map(|(n, page)| Some((n, page.as_ref()?))).flat_map(|(n, page)| {
            page.iter()
                .enumerate()
                .filter(|(_, c)| **c > 0)
                .map(move |(k, c)| ((n * 16 + k) as u32, i64::from(*c)))
        })
    }
}
