//! Days and slots: the calendar of every stage, in UTC, microseconds and half-open intervals.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// Microseconds in a second.
pub const SECOND_US: i64 = 1_000_000;
/// Microseconds in a minute.
pub const MINUTE_US: i64 = 60 * SECOND_US;
/// Microseconds in a UTC day (no leap seconds, as in POSIX time).
pub const DAY_US: i64 = 86_400 * SECOND_US;
/// Microseconds of an hour.
pub const HOUR_US: i64 = 60 * MINUTE_US;

/// Formats a length of time as people read it: `12m00s`.
pub fn minutes(seconds: i64) -> String {
    format!("{}m{:02}s", seconds / 60, seconds % 60)
}

/// One UTC day; its instants are `start_us() <= t < end_us()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(NaiveDate);

impl Day {
    pub const fn new(date: NaiveDate) -> Self {
        Self(date)
    }

    /// Returns the UTC day of `instant`.
    pub fn of(instant: DateTime<Utc>) -> Self {
        Self(instant.date_naive())
    }

    /// Returns the UTC day of an instant in microseconds since 1970, if chrono can express it.
    pub fn of_us(us: i64) -> Option<Self> {
        DateTime::from_timestamp_micros(us).map(Self::of)
    }

    pub const fn date(self) -> NaiveDate {
        self.0
    }

    /// Returns the first instant of the day, microseconds since 1970-01-01T00:00Z.
    pub fn start_us(self) -> i64 {
        let epoch = NaiveDate::default();
        (self.0 - epoch).num_days() * DAY_US
    }

    /// Returns the first instant after the day.
    pub fn end_us(self) -> i64 {
        self.start_us() + DAY_US
    }

    /// Returns the day `n` days later (earlier if negative), within chrono's calendar.
    #[must_use]
    pub fn plus(self, n: i64) -> Self {
        let moved = self.0.checked_add_signed(chrono::Duration::days(n));
        Self(moved.unwrap_or(if n < 0 { NaiveDate::MIN } else { NaiveDate::MAX }))
    }

    /// Returns the days from `self` to `other`; negative if `other` is earlier.
    pub fn days_to(self, other: Self) -> i64 {
        (other.0 - self.0).num_days()
    }

    /// Iterates from `self` to `last`, both included; nothing if `last` is earlier.
    pub fn through(self, last: Self) -> impl Iterator<Item = Self> {
        self.0.iter_days().take_while(move |d| *d <= last.0).map(Self)
    }

    /// Returns the calendar month of the day.
    pub fn month(self) -> Month {
        Month { year: self.0.year(), month: self.0.month() }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%d"))
    }
}

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map(Self)
            .map_err(|_| format!("`{text}` is not a date; write it as YYYY-MM-DD, for example 2026-11-21"))
    }
}

/// A UTC calendar month (R20 counts minutes of the calendar month).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i32,
    month: u32,
}

impl Month {
    pub fn first(self) -> Day {
        Day(NaiveDate::from_ymd_opt(self.year, self.month, 1).unwrap_or(NaiveDate::MIN))
    }

    pub fn last(self) -> Day {
        self.next().first().plus(-1)
    }

    /// True if a half-open span in microseconds since 1970 has a part in the month.
    pub fn overlaps(self, start_us: i64, end_us: i64) -> bool {
        self.first().start_us() < end_us && start_us < self.last().end_us()
    }

    /// Returns the month after this one.
    #[must_use]
    pub fn next(self) -> Self {
        if self.month == 12 {
            Self { year: self.year + 1, month: 1 }
        } else {
            Self { year: self.year, month: self.month + 1 }
        }
    }

    /// Returns the day from which on the month is final (R20).
    ///
    /// It is the 10th business day (Monday to Friday) of the following month. No public-holiday
    /// calendar is published, so none is applied.
    pub fn final_at(self) -> Day {
        let mut day = self.next().first();
        let mut business_days = 0;
        loop {
            if day.date().weekday().number_from_monday() <= 5 {
                business_days += 1;
            }
            if business_days == 10 {
                return day;
            }
            day = day.plus(1);
        }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// Length of a slot: 10 s, 30 s, 1 m or 5 m.
///
/// Each divides five minutes, so slots do not cross hours or days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub enum SlotLength {
    #[serde(rename = "10s")]
    Seconds10,
    #[serde(rename = "30s")]
    Seconds30,
    #[default]
    #[serde(rename = "1m")]
    Minute,
    #[serde(rename = "5m")]
    Minutes5,
}

impl SlotLength {
    pub const fn seconds(self) -> u32 {
        match self {
            Self::Seconds10 => 10,
            Self::Seconds30 => 30,
            Self::Minute => 60,
            Self::Minutes5 => 300,
        }
    }

    /// Returns the length in microseconds.
    pub const fn us(self) -> i64 {
        self.seconds() as i64 * SECOND_US
    }

    /// Returns the number of slots in a UTC day.
    pub const fn per_day(self) -> u32 {
        86_400 / self.seconds()
    }

    /// Returns the slot and the sixtieth of it in which an instant lies.
    ///
    /// `offset_us` is the time since the start of the day in microseconds, not negative.
    #[inline]
    pub const fn place(self, offset_us: i64) -> SlotPlace {
        // By case, because a division by a constant is a multiplication.
        match self {
            Self::Seconds10 => SlotPlace::of(offset_us, 10 * SECOND_US),
            Self::Seconds30 => SlotPlace::of(offset_us, 30 * SECOND_US),
            Self::Minute => SlotPlace::of(offset_us, 60 * SECOND_US),
            Self::Minutes5 => SlotPlace::of(offset_us, 300 * SECOND_US),
        }
    }

    /// Returns the number of slots that cover `seconds`, rounded up.
    pub const fn slots_in(self, seconds: u32) -> u32 {
        seconds.div_ceil(self.seconds())
    }
}

/// A sixtieth of a slot: the place of an instant, as precisely as facts keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SlotPlace {
    pub slot: u32,
    /// From 0 to 59; a second, if slots are minutes.
    pub sixtieth: u32,
}

impl SlotPlace {
    #[inline]
    const fn of(offset_us: i64, slot_us: i64) -> Self {
        let offset_us = offset_us as u64;
        let slot_us = slot_us as u64;
        Self { slot: (offset_us / slot_us) as u32, sixtieth: (offset_us % slot_us * 60 / slot_us) as u32 }
    }

    /// Returns the set of this sixtieth alone: bit `k` stands for `[k/60, (k+1)/60)` of the slot.
    #[inline]
    pub const fn bit(self) -> u64 {
        1 << self.sixtieth
    }
}

/// Formats an instant as every report does: `2026-11-20T10:07:00Z`.
///
/// Microseconds are written only if there are any.
pub fn rfc3339(us: i64) -> String {
    match DateTime::from_timestamp_micros(us) {
        Some(at) => at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        None => format!("{us} us since 1970"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_is_half_open() {
        let d = day("2026-11-20");
        assert_eq!(Day::of_us(d.start_us()), Some(d));
        assert_eq!(Day::of_us(d.end_us() - 1), Some(d));
        assert_eq!(Day::of_us(d.end_us()), Some(day("2026-11-21")));
        assert_eq!(Day::of_us(d.start_us() - 1), Some(day("2026-11-19")));
    }

    #[test]
    fn months_know_their_ends() {
        assert_eq!(day("2024-02-10").month().last(), day("2024-02-29"));
        assert_eq!(day("2026-12-31").month().next().first(), day("2027-01-01"));
    }

    #[test]
    fn a_month_is_final_on_the_tenth_business_day_of_the_next() {
        // December 2026 starts on a Tuesday: 1-4, 7-11, 14.
        assert_eq!(day("2026-11-20").month().final_at(), day("2026-12-14"));
        // August 2026 starts on a Saturday: 3-7, 10-14.
        assert_eq!(day("2026-07-01").month().final_at(), day("2026-08-14"));
    }

    #[test]
    fn dates_that_are_none_say_how_to_write_one() {
        assert!("2026-13-01".parse::<Day>().unwrap_err().contains("YYYY-MM-DD"));
    }

    #[test]
    fn a_slot_has_sixty_sixtieths() {
        for length in [SlotLength::Seconds10, SlotLength::Seconds30, SlotLength::Minute, SlotLength::Minutes5]
        {
            let us = length.us();
            for slot in [0, 1, i64::from(length.per_day()) - 1] {
                let place = |offset| {
                    let SlotPlace { slot, sixtieth } = length.place(slot * us + offset);
                    (i64::from(slot), sixtieth)
                };
                assert_eq!((place(0), place(us - 1)), ((slot, 0), (slot, 59)));
                for n in 1..60 {
                    // The first microsecond of the sixtieth, and the one before it.
                    let first = (us * n + 59) / 60;
                    assert_eq!((place(first), place(first - 1)), ((slot, n as u32), (slot, n as u32 - 1)));
                }
            }
        }
    }
}
