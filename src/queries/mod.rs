//! Queries: questions to the ledger. Why is a slot red, what differs between two editions, what was reported.

pub mod booked_day;
mod compare;
mod explain;
pub mod reported;

pub use compare::{Change, Differences, Flip, Moved, between, under};
pub use explain::{DayExplainer, Explanation, Question, explain};
pub use reported::{adjusted, reported};
