//! Gaps: spans of a day in which a log is missing.

use serde::{Deserialize, Serialize};

use super::MissingCause;

/// The knowledge that a gap takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lost {
    /// Events are missing: the services of the gap cannot be judged in its region.
    Events,
    /// Outcomes of messages are missing; failures that were logged are still failures.
    Outcomes,
    /// Some calls are missing, because one file of several is: a slot is down only if it would be
    /// so with the missing calls good.
    SomeEvents,
    /// Some outcomes are missing, because one file of several is: their events are unknown.
    SomeOutcomes,
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
    /// The missing file, if one of several files is missing: the span is an hour of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<LostFile>,
}

/// A log file that is missing in a span.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LostFile {
    /// Path of an unreadable file; else the path without what changes from day to day.
    pub name: String,
    /// The path in the config that finds the file on other days, by its text.
    pub pattern: String,
    pub cause: MissingCause,
    /// Its share of the rows of its source in its region, and in all regions, in millionths.
    pub region_ppm: u32,
    pub all_ppm: u32,
}
