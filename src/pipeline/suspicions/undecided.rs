//! Undecided: failures in the log of another program that does not say whether they arrived.
//!
//! Nothing follows from what is not logged, so such a failure is judged by where it was seen. With
//! a few more fields in the log most of them can be decided, but never afterwards.

use std::collections::{BTreeMap, BTreeSet};

use crate::attention::{Attention, AttentionKind};
use crate::config::{FormatChoice, Source, Vantage};
use crate::day::Day;
use crate::facts::{Facts, Kind, Reached, Stream, Symptom};
use crate::formats::{NameCondition, pieces};

/// Undecided failures of a source in a day, below which their share tells nothing.
const MIN_UNDECIDED: i64 = 20;
/// Fields that a message names.
const MOST_NAMED: usize = 8;

/// Reports the sources of which most failures of a day are undecided.
pub fn attention(day: Day, facts: &Facts, sources: &[Source]) -> Vec<Attention> {
    let judged = sources.iter().filter_map(|source| Some((source, source.format.as_ref()?)));
    let judged: BTreeMap<&str, &FormatChoice> = judged
        .filter(|(source, _)| source.vantage != Vantage::FirstLayer)
        .map(|(source, format)| (source.name.as_str(), format))
        .collect();
    // By source: failures, and those of which the log does not say whether they arrived.
    let mut counts: BTreeMap<&str, [i64; 2]> = BTreeMap::new();
    for fact in facts.iter() {
        let kind = &facts.kinds()[fact.kind as usize];
        if judged.contains_key(kind.source.as_str()) && is_failure(kind) {
            let [failures, undecided] = counts.entry(&kind.source).or_default();
            *failures += fact.events;
            *undecided += if kind.reached == Reached::Unknown { fact.events } else { 0 };
        }
    }
    let is_told = |(_, [failures, undecided]): &(&str, [i64; 2])| {
        *undecided >= MIN_UNDECIDED && undecided * 2 > *failures
    };
    let told = counts.into_iter().filter(is_told).map(|(source, [failures, undecided])| {
        let more = judged.get(source).map(|format| advice(format)).unwrap_or_default();
        let message = format!(
            "source {source}: of {failures} failures, {undecided} do not say whether the call had arrived, so they are judged by \
             where they were seen alone{more}"
        );
        Attention::new(AttentionKind::Undecided, day, &[source], message).of_measure(undecided.unsigned_abs())
    });
    told.collect()
}

/// Returns whether a call failed in a way in which it matters how far it got.
fn is_failure(kind: &Kind) -> bool {
    kind.stream != Stream::Notification
        && kind.error_code.is_none()
        && (kind.symptom != Symptom::None || kind.http_status.is_none_or(|status| status >= 500))
}

/// Returns which fields to log, if that is known, and where it stands.
fn advice(format: &FormatChoice) -> String {
    let page = "data/formats/README.md says what to log";
    let Some(template) = &format.log_format else { return format!("; {page}") };
    let logged: BTreeSet<String> =
        pieces(template, format.file.program).0.into_iter().map(|piece| piece.name).collect();
    let asked = format.file.marks.iter().flat_map(|mark| names(&mark.when, format));
    let lacking: BTreeSet<String> = asked.filter(|name| !logged.contains(name)).collect();
    if lacking.is_empty() {
        return format!("; {page}");
    }
    let shown: Vec<String> = lacking.into_iter().take(MOST_NAMED).collect();
    format!("; fields that would tell are not in its log_format: {} ({page})", shown.join(", "))
}

/// Returns the names of the log that a condition asks for, those behind helper values included.
fn names(when: &NameCondition, format: &FormatChoice) -> Vec<String> {
    let of = |name: &str| -> Vec<String> {
        let helper = format.file.lets.iter().find(|(known, _)| known == name);
        match helper {
            Some((_, read)) => read.iter().flat_map(|one| one.names().to_vec()).collect(),
            None => vec![name.to_owned()],
        }
    };
    when.names().flat_map(of).collect()
}
