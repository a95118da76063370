//! State: the result of replaying the journal up to a line.

use std::collections::BTreeMap;

use super::entry::{
    Confirmation, Entry, JudgedRow, LogsRead, MalformedRow, Publication, Reported, ReportedKey,
};
use crate::attention::{AttentionKind, KnownDays, Register, Standing};
use crate::day::Day;
use crate::ledger::{DayState, Settings};
use crate::overrides::Override;

/// State of one day in the ledger.
#[derive(Debug, Clone, Default)]
pub struct DayRecord {
    pub editions: Vec<EditionRecord>,
    /// Number of the edition that was sealed.
    pub sealed: Option<u32>,
    /// SHA-256 of the figures that the seal left; `None` until they are stored.
    pub frozen: Option<String>,
    pub reading: Option<LogsRead>,
    pub is_pruned: bool,
    /// Last confirmation that booking again gives the newest edition unchanged.
    pub confirmed: Option<Confirmation>,
}

/// An edition, and when it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditionRecord {
    pub seq: u64,
    pub at: chrono::DateTime<chrono::Utc>,
    pub publication: Publication,
}

impl DayRecord {
    /// Returns the standing edition, which the figures come from: the sealed one, else the newest.
    pub fn standing(&self) -> Option<&EditionRecord> {
        match self.sealed {
            Some(sealed) => self.editions.iter().find(|p| p.publication.edition == sealed),
            None => self.editions.last(),
        }
    }

    /// Returns the current state of an edition: sealed if it was sealed since, else as published.
    pub fn state(&self, edition: u32, published: DayState) -> DayState {
        if self.sealed == Some(edition) { DayState::Sealed } else { published }
    }

    /// Returns the newest edition, adjusting ones included.
    pub fn newest(&self) -> Option<&EditionRecord> {
        self.editions.last()
    }
}

/// Ledger state after replaying the journal up to a line.
#[derive(Debug, Clone, Default)]
pub struct LedgerState {
    pub days: BTreeMap<Day, DayRecord>,
    pub settings: Option<Settings>,
    /// Override rows by fingerprint, with the moment they were first seen.
    pub rows: BTreeMap<String, FiledRow>,
    pub malformed: Vec<MalformedRow>,
    pub reported: BTreeMap<ReportedKey, Reported>,
    pub attention: Register,
}

/// An override row as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiledRow {
    pub row: Override,
    pub first_seen: chrono::DateTime<chrono::Utc>,
    /// Moment from which the row is no longer in the file.
    pub gone: Option<chrono::DateTime<chrono::Utc>>,
    pub judged: Option<JudgedRow>,
}

impl LedgerState {
    /// Returns the attentions that stand open on a day of the wall clock, by key.
    pub fn standing(&self, today: Day) -> Vec<Standing> {
        let is_open = |day: Day| self.days.get(&day).is_none_or(|record| record.sealed.is_none());
        let is_read = |(_, record): &(&Day, &DayRecord)| record.reading.is_some();
        let newest = self.days.iter().filter(is_read).map(|(day, _)| *day).next_back();
        self.attention.standing(&KnownDays { is_open: &is_open, newest, today })
    }

    /// Applies one line.
    pub fn apply(&mut self, line: &super::JournalLine) {
        match &line.entry {
            Entry::Ledger { .. } => {}
            Entry::Settings { settings } => self.settings = Some(settings.clone()),
            Entry::Read(reading) => {
                // A word on poorer logs is for those that were then there.
                self.attention.follow(AttentionKind::FewerRows, reading.day);
                let day = self.days.entry(reading.day).or_default();
                (day.reading, day.is_pruned) = (Some(reading.clone()), false);
            }
            Entry::Pruned { day } => self.days.entry(*day).or_default().is_pruned = true,
            Entry::Overrides { seen, gone } => {
                for row in seen {
                    let filed = FiledRow { row: row.clone(), first_seen: line.at, gone: None, judged: None };
                    // A row that comes back after it was withdrawn counts as first seen now.
                    self.rows.insert(row.fingerprint(), filed);
                }
                for fingerprint in gone {
                    if let Some(row) = self.rows.get_mut(fingerprint) {
                        row.gone = Some(line.at);
                    }
                }
            }
            Entry::Judged { rows } => {
                for judged in rows {
                    if let Some(row) = self.rows.get_mut(&judged.row) {
                        row.judged = Some(judged.clone());
                    }
                }
            }
            Entry::Malformed { rows } => self.malformed.clone_from(rows),
            Entry::Edition(publication) => {
                let published =
                    EditionRecord { seq: line.seq, at: line.at, publication: publication.clone() };
                self.days.entry(publication.day).or_default().editions.push(published);
            }
            Entry::Confirmed { days } => {
                for confirmation in days {
                    self.days.entry(confirmation.day).or_default().confirmed = Some(confirmation.clone());
                }
            }
            Entry::Sealed { day, edition, table } => {
                let day = self.days.entry(*day).or_default();
                (day.sealed, day.frozen) = (Some(*edition), table.clone());
            }
            Entry::Frozen { days } => {
                for frozen in days {
                    self.days.entry(frozen.day).or_default().frozen = Some(frozen.table.clone());
                }
            }
            Entry::Attention { looked } => {
                let looked: Vec<_> = looked.iter().map(|looked| (looked.at, looked.found.clone())).collect();
                self.attention.tell(&looked, line.wall.unwrap_or(line.at));
            }
            Entry::Acknowledged(acknowledgement) => self.attention.acknowledge(acknowledgement),
            Entry::Reported { figures } => {
                self.reported.extend(figures.iter().map(|figure| (figure.key(), figure.clone())));
            }
        }
    }
}
