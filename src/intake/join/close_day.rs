//! Close day: turns the workers' counts into the daybook of one day.
//!
//! Surplus copies are subtracted, messages and notifications are joined, and numbers become names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hashbrown::HashSet;

use super::caller_lines::caller_lines;
use super::correlate::carried::Carried;
use super::dedupe::Deduped;
use super::merge::{Merged, MergedFact, merge};
use super::notes::file_hours::file_hours;
use super::notes::receipts::{balances, line, lost, unseen_columns};
use super::notes::source_rows::source_rows;
use super::notes::understood::{
    GuessedRows, OddWord, SilentFiles, guessed_rows, odd_words, silent_files, untold_names,
};
use super::notes::unreadable::windows;
use super::notes::views::{TwiceTold, twice_told};
use super::reduce::Reducer;
use crate::config::{Log, Source};
use crate::daybook::{self, Daybook, ItemWriter};
use crate::error::Trouble;
use crate::facts::{Evidence, Fact, FileHours, Histogram, Latencies, RowRef, Salt};
use crate::intake::counting::notes::evidence::EvidenceRows;
use crate::intake::counting::notes::field_counts::FieldCounts;
use crate::intake::counting::task_counts::TaskCounts;
use crate::intake::files::bytes::log_bytes::LogPlace;
use crate::intake::files::content_hash::Whole;
use crate::intake::files::find::LogFile;
use crate::intake::pass::Pass;
use crate::intake::pass::settings::PassSettings;
use crate::intake::records::numbers::{DayFact, DayKind, OUTSIDE};
use crate::intake::rows::interner::Names;

/// Admitted messages from which on a day without any status means that the webhook log has none.
///
/// With fewer it may be chance.
const MIN_MESSAGES: u64 = 20;

/// Findings about the logs of a day that are not part of the daybook.
#[derive(Debug, Clone, Default)]
pub struct ReadNotes {
    /// Source and column name, for names under `[source.columns]` that no row of the source has.
    ///
    /// Such a name is most likely misspelt.
    pub unseen_columns: Vec<(String, String)>,
    /// Rows of the day's files by hour.
    pub file_hours: Vec<FileHours>,
    /// Path and type of pipes, sockets and devices among the files, which were not opened.
    pub special_files: Vec<(String, &'static str)>,
    /// Pairs of request logs that tell of the same calls without their ids meeting.
    pub twice_told: Vec<TwiceTold>,
    /// Files that are not counted because their text is that of another file, with that file.
    pub copies: Vec<(String, String)>,
    /// Files whose rows cannot tell what became of their calls.
    pub silent_files: Vec<SilentFiles>,
    /// Statuses and scopes that nobody knows.
    pub odd_words: Vec<OddWord>,
    /// Rows of a time that the zone of their source has twice, not told apart.
    pub guessed_rows: Vec<GuessedRows>,
    /// Bytes of records for dedupe and join that went to disk.
    pub spilled_bytes: u64,
    /// Files as they were when they were read, by the path that reports show.
    pub wholes: BTreeMap<String, Whole>,
}

/// Merges, dedupes and joins the counts of a pass, and writes the daybook to `folder`.
///
/// # Errors
/// Spilled records cannot be read back, or the folder cannot be written to. [`Trouble::TooLarge`];
/// [`Trouble::Imbalance`], if the notifications do not contain every accepted webhook row (a bug).
pub fn close_day(
    pass: &Pass,
    files: &[LogFile],
    sources: &[Source],
    settings: &PassSettings<'_>,
    salt: &Salt,
    folder: &Path,
    reducer: &mut dyn Reducer,
) -> Result<(Daybook, ReadNotes), Trouble> {
    let untold = untold_names(pass, files, sources);
    let mut merged = merge(pass, settings.is_joined, &untold);
    merged.check_memory(pass, files)?;
    let twice_told = twice_told(pass, &merged, sources);
    let Deduped { surplus, mut sixtieths } = reducer.dedupe(pass, &merged, settings)?;
    let mut latencies = latencies(&pass.counts);
    for ((fact, bucket), n) in &surplus.latency {
        let MergedFact { slot, kind, .. } = merged.fact(*fact);
        let kind = merged.kind(kind);
        let key = (slot, kind.service.clone(), kind.region.clone());
        if let Some(histogram) = latencies.0.get_mut(&key) {
            histogram.add(u32::from(*bucket), -n);
        }
    }
    latencies.0.retain(|_, h| h.events() > 0);

    let callers_by_hour = caller_lines(&pass.counts, &merged, &surplus, settings.slot_length);
    let mut items = ItemWriter::create(folder, settings.workers)?;
    let sums = reducer.join(pass, &merged, settings, &mut |all| all.write(&mut items))?;
    let is_cut = items.close()?;
    let carried = Carried::of(pass, &merged, &sums);
    let source_rows = source_rows(&merged, &surplus, &carried, settings.slot_length);
    for (fact, n) in &surplus.events {
        merged.events[fact.at()] -= n;
    }
    for (fact, set) in &carried.calls_again {
        sixtieths[fact.at()] |= set;
    }
    let rank = &merged.rank;
    let evidence = evidence(pass, &merged, &surplus.misled);
    let mut facts: Vec<Fact> = Vec::with_capacity(merged.facts.len() + carried.facts.len());
    let booked = (merged.facts.iter().zip(&merged.events).zip(sixtieths).enumerate())
        .skip(OUTSIDE as usize)
        .map(|(at, ((MergedFact { slot, kind, caller }, events), sixtieths))| Fact {
            slot: *slot,
            kind: rank.kinds[kind.at()],
            caller: rank.callers[*caller as usize],
            events: events - carried.moved.get(&DayFact(at as u32)).copied().unwrap_or(0),
            sixtieths,
        })
        .chain(carried.facts.iter().copied());
    facts.extend(booked.filter(|fact| fact.events != 0));
    Fact::add_up(&mut facts);

    let mut duplicates = surplus.files;
    carried.duplicates.iter().for_each(|(file, n)| *duplicates.entry(*file).or_default() += n);
    let (balances, quarantine) = balances(pass, files, sources, &duplicates, &surplus.conflicts);
    let accepted = |log: Log| balances.iter().filter(|f| f.log == log).map(|f| f.accepted).sum::<u64>();
    let mut tally = carried.tally;
    (tally.calls, tally.attempts) = (accepted(Log::Requests), accepted(Log::Webhooks));
    if carried.attempts != tally.attempts {
        return Err(Trouble::Imbalance(format!(
            "{}: {} webhook rows accepted, {} attempts in the notifications",
            settings.day, tally.attempts, carried.attempts
        )));
    }
    let mut lost = lost(pass, files, sources);
    // Many messages and not one status: the log is not what it seems.
    if tally.statuses == 0 && tally.messages_open >= MIN_MESSAGES {
        lost = vec!["*".to_owned()];
    }
    let daybook = Daybook {
        day: settings.day,
        slot_length: settings.slot_length,
        is_joined: settings.is_joined,
        salt: salt.fingerprint(),
        settings: settings.fingerprint.clone(),
        lost,
        kinds: merged.rank.sorted_kinds,
        callers: merged.rank.sorted_callers,
        callers_by_hour,
        facts,
        has_sixtieths: true,
        evidence,
        latencies,
        delays: carried.delays,
        lanes: carried.lanes,
        tally,
        files: balances,
        file_hours: file_hours(settings.day, pass, files, sources),
        source_rows,
        fields: FieldCounts::all(pass.counts.iter().map(|counts| &counts.fields)),
        unreadable: windows(pass, files, sources, settings),
        quarantine,
    };
    daybook::write(&daybook, folder, is_cut)?;
    let shown = |n: &u32| files[*n as usize].shown.clone();
    let copies = pass.copies.iter().map(|(copy, original)| (shown(copy), shown(original))).collect();
    let notes = ReadNotes {
        unseen_columns: unseen_columns(pass, files, sources),
        file_hours: daybook.file_hours.clone(),
        special_files: Vec::new(),
        twice_told,
        copies,
        silent_files: silent_files(pass, files, sources, &untold),
        odd_words: odd_words(pass),
        guessed_rows: guessed_rows(pass),
        spilled_bytes: reducer.spilled(pass),
        wholes: wholes(pass, files),
    };
    Ok((daybook, notes))
}

/// Returns files as they were read, by the path that reports show: objects are read as listed.
fn wholes(pass: &Pass, files: &[LogFile]) -> BTreeMap<String, Whole> {
    let mut wholes: BTreeMap<String, Whole> =
        pass.wholes.iter().map(|(n, whole)| (files[*n as usize].shown.clone(), whole.clone())).collect();
    wholes.extend((0..).zip(files).filter_map(|(n, file)| {
        let LogPlace::Object(object) = &file.place else { return None };
        let version = pass.versions.get(&n).map(String::as_str);
        Some((file.shown.clone(), Whole::of_object(object.identity(), version)))
    }));
    wholes
}

fn latencies(counts: &[TaskCounts]) -> Latencies {
    // Names are compared once; from then on only their ranks are.
    let names = |of: fn(&TaskCounts) -> &Names| {
        let all: BTreeSet<&str> =
            counts.iter().flat_map(|counts| of(counts).all().iter().map(|n| &**n)).collect();
        let all: Vec<&str> = all.into_iter().collect();
        let rank = |name: &str| all.binary_search(&name).unwrap_or_default();
        let ranks: Vec<Vec<usize>> =
            counts.iter().map(|counts| of(counts).all().iter().map(|name| rank(name)).collect()).collect();
        (all, ranks)
    };
    let (services, service_of) = names(|counts| &counts.names.services);
    let (regions, region_of) = names(|counts| &counts.names.regions);
    let mut cells = Vec::new();
    for (n, counts) in counts.iter().enumerate() {
        cells.extend(counts.latencies.iter().map(|((slot, service, region), cell)| {
            ((*slot, service_of[n][*service as usize], region_of[n][*region as usize]), cell)
        }));
    }
    cells.sort_unstable_by_key(|(key, _)| *key);
    let all = cells.chunk_by(|a, b| a.0 == b.0).map(|same| {
        let (slot, service, region) = same[0].0;
        let mut histogram = Histogram::default();
        for (bucket, n) in same.iter().flat_map(|(_, cell)| cell.counts()) {
            histogram.add(bucket, n);
        }
        ((slot, services[service].to_owned(), regions[region].to_owned()), histogram)
    });
    Latencies(all.collect())
}

fn evidence(pass: &Pass, merged: &Merged, misled: &HashSet<(u64, u32, DayKind)>) -> Vec<Evidence> {
    let mut seen = Vec::new();
    for (counts, kinds) in pass.counts.iter().zip(&merged.kind_of) {
        for ((slot, shape), witnesses) in &counts.witnesses {
            let key = (*slot, kinds[*shape as usize]);
            seen.extend(witnesses.iter().map(|witness| (key, witness)));
        }
    }
    seen.sort_unstable_by_key(|(key, _)| *key);
    let mut all = Vec::new();
    for same in seen.chunk_by(|a, b| a.0 == b.0) {
        let (slot, kind) = same[0].0;
        // The first rows over all workers, except those whose event was found to count elsewhere.
        let mut first = EvidenceRows::default();
        for (_, witness) in same {
            first.add(*witness);
        }
        let mut first: Vec<_> = first.iter().filter(|w| !misled.contains(&(w.hash, slot, kind))).collect();
        first.sort_unstable();
        let rows: Vec<RowRef> =
            first.iter().map(|w| RowRef { file: w.place.file, row: line(pass, &w.place) }).collect();
        if !rows.is_empty() {
            all.push(Evidence { slot, kind: merged.rank.kinds[kind.at()], rows });
        }
    }
    all.sort_unstable_by_key(|e| (e.slot, e.kind));
    all
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::config::{Config, Log, Source};
    use crate::intake::Meter;
    use crate::intake::formats::parquet;

    /// Returns the facts of a day as text, for logs with their rows in this order.
    fn facts(calls: &[&str], hooks: &[&str]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a.csv"), folder.path().join("b.csv"));
        fs::write(&a, calls.join("\n")).unwrap();
        fs::write(&b, hooks.join("\n")).unwrap();
        let source = parquet::tests::source;
        let hooks = Source { name: "hooks".into(), log: Log::Webhooks, ..source(&b) };
        let config = Config { sources: vec![source(&a), hooks], ..Config::bare("") };
        let day = "2026-11-20".parse().unwrap();
        let facts = parquet::tests::facts(&config, day, 1, folder.path(), &Meter::default()).unwrap().facts;
        let told = |f: &super::Fact| {
            let (kind, caller) = (&facts.kinds()[f.kind as usize], &facts.callers()[f.caller as usize]);
            format!("{} {kind:?} {caller} {}", f.slot, f.events)
        };
        facts.rows().iter().map(told).collect()
    }

    #[test]
    fn which_of_two_copies_stays_does_not_hang_on_which_was_read_first() {
        let calls = [
            "ts,request_id,http_status,region,message_id,business_id",
            "2026-11-20T10:00:00Z,a,200,eu,m-1,b-1",
            "2026-11-20T10:00:00Z,a,200,eu,m-1,b-2",
        ];
        let hooks = [
            "ts,event_ts,webhook_id,business_id,region,attempt_no,outcome,http_status",
            "2026-11-20T10:00:00Z,2026-11-20T10:00:00Z,w-1,b-1,eu,1,http,200",
            "2026-11-20T10:00:00Z,2026-11-20T10:00:00Z,w-1,b-2,us,1,http,200",
            "2026-11-20T10:01:00Z,2026-11-20T10:01:00Z,w-2,b-1,eu,1,timeout,",
            "2026-11-20T10:01:00Z,2026-11-20T10:01:00Z,w-2,b-2,eu,1,timeout,",
        ];
        let want = facts(&calls, &hooks);
        assert_eq!(facts(&[calls[0], calls[2], calls[1]], &hooks), want);
        assert_eq!(facts(&calls, &[hooks[0], hooks[2], hooks[1], hooks[4], hooks[3]]), want);
    }
}
