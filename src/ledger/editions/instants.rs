//! Instants: in which sixtieths of a slot events began, as outages are bounded by them.
//!
//! An edition keeps the few slots that a bound can need: from the slots of the bad events to the
//! nearest success on either side.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use polars::prelude::PolarsResult;

use crate::policy::{Account, Group, PostingLine, Postings};
use crate::table::record;

record! {
    table "instants", a row is "slot x service x region";
    /// Sixtieths of one slot in which good and bad events of a service and region began.
    ///
    /// Events count after overrides. Bit `k` stands for `[k/60, (k+1)/60)` of the slot; a set of
    /// all regions is the union of theirs. Of each service and region an edition has the slots with
    /// a bad event, the nearest slots before and after each of them with a good one, and the first
    /// and the last slot of the day with a good one. Between two lines of a
    /// service and region lies nothing bad, and a good event only if both lines have one.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct InstantLine {
        pub slot: u32 => "slot" Integer,
        pub service: String => "service" Text,
        pub region: String => "region" Text,
        pub good: u64 => "good" Integer,
        pub bad: u64 => "bad" Integer,
    }
}

/// Sixtieths with good and with bad events.
#[derive(Debug, Clone, Copy, Default)]
struct Sets {
    good: u64,
    bad: u64,
}

/// Works out the lines of an edition, sorted by slot, service and region.
///
/// There are none for a day whose sixtieths are not known.
///
/// # Errors
/// A column of the postings is missing or has another type.
pub fn instants(postings: &Postings) -> PolarsResult<Vec<InstantLine>> {
    let facts = postings.facts();
    let kinds = facts.kinds();
    let places: BTreeMap<(&str, &str), usize> =
        kinds.iter().map(|kind| ((&*kind.service, &*kind.region), 0)).collect();
    let places: BTreeMap<(&str, &str), usize> = places.into_keys().zip(0..).collect();
    let place_of: Vec<usize> = kinds.iter().map(|kind| places[&(&*kind.service, &*kind.region)]).collect();
    // By place and slot: an array over all slots for each place would take memory for slots without
    // events, of which a day with many places has most.
    let mut sets: HashMap<(usize, u32), Sets> = HashMap::new();
    let mut add = |line: &PostingLine, events: i64| {
        if events > 0 {
            let sets = sets.entry((place_of[line.kind as usize], line.slot)).or_default();
            match line.account.group() {
                Group::Good => sets.good |= line.sixtieths,
                Group::Bad => sets.bad |= line.sixtieths,
                _ => {}
            }
        }
    };
    // Adjusting entries are few; what they leave of a posting is known only by their sum.
    let mut moved: HashMap<(u32, u32, u32, Account), (PostingLine, i64)> = HashMap::new();
    let key = |line: &PostingLine| (line.slot, line.kind, line.caller, line.account);
    for line in postings.lines(|line| line.entry > 0)? {
        moved.entry(key(&line)).or_insert((line, 0)).1 += line.events;
    }
    for line in postings.originals(|account| matches!(account.group(), Group::Good | Group::Bad))? {
        let entries = if moved.is_empty() { None } else { moved.remove(&key(&line)) };
        add(&line, line.events + entries.map_or(0, |(_, events)| events));
    }
    moved.values().for_each(|(line, events)| add(line, *events));

    let mut sets: Vec<((usize, u32), Sets)> = sets.into_iter().collect();
    sets.sort_unstable_by_key(|(place_and_slot, _)| *place_and_slot);
    let places: Vec<(&str, &str)> = places.into_keys().collect();
    let mut lines = Vec::new();
    for sets in sets.chunk_by(|((one, _), _), ((other, _), _)| one == other) {
        let slots: Vec<Sets> = sets.iter().map(|(_, sets)| *sets).collect();
        lines.extend(needed(&slots).into_iter().map(|at| {
            let ((place, slot), Sets { good, bad }) = sets[at];
            let (service, region) = places[place];
            InstantLine { slot, service: service.to_owned(), region: region.to_owned(), good, bad }
        }));
    }
    lines.sort_by(|a, b| (a.slot, &a.service, &a.region).cmp(&(b.slot, &b.service, &b.region)));
    Ok(lines)
}

/// Returns the positions of the slots that a bound can need, ascending.
///
/// Slots without good and bad events decide nothing, and may be left out.
fn needed(sets: &[Sets]) -> Vec<usize> {
    let mut is_needed = vec![false; sets.len()];
    let mut last_good: Option<usize> = None;
    let mut is_after_bad = false;
    for (slot, Sets { good, bad }) in sets.iter().enumerate() {
        if *bad != 0 {
            is_needed[slot] = true;
            is_needed[last_good.unwrap_or(slot)] = true;
        }
        if *good != 0 {
            is_needed[slot] |= is_after_bad || last_good.is_none();
            last_good = Some(slot);
        }
        is_after_bad = if *bad != 0 { true } else { is_after_bad && *good == 0 };
    }
    if let Some(last) = last_good {
        is_needed[last] = true;
    }
    (0..sets.len()).filter(|slot| is_needed[*slot]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the slots needed of a day with `g`ood, `b`ad, `m`ixed and other slots.
    fn of(slots: &str) -> String {
        let sets: Vec<Sets> = slots
            .chars()
            .map(|slot| Sets { good: u64::from("gm".contains(slot)), bad: u64::from("bm".contains(slot)) })
            .collect();
        let needed = needed(&sets);
        slots.char_indices().map(|(at, slot)| if needed.contains(&at) { slot } else { '-' }).collect()
    }

    #[test]
    fn the_nearest_successes_around_each_failure_are_kept() {
        for (slots, want) in [
            ("ggggggggg", "g-------g"),
            (".g..gg.g.", ".g.....g."),
            ("gggbggggg", "g-gbg---g"),
            ("ggg.b..ggg", "g-g-b--g-g"),
            ("gggbgbggg", "g-gbgbg-g"),
            ("ggmgg", "ggmgg"),
            ("gggmmggg", "g-gmmg-g"),
            ("bb..b", "bb--b"),
            ("..", "--"),
        ] {
            assert_eq!(of(slots), want.replace('.', "-"), "{slots}");
        }
    }
}
