//! `edition.json`: what an edition says about itself.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::lines::hex;
use super::{DayState, Definition, Edition};
use crate::day::{Day, SlotLength};
use crate::table::Table;

/// Raised when a reader of today could not make sense of what is written tomorrow.
pub(super) const FORMAT: u32 = 1;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub format: u32,
    pub job_version: String,
    pub day: Day,
    pub edition: u32,
    pub as_of: DateTime<Utc>,
    pub state: DayState,
    pub slot: SlotLength,
    pub definition: Definition,
    pub policy_fingerprint: String,
    pub balance: Balance,
    /// SHA-256 over everything that makes two editions differ: all but number, clock and job version.
    pub content: String,
}

/// The sums of the day, for a reader who opens no table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Balance {
    pub files: u64,
    pub files_failed: u64,
    pub rows_read: u64,
    pub accepted: u64,
    pub duplicate: u64,
    pub outside: u64,
    pub quarantine: u64,
    /// Account → events before and after adjusting entries.
    pub accounts: BTreeMap<String, [i64; 2]>,
}

impl Manifest {
    pub fn new(edition: &Edition, tables: &[(&'static str, Table)]) -> Self {
        let mut manifest = Self {
            format: FORMAT,
            job_version: edition.job_version.clone(),
            day: edition.day,
            edition: edition.number,
            as_of: edition.as_of,
            state: edition.state,
            slot: edition.slot_length(),
            definition: edition.definition.clone(),
            policy_fingerprint: edition.policy.clone(),
            balance: Balance::of(edition),
            content: String::new(),
        };
        manifest.content = manifest.fingerprint(tables);
        manifest
    }

    pub fn to_json(&self) -> String {
        match serde_json::to_string_pretty(self) {
            Ok(text) => text + "\n",
            Err(e) => unreachable!("strings and numbers always serialise: {e}"),
        }
    }

    /// Over CSV bytes, because Parquet bytes change with the version of their writer.
    fn fingerprint(&self, tables: &[(&'static str, Table)]) -> String {
        let mut plain = self.clone();
        plain.job_version = String::new();
        plain.edition = 0;
        plain.as_of = DateTime::UNIX_EPOCH;
        plain.content = String::new();
        let mut hash = Sha256::new_with_prefix(plain.to_json());
        for (name, table) in tables {
            hash.update(format!("\n{name}\n"));
            hash.update(table.to_csv());
        }
        hex(&hash.finalize())
    }
}

impl Balance {
    fn of(edition: &Edition) -> Self {
        let sum = |count: fn(&crate::intake::FileBalance) -> u64| edition.intake.iter().map(count).sum();
        let mut accounts: BTreeMap<String, [i64; 2]> = BTreeMap::new();
        for line in &edition.accounts {
            let events = accounts.entry(line.account.clone()).or_default();
            *events = [events[0] + line.events_gross, events[1] + line.events_net];
        }
        Self {
            files: edition.intake.len() as u64,
            files_failed: edition.intake.iter().filter(|f| f.failure.is_some()).count() as u64,
            rows_read: sum(|f| f.rows_read),
            accepted: sum(|f| f.accepted),
            duplicate: sum(|f| f.duplicate),
            outside: sum(|f| f.outside),
            quarantine: sum(|f| f.quarantine),
            accounts,
        }
    }
}
