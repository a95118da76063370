//! Parquet: zstd, instants as timestamps in UTC, provenance as key-value metadata.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::arrow::arrow_writer::compute_leaves;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::ChunkReader;

use super::{Column, ColumnKind, ColumnSpec, Spec, Table};
use crate::error::guarded;

/// Rows beyond which whole numbers are delta-encoded instead of put into a dictionary.
///
/// The result is no larger, and a dictionary takes longer to build. Tables that people open are
/// shorter.
const LONG: usize = 100_000;

/// Stands before the keys of the provenance.
const PREFIX: &str = "uptime_ledger.";

/// The provenance of a table, written under `uptime_ledger.*` into its Parquet file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata(pub Vec<(&'static str, String)>);

/// Reads a value of the provenance of a Parquet file; `None` if it has none of this name.
///
/// # Errors
/// It is no Parquet file.
pub fn metadata_of(file: impl ChunkReader + 'static, key: &str) -> Result<Option<String>> {
    let builder = decoded(|| ParquetRecordBatchReaderBuilder::try_new(file))?;
    let pairs = builder.metadata().file_metadata().key_value_metadata();
    let found = pairs.and_then(|pairs| pairs.iter().find(|pair| pair.key.strip_prefix(PREFIX) == Some(key)));
    Ok(found.and_then(|pair| pair.value.clone()))
}

impl Table {
    /// Returns the table as Parquet, with `uptime_ledger.table` and the metadata in the footer.
    ///
    /// Columns are converted and compressed one after the other, in groups of rows: the whole table
    /// as one batch for the writer would be in memory once more. The bytes are those of one batch.
    pub fn to_parquet(&self, metadata: &Metadata) -> Result<Vec<u8>> {
        let written: Vec<_> = self.written().collect();
        let fields: Vec<Field> = written.iter().map(|(_, spec)| field(spec)).collect();
        let named = std::iter::once(("table", self.spec.name.to_owned())).chain(metadata.0.iter().cloned());
        let pairs = named.map(|(key, value)| KeyValue::new(format!("{PREFIX}{key}"), value)).collect();
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_key_value_metadata(Some(pairs));
        if self.rows > LONG {
            for (_, column) in written.iter().filter(|(_, spec)| spec.kind == ColumnKind::Integer) {
                properties = properties
                    .set_column_dictionary_enabled(column.name.into(), false)
                    .set_column_encoding(column.name.into(), Encoding::DELTA_BINARY_PACKED);
            }
        }
        let properties = properties.build();
        let rows_of_group = properties.max_row_group_row_count().unwrap_or(usize::MAX);
        let schema = Arc::new(Schema::new(fields.clone()));
        let writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))?;
        let (mut writer, groups) = writer.into_serialized_writer()?;
        let mut start = 0;
        while start < self.rows {
            let rows = start..self.rows.min(start.saturating_add(rows_of_group));
            start = rows.end;
            let columns = groups.create_column_writers(writer.flushed_row_groups().len())?;
            let mut group = writer.next_row_group()?;
            for (((column, spec), field), mut writer) in written.iter().zip(&fields).zip(columns) {
                let is_part = rows.len() < self.rows && column.has_null(self.rows);
                for leaf in compute_leaves(field, &array(column, spec.kind, rows.clone(), is_part))? {
                    writer.write(&leaf)?;
                }
                writer.close()?.append_to_row_group(&mut group)?;
            }
            group.close()?;
        }
        writer.into_inner()
    }

    /// Reads a table back; its columns must be those of `spec`, in that order, late ones or not.
    pub fn from_parquet(spec: &'static Spec, file: impl ChunkReader + 'static) -> Result<Self> {
        let mut stored = TableReader::open(spec, file)?;
        // Limited, because the footer may lie: wrong counts are found when the batches are read.
        let mut table = Self::with_room(spec, usize::try_from(stored.rows).unwrap_or(0).min(1 << 20));
        while stored.read_into(&mut table)? {}
        Ok(table)
    }
}

/// A stored table that is read batch by batch, so that a long one is never in memory as a whole.
pub struct TableReader {
    spec: &'static Spec,
    /// Rows as the footer has them, which may lie.
    rows: i64,
    /// For each column of `spec` whether the file has it.
    is_there: Vec<bool>,
    batches: ParquetRecordBatchReader,
}

impl TableReader {
    /// Opens a table; its columns must be those of `spec`, in that order, late ones or not.
    pub fn open(spec: &'static Spec, file: impl ChunkReader + 'static) -> Result<Self> {
        let builder = decoded(|| ParquetRecordBatchReaderBuilder::try_new(file))?;
        let names: Vec<_> = builder.schema().fields().iter().map(|f| f.name().as_str()).collect();
        let is_there: Vec<bool> =
            spec.columns.iter().map(|c| !c.is_late || names.contains(&c.name)).collect();
        let expected = spec.columns.iter().zip(&is_there).filter(|(_, is_there)| **is_there);
        if !names.iter().eq(expected.map(|(column, _)| &column.name)) {
            return Err(ParquetError::General(format!("its columns are {}", names.join(", "))));
        }
        let rows = builder.metadata().file_metadata().num_rows();
        let batches = decoded(|| builder.build())?;
        Ok(Self { spec, rows, is_there, batches })
    }

    /// Returns the next rows; `None` behind the last.
    pub fn batch(&mut self) -> Result<Option<Table>> {
        let mut table = Table::new(self.spec);
        Ok(self.read_into(&mut table)?.then_some(table))
    }

    /// Appends the next rows to a table; returns false behind the last.
    fn read_into(&mut self, table: &mut Table) -> Result<bool> {
        let Some(batch) = decoded(|| Ok(self.batches.next().transpose()?))? else { return Ok(false) };
        let mut stored = batch.columns().iter();
        for (at, column) in self.spec.columns.iter().enumerate() {
            let Some(array) = self.is_there[at].then(|| stored.next()).flatten() else {
                table.columns[at].push_nulls(batch.num_rows());
                continue;
            };
            append(&mut table.columns[at], column.kind, array).ok_or_else(|| {
                let found = array.data_type();
                let want = data_type(column.kind);
                ParquetError::General(format!("column `{}` is {found}, not {want}", column.name))
            })?;
        }
        table.rows += batch.num_rows();
        Ok(true)
    }
}

/// Calls the Parquet decoder; a panic of it becomes an error ([`guarded`]).
///
/// # Errors
/// Errors of the decoder, and its panics.
pub fn decoded<T>(decode: impl FnOnce() -> Result<T>) -> Result<T> {
    guarded(decode).unwrap_or_else(|words| Err(ParquetError::General(words)))
}

fn data_type(kind: ColumnKind) -> DataType {
    match kind {
        ColumnKind::Text => DataType::Utf8,
        ColumnKind::Integer => DataType::Int64,
        ColumnKind::Decimal => DataType::Float64,
        ColumnKind::Boolean => DataType::Boolean,
        ColumnKind::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ColumnKind::Date => DataType::Date32,
    }
}

fn field(spec: &ColumnSpec) -> Field {
    Field::new(spec.name, data_type(spec.kind), true)
}

/// Returns some rows of a column as an arrow array.
///
/// `is_part` is true if the column has nulls and other rows. The writer encodes rows without nulls
/// in another way if their array has a bitmap of nulls, as a slice of the whole column would. The
/// array gets one by an additional null that is sliced off.
fn array(column: &Column, kind: ColumnKind, rows: Range<usize>, is_part: bool) -> ArrayRef {
    let length = rows.len();
    let array: ArrayRef = if column.is_text() {
        Arc::new(StringArray::from_iter(column.texts(rows).chain(is_part.then_some(None))))
    } else if let (Column::Number(list), ColumnKind::Integer, false) = (column, kind, is_part)
        && list.nulls.is_empty()
    {
        Arc::new(Int64Array::from(list.values[rows].to_vec()))
    } else {
        let numbers = column.numbers(rows).chain(is_part.then_some(None));
        match kind {
            ColumnKind::Decimal => {
                Arc::new(Float64Array::from_iter(numbers.map(|n| n.map(|n| n as f64 / 1e6))))
            }
            ColumnKind::Boolean => Arc::new(BooleanArray::from_iter(numbers.map(|n| n.map(|n| n != 0)))),
            ColumnKind::Instant => {
                Arc::new(TimestampMicrosecondArray::from_iter(numbers).with_timezone("UTC"))
            }
            ColumnKind::Date => {
                Arc::new(Date32Array::from_iter(numbers.map(|n| n.and_then(|n| i32::try_from(n).ok()))))
            }
            ColumnKind::Integer | ColumnKind::Text => Arc::new(Int64Array::from_iter(numbers)),
        }
    };
    if is_part { array.slice(0, length) } else { array }
}

/// Appends the values of an arrow array; `None` if it has another type.
fn append(column: &mut Column, kind: ColumnKind, array: &ArrayRef) -> Option<()> {
    let any = array.as_any();
    match column {
        Column::Text(list) => {
            // Repeated words share one allocation: a long table has few different ones.
            let mut known: HashMap<&str, Arc<str>> = HashMap::new();
            for text in any.downcast_ref::<StringArray>()? {
                let shared = match (list.last(), text) {
                    (Some(Some(last)), Some(text)) if **last == *text => Some(Arc::clone(last)),
                    (_, text) => text.map(|text| known.entry(text).or_insert_with(|| text.into()).clone()),
                };
                list.push(shared);
            }
        }
        Column::Number(list) => match kind {
            ColumnKind::Decimal => {
                let millionths = |v: f64| (v * 1e6).round() as i64;
                list.extend(any.downcast_ref::<Float64Array>()?.iter().map(|v| v.map(millionths)));
            }
            ColumnKind::Boolean => {
                list.extend(any.downcast_ref::<BooleanArray>()?.iter().map(|v| v.map(i64::from)));
            }
            ColumnKind::Instant => list.extend(any.downcast_ref::<TimestampMicrosecondArray>()?.iter()),
            ColumnKind::Date => {
                list.extend(any.downcast_ref::<Date32Array>()?.iter().map(|v| v.map(i64::from)));
            }
            ColumnKind::Integer | ColumnKind::Text => list.extend(any.downcast_ref::<Int64Array>()?.iter()),
        },
        Column::Cells(_) => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{NUMBERS, Value};

    static SPEC: Spec = Spec {
        name: "t",
        row: "a test",
        columns: &[
            ColumnSpec::new("a", ColumnKind::Text, ""),
            ColumnSpec::new("b", ColumnKind::Decimal, ""),
            ColumnSpec::new("c", ColumnKind::Instant, ""),
            ColumnSpec::new("d", ColumnKind::Date, ""),
            ColumnSpec::new("e", ColumnKind::Boolean, ""),
        ],
    };

    #[test]
    fn a_table_comes_back_from_parquet() {
        let mut table = Table::new(&SPEC);
        let [t, d] = [Value::Instant(1_763_633_220_000_001), Value::Date(20_777)];
        table.push([Value::text("x"), Value::Decimal(99_999_999), t, d, Value::Boolean(true)]);
        table.push([Value::Null, Value::Null, Value::Null, Value::Null, Value::Null]);
        let bytes = table.to_parquet(&Metadata::default()).unwrap();
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, &bytes).unwrap();
        assert_eq!(Table::from_parquet(&SPEC, file).unwrap(), table);
    }

    static BEFORE: Spec =
        Spec { name: "t", row: "a test", columns: &[ColumnSpec::new("a", ColumnKind::Text, "")] };
    static LATER: Spec = Spec {
        name: "t",
        row: "a test",
        columns: &[ColumnSpec::new("a", ColumnKind::Text, ""), ColumnSpec::late("b", ColumnKind::Integer)],
    };

    #[test]
    fn a_late_column_is_written_when_a_row_has_a_value_there() {
        let bytes = |spec: &'static Spec, b: Option<Value>| {
            let mut table = Table::new(spec);
            table.extend([Value::text("x")].into_iter().chain(b));
            let bytes = bytes::Bytes::from(table.to_parquet(&Metadata::default()).unwrap());
            (table, bytes)
        };
        let (before, old) = bytes(&BEFORE, None);
        let (without, new) = bytes(&LATER, Some(Value::Null));
        assert_eq!((old.clone(), before.to_csv()), (new, without.to_csv()));
        assert_eq!(Table::from_parquet(&LATER, old).unwrap(), without);
        let (with, new) = bytes(&LATER, Some(Value::Integer(7)));
        assert_eq!(with.to_csv(), b"a,b\nx,7\n");
        assert_eq!(Table::from_parquet(&LATER, new.clone()).unwrap(), with);
        assert!(Table::from_parquet(&BEFORE, new).is_err());
    }

    #[test]
    fn a_long_table_comes_back_from_parquet() {
        let mut table = Table::new(&NUMBERS);
        for n in 0..=LONG as i64 {
            let odd = if n % 1_000 == 7 { Value::Null } else { Value::Integer(n * n % 977 - 400) };
            table.push([Value::Integer(if n % 3 == 0 { i64::MIN } else { i64::MAX - n }), odd]);
        }
        let bytes = table.to_parquet(&Metadata::default()).unwrap();
        assert_eq!(Table::from_parquet(&NUMBERS, bytes::Bytes::from(bytes)).unwrap(), table);
    }

    /// Returns a table as the writer makes it of one batch.
    fn of_one_batch(table: &Table) -> Vec<u8> {
        let schema = Arc::new(Schema::new(table.written().map(|(_, spec)| field(spec)).collect::<Vec<_>>()));
        let columns =
            table.written().map(|(column, spec)| array(column, spec.kind, 0..table.rows, false)).collect();
        let batch = arrow_array::RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_key_value_metadata(Some(vec![KeyValue::new(
                "uptime_ledger.table".to_owned(),
                table.spec.name.to_owned(),
            )]));
        for (_, spec) in
            table.written().filter(|(_, spec)| spec.kind == ColumnKind::Integer && table.rows > LONG)
        {
            properties = properties
                .set_column_dictionary_enabled(spec.name.into(), false)
                .set_column_encoding(spec.name.into(), Encoding::DELTA_BINARY_PACKED);
        }
        let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties.build())).unwrap();
        writer.write(&batch).unwrap();
        writer.into_inner().unwrap()
    }

    #[test]
    fn columns_one_by_one_have_the_bytes_of_one_batch() {
        static MIXED: Spec = Spec {
            name: "mixed",
            row: "a test",
            columns: &[
                ColumnSpec::new("a", ColumnKind::Text, ""),
                ColumnSpec::new("b", ColumnKind::Integer, ""),
                ColumnSpec::new("c", ColumnKind::Integer, ""),
                ColumnSpec::new("d", ColumnKind::Decimal, ""),
                ColumnSpec::new("e", ColumnKind::Instant, ""),
                ColumnSpec::new("f", ColumnKind::Text, ""),
            ],
        };
        // The last is two groups of rows: the first has no null in `c`, the second none in `f`.
        for rows in [0, 1, 25_000, 150_000, 1_200_000_i64] {
            let mut table = Table::with_room(&MIXED, rows as usize);
            let names: Vec<Value> = (0..50).map(|n| Value::text(&format!("name {n}"))).collect();
            for n in 0..rows {
                let text =
                    if n / 30_000 % 2 == 1 { Value::Null } else { names[n as usize / 70 % 50].clone() };
                let late = if n > 1_100_000 && n % 3 == 0 { Value::Null } else { Value::Integer(n / 7) };
                let decimal = if n % 11 == 0 { Value::Decimal(n * n % 977) } else { Value::Null };
                let early = if n == 9_000 { Value::Null } else { names[n as usize % 50].clone() };
                table.push([text, Value::Integer(n % 1_440), late, decimal, Value::Instant(n / 5), early]);
            }
            let bytes = table.to_parquet(&Metadata::default()).unwrap();
            assert!(bytes == of_one_batch(&table), "{rows} rows");
            assert_eq!(Table::from_parquet(&MIXED, bytes::Bytes::from(bytes)).unwrap(), table);
        }
    }

    #[test]
    fn a_table_with_any_damage_is_read_or_refused() {
        let mut table = Table::new(&SPEC);
        table.push([
            Value::text("x"),
            Value::Decimal(1),
            Value::Instant(2),
            Value::Date(3),
            Value::Boolean(true),
        ]);
        let good = table.to_parquet(&Metadata::default()).unwrap();
        for at in 0..good.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut bytes = good.clone();
                bytes[at] ^= change;
                drop(Table::from_parquet(&SPEC, bytes::Bytes::from(bytes)));
            }
        }
    }
}
