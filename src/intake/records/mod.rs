//! Records: fixed-width extracts of rows for dedupe and join, which may spill to disk.

pub mod attempt_record;
pub mod call_record;
pub mod group;
pub mod growing_memory;
pub mod message_records;
pub mod numbers;
pub mod packing;
pub mod partition_bits;
pub mod partitions;
pub mod record_sets;
pub mod row_id;
