//! Join: the end of a pass, from the workers' counts to the daybook of a day.

pub mod caller_lines;
pub mod clear_names;
pub mod close_day;
pub mod correlate;
pub mod dedupe;
pub mod merge;
pub mod notes;
pub mod reduce;
pub mod sums;
