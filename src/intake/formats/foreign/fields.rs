//! Fields: the canonical fields of a call, from the names of its row and the marks that hold.

use super::named_value::NamedValue;
use super::row::{self, FormatRow};
use crate::config::{Field, TimeBasis};
use crate::intake::rows::raw_row::{LogValue, RawRow};

/// Fills the canonical fields of a call.
///
/// # Errors
/// The row has no time, or one that cannot be read.
pub fn fill<'f: 'b, 'b>(
    row: &FormatRow<'f, 'b>,
    received: Option<i64>,
    fields: &mut RawRow<'b>,
) -> Result<(), String> {
    let format = row.format;
    for (field, alternatives) in &format.fields {
        let at = *field as usize;
        let (read, cell) = match row.first(alternatives) {
            Ok(found) => found,
            Err(NamedValue::NotLogged) => continue,
            Err(_) => {
                fields.set(at, 0, LogValue::Missing);
                continue;
            }
        };
        let text = match cell {
            NamedValue::Text(text) | NamedValue::Object(text) => text,
            NamedValue::List(mut members) if !members.is_empty() => members.swap_remove(0),
            _ => continue,
        };
        let value = match field {
            Field::Ts | Field::EventTs => {
                if *field == Field::Ts {
                    fields.time_basis = Some(read.basis);
                }
                row::instant_value(text, read, row.zone)?
            }
            Field::Duration => {
                let nanoseconds = row::nanoseconds(&text, read.duration_unit(), row.zone);
                let us = nanoseconds.filter(|ns| *ns >= 0).map(|ns| ns / 1_000);
                us.and_then(|us| i64::try_from(us).ok()).map_or(LogValue::Missing, LogValue::Int)
            }
            Field::HttpStatus => {
                match std::str::from_utf8(&text).ok().and_then(|text| text.trim().parse::<f64>().ok()) {
                    Some(status) if (100.0..1_000.0).contains(&status) => LogValue::Int(status as i64),
                    // `0`, `000`, `-1` and the `009` of an answer in HTTP/0.9: no status.
                    _ => LogValue::Missing,
                }
            }
            _ => LogValue::from_text(text),
        };
        fields.set(at, 0, value);
    }
    if fields.get(Field::Ts).is_missing() {
        let Some(us) = received else {
            return Err("no timestamp".to_owned());
        };
        fields.set(Field::Ts as usize, 0, LogValue::Instant(us));
        fields.time_basis = Some(TimeBasis::End);
    }
    if format.judges_arrival {
        fields.set(Field::Reached as usize, 1, LogValue::text(b"unknown"));
    }
    if let Some(mark) = format.marks.iter().find(|mark| row.holds(mark.when)) {
        for (field, word) in &mark.sets {
            if *field != Field::Reached || format.judges_arrival {
                fields.force(*field as usize, LogValue::text(word));
            }
        }
    }
    Ok(())
}
