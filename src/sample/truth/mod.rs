//! Truth: `truth.json`, the expected answer to the generated logs, field by field.
//!
//! It comes from the generator's own knowledge of every call, not from the policy or the intake.
//! All counts are integers, all intervals half-open and in UTC, all lists in a fixed order.

pub mod accounts;
pub mod counts;
pub mod explained;
mod gaps;
pub mod judge;
pub mod runs;

use std::collections::BTreeMap;

use serde::Serialize;

use super::traffic::stories::StoryScope;
use crate::day::Day;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Truth {
    /// The settings of the sample and of its judgement.
    pub settings: SettingsTruth,
    /// Sums over all files.
    ///
    /// `rows_read = malformed + duplicates + request_rows + webhook_rows + later_rows`.
    pub totals: Totals,
    /// The planted stories, with the reason for their answers.
    pub stories: Vec<StoryTruth>,
    /// Every log file, by path.
    pub files: Vec<FileTruth>,
    /// Paths of missing log files.
    pub lost: Vec<String>,
    /// Every day of the sample; events belong to the day they began in, whichever file has them.
    pub days: Vec<DayTruth>,
    /// Availability over the whole sample, component by component.
    pub components: Vec<ComponentTruth>,
    /// Every run of down minutes of a service or component over all regions.
    ///
    /// They are sorted by start, services first.
    pub outages: Vec<TruthOutage>,
}

/// The settings of a sample and of its judgement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SettingsTruth {
    /// Arguments of the command, by their names.
    pub from: Day,
    pub days: u32,
    pub rows: u64,
    pub seed: u64,
    pub format: &'static str,
    pub compression: Option<&'static str>,
    pub files: u32,
    pub stories: bool,
    /// Length of a slot.
    pub slot_minutes: u32,
    /// A slot is down when `bad / (good + bad)` is at least this ...
    pub unable_ratio: f64,
    /// ... and `good + bad` is at least this.
    pub min_events: u64,
    /// Runs of down slots shorter than this do not count.
    pub min_run_minutes: u32,
    /// Unobserved stretches up to this length do not end a run; they add nothing to it.
    pub max_gap_minutes: u32,
}

/// Sums over all files and days.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Rows of all files, broken ones included.
    pub rows_read: u64,
    /// Rows that cannot be read.
    pub malformed: u64,
    /// Copies beyond the first, of rows of the sample's days.
    pub duplicates: u64,
    /// Readable rows of calls without copies: the events of the streams `request` and `message`.
    pub request_rows: u64,
    /// Readable rows of attempts of the sample's days without the copies.
    pub webhook_rows: u64,
    /// Readable rows of attempts made on the day after the last one, copies included.
    pub later_rows: u64,
    /// Events of all streams.
    pub events: u64,
}

/// One planted story.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoryTruth {
    pub name: &'static str,
    /// Service and region of the story; `*` for all.
    #[serde(flatten)]
    pub scope: StoryScope,
    /// RFC 3339.
    pub start: String,
    /// RFC 3339, the first instant after the story.
    pub end: String,
    /// The expected answer, with the rule for it.
    pub reason: &'static str,
}

/// One log file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileTruth {
    /// Path from the folder of the config.
    pub path: String,
    /// Name of the source in the config.
    pub source: &'static str,
    /// The date in the file's name: the day on which its rows were shipped.
    ///
    /// It may be a day after they began.
    pub shipped_on: Day,
    /// The region in the file's name, if any.
    pub region: Option<&'static str>,
    /// Rows, without the CSV header; broken ones included.
    pub rows_read: u64,
    /// Rows that cannot be read.
    pub malformed: u64,
    /// Readable rows by the day of their call or attempt, copies included.
    ///
    /// In a run for one day the rows of other days are `outside`.
    pub rows_by_day: BTreeMap<Day, u64>,
}

/// One day of the sample.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DayTruth {
    pub day: Day,
    /// Readable rows of calls and attempts of this day, in all files.
    ///
    /// `calls + attempts + duplicates`.
    pub rows: u64,
    /// Copies beyond the first; the copies of a call count on the day the call began.
    pub duplicates: u64,
    /// Copies of calls, part of `duplicates`.
    pub duplicate_calls: u64,
    /// Copies of attempts, part of `duplicates`.
    pub duplicate_attempts: u64,
    /// Calls that began on this day: the events of the streams `request` and `message`.
    pub calls: u64,
    /// Attempts of notifications that were made on this day.
    pub attempts: u64,
    /// The events of the stream `notification`, whose own event happened on this day.
    pub notifications: u64,
    /// `calls + notifications`.
    pub events: u64,
    /// Outcomes of the messages admitted on this day, by region.
    pub messages: Vec<MessagesTruth>,
    pub reconciliation: TruthReconciliation,
    /// Events per account; accounts without events are left out.
    pub accounts: BTreeMap<&'static str, u64>,
    /// Events in detail.
    pub entries: Vec<TruthEntry>,
    /// States of the minutes of each service, over all regions (`*`) and in each.
    pub slots: Vec<SlotsTruth>,
    /// States of the minutes of each component.
    pub components: Vec<ComponentDay>,
}

/// Messages of one region.
///
/// `admitted = delivered + sent + failed + none = in_time + late + overdue + unseen + not_due`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct MessagesTruth {
    pub region: &'static str,
    /// Events of the stream `message`.
    pub admitted: u64,
    /// Delivered, read or played, whatever else was reported.
    pub delivered: u64,
    pub sent: u64,
    pub failed: u64,
    /// Without any status.
    pub none: u64,
    /// With a first status by its deadline.
    pub in_time: u64,
    /// With a first status after its deadline.
    pub late: u64,
    /// Without a status, past the deadline.
    pub overdue: u64,
    /// Late or overdue, but a gap of the webhook log touches the time until the deadline.
    pub unseen: u64,
    /// Held or paused: its first status has hours, and comes in minutes.
    pub not_due: u64,
}

impl MessagesTruth {
    pub fn of(region: &'static str) -> Self {
        Self { region, ..Self::default() }
    }
}

/// Rows that do not match, counted and judged nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TruthReconciliation {
    /// Distinct pairs of message id and status in attempts of this day.
    ///
    /// No request row has the id.
    pub orphan_statuses: u64,
    /// Attempts for events of this day without a known notification.
    ///
    /// No attempt was made on the day itself, and none is the first.
    pub orphan_attempts: u64,
    /// Messages admitted on this day that were both failed and delivered, read or played.
    pub contradicted_messages: u64,
}

/// Events with the same stream, source, service, region, account and error code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TruthEntry {
    /// `request`, `message` or `notification`.
    pub stream: &'static str,
    pub source: &'static str,
    /// The service of the row or, without one, of its endpoint.
    pub service: &'static str,
    pub region: &'static str,
    pub account: &'static str,
    /// Absent if the row has none.
    pub error_code: Option<i64>,
    pub events: u64,
}

/// Minutes by state: `up + degraded + down + unobserved` is the number of minutes in the day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct States {
    pub up: u32,
    pub degraded: u32,
    pub down: u32,
    pub doubtful: u32,
    pub unobserved: u32,
}

/// The states of one scope's minutes on one day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SlotsTruth {
    #[serde(flatten)]
    pub scope: StoryScope,
    #[serde(flatten)]
    pub states: States,
    /// Stretches of down minutes as `[start, end)`, clipped to the day.
    pub down_ranges: Vec<[String; 2]>,
}

/// The states of one component's minutes on one day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComponentDay {
    pub component: &'static str,
    #[serde(flatten)]
    pub states: States,
    /// Down minutes of this day that count under `whatsapp`.
    ///
    /// They lie in runs of `min_run_minutes` or more, where runs are found over the whole sample
    /// first.
    pub down_counted: u32,
}

/// The availability of one component over the whole sample.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComponentTruth {
    pub component: &'static str,
    pub services: Vec<&'static str>,
    /// A: minutes in the sample.
    pub a: u32,
    /// B: down minutes that count under `whatsapp`. `availability = 100 * (a - b) / a`.
    pub b: u32,
}

/// A maximal run of down minutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TruthOutage {
    /// `service` or `component`.
    pub scope_kind: &'static str,
    pub scope: &'static str,
    /// Always `*`: over all regions.
    pub region: &'static str,
    /// RFC 3339.
    pub start: String,
    /// RFC 3339, the first instant after the run.
    pub end: String,
    /// Down minutes in seconds, without unobserved minutes in between.
    pub seconds: u32,
    /// True if it is long enough to count under `whatsapp`.
    pub counted: bool,
    /// `update`, `<1m`, `1-5m` (5:00 included) or `>5m`.
    ///
    /// It is `update` if all bad events have code 2 and it took at most 5:00.
    pub class: &'static str,
}
