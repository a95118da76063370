//! Message records: statuses of messages and calls that admitted one, as stored for the join.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::group;
use super::numbers::{DayFact, FactNumber, WorkerFact};
use super::packing::{Packer, Unpacker};
use super::partitions::Partitions;
use crate::daybook::message::{StatusOrigin, StatusWord};
use crate::error::Trouble;
use crate::facts::ids::Id;

/// One row that reports a status of a message; 35 bytes when packed.
///
/// The last eight are the correlation, which is read only for messages without a call
/// ([`StatusRecord::correlation_of`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusRecord {
    pub id: Id,
    /// Microseconds since the start of the day; 48 bits when packed.
    pub offset_us: i64,
    pub word: StatusWord,
    /// True for a row of the day after.
    pub is_ahead: bool,
    /// Worker-local number of its [`StatusTraits`].
    pub traits: u32,
    /// Number of the business that the status was sent to; 0 if it is not recorded.
    pub caller: u32,
}

/// Traits that statuses share, in worker-local numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StatusTraits {
    /// Number of the traits of the attempt that reports the status.
    pub attempted: u32,
    /// Error code of a failed message.
    pub code: Option<i64>,
    pub origin: StatusOrigin,
    /// Bit of the participant of a group that the status names; 0 for none.
    pub participant: u8,
}

impl StatusRecord {
    pub const BYTES: usize = 35;
    const AHEAD: u8 = 1 << 7;

    /// Stores the status with the other statuses of its message.
    ///
    /// # Errors
    /// Spilling to disk failed.
    #[inline]
    pub fn push(&self, correlation: u64, to: &mut Partitions, spill: &Path) -> Result<(), Trouble> {
        to.push(self.id, spill, |bytes| self.pack(correlation, bytes))
    }

    /// Packs the status with the correlation of its message, 0 for none.
    #[inline]
    pub fn pack(&self, correlation: u64, bytes: &mut [u8; Self::BYTES]) {
        let mut packer = Packer(bytes, 0);
        packer.u96(self.id);
        packer.i48(self.offset_us);
        packer.u8(self.word as u8 | if self.is_ahead { Self::AHEAD } else { 0 });
        packer.u32(self.traits);
        packer.u32(self.caller);
        packer.u64(correlation);
    }

    /// Returns the correlation that a packed status names.
    #[inline]
    pub fn correlation_of(bytes: &[u8]) -> Option<u64> {
        bytes.last_chunk().map(|tail| u64::from_le_bytes(*tail)).filter(|correlation| *correlation != 0)
    }

    #[inline]
    pub fn unpack(bytes: &[u8]) -> Self {
        let mut unpacker = Unpacker(bytes, 0);
        let (id, offset_us, what) = (unpacker.u96(), unpacker.i48(), unpacker.u8());
        // Each word is one bit, in the order of StatusWord::ALL.
        let word = (what & !Self::AHEAD).trailing_zeros() as usize;
        let word = StatusWord::ALL.get(word).copied().unwrap_or(StatusWord::Other);
        let is_ahead = what & Self::AHEAD != 0;
        Self { id, offset_us, word, is_ahead, traits: unpacker.u32(), caller: unpacker.u32() }
    }
}

/// One call that admitted a message, in the numbers of a worker or of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdmissionRecord<F> {
    pub id: Id,
    /// Microseconds since the start of the day; 48 bits when packed.
    pub offset_us: i64,
    /// Fact of the worker; one of the day in a record that dedupe made.
    pub fact: F,
    pub caller: u32,
}

impl group::Identified for StatusRecord {
    #[inline]
    fn id(&self) -> Id {
        self.id
    }
}

impl<F: Copy> group::Identified for AdmissionRecord<F> {
    #[inline]
    fn id(&self) -> Id {
        self.id
    }
}

impl AdmissionRecord<WorkerFact> {
    /// Bytes of a packed record, in either numbering.
    pub const BYTES: usize = 26;

    /// Returns the record in the numbers of the day.
    #[inline]
    pub const fn numbered(self, fact: DayFact, caller: u32) -> AdmissionRecord<DayFact> {
        AdmissionRecord { id: self.id, offset_us: self.offset_us, fact, caller }
    }
}

impl<F: FactNumber> AdmissionRecord<F> {
    /// Stores the call for the statuses of its message.
    ///
    /// # Errors
    /// Spilling to disk failed.
    #[inline]
    pub fn push(&self, partitions: &mut Partitions, spill: &Path) -> Result<(), Trouble> {
        partitions.push(self.id, spill, |bytes: &mut [u8; AdmissionRecord::BYTES]| {
            let mut packer = Packer(bytes, 0);
            packer.u96(self.id);
            packer.i48(self.offset_us);
            packer.u32(self.fact.number());
            packer.u32(self.caller);
        })
    }

    #[inline]
    pub fn unpack(bytes: &[u8]) -> Self {
        let mut unpacker = Unpacker(bytes, 0);
        let (id, offset_us) = (unpacker.u96(), unpacker.i48());
        Self { id, offset_us, fact: F::of(unpacker.u32()), caller: unpacker.u32() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::records::partition_bits::PartitionBits;
    use crate::intake::records::partitions::MemoryBudget;

    #[test]
    fn rows_survive_the_way_to_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let (budget, bits) = (MemoryBudget::new(0, 2), PartitionBits::FEWEST);
        let (id, offset_us) = ((1 << 96) - 1, -5);
        let mut partitions = Partitions::new(StatusRecord::BYTES, bits, &budget);
        let statuses = StatusWord::ALL.map(|word| StatusRecord {
            id,
            offset_us,
            word,
            is_ahead: word == StatusWord::Failed,
            traits: u32::MAX,
            caller: 9,
        });
        for status in statuses {
            status.push(7, &mut partitions, folder.path()).unwrap();
        }
        let admission = AdmissionRecord { id, offset_us, fact: WorkerFact(7), caller: u32::MAX };
        let mut admitted = Partitions::new(AdmissionRecord::BYTES, bits, &budget);
        admission.push(&mut admitted, folder.path()).unwrap();

        let last = bits.partitions() - 1;
        let (mut told, mut calls) = (Vec::new(), Vec::new());
        let read = |bytes: &[u8]| {
            let all = bytes.chunks(StatusRecord::BYTES);
            assert!(all.clone().all(|bytes| StatusRecord::correlation_of(bytes) == Some(7)));
            told.extend(all.map(StatusRecord::unpack));
        };
        partitions.take(last, folder.path(), read).unwrap();
        let read =
            |bytes: &[u8]| calls.extend(bytes.chunks(AdmissionRecord::BYTES).map(AdmissionRecord::unpack));
        admitted.take(last, folder.path(), read).unwrap();
        assert_eq!((told.as_slice(), calls.as_slice()), (statuses.as_slice(), [admission].as_slice()));
    }
}
