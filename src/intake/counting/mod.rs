//! Counting: the running counts of one worker.

pub mod active_callers;
pub mod attempt_counting;
pub mod call;
pub mod fast_path;
pub mod file_tally;
pub mod latency_cell;
pub mod memo;
pub mod notes;
pub mod task_counts;
pub mod worker_counts;
