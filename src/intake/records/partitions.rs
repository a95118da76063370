//! Partitions: fixed-width records by the top bits of their key, spilled beyond a budget.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

use super::partition_bits::PartitionBits;
use crate::error::Trouble;
use crate::facts::ids::Id;

/// Records of a block, times the number of partitions.
///
/// The more partitions, the smaller their blocks, so that half-empty ones take the same memory.
const BLOCKS: usize = 1 << 17;
/// Records that a partition first reserves memory for, times the number of partitions.
const FIRSTS: usize = 1 << 13;
/// Bytes read back from disk per step, rounded down to whole records.
const STEP: usize = 64 << 10;
/// Records buffered before they are scattered to their partitions.
///
/// Scattering in batches appends several records per partition while its tail is in cache; one
/// record at a time would miss the cache on almost every push.
const WAITING: usize = 8 << 10;

/// Bytes that facts and names may take however little memory a run is given: a day of ten million
/// calls has some 400,000 facts.
const FACTS_AT_LEAST: usize = 512 << 20;

/// Memory budget that the records, facts and names of a pass share.
#[derive(Debug)]
pub struct MemoryBudget {
    /// Bytes that facts and names may take.
    most_staying: usize,
    held: AtomicUsize,
    /// Bytes that facts and names will take until their day is published; they cannot go to disk.
    staying: AtomicUsize,
    /// Bytes from which on records go to disk.
    limit: usize,
    /// Bytes that each set may keep in memory even when the budget is used up.
    ///
    /// Spills are then few and large. Summed over all sets this is the budget minus `limit`.
    least: usize,
}

impl MemoryBudget {
    /// Creates a budget of `bytes` for about `sets` sets of records.
    pub fn new(bytes: usize, sets: usize) -> Arc<Self> {
        let spare = bytes / 3;
        let (held, staying) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let most_staying = bytes.max(FACTS_AT_LEAST);
        Arc::new(Self { most_staying, held, staying, limit: bytes - spare, least: spare / sets.max(1) })
    }

    /// Returns the bytes that facts and names may take.
    pub const fn most_staying(&self) -> usize {
        self.most_staying
    }

    /// Takes `more` bytes that cannot go to disk.
    ///
    /// # Errors
    /// Bytes that are needed, at least, if they are more than facts and names may take.
    pub fn keep(&self, more: usize) -> Result<(), usize> {
        let needed = self.staying.fetch_add(more, Relaxed) + more;
        self.held.fetch_add(more, Relaxed);
        if needed > self.most_staying { Err(needed) } else { Ok(()) }
    }

    /// Takes `more` bytes, and returns whether the limit is exceeded.
    fn take(&self, more: usize) -> bool {
        self.held.fetch_add(more, Relaxed) + more > self.limit
    }

    fn give_back(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Relaxed);
    }
}

/// One worker's records of one width.
pub struct Partitions {
    width: usize,
    bits: PartitionBits,
    waiting: Vec<u8>,
    /// Partition of each waiting record.
    homes: Vec<u16>,
    /// Locked only so that several threads can take partitions out; no thread ever waits.
    parts: Vec<Mutex<Part>>,
    held: usize,
    budget: Arc<MemoryBudget>,
    spill: Option<Spill>,
}

#[derive(Default)]
struct Part {
    blocks: Vec<Box<[u8]>>,
    open: Vec<u8>,
}

struct Spill {
    file: File,
    length: u64,
    /// By partition: offset and length of each of its pieces in the file.
    pieces: Vec<Vec<(u64, usize)>>,
}

impl Partitions {
    /// Creates an empty set of records of `width` bytes, which draws on a budget.
    ///
    /// It may hold the first records of each partition in memory even when the budget is used up.
    pub fn new(width: usize, bits: PartitionBits, budget: &Arc<MemoryBudget>) -> Self {
        Self {
            width,
            bits,
            waiting: Vec::new(),
            homes: Vec::new(),
            parts: (0..bits.partitions()).map(|_| Mutex::default()).collect(),
            held: 0,
            budget: budget.clone(),
            spill: None,
        }
    }

    /// Stores the record of a key, and spills to an unnamed file in `folder` if necessary.
    ///
    /// It spills when the budget is used up and this set holds enough of it. `write` packs the
    /// record in its final place: bytes that are written one by one and immediately read back to be
    /// copied cost more than the writing and the copying.
    ///
    /// # Errors
    /// Spilling to disk failed.
    #[inline]
    pub fn push<const WIDTH: usize>(
        &mut self,
        key: Id,
        folder: &Path,
        write: impl FnOnce(&mut [u8; WIDTH]),
    ) -> Result<(), Trouble> {
        debug_assert_eq!(WIDTH, self.width);
        self.homes.push(self.bits.partition(key) as u16);
        self.waiting.extend_from_slice(&[0; WIDTH]);
        if let Some(record) = self.waiting.last_chunk_mut() {
            write(record);
        }
        if self.homes.len() == WAITING { self.scatter::<WIDTH>(folder) } else { Ok(()) }
    }

    /// Moves the waiting records to their partitions.
    #[inline(never)]
    fn scatter<const WIDTH: usize>(&mut self, folder: &Path) -> Result<(), Trouble> {
        let partitions = self.bits.partitions();
        let mut ends = vec![0_u16; partitions + 1];
        for home in &self.homes {
            ends[usize::from(*home) + 1] += 1;
        }
        for at in 0..partitions {
            ends[at + 1] += ends[at];
        }
        let mut order = [0_u16; WAITING];
        let mut next = ends.clone();
        for (n, home) in self.homes.iter().enumerate() {
            let place = &mut next[usize::from(*home)];
            order[usize::from(*place)] = n as u16;
            *place += 1;
        }
        let waiting = std::mem::take(&mut self.waiting);
        for at in 0..partitions {
            let mut run = &order[usize::from(ends[at])..usize::from(ends[at + 1])];
            while !run.is_empty() {
                let open = &mut part(&mut self.parts[at]).open;
                let room = (open.capacity() - open.len()) / WIDTH;
                if room == 0 {
                    self.make_room(at, folder)?;
                    continue;
                }
                let (now, later) = run.split_at(room.min(run.len()));
                for n in now {
                    let begin = usize::from(*n) * WIDTH;
                    open.extend_from_slice(&waiting[begin..begin + WIDTH]);
                }
                run = later;
            }
        }
        self.waiting = waiting;
        self.waiting.clear();
        self.homes.clear();
        Ok(())
    }

    #[cold]
    fn make_room(&mut self, at: usize, folder: &Path) -> Result<(), Trouble> {
        let is_over = self.grow(at);
        let least = self.budget.least.max(FIRSTS * self.width);
        if is_over && self.held > least {
            self.spill(folder)?;
            self.grow(at);
        }
        Ok(())
    }

    /// Reserves memory for more records of a partition, and returns whether the limit is exceeded.
    fn grow(&mut self, at: usize) -> bool {
        let more = part(&mut self.parts[at]).grow(self.width, self.bits.partitions());
        self.held += more;
        self.budget.take(more)
    }

    fn spill(&mut self, folder: &Path) -> Result<(), Trouble> {
        let trouble = |e| Trouble::io(folder, "writing records of the join to disk", e);
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => none.insert(Spill {
                file: tempfile::tempfile_in(folder).map_err(trouble)?,
                length: 0,
                pieces: vec![Vec::new(); self.bits.partitions()],
            }),
        };
        let mut bytes = Vec::new();
        for at in 0..self.bits.partitions() {
            let Part { blocks, open } = std::mem::take(part(&mut self.parts[at]));
            bytes.clear();
            for block in blocks {
                bytes.extend_from_slice(&block);
            }
            bytes.extend_from_slice(&open);
            if !bytes.is_empty() {
                spill.file.write_all_at(&bytes, spill.length).map_err(trouble)?;
                spill.pieces[at].push((spill.length, bytes.len()));
                spill.length += bytes.len() as u64;
            }
        }
        self.budget.give_back(std::mem::take(&mut self.held));
        Ok(())
    }

    /// Returns how many bytes went to disk.
    pub fn spilled(&self) -> u64 {
        self.spill.as_ref().map_or(0, |s| s.length)
    }

    /// Passes the records of one partition to `out`, whole ones only, and frees their memory.
    ///
    /// To be called once per partition.
    ///
    /// # Errors
    /// Spilled records cannot be read back.
    pub fn take(&self, at: usize, folder: &Path, mut out: impl FnMut(&[u8])) -> Result<(), Trouble> {
        if let Some(spill) = &self.spill {
            let mut bytes = vec![0; STEP / self.width * self.width];
            for (offset, length) in &spill.pieces[at] {
                for begin in (0..*length).step_by(bytes.len()) {
                    let step = &mut bytes[..(length - begin).min(STEP / self.width * self.width)];
                    spill
                        .file
                        .read_exact_at(step, offset + begin as u64)
                        .map_err(|e| Trouble::io(folder, "reading records of the join back", e))?;
                    out(step);
                }
            }
        }
        let home = at as u16;
        let part = std::mem::take(&mut *self.parts[at].lock().unwrap_or_else(PoisonError::into_inner));
        self.budget.give_back(part.held());
        part.blocks.iter().for_each(|block| out(block));
        out(&part.open);
        for (record, _) in self.waiting.chunks_exact(self.width).zip(&self.homes).filter(|(_, h)| **h == home)
        {
            out(record);
        }
        Ok(())
    }
}

impl Part {
    /// Reserves memory for more records, and returns the bytes reserved.
    fn grow(&mut self, width: usize, partitions: usize) -> usize {
        let block = BLOCKS / partitions * width;
        if self.open.len() == block {
            self.blocks.push(std::mem::take(&mut self.open).into_boxed_slice());
        }
        let is_first = self.open.is_empty() && self.blocks.is_empty();
        let more = if is_first { (FIRSTS / partitions).max(1) * width } else { block - self.open.len() };
        self.open.reserve_exact(more);
        more
    }

    fn held(&self) -> usize {
        self.blocks.iter().map(|block| block.len()).sum::<usize>() + self.open.capacity()
    }
}

fn part(part: &mut Mutex<Part>) -> &mut Part {
    part.get_mut().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::records::packing::{Packer, Unpacker};
    use proptest::prelude::*;

    /// Returns a key of a partition.
    fn key(bits: PartitionBits, at: usize) -> Id {
        (at as Id) << (96 - bits.bits())
    }

    fn any_bits() -> impl Strategy<Value = PartitionBits> {
        PartitionBits::RANGE.prop_map(|bits| PartitionBits::try_from(bits).unwrap())
    }

    #[test]
    fn integers_survive_the_way_to_bytes() {
        let mut bytes = [0; 28];
        for n in [-3_600_000_000_i64, -1, 0, 86_399_999_999, (1 << 47) - 1] {
            let mut packer = Packer(&mut bytes, 0);
            packer.u96(u128::MAX >> 32);
            packer.i48(n);
            packer.u48((1 << 48) - 7);
            packer.u32(u32::MAX);
            let mut unpacker = Unpacker(&bytes, 0);
            assert_eq!((unpacker.u96(), unpacker.i48()), (u128::MAX >> 32, n));
            assert_eq!((unpacker.u48(), unpacker.u32()), ((1 << 48) - 7, u32::MAX));
        }
    }

    proptest! {
        /// Memory beyond the limit is at most the first records of each partition and one block.
        #[test]
        fn sets_of_any_growth_stay_within_their_budget(
            bits in any_bits(),
            limit in 0_usize..4_000_000,
            runs in proptest::collection::vec((0_usize..3, 1_usize..60_000), 1..12),
        ) {
            const WIDTH: usize = 36;
            let folder = tempfile::tempdir().unwrap();
            let budget = MemoryBudget::new(limit, 3);
            let mut sets: [_; 3] = std::array::from_fn(|_| Partitions::new(WIDTH, bits, &budget));
            let firsts = FIRSTS.max(bits.partitions()) * WIDTH;
            let bound = limit + 3 * firsts + BLOCKS / bits.partitions() * WIDTH;
            for (set, records) in runs {
                for n in 0..records {
                    let key = key(bits, n * 7 % bits.partitions());
                    sets[set].push::<WIDTH>(key, folder.path(), |_| {}).unwrap();
                    let held = budget.held.load(Relaxed);
                    prop_assert!(held <= bound, "{held} of {bound}");
                }
            }
        }

        #[test]
        fn spilling_keeps_every_record(
            bits in any_bits(),
            n in 0_u32..200_000,
            limit in 0_usize..1_000_000,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let budget = MemoryBudget::new(limit, 1);
            let mut partitions = Partitions::new(4, bits, &budget);
            for id in 0..n {
                let key = key(bits, id as usize % bits.partitions());
                partitions.push(key, folder.path(), |at| *at = id.to_le_bytes()).unwrap();
            }
            let mut ids = Vec::new();
            for at in 0..bits.partitions() {
                partitions.take(at, folder.path(), |all| {
                    ids.extend(all.chunks_exact(4).map(|r| Unpacker(r, 0).u32()));
                }).unwrap();
            }
            // Taking everything out gives the whole budget back.
            prop_assert_eq!(budget.held.load(Relaxed), 0);
            ids.sort_unstable();
            prop_assert_eq!(ids, (0..n).collect::<Vec<_>>());
        }
    }
}
