//! Repairing: rebuilds what the ledger can lose without loss, and draws the reports of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::draw;
use crate::clock::{Clock, ClockSource};
use crate::day::Day;
use crate::error::Trouble;
use crate::ledger::{self, Entry, FrozenDay, Ledger, Writer};
use crate::queries::seals;

/// Rebuilds the damaged files of a ledger that follow from others, and returns their paths.
///
/// # Errors
/// The journal is damaged, another run holds the ledger, or the reports could not be drawn.
pub fn repair(
    reports: &Path,
    clock: Clock,
    source: ClockSource,
    workers: usize,
) -> anyhow::Result<Vec<PathBuf>> {
    let mut rebuilt: Vec<PathBuf> = ledger::repair_head(reports)?.into_iter().collect();
    let mut ledger = Writer::open(reports, clock, source)?;
    let clock = ledger.steady(clock);
    rebuilt.extend(ledger.repair(clock)?);
    for day in ledger.damaged_tables()? {
        for table in tables(&ledger, day)? {
            let path = ledger.repair_table(&table)?;
            if path.is_some() {
                rebuilt.extend(path);
                break;
            }
        }
    }
    if let Some(settings) = ledger.record().settings.clone().filter(|_| !ledger.days().is_empty()) {
        draw::draw(&ledger, reports, &BTreeSet::new(), &settings, None, workers)?;
    }
    Ok(rebuilt)
}

/// Measures a sealed day as its seal may have left it: before the line that names its figures, or
/// before the first of the lines that sealed days in that run.
fn tables(ledger: &Ledger, day: Day) -> Result<Vec<FrozenDay>, Trouble> {
    let is_of_day = |entry: &Entry| match entry {
        Entry::Sealed { day: sealed, .. } => *sealed == day,
        Entry::Frozen { days } => days.iter().any(|frozen| frozen.day == day),
        _ => false,
    };
    let lines: Vec<_> = ledger.lines().collect();
    let Some(at) = lines.iter().rposition(|line| is_of_day(&line.entry)) else { return Ok(Vec::new()) };
    let is_seal = |entry: &Entry| matches!(entry, Entry::Sealed { .. });
    let first = (0..at).rev().take_while(|before| is_seal(&lines[*before].entry)).last().unwrap_or(at);
    let of_run = lines[first..=at].iter().filter_map(|line| match &line.entry {
        Entry::Sealed { day, .. } => Some(*day),
        _ => None,
    });
    let sealed: BTreeSet<Day> = of_run.collect();
    let mut found = Vec::new();
    for (seq, days) in [(lines[at].seq, BTreeSet::from([day])), (lines[first].seq, sealed)] {
        let then = ledger.clone().cut(seq - 1);
        let is_older = then.record().days.get(&day).is_some_and(|record| record.sealed.is_some());
        let measured = if is_older { seals::of_older_seals(&then) } else { seals::frozen(&then, &days) };
        match measured {
            Ok(measured) => found.extend(measured.into_iter().filter(|table| table.day == day)),
            Err(error) => match error.downcast::<Trouble>() {
                Ok(trouble) if trouble.stops_all() => return Err(trouble),
                _ => {}
            },
        }
    }
    Ok(found)
}
