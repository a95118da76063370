//! Workers: runs the same work on several threads.

use std::panic::resume_unwind;
use std::thread::scope;

/// Runs `work` on as many threads as `workers`, and returns their results.
///
/// A panic of one thread is passed on.
pub fn run<T: Send>(workers: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(&work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}
