//! Postings: every fact in an account, with the rule that put it there.

use std::collections::BTreeSet;

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
/// `frame` columns: `slot`, `kind`, `caller` (u32) and `sixtieths` (u64), as in [`Facts`],
/// `account` (u32, [`Account::code`]), `entry` (u32: 0 is the original posting; adjusting entries
/// number from 1), `gross` and `net` (i64: events before and after adjusting entries). An adjusting
/// entry takes from one account as many events as it gives to another, so entries other than 0 add
/// up to zero. Its sixtieths are those of the posting, on both sides: which of several events it
/// moves is not known.
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
        let mut frame = facts.frame().select(["slot", "kind", "caller", "sixtieths"])?;
        let (entry, events) = (vec![0_u32; account.len()], facts.frame().column("events")?);
        frame.with_column(Column::new("account".into(), account))?;
        frame.with_column(Column::new("entry".into(), entry))?;
        for book in ["gross", "net"] {
            frame.with_column(events.clone().with_name(book.into()))?;
        }
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
        self.lines(|line| line.entry == 0 && is_wanted(line.account))
    }

    /// Returns the wanted postings and adjusting entries, in the order of the frame, with their net
    /// events.
    pub fn lines(&self, is_wanted: impl Fn(&PostingLine) -> bool) -> PolarsResult<Vec<PostingLine>> {
        let column = |name: &str| self.frame.column(name)?.u32();
        let [slots, kinds, callers, accounts, entries] =
            [column("slot")?, column("kind")?, column("caller")?, column("account")?, column("entry")?];
        let (events, sixtieths) = (self.frame.column("net")?.i64()?, self.frame.column("sixtieths")?.u64()?);
        let ids = slots.into_no_null_iter().zip(kinds.into_no_null_iter()).zip(callers.into_no_null_iter());
        let booked = accounts.into_no_null_iter().zip(entries.into_no_null_iter());
        let counted = events.into_no_null_iter().zip(sixtieths.into_no_null_iter());
        Ok((ids.zip(booked).zip(counted))
            .map(|((((slot, kind), caller), (account, entry)), (events, sixtieths))| {
                let account = Account::ALL[account as usize];
                PostingLine { slot, kind, caller, account, entry, events, sixtieths }
            })
            .filter(is_wanted)
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
            "sixtieths" => entries.iter().map(|line| line.sixtieths).collect::<Vec<_>>(),
            "account" => column(|line| line.account.code()),
            "entry" => column(|line| line.entry),
            "gross" => vec![0_i64; entries.len()],
            "net" => entries.iter().map(|line| line.events).collect::<Vec<_>>(),
        )?;
        let frame = self.frame.filter(&is_original)?.vstack(&added)?;
        Ok(Self { facts: self.facts.clone(), bookings: self.bookings.clone(), frame })
    }

    /// Sums events by columns of the frame and by `class`, in their order.
    ///
    /// `by` names `class` among the columns: the value that kinds and accounts must have in common
    /// to be summed together. Postings without a class are left out: most postings are good, and
    /// grouping those by caller would take memory for nothing.
    ///
    /// # Errors
    /// `by` names no column of the frame.
    pub fn sums<const N: usize, K: Ord + Copy>(
        &self,
        by: [&str; N],
        class: impl Fn(usize, Account) -> Option<K>,
    ) -> PolarsResult<Vec<Sum<N, K>>> {
        let kinds = 0..self.bookings.len();
        let pairs: Vec<Option<K>> =
            kinds.flat_map(|kind| Account::ALL.map(|account| class(kind, account))).collect();
        let classes: BTreeSet<K> = pairs.iter().copied().flatten().collect();
        let classes: Vec<K> = classes.into_iter().collect();
        let rank = |class: Option<K>| classes.binary_search(&class?).ok().map(|rank| rank as u32);
        let ranks: Vec<Option<u32>> = pairs.into_iter().map(rank).collect();

        let column = |name: &str| self.frame.column(name)?.u32();
        let booked = column("kind")?.into_no_null_iter().zip(column("account")?.into_no_null_iter());
        let class: UInt32Chunked = booked
            .map(|(kind, account)| ranks[kind as usize * Account::ALL.len() + account as usize])
            .collect_ca("class".into());
        let mut postings = self.frame.clone();
        postings.with_column(class.into_column())?;
        let postings = postings.select(by.into_iter().chain(["gross", "net"]))?.drop_nulls::<&str>(None)?;
        #[expect(deprecated, reason = "in favour of the lazy engine, which is not built (decisions.md)")]
        let sums = postings.group_by(by)?.sum()?.sort(by, SortMultipleOptions::default())?;

        let keys = by.iter().map(|name| sums.column(name)?.u32()).collect::<PolarsResult<Vec<_>>>()?;
        let class = sums.column("class")?.u32()?.into_no_null_iter();
        let gross = sums.column("gross_sum")?.i64()?.into_no_null_iter();
        let net = sums.column("net_sum")?.i64()?.into_no_null_iter();
        Ok((class.zip(gross).zip(net).enumerate())
            .map(|(row, ((class, gross), net))| {
                let key = std::array::from_fn(|n| keys[n].get(row).unwrap_or_default());
                Sum { key, class: classes[class as usize], gross, net }
            })
            .collect())
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
    /// Sixtieths of its fact ([`crate::facts::Fact::sixtieths`]).
    pub sixtieths: u64,
}

/// Events of one group of postings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum<const N: usize, K> {
    /// The values of the columns that group the postings.
    pub key: [u32; N],
    /// What its kinds and accounts have in common.
    pub class: K,
    /// Before adjusting entries.
    pub gross: i64,
    /// After adjusting entries.
    pub net: i64,
}
