//! Notifications: what the attempts of one outbound webhook say together.

use super::packing::{Packer, Unpacker};
use super::partitions::{Partitions, partition};
use crate::error::Trouble;
use crate::facts::ids::Id;

impl super::group::Row for AttemptRecord {
    #[inline]
    fn id(&self) -> Id {
        self.id
    }
}

/// One attempt, 36 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptRecord {
    pub id: Id,
    /// What makes a row of the same notification and instant another row and not a copy.
    pub identity: u32,
    /// Microseconds since the start of the day, 48 bits.
    pub offset_us: i64,
    pub event_offset_us: i64,
    /// A worker's number of its [`AttemptTraits`].
    pub attempted: u32,
    pub caller: u32,
}

impl AttemptRecord {
    pub const BYTES: usize = 36;
    /// The time of an event that a log does not tell: later than all, so that any that is told goes before it.
    pub const UNKNOWN_US: i64 = i64::MAX;

    /// Remembers it among the other attempts of its notification.
    ///
    /// # Errors
    /// The disk for spilling refuses.
    pub fn push(&self, partitions: &mut Partitions, spill: &std::path::Path) -> Result<(), Trouble> {
        partitions.push(partition(self.id), spill, |bytes: &mut [u8; Self::BYTES]| {
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
