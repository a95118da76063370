//! Attempt record: one attempt to deliver a notification, as stored for the join.

use super::packing::{Packer, Unpacker};
use super::partitions::Partitions;
use crate::error::Trouble;
use crate::facts::ids::Id;

impl super::group::Identified for AttemptRecord {
    #[inline]
    fn id(&self) -> Id {
        self.id
    }
}

/// One attempt to deliver a notification; 36 bytes when packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptRecord {
    pub id: Id,
    /// Differs between rows of the same notification and instant that are not copies.
    pub identity: u32,
    /// Microseconds since the start of the day; 48 bits when packed.
    pub offset_us: i64,
    /// Offset of the event itself, in the same unit, or [`AttemptRecord::UNKNOWN_US`].
    pub event_offset_us: i64,
    /// Worker-local number of its `AttemptTraits`.
    pub attempted: u32,
    pub caller: u32,
}

impl AttemptRecord {
    pub const BYTES: usize = 36;
    /// Offset of an event whose time is not logged: later than any, so that a logged one wins.
    pub const UNKNOWN_US: i64 = i64::MAX;

    /// Stores the attempt with the other attempts of its notification.
    ///
    /// # Errors
    /// Spilling to disk failed.
    pub fn push(&self, partitions: &mut Partitions, spill: &std::path::Path) -> Result<(), Trouble> {
        partitions.push(self.id, spill, |bytes: &mut [u8; Self::BYTES]| {
            let mut packer = Packer(bytes, 0);
            packer.u96(self.id);
            packer.u32(self.identity);
            packer.i48(self.offset_us);
            packer.i48(self.event_offset_us);
            packer.u32(self.attempted);
            packer.u32(self.caller);
        })
    }

    pub fn unpack(bytes: &[u8]) -> Self {
        let mut unpacker = Unpacker(bytes, 0);
        Self {
            id: unpacker.u96(),
            identity: unpacker.u32(),
            offset_us: unpacker.i48(),
            event_offset_us: unpacker.i48(),
            attempted: unpacker.u32(),
            caller: unpacker.u32(),
        }
    }
}
