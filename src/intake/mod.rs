//! Intake: logs → Facts. The only heavy stage; it knows no policy.
//!
//! One pass: files are cut into items (a chunk of a plain file, a compressed file, a row group), workers take items,
//! and a row is counted the moment it is read. Nothing of a row stays but a 32-byte record for dedupe.

mod balance;
mod book;
mod columnar;
mod combined;
mod dedupe;
mod delimited;
mod endpoints;
mod engine;
mod facts;
mod files;
mod format;
mod gaps;
mod instant;
mod latency;
mod mapping;
mod meter;
mod names;
mod ndjson;
mod quarantine;
mod redact;
mod settle;
mod shape;
mod text;
mod value;

use std::path::Path;

use crate::config::Config;
use crate::day::Day;
use crate::error::Trouble;

pub use crate::config::Vantage;
pub use balance::FileBalance;
pub use endpoints::UNASSIGNED;
pub use facts::{Admission, Evidence, Fact, Facts, Kind, Outcome, Reached, RowRef, Stream, Symptom, Timing};
pub use files::{LogFile, Role};
pub use gaps::{Gap, gaps};
pub use latency::{Histogram, Latencies};
pub use meter::{Meter, Reading};
pub use quarantine::Quarantined;
pub use redact::printable;

/// What intake hands on.
#[derive(Debug, Clone)]
pub struct Intake {
    pub facts: Facts,
    pub receipt: Receipt,
}

/// How the facts of a day came about: what was read, what was set aside, and the latencies that stand beside the facts.
#[derive(Debug, Clone, Default)]
pub struct Receipt {
    pub latencies: Latencies,
    /// One entry per file, in the order of sources and paths.
    pub files: Vec<FileBalance>,
    /// Rows that could not be read, by file and line; the first 1,000 of a file are kept, all are counted.
    pub quarantine: Vec<Quarantined>,
    /// Names under `[source.columns]` that no row of their source has, by source: most likely misspelt.
    pub unseen_columns: Vec<(String, String)>,
    /// Dedupe records that went to disk, in bytes.
    pub spilled_bytes: u64,
}

/// Reads the logs of one day.
///
/// `workers` is the number of threads; `spill` a folder for what does not fit `config.memory_bytes`.
///
/// # Errors
/// A path named by hand does not exist, the spill disk fails, or every single file is unreadable.
pub fn facts(
    config: &Config,
    day: Day,
    workers: usize,
    spill: &Path,
    meter: &Meter,
) -> Result<Intake, Trouble> {
    let files = files::find(&config.sources, &config.base, day)?;
    let endpoints = endpoints::Endpoints::of(&config.services);
    let settings =
        engine::Settings { day, slot_length: config.slot, workers, memory_bytes: config.memory_bytes, spill };
    let pass = engine::pass(&files, &config.sources, &endpoints, settings, meter)?;
    if !files.is_empty() && pass.failures.len() == files.len() {
        let reasons: Vec<String> = pass
            .failures
            .iter()
            .map(|(n, reason)| format!("  {}: {reason}", files[*n as usize].shown))
            .collect();
        return Err(Trouble::NothingReadable(reasons.join("\n")));
    }
    settle::settle(&pass, &files, &config.sources, settings)
}
