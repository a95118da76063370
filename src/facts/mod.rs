//! Facts: how many events share one slot and the same attributes. The noun that intake hands on.

pub mod ids;
pub mod latency;
pub mod receipt;

use polars::prelude::*;
use serde::{Deserialize, Serialize};

use crate::config::Vantage;
use crate::day::{Day, SlotLength};

/// What a fact counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// One API call.
    Request,
    /// One outbound webhook with all its attempts.
    Notification,
    /// One admitted message with all its statuses: the call that admitted it and what became of it count once.
    Message,
}

/// What became of a message or notification (R5, R7, R14, R18); whichever says most wins, in whatever order rows come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing is known to have become of it; always so for a request.
    None,
    /// A message that was sent, and not more.
    Sent,
    /// A message that was delivered, read or played; a notification that its endpoint took at any attempt.
    Delivered,
    /// A message with a `failed` status and none that says delivered.
    Failed,
    /// A notification that the business's endpoint answered with an HTTP error of its own.
    Refused,
    /// A notification whose every attempt ended in network trouble on the way to the endpoint.
    Unreachable,
    /// A notification that the platform last failed to attempt at all.
    Internal,
}

/// Whether the outcome came when it was due, judged by event times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// Nothing is due; always so for a request.
    None,
    /// The first status, or the first attempt, came by its deadline.
    InTime,
    /// It came, and later than its deadline.
    Late,
    /// Nothing has come, and the logs reach beyond the deadline.
    Overdue,
    /// Nothing has come, and the logs do not reach to the deadline yet.
    Open,
    /// A notification whose retries ended although it was neither delivered nor old enough to be given up (R7).
    Stopped,
    /// The webhook log has a gap where the outcome would stand: nothing can be said.
    Unseen,
}

/// Did the request reach the first layer? `Unknown` is not `No`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reached {
    Yes,
    No,
    Unknown,
}

/// What the network did to the call, as far as the log tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Symptom {
    /// Nothing unusual.
    None,
    /// The upstream's name did not resolve.
    Dns,
    /// The connection to the upstream was refused or timed out.
    Connect,
    /// The TLS handshake with the upstream failed.
    Tls,
    /// The proxy itself refused: no route, overload, bad request, its own limiter.
    ProxyLocal,
    /// The client left before its request was complete.
    ClientAbortEarly,
    /// The client left while the request was being worked on.
    ClientAbortWaiting,
    /// The connection broke after the request was sent.
    Reset,
    /// The request was sent and no answer came in time.
    Timeout,
}

/// What a success answer promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// No message id in the answer.
    None,
    /// A message id: the message was admitted.
    Admitted,
    /// Admitted and deliberately delayed (`held_for_quality_assessment`).
    Held,
    /// Admitted and paused.
    Paused,
}

/// The attributes that events of one kind share. Everything a rule may look at, and nothing of high cardinality.
///
/// The fields that only explain failures (`recipient_area`, `client_platform`, `client_version`) are blank for
/// events that are plainly good, so that good traffic folds into few facts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Kind {
    pub stream: Stream,
    /// Name of the source in the config.
    pub source: String,
    pub vantage: Vantage,
    pub service: String,
    /// Where the event was served; `-` when the logs do not say.
    pub region: String,
    /// HTTP status 100 to 999; `None` when no answer was logged.
    pub http_status: Option<u16>,
    pub reached: Reached,
    pub symptom: Symptom,
    pub error_code: Option<i64>,
    pub error_subcode: Option<i64>,
    pub is_transient: Option<bool>,
    /// The answer's own word on success; `Some(false)` inside HTTP 200 exists.
    pub is_success: Option<bool>,
    pub admission: Admission,
    pub outcome: Outcome,
    pub timing: Timing,
    /// Not part of the service: `test`, `localized`, ...; empty for ordinary traffic.
    pub scope: String,
    /// ISO 3166 area of the recipient (`CU`, `UA-43`, `TR`); empty when unknown.
    pub recipient_area: String,
    pub client_platform: String,
    pub client_version: String,
}

impl Kind {
    /// A success without any sign of trouble: 100-399 (or the answer's own `true`) and no error, no symptom.
    pub fn is_plainly_good(&self) -> bool {
        self.is_success() && self.scope.is_empty()
    }

    fn is_success(&self) -> bool {
        self.error_code.is_none()
            && self.symptom == Symptom::None
            && self.is_success != Some(false)
            && self.reached != Reached::No
            && self.http_status.is_some_and(|status| (100..400).contains(&status))
    }

    /// The answer admitted a message: from then on its statuses are due. An error that names a message admits nothing
    /// unless a status says otherwise.
    pub fn has_admitted(&self) -> bool {
        self.admission != Admission::None && self.is_success()
    }

    /// Admitted and deliberately delayed: no status is due.
    pub const fn is_held(&self) -> bool {
        matches!(self.admission, Admission::Held | Admission::Paused)
    }
}

/// Where a log row stands: the evidence that a fact can be traced back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RowRef {
    /// Index into [`crate::intake::Receipt::files`].
    pub file: u32,
    /// Line of a text log, or row of a Parquet file; from 1.
    pub row: u64,
}

/// Up to three rows that stand behind the events of one kind in one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    pub slot: u32,
    /// Index into [`Facts::kinds`].
    pub kind: u32,
    pub rows: Vec<RowRef>,
}

/// The facts of one UTC day.
///
/// `frame` has one row per fact, sorted by all of its key columns:
/// `slot` (u32, from 0), `kind` (u32, index into `kinds`), `caller` (u32, index into `callers`), `events` (i64, > 0).
/// `kinds` and `callers` are sorted and without repetition, so the same logs give the same bytes in any order.
#[derive(Debug, Clone)]
pub struct Facts {
    day: Day,
    slot_length: SlotLength,
    // Shared, as the frame is: clones of a day of a million facts cost nothing.
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
}

impl Facts {
    /// Builds the frame from rows in any order. Kinds and callers that no fact uses are dropped, the rest sorted;
    /// rows with the same key are added up and rows that come to nothing are left out.
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
        rows.sort_unstable();
        rows.dedup_by(|next, kept| {
            let same = (next.slot, next.kind, next.caller) == (kept.slot, kept.kind, kept.caller);
            if same {
                kept.events += next.events;
            }
            same
        });
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

    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Business ids; the first may be the empty string, which stands for "not recorded" (plainly good events).
    pub fn callers(&self) -> &[String] {
        &self.callers
    }

    pub const fn frame(&self) -> &DataFrame {
        &self.frame
    }

    pub fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    /// Events of the day, over all facts.
    pub fn events(&self) -> i64 {
        self.iter().map(|fact| fact.events).sum()
    }

    /// The frame as plain rows.
    pub fn rows(&self) -> Vec<Fact> {
        self.iter().collect()
    }

    /// The rows of the frame, one after the other.
    pub fn iter(&self) -> impl Iterator<Item = Fact> {
        let u32s = |name: &str| self.frame.column(name).and_then(|c| c.u32());
        let events = self.frame.column("events").and_then(|c| c.i64());
        match (u32s("slot"), u32s("kind"), u32s("caller"), events) {
            (Ok(slot), Ok(kind), Ok(caller), Ok(events)) => slot
                .into_no_null_iter()
                .zip(kind.into_no_null_iter())
                .zip(caller.into_no_null_iter())
                .zip(events.into_no_null_iter())
                .map(|(((slot, kind), caller), events)| Fact { slot, kind, caller, events }),
            _ => unreachable!("Facts::new is the only constructor and gives these columns these types"),
        }
    }
}

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
