//! Settings of a pass, in addition to its files.

use std::path::Path;

use crate::config::Excerpts;
use crate::day::{Day, SlotLength};
use crate::intake::records::partition_bits::PartitionBits;

/// Settings of a pass, in addition to its files.
#[derive(Debug, Clone)]
pub struct PassSettings<'a> {
    pub day: Day,
    pub slot_length: SlotLength,
    pub workers: usize,
    /// Bytes that records for dedupe and join, and facts, may take in memory, over all workers.
    pub memory_bytes: u64,
    /// Folder for records beyond `memory_bytes`.
    pub spill: &'a Path,
    /// True if webhook logs report the outcome of messages.
    pub is_joined: bool,
    /// Time limits for the first status and for the first attempt, in microseconds.
    pub first_status_us: i64,
    pub first_attempt_us: i64,
    /// Into how many partitions the records are divided.
    pub partition_bits: PartitionBits,
    /// How rows that cannot be read are shown.
    pub excerpts: Excerpts,
    /// Hash of all settings that shape a daybook.
    pub fingerprint: String,
}
