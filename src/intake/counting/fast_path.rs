//! Fast path: counts a sketched row by the remembered classification of its key.

use std::path::Path;

use super::call::Call;
use super::memo::KnownRow;
use super::notes::evidence::RowPlace;
use super::worker_counts::WorkerCounts;
use crate::error::Trouble;
use crate::intake::records::row_id;
use crate::intake::rows::interner::Lexicon;
use crate::intake::rows::sketch::{PerRowField, Scalar, Sketch};
use crate::intake::rows::source_reader::SourceReader;

impl WorkerCounts {
    /// Counts a row if the key of its sketch is known, and returns whether it did.
    ///
    /// Returns false, and counts nothing, if the key is unknown or if a value unique to the row is
    /// not as expected. The row then takes the slow path, and [`WorkerCounts::learn`] remembers its
    /// classification.
    ///
    /// # Errors
    /// Spilling to disk failed.
    pub fn post_sketched(
        &mut self,
        source_reader: &SourceReader,
        sketch: &Sketch<'_>,
        place: &RowPlace,
        spill: &Path,
    ) -> Result<bool, Trouble> {
        if source_reader.repeated_hour().is_some() || sketch.is_too_long() {
            return Ok(false);
        }
        match self.memo.find(&sketch.key) {
            None => Ok(false),
            Some(KnownRow::Attempt(known)) => {
                self.enter_known_attempt(source_reader, sketch, &known, place, spill)
            }
            Some(KnownRow::Call { shape }) => match self.known_call(source_reader, sketch, shape) {
                None => Ok(false),
                Some(call) => {
                    self.note(place, call.start_us, sketch.seen);
                    self.enter(source_reader, &call, place, spill)?;
                    Ok(true)
                }
            },
        }
    }

    /// Remembers the classification of the last posted row, if other rows may reuse it.
    pub fn learn(&mut self, sketch: &Sketch<'_>) {
        if let Some(known) = self.learned.take() {
            self.memo.learn(&sketch.key, known);
        }
    }

    fn known_call<'b>(
        &mut self,
        source_reader: &SourceReader,
        sketch: &Sketch<'b>,
        shape: u32,
    ) -> Option<Call<'b>> {
        let (start_us, duration_us) = source_reader.sketched_time(sketch)?;
        if self.is_far(start_us) {
            return None;
        }
        let hash = match sketch.own(PerRowField::Id) {
            Scalar::Missing => 0,
            id => id.with_bytes(|id| source_reader.ids.call(&source_reader.salt, id))?,
        };
        let message = match sketch.own(PerRowField::Message) {
            Scalar::Missing => 0,
            // A nil id is no message, so the answer has admitted none: that is for the slow path.
            id if !source_reader.is_joined() => id.with_bytes(|id| (!row_id::is_nil(id)).then_some(0))??,
            id => id.with_bytes(|id| source_reader.keyed(id))??,
        };
        if source_reader.has_siblings && hash != 0 && self.day_us().contains(&start_us) {
            sketch.own(PerRowField::Id).with_bytes(|id| self.sample_id(source_reader, id, hash));
        }
        let sender = if message == 0 { 0 } else { SourceReader::sketched_caller(sketch, &mut self.names)? };
        let active = match sketch.own(PerRowField::Caller) {
            name @ (Scalar::Text(_) | Scalar::Int(_)) => *name,
            _ => Scalar::Missing,
        };
        Some(Call { start_us, duration_us, shape, caller: 0, active, hash, message, sender })
    }
}

impl SourceReader {
    /// Returns start and duration of a sketched row, as [`SourceReader::time`] does.
    ///
    /// `None` if the row must take the slow path.
    #[inline]
    fn sketched_time(&self, sketch: &Sketch<'_>) -> Option<(i64, Option<u64>)> {
        let ts_us = sketch.own(PerRowField::Ts).instant(&self.mapping.ts_cast, self.source().zone)?;
        if !self.is_meant(ts_us) {
            return None;
        }
        let duration_us = sketch.own(PerRowField::Duration).duration(&self.mapping.duration_cast).ok()?;
        Some((self.start_us(ts_us, duration_us), duration_us))
    }

    /// Returns the caller of a sketched row, as [`SourceReader::caller`] does.
    ///
    /// `None` if the row must take the slow path.
    #[inline]
    pub fn sketched_caller(sketch: &Sketch<'_>, names: &mut Lexicon) -> Option<u32> {
        match sketch.own(PerRowField::Caller) {
            Scalar::Missing => Some(0),
            caller => caller.with_bytes(|name| Self::caller_of(name, names)),
        }
    }
}

#[cfg(test)]
mod tests;
