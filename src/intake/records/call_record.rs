//! Dedupe: the same id counts once. Records are partitioned by hash, each partition is settled in cache.
//!
//! Among differing copies the inner vantage wins, then the earliest, then the smallest content, so neither the order
//! of files nor the number of workers can move a number.

use xxhash_rust::xxh3::xxh3_128;

use super::packing::{Packer, Unpacker};
use super::partitions::partition;
use crate::day::DAY_US;
use crate::facts::ids::Id;
use crate::intake::rows::raw_row::Value;

/// The hash of a call's id; 0 for calls without one.
pub fn id_hash(id: &Value<'_>) -> Result<u128, String> {
    match id {
        Value::Missing => Ok(0),
        Value::Text(id) => Ok(hash(id)),
        Value::Int(id) => Ok(hash(id.to_string().as_bytes())),
        other => Err(format!("request_id is {}, expected text or a whole number", other.excerpt())),
    }
}

/// One row that has an id, as far as dedupe must remember it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallRecord {
    /// 96 bits: among a billion ids two share theirs with a probability below one in 10^11.
    pub hash: u128,
    /// Start of the event in microseconds since the start of the day, less than 38 hours before or after it.
    pub offset_us: i64,
    /// Latency bucket, or [`CallRecord::NO_LATENCY`]; 10 bits.
    pub latency: u16,
    /// Worker-local fact; below [`CallRecord::OUTSIDE`] the row lies outside the day and the number is its vantage's rank.
    pub fact: u32,
    pub file: u32,
    /// The message that the call admitted; 0 for none, and whenever no webhook log could tell of it.
    pub message: Id,
    /// Worker-local caller of a call with a message.
    pub caller: u32,
}

// Rows that lie farther from the day are set aside before, so an offset fits its 38 bits.
const _: () = assert!(DAY_US + MARGIN_US <= -CallRecord::EARLIEST_US);

impl CallRecord {
    pub const NO_LATENCY: u16 = (1 << 10) - 1;
    /// Facts below this number stand for rows outside the day.
    pub const OUTSIDE: u32 = 4;
    /// Bytes of a record without and with its message.
    pub const NARROW: usize = 26;
    pub const WIDE: usize = 42;
    const EARLIEST_US: i64 = -(1 << 37);

    /// Which partition the record belongs to.
    pub const fn partition(&self) -> usize {
        partition(self.hash)
    }

    /// Writes the record into as many bytes as there are.
    #[inline]
    pub fn pack(&self, bytes: &mut [u8]) {
        let is_wide = bytes.len() == Self::WIDE;
        let mut packer = Packer(bytes, 0);
        packer.u96(self.hash);
        let us = (self.offset_us - Self::EARLIEST_US) as u64;
        debug_assert!(us < 1 << 38 && self.latency <= Self::NO_LATENCY);
        packer.u48(us << 10 | u64::from(self.latency));
        packer.u32(self.fact);
        packer.u32(self.file);
        if is_wide {
            packer.u96(self.message);
            packer.u32(self.caller);
        }
    }

    #[inline]
    pub fn unpack(bytes: &[u8]) -> Self {
        let mut unpacker = Unpacker(bytes, 0);
        let (hash, when) = (unpacker.u96(), unpacker.u48());
        let mut record = Self {
            hash,
            offset_us: (when >> 10) as i64 + Self::EARLIEST_US,
            latency: when as u16 & Self::NO_LATENCY,
            fact: unpacker.u32(),
            file: unpacker.u32(),
            message: 0,
            caller: 0,
        };
        if bytes.len() == Self::WIDE {
            (record.message, record.caller) = (unpacker.u96(), unpacker.u32());
        }
        record
    }
}

/// The hash of a call's id. Never leaves the process.
pub fn hash(id: &[u8]) -> u128 {
    xxh3_128(id) >> 32
}

/// The hash in a packed [`CallRecord`].
pub fn hash_of(bytes: &[u8]) -> u128 {
    Unpacker(bytes, 0).u96()
}

/// Rows this close to the day take part in dedupe, so that a copy on the other side of midnight is not counted twice;
/// webhook rows this soon after it tell of the day's last messages.
pub const MARGIN_US: i64 = 3_600 * crate::day::SECOND_US;

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: u64, offset_us: i64, fact: u32) -> CallRecord {
        CallRecord {
            hash: hash(&id.to_le_bytes()),
            offset_us,
            latency: 7,
            fact,
            file: 3,
            message: 0,
            caller: 0,
        }
    }

    #[test]
    fn records_survive_the_way_to_bytes() {
        for offset_us in [-3_600_000_000, -1, 0, 86_399_999_999] {
            let r = CallRecord { latency: CallRecord::NO_LATENCY, ..record(1, offset_us, 9) };
            let mut narrow = [0; CallRecord::NARROW];
            r.pack(&mut narrow);
            assert_eq!(CallRecord::unpack(&narrow), r);
            let r = CallRecord { message: u128::MAX >> 32, caller: 5, ..r };
            let mut wide = [0; CallRecord::WIDE];
            r.pack(&mut wide);
            assert_eq!(CallRecord::unpack(&wide), r);
        }
    }
}
