//! Call record: one call with an id, as stored for dedupe and join.

use super::numbers::{DayFact, WorkerFact};
use super::packing::{Packer, Unpacker};
use crate::day::DAY_US;
use crate::facts::ids::Id;

/// One call that has an id, in the numbers of a worker or of the day; 26 or 42 bytes when packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallRecord<F> {
    /// Keyed hash of its id, so that nobody can write ids that collide.
    pub hash: Id,
    /// Start in microseconds since the start of the day, less than 38 hours before or after it.
    pub offset_us: i64,
    /// Latency bucket (10 bits), or [`CallRecord::NO_LATENCY`].
    pub latency: u16,
    /// Fact; below [`OUTSIDE`](super::numbers::OUTSIDE), the vantage rank of a row outside the day.
    pub fact: F,
    /// File of the row; 31 bits when packed.
    pub file: u32,
    /// True if the row names its caller.
    pub is_named: bool,
    /// Message that the call admitted; 0 for none, and if there is no webhook log to report on it.
    pub message: Id,
    /// Caller of a call with a message, in the numbers of `fact`.
    pub caller: u32,
}

// Rows farther from the day get no record, so an offset fits into 38 bits.
const _: () = assert!(DAY_US + MARGIN_US <= -CallRecord::EARLIEST_US);

impl CallRecord<WorkerFact> {
    /// Latency of a call that has none: not answered, without a duration, or outside the day.
    pub const NO_LATENCY: u16 = (1 << 10) - 1;
    /// Bytes of a record without a message.
    pub const NARROW: usize = 26;
    /// Bytes of a record with a message and its caller.
    pub const WIDE: usize = 42;
    const EARLIEST_US: i64 = -(1 << 37);
    const NAMED: u32 = 1 << 31;

    /// Packs the record; its message is included if `bytes` has room for [`CallRecord::WIDE`].
    #[inline]
    pub fn pack(&self, bytes: &mut [u8]) {
        let is_wide = bytes.len() == Self::WIDE;
        let mut packer = Packer(bytes, 0);
        packer.u96(self.hash);
        let us = (self.offset_us - Self::EARLIEST_US) as u64;
        debug_assert!(us < 1 << 38 && self.latency <= Self::NO_LATENCY);
        packer.u48(us << 10 | u64::from(self.latency));
        packer.u32(self.fact.0);
        packer.u32(self.file | if self.is_named { Self::NAMED } else { 0 });
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
            fact: WorkerFact(unpacker.u32()),
            file: 0,
            is_named: false,
            message: 0,
            caller: 0,
        };
        let file = unpacker.u32();
        (record.file, record.is_named) = (file & !Self::NAMED, file & Self::NAMED != 0);
        if bytes.len() == Self::WIDE {
            (record.message, record.caller) = (unpacker.u96(), unpacker.u32());
        }
        record
    }

    /// Returns the record in the numbers of the day.
    #[inline]
    pub const fn numbered(self, fact: DayFact, caller: u32) -> CallRecord<DayFact> {
        let Self { hash, offset_us, latency, fact: _, file, is_named, message, caller: _ } = self;
        CallRecord { hash, offset_us, latency, fact, file, is_named, message, caller }
    }
}

/// Returns the hash in a packed [`CallRecord`].
pub fn hash_of(bytes: &[u8]) -> Id {
    Unpacker(bytes, 0).u96()
}

/// Margin around the day, in microseconds (one hour).
///
/// Calls this close to the day take part in dedupe, so that a copy on the other side of midnight is
/// not counted twice. Webhook rows this soon after the day report on its last messages.
pub const MARGIN_US: i64 = 3_600 * crate::day::SECOND_US;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Salt;

    fn record(id: u64, offset_us: i64, fact: u32) -> CallRecord<WorkerFact> {
        CallRecord {
            hash: Salt::new("a").id(&id.to_le_bytes()),
            offset_us,
            latency: 7,
            fact: WorkerFact(fact),
            file: 3,
            is_named: id % 2 == 1,
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
