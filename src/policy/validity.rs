//! Validity: the days on which a rule or a restriction holds.

use crate::day::Day;
use crate::document::toml::TomlTable;

/// A half-open span of days; without a limit, it is open at that end (R17).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Validity {
    pub from: Option<Day>,
    pub until: Option<Day>,
}

impl Validity {
    /// Reads `valid_from` and `valid_until` of a table.
    pub fn read(table: &TomlTable<'_>) -> Self {
        let day = |key| table.get(key).and_then(|value| value.day());
        Self { from: day("valid_from"), until: day("valid_until") }
    }

    /// True if it holds on this day.
    pub fn holds(&self, day: Day) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day < until)
    }

    /// True if it holds on no day.
    pub fn is_empty(&self) -> bool {
        matches!((self.from, self.until), (Some(from), Some(until)) if until <= from)
    }

    /// True if it holds on every day on which `other` holds.
    pub fn covers(&self, other: &Self) -> bool {
        self.from.is_none_or(|from| other.from.is_some_and(|other| from <= other))
            && self.until.is_none_or(|until| other.until.is_some_and(|other| other <= until))
    }

    /// True if both hold on some day.
    pub fn overlaps(&self, other: &Self) -> bool {
        let starts_before_end = |a: &Self, b: &Self| match (a.from, b.until) {
            (Some(from), Some(until)) => from < until,
            _ => true,
        };
        starts_before_end(self, other) && starts_before_end(other, self)
    }
}
