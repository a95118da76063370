//! `months/<month>.xlsx`: the tables of a month as sheets, with typed numbers and dates.

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatBorder, Workbook, Worksheet, XlsxError};

use super::MonthRows;
use crate::day::{DAY_US, Month, rfc3339};
use crate::redact::line;
use crate::report::Drawing;
use crate::report::tables::{outages, overrides, restatements, summary};
use crate::table::{Row, Spec, Value};

/// Limits of Excel: rows of a sheet below its header, and UTF-16 units of a cell.
///
/// Anything longer is cut; the CSV and Parquet tables hold all of it.
const ROWS: usize = 1_048_575;
const CELL: usize = 32_767;

/// Largest integer that a cell holds exactly (15 digits); larger ones are written as text.
const EXACT: u64 = 999_999_999_999_999;

/// Widths of columns, in characters.
const INSTANT: usize = 19;
const DATE: usize = 10;
const WIDEST: usize = 60;

/// Sheets and their tables, in the order of [`MonthRows`].
static SHEETS: [(&str, &Spec); 5] = [
    ("Month", &summary::MONTHS),
    ("Days", &summary::AVAILABILITY),
    ("Outages", &outages::OUTAGES),
    ("Overrides", &overrides::OVERRIDES),
    ("Restatements", &restatements::RESTATEMENTS),
];

pub fn workbook(drawing: &Drawing<'_>, month: Month, rows: &MonthRows<'_>) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let title = line(&drawing.title(), 200);
    let properties = DocProperties::new()
        .set_title(format!("{title}, {month}"))
        .set_author("uptime-ledger")
        .set_creation_datetime(&ExcelDateTime::from_timestamp(published_at(drawing, month))?);
    workbook.set_properties(&properties);
    let looks = Looks::default();
    for ((name, spec), rows) in SHEETS.iter().zip(rows) {
        sheet(workbook.add_worksheet().set_name(*name)?, spec, rows, &looks)?;
    }
    columns(workbook.add_worksheet().set_name("Columns")?, &looks)?;
    workbook.save_to_buffer()
}

/// Returns when a day of the month was last published, in seconds since 1970.
///
/// The workbook shows no other time, so a month without changes gives the same file.
fn published_at(drawing: &Drawing<'_>, month: Month) -> i64 {
    let days = drawing.ledger.record().days.range(month.first()..=month.last());
    days.filter_map(|(_, record)| record.newest()).map(|edition| edition.at.timestamp()).max().unwrap_or(0)
}

struct Looks {
    header: Format,
    integer: Format,
    decimal: Format,
    instant: Format,
    date: Format,
}

impl Default for Looks {
    fn default() -> Self {
        Self {
            header: Format::new().set_bold().set_border_bottom(FormatBorder::Thin),
            integer: Format::new().set_num_format("#,##0"),
            decimal: Format::new().set_num_format("0.000000"),
            instant: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
            date: Format::new().set_num_format("yyyy-mm-dd"),
        }
    }
}

/// Writes a table as a sheet: a frozen header with filters, and cells typed like the columns.
fn sheet(sheet: &mut Worksheet, spec: &Spec, rows: &[Row<'_>], looks: &Looks) -> Result<(), XlsxError> {
    let rows = rows.get(..ROWS).unwrap_or(rows);
    for (at, column) in (0..).zip(spec.columns) {
        sheet.write_string_with_format(0, at, column.name, &looks.header)?;
        // The arrow of the filter takes the width of 3 characters.
        let mut width = column.name.chars().count() + 3;
        for (number, row) in (1..).zip(rows) {
            width = width.max(cell(sheet, number, at, &row.value(column.name), looks)?);
        }
        sheet.set_column_width(at, width.min(WIDEST) as f64 + 1.0)?;
    }
    sheet.set_freeze_panes(1, 0)?;
    sheet.autofilter(0, 0, rows.len() as u32, spec.columns.len() as u16 - 1)?;
    Ok(())
}

/// Writes a value and returns its width; text is always plain text, never a formula or a link.
fn cell(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    value: &Value,
    looks: &Looks,
) -> Result<usize, XlsxError> {
    let mut text = |text: &str| {
        let text = cut(line(text, CELL));
        let width = text.chars().count();
        sheet.write_string(row, column, text).map(|_| width)
    };
    let (number, look, width) = match value {
        Value::Null => return Ok(0),
        Value::Text(found) => return text(found),
        Value::Boolean(is) => {
            sheet.write_boolean(row, column, *is)?;
            return Ok(5);
        }
        Value::Integer(n) if n.unsigned_abs() > EXACT => return text(&n.to_string()),
        Value::Integer(n) => (*n as f64, &looks.integer, n.to_string().len() * 4 / 3),
        Value::Decimal(n) => (*n as f64 / 1_000_000.0, &looks.decimal, 11),
        Value::Instant(us) => match serial(*us) {
            Some(serial) => (serial, &looks.instant, INSTANT),
            None => return text(&rfc3339(*us)),
        },
        Value::Date(days) => match serial(days.saturating_mul(DAY_US)) {
            Some(serial) => (serial, &looks.date, DATE),
            None => return text(&format!("{days} days since 1970")),
        },
    };
    sheet.write_number_with_format(row, column, number, look)?;
    Ok(width)
}

/// Converts an instant to Excel's serial number: days since 1899-12-30.
///
/// `None` before 1900-03-01, as Excel counts a 29 February 1900, and after the year 9999.
fn serial(us: i64) -> Option<f64> {
    const EPOCH: i64 = 25_569;
    const FIRST: i64 = 61 - EPOCH;
    const END: i64 = 2_958_466 - EPOCH;
    let is_known = (FIRST * DAY_US..END * DAY_US).contains(&us);
    is_known.then(|| us as f64 / DAY_US as f64 + EPOCH as f64)
}

/// Cuts text to the limit of a cell, which counts UTF-16 units.
fn cut(text: String) -> String {
    let mut units = 0;
    let end = text.char_indices().find(|(_, c)| {
        units += c.len_utf16();
        units > CELL
    });
    match end {
        Some((at, _)) => text[..at].to_owned(),
        None => text,
    }
}

/// Writes a sheet that explains the columns of all sheets.
fn columns(sheet: &mut Worksheet, looks: &Looks) -> Result<(), XlsxError> {
    for (at, (name, width)) in (0..).zip([("sheet", 14), ("column", 34), ("type", 10), ("meaning", 120)]) {
        sheet.write_string_with_format(0, at, name, &looks.header)?;
        sheet.set_column_width(at, width)?;
    }
    let all = SHEETS.iter().flat_map(|(name, spec)| spec.columns.iter().map(move |column| (name, column)));
    let mut rows = 0;
    for (name, column) in all {
        rows += 1;
        for (at, text) in (0..).zip([name, column.name, column.kind.name(), column.doc]) {
            sheet.write_string(rows, at, text)?;
        }
    }
    sheet.set_freeze_panes(1, 0)?;
    sheet.autofilter(0, 0, rows, 3)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_days_since_1899() {
        assert_eq!(serial(0), Some(25_569.0));
        assert_eq!(serial(DAY_US / 2), Some(25_569.5));
        assert_eq!(serial(i64::MIN), None);
        assert_eq!(serial(i64::MAX), None);
    }

    #[test]
    fn a_cell_is_cut_where_it_ends() {
        assert_eq!(cut("x".repeat(CELL)).len(), CELL);
        assert_eq!(cut("🦀".repeat(CELL)).encode_utf16().count(), CELL - 1);
    }
}
