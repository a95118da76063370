//! Files: which log files a day has, and how they are opened.

pub mod content_hash;
pub mod detect;
pub mod find;
pub mod listing;
pub mod read_ahead;
