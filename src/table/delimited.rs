//! CSV: UTF-8, comma, header line, `\n`, null as empty.

use std::io::{self, Write};

use sha2::{Digest, Sha256};

use super::{Column, ColumnKind, ColumnSpec, List, Table};
use crate::day::rfc3339;

impl Table {
    /// Returns the table as CSV.
    ///
    /// Spreadsheets run text that begins like a formula, so such text gets a leading apostrophe.
    pub fn to_csv(&self) -> Vec<u8> {
        let columns: Vec<_> = self.written().collect();
        self.columns_to_csv(&columns)
    }

    /// Writes the table as [`Table::to_csv`] does, row by row.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_csv(&self, mut out: impl Write) -> io::Result<()> {
        let columns: Vec<_> = self.written().collect();
        match self.integers_to_csv(&columns) {
            Some(bytes) => out.write_all(&bytes),
            None => self.write_any_csv(&columns, out),
        }
    }

    /// Adds the bytes of [`Table::to_csv`] to a hash, row by row.
    pub fn hash_csv(&self, hash: &mut Sha256) {
        struct Hashing<'h>(&'h mut Sha256);

        impl Write for Hashing<'_> {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.update(bytes);
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        if let Err(e) = self.write_csv(Hashing(hash)) {
            unreachable!("hashing does not fail: {e}");
        }
    }

    /// Returns the columns that every version stores as CSV.
    pub fn to_early_csv(&self) -> Vec<u8> {
        let columns: Vec<_> = self.written().filter(|(_, spec)| !spec.is_late).collect();
        self.columns_to_csv(&columns)
    }

    fn columns_to_csv(&self, columns: &[(&Column, &ColumnSpec)]) -> Vec<u8> {
        self.integers_to_csv(columns).unwrap_or_else(|| self.any_to_csv(columns))
    }

    /// Fast path for whole numbers alone, which need no quotes and no look at every byte.
    ///
    /// The facts of a day are such a table.
    fn integers_to_csv(&self, written: &[(&Column, &ColumnSpec)]) -> Option<Vec<u8>> {
        fn integers<'t>(column: &'t Column, spec: &ColumnSpec) -> Option<&'t List> {
            match column {
                Column::Number(list) if spec.kind == ColumnKind::Integer => Some(list),
                _ => None,
            }
        }
        let columns: Vec<&List> =
            written.iter().map(|(column, spec)| integers(column, spec)).collect::<Option<_>>()?;
        // A null that is alone in its line is written with quotes, which this path does not do.
        if columns.len() < 2 {
            return None;
        }
        let names: Vec<&str> = written.iter().map(|(_, spec)| spec.name).collect();
        let mut text = names.join(",") + "\n";
        text.reserve(self.rows * columns.len() * 4);
        for row in 0..self.rows {
            for (at, list) in columns.iter().enumerate() {
                text += if at == 0 { "" } else { "," };
                if let Some(n) = list.get(row) {
                    integer(&mut text, n);
                }
            }
            text.push('\n');
        }
        Some(text.into_bytes())
    }

    fn any_to_csv(&self, columns: &[(&Column, &ColumnSpec)]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.rows * 64);
        match self.write_any_csv(columns, &mut bytes) {
            Ok(()) => bytes,
            Err(e) => unreachable!("writing to memory does not fail: {e}"),
        }
    }

    fn write_any_csv(&self, columns: &[(&Column, &ColumnSpec)], out: impl Write) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(out);
        let mut fields = Fields::default();
        writer.write_record(columns.iter().map(|(_, spec)| spec.name))?;
        for row in 0..self.rows {
            for (column, spec) in columns {
                let field = if column.is_text() {
                    column.text(row).map_or("", |text| fields.text(text))
                } else {
                    column.number(row).map_or("", |n| fields.number(spec.kind, n))
                };
                writer.write_field(field)?;
            }
            writer.write_record(None::<&[u8]>)?;
        }
        writer.flush()
    }
}

/// Buffers for a field, reused by the next one.
#[derive(Default)]
struct Fields {
    text: String,
    /// The last instant: adjacent rows often share it, and formatting one is slow.
    instant: Option<(i64, String)>,
}

impl Fields {
    /// Escapes a text; a lone `-` (region not logged) is no formula and stays as it is.
    fn text<'a>(&'a mut self, text: &'a str) -> &'a str {
        if text != "-" && text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
            self.text.clear();
            self.text.extend(["'", text]);
            return &self.text;
        }
        text
    }

    fn number(&mut self, kind: ColumnKind, n: i64) -> &str {
        self.text.clear();
        match kind {
            ColumnKind::Instant => {
                if self.instant.as_ref().is_none_or(|(us, _)| *us != n) {
                    self.instant = Some((n, rfc3339(n)));
                }
                return self.instant.as_ref().map_or("", |(_, text)| text);
            }
            ColumnKind::Decimal => self.text += &decimal(n),
            ColumnKind::Boolean => self.text += if n == 0 { "false" } else { "true" },
            ColumnKind::Date => self.text += &date(n),
            ColumnKind::Integer | ColumnKind::Text => integer(&mut self.text, n),
        }
        &self.text
    }
}

fn integer(text: &mut String, n: i64) {
    text.push_str(itoa::Buffer::new().format(n));
}

/// Formats millionths with six fixed digits: `99.999900`.
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
    use crate::table::{NUMBERS, Spec, Value};

    #[test]
    fn formulas_become_text() {
        let mut fields = Fields::default();
        for bad in ["=1+1", "+1", "-1", "@x", "\tx", "\rx"] {
            assert_eq!(fields.text(bad), format!("'{bad}"));
        }
        assert_eq!(fields.text("-"), "-");
        assert_eq!(fields.text("eu-west"), "eu-west");
    }

    static SPEC: Spec = Spec {
        name: "t",
        row: "a test",
        columns: &[
            ColumnSpec::new("a", ColumnKind::Text, ""),
            ColumnSpec::new("b", ColumnKind::Integer, ""),
            ColumnSpec::new("c", ColumnKind::Instant, ""),
        ],
    };

    #[test]
    fn a_table_is_written_as_its_rows_would_be() {
        let texts =
            ["", "a", "a b", "a,b", "say \"so\"", "two\nlines", "a\rb", "\"", " a ", "=1,2", "ü;|\t'"];
        let mut table = Table::new(&SPEC);
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["a", "b", "c"]).unwrap();
        for (text, n) in texts.into_iter().zip([0, 9, 10, -1, 123_456, i64::MIN, i64::MAX, 7, 7, 7, 7]) {
            table.push([Value::text(text), Value::Integer(n), Value::Instant(n.clamp(-9, 9))]);
            let text = if text.starts_with('=') { format!("'{text}") } else { text.to_owned() };
            writer.write_record([text, n.to_string(), rfc3339(n.clamp(-9, 9))]).unwrap();
        }
        table.push([Value::Null, Value::Null, Value::Null]);
        writer.write_record(["", "", ""]).unwrap();
        assert_eq!(table.to_csv(), writer.into_inner().unwrap());
    }

    #[test]
    fn a_table_of_integers_is_written_as_any_other() {
        let mut table = Table::new(&NUMBERS);
        for n in [0, 9, 10, -1, 123_456, i64::MIN, i64::MAX] {
            table.push([Value::Integer(n), Value::Null]);
            table.push([Value::Null, Value::Integer(n)]);
        }
        table.push([Value::Null, Value::Null]);
        let columns: Vec<_> = table.written().collect();
        assert_eq!(table.integers_to_csv(&columns), Some(table.any_to_csv(&columns)));
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
