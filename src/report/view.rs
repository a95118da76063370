//! A view of the ledger from its newest day, for the status page and the exports.

use super::Drawing;
use crate::attention::Standing;
use crate::day::{Day, Month};
use crate::error::Trouble;
use crate::facts::Gap;
use crate::ledger::{Edition, Extent};
use crate::measure::{DEFINITIONS, Definition, Figure, Outage, Period};
use crate::slots::{Scope, ScopeKind};

/// Days that the view spans, the newest one included.
pub(super) const DAYS: i64 = 90;

/// The definition shown first, and the only one in exports: the published formula (R20).
///
/// The tables hold the figures of all definitions.
pub(super) const DEFINITION: &Definition = &DEFINITIONS[0];

/// The drawing, seen from the newest day.
pub(super) struct View<'a> {
    pub drawing: &'a Drawing<'a>,
    /// `None` before the first edition.
    pub newest: Option<Edition>,
    /// Spans in which a log of the newest day is missing.
    pub gaps: Vec<Gap>,
    /// Events of the newest day of which nobody knows what became, after overrides.
    pub unknown: i64,
}

impl<'a> View<'a> {
    pub fn new(drawing: &'a Drawing<'a>) -> Result<Self, Trouble> {
        let mut newest = None;
        for day in drawing.ledger.days().into_iter().rev() {
            newest = drawing.damaged.or_note(day, drawing.ledger.read(day, Extent::Slots))?;
            if newest.is_some() {
                break;
            }
        }
        if let Some(edition) = &mut newest {
            drawing.figures.restate(edition);
        }
        let Some(Edition { day, number, .. }) = newest else {
            return Ok(Self { drawing, newest, gaps: Vec::new(), unknown: 0 });
        };
        let gaps = drawing.damaged.or_note(day, drawing.ledger.gaps(day, number))?.unwrap_or_default();
        let unknown = drawing.ledger.open_events(day, number)?.unknown;
        Ok(Self { drawing, newest, gaps, unknown })
    }

    /// Returns the attentions that stood open when the newest line was written.
    pub fn standing(&self) -> Vec<Standing> {
        let ledger = self.drawing.ledger;
        ledger.last_wall().map(|wall| ledger.record().standing(Day::of(wall))).unwrap_or_default()
    }

    pub fn newest_day(&self) -> Option<Day> {
        self.newest.as_ref().map(|edition| edition.day)
    }

    /// Returns the newest sealed day and its edition.
    pub fn newest_sealed(&self) -> Option<(Day, u32)> {
        let days = &self.drawing.ledger.record().days;
        days.iter().rev().find_map(|(day, record)| Some((*day, record.sealed?)))
    }

    /// Iterates over the components of the newest day, in all regions.
    pub fn components(&self) -> impl Iterator<Item = &Scope> {
        let scopes = self.newest.iter().flat_map(|edition| edition.slots.scopes());
        scopes.filter(|scope| is_whole_component(scope))
    }

    pub fn day(&self, scope: &Scope, day: Day) -> Option<&'a Figure> {
        let is = |f: &&Figure| f.period == Period::Day(day) && is_of(f, scope);
        self.drawing.figures.days.iter().rev().find(is)
    }

    /// Returns the figures of a month, without and with adjusting entries.
    pub fn month(&self, scope: &Scope, month: Month) -> Option<(&'a Figure, &'a Figure)> {
        let Drawing { figures, adjusted, .. } = self.drawing;
        let mut pairs = figures.months.iter().zip(*adjusted);
        pairs.find(|(f, _)| f.period == Period::Month(month) && is_of(f, scope))
    }

    /// Returns the month of the newest day and the month before it.
    pub fn this_and_last_month(&self) -> Option<[Month; 2]> {
        let this = self.newest_day()?.month();
        Some([this, this.first().plus(-1).month()])
    }

    /// Returns the target of a component in millionths of a percent.
    pub fn target(&self, scope: &Scope) -> Option<i64> {
        let targets = &self.drawing.settings.targets;
        targets.iter().find(|(name, _)| **name == *scope.name).map(|(_, target)| (*target).into())
    }

    /// Returns the first day of the view, [`DAYS`] long.
    pub fn since(&self) -> Option<Day> {
        Some(self.newest_day()?.plus(1 - DAYS))
    }

    /// Iterates over outages in the view, of components in all regions, oldest first.
    pub fn outages(&self) -> impl Iterator<Item = &'a Outage> {
        let since_us = self.since().map_or(0, Day::start_us);
        let outages = self.drawing.figures.outages.iter();
        outages.filter(move |outage| is_whole_component(&outage.scope) && outage.end_us > since_us)
    }
}

pub(super) fn is_whole_component(scope: &Scope) -> bool {
    scope.kind == ScopeKind::Component && scope.is_all_regions()
}

fn is_of(figure: &Figure, scope: &Scope) -> bool {
    figure.scope == *scope && figure.definition.name == DEFINITION.name
}
