//! Queries: questions to the ledger (explain a slot, compare editions, look up reported figures).

pub mod booked_day;
mod compare;
mod explain;
pub mod reported;
pub mod seals;

pub use compare::{Change, Differences, Flip, MovedFigure, between, under};
pub use explain::{DayExplainer, Explanation, Question, explain};
pub use reported::{adjusted, reported};
