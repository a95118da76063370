//! Override sheet: an override file as rows, and the mistakes of rows that cannot be read.

use std::collections::BTreeMap;
use std::ops::Range;

use super::check::Lint;
use super::known::KnownRows;
use super::override_row::{COLUMNS, Override};
use super::refusal::Refusal;
use crate::config::{Config, ReviewHistory};
use crate::document::csv::{self, CsvRecord, header, records};
use crate::document::toml::MistakeNotes;
use crate::document::{Document, Mistake, Mistakes};
use crate::facts::Salt;
use crate::policy::Policy;

/// The rows of an override file, in its order.
#[derive(Debug, Clone)]
pub struct OverrideSheet {
    pub rows: Vec<Override>,
    pub refused: Vec<Malformed>,
    document: Document,
    /// Places of the good rows, by id.
    places: BTreeMap<String, Place>,
}

/// A row that cannot be read.
#[derive(Debug, Clone)]
pub struct Malformed {
    /// Its id, if that is valid; else `line N`.
    pub id: String,
    pub line: usize,
    pub mistakes: Vec<Mistake>,
}

#[derive(Debug, Clone)]
struct Place {
    line: usize,
    /// Byte ranges of the cells, in the order of [`COLUMNS`].
    spans: Vec<Range<usize>>,
}

/// Reads an override file; a row with a mistake is refused, and the others stay.
///
/// # Errors
/// Every mistake of the header, if it is wrong, because then no row can be read.
pub fn read(
    document: &Document,
    policy: &Policy,
    config: &Config,
    salt: &Salt,
) -> Result<OverrideSheet, Mistakes> {
    let review = ReviewHistory::of_rules(config.overrides.review.clone());
    read_known(document, policy, config, salt, &review, &KnownRows::default())
}

/// Reads an override file next to the rows that a ledger knows, which are not checked again.
///
/// Rows that are new are checked by the rules of review of their first day.
///
/// # Errors
/// As for [`read`].
pub fn read_known(
    document: &Document,
    policy: &Policy,
    config: &Config,
    salt: &Salt,
    review: &ReviewHistory,
    known: &KnownRows,
) -> Result<OverrideSheet, Mistakes> {
    let notes = MistakeNotes::new(document);
    let mut records = records(document.text(), true).into_iter().filter(is_row);
    let Some(mut top) = records.next() else {
        let help = format!("the first line must be {}", COLUMNS.join(","));
        notes.mistake(0..0, "the file has no header", "nothing here", help);
        return Err(Mistakes(notes.into_mistakes()));
    };
    top.cells.truncate(top.named());
    let order = header(&top, &COLUMNS, &notes);
    Mistakes(notes.into_mistakes()).or(())?;

    let mut sheet = OverrideSheet {
        rows: Vec::new(),
        refused: Vec::new(),
        document: document.clone(),
        places: BTreeMap::new(),
    };
    let mut lines = Lines { text: document.text(), seen: 0, line: 1 };
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    for record in records {
        let line = lines.of(record.span().start);
        let notes = MistakeNotes::new(document);
        let misshape = record.misshape(top.cells.len());
        let mut id = None;
        let mut row = None;
        if let Some(csv::RowMisshape { span, message, label, help }) = misshape {
            notes.mistake(span, message, label, help);
            id = order[0].and_then(|at| record.cells.get(at)).map(|cell| cell.text.clone());
        } else if let Some(cells) = csv::CsvRow::new(record, &order) {
            let check = Lint { policy, config, salt, review, notes: &notes, row: &cells };
            id = check.id(&taken);
            let found = check.values().and_then(|values| known.find(&values));
            row = found.or_else(|| check.row()).map(|row| (row, cells));
        }
        let id = id.filter(|id| super::check::is_id(id));
        if let Some(id) = &id {
            taken.entry(id.clone()).or_insert(line);
        }
        let mistakes = notes.into_mistakes();
        match (row, mistakes.is_empty()) {
            (Some((row, cells)), true) => {
                let spans = (0..COLUMNS.len()).map(|column| cells.cell(column).span.clone()).collect();
                sheet.places.insert(row.id.clone(), Place { line, spans });
                sheet.rows.push(row);
            }
            _ => {
                let id = id.unwrap_or_else(|| format!("line {line}"));
                sheet.refused.push(Malformed { id, line, mistakes });
            }
        }
    }
    Ok(sheet)
}

impl OverrideSheet {
    /// Returns the line of a good row.
    pub fn line(&self, id: &str) -> Option<usize> {
        self.places.get(id).map(|place| place.line)
    }

    /// Returns every mistake of every row, in the order of the file.
    pub fn mistakes(&self) -> Vec<Mistake> {
        self.refused.iter().flat_map(|row| row.mistakes.iter().cloned()).collect()
    }

    /// Creates a mistake at a column of a good row.
    pub fn mistake(&self, id: &str, column: &str, message: &str, label: &str, help: &str) -> Option<Mistake> {
        let at = COLUMNS.iter().position(|name| *name == column)?;
        let span = self.places.get(id)?.spans[at].clone();
        Some(self.document.mistake(span, message, label, help))
    }

    /// Shows a refusal that was told before, as `name: what; what to do`, at its place in the file.
    pub fn earlier_refusal(&self, id: &str, told: &str) -> Option<Mistake> {
        let (name, rest) = told.split_once(": ")?;
        let (what, remedy) = rest.split_once("; ").unwrap_or((rest, ""));
        let message = format!("override `{id}` is refused: {what}");
        self.mistake(id, Refusal::column_of(name), &message, name, remedy)
    }

    /// Shows a refusal of a good row at its place in the file.
    pub fn refusal(&self, id: &str, refusal: &Refusal) -> Option<Mistake> {
        let message = format!("override `{id}` is refused: {}", refusal.what());
        self.mistake(id, refusal.column(), &message, refusal.name(), refusal.remedy())
    }
}

/// False for blank lines, which spreadsheets keep as commas alone, and for comments in quotes.
fn is_row(record: &CsvRecord) -> bool {
    let is_comment = record.cells.first().is_some_and(|cell| cell.text.starts_with('#'));
    !is_comment && record.cells.iter().any(|cell| !cell.text.is_empty())
}

/// Counts the line numbers of ascending offsets.
struct Lines<'t> {
    text: &'t str,
    seen: usize,
    line: usize,
}

impl Lines<'_> {
    fn of(&mut self, offset: usize) -> usize {
        self.line += self.text[self.seen..offset].matches('\n').count();
        self.seen = offset;
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overrides::{Code, Direction};

    const HEADER: &str = "id,direction,start,end,service,region,business_id,error_code,account,reason,ticket,author,approver,created_at,note";
    const GOOD: &str = "ov-1,to_uptime,2026-11-20T10:07Z,2026-11-20T11:09:00+01:00,messages,,,131016,bad:*,caller-misuse,INC-7,ann,bob,2026-11-21T09:00Z,";

    fn read(text: &str) -> Result<OverrideSheet, Vec<String>> {
        let document = Document::new("o.csv", text);
        super::read(&document, &Policy::built_in(), &Config::bare(""), &Salt::new("s"))
            .map_err(|mistakes| mistakes.0.iter().map(Mistake::to_string).collect())
    }

    fn sheet(rows: &[&str]) -> OverrideSheet {
        read(&format!("{HEADER}\n{}\n", rows.join("\n"))).unwrap()
    }

    fn said(sheet: &OverrideSheet) -> Vec<String> {
        sheet.mistakes().iter().map(Mistake::to_string).collect()
    }

    #[test]
    fn a_row_is_read_with_all_that_it_takes_to_apply_it() {
        let sheet = sheet(&[GOOD]);
        assert!(said(&sheet).is_empty(), "{:?}", said(&sheet));
        let row = &sheet.rows[0];
        assert_eq!((row.id.as_str(), row.direction), ("ov-1", Direction::ToUptime));
        assert_eq!((row.end_us - row.start_us) / 60_000_000, 2);
        assert_eq!((row.service.as_deref(), row.region.as_deref()), (Some("messages"), None));
        assert_eq!((row.error_code, row.to.as_str()), (Some(Code::Number(131_016)), "user:caller"));
        assert_eq!(sheet.line("ov-1"), Some(2));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let note = r#""said: ""no"", twice
# and again""#;
        let rows = [
            format!("{GOOD}{note}"),
            GOOD.replace("ov-1", "ov.2").replace("messages,,,131016,bad:*", "-,eu,49157,none,"),
        ];
        let first = sheet(&[&rows[0], &rows[1]]);
        assert_eq!(first.rows[0].note, "said: \"no\", twice\n# and again");
        let lines: Vec<String> = first.rows.iter().map(Override::to_csv).collect();
        let again = sheet(&[&lines[0], &lines[1]]);
        assert_eq!(again.rows, first.rows);
        assert_eq!(again.line("ov.2"), Some(4));
    }

    #[test]
    fn callers_become_pseudonyms_and_pseudonyms_stay() {
        let salt = Salt::new("s");
        let with = |caller: &str| sheet(&[&GOOD.replace("messages,,,", &format!("messages,,{caller},"))]);
        let known = salt.pseudonym("49157");
        assert_eq!(with("49157").rows[0].business_id, Some(known.clone()));
        assert_eq!(with(&known).rows[0].business_id, Some(known));
        assert_ne!(with("c-12").rows[0].business_id.as_deref(), Some("c-12"));
        for rounded in ["1.00519E+14", "1.00519e+14", "\"1,00519E+14\""] {
            assert_eq!(
                said(&with(rounded)),
                ["o.csv:2:70: `business_id` is a number that a spreadsheet has rounded"]
            );
        }
    }

    #[test]
    fn one_bad_row_refuses_that_row_only() {
        let rows = [
            GOOD.replace("to_uptime", "upwards"),
            GOOD.replace("ov-1", "ov 1"),
            GOOD.replace("ov-1", "ov-3,"),
            GOOD.replace("ov-1", "ov-4"),
            GOOD.replace("ov-1", "ov-4"),
            GOOD.replace("ov-1", "\"ov-5"),
            GOOD.replace("ov-1", "ov-6"),
        ];
        let sheet = sheet(&rows.each_ref().map(String::as_str));
        let ids = |ids: Vec<&String>| ids.into_iter().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(ids(sheet.rows.iter().map(|row| &row.id).collect()), "ov-4 ov-6");
        let refused = ids(sheet.refused.iter().map(|row| &row.id).collect());
        assert_eq!(refused, "ov-1 line 3 ov-3 ov-4 line 7");
        let lines: Vec<usize> = sheet.refused.iter().map(|row| row.line).collect();
        assert_eq!(lines, [2, 3, 4, 6, 7]);
    }

    #[test]
    fn files_survive_spreadsheets_and_editors() {
        let text = format!(
            "\u{feff}# what, \"why\r\n\r\n{HEADER}\r\n,,,,,,,,,,,,,,\r\n\"# a, comment\",,,\r\n   \r\n{GOOD}\r\n#{GOOD}\r\n"
        );
        let sheet = read(&text).unwrap();
        assert_eq!((sheet.rows.len(), sheet.refused.len()), (1, 0), "{:?}", said(&sheet));
        assert_eq!(sheet.line("ov-1"), Some(7));
        let late = Refusal::Future { created_at_us: 1, first_seen_us: 0 };
        assert_eq!(sheet.refusal("ov-1", &late).unwrap().place(), "o.csv:7:112");
        assert!(sheet.refusal("ov-2", &late).is_none());
    }

    #[test]
    fn without_its_header_no_row_can_be_read() {
        assert_eq!(read("# nothing\n").unwrap_err(), ["o.csv:1:1: the file has no header"]);
        let wrong = HEADER.replace("note", "notes").replace("region", "service");
        assert_eq!(
            read(&wrong).unwrap_err(),
            [
                "o.csv:1:1: column `region` is missing",
                "o.csv:1:1: column `note` is missing",
                "o.csv:1:32: column `service` stands twice",
                "o.csv:1:112: unknown column `notes`"
            ]
        );
        assert_eq!(read(HEADER).map(|sheet| sheet.rows.len()), Ok(0));
    }
}
