//! The daybook: what the logs of one day said, kept so that no log needs to be read twice.
//!
//! It depends on the rows of its day alone: not on policy, not on the clock, not on other days. Calls belong to the day
//! they began on, webhook rows to the day of their attempt. What other days may still decide, or what this day says of
//! messages and notifications of other days, is carried as items; [`crate::resolve::resolve`] puts the days together.

pub mod delivery;
mod items;
pub mod message;
mod number_rows;
mod stored;

use serde::{Deserialize, Serialize};

use crate::day::{Day, SlotLength};
use crate::facts::{DayTotals, Delays, Evidence, Fact, FileBalance, Kind, Latencies, Quarantined};

pub use items::{ItemRole, MessageItem, NotificationItem};
pub use stored::{Closed, ItemWriter, check, closed, head, messages, notifications, read, write};

/// What the logs of one day said, but for the items, which stand in files of their own.
#[derive(Debug, Clone, PartialEq)]
pub struct Daybook {
    pub day: Day,
    pub slot_length: SlotLength,
    /// Whether webhook logs were there to tell what became of messages.
    pub is_joined: bool,
    /// Fingerprint of the salt: ids under different ones cannot be matched.
    pub salt: String,
    /// Fingerprint of the settings that shaped it: deadlines, services, slots.
    pub settings: String,
    /// Regions whose webhook logs were not there or could not be read; `*` when it is not known whose they were.
    pub lost: Vec<String>,
    /// Sorted; facts and items point into it.
    pub kinds: Vec<Kind>,
    /// Pseudonyms, sorted; the first may be empty: not recorded.
    pub callers: Vec<String>,
    /// What no other day can change.
    pub facts: Vec<Fact>,
    pub evidence: Vec<Evidence>,
    pub latencies: Latencies,
    pub delays: Delays,
    /// By region.
    pub lanes: Vec<RegionActivity>,
    pub tally: DayTotals,
    /// One entry per file, in the order of sources and paths.
    pub files: Vec<FileBalance>,
    pub quarantine: Vec<Quarantined>,
}

impl Daybook {
    /// Was a webhook log of the day missing that may have told of this region?
    pub fn has_lost(&self, region: &str) -> bool {
        self.lost.iter().any(|lost| lost == region || lost == "*")
    }
}

/// When messages of a region were admitted, and how many webhook rows told of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionActivity {
    pub region: String,
    /// Slots with webhook rows, with how many; without copies.
    pub rows: Vec<(u32, u32)>,
    /// Slots in which messages were admitted, with how many.
    pub admitted: Vec<(u32, u32)>,
    /// Services of these messages.
    pub services: Vec<String>,
    /// Latest webhook row of the day, and latest of the hour after it.
    pub last_us: Option<i64>,
    pub ahead_us: Option<i64>,
}
