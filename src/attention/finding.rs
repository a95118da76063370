//! Finding: one cause for a person to look, as a run found it, and where the run looked.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AttentionKind, part};
use crate::day::Day;

/// One cause for a person to look (exit code 3), found in one day or in the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attention {
    pub kind: AttentionKind,
    /// Source, name, service, code, region: what the cause is about, as part of its key.
    pub subject: String,
    pub day: Day,
    /// Size of the cause: rows, events, files or minutes; 1 if it has none.
    ///
    /// An acknowledged cause is told again when it has grown.
    pub measure: u64,
    pub message: String,
    /// Half-open spans that it tells of, in microseconds since 1970; of suspected outages alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<[i64; 2]>,
    /// Log files that it tells of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<NamedFiles>,
    /// True if nothing is to do: it does not stand open, but can be acknowledged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_choice: bool,
}

/// Log files of a source, by the names that they have on every day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedFiles {
    pub source: String,
    /// Paths without what changes from day to day, sorted.
    pub names: Vec<String>,
}

impl Attention {
    /// Makes an attention of measure 1; `subject` becomes part of its key.
    pub fn new(kind: AttentionKind, day: Day, subject: &[&str], message: String) -> Self {
        let subject = subject.iter().map(|text| part(text)).collect::<Vec<_>>().join(":");
        Self { kind, subject, day, measure: 1, message, spans: Vec::new(), files: None, is_choice: false }
    }

    #[must_use]
    pub fn of_measure(self, measure: u64) -> Self {
        Self { measure, ..self }
    }

    #[must_use]
    pub fn of_spans(self, spans: Vec<[i64; 2]>) -> Self {
        Self { spans, ..self }
    }

    #[must_use]
    pub fn of_files<'n>(self, source: &str, names: impl IntoIterator<Item = &'n str>) -> Self {
        let names = names.into_iter().map(str::to_owned).collect();
        Self { files: Some(NamedFiles { source: source.to_owned(), names }), ..self }
    }

    /// Makes it a choice: a person may acknowledge it, and need not.
    #[must_use]
    pub fn as_choice(self) -> Self {
        Self { is_choice: true, ..self }
    }

    /// Returns its kind and subject, with the day if it tells of one: `gap:webhooks:eu:2026-11-18`.
    pub fn key(&self) -> String {
        let mut key = self.kind.name().to_owned();
        if !self.subject.is_empty() {
            key = format!("{key}:{}", self.subject);
        }
        if self.kind.tells_of_a_day() { format!("{key}:{}", self.day) } else { key }
    }
}

impl fmt::Display for Attention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attention[{}]: {}: {}\n  key: {}", self.kind.name(), self.day, self.message, self.key())
    }
}

/// Where causes are looked for; what is found replaces what the look before has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// The logs of a day, as they were read.
    Read(Day),
    /// The logs of a day as they are now, of which the day keeps what was read before.
    Kept(Day),
    /// The edition of a day.
    Booked(Day),
    /// The figures of a day.
    Measured(Day),
    /// Something that has happened to a day. It stays found.
    Happened(Day),
    /// An attempt to read or to book a day.
    Tried(Day),
    /// The edition of a day, as the ledger keeps it; it is looked at after the seal too.
    Stored(Day),
    /// The ledger, config and override file of a run.
    Run,
    /// An attempt to publish the reports to a bucket.
    Publish,
    /// A line of the journal that needs a person. It stays found.
    Line(u64),
}

impl Look {
    /// Returns the day that is looked at; `None` for the run as a whole.
    pub const fn day(&self) -> Option<Day> {
        match self {
            Self::Read(day)
            | Self::Kept(day)
            | Self::Booked(day)
            | Self::Measured(day)
            | Self::Happened(day)
            | Self::Tried(day) => Some(*day),
            Self::Stored(_) | Self::Run | Self::Publish | Self::Line(_) => None,
        }
    }
}

/// What the looks of a run have found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looks(BTreeMap<Look, Vec<Attention>>);

impl Looks {
    /// Makes what one look has found.
    pub fn of(look: Look, found: Attention) -> Self {
        Self([(look, vec![found])].into())
    }

    /// Notes that a look was taken, whatever it finds.
    pub fn take(&mut self, look: Look, found: impl IntoIterator<Item = Attention>) {
        self.0.entry(look).or_default().extend(found);
    }

    /// Notes what a look finds, in place of what it has found before in this run.
    pub fn replace(&mut self, look: Look, found: impl IntoIterator<Item = Attention>) {
        self.0.insert(look, found.into_iter().collect());
    }

    /// Notes what a look finds in addition, in place of what it has found under the same keys.
    pub fn renew(&mut self, look: Look, found: Vec<Attention>) {
        let all = self.0.entry(look).or_default();
        all.retain(|one| found.iter().all(|other| other.key() != one.key()));
        all.extend(found);
    }

    /// Returns what a look finds in this run.
    pub fn found_by(&self, look: Look) -> &[Attention] {
        self.0.get(&look).map(Vec::as_slice).unwrap_or_default()
    }

    pub fn merge(&mut self, other: Self) {
        for (look, found) in other {
            self.take(look, found);
        }
    }
}

impl IntoIterator for Looks {
    type Item = (Look, Vec<Attention>);
    type IntoIter = std::collections::btree_map::IntoIter<Look, Vec<Attention>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
