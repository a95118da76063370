//! The intake balance: every row of every file is somewhere.

use serde::{Deserialize, Serialize};

/// What became of the rows of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileBalance {
    pub path: String,
    pub source: String,
    /// `own`, or `neighbour` for a file of a day beside it.
    pub role: String,
    pub format: String,
    pub bytes: u64,
    pub rows_read: u64,
    /// Events of the day.
    pub accepted: u64,
    /// Surplus copies of an id.
    pub duplicate: u64,
    /// Rows of other days.
    pub outside: u64,
    /// Rows that could not be read.
    pub quarantine: u64,
    pub first_ts_us: Option<i64>,
    pub last_ts_us: Option<i64>,
    /// Why the file could not be read; none of its rows are counted then.
    pub failure: Option<String>,
}

impl FileBalance {
    /// Rows read must equal the sum of the intake accounts, without tolerance.
    ///
    /// # Errors
    /// By how much the file is off.
    pub fn check(&self) -> Result<(), String> {
        let booked = self.accepted + self.duplicate + self.outside + self.quarantine;
        if booked == self.rows_read {
            return Ok(());
        }
        Err(format!(
            "{}: {} rows read, but {} accepted + {} duplicate + {} outside + {} quarantine = {booked}",
            self.path, self.rows_read, self.accepted, self.duplicate, self.outside, self.quarantine
        ))
    }
}
