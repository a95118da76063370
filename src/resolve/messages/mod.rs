//! Messages: the outcome of each message of one day, from all days within reach.

pub mod ambiguous_sends;

use ambiguous_sends::Sends;

use super::merge_join::{Merge, Shorts};
use super::unreadable::UndecidedMessage;
use super::{DaybookFolders, Resolver, Speaks};
use crate::day::{Day, SECOND_US};
use crate::daybook::message::{MessageState, StatusWord};
use crate::daybook::{self, Closed, IdRange, ItemRole, MessageItem};
use crate::error::Trouble;
use crate::facts::ids::{Id, short};
use crate::facts::{DelayKind, Kind, Outcome, Stream, Timing};

/// The statuses of one message that concern the day.
struct Said {
    /// The call of the day that admitted the message, if its outcome is still open.
    open: Option<MessageItem>,
    /// All statuses of that message, from all days.
    state: MessageState,
    /// Statuses of a message that the day did not admit: in the day's own rows, and in other days.
    here: MessageState,
    elsewhere: MessageState,
    /// As `here`, in statuses of any responder of the number, which are no orphans.
    overheard: MessageState,
    /// True if the message was sent without a call, as a copy of it shows.
    is_echoed: bool,
    /// The kind of the notification that reports the earliest of the statuses here.
    kind_here: Option<u32>,
    /// True if another day admitted the message; true if an earlier day did.
    is_admitted: bool,
    is_admitted_before: bool,
}

/// Key of the kind that a message gets: to look up a whole [`Kind`] takes longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OutcomeKey {
    /// The number of the kind of its call.
    call: u32,
    outcome: Outcome,
    timing: Timing,
    /// The code of a failure, if a status has one.
    code: Option<i64>,
}

impl Resolver<'_> {
    /// Resolves the messages of the day in a range of ids, from all daybooks within `reach` days.
    pub fn messages(
        &mut self,
        sends: &Sends,
        daybooks: &DaybookFolders,
        reach: i64,
        ids: IdRange,
    ) -> Result<(), Trouble> {
        let correlations = sends.correlations(self.day, daybooks, reach, ids)?;
        let mut streams = Vec::new();
        let mut days = Vec::new();
        let mut closed = Vec::new();
        for (other, folder) in daybooks.range(self.day.plus(-reach)..=self.day.plus(reach)) {
            streams.push(daybook::messages(folder, ids)?);
            days.push(*other);
            // What later days admitted is no message of this one.
            if *other <= self.day.plus(1) {
                closed.push((*other, Shorts::new(daybook::closed(folder, Closed::Messages, ids)?)?));
            }
        }
        let mut merge = Merge::new(streams, |item: &MessageItem| item.id)?;
        while let Some((id, group)) = merge.next()? {
            let mut said = self.said(&days, &group);
            let is_failed_elsewhere = said.elsewhere.words & StatusWord::Failed as u8 != 0;
            let orphan = match said.open {
                None if !said.is_echoed => {
                    self.orphan(sends, (id, correlations.get(&id).copied()), &days, &group)
                }
                _ => None,
            };
            let is_told_here = said.here.words | said.overheard.words != 0;
            if orphan.is_none() && said.open.is_none() && !is_told_here && !is_failed_elsewhere {
                continue;
            }
            let mut is_ours_and_closed = false;
            for (from, shorts) in &mut closed {
                if shorts.has(short(id))? {
                    is_ours_and_closed |= *from == self.day;
                    said.is_admitted |= *from != self.day;
                    said.is_admitted_before |= *from < self.day;
                }
            }
            match orphan {
                Some(orphan) if !said.is_admitted && !is_ours_and_closed => self.orphans.push(orphan),
                _ => self.message(id, &said, is_ours_and_closed)?,
            }
        }
        Ok(())
    }

    fn said(&self, days: &[Day], group: &[(usize, MessageItem)]) -> Said {
        let mut said = Said {
            open: None,
            state: MessageState::NONE,
            here: MessageState::NONE,
            elsewhere: MessageState::NONE,
            overheard: MessageState::NONE,
            is_echoed: false,
            kind_here: None,
            is_admitted: false,
            is_admitted_before: false,
        };
        let (day, before, after) = (self.day, self.day.plus(-1), self.day.plus(1));
        // A message can change for seven times 24 hours, whatever day its rows are logged on.
        let open = group.iter().find(|(at, item)| item.role == ItemRole::Open && days[*at] == day);
        let until_us = open.map(|(_, item)| item.at_us + self.window_us());
        let last = day.plus(self.config.webhooks.retry_days.into());
        for (at, item) in group {
            let from = days[*at];
            match item.role {
                ItemRole::Open if from == day => {
                    said.state.join(&item.state);
                    said.open = Some(*item);
                }
                ItemRole::Open => {
                    said.is_admitted |= from <= after;
                    said.is_admitted_before |= from < day;
                    said.elsewhere.join(&item.state);
                }
                ItemRole::Ahead if from == day && !self.has_next() => said.state.join(&item.state),
                ItemRole::Ahead => {}
                ItemRole::Foreign if from == day => {
                    said.here.join(&item.state);
                    // Daybooks of version 0.1.0 have neither instant nor kind.
                    said.kind_here = (item.at_us != 0).then_some(item.kind);
                }
                ItemRole::Overheard if from == day => said.overheard.join(&item.state),
                ItemRole::Echoed => said.is_echoed = true,
                ItemRole::Foreign | ItemRole::Overheard if from >= before => match until_us {
                    Some(until_us) => said.elsewhere.join(&item.state.until(until_us)),
                    None if from <= last => said.elsewhere.join(&item.state),
                    None => {}
                },
                ItemRole::Foreign | ItemRole::Overheard => {}
            }
        }
        said.state.join(&said.elsewhere);
        said
    }

    fn message(&mut self, id: Id, said: &Said, is_ours_and_closed: bool) -> Result<(), Trouble> {
        match &said.open {
            // The first call that admitted a message is the message; a later one remains a call.
            Some(again) if said.is_admitted_before => {
                self.counts.admitted_again += 1;
                let caller = self.caller_of(again.caller, id)?;
                self.kind_of(again.kind, id)?;
                self.resolve_one(again.at_us, again.kind, caller);
            }
            Some(open) => self.open_message(open, &said.state)?,
            None => {
                if is_ours_and_closed && said.elsewhere.words & StatusWord::Failed as u8 != 0 {
                    self.counts.contradicted_messages += 1;
                }
                if !said.is_admitted && !is_ours_and_closed {
                    let (own, overheard) = (said.here.statuses().into(), said.overheard.statuses().into());
                    if said.is_echoed {
                        self.counts.statuses_of_others += own;
                    } else {
                        self.count_orphan(id, own, said.kind_here)?;
                    }
                    // A word that was told both ways counts once.
                    let told_twice = (said.here.words & said.overheard.words).count_ones();
                    self.counts.statuses_of_others += u64::saturating_sub(overheard, told_twice.into());
                }
            }
        }
        Ok(())
    }

    /// Counts the day's statuses of a message that no call admitted.
    pub fn count_orphan(&mut self, id: Id, statuses: u64, kind: Option<u32>) -> Result<(), Trouble> {
        self.counts.orphan_statuses += statuses;
        if let Some(kind) = kind {
            let Kind { source, region, .. } = self.kind_of(kind, id)?;
            let key = (source.clone(), region.clone());
            *self.spelling.orphans.entry(key).or_default() += statuses;
        }
        Ok(())
    }

    fn open_message(&mut self, open: &MessageItem, state: &MessageState) -> Result<(), Trouble> {
        self.counts.contradicted_messages += u64::from(state.is_contradicted());
        let kind = self.kind_of(open.kind, open.id)?.clone();
        self.spelling.count(&kind, 1, state.words != 0);
        let timing = self.timing(open.at_us, &kind, state);
        if matches!(timing, Timing::Late | Timing::Overdue) && self.has_unreadable_rows(&kind.region) {
            let due_us = self.due_us(open.at_us, &kind);
            let (open, state, region) = (*open, *state, kind.region);
            self.undecided.messages.push(UndecidedMessage { open, state, timing, region, due_us });
            return Ok(());
        }
        self.resolve_message(open, state, timing)
    }

    /// Counts an open message, with its timing as decided.
    pub fn resolve_message(
        &mut self,
        open: &MessageItem,
        state: &MessageState,
        timing: Timing,
    ) -> Result<(), Trouble> {
        let kind = self.kind_of(open.kind, open.id)?.clone();
        let caller = self.caller_of(open.caller, open.id)?;
        let (service, region) = (kind.service.clone(), kind.region.clone());
        let (outcome, timing) = understood(state, timing);
        if state.first_us != MessageState::NEVER {
            let delay = (state.first_us - open.at_us).max(0);
            self.delays.add(DelayKind::FirstStatus, &service, &region, delay, 1);
        }
        let has_failed = outcome == Outcome::Failed;
        // An error answer admits nothing unless a status says so, and a failure alone does not: it
        // fits an error as well as a success.
        let is_refused = match outcome {
            Outcome::None | Outcome::Unknown => !kind.has_admitted(),
            _ => has_failed && kind.is_answered_with_error() && !state.has_left(),
        };
        if is_refused {
            self.resolve_one(open.at_us, open.kind, caller);
            return Ok(());
        }
        let key = OutcomeKey { call: open.kind, outcome, timing, code: state.code.filter(|_| has_failed) };
        let twin = match self.outcome_kinds.get(&key) {
            Some(twin) => *twin,
            None => {
                let twin = self.kind(Kind {
                    stream: Stream::Message,
                    outcome,
                    timing,
                    error_code: key.code.or(kind.error_code),
                    error_subcode: if has_failed { None } else { kind.error_subcode },
                    ..kind
                });
                self.outcome_kinds.insert(key, twin);
                twin
            }
        };
        let is_good = matches!(outcome, Outcome::Sent | Outcome::Delivered)
            && matches!(timing, Timing::InTime | Timing::None);
        // Callers are kept only where something went wrong, so that good traffic folds into few
        // facts.
        let caller = if is_good { self.caller("") } else { caller };
        self.resolve_one(open.at_us, twin, caller);
        Ok(())
    }

    /// Returns the instant up to which the first status of a message is in time.
    fn due_us(&self, at_us: i64, kind: &Kind) -> i64 {
        at_us + if kind.is_held() { self.held_us() } else { self.deadline_us() }
    }

    /// Returns how long a held or paused message may wait for its first status.
    pub fn held_us(&self) -> i64 {
        (i64::from(self.config.webhooks.held_seconds) * SECOND_US).max(self.deadline_us())
    }

    /// Compares the instant of the first status with its deadline.
    fn timing(&mut self, at_us: i64, kind: &Kind, state: &MessageState) -> Timing {
        let has_status = state.first_us != MessageState::NEVER;
        let due_us = self.due_us(at_us, kind);
        if has_status && state.first_us <= due_us {
            return if kind.is_held() { Timing::None } else { Timing::InTime };
        }
        let is_silent = self.silences.iter().any(|s| s.region == kind.region && s.touches(at_us, due_us));
        if is_silent || self.has_lost_webhooks(&kind.region, at_us, due_us) {
            return Timing::Unseen;
        }
        if has_status {
            return Timing::Late;
        }
        let is_known = self.watermark(&kind.region, Speaks::OfMessages).is_some_and(|last| last > due_us);
        if is_known { Timing::Overdue } else { Timing::Open }
    }
}

/// Returns outcome and timing of a message, without a verdict from words that nobody knows.
///
/// Such a word may have told of success in time. So a message that would be late or overdue is
/// unknown, and a failure is judged by its code alone.
const fn understood(state: &MessageState, timing: Timing) -> (Outcome, Timing) {
    match (state.outcome(), timing) {
        (Outcome::Failed, Timing::Late) if state.has_unknown() => (Outcome::Failed, Timing::InTime),
        (_, Timing::Late | Timing::Overdue) if state.has_unknown() => (Outcome::Unknown, timing),
        (outcome, timing) => (outcome, timing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use StatusWord::{Failed, Other, Sent, Unknown};

    #[test]
    fn words_that_nobody_knows_accuse_nobody() {
        let state = |words: &[StatusWord]| {
            let mut state = MessageState::NONE;
            for word in words {
                state.join(&MessageState::of(*word, 1, None));
            }
            state
        };
        for (words, timing, want) in [
            (&[Unknown][..], Timing::Overdue, (Outcome::Unknown, Timing::Overdue)),
            (&[Unknown], Timing::Open, (Outcome::None, Timing::Open)),
            (&[Unknown, Sent], Timing::InTime, (Outcome::Sent, Timing::InTime)),
            (&[Unknown, Sent], Timing::Late, (Outcome::Unknown, Timing::Late)),
            (&[Unknown, Failed], Timing::Late, (Outcome::Failed, Timing::InTime)),
            (&[Other], Timing::Overdue, (Outcome::None, Timing::Overdue)),
            (&[Sent], Timing::Late, (Outcome::Sent, Timing::Late)),
        ] {
            assert_eq!(understood(&state(words), timing), want, "{words:?} {timing:?}");
        }
    }
}
