//! Workers: the same work on several threads at once.

use std::panic::resume_unwind;
use std::thread::scope;

/// Runs `work` on so many threads and gathers what each has made; a panic of one is a panic of all.
pub fn run<T: Send>(workers: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(&work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}
