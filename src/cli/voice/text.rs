//! Text in and out of commands: parses instants and editions, lays out tables.

use chrono::{DateTime, NaiveDateTime, Utc};
use comfy_table::{CellAlignment, Table, presets};

use crate::day::Day;

/// Parses an instant: RFC 3339, where a UTC instant may lack its seconds.
pub fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    let parsed = text.parse::<DateTime<Utc>>().ok().or_else(|| {
        let plain = text.strip_suffix('Z')?;
        NaiveDateTime::parse_from_str(plain, "%Y-%m-%dT%H:%M").ok().map(|at| at.and_utc())
    });
    parsed.ok_or_else(|| format!("`{text}` is not an instant; write it like 2026-11-20T10:07Z"))
}

/// A day and the number of an edition, written `2026-11-18/2`.
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

/// Creates a table without lines.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(header);
    table
}

/// Aligns the columns from `from` on to the right, for numbers.
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
