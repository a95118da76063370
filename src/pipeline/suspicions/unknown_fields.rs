//! Unknown fields: webhook fields that nobody knows, each told on the first day that has it.

use crate::facts::FieldLine;
use crate::ledger::{Edition, Ledger};
use crate::pipeline::{Attention, AttentionKind};

/// Reports the unknown fields of a day that no other published day has.
///
/// # Errors
/// The fields of another day cannot be read; they are read only if the day has an unknown one.
pub fn attention(ledger: &Ledger, edition: &Edition) -> anyhow::Result<Vec<Attention>> {
    let day = edition.day;
    let mut new: Vec<&FieldLine> = edition.fields.iter().filter(|line| line.is_unknown()).collect();
    // The newest days first: what was told once stands most likely on the day before.
    for (other, number) in ledger.standing().into_iter().rev().filter(|(other, _)| *other != day) {
        if new.is_empty() {
            break;
        }
        let known = ledger.fields(other, number)?;
        new.retain(|line| !known.iter().any(|known| known.field == line.field));
    }
    let told = new.into_iter().map(|line| {
        let message = format!(
            "field `{}`: {} lines of webhooks name it, and nothing was read from {} of them, because nobody knows this \
             field; see daily/{day}/fields. Told once",
            line.field, line.lines, line.ignored
        );
        Attention { day, kind: AttentionKind::UnknownField, message }
    });
    Ok(told.collect())
}
