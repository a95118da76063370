//! Intake: the logs of a day → its Daybook. It is the only heavy stage and knows no policy.
//!
//! One pass: files are cut into work items (a chunk of a plain file, a compressed file, a slice of
//! Parquet), workers take items, and each row is counted immediately after it is read. Only records
//! of fixed width remain of a row, for dedupe and join.

mod counting;
mod files;
mod formats;
pub mod inspect;
mod join;
pub mod kernels;
mod meter;
mod pass;
mod records;
mod rows;
pub mod tasks;
pub mod trial;
mod wire;
mod workers;

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::{Canonical, Config, Source};
use crate::day::{Day, SECOND_US};
use crate::daybook::Daybook;
use crate::error::Trouble;
use crate::facts::Salt;
use join::clear_names::settle_names;
use join::close_day::close_day;
use join::reduce::{Reducer, ThreadReducer};
use pass::plan::ReadPlan;
use pass::settings::PassSettings;
use pass::{Pass, ThreadRounds, pass};
use records::partition_bits::PartitionBits;
use records::record_sets::Records;
use rows::endpoints::Endpoints;
use rows::source_reader::Join;
use tasks::{MapStage, TaskDay, TaskEngine, TaskReducer};
use wire::stage_job::Reading;

pub use counting::notes::odd_words::WordList;

pub use files::find::LogFile;
pub use files::listing::{inputs, listing};
pub use files::masked_name::masked;
pub use join::close_day::ReadNotes;
pub use join::notes::understood::{GuessedRows, OddWord, SilentFiles};
pub use join::notes::views::{SameCalls, TwiceTold};
pub use meter::{Meter, Progress};

/// Folders that the reading of a day writes to.
#[derive(Debug, Clone, Copy)]
pub struct IntakeFolders<'a> {
    /// For records that exceed `config.memory_bytes`.
    pub spill: &'a Path,
    pub daybook: &'a Path,
}

/// Who reads the logs of a day.
#[derive(Clone, Copy)]
pub enum Workers<'a> {
    /// This many threads of this process.
    Threads(usize),
    /// Other processes; this one plans and merges, on so many threads.
    Tasks { engine: &'a TaskEngine, threads: usize },
}

impl Workers<'_> {
    const fn threads(self) -> usize {
        match self {
            Self::Threads(threads) | Self::Tasks { threads, .. } => threads,
        }
    }

    /// Returns the memory of one process that reads logs, and how many sets of records share it.
    const fn memory(self, memory_bytes: u64) -> (u64, usize) {
        match self {
            Self::Threads(threads) => (memory_bytes, threads * Records::SETS),
            Self::Tasks { engine, .. } => (engine.memory_bytes(), Records::SETS),
        }
    }
}

/// Reads the logs of one day into its daybook.
///
/// Rows whose instant is after `latest_us` (microseconds since 1970) are unreadable.
///
/// # Errors
/// A path named by hand does not exist, a disk fails, or no file is readable
/// ([`Trouble::NothingReadable`]).
pub fn read(
    config: &Config,
    day: Day,
    workers: Workers<'_>,
    salt: &Salt,
    folders: IntakeFolders<'_>,
    latest_us: i64,
    meter: &Meter,
) -> Result<(Daybook, ReadNotes), Trouble> {
    let found = files::find::find(config, day)?;
    let files = found.logs;
    let endpoints = Endpoints::of(&config.services, &config.ignore);
    let join = Join { latest_us, ..Join::new(config, salt) };
    let plan = ReadPlan::of(&files, &config.sources, &endpoints, &join, day)?;
    let settings = PassSettings {
        day,
        slot_length: config.slot,
        workers: workers.threads(),
        memory_bytes: config.memory_bytes,
        spill: folders.spill,
        is_joined: config.has_webhooks(),
        first_status_us: i64::from(config.webhooks.first_status_seconds) * SECOND_US,
        first_attempt_us: i64::from(config.webhooks.first_attempt_seconds) * SECOND_US,
        partition_bits: match config.engine.partition_bits {
            Some(bits) => PartitionBits::try_from(bits).map_err(Trouble::Usage)?,
            None => {
                let (memory, sets) = workers.memory(config.memory_bytes);
                PartitionBits::of_logs(plan.bytes()).within(memory, sets)
            }
        },
        excerpts: config.excerpts,
        fingerprint: Canonical::of_joining(config).fingerprint(),
    };
    let finish = |mut pass: Pass, reducer: &mut dyn Reducer| {
        if !files.is_empty() && pass.failures.len() == files.len() {
            let reasons = unreadable(&pass.failures, &files, &config.sources);
            return Err(Trouble::NothingReadable(reasons.join("\n")));
        }
        settle_names(&mut pass, salt);
        close_day(&pass, &files, &config.sources, &settings, salt, folders.daybook, reducer)
    };
    let (daybook, mut notes) = match workers {
        Workers::Threads(_) => {
            let mut rounds = ThreadRounds { files: &files, settings: &settings };
            finish(pass(&files, plan, &mut rounds, meter)?, &mut ThreadReducer::default())?
        }
        Workers::Tasks { engine, .. } => {
            let reading = Reading::of(config, &join, &files, &plan, &settings)?;
            let day = TaskDay::new(engine, reading, folders.spill)?;
            let mut rounds = MapStage::new(&day, &settings);
            let pass = pass(&files, plan, &mut rounds, meter)?;
            let read = finish(pass, &mut TaskReducer::new(&day, rounds.objects(), meter))?;
            day.end();
            read
        }
    };
    notes.special_files = found.special.into_iter().map(|file| (file.shown, file.what)).collect();
    Ok((daybook, notes))
}

/// Files of one cause that are named one by one.
const SHOWN: usize = 3;

/// Returns a line for each cause for which files could not be read, with the first file.
fn unreadable(failures: &BTreeMap<u32, String>, files: &[LogFile], sources: &[Source]) -> Vec<String> {
    // What a reason quotes and counts differs from file to file.
    let cause = |reason: &str| -> String {
        let words = reason.split('`').step_by(2).collect::<Vec<_>>().join("`");
        words.chars().filter(|c| !c.is_ascii_digit()).collect()
    };
    let mut causes: BTreeMap<(usize, String), Vec<(&LogFile, &str)>> = BTreeMap::new();
    for (n, reason) in failures {
        let file = &files[*n as usize];
        causes.entry((file.source, cause(reason))).or_default().push((file, reason));
    }
    let mut lines = Vec::new();
    for ((source, _), files) in causes {
        let named = if files.len() <= SHOWN { files.len() } else { 1 };
        let more = match files.len() - named {
            0 => String::new(),
            n => format!(" (and {n} more files)"),
        };
        let like = inspect::likeness(files[0].0, &sources[source]);
        let like = like.map_or_else(String::new, |preset| format!("; it looks like preset = \"{preset}\""));
        let told = |(file, reason): &(&LogFile, &str)| format!("  {}{more}: {reason}{like}", file.shown);
        lines.extend(files[..named].iter().map(told));
    }
    lines.sort();
    lines
}
