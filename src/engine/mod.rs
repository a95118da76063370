//! Engine: who runs intake's tasks, and again when one fails. It knows tasks, not rows.
//!
//! Threads need none of it: `processes` starts workers on this machine, `spark` lets a Spark server
//! start them on its executors, `command` any program that can run task i of N.

mod command;
#[cfg(feature = "spark")]
mod connect;
mod processes;
#[cfg(not(feature = "spark"))]
#[path = "no_spark.rs"]
mod spark;
#[cfg(feature = "spark")]
mod spark;
mod words;

pub use command::CommandEngine;
pub use processes::ProcessEngine;
#[cfg(not(feature = "spark"))]
pub use spark::NoSpark as SparkEngine;
#[cfg(feature = "spark")]
pub use spark::SparkEngine;

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
