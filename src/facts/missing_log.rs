//! Missing logs: files that should be there and are not, or cannot be read, with their hours.

use serde::{Deserialize, Serialize};

use crate::config::Log;
use crate::day::{Day, HOUR_US};

/// A log file of a day that was expected and not read.
///
/// What it could have said is not known: it never makes an outage, and never hides one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MissingLog {
    /// Name of the source in the config.
    pub source: String,
    pub log: Log,
    pub cause: MissingCause,
    /// Path of an unreadable file; else the path without what changes from day to day.
    pub name: String,
    /// The path in the config that finds the file on other days, by its text.
    pub pattern: String,
    /// Region of its rows; `*` if it has rows of several, or if its region is not known.
    pub region: String,
    /// The hours in which it has rows on other days; all 24 if it was never read.
    pub hours: Vec<LostHour>,
}

/// Why a log file was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingCause {
    /// No file of its name is there.
    Absent,
    /// It could not be read to its end, so nothing of it is counted.
    Unreadable,
    /// It is there, and none of its rows is of the day.
    NoRows,
}

/// An hour of a missing log, with its share of the rows that its source would have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LostHour {
    /// From 0 to 23, UTC.
    pub hour: u8,
    /// Share of the rows of its source in its region, and in all regions together, in millionths.
    pub region_ppm: u32,
    pub all_ppm: u32,
}

impl MissingLog {
    /// True if the log may have had rows of a region.
    pub fn concerns(&self, region: &str) -> bool {
        self.region == "*" || self.region == region || self.region == "-" || region == "-"
    }

    /// Iterates over the spans of adjacent hours of a day, in microseconds since 1970, half-open.
    pub fn spans(&self, day: Day) -> impl Iterator<Item = (i64, i64)> {
        let start_us = move |hour: u8| day.start_us() + i64::from(hour) * HOUR_US;
        self.hours
            .chunk_by(|a, b| a.hour + 1 == b.hour)
            .map(move |span| (start_us(span[0].hour), start_us(span[span.len() - 1].hour) + HOUR_US))
    }
}
