//! Source rows: the rows of each source by hour, by which poorer logs are noticed.

use serde::{Deserialize, Serialize};

/// The rows of one source in one hour of a day, without copies within the source.
///
/// Calls that another source tells too count in both: no source changes the rows of another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceRows {
    /// Name of the source in the config.
    pub source: String,
    /// From 0 to 23, UTC.
    pub hour: u8,
    pub rows: u64,
    /// Rows that fail by themselves: by their status, code or symptom. None in webhook logs.
    pub failing: u64,
}
