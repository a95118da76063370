//! An edition: one published state of one day, with everything that it takes to draw its figures again.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{AccountLine, BadLine, DelayLine, DeliveryLine, LatencyLine, ReconciliationLine};
use crate::config::{Config, Measure};
use crate::day::{Day, SlotLength};
use crate::intake::{FileBalance, Quarantined};
use crate::slots::{Scope, ScopeKind, Slots, components_of};

/// How settled the content of a day is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayState {
    /// Something is pending or in suspense, a file could not be read, or there is no row of the day at all.
    Provisional,
    Reported,
}

impl DayState {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provisional => "provisional",
            Self::Reported => "reported",
        }
    }
}

/// What slot states were judged by: the settings and the make-up of components.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    pub unable_ppm: u32,
    pub min_events: u32,
    pub min_run_seconds: u32,
    pub max_gap_seconds: u32,
    pub user_counts_as_good: bool,
    /// Components and their services.
    pub components: Vec<(String, Vec<String>)>,
}

impl From<&Measure> for Definition {
    /// The settings alone, without components.
    fn from(measure: &Measure) -> Self {
        let Measure { unable_ppm, min_events, min_run_seconds, max_gap_seconds, user_counts_as_good } =
            *measure;
        let components = Vec::new();
        Self { unable_ppm, min_events, min_run_seconds, max_gap_seconds, user_counts_as_good, components }
    }
}

impl Definition {
    /// The settings, and the components as the slots were joined.
    pub fn new(config: &Config, slots: &Slots) -> Self {
        let is_service = |s: &&Scope| s.kind == ScopeKind::Service && s.is_all_regions();
        let services: Vec<_> = slots.scopes().iter().filter(is_service).map(|s| s.name.clone()).collect();
        let components = components_of(config, &services).into_iter().map(|c| (c.name, c.services)).collect();
        Self { components, ..Self::from(&config.measure) }
    }

    /// Does a scope (in whatever region) sum over this service?
    pub fn includes(&self, scope: &Scope, service: &str) -> bool {
        match scope.kind {
            ScopeKind::Service => *scope.name == *service,
            ScopeKind::Component => {
                let named = self.components.iter().find(|(name, _)| **name == *scope.name);
                named.is_some_and(|(_, services)| services.iter().any(|s| s == service))
            }
        }
    }

    /// The settings on one line, for provenance.
    pub fn settings(&self) -> String {
        let Self { unable_ppm, min_events, min_run_seconds, max_gap_seconds, user_counts_as_good, .. } = self;
        format!(
            "unable_ppm={unable_ppm} min_events={min_events} min_run_seconds={min_run_seconds} \
             max_gap_seconds={max_gap_seconds} user_counts_as_good={user_counts_as_good}"
        )
    }
}

/// One published state of one day.
#[derive(Debug, Clone, PartialEq)]
pub struct Edition {
    pub day: Day,
    /// From 1; 0 is a draft that is not published.
    pub number: u32,
    /// The clock of the run that published it.
    pub as_of: DateTime<Utc>,
    pub job_version: String,
    pub state: DayState,
    pub definition: Definition,
    /// Fingerprint of policy and catalogue.
    pub policy: String,
    pub slots: Slots,
    /// Sorted by slot.
    pub bad: Vec<BadLine>,
    pub accounts: Vec<AccountLine>,
    pub intake: Vec<FileBalance>,
    pub quarantine: Vec<Quarantined>,
    pub latency: Vec<LatencyLine>,
    pub deliveries: Vec<DeliveryLine>,
    pub delays: Vec<DelayLine>,
    /// Empty without webhook logs.
    pub reconciliation: Vec<ReconciliationLine>,
}

impl Edition {
    pub const fn slot_length(&self) -> SlotLength {
        self.slots.length()
    }
}
