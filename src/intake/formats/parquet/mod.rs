//! Parquet logs: row groups to rows, through arrow-rs.

mod cells;
mod keys;
mod objects;
mod positioned;
mod types;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use cells::{Cells, Foreseen};
use keys::{BatchColumn, Keys};
use objects::ObjectRows;
pub use objects::write_row;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelector,
};
use parquet::file::statistics::Statistics;
pub use positioned::Positioned;
use types::{as_read, check_groups, check_type, data_type};

use super::lines::{ProgramRows, Stop};
use crate::config::{Field, TimeBasis};
use crate::day::{DAY_US, Day, SECOND_US};
use crate::intake::counting::notes::evidence::RowPlace;
use crate::intake::counting::worker_counts::WorkerCounts;
use crate::intake::files::bytes::log_bytes::LogBytes;
use crate::intake::meter::Meter;
use crate::intake::rows::mapping::MappedField;
use crate::intake::rows::raw_row::RawRow;
use crate::intake::rows::sketch::{FieldRole, Sketch, is_sketchable};
use crate::intake::rows::source_reader::SourceReader;
use crate::table::decoded;

/// Rows decoded at a time.
const BATCH: usize = 8_192;
/// Approximate number of rows per slice.
///
/// Each slice has to find its first page and to decode the dictionaries anew, which takes little
/// time compared to its rows. Limits on names hold per slice, so the cuts must not depend on who
/// reads them.
const SLICE: u64 = 512 << 10;
/// Limit on slices per row group: a corrupt footer can claim any number of rows.
const MOST_SLICES: u64 = 1 << 12;

/// Metadata and mapped columns of a Parquet file, known before its rows are read.
pub struct LogColumns {
    metadata: ArrowReaderMetadata,
    targets: Vec<Target>,
    /// Role of each column in a sketch; empty if rows cannot be sketched.
    parts: Vec<FieldRole>,
    /// Position of the timestamp column, for its statistics.
    ts_leaf: Option<usize>,
    /// Rows of another program, which are read as its format says.
    objects: Option<ObjectRows>,
}

/// Rows of one row group that are read as one work item.
#[derive(Debug, Clone, Copy)]
pub struct Slice {
    pub group: usize,
    /// Rows of the group before the slice.
    begin: u64,
    pub rows: u64,
    /// True for the last slice of its group, which checks that no further rows follow.
    is_last: bool,
}

/// Number of the file, and the folder for its records.
#[derive(Debug, Clone, Copy)]
pub struct FilePlace<'a> {
    pub file: u32,
    pub spill: &'a std::path::Path,
}

/// A mapped column.
struct Target {
    path: Vec<String>,
    leaf: usize,
    field: usize,
    rank: u8,
}

/// Returns the names of the columns of a file.
///
/// # Errors
/// The footer is corrupt or cannot be read.
pub fn names(file: &LogBytes) -> Result<Vec<String>, String> {
    let names = |metadata: &ArrowReaderMetadata| {
        metadata.schema().fields().iter().map(|field| field.name().clone()).collect()
    };
    metadata(file).as_ref().map(names).map_err(Clone::clone)
}

fn metadata(file: &LogBytes) -> Result<ArrowReaderMetadata, String> {
    let chunks = Positioned::new(file).map_err(|e| one_line(&e))?;
    decoded(|| ArrowReaderMetadata::load(&chunks, ArrowReaderOptions::new())).map_err(|e| one_line(&e))
}

/// Opens a file, and finds its mapped columns.
///
/// # Errors
/// The footer is corrupt, a required column is missing or stands twice, or a column has a type that
/// its field cannot have.
pub fn open(file: &LogBytes, source_reader: &SourceReader) -> Result<LogColumns, String> {
    let plain = metadata(file)?;
    if source_reader.foreign().is_some() {
        let root = plain.parquet_schema().root_schema();
        let objects = Some(ObjectRows::of(root, |column| source_reader.names_column(column))?);
        return Ok(LogColumns {
            metadata: plain,
            targets: Vec::new(),
            parts: Vec::new(),
            ts_leaf: None,
            objects,
        });
    }
    let leaves = plain.parquet_schema().columns();
    let paths: Vec<String> = leaves.iter().map(|column| column.path().parts().join(".")).collect();
    let mapping = &source_reader.mapping;
    let target = |(leaf, entry): (usize, &MappedField)| {
        let path = leaves[leaf].path().parts().to_vec();
        Target { path, leaf, field: entry.field, rank: entry.rank }
    };
    let targets: Vec<Target> = mapping.columns(&paths)?.into_iter().map(target).collect();
    let ts_leaf = targets.iter().find(|target| target.field == Field::Ts as usize && target.rank == 0);
    let ts_leaf = ts_leaf.map(|target| target.leaf);
    let has_ts = targets.iter().any(|target| target.field == Field::Ts as usize);
    let is_ts_constant = mapping.constants.iter().any(|(field, _)| *field == Field::Ts as usize);
    if !has_ts && !is_ts_constant {
        let there: Vec<String> = leaves.iter().take(12).map(|c| c.path().string()).collect();
        return Err(format!(
            "no timestamp column: the file has {}; map one under [source.columns], ts = \"...\"",
            if there.is_empty() { "no columns".into() } else { there.join(", ") }
        ));
    }
    for target in &targets {
        check_type(plain.schema(), &target.path, target.field)?;
    }
    let is_found = |entry: &MappedField| targets.iter().any(|target| target.field == entry.field);
    check_groups(leaves, mapping.entries.iter().filter(|entry| !is_found(entry)))?;
    let metadata = as_read(&plain, &targets).unwrap_or(plain);
    let is_plain = (1..targets.len())
        .all(|n| targets[..n].iter().all(|t| t.field != targets[n].field && t.leaf != targets[n].leaf));
    let part = |target: &Target| FieldRole::of(target.field, source_reader.source().log);
    let parts = if is_plain && is_sketchable(source_reader) {
        targets.iter().map(part).collect()
    } else {
        Vec::new()
    };
    Ok(LogColumns { metadata, targets, parts, ts_leaf, objects: None })
}

impl LogColumns {
    /// Cuts all rows into slices: one per row group, or several of about the same length.
    pub fn slices(&self) -> Vec<Slice> {
        let slices = (0..self.metadata.metadata().num_row_groups()).flat_map(|group| {
            let rows = self.rows_of(group);
            // Objects are read from the beginning of their group.
            let count = if self.objects.is_some() { 1 } else { rows.div_ceil(SLICE).clamp(1, MOST_SLICES) };
            let border = move |n: u64| (u128::from(rows) * u128::from(n) / u128::from(count)) as u64;
            (0..count).map(move |n| Slice {
                group,
                begin: border(n),
                rows: border(n + 1) - border(n),
                is_last: n + 1 == count,
            })
        });
        slices.collect()
    }

    fn rows_of(&self, group: usize) -> u64 {
        u64::try_from(self.metadata.metadata().row_group(group).num_rows()).unwrap_or(0)
    }

    /// Returns first and last instant of a row group that lies outside the day.
    ///
    /// Its statistics must prove that no row can begin within an hour of the day.
    pub fn is_outside(&self, group: usize, day: Day, source_reader: &SourceReader) -> Option<(i64, i64)> {
        let leaf = self.ts_leaf?;
        let column = self.metadata.metadata().row_group(group).column(leaf);
        let Some(Statistics::Int64(range)) = column.statistics() else { return None };
        // A row without a timestamp must be read, so that it is quarantined.
        if range.null_count_opt() != Some(0) {
            return None;
        }
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
        // If the log has the end of a request, its start is earlier, though hardly by more than a
        // day.
        let earlier = if source_reader.source().time_basis == TimeBasis::End { DAY_US } else { 0 };
        let is_far = max < day.start_us() - hour || min.saturating_sub(earlier) >= day.end_us() + hour;
        is_far.then_some((min, max))
    }

    /// Reads the rows of a slice.
    ///
    /// # Errors
    /// [`Stop::File`] if the file is corrupt, [`Stop::Run`] if spilling to disk failed.
    pub fn read_slice(
        &self,
        file: &LogBytes,
        Slice { group, begin, rows, is_last }: Slice,
        source_reader: &SourceReader,
        place: FilePlace<'_>,
        counts: &mut WorkerCounts,
        meter: &Meter,
    ) -> Result<(), Stop> {
        let corrupt =
            |e: &dyn std::fmt::Display| Stop::File(format!("row group {}: {}", group + 1, one_line(e)));
        if let Some(objects) = &self.objects {
            let first = (0..group).map(|group| self.rows_of(group)).fold(0, u64::saturating_add);
            let mut lines = ProgramRows::new(source_reader, place.spill);
            let mut row = first;
            let found = objects.read(
                file,
                group,
                &mut |object| {
                    row = row.saturating_add(1);
                    let place = RowPlace { file: place.file, chunk: 0, row };
                    meter.rows(1)?;
                    lines.columns(object, place, counts)
                },
                |e| corrupt(&e),
            )?;
            if found != rows {
                return Err(corrupt(&format!("{found} rows, but its footer says {rows}")));
            }
            return Ok(());
        }
        let foreseen = self.foresee(group);
        let wanted = self.targets.iter().zip(&foreseen).filter(|(_, foreseen)| foreseen.is_none());
        let wanted = wanted.map(|(target, _)| target.leaf);
        let chunks = Positioned::new(file).map_err(|e| corrupt(&e))?;
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, self.metadata.clone())
            .with_row_groups(vec![group])
            .with_projection(ProjectionMask::leaves(self.metadata.parquet_schema(), wanted))
            .with_batch_size(BATCH);
        if begin > 0 || !is_last {
            // One row more than there should be, to find a group with more rows than its footer
            // says.
            let wanted = rows + u64::from(is_last);
            let skipped = RowSelector::skip(usize::try_from(begin).unwrap_or(usize::MAX));
            let selected = RowSelector::select(usize::try_from(wanted).unwrap_or(usize::MAX));
            builder = builder.with_row_selection(vec![skipped, selected].into());
        }
        let mut batches = decoded(|| builder.build()).map_err(|e| corrupt(&e))?;
        let first = (0..group).map(|group| self.rows_of(group)).fold(begin, u64::saturating_add);
        let mut before = first;
        while let Some(batch) = decoded(|| Ok(batches.next().transpose()?)).map_err(|e| corrupt(&e))? {
            self.read_batch(&batch, &foreseen, before, source_reader, place, counts)?;
            before = before.saturating_add(batch.num_rows() as u64);
            meter.rows(batch.num_rows() as u64)?;
        }
        if before - first != rows {
            let found = begin + before - first;
            let claimed = if is_last { begin + rows } else { self.rows_of(group) };
            return Err(corrupt(&format!("{found} rows, but its footer says {claimed}")));
        }
        Ok(())
    }

    /// Returns, for each column, whether statistics make it unnecessary to read it in a row group.
    ///
    /// That is so if no row has a value, or if every row has one and only its presence matters.
    fn foresee(&self, group: usize) -> Vec<Option<Foreseen>> {
        let group = self.metadata.metadata().row_group(group);
        let statistics = |target: &Target| {
            let found = group.column(target.leaf).statistics().filter(|_| target.path.len() == 1);
            found.and_then(|found| Some((found, found.null_count_opt()?)))
        };
        let rows = u64::try_from(group.num_rows()).unwrap_or(0);
        let is_whole = |target: &Target| match statistics(target) {
            // No nulls, and neither empty text nor `-`, which sort before all other text.
            Some((found @ Statistics::ByteArray(range), 0)) => {
                !found.is_min_max_deprecated()
                    && range.min_opt().is_some_and(|min| min.data() > b"-".as_slice())
            }
            _ => false,
        };
        let has_services = self.targets.iter().any(|t| t.field == Field::Service as usize && is_whole(t));
        let foresee = |(target, part): (&Target, &FieldRole)| {
            let is_never_read = match part {
                FieldRole::PresenceOnly => true,
                FieldRole::Ignored => target.field == Field::Endpoint as usize && has_services,
                FieldRole::SketchKey | FieldRole::PerRowField(_) => false,
            };
            match statistics(target) {
                Some((_, nulls)) if nulls == rows && target.field != Field::Ts as usize => {
                    Some(Foreseen::Nowhere)
                }
                _ if is_never_read && is_whole(target) => Some(Foreseen::Everywhere),
                _ => None,
            }
        };
        if self.parts.is_empty() {
            return self.targets.iter().map(|_| None).collect();
        }
        self.targets.iter().zip(&self.parts).map(foresee).collect()
    }

    fn read_batch(
        &self,
        batch: &RecordBatch,
        foreseen: &[Option<Foreseen>],
        before: u64,
        source_reader: &SourceReader,
        FilePlace { file, spill }: FilePlace<'_>,
        counts: &mut WorkerCounts,
    ) -> Result<(), Stop> {
        let arrays: Vec<Option<ArrayRef>> =
            self.targets.iter().map(|target| leaf(batch, &target.path)).collect();
        let zone = source_reader.source().zone;
        let mut columns: Vec<BatchColumn<'_>> = Vec::with_capacity(arrays.len());
        for ((target, array), foreseen) in self.targets.iter().zip(&arrays).zip(foreseen) {
            let cells = match (foreseen, array) {
                (Some(foreseen), _) => Cells::foreseen(*foreseen),
                (None, Some(array)) => Cells::of(array, zone),
                (None, None) => continue,
            };
            columns.push(BatchColumn { field: target.field, rank: target.rank, cells });
        }
        // Dictionary codes hold for one batch only.
        counts.memo.clear();
        let is_whole = columns.len() == self.parts.len();
        let keys = is_whole
            .then(|| Keys::of(batch.num_rows(), &columns, &self.parts, source_reader.is_joined()))
            .flatten();
        let (mut row, mut sketch) = (RawRow::new(), Sketch::new());
        for n in 0..batch.num_rows() {
            let place = RowPlace { file, chunk: 0, row: before + n as u64 + 1 };
            let keys = keys.as_ref().filter(|_| counts.memo.is_worth_it());
            let is_sketched = keys.is_some_and(|keys| keys.sketch(n, &mut sketch));
            if is_sketched && counts.post_sketched(source_reader, &sketch, &place, spill)? {
                continue;
            }
            row.clear();
            for column in &columns {
                row.set(column.field, column.rank, column.cells.value(n));
            }
            counts.post(source_reader, &mut row, place, || shown(&columns, n), spill)?;
            if is_sketched {
                counts.learn(&sketch);
            }
        }
        Ok(())
    }
}

/// Returns a row as text, for a quarantine excerpt.
fn shown(columns: &[BatchColumn<'_>], n: usize) -> Vec<u8> {
    let cells = columns.iter().filter(|column| column.cells.is_read()).map(|column| {
        let name = Field::ALL.get(column.field).map_or("?", |f| f.column());
        format!("{name}={}", column.cells.value(n).excerpt())
    });
    cells.collect::<Vec<_>>().join(" ").into_bytes()
}

fn leaf(batch: &RecordBatch, path: &[String]) -> Option<ArrayRef> {
    let (first, rest) = path.split_first()?;
    let mut found = batch.column_by_name(first)?.clone();
    for name in rest {
        let outer = found.as_struct_opt()?;
        let inner = outer.column_by_name(name)?.clone();
        // A null object has no fields, whatever is stored below it.
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

/// Returns the decoder's message on one line, with at most 200 characters.
fn one_line(e: &dyn std::fmt::Display) -> String {
    crate::redact::printable(e.to_string().as_bytes(), 200)
}

#[cfg(test)]
pub mod tests;
