//! Engine: who runs intake's tasks, and again when one fails. It knows tasks, not rows.
//!
//! Threads need none of it: `processes` starts workers on this machine, `command` lets any program
//! that can run task i of N start them elsewhere.

mod command;
mod processes;
mod words;

pub use command::CommandEngine;
pub use processes::ProcessEngine;

/// Exit codes of a worker, by which an engine knows whether to repeat its task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerExit {
    Done = 0,
    /// The job or an object is of another version or another run.
    OtherJob = 64,
    /// A file of the exchange cannot be used.
    BrokenExchange = 65,
    /// No repetition can help: the day does not fit into memory, or the job has no such task.
    Refused = 70,
    /// A disk, a store or the network: another attempt may help.
    Transient = 75,
}

impl WorkerExit {
    /// Returns how many attempts a task gets that ends with this code; `None` is a killed worker.
    pub const fn attempts(code: Option<i32>) -> usize {
        match code {
            Some(code) if code == Self::Refused as i32 => 1,
            Some(code) if code == Self::OtherJob as i32 || code == Self::BrokenExchange as i32 => 2,
            _ => 4,
        }
    }
}
