//! `[source.columns]`: the column of each canonical field, and how its values are written.

use chrono::DateTime;
use chrono::format::{Item, Parsed, StrftimeItems, parse};
use toml::de::DeValue;

use super::{Cast, Column, ColumnSource, Field, Log, Unit};
use crate::document::spelling::advice;
use crate::document::toml::{TomlTable, TomlValue};

pub(super) const KEYS: [&str; 5] = ["from", "value", "unit", "format", "words"];

/// Format of a recipient area that is given by a business-scoped user id.
const BSUID: &str = "bsuid";

const UNITS: [(&str, Unit); 4] =
    [("s", Unit::Seconds), ("ms", Unit::Milliseconds), ("us", Unit::Microseconds), ("ns", Unit::Nanoseconds)];

/// Reads the table of columns.
///
/// `log` is `None` when it could not be read. `has_header` is false for a CSV whose columns can
/// only be named by their position.
pub fn read(columns: &TomlValue<'_>, log: Option<Log>, has_header: bool) -> Vec<Column> {
    let Some(table) = columns.map("[source.columns]") else { return Vec::new() };
    let fields = log.map_or(Field::ALL.as_slice(), Field::of);
    let mut read: Vec<Column> = Vec::new();
    for (name, span, value) in table.entries() {
        let Some(field) = fields.iter().copied().find(|field| field.name() == name) else {
            let (message, label) = match (log, name.parse::<Field>()) {
                (Some(Log::Requests), Ok(_)) => (
                    format!("`{name}` is not a field of request logs"),
                    "of webhook logs only, which have log = \"webhooks\"",
                ),
                (Some(Log::Webhooks), Ok(_)) => {
                    (format!("`{name}` is not a field of webhook logs"), "of request logs only")
                }
                _ => (format!("unknown field `{name}`"), "not a canonical field"),
            };
            let help = advice(name, fields.iter().map(|f| f.name()));
            table.notes().mistake(span, message, label, help);
            continue;
        };
        if let Some(column) = column(field, &value, has_header) {
            read.push(column);
        }
    }
    read.sort_by_key(|column| column.field);
    read
}

fn column(field: Field, value: &TomlValue<'_>, has_header: bool) -> Option<Column> {
    let plain = |from| Column { field, from, cast: Cast::Auto, words: Vec::new() };
    if let DeValue::Boolean(is_on) = value.raw() {
        if *is_on {
            let help = "write the name of a column, or false to switch the field off";
            value.wrong("`true` is no column", "this", help);
            return None;
        }
        return Some(plain(ColumnSource::Off));
    }
    if !matches!(value.raw(), DeValue::Table(_)) {
        return Some(plain(ColumnSource::Name(column_name(value, has_header)?)));
    }
    let table = value.table("a column", &KEYS)?;
    if let Some(constant) = table.get("value") {
        for other in ["from", "unit", "format", "words"].into_iter().filter_map(|key| table.get(key)) {
            let message = format!("`value` and `{}` exclude each other", other.key());
            other.wrong(
                message,
                "this would never be looked at",
                "a constant is taken as it stands; remove one of the two",
            );
        }
        return Some(plain(ColumnSource::Value(constant.text()?.to_owned())));
    }
    let from = table.need("from", "\"column name\"").and_then(|from| column_name(&from, has_header));
    let cast = cast(field, &table);
    let words = table.get("words").map(|words| words_of(&words)).unwrap_or_default();
    Some(Column { field, from: ColumnSource::Name(from?), cast, words })
}

fn column_name(value: &TomlValue<'_>, has_header: bool) -> Option<String> {
    if let DeValue::Integer(_) = value.raw() {
        return value.integer(&(1..=9_999)).map(|position| position.to_string());
    }
    let name = value.text()?;
    if !has_header && !name.parse::<u16>().is_ok_and(|position| position > 0) {
        let help = "with header = false, columns are named by their position, counted from 1";
        value.wrong(format!("`{name}` is not a column position"), "a name, but there is no header", help);
        return None;
    }
    Some(name.to_owned())
}

fn cast(field: Field, table: &TomlTable<'_>) -> Cast {
    let (unit, format) = (table.get("unit"), table.get("format"));
    if let (Some(_), Some(format)) = (&unit, &format) {
        let help = "a number has a unit, a written date has a format; remove one of the two";
        format.wrong("`unit` and `format` exclude each other", "there is a unit already", help);
    }
    if let Some(unit) = unit {
        if !matches!(field, Field::Ts | Field::EventTs | Field::Duration) {
            let message = format!("`{}` has no unit", field.name());
            unit.wrong(message, "only ts, event_ts and duration are measured in something", "remove it");
        } else if let Some(unit) = unit.choice(&UNITS) {
            return Cast::Unit(unit);
        }
    } else if let Some(format) = format {
        if field == Field::RecipientArea {
            let known = format.choice(&[(BSUID, ())]);
            return known.map_or(Cast::Auto, |()| Cast::Format(BSUID.to_owned()));
        }
        if !matches!(field, Field::Ts | Field::EventTs) {
            let message = format!("`{}` has no format", field.name());
            let label = "only ts and event_ts are dates, and recipient_area may be that of a bsuid";
            format.wrong(message, label, "remove it");
        } else if let Some(text) = format.text() {
            return timestamp_format(text, &format);
        }
    }
    Cast::Auto
}

/// Reads a chrono format that gives back the minute from which it was written.
///
/// A format without a time of day would put a whole day's rows into its first slot.
fn timestamp_format(text: &str, value: &TomlValue<'_>) -> Cast {
    let items: Vec<Item<'_>> = StrftimeItems::new(text).collect();
    if items.iter().any(|item| matches!(item, Item::Error)) {
        let help = "use chrono's letters, for example \"%d/%b/%Y:%H:%M:%S %z\"";
        value.wrong(format!("`{text}` is not a timestamp format"), "chrono does not know this", help);
    } else if !is_round_trip(&items) {
        let help = "name day and time down to the minute, for example \"%Y-%m-%d %H:%M:%S\"";
        value.wrong(format!("`{text}` does not tell the instant"), "a part of date or time is missing", help);
    }
    Cast::Format(text.to_owned())
}

fn is_round_trip(items: &[Item<'_>]) -> bool {
    let Some(instant) = DateTime::from_timestamp(1_795_347_900, 0) else { return false };
    let written = instant.format_with_items(items.iter()).to_string();
    let mut parsed = Parsed::new();
    parse(&mut parsed, &written, items.iter()).is_ok()
        && parsed.to_naive_datetime_with_offset(0).is_ok_and(|at| at == instant.naive_utc())
}

fn words_of(words: &TomlValue<'_>) -> Vec<(String, String)> {
    let Some(table) = words.map("words") else { return Vec::new() };
    let read = |(word, _, by): (&str, _, TomlValue<'_>)| match by.raw() {
        // A word replaced by nothing: the field is then absent.
        DeValue::String(text) if text.is_empty() => Some((word.to_owned(), String::new())),
        _ => Some((word.to_owned(), by.text()?.to_owned())),
    };
    table.entries().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamp_formats_must_tell_the_minute() {
        let is_good = |text| is_round_trip(&StrftimeItems::new(text).collect::<Vec<_>>());
        for good in [
            "%d/%b/%Y:%H:%M:%S %z",
            "%Y-%m-%dT%H:%M:%S%.f",
            "%s",
            "%+",
            "%Y%m%d%H%M%S",
            "%F %I:%M:%S %p",
            "%Y-%m-%d %H:%M",
        ] {
            assert!(is_good(good), "{good}");
        }
        for bad in ["%d/%b/%Y", "%H:%M:%S", "%Y-%m-%d %I:%M:%S"] {
            assert!(!is_good(bad), "{bad}");
        }
    }
}
