//! Judging a day: counts → judged events → states, with what gaps of the logs take away.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::counted::{Counted, JudgedScope, Series};
use super::scope_slots::GapRun;
use super::{ALL_REGIONS, Judged, Scope, ScopeKind, State, Stretch, Tick, TimelineVerdict};
use crate::config::Config;
use crate::day::{Day, SlotLength};
use crate::facts::{Gap, Lost, LostFile};
use crate::policy::Group;

/// Judged events of a slot in a gap, gross and net.
type SlotInGap = (u32, [Judged; 2]);

/// Judges the slots of every service, as if the day stood alone; the results are in the order of
/// `counted`.
///
/// In a gap of the logs there is nothing to judge by, whatever other sources had: its slots keep
/// their events, and are unobserved unless they are down whatever the lost rows said.
pub fn judge(
    day: Day,
    length: SlotLength,
    counted: &Counted,
    gaps: &[Gap],
    config: &Config,
) -> Vec<JudgedScope> {
    let judged = |((name, region), series): (&(Arc<str>, Arc<str>), &Series)| {
        let scope = Scope { kind: ScopeKind::Service, name: name.clone(), region: region.clone() };
        let in_gaps = in_gaps(&scope, counted, gaps, config);
        let states = |side: usize| states(day, length, judged(series, &in_gaps, side, config), config);
        let gross = states(0);
        // Judging twice what is the same would double the time of a day without overrides.
        let is_unadjusted = series.is_unadjusted() && in_gaps.iter().all(|(_, [gross, net])| gross == net);
        let net = if is_unadjusted { gross.clone() } else { states(1) };
        let mut runs = Vec::new();
        for (slot, sides) in in_gaps {
            GapRun::add(&mut runs, slot, sides);
        }
        JudgedScope { states: [gross, net], in_gaps: runs }
    };
    counted.iter().map(judged).collect()
}

/// Returns the judged events of the slots of one side that have any, by slot.
fn judged(series: &Series, in_gaps: &[SlotInGap], side: usize, config: &Config) -> Vec<(u32, Judged)> {
    let is_in_gap = |slot: u32| in_gaps.binary_search_by_key(&slot, |(slot, _)| *slot).is_ok();
    let counted = series.iter().filter(|counts| !is_in_gap(counts.slot));
    let counted = counted.map(|counts| (counts.slot, Judged::of(&counts.sides[side], &config.measure)));
    let in_gaps = in_gaps.iter().map(|(slot, sides)| (*slot, sides[side]));
    let mut judged: Vec<_> = counted.chain(in_gaps).filter(|(_, judged)| !judged.is_empty()).collect();
    judged.sort_unstable_by_key(|(slot, _)| *slot);
    judged
}

/// Returns the state of every slot; one without judged events is unobserved.
fn states(day: Day, length: SlotLength, judged: Vec<(u32, Judged)>, config: &Config) -> Vec<State> {
    let tick = |(slot, judged): &(u32, Judged)| Tick {
        start_us: day.start_us() + i64::from(*slot) * length.us(),
        seconds: i64::from(length.seconds()),
        judged: *judged,
    };
    let ticks: Vec<Tick> = judged.iter().map(tick).collect();
    let span = Stretch { start_us: day.start_us(), end_us: day.end_us() };
    let verdict = TimelineVerdict::of(&ticks, span, &config.measure);
    let mut states = vec![State::default(); length.per_day() as usize];
    for ((slot, _), state) in judged.iter().zip(verdict.states) {
        states[*slot as usize] = state;
    }
    states
}

/// Returns the judged events of a scope where a gap makes them others than its counts.
///
/// - While all rows of a source are lost, nothing of its services in its region is judged.
/// - While the outcomes of messages are lost, a message without one could be good or bad.
/// - While a file of calls is lost, the slot says which share of them is.
///
/// All regions together are judged by those without such a gap, and are in a gap if every region
/// is. The slots ascend.
fn in_gaps(scope: &Scope, counted: &Counted, gaps: &[Gap], config: &Config) -> Vec<SlotInGap> {
    let of_service: Vec<&Gap> = gaps
        .iter()
        .filter(|gap| gap.lost != Lost::SomeOutcomes && gap.services.iter().any(|s| **s == *scope.name))
        .collect();
    let is_near =
        |gap: &Gap| scope.is_all_regions() || gap.region == ALL_REGIONS || *gap.region == *scope.region;
    let near = of_service.iter().filter(|gap| is_near(gap));
    let slots: BTreeSet<u32> = near.flat_map(|gap| gap.start_slot..gap.end_slot).collect();
    let regions: Vec<(&Arc<str>, &Series)> = counted
        .iter()
        .filter(|((name, region), _)| {
            let is_part = scope.is_all_regions() || *region == scope.region;
            *name == scope.name && **region != *ALL_REGIONS && is_part
        })
        .map(|((_, region), series)| (region, series))
        .collect();
    let judged = |slot: u32| {
        let is_then = |gap: &&Gap| (gap.start_slot..gap.end_slot).contains(&slot);
        let here: Vec<&Gap> = of_service.iter().copied().filter(is_then).collect();
        let loses = |lost: Lost, region: &str| {
            here.iter().any(|gap| gap.lost == lost && (gap.region == ALL_REGIONS || gap.region == *region))
        };
        let mut sides = [Judged { is_gap: true, ..Judged::default() }; 2];
        for (region, series) in &regions {
            let is_silent = loses(Lost::Events, region);
            let is_open = loses(Lost::Outcomes, region);
            for (side, counts) in sides.iter_mut().zip(&series.at(slot)) {
                side.is_gap &= is_silent || is_open;
                if is_silent {
                    continue;
                }
                side.merge(&Judged::of(counts, &config.measure));
                if is_open {
                    side.unknown += counts.of(Group::Pending);
                }
            }
        }
        let files = here.iter().filter(|gap| gap.lost == Lost::SomeEvents && is_near(gap));
        let share = |file: &LostFile| if scope.is_all_regions() { file.all_ppm } else { file.region_ppm };
        let shares = files.filter_map(|gap| gap.file.as_ref()).map(share);
        let lost_ppm = shares.fold(0, u32::saturating_add).min(1_000_000);
        (slot, sides.map(|side| Judged { lost_ppm, ..side }))
    };
    slots.into_iter().map(judged).collect()
}
