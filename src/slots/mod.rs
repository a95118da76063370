//! Slots: postings → slots; every slot of every scope has a state, as judged with its day alone.

mod cell;
mod count;
mod counted;
mod first_version;
mod judge;
mod judged;
mod near_cells;
mod runs;
mod scope_slots;
mod store;
mod verdict;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config::{Component, Config, SlotRule};
use crate::day::{Day, SlotLength};
use crate::facts::IGNORED;

pub use cell::{Cell, Counts, Side, SlotTally, State};
pub use judged::Judged;
pub use near_cells::near_cells;
pub use runs::{Stretch, Tick, runs};
use scope_slots::ScopeSlots;
pub use scope_slots::{CountedSlot, SideSlots};
pub use store::{SLOTS, SlotsReader, state_names};
pub use verdict::{DownSlots, TimelineVerdict, shortest_run};

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

    /// True if the scope of a service, in one region or in all, holds events of this place.
    pub fn holds(&self, service: &str, region: &str) -> bool {
        *self.name == *service && (self.is_all_regions() || *self.region == *region)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.kind.name(), self.name, self.region)
    }
}

/// The states of one scope on one day: gross and net, in order of time.
pub type DayStates = [Arc<[State]>; 2];

/// The slots of one day: for every scope all slots of the day, gross and net.
///
/// A copy shares all of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Slots {
    day: Day,
    length: SlotLength,
    /// Sorted.
    scopes: Arc<[Scope]>,
    /// The slots of each scope.
    by_scope: Arc<[ScopeSlots]>,
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
        let slots = self.position(scope).map(|at| self.by_scope[at].sides());
        let cell = |(gross, net)| Cell { gross, net };
        slots.into_iter().flat_map(move |[gross, net]| gross.tallies().zip(net.tallies()).map(cell))
    }

    /// Returns one side of the scope at a position.
    pub fn book(&self, position: usize, book: Side) -> &SideSlots {
        &self.by_scope[position].sides()[book as usize]
    }

    /// Returns the judged events of every slot of a service, in order of time; none if the day does
    /// not know it.
    pub fn judged(&self, scope: &Scope, side: Side, rule: &SlotRule) -> Vec<Judged> {
        let Some(at) = self.position(scope) else { return Vec::new() };
        let mut judged = vec![Judged::default(); self.length.per_day() as usize];
        for CountedSlot { slot, events } in self.book(at, side).events() {
            judged[*slot as usize] = Judged::of(events, rule);
        }
        for run in self.by_scope[at].in_gaps() {
            judged[run.start_slot as usize..run.end_slot as usize].fill(run.judged[side as usize]);
        }
        judged
    }

    /// Takes over the states of some scopes as they were judged together with the days around.
    pub fn restate(&mut self, scopes: &[(Scope, DayStates)]) {
        let mut by_scope = self.by_scope.to_vec();
        for (scope, [gross, net]) in scopes {
            if let Some(at) = self.position(scope) {
                by_scope[at] = by_scope[at].restated([gross, net]);
            }
        }
        self.by_scope = by_scope.into();
    }

    /// Returns the judged events of one slot of a service; none if the day does not know it.
    pub fn judged_at(&self, scope: &Scope, side: Side, slot: u32, rule: &SlotRule) -> Judged {
        let Some(at) = self.position(scope) else { return Judged::default() };
        if let Some(run) = self.by_scope[at].gap_at(slot) {
            return self.by_scope[at].in_gaps()[run].judged[side as usize];
        }
        self.book(at, side).events_at(slot).map(|events| Judged::of(events, rule)).unwrap_or_default()
    }

    /// Assembles the slots of a day, each scope with all of its slots.
    fn assemble(day: Day, length: SlotLength, scopes: Vec<(Scope, ScopeSlots)>) -> Result<Self, String> {
        if !scopes.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(format!("{day}: scopes are not in order, or one is there twice"));
        }
        let (scopes, by_scope): (Vec<_>, Vec<_>) = scopes.into_iter().unzip();
        Ok(Self { day, length, scopes: scopes.into(), by_scope: by_scope.into() })
    }
}

/// Returns the components of a config; without any, one named `all` with all services.
pub fn components_of(config: &Config, services: &[Arc<str>]) -> Vec<Component> {
    if !config.components.is_empty() {
        return config.components.clone();
    }
    // Ignored calls are no part of the platform, and no evidence that is missing.
    let services = services.iter().filter(|service| ***service != *IGNORED);
    let services = services.map(ToString::to_string).collect();
    vec![Component { name: "all".to_owned(), services, target_micro_percent: None }]
}
