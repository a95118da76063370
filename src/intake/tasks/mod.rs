//! Tasks: intake cut into numbered tasks, which other processes run in any order and repeat.
//!
//! A run makes a job for each stage, lets a [`TaskRunner`] run its tasks, and goes on with the
//! accepted receipts. Threads need none of this: they call the same steps in memory.

mod accepted;
mod attempts;
mod map_stage;
mod partition_stages;
mod stage_watch;
mod usage;
pub mod worker;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

pub use map_stage::MapStage;
pub use partition_stages::TaskReducer;

use attempts::Attempts;
use stage_watch::StageWatch;

use super::meter::Meter;
use super::wire::exchange::{Exchange, ExchangePlace, JOB, random_name};
use super::wire::object::{JobHash, Stage};
use super::wire::receipt::{ObjectRef, TaskReceipt};
use super::wire::stage_job::{Reading, StageJob, StageTasks, hash_of_this_program};
use crate::day::Day;
use crate::error::Trouble;
use crate::store::StoreLimits;

/// One stage for a runner: the job, and those of its tasks that are to be run.
pub struct StageRun<'a> {
    pub stage: Stage,
    /// Copy of the job on this machine.
    pub job: &'a Path,
    /// Path or address of the job in the exchange.
    pub shared_job: String,
    /// Places of the tasks in the job, from 0.
    pub tasks: &'a [u32],
    /// For the request to stop.
    pub meter: &'a Meter,
}

/// A runner of numbered tasks; it knows nothing of rows.
pub trait TaskRunner: Send + Sync {
    /// Runs each task to its end at least once; its receipt then lies in the exchange.
    ///
    /// # Errors
    /// [`Trouble::Engine`] with the words of the worker; [`Trouble::Stopped`].
    fn run(&self, stage: &StageRun<'_>) -> Result<(), Trouble>;

    /// Returns how many tasks run at a time, if the runner knows it.
    fn at_a_time(&self) -> Option<usize>;

    /// Returns whether the runner starts the program of the run itself, and no other.
    fn starts_this_program(&self) -> bool;
}

/// Into how many tasks the stages are cut. No number changes a byte of a result.
#[derive(Debug, Clone, Copy)]
pub struct TaskCut {
    /// Of the map stage; a task has at least one item.
    pub maps: Option<usize>,
    /// Of dedupe and join; at most one for each partition.
    pub reducers: Option<usize>,
    /// Bytes of log per map task, if `maps` is not set.
    pub map_bytes: u64,
    /// Memory of one worker, in bytes.
    pub memory_bytes: u64,
}

/// How the tasks of a run are run.
pub struct TaskEngine {
    runner: Box<dyn TaskRunner>,
    /// The run's own part of an exchange.
    exchange: Exchange,
    run: String,
    cut: TaskCut,
    /// Receipts of an earlier run of the same job may be used.
    resumes: bool,
    /// What the accepted attempts of each stage came to, in the order of the stages.
    sums: Mutex<Vec<StageSum>>,
    /// Days that were begun and not ended.
    open_days: AtomicUsize,
}

/// What the accepted attempts at the tasks of a stage came to.
#[derive(Debug, Clone)]
pub struct StageSum {
    pub day: Day,
    pub stage: Stage,
    pub tasks: usize,
    /// Attempts that were begun, also by a run that this one resumes.
    pub attempts: usize,
    pub failed_attempts: usize,
    /// What failed attempts said, and how often.
    pub words: Vec<(String, usize)>,
    pub rows: u64,
    /// Bytes that the tasks left in the exchange.
    pub bytes: u64,
    pub cpu_ms: u64,
    /// Highest of any task.
    pub peak_memory_bytes: u64,
}

/// Returns the name of a new run.
///
/// # Errors
/// The machine gives no random bytes.
pub fn new_run() -> Result<String, Trouble> {
    random_name().map(|name| format!("run-{name}"))
}

impl TaskEngine {
    /// Prepares a run whose tasks hand on their results by an exchange.
    ///
    /// # Errors
    /// [`Trouble::Usage`]: the exchange cannot be used, or there is no run to be resumed.
    pub fn new(
        runner: Box<dyn TaskRunner>,
        exchange: &str,
        run: &str,
        limits: StoreLimits,
        cut: TaskCut,
        resumes: bool,
    ) -> Result<Self, Trouble> {
        let exchange = Exchange::new(ExchangePlace::of_run(exchange, run)?, limits);
        if resumes && exchange.is_empty()? {
            let place = exchange.shown("");
            return Err(Trouble::Usage(format!("--resume {run}: there is nothing in {place}")));
        }
        let (run, sums, open_days) = (run.to_owned(), Mutex::default(), AtomicUsize::new(0));
        Ok(Self { runner, exchange, run, cut, resumes, sums, open_days })
    }

    /// Returns the memory of one worker, in bytes.
    pub const fn memory_bytes(&self) -> u64 {
        self.cut.memory_bytes
    }

    /// Returns the name of the run.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Returns where the run's own part of the exchange is.
    pub fn place(&self) -> String {
        self.exchange.shown("")
    }

    /// Returns whether nothing was left in the exchange, as far as it can be seen.
    pub fn is_unused(&self) -> bool {
        self.exchange.is_empty().unwrap_or(false)
    }

    /// Returns whether a day was begun that did not end well.
    pub fn has_failed(&self) -> bool {
        self.open_days.load(Relaxed) > 0
    }

    /// Returns what the stages came to, in their order.
    pub fn sums(&self) -> Vec<StageSum> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Removes the run's own part of the exchange.
    ///
    /// # Errors
    /// The place cannot be written to.
    pub fn close(&self) -> Result<(), Trouble> {
        self.exchange.remove()
    }

    /// Adds a stage that has ended, whether all tasks are done or not.
    ///
    /// What it tells is no part of a result: an exchange that cannot be listed counts no attempts.
    fn add(&self, (day, stage): (Day, Stage), folder: &str, receipts: &[TaskReceipt]) {
        let attempts = Attempts::in_folder(&self.exchange, folder).unwrap_or_else(|error| {
            tracing::warn!(%error, "attempts cannot be counted");
            Attempts::default()
        });
        let sum = |of: fn(&TaskReceipt) -> u64| receipts.iter().map(of).sum();
        let sum = StageSum {
            day,
            stage,
            tasks: receipts.len(),
            attempts: attempts.begun,
            failed_attempts: attempts.failed.len(),
            words: attempts.words(&self.exchange, folder),
            rows: sum(|receipt| receipt.rows.rows_read),
            bytes: sum(|receipt| receipt.object.seal.bytes),
            cpu_ms: sum(|receipt| receipt.usage.cpu_ms),
            peak_memory_bytes: receipts
                .iter()
                .map(|receipt| receipt.usage.peak_memory_bytes)
                .max()
                .unwrap_or(0),
        };
        tracing::info!(?sum, "stage done");
        self.sums.lock().unwrap_or_else(PoisonError::into_inner).push(sum);
    }
}

/// Reads the job in a folder of an exchange, if there is one.
fn stored_job(exchange: &Exchange, folder: &str) -> Result<Option<StageJob>, Trouble> {
    let name = format!("{folder}/{JOB}");
    if !exchange.list(folder)?.iter().any(|name| name == JOB) {
        return Ok(None);
    }
    StageJob::parse(&exchange.read(&name)?, &exchange.shown(&name)).map(Some)
}

/// The day of a run whose logs are read by tasks.
pub struct TaskDay<'a> {
    engine: &'a TaskEngine,
    /// SHA-256 of the program that all workers must be, if others than the run start them.
    program: Option<String>,
    reading: Arc<Reading>,
    hash: JobHash,
    /// Objects that later stages of the run that is resumed have read, by name.
    named: BTreeSet<String>,
    /// Folder on this machine for jobs.
    spill: &'a Path,
}

impl<'a> TaskDay<'a> {
    /// Prepares the tasks of a day, as a run had them that is resumed.
    ///
    /// # Errors
    /// A path of the logs cannot be told to other processes, or the job of the run that is resumed
    /// cannot be read.
    pub fn new(engine: &'a TaskEngine, mut reading: Reading, spill: &'a Path) -> Result<Self, Trouble> {
        if engine.resumes
            && let Some(before) = stored_job(&engine.exchange, &format!("{}/map-0", reading.day))?
        {
            reading.resume(&before.reading);
        }
        let mut named = BTreeSet::new();
        for stage in if engine.resumes { &["dedupe", "join"][..] } else { &[] } {
            let later = stored_job(&engine.exchange, &format!("{}/{stage}", reading.day))?;
            let inputs = later.iter().flat_map(|job| job.stage.inputs());
            named.extend(inputs.map(|object| object.name.clone()));
        }
        let is_ours = engine.runner.starts_this_program();
        let program = if is_ours { None } else { Some(hash_of_this_program()?) };
        let hash = reading.hash()?;
        engine.open_days.fetch_add(1, Relaxed);
        Ok(Self { engine, program, reading: Arc::new(reading), hash, named, spill })
    }

    /// Notes that the day was read.
    pub fn end(&self) {
        self.engine.open_days.fetch_sub(1, Relaxed);
    }

    /// Checks that a stage of the run that is resumed is the one that this run needs.
    fn check_resumed(&self, name: &str, before: &StageJob, now: &StageJob) -> Result<(), Trouble> {
        let other = |what, found: String, wanted: String| {
            Err(Trouble::OtherJob { name: name.to_owned(), what, found, wanted })
        };
        if before.hash != self.hash {
            let why = "of other logs, another config, or a new ledger whose config names no salt";
            return other("hash", format!("{} ({why})", before.hash), self.hash.to_string());
        }
        if before.stage != now.stage {
            let differs = |(one, other): &(&ObjectRef, &ObjectRef)| one != other;
            if let Some((found, wanted)) = before.stage.inputs().zip(now.stage.inputs()).find(differs)
                && before.stage.tasks() == now.stage.tasks()
            {
                let wanted =
                    format!("{} (a file of that run is gone or was changed: begin a new run)", wanted.name);
                return other("input", found.name.clone(), wanted);
            }
            let told = |job: &StageJob| format!("cut into {} tasks", job.stage.tasks());
            let wanted = told(now) + ": use the --tasks, --reducers and --threads of that run";
            return other("stage", told(before), wanted);
        }
        Ok(())
    }

    /// Writes the job of a stage, runs those of its tasks that have no receipt yet, and returns all
    /// receipts, in the order of `tasks`.
    fn stage(
        &self,
        folder: &str,
        stage: Stage,
        tasks: &[u32],
        of_stage: StageTasks,
        meter: &Meter,
        done: &(dyn Fn(u32) + Sync),
    ) -> Result<Vec<TaskReceipt>, Trouble> {
        let (exchange, day) = (&self.engine.exchange, self.reading.day);
        let folder = format!("{day}/{folder}");
        let receipts = self.run_open(folder.clone(), stage, tasks, of_stage, meter, done);
        if receipts.is_err() {
            // Workers that an engine has left behind need not go on.
            if let Err(error) = exchange.cancel(&folder, self.spill) {
                tracing::warn!(%error, "workers could not be told to stop");
            }
        }
        self.engine.add((day, stage), &folder, receipts.as_deref().unwrap_or_default());
        receipts
    }

    /// As [`TaskDay::stage`], in a folder of the exchange.
    fn run_open(
        &self,
        folder: String,
        stage: Stage,
        tasks: &[u32],
        of_stage: StageTasks,
        meter: &Meter,
        done: &(dyn Fn(u32) + Sync),
    ) -> Result<Vec<TaskReceipt>, Trouble> {
        let exchange = &self.engine.exchange;
        let job = StageJob::new(
            self.program.clone(),
            self.reading.clone(),
            self.hash,
            exchange.place().clone(),
            folder.clone(),
            self.engine.cut.memory_bytes,
            of_stage,
        );
        let name = format!("{folder}/{JOB}");
        let text = job.text(self.spill)?;
        let before = if self.engine.resumes { stored_job(exchange, &folder)? } else { None };
        if let Some(before) = &before {
            self.check_resumed(&exchange.shown(&name), before, &job)?;
        }
        let known = before.is_some();
        if known {
            exchange.go_on(&folder)?;
        } else {
            exchange.begin(&folder)?;
            exchange.put_bytes(&name, self.spill, &text)?;
        }
        let local = tempfile::Builder::new()
            .prefix("job-")
            .suffix(".json")
            .tempfile_in(self.spill)
            .and_then(|mut file| std::io::Write::write_all(&mut file, &text).map(|()| file))
            .map_err(|e| Trouble::io(self.spill, "writing the job", e))?;
        let mut found = if known { self.receipts(&folder, stage)? } else { Vec::new() };
        found.retain(|receipt| tasks.contains(&receipt.object.task));
        let is_open = |(_, task): &(u32, &u32)| found.iter().all(|receipt| receipt.object.task != **task);
        let open: Vec<u32> = (0..).zip(tasks).filter(is_open).map(|(at, _)| at).collect();
        if !open.is_empty() {
            let (job, shared_job) = (local.path(), exchange.shown(&name));
            let run = StageRun { stage, job, shared_job, tasks: &open, meter };
            meter.begin_stage(stage.to_string(), tasks.len() as u64);
            let watch = StageWatch { exchange, folder: &folder, meter, done };
            watch.during(|| self.engine.runner.run(&run))?;
            found = self.receipts(&folder, stage)?;
        }
        let of_task = |task: &u32| {
            let receipt = found.iter().find(|receipt| receipt.object.task == *task).cloned();
            receipt.ok_or_else(|| Trouble::Engine {
                stage: stage.to_string(),
                why: format!(
                    "the engine says that all tasks have ended, and task {task} has left no receipt in {}",
                    exchange.shown(&folder)
                ),
                remedy: "See the engine's own log for this task, and that its workers write to this exchange",
            })
        };
        tasks.iter().map(of_task).collect()
    }

    /// Reads the receipts of a stage that count.
    fn receipts(&self, folder: &str, stage: Stage) -> Result<Vec<TaskReceipt>, Trouble> {
        accepted::receipts(&self.engine.exchange, folder, stage, self.hash, &self.named)
    }
}
