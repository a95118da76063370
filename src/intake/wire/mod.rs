//! Wire: what tasks hand on to one another, as write-once files of an exchange.
//!
//! An exchange lives as long as one run. A reader takes only what an accepted receipt names, and
//! only if format, job, stage, task and checksums are the expected ones.

pub mod exchange;
pub mod exchange_file;
pub mod object;
pub mod receipt;
pub mod record_blocks;
pub mod stage_job;
pub mod stored_records;
