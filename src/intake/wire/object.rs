//! Object: the file of one attempt at one task, format 2.
//!
//! ```text
//! "ULX1" | format u16 | stage u8 | 0 u8 | task u32 | job 16 bytes
//! parts: bytes of one section and partition each
//! index: postcard of a list of `SectionPart`
//! length of the index u64 | XXH3-64 of header and index u64 | "ULX1"
//! ```
//!
//! Numbers are little-endian. A reader knows one format: an exchange never outlives its run.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::ops::Range;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::exchange_file::ExchangeFile;
use crate::error::Trouble;

const MAGIC: [u8; 4] = *b"ULX1";
/// Version of objects, receipts and jobs; they are read by no other version.
///
/// Format 2 has closed ids as eight bytes each.
pub const FORMAT: u16 = 2;
const HEADER: usize = 28;
const TAIL: usize = 20;
/// Level of heads: their counts shrink to a fifth at any level.
const ZSTD_LEVEL: i32 = 1;
/// Bytes of a head once it is unpacked, at most: no object of ours comes near.
const MOST_HEAD: usize = 4 << 30;

/// A stage of a run; its tasks need nothing of one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Reads log files into counts and records.
    Map = 1,
    /// The numbers of all map tasks under one numbering; made by the run itself.
    Merge = 2,
    /// Finds surplus copies of calls, by partition.
    Dedupe = 3,
    /// Joins calls with webhook rows, by partition.
    Join = 4,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Map => "map",
            Self::Merge => "merge",
            Self::Dedupe => "dedupe",
            Self::Join => "join",
        })
    }
}

/// A kind of content of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// Everything that is not by partition.
    Head,
    Calls,
    /// Calls that admitted a message: without an id, or after dedupe.
    Admitted,
    Statuses,
    Attempts,
    Items,
}

/// Hash of a job: what the objects of one run have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobHash(pub [u8; 16]);

impl fmt::Display for JobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The job, stage and task that an object is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectOrigin {
    pub job: JobHash,
    pub stage: Stage,
    pub task: u32,
}

impl ObjectOrigin {
    fn header(&self) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[..4].copy_from_slice(&MAGIC);
        header[4..6].copy_from_slice(&FORMAT.to_le_bytes());
        header[6] = self.stage as u8;
        header[8..12].copy_from_slice(&self.task.to_le_bytes());
        header[12..].copy_from_slice(&self.job.0);
        header
    }
}

/// A part of an object: records of one partition, or a head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SectionPart {
    pub section: Section,
    pub partition: u32,
    pub offset: u64,
    pub bytes: u64,
    pub records: u64,
    xxh3: u64,
}

/// What a finished object is known by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectSeal {
    pub bytes: u64,
    /// XXH3-64 of header and index, which has the hashes of all parts.
    pub xxh3: u64,
    pub records: BTreeMap<Section, u64>,
}

/// Writer of an object.
pub struct ObjectWriter<W> {
    to: W,
    header: [u8; HEADER],
    at: u64,
    parts: Vec<SectionPart>,
}

impl<W: Write> ObjectWriter<W> {
    /// Begins an object.
    ///
    /// # Errors
    /// The file cannot be written to; likewise below.
    pub fn begin(mut to: W, origin: &ObjectOrigin) -> io::Result<Self> {
        let header = origin.header();
        to.write_all(&header)?;
        Ok(Self { to, header, at: HEADER as u64, parts: Vec::new() })
    }

    /// Adds a part.
    pub fn part(&mut self, section: Section, partition: u32, records: u64, bytes: &[u8]) -> io::Result<()> {
        self.to.write_all(bytes)?;
        let (offset, length) = (self.at, bytes.len() as u64);
        self.parts.push(SectionPart {
            section,
            partition,
            offset,
            bytes: length,
            records,
            xxh3: xxh3_64(bytes),
        });
        self.at += length;
        Ok(())
    }

    /// Adds the head.
    pub fn head(&mut self, head: &impl Serialize) -> io::Result<()> {
        let bytes = postcard::to_stdvec(head).map_err(io::Error::other)?;
        if bytes.len() > MOST_HEAD {
            return Err(io::Error::other(if self.header[6] == Stage::Merge as u8 {
                "the numbers of all tasks need more than 4 GiB; cut the day into fewer tasks"
            } else {
                "the counts of a task need more than 4 GiB; cut the day into more tasks"
            }));
        }
        let mut packed = (bytes.len() as u64).to_le_bytes().to_vec();
        packed.extend(zstd::bulk::compress(&bytes, ZSTD_LEVEL)?);
        self.part(Section::Head, 0, 1, &packed)
    }

    /// Ends the object.
    pub fn finish(mut self) -> io::Result<ObjectSeal> {
        let index = postcard::to_stdvec(&self.parts).map_err(io::Error::other)?;
        let xxh3 = hash_of(&self.header, &index);
        self.to.write_all(&index)?;
        self.to.write_all(&(index.len() as u64).to_le_bytes())?;
        self.to.write_all(&xxh3.to_le_bytes())?;
        self.to.write_all(&MAGIC)?;
        self.to.flush()?;
        let records = records_of(&self.parts);
        Ok(ObjectSeal { bytes: self.at + index.len() as u64 + TAIL as u64, xxh3, records })
    }
}

/// Returns the number of records in each section.
fn records_of(parts: &[SectionPart]) -> BTreeMap<Section, u64> {
    let mut records = BTreeMap::new();
    for part in parts {
        *records.entry(part.section).or_default() += part.records;
    }
    records
}

fn hash_of(header: &[u8], index: &[u8]) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(header);
    hash.update(index);
    hash.digest()
}

/// Reader of an object whose header and index are as expected.
#[derive(Debug)]
pub struct ObjectReader {
    from: ExchangeFile,
    parts: Vec<SectionPart>,
}

impl ObjectReader {
    /// Opens an object, and checks that it is the one that a receipt names.
    ///
    /// # Errors
    /// [`Trouble::OtherJob`] or [`Trouble::BrokenExchange`].
    pub fn open(from: ExchangeFile, origin: &ObjectOrigin, seal: &ObjectSeal) -> Result<Self, Trouble> {
        let broken = |why: String| from.broken(why);
        let open = from.open()?;
        let read = |length: usize, at: u64| from.read_at(&open, length, at);
        let size = open.size().map_err(|e| from.unread(e))?;
        if size < (HEADER + TAIL) as u64 {
            return Err(broken(format!("it has {size} bytes, fewer than any object")));
        }
        let header = read(HEADER, 0)?;
        check_header(&header, origin, &from.name)?;
        if size != seal.bytes {
            return Err(broken(format!("it has {size} bytes, and its receipt names {}", seal.bytes)));
        }
        let tail = read(TAIL, size - TAIL as u64)?;
        let number = |at: usize| tail[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let (length, xxh3) = (number(0), number(8));
        if tail[16..] != MAGIC || length > size - (HEADER + TAIL) as u64 {
            return Err(broken("it does not end as an object ends".to_owned()));
        }
        let index = read(length as usize, size - TAIL as u64 - length)?;
        if xxh3 != hash_of(&header, &index) || xxh3 != seal.xxh3 {
            return Err(broken(format!(
                "its index has the hash {:016x}, it names {xxh3:016x}, and its receipt names {:016x}",
                hash_of(&header, &index),
                seal.xxh3
            )));
        }
        let parts: Vec<SectionPart> = postcard::from_bytes(&index).map_err(|e| broken(e.to_string()))?;
        let records = records_of(&parts);
        if records != seal.records {
            let why = format!("it has the records {records:?}, and its receipt names {:?}", seal.records);
            return Err(broken(why));
        }
        Ok(Self { from, parts })
    }

    /// Forgets the parts of other partitions: an index names each partition of each section.
    pub fn keep(&mut self, partitions: &Range<usize>) {
        let is_kept = |part: &SectionPart| {
            part.section == Section::Head || partitions.contains(&(part.partition as usize))
        };
        self.parts.retain(is_kept);
        self.parts.shrink_to_fit();
    }

    /// Returns the parts of a section, in the order of the object.
    pub fn parts(&self, section: Section) -> impl Iterator<Item = &SectionPart> {
        self.parts.iter().filter(move |part| part.section == section)
    }

    /// Reads a part, and checks its hash.
    ///
    /// # Errors
    /// [`Trouble::BrokenExchange`].
    pub fn read(&self, part: &SectionPart) -> Result<Vec<u8>, Trouble> {
        let bytes = self.from.read_at(&self.from.open()?, part.bytes as usize, part.offset)?;
        let xxh3 = xxh3_64(&bytes);
        if xxh3 != part.xxh3 {
            let (section, partition) = (part.section, part.partition);
            return Err(self.broken(format!(
                "part {section:?} {partition} has the hash {xxh3:016x}, and the index names {:016x}",
                part.xxh3
            )));
        }
        Ok(bytes)
    }

    /// Reads the head.
    ///
    /// # Errors
    /// [`Trouble::BrokenExchange`].
    pub fn head<T: DeserializeOwned>(&self) -> Result<T, Trouble> {
        let part = self.parts(Section::Head).next().ok_or_else(|| self.broken("it has no head"))?;
        let packed = self.read(part)?;
        let (length, packed) = packed.split_first_chunk().ok_or_else(|| self.broken("its head is empty"))?;
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX).min(MOST_HEAD);
        let bytes = zstd::bulk::decompress(packed, length).map_err(|e| self.broken(e))?;
        postcard::from_bytes(&bytes).map_err(|e| self.broken(e))
    }

    /// Returns trouble with this object.
    pub fn broken(&self, why: impl ToString) -> Trouble {
        self.from.broken(why)
    }
}

fn check_header(header: &[u8], origin: &ObjectOrigin, name: &str) -> Result<(), Trouble> {
    let want = origin.header();
    let other = |what, found: String, wanted: String| {
        Err(Trouble::OtherJob { name: name.to_owned(), what, found, wanted })
    };
    let number = |of: &[u8]| of.iter().rev().fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
    let hex = |of: &[u8]| of.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for (what, range) in [("format", 4..6), ("stage", 6..8), ("task", 8..12)] {
        if header[..4] != MAGIC {
            return other("first bytes", hex(&header[..4]), hex(&MAGIC));
        }
        if header[range.clone()] != want[range.clone()] {
            return other(what, number(&header[range.clone()]).to_string(), number(&want[range]).to_string());
        }
    }
    if header[12..] != want[12..] {
        return other("job", hex(&header[12..]), hex(&want[12..]));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const ORIGIN: ObjectOrigin = ObjectOrigin { job: JobHash([7; 16]), stage: Stage::Map, task: 3 };

    fn written() -> (Vec<u8>, ObjectSeal) {
        let mut bytes = Vec::new();
        let mut object = ObjectWriter::begin(&mut bytes, &ORIGIN).unwrap();
        object.head(&("a head", 7_u32)).unwrap();
        object.part(Section::Calls, 9, 2, b"two records").unwrap();
        let seal = object.finish().unwrap();
        (bytes, seal)
    }

    fn open(bytes: &[u8], origin: &ObjectOrigin, seal: &ObjectSeal) -> Result<Opened, Trouble> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ulx");
        fs::write(&path, bytes).unwrap();
        let object = ObjectReader::open(ExchangeFile::of_disk(path), origin, seal);
        object.map(|object| Opened { object, _folder: folder })
    }

    /// An object, with the folder in which it lies.
    #[derive(Debug)]
    struct Opened {
        object: ObjectReader,
        _folder: tempfile::TempDir,
    }

    /// The layout of format 2: a change of it needs another format.
    #[test]
    fn format_2_is_written_byte_by_byte() {
        let mut bytes = Vec::new();
        let mut object = ObjectWriter::begin(&mut bytes, &ORIGIN).unwrap();
        object.part(Section::Attempts, 300, 1, b"abc").unwrap();
        let seal = object.finish().unwrap();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let header = "554c58310200010003000000".to_owned() + &"07".repeat(16);
        // One part: section 4, partition 300, offset 28, 3 bytes, 1 record, its hash.
        assert!(hex.starts_with(&(header + "616263" + "0104ac021c0301")), "{hex}");
        assert!(hex.ends_with("554c5831"));
        assert_eq!((seal.bytes, seal.records[&Section::Attempts]), (bytes.len() as u64, 1));
    }

    #[test]
    fn an_object_is_read_as_it_was_written() {
        let (bytes, seal) = written();
        let Opened { object, _folder } = open(&bytes, &ORIGIN, &seal).unwrap();
        assert_eq!(object.head::<(String, u32)>().unwrap(), ("a head".to_owned(), 7));
        let part = object.parts(Section::Calls).next().unwrap();
        assert_eq!((part.partition, part.records), (9, 2));
        assert_eq!(object.read(part).unwrap(), b"two records");
    }

    #[test]
    fn another_origin_is_told_with_both_values() {
        let (bytes, seal) = written();
        let told = |origin: ObjectOrigin| open(&bytes, &origin, &seal).unwrap_err().to_string();
        assert!(told(ObjectOrigin { task: 4, ..ORIGIN }).contains("its task is 3, expected 4"));
        assert!(told(ObjectOrigin { stage: Stage::Join, ..ORIGIN }).contains("its stage is 1, expected 4"));
        let job = told(ObjectOrigin { job: JobHash([8; 16]), ..ORIGIN });
        assert!(job.contains("0707") && job.contains("0808"), "{job}");
        let mut newer = bytes.clone();
        newer[4] = 3;
        let told = open(&newer, &ORIGIN, &seal).unwrap_err().to_string();
        assert!(told.contains("its format is 3, expected 2"), "{told}");
    }

    #[test]
    fn no_byte_may_change_and_none_may_be_missing() {
        let (bytes, seal) = written();
        let read = |bytes: &[u8]| -> Result<(), Trouble> {
            let Opened { object, _folder } = open(bytes, &ORIGIN, &seal)?;
            object.head::<(String, u32)>()?;
            object.parts(Section::Calls).try_for_each(|part| object.read(part).map(drop))
        };
        read(&bytes).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(read(&changed).is_err(), "byte {at}");
            assert!(read(&bytes[..at]).is_err(), "{at} bytes");
        }
    }
}
