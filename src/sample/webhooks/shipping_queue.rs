//! Shipping queue: rows that wait for the minute in which they are shipped.

use crate::day::MINUTE_US;
use std::collections::VecDeque;

/// A row that can wait in the queue.
pub trait Due {
    /// The order in which rows of one minute are shipped.
    type Order: Ord;

    fn shipped_us(&self) -> i64;
    fn order(&self) -> Self::Order;
}

/// The queue, with one list per minute.
///
/// Memory is bounded by the rows under way: shipped minutes are dropped, and distant minutes hold
/// few rows.
pub struct Shelf<T> {
    first_us: i64,
    /// The first minute that has not been shipped yet.
    now: usize,
    minutes: VecDeque<Vec<T>>,
}

impl<T: Due> Shelf<T> {
    pub const fn new(first_us: i64) -> Self {
        Self { first_us, now: 0, minutes: VecDeque::new() }
    }

    /// Adds a row to the minute in which it is shipped.
    pub fn put(&mut self, row: T) {
        let minute = ((row.shipped_us() - self.first_us) / MINUTE_US) as usize - self.now;
        if self.minutes.len() <= minute {
            self.minutes.resize_with(minute + 1, Vec::new);
        }
        self.minutes[minute].push(row);
    }

    /// Returns the rows of the next minute, in the order in which they are shipped.
    pub fn take(&mut self) -> Vec<T> {
        self.now += 1;
        let mut due = self.minutes.pop_front().unwrap_or_default();
        due.sort_unstable_by_key(Due::order);
        due
    }

    pub fn is_empty(&self) -> bool {
        self.minutes.is_empty()
    }
}
