//! Curve: the spread of traffic over the day and the regions.

use super::stories::{DAY, REGIONS};
use crate::sample::rng::Dice;

/// A triangle per region, highest at its own hour; in integers, so that it is exact.
pub struct Curve {
    /// Weight of the regions in each minute of the day.
    regions: Vec<[u64; REGIONS.len()]>,
    /// Sum of all weights before a minute, one entry more than minutes.
    before: Vec<u64>,
}

impl Curve {
    pub fn new() -> Self {
        const SHARE: [u64; REGIONS.len()] = [45, 33, 22];
        const PEAK: [u32; REGIONS.len()] = [13 * 60, 19 * 60, 5 * 60];
        let regions: Vec<[u64; REGIONS.len()]> = (0..DAY)
            .map(|minute| {
                std::array::from_fn(|r| {
                    let apart = minute.abs_diff(PEAK[r]);
                    let apart = apart.min(DAY - apart);
                    SHARE[r] * (1_500 - u64::from(apart) * 1_000 / 720)
                })
            })
            .collect();
        let mut before = vec![0];
        let mut sum = 0;
        for weights in &regions {
            sum += weights.iter().sum::<u64>();
            before.push(sum);
        }
        Self { regions, before }
    }

    /// Returns how many of `rows` fall into a minute of the day.
    pub fn count(&self, rows: u64, minute: usize) -> u64 {
        let share = |at: usize| self.before[at] * rows / self.before[DAY as usize];
        share(minute + 1) - share(minute)
    }

    /// Draws a region by its weight in a minute of the day.
    pub fn region(&self, minute: usize, dice: &mut Dice) -> u8 {
        let weights = self.regions[minute];
        let mut throw = dice.below(weights.iter().sum());
        for (r, weight) in weights.iter().enumerate() {
            if throw < *weight {
                return r as u8;
            }
            throw -= weight;
        }
        0
    }
}
