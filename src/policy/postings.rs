//! Postings: every fact in an account, with the rule that put it there.

use polars::prelude::*;

use super::Account;
use crate::facts::Facts;

/// The account of the events of one kind, with the rule that chose it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booking {
    pub account: Account,
    /// Id of the rule that matched; `no-rule` for suspense.
    pub rule: String,
}

/// The postings of one day.
///
/// `frame` columns: `slot`, `kind`, `caller` (u32, as in [`Facts`]), `account` (u32,
/// [`Account::code`]), `entry` (u32: 0 is the original posting; adjusting entries number from 1),
/// `events` (i64). An adjusting entry takes from one account as many events as it gives to another,
/// so entries other than 0 add up to zero.
#[derive(Debug, Clone)]
pub struct Postings {
    facts: Facts,
    bookings: Vec<Booking>,
    frame: DataFrame,
}

impl Postings {
    /// Posts every fact by the booking of its kind; `bookings` is parallel to [`Facts::kinds`].
    pub fn new(facts: Facts, bookings: Vec<Booking>) -> PolarsResult<Self> {
        assert_eq!(facts.kinds().len(), bookings.len(), "one verdict per kind");
        let accounts: Vec<u32> = bookings.iter().map(|v| v.account.code()).collect();
        let account: Vec<u32> =
            facts.frame().column("kind")?.u32()?.into_no_null_iter().map(|k| accounts[k as usize]).collect();
        let mut frame = facts.frame().clone();
        let entry = vec![0_u32; account.len()];
        frame.with_column(Column::new("account".into(), account))?;
        frame.with_column(Column::new("entry".into(), entry))?;
        let frame = frame.select(["slot", "kind", "caller", "account", "entry", "events"])?;
        Ok(Self { facts, bookings, frame })
    }

    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Returns one booking per kind of [`Facts::kinds`].
    pub fn bookings(&self) -> &[Booking] {
        &self.bookings
    }

    pub const fn frame(&self) -> &DataFrame {
        &self.frame
    }

    /// Returns the original postings in wanted accounts, in the order of the frame.
    pub fn originals(&self, is_wanted: impl Fn(Account) -> bool) -> PolarsResult<Vec<PostingLine>> {
        let column = |name: &str| self.frame.column(name)?.u32();
        let [slots, kinds, callers, accounts, entries] =
            [column("slot")?, column("kind")?, column("caller")?, column("account")?, column("entry")?];
        let events = self.frame.column("events")?.i64()?;
        let ids = slots.into_no_null_iter().zip(kinds.into_no_null_iter()).zip(callers.into_no_null_iter());
        let booked = accounts.into_no_null_iter().zip(entries.into_no_null_iter());
        Ok((ids.zip(booked).zip(events.into_no_null_iter()))
            .map(|((((slot, kind), caller), (account, entry)), events)| {
                let account = Account::ALL[account as usize];
                PostingLine { slot, kind, caller, account, entry, events }
            })
            .filter(|line| line.entry == 0 && is_wanted(line.account))
            .collect())
    }

    /// Returns the original postings with these adjusting entries in place of any earlier ones.
    pub fn adjusted(&self, entries: &[PostingLine]) -> PolarsResult<Self> {
        assert!(entries.iter().all(|line| line.entry > 0), "entry 0 is the original posting");
        assert_eq!(entries.iter().map(|line| line.events).sum::<i64>(), 0, "an entry only moves events");
        let is_original: BooleanChunked =
            self.frame.column("entry")?.u32()?.into_no_null_iter().map(|entry| entry == 0).collect();
        if entries.is_empty() && is_original.all() {
            return Ok(self.clone());
        }
        let column = |of: fn(&PostingLine) -> u32| entries.iter().map(of).collect::<Vec<_>>();
        let added = df!(
            "slot" => column(|line| line.slot),
            "kind" => column(|line| line.kind),
            "caller" => column(|line| line.caller),
            "account" => column(|line| line.account.code()),
            "entry" => column(|line| line.entry),
            "events" => entries.iter().map(|line| line.events).collect::<Vec<_>>(),
        )?;
        let frame = self.frame.filter(&is_original)?.vstack(&added)?;
        Ok(Self { facts: self.facts.clone(), bookings: self.bookings.clone(), frame })
    }

    /// Sums events before and after adjusting entries, by the named columns, in their order.
    ///
    /// `by` can name `slot`, `kind`, `caller` and `account`. Only wanted accounts are summed: most
    /// postings are good, and grouping those by caller would take memory for nothing.
    pub fn sums<const N: usize>(
        &self,
        by: [&str; N],
        is_wanted: impl Fn(Account) -> bool,
    ) -> PolarsResult<Vec<Sum<N>>> {
        let column = |name: &str| self.frame.column(name)?.u32();
        let keys = by.iter().map(|name| column(name)).collect::<PolarsResult<Vec<_>>>()?;
        let mut keys: Vec<_> = keys.into_iter().map(UInt32Chunked::into_no_null_iter).collect();
        let booked = column("account")?.into_no_null_iter().zip(column("entry")?.into_no_null_iter());
        let is_wanted = Account::ALL.map(is_wanted);
        let mut sums: Vec<Sum<N>> = Vec::new();
        let add =
            |to: &mut Sum<N>, more: &Sum<N>| (to.gross, to.net) = (to.gross + more.gross, to.net + more.net);
        for ((account, entry), events) in booked.zip(self.frame.column("events")?.i64()?.into_no_null_iter())
        {
            let key = std::array::from_fn(|n| keys[n].next().unwrap_or_default());
            if !is_wanted[account as usize] {
                continue;
            }
            let sum = Sum { key, gross: if entry == 0 { events } else { 0 }, net: events };
            match sums.last_mut().filter(|last| last.key == key) {
                Some(last) => add(last, &sum),
                None => sums.push(sum),
            }
        }
        // The facts are sorted and adjusting entries come last: a few sorted runs, which sort
        // quickly.
        sums.sort_by_key(|sum| sum.key);
        sums.dedup_by(|next, kept| {
            let is_same = next.key == kept.key;
            if is_same {
                add(kept, next);
            }
            is_same
        });
        Ok(sums)
    }
}

/// One row of the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PostingLine {
    pub slot: u32,
    /// Index into [`Facts::kinds`].
    pub kind: u32,
    /// Index into [`Facts::callers`].
    pub caller: u32,
    pub account: Account,
    /// 0 for the original posting, else the number of the adjusting entry.
    pub entry: u32,
    pub events: i64,
}

/// Events of one group of postings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum<const N: usize> {
    /// The values of the columns that group the postings.
    pub key: [u32; N],
    /// Before adjusting entries.
    pub gross: i64,
    /// After adjusting entries.
    pub net: i64,
}
