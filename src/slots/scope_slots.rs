//! The slots of one scope: a state for each slot, and events only where there are any.
//!
//! A slot without events takes one byte, and a slot with events 65; sides that are the same are
//! stored once. An array of events over all slots would take 92 kB for a day of minutes, and a log
//! can name hundreds of pairs of a service and a region that have a single event each.

use std::sync::Arc;

use super::{Counts, Judged, SlotTally, State};

/// The events of one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountedSlot {
    pub slot: u32,
    pub events: Counts,
}

/// The slots of one scope on one side, before or after adjusting entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SideSlots {
    states: Arc<[State]>,
    /// By slot; slots without events are left out.
    events: Arc<[CountedSlot]>,
}

impl SideSlots {
    /// Creates a side from the state of every slot, and the events by slot.
    pub(super) fn new(states: Vec<State>, events: impl IntoIterator<Item = CountedSlot>) -> Self {
        let has_events = |slot: &CountedSlot| slot.events != Counts::default();
        Self { states: states.into(), events: events.into_iter().filter(has_events).collect() }
    }

    /// Adds services to their component: events add up, the worst state wins.
    pub(super) fn joined<'s>(services: impl Iterator<Item = &'s Self>, per_day: usize) -> Self {
        let mut states = vec![State::default(); per_day];
        let mut sums = vec![Counts::default(); per_day];
        for service in services {
            for (state, theirs) in states.iter_mut().zip(&*service.states) {
                *state = (*state).max(*theirs);
            }
            for CountedSlot { slot, events } in &*service.events {
                sums[*slot as usize].merge(events);
            }
        }
        Self::new(states, (0..).zip(sums).map(|(slot, events)| CountedSlot { slot, events }))
    }

    /// Returns the state of every slot, in order of time.
    pub const fn states(&self) -> &Arc<[State]> {
        &self.states
    }

    /// Returns the events of the slots that have any, in order of time.
    pub fn events(&self) -> &[CountedSlot] {
        &self.events
    }

    /// Returns the events of the whole day.
    pub fn sum(&self) -> Counts {
        let mut sum = Counts::default();
        self.events.iter().for_each(|slot| sum.merge(&slot.events));
        sum
    }

    /// Returns events and state of one slot; a slot outside the day is unobserved.
    pub fn tally(&self, slot: u32) -> SlotTally {
        let state = self.states.get(slot as usize).copied().unwrap_or_default();
        SlotTally { events: self.events_at(slot).copied().unwrap_or_default(), state }
    }

    /// Returns events and state of every slot, in order of time.
    pub fn tallies(&self) -> impl Iterator<Item = SlotTally> + '_ {
        let mut events = self.events.iter().peekable();
        (0..).zip(&*self.states).map(move |(slot, state)| {
            let here = events.next_if(|events| events.slot == slot);
            SlotTally { events: here.map(|here| here.events).unwrap_or_default(), state: *state }
        })
    }

    /// Returns the events of one slot; `None` without any.
    pub fn events_at(&self, slot: u32) -> Option<&Counts> {
        position(&self.events, slot, |events| events.slot).map(|at| &self.events[at].events)
    }

    /// Takes over states, as far as there are any.
    fn restated(&self, states: &[State]) -> Self {
        let rest = self.states.iter().skip(states.len());
        let states = states.iter().chain(rest).take(self.states.len()).copied().collect();
        Self { states, events: Arc::clone(&self.events) }
    }

    /// True if both are stored once, as they are if no override moves an event of the scope.
    fn is_one_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.states, &other.states) && Arc::ptr_eq(&self.events, &other.events)
    }
}

/// Returns the position of a slot in a list that ascends by slot.
///
/// If every slot of the day is in the list, its number is the position: that is looked at first,
/// because most days of most scopes are such.
pub(super) fn position<T>(list: &[T], slot: u32, slot_of: impl Fn(&T) -> u32) -> Option<usize> {
    if list.get(slot as usize).is_some_and(|item| slot_of(item) == slot) {
        return Some(slot as usize);
    }
    list.binary_search_by_key(&slot, slot_of).ok()
}

/// Consecutive slots in a gap that have the same judged events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GapRun {
    pub start_slot: u32,
    pub end_slot: u32,
    /// Gross and net.
    pub judged: [Judged; 2],
}

impl GapRun {
    /// Adds a slot behind the last of a list.
    pub fn add(runs: &mut Vec<Self>, slot: u32, judged: [Judged; 2]) {
        match runs.last_mut() {
            Some(last) if last.end_slot == slot && last.judged == judged => last.end_slot += 1,
            _ => runs.push(Self { start_slot: slot, end_slot: slot + 1, judged }),
        }
    }
}

/// All slots of one scope.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ScopeSlots {
    /// Gross and net; states and events that are the same on both share one allocation.
    sides: [SideSlots; 2],
    /// Judged events where a gap makes them others than the counts say, in order of time.
    in_gaps: Arc<[GapRun]>,
}

impl ScopeSlots {
    pub fn new([gross, mut net]: [SideSlots; 2], in_gaps: Vec<GapRun>) -> Self {
        if gross.states == net.states {
            net.states = Arc::clone(&gross.states);
        }
        if gross.events == net.events {
            net.events = Arc::clone(&gross.events);
        }
        Self { sides: [gross, net], in_gaps: in_gaps.into() }
    }

    /// Adds services to their component.
    pub fn joined(services: &[&Self], per_day: usize) -> Self {
        let side =
            |side: usize| SideSlots::joined(services.iter().map(|service| &service.sides[side]), per_day);
        let gross = side(0);
        // Adding up twice what is stored once would double the time of a day without overrides.
        let is_one = services.iter().all(|service| service.sides[0].is_one_with(&service.sides[1]));
        let net = if is_one { gross.clone() } else { side(1) };
        Self::new([gross, net], Vec::new())
    }

    pub const fn sides(&self) -> &[SideSlots; 2] {
        &self.sides
    }

    pub fn in_gaps(&self) -> &[GapRun] {
        &self.in_gaps
    }

    /// Returns the position of the run in [`ScopeSlots::in_gaps`] that has a slot.
    pub fn gap_at(&self, slot: u32) -> Option<usize> {
        let behind = self.in_gaps.partition_point(|run| run.end_slot <= slot);
        self.in_gaps.get(behind).filter(|run| run.start_slot <= slot).map(|_| behind)
    }

    /// Takes over the states of both sides.
    pub fn restated(&self, states: [&[State]; 2]) -> Self {
        let sides = [0, 1].map(|side| self.sides[side].restated(states[side]));
        Self { in_gaps: Arc::clone(&self.in_gaps), ..Self::new(sides, Vec::new()) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::config::SlotRule;
    use crate::day::{Day, SlotLength};
    use crate::policy::Group;
    use crate::slots::{Cell, SLOTS, Scope, ScopeKind, Side, Slots, SlotsReader};
    use crate::table::{Metadata, Table, TableReader, Value};

    const LENGTH: SlotLength = SlotLength::Minutes5;

    /// One scope with everything for every slot.
    #[derive(Debug, Clone, Default)]
    struct Dense {
        cells: Vec<Cell>,
        in_gaps: BTreeMap<u32, [Judged; 2]>,
    }

    impl Dense {
        fn side(&self, side: Side) -> Vec<SlotTally> {
            let of = |cell: &Cell| if side == Side::Gross { cell.gross } else { cell.net };
            self.cells.iter().map(of).collect()
        }

        fn judged(&self, side: Side, rule: &SlotRule) -> Vec<Judged> {
            let counted = |tally: &SlotTally| Judged::of(&tally.events, rule);
            let judged = (0..).zip(self.side(side)).map(|(slot, tally)| {
                self.in_gaps.get(&slot).map_or_else(|| counted(&tally), |sides| sides[side as usize])
            });
            judged.collect()
        }

        fn sparse(&self) -> ScopeSlots {
            let sides = Side::ALL.map(|side| {
                let tallies = self.side(side);
                let events =
                    (0..).zip(&tallies).map(|(slot, tally)| CountedSlot { slot, events: tally.events });
                SideSlots::new(tallies.iter().map(|tally| tally.state).collect(), events)
            });
            let mut in_gaps = Vec::new();
            self.in_gaps.iter().for_each(|(slot, judged)| GapRun::add(&mut in_gaps, *slot, *judged));
            ScopeSlots::new(sides, in_gaps)
        }

        fn table(scopes: &[(Scope, Self)]) -> Table {
            let mut table = Table::new(&SLOTS);
            for (scope, dense) in scopes {
                for (slot, cell) in (0..).zip(&dense.cells) {
                    let sides = [cell.gross, cell.net];
                    let counts = |side: &SlotTally| Group::ALL.map(|group| side.events.of(group));
                    let first = sides.iter().flat_map(|side| counts(side).into_iter().take(6));
                    let unknown = sides.map(|side| side.events.of(Group::Unknown));
                    let judged = dense.in_gaps.get(&slot).map_or([None; 2], |sides| sides.map(Some));
                    let head = [scope.kind.name(), &scope.name, &scope.region].map(Value::text);
                    let states = sides.map(|side| Value::text(side.state.name()));
                    let late = unknown.map(|n| if n == 0 { Value::Null } else { Value::Integer(n) });
                    let judged = judged.map(|j| Value::or_null(j, |j| Value::text(&j.to_string())));
                    let row = head.into_iter().chain([Value::Integer(slot.into())]).chain(states);
                    table.extend(row.chain(first.map(Value::Integer)).chain(late).chain(judged));
                }
            }
            table
        }
    }

    fn state() -> impl Strategy<Value = State> {
        prop::sample::select(State::ALL.to_vec())
    }

    /// The cells of some slots; the others have no events, or a state alone.
    fn dense() -> impl Strategy<Value = Dense> {
        let counts = prop::collection::vec((prop::sample::select(Group::ALL.to_vec()), 0..4_i64), 0..3);
        let cell = (counts, state(), state(), 0..4_i64).prop_map(|(events, gross, net, moved)| {
            let mut counts = Counts::default();
            for (group, events) in events {
                counts.add(group, events);
            }
            let mut adjusted = counts;
            if moved == 3 {
                adjusted.add(Group::Bad, -counts.bad());
                adjusted.add(Group::Excluded, counts.bad());
            }
            let net = SlotTally { events: adjusted, state: if moved > 1 { net } else { gross } };
            Cell { gross: SlotTally { events: counts, state: gross }, net }
        });
        let cell = cell.boxed();
        let all = LENGTH.per_day();
        let judged = (0..2_i64, 0..2_i64).prop_map(|(bad, lost)| {
            let judged =
                Judged { bad, lost_ppm: lost as u32 * 500_000, is_gap: lost == 0, ..Judged::default() };
            [judged, Judged { bad: 0, ..judged }]
        });
        let slots = prop_oneof![
            prop::collection::btree_map(0..all, cell.clone(), 0..12),
            prop::collection::vec(cell, all as usize).prop_map(|cells| (0..).zip(cells).collect()),
        ];
        (slots, prop::collection::btree_map(0..all, judged, 0..20)).prop_map(move |(slots, in_gaps)| {
            let cells = (0..all).map(|slot| slots.get(&slot).copied().unwrap_or_default()).collect();
            Dense { cells, in_gaps }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn sparse_slots_give_back_what_dense_ones_would(
            parts in prop::collection::vec(dense(), 0..4),
            states in prop::collection::vec(state(), LENGTH.per_day() as usize),
        ) {
            let (day, rule) = (Day::new(chrono::NaiveDate::default()), SlotRule::default());
            let name = |at: usize| Scope::new(ScopeKind::Service, "messages", &format!("r{at}"));
            let scopes: Vec<(Scope, Dense)> = parts.into_iter().enumerate().map(|(at, part)| (name(at), part)).collect();
            let sparse = scopes.iter().map(|(scope, dense)| (scope.clone(), dense.sparse())).collect();
            let mut slots = Slots::assemble(day, LENGTH, sparse).unwrap();
            for (at, (scope, dense)) in scopes.iter().enumerate() {
                prop_assert_eq!(slots.cells(scope).collect::<Vec<_>>(), &dense.cells[..]);
                for side in Side::ALL {
                    let (book, tallies, judged) = (slots.book(at, side), dense.side(side), dense.judged(side, &rule));
                    let mut sum = Counts::default();
                    for tally in &tallies {
                        sum.merge(&tally.events);
                    }
                    prop_assert_eq!(book.sum(), sum);
                    prop_assert_eq!(slots.judged(scope, side, &rule), &judged[..]);
                    for (slot, (tally, judged)) in (0..).zip(tallies.into_iter().zip(judged)) {
                        prop_assert_eq!(book.tally(slot), tally);
                        prop_assert_eq!(slots.judged_at(scope, side, slot, &rule), judged);
                    }
                }
            }

            // The table is the one of all rows, as a whole and in parts.
            let (table, dense) = (slots.to_table(), Dense::table(&scopes));
            prop_assert_eq!(&table, &dense);
            prop_assert_eq!(table.to_csv(), dense.to_csv());
            let bytes = table.to_parquet(&Metadata::default()).unwrap();
            prop_assert!(bytes == dense.to_parquet(&Metadata::default()).unwrap());
            prop_assert_eq!(Slots::from_table(day, LENGTH, &dense), Ok(slots.clone()));
            let mut stored = TableReader::open(&SLOTS, bytes::Bytes::from(bytes)).unwrap();
            let mut reader = SlotsReader::new(day, LENGTH);
            while let Some(batch) = stored.batch().unwrap() {
                reader.add(&batch).unwrap();
            }
            prop_assert_eq!(reader.finish(), Ok(slots.clone()));

            // Components add up slot by slot.
            let services: Vec<ScopeSlots> = scopes.iter().map(|(_, dense)| dense.sparse()).collect();
            let whole = ScopeSlots::joined(&services.iter().collect::<Vec<_>>(), LENGTH.per_day() as usize);
            for side in Side::ALL {
                let mut sums = vec![SlotTally::default(); LENGTH.per_day() as usize];
                for (_, dense) in &scopes {
                    for (sum, tally) in sums.iter_mut().zip(dense.side(side)) {
                        sum.events.merge(&tally.events);
                        sum.state = sum.state.max(tally.state);
                    }
                }
                prop_assert_eq!(whole.sides()[side as usize].tallies().collect::<Vec<_>>(), sums);
            }

            // New states leave the events.
            if let Some((scope, mut dense)) = scopes.first().cloned() {
                slots.restate(&[(scope.clone(), [states.clone().into(), states.clone().into()])]);
                for (cell, state) in dense.cells.iter_mut().zip(states) {
                    (cell.gross.state, cell.net.state) = (state, state);
                }
                prop_assert_eq!(slots.cells(&scope).collect::<Vec<_>>(), dense.cells);
            }
        }
    }
}
