//! Records: what of a row is remembered for dedupe and join, in fixed width, spilled to disk.

pub mod attempt_record;
pub mod call_record;
pub mod group;
pub mod message_records;
pub mod packing;
pub mod partitions;
