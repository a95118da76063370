//! File tally: the rows of one file, as one worker saw them.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::notes::evidence::RowPlace;
use super::notes::quarantine::{self, KEPT_PER_FILE};
use crate::config::Excerpts;
use crate::day::{DAY_US, HOUR_US};
use crate::facts::LinesByReason;

/// Rows per hour of a day.
pub type Hours = [u64; 24];

/// Counts of the rows of one file, as one worker saw them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct FileTally {
    pub rows_read: u64,
    pub accepted: u64,
    pub outside: u64,
    pub quarantine: u64,
    /// Lines that are no calls: neither readable rows, nor rows that could not be read.
    pub not_a_call: u64,
    pub not_a_call_reasons: LinesByReason,
    /// Bit set of the fields that any row had.
    pub seen: u32,
    /// Bit set of the fields that any row named, also without a value.
    pub named: u32,
    pub first_us: Option<i64>,
    pub last_us: Option<i64>,
    /// Rows of the day, and of the day after, by the hour in which they begin.
    pub hours: Hours,
    pub next_hours: Hours,
    /// Rows of other days, by the number of days since 1970.
    pub other_days: Vec<(i64, u64)>,
    /// Regions of the rows, by their numbers in the worker's lexicon.
    pub regions: Vec<u32>,
    /// Bytes of the readable lines with payloads, and the statuses in them.
    pub told_bytes: u64,
    pub told_statuses: u64,
    /// Place, reason and excerpt of quarantined rows, of which the first are kept.
    pub bad_rows: Vec<(RowPlace, String, String)>,
}

impl FileTally {
    /// Counts a readable row that begins at `us`; `seen` is the bit set of its fields.
    #[inline]
    pub fn note(&mut self, us: i64, day_us: &Range<i64>, seen: u32) {
        self.rows_read += 1;
        self.seen |= seen;
        self.first_us = Some(self.first_us.map_or(us, |first| first.min(us)));
        self.last_us = Some(self.last_us.map_or(us, |last| last.max(us)));
        if day_us.contains(&us) {
            self.accepted += 1;
            let hour = ((us - day_us.start) as u64 / HOUR_US as u64) as usize;
            self.hours[hour.min(23)] += 1;
        } else {
            self.outside += 1;
            self.note_outside(us, 1, day_us);
        }
    }

    /// Counts a row that could not be read; `raw` is what its excerpt may show.
    pub fn note_bad_row(&mut self, place: RowPlace, reason: String, raw: &[u8], excerpts: Excerpts) {
        self.rows_read += 1;
        self.quarantine += 1;
        if self.bad_rows.len() < KEPT_PER_FILE {
            self.bad_rows.push((place, reason, quarantine::excerpt(raw, excerpts)));
        }
    }

    /// Counts a line that is no call; `why` says what it is.
    pub fn note_not_a_call(&mut self, why: &str) {
        self.rows_read += 1;
        self.not_a_call += 1;
        self.not_a_call_reasons.add(why, 1);
    }

    /// Counts rows far outside the day that were not read, from the first to the last instant.
    pub fn skip(&mut self, rows: u64, first_us: i64, last_us: i64, day_us: &Range<i64>) {
        self.rows_read += rows;
        self.outside += rows;
        self.first_us = Some(self.first_us.map_or(first_us, |first| first.min(first_us)));
        self.last_us = Some(self.last_us.map_or(last_us, |last| last.max(last_us)));
        // Which of them belong to which day is known only if all belong to one.
        if first_us.div_euclid(DAY_US) == last_us.div_euclid(DAY_US) {
            self.note_outside(first_us, rows, day_us);
        }
    }

    fn note_outside(&mut self, us: i64, rows: u64, day_us: &Range<i64>) {
        let day = us.div_euclid(DAY_US);
        match self.other_days.iter_mut().rev().find(|(known, _)| *known == day) {
            Some((_, n)) => *n += rows,
            None => self.other_days.push((day, rows)),
        }
        if (day_us.end..day_us.end + DAY_US).contains(&us) {
            self.next_hours[((us - day_us.end) / HOUR_US) as usize % 24] += rows;
        }
    }

    /// Notes the region of a row.
    pub fn hear(&mut self, region: u32) {
        if !self.regions.contains(&region) {
            self.regions.push(region);
        }
    }
}
