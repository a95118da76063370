//! Partition bits: into how many partitions the records of a day are divided.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::config::PARTITION_BITS;
use crate::facts::ids::Id;

/// Number of top bits of a key that choose its partition.
///
/// Ascending keys lie in ascending partitions, so no number changes a byte of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct PartitionBits(u32);

impl PartitionBits {
    /// With 8, a small day has empty partitions, which cost nothing. With 14, a hundred billion
    /// rows are processed 6 million at a time.
    pub const RANGE: RangeInclusive<u32> = PARTITION_BITS;
    pub const FEWEST: Self = Self(*Self::RANGE.start());
    /// Bytes of log per partition: 200,000 rows of text, or 1.4 million of a compressed log.
    ///
    /// A thread holds the records of one partition in memory, about 50 bytes each.
    const LOG_BYTES: u64 = 32 << 20;
    /// Least bytes of a partition that go to disk at once: a write and 16 bytes of memory each.
    const PIECE_BYTES: u64 = 4 << 10;

    /// Returns the number of bits for logs of so many bytes.
    pub fn of_logs(bytes: u64) -> Self {
        let wanted = bytes.div_ceil(Self::LOG_BYTES).max(1).next_power_of_two().ilog2();
        Self(wanted.clamp(*Self::RANGE.start(), *Self::RANGE.end()))
    }

    /// Returns as many bits, or fewer, so that records go to disk in pieces of some size.
    ///
    /// A third of the memory is shared by `sets` of records; each may keep its share when the rest
    /// is used up, and writes about that much at once.
    pub fn within(self, bytes: u64, sets: usize) -> Self {
        let pieces = bytes / 3 / sets.max(1) as u64 / Self::PIECE_BYTES;
        let wanted = pieces.max(1).ilog2();
        Self(wanted.clamp(*Self::RANGE.start(), self.0))
    }

    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Returns the number of partitions.
    pub const fn partitions(self) -> usize {
        1 << self.0
    }

    /// Returns the partition of a key.
    #[inline]
    pub const fn partition(self, key: Id) -> usize {
        (key >> (96 - self.0)) as usize
    }
}

impl TryFrom<u32> for PartitionBits {
    type Error = String;

    fn try_from(bits: u32) -> Result<Self, String> {
        if Self::RANGE.contains(&bits) {
            return Ok(Self(bits));
        }
        Err(format!(
            "{bits} is no number of partition bits: {} to {}",
            Self::RANGE.start(),
            Self::RANGE.end()
        ))
    }
}

impl From<PartitionBits> for u32 {
    fn from(bits: PartitionBits) -> Self {
        bits.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::ids::{Salt, short};

    #[test]
    fn more_logs_make_more_partitions() {
        let of = |bytes| PartitionBits::of_logs(bytes).partitions();
        assert_eq!([0, 1, 8 << 30].map(of), [256; 3]);
        assert_eq!(of((8 << 30) + 1), 512);
        assert_eq!([170 << 30, 17 << 40].map(of), [8_192, 16_384]);
    }

    #[test]
    fn little_memory_makes_fewer_partitions() {
        let within = |bytes, sets| PartitionBits(14).within(bytes, sets).partitions();
        assert_eq!(within(64 << 20, 4), 1_024);
        assert_eq!(within(1 << 30, 40), 2_048);
        assert_eq!(within(64 << 30, 40), 16_384);
        assert_eq!(within(0, 0), 256);
        assert_eq!(PartitionBits(9).within(u64::MAX, 1), PartitionBits(9));
    }

    #[test]
    fn the_partition_of_a_key_is_its_top_bits() {
        let id = Salt::new("a").id(b"wamid.x");
        assert_eq!(PartitionBits::FEWEST.partition(id), (short(id) >> 56) as usize);
        assert_eq!(PartitionBits(14).partition(id), (short(id) >> 50) as usize);
        assert_eq!(PartitionBits(14).partition((1 << 96) - 1), PartitionBits(14).partitions() - 1);
    }

    #[test]
    fn other_numbers_of_bits_are_refused() {
        let read = serde_json::from_str::<PartitionBits>;
        assert_eq!(read("9").unwrap().bits(), 9);
        assert!(read("7").unwrap_err().to_string().contains("7 is no number of partition bits: 8 to 14"));
        assert!(read("15").is_err());
    }
}
