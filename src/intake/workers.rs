//! Workers: runs the same work on several threads.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, PoisonError};
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

/// Results that wait for their turn.
struct Turns<T, E> {
    /// The number whose result is handed on next.
    turn: usize,
    waiting: BTreeMap<usize, T>,
    /// The error of the smallest number.
    error: Option<(usize, E)>,
    /// True after an error or a panic: nothing is handed on any more.
    is_over: bool,
}

/// Runs `work` for each number on several threads; `out` gets the results in order.
///
/// Each thread has a state of its own, made by `state`; all are returned. At most two results a
/// thread wait for their turn.
///
/// # Errors
/// The error of the smallest number; nothing behind it is begun any more.
pub fn in_order<S: Send, T: Send, E: Send>(
    workers: usize,
    numbers: Range<usize>,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> Result<T, E> + Sync,
    out: impl FnMut(usize, T) -> Result<(), E> + Send,
) -> Result<Vec<S>, E> {
    let workers = workers.clamp(1, numbers.len().max(1));
    let next = AtomicUsize::new(numbers.start);
    let turns = Turns { turn: numbers.start, waiting: BTreeMap::new(), error: None, is_over: false };
    let (turns, moved) = (Mutex::new((out, turns)), Condvar::new());
    let lock = || turns.lock().unwrap_or_else(PoisonError::into_inner);
    let end = |error: Option<(usize, E)>| {
        let (_, turns) = &mut *lock();
        turns.is_over = true;
        if let Some((at, error)) = error
            && turns.error.as_ref().is_none_or(|(first, _)| at < *first)
        {
            turns.error = Some((at, error));
        }
        moved.notify_all();
    };
    let hand_on = |at: usize, done: T| -> Result<(), (usize, E)> {
        let (out, turns) = &mut *lock();
        turns.waiting.insert(at, done);
        while let Some(done) = turns.waiting.remove(&turns.turn).filter(|_| !turns.is_over) {
            out(turns.turn, done).map_err(|error| (turns.turn, error))?;
            turns.turn += 1;
        }
        moved.notify_all();
        Ok(())
    };
    // The thread whose turn it is never waits.
    let may_begin = |at: usize| {
        let ahead = |turns: &Turns<T, E>| !turns.is_over && at >= turns.turn + 2 * workers;
        let wait = moved.wait_while(lock(), |(_, turns)| ahead(turns));
        let (_, turns) = &*wait.unwrap_or_else(PoisonError::into_inner);
        // What stands before an error may have one too.
        turns.error.as_ref().map_or(!turns.is_over, |(first, _)| at < *first)
    };
    let all = || -> S {
        let ended = EndOnPanic(|| end(None));
        let mut state = state();
        loop {
            let at = next.fetch_add(1, Relaxed);
            if at >= numbers.end || !may_begin(at) {
                break;
            }
            let done = work(&mut state, at).map_err(|error| (at, error));
            if let Err(error) = done.and_then(|done| hand_on(at, done)) {
                end(Some(error));
                break;
            }
        }
        std::mem::forget(ended);
        state
    };
    let states = run(workers, all);
    let error = lock().1.error.take();
    error.map_or(Ok(states), |(_, error)| Err(error))
}

/// Calls a function if it is dropped by a panic.
struct EndOnPanic<F: Fn()>(F);

impl<F: Fn()> Drop for EndOnPanic<F> {
    fn drop(&mut self) {
        (self.0)();
    }
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
    fn the_first_error_ends_the_work() {
        for _ in 0..50 {
            let (begun, given) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let work = |(): &mut (), at: usize| {
                begun.fetch_add(1, Relaxed);
                if at >= 30 { Err(at) } else { Ok(at) }
            };
            let out = |_, at| {
                given.fetch_add(1, Relaxed);
                if at == 20 { Err(at) } else { Ok(()) }
            };
            assert_eq!(in_order(4, 0..1_000_000, || (), work, out), Err(20));
            assert_eq!(given.into_inner(), 21);
            assert!(begun.into_inner() < 40);
        }
        assert_eq!(
            in_order(2, 0..9, || (), |(), at| if at > 6 { Err(at) } else { Ok(at) }, |_, _| Ok(())),
            Err(7)
        );
    }

    #[test]
    fn a_slow_one_holds_up_the_others() {
        let begun = AtomicUsize::new(0);
        let work = |(): &mut (), at: usize| {
            if at == 0 {
                std::thread::sleep(std::time::Duration::from_millis(50));
                assert!(begun.load(Relaxed) <= 6, "results that wait are limited");
            }
            begun.fetch_add(1, Relaxed);
            Ok::<_, ()>(at)
        };
        in_order(3, 0..1_000, || (), work, |_, _| Ok(())).unwrap();
        assert_eq!(begun.into_inner(), 1_000);
    }

    #[test]
    fn a_panic_is_passed_on_and_ends_the_work() {
        let begun = AtomicUsize::new(0);
        let work = |(): &mut (), at: usize| {
            begun.fetch_add(1, Relaxed);
            assert!(at != 5, "number {at}");
            Ok::<_, ()>(at)
        };
        let run = std::panic::AssertUnwindSafe(|| in_order(3, 0..1_000_000, || (), work, |_, _| Ok(())));
        let panic = std::panic::catch_unwind(run).unwrap_err();
        assert!(panic.downcast_ref::<String>().is_some_and(|text| text.contains("number 5")));
        assert!(begun.into_inner() < 20);
    }
}
