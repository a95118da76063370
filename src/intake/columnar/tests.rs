//! Tests of reading Parquet logs: side by side, skipped, damaged.

use std::path::Path;

use arrow_array::{Int64Array, StringArray, TimestampMicrosecondArray};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use super::*;
use crate::config::{Config, Source};
use crate::error::Trouble;
use crate::intake::{Intake, Meter, Salt};

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

/// A day from its logs to its facts, as the pipeline does it.
pub fn facts(
    config: &Config,
    day: Day,
    workers: usize,
    spill: &Path,
    meter: &Meter,
) -> Result<Intake, Trouble> {
    let folder = tempfile::tempdir().unwrap();
    let places = (spill, folder.path());
    crate::intake::read(config, day, workers, &Salt::new("test"), places, meter)?;
    crate::intake::resolve(day, &[(day, folder.path().to_path_buf())].into(), config)
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
