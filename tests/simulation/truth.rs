//! Truth: the books as a person would keep them, from the rows that the logs hold in a night.
//!
//! It knows the rows and the rules in plain words, and nothing of the library.

use std::collections::{BTreeMap, BTreeSet};

use super::acts::Row;
use super::world::{Answer, Attempt, Call, DAY_US, HOUR_US, LogRow, SECOND_US, Tale, Trial};

/// Longest time to a first status, and to a first attempt.
const DEADLINE_US: i64 = 600 * SECOND_US;
/// Longest time that a message may be held back.
const HELD_US: i64 = DAY_US;
/// Longest pause between two attempts.
const PAUSE_US: i64 = 24 * HOUR_US;

/// What an event counts as, in the order of the columns of `availability`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    Good,
    Bad,
    User,
    Excluded,
    Pending,
    Suspense,
    Unknown,
}

use Group::{Bad, Excluded, Good, Pending, Suspense, Unknown, User};

/// Events of one service and region, by group.
pub type Counts = [i64; 7];
/// By service and region.
pub type Books = BTreeMap<(String, String), Counts>;

/// How today's policy and config see calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// Callers that are refused are the platform's fault.
    pub is_strict: bool,
}

/// What was read of the logs of a day.
#[derive(Debug, Clone, Default)]
pub struct Daybook {
    /// Rows of the day, by their place in the world.
    pub rows: BTreeSet<usize>,
    /// Seen from the callers' side, a call that reached nobody is the network's.
    pub is_from_callers: bool,
    /// Its webhook log is not there.
    pub lacks_webhooks: bool,
}

#[derive(Debug, Clone)]
pub struct Event {
    us: i64,
    service: &'static str,
    region: &'static str,
    code: Option<i64>,
    group: Group,
}

/// The days that were read.
pub struct Shelf<'w> {
    pub rows: &'w [LogRow],
    pub days: &'w BTreeMap<i64, Daybook>,
    /// Days in which a message or notification can change.
    pub retry_days: i64,
}

impl Shelf<'_> {
    /// Returns the events of a day as they are booked before overrides.
    pub fn events(&self, day: i64, rules: Rules) -> Vec<Event> {
        let mut events = Vec::new();
        let mut admitted = BTreeSet::new();
        for call in self.calls(day) {
            let event =
                |group, code| Event { us: call.us, service: call.service, region: call.region, code, group };
            // The first call that admits a message is the message; a later one is a call.
            events.push(if call.message.is_empty() || !admitted.insert(&call.message) {
                let (group, code) = self.call(day, call, rules);
                event(group, code)
            } else {
                let (group, code) = self.message(day, call);
                event(group, code)
            });
        }
        events.extend(self.notifications(day));
        events
    }

    const fn window_us(&self) -> i64 {
        self.retry_days * DAY_US
    }

    /// Rows of days from one to another.
    fn rows(&self, days: std::ops::RangeInclusive<i64>) -> impl Iterator<Item = &Tale> {
        self.days.range(days).flat_map(|(_, book)| &book.rows).map(|row| &self.rows[*row].tale)
    }

    /// The first row of each id, in order of time.
    fn calls(&self, day: i64) -> Vec<&Call> {
        let mut first: BTreeMap<&str, &Call> = BTreeMap::new();
        for tale in self.rows(day..=day) {
            if let Tale::Call(call) = tale {
                let known = first.entry(&call.id).or_insert(call);
                if call.us < known.us {
                    *known = call;
                }
            }
        }
        let mut calls: Vec<&Call> = first.into_values().collect();
        calls.sort_by_key(|call| call.us);
        calls
    }

    fn attempts(&self, day: i64) -> impl Iterator<Item = &Attempt> {
        self.rows(day - 1..=day + self.retry_days + 1).filter_map(|tale| match tale {
            Tale::Attempt(attempt) => Some(attempt),
            _ => None,
        })
    }

    /// A call by itself.
    fn call(&self, day: i64, call: &Call, rules: Rules) -> (Group, Option<i64>) {
        match call.answer {
            Answer::Good | Answer::Admitted | Answer::Held => (Good, None),
            Answer::Unavailable => (Bad, Some(131_016)),
            Answer::Update => (Bad, Some(2)),
            Answer::ServerError | Answer::Timeout => (Bad, None),
            Answer::Refused => (if rules.is_strict { Bad } else { User }, Some(190)),
            Answer::Throttled => (User, Some(131_048)),
            Answer::UnknownCode => (Suspense, Some(199_999)),
            Answer::Unconnected if self.days[&day].is_from_callers => (Excluded, None),
            Answer::Unconnected => (Bad, None),
            Answer::Test => (Excluded, None),
        }
    }

    /// A message, from all statuses that are known of it.
    fn message(&self, day: i64, call: &Call) -> (Group, Option<i64>) {
        let mut told = Vec::new();
        for attempt in self.attempts(day) {
            if let Some(status) = attempt.status.as_ref().filter(|status| status.message == call.message)
                && attempt.event_us <= call.us + self.window_us()
                && status.word != "accepted"
            {
                told.push((status.word, status.code, attempt.event_us));
            }
        }
        let says = |words: &[&str]| told.iter().any(|(word, ..)| words.contains(word));
        let is_sent = says(&["sent", "delivered", "read"]);
        let is_failed = says(&["failed"]) && !says(&["delivered", "read"]);
        let failures = told.iter().filter(|(word, ..)| *word == "failed");
        let code =
            failures.min_by_key(|(_, code, us)| (code.is_none(), *us, *code)).and_then(|(_, code, _)| *code);
        let fault = if matches!(code, Some(131_026 | 131_049 | 131_056)) { User } else { Bad };
        if call.answer == Answer::Update {
            // Only what was taken can fail later.
            return match (is_sent, is_failed) {
                (true, true) => (fault, code.or(Some(2))),
                (true, false) => (Good, Some(2)),
                (false, _) => (Bad, Some(2)),
            };
        }
        let first_us = told.iter().map(|(.., us)| *us).min();
        let due_us = call.us + if call.answer == Answer::Held { HELD_US } else { DEADLINE_US };
        let late_code = code.filter(|_| is_failed);
        match first_us {
            Some(us) if us <= due_us && is_failed => (fault, code),
            Some(us) if us <= due_us => (Good, None),
            _ if self.is_lost(call.us, due_us) => (Unknown, late_code),
            // A decision of the platform may take its time where the message was held for it.
            Some(_) if call.answer == Answer::Held && late_code == Some(131_049) => (User, late_code),
            Some(_) => (Bad, late_code),
            None if self.known_until(day, call.region) > Some(due_us) => (Bad, None),
            None => (Pending, None),
        }
    }

    /// True if the webhook log of a day is not there that has an instant between two.
    fn is_lost(&self, from_us: i64, to_us: i64) -> bool {
        let mut lost = self.days.iter().filter(|(_, book)| book.lacks_webhooks);
        lost.any(|(day, _)| day * DAY_US <= to_us && from_us < (day + 1) * DAY_US)
    }

    /// The last instant up to which the webhook log of a region is known, day after day.
    fn known_until(&self, day: i64, region: &str) -> Option<i64> {
        let mut last = None;
        for next in day..=day + self.retry_days + 1 {
            let Some(book) = self.days.get(&next) else { break };
            if next > day && book.lacks_webhooks {
                break;
            }
            let of_region = self.rows(next..=next).filter_map(|tale| match tale {
                Tale::Attempt(attempt) if attempt.region == region => Some(attempt.us),
                _ => None,
            });
            last = last.max(of_region.max());
        }
        last
    }

    /// The notifications of events of a day.
    fn notifications(&self, day: i64) -> Vec<Event> {
        let mut attempts: BTreeMap<&str, Vec<&Attempt>> = BTreeMap::new();
        for attempt in self.attempts(day).filter(|attempt| attempt.event_us.div_euclid(DAY_US) == day) {
            let known = attempts.entry(&attempt.id).or_default();
            if !known.iter().any(|known| known.number == attempt.number) {
                known.push(attempt);
            }
        }
        let mut events = Vec::new();
        for mut known in attempts.into_values() {
            known.sort_by_key(|attempt| attempt.us);
            let first = known[0];
            // Of this one the first attempt is not known, and nothing is judged.
            if first.number > 1 {
                continue;
            }
            known.retain(|attempt| attempt.us <= first.us + self.window_us());
            let group = self.notification(day, first, &known);
            events.push(Event {
                us: first.event_us,
                service: "webhooks",
                region: first.region,
                code: None,
                group,
            });
        }
        events
    }

    fn notification(&self, day: i64, first: &Attempt, known: &[&Attempt]) -> Group {
        let any = |is: fn(&Trial) -> bool| known.iter().any(|attempt| is(&attempt.trial));
        let (event_us, last) = (first.event_us, known[known.len() - 1]);
        let is_delivered = any(|trial| matches!(trial, Trial::Http(200..=299)));
        if first.us - event_us > DEADLINE_US {
            return if self.is_lost(event_us, event_us + DEADLINE_US) { Unknown } else { Bad };
        }
        if is_delivered {
            return Good;
        }
        let given_up_us = event_us + self.window_us();
        let is_internal = last.trial == Trial::Internal;
        let known_us = self.known_until(day, first.region).map(|us| us.min(given_up_us));
        let has_stopped =
            last.us < given_up_us && known_us.is_some_and(|known_us| known_us - last.us > PAUSE_US);
        let next_us = (last.us + PAUSE_US).min(given_up_us);
        if last.us < given_up_us && (has_stopped || is_internal) && self.is_lost(last.us, next_us) {
            return Unknown;
        }
        if is_internal || has_stopped {
            Bad
        } else if any(|trial| matches!(trial, Trial::Http(_))) {
            User
        } else {
            Excluded
        }
    }
}

/// Counts events, with rows of reviewers that were applied; each event is moved once.
pub fn count(mut events: Vec<Event>, applied: &[&Row]) -> Books {
    for event in &mut events {
        let is_moved = applied.iter().any(|row| {
            let is_of =
                (event.service, event.region, event.code) == (row.service, row.region, Some(row.code()));
            let from = if row.is_to_uptime { Bad } else { User };
            is_of && event.group == from && row.selects(event.us)
        });
        if is_moved {
            event.group = if event.group == Bad { User } else { Bad };
        }
    }
    let mut books = Books::new();
    for Event { service, region, group, .. } in events {
        books.entry((service.to_owned(), region.to_owned())).or_default()[group as usize] += 1;
    }
    books
}
