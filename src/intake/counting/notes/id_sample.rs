//! Id sample: a bounded sample of the call ids of one source, to see whether two views meet.
//!
//! Which ids are in a sample depends on the ids alone, so that samples of two sources hold the same
//! calls, and neither the number of workers nor the order of rows changes a sample. An id is chosen
//! by its last eight bytes without regard to case: cheap, and alike in most spellings of one id
//! (the last group of a UUID has no hyphens). Choosing by the whole id without hyphens would read
//! every id a second time.

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::facts::Salt;
use crate::intake::records::row_id::loose;

/// Ids that a sample holds at most; two sources need 20 common candidates to be compared, so
/// sources are compared up to a ratio of about 400 in size.
const MOST: usize = 8_192;

/// A sample of ids: those whose choice begins with `level` zero bits.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct IdSample {
    level: u32,
    /// By the hash of the id without case and hyphens: the hash for dedupe, and the zero bits with
    /// which its choice begins. The choice itself would tell the end of the id.
    ids: HashMap<u64, (u64, u32), foldhash::fast::RandomState>,
}

impl IdSample {
    /// Notes an id, and the hash by which dedupe knows it.
    #[inline]
    pub fn note(&mut self, id: &[u8], hash: u128) {
        let zeros = choice(id).leading_zeros();
        if zeros >= self.level {
            self.keep(id, (hash as u64, zeros));
        }
    }

    #[cold]
    fn keep(&mut self, id: &[u8], said: (u64, u32)) {
        self.insert(xxh3_64(&loose(id)), said);
        self.shrink();
    }

    fn insert(&mut self, key: u64, said: (u64, u32)) {
        let kept = self.ids.entry(key).or_insert(said);
        *kept = said.min(*kept);
    }

    fn shrink(&mut self) {
        while self.ids.len() > MOST {
            self.raise(self.level + 1);
        }
    }

    fn raise(&mut self, level: u32) {
        self.level = level;
        self.ids.retain(|_, (_, zeros)| *zeros >= level);
    }

    /// Keys the hashes of ids, so that nobody finds an id by trying; no id can be noted afterwards.
    pub fn make_clear(&mut self, salt: &Salt) {
        let keyed = |key: u64| salt.id(&key.to_le_bytes()) as u64;
        self.ids = self.ids.drain().map(|(key, said)| (keyed(key), said)).collect();
    }

    /// Adds the sample of another part of the same source.
    ///
    /// The result is the sample that one pass over both parts would have given: a part that chose
    /// more strictly had more candidates than fit, and so has the whole.
    pub fn merge(&mut self, other: &Self) {
        let level = self.level.max(other.level);
        self.raise(level);
        for (key, said) in &other.ids {
            if said.1 >= level {
                self.insert(*key, *said);
            }
        }
        self.shrink();
    }

    /// Compares two samples by the ids that both could hold.
    pub fn meeting(&self, other: &Self) -> Meeting {
        let level = self.level.max(other.level);
        let chosen = |sample: &Self| sample.ids.values().filter(|id| id.1 >= level).count();
        let mut meeting = Meeting { fewer: chosen(self).min(chosen(other)) as u64, known: 0, loosely: 0 };
        for (key, (hash, zeros)) in &self.ids {
            if *zeros < level {
                continue;
            }
            match other.ids.get(key) {
                Some((same, _)) if same == hash => meeting.known += 1,
                Some(_) => meeting.loosely += 1,
                None => {}
            }
        }
        meeting
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// Ids of two samples that are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meeting {
    /// Ids in the smaller of the two samples.
    pub fewer: u64,
    /// Ids that are the same for dedupe.
    pub known: u64,
    /// Ids that would be the same without case and hyphens.
    pub loosely: u64,
}

fn choice(id: &[u8]) -> u64 {
    let mut tail = [0; 8];
    let length = id.len().min(8);
    tail[8 - length..].copy_from_slice(&id[id.len() - length..]);
    // Letters in lower case; digits and hyphens have this bit already.
    let folded = u64::from_le_bytes(tail) | 0x2020_2020_2020_2020;
    (folded ^ folded >> 29).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u64) -> String {
        format!("{:08x}-0000-4000-8000-{n:012x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32)
    }

    fn sample(ids: impl Iterator<Item = String>) -> IdSample {
        let mut sample = IdSample::default();
        ids.for_each(|id| sample.note(id.as_bytes(), xxh3_64(id.as_bytes()).into()));
        sample
    }

    #[test]
    fn spellings_of_the_same_ids_meet_loosely_at_any_size() {
        for n in [40, 100_000] {
            let lower = sample((1..=n).map(id));
            let upper = sample((1..=n).map(|n| id(n).to_uppercase()));
            let met = lower.meeting(&upper);
            assert!(met.fewer >= 40 && met.fewer <= MOST as u64, "{met:?}");
            assert_eq!(met.known + met.loosely, met.fewer);
            assert!(met.loosely * 10 > met.fewer * 9, "{met:?}");
            assert_eq!(lower.meeting(&lower).known, met.fewer);
            assert_eq!(lower.meeting(&sample((n + 1..=2 * n).map(id))).known, 0);
        }
    }

    #[test]
    fn parts_give_the_sample_of_the_whole() {
        let whole = sample((0..60_000).map(id));
        for cut in [10, 1_000, 30_000] {
            let mut parts = sample((0..cut).map(id));
            parts.merge(&sample((cut - 5..60_000).map(id)));
            assert_eq!(parts.level, whole.level);
            assert_eq!(parts.ids, whole.ids);
        }
    }
}
