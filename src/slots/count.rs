//! Counting: postings → slots of services → slots of components.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use polars::prelude::PolarsResult;

use super::{ALL_REGIONS, Counts, Scope, ScopeKind, SlotTally, Slots, State, components_of};
use crate::config::Config;
use crate::facts::{Gap, Kind, Lost};
use crate::policy::{Group, Postings};

/// Gross and net counts of one scope, a pair per slot.
type Series = Vec<[Counts; 2]>;
/// Gross and net tallies of one scope, a pair per slot.
type Tallies = Vec<[SlotTally; 2]>;

impl Slots {
    /// Counts the postings of a day.
    ///
    /// Configured services and regions exist even without a row. In a gap of the logs there is
    /// nothing to judge by, whatever other sources had: its slots keep their events and are
    /// unobserved.
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
        let series: BTreeMap<(Arc<str>, Arc<str>), Series> = pairs.into_iter().zip(counted).collect();

        let mut scopes: BTreeMap<Scope, Tallies> = BTreeMap::new();
        for ((name, region), counts) in &series {
            let tallies =
                counts.iter().map(|pair| pair.map(|c| SlotTally::new(c, &config.measure))).collect();
            let scope = Scope { kind: ScopeKind::Service, name: name.clone(), region: region.clone() };
            scopes.insert(scope, tallies);
        }
        let (whole, partial): (Vec<&Gap>, Vec<&Gap>) =
            gaps.iter().partition(|gap| matches!(gap.lost, Lost::Events | Lost::Outcomes));
        for gap in &whole {
            leave_unjudged(gap, &whole, &series, &mut scopes, config);
        }
        let lost: Vec<&Gap> = partial.into_iter().filter(|gap| gap.lost == Lost::SomeEvents).collect();
        doubt_down_slots(&lost, &mut scopes, config);
        join_components(&mut scopes, config, per_day);

        let mut gross = Vec::with_capacity(scopes.len() * per_day);
        let mut net = Vec::with_capacity(scopes.len() * per_day);
        for tallies in scopes.values() {
            gross.extend(tallies.iter().map(|[g, _]| *g));
            net.extend(tallies.iter().map(|[_, n]| *n));
        }
        let scopes = scopes.into_keys().collect();
        match Self::assemble(facts.day(), facts.slot_length(), scopes, gross, net) {
            Ok(slots) => Ok(slots),
            Err(why) => unreachable!("dense by construction: {why}"),
        }
    }
}

/// Leaves the slots of a gap unjudged.
///
/// The region of a service is unobserved, and all regions together are judged by those without a
/// gap. If only the outcomes of messages are lost, failures that are logged still make a slot down
/// if they would do so with every lost outcome a good one: a gap invents no outage and hides none.
fn leave_unjudged(
    gap: &Gap,
    gaps: &[&Gap],
    series: &BTreeMap<(Arc<str>, Arc<str>), Series>,
    scopes: &mut BTreeMap<Scope, Tallies>,
    config: &Config,
) {
    let silent = |lost: Option<Lost>, region: &str, service: &str, slot: usize| {
        gaps.iter().filter(|gap| lost.is_none_or(|lost| gap.lost == lost)).any(|gap| {
            let is_where = gap.region == ALL_REGIONS || gap.region == region;
            let is_when = (gap.start_slot as usize..gap.end_slot as usize).contains(&slot);
            is_where && is_when && gap.services.iter().any(|s| s == service)
        })
    };
    for (scope, tallies) in
        scopes.iter_mut().filter(|(s, _)| gap.services.iter().any(|name| *name == *s.name))
    {
        for slot in gap.start_slot as usize..gap.end_slot as usize {
            let (mut judged, mut at_best) = ([Counts::default(); 2], [Counts::default(); 2]);
            for ((name, region), counts) in series {
                let is_part = *name == scope.name
                    && **region != *ALL_REGIONS
                    && (scope.is_all_regions() || *region == scope.region);
                if !is_part || silent(Some(Lost::Events), region, name, slot) {
                    continue;
                }
                let is_silent = silent(None, region, name, slot);
                for (book, counts) in counts[slot].iter().enumerate() {
                    at_best[book].merge(counts);
                    if is_silent {
                        let open = counts.of(Group::Pending) + counts.of(Group::Unknown);
                        at_best[book].add(Group::Good, open);
                    } else {
                        judged[book].merge(counts);
                    }
                }
            }
            for book in 0..2 {
                let state = State::of(&at_best[book], &config.measure);
                let is_down = state == State::Down;
                tallies[slot][book].state =
                    if is_down { state } else { State::of(&judged[book], &config.measure) };
            }
        }
    }
}

/// Leaves down slots unjudged that missing files of calls could have shown to be up.
///
/// Such a slot stays down only if its failures would suffice with every missing call a good one.
fn doubt_down_slots(gaps: &[&Gap], scopes: &mut BTreeMap<Scope, Tallies>, config: &Config) {
    let mut lost: BTreeMap<(Scope, usize), u64> = BTreeMap::new();
    for gap in gaps {
        let Some(file) = &gap.file else { continue };
        let is_near = |scope: &&Scope| {
            let is_where =
                scope.is_all_regions() || gap.region == ALL_REGIONS || *scope.region == *gap.region;
            is_where && gap.services.iter().any(|service| *service == *scope.name)
        };
        for scope in scopes.keys().filter(is_near) {
            let share = if scope.is_all_regions() { file.all_ppm } else { file.region_ppm };
            for slot in gap.start_slot as usize..gap.end_slot as usize {
                *lost.entry((scope.clone(), slot)).or_default() += u64::from(share);
            }
        }
    }
    let measure = &config.measure;
    for ((scope, slot), lost_ppm) in lost {
        let Some(tallies) = scopes.get_mut(&scope) else { continue };
        let left_ppm = i128::from(1_000_000_u64.saturating_sub(lost_ppm));
        for tally in tallies[slot].iter_mut().filter(|tally| tally.state == State::Down) {
            let (bad, judged) = (i128::from(tally.events.bad()), i128::from(tally.events.judged(measure)));
            if bad * left_ppm < i128::from(measure.unable_ppm) * judged {
                tally.state = State::Unobserved;
            }
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
