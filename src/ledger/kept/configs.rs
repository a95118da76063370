//! Configs: the settings that days were read and booked with, by fingerprint.
//!
//! They are kept so that a restatement can name the changed settings as its cause.

use crate::config::Canonical;
use crate::error::Trouble;
use crate::ledger::places::{SETTINGS, of_config};
use crate::ledger::{Ledger, Writer, disk};
use crate::plain_file;

impl Ledger {
    /// Reads the settings that days of this ledger were read or booked with.
    ///
    /// # Errors
    /// [`Trouble::Damaged`] if the file is missing or does not match its fingerprint.
    pub fn config(&self, fingerprint: &str) -> Result<Canonical, Trouble> {
        let path = of_config(&self.folder, fingerprint).join(SETTINGS);
        let text = plain_file::read_to_string(&path).map_err(Trouble::of_stored)?;
        let settings = Canonical::from_json(&text).map_err(|why| disk::damaged(&path, why))?;
        let version = fingerprint.split('-').next().unwrap_or_default();
        let found = settings.fingerprint_of(version);
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
    pub(in crate::ledger) fn keep_config(&self, settings: &Canonical) -> Result<String, Trouble> {
        let fingerprint = settings.fingerprint();
        let place = of_config(&self.folder, &fingerprint);
        // One that is damaged is written again: its name says what it must be.
        if self.config(&fingerprint).is_err() {
            let scratch = disk::temporary(&self.folder)?;
            disk::write(&scratch.path().join(SETTINGS), settings.to_json().as_bytes())?;
            disk::put_folder(scratch, &place)?;
        }
        Ok(fingerprint)
    }
}
