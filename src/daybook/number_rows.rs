//! Number rows: rows of whole numbers in Parquet, read batch by batch, since a day may have many.

use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, FixedSizeBinaryArray, Int64Array, RecordBatch};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};

use crate::error::Trouble;
use crate::facts::ids::{Id, short};
use crate::plain_file;
use crate::table::decoded;

/// Rows per batch: a thread of a resolve has two files of each of 17 days open.
const READ_BATCH: usize = 1 << 13;
/// Bytes of a stored id.
pub const ID_BYTES: i32 = 12;

/// An id and as many numbers as the file has columns; files with ids are sorted by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberRow<const N: usize> {
    pub id: Id,
    pub numbers: [i64; N],
}

impl<const N: usize> NumberRow<N> {
    /// Makes a row of a file without ids.
    pub const fn without_id(numbers: [i64; N]) -> Self {
        Self { id: 0, numbers }
    }

    /// Returns the top 64 bits of the id; of a row without one, the first number.
    pub fn top(&self, has_id: bool) -> u64 {
        if has_id { short(self.id) } else { self.numbers.first().map_or(0, |top| top.cast_unsigned()) }
    }
}

/// Reads the rows of one file in the order in which they were written.
pub struct RowReader<const N: usize> {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    has_ids: bool,
    batch: Option<Batch<N>>,
    at: usize,
}

/// The columns of one batch, checked to have the expected types.
struct Batch<const N: usize> {
    rows: usize,
    ids: Option<FixedSizeBinaryArray>,
    numbers: [Int64Array; N],
}

impl<const N: usize> Batch<N> {
    fn of(batch: &RecordBatch, has_ids: bool) -> Result<Self, &'static str> {
        let first = usize::from(has_ids);
        let ids = if has_ids {
            let ids = batch.column(0).as_fixed_size_binary_opt().ok_or("its ids are no ids")?;
            if ids.value_length() != ID_BYTES {
                return Err("its ids have another length");
            }
            Some(ids.clone())
        } else {
            None
        };
        let number = |column: &ArrayRef| column.as_primitive_opt::<Int64Type>().cloned();
        let numbers: Option<Vec<_>> = batch.columns()[first..].iter().map(number).collect();
        let numbers = numbers.and_then(|numbers| numbers.try_into().ok());
        let numbers = numbers.ok_or("a column holds no whole numbers")?;
        Ok(Self { rows: batch.num_rows(), ids, numbers })
    }

    fn row(&self, at: usize) -> NumberRow<N> {
        let mut id = [0; 16];
        if let Some(ids) = &self.ids {
            id[4..].copy_from_slice(ids.value(at));
        }
        let numbers = std::array::from_fn(|n| self.numbers[n].value(at));
        NumberRow { id: u128::from_be_bytes(id), numbers }
    }
}

impl<const N: usize> RowReader<N> {
    /// Opens a file and checks the number of its columns.
    ///
    /// # Errors
    /// [`Trouble::Damaged`] if the file cannot be opened, is no Parquet file, or has another number
    /// of columns.
    pub fn open(path: &Path, has_ids: bool) -> Result<Self, Trouble> {
        Self::open_at(path, has_ids, 0)
    }

    /// Opens a file, and leaves out row groups of which no row can be at or behind `first`.
    ///
    /// Rows ascend by [`NumberRow::top`]; some before `first` may come all the same.
    ///
    /// # Errors
    /// As for [`RowReader::open`].
    pub fn open_at(path: &Path, has_ids: bool, first: u64) -> Result<Self, Trouble> {
        let file = plain_file::open(path).map_err(Trouble::of_stored)?;
        let metadata = decoded(|| ArrowReaderMetadata::load(&file, ArrowReaderOptions::default()));
        let metadata = metadata.map_err(|e| damaged(path, &e))?;
        let columns = metadata.schema().fields().len();
        if columns != N + usize::from(has_ids) {
            return Err(damaged(path, &format!("it has {columns} columns")));
        }
        let read = |groups: Vec<usize>| {
            let file = file.try_clone().map_err(|e| Trouble::io(path, "reading", e))?;
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone());
            let batches = decoded(|| builder.with_row_groups(groups).with_batch_size(READ_BATCH).build());
            let batches = batches.map_err(|e| damaged(path, &e))?;
            Ok(Self { path: path.to_path_buf(), batches, has_ids, batch: None, at: 0 })
        };
        // The first column alone says where a row group begins.
        let begins = |group: usize| -> Result<Option<u64>, Trouble> {
            let file = file.try_clone().map_err(|e| Trouble::io(path, "reading", e))?;
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone());
            let column = ProjectionMask::roots(builder.parquet_schema(), [0]);
            let builder = builder.with_projection(column).with_row_groups(vec![group]).with_batch_size(1);
            let batch = decoded(|| Ok(builder.build()?.next().transpose()?));
            let batch = batch.map_err(|e| damaged(path, &e))?;
            Ok(batch.and_then(|batch| first_top(batch.column(0), has_ids)))
        };
        let groups = metadata.metadata().num_row_groups();
        // Of the groups that begin before `first`, the last may have rows behind it.
        let (mut from, mut to) = (0, if first == 0 { 0 } else { groups });
        while to - from > 1 {
            let middle = from.midpoint(to);
            let begins_before = begins(middle)?.is_none_or(|top| top < first);
            (from, to) = if begins_before { (middle, to) } else { (from, middle) };
        }
        read((from..groups).collect())
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    fn row(&mut self) -> Result<Option<NumberRow<N>>, Trouble> {
        loop {
            if let Some(batch) = self.batch.as_ref().filter(|batch| self.at < batch.rows) {
                self.at += 1;
                return Ok(Some(batch.row(self.at - 1)));
            }
            let batch = decoded(|| Ok(self.batches.next().transpose()?));
            let Some(batch) = batch.map_err(|e| damaged(&self.path, &e))? else { return Ok(None) };
            let batch = Batch::of(&batch, self.has_ids).map_err(|why| damaged(&self.path, &why))?;
            (self.batch, self.at) = (Some(batch), 0);
        }
    }
}

impl<const N: usize> Iterator for RowReader<N> {
    type Item = Result<NumberRow<N>, Trouble>;

    fn next(&mut self) -> Option<Self::Item> {
        self.row().transpose()
    }
}

/// Returns the top 64 bits of the first value of a file's first column.
fn first_top(column: &ArrayRef, is_id: bool) -> Option<u64> {
    if column.is_empty() {
        return None;
    }
    if is_id {
        let ids = column.as_fixed_size_binary_opt().filter(|ids| ids.value_length() == ID_BYTES)?;
        return ids.value(0).first_chunk().map(|top| u64::from_be_bytes(*top));
    }
    Some(column.as_primitive_opt::<Int64Type>()?.value(0).cast_unsigned())
}

/// A stored file that cannot be what was written, with the reason.
pub fn damaged(path: &Path, why: &dyn std::fmt::Display) -> Trouble {
    Trouble::Damaged { path: path.to_path_buf(), why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::super::row_writer::{GROUP_ROWS, RowWriter};
    use super::*;

    #[test]
    fn rows_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        let rows: Vec<NumberRow<2>> = (0..150_000_i64)
            .map(|n| {
                let numbers = [n, if n % 3 == 0 { i64::MAX } else { -n }];
                NumberRow { id: (n as u128) << 60, numbers }
            })
            .collect();
        let mut writer = RowWriter::create(&path, true, ["a", "b"], 1).unwrap();
        for row in &rows {
            writer.push(*row).unwrap();
        }
        writer.close().unwrap();
        let found: Vec<NumberRow<2>> = RowReader::open(&path, true).unwrap().map(Result::unwrap).collect();
        assert!(found == rows);
        for first in [1, 60_000 << 28, 65_535 << 28, 65_536 << 28, 65_537 << 28, 149_999 << 28, u64::MAX] {
            let rest: Vec<_> =
                RowReader::<2>::open_at(&path, true, first).unwrap().map(Result::unwrap).collect();
            assert!(rows.ends_with(&rest));
            let skipped = &rows[..rows.len() - rest.len()];
            assert!(skipped.iter().all(|row| row.top(true) < first), "{first:x}");
            assert!(
                rest.len() <= GROUP_ROWS || rest[GROUP_ROWS].top(true) >= first,
                "{first:x}: groups are left out"
            );
        }
        assert!(RowReader::<3>::open(&path, true).is_err());
    }

    #[test]
    fn rows_with_any_damage_are_read_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        let mut writer = RowWriter::create(&path, true, ["a", "b"], 1).unwrap();
        for n in 0..3 {
            writer.push(NumberRow { id: n as u128, numbers: [n, -n] }).unwrap();
        }
        writer.close().unwrap();
        let good = std::fs::read(&path).unwrap();
        for at in 0..good.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut bytes = good.clone();
                bytes[at] ^= change;
                std::fs::write(&path, bytes).unwrap();
                if let Ok(rows) = RowReader::<2>::open(&path, true) {
                    rows.take_while(Result::is_ok).for_each(drop);
                }
            }
        }
    }
}
