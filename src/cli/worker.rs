//! `uptime-ledger worker`: one task of a run, started by an engine.

use std::io::{BufRead, IsTerminal, Write};
use std::os::unix::process::parent_id;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};

use super::voice;
use crate::engine::WorkerExit;
use crate::error::{Cancellation, Trouble};
use crate::intake::Meter;
use crate::intake::tasks::worker::{TaskWorker, read_job};

/// Time between two looks whether the run is still there.
const PAUSE: Duration = Duration::from_millis(500);

/// Variables in which schedulers of arrays say which task this is.
const INDEXES: [&str; 3] = ["JOB_COMPLETION_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX", "SLURM_ARRAY_TASK_ID"];

#[derive(Args)]
pub struct WorkerArgs {
    /// Stage of the job, or `probe` to see that this machine can read the logs and write to the exchange
    stage: StageName,
    /// Path or address of the job
    #[arg(long, value_name = "FILE")]
    job: String,
    /// Task by its place in the job, from 0, or - for the lines of standard input [default: what the scheduler's variable says, or -]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    task: Option<String>,
    /// Folder for what exceeds the memory of the worker [default: the system's folder for temporary files]
    #[arg(long, value_name = "DIR")]
    spill: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StageName {
    Map,
    Dedupe,
    Join,
    Probe,
}

impl WorkerArgs {
    /// Runs the tasks, prints their receipts, and returns the exit code for the engine.
    pub fn run(self, cancellation: &Cancellation) -> WorkerExit {
        match self.work(cancellation) {
            Ok(()) => WorkerExit::Done,
            Err(error) => {
                let _ = writeln!(voice::stderr(), "{error:#}");
                match error.downcast_ref::<Trouble>() {
                    Some(Trouble::OtherJob { .. }) => WorkerExit::OtherJob,
                    Some(Trouble::BrokenExchange { .. }) => WorkerExit::BrokenExchange,
                    Some(Trouble::TooLarge { .. } | Trouble::Usage(_)) => WorkerExit::Refused,
                    _ => WorkerExit::Transient,
                }
            }
        }
    }

    fn work(self, cancellation: &Cancellation) -> Result<()> {
        let parent = parent_id();
        // First to its end: an engine that writes to a worker that is gone hides the worker's words.
        let tasks = self.tasks()?;
        let spill = self.spill.unwrap_or_else(std::env::temp_dir);
        let spill = tempfile::Builder::new().prefix("uptime-ledger-").tempdir_in(&spill)?;
        let worker = TaskWorker::new(&read_job(&self.job)?, &self.job, spill.path())?;
        if self.stage == StageName::Probe {
            let told = worker.probe()?;
            writeln!(voice::stdout(), "{told}")?;
            return Ok(());
        }
        let name =
            self.stage.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        if name != worker.stage().to_string() {
            let why = format!("{}: the job is of the stage {}, not {name}", self.job, worker.stage());
            return Err(Trouble::Usage(why).into());
        }
        cancellation.watch();
        stop_with_the_run(parent, &worker, cancellation);
        let meter = Meter::new(cancellation.clone());
        for task in tasks {
            // Engines quote the last words of a worker, and not of which task it was.
            let receipt = worker.run(task, &meter).with_context(|| format!("task {task}"))?;
            let mut out = voice::stdout();
            out.write_all(&receipt)?;
            writeln!(out)?;
        }
        Ok(())
    }

    /// Returns the tasks that this process is to run.
    fn tasks(&self) -> Result<Vec<u32>> {
        let number = |text: &str, whence: &str| {
            let text = text.trim();
            text.parse::<u32>().map_err(|_| {
                Trouble::Usage(format!("{whence} says `{text}`, expected the number of a task from 0"))
            })
        };
        let is_input = self.task.as_deref() == Some("-");
        if let Some(task) = self.task.as_deref().filter(|_| !is_input) {
            return Ok(vec![number(task, "--task")?]);
        }
        if self.stage == StageName::Probe {
            return Ok(Vec::new());
        }
        let variable = INDEXES.iter().find_map(|name| Some((name, std::env::var(name).ok()?)));
        if let Some((name, text)) = variable.filter(|_| !is_input) {
            return Ok(vec![number(&text, name)?]);
        }
        if std::io::stdin().is_terminal() {
            return Err(Trouble::Usage("no task is named: give --task N".to_owned()).into());
        }
        let mut tasks = Vec::new();
        for line in std::io::stdin().lock().lines() {
            let line = line.map_err(|e| Trouble::Usage(format!("standard input names no task: {e}")))?;
            if !line.trim().is_empty() {
                tasks.push(number(&line, "standard input")?);
            }
        }
        Ok(tasks)
    }
}

/// Stops the work when the process that started this one is gone, or the run is cancelled.
///
/// Engines kill the process that they started, and leave what that one started.
fn stop_with_the_run(parent: u32, worker: &TaskWorker<'_>, cancellation: &Cancellation) {
    let (is_cancelled, cancellation) = (worker.stop_look(), cancellation.clone());
    thread::spawn(move || {
        loop {
            thread::sleep(PAUSE);
            if parent_id() != parent {
                cancellation.cancel("the end of the process that started this worker");
            }
            if is_cancelled() {
                cancellation.cancel("the run, which was told to stop or has failed");
            }
        }
    });
}
