//! Missing logs: judges which log files of each day were expected and were not read.
//!
//! A file is known by its name without what changes from day to day. Whether a name is expected on
//! a day is judged by the days before alone, so that what comes later, its return too, never judges
//! the day again.

pub mod fallen_rows;

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Log, Source, lexical};
use crate::day::Day;
use crate::facts::{
    Facts, FileDay, FileHours, Gap, Kind, Lost, LostFile, LostHour, MissingCause, MissingLog,
};

/// Read days of a pattern by which a name is expected, and on how many of them it stood.
pub const JUDGED_DAYS: usize = 3;
const STOOD_DAYS: usize = 2;
/// Days after a name last stood on which it is still expected.
const LONGEST_ABSENCE_DAYS: i64 = 30;
/// Days before a day that can tell whether a name is expected on it.
pub const HISTORY_DAYS: i64 = LONGEST_ABSENCE_DAYS + JUDGED_DAYS as i64;

type Rows = [f64; 24];

/// The name of a log: source, pattern and masked path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct LogName {
    source: String,
    pattern: String,
    name: String,
}

/// The files of one name on one day.
#[derive(Debug, Clone)]
struct NameDay {
    log: Log,
    regions: BTreeSet<String>,
    rows: Rows,
    /// True if a readable file has a row of the day, or no row at all.
    stood: bool,
    has_rows_of_other_days: bool,
    unreadable: Vec<Unreadable>,
    bytes: u64,
}

#[derive(Debug, Clone)]
struct Unreadable {
    path: String,
    bytes: u64,
}

/// A name whose absence a person has acknowledged: it stays expected until that ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcknowledgedName {
    pub source: String,
    pub name: String,
    /// Last day of the acknowledgement.
    pub until: Day,
}

/// What is judged of the files of days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JudgedFiles {
    pub missing: BTreeMap<Day, Vec<MissingLog>>,
    /// Of each day, the days before by which names that are absent are expected.
    pub judged_by: BTreeMap<Day, BTreeSet<Day>>,
}

/// What the days before tell of a name.
#[derive(Debug, Clone)]
struct History {
    log: Log,
    last_stood: Day,
    /// Whether it stood, on the last days that count, of which there are at most [`JUDGED_DAYS`].
    marks: Vec<(Day, bool)>,
    /// The last days on which it stood, at most [`JUDGED_DAYS`].
    recent: Vec<(Day, NameDay)>,
    /// Last day on which a person expects it.
    acknowledged: Option<Day>,
}

impl History {
    fn is_expected(&self, day: Day) -> bool {
        let is_near = self.last_stood.plus(LONGEST_ABSENCE_DAYS) >= day;
        let is_usual = match self.marks.len() {
            0 => false,
            1 | 2 => self.marks[self.marks.len() - 1].1,
            _ => self.marks.iter().filter(|(_, stood)| *stood).count() >= STOOD_DAYS,
        };
        (is_near || self.acknowledged.is_some_and(|until| until >= day)) && is_usual
    }

    /// Returns the days without which it would be judged otherwise.
    fn judged_by(&self) -> impl Iterator<Item = Day> {
        let marked = self.marks.iter().map(|(day, _)| *day);
        marked.chain(self.recent.iter().map(|(day, _)| *day))
    }

    /// Returns its rows by hour, on average over the last days on which it stood.
    fn mean(&self) -> Rows {
        let days = self.recent.len().max(1) as f64;
        std::array::from_fn(|hour| self.recent.iter().map(|(_, day)| day.rows[hour]).sum::<f64>() / days)
    }

    /// Returns its region; `*` if it has rows of several, or none that is known.
    fn region(&self) -> String {
        region_of(self.recent.iter().flat_map(|(_, day)| &day.regions))
    }
}

fn region_of<'r>(regions: impl Iterator<Item = &'r String>) -> String {
    let all: BTreeSet<&String> = regions.collect();
    match all.first() {
        Some(one) if all.len() == 1 && *one != "-" => (*one).clone(),
        _ => "*".to_owned(),
    }
}

/// Judges the files of each day, from the hours of the files of all days that were read.
///
/// Only paths that `sources` name count. A source that may be empty misses nothing.
pub fn missing_logs(
    days: &BTreeMap<Day, Vec<FileHours>>,
    sources: &[Source],
    acknowledged: &[AcknowledgedName],
) -> JudgedFiles {
    let patterns: BTreeSet<(String, String)> = sources
        .iter()
        .filter(|source| !source.may_be_empty && !source.is_named_by_hand)
        .flat_map(|source| source.paths.iter().map(|path| (source.name.clone(), lexical(path))))
        .collect();
    let until = |name: &LogName| {
        let of = acknowledged.iter().filter(|known| known.source == name.source && known.name == name.name);
        of.map(|known| known.until).max()
    };
    let mut known: BTreeMap<LogName, History> = BTreeMap::new();
    let mut read_days = 0_usize;
    let mut all = JudgedFiles::default();
    for (day, files) in days {
        // A daybook of an earlier version tells nothing of its files.
        if files.is_empty() && !known.is_empty() {
            continue;
        }
        let is_judged = |name: &LogName| patterns.contains(&(name.source.clone(), name.pattern.clone()));
        let own = names(files.iter().filter(|file| file.belongs == FileDay::Own));
        let expected: BTreeMap<&LogName, &History> =
            known.iter().filter(|(name, history)| is_judged(name) && history.is_expected(*day)).collect();
        let next;
        let expected = if read_days == 0 {
            next = next_names(*day, &own, files.iter());
            next.iter().filter(|(name, _)| is_judged(name)).collect()
        } else {
            expected
        };
        let judged = JudgedDay { own: &own, expected: &expected, known: &known };
        let absent = judged.absent();
        let by = |name: &&LogName| expected.get(name).map(|history| history.judged_by());
        all.judged_by.insert(*day, absent.iter().filter_map(by).flatten().collect());
        all.missing.insert(*day, judged.missing(&absent));

        let skipped: BTreeSet<LogName> = absent.into_iter().cloned().collect();
        for (name, today) in own.iter().filter(|(_, today)| today.stood) {
            let history = known.entry(name.clone()).or_insert_with(|| History {
                log: today.log,
                last_stood: *day,
                marks: vec![(*day, false); read_days.min(JUDGED_DAYS - 1)],
                recent: Vec::new(),
                acknowledged: until(name),
            });
            history.last_stood = *day;
            keep_last(&mut history.recent, (*day, today.clone()));
        }
        for (name, history) in &mut known {
            let stood = own.get(name).is_some_and(|today| today.stood);
            if !skipped.contains(name) {
                keep_last(&mut history.marks, (*day, stood));
            }
        }
        read_days += 1;
    }
    all
}

fn keep_last<T>(list: &mut Vec<T>, item: T) {
    list.push(item);
    if list.len() > JUDGED_DAYS {
        list.remove(0);
    }
}

/// Groups files by name.
fn names<'f>(files: impl Iterator<Item = &'f FileHours>) -> BTreeMap<LogName, NameDay> {
    let mut names: BTreeMap<LogName, NameDay> = BTreeMap::new();
    for file in files {
        let FileHours { source, pattern, name, .. } = file;
        let key = LogName { source: source.clone(), pattern: pattern.clone(), name: name.clone() };
        let day = names.entry(key).or_insert_with(|| NameDay {
            log: file.log,
            regions: BTreeSet::new(),
            rows: [0.0; 24],
            stood: false,
            has_rows_of_other_days: false,
            unreadable: Vec::new(),
            bytes: 0,
        });
        day.bytes += file.bytes;
        if !file.is_readable {
            day.unreadable.push(Unreadable { path: file.path.clone(), bytes: file.bytes });
            day.regions.extend(file.regions.iter().cloned());
            continue;
        }
        day.stood |= file.rows_read == 0 || !file.hours.is_empty();
        day.has_rows_of_other_days |= file.rows_read > 0 && file.hours.is_empty();
        day.regions.extend(file.regions.iter().cloned());
        file.hours.iter().for_each(|(hour, rows)| day.rows[usize::from(*hour) % 24] += *rows as f64);
    }
    names
}

/// Returns the names of the day after, by which the very first day is judged.
///
/// Their rows are not read, so their region is the one of the day that their name has in it.
fn next_names<'f>(
    day: Day,
    own: &BTreeMap<LogName, NameDay>,
    files: impl Iterator<Item = &'f FileHours>,
) -> BTreeMap<LogName, History> {
    let regions: BTreeSet<&String> = own.values().flat_map(|today| &today.regions).collect();
    let history = |(name, mut next): (LogName, NameDay)| {
        if next.regions.is_empty() {
            let parts: Vec<&str> = name.name.split(|c: char| !c.is_alphanumeric()).collect();
            next.regions.extend(regions.iter().filter(|r| parts.contains(&r.as_str())).map(|r| (*r).clone()));
        }
        let history = History {
            log: next.log,
            last_stood: day,
            marks: vec![(day, true)],
            recent: vec![(day, next)],
            acknowledged: None,
        };
        (name, history)
    };
    let next = names(files.filter(|file| file.belongs == FileDay::Next && file.is_readable));
    next.into_iter().map(history).collect()
}

/// An expected name, with what the days before tell of it.
type Expected<'e> = (&'e LogName, &'e History);

/// The names of one day, with what is known of them from other days.
struct JudgedDay<'j> {
    own: &'j BTreeMap<LogName, NameDay>,
    expected: &'j BTreeMap<&'j LogName, &'j History>,
    known: &'j BTreeMap<LogName, History>,
}

impl JudgedDay<'_> {
    fn rows(&self, name: &LogName) -> Option<&Rows> {
        self.own.get(name).filter(|today| today.stood).map(|today| &today.rows)
    }

    /// Returns the expected names that are absent and whose rows no other name has.
    fn absent(&self) -> Vec<&LogName> {
        let mut groups: BTreeMap<(&str, &str, String), Vec<Expected<'_>>> = BTreeMap::new();
        for (name, history) in self.expected.iter().filter(|(name, _)| self.rows(name).is_none()) {
            let key = (name.source.as_str(), name.pattern.as_str(), history.region());
            groups.entry(key).or_default().push((name, history));
        }
        let left = groups.into_iter().filter(|((source, pattern, region), absent)| {
            !self.is_taken_over(source, pattern, region, absent)
        });
        left.flat_map(|(_, absent)| absent.into_iter().map(|(name, _)| name)).collect()
    }

    /// Returns whether other files of a pattern and region have the rows of its absent names.
    ///
    /// In the hours of the absent names, the rows of names that were not expected, and the surplus
    /// of expected ones, must reach half of what all absent names together should have. A surplus
    /// counts from half of what the smallest of them should have.
    fn is_taken_over(
        &self,
        source: &str,
        pattern: &str,
        region: &str,
        absent: &[(&LogName, &History)],
    ) -> bool {
        let hours = hours_of(absent.iter().map(|(_, history)| *history));
        let factor = self.factor(absent[0].0, absent[0].1.log, region, &hours);
        let should = |history: &History| factor * within(&history.mean(), &hours);
        let need = absent.iter().map(|(_, history)| should(history)).sum::<f64>() / 2.0;
        let least = absent.iter().map(|(_, history)| should(history)).fold(f64::INFINITY, f64::min) / 2.0;
        let is_here = |name: &LogName| name.source == source && name.pattern == pattern;
        let mut have = 0.0;
        for (name, today) in self.own.iter().filter(|(name, today)| is_here(name) && today.stood) {
            let of = region_of(today.regions.iter());
            if of != region && of != "*" && region != "*" {
                continue;
            }
            let rows = within(&today.rows, &hours);
            match self.expected.get(name) {
                None => have += rows,
                Some(history) => {
                    let surplus = rows - should(history);
                    have += if surplus >= least { surplus } else { 0.0 };
                }
            }
        }
        need > 0.0 && have >= need
    }

    /// Returns how busy the day is, measured by expected names that are there.
    ///
    /// This is the lower median of their rows today by their rows on other days: of names of the
    /// same source, pattern and region if there are two, else of the other log's names, else of all
    /// its rows, else 1.
    fn factor(&self, of: &LogName, log: Log, region: &str, hours: &[bool; 24]) -> f64 {
        let ratios = |is_like: &dyn Fn(&LogName, &History) -> bool| {
            let ratio = |(name, history): (&&LogName, &&History)| {
                let (today, mean) = (within(self.rows(name)?, hours), within(&history.mean(), hours));
                (is_like(name, history) && mean > 0.0).then_some(today / mean)
            };
            let mut ratios: Vec<f64> = self.expected.iter().filter_map(ratio).collect();
            ratios.sort_by(f64::total_cmp);
            ratios
        };
        let is_near = |history: &History| {
            let other = history.region();
            region == "*" || other == "*" || other == region
        };
        let own = ratios(&|name, history| {
            (name.source == of.source && name.pattern == of.pattern) && is_near(history)
        });
        let other = ratios(&|_, history| history.log != log && is_near(history));
        let lower_median = |ratios: &[f64]| ratios[(ratios.len() - 1) / 2];
        match (own.len(), other.len()) {
            (2.., _) => lower_median(&own),
            (_, 1..) => lower_median(&other),
            _ => self.factor_of_all(log, hours).unwrap_or(1.0),
        }
    }

    /// Returns all rows of the other log by its rows on other days; `None` if it has none.
    fn factor_of_all(&self, log: Log, hours: &[bool; 24]) -> Option<f64> {
        let of_today = self.own.values().filter(|today| today.log != log && today.stood);
        let today: f64 = of_today.map(|today| within(&today.rows, hours)).sum();
        let of_others = self.known.values().filter(|history| history.log != log);
        let mean: f64 = of_others.map(|history| within(&history.mean(), hours)).sum();
        (today > 0.0 && mean > 0.0).then(|| today / mean)
    }

    /// Returns the absent names and the unreadable files, with their hours and shares.
    fn missing(&self, absent: &[&LogName]) -> Vec<MissingLog> {
        let mut lost: Vec<(MissingLog, Rows)> = Vec::new();
        for name in absent {
            let Some(history) = self.expected.get(name) else { continue };
            let region = history.region();
            let hours = hours_of([*history].into_iter());
            let factor = self.factor(name, history.log, &region, &hours);
            let today = self.own.get(name);
            let cause = match today {
                Some(today) if today.has_rows_of_other_days => MissingCause::NoRows,
                Some(today) if !today.unreadable.is_empty() => continue,
                _ => MissingCause::Absent,
            };
            let rows = history.mean().map(|rows| rows * factor);
            lost.push((self.log(name, history.log, cause, name.name.clone(), region), rows));
        }
        for (name, today) in self.own {
            for file in &today.unreadable {
                lost.push(self.unreadable(name, today, file));
            }
        }
        let there = |source: &str, region: &str, hour: usize| -> f64 {
            let of_source = self.own.iter().filter(|(name, today)| name.source == source && today.stood);
            let is_near = |today: &NameDay| {
                let of = region_of(today.regions.iter());
                region == "*" || of == "*" || of == region
            };
            of_source.filter(|(_, today)| is_near(today)).map(|(_, today)| today.rows[hour]).sum()
        };
        let gone = |source: &str, region: &str, hour: usize| -> f64 {
            let is_like = |log: &MissingLog| {
                log.source == source && (region == "*" || log.region == "*" || log.region == region)
            };
            lost.iter().filter(|(log, _)| is_like(log)).map(|(_, rows)| rows[hour]).sum()
        };
        let share = |source: &str, region: &str, rows: f64, hour: usize| -> u32 {
            let all = gone(source, region, hour) + there(source, region, hour);
            if all > 0.0 { (rows / all * 1e6).round() as u32 } else { 1_000_000 }
        };
        let hours = |log: &MissingLog, rows: &Rows| -> Vec<LostHour> {
            let is_known = rows.iter().any(|rows| *rows > 0.0);
            let lost_hour = |hour: usize| LostHour {
                hour: hour as u8,
                region_ppm: share(&log.source, &log.region, rows[hour], hour),
                all_ppm: share(&log.source, "*", rows[hour], hour),
            };
            (0..24).filter(|hour| !is_known || rows[*hour] > 0.0).map(lost_hour).collect()
        };
        let mut missing: Vec<MissingLog> =
            lost.iter().map(|(log, rows)| MissingLog { hours: hours(log, rows), ..log.clone() }).collect();
        missing.sort();
        missing
    }

    /// Returns an unreadable file, with the rows that it should have had.
    ///
    /// These are the rows of its name on other days. A name that is not known has as many rows a
    /// byte as the readable files of its source, spread over the hours as theirs are.
    fn unreadable(&self, name: &LogName, today: &NameDay, file: &Unreadable) -> (MissingLog, Rows) {
        let cause = MissingCause::Unreadable;
        if let Some(history) = self.known.get(name) {
            let region = history.region();
            let hours = hours_of([history].into_iter());
            let factor = self.factor(name, history.log, &region, &hours);
            // Other files of the name have their own rows.
            let rows =
                std::array::from_fn(|hour| (history.mean()[hour] * factor - today.rows[hour]).max(0.0));
            return (self.log(name, history.log, cause, file.path.clone(), region), rows);
        }
        let region = region_of(today.regions.iter());
        let read = self.own.iter().filter(|(other, day)| other.source == name.source && day.stood);
        let (mut bytes, mut rows) = (0_u64, [0.0; 24]);
        for (_, day) in read {
            bytes += day.bytes - day.unreadable.iter().map(|file| file.bytes).sum::<u64>();
            rows.iter_mut().zip(day.rows).for_each(|(sum, rows)| *sum += rows);
        }
        let rows = rows.map(|rows| if bytes > 0 { rows * file.bytes as f64 / bytes as f64 } else { 0.0 });
        (self.log(name, today.log, cause, file.path.clone(), region), rows)
    }

    fn log(&self, of: &LogName, log: Log, cause: MissingCause, name: String, region: String) -> MissingLog {
        let (source, pattern) = (of.source.clone(), of.pattern.clone());
        MissingLog { source, log, cause, name, pattern, region, hours: Vec::new() }
    }
}

/// Returns the hours in which any of these names has rows.
fn hours_of<'h>(names: impl Iterator<Item = &'h History>) -> [bool; 24] {
    let mut hours = [false; 24];
    for history in names {
        hours.iter_mut().zip(history.mean()).for_each(|(is_in, rows)| *is_in |= rows > 0.0);
    }
    hours
}

/// Sums the rows of some hours.
fn within(rows: &Rows, hours: &[bool; 24]) -> f64 {
    rows.iter().zip(hours).filter(|(_, is_in)| **is_in).map(|(rows, _)| rows).sum()
}

/// Returns a gap for each hour of a missing log; services are those that its source has that day.
pub fn gaps(log: &MissingLog, facts: &Facts) -> Vec<Gap> {
    let is_ours = |kind: &&Kind| kind.source == log.source;
    let services = |kinds: &mut dyn Iterator<Item = &Kind>| -> Vec<String> {
        kinds.map(|kind| kind.service.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    };
    let mut of_source = services(&mut facts.kinds().iter().filter(is_ours));
    if of_source.is_empty() {
        of_source = services(&mut facts.kinds().iter());
    }
    let per_hour = 3_600 / facts.slot_length().seconds();
    let gap = |hour: &LostHour| Gap {
        lost: if log.log == Log::Requests { Lost::SomeEvents } else { Lost::SomeOutcomes },
        source: log.source.clone(),
        region: log.region.clone(),
        services: of_source.clone(),
        start_slot: u32::from(hour.hour) * per_hour,
        end_slot: (u32::from(hour.hour) + 1) * per_hour,
        expected: 0,
        file: Some(LostFile {
            name: log.name.clone(),
            pattern: log.pattern.clone(),
            cause: log.cause,
            region_ppm: hour.region_ppm,
            all_ppm: hour.all_ppm,
        }),
    };
    log.hours.iter().map(gap).collect()
}

#[cfg(test)]
mod tests;
