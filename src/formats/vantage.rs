//! Vantage: the place where a log is written.

use serde::{Deserialize, Serialize};

use crate::formats::Log;

/// The place where a log is written, which decides the meaning of a network symptom (R4, R5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vantage {
    /// A proxy or client on the business's side; its upstream is the platform.
    CallerEgress,
    /// The platform's outer proxy; its upstream is the first layer.
    EdgeIngress,
    /// The first layer's own log.
    FirstLayer,
    /// The platform's proxy towards the businesses' endpoints.
    WebhookEgress,
}

impl Vantage {
    /// Returns the vantage of a log whose source names none.
    pub const fn usual(log: Log) -> Self {
        match log {
            Log::Requests => Self::FirstLayer,
            Log::Webhooks => Self::WebhookEgress,
        }
    }

    /// Returns the rank of a view: 0 is innermost, and of several views the innermost counts.
    pub const fn rank(self) -> u32 {
        match self {
            Self::FirstLayer => 0,
            Self::EdgeIngress => 1,
            Self::CallerEgress => 2,
            Self::WebhookEgress => 3,
        }
    }
}
