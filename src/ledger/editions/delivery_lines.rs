//! The lines of an edition that come from webhook logs: what became of messages and notifications, how long it took, and
//! how well the two logs fit each other.

use super::lines::Line;
use crate::facts::Reconciliation;
use crate::table::ColumnKind::{Decimal, Integer, Text};
use crate::table::{ColumnSpec, Row, Spec, Table, Value};

/// Messages or notifications with the same fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryLine {
    pub stream: String,
    pub service: String,
    pub region: String,
    pub outcome: String,
    pub timing: String,
    pub account: String,
    pub events_gross: i64,
    pub events_net: i64,
}

/// How something that was measured is spread; milliseconds, or attempts, in millionths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelayLine {
    pub measure: String,
    pub service: String,
    /// `*` for all regions together.
    pub region: String,
    pub events: i64,
    pub p50: Option<i64>,
    pub p90: Option<i64>,
    pub p99: Option<i64>,
}

/// One number of [`Reconciliation`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconciliationLine {
    pub item: String,
    pub count: i64,
}

impl ReconciliationLine {
    pub fn all(of: &Reconciliation) -> Vec<Self> {
        let items = [
            ("attempts", of.attempts),
            ("statuses", of.statuses),
            ("orphan_statuses", of.orphan_statuses),
            ("orphan_attempts", of.orphan_attempts),
            ("attempts_after_delivery", of.attempts_after_delivery),
            ("stray_attempts", of.stray_attempts),
            ("contradicted_messages", of.contradicted_messages),
            ("admitted_again", of.admitted_again),
        ];
        let line = |(item, n): (&str, u64)| Self { item: item.to_owned(), count: n.cast_signed() };
        items.into_iter().map(line).collect()
    }
}

pub static DELIVERIES: Spec = Spec {
    name: "deliveries",
    row: "stream x service x region x outcome x timing x account",
    columns: &[
        ColumnSpec::new("stream", Text, ""),
        ColumnSpec::new("service", Text, ""),
        ColumnSpec::new("region", Text, ""),
        ColumnSpec::new("outcome", Text, ""),
        ColumnSpec::new("timing", Text, ""),
        ColumnSpec::new("account", Text, ""),
        ColumnSpec::new("events_gross", Integer, ""),
        ColumnSpec::new("events_net", Integer, ""),
    ],
};

pub static DELAYS: Spec = Spec {
    name: "delays",
    row: "measure x service x region",
    columns: &[
        ColumnSpec::new("measure", Text, ""),
        ColumnSpec::new("service", Text, ""),
        ColumnSpec::new("region", Text, ""),
        ColumnSpec::new("events", Integer, ""),
        ColumnSpec::new("p50", Decimal, ""),
        ColumnSpec::new("p90", Decimal, ""),
        ColumnSpec::new("p99", Decimal, ""),
    ],
};

pub static RECONCILIATION: Spec = Spec {
    name: "reconciliation",
    row: "number",
    columns: &[ColumnSpec::new("item", Text, ""), ColumnSpec::new("count", Integer, "")],
};

impl Line for DeliveryLine {
    fn spec() -> &'static Spec {
        &DELIVERIES
    }

    fn put(&self, table: &mut Table) {
        table.push([
            Value::text(&self.stream),
            Value::text(&self.service),
            Value::text(&self.region),
            Value::text(&self.outcome),
            Value::text(&self.timing),
            Value::text(&self.account),
            Value::Integer(self.events_gross),
            Value::Integer(self.events_net),
        ]);
    }

    fn take(row: Row<'_>) -> Result<Self, String> {
        Ok(Self {
            stream: row.text("stream")?.to_owned(),
            service: row.text("service")?.to_owned(),
            region: row.text("region")?.to_owned(),
            outcome: row.text("outcome")?.to_owned(),
            timing: row.text("timing")?.to_owned(),
            account: row.text("account")?.to_owned(),
            events_gross: row.number("events_gross")?,
            events_net: row.number("events_net")?,
        })
    }
}

impl Line for DelayLine {
    fn spec() -> &'static Spec {
        &DELAYS
    }

    fn put(&self, table: &mut Table) {
        table.push([
            Value::text(&self.measure),
            Value::text(&self.service),
            Value::text(&self.region),
            Value::Integer(self.events),
            Value::or_null(self.p50, Value::Decimal),
            Value::or_null(self.p90, Value::Decimal),
            Value::or_null(self.p99, Value::Decimal),
        ]);
    }

    fn take(row: Row<'_>) -> Result<Self, String> {
        Ok(Self {
            measure: row.text("measure")?.to_owned(),
            service: row.text("service")?.to_owned(),
            region: row.text("region")?.to_owned(),
            events: row.number("events")?,
            p50: row.optional_number("p50")?,
            p90: row.optional_number("p90")?,
            p99: row.optional_number("p99")?,
        })
    }
}

impl Line for ReconciliationLine {
    fn spec() -> &'static Spec {
        &RECONCILIATION
    }

    fn put(&self, table: &mut Table) {
        table.push([Value::text(&self.item), Value::Integer(self.count)]);
    }

    fn take(row: Row<'_>) -> Result<Self, String> {
        Ok(Self { item: row.text("item")?.to_owned(), count: row.number("count")? })
    }
}
