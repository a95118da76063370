//! Seals: the figures that are stored with the seals of days.

use std::collections::BTreeSet;

use super::reported::known_around;
use crate::day::Day;
use crate::ledger::{DayRecord, Entry, FrozenDay, Ledger};
use crate::measure;
use crate::slots::{Side, State};

/// Measures days that are about to be sealed.
///
/// # Errors
/// The ledger cannot be read.
pub fn frozen(ledger: &Ledger, days: &BTreeSet<Day>) -> anyhow::Result<Vec<FrozenDay>> {
    if days.is_empty() {
        return Ok(Vec::new());
    }
    // A day whose edition is damaged is not sealed; for its neighbours, what was noted stands in.
    let outlines = known_around(ledger, &ledger.standing(), days)?.outlines;
    let is_whole = |day: &Day| outlines.iter().any(|outline| outline.day == *day && !outline.is_stand_in);
    let days = days.iter().copied().filter(is_whole).collect();
    Ok(measure::freeze(&outlines, &days))
}

/// Measures the days that an older version has sealed without storing their figures.
///
/// They come out as that version showed them last. If it had noted other figures at the seal, as a
/// run over midnight has grown since, they are those of the seal.
///
/// # Errors
/// The ledger cannot be read.
pub fn of_older_seals(ledger: &Ledger) -> anyhow::Result<Vec<FrozenDay>> {
    let is_older = |(_, record): &(&Day, &DayRecord)| record.sealed.is_some() && record.frozen.is_none();
    let days: BTreeSet<Day> = ledger.record().days.iter().filter(is_older).map(|(day, _)| *day).collect();
    if days.is_empty() {
        return Ok(Vec::new());
    }
    let outlines = ledger.known_outlines(ledger.standing())?.outlines;
    let damaged = outlines.iter().filter(|outline| outline.is_stand_in).map(|outline| outline.day);
    let damaged: BTreeSet<Day> = damaged.collect();
    let days: BTreeSet<Day> = days.difference(&damaged).copied().collect();
    let mut tables = measure::freeze(&outlines, &days);
    for table in tables.iter_mut().filter(|table| !has_slots_as_noted(table)) {
        let is_seal = |entry: &Entry| matches!(entry, Entry::Sealed { day, .. } if *day == table.day);
        let Some(line) = ledger.lines().find(|line| is_seal(&line.entry)) else { continue };
        let then = ledger.clone().cut(line.seq - 1);
        let at_seal = frozen(&then, &BTreeSet::from([table.day]))?.pop();
        if let Some(at_seal) = at_seal.filter(|then| then.edition == table.edition && agree(then, table)) {
            *table = at_seal;
        }
    }
    Ok(tables)
}

/// Returns whether the noted figures of a day are those of its slots.
fn has_slots_as_noted(table: &FrozenDay) -> bool {
    table.scopes.iter().all(|line| {
        let states = &line.states[Side::Net as usize];
        let down = states.iter().filter(|state| **state == State::Down).count() as i64;
        let doubtful = states.iter().filter(|state| **state == State::Doubtful).count() as i64;
        let sums = line.sums[Side::Net as usize];
        (sums.down, sums.doubtful) == (down, doubtful)
    })
}

/// Returns whether two tables of a day have the same figures of scopes in all regions.
fn agree(one: &FrozenDay, other: &FrozenDay) -> bool {
    let figures = |table: &FrozenDay| -> Vec<_> {
        let whole = table.scopes.iter().filter(|line| line.scope.is_all_regions());
        whole.map(|line| (line.scope.clone(), line.sums[Side::Net as usize])).collect()
    };
    figures(one) == figures(other)
}
