//! Surplus: what surplus copies of calls have added to the counts.

use hashbrown::HashSet;
use serde::{Deserialize, Serialize};

use super::copies::Relation;
use crate::facts::ids::Map;
use crate::intake::join::merge::{Merged, MergedFact};
use crate::intake::records::call_record::CallRecord;
use crate::intake::records::numbers::{DayFact, DayKind};

/// Sums to subtract because of surplus copies.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Surplus {
    /// Events by fact.
    pub events: Map<DayFact, i64>,
    /// Of these, events that another source tells.
    pub crossed: Map<DayFact, i64>,
    /// By fact: events whose row names the caller.
    pub named: Map<DayFact, i64>,
    /// Copies by file.
    pub files: Map<u32, u64>,
    /// Rows by file that are no copies of the row that counts.
    pub conflicts: Map<u32, u64>,
    /// Latencies by fact and bucket.
    pub latency: Map<(DayFact, u16), i64>,
    /// Evidence whose event counts elsewhere: id, with the slot and kind that lost the event.
    pub misled: HashSet<(u64, u32, DayKind)>,
}

impl Surplus {
    /// Takes a row that does not count, and the one that counts in its place.
    ///
    /// `witnesses` are the ids in the evidence of any worker.
    pub fn take(
        &mut self,
        (loser, relation): (&CallRecord<DayFact>, Relation),
        winner: &CallRecord<DayFact>,
        merged: &Merged,
        witnesses: &HashSet<u64>,
    ) {
        *self.events.entry(loser.fact).or_default() += 1;
        if loser.is_named {
            *self.named.entry(loser.fact).or_default() += 1;
        }
        if source_of(merged, winner).is_some_and(|source| source_of(merged, loser) != Some(source)) {
            *self.crossed.entry(loser.fact).or_default() += 1;
        }
        let files = match relation {
            Relation::Copy => &mut self.files,
            Relation::Conflict => &mut self.conflicts,
        };
        *files.entry(loser.file).or_default() += 1;
        if loser.latency != CallRecord::NO_LATENCY {
            *self.latency.entry((loser.fact, loser.latency)).or_default() += 1;
        }
        let id = loser.hash as u64;
        let place = |record: &CallRecord<DayFact>| {
            let MergedFact { slot, kind, .. } = merged.fact(record.fact);
            (!record.fact.is_outside()).then_some((slot, kind))
        };
        if let Some((slot, kind)) = place(loser)
            && place(winner) != place(loser)
            && witnesses.contains(&id)
        {
            self.misled.insert((id, slot, kind));
        }
    }

    /// Adds the sums of other partitions.
    pub fn merge(&mut self, other: Self) {
        other.events.into_iter().for_each(|(fact, n)| *self.events.entry(fact).or_default() += n);
        other.crossed.into_iter().for_each(|(fact, n)| *self.crossed.entry(fact).or_default() += n);
        other.named.into_iter().for_each(|(fact, n)| *self.named.entry(fact).or_default() += n);
        other.files.into_iter().for_each(|(file, n)| *self.files.entry(file).or_default() += n);
        other.conflicts.into_iter().for_each(|(file, n)| *self.conflicts.entry(file).or_default() += n);
        other.latency.into_iter().for_each(|(key, n)| *self.latency.entry(key).or_default() += n);
        self.misled.extend(other.misled);
    }
}

/// Returns the source of a call; `None` if it lies outside the day.
fn source_of<'m>(merged: &'m Merged, call: &CallRecord<DayFact>) -> Option<&'m str> {
    let is_inside = !call.fact.is_outside();
    is_inside.then(|| merged.kind(merged.fact(call.fact).kind).source.as_str())
}
