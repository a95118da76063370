//! Ledger: what is published and stays. One edition of one day at a time, written whole or not at all.

mod balance;
mod daybooks;
mod draft;
mod edition;
mod folder;
mod joined;
mod lines;
mod lock;
mod manifest;

use std::fs;
use std::path::{Path, PathBuf};

use crate::day::Day;
use crate::error::Trouble;

pub use balance::check_balance;
pub use edition::{DayState, Definition, Edition};
pub use joined::{DelayLine, DeliveryLine, ReconciliationLine};
pub use lines::{AccountLine, BadLine, LatencyLine};
pub use lock::Lock;

/// All editions under `<reports>/ledger/`, one folder per day.
#[derive(Debug, Clone)]
pub struct Ledger {
    folder: PathBuf,
}

/// The edition of a day that holds after publishing it.
#[derive(Debug, Clone)]
pub struct Published {
    pub edition: Edition,
    /// False when the day already stood there with the same content, and nothing was written.
    pub is_new: bool,
    /// Whether policy and definition are those of the edition before it, so that only the logs can have changed it.
    pub has_same_rules: bool,
}

impl Ledger {
    /// The ledger of a reports folder; a folder without one is an empty ledger.
    pub fn open(reports: &Path) -> Result<Self, Trouble> {
        let folder = reports.join("ledger");
        match fs::metadata(&folder) {
            Ok(found) if !found.is_dir() => {
                let source = std::io::ErrorKind::NotADirectory.into();
                Err(Trouble::io(folder, "opening the ledger", source))
            }
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(Trouble::io(folder, "opening the ledger", e))
            }
            _ => Ok(Self { folder }),
        }
    }

    /// The days that have an edition, ascending.
    pub fn days(&self) -> Result<Vec<Day>, Trouble> {
        folder::days(&self.folder)
    }

    /// The edition of a day; an edition that cannot be read names the file at fault.
    pub fn read(&self, day: Day) -> Result<Edition, Trouble> {
        folder::read(&folder::standing(&self.folder, day), day)
    }

    /// All editions, ascending by day: what [`crate::measure::draw`] takes.
    pub fn editions(&self) -> Result<Vec<Edition>, Trouble> {
        self.days()?.into_iter().map(|day| self.read(day)).collect()
    }

    /// Makes a draft the edition of its day: number 1, or one more than the edition it replaces. A draft with the
    /// content that is already there changes nothing. The caller holds the [`Lock`].
    pub fn publish(&self, draft: Edition) -> Result<Published, Trouble> {
        folder::tidy(&self.folder)?;
        folder::publish(&self.folder, draft)
    }
}
