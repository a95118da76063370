//! Latest rows: how far the webhook log of one region reaches.

/// Instants of the latest webhook rows of one region.
#[derive(Debug, Clone, Default)]
pub struct LatestRows {
    /// Latest row of the day, in microseconds since 1970.
    pub last_us: Option<i64>,
    /// Latest row after the day, within [`MARGIN_US`].
    ///
    /// [`MARGIN_US`]: crate::intake::records::call_record::MARGIN_US
    pub ahead_us: Option<i64>,
}
