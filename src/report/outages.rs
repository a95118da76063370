//! `outages`: one row per outage.

use crate::measure::Figures;
use crate::table::ColumnKind::{Boolean, Decimal, Instant, Integer, Text};
use crate::table::{ColumnSpec, Spec, Table, Value};

pub(super) static OUTAGES: Spec = Spec {
    name: "outages",
    row: "outage: a maximal run of down slots of one scope, after overrides",
    columns: &[
        ColumnSpec::new("outage_id", Text, "scope and start; stays the same from run to run"),
        ColumnSpec::new("scope_kind", Text, "`component` or `service`"),
        ColumnSpec::new("scope", Text, "name of the component or service"),
        ColumnSpec::new("region", Text, "region where it was served; `*` is all regions, `-` not logged"),
        ColumnSpec::new("start", Instant, "start of the first down slot"),
        ColumnSpec::new("end", Instant, "end of the last down slot"),
        ColumnSpec::new("duration_seconds", Integer, "down slots times slot length"),
        ColumnSpec::new(
            "span_seconds",
            Integer,
            "end minus start; more than the duration when unobserved slots lie between",
        ),
        ColumnSpec::new(
            "class",
            Text,
            "`<1m`, `1-5m` (5:00 included) or `>5m` by duration; `update` when at most 5:00 and nothing but error code 2",
        ),
        ColumnSpec::new("is_counted", Boolean, "long enough to count under `whatsapp`"),
        ColumnSpec::new("events_bad", Integer, "bad events in its slots"),
        ColumnSpec::new(
            "top_error_codes",
            Text,
            "up to five error codes with their bad events, `131016:1234 none:3`; `none` is without code",
        ),
        ColumnSpec::new(
            "top_callers_share_percent",
            Decimal,
            "share of the three callers with most bad events, rounded down; null when no caller is logged",
        ),
    ],
};

pub(super) fn outages(figures: &Figures) -> Table {
    let mut table = Table::new(&OUTAGES);
    for outage in &figures.outages {
        table.push([
            Value::text(&outage.id),
            Value::text(outage.scope.kind.name()),
            Value::Text(outage.scope.name.clone()),
            Value::Text(outage.scope.region.clone()),
            Value::Instant(outage.start_us),
            Value::Instant(outage.end_us),
            Value::Integer(outage.down_seconds),
            Value::Integer(outage.span_seconds()),
            Value::text(outage.class.name()),
            Value::Boolean(outage.is_counted),
            Value::Integer(outage.events_bad),
            Value::text(&outage.top_error_codes),
            Value::or_null(outage.top_callers_micro_percent, Value::Decimal),
        ]);
    }
    table
}
