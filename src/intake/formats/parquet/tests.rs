//! Tests of Parquet logs: row groups read in parallel, skipped or damaged.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    BinaryArray, Decimal128Array, Float32Array, Float64Array, Int64Array, ListArray, StringArray,
    TimestampMicrosecondArray, UInt16Array, UInt64Array,
};
use arrow_schema::{Field as ArrowField, Schema};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use super::*;
use crate::config::{Config, Source};
use crate::error::Trouble;
use crate::facts::{Intake, Salt};
use crate::intake::Meter;
use crate::intake::files::bytes::log_bytes::LogPlace;
use crate::intake::records::partition_bits::PartitionBits;
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
    crate::intake::read(
        config,
        day,
        crate::intake::Workers::Threads(workers),
        &Salt::new("test"),
        folders,
        i64::MAX,
        meter,
    )?;
    crate::resolve::resolve(
        day,
        &[(day, crate::daybook::DaybookFolder::as_found(folder.path().to_path_buf()).unwrap())].into(),
        config,
        &std::collections::BTreeMap::default(),
        crate::resolve::ResolveParts::on(1),
    )
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
    let file = LogBytes::open(&LogPlace::Disk(path.clone())).unwrap();
    let config = Config { sources: vec![source(&path)], ..Config::bare("") };
    let join = Join::new(&config, &Salt::new("test"));
    let source_reader = SourceReader::new(0, &config.sources[0], &Endpoints::of(&[], &[]), &join);
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
    let file = LogBytes::open(&LogPlace::Disk(path.clone())).unwrap();
    let config = Config { sources: vec![source(&path)], ..Config::bare("") };
    let join = Join::new(&config, &Salt::new("test"));
    let source_reader = SourceReader::new(0, &config.sources[0], &Endpoints::of(&[], &[]), &join);
    let columns = open(&file, &source_reader).unwrap();
    let found = |slice: Slice| {
        let (budget, bits) = (MemoryBudget::new(1 << 20, 1), PartitionBits::FEWEST);
        let mut counts = WorkerCounts::new(day(), config.slot, 1, &budget, bits, false);
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

/// Writes one batch with these columns, and with `ts` and `request_id` unless they are given.
pub fn write_columns(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let rows = columns[0].1.len() as i64;
    let mut all = columns;
    if !all.iter().any(|(name, _)| *name == "ts") {
        let times = (0..rows).map(|n| day().start_us() + n * SECOND_US).collect::<Vec<_>>();
        all.push(("ts", Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"))));
    }
    if !all.iter().any(|(name, _)| *name == "request_id") {
        all.push((
            "request_id",
            Arc::new(StringArray::from_iter_values((0..rows).map(|n| format!("r-{n}")))),
        ));
    }
    let field = |(name, array): &(&str, ArrayRef)| ArrowField::new(*name, array.data_type().clone(), true);
    let schema = Arc::new(Schema::new(all.iter().map(field).collect::<Vec<_>>()));
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), schema.clone(), None).unwrap();
    let arrays = all.into_iter().map(|(_, array)| array).collect();
    writer.write(&RecordBatch::try_new(schema, arrays).unwrap()).unwrap();
    writer.close().unwrap();
}

/// Returns how many events have each status and code, and the reasons of quarantine.
fn outcome(path: &Path) -> (Vec<(u16, i64, i64)>, Vec<String>) {
    let intake = read(path, 1);
    assert_eq!(intake.receipt.files[0].failure, None);
    let mut found: std::collections::BTreeMap<(u16, i64), i64> = std::collections::BTreeMap::new();
    for fact in intake.facts.rows() {
        let kind = &intake.facts.kinds()[fact.kind as usize];
        let key = (kind.http_status.unwrap_or(0), kind.error_code.unwrap_or(0));
        *found.entry(key).or_default() += fact.events;
    }
    let reasons = intake.receipt.quarantine.into_iter().map(|bad| bad.reason).collect();
    (found.into_iter().map(|((status, code), n)| (status, code, n)).collect(), reasons)
}

/// Returns why a file with these columns is not read; `named` is a column of the config.
fn refusal(columns: Vec<(&str, ArrayRef)>, named: Option<(Field, &str)>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write_columns(&path, columns);
    let mut source = source(&path);
    source.columns.extend(named.map(|(field, name)| crate::config::Column {
        field,
        from: crate::config::ColumnSource::Name(name.to_owned()),
        cast: crate::config::Cast::Auto,
        words: Vec::new(),
    }));
    let config = Config { sources: vec![source], ..Config::bare("") };
    facts(&config, day(), 1, folder.path(), &Meter::default()).unwrap_err().to_string()
}

#[test]
fn whole_numbers_are_read_from_every_type_that_holds_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let want = vec![(0, 0, 1), (200, 0, 1), (500, 131_016, 1)];
    let decimal = |values: [Option<i128>; 3], precision, scale| -> ArrayRef {
        let array = Decimal128Array::from(values.to_vec());
        Arc::new(array.with_precision_and_scale(precision, scale).unwrap())
    };
    let codes = || decimal([None, None, Some(131_016)], 38, 0);
    let statuses: Vec<ArrayRef> = vec![
        decimal([None, Some(200), Some(500)], 38, 0),
        decimal([None, Some(200), Some(500)], 9, 0),
        decimal([None, Some(20_000), Some(50_000)], 12, 2),
        Arc::new(Float64Array::from(vec![None, Some(200.0), Some(500.0)])),
        Arc::new(Float64Array::from(vec![f64::NAN, 200.0, 500.0])),
        Arc::new(Float32Array::from(vec![None, Some(200.0), Some(500.0)])),
        Arc::new(UInt64Array::from(vec![None, Some(200), Some(500)])),
        Arc::new(UInt16Array::from(vec![None, Some(200), Some(500)])),
        Arc::new(BinaryArray::from_opt_vec(vec![None, Some(b"200"), Some(b"500")])),
        Arc::new(StringArray::from(vec![None, Some("200"), Some("500")])),
    ];
    for status in statuses {
        let told = format!("{:?}", status.data_type());
        write_columns(&path, vec![("http_status", status), ("error_code", codes())]);
        assert_eq!(outcome(&path), (want.clone(), vec![]), "{told}");
    }
    // What is no whole number costs its row.
    let odd = decimal([Some(20_050), Some(20_000), None], 12, 2);
    write_columns(&path, vec![("http_status", odd)]);
    let (found, reasons) = outcome(&path);
    assert_eq!(found, [(0, 0, 1), (200, 0, 1)]);
    assert!(reasons.len() == 1 && reasons[0].starts_with("http_status is `200.5`"), "{reasons:?}");
}

#[test]
fn decimals_are_instants_and_ids_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let second = i128::from(day().start_us() / SECOND_US);
    for (scale, unit) in [(0, 1), (3, 1_000), (6, 1_000_000)] {
        let times = Decimal128Array::from(vec![second * unit, (second + 61) * unit, (second + 61) * unit]);
        let ids = Decimal128Array::from(vec![10_i128.pow(30), 7, 7]);
        let times = times.with_precision_and_scale(38, scale).unwrap();
        let ids = ids.with_precision_and_scale(38, 0).unwrap();
        write_columns(&path, vec![("ts", Arc::new(times)), ("request_id", Arc::new(ids))]);
        let file = &read(&path, 1).receipt.files[0];
        assert_eq!((file.accepted, file.duplicate, file.quarantine), (2, 1, 0), "{scale}");
        assert_eq!(file.last_ts_us, Some(day().start_us() + 61 * SECOND_US), "{scale}");
    }
}

#[test]
fn bytes_without_annotation_are_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let bytes = |values: [&[u8]; 3]| -> ArrayRef { Arc::new(BinaryArray::from_iter_values(values)) };
    write_columns(
        &path,
        vec![
            ("ts", bytes([b"2026-11-20T10:00:00Z", b"2026-11-20T10:00:01Z", b"2026-11-20T10:00:02Z"])),
            ("request_id", bytes([b"a", b"a", b"b"])),
            ("http_status", bytes([b"200", b"200", b"503"])),
            ("region", bytes([b"eu", b"eu", b"\xff"])),
        ],
    );
    let intake = read(&path, 1);
    let file = &intake.receipt.files[0];
    assert_eq!((file.accepted, file.conflict, file.quarantine), (2, 1, 0), "{file:?}");
    let regions: Vec<&str> = intake.facts.kinds().iter().map(|kind| kind.region.as_str()).collect();
    // A name that is not UTF-8 is read as Latin-1; as the config has no such name, it is hidden.
    assert_eq!(regions, ["eu", &Salt::new("test").word("\u{ff}")]);
}

#[test]
fn lists_maps_and_dates_are_refused_by_name() {
    let list: ArrayRef = Arc::new(ListArray::from_iter_primitive::<arrow_array::types::Int64Type, _, _>([
        Some(vec![Some(131_016)]),
        None,
    ]));
    let columns = |name| vec![(name, list.clone())];
    let leaf = "errors.list.item";
    let why = refusal(columns("errors"), Some((Field::ErrorCode, leaf)));
    assert!(why.contains(&format!("the column `{leaf}` lies in a list or a map")), "{why}");
    let why = refusal(columns("errors"), Some((Field::ErrorCode, "errors")));
    assert!(why.contains("it has no column `errors`") && why.contains(leaf), "{why}");
    let why = refusal(columns("Error_Code"), None);
    assert!(why.contains("the column `Error_Code` is a list, a map or a group"), "{why}");
    let dates: ArrayRef = Arc::new(arrow_array::Date32Array::from(vec![20_000]));
    let why = refusal(vec![("ts", dates)], None);
    assert!(why.contains("the column `ts` is Date32, expected a timestamp"), "{why}");
}

#[test]
fn a_column_that_stands_twice_is_refused() {
    let status = || -> ArrayRef { Arc::new(Int64Array::from(vec![200])) };
    let why = refusal(vec![("http_status", status()), ("http_status", status())], None);
    assert!(why.contains("the column `http_status` stands in it twice"), "{why}");
    let why = refusal(vec![("HTTP_STATUS", status()), ("httpStatus", status())], None);
    assert!(why.contains("`HTTP_STATUS` and `httpStatus` can both be meant by `http_status`"), "{why}");
}

#[test]
fn columns_are_found_in_capitals() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let status: ArrayRef = Arc::new(Int64Array::from(vec![200, 503]));
    let ids: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    write_columns(&path, vec![("HTTP_STATUS", status), ("RequestId", ids)]);
    assert_eq!(outcome(&path), (vec![(200, 0, 1), (503, 0, 1)], vec![]));
}

#[test]
fn instants_of_every_unit_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let second = day().start_us() / SECOND_US + 3;
    let units: [ArrayRef; 5] = [
        Arc::new(arrow_array::TimestampSecondArray::from(vec![second])),
        Arc::new(arrow_array::TimestampMillisecondArray::from(vec![second * 1_000]).with_timezone("+02:00")),
        Arc::new(arrow_array::TimestampNanosecondArray::from(vec![second * 1_000_000_000])),
        Arc::new(Int64Array::from(vec![second * 1_000])),
        Arc::new(Float64Array::from(vec![second as f64])),
    ];
    for times in units {
        let told = format!("{:?}", times.data_type());
        write_columns(&path, vec![("ts", times)]);
        let file = &read(&path, 1).receipt.files[0];
        assert_eq!((file.accepted, file.first_ts_us), (1, Some(second * SECOND_US)), "{told}");
    }
}
