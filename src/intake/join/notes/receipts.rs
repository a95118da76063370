//! Receipts: what became of the rows of each file, once all workers are merged.

use std::collections::BTreeMap;

use super::file_hours::fixed_region;
use crate::config::{Log, Source};
use crate::facts::ids::Map;
use crate::facts::{FileBalance, FileRole, LinesByReason, Quarantined};
use crate::intake::counting::file_tally::FileTally;
use crate::intake::counting::notes::evidence::RowPlace;
use crate::intake::counting::notes::quarantine::KEPT_PER_FILE;
use crate::intake::files::find::LogFile;
use crate::intake::inspect::likeness;
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
            let like = likeness(file, &sources[file.source]);
            like.map_or_else(String::new, |preset| format!("; the file looks like preset = \"{preset}\""))
        };
        let failure = pass.failures.get(&n).map(|reason| format!("{reason}{}", like()));
        let sum =
            |f: fn(&FileTally) -> u64| if failure.is_some() { 0 } else { tallies.iter().map(|t| f(t)).sum() };
        let mut not_a_call_reasons = LinesByReason::default();
        for tally in tallies.iter().filter(|_| failure.is_none()) {
            not_a_call_reasons.merge(&tally.not_a_call_reasons);
        }
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
            not_a_call: sum(|t| t.not_a_call),
            not_a_call_reasons,
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
        let is_mostly_bad = balances.last().is_some_and(|file| file.quarantine * 2 > file.event_rows());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::day::SECOND_US;
    use crate::facts::Salt;
    use crate::intake::counting::notes::unreadable::spans;
    use crate::intake::files::find;
    use crate::intake::formats::parquet::tests::source;
    use crate::intake::join::notes::file_hours::file_hours;
    use crate::intake::meter::Meter;
    use crate::intake::pass::plan::ReadPlan;
    use crate::intake::pass::settings::PassSettings;
    use crate::intake::pass::{ThreadRounds, pass};
    use crate::intake::records::partition_bits::PartitionBits;
    use crate::intake::rows::endpoints::Endpoints;
    use crate::intake::rows::source_reader::Join;

    /// Lines that are no calls are neither rows, nor unreadable, nor hours of a file.
    #[test]
    fn lines_that_are_no_calls_are_an_account_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let rows = ["ts,http_status", "2026-11-20T10:00:00Z,200", "2026-11-20T10:01:00Z,x"];
        std::fs::write(&path, rows.join("\n")).unwrap();
        let config = Config { sources: vec![source(&path)], ..Config::bare("") };
        let day = "2026-11-20".parse().unwrap();
        let files = find::find(&config, day).unwrap().logs;
        let settings = PassSettings {
            partition_bits: PartitionBits::FEWEST,
            excerpts: crate::config::Excerpts::Text,
            day,
            slot_length: config.slot,
            workers: 1,
            memory_bytes: config.memory_bytes,
            spill: folder.path(),
            is_joined: false,
            first_status_us: 60 * SECOND_US,
            first_attempt_us: 60 * SECOND_US,
            fingerprint: String::new(),
        };
        let endpoints = Endpoints::of(&[], &[]);
        let join = Join::new(&config, &Salt::new("test"));
        let plan = ReadPlan::of(&files, &config.sources, &endpoints, &join, day).unwrap();
        let mut rounds = ThreadRounds { files: &files, settings: &settings };
        let mut pass = pass(&files, plan, &mut rounds, &Meter::default()).unwrap();
        for why in ["other logger", "start-up", "other logger", LinesByReason::HEADER] {
            pass.counts[0].tallies[0].note_not_a_call(why);
        }

        let told = |pass: &Pass| {
            let none = Map::default();
            let (balances, bad) = balances(pass, &files, &config.sources, &none, &none);
            (balances[0].clone(), bad.len(), file_hours(day, pass, &files, &config.sources)[0].clone())
        };
        let (balance, bad, hours) = told(&pass);
        assert_eq!(balance.check(), Ok(()));
        assert_eq!((balance.rows_read, balance.accepted, balance.quarantine, bad), (6, 1, 1, 1));
        assert_eq!((balance.not_a_call, balance.event_rows()), (4, 2));
        assert_eq!(balance.not_a_call_reasons.text(9), "other logger: 2; a header line: 1; start-up: 1");
        assert_eq!((hours.rows_read, hours.hours), (5, vec![(10, 1)]));
        let unreadable = spans(pass.counts.iter().map(|counts| &counts.unreadable));
        assert_eq!(
            unreadable[&0].iter().map(|span| (span.rows, span.after_us)).collect::<Vec<_>>(),
            [(1, None)]
        );

        pass.failures.insert(0, "broken".to_owned());
        let (balance, ..) = told(&pass);
        assert_eq!((balance.rows_read, balance.not_a_call, balance.check()), (0, 0, Ok(())));
        assert!(balance.not_a_call_reasons.is_empty());
    }
}
