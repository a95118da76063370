//! Words that commands share: instants and editions as people write them, durations and percentages as they read them.

use std::io::{self, Write};

use chrono::{DateTime, NaiveDateTime, Utc};
use comfy_table::{CellAlignment, Table, presets};

use crate::day::Day;
use crate::intake::printable;

/// An instant: RFC 3339, seconds may be left out.
pub fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    let parsed = text.parse::<DateTime<Utc>>().ok().or_else(|| {
        let plain = text.strip_suffix('Z')?;
        NaiveDateTime::parse_from_str(plain, "%Y-%m-%dT%H:%M").ok().map(|at| at.and_utc())
    });
    parsed.ok_or_else(|| format!("`{text}` is not an instant; write it like 2026-11-20T10:07Z"))
}

/// A day and the number of an edition: `2026-11-18/2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EditionName {
    pub day: Day,
    pub number: u32,
}

pub fn edition(text: &str) -> Result<EditionName, String> {
    let wrong = || format!("`{text}` is not an edition; write it like 2026-11-18/2 (`history` lists them)");
    let (day, number) = text.split_once('/').ok_or_else(wrong)?;
    Ok(EditionName { day: day.parse().map_err(|_| wrong())?, number: number.parse().map_err(|_| wrong())? })
}

/// `12m00s`.
pub fn minutes(seconds: i64) -> String {
    format!("{}m{:02}s", seconds / 60, seconds % 60)
}

/// Millionths of a percent with six decimals, cut and never rounded up.
pub fn percent(micro: i64) -> String {
    format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000)
}

/// Longer lines hold a name that nobody reads to its end.
const LINE: usize = 2_000;

/// Text that may hold names from logs: nothing in it steers a terminal.
pub fn lines(out: &mut impl Write, text: &str) -> io::Result<()> {
    text.lines().try_for_each(|line| writeln!(out, "{}", printable(line.as_bytes(), LINE)))
}

/// A table without lines.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(header);
    table
}

/// Numbers stand to the right.
pub fn align(table: &mut Table, from: usize) {
    for column in table.column_iter_mut().skip(from) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_may_do_without_seconds_and_editions_may_not_do_without_a_number() {
        let at: DateTime<Utc> = "2026-11-20T10:07:00Z".parse().unwrap();
        assert_eq!(instant("2026-11-20T10:07Z"), Ok(at));
        assert_eq!(instant("2026-11-20T11:07:00+01:00"), Ok(at));
        assert!(instant("yesterday").unwrap_err().contains("2026-11-20T10:07Z"));
        assert_eq!(edition("2026-11-18/2").unwrap().number, 2);
        assert!(edition("2026-11-18").is_err() && edition("2026-11-18/x").is_err());
    }
}
