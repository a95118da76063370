//! Files: finds, recognizes, opens and hashes the log files of a day.

pub mod bytes;
pub mod content_hash;
pub mod copies;
pub mod detect;
pub mod find;
pub mod first_row;
pub mod head;
pub mod listing;
pub mod masked_name;
