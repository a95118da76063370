//! Policies: the texts of policy and catalogue that editions were booked by, by fingerprint.
//!
//! They are kept so that old editions can be booked again by the rules of their time.

use crate::document::Document;
use crate::error::Trouble;
use crate::ledger::places::{POLICY_FILES, of_policy};
use crate::ledger::{Ledger, Writer, disk};
use crate::plain_file;
use crate::policy::{self, Policy};

const POLICY: &str = POLICY_FILES[0];
const CATALOGUE: &str = POLICY_FILES[1];

impl Ledger {
    /// Reads a policy that editions of this ledger were booked by.
    ///
    /// # Errors
    /// [`Trouble::Damaged`] if a file is missing, or the texts do not match the fingerprint or are no
    /// policy.
    pub fn policy(&self, fingerprint: &str) -> Result<Policy, Trouble> {
        let folder = of_policy(&self.folder, fingerprint);
        let document = |name: &str| {
            let path = folder.join(name);
            let text = plain_file::read_to_string(&path).map_err(Trouble::of_stored)?;
            Ok::<_, Trouble>(Document::new(path.display().to_string(), text))
        };
        let (policy, catalogue) = (document(POLICY)?, document(CATALOGUE)?);
        let found = policy::fingerprint(policy.text(), catalogue.text());
        if found != fingerprint {
            let why =
                format!("{POLICY} or {CATALOGUE} is not as it was written: their fingerprint is {found}");
            return Err(disk::damaged(&folder, why));
        }
        Policy::read(&policy, &catalogue).map_err(|mistakes| {
            disk::damaged(&folder, mistakes.0.first().map_or(String::new(), ToString::to_string))
        })
    }
}

impl Ledger {
    /// Returns whether a stored policy has these rules: by its bytes, by the written name of its
    /// rules, or, as version 0.1.0 wrote none, by its kept text.
    ///
    /// A policy that can no longer be read has other rules.
    pub fn has_rules(&self, policy: &str, written: Option<&str>, wanted: &Policy) -> bool {
        self.rules_are(policy, written, &wanted.fingerprint(), wanted.rules_name())
    }

    pub(in crate::ledger) fn rules_are(
        &self,
        policy: &str,
        written: Option<&str>,
        bytes: &str,
        rules: &str,
    ) -> bool {
        policy == bytes
            || match written {
                Some(written) => written == rules,
                None => self.policy(policy).is_ok_and(|kept| kept.rules_name() == rules),
            }
    }
}

impl Writer {
    /// Keeps the texts of a policy under its fingerprint; a policy kept whole is not rewritten.
    pub fn keep_policy(&self, policy: &Policy) -> Result<(), Trouble> {
        let place = of_policy(&self.folder, &policy.fingerprint());
        // A damaged one is written again: its name says what it must be.
        if self.policy(&policy.fingerprint()).is_ok() {
            return Ok(());
        }
        let scratch = disk::temporary(&self.folder)?;
        let [rules, catalogue] = policy.documents();
        disk::write(&scratch.path().join(POLICY), rules.text().as_bytes())?;
        disk::write(&scratch.path().join(CATALOGUE), catalogue.text().as_bytes())?;
        disk::put_folder(scratch, &place)
    }
}
