//! The outline of an edition: slot states and sums of events, which figures are drawn from.
//!
//! An edition keeps it next to its slots, so that a year can be measured without reading every cell
//! of every day.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::manifest::Manifest;
use crate::day::{Day, SlotLength};
use crate::ledger::{Applied, BadLine, DayState, DefinitionSettings, Edition};
use crate::policy::Group;
use crate::slots::{Counts, Scope, Side, State};
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
    /// Sorted by slot; filled only for days that a run of down slots can touch.
    pub bad: Vec<BadLine>,
}

/// One scope of a day; arrays are `[gross, net]`.
#[derive(Debug, Clone, PartialEq)]
pub struct ScopeOutline {
    pub scope: Scope,
    /// One state for each slot, in order of time.
    states: [Arc<[State]>; 2],
    events: [Counts; 2],
    /// Number of slots in each of [`State::ALL`].
    slots: [[i64; State::ALL.len()]; 2],
}

impl ScopeOutline {
    fn new(scope: Scope, states: [Arc<[State]>; 2], events: [Counts; 2]) -> Self {
        let count = |states: &[State], state| states.iter().filter(|s| **s == state).count() as i64;
        let slots = [0, 1].map(|book: usize| State::ALL.map(|state| count(&states[book], state)));
        Self { scope, states, events, slots }
    }

    /// Counts the slots in a state.
    pub fn slots(&self, book: Side, state: State) -> i64 {
        State::ALL.into_iter().zip(self.slots[book as usize]).find(|(s, _)| *s == state).map_or(0, |(_, n)| n)
    }

    pub fn states(&self, book: Side) -> &[State] {
        &self.states[book as usize]
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
        let scope = |(at, scope): (usize, &Scope)| {
            let sum = |book| {
                let mut events = Counts::default();
                slots.book(at, book).iter().for_each(|tally| events.merge(&tally.events));
                events
            };
            let states = Side::ALL.map(|book| slots.book(at, book).iter().map(|t| t.state).collect());
            ScopeOutline::new(scope.clone(), states, Side::ALL.map(sum))
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
            bad: edition.bad.clone(),
        }
    }

    /// Finds a scope; `None` if the day does not have it.
    pub fn scope(&self, scope: &Scope) -> Option<&ScopeOutline> {
        let at = self.scopes.binary_search_by(|line| line.scope.cmp(scope)).ok()?;
        self.scopes.get(at)
    }

    /// True if a slot is down after overrides.
    pub fn is_down(&self) -> bool {
        self.scopes.iter().any(|line| line.slots(Side::Net, State::Down) > 0)
    }

    pub fn to_table(&self) -> Table {
        let mut table = Table::new(&OUTLINE);
        for line in &self.scopes {
            let [gross, net] = &line.states;
            let [events, events_net] = &line.events;
            table.push([
                Value::text(line.scope.kind.name()),
                Value::Text(line.scope.name.clone()),
                Value::Text(line.scope.region.clone()),
                Value::text(&letters(gross)),
                if gross == net { Value::Null } else { Value::text(&letters(net)) },
                Value::text(&numbers(events)),
                if events == events_net { Value::Null } else { Value::text(&numbers(events_net)) },
            ]);
        }
        table
    }

    /// Reads an outline that [`Outline::to_table`] stored, without bad lines.
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
            bad: Vec::new(),
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
    Ok(ScopeOutline::new(scope, [gross, net], events))
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
