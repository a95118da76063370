//! Frozen: the figures, slots and outages of a day as its seal left them.

use serde::{Deserialize, Serialize};

use crate::day::{Day, SlotLength};
use crate::slots::{Counts, DayStates, Scope, ScopeKind};

/// The figures of a day as its seal left them.
#[derive(Debug, Clone, PartialEq)]
pub struct FrozenDay {
    pub day: Day,
    /// The sealed edition.
    pub edition: u32,
    pub slot_length: SlotLength,
    /// Sorted by scope.
    pub scopes: Vec<FrozenScope>,
    /// Outages that touch the day, net, by scope and start.
    pub outages: Vec<FrozenOutage>,
}

/// The figures of one scope of a sealed day.
#[derive(Debug, Clone, PartialEq)]
pub struct FrozenScope {
    pub scope: Scope,
    pub states: DayStates,
    /// Gross and net.
    pub sums: [FrozenSums; 2],
    /// Observed seconds and all seconds of its (service, region) pairs.
    pub coverage: [i64; 2],
    /// One for each definition.
    pub figures: Vec<FrozenFigure>,
}

/// The sums of one side of a sealed day, in slots and in events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrozenSums {
    pub down: i64,
    pub counted: i64,
    pub degraded: i64,
    pub doubtful: i64,
    pub unobserved: i64,
    /// Down slots that do not count, but would if the unjudged slots next to them had been down.
    pub beside_unjudged: i64,
    pub events: Counts,
}

/// The percentages of one definition, in millionths of a percent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrozenFigure {
    pub definition: String,
    pub gross: Option<i64>,
    pub net: Option<i64>,
    pub at_least: Option<i64>,
}

/// An outage as it was known when a day that it touches was sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrozenOutage {
    pub scope_kind: ScopeKind,
    pub scope: String,
    pub region: String,
    pub start_us: i64,
    pub end_us: i64,
    pub down_seconds: i64,
    pub at_least_seconds: Option<i64>,
    pub at_most_seconds: Option<i64>,
    pub is_ongoing: bool,
    pub class: String,
    pub is_counted: bool,
    pub is_narrow: bool,
    pub events_bad: i64,
    pub top_error_codes: String,
    pub callers_hit: i64,
    /// Number of active callers, and whether it is exact.
    pub callers_active: Option<(u64, bool)>,
    pub leave_out: Option<i64>,
    pub loud_callers: Vec<String>,
    pub events_left: [i64; 2],
    pub top_callers_micro_percent: Option<i64>,
    pub parts: Vec<OutagePart>,
}

/// The part of an outage that lies on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutagePart {
    pub day: Day,
    /// From its first to its last down slot of the day.
    pub start_us: i64,
    pub end_us: i64,
    pub down_seconds: i64,
    pub events_bad: i64,
}

impl FrozenDay {
    /// Finds a scope; `None` if the sealed day did not know it.
    pub fn scope(&self, scope: &Scope) -> Option<&FrozenScope> {
        let at = self.scopes.binary_search_by(|line| line.scope.cmp(scope)).ok()?;
        self.scopes.get(at)
    }
}
