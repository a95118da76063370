//! Configs: the settings that days were read and booked with, by fingerprint.
//!
//! They are kept so that a restatement can name the changed settings as its cause.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Ledger, Writer, disk};
use crate::config::Canonical;
use crate::error::Trouble;

pub(super) const CONFIGS: &str = "configs";
pub(super) const SETTINGS: &str = "settings.json";

/// Returns the folder of a config, by its fingerprint.
pub(super) fn place(ledger: &Path, fingerprint: &str) -> PathBuf {
    ledger.join(CONFIGS).join(fingerprint)
}

impl Ledger {
    /// Reads the settings that days of this ledger were read or booked with.
    ///
    /// # Errors
    /// [`Trouble::Io`] if the file is missing or unreadable, [`Trouble::Damaged`] if it does not
    /// match its fingerprint.
    pub fn config(&self, fingerprint: &str) -> Result<Canonical, Trouble> {
        let path = place(&self.folder, fingerprint).join(SETTINGS);
        let text = fs::read_to_string(&path).map_err(|e| Trouble::io(&path, "reading", e))?;
        let settings = Canonical::from_json(&text).map_err(|why| disk::damaged(&path, why))?;
        let found = settings.fingerprint();
        if found != fingerprint || settings.to_json() != text {
            return Err(disk::damaged(
                &path,
                format!("it is not as it was written: its fingerprint is {found}"),
            ));
        }
        Ok(settings)
    }
}

impl Writer {
    /// Keeps settings under their fingerprint, and returns it; kept ones are not rewritten.
    ///
    /// # Errors
    /// [`Trouble::Io`].
    pub fn keep_config(&self, settings: &Canonical) -> Result<String, Trouble> {
        let fingerprint = settings.fingerprint();
        let place = place(&self.folder, &fingerprint);
        if !place.exists() {
            let scratch = disk::temporary(&self.folder)?;
            disk::write(&scratch.path().join(SETTINGS), settings.to_json().as_bytes())?;
            disk::put_folder(scratch, &place)?;
        }
        Ok(fingerprint)
    }
}
