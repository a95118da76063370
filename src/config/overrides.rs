//! `[overrides]`: the file of reviewed corrections, and the rules that its rows are reviewed by.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Overrides;
use crate::day::Day;
use crate::document::toml::TomlTable;

pub(super) const KEYS: [&str; 5] = ["path", "review_days", "grace_hours", "two_persons", "approvers"];

/// The rules by which rows are reviewed: deadlines and persons. The journal keeps them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewRules {
    /// Days after an event's UTC day in which the event can still be turned into uptime (R2).
    pub review_days: u32,
    /// Hours after the end of the window in which a run may first see a row written in time.
    pub grace_hours: u32,
    /// True if author and approver of a row must differ.
    #[serde(rename = "two_persons")]
    pub needs_two_persons: bool,
    /// Names that may approve; anybody may if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<String>,
}

impl Default for ReviewRules {
    fn default() -> Self {
        Self { review_days: 7, grace_hours: 24, needs_two_persons: true, approvers: Vec::new() }
    }
}

/// The review rules of a ledger over time: a change holds only for days that end after it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReviewHistory(Vec<(i64, ReviewRules)>);

impl ReviewHistory {
    /// Makes a history without a change.
    pub fn of_rules(rules: ReviewRules) -> Self {
        Self(vec![(i64::MIN, rules)])
    }

    /// Adds the rules of a line, written at an instant in microseconds since 1970.
    pub fn add(&mut self, at_us: i64, rules: ReviewRules) {
        self.0.push((at_us, rules));
    }

    /// Returns the rules for a day: the last ones from before its end, else the first.
    pub fn of(&self, day: Day) -> ReviewRules {
        let known = self.0.iter().rfind(|(at_us, _)| *at_us < day.end_us());
        known.or_else(|| self.0.first()).map(|(_, rules)| rules.clone()).unwrap_or_default()
    }

    /// Returns the rules that the ledger began with.
    pub fn first(&self) -> ReviewRules {
        self.0.first().map(|(_, rules)| rules.clone()).unwrap_or_default()
    }
}

/// Reads the table `[overrides]`; defaults where it is absent.
pub fn read(top: &TomlTable<'_>) -> Overrides {
    let usual = Overrides::default();
    let Some(table) = top.get("overrides").and_then(|value| value.table("[overrides]", &KEYS)) else {
        return usual;
    };
    let whole = |key, bounds| {
        let number = table.get(key).and_then(|value| value.integer(&bounds))?;
        u32::try_from(number).ok()
    };
    let names = table.get("approvers").map(|value| value.texts()).unwrap_or_default();
    let approvers = names.into_iter().map(|(name, _)| name.to_owned()).collect();
    Overrides {
        path: table.get("path").and_then(|value| value.text()).map(PathBuf::from),
        review: ReviewRules {
            review_days: whole("review_days", 1..=31).unwrap_or(usual.review.review_days),
            grace_hours: whole("grace_hours", 0..=168).unwrap_or(usual.review.grace_hours),
            needs_two_persons: table
                .get("two_persons")
                .and_then(|value| value.flag())
                .unwrap_or(usual.review.needs_two_persons),
            approvers,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::document::Document;

    fn overrides(text: &str) -> Result<Overrides, Vec<String>> {
        let document = Document::new("a.toml", format!("[overrides]\n{text}"));
        crate::config::config(&document, Path::new(""))
            .map(|config| config.overrides)
            .map_err(|mistakes| mistakes.0.iter().map(crate::document::Mistake::place).collect())
    }

    #[test]
    fn every_key_is_read() {
        assert_eq!(overrides(""), Ok(Overrides::default()));
        let text = "path = \"o.csv\"\nreview_days = 31\ngrace_hours = 0\ntwo_persons = false\napprovers = [\"bob\"]\n";
        let review = ReviewRules {
            review_days: 31,
            grace_hours: 0,
            needs_two_persons: false,
            approvers: vec!["bob".to_owned()],
        };
        assert_eq!(overrides(text), Ok(Overrides { path: Some("o.csv".into()), review }));
    }

    #[test]
    fn what_is_out_of_bounds_is_a_mistake() {
        let bad = "path = \"\"\nreview_days = 0\ngrace_hours = 169\ntwo_persons = \"no\"\nfile = \"o.csv\"\n";
        let places = ["2:8", "3:15", "4:15", "5:15", "6:1"].map(|at| format!("a.toml:{at}"));
        assert_eq!(overrides(bad), Err(places.to_vec()));
    }

    #[test]
    fn a_change_of_the_rules_holds_for_days_that_end_after_it() {
        let day = |text: &str| text.parse::<Day>().unwrap();
        let mut history = ReviewHistory::default();
        assert_eq!(history.of(day("2026-11-20")), ReviewRules::default());
        let of_days = |review_days| ReviewRules { review_days, ..ReviewRules::default() };
        history.add(day("2026-11-20").start_us(), of_days(7));
        history.add(day("2026-11-22").start_us() + 1, of_days(31));
        let days = ["2026-11-01", "2026-11-21", "2026-11-22", "2026-11-23"];
        assert_eq!(days.map(|text| history.of(day(text)).review_days), [7, 7, 31, 31]);
        assert_eq!(history.first(), of_days(7));
    }
}
