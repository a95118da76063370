//! Foreign: logs of other programs, read as their format file says.
//!
//! A line is looked at bare first: by the layouts of the format, in their order. If none fits, it
//! may be wrapped in another program's line, up to three times. A line or an object that fits a
//! layout gives the names of a row; conditions, fields and marks are found from these.

mod compile;
mod delimited;
mod envelopes;
mod fields;
mod json;
mod named_value;
mod row;
mod stream;
mod template;
mod wrapped;

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono_tz::Tz;

use compile::{CompiledLayout, CompiledMark, CompiledShape, DelimitedNames, Mask, NameRef};
use fields::fill;
use json::FoundNames;
use named_value::{NamedValue, Scratch};
use row::{FormatRow, KnownTexts};

use crate::facts::LinesByReason;
use crate::formats::Delimited;
use crate::intake::formats::ndjson::repair;
use crate::intake::rows::raw_row::{LogValue, RawRow};

pub use compile::CompiledFormat;
pub use envelopes::{elements_at, opened};
pub use stream::{JsonStream, is_spread, is_stream};
pub use wrapped::{Unwrapper, WrappedLog};

/// What became of a line, or of one of the rows in it.
#[derive(Debug)]
pub enum FoundRow<'r, 'b> {
    Call(&'r mut RawRow<'b>),
    /// No call, and why.
    NotACall(&'r str),
    /// It fits no layout, or a field cannot be read.
    Unreadable(String),
}

/// Takes what was found in a line; false ends the reading.
pub trait Sink {
    /// Takes a row, with the line or object that it was read from.
    fn take(&mut self, found: FoundRow<'_, '_>, raw: &[u8]);
}

impl<F: FnMut(FoundRow<'_, '_>, &[u8])> Sink for F {
    fn take(&mut self, found: FoundRow<'_, '_>, raw: &[u8]) {
        self(found, raw);
    }
}

/// Reader of the lines of one text, in their order.
pub struct ForeignReader<'f> {
    format: &'f CompiledFormat,
    zone: Tz,
    known: KnownTexts,
    unwrapper: Unwrapper,
    scratch: Scratch,
    /// The bits of the last row, and the mark that they give.
    marked: (Mask, Option<&'f CompiledMark>),
    /// By layout: the columns that a header line has named, with their numbers.
    headers: Vec<Option<Vec<Option<usize>>>>,
    /// By layout: values of header lines, by number of the name (`#Date`).
    header_values: Vec<BTreeMap<usize, Vec<u8>>>,
    /// True if a line has changed how the lines behind it are read.
    pub depends_on_order: bool,
}

impl<'f> ForeignReader<'f> {
    pub fn new(format: &'f CompiledFormat, zone: Tz) -> Self {
        let layouts = format.layouts.len();
        Self {
            format,
            zone,
            known: KnownTexts::of(format.tests.len()),
            scratch: Scratch::default(),
            marked: (0, format.mark(0)),
            unwrapper: Unwrapper::default(),
            headers: vec![None; layouts],
            header_values: vec![BTreeMap::new(); layouts],
            depends_on_order: false,
        }
    }

    /// Reads a line, and hands each of its rows to `sink`.
    pub fn line(&mut self, line: &[u8], sink: &mut dyn Sink) {
        self.unwrapped(sink, |unwrapper, log| unwrapper.line(line, log));
    }

    /// Hands on what is left of lines whose last pieces are missing.
    pub fn finish(&mut self, sink: &mut dyn Sink) {
        self.unwrapped(sink, Unwrapper::finish);
    }

    fn unwrapped(&mut self, sink: &mut dyn Sink, read: impl FnOnce(&mut Unwrapper, &mut dyn WrappedLog)) {
        let mut unwrapper = std::mem::take(&mut self.unwrapper);
        let format = self.format;
        read(&mut unwrapper, &mut ForeignLog { reader: self, format, sink });
        self.depends_on_order |= unwrapper.depends_on_order;
        self.unwrapper = unwrapper;
    }

    /// Reads a row of a table of columns, written as a line of JSON.
    pub fn columns(&mut self, object: &[u8], sink: &mut dyn Sink) {
        let format = self.format;
        if !self.object(format, object, &[], None, sink)
            && !self.json_object(format, &format.columns, object, &[], 0, None, sink)
        {
            sink.take(FoundRow::Unreadable(unfit(format)), object);
        }
    }

    /// Reads a line by the layouts; false if none fits.
    fn bare(
        &mut self,
        format: &'f CompiledFormat,
        line: &[u8],
        line_bits: Mask,
        received: Option<i64>,
        sink: &mut dyn Sink,
    ) -> bool {
        for (at, layout) in format.layouts.iter().enumerate() {
            match &layout.shape {
                CompiledShape::Json { .. } => {
                    let object = line.trim_ascii();
                    if object.first() == Some(&b'{')
                        && self.json_object(format, layout, object, &[], line_bits, received, sink)
                    {
                        return true;
                    }
                }
                CompiledShape::Template(template) => {
                    if !template.may_fit(line) {
                        continue;
                    }
                    let mut row = self.row(format);
                    template.names().for_each(|name| row.cells[name].put_empty());
                    if template.read(line, &mut row.cells).is_none() {
                        self.scratch.keep(row.cells);
                    } else if self.known_row(layout, row, line_bits, received, line, sink) {
                        return true;
                    }
                }
                CompiledShape::Delimited(delimited, names) => {
                    if let Some(header) = &delimited.header
                        && line.starts_with(b"#")
                    {
                        self.header(at, header, &names.by_name, line);
                        sink.take(FoundRow::NotACall(LinesByReason::HEADER), line);
                        return true;
                    }
                    let Some(row) = self.delimited(format, at, delimited, names, line) else { continue };
                    if self.known_row(layout, row, line_bits, received, line, sink) {
                        return true;
                    }
                }
            }
        }
        false
    }

    fn delimited<'b>(
        &mut self,
        format: &'f CompiledFormat,
        at: usize,
        delimited: &Delimited,
        names: &DelimitedNames,
        line: &'b [u8],
    ) -> Option<FormatRow<'f, 'b>> {
        let mut row = self.row(format);
        let columns = self.headers[at].as_ref().unwrap_or(&names.columns);
        // Where more cells are ignored, the line is not cut behind the last that has a name.
        let named = columns.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        let most = delimited.least.map_or(usize::MAX, |least| least.max(named));
        let mut count = 0;
        for cell in delimited::cells(line, delimited).take(most) {
            if let Some(Some(name)) = columns.get(count) {
                row.cells[*name].put(cell);
            }
            count += 1;
        }
        let is_fit = delimited.least.map_or(count == columns.len(), |least| count >= least);
        if !is_fit || columns.is_empty() {
            self.scratch.keep(row.cells);
            return None;
        }
        for (name, value) in &self.header_values[at] {
            row.cells[*name] = NamedValue::Text(Cow::Owned(value.clone()));
        }
        Some(row)
    }

    /// Takes a header line: it names the columns, or is a column itself.
    fn header(&mut self, at: usize, names: &str, numbers: &BTreeMap<String, usize>, line: &[u8]) {
        self.depends_on_order = true;
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        let (key, value) = (&line[..colon], line.get(colon + 1..).unwrap_or_default().trim_ascii());
        if key == names.trim_end_matches(':').as_bytes() {
            let number = |name: &[u8]| numbers.get(std::str::from_utf8(name).ok()?).copied();
            let columns = value.split(u8::is_ascii_whitespace).filter(|name| !name.is_empty());
            self.headers[at] = Some(columns.map(number).collect());
        }
        if let Some(number) = std::str::from_utf8(key).ok().and_then(|key| numbers.get(key)) {
            self.header_values[at].insert(*number, value.to_vec());
        }
    }

    /// Reads an object inside an envelope by the JSON layouts; false if it is of none.
    fn object(
        &mut self,
        format: &'f CompiledFormat,
        object: &[u8],
        around: &[&[u8]],
        received: Option<i64>,
        sink: &mut dyn Sink,
    ) -> bool {
        let is_json = |layout: &&CompiledLayout| matches!(layout.shape, CompiledShape::Json { .. });
        format
            .layouts
            .iter()
            .filter(is_json)
            .any(|layout| self.json_object(format, layout, object, around, 0, received, sink))
    }

    #[expect(clippy::too_many_arguments, reason = "an object, and what is around it")]
    fn json_object(
        &mut self,
        format: &'f CompiledFormat,
        layout: &'f CompiledLayout,
        object: &[u8],
        around: &[&[u8]],
        line_bits: Mask,
        received: Option<i64>,
        sink: &mut dyn Sink,
    ) -> bool {
        let quoted;
        let mut text = object;
        let mut read = read_object(format, layout, text, around, self.zone, &mut self.scratch);
        if read.is_err()
            && let Some(repaired) = json::quoted(object)
        {
            quoted = repaired;
            text = &quoted;
            read = read_object(format, layout, text, around, self.zone, &mut self.scratch);
        }
        let restored;
        if read.is_err()
            && let Some(repaired) = repair::repaired(text)
        {
            restored = repaired;
            read = read_object(format, layout, &restored, around, self.zone, &mut self.scratch).map(|row| {
                row.map(|mut row| {
                    row.cells.iter_mut().for_each(restore);
                    row
                })
            });
        }
        match read {
            Ok(Some(row)) => self.known_row(layout, row, line_bits, received, object, sink),
            Ok(None) | Err(_) => false,
        }
    }

    /// Judges a row of a layout; false if the condition of the layout does not hold.
    fn known_row<'b>(
        &mut self,
        layout: &'f CompiledLayout,
        mut row: FormatRow<'f, 'b>,
        line_bits: Mask,
        received: Option<i64>,
        raw: &[u8],
        sink: &mut dyn Sink,
    ) -> bool
    where
        'f: 'b,
    {
        row::empty_missing(&mut row.cells, &row.format.missing);
        row.look(line_bits, &mut self.known);
        if !row.holds(layout.when) {
            self.scratch.keep(row.cells);
            return false;
        }
        let format = row.format;
        let no_call = match (&layout.not_a_call, &format.only) {
            (Some(why), _) => Some(why),
            (None, Some((mask, why))) if !row.holds(*mask) => Some(why),
            _ => format.not_a_call.iter().find(|(mask, _)| row.holds(*mask)).map(|(_, why)| why),
        };
        if let Some(why) = no_call {
            self.scratch.keep(row.cells);
            sink.take(FoundRow::NotACall(why), raw);
            return true;
        }
        if row.bits != self.marked.0 {
            self.marked = (row.bits, self.format.mark(row.bits));
        }
        let mut fields = RawRow::new();
        let filled = fill(&row, self.marked.1, received, &mut fields);
        self.scratch.keep(row.cells);
        match filled {
            Ok(()) => sink.take(FoundRow::Call(&mut fields), raw),
            Err(why) => sink.take(FoundRow::Unreadable(why), raw),
        }
        true
    }

    fn row<'b>(&mut self, format: &'f CompiledFormat) -> FormatRow<'f, 'b> {
        FormatRow { format, cells: self.scratch.cells(format.names.len()), bits: 0, zone: self.zone }
    }
}

/// The log of a format, for the lines in envelopes.
struct ForeignLog<'r, 'f> {
    reader: &'r mut ForeignReader<'f>,
    format: &'f CompiledFormat,
    sink: &'r mut dyn Sink,
}

impl WrappedLog for ForeignLog<'_, '_> {
    fn line(&mut self, line: &[u8], received: Option<i64>) -> bool {
        let line_bits = line_bits(self.format, line);
        let no_call = self.format.lines_not_calls.iter().find(|(mask, _)| line_bits & mask == *mask);
        if let Some((_, why)) = no_call {
            self.sink.take(FoundRow::NotACall(why), line);
            return true;
        }
        self.reader.bare(self.format, line, line_bits, received, self.sink)
    }

    fn object(&mut self, object: &[u8], around: &[&[u8]], received: Option<i64>) -> bool {
        self.reader.object(self.format, object, around, received, self.sink)
    }

    fn not_a_call(&mut self, why: &'static str, raw: &[u8]) {
        self.sink.take(FoundRow::NotACall(why), raw);
    }

    fn unreadable(&mut self, why: Option<String>, raw: &[u8]) {
        self.sink.take(FoundRow::Unreadable(why.unwrap_or_else(|| unfit(self.format))), raw);
    }
}

fn unfit(format: &CompiledFormat) -> String {
    let names: Vec<&str> =
        format.layouts.iter().map(|layout| layout.name.as_str()).filter(|name| !name.is_empty()).collect();
    let tried = if names.is_empty() { String::new() } else { format!(" (tried: {})", names.join(", ")) };
    format!("it fits no layout of its format{tried}; `uptime-ledger inspect` says which format the log has")
}

/// Returns the bits of the conditions on a whole line.
fn line_bits(format: &CompiledFormat, line: &[u8]) -> Mask {
    // They are the last, by the order of the names.
    let Some(tests) = format.tests.last().filter(|tests| tests.name == NameRef::Line) else { return 0 };
    let holds = |wants: &[crate::formats::Want]| wants.iter().any(|want| want.matches(line));
    tests.by_text.iter().filter(|(_, wants)| holds(wants)).fold(tests.present, |bits, (bit, _)| bits | bit)
}

/// Reads the names of an object; `None` if it is not of the layout.
fn read_object<'f, 'b>(
    format: &'f CompiledFormat,
    layout: &CompiledLayout,
    object: &'b [u8],
    around: &[&'b [u8]],
    zone: Tz,
    scratch: &mut Scratch,
) -> Result<Option<FormatRow<'f, 'b>>, String> {
    let CompiledShape::Json { tree, outer, keys } = &layout.shape else { return Ok(None) };
    let mut found = FoundNames::new(scratch.cells(format.names.len()), std::mem::take(&mut scratch.ranks));
    found.read(tree, object)?;
    for (tree, object) in outer.iter().zip(around) {
        found.read(tree, object)?;
    }
    let there = found.count;
    let cells;
    (cells, scratch.ranks) = found.into_cells();
    let mut row = FormatRow { format, cells, bits: 0, zone };
    // Of a template half of the keys must be there; else a name of the time, so that the lines of
    // an envelope are not taken for rows.
    let is_fit = if *keys > 0 {
        there * 2 >= *keys
    } else {
        format.clock.iter().any(|name| row.cells[*name].is_logged())
    };
    if !is_fit {
        return Ok(None);
    }
    if format.omits_empty {
        row.cells.iter_mut().filter(|cell| !cell.is_logged()).for_each(|cell| *cell = NamedValue::Empty);
    }
    Ok(Some(row))
}

/// Gives a cell of a repaired line its bytes back.
fn restore(cell: &mut NamedValue<'_>) {
    if let NamedValue::Text(text) = cell {
        *cell = match repair::restored(&LogValue::Text(Cow::Borrowed(text))) {
            LogValue::Text(text) => NamedValue::Text(Cow::Owned(text.into_owned())),
            _ => NamedValue::Empty,
        };
    }
}
