//! Spark: the tasks of a stage as one statement of constant size, over Spark Connect.
//!
//! Spark starts this very program on its executors, repeats tasks that fail, and moves nothing but
//! the numbers of tasks and their receipts. The program and the job are shipped as files of the
//! session: nothing secret stands in the statement, which Spark shows to everybody.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::connect::{Address, ConnectError, SparkClient, StatementProgress};
use crate::error::Trouble;
use crate::intake::Meter;
use crate::intake::tasks::{StageRun, TaskRunner};
use crate::plain_file;

/// Setting by which Spark waits for the end of a worker whose output has ended.
///
/// By default it waits for ten seconds and then takes the worker for done, however it ends.
const EXIT_TIMEOUT: (&str, &str) = ("spark.sql.scriptTransformation.exitTimeoutInSeconds", "3600s");
/// Hexadecimal digits of a hash in the name of a file, so that no other version is taken for it.
const DIGITS: usize = 12;

/// A Spark server.
pub struct SparkEngine {
    remote: Address,
    program: PathBuf,
    /// Opened when the first stage begins.
    session: Mutex<Option<Session>>,
}

/// A session that has this program.
struct Session {
    client: SparkClient,
    program: String,
}

impl SparkEngine {
    /// Prepares to run tasks on the server at `sc://host:15002`; `program` is this program.
    ///
    /// # Errors
    /// [`Trouble::Usage`]: the address cannot be used.
    pub fn new(remote: &str, program: PathBuf) -> Result<Self, Trouble> {
        let remote = remote.parse().map_err(|e| Trouble::Usage(format!("--remote: {e}")))?;
        Ok(Self { remote, program, session: Mutex::default() })
    }

    /// Opens a session that has this program; `stage` is the first one, for messages.
    fn open(&self, stage: &StageRun<'_>) -> Result<Session, Trouble> {
        let name = &stage.stage.to_string();
        let mut client = SparkClient::open(self.remote.clone()).map_err(|e| trouble(name, e))?;
        tracing::info!(spark = client.spark_version(), session = client.session_id(), "session opened");
        client.set(EXIT_TIMEOUT.0, EXIT_TIMEOUT.1).map_err(|e| trouble(name, e))?;
        let program = ship(&mut client, stage, ("uptime-ledger", ""), &self.program)?;
        Ok(Session { client, program })
    }
}

impl Drop for SparkEngine {
    fn drop(&mut self) {
        let session = self.session.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        // The server forgets a session without a call anyway.
        if let Some(Err(error)) = session.map(|session| session.client.close()) {
            tracing::debug!(%error, "closing the session");
        }
    }
}

impl TaskRunner for SparkEngine {
    fn run(&self, stage: &StageRun<'_>) -> Result<(), Trouble> {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let (name, is_first) = (stage.stage.to_string(), session.is_none());
        if is_first {
            *session = Some(self.open(stage)?);
        }
        let Some(Session { client, program }) = session.as_mut() else { return Ok(()) };
        let job = ship(client, stage, ("job", ".json"), stage.job)?;
        let mut run = |what: &str, tasks: &str, expected: usize, told: &mut dyn FnMut(StatementProgress)| {
            let sql = statement(program, &job, what, tasks);
            let stop = || stage.meter.rows(0).is_err();
            let end = match client.statement(&sql, &stop, told) {
                Err(ConnectError::Stopped) => return Err(stopped(stage.meter)),
                end => end.map_err(|e| trouble(what, e))?,
            };
            let rows = end.rows as usize;
            if rows != expected {
                let why = format!("Spark returned {rows} receipts of {expected} tasks");
                return Err(Trouble::Engine {
                    stage: what.to_owned(),
                    why,
                    remedy: "See Spark's own log, and run again",
                });
            }
            Ok(())
        };
        if is_first {
            // A missing right of a machine is told in seconds, not after the first task.
            run("probe", &range(1), 1, &mut |_| {})?;
        }
        let mut progress = |progress: StatementProgress| tracing::debug!(?progress, "Spark reports");
        run(&name, &numbers(stage.tasks), stage.tasks.len(), &mut progress)
    }

    fn at_a_time(&self) -> Option<usize> {
        None
    }

    fn starts_this_program(&self) -> bool {
        true
    }
}

/// Ships a file under a name with its hash, and returns the name.
fn ship(
    client: &mut SparkClient,
    stage: &StageRun<'_>,
    (name, ending): (&str, &str),
    path: &Path,
) -> Result<String, Trouble> {
    let hash = plain_file::sha256_of(path)?;
    let name = format!("{name}-{}{ending}", &hash[..DIGITS.min(hash.len())]);
    let stop = || stage.meter.rows(0).is_err();
    match client.add_file(&name, path, &stop) {
        Err(ConnectError::Stopped) => Err(stopped(stage.meter)),
        shipped => shipped.map(|()| name).map_err(|e| trouble(&stage.stage.to_string(), e)),
    }
}

/// Returns the statement that runs a worker for each of the numbers that `tasks` gives.
///
/// The delimiters are named on both sides: with Spark's own, columns of a wrong type become NULL
/// without a word. A session's files lie in a folder of its own below the executor's; an older
/// session may have left the same program there, but not this job.
fn statement(program: &str, job: &str, worker: &str, tasks: &str) -> String {
    let row = r"ROW FORMAT DELIMITED FIELDS TERMINATED BY '\t'";
    format!(
        "SELECT TRANSFORM(task) {row} USING 'for d in ./* .; do [ -x \"$d/{program}\" ] && [ -r \"$d/{job}\" ] && \
         chmod 600 \"$d/{job}\" && exec \"$d/{program}\" worker {worker} --job \"$d/{job}\" --task -; done; \
         echo \"uptime-ledger and its job are not on this executor\" >&2; exit 86' \
         AS (receipt STRING) {row} FROM ({tasks})"
    )
}

/// Returns the query for as many tasks, one in each partition.
fn range(tasks: usize) -> String {
    format!("SELECT id AS task FROM range(0, {tasks}, 1, {tasks})")
}

/// Returns the query for the places of tasks: all from 0 on, or those that a failed run has left.
fn numbers(tasks: &[u32]) -> String {
    let last = tasks.last().map_or(0, |last| *last as usize + 1);
    let all = range(last);
    if last == tasks.len() {
        return all;
    }
    let words: Vec<String> = tasks.iter().map(u32::to_string).collect();
    format!("{all} WHERE id IN ({})", words.join(", "))
}

fn stopped(meter: &Meter) -> Trouble {
    meter.rows(0).err().unwrap_or(Trouble::Stopped { by: "the run" })
}

fn trouble(stage: &str, e: ConnectError) -> Trouble {
    let why = crate::redact::harmless(&e.to_string());
    Trouble::Engine { stage: stage.to_owned(), why, remedy: "Mend what it names, and run again" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_is_small_whatever_the_number_of_tasks() {
        let all: Vec<u32> = (0..4_250).collect();
        let sql = statement("uptime-ledger-0123456789ab", "job-0123456789ab.json", "map", &numbers(&all));
        assert!(sql.len() < 700 && sql.contains("range(0, 4250, 1, 4250)"), "{sql}");
        assert_eq!(sql.matches(r"TERMINATED BY '\t'").count(), 2);
        assert!(numbers(&[1, 3]).ends_with("range(0, 4, 1, 4) WHERE id IN (1, 3)"));
    }
}
