//! The tables of one day from webhook logs: deliveries, delays, fields, reconciliation.

use crate::ledger::Edition;
use crate::table::ColumnKind::{Decimal, Integer, Text};
use crate::table::{ColumnSpec, Spec, Table, Value, word};

pub static DELIVERIES: Spec = Spec {
    name: "deliveries",
    row: "stream x service x region x outcome x timing x account",
    columns: &[
        ColumnSpec::new(
            "stream",
            Text,
            "`message`: an admitted message with all its statuses; `notification`: an outbound webhook with all its attempts",
        ),
        ColumnSpec::new("service", Text, "service"),
        ColumnSpec::new("region", Text, "region; `-` not logged"),
        ColumnSpec::new(
            "outcome",
            Text,
            "of a message `delivered` (read and played too), `failed`, `sent` or `none`; of a notification `delivered`, \
             `refused` (the endpoint's own HTTP error), `unreachable` (network) or `internal` (the platform did not try)",
        ),
        ColumnSpec::new(
            "timing",
            Text,
            "`in_time`, `late`, `overdue` (nothing came), `open` (not due yet), `stopped` (retries ended early), `unseen` \
             (the webhook log has a gap there), `none` (held or paused: nothing is due)",
        ),
        ColumnSpec::new("account", Text, "account the events stand in"),
        ColumnSpec::new("events_gross", Integer, "events before overrides"),
        ColumnSpec::new("events_net", Integer, "events after overrides"),
    ],
};

pub static DELAYS: Spec = Spec {
    name: "delays",
    row: "measure x service x region",
    columns: &[
        ColumnSpec::new(
            "measure",
            Text,
            "`first_status_delay_ms` from the admission of a message to its first status, `first_attempt_delay_ms` from an \
             event to the first attempt to tell the business of it (both milliseconds), `attempts_to_success` attempts \
             until the endpoint took a notification",
        ),
        ColumnSpec::new("service", Text, "service"),
        ColumnSpec::new("region", Text, "region; `*` is all regions, `-` not logged"),
        ColumnSpec::new("events", Integer, "messages or notifications that were measured"),
        ColumnSpec::new("p50", Decimal, "median, rounded down to its bucket (at most 1/16 low)"),
        ColumnSpec::new("p90", Decimal, "the same, 90th percentile"),
        ColumnSpec::new("p99", Decimal, "the same, 99th percentile"),
    ],
};

pub static RECONCILIATION: Spec = Spec {
    name: "reconciliation",
    row: "number that shows how well request and webhook logs fit each other",
    columns: &[
        ColumnSpec::new(
            "item",
            Text,
            "`attempts`: webhook rows of the day without copies; `statuses`: different statuses of different messages in \
             them; `orphan_statuses`: those of messages that no request log admitted; `statuses_of_others` \
             (only if there are any): those of messages that other responders of the number or the Business app sent; `orphan_attempts`: later attempts of \
             notifications whose first attempts no log has, on the day of the event or, if they do not tell it, on their own; `attempts_after_delivery`: the same of notifications that \
             had been delivered, in logs that number no attempts; `stray_attempts`: attempts for events of days that are too \
             far away to be matched, or of which no log was read; `contradicted_messages`: messages of the day both delivered and failed; `admitted_again`: calls \
             that name a message which another call had admitted; `unproven_sends` (only if there are any): calls without an \
             answer and without a correlation that may have sent one of the orphan messages of their caller, and so are unknown",
        ),
        ColumnSpec::new("count", Integer, "how many; none of them is judged"),
    ],
};

pub fn deliveries(edition: &Edition) -> Table {
    let mut table = Table::new(&DELIVERIES);
    for line in &edition.deliveries {
        table.push([
            Value::text(&word(&line.stream)),
            Value::text(&line.service),
            Value::text(&line.region),
            Value::text(&word(&line.outcome)),
            Value::text(&word(&line.timing)),
            Value::text(line.account.name()),
            Value::Integer(line.events_gross),
            Value::Integer(line.events_net),
        ]);
    }
    table
}

pub fn delays(edition: &Edition) -> Table {
    let mut table = Table::new(&DELAYS);
    for line in &edition.delays {
        table.push([
            Value::text(&line.measure),
            Value::text(&line.service),
            Value::text(&line.region),
            Value::Integer(line.events),
            Value::or_null(line.p50, Value::Decimal),
            Value::or_null(line.p90, Value::Decimal),
            Value::or_null(line.p99, Value::Decimal),
        ]);
    }
    table
}

pub static FIELDS: Spec = Spec {
    name: "fields",
    row: "webhook field that payloads name",
    columns: &[
        ColumnSpec::new(
            "field",
            Text,
            "name of the field; `-` for a `value` alone, which names none; `others` for names beyond the limit",
        ),
        ColumnSpec::new(
            "lines",
            Integer,
            "lines of the day that name the field, copies too: taken + ignored; a line with several fields counts for each",
        ),
        ColumnSpec::new("taken", Integer, "lines from which statuses of messages were read"),
        ColumnSpec::new("statuses", Integer, "statuses read from them"),
        ColumnSpec::new("ignored", Integer, "lines from which nothing was read"),
        ColumnSpec::new(
            "why",
            Text,
            "what the ignored lines tell of, or `unknown field`; null if nothing was ignored and the field is known",
        ),
    ],
};

pub fn fields(edition: &Edition) -> Table {
    let mut table = Table::new(&FIELDS);
    let count = |n: u64| Value::Integer(n.cast_signed());
    for line in &edition.fields {
        table.push([
            Value::text(&line.field),
            count(line.lines),
            count(line.taken),
            count(line.statuses),
            count(line.ignored),
            Value::or_null(line.why.as_deref(), Value::text),
        ]);
    }
    table
}

pub fn reconciliation(edition: &Edition) -> Table {
    let mut table = Table::new(&RECONCILIATION);
    for line in &edition.reconciliation {
        table.push([Value::text(&line.item), Value::Integer(line.count)]);
    }
    table
}
