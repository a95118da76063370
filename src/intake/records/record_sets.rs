//! Record sets: all records of one worker, and how the join takes them.

use std::path::Path;
use std::sync::Arc;

use super::attempt_record::AttemptRecord;
use super::call_record::CallRecord;
use super::message_records::{AdmissionRecord, StatusRecord};
use super::partition_bits::PartitionBits;
use super::partitions::{MemoryBudget, Partitions};
use crate::error::Trouble;

/// Records of fixed width that can be taken partition by partition, by several threads.
pub trait RecordSource: Send + Sync {
    /// Passes the records of one partition to `out`, whole ones only; to be called once for each.
    ///
    /// # Errors
    /// Records cannot be read back; `folder` names the place of those that were spilled.
    fn take(&self, at: usize, folder: &Path, out: &mut dyn FnMut(&[u8])) -> Result<(), Trouble>;

    /// Returns how many bytes went to disk because memory was short.
    fn spilled(&self) -> u64;
}

impl RecordSource for Partitions {
    fn take(&self, at: usize, folder: &Path, out: &mut dyn FnMut(&[u8])) -> Result<(), Trouble> {
        Self::take(self, at, folder, out)
    }

    fn spilled(&self) -> u64 {
        Self::spilled(self)
    }
}

/// The sets of records that a worker makes for dedupe and join; `S` is how they are held.
#[derive(Debug)]
pub struct Records<S = Partitions> {
    /// Calls that have an id, for dedupe.
    pub calls: S,
    /// Calls without an id that admitted a message; calls with an id must pass dedupe first.
    pub admitted: S,
    pub statuses: S,
    pub attempts: S,
}

/// Records in whatever way they are held.
pub type AnyRecords = Records<Box<dyn RecordSource>>;

impl Records {
    /// Number of sets.
    pub const SETS: usize = 4;

    /// Creates empty sets; `budget` bounds their memory.
    pub fn new(is_joined: bool, bits: PartitionBits, budget: &Arc<MemoryBudget>) -> Self {
        let [calls, admitted, statuses, attempts] = Self::widths(is_joined);
        let set = |width| Partitions::new(width, bits, budget);
        Self { calls: set(calls), admitted: set(admitted), statuses: set(statuses), attempts: set(attempts) }
    }

    /// Returns the bytes of a record of each set, in the order of the fields.
    pub const fn widths(is_joined: bool) -> [usize; Self::SETS] {
        let calls = if is_joined { CallRecord::WIDE } else { CallRecord::NARROW };
        [calls, AdmissionRecord::BYTES, StatusRecord::BYTES, AttemptRecord::BYTES]
    }

    /// Returns the sets as records of any kind.
    pub fn boxed(self) -> AnyRecords {
        let Self { calls, admitted, statuses, attempts } = self;
        let set = |set: Partitions| -> Box<dyn RecordSource> { Box::new(set) };
        Records {
            calls: set(calls),
            admitted: set(admitted),
            statuses: set(statuses),
            attempts: set(attempts),
        }
    }
}

impl<S> Records<S> {
    /// Returns all sets, in the order of the fields.
    pub const fn all(&self) -> [&S; Records::SETS] {
        [&self.calls, &self.admitted, &self.statuses, &self.attempts]
    }
}
