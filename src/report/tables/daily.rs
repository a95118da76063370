//! The files of one day: the tables `accounts`, `slots`, `intake`, and `quarantine.ndjson`.

use crate::ledger::Edition;
use crate::policy::Group;
use crate::slots::State;
use crate::table::ColumnKind::{Decimal, Instant, Integer, Text};
use crate::table::{ColumnSpec, Spec, Table, Value, word};

pub static ACCOUNTS: Spec = Spec {
    name: "accounts",
    row: "stream x service x region x account x rule x error code",
    columns: &[
        ColumnSpec::new(
            "stream",
            Text,
            "what was counted: `request` is one API call, `message` a call that admitted a message with what became of it, \
             `notification` an outbound webhook with all its attempts",
        ),
        ColumnSpec::new("service", Text, "service"),
        ColumnSpec::new("region", Text, "region where it was served; `-` not logged"),
        ColumnSpec::new("account", Text, "account the events stand in"),
        ColumnSpec::new("rule", Text, "id of the policy rule that put them there; `no-rule` for suspense"),
        ColumnSpec::new("error_code", Integer, "platform error code; null without one"),
        ColumnSpec::new("events_gross", Integer, "events before overrides"),
        ColumnSpec::new("events_net", Integer, "events after overrides"),
    ],
};

pub static SLOTS: Spec = Spec {
    name: "slots",
    row: "slot x scope",
    columns: &[
        ColumnSpec::new("slot_start", Instant, "start of the slot"),
        ColumnSpec::new("scope_kind", Text, "`component` or `service`"),
        ColumnSpec::new("scope", Text, "name of the component or service"),
        ColumnSpec::new("region", Text, "region where it was served; `*` is all regions, `-` not logged"),
        ColumnSpec::new(
            "state_gross",
            Text,
            "`up`, `degraded`, `down`, `doubtful` or `unobserved`, before overrides",
        ),
        ColumnSpec::new("state_net", Text, "the same after overrides"),
        ColumnSpec::new("events_good_gross", Integer, "good events before overrides"),
        ColumnSpec::new("events_bad_gross", Integer, "bad events before overrides"),
        ColumnSpec::new("events_user_gross", Integer, "user-caused failures before overrides"),
        ColumnSpec::new("events_excluded_gross", Integer, "excluded events before overrides"),
        ColumnSpec::new("events_pending_gross", Integer, "pending events before overrides"),
        ColumnSpec::new("events_suspense_gross", Integer, "events in suspense before overrides"),
        ColumnSpec::new(
            "events_unknown_gross",
            Integer,
            "events of which the logs do not say what became, before overrides",
        ),
        ColumnSpec::new("events_good_net", Integer, "good events after overrides"),
        ColumnSpec::new("events_bad_net", Integer, "bad events after overrides"),
        ColumnSpec::new("events_user_net", Integer, "user-caused failures after overrides"),
        ColumnSpec::new("events_excluded_net", Integer, "excluded events after overrides"),
        ColumnSpec::new("events_pending_net", Integer, "pending events after overrides"),
        ColumnSpec::new("events_suspense_net", Integer, "events in suspense after overrides"),
        ColumnSpec::new(
            "events_unknown_net",
            Integer,
            "events of which the logs do not say what became, after overrides",
        ),
        ColumnSpec::new(
            "latency_ms_p50",
            Decimal,
            "median latency in milliseconds, rounded down to its bucket (at most 1/16 low); null without one",
        ),
        ColumnSpec::new("latency_ms_p90", Decimal, "the same, 90th percentile"),
        ColumnSpec::new("latency_ms_p99", Decimal, "the same, 99th percentile"),
    ],
};

/// Writes `quarantine.ndjson`: one object per bad row, for `jq` and for people.
pub fn quarantine(edition: &Edition) -> String {
    let line = |row| match serde_json::to_string(row) {
        Ok(text) => text + "\n",
        Err(e) => unreachable!("strings and numbers always serialise: {e}"),
    };
    edition.quarantine.iter().map(line).collect()
}

pub static INTAKE: Spec = Spec {
    name: "intake",
    row: "input file",
    columns: &[
        ColumnSpec::new("path", Text, "file that was read"),
        ColumnSpec::new("source", Text, "source of the config that it belongs to"),
        ColumnSpec::new("log", Text, "`requests` or `webhooks`"),
        ColumnSpec::new(
            "role",
            Text,
            "`own` for a file of the day, `neighbour` for one of the days beside it",
        ),
        ColumnSpec::new("format", Text, "how it is written"),
        ColumnSpec::new("bytes", Integer, "size of the file in bytes"),
        ColumnSpec::new(
            "rows_read",
            Integer,
            "rows in the file: accepted + duplicate + conflict + outside + quarantine + not_a_call",
        ),
        ColumnSpec::new(
            "accepted",
            Integer,
            "rows that became events of the day, or attempts of notifications",
        ),
        ColumnSpec::new("duplicate", Integer, "rows whose request or attempt was already counted"),
        ColumnSpec::new(
            "conflict",
            Integer,
            "rows with the id of an earlier row of their vantage that are no copies of it, and do not count",
        ),
        ColumnSpec::new("outside", Integer, "rows of another day"),
        ColumnSpec::new("quarantine", Integer, "rows that could not be read"),
        ColumnSpec::new(
            "not_a_call",
            Integer,
            "lines that are no calls: start-up messages, header lines, connections, other loggers",
        ),
        ColumnSpec::new(
            "not_a_call_reasons",
            Text,
            "the same by what they are, such as `other logger: 20; a header line: 2`; null without any",
        ),
        ColumnSpec::new("first_ts", Instant, "earliest timestamp; null without any"),
        ColumnSpec::new("last_ts", Instant, "latest timestamp; null without any"),
        ColumnSpec::new(
            "failure",
            Text,
            "why the file could not be read to its end, in which case nothing of it is counted; else null",
        ),
    ],
};

pub fn accounts(edition: &Edition) -> Table {
    let mut table = Table::new(&ACCOUNTS);
    for line in &edition.accounts {
        table.push([
            Value::text(&word(&line.stream)),
            Value::text(&line.service),
            Value::text(&line.region),
            Value::text(line.account.name()),
            Value::text(&line.rule),
            Value::or_null(line.error_code, Value::Integer),
            Value::Integer(line.events_gross),
            Value::Integer(line.events_net),
        ]);
    }
    table
}

/// Works out the table `slots`, slot by slot, so that a day reads from top to bottom.
pub fn slots(edition: &Edition) -> Table {
    let slots = &edition.slots;
    let length = slots.length();
    let scopes: Vec<Vec<_>> = slots.scopes().iter().map(|scope| slots.cells(scope).collect()).collect();
    let kinds: Vec<Value> = slots.scopes().iter().map(|scope| Value::text(scope.kind.name())).collect();
    let names = State::ALL.map(|state| (state, Value::text(state.name())));
    let name = |state: State| {
        names.iter().find(|(known, _)| *known == state).map_or(Value::Null, |(_, name)| name.clone())
    };
    let mut table = Table::with_room(&SLOTS, length.per_day() as usize * scopes.len());
    for slot in 0..length.per_day() {
        let start = Value::Instant(edition.day.start_us() + i64::from(slot) * length.us());
        for ((scope, kind), cells) in slots.scopes().iter().zip(&kinds).zip(&scopes) {
            let cell = &cells[slot as usize];
            let head = [
                start.clone(),
                kind.clone(),
                Value::Text(scope.name.clone()),
                Value::Text(scope.region.clone()),
                name(cell.gross.state),
                name(cell.net.state),
            ];
            let counts = [cell.gross.events, cell.net.events];
            let counts = counts.into_iter().flat_map(|c| Group::ALL.map(|g| Value::Integer(c.of(g))));
            // Latency lines are sorted by scope, then slot.
            let found = edition.latency.binary_search_by(|line| (&line.scope, line.slot).cmp(&(scope, slot)));
            let line = found.ok().map(|at| &edition.latency[at]);
            let quantiles = line.map_or([None; 3], |l| [l.p50, l.p90, l.p99]);
            let quantiles = quantiles.map(|q| Value::or_null(q, Value::Decimal));
            table.extend(head.into_iter().chain(counts).chain(quantiles));
        }
    }
    table
}

pub fn intake(edition: &Edition) -> Table {
    let count = |n: u64| Value::Integer(i64::try_from(n).unwrap_or(i64::MAX));
    let mut table = Table::new(&INTAKE);
    for file in &edition.intake {
        let reasons = &file.not_a_call_reasons;
        table.push([
            Value::text(&file.path),
            Value::text(&file.source),
            Value::text(file.log.name()),
            Value::text(file.role.name()),
            Value::text(&file.format),
            count(file.bytes),
            count(file.rows_read),
            count(file.accepted),
            count(file.duplicate),
            count(file.conflict),
            count(file.outside),
            count(file.quarantine),
            count(file.not_a_call),
            if reasons.is_empty() { Value::Null } else { Value::text(&reasons.text(usize::MAX)) },
            Value::or_null(file.first_ts_us, Value::Instant),
            Value::or_null(file.last_ts_us, Value::Instant),
            Value::or_null(file.failure.as_deref(), Value::text),
        ]);
    }
    table
}
