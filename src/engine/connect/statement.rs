//! Statement: one SQL statement on the server, followed to its end over links that may be cut.
//!
//! The server runs it apart from any link (`ReattachOptions`): it keeps what it has to say until
//! this client released it, and says it again to a new link, from the last response that arrived.
//! By itself it ends every stream after two minutes without an error, and expects a new one.

use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::time::timeout;
use tonic::{Status, Streaming};
use uuid::Uuid;

use super::error::{ConnectError, is_cut, told};
use super::failure::error_id;
use super::link::{ANSWER_WITHIN, Link};
use super::messages::{
    Empty, ExecutePlanRequest, ExecutePlanResponse, ExecutionProgress, FetchErrorDetailsRequest,
    InterruptRequest, PlanRelation, ReattachExecuteRequest, ReattachOptions, ReleaseExecuteRequest,
    RequestOption, SparkPlan, Sql,
};
use super::session::{CLIENT_TYPE, Session};

/// How often the caller is asked whether to stop.
pub const POLL: Duration = Duration::from_millis(200);
/// A link that says nothing for so long is replaced. The server reports progress every two seconds
/// (`spark.connect.progress.reportInterval`); if that is switched off, a new link does no harm.
const QUIET: Duration = Duration::from_mins(1);
/// Time without a sign of life after which the statement is given up. The server drops a statement
/// that no link asked about for five minutes (`spark.connect.execute.manager.detachedTimeout`).
const AWAY: Duration = Duration::from_mins(4);
/// Pauses between attempts to make a link: doubled from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(10);
/// Time for the calls that tidy up, which the result does not depend on.
const TIDY_WITHIN: Duration = Duration::from_secs(5);

/// The tasks of a statement, summed over its stages, as Spark last reported them.
///
/// An estimate for people: attempts that failed count as done. All zero before the first stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementProgress {
    pub tasks_done: u64,
    pub tasks: u64,
    pub tasks_running: u64,
}

impl StatementProgress {
    fn of(report: &ExecutionProgress) -> Self {
        let (mut done, mut all) = (0, 0);
        for stage in &report.stages {
            let tasks = stage.num_tasks.max(0);
            // Spark counts attempts that failed as completed tasks.
            done += stage.num_completed_tasks.clamp(0, tasks) as u64;
            all += tasks as u64;
        }
        Self { tasks_done: done, tasks: all, tasks_running: report.num_inflight_tasks.max(0) as u64 }
    }
}

/// What a finished statement returned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatementEnd {
    pub rows: u64,
    /// Links to the statement that were made after the first one.
    pub reattached: u32,
}

/// Why a link gave no more responses.
enum Pause {
    /// The server ended the stream and has more to say.
    Renewed,
    Quiet,
    Cut,
    Stop,
    Failed(Status),
}

pub(crate) struct Statement<'a> {
    link: &'a mut Link,
    session: &'a Session,
    stop: &'a dyn Fn() -> bool,
    progress: &'a mut dyn FnMut(StatementProgress),
    operation: String,
    /// Empty before the first response.
    last_response: String,
    end: StatementEnd,
}

impl<'a> Statement<'a> {
    pub(crate) fn new(
        link: &'a mut Link,
        session: &'a Session,
        stop: &'a dyn Fn() -> bool,
        progress: &'a mut dyn FnMut(StatementProgress),
    ) -> Self {
        let operation = Uuid::new_v4().to_string();
        Self {
            link,
            session,
            stop,
            progress,
            operation,
            last_response: String::new(),
            end: StatementEnd::default(),
        }
    }

    pub(crate) async fn run(mut self, sql: &str) -> Result<StatementEnd, ConnectError> {
        let ended = self.follow(sql).await;
        let error = match ended {
            Ok(()) => None,
            Err(Pause::Stop) => {
                self.interrupt().await;
                Some(ConnectError::Stopped)
            }
            Err(Pause::Failed(status)) => {
                let full = self.full_message(&status).await;
                Some(told(&self.session.address, &status, full))
            }
            Err(Pause::Cut | Pause::Quiet | Pause::Renewed) => Some(ConnectError::Lost {
                address: self.session.address.to_string(),
                found: format!("no link could be made for {} seconds", AWAY.as_secs()),
            }),
        };
        self.release().await;
        error.map_or(Ok(self.end), Err)
    }

    /// Follows the statement over as many links as it takes.
    async fn follow(&mut self, sql: &str) -> Result<(), Pause> {
        let mut heard = Instant::now();
        let mut pause = FIRST_PAUSE;
        // Whether the server may have the statement: only then can a link be attached to it.
        let mut is_sent = false;
        loop {
            let before = self.last_response.clone();
            let paused = match self.responses(sql, is_sent).await {
                Ok(()) => return Ok(()),
                Err(paused) => paused,
            };
            is_sent = true;
            if self.last_response != before {
                (heard, pause) = (Instant::now(), FIRST_PAUSE);
            }
            match paused {
                // The first link broke before the statement arrived, or after it: only the server
                // knows.
                Pause::Failed(status) if self.last_response.is_empty() && is_unknown(&status) => {
                    is_sent = false;
                }
                Pause::Failed(status) if is_twice(&status) => {}
                Pause::Renewed => (heard, pause) = (Instant::now(), FIRST_PAUSE),
                Pause::Cut => self.link.renew(),
                Pause::Quiet => {
                    self.link.renew();
                    if self.is_alive().await? {
                        (heard, pause) = (Instant::now(), FIRST_PAUSE);
                    }
                }
                paused => return Err(paused),
            }
            if heard.elapsed() > AWAY {
                return Err(Pause::Cut);
            }
            self.or_stop(tokio::time::sleep(pause), LAST_PAUSE * 2).await?;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    /// Takes the responses of one link, until the result is complete.
    async fn responses(&mut self, sql: &str, is_sent: bool) -> Result<(), Pause> {
        let link = self.link.clone();
        let opening = async {
            if is_sent { link.stream(self.reattach()).await } else { link.stream(self.execute(sql)).await }
        };
        // The headers of an answer come with its first response.
        let mut stream: Streaming<ExecutePlanResponse> =
            self.or_stop(opening, QUIET).await?.map_err(judged)?;
        self.end.reattached += u32::from(is_sent);
        loop {
            match self.or_stop(stream.message(), QUIET).await?.map_err(judged)? {
                None => return Err(Pause::Renewed),
                Some(response) if self.take(&response) => return Ok(()),
                Some(_) if (self.stop)() => return Err(Pause::Stop),
                Some(_) => {}
            }
        }
    }

    /// Books a response. Returns true if it was the last one.
    fn take(&mut self, response: &ExecutePlanResponse) -> bool {
        self.last_response.clone_from(&response.response_id);
        if let Some(batch) = &response.arrow_batch {
            self.end.rows += batch.row_count.max(0) as u64;
        }
        if let Some(report) = &response.execution_progress {
            (self.progress)(StatementProgress::of(report));
        }
        response.result_complete.is_some()
    }

    /// Asks whether the server is there: a statement may have nothing to say for hours.
    async fn is_alive(&self) -> Result<bool, Pause> {
        let link = self.link.clone();
        match self.or_stop(link.unary(self.session.ask()), ANSWER_WITHIN).await {
            Ok(answer) => Ok(answer.is_ok()),
            Err(Pause::Quiet) => Ok(false),
            Err(stop) => Err(stop),
        }
    }

    /// Waits for a call, but not if the caller wants to stop, and not for ever.
    async fn or_stop<T>(&self, call: impl Future<Output = T>, at_most: Duration) -> Result<T, Pause> {
        let mut call = pin!(call);
        let begun = Instant::now();
        loop {
            match timeout(POLL, &mut call).await {
                Ok(done) => return Ok(done),
                Err(_) if (self.stop)() => return Err(Pause::Stop),
                Err(_) if begun.elapsed() > at_most => return Err(Pause::Quiet),
                Err(_) => {}
            }
        }
    }

    fn execute(&self, sql: &str) -> ExecutePlanRequest {
        // A relation, also for SET: as a command, a query would come back unexecuted.
        let relation = PlanRelation { sql: Some(Sql { query: sql.into() }) };
        let reattach = RequestOption { reattach_options: Some(ReattachOptions { reattachable: true }) };
        ExecutePlanRequest {
            session_id: self.session.id.clone(),
            user_context: self.session.user(),
            plan: Some(SparkPlan { root: Some(relation) }),
            client_type: CLIENT_TYPE.into(),
            request_options: vec![reattach],
            operation_id: self.operation.clone(),
            observed_session: self.session.observed.clone(),
        }
    }

    fn reattach(&self) -> ReattachExecuteRequest {
        ReattachExecuteRequest {
            session_id: self.session.id.clone(),
            user_context: self.session.user(),
            operation_id: self.operation.clone(),
            client_type: CLIENT_TYPE.into(),
            last_response_id: self.last_response.clone(),
            observed_session: self.session.observed.clone(),
        }
    }

    /// Ends the statement on the server. Its workers may run on for a while: Spark ends its tasks,
    /// but not the programs that they started.
    async fn interrupt(&mut self) {
        let message = InterruptRequest {
            session_id: self.session.id.clone(),
            user_context: self.session.user(),
            client_type: CLIENT_TYPE.into(),
            interrupt_type: InterruptRequest::BY_OPERATION,
            operation_id: self.operation.clone(),
        };
        let _ = timeout(TIDY_WITHIN, self.link.patiently(&message)).await;
    }

    /// Tells the server that nobody will ask for this statement again; one that still runs is
    /// ended.
    async fn release(&mut self) {
        let message = ReleaseExecuteRequest {
            session_id: self.session.id.clone(),
            user_context: self.session.user(),
            operation_id: self.operation.clone(),
            client_type: CLIENT_TYPE.into(),
            release_all: Some(Empty {}),
        };
        let _ = timeout(TIDY_WITHIN, self.link.patiently(&message)).await;
    }

    /// Asks for the whole message of a failure: a status has its first 2 KiB, and what a worker
    /// said last stands at its end.
    async fn full_message(&mut self, status: &Status) -> Option<String> {
        let message = FetchErrorDetailsRequest {
            session_id: self.session.id.clone(),
            user_context: self.session.user(),
            error_id: error_id(status)?,
            client_type: CLIENT_TYPE.into(),
        };
        let answer = timeout(TIDY_WITHIN, self.link.patiently(&message)).await.ok()?.ok()?;
        let messages: Vec<_> = answer.errors.into_iter().map(|error| error.message).collect();
        Some(messages.join("\n")).filter(|text| !text.is_empty())
    }
}

fn judged(status: Status) -> Pause {
    if is_cut(&status) { Pause::Cut } else { Pause::Failed(status) }
}

/// The server never received the statement.
fn is_unknown(status: &Status) -> bool {
    status.message().contains("INVALID_HANDLE.OPERATION_NOT_FOUND")
}

/// The server received the statement before.
fn is_twice(status: &Status) -> bool {
    status.message().contains("INVALID_HANDLE.OPERATION_ALREADY_EXISTS")
}

#[cfg(test)]
mod tests {
    use super::super::messages::StageInfo;
    use super::*;

    #[test]
    fn failed_attempts_do_not_make_more_tasks_done_than_there_are() {
        let stages = vec![
            StageInfo { num_tasks: 1, num_completed_tasks: 3 },
            StageInfo { num_tasks: 40, num_completed_tasks: 7 },
        ];
        let found = StatementProgress::of(&ExecutionProgress { stages, num_inflight_tasks: 2 });
        assert_eq!(found, StatementProgress { tasks_done: 8, tasks: 41, tasks_running: 2 });
    }
}
