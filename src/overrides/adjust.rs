//! Adjusting: accepted rows become entries that take from one account what they give to another.

use std::collections::BTreeSet;

use polars::prelude::{PolarsResult, polars_err};

use super::row::Row;
use super::select::Movable;
use crate::policy::{Line, Postings};

/// What one row moved on one day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Moved {
    pub id: String,
    pub events: i64,
    /// The slots it touched; sorted, as are services and regions.
    pub slots: Vec<u32>,
    pub services: Vec<String>,
    pub regions: Vec<String>,
}

/// Applies accepted rows to the original postings of a day, in the given order: entry `n` is the row `n - 1`. A posting that
/// a row before has moved stays with that one. The second result runs parallel to `rows`.
pub fn adjust(postings: &Postings, rows: &[Row]) -> PolarsResult<(Postings, Vec<Moved>)> {
    let mut movable = Movable::new(postings)?;
    let (mut entries, mut moved) = (Vec::new(), Vec::with_capacity(rows.len()));
    for (number, row) in rows.iter().enumerate() {
        let to = row.target().ok_or_else(
            || polars_err!(ComputeError: "override `{}` moves to `{}`, which is no account", row.id, row.to),
        )?;
        let mut lines = movable.selected(row);
        lines.retain(|at| movable.holder(*at).is_none());
        movable.take(&lines, number);
        let lines: Vec<Line> = lines.into_iter().map(|at| *movable.line(at)).collect();
        for line in &lines {
            let entry = number as u32 + 1;
            entries.push(Line { entry, events: -line.events, ..*line });
            entries.push(Line { entry, account: to, ..*line });
        }
        moved.push(tell(row, &lines, postings));
    }
    Ok((postings.adjusted(&entries)?, moved))
}

fn tell(row: &Row, lines: &[Line], postings: &Postings) -> Moved {
    let kinds = postings.facts().kinds();
    let slots: BTreeSet<u32> = lines.iter().map(|line| line.slot).collect();
    let used: BTreeSet<u32> = lines.iter().map(|line| line.kind).collect();
    let names = |of: fn(&crate::intake::Kind) -> &String| {
        let names: BTreeSet<&String> = used.iter().map(|kind| of(&kinds[*kind as usize])).collect();
        names.into_iter().cloned().collect()
    };
    Moved {
        id: row.id.clone(),
        events: lines.iter().map(|line| line.events).sum(),
        slots: slots.into_iter().collect(),
        services: names(|kind| &kind.service),
        regions: names(|kind| &kind.region),
    }
}
