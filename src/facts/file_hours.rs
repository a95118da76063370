//! File hours: how many rows each log file has in each hour, by which a missing log is noticed.

use serde::{Deserialize, Serialize};

use crate::config::Log;
use crate::day::Day;

/// The rows of one log file by hour, and the name that it has on other days too.
///
/// Rows are counted before copies are subtracted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileHours {
    /// Name of the source in the config.
    pub source: String,
    pub log: Log,
    /// The path in the config that found the file, by its text.
    pub pattern: String,
    /// The path without what changes from day to day.
    pub name: String,
    pub path: String,
    pub belongs: FileDay,
    /// False if it could not be read to its end; such a file has no rows.
    pub is_readable: bool,
    pub bytes: u64,
    /// Rows of the file, of whatever day, those included that could not be read or are no calls.
    ///
    /// Header lines are left out: a file that has no more than these is empty.
    pub rows_read: u64,
    /// Regions of its rows, or the region that its path gives; sorted.
    pub regions: Vec<String>,
    /// Hour of the day to which the file belongs, from 0, with its rows; hours without rows are
    /// left out.
    pub hours: Vec<(u8, u64)>,
    /// True if any row of a log of calls has a field that tells what became of the call.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub names_outcome: bool,
    /// Rows of other days that no run reads: they lie farther away than `neighbours`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<(Day, u64)>,
}

/// The day to which a log file belongs, by the date in its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileDay {
    /// The day itself; also a file without a date in its path.
    Own,
    /// The day after.
    Next,
}
