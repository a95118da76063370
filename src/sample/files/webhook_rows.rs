//! Webhook rows: their fields, and their lines of CSV or NDJSON.

use super::text::{cell, integer, key, member};
use crate::sample::traffic::Message;
use crate::sample::traffic::callers::{CallerCast, digits, wamid};
use crate::sample::webhooks::attempts::Reply;
use crate::sample::webhooks::shipping_queue::Due;
use crate::sample::webhooks::statuses::Status;

/// The canonical fields of webhook logs, in the order of every format.
pub const WEBHOOK_FIELDS: [&str; 13] = [
    "ts",
    "event_ts",
    "webhook_id",
    "business_id",
    "service",
    "region",
    "field",
    "message_id",
    "status",
    "error_code",
    "attempt_no",
    "outcome",
    "http_status",
];

/// The topics of notifications.
pub const TOPICS: [&str; 4] =
    ["messages", "message_template_status_update", "account_update", "phone_number_quality_update"];

/// One row to be written: an attempt of a notification.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    pub ts_us: i64,
    pub shipped_us: i64,
    pub event_us: i64,
    /// Number within the day; with the day it identifies the notification.
    pub number: u32,
    pub day: u16,
    /// Index into [`TOPICS`].
    pub topic: u8,
    pub region: u8,
    /// The status that it carries.
    pub status: Option<(Message, Status)>,
    /// 0 without one.
    pub error_code: u32,
    pub caller: u16,
    /// Number of the file among those of its day and region.
    pub part: u16,
    pub nth: u16,
    pub reply: Reply,
    pub is_copy: bool,
    /// 1 to 3 for a broken row, as in request rows; 0 for a good one.
    pub flaw: u8,
}

impl Due for Attempt {
    type Order = (i64, u16, u32, u16, bool, u16);

    fn shipped_us(&self) -> i64 {
        self.shipped_us
    }

    fn order(&self) -> Self::Order {
        (self.shipped_us, self.day, self.number, self.nth, self.is_copy, self.part)
    }
}

/// The fields of one row, reused from row to row; empty text stands for an empty field.
#[derive(Default)]
pub struct WebhookRow<'a> {
    pub ts_us: i64,
    pub event_us: i64,
    pub ts: String,
    pub event_ts: String,
    pub webhook_id: String,
    pub business_id: &'a str,
    pub field: &'static str,
    pub message_id: String,
    pub status: &'static str,
    pub error_code: Option<i64>,
    pub attempt_no: i64,
    pub outcome: &'static str,
    pub http_status: Option<i32>,
}

impl<'a> WebhookRow<'a> {
    pub fn fill(&mut self, cast: &'a CallerCast, attempt: &Attempt) {
        self.ts_us = attempt.ts_us;
        self.event_us = attempt.event_us;
        for (out, us) in [(&mut self.ts, attempt.ts_us), (&mut self.event_ts, attempt.event_us)] {
            out.clear();
            cast.instant(out, us);
        }
        self.webhook_id.clear();
        self.webhook_id.push_str("w-");
        self.webhook_id.push_str(cast.date(usize::from(attempt.day)));
        digits(&mut self.webhook_id, u64::from(attempt.number), 8);
        self.business_id = cast.business_id(attempt.caller);
        self.field = TOPICS[usize::from(attempt.topic)];
        self.message_id.clear();
        self.status = "";
        if let Some((message, status)) = &attempt.status {
            wamid(&mut self.message_id, message);
            self.status = status.name();
        }
        self.error_code = (attempt.error_code != 0).then_some(i64::from(attempt.error_code));
        self.attempt_no = i64::from(attempt.nth);
        self.outcome = attempt.reply.outcome();
        self.http_status = attempt.reply.http_status();
    }
}

pub fn csv_header(out: &mut Vec<u8>) {
    out.extend_from_slice(WEBHOOK_FIELDS.join(",").as_bytes());
    out.push(b'\n');
}

/// Writes a CSV line; no value needs quoting.
///
/// Flaws: 1 too few fields, 2 a status that is no number, 3 a timestamp that cannot be read.
pub fn csv(out: &mut Vec<u8>, row: &WebhookRow<'_>, flaw: u8) {
    let line = out.len();
    if flaw == 3 {
        out.extend_from_slice(row.ts.replace('T', " at ").as_bytes());
    } else {
        out.extend_from_slice(row.ts.as_bytes());
    }
    for text in [
        row.event_ts.as_str(),
        row.webhook_id.as_str(),
        row.business_id,
        // Service and region are empty, because they follow from the config and the path.
        "",
        "",
        row.field,
        row.message_id.as_str(),
        row.status,
    ] {
        cell(out, text);
    }
    out.push(b',');
    if let Some(code) = row.error_code {
        integer(out, code);
    }
    out.push(b',');
    integer(out, row.attempt_no);
    cell(out, row.outcome);
    out.push(b',');
    if flaw == 2 {
        out.extend_from_slice(b"2o0");
    } else if let Some(status) = row.http_status {
        integer(out, i64::from(status));
    }
    if flaw == 1 {
        let fifth = memchr::memchr_iter(b',', &out[line..]).nth(4).unwrap_or(0);
        out.truncate(line + fifth);
    }
    out.push(b'\n');
}

/// Writes an NDJSON line.
///
/// Flaws: 1 cut off in the middle, 2 a status that is no number, 3 a line that is no object.
pub fn ndjson(out: &mut Vec<u8>, row: &WebhookRow<'_>, flaw: u8) {
    let line = out.len();
    if flaw == 3 {
        out.extend_from_slice(b"[\"");
        out.extend_from_slice(row.ts.as_bytes());
        out.extend_from_slice(b"\",\"not an object\"]\n");
        return;
    }
    out.extend_from_slice(b"{\"ts\":\"");
    out.extend_from_slice(row.ts.as_bytes());
    out.push(b'"');
    member(out, "event_ts", &row.event_ts);
    member(out, "webhook_id", &row.webhook_id);
    member(out, "business_id", row.business_id);
    member(out, "field", row.field);
    member(out, "message_id", &row.message_id);
    member(out, "status", row.status);
    if let Some(code) = row.error_code {
        key(out, "error_code");
        integer(out, code);
    }
    key(out, "attempt_no");
    integer(out, row.attempt_no);
    member(out, "outcome", row.outcome);
    if flaw == 2 {
        member(out, "http_status", "two hundred");
    } else if let Some(status) = row.http_status {
        key(out, "http_status");
        integer(out, i64::from(status));
    }
    if flaw == 1 {
        out.truncate(line + (out.len() - line) / 2);
    } else {
        out.push(b'}');
    }
    out.push(b'\n');
}
