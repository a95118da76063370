//! Reported figures: the figures that the reports show, journaled whenever they change.
//!
//! The differences between them are the restatements.

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::Clock;
use crate::config::Config;
use crate::day::Day;
use crate::ledger::{Entry, KnownOutlines, Ledger, Outline, Reported, ReportedKey, Settings, Writer};
use crate::measure::{self, Figure, Figures, Outage, Period};
use crate::policy::Group;
use crate::slots::Scope;

/// Distance in days up to which one day can always change the figures of another.
///
/// By the first version of the rule, a run of down slots can reach into the next day, and through a
/// short gap into the one after. By the present one it reaches as far as failing slots follow one
/// another ([`measure::is_linked`]).
const REACH: i64 = 2;

/// Measures a few days with the same result as measuring the whole ledger.
pub fn figures(ledger: &Ledger, days: &BTreeSet<Day>, config: &Config) -> anyhow::Result<Figures> {
    Ok(measure::draw(&known_around(ledger, &ledger.standing(), days)?.outlines, config))
}

/// Reads the editions of some days with all editions around that can change their figures.
///
/// # Errors
/// An edition is damaged, or the ledger cannot be read.
pub fn around(
    ledger: &Ledger,
    editions: &BTreeMap<Day, u32>,
    days: &BTreeSet<Day>,
) -> anyhow::Result<Vec<Outline>> {
    Ok(known_around(ledger, editions, days)?.whole()?)
}

/// Reads the same as [`around`]; what was noted stands in for damaged editions.
fn known_around(
    ledger: &Ledger,
    editions: &BTreeMap<Day, u32>,
    days: &BTreeSet<Day>,
) -> anyhow::Result<KnownOutlines> {
    let near = |day: &Day| is_near(days, *day, REACH);
    let mut wanted: BTreeSet<Day> = editions.keys().copied().filter(near).collect();
    // Days that were asked for and are already known to be linked with all that is read.
    let mut looked: BTreeMap<Day, Outline> = BTreeMap::new();
    let mut edges: Vec<(Day, i64)> = wanted.iter().flat_map(|day| [(*day, -1), (*day, 1)]).collect();
    let read = |day: Day, looked: &mut BTreeMap<Day, Outline>| -> anyhow::Result<()> {
        if !looked.contains_key(&day)
            && let Some(number) = editions.get(&day)
        {
            looked.extend(
                ledger.known_outlines([(day, *number)])?.outlines.pop().map(|outline| (day, outline)),
            );
        }
        Ok(())
    };
    while let Some((day, step)) = edges.pop() {
        let next = day.plus(step);
        if wanted.contains(&next) || !editions.contains_key(&next) {
            continue;
        }
        read(day, &mut looked)?;
        read(next, &mut looked)?;
        let (before, after) = if step < 0 { (next, day) } else { (day, next) };
        if let Some((before, after)) = looked.get(&before).zip(looked.get(&after))
            && measure::is_linked(before, after)
        {
            wanted.insert(next);
            edges.push((next, step));
        }
    }
    let wanted = editions.iter().filter(|(day, _)| wanted.contains(day)).map(|(day, n)| (*day, *n));
    Ok(ledger.known_outlines(wanted)?)
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
            Entry::Settings { .. } | Entry::Resumed(_) => days.extend(ledger.days()),
            _ => {}
        }
    }
    days
}

/// Journals the figures of changed days and the days around them, if they differ from before.
///
/// Returns the outages that touch these days.
pub fn note(ledger: &mut Writer, settings: &Settings, clock: Clock) -> anyhow::Result<Vec<Outage>> {
    let changed = &changed(ledger);
    if changed.is_empty() {
        return Ok(Vec::new());
    }
    let config = settings.config();
    let standing = known_around(ledger, &ledger.standing(), &near(changed))?.outlines;
    // A day that was linked with a changed one may have other figures too.
    let linked = linked(&standing, changed);
    let of_note = |day: Day| is_near(changed, day, REACH) || linked.contains(&day);
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
    let is_sealed = |day: &Day| ledger.record().days.get(day).is_some_and(|record| record.sealed.is_some());
    if linked.iter().chain(changed).any(is_sealed) {
        let editions = unnoted(known_around(ledger, &with_adjustments(ledger), &near(changed))?.outlines);
        let figures = measure::draw(&editions, &config);
        // Of a sealed day, also what the days around say of it now.
        let noted: BTreeMap<_, _> = standing.days.iter().map(|f| (figure_key(f), shown(f))).collect();
        let is_other = |day: Day| {
            let of_day = figures.days.iter().filter(|f| f.period == Period::Day(day));
            is_sealed(&day)
                && of_day
                    .filter(|f| f.scope.is_all_regions())
                    .any(|f| noted.get(&figure_key(f)) != Some(&shown(f)))
        };
        // A day that was adjusted once says so when it is as noted again.
        let noted_before = &ledger.record().reported;
        let was_other = |day: Day| noted_before.keys().any(|key| key.0 == day && key.1);
        let is_adjusted = |day: Day| adjusted.contains_key(&day) || is_other(day) || was_other(day);
        take(&figures, true, &|day| of_note(day) && is_adjusted(day));
    }
    let before = &ledger.record().reported;
    let figures: Vec<Reported> = now.into_values().filter(|f| before.get(&f.key()) != Some(f)).collect();
    if !figures.is_empty() {
        ledger.append(clock, Entry::Reported { figures })?;
    }
    Ok(standing.outages)
}

/// Forgets what was noted of sealed days: they are measured as they are known now.
pub fn unnoted(mut editions: Vec<Outline>) -> Vec<Outline> {
    for edition in editions.iter_mut().filter(|edition| !edition.is_stand_in) {
        edition.noted.clear();
    }
    editions
}

/// True if a sealed day has figures beside the noted ones.
pub fn has_adjusting_figures(ledger: &Ledger) -> bool {
    !adjusted(ledger).is_empty() || ledger.record().reported.keys().any(|key| key.1)
}

fn figure_key(figure: &Figure) -> (Period, &Scope, &'static str) {
    (figure.period, &figure.scope, figure.definition.name)
}

fn shown(figure: &Figure) -> (i64, i64, i64) {
    (figure.net.slots_down, figure.net.slots_counted, figure.net.slots_doubtful)
}

/// Returns the days and those around them that they can always change.
fn near(days: &BTreeSet<Day>) -> BTreeSet<Day> {
    days.iter().flat_map(|day| (-REACH..=REACH).map(|by| day.plus(by))).collect()
}

/// Returns the days of a window that are linked, day by day, with one near a changed day.
fn linked(editions: &[Outline], changed: &BTreeSet<Day>) -> BTreeSet<Day> {
    let mut linked = BTreeSet::new();
    let groups = editions.chunk_by(measure::is_linked);
    for group in groups.filter(|group| group.iter().any(|edition| is_near(changed, edition.day, REACH))) {
        linked.extend(group.iter().map(|edition| edition.day));
    }
    linked
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
        slots: [
            net.slots_down,
            net.slots_counted,
            net.slots_degraded,
            net.slots_unobserved,
            net.slots_doubtful,
        ],
        events: Group::ALL.map(|group| net.events.of(group)),
    })
}
