//! What can go wrong between this client and a Spark server, each with what to do about it.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;

use tonic::{Code, Status};

use super::address::{Address, AddressMistake};
use super::failure::{WorkerFailure, reduced};

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("the address of the Spark Connect server is wrong: {0}")]
    Address(#[from] AddressMistake),
    /// No session could be opened.
    #[error("no Spark Connect server at {address}: {found}; {remedy}")]
    Unreachable { address: String, found: String, remedy: &'static str },
    #[error("the Spark server at {address} refuses the token ({said}); {remedy}")]
    Token { address: String, said: String, remedy: &'static str },
    /// The link was away for longer than the server keeps a statement, or the server began anew.
    #[error("the Spark server at {address} was lost: {found}")]
    Lost { address: String, found: String },
    /// The program that a statement runs on the executors failed, so often that Spark gave up.
    #[error("{0}")]
    Worker(WorkerFailure),
    /// Spark refused or failed a call, in its own words.
    #[error("Spark says: {0}")]
    Server(String),
    #[error("the statement was stopped")]
    Stopped,
    #[error("the thread of the Spark client could not be started: {0}")]
    Thread(io::Error),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("`{name}` did not reach the Spark server whole: {found}")]
    Artifact { name: String, found: String },
}

/// Says whether the link failed, and not the call: a new link may succeed.
pub(crate) fn is_cut(status: &Status) -> bool {
    // A status that the server sent has no source. `Unavailable` also comes from proxies.
    // `DISCONNECTED`: the server handed the responses to a link that it took for the newer one.
    status.source().is_some()
        || status.code() == Code::Unavailable
        || status.message().contains("INVALID_CURSOR.DISCONNECTED")
}

/// Turns a status of the server into an error, given the full message if the server told it.
pub(crate) fn told(address: &Address, status: &Status, full: Option<String>) -> ConnectError {
    if status.code() == Code::Unauthenticated {
        return refused(address, status);
    }
    let message = full.unwrap_or_else(|| status.message().to_owned());
    // The server began anew under the same address: the session and its artifacts are gone.
    if ["SESSION_CHANGED", "SESSION_NOT_FOUND", "SESSION_CLOSED", "OPERATION_NOT_FOUND"]
        .iter()
        .any(|class| message.contains(&format!("INVALID_HANDLE.{class}")))
    {
        return ConnectError::Lost { address: address.to_string(), found: reduced(&message) };
    }
    match WorkerFailure::found_in(&message) {
        Some(failure) => ConnectError::Worker(failure),
        None if message.is_empty() => ConnectError::Server(format!("{:?}", status.code())),
        None => ConnectError::Server(reduced(&message)),
    }
}

fn refused(address: &Address, status: &Status) -> ConnectError {
    let remedy = if address.token().is_some() {
        "take the `token=` of the address from whoever runs the server"
    } else {
        "add `;token=...` to the address, after `/`"
    };
    ConnectError::Token { address: address.to_string(), said: reduced(status.message()), remedy }
}

/// Explains why no session could be opened, from the first call's status.
pub(crate) fn not_opened(address: &Address, status: &Status) -> ConnectError {
    match status.source() {
        Some(source) => unreachable(address, source),
        None => match status.code() {
            Code::Unauthenticated | Code::PermissionDenied => refused(address, status),
            // No method of that name, or an HTTP status where gRPC should be.
            Code::Unimplemented | Code::Unknown | Code::Unavailable => {
                not_found(address, format!("the answer was {:?}, {}", status.code(), status.message()), OTHER)
            }
            _ => told(address, status, None),
        },
    }
}

const START: &str = "start one (`sbin/start-connect-server.sh`), or correct host and port";
const OTHER: &str = "the port is another service's; a Connect server listens on 15002 unless told otherwise";
const PLAIN: &str = "remove `use_ssl=true`, or give the port of the proxy that does TLS for the server";
const TRUST: &str = "install the certificate's issuer on this machine, or name it in SSL_CERT_FILE";
const WAIT: &str = "look at firewalls, at the port, and whether the host is up";
const NAME: &str = "correct the host";
const MAYBE: &str =
    "the port is another service's, or it wants TLS: add `/;use_ssl=true` to the address in that case";

/// Explains why no link came up, from the innermost error that is known.
pub(crate) fn unreachable(address: &Address, error: &(dyn StdError + 'static)) -> ConnectError {
    let chain: Vec<_> = std::iter::successors(Some(error), |&error| error.source()).collect();
    let innermost = chain.last().map_or_else(String::new, ToString::to_string);
    // `io::Error` gives the source of what it wraps, and so hides the wrapped error itself.
    let io = || chain.iter().filter_map(|error| error.downcast_ref::<io::Error>());
    let tls = io()
        .filter_map(|error| error.get_ref()?.downcast_ref::<rustls::Error>())
        .chain(chain.iter().filter_map(|error| error.downcast_ref::<rustls::Error>()))
        .next();
    if let Some(error) = tls {
        let (found, remedy) = match error {
            rustls::Error::InvalidCertificate(why) => {
                (format!("its certificate is not trusted ({why})"), TRUST)
            }
            rustls::Error::InvalidMessage(_) => ("what listens there speaks no TLS".into(), PLAIN),
            error => (format!("TLS failed ({error})"), PLAIN),
        };
        return not_found(address, found, remedy);
    }
    let is = |kind| io().any(|error| error.kind() == kind);
    if is(io::ErrorKind::ConnectionRefused) {
        return not_found(address, "nothing listens there".into(), START);
    }
    if is(io::ErrorKind::TimedOut) || chain.iter().any(|error| error.is::<tonic::TimeoutExpired>()) {
        return silent(address);
    }
    if chain.iter().any(|error| error.to_string() == "dns error") {
        return not_found(address, format!("the host is not known ({innermost})"), NAME);
    }
    let is_gone = is(io::ErrorKind::UnexpectedEof) || is(io::ErrorKind::ConnectionReset);
    let remedy = if address.is_tls() { if is_gone { PLAIN } else { OTHER } } else { MAYBE };
    not_found(address, format!("the link broke before an answer came ({innermost})"), remedy)
}

/// Says that nothing came back in time.
pub(crate) fn silent(address: &Address) -> ConnectError {
    not_found(address, "no answer in time".into(), WAIT)
}

fn not_found(address: &Address, found: String, remedy: &'static str) -> ConnectError {
    ConnectError::Unreachable { address: address.to_string(), found, remedy }
}
