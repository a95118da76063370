//! Tests of the fast path: its counts are those of the same log read without sketches.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;

use crate::config::{Cast, Column, ColumnSource, Config, Field, Log, Source};
use crate::facts::Salt;
use crate::intake::Meter;
use crate::intake::counting::worker_counts;
use crate::intake::files::detect;
use crate::intake::formats::lines::TextParser;
use crate::intake::formats::parquet::tests::source;
use crate::intake::records::partition_bits::PartitionBits;
use crate::intake::records::partitions;
use crate::intake::rows::{endpoints, source_reader};

/// A JSON key with the values that a log may have for it, the most frequent ones first.
type SketchKey = (&'static str, &'static [&'static str]);

const TIMES: [&str; 9] = [
    "\"2026-11-20T10:00:00Z\"",
    "\"2026-11-20T10:00:30.25Z\"",
    "\"2026-11-20 23:59:59.999999+00:00\"",
    "\"2026-11-20T10:07:00+02:00\"",
    "1795168800",
    "1795168800123.5",
    "\"2026-11-19T23:30:00Z\"",
    "\"2026-11-21T00:10:00Z\"",
    "\"soon\"",
];
const IDS: [&str; 9] = [
    "\"a-1\"",
    "\"a-2\"",
    "\"a-3\"",
    "\"a-4\"",
    "17",
    "123456789012345678901",
    "\"\\u0061-1\"",
    "\"-\"",
    "\"ü\"",
];
const NAMES: [&str; 6] = ["\"eu\"", "\"eu\"", "\"us\"", "\"\"", "null", "\"é\\n\""];

const CALLS: [SketchKey; 15] = [
    ("ts", &TIMES),
    (
        "duration_ms",
        &["12.5", "7", "0.1", "1e3", "-1", "00", "\"3\"", "12345678901234567.25", "0.30000000000000004"],
    ),
    ("request_id", &IDS),
    ("trace_id", &["\"t\"", "\"t\"", "\"\"", "null", "\"-\""]),
    ("business_id", &["\"b1\"", "\"b2\"", "3", "\"\"", "true"]),
    ("service", &["\"messages\"", "\"messages\"", "\"media\"", "\"\"", "\"-\"", "{\"a\":1}"]),
    ("endpoint", &["\"/1/messages\"", "\"/2/media\"", "\"\\/3\""]),
    ("region", &NAMES),
    ("http_status", &["200", "200", "200", "200", "500", "\"200\"", "2e2", "null", "99", "200.0"]),
    ("symptom", &["\"\"", "\"none\"", "\"timeout\"", "\"odd\"", "null"]),
    ("error_code", &["null", "131016", "\"\"", "131016.5"]),
    ("is_success", &["null", "true", "false", "\"true\""]),
    ("message_id", &["\"m-1\"", "\"m-2\"", "\"m-3\"", "\"\"", "null", "[1]"]),
    ("message_status", &["\"accepted\"", "\"accepted\"", "\"paused\"", "\"\""]),
    ("client_version", &["\"1.2\"", "\"1.3\"", "\"\"", "5"]),
];

const ATTEMPTS: [SketchKey; 13] = [
    ("ts", &TIMES),
    ("event_ts", &["\"2026-11-20T09:59:59Z\"", "\"2026-11-20T10:00:00Z\"", "null", "\"\"", "\"x\""]),
    ("webhook_id", &IDS),
    ("business_id", &["\"b1\"", "\"b2\"", "3", "\"\"", "true"]),
    ("service", &["\"\"", "\"webhooks\"", "null"]),
    ("region", &NAMES),
    ("field", &["\"messages\"", "\"other\"", "7"]),
    ("message_id", &["\"m-1\"", "\"m-2\"", "\"m-3\"", "\"\"", "null"]),
    (
        "status",
        &[
            "\"sent\"",
            "\"delivered\"",
            "\"failed\"",
            "\"\"",
            "\"a word that is so long that nobody remembers it\"",
        ],
    ),
    ("error_code", &["null", "131026", "\"\""]),
    ("attempt_no", &["1", "1", "2", "0", "\"1\"", "null"]),
    ("outcome", &["\"http\"", "\"http\"", "\"timeout\"", "null"]),
    ("http_status", &["200", "200", "500", "null", "\"\""]),
];

/// One generated row.
///
/// `dice` choose the value of each key, a low die a frequent one. `oddity` changes the order of the
/// keys, or makes the row unusual in another way.
#[derive(Debug, Clone)]
struct Line {
    dice: Vec<u8>,
    oddity: u8,
}

fn lines(keys: usize) -> impl Strategy<Value = Vec<Line>> {
    // Three of four dice are low, so that most rows share their values.
    let die = prop_oneof![3 => 0_u8..2, 1 => 0_u8..12];
    let line = (prop::collection::vec(die, keys), prop_oneof![4 => Just(0_u8), 1 => 0_u8..12]);
    prop::collection::vec(line.prop_map(|(dice, oddity)| Line { dice, oddity }), 1..60)
}

fn value(key: &SketchKey, die: u8) -> &'static str {
    key.1[usize::from(die) % key.1.len()]
}

fn ndjson(keys: &[SketchKey], lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines {
        let mut pairs: Vec<String> = keys
            .iter()
            .zip(&line.dice)
            // Most logs omit a key without a value.
            .filter(|(key, die)| line.oddity == 1 || value(key, **die) != "null")
            .map(|(key, die)| format!("\"{}\":{}", key.0, value(key, *die)))
            .collect();
        match line.oddity {
            2 => pairs.reverse(),
            3 => pairs.push(pairs[0].clone()),
            4 => pairs.push("\"more\":\"x\"".into()),
            5 => pairs.push("\"more\":{\"deep\":[1,null]}".into()),
            6 => pairs.push("\"more\":\"\\q\"".into()),
            7 => pairs.push("\"t\\u0073\":\"x\"".into()),
            8 => _ = pairs.pop(),
            9 => pairs.push("\"more\":01".into()),
            _ => {}
        }
        let (between, end) = if line.oddity == 10 { (" , ", "} ") } else { (",", "}") };
        let end = if line.oddity == 11 { "" } else { end };
        writeln!(text, "{{{}{end}", pairs.join(between)).unwrap();
    }
    text
}

fn csv(keys: &[SketchKey], lines: &[Line]) -> String {
    let names: Vec<&str> = keys.iter().map(|key| key.0).collect();
    let mut text = names.join(",") + "\n";
    for line in lines {
        let mut fields: Vec<String> = keys
            .iter()
            .zip(&line.dice)
            .map(|(key, die)| match value(key, *die) {
                "null" => String::new(),
                text => text.trim_matches('"').replace(['"', ',', '\n'], ""),
            })
            .collect();
        match line.oddity {
            1 => fields[2] = format!("\"{}\"", fields[2]),
            2 => fields[5] = "\"with, a comma\"".into(),
            3 => _ = fields.pop(),
            4 => fields.push("more".into()),
            5 => fields[0] = "\"open".into(),
            _ => {}
        }
        text += &fields.join(",");
        text += if line.oddity == 6 { "\r\n" } else { "\n" };
    }
    text
}

/// Writes a Parquet file with text columns as text and number columns as numbers.
///
/// A value that is not a number is null in a number column.
fn parquet(path: &Path, keys: &[SketchKey], lines: &[Line], has_statistics: bool) {
    let columns = keys.iter().enumerate().map(|(at, key)| {
        let texts = lines.iter().map(|line| match value(key, line.dice[at]) {
            "null" => None,
            text => Some(text.trim_matches('"')),
        });
        let array: ArrayRef = match key.0 {
            "http_status" | "error_code" | "attempt_no" => {
                Arc::new(texts.map(|text| text?.parse::<i64>().ok()).collect::<Int64Array>())
            }
            "duration_ms" => Arc::new(texts.map(|text| text?.parse::<f64>().ok()).collect::<Float64Array>()),
            "is_success" => Arc::new(texts.map(|text| text?.parse::<bool>().ok()).collect::<BooleanArray>()),
            _ => Arc::new(texts.collect::<StringArray>()),
        };
        (key.0, array, true)
    });
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let statistics = if has_statistics {
        parquet::file::properties::EnabledStatistics::Page
    } else {
        parquet::file::properties::EnabledStatistics::None
    };
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(16))
        .set_statistics_enabled(statistics)
        .build();
    let file = fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Configures the sources of a day, with or without sketches.
///
/// A source that replaces words of a field unique to each row is never sketched; no log has the
/// replaced word.
fn config(calls: &Path, attempts: Option<&Path>, is_sketched: bool) -> Config {
    let mut sources = vec![source(calls)];
    sources.extend(attempts.map(|path| Source { name: "hooks".into(), log: Log::Webhooks, ..source(path) }));
    // Columns are named, so that names in no row are reported.
    for source in &mut sources {
        let fields: &[Field] = match source.log {
            Log::Requests => &[Field::MessageId, Field::Endpoint, Field::BusinessId, Field::HttpStatus],
            Log::Webhooks => &[Field::MessageId, Field::EventTs, Field::Status],
        };
        let column = |field: &Field| {
            let is_replaced = !is_sketched && *field == Field::MessageId;
            let words = is_replaced.then(|| ("a word of no log".to_owned(), "x".to_owned()));
            let from = ColumnSource::Name(field.column().to_owned());
            Column { field: *field, from, cast: Cast::Auto, words: words.into_iter().collect() }
        };
        source.columns = fields.iter().map(column).collect();
    }
    Config { sources, ..Config::bare("") }
}

/// Returns everything known of a day in the end, as text.
fn counts(calls: &Path, attempts: Option<&Path>, is_sketched: bool) -> String {
    let config = config(calls, attempts, is_sketched);
    let day = "2026-11-20".parse().unwrap();
    let (spill, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folders = crate::intake::IntakeFolders { spill: spill.path(), daybook: folder.path() };
    let read = crate::intake::read(
        &config,
        day,
        crate::intake::Workers::Threads(1),
        &Salt::new("test"),
        folders,
        i64::MAX,
        &Meter::default(),
    );
    let (daybook, notes) = match read {
        Ok(read) => read,
        Err(trouble) => return format!("{trouble:?}"),
    };
    let intake = crate::resolve::resolve(
        day,
        &[(day, crate::daybook::DaybookFolder::as_found(folder.path().to_path_buf()).unwrap())].into(),
        &config,
        &std::collections::BTreeMap::default(),
        crate::resolve::ResolveParts::on(1),
    )
    .unwrap();
    format!("{daybook:#?} {:?} {intake:#?}", notes.unseen_columns)
}

fn same(calls: &Path, attempts: Option<&Path>) -> Result<(), TestCaseError> {
    let (with, without) = (counts(calls, attempts, true), counts(calls, attempts, false));
    // The excerpt of a bad row shows only the part that was read, which may differ.
    let is_same = |line: &&str| !line.contains("excerpt: ");
    let plain = |counts: &str| counts.lines().filter(is_same).collect::<Vec<_>>().join("\n");
    let (with, without) = (plain(&with), plain(&without));
    let differing = with.lines().zip(without.lines()).find(|(a, b)| a != b);
    prop_assert_eq!(differing, None);
    prop_assert_eq!(with.len(), without.len());
    Ok(())
}

proptest! {
    #[test]
    fn ndjson_is_read_as_without_sketches(calls in lines(CALLS.len()), attempts in lines(ATTEMPTS.len()), is_joined: bool) {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a.ndjson"), folder.path().join("b.ndjson"));
        fs::write(&a, ndjson(&CALLS, &calls)).unwrap();
        fs::write(&b, ndjson(&ATTEMPTS, &attempts)).unwrap();
        same(&a, is_joined.then_some(b.as_path()))?;
    }

    #[test]
    fn csv_is_read_as_without_sketches(calls in lines(CALLS.len()), attempts in lines(ATTEMPTS.len()), is_joined: bool) {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a.csv"), folder.path().join("b.csv"));
        fs::write(&a, csv(&CALLS, &calls)).unwrap();
        fs::write(&b, csv(&ATTEMPTS, &attempts)).unwrap();
        same(&a, is_joined.then_some(b.as_path()))?;
    }

    #[test]
    fn parquet_is_read_as_without_sketches(
        calls in lines(CALLS.len()),
        attempts in lines(ATTEMPTS.len()),
        is_joined: bool,
        has_statistics: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a.parquet"), folder.path().join("b.parquet"));
        parquet(&a, &CALLS, &calls, has_statistics);
        parquet(&b, &ATTEMPTS, &attempts, has_statistics);
        same(&a, is_joined.then_some(b.as_path()))?;
    }
}

/// Regression found by fuzzing.
///
/// The fields of a row that was cut short were taken for fields of the next row, if that row took
/// the slow path.
#[test]
fn a_row_that_is_cut_short_has_shown_no_fields() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    let row = "2026-11-20T10:00:00Z,a,200,,,";
    fs::write(
        &path,
        format!("ts,request_id,http_status,message_id,endpoint,business_id\n{row}\n,,,m-1\n{row}\n"),
    )
    .unwrap();
    same(&path, None).unwrap();
    let config = config(&path, None, false);
    let (spill, daybook) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let day = "2026-11-20".parse().unwrap();
    let folders = crate::intake::IntakeFolders { spill: spill.path(), daybook: daybook.path() };
    let read = crate::intake::read(
        &config,
        day,
        crate::intake::Workers::Threads(1),
        &Salt::new("test"),
        folders,
        i64::MAX,
        &Meter::default(),
    );
    let (_, notes) = read.unwrap();
    assert!(notes.unseen_columns.iter().any(|(_, name)| name == "message_id"), "{:?}", notes.unseen_columns);
}

/// Shows that rows are sketched at all: otherwise the tests above would prove nothing.
#[test]
fn ordinary_rows_are_sketched() {
    let ordinary = vec![Line { dice: vec![0; CALLS.len()], oddity: 0 }; 100];
    let hooks = vec![Line { dice: vec![0; ATTEMPTS.len()], oddity: 0 }; 100];
    let folder = tempfile::tempdir().unwrap();
    for (log, form, text) in [
        (Log::Requests, detect::LogFormat::Ndjson, ndjson(&CALLS, &ordinary)),
        (Log::Requests, detect::LogFormat::Delimited, csv(&CALLS, &ordinary)),
        (Log::Webhooks, detect::LogFormat::Ndjson, ndjson(&ATTEMPTS, &hooks)),
        (Log::Webhooks, detect::LogFormat::Delimited, csv(&ATTEMPTS, &hooks)),
    ] {
        let source = Source { log, ..source(folder.path()) };
        let config = Config { sources: vec![source.clone()], ..Config::bare("") };
        let join = crate::intake::rows::source_reader::Join::new(&config, &Salt::new("test"));
        let source_reader =
            source_reader::SourceReader::new(0, &source, &endpoints::Endpoints::of(&[], &[]), &join);
        let budget = partitions::MemoryBudget::new(1 << 20, 1);
        let bits = PartitionBits::FEWEST;
        let day = "2026-11-20".parse().unwrap();
        let mut counts =
            worker_counts::WorkerCounts::new(day, config.slot, 1, &budget, bits, config.has_webhooks());
        counts.begin_item();
        let mut parser = TextParser::new(&source_reader, form, 0, 0, folder.path());
        parser.parse(text.as_bytes(), true, &mut counts).unwrap();
        let sketched = counts.memo.hits();
        let (counts, _) = counts.close(&source_reader.declared, &source_reader.salt);
        assert_eq!(counts.tally(0).accepted, 100, "{text}");
        assert!(sketched >= 98, "{sketched} of 100 {log:?} {form:?}");
    }
}
