//! Storage of a daybook: a folder with `daybook.json` and one Parquet file for each long list.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::folder::DaybookFolder;
use super::number_rows::{NumberRow, RowReader, damaged};
use super::row_writer::RowWriter;
use super::stored_items::open_items;
use super::version::{HEAD, read_version};
use super::{Daybook, RegionActivity};
use crate::day::{Day, SlotLength};
use crate::error::Trouble;
use crate::facts::latency::BUCKETS;
use crate::facts::{
    CallerLine, CallerSketch, DayTotals, DelayKind, Delays, Evidence, Fact, FieldLine, FileBalance,
    FileHours, Histogram, Kind, Latencies, Quarantined, RowRef, SourceRows, UnreadableWindow,
};
use crate::plain_file;

/// Version of the stored form; raised when an older reader could not understand a newer file.
///
/// Format 2 added the rows of each file by hour, format 3 the sixtieths of facts and the active
/// callers, format 4 calls without an answer and the correlations of messages without a call,
/// format 5 participants of groups, overheard and echoed messages, and fields of webhooks, format 6
/// lines that are no calls, and answers that were cut off; all are read. Format 7 is that of days
/// with several files of one kind of items, and of no others.
const DAYBOOK_FORMAT: u32 = 7;
const FORMAT_OF_WHOLE_FILES: u32 = 6;
/// Oldest format whose facts have sixtieths, and that has active callers.
const FIRST_WITH_SIXTIETHS: u32 = 3;

const FACTS: &str = "facts.parquet";
const EVIDENCE: &str = "evidence.parquet";
const LATENCIES: &str = "latencies.parquet";
const ACTIVE: &str = "active_callers.parquet";

/// The content of `daybook.json`: everything but the long lists.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    format: u32,
    day: Day,
    slot: SlotLength,
    is_joined: bool,
    salt: String,
    settings: String,
    lost: Vec<String>,
    kinds: Vec<Kind>,
    callers: Vec<String>,
    delays: Vec<Delay>,
    /// Service and region of each histogram, by the number that `latencies.parquet` has for them.
    latency_of: Vec<(String, String)>,
    /// Hours of `active_callers.parquet`, which has their sketches by the position here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    active: Vec<ActiveHour>,
    lanes: Vec<RegionActivity>,
    tally: DayTotals,
    files: Vec<FileBalance>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    file_hours: Vec<FileHours>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    source_rows: Vec<SourceRows>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldLine>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<UnreadableWindow>,
    quarantine: Vec<Quarantined>,
}

/// One histogram of delays: events by bucket.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Delay {
    measure: DelayKind,
    service: String,
    region: String,
    counts: Vec<(u32, i64)>,
}

/// A [`CallerLine`] without its sketch.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ActiveHour {
    hour: u32,
    service: String,
    region: String,
    events: i64,
    named: i64,
}

/// Writes a daybook without its items into a folder; `is_cut` says how these were written.
///
/// # Errors
/// [`Trouble::Io`] if a file cannot be written.
pub fn write(daybook: &Daybook, folder: &Path, is_cut: bool) -> Result<(), Trouble> {
    let columns = ["slot", "kind", "caller", "events", "sixtieths"];
    let mut facts = RowWriter::create(&folder.join(FACTS), false, columns, 1)?;
    for f in &daybook.facts {
        let key = [f.slot, f.kind, f.caller].map(i64::from);
        facts.push(NumberRow::without_id([key[0], key[1], key[2], f.events, f.sixtieths.cast_signed()]))?;
    }
    facts.close()?;
    let mut evidence = RowWriter::create(&folder.join(EVIDENCE), false, ["slot", "kind", "file", "row"], 1)?;
    for e in &daybook.evidence {
        for row in &e.rows {
            evidence.push(NumberRow::without_id([
                e.slot.into(),
                e.kind.into(),
                row.file.into(),
                row.row as i64,
            ]))?;
        }
    }
    evidence.close()?;

    let mut numbers: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for (_, service, region) in daybook.latencies.0.keys() {
        numbers.insert((service, region), 0);
    }
    numbers.values_mut().zip(0..).for_each(|(number, n)| *number = n);
    let mut latencies =
        RowWriter::create(&folder.join(LATENCIES), false, ["slot", "of", "bucket", "events"], 1)?;
    for ((slot, service, region), histogram) in &daybook.latencies.0 {
        let of = numbers[&(service.as_str(), region.as_str())];
        for (bucket, events) in histogram.counts() {
            latencies.push(NumberRow::without_id([(*slot).into(), of, bucket.into(), events]))?;
        }
    }
    latencies.close()?;
    let mut active = RowWriter::create(&folder.join(ACTIVE), false, ["of", "caller"], 1)?;
    for (of, line) in (0..).zip(&daybook.callers_by_hour) {
        for caller in line.sketch.hashes() {
            active.push(NumberRow::without_id([of, caller.cast_signed()]))?;
        }
    }
    active.close()?;

    let head = Head {
        format: if is_cut { DAYBOOK_FORMAT } else { FORMAT_OF_WHOLE_FILES },
        day: daybook.day,
        slot: daybook.slot_length,
        is_joined: daybook.is_joined,
        salt: daybook.salt.clone(),
        settings: daybook.settings.clone(),
        lost: daybook.lost.clone(),
        kinds: daybook.kinds.clone(),
        callers: daybook.callers.clone(),
        delays: (daybook.delays.0.iter())
            .map(|((measure, service, region), histogram)| Delay {
                measure: *measure,
                service: service.clone(),
                region: region.clone(),
                counts: histogram.counts().collect(),
            })
            .collect(),
        latency_of: numbers.keys().map(|(s, r)| ((*s).to_owned(), (*r).to_owned())).collect(),
        active: (daybook.callers_by_hour.iter())
            .map(|line| ActiveHour {
                hour: line.hour,
                service: line.service.clone(),
                region: line.region.clone(),
                events: line.events,
                named: line.named,
            })
            .collect(),
        lanes: daybook.lanes.clone(),
        tally: daybook.tally,
        files: daybook.files.clone(),
        file_hours: daybook.file_hours.clone(),
        source_rows: daybook.source_rows.clone(),
        fields: daybook.fields.clone(),
        unreadable: daybook.unreadable.clone(),
        quarantine: daybook.quarantine.clone(),
    };
    let path = folder.join(HEAD);
    let text = match serde_json::to_string(&head) {
        Ok(text) => text + "\n",
        Err(e) => unreachable!("strings and numbers always serialise: {e}"),
    };
    let written =
        File::create(&path).and_then(|mut f| f.write_all(text.as_bytes()).and_then(|()| f.sync_all()));
    written.map_err(|e| Trouble::io(&path, "writing", e))
}

fn read_head(folder: &DaybookFolder) -> Result<Head, Trouble> {
    let path = folder.file(HEAD)?;
    let format = read_version(folder)?;
    if format == 0 {
        return Err(damaged(&path, &"its format is 0, and formats begin with 1"));
    }
    if format > DAYBOOK_FORMAT {
        return Err(Trouble::Newer { path, format, newest: DAYBOOK_FORMAT });
    }
    let text = plain_file::read_to_string(&path).map_err(Trouble::of_stored)?;
    let head: Head = serde_json::from_str(&text).map_err(|e| damaged(&path, &e))?;
    let slots = head.lanes.iter().flat_map(|lane| lane.rows.iter().chain(&lane.admitted));
    if let Some((slot, _)) = slots.into_iter().find(|(slot, _)| *slot >= head.slot.per_day()) {
        return Err(damaged(&path, &format!("slot {slot} is beyond the day")));
    }
    Ok(head)
}

/// Reads the head alone: no facts, no evidence, no latencies.
///
/// # Errors
/// [`Trouble::Damaged`] with the path of the file: it is missing, or not as it was written.
pub fn head(folder: &DaybookFolder) -> Result<Daybook, Trouble> {
    Ok(Daybook::of(read_head(folder)?))
}

/// Reads the head and checks that the files of all items are as they were written.
///
/// # Errors
/// [`Trouble::Damaged`] with the path of the file: it is missing, or not as it was written.
pub fn check(folder: &DaybookFolder) -> Result<Daybook, Trouble> {
    let head = head(folder)?;
    open_items(folder)?;
    Ok(head)
}

/// Reads a daybook without its items.
///
/// # Errors
/// [`Trouble::Damaged`] with the path of the file: it is missing, or not as it was written.
pub fn read(folder: &DaybookFolder) -> Result<Daybook, Trouble> {
    let head = read_head(folder)?;
    let facts = if head.format < FIRST_WITH_SIXTIETHS {
        read_facts(folder, &head, |[slot, kind, caller, events]| ([slot, kind, caller], events, 0))?
    } else {
        let split = |[slot, kind, caller, events, set]: [i64; 5]| ([slot, kind, caller], events, set);
        read_facts(folder, &head, split)?
    };
    let path = folder.file(EVIDENCE)?;
    let mut evidence: Vec<Evidence> = Vec::new();
    for row in RowReader::open(&path, false)? {
        let [slot, kind, file, row] = row?.numbers;
        let slot = below(slot, head.slot.per_day() as usize, &path)?;
        let kind = below(kind, head.kinds.len(), &path)?;
        let row = RowRef { file: number(file, &path)?, row: number(row, &path)? };
        match evidence.last_mut().filter(|e| (e.slot, e.kind) == (slot, kind)) {
            Some(same) => same.rows.push(row),
            None => evidence.push(Evidence { slot, kind, rows: vec![row] }),
        }
    }
    let path = folder.file(LATENCIES)?;
    let mut latencies = Latencies::default();
    // Rows of one histogram are adjacent.
    let mut open: Option<((i64, i64), Histogram)> = None;
    let mut close = |((slot, of), histogram): ((i64, i64), Histogram)| {
        let of = head.latency_of.get(number::<usize>(of, &path)?);
        let (service, region) = of.ok_or_else(|| damaged(&path, &"it names a service that is not there"))?;
        let slot = below(slot, head.slot.per_day() as usize, &path)?;
        latencies.0.entry((slot, service.clone(), region.clone())).or_default().merge(&histogram);
        Ok::<(), Trouble>(())
    };
    for row in RowReader::open(&path, false)? {
        let [slot, of, bucket, events] = row?.numbers;
        if open.as_ref().is_none_or(|(key, _)| *key != (slot, of)) {
            open.replace(((slot, of), Histogram::default())).map_or(Ok(()), &mut close)?;
        }
        let bucket = below(bucket, BUCKETS as usize, &path)?;
        if let Some((_, histogram)) = &mut open {
            histogram.add(bucket, events);
        }
    }
    open.map_or(Ok(()), &mut close)?;
    let callers_by_hour = read_active(folder, &head)?;
    Ok(Daybook { callers_by_hour, facts, evidence, latencies, ..Daybook::of(head) })
}

/// Reads the facts; `split` makes key, events and sixtieths of a stored row.
fn read_facts<const N: usize>(
    folder: &DaybookFolder,
    head: &Head,
    split: impl Fn([i64; N]) -> ([i64; 3], i64, i64),
) -> Result<Vec<Fact>, Trouble> {
    let path = folder.file(FACTS)?;
    let fact = |row: Result<NumberRow<N>, Trouble>| {
        let ([slot, kind, caller], events, sixtieths) = split(row?.numbers);
        Ok(Fact {
            slot: below(slot, head.slot.per_day() as usize, &path)?,
            kind: below(kind, head.kinds.len(), &path)?,
            caller: below(caller, head.callers.len(), &path)?,
            events,
            sixtieths: number(sixtieths, &path)?,
        })
    };
    RowReader::open(&path, false)?.map(fact).collect()
}

/// Reads the active callers.
fn read_active(folder: &DaybookFolder, head: &Head) -> Result<Vec<CallerLine>, Trouble> {
    if head.format < FIRST_WITH_SIXTIETHS {
        return Ok(Vec::new());
    }
    let path = folder.file(ACTIVE)?;
    let mut callers: Vec<Vec<u64>> = vec![Vec::new(); head.active.len()];
    for row in RowReader::open(&path, false)? {
        let [of, caller] = row?.numbers;
        callers[below(of, head.active.len(), &path)? as usize].push(number(caller, &path)?);
    }
    let line = |(of, callers): (&ActiveHour, Vec<u64>)| CallerLine {
        hour: of.hour,
        service: of.service.clone(),
        region: of.region.clone(),
        events: of.events,
        named: of.named,
        sketch: CallerSketch::of(callers),
    };
    Ok(head.active.iter().zip(callers).map(line).collect())
}

impl Daybook {
    fn of(head: Head) -> Self {
        let mut delays = Delays::default();
        for Delay { measure, service, region, counts } in head.delays {
            let mut histogram = Histogram::default();
            for (bucket, n) in counts {
                histogram.add(bucket, n);
            }
            delays.0.insert((measure, service, region), histogram);
        }
        Self {
            day: head.day,
            slot_length: head.slot,
            is_joined: head.is_joined,
            salt: head.salt,
            settings: head.settings,
            lost: head.lost,
            kinds: head.kinds,
            callers: head.callers,
            callers_by_hour: Vec::new(),
            facts: Vec::new(),
            has_sixtieths: head.format >= FIRST_WITH_SIXTIETHS,
            evidence: Vec::new(),
            latencies: Latencies::default(),
            delays,
            lanes: head.lanes,
            tally: head.tally,
            files: head.files,
            file_hours: head.file_hours,
            source_rows: head.source_rows,
            fields: head.fields,
            unreadable: head.unreadable,
            quarantine: head.quarantine,
        }
    }
}

/// Checks that a stored index is below the length of the list that it points into.
fn below(n: i64, limit: usize, path: &Path) -> Result<u32, Trouble> {
    let number: u32 = number(n, path)?;
    if number as usize >= limit {
        return Err(damaged(path, &format!("{n} is out of range, there are {limit}")));
    }
    Ok(number)
}

fn number<T: TryFrom<i64>>(n: i64, path: &Path) -> Result<T, Trouble> {
    T::try_from(n).map_err(|_| damaged(path, &format!("{n} is out of range")))
}
