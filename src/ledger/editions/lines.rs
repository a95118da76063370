//! Lines of an edition in addition to its slots: bad events, accounts, latencies.

use std::sync::Arc;

use crate::facts::Stream;
use crate::policy::Account;
use crate::slots::Scope;
use crate::table::ColumnKind::{Decimal, Integer, Text};
use crate::table::{ColumnSpec, Record, Row, Spec, Table, Value, record};

record! {
    table "bad", a row is "slot x service x region x error code x symptom x caller";
    /// Bad events that share slot, service, region, error code, symptom and caller.
    ///
    /// On a day with an outage there are as many as callers: lines share their texts.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct BadLine {
        pub slot: u32 => "slot" Integer,
        pub service: Arc<str> => "service" Text,
        pub region: Arc<str> => "region" Text,
        pub error_code: Option<i64> => "error_code" Integer,
        pub symptom: Arc<str> => "symptom" Text,
        /// A pseudonym, or `-` when the logs name no caller.
        pub caller: Arc<str> => "caller" Text,
        pub events_gross: i64 => "events_gross" Integer,
        pub events_net: i64 => "events_net" Integer,
    }
}

record! {
    table "accounts", a row is "stream x service x region x account x rule x error code";
    /// Events that share stream, service, region, account, rule and error code.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct AccountLine {
        pub stream: Stream => "stream" Text,
        pub service: String => "service" Text,
        pub region: String => "region" Text,
        pub account: Account => "account" Text,
        pub rule: String => "rule" Text,
        pub error_code: Option<i64> => "error_code" Integer,
        pub events_gross: i64 => "events_gross" Integer,
        pub events_net: i64 => "events_net" Integer,
    }
}

/// Latency of one scope in one slot; milliseconds in millionths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatencyLine {
    pub scope: Scope,
    pub slot: u32,
    pub events: i64,
    pub p50: Option<i64>,
    pub p90: Option<i64>,
    pub p99: Option<i64>,
}

static LATENCY: Spec = Spec {
    name: "latency",
    row: "slot of a scope",
    columns: &[
        ColumnSpec::new("scope_kind", Text, ""),
        ColumnSpec::new("scope", Text, ""),
        ColumnSpec::new("region", Text, ""),
        ColumnSpec::new("slot", Integer, ""),
        ColumnSpec::new("events", Integer, ""),
        ColumnSpec::new("latency_ms_p50", Decimal, ""),
        ColumnSpec::new("latency_ms_p90", Decimal, ""),
        ColumnSpec::new("latency_ms_p99", Decimal, ""),
    ],
};

fn slot(row: Row<'_>) -> Result<u32, String> {
    u32::try_from(row.number("slot")?).map_err(|e| format!("column `slot`: {e}"))
}

impl Record for LatencyLine {
    fn spec() -> &'static Spec {
        &LATENCY
    }

    fn put(&self, table: &mut Table) {
        table.push([
            Value::text(self.scope.kind.name()),
            Value::Text(self.scope.name.clone()),
            Value::Text(self.scope.region.clone()),
            Value::Integer(self.slot.into()),
            Value::Integer(self.events),
            Value::or_null(self.p50, Value::Decimal),
            Value::or_null(self.p90, Value::Decimal),
            Value::or_null(self.p99, Value::Decimal),
        ]);
    }

    fn take(row: Row<'_>) -> Result<Self, String> {
        let kind = row.text("scope_kind")?.parse()?;
        Ok(Self {
            scope: Scope::new(kind, row.text("scope")?, row.text("region")?),
            slot: slot(row)?,
            events: row.number("events")?,
            p50: row.optional_number("latency_ms_p50")?,
            p90: row.optional_number("latency_ms_p90")?,
            p99: row.optional_number("latency_ms_p99")?,
        })
    }

    /// By columns: it is the longest of these tables.
    fn all(table: &Table) -> Result<Vec<Self>, String> {
        let texts = ["scope_kind", "scope", "region"].map(|name| table.texts(name));
        let [kinds, names, regions] = texts;
        let (kinds, names, regions) = (kinds?, names?, regions?);
        let (slots, events) = (table.numbers("slot")?, table.numbers("events")?);
        let quantiles =
            ["latency_ms_p50", "latency_ms_p90", "latency_ms_p99"].map(|name| table.numbers(name));
        let [p50, p90, p99] = quantiles;
        let (p50, p90, p99) = (p50?, p90?, p99?);
        let line = |at: usize| {
            let scope = Scope {
                kind: kinds.at(at)?.parse()?,
                name: names.at(at)?.clone(),
                region: regions.at(at)?.clone(),
            };
            let slot = u32::try_from(slots.at(at)?).map_err(|e| format!("column `slot`: {e}"))?;
            let [p50, p90, p99] = [&p50, &p90, &p99].map(|column| column.optional(at));
            Ok(Self { scope, slot, events: events.at(at)?, p50, p90, p99 })
        };
        (0..table.len()).map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_of_a_later_version_is_told_with_its_column() {
        let mut table = Table::new(AccountLine::spec());
        let texts = ["message", "messages", "eu", "bad:weather", "r1"].map(Value::text);
        let numbers = [Value::Null, Value::Integer(1), Value::Integer(1)];
        table.extend(texts.into_iter().chain(numbers));
        let told = AccountLine::all(&table).unwrap_err();
        assert!(told.starts_with("column `account`: `bad:weather` is not an account"), "{told}");
    }
}
