//! Dedupe: finds the surplus copies among the call ids of one partition.

use std::cmp::Ordering;

/// Finds surplus copies by their hashes, and calls `lose(loser, winner)` once per loser.
///
/// Copies are named by their index in `hashes`. `outranks` orders two differing copies of one id:
/// `Less` wins.
pub fn mark_copies(
    hashes: &[u128],
    outranks: impl Fn(usize, usize) -> Ordering,
    mut lose: impl FnMut(usize, usize),
) {
    const EMPTY: u32 = u32::MAX;
    let mask = (hashes.len() * 2).next_power_of_two() - 1;
    let mut table = vec![EMPTY; mask + 1];
    // Each slot of the table holds the best copy so far. The winner is known only after the last
    // copy, so losers are kept until then.
    let mut losers: Vec<(u32, u32)> = Vec::new();
    for (n, hash) in hashes.iter().enumerate() {
        let mut at = *hash as usize & mask;
        loop {
            if table[at] == EMPTY {
                table[at] = n as u32;
                break;
            }
            let best = table[at] as usize;
            if hashes[best] == *hash {
                let is_better = outranks(n, best).is_lt();
                let loser = if is_better { std::mem::replace(&mut table[at], n as u32) } else { n as u32 };
                losers.push((loser, at as u32));
                break;
            }
            at = (at + 1) & mask;
        }
    }
    for (loser, at) in losers {
        lose(loser as usize, table[at as usize] as usize);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::intake::records::call_record::{CallRecord, hash};
    use crate::intake::records::numbers::WorkerFact;

    fn record(id: u64, offset_us: i64, fact: u32) -> CallRecord<WorkerFact> {
        CallRecord {
            hash: hash(&id.to_le_bytes()),
            offset_us,
            latency: 7,
            fact: WorkerFact(fact),
            file: 3,
            message: 0,
            caller: 0,
        }
    }

    proptest! {
        #[test]
        fn one_copy_per_id_stays_and_it_is_the_earliest(ids in prop::collection::vec((0_u64..40, 0_i64..5), 0..200)) {
            let records: Vec<CallRecord<WorkerFact>> = ids.iter().enumerate().map(|(n, (id, t))| record(*id, *t, n as u32)).collect();
            let mut lost = std::collections::BTreeSet::new();
            let hashes: Vec<u128> = records.iter().map(|record| record.hash).collect();
            let time = |n: usize| (records[n].offset_us, n);
            mark_copies(&hashes, |a, b| time(a).cmp(&time(b)), |loser, winner| {
                assert!(hashes[loser] == hashes[winner] && time(winner) < time(loser));
                assert!(lost.insert(loser));
            });
            let distinct: std::collections::BTreeSet<u64> = ids.iter().map(|(id, _)| *id).collect();
            prop_assert_eq!(records.len() - lost.len(), distinct.len());
        }
    }
}
