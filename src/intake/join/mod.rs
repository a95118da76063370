//! Join: the end of the pass. Workers are merged, copies removed, the two logs correlated, the daybook written.

pub mod close_day;
pub mod correlate;
pub mod dedupe;
pub mod duplicates;
pub mod merge;
pub mod receipts;
