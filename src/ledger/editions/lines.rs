//! The lines of an edition beside its slots: bad events, accounts, latencies.

use crate::facts::{FileBalance, Quarantined};
use crate::slots::Scope;
use crate::table::ColumnKind::{Decimal, Instant, Integer, Text};
use crate::table::{ColumnSpec, Row, Spec, Table, Value};

/// Bad events that share slot, service, region, error code, symptom and caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    pub slot: u32,
    pub service: String,
    pub region: String,
    pub error_code: Option<i64>,
    pub symptom: String,
    /// A pseudonym, or `-` when the logs name no caller.
    pub caller: String,
    pub events_gross: i64,
    pub events_net: i64,
}

/// Events that share stream, service, region, account, rule and error code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountLine {
    pub stream: String,
    pub service: String,
    pub region: String,
    pub account: String,
    pub rule: String,
    pub error_code: Option<i64>,
    pub events_gross: i64,
    pub events_net: i64,
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

pub static BAD: Spec = Spec {
    name: "bad",
    row: "slot x service x region x error code x symptom x caller",
    columns: &[
        ColumnSpec::new("slot", Integer, ""),
        ColumnSpec::new("service", Text, ""),
        ColumnSpec::new("region", Text, ""),
        ColumnSpec::new("error_code", Integer, ""),
        ColumnSpec::new("symptom", Text, ""),
        ColumnSpec::new("caller", Text, ""),
        ColumnSpec::new("events_gross", Integer, ""),
        ColumnSpec::new("events_net", Integer, ""),
    ],
};

pub static ACCOUNTS: Spec = Spec {
    name: "accounts",
    row: "stream x service x region x account x rule x error code",
    columns: &[
        ColumnSpec::new("stream", Text, ""),
        ColumnSpec::new("service", Text, ""),
        ColumnSpec::new("region", Text, ""),
        ColumnSpec::new("account", Text, ""),
        ColumnSpec::new("rule", Text, ""),
        ColumnSpec::new("error_code", Integer, ""),
        ColumnSpec::new("events_gross", Integer, ""),
        ColumnSpec::new("events_net", Integer, ""),
    ],
};

pub static LATENCY: Spec = Spec {
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

pub static INTAKE: Spec = Spec {
    name: "intake",
    row: "input file",
    columns: &[
        ColumnSpec::new("path", Text, ""),
        ColumnSpec::new("source", Text, ""),
        ColumnSpec::new("log", Text, ""),
        ColumnSpec::new("role", Text, ""),
        ColumnSpec::new("format", Text, ""),
        ColumnSpec::new("bytes", Integer, ""),
        ColumnSpec::new("rows_read", Integer, ""),
        ColumnSpec::new("accepted", Integer, ""),
        ColumnSpec::new("duplicate", Integer, ""),
        ColumnSpec::new("outside", Integer, ""),
        ColumnSpec::new("quarantine", Integer, ""),
        ColumnSpec::new("first_ts", Instant, ""),
        ColumnSpec::new("last_ts", Instant, ""),
        ColumnSpec::new("failure", Text, ""),
    ],
};

pub static QUARANTINE: Spec = Spec {
    name: "quarantine",
    row: "row that could not be read",
    columns: &[
        ColumnSpec::new("file", Text, ""),
        ColumnSpec::new("line", Integer, ""),
        ColumnSpec::new("reason", Text, ""),
        ColumnSpec::new("excerpt", Text, ""),
    ],
};

/// A line of an edition that is stored as a row of its own table.
pub trait Line: Sized {
    fn spec() -> &'static Spec;
    fn put(&self, table: &mut Table);
    fn take(row: Row<'_>) -> Result<Self, String>;

    /// All lines of a table.
    fn all(table: &Table) -> Result<Vec<Self>, String> {
        table.rows().map(Self::take).collect()
    }
}

pub fn to_table<T: Line>(lines: &[T]) -> Table {
    let mut table = Table::new(T::spec());
    for line in lines {
        line.put(&mut table);
    }
    table
}

fn slot(row: Row<'_>) -> Result<u32, String> {
    u32::try_from(row.number("slot")?).map_err(|e| format!("column `slot`: {e}"))
}

impl Line for BadLine {
    fn spec() -> &'static Spec {
        &BAD
    }

    fn put(&self, table: &mut Table) {
        table.push([
            Value::Integer(self.slot.into()),
            Value::text(&self.service),
            Value::text(&self.region),
            Value::or_null(self.error_code, Value::Integer),
            Value::text(&self.symptom),
            Value::text(&self.caller),
            Value::Integer(self.events_gross),
            Value::Integer(self.events_net),
        ]);
    }

    fn take(row: Row<'_>) -> Result<Self, String> {
        Ok(Self {
            slot: slot(row)?,
            service: row.text("service")?.to_owned(),
            region: row.text("region")?.to_owned(),
            error_code: row.optional_number("error_code")?,
            symptom: row.text("symptom")?.to_owned(),
            caller: row.text("caller")?.to_owned(),
            events_gross: row.number("events_gross")?,
            events_net: row.number("events_net")?,
        })
    }
}

impl Line for AccountLine {
    fn spec() -> &'static Spec {
        &ACCOUNTS
    }

    fn put(&self, table: &mut Table) {
        table.push([
            Value::text(&self.stream),
            Value::text(&self.service),
            Value::text(&self.region),
            Value::text(&self.account),
            Value::text(&self.rule),
            Value::or_null(self.error_code, Value::Integer),
            Value::Integer(self.events_gross),
            Value::Integer(self.events_net),
        ]);
    }

    fn take(row: Row<'_>) -> Result<Self, String> {
        Ok(Self {
            stream: row.text("stream")?.to_owned(),
            service: row.text("service")?.to_owned(),
            region: row.text("region")?.to_owned(),
            account: row.text("account")?.to_owned(),
            rule: row.text("rule")?.to_owned(),
            error_code: row.optional_number("error_code")?,
            events_gross: row.number("events_gross")?,
            events_net: row.number("events_net")?,
        })
    }
}

impl Line for LatencyLine {
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

impl Line for FileBalance {
    fn spec() -> &'static Spec {
        &INTAKE
    }

    fn put(&self, table: &mut Table) {
        let count = |n: u64| Value::Integer(i64::try_from(n).unwrap_or(i64::MAX));
        table.push([
            Value::text(&self.path),
            Value::text(&self.source),
            Value::text(&self.log),
            Value::text(&self.role),
            Value::text(&self.format),
            count(self.bytes),
            count(self.rows_read),
            count(self.accepted),
            count(self.duplicate),
            count(self.outside),
            count(self.quarantine),
            Value::or_null(self.first_ts_us, Value::Instant),
            Value::or_null(self.last_ts_us, Value::Instant),
            Value::or_null(self.failure.as_deref(), Value::text),
        ]);
    }

    fn take(row: Row<'_>) -> Result<Self, String> {
        let count = |name: &str| {
            let n = row.number(name)?;
            u64::try_from(n).map_err(|_| format!("column `{name}` is negative: {n}"))
        };
        Ok(Self {
            path: row.text("path")?.to_owned(),
            source: row.text("source")?.to_owned(),
            log: row.text("log")?.to_owned(),
            role: row.text("role")?.to_owned(),
            format: row.text("format")?.to_owned(),
            bytes: count("bytes")?,
            rows_read: count("rows_read")?,
            accepted: count("accepted")?,
            duplicate: count("duplicate")?,
            outside: count("outside")?,
            quarantine: count("quarantine")?,
            first_ts_us: row.optional_number("first_ts")?,
            last_ts_us: row.optional_number("last_ts")?,
            failure: row.optional_text("failure")?.map(str::to_owned),
        })
    }
}

impl Line for Quarantined {
    fn spec() -> &'static Spec {
        &QUARANTINE
    }

    fn put(&self, table: &mut Table) {
        table.push([
            Value::text(&self.file),
            Value::Integer(i64::try_from(self.line).unwrap_or(i64::MAX)),
            Value::text(&self.reason),
            Value::text(&self.excerpt),
        ]);
    }

    fn take(row: Row<'_>) -> Result<Self, String> {
        let line = row.number("line")?;
        Ok(Self {
            file: row.text("file")?.to_owned(),
            line: u64::try_from(line).map_err(|_| format!("column `line` is negative: {line}"))?,
            reason: row.text("reason")?.to_owned(),
            excerpt: row.text("excerpt")?.to_owned(),
        })
    }
}
