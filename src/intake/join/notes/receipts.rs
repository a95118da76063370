//! Receipts: what became of the rows of each file, once all workers are merged.

use std::collections::BTreeMap;

use super::file_hours::fixed_region;
use crate::config::{Log, Source};
use crate::facts::ids::Map;
use crate::facts::{FileBalance, FileRole, Quarantined};
use crate::intake::counting::file_tally::FileTally;
use crate::intake::counting::notes::evidence::RowPlace;
use crate::intake::counting::notes::quarantine::KEPT_PER_FILE;
use crate::intake::files::find::LogFile;
use crate::intake::files::likeness::likeness;
use crate::intake::pass::Pass;

/// Returns the balance of each file, and the quarantined rows of the day's own files.
pub fn balances(
    pass: &Pass,
    files: &[LogFile],
    sources: &[Source],
    duplicates: &Map<u32, u64>,
    conflicts: &Map<u32, u64>,
) -> (Vec<FileBalance>, Vec<Quarantined>) {
    let mut balances = Vec::new();
    let mut quarantine = Vec::new();
    for (n, file) in files.iter().enumerate() {
        let n = n as u32;
        let tallies: Vec<&FileTally> = pass.counts.iter().map(|b| b.tally(n)).collect();
        let duplicate = duplicates.get(&n).copied().unwrap_or(0);
        let conflict = conflicts.get(&n).copied().unwrap_or(0);
        // What the file looks like, if it is no log of its preset.
        let like = || {
            let like = likeness(&file.path, &sources[file.source]);
            like.map_or_else(String::new, |preset| format!("; the file looks like preset = \"{preset}\""))
        };
        let failure = pass.failures.get(&n).map(|reason| format!("{reason}{}", like()));
        let sum =
            |f: fn(&FileTally) -> u64| if failure.is_some() { 0 } else { tallies.iter().map(|t| f(t)).sum() };
        balances.push(FileBalance {
            path: file.shown.clone(),
            source: sources[file.source].name.clone(),
            log: sources[file.source].log,
            role: file.role,
            format: pass.formats[n as usize].clone(),
            bytes: file.bytes,
            rows_read: sum(|t| t.rows_read),
            accepted: sum(|t| t.accepted) - duplicate - conflict,
            duplicate,
            conflict,
            outside: sum(|t| t.outside),
            quarantine: sum(|t| t.quarantine),
            first_ts_us: tallies.iter().filter_map(|t| t.first_us).min(),
            last_ts_us: tallies.iter().filter_map(|t| t.last_us).max(),
            failure,
        });
        // Quarantined rows in a file of a neighbouring day are listed with that day.
        if file.role != FileRole::Own {
            continue;
        }
        let mut bad_rows: Vec<_> = tallies.iter().flat_map(|t| &t.bad_rows).collect();
        bad_rows.sort();
        let is_mostly_bad = balances.last().is_some_and(|file| file.quarantine * 2 > file.rows_read);
        let mut like = if is_mostly_bad { like() } else { String::new() };
        for (place, reason, excerpt) in bad_rows.into_iter().take(KEPT_PER_FILE) {
            quarantine.push(Quarantined {
                file: file.shown.clone(),
                line: line(pass, place),
                // The first row of the file says it for all.
                reason: format!("{reason}{}", std::mem::take(&mut like)),
                excerpt: excerpt.clone(),
            });
        }
    }
    quarantine.sort();
    (balances, quarantine)
}

/// Returns the regions whose webhook logs of the day are missing or unreadable.
///
/// The region is taken from the configuration or the path of the file; `*` stands for all regions,
/// if neither names it.
pub fn lost(pass: &Pass, files: &[LogFile], sources: &[Source]) -> Vec<String> {
    let mut lost = std::collections::BTreeSet::new();
    for (n, source) in sources.iter().enumerate().filter(|(_, source)| source.log == Log::Webhooks) {
        let own = files.iter().enumerate().filter(|(_, f)| f.source == n && f.role == FileRole::Own);
        if own.clone().next().is_none() {
            lost.insert("*".to_owned());
        }
        let is_broken = |at: usize| pass.failures.contains_key(&(at as u32));
        let readable: Vec<Option<String>> = own
            .clone()
            .filter(|(at, _)| !is_broken(*at))
            .map(|(_, file)| fixed_region(file, source))
            .collect();
        for (_, file) in own.filter(|(at, _)| is_broken(*at)) {
            // Beside other files of the region, one file takes only its share of the rows.
            let region = fixed_region(file, source);
            let is_near = |other: &Option<String>| other.is_none() || region.is_none() || *other == region;
            if readable.iter().any(is_near) {
                continue;
            }
            lost.insert(region.unwrap_or_else(|| "*".to_owned()));
        }
    }
    lost.into_iter().collect()
}

/// Returns source and name of the configured columns that no row of the source has.
///
/// Files without accepted rows say nothing about their columns.
pub fn unseen_columns(pass: &Pass, files: &[LogFile], sources: &[Source]) -> Vec<(String, String)> {
    let mut unseen: BTreeMap<(usize, String), bool> = BTreeMap::new();
    for (n, file) in files.iter().enumerate() {
        let tallies: Vec<&FileTally> = pass.counts.iter().map(|b| b.tally(n as u32)).collect();
        if tallies.iter().any(|t| t.accepted > 0) {
            let seen = tallies.iter().fold(0, |seen, t| seen | t.seen);
            for entry in pass.source_readers[pass.reader_of[n]].mapping.expected() {
                let is_seen = unseen.entry((file.source, entry.name.clone())).or_insert(false);
                *is_seen |= seen & (1 << entry.field) != 0;
            }
        }
    }
    let unseen = unseen.into_iter().filter(|(_, is_seen)| !is_seen);
    unseen.map(|((source, name), _)| (sources[source].name.clone(), name)).collect()
}

/// Returns the line of a row in its file: the lines of the chunks before, plus its row.
pub fn line(pass: &Pass, place: &RowPlace) -> u64 {
    pass.chunk_lines.range((place.file, 0)..(place.file, place.chunk)).map(|(_, lines)| lines).sum::<u64>()
        + place.row
}
