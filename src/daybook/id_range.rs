//! Id range: neighbouring ids, by which the items of a day are cut.

/// Ids whose top 64 bits lie between two numbers, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdRange {
    pub first: u64,
    pub last: u64,
}

impl IdRange {
    pub const ALL: Self = Self { first: 0, last: u64::MAX };

    /// Cuts all ids into `parts` ranges of about one size, ascending; at least one.
    pub fn cut(parts: u32) -> Vec<Self> {
        let parts = u128::from(parts.max(1));
        let first = |at: u128| ((at << 64) / parts) as u64;
        let last = |at: u128| (((at + 1) << 64) / parts - 1) as u64;
        (0..parts).map(|at| Self { first: first(at), last: last(at) }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_is_in_one_range() {
        for parts in [0, 1, 2, 3, 7, 256, 1_000] {
            let ranges = IdRange::cut(parts);
            assert_eq!(ranges.len(), parts.max(1) as usize);
            assert_eq!((ranges[0].first, ranges[ranges.len() - 1].last), (0, u64::MAX));
            assert!(ranges.windows(2).all(|two| two[0].last + 1 == two[1].first), "{ranges:?}");
        }
        assert_eq!(IdRange::cut(1), [IdRange::ALL]);
    }
}
