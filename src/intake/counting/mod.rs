//! Counting: the running counts of one worker.

pub mod attempt_counting;
pub mod evidence;
pub mod fast_path;
pub mod file_tally;
pub mod id_sample;
pub mod latency_cell;
pub mod memo;
pub mod odd_words;
pub mod quarantine;
pub mod timeless;
pub mod unreadable;
pub mod worker_counts;
