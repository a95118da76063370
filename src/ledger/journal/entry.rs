//! Entries: the closed list of actions that the journal records.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::governed::Governed;
use crate::attention::{Acknowledgement, Attention, Look};
use crate::clock::ClockSource;
use crate::day::Day;
use crate::facts::Input;
use crate::ledger::{DayState, Settings};
use crate::overrides::Override;
use crate::policy::Group;
use crate::slots::ScopeKind;

/// One recorded action.
///
/// Kinds are never renamed. A field that is added later has a default, so that a newer job reads
/// older ledgers; an older job refuses kinds and fields that it does not know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    /// The first line of every journal; version 0.1.0 wrote no clock, and used the machine's.
    Ledger {
        format: u32,
        #[serde(default)]
        clock: ClockSource,
    },
    /// Settings that figures are drawn with from here on.
    ///
    /// Lines of earlier versions, and lines without a change of them, have no governed settings.
    Settings {
        settings: Settings,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        governed: Option<Box<Governed>>,
    },
    /// The logs of a day were read into a daybook.
    Read(LogsRead),
    /// A daybook was removed because no day can be settled by it any more.
    Pruned { day: Day },
    /// Override rows seen for the first time, again or with another ticket or note, and names of
    /// rows that are gone from the file.
    Overrides {
        seen: Vec<Override>,
        gone: Vec<String>,
        /// Fingerprint of the salt of the callers in `seen`; earlier versions wrote none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        salt: Option<String>,
    },
    /// Decisions about override rows that differ from the ones before.
    Judged { rows: Vec<JudgedRow> },
    /// All rows of the override file that cannot be read; replaces the list of the line before.
    Malformed { rows: Vec<MalformedRow> },
    /// An edition was published.
    Edition(Publication),
    /// Editions that came out unchanged when they were booked again from newer daybooks.
    Confirmed { days: Vec<Confirmation> },
    /// Open days got more time for review, because no run was made since their windows ended.
    MoreTime { days: Vec<Day> },
    /// The edition is final; later editions of its day are adjusting entries.
    Sealed {
        day: Day,
        edition: u32,
        /// SHA-256 of its frozen figures; older versions stored none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        table: Option<String>,
    },
    /// Figures were stored of days that an older version had sealed.
    Frozen { days: Vec<FrozenName> },
    /// Causes for a person to look; each look replaces what it had found before.
    Attention { looked: Vec<Looked> },
    /// A person knows of an attention.
    Acknowledged(Acknowledgement),
    /// Two persons went on from an older journal than the reports were drawn from.
    Resumed(Box<Resumption>),
    /// Damaged files of editions were rebuilt with the same content, but not with the same bytes.
    Repaired { files: Vec<RepairedFile> },
    /// Figures that the reports show from here on, if they differ from the ones shown before.
    Reported { figures: Vec<Reported> },
}

/// The stored figures of a sealed day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrozenName {
    pub day: Day,
    /// The sealed edition.
    pub edition: u32,
    /// SHA-256 of the figures.
    pub table: String,
}

/// A file of an edition that was rebuilt from what the edition was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepairedFile {
    pub day: Day,
    pub edition: u32,
    pub file: String,
    /// SHA-256 of its bytes, in place of the one that the manifest names.
    pub sha256: String,
}

/// Causes that a look has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Looked {
    pub at: Look,
    pub found: Vec<Attention>,
}

/// The logs of one day as they were read into a daybook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogsRead {
    pub day: Day,
    /// SHA-256 of the daybook's list of files.
    pub daybook: String,
    /// Fingerprint of the sources and settings that it was read with.
    pub settings: String,
    /// Fingerprint of the whole config, which the ledger keeps; version 0.1.0 kept none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// Fingerprint of the salt of ids and callers.
    pub salt: String,
    pub files: Vec<Input>,
    /// True if rows of the reading before are gone, and a person has accepted that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_poorer: bool,
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
    /// Fingerprint of the bytes of policy and catalogue.
    pub policy: String,
    /// Fingerprint of the rules in them; version 0.1.0 wrote none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<String>,
    /// Fingerprint of the config that it was booked with; version 0.1.0 kept none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    pub causes: Vec<Cause>,
    /// True if the day was sealed before: the edition does not replace the sealed one.
    pub is_adjusting: bool,
}

/// How a ledger went on from a journal that lacked lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resumption {
    /// Who decided it, and why; its key names the hash of `from`.
    pub said: Acknowledgement,
    /// The last line before this one.
    pub from: HeadName,
    /// The line that the reports showed and that is given up; `None` if nothing tells of it.
    pub given_up: Option<HeadName>,
    /// Days that were open after `from`, and were not sealed by `given_up`.
    pub open: Vec<Day>,
    /// Days sealed between `from` and `given_up` that stay sealed.
    pub taken_back: Vec<TakenBack>,
    /// Days sealed between `from` and `given_up` whose edition is gone.
    pub reopened: Vec<Day>,
    /// Days whose daybook is not there any more.
    pub unread: Vec<Day>,
}

impl Resumption {
    /// Lists the days about which the given up lines may have said something else, sorted.
    pub fn days(&self) -> Vec<Day> {
        let taken_back = self.taken_back.iter().map(|back| back.day);
        let mut days: Vec<Day> =
            self.open.iter().copied().chain(taken_back).chain(self.reopened.iter().copied()).collect();
        days.sort_unstable();
        days
    }
}

/// Number and hash of a line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadName {
    pub seq: u64,
    pub hash: String,
}

/// A day that stays sealed although the line that sealed it was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TakenBack {
    pub day: Day,
    /// The sealed edition.
    pub edition: u32,
    /// SHA-256 of the figures that the seal left, if they were stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// The editions that the journal did not name, in order.
    pub editions: Vec<Publication>,
}

/// An edition that was booked again and came out unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    pub day: Day,
    pub edition: u32,
    /// Hash of the daybooks that it was booked from (see [`crate::ledger::fingerprint`]).
    pub daybooks: String,
    /// Fingerprint of the rules that it was booked by, if they are not those of the edition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<String>,
}

/// Why an edition differs from the one before it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The day had no edition.
    First,
    /// Log files of the day are new, changed or gone.
    Logs,
    /// Rows of its logs are gone, and a person has accepted that.
    #[serde(rename = "logs-removed")]
    LogsRemoved,
    /// Webhook logs of other days changed the outcome of its messages or notifications, or only
    /// its reconciliation.
    Webhooks,
    /// What other days show of which log files are to be expected.
    Neighbour,
    /// Override rows were applied or withdrawn.
    Overrides,
    Policy,
    /// Settings by which logs are read and joined, and by which gaps are judged.
    Config,
    /// A format by which the logs of another program are read.
    Format,
    /// Settings of the slot rule, components, services or regions.
    Definition,
    /// The review window has passed, and what was still pending became unknown.
    Window,
    /// None of the others: another version of the job reads or counts differently.
    Job,
}

impl Cause {
    pub const ALL: [Self; 12] = [
        Self::First,
        Self::Logs,
        Self::LogsRemoved,
        Self::Webhooks,
        Self::Neighbour,
        Self::Overrides,
        Self::Policy,
        Self::Config,
        Self::Format,
        Self::Definition,
        Self::Window,
        Self::Job,
    ];

    pub const fn name(&self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Logs => "logs",
            Self::LogsRemoved => "logs-removed",
            Self::Webhooks => "webhooks",
            Self::Neighbour => "neighbour",
            Self::Overrides => "overrides",
            Self::Policy => "policy",
            Self::Config => "config",
            Self::Format => "format",
            Self::Definition => "definition",
            Self::Window => "window",
            Self::Job => "job",
        }
    }
}

/// A figure of one day as the reports show it, for a scope in all regions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reported {
    pub day: Day,
    pub scope_kind: ScopeKind,
    pub scope: String,
    pub definition: String,
    pub edition: u32,
    /// True for the figure that includes adjusting entries, which stands next to the sealed one.
    pub is_adjusting: bool,
    /// Millionths of a percent, net, rounded down; `None` if there is nothing to judge by.
    pub availability_micro_percent: Option<i64>,
    /// `down`, `counted`, `degraded`, `unobserved` and `doubtful`, after overrides.
    ///
    /// Lines of versions without the last one end before it; so does a line of a day without it.
    #[serde(deserialize_with = "by_state", serialize_with = "without_last_zero")]
    pub slots: [i64; 5],
    /// Events of each group of [`Group::ALL`], after overrides.
    ///
    /// Lines of versions without the last group end before it.
    #[serde(deserialize_with = "by_group")]
    pub events: [i64; Group::ALL.len()],
}

/// Reads slots by state; a line that ends before doubtful slots has none.
fn by_state<'de, D: Deserializer<'de>>(from: D) -> Result<[i64; 5], D::Error> {
    let given = Vec::<i64>::deserialize(from)?;
    match *given.as_slice() {
        [down, counted, degraded, unobserved] => Ok([down, counted, degraded, unobserved, 0]),
        [down, counted, degraded, unobserved, doubtful] => {
            Ok([down, counted, degraded, unobserved, doubtful])
        }
        _ => Err(serde::de::Error::invalid_length(given.len(), &"4 or 5 numbers of slots")),
    }
}

fn without_last_zero<S: Serializer>(slots: &[i64; 5], to: S) -> Result<S::Ok, S::Error> {
    let [first @ .., doubtful] = slots;
    if *doubtful == 0 { first.serialize(to) } else { slots.serialize(to) }
}

/// Reads events by group; groups that the version of the line did not know have none.
fn by_group<'de, D: Deserializer<'de>>(from: D) -> Result<[i64; Group::ALL.len()], D::Error> {
    let given = Vec::<i64>::deserialize(from)?;
    Group::of_stored(&given).map_err(serde::de::Error::custom)
}

/// The decision about an override row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JudgedRow {
    /// Name of the row: [`Override::identity`], in lines of earlier versions its fingerprint.
    pub row: String,
    pub status: RowStatus,
    /// The reason, and what to do; empty for `applied`.
    pub why: String,
    /// Events that it moves; only if it is applied for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<i64>,
}

/// What became of an override row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowStatus {
    Applied,
    /// It was applied, and no longer finds anything to move.
    Settled,
    /// Not all of its days are accounted yet.
    Waiting,
    Refused,
    /// It is gone from the file.
    Withdrawn,
}

impl RowStatus {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Settled => "settled",
            Self::Waiting => "waiting",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// A row of the override file that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MalformedRow {
    /// The id if it could be read, else the line of the row.
    pub id: String,
    pub line: u64,
    pub why: String,
}

/// Key of a reported figure: day, is adjusting, scope kind, scope, definition.
pub type ReportedKey = (Day, bool, ScopeKind, String, String);

impl Reported {
    pub fn key(&self) -> ReportedKey {
        let Self { day, is_adjusting, scope_kind, scope, definition, .. } = self;
        (*day, *is_adjusting, *scope_kind, scope.clone(), definition.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_stored_by_its_name() {
        for cause in Cause::ALL {
            assert_eq!(serde_json::to_value(&cause).unwrap(), cause.name(), "{cause:?}");
        }
    }
}
