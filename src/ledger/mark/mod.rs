//! The mark of the drawing: the journal line that the reports show, and the days sealed then.
//!
//! It stands beside the reports as `.drawn`. A journal that is put back in an older state shows by
//! it, and a seal that this journal does not know is taken back by the hashes in it alone.

mod obstacle;
mod older;
mod resume;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use obstacle::Obstacle;
pub use older::OlderJournal;

use super::{Entry, JournalLine, Ledger};
use crate::day::Day;
use crate::error::Trouble;
use crate::plain_file::{self, sha256};

/// The file of the mark, in the reports folder.
pub const DRAWN: &str = ".drawn";
/// Number of the way in which reports are drawn, raised with each change of their bytes.
///
/// Versions in development have one version number for many such changes.
const FORMAT: u32 = 4;
/// Stands before the SHA-256 of the rest, which ends the mark.
const CHECK: &str = ",\"check\":\"";
const JOB: &str = env!("CARGO_PKG_VERSION");

/// The line of the ledger that the reports show, and the version of the job that drew them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawn {
    pub seq: u64,
    pub hash: String,
    #[serde(default)]
    pub job: String,
    /// See [`FORMAT`]; 0 if the job wrote none.
    #[serde(default)]
    format: u32,
    /// The newest published day; `None` if an older version wrote the mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    newest: Option<Day>,
    /// The days that were sealed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sealed: BTreeMap<Day, SealedDay>,
}

/// What a seal has made final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedDay {
    pub edition: u32,
    /// SHA-256 of the `edition.json` of the sealed edition.
    pub manifest: String,
    /// SHA-256 of the figures that the seal left; `None` if an older version sealed the day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
}

impl Drawn {
    /// Makes the mark of reports that show a ledger.
    pub fn of(ledger: &Ledger) -> Self {
        let (seq, hash) = ledger.head();
        let sealed = ledger.record.days.iter().filter_map(|(day, record)| {
            let standing = record.sealed.and_then(|_| record.standing())?;
            let (edition, manifest) = (standing.publication.edition, standing.publication.manifest.clone());
            Some((*day, SealedDay { edition, manifest, table: record.frozen.clone() }))
        });
        Self {
            seq,
            hash,
            job: JOB.to_owned(),
            format: FORMAT,
            newest: ledger.days().last().copied(),
            sealed: sealed.collect(),
        }
    }

    /// Reads the mark of a reports folder; `None` if the reports were never drawn completely.
    ///
    /// A damaged mark counts as none: all reports are drawn anew.
    ///
    /// # Errors
    /// [`Trouble::NotPlain`] if no file stands there, [`Trouble::Io`] if it cannot be read.
    pub fn read(reports: &Path) -> Result<Option<Self>, Trouble> {
        let mark = plain_file::read_if_there(&reports.join(DRAWN))?;
        let mark = mark.and_then(|mark| String::from_utf8(mark).ok()).filter(|mark| is_as_written(mark));
        Ok(mark.and_then(|mark| serde_json::from_str(&mark).ok()))
    }

    /// Lists the days that were read or published since the reports were drawn last.
    ///
    /// There are some only after a run that was killed or could not draw: what it had to tell of
    /// them may be lost.
    ///
    /// # Errors
    /// Those of [`Drawn::read`].
    pub fn days_behind(ledger: &Ledger, reports: &Path) -> Result<BTreeSet<Day>, Trouble> {
        let drawn = Self::read(reports)?.map_or(0, |drawn| drawn.seq);
        let day = |line: &JournalLine| match &line.entry {
            Entry::Read(reading) => Some(reading.day),
            Entry::Edition(publication) => Some(publication.day),
            _ => None,
        };
        Ok(ledger.lines().filter(|line| line.seq > drawn).filter_map(day).collect())
    }

    /// Returns whether this version of the job draws the same bytes.
    pub fn is_of_this_job(&self) -> bool {
        self.job == JOB && self.format == FORMAT
    }

    /// Returns the mark as it is stored.
    pub fn to_json(&self) -> String {
        match serde_json::to_string(self) {
            Ok(text) => {
                let check = sha256(text.as_bytes());
                format!("{}{CHECK}{check}\"}}\n", &text[..text.len() - 1])
            }
            Err(e) => unreachable!("strings and numbers always serialise: {e}"),
        }
    }
}

/// Returns whether a mark has the SHA-256 that it names; older versions named none.
///
/// One flipped bit would otherwise make the journal look older than the reports.
fn is_as_written(mark: &str) -> bool {
    mark.split_once(CHECK).is_none_or(|(text, check)| {
        check.strip_suffix("\"}\n") == Some(&sha256(format!("{text}}}").as_bytes()))
    })
}
