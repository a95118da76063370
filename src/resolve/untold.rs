//! Untold: calls of files in which no row of the day tells of outcomes.
//!
//! If files of that name told of outcomes in the week before, a row without them is evidence of a
//! call without an answer. Otherwise nobody knows what became of the call.

use std::collections::{BTreeMap, BTreeSet};

use crate::day::Day;
use crate::daybook::{self, Daybook, DaybookFolders};
use crate::error::Trouble;
use crate::facts::{Evidence, Kind, Outcome, Stream};

/// Days before a day that show whether files of a name tell of outcomes.
pub const WEEK_DAYS: i64 = 7;
/// Rows of evidence of one kind and slot; as intake keeps them.
const MOST_ROWS: usize = 3;

/// Returns source and name of the files that told of outcomes in the week before a day.
///
/// # Errors
/// As for [`daybook::head`].
pub fn told_before(day: Day, daybooks: &DaybookFolders) -> Result<BTreeSet<(String, String)>, Trouble> {
    let mut told = BTreeSet::new();
    for folder in daybooks.range(day.plus(-WEEK_DAYS)..day).map(|(_, folder)| folder) {
        let files = daybook::head(folder)?.file_hours.into_iter().filter(|file| file.names_outcome);
        told.extend(files.map(|file| (file.source, file.name)));
    }
    Ok(told)
}

/// Decides what the calls of a daybook come to whose files tell of no outcome.
///
/// # Errors
/// As for [`told_before`]; only read if there are such calls.
pub fn decide(own: &mut Daybook, daybooks: &DaybookFolders) -> Result<(), Trouble> {
    if own.kinds.iter().all(|kind| kind.untold_by.is_empty()) {
        return Ok(());
    }
    let told = told_before(own.day, daybooks)?;
    for kind in own.kinds.iter_mut().filter(|kind| !kind.untold_by.is_empty()) {
        let name = std::mem::take(&mut kind.untold_by);
        let is_open = kind.stream == Stream::Request && kind.outcome == Outcome::None;
        if is_open && !told.contains(&(kind.source.clone(), name)) {
            kind.outcome = Outcome::Unknown;
        }
    }
    // A kind may now stand there twice.
    let mut firsts: BTreeMap<&Kind, u32> = BTreeMap::new();
    let first: Vec<u32> = (0..).zip(&own.kinds).map(|(n, kind)| *firsts.entry(kind).or_insert(n)).collect();
    own.facts.iter_mut().for_each(|fact| fact.kind = first[fact.kind as usize]);
    let mut evidence: BTreeMap<(u32, u32), Vec<_>> = BTreeMap::new();
    for Evidence { slot, kind, rows } in std::mem::take(&mut own.evidence) {
        evidence.entry((slot, first[kind as usize])).or_default().extend(rows);
    }
    let of = |((slot, kind), mut rows): ((u32, u32), Vec<_>)| {
        rows.sort_unstable();
        rows.truncate(MOST_ROWS);
        Evidence { slot, kind, rows }
    };
    own.evidence = evidence.into_iter().map(of).collect();
    Ok(())
}
