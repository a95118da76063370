//! Settle: the workers' books become the daybook of one day. Duplicates are found and taken back, numbers become names,
//! messages and notifications are joined.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use hashbrown::{HashMap, HashSet};

use crate::config::{Field, From, Log, Source};
use crate::daybook::{self, Daybook};
use crate::error::Trouble;
use crate::facts::ids::Salt;
use crate::facts::latency::{Histogram, Latencies};
use crate::facts::receipt::FileBalance;
use crate::facts::{Evidence, Fact, RowRef};
use crate::intake::counting::evidence::{Place, Witnesses};
use crate::intake::counting::quarantine::{KEPT_PER_FILE, Quarantined};
use crate::intake::counting::worker_counts::{Book, Tally};
use crate::intake::files::content_hash::Whole;
use crate::intake::files::find::{LogFile, Role};
use crate::intake::pass::{Pass, Settings};
use crate::intake::records::call_record::{self, Record};
use crate::intake::records::message_records::Admission;
use crate::intake::records::partitions::{PARTITIONS, Partitions};
use crate::intake::rows::interner::Names;
use crate::intake::workers;
use super::correlate;
use super::merge::{Merged, merge};

pub type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// So many messages without a single status are no chance.
const MIN_MESSAGES: u64 = 20;

/// What a reading of the logs leaves to say beside the daybook.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    /// Names under `[source.columns]` that no row of their source has, by source: most likely misspelt.
    pub unseen_columns: Vec<(String, String)>,
    /// Records of dedupe and join that went to disk, in bytes.
    pub spilled_bytes: u64,
    /// Files as they were when they were read, by the paths that reports show.
    pub wholes: BTreeMap<String, Whole>,
}

/// Merges, dedupes, joins and names what a pass has counted, and writes it down in `folder`.
///
/// # Errors
/// Spilled records cannot be read back, or the folder cannot be written to.
pub fn settle(
    pass: &Pass,
    files: &[LogFile],
    sources: &[Source],
    settings: &Settings<'_>,
    salt: &Salt,
    folder: &Path,
) -> Result<(Daybook, Notes), Trouble> {
    let mut merged = merge(pass, salt, settings.is_joined);
    let (surplus, survivors) = find_duplicates(pass, &merged, settings)?;
    for (fact, n) in &surplus.events {
        merged.events[*fact as usize] -= n;
    }
    let mut latencies = latencies(&pass.books);
    for ((fact, bucket), n) in &surplus.latency {
        let (slot, kind, _) = merged.facts[*fact as usize];
        let kind = &merged.kinds[kind as usize];
        let key = (slot, kind.service.clone(), kind.region.clone());
        if let Some(histogram) = latencies.0.get_mut(&key) {
            histogram.add(u32::from(*bucket), -n);
        }
    }
    latencies.0.retain(|_, h| h.events() > 0);

    let survivors_spilled: u64 = survivors.iter().map(Partitions::spilled).sum();
    let carried = correlate::carry(pass, &merged, &survivors, settings, folder)?;
    let rank = &merged.rank;
    let evidence = evidence(pass, &merged, &surplus.misled);
    let mut facts: Vec<Fact> = Vec::with_capacity(merged.facts.len() + carried.facts.len());
    let booked = (merged.facts.iter().zip(&merged.events).enumerate())
        .skip(Record::OUTSIDE as usize)
        .map(|(at, ((slot, kind, caller), events))| Fact {
            slot: *slot,
            kind: rank.kinds[*kind as usize],
            caller: rank.callers[*caller as usize],
            events: events - carried.moved.get(&(at as u32)).copied().unwrap_or(0),
        })
        .chain(carried.facts.iter().copied());
    facts.extend(booked.filter(|fact| fact.events != 0));
    facts.sort_unstable();
    facts.dedup_by(|next, kept| {
        let same = (next.slot, next.kind, next.caller) == (kept.slot, kept.kind, kept.caller);
        if same {
            kept.events += next.events;
        }
        same
    });

    let mut duplicates = surplus.files;
    carried.duplicates.iter().for_each(|(file, n)| *duplicates.entry(*file).or_default() += n);
    let (balances, quarantine) = balances(pass, files, sources, &duplicates);
    let accepted = |log: &str| balances.iter().filter(|f| f.log == log).map(|f| f.accepted).sum::<u64>();
    let mut tally = carried.tally;
    (tally.calls, tally.attempts) = (accepted("requests"), accepted("webhooks"));
    if carried.attempts != tally.attempts {
        return Err(Trouble::Imbalance(format!(
            "{}: {} webhook rows accepted, {} attempts in the notifications",
            settings.day, tally.attempts, carried.attempts
        )));
    }
    let mut lost = lost(pass, files, sources);
    // Not one status of not one message: the two logs do not fit each other, or one of them is not what it seems.
    if tally.messages_told == 0 && tally.messages_open >= MIN_MESSAGES {
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
        facts,
        evidence,
        latencies,
        delays: carried.delays,
        lanes: carried.lanes,
        tally,
        files: balances,
        quarantine,
    };
    daybook::write(&daybook, folder)?;
    let sets = pass.books.iter().flat_map(|b| [&b.calls, &b.admitted, &b.statuses, &b.attempts]);
    let spilled_bytes = sets.map(Partitions::spilled).sum::<u64>() + survivors_spilled;
    let wholes =
        pass.wholes.iter().map(|(n, whole)| (files[*n as usize].shown.clone(), whole.clone())).collect();
    Ok((daybook, Notes { unseen_columns: unseen_columns(pass, files, sources), spilled_bytes, wholes }))
}

fn balances(
    pass: &Pass,
    files: &[LogFile],
    sources: &[Source],
    duplicates: &Map<u32, u64>,
) -> (Vec<FileBalance>, Vec<Quarantined>) {
    let mut balances = Vec::new();
    let mut quarantine = Vec::new();
    for (n, file) in files.iter().enumerate() {
        let n = n as u32;
        let tallies: Vec<&Tally> = pass.books.iter().map(|b| b.tally(n)).collect();
        let duplicate = duplicates.get(&n).copied().unwrap_or(0);
        let failure = pass.failures.get(&n).cloned();
        let sum =
            |f: fn(&Tally) -> u64| if failure.is_some() { 0 } else { tallies.iter().map(|t| f(t)).sum() };
        balances.push(FileBalance {
            path: file.shown.clone(),
            source: sources[file.source].name.clone(),
            log: sources[file.source].log.name().to_owned(),
            role: file.role.name().to_owned(),
            format: pass.formats[n as usize].clone(),
            bytes: file.bytes,
            rows_read: sum(|t| t.rows_read),
            accepted: sum(|t| t.accepted) - duplicate,
            duplicate,
            outside: sum(|t| t.outside),
            quarantine: sum(|t| t.quarantine),
            first_ts_us: tallies.iter().filter_map(|t| t.first_us).min(),
            last_ts_us: tallies.iter().filter_map(|t| t.last_us).max(),
            failure,
        });
        // Rows of a neighbour's file are listed with that file's own day.
        if file.role != Role::Own {
            continue;
        }
        let mut bad_rows: Vec<_> = tallies.iter().flat_map(|t| &t.bad_rows).collect();
        bad_rows.sort();
        for (place, reason, excerpt) in bad_rows.into_iter().take(KEPT_PER_FILE) {
            quarantine.push(Quarantined {
                file: file.shown.clone(),
                line: line(pass, place),
                reason: reason.clone(),
                excerpt: excerpt.clone(),
            });
        }
    }
    quarantine.sort();
    (balances, quarantine)
}

/// Regions whose webhook logs of the day were not there or could not be read, as far as paths tell regions.
fn lost(pass: &Pass, files: &[LogFile], sources: &[Source]) -> Vec<String> {
    let mut lost = std::collections::BTreeSet::new();
    for (n, source) in sources.iter().enumerate().filter(|(_, source)| source.log == Log::Webhooks) {
        let own = files.iter().enumerate().filter(|(_, f)| f.source == n && f.role == Role::Own);
        if own.clone().next().is_none() {
            lost.insert("*".to_owned());
        }
        for (_, file) in own.filter(|(at, _)| pass.failures.contains_key(&(*at as u32))) {
            let region = file.constants.iter().find(|(field, _)| *field == Field::Region);
            let fixed = source.columns.iter().find(|c| c.field == Field::Region).map(|c| &c.from);
            lost.insert(match (fixed, region) {
                (Some(From::Value(region)), _) => region.clone(),
                (None, Some((_, region))) => region.clone(),
                _ => "*".to_owned(),
            });
        }
    }
    lost.into_iter().collect()
}

fn unseen_columns(pass: &Pass, files: &[LogFile], sources: &[Source]) -> Vec<(String, String)> {
    let mut unseen: BTreeMap<(usize, String), bool> = BTreeMap::new();
    for (n, file) in files.iter().enumerate() {
        let tallies: Vec<&Tally> = pass.books.iter().map(|b| b.tally(n as u32)).collect();
        if tallies.iter().any(|t| t.accepted > 0) {
            let seen = tallies.iter().fold(0, |seen, t| seen | t.seen);
            for entry in pass.desks[pass.desk_of[n]].mapping.expected() {
                let is_seen = unseen.entry((file.source, entry.name.clone())).or_insert(false);
                *is_seen |= seen & (1 << entry.field) != 0;
            }
        }
    }
    let unseen = unseen.into_iter().filter(|(_, is_seen)| !is_seen);
    unseen.map(|((source, name), _)| (sources[source].name.clone(), name)).collect()
}

/// Line of the file: a row in a chunk plus the lines of the chunks before.
fn line(pass: &Pass, place: &Place) -> u64 {
    pass.chunk_lines.range((place.file, 0)..(place.file, place.chunk)).map(|(_, lines)| lines).sum::<u64>()
        + place.row
}

/// What surplus copies must take back, added up.
#[derive(Default)]
struct Surplus {
    events: Map<u32, i64>,
    files: Map<u32, u64>,
    /// By fact and bucket.
    latency: Map<(u32, u16), i64>,
    /// Witnesses whose event went elsewhere: id, slot and kind that lost it.
    misled: HashSet<(u64, u32, u32)>,
}

impl Surplus {
    fn take(&mut self, loser: &Record, winner: &Record, merged: &Merged, witnesses: &HashSet<u64>) {
        *self.events.entry(loser.fact).or_default() += 1;
        *self.files.entry(loser.file).or_default() += 1;
        if loser.latency != Record::NO_LATENCY {
            *self.latency.entry((loser.fact, loser.latency)).or_default() += 1;
        }
        let id = loser.hash as u64;
        let place = |record: &Record| {
            let (slot, kind, _) = merged.facts[record.fact as usize];
            (record.fact >= Record::OUTSIDE).then_some((slot, kind))
        };
        if let Some((slot, kind)) = place(loser)
            && place(winner) != place(loser)
            && witnesses.contains(&id)
        {
            self.misled.insert((id, slot, kind));
        }
    }

    fn merge(&mut self, other: Self) {
        other.events.into_iter().for_each(|(fact, n)| *self.events.entry(fact).or_default() += n);
        other.files.into_iter().for_each(|(file, n)| *self.files.entry(file).or_default() += n);
        other.latency.into_iter().for_each(|(key, n)| *self.latency.entry(key).or_default() += n);
        self.misled.extend(other.misled);
    }
}

/// Surplus copies, and of the calls that are left those that admitted a message, handed on to the join.
fn find_duplicates(
    pass: &Pass,
    merged: &Merged,
    settings: &Settings<'_>,
) -> Result<(Surplus, Vec<Partitions>), Trouble> {
    let next = AtomicUsize::new(0);
    let mut witnesses = HashSet::with_capacity(pass.books.iter().map(|book| book.witnesses.len()).sum());
    for seen in pass.books.iter().flat_map(|book| book.witnesses.values()) {
        witnesses.extend(seen.iter().map(|witness| witness.hash));
    }
    let count = settings.workers.clamp(1, PARTITIONS);
    let width = if settings.is_joined { Record::WIDE } else { Record::NARROW };
    let work = || -> Result<(Surplus, Partitions), Trouble> {
        let mut surplus = Surplus::default();
        let mut admitted = Partitions::new(Admission::BYTES, &pass.budget);
        let mut rows = Rows { merged, width, bytes: Vec::new(), ends: Vec::new() };
        let (mut hashes, mut lost) = (Vec::new(), Vec::new());
        loop {
            let at = next.fetch_add(1, Relaxed);
            if at >= PARTITIONS {
                return Ok((surplus, admitted));
            }
            rows.take(pass, at, settings)?;
            hashes.clear();
            hashes.extend(rows.bytes.chunks_exact(width).map(call_record::hash_of));
            lost.clear();
            lost.resize(hashes.len(), false);
            call_record::settle(
                &hashes,
                |a, b| outranks(merged, &rows.record(a), &rows.record(b)),
                |loser, winner| {
                    lost[loser] = true;
                    let (loser, winner) = (rows.record(loser), rows.record(winner));
                    // A copy outside the day is booked as such already.
                    if loser.fact >= Record::OUTSIDE {
                        surplus.take(&loser, &winner, merged, &witnesses);
                    }
                },
            );
            if settings.is_joined {
                let left = rows.records().zip(&lost).filter(|(_, is_lost)| !**is_lost).map(|(call, _)| call);
                for call in left.filter(|call| call.message != 0 && call.fact >= Record::OUTSIDE) {
                    let Record { message: id, offset_us, fact, caller, .. } = call;
                    Admission { id, offset_us, fact, caller }.push(&mut admitted, settings.spill)?;
                }
            }
        }
    };
    let mut all = Surplus::default();
    let mut survivors = Vec::new();
    for result in workers::run(count, work) {
        let (surplus, admitted) = result?;
        all.merge(surplus);
        survivors.push(admitted);
    }
    Ok((all, survivors))
}

/// The calls of one partition, packed as they came.
struct Rows<'a> {
    merged: &'a Merged,
    width: usize,
    bytes: Vec<u8>,
    /// By worker: where its calls end.
    ends: Vec<usize>,
}

impl Rows<'_> {
    fn take(&mut self, pass: &Pass, at: usize, settings: &Settings<'_>) -> Result<(), Trouble> {
        self.bytes.clear();
        self.ends.clear();
        for book in &pass.books {
            book.calls.take(at, settings.spill, |bytes| self.bytes.extend_from_slice(bytes))?;
            self.ends.push(self.bytes.len());
        }
        Ok(())
    }

    /// A record in the numbers of all workers.
    fn record(&self, n: usize) -> Record {
        let begin = n * self.width;
        let worker = self.ends.iter().position(|end| begin < *end).unwrap_or_default();
        self.unpack(worker, &self.bytes[begin..begin + self.width])
    }

    fn records(&self) -> impl Iterator<Item = Record> {
        let begins = std::iter::once(&0).chain(&self.ends);
        begins.zip(&self.ends).enumerate().flat_map(move |(worker, (begin, end))| {
            self.bytes[*begin..*end].chunks_exact(self.width).map(move |bytes| self.unpack(worker, bytes))
        })
    }

    fn unpack(&self, worker: usize, bytes: &[u8]) -> Record {
        let record = Record::unpack(bytes);
        Record {
            fact: self.merged.of_worker[worker][record.fact as usize],
            caller: self.merged.caller(worker, record.caller),
            ..record
        }
    }
}

/// Which of two copies counts: inner vantage, then time, then content, then file, so that order of reading is no part of it.
fn outranks(merged: &Merged, a: &Record, b: &Record) -> Ordering {
    let tail = |r: &Record| (r.latency, r.message, r.file, &merged.callers[r.caller as usize]);
    if a.fact == b.fact {
        return (a.offset_us, tail(a)).cmp(&(b.offset_us, tail(b)));
    }
    let rank = |r: &Record| match merged.facts[r.fact as usize] {
        _ if r.fact < Record::OUTSIDE => r.fact,
        (_, kind, _) => merged.kinds[kind as usize].vantage.rank(),
    };
    let content = |r: &Record| match merged.facts[r.fact as usize] {
        _ if r.fact < Record::OUTSIDE => None,
        (_, kind, caller) => Some((&merged.kinds[kind as usize], &merged.callers[caller as usize])),
    };
    rank(a)
        .cmp(&rank(b))
        .then(a.offset_us.cmp(&b.offset_us))
        .then_with(|| content(a).cmp(&content(b)))
        .then(tail(a).cmp(&tail(b)))
}

fn latencies(books: &[Book]) -> Latencies {
    // Names are compared once, and then their places among all.
    let names = |of: fn(&Book) -> &Names| {
        let all: BTreeSet<&str> = books.iter().flat_map(|book| of(book).all().iter().map(|n| &**n)).collect();
        let all: Vec<&str> = all.into_iter().collect();
        let rank = |name: &str| all.binary_search(&name).unwrap_or_default();
        let ranks: Vec<Vec<usize>> =
            books.iter().map(|book| of(book).all().iter().map(|name| rank(name)).collect()).collect();
        (all, ranks)
    };
    let (services, service_of) = names(|book| &book.names.services);
    let (regions, region_of) = names(|book| &book.names.regions);
    let mut cells = Vec::new();
    for (n, book) in books.iter().enumerate() {
        cells.extend(book.latencies().map(|((slot, service, region), cell)| {
            ((slot, service_of[n][service as usize], region_of[n][region as usize]), cell)
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

fn evidence(pass: &Pass, merged: &Merged, misled: &HashSet<(u64, u32, u32)>) -> Vec<Evidence> {
    let mut seen = Vec::new();
    for (book, kinds) in pass.books.iter().zip(&merged.kind_of) {
        for ((slot, shape), witnesses) in &book.witnesses {
            let key = (*slot, kinds[*shape as usize]);
            seen.extend(witnesses.iter().map(|witness| (key, witness)));
        }
    }
    seen.sort_unstable_by_key(|(key, _)| *key);
    let mut all = Vec::new();
    for same in seen.chunk_by(|a, b| a.0 == b.0) {
        let (slot, kind) = same[0].0;
        // The first of all workers, and of these who was not found to belong elsewhere.
        let mut first = Witnesses::default();
        for (_, witness) in same {
            first.add(*witness);
        }
        let mut first: Vec<_> = first.iter().filter(|w| !misled.contains(&(w.hash, slot, kind))).collect();
        first.sort_unstable();
        let rows: Vec<RowRef> =
            first.iter().map(|w| RowRef { file: w.place.file, row: line(pass, &w.place) }).collect();
        if !rows.is_empty() {
            all.push(Evidence { slot, kind: merged.rank.kinds[kind as usize], rows });
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

    /// The facts of a day in words, of logs whose rows stand in this order.
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
