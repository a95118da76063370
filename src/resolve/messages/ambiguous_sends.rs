//! Ambiguous sends: calls without an answer, and the messages without a call that may be theirs.
//!
//! A correlation proves it: each call, in order of time, takes the earliest message of its
//! correlation that no earlier call took and whose first status lies from the call's start to one
//! first-status deadline after it. What the statuses of that message say is then known of the call.
//!
//! Without a correlation the caller is all that is known. Calls of a caller take what is left of
//! the messages of that caller in the same way, but none of another region, and nothing is proven:
//! these calls are unknown, and the messages remain orphans.
//!
//! All other calls are judged by themselves.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::day::{Day, SECOND_US};
use crate::daybook::message::MessageState;
use crate::daybook::{self, IdRange, ItemRole, MessageItem, WaitingCall};
use crate::error::Trouble;
use crate::facts::ids::{Id, Map};
use crate::facts::{Kind, Outcome, Reached, Stream, Symptom, Timing};
use crate::resolve::{DaybookFolders, Resolver};

/// Calls without an answer, and the messages without a call that may be theirs.
#[derive(Default)]
pub struct Sends {
    /// Calls of the day and of the days before it, with their days.
    calls: Vec<(Day, WaitingCall)>,
    /// Sender of each call; `None` if it is not known.
    senders: Vec<Option<Sender>>,
    /// Region of each call; `-` if it is not known.
    regions: Vec<String>,
    /// Correlations of calls, if any message names one.
    correlations: BTreeSet<u64>,
    /// Callers of calls without a correlation, by pseudonym.
    callers: BTreeMap<String, u32>,
}

/// Region of a row that names none.
const UNKNOWN: &str = "-";

/// Name by which a call and a message find each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sender {
    Correlation(u64),
    /// Number in [`Sends::callers`].
    Caller(u32),
}

/// A message without a call.
pub struct Orphan {
    id: Id,
    correlation: Option<u64>,
    /// Number in [`Sends::callers`], if a call without a correlation is of the same caller.
    caller: Option<u32>,
    /// All its statuses, from all days within reach.
    state: MessageState,
    /// Number of its statuses in the day's own rows, and the kind that reports the earliest.
    statuses: u64,
    kind: Option<u32>,
    /// Region of the earliest of its statuses; `-` if it is not known.
    region: String,
}

/// The message that a call takes, by its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Proven(usize),
    /// The message may as well be another's.
    Possible(usize),
}

impl Sends {
    /// Reads the calls that may have sent messages with a status on the day, if there are any.
    pub fn read(resolver: &Resolver<'_>, daybooks: &DaybookFolders, reach: i64) -> Result<Self, Trouble> {
        let (day, deadline_us) = (resolver.day, resolver.deadline_us());
        let mut sends = Self::default();
        for (from, folder) in daybooks.range(day.plus(-reach)..=day) {
            sends.calls.extend(daybook::waiting_calls(folder)?.into_iter().map(|call| (*from, call)));
        }
        if !sends.calls.iter().any(|(_, call)| call.at_us + deadline_us >= day.start_us()) {
            return Ok(Self::default());
        }
        let mut has_correlations = false;
        for (_, folder) in daybooks.range(day.plus(-reach)..=day.plus(reach)) {
            has_correlations |= daybook::correlations(folder, IdRange::ALL)?.next().transpose()?.is_some();
        }
        if has_correlations {
            sends.correlations = sends.calls.iter().map(|(_, call)| call.correlation).collect();
        }
        for (from, call) in &sends.calls {
            let kind = resolver.daybook_of(*from).and_then(|daybook| daybook.kinds.get(call.kind as usize));
            sends.regions.push(kind.map_or_else(|| UNKNOWN.to_owned(), |kind| kind.region.clone()));
            sends.senders.push(match call.correlation {
                // What calls name proves nothing if no message names it.
                correlation if correlation != 0 && has_correlations => Some(Sender::Correlation(correlation)),
                _ => {
                    let caller = resolver.caller_name(*from, call.caller).filter(|caller| !caller.is_empty());
                    caller.map(|caller| {
                        let next = sends.callers.len() as u32;
                        Sender::Caller(*sends.callers.entry(caller.to_owned()).or_insert(next))
                    })
                }
            });
        }
        Ok(sends)
    }

    /// Reads the correlations of messages in a range of ids, as far as a call bears the same one.
    pub fn correlations(
        &self,
        day: Day,
        daybooks: &DaybookFolders,
        reach: i64,
        ids: IdRange,
    ) -> Result<Map<Id, u64>, Trouble> {
        let mut of = Map::default();
        if self.correlations.is_empty() {
            return Ok(of);
        }
        for (_, folder) in daybooks.range(day.plus(-reach)..=day.plus(reach)) {
            for row in daybook::correlations(folder, ids)? {
                let (id, correlation) = row?;
                if self.correlations.contains(&correlation) {
                    // Days may name several correlations of one message; their order is no matter.
                    let all = of.entry(id).or_insert(correlation);
                    *all = correlation.min(*all);
                }
            }
        }
        Ok(of)
    }

    /// Returns for each call the message that it takes.
    fn taken(&self, orphans: &[Orphan], deadline_us: i64) -> Vec<Option<Taken>> {
        let mut is_free = vec![true; orphans.len()];
        let mut taken = vec![None; self.calls.len()];
        let proven = |orphan: &Orphan| Some((Sender::Correlation(orphan.correlation?), UNKNOWN));
        for (call, orphan) in self.pairs(orphans, &is_free, deadline_us, |at| proven(&orphans[at])) {
            is_free[orphan] = false;
            taken[call] = Some(Taken::Proven(orphan));
        }
        // A webhook log may name no regions, or name them in its own way.
        let regions: BTreeSet<&str> = self.regions.iter().map(String::as_str).collect();
        let possible = |at: usize| {
            let Orphan { caller, region, .. } = &orphans[at];
            let region = if regions.contains(region.as_str()) { region } else { UNKNOWN };
            Some((Sender::Caller((*caller)?), region))
        };
        for (call, orphan) in self.pairs(orphans, &is_free, deadline_us, possible) {
            taken[call] = Some(Taken::Possible(orphan));
        }
        taken
    }

    /// Returns calls with the messages that they take, by position.
    ///
    /// `place_of` gives the sender and the region of a message; where both regions are known, only
    /// a call of the same one takes it.
    fn pairs<'s>(
        &'s self,
        orphans: &'s [Orphan],
        is_free: &[bool],
        deadline_us: i64,
        place_of: impl Fn(usize) -> Option<(Sender, &'s str)>,
    ) -> Vec<(usize, usize)> {
        let mut calls: BTreeMap<Sender, Vec<usize>> = BTreeMap::new();
        for (at, sender) in self.senders.iter().enumerate() {
            if let Some(sender) = sender {
                calls.entry(*sender).or_default().push(at);
            }
        }
        let first_us = |orphan: usize| (orphans[orphan].state.first_us, orphans[orphan].id);
        let mut in_order: Vec<usize> = (0..orphans.len()).filter(|at| is_free[*at]).collect();
        in_order.sort_unstable_by_key(|orphan| first_us(*orphan));
        let mut queues: BTreeMap<Sender, BTreeMap<&str, VecDeque<usize>>> = BTreeMap::new();
        for at in in_order {
            if let Some((sender, region)) = place_of(at).filter(|(sender, _)| calls.contains_key(sender)) {
                queues.entry(sender).or_default().entry(region).or_default().push_back(at);
            }
        }
        let mut pairs = Vec::new();
        for (sender, mut queues) in queues {
            let mut calls = calls.remove(&sender).unwrap_or_default();
            calls.sort_unstable_by_key(|at| {
                let WaitingCall { at_us, kind, caller, .. } = self.calls[*at].1;
                (at_us, kind, caller)
            });
            for call in calls {
                let (at_us, of_call) = (self.calls[call].1.at_us, self.regions[call].as_str());
                // Statuses often tell whole seconds alone.
                let from_us = at_us - at_us.rem_euclid(SECOND_US);
                let is_near = |region: &str| region == of_call || region == UNKNOWN || of_call == UNKNOWN;
                let near = queues.iter_mut().filter(|(region, _)| is_near(region)).map(|(_, queue)| {
                    // What lies before the start of one call lies before that of every later one.
                    while queue.pop_front_if(|orphan| first_us(*orphan).0 < from_us).is_some() {}
                    queue
                });
                let near = near.filter(|queue| queue.front().is_some());
                let earliest = near.min_by_key(|queue| queue.front().map(|orphan| first_us(*orphan)));
                let is_in_time = |orphan: &mut usize| first_us(*orphan).0 <= at_us + deadline_us;
                let taken = earliest.and_then(|queue| queue.pop_front_if(is_in_time));
                pairs.extend(taken.map(|orphan| (call, orphan)));
            }
        }
        pairs
    }
}

impl Resolver<'_> {
    /// Returns the message without a call that items of several days tell of, if a call may be its.
    ///
    /// `None` also if no status of it tells when the message left.
    pub fn orphan(
        &self,
        sends: &Sends,
        (id, correlation): (Id, Option<u64>),
        days: &[Day],
        group: &[(usize, MessageItem)],
    ) -> Option<Orphan> {
        if sends.calls.is_empty() {
            return None;
        }
        let foreign = group.iter().filter(|(_, item)| item.role == ItemRole::Foreign);
        let (at, earliest) = foreign.clone().min_by_key(|(_, item)| item.state.first_us)?;
        let from = days[*at];
        let caller = self.caller_name(from, earliest.caller);
        let caller = caller.and_then(|caller| sends.callers.get(caller)).copied();
        if correlation.is_none() && caller.is_none() {
            return None;
        }
        let mut state = MessageState::NONE;
        let (mut here, mut kind) = (MessageState::NONE, None);
        for (at, item) in foreign {
            state.join(&item.state);
            if days[*at] == self.day {
                here.join(&item.state);
                kind = (item.at_us != 0).then_some(item.kind);
            }
        }
        let told_by = self.daybook_of(from).and_then(|daybook| daybook.kinds.get(earliest.kind as usize));
        let region = told_by.map_or_else(|| UNKNOWN.to_owned(), |kind| kind.region.clone());
        let statuses = here.statuses().into();
        let orphan = Orphan { id, correlation, caller, state, statuses, kind, region };
        (state.first_us != MessageState::NEVER).then_some(orphan)
    }

    /// Returns the day's own daybook, or the head of one near it.
    fn daybook_of(&self, day: Day) -> Option<&daybook::Daybook> {
        if day == self.day { Some(&self.own) } else { self.around.get(&day) }
    }

    /// Returns the pseudonym of a caller in the numbers of a day; `None` if that day is not near.
    fn caller_name(&self, day: Day, caller: u32) -> Option<&str> {
        self.daybook_of(day)?.callers.get(caller as usize).map(String::as_str)
    }

    /// Counts the day's calls without an answer, and the statuses of messages that no call takes.
    pub fn settle_sends(&mut self, sends: &Sends) -> Result<(), Trouble> {
        let deadline_us = self.deadline_us();
        let orphans = std::mem::take(&mut self.orphans);
        let mut is_claimed = vec![false; orphans.len()];
        for ((day, call), taken) in sends.calls.iter().zip(sends.taken(&orphans, deadline_us)) {
            if let Some(Taken::Proven(at)) = taken {
                is_claimed[at] = true;
            }
            if *day == self.day {
                self.settle_call(call, taken, &orphans, deadline_us)?;
            }
        }
        for (orphan, _) in orphans.iter().zip(is_claimed).filter(|(_, is_claimed)| !is_claimed) {
            self.count_orphan(orphan.id, orphan.statuses, orphan.kind)?;
        }
        Ok(())
    }

    fn settle_call(
        &mut self,
        call: &WaitingCall,
        taken: Option<Taken>,
        orphans: &[Orphan],
        deadline_us: i64,
    ) -> Result<(), Trouble> {
        let kind = self.kind_of(call.kind, Id::from(call.correlation))?.clone();
        let caller = self.caller_of(call.caller, Id::from(call.correlation))?;
        let slot = self.own.slot_length.place(call.at_us - self.day.start_us()).slot;
        let kind = match taken {
            Some(Taken::Proven(at)) if !self.may_be_anothers(&orphans[at], &kind, deadline_us) => {
                proven(kind, &orphans[at].state)
            }
            Some(Taken::Proven(_)) => Kind { outcome: Outcome::Unknown, ..kind },
            Some(Taken::Possible(_)) => {
                self.counts.unproven_sends += 1;
                Kind { outcome: Outcome::Unknown, ..kind }
            }
            None if self.is_left_open(&kind, slot) => Kind { outcome: Outcome::Unknown, ..kind },
            None => kind,
        };
        let is_good = matches!(kind.outcome, Outcome::Sent | Outcome::Delivered);
        let caller = if is_good { self.caller("") } else { caller };
        let kind = self.kind(kind);
        self.resolve_one(call.at_us, kind, caller);
        Ok(())
    }

    /// Returns whether a missing log could have held the call that did send the message.
    fn may_be_anothers(&self, message: &Orphan, call: &Kind, deadline_us: i64) -> bool {
        let first_us = message.state.first_us;
        [&call.region, &message.region]
            .iter()
            .any(|region| self.has_lost_calls(region, first_us - deadline_us, first_us))
    }
}

/// Returns the kind of a call whose message is known by the statuses of that message alone.
fn proven(call: Kind, state: &MessageState) -> Kind {
    let call = Kind {
        stream: Stream::Message,
        reached: Reached::Yes,
        outcome: state.outcome(),
        timing: Timing::InTime,
        ..call
    };
    if call.outcome != Outcome::Failed {
        return call;
    }
    // The failure is judged by its code; how the answer was lost says nothing of it.
    Kind { error_code: state.code, symptom: Symptom::None, http_status: None, ..call }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::daybook::message::StatusWord;

    /// The rule as it reads, with every message tried for every call.
    fn by_the_word(calls: &[(u64, i64)], messages: &[(u64, i64)], deadline: i64) -> Vec<Option<i64>> {
        let mut is_taken = vec![false; messages.len()];
        let mut order: Vec<usize> = (0..calls.len()).collect();
        order.sort_by_key(|at| calls[*at].1);
        let mut taken = vec![None; calls.len()];
        for at in order {
            let (correlation, start) = calls[at];
            let fits = |n: &usize| {
                let (of, first) = messages[*n];
                !is_taken[*n] && of == correlation && start <= first && first <= start + deadline
            };
            let earliest = (0..messages.len()).filter(fits).min_by_key(|n| messages[*n].1);
            if let Some(n) = earliest {
                is_taken[n] = true;
                taken[at] = Some(messages[n].1);
            }
        }
        taken
    }

    const NONE: u64 = 0;

    /// Calls and messages of one caller by correlation and instant in seconds; 0 names none.
    fn sends(calls: &[(u64, i64)], messages: &[(u64, i64)]) -> (Sends, Vec<Orphan>) {
        let day: Day = "2026-11-20".parse().unwrap();
        let call = |(correlation, at): &(u64, i64)| {
            (day, WaitingCall { correlation: *correlation, at_us: at * SECOND_US, kind: 0, caller: 0 })
        };
        let orphan = |(id, (correlation, first)): (Id, &(u64, i64))| Orphan {
            id,
            correlation: (*correlation != NONE).then_some(*correlation),
            caller: Some(0),
            state: MessageState::of(StatusWord::Sent, first * SECOND_US, None),
            statuses: 1,
            kind: None,
            region: "-".to_owned(),
        };
        let sender = |(correlation, _): &(u64, i64)| match *correlation {
            NONE => Sender::Caller(0),
            correlation => Sender::Correlation(correlation),
        };
        let sends = Sends {
            calls: calls.iter().map(call).collect(),
            senders: calls.iter().map(sender).map(Some).collect(),
            regions: vec![UNKNOWN.to_owned(); calls.len()],
            correlations: BTreeSet::new(),
            callers: BTreeMap::new(),
        };
        (sends, (0..).zip(messages).map(orphan).collect())
    }

    proptest! {
        #[test]
        fn a_call_takes_the_message_that_the_rule_gives_it(
            calls in prop::collection::vec((1_u64..3, 0_i64..40), 0..9),
            messages in prop::collection::vec((1_u64..3, 0_i64..50), 0..9),
            deadline in 1_i64..20,
        ) {
            let (sends, orphans) = sends(&calls, &messages);
            let taken = sends.taken(&orphans, deadline * SECOND_US);
            let place = |taken: Taken| match taken {
                Taken::Proven(at) | Taken::Possible(at) => at,
            };
            let first = |taken: Taken| orphans[place(taken)].state.first_us / SECOND_US;
            let mut told: Vec<Option<i64>> = taken.iter().map(|taken| taken.map(first)).collect();
            let mut want = by_the_word(&calls, &messages, deadline);
            // Calls of one instant are alike, whichever of them takes a message.
            let alike = |all: &mut Vec<Option<i64>>| {
                let mut keyed: Vec<_> = calls.iter().copied().zip(all.drain(..)).collect();
                keyed.sort();
                keyed
            };
            prop_assert_eq!(alike(&mut told), alike(&mut want));
            prop_assert!(!taken.iter().flatten().any(|taken| matches!(taken, Taken::Possible(_))));
            let mut messages: Vec<usize> = taken.into_iter().flatten().map(place).collect();
            messages.sort_unstable();
            prop_assert!(messages.windows(2).all(|two| two[0] != two[1]), "no message is taken twice");
        }
    }

    #[test]
    fn without_a_correlation_what_is_left_of_a_callers_messages_is_possible() {
        let taken = |calls: &[(u64, i64)], messages: &[(u64, i64)]| {
            let (sends, orphans) = sends(calls, messages);
            sends.taken(&orphans, 600 * SECOND_US)
        };
        let possible = |at| Some(Taken::Possible(at));
        let proven = |at| Some(Taken::Proven(at));
        assert_eq!(
            taken(&[(NONE, 10), (NONE, 11)], &[(NONE, 12)]),
            [possible(0), None],
            "the first min(n, m)"
        );
        assert_eq!(taken(&[(NONE, 10)], &[(NONE, 12), (NONE, 13)]), [possible(0)]);
        assert_eq!(taken(&[(NONE, 10)], &[(NONE, 9)]), [None], "the message was there before");
        assert_eq!(taken(&[(NONE, 10)], &[(NONE, 611)]), [None], "its first status is too late");
        // A proof goes before a possibility, whichever call was earlier.
        assert_eq!(taken(&[(NONE, 10), (7, 11)], &[(7, 12)]), [None, proven(0)]);
        assert_eq!(taken(&[(NONE, 10), (7, 11)], &[(7, 12), (8, 13)]), [possible(1), proven(0)]);
        // A call that names a correlation is judged by it alone.
        assert_eq!(taken(&[(7, 10)], &[(NONE, 12)]), [None]);
        // A message of another region is another's, if the webhook log names regions as calls do.
        let (mut apart, mut orphans) = sends(&[(NONE, 10), (NONE, 11)], &[(NONE, 12)]);
        apart.regions = vec!["us".to_owned(), "eu".to_owned()];
        for (region, want) in [("eu", [None, possible(0)]), ("frankfurt", [possible(0), None])] {
            orphans[0].region = region.to_owned();
            assert_eq!(apart.taken(&orphans, 600 * SECOND_US), want, "{region}");
        }
    }

    #[test]
    fn the_second_of_a_status_may_be_that_of_the_call() {
        let (mut late, orphans) = sends(&[(1, 10)], &[(1, 10)]);
        late.calls[0].1.at_us += 900_000;
        assert_eq!(late.taken(&orphans, 600 * SECOND_US), [Some(Taken::Proven(0))]);
        let taken = |(sends, orphans): (Sends, Vec<Orphan>)| sends.taken(&orphans, 600 * SECOND_US);
        assert_eq!(taken(sends(&[(1, 10)], &[(1, 9)])), [None]);
        assert_eq!(taken(sends(&[(1, 10), (1, 700)], &[(1, 611)])), [None, None]);
    }

    #[test]
    fn a_failure_is_judged_by_its_code_alone() {
        let call = Kind::bare(Stream::Request, "a", crate::config::Vantage::CallerEgress, "messages", "eu");
        let call = Kind { http_status: Some(504), symptom: Symptom::Timeout, ..call };
        let failed = MessageState::of(StatusWord::Failed, 1, Some(131_026));
        let kind = proven(call.clone(), &failed);
        assert_eq!((kind.error_code, kind.http_status, kind.symptom), (Some(131_026), None, Symptom::None));
        let kind = proven(call, &MessageState::of(StatusWord::Sent, 1, None));
        assert_eq!((kind.outcome, kind.symptom), (Outcome::Sent, Symptom::Timeout));
    }
}
