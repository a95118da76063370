//! Parts: the items of a day, resolved range by range of their ids, and added up.
//!
//! A part needs nothing of another one. What spans ids (calls without an answer, unreadable rows,
//! other spellings) is decided after all parts, so their number changes no byte of a result.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{ScopedJoinHandle, scope};

use super::Resolver;
use super::messages::ambiguous_sends::Sends;
use crate::daybook::{self, DaybookFolders, IdRange};
use crate::error::Trouble;

/// Files that the threads of a resolve hold open together; most systems allow a process 1,024.
const OPEN_FILES: usize = 512;
/// Files that a thread holds open for each day within reach: items and closed ones.
const FILES_OF_DAY: usize = 2;
/// Bytes of item files, over all days within reach, per part.
const PART_BYTES: u64 = 64 << 20;
const MOST_PARTS: u64 = 1 << 12;

/// How the items of a day are resolved; no number changes a byte of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResolveParts {
    pub threads: usize,
    /// Parts into which the ids are cut; by the bytes of the items if not set.
    pub parts: Option<u32>,
}

impl ResolveParts {
    /// Resolves on so many threads, in as many parts as the items need.
    pub const fn on(threads: usize) -> Self {
        Self { threads, parts: None }
    }

    /// Returns the ranges of ids of the parts, ascending.
    pub(super) fn ranges(self, daybooks: &DaybookFolders) -> Result<Vec<IdRange>, Trouble> {
        if let Some(parts) = self.parts {
            return Ok(IdRange::cut(parts));
        }
        let bytes: Result<Vec<u64>, Trouble> = daybooks.values().map(daybook::item_bytes).collect();
        Ok(IdRange::cut((bytes?.iter().sum::<u64>() / PART_BYTES).clamp(1, MOST_PARTS) as u32))
    }
}

impl Resolver<'_> {
    /// Resolves the messages and notifications of all ranges of ids, which ascend.
    pub fn items(
        &mut self,
        sends: &Sends,
        daybooks: &DaybookFolders,
        ranges: &[IdRange],
        threads: usize,
    ) -> Result<(), Trouble> {
        let reach = self.config.webhooks.reach_days();
        let nothing = self.part();
        let next = AtomicUsize::new(0);
        // Parts are added in order, so that items stay in the order of their ids.
        let all = Mutex::new((self, 0, BTreeMap::new()));
        let work = || -> Result<(), Trouble> {
            loop {
                let at = next.fetch_add(1, Relaxed);
                let Some(ids) = ranges.get(at) else { return Ok(()) };
                let mut part = nothing.part();
                let done = part
                    .messages(sends, daybooks, reach, *ids)
                    .and_then(|()| part.notifications(daybooks, reach, *ids));
                if let Err(trouble) = done {
                    // The others need not begin what will not be used.
                    next.store(ranges.len(), Relaxed);
                    return Err(trouble);
                }
                let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                let (all, turn, waiting) = &mut *all;
                waiting.insert(at, part);
                while let Some(part) = waiting.remove(turn) {
                    all.add(part);
                    *turn += 1;
                }
            }
        };
        scope(|scope| {
            // With few items, this thread is quicker alone.
            let most = OPEN_FILES / (FILES_OF_DAY * daybooks.len().max(1));
            let others = threads.min(ranges.len()).min(most).saturating_sub(1);
            let others: Vec<_> = (0..others).map(|_| scope.spawn(work)).collect();
            let own = work();
            let join =
                |other: ScopedJoinHandle<'_, _>| other.join().unwrap_or_else(|panic| resume_unwind(panic));
            others.into_iter().map(join).fold(own, Result::and)
        })
    }

    /// Returns a resolver that knows the same of the day, and no outcome yet.
    fn part(&self) -> Self {
        let (own, around) = (self.own.clone(), self.around.clone());
        let numbers = Arc::clone(&self.own_numbers);
        Self {
            silences: Arc::clone(&self.silences),
            lost: Arc::clone(&self.lost),
            ..Self::without_outcomes(self.day, self.config, own, around, numbers)
        }
    }

    /// Adds the outcomes of a part, and numbers its kinds and callers anew.
    fn add(&mut self, part: Self) {
        let (kinds, callers) = (self.own.kinds.len() as u32, self.own.callers.len() as u32);
        let kind_of: Vec<u32> = part.kinds.into_iter().map(|kind| self.kind(kind)).collect();
        let caller_of: Vec<u32> = part.callers.iter().map(|caller| self.caller(caller)).collect();
        let new = |number: u32, own: u32, of: &[u32]| {
            number.checked_sub(own).map_or(number, |new| of[new as usize])
        };
        for ((slot, kind, caller), (events, sixtieths)) in part.resolved {
            let key = (slot, new(kind, kinds, &kind_of), new(caller, callers, &caller_of));
            let sum = self.resolved.entry(key).or_default();
            sum.0 += events;
            sum.1 |= sixtieths;
        }
        self.undecided.messages.extend(part.undecided.messages);
        for mut waiting in part.undecided.notifications {
            waiting.caller = new(waiting.caller, callers, &caller_of);
            self.undecided.notifications.push(waiting);
        }
        self.orphans.extend(part.orphans);
        self.spelling.add(part.spelling);
        self.delays.merge(&part.delays);
        self.counts.add(&part.counts);
    }
}
