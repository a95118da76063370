//! `[definition]`: the rule that turns events into slot states, with its version.

use serde::{Deserialize, Serialize};

/// Version of the rule that turns events into slot states; an edition keeps the one it was made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleVersion(u32);

impl RuleVersion {
    /// Each slot is judged by itself: down from `min_events` events on.
    pub const FIRST: Self = Self(1);
    /// Failing slots are down in runs, and doubtful slots are neither up nor down.
    pub const RUNS: Self = Self(2);
    pub const NEWEST: Self = Self::RUNS;

    pub const fn number(self) -> u32 {
        self.0
    }

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
    pub fn is_first(&self) -> bool {
        *self == Self::FIRST
    }
}

impl Default for RuleVersion {
    /// Editions that name no version are of the first one.
    fn default() -> Self {
        Self::FIRST
    }
}

/// The thresholds that turn events into slot states, and slots into runs.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotRule {
    /// Version of the rule that the thresholds belong to; not a setting.
    pub version: RuleVersion,
    /// Share of bad among judged events from which on a slot is down, millionths (0.5 = `500_000`).
    pub unable_ppm: u32,
    /// A run needs `unable_ratio` x `min_events` bad events.
    ///
    /// In the first version, judged events (good + bad) below which a slot is never down.
    pub min_events: u32,
    /// Shortest run of down slots that counts, in seconds (R20: 10 minutes).
    pub min_run_seconds: u32,
    /// Longest span between two failing slots of a run, in seconds; it adds nothing to the run.
    ///
    /// In the first version, the longest unobserved span.
    pub max_gap_seconds: u32,
    /// Callers that must make an outage long enough, or it does not count; 1 asks for none.
    pub min_callers: u32,
    /// True if `user:*` events count as good instead of being left out.
    pub user_counts_as_good: bool,
}

impl Default for SlotRule {
    fn default() -> Self {
        Self {
            version: RuleVersion::NEWEST,
            unable_ppm: 500_000,
            min_events: 10,
            min_run_seconds: 600,
            max_gap_seconds: 900,
            min_callers: 1,
            user_counts_as_good: false,
        }
    }
}
