//! Options of `run` that say who reads the logs: threads, processes, Spark, or a command.

use std::io::Write;

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::voice;
use crate::config::{Config, EngineKind, PARTITION_BITS};
use crate::engine::{CommandEngine, ProcessEngine, SparkEngine};
use crate::error::Trouble;
use crate::intake::tasks::{StageSum, TaskCut, TaskEngine, TaskRunner, new_run};

/// Bytes of log that a map task reads, if nothing is said of it.
const MAP_BYTES: u64 = 512 << 20;
/// Memory that a worker gets at least, whatever its share is.
const LEAST_MEMORY: u64 = 64 << 20;

#[derive(Args)]
pub struct EngineArgs {
    /// Who reads the logs, instead of the config's
    #[arg(long, value_enum)]
    engine: Option<EngineName>,
    /// With --engine spark: the server, such as `sc://host:15002/;token=...` [default: the variable `SPARK_REMOTE`]
    #[arg(long, value_name = "ADDRESS")]
    remote: Option<String>,
    /// Folder, or address in a bucket, by which the tasks of an engine hand on their results
    #[arg(long, value_name = "PLACE")]
    exchange: Option<String>,
    /// Tasks into which the reading of a day is cut [default: one for each 512 MiB of logs]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    tasks: Option<u32>,
    /// Tasks into which dedupe and join are cut, at most one for each partition of ids
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1 << PARTITION_BITS.end()))]
    reducers: Option<u32>,
    /// Go on with the tasks of a run that failed
    #[arg(long, value_name = "RUN")]
    resume: Option<String>,
    /// With --engine command: the command line, words apart, with {stage}, {tasks}, {indexes} and {job} in it
    #[arg(long, value_name = "WORDS", num_args = 1.., allow_hyphen_values = true)]
    engine_command: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EngineName {
    /// Threads of this process
    Threads,
    /// Processes on this machine
    Processes,
    /// A Spark server, over Spark Connect
    Spark,
    /// A command that starts workers anywhere
    Command,
}

impl EngineName {
    const fn of(kind: EngineKind) -> Self {
        match kind {
            EngineKind::Threads => Self::Threads,
            EngineKind::Processes => Self::Processes,
            EngineKind::Spark => Self::Spark,
            EngineKind::Command => Self::Command,
        }
    }
}

impl EngineArgs {
    /// Returns the engine; `None` for threads.
    pub fn engine(&self, config: &Config, threads: usize) -> Result<Option<TaskEngine>> {
        let set = &config.engine;
        let engine = self.engine.unwrap_or_else(|| EngineName::of(set.kind));
        let command = if self.engine_command.is_empty() { &set.command } else { &self.engine_command };
        let usage = |why: &str| Err(Trouble::Usage(why.to_owned()).into());
        let is_used = self.exchange.is_some() || self.tasks.is_some() || self.reducers.is_some();
        if engine != EngineName::Spark && self.remote.is_some() {
            return usage("--remote needs --engine spark");
        }
        if engine != EngineName::Command && !self.engine_command.is_empty() {
            return usage("--engine-command needs --engine command");
        }
        let (runner, memory_bytes): (Box<dyn TaskRunner>, u64) = match engine {
            EngineName::Threads if is_used || self.resume.is_some() => {
                return usage(
                    "--exchange, --tasks, --reducers and --resume are for an engine of tasks: add --engine \
                     processes, spark or command",
                );
            }
            EngineName::Threads => return Ok(None),
            EngineName::Processes => {
                let program = std::env::current_exe()?;
                let share = config.memory_bytes / threads.max(1) as u64;
                (Box::new(ProcessEngine { program, at_a_time: threads }), share.max(LEAST_MEMORY))
            }
            EngineName::Spark => {
                let remote = self.remote.clone().or_else(|| std::env::var("SPARK_REMOTE").ok());
                let remote = remote.or_else(|| set.remote.clone());
                let Some(remote) = remote else {
                    return usage(
                        "the engine `spark` needs --remote sc://host:15002, the variable SPARK_REMOTE, or `remote` under [engine]",
                    );
                };
                (Box::new(SparkEngine::new(&remote, std::env::current_exe()?)?), config.memory_bytes)
            }
            EngineName::Command if command.is_empty() => {
                return usage(
                    "the engine `command` needs --engine-command (or `command` under [engine]), such as --engine-command ./submit.sh {stage} {tasks} {job}",
                );
            }
            EngineName::Command => (Box::new(CommandEngine { words: command.clone() }), config.memory_bytes),
        };
        let Some(exchange) = self.exchange.clone().or_else(|| set.exchange_from(&config.base)) else {
            return usage(
                "an engine of tasks needs --exchange (or `exchange` under [engine]): a folder that all its workers can write to, or an address in a bucket",
            );
        };
        let ledger = std::path::absolute(config.reports.join("ledger"))?;
        if std::path::absolute(&exchange).is_ok_and(|place| place.starts_with(&ledger)) {
            return usage("--exchange lies in the ledger, where nothing else may stand: name another folder");
        }
        let cut = TaskCut {
            maps: self.tasks.or(set.tasks).map(|n| n as usize),
            reducers: self.reducers.or(set.reducers).map(|n| n as usize),
            map_bytes: MAP_BYTES,
            memory_bytes,
        };
        let run = match &self.resume {
            Some(run) if run.starts_with("run-") && !run.contains(['/', '.']) => run.clone(),
            Some(run) => {
                return usage(&format!(
                    "--resume {run}: the name of a run begins with `run-`, as its message says"
                ));
            }
            None => new_run()?,
        };
        let limits = config.stores.limits();
        Ok(Some(TaskEngine::new(runner, &exchange, &run, limits, cut, self.resume.is_some())?))
    }
}

/// Ends the use of an exchange: it is emptied, or kept for `--resume` if the run has failed.
pub fn close(engine: &TaskEngine, has_failed: bool, is_silent: bool) -> Result<()> {
    if !is_silent {
        for sum in engine.sums() {
            tell(&sum)?;
        }
    }
    if has_failed || engine.has_failed() {
        if engine.is_unused() {
            return Ok(());
        }
        writeln!(
            voice::stderr(),
            "note: what the tasks have done is kept in {}; `--resume {}` goes on with it, and it may be removed",
            engine.place(),
            engine.run()
        )?;
        return Ok(());
    }
    // A late attempt may still write; what was published is not changed by it.
    if let Err(error) = engine.close() {
        writeln!(voice::stderr(), "note: {} was not emptied, and may be removed: {error}", engine.place())?;
    }
    Ok(())
}

/// Tells what a stage came to, and why attempts at its tasks failed.
fn tell(sum: &StageSum) -> Result<()> {
    let StageSum { stage, tasks, rows, bytes, cpu_ms, peak_memory_bytes, .. } = sum;
    let mut out = voice::stderr();
    if *tasks > 0 {
        let rows = if *rows == 0 { String::new() } else { format!("{rows} rows, ") };
        let attempts =
            if sum.attempts > *tasks { format!(" in {} attempts", sum.attempts) } else { String::new() };
        writeln!(
            out,
            "{stage}: {tasks} tasks{attempts}, {rows}{} MB left in the exchange, {}.{} CPU s, at most {} MiB",
            bytes / 1_000_000,
            cpu_ms / 1_000,
            cpu_ms % 1_000 / 100,
            peak_memory_bytes >> 20
        )?;
    }
    if sum.failed_attempts > 0 {
        writeln!(out, "note: {}: failed attempts at tasks of {stage}: {}", sum.day, sum.failed_attempts)?;
        for (words, times) in &sum.words {
            writeln!(out, "  {times} x {words}")?;
        }
    }
    Ok(())
}
