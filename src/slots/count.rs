//! Counting: postings → slots of services → slots of components.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use polars::prelude::PolarsResult;

use super::counted::{Counted, JudgedScope, Series};
use super::judge::judge;
use super::scope_slots::{CountedSlot, ScopeSlots, SideSlots};
use super::{ALL_REGIONS, Scope, ScopeKind, Slots, State, components_of, first_version};
use crate::config::Config;
use crate::facts::{Gap, Kind};
use crate::policy::Postings;

impl Slots {
    /// Counts the postings of a day.
    ///
    /// Configured services and regions exist even without a row. States are those of the day
    /// alone: a run over midnight is found when the ledger is measured.
    pub fn count(postings: &Postings, gaps: &[Gap], config: &Config) -> PolarsResult<Self> {
        let facts = postings.facts();
        let per_day = facts.slot_length().per_day() as usize;

        let pairs: Vec<(Arc<str>, Arc<str>)> = pairs(postings, config).into_iter().collect();
        let mut counted: Vec<Series> = vec![Series::default(); pairs.len()];
        let place = |kind: &Kind, region: &str| {
            let key = (kind.service.as_str(), region);
            let found = pairs.binary_search_by(|(service, region)| (&**service, &**region).cmp(&key));
            let Ok(at) = found else { unreachable!("pairs() names every service and region of the facts") };
            at
        };
        let places = |kind: &Kind| [place(kind, &kind.region), place(kind, ALL_REGIONS)];
        let places: Vec<[usize; 2]> = facts.kinds().iter().map(places).collect();
        for sum in postings.sums(["slot", "class"], |kind, account| Some((places[kind], account.group())))? {
            let (places, group) = sum.class;
            for at in places {
                counted[at].add(sum.key[0], group, [sum.gross, sum.net]);
            }
        }
        let counted: Counted = pairs.into_iter().zip(counted).collect();

        let (day, length) = (facts.day(), facts.slot_length());
        let judged = if config.measure.version.is_first() {
            first_version::judge(&counted, per_day, gaps, config)
        } else {
            judge(day, length, &counted, gaps, config)
        };
        let mut services: Vec<(Scope, ScopeSlots)> = Vec::with_capacity(counted.len());
        for (((name, region), series), judged) in counted.into_iter().zip(judged) {
            let scope = Scope { kind: ScopeKind::Service, name, region };
            services.push((scope, scope_slots(&series, judged)));
        }
        let mut scopes = components(&services, config, per_day);
        scopes.extend(services);
        match Self::assemble(day, length, scopes) {
            Ok(slots) => Ok(slots),
            Err(why) => unreachable!("sorted by construction: {why}"),
        }
    }
}

/// Puts counts and states of one service and region together.
fn scope_slots(series: &Series, judged: JudgedScope) -> ScopeSlots {
    let JudgedScope { states: [gross, net], in_gaps } = judged;
    let side = |states: Vec<State>, side: usize| {
        let events =
            series.iter().map(|counts| CountedSlot { slot: counts.slot, events: counts.sides[side] });
        SideSlots::new(states, events)
    };
    ScopeSlots::new([side(gross, 0), side(net, 1)], in_gaps)
}

/// Returns the (service, region) pairs that exist; each service also has all regions together.
///
/// These are configured services in configured regions, and all pairs of the facts.
fn pairs(postings: &Postings, config: &Config) -> BTreeSet<(Arc<str>, Arc<str>)> {
    let mut pairs = BTreeSet::new();
    for service in &config.services {
        for region in config.regions.iter().map(String::as_str).chain([ALL_REGIONS]) {
            pairs.insert((service.name.as_str().into(), region.into()));
        }
    }
    for kind in postings.facts().kinds() {
        for region in [kind.region.as_str(), ALL_REGIONS] {
            pairs.insert((kind.service.as_str().into(), region.into()));
        }
    }
    pairs
}

/// Returns the slots of every component, sorted by scope.
///
/// For each region they come from its services in that region, and for all regions from the
/// services' own slots for all regions.
fn components(services: &[(Scope, ScopeSlots)], config: &Config, per_day: usize) -> Vec<(Scope, ScopeSlots)> {
    let mut names: Vec<Arc<str>> = services.iter().map(|(scope, _)| Arc::clone(&scope.name)).collect();
    names.dedup();
    let mut components: BTreeMap<Scope, ScopeSlots> = BTreeMap::new();
    for component in components_of(config, &names) {
        let mut regions: BTreeMap<&str, Vec<&ScopeSlots>> = BTreeMap::from([(ALL_REGIONS, Vec::new())]);
        let is_part = |scope: &Scope| component.services.iter().any(|name| **name == *scope.name);
        for (scope, slots) in services.iter().filter(|(scope, _)| is_part(scope)) {
            regions.entry(&scope.region).or_default().push(slots);
        }
        for (region, parts) in regions {
            let scope = Scope::new(ScopeKind::Component, &component.name, region);
            components.insert(scope, ScopeSlots::joined(&parts, per_day));
        }
    }
    components.into_iter().collect()
}
