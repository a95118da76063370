//! Facts: how many events of a day share one slot, one kind and one caller.

mod callers;
mod delays;
mod file_hours;
mod gap;
pub mod ids;
mod kind;
pub mod latency;
mod missing_log;
mod receipt;
mod source_rows;
mod unreadable_window;

use polars::prelude::*;
use serde::{Deserialize, Serialize};

use crate::day::{Day, SlotLength};

pub use callers::{CallerLine, CallerSketch, Distinct, distinct};
pub use delays::{DelayKind, Delays};
pub use file_hours::{FileDay, FileHours};
pub use gap::{Gap, Lost, LostFile};
pub use ids::Salt;
pub use kind::{
    Admission, IGNORED, Kind, OTHER_NAMES, Outcome, Reached, Stream, Symptom, Timing, UNASSIGNED,
    has_no_answer,
};
pub use latency::{Histogram, Latencies};
pub use missing_log::{LostHour, MissingCause, MissingLog};
pub use receipt::{
    ConflictLine, DayTotals, FieldLine, FileBalance, FileRole, Input, Intake, LinesByReason, NotACallLine,
    OtherSpelling, Quarantined, Receipt, Reconciliation,
};
pub use source_rows::SourceRows;
pub use unreadable_window::UnreadableWindow;

/// Place of a log row: the evidence that a fact can be traced back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RowRef {
    /// Index into [`Receipt::files`].
    pub file: u32,
    /// Line of a text log, or row of a Parquet file; from 1.
    pub row: u64,
}

/// Up to three log rows behind the events of one kind in one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    pub slot: u32,
    /// Index into [`Facts::kinds`].
    pub kind: u32,
    pub rows: Vec<RowRef>,
}

/// The facts of one UTC day.
///
/// `frame` has one row per fact, sorted by all of its key columns: `slot` (u32, from 0), `kind`
/// (u32, index into `kinds`), `caller` (u32, index into `callers`), `events` (i64, > 0), and
/// `sixtieths` (u64, [`Fact::sixtieths`]). `kinds` and `callers` are sorted and without repetition,
/// so the same logs give the same bytes in any order.
#[derive(Debug, Clone)]
pub struct Facts {
    day: Day,
    slot_length: SlotLength,
    // Shared, as the frame is: a clone of a day of a million facts copies no fact.
    kinds: Arc<[Kind]>,
    callers: Arc<[String]>,
    frame: DataFrame,
    evidence: Arc<[Evidence]>,
}

/// One row of the facts frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    pub slot: u32,
    pub kind: u32,
    pub caller: u32,
    pub events: i64,
    /// Sixtieths of the slot in which its events began: bit `k` stands for `[k/60, (k+1)/60)`.
    ///
    /// A message begins with its admission, a notification with its event. 0 if not known: daybooks
    /// and editions of version 0.1.0 have none.
    pub sixtieths: u64,
}

impl Fact {
    const fn key(&self) -> (u32, u32, u32) {
        (self.slot, self.kind, self.caller)
    }

    /// Sorts facts by their keys, and adds up those that share one.
    pub fn add_up(facts: &mut Vec<Self>) {
        facts.sort_unstable();
        facts.dedup_by(|next, kept| {
            let is_same = next.key() == kept.key();
            if is_same {
                kept.events += next.events;
                kept.sixtieths |= next.sixtieths;
            }
            is_same
        });
    }
}

impl Facts {
    /// Builds the frame from rows in any order.
    ///
    /// Rows with the same key are added up, rows with zero events left out. Kinds and callers
    /// that no fact uses are dropped, the others sorted.
    pub fn new(
        day: Day,
        slot_length: SlotLength,
        kinds: &[Kind],
        callers: &[String],
        rows: Vec<Fact>,
        evidence: Vec<Evidence>,
    ) -> PolarsResult<Self> {
        let used = || rows.iter().filter(|r| r.events != 0);
        let (kinds, kind_of) = compact(kinds, used().map(|r| r.kind));
        let (callers, caller_of) = compact(callers, used().map(|r| r.caller));

        let mut rows: Vec<Fact> = rows
            .into_iter()
            .filter(|r| r.events != 0)
            .map(|r| Fact { kind: kind_of[r.kind as usize], caller: caller_of[r.caller as usize], ..r })
            .collect();
        Fact::add_up(&mut rows);
        rows.retain(|r| r.events != 0);

        let mut evidence: Vec<Evidence> = evidence
            .into_iter()
            .filter(|e| kind_of[e.kind as usize] != UNUSED)
            .map(|e| Evidence { kind: kind_of[e.kind as usize], ..e })
            .collect();
        evidence.sort_unstable_by_key(|e| (e.slot, e.kind));

        let frame = df!(
            "slot" => rows.iter().map(|r| r.slot).collect::<Vec<_>>(),
            "kind" => rows.iter().map(|r| r.kind).collect::<Vec<_>>(),
            "caller" => rows.iter().map(|r| r.caller).collect::<Vec<_>>(),
            "events" => rows.iter().map(|r| r.events).collect::<Vec<_>>(),
            "sixtieths" => rows.iter().map(|r| r.sixtieths).collect::<Vec<_>>(),
        )?;
        let (kinds, callers, evidence) = (kinds.into(), callers.into(), evidence.into());
        Ok(Self { day, slot_length, kinds, callers, frame, evidence })
    }

    pub const fn day(&self) -> Day {
        self.day
    }

    pub const fn slot_length(&self) -> SlotLength {
        self.slot_length
    }

    /// The kinds of the day, sorted; [`Fact::kind`] is an index into them.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Pseudonyms of callers, sorted; the first may be empty: not recorded (plainly good events).
    pub fn callers(&self) -> &[String] {
        &self.callers
    }

    pub const fn frame(&self) -> &DataFrame {
        &self.frame
    }

    /// Returns the log rows behind the facts, sorted by slot and kind.
    pub fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    /// Returns the events of the day, over all facts.
    pub fn events(&self) -> i64 {
        self.iter().map(|fact| fact.events).sum()
    }

    /// Returns all facts as plain rows, in the order of the frame.
    pub fn rows(&self) -> Vec<Fact> {
        self.iter().collect()
    }

    /// Iterates over the rows of the frame.
    pub fn iter(&self) -> impl Iterator<Item = Fact> {
        let u32s = |name: &str| self.frame.column(name).and_then(|c| c.u32());
        let events = self.frame.column("events").and_then(|c| c.i64());
        let sixtieths = self.frame.column("sixtieths").and_then(|c| c.u64());
        match (u32s("slot"), u32s("kind"), u32s("caller"), events, sixtieths) {
            (Ok(slot), Ok(kind), Ok(caller), Ok(events), Ok(sixtieths)) => slot
                .into_no_null_iter()
                .zip(kind.into_no_null_iter())
                .zip(caller.into_no_null_iter())
                .zip(events.into_no_null_iter().zip(sixtieths.into_no_null_iter()))
                .map(|(((slot, kind), caller), (events, sixtieths))| Fact {
                    slot,
                    kind,
                    caller,
                    events,
                    sixtieths,
                }),
            _ => unreachable!("Facts::new is the only constructor and gives these columns these types"),
        }
    }
}

/// Marks an item that no fact uses; the new position is not a position.
const UNUSED: u32 = u32::MAX;

/// Keeps the used items, sorted; the second result maps old positions to new ones.
fn compact<T: Clone + Ord>(items: &[T], used: impl Iterator<Item = u32>) -> (Vec<T>, Vec<u32>) {
    let mut is_used = vec![false; items.len()];
    used.for_each(|at| is_used[at as usize] = true);
    let mut used: Vec<u32> =
        (0_u32..).zip(is_used).filter_map(|(at, is_used)| is_used.then_some(at)).collect();
    used.sort_by(|a, b| items[*a as usize].cmp(&items[*b as usize]));
    let mut new_position = vec![UNUSED; items.len()];
    let mut kept: Vec<T> = Vec::with_capacity(used.len());
    for old in used {
        let item = &items[old as usize];
        if kept.last() != Some(item) {
            kept.push(item.clone());
        }
        new_position[old as usize] = (kept.len() - 1) as u32;
    }
    (kept, new_position)
}
