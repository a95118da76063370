//! The books check: rows, events and slots of a day must agree, without tolerance.

use crate::config::Log;
use crate::error::Trouble;
use crate::facts::{FileBalance, Stream};
use crate::policy::{Account, Group, Postings};
use crate::slots::{Counts, ScopeKind, Side, Slots};

/// Checks that the books of a day balance.
///
/// - Per file: rows read = accepted + duplicate + conflict + outside + quarantine + not a call.
/// - Accepted calls = requests and messages in the facts; accepted webhook rows = `attempts`, the
///   webhook rows that were grouped into notifications.
/// - Events posted gross = events posted net = events of the facts.
/// - Every scope has all slots of the day. By group, events posted = events in the slots of the
///   services, once summed over single regions and once in all regions.
///
/// # Errors
/// [`Trouble::Imbalance`], with the day and the sums that differ.
pub fn check_balance(
    files: &[FileBalance],
    attempts: u64,
    postings: &Postings,
    slots: &Slots,
) -> Result<(), Trouble> {
    check(files, attempts, postings, slots)
        .map_err(|why| Trouble::Imbalance(format!("{}: {why}", slots.day())))
}

fn check(files: &[FileBalance], grouped: u64, postings: &Postings, slots: &Slots) -> Result<(), String> {
    files.iter().try_for_each(FileBalance::check)?;

    let posted = posted(postings)?;
    let accepted = |log| files.iter().filter(|f| f.log == log).map(|f| f.accepted).sum::<u64>();
    let [gross, net] = [posted[0].total(), posted[1].total()];
    let facts = postings.facts();
    let notifications: i64 = (facts.iter())
        .filter(|f| facts.kinds()[f.kind as usize].stream == Stream::Notification)
        .map(|f| f.events)
        .sum();
    let (calls, attempts) = (accepted(Log::Requests), accepted(Log::Webhooks));
    let judged = facts.events() - notifications;
    if u64::try_from(judged) != Ok(calls) || gross != net || gross != facts.events() {
        return Err(format!(
            "{calls} calls accepted, {judged} requests and messages in the facts, {notifications} notifications beside \
             them, {gross} events posted gross, {net} posted net"
        ));
    }
    if attempts != grouped {
        return Err(format!("{attempts} webhook rows accepted, {grouped} attempts grouped"));
    }

    for (book, posted) in Side::ALL.into_iter().zip(posted) {
        let mut single = Counts::default();
        let mut all = Counts::default();
        for (at, scope) in slots.scopes().iter().enumerate() {
            let side = slots.book(at, book);
            let states = side.states().len();
            let per_day = slots.length().per_day() as usize;
            if states != per_day {
                return Err(format!("{scope} has {states} slots, the day has {per_day} ({book:?})"));
            }
            if scope.kind == ScopeKind::Service {
                let sum = if scope.is_all_regions() { &mut all } else { &mut single };
                sum.merge(&side.sum());
            }
        }
        for group in Group::ALL {
            let (want, single, all) = (posted.of(group), single.of(group), all.of(group));
            if single != want || all != want {
                return Err(format!(
                    "{group:?} ({book:?}): {want} events posted, {single} in the slots of regions, {all} in those of \
                     all regions"
                ));
            }
        }
    }
    Ok(())
}

/// Sums the events of the postings by group: `[gross, net]`.
fn posted(postings: &Postings) -> Result<[Counts; 2], String> {
    let column = |name: &str| postings.frame().column(name).map_err(|e| e.to_string());
    let u32s = |name: &str| column(name)?.u32().cloned().map_err(|e| e.to_string());
    let i64s = |name: &str| column(name)?.i64().cloned().map_err(|e| e.to_string());
    let (account, gross, net) = (u32s("account")?, i64s("gross")?, i64s("net")?);
    let mut posted = [Counts::default(); 2];
    for ((account, gross), net) in
        account.into_no_null_iter().zip(gross.into_no_null_iter()).zip(net.into_no_null_iter())
    {
        let group = Account::ALL[account as usize].group();
        posted[0].add(group, gross);
        posted[1].add(group, net);
    }
    Ok(posted)
}
