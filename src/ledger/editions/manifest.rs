//! `edition.json`: the manifest of an edition, with its sums and hashes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::basis::StoredBasis;
use crate::config::Log;
use crate::day::{Day, SlotLength};
use crate::facts::{
    CallerLine, ConflictLine, FieldLine, FileBalance, FileRole, Input, LinesByReason, NotACallLine,
};
use crate::ledger::disk::{hex, sha256};
use crate::ledger::{AccountLine, Applied, DayState, DefinitionSettings, Edition, InstantLine};
use crate::overrides::Override;
use crate::policy::{Account, Group};
use crate::table::{Record as _, Spec, Table, to_table};

/// Format of the manifest, raised when today's reader could not understand what will be written.
///
/// Format 5 counts lines that are no calls. Format 4 names the version of the rule for slots.
/// Format 3 knows the logs of a day by their rows, format 2 by their files. Others are refused.
pub const MANIFEST_FORMAT: u32 = 5;
/// The oldest format that is read.
pub const OLDEST_MANIFEST_FORMAT: u32 = 2;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: u32,
    pub job_version: String,
    pub day: Day,
    pub edition: u32,
    pub as_of: DateTime<Utc>,
    pub state: DayState,
    pub slot: SlotLength,
    pub definition: DefinitionSettings,
    /// Fingerprint of the bytes of policy and catalogue.
    pub policy_fingerprint: String,
    /// Fingerprint of the rules in them; version 0.1.0 wrote none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_rules: Option<String>,
    /// Fingerprint of the config, which the ledger keeps; version 0.1.0 kept none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// Override rows that it applies.
    pub overrides: Vec<Applied>,
    pub balance: Balance,
    /// SHA-256 of the facts, which only logs can change.
    pub facts: String,
    /// SHA-256 of the spans of missing files among them, if any file is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// SHA-256 of the instants of its events, if the edition keeps any; earlier versions kept none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instants: Option<String>,
    /// SHA-256 of the active callers, in the same way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callers: Option<String>,
    /// SHA-256 of the rows that its logs gave to the day, by source; in format 2 by file.
    pub logs: String,
    /// SHA-256 over everything that makes two editions differ.
    ///
    /// Left out are number, clock, job version, inputs, daybooks, config and the parts of the
    /// policy that decide nothing.
    pub content: String,
    /// SHA-256 of the manifest of the edition before it.
    pub previous: Option<String>,
    /// Log files of the day, as they were when they were read.
    pub inputs: Vec<Input>,
    /// SHA-256 of each daybook that it was resolved from, by day.
    pub daybooks: BTreeMap<Day, String>,
    /// SHA-256 of each other file of the folder, by name.
    pub files: BTreeMap<String, String>,
}

/// Sums of the day, for a reader who opens no table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Balance {
    pub files: u64,
    pub files_failed: u64,
    pub rows_read: u64,
    pub accepted: u64,
    pub duplicate: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub conflict: u64,
    pub outside: u64,
    pub quarantine: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_a_call: u64,
    /// Events by account: `[gross, net]`.
    pub accounts: BTreeMap<String, [i64; 2]>,
}

impl Manifest {
    /// Creates the manifest of a draft.
    ///
    /// Number, previous manifest, inputs, daybooks and files are known only on publishing.
    pub fn new(
        edition: &Edition,
        rules: &str,
        stored: StoredBasis<'_>,
        tables: &[(&'static str, Table)],
    ) -> Self {
        let hash_of = |spec: &Spec| {
            let table = tables.iter().find(|(name, _)| *name == spec.name);
            table.map(|(_, table)| sha256(&table.to_csv()))
        };
        let mut manifest = Self {
            format: MANIFEST_FORMAT,
            job_version: edition.job_version.clone(),
            day: edition.day,
            edition: edition.number,
            as_of: edition.as_of,
            state: edition.state,
            slot: edition.slot_length(),
            definition: edition.definition.clone(),
            policy_fingerprint: edition.policy.clone(),
            policy_rules: Some(rules.to_owned()),
            config: None,
            overrides: edition.overrides.clone(),
            balance: Balance::of(&edition.intake, &edition.accounts),
            facts: stored.hash(),
            missing: stored.missing(),
            instants: hash_of(InstantLine::spec()),
            callers: hash_of(CallerLine::spec()),
            logs: sha256(rows_of_day(edition).as_bytes()),
            content: String::new(),
            previous: None,
            inputs: Vec::new(),
            daybooks: BTreeMap::new(),
            files: BTreeMap::new(),
        };
        manifest.content = manifest.fingerprint(edition, tables);
        manifest
    }

    /// Returns the override rows that the edition applies, in the order in which they apply.
    pub fn rows(&self) -> Vec<Override> {
        self.overrides.iter().map(|applied| applied.row.clone()).collect()
    }

    /// Returns the manifest as if the edition were booked by the rules of an earlier one.
    ///
    /// Its content hash is that of the earlier edition if all came out the same. Format 2 knew the
    /// logs of a day by their files, and version 0.1.0 a policy by its bytes alone. If the earlier
    /// edition kept no instants or callers, these alone make no other edition.
    pub fn as_before(&self, before: &Self, edition: &Edition, tables: &[(&'static str, Table)]) -> Self {
        let mut manifest = Self {
            format: before.format,
            policy_fingerprint: before.policy_fingerprint.clone(),
            policy_rules: before.policy_rules.clone(),
            instants: before.instants.as_ref().and(self.instants.clone()),
            callers: before.callers.as_ref().and(self.callers.clone()),
            ..self.clone()
        };
        if manifest.knows_files() {
            manifest.logs = sha256(&to_table(&settled(&edition.intake)).to_csv());
        }
        manifest.content = manifest.fingerprint(edition, tables);
        manifest
    }

    /// Returns whether tables have the content that this manifest was written with.
    ///
    /// Tables of files and of callers do not count.
    pub fn is_content(&self, edition: &Edition, tables: &[(&'static str, Table)]) -> bool {
        let instants = tables.iter().find(|(name, _)| *name == InstantLine::spec().name);
        let instants = instants.map(|(_, table)| sha256(&table.to_csv()));
        let mut plain = Self { previous: None, inputs: Vec::new(), ..self.clone() };
        plain.files.clear();
        self.instants.as_ref().is_none_or(|said| Some(said) == instants.as_ref())
            && plain.fingerprint(edition, tables) == self.content
    }

    /// Returns whether the logs of the day are known by their files, not by their rows.
    const fn knows_files(&self) -> bool {
        self.format < 3
    }

    /// Returns the SHA-256 by which the journal names this manifest.
    pub fn hash(&self) -> String {
        sha256(self.to_json().as_bytes())
    }

    pub fn to_json(&self) -> String {
        match serde_json::to_string_pretty(self) {
            Ok(text) => text + "\n",
            Err(e) => unreachable!("strings and numbers always serialise: {e}"),
        }
    }

    /// Returns the content hash.
    ///
    /// Tables enter as CSV, because Parquet bytes change with the version of their writer. Of the
    /// logs only the rows count that they gave to the day: neither the names of files, nor how the
    /// rows are spread over them, nor copies, nor rows of other days make another edition.
    fn fingerprint(&self, edition: &Edition, tables: &[(&'static str, Table)]) -> String {
        let files = if self.knows_files() { settled(&edition.intake) } else { Vec::new() };
        let mut plain = self.clone();
        plain.job_version = String::new();
        plain.edition = 0;
        plain.as_of = DateTime::UNIX_EPOCH;
        plain.state = if self.state == DayState::Provisional { self.state } else { DayState::Reported };
        plain.content = String::new();
        plain.config = None;
        plain.daybooks.clear();
        if let Some(rules) = plain.policy_rules.take() {
            plain.policy_fingerprint = rules;
        }
        plain.balance = Balance::of(&files, &edition.accounts);
        let mut hash = Sha256::new_with_prefix(plain.to_json());
        for (name, table) in tables {
            let is_of_files = matches!(*name, "intake" | "quarantine");
            // The manifest has the hashes of instants and callers, if they count; the others never
            // do.
            let late = [InstantLine::spec(), CallerLine::spec(), FieldLine::spec(), NotACallLine::spec()];
            let is_late = late.iter().any(|spec| spec.name == *name);
            if is_of_files && !self.knows_files() || is_late {
                continue;
            }
            hash.update(format!("\n{name}\n"));
            match *name {
                "intake" => to_table(&files).hash_csv(&mut hash),
                "conflicts" => to_table(&ConflictLine::of(&files)).hash_csv(&mut hash),
                _ => table.hash_csv(&mut hash),
            }
        }
        hex(&hash.finalize())
    }
}

/// Writes the rows that the logs gave to a day: by source the accepted rows, the unreadable rows
/// and the unreadable files, then the unreadable rows that are kept, without their places.
fn rows_of_day(edition: &Edition) -> String {
    let mut sources: BTreeMap<(&str, Log), [u64; 3]> = BTreeMap::new();
    for file in &edition.intake {
        let [accepted, quarantine, failed] = sources.entry((&file.source, file.log)).or_default();
        *accepted += file.accepted;
        if file.role == FileRole::Own {
            *quarantine += file.quarantine;
            *failed += u64::from(file.failure.is_some());
        }
    }
    let mut lines: Vec<String> = Vec::new();
    for ((source, log), [accepted, quarantine, failed]) in sources {
        if accepted + quarantine + failed > 0 {
            lines.push(format!("{source}\t{}\t{accepted}\t{quarantine}\t{failed}\n", log.name()));
        }
    }
    let mut unreadable: Vec<_> = edition.quarantine.iter().map(|row| (&row.reason, &row.excerpt)).collect();
    unreadable.sort();
    lines.extend(unreadable.into_iter().map(|(reason, excerpt)| format!("{reason}\t{excerpt}\n")));
    lines.concat()
}

/// Reduces the files to their part in the day.
///
/// A neighbour's file keeps only its accepted, duplicate and conflicting rows, and is dropped if it
/// gave none and did not fail.
fn settled(files: &[FileBalance]) -> Vec<FileBalance> {
    let is_own = |file: &&FileBalance| file.role == FileRole::Own;
    let concerns = |file: &&FileBalance| is_own(file) || file.accepted > 0 || file.failure.is_some();
    let settle = |file: &FileBalance| {
        let mut file = file.clone();
        if !is_own(&&file) {
            (file.bytes, file.rows_read, file.outside, file.quarantine) = (0, 0, 0, 0);
            (file.first_ts_us, file.last_ts_us) = (None, None);
            (file.not_a_call, file.not_a_call_reasons) = (0, LinesByReason::default());
        }
        file
    };
    files.iter().filter(concerns).map(settle).collect()
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
const fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// Events of a day that are not settled, after overrides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpenEvents {
    pub pending: i64,
    pub suspense: i64,
    /// These keep no day from being sealed.
    pub unknown: i64,
}

impl Balance {
    /// Counts the events that are not settled, after overrides.
    pub fn open_events(&self) -> OpenEvents {
        let of = |group: Group| {
            let is_in = |account: Account| account.group() == group;
            let open = self.accounts.iter().filter(|(account, _)| account.parse().is_ok_and(is_in));
            open.map(|(_, [_, net])| net).sum()
        };
        OpenEvents { pending: of(Group::Pending), suspense: of(Group::Suspense), unknown: of(Group::Unknown) }
    }

    fn of(files: &[FileBalance], lines: &[AccountLine]) -> Self {
        let sum = |count: fn(&FileBalance) -> u64| files.iter().map(count).sum();
        let mut accounts: BTreeMap<String, [i64; 2]> = BTreeMap::new();
        for line in lines {
            let events = accounts.entry(line.account.name().to_owned()).or_default();
            *events = [events[0] + line.events_gross, events[1] + line.events_net];
        }
        Self {
            files: files.len() as u64,
            files_failed: files.iter().filter(|f| f.failure.is_some()).count() as u64,
            rows_read: sum(|f| f.rows_read),
            accepted: sum(|f| f.accepted),
            duplicate: sum(|f| f.duplicate),
            conflict: sum(|f| f.conflict),
            outside: sum(|f| f.outside),
            quarantine: sum(|f| f.quarantine),
            not_a_call: sum(|f| f.not_a_call),
            accounts,
        }
    }
}
