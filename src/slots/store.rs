//! Slots as a table of the ledger, there and back without loss.

use std::collections::BTreeMap;

use super::{Counts, Judged, Scope, SlotTally, Slots, State};
use crate::day::{Day, SlotLength};
use crate::policy::Group;
use crate::table::ColumnKind::{Integer, Text};
use crate::table::{ColumnSpec, Spec, Table, Value};

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
        let mut table = Table::with_room(&SLOTS, self.scopes.len() * self.length.per_day() as usize);
        let names = State::ALL.map(|state| (state, Value::text(state.name())));
        let name = |state: State| {
            names.iter().find(|(known, _)| *known == state).map_or(Value::Null, |(_, name)| name.clone())
        };
        for scope in &self.scopes {
            let kind = Value::text(scope.kind.name());
            let ours = self.in_gaps.range((scope.clone(), 0)..=(scope.clone(), u32::MAX));
            let in_gaps: BTreeMap<i64, [Judged; 2]> =
                ours.map(|((_, slot), sides)| (i64::from(*slot), *sides)).collect();
            for (slot, cell) in (0_i64..).zip(self.cells(scope)) {
                let head = [
                    kind.clone(),
                    Value::Text(scope.name.clone()),
                    Value::Text(scope.region.clone()),
                    Value::Integer(slot),
                    name(cell.gross.state),
                    name(cell.net.state),
                ];
                let counts = [cell.gross.events, cell.net.events];
                let first = counts.into_iter().flat_map(|c| FIRST.map(|g| Value::Integer(c.of(g))));
                let unknown = counts.map(|c| Some(c.of(Group::Unknown)).filter(|events| *events != 0));
                let late = unknown.map(|events| Value::or_null(events, Value::Integer));
                let in_gap = in_gaps.get(&slot).map_or([None; 2], |sides| sides.map(Some));
                let in_gap = in_gap.map(|judged| Value::or_null(judged, |j| Value::text(&j.to_string())));
                table.extend(head.into_iter().chain(first).chain(late).chain(in_gap));
            }
        }
        table
    }

    /// Reads the slots that [`Slots::to_table`] stored.
    ///
    /// # Errors
    /// The reason, if the table is not dense or not in order.
    pub fn from_table(day: Day, length: SlotLength, table: &Table) -> Result<Self, String> {
        let numbers = table.numbers("slot")?;
        let [kinds, names, regions] = ["scope_kind", "scope", "region"].map(|name| table.texts(name));
        let (kinds, names, regions) = (kinds?, names?, regions?);
        let mut scopes: Vec<Scope> = Vec::new();
        for at in 0..table.len() {
            let slot = at as i64 % i64::from(length.per_day());
            if numbers.at(at)? != slot {
                return Err(format!("row {} should hold slot {slot}", at + 1));
            }
            let scope = [kinds.at(at)?, names.at(at)?, regions.at(at)?];
            match scopes.last() {
                Some(last) if slot > 0 => {
                    if [last.kind.name(), &last.name, &last.region] != scope.map(|part| &**part) {
                        return Err(format!("{last} ends at slot {slot}"));
                    }
                }
                _ => scopes.push(Scope {
                    kind: scope[0].parse()?,
                    name: scope[1].clone(),
                    region: scope[2].clone(),
                }),
            }
        }
        let gross = tallies(table, "state_gross", 0)?;
        let net = tallies(table, "state_net", 1)?;
        let in_gaps = in_gaps(table, &scopes, length)?;
        Ok(Self::assemble(day, length, scopes, gross, net)?.with_gaps(in_gaps))
    }
}

/// Returns one side, row by row.
fn tallies(table: &Table, state: &str, side: usize) -> Result<Vec<SlotTally>, String> {
    let states = table.texts(state)?;
    let mut tallies = Vec::with_capacity(table.len());
    for at in 0..table.len() {
        tallies.push(SlotTally { events: Counts::default(), state: states.at(at)?.parse::<State>()? });
    }
    for group in Group::ALL {
        let numbers = table.numbers(columns(group)[side])?;
        for (at, tally) in tallies.iter_mut().enumerate() {
            let events =
                if FIRST.contains(&group) { numbers.at(at)? } else { numbers.optional(at).unwrap_or(0) };
            tally.events.add(group, events);
        }
    }
    Ok(tallies)
}

/// Returns the judged events of slots in gaps.
fn in_gaps(
    table: &Table,
    scopes: &[Scope],
    length: SlotLength,
) -> Result<BTreeMap<(Scope, u32), [Judged; 2]>, String> {
    let (gross, net) = (table.texts("judged_gross")?, table.texts("judged_net")?);
    let per_day = length.per_day() as usize;
    let mut in_gaps = BTreeMap::new();
    for at in 0..table.len() {
        if let Some((gross, net)) = gross.optional(at).zip(net.optional(at)) {
            let slot = ((at % per_day) as u32, [gross.parse()?, net.parse()?]);
            in_gaps.insert((scopes[at / per_day].clone(), slot.0), slot.1);
        }
    }
    Ok(in_gaps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SlotRule;
    use crate::slots::{ScopeKind, Side};

    #[test]
    fn gross_and_net_come_back_apart() {
        let length = SlotLength::Minutes5;
        let scope = Scope::new(ScopeKind::Service, "messages", "*");
        let tally = |group| {
            let mut events = Counts::default();
            events.add(group, 12);
            events.add(Group::Unknown, 3);
            vec![SlotTally::alone(events, &SlotRule::default()); length.per_day() as usize]
        };
        let (gross, net) = (tally(Group::Bad), tally(Group::User));
        let day = Day::new(chrono::NaiveDate::default());
        let slots = Slots::assemble(day, length, vec![scope], gross.clone(), net.clone()).unwrap();
        let back = Slots::from_table(day, length, &slots.to_table()).unwrap();
        assert_eq!(back, slots);
        assert_eq!([back.book(0, Side::Gross), back.book(0, Side::Net)], [gross, net]);
        let states = Side::ALL.map(|book| back.book(0, book)[0].state);
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
