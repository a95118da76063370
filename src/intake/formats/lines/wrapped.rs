//! Wrapped: rows of our own formats inside the lines of other programs, or in lists.

use super::{Stop, TextParser};
use crate::config::LogPreset;
use crate::error::Trouble;
use crate::intake::counting::notes::evidence::RowPlace;
use crate::intake::counting::worker_counts::WorkerCounts;
use crate::intake::files::detect::LogFormat;
use crate::intake::formats::foreign::WrappedLog;
use crate::intake::formats::{access_log, ndjson};
use crate::intake::rows::raw_row::RawRow;

impl TextParser<'_> {
    /// Reads what stands inside a line that is no row; false if nothing does.
    ///
    /// # Errors
    /// [`Stop::InOnePiece`] if this is a chunk and the line goes on in another one.
    /// [`Stop::Run`] if spilling to disk failed.
    pub(super) fn wrapped(
        &mut self,
        line: &[u8],
        place: RowPlace,
        counts: &mut WorkerCounts,
    ) -> Result<bool, Stop> {
        let mut unwrapper = std::mem::take(&mut self.unwrapper);
        let mut rows = OwnRows { parser: self, counts, place, why: None, trouble: None };
        let is_open = unwrapper.open(line, &mut rows);
        let trouble = rows.trouble;
        let depends_on_order = unwrapper.depends_on_order;
        self.unwrapper = unwrapper;
        if self.is_chunk && depends_on_order {
            return Err(Stop::InOnePiece);
        }
        trouble.map_or(Ok(is_open), |trouble| Err(trouble.into()))
    }

    /// Counts what is left of lines whose last pieces are missing.
    pub(super) fn finish_wrapped(&mut self, place: RowPlace, counts: &mut WorkerCounts) -> Result<(), Stop> {
        let mut unwrapper = std::mem::take(&mut self.unwrapper);
        let mut rows = OwnRows { parser: self, counts, place, why: None, trouble: None };
        unwrapper.finish(&mut rows);
        rows.trouble.map_or(Ok(()), |trouble| Err(trouble.into()))
    }
}

/// Counts the rows inside one line.
struct OwnRows<'p, 'a, 'c> {
    parser: &'p mut TextParser<'a>,
    counts: &'c mut WorkerCounts,
    place: RowPlace,
    /// Why the last line cannot be read.
    why: Option<String>,
    /// Trouble with the disk, which ends the run.
    trouble: Option<Trouble>,
}

impl OwnRows<'_, '_, '_> {
    fn row(&mut self, line: &[u8], received: Option<i64>) -> bool {
        let posted = self.posted(line, received);
        let posted = posted.unwrap_or_else(|trouble| {
            self.trouble.get_or_insert(trouble);
            None
        });
        self.why = posted;
        self.why.is_none()
    }

    /// Counts a row; returns why it cannot be read.
    fn posted(&mut self, line: &[u8], received: Option<i64>) -> Result<Option<String>, Trouble> {
        let (reader, spill) = (self.parser.source_reader, self.parser.spill);
        if reader.source().preset == LogPreset::WhatsappWebhook {
            return self.counts.post_payload(reader, line, received, self.place, spill);
        }
        let mut row = RawRow::new();
        let read = match self.parser.format {
            LogFormat::Ndjson => ndjson::read(line, &mut self.parser.tree, &mut row),
            _ => access_log::read(line, &mut row),
        };
        match read {
            Ok(()) if reader.names_time(&row) => {
                self.counts.post(reader, &mut row, self.place, || line.to_vec(), spill)?;
                Ok(None)
            }
            Ok(()) => Ok(Some("it has no time".to_owned())),
            Err(why) => Ok(Some(why)),
        }
    }
}

impl WrappedLog for OwnRows<'_, '_, '_> {
    fn line(&mut self, line: &[u8], received: Option<i64>) -> bool {
        self.row(line, received)
    }

    fn object(&mut self, object: &[u8], _: &[&[u8]], received: Option<i64>) -> bool {
        self.row(object, received)
    }

    fn not_a_call(&mut self, why: &'static str, _: &[u8]) {
        self.counts.not_a_call(self.place, why);
    }

    fn unreadable(&mut self, why: Option<String>, raw: &[u8]) {
        let why = why.or_else(|| self.why.take()).unwrap_or_else(|| "it is no row of the log".to_owned());
        // A payload is never shown, because it holds private messages.
        let is_payload = self.parser.source_reader.source().preset == LogPreset::WhatsappWebhook;
        self.counts.quarantine_line(self.place, why, if is_payload { &[] } else { raw }, raw.len());
    }
}
