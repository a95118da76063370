//! Intake: logs → Facts. The only heavy stage; it knows no policy.
//!
//! One pass: files are cut into items (a chunk of a plain file, a compressed file, a slice of Parquet), workers take items,
//! and a row is counted the moment it is read. Nothing of a row stays but records of fixed width for dedupe and join.

pub mod counting;
pub mod files;
pub mod formats;
pub mod join;
pub mod kernels;
mod meter;
mod pass;
pub mod records;
pub mod rows;
mod workers;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config::{Canonical, Config};
use crate::day::{Day, SECOND_US};
use crate::daybook::Daybook;
use crate::daybook::{Delays, Tally};
use crate::error::Trouble;
use crate::facts::Facts;
use crate::facts::latency::Latencies;
use crate::facts::receipt::FileBalance;
use crate::resolve::request_gaps::Gap;
use counting::quarantine::Quarantined;
use crate::facts::ids::Salt;

pub use files::find::LogFile;
pub use files::listing::{inputs, listing};
pub use join::close_day::Notes;
pub use meter::{Meter, Reading};
pub use rows::endpoints::UNASSIGNED;

/// What intake hands on.
#[derive(Debug, Clone)]
pub struct Intake {
    pub facts: Facts,
    pub receipt: Receipt,
}

/// How the facts of a day came about: what was read, what was set aside, and what stands beside the facts.
#[derive(Debug, Clone, Default)]
pub struct Receipt {
    pub latencies: Latencies,
    pub delays: Delays,
    pub reconciliation: Reconciliation,
    /// Where the webhook log fell silent; those of request logs are found by [`gaps`].
    pub gaps: Vec<Gap>,
    pub tally: Tally,
    /// Whether webhook logs were there to tell what became of messages.
    pub is_joined: bool,
    /// One entry per file, in the order of sources and paths.
    pub files: Vec<FileBalance>,
    /// Rows that could not be read, by file and line; the first 1,000 of a file are kept, all are counted.
    pub quarantine: Vec<Quarantined>,
}

/// How well request and webhook logs fit each other. Nothing of it is judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reconciliation {
    /// Webhook rows of the day without copies.
    pub attempts: u64,
    /// Different statuses of different messages in them.
    pub statuses: u64,
    /// Of these, statuses of messages that no request log admitted.
    pub orphan_statuses: u64,
    /// Later attempts of notifications of the day of whose first attempts there is no row.
    pub orphan_attempts: u64,
    /// Later attempts of notifications of the day that had been delivered, as far as the log numbers no attempts.
    pub attempts_after_delivery: u64,
    /// Attempts to tell of events that lie too far back, or ahead, to be matched.
    pub stray_attempts: u64,
    /// Messages of the day that were both delivered and failed (R18); they count as delivered.
    pub contradicted_messages: u64,
    /// Calls of the day that name a message which another call had admitted; they remain calls.
    pub admitted_again: u64,
}

/// Reads the logs of one day into its daybook, which is written to `folder`.
///
/// `workers` is the number of threads; `spill` a folder for what does not fit `config.memory_bytes`.
///
/// # Errors
/// A path named by hand does not exist, a disk fails, or every single file is unreadable.
pub fn read(
    config: &Config,
    day: Day,
    workers: usize,
    salt: &Salt,
    (spill, folder): (&Path, &Path),
    meter: &Meter,
) -> Result<(Daybook, Notes), Trouble> {
    let files = files::find::find(&config.sources, &config.base, day)?;
    let endpoints = rows::endpoints::Endpoints::of(&config.services);
    let settings = pass::Settings {
        day,
        slot_length: config.slot,
        workers,
        memory_bytes: config.memory_bytes,
        spill,
        is_joined: config.has_webhooks(),
        first_status_us: i64::from(config.webhooks.first_status_seconds) * SECOND_US,
        first_attempt_us: i64::from(config.webhooks.first_attempt_seconds) * SECOND_US,
        fingerprint: Canonical::of_joining(config).fingerprint(),
    };
    let join = rows::attempt_reader::Join::new(config, salt);
    let pass = pass::pass(&files, &config.sources, &endpoints, &join, &settings, meter)?;
    if !files.is_empty() && pass.failures.len() == files.len() {
        let reasons: Vec<String> = pass
            .failures
            .iter()
            .map(|(n, reason)| format!("  {}: {reason}", files[*n as usize].shown))
            .collect();
        return Err(Trouble::NothingReadable(reasons.join("\n")));
    }
    join::close_day::settle(&pass, &files, &config.sources, &settings, salt, folder)
}
