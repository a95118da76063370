//! Delivery: the attempts of one notification, joined.

use crate::facts::{DelayKind, Outcome, Symptom};

/// How one attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttemptResult {
    /// The endpoint answered.
    Http,
    Dns,
    Connect,
    Tls,
    Reset,
    Timeout,
    /// The platform did not get to make it.
    None,
}

impl AttemptResult {
    pub const ALL: [Self; 7] =
        [Self::Http, Self::Dns, Self::Connect, Self::Tls, Self::Reset, Self::Timeout, Self::None];

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

/// The attempts of one notification, joined. Attempts of different days are never the same, so counts add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// When the event happened that it tells of, microseconds since 1970.
    pub event_us: i64,
    pub first_us: i64,
    /// Lowest attempt number; 0 when the log has none.
    pub first_no: u16,
    pub last_us: i64,
    pub last: AttemptResult,
    pub attempts: u32,
    /// First success: when, at which attempt and with which HTTP status; [`Delivery::NEVER`] without one.
    pub delivered_us: i64,
    pub delivered_no: u16,
    pub delivered_status: u16,
    /// Last HTTP status that was none; 0 without one.
    pub refused_us: i64,
    pub refused_status: u16,
}

impl Delivery {
    pub const NEVER: i64 = i64::MAX;

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

    /// The endpoint decides, once the platform has done its part (R5, R7).
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

    /// The HTTP status that the outcome rests on.
    pub const fn http_status(&self) -> Option<u16> {
        match self.outcome() {
            Outcome::Delivered => Some(self.delivered_status),
            Outcome::Refused => Some(self.refused_status),
            _ => None,
        }
    }

    /// What the network did at the last attempt, when that is the outcome.
    pub const fn symptom(&self) -> Symptom {
        match self.outcome() {
            Outcome::Unreachable => self.last.symptom(),
            _ => Symptom::None,
        }
    }

    /// Does any attempt tell when the event was?
    pub const fn has_event(&self) -> bool {
        // Stored within 48 bits, an unknown time is still years ahead of its attempts.
        self.event_us - self.first_us < 366 * crate::day::DAY_US
    }

    /// Is the first attempt among those seen? A log without attempt numbers is taken to be whole.
    pub const fn has_first(&self) -> bool {
        self.first_no <= 1 || self.is_alone()
    }

    /// Are its later attempts, if any, not known for its own?
    pub const fn is_alone(&self) -> bool {
        self.first_no == AttemptTraits::ALONE
    }

    /// From event to first attempt, when the first attempt was seen.
    pub const fn delay_us(&self) -> Option<i64> {
        if self.has_first() { Some(self.first_us - self.event_us) } else { None }
    }

    /// At which attempt it succeeded.
    pub fn attempts_to_success(&self) -> Option<u32> {
        let counted = match self.delivered_no {
            AttemptTraits::SOME | AttemptTraits::ALONE => return None,
            0 => self.attempts,
            number => number.into(),
        };
        (self.delivered_us != Self::NEVER).then_some(counted)
    }
}

/// What attempts share that differ in nothing but time and notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptTraits {
    pub file: u32,
    /// Number of the source_reader, and service and region as a worker's names.
    pub source_reader: u32,
    pub service: u32,
    pub region: u32,
    pub trial: AttemptResult,
    /// 0 without one.
    pub http_status: u16,
    /// 0 without one; logs whose first attempt cannot be told apart use [`AttemptTraits::SOME`].
    pub attempt_no: u16,
    pub is_success: bool,
}

impl AttemptTraits {
    /// One of the attempts, nobody knows which.
    pub const SOME: u16 = u16::MAX;
    /// Perhaps the first of a notification that has no id, so that others cannot be known for its own.
    pub const ALONE: u16 = u16::MAX - 1;
}

/// What a delivered notification is measured by.
pub fn measured(delivery: &Delivery) -> impl Iterator<Item = (DelayKind, i64)> {
    let delay = delivery.delay_us().map(|us| (DelayKind::FirstAttempt, us.max(0)));
    let attempts = delivery.attempts_to_success().map(|n| (DelayKind::AttemptsToSuccess, n.into()));
    delay.into_iter().chain(attempts)
}
