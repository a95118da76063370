//! Verify: works out every hash, balance and table of the ledger again, and compares.

mod held;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use polars::prelude::PolarsError;

use super::disk::{names, sha256, sha256_of};
use super::editions::folder::{self, MANIFEST};
use super::editions::manifest::Manifest;
use super::editions::seals;
use super::places::{self, SALT};
use super::writer::{LOST_AND_FOUND, unknown};
use super::{Basis, DayRecord, Edition, EditionRecord, Ending, Extent, Ledger, Outline, check_balance};
use crate::day::Day;
use crate::daybook;
use crate::error::Trouble;
use crate::facts::Salt;
use crate::overrides::adjust;
use crate::plain_file;
use crate::policy::Policy;
use crate::slots::Slots;

/// A file or folder of the ledger that is wrong, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub path: PathBuf,
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.what)
    }
}

/// The extent of a check and its findings, in the order of the journal.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    pub lines: u64,
    pub editions: u64,
    pub events: i64,
    pub findings: Vec<Finding>,
}

/// The manifests of editions that are whole.
type Manifests = BTreeMap<(Day, u32), Manifest>;

/// Checks a whole ledger without writing; a run at work meanwhile may cause findings.
pub fn verify(reports: &Path) -> Checked {
    let root = reports.join("ledger");
    let ledger = match Ledger::open(reports) {
        Ok(ledger) => ledger,
        Err(trouble) => return Checked { findings: vec![finding_of(&root, trouble)], ..Checked::default() },
    };
    let mut checked = Checked { lines: ledger.journal().head().0, ..Checked::default() };
    match ledger.journal().ending() {
        Ending::Whole => {}
        Ending::Torn => checked
            .find(&root.join("journal.ndjson"), "its last line is not whole: a run was killed; run again"),
        Ending::Unnamed => {
            checked.find(
                &root.join("journal.head"),
                "it does not name the last line: a run was killed; run again",
            );
        }
    }
    let older = ledger.older_journal();
    let is_older = matches!(older, Ok(Some(_)));
    match older {
        Ok(Some(older)) => checked.find(&root.join("journal.ndjson"), &older.to_string()),
        Ok(None) => {}
        Err(trouble) => checked.findings.push(finding_of(&root, trouble)),
    }
    let mut known: BTreeSet<PathBuf> = ["journal.ndjson", "journal.head"].map(|n| root.join(n)).into();
    let mut manifests = Manifests::new();
    let mut policies: BTreeMap<String, Option<Policy>> = BTreeMap::new();
    let mut named: BTreeSet<&String> = BTreeSet::new();
    for (day, record) in &ledger.record().days {
        let mut previous = None;
        for edition in &record.editions {
            let policy =
                policies.entry(edition.publication.policy.clone()).or_insert_with_key(|fingerprint| {
                    match ledger.policy(fingerprint) {
                        Ok(policy) => Some(policy),
                        Err(trouble) => {
                            checked
                                .findings
                                .push(finding_of(&places::of_policy(&root, fingerprint), trouble));
                            None
                        }
                    }
                });
            let (place, found) = (folder::place(&root, *day, edition.publication.edition), &mut known);
            match check_edition(&ledger, &place, edition, previous.as_deref(), policy.as_ref(), found) {
                Ok((manifest, events)) => {
                    checked.events += events;
                    manifests.insert((*day, edition.publication.edition), manifest);
                }
                Err(finding) => checked.findings.push(finding),
            }
            checked.editions += 1;
            named.extend(&edition.publication.config);
            previous = Some(edition.publication.manifest.clone());
        }
        if let Some(table) = &record.frozen {
            let place = seals::place(&root, *day, table);
            known.insert(place.join(seals::TABLE));
            if let Err(trouble) = ledger.frozen(*day) {
                checked.findings.push(finding_of(&place, trouble));
            }
        }
        let reading = record.reading.as_ref().filter(|_| !record.is_pruned);
        named.extend(reading.and_then(|reading| reading.config.as_ref()));
        if let Err(finding) = check_daybook(&root, record, &mut known) {
            checked.findings.push(finding);
        }
    }
    for (config, policy) in &ledger.record().governed_names {
        named.insert(config);
        if !policies.contains_key(policy) {
            let kept = ledger.policy(policy);
            let finding = |trouble| finding_of(&places::of_policy(&root, policy), trouble);
            let kept = kept.map_err(|trouble| checked.findings.push(finding(trouble))).ok();
            policies.insert(policy.clone(), kept);
        }
    }
    for fingerprint in policies.keys() {
        let place = places::of_policy(&root, fingerprint);
        known.extend(["policy.toml", "error_catalog.csv"].map(|name| place.join(name)));
    }
    for fingerprint in named {
        known.insert(places::of_config(&root, fingerprint).join(places::SETTINGS));
        if let Err(trouble) = ledger.config(fingerprint) {
            checked.findings.push(finding_of(&places::of_config(&root, fingerprint), trouble));
        }
    }
    checked.findings.extend(held::held(&ledger, &root.join("journal.ndjson"), &manifests));
    check_salt(&ledger, &root, &mut checked, &mut known);
    // To an older journal everything newer is strange; that it is older is one finding.
    if !is_older {
        check_strangers(&ledger, &root, &mut checked, &known);
    }
    checked
}

impl Checked {
    fn find(&mut self, path: &Path, what: &str) {
        self.findings.push(finding(path, what));
    }
}

fn finding(path: &Path, what: impl Into<String>) -> Finding {
    Finding { path: path.to_path_buf(), what: what.into() }
}

fn finding_of(path: &Path, trouble: Trouble) -> Finding {
    match trouble {
        Trouble::Damaged { path, why } => finding(&path, why),
        Trouble::NotPlain { path, what, wanted } => {
            finding(&path, format!("it is {what}, where {wanted} should stand; no link is followed"))
        }
        Trouble::Io { path, doing, cause, .. } => finding(&path, format!("{doing} failed: {cause}")),
        other => finding(path, other.to_string()),
    }
}

/// Checks an edition and returns its manifest with the number of its events; its files are added to
/// `known`.
///
/// Hashes come first: only unchanged files are worth counting again.
fn check_edition(
    ledger: &Ledger,
    place: &Path,
    record: &EditionRecord,
    previous: Option<&str>,
    policy: Option<&Policy>,
    known: &mut BTreeSet<PathBuf>,
) -> Result<(Manifest, i64), Finding> {
    let said = &record.publication;
    let trouble = |trouble| finding_of(place, trouble);
    let path = place.join(MANIFEST);
    known.insert(path.clone());
    // Whatever is wrong with one of its files, the others are no strangers.
    match folder::hashes_of(place, &said.manifest) {
        Some(listed) => known.extend(listed.keys().map(|name| place.join(name))),
        None => known.extend(names(place).unwrap_or_default().iter().map(|name| place.join(name))),
    }
    if sha256_of(&path).map_err(trouble)? != said.manifest {
        return Err(finding(&path, format!("it is not what line {} of the journal tells of", record.seq)));
    }
    let manifest = folder::read_manifest(place, said.day).map_err(trouble)?;
    for (name, hash) in &manifest.files {
        let path = place.join(name);
        known.insert(path.clone());
        if sha256_of(&path).map_err(trouble)? != *record.repaired.get(name).unwrap_or(hash) {
            return Err(finding(&path, "its hash is not the one that edition.json names"));
        }
    }
    if manifest.previous.as_deref() != previous {
        return Err(finding(&path, "it does not follow the edition before it"));
    }
    let edition = ledger.edition(said.day, said.edition, Extent::Whole).map_err(trouble)?;
    let outline = folder::read_outline(place, manifest.clone()).map_err(trouble)?;
    if outline.scopes != Outline::of(&edition).scopes {
        return Err(finding(&place.join("outline.parquet"), "it is not what the slots come to"));
    }
    let basis = ledger.basis(said.day, said.edition).map_err(trouble)?;
    let events = basis.facts.events();
    // A missing or damaged policy already has a finding of its own.
    let Some(policy) = policy else { return Ok((manifest, events)) };
    match differing(&edition, &basis, policy).map_err(|why| finding(place, why))? {
        None => Ok((manifest, events)),
        Some(table) => {
            Err(finding(place, format!("{table} is not what its facts, policy and overrides come to")))
        }
    }
}

/// Books the facts of an edition again, and names the first table that differs from the stored one.
fn differing(edition: &Edition, basis: &Basis, policy: &Policy) -> Result<Option<&'static str>, String> {
    let again = rebook(edition, basis, policy).map_err(|e| e.to_string())?;
    let tables = folder::tables(&again).into_iter().zip(folder::tables(edition));
    let mut other = tables.filter(|(again, stored)| again.1 != stored.1).map(|(again, _)| again.0);
    let is_same = again.overrides == edition.overrides;
    Ok(other.next().or((!is_same).then_some("the list of overrides")))
}

/// Books the facts of an edition by a policy, with the edition's own overrides and definition.
///
/// # Errors
/// [`Trouble::Imbalance`] if the books do not balance, or the facts do not fit the edition.
pub fn rebook(edition: &Edition, basis: &Basis, policy: &Policy) -> Result<Edition, Trouble> {
    let unfit = |e: PolarsError| Trouble::Imbalance(format!("{}: {e}", edition.day));
    let postings = policy.classify(basis.facts.clone()).map_err(unfit)?;
    let rows: Vec<_> = edition.overrides.iter().map(|applied| applied.row.clone()).collect();
    let (postings, moved) = adjust(&postings, &rows).map_err(unfit)?;
    let slots = Slots::count(&postings, &basis.gaps, &edition.definition.config()).map_err(unfit)?;
    check_balance(&edition.intake, basis.attempts, &postings, &slots)?;
    edition.clone().booked(&postings, slots, rows.into_iter().zip(moved).collect()).map_err(unfit)
}

/// Checks the files of a day's daybook against the journal; adds them to `known`.
fn check_daybook(root: &Path, record: &DayRecord, known: &mut BTreeSet<PathBuf>) -> Result<(), Finding> {
    let Some(reading) = record.reading.as_ref().filter(|_| !record.is_pruned) else { return Ok(()) };
    let place = places::of_daybook(root, reading);
    let files = names(&place).map_err(|t| finding_of(&place, t))?;
    if files.is_empty() {
        return Err(finding(&place, "the daybook is not there; run that day again while its logs are there"));
    }
    let path = place.join(places::FILES);
    let kept = match plain_file::read(&path) {
        Ok(kept) => {
            known.insert(path.clone());
            kept
        }
        // Without the list, the files that are there are hashed: they must give the same list.
        Err(_) => daybook::list(&place).map_err(|t| finding_of(&place, t))?.into_bytes(),
    };
    let text = String::from_utf8(kept.clone()).unwrap_or_default();
    let listed: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once("  ")).collect();
    known.extend(listed.iter().map(|(_, name)| place.join(name)));
    if sha256(&kept) != reading.daybook {
        known.extend(files.iter().map(|name| place.join(name)));
        let path = if files.iter().any(|name| name == places::FILES) { path } else { place };
        return Err(finding(&path, "it is not what the journal tells of"));
    }
    for (hash, name) in listed {
        let path = place.join(name);
        if sha256_of(&path).map_err(|t| finding_of(&path, t))? != hash {
            return Err(finding(&path, format!("its hash is not the one that {} names", places::FILES)));
        }
    }
    Ok(())
}

/// Checks that at least one day was read with the salt that the ledger keeps.
fn check_salt(ledger: &Ledger, root: &Path, checked: &mut Checked, known: &mut BTreeSet<PathBuf>) {
    let path = root.join(SALT);
    known.insert(path.clone());
    let text = match plain_file::is_file(&path) {
        Ok(false) => return,
        Ok(true) => plain_file::read_to_string(&path),
        Err(trouble) => Err(trouble),
    };
    let text = match text {
        Ok(text) => text,
        Err(Trouble::Io { .. }) => return checked.find(&path, "it cannot be read as text"),
        Err(trouble) => return checked.findings.push(finding_of(&path, trouble)),
    };
    let is_whole = text.strip_suffix('\n').is_some_and(|salt| {
        let fingerprint = Salt::new(salt).fingerprint();
        let mut readings = ledger.record().days.values().filter_map(|day| day.reading.as_ref());
        salt.len() == 64 && (readings.any(|r| r.salt == fingerprint) || ledger.record().days.is_empty())
    });
    if !is_whole {
        checked.find(&path, "no day was read with it: ids and callers can no longer be matched");
    }
}

/// Finds what a killed run left, and the files below the ledger that are not in `known`.
///
/// What was moved to `lost+found/` is no part of the ledger.
fn check_strangers(ledger: &Ledger, root: &Path, checked: &mut Checked, known: &BTreeSet<PathBuf>) {
    let unknown = match unknown(ledger) {
        Ok(unknown) => unknown,
        Err(trouble) => return checked.findings.push(finding_of(root, trouble)),
    };
    for path in &unknown.unfinished {
        checked.find(path, "a run was killed that was writing it; run again");
    }
    let aside = [root.join(LOST_AND_FOUND)];
    let strange: BTreeSet<PathBuf> = files(root)
        .into_iter()
        .filter(|path| !known.contains(path))
        .filter(|path| unknown.unfinished.iter().chain(&aside).all(|place| !path.starts_with(place)))
        .chain(unknown.strangers.iter().filter(|path| !is_folder(path)).cloned())
        .collect();
    for path in strange {
        checked.find(&path, "no line of the journal tells of it");
    }
}

/// Lists the files below a folder, links and whatever else is no folder included.
fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for name in names(&folder).unwrap_or_default() {
            let path = folder.join(name);
            if is_folder(&path) { folders.push(path) } else { found.push(path) }
        }
    }
    found
}

fn is_folder(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}
