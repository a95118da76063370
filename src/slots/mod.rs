//! Slots: postings → slots; every slot of every scope is up, degraded, down or unobserved.

mod cell;
mod count;
mod store;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config::{Component, Config};
use crate::day::{Day, SlotLength};

pub use cell::{Cell, Counts, Side, SlotTally, State};
pub use store::SLOTS;

/// The region that stands for all regions together.
pub const ALL_REGIONS: &str = "*";

/// The type of a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeKind {
    /// A line of the status page; down if any of its services is down.
    Component,
    Service,
}

impl ScopeKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Service => "service",
        }
    }
}

/// A component or service, in one region or in all ([`ALL_REGIONS`]); ordered as in every report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    pub kind: ScopeKind,
    pub name: Arc<str>,
    pub region: Arc<str>,
}

impl FromStr for ScopeKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = [Self::Component, Self::Service].into_iter().find(|k| k.name() == text);
        found.ok_or_else(|| format!("`{text}` is no kind of scope"))
    }
}

impl Scope {
    pub fn new(kind: ScopeKind, name: &str, region: &str) -> Self {
        Self { kind, name: name.into(), region: region.into() }
    }

    pub fn is_all_regions(&self) -> bool {
        &*self.region == ALL_REGIONS
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.kind.name(), self.name, self.region)
    }
}

/// The slots of one day: for every scope all slots of the day, gross and net.
#[derive(Debug, Clone, PartialEq)]
pub struct Slots {
    day: Day,
    length: SlotLength,
    /// Sorted.
    scopes: Vec<Scope>,
    /// Scope by scope, `length.per_day()` each; without overrides both sides share one allocation.
    gross: Arc<[SlotTally]>,
    net: Arc<[SlotTally]>,
}

impl Slots {
    pub const fn day(&self) -> Day {
        self.day
    }

    pub const fn length(&self) -> SlotLength {
        self.length
    }

    /// Returns all scopes, sorted: components before services, all regions before single ones.
    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    /// Returns the position of a scope, for [`Slots::book`].
    pub fn position(&self, scope: &Scope) -> Option<usize> {
        self.scopes.binary_search(scope).ok()
    }

    /// Returns the slots of a scope, in order of time; none if the day does not know the scope.
    pub fn cells(&self, scope: &Scope) -> impl Iterator<Item = Cell> + '_ {
        let [gross, net] = match self.position(scope) {
            Some(at) => [self.book(at, Side::Gross), self.book(at, Side::Net)],
            None => [[].as_slice(); 2],
        };
        gross.iter().zip(net).map(|(gross, net)| Cell { gross: *gross, net: *net })
    }

    /// Returns one side of the scope at a position: a tally per slot.
    pub fn book(&self, position: usize, book: Side) -> &[SlotTally] {
        let per_day = self.length.per_day() as usize;
        let tallies = match book {
            Side::Gross => &self.gross,
            Side::Net => &self.net,
        };
        tallies.get(position * per_day..(position + 1) * per_day).unwrap_or_default()
    }

    /// Assembles the slots of a day; `gross` and `net` are dense, scope by scope.
    fn assemble(
        day: Day,
        length: SlotLength,
        scopes: Vec<Scope>,
        gross: Vec<SlotTally>,
        net: Vec<SlotTally>,
    ) -> Result<Self, String> {
        let want = scopes.len() * length.per_day() as usize;
        if gross.len() != want || net.len() != want {
            return Err(format!(
                "{day}: {} scopes of {} slots make {want}, found {} gross and {} net",
                scopes.len(),
                length.per_day(),
                gross.len(),
                net.len()
            ));
        }
        if !scopes.is_sorted_by(|a, b| a < b) {
            return Err(format!("{day}: scopes are not in order, or one is there twice"));
        }
        let gross: Arc<[SlotTally]> = gross.into();
        let net = if *gross == *net { Arc::clone(&gross) } else { net.into() };
        Ok(Self { day, length, scopes, gross, net })
    }
}

/// Returns the components of a config; without any, one named `all` with all services.
pub fn components_of(config: &Config, services: &[Arc<str>]) -> Vec<Component> {
    if !config.components.is_empty() {
        return config.components.clone();
    }
    let services = services.iter().map(ToString::to_string).collect();
    vec![Component { name: "all".to_owned(), services, target_micro_percent: None }]
}
