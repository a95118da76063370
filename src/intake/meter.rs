//! Meter: the progress of intake, readable from another thread, which may also ask it to stop.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::error::{Cancellation, Trouble};

/// Counters for a progress display, which influence no result, and the request to stop.
#[derive(Debug, Default)]
pub struct Meter {
    rows: AtomicU64,
    bytes: AtomicU64,
    total_bytes: AtomicU64,
    files: AtomicU64,
    total_files: AtomicU64,
    /// The stage of tasks, if an engine runs any.
    stage: Mutex<Option<StageProgress>>,
    cancellation: Cancellation,
}

/// The tasks of a stage at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageProgress {
    pub stage: String,
    pub tasks: u64,
    pub tasks_done: u64,
    pub failed_attempts: u64,
}

/// Values of a [`Meter`] at one moment.
///
/// The totals are those of the current pass.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    pub rows: u64,
    pub bytes: u64,
    pub total_bytes: u64,
    pub files: u64,
    pub total_files: u64,
    pub stage: Option<StageProgress>,
}

impl Meter {
    /// Creates a meter of work that may be asked to stop.
    pub fn new(cancellation: Cancellation) -> Self {
        Self { cancellation, ..Self::default() }
    }

    /// Begins a new pass over `files` files with `bytes` bytes.
    pub fn begin(&self, files: u64, bytes: u64) {
        self.rows.store(0, Relaxed);
        self.bytes.store(0, Relaxed);
        self.files.store(0, Relaxed);
        self.total_files.store(files, Relaxed);
        self.total_bytes.store(bytes, Relaxed);
    }

    /// Counts rows that were read.
    ///
    /// # Errors
    /// [`Trouble::Stopped`] if somebody asked to stop meanwhile.
    pub fn rows(&self, n: u64) -> Result<(), Trouble> {
        self.rows.fetch_add(n, Relaxed);
        self.cancellation.check()
    }

    pub fn bytes(&self, n: u64) {
        self.bytes.fetch_add(n, Relaxed);
    }

    pub fn file_done(&self) {
        self.files.fetch_add(1, Relaxed);
    }

    /// Begins a stage of tasks.
    pub fn begin_stage(&self, stage: String, tasks: u64) {
        let begun = StageProgress { stage, tasks, tasks_done: 0, failed_attempts: 0 };
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = Some(begun);
    }

    /// Notes how many tasks of the stage are done, and how many attempts have failed.
    pub fn tasks(&self, done: u64, failed_attempts: u64) {
        if let Some(stage) = &mut *self.stage.lock().unwrap_or_else(PoisonError::into_inner) {
            (stage.tasks_done, stage.failed_attempts) = (done.min(stage.tasks), failed_attempts);
        }
    }

    pub fn read(&self) -> Progress {
        Progress {
            rows: self.rows.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            total_bytes: self.total_bytes.load(Relaxed),
            files: self.files.load(Relaxed),
            total_files: self.total_files.load(Relaxed),
            stage: self.stage.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}
