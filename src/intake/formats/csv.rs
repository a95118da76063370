//! CSV: delimited text into rows, one line or one quoted record over several lines each.

use super::frame::{after_blanks, closing_quote};
use super::swar;
use crate::config::Field;
use crate::intake::rows::instant;
use crate::intake::rows::interner::readable;
use crate::intake::rows::mapping::Mapping;
use crate::intake::rows::raw_row::{LogValue, RawRow};
use crate::intake::rows::sketch::{FieldRole, Sketch, is_sketchable};
use crate::intake::rows::source_reader::SourceReader;

/// Columns of a file and the fields that they fill, fixed by its header.
#[derive(Debug)]
pub struct Layout {
    delimiter: u8,
    /// By column: the fields that it fills with their ranks, mostly none or one.
    targets: Vec<Vec<(usize, u8)>>,
    /// Number of columns that every row must have; unknown for files without a header.
    ///
    /// Columns without a name behind the last name do not count: spreadsheets leave them where
    /// something was deleted.
    width: Option<usize>,
    /// Names of the columns; none for files without a header.
    names: Vec<String>,
    /// Text of the columns behind `width`, which have no name.
    tail: Vec<u8>,
    /// Steps that sketch a record; empty if records cannot be sketched.
    steps: Vec<Step>,
}

/// Limit on columns; records with more are not sketched.
const MOST_COLUMNS: usize = 64;

/// One step of a sketch.
#[derive(Debug)]
enum Step {
    /// First and last of adjacent columns that belong to the key.
    SketchKey(usize, usize),
    /// Column, field and role of a column outside the key.
    Other(usize, usize, FieldRole),
}

impl Layout {
    /// Makes the layout of a file from its header line.
    ///
    /// # Errors
    /// The header is not text, lacks a name of the config, names no mapped column, or has two for
    /// one field.
    pub fn from_header(header: &[u8], delimiter: u8, mapping: &Mapping) -> Result<Self, String> {
        if header.contains(&0) {
            return Err("its first line is no text; is it compressed or binary?".into());
        }
        let mut names = cells(header, delimiter);
        let columns = names.len();
        let named = names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
        names.truncate(named);
        let mut targets = vec![Vec::new(); names.len()];
        for (at, entry) in mapping.columns(&names)? {
            targets[at].push((entry.field, entry.rank));
        }
        if targets.iter().all(Vec::is_empty) {
            if std::str::from_utf8(header).is_err() {
                return Err("its first line is no text; is it compressed or binary?".into());
            }
            let wanted: Vec<&str> = mapping.entries.iter().map(|e| e.name.as_str()).take(6).collect();
            return Err(format!(
                "none of the columns is known: the header is `{}`, expected names like `{}`; map them under [source.columns], or choose another preset or delimiter",
                crate::redact::values(header.split(|byte| *byte == delimiter), 120),
                wanted.join(", ")
            ));
        }
        let tail = vec![delimiter; columns - named];
        Ok(Self { delimiter, width: Some(named), names, targets, tail, steps: Vec::new() })
    }

    /// Makes the layout of a file without header, with columns named by position from 1.
    pub fn by_position(delimiter: u8, mapping: &Mapping) -> Self {
        let mut targets: Vec<Vec<(usize, u8)>> = Vec::new();
        for entry in &mapping.entries {
            if let Some(at) =
                entry.name.parse::<usize>().ok().and_then(|n| n.checked_sub(1)).filter(|n| *n < 4096)
            {
                if targets.len() <= at {
                    targets.resize(at + 1, Vec::new());
                }
                targets[at].push((entry.field, entry.rank));
            }
        }
        let (names, tail, steps) = Default::default();
        Self { delimiter, targets, width: None, names, tail, steps }
    }

    /// Returns whether both layouts read a row alike.
    pub fn is_like(&self, other: &Self) -> bool {
        self.targets == other.targets && self.width == other.width
    }

    /// Returns whether a line is a header: at least half of its cells are names of columns.
    ///
    /// Names are those of the mapping and those of the header before.
    pub fn is_header(&self, line: &[u8], mapping: &Mapping) -> bool {
        let found = cells(line, self.delimiter);
        let named = found.iter().filter(|cell| !cell.is_empty()).count();
        let is_known = |cell: &&String| {
            self.names.contains(cell) || mapping.entries.iter().any(|entry| entry.name == **cell)
        };
        let known = found.iter().filter(|cell| !cell.is_empty()).filter(is_known).count();
        known * 2 >= named && known >= named.min(2) && known > 0
    }

    /// Returns whether a line is a row by itself, with its time in its first `inside` bytes.
    pub fn is_row(&self, line: &[u8], inside: usize, source_reader: &SourceReader) -> bool {
        let fields = memchr::memchr_iter(self.delimiter, line).count() + 1;
        if self.width.map_or(fields < self.targets.len(), |width| fields != width + self.tail.len()) {
            return false;
        }
        let (mapping, zone) = (&source_reader.mapping, source_reader.source().zone);
        let mut end = 0;
        line.split(|byte| *byte == self.delimiter).enumerate().any(|(at, cell)| {
            end += cell.len() + usize::from(at > 0);
            let targets = self.targets.get(at).map_or(&[][..], Vec::as_slice);
            end <= inside
                && targets.iter().any(|(field, _)| *field == Field::Ts as usize)
                && instant::instant_of_text(cell, &mapping.ts_cast, zone).is_some()
        })
    }

    /// Returns whether a line has the number of fields of a row, and no quotes.
    pub fn is_as_wide(&self, line: &[u8]) -> bool {
        let fields = memchr::memchr_iter(self.delimiter, line).count() + 1;
        self.width.is_some_and(|width| fields == width + self.tail.len())
            && memchr::memchr(b'"', line).is_none()
    }

    /// Returns whether a line has no value, as spreadsheets write emptied rows.
    pub fn is_blank(&self, line: &[u8]) -> bool {
        line.iter().all(|byte| *byte == self.delimiter || byte.is_ascii_whitespace())
    }

    /// Prepares to sketch records, if rows of the source can be sketched.
    pub fn sketching(mut self, source_reader: &SourceReader) -> Self {
        let fields: Vec<usize> = self.targets.iter().flatten().map(|(field, _)| *field).collect();
        // Names of two fields may be alike, and one column then fills both.
        let is_plain = (1..fields.len()).all(|n| !fields[..n].contains(&fields[n]))
            && self.targets.iter().all(|targets| targets.len() < 2);
        let is_fit =
            is_plain && is_sketchable(source_reader) && self.width.is_some_and(|width| width <= MOST_COLUMNS);
        let mut steps = Vec::new();
        for (at, targets) in self.targets.iter().enumerate().filter(|_| is_fit) {
            let Some((field, _)) = targets.first() else { continue };
            match (FieldRole::of(*field, source_reader.source().log), steps.last_mut()) {
                (FieldRole::SketchKey, Some(Step::SketchKey(_, last))) if *last + 1 == at => *last = at,
                (FieldRole::SketchKey, _) => steps.push(Step::SketchKey(at, at)),
                (part, _) => steps.push(Step::Other(at, *field, part)),
            }
        }
        self.steps = steps;
        self
    }

    /// Sketches one record; false if it has quotes or does not match the header.
    #[inline]
    pub fn sketch<'b>(&self, record: &'b [u8], sketch: &mut Sketch<'b>) -> bool {
        let mut ends = [0; MOST_COLUMNS];
        // The usual empty tail would cost a call per row.
        let whole = if self.tail.is_empty() { Some(record) } else { record.strip_suffix(&*self.tail) };
        let Some(record) = whole else { return false };
        let found = swar::delimiters(record, self.delimiter, &mut ends);
        let Some(found) = found.filter(|n| Some(n + 1) == self.width && !self.steps.is_empty()) else {
            return false;
        };
        let start = |column: usize| if column == 0 { 0 } else { ends[column - 1] as usize + 1 };
        let end = |column: usize| if column == found { record.len() } else { ends[column] as usize };
        sketch.clear();
        for step in &self.steps {
            match *step {
                // Delimiters between the values are included, so that different values give
                // different bytes.
                Step::SketchKey(first, last) => {
                    let stop = (end(last) + 1).min(record.len());
                    sketch.key.bytes.extend_from_slice(&record[start(first)..stop]);
                }
                Step::Other(at, field, part) => {
                    sketch.take_text(field, part, &record[start(at)..end(at)]);
                }
            }
        }
        true
    }

    /// Reads one record, without its line end, into `row`, which must be clear.
    ///
    /// # Errors
    /// The number of fields is not that of the header, or is too small for the mapped columns.
    pub fn read<'b>(&self, record: &'b [u8], row: &mut RawRow<'b>) -> Result<(), String> {
        let mut fields = 0;
        split(record, self.delimiter, |at, text| {
            // Further fields are no mistake if they are empty.
            if self.width.is_none_or(|width| at < width) || !text.trim_ascii().is_empty() {
                fields = at + 1;
            }
            if let Some([first, others @ ..]) = self.targets.get(at).map(Vec::as_slice) {
                for (field, rank) in others {
                    row.set(*field, *rank, LogValue::from_text(text.clone()));
                }
                row.set(first.0, first.1, LogValue::from_text(text));
            }
        });
        match self.width {
            Some(width) if fields != width => {
                Err(format!("{fields} fields, expected {width} as in the header"))
            }
            None if fields < self.targets.len() => {
                Err(format!("{fields} fields, expected at least {}", self.targets.len()))
            }
            _ => Ok(()),
        }
    }
}

/// Returns the cells of a line, trimmed; text that is not UTF-8 is read as Latin-1.
fn cells(line: &[u8], delimiter: u8) -> Vec<String> {
    let mut cells = Vec::new();
    split(line, delimiter, |_, text| {
        cells.push(readable(&text).trim().to_owned());
    });
    cells
}

/// Calls `each` with the position and the text of every field.
///
/// Blanks before a field do not matter if it is quoted from then on, as some writers put a blank
/// behind each delimiter.
fn split<'b>(record: &'b [u8], delimiter: u8, mut each: impl FnMut(usize, std::borrow::Cow<'b, [u8]>)) {
    use std::borrow::Cow;
    let mut rest = record;
    for at in 0.. {
        if matches!(rest.first(), Some(b' ' | b'\t')) {
            let field = after_blanks(rest, delimiter);
            if field.first() == Some(&b'"') && is_closed(field, delimiter) {
                rest = field;
            }
        }
        let (mut text, mut after) = (Cow::Borrowed(&b""[..]), rest);
        if rest.first() == Some(&b'"') {
            let end = closing_quote(rest, 1).unwrap_or(rest.len());
            let inner = &rest[1..end.max(1)];
            text = if memchr::memchr(b'"', inner).is_some() {
                Cow::Owned(undouble(inner))
            } else {
                Cow::Borrowed(inner)
            };
            after = rest.get(end + 1..).unwrap_or_default();
        }
        let end = memchr::memchr(delimiter, after).unwrap_or(after.len());
        // Text after a closing quote belongs to the field, as in the csv crate.
        if !text.is_empty() || rest.first() == Some(&b'"') {
            if end > 0 {
                text.to_mut().extend_from_slice(&after[..end]);
            }
        } else {
            text = Cow::Borrowed(&after[..end]);
        }
        each(at, text);
        match after.get(end + 1..) {
            Some(next) if end < after.len() => rest = next,
            _ => return,
        }
    }
}

/// Returns whether a field that begins with a quote is closed right before the next delimiter.
fn is_closed(field: &[u8], delimiter: u8) -> bool {
    closing_quote(field, 1).is_some_and(|end| {
        let after = after_blanks(&field[end + 1..], delimiter);
        after.first().is_none_or(|byte| *byte == delimiter)
    })
}

fn undouble(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        out.push(*byte);
        if *byte == b'"' {
            bytes.next();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::formats::frame::is_open;
    use proptest::prelude::*;

    fn fields(record: &[u8]) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        split(record, b',', |_, text| out.push(text.into_owned()));
        out
    }

    #[test]
    fn quotes_hide_delimiters_and_double() {
        assert_eq!(fields(br#"a,"b,c","d""e",,"#), [&b"a"[..], b"b,c", b"d\"e", b"", b""]);
        assert_eq!(fields(b""), [b""]);
        assert_eq!(fields(br#"5" pipe,x"#), [&b"5\" pipe"[..], b"x"]);
        assert!(is_open(br#"a,"b"#, b','));
        assert!(is_open(br#"a,"b"""#, b','));
        assert!(!is_open(br#"a,"b""","c""#, b','));
        assert!(!is_open(br#"5" pipe,x"#, b','));
    }

    proptest! {
        #[test]
        fn records_are_split_as_the_csv_crate_splits_them(record in "[abc,]{0,3}(\"[ab,]{0,3}\"[ab\"]{0,3},){0,2}[ab,]{0,3}") {
            let record = record.as_bytes();
            prop_assume!(!is_open(record, b',') && !record.is_empty());
            let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(record);
            let theirs: Vec<Vec<u8>> = reader.byte_records().next()
                .map(|r| r.unwrap().iter().map(<[u8]>::to_vec).collect()).unwrap_or_default();
            prop_assert_eq!(fields(record), theirs);
        }

        #[test]
        fn what_the_csv_crate_writes_is_read_back(values in prop::collection::vec("[ab,\"\n\r;é]{0,6}", 1..6)) {
            prop_assume!(values.len() > 1 || !values[0].is_empty());
            let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
            writer.write_record(&values).unwrap();
            let bytes = writer.into_inner().unwrap();
            let record = bytes.strip_suffix(b"\n").unwrap();
            prop_assert!(!is_open(record, b','));
            prop_assert_eq!(fields(record), values.iter().map(|v| v.as_bytes().to_vec()).collect::<Vec<_>>());
        }
    }
}
