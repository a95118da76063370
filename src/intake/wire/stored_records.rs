//! Stored records: the records of one section of an object, taken partition by partition.

use std::path::Path;
use std::sync::Arc;

use super::object::{ObjectReader, ObjectWriter, Section, SectionPart};
use super::record_blocks::{pack, unpack};
use crate::error::Trouble;
use crate::intake::records::partitions::PARTITIONS;
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
    parts: Vec<Vec<SectionPart>>,
}

impl RecordSource for StoredRecords {
    fn take(&self, at: usize, _: &Path, out: &mut dyn FnMut(&[u8])) -> Result<(), Trouble> {
        let mut records = Vec::new();
        for part in &self.parts[at] {
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

/// Returns the records of one section of an object.
///
/// # Errors
/// [`Trouble::BrokenExchange`]: a part names a partition that there is not.
pub fn section(
    object: &Arc<ObjectReader>,
    section: Section,
    width: usize,
) -> Result<Box<dyn RecordSource>, Trouble> {
    let mut parts = vec![Vec::new(); PARTITIONS];
    for part in object.parts(section) {
        let of_partition = parts.get_mut(part.partition as usize);
        let of_partition = of_partition.ok_or_else(|| object.broken("a part is of no partition"))?;
        of_partition.push(part.clone());
    }
    Ok(Box::new(StoredRecords { object: object.clone(), width, parts }))
}

/// Returns all sets of records of an object; those that it does not have are empty.
///
/// # Errors
/// As for [`section`].
pub fn records(object: &Arc<ObjectReader>, is_joined: bool) -> Result<AnyRecords, Trouble> {
    let widths = Records::widths(is_joined);
    let set = |at: usize| section(object, SECTIONS[at], widths[at]);
    Ok(Records { calls: set(0)?, admitted: set(1)?, statuses: set(2)?, attempts: set(3)? })
}

/// Writes a set of records, partition by partition; `spill` names the folder of spilled ones.
///
/// # Errors
/// Records cannot be read back, or the object cannot be written; `name` is that of the object.
pub fn write<W: std::io::Write>(
    object: &mut ObjectWriter<W>,
    name: &Path,
    section: Section,
    width: usize,
    sets: &[&dyn RecordSource],
    spill: &Path,
) -> Result<(), Trouble> {
    let (mut records, mut block) = (Vec::with_capacity(PART), Vec::new());
    for at in 0..PARTITIONS {
        let mut failure = Ok(());
        let mut flush = |records: &mut Vec<u8>| {
            pack(records, width, &mut block);
            let count = (records.len() / width) as u64;
            records.clear();
            object.part(section, at as u32, count, &block)
        };
        for set in sets {
            set.take(at, spill, &mut |bytes| {
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

/// Writes all sets of records of a worker.
///
/// # Errors
/// As for [`write`].
pub fn write_all<W: std::io::Write>(
    object: &mut ObjectWriter<W>,
    name: &Path,
    records: &Records,
    is_joined: bool,
    spill: &Path,
) -> Result<(), Trouble> {
    let widths = Records::widths(is_joined);
    for (at, set) in records.all().into_iter().enumerate() {
        write(object, name, SECTIONS[at], widths[at], &[set], spill)?;
    }
    Ok(())
}
