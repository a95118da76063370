//! Classes of outages: how long they lasted, as far as it is known, and why.

/// The class of an outage, by its length and by whether an API update explains it.
///
/// A class with doubt is the one that the lower bound of the length gives, where the upper bound
/// gives another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Under a minute (R12).
    UnderMinute,
    PerhapsUnderMinute,
    /// One to five minutes (R12).
    UpToFiveMinutes,
    PerhapsUpToFiveMinutes,
    OverFiveMinutes,
    /// At least 95 % of the bad events have error code 2, and it took at most 5:00 (R13).
    Update,
    PerhapsUpdate,
}

/// Longest outage that an API update explains, in seconds (R13).
const LONGEST_UPDATE: i64 = 300;

impl Class {
    pub(super) const ALL: [Self; 7] = [
        Self::UnderMinute,
        Self::PerhapsUnderMinute,
        Self::UpToFiveMinutes,
        Self::PerhapsUpToFiveMinutes,
        Self::OverFiveMinutes,
        Self::Update,
        Self::PerhapsUpdate,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::UnderMinute => "<1m",
            Self::PerhapsUnderMinute => "<1m?",
            Self::UpToFiveMinutes => "1-5m",
            Self::PerhapsUpToFiveMinutes => "1-5m?",
            Self::OverFiveMinutes => ">5m",
            Self::Update => "update",
            Self::PerhapsUpdate => "update?",
        }
    }

    /// Returns the class of an outage that took between `at_least` and `at_most` seconds.
    ///
    /// Without an upper bound the outage may have taken any time.
    pub const fn of(at_least: i64, at_most: Option<i64>, is_update: bool) -> Self {
        let at_most = match at_most {
            Some(seconds) => seconds,
            None => i64::MAX,
        };
        let is_short = at_least <= LONGEST_UPDATE;
        match (is_update && is_short, at_least < 60) {
            (true, _) if at_most <= LONGEST_UPDATE => Self::Update,
            (true, _) => Self::PerhapsUpdate,
            (false, true) if at_most < 60 => Self::UnderMinute,
            (false, true) => Self::PerhapsUnderMinute,
            (false, false) if !is_short => Self::OverFiveMinutes,
            (false, false) if at_most <= LONGEST_UPDATE => Self::UpToFiveMinutes,
            (false, false) => Self::PerhapsUpToFiveMinutes,
        }
    }

    /// Returns the class by the first version of the rule, which knew the down slots alone.
    pub const fn of_slots(down_seconds: i64, is_code_2_only: bool) -> Self {
        match down_seconds {
            301.. => Self::OverFiveMinutes,
            _ if is_code_2_only => Self::Update,
            60.. => Self::UpToFiveMinutes,
            _ => Self::UnderMinute,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_doubted_where_the_bounds_disagree() {
        let of = |at_least, at_most| Class::of(at_least, Some(at_most), false).name();
        assert_eq!([of(10, 59), of(10, 60), of(59, 400)], ["<1m", "<1m?", "<1m?"]);
        assert_eq!([of(60, 300), of(60, 301), of(300, 300)], ["1-5m", "1-5m?", "1-5m"]);
        assert_eq!(of(301, 400), ">5m");
        assert_eq!(Class::of(20, None, false), Class::PerhapsUnderMinute);
    }

    #[test]
    fn five_minutes_sharp_is_still_an_update() {
        assert_eq!(Class::of(290, Some(300), true), Class::Update);
        assert_eq!(Class::of(290, Some(301), true), Class::PerhapsUpdate);
        assert_eq!(Class::of(300, None, true), Class::PerhapsUpdate);
        assert_eq!(Class::of(301, Some(320), true), Class::OverFiveMinutes);
        assert_eq!(Class::of_slots(300, true), Class::Update);
        assert_eq!(Class::of_slots(301, true), Class::OverFiveMinutes);
        assert_eq!(Class::of_slots(300, false), Class::UpToFiveMinutes);
        assert_eq!(Class::of_slots(59, false), Class::UnderMinute);
    }
}
