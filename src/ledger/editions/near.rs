//! Near slots: the slots of a service that runs over midnights can depend on, as they are stored.

use std::sync::Arc;

use crate::config::SlotRule;
use crate::slots::{Judged, Scope, ScopeKind, Side, Slots, near_cells};

/// A slot and its judged events.
pub type NearCell = (u32, Judged);

/// Lists the slots of a service that a longer timeline needs.
pub fn near_of(slots: &Slots, scope: &Scope, book: Side, rule: &SlotRule) -> Arc<[NearCell]> {
    if scope.kind == ScopeKind::Component || rule.version.is_first() {
        return [].into();
    }
    near_cells(&slots.judged(scope, book, rule), i64::from(slots.length().seconds()), rule).into()
}

/// Writes slots as `slot:judged events`, separated by commas.
pub fn near_text(near: &[NearCell]) -> String {
    near.iter().map(|(slot, judged)| format!("{slot}:{judged}")).collect::<Vec<_>>().join(",")
}

/// Reads what [`near_text`] wrote.
///
/// # Errors
/// A slot or its judged events do not parse.
pub fn near_of_text(text: &str) -> Result<Arc<[NearCell]>, String> {
    let cell = |text: &str| {
        let (slot, judged) = text.split_once(':').ok_or_else(|| format!("`{text}` names no slot"))?;
        Ok((slot.parse().map_err(|e| format!("`{slot}`: {e}"))?, judged.parse()?))
    };
    text.split(',').filter(|text| !text.is_empty()).map(cell).collect()
}
