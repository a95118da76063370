//! Known outlines: of a damaged edition, the figures that the journal last noted stand in for it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::folder::{self, Extent, Part};
use super::frozen::FrozenDay;
use super::outline::{Edge, Outline, ScopeOutline};
use super::{DayState, Settings, seals};
use crate::config::{Config, SlotRule};
use crate::day::Day;
use crate::error::Trouble;
use crate::ledger::{DayRecord, Ledger, NotedSlots, Reported};
use crate::slots::{ALL_REGIONS, Scope, ScopeKind};

/// Outlines of editions, with the days whose editions are damaged.
#[derive(Debug, Default)]
pub struct KnownOutlines {
    /// By day; a damaged one has what was noted of it ([`Outline::is_stand_in`]).
    pub outlines: Vec<Outline>,
    pub damaged: BTreeMap<Day, Trouble>,
}

impl KnownOutlines {
    /// Takes the table of a sealed day; if it is damaged, that is noted of the day.
    fn frozen(
        &mut self,
        day: Day,
        read: Result<Option<FrozenDay>, Trouble>,
    ) -> Result<Option<Arc<FrozenDay>>, Trouble> {
        match read {
            Ok(frozen) => Ok(frozen.map(Arc::new)),
            Err(trouble) if trouble.stops_all() => Err(trouble),
            Err(trouble) => {
                self.damaged.insert(day, trouble);
                Ok(None)
            }
        }
    }

    /// Returns the outlines if no edition is damaged.
    ///
    /// # Errors
    /// The trouble of the first damaged day.
    pub fn whole(self) -> Result<Vec<Outline>, Trouble> {
        self.damaged.into_values().next().map_or(Ok(self.outlines), Err)
    }
}

impl Ledger {
    /// Reads the outlines of some editions, by day, as [`crate::measure::draw`] takes them.
    ///
    /// # Errors
    /// There is no such edition ([`Trouble::Usage`]), or a file of it is missing or damaged.
    pub fn outlines(&self, editions: impl IntoIterator<Item = (Day, u32)>) -> Result<Vec<Outline>, Trouble> {
        self.known_outlines(editions)?.whole()
    }

    /// Reads the figures of a sealed day as its seal left them.
    ///
    /// `None` if the day is open, or was sealed by a version that stored none.
    ///
    /// # Errors
    /// The table is missing or damaged.
    pub fn frozen(&self, day: Day) -> Result<Option<FrozenDay>, Trouble> {
        let Some(record) = self.record.days.get(&day) else { return Ok(None) };
        let Some((edition, table)) = record.sealed.zip(record.frozen.as_ref()) else { return Ok(None) };
        seals::read(&self.folder, day, edition, table).map(Some)
    }

    /// Reads the outlines of some editions, by day; what was noted stands in for damaged ones.
    ///
    /// Bad lines and callers are read only for days that a run of down slots can touch, instants
    /// also for the days beside these: the last success before a run, or the first one after it,
    /// may be there.
    ///
    /// # Errors
    /// There is no such edition, or trouble that is not of one day ([`Trouble::stops_all`]).
    pub fn known_outlines(
        &self,
        editions: impl IntoIterator<Item = (Day, u32)>,
    ) -> Result<KnownOutlines, Trouble> {
        let mut known = KnownOutlines::default();
        for (day, number) in editions {
            let record = self.known(day, number)?;
            let read = self.intact_with(day, number, Part::Outline);
            let outline = match read.and_then(|(folder, manifest)| folder::read_outline(&folder, manifest)) {
                Ok(mut outline) => {
                    outline.state = record.state(number, outline.state);
                    outline.as_of = record.as_of(number, outline.as_of);
                    if record.sealed == Some(number) {
                        outline.frozen = known.frozen(day, self.frozen(day))?;
                        if outline.frozen.is_none() {
                            outline.noted = self.noted(day, number);
                        }
                    }
                    outline
                }
                Err(trouble) if trouble.stops_all() => return Err(trouble),
                Err(trouble) => {
                    known.damaged.insert(day, trouble);
                    self.stand_in(day, number, record)
                }
            };
            known.outlines.push(outline);
        }
        self.hold_beside(&mut known);
        self.learn_rules(&mut known)?;
        // A run begins and ends with a down slot. It can touch a day with down slots of its own, a
        // day with failing slots near a midnight, or (by the first version) a day between two such.
        let down: BTreeSet<Day> = known.outlines.iter().filter(|o| o.is_down()).map(|o| o.day).collect();
        let is_between = |day: Day| down.contains(&day.plus(-1)) && down.contains(&day.plus(1));
        let is_touched = |day: Day| down.contains(&day) || is_between(day);
        let is_beside = |day: Day| is_touched(day.plus(-1)) || is_touched(day.plus(1));
        for outline in known.outlines.iter_mut().filter(|outline| !outline.is_stand_in) {
            let mut details = || -> Result<(), Trouble> {
                if !is_touched(outline.day) && !is_beside(outline.day) {
                    return Ok(());
                }
                let folder = self.intact(outline.day, outline.number, Part::Details)?;
                if is_touched(outline.day) {
                    outline.bad = folder::read_bad(&folder)?;
                    outline.callers = folder::read_callers(&folder)?;
                }
                outline.instants = folder::read_instants(&folder)?;
                Ok(())
            };
            match details() {
                Err(trouble) if trouble.stops_all() => return Err(trouble),
                // Its states and sums can be read, so its figures are those of the edition.
                Err(trouble) => _ = known.damaged.insert(outline.day, trouble),
                Ok(()) => {}
            }
        }
        Ok(known)
    }

    /// Makes an outline of what was noted of a day, for scopes in all regions.
    fn stand_in(&self, day: Day, number: u32, record: &DayRecord) -> Outline {
        let edition = record.editions.iter().find(|edition| edition.publication.edition == number);
        let settings = self.record.settings.clone();
        let settings = settings.unwrap_or_else(|| Settings::of(&Config::bare(Path::new(""))));
        let Settings { slot: slot_length, definition, .. } = settings;
        let is_adjusting = record.sealed.is_some_and(|sealed| sealed != number);
        let mut scopes: BTreeMap<Scope, ScopeOutline> = BTreeMap::new();
        for noted in self.noted_lines(day).filter(|noted| noted.is_adjusting == is_adjusting) {
            let scope = Scope::new(noted.scope_kind, &noted.scope, ALL_REGIONS);
            let outline = ScopeOutline::unobserved(scope.clone(), slot_length, &noted.events);
            scopes.insert(scope, outline);
        }
        let state = edition.map_or(DayState::Provisional, |edition| edition.publication.state);
        Outline {
            day,
            number,
            as_of: edition.map_or(chrono::DateTime::UNIX_EPOCH, |edition| edition.at),
            job_version: env!("CARGO_PKG_VERSION").to_owned(),
            state: record.state(number, state),
            policy: edition.map(|edition| edition.publication.policy.clone()).unwrap_or_default(),
            overrides: Vec::new(),
            slot_length,
            scopes: scopes.into_values().collect(),
            near_under: Vec::new(),
            frozen: None,
            definition,
            noted: self
                .noted_lines(day)
                .filter(|noted| noted.is_adjusting == is_adjusting)
                .map(slots)
                .collect(),
            bad: Vec::new(),
            instants: Vec::new(),
            callers: Vec::new(),
            is_stand_in: true,
        }
    }

    /// Holds the slots of days beside a damaged one as they were noted: a run may have crossed the
    /// midnight between them.
    fn hold_beside(&self, known: &mut KnownOutlines) {
        let KnownOutlines { outlines, damaged } = known;
        for outline in outlines.iter_mut().filter(|outline| !outline.is_stand_in) {
            let is_beside = [-1, 1].iter().any(|by| damaged.contains_key(&outline.day.plus(*by)));
            if is_beside && outline.noted.is_empty() {
                outline.noted = self.noted(outline.day, outline.number);
            }
        }
    }

    fn noted_lines(&self, day: Day) -> impl Iterator<Item = &Reported> {
        let from = (day, false, ScopeKind::Component, String::new(), String::new());
        self.record.reported.range(from..).take_while(move |(key, _)| key.0 == day).map(|(_, noted)| noted)
    }

    /// Returns the slots of an edition as they were noted, for scopes in all regions.
    fn noted(&self, day: Day, number: u32) -> BTreeMap<Scope, NotedSlots> {
        let of_edition = self.noted_lines(day).filter(|noted| noted.edition == number && !noted.is_adjusting);
        of_edition.map(slots).collect()
    }

    /// Lists, for neighbouring days that were made by two rules, the slots that a timeline under
    /// the rule of the other needs.
    ///
    /// A run over the midnight between them is found once by each rule, over all of its days.
    fn learn_rules(&self, known: &mut KnownOutlines) -> Result<(), Trouble> {
        let rules: Vec<SlotRule> =
            known.outlines.iter().map(|outline| outline.definition.measure()).collect();
        for at in 1..rules.len() {
            let is_next = known.outlines[at - 1].day.plus(1) == known.outlines[at].day;
            if is_next && rules[at - 1] != rules[at] {
                self.learn(known, at, true, &rules[at - 1])?;
                self.learn(known, at - 1, false, &rules[at])?;
            }
        }
        Ok(())
    }

    /// Lists slots by a rule from a day on, forwards or backwards, as far as a run may reach.
    fn learn(
        &self,
        known: &mut KnownOutlines,
        from: usize,
        is_forward: bool,
        rule: &SlotRule,
    ) -> Result<(), Trouble> {
        if rule.version.is_first() {
            return Ok(());
        }
        let KnownOutlines { outlines, damaged } = known;
        let (near, far) = if is_forward { (Edge::End, Edge::Start) } else { (Edge::Start, Edge::End) };
        let mut at = from;
        while !outlines[at].has_learnt(rule) && !outlines[at].is_stand_in {
            let here = &mut outlines[at];
            let read = self.intact(here.day, here.number, Part::Slots);
            match read.and_then(|folder| folder::read(&folder, here.day, Extent::Slots)) {
                Ok(edition) => here.learn(&edition.slots, rule),
                Err(trouble) if trouble.stops_all() => return Err(trouble),
                Err(trouble) => {
                    damaged.insert(here.day, trouble);
                    break;
                }
            }
            let (day, reaches) = (here.day, here.reaches_over(near));
            let next = if is_forward { Some(at + 1) } else { at.checked_sub(1) };
            let step = if is_forward { 1 } else { -1 };
            let is_linked =
                |other: &Outline| other.day == day.plus(step) && (reaches || other.reaches_over(far));
            match next.filter(|next| outlines.get(*next).is_some_and(is_linked)) {
                Some(next) => at = next,
                None => break,
            }
        }
        Ok(())
    }
}

fn slots(noted: &Reported) -> (Scope, NotedSlots) {
    (Scope::new(noted.scope_kind, &noted.scope, ALL_REGIONS), noted.slots)
}
