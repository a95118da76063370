//! Meter: the progress of intake, readable from another thread, which may also ask it to stop.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::error::{Cancellation, Trouble};

/// Counters for a progress display, which influence no result, and the request to stop.
#[derive(Debug, Default)]
pub struct Meter {
    rows: AtomicU64,
    bytes: AtomicU64,
    total_bytes: AtomicU64,
    files: AtomicU64,
    total_files: AtomicU64,
    cancellation: Cancellation,
}

/// Values of a [`Meter`] at one moment.
///
/// The totals are those of the current pass.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress {
    pub rows: u64,
    pub bytes: u64,
    pub total_bytes: u64,
    pub files: u64,
    pub total_files: u64,
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

    pub fn read(&self) -> Progress {
        Progress {
            rows: self.rows.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            total_bytes: self.total_bytes.load(Relaxed),
            files: self.files.load(Relaxed),
            total_files: self.total_files.load(Relaxed),
        }
    }
}
