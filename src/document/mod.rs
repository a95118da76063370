//! Documents: text files that people write.

pub mod csv;
pub mod spelling;
pub mod toml;
