//! Delivery: all attempts of one notification, joined.

use serde::{Deserialize, Serialize};

use crate::facts::{DelayKind, Outcome, Symptom};

/// The result of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AttemptResult {
    /// The endpoint answered.
    Http,
    Dns,
    Connect,
    Tls,
    Reset,
    Timeout,
    /// The platform failed before it could make the attempt.
    None,
}

/// All variants; the ledger stores the number of a variant, so new ones are appended.
impl AttemptResult {
    pub const ALL: [Self; 7] =
        [Self::Http, Self::Dns, Self::Connect, Self::Tls, Self::Reset, Self::Timeout, Self::None];

    /// Returns the network symptom that the result shows.
    pub const fn symptom(self) -> Symptom {
        match self {
            Self::Http | Self::None => Symptom::None,
            Self::Dns => Symptom::Dns,
            Self::Connect => Symptom::Connect,
            Self::Tls => Symptom::Tls,
            Self::Reset => Symptom::Reset,
            Self::Timeout => Symptom::Timeout,
        }
    }
}

/// All attempts of one notification, joined.
///
/// Attempts of different days are never the same, so the counts of their joins add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Instant of the event that the notification is about, microseconds since 1970.
    pub event_us: i64,
    pub first_us: i64,
    /// Lowest attempt number; 0 when the log has none.
    pub first_no: u16,
    pub last_us: i64,
    pub last: AttemptResult,
    pub attempts: u32,
    /// First success: its instant, attempt number and status; [`Delivery::NEVER`] without one.
    pub delivered_us: i64,
    pub delivered_no: u16,
    pub delivered_status: u16,
    /// Last HTTP answer that was no success: its instant and status; status 0 without one.
    pub refused_us: i64,
    pub refused_status: u16,
}

impl Delivery {
    /// Instant of a success that has not happened.
    pub const NEVER: i64 = i64::MAX;

    /// One attempt at `us`, about an event at `event_us`.
    pub const fn of(event_us: i64, us: i64, claim: &AttemptTraits) -> Self {
        let is_refused = matches!(claim.trial, AttemptResult::Http) && !claim.is_success;
        Self {
            event_us,
            first_us: us,
            first_no: claim.attempt_no,
            last_us: us,
            last: claim.trial,
            attempts: 1,
            delivered_us: if claim.is_success { us } else { Self::NEVER },
            delivered_no: if claim.is_success { claim.attempt_no } else { 0 },
            delivered_status: if claim.is_success { claim.http_status } else { 0 },
            refused_us: if is_refused { us } else { i64::MIN },
            refused_status: if is_refused { claim.http_status } else { 0 },
        }
    }

    /// Adds the attempts of another part of the same notification.
    pub fn join(&mut self, other: &Self) {
        self.event_us = self.event_us.min(other.event_us);
        self.first_us = self.first_us.min(other.first_us);
        self.first_no = self.first_no.min(other.first_no);
        (self.last_us, self.last) = (self.last_us, self.last).max((other.last_us, other.last));
        self.attempts += other.attempts;
        let success = |d: &Self| (d.delivered_us, d.delivered_no, d.delivered_status);
        (self.delivered_us, self.delivered_no, self.delivered_status) = success(self).min(success(other));
        let refusal = |d: &Self| (d.refused_us, d.refused_status);
        (self.refused_us, self.refused_status) = refusal(self).max(refusal(other));
    }

    /// Returns the delivery without what attempts after an instant say; all attempts still count.
    #[must_use]
    pub const fn until(self, us: i64) -> Self {
        let mut all = self;
        if all.delivered_us > us {
            (all.delivered_us, all.delivered_no, all.delivered_status) = (Self::NEVER, 0, 0);
        }
        if all.refused_us > us {
            (all.refused_us, all.refused_status) = (i64::MIN, 0);
        }
        if all.first_us > us {
            // Neutral in a join.
            (all.event_us, all.first_us, all.first_no) = (i64::MAX, i64::MAX, AttemptTraits::SOME);
            all.last_us = i64::MIN;
        } else if all.last_us > us {
            all.last_us = us;
        }
        all
    }

    /// Returns the outcome: the endpoint decides, once the platform has done its part (R5, R7).
    pub const fn outcome(&self) -> Outcome {
        if self.delivered_us != Self::NEVER {
            Outcome::Delivered
        } else if matches!(self.last, AttemptResult::None) {
            Outcome::Internal
        } else if self.refused_status != 0 {
            Outcome::Refused
        } else {
            Outcome::Unreachable
        }
    }

    /// Returns the HTTP status that the outcome depends on.
    pub const fn http_status(&self) -> Option<u16> {
        match self.outcome() {
            Outcome::Delivered => Some(self.delivered_status),
            Outcome::Refused => Some(self.refused_status),
            _ => None,
        }
    }

    /// Returns the network's effect on the last attempt, if the outcome depends on it.
    pub const fn symptom(&self) -> Symptom {
        match self.outcome() {
            Outcome::Unreachable => self.last.symptom(),
            _ => Symptom::None,
        }
    }

    /// True if any attempt has the instant of the event.
    pub const fn has_event(&self) -> bool {
        // A row without it stores a time years ahead of its attempts, also in the 48 bits of a
        // record.
        self.event_us - self.first_us < 366 * crate::day::DAY_US
    }

    /// True if the first attempt was seen; a log without attempt numbers is taken to be complete.
    pub const fn has_first(&self) -> bool {
        self.first_no <= 1 || self.first_no == AttemptTraits::ALONE
    }

    /// True if all attempts have numbers, and the first attempt is not among them.
    pub fn lacks_first(&self) -> bool {
        (2..AttemptTraits::ALONE).contains(&self.first_no)
    }

    /// True if other attempts, if there are any, cannot be assigned to this notification.
    pub const fn is_alone(&self) -> bool {
        self.first_no >= AttemptTraits::ALONE
    }

    /// Returns the time from event to first attempt, if the first attempt was seen.
    pub const fn delay_us(&self) -> Option<i64> {
        if self.has_first() { Some(self.first_us - self.event_us) } else { None }
    }

    /// Returns the number of attempts up to the first success, if it is known.
    pub fn attempts_to_success(&self) -> Option<u32> {
        let counted = match self.delivered_no {
            AttemptTraits::SOME | AttemptTraits::ALONE => return None,
            0 => self.attempts,
            number => number.into(),
        };
        (self.delivered_us != Self::NEVER).then_some(counted)
    }
}

/// The attributes that attempts share, apart from time and notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptTraits {
    pub file: u32,
    /// Number of the source reader; service and region by their numbers in a worker's lexicon.
    pub source_reader: u32,
    pub service: u32,
    pub region: u32,
    pub trial: AttemptResult,
    /// HTTP status; 0 without one.
    pub http_status: u16,
    /// Attempt number; 0 without one, [`AttemptTraits::SOME`] where the first cannot be told apart.
    pub attempt_no: u16,
    pub is_success: bool,
}

impl AttemptTraits {
    /// The attempt is one of several, and its number is not known.
    pub const SOME: u16 = u16::MAX;
    /// The attempt may be the first, but without a notification id no other can be assigned to it.
    pub const ALONE: u16 = u16::MAX - 1;
}

/// Returns the delays of a delivery: time to first attempt, and attempts to success.
pub fn measured(delivery: &Delivery) -> impl Iterator<Item = (DelayKind, i64)> {
    let delay = delivery.delay_us().map(|us| (DelayKind::FirstAttempt, us.max(0)));
    let attempts = delivery.attempts_to_success().map(|n| (DelayKind::AttemptsToSuccess, n.into()));
    delay.into_iter().chain(attempts)
}
