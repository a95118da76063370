//! Measure: outlines of editions → figures over any window.
//!
//! Figures that span days are not stored: runs are found over the whole timeline first, and clipped
//! to days and months afterwards. So the verdict on a slot does not depend on where midnight falls.
//! Only sealed days are shown by the figures that their seals have stored ([`freeze`]).

mod condition;
mod coverage;
mod definition;
mod figure;
mod freeze;
mod measured_day;
mod outage;
mod period;
mod period_sums;
mod runs;
mod timeline;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::config::Config;
use crate::day::{Day, Month};
use crate::ledger::{DefinitionSettings, Edition, Outline};
use crate::slots::{DayStates, Scope};

pub use condition::{Condition, condition};
pub use definition::{CountingRule, DEFINITIONS, Definition, floor_percent};
pub use figure::{Budget, Figure, FigureStatus, Period};
pub use freeze::freeze;
pub use outage::{Class, Outage};
pub use period_sums::PeriodSums;
pub use runs::Run;
pub use timeline::is_linked;

use measured_day::MeasuredDay;
use period::{DayReading, FinalMonths};

/// All figures of a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// The latest clock of the editions; `None` without editions.
    pub as_of: Option<DateTime<Utc>>,
    /// Version of the job that published the edition with that clock.
    pub job_version: String,
    /// Policy fingerprint of the newest day.
    pub policy: String,
    /// A line with the settings of the definitions.
    pub definition: String,
    /// By day, scope, definition.
    pub days: Vec<Figure>,
    /// By month, scope, definition.
    pub months: Vec<Figure>,
    /// Net, by start, then scope.
    pub outages: Vec<Outage>,
    /// Scopes whose states differ from those of the day alone, because of the days around.
    pub restated: BTreeMap<Day, Vec<(Scope, DayStates)>>,
}

impl Figures {
    /// Gives the slots of an edition the states that they have together with the days around.
    pub fn restate(&self, edition: &mut Edition) {
        if let Some(scopes) = self.restated.get(&edition.day) {
            edition.slots.restate(scopes);
        }
    }
}

/// Draws the figures of editions, which ascend by day; days without an edition are unobserved.
pub fn draw(editions: &[Outline], config: &Config) -> Figures {
    let newest = editions.iter().max_by_key(|e| e.as_of);
    let as_of = newest.map(|e| e.as_of);
    let scopes: BTreeSet<&Scope> =
        editions.iter().flat_map(|e| e.scopes.iter().map(|line| &line.scope)).collect();
    let months: BTreeSet<Month> = editions.iter().map(|e| e.day.month()).collect();

    let mut figures = Figures {
        as_of,
        job_version: newest.map(|e| e.job_version.clone()).unwrap_or_default(),
        policy: editions.last().map(|e| e.policy.clone()).unwrap_or_default(),
        definition: DefinitionSettings::from(&config.measure).settings(),
        days: Vec::new(),
        months: Vec::new(),
        outages: Vec::new(),
        restated: BTreeMap::new(),
    };
    let mut judgements = timeline::judge(editions);
    outage::mark_narrow(editions, &mut judgements);
    let measured = MeasuredDay::all(editions, &judgements);
    let shown: Vec<MeasuredDay<'_>> = measured.iter().map(MeasuredDay::shown).collect();
    let calendar = FinalMonths::of(editions, as_of);
    for scope in scopes {
        let days: Vec<DayReading<'_>> = shown.iter().filter_map(|day| DayReading::of(day, scope)).collect();
        for definition in &DEFINITIONS {
            figures.days.extend(period::days(definition, scope, &days, &calendar));
            for month in &months {
                let of_month = period::month(definition, scope, *month, &days, editions, config, &calendar);
                figures.months.push(of_month);
            }
        }
        figures.outages.extend(outage::outages(scope, &judgements, &measured));
    }
    let restated = shown.iter().map(|day| (day.edition.day, day.restated()));
    figures.restated = restated.filter(|(_, scopes)| !scopes.is_empty()).collect();
    figures.days.sort_by(|a, b| a.key().cmp(&b.key()));
    figures.months.sort_by(|a, b| a.key().cmp(&b.key()));
    figures.outages.sort_by(|a, b| (a.start_us, &a.scope).cmp(&(b.start_us, &b.scope)));
    figures
}
