//! Group: sorts the rows of one partition, so that rows of one id are adjacent.

use super::partition_bits::PartitionBits;
use crate::facts::ids::Id;

/// Average number of rows per bucket that is aimed at.
const FEW: usize = 4;
/// Limit on the bits that choose a bucket, so at most 65,536 buckets.
const MOST_BITS: u32 = 16;

/// A record that belongs to an id.
pub trait Identified: Copy {
    fn id(&self) -> Id;
}

/// Sorts the rows of one partition by `key`, which begins with the id.
///
/// Ids are hashes, so a few of their bits tell almost exactly where a row belongs. It is put there
/// immediately, and only the rows of one bucket are compared. `room` is a buffer kept from one
/// partition to the next.
pub fn sort<R: Identified, K: Ord>(
    partition_bits: PartitionBits,
    rows: &mut Vec<R>,
    room: &mut Vec<R>,
    key: impl Fn(&R) -> K,
) {
    let Some(first) = rows.first().copied() else { return };
    let bits = (rows.len() / FEW).max(1).ilog2().min(MOST_BITS);
    let bucket = |row: &R| (row.id() >> (96 - partition_bits.bits() - bits)) as usize & ((1 << bits) - 1);
    let mut ends = vec![0_u32; 1 << bits];
    for row in rows.iter() {
        ends[bucket(row)] += 1;
    }
    let mut end = 0;
    for begin in &mut ends {
        (end, *begin) = (end + *begin, end);
    }
    room.clear();
    room.resize(rows.len(), first);
    for row in rows.iter() {
        let at = &mut ends[bucket(row)];
        room[*at as usize] = *row;
        *at += 1;
    }
    std::mem::swap(rows, room);
    let mut begin = 0;
    for end in ends {
        rows[begin..end as usize].sort_unstable_by_key(&key);
        begin = end as usize;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl Identified for (Id, u8) {
        fn id(&self) -> Id {
            self.0
        }
    }

    proptest! {
        #[test]
        fn rows_are_sorted_as_the_library_sorts_them(
            bits in PartitionBits::RANGE,
            partition in 0_u128..256,
            parts in prop::collection::vec((0_u128..1 << 80, any::<u8>()), 0..300),
            repeats in prop::collection::vec((0_usize..300, any::<u8>()), 0..300),
        ) {
            let top = partition << (96 - bits);
            let mut rows: Vec<(Id, u8)> = parts.iter().map(|(low, n)| (top | low, *n)).collect();
            for (at, n) in repeats {
                if let Some((id, _)) = rows.get(at) {
                    rows.push((*id, n));
                }
            }
            let mut want = rows.clone();
            want.sort_unstable();
            sort(PartitionBits::try_from(bits).unwrap(), &mut rows, &mut Vec::new(), |row| *row);
            prop_assert_eq!(rows, want);
        }
    }
}
