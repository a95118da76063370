//! The policies in force over a month: every rule, and the events that it booked.

use std::collections::BTreeMap;

use crate::day::Month;
use crate::error::Trouble;
use crate::ledger::Ledger;
use crate::policy::{NO_RULE, Policy};
use crate::report::DamagedDays;

/// A policy that booked days of a month.
pub struct PolicyInForce {
    pub fingerprint: String,
    /// Number of days of the month that it booked.
    pub days: u32,
    /// In the order in which they are tried; suspense comes last.
    pub rules: Vec<RuleUse>,
}

/// A rule with an account and the events of the month that it booked there.
pub struct RuleUse {
    pub id: String,
    pub account: String,
    pub because: String,
    pub cites: Vec<String>,
    pub events_gross: i64,
    pub events_net: i64,
}

/// Events `[gross, net]` by rule and account.
type Sums = BTreeMap<(String, &'static str), [i64; 2]>;

/// Lists the policies of a month, in the order in which they came into force.
///
/// A damaged day is left out.
///
/// # Errors
/// Trouble that is not of one day.
pub fn in_force(ledger: &Ledger, month: Month, damaged: &DamagedDays) -> Result<Vec<PolicyInForce>, Trouble> {
    let mut found: Vec<(String, u32, Sums)> = Vec::new();
    for day in ledger.days().into_iter().filter(|day| day.month() == month) {
        let policy = ledger.policy_of(day)?.to_owned();
        let Some((accounts, _)) = damaged.or_note(day, ledger.accounts(day))? else { continue };
        let at = found.iter().position(|(known, ..)| *known == policy).unwrap_or_else(|| {
            found.push((policy, 0, Sums::new()));
            found.len() - 1
        });
        let (_, days, sums) = &mut found[at];
        *days += 1;
        for line in accounts {
            // Events that an override moved keep the rule that booked them, in their new account.
            let sum = sums.entry((line.rule, line.account.name())).or_default();
            *sum = [sum[0] + line.events_gross, sum[1] + line.events_net];
        }
    }
    found
        .into_iter()
        .map(|(fingerprint, days, sums)| {
            // The days that were booked by a damaged policy tell of it.
            let rules = match ledger.policy(&fingerprint) {
                Err(trouble) if trouble.stops_all() => return Err(trouble),
                Err(_) => Vec::new(),
                Ok(policy) => decided(&policy, sums),
            };
            Ok(PolicyInForce { fingerprint, days, rules })
        })
        .collect()
}

fn decided(policy: &Policy, mut sums: Sums) -> Vec<RuleUse> {
    let mut rules = Vec::new();
    for rule in policy.rules() {
        let mut push = |account: &str, [events_gross, events_net]: [i64; 2]| {
            rules.push(RuleUse {
                id: rule.id.clone(),
                account: account.to_owned(),
                because: rule.because.clone(),
                cites: rule.cites.clone(),
                events_gross,
                events_net,
            });
        };
        let own = rule.account.name();
        push(own, sums.remove(&(rule.id.clone(), own)).unwrap_or_default());
        let moved: Vec<_> = sums.keys().filter(|(id, _)| *id == rule.id).cloned().collect();
        for key in moved {
            let events = sums.remove(&key).unwrap_or_default();
            push(key.1, events);
        }
    }
    // The remaining events matched no rule.
    for ((_, account), [events_gross, events_net]) in sums {
        let because = "No rule of the policy matches.".to_owned();
        let (id, account, cites) = (NO_RULE.to_owned(), account.to_owned(), Vec::new());
        rules.push(RuleUse { id, account, because, cites, events_gross, events_net });
    }
    rules
}
