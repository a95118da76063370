//! Lines of other programs: read by a format file, and counted.

use std::path::Path;

use super::{Stop, TextParser};
use crate::error::Trouble;
use crate::intake::counting::notes::evidence::RowPlace;
use crate::intake::counting::worker_counts::WorkerCounts;
use crate::intake::formats::foreign::{ForeignReader, FoundRow, JsonStream, Sink};
use crate::intake::rows::raw_row::RawRow;
use crate::intake::rows::sketch::Sketch;
use crate::intake::rows::source_reader::SourceReader;

impl TextParser<'_> {
    /// Parses whole JSON objects, and returns how many bytes they took.
    pub(super) fn parse_stream(
        &mut self,
        text: &[u8],
        is_end: bool,
        counts: &mut WorkerCounts,
    ) -> Result<usize, Stop> {
        let mut at = 0;
        while let Some(object) = JsonStream.next(&text[at..], is_end) {
            let lines = |part: &[u8]| memchr::memchr_iter(b'\n', part).count() as u64;
            let (start, end) = (at + object.start, at + object.end);
            self.lines += lines(&text[at..start]);
            let place = self.place();
            self.lines += lines(&text[start..end]);
            let object = &text[start..end];
            self.line(object, place, &mut RawRow::new(), &mut Sketch::new(), counts)?;
            at = end;
        }
        if is_end {
            self.finish_lines(counts)?;
            return Ok(text.len());
        }
        Ok(at)
    }

    /// Reads a line or an object of another program, with all rows in it.
    pub(super) fn foreign_line(
        &mut self,
        line: &[u8],
        place: RowPlace,
        counts: &mut WorkerCounts,
    ) -> Result<(), Stop> {
        let Some(foreign) = &mut self.foreign else { return Ok(()) };
        let mut rows =
            PostRows { counts, reader: self.source_reader, spill: self.spill, place, trouble: None };
        foreign.line(line, &mut rows);
        if self.is_chunk && foreign.depends_on_order {
            return Err(Stop::InOnePiece);
        }
        rows.trouble.map_or(Ok(()), |trouble| Err(trouble.into()))
    }

    /// Counts what is left of lines whose last pieces are missing.
    pub(super) fn finish_lines(&mut self, counts: &mut WorkerCounts) -> Result<(), Stop> {
        let place = self.place();
        let Some(foreign) = &mut self.foreign else { return self.finish_wrapped(place, counts) };
        let mut rows =
            PostRows { counts, reader: self.source_reader, spill: self.spill, place, trouble: None };
        foreign.finish(&mut rows);
        rows.trouble.map_or(Ok(()), |trouble| Err(trouble.into()))
    }
}

/// Counts the rows of one line of another program.
struct PostRows<'a, 'c> {
    counts: &'c mut WorkerCounts,
    reader: &'a SourceReader,
    spill: &'a Path,
    place: RowPlace,
    /// Trouble with the disk, which ends the run.
    trouble: Option<Trouble>,
}

impl Sink for PostRows<'_, '_> {
    fn take(&mut self, found: FoundRow<'_, '_>, raw: &[u8]) {
        let (counts, place) = (&mut *self.counts, self.place);
        match found {
            FoundRow::Call(row) => {
                let posted = counts.post(self.reader, row, place, || raw.to_vec(), self.spill);
                self.trouble = self.trouble.take().or(posted.err());
            }
            FoundRow::NotACall(why) => counts.not_a_call(place, why),
            FoundRow::Unreadable(why) => counts.quarantine(place, why, raw),
        }
    }
}

/// Rows of a table that another program wrote, read by its format file.
pub struct ProgramRows<'a> {
    foreign: Option<ForeignReader<'a>>,
    reader: &'a SourceReader,
    spill: &'a Path,
}

impl<'a> ProgramRows<'a> {
    pub fn new(reader: &'a SourceReader, spill: &'a Path) -> Self {
        Self { foreign: reader.foreign(), reader, spill }
    }

    /// Counts a row, written as a line of JSON.
    ///
    /// # Errors
    /// Spilling to disk failed.
    pub fn columns(&mut self, object: &[u8], place: RowPlace, counts: &mut WorkerCounts) -> Result<(), Stop> {
        let Some(foreign) = &mut self.foreign else { return Ok(()) };
        let mut rows = PostRows { counts, reader: self.reader, spill: self.spill, place, trouble: None };
        foreign.columns(object, &mut rows);
        rows.trouble.map_or(Ok(()), |trouble| Err(trouble.into()))
    }
}
