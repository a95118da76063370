//! Attempt reader: reads one attempt to deliver a notification from a webhook row.
//!
//! The row may also report the status of a message.

use std::borrow::Cow;

use xxhash_rust::xxh3::xxh3_64;

use super::interner::Lexicon;
use super::raw_row::{LogValue, RawRow};
use super::source_reader::SourceReader;
use super::{fields, instant};
use crate::config::{Field, WEBHOOK_SERVICE};
use crate::daybook::delivery::{AttemptResult, AttemptTraits};
use crate::daybook::message::{StatusOrigin, StatusWord};
use crate::facts::ids::{Id, short};
use crate::intake::counting::notes::evidence::RowPlace;
use crate::intake::formats::webhook_payload::{Payload, PayloadStatus};
use crate::intake::records::attempt_record::AttemptRecord;

/// A message status that a row reports.
#[derive(Debug, Clone, Copy)]
pub struct ParsedStatus {
    pub message: Id,
    pub word: StatusWord,
    /// Instant of the status, in microseconds since 1970.
    pub us: i64,
    /// Error code of a failed message.
    pub code: Option<i64>,
    /// Correlation of the message; 0 for none.
    pub correlation: u64,
    pub origin: StatusOrigin,
    /// Bit of the participant of a group that the status names; 0 for none.
    pub participant: u8,
}

/// Values of a webhook row.
#[derive(Debug)]
pub struct ParsedAttempt {
    /// Instant of the attempt, in microseconds since 1970.
    pub ts_us: i64,
    /// Instant of the event, in microseconds since 1970, or [`AttemptRecord::UNKNOWN_US`].
    pub event_us: i64,
    pub id: Id,
    /// Differs between attempts of the same notification and instant that are not copies.
    pub identity: u32,
    /// Traits that other attempts may share.
    pub attempted: AttemptTraits,
    pub caller: u32,
}

impl SourceReader {
    /// Reads a canonical webhook row; the status that it reports is appended to `told`.
    ///
    /// # Errors
    /// A field cannot be read; the message says which one, what was found and what is expected.
    pub fn webhook(
        &self,
        row: &RawRow<'_>,
        ts_us: i64,
        place: RowPlace,
        names: &mut Lexicon,
        told: &mut Vec<ParsedStatus>,
    ) -> Result<ParsedAttempt, String> {
        row.check_lengths()?;
        let told_us = self.event_us(row.get(Field::EventTs), ts_us)?;
        let http_status = fields::status(row)?;
        let trial = trial(row, http_status)?;
        let mut attempt_no = attempt_no(row)?;
        let message = bytes(row, Field::MessageId)?.and_then(|id| self.keyed(&id));
        let word = bytes(row, Field::Status)?;
        let code = fields::code(row, Field::ErrorCode, &mut names.codes)?;
        if let (Some(message), Some(word)) = (message, &word) {
            let word = StatusWord::of(word);
            let code = code.filter(|_| word == StatusWord::Failed);
            let correlation = short(self.correlation(row.get(Field::Correlation))?);
            let us = told_us.unwrap_or(ts_us);
            let origin = StatusOrigin::Own;
            told.push(ParsedStatus { message, word, us, code, correlation, origin, participant: 0 });
        } else if message.is_none() && word.is_some() {
            return Err("status is there and message_id is missing; a status is of a message".into());
        }

        let lower = word.as_deref().map(<[u8]>::to_ascii_lowercase);
        let word = hash_of(word.as_deref());
        let id = match (bytes(row, Field::WebhookId)?.and_then(|id| self.keyed(&id)), told.last()) {
            (Some(id), _) => id,
            (None, Some(status)) => {
                // A notification without an id is identified by the message and the status that it
                // reports. Its instant and its code are no part: attempts of one notification may
                // spell an instant in several ways, or leave it out.
                let text = format!("{:x} {:x}", status.message, hash_of(lower.as_deref()));
                self.salt.id(text.as_bytes())
            }
            // The row cannot be matched with others, so it stands alone.
            (None, None) => {
                attempt_no = if attempt_no <= 1 { AttemptTraits::ALONE } else { AttemptTraits::SOME };
                self.salt.id(format!("{} {} {}", place.file, place.chunk, place.row).as_bytes())
            }
        };
        let event_us = told_us.unwrap_or(untold_event_us(attempt_no, ts_us));
        let attempted = AttemptTraits {
            file: place.file,
            source_reader: self.number(),
            service: self.notified(row, names)?,
            region: fields::region(row, names, &self.declared.regions)?,
            trial,
            http_status: if trial == AttemptResult::Http { http_status } else { 0 },
            attempt_no,
            is_success: trial == AttemptResult::Http
                && (self.success.0..=self.success.1).contains(&http_status),
        };
        let caller = self.caller(row.get(Field::BusinessId), names)?;
        let identity = identity(&attempted, message, word);
        Ok(ParsedAttempt { ts_us, event_us, id, identity, attempted, caller })
    }

    /// Reads the instant of the event that a row reports, in microseconds since 1970.
    fn event_us(&self, value: &LogValue<'_>, ts_us: i64) -> Result<Option<i64>, String> {
        if value.is_missing() {
            return Ok(None);
        }
        let us = instant::instant(value, &self.mapping.event_ts_cast, self.source().zone);
        let us = us.map_err(|e| format!("event_ts: {e}"))?;
        self.check_meant(us).map_err(|why| format!("event_ts {} {why}", value.excerpt()))?;
        let cast = &self.mapping.event_ts_cast;
        Ok(Some(self.repeated_hour().map_or(us, |hour| hour.before(value, cast, us, ts_us))))
    }

    pub fn payload(
        &self,
        payload: &Payload<'_>,
        ts_us: i64,
        place: RowPlace,
        names: &mut Lexicon,
        told: &mut Vec<ParsedStatus>,
    ) -> Result<ParsedAttempt, String> {
        let mut row = RawRow::new();
        row.set(Field::BusinessId as usize, 0, LogValue::text(payload.business_id.as_bytes()));
        for (field, value) in &self.mapping.constants {
            row.force(*field, LogValue::text(value.as_bytes()));
        }
        told.extend(payload.statuses.iter().filter_map(|status| {
            let word = match status.origin {
                StatusOrigin::Echo => StatusWord::Other,
                _ => StatusWord::of(status.status.as_bytes()),
            };
            let code = status.error_code.filter(|_| word == StatusWord::Failed);
            let message = self.keyed(status.message_id.as_bytes().trim_ascii())?;
            // A status whose own time says nothing was received when its notification was.
            let us = status.ts_us.filter(|us| self.is_meant(*us)).unwrap_or(ts_us);
            let correlation = status.correlation.as_deref().map_or(0, |c| self.correlated(c.as_bytes()));
            let correlation = short(correlation);
            let PayloadStatus { origin, participant, .. } = *status;
            Some(ParsedStatus { message, word, us, code, correlation, origin, participant })
        }));
        let attempted = AttemptTraits {
            file: place.file,
            source_reader: self.number(),
            service: self.notified(&row, names)?,
            region: fields::region(&row, names, &self.declared.regions)?,
            trial: AttemptResult::Http,
            http_status: 200,
            // The receiver cannot know whether the endpoint had to be tried before.
            attempt_no: AttemptTraits::SOME,
            is_success: true,
        };
        let id = self.salt.id(&payload.identity.to_le_bytes());
        let caller = self.caller(row.get(Field::BusinessId), names)?;
        Ok(ParsedAttempt { ts_us, event_us: ts_us, id, identity: 0, attempted, caller })
    }

    fn notified(&self, row: &RawRow<'_>, names: &mut Lexicon) -> Result<u32, String> {
        match fields::name(row, Field::Service, &mut names.services, &self.declared.services)? {
            0 => Ok(names.services.id(WEBHOOK_SERVICE.as_bytes(), usize::MAX).unwrap_or(0)),
            named => Ok(named),
        }
    }
}

/// Returns the instant of an event that the log does not tell.
///
/// A first attempt stands for it. A later attempt does not, so the first one decides.
pub fn untold_event_us(attempt_no: u16, ts_us: i64) -> i64 {
    if (2..AttemptTraits::ALONE).contains(&attempt_no) { AttemptRecord::UNKNOWN_US } else { ts_us }
}

/// Hashes the values that must be equal for two rows to be copies.
///
/// Notification and instant are compared in addition. The hash covers the result of the attempt,
/// and the message and the status that it reported; numbers of services and regions are
/// worker-local and no part of it.
pub fn identity(attempted: &AttemptTraits, message: Option<Id>, word: u64) -> u32 {
    let AttemptTraits { trial, http_status, attempt_no, .. } = *attempted;
    let own = u64::from(http_status) << 32 | u64::from(attempt_no) << 8 | trial as u64;
    let message = message.unwrap_or_default();
    // Ids and words are hashes already; they must only be kept from cancelling each other out.
    let mixed = (message as u64 ^ word.rotate_left(23)).wrapping_add(own).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as u32 ^ mixed as u32
}

/// Returns the hash of a status word; 0 without one.
pub fn hash_of(word: Option<&[u8]>) -> u64 {
    word.map_or(0, xxh3_64)
}

/// Returns text, or a whole number, as bytes.
pub fn bytes<'v>(row: &'v RawRow<'_>, field: Field) -> Result<Option<Cow<'v, [u8]>>, String> {
    match row.get(field) {
        LogValue::Missing => Ok(None),
        LogValue::Text(text) => Ok(Some(Cow::Borrowed(text))),
        LogValue::Int(n) => Ok(Some(n.to_string().into_bytes().into())),
        other => Err(format!("{} is {}, expected text or a whole number", field.column(), other.excerpt())),
    }
}

fn trial(row: &RawRow<'_>, http_status: u16) -> Result<AttemptResult, String> {
    let value = row.get(Field::Outcome);
    let trial = match value {
        LogValue::Missing if http_status != 0 => AttemptResult::Http,
        LogValue::Text(text) => match text.as_ref() {
            // The endpoint had answered before its body broke off, so its status counts.
            b"http" | b"cut_off" => AttemptResult::Http,
            b"dns" => AttemptResult::Dns,
            b"connect" => AttemptResult::Connect,
            b"tls" => AttemptResult::Tls,
            b"reset" => AttemptResult::Reset,
            b"timeout" => AttemptResult::Timeout,
            b"none" => AttemptResult::None,
            _ => return Err(wrong_outcome(value)),
        },
        _ => return Err(wrong_outcome(value)),
    };
    if trial != AttemptResult::Http && http_status != 0 {
        let found = value.excerpt();
        return Err(format!("outcome is {found} and http_status is {http_status}; only `http` has a status"));
    }
    if trial == AttemptResult::Http && http_status == 0 {
        return Err("outcome is `http` and http_status is missing; expected 100 to 999".into());
    }
    Ok(trial)
}

fn wrong_outcome(value: &LogValue<'_>) -> String {
    format!(
        "outcome is {}, expected http, dns, connect, tls, reset, timeout, cut_off or none",
        value.excerpt()
    )
}

/// Reads the attempt number; 0 if it is missing.
fn attempt_no(row: &RawRow<'_>) -> Result<u16, String> {
    match fields::integer(row, Field::AttemptNo)? {
        None => Ok(0),
        Some(n @ 1..) => Ok(n.min(i64::from(AttemptTraits::ALONE) - 1) as u16),
        Some(_) => Err(format!(
            "attempt_no is {}, expected a whole number from 1",
            row.get(Field::AttemptNo).excerpt()
        )),
    }
}
