//! Failure: the useful part of the long messages that a JVM sends.

use std::fmt;

use prost::Message;
use tonic::Status;

use super::messages::{ErrorInfo, RichStatus};

/// Letters of a message that are shown at most; Spark keeps the last 2 KiB of what a worker says.
const LONGEST: usize = 2500;

/// A program that a statement ran on an executor, and that failed in every attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerFailure {
    /// Row of `range(0,N,1,N)` that the last attempt had. Spark 4.3 does not tell it: a worker that
    /// wants to be found must name its task in its words.
    pub task: Option<u32>,
    /// Exit code of the program; 128 + n if signal n ended it.
    pub exit: i32,
    /// The end of what it wrote to its standard error.
    pub words: String,
}

impl fmt::Display for WorkerFailure {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(task) = self.task {
            write!(to, "task {task}: ")?;
        }
        match self.exit {
            exit @ 129..=192 => write!(to, "a worker on an executor was killed by signal {}", exit - 128)?,
            exit => write!(to, "a worker on an executor failed with exit code {exit}")?,
        }
        match self.words.as_str() {
            "" => to.write_str(" and said nothing"),
            words => write!(to, ": {words}"),
        }
    }
}

impl WorkerFailure {
    /// Finds the worker's own words in a message of the server.
    pub(crate) fn found_in(message: &str) -> Option<Self> {
        const MARK: &str = "Subprocess exited with status ";
        let (before, rest) = message.split_once(MARK)?;
        let (exit, rest) = rest.split_once(". Error: ")?;
        // The server repeats the message as its own cause.
        let words = rest.split(MARK).next().unwrap_or_default();
        let words = without_stack(words).trim_end();
        let words = words.strip_suffix('.').unwrap_or(words);
        Some(Self { task: task_in(before), exit: exit.parse().ok()?, words: shortened(words.trim()) })
    }
}

/// Reads the task of `Task 3 in stage 2.0 failed 4 times`, which stands before a cause.
fn task_in(text: &str) -> Option<u32> {
    let (task, rest) = text.split_once("Task ")?.1.split_once(' ')?;
    if rest.starts_with("in stage") { task.parse().ok() } else { None }
}

/// Reduces a message to what a person can use: no stack, no echo of the statement.
pub(crate) fn reduced(message: &str) -> String {
    let text = message.trim().trim_start_matches("Job aborted due to stage failure: ");
    let text = without_stack(text);
    let text = text.split("\n== SQL").next().unwrap_or_default().trim();
    shortened(text)
}

fn without_stack(text: &str) -> &str {
    ["\nDriver stacktrace:", "\n\tat ", "\nJVM stacktrace:"]
        .iter()
        .filter_map(|mark| text.find(mark))
        .min()
        .map_or(text, |end| &text[..end])
}

/// Keeps the end of a long text, where a program says why it stopped.
fn shortened(text: &str) -> String {
    match text.char_indices().rev().nth(LONGEST) {
        Some((at, _)) => format!("... {}", &text[at..]),
        None => text.into(),
    }
}

/// Returns the id under which the server keeps the whole message of a failed call.
pub(crate) fn error_id(status: &Status) -> Option<String> {
    let rich = RichStatus::decode(status.details()).ok()?;
    let info = rich.details.iter().find(|detail| detail.type_url.ends_with("google.rpc.ErrorInfo"))?;
    let info = ErrorInfo::decode(info.value.as_slice()).ok()?;
    info.metadata.into_iter().find(|entry| entry.key == "errorId")?.value
}

#[cfg(test)]
mod tests {
    use tonic::{Code, Status};

    use super::super::messages::{AnyMessage, KeyValue};
    use super::*;

    fn failure(message: &str) -> WorkerFailure {
        WorkerFailure::found_in(message).unwrap()
    }

    #[test]
    fn the_words_of_a_worker_are_found() {
        // As Spark 4.3 sends it, with its cause.
        let found = failure(
            "Subprocess exited with status 7. Error: task 3: no such job.\n.\n\
             Subprocess exited with status 7. Error: task 3: no such job.\n.",
        );
        assert_eq!(found, WorkerFailure { task: None, exit: 7, words: "task 3: no such job.".into() });
        assert_eq!(
            found.to_string(),
            "a worker on an executor failed with exit code 7: task 3: no such job."
        );
        let silent = failure("Subprocess exited with status 137. Error: .");
        assert_eq!(silent.to_string(), "a worker on an executor was killed by signal 9 and said nothing");
        // As servers that wrap it send it.
        let wrapped = failure(
            "Job aborted due to stage failure: Task 3 in stage 2.0 failed 4 times, most recent failure: \
             Lost task 3.3 in stage 2.0 (TID 9) (10.0.0.1 executor 1): org.apache.spark.SparkException: \
             Subprocess exited with status 75. Error: store\nis away\n.\n\tat org.apache.spark.X(X.scala:1)\n\n\
             Driver stacktrace:",
        );
        assert_eq!(wrapped, WorkerFailure { task: Some(3), exit: 75, words: "store\nis away".into() });
        assert_eq!(WorkerFailure::found_in("Task 3 in stage 2.0 failed"), None);
    }

    #[test]
    fn a_long_message_is_reduced() {
        let lost = "Job aborted due to stage failure: Task 0 in stage 8.0 failed 4 times, most recent failure: \
                    Lost task 0.3 in stage 8.0 (TID 64) (localhost executor 7): ExecutorLostFailure (executor 7 \
                    exited caused by one of the running tasks) Reason: Command exited with code 137\n\
                    Driver stacktrace:";
        let reduced_lost = reduced(lost);
        assert!(reduced_lost.starts_with("Task 0 in stage 8.0 failed 4 times"), "{reduced_lost}");
        assert!(reduced_lost.ends_with("Command exited with code 137"), "{reduced_lost}");
        let syntax = "\n[PARSE_SYNTAX_ERROR] Syntax error at or near 'SELEC'. SQLSTATE: 42601 (line 1, pos 0)\n\
                      \n== SQL ==\nSELEC 1\n^^^\n";
        assert_eq!(
            reduced(syntax),
            "[PARSE_SYNTAX_ERROR] Syntax error at or near 'SELEC'. SQLSTATE: 42601 (line 1, pos 0)"
        );
        let long = reduced(&"ä".repeat(LONGEST + 50));
        assert_eq!(long.chars().count(), LONGEST + 5);
    }

    #[test]
    fn the_id_of_the_whole_message_is_found() {
        let info = ErrorInfo {
            metadata: vec![
                KeyValue { key: "classes".into(), value: Some("[]".into()) },
                KeyValue { key: "errorId".into(), value: Some("id".into()) },
            ],
        };
        let detail = AnyMessage {
            type_url: "type.googleapis.com/google.rpc.ErrorInfo".into(),
            value: info.encode_to_vec(),
        };
        let rich = RichStatus { details: vec![detail] };
        let status = Status::with_details(Code::Internal, "short", rich.encode_to_vec().into());
        assert_eq!(error_id(&status).as_deref(), Some("id"));
        assert_eq!(error_id(&Status::internal("short")), None);
    }
}
