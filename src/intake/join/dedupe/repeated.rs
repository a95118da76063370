//! Dedupe: finds the ids that several calls of one partition have.

/// Calls `each` once per id that several rows have, with the indexes of these rows, ascending.
pub fn repeated(hashes: &[u128], mut each: impl FnMut(&[u32])) {
    const EMPTY: u32 = u32::MAX;
    let mask = (hashes.len() * 2).next_power_of_two() - 1;
    let mut table = vec![EMPTY; mask + 1];
    // First row of the id, and another row of it. Most ids have one row, so the list is short.
    let mut others: Vec<(u32, u32)> = Vec::new();
    for (n, hash) in hashes.iter().enumerate() {
        let mut at = *hash as usize & mask;
        loop {
            let first = table[at];
            if first == EMPTY {
                table[at] = n as u32;
                break;
            }
            if hashes[first as usize] == *hash {
                others.push((first, n as u32));
                break;
            }
            at = (at + 1) & mask;
        }
    }
    others.sort_unstable();
    let mut rows = Vec::new();
    for same in others.chunk_by(|a, b| a.0 == b.0) {
        rows.clear();
        rows.push(same[0].0);
        rows.extend(same.iter().map(|(_, other)| *other));
        each(&rows);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::facts::Salt;

    proptest! {
        #[test]
        fn every_id_with_several_rows_is_named_once(ids in prop::collection::vec(0_u64..40, 0..200)) {
            let salt = Salt::new("a");
            let hashes: Vec<u128> = ids.iter().map(|id| salt.id(&id.to_le_bytes())).collect();
            let mut want: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
            for (id, n) in ids.iter().zip(0..) {
                want.entry(*id).or_default().push(n);
            }
            want.retain(|_, rows| rows.len() > 1);
            let mut found = BTreeMap::new();
            repeated(&hashes, |rows| {
                let is_new = found.insert(ids[rows[0] as usize], rows.to_vec()).is_none();
                assert!(is_new);
            });
            prop_assert_eq!(found, want);
        }
    }
}
