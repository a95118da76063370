//! Dedupe: finds the surplus copies of calls, partition by partition.
//!
//! The sixtieths of calls with an id are set here, by the calls that stay: a set that is merged by
//! OR cannot give back what a copy has added.
//!
//! Calls are partitioned by the hash of their id, so that each partition is deduped in cache.

pub mod copies;
pub mod repeated;
pub mod surplus;

use copies::{RowOutcome, SharedIdRow, settle};
use repeated::repeated;
use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use surplus::Surplus;

use hashbrown::HashSet;
use serde::{Deserialize, Serialize};

use super::merge::{Merged, MergedFact};
use crate::config::Identity;
use crate::error::Trouble;
use crate::facts::ids::{Id, Map, WaitingKey};
use crate::intake::pass::settings::PassSettings;
use crate::intake::records::call_record::{self, CallRecord};
use crate::intake::records::message_records::AdmissionRecord;
use crate::intake::records::numbers::DayFact;
use crate::intake::records::partitions::{MemoryBudget, Partitions};
use crate::intake::records::record_sets::AnyRecords;
use crate::intake::workers;

/// A call in the numbers of the day.
type DayCall = CallRecord<DayFact>;

/// Result of dedupe.
#[derive(Debug, Serialize, Deserialize)]
pub struct Deduped {
    pub surplus: Surplus,
    /// By [`DayFact`]: sixtieths of all other calls that stay.
    pub sixtieths: Vec<u64>,
}

impl Deduped {
    /// Returns the result of no partition.
    pub fn none(merged: &Merged) -> Self {
        Self { surplus: Surplus::default(), sixtieths: merged.sixtieths.clone() }
    }

    /// Adds the result of other partitions.
    pub fn merge(&mut self, other: Self) {
        self.surplus.merge(other.surplus);
        self.sixtieths.iter_mut().zip(other.sixtieths).for_each(|(mine, theirs)| *mine |= theirs);
    }
}

/// The dedupe of some partitions.
pub struct DedupeStep<'a> {
    pub merged: &'a Merged,
    /// By worker.
    pub records: &'a [AnyRecords],
    /// By file.
    pub identities: &'a [Identity],
    /// Ids in the evidence of any worker.
    pub witnesses: &'a HashSet<u64>,
    pub budget: &'a Arc<MemoryBudget>,
    pub settings: &'a PassSettings<'a>,
    pub partitions: Range<usize>,
}

/// Finds surplus copies, and the surviving calls that admitted a message, for the join.
///
/// # Errors
/// Records cannot be read back, or spilling to disk failed.
pub fn find_duplicates(step: &DedupeStep<'_>) -> Result<(Deduped, Vec<Partitions>), Trouble> {
    let DedupeStep { merged, witnesses, settings, .. } = *step;
    let next = AtomicUsize::new(step.partitions.start);
    // Shared by all workers: one set per fact and worker would grow with both.
    let sixtieths: Vec<AtomicU64> = merged.sixtieths.iter().map(|set| AtomicU64::new(*set)).collect();
    let count = settings.workers.clamp(1, step.partitions.len().max(1));
    let width = if settings.is_joined { CallRecord::WIDE } else { CallRecord::NARROW };
    let work = || -> Result<(Surplus, Partitions), Trouble> {
        let mut surplus = Surplus::default();
        let mut admitted = Partitions::new(AdmissionRecord::BYTES, settings.partition_bits, step.budget);
        let mut rows = Rows { merged, width, bytes: Vec::new(), ends: Vec::new() };
        let (mut hashes, mut lost) = (Vec::new(), Vec::new());
        let (mut calls, mut shared) = (Vec::new(), Vec::new());
        let mut adopted: Map<usize, Id> = Map::default();
        loop {
            let at = next.fetch_add(1, Relaxed);
            if at >= step.partitions.end {
                return Ok((surplus, admitted));
            }
            rows.take(step.records, at, settings)?;
            hashes.clear();
            hashes.extend(rows.bytes.chunks_exact(width).map(call_record::hash_of));
            lost.clear();
            adopted.clear();
            lost.resize(hashes.len(), false);
            repeated(&hashes, |same| {
                calls.clear();
                calls.extend(same.iter().map(|n| (*n as usize, rows.record(*n as usize))));
                calls.sort_unstable_by(|(_, a), (_, b)| outranks(merged, a, b));
                shared.clear();
                shared.extend(calls.iter().map(|(_, call)| shared_id_row(step.identities, merged, call)));
                for one in settle(&shared) {
                    let ((n, loser), (_, winner)) = (&calls[one.row], &calls[one.winner]);
                    lost[*n] = true;
                    let names_correlation =
                        matches!(WaitingKey::of(winner.message), Some(WaitingKey::Correlation(_)));
                    if is_waiting(merged, winner) && is_waiting(merged, loser) && !names_correlation {
                        let known = adopted.entry(calls[one.winner].0).or_insert(winner.message);
                        if WaitingKey::of(*known) < WaitingKey::of(loser.message) {
                            *known = loser.message;
                        }
                    }
                    // A copy outside the day is already tallied as outside.
                    if !loser.fact.is_outside() {
                        surplus.take((loser, one.relation), winner, merged, witnesses);
                    }
                }
            });
            let left = rows.records().zip(&lost).enumerate().filter(|(_, (_, is_lost))| !**is_lost);
            let left = left.map(|(n, (call, _))| (n, call));
            for (n, call) in left.filter(|(_, call)| !call.fact.is_outside()) {
                let DayCall { message, offset_us, fact, caller, .. } = call;
                let id =
                    if adopted.is_empty() { message } else { adopted.get(&n).copied().unwrap_or(message) };
                if id != 0 {
                    AdmissionRecord { id, offset_us, fact, caller }.push(&mut admitted, settings.spill)?;
                    continue;
                }
                let bit = settings.slot_length.place(offset_us).bit();
                let set = &sixtieths[fact.at()];
                // Most bits of a busy fact are set already, and reading is cheaper than writing.
                if set.load(Relaxed) & bit == 0 {
                    set.fetch_or(bit, Relaxed);
                }
            }
        }
    };
    let mut all = Surplus::default();
    let mut survivors = Vec::new();
    for result in workers::run(count, work) {
        let (surplus, admitted) = result?;
        all.merge(surplus);
        survivors.push(admitted);
    }
    let sixtieths = sixtieths.into_iter().map(AtomicU64::into_inner).collect();
    Ok((Deduped { surplus: all, sixtieths }, survivors))
}

/// Returns whether a call of the day has no answer, so that its message is a correlation.
///
/// The view that counts need not know the correlation; another view may.
fn is_waiting(merged: &Merged, call: &DayCall) -> bool {
    !call.fact.is_outside() && merged.kind(merged.fact(call.fact).kind).is_unanswered()
}

fn shared_id_row(identities: &[Identity], merged: &Merged, call: &DayCall) -> SharedIdRow {
    let kind = (!call.fact.is_outside()).then(|| merged.kind(merged.fact(call.fact).kind));
    SharedIdRow {
        vantage: kind.map_or(call.fact.0, |kind| kind.vantage.rank()),
        offset_us: call.offset_us,
        identity: identities[call.file as usize],
        // A correlation says nothing of what became of the call.
        outcome: kind.map(|kind| RowOutcome::of(kind, if kind.is_unanswered() { 0 } else { call.message })),
    }
}

/// Packed calls of one partition, worker by worker.
pub struct Rows<'a> {
    merged: &'a Merged,
    width: usize,
    bytes: Vec<u8>,
    /// By worker: end of its calls in `bytes`.
    ends: Vec<usize>,
}

impl Rows<'_> {
    fn take(
        &mut self,
        records: &[AnyRecords],
        at: usize,
        settings: &PassSettings<'_>,
    ) -> Result<(), Trouble> {
        self.bytes.clear();
        self.ends.clear();
        for records in records {
            records.calls.take(at, settings.spill, &mut |bytes| self.bytes.extend_from_slice(bytes))?;
            self.ends.push(self.bytes.len());
        }
        Ok(())
    }

    /// Returns record `n` in the numbers of the day.
    fn record(&self, n: usize) -> DayCall {
        let begin = n * self.width;
        let worker = self.ends.iter().position(|end| begin < *end).unwrap_or_default();
        self.unpack(worker, &self.bytes[begin..begin + self.width])
    }

    fn records(&self) -> impl Iterator<Item = DayCall> {
        let begins = std::iter::once(&0).chain(&self.ends);
        begins.zip(&self.ends).enumerate().flat_map(move |(worker, (begin, end))| {
            self.bytes[*begin..*end].chunks_exact(self.width).map(move |bytes| self.unpack(worker, bytes))
        })
    }

    fn unpack(&self, worker: usize, bytes: &[u8]) -> DayCall {
        let record = CallRecord::unpack(bytes);
        let fact = self.merged.day_fact(worker, record.fact);
        record.numbered(fact, self.merged.caller(worker, record.caller))
    }
}

/// Orders two rows with one id: `Less` is the row that counts.
///
/// The inner vantage wins, then the earliest, then the smallest content, then the first file.
/// Callers are compared by their pseudonyms, under which alone they leave intake.
/// Neither the order of reading nor the number of workers can move a number.
pub fn outranks(merged: &Merged, a: &DayCall, b: &DayCall) -> Ordering {
    let tail = |r: &DayCall| (r.latency, r.message, r.file, merged.rank.callers[r.caller as usize]);
    if a.fact == b.fact {
        return (a.offset_us, tail(a)).cmp(&(b.offset_us, tail(b)));
    }
    let rank = |r: &DayCall| match merged.fact(r.fact) {
        _ if r.fact.is_outside() => r.fact.0,
        MergedFact { kind, .. } => merged.kind(kind).vantage.rank(),
    };
    let content = |r: &DayCall| match merged.fact(r.fact) {
        _ if r.fact.is_outside() => None,
        MergedFact { kind, caller, .. } => Some((merged.kind(kind), merged.rank.callers[caller as usize])),
    };
    rank(a)
        .cmp(&rank(b))
        .then(a.offset_us.cmp(&b.offset_us))
        .then_with(|| content(a).cmp(&content(b)))
        .then(tail(a).cmp(&tail(b)))
}
