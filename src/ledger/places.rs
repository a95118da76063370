//! Places: where the parts of a ledger stand in its folder.

use std::path::{Path, PathBuf};

use super::LogsRead;
use super::editions::folder::EDITIONS;
pub(super) use crate::daybook::FILES;

pub(super) const CONFIGS: &str = "configs";
pub(super) const DAYBOOKS: &str = "daybooks";
pub(super) const POLICIES: &str = "policies";
pub(super) const SEALS: &str = "seals";
/// Folders whose content lines of the journal name.
pub(super) const PARENTS: [&str; 5] = [EDITIONS, DAYBOOKS, SEALS, POLICIES, CONFIGS];
/// The files of a policy: its rules and its catalogue.
pub(super) const POLICY_FILES: [&str; 2] = ["policy.toml", "error_catalog.csv"];
/// The file of a config.
pub(super) const SETTINGS: &str = "settings.json";
pub(super) const SALT: &str = "salt";
/// Leading hexadecimal digits of the daybook's hash that name its folder.
const NAME: usize = 16;

/// Returns the folder of the daybook that a reading wrote.
pub(super) fn of_daybook(ledger: &Path, reading: &LogsRead) -> PathBuf {
    let name = reading.daybook.get(..NAME).unwrap_or(&reading.daybook);
    ledger.join(DAYBOOKS).join(reading.day.to_string()).join(name)
}

/// Returns the folder of a policy, by its fingerprint.
pub(super) fn of_policy(ledger: &Path, fingerprint: &str) -> PathBuf {
    ledger.join(POLICIES).join(fingerprint)
}

/// Returns the folder of a config, by its fingerprint.
pub(super) fn of_config(ledger: &Path, fingerprint: &str) -> PathBuf {
    ledger.join(CONFIGS).join(fingerprint)
}
