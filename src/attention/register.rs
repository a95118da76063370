//! Register: the attentions that stand open, worked out from what was found and acknowledged.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Attention, AttentionKind, Closing, Look, Looks, NamedFiles};
use crate::day::Day;

/// A person's word that an attention is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledgement {
    pub key: String,
    pub author: String,
    /// The second person of a decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<String>,
    pub reason: String,
    /// Last day on which a notice holds; a decision holds for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
    /// Size of the cause when it was acknowledged.
    pub measure: u64,
    /// Spans that it then told of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<[i64; 2]>,
    /// Log files that it then told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<NamedFiles>,
}

impl Acknowledgement {
    /// Returns the day that its key names.
    pub fn day(&self) -> Option<Day> {
        self.key.rsplit(':').next()?.parse().ok()
    }
}

/// What was found and acknowledged, by the journal up to a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Register {
    found: BTreeMap<Look, Vec<Attention>>,
    /// By key: instant of the line from which on it was found without a break.
    since: BTreeMap<String, DateTime<Utc>>,
    acknowledged: BTreeMap<String, Acknowledgement>,
    /// All decisions, also those that were followed or taken again.
    decisions: Vec<Acknowledgement>,
}

/// An attention that stands open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub key: String,
    pub since: DateTime<Utc>,
    /// Largest measure of a single day.
    pub measure: u64,
    /// All spans of it.
    pub spans: Vec<[i64; 2]>,
    /// Days that show it; none if it is of the run.
    pub days: usize,
    /// The newest of what was found.
    pub attention: Attention,
    /// True if it did not stand open before the run.
    pub is_new: bool,
}

/// What is known of the days when a register is asked.
pub struct KnownDays<'a> {
    /// Returns whether a day can still change.
    pub is_open: &'a dyn Fn(Day) -> bool,
    /// The newest day whose logs were read.
    pub newest: Option<Day>,
    /// The day of the wall clock.
    pub today: Day,
}

impl Register {
    /// Returns the looks that find something else than before.
    pub fn news(&self, looks: Looks) -> Vec<(Look, Vec<Attention>)> {
        // In any order: a run that tells something again finds it in another place.
        let in_order = |found: &[Attention]| {
            let mut found: Vec<Attention> = found.to_vec();
            found.sort_by_cached_key(|one| (one.key(), one.day, one.message.clone(), one.measure));
            found
        };
        let is_new = |(look, found): &(Look, Vec<Attention>)| {
            let is_same =
                |known: &Vec<Attention>| known.len() == found.len() && in_order(known) == in_order(found);
            self.found.get(look).map_or(!found.is_empty(), |known| !is_same(known))
        };
        looks.into_iter().map(|(look, found)| (look, self.with_past(look, found))).filter(is_new).collect()
    }

    /// Adds what has happened before to what has happened now.
    fn with_past(&self, look: Look, found: Vec<Attention>) -> Vec<Attention> {
        if !is_past(look) {
            return found;
        }
        let now: BTreeSet<String> = found.iter().map(Attention::key).collect();
        let is_past = |before: &&Attention| !now.contains(&before.key());
        let past: Vec<Attention> =
            self.found.get(&look).into_iter().flatten().filter(is_past).cloned().collect();
        past.into_iter().chain(found).collect()
    }

    /// Takes over what looks at some instant have found.
    pub fn tell(&mut self, looked: &[(Look, Vec<Attention>)], at: DateTime<Utc>) {
        for (look, found) in looked {
            if found.is_empty() {
                self.found.remove(look);
            } else {
                self.found.insert(*look, found.clone());
            }
        }
        let before = std::mem::take(&mut self.since);
        for key in self.found.values().flatten().map(Attention::key) {
            let since = before.get(&key).copied().unwrap_or(at);
            self.since.insert(key, since);
        }
    }

    /// Takes a person's word of a day; a notice holds for at most [`LONGEST_NOTICE_DAYS`] from it.
    pub fn acknowledge(&mut self, said: &Acknowledgement, on: Day) {
        let until = said.until.map(|until| until.min(on.plus(LONGEST_NOTICE_DAYS)));
        let said = Acknowledgement { until, ..said.clone() };
        if said.approver.is_some() {
            self.decisions.push(said.clone());
        }
        self.acknowledged.insert(said.key.clone(), said);
    }

    /// Ends the acknowledgement of a kind on a day: it was followed.
    pub fn follow(&mut self, kind: AttentionKind, day: Day) {
        self.acknowledged.remove(&kind.key_on(day));
    }

    /// Returns the measure of what has happened to a day under a kind; 0 if nothing has.
    pub fn happened(&self, kind: AttentionKind, day: Day) -> u64 {
        let found = self.found.get(&Look::Happened(day)).into_iter().flatten();
        found.filter(|found| found.key() == kind.key_on(day)).map(|found| found.measure).max().unwrap_or(0)
    }

    /// Returns what two persons have decided, in the order in which they did.
    pub fn decisions(&self) -> &[Acknowledgement] {
        &self.decisions
    }

    /// Returns the acknowledgement of a key.
    pub fn acknowledgement(&self, key: &str) -> Option<&Acknowledgement> {
        self.acknowledged.get(key)
    }

    /// Returns the acknowledgement of a kind on a day that holds.
    pub fn acknowledgement_on(&self, kind: AttentionKind, day: Day) -> Option<&Acknowledgement> {
        self.acknowledged.get(&kind.key_on(day))
    }

    /// Returns what the last look found.
    pub fn found_by(&self, look: Look) -> &[Attention] {
        self.found.get(&look).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the instant from which on a key was found without a break.
    pub fn since(&self, key: &str) -> Option<DateTime<Utc>> {
        self.since.get(key).copied()
    }

    /// Returns whether the last run found something of a kind in the run as a whole.
    pub fn has_found(&self, kind: AttentionKind) -> bool {
        self.found.get(&Look::Run).is_some_and(|found| found.iter().any(|one| one.kind == kind))
    }

    /// Returns the days of which the ledger keeps something damaged.
    pub fn damaged_days(&self) -> impl Iterator<Item = Day> {
        self.found.keys().filter_map(|look| match look {
            Look::Stored(day) => Some(*day),
            _ => None,
        })
    }

    /// Returns the acknowledgements of log files, which stay expected while these hold.
    pub fn acknowledged_files(&self) -> impl Iterator<Item = (&NamedFiles, Day)> {
        self.acknowledged.values().filter_map(|said| Some((said.files.as_ref()?, said.until?)))
    }

    /// Returns what stands open, by key.
    ///
    /// An attention of a day stands while the day is open. One whose key has no day stands while
    /// the newest day shows its cause, or an open day whose figures the cause has changed.
    pub fn standing(&self, days: &KnownDays<'_>) -> Vec<Standing> {
        let mut standing = self.to_acknowledge(days);
        standing.retain(|standing| !standing.attention.is_choice);
        standing
    }

    /// Returns what can be acknowledged, by key: what stands open, and what a person may choose.
    pub fn to_acknowledge(&self, days: &KnownDays<'_>) -> Vec<Standing> {
        let mut standing = self.found(days);
        standing.retain(|standing| !self.is_closed(standing, days.today));
        standing
    }

    /// Returns what stands open or was acknowledged, by key.
    fn found(&self, days: &KnownDays<'_>) -> Vec<Standing> {
        let mut all: BTreeMap<String, Standing> = BTreeMap::new();
        for (look, found) in &self.found {
            let Some(day) = look.day() else {
                for attention in found {
                    self.add(&mut all, attention, 0);
                }
                continue;
            };
            if !(days.is_open)(day) {
                continue;
            }
            let is_newest = days.newest.is_none_or(|newest| newest <= day);
            for attention in found {
                let kind = attention.kind;
                if kind.tells_of_a_day() || is_newest || kind.changes_figures() || is_past(*look) {
                    self.add(&mut all, attention, 1);
                }
            }
        }
        all.into_values().collect()
    }

    fn add(&self, all: &mut BTreeMap<String, Standing>, attention: &Attention, days: usize) {
        let key = attention.key();
        let Some(since) = self.since.get(&key).copied() else { return };
        let standing = all.entry(key.clone()).or_insert_with(|| Standing {
            key,
            since,
            measure: 0,
            spans: Vec::new(),
            days: 0,
            attention: attention.clone(),
            is_new: false,
        });
        standing.measure = standing.measure.max(attention.measure);
        standing.spans.extend(&attention.spans);
        standing.days += days;
        if standing.attention.day < attention.day {
            standing.attention = attention.clone();
        }
    }

    /// Returns whether an acknowledgement holds and the cause has not grown since.
    fn is_closed(&self, standing: &Standing, today: Day) -> bool {
        let Some(known) = self.acknowledged.get(&standing.key) else { return false };
        let kind = standing.attention.kind;
        let holds = match kind.closing() {
            Closing::Decision => true,
            Closing::Notice => known.until.is_none_or(|until| today <= until),
        };
        let overlaps = |span: &[i64; 2]| known.spans.iter().any(|k| k[0] < span[1] && span[0] < k[1]);
        let has_grown = if !standing.spans.is_empty() {
            !standing.spans.iter().all(overlaps)
        } else if kind.is_evidence() {
            standing.measure > known.measure
        } else {
            standing.measure >= MIN_GROWN && standing.measure >= known.measure.saturating_mul(2)
        };
        holds && !has_grown
    }
}

/// Longest time for which a notice is acknowledged, in days.
pub const LONGEST_NOTICE_DAYS: i64 = 90;

/// Measure below which a cause is not told again because it has grown.
const MIN_GROWN: u64 = 10;

/// Returns whether something happened once, so that no later look can find it again.
const fn is_past(look: Look) -> bool {
    matches!(look, Look::Happened(_))
}
