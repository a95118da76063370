//! Rows of whole numbers in Parquet files, written and read as a stream: what a day carries forward may be long.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, FixedSizeBinaryArray, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::error::Trouble;
use crate::intake::ids::Id;
use crate::table::decoded;

/// Rows per batch and row group: what a reader or writer holds of one file.
const BATCH: usize = 1 << 16;
const ID_BYTES: i32 = 12;

/// An id and as many numbers as the file has columns. Files are sorted by id where they have ids.
pub type Row<const N: usize> = (Id, [i64; N]);

/// Writes rows as they come.
pub struct RowWriter<const N: usize> {
    path: PathBuf,
    schema: Arc<Schema>,
    out: ArrowWriter<File>,
    ids: Vec<u8>,
    has_ids: bool,
    columns: [Vec<i64>; N],
    rows: u64,
}

impl<const N: usize> RowWriter<N> {
    /// A new file; its first column is the id, if it has one.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn create(path: &Path, has_ids: bool, names: [&str; N]) -> Result<Self, Trouble> {
        let mut fields = Vec::new();
        if has_ids {
            fields.push(Field::new("id", DataType::FixedSizeBinary(ID_BYTES), false));
        }
        fields.extend(names.map(|name| Field::new(name, DataType::Int64, false)));
        let schema = Arc::new(Schema::new(fields));
        let level = ZstdLevel::try_new(1).unwrap_or_default();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(BATCH))
            // Ids never repeat; short ones ascend.
            .set_column_dictionary_enabled("id".into(), false)
            .set_column_dictionary_enabled("short_id".into(), false)
            .set_column_encoding("short_id".into(), Encoding::DELTA_BINARY_PACKED)
            .set_statistics_enabled(parquet::file::properties::EnabledStatistics::None)
            .build();
        let file = File::create(path).map_err(|e| Trouble::io(path, "writing", e))?;
        let out = ArrowWriter::try_new(file, schema.clone(), Some(properties));
        let out = out.map_err(|e| unwritten(path, e))?;
        let columns = std::array::from_fn(|_| Vec::new());
        Ok(Self { path: path.to_path_buf(), schema, out, ids: Vec::new(), has_ids, columns, rows: 0 })
    }

    /// Appends a row.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn push(&mut self, (id, numbers): Row<N>) -> Result<(), Trouble> {
        if self.has_ids {
            // Big-endian, so that the order of bytes is the order of ids.
            self.ids.extend_from_slice(&id.to_be_bytes()[4..]);
        }
        for (column, number) in self.columns.iter_mut().zip(numbers) {
            column.push(number);
        }
        self.rows += 1;
        if self.rows.is_multiple_of(BATCH as u64) { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Trouble> {
        let odd = |e: arrow_schema::ArrowError| unwritten(&self.path, e.into());
        let mut arrays: Vec<ArrayRef> = Vec::new();
        if self.has_ids {
            let ids = std::mem::take(&mut self.ids);
            let ids = FixedSizeBinaryArray::try_new(ID_BYTES, ids.into(), None);
            arrays.push(Arc::new(ids.map_err(odd)?));
        }
        for column in &mut self.columns {
            arrays.push(Arc::new(Int64Array::from(std::mem::take(column))));
        }
        let batch = RecordBatch::try_new(self.schema.clone(), arrays);
        let batch = batch.map_err(odd)?;
        self.out.write(&batch).map_err(|e| unwritten(&self.path, e))
    }

    /// Writes what is left, down to the disk.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn close(mut self) -> Result<(), Trouble> {
        self.flush()?;
        self.out.finish().map_err(|e| unwritten(&self.path, e))?;
        self.out.inner().sync_all().map_err(|e| Trouble::io(&self.path, "syncing", e))
    }
}

/// A disk that is full shall be told as such, through however many layers.
fn unwritten(path: &Path, e: ParquetError) -> Trouble {
    let cause = match e {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(cause) => *cause,
            Err(other) => std::io::Error::other(other),
        },
        other => std::io::Error::other(other),
    };
    Trouble::io(path, "writing", cause)
}

/// Reads rows as they were written.
pub struct RowReader<const N: usize> {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    has_ids: bool,
    batch: Option<RecordBatch>,
    at: usize,
}

impl<const N: usize> RowReader<N> {
    /// # Errors
    /// The file cannot be read, or has other columns.
    pub fn open(path: &Path, has_ids: bool) -> Result<Self, Trouble> {
        let file = File::open(path).map_err(|e| Trouble::io(path, "reading", e))?;
        let builder = decoded(|| ParquetRecordBatchReaderBuilder::try_new(file));
        let builder = builder.map_err(|e| damaged(path, &e))?;
        let columns = builder.schema().fields().len();
        if columns != N + usize::from(has_ids) {
            return Err(damaged(path, &format!("it has {columns} columns")));
        }
        let batches = decoded(|| builder.with_batch_size(BATCH).build()).map_err(|e| damaged(path, &e))?;
        Ok(Self { path: path.to_path_buf(), batches, has_ids, batch: None, at: 0 })
    }

    fn row(&mut self) -> Result<Option<Row<N>>, Trouble> {
        loop {
            if let Some(batch) = &self.batch
                && self.at < batch.num_rows()
            {
                let at = self.at;
                self.at += 1;
                let first = usize::from(self.has_ids);
                let mut id = [0; 16];
                if self.has_ids {
                    let Some(ids) = batch.column(0).as_fixed_size_binary_opt() else {
                        return Err(damaged(&self.path, &"its ids are no ids"));
                    };
                    if ids.value_length() != ID_BYTES {
                        return Err(damaged(&self.path, &"its ids have another length"));
                    }
                    id[4..].copy_from_slice(ids.value(at));
                }
                let mut numbers = [0; N];
                for (n, number) in numbers.iter_mut().enumerate() {
                    let column = batch.column(first + n).as_primitive_opt::<Int64Type>();
                    *number = column
                        .ok_or_else(|| damaged(&self.path, &"a column holds no whole numbers"))?
                        .value(at);
                }
                return Ok(Some((u128::from_be_bytes(id), numbers)));
            }
            let batch = decoded(|| Ok(self.batches.next().transpose()?));
            match batch.map_err(|e| damaged(&self.path, &e))? {
                None => return Ok(None),
                Some(batch) => (self.batch, self.at) = (Some(batch), 0),
            }
        }
    }
}

impl<const N: usize> Iterator for RowReader<N> {
    type Item = Result<Row<N>, Trouble>;

    fn next(&mut self) -> Option<Self::Item> {
        self.row().transpose()
    }
}

pub fn damaged(path: &Path, why: &dyn std::fmt::Display) -> Trouble {
    Trouble::Damaged { path: path.to_path_buf(), why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        let rows: Vec<Row<2>> = (0..150_000_i64)
            .map(|n| ((n as u128) << 60, [n, if n % 3 == 0 { i64::MAX } else { -n }]))
            .collect();
        let mut writer = RowWriter::create(&path, true, ["a", "b"]).unwrap();
        for row in &rows {
            writer.push(*row).unwrap();
        }
        writer.close().unwrap();
        let found: Vec<Row<2>> = RowReader::open(&path, true).unwrap().map(Result::unwrap).collect();
        assert!(found == rows);
        assert!(RowReader::<3>::open(&path, true).is_err());
    }

    #[test]
    fn rows_with_any_damage_are_read_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        let mut writer = RowWriter::create(&path, true, ["a", "b"]).unwrap();
        for n in 0..3 {
            writer.push((n as u128, [n, -n])).unwrap();
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
