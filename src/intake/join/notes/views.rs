//! Views: pairs of request logs that tell of the same calls without their ids meeting.
//!
//! Such calls count twice, mostly once as good and once as missed. Nothing is corrected here: a
//! person has to say which setting is right.

use std::collections::BTreeMap;

use crate::config::{Log, Source};
use crate::facts::ids::Map;
use crate::intake::counting::notes::id_sample::IdSample;
use crate::intake::join::merge::{Merged, MergedFact};
use crate::intake::pass::Pass;
use crate::intake::records::numbers::OUTSIDE;

/// Ids of each of two sources below which nothing is said of them.
const MIN_IDS: u64 = 20;
/// Ids that meet only loosely from which on spelling is told: no chance makes ten.
const MIN_LOOSE: u64 = 10;
/// Rows of each of two sources without ids below which equal counts may be chance.
const MIN_ROWS: i64 = 100;

/// Two sources that tell of the same calls, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwiceTold {
    pub one: String,
    pub other: String,
    pub why: SameCalls,
}

/// The evidence that two sources tell of the same calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameCalls {
    /// Ids meet without case and hyphens: how many of how many, and how many meet anyway.
    Spelling { loosely: u64, of: u64, known: u64 },
    /// No id meets, but two vantages have as many rows, slot by slot.
    Counts { rows: i64 },
    /// Neither has ids, and they have the same number of rows in every slot, service and region.
    Copies { rows: i64 },
}

/// The rows of one source on the day.
#[derive(Default)]
struct View {
    ids: IdSample,
    rows: i64,
    by_slot: BTreeMap<u32, i64>,
    /// By slot, service and region.
    by_cell: Map<(u32, String, String), i64>,
}

/// Finds the pairs of request logs that tell of the same calls.
///
/// To be called before surplus copies are subtracted from the events of `merged`.
pub fn twice_told(pass: &Pass, merged: &Merged, sources: &[Source]) -> Vec<TwiceTold> {
    let logs: Vec<&Source> = sources.iter().filter(|source| source.log == Log::Requests).collect();
    if logs.len() < 2 {
        return Vec::new();
    }
    let mut views: BTreeMap<&str, View> =
        logs.iter().map(|source| (source.name.as_str(), View::default())).collect();
    for (at, sample) in pass.counts.iter().flat_map(|counts| counts.id_samples.iter().enumerate()) {
        if let Some(view) = views.get_mut(pass.source_readers[at].name.as_str()) {
            view.ids.merge(sample);
        }
    }
    let has_bare = views.values().filter(|view| view.ids.is_empty()).count() > 1;
    for (MergedFact { slot, kind, .. }, events) in
        merged.facts.iter().zip(&merged.events).skip(OUTSIDE as usize)
    {
        let kind = merged.kind(*kind);
        let Some(view) = views.get_mut(kind.source.as_str()) else { continue };
        view.rows += events;
        *view.by_slot.entry(*slot).or_default() += events;
        if has_bare && view.ids.is_empty() {
            let cell = (*slot, kind.service.clone(), kind.region.clone());
            *view.by_cell.entry(cell).or_default() += events;
        }
    }
    let mut found = Vec::new();
    for (at, one) in logs.iter().enumerate() {
        for other in &logs[at + 1..] {
            let is_other_vantage = one.vantage != other.vantage;
            let why = same_calls(&views[one.name.as_str()], &views[other.name.as_str()], is_other_vantage);
            found.extend(why.map(|why| TwiceTold { one: one.name.clone(), other: other.name.clone(), why }));
        }
    }
    found
}

fn same_calls(one: &View, other: &View, is_other_vantage: bool) -> Option<SameCalls> {
    let met = one.ids.meeting(&other.ids);
    let rows = one.rows.min(other.rows);
    if met.fewer >= MIN_IDS && met.loosely >= MIN_LOOSE.max(met.fewer / 10) {
        let (loosely, known) = (met.loosely, met.known);
        return Some(SameCalls::Spelling { loosely, of: met.fewer, known });
    }
    let is_bare = one.ids.is_empty() || other.ids.is_empty();
    if is_other_vantage {
        let is_enough = if is_bare { rows >= MIN_ROWS } else { met.fewer >= MIN_IDS };
        let never_meet = met.known + met.loosely == 0;
        return (is_enough && never_meet && agree(one, other)).then_some(SameCalls::Counts { rows });
    }
    let are_bare = one.ids.is_empty() && other.ids.is_empty();
    (are_bare && rows >= MIN_ROWS && one.by_cell == other.by_cell).then_some(SameCalls::Copies { rows })
}

/// Returns whether two sources have as many rows, slot by slot.
///
/// Counts of unrelated calls differ by about the root of their sum. Two views of the same calls
/// differ only by those that one has before and the other behind the end of a slot.
fn agree(one: &View, other: &View) -> bool {
    let (mut apart, mut expected) = (0, 0);
    for slot in one.by_slot.keys().chain(other.by_slot.keys().filter(|slot| !one.by_slot.contains_key(slot)))
    {
        let of = |view: &View| view.by_slot.get(slot).copied().unwrap_or(0);
        apart += (of(one) - of(other)).abs();
        expected += (of(one) + of(other)).isqrt();
    }
    apart * 4 <= expected
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Salt;

    fn view(ids: std::ops::Range<u32>, spell: fn(String) -> String, rows: &[(u32, i64)]) -> View {
        let mut view = View { rows: rows.iter().map(|(_, n)| n).sum(), ..View::default() };
        let salt = Salt::new("a");
        for id in ids.map(|n| spell(format!("ab-{n:08x}"))) {
            view.ids.note(id.as_bytes(), salt.id(id.as_bytes()));
        }
        for (slot, n) in rows {
            view.by_slot.insert(*slot, *n);
            view.by_cell.insert((*slot, "all".to_owned(), "-".to_owned()), *n);
        }
        view
    }

    const ROWS: [(u32, i64); 3] = [(600, 60), (601, 90), (605, 30)];

    #[test]
    fn ids_that_meet_but_for_their_spelling_are_told() {
        let lower = view(0..200, |id| id, &ROWS);
        let upper = view(0..180, |id| id.to_uppercase().replace('-', ""), &ROWS);
        let why = same_calls(&lower, &upper, true);
        assert_eq!(why, Some(SameCalls::Spelling { loosely: 180, of: 180, known: 0 }));
        assert_eq!(same_calls(&lower, &lower, true), None, "ids that meet are in order");
        let few = view(0..19, |id| id.to_uppercase(), &[(600, 19)]);
        assert_eq!(same_calls(&lower, &few, true), None);
    }

    #[test]
    fn two_vantages_whose_ids_never_meet_are_told_if_their_counts_agree() {
        let one = view(0..180, |id| id, &ROWS);
        let other = view(1_000..1_180, |id| id, &[(600, 61), (601, 89), (605, 30)]);
        assert_eq!(same_calls(&one, &other, true), Some(SameCalls::Counts { rows: 180 }));
        assert_eq!(same_calls(&one, &other, false), None, "two nodes that share the load");
        let unrelated = view(1_000..1_180, |id| id, &[(600, 75), (601, 80), (605, 25)]);
        assert_eq!(same_calls(&one, &unrelated, true), None);
        let bare = view(0..0, |id| id, &ROWS);
        assert_eq!(same_calls(&one, &bare, true), Some(SameCalls::Counts { rows: 180 }));
    }

    #[test]
    fn sources_of_one_vantage_without_ids_are_told_if_every_count_is_the_same() {
        let bare = |rows: &[(u32, i64)]| view(0..0, |id| id, rows);
        assert_eq!(same_calls(&bare(&ROWS), &bare(&ROWS), false), Some(SameCalls::Copies { rows: 180 }));
        let almost = [(600, 60), (601, 89), (605, 31)];
        assert_eq!(same_calls(&bare(&ROWS), &bare(&almost), false), None);
        assert_eq!(same_calls(&bare(&[(600, 99)]), &bare(&[(600, 99)]), false), None, "too few to tell");
    }
}
