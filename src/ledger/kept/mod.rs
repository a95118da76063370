//! Kept: policies and settings as they were, by fingerprint, so that old editions can be explained.

mod configs;
mod policies;

use std::path::PathBuf;

use super::{Kept, Writer, places};
use crate::error::Trouble;

impl Writer {
    /// Lists the folders of what is to be kept.
    pub(super) fn places_of(&self, with: &Kept<'_>) -> Vec<PathBuf> {
        let policy = with.policy.map(|policy| places::of_policy(self.place(), &policy.fingerprint()));
        let settings = with.settings.map(|kept| places::of_config(self.place(), &kept.fingerprint()));
        policy.into_iter().chain(settings).collect()
    }

    /// Keeps policy and settings, whose folders were announced.
    pub(super) fn keep_all(&self, with: &Kept<'_>) -> Result<(), Trouble> {
        if let Some(policy) = with.policy {
            self.keep_policy(policy)?;
        }
        if let Some(settings) = with.settings {
            self.keep_config(settings)?;
        }
        Ok(())
    }
}
