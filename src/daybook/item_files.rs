//! Item files: rows that ascend by id, in one Parquet file or, if they are many, in several.
//!
//! A further file begins only where the first byte of the ids changes, and its name has that byte:
//! `messages.parquet`, then `messages-5e.parquet` from the ids that begin with 5e on. So a range of
//! ids is in few files. Where they are cut follows from the rows alone.

use std::path::{Path, PathBuf};

use super::folder::DaybookFolder;
use super::id_range::IdRange;
use super::number_rows::{NumberRow, RowReader, damaged};
use super::row_writer::RowWriter;
use crate::error::Trouble;

/// Rows from which on the next top byte begins another file; some 100 MB of closed items.
pub const CUT_ROWS: u64 = 1 << 24;

const ENDING: &str = ".parquet";

/// A kind of item file.
#[derive(Debug, Clone, Copy)]
pub struct ItemFile<const N: usize> {
    /// Name of the first file, without its ending.
    pub stem: &'static str,
    /// True if rows have whole ids; else their first number is the top 64 bits of an id.
    pub has_ids: bool,
    pub columns: [&'static str; N],
}

/// Writes rows that ascend by id into files of one kind.
pub struct ItemFileWriter<const N: usize> {
    file: ItemFile<N>,
    folder: PathBuf,
    cut_rows: u64,
    threads: usize,
    open: RowWriter<N>,
    /// Rows of the open file, and the top byte of the last one.
    rows: u64,
    top: u8,
    is_cut: bool,
}

impl<const N: usize> ItemFileWriter<N> {
    /// Creates the first file; each has at least `cut_rows` rows before the next one begins.
    ///
    /// Rows are encoded on up to `threads` threads.
    ///
    /// # Errors
    /// [`Trouble::Io`], here and in all other methods, if a file cannot be written.
    pub fn create(file: ItemFile<N>, folder: &Path, cut_rows: u64, threads: usize) -> Result<Self, Trouble> {
        let open = RowWriter::create(&folder.join(file.name(0)), file.has_ids, file.columns, threads)?;
        let folder = folder.to_path_buf();
        Ok(Self { file, folder, cut_rows, threads, open, rows: 0, top: 0, is_cut: false })
    }

    pub fn push(&mut self, row: NumberRow<N>) -> Result<(), Trouble> {
        let top = (row.top(self.file.has_ids) >> 56) as u8;
        if self.rows >= self.cut_rows && top != self.top {
            let path = self.folder.join(self.file.name(top));
            let next = RowWriter::create(&path, self.file.has_ids, self.file.columns, self.threads)?;
            std::mem::replace(&mut self.open, next).close()?;
            (self.rows, self.is_cut) = (0, true);
        }
        (self.rows, self.top) = (self.rows + 1, top);
        self.open.push(row)
    }

    /// Writes the remaining rows, syncs the file to disk, and returns whether there are several.
    pub fn close(self) -> Result<bool, Trouble> {
        self.open.close()?;
        Ok(self.is_cut)
    }
}

impl<const N: usize> ItemFile<N> {
    /// Returns the name of the file whose ids begin with a top byte.
    fn name(&self, top: u8) -> String {
        if top == 0 { format!("{}{ENDING}", self.stem) } else { format!("{}-{top:02x}{ENDING}", self.stem) }
    }

    /// Returns the top byte with which a file of this kind begins; `None` for another kind.
    fn top_of(&self, name: &str) -> Option<u8> {
        let rest = name.strip_prefix(self.stem)?.strip_suffix(ENDING)?;
        if rest.is_empty() { Some(0) } else { u8::from_str_radix(rest.strip_prefix('-')?, 16).ok() }
    }

    /// Opens the rows of a range of ids.
    ///
    /// # Errors
    /// [`Trouble::Io`] or [`Trouble::Damaged`], here and from the iterator.
    pub fn open(&self, folder: &DaybookFolder, ids: IdRange) -> Result<ItemRows<N>, Trouble> {
        let names = folder.names()?;
        let mut files: Vec<(u8, &String)> =
            names.iter().filter_map(|name| Some((self.top_of(name)?, name))).collect();
        files.sort_unstable();
        // A folder without the first file is reported as damaged.
        let first = self.name(0);
        if files.first().is_none_or(|(top, _)| *top != 0) {
            files.insert(0, (0, &first));
        }
        let begins = |top: u8| u64::from(top) << 56;
        let mut readers = Vec::new();
        for (at, (top, name)) in files.iter().enumerate() {
            let is_before = files.get(at + 1).is_some_and(|(next, _)| begins(*next) <= ids.first);
            if !is_before && begins(*top) <= ids.last {
                readers.push(RowReader::open_at(&folder.file(name)?, self.has_ids, ids.first)?);
            }
        }
        let mut readers = readers.into_iter();
        Ok(ItemRows { ids, has_ids: self.has_ids, open: readers.next(), readers })
    }

    /// Reads a range of ids; `of` makes an item of a row, or says why it cannot.
    ///
    /// # Errors
    /// As for [`ItemFile::open`].
    pub fn read<T, F: Fn(NumberRow<N>) -> Result<T, String>>(
        &self,
        folder: &DaybookFolder,
        ids: IdRange,
        of: F,
    ) -> Result<impl Iterator<Item = Result<T, Trouble>> + use<T, F, N>, Trouble> {
        let mut rows = self.open(folder, ids)?;
        Ok(std::iter::from_fn(move || {
            let item = rows.next()?.and_then(|row| of(row).map_err(|why| rows.damaged(&why)));
            Some(item)
        }))
    }

    /// Returns whether a folder has files of this kind, as its list says.
    ///
    /// # Errors
    /// [`Trouble::Damaged`]: the list of files cannot be read.
    pub fn is_in(&self, folder: &DaybookFolder) -> Result<bool, Trouble> {
        Ok(folder.names()?.iter().any(|name| self.top_of(name).is_some()))
    }

    /// Returns the bytes of the files of this kind.
    ///
    /// # Errors
    /// [`Trouble::Damaged`]: the list of files cannot be read.
    pub fn bytes(&self, folder: &DaybookFolder) -> Result<u64, Trouble> {
        let names = folder.names()?;
        let of_kind = names.iter().filter(|name| self.top_of(name).is_some());
        // A file that is missing is told when it is opened.
        let size = |name: &String| folder.path().join(name).metadata().map_or(0, |found| found.len());
        Ok(of_kind.map(size).sum())
    }
}

/// Rows of a range of ids, ascending.
pub struct ItemRows<const N: usize> {
    ids: IdRange,
    has_ids: bool,
    open: Option<RowReader<N>>,
    readers: std::vec::IntoIter<RowReader<N>>,
}

impl<const N: usize> ItemRows<N> {
    fn damaged(&self, why: &str) -> Trouble {
        damaged(self.open.as_ref().map_or(Path::new(""), RowReader::path), &why)
    }
}

impl<const N: usize> Iterator for ItemRows<N> {
    type Item = Result<NumberRow<N>, Trouble>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let row = match self.open.as_mut()?.next() {
                Some(Ok(row)) => row,
                Some(Err(trouble)) => return Some(Err(trouble)),
                None => {
                    self.open = self.readers.next();
                    continue;
                }
            };
            let top = row.top(self.has_ids);
            if top > self.ids.last {
                (self.open, self.readers) = (None, Vec::new().into_iter());
                return None;
            }
            if top >= self.ids.first {
                return Some(Ok(row));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::facts::ids::Id;

    proptest! {
        /// Files of any size, read in any number of ranges, give every row once, in order.
        #[test]
        fn rows_are_the_same_however_they_are_cut(
            tops in prop::collection::vec(any::<u64>(), 0..300),
            cut_rows in 1_u64..400,
            parts in 1_u32..9,
            has_ids in any::<bool>(),
        ) {
            let mut tops = tops;
            tops.sort_unstable();
            let file = ItemFile { stem: "rows", has_ids, columns: ["top"] };
            let folder = tempfile::tempdir().unwrap();
            let mut writer = ItemFileWriter::create(file, folder.path(), cut_rows, 1).unwrap();
            let id = |top: u64| if has_ids { Id::from(top) << 32 | 7 } else { 0 };
            let rows: Vec<NumberRow<1>> =
                tops.iter().map(|top| NumberRow { id: id(*top), numbers: [top.cast_signed()] }).collect();
            for row in &rows {
                writer.push(*row).unwrap();
            }
            let is_cut = writer.close().unwrap();
            let found = DaybookFolder::as_found(folder.path().to_path_buf()).unwrap();
            prop_assert_eq!(is_cut, found.names().unwrap().len() > 1);
            let read = |ids| file.open(&found, ids).unwrap().map(Result::unwrap).collect::<Vec<_>>();
            prop_assert_eq!(&read(IdRange::ALL), &rows);
            let parts: Vec<_> = IdRange::cut(parts).into_iter().flat_map(read).collect();
            prop_assert_eq!(&parts, &rows);
        }
    }

    #[test]
    fn a_range_opens_only_the_files_that_it_needs() {
        let folder = tempfile::tempdir().unwrap();
        let file = ItemFile { stem: "rows", has_ids: false, columns: ["top"] };
        let mut writer = ItemFileWriter::create(file, folder.path(), 10, 1).unwrap();
        for n in 0..64_u64 {
            writer.push(NumberRow::without_id([(n << 58).cast_signed()])).unwrap();
        }
        assert!(writer.close().unwrap());
        let found = DaybookFolder::as_found(folder.path().to_path_buf()).unwrap();
        let names = found.names().unwrap();
        assert_eq!(
            names,
            ["rows-28", "rows-50", "rows-78", "rows-a0", "rows-c8", "rows-f0", "rows"]
                .map(|n| format!("{n}.parquet"))
        );
        std::fs::remove_file(folder.path().join("rows-50.parquet")).unwrap();
        let read = |first: u64, last: u64| {
            let ids = IdRange { first: first << 56, last: last << 56 };
            file.open(&found, ids).map(|rows| rows.map(Result::unwrap).count())
        };
        assert_eq!(read(0x28, 0x4c).unwrap(), 10);
        assert_eq!(read(0x78, 0xff).unwrap(), 34);
        assert!(read(0x4c, 0x50).is_err(), "its file is gone");
    }
}
