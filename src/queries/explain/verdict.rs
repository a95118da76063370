//! Verdicts: the reason for a slot's state, and the events that would turn it, in plain words.

use crate::config::SlotRule;
use crate::slots::{SlotTally, State};

/// Formats a ratio in percent with two decimal places, rounded down.
fn percent(part: i64, whole: i64) -> String {
    let hundredths = i128::from(part) * 10_000 / i128::from(whole.max(1));
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

/// Says why a slot has its state.
pub fn because(tally: &SlotTally, measure: &SlotRule) -> String {
    let (bad, judged) = (tally.events.bad(), tally.events.judged(measure));
    let SlotRule { min_events, unable_ppm, .. } = measure;
    let limit = percent(i64::from(*unable_ppm), 1_000_000);
    let share = percent(bad, judged);
    match tally.state {
        State::Down if bad == 0 => "worse before overrides than now".to_owned(),
        State::Down => format!("{bad} of {judged} judged events were bad, {share}; down from {limit} on"),
        State::Degraded if judged < i64::from(*min_events) => {
            format!("{bad} of {judged} judged events were bad, but fewer than {min_events} were judged")
        }
        State::Degraded => {
            format!("{bad} of {judged} judged events were bad, {share}; down only from {limit} on")
        }
        State::Up => "something good or user-caused was seen, and nothing bad".to_owned(),
        State::Unobserved if tally.events.total() == 0 => "there is nothing to judge by: no event".to_owned(),
        State::Unobserved => {
            "there is nothing to judge by: only excluded, pending or unknown events, or a gap in the logs"
                .to_owned()
        }
    }
}

/// Says how many events would turn the state.
pub fn flips_when(tally: &SlotTally, measure: &SlotRule) -> String {
    let is_down = |bad: i64, judged: i64| {
        bad > 0
            && judged >= i64::from(measure.min_events)
            && i128::from(bad) * 1_000_000 >= i128::from(measure.unable_ppm) * i128::from(judged)
    };
    let (bad, judged) = (tally.events.bad(), tally.events.judged(measure));
    match tally.state {
        // Unless user events count as good, an excused event is no longer judged at all.
        State::Down => {
            let excused = i64::from(!measure.user_counts_as_good);
            let least = (1..=bad).find(|n| !is_down(bad - n, judged - n * excused)).unwrap_or(bad);
            format!("not down if {least} of the {bad} bad events were not the platform's")
        }
        State::Degraded | State::Up => {
            let limit = judged.max(i64::from(measure.min_events)) + 1;
            match (1..=limit * 2).find(|n| is_down(bad + n, judged + n)) {
                Some(more) => format!("down with {more} more bad events"),
                None => "no number of bad events alone turns it".to_owned(),
            }
        }
        State::Unobserved => "judged as soon as there is a good, bad or user-caused event".to_owned(),
    }
}
