//! Random numbers that are equal on every machine: one seeded generator, integers only.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{RngCore, SeedableRng};

/// A seeded source of random numbers.
pub struct Dice(Xoshiro256PlusPlus);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// Returns a uniformly distributed number from `0..n`; 0 if `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(n)) >> 64) as u64
    }

    /// Returns a uniformly distributed number from `low..high`.
    pub fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(u64::from(high.saturating_sub(low))) as u32
    }

    /// Returns true in `per_million` of a million cases.
    pub fn chance(&mut self, per_million: u64) -> bool {
        self.below(1_000_000) < per_million
    }

    /// Returns a number from `low..high`, mostly near `low`: the long tail that latencies have.
    pub fn skewed(&mut self, low: u32, high: u32) -> u32 {
        const ONE: u64 = 1 << 16;
        let (a, b, c) = (self.below(ONE), self.below(ONE), self.below(ONE));
        let cube = (((a * b) >> 16) * c) >> 16;
        low + ((u64::from(high.saturating_sub(low)) * cube) >> 16) as u32
    }
}
