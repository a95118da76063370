//! Fields: the canonical fields of a call, from the names of its row and the marks that hold.

use std::borrow::Cow;

use super::compile::CompiledMark;
use super::named_value::NamedValue;
use super::row::{self, Absent, FormatRow, ValueSlice};
use crate::config::{Field, TimeBasis};
use crate::intake::rows::raw_row::{LogValue, RawRow};

/// Fills the canonical fields of a call.
///
/// # Errors
/// The row has no time, or one that cannot be read.
pub fn fill<'f: 'b, 'b>(
    row: &FormatRow<'f, 'b>,
    mark: Option<&'f CompiledMark>,
    received: Option<i64>,
    fields: &mut RawRow<'b>,
) -> Result<(), String> {
    let format = row.format;
    for (field, alternatives) in &format.fields {
        let at = *field as usize;
        if *field == Field::Duration {
            let us = match row.first_duration(alternatives) {
                Ok(nanoseconds) => nanoseconds.filter(|ns| *ns >= 0).map(|ns| ns / 1_000),
                Err(Absent::NotLogged) => continue,
                Err(Absent::Empty) => None,
            };
            let value = us.and_then(|us| i64::try_from(us).ok()).map_or(LogValue::Missing, LogValue::Int);
            fields.set(at, 0, value);
            continue;
        }
        let (read, text) = match row.first_slice(alternatives) {
            ValueSlice::NotLogged => continue,
            ValueSlice::Empty => {
                fields.set(at, 0, LogValue::Missing);
                continue;
            }
            ValueSlice::Text(_, text) if !matches!(field, Field::Ts | Field::EventTs | Field::HttpStatus) => {
                fields.set_text(at, 0, text);
                continue;
            }
            ValueSlice::Text(read, text) => (read, Cow::Borrowed(text)),
            ValueSlice::Other => match row.first(alternatives) {
                Ok((read, NamedValue::Text(text) | NamedValue::Object(text))) => (read, text),
                Ok((read, NamedValue::List(mut members))) if !members.is_empty() => {
                    (read, members.swap_remove(0))
                }
                Ok(_) | Err(NamedValue::NotLogged) => continue,
                Err(_) => {
                    fields.set(at, 0, LogValue::Missing);
                    continue;
                }
            },
        };
        let value = match field {
            Field::Ts | Field::EventTs => {
                if *field == Field::Ts {
                    fields.time_basis = Some(read.basis);
                }
                row::instant_value(text, read, row.zone)?
            }
            Field::HttpStatus => status(&text),
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
    if let Some(mark) = mark {
        for (field, word) in &mark.sets {
            if *field != Field::Reached || format.judges_arrival {
                fields.force(*field as usize, LogValue::text(word));
            }
        }
    }
    Ok(())
}

/// Returns the status that a text says.
fn status(text: &[u8]) -> LogValue<'static> {
    if let [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] = text {
        let digit = |byte: &u8| i64::from(byte - b'0');
        return LogValue::Int(digit(a) * 100 + digit(b) * 10 + digit(c));
    }
    match std::str::from_utf8(text).ok().and_then(|text| text.trim().parse::<f64>().ok()) {
        Some(status) if (100.0..1_000.0).contains(&status) => LogValue::Int(status as i64),
        // `0`, `000`, `-1` and the `009` of an answer in HTTP/0.9: no status.
        _ => LogValue::Missing,
    }
}
