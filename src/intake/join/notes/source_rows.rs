//! Source rows: counts the rows of each source by hour, without copies within the source.

use std::collections::BTreeMap;

use crate::day::SlotLength;
use crate::facts::SourceRows;
use crate::intake::join::correlate::carried::Carried;
use crate::intake::join::dedupe::surplus::Surplus;
use crate::intake::join::merge::{Merged, MergedFact};
use crate::intake::records::numbers::{DayFact, OUTSIDE};

/// Returns the rows of each source by hour; `merged.events` still counts all copies.
pub fn source_rows(
    merged: &Merged,
    surplus: &Surplus,
    carried: &Carried,
    length: SlotLength,
) -> Vec<SourceRows> {
    let per_hour = (3_600 / length.seconds()).max(1);
    let mut hours: BTreeMap<(&str, u8), [i64; 2]> = BTreeMap::new();
    for (at, (MergedFact { slot, kind, .. }, events)) in
        merged.facts.iter().zip(&merged.events).enumerate().skip(OUTSIDE as usize)
    {
        let fact = DayFact(at as u32);
        let copies = surplus.events.get(&fact).copied().unwrap_or(0);
        let of_others = surplus.crossed.get(&fact).copied().unwrap_or(0);
        let kind = merged.kind(*kind);
        let rows = events - copies + of_others;
        let hour = hours.entry((kind.source.as_str(), (slot / per_hour) as u8)).or_default();
        hour[0] += rows;
        hour[1] += if kind.is_plainly_good() || !kind.scope.is_empty() { 0 } else { rows };
    }
    for ((kind, slot), rows) in &carried.rows {
        let source = merged.kind(*kind).source.as_str();
        hours.entry((source, (slot / per_hour) as u8)).or_default()[0] += i64::from(*rows);
    }
    for ((kind, slot), rows) in &carried.failing {
        let source = merged.kind(*kind).source.as_str();
        hours.entry((source, (slot / per_hour) as u8)).or_default()[1] += i64::from(*rows);
    }
    let rows = |((source, hour), [rows, failing]): ((&str, u8), [i64; 2])| SourceRows {
        source: source.to_owned(),
        hour,
        rows: rows.max(0).cast_unsigned(),
        failing: failing.max(0).cast_unsigned(),
    };
    hours.into_iter().map(rows).filter(|hour| hour.rows > 0).collect()
}
