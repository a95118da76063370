//! Fallen rows: groups of files with almost no rows in an hour in which they usually have some.
//!
//! A group are the files of one name, such as hourly files or instances that come and go, and the
//! parts of a rotation. That one of them is missing shows only in the rows of the whole group.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Log, Source, lexical};
use crate::day::Day;
use crate::facts::{FileDay, FileHours};

/// Read days before a day that tell how many rows a group has in an hour.
const JUDGED_DAYS: usize = 3;
/// How far back these days may lie.
pub const HISTORY_DAYS: i64 = 7;
/// Fewest days that tell; a single one may be unlike others.
const FEWEST_DAYS: usize = 2;
/// Rows of an hour on each of these days from which on a fall is no chance.
const MIN_ROWS: u64 = 100;
/// A fall leaves less than one in so many rows.
const FALLEN_TO: u64 = 10;

type Rows = [u64; 24];

/// Hours of a day in which a group of files has almost no rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FallenRows {
    /// Name of the source in the config.
    pub source: String,
    pub log: Log,
    /// The path of its files without what tells them apart.
    pub name: String,
    /// `*` if its rows are of several regions, or of none that is known.
    pub region: String,
    /// From 0 to 23, UTC, with the rows of the day and the fewest rows of the days before.
    pub hours: Vec<(u8, u64, u64)>,
}

/// A group of webhook logs with fewer files than on any of the days before.
///
/// That is nothing unusual (instances go, parts of a rotation are fewer on a quiet day), unless
/// messages lack their statuses in addition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FewerFiles {
    pub source: String,
    pub name: String,
    pub region: String,
    /// Files of the day, and fewest of a day before.
    pub files: usize,
    pub usual: usize,
    /// Hours from 0 to 23, UTC, in which its files have rows on the days before.
    pub hours: Vec<u8>,
    /// The days before.
    pub days: Vec<Day>,
}

/// What the files of groups show of a day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupsOfDay {
    pub fallen: Vec<FallenRows>,
    pub fewer: Vec<FewerFiles>,
}

/// The files of one group on one day.
#[derive(Debug, Clone, Default)]
struct Group {
    files: usize,
    /// First and last hour of each file with rows.
    spans: Vec<(u8, u8)>,
    regions: BTreeSet<String>,
    rows: Rows,
}

/// Source, pattern and name of a group.
type Key<'f> = (&'f str, &'f str, String);

impl Group {
    /// True if its files follow one another in time, as hourly files and parts by size do.
    fn is_sequence(&self) -> bool {
        let mut spans = self.spans.clone();
        spans.sort_unstable();
        spans.windows(2).all(|pair| pair[1].0 >= pair[0].1)
    }

    /// Returns its region; `*` if it has rows of several, or none that is known.
    fn region(regions: &BTreeSet<&String>) -> String {
        match regions.first() {
            Some(one) if regions.len() == 1 && *one != "-" => (*one).clone(),
            _ => "*".to_owned(),
        }
    }
}

/// Returns the groups of a day whose rows have fallen, or that have fewer files than before.
///
/// An hour is left out if the rows of the other log of the region have fallen likewise: there was
/// little traffic. Nothing is told of single files, whose traffic may have gone to another file,
/// nor of a group without any file, which is missing as a whole.
pub fn groups_of_day(day: Day, days: &BTreeMap<Day, Vec<FileHours>>, sources: &[Source]) -> GroupsOfDay {
    let mut found = GroupsOfDay::default();
    let Some(own) = days.get(&day) else { return found };
    let near = days.range(day.plus(-HISTORY_DAYS)..day).rev().filter(|(_, files)| !files.is_empty());
    let (near_days, near): (Vec<Day>, Vec<&[FileHours]>) =
        near.take(JUDGED_DAYS).map(|(day, files)| (*day, files.as_slice())).unzip();
    if near.len() < FEWEST_DAYS {
        return found;
    }
    let is_judged = |key: &Key<'_>| {
        let mut named = sources.iter().filter(|s| !s.may_be_empty && !s.is_named_by_hand && s.name == key.0);
        named.any(|source| source.paths.iter().any(|path| lexical(path) == key.1))
    };
    let today = groups(own);
    let before: Vec<BTreeMap<Key<'_>, Group>> = near.iter().map(|files| groups(files)).collect();
    for (key, group) in today.iter().filter(|(key, _)| is_judged(key)) {
        let others: Vec<&Group> = before.iter().filter_map(|groups| groups.get(key)).collect();
        let is_group = group.files > 1 || others.iter().any(|other| other.files > 1);
        let Some(log) = own.iter().find(|file| file.source == key.0).map(|file| file.log) else { continue };
        if !is_group || others.len() < before.len() {
            continue;
        }
        let regions: BTreeSet<&String> =
            group.regions.iter().chain(others.iter().flat_map(|other| &other.regions)).collect();
        let of_other_log = |files: &[FileHours], hour: usize| -> u64 {
            let is_near = |file: &&FileHours| {
                file.log != log
                    && file.belongs == FileDay::Own
                    && (file.regions.is_empty()
                        || file.regions.iter().any(|r| r == "-" || regions.contains(r)))
            };
            let rows = files.iter().filter(is_near).flat_map(|file| &file.hours);
            rows.filter(|(at, _)| usize::from(*at) == hour).map(|(_, rows)| rows).sum()
        };
        let fallen = |hour: usize| -> Option<(u8, u64, u64)> {
            let (rows, usual) = (group.rows[hour], others.iter().map(|other| other.rows[hour]).min()?);
            let (other, other_usual) =
                (of_other_log(own, hour), near.iter().map(|f| of_other_log(f, hour)).min()?);
            let is_fallen = usual >= MIN_ROWS && rows * FALLEN_TO < usual;
            let is_quiet = other_usual > 0 && other * FALLEN_TO < other_usual;
            (is_fallen && !is_quiet).then_some((hour as u8, rows, usual))
        };
        let hours: Vec<(u8, u64, u64)> = (0..24).filter_map(fallen).collect();
        if !hours.is_empty() {
            let region = Group::region(&regions);
            found.fallen.push(FallenRows {
                source: key.0.to_owned(),
                log,
                name: key.2.clone(),
                region,
                hours,
            });
            continue;
        }
        let usual = others.iter().map(|other| other.files).min().unwrap_or(0);
        let is_sequence = others.iter().all(|other| other.is_sequence());
        if log == Log::Webhooks && group.files < usual && !is_sequence {
            let is_busy = |hour: &u8| others.iter().any(|other| other.rows[usize::from(*hour)] > 0);
            found.fewer.push(FewerFiles {
                source: key.0.to_owned(),
                name: key.2.clone(),
                region: Group::region(&regions),
                files: group.files,
                usual,
                hours: (0..24).filter(is_busy).collect(),
                days: near_days.clone(),
            });
        }
    }
    found
}

/// Groups the files of a day that could be read.
fn groups(files: &[FileHours]) -> BTreeMap<Key<'_>, Group> {
    let mut groups: BTreeMap<Key<'_>, Group> = BTreeMap::new();
    for file in files.iter().filter(|file| file.belongs == FileDay::Own && file.is_readable) {
        let key = (file.source.as_str(), file.pattern.as_str(), without_part(&file.name));
        let group = groups.entry(key).or_default();
        group.files += 1;
        group.spans.extend(file.hours.first().zip(file.hours.last()).map(|(a, b)| (a.0, b.0)));
        group.regions.extend(file.regions.iter().cloned());
        file.hours.iter().for_each(|(hour, rows)| group.rows[usize::from(*hour) % 24] += rows);
    }
    groups
}

/// Returns a name without the number of its part: `hooks-*-eu-003.csv` is `hooks-*-eu-*.csv`.
fn without_part(name: &str) -> String {
    let (folder, file) =
        name.rsplit_once('/').map_or(("", name), |(folder, _)| name.split_at(folder.len() + 1));
    let (stem, ending) = file.find('.').map_or((file, ""), |at| file.split_at(at));
    let bare = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_part = bare.len() < stem.len() && bare.ends_with(['-', '_']);
    if is_part { format!("{folder}{bare}*{ending}") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(log: Log, name: &str, hours: &[(u8, u64)]) -> FileHours {
        let source = if log == Log::Requests { "calls" } else { "hooks" };
        FileHours {
            source: source.to_owned(),
            log,
            pattern: format!("{source}-{{date}}-*.csv"),
            name: name.to_owned(),
            path: name.to_owned(),
            belongs: FileDay::Own,
            is_readable: true,
            bytes: 1,
            rows_read: 1,
            regions: vec!["eu".to_owned()],
            hours: hours.to_vec(),
            names_outcome: false,
            unread: Vec::new(),
        }
    }

    /// Webhook files with their rows by hour.
    type Hooks<'h> = &'h [(&'h str, &'h [(u8, u64)])];

    /// Returns the fallen hours of the last of some days, each with webhook files and calls.
    fn fallen(days: &[(Hooks<'_>, u64)]) -> Vec<u8> {
        let first: Day = "2026-11-02".parse().unwrap();
        let files = |(hooks, calls): &(Hooks<'_>, u64)| -> Vec<FileHours> {
            let calls = file(Log::Requests, "calls-*.csv", &[(9, *calls), (10, *calls)]);
            hooks.iter().map(|(name, hours)| file(Log::Webhooks, name, hours)).chain([calls]).collect()
        };
        let all: BTreeMap<Day, Vec<FileHours>> =
            days.iter().enumerate().map(|(n, day)| (first.plus(n as i64), files(day))).collect();
        let source = |name: &str, log| Source {
            paths: vec![format!("{name}-{{date}}-*.csv")],
            ..Source::bare(name, log)
        };
        let sources = [source("calls", Log::Requests), source("hooks", Log::Webhooks)];
        let last = first.plus(days.len() as i64 - 1);
        groups_of_day(last, &all, &sources)
            .fallen
            .into_iter()
            .flat_map(|f| f.hours)
            .map(|hour| hour.0)
            .collect()
    }

    const HOURLY: Hooks<'_> = &[("hooks-*-h*.csv", &[(9, 400)]), ("hooks-*-h*.csv", &[(10, 400)])];
    const NONE: [u8; 0] = [];

    #[test]
    fn an_hourly_file_that_is_gone_is_told_unless_all_is_quiet() {
        let lost: Hooks<'_> = &HOURLY[..1];
        assert_eq!(fallen(&[(HOURLY, 100), (HOURLY, 100), (HOURLY, 90), (lost, 100)]), [10]);
        assert_eq!(fallen(&[(HOURLY, 100), (HOURLY, 100), (lost, 9)]), NONE, "the calls have fallen too");
        assert_eq!(fallen(&[(HOURLY, 100), (lost, 100)]), NONE, "one day tells nothing");
        assert_eq!(fallen(&[(HOURLY, 100), (lost, 100), (HOURLY, 100), (lost, 100)]), NONE, "nothing usual");
        let small: Hooks<'_> = &[("hooks-*-h*.csv", &[(9, 99)]), ("hooks-*-h*.csv", &[(10, 99)])];
        assert_eq!(fallen(&[(small, 100), (small, 100), (&small[..1], 100)]), NONE, "too few rows");
    }

    #[test]
    fn parts_and_instances_may_come_and_go() {
        let parts: Hooks<'_> =
            &[("hooks-*-001.csv", &[(9, 400), (10, 150)]), ("hooks-*-002.csv", &[(10, 250)])];
        let one: Hooks<'_> = &[("hooks-*-001.csv", &[(9, 390), (10, 400)])];
        assert_eq!(fallen(&[(parts, 100), (parts, 100), (one, 100)]), NONE);
        let cut: Hooks<'_> = &[("hooks-*-001.csv", &[(9, 390), (10, 14)])];
        assert_eq!(fallen(&[(parts, 100), (parts, 100), (cut, 100)]), [10]);
        let alone: Hooks<'_> = &[("hooks-*-node1.csv", &[(9, 400), (10, 400)])];
        let other: Hooks<'_> = &[("hooks-*-node1.csv", &[(9, 400)])];
        assert_eq!(fallen(&[(alone, 100), (alone, 100), (other, 100)]), NONE, "a single file is no group");
    }

    #[test]
    fn the_number_of_a_part_is_no_part_of_the_name() {
        for (name, want) in [
            ("logs/hooks-*-eu-003.csv", "logs/hooks-*-eu-*.csv"),
            ("logs/hooks-*_2.csv", "logs/hooks-*_*.csv"),
            ("logs/hooks-*-node2.csv", "logs/hooks-*-node2.csv"),
            ("v-2/hooks.csv", "v-2/hooks.csv"),
            ("hooks-*-7", "hooks-*-*"),
        ] {
            assert_eq!(without_part(name), want);
        }
    }
}
