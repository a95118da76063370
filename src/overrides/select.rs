//! Selecting: which postings of a day a row means, and which of them are moved already.

use std::ops::Range;

use polars::prelude::PolarsResult;

use super::row::Row;
use crate::policy::{Group, Line, Postings};

/// The postings of one day that overrides can move, each held by at most one row.
pub struct Movable<'a> {
    postings: &'a Postings,
    /// Original postings, by slot; those that are good or undecided are left out.
    lines: Vec<Line>,
    holders: Vec<Option<usize>>,
}

impl<'a> Movable<'a> {
    pub fn new(postings: &'a Postings) -> PolarsResult<Self> {
        let is_movable = |group| matches!(group, Group::Bad | Group::User | Group::Excluded);
        let mut lines = postings.originals(|account| is_movable(account.group()))?;
        lines.sort_by_key(|line| line.slot);
        let holders = vec![None; lines.len()];
        Ok(Self { postings, lines, holders })
    }

    pub fn line(&self, at: usize) -> &Line {
        &self.lines[at]
    }

    /// The row that moves a posting, by the number it was taken with.
    pub fn holder(&self, at: usize) -> Option<usize> {
        self.holders[at]
    }

    /// Gives postings to a row.
    pub fn take(&mut self, lines: &[usize], holder: usize) {
        for at in lines {
            self.holders[*at] = Some(holder);
        }
    }

    /// What the row would move: postings that all of its selectors take, in accounts that its direction takes from.
    pub fn selected(&self, row: &Row) -> Vec<usize> {
        let is_taken = |at: &usize| {
            let account = self.lines[*at].account;
            row.direction.takes_from(account.group()) && row.takes_account(account)
        };
        self.described(row).filter(is_taken).collect()
    }

    /// What the row describes by everything but its account.
    pub fn described(&self, row: &Row) -> impl Iterator<Item = usize> + use<'_, 'a> {
        let facts = self.postings.facts();
        let has = |selector: &Option<String>, value: &str| selector.as_deref().is_none_or(|s| s == value);
        let kinds: Vec<bool> = (facts.kinds().iter())
            .map(|kind| {
                has(&row.service, &kind.service)
                    && has(&row.region, &kind.region)
                    && row.error_code.is_none_or(|code| code.takes(kind.error_code))
            })
            .collect();
        let callers: Vec<bool> = facts.callers().iter().map(|caller| has(&row.business_id, caller)).collect();
        let slots = self.slots(row);
        let first = self.lines.partition_point(|line| line.slot < slots.start);
        let last = self.lines.partition_point(|line| line.slot < slots.end).max(first);
        (first..last).filter(move |at| {
            let line = &self.lines[*at];
            kinds[line.kind as usize] && callers[line.caller as usize]
        })
    }

    /// The slots of the day that start within the row.
    fn slots(&self, row: &Row) -> Range<u32> {
        let facts = self.postings.facts();
        let (day, length) = (facts.day().start_us(), facts.slot_length());
        // A row is cut along slots; should the slots be longer than when it was written, those that start in it count.
        let slot = |us: i64| {
            let slots = us.saturating_sub(day).max(0) as u64;
            slots.div_ceil(length.us() as u64).min(u64::from(length.per_day())) as u32
        };
        slot(row.start_us)..slot(row.end_us)
    }
}
