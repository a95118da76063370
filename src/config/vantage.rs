//! Vantage: where a log is written.

use serde::{Deserialize, Serialize};

use super::Log;

/// Where a source stands, which decides what a network symptom means (R4, R5).
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
    /// Where such a log is taken to be written when nobody says.
    pub const fn usual(log: Log) -> Self {
        match log {
            Log::Requests => Self::FirstLayer,
            Log::Webhooks => Self::WebhookEgress,
        }
    }

    /// Of several views of one call the inner one counts: 0 is innermost.
    pub const fn rank(self) -> u32 {
        match self {
            Self::FirstLayer => 0,
            Self::EdgeIngress => 1,
            Self::CallerEgress => 2,
            Self::WebhookEgress => 3,
        }
    }
}
