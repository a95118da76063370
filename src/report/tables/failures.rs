//! `daily/<day>/failures` and `callers`: events that are not good, and bad ones by caller.

use std::collections::BTreeMap;

use polars::prelude::PolarsResult;

use crate::day::SECOND_US;
use crate::ledger::Edition;
use crate::measure::floor_percent;
use crate::policy::{Account, Postings};
use crate::table::ColumnKind::{Decimal, Instant, Integer, Text};
use crate::table::{ColumnSpec, Spec, Table, Value};

/// Ten minutes in microseconds: fine enough to show an outage, coarse enough for a chart.
const SPAN_US: i64 = 600 * SECOND_US;

/// Events of one account and error code in ten minutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureLine {
    /// Start of the ten minutes, in microseconds since 1970.
    pub start_us: i64,
    pub account: Account,
    pub error_code: Option<i64>,
    pub events_gross: i64,
    pub events_net: i64,
}

pub static FAILURES: Spec = Spec {
    name: "failures",
    row: "ten minutes x account (all but `good`) x error code",
    columns: &[
        ColumnSpec::new("start", Instant, "start of the ten minutes"),
        ColumnSpec::new("account", Text, "account that the events are booked to"),
        ColumnSpec::new("error_code", Integer, "error code; null without one"),
        ColumnSpec::new("events_gross", Integer, "events before overrides"),
        ColumnSpec::new("events_net", Integer, "events after overrides"),
    ],
};

pub static CALLERS: Spec = Spec {
    name: "callers",
    row: "caller with bad events",
    columns: &[
        ColumnSpec::new("caller", Text, "pseudonym of the caller; `-` when the logs name none"),
        ColumnSpec::new("events_bad_gross", Integer, "bad events before overrides"),
        ColumnSpec::new("events_bad_net", Integer, "bad events after overrides"),
        ColumnSpec::new(
            "share_percent",
            Decimal,
            "share of all bad events of the day after overrides, rounded down; null when there are none",
        ),
    ],
};

/// Sums the events that are not good, by ten minutes, account and error code.
pub fn failures(postings: &Postings) -> PolarsResult<Vec<FailureLine>> {
    let facts = postings.facts();
    let (day, length) = (facts.day(), facts.slot_length());
    let mut sums: BTreeMap<(i64, Account, Option<i64>), [i64; 2]> = BTreeMap::new();
    let class = |kind: usize, account| {
        (account != Account::Good).then_some((account, facts.kinds()[kind].error_code))
    };
    for sum in postings.sums(["slot", "class"], class)? {
        let (account, code) = sum.class;
        let offset_us = i64::from(sum.key[0]) * length.us();
        let start_us = day.start_us() + offset_us - offset_us % SPAN_US;
        let entry = sums.entry((start_us, account, code)).or_default();
        *entry = [entry[0] + sum.gross, entry[1] + sum.net];
    }
    let sums = sums.into_iter().filter(|(_, events)| *events != [0, 0]);
    Ok(sums
        .map(|((start_us, account, error_code), [events_gross, events_net])| FailureLine {
            start_us,
            account,
            error_code,
            events_gross,
            events_net,
        })
        .collect())
}

pub fn table(failures: &[FailureLine]) -> Table {
    let mut table = Table::new(&FAILURES);
    for line in failures {
        table.push([
            Value::Instant(line.start_us),
            Value::text(line.account.name()),
            Value::or_null(line.error_code, Value::Integer),
            Value::Integer(line.events_gross),
            Value::Integer(line.events_net),
        ]);
    }
    table
}

/// Works out the table `callers`, most bad events first.
pub fn callers(edition: &Edition) -> Table {
    let mut sums: BTreeMap<&str, [i64; 2]> = BTreeMap::new();
    for line in &edition.bad {
        let sum = sums.entry(&line.caller).or_default();
        *sum = [sum[0] + line.events_gross, sum[1] + line.events_net];
    }
    let all: i64 = sums.values().map(|[_, net]| net).sum();
    let mut sums: Vec<_> = sums.into_iter().filter(|(_, events)| *events != [0, 0]).collect();
    sums.sort_by_key(|(caller, [gross, net])| (-net, -gross, *caller));
    let mut table = Table::new(&CALLERS);
    for (caller, [gross, net]) in sums {
        table.push([
            Value::text(caller),
            Value::Integer(gross),
            Value::Integer(net),
            Value::or_null(floor_percent(net, all), Value::Decimal),
        ]);
    }
    table
}
