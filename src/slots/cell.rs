//! Cells: the events of one slot by group, and the state that follows from them.

use std::fmt;
use std::str::FromStr;

use crate::config::SlotRule;
use crate::policy::Group;

/// Before or after adjusting entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    Gross,
    Net,
}

impl Side {
    pub const ALL: [Self; 2] = [Self::Gross, Self::Net];
}

/// Events by group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts([i64; Group::ALL.len()]);

impl Counts {
    pub const fn of(&self, group: Group) -> i64 {
        self.0[group as usize]
    }

    pub const fn good(&self) -> i64 {
        self.of(Group::Good)
    }

    pub const fn bad(&self) -> i64 {
        self.of(Group::Bad)
    }

    /// Returns the user-caused events: somebody answered.
    pub const fn answered(&self) -> i64 {
        self.of(Group::User)
    }

    pub const fn add(&mut self, group: Group, events: i64) {
        self.0[group as usize] += events;
    }

    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// Returns the events of all groups.
    pub fn total(&self) -> i64 {
        self.0.iter().sum()
    }

    /// Returns the good events of the definition, which may include events caused by users.
    pub const fn good_under(&self, measure: &SlotRule) -> i64 {
        self.good() + if measure.user_counts_as_good { self.of(Group::User) } else { 0 }
    }

    /// Returns the events that the definition judges: good and bad.
    pub const fn judged(&self, measure: &SlotRule) -> i64 {
        self.good_under(measure) + self.bad()
    }
}

/// The state of a slot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Nothing to judge by; neither up nor down.
    ///
    /// It is the least state, so that the worst of several is their maximum.
    #[default]
    Unobserved,
    Up,
    /// Possible disruption (R3): bad events, but not down.
    Degraded,
    /// Neither up nor down: the verdict depends on too few or unknown events.
    Doubtful,
    Down,
}

impl State {
    pub const ALL: [Self; 5] = [Self::Up, Self::Degraded, Self::Down, Self::Doubtful, Self::Unobserved];

    /// Returns the state of a slot by itself, by the first version of the rule.
    pub fn of(counts: &Counts, measure: &SlotRule) -> Self {
        let bad = counts.bad();
        if bad > 0 {
            let judged = counts.judged(measure);
            let is_unable =
                i128::from(bad) * 1_000_000 >= i128::from(measure.unable_ppm) * i128::from(judged);
            return if judged >= i64::from(measure.min_events) && is_unable {
                Self::Down
            } else {
                Self::Degraded
            };
        }
        if counts.good() + counts.of(Group::User) > 0 { Self::Up } else { Self::Unobserved }
    }

    /// Returns one letter, for rows of many states.
    pub const fn letter(self) -> char {
        match self {
            Self::Up => 'u',
            Self::Degraded => 'g',
            Self::Down => 'd',
            Self::Doubtful => '?',
            Self::Unobserved => '.',
        }
    }

    pub fn of_letter(letter: char) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.letter() == letter)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::Doubtful => "doubtful",
            Self::Unobserved => "unobserved",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|s| s.name() == text).ok_or_else(|| format!("`{text}` is no slot state"))
    }
}

/// Events and state of one slot on one side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SlotTally {
    pub events: Counts,
    pub state: State,
}

/// One slot of one scope, before and after adjusting entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cell {
    pub gross: SlotTally,
    pub net: SlotTally,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(good: i64, bad: i64, user: i64, other: i64, measure: &SlotRule) -> State {
        let mut counts = Counts::default();
        counts.add(Group::Good, good);
        counts.add(Group::Bad, bad);
        counts.add(Group::User, user);
        counts.add(Group::Pending, other);
        State::of(&counts, measure)
    }

    #[test]
    fn half_of_ten_is_down_and_less_is_degraded() {
        let m = SlotRule::default();
        assert_eq!(state(5, 5, 0, 0, &m), State::Down);
        assert_eq!(state(6, 5, 0, 0, &m), State::Degraded);
        assert_eq!(state(0, 9, 0, 0, &m), State::Degraded, "below min_events");
        assert_eq!(state(1, 0, 0, 0, &m), State::Up);
        assert_eq!(state(0, 0, 1, 0, &m), State::Up);
        assert_eq!(state(0, 0, 0, 7, &m), State::Unobserved);
        assert_eq!(state(0, 0, 0, 0, &m), State::Unobserved);
    }

    #[test]
    fn user_events_are_judged_only_when_the_setting_says_so() {
        let mut m = SlotRule::default();
        assert_eq!(state(0, 10, 100, 0, &m), State::Down);
        m.user_counts_as_good = true;
        assert_eq!(state(0, 10, 100, 0, &m), State::Degraded);
    }

    #[test]
    fn nothing_bad_is_never_down_even_without_a_threshold() {
        let m = SlotRule { unable_ppm: 0, min_events: 0, ..SlotRule::default() };
        assert_eq!(state(5, 0, 0, 0, &m), State::Up);
    }
}
