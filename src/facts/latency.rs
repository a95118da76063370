//! Latency histograms: mergeable, log-scale, one for each slot, service and region.

use std::collections::BTreeMap;

/// Bits of the sub-bucket within a power of two: a quantile is off by at most 1/16 of its value.
const SUB_BITS: u32 = 4;
const SUB: u64 = 1 << SUB_BITS;
/// Number of buckets; the last one holds everything from about 12.3 days on.
///
/// A status may come up to 7 days after its message. Version 0.1.0 had 500 buckets, of which the
/// last one held everything from about 5.7 hours on.
pub const BUCKETS: u32 = 592;

/// Returns the bucket of a duration in microseconds.
pub fn bucket(us: u64) -> u32 {
    if us < SUB {
        return us as u32;
    }
    let octave = us.ilog2();
    let sub = (us >> (octave - SUB_BITS)) & (SUB - 1);
    (((octave - SUB_BITS + 1) << SUB_BITS) + sub as u32).min(BUCKETS - 1)
}

/// Returns the lower bound of a bucket in microseconds.
pub fn bucket_floor(bucket: u32) -> u64 {
    if u64::from(bucket) < SUB {
        return u64::from(bucket);
    }
    let octave = (bucket >> SUB_BITS) + SUB_BITS - 1;
    let sub = u64::from(bucket) & (SUB - 1);
    (SUB + sub) << (octave - SUB_BITS)
}

/// Counts per bucket, ascending; empty buckets take no memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram(Vec<(u32, i64)>);

impl Histogram {
    /// Adds `n` events to a bucket (removes them when negative); an emptied bucket disappears.
    pub fn add(&mut self, bucket: u32, n: i64) {
        // Counts mostly arrive in ascending order of buckets, so the search is skipped.
        let is_last = self.0.last().is_none_or(|(last, _)| *last < bucket);
        let place =
            if is_last { Err(self.0.len()) } else { self.0.binary_search_by_key(&bucket, |(b, _)| *b) };
        match place {
            Ok(at) if self.0[at].1 + n == 0 => _ = self.0.remove(at),
            Ok(at) => self.0[at].1 += n,
            Err(_) if n == 0 => {}
            Err(at) => self.0.insert(at, (bucket, n)),
        }
    }

    /// Iterates over the buckets that are not empty, with their counts.
    pub fn counts(&self) -> impl Iterator<Item = (u32, i64)> + '_ {
        self.0.iter().copied()
    }

    /// Adds the counts of another histogram.
    pub fn merge(&mut self, other: &Self) {
        if self.0.is_empty() {
            self.0.clone_from(&other.0);
            return;
        }
        let mut both = Vec::with_capacity(self.0.len() + other.0.len());
        let (mut mine, mut theirs) = (self.0.iter().copied().peekable(), other.0.iter().copied().peekable());
        loop {
            let next = match (mine.peek(), theirs.peek()) {
                (Some((a, _)), Some((b, _))) if a == b => {
                    mine.next().zip(theirs.next()).map(|((bucket, n), (_, m))| (bucket, n + m))
                }
                (Some((a, _)), Some((b, _))) if a > b => theirs.next(),
                (Some(_), _) => mine.next(),
                (None, _) => theirs.next(),
            };
            match next {
                Some((_, 0)) => {}
                Some(count) => both.push(count),
                None => break,
            }
        }
        self.0 = both;
    }

    /// Returns the events of all buckets.
    pub fn events(&self) -> i64 {
        self.0.iter().map(|(_, n)| n).sum()
    }

    /// Returns the latency in milliseconds that `percent` of the events did not exceed.
    ///
    /// Nearest rank, rounded down to the bucket; `None` without events.
    pub fn quantile_ms(&self, percent: u32) -> Option<f64> {
        let total = self.events();
        if total <= 0 {
            return None;
        }
        let rank = (total * i64::from(percent) + 99) / 100;
        let mut seen = 0;
        for (bucket, n) in &self.0 {
            seen += n;
            if seen >= rank {
                return Some(bucket_floor(*bucket) as f64 / 1_000.0);
            }
        }
        None
    }
}

/// The histograms of one day, by slot, service and region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Latencies(pub BTreeMap<(u32, String, String), Histogram>);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn buckets_are_in_order_and_tight() {
        let mut last = 0;
        for us in (0..100_000).chain((100_000..1 << 41).step_by(7_777_777_777)) {
            let b = bucket(us);
            assert!(b >= last || us == 100_000);
            last = b;
            if b < BUCKETS - 1 {
                let floor = bucket_floor(b);
                assert!(floor <= us && us - floor <= us / SUB, "{us} in bucket {b} from {floor}");
                assert_eq!(bucket(floor), b);
            }
        }
    }

    #[test]
    fn a_week_has_buckets_of_its_own() {
        let hour = 3_600_000_000;
        for hours in [6, 8, 12, 24, 47, 7 * 24] {
            let floor = bucket_floor(bucket(hours * hour));
            assert!(floor <= hours * hour && hours * hour - floor <= hours * hour / SUB, "{hours} hours");
        }
    }

    #[test]
    fn quantiles_follow_the_nearest_rank() {
        let mut h = Histogram::default();
        for ms in 1..=100_u64 {
            h.add(bucket(ms * 1_000), 1);
        }
        let near = |q: Option<f64>, want: f64| q.is_some_and(|v| v <= want && v > want * 0.93);
        assert!(near(h.quantile_ms(50), 50.0));
        assert!(near(h.quantile_ms(99), 99.0));
        assert_eq!(Histogram::default().quantile_ms(50), None);
    }

    proptest! {
        #[test]
        fn counts_add_up_in_any_order(mut counts in prop::collection::vec((0_u32..9, -2_i64..4), 0..40), at in 0_usize..40) {
            let of = |counts: &[(u32, i64)]| {
                let mut h = Histogram::default();
                for (bucket, n) in counts {
                    h.add(*bucket, *n);
                }
                h
            };
            let whole = of(&counts);
            let (a, b) = counts.split_at(at.min(counts.len()));
            let mut merged = of(a);
            merged.merge(&of(b));
            prop_assert_eq!(&merged, &whole);
            counts.reverse();
            prop_assert_eq!(&of(&counts), &whole);
            prop_assert!(whole.0.is_sorted_by(|a, b| a.0 < b.0) && whole.counts().all(|(_, n)| n != 0));
        }
    }

    #[test]
    fn taking_out_what_was_added_leaves_nothing() {
        let mut h = Histogram::default();
        h.add(7, 2);
        h.add(7, -2);
        assert_eq!(h, Histogram::default());
    }
}
