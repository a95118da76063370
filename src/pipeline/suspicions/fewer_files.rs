//! Fewer files: groups of webhook logs with fewer files than before, and messages without a status.

use std::collections::BTreeMap;

use super::suspected_outage::surprise;
use crate::attention::{Attention, AttentionKind};
use crate::day::{Day, HOUR_US};
use crate::facts::{Facts, Outcome, Stream};
use crate::ledger::Ledger;
use crate::resolve::missing_logs::fallen_rows::FewerFiles;

/// Over all hours of a group, chance alone may tell of it once in so many days.
const RARE: f64 = 10_000.0;

/// Messages of an hour, and those without a status.
type Hours = BTreeMap<u8, (i64, i64)>;

/// Reports the groups with fewer files, if more messages than before have no status.
///
/// That must be so in at least half of the hours of a file of the group: by the binomial tail at
/// the pooled share of the days before.
///
/// # Errors
/// The standing edition of a day before cannot be read.
pub fn attention(
    ledger: &Ledger,
    day: Day,
    facts: &Facts,
    fewer: &[FewerFiles],
) -> anyhow::Result<Vec<Attention>> {
    let mut found = Vec::new();
    let standing = ledger.standing();
    for group in fewer {
        let today = hours(facts, &group.region);
        let (mut all, mut without) = (0, 0);
        for (day, number) in group.days.iter().filter_map(|day| Some((*day, *standing.get(day)?))) {
            let before = match ledger.basis(day, number) {
                Ok(basis) => hours(&basis.facts, &group.region),
                Err(trouble) if trouble.stops_all() => return Err(trouble.into()),
                // A damaged day is told by itself.
                Err(_) => continue,
            };
            for (_, counts) in before.iter().filter(|(hour, _)| group.hours.contains(hour)) {
                (all, without) = (all + counts.0, without + counts.1);
            }
        }
        if all == 0 {
            continue;
        }
        let share = (without + 1) as f64 / (all + 1) as f64;
        let least = (RARE * group.hours.len() as f64).ln();
        let is_poor = |hour: &&u8| today.get(*hour).is_some_and(|counts| surprise(*counts, share) > least);
        let poor = group.hours.iter().filter(is_poor).count();
        if poor > 0 && poor * 2 >= group.hours.len() {
            let FewerFiles { source, name, region, files, usual, .. } = group;
            let of_region = if region == "*" { String::new() } else { format!(" of region {region}") };
            let message = format!(
                "source {source}: {name} has {files} files, on each of the days before at least {usual}, and in {poor} of its {} \
                 hours more messages{of_region} than then have no status; is a file missing? They count as missed. Ship what is \
                 missing: the next run reads the day again",
                group.hours.len()
            );
            let told = Attention::new(AttentionKind::FallenRows, day, &[source, region, name], message);
            found.push(told.of_measure(poor as u64));
        }
    }
    Ok(found)
}

/// Counts the messages of a region by hour, and those without a status.
fn hours(facts: &Facts, region: &str) -> Hours {
    let mut hours = Hours::new();
    for fact in facts.iter() {
        let kind = &facts.kinds()[fact.kind as usize];
        if kind.stream == Stream::Message && (region == "*" || kind.region == region) {
            let hour = (i64::from(fact.slot) * facts.slot_length().us() / HOUR_US) as u8;
            let (all, without) = hours.entry(hour).or_default();
            *all += fact.events;
            *without += if kind.outcome == Outcome::None { fact.events } else { 0 };
        }
    }
    hours
}
