//! Unreadable windows: when the rows of webhook logs that could not be read may have been written.

use serde::{Deserialize, Serialize};

/// Unreadable rows of webhook logs between two instants of a day, in microseconds since 1970.
///
/// The instants are those of the readable rows beside them, in whole seconds, both inclusive.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnreadableWindow {
    pub to_us: i64,
    pub from_us: i64,
    /// Region of the file; `*` if it has rows of several, or of none that is known.
    pub region: String,
    /// Messages that the rows may have told of.
    pub rows: u64,
}
