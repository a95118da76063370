//! Partitions: records of fixed width, split by the top bits of their key, in memory up to a budget and on disk beyond.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::error::Trouble;

/// Partitions by the top bits of the key; a billion rows then settle in 4 million records at a time.
pub const PARTITION_BITS: u32 = 8;
pub const PARTITIONS: usize = 1 << PARTITION_BITS;
/// Records per block: small enough that 256 half-empty partitions take little room.
const BLOCK: usize = 512;
/// Records that a partition has room for at first.
const FIRST: usize = 32;

/// One worker's records of one width.
pub struct Partitions {
    width: usize,
    /// Behind locks only so that several threads can take partitions out; nobody ever waits.
    parts: Vec<Mutex<Part>>,
    held: usize,
    limit: usize,
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
    /// Per partition: where its bytes lie, as (offset, length).
    pieces: Vec<Vec<(u64, usize)>>,
}

impl Partitions {
    /// Records of `width` bytes; `budget` in bytes, but never less than what the first records of each partition take.
    pub fn new(width: usize, budget: usize) -> Self {
        Self {
            width,
            parts: (0..PARTITIONS).map(|_| Mutex::default()).collect(),
            held: 0,
            limit: budget.max(PARTITIONS * FIRST * width),
            spill: None,
        }
    }

    /// Remembers a record; spills to an unnamed file in `folder` when the budget is used up.
    ///
    /// # Errors
    /// The folder's disk refuses.
    #[inline]
    pub fn push<const WIDTH: usize>(
        &mut self,
        at: usize,
        record: &[u8; WIDTH],
        folder: &Path,
    ) -> Result<(), Trouble> {
        debug_assert_eq!(WIDTH, self.width);
        let part = part(&mut self.parts[at]);
        if part.open.len() == part.open.capacity() {
            self.held += part.grow(self.width);
        }
        part.open.extend_from_slice(record);
        if self.held > self.limit { self.spill(folder) } else { Ok(()) }
    }

    fn spill(&mut self, folder: &Path) -> Result<(), Trouble> {
        let trouble = |e| Trouble::io(folder, "writing records of the join to disk", e);
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => none.insert(Spill {
                file: tempfile::tempfile_in(folder).map_err(trouble)?,
                length: 0,
                pieces: vec![Vec::new(); PARTITIONS],
            }),
        };
        for at in 0..PARTITIONS {
            let Part { blocks, open } = std::mem::take(part(&mut self.parts[at]));
            let mut bytes = Vec::new();
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
        self.held = 0;
        Ok(())
    }

    /// Bytes that went to disk.
    pub fn spilled(&self) -> u64 {
        self.spill.as_ref().map_or(0, |s| s.length)
    }

    /// Hands out the records of one partition and lets go of what it holds in memory.
    ///
    /// # Errors
    /// Spilled records cannot be read back.
    pub fn take(&self, at: usize, folder: &Path, mut out: impl FnMut(&[u8])) -> Result<(), Trouble> {
        if let Some(spill) = &self.spill {
            let mut bytes = Vec::new();
            for (offset, length) in &spill.pieces[at] {
                bytes.resize(*length, 0);
                spill
                    .file
                    .read_exact_at(&mut bytes, *offset)
                    .map_err(|e| Trouble::io(folder, "reading records of the join back", e))?;
                bytes.chunks_exact(self.width).for_each(&mut out);
            }
        }
        let Part { blocks, open } =
            std::mem::take(&mut *self.parts[at].lock().unwrap_or_else(PoisonError::into_inner));
        for block in blocks {
            block.chunks_exact(self.width).for_each(&mut out);
        }
        open.chunks_exact(self.width).for_each(out);
        Ok(())
    }
}

impl Part {
    /// Makes room for more records; the bytes of it.
    #[cold]
    fn grow(&mut self, width: usize) -> usize {
        let block = BLOCK * width;
        if self.open.len() == block {
            self.blocks.push(std::mem::take(&mut self.open).into_boxed_slice());
        }
        let is_first = self.open.is_empty() && self.blocks.is_empty();
        let more = if is_first { FIRST * width } else { block - self.open.len() };
        self.open.reserve_exact(more);
        more
    }
}

fn part(part: &mut Mutex<Part>) -> &mut Part {
    part.get_mut().unwrap_or_else(PoisonError::into_inner)
}

/// Writes fixed-width integers one after the other; numbers that a shorter width cannot hold are clamped.
pub struct Packer<'a>(pub &'a mut [u8], pub usize);

impl Packer<'_> {
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0[self.1..self.1 + bytes.len()].copy_from_slice(bytes);
        self.1 += bytes.len();
    }

    /// The low 96 bits.
    pub fn u96(&mut self, n: u128) {
        self.bytes(&n.to_le_bytes()[..12]);
    }

    pub fn u32(&mut self, n: u32) {
        self.bytes(&n.to_le_bytes());
    }

    pub fn u16(&mut self, n: u16) {
        self.bytes(&n.to_le_bytes());
    }

    pub fn i48(&mut self, n: i64) {
        const MOST: i64 = (1 << 47) - 1;
        self.bytes(&n.clamp(-MOST - 1, MOST).to_le_bytes()[..6]);
    }
}

/// The reverse of [`Packer`].
pub struct Unpacker<'a>(pub &'a [u8], pub usize);

impl Unpacker<'_> {
    fn take<const N: usize>(&mut self, length: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes[..length].copy_from_slice(&self.0[self.1..self.1 + length]);
        self.1 += length;
        bytes
    }

    pub fn u128(&mut self) -> u128 {
        u128::from_le_bytes(self.take(16))
    }

    pub fn u96(&mut self) -> u128 {
        u128::from_le_bytes(self.take(12))
    }

    pub fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4))
    }

    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take(2))
    }

    pub fn i48(&mut self) -> i64 {
        (i64::from_le_bytes(self.take(6)) << 16) >> 16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn integers_survive_the_way_to_bytes() {
        let mut bytes = [0; 28];
        for n in [-3_600_000_000_i64, -1, 0, 86_399_999_999, (1 << 47) - 1] {
            let mut packer = Packer(&mut bytes, 0);
            packer.u96(u128::MAX >> 32);
            packer.i48(n);
            packer.u16(7);
            packer.u32(u32::MAX);
            let mut unpacker = Unpacker(&bytes, 0);
            assert_eq!((unpacker.u96(), unpacker.i48()), (u128::MAX >> 32, n));
            assert_eq!((unpacker.u16(), unpacker.u32()), (7, u32::MAX));
        }
    }

    proptest! {
        #[test]
        fn spilling_keeps_every_record(n in 0_u32..200_000) {
            let folder = tempfile::tempdir().unwrap();
            let mut partitions = Partitions::new(4, 0);
            for id in 0..n {
                partitions.push(id as usize % PARTITIONS, &id.to_le_bytes(), folder.path()).unwrap();
            }
            let mut ids = Vec::new();
            for at in 0..PARTITIONS {
                partitions.take(at, folder.path(), |r| ids.push(Unpacker(r, 0).u32())).unwrap();
            }
            ids.sort_unstable();
            prop_assert_eq!(ids, (0..n).collect::<Vec<_>>());
        }
    }
}
