//! `[overrides]`: the file of reviewed corrections, and the deadlines of its rows.

use std::path::PathBuf;

use super::Overrides;
use crate::document::toml::TomlTable;

pub(super) const KEYS: [&str; 4] = ["path", "review_days", "grace_hours", "two_persons"];

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
    Overrides {
        path: table.get("path").and_then(|value| value.text()).map(PathBuf::from),
        review_days: whole("review_days", 1..=31).unwrap_or(usual.review_days),
        grace_hours: whole("grace_hours", 0..=168).unwrap_or(usual.grace_hours),
        needs_two_persons: table
            .get("two_persons")
            .and_then(|value| value.flag())
            .unwrap_or(usual.needs_two_persons),
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
        let text = "path = \"o.csv\"\nreview_days = 31\ngrace_hours = 0\ntwo_persons = false\n";
        let want = Overrides {
            path: Some("o.csv".into()),
            review_days: 31,
            grace_hours: 0,
            needs_two_persons: false,
        };
        assert_eq!(overrides(text), Ok(want));
    }

    #[test]
    fn what_is_out_of_bounds_is_a_mistake() {
        let bad = "path = \"\"\nreview_days = 0\ngrace_hours = 169\ntwo_persons = \"no\"\nfile = \"o.csv\"\n";
        let places = ["2:8", "3:15", "4:15", "5:15", "6:1"].map(|at| format!("a.toml:{at}"));
        assert_eq!(overrides(bad), Err(places.to_vec()));
    }
}
