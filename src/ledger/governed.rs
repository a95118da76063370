//! Governed settings: those that can move a figure, a window, a person, a limit or an attention.
//!
//! They are kept by content, and every run compares its own with those of the last line: a change is
//! on record, and a decision of two persons, whether or not an edition follows from it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Entry, Kept, Ledger, Settings, Writer, places};
use crate::attention::{Attention, AttentionKind};
use crate::clock::Clock;
use crate::config::{Canonical, ReviewRules};
use crate::day::{Day, rfc3339};
use crate::error::Trouble;
use crate::policy::Policy;
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

/// A setting whose value has changed; a side without a value is the default, or a part that is gone.
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
    pub(super) fn attention(&self, seq: u64, day: Day, end_us: i64) -> Option<Attention> {
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

/// Returns whether a setting can move a figure, a window, a person, a limit or an attention.
///
/// Where a policy lies is no part of what it says; pages and exports look different at most.
fn is_governed(key: &str) -> bool {
    key != "policy" && key != "catalogue" && !key.starts_with("outputs.")
}

impl Ledger {
    /// Compares the settings of a run with those of the last line; `None` if they are the same.
    ///
    /// A ledger of a version that kept no governed settings is compared with the config of its
    /// newest day.
    ///
    /// # Errors
    /// Kept settings are missing or damaged.
    pub fn governed(
        &self,
        settings: &Canonical,
        policy: &Policy,
        review: &ReviewRules,
    ) -> Result<Option<Governed>, Trouble> {
        let now = Governed {
            config: settings.fingerprint(),
            policy: policy.fingerprint(),
            rules: policy.rules_name().to_owned(),
            review: review.clone(),
            changed: Vec::new(),
        };
        let last = self.record().governed.as_ref();
        let config_before = last.map(|last| last.config.clone()).or_else(|| self.newest_config());
        let policy_before = last.map(|last| last.policy.clone()).or_else(|| self.newest_policy());
        let mut changed: Vec<ChangedSetting> = Vec::new();
        if let Some(before) = config_before.filter(|before| *before != now.config) {
            let differences = settings.differences(&self.config(&before)?);
            let governed = differences.into_iter().filter(|difference| is_governed(&difference.key));
            changed.extend(governed.map(|d| ChangedSetting { key: d.key, old: d.old, new: d.new }));
        }
        if let Some(before) = policy_before.filter(|before| *before != now.policy) {
            changed.extend(changed_parts(&self.policy(&before)?.parts(), &policy.parts()));
        }
        Ok((last.is_none() || !changed.is_empty()).then_some(Governed { changed, ..now }))
    }

    fn newest_config(&self) -> Option<String> {
        self.lines()
            .filter_map(|line| match &line.entry {
                Entry::Read(reading) => reading.config.clone(),
                Entry::Edition(publication) => publication.config.clone(),
                _ => None,
            })
            .last()
    }

    fn newest_policy(&self) -> Option<String> {
        self.lines()
            .filter_map(|line| match &line.entry {
                Entry::Edition(publication) if !publication.is_adjusting => Some(publication.policy.clone()),
                _ => None,
            })
            .last()
    }
}

impl Writer {
    /// Notes the settings of figures, and the governed ones if these are new, which it then keeps.
    ///
    /// # Errors
    /// As for [`Writer::append`].
    pub fn note_settings(
        &mut self,
        settings: Settings,
        governed: Option<Governed>,
        kept: &Kept<'_>,
        clock: Clock,
    ) -> Result<(), Trouble> {
        let mut coming = Vec::new();
        if let Some(governed) = &governed {
            coming.push(places::of_config(&self.folder, &governed.config));
            coming.push(places::of_policy(&self.folder, &governed.policy));
        }
        self.announce(&coming, &[])?;
        if governed.is_some() {
            if let Some(policy) = kept.policy {
                self.keep_policy(policy)?;
            }
            if let Some(settings) = kept.settings {
                self.keep_config(settings)?;
            }
        }
        self.append_announced(clock, Entry::settings(settings, governed))
    }
}

impl Entry {
    /// Makes the line that notes settings of figures, with the governed ones if these are new.
    pub fn settings(settings: Settings, governed: Option<Governed>) -> Self {
        Self::Settings { settings, governed: governed.map(Box::new) }
    }
}

fn changed_parts(
    before: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
) -> impl Iterator<Item = ChangedSetting> {
    let keys: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let of = |parts: &BTreeMap<String, String>, key: &String| parts.get(key).cloned().unwrap_or_default();
    let changed: Vec<ChangedSetting> = keys
        .into_iter()
        .map(|key| ChangedSetting { key: key.clone(), old: of(before, key), new: of(now, key) })
        .filter(|change| change.old != change.new)
        .collect();
    changed.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_with_both_values_and_outputs_are_not_governed() {
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
        assert!(!is_governed("outputs.title") && !is_governed("policy") && is_governed("policy.rule.x"));
    }
}
