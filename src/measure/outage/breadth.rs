//! Breadth: how many callers an outage hit, and how many of them make it count.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use crate::config::SlotRule;
use crate::day::{Day, HOUR_US};
use crate::facts::{CallerLine, Distinct, distinct};
use crate::ledger::{BadLine, Outline};
use crate::measure::measured_day::MeasuredDay;
use crate::measure::runs::Run;
use crate::measure::timeline::Judgement;
use crate::slots::{DownSlots, Judged, Scope, ScopeKind, Side, State, Stretch, Tick, shortest_run};

/// Callers left out up to which they are named: an outage of more is nobody's own fault.
const MOST_LOUD: usize = 2;

/// The callers of an outage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Breadth {
    /// How many named callers had bad events in its down slots.
    pub hit: usize,
    /// Those that are left out, the one with most bad events first; none if they are more than
    /// [`MOST_LOUD`].
    pub loud: Vec<String>,
    /// Callers whose bad events must be left out until nothing of the outage is long enough.
    ///
    /// `None` if it is too short, or long enough without the bad events of all of them.
    pub leave_out: Option<usize>,
    /// Good and bad events of its down slots without the bad events of those callers.
    pub left: [i64; 2],
    /// Callers that were active in the hours of its down slots.
    ///
    /// `None` if fewer than half of the calls of these hours name one.
    pub active: Option<Distinct>,
}

/// Bad events of callers by slot.
type CallersOfSlot<'a> = BTreeMap<i64, HashMap<&'a str, i64>>;

/// One service of an outage.
struct Part<'a> {
    ticks: Vec<Tick>,
    callers: CallersOfSlot<'a>,
}

/// One service of an outage, with its callers known by their place among those that were hit.
///
/// A million callers are looked at once for each step of a search: numbers, not texts.
struct RankedPart<'p> {
    ticks: &'p [Tick],
    /// By slot: places of callers and their bad events.
    callers: BTreeMap<i64, Vec<(usize, i64)>>,
}

impl Breadth {
    /// Works out the breadth of an outage of the services.
    ///
    /// The bad events of named callers are left out in the order of their number, ties by
    /// pseudonym. Leaving out one more caller never makes a slot worse, so the least number is
    /// found by halving.
    pub fn of(
        services: &[&Scope],
        run: &Run,
        days: &[&MeasuredDay<'_>],
        judgement: &Judgement,
        side: Side,
    ) -> Self {
        let part = |service: &&Scope| Part::of(service, run, days, side, &judgement.rule);
        let parts: Vec<Part<'_>> = services.iter().map(part).collect();
        let is_down = |service: &Scope, us: i64| {
            let day = days.iter().find(|day| us < day.edition.day.end_us());
            day.is_some_and(|day| {
                let slot = (us - day.edition.day.start_us()) / day.edition.slot_length.us();
                let states = day.states(service, side);
                states.and_then(|states| states.get(slot as usize)) == Some(&State::Down)
            })
        };
        let mut events: HashMap<&str, i64> = HashMap::new();
        let mut judged = [0, 0];
        for (service, part) in services.iter().zip(&parts) {
            for (_, callers) in part.callers.iter().filter(|(us, _)| is_down(service, **us)) {
                for (caller, bad) in callers {
                    *events.entry(*caller).or_default() += bad;
                }
            }
            for tick in part.ticks.iter().filter(|tick| is_down(service, tick.start_us)) {
                judged = [judged[0] + tick.judged.good, judged[1] + tick.judged.bad];
            }
        }
        let mut hit: Vec<(&str, i64)> = events.into_iter().filter(|(_, bad)| *bad > 0).collect();
        hit.sort_unstable_by(|a, b| (-a.1, a.0).cmp(&(-b.1, b.0)));
        let places: HashMap<&str, usize> = hit.iter().map(|(caller, _)| *caller).zip(0..).collect();
        let ranked: Vec<RankedPart<'_>> = parts.iter().map(|part| part.ranked(&places)).collect();
        let counts_without = |n: usize| counts(&ranked, n, judgement);
        let leave_out = (counts_without(0) && !counts_without(hit.len())).then(|| {
            let (mut counting, mut not) = (0, hit.len());
            while counting + 1 < not {
                let middle = usize::midpoint(counting, not);
                if counts_without(middle) { counting = middle } else { not = middle }
            }
            not
        });
        let without: i64 = hit.iter().take(leave_out.unwrap_or(0)).map(|(_, bad)| bad).sum();
        let hours: BTreeSet<(&Scope, i64)> = services
            .iter()
            .zip(&parts)
            .flat_map(|(service, part)| {
                let down = part.ticks.iter().map(|tick| tick.start_us).filter(|us| is_down(service, *us));
                down.map(|us| (*service, us.div_euclid(HOUR_US))).collect::<Vec<_>>()
            })
            .collect();
        let loud = leave_out.filter(|n| *n <= MOST_LOUD).map_or(&[][..], |n| &hit[..n]);
        let loud = loud.iter().map(|(caller, _)| (*caller).to_owned()).collect();
        Self {
            hit: hit.len(),
            loud,
            leave_out,
            left: [judged[0], judged[1] - without],
            active: active(&hours, days),
        }
    }
}

/// Counts the callers of some services in some hours, counted from 1970.
fn active(hours: &BTreeSet<(&Scope, i64)>, days: &[&MeasuredDay<'_>]) -> Option<Distinct> {
    let is_in = |day: Day, line: &CallerLine| {
        let hour = day.start_us().div_euclid(HOUR_US) + i64::from(line.hour);
        hours.iter().any(|(service, at)| *at == hour && service.holds(&line.service, &line.region))
    };
    let lines = days.iter().flat_map(|day| day.edition.callers.iter().map(|line| (day.edition.day, line)));
    let lines: Vec<&CallerLine> =
        lines.filter(|(day, line)| is_in(*day, line)).map(|(_, line)| line).collect();
    let events: i64 = lines.iter().map(|line| line.events).sum();
    let named: i64 = lines.iter().map(|line| line.named).sum();
    (events > 0 && named * 2 >= events).then(|| distinct(lines.iter().map(|line| &line.sketch)))
}

impl<'a> Part<'a> {
    fn of(service: &Scope, run: &Run, days: &[&MeasuredDay<'a>], side: Side, rule: &SlotRule) -> Self {
        let mut part = Self { ticks: Vec::new(), callers: CallersOfSlot::new() };
        let is_in = |us: i64| run.start_us <= us && us < run.end_us;
        for edition in days.iter().map(|day| day.edition) {
            part.ticks.extend(edition.ticks(service, side, rule).filter(|tick| is_in(tick.start_us)));
            let start = |slot: u32| edition.day.start_us() + i64::from(slot) * edition.slot_length.us();
            let is_ours = |line: &&BadLine| {
                service.holds(&line.service, &line.region) && &*line.caller != "-" && is_in(start(line.slot))
            };
            for line in edition.bad.iter().filter(is_ours) {
                let callers = part.callers.entry(start(line.slot)).or_default();
                *callers.entry(&*line.caller).or_default() += match side {
                    Side::Gross => line.events_gross,
                    Side::Net => line.events_net,
                };
            }
        }
        part
    }

    fn ranked(&self, places: &HashMap<&str, usize>) -> RankedPart<'_> {
        let of_slot = |(us, callers): (&i64, &HashMap<&str, i64>)| {
            let known = callers.iter().filter_map(|(caller, bad)| Some((*places.get(caller)?, *bad)));
            (*us, known.collect())
        };
        RankedPart { ticks: &self.ticks, callers: self.callers.iter().map(of_slot).collect() }
    }
}

impl RankedPart<'_> {
    /// Returns the slots without the bad events of the first `out` callers.
    ///
    /// Every unknown event is a success.
    fn without(&self, out: usize) -> Vec<Tick> {
        let left = |tick: &Tick| {
            let callers = self.callers.get(&tick.start_us).into_iter().flatten();
            let bad: i64 = callers.filter(|(place, _)| *place < out).map(|(_, bad)| bad).sum();
            let judged = Judged { bad: tick.judged.bad - bad, ..tick.judged }.at_best();
            Tick { judged, ..*tick }
        };
        self.ticks.iter().map(left).collect()
    }
}

/// Returns whether something of an outage is long enough without the bad events of `out` callers.
fn counts(parts: &[RankedPart<'_>], out: usize, judgement: &Judgement) -> bool {
    let rule = &judgement.rule;
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut down: BTreeMap<i64, i64> = BTreeMap::new();
    for part in parts {
        let ticks = part.without(out);
        let DownSlots { runs, is_down } = DownSlots::of(&ticks, rule);
        let found = ticks.iter().zip(is_down).filter(|(_, is_down)| *is_down);
        down.extend(found.map(|(tick, _)| (tick.start_us, tick.seconds)));
        stretches.extend(runs);
    }
    Stretch::join(&mut stretches);
    stretches.iter().any(|run| {
        let slots = || down.range(run.start_us..run.end_us);
        let seconds: i64 = slots().map(|(_, seconds)| seconds).sum();
        slots().next().is_some_and(|(_, slot)| seconds >= shortest_run(rule, *slot))
    })
}

/// Returns the services of an outage with their runs, of which each is bounded by its own events.
pub(super) fn parts<'a>(
    scope: &Scope,
    run: &Run,
    days: &[&MeasuredDay<'_>],
    judgement: &'a Judgement,
    side: Side,
) -> Vec<(&'a Scope, &'a Run)> {
    let is_part = |service: &Scope| {
        service.kind == ScopeKind::Service
            && service.region == scope.region
            && days.iter().any(|day| day.edition.definition.includes(scope, &service.name))
    };
    let services = judgement.scopes.iter().filter(|(service, _)| is_part(service));
    let runs = services.flat_map(|(service, timeline)| {
        let runs = timeline.runs[side as usize].iter();
        runs.filter(|part| part.start_us < run.end_us && run.start_us < part.end_us)
            .map(move |part| (service, part))
    });
    runs.collect()
}

/// Marks the runs that fewer callers than `min_callers` make long enough to count.
///
/// A run counts all the same if too few of its calls name a caller, or if it is long enough without
/// the bad events of all named callers. A component counts at least what each of its services does.
pub fn mark_narrow(editions: &[Outline], judgements: &mut [Judgement]) {
    let asks = |judgement: &Judgement| !judgement.rule.version.is_first() && judgement.rule.min_callers > 1;
    for kind in [ScopeKind::Service, ScopeKind::Component] {
        if !judgements.iter().any(asks) {
            return;
        }
        let measured = MeasuredDay::all(editions, judgements);
        let mut found: Vec<(usize, Scope, Side, Vec<usize>)> = Vec::new();
        for (at, judgement) in judgements.iter().enumerate().filter(|(_, judgement)| asks(judgement)) {
            for scope in judgement.scopes.keys().filter(|scope| scope.kind == kind) {
                for side in Side::ALL {
                    found.push((at, scope.clone(), side, narrow(judgement, scope, side, &measured)));
                }
            }
        }
        for (at, scope, side, runs) in found {
            if let Some(timeline) = judgements[at].scopes.get_mut(&scope) {
                for run in runs {
                    timeline.runs[side as usize][run].is_narrow = true;
                }
            }
        }
    }
}

/// Returns the positions of the narrow runs of a scope.
fn narrow(judgement: &Judgement, scope: &Scope, side: Side, measured: &[MeasuredDay<'_>]) -> Vec<usize> {
    let Some(timeline) = judgement.scopes.get(scope) else { return Vec::new() };
    let mut found = Vec::new();
    for (at, run) in timeline.runs[side as usize].iter().enumerate() {
        let first = measured.partition_point(|day| day.edition.day.end_us() <= run.start_us);
        let days = measured[first..].iter().take_while(|day| day.edition.day.start_us() < run.end_us);
        let days: Vec<&MeasuredDay<'_>> = days.collect();
        let slot = days.first().map_or(1, |day| i64::from(day.edition.slot_length.seconds()));
        if !run.is_long(&judgement.rule, slot) {
            continue;
        }
        let parts = parts(scope, run, &days, judgement, side);
        let counts_alone = |part: &Run| part.is_counted(&judgement.rule, slot);
        if scope.kind == ScopeKind::Component && parts.iter().any(|(_, part)| counts_alone(part)) {
            continue;
        }
        let services: Vec<&Scope> = parts.iter().map(|(service, _)| *service).collect();
        let breadth = Breadth::of(&services, run, &days, judgement, side);
        let is_asked = |callers: usize| callers < judgement.rule.min_callers as usize;
        if breadth.active.is_some() && breadth.leave_out.is_some_and(is_asked) {
            found.push(at);
        }
    }
    found
}
