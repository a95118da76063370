//! Bytes: the content of a log file, decompressed and read ahead.

pub mod decompress;
pub mod log_bytes;
pub mod read_ahead;
