//! Record blocks: records of fixed width, with bytes that all of them share stored once.
//!
//! Of the ids in a partition the first byte is the same, and so are the upper bytes of most
//! numbers. The rest is mostly hashes, which no compressor makes smaller.

/// Packs records of `width` bytes; the block begins with a bit per byte of a record.
///
/// A set bit stands for a byte that all records share. The shared bytes follow, then the rest of
/// each record.
pub fn pack(records: &[u8], width: usize, block: &mut Vec<u8>) {
    block.clear();
    let Some(first) = records.get(..width) else { return };
    let mut differs = vec![0_u8; width];
    for record in records.chunks_exact(width) {
        for (differs, (byte, first)) in differs.iter_mut().zip(record.iter().zip(first)) {
            *differs |= byte ^ first;
        }
    }
    block.resize(width.div_ceil(8), 0);
    for (at, _) in differs.iter().enumerate().filter(|(_, bits)| **bits == 0) {
        block[at / 8] |= 1 << (at % 8);
        block.push(first[at]);
    }
    let runs = runs(|at| differs[at] != 0, width);
    let left: usize = runs.iter().map(|(from, to)| to - from).sum();
    block.reserve(records.len() / width * left);
    for record in records.chunks_exact(width) {
        for (from, to) in &runs {
            block.extend_from_slice(&record[*from..*to]);
        }
    }
}

/// Unpacks a block of as many records as its index says.
///
/// # Errors
/// The block is not of this many records of this width.
pub fn unpack(block: &[u8], width: usize, count: usize, records: &mut Vec<u8>) -> Result<(), &'static str> {
    const SHORT: &str = "it has not as many bytes as its records need";
    records.clear();
    if count == 0 {
        return if block.is_empty() { Ok(()) } else { Err(SHORT) };
    }
    let (bits, rest) = block.split_at_checked(width.div_ceil(8)).ok_or(SHORT)?;
    let is_shared = |at: usize| bits[at / 8] & 1 << (at % 8) != 0;
    let shared = (0..width).filter(|at| is_shared(*at)).count();
    let (shared, rest) = rest.split_at_checked(shared).ok_or(SHORT)?;
    let mut model = vec![0; width];
    for (at, byte) in (0..width).filter(|at| is_shared(*at)).zip(shared) {
        model[at] = *byte;
    }
    let runs = runs(|at| !is_shared(at), width);
    let left: usize = runs.iter().map(|(from, to)| to - from).sum();
    if count.checked_mul(left) != Some(rest.len()) {
        return Err(SHORT);
    }
    records.reserve(count * width);
    let mut rest = rest;
    for _ in 0..count {
        let begin = records.len();
        records.extend_from_slice(&model);
        for (from, to) in &runs {
            let (run, after) = rest.split_at(to - from);
            records[begin + from..begin + to].copy_from_slice(run);
            rest = after;
        }
    }
    Ok(())
}

/// Returns the half-open runs of positions that fulfil a condition.
fn runs(is_in: impl Fn(usize) -> bool, width: usize) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for at in (0..width).filter(|at| is_in(*at)) {
        match runs.last_mut().filter(|(_, to)| *to == at) {
            Some((_, to)) => *to += 1,
            None => runs.push((at, at + 1)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn records_come_back_as_they_were(
            width in 1_usize..50,
            seed in any::<u64>(),
            count in 0_usize..200,
            shared in any::<u64>(),
        ) {
            let byte = |n: u64| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(seed) >> 40) as u8;
            let records: Vec<u8> = (0..count * width)
                .map(|n| if shared >> (n % width) & 1 == 1 { (n % width) as u8 } else { byte(n as u64) })
                .collect();
            let (mut block, mut back) = (Vec::new(), Vec::new());
            pack(&records, width, &mut block);
            prop_assert!(block.len() <= records.len() + width.div_ceil(8));
            unpack(&block, width, count, &mut back).unwrap();
            prop_assert_eq!(&back, &records);
            // Any other count is refused, unless all bytes are shared.
            if block.len() > width.div_ceil(8) + width {
                prop_assert!(unpack(&block, width, count + 1, &mut back).is_err());
                prop_assert!(unpack(&block[..block.len() - 1], width, count, &mut back).is_err());
            }
        }
    }
}
