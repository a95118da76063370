//! Client: one session on a Spark Connect server, with blocking calls.

use std::fs::File;
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tonic::Status;
use uuid::Uuid;

use super::address::Address;
use super::artifact::ArtifactParts;
use super::error::{ConnectError, is_cut, told};
use super::link::{ANSWER_WITHIN, Link};
use super::messages::{
    AddArtifactsRequest, AddArtifactsResponse, ConfigOperation, ConfigRequest, ConfigSet, KeyValue,
    ReleaseSessionRequest,
};
use super::session::{CLIENT_TYPE, Session};
use super::statement::{POLL, Statement, StatementEnd, StatementProgress};

/// An upload slower than this, after the time that any call has, is a dead link.
const SLOWEST_UPLOAD: u64 = 128 << 10; // bytes a second
const UPLOADS: u32 = 3;

/// A session of its own on a Spark server.
///
/// Calls block. They must not be made inside an asynchronous runtime, which would panic.
/// A session that is not closed is dropped by the server after an hour without a call.
pub struct SparkClient {
    runtime: Runtime,
    link: Link,
    session: Session,
    spark: String,
}

impl SparkClient {
    /// Opens a session.
    ///
    /// # Errors
    /// `Unreachable` if there is no Spark Connect server at the address, with what is there
    /// instead; `Token` if it refuses the token.
    pub fn open(address: Address) -> Result<Self, ConnectError> {
        // One thread serves the connection also between calls. The calling thread runs the calls.
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("spark-connect")
            .enable_all()
            .build()
            .map_err(ConnectError::Thread)?;
        let mut session = Session { id: Uuid::new_v4().to_string(), address, observed: String::new() };
        let (link, answer) = runtime.block_on(async {
            let link = Link::new(&session.address)?;
            let answer = link.first(&session.address, session.ask()).await?;
            Ok::<_, ConnectError>((link, answer))
        })?;
        session.observed = answer.server_side_session_id;
        let spark = answer.spark_version.map(|spark| spark.version).unwrap_or_default();
        Ok(Self { runtime, link, session, spark })
    }

    /// Returns the server's version of Spark, as in `4.3.0`.
    pub fn spark_version(&self) -> &str {
        &self.spark
    }

    /// Returns the id of the session, which is also the name of the folder of its files on
    /// executors.
    pub fn session_id(&self) -> &str {
        &self.session.id
    }

    /// Sets a setting of the session.
    ///
    /// # Errors
    /// `Server` if Spark does not know the setting or refuses the value.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ConnectError> {
        let pair = KeyValue { key: key.into(), value: Some(value.into()) };
        let message = ConfigRequest {
            session_id: self.session.id.clone(),
            user_context: self.session.user(),
            operation: Some(ConfigOperation { set: Some(ConfigSet { pairs: vec![pair] }) }),
            client_type: CLIENT_TYPE.into(),
            observed_session: self.session.observed.clone(),
        };
        let answer = self.runtime.block_on(self.link.patiently(&message));
        answer.map(drop).map_err(|status| told(&self.session.address, &status, None))
    }

    /// Ships a file to the session: tasks find it as `./<session id>/NAME`, readable and
    /// executable.
    ///
    /// The same file may be shipped again; another content under the same name is refused by Spark.
    /// Looks at `stop` at least every 200 ms.
    ///
    /// # Errors
    /// `Stopped` if `stop` said so; `File` if the file cannot be read, or becomes shorter;
    /// `Artifact` if the server received something else.
    pub fn add_file(&mut self, name: &str, path: &Path, stop: &dyn Fn() -> bool) -> Result<(), ConnectError> {
        let mut left = UPLOADS;
        loop {
            left -= 1;
            match self.upload(name, path, stop)? {
                Ok(answer) => return checked(name, &answer),
                Err(status) if left > 0 && is_cut(&status) => self.link.renew(),
                Err(status) => return Err(told(&self.session.address, &status, None)),
            }
        }
    }

    /// Uploads a file once. The inner error is the link's or the server's.
    fn upload(
        &self,
        name: &str,
        path: &Path,
        stop: &dyn Fn() -> bool,
    ) -> Result<Result<AddArtifactsResponse, Status>, ConnectError> {
        let broken = |source: io::Error| ConnectError::File { path: path.into(), source };
        let envelope = AddArtifactsRequest {
            session_id: self.session.id.clone(),
            user_context: self.session.user(),
            client_type: CLIENT_TYPE.into(),
            observed_session: self.session.observed.clone(),
            ..AddArtifactsRequest::default()
        };
        let file = File::open(path).map_err(broken)?;
        let bytes = file.metadata().map_err(broken)?.len();
        let mut parts = ArtifactParts::of_file(name, file, envelope).map_err(broken)?;
        // A stream of messages cannot carry an error of the disk, which therefore takes this way.
        let failed = Arc::new(Mutex::new(None));
        let failing = Arc::clone(&failed);
        let parts = std::iter::from_fn(move || match parts.next_part() {
            Ok(part) => part,
            Err(error) => {
                *failing.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                None
            }
        });
        let within = ANSWER_WITHIN + Duration::from_secs(bytes / SLOWEST_UPLOAD);
        let answer = self.runtime.block_on(async {
            let mut sent = pin!(self.link.upload(futures_util::stream::iter(parts)));
            let answer = timeout(within, async {
                loop {
                    match timeout(POLL, &mut sent).await {
                        Ok(answer) => return Ok(answer),
                        Err(_) if stop() => return Err(ConnectError::Stopped),
                        Err(_) => {}
                    }
                }
            });
            answer.await.unwrap_or_else(|_| Ok(Err(Status::unavailable("the upload took too long"))))
        })?;
        match failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(broken(error)),
            None => Ok(answer),
        }
    }

    /// Runs a statement to its end and counts the rows that it returns.
    ///
    /// Looks at `stop` at least every 200 ms, and tells `progress` about every two seconds. A link
    /// that is cut meanwhile is made again, for up to four minutes, and the statement goes on.
    ///
    /// # Errors
    /// `Worker` if a program that the statement runs failed; `Server` for any other failure of the
    /// statement; `Stopped` if `stop` said so; `Lost` if the server did not come back in time.
    pub fn statement(
        &mut self,
        sql: &str,
        stop: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(StatementProgress),
    ) -> Result<StatementEnd, ConnectError> {
        let statement = Statement::new(&mut self.link, &self.session, stop, progress);
        self.runtime.block_on(statement.run(sql))
    }

    /// Ends the session: the server forgets its settings and files.
    ///
    /// # Errors
    /// `Server` or `Lost`. Nothing needs to be done about either: the server forgets the session
    /// anyway.
    pub fn close(mut self) -> Result<(), ConnectError> {
        let message = ReleaseSessionRequest {
            session_id: self.session.id.clone(),
            user_context: self.session.user(),
            client_type: CLIENT_TYPE.into(),
        };
        let answer = self.runtime.block_on(self.link.patiently(&message));
        answer.map(drop).map_err(|status| told(&self.session.address, &status, None))
    }
}

/// Checks that the server received the bytes that were sent.
fn checked(name: &str, answer: &AddArtifactsResponse) -> Result<(), ConnectError> {
    let found = match answer.artifacts.iter().find(|artifact| artifact.name == format!("files/{name}")) {
        Some(artifact) if artifact.is_crc_successful => return Ok(()),
        Some(_) => "the checksum differs there",
        None => "the server does not name it in its answer",
    };
    Err(ConnectError::Artifact { name: name.into(), found: found.into() })
}
