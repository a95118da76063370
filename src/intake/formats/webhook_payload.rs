//! Webhook payload: reads one notification of the Cloud API, in an envelope or without one.
//!
//! Three shapes are read: the whole payload with its `entry`, one change with its `field` and
//! `value` (which the App Dashboard sends to test an endpoint), and a `value` alone. An envelope is
//! any other object that has one of them under a key of [`CARRIERS`], as an object, as JSON text or
//! as base64 of JSON text. Its receive time is under a key of [`RECEIVED`].

pub mod fields;
mod json;

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use chrono_tz::Tz;
use json::{JsonKind, Node};
use serde::de::Deserialize;

use super::ndjson;
use crate::config::Cast;
use crate::daybook::message::{StatusOrigin, participant};
use crate::intake::rows::instant;
use crate::intake::rows::mapping::CORRELATION_ALIAS;
use crate::intake::rows::raw_row::LogValue;

/// Keys under which an envelope has its payload, the preferred ones first.
const CARRIERS: [&str; 5] = ["payload", "body", "data", "notification", "message"];
/// Key by which an envelope says that the text of its payload is base64.
const IS_BASE64: &str = "isBase64Encoded";
/// Base64 with and without padding, in the standard alphabet and in that of URLs.
const BASE64: [GeneralPurpose; 2] = {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [GeneralPurpose::new(&alphabet::STANDARD, config), GeneralPurpose::new(&alphabet::URL_SAFE, config)]
};
/// Keys under which an envelope has its receive time, the preferred ones first.
const RECEIVED: [&str; 6] = ["received_at", "receive_time", "ts", "time", "timestamp", "@timestamp"];
/// Lists of a `value` whose elements have a time of their own.
///
/// Elements of `history` are months old and say nothing about the notification. Quoted messages are
/// ignored too.
const TIMED: [&str; 6] =
    ["messages", "calls", "message_echoes", "user_preferences", "groups", "automatic_events"];
/// Keys of a status by which it names the participant of a group, the preferred ones first.
///
/// Documentation spells the second one in two ways.
const PARTICIPANTS: [&str; 3] =
    ["recipient_participant_user_id", "recipient_participant_id", "participant_recipient_id"];
/// The `type` of statuses that do not say whether a message arrived.
///
/// For example, a failed payment is no failed message.
const OTHER_STATUSES: [&str; 2] = ["call", "payment"];
/// Earliest receive time: 2001-09-09, when epoch seconds got their tenth digit.
///
/// A smaller number is not a time: under `time` it is a duration.
const EARLIEST_US: i64 = 1_000_000_000_000_000;
const EXPECTED: &str = "expected an object with `entry`, one with `field` and `value`, a `value` with \
    `messaging_product`, or an envelope with one of these under `payload`, `body`, `data`, `notification` or `message`";

/// One status of an outbound message, as reported by a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadStatus<'a> {
    pub message_id: Cow<'a, str>,
    /// The word as it was sent, which may be a new one.
    pub status: Cow<'a, str>,
    /// Microseconds since 1970.
    pub ts_us: Option<i64>,
    /// Code of the first error; only for the status `failed`.
    pub error_code: Option<i64>,
    /// What the caller gave its send request to be told with every status.
    pub correlation: Option<Cow<'a, str>>,
    pub origin: StatusOrigin,
    /// Bit of the participant of a group that it names; 0 for none.
    pub participant: u8,
}

/// A field that a payload names, and the number of statuses read from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadField<'a> {
    /// Empty for a `value` alone.
    pub name: Cow<'a, str>,
    pub statuses: u64,
}

/// Contents of one payload.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Payload<'a> {
    /// Receive time of the envelope, in microseconds since 1970.
    pub received_us: Option<i64>,
    /// Latest time in the payload, in microseconds since 1970.
    ///
    /// Times are those of statuses, messages, calls and preferences, and `entry[].time`.
    pub latest_us: Option<i64>,
    /// Earliest time in the payload, in microseconds since 1970.
    pub earliest_us: Option<i64>,
    /// The first `entry[].id` (the WABA), else the first `phone_number_id`, else empty.
    pub business_id: Cow<'a, str>,
    /// The fields of its changes, each once, in their order.
    pub fields: Vec<PayloadField<'a>>,
    /// Statuses, and copies of messages that were sent without a call ([`StatusOrigin::Echo`]).
    pub statuses: Vec<PayloadStatus<'a>>,
    /// True if it has errors of the account.
    pub has_errors: bool,
    /// Identity of the notification: a hash of `entry`, or else of `value`.
    ///
    /// Everything around them, blanks, escapes and the order of keys do not matter, so a
    /// notification keeps its identity in any envelope and when it is written anew. A notification
    /// that is sent again has the same identity.
    pub identity: u128,
}

/// Reads one line; `zone` is for a receive time that names none.
///
/// # Errors
/// The line is no JSON or no payload, or a status or the receive time cannot be read. The message
/// says where, but never what is there, because a payload is private.
pub fn read(line: &[u8], zone: Tz) -> Result<Payload<'_>, String> {
    let root = parse(line)?;
    let mut payload = match Shape::of(&root) {
        Some(shape) => shape.read()?,
        None => carried(&root)?,
    };
    payload.received_us = received(&root, zone)?;
    Ok(payload)
}

fn parse(line: &[u8]) -> Result<Node<'_>, String> {
    if ndjson::depth_exceeds(line, ndjson::MAX_DEPTH) {
        return Err(format!("nested deeper than {} levels", ndjson::MAX_DEPTH));
    }
    ndjson::check_escapes(line)?;
    let text = std::str::from_utf8(line)
        .map_err(|e| format!("not a JSON object: invalid UTF-8 at byte {}", e.valid_up_to() + 1))?;
    // Lossy only for single halves of surrogate pairs: the rest of an emoji where a text was cut.
    let mut json = sonic_rs::Deserializer::from_str(text).utf8_lossy();
    let node = Node::deserialize(&mut json).and_then(|node| json.end().map(|()| node));
    node.map_err(|e| ndjson::reason(&e))
}

/// Returns the payload in an envelope.
fn carried<'a>(envelope: &Node<'a>) -> Result<Payload<'a>, String> {
    if !matches!(envelope.kind, JsonKind::Object(_)) {
        return Err(format!("not a webhook payload: {}; {EXPECTED}", envelope.what()));
    }
    let is_base64 = match envelope.get_alike(IS_BASE64)?.map(|node| &node.kind) {
        Some(JsonKind::Bool(yes)) => *yes,
        Some(JsonKind::Text(text)) => text.eq_ignore_ascii_case("true"),
        _ => false,
    };
    let mut broken = None;
    for key in CARRIERS {
        match envelope.get_alike(key)? {
            Some(Node { kind: JsonKind::Text(text), .. }) => {
                let json = carried_text(text, is_base64 && key == "body");
                let inner = json.as_ref().map_err(Clone::clone);
                match inner.and_then(|json| json.as_deref().map(parse).transpose()) {
                    Ok(Some(inner)) => {
                        if let Some(shape) = Shape::of(&inner) {
                            return Ok(shape.read()?.into_owned());
                        }
                    }
                    Ok(None) => {}
                    Err(why) => {
                        broken.get_or_insert_with(|| {
                            format!("not a webhook payload: the text of `{key}` is {why}")
                        });
                    }
                }
            }
            Some(node) => {
                if let Some(shape) = Shape::of(node) {
                    return shape.read();
                }
            }
            None => {}
        }
    }
    Err(broken.unwrap_or_else(|| format!("not a webhook payload: an object that has none of it; {EXPECTED}")))
}

/// Returns the JSON text of a carrier; `None` if the text is something else.
///
/// # Errors
/// The envelope says that the text is base64, and it is not.
fn carried_text(text: &str, is_base64: bool) -> Result<Option<Cow<'_, [u8]>>, String> {
    let text = text.trim();
    if text.starts_with('{') {
        return Ok(Some(text.as_bytes().into()));
    }
    // Line ends, which MIME has in base64.
    let plain: Cow<'_, str> =
        if text.contains(['\r', '\n']) { text.replace(['\r', '\n'], "").into() } else { text.into() };
    let decoded = BASE64.iter().find_map(|base64| base64.decode(plain.as_bytes()).ok());
    match decoded {
        None if is_base64 => Err(format!("no base64, but `{IS_BASE64}` says that it is")),
        // Any word may be base64 by chance.
        Some(json) if !is_base64 && !json.trim_ascii_start().starts_with(b"{") => Ok(None),
        decoded => Ok(decoded.map(Cow::Owned)),
    }
}

/// Returns the first receive time that can be read; an envelope need not have one.
///
/// If none can be read although there is one, that is an error.
fn received(envelope: &Node<'_>, zone: Tz) -> Result<Option<i64>, String> {
    let mut unreadable = None;
    for key in RECEIVED {
        let Some(node) = envelope.get_alike(key)? else { continue };
        let value = match &node.kind {
            JsonKind::Int(n) => i64::try_from(*n).map_or(LogValue::Missing, LogValue::Int),
            JsonKind::Float(x) => LogValue::Float(*x),
            JsonKind::Text(text) => LogValue::text(text.as_bytes()),
            _ => LogValue::Odd(node.what()),
        };
        match instant::instant(&value, &Cast::Auto, zone) {
            Ok(us) if us >= EARLIEST_US => return Ok(Some(us)),
            _ => unreadable = unreadable.or(Some(key)),
        }
    }
    unreadable.map_or(Ok(None), |key| Err(format!("the receive time under `{key}` cannot be read")))
}

/// Returns the microseconds of epoch seconds (10 digits), or milliseconds of intermediaries (13).
fn epoch_us(node: &Node<'_>) -> Option<i64> {
    let n: i64 = match &node.kind {
        JsonKind::Int(n) => i64::try_from(*n).ok()?,
        JsonKind::Text(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok()?,
        _ => return None,
    };
    match n {
        1_000_000_000..10_000_000_000 => Some(n * 1_000_000),
        1_000_000_000_000..10_000_000_000_000 => Some(n * 1_000),
        _ => None,
    }
}

/// Shape of a payload.
enum Shape<'n, 'a> {
    Entries(&'n Node<'a>),
    Change(&'n Node<'a>),
    Value(&'n Node<'a>),
}

impl<'n, 'a> Shape<'n, 'a> {
    fn of(node: &'n Node<'a>) -> Option<Self> {
        if matches!(node.get("entry"), Some(Node { kind: JsonKind::List(_), .. })) {
            return Some(Self::Entries(node));
        }
        if let Some(value @ Node { kind: JsonKind::Object(_), .. }) = node.get("value")
            && (node.text("field").is_some() || is_value(value))
        {
            return Some(Self::Change(node));
        }
        is_value(node).then_some(Self::Value(node))
    }

    /// Reads the payload.
    ///
    /// # Errors
    /// Something is not as it must be; the message gives its path.
    fn read(self) -> Result<Payload<'a>, String> {
        let mut payload = Payload::default();
        let done = match self {
            Self::Entries(node) => {
                let entries = node.get("entry");
                payload.identity = entries.map_or(0, |entries| entries.hash);
                let id = entries.into_iter().flat_map(Node::elements).find_map(|entry| entry.text("id"));
                payload.business_id = id.unwrap_or_default();
                node.each("entry", |entry| payload.entry(entry))
            }
            Self::Change(node) => {
                payload.identity = node.get("value").map_or(0, |value| value.hash);
                payload.change(node)
            }
            Self::Value(node) => {
                payload.identity = node.hash;
                payload.fields.push(PayloadField { name: Cow::default(), statuses: 0 });
                payload.value(node)
            }
        };
        match done {
            Ok(()) => Ok(payload),
            // Each step of the path begins with a separator; the first step needs none.
            Err(why) => Err(format!("webhook payload: {}", why.trim_start_matches(['.', ':', ' ']))),
        }
    }
}

/// Returns whether an object is a `value`.
///
/// The answer to a send request has `messages` as well, but they have only ids, and there is no
/// `metadata`.
fn is_value(node: &Node<'_>) -> bool {
    let has_list = |key| matches!(node.get(key), Some(Node { kind: JsonKind::List(_), .. }));
    node.get("messaging_product").is_some()
        && (has_list("statuses")
            || has_list("groups")
            || node.get("metadata").is_some()
            || node.get("timestamp").and_then(epoch_us).is_some()
            || node.get("messages").is_some_and(|list| list.elements().any(|m| m.get("timestamp").is_some())))
}

/// Readers of the levels of a payload.
///
/// Error messages are paths, built on the way out: each level adds its own step in front.
impl<'a> Payload<'a> {
    fn entry(&mut self, entry: &Node<'a>) -> Result<(), String> {
        self.saw(entry.get("time").and_then(epoch_us));
        entry.each("changes", |change| self.change(change))
    }

    fn change(&mut self, change: &Node<'a>) -> Result<(), String> {
        let field = change.text("field").unwrap_or_default();
        let is_calls = field == "calls";
        let before = self.statuses.len();
        let read = self.change_value(change, is_calls);
        let is_status = |status: &&PayloadStatus<'_>| status.origin != StatusOrigin::Echo;
        let statuses = self.statuses[before..].iter().filter(is_status).count() as u64;
        match self.fields.iter_mut().find(|known| known.name == field) {
            Some(known) => known.statuses += statuses,
            None => self.fields.push(PayloadField { name: field, statuses }),
        }
        read
    }

    fn change_value(&mut self, change: &Node<'a>, is_calls: bool) -> Result<(), String> {
        match change.get("value") {
            // The list has the same name, but holds statuses of calls.
            Some(value) if is_calls => {
                self.times(value, "statuses");
                self.around(value);
                Ok(())
            }
            Some(value @ Node { kind: JsonKind::Object(_), .. }) => {
                self.value(value).map_err(|why| format!(".value{why}"))
            }
            Some(other) => Err(format!(".value: {}, not an object", other.what())),
            None => Ok(()),
        }
    }

    fn value(&mut self, value: &Node<'a>) -> Result<(), String> {
        self.around(value);
        value.each("statuses", |status| self.status(status, StatusOrigin::Own))?;
        self.echoes(value);
        // What another responder of the number sends and is told.
        let Some(standby) = value.get("standby") else { return Ok(()) };
        for key in TIMED {
            self.times(standby, key);
        }
        self.echoes(standby);
        let overheard = standby.each("statuses", |status| self.status(status, StatusOrigin::Overheard));
        overheard.map_err(|why| format!(".standby{why}"))
    }

    /// Reads copies of messages that were sent without a call; one without an id is ignored.
    fn echoes(&mut self, value: &Node<'a>) {
        for echo in value.get("message_echoes").into_iter().flat_map(Node::elements) {
            let Some(message_id) = echo.text("id") else { continue };
            self.statuses.push(PayloadStatus {
                message_id,
                status: Cow::default(),
                ts_us: echo.get("timestamp").and_then(epoch_us),
                error_code: None,
                correlation: None,
                origin: StatusOrigin::Echo,
                participant: 0,
            });
        }
    }

    /// Reads the parts of a `value` other than statuses.
    fn around(&mut self, value: &Node<'a>) {
        if self.business_id.is_empty() {
            let id = value.get("metadata").and_then(|metadata| metadata.text("phone_number_id"));
            self.business_id = id.unwrap_or_default();
        }
        for key in TIMED {
            self.times(value, key);
        }
        self.saw(value.get("timestamp").and_then(epoch_us));
        for element in value.get("state_sync").into_iter().flat_map(Node::elements) {
            self.saw(element.get("metadata").and_then(|data| data.get("timestamp")).and_then(epoch_us));
        }
        self.has_errors |= value.get("errors").is_some_and(|errors| errors.elements().next().is_some());
    }

    fn times(&mut self, value: &Node<'a>, key: &str) {
        for element in value.get(key).into_iter().flat_map(Node::elements) {
            self.saw(element.get("timestamp").and_then(epoch_us));
        }
    }

    fn status(&mut self, status: &Node<'a>, origin: StatusOrigin) -> Result<(), String> {
        let ts = status.get("timestamp");
        let ts_us = ts.and_then(epoch_us);
        self.saw(ts_us);
        if status.text("type").is_some_and(|kind| OTHER_STATUSES.contains(&kind.as_ref())) {
            return Ok(());
        }
        let message_id = status.text("id").ok_or(": no `id`")?;
        let word = status.text("status").ok_or(": no `status`")?;
        if ts.is_some() && ts_us.is_none() {
            return Err(": `timestamp` is neither epoch seconds (10 digits) nor milliseconds (13)".into());
        }
        // Older payloads have the error itself instead of a list.
        let error = status.get("errors").and_then(|errors| match &errors.kind {
            JsonKind::List(list) => list.first(),
            _ => Some(errors),
        });
        let code = error.and_then(|error| error.text("code")).filter(|_| word == "failed");
        let error_code = code.and_then(|code| code.parse().ok()).filter(|code| *code != 0);
        let correlation = status.text(CORRELATION_ALIAS);
        let named = PARTICIPANTS.iter().find_map(|key| status.text(key));
        let participant = named.map_or(0, |name| participant(name.as_bytes()));
        let status = word;
        let one = PayloadStatus { message_id, status, ts_us, error_code, correlation, origin, participant };
        self.statuses.push(one);
        Ok(())
    }

    fn saw(&mut self, us: Option<i64>) {
        self.latest_us = self.latest_us.max(us);
        self.earliest_us = self.earliest_us.into_iter().chain(us).min();
    }

    fn into_owned<'o>(self) -> Payload<'o> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        let statuses = self.statuses.into_iter().map(|status| PayloadStatus {
            message_id: own(status.message_id),
            status: own(status.status),
            ts_us: status.ts_us,
            error_code: status.error_code,
            correlation: status.correlation.map(own),
            origin: status.origin,
            participant: status.participant,
        });
        let fields = self.fields.into_iter();
        let fields = fields.map(|PayloadField { name, statuses }| PayloadField { name: own(name), statuses });
        Payload {
            received_us: self.received_us,
            latest_us: self.latest_us,
            earliest_us: self.earliest_us,
            statuses: statuses.collect(),
            business_id: own(self.business_id),
            fields: fields.collect(),
            has_errors: self.has_errors,
            identity: self.identity,
        }
    }
}

#[cfg(test)]
mod tests;
