//! Runs: the minutes of a service that are down, worked out minute by minute from the rule's words.
//!
//! It is written for reading, not for speed, and shares nothing with the stages that the truth
//! checks.

use crate::sample::traffic::stories::{MAX_GAP_MINUTES, MIN_EVENTS, MIN_RUN_MINUTES, UNABLE_PERCENT};

/// The state of a minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TruthState {
    #[default]
    Unobserved,
    Up,
    Degraded,
    Doubtful,
    Down,
}

/// The judged events of one minute of one service.
#[derive(Debug, Clone, Copy, Default)]
pub struct Minute {
    pub good: u64,
    pub bad: u64,
    /// The logs do not say whether they were good or bad.
    pub unknown: u64,
    pub user: u64,
    /// A gap of the logs: the minute is down or unobserved.
    pub is_gap: bool,
    /// All bad events had code 2.
    pub only_update: bool,
}

/// Minutes of one outage.
#[derive(Debug, Clone)]
pub struct TruthRun {
    pub start: usize,
    pub end: usize,
    /// Down minutes of the run.
    pub down: u32,
    pub only_update: bool,
}

impl TruthRun {
    /// True if the run is long enough to count under `whatsapp`.
    pub const fn is_counted(&self) -> bool {
        self.down >= MIN_RUN_MINUTES
    }

    pub fn holds(&self, minute: usize) -> bool {
        (self.start..self.end).contains(&minute)
    }

    /// Returns the class of the outage, by length and codes (R12, R13).
    pub const fn class(&self) -> &'static str {
        match self.down {
            0..=5 if self.only_update => "update",
            0 => "<1m",
            1..=5 => "1-5m",
            _ => ">5m",
        }
    }
}

/// The states of a timeline, and the minutes of its runs that overlap or touch.
#[derive(Debug, Clone, Default)]
pub struct Line {
    pub states: Vec<TruthState>,
    pub runs: Vec<[usize; 2]>,
}

impl Minute {
    fn is_failing(&self) -> bool {
        self.bad > 0 && self.bad * 100 >= UNABLE_PERCENT * (self.good + self.bad)
    }

    const fn is_success(&self) -> bool {
        self.good > 0 || self.user > 0
    }
}

impl Line {
    /// Judges a timeline.
    pub fn of(minutes: &[Minute]) -> Self {
        let best: Vec<Minute> =
            minutes.iter().map(|m| Minute { good: m.good + m.unknown, unknown: 0, ..*m }).collect();
        let worst: Vec<Minute> =
            minutes.iter().map(|m| Minute { bad: m.bad + m.unknown, unknown: 0, ..*m }).collect();
        let (sure, possible) = (runs(&best), runs(&worst));
        let inside = |minutes: &[Minute], runs: &[[usize; 2]], at: usize| {
            minutes[at].is_failing() && runs.iter().any(|[start, end]| (*start..*end).contains(&at))
        };
        let room = room_for_an_outage(minutes);
        let state = |at: usize| {
            let minute = &minutes[at];
            if inside(&best, &sure, at) {
                TruthState::Down
            } else if minute.is_gap {
                TruthState::Unobserved
            } else if inside(&worst, &possible, at) || (minute.bad > 0 && room[at]) {
                TruthState::Doubtful
            } else if minute.good + minute.bad + minute.user == 0 {
                TruthState::Unobserved
            } else if minute.bad > 0 {
                TruthState::Degraded
            } else {
                TruthState::Up
            }
        };
        Self { states: (0..minutes.len()).map(state).collect(), runs: sure }
    }
}

/// Finds the runs; those that overlap or touch are one.
fn runs(minutes: &[Minute]) -> Vec<[usize; 2]> {
    let failing: Vec<usize> = (0..minutes.len()).filter(|at| minutes[*at].is_failing()).collect();
    let mut found: Vec<[usize; 2]> = Vec::new();
    for (nth, start) in failing.iter().enumerate() {
        let (mut weight, mut best, mut bad) = (0_i64, 0_i64, 0);
        let mut end = None;
        let mut before = *start;
        for last in &failing[nth..] {
            let gap = &minutes[(before + 1).min(*last)..*last];
            let answers: u64 = gap.iter().map(|minute| minute.good + minute.user).sum();
            let is_cut = answers > 0 && answers * 100 >= (100 - UNABLE_PERCENT) * MIN_EVENTS;
            if gap.len() > MAX_GAP_MINUTES as usize || is_cut {
                break;
            }
            let mut is_outnumbered = false;
            let from = if last == start { *start } else { before + 1 };
            for minute in &minutes[from..=*last] {
                weight +=
                    (minute.bad * (100 - UNABLE_PERCENT)) as i64 - (minute.good * UNABLE_PERCENT) as i64;
                bad += minute.bad;
                is_outnumbered |= weight < 0;
            }
            if is_outnumbered {
                break;
            }
            if weight >= best {
                best = weight;
                end = (bad * 100 >= UNABLE_PERCENT * MIN_EVENTS).then_some(*last + 1);
            }
            before = *last;
        }
        if let Some(end) = end {
            found.push([*start, end]);
        }
    }
    joined(found)
}

/// Joins spans that overlap or touch.
fn joined(mut spans: Vec<[usize; 2]>) -> Vec<[usize; 2]> {
    spans.sort_unstable();
    let mut joined: Vec<[usize; 2]> = Vec::new();
    for [start, end] in spans {
        match joined.last_mut() {
            Some(open) if start <= open[1] => open[1] = open[1].max(end),
            _ => joined.push([start, end]),
        }
    }
    joined
}

/// Returns which minutes lie in a stretch without a success that is long enough to count and has
/// two bad events.
fn room_for_an_outage(minutes: &[Minute]) -> Vec<bool> {
    let mut room = vec![false; minutes.len()];
    let mut at = 0;
    for part in minutes.split(Minute::is_success) {
        let bad: u64 = part.iter().map(|minute| minute.bad).sum();
        let has_room = part.len() >= MIN_RUN_MINUTES as usize && bad >= 2;
        room[at..at + part.len()].fill(has_room);
        at += part.len() + 1;
    }
    room
}

/// Returns the outages of some services together: a service's own, or those of a component.
pub fn outages(services: &[(&Line, &[Minute])]) -> Vec<TruthRun> {
    let spans = joined(services.iter().flat_map(|(line, _)| line.runs.iter().copied()).collect());
    let run = |[start, end]: [usize; 2]| {
        let is_down = |at: &usize| services.iter().any(|(line, _)| line.states[*at] == TruthState::Down);
        let only_update = (start..end).all(|at| {
            services
                .iter()
                .filter(|(line, _)| line.states[at] == TruthState::Down)
                .all(|(_, minutes)| minutes[at].only_update)
        });
        TruthRun { start, end, down: (start..end).filter(is_down).count() as u32, only_update }
    };
    spans.into_iter().map(run).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `d`: ten failures, `u`: ten successes, `g`: nine and one failure, `s`: one failure.
    fn minutes(text: &str) -> Vec<Minute> {
        let minute = |letter| match letter {
            'd' => Minute { bad: 10, ..Minute::default() },
            'u' => Minute { good: 10, ..Minute::default() },
            'g' => Minute { good: 9, bad: 1, ..Minute::default() },
            's' => Minute { bad: 1, ..Minute::default() },
            '?' => Minute { unknown: 10, ..Minute::default() },
            _ => Minute::default(),
        };
        text.chars().map(minute).collect()
    }

    fn states(text: &str) -> String {
        let letter = |state: &TruthState| match state {
            TruthState::Unobserved => '.',
            TruthState::Up => 'u',
            TruthState::Degraded => 'g',
            TruthState::Doubtful => '?',
            TruthState::Down => 'd',
        };
        Line::of(&minutes(text)).states.iter().map(letter).collect()
    }

    #[test]
    fn failing_minutes_are_down_in_runs_and_doubtful_where_too_little_is_known() {
        assert_eq!(states("udd..ddu"), "udd..ddu");
        assert_eq!(states("us.ssu"), "ud.ddu", "three failures, no success between");
        assert_eq!(states("us.su"), "ug.gu");
        assert_eq!(states("u?u"), "u?u");
        assert_eq!(states("us.........su"), "u?.........?u");
        assert_eq!(states("ugu"), "ugu");
    }
}
