//! Sketched rows: counted by what is remembered of their like, without the way through every field.

use std::path::Path;

use super::book::{Book, Call, id_hash};
use super::memo::{Known, Own, Sketch};
use super::shape::Desk;
use super::witness::Place;
use crate::error::Trouble;

impl Book {
    /// Counts a row whose like is known. False, and nothing is counted, when it is not, or when something of the row's own is
    /// not as it should be: then the row goes the whole way, and [`Book::learn`] remembers what came of it.
    ///
    /// # Errors
    /// Spilling to disk failed.
    pub fn post_sketched(
        &mut self,
        desk: &Desk,
        sketch: &Sketch<'_>,
        place: &Place,
        spill: &Path,
    ) -> Result<bool, Trouble> {
        match self.memo.find(&sketch.key) {
            None => Ok(false),
            Some(Known::Attempt(known)) => self.enter_known_attempt(desk, sketch, &known, place, spill),
            Some(Known::Call { shape }) => match self.known_call(desk, sketch, shape) {
                None => Ok(false),
                Some(call) => {
                    self.note(place, call.start_us, sketch.seen);
                    self.enter(desk, &call, place, spill)?;
                    Ok(true)
                }
            },
        }
    }

    /// Remembers what the row that was posted last was found to be.
    pub fn learn(&mut self, sketch: &Sketch<'_>) {
        if let Some(known) = self.learned.take() {
            self.memo.learn(&sketch.key, known);
        }
    }

    fn known_call(&mut self, desk: &Desk, sketch: &Sketch<'_>, shape: u32) -> Option<Call> {
        let (start_us, duration_us) = desk.time(&sketch.own(Own::Ts), &sketch.own(Own::Duration)).ok()?;
        if self.is_far(start_us) {
            return None;
        }
        let hash = id_hash(&sketch.own(Own::Id)).ok()?;
        let message = desk.message(&sketch.own(Own::Message)).ok()?;
        let sender =
            if message == 0 { 0 } else { desk.caller(&sketch.own(Own::Caller), &mut self.names).ok()? };
        Some(Call { start_us, duration_us, shape, caller: 0, hash, message, sender })
    }
}

#[cfg(test)]
mod tests;
