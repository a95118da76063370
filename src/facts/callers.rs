//! Callers: how many different callers were active in an hour, by sketches that can be merged.

use serde::{Deserialize, Serialize};

use crate::table::{CellValue, ColumnKind, Row, Value, record};

record! {
    table "callers", a row is "hour x service x region";
    /// Callers of the calls of one hour, service and region.
    ///
    /// A call counts in the hour in which it began, whatever became of it: it is a request, or the
    /// message that it admitted.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct CallerLine {
        /// From 0 to 23.
        pub hour: u32 => "hour" Integer,
        pub service: String => "service" Text,
        pub region: String => "region" Text,
        /// Calls, without copies.
        pub events: i64 => "events" Integer,
        /// Of these, calls that name a caller.
        pub named: i64 => "named" Integer,
        /// Also of rows that dedupe took back: a copy has the caller of its call.
        pub sketch: CallerSketch => "callers" Text,
    }
}

/// Sketch of a set of callers: the smallest of their keyed hashes (k minimum values).
///
/// Fewer than [`CallerSketch::KEPT`] callers are counted exactly. From then on [`distinct`] is an
/// estimate whose relative standard error is at most `1 / sqrt(k - 2)`, 6.3 % for `k` = 256
/// (Beyer et al., On Synopses for Distinct-Value Estimation Under Multiset Operations, 2007). The
/// sketch of a union follows from the sketches alone, in any order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CallerSketch {
    /// Ascending, each once.
    hashes: Vec<u64>,
}

/// Number of different callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Distinct {
    pub count: u64,
    /// False for an estimate.
    pub is_exact: bool,
}

impl CallerSketch {
    /// Hashes that a sketch keeps.
    pub const KEPT: usize = 256;
    /// Bits of a hash: of a million callers, two share one with a probability of 1 in 560.
    pub const BITS: u32 = 48;
    const DIGITS: usize = Self::BITS as usize / 4;

    /// Makes the sketch of callers from their hashes, in any order and with repetitions.
    pub fn of(mut hashes: Vec<u64>) -> Self {
        hashes.sort_unstable();
        hashes.dedup();
        hashes.truncate(Self::KEPT);
        Self { hashes }
    }

    /// Adds the callers of another sketch.
    pub fn merge(&mut self, other: &Self) {
        let hashes = std::mem::take(&mut self.hashes);
        *self = Self::of([hashes.as_slice(), &other.hashes].concat());
    }

    /// Returns the kept hashes, ascending.
    pub fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    fn to_text(&self) -> String {
        self.hashes.iter().map(|hash| format!("{hash:0width$x}", width = Self::DIGITS)).collect()
    }

    fn of_text(text: &str) -> Result<Self, String> {
        let hash = |digits: &[u8]| {
            let is_hash = digits.len() == Self::DIGITS && digits.iter().all(u8::is_ascii_hexdigit);
            let digits = std::str::from_utf8(digits).ok().filter(|_| is_hash);
            digits.and_then(|digits| u64::from_str_radix(digits, 16).ok())
        };
        let hashes: Option<Vec<u64>> = text.as_bytes().chunks(Self::DIGITS).map(hash).collect();
        let hashes = hashes.filter(|all| all.len() <= Self::KEPT && all.is_sorted_by(|a, b| a < b));
        Ok(Self { hashes: hashes.ok_or("it is no sketch of callers")? })
    }
}

impl CellValue for CallerSketch {
    fn put(&self, _: ColumnKind) -> Value {
        Value::text(&self.to_text())
    }

    fn take(row: Row<'_>, column: &str) -> Result<Self, String> {
        Self::of_text(row.text(column)?).map_err(|why| format!("column `{column}`: {why}"))
    }
}

/// Counts the different callers of several sketches together.
pub fn distinct<'s>(sketches: impl IntoIterator<Item = &'s CallerSketch>) -> Distinct {
    let all = sketches.into_iter().flat_map(|sketch| &sketch.hashes).copied().collect();
    let CallerSketch { hashes } = CallerSketch::of(all);
    match hashes.last() {
        Some(last) if hashes.len() == CallerSketch::KEPT => {
            // (k - 1) / U, where U is the k-th smallest hash as a share of all hashes: unbiased.
            let whole = (CallerSketch::KEPT as u128 - 1) << CallerSketch::BITS;
            Distinct { count: (whole / u128::from(*last).max(1)) as u64, is_exact: false }
        }
        _ => Distinct { count: hashes.len() as u64, is_exact: true },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::facts::Salt;
    use crate::table::{Record, Table};

    fn of(callers: impl IntoIterator<Item = u32>) -> CallerSketch {
        let salt = Salt::new("s");
        CallerSketch::of(callers.into_iter().map(|n| salt.caller(format!("biz-{n}").as_bytes())).collect())
    }

    #[test]
    fn few_callers_are_counted_exactly_and_many_within_the_stated_error() {
        let exact = |count| Distinct { count, is_exact: true };
        assert_eq!(distinct([]), exact(0));
        assert_eq!(distinct([&of([7, 7, 8])]), exact(2));
        assert_eq!(distinct([&of(0..200), &of(100..255)]), exact(255));
        // Over 40 sets, the mean error is small and the standard error as stated.
        for callers in [256, 1_000, 30_000] {
            let errors: Vec<f64> = (0..40)
                .map(|n| {
                    let found = distinct([&of(n * callers..(n + 1) * callers)]);
                    assert!(!found.is_exact);
                    found.count as f64 / f64::from(callers) - 1.0
                })
                .collect();
            let mean = errors.iter().sum::<f64>() / 40.0;
            let variance = errors.iter().map(|error| error * error).sum::<f64>() / 40.0;
            assert!(mean.abs() < 0.03 && variance.sqrt() < 0.085, "{callers}: {mean} {}", variance.sqrt());
        }
    }

    proptest! {
        #[test]
        fn a_union_is_free_of_order_and_repetition(
            a in prop::collection::vec(0..2_000_u32, 0..700),
            b in prop::collection::vec(0..2_000_u32, 0..700),
            c in prop::collection::vec(0..2_000_u32, 0..20),
        ) {
            let all = of(a.iter().chain(&b).chain(&c).copied());
            let (a, b, c) = (of(a), of(b), of(c));
            let merged = |parts: [&CallerSketch; 4]| {
                let mut sketch = CallerSketch::default();
                for part in parts {
                    sketch.merge(part);
                }
                sketch
            };
            prop_assert_eq!(&merged([&a, &b, &c, &a]), &all);
            prop_assert_eq!(&merged([&c, &c, &b, &a]), &all);
            prop_assert_eq!(distinct([&b, &c, &a]), distinct([&all]));
            prop_assert_eq!(CallerSketch::of_text(&all.to_text()), Ok(all));
        }
    }

    #[test]
    fn a_damaged_sketch_is_refused() {
        let line = |sketch: &str| {
            let mut table = Table::new(CallerLine::spec());
            let texts = ["messages", "eu"].map(Value::text);
            let numbers = [Value::Integer(9), Value::Integer(3)];
            let line = [Value::Integer(7)].into_iter().chain(texts).chain(numbers);
            table.extend(line.chain([Value::text(sketch)]));
            CallerLine::all(&table)
        };
        assert_eq!(line("").unwrap()[0].sketch, CallerSketch::default());
        assert_eq!(line("00000000000100000000000f").unwrap()[0].sketch.hashes(), [1, 15]);
        for bad in
            ["1", "00000000000f000000000001", "000000000001000000000001", "00000000000é", "+0000000000f"]
        {
            assert!(line(bad).unwrap_err().starts_with("column `callers`: "), "{bad}");
        }
    }
}
