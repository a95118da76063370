//! Caller lines: the active callers of each hour, service and region, over all workers.

use std::collections::BTreeMap;

use super::dedupe::surplus::Surplus;
use super::merge::{Merged, MergedFact};
use crate::day::SlotLength;
use crate::facts::{CallerLine, CallerSketch};
use crate::intake::counting::task_counts::{ActiveCell, TaskCounts};
use crate::intake::records::numbers::{DayFact, OUTSIDE};

/// Returns the caller lines of a day, sorted by hour, service and region.
///
/// `merged` still counts the copies that are in `surplus`.
pub fn caller_lines(
    counts: &[TaskCounts],
    merged: &Merged,
    surplus: &Surplus,
    length: SlotLength,
) -> Vec<CallerLine> {
    let mut lines: BTreeMap<(u32, &str, &str), CallerLine> = BTreeMap::new();
    let mut line = |hour, service, region, change: &mut dyn FnMut(&mut CallerLine)| {
        change(lines.entry((hour, service, region)).or_insert_with(|| CallerLine {
            hour,
            service: service.to_owned(),
            region: region.to_owned(),
            events: 0,
            named: 0,
            sketch: CallerSketch::default(),
        }));
    };
    for counts in counts {
        for ActiveCell { key: (hour, service, region), named, sketch } in &counts.active {
            let (service, region) =
                (counts.names.services.text(*service), counts.names.regions.text(*region));
            line(*hour, service, region, &mut |line| {
                line.named += named;
                line.sketch.merge(sketch);
            });
        }
    }
    let slots_per_hour = length.per_day() / 24;
    for (fact, events) in (0..).map(DayFact).zip(&merged.events).skip(OUTSIDE as usize) {
        let MergedFact { slot, kind, .. } = merged.fact(fact);
        let kind = merged.kind(kind);
        let lost = |of: &crate::facts::ids::Map<DayFact, i64>| of.get(&fact).copied().unwrap_or(0);
        line(slot / slots_per_hour, &kind.service, &kind.region, &mut |line| {
            line.events += events - lost(&surplus.events);
            line.named -= lost(&surplus.named);
        });
    }
    lines.into_values().filter(|line| line.events > 0).collect()
}
