//! Postings: every fact in an account, with the rule that put it there. The noun that policy hands on.

use polars::prelude::*;

use super::Account;
use crate::intake::Facts;

/// Where events of one kind are booked, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub account: Account,
    /// Id of the rule that matched; `no-rule` for suspense.
    pub rule: String,
}

/// The postings of one day.
///
/// `frame` columns: `slot`, `kind`, `caller` (u32, as in [`Facts`]), `account` (u32, [`Account::code`]),
/// `entry` (u32: 0 is the original posting; adjusting entries number from 1), `events` (i64; an adjusting
/// entry takes from one account what it gives to another, so entries other than 0 add up to nothing).
#[derive(Debug, Clone)]
pub struct Postings {
    facts: Facts,
    verdicts: Vec<Verdict>,
    frame: DataFrame,
}

impl Postings {
    /// Posts every fact by the verdict of its kind; `verdicts` runs parallel to [`Facts::kinds`].
    pub fn new(facts: Facts, verdicts: Vec<Verdict>) -> PolarsResult<Self> {
        assert_eq!(facts.kinds().len(), verdicts.len(), "one verdict per kind");
        let accounts: Vec<u32> = verdicts.iter().map(|v| v.account.code()).collect();
        let account: Vec<u32> =
            facts.frame().column("kind")?.u32()?.into_no_null_iter().map(|k| accounts[k as usize]).collect();
        let mut frame = facts.frame().clone();
        let entry = vec![0_u32; account.len()];
        frame.with_column(Column::new("account".into(), account))?;
        frame.with_column(Column::new("entry".into(), entry))?;
        let frame = frame.select(["slot", "kind", "caller", "account", "entry", "events"])?;
        Ok(Self { facts, verdicts, frame })
    }

    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    /// One verdict per kind of [`Facts::kinds`].
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    pub const fn frame(&self) -> &DataFrame {
        &self.frame
    }
}
