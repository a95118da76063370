//! Comparing: two editions of a day, or standing editions with how another policy would book them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::reported;
use crate::config::Config;
use crate::day::{Day, rfc3339};
use crate::ledger::{Edition, Extent, Ledger, Outline, Reported, ReportedKey, Settings, rebook};
use crate::measure;
use crate::policy::Policy;
use crate::slots::ScopeKind;

/// Differences between two states of some days; equal values are left out.
#[derive(Debug, Default, Serialize)]
pub struct Differences {
    pub before: String,
    pub after: String,
    /// Figures of single days, for scopes in all regions.
    pub figures: Vec<Change>,
    /// Slots whose net state differs, for scopes in all regions.
    pub flips: Vec<Flip>,
    /// Net events by account, rule and error code.
    pub moved: Vec<MovedFigure>,
}

#[derive(Debug, Serialize)]
/// A figure that differs; pairs are `[before, after]`.
pub struct Change {
    pub day: Day,
    pub scope_kind: ScopeKind,
    pub scope: String,
    pub definition: String,
    /// Millionths of a percent, rounded down.
    pub availability_micro_percent: [Option<i64>; 2],
    pub slots_down: [i64; 2],
    pub slots_counted: [i64; 2],
    pub events_good: [i64; 2],
    pub events_bad: [i64; 2],
}

#[derive(Debug, Serialize)]
/// A slot whose net state differs: `[before, after]`.
pub struct Flip {
    pub slot_start: String,
    pub scope_kind: ScopeKind,
    pub scope: String,
    pub state: [&'static str; 2],
}

#[derive(Debug, Serialize)]
/// Events that were booked differently.
pub struct MovedFigure {
    pub day: Day,
    pub account: String,
    pub rule: String,
    pub error_code: Option<i64>,
    /// After minus before.
    pub events: i64,
}

/// Compares two editions of the same day.
///
/// # Errors
/// One of them does not exist or cannot be read.
pub fn between(ledger: &Ledger, day: Day, numbers: [u32; 2]) -> anyhow::Result<Differences> {
    let [before, after] = numbers.map(|number| ledger.edition(day, number, Extent::Whole));
    let names = numbers.map(|number| format!("{day}/{number}"));
    compare(ledger, names, vec![before?], vec![after?])
}

/// Compares the standing editions of some days with how another policy would book them.
///
/// Nothing is written.
///
/// # Errors
/// An edition cannot be read, or the books do not balance under `policy`.
pub fn under(ledger: &Ledger, days: &[Day], policy: &Policy, name: &str) -> anyhow::Result<Differences> {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for day in days {
        let edition = ledger.read(*day, Extent::Whole)?;
        let basis = ledger.basis(*day, edition.number)?;
        after.push(rebook(&edition, &basis, policy)?);
        before.push(edition);
    }
    compare(ledger, ["as it stands".to_owned(), name.to_owned()], before, after)
}

fn compare(
    ledger: &Ledger,
    [before_name, after_name]: [String; 2],
    mut before: Vec<Edition>,
    mut after: Vec<Edition>,
) -> anyhow::Result<Differences> {
    let config = ledger.record().settings.as_ref().map_or_else(|| Config::bare(""), Settings::config);
    let figures = [&mut before, &mut after].map(|editions| figures(ledger, editions, &config));
    let [figures_before, figures_after] = figures;
    let (figures_before, figures_after) = (figures_before?, figures_after?);
    let mut differences = Differences { before: before_name, after: after_name, ..Differences::default() };
    for (key, after) in &figures_after {
        let Some(before) = figures_before.get(key) else { continue };
        let is_same = (before.availability_micro_percent, before.slots, before.events)
            == (after.availability_micro_percent, after.slots, after.events);
        if !is_same {
            differences.figures.push(change(before, after));
        }
    }
    for (before, after) in before.iter().zip(&after) {
        differences.flips.extend(flips(before, after));
        differences.moved.extend(moved(before, after));
    }
    Ok(differences)
}

/// Measures the days of these editions, together with the standing editions of the other days.
///
/// The editions take over the states that they have together with those.
fn figures(
    ledger: &Ledger,
    editions: &mut [Edition],
    config: &Config,
) -> anyhow::Result<BTreeMap<ReportedKey, Reported>> {
    let days: BTreeSet<Day> = editions.iter().map(|e| e.day).collect();
    let mut all = reported::around(ledger, &ledger.standing(), &days)?;
    all.retain(|edition| !days.contains(&edition.day));
    all.extend(editions.iter().map(Outline::of));
    all.sort_by_key(|e| e.day);
    let figures = measure::draw(&all, config);
    for edition in editions {
        figures.restate(edition);
    }
    let ours = figures.days.iter().filter_map(|figure| reported::reported(figure, false));
    Ok(ours.filter(|figure| days.contains(&figure.day)).map(|figure| (figure.key(), figure)).collect())
}

fn change(before: &Reported, after: &Reported) -> Change {
    let both = |of: fn(&Reported) -> i64| [of(before), of(after)];
    Change {
        day: after.day,
        scope_kind: after.scope_kind,
        scope: after.scope.clone(),
        definition: after.definition.clone(),
        availability_micro_percent: [before.availability_micro_percent, after.availability_micro_percent],
        slots_down: both(|r| r.slots[0]),
        slots_counted: both(|r| r.slots[1]),
        events_good: both(|r| r.events[0]),
        events_bad: both(|r| r.events[1]),
    }
}

fn flips(before: &Edition, after: &Edition) -> Vec<Flip> {
    let mut found = Vec::new();
    for scope in after.slots.scopes().iter().filter(|scope| scope.is_all_regions()) {
        let cells = before.slots.cells(scope).zip(after.slots.cells(scope));
        for (slot, (before, after_cell)) in (0_i64..).zip(cells) {
            let state = [before.net.state, after_cell.net.state];
            if state[0] != state[1] {
                found.push(Flip {
                    slot_start: rfc3339(after.day.start_us() + slot * after.slot_length().us()),
                    scope_kind: scope.kind,
                    scope: scope.name.to_string(),
                    state: state.map(crate::slots::State::name),
                });
            }
        }
    }
    found
}

fn moved(before: &Edition, after: &Edition) -> Vec<MovedFigure> {
    let mut sums: BTreeMap<(&str, String, Option<i64>), i64> = BTreeMap::new();
    for (edition, sign) in [(before, -1), (after, 1)] {
        for line in &edition.accounts {
            let key = (line.account.name(), line.rule.clone(), line.error_code);
            *sums.entry(key).or_default() += sign * line.events_net;
        }
    }
    let of = |((account, rule, error_code), events): ((&str, _, _), _)| MovedFigure {
        day: after.day,
        account: account.to_owned(),
        rule,
        error_code,
        events,
    };
    sums.into_iter().filter(|(_, events)| *events != 0).map(of).collect()
}
