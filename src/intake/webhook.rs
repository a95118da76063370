//! Webhook rows: one attempt to deliver a notification, with the message status that it carries, read and counted.

use std::path::Path;
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use super::book::{Book, Place};
use super::fields;
use super::ids::{Id, Salt};
use super::instant;
use super::messages::{Said, Saying, Word};
use super::names::Lexicon;
use super::notifications::{Attempt, Attempted, Trial};
use super::payload::{self, Payload};
use super::shape::Desk;
use super::value::{RawRow, Value};
use crate::config::{Config, Field, WEBHOOK_SERVICE};
use crate::error::Trouble;

/// What webhook logs need to know beside their source.
#[derive(Debug, Clone)]
pub struct Join {
    pub salt: Arc<Salt>,
    /// HTTP statuses by which an endpoint takes a notification, both inclusive.
    pub success: (u16, u16),
    /// Whether any source is a webhook log.
    pub is_joined: bool,
}

impl Join {
    pub fn new(config: &Config, salt: &Salt) -> Self {
        Self {
            salt: Arc::new(salt.clone()),
            success: config.webhooks.success,
            is_joined: config.has_webhooks(),
        }
    }
}

/// A status as a row tells it.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    pub message: Id,
    pub word: Word,
    pub us: i64,
    pub code: Option<i64>,
}

/// What a row says once it is read.
#[derive(Debug)]
pub struct Reading {
    pub ts_us: i64,
    pub event_us: i64,
    pub id: Id,
    pub identity: u32,
    /// Its file is put in by the book.
    pub attempted: Attempted,
    pub caller: u32,
}

impl Desk {
    /// Reads a canonical webhook row; the status that it carries is put into `told`.
    ///
    /// # Errors
    /// Which field is wrong, what was found and what is expected.
    pub fn webhook(
        &self,
        row: &RawRow<'_>,
        ts_us: i64,
        place: Place,
        names: &mut Lexicon,
        told: &mut Vec<Told>,
    ) -> Result<Reading, String> {
        let told_us = match row.get(Field::EventTs) {
            Value::Missing => None,
            value => {
                let cast = &self.mapping.event_ts_cast;
                let us = instant::instant(value, cast, self.source().zone);
                Some(us.map_err(|e| format!("event_ts: {e}"))?)
            }
        };
        let http_status = fields::status(row)?;
        let trial = trial(row, http_status)?;
        let mut attempt_no = attempt_no(row)?;
        let message = bytes(row, Field::MessageId)?;
        let word = bytes(row, Field::Status)?;
        let code = fields::code(row, Field::ErrorCode, &mut names.codes)?;
        if let (Some(message), Some(word)) = (&message, &word) {
            let word = Word::of(word);
            let code = code.filter(|_| word == Word::Failed);
            told.push(Told { message: self.salt.id(message), word, us: told_us.unwrap_or(ts_us), code });
        } else if message.is_none() && word.is_some() {
            return Err("status is there and message_id is missing; a status is of a message".into());
        }

        // Everything that must be equal for two rows to be copies, beside notification and instant.
        let mut identity = Xxh3::new();
        identity.update(&attempt_no.to_le_bytes());
        identity.update(message.as_deref().unwrap_or_default());
        identity.update(b"\0");
        identity.update(word.as_deref().unwrap_or_default());
        identity.update(&[0, trial as u8]);
        identity.update(&http_status.to_le_bytes());
        let id = match (bytes(row, Field::WebhookId)?, told.last()) {
            (Some(id), _) => self.salt.id(&id),
            (None, Some(status)) => {
                // A notification without an id of its own is known by what it tells.
                let text = format!("{:x} {} {} {:?}", status.message, status.word as u8, status.us, code);
                self.salt.id(text.as_bytes())
            }
            // It cannot be told from others: it stands alone.
            (None, None) => {
                attempt_no = if attempt_no <= 1 { Attempted::ALONE } else { Attempted::SOME };
                self.salt.id(format!("{} {} {}", place.file, place.chunk, place.row).as_bytes())
            }
        };
        // A later attempt says nothing of when the event was: that is for the first one to tell.
        let is_later = (2..Attempted::ALONE).contains(&attempt_no);
        let event_us = told_us.unwrap_or(if is_later { Attempt::UNKNOWN_US } else { ts_us });
        let attempted = Attempted {
            file: place.file,
            desk: self.number(),
            service: self.notified(row, names)?,
            region: fields::region(row, names)?,
            trial,
            http_status: if trial == Trial::Http { http_status } else { 0 },
            attempt_no,
            is_success: trial == Trial::Http && (self.success.0..=self.success.1).contains(&http_status),
        };
        let caller = self.caller(row, names)?;
        Ok(Reading { ts_us, event_us, id, identity: identity.digest() as u32, attempted, caller })
    }

    fn payload(
        &self,
        payload: &Payload<'_>,
        ts_us: i64,
        place: Place,
        names: &mut Lexicon,
        told: &mut Vec<Told>,
    ) -> Result<Reading, String> {
        let mut row = RawRow::new();
        row.set(Field::BusinessId as usize, 0, Value::text(payload.business_id.as_bytes()));
        for (field, value) in &self.mapping.constants {
            row.force(*field, Value::text(value.as_bytes()));
        }
        told.extend(payload.statuses.iter().map(|status| {
            let word = Word::of(status.status.as_bytes());
            let code = status.error_code.filter(|_| word == Word::Failed);
            let message = self.salt.id(status.message_id.as_bytes());
            Told { message, word, us: status.ts_us.unwrap_or(ts_us), code }
        }));
        let attempted = Attempted {
            file: place.file,
            desk: self.number(),
            service: self.notified(&row, names)?,
            region: fields::region(&row, names)?,
            trial: Trial::Http,
            http_status: 200,
            // Whether the endpoint had to be tried before is not for the receiver to know.
            attempt_no: Attempted::SOME,
            is_success: true,
        };
        let id = self.salt.id(&payload.identity.to_le_bytes());
        let caller = self.caller(&row, names)?;
        Ok(Reading { ts_us, event_us: ts_us, id, identity: 0, attempted, caller })
    }

    fn notified(&self, row: &RawRow<'_>, names: &mut Lexicon) -> Result<u32, String> {
        match fields::name(row, Field::Service, &mut names.services)? {
            0 => Ok(names.services.id(WEBHOOK_SERVICE.as_bytes(), usize::MAX).unwrap_or(0)),
            named => Ok(named),
        }
    }
}

impl Book {
    /// Counts a line with a notification payload: a notification that arrived, and the statuses in it.
    ///
    /// # Errors
    /// Spilling to disk failed.
    pub fn post_payload(
        &mut self,
        desk: &Desk,
        line: &[u8],
        place: Place,
        spill: &Path,
    ) -> Result<(), Trouble> {
        let mut told = Vec::new();
        let read = payload::read(line).and_then(|payload| {
            let ts_us = payload.received_us.or(payload.latest_us);
            let ts_us = ts_us.ok_or("no time: neither a receive time around it nor one in it")?;
            if self.is_far(ts_us) {
                return Ok((ts_us, None));
            }
            let reading = desk.payload(&payload, ts_us, place, &mut self.names, &mut told)?;
            Ok((ts_us, Some(reading)))
        });
        // No excerpt: a payload holds names and what people write to each other.
        if let Some((_, Some(reading))) = self.tally_row(place, read, Vec::new) {
            self.post_webhook(&reading, &told, spill)?;
        }
        Ok(())
    }

    /// Counts a webhook row that was read: the row by its instant, its attempt and its statuses for the join.
    ///
    /// # Errors
    /// Spilling to disk failed.
    pub fn post_webhook(&mut self, reading: &Reading, told: &[Told], spill: &Path) -> Result<(), Trouble> {
        let day = self.day_us();
        if reading.ts_us < day.start {
            return Ok(());
        }
        let is_ahead = reading.ts_us >= day.end;
        self.hear(reading.attempted.region, reading.ts_us);
        let attempted = self.attempted(reading.attempted);
        let attempt = Attempt {
            id: reading.id,
            identity: reading.identity,
            offset_us: reading.ts_us - day.start,
            event_offset_us: reading.event_us.saturating_sub(day.start),
            attempted,
            caller: reading.caller,
        };
        attempt.push(&mut self.attempts, spill)?;
        for status in told {
            let said = Said::Status { word: status.word, code: self.failure(status.code), is_ahead };
            let saying = Saying { id: status.message, offset_us: status.us - day.start, said };
            saying.push(&mut self.messages, spill)?;
        }
        Ok(())
    }
}

/// Text or a whole number as its bytes.
fn bytes<'v>(row: &'v RawRow<'_>, field: Field) -> Result<Option<std::borrow::Cow<'v, [u8]>>, String> {
    match row.get(field) {
        Value::Missing => Ok(None),
        Value::Text(text) => Ok(Some(std::borrow::Cow::Borrowed(text))),
        Value::Int(n) => Ok(Some(n.to_string().into_bytes().into())),
        other => Err(format!("{} is {}, expected text or a whole number", field.column(), other.excerpt())),
    }
}

fn trial(row: &RawRow<'_>, http_status: u16) -> Result<Trial, String> {
    let value = row.get(Field::Outcome);
    let trial = match value {
        Value::Missing if http_status != 0 => Trial::Http,
        Value::Text(text) => match text.as_ref() {
            b"http" => Trial::Http,
            b"dns" => Trial::Dns,
            b"connect" => Trial::Connect,
            b"tls" => Trial::Tls,
            b"reset" => Trial::Reset,
            b"timeout" => Trial::Timeout,
            b"none" => Trial::None,
            _ => return Err(wrong_outcome(value)),
        },
        _ => return Err(wrong_outcome(value)),
    };
    if trial != Trial::Http && http_status != 0 {
        let found = value.excerpt();
        return Err(format!("outcome is {found} and http_status is {http_status}; only `http` has a status"));
    }
    if trial == Trial::Http && http_status == 0 {
        return Err("outcome is `http` and http_status is missing; expected 100 to 999".into());
    }
    Ok(trial)
}

fn wrong_outcome(value: &Value<'_>) -> String {
    format!("outcome is {}, expected http, dns, connect, tls, reset, timeout or none", value.excerpt())
}

fn attempt_no(row: &RawRow<'_>) -> Result<u16, String> {
    match fields::integer(row, Field::AttemptNo)? {
        None => Ok(0),
        Some(n @ 1..) => Ok(n.min(i64::from(Attempted::ALONE) - 1) as u16),
        Some(_) => Err(format!(
            "attempt_no is {}, expected a whole number from 1",
            row.get(Field::AttemptNo).excerpt()
        )),
    }
}
