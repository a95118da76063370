//! Slots as a table of the ledger, there and back without loss.

mod reader;

use std::sync::Arc;

use super::scope_slots::GapRun;
use super::{ScopeKind, SideSlots, Slots, State};
use crate::day::{Day, SlotLength};
use crate::policy::Group;
use crate::table::ColumnKind::{Integer, Text};
use crate::table::{Cells, ColumnSpec, Spec, Table};

pub use reader::SlotsReader;

/// The ledger's table of slots: dense, scope by scope.
pub static SLOTS: Spec = Spec {
    name: "slots",
    row: "slot of a scope",
    columns: &[
        ColumnSpec::new("scope_kind", Text, "component or service"),
        ColumnSpec::new("scope", Text, "its name"),
        ColumnSpec::new("region", Text, "region, or * for all"),
        ColumnSpec::new("slot", Integer, "from 0"),
        ColumnSpec::new("state_gross", Text, ""),
        ColumnSpec::new("state_net", Text, ""),
        ColumnSpec::new("good_gross", Integer, ""),
        ColumnSpec::new("bad_gross", Integer, ""),
        ColumnSpec::new("user_gross", Integer, ""),
        ColumnSpec::new("excluded_gross", Integer, ""),
        ColumnSpec::new("pending_gross", Integer, ""),
        ColumnSpec::new("suspense_gross", Integer, ""),
        ColumnSpec::new("good_net", Integer, ""),
        ColumnSpec::new("bad_net", Integer, ""),
        ColumnSpec::new("user_net", Integer, ""),
        ColumnSpec::new("excluded_net", Integer, ""),
        ColumnSpec::new("pending_net", Integer, ""),
        ColumnSpec::new("suspense_net", Integer, ""),
        ColumnSpec::late("unknown_gross", Integer),
        ColumnSpec::late("unknown_net", Integer),
        // In a gap of the logs, the events that the verdict rests on.
        ColumnSpec::late("judged_gross", Text),
        ColumnSpec::late("judged_net", Text),
    ],
};

/// The columns of a group, gross and net.
const fn columns(group: Group) -> [&'static str; 2] {
    match group {
        Group::Good => ["good_gross", "good_net"],
        Group::Bad => ["bad_gross", "bad_net"],
        Group::User => ["user_gross", "user_net"],
        Group::Excluded => ["excluded_gross", "excluded_net"],
        Group::Pending => ["pending_gross", "pending_net"],
        Group::Suspense => ["suspense_gross", "suspense_net"],
        Group::Unknown => ["unknown_gross", "unknown_net"],
    }
}

/// Groups that every version stores; the columns of others are late, and null where nothing is.
const FIRST: [Group; 6] =
    [Group::Good, Group::Bad, Group::User, Group::Excluded, Group::Pending, Group::Suspense];

impl Slots {
    /// Returns the slots as a table, scope by scope.
    pub fn to_table(&self) -> Table {
        Table::of_cells(&SLOTS, Arc::new(SlotCells::of(self)))
    }

    /// Reads the slots that [`Slots::to_table`] stored.
    ///
    /// # Errors
    /// The reason, if the table is not dense or not in order.
    pub fn from_table(day: Day, length: SlotLength, table: &Table) -> Result<Self, String> {
        let mut reader = SlotsReader::new(day, length);
        reader.add(table)?;
        reader.finish()
    }
}

/// The values of a column of [`SLOTS`].
#[derive(Debug, Clone, Copy)]
enum SlotColumn {
    Kind,
    Name,
    Region,
    Slot,
    State { side: usize },
    Events { group: Group, side: usize },
    Judged { side: usize },
}

impl SlotColumn {
    fn of(name: &str) -> Self {
        let of_group =
            |group: &Group| Some((*group, columns(*group).iter().position(|known| *known == name)?));
        match name {
            "scope_kind" => Self::Kind,
            "scope" => Self::Name,
            "region" => Self::Region,
            "slot" => Self::Slot,
            "state_gross" => Self::State { side: 0 },
            "state_net" => Self::State { side: 1 },
            "judged_gross" => Self::Judged { side: 0 },
            "judged_net" => Self::Judged { side: 1 },
            _ => match Group::ALL.iter().find_map(of_group) {
                Some((group, side)) => Self::Events { group, side },
                None => unreachable!("the columns of slots are kinds of values, and `{name}` is none"),
            },
        }
    }
}

/// The table of the slots of a day, whose values are computed when they are read.
#[derive(Debug)]
struct SlotCells {
    slots: Slots,
    per_day: usize,
    columns: Vec<SlotColumn>,
    kinds: [Arc<str>; 2],
    /// Names of states, by state.
    states: [Arc<str>; State::ALL.len()],
    /// Judged events of each scope in gaps, by position, gross and net.
    judged: Vec<Vec<[Arc<str>; 2]>>,
}

impl SlotCells {
    fn of(slots: &Slots) -> Self {
        let texts = |run: &GapRun| run.judged.map(|judged| judged.to_string().into());
        Self {
            slots: slots.clone(),
            per_day: slots.length.per_day() as usize,
            columns: SLOTS.columns.iter().map(|column| SlotColumn::of(column.name)).collect(),
            kinds: [ScopeKind::Component, ScopeKind::Service].map(|kind| kind.name().into()),
            states: state_names(),
            judged: slots.by_scope.iter().map(|scope| scope.in_gaps().iter().map(texts).collect()).collect(),
        }
    }

    fn side(&self, scope: usize, side: usize) -> &SideSlots {
        &self.slots.by_scope[scope].sides()[side]
    }
}

/// Returns the names of states, by the number of the state.
pub fn state_names() -> [Arc<str>; State::ALL.len()] {
    let mut states = State::ALL;
    states.sort_unstable();
    states.map(|state| state.name().into())
}

impl Cells for SlotCells {
    fn rows(&self) -> usize {
        self.slots.scopes.len() * self.per_day
    }

    fn text(&self, column: usize, row: usize) -> Option<&Arc<str>> {
        let (at, slot) = (row / self.per_day, row % self.per_day);
        let scope = &self.slots.scopes[at];
        match self.columns[column] {
            SlotColumn::Kind => Some(&self.kinds[scope.kind as usize]),
            SlotColumn::Name => Some(&scope.name),
            SlotColumn::Region => Some(&scope.region),
            SlotColumn::State { side } => Some(&self.states[self.side(at, side).states()[slot] as usize]),
            SlotColumn::Judged { side } => {
                let run = self.slots.by_scope[at].gap_at(slot as u32)?;
                Some(&self.judged[at][run][side])
            }
            SlotColumn::Slot | SlotColumn::Events { .. } => None,
        }
    }

    fn number(&self, column: usize, row: usize) -> Option<i64> {
        let (at, slot) = (row / self.per_day, row % self.per_day);
        match self.columns[column] {
            SlotColumn::Slot => Some(slot as i64),
            SlotColumn::Events { group, side } => {
                let events = self.side(at, side).events_at(slot as u32).map_or(0, |events| events.of(group));
                (FIRST.contains(&group) || events != 0).then_some(events)
            }
            _ => None,
        }
    }

    fn is_blank(&self, column: usize) -> bool {
        let mut scopes = self.slots.by_scope.iter();
        match self.columns[column] {
            SlotColumn::Events { group, side } => {
                scopes.all(|scope| scope.sides()[side].events().iter().all(|slot| slot.events.of(group) == 0))
            }
            SlotColumn::Judged { .. } => scopes.all(|scope| scope.in_gaps().is_empty()),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SlotRule;
    use crate::slots::scope_slots::ScopeSlots;
    use crate::slots::{CountedSlot, Counts, Scope, Side};
    use crate::table::Value;

    #[test]
    fn gross_and_net_come_back_apart() {
        let length = SlotLength::Minutes5;
        let scope = Scope::new(ScopeKind::Service, "messages", "*");
        let side = |group| {
            let mut events = Counts::default();
            events.add(group, 12);
            events.add(Group::Unknown, 3);
            let slots = 0..length.per_day();
            let states = vec![State::of(&events, &SlotRule::default()); slots.len()];
            SideSlots::new(states, slots.map(|slot| CountedSlot { slot, events }))
        };
        let (gross, net) = (side(Group::Bad), side(Group::User));
        let day = Day::new(chrono::NaiveDate::default());
        let of_scope = ScopeSlots::new([gross.clone(), net.clone()], Vec::new());
        let slots = Slots::assemble(day, length, vec![(scope, of_scope)]).unwrap();
        let back = Slots::from_table(day, length, &slots.to_table()).unwrap();
        assert_eq!(back, slots);
        assert_eq!([back.book(0, Side::Gross), back.book(0, Side::Net)], [&gross, &net]);
        let states = Side::ALL.map(|book| back.book(0, book).tally(0).state);
        assert_eq!(states, [State::Down, State::Up]);
    }

    #[test]
    fn a_table_with_a_hole_is_refused() {
        let mut table = Table::new(&SLOTS);
        let counts = std::iter::repeat_n(Value::Integer(0), 12);
        let head = ["service", "messages", "*"].map(Value::text).into_iter().chain([Value::Integer(1)]);
        let states = ["up", "up"].map(Value::text);
        table.extend(head.chain(states).chain(counts).chain([
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
        ]));
        let day = Day::new(chrono::NaiveDate::default());
        let told = Slots::from_table(day, SlotLength::Minute, &table).unwrap_err();
        assert_eq!(told, "row 1 should hold slot 0");
    }
}
