//! Formats: bytes of a log → rows, one file per format.

pub mod access_log;
pub mod csv;
pub mod foreign;
pub mod frame;
pub mod lines;
pub mod ndjson;
pub mod ndjson_template;
pub mod parquet;
pub mod swar;
pub mod webhook_payload;
