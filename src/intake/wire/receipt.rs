//! Receipt: what one attempt at a task came to, as its own file and as a line on standard output.

use serde::{Deserialize, Serialize};

use super::object::{FORMAT, JobHash, ObjectOrigin, ObjectSeal, Stage};
use crate::error::Trouble;
use crate::intake::counting::file_tally::FileTally;
use crate::intake::counting::task_counts::TaskCounts;

/// An object in the exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRef {
    /// Name in the exchange.
    pub name: String,
    pub stage: Stage,
    pub task: u32,
    pub seal: ObjectSeal,
}

impl ObjectRef {
    pub const fn origin(&self, job: JobHash) -> ObjectOrigin {
        ObjectOrigin { job, stage: self.stage, task: self.task }
    }
}

/// Rows that a map task read, by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowSums {
    pub rows_read: u64,
    pub accepted: u64,
    pub outside: u64,
    pub quarantine: u64,
    pub not_a_call: u64,
}

impl RowSums {
    /// Adds up the rows of all files of a task.
    pub fn of(counts: &TaskCounts) -> Self {
        let sum = |of: fn(&FileTally) -> u64| counts.tallies.iter().map(of).sum();
        Self {
            rows_read: sum(|tally| tally.rows_read),
            accepted: sum(|tally| tally.accepted),
            outside: sum(|tally| tally.outside),
            quarantine: sum(|tally| tally.quarantine),
            not_a_call: sum(|tally| tally.not_a_call),
        }
    }
}

/// What an attempt used of its machine; 0 where the machine does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub cpu_ms: u64,
    pub peak_memory_bytes: u64,
}

/// A file that a map task could not read as it was planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedFile {
    pub file: u32,
    /// Why it cannot be read; `None` if it must be read in one piece.
    pub why: Option<String>,
}

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskReceipt {
    pub format: u16,
    /// Version of the program that wrote it.
    pub version: String,
    pub job: JobHash,
    /// Name of the attempt; of several attempts at a task, the smallest name counts.
    pub attempt: String,
    pub object: ObjectRef,
    pub rows: RowSums,
    pub failed_files: Vec<FailedFile>,
    pub usage: Usage,
}

impl TaskReceipt {
    /// Reads a receipt, and checks that it is of this task of this job.
    ///
    /// # Errors
    /// [`Trouble::OtherJob`] or [`Trouble::BrokenExchange`].
    pub fn parse(bytes: &[u8], name: &str, origin: &ObjectOrigin) -> Result<Self, Trouble> {
        let receipt: Self = serde_json::from_slice(bytes)
            .map_err(|e| Trouble::BrokenExchange { name: name.to_owned(), why: e.to_string() })?;
        let other = |what, found: String, wanted: String| {
            Err(Trouble::OtherJob { name: name.to_owned(), what, found, wanted })
        };
        let object = &receipt.object;
        match () {
            () if receipt.format != FORMAT => other("format", receipt.format.to_string(), FORMAT.to_string()),
            () if receipt.version != VERSION => other("version", receipt.version, VERSION.to_owned()),
            () if receipt.job != origin.job => other("job", receipt.job.to_string(), origin.job.to_string()),
            () if object.stage != origin.stage => {
                other("stage", object.stage.to_string(), origin.stage.to_string())
            }
            () if object.task != origin.task => {
                other("task", object.task.to_string(), origin.task.to_string())
            }
            () => Ok(receipt),
        }
    }
}

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
