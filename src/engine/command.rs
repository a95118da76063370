//! Command: a program of the user starts the workers, on whatever machines it has.
//!
//! It gets the stage, the number of places and the place of the job, and ends when all tasks have
//! ended. Which tasks have left a receipt is looked up in the exchange, whatever it says.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use super::words::LastWords;
use crate::error::Trouble;
use crate::intake::tasks::{StageRun, TaskRunner};

/// Pauses of [`PAUSE`] for workers to tidy up when their command is ended: two seconds.
const TO_TIDY_UP: u32 = 100;
/// Time for the last words of a command that has ended.
const FOR_WORDS: Duration = Duration::from_secs(1);
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
        let told = running.stderr.take().map(LastWords::of);
        let trouble = |e| Trouble::io(program, "waiting for its end", e);
        let status = loop {
            if let Some(status) = running.try_wait().map_err(trouble)? {
                break status;
            }
            if let Err(stopped) = stage.meter.rows(0) {
                end(&mut running).map_err(trouble)?;
                return Err(stopped);
            }
            thread::sleep(PAUSE);
        };
        if status.success() {
            return Ok(());
        }
        end(&mut running).map_err(trouble)?;
        let told = told.map_or_else(String::new, |told| told.within(FOR_WORDS));
        Err(failed(format!("`{program}` ended with {status}: {told}")))
    }

    fn at_a_time(&self) -> Option<usize> {
        None
    }

    fn starts_this_program(&self) -> bool {
        false
    }
}

/// Ends a command and all that it has started: workers have some time to tidy up.
fn end(running: &mut Child) -> io::Result<()> {
    let Some(group) = Pid::from_raw(running.id().cast_signed()) else { return Ok(()) };
    let mut is_there = signal(group, Signal::TERM)?;
    for _ in 0..TO_TIDY_UP {
        if !is_there {
            break;
        }
        thread::sleep(PAUSE);
        // A command that has ended and was not waited for would count as there.
        running.try_wait()?;
        is_there = test_kill_process_group(group).is_ok();
    }
    signal(group, Signal::KILL)?;
    running.wait().map(drop)
}

/// Signals a group of processes, and returns whether there was one.
fn signal(group: Pid, signal: Signal) -> io::Result<bool> {
    match kill_process_group(group, signal) {
        Ok(()) => Ok(true),
        Err(Errno::SRCH) => Ok(false),
        Err(e) => Err(e.into()),
    }
}
