//! Plan: what must be known before any row is read: formats, headers, footers, and the items.
//!
//! Each file is opened once for it. An item is the unit of work that every engine shares: how rows
//! are counted must not depend on which worker takes which item.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::open::{Open, open_all};
use crate::config::Source;
use crate::day::Day;
use crate::error::Trouble;
use crate::intake::files::find::{LogFile, source_of};
use crate::intake::formats::lines::CHUNK;
use crate::intake::formats::parquet::Slice;
use crate::intake::rows::endpoints::Endpoints;
use crate::intake::rows::source_reader::{Join, SourceReader};

/// The files of a day, ready to be read.
pub struct ReadPlan {
    pub join: Join,
    pub source_readers: Vec<SourceReader>,
    /// Index of the source reader of each file.
    pub reader_of: Vec<usize>,
    /// By file; `None` for files that are left out.
    pub opened: Vec<Option<Open>>,
    /// Format of each file, by position in the list of files.
    pub formats: Vec<String>,
    /// Files that could not be read, with the reason.
    pub failures: BTreeMap<u32, String>,
}

impl ReadPlan {
    /// Opens all files.
    ///
    /// # Errors
    /// [`Trouble::Store`]: a store does not give a file.
    pub fn of(
        files: &[LogFile],
        sources: &[Source],
        endpoints: &Endpoints,
        join: &Join,
        day: Day,
    ) -> Result<Self, Trouble> {
        Self::of_some(files, sources, endpoints, join, day, None)
    }

    /// Opens the wanted files alone; the others are left out.
    ///
    /// Wanted files are cut as if they had the bytes that `files` says, whatever they have by now.
    ///
    /// # Errors
    /// [`Trouble::Store`]: a store does not give a file.
    pub fn of_some(
        files: &[LogFile],
        sources: &[Source],
        endpoints: &Endpoints,
        join: &Join,
        day: Day,
        wanted: Option<&BTreeSet<u32>>,
    ) -> Result<Self, Trouble> {
        let (source_readers, reader_of) = source_readers(files, sources, endpoints, join, day);
        let mut failures = BTreeMap::new();
        let mut formats = vec!["unknown".to_owned(); files.len()];
        let mut opened: Vec<Option<Open>> = Vec::new();
        let is_wanted = |n: usize| wanted.is_none_or(|wanted| wanted.contains(&(n as u32)));
        for (n, open) in open_all(files, &reader_of, &source_readers, &is_wanted)?.into_iter().enumerate() {
            match open {
                Ok(None) => opened.push(None),
                Ok(Some(mut open)) => {
                    if wanted.is_some() {
                        open.size = files[n].bytes;
                    }
                    formats[n] = open.format.name(open.compression);
                    opened.push(Some(open));
                }
                Err(reason) => {
                    failures.insert(n as u32, reason);
                    opened.push(None);
                }
            }
        }
        Ok(Self { join: join.clone(), source_readers, reader_of, opened, formats, failures })
    }

    /// Returns the source reader of a file; `None` if the file is left out.
    pub fn reader(&self, file: usize) -> Option<&SourceReader> {
        self.opened[file].as_ref().map(|open| &self.source_readers[open.source_reader])
    }

    /// Leaves a file out that cannot be read.
    pub fn fail(&mut self, file: u32, reason: String) {
        self.opened[file as usize] = None;
        self.failures.insert(file, reason);
    }

    /// Leaves a file out whose text another file has.
    pub fn leave_out(&mut self, file: u32) {
        self.opened[file as usize] = None;
    }

    /// Makes one item of a file that would be cut into chunks.
    pub fn read_in_one_piece(&mut self, file: u32) {
        if let Some(open) = &mut self.opened[file as usize] {
            (open.can_split, open.header) = (false, None);
        }
    }

    /// Returns the items of each file that is read, by position.
    pub fn items_by_file(&self) -> BTreeMap<u32, Vec<Item>> {
        let mut by_file: BTreeMap<u32, Vec<Item>> = BTreeMap::new();
        for (_, item) in self.items() {
            by_file.entry(item.file() as u32).or_default().push(item);
        }
        for items in by_file.values_mut() {
            items.sort_by_key(Item::position);
        }
        by_file
    }

    /// Returns the bytes of all files that are read.
    pub fn bytes(&self) -> u64 {
        self.opened.iter().flatten().map(|open| open.size).sum()
    }

    /// Returns all items with their bytes, the largest first.
    pub fn items(&self) -> Vec<(u64, Item)> {
        let mut items = Vec::new();
        for (n, open) in self.opened.iter().enumerate() {
            let Some(open) = open else { continue };
            if let Some(columns) = &open.columns {
                let slices = columns.slices();
                // Slices of one weight stay in order: the first bad rows of a file are kept.
                let bytes = open.size / slices.len().max(1) as u64;
                let item = |(slice, number)| (bytes, Item::Slice { file: n, number, slice });
                items.extend(slices.into_iter().zip(0..).map(item));
            } else if open.can_split {
                for chunk in 0..open.size.div_ceil(CHUNK) {
                    let (start, end) = (chunk * CHUNK, ((chunk + 1) * CHUNK).min(open.size));
                    items.push((end - start, Item::Chunk { file: n, chunk: chunk as u32, start, end }));
                }
            } else {
                items.push((open.size, Item::Whole { file: n }));
            }
        }
        // The largest first, so that no worker is left with a big file at the end.
        items.sort_by_key(|(bytes, item)| (std::cmp::Reverse(*bytes), item.file()));
        items
    }
}

/// Makes one source reader per source and per set of constants that its paths give.
fn source_readers(
    files: &[LogFile],
    sources: &[Source],
    endpoints: &Endpoints,
    join: &Join,
    day: Day,
) -> (Vec<SourceReader>, Vec<usize>) {
    let mut source_readers: Vec<SourceReader> = Vec::new();
    let mut known = Vec::new();
    let of = files
        .iter()
        .map(|file| {
            let key = (file.source, file.constants.clone());
            known.iter().position(|k| *k == key).unwrap_or_else(|| {
                let source = source_of(file, &sources[file.source]);
                let reader = SourceReader::new(source_readers.len() as u32, &source, endpoints, join);
                source_readers.push(reader.of_day(day));
                known.push(key);
                known.len() - 1
            })
        })
        .collect();
    (source_readers, of)
}

/// How a file is cut into items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// One item.
    Whole,
    /// Chunks of plain text.
    Chunks,
    /// Slices of Parquet.
    Slices,
}

/// A unit of work: a chunk of a plain file, a slice of Parquet, or a whole file.
pub enum Item {
    Chunk { file: usize, chunk: u32, start: u64, end: u64 },
    Whole { file: usize },
    Slice { file: usize, number: u32, slice: Slice },
}

impl Item {
    /// Returns the position in the file, ascending.
    pub const fn position(&self) -> u32 {
        match self {
            Self::Chunk { chunk, .. } => *chunk,
            Self::Whole { .. } => 0,
            Self::Slice { number, .. } => *number,
        }
    }

    pub const fn cut(&self) -> Cut {
        match self {
            Self::Chunk { .. } => Cut::Chunks,
            Self::Whole { .. } => Cut::Whole,
            Self::Slice { .. } => Cut::Slices,
        }
    }

    pub const fn file(&self) -> usize {
        match self {
            Self::Chunk { file, .. } | Self::Whole { file } | Self::Slice { file, .. } => *file,
        }
    }
}
