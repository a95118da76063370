//! Runs: stretches of failing slots in which the failures outweigh the successes.
//!
//! A slot is *failing* when something in it is bad and bad / (good + bad) reaches `unable_ratio`. A
//! run is a stretch from a failing slot to a failing slot in which
//!
//! 1. the bad events reach `unable_ratio` x `min_events`;
//! 2. read from either end, the failures so far are never less than `unable_ratio` of the events
//!    so far;
//! 3. between two failing slots lie at most `max_gap_minutes` with fewer than (1 - `unable_ratio`)
//!    x `min_events` successes, user-caused answers included.
//!
//! A failing slot in a run is down. Each condition only gets harder by a success and easier by a
//! failure, so a success never makes anything worse, a failure nothing better, and neither the
//! direction of reading nor midnight matters.

use crate::config::SlotRule;
use crate::day::SECOND_US;

use super::Judged;

/// One slot of one service and region on a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    pub start_us: i64,
    pub seconds: i64,
    pub judged: Judged,
}

impl Tick {
    pub const fn end_us(&self) -> i64 {
        self.start_us + self.seconds * SECOND_US
    }
}

/// Runs of one service and region that overlap or touch, taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stretch {
    pub start_us: i64,
    pub end_us: i64,
}

impl Stretch {
    /// Joins stretches that overlap or touch; the result ascends by time.
    pub fn join(stretches: &mut Vec<Self>) {
        stretches.sort_unstable();
        stretches.dedup_by(|next, open| {
            let is_one = next.start_us <= open.end_us;
            if is_one {
                open.end_us = open.end_us.max(next.end_us);
            }
            is_one
        });
    }
}

/// Finds the runs of a timeline; those that overlap or touch are one stretch.
///
/// Ticks ascend by time; slots without a tick have no event. Unknown events are not looked at: the
/// caller decides what they were ([`Judged::at_best`], [`Judged::at_worst`]). It takes time in
/// proportion to the ticks, because a year of thin traffic may be one chain of failing slots.
pub fn runs(ticks: &[Tick], rule: &SlotRule) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for chain in chains(ticks, rule) {
        for (first, last) in longest(chain, rule) {
            let (start_us, end_us) = (chain[first].start_us, chain[last].end_us());
            match stretches.last_mut() {
                Some(open) if start_us <= open.end_us => open.end_us = open.end_us.max(end_us),
                _ => stretches.push(Stretch { start_us, end_us }),
            }
        }
    }
    stretches
}

/// Cuts a timeline where no run can pass (condition 3); each part begins and ends with a failing
/// slot.
fn chains<'a>(ticks: &'a [Tick], rule: &SlotRule) -> Vec<&'a [Tick]> {
    let needed = i128::from(1_000_000 - rule.unable_ppm) * i128::from(rule.min_events);
    let mut chains = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    let mut successes: i128 = 0;
    for (at, tick) in ticks.iter().enumerate() {
        if !tick.judged.is_failing(rule) {
            successes += i128::from(tick.judged.good) + i128::from(tick.judged.answered);
            continue;
        }
        let before = open.map(|(_, last)| ticks[last].end_us());
        let is_near =
            before.is_some_and(|end| tick.start_us - end <= i64::from(rule.max_gap_seconds) * SECOND_US);
        let is_cut = successes > 0 && successes * 1_000_000 >= needed;
        open = match open {
            Some((first, _)) if is_near && !is_cut => Some((first, at)),
            _ => {
                chains.extend(open.map(|(first, last)| &ticks[first..=last]));
                Some((at, at))
            }
        };
        successes = 0;
    }
    chains.extend(open.map(|(first, last)| &ticks[first..=last]));
    chains
}

/// The end of a stretch: the position behind its last slot, and the weight up to there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct End {
    weight: i128,
    at: usize,
}

/// Returns the longest run that begins with each failing slot of a chain, as first and last slot.
///
/// A slot weighs its bad events x (1 - `unable_ratio`) less its good events x `unable_ratio`, so
/// failures reach `unable_ratio` of a stretch if it weighs at least nothing. With `weights` the sum
/// of all slots before a position, a run from position i to j needs weights between `weights[i]`
/// and `weights[j]` on its whole way (condition 2). From the right to the left, a stack holds the
/// positions whose weight nothing behind them has gone below, each with the best end before the
/// next such position: a position is pushed and popped once.
fn longest(chain: &[Tick], rule: &SlotRule) -> Vec<(usize, usize)> {
    let ratio = i128::from(rule.unable_ppm);
    let (mut weights, mut bads) = (vec![0_i128], vec![0_i128]);
    for Tick { judged: Judged { good, bad, .. }, .. } in chain {
        let weight = i128::from(*bad) * (1_000_000 - ratio) - i128::from(*good) * ratio;
        weights.push(weights[weights.len() - 1] + weight);
        bads.push(bads[bads.len() - 1] + i128::from(*bad));
    }
    // A run ends behind a failing slot.
    let end = |at: usize| {
        (at > 0 && chain[at - 1].judged.is_failing(rule)).then(|| End { weight: weights[at], at })
    };
    let mut found = Vec::new();
    let mut open: Vec<(i128, Option<End>)> = vec![(weights[chain.len()], end(chain.len()))];
    for start in (0..chain.len()).rev() {
        let mut best: Option<End> = None;
        while let Some((_, of_top)) = open.pop_if(|(weight, _)| *weight >= weights[start]) {
            best = best.max(of_top);
        }
        if let Some(last) = best.filter(|_| chain[start].judged.is_failing(rule))
            && (bads[last.at] - bads[start]) * 1_000_000 >= ratio * i128::from(rule.min_events)
        {
            found.push((start, last.at - 1));
        }
        open.push((weights[start], best.max(end(start))));
    }
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn timeline(slots: &[(i64, i64, i64)]) -> Vec<Tick> {
        let tick = |(at, (good, bad, answered)): (usize, &(i64, i64, i64))| Tick {
            start_us: at as i64 * 60 * SECOND_US,
            seconds: 60,
            judged: Judged { good: *good, bad: *bad, answered: *answered, ..Judged::default() },
        };
        slots.iter().enumerate().map(tick).filter(|tick| !tick.judged.is_empty()).collect()
    }

    fn minutes(slots: &[(i64, i64, i64)], rule: &SlotRule) -> Vec<(i64, i64)> {
        let minute = 60 * SECOND_US;
        runs(&timeline(slots), rule).iter().map(|s| (s.start_us / minute, s.end_us / minute)).collect()
    }

    /// Every stretch from a failing slot to a failing slot, held against the three conditions.
    fn by_trying(slots: &[(i64, i64, i64)], rule: &SlotRule) -> Vec<bool> {
        let ratio = i64::from(rule.unable_ppm);
        let failing = |(good, bad, _): &(i64, i64, i64)| *bad > 0 && bad * 1_000_000 >= ratio * (good + bad);
        let outweigh = |part: &[(i64, i64, i64)]| {
            let (good, bad) = part.iter().fold((0, 0), |sum, slot| (sum.0 + slot.0, sum.1 + slot.1));
            bad * 1_000_000 >= ratio * (good + bad)
        };
        let mut inside = vec![false; slots.len()];
        for start in 0..slots.len() {
            for end in start..slots.len() {
                let part = &slots[start..=end];
                let ends = failing(&part[0]) && failing(&part[part.len() - 1]);
                let bads: i64 = part.iter().map(|slot| slot.1).sum();
                let gaps = part.split(failing).all(|gap| {
                    let answers: i64 = gap.iter().map(|slot| slot.0 + slot.2).sum();
                    let needed = (1_000_000 - ratio) * i64::from(rule.min_events);
                    gap.len() as i64 * 60 <= i64::from(rule.max_gap_seconds)
                        && (answers == 0 || answers * 1_000_000 < needed)
                });
                let ways =
                    (1..=part.len()).all(|n| outweigh(&part[..n]) && outweigh(&part[part.len() - n..]));
                if ends && bads * 1_000_000 >= ratio * i64::from(rule.min_events) && gaps && ways {
                    inside[start..=end].fill(true);
                }
            }
        }
        inside
    }

    #[test]
    fn five_failures_alone_are_a_run_and_four_are_none() {
        let rule = SlotRule::default();
        assert_eq!(minutes(&[(0, 5, 0)], &rule), [(0, 1)]);
        assert_eq!(minutes(&[(0, 4, 0)], &rule), []);
        assert_eq!(minutes(&[(0, 2, 0), (0, 0, 0), (0, 3, 0)], &rule), [(0, 3)]);
        assert_eq!(minutes(&[(0, 3, 0), (5, 0, 0), (0, 3, 0)], &rule), [], "five successes between");
        assert_eq!(minutes(&[(0, 3, 0), (2, 0, 2), (0, 3, 0)], &rule), [(0, 3)]);
        assert_eq!(minutes(&[(0, 3, 0), (2, 0, 3), (0, 3, 0)], &rule), [], "answers are successes here");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn runs_are_all_stretches_that_meet_the_three_conditions(
            slots in prop::collection::vec((0_i64..4, 0_i64..4, prop::sample::select(vec![0_i64, 0, 0, 1])), 1..24),
            unable_ppm in prop::sample::select(vec![500_000_u32, 200_000, 900_000, 1_000_000]),
            min_events in prop::sample::select(vec![1_u32, 4, 10, 20]),
            gap_minutes in prop::sample::select(vec![0_u32, 3, 15]),
        ) {
            let rule = SlotRule { unable_ppm, min_events, max_gap_seconds: gap_minutes * 60, ..SlotRule::default() };
            let mut inside = vec![false; slots.len()];
            for (start, end) in minutes(&slots, &rule) {
                inside[start as usize..end as usize].fill(true);
            }
            prop_assert_eq!(inside, by_trying(&slots, &rule));
        }
    }
}
