//! Workers: runs the same work on several threads.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
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

/// Runs `work` for each number on several threads; `out` gets the results in order.
///
/// Each thread has a state of its own, made by `state`; all are returned.
///
/// # Errors
/// The first error of `work` or `out`; nothing more is then begun.
pub fn in_order<S: Send, T: Send, E: Send>(
    workers: usize,
    numbers: Range<usize>,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> Result<T, E> + Sync,
    out: impl FnMut(usize, T) -> Result<(), E> + Send,
) -> Result<Vec<S>, E> {
    let next = AtomicUsize::new(numbers.start);
    let out = Mutex::new((out, numbers.start, BTreeMap::new()));
    let one = |state: &mut S, at: usize| -> Result<(), E> {
        let done = work(state, at)?;
        let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
        let (out, turn, waiting) = &mut *out;
        waiting.insert(at, done);
        while let Some(done) = waiting.remove(turn) {
            out(*turn, done)?;
            *turn += 1;
        }
        Ok(())
    };
    let all = || -> Result<S, E> {
        let mut state = state();
        loop {
            let at = next.fetch_add(1, Relaxed);
            if at >= numbers.end {
                return Ok(state);
            }
            if let Err(error) = one(&mut state, at) {
                next.store(numbers.end, Relaxed);
                return Err(error);
            }
        }
    };
    run(workers.clamp(1, numbers.len().max(1)), all).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_from_any_number_of_threads() {
        for workers in [0, 1, 3, 64] {
            let mut found = Vec::new();
            let work = |count: &mut usize, at: usize| {
                std::thread::sleep(std::time::Duration::from_micros((at * 7 % 5) as u64 * 50));
                *count += 1;
                Ok::<_, ()>(at * at)
            };
            let out = |at, square| {
                found.push((at, square));
                Ok(())
            };
            let counts = in_order(workers, 5..90, || 0, work, out).unwrap();
            assert_eq!(found, (5..90).map(|at| (at, at * at)).collect::<Vec<_>>());
            assert_eq!(counts.iter().sum::<usize>(), 85);
        }
    }

    #[test]
    fn an_error_ends_the_work() {
        let begun = AtomicUsize::new(0);
        let work = |(): &mut (), at: usize| {
            begun.fetch_add(1, Relaxed);
            if at == 3 { Err("disk full") } else { Ok(at) }
        };
        assert_eq!(in_order(2, 0..1_000_000, || (), work, |_, _| Ok(())), Err("disk full"));
        assert!(begun.into_inner() < 1_000_000);
        assert_eq!(in_order(2, 0..9, || (), |(), at| Ok(at), |_, _| Err("full")), Err("full"));
    }
}
