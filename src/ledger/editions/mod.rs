//! An edition: one published state of one day, complete enough to draw its figures again.

pub mod basis;
pub mod delivery_lines;
pub mod draft;
pub mod folder;
pub mod frozen;
pub mod instants;
pub mod known;
pub mod lines;
pub mod manifest;
pub mod near;
pub mod outline;
pub mod seals;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{AccountLine, BadLine, DelayLine, DeliveryLine, InstantLine, LatencyLine, ReconciliationLine};
use crate::config::{Component, Config, Outputs, RuleVersion, Service, SlotRule, lexical};
use crate::day::{Day, SlotLength};
use crate::facts::{CallerLine, FieldLine, FileBalance, Quarantined};
use crate::overrides::Override;
use crate::slots::{Scope, ScopeKind, Slots, components_of};

/// How settled the content of a day is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayState {
    /// Events are pending, in suspense or unknown, a file failed, or no row was accepted.
    Provisional,
    /// Complete, and the first edition of its day.
    Reported,
    /// Complete, and different from an edition before it.
    Restated,
    /// Final, as the review window has passed; later discoveries become adjusting entries.
    Sealed,
}

impl DayState {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provisional => "provisional",
            Self::Reported => "reported",
            Self::Restated => "restated",
            Self::Sealed => "sealed",
        }
    }
}

/// Settings that slot states were judged by, with the services of each component.
///
/// The first seven fields are those of [`SlotRule`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefinitionSettings {
    #[serde(default, skip_serializing_if = "RuleVersion::is_first")]
    pub version: RuleVersion,
    pub unable_ppm: u32,
    pub min_events: u32,
    pub min_run_seconds: u32,
    pub max_gap_seconds: u32,
    #[serde(default = "any_caller", skip_serializing_if = "is_any_caller")]
    pub min_callers: u32,
    pub user_counts_as_good: bool,
    /// Each component with its services.
    pub components: Vec<(String, Vec<String>)>,
    /// Services and regions that have slots even without a row.
    pub services: Vec<String>,
    pub regions: Vec<String>,
}

const fn any_caller() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
const fn is_any_caller(min_callers: &u32) -> bool {
    *min_callers == any_caller()
}

impl From<&SlotRule> for DefinitionSettings {
    /// Takes the settings of the rule, without components, services and regions.
    fn from(measure: &SlotRule) -> Self {
        let SlotRule {
            version,
            unable_ppm,
            min_events,
            min_run_seconds,
            max_gap_seconds,
            min_callers,
            user_counts_as_good,
        } = *measure;
        let (components, services, regions) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            version,
            unable_ppm,
            min_events,
            min_run_seconds,
            max_gap_seconds,
            min_callers,
            user_counts_as_good,
            components,
            services,
            regions,
        }
    }
}

impl DefinitionSettings {
    /// Takes the settings of a config, and the components as the slots were joined.
    pub fn new(config: &Config, slots: &Slots) -> Self {
        let is_service = |s: &&Scope| s.kind == ScopeKind::Service && s.is_all_regions();
        let services: Vec<_> = slots.scopes().iter().filter(is_service).map(|s| s.name.clone()).collect();
        let components = components_of(config, &services).into_iter().map(|c| (c.name, c.services)).collect();
        let services = config.services.iter().map(|s| s.name.clone()).collect();
        Self { components, services, regions: config.regions.clone(), ..Self::from(&config.measure) }
    }

    /// True if today's config would count by the same definition.
    ///
    /// A config without components has a single one of all services; only the slots know which
    /// these are, so its components are not compared.
    pub fn is_of(&self, config: &Config) -> bool {
        let Settings { definition: wanted, .. } = Settings::of(config);
        let components = if config.components.is_empty() { &self.components } else { &wanted.components };
        self.is_like(&Self { components: components.clone(), ..wanted.clone() })
    }

    /// Returns whether slots are counted the same by another definition.
    ///
    /// The order of components, services and regions decides nothing: scopes are sorted by name.
    pub fn is_like(&self, other: &Self) -> bool {
        let sorted = |definition: &Self| {
            let mut definition = definition.clone();
            definition.components.iter_mut().for_each(|(_, services)| services.sort());
            definition.components.sort();
            definition.services.sort();
            definition.regions.sort();
            definition
        };
        sorted(self) == sorted(other)
    }

    /// Returns a config under which the same postings give the same slots.
    pub fn config(&self) -> Config {
        let component = |(name, services): &(String, Vec<String>)| Component {
            name: name.clone(),
            services: services.clone(),
            target_micro_percent: None,
        };
        let service = |name: &String| Service { name: name.clone(), endpoints: Vec::new() };
        Config {
            measure: self.measure(),
            components: self.components.iter().map(component).collect(),
            services: self.services.iter().map(service).collect(),
            regions: self.regions.clone(),
            ..Config::bare("")
        }
    }

    pub const fn measure(&self) -> SlotRule {
        SlotRule {
            version: self.version,
            unable_ppm: self.unable_ppm,
            min_events: self.min_events,
            min_run_seconds: self.min_run_seconds,
            max_gap_seconds: self.max_gap_seconds,
            min_callers: self.min_callers,
            user_counts_as_good: self.user_counts_as_good,
        }
    }

    /// True if a scope, in whatever region, sums over this service.
    pub fn includes(&self, scope: &Scope, service: &str) -> bool {
        match scope.kind {
            ScopeKind::Service => *scope.name == *service,
            ScopeKind::Component => {
                let named = self.components.iter().find(|(name, _)| **name == *scope.name);
                named.is_some_and(|(_, services)| services.iter().any(|s| s == service))
            }
        }
    }

    /// Returns the settings on one line, for provenance.
    pub fn settings(&self) -> String {
        let Self {
            version,
            unable_ppm,
            min_events,
            min_run_seconds,
            max_gap_seconds,
            min_callers,
            user_counts_as_good,
            ..
        } = self;
        let callers =
            if is_any_caller(min_callers) { String::new() } else { format!(" min_callers={min_callers}") };
        format!(
            "version={} unable_ppm={unable_ppm} min_events={min_events} min_run_seconds={min_run_seconds} \
             max_gap_seconds={max_gap_seconds}{callers} user_counts_as_good={user_counts_as_good}",
            version.number()
        )
    }
}

/// Settings that figures are drawn with: today's definition and the targets of components.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub slot: SlotLength,
    pub definition: DefinitionSettings,
    /// Component and target, in millionths of a percent.
    pub targets: Vec<(String, u32)>,
    /// Title, address and formats of the pages and exports written in addition to the tables.
    #[serde(default)]
    pub outputs: Outputs,
}

impl Settings {
    pub fn of(config: &Config) -> Self {
        let definition = DefinitionSettings {
            components: config.components.iter().map(|c| (c.name.clone(), c.services.clone())).collect(),
            services: config.services.iter().map(|s| s.name.clone()).collect(),
            regions: config.regions.clone(),
            ..DefinitionSettings::from(&config.measure)
        };
        let target = |c: &Component| Some((c.name.clone(), c.target_micro_percent?));
        let targets = config.components.iter().filter_map(target).collect();
        Self { slot: config.slot, definition, targets, outputs: config.outputs.clone() }
    }

    /// Returns whether the same figures are drawn with other settings, in the same way.
    pub fn is_like(&self, other: &Self) -> bool {
        let sorted = |settings: &Self| {
            let mut targets = settings.targets.clone();
            targets.sort();
            (settings.slot, targets, settings.outputs.clone())
        };
        sorted(self) == sorted(other) && self.definition.is_like(&other.definition)
    }

    /// Returns a config under which the same figures are drawn.
    pub fn config(&self) -> Config {
        let outputs = self.outputs.clone();
        let mut config = Config { slot: self.slot, outputs, ..self.definition.config() };
        for component in &mut config.components {
            let target = self.targets.iter().find(|(name, _)| *name == component.name);
            component.target_micro_percent = target.map(|(_, target)| *target);
        }
        config
    }
}

/// An override row that an edition applies, with its effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Applied {
    pub row: Override,
    /// Events of the day that it moved.
    pub events: i64,
    /// Slots of components (all regions) in which it moved events and gross and net state differ.
    pub slots_changed: i64,
}

/// One published state of one day.
#[derive(Debug, Clone, PartialEq)]
pub struct Edition {
    pub day: Day,
    /// Counts from 1; 0 is a draft that is not published.
    pub number: u32,
    /// The clock of the run that published it.
    pub as_of: DateTime<Utc>,
    pub job_version: String,
    pub state: DayState,
    pub definition: DefinitionSettings,
    /// Fingerprint of policy and catalogue.
    pub policy: String,
    /// Override rows in the order in which they were applied.
    pub overrides: Vec<Applied>,
    pub slots: Slots,
    /// Sorted by slot.
    pub bad: Vec<BadLine>,
    /// Sorted by slot; empty if the sixtieths of the day are not known.
    pub instants: Vec<InstantLine>,
    /// Active callers, sorted by hour, service and region; empty if they are not known.
    pub callers: Vec<CallerLine>,
    pub accounts: Vec<AccountLine>,
    pub intake: Vec<FileBalance>,
    pub quarantine: Vec<Quarantined>,
    pub latency: Vec<LatencyLine>,
    pub deliveries: Vec<DeliveryLine>,
    pub delays: Vec<DelayLine>,
    /// Lines of payloads by webhook field; empty without any.
    pub fields: Vec<FieldLine>,
    /// Empty without webhook logs.
    pub reconciliation: Vec<ReconciliationLine>,
}

impl Edition {
    /// Takes over the spelling of paths from files that lie at the same place.
    ///
    /// Files are told apart by their path, so `./logs/a.csv` must stay `logs/a.csv` once published.
    pub(crate) fn spell_paths_as(&mut self, known: &[FileBalance]) {
        let spelt: BTreeMap<String, &str> =
            known.iter().map(|file| (lexical(&file.path), &*file.path)).collect();
        let respell = |path: &mut String| {
            if let Some(other) = spelt.get(&lexical(path)).filter(|other| ***other != **path) {
                path.clear();
                path.push_str(other);
            }
        };
        self.intake.iter_mut().for_each(|file| respell(&mut file.path));
        self.quarantine.iter_mut().for_each(|row| respell(&mut row.file));
    }

    /// Returns the override rows that it applies, in the order in which they apply.
    pub fn rows(&self) -> Vec<Override> {
        self.overrides.iter().map(|applied| applied.row.clone()).collect()
    }

    pub const fn slot_length(&self) -> SlotLength {
        self.slots.length()
    }
}
