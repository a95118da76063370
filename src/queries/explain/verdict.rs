//! Verdicts: the reason for a slot's state, and the events that would turn it, in plain words.

use crate::config::SlotRule;
use crate::slots::{Judged, State};

/// Formats a ratio in percent with two decimal places, rounded down.
fn percent(part: i64, whole: i64) -> String {
    let hundredths = i128::from(part) * 10_000 / i128::from(whole.max(1));
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

/// Says why a slot has its state; `events` are all its events, `judged` those that decide.
pub fn because(state: State, events: i64, judged: &Judged, measure: &SlotRule) -> String {
    let (bad, all) = (judged.bad, judged.good + judged.bad);
    let limit = percent(i64::from(measure.unable_ppm), 1_000_000);
    let share = format!("{bad} of {all} judged events were bad, {}", percent(bad, all));
    let is_first = measure.version.is_first();
    match state {
        State::Down if bad == 0 => "worse before overrides than now".to_owned(),
        State::Down if is_first => format!("{share}; down from {limit} on"),
        State::Down => format!(
            "{share}: failing from {limit} on, and part of a run in which failures outweigh successes"
        ),
        State::Degraded if is_first && all < i64::from(measure.min_events) => {
            let least = measure.min_events;
            format!("{bad} of {all} judged events were bad, but fewer than {least} were judged")
        }
        State::Degraded if !is_first && judged.is_failing(measure) => {
            format!(
                "{share}: failing, but in no run: a run needs {} bad events, and failing slots at most {} apart \
                 with few successes between them",
                least_bad(measure),
                minutes(measure.max_gap_seconds)
            )
        }
        State::Degraded => format!("{share}; failing only from {limit} on"),
        State::Doubtful if judged.lost_ppm > 0 && !judged.is_surely_failing(measure) => format!(
            "{share}, but a log that holds {} of the calls is missing: down only if enough of these failed, too",
            percent(i64::from(judged.lost_ppm), 1_000_000)
        ),
        State::Doubtful if judged.unknown > 0 => format!(
            "{share}, and of {} more the logs do not say what became: down if they failed, not down if they did not",
            judged.unknown
        ),
        State::Doubtful => {
            format!("{share}: nothing succeeded around it, but too little is known to call it an outage")
        }
        State::Up => "something good or user-caused was seen, and nothing bad".to_owned(),
        State::Unobserved if events == 0 => "there is nothing to judge by: no event".to_owned(),
        State::Unobserved if judged.is_gap => {
            "there is nothing to judge by: a gap in the logs, so other events say nothing".to_owned()
        }
        State::Unobserved => {
            "there is nothing to judge by: only excluded, pending or unknown events, or a gap in the logs"
                .to_owned()
        }
    }
}

/// Says how many events would turn the state.
pub fn flips_when(state: State, judged: &Judged, measure: &SlotRule) -> String {
    let (bad, all) = (judged.bad, judged.good + judged.bad);
    let least = if measure.version.is_first() { i64::from(measure.min_events) } else { 0 };
    let is_failing = |bad: i64, all: i64| {
        all >= least && Judged { bad, good: all - bad, ..Judged::default() }.is_failing(measure)
    };
    match state {
        // Unless user events count as good, an excused event is no longer judged at all.
        State::Down => {
            let excused = i64::from(!measure.user_counts_as_good);
            let least = (1..=bad).find(|n| !is_failing(bad - n, all - n * excused)).unwrap_or(bad);
            format!("not down if {least} of the {bad} bad events were not the platform's")
        }
        State::Degraded | State::Up if measure.version.is_first() => {
            let limit = all.max(least) + 1;
            match (1..=limit * 2).find(|n| is_failing(bad + n, all + n)) {
                Some(more) => format!("down with {more} more bad events"),
                None => "no number of bad events alone turns it".to_owned(),
            }
        }
        State::Degraded | State::Up => {
            let is_run = |n: &i64| is_failing(bad + n, all + n) && bad + n >= least_bad(measure);
            let limit = (all + 1) * 1_000_000 + i64::from(measure.min_events);
            match first(limit, is_run) {
                Some(more) => format!(
                    "down by itself with {more} more bad events, with fewer if the slots around it fail too"
                ),
                None => "no number of bad events alone turns it".to_owned(),
            }
        }
        State::Doubtful if judged.lost_ppm > 0 && !judged.is_surely_failing(measure) => {
            "decided as soon as the missing log is there".to_owned()
        }
        State::Doubtful if judged.unknown > 0 => {
            "decided as soon as the unknown outcomes are known".to_owned()
        }
        State::Doubtful => {
            "down with more failures around it, a possible disruption with a success".to_owned()
        }
        State::Unobserved => "judged as soon as there is a good, bad or user-caused event".to_owned(),
    }
}

/// Returns the bad events that a run needs: `unable_ratio` x `min_events`, rounded up.
fn least_bad(measure: &SlotRule) -> i64 {
    (i64::from(measure.unable_ppm) * i64::from(measure.min_events)).div_euclid(1_000_000)
        + i64::from((i64::from(measure.unable_ppm) * i64::from(measure.min_events)) % 1_000_000 > 0)
}

fn minutes(seconds: u32) -> String {
    format!("{} minutes", seconds / 60)
}

/// Returns the least number from 1 to `limit` of which `holds` is true; it stays true behind it.
fn first(limit: i64, holds: impl Fn(&i64) -> bool) -> Option<i64> {
    let (mut from, mut to) = (1, limit);
    if !holds(&to) {
        return None;
    }
    while from < to {
        let middle = from + (to - from) / 2;
        if holds(&middle) { to = middle } else { from = middle + 1 }
    }
    Some(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(state: State, judged: Judged) -> (String, String) {
        let rule = SlotRule::default();
        let events = judged.good + judged.bad + judged.unknown + judged.answered;
        (because(state, events, &judged, &rule), flips_when(state, &judged, &rule))
    }

    #[test]
    fn a_doubt_names_its_own_cause() {
        let bad = |bad| Judged { bad, ..Judged::default() };
        let (why, when) = told(State::Doubtful, Judged { good: 1, lost_ppm: 500_000, ..bad(9) });
        assert!(why.contains("a log that holds 50.00 % of the calls is missing"), "{why}");
        assert_eq!(when, "decided as soon as the missing log is there");
        let (why, when) = told(State::Doubtful, Judged { unknown: 7, ..bad(0) });
        assert!(why.contains("of 7 more the logs do not say what became"), "{why}");
        assert_eq!(when, "decided as soon as the unknown outcomes are known");
        let (why, when) = told(State::Doubtful, bad(1));
        assert!(why.contains("nothing succeeded around it"), "{why}");
        assert_eq!(when, "down with more failures around it, a possible disruption with a success");
    }

    #[test]
    fn a_failing_slot_outside_a_run_says_what_a_run_needs() {
        let (why, when) = told(State::Degraded, Judged { bad: 2, good: 1, ..Judged::default() });
        assert!(why.contains("failing, but in no run: a run needs 5 bad events"), "{why}");
        assert!(when.starts_with("down by itself with 3 more bad events"), "{when}");
        let (why, _) = told(State::Unobserved, Judged { bad: 2, is_gap: true, ..Judged::default() });
        assert!(why.contains("a gap in the logs"), "{why}");
    }
}
