//! `outages`: one row per outage.

use std::collections::BTreeSet;

use crate::ledger::Outline;
use crate::measure::{Figures, Outage};
use crate::table::ColumnKind::{Boolean, Decimal, Instant, Integer, Text};
use crate::table::{ColumnSpec, Spec, Table, Value};

pub static OUTAGES: Spec = Spec {
    name: "outages",
    row: "outage: runs of down slots of one scope that overlap or touch, after overrides",
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
            "end minus start; more than the duration when other slots lie between",
        ),
        ColumnSpec::new(
            "at_least_seconds",
            Integer,
            "seconds from its first to its last bad event, rounded down; null when the instants are not known",
        ),
        ColumnSpec::new(
            "at_most_seconds",
            Integer,
            "seconds from the last success before it to the first one after it, rounded up; null when there is none",
        ),
        ColumnSpec::new("is_ongoing", Boolean, "no success has followed up to the end of the data"),
        ColumnSpec::new(
            "class",
            Text,
            "`<1m`, `1-5m` (5:00 included) or `>5m` by its bounds, `<1m?` or `1-5m?` where they disagree; `update` when at least \
             95 % of its bad events have error code 2 and it took at most 5:00, `update?` when it took so at least",
        ),
        ColumnSpec::new("is_counted", Boolean, "long enough to count under `whatsapp`"),
        ColumnSpec::new("events_bad", Integer, "bad events in its slots"),
        ColumnSpec::new(
            "top_error_codes",
            Text,
            "up to five error codes with their bad events, `131016:1234 none:3`; `none` is without code",
        ),
        ColumnSpec::new("callers_hit", Integer, "named callers with bad events in its down slots"),
        ColumnSpec::new(
            "callers_active",
            Integer,
            "callers with calls in the hours of its down slots, from 256 on an estimate (standard error 6.3 %); null when fewer \
             than half of these calls name a caller",
        ),
        ColumnSpec::new(
            "leave_out",
            Integer,
            "fewest callers without whose bad events nothing of it counts; null if it does not count, or counts without the bad \
             events of all named callers",
        ),
        ColumnSpec::new(
            "top_callers_share_percent",
            Decimal,
            "share of the three callers with most bad events, rounded down; null when no caller is logged",
        ),
        ColumnSpec::new(
            "overrides",
            Text,
            "ids of override rows that moved events of its services and region in its span, separated by blanks; null without any",
        ),
    ],
};

pub fn outages(figures: &Figures, overridden: &[Outline]) -> Table {
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
            Value::or_null(outage.at_least_seconds, Value::Integer),
            Value::or_null(outage.at_most_seconds, Value::Integer),
            Value::Boolean(outage.is_ongoing),
            Value::text(outage.class.name()),
            Value::Boolean(outage.is_counted),
            Value::Integer(outage.events_bad),
            Value::text(&outage.top_error_codes),
            Value::Integer(outage.callers_hit),
            Value::or_null(outage.callers_active, |active| Value::Integer(active.count as i64)),
            Value::or_null(outage.leave_out, Value::Integer),
            Value::or_null(outage.top_callers_micro_percent, Value::Decimal),
            Value::or_null(blank_separated(&ids_within(outage, overridden)), |ids| Value::text(&ids)),
        ]);
    }
    table
}

fn blank_separated(ids: &BTreeSet<&str>) -> Option<String> {
    (!ids.is_empty()).then(|| ids.iter().copied().collect::<Vec<_>>().join(" "))
}

/// Lists the ids of override rows that touch an outage, sorted.
pub fn ids_within<'a>(outage: &Outage, overridden: &'a [Outline]) -> BTreeSet<&'a str> {
    let mut ids = BTreeSet::new();
    let is_near = |e: &&Outline| e.day.start_us() < outage.end_us && outage.start_us < e.day.end_us();
    for edition in overridden.iter().filter(is_near) {
        for row in edition.overrides.iter().map(|applied| &applied.row) {
            let is_then = row.start_us < outage.end_us && outage.start_us < row.end_us;
            let is_of = |service: &String| edition.definition.includes(&outage.scope, service);
            let is_there =
                |region: &String| outage.scope.is_all_regions() || *outage.scope.region == **region;
            if is_then && row.service.as_ref().is_none_or(is_of) && row.region.as_ref().is_none_or(is_there) {
                ids.insert(row.id.as_str());
            }
        }
    }
    ids
}
