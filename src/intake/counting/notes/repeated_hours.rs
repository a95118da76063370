//! Repeated hours: places rows of a local time that passes twice, and counts the guesses.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::config::Field;
use crate::intake::rows::instant::repeated_hour::{FileOrder, Placed};
use crate::intake::rows::raw_row::RawRow;
use crate::intake::rows::source_reader::SourceReader;

/// Order of the file that a worker reads, and the rows of its files that no order tells apart.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct RepeatedHours {
    #[serde(skip)]
    order: FileOrder,
    /// Guesses that a later row of the file may confirm: source reader and rows.
    pending: (u32, u64),
    /// By number of the source reader.
    guessed: BTreeMap<u32, u64>,
}

impl RepeatedHours {
    /// Begins a file, or a part of one.
    pub fn begin(&mut self) {
        self.order = FileOrder::default();
        self.settle();
    }

    /// Counts the guesses that no row has confirmed.
    pub fn settle(&mut self) {
        let (reader, rows) = std::mem::take(&mut self.pending);
        if rows > 0 {
            *self.guessed.entry(reader).or_default() += rows;
        }
    }

    /// Returns start and duration of a row, as [`SourceReader::time`] does.
    ///
    /// # Errors
    /// As for [`SourceReader::time`].
    pub fn time(
        &mut self,
        reader: &SourceReader,
        row: &RawRow<'_>,
        day_us: &Range<i64>,
    ) -> Result<(i64, Option<u64>), String> {
        let ts = row.get(Field::Ts);
        let (start_us, duration) = reader.time(row)?;
        let Some(hour) = reader.repeated_hour() else { return Ok((start_us, duration)) };
        // A source that logs the end of a call subtracts the duration.
        let ts_us = start_us - reader.start_in(row, 0, duration);
        let Placed { us, is_guess, confirms } = self.order.place(hour, ts, &reader.mapping.ts_cast, ts_us);
        if confirms {
            self.pending = (reader.number(), 0);
        } else if !is_guess {
            self.settle();
        }
        if is_guess && day_us.contains(&start_us) {
            self.pending = (reader.number(), self.pending.1 + 1);
        }
        Ok((start_us + (us - ts_us), duration))
    }

    /// Returns guessed rows by number of their source reader.
    pub fn guessed(&self) -> impl Iterator<Item = (u32, u64)> {
        self.guessed.iter().map(|(reader, rows)| (*reader, *rows))
    }
}
