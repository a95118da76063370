//! Kinds: the attributes that events share, which are all that a rule may look at.

use serde::{Deserialize, Serialize};

use crate::config::Vantage;
use crate::table::CellWord;

/// The service of calls whose path matches no pattern of a config that has services.
pub const UNASSIGNED: &str = "unassigned";
/// Service of calls to paths that the config ignores.
pub const IGNORED: &str = "ignored";
/// Service or region of all undeclared names beyond those that are kept.
pub const OTHER_NAMES: &str = "(other)";

/// The type of event that a fact counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// One API call.
    Request,
    /// One outbound webhook with all its attempts.
    Notification,
    /// One admitted message with all its statuses, counted once with the call that admitted it.
    Message,
}

/// The final state of a message or notification (R5, R7, R14, R18).
///
/// The outcome does not depend on the order of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// No outcome; always so for a request whose answer the log can show.
    None,
    /// A message that was sent; nothing beyond that is known.
    Sent,
    /// A message that was delivered, read or played, or a notification whose endpoint accepted it.
    Delivered,
    /// A message with a `failed` status and without one that says delivered.
    Failed,
    /// A notification that the business's endpoint answered with an HTTP error.
    Refused,
    /// A notification whose every attempt ended in network trouble on the way to the endpoint.
    Unreachable,
    /// A notification whose last attempt failed inside the platform, before the network.
    Internal,
    /// The log does not say: it has no field for it, or a word that nobody knows.
    ///
    /// Unlike `None`, the absence proves nothing.
    Unknown,
}

/// The outcome in relation to its deadline, judged by event times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// Nothing is due; always so for a request.
    None,
    /// The first status, or the first attempt, came by its deadline.
    InTime,
    /// It came after its deadline.
    Late,
    /// Nothing has come, and the logs reach beyond the deadline.
    Overdue,
    /// Nothing has come, and the logs do not reach to the deadline yet.
    Open,
    /// A notification whose retries stopped before success and before the end of the period (R7).
    Stopped,
    /// The webhook log has a gap at the deadline, so nothing is known.
    Unseen,
}

/// Evidence that the request reached the first layer; `Unknown` is not `No`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reached {
    Yes,
    No,
    Unknown,
}

/// The effect of the network on the call, as far as the log shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Symptom {
    /// Nothing unusual.
    None,
    /// The upstream's name did not resolve.
    Dns,
    /// The connection to the upstream was refused or timed out.
    Connect,
    /// The TLS handshake with the upstream failed.
    Tls,
    /// The proxy itself rejected the call: no route, overload, bad request, its own limiter.
    ProxyLocal,
    /// The client left before its request was complete.
    ClientAbortEarly,
    /// The client left while the request was processed.
    ClientAbortWaiting,
    /// The connection broke after the request was sent.
    Reset,
    /// The request was sent and no answer came in time.
    Timeout,
    /// The answer had begun (status 2xx or 3xx), and the upstream broke its body off.
    CutOff,
}

impl CellWord for Stream {}

impl CellWord for Outcome {}

impl CellWord for Timing {}

/// The promise of a success answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// No message id in the answer.
    None,
    /// A message id: the message was admitted.
    Admitted,
    /// Admitted and deliberately delayed (`held_for_quality_assessment`).
    Held,
    /// Admitted and paused.
    Paused,
}

/// The attributes that events of one kind share: all that a rule may look at, of low cardinality.
///
/// The fields that only explain failures (`recipient_area`, `client_platform`, `client_version`)
/// are blank for events that are plainly good, so that good traffic folds into few facts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Kind {
    pub stream: Stream,
    /// Name of the source in the config.
    pub source: String,
    pub vantage: Vantage,
    pub service: String,
    /// Region that served the event; `-` if the logs do not say.
    pub region: String,
    /// HTTP status 100 to 999; `None` when no answer was logged.
    pub http_status: Option<u16>,
    pub reached: Reached,
    pub symptom: Symptom,
    pub error_code: Option<i64>,
    pub error_subcode: Option<i64>,
    pub is_transient: Option<bool>,
    /// The answer's own statement of success; HTTP 200 with `Some(false)` exists.
    pub is_success: Option<bool>,
    pub admission: Admission,
    pub outcome: Outcome,
    pub timing: Timing,
    /// Traffic outside the service: `test`, `localized`, ...; empty for ordinary traffic.
    pub scope: String,
    /// ISO 3166 area of the recipient (`CU`, `UA-43`, `TR`); empty when unknown.
    pub recipient_area: String,
    pub client_platform: String,
    pub client_version: String,
    /// The name (masked path) of the file of a call, if no row in files of it tells of outcomes.
    ///
    /// Set in daybooks alone: `resolve` decides by the days before what it means.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub untold_by: String,
}

impl Kind {
    /// Returns a kind of which nothing but its stream and its place is known.
    pub fn bare(stream: Stream, source: &str, vantage: Vantage, service: &str, region: &str) -> Self {
        Self {
            stream,
            source: source.to_owned(),
            vantage,
            service: service.to_owned(),
            region: region.to_owned(),
            http_status: None,
            reached: Reached::Unknown,
            symptom: Symptom::None,
            error_code: None,
            error_subcode: None,
            is_transient: None,
            is_success: None,
            admission: Admission::None,
            outcome: Outcome::None,
            timing: Timing::None,
            scope: String::new(),
            recipient_area: String::new(),
            client_platform: String::new(),
            client_version: String::new(),
            untold_by: String::new(),
        }
    }

    /// True for a success in scope: status 100-399, `success` not false, no error and no symptom.
    pub fn is_plainly_good(&self) -> bool {
        self.is_success() && self.scope.is_empty()
    }

    fn is_success(&self) -> bool {
        self.error_code.is_none()
            && self.symptom == Symptom::None
            && self.is_success != Some(false)
            && self.reached != Reached::No
            && self.http_status.is_some_and(|status| (100..400).contains(&status))
    }

    /// True if the answer admitted a message, so that its statuses are due.
    ///
    /// An error answer that names a message admits nothing unless a status says otherwise.
    pub fn has_admitted(&self) -> bool {
        self.admission != Admission::None && self.is_success()
    }

    /// True if the answer itself tells of an error: by its code, its status or its own word.
    pub fn is_answered_with_error(&self) -> bool {
        self.error_code.is_some()
            || self.is_success == Some(false)
            || self.http_status.is_some_and(|status| status >= 400)
    }

    /// True for a call that may have been answered although its log shows no answer.
    pub const fn is_unanswered(&self) -> bool {
        let http_status = match self.http_status {
            Some(status) => status,
            None => 0,
        };
        let told = (http_status, self.symptom, self.reached, self.admission);
        let is_silent = self.error_code.is_none() && self.is_success.is_none();
        matches!(self.stream, Stream::Request) && is_silent && has_no_answer(told)
    }

    /// True if the message was admitted and deliberately delayed: no status is due.
    pub const fn is_held(&self) -> bool {
        matches!(self.admission, Admission::Held | Admission::Paused)
    }
}

/// Returns whether a call got no whole answer that its log shows; status 0 stands for none.
///
/// Statuses of a proxy that waited in vain (499, 502 to 504) are no answers of the platform. The
/// status of an answer that was cut off says only how it began: its content, such as the id of a
/// message, never came.
pub const fn has_no_answer(
    (http_status, symptom, reached, admission): (u16, Symptom, Reached, Admission),
) -> bool {
    let has_none = match symptom {
        Symptom::None | Symptom::Reset | Symptom::Timeout | Symptom::ClientAbortWaiting => {
            matches!(http_status, 0 | 499 | 502..=504)
        }
        Symptom::CutOff => matches!(http_status, 0 | 100..=399 | 499 | 502..=504),
        _ => false,
    };
    has_none && matches!(admission, Admission::None) && !matches!(reached, Reached::No)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_was_cut_off_is_no_success_and_no_whole_answer() {
        let bare = Kind::bare(Stream::Request, "s", Vantage::EdgeIngress, "messages", "-");
        let whole = Kind { http_status: Some(200), ..bare };
        let cut_off = Kind { symptom: Symptom::CutOff, ..whole.clone() };
        assert!(whole.is_plainly_good() && !whole.is_unanswered());
        assert!(!cut_off.is_plainly_good() && cut_off.is_unanswered());
        // The status is the platform's own, a code is its answer, and an id is content that came.
        assert!(!Kind { http_status: Some(404), ..cut_off.clone() }.is_unanswered());
        assert!(!Kind { http_status: Some(500), ..cut_off.clone() }.is_unanswered());
        assert!(!Kind { error_code: Some(100), ..cut_off.clone() }.is_unanswered());
        assert!(!Kind { admission: Admission::Admitted, ..cut_off }.is_unanswered());
    }
}
