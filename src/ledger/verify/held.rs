//! Held: the journal and the editions, held against each other in both directions.
//!
//! The chain of hashes shows that no line was changed after the next one was written, unless all of
//! them were written anew. A rewritten journal still has to fit the editions, and they it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Finding, Manifests, finding};
use crate::day::Day;
use crate::facts::Input;
use crate::ledger::editions::manifest::Manifest;
use crate::ledger::journal::clocks;
use crate::ledger::{Drawn, Entry, JournalLine, Ledger, Publication, RowStatus};
use crate::overrides::Override;

/// What the lines up to one have said.
#[derive(Default)]
struct Said {
    /// Rows that were seen, by id.
    rows: BTreeMap<String, Vec<Override>>,
    /// The files that a day was read from, as the last line of it says.
    inputs: BTreeMap<Day, Vec<Input>>,
    daybooks: BTreeSet<(Day, String)>,
    newest: BTreeMap<Day, u32>,
    sealed: BTreeSet<Day>,
    /// Days of which a line that was given up may have said more.
    given_up: BTreeSet<Day>,
    /// True if lines were given up: they may have named daybooks that editions were made from.
    has_resumed: bool,
}

/// Holds the lines of a journal against the editions, and the editions against the lines.
pub(super) fn held(ledger: &Ledger, journal: &Path, manifests: &Manifests) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut said = Said::default();
    let mut before: Option<&JournalLine> = None;
    let has_other_clock = ledger.lines().any(|line| clocks::is_accepted(&line.entry));
    for line in ledger.lines() {
        let mut tell = |what: String| found.push(finding(journal, format!("line {}: {what}", line.seq)));
        if before.is_some_and(|before| line.at < before.at || line.wall() < before.wall()) {
            tell("it is dated before the line before it".to_owned());
        }
        if line.at > line.wall() {
            tell("it works as of an instant after its own clock".to_owned());
        }
        before = Some(line);
        if let Entry::Edition(publication) = &line.entry
            && let Some(manifest) = manifests.get(&(publication.day, publication.edition))
        {
            said.differences(publication, manifest).into_iter().for_each(&mut tell);
            if !has_other_clock && manifest.as_of != line.at {
                tell(format!("edition.json of {} is as of another instant", name(publication)));
            }
        }
        said.take(&line.entry).into_iter().for_each(tell);
    }
    found.extend(rows(ledger, journal, manifests, &said));
    found
}

fn name(publication: &Publication) -> String {
    format!("{}/{}", publication.day, publication.edition)
}

impl Said {
    /// Lists what the line and the manifest of an edition do not agree on.
    fn differences(&self, line: &Publication, manifest: &Manifest) -> Vec<String> {
        let mut found = Vec::new();
        let edition = name(line);
        let mut tell = |is_so: bool, what: &str| {
            if is_so {
                found.push(format!("it and edition.json of {edition} name {what}"));
            }
        };
        tell(line.state != manifest.state, "another state");
        tell(line.policy != manifest.policy_fingerprint, "another policy");
        tell(line.rules.is_some() && line.rules != manifest.policy_rules, "other rules");
        tell(line.config != manifest.config, "another config");
        let inputs = self.inputs.get(&line.day);
        tell(
            inputs.is_some_and(|inputs| *inputs != manifest.inputs),
            "other log files than the day was read from",
        );
        let is_read = |(day, hash): (&Day, &String)| self.daybooks.contains(&(*day, hash.clone()));
        tell(
            !self.has_resumed && !manifest.daybooks.iter().all(is_read),
            "a daybook that no line before tells of",
        );
        tell(
            line.is_adjusting != self.sealed.contains(&line.day),
            "an adjusting edition of an open day, or the reverse",
        );
        if self.given_up.contains(&line.day) {
            return found;
        }
        for row in manifest.rows() {
            let seen = self.rows.get(&row.id);
            if !seen.is_some_and(|seen| seen.iter().any(|seen| is_row(seen, &row))) {
                found.push(format!(
                    "edition.json of {edition} applies the row {}, which no line before shows as it is there",
                    row.id
                ));
            }
        }
        found
    }

    /// Takes over what a line says, and lists what does not fit the lines before it.
    fn take(&mut self, entry: &Entry) -> Vec<String> {
        let mut found = Vec::new();
        match entry {
            Entry::Read(reading) => {
                self.inputs.insert(reading.day, reading.files.clone());
                self.daybooks.insert((reading.day, reading.daybook.clone()));
            }
            Entry::Overrides { seen, .. } => {
                for row in seen {
                    self.rows.entry(row.id.clone()).or_default().push(row.clone());
                }
            }
            Entry::Edition(Publication { day, edition, .. }) => {
                let newest = self.newest.entry(*day).or_default();
                if *edition != *newest + 1 {
                    found.push(format!("edition {edition} of {day} follows edition {newest}"));
                }
                *newest = *edition;
            }
            Entry::Sealed { day, edition, .. } => {
                if self.newest.get(day) != Some(edition) {
                    found.push(format!(
                        "it seals {day}/{edition}, which is not the newest edition of that day"
                    ));
                }
                self.sealed.insert(*day);
            }
            Entry::Resumed(resumed) => {
                self.has_resumed = true;
                for back in &resumed.taken_back {
                    self.newest.insert(back.day, back.edition);
                    self.sealed.insert(back.day);
                    self.given_up.insert(back.day);
                }
                self.given_up.extend(&resumed.reopened);
            }
            _ => {}
        }
        found
    }
}

/// Returns whether a row of an edition is one that was seen; after a change of salt it has the
/// pseudonyms of its caller under both.
fn is_row(seen: &Override, row: &Override) -> bool {
    let has_caller = |one: &Override, other: &Override| {
        let also = other.business_id.as_ref().is_some_and(|name| one.also_business_id.contains(name));
        one.business_id == other.business_id || also
    };
    let is_of_caller = has_caller(seen, row) || has_caller(row, seen);
    let row = Override { business_id: seen.business_id.clone(), ..row.clone() };
    is_of_caller && seen.is_same_row(&row) && seen.to == row.to
}

/// Finds rows that lines call applied and no edition applies, and the reverse.
fn rows(ledger: &Ledger, journal: &Path, manifests: &Manifests, said: &Said) -> Vec<Finding> {
    let mut found = Vec::new();
    let record = ledger.record();
    let is_whole = record.days.iter().all(|(day, record)| {
        record.editions.iter().all(|edition| manifests.contains_key(&(*day, edition.publication.edition)))
    });
    // A run that was killed may have published what it has not yet decided in a line.
    let drawn = Drawn::read(journal.parent().and_then(Path::parent).unwrap_or(journal)).ok().flatten();
    let is_ended = drawn.is_some_and(|drawn| (drawn.seq, drawn.hash) == ledger.head());
    if !is_whole || !is_ended {
        return found;
    }
    let applied: Vec<Override> = manifests.values().flat_map(Manifest::rows).collect();
    for filed in record.rows.values().filter(|filed| filed.was_applied) {
        let is_known = applied.iter().any(|row| is_row(&filed.row, row));
        if !is_known
            && filed.row.days().any(|day| record.days.get(&day).is_some_and(|d| !d.editions.is_empty()))
        {
            let id = &filed.row.id;
            found.push(finding(
                journal,
                format!("it says that the row {id} was applied, and no edition applies it"),
            ));
        }
    }
    for (day, record) in record.days.iter().filter(|(day, _)| !said.given_up.contains(day)) {
        let standing = record.standing().and_then(|it| manifests.get(&(*day, it.publication.edition)));
        for row in standing.map(Manifest::rows).unwrap_or_default() {
            let is_judged = |filed: &crate::ledger::FiledRow| {
                let now = filed.judged.as_ref().map(|judged| judged.status);
                filed.was_applied
                    && now.is_some_and(|status| status != RowStatus::Waiting)
                    && is_row(&filed.row, &row)
            };
            if !ledger.record().rows.values().any(is_judged) {
                let what = format!(
                    "no line says that the row {} was applied, and {day} applies it; if a run was killed, run again",
                    row.id
                );
                found.push(finding(journal, what));
            }
        }
    }
    found
}
