//! Definitions: formulas that turn slot states and events into a percentage.

use super::PeriodSums;
use crate::config::SlotRule;

/// The formula of a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountingRule {
    /// `(A - B) / A`: A is all time of the period, B the down time in runs that are long enough.
    Runs,
    /// `good / (good + bad)`.
    Occurrences,
}

/// A definition of availability; every figure is published under each, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    pub name: &'static str,
    pub rule: CountingRule,
    pub doc: &'static str,
}

/// All definitions, in the order of reports.
pub static DEFINITIONS: [Definition; 2] = [
    Definition {
        name: "whatsapp",
        rule: CountingRule::Runs,
        doc: "100 * (A - B) / A: A all slots of the period, B the down slots in runs of at least 10 minutes (R20)",
    },
    Definition {
        name: "occurrences",
        rule: CountingRule::Occurrences,
        doc: "100 * good / (good + bad), in events; user-caused events are left out unless the settings count them as good",
    },
];

impl Definition {
    /// Returns numerator and denominator: seconds, or events.
    pub fn parts(&self, reading: &PeriodSums, measure: &SlotRule) -> (i64, i64) {
        match self.rule {
            CountingRule::Runs => (reading.seconds - reading.counted_seconds, reading.seconds),
            CountingRule::Occurrences => (reading.events.good_under(measure), reading.events.judged(measure)),
        }
    }

    /// Returns millionths of a percent, rounded down.
    ///
    /// It is `None` for a period without any success and without a down slot: nothing shows that
    /// the service was there.
    pub fn micro_percent(&self, reading: &PeriodSums, measure: &SlotRule) -> Option<i64> {
        let has_success = reading.events.good() + reading.events.answered() > 0;
        let is_empty = match (self.rule, measure.version.is_first()) {
            (CountingRule::Runs, false) => !has_success && reading.slots_down == 0,
            _ => reading.observed_seconds() == 0,
        };
        let (part, whole) = self.parts(reading, measure);
        floor_percent(part, whole).filter(|_| !is_empty)
    }

    /// Returns what the percentage would be with every unobserved and doubtful slot down.
    ///
    /// It is `None` for a definition that counts events.
    pub fn at_least_micro_percent(&self, reading: &PeriodSums) -> Option<i64> {
        match self.rule {
            CountingRule::Runs => {
                floor_percent(reading.seconds - reading.down_at_most_seconds(), reading.seconds)
            }
            CountingRule::Occurrences => None,
        }
    }
}

/// Returns `100 * part / whole` in millionths of a percent, or `None` if `whole` is not positive.
///
/// It is rounded down, so that only all of `whole` is 100 %.
pub fn floor_percent(part: i64, whole: i64) -> Option<i64> {
    if whole <= 0 {
        return None;
    }
    let floor = (i128::from(part) * 100_000_000).div_euclid(i128::from(whole));
    i64::try_from(floor).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_all_is_a_hundred() {
        assert_eq!(floor_percent(5, 5), Some(100_000_000));
        assert_eq!(floor_percent(999_999_999, 1_000_000_000), Some(99_999_999));
        assert_eq!(floor_percent(0, 5), Some(0));
        assert_eq!(floor_percent(0, 0), None);
    }
}
