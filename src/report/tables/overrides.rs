//! `overrides`: one row per override row that the ledger has ever seen.

use std::collections::BTreeMap;

use crate::ledger::{Ledger, Outline, RowStatus};
use crate::table::ColumnKind::{Instant, Integer, Text};
use crate::table::{ColumnSpec, Spec, Table, Value};

pub static OVERRIDES: Spec = Spec {
    name: "overrides",
    row: "row of the override file, as it was when it was first seen; an edited row is a new one",
    columns: &[
        ColumnSpec::new("id", Text, "id of the row; its line when it could not be read"),
        ColumnSpec::new(
            "direction",
            Text,
            "`to_uptime` or `to_downtime`; null when the row could not be read",
        ),
        ColumnSpec::new("start", Instant, "first instant that it selects"),
        ColumnSpec::new("end", Instant, "first instant after it"),
        ColumnSpec::new("service", Text, "service that it selects; null is any"),
        ColumnSpec::new("region", Text, "region that it selects; null is any"),
        ColumnSpec::new("business_id", Text, "pseudonym of the caller that it selects; null is any"),
        ColumnSpec::new("error_code", Text, "error code that it selects, or `none`; null is any"),
        ColumnSpec::new("account", Text, "account that it selects; null is any that its direction can move"),
        ColumnSpec::new("account_to", Text, "account that the events move to"),
        ColumnSpec::new("reason", Text, "reason, from the list in the policy"),
        ColumnSpec::new("ticket", Text, "ticket"),
        ColumnSpec::new("author", Text, "who wrote it"),
        ColumnSpec::new("approver", Text, "who approved it"),
        ColumnSpec::new("created_at", Instant, "when it was written, as the row claims"),
        ColumnSpec::new(
            "first_seen_at",
            Instant,
            "clock of the run that first saw the row with this content",
        ),
        ColumnSpec::new(
            "status",
            Text,
            "`applied`, `waiting` for a day that is not accounted yet, `refused`, or `withdrawn` when it is gone from the file",
        ),
        ColumnSpec::new("why", Text, "why it is not applied and what is to do; null when it is"),
        ColumnSpec::new(
            "events_moved",
            Integer,
            "events that it moves, adjusting entries of sealed days included",
        ),
        ColumnSpec::new(
            "slots_changed",
            Integer,
            "component slots in all regions in which it moves events and whose state differs before and after overrides",
        ),
        ColumnSpec::new("fingerprint", Text, "SHA-256 of the row, by which the ledger knows it"),
        ColumnSpec::new("note", Text, "note"),
    ],
};

/// Works out the table, ordered by first sight, then by row; unreadable rows come last.
pub fn overrides(ledger: &Ledger, overridden: &[Outline]) -> Table {
    let mut moved: BTreeMap<String, [i64; 2]> = BTreeMap::new();
    for applied in overridden.iter().flat_map(|e| &e.overrides) {
        let sums = moved.entry(applied.row.identity()).or_default();
        *sums = [sums[0] + applied.events, sums[1] + applied.slots_changed];
    }
    let record = ledger.record();
    let mut filed: Vec<_> = record.rows.iter().collect();
    filed.sort_by(|(_, a), (_, b)| (a.first_seen, &a.row).cmp(&(b.first_seen, &b.row)));
    let mut table = Table::new(&OVERRIDES);
    for (fingerprint, filed) in filed {
        let row = &filed.row;
        let text = |text: Option<&String>| Value::or_null(text, |t| Value::text(t));
        let written = |text: &String| text_or_null(text);
        let judged = filed.judged.as_ref();
        let [events, slots] = moved.get(fingerprint).copied().unwrap_or_default();
        table.push([
            Value::text(&row.id),
            Value::text(row.direction.name()),
            Value::Instant(row.start_us),
            Value::Instant(row.end_us),
            text(row.service.as_ref()),
            text(row.region.as_ref()),
            text(row.business_id.as_ref()),
            Value::or_null(row.error_code.as_ref(), |code| Value::text(&code.to_string())),
            text(row.account.as_ref()),
            Value::text(&row.to),
            Value::text(&row.reason),
            Value::text(&row.ticket),
            Value::text(&row.author),
            Value::text(&row.approver),
            Value::Instant(row.created_at_us),
            Value::Instant(filed.first_seen.timestamp_micros()),
            Value::text(judged.map_or(RowStatus::Waiting, |judged| judged.status).name()),
            judged.map_or(Value::Null, |judged| written(&judged.why)),
            Value::Integer(events),
            Value::Integer(slots),
            Value::text(fingerprint),
            written(&row.note),
        ]);
    }
    for bad in &record.malformed {
        let mut cells = vec![Value::Null; OVERRIDES.columns.len()];
        let mut set = |name: &str, value: Value| {
            if let Some(at) = OVERRIDES.columns.iter().position(|c| c.name == name) {
                cells[at] = value;
            }
        };
        set("id", Value::text(&bad.id));
        set("status", Value::text(RowStatus::Refused.name()));
        set("why", Value::text(&bad.why));
        set("events_moved", Value::Integer(0));
        set("slots_changed", Value::Integer(0));
        table.extend(cells.into_iter());
    }
    table
}

fn text_or_null(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { Value::text(text) }
}
