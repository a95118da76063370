//! Session: what every request to a server repeats.

use super::address::Address;
use super::messages::{AnalyzePlanRequest, Empty, UserContext};

/// How this client names itself in Spark's log.
pub(crate) const CLIENT_TYPE: &str = "uptime-ledger";

/// What every request repeats.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) address: Address,
    pub(crate) id: String,
    /// The server's own name of the session. Repeated to it, a server that began anew refuses the
    /// call, instead of running it in a new session without the files.
    pub(crate) observed: String,
}

impl Session {
    pub(crate) fn user(&self) -> UserContext {
        UserContext { user_id: self.address.user().into() }
    }

    /// The lightest question to the server. The first call of a session also creates it.
    pub(crate) fn ask(&self) -> AnalyzePlanRequest {
        AnalyzePlanRequest {
            session_id: self.id.clone(),
            user_context: self.user(),
            client_type: CLIENT_TYPE.into(),
            spark_version: Some(Empty {}),
        }
    }
}
