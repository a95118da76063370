//! Stage watch: tells the progress of a stage, as far as the exchange shows it.

use std::collections::BTreeSet;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use super::attempts::Attempts;
use crate::intake::meter::Meter;
use crate::intake::wire::exchange::Exchange;

/// Time between two looks; a bucket is listed each time.
const PAUSE: Duration = Duration::from_secs(2);

/// A look at the folder of a stage from time to time, for progress alone.
pub struct StageWatch<'a> {
    pub exchange: &'a Exchange,
    pub folder: &'a str,
    pub meter: &'a Meter,
    /// To be called once with each task that is done.
    pub done: &'a (dyn Fn(u32) + Sync),
}

impl StageWatch<'_> {
    /// Watches while `work` runs, and returns what it returns.
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        thread::scope(|scope| {
            let (running, ended) = channel::<()>();
            scope.spawn(move || {
                let mut known = BTreeSet::new();
                while ended.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                    self.look(&mut known);
                }
                self.look(&mut known);
            });
            let result = work();
            drop(running);
            result
        })
    }

    fn look(&self, known: &mut BTreeSet<u32>) {
        // The next look makes good one that fails; the stage itself tells of a broken exchange.
        let Ok(attempts) = Attempts::in_folder(self.exchange, self.folder) else { return };
        self.meter.tasks(attempts.done.len() as u64, attempts.failed.len() as u64);
        for task in attempts.done {
            if known.insert(task) {
                (self.done)(task);
            }
        }
    }
}
