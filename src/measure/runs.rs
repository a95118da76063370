//! Runs: consecutive down slots on one timeline, across midnight and short unobserved gaps.

use crate::day::SECOND_US;
use crate::slots::State;

/// A slot on a timeline, or a whole day without an edition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    pub start_us: i64,
    pub seconds: i64,
    pub state: State,
}

impl Tick {
    pub const fn end_us(&self) -> i64 {
        self.start_us + self.seconds * SECOND_US
    }
}

/// A maximal run of down slots, from a down slot to a down slot.
///
/// Unobserved slots may lie between; they add nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub start_us: i64,
    pub end_us: i64,
    /// Down slots only.
    pub down_seconds: i64,
}

/// Finds the runs of a contiguous timeline.
///
/// A run ends at a slot that is up or degraded, and at an unobserved stretch longer than
/// `max_gap_seconds`.
pub fn runs(ticks: impl Iterator<Item = Tick>, max_gap_seconds: i64) -> Vec<Run> {
    let mut found: Vec<Run> = Vec::new();
    let mut is_open = false;
    let mut gap = 0;
    for tick in ticks {
        match tick.state {
            State::Down => {
                match found.last_mut() {
                    Some(run) if is_open => {
                        run.end_us = tick.end_us();
                        run.down_seconds += tick.seconds;
                    }
                    _ => found.push(Run {
                        start_us: tick.start_us,
                        end_us: tick.end_us(),
                        down_seconds: tick.seconds,
                    }),
                }
                is_open = true;
                gap = 0;
            }
            State::Unobserved => {
                gap += tick.seconds;
                is_open &= gap <= max_gap_seconds;
            }
            State::Up | State::Degraded => is_open = false,
        }
    }
    found
}

/// Returns the down seconds of `ticks` within the runs; both ascend by time.
pub fn counted_seconds(ticks: impl Iterator<Item = Tick>, runs: &[Run]) -> i64 {
    ticks.filter(|tick| tick.state == State::Down && is_in(tick, runs)).map(|tick| tick.seconds).sum()
}

fn is_in(tick: &Tick, runs: &[Run]) -> bool {
    let after = runs.partition_point(|run| run.start_us <= tick.start_us);
    after > 0 && tick.start_us < runs[after - 1].end_us
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Vec<Tick> {
        let state = |c| match c {
            'd' => State::Down,
            'u' => State::Up,
            'g' => State::Degraded,
            _ => State::Unobserved,
        };
        let start = |at: usize| at as i64 * 60 * SECOND_US;
        let ticks = text.chars().enumerate();
        ticks.map(|(at, c)| Tick { start_us: start(at), seconds: 60, state: state(c) }).collect()
    }

    fn down_minutes(text: &str, gap_minutes: i64) -> Vec<i64> {
        runs(line(text).into_iter(), gap_minutes * 60).iter().map(|r| r.down_seconds / 60).collect()
    }

    #[test]
    fn gaps_join_but_add_nothing() {
        assert_eq!(down_minutes("udd..dduu", 2), [4]);
        assert_eq!(down_minutes("udd...dduu", 2), [2, 2]);
        assert_eq!(down_minutes("udd.u.ddu", 2), [2, 2]);
        assert_eq!(down_minutes("ddgdd", 2), [2, 2]);
        assert_eq!(down_minutes("..dd..", 2), [2]);
        assert_eq!(down_minutes("d.d.d", 1), [3], "each stretch is looked at by itself");
    }

    #[test]
    fn a_run_ends_with_its_last_down_slot() {
        let found = runs(line("udd..").into_iter(), 600);
        assert_eq!((found[0].start_us, found[0].end_us), (60 * SECOND_US, 180 * SECOND_US));
    }
}
