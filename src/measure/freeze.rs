//! Freeze: the figures of days as they are measured now, to be stored with their seals.

use std::collections::BTreeSet;

use super::measured_day::MeasuredDay;
use super::period::{self, DayReading, FinalMonths};
use super::{DEFINITIONS, Figure, outage, timeline};
use crate::day::Day;
use crate::ledger::{FrozenDay, FrozenFigure, FrozenScope, Outline};
use crate::slots::{Scope, Side};

/// Measures days of a window as the editions say, each by its own rule.
///
/// The editions ascend by day, and hold all days that a run of down slots can reach from them.
pub fn freeze(editions: &[Outline], days: &BTreeSet<Day>) -> Vec<FrozenDay> {
    let mut judgements = timeline::judge(editions);
    outage::mark_narrow(editions, &mut judgements);
    let measured = MeasuredDay::all(editions, &judgements);
    let calendar = FinalMonths::of(editions, None);
    let frozen = |day: &MeasuredDay<'_>| {
        let scopes: Vec<&Scope> = day.edition.scopes.iter().map(|line| &line.scope).collect();
        let outages = scopes.iter().flat_map(|scope| outage::to_freeze(scope, &judgements, &measured, day));
        FrozenDay {
            day: day.edition.day,
            edition: day.edition.number,
            slot_length: day.edition.slot_length,
            scopes: scopes.iter().filter_map(|scope| frozen_scope(day, scope, &calendar)).collect(),
            outages: outages.map(outage::Outage::frozen).collect(),
        }
    };
    measured.iter().filter(|day| days.contains(&day.edition.day)).map(frozen).collect()
}

fn frozen_scope(day: &MeasuredDay<'_>, scope: &Scope, calendar: &FinalMonths) -> Option<FrozenScope> {
    let reading = [DayReading::of(day, scope)?];
    let seconds = i64::from(day.edition.slot_length.seconds());
    let figures =
        DEFINITIONS.iter().flat_map(|definition| period::days(definition, scope, &reading, calendar));
    let figure = |figure: Figure| FrozenFigure {
        definition: figure.definition.name.to_owned(),
        gross: figure.gross_micro_percent,
        net: figure.net_micro_percent,
        at_least: figure.at_least_micro_percent,
    };
    let states = |side| day.states(scope, side).cloned();
    let [DayReading { gross, net, coverage, .. }] = &reading;
    Some(FrozenScope {
        scope: scope.clone(),
        states: [states(Side::Gross)?, states(Side::Net)?],
        sums: [gross, net].map(|sums| sums.to_freeze(seconds)),
        coverage: [coverage.observed, coverage.all],
        figures: figures.map(figure).collect(),
    })
}
