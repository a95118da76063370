//! Field: the canonical fields of log rows, and the types of rows, times and ids.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::document::spelling::advice;

/// The type of rows of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Log {
    /// One row per API call.
    Requests,
    /// One row per attempt of an outbound webhook, with the message status it carries, if any.
    Webhooks,
}

impl Log {
    /// Returns the word in configs and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Webhooks => "webhooks",
        }
    }
}

/// Canonical fields: those of request rows, then those of webhook rows alone (data/logs.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Field {
    Ts,
    Duration,
    RequestId,
    TraceId,
    BusinessId,
    Service,
    Endpoint,
    Region,
    HttpStatus,
    UpstreamStatus,
    Reached,
    Symptom,
    ErrorCode,
    ErrorSubcode,
    IsTransient,
    IsSuccess,
    MessageId,
    MessageStatus,
    Correlation,
    Scope,
    RecipientArea,
    ClientPlatform,
    ClientVersion,
    EventTs,
    WebhookId,
    Topic,
    Status,
    AttemptNo,
    Outcome,
}

impl Field {
    /// All fields, in the order of data/logs.md.
    pub const ALL: [Self; 29] = [
        Self::Ts,
        Self::Duration,
        Self::RequestId,
        Self::TraceId,
        Self::BusinessId,
        Self::Service,
        Self::Endpoint,
        Self::Region,
        Self::HttpStatus,
        Self::UpstreamStatus,
        Self::Reached,
        Self::Symptom,
        Self::ErrorCode,
        Self::ErrorSubcode,
        Self::IsTransient,
        Self::IsSuccess,
        Self::MessageId,
        Self::MessageStatus,
        Self::Correlation,
        Self::Scope,
        Self::RecipientArea,
        Self::ClientPlatform,
        Self::ClientVersion,
        Self::EventTs,
        Self::WebhookId,
        Self::Topic,
        Self::Status,
        Self::AttemptNo,
        Self::Outcome,
    ];

    /// Fields of a webhook row, in the order of data/logs.md.
    pub const WEBHOOK: [Self; 14] = [
        Self::Ts,
        Self::EventTs,
        Self::WebhookId,
        Self::BusinessId,
        Self::Service,
        Self::Region,
        Self::Topic,
        Self::MessageId,
        Self::Correlation,
        Self::Status,
        Self::ErrorCode,
        Self::AttemptNo,
        Self::Outcome,
        Self::HttpStatus,
    ];

    /// Returns the fields of the rows of a log.
    pub const fn of(log: Log) -> &'static [Self] {
        match log {
            Log::Requests => Self::ALL.split_at(23).0,
            Log::Webhooks => &Self::WEBHOOK,
        }
    }

    /// Returns the name in configs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ts => "ts",
            Self::Duration => "duration",
            Self::RequestId => "request_id",
            Self::TraceId => "trace_id",
            Self::BusinessId => "business_id",
            Self::Service => "service",
            Self::Endpoint => "endpoint",
            Self::Region => "region",
            Self::HttpStatus => "http_status",
            Self::UpstreamStatus => "upstream_status",
            Self::Reached => "reached",
            Self::Symptom => "symptom",
            Self::ErrorCode => "error_code",
            Self::ErrorSubcode => "error_subcode",
            Self::IsTransient => "is_transient",
            Self::IsSuccess => "is_success",
            Self::MessageId => "message_id",
            Self::MessageStatus => "message_status",
            Self::Correlation => "correlation_id",
            Self::Scope => "scope",
            Self::RecipientArea => "recipient_area",
            Self::ClientPlatform => "client_platform",
            Self::ClientVersion => "client_version",
            Self::EventTs => "event_ts",
            Self::WebhookId => "webhook_id",
            Self::Topic => "field",
            Self::Status => "status",
            Self::AttemptNo => "attempt_no",
            Self::Outcome => "outcome",
        }
    }
}

impl Field {
    /// Returns the field's column in canonical logs, with its unit.
    pub const fn column(self) -> &'static str {
        match self {
            Self::Duration => "duration_ms",
            _ => self.name(),
        }
    }
}

impl FromStr for Field {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|field| field.name() == text).ok_or_else(|| {
            format!("`{text}` is not a canonical field; {}", advice(text, Self::ALL.iter().map(|f| f.name())))
        })
    }
}

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

/// The end of a request that its timestamp marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeBasis {
    Start,
    /// The end of the request: the reader subtracts the duration.
    End,
}

/// What the request ids of a source say about its rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Identity {
    /// Rows with one id are one call.
    #[default]
    Unique,
    /// The id comes from the client and may repeat: rows with one id and one instant are one call.
    Client,
    /// Nothing: every row is a call of its own.
    None,
}
