//! Dedupe: the same id counts once. Records are partitioned by hash, each partition is settled in cache.
//!
//! Among differing copies the inner vantage wins, then the earliest, then the smallest content, so neither the order
//! of files nor the number of workers can move a number.

use std::cmp::Ordering;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;

use crate::error::Trouble;

/// Partitions by the top bits of the hash; a billion rows then settle in 4 million records at a time.
const PARTITION_BITS: u32 = 8;
pub const PARTITIONS: usize = 1 << PARTITION_BITS;
/// Records per block: small enough that 256 half-empty partitions take little room.
const BLOCK: usize = 512;
const RECORD_BYTES: usize = 32;

/// One row that has an id, as far as dedupe must remember it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    pub hash: u128,
    /// Start of the event in microseconds since the start of the day (negative before it), 48 bits.
    pub offset_us: i64,
    /// Latency bucket, or [`Record::NO_LATENCY`].
    pub latency: u16,
    /// Worker-local fact; below [`Record::OUTSIDE`] the row lies outside the day and the number is its vantage's rank.
    pub fact: u32,
    pub file: u32,
}

impl Record {
    pub const NO_LATENCY: u16 = u16::MAX;
    /// Facts below this number stand for rows outside the day.
    pub const OUTSIDE: u32 = 4;

    fn to_bytes(self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        bytes[..16].copy_from_slice(&self.hash.to_le_bytes());
        bytes[16..24].copy_from_slice(&((self.offset_us << 16) | i64::from(self.latency)).to_le_bytes());
        bytes[24..28].copy_from_slice(&self.fact.to_le_bytes());
        bytes[28..].copy_from_slice(&self.file.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; RECORD_BYTES]) -> Self {
        let mut hash = [0; 16];
        let (mut when, mut fact, mut file) = ([0; 8], [0; 4], [0; 4]);
        hash.copy_from_slice(&bytes[..16]);
        when.copy_from_slice(&bytes[16..24]);
        fact.copy_from_slice(&bytes[24..28]);
        file.copy_from_slice(&bytes[28..]);
        let when = i64::from_le_bytes(when);
        Self {
            hash: u128::from_le_bytes(hash),
            offset_us: when >> 16,
            latency: (when & 0xffff) as u16,
            fact: u32::from_le_bytes(fact),
            file: u32::from_le_bytes(file),
        }
    }
}

/// The hash of an id. Never leaves the process.
pub fn hash(id: &[u8]) -> u128 {
    xxh3_128(id)
}

const fn partition(hash: u128) -> usize {
    (hash >> (128 - PARTITION_BITS)) as usize
}

/// One worker's records, in memory up to its share of the budget and on disk beyond.
pub struct Partitions {
    blocks: Vec<Vec<Box<[[u8; RECORD_BYTES]]>>>,
    open: Vec<Vec<[u8; RECORD_BYTES]>>,
    held: usize,
    limit: usize,
    spill: Option<Spill>,
}

struct Spill {
    file: File,
    length: u64,
    /// Per partition: where its bytes lie, as (offset, length).
    pieces: Vec<Vec<(u64, usize)>>,
}

impl Partitions {
    /// `budget` in bytes; never less than what one open block per partition takes.
    pub fn new(budget: usize) -> Self {
        Self {
            blocks: (0..PARTITIONS).map(|_| Vec::new()).collect(),
            open: (0..PARTITIONS).map(|_| Vec::new()).collect(),
            held: 0,
            limit: budget.max(PARTITIONS * BLOCK * RECORD_BYTES),
            spill: None,
        }
    }

    /// Remembers a record; spills to an unnamed file in `folder` when the budget is used up.
    ///
    /// # Errors
    /// The folder's disk refuses.
    pub fn push(&mut self, record: Record, folder: &Path) -> Result<(), Trouble> {
        let at = partition(record.hash);
        let open = &mut self.open[at];
        if open.len() == open.capacity() {
            if open.len() == BLOCK {
                self.blocks[at].push(std::mem::take(open).into_boxed_slice());
            }
            let grow = if open.is_empty() && self.blocks[at].is_empty() { 32 } else { BLOCK - open.len() };
            open.reserve_exact(grow);
            self.held += grow * RECORD_BYTES;
        }
        self.open[at].push(record.to_bytes());
        if self.held > self.limit { self.spill(folder) } else { Ok(()) }
    }

    fn spill(&mut self, folder: &Path) -> Result<(), Trouble> {
        let trouble = |e| Trouble::io(folder, "writing dedupe records to disk", e);
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => none.insert(Spill {
                file: tempfile::tempfile_in(folder).map_err(trouble)?,
                length: 0,
                pieces: vec![Vec::new(); PARTITIONS],
            }),
        };
        for at in 0..PARTITIONS {
            let mut bytes = Vec::new();
            for block in self.blocks[at].drain(..) {
                bytes.extend_from_slice(block.as_flattened());
            }
            bytes.extend_from_slice(self.open[at].as_flattened());
            self.open[at] = Vec::new();
            if !bytes.is_empty() {
                spill.file.write_all_at(&bytes, spill.length).map_err(trouble)?;
                spill.pieces[at].push((spill.length, bytes.len()));
                spill.length += bytes.len() as u64;
            }
        }
        self.held = 0;
        Ok(())
    }

    /// Bytes that went to disk.
    pub fn spilled(&self) -> u64 {
        self.spill.as_ref().map_or(0, |s| s.length)
    }

    /// Appends the records of one partition to `out`.
    ///
    /// # Errors
    /// Spilled records cannot be read back.
    pub fn read(&self, at: usize, folder: &Path, mut out: impl FnMut(Record)) -> Result<(), Trouble> {
        if let Some(spill) = &self.spill {
            let mut bytes = Vec::new();
            for (offset, length) in &spill.pieces[at] {
                bytes.resize(*length, 0);
                spill
                    .file
                    .read_exact_at(&mut bytes, *offset)
                    .map_err(|e| Trouble::io(folder, "reading dedupe records back", e))?;
                for record in bytes.as_chunks::<RECORD_BYTES>().0 {
                    out(Record::from_bytes(record));
                }
            }
        }
        for record in self.blocks[at].iter().flat_map(|b| b.iter()).chain(&self.open[at]) {
            out(Record::from_bytes(record));
        }
        Ok(())
    }
}

/// Finds the surplus copies among the records of one partition: calls `lose(loser, winner)` once per loser.
/// `outranks` orders two differing copies of one id: `Less` wins.
pub fn settle(
    records: &[Record],
    outranks: impl Fn(&Record, &Record) -> Ordering,
    mut lose: impl FnMut(&Record, &Record),
) {
    const EMPTY: u32 = u32::MAX;
    let mask = (records.len() * 2).next_power_of_two() - 1;
    let mut table = vec![EMPTY; mask + 1];
    // Per slot of the table the best copy so far; who loses to whom is known only after the last copy, so losers wait.
    let mut losers: Vec<(u32, u32)> = Vec::new();
    for (n, record) in records.iter().enumerate() {
        let mut at = record.hash as usize & mask;
        loop {
            if table[at] == EMPTY {
                table[at] = n as u32;
                break;
            }
            let best = &records[table[at] as usize];
            if best.hash == record.hash {
                let loser = if outranks(record, best).is_lt() {
                    std::mem::replace(&mut table[at], n as u32)
                } else {
                    n as u32
                };
                losers.push((loser, at as u32));
                break;
            }
            at = (at + 1) & mask;
        }
    }
    for (loser, at) in losers {
        lose(&records[loser as usize], &records[table[at as usize] as usize]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(id: u64, offset_us: i64, fact: u32) -> Record {
        Record { hash: hash(&id.to_le_bytes()), offset_us, latency: 7, fact, file: 3 }
    }

    #[test]
    fn records_survive_the_way_to_bytes() {
        for offset_us in [-3_600_000_000, -1, 0, 86_399_999_999] {
            let r = Record { latency: Record::NO_LATENCY, ..record(1, offset_us, 9) };
            assert_eq!(Record::from_bytes(&r.to_bytes()), r);
        }
    }

    proptest! {
        #[test]
        fn one_copy_per_id_stays_and_it_is_the_earliest(ids in prop::collection::vec((0_u64..40, 0_i64..5), 0..200)) {
            let records: Vec<Record> = ids.iter().enumerate().map(|(n, (id, t))| record(*id, *t, n as u32)).collect();
            let mut lost = std::collections::BTreeSet::new();
            let by_time = |a: &Record, b: &Record| (a.offset_us, a.fact).cmp(&(b.offset_us, b.fact));
            settle(&records, by_time, |loser, winner| {
                assert!(loser.hash == winner.hash && by_time(winner, loser).is_lt());
                assert!(lost.insert(loser.fact));
            });
            let distinct: std::collections::BTreeSet<u64> = ids.iter().map(|(id, _)| *id).collect();
            prop_assert_eq!(records.len() - lost.len(), distinct.len());
        }

        #[test]
        fn spilling_keeps_every_record(n in 0_u64..60_000) {
            let folder = tempfile::tempdir().unwrap();
            let mut partitions = Partitions::new(0);
            for id in 0..n {
                partitions.push(record(id, id as i64, id as u32), folder.path()).unwrap();
            }
            let mut facts = Vec::new();
            for at in 0..PARTITIONS {
                partitions.read(at, folder.path(), |r| facts.push(r.fact)).unwrap();
            }
            facts.sort_unstable();
            prop_assert_eq!(facts, (0..n as u32).collect::<Vec<_>>());
        }
    }
}
