//! Patience: how long a run waits for stores.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::StoreError;

/// Limits of the table `[store]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreLimits {
    /// How long a run may wait for the bytes of one file; threads that wait together count once.
    pub file: Duration,
    /// Time from the first request of a run, after which no further one is made.
    pub run: Duration,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self { file: Duration::from_mins(15), run: Duration::from_hours(4) }
    }
}

/// The clock of a run's requests.
#[derive(Debug)]
pub struct Patience {
    limits: StoreLimits,
    began: OnceLock<Instant>,
}

impl Patience {
    pub const fn new(limits: StoreLimits) -> Self {
        Self { limits, began: OnceLock::new() }
    }

    /// Returns how long a request may take that is for no file.
    pub fn left_of_run(&self) -> Result<Duration, StoreError> {
        let left = self.limits.run.saturating_sub(self.began.get_or_init(Instant::now).elapsed());
        if left.is_zero() { Err(StoreError::TimedOut("run_timeout_minutes")) } else { Ok(left) }
    }

    /// Returns how long a request may take for a file for which the run has `waited` so far.
    pub fn left_of_file(&self, waited: Duration) -> Result<Duration, StoreError> {
        let left = self.limits.file.saturating_sub(waited);
        if left.is_zero() {
            return Err(StoreError::TimedOut("file_timeout_minutes"));
        }
        Ok(left.min(self.left_of_run()?))
    }
}

/// Time in which any reader has waited for one file; readers that wait together count once.
#[derive(Debug, Default)]
pub struct WaitedTime(Mutex<Waits>);

#[derive(Debug, Default)]
struct Waits {
    readers: u32,
    /// Since when a reader has been waiting, while any is.
    since: Option<Instant>,
    before: Duration,
}

impl WaitedTime {
    /// Returns the time so far.
    pub fn so_far(&self) -> Duration {
        let waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waits.before + waits.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Waits by `work`, and returns what it returns.
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut waits = lock();
            waits.readers += 1;
            waits.since.get_or_insert_with(Instant::now);
        }
        let done = work();
        let mut waits = lock();
        waits.readers -= 1;
        if waits.readers == 0
            && let Some(since) = waits.since.take()
        {
            waits.before += since.elapsed();
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_time_and_never_more_than_the_run() {
        let limits =
            |file, run| StoreLimits { file: Duration::from_secs(file), run: Duration::from_secs(run) };
        let patience = Patience::new(limits(120, 60));
        assert!(patience.left_of_file(Duration::ZERO).unwrap() <= Duration::from_mins(1));
        assert!(patience.left_of_file(Duration::from_secs(90)).unwrap() <= Duration::from_secs(30));
        let passed = patience.left_of_file(Duration::from_mins(2));
        assert_eq!(passed, Err(StoreError::TimedOut("file_timeout_minutes")));
        let none = Patience::new(limits(60, 0));
        assert_eq!(none.left_of_run(), Err(StoreError::TimedOut("run_timeout_minutes")));
    }

    #[test]
    fn readers_that_wait_together_count_once() {
        let (waited, pause) = (WaitedTime::default(), Duration::from_millis(60));
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| waited.during(|| std::thread::sleep(pause)));
            }
        });
        let together = waited.so_far();
        assert!(together >= pause && together <= begun.elapsed(), "{together:?}");
        waited.during(|| std::thread::sleep(pause));
        assert!(waited.so_far() >= together + pause, "one after the other they add up");
    }
}
