//! The files of one day: the tables `accounts`, `slots`, `intake`, and `quarantine.ndjson`.

use std::borrow::Cow;
use std::sync::Arc;

use crate::ledger::{Edition, LatencyLine};
use crate::policy::Group;
use crate::redact::visible;
use crate::slots::{Scope, Side, Slots, State, state_names};
use crate::table::ColumnKind::{Decimal, Instant, Integer, Text};
use crate::table::{Cells, ColumnSpec, Spec, Table, Value, word};

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

/// Returns the table `slots`, slot by slot, so that a day reads from top to bottom.
pub fn slots(edition: &Edition) -> Table {
    Table::of_cells(&SLOTS, Arc::new(SlotCells::of(edition)))
}

/// Quantiles of the latency of a slot, in millionths of a millisecond.
#[derive(Debug)]
struct SlotLatency {
    slot: u32,
    /// 50th, 90th and 99th percentile.
    quantiles: [Option<i64>; 3],
}

/// The table `slots` of a day, whose values are computed when they are read.
#[derive(Debug)]
struct SlotCells {
    slots: Slots,
    /// For each scope its kind, name and region as they are shown.
    names: Vec<[Arc<str>; 3]>,
    states: [Arc<str>; State::ALL.len()],
    /// Latency of each scope, by slot.
    latency: Vec<Vec<SlotLatency>>,
}

impl SlotCells {
    fn of(edition: &Edition) -> Self {
        let slots = edition.slots.clone();
        // Made visible here, because `Table::visible` would hold the names for each row.
        let shown = |text: &Arc<str>| match visible(text) {
            Cow::Owned(shown) => shown.into(),
            Cow::Borrowed(_) => Arc::clone(text),
        };
        let names = |scope: &Scope| [scope.kind.name().into(), shown(&scope.name), shown(&scope.region)];
        let mut latency: Vec<Vec<SlotLatency>> = slots.scopes().iter().map(|_| Vec::new()).collect();
        // Latency lines are sorted by scope, then slot.
        for lines in edition.latency.chunk_by(|one, other| one.scope == other.scope) {
            if let Some(at) = slots.position(&lines[0].scope) {
                let of_slot =
                    |l: &LatencyLine| SlotLatency { slot: l.slot, quantiles: [l.p50, l.p90, l.p99] };
                latency[at] = lines.iter().map(of_slot).collect();
            }
        }
        Self { names: slots.scopes().iter().map(names).collect(), states: state_names(), latency, slots }
    }
}

/// Columns before the counts, which are those of every group before overrides, then after them.
const HEAD: usize = 6;
const GROUPS: usize = Group::ALL.len();

impl Cells for SlotCells {
    fn rows(&self) -> usize {
        self.slots.scopes().len() * self.slots.length().per_day() as usize
    }

    fn text(&self, column: usize, row: usize) -> Option<&Arc<str>> {
        let (slot, at) = (row / self.names.len(), row % self.names.len());
        let state = |side: Side| &self.states[self.slots.book(at, side).states()[slot] as usize];
        match column {
            1..=3 => Some(&self.names[at][column - 1]),
            4 => Some(state(Side::Gross)),
            5 => Some(state(Side::Net)),
            _ => None,
        }
    }

    fn number(&self, column: usize, row: usize) -> Option<i64> {
        let (slot, at) = ((row / self.names.len()) as u32, row % self.names.len());
        let Some(column) = column.checked_sub(HEAD) else {
            return Some(self.slots.day().start_us() + i64::from(slot) * self.slots.length().us());
        };
        if let Some(quantile) = column.checked_sub(2 * GROUPS) {
            let latency = &self.latency[at];
            let line = latency.binary_search_by_key(&slot, |line| line.slot).ok()?;
            return latency[line].quantiles[quantile];
        }
        let side = self.slots.book(at, Side::ALL[column / GROUPS]);
        Some(side.events_at(slot).map_or(0, |events| events.of(Group::ALL[column % GROUPS])))
    }

    fn is_blank(&self, _: usize) -> bool {
        false
    }
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
