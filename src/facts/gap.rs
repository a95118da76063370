//! Gaps: spans of a day in which a log is missing.

use serde::{Deserialize, Serialize};

/// What a gap leaves unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lost {
    /// The events themselves: nothing of the region and its services can be judged.
    Events,
    /// What became of messages: failures that did show are still failures.
    Outcomes,
}

/// A silent span, in slots of the day, half-open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    pub lost: Lost,
    pub source: String,
    /// The region, or `*` for all of them.
    pub region: String,
    /// Services of which the source has rows of this region on this day: those that cannot be judged in the span.
    pub services: Vec<String>,
    pub start_slot: u32,
    pub end_slot: u32,
    /// Rows that were to be expected from the traffic around the span.
    pub expected: i64,
}
