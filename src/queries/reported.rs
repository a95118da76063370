//! Reported figures: the figures that the reports show, journaled whenever they change.
//!
//! The differences between them are the restatements.

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::Clock;
use crate::config::Config;
use crate::day::Day;
use crate::ledger::{Entry, Ledger, Reported, ReportedKey, Settings, Writer};
use crate::measure::{self, Figure, Figures, Period};
use crate::policy::Group;

/// Distance in days up to which one day can change the figures of another.
///
/// A run of down slots can reach into the next day, and through a short gap into the one after.
const REACH: i64 = 2;

/// Measures a few days with the same result as measuring the whole ledger.
pub fn figures(ledger: &Ledger, days: &BTreeSet<Day>, config: &Config) -> anyhow::Result<Figures> {
    let known = ledger.standing().into_iter().filter(|(day, _)| is_near(days, *day, REACH));
    Ok(measure::draw(&ledger.outlines(known)?, config))
}

fn is_near(days: &BTreeSet<Day>, day: Day, by: i64) -> bool {
    days.range(day.plus(-by)..=day.plus(by)).next().is_some()
}

/// Lists sealed days that have adjusting entries, with the newest edition, which includes them.
pub fn adjusted(ledger: &Ledger) -> BTreeMap<Day, u32> {
    let of = |(day, record): (&Day, &crate::ledger::DayRecord)| {
        let newest = record.newest()?.publication.edition;
        (record.sealed? != newest).then_some((*day, newest))
    };
    ledger.record().days.iter().filter_map(of).collect()
}

/// Returns the standing editions, with adjusting entries in place of the editions they adjust.
pub fn with_adjustments(ledger: &Ledger) -> BTreeMap<Day, u32> {
    let mut editions = ledger.standing();
    editions.extend(adjusted(ledger));
    editions
}

/// Lists the days whose figures may have changed since figures were last journaled.
///
/// The journal is searched for them, because a run may have been killed before it noted the
/// figures.
fn changed(ledger: &Ledger) -> BTreeSet<Day> {
    let lines: Vec<&Entry> = ledger.lines().map(|line| &line.entry).collect();
    let since =
        lines.iter().rposition(|entry| matches!(entry, Entry::Reported { .. })).map_or(0, |at| at + 1);
    let mut days = BTreeSet::new();
    for entry in &lines[since..] {
        match entry {
            Entry::Edition(publication) => _ = days.insert(publication.day),
            Entry::Sealed { day, .. } => _ = days.insert(*day),
            Entry::Settings { .. } => days.extend(ledger.days()),
            _ => {}
        }
    }
    days
}

/// Journals the figures of changed days and the days around them, if they differ from before.
pub fn note(ledger: &mut Writer, settings: &Settings, clock: Clock) -> anyhow::Result<()> {
    let changed = &changed(ledger);
    if changed.is_empty() {
        return Ok(());
    }
    let config = settings.config();
    let is_near_enough = |(day, _): &(Day, u32)| is_near(changed, *day, 2 * REACH);
    let of_note = |day: Day| is_near(changed, day, REACH);
    let standing = ledger.outlines(ledger.standing().into_iter().filter(is_near_enough))?;
    let standing = measure::draw(&standing, &config);
    let mut now: BTreeMap<ReportedKey, Reported> = BTreeMap::new();
    let mut take = |figures: &Figures, is_adjusting: bool, wanted: &dyn Fn(Day) -> bool| {
        for figure in figures.days.iter().filter_map(|f| reported(f, is_adjusting)) {
            if wanted(figure.day) {
                now.insert(figure.key(), figure);
            }
        }
    };
    take(&standing, false, &of_note);
    let adjusted = adjusted(ledger);
    if changed.iter().any(|day| adjusted.contains_key(day)) {
        let editions = with_adjustments(ledger).into_iter().filter(is_near_enough);
        let figures = measure::draw(&ledger.outlines(editions)?, &config);
        take(&figures, true, &|day| adjusted.contains_key(&day) && of_note(day));
    }
    let before = &ledger.record().reported;
    let figures: Vec<Reported> = now.into_values().filter(|f| before.get(&f.key()) != Some(f)).collect();
    if !figures.is_empty() {
        ledger.append(clock, Entry::Reported { figures })?;
    }
    Ok(())
}

/// Converts the figure of a day to its journal form; `None` for other periods or single regions.
pub fn reported(figure: &Figure, is_adjusting: bool) -> Option<Reported> {
    let Period::Day(day) = figure.period else { return None };
    let net = &figure.net;
    figure.scope.is_all_regions().then(|| Reported {
        day,
        scope_kind: figure.scope.kind,
        scope: figure.scope.name.to_string(),
        definition: figure.definition.name.to_owned(),
        edition: figure.edition,
        is_adjusting,
        availability_micro_percent: figure.net_micro_percent,
        slots: [net.slots_down, net.slots_counted, net.slots_degraded, net.slots_unobserved],
        events: Group::ALL.map(|group| net.events.of(group)),
    })
}
