//! `restatements`: one row per change of a figure that had been shown before.

use std::collections::{BTreeMap, BTreeSet};

use crate::day::Day;
use crate::ledger::{Cause, Entry, JournalLine, Ledger, Reported, ReportedKey};
use crate::policy::Group;
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
            "true for an adjusting entry: the figure stays as it is, and what the adjusted one has beside it has changed",
        ),
        ColumnSpec::new("edition_from", Integer, "edition shown before"),
        ColumnSpec::new("edition_to", Integer, "edition shown from then on"),
        ColumnSpec::new(
            "cause",
            Text,
            "`logs`, `logs-removed` (rows are gone, and a person has accepted that), `webhooks` of other days, `overrides`, `policy`, `config`, `format`, `definition`, `window` (what was pending became unknown with the \
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
/// By day, scope and definition, the deltas of all rows that are not adjusting add up to the figure
/// shown now minus the one shown first, and those of the adjusting rows to the adjusted figure
/// minus the one shown.
pub fn restatements(ledger: &Ledger) -> Table {
    let mut changes = Changes { table: Table::new(&RESTATEMENTS), ledger, shown: BTreeMap::new() };
    for line in ledger.lines() {
        if let Entry::Reported { figures } = &line.entry {
            changes.take(line, figures);
        }
    }
    changes.table
}

/// The rows so far, with the figures that they have come to.
struct Changes<'a> {
    table: Table,
    ledger: &'a Ledger,
    shown: BTreeMap<ReportedKey, Shown<'a>>,
}

/// A figure that was noted.
#[derive(Clone, Copy)]
struct Shown<'a> {
    figure: &'a Reported,
    /// Of an adjusted figure, what it has beside the one shown, as the rows say so far.
    beside: Sums,
}

/// Slots and events of a figure, or of the difference of two.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Sums {
    slots: [i64; 5],
    events: [i64; Group::ALL.len()],
}

impl Sums {
    const fn of(figure: &Reported) -> Self {
        Self { slots: figure.slots, events: figure.events }
    }

    fn less(mut self, other: &Self) -> Self {
        self.slots.iter_mut().zip(other.slots).for_each(|(mine, theirs)| *mine -= theirs);
        self.events.iter_mut().zip(other.events).for_each(|(mine, theirs)| *mine -= theirs);
        self
    }
}

impl<'a> Changes<'a> {
    /// Adds the rows of one line; figures of a day come before its adjusted ones.
    fn take(&mut self, line: &JournalLine, figures: &'a [Reported]) {
        let noted: BTreeSet<ReportedKey> = figures.iter().map(Reported::key).collect();
        for now in figures {
            if now.is_adjusting {
                self.adjust(line, now);
                continue;
            }
            let figure = Shown { figure: now, beside: Sums::default() };
            // A new edition may show the same figure.
            if let Some(before) = self.shown.insert(now.key(), figure)
                && differs(before.figure, now)
            {
                self.push(line, before.figure, now, Sums::of(now).less(&Sums::of(before.figure)));
            }
            let mut key = now.key();
            key.1 = true;
            if !noted.contains(&key)
                && let Some(adjusted) = self.shown.get(&key).copied()
            {
                self.adjust(line, adjusted.figure);
            }
        }
    }

    /// Adds the row of an adjusted figure, if what it has beside the one shown is another.
    fn adjust(&mut self, line: &JournalLine, now: &'a Reported) {
        let mut key = now.key();
        let known = self.shown.get(&key).copied();
        key.1 = false;
        let Some(shown) = self.shown.get(&key).copied() else { return };
        let beside = Sums::of(now).less(&Sums::of(shown.figure));
        let (before, known) =
            known.map_or((shown.figure, Sums::default()), |known| (known.figure, known.beside));
        self.shown.insert(now.key(), Shown { figure: now, beside });
        if beside != known {
            self.push(line, before, now, beside.less(&known));
        }
    }

    fn push(&mut self, line: &JournalLine, before: &Reported, now: &Reported, delta: Sums) {
        let head = [
            Value::Instant(line.at.timestamp_micros()),
            super::summary::date(now.day),
            Value::text(now.scope_kind.name()),
            Value::text(&now.scope),
            Value::text(&now.definition),
            Value::Boolean(now.is_adjusting),
            Value::Integer(before.edition.into()),
            Value::Integer(now.edition.into()),
            Value::text(&cause(self.ledger, now.day, before.edition, now.edition)),
            Value::or_null(before.availability_micro_percent, Value::Decimal),
            Value::or_null(now.availability_micro_percent, Value::Decimal),
        ];
        let deltas = delta.slots.into_iter().chain(delta.events).map(Value::Integer);
        self.table.extend(head.into_iter().chain(deltas));
    }
}

fn differs(before: &Reported, now: &Reported) -> bool {
    let shown = |r: &Reported| (r.availability_micro_percent, r.slots, r.events);
    shown(before) != shown(now)
}

/// Lists the causes of the editions after `from` and up to `to`.
fn cause(ledger: &Ledger, day: Day, from: u32, to: u32) -> String {
    let editions =
        ledger.record().days.get(&day).map(|record| record.editions.as_slice()).unwrap_or_default();
    let between = editions.iter().map(|e| &e.publication).filter(|p| from < p.edition && p.edition <= to);
    let causes: BTreeSet<&str> = between.flat_map(|p| p.causes.iter().map(Cause::name)).collect();
    if causes.is_empty() { "neighbour".to_owned() } else { causes.into_iter().collect::<Vec<_>>().join(" ") }
}
