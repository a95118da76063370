//! Unknown fields: webhook fields that nobody knows.

use crate::attention::{Attention, AttentionKind};
use crate::ledger::Edition;

/// Reports the unknown fields of a day.
pub fn attention(edition: &Edition) -> impl Iterator<Item = Attention> + '_ {
    let day = edition.day;
    edition.fields.iter().filter(|line| line.is_unknown()).map(move |line| {
        let message = format!(
            "field `{}`: {} lines of webhooks name it, and nothing was read from {} of them, because nobody knows this field; see \
             daily/{day}/fields",
            line.field, line.lines, line.ignored
        );
        Attention::new(AttentionKind::UnknownField, day, &[&line.field], message).of_measure(line.lines)
    })
}
