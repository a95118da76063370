//! Verdicts: the judged slots of one service and region on a timeline → their states.

use super::runs::{Stretch, Tick, runs};
use super::{Judged, State};
use crate::config::SlotRule;
use crate::day::SECOND_US;

/// The states of a timeline and the stretches of its runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineVerdict {
    /// The state of each tick.
    pub states: Vec<State>,
    /// Runs with every unknown event a success, by time.
    pub runs: Vec<Stretch>,
}

impl TimelineVerdict {
    /// Judges the timeline of `span`, which is published without a hole; ticks ascend by time.
    ///
    /// Slots without a tick have no event and are unobserved.
    ///
    /// The runs are found twice: with every unknown event a success (down), and with every one a
    /// failure. A slot that is down only then is doubtful: by the laws of runs, these are exact
    /// bounds of what the unknown events could have been.
    pub fn of(ticks: &[Tick], span: Stretch, rule: &SlotRule) -> Self {
        let down = |at: fn(Judged) -> Judged| {
            let view: Vec<Tick> =
                ticks.iter().map(|tick| Tick { judged: at(tick.judged), ..*tick }).collect();
            DownSlots::of(&view, rule)
        };
        let (sure, possible) = (down(Judged::at_best), down(Judged::at_worst));
        let has_room = room_for_an_outage(ticks, span, rule);
        let state = |(at, tick): (usize, &Tick)| {
            let Judged { good, bad, answered, is_gap, .. } = tick.judged;
            match () {
                () if sure.is_down[at] => State::Down,
                () if is_gap => State::Unobserved,
                () if possible.is_down[at] || (bad > 0 && has_room[at]) => State::Doubtful,
                () if good + bad + answered == 0 => State::Unobserved,
                () if bad > 0 => State::Degraded,
                () => State::Up,
            }
        };
        Self { states: ticks.iter().enumerate().map(state).collect(), runs: sure.runs }
    }
}

/// The down slots of a timeline in which nothing is unknown.
pub struct DownSlots {
    /// By time; runs that overlap or touch are one.
    pub runs: Vec<Stretch>,
    /// For each tick, whether it is down: surely failing, and in a run.
    pub is_down: Vec<bool>,
}

impl DownSlots {
    /// Finds the runs of a timeline and its down slots; ticks ascend by time.
    pub fn of(ticks: &[Tick], rule: &SlotRule) -> Self {
        let runs = runs(ticks, rule);
        let mut open = runs.iter().peekable();
        let is_down = |tick: &Tick| {
            while open.next_if(|run| run.end_us <= tick.start_us).is_some() {}
            open.peek().is_some_and(|run| run.start_us <= tick.start_us)
                && tick.judged.is_surely_failing(rule)
        };
        let is_down = ticks.iter().map(is_down).collect();
        Self { runs, is_down }
    }
}

/// Returns the shortest run that counts, in seconds: `min_run_minutes` in whole slots.
pub const fn shortest_run(rule: &SlotRule, slot_seconds: i64) -> i64 {
    rule.min_run_seconds as i64 / slot_seconds * slot_seconds
}

/// Returns which ticks lie in a stretch without a success that is long enough for an outage that
/// counts, and has two bad events.
///
/// A stretch reaches over slots without a tick, to the ends of the timeline.
fn room_for_an_outage(ticks: &[Tick], span: Stretch, rule: &SlotRule) -> Vec<bool> {
    let mut has_room = vec![false; ticks.len()];
    let mut at = 0;
    for part in ticks.split(|tick| tick.judged.has_success()) {
        let (first, behind) = (at, at + part.len());
        at = behind + 1;
        if part.iter().map(|tick| tick.judged.bad).sum::<i64>() < 2 {
            continue;
        }
        let start_us = first.checked_sub(1).map_or(span.start_us, |before| ticks[before].end_us());
        let end_us = ticks.get(behind).map_or(span.end_us, |success| success.start_us);
        if end_us - start_us >= shortest_run(rule, part[0].seconds) * SECOND_US {
            has_room[first..behind].fill(true);
        }
    }
    has_room
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE_US: i64 = 60 * SECOND_US;

    fn tick((at, judged): (usize, &Judged)) -> Tick {
        Tick { start_us: at as i64 * MINUTE_US, seconds: 60, judged: *judged }
    }

    fn span(slots: usize) -> Stretch {
        Stretch { start_us: 0, end_us: slots as i64 * MINUTE_US }
    }

    /// The states of all slots, and which of them count.
    fn verdict(slots: &[Judged], rule: &SlotRule) -> (Vec<State>, Vec<bool>) {
        let ticks: Vec<Tick> = slots.iter().enumerate().map(tick).collect();
        let TimelineVerdict { states, runs } = TimelineVerdict::of(&ticks, span(slots.len()), rule);
        let mut counts = vec![false; slots.len()];
        for run in runs {
            let slots = (run.start_us / MINUTE_US) as usize..(run.end_us / MINUTE_US) as usize;
            let down = slots.clone().filter(|at| states[*at] == State::Down);
            if down.clone().count() as i64 * 60 >= shortest_run(rule, 60) {
                down.for_each(|at| counts[at] = true);
            }
        }
        (states, counts)
    }

    fn rule() -> impl Strategy<Value = SlotRule> {
        let ratio = prop::sample::select(vec![500_000_u32, 200_000, 900_000, 1_000_000]);
        let events = prop::sample::select(vec![1_u32, 4, 10, 20]);
        let minutes = prop::sample::select(vec![0_u32, 3, 15]);
        let run = prop::sample::select(vec![1_u32, 3, 5]);
        (ratio, events, minutes, run).prop_map(|(unable_ppm, min_events, gap, run)| SlotRule {
            unable_ppm,
            min_events,
            max_gap_seconds: gap * 60,
            min_run_seconds: run * 60,
            ..SlotRule::default()
        })
    }

    fn timeline() -> impl Strategy<Value = Vec<Judged>> {
        let rates = prop::sample::select(vec![
            &[0_i64, 0, 0, 1][..],
            &[0, 0, 1, 2],
            &[0, 1, 2, 3, 5],
            &[0, 1, 3, 9, 12],
        ]);
        let slot = move |rate: &'static [i64]| {
            (
                prop::sample::select(rate.to_vec()),
                0.0..=1.0_f64,
                prop::sample::select(vec![0_i64, 0, 0, 0, 1, 2]),
                prop::sample::select(vec![0_i64, 0, 0, 0, 0, 1]),
                prop::sample::select(vec![0_u32, 0, 100_000, 400_000, 600_000]),
            )
                .prop_map(|(all, share, unknown, answered, lost_ppm)| {
                    let bad = (all as f64 * share).round() as i64;
                    Judged { good: all - bad, bad, unknown, answered, lost_ppm, is_gap: false }
                })
        };
        rates.prop_flat_map(move |rate| prop::collection::vec(slot(rate), 2..24))
    }

    fn is_within(these: &[bool], those: &[bool]) -> bool {
        these.iter().zip(those).all(|(this, that)| !this || *that)
    }

    fn which(states: &[State], wanted: &[State]) -> Vec<bool> {
        states.iter().map(|state| wanted.contains(state)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn the_laws_of_runs_hold(slots in timeline(), rule in rule(), at in any::<prop::sample::Index>()) {
            use State::{Doubtful, Down};
            let (states, counts) = verdict(&slots, &rule);
            let [down, open] = [&[Down][..], &[Down, Doubtful]].map(|wanted| which(&states, wanted));
            let at = at.index(slots.len());
            let with = |change: &dyn Fn(&mut Judged)| {
                let mut slots = slots.clone();
                change(&mut slots[at]);
                let (states, counts) = verdict(&slots, &rule);
                (which(&states, &[Down]), which(&states, &[Down, Doubtful]), counts)
            };
            // A success never makes anything worse.
            for change in [&(|slot: &mut Judged| slot.good += 1) as &dyn Fn(&mut Judged), &|slot| slot.answered += 1] {
                let (d, o, c) = with(change);
                prop_assert!(is_within(&d, &down) && is_within(&o, &open) && is_within(&c, &counts));
            }
            // A failure never makes anything better.
            let (d, o, c) = with(&|slot| slot.bad += 1);
            prop_assert!(is_within(&down, &d) && is_within(&open, &o) && is_within(&counts, &c));
            // What becomes known stays between the bounds.
            if slots[at].unknown > 0 {
                for change in [&(|slot: &mut Judged| slot.bad += 1) as &dyn Fn(&mut Judged), &|slot| slot.good += 1] {
                    let (d, ..) = with(&|slot| {
                        slot.unknown -= 1;
                        change(slot);
                    });
                    prop_assert!(is_within(&down, &d) && is_within(&d, &open));
                }
            }
            // The direction of reading does not matter.
            let backwards: Vec<Judged> = slots.iter().rev().copied().collect();
            let (mut reversed, _) = verdict(&backwards, &rule);
            reversed.reverse();
            prop_assert_eq!(reversed, states);
        }

        /// A timeline without the slots that have no event gives the others the same states.
        #[test]
        fn slots_without_events_decide_nothing(slots in timeline(), rule in rule()) {
            let (whole, _) = verdict(&slots, &rule);
            let ticks: Vec<Tick> = slots.iter().enumerate().map(tick).collect();
            let some: Vec<Tick> = ticks.iter().filter(|tick| !tick.judged.is_empty()).copied().collect();
            let mut states = vec![State::Unobserved; slots.len()];
            for (tick, state) in some.iter().zip(TimelineVerdict::of(&some, span(slots.len()), &rule).states) {
                states[(tick.start_us / MINUTE_US) as usize] = state;
            }
            prop_assert_eq!(states, whole);
        }

        /// The slots that a day lists give the longer timeline all that its own slots would.
        #[test]
        fn a_verdict_does_not_depend_on_where_midnight_falls(
            slots in timeline(),
            rule in rule(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        ) {
            let whole = verdict(&slots, &rule);
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(slots.len())).collect();
            cuts.extend([0, slots.len()]);
            cuts.sort_unstable();
            let mut states = vec![State::Unobserved; slots.len()];
            let mut ticks = Vec::new();
            for day in cuts.windows(2) {
                let part = &slots[day[0]..day[1]];
                let alone: Vec<Tick> = part.iter().enumerate().map(tick).collect();
                let alone = TimelineVerdict::of(&alone, span(part.len()), &rule).states;
                states[day[0]..day[1]].copy_from_slice(&alone);
                for (slot, judged) in crate::slots::near_cells(part, 60, &rule) {
                    ticks.push(tick((day[0] + slot as usize, &judged)));
                }
            }
            let verdict = TimelineVerdict::of(&ticks, span(slots.len()), &rule);
            for (tick, state) in ticks.iter().zip(&verdict.states) {
                states[(tick.start_us / MINUTE_US) as usize] = *state;
            }
            prop_assert_eq!(&states, &whole.0);
            let all: Vec<Tick> = slots.iter().enumerate().map(tick).collect();
            prop_assert_eq!(verdict.runs, TimelineVerdict::of(&all, span(slots.len()), &rule).runs);
        }
    }
}
