//! Accounts of messages and notifications: stated by hand, not taken from the policy.

use crate::day::DAY_US;
use crate::sample::traffic::outcomes::{CallOutcome, End, EndGroup};
use crate::sample::webhooks::attempts::DUE_US;
use crate::sample::webhooks::attempts::{GIVEN_UP_US, Try};
use crate::sample::webhooks::statuses::Status;

/// The judgement of a message or notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Verdict {
    Good,
    /// Answered with code 2, but sent nevertheless.
    GoodAfterUpdate,
    Missed,
    Error,
    FailedByPlatform,
    Undeliverable,
    MarketingLimit,
    Experiment,
    WindowClosed,
    Refused,
    Unreachable,
    OutOfScope,
    /// Outside the service, and failed; the row has the error code.
    AsideUndeliverable,
    AsideMarketingLimit,
    AsideExperiment,
    AsideWindowClosed,
    Unknown,
}

/// How a verdict is booked.
#[derive(Debug, Clone, Copy)]
pub struct VerdictEntry {
    pub account: &'static str,
    /// Effect on the minute.
    pub group: EndGroup,
    pub error_code: Option<i64>,
}

impl Verdict {
    pub const ALL: [Self; 17] = [
        Self::Good,
        Self::GoodAfterUpdate,
        Self::Missed,
        Self::Error,
        Self::FailedByPlatform,
        Self::Undeliverable,
        Self::MarketingLimit,
        Self::Experiment,
        Self::WindowClosed,
        Self::Refused,
        Self::Unreachable,
        Self::OutOfScope,
        Self::AsideUndeliverable,
        Self::AsideMarketingLimit,
        Self::AsideExperiment,
        Self::AsideWindowClosed,
        Self::Unknown,
    ];

    pub const fn entry(self) -> VerdictEntry {
        let (account, group, error_code) = match self {
            Self::Good => ("good", EndGroup::Good, None),
            Self::GoodAfterUpdate => ("good", EndGroup::Good, Some(2)),
            Self::Missed => ("bad:platform:missed", EndGroup::Bad, None),
            Self::Error => ("bad:platform:error", EndGroup::Bad, None),
            Self::FailedByPlatform => ("bad:platform:error", EndGroup::Bad, Some(131_016)),
            Self::Undeliverable => ("user:recipient", EndGroup::User, Some(131_026)),
            Self::MarketingLimit => ("user:policy", EndGroup::User, Some(131_049)),
            Self::Experiment => ("user:policy", EndGroup::User, Some(130_472)),
            Self::WindowClosed => ("user:caller", EndGroup::User, Some(131_047)),
            Self::Refused => ("user:caller", EndGroup::User, None),
            Self::Unreachable => ("excluded:network:webhook", EndGroup::Aside, None),
            Self::OutOfScope => ("excluded:scope", EndGroup::Aside, None),
            Self::AsideUndeliverable => ("excluded:scope", EndGroup::Aside, Some(131_026)),
            Self::AsideMarketingLimit => ("excluded:scope", EndGroup::Aside, Some(131_049)),
            Self::AsideExperiment => ("excluded:scope", EndGroup::Aside, Some(130_472)),
            Self::AsideWindowClosed => ("excluded:scope", EndGroup::Aside, Some(131_047)),
            Self::Unknown => ("unknown", EndGroup::Aside, None),
        };
        VerdictEntry { account, group, error_code }
    }

    pub const fn is_bad(self) -> bool {
        matches!(self.entry().group, EndGroup::Bad)
    }

    pub fn is_out_of_scope(self) -> bool {
        self.entry().account == "excluded:scope"
    }

    /// Returns the verdict on a failed message by its error code.
    const fn of_code(code: u32) -> Self {
        match code {
            131_026 => Self::Undeliverable,
            131_049 => Self::MarketingLimit,
            130_472 => Self::Experiment,
            131_047 => Self::WindowClosed,
            _ => Self::FailedByPlatform,
        }
    }
}

/// The statuses of one message, combined in any order.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fold {
    first_us: Option<i64>,
    is_sent: bool,
    is_delivered: bool,
    /// Time and code of the earliest failure.
    failed: Option<(i64, u32)>,
}

/// The outcome of a message by its statuses: delivered before failed before sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageFate {
    Delivered,
    Failed,
    Sent,
    None,
}

/// The arrival of the first status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageTiming {
    InTime,
    Late,
    Overdue,
    /// Held back on purpose: nothing is due for hours.
    NotDue,
}

impl Fold {
    pub fn add(&mut self, status: Status, event_us: i64, code: u32) {
        self.first_us = Some(self.first_us.map_or(event_us, |first| first.min(event_us)));
        match status {
            Status::Sent => self.is_sent = true,
            Status::Delivered | Status::Read | Status::Played => self.is_delivered = true,
            Status::Failed => {
                let failed = (event_us, code);
                self.failed = Some(self.failed.map_or(failed, |first| first.min(failed)));
            }
        }
    }

    pub const fn state(&self) -> MessageFate {
        match (self.is_delivered, self.failed, self.is_sent) {
            (true, ..) => MessageFate::Delivered,
            (_, Some(_), _) => MessageFate::Failed,
            (_, _, true) => MessageFate::Sent,
            _ => MessageFate::None,
        }
    }

    pub const fn is_contradicted(&self) -> bool {
        self.is_delivered && self.failed.is_some()
    }

    pub fn timing(&self, admitted_us: i64, end: End) -> MessageTiming {
        match self.first_us {
            Some(_) if matches!(end, End::Held | End::Paused) => MessageTiming::NotDue,
            Some(first) if first <= admitted_us + DUE_US => MessageTiming::InTime,
            Some(_) => MessageTiming::Late,
            None => MessageTiming::Overdue,
        }
    }

    /// Returns the verdict; `None` if no status was in time.
    ///
    /// Such a message is missed, or unknown if the log has a gap.
    pub fn verdict(&self, timing: MessageTiming, end: End) -> Option<Verdict> {
        let outcome: &CallOutcome = end.outcome();
        if outcome.group == EndGroup::Aside {
            return Some(match (self.state(), self.failed) {
                (MessageFate::Failed, Some((_, 131_026))) => Verdict::AsideUndeliverable,
                (MessageFate::Failed, Some((_, 131_049))) => Verdict::AsideMarketingLimit,
                (MessageFate::Failed, Some((_, 130_472))) => Verdict::AsideExperiment,
                (MessageFate::Failed, Some((_, 131_047))) => Verdict::AsideWindowClosed,
                _ => Verdict::OutOfScope,
            });
        }
        if end == End::ApiUpdateWithId {
            return Some(Verdict::GoodAfterUpdate);
        }
        match (timing, self.state(), self.failed) {
            (MessageTiming::Late | MessageTiming::Overdue, ..) => None,
            (_, MessageFate::Failed, Some((_, code))) => Some(Verdict::of_code(code)),
            _ => Some(Verdict::Good),
        }
    }
}

/// Returns when an attempt was due whose row, if it is missing, would explain a bad notification.
///
/// These are the time up to the deadline of a first attempt that came late, or the day after the
/// last attempt of one that was not delivered. `None` for any other notification.
pub fn due_attempt(event_us: i64, seen: &[Try]) -> Option<[i64; 2]> {
    let (first, last) = (seen.first()?, seen.last()?);
    if first.ts_us > event_us + DUE_US {
        return Some([event_us, event_us + DUE_US]);
    }
    let is_open =
        seen.iter().all(|attempt| !attempt.reply.is_success()) && last.ts_us < event_us + GIVEN_UP_US;
    is_open.then_some([last.ts_us, last.ts_us + DAY_US])
}

/// Returns the verdict on a notification; `None` if it is unknown and its attempts are orphans.
///
/// `seen` are the logged attempts, in order; the logs of the region go on until `known_us`.
pub fn notification(event_us: i64, seen: &[Try], known_us: i64) -> Option<Verdict> {
    let (first, last) = (seen.first()?, seen.last()?);
    if first.number > 1 {
        return None;
    }
    let is_http = |attempt: &Try| attempt.reply.http_status().is_some();
    Some(if first.ts_us > event_us + DUE_US {
        Verdict::Missed
    } else if seen.iter().any(|attempt| attempt.reply.is_success()) {
        Verdict::Good
    } else if last.reply.outcome() == "none" {
        Verdict::Error
    } else if last.ts_us < event_us + GIVEN_UP_US && known_us > last.ts_us + DAY_US {
        Verdict::Missed
    } else if seen.iter().any(is_http) {
        Verdict::Refused
    } else {
        Verdict::Unreachable
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::webhooks::attempts::Reply;

    #[test]
    fn every_verdict_has_its_place_and_a_group_that_fits_its_account() {
        for (at, verdict) in Verdict::ALL.into_iter().enumerate() {
            assert_eq!(verdict as usize, at);
            let VerdictEntry { account, group, .. } = verdict.entry();
            let by_name = match account.split(':').next() {
                Some("good") => EndGroup::Good,
                Some("bad") => EndGroup::Bad,
                Some("user") => EndGroup::User,
                _ => EndGroup::Aside,
            };
            assert_eq!(group, by_name, "{verdict:?}");
        }
    }

    #[test]
    fn statuses_fold_the_same_in_any_order() {
        let mut statuses = [
            (Status::Sent, 5, 0),
            (Status::Failed, 9, 131_049),
            (Status::Failed, 9, 131_026),
            (Status::Failed, 7, 131_047),
        ];
        for _ in 0..statuses.len() {
            statuses.rotate_left(1);
            let mut fold = Fold::default();
            for (status, event_us, code) in statuses {
                fold.add(status, event_us, code);
            }
            let timing = fold.timing(5 - DUE_US, End::Good);
            assert_eq!(timing, MessageTiming::InTime);
            assert_eq!(fold.verdict(timing, End::Good), Some(Verdict::WindowClosed));
            let timing = fold.timing(4 - DUE_US, End::Good);
            assert_eq!((timing, fold.verdict(timing, End::Good)), (MessageTiming::Late, None));
            fold.add(Status::Read, 100, 0);
            assert!(fold.is_contradicted());
            assert_eq!(fold.state(), MessageFate::Delivered);
        }
    }

    #[test]
    fn notifications_are_judged_in_the_order_of_the_rules() {
        let day = DAY_US;
        let judged = |tries: &[(i64, u16, Reply)], known| {
            let seen: Vec<Try> = tries
                .iter()
                .map(|(ts_us, number, reply)| Try { ts_us: *ts_us, number: *number, reply: *reply })
                .collect();
            notification(0, &seen, known)
        };
        let ok = Reply::Http(204);
        assert_eq!(judged(&[(DUE_US, 1, ok)], day), Some(Verdict::Good));
        assert_eq!(judged(&[(DUE_US + 1, 1, ok)], day), Some(Verdict::Missed));
        assert_eq!(judged(&[(DUE_US + 1, 2, ok)], day), None);
        assert_eq!(judged(&[(day, 1, ok)], day), Some(Verdict::Missed));
        assert_eq!(judged(&[(day, 2, ok)], day), None);
        assert_eq!(judged(&[], day), None);
        let (http, none) = (Reply::Http(500), Reply::None);
        assert_eq!(judged(&[(1, 1, none)], 3 * day), Some(Verdict::Error));
        assert_eq!(judged(&[(1, 1, none), (2, 2, http)], day), Some(Verdict::Refused));
        assert_eq!(judged(&[(1, 1, none), (2, 2, http)], 2 * day), Some(Verdict::Missed));
        assert_eq!(judged(&[(1, 1, Reply::Dns)], day), Some(Verdict::Unreachable));
        assert_eq!(
            judged(&[(1, 1, Reply::Dns), (GIVEN_UP_US, 9, Reply::Tls)], 9 * day),
            Some(Verdict::Unreachable)
        );
    }
}
