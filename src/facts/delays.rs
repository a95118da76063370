//! Delays: histograms of how long outcomes took, or how many attempts they needed.

use serde::{Deserialize, Serialize};

use super::Histogram;

/// One histogram for each kind of delay, service and region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delays(pub std::collections::BTreeMap<(DelayKind, String, String), Histogram>);

impl Delays {
    /// Adds `n` events of a value in microseconds, or of attempts; a negative value counts as 0.
    pub fn add(&mut self, measure: DelayKind, service: &str, region: &str, value: i64, n: i64) {
        let value = u64::try_from(value).unwrap_or(0);
        let key = (measure, service.to_owned(), region.to_owned());
        self.0.entry(key).or_default().add(super::latency::bucket(value), n);
    }

    /// Adds all histograms of another.
    pub fn merge(&mut self, other: &Self) {
        for (key, histogram) in &other.0 {
            self.0.entry(key.clone()).or_default().merge(histogram);
        }
    }
}

/// A measured quantity: a time in microseconds, or a number of attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DelayKind {
    /// From the admission of a message to its first status.
    FirstStatus,
    /// From an event to the first attempt of its notification.
    FirstAttempt,
    /// Attempts until the endpoint accepted a notification.
    AttemptsToSuccess,
}

impl DelayKind {
    /// The name in reports; times are reported in milliseconds.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FirstStatus => "first_status_delay_ms",
            Self::FirstAttempt => "first_attempt_delay_ms",
            Self::AttemptsToSuccess => "attempts_to_success",
        }
    }
}
