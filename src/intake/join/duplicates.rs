//! Duplicates: finds the surplus copies of calls, partition by partition.
//!
//! Calls are partitioned by the hash of their id, so that each partition is deduped in cache.

use super::dedupe::mark_copies;
use std::cmp::Ordering;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use hashbrown::HashSet;

use super::merge::Merged;
use crate::error::Trouble;
use crate::facts::ids::Map;
use crate::intake::pass::{Pass, PassSettings};
use crate::intake::records::call_record::{self, CallRecord};
use crate::intake::records::message_records::AdmissionRecord;
use crate::intake::records::partitions::{PARTITIONS, Partitions};
use crate::intake::workers;

/// Sums to subtract because of surplus copies.
#[derive(Default)]
pub struct Surplus {
    /// Events by fact.
    pub events: Map<u32, i64>,
    /// Rows by file.
    pub files: Map<u32, u64>,
    /// Latencies by fact and bucket.
    pub latency: Map<(u32, u16), i64>,
    /// Evidence whose event counts elsewhere: id, with the slot and kind that lost the event.
    pub misled: HashSet<(u64, u32, u32)>,
}

impl Surplus {
    fn take(&mut self, loser: &CallRecord, winner: &CallRecord, merged: &Merged, witnesses: &HashSet<u64>) {
        *self.events.entry(loser.fact).or_default() += 1;
        *self.files.entry(loser.file).or_default() += 1;
        if loser.latency != CallRecord::NO_LATENCY {
            *self.latency.entry((loser.fact, loser.latency)).or_default() += 1;
        }
        let id = loser.hash as u64;
        let place = |record: &CallRecord| {
            let (slot, kind, _) = merged.facts[record.fact as usize];
            (record.fact >= CallRecord::OUTSIDE).then_some((slot, kind))
        };
        if let Some((slot, kind)) = place(loser)
            && place(winner) != place(loser)
            && witnesses.contains(&id)
        {
            self.misled.insert((id, slot, kind));
        }
    }

    fn merge(&mut self, other: Self) {
        other.events.into_iter().for_each(|(fact, n)| *self.events.entry(fact).or_default() += n);
        other.files.into_iter().for_each(|(file, n)| *self.files.entry(file).or_default() += n);
        other.latency.into_iter().for_each(|(key, n)| *self.latency.entry(key).or_default() += n);
        self.misled.extend(other.misled);
    }
}

/// Finds surplus copies, and the surviving calls that admitted a message.
///
/// The survivors are records for the join.
///
/// # Errors
/// Records cannot be read back, or spilling to disk failed.
pub fn find_duplicates(
    pass: &Pass,
    merged: &Merged,
    settings: &PassSettings<'_>,
) -> Result<(Surplus, Vec<Partitions>), Trouble> {
    let next = AtomicUsize::new(0);
    let mut witnesses = HashSet::with_capacity(pass.counts.iter().map(|counts| counts.witnesses.len()).sum());
    for seen in pass.counts.iter().flat_map(|counts| counts.witnesses.values()) {
        witnesses.extend(seen.iter().map(|witness| witness.hash));
    }
    let count = settings.workers.clamp(1, PARTITIONS);
    let width = if settings.is_joined { CallRecord::WIDE } else { CallRecord::NARROW };
    let work = || -> Result<(Surplus, Partitions), Trouble> {
        let mut surplus = Surplus::default();
        let mut admitted = Partitions::new(AdmissionRecord::BYTES, &pass.budget);
        let mut rows = Rows { merged, width, bytes: Vec::new(), ends: Vec::new() };
        let (mut hashes, mut lost) = (Vec::new(), Vec::new());
        loop {
            let at = next.fetch_add(1, Relaxed);
            if at >= PARTITIONS {
                return Ok((surplus, admitted));
            }
            rows.take(pass, at, settings)?;
            hashes.clear();
            hashes.extend(rows.bytes.chunks_exact(width).map(call_record::hash_of));
            lost.clear();
            lost.resize(hashes.len(), false);
            mark_copies(
                &hashes,
                |a, b| outranks(merged, &rows.record(a), &rows.record(b)),
                |loser, winner| {
                    lost[loser] = true;
                    let (loser, winner) = (rows.record(loser), rows.record(winner));
                    // A copy outside the day is already tallied as outside.
                    if loser.fact >= CallRecord::OUTSIDE {
                        surplus.take(&loser, &winner, merged, &witnesses);
                    }
                },
            );
            if settings.is_joined {
                let left = rows.records().zip(&lost).filter(|(_, is_lost)| !**is_lost).map(|(call, _)| call);
                for call in left.filter(|call| call.message != 0 && call.fact >= CallRecord::OUTSIDE) {
                    let CallRecord { message: id, offset_us, fact, caller, .. } = call;
                    AdmissionRecord { id, offset_us, fact, caller }.push(&mut admitted, settings.spill)?;
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
    Ok((all, survivors))
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
    fn take(&mut self, pass: &Pass, at: usize, settings: &PassSettings<'_>) -> Result<(), Trouble> {
        self.bytes.clear();
        self.ends.clear();
        for counts in &pass.counts {
            counts.calls.take(at, settings.spill, |bytes| self.bytes.extend_from_slice(bytes))?;
            self.ends.push(self.bytes.len());
        }
        Ok(())
    }

    /// Returns record `n` in merged numbers.
    fn record(&self, n: usize) -> CallRecord {
        let begin = n * self.width;
        let worker = self.ends.iter().position(|end| begin < *end).unwrap_or_default();
        self.unpack(worker, &self.bytes[begin..begin + self.width])
    }

    fn records(&self) -> impl Iterator<Item = CallRecord> {
        let begins = std::iter::once(&0).chain(&self.ends);
        begins.zip(&self.ends).enumerate().flat_map(move |(worker, (begin, end))| {
            self.bytes[*begin..*end].chunks_exact(self.width).map(move |bytes| self.unpack(worker, bytes))
        })
    }

    fn unpack(&self, worker: usize, bytes: &[u8]) -> CallRecord {
        let record = CallRecord::unpack(bytes);
        CallRecord {
            fact: self.merged.of_worker[worker][record.fact as usize],
            caller: self.merged.caller(worker, record.caller),
            ..record
        }
    }
}

/// Orders two copies of a call: `Less` is the copy that counts.
///
/// The inner vantage wins, then the earliest, then the smallest content, then the first file.
/// Neither the order of reading nor the number of workers can move a number.
pub fn outranks(merged: &Merged, a: &CallRecord, b: &CallRecord) -> Ordering {
    let tail = |r: &CallRecord| (r.latency, r.message, r.file, &merged.callers[r.caller as usize]);
    if a.fact == b.fact {
        return (a.offset_us, tail(a)).cmp(&(b.offset_us, tail(b)));
    }
    let rank = |r: &CallRecord| match merged.facts[r.fact as usize] {
        _ if r.fact < CallRecord::OUTSIDE => r.fact,
        (_, kind, _) => merged.kinds[kind as usize].vantage.rank(),
    };
    let content = |r: &CallRecord| match merged.facts[r.fact as usize] {
        _ if r.fact < CallRecord::OUTSIDE => None,
        (_, kind, caller) => Some((&merged.kinds[kind as usize], &merged.callers[caller as usize])),
    };
    rank(a)
        .cmp(&rank(b))
        .then(a.offset_us.cmp(&b.offset_us))
        .then_with(|| content(a).cmp(&content(b)))
        .then(tail(a).cmp(&tail(b)))
}
