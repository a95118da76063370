//! Tests of Parquet logs: row groups read in parallel, skipped or damaged.

use std::path::Path;

use arrow_array::{Int64Array, StringArray, TimestampMicrosecondArray};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use super::*;
use crate::config::{Config, Source};
use crate::error::Trouble;
use crate::facts::{Intake, Salt};
use crate::intake::Meter;
use crate::intake::records::partitions::MemoryBudget;
use crate::intake::rows::endpoints::Endpoints;
use crate::intake::rows::source_reader::Join;

fn day() -> Day {
    "2026-11-20".parse().unwrap()
}

pub fn source(path: &Path) -> Source {
    Source {
        paths: vec![path.display().to_string()],
        is_named_by_hand: true,
        neighbours: 0,
        ..Source::bare("edge", crate::config::Log::Requests)
    }
}

/// Reads a day from its logs to its facts, as the pipeline does.
pub fn facts(
    config: &Config,
    day: Day,
    workers: usize,
    spill: &Path,
    meter: &Meter,
) -> Result<Intake, Trouble> {
    let folder = tempfile::tempdir().unwrap();
    let folders = crate::intake::IntakeFolders { spill, daybook: folder.path() };
    crate::intake::read(config, day, workers, &Salt::new("test"), folders, i64::MAX, meter)?;
    crate::resolve::resolve(day, &[(day, folder.path().to_path_buf())].into(), config)
}

fn read(path: &Path, workers: usize) -> Intake {
    let config = Config { sources: vec![source(path)], ..Config::bare("") };
    facts(&config, day(), workers, path.parent().unwrap(), &Meter::default()).unwrap()
}

/// Writes `groups` row groups of 500 rows, two seconds apart, from midnight on.
fn write(path: &Path, groups: i64) {
    write_rows(path, groups, 500, 2 * SECOND_US);
}

/// Writes `groups` row groups of `rows` rows, `step_us` apart, from midnight on.
fn write_rows(path: &Path, groups: i64, rows: i64, step_us: i64) {
    let ts = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let schema = Arc::new(Schema::new(vec![
        ArrowField::new("ts", ts, false),
        ArrowField::new("request_id", DataType::Utf8, false),
        ArrowField::new("region", DataType::Utf8, true),
        ArrowField::new("http_status", DataType::Int64, true),
    ]));
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(rows as usize)).build();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, schema.clone(), Some(properties)).unwrap();
    for group in 0..groups {
        let n: Vec<i64> = (group * rows..(group + 1) * rows).collect();
        let times = n.iter().map(|n| day().start_us() + n * step_us).collect::<Vec<_>>();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")),
            Arc::new(StringArray::from_iter_values(n.iter().map(|n| format!("r-{n}")))),
            Arc::new(StringArray::from_iter_values(n.iter().map(|n| if n % 3 == 0 { "eu" } else { "us" }))),
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
fn a_row_group_that_is_the_whole_file_is_read_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let rows = 2 * SLICE as i64 + 5;
    write_rows(&path, 1, rows, SECOND_US / 20);
    let file = Arc::new(File::open(&path).unwrap());
    let config = Config { sources: vec![source(&path)], ..Config::bare("") };
    let join = Join::new(&config, &Salt::new("test"));
    let source_reader = SourceReader::new(0, &config.sources[0], &Endpoints::of(&[]), &join);
    let slices = open(&file, &source_reader).unwrap().slices();
    let bounds: Vec<(u64, u64)> =
        slices.iter().map(|slice| (slice.begin, slice.begin + slice.rows)).collect();
    assert_eq!(bounds, [(0, 349_527), (349_527, 699_054), (699_054, 1_048_581)]);

    let alone = read(&path, 1);
    assert_eq!(alone.receipt.files[0].accepted, rows as u64);
    for workers in [2, 3] {
        let together = read(&path, workers);
        assert_eq!(alone.receipt.files, together.receipt.files);
        assert_eq!(alone.facts.rows(), together.facts.rows());
        assert_eq!(alone.facts.evidence(), together.facts.evidence());
    }
}

#[test]
fn row_groups_of_other_days_are_skipped_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    // 100,000 seconds, of which 13,600 are on the next day.
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
    // Wherever a file is damaged, it gives a reason or the right number of rows. It never panics,
    // and no row is lost in silence.
    let scribble = |bytes: &mut Vec<u8>, rows: u64, step: usize| {
        for at in (4..bytes.len()).step_by(step) {
            bytes[at] ^= 0xff;
            std::fs::write(&cut, &bytes).unwrap();
            let file = &run()[1];
            assert!(file.failure.is_some() || file.rows_read == rows, "byte {at}: {file:?}");
            bytes[at] ^= 0xff;
        }
    };
    scribble(&mut bytes, 2_000, 311);
    // The same for a row group that is read in slices.
    write_rows(&cut, 1, 600_000, SECOND_US / 10);
    let mut bytes = std::fs::read(&cut).unwrap();
    let step = bytes.len() / 12;
    scribble(&mut bytes, 600_000, step);
}

/// A writer with a bug may leave fewer rows than its footer says, or more.
#[test]
fn a_slice_knows_how_many_rows_there_should_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write_rows(&path, 1, 600_000, SECOND_US / 10);
    let file = Arc::new(File::open(&path).unwrap());
    let config = Config { sources: vec![source(&path)], ..Config::bare("") };
    let join = Join::new(&config, &Salt::new("test"));
    let source_reader = SourceReader::new(0, &config.sources[0], &Endpoints::of(&[]), &join);
    let columns = open(&file, &source_reader).unwrap();
    let found = |slice: Slice| {
        let mut counts = WorkerCounts::new(day(), config.slot, 1, &MemoryBudget::new(1 << 20, 1), false);
        counts.begin_item();
        let found = columns.read_slice(
            &file,
            slice,
            &source_reader,
            FilePlace { file: 0, spill: folder.path() },
            &mut counts,
            &Meter::default(),
        );
        found.map_err(|stop| if let Stop::File(why) = stop { why } else { String::new() })
    };
    let slice = columns.slices()[1];
    assert_eq!((slice.begin, slice.rows, slice.is_last), (300_000, 300_000, true));
    assert_eq!(found(slice), Ok(()));
    let more = found(Slice { rows: 299_999, ..slice }).unwrap_err();
    assert_eq!(more, "row group 1: 600000 rows, but its footer says 599999");
    let fewer = found(Slice { rows: 300_001, ..slice }).unwrap_err();
    assert_eq!(fewer, "row group 1: 600000 rows, but its footer says 600001");
}

/// The first bad rows of a file are kept, whoever reads how many of its row groups.
///
/// The row groups may be of any length.
#[test]
fn the_first_bad_rows_are_kept_with_any_number_of_workers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let schema = Arc::new(Schema::new(vec![ArrowField::new("ts", DataType::Utf8, false)]));
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), schema.clone(), None).unwrap();
    for rows in [1_200, 5_000, 1_200, 20_000] {
        let bad: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|_| "some day")));
        writer.write(&RecordBatch::try_new(schema.clone(), vec![bad]).unwrap()).unwrap();
        writer.flush().unwrap();
    }
    writer.close().unwrap();
    for workers in [1, 2, 3] {
        let quarantine = read(&path, workers).receipt.quarantine;
        let lines: Vec<u64> = quarantine.iter().map(|bad| bad.line).collect();
        assert_eq!(lines, (1..=1_000).collect::<Vec<_>>(), "{workers} workers");
    }
}
