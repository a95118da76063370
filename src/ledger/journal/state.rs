//! State: the result of replaying the journal up to a line.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::entry::{
    Confirmation, Entry, JudgedRow, LogsRead, MalformedRow, Publication, RepairedFile, Reported, ReportedKey,
    Resumption, RowStatus,
};
use crate::attention::{AttentionKind, KnownDays, Look, Register, Standing};
use crate::config::ReviewHistory;
use crate::day::{Day, Month};
use crate::ledger::{DayState, Governed, Settings};
use crate::overrides::Override;

/// State of one day in the ledger.
#[derive(Debug, Clone, Default)]
pub struct DayRecord {
    pub editions: Vec<EditionRecord>,
    /// Number of the edition that was sealed.
    pub sealed: Option<u32>,
    /// Moment of the seal; `None` while the day is open.
    pub sealed_at: Option<DateTime<Utc>>,
    /// SHA-256 of the figures that the seal left; `None` until they are stored.
    pub frozen: Option<String>,
    pub reading: Option<LogsRead>,
    pub is_pruned: bool,
    /// True if it was sealed by a line that was given up, and its edition was gone.
    pub is_reopened: bool,
    /// Last confirmation that booking again gives the newest edition unchanged.
    pub confirmed: Option<Confirmation>,
    /// Fingerprint of the config that governed then.
    confirmed_config: Option<String>,
}

/// An edition, and when it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditionRecord {
    pub seq: u64,
    /// Instant of the wall clock.
    pub at: DateTime<Utc>,
    pub publication: Publication,
    /// SHA-256 of files that were rebuilt with other bytes than the manifest names, by name.
    pub repaired: BTreeMap<String, String>,
}

impl DayRecord {
    /// Returns the standing edition, which the figures come from: the sealed one, else the newest.
    pub fn standing(&self) -> Option<&EditionRecord> {
        match self.sealed {
            Some(sealed) => self.editions.iter().find(|p| p.publication.edition == sealed),
            None => self.editions.last(),
        }
    }

    /// Returns the config under which an edition was last booked again and came out the same.
    pub fn confirmed_config(&self, edition: u32) -> Option<&String> {
        let is_of_edition = self.confirmed.as_ref().is_some_and(|confirmed| confirmed.edition == edition);
        self.confirmed_config.as_ref().filter(|_| is_of_edition)
    }

    /// Returns the current state of an edition: sealed if it was sealed since, else as published.
    pub fn state(&self, edition: u32, published: DayState) -> DayState {
        if self.sealed == Some(edition) { DayState::Sealed } else { published }
    }

    /// Returns the clock that an edition counts as of: the one in its manifest, unless a person has
    /// accepted an earlier clock since.
    pub fn as_of(&self, edition: u32, published: DateTime<Utc>) -> DateTime<Utc> {
        let line = self.editions.iter().find(|line| line.publication.edition == edition);
        line.map_or(published, |line| published.min(line.at))
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
    /// Override rows by [`Override::identity`], with the moment they were first seen.
    pub rows: BTreeMap<String, FiledRow>,
    /// Identities of rows by the fingerprints under which earlier versions named them.
    row_names: BTreeMap<String, String>,
    pub malformed: Vec<MalformedRow>,
    pub reported: BTreeMap<ReportedKey, Reported>,
    pub attention: Register,
    /// The governed settings of the last line that has some.
    pub governed: Option<Governed>,
    /// Fingerprints of all configs and policies that lines of settings name.
    pub governed_names: BTreeSet<(String, String)>,
    /// The rules of review, by the days for which they hold.
    pub review: ReviewHistory,
    /// How the ledger went on from older journals, each with the number of its line.
    pub resumed: Vec<(u64, Resumption)>,
}

/// An override row as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiledRow {
    pub row: Override,
    pub first_seen: DateTime<Utc>,
    /// Moment from which the row is no longer in the file.
    pub gone: Option<DateTime<Utc>>,
    pub judged: Option<JudgedRow>,
    /// Moment from which it was judged so.
    pub judged_at: Option<DateTime<Utc>>,
    /// True if it was ever applied: then it is not judged again.
    pub was_applied: bool,
    /// Events that it moved when it was first applied; unknown in lines of earlier versions.
    pub first_events: Option<i64>,
    /// Fingerprint of the salt of its caller; unknown in lines of earlier versions.
    pub salt: Option<String>,
}

impl FiledRow {
    fn judge(&mut self, judged: &JudgedRow, at: DateTime<Utc>) {
        if judged.status == RowStatus::Applied && !self.was_applied {
            self.was_applied = true;
            self.first_events = judged.events;
        }
        self.judged = Some(judged.clone());
        self.judged_at = Some(at);
    }
}

impl LedgerState {
    /// Returns the attentions that stand open on a day of the wall clock, by key.
    pub fn standing(&self, today: Day) -> Vec<Standing> {
        self.known_days(today, |days| self.attention.standing(days))
    }

    /// Returns what a person can acknowledge on a day of the wall clock, by key.
    pub fn to_acknowledge(&self, today: Day) -> Vec<Standing> {
        self.known_days(today, |days| self.attention.to_acknowledge(days))
    }

    fn known_days(&self, today: Day, ask: impl Fn(&KnownDays<'_>) -> Vec<Standing>) -> Vec<Standing> {
        let is_open = |day: Day| self.days.get(&day).is_none_or(|record| record.sealed.is_none());
        let is_read = |(_, record): &(&Day, &DayRecord)| record.reading.is_some();
        let newest = self.days.iter().filter(is_read).map(|(day, _)| *day).next_back();
        ask(&KnownDays { is_open: &is_open, newest, today })
    }

    /// Returns an override row by its name in a line of the journal.
    pub fn filed(&self, name: &str) -> Option<&FiledRow> {
        self.rows.get(self.row_names.get(name).map_or(name, String::as_str))
    }

    fn filed_mut(&mut self, name: &str) -> Option<&mut FiledRow> {
        self.rows.get_mut(self.row_names.get(name).map_or(name, String::as_str))
    }

    /// Takes over a row that stands in the file.
    ///
    /// A row that comes back unchanged keeps its first sight, unless its first day was sealed
    /// meanwhile: then it counts as first seen now.
    fn see(&mut self, row: &Override, salt: Option<&String>, at: DateTime<Utc>) {
        let identity = row.identity();
        self.row_names.insert(row.fingerprint(), identity.clone());
        let is_sealed = |day: Day| self.days.get(&day).is_some_and(|record| record.sealed.is_some());
        let has_sealed = row.first_day().is_some_and(is_sealed);
        let known = self.rows.get(&identity).filter(|known| known.gone.is_none() || !has_sealed).cloned();
        let filed = match known {
            Some(known) => FiledRow { row: row.clone(), gone: None, ..known },
            None => FiledRow {
                row: row.clone(),
                first_seen: at,
                gone: None,
                judged: None,
                judged_at: None,
                was_applied: false,
                first_events: None,
                salt: salt.cloned(),
            },
        };
        self.rows.insert(identity, filed);
    }

    fn govern(&mut self, governed: &Governed, line: &super::JournalLine) {
        let wall_us = line.wall().timestamp_micros();
        self.review.add(wall_us, governed.review.clone());
        self.governed_names.insert((governed.config.clone(), governed.policy.clone()));
        if let Some(told) = governed.attention(line.seq, Day::of(line.wall()), wall_us) {
            self.attention.tell(&[(Look::Line(line.seq), vec![told])], line.wall());
        }
        self.governed = Some(governed.clone());
    }

    /// Returns how the ledger went on from older journals that said something else of a month.
    pub fn resumed_in(&self, month: Month) -> impl Iterator<Item = &(u64, Resumption)> {
        self.resumed.iter().filter(move |(_, resumed)| resumed.days().iter().any(|day| day.month() == month))
    }

    fn resume(&mut self, resumption: &Resumption, line: &super::JournalLine) {
        for day in &resumption.unread {
            self.days.entry(*day).or_default().is_pruned = true;
        }
        for back in &resumption.taken_back {
            let record = self.days.entry(back.day).or_default();
            let published = |publication: &Publication| EditionRecord {
                seq: line.seq,
                at: line.at,
                publication: publication.clone(),
                repaired: BTreeMap::new(),
            };
            record.editions.extend(back.editions.iter().map(published));
            (record.sealed, record.frozen) = (Some(back.edition), back.table.clone());
            record.sealed_at = Some(line.wall());
        }
        for day in &resumption.reopened {
            self.days.entry(*day).or_default().is_reopened = true;
        }
        self.resumed.push((line.seq, resumption.clone()));
    }

    /// Applies one line.
    pub fn apply(&mut self, line: &super::JournalLine) {
        match &line.entry {
            Entry::Ledger { .. } | Entry::MoreTime { .. } => {}
            Entry::Settings { settings, governed } => {
                self.settings = Some(settings.clone());
                if let Some(governed) = governed {
                    self.govern(governed, line);
                }
            }
            Entry::Read(reading) => {
                // A word on poorer logs is for those that were then there.
                self.attention.follow(AttentionKind::FewerRows, reading.day);
                let day = self.days.entry(reading.day).or_default();
                (day.reading, day.is_pruned) = (Some(reading.clone()), false);
            }
            Entry::Pruned { day } => self.days.entry(*day).or_default().is_pruned = true,
            Entry::Overrides { seen, gone, salt } => {
                // A row with another note is gone and seen in one line of earlier versions.
                for name in gone {
                    if let Some(filed) = self.filed_mut(name) {
                        filed.gone = Some(line.wall());
                    }
                }
                for row in seen {
                    self.see(row, salt.as_ref(), line.wall());
                }
            }
            Entry::Judged { rows } => {
                for judged in rows {
                    if let Some(filed) = self.filed_mut(&judged.row) {
                        filed.judge(judged, line.wall());
                    }
                }
            }
            Entry::Malformed { rows } => self.malformed.clone_from(rows),
            Entry::Edition(publication) => {
                let published = EditionRecord {
                    seq: line.seq,
                    at: line.wall(),
                    publication: publication.clone(),
                    repaired: BTreeMap::new(),
                };
                self.days.entry(publication.day).or_default().editions.push(published);
            }
            Entry::Confirmed { days } => {
                let config = self.governed.as_ref().map(|governed| governed.config.clone());
                for confirmation in days {
                    let record = self.days.entry(confirmation.day).or_default();
                    (record.confirmed, record.confirmed_config) =
                        (Some(confirmation.clone()), config.clone());
                }
            }
            Entry::Sealed { day, edition, table } => {
                let day = self.days.entry(*day).or_default();
                (day.sealed, day.frozen) = (Some(*edition), table.clone());
                day.sealed_at = Some(line.wall());
            }
            Entry::Frozen { days } => {
                for frozen in days {
                    self.days.entry(frozen.day).or_default().frozen = Some(frozen.table.clone());
                }
            }
            Entry::Attention { looked } => {
                let looked: Vec<_> = looked.iter().map(|looked| (looked.at, looked.found.clone())).collect();
                self.attention.tell(&looked, line.wall());
            }
            Entry::Acknowledged(said) => self.attention.acknowledge(said, Day::of(line.wall())),
            Entry::Resumed(resumption) => self.resume(resumption, line),
            Entry::Repaired { files } => {
                for RepairedFile { day, edition, file, sha256 } in files {
                    let editions = self.days.get_mut(day).map(|record| &mut record.editions);
                    let mut of_day = editions.into_iter().flatten();
                    if let Some(repaired) = of_day.find(|it| it.publication.edition == *edition) {
                        repaired.repaired.insert(file.clone(), sha256.clone());
                    }
                }
            }
            Entry::Reported { figures } => {
                self.reported.extend(figures.iter().map(|figure| (figure.key(), figure.clone())));
            }
        }
    }
}
