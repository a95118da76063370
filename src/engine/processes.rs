//! Processes: workers on this machine, some at a time, each for one task.

use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use super::WorkerExit;
use super::words::LastWords;
use crate::error::Trouble;
use crate::intake::Meter;
use crate::intake::tasks::{StageRun, TaskRunner};

/// Time for the last words of a worker that has ended.
const FOR_WORDS: Duration = Duration::from_secs(5);
/// Time between two looks at a worker that has not ended.
const PAUSE: Duration = Duration::from_millis(5);

/// Workers on this machine.
pub struct ProcessEngine {
    /// This program.
    pub program: PathBuf,
    pub at_a_time: usize,
}

impl TaskRunner for ProcessEngine {
    fn run(&self, stage: &StageRun<'_>) -> Result<(), Trouble> {
        let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
        let failure: Mutex<Option<Trouble>> = Mutex::default();
        let work = || {
            while !is_over.load(Relaxed) {
                let Some(task) = stage.tasks.get(next.fetch_add(1, Relaxed)) else { return };
                match self.task(stage, *task, &is_over) {
                    Ok(()) => {}
                    Err(trouble) => {
                        is_over.store(true, Relaxed);
                        let mut failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
                        // The first failure is the cause; the others were stopped because of it.
                        failure.get_or_insert(trouble);
                    }
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..self.at_a_time.clamp(1, stage.tasks.len().max(1)) {
                scope.spawn(work);
            }
        });
        failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    fn at_a_time(&self) -> Option<usize> {
        Some(self.at_a_time)
    }

    fn starts_this_program(&self) -> bool {
        true
    }
}

impl ProcessEngine {
    /// Runs one task, and again if it fails in a way that another attempt may mend.
    fn task(&self, stage: &StageRun<'_>, task: u32, is_over: &AtomicBool) -> Result<(), Trouble> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let (status, told) = self.attempt(stage, task, is_over)?;
            if status.success() {
                return Ok(());
            }
            tracing::warn!(%task, %attempt, %status, %told, "an attempt failed");
            if attempt >= WorkerExit::attempts(status.code()) {
                let told = if told.is_empty() { "it said nothing" } else { &told };
                return Err(Trouble::Engine {
                    stage: stage.stage.to_string(),
                    why: format!("task {task} ended {attempt} times, at last with {status}: {told}"),
                    remedy: "Mend what it names, and run again",
                });
            }
        }
    }

    fn attempt(
        &self,
        stage: &StageRun<'_>,
        task: u32,
        is_over: &AtomicBool,
    ) -> Result<(ExitStatus, String), Trouble> {
        let mut command = Command::new(&self.program);
        command.arg("worker").arg(stage.stage.to_string()).arg("--job").arg(stage.job);
        command.arg("--task").arg(task.to_string());
        // What a worker cannot hold in memory goes where that of threads goes.
        if let Some(folder) = stage.job.parent() {
            command.arg("--spill").arg(folder);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut worker = command.spawn().map_err(|e| Trouble::io(&self.program, "starting a worker", e))?;
        let told = worker.stderr.take().map(LastWords::of);
        let status = wait(&mut worker, stage.meter, is_over)?;
        Ok((status, told.map_or_else(String::new, |told| told.within(FOR_WORDS))))
    }
}

/// Waits for a worker; kills it if somebody asked the run to stop, or another task has failed.
fn wait(worker: &mut Child, meter: &Meter, is_over: &AtomicBool) -> Result<ExitStatus, Trouble> {
    loop {
        let trouble = |e| Trouble::io("a worker", "waiting for its end", e);
        if let Some(status) = worker.try_wait().map_err(trouble)? {
            return Ok(status);
        }
        let stopped = meter.rows(0).err();
        let stopped =
            stopped.or_else(|| is_over.load(Relaxed).then_some(Trouble::Stopped { by: "another task" }));
        if let Some(stopped) = stopped {
            worker.kill().and_then(|()| worker.wait()).map_err(trouble)?;
            return Err(stopped);
        }
        thread::sleep(PAUSE);
    }
}
