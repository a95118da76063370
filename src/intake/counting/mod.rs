//! Counting: the running counts of one worker.

pub mod attempt_counting;
pub mod evidence;
pub mod fast_path;
pub mod latency_cell;
pub mod memo;
pub mod odd_words;
pub mod quarantine;
pub mod timeless;
pub mod worker_counts;
