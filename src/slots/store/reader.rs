//! Reading slots back from their table, part by part.

use std::sync::Arc;

use super::{FIRST, columns};
use crate::day::{Day, SlotLength};
use crate::policy::Group;
use crate::slots::scope_slots::{GapRun, ScopeSlots};
use crate::slots::{CountedSlot, Counts, Judged, Scope, SideSlots, Slots, State};
use crate::table::Table;

/// Slots that are read from their table, part by part.
pub struct SlotsReader {
    day: Day,
    length: SlotLength,
    rows: usize,
    scopes: Vec<(Scope, ScopeSlots)>,
    /// The slots that were read of the scope that is not complete.
    open: OpenScope,
}

#[derive(Default)]
struct OpenScope {
    scope: Option<Scope>,
    states: [Vec<State>; 2],
    events: [Vec<CountedSlot>; 2],
    in_gaps: Vec<GapRun>,
}

impl SlotsReader {
    pub fn new(day: Day, length: SlotLength) -> Self {
        Self { day, length, rows: 0, scopes: Vec::new(), open: OpenScope::default() }
    }

    /// Adds the rows of a part, which follow those of the part before it.
    ///
    /// # Errors
    /// The reason, if they are not dense or not in order.
    pub fn add(&mut self, part: &Table) -> Result<(), String> {
        let numbers = part.numbers("slot")?;
        let [kinds, names, regions] = ["scope_kind", "scope", "region"].map(|name| part.texts(name));
        let (kinds, names, regions) = (kinds?, names?, regions?);
        let states = [part.texts("state_gross")?, part.texts("state_net")?];
        let judged = [part.texts("judged_gross")?, part.texts("judged_net")?];
        let mut events = Vec::new();
        for group in Group::ALL {
            let [gross, net] = columns(group).map(|name| part.numbers(name));
            events.push((group, [gross?, net?]));
        }
        for at in 0..part.len() {
            let slot = (self.rows % self.length.per_day() as usize) as u32;
            if numbers.at(at)? != i64::from(slot) {
                return Err(format!("row {} should hold slot {slot}", self.rows + 1));
            }
            self.rows += 1;
            let scope = [kinds.at(at)?, names.at(at)?, regions.at(at)?];
            match &self.open.scope {
                Some(open) => {
                    if [open.kind.name(), &open.name, &open.region] != scope.map(|part| &**part) {
                        return Err(format!("{open} ends at slot {slot}"));
                    }
                }
                None => {
                    let [kind, name, region] = scope;
                    let (name, region) = (Arc::clone(name), Arc::clone(region));
                    self.open.scope = Some(Scope { kind: kind.parse()?, name, region });
                }
            }
            for (side, states) in states.iter().enumerate() {
                self.open.states[side].push(states.at(at)?.parse()?);
                let mut counts = Counts::default();
                for (group, sides) in &events {
                    let stored = &sides[side];
                    let is_late = !FIRST.contains(group);
                    counts
                        .add(*group, if is_late { stored.optional(at).unwrap_or(0) } else { stored.at(at)? });
                }
                if counts != Counts::default() {
                    self.open.events[side].push(CountedSlot { slot, events: counts });
                }
            }
            if let Some((gross, net)) = judged[0].optional(at).zip(judged[1].optional(at)) {
                let judged: [Judged; 2] = [gross.parse()?, net.parse()?];
                GapRun::add(&mut self.open.in_gaps, slot, judged);
            }
            if slot + 1 == self.length.per_day() {
                self.close();
            }
        }
        Ok(())
    }

    /// Completes the scope whose last slot was read.
    fn close(&mut self) {
        let OpenScope { scope, states, events, in_gaps } = std::mem::take(&mut self.open);
        let ([gross, net], [events, events_net]) = (states, events);
        let sides = [SideSlots::new(gross, events), SideSlots::new(net, events_net)];
        self.scopes.extend(scope.map(|scope| (scope, ScopeSlots::new(sides, in_gaps))));
    }

    /// Returns the slots behind the last part.
    ///
    /// # Errors
    /// The reason, if slots are missing, or scopes are not in order.
    pub fn finish(self) -> Result<Slots, String> {
        if let Some(open) = self.open.scope {
            let (read, all) = (self.rows % self.length.per_day() as usize, self.length.per_day());
            return Err(format!("{}: {open} has {read} of {all} slots", self.day));
        }
        Slots::assemble(self.day, self.length, self.scopes)
    }
}
