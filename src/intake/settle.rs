//! Settle: the workers' books become one. Duplicates are found and taken back, numbers become names.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use hashbrown::{HashMap, HashSet};

use super::balance::FileBalance;
use super::book::{Book, Place, Tally, Witnesses};
use super::dedupe::{self, PARTITIONS, Record};
use super::engine::{Pass, Settings};
use super::files::{LogFile, Role};
use super::quarantine::{KEPT_PER_FILE, Quarantined};
use super::{Evidence, Fact, Facts, Histogram, Intake, Kind, Latencies, Receipt, RowRef};
use crate::config::Source;
use crate::error::Trouble;

type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Facts of all workers under one numbering.
struct Merged {
    kinds: Vec<Kind>,
    callers: Vec<String>,
    /// (slot, kind, caller); the first numbers belong to rows outside the day.
    facts: Vec<(u32, u32, u32)>,
    events: Vec<i64>,
    /// Per worker: its fact to ours.
    of_worker: Vec<Vec<u32>>,
    /// Per worker: its shape to our kind.
    kind_of: Vec<Vec<u32>>,
}

/// Merges, dedupes and names what a pass has counted.
///
/// # Errors
/// Spilled records cannot be read back.
pub fn settle(
    pass: &Pass,
    files: &[LogFile],
    sources: &[Source],
    settings: Settings<'_>,
) -> Result<Intake, Trouble> {
    let mut merged = merge(pass);
    let surplus = find_duplicates(pass, &merged, settings)?;
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

    let evidence = evidence(pass, &merged, &surplus.misled);
    let rows = merged
        .facts
        .iter()
        .zip(&merged.events)
        .skip(Record::OUTSIDE as usize)
        .map(|((slot, kind, caller), events)| Fact {
            slot: *slot,
            kind: *kind,
            caller: *caller,
            events: *events,
        })
        .collect();
    let facts =
        Facts::new(settings.day, settings.slot_length, &merged.kinds, &merged.callers, rows, evidence)
            .map_err(|e| Trouble::Imbalance(format!("the facts do not fit a frame: {e}")))?;

    let mut balances = Vec::new();
    let mut quarantine = Vec::new();
    let mut unseen: BTreeMap<(usize, String), bool> = BTreeMap::new();
    for (n, file) in files.iter().enumerate() {
        let n = n as u32;
        let tallies: Vec<&Tally> = pass.books.iter().map(|b| b.tally(n)).collect();
        let duplicate = surplus.files.get(&n).copied().unwrap_or(0);
        let failure = pass.failures.get(&n).cloned();
        let sum =
            |f: fn(&Tally) -> u64| if failure.is_some() { 0 } else { tallies.iter().map(|t| f(t)).sum() };
        balances.push(FileBalance {
            path: file.shown.clone(),
            source: sources[file.source].name.clone(),
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
        if tallies.iter().any(|t| t.accepted > 0) {
            let seen = tallies.iter().fold(0, |seen, t| seen | t.seen);
            for entry in pass.desks[pass.desk_of[n as usize]].mapping.expected() {
                let is_seen = unseen.entry((file.source, entry.name.clone())).or_insert(false);
                *is_seen |= seen & (1 << entry.field) != 0;
            }
        }
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
    let unseen_columns = unseen
        .into_iter()
        .filter(|(_, is_seen)| !is_seen)
        .map(|((source, name), _)| (sources[source].name.clone(), name))
        .collect();
    let spilled_bytes = pass.books.iter().map(|b| b.partitions.spilled()).sum();
    Ok(Intake {
        facts,
        receipt: Receipt { latencies, files: balances, quarantine, unseen_columns, spilled_bytes },
    })
}

/// Line of the file: a row in a chunk plus the lines of the chunks before.
fn line(pass: &Pass, place: &Place) -> u64 {
    pass.chunk_lines.range((place.file, 0)..(place.file, place.chunk)).map(|(_, lines)| lines).sum::<u64>()
        + place.row
}

fn merge(pass: &Pass) -> Merged {
    let mut kind_ids: Map<Kind, u32> = Map::default();
    let mut caller_ids: Map<String, u32> = Map::default();
    let mut fact_ids: Map<(u32, u32, u32), u32> = Map::default();
    let mut merged = Merged {
        kinds: Vec::new(),
        callers: Vec::new(),
        facts: Vec::new(),
        events: Vec::new(),
        of_worker: Vec::new(),
        kind_of: Vec::new(),
    };
    merged.facts.resize(Record::OUTSIDE as usize, (0, 0, 0));
    merged.events.resize(Record::OUTSIDE as usize, 0);
    for book in &pass.books {
        let kinds: Vec<u32> = book
            .shape_list
            .iter()
            .map(|shape| {
                let kind = shape.kind(&pass.desks, &book.names);
                *kind_ids.entry(kind).or_insert_with_key(|kind| {
                    merged.kinds.push(kind.clone());
                    (merged.kinds.len() - 1) as u32
                })
            })
            .collect();
        let mut callers: Map<u32, u32> = Map::default();
        let mut of_worker: Vec<u32> = (0..Record::OUTSIDE).collect();
        for (fact, events) in book.facts.iter().zip(&book.events).skip(Record::OUTSIDE as usize) {
            let caller = *callers.entry(fact.caller).or_insert_with(|| {
                let name = book.names.callers.text(fact.caller);
                *caller_ids.entry(name.to_owned()).or_insert_with(|| {
                    merged.callers.push(name.to_owned());
                    (merged.callers.len() - 1) as u32
                })
            });
            let key = (fact.slot, kinds[fact.shape as usize], caller);
            let id = *fact_ids.entry(key).or_insert_with(|| {
                merged.facts.push(key);
                merged.events.push(0);
                (merged.facts.len() - 1) as u32
            });
            merged.events[id as usize] += events;
            of_worker.push(id);
        }
        merged.of_worker.push(of_worker);
        merged.kind_of.push(kinds);
    }
    merged
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

fn find_duplicates(pass: &Pass, merged: &Merged, settings: Settings<'_>) -> Result<Surplus, Trouble> {
    let next = AtomicUsize::new(0);
    let witnesses: HashSet<u64> = pass
        .books
        .iter()
        .flat_map(|b| b.witnesses.values())
        .flat_map(|w| w.iter().map(|w| w.hash).collect::<Vec<_>>())
        .collect();
    let work = || -> Result<Surplus, Trouble> {
        let mut surplus = Surplus::default();
        let mut records = Vec::new();
        loop {
            let at = next.fetch_add(1, Relaxed);
            if at >= PARTITIONS {
                return Ok(surplus);
            }
            records.clear();
            for (book, of_worker) in pass.books.iter().zip(&merged.of_worker) {
                book.partitions.read(at, settings.spill, |r| {
                    records.push(Record { fact: of_worker[r.fact as usize], ..r });
                })?;
            }
            dedupe::settle(
                &records,
                |a, b| outranks(merged, a, b),
                |loser, winner| {
                    // A copy outside the day is booked as such already.
                    if loser.fact >= Record::OUTSIDE {
                        surplus.take(loser, winner, merged, &witnesses);
                    }
                },
            );
        }
    };
    let workers = settings.workers.clamp(1, PARTITIONS);
    let results: Vec<Result<Surplus, Trouble>> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        handles
            .into_iter()
            .map(|h| h.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let mut all = Surplus::default();
    for surplus in results {
        all.merge(surplus?);
    }
    Ok(all)
}

/// Which of two copies counts: inner vantage, then time, then content, then file, so that order of reading is no part of it.
fn outranks(merged: &Merged, a: &Record, b: &Record) -> Ordering {
    if a.fact == b.fact {
        return (a.offset_us, a.latency, a.file).cmp(&(b.offset_us, b.latency, b.file));
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
        .then((a.latency, a.file).cmp(&(b.latency, b.file)))
}

fn latencies(books: &[Book]) -> Latencies {
    let mut all = Latencies::default();
    for book in books {
        for ((slot, service, region), cell) in book.latencies() {
            let name =
                (slot, book.names.services.text(service).into(), book.names.regions.text(region).into());
            let histogram: &mut Histogram = all.0.entry(name).or_default();
            for (bucket, n) in cell.counts() {
                histogram.add(bucket, n);
            }
        }
    }
    all
}

fn evidence(pass: &Pass, merged: &Merged, misled: &HashSet<(u64, u32, u32)>) -> Vec<Evidence> {
    let mut witnesses: BTreeMap<(u32, u32), Witnesses> = BTreeMap::new();
    for (book, kinds) in pass.books.iter().zip(&merged.kind_of) {
        for ((slot, shape), seen) in &book.witnesses {
            let all = witnesses.entry((*slot, kinds[*shape as usize])).or_default();
            seen.iter().for_each(|witness| all.add(witness));
        }
    }
    let mut all = Vec::new();
    for ((slot, kind), seen) in witnesses {
        let mut seen: Vec<_> = seen.iter().filter(|w| !misled.contains(&(w.hash, slot, kind))).collect();
        seen.sort_unstable();
        let rows: Vec<RowRef> =
            seen.iter().map(|w| RowRef { file: w.place.file, row: line(pass, &w.place) }).collect();
        if !rows.is_empty() {
            all.push(Evidence { slot, kind, rows });
        }
    }
    all
}
