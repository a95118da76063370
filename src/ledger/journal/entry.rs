//! Entries: the kinds of things that the journal says were done.

use serde::{Deserialize, Serialize};

use crate::clock::ClockSource;
use crate::day::Day;
use crate::facts::Input;
use crate::ledger::{DayState, Settings};
use crate::overrides::Override;

/// One thing that was done. Kinds are never renamed; what is added to one later has a default, so that a newer job reads
/// older ledgers, and an older job refuses what it does not know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    /// The first line of every journal. Version 0.1.0 wrote no clock: it was the machine's.
    Ledger {
        format: u32,
        #[serde(default)]
        clock: ClockSource,
    },
    /// What figures are drawn with from here on.
    Settings { settings: Settings },
    /// The logs of a day were read into a daybook.
    Read(LogsRead),
    /// A daybook that no day can be settled by any more was removed.
    Pruned { day: Day },
    /// Rows of the override file that were seen for the first time, and fingerprints of those that are gone from it.
    Overrides { seen: Vec<Override>, gone: Vec<String> },
    /// What was decided of override rows, where it differs from what was decided before.
    Judged { rows: Vec<JudgedRow> },
    /// Rows of the override file that cannot be read; the list of the last such line holds.
    Malformed { rows: Vec<MalformedRow> },
    /// An edition was published.
    Edition(Publication),
    /// Editions that would come out just as they are from the daybooks that there are by now.
    Confirmed { days: Vec<Confirmation> },
    /// The day's edition is final; what is published of it afterwards is an adjusting entry.
    Sealed { day: Day, edition: u32 },
    /// Figures as the reports show them from here on, where they differ from what was shown before.
    Reported { figures: Vec<Reported> },
}

/// What was read of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogsRead {
    pub day: Day,
    /// SHA-256 over the files of the daybook.
    pub daybook: String,
    /// Fingerprint of the sources and settings that it was read with.
    pub settings: String,
    /// Name of the config that it was read with, which the ledger keeps; version 0.1.0 kept none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// Fingerprint of the salt that ids and callers are mixed with.
    pub salt: String,
    pub files: Vec<Input>,
}

/// An edition that was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    pub day: Day,
    pub edition: u32,
    pub state: DayState,
    /// SHA-256 of its `edition.json`, which names the hashes of all its files.
    pub manifest: String,
    /// Name of the bytes of policy and catalogue.
    pub policy: String,
    /// Name of the rules in them; version 0.1.0 wrote none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<String>,
    /// Name of the config that it was booked with, which the ledger keeps; version 0.1.0 kept none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    pub causes: Vec<Cause>,
    /// The day was sealed already: this edition does not replace the sealed one.
    pub is_adjusting: bool,
}

/// An edition that was booked again and found to be the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    pub day: Day,
    pub edition: u32,
    /// SHA-256 over the daybooks that it was booked from, by their days and hashes.
    pub daybooks: String,
}

/// Why an edition differs from the one before it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The day had no edition.
    First,
    /// Log files of the day are new, changed or gone.
    Logs,
    /// Webhook logs of other days tell what became of its messages and notifications.
    Webhooks,
    /// Override rows were applied or withdrawn.
    Overrides,
    Policy,
    /// DefinitionSettings, components, services or regions.
    DefinitionSettings,
    /// Another version of the job reads or counts otherwise.
    Job,
}

impl Cause {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Logs => "logs",
            Self::Webhooks => "webhooks",
            Self::Overrides => "overrides",
            Self::Policy => "policy",
            Self::DefinitionSettings => "definition",
            Self::Job => "job",
        }
    }
}

/// A figure of one day as the reports show it; scopes in all regions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reported {
    pub day: Day,
    /// `component` or `service`.
    pub scope_kind: String,
    pub scope: String,
    pub definition: String,
    pub edition: u32,
    /// Adjusting entries of a sealed day beside its edition.
    pub is_adjusting: bool,
    pub availability_micro_percent: Option<i64>,
    /// `down`, `counted`, `degraded` and `unobserved`, after overrides.
    pub slots: [i64; 4],
    /// `good`, `bad`, `user`, `excluded`, `pending` and `suspense`, after overrides.
    pub events: [i64; 6],
}

/// What was decided of an override row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JudgedRow {
    /// Fingerprint of the row.
    pub row: String,
    /// `applied`, `waiting`, `refused` or `withdrawn`.
    pub status: String,
    /// Why, for everything but applied; what is to do.
    pub why: String,
}

/// A row of the override file that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MalformedRow {
    /// As far as it could be read, else its line.
    pub id: String,
    pub line: u64,
    pub why: String,
}

/// What tells one reported figure from another.
pub type ReportedKey = (Day, bool, String, String, String);

impl Reported {
    pub fn key(&self) -> ReportedKey {
        let Self { day, is_adjusting, scope_kind, scope, definition, .. } = self;
        (*day, *is_adjusting, scope_kind.clone(), scope.clone(), definition.clone())
    }
}
