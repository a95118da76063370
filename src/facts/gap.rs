//! Gaps: spans of a day in which a log is missing.

use serde::{Deserialize, Serialize};

/// The knowledge that a gap takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lost {
    /// Events are missing: the services of the gap cannot be judged in its region.
    Events,
    /// Outcomes of messages are missing; failures that were logged are still failures.
    Outcomes,
}

/// A span of a day, in slots, half-open, in which a log is silent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    pub lost: Lost,
    pub source: String,
    /// The region, or `*` for all of them.
    pub region: String,
    /// Services that cannot be judged in the span: those of the source in this region, on this day.
    pub services: Vec<String>,
    pub start_slot: u32,
    pub end_slot: u32,
    /// Rows to be expected in the span, from the traffic around it.
    pub expected: i64,
}
