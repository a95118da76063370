//! Governed settings: those that can move a figure, a window, a person, a limit or an attention.
//!
//! They are kept by content, and each run compares its own with those of the last line: a change is
//! on record, and a decision of two persons, whether or not an edition follows from it.

use serde::{Deserialize, Serialize};

use crate::attention::{Attention, AttentionKind};
use crate::config::ReviewRules;
use crate::day::{Day, rfc3339};
use crate::redact::harmless;

/// The settings of a run, by the names of their content, with what has changed in them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Governed {
    /// Fingerprint of the config, which the ledger keeps.
    pub config: String,
    /// Fingerprint of the bytes of policy and catalogue, which the ledger keeps.
    pub policy: String,
    /// Fingerprint of the rules in them.
    pub rules: String,
    /// The rules of review, which hold for days that end after the line; in the first, for all.
    pub review: ReviewRules,
    /// What differs from the line before, by key; empty in the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<ChangedSetting>,
}

/// A setting that has changed; a side without a value is the default, or a part that is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangedSetting {
    /// Key of the config file, or of a part of the policy: `policy.rule.throttled`.
    pub key: String,
    /// JSON text; empty without a value, as is `new`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub old: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub new: String,
}

/// Changes shown in a message; the line of the journal has all.
const TOLD_CHANGES: usize = 8;
/// Characters of a value in a message.
const TOLD_LENGTH: usize = 80;

impl Governed {
    /// Returns what a person is told of a line; `None` if nothing has changed.
    pub fn attention(&self, seq: u64, day: Day, end_us: i64) -> Option<Attention> {
        let shown = |value: &String| {
            let value = harmless(value);
            match (value.is_empty(), value.chars().count() > TOLD_LENGTH) {
                (true, _) => "none".to_owned(),
                (_, true) => value.chars().take(TOLD_LENGTH).collect::<String>() + "...",
                _ => value,
            }
        };
        let told: Vec<String> = self
            .changed
            .iter()
            .take(TOLD_CHANGES)
            .map(|change| format!("{} from {} to {}", change.key, shown(&change.old), shown(&change.new)))
            .collect();
        let more = self.changed.len().saturating_sub(TOLD_CHANGES);
        let more = if more == 0 { String::new() } else { format!("; and {more} more") };
        let review = if self.changed.iter().any(|change| is_review(&change.key)) {
            format!(
                "; review_days, grace_hours, two_persons and approvers hold for days that end after {}",
                rfc3339(end_us)
            )
        } else {
            String::new()
        };
        let message = format!(
            "settings have changed since the run before (line {seq} of the journal): {}{more}{review}. Set back what nobody \
             decided, or have two persons acknowledge it",
            told.join("; ")
        );
        let subject = seq.to_string();
        let measure = self.changed.len() as u64;
        let attention =
            Attention::new(AttentionKind::Settings, day, &[&subject], message).of_measure(measure);
        (!self.changed.is_empty()).then_some(attention)
    }
}

fn is_review(key: &str) -> bool {
    key.starts_with("overrides.") && key != "overrides.path"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_with_both_values() {
        let change = |key: &str, old: &str, new: &str| ChangedSetting {
            key: key.to_owned(),
            old: old.to_owned(),
            new: new.to_owned(),
        };
        let changed = vec![
            change("definition.min_events", "10", "1000000"),
            change("overrides.two_persons", "true", "false"),
        ];
        let names = [(); 3].map(|()| String::new());
        let [config, policy, rules] = names;
        let governed = Governed { config, policy, rules, review: ReviewRules::default(), changed };
        let day: Day = "2026-11-21".parse().unwrap();
        let told = governed.attention(7, day, day.start_us()).unwrap();
        assert_eq!(told.key(), "settings:7");
        let parts = [
            "definition.min_events from 10 to 1000000; overrides.two_persons from true to false",
            "after 2026-11-21T00:00:00Z",
        ];
        assert!(parts.iter().all(|part| told.message.contains(part)), "{}", told.message);
        assert_eq!(Governed { changed: Vec::new(), ..governed }.attention(7, day, 0), None);
    }
}
