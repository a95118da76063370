//! Webhook payload: reads one notification of the Cloud API, in an envelope or without one.
//!
//! Three shapes are read: the whole payload with its `entry`, one change with its `field` and
//! `value` (which the App Dashboard sends to test an endpoint), and a `value` alone. An envelope is
//! any other object that has one of them under a key of [`CARRIERS`], as an object or as JSON text.
//! Its receive time is under a key of [`RECEIVED`].

use std::borrow::Cow;
use std::fmt;

use chrono_tz::Tz;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::ndjson;
use crate::config::Cast;
use crate::intake::rows::instant;
use crate::intake::rows::raw_row::LogValue;

/// Keys under which an envelope has its payload, the preferred ones first.
const CARRIERS: [&str; 5] = ["payload", "body", "data", "notification", "message"];
/// Keys under which an envelope has its receive time, the preferred ones first.
const RECEIVED: [&str; 6] = ["received_at", "receive_time", "ts", "time", "timestamp", "@timestamp"];
/// Lists of a `value` whose elements have a time of their own.
///
/// Elements of `history` are months old and say nothing about the notification. Quoted messages are
/// ignored too.
const TIMED: [&str; 4] = ["messages", "calls", "message_echoes", "user_preferences"];
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
}

/// Contents of one payload.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Payload<'a> {
    /// Receive time of the envelope, in microseconds since 1970; text without a zone is UTC.
    pub received_us: Option<i64>,
    /// Latest time in the payload, in microseconds since 1970.
    ///
    /// Times are those of statuses, messages, calls and preferences, and `entry[].time`.
    pub latest_us: Option<i64>,
    /// Earliest time in the payload, in microseconds since 1970.
    pub earliest_us: Option<i64>,
    /// The first `entry[].id` (the WABA), else the first `phone_number_id`, else empty.
    pub business_id: Cow<'a, str>,
    /// The first `changes[].field`; empty for a `value` alone.
    pub field: Cow<'a, str>,
    pub statuses: Vec<PayloadStatus<'a>>,
    /// Identity of the notification: a hash of `entry`, or else of `value`.
    ///
    /// Everything around them, blanks, escapes and the order of keys do not matter, so a
    /// notification keeps its identity in any envelope and when it is written anew. A notification
    /// that is sent again has the same identity.
    pub identity: u128,
}

/// Reads one line.
///
/// # Errors
/// The line is no JSON or no payload, or a status or the receive time cannot be read. The message
/// says where, but never what is there, because a payload is private.
pub fn read(line: &[u8]) -> Result<Payload<'_>, String> {
    let root = parse(line)?;
    let mut payload = match Shape::of(&root) {
        Some(shape) => shape.read()?,
        None => carried(&root)?,
    };
    payload.received_us = received(&root)?;
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
    if !matches!(envelope.kind, Kind::Object(_)) {
        return Err(format!("not a webhook payload: {}; {EXPECTED}", envelope.what()));
    }
    let mut broken = None;
    for key in CARRIERS {
        match envelope.get(key) {
            Some(Node { kind: Kind::Text(text), .. }) if text.trim_start().starts_with('{') => {
                match parse(text.as_bytes()) {
                    Ok(inner) => {
                        if let Some(shape) = Shape::of(&inner) {
                            return Ok(shape.read()?.into_owned());
                        }
                    }
                    Err(why) => broken = Some(format!("not a webhook payload: the text of `{key}` is {why}")),
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

/// Returns the first receive time that can be read; an envelope need not have one.
///
/// If none can be read although there is one, that is an error.
fn received(envelope: &Node<'_>) -> Result<Option<i64>, String> {
    let mut unreadable = None;
    for key in RECEIVED {
        let Some(node) = envelope.get(key) else { continue };
        let value = match &node.kind {
            Kind::Int(n) => i64::try_from(*n).map_or(LogValue::Missing, LogValue::Int),
            Kind::Float(x) => LogValue::Float(*x),
            Kind::Text(text) => LogValue::text(text.as_bytes()),
            _ => LogValue::Odd(node.what()),
        };
        match instant::instant(&value, &Cast::Auto, Tz::UTC) {
            Ok(us) if us >= EARLIEST_US => return Ok(Some(us)),
            _ => unreadable = unreadable.or(Some(key)),
        }
    }
    unreadable.map_or(Ok(None), |key| Err(format!("the receive time under `{key}` cannot be read")))
}

/// Returns the microseconds of epoch seconds (10 digits), or milliseconds of intermediaries (13).
fn epoch_us(node: &Node<'_>) -> Option<i64> {
    let n: i64 = match &node.kind {
        Kind::Int(n) => i64::try_from(*n).ok()?,
        Kind::Text(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok()?,
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
        if matches!(node.get("entry"), Some(Node { kind: Kind::List(_), .. })) {
            return Some(Self::Entries(node));
        }
        if let Some(value @ Node { kind: Kind::Object(_), .. }) = node.get("value")
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
    let has_list = |key| matches!(node.get(key), Some(Node { kind: Kind::List(_), .. }));
    node.get("messaging_product").is_some()
        && (has_list("statuses")
            || node.get("metadata").is_some()
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
        if self.field.is_empty() {
            self.field = field;
        }
        match change.get("value") {
            // The list has the same name, but holds statuses of calls.
            Some(value) if is_calls => {
                self.times(value, "statuses");
                self.around(value);
                Ok(())
            }
            Some(value @ Node { kind: Kind::Object(_), .. }) => {
                self.value(value).map_err(|why| format!(".value{why}"))
            }
            Some(other) => Err(format!(".value: {}, not an object", other.what())),
            None => Ok(()),
        }
    }

    fn value(&mut self, value: &Node<'a>) -> Result<(), String> {
        self.around(value);
        value.each("statuses", |status| self.status(status))
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
    }

    fn times(&mut self, value: &Node<'a>, key: &str) {
        for element in value.get(key).into_iter().flat_map(Node::elements) {
            self.saw(element.get("timestamp").and_then(epoch_us));
        }
    }

    fn status(&mut self, status: &Node<'a>) -> Result<(), String> {
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
            Kind::List(list) => list.first(),
            _ => Some(errors),
        });
        let code = error.and_then(|error| error.text("code")).filter(|_| word == "failed");
        let error_code = code.and_then(|code| code.parse().ok()).filter(|code| *code != 0);
        self.statuses.push(PayloadStatus { message_id, status: word, ts_us, error_code });
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
        });
        Payload {
            received_us: self.received_us,
            latest_us: self.latest_us,
            earliest_us: self.earliest_us,
            statuses: statuses.collect(),
            business_id: own(self.business_id),
            field: own(self.field),
            identity: self.identity,
        }
    }
}

/// A JSON value with a hash of its content, which does not depend on its notation.
///
/// A value of any kind may stand anywhere: an unexpected value makes its key useless, but not the
/// line.
#[derive(Debug)]
struct Node<'a> {
    kind: Kind<'a>,
    hash: u128,
}

#[derive(Debug)]
enum Kind<'a> {
    Null,
    Bool,
    /// Wide enough for every integer that the parser accepts.
    Int(i128),
    Float(f64),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Object(Vec<(Node<'a>, Node<'a>)>),
}

/// Seeds of hashes, so that equal bytes of different kinds differ.
const NULL: u64 = 0;
const BOOL: u64 = 1;
const INT: u64 = 2;
const FLOAT: u64 = 3;
const TEXT: u64 = 4;
const LIST: u64 = 5;
const OBJECT: u64 = 6;
const PAIR: u64 = 7;

impl<'a> Node<'a> {
    fn new(kind: Kind<'a>, seed: u64, bytes: &[u8]) -> Self {
        Self { kind, hash: xxh3_128_with_seed(bytes, seed) }
    }

    fn of_text(text: Cow<'a, str>) -> Self {
        let hash = xxh3_128_with_seed(text.as_bytes(), TEXT);
        Self { kind: Kind::Text(text), hash }
    }

    /// Returns the value of a key; `null` and empty text are none.
    ///
    /// Of a repeated key the last value counts, as is usual.
    fn get(&self, key: &str) -> Option<&Self> {
        let Kind::Object(pairs) = &self.kind else { return None };
        let is_it = |name: &Self| matches!(&name.kind, Kind::Text(text) if text == key);
        let (_, value) = pairs.iter().rfind(|(name, _)| is_it(name))?;
        (!matches!(value.kind, Kind::Null) && !matches!(&value.kind, Kind::Text(text) if text.is_empty()))
            .then_some(value)
    }

    /// Returns text, or an integer as text: ids and codes are written as both.
    fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        match &self.get(key)?.kind {
            Kind::Text(text) => Some(text.clone()),
            Kind::Int(n) => Some(n.to_string().into()),
            _ => None,
        }
    }

    /// Returns the elements of a list; none for other values.
    fn elements(&self) -> impl Iterator<Item = &Self> {
        let list = if let Kind::List(list) = &self.kind { list.as_slice() } else { &[] };
        list.iter()
    }

    /// Visits the objects of the list under `key`, which may be absent.
    fn each(&self, key: &str, mut visit: impl FnMut(&Self) -> Result<(), String>) -> Result<(), String> {
        let Some(list) = self.get(key) else { return Ok(()) };
        if !matches!(list.kind, Kind::List(_)) {
            return Err(format!(".{key}: {}, not a list", list.what()));
        }
        for (n, element) in list.elements().enumerate() {
            let done = match element.kind {
                Kind::Object(_) => visit(element),
                _ => Err(format!(": {}, not an object", element.what())),
            };
            done.map_err(|why| format!(".{key}[{n}]{why}"))?;
        }
        Ok(())
    }

    fn what(&self) -> &'static str {
        match self.kind {
            Kind::Null => "null",
            Kind::Bool => "true or false",
            Kind::Int(_) | Kind::Float(_) => "a number",
            Kind::Text(_) => "text",
            Kind::List(_) => "an array",
            Kind::Object(_) => "an object",
        }
    }
}

fn paired(a: u128, b: u128, seed: u64) -> u128 {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&a.to_le_bytes());
    bytes[16..].copy_from_slice(&b.to_le_bytes());
    xxh3_128_with_seed(&bytes, seed)
}

impl<'de> Deserialize<'de> for Node<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Nodes)
    }
}

struct Nodes;

impl<'de> Visitor<'de> for Nodes {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Node::new(Kind::Null, NULL, &[]))
    }

    fn visit_bool<E>(self, v: bool) -> Result<Self::Value, E> {
        Ok(Node::new(Kind::Bool, BOOL, &[u8::from(v)]))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Self::Value, E> {
        Ok(Node::new(Kind::Int(v.into()), INT, &i128::from(v).to_le_bytes()))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Self::Value, E> {
        Ok(Node::new(Kind::Int(v.into()), INT, &i128::from(v).to_le_bytes()))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Self::Value, E> {
        Ok(Node::new(Kind::Float(v), FLOAT, &v.to_bits().to_le_bytes()))
    }

    fn visit_str<E>(self, v: &str) -> Result<Self::Value, E> {
        Ok(Node::of_text(Cow::Owned(v.to_owned())))
    }

    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Self::Value, E> {
        Ok(Node::of_text(Cow::Borrowed(v)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let (mut list, mut hash) = (Vec::new(), LIST.into());
        while let Some(node) = seq.next_element::<Node>()? {
            hash = paired(hash, node.hash, LIST);
            list.push(node);
        }
        Ok(Node { kind: Kind::List(list), hash })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        // A sum, because the order of keys does not matter.
        let (mut pairs, mut sum) = (Vec::new(), 0_u128);
        while let Some((key, value)) = map.next_entry::<Node, Node>()? {
            sum = sum.wrapping_add(paired(key.hash, value.hash, PAIR));
            pairs.push((key, value));
        }
        Ok(Node { kind: Kind::Object(pairs), hash: paired(sum, 0, OBJECT) })
    }
}

#[cfg(test)]
mod tests;
