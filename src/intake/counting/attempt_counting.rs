//! Attempt counting: webhook rows on their way into the counts of one worker.

use std::path::Path;

use super::memo::{KnownAttempt, KnownRow, KnownStatus};
use super::notes::evidence::RowPlace;
use super::notes::odd_words::WordList;
use super::worker_counts::WorkerCounts;
use crate::config::Field;
use crate::daybook::message::{StatusOrigin, StatusWord};
use crate::error::Trouble;
use crate::facts::ids::short;
use crate::intake::formats::webhook_payload;
use crate::intake::records::attempt_record::AttemptRecord;
use crate::intake::records::message_records::{StatusRecord, StatusTraits};
use crate::intake::rows::attempt_reader::{
    ParsedAttempt, ParsedStatus, bytes, hash_of, identity, untold_event_us,
};
use crate::intake::rows::raw_row::RawRow;
use crate::intake::rows::sketch::{PerRowField, Scalar, Sketch};
use crate::intake::rows::source_reader::SourceReader;

/// Why a payload belongs to no day.
const TIMELESS: &str = "no time: neither a receive time around it nor one in it";
/// The same of a payload that has nothing but errors, which never have a time.
const TIMELESS_ERRORS: &str =
    "no time: errors of the account have none, and there is no receive time around them";

impl WorkerCounts {
    /// Counts a row of a webhook log; `raw` is for its excerpt.
    ///
    /// # Errors
    /// As for [`WorkerCounts::post`].
    pub(super) fn post_attempt(
        &mut self,
        source_reader: &SourceReader,
        row: &mut RawRow<'_>,
        place: RowPlace,
        raw: impl FnOnce() -> Vec<u8>,
        spill: &Path,
    ) -> Result<(), Trouble> {
        let mut told = std::mem::take(&mut self.told);
        told.clear();
        let read = self.hours.time(source_reader, row, &self.day_us()).and_then(|(ts_us, _)| {
            if self.is_far(ts_us) {
                return Ok((ts_us, None));
            }
            let reading = source_reader.webhook(row, ts_us, place, &mut self.names, &mut told)?;
            Ok((ts_us, Some(reading)))
        });
        self.saw(place, row);
        if let Some((_, Some(reading))) = self.tally_row(place, read, raw) {
            self.post_webhook(&reading, &told, spill)?;
            self.learned = self.known_attempt(row, &reading, told.last());
            self.note_status(source_reader, &row.get(Field::Status).bytes(), &told, reading.ts_us);
        }
        self.told = told;
        Ok(())
    }

    /// Counts a line with a payload: a notification that arrived, and the statuses in it.
    ///
    /// `received_us` is when it arrived, for a payload that does not say so itself. Returns why the
    /// line cannot be read; then nothing was counted.
    ///
    /// # Errors
    /// Spilling to disk failed.
    pub fn post_payload(
        &mut self,
        source_reader: &SourceReader,
        line: &[u8],
        received_us: Option<i64>,
        place: RowPlace,
        spill: &Path,
    ) -> Result<Option<String>, Trouble> {
        let mut told = Vec::new();
        // Texts of users may hold bytes that are not UTF-8; statuses do not.
        let repaired;
        let zone = source_reader.source().zone;
        let mut found = webhook_payload::read(line, zone);
        if found.is_err() && std::str::from_utf8(line).is_err() {
            repaired = String::from_utf8_lossy(line);
            found = webhook_payload::read(repaired.as_bytes(), zone);
        }
        let read = found.and_then(|payload| {
            let ts_us = payload.received_us.or(received_us).or(payload.latest_us);
            let ts_us = ts_us.ok_or(if payload.has_errors { TIMELESS_ERRORS } else { TIMELESS })?;
            source_reader.check_meant(ts_us).map_err(|why| format!("its time {why}"))?;
            if self.is_far(ts_us) {
                return Ok((ts_us, None));
            }
            let reading = source_reader.payload(&payload, ts_us, place, &mut self.names, &mut told)?;
            let words: Vec<String> = payload.statuses.iter().map(|s| s.status.to_string()).collect();
            if self.day_us().contains(&ts_us) {
                self.fields.add(&payload.fields);
            }
            Ok((ts_us, Some((reading, words))))
        });
        match read {
            Ok((us, reading)) => {
                self.note(&place, us, 0);
                let statuses = told.iter().filter(|status| status.origin != StatusOrigin::Echo).count();
                self.tell_in_file(place.file, line.len(), statuses);
                if let Some((reading, words)) = reading {
                    self.post_webhook(&reading, &told, spill)?;
                    for (word, told) in words.iter().zip(&told) {
                        let told = std::slice::from_ref(told);
                        self.note_status(source_reader, word.as_bytes(), told, reading.ts_us);
                    }
                }
                Ok(None)
            }
            Err(reason) => Ok(Some(reason)),
        }
    }

    /// Stores the attempt and the statuses of a webhook row for the join.
    ///
    /// Rows before the day are ignored.
    ///
    /// # Errors
    /// Spilling to disk failed.
    pub fn post_webhook(
        &mut self,
        reading: &ParsedAttempt,
        told: &[ParsedStatus],
        spill: &Path,
    ) -> Result<(), Trouble> {
        if reading.ts_us < self.day_us().start {
            return Ok(());
        }
        let attempted = self.attempted(reading.attempted);
        self.hear_in_file(reading.attempted.file, reading.attempted.region);
        self.enter_attempt(reading, attempted, spill)?;
        for status in told {
            let known = self.known_status(status, attempted);
            self.enter_status(status, known, reading, spill)?;
        }
        Ok(())
    }

    fn enter_attempt(
        &mut self,
        reading: &ParsedAttempt,
        attempted: u32,
        spill: &Path,
    ) -> Result<(), Trouble> {
        self.check_memory()?;
        let start_us = self.day_us().start;
        self.hear(reading.attempted.region, reading.ts_us);
        let attempt = AttemptRecord {
            id: reading.id,
            identity: reading.identity,
            offset_us: reading.ts_us - start_us,
            event_offset_us: reading.event_us.saturating_sub(start_us),
            attempted,
            caller: reading.caller,
        };
        attempt.push(&mut self.records.attempts, spill)
    }

    /// Stores a status of a message that a webhook row reports.
    fn enter_status(
        &mut self,
        status: &ParsedStatus,
        KnownStatus { word, traits }: KnownStatus,
        reading: &ParsedAttempt,
        spill: &Path,
    ) -> Result<(), Trouble> {
        let day = self.day_us();
        let (offset_us, is_ahead) = (status.us - day.start, reading.ts_us >= day.end);
        let caller = reading.caller;
        let record = StatusRecord { id: status.message, offset_us, word, is_ahead, traits, caller };
        record.push(status.correlation, &mut self.records.statuses, spill)
    }

    /// Counts the status word of a row if nobody knows it.
    pub fn note_status(
        &mut self,
        source_reader: &SourceReader,
        word: &[u8],
        told: &[ParsedStatus],
        ts_us: i64,
    ) {
        if told.last().is_some_and(is_unknown) && self.day_us().contains(&ts_us) {
            self.odd_words.add(WordList::Status, source_reader.number(), word);
        }
    }

    fn known_status(&mut self, status: &ParsedStatus, attempted: u32) -> KnownStatus {
        let ParsedStatus { code, origin, participant, .. } = *status;
        let traits = self.status_traits(StatusTraits { attempted, code, origin, participant });
        KnownStatus { word: status.word, traits }
    }

    /// Returns the classification that rows like this one share.
    ///
    /// `None` if the row has no id, lies before the day, or has a status that nobody knows.
    pub fn known_attempt(
        &mut self,
        row: &RawRow<'_>,
        reading: &ParsedAttempt,
        told: Option<&ParsedStatus>,
    ) -> Option<KnownRow> {
        // Rows with unknown words are all read, so that they can be counted by their word.
        let is_odd = told.is_some_and(is_unknown);
        if is_odd || row.get(Field::WebhookId).is_missing() || reading.ts_us < self.day_us().start {
            return None;
        }
        let attempted = self.attempted(reading.attempted);
        Some(KnownRow::Attempt(KnownAttempt {
            attempted,
            told: told.map(|status| self.known_status(status, attempted)),
            word: hash_of(bytes(row, Field::Status).ok()?.as_deref()),
        }))
    }

    /// Counts an attempt whose classification is known, and returns whether it did.
    ///
    /// Returns false, and counts nothing, if a value unique to the row is not as expected.
    ///
    /// # Errors
    /// Spilling to disk failed.
    pub fn enter_known_attempt(
        &mut self,
        source_reader: &SourceReader,
        sketch: &Sketch<'_>,
        known: &KnownAttempt,
        place: &RowPlace,
        spill: &Path,
    ) -> Result<bool, Trouble> {
        let attempted = self.attempted_list[known.attempted as usize];
        let zone = source_reader.source().zone;
        let ts_us = sketch.own(PerRowField::Ts).instant(&source_reader.mapping.ts_cast, zone);
        let is_read_here = |us: &i64| !self.is_far(*us) && source_reader.is_meant(*us);
        let Some(ts_us) = ts_us.filter(is_read_here) else { return Ok(false) };
        let event = sketch.own(PerRowField::EventTs);
        let message = match sketch.own(PerRowField::Message) {
            Scalar::Missing => None,
            id => match id.with_bytes(|id| source_reader.keyed(id)).flatten() {
                None => return Ok(false),
                message => message,
            },
        };
        let correlation = match sketch.own(PerRowField::Correlation) {
            Scalar::Missing => 0,
            told => match told.with_bytes(|text| short(source_reader.correlated(text))) {
                Some(correlation) => correlation,
                None => return Ok(false),
            },
        };
        let mut read = || -> Option<ParsedAttempt> {
            let event_us = match event {
                Scalar::Missing => untold_event_us(attempted.attempt_no, ts_us),
                told => {
                    let us = told.instant(&source_reader.mapping.event_ts_cast, zone)?;
                    Some(us).filter(|us| source_reader.is_meant(*us))?
                }
            };
            let id = sketch.own(PerRowField::Id).with_bytes(|id| source_reader.keyed(id))??;
            let identity = identity(&attempted, message, known.word);
            let caller = SourceReader::sketched_caller(sketch, &mut self.names)?;
            Some(ParsedAttempt { ts_us, event_us, id, identity, attempted, caller })
        };
        let Some(reading) = read() else { return Ok(false) };
        self.note(place, reading.ts_us, sketch.seen);
        if reading.ts_us < self.day_us().start {
            return Ok(true);
        }
        self.enter_attempt(&reading, known.attempted, spill)?;
        if let (Some(told), Some(message)) = (known.told, message) {
            let us = if event.is_missing() { reading.ts_us } else { reading.event_us };
            let (word, origin) = (told.word, StatusOrigin::Own);
            let status = ParsedStatus { message, word, us, code: None, correlation, origin, participant: 0 };
            self.enter_status(&status, told, &reading, spill)?;
        }
        Ok(true)
    }
}

fn is_unknown(status: &ParsedStatus) -> bool {
    status.word == StatusWord::Unknown
}
