//! Counting: postings → slots of services → slots of components.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use polars::prelude::PolarsResult;

use super::counted::{Counted, Series, Tallies};
use super::judge::{JudgedDay, judge};
use super::{ALL_REGIONS, Counts, Scope, ScopeKind, SlotTally, Slots, components_of, first_version};
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
        let mut counted: Vec<Series> = vec![vec![[Counts::default(); 2]; per_day]; pairs.len()];
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
                let [gross, net] = &mut counted[at][sum.key[0] as usize];
                gross.add(group, sum.gross);
                net.add(group, sum.net);
            }
        }
        let counted: Counted = pairs.into_iter().zip(counted).collect();

        let (day, length) = (facts.day(), facts.slot_length());
        let JudgedDay { services: mut scopes, in_gaps } = if config.measure.version.is_first() {
            JudgedDay { services: first_version::judge(&counted, gaps, config), ..JudgedDay::default() }
        } else {
            judge(day, length, &counted, gaps, config)
        };
        join_components(&mut scopes, config, per_day);

        let mut gross = Vec::with_capacity(scopes.len() * per_day);
        let mut net = Vec::with_capacity(scopes.len() * per_day);
        let mut names = Vec::with_capacity(scopes.len());
        for (scope, tallies) in scopes {
            gross.extend(tallies.iter().map(|[g, _]| *g));
            net.extend(tallies.iter().map(|[_, n]| *n));
            names.push(scope);
        }
        match Self::assemble(day, length, names, gross, net) {
            Ok(slots) => Ok(slots.with_gaps(in_gaps)),
            Err(why) => unreachable!("dense by construction: {why}"),
        }
    }
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

/// Adds the slots of every component.
///
/// For each region they come from its services in that region, and for all regions from the
/// services' own slots for all regions.
fn join_components(scopes: &mut BTreeMap<Scope, Tallies>, config: &Config, per_day: usize) {
    let services: BTreeSet<Arc<str>> = scopes.keys().map(|s| Arc::clone(&s.name)).collect();
    let services: Vec<_> = services.into_iter().collect();
    let mut joined: BTreeMap<Scope, Tallies> = BTreeMap::new();
    for component in components_of(config, &services) {
        let empty = || vec![[SlotTally::default(); 2]; per_day];
        joined.insert(Scope::new(ScopeKind::Component, &component.name, ALL_REGIONS), empty());
        for (scope, tallies) in
            scopes.iter().filter(|(s, _)| component.services.iter().any(|n| **n == *s.name))
        {
            let whole = Scope::new(ScopeKind::Component, &component.name, &scope.region);
            for (sum, part) in joined.entry(whole).or_insert_with(empty).iter_mut().zip(tallies) {
                sum[0].join(&part[0]);
                sum[1].join(&part[1]);
            }
        }
    }
    scopes.append(&mut joined);
}
