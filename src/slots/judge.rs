//! Judging a day: counts → judged events → states, with what gaps of the logs take away.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::counted::{Counted, Series, Tallies};
use super::{ALL_REGIONS, Judged, Scope, ScopeKind, SlotTally, State, Stretch, Tick, TimelineVerdict};
use crate::config::Config;
use crate::day::{Day, SlotLength};
use crate::facts::{Gap, Lost, LostFile};
use crate::policy::Group;

/// The slots of a day's services, and where their verdict does not rest on their counts.
#[derive(Default)]
pub struct JudgedDay {
    pub services: BTreeMap<Scope, Tallies>,
    /// Judged events by scope and slot, where a gap makes them others than the counts say.
    pub in_gaps: BTreeMap<(Scope, u32), [Judged; 2]>,
}

/// Judges the slots of every service, as if the day stood alone.
///
/// In a gap of the logs there is nothing to judge by, whatever other sources had: its slots keep
/// their events, and are unobserved unless they are down whatever the lost rows said.
pub fn judge(day: Day, length: SlotLength, counted: &Counted, gaps: &[Gap], config: &Config) -> JudgedDay {
    let mut judged = JudgedDay::default();
    for (name, region) in counted.keys() {
        let scope = Scope { kind: ScopeKind::Service, name: name.clone(), region: region.clone() };
        let in_gaps = in_gaps(&scope, counted, gaps, config);
        let series = &counted[&(name.clone(), region.clone())];
        let states = [0, 1].map(|side| {
            let judged = |(slot, counts): (usize, &[_; 2])| {
                let of_gap = in_gaps.get(&(slot as u32)).map(|sides| sides[side]);
                of_gap.unwrap_or_else(|| Judged::of(&counts[side], &config.measure))
            };
            states(day, length, series.iter().enumerate().map(judged), config)
        });
        let tallies = series.iter().enumerate().map(|(slot, counts)| {
            [0, 1].map(|side| SlotTally { events: counts[side], state: states[side][slot] })
        });
        let tallies = tallies.collect();
        judged.in_gaps.extend(in_gaps.into_iter().map(|(slot, sides)| ((scope.clone(), slot), sides)));
        judged.services.insert(scope, tallies);
    }
    judged
}

fn states(day: Day, length: SlotLength, judged: impl Iterator<Item = Judged>, config: &Config) -> Vec<State> {
    let tick = |(slot, judged)| Tick {
        start_us: day.start_us() + slot * length.us(),
        seconds: i64::from(length.seconds()),
        judged,
    };
    let ticks: Vec<Tick> = (0..).zip(judged).map(tick).collect();
    let span = Stretch { start_us: day.start_us(), end_us: day.end_us() };
    TimelineVerdict::of(&ticks, span, &config.measure).states
}

/// Returns the judged events of a scope where a gap makes them others than its counts.
///
/// - While all rows of a source are lost, nothing of its services in its region is judged.
/// - While the outcomes of messages are lost, a message without one could be good or bad.
/// - While a file of calls is lost, the slot says which share of them is.
///
/// All regions together are judged by those without such a gap, and are in a gap if every region
/// is.
fn in_gaps(scope: &Scope, counted: &Counted, gaps: &[Gap], config: &Config) -> BTreeMap<u32, [Judged; 2]> {
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
            for (side, counts) in sides.iter_mut().zip(&series[slot as usize]) {
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
