//! Delivery lines: outcomes and delays from webhook logs, and how well the two logs fit.

use crate::facts::{Outcome, Reconciliation, Stream, Timing};
use crate::policy::Account;
use crate::table::record;

record! {
    table "deliveries", a row is "stream x service x region x outcome x timing x account";
    /// Messages or notifications with the same fate.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct DeliveryLine {
        pub stream: Stream => "stream" Text,
        pub service: String => "service" Text,
        pub region: String => "region" Text,
        pub outcome: Outcome => "outcome" Text,
        pub timing: Timing => "timing" Text,
        pub account: Account => "account" Text,
        pub events_gross: i64 => "events_gross" Integer,
        pub events_net: i64 => "events_net" Integer,
    }
}

record! {
    table "delays", a row is "measure x service x region";
    /// Distribution of a delay in milliseconds, or of a number of attempts; both in millionths.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct DelayLine {
        pub measure: String => "measure" Text,
        pub service: String => "service" Text,
        /// `*` for all regions together.
        pub region: String => "region" Text,
        pub events: i64 => "events" Integer,
        pub p50: Option<i64> => "p50" Decimal,
        pub p90: Option<i64> => "p90" Decimal,
        pub p99: Option<i64> => "p99" Decimal,
    }
}

record! {
    table "reconciliation", a row is "number";
    /// One number of [`Reconciliation`].
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ReconciliationLine {
        pub item: String => "item" Text,
        pub count: i64 => "count" Integer,
    }
}

impl ReconciliationLine {
    pub fn all(of: &Reconciliation) -> Vec<Self> {
        const RARE: [&str; 2] = ["unproven_sends", "statuses_of_others"];
        let items = [
            ("attempts", of.attempts),
            ("statuses", of.statuses),
            ("orphan_statuses", of.orphan_statuses),
            ("orphan_attempts", of.orphan_attempts),
            ("attempts_after_delivery", of.attempts_after_delivery),
            ("stray_attempts", of.stray_attempts),
            ("contradicted_messages", of.contradicted_messages),
            ("admitted_again", of.admitted_again),
            ("unproven_sends", of.unproven_sends),
            ("statuses_of_others", of.statuses_of_others),
        ];
        // Only if there are any, so that other days keep the table that they had.
        let is_told = |(item, n): &(&str, u64)| !RARE.contains(item) || *n > 0;
        let line = |(item, n): (&str, u64)| Self { item: item.to_owned(), count: n.cast_signed() };
        items.into_iter().filter(is_told).map(line).collect()
    }
}
