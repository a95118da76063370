//! Slots: postings → slots; every slot of every scope has a state, as judged with its day alone.

mod cell;
mod count;
mod counted;
mod first_version;
mod judge;
mod judged;
mod near_cells;
mod runs;
mod store;
mod verdict;

use std::collections::BTreeMap;
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
pub use store::SLOTS;
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
#[derive(Debug, Clone, PartialEq)]
pub struct Slots {
    day: Day,
    length: SlotLength,
    /// Sorted.
    scopes: Vec<Scope>,
    /// Scope by scope, `length.per_day()` each; without overrides both sides share one allocation.
    gross: Arc<[SlotTally]>,
    net: Arc<[SlotTally]>,
    /// Judged events where a gap makes them others than the counts say, by scope and slot.
    in_gaps: BTreeMap<(Scope, u32), [Judged; 2]>,
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

    /// Returns the judged events of a service, in order of time.
    pub fn judged(&self, scope: &Scope, side: Side, rule: &SlotRule) -> Vec<Judged> {
        let tallies = self.position(scope).map(|at| self.book(at, side)).unwrap_or_default();
        let mut judged: Vec<Judged> = tallies.iter().map(|tally| Judged::of(&tally.events, rule)).collect();
        let ours = (scope.clone(), 0)..=(scope.clone(), u32::MAX);
        for ((_, slot), sides) in self.in_gaps.range(ours) {
            if let Some(judged) = judged.get_mut(*slot as usize) {
                *judged = sides[side as usize];
            }
        }
        judged
    }

    /// Takes over the states of some scopes as they were judged together with the days around.
    pub fn restate(&mut self, scopes: &[(Scope, DayStates)]) {
        let per_day = self.length.per_day() as usize;
        let restated = |book: &Arc<[SlotTally]>, side: Side| -> Arc<[SlotTally]> {
            let mut book = book.to_vec();
            for (scope, states) in scopes {
                let from = self.position(scope).map_or(book.len(), |at| at * per_day);
                for (tally, state) in book[from..].iter_mut().zip(states[side as usize].iter()) {
                    tally.state = *state;
                }
            }
            book.into()
        };
        let (gross, net) = (restated(&self.gross, Side::Gross), restated(&self.net, Side::Net));
        self.net = if *gross == *net { Arc::clone(&gross) } else { net };
        self.gross = gross;
    }

    /// Returns the judged events of one slot of a service; none if the day does not know it.
    pub fn judged_at(&self, scope: &Scope, side: Side, slot: u32, rule: &SlotRule) -> Judged {
        if let Some(sides) = self.in_gaps.get(&(scope.clone(), slot)) {
            return sides[side as usize];
        }
        let tallies = self.position(scope).map(|at| self.book(at, side)).unwrap_or_default();
        tallies.get(slot as usize).map(|tally| Judged::of(&tally.events, rule)).unwrap_or_default()
    }

    /// Adds the judged events of slots in gaps.
    fn with_gaps(self, in_gaps: BTreeMap<(Scope, u32), [Judged; 2]>) -> Self {
        Self { in_gaps, ..self }
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
        Ok(Self { day, length, scopes, gross, net, in_gaps: BTreeMap::new() })
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
