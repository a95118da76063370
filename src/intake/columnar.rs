//! Parquet logs: row groups to rows, through arrow-rs.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field as ArrowField, Schema, TimeUnit};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::statistics::Statistics;

use super::book::{Book, Place};
use super::instant;
use super::meter::Meter;
use super::shape::Desk;
use super::text::Stop;
use super::value::{RawRow, Value};
use crate::config::{Field, TimeBasis};
use crate::day::{DAY_US, Day, SECOND_US};

const BATCH: usize = 8_192;

/// What is known of a Parquet file before its rows are read.
pub struct Columns {
    metadata: ArrowReaderMetadata,
    /// Mapped columns: path of names, field, rank.
    targets: Vec<(Vec<String>, usize, u8)>,
    mask: ProjectionMask,
    ts_leaf: Option<usize>,
}

/// Positioned reads on a shared descriptor: row groups are read side by side, and clones of a file share one cursor.
struct Positioned(Arc<File>);

impl Length for Positioned {
    fn len(&self) -> u64 {
        self.0.metadata().map_or(0, |m| m.len())
    }
}

impl ChunkReader for Positioned {
    type T = io::BufReader<From>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(io::BufReader::new(From { file: self.0.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        // A corrupt footer can claim any length.
        let end = start.checked_add(length as u64).filter(|end| *end <= self.len());
        if end.is_none() {
            let what = format!("{length} bytes from byte {start} lie beyond the end of the file");
            return Err(parquet::errors::ParquetError::EOF(what));
        }
        let mut bytes = vec![0; length];
        self.0.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}

/// Reads on from a position of its own.
struct From {
    file: Arc<File>,
    at: u64,
}

impl Read for From {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read_at(buffer, self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

/// Opens a file and finds its mapped columns.
///
/// # Errors
/// The footer is corrupt, no timestamp column is there, or a column has a type that its field cannot have.
pub fn open(file: &Arc<File>, desk: &Desk) -> Result<Columns, String> {
    let plain = ArrowReaderMetadata::load(&Positioned(file.clone()), ArrowReaderOptions::new())
        .map_err(|e| one_line(&e))?;
    let leaves = plain.parquet_schema().columns();
    let mut targets = Vec::new();
    let mut wanted = Vec::new();
    let mut ts_leaf = None;
    for entry in &desk.mapping.entries {
        for (leaf, column) in leaves.iter().enumerate() {
            let parts = column.path().parts();
            let is_hit = (parts.len() == 1 && parts[0] == entry.name) || parts.join(".") == entry.name;
            if is_hit {
                targets.push((parts.to_vec(), entry.field, entry.rank));
                wanted.push(leaf);
                if entry.field == Field::Ts as usize && entry.rank == 0 {
                    ts_leaf = Some(leaf);
                }
            }
        }
    }
    let has_ts = targets.iter().any(|(_, field, _)| *field == Field::Ts as usize);
    let is_ts_constant = desk.mapping.constants.iter().any(|(field, _)| *field == Field::Ts as usize);
    if !has_ts && !is_ts_constant {
        let there: Vec<String> = leaves.iter().take(12).map(|c| c.path().string()).collect();
        return Err(format!(
            "no timestamp column: the file has {}; map one under [source.columns], ts = \"...\"",
            if there.is_empty() { "no columns".into() } else { there.join(", ") }
        ));
    }
    for (path, field, _) in &targets {
        check_type(plain.schema(), path, *field)?;
    }
    let metadata = as_dictionaries(&plain, &targets).unwrap_or(plain);
    let mask = ProjectionMask::leaves(metadata.parquet_schema(), wanted);
    Ok(Columns { metadata, targets, mask, ts_leaf })
}

impl Columns {
    pub fn row_groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// Rows before a row group, and in it.
    pub fn span(&self, group: usize) -> (u64, u64) {
        let rows = |g: usize| u64::try_from(self.metadata.metadata().row_group(g).num_rows()).unwrap_or(0);
        ((0..group).map(rows).sum(), rows(group))
    }

    /// First and last instant of a row group when its statistics prove that no row of it can begin within an hour of
    /// the day.
    pub fn is_outside(&self, group: usize, day: Day, desk: &Desk) -> Option<(i64, i64)> {
        let leaf = self.ts_leaf?;
        let column = self.metadata.metadata().row_group(group).column(leaf);
        let Some(Statistics::Int64(range)) = column.statistics() else { return None };
        let (min, max) = (*range.min_opt()?, *range.max_opt()?);
        let schema = self.metadata.schema();
        let parts = column.column_path().parts();
        let scale = |n: i64| match data_type(schema, parts)? {
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => Some(n),
            DataType::Timestamp(TimeUnit::Millisecond, Some(_)) => n.checked_mul(1_000),
            DataType::Timestamp(TimeUnit::Nanosecond, Some(_)) => Some(n.div_euclid(1_000)),
            _ => None,
        };
        let (min, max) = (scale(min)?, scale(max)?);
        let hour = 3_600 * SECOND_US;
        // Where the log has the end of a request, its start lies earlier, though hardly by more than a day.
        let earlier = if desk.source().time_basis == TimeBasis::End { DAY_US } else { 0 };
        let is_far = max < day.start_us() - hour || min - earlier >= day.end_us() + hour;
        is_far.then_some((min, max))
    }

    /// Reads one row group.
    ///
    /// # Errors
    /// [`Stop::File`] when the file is corrupt.
    pub fn read_group(
        &self,
        file: &Arc<File>,
        group: usize,
        desk: &Desk,
        place: (u32, &std::path::Path),
        book: &mut Book,
        meter: &Meter,
    ) -> Result<(), Stop> {
        let corrupt =
            |e: &dyn std::fmt::Display| Stop::File(format!("row group {}: {}", group + 1, one_line(e)));
        let chunks = Positioned(file.clone());
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, self.metadata.clone())
            .with_row_groups(vec![group])
            .with_projection(self.mask.clone())
            .with_batch_size(BATCH)
            .build()
            .map_err(|e| corrupt(&e))?;
        let (mut before, claimed) = self.span(group);
        let first = before;
        for batch in reader {
            let batch = batch.map_err(|e| corrupt(&e))?;
            self.read_batch(&batch, before, desk, place, book)?;
            before += batch.num_rows() as u64;
            meter.rows(batch.num_rows() as u64);
        }
        if before - first != claimed {
            return Err(corrupt(&format!("{} rows, but its footer says {claimed}", before - first)));
        }
        Ok(())
    }

    fn read_batch(
        &self,
        batch: &RecordBatch,
        before: u64,
        desk: &Desk,
        (file, spill): (u32, &std::path::Path),
        book: &mut Book,
    ) -> Result<(), Stop> {
        let mut columns = Vec::with_capacity(self.targets.len());
        for (path, field, rank) in &self.targets {
            if let Some(array) = leaf(batch, path) {
                columns.push((*field, *rank, array));
            }
        }
        let zone = desk.source().zone;
        let columns: Vec<(usize, u8, Cells<'_>)> =
            columns.iter().map(|(field, rank, array)| (*field, *rank, Cells::of(array, zone))).collect();
        let mut row = RawRow::new();
        for n in 0..batch.num_rows() {
            row.clear();
            for (field, rank, cells) in &columns {
                row.set(*field, *rank, cells.value(n));
            }
            let place = Place { file, chunk: 0, row: before + n as u64 + 1 };
            book.post(desk, &mut row, place, || shown(&columns, n), spill)?;
        }
        Ok(())
    }
}

/// A row for a quarantine excerpt, as text.
fn shown(columns: &[(usize, u8, Cells<'_>)], n: usize) -> Vec<u8> {
    let cells = columns.iter().map(|(field, _, cells)| {
        let name = Field::ALL.get(*field).map_or("?", |f| f.column());
        format!("{name}={}", cells.value(n).excerpt())
    });
    cells.collect::<Vec<_>>().join(" ").into_bytes()
}

/// Low-cardinality text is read as dictionaries: a value is then decoded once per page, not once per row.
fn as_dictionaries(
    plain: &ArrowReaderMetadata,
    targets: &[(Vec<String>, usize, u8)],
) -> Option<ArrowReaderMetadata> {
    let ids = [Field::RequestId, Field::TraceId, Field::MessageId, Field::Ts].map(|f| f as usize);
    let fields: Vec<Arc<ArrowField>> = plain
        .schema()
        .fields()
        .iter()
        .map(|field| {
            let target = targets.iter().find(|(path, _, _)| path.len() == 1 && path[0] == *field.name());
            match (field.data_type(), target) {
                (DataType::Utf8 | DataType::LargeUtf8, Some((_, f, _))) if !ids.contains(f) => {
                    let text = Box::new(DataType::Utf8);
                    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), text);
                    Arc::new(field.as_ref().clone().with_data_type(dictionary))
                }
                (DataType::Utf8 | DataType::LargeUtf8, Some(_)) => {
                    Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View))
                }
                _ => field.clone(),
            }
        })
        .collect();
    let schema = Schema::new_with_metadata(fields, plain.schema().metadata().clone());
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    ArrowReaderMetadata::try_new(plain.metadata().clone(), options).ok()
}

fn data_type<'s>(schema: &'s Schema, path: &[String]) -> Option<&'s DataType> {
    let (first, rest) = path.split_first()?;
    let mut found = schema.field_with_name(first).ok()?.data_type();
    for name in rest {
        let DataType::Struct(fields) = found else { return None };
        found = fields.find(name)?.1.data_type();
    }
    Some(found)
}

/// Refuses a column whose type its field cannot have: better one message for the file than one per row.
fn check_type(schema: &Schema, path: &[String], field: usize) -> Result<(), String> {
    let Some(found) = data_type(schema, path) else { return Ok(()) };
    let is_text = matches!(found, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null)
        || matches!(found, DataType::Dictionary(_, v) if matches!(**v, DataType::Utf8 | DataType::LargeUtf8));
    let is_number = found.is_integer() || matches!(found, DataType::Float32 | DataType::Float64);
    let is_time = matches!(found, DataType::Timestamp(_, _));
    let is_bool = matches!(found, DataType::Boolean);
    let (is_fit, expected) = match Field::ALL.get(field) {
        Some(Field::Ts) => (is_text || is_number || is_time, "a timestamp, a number or text"),
        Some(Field::Duration | Field::HttpStatus | Field::ErrorCode | Field::ErrorSubcode) => {
            (is_text || is_number, "a number or text")
        }
        Some(Field::IsTransient | Field::IsSuccess | Field::Reached) => {
            (is_text || is_bool || found.is_integer(), "a boolean or text")
        }
        _ => (is_text || found.is_integer(), "text or a whole number"),
    };
    if is_fit {
        return Ok(());
    }
    Err(format!("the column `{}` is {found}, expected {expected}", path.join(".")))
}

fn leaf(batch: &RecordBatch, path: &[String]) -> Option<ArrayRef> {
    let (first, rest) = path.split_first()?;
    let mut found = batch.column_by_name(first)?.clone();
    for name in rest {
        let outer = found.as_struct_opt()?;
        let inner = outer.column_by_name(name)?.clone();
        // A null object has no fields, whatever lies below it.
        found = match outer.nulls() {
            Some(nulls) if nulls.null_count() > 0 => mask(&inner, nulls)?,
            _ => inner,
        };
    }
    Some(found)
}

fn mask(array: &ArrayRef, outer: &arrow_buffer::NullBuffer) -> Option<ArrayRef> {
    let nulls = arrow_buffer::NullBuffer::union(array.nulls(), Some(outer));
    let data = array.to_data().into_builder().nulls(nulls).build().ok()?;
    Some(arrow_array::make_array(data))
}

/// Typed access to one column of a batch.
enum Cells<'a> {
    Text(&'a arrow_array::StringArray),
    LargeText(&'a arrow_array::LargeStringArray),
    View(&'a arrow_array::StringViewArray),
    Dictionary(&'a arrow_array::Int32Array, &'a arrow_array::StringArray),
    Int(&'a dyn Array, fn(&dyn Array, usize) -> Option<i64>),
    Float(&'a dyn Array, fn(&dyn Array, usize) -> f64),
    Bool(&'a arrow_array::BooleanArray),
    Time(&'a dyn Array, fn(&dyn Array, usize) -> Option<i64>, Option<chrono_tz::Tz>),
    Odd(&'a dyn Array),
}

macro_rules! int {
    ($array:expr, $kind:ty) => {
        Cells::Int($array, |a, n| i64::try_from(a.as_primitive::<$kind>().value(n)).ok())
    };
}

impl<'a> Cells<'a> {
    fn of(array: &'a ArrayRef, zone: chrono_tz::Tz) -> Self {
        let any: &'a dyn Array = array.as_ref();
        match array.data_type() {
            DataType::Utf8 => Self::Text(array.as_string()),
            DataType::LargeUtf8 => Self::LargeText(array.as_string()),
            DataType::Utf8View => Self::View(array.as_string_view()),
            DataType::Dictionary(_, _) => match array.as_dictionary_opt::<Int32Type>() {
                Some(d) => match d.values().as_string_opt::<i32>() {
                    Some(values) => Self::Dictionary(d.keys(), values),
                    None => Self::Odd(any),
                },
                None => Self::Odd(any),
            },
            DataType::Int8 => int!(any, Int8Type),
            DataType::Int16 => int!(any, Int16Type),
            DataType::Int32 => int!(any, Int32Type),
            DataType::Int64 => int!(any, Int64Type),
            DataType::UInt8 => int!(any, UInt8Type),
            DataType::UInt16 => int!(any, UInt16Type),
            DataType::UInt32 => int!(any, UInt32Type),
            DataType::UInt64 => int!(any, UInt64Type),
            DataType::Float32 => Self::Float(any, |a, n| f64::from(a.as_primitive::<Float32Type>().value(n))),
            DataType::Float64 => Self::Float(any, |a, n| a.as_primitive::<Float64Type>().value(n)),
            DataType::Boolean => Self::Bool(array.as_boolean()),
            DataType::Timestamp(unit, offset) => {
                let us: fn(&dyn Array, usize) -> Option<i64> = match unit {
                    TimeUnit::Second => {
                        |a, n| a.as_primitive::<TimestampSecondType>().value(n).checked_mul(SECOND_US)
                    }
                    TimeUnit::Millisecond => {
                        |a, n| a.as_primitive::<TimestampMillisecondType>().value(n).checked_mul(1_000)
                    }
                    TimeUnit::Microsecond => {
                        |a, n| Some(a.as_primitive::<TimestampMicrosecondType>().value(n))
                    }
                    TimeUnit::Nanosecond => {
                        |a, n| Some(a.as_primitive::<TimestampNanosecondType>().value(n).div_euclid(1_000))
                    }
                };
                // Without an offset the column holds wall-clock time of the source's zone.
                Self::Time(any, us, offset.is_none().then_some(zone))
            }
            _ => Self::Odd(any),
        }
    }

    fn value(&self, n: usize) -> Value<'a> {
        let array: &dyn Array = match self {
            Self::Text(a) => *a,
            Self::LargeText(a) => *a,
            Self::View(a) => *a,
            Self::Dictionary(a, _) => *a,
            Self::Bool(a) => *a,
            Self::Int(a, _) | Self::Float(a, _) | Self::Time(a, _, _) | Self::Odd(a) => *a,
        };
        if array.is_null(n) {
            return Value::Missing;
        }
        match self {
            Self::Text(a) => Value::text(a.value(n).as_bytes()),
            Self::LargeText(a) => Value::text(a.value(n).as_bytes()),
            Self::View(a) => Value::text(a.value(n).as_bytes()),
            Self::Dictionary(keys, values) => match usize::try_from(keys.value(n)) {
                Ok(key) if key < values.len() && values.is_valid(key) => {
                    Value::text(values.value(key).as_bytes())
                }
                _ => Value::Missing,
            },
            Self::Int(a, get) => get(*a, n).map_or(Value::Odd("a number beyond 64 bits"), Value::Int),
            Self::Float(a, get) => Value::Float(get(*a, n)),
            Self::Bool(a) => Value::Bool(a.value(n)),
            Self::Time(a, get, zone) => {
                let us = get(*a, n).and_then(|us| zone.map_or(Some(us), |zone| instant::in_zone(us, zone)));
                us.map_or(Value::Odd("a time out of range"), Value::Instant)
            }
            Self::Odd(_) => Value::Odd("a value of an unsupported type"),
        }
    }
}

/// The decoder's message on one line and of bounded length.
fn one_line(e: &dyn std::fmt::Display) -> String {
    super::value::printable(e.to_string().as_bytes(), 200)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use arrow_array::{Int64Array, StringArray, TimestampMicrosecondArray};
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;

    use super::*;
    use crate::config::{Config, Preset, Source};
    use crate::intake::{Intake, Meter, Vantage, facts};

    fn day() -> Day {
        "2026-11-20".parse().unwrap()
    }

    fn source(path: &Path) -> Source {
        Source {
            name: "edge".into(),
            paths: vec![path.display().to_string()],
            is_named_by_hand: true,
            preset: Preset::Canonical,
            vantage: Vantage::FirstLayer,
            time_basis: TimeBasis::Start,
            zone: chrono_tz::Tz::UTC,
            neighbours: 0,
            has_header: true,
            delimiter: b',',
            columns: Vec::new(),
        }
    }

    fn read(path: &Path, workers: usize) -> Intake {
        let config = Config { sources: vec![source(path)], ..Config::bare("") };
        facts(&config, day(), workers, path.parent().unwrap(), &Meter::default()).unwrap()
    }

    /// `groups` row groups of 500 rows, two seconds apart, from midnight on.
    fn write(path: &Path, groups: i64) {
        let ts = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let schema = Arc::new(Schema::new(vec![
            ArrowField::new("ts", ts, false),
            ArrowField::new("request_id", DataType::Utf8, false),
            ArrowField::new("region", DataType::Utf8, true),
            ArrowField::new("http_status", DataType::Int64, true),
        ]));
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(500)).build();
        let file = File::create(path).unwrap();
        let mut writer = ArrowWriter::try_new(file, schema.clone(), Some(properties)).unwrap();
        for group in 0..groups {
            let n: Vec<i64> = (group * 500..(group + 1) * 500).collect();
            let times = n.iter().map(|n| day().start_us() + n * 2 * SECOND_US).collect::<Vec<_>>();
            let columns: Vec<ArrayRef> = vec![
                Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")),
                Arc::new(StringArray::from_iter_values(n.iter().map(|n| format!("r-{n}")))),
                Arc::new(StringArray::from_iter_values(
                    n.iter().map(|n| if n % 3 == 0 { "eu" } else { "us" }),
                )),
                Arc::new(Int64Array::from_iter_values(n.iter().map(|n| if n % 7 == 0 { 503 } else { 200 }))),
            ];
            writer.write(&RecordBatch::try_new(schema.clone(), columns).unwrap()).unwrap();
        }
        writer.close().unwrap();
    }

    #[test]
    fn row_groups_are_read_side_by_side() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        write(&path, 80);
        let alone = read(&path, 1);
        let together = read(&path, 8);
        assert_eq!(alone.receipt.files[0].failure, None);
        assert_eq!(alone.receipt.files[0].accepted, 40_000);
        assert_eq!(alone.receipt.files, together.receipt.files);
        assert_eq!(alone.facts.rows(), together.facts.rows());
        assert_eq!(alone.facts.evidence(), together.facts.evidence());
    }

    #[test]
    fn row_groups_of_other_days_are_skipped_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        // 100,000 seconds: 13,600 of them on the next day.
        write(&path, 100);
        let file = &read(&path, 2).receipt.files[0];
        assert_eq!((file.rows_read, file.accepted, file.outside), (50_000, 43_200, 6_800));
        assert_eq!(file.last_ts_us, Some(day().start_us() + 49_999 * 2 * SECOND_US));
    }

    #[test]
    fn a_cut_or_scribbled_file_fails_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let (whole, cut) = (folder.path().join("a.parquet"), folder.path().join("b.parquet"));
        write(&whole, 4);
        let mut bytes = std::fs::read(&whole).unwrap();
        std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
        let config = Config { sources: vec![source(&folder.path().join("*.parquet"))], ..Config::bare("") };
        let run = || facts(&config, day(), 2, folder.path(), &Meter::default()).unwrap().receipt.files;
        let files = run();
        assert_eq!(files[0].accepted, 2_000);
        assert!(files[1].failure.is_some() && files[1].rows_read == 0, "{files:?}");
        // Damage in every place: a reason or the right number of rows, never a panic, never a row too few in silence.
        for at in (4..bytes.len()).step_by(311) {
            bytes[at] ^= 0xff;
            std::fs::write(&cut, &bytes).unwrap();
            let file = &run()[1];
            assert!(file.failure.is_some() || file.rows_read == 2_000, "byte {at}: {file:?}");
            bytes[at] ^= 0xff;
        }
    }
}
