//! `[webhooks]`: deadlines of outcomes, and how long an outcome can still change.

use super::Webhooks;
use crate::document::toml::TomlTable;

pub(super) const KEYS: [&str; 6] = [
    "first_status_minutes",
    "held_hours",
    "first_attempt_minutes",
    "retry_days",
    "max_retry_pause_hours",
    "success",
];

/// Businesses are told that only 200 succeeds, but in practice any 2xx is accepted.
const SUCCESS: [(&str, (u16, u16)); 2] = [("2xx", (200, 299)), ("200", (200, 200))];

/// Reads the table `[webhooks]`; defaults where it is absent.
pub fn read(top: &TomlTable<'_>) -> Webhooks {
    let usual = Webhooks::default();
    let Some(table) = top.get("webhooks").and_then(|value| value.table("[webhooks]", &KEYS)) else {
        return usual;
    };
    let whole = |key, most| {
        let number = table.get(key).and_then(|value| value.integer(&(1..=most)))?;
        u32::try_from(number).ok()
    };
    let minutes = |key| whole(key, 60).map(|minutes| minutes * 60);
    let retry_days = whole("retry_days", 30).unwrap_or(usual.retry_days);
    Webhooks {
        first_status_seconds: minutes("first_status_minutes").unwrap_or(usual.first_status_seconds),
        first_attempt_seconds: minutes("first_attempt_minutes").unwrap_or(usual.first_attempt_seconds),
        held_seconds: held_hours(&table, retry_days).map_or(usual.held_seconds, |hours| hours * 3_600),
        retry_days,
        max_retry_pause_seconds: whole("max_retry_pause_hours", 168)
            .map_or(usual.max_retry_pause_seconds, |hours| hours * 3_600),
        success: table.get("success").and_then(|value| value.choice(&SUCCESS)).unwrap_or(usual.success),
    }
}

/// Reads how long a message may be held: no longer than it can change, or its day would never end.
fn held_hours(table: &TomlTable<'_>, retry_days: u32) -> Option<u32> {
    let value = table.get("held_hours")?;
    let hours = u32::try_from(value.integer(&(1..=168))?).ok()?;
    if hours > retry_days * 24 {
        let message = format!("`held_hours` is {hours}, and `retry_days` is {retry_days}");
        let help = format!("a message can change for {} hours; hold it no longer", retry_days * 24);
        value.wrong(message, "longer than a message can change", help);
        return None;
    }
    Some(hours)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::document::Document;

    fn webhooks(text: &str) -> Result<Webhooks, Vec<String>> {
        let document = Document::new("a.toml", format!("[webhooks]\n{text}"));
        crate::config::config(&document, Path::new(""))
            .map(|config| config.webhooks)
            .map_err(|mistakes| mistakes.0.iter().map(crate::document::Mistake::place).collect())
    }

    #[test]
    fn every_key_is_read_in_its_unit() {
        assert_eq!(webhooks(""), Ok(Webhooks::default()));
        let text = "first_status_minutes = 1\nheld_hours = 168\nfirst_attempt_minutes = 60\nretry_days = 30\n\
                    max_retry_pause_hours = 168\nsuccess = \"200\"\n";
        let want = Webhooks {
            first_status_seconds: 60,
            held_seconds: 604_800,
            first_attempt_seconds: 3_600,
            retry_days: 30,
            max_retry_pause_seconds: 604_800,
            success: (200, 200),
        };
        assert_eq!(webhooks(text), Ok(want));
        assert_eq!(webhooks("success = \"2xx\"\n").map(|w| w.success), Ok((200, 299)));
    }

    #[test]
    fn what_is_no_whole_number_in_bounds_is_a_mistake() {
        let bad = "first_status_minutes = 0\nfirst_attempt_minutes = 61\nretry_days = 7.5\n\
                   max_retry_pause_hours = 169\nsuccess = 200\n";
        let places = ["2:24", "3:25", "4:14", "5:25", "6:11"].map(|at| format!("a.toml:{at}"));
        assert_eq!(webhooks(bad), Err(places.to_vec()));
        // A message cannot be held for longer than it can change.
        for bad in ["held_hours = 0\n", "held_hours = 169\n", "held_hours = 25\nretry_days = 1\n"] {
            assert_eq!(webhooks(bad), Err(vec!["a.toml:2:14".to_owned()]), "{bad}");
        }
    }
}
