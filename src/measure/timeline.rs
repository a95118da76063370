//! Timelines: the states of every scope over a window of editions, with the runs over midnights.
//!
//! Each rule (thresholds and version) that an edition of the window was made by judges the whole
//! window once, and each day keeps the states found by its own. So the runs of a day do not depend
//! on the rules of the days around it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::runs::{Run, first_version_runs};
use crate::config::SlotRule;
use crate::day::SECOND_US;
use crate::ledger::{Edge, Outline, ScopeOutline};
use crate::slots::{DayStates, Scope, ScopeKind, Side, State, Stretch, Tick, TimelineVerdict};

/// One scope over a window of editions, as one rule judges it.
#[derive(Debug, Clone, Default)]
pub(super) struct Timeline {
    /// By the position of the edition, if it has the scope and was made by the rule.
    ///
    /// Of days beside these that were made by another rule, only the slots in runs are judged.
    pub states: BTreeMap<usize, DayStates>,
    /// Gross and net, by time; runs that overlap or touch are one.
    pub runs: [Vec<Run>; 2],
}

/// All scopes of a window under one rule.
pub(super) struct Judgement {
    pub rule: SlotRule,
    pub scopes: BTreeMap<Scope, Timeline>,
}

/// Judges a window by each rule that its editions, which ascend by day, were made by.
pub(super) fn judge(editions: &[Outline]) -> Vec<Judgement> {
    let mut rules: Vec<SlotRule> = Vec::new();
    for edition in editions {
        let rule = edition.definition.measure();
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    let scopes: BTreeSet<&Scope> =
        editions.iter().flat_map(|e| e.scopes.iter().map(|line| &line.scope)).collect();
    let judge = |rule: SlotRule| {
        let window = Window { editions, rule };
        let mut found: BTreeMap<Scope, Timeline> = BTreeMap::new();
        for scope in &scopes {
            let timeline = match (window.rule.version.is_first(), scope.kind) {
                (true, _) => window.first_version(scope),
                (false, ScopeKind::Service) => window.service(scope),
                (false, ScopeKind::Component) => continue,
            };
            found.insert((*scope).clone(), timeline);
        }
        if !window.rule.version.is_first() {
            for scope in scopes.iter().filter(|scope| scope.kind == ScopeKind::Component) {
                let timeline = window.component(scope, &found);
                found.insert((*scope).clone(), timeline);
            }
        }
        Judgement { rule: window.rule, scopes: found }
    };
    rules.into_iter().map(judge).collect()
}

struct Window<'a> {
    editions: &'a [Outline],
    rule: SlotRule,
}

impl<'a> Window<'a> {
    /// Iterates over the editions that have a scope, and whose slots the rule judges.
    fn own(&self, scope: &Scope) -> impl Iterator<Item = (usize, &'a Outline, &'a ScopeOutline)> {
        let editions = self.editions.iter().enumerate().filter(|(_, edition)| edition.has_learnt(&self.rule));
        editions.filter_map(move |(at, edition)| Some((at, edition, edition.scope(scope)?)))
    }

    fn is_own(&self, edition: &Outline) -> bool {
        edition.definition.measure() == self.rule
    }

    /// Returns the states that the slots of a scope have with their day alone.
    ///
    /// The states of a day that was made by another rule are not those of this one.
    fn day_alone(&self, scope: &Scope) -> BTreeMap<usize, DayStates> {
        let states = |edition: &Outline, line: &ScopeOutline| {
            Side::ALL.map(|side| {
                let own = line.states(side);
                if self.is_own(edition) { Arc::clone(own) } else { vec![State::default(); own.len()].into() }
            })
        };
        self.own(scope).map(|(at, edition, line)| (at, states(edition, line))).collect()
    }

    fn first_version(&self, scope: &Scope) -> Timeline {
        let runs = Side::ALL.map(|side| first_version_runs(self.editions, scope, side, &self.rule));
        Timeline { states: self.day_alone(scope), runs }
    }

    /// Judges the slots of a service that can depend on other days; all others keep their state.
    fn service(&self, scope: &Scope) -> Timeline {
        let mut timeline = Timeline { states: self.day_alone(scope), runs: Default::default() };
        for side in Side::ALL {
            let mut stretches: Vec<Stretch> = Vec::new();
            for part in self.parts() {
                let ticks: Vec<Tick> = self.editions[part.clone()]
                    .iter()
                    .flat_map(|e| e.ticks(scope, side, &self.rule))
                    .collect();
                if !ticks.iter().any(|tick| tick.judged.at_worst().is_failing(&self.rule)) {
                    continue;
                }
                let (first, last) = (&self.editions[part.start], &self.editions[part.end - 1]);
                let span = Stretch { start_us: first.day.start_us(), end_us: last.day.end_us() };
                let verdict = TimelineVerdict::of(&ticks, span, &self.rule);
                stretches.extend(&verdict.runs);
                timeline.restate(side, self.editions, &ticks, &verdict.states);
            }
            timeline.runs[side as usize] =
                stretches.into_iter().map(|run| self.run(run, &timeline, side)).collect();
        }
        timeline
    }

    /// Combines services: a component takes the worst state that any of its services has.
    fn component(&self, scope: &Scope, services: &BTreeMap<Scope, Timeline>) -> Timeline {
        let ours: Vec<(&Scope, &Timeline)> = services
            .iter()
            .filter(|(s, _)| s.kind == ScopeKind::Service && s.region == scope.region)
            .filter(|(s, _)| self.editions.iter().any(|e| e.definition.includes(scope, &s.name)))
            .collect();
        let mut timeline = Timeline { states: self.day_alone(scope), runs: Default::default() };
        for (at, edition, line) in self.own(scope) {
            let parts: Vec<(&Scope, &DayStates)> = ours
                .iter()
                .filter(|(service, _)| edition.definition.includes(scope, &service.name))
                .filter_map(|(service, timeline)| Some((*service, timeline.states.get(&at)?)))
                .collect();
            // A component keeps its states if all its services do.
            if self.is_own(edition)
                && !parts.iter().any(|(service, states)| is_restated(edition, service, states))
            {
                continue;
            }
            let states = Side::ALL.map(|side| {
                let worst = |slot: usize| parts.iter().map(|(_, states)| states[side as usize][slot]).max();
                let slots = line.states(side).len();
                (0..slots).map(|slot| worst(slot).unwrap_or_default()).collect::<Arc<[State]>>()
            });
            timeline.states.insert(at, states);
        }
        for side in Side::ALL {
            let mut runs: Vec<Stretch> = ours
                .iter()
                .flat_map(|(service, timeline)| {
                    timeline.runs[side as usize].iter().map(move |r| (service, r))
                })
                .filter(|(service, run)| self.includes(scope, service, run))
                .map(|(_, run)| Stretch { start_us: run.start_us, end_us: run.end_us })
                .collect();
            Stretch::join(&mut runs);
            timeline.runs[side as usize] =
                runs.into_iter().map(|run| self.run(run, &timeline, side)).collect();
        }
        timeline
    }

    /// Returns whether a component holds a service on a day of the run.
    fn includes(&self, component: &Scope, service: &Scope, run: &Run) -> bool {
        let from = self.editions.partition_point(|e| e.day.end_us() <= run.start_us);
        let days = self.editions[from..].iter().take_while(|e| e.day.start_us() < run.end_us);
        days.into_iter().any(|e| e.definition.includes(component, &service.name))
    }

    /// Cuts the window where days are missing.
    ///
    /// An edition of the first version lists its slots only beside an edition of another version
    /// ([`crate::ledger::Ledger::outlines`]).
    fn parts(&self) -> Vec<std::ops::Range<usize>> {
        let mut parts: Vec<std::ops::Range<usize>> = Vec::new();
        for (at, edition) in self.editions.iter().enumerate().filter(|(_, e)| e.knows(&self.rule)) {
            let follows = |last: usize| self.editions[last].day.plus(1) == edition.day;
            match parts.last_mut() {
                Some(part) if part.end == at && follows(at - 1) => part.end += 1,
                _ => parts.push(at..at + 1),
            }
        }
        parts
    }

    /// Adds up the down slots of a run.
    fn run(&self, run: Stretch, timeline: &Timeline, side: Side) -> Run {
        let Stretch { start_us, end_us } = run;
        let from = self.editions.partition_point(|e| e.day.end_us() <= start_us);
        let days = self.editions[from..].iter().enumerate().take_while(|(_, e)| e.day.start_us() < end_us);
        let down = days.map(|(at, edition)| {
            let states = timeline.states.get(&(from + at)).map(|states| &states[side as usize]);
            let slots = slots_of(edition, start_us, end_us);
            let is_down = |state: &&State| **state == State::Down;
            let down = states.map_or(0, |states| states[slots].iter().filter(is_down).count());
            down as i64 * i64::from(edition.slot_length.seconds())
        });
        Run { start_us, end_us, down_seconds: down.sum(), is_narrow: false }
    }
}

impl Timeline {
    /// Takes over the states of judged slots.
    fn restate(&mut self, side: Side, editions: &[Outline], ticks: &[Tick], judged: &[State]) {
        let mut ticks = ticks.iter().zip(judged).peekable();
        while let Some((first, _)) = ticks.peek() {
            let at = editions.partition_point(|e| e.day.end_us() <= first.start_us);
            let edition = &editions[at];
            let mut states = self.states.get(&at).map(|states| states[side as usize].to_vec());
            while let Some((tick, state)) = ticks.next_if(|(tick, _)| tick.start_us < edition.day.end_us()) {
                let slot = (tick.start_us - edition.day.start_us()) / edition.slot_length.us();
                if let Some(known) = states.as_mut().and_then(|states| states.get_mut(slot as usize)) {
                    *known = *state;
                }
            }
            if let (Some(new), Some(old)) = (states, self.states.get_mut(&at))
                && *old[side as usize] != *new
            {
                old[side as usize] = new.into();
            }
        }
    }
}

/// Returns whether a scope has other states than with its day alone.
pub(super) fn is_restated(day: &Outline, scope: &Scope, states: &DayStates) -> bool {
    let is_kept = |line: &ScopeOutline| {
        Side::ALL.into_iter().all(|side| Arc::ptr_eq(line.states(side), &states[side as usize]))
    };
    !day.scope(scope).is_some_and(is_kept)
}

/// Returns the slots of a day that lie in a span.
pub(super) fn slots_of(edition: &Outline, start_us: i64, end_us: i64) -> std::ops::Range<usize> {
    let (day, length) = (edition.day.start_us(), edition.slot_length.us());
    let slot = |us: i64| ((us - day).max(0) / length).min(i64::from(edition.slot_length.per_day())) as usize;
    slot(start_us)..slot(end_us + length - SECOND_US)
}

/// Returns whether the states or runs of two days can depend on each other.
pub fn is_linked(before: &Outline, after: &Outline) -> bool {
    before.day.plus(1) == after.day && (before.reaches_over(Edge::End) || after.reaches_over(Edge::Start))
}
