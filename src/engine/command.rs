//! Command: a program of the user starts the workers, on whatever machines it has.
//!
//! It gets the stage, the number of places and the place of the job, and ends when all tasks have
//! ended. Which tasks have left a receipt is looked up in the exchange, whatever it says.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use super::words;
use crate::error::Trouble;
use crate::intake::tasks::{StageRun, TaskRunner};

/// Time between two looks at a command that has not ended.
const PAUSE: Duration = Duration::from_millis(20);

/// A program that runs all tasks of a stage.
pub struct CommandEngine {
    /// Words of the command line, with `{stage}`, `{tasks}`, `{indexes}` and `{job}`.
    pub words: Vec<String>,
}

impl TaskRunner for CommandEngine {
    fn run(&self, stage: &StageRun<'_>) -> Result<(), Trouble> {
        let name = stage.stage.to_string();
        let tasks = stage.tasks.last().map_or(0, |last| last + 1).to_string();
        let indexes: Vec<String> = stage.tasks.iter().map(u32::to_string).collect();
        let word = |word: &String| {
            word.replace("{stage}", &name)
                .replace("{tasks}", &tasks)
                .replace("{indexes}", &indexes.join(","))
                .replace("{job}", &stage.shared_job)
        };
        let words: Vec<String> = self.words.iter().map(word).collect();
        let failed = |why: String| Trouble::Engine {
            stage: name.clone(),
            why,
            remedy: "Mend what it names, and run again",
        };
        let Some((program, rest)) = words.split_first() else {
            return Err(Trouble::Usage("the command of the engine is empty".to_owned()));
        };
        let mut command = Command::new(program);
        command.args(rest).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        // A group of its own, so that all that it has started can be stopped with it.
        let started = command.process_group(0).spawn();
        let mut running = started.map_err(|e| failed(format!("`{program}` cannot be started: {e}")))?;
        let told = running.stderr.take();
        let told = thread::spawn(|| told.map(words::last).unwrap_or_default());
        let status = loop {
            let trouble = |e| Trouble::io(program, "waiting for its end", e);
            if let Some(status) = running.try_wait().map_err(trouble)? {
                break status;
            }
            if let Err(stopped) = stage.meter.rows(0) {
                if let Some(group) = Pid::from_raw(running.id().cast_signed()) {
                    let killed = kill_process_group(group, Signal::KILL);
                    killed.map_err(|e| Trouble::io(program, "stopping it", e.into()))?;
                }
                // Its children may hold its standard error open, so its words are not waited for.
                running.wait().map_err(trouble)?;
                return Err(stopped);
            }
            thread::sleep(PAUSE);
        };
        if status.success() {
            return Ok(());
        }
        let told = told.join().unwrap_or_default();
        Err(failed(format!("`{program}` ended with {status}: {told}")))
    }

    fn at_a_time(&self) -> Option<usize> {
        None
    }

    fn starts_this_program(&self) -> bool {
        false
    }
}
