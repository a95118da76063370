//! Receipt: the rows of every file by account, and all that a day has in addition to its facts.

mod file_balance;
mod lines_by_reason;

use serde::{Deserialize, Serialize};

use super::{CallerLine, Delays, Facts, Gap, Latencies};
use crate::table::record;

pub use file_balance::{ConflictLine, FileBalance, FileRole, NotACallLine};
pub use lines_by_reason::LinesByReason;

record! {
    table "fields", a row is "webhook field";
    /// Lines of payloads by the field that they name.
    ///
    /// `lines` = `taken` + `ignored`; copies of a line count as often as they were logged.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct FieldLine {
        /// `-` for a `value` alone, which names none; `others` for names beyond the limit.
        pub field: String => "field" Text,
        pub lines: u64 => "lines" Integer,
        /// Lines from which a status was read.
        pub taken: u64 => "taken" Integer,
        pub statuses: u64 => "statuses" Integer,
        /// Lines from which nothing was read.
        pub ignored: u64 => "ignored" Integer,
        /// Why nothing was read from the ignored lines; none if none was ignored of a known field.
        pub why: Option<String> => "why" Text,
    }
}

impl FieldLine {
    /// The reason that a field has which nobody knows.
    pub const UNKNOWN: &str = "unknown field";

    /// True for a field that nobody knows.
    pub fn is_unknown(&self) -> bool {
        self.why.as_deref() == Some(Self::UNKNOWN)
    }
}

/// What intake hands on.
#[derive(Debug, Clone)]
pub struct Intake {
    pub facts: Facts,
    pub receipt: Receipt,
}

/// Origin of the facts of a day: the files read, the rows set aside, and figures next to the facts.
#[derive(Debug, Clone, Default)]
pub struct Receipt {
    pub latencies: Latencies,
    pub delays: Delays,
    pub reconciliation: Reconciliation,
    /// Where the webhook log fell silent; those of request logs are found by [`gaps`].
    pub gaps: Vec<Gap>,
    pub tally: DayTotals,
    /// Whether webhook logs were there to tell what became of messages.
    pub is_joined: bool,
    /// One entry per file, in the order of sources and paths.
    pub files: Vec<FileBalance>,
    /// Lines of payloads by webhook field, sorted.
    pub fields: Vec<FieldLine>,
    /// Regions whose webhook log seems to write message ids in another way than the calls.
    pub other_spellings: Vec<OtherSpelling>,
    /// Active callers, sorted by hour, service and region.
    pub callers: Vec<CallerLine>,
    /// Rows that could not be read, by file and line.
    ///
    /// The first 1,000 of a file are kept, all are counted.
    pub quarantine: Vec<Quarantined>,
}

/// A region in which most messages have no status under their own id, beside many orphans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherSpelling {
    /// The source with most orphan statuses, and their number.
    pub source: String,
    pub orphans: u64,
    pub region: String,
    /// Messages of the region for which a status is due, and those that have one.
    pub messages: u64,
    pub told: u64,
}

/// How well request and webhook logs fit each other. Nothing of it is judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reconciliation {
    /// Webhook rows of the day without copies.
    pub attempts: u64,
    /// Different statuses of different messages in them.
    pub statuses: u64,
    /// Of these, statuses of messages that no request log admitted, though it should have.
    pub orphan_statuses: u64,
    /// Of `statuses`, those of messages of other responders of a number, or sent without a call.
    pub statuses_of_others: u64,
    /// Later attempts of notifications of whose first attempts there is no row.
    ///
    /// They count on the day of their event, or on their own day if they do not tell it.
    pub orphan_attempts: u64,
    /// Attempts of the day's notifications after delivery, where the log numbers no attempts.
    pub attempts_after_delivery: u64,
    /// Attempts to tell of events of days too far away to be matched, or without a daybook.
    pub stray_attempts: u64,
    /// Messages of the day that were both delivered and failed (R18); they count as delivered.
    pub contradicted_messages: u64,
    /// Calls of the day that name a message which another call had admitted; they remain calls.
    pub admitted_again: u64,
    /// Calls of the day without an answer that may have sent a message of their caller.
    #[serde(default)]
    pub unproven_sends: u64,
}

impl Reconciliation {
    /// Adds up two parts of a day.
    pub const fn add(&mut self, other: &Self) {
        // Taken apart, so that none can be forgotten.
        let Self {
            attempts,
            statuses,
            orphan_statuses,
            statuses_of_others,
            orphan_attempts,
            attempts_after_delivery,
            stray_attempts,
            contradicted_messages,
            admitted_again,
            unproven_sends,
        } = *other;
        self.attempts += attempts;
        self.statuses += statuses;
        self.orphan_statuses += orphan_statuses;
        self.statuses_of_others += statuses_of_others;
        self.orphan_attempts += orphan_attempts;
        self.attempts_after_delivery += attempts_after_delivery;
        self.stray_attempts += stray_attempts;
        self.contradicted_messages += contradicted_messages;
        self.admitted_again += admitted_again;
        self.unproven_sends += unproven_sends;
    }
}

record! {
    table "quarantine", a row is "row that could not be read";
    /// A row that could not be read.
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    pub struct Quarantined {
        pub file: String => "file" Text,
        /// Line, or row of a Parquet file; from 1.
        pub line: u64 => "line" Integer,
        pub reason: String => "reason" Text,
        pub excerpt: String => "excerpt" Text,
    }
}

/// A log file as it was when it was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// As the reports show it.
    pub path: String,
    pub bytes: u64,
    /// Microseconds since 1970; 0 where the disk keeps none.
    pub modified_us: i64,
    /// Of an object in a store `etag:` with its ETag, or `modified:` with its time in microseconds.
    /// Of a file `blake3:` with its BLAKE3 in hex; one that an earlier version read keeps its
    /// XXH3-128, without a name before it, until its content changes.
    ///
    /// Empty when the file could not be read, or changed meanwhile.
    pub hash: String,
    /// Version of an object, if its store keeps versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Sums of a day that the books are checked against.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DayTotals {
    /// Accepted rows of request logs, and how many of them became messages.
    pub calls: u64,
    pub messages_closed: u64,
    pub messages_open: u64,
    /// Messages of which the day's own webhook rows tell a status.
    pub messages_told: u64,
    /// Accepted rows of webhook logs, as attempts of notifications.
    pub attempts: u64,
    pub notifications_closed: u64,
    pub notifications_open: u64,
    /// Different statuses of different messages.
    pub statuses: u64,
    /// Calls that name a message which another call had admitted already.
    pub admitted_again: u64,
}
