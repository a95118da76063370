//! `breaks`: what the logs of open days leave unexplained, how old it is, and what becomes of it.

use std::collections::BTreeMap;

use super::summary::date;
use crate::day::{DAY_US, HOUR_US};
use crate::error::Trouble;
use crate::facts::FileRole;
use crate::ledger::{AccountLine, Ledger, Unsettled};
use crate::policy::Account;
use crate::report::DamagedDays;
use crate::table::ColumnKind::{Date, Instant, Integer, Text};
use crate::table::{ColumnSpec, Spec, Table, Value, word};

pub static BREAKS: Spec = Spec {
    name: "breaks",
    row: "kind of events of an open day that are not explained",
    columns: &[
        ColumnSpec::new("day", Date, "UTC day"),
        ColumnSpec::new(
            "kind",
            Text,
            "an account (`pending`, `unknown`, `suspense`), a number of `daily/<day>/reconciliation`, `conflict` of `daily/<day>/intake`, `quarantine` of the \
             own files there, or `unreadable` for own files of which nothing is counted",
        ),
        ColumnSpec::new(
            "subject",
            Text,
            "stream and service of an account, or source of files; null for numbers of the whole day",
        ),
        ColumnSpec::new("events", Integer, "events, statuses, attempts, rows or files at stake"),
        ColumnSpec::new(
            "age_days",
            Integer,
            "days from the end of the day to the newest line of the journal",
        ),
        ColumnSpec::new(
            "due_at",
            Instant,
            "end of the review window with its grace, or of the week in which webhooks are retried",
        ),
        ColumnSpec::new(
            "fate",
            Text,
            "what becomes of it: `settles` when a later log tells its outcome, else it is `unknown` by `due_at`; `stays-out` of every ratio unless the \
             missing log comes; `needs-a-rule` of the policy or an override row; `counted` and judged nowhere; `overdue`: it should be explained by now, \
             however much more time a run has given, and the day is still open",
        ),
        ColumnSpec::new(
            "owner",
            Text,
            "who can explain it: `log-shipping` (logs that are late or missing), `log-format` (rows as their program writes them, and how they are read), `policy`, `platform`",
        ),
    ],
};

/// What becomes of a break, and who can explain it.
#[derive(Debug, Clone, Copy)]
struct Sort {
    name: &'static str,
    fate: &'static str,
    owner: &'static str,
    /// True if the event should be in another account by the time its day can be sealed.
    has_deadline: bool,
}

const fn sort(name: &'static str, fate: &'static str, owner: &'static str, has_deadline: bool) -> Sort {
    Sort { name, fate, owner, has_deadline }
}

const ACCOUNTS: [(Account, Sort); 3] = [
    (Account::Pending, sort("pending", "settles", "log-shipping", true)),
    (Account::Unknown, sort("unknown", "stays-out", "log-shipping", false)),
    (Account::Suspense, sort("suspense", "needs-a-rule", "policy", true)),
];
const NUMBERS: [Sort; 6] = [
    sort("orphan_statuses", "counted", "log-shipping", false),
    sort("orphan_attempts", "counted", "log-shipping", false),
    sort("stray_attempts", "counted", "log-shipping", false),
    sort("contradicted_messages", "counted", "platform", false),
    sort("admitted_again", "counted", "platform", false),
    sort("unproven_sends", "stays-out", "log-format", false),
];
const CONFLICT: Sort = sort("conflict", "counted", "log-format", false);
const QUARANTINE: Sort = sort("quarantine", "counted", "log-format", false);
const UNREADABLE: Sort = sort("unreadable", "stays-out", "log-shipping", false);
const OVERDUE: &str = "overdue";
/// Time in which the platform retries a webhook (R7).
const RETRIES_US: i64 = 7 * DAY_US;

/// The table of breaks, and the number that must be 0.
pub struct Breaks {
    pub table: Table,
    /// Events of open days that should be explained by now.
    pub overdue_events: i64,
}

/// Works out the breaks of open days, by day and kind.
///
/// # Errors
/// Trouble that is not of one day.
pub fn breaks(ledger: &Ledger, damaged: &DamagedDays) -> Result<Breaks, Trouble> {
    let mut breaks = Breaks { table: Table::new(&BREAKS), overdue_events: 0 };
    let record = ledger.record();
    let Some(now_us) = ledger.last_wall().map(|wall| wall.timestamp_micros()) else { return Ok(breaks) };
    let open = record.days.iter().filter(|(_, known)| known.sealed.is_none() && known.newest().is_some());
    for day in open.map(|(day, _)| *day) {
        if damaged.has(day) {
            continue;
        }
        let Some(unsettled) = damaged.or_note(day, ledger.unsettled(day))? else { continue };
        let rules = record.review.of(day);
        let window_us = i64::from(rules.review_days) * DAY_US + i64::from(rules.grace_hours) * HOUR_US;
        let due_us = day.end_us() + window_us.max(RETRIES_US);
        // More time of a run ends at most one window later.
        let last_us = due_us + window_us;
        for (sort, subject, events) in found(&unsettled) {
            let is_overdue = sort.has_deadline && last_us < now_us;
            breaks.overdue_events += if is_overdue { events } else { 0 };
            breaks.table.push([
                date(day),
                Value::text(sort.name),
                Value::or_null(subject.as_deref(), Value::text),
                Value::Integer(events),
                Value::Integer((now_us - day.end_us()).max(0) / DAY_US),
                Value::Instant(due_us),
                Value::text(if is_overdue { OVERDUE } else { sort.fate }),
                Value::text(sort.owner),
            ]);
        }
    }
    Ok(breaks)
}

/// Lists the breaks of a day: sort, subject and events.
fn found(unsettled: &Unsettled) -> Vec<(Sort, Option<String>, i64)> {
    let mut found = Vec::new();
    for (account, sort) in ACCOUNTS {
        let mut by_service: BTreeMap<String, i64> = BTreeMap::new();
        let of_account = |line: &&AccountLine| line.account == account;
        for line in unsettled.accounts.iter().filter(of_account) {
            let subject = format!("{} {}", word(&line.stream), line.service);
            *by_service.entry(subject).or_default() += line.events_net;
        }
        found.extend(by_service.into_iter().map(|(subject, events)| (sort, Some(subject), events)));
    }
    for sort in NUMBERS {
        let count = unsettled.reconciliation.iter().find(|line| line.item == sort.name);
        found.push((sort, None, count.map_or(0, |line| line.count)));
    }
    let mut of_files: BTreeMap<(usize, &str), (Sort, i64)> = BTreeMap::new();
    for file in &unsettled.intake {
        // Rows without a time, and whole files, are of the day of their file: a day beside it names
        // them too, as they were when it was published.
        let own = |count: u64| if file.role == FileRole::Own { count } else { 0 };
        let counts = [
            (CONFLICT, file.conflict),
            (QUARANTINE, own(file.quarantine)),
            (UNREADABLE, own(file.failure.is_some().into())),
        ];
        for (at, (sort, count)) in counts.into_iter().enumerate() {
            of_files.entry((at, &file.source)).or_insert((sort, 0)).1 += count.cast_signed();
        }
    }
    found.extend(of_files.into_iter().map(|((_, source), (sort, n))| (sort, Some(source.to_owned()), n)));
    found.retain(|(_, _, events)| *events > 0);
    found
}
