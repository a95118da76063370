//! Findings: what the rows of a log say, counted for a person to look at.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::path_template::template;
use crate::config::Field;
use crate::day::Day;
use crate::facts::Reached;
use crate::intake::trial::{TriedCall, TriedRow};

/// Distinct templates, services and the like that are kept of a log.
const MOST_KEPT: usize = 2_000;
/// Durations and ids that are kept of a log.
const MOST_SAMPLED: usize = 100_000;
/// Days from the middle of a file beyond which an instant is a slip of its writer.
const FARTHEST_DAYS: i64 = 40;

/// Microseconds around midnight in which the rows of a day spill into a file of the next.
///
/// Logs that are written at the end of a call, or rotated at midnight, hold a few of them.
const SPILL_US: i64 = 600_000_000;

/// What became of calls that failed: whether they arrived at the layer behind the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Arrival {
    pub yes: u64,
    pub no: u64,
    pub unknown: u64,
}

impl Arrival {
    /// Returns the number of failed calls.
    pub const fn all(self) -> u64 {
        self.yes + self.no + self.unknown
    }
}

/// A row that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstUnreadable {
    pub file: String,
    /// Line in what was looked at, which begins as the file does.
    pub line: u64,
    pub why: String,
}

/// Counts of the rows of a log.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    pub calls: u64,
    /// Rows that are no calls, by reason.
    pub not_calls: BTreeMap<String, u64>,
    pub unreadable: u64,
    pub first_unreadable: Option<FirstUnreadable>,
    /// First and last start of a call, in microseconds since 1970.
    pub span_us: Option<(i64, i64)>,
    /// Calls by status; 0 for none.
    pub statuses: BTreeMap<u16, u64>,
    /// Calls by template of their path, by service and by region.
    pub templates: BTreeMap<String, u64>,
    pub services: BTreeMap<String, u64>,
    pub regions: BTreeMap<String, u64>,
    pub failures: Arrival,
    /// Calls that have a value, by field.
    pub filled: BTreeMap<Field, u64>,
    /// Calls that began after the moment of looking.
    pub in_future: u64,
    pub with_id: u64,
    pub repeated_ids: u64,
    ids: HashSet<u64>,
    durations_us: Vec<u64>,
    /// Starts of the calls of the file that is being read.
    starts_us: Vec<i64>,
}

impl Findings {
    /// Counts a row; `now_us` is the moment of looking.
    pub fn add(&mut self, row: TriedRow, file: &str, line: u64, now_us: i64) {
        match row {
            TriedRow::Call(call) => self.call(&call, now_us),
            TriedRow::NotACall(why) => *self.not_calls.entry(why).or_default() += 1,
            TriedRow::Unreadable(why) => {
                self.unreadable += 1;
                self.first_unreadable.get_or_insert(FirstUnreadable { file: file.to_owned(), line, why });
            }
        }
    }

    /// Ends a file, and returns its days, without those of which it has a few minutes alone.
    pub fn end_file(&mut self) -> Option<(Day, Day)> {
        let mut starts = std::mem::take(&mut self.starts_us);
        starts.sort_unstable();
        let middle = *starts.get(starts.len() / 2)?;
        let reach = FARTHEST_DAYS * 86_400_000_000;
        let near = |us: &&i64| (**us - middle).abs() <= reach;
        let (first, last) = (*starts.iter().find(near)?, *starts.iter().rev().find(near)?);
        let span = self.span_us.get_or_insert((first, last));
        *span = (span.0.min(first), span.1.max(last));
        let days = (Day::of_us(first + SPILL_US)?, Day::of_us(last - SPILL_US)?);
        Some(if days.0 <= days.1 { days } else { (Day::of_us(first)?, Day::of_us(last)?) })
    }

    /// Returns the number of all rows.
    pub fn rows(&self) -> u64 {
        self.calls + self.not_calls.values().sum::<u64>() + self.unreadable
    }

    /// Returns the middle duration and one that hardly any call exceeds, in microseconds.
    pub fn durations_us(&self) -> Option<(u64, u64)> {
        let mut all = self.durations_us.clone();
        all.sort_unstable();
        let middle = *all.get(all.len() / 2)?;
        Some((middle, *all.get(all.len() * 99 / 100)?))
    }

    /// Returns whether any call has a value of a field.
    pub fn has(&self, field: Field) -> bool {
        self.filled.contains_key(&field)
    }

    fn call(&mut self, call: &TriedCall, now_us: i64) {
        self.calls += 1;
        self.starts_us.push(call.start_us);
        self.in_future += u64::from(call.start_us > now_us);
        for field in call.values.keys() {
            *self.filled.entry(*field).or_default() += 1;
        }
        let value = |field: Field| call.values.get(&field).map(String::as_str);
        let status: u16 = value(Field::HttpStatus).and_then(|text| text.parse().ok()).unwrap_or(0);
        *self.statuses.entry(status).or_default() += 1;
        if let Some(path) = value(Field::Endpoint) {
            count(&mut self.templates, template(path));
        }
        for (field, counts) in [(Field::Service, &mut self.services), (Field::Region, &mut self.regions)] {
            if let Some(name) = value(field) {
                count(counts, name.to_owned());
            }
        }
        let has_symptom = value(Field::Symptom).is_some_and(|word| word != "none");
        if has_symptom || status == 0 || status >= 500 {
            match call.reached {
                Reached::Yes => self.failures.yes += 1,
                Reached::No => self.failures.no += 1,
                Reached::Unknown => self.failures.unknown += 1,
            }
        }
        if let Some(us) = call.duration_us
            && self.durations_us.len() < MOST_SAMPLED
        {
            self.durations_us.push(us);
        }
        if let Some(id) = value(Field::RequestId)
            && self.ids.len() < MOST_SAMPLED
        {
            let mut hasher = DefaultHasher::new();
            id.hash(&mut hasher);
            self.with_id += 1;
            self.repeated_ids += u64::from(!self.ids.insert(hasher.finish()));
        }
    }
}

fn count(counts: &mut BTreeMap<String, u64>, key: String) {
    if counts.len() < MOST_KEPT || counts.contains_key(&key) {
        *counts.entry(key).or_default() += 1;
    }
}

/// Returns the entries of a map with the largest counts first; names decide between equals.
pub fn by_count(counts: &BTreeMap<String, u64>) -> Vec<(&str, u64)> {
    let mut all: Vec<(&str, u64)> = counts.iter().map(|(name, n)| (name.as_str(), *n)).collect();
    all.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_clock_stretches_no_span() {
        let mut found = Findings::default();
        let call = |start_us: i64| {
            TriedRow::Call(TriedCall {
                start_us,
                duration_us: Some(50_000),
                reached: Reached::Unknown,
                values: BTreeMap::from([
                    (Field::HttpStatus, "502".to_owned()),
                    (Field::RequestId, "a".to_owned()),
                ]),
                logged: Vec::new(),
            })
        };
        let day_us = 86_400_000_000;
        for days in [5_000, 20_000, 20_001, 20_001] {
            found.add(call(days * day_us + day_us / 2), "a", 1, 20_000 * day_us + day_us / 2);
        }
        found.add(TriedRow::Unreadable("odd".to_owned()), "a", 5, 0);
        let days = found.end_file().unwrap();
        assert_eq!((days.0.to_string(), days.1.to_string()), ("2024-10-04".into(), "2024-10-05".into()));
        assert_eq!((found.in_future, found.repeated_ids, found.rows()), (2, 3, 5));
        assert_eq!((found.failures.all(), found.durations_us()), (4, Some((50_000, 50_000))));
        assert_eq!(found.first_unreadable.unwrap().line, 5);
    }
}
