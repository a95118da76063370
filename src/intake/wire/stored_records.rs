//! Stored records: the records of one section of an object, taken partition by partition.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::object::{ObjectReader, ObjectWriter, Section, SectionPart};
use super::record_blocks::{pack, unpack};
use crate::error::Trouble;
use crate::intake::pass::settings::PassSettings;
use crate::intake::records::message_records::AdmissionRecord;
use crate::intake::records::partition_bits::PartitionBits;
use crate::intake::records::partitions::Partitions;
use crate::intake::records::record_sets::{AnyRecords, RecordSource, Records};

/// Bytes of records per part, about: a reader holds one part at a time.
const PART: usize = 1 << 20;

/// Sections of the sets of records, in the order of [`Records`].
const SECTIONS: [Section; Records::SETS] =
    [Section::Calls, Section::Admitted, Section::Statuses, Section::Attempts];

/// The records of one section.
#[derive(Debug)]
struct StoredRecords {
    object: Arc<ObjectReader>,
    width: usize,
    /// By partition.
    parts: BTreeMap<usize, Vec<SectionPart>>,
}

impl RecordSource for StoredRecords {
    fn take(&self, at: usize, _: &Path, out: &mut dyn FnMut(&[u8])) -> Result<(), Trouble> {
        let mut records = Vec::new();
        for part in self.parts.get(&at).into_iter().flatten() {
            let block = self.object.read(part)?;
            unpack(&block, self.width, part.records as usize, &mut records)
                .map_err(|why| self.object.broken(why))?;
            out(&records);
        }
        Ok(())
    }

    fn spilled(&self) -> u64 {
        0
    }
}

/// Forgets all partitions of an object but some.
fn keep(
    mut object: ObjectReader,
    bits: PartitionBits,
    partitions: &Range<usize>,
) -> Result<Arc<ObjectReader>, Trouble> {
    let sections = SECTIONS.iter().flat_map(|section| object.parts(*section));
    if let Some(part) = sections.into_iter().find(|part| part.partition as usize >= bits.partitions()) {
        let why = format!("a part is of partition {}, there are {}", part.partition, bits.partitions());
        return Err(object.broken(why));
    }
    object.keep(partitions);
    Ok(Arc::new(object))
}

/// Opens one section of an object.
fn section(object: &Arc<ObjectReader>, section: Section, width: usize) -> Box<dyn RecordSource> {
    let mut parts: BTreeMap<usize, Vec<SectionPart>> = BTreeMap::new();
    for part in object.parts(section) {
        parts.entry(part.partition as usize).or_default().push(part.clone());
    }
    Box::new(StoredRecords { object: object.clone(), width, parts })
}

/// Opens some partitions of all sets of records of a map task.
///
/// # Errors
/// [`Trouble::BrokenExchange`]: a part names a partition that there is not.
pub fn records(
    object: ObjectReader,
    is_joined: bool,
    bits: PartitionBits,
    partitions: &Range<usize>,
) -> Result<AnyRecords, Trouble> {
    let object = keep(object, bits, partitions)?;
    let widths = Records::widths(is_joined);
    let set = |at: usize| section(&object, SECTIONS[at], widths[at]);
    Ok(Records { calls: set(0), admitted: set(1), statuses: set(2), attempts: set(3) })
}

/// Opens some partitions of the calls that a task of dedupe left for the join.
///
/// # Errors
/// As for [`records`].
pub fn admitted(
    object: ObjectReader,
    bits: PartitionBits,
    partitions: &Range<usize>,
) -> Result<Box<dyn RecordSource>, Trouble> {
    Ok(section(&keep(object, bits, partitions)?, Section::Admitted, AdmissionRecord::BYTES))
}

/// Writes a set of records, partition by partition.
fn write<W: std::io::Write>(
    object: &mut ObjectWriter<W>,
    name: &Path,
    (section, width): (Section, usize),
    sets: &[&dyn RecordSource],
    settings: &PassSettings<'_>,
) -> Result<(), Trouble> {
    let (mut records, mut block) = (Vec::with_capacity(PART), Vec::new());
    for at in 0..settings.partition_bits.partitions() {
        let mut failure = Ok(());
        let mut flush = |records: &mut Vec<u8>| {
            pack(records, width, &mut block);
            let count = (records.len() / width) as u64;
            records.clear();
            object.part(section, at as u32, count, &block)
        };
        for set in sets {
            set.take(at, settings.spill, &mut |bytes| {
                records.extend_from_slice(bytes);
                if records.len() >= PART && failure.is_ok() {
                    failure = flush(&mut records);
                }
            })?;
        }
        if !records.is_empty() && failure.is_ok() {
            failure = flush(&mut records);
        }
        failure.map_err(|e| Trouble::io(name, "writing an object of the exchange", e))?;
    }
    Ok(())
}

/// Writes all sets of records of a map task.
///
/// # Errors
/// Records cannot be read back, or the object cannot be written; `name` is that of the object.
pub fn write_all<W: std::io::Write>(
    object: &mut ObjectWriter<W>,
    name: &Path,
    records: &Records,
    settings: &PassSettings<'_>,
) -> Result<(), Trouble> {
    let widths = Records::widths(settings.is_joined);
    for (at, set) in records.all().into_iter().enumerate() {
        write(object, name, (SECTIONS[at], widths[at]), &[set], settings)?;
    }
    Ok(())
}

/// Writes the calls that a task of dedupe leaves for the join.
///
/// # Errors
/// As for [`write_all`].
pub fn write_admitted<W: std::io::Write>(
    object: &mut ObjectWriter<W>,
    name: &Path,
    survivors: &[Partitions],
    settings: &PassSettings<'_>,
) -> Result<(), Trouble> {
    let survivors: Vec<&dyn RecordSource> = survivors.iter().map(|set| set as &dyn RecordSource).collect();
    write(object, name, (Section::Admitted, AdmissionRecord::BYTES), &survivors, settings)
}
