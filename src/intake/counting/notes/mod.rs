//! Notes: what is kept of rows for people, beside their counts.

pub mod evidence;
pub mod field_counts;
pub mod id_sample;
pub mod odd_words;
pub mod quarantine;
pub mod repeated_hours;
pub mod timeless;
pub mod unreadable;
