//! Judged events: the counts of one slot that its verdict rests on.

use std::fmt;
use std::str::FromStr;

use super::Counts;
use crate::config::SlotRule;
use crate::policy::Group;

/// The events of one slot of one service and region, as the rule for runs sees them.
///
/// Events in other groups (excluded, pending) decide nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Judged {
    /// Good events, with user-caused ones if the definition counts them as good.
    pub good: i64,
    pub bad: i64,
    /// Events of which the log does not say whether they were good or bad.
    pub unknown: i64,
    /// User-caused events: somebody answered, but they are neither good nor bad.
    pub answered: i64,
    /// Share of the calls whose log file is missing, in millionths.
    pub lost_ppm: u32,
    /// True in a gap of the logs: the slot is down or unobserved, never up.
    pub is_gap: bool,
}

impl Judged {
    /// Takes the judged events out of all events of a slot.
    pub const fn of(events: &Counts, rule: &SlotRule) -> Self {
        Self {
            good: events.good_under(rule),
            bad: events.bad(),
            unknown: events.of(Group::Unknown) + events.of(Group::Suspense),
            answered: if rule.user_counts_as_good { 0 } else { events.of(Group::User) },
            lost_ppm: 0,
            is_gap: false,
        }
    }

    pub const fn is_empty(&self) -> bool {
        self.good == 0 && self.bad == 0 && self.unknown == 0 && self.answered == 0 && !self.is_gap
    }

    /// True if something in the slot proves that the service was there.
    pub const fn has_success(&self) -> bool {
        self.good > 0 || self.answered > 0
    }

    /// Returns the slot with every unknown event a success.
    #[must_use]
    pub const fn at_best(self) -> Self {
        Self { good: self.good + self.unknown, unknown: 0, ..self }
    }

    /// Returns the slot with every unknown event a failure, and no missing call a success.
    #[must_use]
    pub const fn at_worst(self) -> Self {
        Self { bad: self.bad + self.unknown, unknown: 0, lost_ppm: 0, ..self }
    }

    /// True if something is bad, and its share of the judged events reaches the limit.
    pub fn is_failing(&self, rule: &SlotRule) -> bool {
        self.is_failing_without(rule, 0)
    }

    /// True if the slot would still be failing with every missing call a success.
    pub fn is_surely_failing(&self, rule: &SlotRule) -> bool {
        self.is_failing_without(rule, self.lost_ppm)
    }

    fn is_failing_without(&self, rule: &SlotRule, lost_ppm: u32) -> bool {
        let read = i128::from(1_000_000_u32.saturating_sub(lost_ppm));
        let all = i128::from(self.good) + i128::from(self.bad);
        self.bad > 0 && i128::from(self.bad) * read >= i128::from(rule.unable_ppm) * all
    }

    pub fn merge(&mut self, other: &Self) {
        self.good += other.good;
        self.bad += other.bad;
        self.unknown += other.unknown;
        self.answered += other.answered;
    }
}

/// As stored: `good bad unknown answered`, then `lost_ppm` and `gap` if they say something.
impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { good, bad, unknown, answered, lost_ppm, is_gap } = self;
        write!(f, "{good} {bad} {unknown} {answered}")?;
        if *lost_ppm > 0 || *is_gap {
            write!(f, " {lost_ppm}")?;
        }
        if *is_gap { f.write_str(" gap") } else { Ok(()) }
    }
}

impl FromStr for Judged {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let damaged = || format!("`{text}` are no judged events");
        let mut words: Vec<&str> = text.split(' ').collect();
        let is_gap = words.last() == Some(&"gap");
        if is_gap {
            words.pop();
        }
        let numbers: Vec<i64> =
            words.iter().map(|word| word.parse().map_err(|_| damaged())).collect::<Result<_, String>>()?;
        let (counts, lost) = numbers.split_at_checked(4).ok_or_else(damaged)?;
        let lost_ppm = match lost {
            [] => 0,
            [ppm] => u32::try_from(*ppm).map_err(|_| damaged())?,
            _ => return Err(damaged()),
        };
        let [good, bad, unknown, answered] = [counts[0], counts[1], counts[2], counts[3]];
        Ok(Self { good, bad, unknown, answered, lost_ppm, is_gap })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_comes_back() {
        let plain = Judged { good: 3, bad: 2, unknown: 1, answered: 4, ..Judged::default() };
        let all = [plain, Judged { lost_ppm: 500_000, ..plain }, Judged { is_gap: true, ..plain }];
        for judged in all {
            assert_eq!(judged.to_string().parse(), Ok(judged));
        }
        assert_eq!(plain.to_string(), "3 2 1 4");
        for wrong in ["", "1 2 3", "1 2 3 x", "1 2 3 4 5 6"] {
            assert!(wrong.parse::<Judged>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn half_of_the_judged_events_make_a_slot_failing() {
        let rule = SlotRule::default();
        let slot = |good, bad| Judged { good, bad, ..Judged::default() };
        assert!(slot(0, 1).is_failing(&rule) && slot(5, 5).is_failing(&rule));
        assert!(!slot(6, 5).is_failing(&rule) && !slot(0, 0).is_failing(&rule));
        // Nine bad of ten, and half of the calls missing: 9 of 20 at best.
        let half_lost = Judged { lost_ppm: 500_000, ..slot(1, 9) };
        assert!(half_lost.is_failing(&rule) && !half_lost.is_surely_failing(&rule));
    }
}
