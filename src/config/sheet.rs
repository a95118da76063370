//! A CSV file that a person wrote: rows of named cells, each with its place in the file.

use std::ops::Range;

use super::spelling::advice;
use super::table::Notes;

/// The rows of a sheet whose header was as expected.
#[derive(Debug)]
pub struct Sheet {
    pub rows: Vec<Row>,
}

/// One row; cells stand in the order of the expected columns, whatever the order in the file.
#[derive(Debug)]
pub struct Row {
    cells: Vec<Cell>,
}

#[derive(Debug, Clone)]
pub struct Cell {
    pub text: String,
    pub span: Range<usize>,
}

impl Row {
    pub fn cell(&self, column: usize) -> &Cell {
        &self.cells[column]
    }
}

impl Sheet {
    /// Reads a sheet with exactly these columns, in any order. Missing, unknown and repeated columns, rows with too few
    /// or too many cells and text that is not CSV are noted.
    pub fn read(text: &str, columns: &[&'static str], notes: &Notes<'_>) -> Self {
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let mut record = csv::StringRecord::new();
        let mut order: Option<Vec<Option<usize>>> = None;
        let mut width = 0;
        let mut rows = Vec::new();
        loop {
            let start = reader.position().byte() as usize;
            match reader.read_record(&mut record) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    notes.mistake(start..start, format!("not CSV: {error}"), "here", "");
                    break;
                }
            }
            let cells = cells(text, start, &record);
            if order.is_none() {
                width = cells.len();
                order = Some(header(&cells, columns, notes));
            } else if cells.len() != width {
                let span = cells[0].span.start..cells[cells.len() - 1].span.end;
                let message = format!("{} cells where the header has {width}", cells.len());
                let help = "put a cell that holds a comma in double quotes; leave no cell out";
                notes.mistake(span, message, "this row", help);
            } else if let Some(order) = &order
                && let Some(cells) = order.iter().map(|at| at.map(|at| cells[at].clone())).collect()
            {
                rows.push(Row { cells });
            }
        }
        if order.is_none() {
            let help = format!("the first line must be {}", columns.join(","));
            notes.mistake(0..0, "the file is empty", "no header", help);
        }
        Self { rows }
    }
}

/// Where each expected column stands.
fn header(cells: &[Cell], columns: &[&'static str], notes: &Notes<'_>) -> Vec<Option<usize>> {
    for (at, cell) in cells.iter().enumerate() {
        if !columns.contains(&cell.text.as_str()) {
            let help = advice(&cell.text, columns.iter().copied());
            notes.mistake(cell.span.clone(), format!("unknown column `{}`", cell.text), "not a column", help);
        } else if cells[..at].iter().any(|earlier| earlier.text == cell.text) {
            let message = format!("column `{}` stands twice", cell.text);
            notes.mistake(cell.span.clone(), message, "the second one", "remove it");
        }
    }
    let order: Vec<_> = columns.iter().map(|c| cells.iter().position(|cell| cell.text == *c)).collect();
    for (column, _) in columns.iter().zip(&order).filter(|(_, at)| at.is_none()) {
        let span = cells[0].span.start..cells[cells.len() - 1].span.end;
        let help = format!("the header must name {}", columns.join(","));
        notes.mistake(span, format!("column `{column}` is missing"), "the header", help);
    }
    order
}

/// The csv crate tells where a record starts; its cells are found again by the same quoting rules.
fn cells(text: &str, start: usize, record: &csv::StringRecord) -> Vec<Cell> {
    let bytes = text.as_bytes();
    let mut at = start;
    while matches!(bytes.get(at), Some(b'\r' | b'\n')) {
        at += 1;
    }
    if text[at..].starts_with('\u{feff}') {
        at += '\u{feff}'.len_utf8();
    }
    let mut cells = Vec::with_capacity(record.len());
    for cell in record {
        let from = at;
        let has_quotes = bytes.get(at) == Some(&b'"');
        let mut is_quoted = false;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'"' if has_quotes => is_quoted = !is_quoted,
                b',' | b'\r' | b'\n' if !is_quoted => break,
                _ => {}
            }
            at += 1;
        }
        cells.push(Cell { text: cell.trim().to_owned(), span: from..at });
        at = (at + 1).min(bytes.len());
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Document, Mistake};

    fn read(text: &str) -> (Vec<(String, String)>, Vec<String>) {
        let document = Document::new("a.csv", text);
        let notes = Notes::new(&document);
        let sheet = Sheet::read(text, &["a", "b"], &notes);
        let cells = |row: &Row| {
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
    fn mistakes_name_line_and_column() {
        let (rows, mistakes) = read("a,b\r\n1\r\n1,2,3\r\n4,5\r\n");
        assert_eq!(rows, [row("4", "5")]);
        assert_eq!(
            mistakes,
            ["a.csv:2:1: 1 cells where the header has 2", "a.csv:3:1: 3 cells where the header has 2"]
        );
        assert_eq!(
            read("a,c\n1,2\n").1,
            ["a.csv:1:1: column `b` is missing", "a.csv:1:3: unknown column `c`"]
        );
        assert_eq!(read("").1, ["a.csv:1:1: the file is empty"]);
        assert_eq!(read("a,b,b\n1,2,3\n").1, ["a.csv:1:5: column `b` stands twice"]);
    }
}
