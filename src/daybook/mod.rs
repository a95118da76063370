//! Daybook: the content of one day's logs, stored so that no log needs to be read twice.
//!
//! It depends on the rows of its day alone: not on policy, not on the clock, not on other days.
//! Calls belong to the day on which they began, webhook rows to the day of their attempt. Messages
//! and notifications about which another day may have rows are stored as items;
//! [`crate::resolve::resolve`] combines the items of several days.

pub mod delivery;
mod folder;
mod id_range;
mod item_files;
mod items;
pub mod message;
mod number_rows;
mod row_writer;
mod stored;
mod stored_items;
mod version;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::day::{Day, SlotLength};
use crate::facts::{
    CallerLine, DayTotals, Delays, Evidence, Fact, FieldLine, FileBalance, FileHours, Kind, Latencies,
    Quarantined, SourceRows, UnreadableWindow,
};

pub use folder::{DaybookFolder, FILES, list};
pub use id_range::IdRange;
pub use items::{ItemRole, MessageItem, NotificationItem, WaitingCall};
pub use stored::{check, head, read, write};
pub use stored_items::{
    Closed, ItemWriter, closed, correlations, item_bytes, messages, notifications, waiting_calls,
};

/// The folders of stored daybooks, by day.
pub type DaybookFolders = BTreeMap<Day, DaybookFolder>;

/// The content of one day's logs without the items, which are stored in files of their own.
#[derive(Debug, Clone, PartialEq)]
pub struct Daybook {
    pub day: Day,
    pub slot_length: SlotLength,
    /// True if webhook logs were read, so that the outcomes of messages are known.
    pub is_joined: bool,
    /// Fingerprint of the salt: ids under different salts cannot be matched.
    pub salt: String,
    /// Fingerprint of the settings that shaped the daybook: deadlines, services, slots.
    pub settings: String,
    /// Regions whose webhook logs were missing or unreadable; `*` when the regions are not known.
    pub lost: Vec<String>,
    /// Sorted; facts and items hold indices into it.
    pub kinds: Vec<Kind>,
    /// Pseudonyms, sorted; the first may be empty: not recorded.
    pub callers: Vec<String>,
    /// Active callers, sorted by hour, service and region; earlier versions kept none.
    pub callers_by_hour: Vec<CallerLine>,
    /// Facts that no other day can change.
    pub facts: Vec<Fact>,
    /// False if the sixtieths of its facts are not known, as in daybooks of earlier versions.
    pub has_sixtieths: bool,
    pub evidence: Vec<Evidence>,
    pub latencies: Latencies,
    pub delays: Delays,
    /// Webhook activity, one entry per region.
    pub lanes: Vec<RegionActivity>,
    pub tally: DayTotals,
    /// One entry per file, in the order of sources and paths.
    pub files: Vec<FileBalance>,
    /// Rows by hour of the day's own files and of those of the day after, by which a missing file
    /// is noticed; daybooks of version 0.1.0 have none.
    pub file_hours: Vec<FileHours>,
    /// Rows by source and hour, by which poorer logs are noticed; as above.
    pub source_rows: Vec<SourceRows>,
    /// Lines of payloads by webhook field, sorted; daybooks before format 5 have none.
    pub fields: Vec<FieldLine>,
    /// Unreadable rows of webhook logs, sorted; as above.
    pub unreadable: Vec<UnreadableWindow>,
    pub quarantine: Vec<Quarantined>,
}

impl Daybook {
    /// True if a webhook log of the day was missing that may have had rows of this region.
    pub fn has_lost(&self, region: &str) -> bool {
        self.lost.iter().any(|lost| lost == region || lost == "*")
    }
}

/// Activity of one region: messages admitted, and webhook rows, per slot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionActivity {
    pub region: String,
    /// Slots with webhook rows, each with the number of rows; copies are not counted.
    pub rows: Vec<(u32, u32)>,
    /// Slots in which messages were admitted, each with the number of messages.
    pub admitted: Vec<(u32, u32)>,
    /// Services of the admitted messages.
    pub services: Vec<String>,
    /// Latest webhook row of the day, and latest row of the hour after it, microseconds since 1970.
    pub last_us: Option<i64>,
    pub ahead_us: Option<i64>,
}
