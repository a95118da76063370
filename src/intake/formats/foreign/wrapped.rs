//! Wrapped: lines inside the lines of other programs, up to three deep, and lines cut in pieces.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::envelopes::{self, Content, Inside};
use super::json;
use crate::config::Cast;
use crate::intake::rows::instant;

/// Envelopes within envelopes that are opened.
const DEEPEST: usize = 3;
/// Limit on bytes of a line that is joined of pieces, and of all pieces that wait.
const MOST_JOINED: usize = 16 << 20;

/// What stands inside the envelopes: the lines of one log.
pub trait WrappedLog {
    /// Reads a line; false if it is not of the log. `received` is the time of the envelope.
    fn line(&mut self, line: &[u8], received: Option<i64>) -> bool;

    /// Reads an object of a list, with the objects around it, the nearest first.
    fn object(&mut self, object: &[u8], around: &[&[u8]], received: Option<i64>) -> bool;

    /// Notes a line that is no call.
    fn not_a_call(&mut self, why: &'static str, raw: &[u8]);

    /// Notes a line that cannot be read; without a reason it is not of the log.
    fn unreadable(&mut self, why: Option<String>, raw: &[u8]);
}

/// Opens the envelopes of the lines of one text, in their order.
#[derive(Debug, Default)]
pub struct Unwrapper {
    /// Lines whose last pieces are not there yet, by envelope and stream.
    pieces: BTreeMap<(usize, Vec<u8>), Vec<u8>>,
    /// Bytes of all pieces.
    waiting: usize,
    /// True if a line was joined of pieces, so that the text must be read in its order.
    pub depends_on_order: bool,
}

impl Unwrapper {
    /// Reads a line, bare or in envelopes.
    pub fn line(&mut self, line: &[u8], log: &mut dyn WrappedLog) {
        if !log.line(line, None) && !self.open(line, log) {
            log.unreadable(None, line);
        }
    }

    /// Reads what is inside a line that is not of the log; false if it is in no envelope.
    pub fn open(&mut self, line: &[u8], log: &mut dyn WrappedLog) -> bool {
        self.open_at(line, None, 0, log)
    }

    /// Notes the lines whose last pieces are missing.
    pub fn finish(&mut self, log: &mut dyn WrappedLog) {
        self.waiting = 0;
        for (_, text) in std::mem::take(&mut self.pieces) {
            let why =
                "a piece of a line whose end is missing; the log was cut, or its end is in another file";
            log.unreadable(Some(why.to_owned()), &text);
        }
    }

    fn inner(&mut self, line: &[u8], received: Option<i64>, depth: usize, log: &mut dyn WrappedLog) {
        if !log.line(line, received) && !self.open_at(line, received, depth, log) {
            log.unreadable(None, line);
        }
    }

    fn open_at(
        &mut self,
        line: &[u8],
        received: Option<i64>,
        depth: usize,
        log: &mut dyn WrappedLog,
    ) -> bool {
        if depth == DEEPEST {
            return false;
        }
        if line.trim_ascii_start().first() == Some(&b'[') && list(line.trim_ascii(), received, log) {
            return true;
        }
        let opened = envelopes::BUILTIN.iter().enumerate().find_map(|(at, e)| Some((at, e.open(line)?)));
        let Some((envelope, inside)) = opened else { return false };
        if inside.is_empty() {
            log.not_a_call("an envelope with nothing in it", line);
        }
        for one in inside {
            let received = one.time.as_deref().and_then(envelope_time).or(received);
            match one.content {
                Content::Nothing => log.not_a_call("an envelope without a line", line),
                Content::OtherStream => log.not_a_call("of another stream", line),
                Content::Object(object, around) => {
                    if !log.object(object, &around, received) {
                        log.unreadable(None, object);
                    }
                }
                Content::Line(_) => self.piece(envelope, one, received, depth + 1, log),
            }
        }
        true
    }

    /// Reads a line, or keeps it until its other pieces are there.
    fn piece(
        &mut self,
        envelope: usize,
        one: Inside<'_>,
        received: Option<i64>,
        depth: usize,
        log: &mut dyn WrappedLog,
    ) {
        let Content::Line(text) = one.content else { return };
        if let Some((element, around)) = one.element {
            if !log.line(&text, received)
                && !self.open_at(&text, received, depth, log)
                && !log.object(element, &around, received)
            {
                log.unreadable(None, &text);
            }
            return;
        }
        let Some((stream, goes_on)) = one.piece else { return self.inner(&text, received, depth, log) };
        let key = (envelope, stream);
        let Some(mut whole) = self.pieces.remove(&key).or_else(|| goes_on.then(Vec::new)) else {
            return self.inner(&text, received, depth, log);
        };
        self.depends_on_order = true;
        self.waiting -= whole.len();
        whole.extend_from_slice(&text);
        if !goes_on {
            self.inner(&whole, received, depth, log);
        } else if self.waiting + whole.len() <= MOST_JOINED {
            self.waiting += whole.len();
            self.pieces.insert(key, whole);
        } else {
            let why = format!(
                "its pieces, and others that wait for theirs, are more than {} MiB",
                MOST_JOINED >> 20
            );
            log.unreadable(Some(why), &whole[..whole.len().min(1_024)]);
        }
    }
}

/// Reads a list of objects; false if none of its elements is of the log.
///
/// Such a list is one row that cannot be read; of any other, each element is a row.
fn list(line: &[u8], received: Option<i64>, log: &mut dyn WrappedLog) -> bool {
    let elements = json::whole_list(line).unwrap_or_default();
    let mut is_row = |element: &[u8]| element.first() == Some(&b'{') && log.object(element, &[], received);
    let Some(first) = elements.iter().position(|element| is_row(element)) else { return false };
    for (at, element) in elements.iter().enumerate().filter(|(at, _)| *at != first) {
        let is_row = at > first && element.first() == Some(&b'{') && log.object(element, &[], received);
        if !is_row {
            log.unreadable(None, element);
        }
    }
    true
}

/// Reads the time of an envelope, in microseconds since 1970.
fn envelope_time(text: &[u8]) -> Option<i64> {
    instant::instant_of_text(text, &Cast::Auto, Tz::UTC)
}
