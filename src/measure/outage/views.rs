//! Views of outages: one for each day, joined where the days agree.
//!
//! An outage over a midnight may be known otherwise by the days that it touches: a sealed day keeps
//! it as its seal has left it, and days that were made by two rules may not find the same slots.

use std::collections::{BTreeMap, BTreeSet};

use super::{Class, Outage};
use crate::day::{Day, rfc3339};
use crate::facts::Distinct;
use crate::ledger::FrozenOutage;
use crate::measure::measured_day::MeasuredDay;
use crate::slots::Scope;

/// Days agree on an outage if these are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Verdict {
    start_us: i64,
    end_us: i64,
    down_seconds: i64,
    is_counted: bool,
    is_narrow: bool,
}

/// An outage with the days that know it like this.
struct View {
    outage: Outage,
    days: BTreeSet<Day>,
    /// The day that was sealed with it; `None` if an open day has it as it is measured now.
    sealed: Option<Day>,
}

/// The outages of one scope, as each day of a window knows them.
pub(super) struct DayViews {
    /// Days with an edition.
    known: Vec<Day>,
    views: BTreeMap<Verdict, View>,
}

impl DayViews {
    /// Takes the outages of sealed days.
    pub fn of_sealed(scope: &Scope, measured: &[MeasuredDay<'_>]) -> Self {
        let known = measured.iter().map(|day| day.edition.day).collect();
        let mut views = Self { known, views: BTreeMap::new() };
        for day in measured {
            let frozen = day.edition.frozen.iter().flat_map(|frozen| &frozen.outages);
            for outage in frozen.filter_map(|frozen| Outage::of_frozen(frozen, scope)) {
                let day = day.edition.day;
                views.insert(View { outage, days: BTreeSet::from([day]), sealed: Some(day) });
            }
        }
        views
    }

    /// Adds an outage as it is measured now, for the open days that it touches.
    pub fn add(&mut self, outage: Outage, days: Vec<Day>) {
        self.insert(View { outage, days: days.into_iter().collect(), sealed: None });
    }

    fn insert(&mut self, view: View) {
        let Outage { start_us, end_us, down_seconds, is_counted, is_narrow, .. } = view.outage;
        let verdict = Verdict { start_us, end_us, down_seconds, is_counted, is_narrow };
        let Some(known) = self.views.get_mut(&verdict) else {
            self.views.insert(verdict, view);
            return;
        };
        known.days.extend(view.days);
        // What an open day adds is not final; of sealed days, the last one knows most.
        let is_newer = known.sealed.is_some_and(|known| view.sealed.is_none_or(|sealed| known < sealed));
        if is_newer {
            (known.outage, known.sealed) = (view.outage, view.sealed);
        }
    }

    /// Returns the outages by time: whole where all days agree, else the part of each day.
    pub fn outages(self) -> Vec<Outage> {
        let mut found: Vec<Outage> = Vec::new();
        for View { outage, days, .. } in self.views.into_values() {
            let is_touched = |day: &&Day| day.start_us() < outage.end_us && outage.start_us < day.end_us();
            let touched: Vec<Day> = self.known.iter().filter(is_touched).copied().collect();
            if touched.iter().all(|day| days.contains(day)) {
                found.push(outage);
                continue;
            }
            let parts = touched.chunk_by(|a, b| days.contains(a) == days.contains(b));
            let parts = parts.filter(|part| days.contains(&part[0]));
            found.extend(parts.filter_map(|part| outage.on(part, touched.last())));
        }
        found.sort_by_key(|outage| (outage.start_us, outage.end_us));
        found
    }
}

impl Outage {
    /// Returns the part of an outage on some of its days; `None` if nothing is down there.
    ///
    /// Its class, bounds, codes and callers are those of the whole.
    fn on(&self, days: &[Day], last: Option<&Day>) -> Option<Self> {
        let parts: Vec<_> = self.parts.iter().filter(|part| days.contains(&part.day)).cloned().collect();
        let (start_us, end_us) = (parts.first()?.start_us, parts.last()?.end_us);
        Some(Self {
            id: format!("{}:{}", self.scope, rfc3339(start_us)),
            start_us,
            end_us,
            down_seconds: parts.iter().map(|part| part.down_seconds).sum(),
            events_bad: parts.iter().map(|part| part.events_bad).sum(),
            is_ongoing: self.is_ongoing && last.is_some_and(|last| days.contains(last)),
            parts,
            ..self.clone()
        })
    }

    /// Reads an outage of a scope from the table of a sealed day; `None` if it is of another scope.
    fn of_frozen(frozen: &FrozenOutage, scope: &Scope) -> Option<Self> {
        let is_of = frozen.scope_kind == scope.kind
            && *frozen.scope == *scope.name
            && *frozen.region == *scope.region;
        is_of.then(|| Self {
            id: format!("{scope}:{}", rfc3339(frozen.start_us)),
            scope: scope.clone(),
            start_us: frozen.start_us,
            end_us: frozen.end_us,
            down_seconds: frozen.down_seconds,
            at_least_seconds: frozen.at_least_seconds,
            at_most_seconds: frozen.at_most_seconds,
            is_ongoing: frozen.is_ongoing,
            class: Class::ALL
                .into_iter()
                .find(|class| class.name() == frozen.class)
                .unwrap_or(Class::OverFiveMinutes),
            is_counted: frozen.is_counted,
            is_narrow: frozen.is_narrow,
            events_bad: frozen.events_bad,
            top_error_codes: frozen.top_error_codes.clone(),
            callers_hit: frozen.callers_hit,
            callers_active: frozen.callers_active.map(|(count, is_exact)| Distinct { count, is_exact }),
            leave_out: frozen.leave_out,
            loud_callers: frozen.loud_callers.clone(),
            events_left: frozen.events_left,
            top_callers_micro_percent: frozen.top_callers_micro_percent,
            parts: frozen.parts.clone(),
        })
    }

    /// Returns the outage as the table of a sealed day stores it.
    pub(in crate::measure) fn frozen(self) -> FrozenOutage {
        FrozenOutage {
            scope_kind: self.scope.kind,
            scope: self.scope.name.to_string(),
            region: self.scope.region.to_string(),
            start_us: self.start_us,
            end_us: self.end_us,
            down_seconds: self.down_seconds,
            at_least_seconds: self.at_least_seconds,
            at_most_seconds: self.at_most_seconds,
            is_ongoing: self.is_ongoing,
            class: self.class.name().to_owned(),
            is_counted: self.is_counted,
            is_narrow: self.is_narrow,
            events_bad: self.events_bad,
            top_error_codes: self.top_error_codes,
            callers_hit: self.callers_hit,
            callers_active: self.callers_active.map(|active| (active.count, active.is_exact)),
            leave_out: self.leave_out,
            loud_callers: self.loud_callers,
            events_left: self.events_left,
            top_callers_micro_percent: self.top_callers_micro_percent,
            parts: self.parts,
        }
    }
}
