//! Settings of a run: compared with those of the last line, kept by content, and noted.

use std::collections::{BTreeMap, BTreeSet};

use super::{Kept, Writer};
use crate::clock::Clock;
use crate::config::{Canonical, ReviewRules};
use crate::error::Trouble;
use crate::ledger::{ChangedSetting, Entry, Governed, Ledger, Settings, places};
use crate::policy::Policy;

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
    /// Kept settings that are damaged count as changed.
    ///
    /// # Errors
    /// Trouble of the machine.
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
            match self.config(&before) {
                Ok(kept) => {
                    let differences = settings.differences(&kept);
                    let governed = differences.into_iter().filter(|difference| is_governed(&difference.key));
                    changed.extend(governed.map(|d| ChangedSetting { key: d.key, old: d.old, new: d.new }));
                }
                Err(trouble) => changed.push(unreadable("config", trouble, &now.config)?),
            }
        }
        if let Some(before) = policy_before.filter(|before| *before != now.policy) {
            match self.policy(&before) {
                Ok(kept) => changed.extend(changed_parts(&kept.parts(), &policy.parts())),
                Err(trouble) => changed.push(unreadable("policy", trouble, &now.policy)?),
            }
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
        self.append_announced(clock, Entry::Settings { settings, governed: governed.map(Box::new) })
    }
}

/// Returns the change of settings that can no longer be compared.
fn unreadable(key: &str, trouble: Trouble, new: &str) -> Result<ChangedSetting, Trouble> {
    if trouble.stops_all() {
        return Err(trouble);
    }
    Ok(ChangedSetting { key: key.to_owned(), old: trouble.to_string(), new: new.to_owned() })
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
    fn outputs_and_the_place_of_a_policy_are_not_governed() {
        assert!(!is_governed("outputs.title") && !is_governed("policy"));
        assert!(is_governed("policy.rule.throttled") && is_governed("definition.min_events"));
    }
}
