//! Numbers: facts as one worker counts them, and as the whole day counts them.

use serde::{Deserialize, Serialize};

/// Facts below this number, the same in either numbering, stand for rows outside the day.
pub const OUTSIDE: u32 = 4;

/// Number of a fact in one of the two numberings, as a record stores it.
pub trait FactNumber: Copy {
    fn of(number: u32) -> Self;
    fn number(self) -> u32;
}

/// Number of a fact within one worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WorkerFact(pub u32);

/// Number of the merged fact of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DayFact(pub u32);

/// Number of a merged kind of the day, which is not yet its rank in the daybook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DayKind(pub u32);

impl WorkerFact {
    /// Returns the index of what is counted by this number.
    pub const fn at(self) -> usize {
        self.0 as usize
    }
}

impl DayFact {
    /// Returns the index of what is counted by this number.
    pub const fn at(self) -> usize {
        self.0 as usize
    }

    /// Returns whether the number stands for rows outside the day.
    pub const fn is_outside(self) -> bool {
        self.0 < OUTSIDE
    }
}

impl DayKind {
    /// Returns the index of what is counted by this number.
    pub const fn at(self) -> usize {
        self.0 as usize
    }
}

impl FactNumber for WorkerFact {
    #[inline]
    fn of(number: u32) -> Self {
        Self(number)
    }

    #[inline]
    fn number(self) -> u32 {
        self.0
    }
}

impl FactNumber for DayFact {
    #[inline]
    fn of(number: u32) -> Self {
        Self(number)
    }

    #[inline]
    fn number(self) -> u32 {
        self.0
    }
}
