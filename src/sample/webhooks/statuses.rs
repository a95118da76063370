//! Statuses of an admitted message, and the instants at which they happened.

use super::attempts::{Course, DUE_US};
use crate::day::{DAY_US, SECOND_US};
use crate::sample::rng::Dice;
use crate::sample::traffic::outcomes::End;

const MS: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND_US;
const HOUR: i64 = 60 * MINUTE;

/// A status of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Status {
    Sent,
    Delivered,
    Read,
    Played,
    Failed,
}

impl Status {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Played => "played",
            Self::Failed => "failed",
        }
    }
}

/// The fate of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Decided by chance and by its admission.
    Ordinary,
    /// No status at all.
    Silent,
    /// Ordinary statuses, but no row of the request.
    Orphan,
    DeliveredThenFailed,
    FailedThenDelivered,
    FailedThenDeliveredTwoDaysLater,
    DeliveredThenFailedTwoDaysLater,
    ReadOnly,
    TwoApps,
    /// Sent and delivered in time, but first attempted two days later.
    ToldTwoDaysLater,
    FailedTwoDaysLater,
    DeliveredTwoDaysLater,
    /// First status exactly at its deadline.
    AtDeadline,
    /// First status one microsecond after its deadline.
    PastDeadline,
    /// First status before the admission, because the clocks of the layers differ.
    BeforeAdmission,
    LateFirst,
    FailedByPlatform,
    FailedByPlatformThenDelivered,
    /// First status just after the midnight that follows.
    OverMidnight,
    /// First status just before that midnight, its attempt just after it.
    LoggedOverMidnight,
}

/// One status of a message.
#[derive(Debug, Clone, Copy)]
pub struct News {
    pub status: Status,
    pub event_us: i64,
    /// Error code of `failed`, else 0.
    pub code: u32,
    /// The course of its notification, if that is planned.
    pub course: Option<Course>,
    /// Sent to a second app as well, under an id of its own.
    pub is_told_twice: bool,
}

/// Codes of `failed` with their weights.
const FAILURES: [(u32, u64); 4] = [(131_026, 6), (131_049, 5), (130_472, 2), (131_047, 2)];
const PLATFORM_FAILURE: u32 = 131_016;

/// The statuses of one message; their order does not matter.
pub struct Statuses<'a> {
    dice: &'a mut Dice,
    admitted_us: i64,
    news: &'a mut Vec<News>,
}

impl<'a> Statuses<'a> {
    /// Fills `news` with the statuses of a message that was admitted then, with that answer.
    pub fn tell(dice: &'a mut Dice, admitted_us: i64, end: End, fate: Fate, news: &'a mut Vec<News>) {
        news.clear();
        let mut statuses = Self { dice, admitted_us, news };
        match (end, fate) {
            (End::Held | End::Paused, Fate::Ordinary | Fate::Silent) => statuses.held(),
            (End::ApiUpdateWithId, Fate::Ordinary) => statuses.delivered(),
            _ => statuses.fated(fate),
        }
    }

    fn fated(&mut self, fate: Fate) {
        let midnight = (self.admitted_us / DAY_US + 1) * DAY_US;
        match fate {
            Fate::Silent => {}
            Fate::Ordinary | Fate::Orphan => self.ordinary(),
            Fate::DeliveredThenFailed => {
                self.delivered();
                self.failed(3 * MINUTE);
            }
            Fate::FailedThenDelivered => {
                self.failed(30 * SECOND_US);
                self.put(Status::Delivered, 4 * MINUTE);
            }
            Fate::FailedThenDeliveredTwoDaysLater => {
                self.sent();
                self.failed(2 * MINUTE);
                self.put(Status::Delivered, 2 * DAY_US + 5 * MINUTE);
            }
            Fate::DeliveredThenFailedTwoDaysLater => {
                self.delivered();
                self.failed(2 * DAY_US);
            }
            Fate::ReadOnly => {
                self.sent();
                self.read(0);
            }
            Fate::TwoApps => {
                self.delivered();
                self.news.iter_mut().for_each(|news| news.is_told_twice = true);
            }
            Fate::ToldTwoDaysLater => {
                self.sent();
                self.put(Status::Delivered, 20 * SECOND_US);
                self.news.iter_mut().for_each(|news| news.course = Some(Course::TwoDaysLater));
            }
            Fate::FailedTwoDaysLater => {
                self.sent();
                self.put_failed(2 * DAY_US, 131_026);
            }
            Fate::DeliveredTwoDaysLater => {
                self.sent();
                self.put(Status::Delivered, 2 * DAY_US);
            }
            Fate::AtDeadline => {
                self.put(Status::Sent, DUE_US);
                self.put(Status::Delivered, DUE_US + 5 * SECOND_US);
            }
            Fate::PastDeadline => {
                self.put(Status::Sent, DUE_US + 1);
                self.put(Status::Delivered, DUE_US + 5 * SECOND_US);
            }
            Fate::BeforeAdmission => self.put(Status::Sent, -2 * SECOND_US),
            Fate::LateFirst => {
                self.put(Status::Sent, 20 * MINUTE);
                self.put(Status::Delivered, 21 * MINUTE);
            }
            Fate::FailedByPlatform => {
                self.sent();
                self.put_failed(MINUTE, PLATFORM_FAILURE);
            }
            Fate::FailedByPlatformThenDelivered => {
                self.put_failed(MINUTE, PLATFORM_FAILURE);
                self.put(Status::Delivered, 7 * MINUTE);
            }
            Fate::OverMidnight => {
                let after = i64::from(self.dice.between(100, 5_000)) * MS;
                self.put(Status::Sent, midnight - self.admitted_us + after);
                self.put(Status::Delivered, midnight - self.admitted_us + 2 * after);
            }
            Fate::LoggedOverMidnight => {
                self.put(Status::Sent, (midnight - 5 * MS).max(self.admitted_us + MS) - self.admitted_us);
                self.news.iter_mut().for_each(|news| news.course = Some(Course::AfterMidnight));
            }
        }
    }

    fn ordinary(&mut self) {
        match self.dice.below(1_000) {
            0..15 => {
                self.sent();
                let after = i64::from(self.dice.skewed(6_000, 300_000)) * MS;
                self.failed(after);
            }
            15..35 => {
                self.sent();
                self.read(0);
            }
            35..80 => self.sent(),
            _ => self.delivered(),
        }
        if self.dice.chance(10_000) {
            self.news.iter_mut().for_each(|news| news.is_told_twice = true);
        }
    }

    /// Held back or paused on purpose: released or dropped after minutes.
    fn held(&mut self) {
        let released = i64::from(self.dice.skewed(60, 540)) * SECOND_US;
        match self.dice.below(10) {
            0..3 => self.put(Status::Sent, released),
            3 => self.failed(released),
            _ => {
                self.put(Status::Sent, released);
                self.put(Status::Delivered, released + 5 * SECOND_US);
            }
        }
    }

    fn sent(&mut self) {
        let after = i64::from(self.dice.skewed(300, 5_000)) * MS + self.dice.below(1_000) as i64;
        self.put(Status::Sent, after);
    }

    fn delivered(&mut self) {
        if self.dice.chance(700_000) {
            self.sent();
        }
        let after = i64::from(self.dice.skewed(1_000, 60_000)) * MS + self.dice.below(1_000) as i64;
        self.put(Status::Delivered, after);
        if self.dice.chance(550_000) {
            self.read(after);
        }
    }

    /// Adds a read minutes to hours later, so sometimes on another day.
    fn read(&mut self, after: i64) {
        let after = after
            + i64::from(self.dice.skewed(60, 43_200)) * SECOND_US
            + self.dice.below(SECOND_US as u64) as i64;
        self.put(Status::Read, after);
        if self.dice.chance(10_000) {
            self.put(Status::Played, after + HOUR / 10);
        }
    }

    fn failed(&mut self, after: i64) {
        let mut throw = self.dice.below(FAILURES.iter().map(|(_, weight)| weight).sum());
        for (code, weight) in FAILURES {
            if throw < weight {
                return self.put_failed(after, code);
            }
            throw -= weight;
        }
    }

    fn put(&mut self, status: Status, after: i64) {
        let event_us = self.admitted_us + after;
        self.news.push(News { status, event_us, code: 0, course: None, is_told_twice: false });
    }

    fn put_failed(&mut self, after: i64, code: u32) {
        let event_us = self.admitted_us + after;
        self.news.push(News { status: Status::Failed, event_us, code, course: None, is_told_twice: false });
    }
}
