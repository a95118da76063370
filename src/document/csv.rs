//! CSV: a file that a person wrote, as rows of cells, each with its place in the file.

use std::ops::Range;

use super::spelling::advice;
use super::toml::MistakeNotes;

/// The rows of a sheet with a valid header.
#[derive(Debug)]
pub struct CsvSheet {
    /// The names in the header, in the order of the file.
    pub columns: Vec<String>,
    pub rows: Vec<CsvRow>,
}

/// One row; its cells are in the order of the expected columns, whatever the order in the file.
#[derive(Debug)]
pub struct CsvRow {
    cells: Vec<CsvCell>,
}

/// A cell: its trimmed text, and its place in the file as a byte range.
#[derive(Debug, Clone)]
pub struct CsvCell {
    pub text: String,
    pub span: Range<usize>,
}

impl CsvRow {
    /// Arranges the cells of a record by `order`; `None` if the header lacks a column.
    pub fn new(record: CsvRecord, order: &[Option<usize>]) -> Option<Self> {
        let cells = order.iter().map(|at| at.map(|at| record.cells[at].clone())).collect::<Option<_>>()?;
        Some(Self { cells })
    }

    /// Arranges the cells as [`Self::new`] does, with the cells of optional columns behind them.
    ///
    /// The cell of a column that the header lacks is empty.
    fn with_optional(record: CsvRecord, order: &[Option<usize>], optional: &[Option<usize>]) -> Option<Self> {
        let end = record.span().end;
        let more: Vec<CsvCell> = optional
            .iter()
            .map(|at| match at {
                Some(at) => record.cells[*at].clone(),
                None => CsvCell { text: String::new(), span: end..end },
            })
            .collect();
        let mut row = Self::new(record, order)?;
        row.cells.extend(more);
        Some(row)
    }

    pub fn cell(&self, column: usize) -> &CsvCell {
        &self.cells[column]
    }
}

/// One record of a CSV text, with its cells in the order of the file.
#[derive(Debug, Clone)]
pub struct CsvRecord {
    pub cells: Vec<CsvCell>,
    /// A quoted cell that is not closed; the reader continued with the next line.
    pub broken_cell: Option<Range<usize>>,
}

/// A fault in the shape of a row.
#[derive(Debug)]
pub struct RowMisshape {
    pub span: Range<usize>,
    pub message: String,
    pub label: &'static str,
    pub help: &'static str,
}

impl CsvRecord {
    /// Returns the number of cells up to the last one that is not empty.
    ///
    /// Spreadsheets write empty cells at the end where something was deleted.
    pub fn named(&self) -> usize {
        self.cells.iter().rposition(|cell| !cell.text.is_empty()).map_or(0, |last| last + 1)
    }

    /// Returns the byte range of the record.
    pub fn span(&self) -> Range<usize> {
        match (self.cells.first(), self.cells.last()) {
            (Some(first), Some(last)) => first.span.start..last.span.end,
            _ => 0..0,
        }
    }

    /// Checks the shape of a row under a header of `width`.
    pub fn misshape(&self, width: usize) -> Option<RowMisshape> {
        if let Some(cell) = &self.broken_cell {
            let message = "a quoted cell is not closed before the next comma or line".to_owned();
            let help = "close it with a double quote; a double quote inside it is written twice";
            return Some(RowMisshape { span: cell.clone(), message, label: "opened here", help });
        }
        let count = self.cells.len();
        let is_whole = count == width || (count > width && self.named() <= width);
        (!is_whole).then(|| {
            let message =
                format!("{count} cell{} where the header has {width}", if count == 1 { "" } else { "s" });
            let help = if count > width {
                "put a cell that holds a comma in double quotes"
            } else {
                "leave no cell out: where nothing is to be said, its comma still stands"
            };
            RowMisshape { span: self.span(), message, label: "this row", help }
        })
    }
}

/// Reads the records of a CSV text.
///
/// Blank lines are skipped; lines that begin with `#` are skipped if comments are allowed.
pub fn records(text: &str, has_comments: bool) -> Vec<CsvRecord> {
    let mut builder = csv::ReaderBuilder::new();
    builder.has_headers(false).flexible(true).comment(has_comments.then_some(b'#'));
    let mut record = csv::StringRecord::new();
    let mut records = Vec::new();
    let mut from = 0;
    let mut reader = builder.from_reader(&text.as_bytes()[from..]);
    loop {
        let start = from + reader.position().byte() as usize;
        // The text is UTF-8 and rows may have any number of cells, so no other error can occur.
        if !matches!(reader.read_record(&mut record), Ok(true)) {
            return records;
        }
        let start = first_byte(text, start, has_comments);
        // A comment without a line end is read as a row of nothing.
        if start >= text.len() {
            return records;
        }
        let read = cells(text, start, &record);
        if read.broken_cell.is_some() {
            from = text[start..].find('\n').map_or(text.len(), |at| start + at + 1);
            reader = builder.from_reader(&text.as_bytes()[from..]);
        }
        records.push(read);
    }
}

impl CsvSheet {
    /// Reads a sheet with these columns, in any order; it may lack the `optional` ones.
    ///
    /// Missing, unknown and repeated columns, rows with too few or too many cells, and quotes that
    /// are not closed are noted as mistakes. Cells of optional columns stand behind the others.
    pub fn read(
        text: &str,
        columns: &[&'static str],
        optional: &[&'static str],
        notes: &MistakeNotes<'_>,
    ) -> Self {
        let mut records = records(text, false).into_iter();
        let Some(mut top) = records.next() else {
            let help = format!("the first line must be {}", columns.join(","));
            notes.mistake(0..0, "the file is empty", "no header", help);
            return Self { columns: Vec::new(), rows: Vec::new() };
        };
        top.cells.truncate(top.named());
        let order = header_with(&top, columns, optional, notes);
        let place = |column: &&str| top.cells.iter().position(|cell| cell.text == **column);
        let more: Vec<Option<usize>> = optional.iter().map(place).collect();
        let mut rows = Vec::new();
        for record in records.filter(|record| record.named() > 0) {
            if let Some(RowMisshape { span, message, label, help }) = record.misshape(top.cells.len()) {
                notes.mistake(span, message, label, help);
            } else {
                rows.extend(CsvRow::with_optional(record, &order, &more));
            }
        }
        Self { columns: top.cells.into_iter().map(|cell| cell.text).collect(), rows }
    }
}

/// Returns the position of each expected column.
///
/// Columns that are unknown, missing or repeated are noted as mistakes.
pub fn header(record: &CsvRecord, columns: &[&'static str], notes: &MistakeNotes<'_>) -> Vec<Option<usize>> {
    header_with(record, columns, &[], notes)
}

/// Returns what [`header`] returns, and accepts `optional` columns in addition.
fn header_with(
    record: &CsvRecord,
    columns: &[&'static str],
    optional: &[&'static str],
    notes: &MistakeNotes<'_>,
) -> Vec<Option<usize>> {
    let cells = &record.cells;
    if let [whole] = cells.as_slice()
        && let Some(mark) = other_separator(&whole.text, columns)
    {
        let message = format!("columns are separated by {mark}, not by commas");
        let help = "save the file as CSV with commas between the cells, and as UTF-8";
        notes.mistake(record.span(), message, "the header", help);
        return vec![None; columns.len()];
    }
    for (at, cell) in cells.iter().enumerate() {
        if !columns.iter().chain(optional).any(|column| cell.text == **column) {
            let help = advice(&cell.text, columns.iter().chain(optional).copied());
            notes.mistake(cell.span.clone(), format!("unknown column `{}`", cell.text), "not a column", help);
        } else if cells[..at].iter().any(|earlier| earlier.text == cell.text) {
            let message = format!("column `{}` stands twice", cell.text);
            notes.mistake(cell.span.clone(), message, "the second one", "remove it");
        }
    }
    let order: Vec<_> = columns.iter().map(|c| cells.iter().position(|cell| cell.text == *c)).collect();
    for (column, _) in columns.iter().zip(&order).filter(|(_, at)| at.is_none()) {
        let help = format!("the header must name {}", columns.join(","));
        notes.mistake(record.span(), format!("column `{column}` is missing"), "the header", help);
    }
    order
}

/// Returns the separator that a spreadsheet wrote in place of commas.
fn other_separator(header: &str, columns: &[&'static str]) -> Option<&'static str> {
    let is_header = |mark: char| header.split(mark).filter(|name| columns.contains(&name.trim())).count() > 1;
    let marks = [(';', "semicolons"), ('\t', "tabs"), ('|', "bars")];
    marks.into_iter().find(|(mark, _)| is_header(*mark)).map(|(_, name)| name)
}

/// Returns the start of a record, after blank lines, comments and a byte order mark.
fn first_byte(text: &str, start: usize, has_comments: bool) -> usize {
    let mut at = start;
    loop {
        let rest = &text[at..];
        at += match rest.as_bytes().first() {
            Some(b'\r' | b'\n') => 1,
            Some(b'#') if has_comments => rest.find('\n').unwrap_or(rest.len()),
            _ if at == 0 && rest.starts_with('\u{feff}') => '\u{feff}'.len_utf8(),
            _ => return at,
        };
    }
}

/// Finds the cells of a record by the quoting rules of the csv crate, which reports only its start.
fn cells(text: &str, start: usize, record: &csv::StringRecord) -> CsvRecord {
    let bytes = text.as_bytes();
    let mut at = start;
    let mut cells = Vec::with_capacity(record.len());
    let mut broken_cell = None;
    for cell in record {
        let from = at;
        let has_quotes = bytes.get(at) == Some(&b'"');
        let (mut is_quoted, mut is_closed) = (false, false);
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'"' if has_quotes => (is_quoted, is_closed) = (!is_quoted, is_quoted),
                b',' | b'\r' | b'\n' if !is_quoted => break,
                // Text after the closing quote: that quote belongs to a later cell.
                _ if is_closed && !byte.is_ascii_whitespace() => {
                    broken_cell.get_or_insert(from..from + 1);
                }
                _ => {}
            }
            at += 1;
        }
        if is_quoted {
            broken_cell.get_or_insert(from..from + 1);
        }
        cells.push(CsvCell { text: cell.trim().to_owned(), span: from..at });
        at = (at + 1).min(bytes.len());
    }
    CsvRecord { cells, broken_cell }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Mistake};

    fn read(text: &str) -> (Vec<(String, String)>, Vec<String>) {
        let document = Document::new("a.csv", text);
        let notes = MistakeNotes::new(&document);
        let sheet = CsvSheet::read(text, &["a", "b"], &[], &notes);
        let cells = |row: &CsvRow| {
            let (a, b) = (row.cell(0), row.cell(1));
            assert!(text[b.span.clone()].contains(b.text.split('"').next().unwrap_or("")));
            (a.text.clone(), b.text.clone())
        };
        (
            sheet.rows.iter().map(cells).collect(),
            notes.into_mistakes().iter().map(Mistake::to_string).collect(),
        )
    }

    fn row(a: &str, b: &str) -> (String, String) {
        (a.to_owned(), b.to_owned())
    }

    #[test]
    fn cells_are_found_under_quotes_crlf_and_a_byte_order_mark() {
        let (rows, mistakes) = read("\u{feff}b,a\r\n\"x, \"\"y\"\"\",1\r\n\r\n\"two\nlines\",2\r\n");
        assert_eq!(rows, [row("1", "x, \"y\""), row("2", "two\nlines")]);
        assert_eq!(mistakes, Vec::<String>::new());
        assert_eq!(read("a,b\n5\" disk,x\n").0, [row("5\" disk", "x")]);
    }

    #[test]
    fn a_quote_that_is_not_closed_spoils_its_own_line_only() {
        let (rows, mistakes) = read("a,b\n1,\"x\n2,\"y\"\n3,z\n\"4,w\n5,v\n");
        assert_eq!(rows, [row("2", "y"), row("3", "z"), row("5", "v")]);
        let message = "a quoted cell is not closed before the next comma or line";
        assert_eq!(mistakes, [format!("a.csv:2:3: {message}"), format!("a.csv:5:1: {message}")]);
    }

    #[test]
    fn empty_cells_at_the_end_are_what_spreadsheets_leave() {
        let (rows, mistakes) = read("a,b,,\r\n1,2,,\r\n,,,\r\n3,4\r\n5,6,,,,\r\n");
        assert_eq!(rows, [row("1", "2"), row("3", "4"), row("5", "6")]);
        assert_eq!(mistakes, Vec::<String>::new());
        assert_eq!(read("a,b,,\n1,2,x\n").1, ["a.csv:2:1: 3 cells where the header has 2"]);
        assert_eq!(read("a,,b\n").1, ["a.csv:1:3: unknown column ``"]);
    }

    #[test]
    fn comments_are_skipped_where_they_are_allowed() {
        let text = "\u{feff}# why, \"so\n\n#\na,b\r\n# 1,2\r\n3,\"#4\"\n#";
        let texts = |has_comments| {
            let cells = |record: CsvRecord| {
                assert!(text[record.span()].starts_with(&record.cells[0].text));
                record.cells.iter().map(|cell| cell.text.clone()).collect::<Vec<_>>().join("|")
            };
            records(text, has_comments).into_iter().map(cells).collect::<Vec<_>>()
        };
        assert_eq!(texts(true), ["a|b", "3|#4"]);
        assert_eq!(texts(false).len(), 6);
    }

    #[test]
    fn mistakes_name_line_and_column() {
        let (rows, mistakes) = read("a,b\r\n1\r\n1,2,3\r\n4,5\r\n");
        assert_eq!(rows, [row("4", "5")]);
        assert_eq!(
            mistakes,
            ["a.csv:2:1: 1 cell where the header has 2", "a.csv:3:1: 3 cells where the header has 2"]
        );
        assert_eq!(
            read("a,c\n1,2\n").1,
            ["a.csv:1:1: column `b` is missing", "a.csv:1:3: unknown column `c`"]
        );
        assert_eq!(read("").1, ["a.csv:1:1: the file is empty"]);
        assert_eq!(read("b;a\n1;2\n").1, ["a.csv:1:1: columns are separated by semicolons, not by commas"]);
        assert_eq!(read("a\tb\n").1, ["a.csv:1:1: columns are separated by tabs, not by commas"]);
        assert_eq!(read("a,b,b\n1,2,3\n").1, ["a.csv:1:5: column `b` stands twice"]);
    }
}
