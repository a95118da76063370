//! A table as CSV: UTF-8, comma, header line, `\n`, null as empty.

use super::{Table, Value};
use crate::day::rfc3339;

impl Table {
    /// The table as CSV. Spreadsheets run text that begins like a formula, so such text gets a leading apostrophe.
    pub fn to_csv(&self) -> Vec<u8> {
        let mut writer = csv::Writer::from_writer(Vec::with_capacity(self.rows * 64));
        let header = self.spec.columns.iter().map(|c| c.name);
        let mut written = writer.write_record(header);
        for row in 0..self.rows {
            let fields = (0..self.columns.len()).map(|column| field(&self.value(row, column)));
            written = written.and_then(|()| writer.write_record(fields));
        }
        match (written, writer.into_inner()) {
            (Ok(()), Ok(bytes)) => bytes,
            _ => unreachable!("writing to memory does not fail, and every row has the width of the schema"),
        }
    }
}

fn field(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Text(text) => harmless(text),
        Value::Integer(n) => n.to_string(),
        Value::Decimal(millionths) => decimal(*millionths),
        Value::Boolean(is) => is.to_string(),
        Value::Instant(us) => rfc3339(*us),
        Value::Date(days) => date(*days),
    }
}

/// A lone `-` (region not logged) is no formula and stays as it is.
fn harmless(text: &str) -> String {
    if text != "-" && text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// Millionths with six fixed digits: `99.999900`.
pub fn decimal(millionths: i64) -> String {
    let sign = if millionths < 0 { "-" } else { "" };
    let whole = millionths.unsigned_abs();
    format!("{sign}{}.{:06}", whole / 1_000_000, whole % 1_000_000)
}

fn date(days: i64) -> String {
    let date = i32::try_from(days).ok().and_then(chrono::NaiveDate::from_epoch_days);
    date.map_or_else(|| format!("{days} days since 1970"), |d| d.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_text() {
        for bad in ["=1+1", "+1", "-1", "@x", "\tx", "\rx"] {
            assert_eq!(harmless(bad), format!("'{bad}"));
        }
        assert_eq!(harmless("-"), "-");
        assert_eq!(harmless("eu-west"), "eu-west");
    }

    #[test]
    fn decimals_keep_six_digits_and_their_sign() {
        assert_eq!(decimal(99_999_999), "99.999999");
        assert_eq!(decimal(-1), "-0.000001");
        assert_eq!(decimal(0), "0.000000");
    }

    #[test]
    fn dates_are_iso() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(20_777), "2026-11-20");
    }
}
