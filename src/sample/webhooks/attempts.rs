//! Attempts: the courses that the attempts of a notification can take.

use crate::day::{DAY_US, SECOND_US};
use crate::sample::rng::Dice;

/// The first status is due this long after the admission.
pub const DUE_US: i64 = 600 * SECOND_US;

const MS: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND_US;
const HOUR: i64 = 60 * MINUTE;
/// Age at which an undelivered notification is given up, in microseconds (R7).
pub const GIVEN_UP_US: i64 = 7 * DAY_US;

/// The result of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// The endpoint answered with this status.
    Http(u16),
    Dns,
    Connect,
    Tls,
    Reset,
    Timeout,
    /// An internal error: the platform failed before it could make the attempt.
    None,
}

impl Reply {
    pub const fn outcome(self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Reset => "reset",
            Self::Timeout => "timeout",
            Self::None => "none",
        }
    }

    pub const fn http_status(self) -> Option<i32> {
        match self {
            Self::Http(status) => Some(status as i32),
            _ => None,
        }
    }

    pub const fn is_success(self) -> bool {
        matches!(self, Self::Http(200..=299))
    }
}

/// One attempt; the first has the number 1.
#[derive(Debug, Clone, Copy)]
pub struct Try {
    pub ts_us: i64,
    pub number: u16,
    pub reply: Reply,
}

/// The course of a notification's attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// Mostly immediate success, sometimes at attempt 2 to 4.
    Ordinary,
    /// Immediate success, for events after the sample's last day.
    Prompt,
    /// No connection until the sample ends or the notification is given up.
    Unreachable,
    /// 500 from the endpoint until the sample ends or the notification is given up.
    Refuses,
    /// Attempt 5 succeeds hours later.
    LateSuccess,
    /// Two attempts without a connection, and no more.
    Stops,
    /// An internal error, and no more attempts.
    Internal,
    InternalThenGood,
    /// First attempted 15 to 25 minutes late.
    Backlog,
    /// Retries every two minutes for half an hour.
    Trickle,
    /// First attempted exactly at the deadline.
    AtDeadline,
    /// First attempted one microsecond after the deadline.
    PastDeadline,
    TwoDaysLater,
    /// First attempted just after the next midnight.
    AfterMidnight,
}

impl Course {
    /// Makes the attempts for an event; only short, ordinary courses go beyond `end_us`.
    pub fn tries(self, event_us: i64, end_us: i64, dice: &mut Dice, tries: &mut Vec<Try>) {
        tries.clear();
        let at_once = event_us + i64::from(dice.skewed(20_000, 900_000));
        let success = Reply::Http(if dice.chance(20_000) { 204 } else { 200 });
        let mut put = |ts_us, reply| tries.push(Try { ts_us, number: tries.len() as u16 + 1, reply });
        match self {
            Self::Ordinary => {
                let mut ts_us = at_once;
                if dice.chance(10_000) {
                    for pause in [1, 5, 30].into_iter().take(1 + dice.below(3) as usize) {
                        put(ts_us, failure(dice));
                        ts_us += pause * MINUTE + dice.below(SECOND_US as u64) as i64;
                    }
                }
                put(ts_us, success);
            }
            Self::Prompt => put(at_once, success),
            Self::Unreachable => persist(at_once, event_us, end_us, |ts| put(ts, Reply::Connect)),
            Self::Refuses => persist(at_once, event_us, end_us, |ts| put(ts, Reply::Http(500))),
            Self::LateSuccess => {
                let mut ts_us = at_once;
                for pause in [1, 5, 30, 180] {
                    put(ts_us, failure(dice));
                    ts_us += pause * MINUTE;
                }
                put(ts_us + dice.below(2 * HOUR as u64) as i64, success);
            }
            Self::Stops => {
                put(at_once, Reply::Connect);
                put(at_once + MINUTE, Reply::Connect);
            }
            Self::Internal => put(at_once, Reply::None),
            Self::InternalThenGood => {
                put(at_once, Reply::None);
                put(at_once + MINUTE, success);
            }
            Self::Backlog => {
                put(event_us + 15 * MINUTE + dice.below(10 * MINUTE as u64) as i64, success);
            }
            Self::Trickle => {
                for at in 0..15 {
                    put(at_once + at * 2 * MINUTE, Reply::Timeout);
                }
                put(at_once + 30 * MINUTE, success);
            }
            Self::AtDeadline => put(event_us + DUE_US, success),
            Self::PastDeadline => put(event_us + DUE_US + 1, success),
            Self::TwoDaysLater => put(event_us + 2 * DAY_US, success),
            Self::AfterMidnight => {
                let midnight = (event_us / DAY_US + 1) * DAY_US;
                put(midnight + 40 * MS, success);
            }
        }
    }
}

/// Retries after 1, 5 and 30 minutes, then every three hours.
fn persist(first_us: i64, event_us: i64, end_us: i64, mut put: impl FnMut(i64)) {
    let mut ts_us = first_us;
    let mut pauses = [1, 5, 30].into_iter();
    loop {
        put(ts_us);
        let is_given_up = ts_us > event_us + GIVEN_UP_US;
        ts_us += pauses.next().unwrap_or(180) * MINUTE;
        if is_given_up || ts_us >= end_us {
            break;
        }
    }
}

fn failure(dice: &mut Dice) -> Reply {
    const FAILURES: [Reply; 8] = [
        Reply::Connect,
        Reply::Connect,
        Reply::Timeout,
        Reply::Timeout,
        Reply::Http(500),
        Reply::Http(500),
        Reply::Reset,
        Reply::Tls,
    ];
    if dice.chance(50_000) { Reply::Dns } else { FAILURES[dice.below(8) as usize] }
}
