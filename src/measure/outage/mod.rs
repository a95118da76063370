//! Outages: runs of down slots, with their class, codes and callers.

mod bounds;
mod breadth;
mod class;
mod views;

use std::collections::BTreeMap;

use bounds::Bounds;
use breadth::{Breadth, parts};
use views::DayViews;

use super::floor_percent;
use super::measured_day::MeasuredDay;
use super::runs::Run;
use super::timeline::{Judgement, slots_of};
use crate::day::{SECOND_US, rfc3339};
use crate::facts::Distinct;
use crate::facts::ids::Map;
use crate::ledger::{BadLine, OutagePart, Outline};
use crate::slots::{Scope, Side, State};

pub use class::Class;

pub(super) use breadth::mark_narrow;

/// Runs of one scope that overlap or touch, net.
#[derive(Debug, Clone, PartialEq)]
pub struct Outage {
    /// Scope and start, so that the same outage keeps its id from one edition to the next.
    pub id: String,
    pub scope: Scope,
    pub start_us: i64,
    pub end_us: i64,
    /// Down slots only; less than the span if other slots lie between.
    pub down_seconds: i64,
    /// From the first to the last bad event, rounded down; `None` if the instants are not known.
    pub at_least_seconds: Option<i64>,
    /// From the last success before to the first one after, rounded up; `None` if there is none.
    pub at_most_seconds: Option<i64>,
    /// True if no success has followed up to the end of the data.
    pub is_ongoing: bool,
    pub class: Class,
    /// Long enough to count under the definition `whatsapp`, and of enough callers.
    pub is_counted: bool,
    /// True if it does not count because fewer callers than `min_callers` make it long enough.
    pub is_narrow: bool,
    pub events_bad: i64,
    /// Up to five codes with their events, most frequent first: `131016:1234 none:3`.
    pub top_error_codes: String,
    /// Named callers with bad events in its down slots.
    pub callers_hit: i64,
    /// Callers that were active in the hours of its down slots, or an estimate of them.
    ///
    /// `None` if fewer than half of the calls name one, or the edition keeps no sketches of them.
    pub callers_active: Option<Distinct>,
    /// Fewest callers without whose bad events nothing of it is long enough to count.
    ///
    /// `None` if it is too short, or long enough without the bad events of all named callers.
    pub leave_out: Option<i64>,
    /// These callers, if there are at most two.
    pub loud_callers: Vec<String>,
    /// Good and bad events of its down slots without the bad events of those callers.
    pub events_left: [i64; 2],
    /// Share of the three callers with the most bad events, millionths of a percent.
    ///
    /// `None` if no caller is known.
    pub top_callers_micro_percent: Option<i64>,
    /// Its parts on the days that it touches, in order.
    pub parts: Vec<OutagePart>,
}

/// Active callers besides the loud ones from which on a fault of the platform would show in others.
const MIN_OTHERS: i64 = 3;

impl Outage {
    /// Returns the callers that alone make the outage count, if that looks like their own fault.
    ///
    /// There are one or two of them, at least three others were active in these hours, and without
    /// their bad events less than a tenth of the events of its down slots are bad.
    pub fn suspected_callers(&self) -> &[String] {
        let others =
            self.callers_active.map_or(0, |active| active.count as i64 - self.loud_callers.len() as i64);
        let [good, bad] = self.events_left;
        let is_suspected = self.is_counted && others >= MIN_OTHERS && bad * 10 < good + bad;
        if is_suspected { &self.loud_callers } else { &[] }
    }

    /// Returns the seconds from start to end, unobserved slots included.
    pub const fn span_seconds(&self) -> i64 {
        (self.end_us - self.start_us) / SECOND_US
    }
}

/// Returns the outages of a scope, net, by time.
///
/// A day is shown by its own rule, and a sealed day as its seal has left it. Where the days of an
/// outage agree on it, it is one; where they do not, each of them has its part.
pub(super) fn outages(scope: &Scope, judgements: &[Judgement], measured: &[MeasuredDay<'_>]) -> Vec<Outage> {
    let mut views = DayViews::of_sealed(scope, measured);
    for judgement in judgements {
        let runs = judgement.scopes.get(scope).map(|timeline| &timeline.runs[Side::Net as usize]);
        for run in runs.into_iter().flatten() {
            let first = measured.partition_point(|day| day.edition.day.end_us() <= run.start_us);
            let days = measured[first..].iter().take_while(|day| day.edition.day.start_us() < run.end_us);
            let days: Vec<&MeasuredDay<'_>> = days.collect();
            let is_shown = |day: &&&MeasuredDay<'_>| {
                day.judgement.rule == judgement.rule && day.edition.frozen.is_none()
            };
            let shown: Vec<_> = days.iter().filter(is_shown).map(|day| day.edition.day).collect();
            if !shown.is_empty() {
                views.add(outage(scope, run, first, &days, judgement, measured), shown);
            }
        }
    }
    views.outages()
}

/// Returns the outages of a scope as the editions alone say, by the rule of each day.
pub(super) fn to_freeze(
    scope: &Scope,
    judgements: &[Judgement],
    measured: &[MeasuredDay<'_>],
    day: &MeasuredDay<'_>,
) -> Vec<Outage> {
    let of_day = |judgement: &&Judgement| judgement.rule == day.judgement.rule;
    let runs = judgements.iter().filter(of_day).filter_map(|judgement| judgement.scopes.get(scope));
    let touches =
        |run: &&Run| run.start_us < day.edition.day.end_us() && day.edition.day.start_us() < run.end_us;
    let runs = runs.flat_map(|timeline| &timeline.runs[Side::Net as usize]).filter(touches);
    let outage = |run: &Run| {
        let first = measured.partition_point(|day| day.edition.day.end_us() <= run.start_us);
        let days = measured[first..].iter().take_while(|day| day.edition.day.start_us() < run.end_us);
        outage(scope, run, first, &days.collect::<Vec<_>>(), day.judgement, measured)
    };
    runs.map(outage).collect()
}

fn outage(
    scope: &Scope,
    run: &Run,
    first: usize,
    days: &[&MeasuredDay<'_>],
    judgement: &Judgement,
    measured: &[MeasuredDay<'_>],
) -> Outage {
    let mut of_days: Vec<OutagePart> = Vec::new();
    let mut codes: BTreeMap<Option<i64>, i64> = BTreeMap::new();
    let mut callers: Map<&str, i64> = Map::default();
    for (at, edition) in days.iter().map(|day| day.edition).enumerate() {
        let mut events_bad = 0;
        for line in lines(edition, run).iter().filter(|l| is_in(l, scope, edition)) {
            *codes.entry(line.error_code).or_default() += line.events_net;
            *callers.entry(&line.caller).or_default() += line.events_net;
            events_bad += line.events_net;
        }
        of_days.extend(part(scope, run, first + at, edition, judgement, events_bad));
    }
    codes.retain(|_, events| *events != 0);
    let events_bad: i64 = codes.values().sum();
    let of_code_2 = codes.get(&Some(2)).copied().unwrap_or(0);

    let mut codes: Vec<_> = codes.into_iter().collect();
    codes.sort_by_key(|(code, events)| (-events, *code));
    let word = |code: Option<i64>| code.map_or("none".to_owned(), |c| c.to_string());
    let codes: Vec<String> =
        codes.iter().take(5).map(|(c, events)| format!("{}:{events}", word(*c))).collect();

    callers.remove("-");
    let mut callers: Vec<i64> = callers.into_values().collect();
    callers.sort_unstable_by_key(|events| -events);
    let top: i64 = callers.iter().take(3).sum();

    let slot = days.first().map_or(1, |day| i64::from(day.edition.slot_length.seconds()));
    let parts = parts(scope, run, days, judgement, Side::Net);
    let mut bounds = Bounds::default();
    for (service, run) in &parts {
        bounds.join(&Bounds::of(service, run, measured));
    }
    let services: Vec<&Scope> = parts.iter().map(|(service, _)| *service).collect();
    let breadth = Breadth::of(&services, run, days, judgement, Side::Net);
    // An outage of the first version of the rule, or of a day whose instants are not known.
    let is_first = judgement.rule.version.is_first();
    let at_least = bounds.at_least_seconds().filter(|_| !is_first);
    let at_most = bounds.at_most_seconds().filter(|_| !is_first);
    let class = match at_least {
        Some(at_least) => {
            Class::of(at_least, at_most, events_bad > 0 && of_code_2 * 100 >= events_bad * UPDATE_PERCENT)
        }
        None => Class::of_slots(run.down_seconds, events_bad > 0 && of_code_2 == events_bad),
    };
    let end_of_data = measured.last().map_or(run.end_us, |day| day.edition.day.end_us());
    let reach = i64::from(judgement.rule.max_gap_seconds) * SECOND_US;
    Outage {
        id: format!("{scope}:{}", rfc3339(run.start_us)),
        scope: scope.clone(),
        start_us: run.start_us,
        end_us: run.end_us,
        down_seconds: run.down_seconds,
        at_least_seconds: at_least,
        at_most_seconds: at_most,
        is_ongoing: match bounds.at_least_seconds() {
            Some(_) => end_of_data - run.end_us <= reach && !bounds.has_ended(),
            None => run.end_us >= end_of_data,
        },
        class,
        is_counted: run.is_counted(&judgement.rule, slot),
        is_narrow: run.is_narrow,
        events_bad,
        top_error_codes: codes.join(" "),
        callers_hit: breadth.hit as i64,
        callers_active: breadth.active,
        leave_out: breadth.leave_out.map(|n| n as i64),
        loud_callers: breadth.loud,
        events_left: breadth.left,
        top_callers_micro_percent: if top > 0 { floor_percent(top, events_bad) } else { None },
        parts: of_days,
    }
}

/// Returns the part of a run that lies on a day; `None` if none of its slots there are down.
fn part(
    scope: &Scope,
    run: &Run,
    at: usize,
    edition: &Outline,
    judgement: &Judgement,
    events_bad: i64,
) -> Option<OutagePart> {
    let states = judgement.scopes.get(scope)?.states.get(&at)?;
    let states = &states[Side::Net as usize];
    let (day, length) = (edition.day, edition.slot_length);
    let down = slots_of(edition, run.start_us, run.end_us).filter(|slot| states[*slot] == State::Down);
    let down: Vec<i64> = down.map(|slot| day.start_us() + slot as i64 * length.us()).collect();
    let (first, last) = down.first().zip(down.last())?;
    let down_seconds = down.len() as i64 * i64::from(length.seconds());
    Some(OutagePart { day, start_us: *first, end_us: last + length.us(), down_seconds, events_bad })
}

/// Share of bad events with code 2 from which an update explains an outage, in percent (R13).
const UPDATE_PERCENT: i64 = 95;

/// Returns the bad lines of a day that lie in a run; they are sorted by slot.
fn lines<'a>(edition: &'a Outline, run: &Run) -> &'a [BadLine] {
    let start = |line: &BadLine| edition.day.start_us() + i64::from(line.slot) * edition.slot_length.us();
    let from = edition.bad.partition_point(|line| start(line) < run.start_us);
    let to = edition.bad.partition_point(|line| start(line) < run.end_us);
    edition.bad.get(from..to).unwrap_or_default()
}

fn is_in(line: &BadLine, scope: &Scope, edition: &Outline) -> bool {
    let is_there = scope.is_all_regions() || *scope.region == *line.region;
    is_there && edition.definition.includes(scope, &line.service)
}
