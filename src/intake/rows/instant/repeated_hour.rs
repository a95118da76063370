//! Repeated hour: the local time that a zone has twice, told apart by the order of the file.
//!
//! In autumn a clock goes back, so that an hour of local time passes twice. A time of that hour
//! without an offset may mean either pass. The row before it in the file decides: of the two
//! instants the nearer one is meant, if it lies within half of the repeated time.

use std::ops::Range;

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;

use super::instant;
use crate::config::Cast;
use crate::day::{Day, HOUR_US};
use crate::intake::records::call_record::MARGIN_US;
use crate::intake::rows::raw_row::LogValue;

/// Time that a zone has twice, near one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepeatedHour {
    /// Its first pass, in microseconds since 1970.
    first: Range<i64>,
}

/// A zone in which no clock goes back: a text without an offset means another instant in it.
const ELSEWHERE: Tz = Tz::Etc__GMTPlus12;

impl RepeatedHour {
    /// Returns the repeated time whose rows a day may hold, if its zone has any.
    pub fn of(zone: Tz, day: Day) -> Option<Self> {
        let offset_us = |us: i64| -> Option<i64> {
            let naive = DateTime::from_timestamp_micros(us)?.naive_utc();
            Some(i64::from(zone.offset_from_utc_datetime(&naive).fix().local_minus_utc()) * 1_000_000)
        };
        let margin_us = MARGIN_US + 2 * HOUR_US;
        let hours = (day.start_us() - margin_us)..(day.end_us() + margin_us);
        hours.step_by(HOUR_US as usize).find_map(|from| {
            let (before, after) = (offset_us(from)?, offset_us(from + HOUR_US)?);
            if after >= before {
                return None;
            }
            // The change lies between two hours: halve the span down to a second.
            let (mut known, mut changed) = (from, from + HOUR_US);
            while changed - known > 1_000_000 {
                let middle = i64::midpoint(known, changed) / 1_000_000 * 1_000_000;
                if offset_us(middle)? == before { known = middle } else { changed = middle }
            }
            Some(Self { first: changed - (before - after)..changed })
        })
    }

    /// Returns the first pass, in microseconds since 1970.
    pub const fn first(&self) -> &Range<i64> {
        &self.first
    }

    const fn length_us(&self) -> i64 {
        self.first.end - self.first.start
    }

    /// Returns whether a value that was read as `us` may as well mean the second pass.
    fn is_open(&self, value: &LogValue<'_>, cast: &Cast, us: i64) -> bool {
        self.first.contains(&us)
            && match value {
                LogValue::Text(_) => instant(value, cast, ELSEWHERE).is_ok_and(|other| other != us),
                _ => false,
            }
    }

    /// Returns the instant of an event that a row of `ts_us` tells of: it does not lie behind it.
    pub fn before(&self, value: &LogValue<'_>, cast: &Cast, us: i64, ts_us: i64) -> i64 {
        let second_us = us + self.length_us();
        if second_us <= ts_us && self.is_open(value, cast, us) { second_us } else { us }
    }
}

/// Place in time of the rows of one file, in the order of the file.
#[derive(Debug, Default)]
pub struct FileOrder {
    /// Instant of the row before.
    last_us: Option<i64>,
    /// True if the row before, or one that it was placed by, could not be decided.
    is_guessed: bool,
}

/// A row's instant, and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    pub us: i64,
    pub is_guess: bool,
    /// True if the row shows that the guesses directly before it were right.
    pub confirms: bool,
}

impl FileOrder {
    /// Returns the instant that a row means whose time was read as `us`, in the first pass.
    ///
    /// A typed timestamp is left as it is; it is a guess, because rows of such files are not read
    /// in their order.
    pub fn place(&mut self, hour: &RepeatedHour, value: &LogValue<'_>, cast: &Cast, us: i64) -> Placed {
        if matches!(value, LogValue::Instant(_)) {
            let is_guess = hour.first.contains(&us);
            return Placed { us, is_guess, confirms: false };
        }
        let reach_us = hour.length_us() / 2;
        if !hour.is_open(value, cast, us) {
            let confirms = self.is_guessed && self.last_us.is_some_and(|last| (us - last).abs() <= reach_us);
            *self = Self { last_us: Some(us), is_guessed: false };
            return Placed { us, is_guess: false, confirms };
        }
        let passes = [us, us + hour.length_us()];
        let is_near =
            |at: &i64| self.last_us.is_some_and(|last| -reach_us < at - last && at - last <= reach_us);
        let near = passes.into_iter().find(is_near);
        // The clock went back between this row and the one before: that one is of the first pass.
        let is_over = near == Some(passes[1]) && self.last_us.is_some_and(|last| last < hour.first.end);
        let confirms = self.is_guessed && is_over;
        self.is_guessed = near.is_none() || (self.is_guessed && !is_over);
        let us = near.unwrap_or(us);
        self.last_us = Some(us);
        Placed { us, is_guess: self.is_guessed, confirms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::day::rfc3339;

    fn hour(zone: &str, day: &str) -> Option<String> {
        let hour = RepeatedHour::of(zone.parse().unwrap(), day.parse().unwrap())?;
        Some(format!("{} {}", rfc3339(hour.first.start), rfc3339(hour.first.end)))
    }

    #[test]
    fn the_repeated_time_is_found_near_its_day_alone() {
        let berlin = Some("2026-10-25T00:00:00Z 2026-10-25T01:00:00Z".to_owned());
        for (day, want) in [
            ("2026-10-23", None),
            ("2026-10-24", berlin.clone()),
            ("2026-10-25", berlin),
            ("2026-10-26", None),
            ("2026-03-29", None),
        ] {
            assert_eq!(hour("Europe/Berlin", day), want, "{day}");
        }
        assert_eq!(hour("UTC", "2026-10-25"), None);
        // Half an hour, at half past the hour of UTC.
        let lord_howe = Some("2026-04-04T14:30:00Z 2026-04-04T15:00:00Z".to_owned());
        assert_eq!(hour("Australia/Lord_Howe", "2026-04-04"), lord_howe);
        let azores = Some("2026-10-25T00:00:00Z 2026-10-25T01:00:00Z".to_owned());
        assert_eq!(hour("Atlantic/Azores", "2026-10-25"), azores);
    }

    /// Places texts of a file in the zone; a guess has a question mark.
    fn placed(zone: &str, texts: &[&str]) -> Vec<String> {
        let zone: Tz = zone.parse().unwrap();
        let hour = RepeatedHour::of(zone, "2026-10-25".parse().unwrap()).unwrap();
        let mut order = FileOrder::default();
        let mut place = |text: &&str| {
            let value = LogValue::text(text.as_bytes());
            let us = instant(&value, &Cast::Auto, zone).unwrap();
            let Placed { us, is_guess, .. } = order.place(&hour, &value, &Cast::Auto, us);
            format!("{}{}", &rfc3339(us)[11..16], if is_guess { "?" } else { "" })
        };
        texts.iter().map(&mut place).collect()
    }

    #[test]
    fn the_order_of_a_file_tells_the_passes_apart() {
        let at = |time: &str| format!("2026-10-25 {time}:00");
        let told = |times: &[&str]| {
            let texts: Vec<String> = times.iter().map(|time| at(time)).collect();
            placed("Europe/Berlin", &texts.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let both = ["01:50", "02:10", "02:30", "02:50", "02:05", "02:30", "02:55", "03:10"];
        assert_eq!(told(&both), ["23:50", "00:10", "00:30", "00:50", "01:05", "01:30", "01:55", "02:10"]);
        let late = ["01:55", "02:20", "02:45", "02:59", "02:01", "02:59", "02:02"];
        assert_eq!(
            told(&late),
            ["23:55", "00:20", "00:45", "00:59", "01:01", "00:59", "01:02"],
            "a late row"
        );
        assert_eq!(told(&["02:10", "02:20", "02:10"]), ["00:10?", "00:20?", "00:10?"], "nothing before it");
        assert_eq!(told(&["01:00", "02:10", "03:10"]), ["23:00", "00:10?", "02:10"], "nothing near it");
    }

    #[test]
    fn times_with_an_offset_are_what_they_say() {
        let texts = [
            "2026-10-25T02:10:00+02:00",
            "2026-10-25 02:30:00",
            "2026-10-25T02:50:00+01:00",
            "2026-10-25 02:40:00",
        ];
        assert_eq!(placed("Europe/Berlin", &texts), ["00:10", "00:30", "01:50", "01:40"]);
        let texts =
            ["2026-10-25T00:10:00Z", "2026-10-25 00:30:00", "2026-10-25 00:50:00", "2026-10-25 00:10:00"];
        assert_eq!(placed("Atlantic/Azores", &texts), ["00:10", "00:30", "00:50", "01:10"]);
    }

    #[test]
    fn an_event_lies_before_the_row_that_tells_of_it() {
        let zone: Tz = "Europe/Berlin".parse().unwrap();
        let hour = RepeatedHour::of(zone, "2026-10-25".parse().unwrap()).unwrap();
        let value = LogValue::text(b"2026-10-25 02:59:00");
        let us = instant(&value, &Cast::Auto, zone).unwrap();
        let at = |ts_us: i64| hour.before(&value, &Cast::Auto, us, ts_us);
        assert_eq!(at(us + 60_000_000), us);
        assert_eq!(at(us + HOUR_US), us + HOUR_US);
    }
}
