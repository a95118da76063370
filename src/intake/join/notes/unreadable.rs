//! Unreadable rows: the windows of the unreadable rows of all webhook logs.

use std::collections::BTreeMap;

use super::file_hours::fixed_region;
use crate::config::{Log, Source};
use crate::day::SECOND_US;
use crate::facts::{FileRole, UnreadableWindow};
use crate::intake::counting::notes::unreadable::spans;
use crate::intake::files::find::LogFile;
use crate::intake::pass::Pass;
use crate::intake::pass::settings::PassSettings;

/// Returns the windows that have an instant of the day, sorted by their ends, then beginnings.
///
/// A side without a readable row lies one first-status deadline from the other; a file without any
/// readable row opens the whole day.
pub fn windows(
    pass: &Pass,
    files: &[LogFile],
    sources: &[Source],
    settings: &PassSettings<'_>,
) -> Vec<UnreadableWindow> {
    let day_us = settings.day.start_us()..settings.day.end_us();
    let mut rows_of: BTreeMap<(i64, i64, String), u64> = BTreeMap::new();
    for (n, spans) in spans(pass.counts.iter().map(|counts| &counts.unreadable)) {
        let file = &files[n as usize];
        let source = &sources[file.source];
        if source.log != Log::Webhooks || pass.failures.contains_key(&n) {
            continue;
        }
        let region = region(pass, n, file, source);
        let tallies = || pass.counts.iter().map(|counts| counts.tally(n));
        let (bytes, statuses) =
            tallies().fold((0, 0), |(bytes, statuses), t| (bytes + t.told_bytes, statuses + t.told_statuses));
        for span in spans {
            let (from_us, to_us) = match (span.before_us, span.after_us) {
                (Some(before), Some(after)) => (before.min(after), before.max(after)),
                (Some(before), None) => (before, before.saturating_add(settings.first_status_us)),
                (None, Some(after)) => (after.saturating_sub(settings.first_status_us), after),
                (None, None) if file.role == FileRole::Own => (day_us.start, day_us.end - SECOND_US),
                (None, None) => continue,
            };
            let whole_seconds = |us: i64| us.div_euclid(SECOND_US) * SECOND_US;
            let (from_us, to_us) = (whole_seconds(from_us), whole_seconds(to_us) + SECOND_US - 1);
            if from_us < day_us.end && day_us.start <= to_us {
                // A line with a payload holds as many statuses as readable lines of its length.
                let told = (span.bytes * statuses).checked_div(bytes).unwrap_or(0);
                *rows_of.entry((to_us, from_us, region.clone())).or_default() += span.rows.max(told);
            }
        }
    }
    let window = |((to_us, from_us, region), rows)| UnreadableWindow { to_us, from_us, region, rows };
    rows_of.into_iter().map(window).collect()
}

/// Returns the region of a file: that of its path, or the only one of its readable rows.
fn region(pass: &Pass, n: u32, file: &LogFile, source: &Source) -> String {
    if let Some(region) = fixed_region(file, source) {
        return region;
    }
    let mut regions: Vec<&str> = Vec::new();
    for counts in &pass.counts {
        regions.extend(counts.tally(n).regions.iter().map(|region| counts.names.regions.text(*region)));
    }
    regions.sort_unstable();
    regions.dedup();
    match regions[..] {
        [region] if region != "-" => region.to_owned(),
        _ => "*".to_owned(),
    }
}
