//! Missing evidence: the logs that a day lacks, in words, with what to do.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::{Gap, Lost, LostFile, MissingCause};
use crate::ledger::Edition;
use crate::policy::Group;
use crate::slots::ALL_REGIONS;

/// A log that a day lacks, over all its hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingEvidence {
    pub source: String,
    /// Path of an unreadable file, or the path without what changes from day to day; empty if the
    /// log of a source was silent.
    pub file: String,
    /// `*` if it has rows of several regions, or if its region is not known.
    pub region: String,
    /// `from 09:00 to 12:00 and from 14:00 to 15:00`, or `all day`; UTC.
    pub hours: String,
    /// What is missing, in one sentence.
    pub told: String,
    /// What to do, in one sentence.
    pub remedy: &'static str,
}

/// What the gaps of one log have in common.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct LogKey<'g> {
    source: &'g str,
    region: &'g str,
    file: Option<(MissingCause, &'g str)>,
    is_of_calls: bool,
}

/// Returns what the gaps of a day lack: one entry for all hours of a file.
pub fn missing_evidence(gaps: &[Gap], slots_per_day: u32) -> Vec<MissingEvidence> {
    let mut logs: BTreeMap<LogKey<'_>, Vec<&Gap>> = BTreeMap::new();
    for gap in gaps {
        let key = LogKey {
            source: &gap.source,
            region: &gap.region,
            file: gap.file.as_ref().map(|file| (file.cause, file.name.as_str())),
            is_of_calls: matches!(gap.lost, Lost::Events | Lost::SomeEvents),
        };
        logs.entry(key).or_default().push(gap);
    }
    let told = |(key, gaps): (LogKey<'_>, Vec<&Gap>)| {
        let LogKey { source, region, file, is_of_calls } = key;
        let hours = hours(&gaps, slots_per_day);
        let effect = match (is_of_calls, file) {
            (true, None) => "nothing is known of these calls: the minutes are unobserved",
            (true, Some(_)) => "a minute is down only if it would be so with the missing calls good",
            (false, _) => "what could have stood there is unknown, not missed",
        };
        MissingEvidence {
            source: source.to_owned(),
            file: file.map_or_else(String::new, |(_, name)| name.to_owned()),
            region: region.to_owned(),
            told: format!("{}; {effect}", told(gaps[0], &hours)),
            hours,
            remedy: remedy(file.map(|(cause, _)| cause)),
        }
    };
    logs.into_iter().map(told).collect()
}

/// Counts the events of which the logs do not say what became, after overrides.
pub fn unknown_events(edition: &Edition) -> i64 {
    let unknown = edition.accounts.iter().filter(|line| line.account.group() == Group::Unknown);
    unknown.map(|line| line.events_net).sum()
}

/// Tells of a gap; `hours` says when, such as `in this hour`.
pub fn told(gap: &Gap, hours: &str) -> String {
    let Gap { source, region, .. } = gap;
    let of = if region == ALL_REGIONS { String::new() } else { format!(" of region {region}") };
    let Some(LostFile { name, cause, .. }) = &gap.file else {
        return format!("source {source} had next to no rows{of} {hours}");
    };
    match cause {
        MissingCause::Absent => {
            format!("source {source}: {name} has rows{of} {hours} on other days, and was not there")
        }
        MissingCause::Unreadable => {
            format!("source {source}: {name} could not be read, and may have rows{of} {hours}")
        }
        MissingCause::NoRows => {
            format!("source {source}: {name} has rows{of} {hours} on other days, and none of this day")
        }
    }
}

/// Returns what to do about a missing log; `None` stands for a silent source.
const fn remedy(cause: Option<MissingCause>) -> &'static str {
    match cause {
        Some(MissingCause::Absent) => "Ship the file: the next run reads the day again.",
        Some(MissingCause::Unreadable) => "Put a whole file in its place: the next run reads the day again.",
        Some(MissingCause::NoRows) => {
            "Compare the date in its name with the times of its rows, and check its clock and zone."
        }
        None => "If the log turns up, put it in its place: the next run reads the day again.",
    }
}

/// Writes the hours of some gaps: `from 09:00 to 12:00 and from 14:00 to 15:00`.
pub fn hours(gaps: &[&Gap], slots_per_day: u32) -> String {
    let minute = |slot: u32| slot * 1_440 / slots_per_day;
    let all: BTreeSet<(u32, u32)> = gaps.iter().map(|g| (minute(g.start_slot), minute(g.end_slot))).collect();
    let mut spans: Vec<(u32, u32)> = Vec::new();
    for (start, end) in all {
        match spans.last_mut().filter(|(_, last)| *last >= start) {
            Some((_, last)) => *last = end.max(*last),
            None => spans.push((start, end)),
        }
    }
    if spans == [(0, 1_440)] {
        return "all day".to_owned();
    }
    let clock = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
    let spans: Vec<String> =
        spans.into_iter().map(|(start, end)| format!("from {} to {}", clock(start), clock(end))).collect();
    spans.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(name: &str, start_slot: u32, end_slot: u32) -> Gap {
        let file = LostFile {
            name: name.to_owned(),
            pattern: "logs/*.csv".to_owned(),
            cause: MissingCause::Absent,
            region_ppm: 500_000,
            all_ppm: 250_000,
        };
        Gap {
            lost: Lost::SomeOutcomes,
            source: "hooks".to_owned(),
            region: "eu".to_owned(),
            services: Vec::new(),
            start_slot,
            end_slot,
            expected: 0,
            file: (!name.is_empty()).then_some(file),
        }
    }

    #[test]
    fn the_hours_of_a_file_are_one_entry() {
        let gaps = [gap("b", 600, 660), gap("b", 660, 720), gap("b", 840, 900), gap("", 5, 17)];
        let found = missing_evidence(&gaps, 1_440);
        let hours: Vec<(&str, &str)> = found.iter().map(|e| (e.file.as_str(), e.hours.as_str())).collect();
        assert_eq!(
            hours,
            [("", "from 00:05 to 00:17"), ("b", "from 10:00 to 12:00 and from 14:00 to 15:00")]
        );
        assert_eq!(
            found[1].told,
            "source hooks: b has rows of region eu from 10:00 to 12:00 and from 14:00 to 15:00 on other days, and was not \
             there; what could have stood there is unknown, not missed"
        );
        assert_eq!(missing_evidence(&[gap("b", 0, 1_440)], 1_440)[0].hours, "all day");
        // Slots of five minutes.
        assert_eq!(missing_evidence(&[gap("b", 12, 24)], 288)[0].hours, "from 01:00 to 02:00");
    }
}
