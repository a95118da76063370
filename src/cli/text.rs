//! Text in and out of commands: parses instants and editions, prints safely, lays out tables.

use std::io::{self, StderrLock, StdoutLock, Write};

use chrono::{DateTime, NaiveDateTime, Utc};
use comfy_table::{CellAlignment, Table, presets};

use crate::day::Day;
use crate::redact::printable;

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

/// A writer that lets no text steer the terminal.
///
/// Control characters other than line ends, and characters that turn the direction of text, become
/// `\\u{..}`. Names of services, regions and files come from logs, so they may hold such
/// characters.
pub struct TerminalSafe<W>(pub W);

impl<W: Write> Write for TerminalSafe<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        for (at, line) in text.split('\n').enumerate() {
            if at > 0 {
                self.0.write_all(b"\n")?;
            }
            self.0.write_all(printable(line.as_bytes(), line.len()).as_bytes())?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Returns standard output for people.
pub fn stdout() -> TerminalSafe<StdoutLock<'static>> {
    TerminalSafe(io::stdout().lock())
}

/// Returns standard error for people.
pub fn stderr() -> TerminalSafe<StderrLock<'static>> {
    TerminalSafe(io::stderr().lock())
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
    fn what_is_written_steers_no_terminal() {
        let mut out = TerminalSafe(Vec::new());
        out.write_all("a \u{1b}[31m\n\u{202e} é".as_bytes()).unwrap();
        assert_eq!(String::from_utf8(out.0).unwrap(), "a \\u{1b}[31m\n\\u{202e} é");
    }

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
