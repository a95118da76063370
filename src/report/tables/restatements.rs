//! `restatements`: one row per change of a figure that had been shown before.

use std::collections::{BTreeMap, BTreeSet};

use crate::day::Day;
use crate::ledger::{Cause, Entry, JournalLine, Ledger, Reported, ReportedKey};
use crate::table::ColumnKind::{Boolean, Date, Decimal, Instant, Integer, Text};
use crate::table::{ColumnSpec, Spec, Table, Value};

pub static RESTATEMENTS: Spec = Spec {
    name: "restatements",
    row: "figure of a day (scope in all regions, after overrides) that was shown otherwise before",
    columns: &[
        ColumnSpec::new("published_at", Instant, "clock of the run that changed it"),
        ColumnSpec::new("day", Date, "UTC day"),
        ColumnSpec::new("scope_kind", Text, "`component` or `service`"),
        ColumnSpec::new("scope", Text, "name of the component or service"),
        ColumnSpec::new("definition", Text, "name of the definition behind the percentage"),
        ColumnSpec::new(
            "is_adjusting",
            Boolean,
            "the day was sealed: its figure stays, and this is an adjusting entry beside it",
        ),
        ColumnSpec::new("edition_from", Integer, "edition shown before"),
        ColumnSpec::new("edition_to", Integer, "edition shown from then on"),
        ColumnSpec::new(
            "cause",
            Text,
            "`logs`, `logs-removed` (rows are gone, and a person has accepted that), `webhooks` of other days, `overrides`, `policy`, `definition`, `window` (what was pending became unknown with the \
             end of the review window), `job` (another version), separated by blanks; \
             `neighbour` when other days show other files to be expected, or a run of down slots reaches over from a day beside it",
        ),
        ColumnSpec::new(
            "availability_percent_before",
            Decimal,
            "percentage before; null when nothing was observed",
        ),
        ColumnSpec::new("availability_percent_after", Decimal, "percentage after"),
        ColumnSpec::new("slots_down_delta", Integer, "down slots, after minus before"),
        ColumnSpec::new("slots_counted_delta", Integer, "down slots that count, after minus before"),
        ColumnSpec::new("slots_degraded_delta", Integer, "degraded slots, after minus before"),
        ColumnSpec::new("slots_unobserved_delta", Integer, "unobserved slots, after minus before"),
        ColumnSpec::new("slots_doubtful_delta", Integer, "doubtful slots, after minus before"),
        ColumnSpec::new("events_good_delta", Integer, "good events, after minus before"),
        ColumnSpec::new("events_bad_delta", Integer, "bad events, after minus before"),
        ColumnSpec::new("events_user_delta", Integer, "user-caused failures, after minus before"),
        ColumnSpec::new("events_excluded_delta", Integer, "excluded events, after minus before"),
        ColumnSpec::new("events_pending_delta", Integer, "pending events, after minus before"),
        ColumnSpec::new("events_suspense_delta", Integer, "events in suspense, after minus before"),
        ColumnSpec::new(
            "events_unknown_delta",
            Integer,
            "events of which the logs do not say what became, after minus before",
        ),
    ],
};

/// Works out the table, in the order in which the changes were journaled.
///
/// By day, scope and definition, all deltas add up to the figure shown now minus the one shown
/// first.
pub fn restatements(ledger: &Ledger) -> Table {
    let mut table = Table::new(&RESTATEMENTS);
    let mut shown: BTreeMap<ReportedKey, &Reported> = BTreeMap::new();
    for line in ledger.lines() {
        let Entry::Reported { figures } = &line.entry else { continue };
        for now in figures {
            let mut key = now.key();
            let before = shown.get(&key).copied().or_else(|| {
                // The first adjusting entry is compared with the sealed figure.
                key.1 = false;
                shown.get(&key).copied().filter(|_| now.is_adjusting)
            });
            // A new edition may show the same figure.
            if let Some(before) = before.filter(|before| differs(before, now)) {
                push(&mut table, ledger, line, before, now);
            }
            shown.insert(now.key(), now);
        }
    }
    table
}

fn differs(before: &Reported, now: &Reported) -> bool {
    let shown = |r: &Reported| (r.availability_micro_percent, r.slots, r.events);
    shown(before) != shown(now)
}

fn push(table: &mut Table, ledger: &Ledger, line: &JournalLine, before: &Reported, now: &Reported) {
    let delta = |after: i64, before: i64| Value::Integer(after - before);
    let slots = (0..now.slots.len()).map(|at| delta(now.slots[at], before.slots[at]));
    let events = (0..now.events.len()).map(|at| delta(now.events[at], before.events[at]));
    let head = [
        Value::Instant(line.at.timestamp_micros()),
        super::summary::date(now.day),
        Value::text(now.scope_kind.name()),
        Value::text(&now.scope),
        Value::text(&now.definition),
        Value::Boolean(now.is_adjusting),
        Value::Integer(before.edition.into()),
        Value::Integer(now.edition.into()),
        Value::text(&cause(ledger, now.day, before.edition, now.edition)),
        Value::or_null(before.availability_micro_percent, Value::Decimal),
        Value::or_null(now.availability_micro_percent, Value::Decimal),
    ];
    table.extend(head.into_iter().chain(slots).chain(events));
}

/// Lists the causes of the editions after `from` and up to `to`.
fn cause(ledger: &Ledger, day: Day, from: u32, to: u32) -> String {
    let editions =
        ledger.record().days.get(&day).map(|record| record.editions.as_slice()).unwrap_or_default();
    let between = editions.iter().map(|e| &e.publication).filter(|p| from < p.edition && p.edition <= to);
    let causes: BTreeSet<&str> = between.flat_map(|p| p.causes.iter().map(Cause::name)).collect();
    if causes.is_empty() { "neighbour".to_owned() } else { causes.into_iter().collect::<Vec<_>>().join(" ") }
}
