//! Reported figures: the figures that the reports show, journaled whenever they change.
//!
//! The differences between them are the restatements.

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::Clock;
use crate::config::Config;
use crate::day::Day;
use crate::ledger::{
    DayState, Entry, KnownOutlines, Ledger, Outline, Reported, ReportedKey, Settings, Writer,
};
use crate::measure::{self, Figure, Figures, Outage, Period};
use crate::policy::Group;

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
pub(super) fn known_around(
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
            Entry::Frozen { days: frozen } => days.extend(frozen.iter().map(|frozen| frozen.day)),
            Entry::Settings { .. } | Entry::Resumed(_) => days.extend(ledger.days()),
            _ => {}
        }
    }
    days
}

/// Journals the figures of changed days and the days around them, if they differ from before.
///
/// Beside the figures shown, these are the adjusted ones of each day, open or sealed, on which they
/// differ. Returns the outages that touch these days.
pub fn note(ledger: &mut Writer, settings: &Settings, clock: Clock) -> anyhow::Result<Vec<Outage>> {
    let changed = changed(ledger);
    let UnnotedFigures { figures, outages } = news(ledger, settings, &changed)?;
    if !figures.is_empty() {
        ledger.append(clock, Entry::Reported { figures })?;
    }
    Ok(outages)
}

/// Figures that the journal has not as they are measured.
#[derive(Default)]
pub struct UnnotedFigures {
    pub figures: Vec<Reported>,
    /// The outages that touch the days which were measured.
    pub outages: Vec<Outage>,
}

/// Measures changed days and the days around them, and compares with the figures in the journal.
///
/// # Errors
/// The ledger cannot be read.
pub fn news(ledger: &Ledger, settings: &Settings, changed: &BTreeSet<Day>) -> anyhow::Result<UnnotedFigures> {
    if changed.is_empty() {
        return Ok(UnnotedFigures::default());
    }
    let config = settings.config();
    let mut asked = near(changed);
    let mut standing = known_around(ledger, &ledger.standing(), &asked)?.outlines;
    let mut of_note: BTreeSet<Day> = asked.clone();
    // A day that was linked with a changed one may have other figures too.
    of_note.extend(linked(&standing, changed));
    let mut adjusted = None;
    if standing.iter().any(|edition| edition.state == DayState::Sealed) {
        let editions = with_adjustments(ledger);
        let mut known_now = known_around(ledger, &editions, &asked)?.outlines;
        of_note.extend(linked(&known_now, changed));
        if !of_note.is_subset(&asked) {
            // An adjusting edition may link other days than the sealed one.
            asked.extend(&of_note);
            standing = known_around(ledger, &ledger.standing(), &asked)?.outlines;
            known_now = known_around(ledger, &editions, &asked)?.outlines;
        }
        adjusted = Some(measure::draw(&as_known_now(known_now), &config));
    }
    let standing = measure::draw(&standing, &config);
    let of_days = |figures: &Figures, is_adjusting: bool| -> BTreeMap<ReportedKey, SizedFigure> {
        let sized = |f: &Figure| Some(SizedFigure { figure: reported(f, is_adjusting)?, slots: f.net.slots });
        let figures = figures.days.iter().filter_map(sized);
        figures.filter(|f| of_note.contains(&f.figure.day)).map(|f| (f.figure.key(), f)).collect()
    };
    let mut now = of_days(&standing, false);
    if let Some(adjusted) = adjusted {
        beside(ledger, &mut now, of_days(&adjusted, true));
    }
    let now = now.into_values().map(|sized| sized.figure);
    let before = &ledger.record().reported;
    let figures: Vec<Reported> = now.filter(|f| before.get(&f.key()) != Some(f)).collect();
    Ok(UnnotedFigures { figures, outages: standing.outages })
}

/// A figure with the number of all slots of its day.
#[derive(Clone)]
struct SizedFigure {
    figure: Reported,
    slots: i64,
}

impl SizedFigure {
    /// Returns the figure of the same day where the scope is not known: nothing was observed.
    fn unobserved(&self, edition: u32, is_adjusting: bool) -> Self {
        let figure = Reported {
            edition,
            is_adjusting,
            availability_micro_percent: None,
            slots: [0, 0, 0, self.slots, 0],
            events: Default::default(),
            ..self.figure.clone()
        };
        Self { figure, slots: self.slots }
    }

    fn differs(&self, other: &Self) -> bool {
        (self.figure.slots, self.figure.events) != (other.figure.slots, other.figure.events)
    }
}

/// Adds adjusted figures to the ones shown.
///
/// These are the ones that differ, or that differed before, and all of a day with an adjusting
/// edition. A scope that only one of the two knows has nothing but unobserved slots in the other.
fn beside(
    ledger: &Ledger,
    shown: &mut BTreeMap<ReportedKey, SizedFigure>,
    mut adjusted: BTreeMap<ReportedKey, SizedFigure>,
) {
    let as_key = |key: &ReportedKey, is_adjusting| (key.0, is_adjusting, key.2, key.3.clone(), key.4.clone());
    let (sealed, newest) = (ledger.standing(), with_adjustments(ledger));
    for (key, figure) in shown.iter() {
        let edition = newest.get(&key.0).copied().unwrap_or(figure.figure.edition);
        adjusted.entry(as_key(key, true)).or_insert_with(|| figure.unobserved(edition, true));
    }
    let with_edition = self::adjusted(ledger);
    for (key, now) in adjusted {
        let edition = sealed.get(&key.0).copied().unwrap_or(now.figure.edition);
        let before = shown.entry(as_key(&key, false)).or_insert_with(|| now.unobserved(edition, false));
        let is_known = ledger.record().reported.contains_key(&key);
        if before.differs(&now) || with_edition.contains_key(&key.0) || is_known {
            shown.insert(key, now);
        }
    }
}

/// Takes sealed days as they are known now, not as their seals have left them.
pub fn as_known_now(mut editions: Vec<Outline>) -> Vec<Outline> {
    for edition in editions.iter_mut().filter(|edition| !edition.is_stand_in) {
        edition.frozen = None;
        edition.noted.clear();
    }
    editions
}

/// True if a day has figures beside the ones shown.
pub fn has_adjusting_figures(ledger: &Ledger) -> bool {
    !adjusted(ledger).is_empty() || ledger.record().reported.keys().any(|key| key.1)
}

/// Puts adjusted figures in the order of the ones shown; where one is lacking, it is as shown.
pub fn parallel(shown: &[Figure], adjusted: Vec<Figure>) -> Vec<Figure> {
    let key = |figure: &Figure| (figure.period, figure.scope.clone(), figure.definition.name);
    let adjusted: BTreeMap<_, Figure> = adjusted.into_iter().map(|figure| (key(&figure), figure)).collect();
    shown.iter().map(|figure| adjusted.get(&key(figure)).unwrap_or(figure).clone()).collect()
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
