//! Periods: readings of days → figures of days and of calendar months.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::coverage::{self, Coverage};
use super::definition::{CountingRule, Definition};
use super::measured_day::MeasuredDay;
use super::{Budget, Figure, FigureStatus, Period, PeriodSums};
use crate::config::Config;
use crate::day::{DAY_US, Day, Month, SECOND_US};
use crate::ledger::{DayState, FrozenFigure, Outline};
use crate::slots::{Scope, ScopeKind, Side};

/// One published day of one scope.
pub(super) struct DayReading<'a> {
    pub edition: &'a Outline,
    /// Percentages that the seal of the day has left, by definition.
    frozen: &'a [FrozenFigure],
    pub gross: PeriodSums,
    pub net: PeriodSums,
    pub coverage: Coverage,
}

impl<'a> DayReading<'a> {
    /// Sums up a day; `None` if it does not know the scope.
    pub fn of(day: &MeasuredDay<'a>, scope: &Scope) -> Option<Self> {
        Some(Self {
            edition: day.edition,
            frozen: day.frozen.and_then(|frozen| frozen.scope(scope)).map_or(&[], |line| &line.figures),
            gross: PeriodSums::of_day(day, scope, Side::Gross)?,
            net: PeriodSums::of_day(day, scope, Side::Net)?,
            coverage: coverage::of_day(day, scope),
        })
    }
}

/// Returns one figure per published day that knows the scope.
pub(super) fn days(
    definition: &'static Definition,
    scope: &Scope,
    days: &[DayReading<'_>],
    calendar: &FinalMonths,
) -> Vec<Figure> {
    let figure = |day: &DayReading<'_>| {
        let is_over = calendar.as_of.is_some_and(|now| now.timestamp_micros() >= day.edition.day.end_us());
        let figure = Figure {
            period: Period::Day(day.edition.day),
            scope: scope.clone(),
            definition,
            gross: day.gross,
            net: day.net,
            gross_micro_percent: None,
            net_micro_percent: None,
            at_least_micro_percent: None,
            coverage_micro_percent: day.coverage.micro_percent(),
            status: calendar.status(is_over, day.edition.day.month()),
            edition: day.edition.number,
            state: day.edition.state,
            rule_versions: vec![day.edition.definition.version.number()],
            days_published: 1,
            budget: None,
        }
        .percents(&day.edition.definition.measure());
        let frozen = day.frozen.iter().find(|frozen| frozen.definition == definition.name);
        frozen.map_or(figure.clone(), |frozen| Figure {
            gross_micro_percent: frozen.gross,
            net_micro_percent: frozen.net,
            at_least_micro_percent: frozen.at_least,
            ..figure
        })
    };
    days.iter().map(figure).collect()
}

/// Returns the figure of a calendar month, over all its minutes if it is over.
///
/// Before that it covers the days up to the last published one.
pub(super) fn month(
    definition: &'static Definition,
    scope: &Scope,
    month: Month,
    days: &[DayReading<'_>],
    editions: &[Outline],
    config: &Config,
    calendar: &FinalMonths,
) -> Figure {
    let last_published = editions.last().map_or(month.first(), |e| e.day);
    let is_over = last_published >= month.last() || calendar.is_due(month);
    let last = if is_over { month.last() } else { last_published };

    let [mut gross, mut net] = [PeriodSums::default(); 2];
    let mut coverage = Coverage::default();
    let mine: Vec<&DayReading<'_>> = days.iter().filter(|d| d.edition.day.month() == month).collect();
    for day in &mine {
        gross.merge(&day.gross);
        net.merge(&day.net);
        coverage.add(day.coverage);
    }
    // Days without an edition, or with an edition that does not know the scope.
    let missing = month.first().through(last).count() as i64 - mine.len() as i64;
    let slots = missing * i64::from(config.slot.per_day());
    gross.add_unobserved(slots, missing * SECONDS_PER_DAY);
    net.add_unobserved(slots, missing * SECONDS_PER_DAY);
    let widest = mine.iter().map(|d| d.coverage.all).max().unwrap_or(SECONDS_PER_DAY);
    coverage.add(Coverage { observed: 0, all: missing * widest });

    let published: Vec<&Outline> = editions.iter().filter(|e| e.day.month() == month).collect();
    let versions: BTreeSet<u32> = published.iter().map(|e| e.definition.version.number()).collect();
    let figure = Figure {
        period: Period::Month(month),
        scope: scope.clone(),
        definition,
        gross,
        net,
        gross_micro_percent: None,
        net_micro_percent: None,
        at_least_micro_percent: None,
        coverage_micro_percent: coverage.micro_percent(),
        status: calendar.status_of_month(is_over, month, published.len() as u32),
        edition: published.iter().map(|e| e.number).max().unwrap_or(0),
        state: published.iter().map(|e| e.state).min().unwrap_or(DayState::Provisional),
        rule_versions: versions.into_iter().collect(),
        days_published: published.len() as u32,
        budget: budget(definition, scope, month, &net, config),
    };
    figure.percents(&config.measure)
}

const SECONDS_PER_DAY: i64 = DAY_US / SECOND_US;

/// Which months are final: their 10th business day has come, and no day of them is open (R20).
pub(super) struct FinalMonths {
    pub as_of: Option<DateTime<Utc>>,
    /// Months with a day that is not sealed.
    open: BTreeSet<Month>,
}

impl FinalMonths {
    pub fn of(editions: &[Outline], as_of: Option<DateTime<Utc>>) -> Self {
        let open = editions.iter().filter(|edition| edition.state != DayState::Sealed);
        Self { as_of, open: open.map(|edition| edition.day.month()).collect() }
    }

    /// Returns whether the 10th business day after a month has come.
    fn is_due(&self, month: Month) -> bool {
        self.as_of.is_some_and(|now| Day::of(now) >= month.final_at())
    }

    fn status(&self, is_over: bool, month: Month) -> FigureStatus {
        match self.as_of {
            Some(_) if self.is_due(month) && !self.open.contains(&month) => FigureStatus::Final,
            Some(_) if is_over => FigureStatus::Provisional,
            _ => FigureStatus::Running,
        }
    }

    fn status_of_month(&self, is_over: bool, month: Month, published: u32) -> FigureStatus {
        let days = month.first().through(month.last()).count() as u32;
        if is_over && published < days {
            FigureStatus::Incomplete { published, days }
        } else {
            self.status(is_over, month)
        }
    }
}

/// Returns the error budget of a component for the month; targets are internal (R11).
fn budget(
    definition: &Definition,
    scope: &Scope,
    month: Month,
    net: &PeriodSums,
    config: &Config,
) -> Option<Budget> {
    if scope.kind != ScopeKind::Component || !scope.is_all_regions() {
        return None;
    }
    let component = config.components.iter().find(|c| *c.name == *scope.name)?;
    let target = i64::from(component.target_micro_percent?);
    let slot = i64::from(config.slot.seconds());
    let (unit, whole, used) = match definition.rule {
        CountingRule::Runs => {
            let days = month.first().through(month.last()).count() as i64;
            ("slots", days * i64::from(config.slot.per_day()), net.counted_seconds.div_euclid(slot))
        }
        CountingRule::Occurrences => ("events", net.events.judged(&config.measure), net.events.bad()),
    };
    let allowed = i128::from(whole) * i128::from((100_000_000 - target).max(0)) / 100_000_000;
    let allowed = i64::try_from(allowed).unwrap_or(i64::MAX);
    Some(Budget { target_micro_percent: target, unit, allowed, used })
}
