//! Policy: facts → postings; rules are data, the first match wins, no match is suspense.

mod account;
mod attributes;
mod canonical;
mod catalogue;
mod cells;
mod clients;
mod condition;
mod postings;
mod read;
mod reason;
mod restrictions;
mod rule;
mod unreachable;
mod validity;

use std::collections::BTreeMap;

use clients::Clients;
use polars::prelude::PolarsResult;
use restrictions::Restrictions;
use sha2::{Digest, Sha256};

use crate::day::Day;
use crate::document::{Document, Mistake, Mistakes};
use crate::facts::{Facts, Kind};

pub use account::{Account, Group};
pub use catalogue::{Catalogue, CatalogueEntry, CodeDifference, CodeList};
pub use postings::{Booking, PostingLine, Postings, Sum};
pub use reason::{Direction, Reason};
pub use rule::{Review, Rule};
pub use validity::Validity;

/// The policy that applies when the config names none.
pub const BUILT_IN_POLICY: &str = include_str!("../../data/policy.toml");
/// The error catalogue that applies when the config names none.
pub const BUILT_IN_CATALOGUE: &str = include_str!("../../data/error_catalog.csv");

/// The tables of policy and catalogue with their keys.
///
/// A test compares them with data/policy.md and data/catalogue.md.
pub const KEYS: [(&str, &[&str]); 8] = [
    ("the top level of the policy", &read::TOP),
    ("[[rule]]", &read::RULE),
    ("a condition", &condition::ConditionKey::NAMES),
    ("[[client]]", &clients::KEYS),
    ("[[restriction]]", &restrictions::KEYS),
    ("[[reason]]", &reason::KEYS),
    ("the catalogue", &catalogue::COLUMNS),
    ("the catalogue", &catalogue::OPTIONAL),
];

/// Rule id of events that no rule matched.
pub const NO_RULE: &str = "no-rule";

/// A policy: rules in order, and the tables that they look up.
#[derive(Debug, Clone)]
pub struct Policy {
    document: Document,
    catalogue_document: Document,
    rules: Vec<Rule>,
    catalogue: Catalogue,
    clients: Clients,
    restrictions: Restrictions,
    reasons: Vec<Reason>,
    fingerprint: String,
    rules_name: String,
}

impl Policy {
    /// Reads policy and catalogue.
    ///
    /// # Errors
    /// Every mistake of both files.
    pub fn read(policy: &Document, catalogue: &Document) -> Result<Self, Mistakes> {
        let (tables, mut mistakes) = read::tables(policy);
        let (entries, more) = Catalogue::read(catalogue);
        mistakes.extend(more);
        let mut read = Self {
            document: policy.clone(),
            catalogue_document: catalogue.clone(),
            rules: tables.rules,
            catalogue: entries,
            clients: tables.clients,
            restrictions: tables.restrictions,
            reasons: tables.reasons,
            fingerprint: fingerprint(policy.text(), catalogue.text()),
            rules_name: String::new(),
        };
        read.rules_name = canonical::rules_name(&read);
        Mistakes(mistakes).or(read)
    }

    /// Returns the texts of the built-in policy and catalogue.
    pub fn built_in_documents() -> (Document, Document) {
        (
            Document::new("built-in policy.toml", BUILT_IN_POLICY),
            Document::new("built-in error_catalog.csv", BUILT_IN_CATALOGUE),
        )
    }

    /// Returns the built-in policy with the built-in catalogue.
    pub fn built_in() -> Self {
        let (policy, catalogue) = Self::built_in_documents();
        match Self::read(&policy, &catalogue) {
            Ok(policy) => policy,
            Err(mistakes) => unreachable!("a test reads the built-in policy: {:?}", mistakes.0),
        }
    }

    /// Books every fact by the first rule that matches its kind; no match is suspense.
    pub fn classify(&self, facts: Facts) -> PolarsResult<Postings> {
        let day = facts.day();
        let verdict = |kind| {
            self.rule_for(kind, day).map_or_else(
                || Booking { account: Account::Suspense, rule: NO_RULE.to_owned() },
                |rule| Booking { account: rule.account, rule: rule.id.clone() },
            )
        };
        let bookings = facts.kinds().iter().map(verdict).collect();
        Postings::new(facts, bookings)
    }

    /// Returns the rule that books events of this kind on this day.
    pub fn rule_for(&self, kind: &Kind, day: Day) -> Option<&Rule> {
        let seen = attributes::attributes(kind, day, self);
        self.rules.iter().find(|rule| rule.validity.holds(day) && rule.when.holds(&seen))
    }

    /// Returns all rules, in the order in which they are tried.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// Returns the reasons that an override may give, in the order of the file.
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    pub fn reason(&self, id: &str) -> Option<&Reason> {
        self.reasons.iter().find(|reason| reason.id == id)
    }

    pub const fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Identifies the decisions: rules, tables and catalogue without `because` and `cites`.
    ///
    /// A change of it restates days.
    pub fn rules_name(&self) -> &str {
        &self.rules_name
    }

    /// Returns what the policy decides, part by part: each rule, table row and code by a key.
    ///
    /// Values are JSON; `because` and `cites` are left out, as in [`Policy::rules_name`].
    pub fn parts(&self) -> BTreeMap<String, String> {
        canonical::parts(self)
    }

    /// Identifies the bytes of policy and catalogue together: SHA-256 of their texts, in hex.
    pub fn fingerprint(&self) -> String {
        self.fingerprint.clone()
    }

    /// Returns the texts of policy and catalogue.
    pub const fn documents(&self) -> [&Document; 2] {
        [&self.document, &self.catalogue_document]
    }

    /// Returns rules that can never decide, and codes and families unknown to the catalogue.
    pub fn warnings(&self) -> Vec<Mistake> {
        unreachable::warnings(self)
    }
}

/// Names the bytes of a policy and its catalogue, as the ledger stores them; frozen.
///
/// The zero byte separates the two texts: text that moves between them changes the name.
pub fn fingerprint(policy: &str, catalogue: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(policy);
    hash.update([0]);
    hash.update(catalogue);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
