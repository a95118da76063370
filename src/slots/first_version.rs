//! The first version of the rule: each slot is judged by itself.
//!
//! Sealed days and the editions of older versions keep the states that it gave them.

use std::collections::BTreeMap;

use super::counted::{Counted, JudgedScope, SlotCounts};
use super::{ALL_REGIONS, Counts, Scope, ScopeKind, State};
use crate::config::Config;
use crate::facts::{Gap, Lost};
use crate::policy::Group;

/// The states of every slot of one scope, gross and net.
type States = [Vec<State>; 2];

/// Judges every slot of every service by itself; the results are in the order of `counted`.
///
/// In a gap of the logs there is nothing to judge by, whatever other sources had: its slots keep
/// their events and are unobserved.
pub fn judge(counted: &Counted, per_day: usize, gaps: &[Gap], config: &Config) -> Vec<JudgedScope> {
    let mut scopes: BTreeMap<Scope, States> = BTreeMap::new();
    for ((name, region), series) in counted {
        let mut states = [vec![State::default(); per_day], vec![State::default(); per_day]];
        for SlotCounts { slot, sides } in series.iter() {
            for (states, counts) in states.iter_mut().zip(sides) {
                states[*slot as usize] = State::of(counts, &config.measure);
            }
        }
        let scope = Scope { kind: ScopeKind::Service, name: name.clone(), region: region.clone() };
        scopes.insert(scope, states);
    }
    let (whole, partial): (Vec<&Gap>, Vec<&Gap>) =
        gaps.iter().partition(|gap| matches!(gap.lost, Lost::Events | Lost::Outcomes));
    for gap in &whole {
        leave_unjudged(gap, &whole, counted, &mut scopes, config);
    }
    let lost: Vec<&Gap> = partial.into_iter().filter(|gap| gap.lost == Lost::SomeEvents).collect();
    doubt_down_slots(&lost, counted, &mut scopes, config);
    scopes.into_values().map(|states| JudgedScope { states, in_gaps: Vec::new() }).collect()
}

/// Leaves the slots of a gap unjudged.
///
/// The region of a service is unobserved, and all regions together are judged by those without a
/// gap. If only the outcomes of messages are lost, failures that are logged still make a slot down
/// if they would do so with every lost outcome a good one: a gap invents no outage and hides none.
fn leave_unjudged(
    gap: &Gap,
    gaps: &[&Gap],
    counted: &Counted,
    scopes: &mut BTreeMap<Scope, States>,
    config: &Config,
) {
    let silent = |lost: Option<Lost>, region: &str, service: &str, slot: u32| {
        gaps.iter().filter(|gap| lost.is_none_or(|lost| gap.lost == lost)).any(|gap| {
            let is_where = gap.region == ALL_REGIONS || gap.region == region;
            let is_when = (gap.start_slot..gap.end_slot).contains(&slot);
            is_where && is_when && gap.services.iter().any(|s| s == service)
        })
    };
    for (scope, states) in scopes.iter_mut().filter(|(s, _)| gap.services.iter().any(|name| *name == *s.name))
    {
        for slot in gap.start_slot..gap.end_slot {
            let (mut judged, mut at_best) = ([Counts::default(); 2], [Counts::default(); 2]);
            for ((name, region), series) in counted {
                let is_part = *name == scope.name
                    && **region != *ALL_REGIONS
                    && (scope.is_all_regions() || *region == scope.region);
                if !is_part || silent(Some(Lost::Events), region, name, slot) {
                    continue;
                }
                let is_silent = silent(None, region, name, slot);
                for (book, counts) in series.at(slot).iter().enumerate() {
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
                states[book][slot as usize] =
                    if is_down { state } else { State::of(&judged[book], &config.measure) };
            }
        }
    }
}

/// Leaves down slots unjudged that missing files of calls could have shown to be up.
///
/// Such a slot stays down only if its failures would suffice with every missing call a good one.
fn doubt_down_slots(gaps: &[&Gap], counted: &Counted, scopes: &mut BTreeMap<Scope, States>, config: &Config) {
    let mut lost: BTreeMap<(Scope, u32), u64> = BTreeMap::new();
    for gap in gaps {
        let Some(file) = &gap.file else { continue };
        let is_near = |scope: &&Scope| {
            let is_where =
                scope.is_all_regions() || gap.region == ALL_REGIONS || *scope.region == *gap.region;
            is_where && gap.services.iter().any(|service| *service == *scope.name)
        };
        for scope in scopes.keys().filter(is_near) {
            let share = if scope.is_all_regions() { file.all_ppm } else { file.region_ppm };
            for slot in gap.start_slot..gap.end_slot {
                *lost.entry((scope.clone(), slot)).or_default() += u64::from(share);
            }
        }
    }
    let measure = &config.measure;
    for ((scope, slot), lost_ppm) in lost {
        let Some(states) = scopes.get_mut(&scope) else { continue };
        let Some(series) = counted.get(&(scope.name, scope.region)) else { continue };
        let left_ppm = i128::from(1_000_000_u64.saturating_sub(lost_ppm));
        for (states, counts) in states.iter_mut().zip(series.at(slot)) {
            let state = &mut states[slot as usize];
            let (bad, judged) = (i128::from(counts.bad()), i128::from(counts.judged(measure)));
            if *state == State::Down && bad * left_ppm < i128::from(measure.unable_ppm) * judged {
                *state = State::Unobserved;
            }
        }
    }
}
