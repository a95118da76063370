//! The outline of an edition: slot states and sums of events, which figures are drawn from.
//!
//! An edition keeps it next to its slots, so that a year can be measured without reading every cell
//! of every day.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::frozen::FrozenDay;
use super::manifest::Manifest;
use super::near::{NearCell, near_of, near_of_text, near_text};
use crate::config::SlotRule;
use crate::day::{Day, SlotLength};
use crate::facts::CallerLine;
use crate::ledger::{Applied, BadLine, DayState, DefinitionSettings, Edition, InstantLine};
use crate::policy::Group;
use crate::slots::{Counts, Scope, Side, Slots, State, Tick};
use crate::table::ColumnKind::Text;
use crate::table::{ColumnSpec, Row, Spec, Table, Value};

pub static OUTLINE: Spec = Spec {
    name: "outline",
    row: "scope",
    columns: &[
        ColumnSpec::new("scope_kind", Text, ""),
        ColumnSpec::new("scope", Text, ""),
        ColumnSpec::new("region", Text, ""),
        ColumnSpec::new("states_gross", Text, ""),
        // Null if the states after overrides equal the ones before.
        ColumnSpec::new("states_net", Text, ""),
        // Events by group, separated by blanks: opening a column for each group takes longer than
        // reading it.
        ColumnSpec::new("events_gross", Text, ""),
        ColumnSpec::new("events_net", Text, ""),
        // Slots that runs over midnight can depend on: `slot:judged events`, separated by commas.
        ColumnSpec::late("near_gross", Text),
        // Null if the slots after overrides equal the ones before.
        ColumnSpec::late("near_net", Text),
    ],
};

/// The part of an edition that figures need.
#[derive(Debug, Clone, PartialEq)]
pub struct Outline {
    pub day: Day,
    pub number: u32,
    pub as_of: DateTime<Utc>,
    pub job_version: String,
    pub state: DayState,
    pub definition: DefinitionSettings,
    /// Fingerprint of policy and catalogue.
    pub policy: String,
    pub overrides: Vec<Applied>,
    pub slot_length: SlotLength,
    /// Sorted by scope.
    pub scopes: Vec<ScopeOutline>,
    /// Slots that a longer timeline needs under rules of other days.
    pub(super) near_under: Vec<NearUnder>,
    /// Figures of a sealed day as its seal left them; what other days say later does not move them.
    pub frozen: Option<Arc<FrozenDay>>,
    /// Slots of a day that an older version sealed, as they were noted for scopes in all regions.
    pub noted: BTreeMap<Scope, NotedSlots>,
    /// Sorted by slot; filled only for days that a run of down slots can touch.
    pub bad: Vec<BadLine>,
    /// Sorted by slot; filled as `bad` is, and for the days beside those.
    pub instants: Vec<InstantLine>,
    /// Active callers, sorted by hour, service and region; filled as `bad` is.
    pub callers: Vec<CallerLine>,
    /// True if the edition is damaged, and only what was noted of it is known.
    pub is_stand_in: bool,
}

/// Slots after overrides as the journal noted them, see [`crate::ledger::Reported::slots`].
pub type NotedSlots = [i64; 5];

/// The slots of a day that a longer timeline needs under a rule that the day was not made by.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NearUnder {
    rule: SlotRule,
    /// Parallel to the scopes of the outline.
    near: Vec<[Arc<[NearCell]>; 2]>,
}

/// One of the two midnights of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    Start,
    End,
}

/// One scope of a day; arrays are `[gross, net]`.
#[derive(Debug, Clone, PartialEq)]
pub struct ScopeOutline {
    pub scope: Scope,
    /// One state for each slot, in order of time, as judged with the day alone.
    states: [Arc<[State]>; 2],
    events: [Counts; 2],
    /// Slots of a service that a longer timeline needs ([`near_cells`]); empty by the first version
    /// of the rule, and for a component.
    near: [Arc<[NearCell]>; 2],
}

impl ScopeOutline {
    /// Makes a scope of which only the events of the day are known.
    pub fn unobserved(scope: Scope, length: SlotLength, events: &[i64; Group::ALL.len()]) -> Self {
        let states: Arc<[State]> = vec![State::Unobserved; length.per_day() as usize].into();
        let mut counts = Counts::default();
        Group::ALL.into_iter().zip(events).for_each(|(group, events)| counts.add(group, *events));
        let near: Arc<[NearCell]> = Vec::new().into();
        Self {
            scope,
            states: [Arc::clone(&states), states],
            events: [counts; 2],
            near: [Arc::clone(&near), near],
        }
    }

    /// Returns the states of the day alone, in order of time.
    pub const fn states(&self, book: Side) -> &Arc<[State]> {
        &self.states[book as usize]
    }

    /// Returns the slots that a longer timeline needs, in order of time.
    pub fn near(&self, book: Side) -> &[NearCell] {
        &self.near[book as usize]
    }

    /// Returns the events of the whole day.
    pub const fn events(&self, book: Side) -> Counts {
        self.events[book as usize]
    }
}

impl Outline {
    /// Works out the outline of an edition from its slots.
    pub fn of(edition: &Edition) -> Self {
        let slots = &edition.slots;
        let rule = edition.definition.measure();
        let scope = |(at, scope): (usize, &Scope)| {
            let states = Side::ALL.map(|book| Arc::clone(slots.book(at, book).states()));
            let near = Side::ALL.map(|book| near_of(slots, scope, book, &rule));
            ScopeOutline {
                scope: scope.clone(),
                states,
                events: Side::ALL.map(|book| slots.book(at, book).sum()),
                near,
            }
        };
        Self {
            day: edition.day,
            number: edition.number,
            as_of: edition.as_of,
            job_version: edition.job_version.clone(),
            state: edition.state,
            definition: edition.definition.clone(),
            policy: edition.policy.clone(),
            overrides: edition.overrides.clone(),
            slot_length: edition.slot_length(),
            scopes: slots.scopes().iter().enumerate().map(scope).collect(),
            near_under: Vec::new(),
            frozen: None,
            noted: BTreeMap::new(),
            bad: edition.bad.clone(),
            instants: edition.instants.clone(),
            callers: edition.callers.clone(),
            is_stand_in: false,
        }
    }

    /// Lists the slots that a timeline under another rule needs.
    pub fn learn(&mut self, slots: &Slots, rule: &SlotRule) {
        let near = |line: &ScopeOutline| Side::ALL.map(|side| near_of(slots, &line.scope, side, rule));
        let near = self.scopes.iter().map(near).collect();
        self.near_under.push(NearUnder { rule: rule.clone(), near });
    }

    /// Returns whether the slots are listed that a longer timeline under a rule needs.
    pub fn has_learnt(&self, rule: &SlotRule) -> bool {
        self.definition.measure() == *rule || self.near_under.iter().any(|under| under.rule == *rule)
    }

    /// Returns whether the day can be a part of a longer timeline under a rule.
    ///
    /// A day of the first version lists no slots by itself.
    pub fn knows(&self, rule: &SlotRule) -> bool {
        !self.definition.version.is_first() || self.has_learnt(rule)
    }

    /// Returns whether a failing slot, with every unknown event a failure, lies within
    /// `max_gap_minutes` of a midnight, or has no success between itself and the midnight.
    pub fn reaches_over(&self, edge: Edge) -> bool {
        let own = self.definition.measure();
        let near = self.scopes.iter().flat_map(|line| Side::ALL.map(|side| (&own, line.near(side))));
        let under = self.near_under.iter().flat_map(|under| {
            under.near.iter().flat_map(move |sides| sides.iter().map(move |near| (&under.rule, &**near)))
        });
        near.chain(under).any(|(rule, near)| self.cells_reach_over(near, edge, rule))
    }

    fn cells_reach_over(&self, near: &[NearCell], edge: Edge, rule: &SlotRule) -> bool {
        let reach = i64::from(rule.max_gap_seconds) / i64::from(self.slot_length.seconds());
        let slots = i64::from(self.slot_length.per_day());
        let mut has_success = false;
        let mut reaches = |(slot, judged): &NearCell| {
            let slot = i64::from(*slot);
            let distance = if edge == Edge::Start { slot } else { slots - 1 - slot };
            has_success |= judged.has_success();
            judged.at_worst().is_failing(rule) && (distance <= reach || !has_success)
        };
        match edge {
            Edge::Start => near.iter().any(&mut reaches),
            Edge::End => near.iter().rev().any(&mut reaches),
        }
    }

    /// Returns the slots of a service that a longer timeline under a rule needs, in order of time.
    pub fn ticks(&self, service: &Scope, side: Side, rule: &SlotRule) -> impl Iterator<Item = Tick> {
        let under = self.near_under.iter().find(|under| under.rule == *rule);
        let cells = self.position(service).map(|at| match under {
            Some(under) => &*under.near[at][side as usize],
            None => self.scopes[at].near(side),
        });
        let (start_us, length) = (self.day.start_us(), self.slot_length);
        cells.unwrap_or_default().iter().map(move |(slot, judged)| Tick {
            start_us: start_us + i64::from(*slot) * length.us(),
            seconds: length.seconds().into(),
            judged: *judged,
        })
    }

    fn position(&self, scope: &Scope) -> Option<usize> {
        self.scopes.binary_search_by(|line| line.scope.cmp(scope)).ok()
    }

    /// Finds a scope; `None` if the day does not have it.
    pub fn scope(&self, scope: &Scope) -> Option<&ScopeOutline> {
        self.scopes.get(self.position(scope)?)
    }

    /// True if a slot may be down after overrides, alone or in a run over midnight.
    pub fn is_down(&self) -> bool {
        self.scopes.iter().any(|line| line.states(Side::Net).contains(&State::Down))
            || [Edge::Start, Edge::End].into_iter().any(|edge| self.reaches_over(edge))
    }

    pub fn to_table(&self) -> Table {
        let mut table = Table::new(&OUTLINE);
        for line in &self.scopes {
            let [gross, net] = &line.states;
            let ([events, events_net], [near, near_net]) = (&line.events, &line.near);
            table.push([
                Value::text(line.scope.kind.name()),
                Value::Text(line.scope.name.clone()),
                Value::Text(line.scope.region.clone()),
                Value::text(&letters(gross)),
                if gross == net { Value::Null } else { Value::text(&letters(net)) },
                Value::text(&numbers(events)),
                if events == events_net { Value::Null } else { Value::text(&numbers(events_net)) },
                if near.is_empty() { Value::Null } else { Value::text(&near_text(near)) },
                if near == near_net { Value::Null } else { Value::text(&near_text(near_net)) },
            ]);
        }
        table
    }

    /// Reads an outline that [`Outline::to_table`] stored, without the lines beside it.
    ///
    /// # Errors
    /// A value does not parse, a scope lacks slots, or scopes are not in order.
    pub fn from_table(day: Day, manifest: Manifest, table: &Table) -> Result<Self, String> {
        let slots = manifest.slot.per_day() as usize;
        let scopes = table.rows().map(|row| scope_outline(row, slots)).collect::<Result<Vec<_>, String>>()?;
        if !scopes.is_sorted_by(|a, b| a.scope < b.scope) {
            return Err("scopes are not in order, or one is there twice".to_owned());
        }
        Ok(Self {
            day,
            number: manifest.edition,
            as_of: manifest.as_of,
            job_version: manifest.job_version,
            state: manifest.state,
            definition: manifest.definition,
            policy: manifest.policy_fingerprint,
            overrides: manifest.overrides,
            slot_length: manifest.slot,
            scopes,
            near_under: Vec::new(),
            frozen: None,
            noted: BTreeMap::new(),
            bad: Vec::new(),
            instants: Vec::new(),
            callers: Vec::new(),
            is_stand_in: false,
        })
    }
}

fn scope_outline(row: Row<'_>, slots: usize) -> Result<ScopeOutline, String> {
    let kind = row.text("scope_kind")?.parse()?;
    let scope = Scope::new(kind, row.text("scope")?, row.text("region")?);
    let gross = states(row.text("states_gross")?, slots)?;
    let net = match row.optional_text("states_net")? {
        Some(text) => states(text, slots)?,
        None => Arc::clone(&gross),
    };
    let events = counts(row.text("events_gross")?)?;
    let events = [events, row.optional_text("events_net")?.map_or(Ok(events), counts)?];
    let near = row.optional_text("near_gross")?.map_or_else(|| Ok([].into()), near_of_text)?;
    let near_net = row.optional_text("near_net")?.map_or_else(|| Ok(Arc::clone(&near)), near_of_text)?;
    Ok(ScopeOutline { scope, states: [gross, net], events, near: [near, near_net] })
}

/// Writes the states as one letter for each slot.
fn letters(states: &[State]) -> String {
    states.iter().map(|state| state.letter()).collect()
}

fn states(text: &str, slots: usize) -> Result<Arc<[State]>, String> {
    let states: Arc<[State]> = text
        .chars()
        .map(|letter| State::of_letter(letter).ok_or_else(|| format!("`{letter}` is no slot state")))
        .collect::<Result<_, String>>()?;
    if states.len() == slots { Ok(states) } else { Err(format!("{} slots, not {slots}", states.len())) }
}

fn numbers(events: &Counts) -> String {
    // Groups that an older version does not know are left out if they have no events.
    let stored = Group::ALL.into_iter().filter(|group| *group != Group::Unknown || events.of(*group) != 0);
    stored.map(|group| events.of(group).to_string()).collect::<Vec<_>>().join(" ")
}

fn counts(text: &str) -> Result<Counts, String> {
    let number = |text: &str| text.parse().map_err(|e| format!("`{text}`: {e}"));
    let numbers = text.split(' ').map(number).collect::<Result<Vec<i64>, String>>()?;
    let mut events = Counts::default();
    for (group, number) in Group::ALL.into_iter().zip(Group::of_stored(&numbers)?) {
        events.add(group, number);
    }
    Ok(events)
}
