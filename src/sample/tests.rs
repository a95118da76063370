//! Tests of samples: their promises, checked on small ones.

use std::collections::BTreeMap;

use super::*;

pub fn settings(days: u32, rows: u64) -> SampleSettings {
    SampleSettings {
        from: "2026-11-18".parse().unwrap(),
        days,
        rows,
        seed: 1,
        format: SampleFormat::Ndjson,
        compression: None,
        files: 1,
        stories: true,
    }
}

/// Generates a sample; returns its truth, and path and bytes of every file.
pub fn made(settings: &SampleSettings) -> (Truth, BTreeMap<String, Vec<u8>>) {
    let dir = tempfile::tempdir().unwrap();
    let truth = write(dir.path(), settings).unwrap();
    let mut files = BTreeMap::new();
    let mut folders = vec![dir.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(dir.path()).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    (truth, files)
}

#[test]
fn the_same_settings_give_the_same_bytes_and_another_seed_others() {
    for (format, compression) in [
        (SampleFormat::Csv, Some(Compression::Zst)),
        (SampleFormat::Ndjson, Some(Compression::Gz)),
        (SampleFormat::Parquet, None),
    ] {
        let settings = SampleSettings { format, compression, files: 2, ..settings(1, 3_000) };
        let (_, first) = made(&settings);
        assert_eq!(made(&settings).1, first);
        let (_, other) = made(&SampleSettings { seed: 2, ..settings });
        // Files shipped after midnight may have no row.
        let names = |files: &BTreeMap<String, Vec<u8>>| -> Vec<String> {
            files.keys().filter(|name| !name.contains("11-19")).cloned().collect()
        };
        assert_eq!(names(&first), names(&other));
        assert_ne!(first, other);
    }
}

#[test]
fn the_format_does_not_change_the_truth() {
    let (csv, _) = made(&SampleSettings { format: SampleFormat::Csv, ..settings(3, 2_000) });
    let (parquet, _) = made(&SampleSettings { format: SampleFormat::Parquet, ..settings(3, 2_000) });
    assert_eq!((csv.totals, csv.days, csv.outages), (parquet.totals, parquet.days, parquet.outages));
}

#[test]
fn the_books_balance_file_by_file_and_day_by_day() {
    let (truth, files) = made(&SampleSettings { files: 3, ..settings(3, 20_000) });
    let mut rows_by_day = BTreeMap::new();
    for file in &truth.files {
        let bytes = &files[&file.path];
        assert_eq!(memchr::memchr_iter(b'\n', bytes).count() as u64, file.rows_read, "{}", file.path);
        assert_eq!(file.rows_read, file.malformed + file.rows_by_day.values().sum::<u64>());
        for (day, rows) in &file.rows_by_day {
            *rows_by_day.entry(*day).or_insert(0) += rows;
        }
    }
    for day in &truth.days {
        assert_eq!(day.rows, day.calls + day.attempts + day.duplicates);
        assert_eq!(day.duplicates, day.duplicate_calls + day.duplicate_attempts);
        assert_eq!(Some(day.rows), rows_by_day.remove(&day.day));
        assert_eq!(day.events, day.calls + day.notifications);
        assert_eq!(day.events, day.accounts.values().sum::<u64>());
        let of = |streams: &[&str]| -> u64 {
            let mine = day.entries.iter().filter(|entry| streams.contains(&entry.stream));
            mine.map(|entry| entry.events).sum()
        };
        assert_eq!((of(&["request", "message"]), of(&["notification"])), (day.calls, day.notifications));
        let rows = |webhooks: bool| -> u64 {
            let mine = truth.files.iter().filter(|file| (file.source == "webhooks") == webhooks);
            mine.filter_map(|file| file.rows_by_day.get(&day.day)).sum()
        };
        assert_eq!(rows(false), day.calls + day.duplicate_calls);
        assert_eq!(rows(true), day.attempts + day.duplicate_attempts);
        for region in &day.messages {
            let states = region.delivered + region.sent + region.failed + region.none;
            let timings = region.in_time + region.late + region.overdue + region.unseen + region.not_due;
            assert_eq!((states, timings), (region.admitted, region.admitted));
        }
        let messages: u64 = day.messages.iter().map(|region| region.admitted).sum();
        assert_eq!(messages, of(&["message"]));
        assert!(day.duplicates > day.rows / 300 && day.duplicates < day.rows / 130, "{}", day.duplicates);
        for slots in &day.slots {
            let states = &slots.states;
            assert_eq!(states.up + states.degraded + states.down + states.doubtful + states.unobserved, DAY);
        }
    }
    let totals = &truth.totals;
    assert_eq!(rows_by_day.into_values().sum::<u64>(), totals.later_rows);
    let kept = totals.request_rows + totals.webhook_rows + totals.later_rows;
    assert_eq!(totals.rows_read, totals.malformed + totals.duplicates + kept);
    assert_eq!(totals.rows_read, truth.files.iter().map(|file| file.rows_read).sum::<u64>());
    // Rows that began before midnight and were shipped after it.
    assert!(truth.files.iter().any(|file| file.rows_by_day.len() == 2));
    assert!(truth.files.iter().any(|file| file.shipped_on > truth.days[2].day));
}

#[test]
fn what_is_counted_as_malformed_is_and_nothing_else() {
    let (truth, files) = made(&settings(3, 3_000));
    assert!(truth.totals.malformed >= 9);
    for file in &truth.files {
        let text = String::from_utf8(files[&file.path].clone()).unwrap();
        let is_good = |line: &&str| {
            serde_json::from_str::<serde_json::Value>(line).is_ok_and(|row| {
                row["ts"].is_string() && row.get("http_status").is_none_or(serde_json::Value::is_number)
            })
        };
        let bad = text.lines().filter(|line| !is_good(line)).count() as u64;
        assert_eq!(bad, file.malformed, "{}", file.path);
    }
}

#[test]
fn parquet_holds_the_rows_and_the_broken_ones_are_seen() {
    use arrow_array::{Array, cast::AsArray, types::Int32Type};
    let settings = SampleSettings { format: SampleFormat::Parquet, ..settings(1, 3_000) };
    let (truth, files) = made(&settings);
    for file in &truth.files {
        let bytes = &files[&file.path];
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("copy.parquet");
        fs::write(&path, bytes).unwrap();
        let reader = ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(
            fs::File::open(&path).unwrap(),
        );
        let (mut rows, mut broken) = (0, 0);
        for batch in reader.unwrap().build().unwrap().map(Result::unwrap) {
            rows += batch.num_rows() as u64;
            broken += batch.column_by_name("ts").unwrap().null_count();
            let status = batch.column_by_name("http_status").unwrap().as_primitive::<Int32Type>();
            broken += status.iter().flatten().filter(|status| *status < 0).count();
        }
        assert_eq!((rows, broken as u64), (file.rows_read, file.malformed), "{}", file.path);
    }
}

#[test]
fn the_stories_are_where_they_should_be() {
    let (truth, _) = made(&settings(3, 20_000));
    assert_eq!(truth.stories.len(), 28);
    let outages: Vec<_> = truth
        .outages
        .iter()
        .map(|o| (o.scope, &o.start[5..16], &o.end[5..16], o.seconds / 60, o.counted, o.class))
        .collect();
    assert_eq!(
        outages,
        [
            ("messages", "11-18T10:00", "11-18T10:25", 25, true, ">5m"),
            ("Cloud API", "11-18T10:00", "11-18T10:25", 25, true, ">5m"),
            ("messages", "11-18T12:30", "11-18T12:42", 12, true, ">5m"),
            ("Cloud API", "11-18T12:30", "11-18T12:42", 12, true, ">5m"),
            ("media", "11-18T15:30", "11-18T15:39", 9, false, ">5m"),
            ("Cloud API", "11-18T15:30", "11-18T15:39", 9, false, ">5m"),
            ("webhooks", "11-18T19:00", "11-18T19:12", 12, true, ">5m"),
            ("Cloud API", "11-18T19:00", "11-18T19:12", 12, true, ">5m"),
            ("messages", "11-18T23:53", "11-19T00:07", 14, true, ">5m"),
            ("Cloud API", "11-18T23:53", "11-19T00:07", 14, true, ">5m"),
            ("management", "11-19T09:00", "11-19T09:04", 4, false, "update"),
            ("Account Management", "11-19T09:00", "11-19T09:04", 4, false, "update"),
            ("management", "11-19T13:00", "11-19T13:07", 7, false, ">5m"),
            ("Account Management", "11-19T13:00", "11-19T13:07", 7, false, ">5m"),
        ]
    );
    let counted: Vec<u32> = truth.days.iter().map(|day| day.components[0].down_counted).collect();
    assert_eq!(counted, [56, 7, 0]);
    let components: Vec<_> = truth.components.iter().map(|c| (c.a, c.b)).collect();
    assert_eq!(components, [(3 * DAY, 63), (3 * DAY, 0)]);

    let events = |day: usize, account: &str, code: Option<i64>| -> u64 {
        let entries = truth.days[day].entries.iter();
        entries.filter(|e| e.account == account && e.error_code == code).map(|e| e.events).sum()
    };
    assert!(events(1, "user:caller", Some(190)) > 2_000);
    assert!(events(2, "excluded:network:ingress", None) > 1_000);
    assert_eq!(events(2, "suspense", Some(199_999)), 12);
    let apac = |day: usize| {
        let of = |s: &&truth::SlotsTruth| {
            s.scope == super::traffic::stories::StoryScope { service: "messages", region: "apac" }
        };
        truth.days[day].slots.iter().find(of).unwrap().states.unobserved
    };
    assert!(apac(2) >= 45);
}

#[test]
fn without_noise_or_with_much_of_it_only_stories_are_down() {
    for rows in [20_000, 300_000] {
        let (plain, _) = made(&SampleSettings { stories: false, ..settings(2, rows) });
        assert_eq!(plain.outages, []);
        for slots in plain.days.iter().flat_map(|day| &day.slots) {
            assert_eq!((slots.states.down, slots.down_ranges.len()), (0, 0), "{:?}", slots.scope);
        }
        let degraded: u32 = plain.days.iter().flat_map(|day| &day.slots).map(|s| s.states.degraded).sum();
        assert_eq!(degraded > 0, rows > 20_000);
    }
}

#[test]
fn no_minute_of_messages_is_too_thin_to_judge() {
    // The size of data/sample, and the default.
    for rows in [18_000, 20_000] {
        let stories = stories(3);
        let mut traffic = Traffic::new("2026-11-18".parse().unwrap(), rows, 1, 1, &stories);
        let mut out = Vec::new();
        let is_gap = |story: &super::traffic::stories::Story| {
            matches!(story.doing, super::traffic::stories::Doing::Gap { .. })
        };
        for minute in 0..3 * DAY {
            out.clear();
            traffic.minute(minute, &mut out, &mut Vec::new());
            if stories.iter().any(|story| is_gap(story) && story.holds(minute)) {
                continue;
            }
            let judged = out.iter().filter(|event| {
                let group = event.end.outcome().group;
                event.service == 0
                    && !event.is_copy
                    && matches!(
                        group,
                        super::traffic::outcomes::EndGroup::Good | super::traffic::outcomes::EndGroup::Bad
                    )
            });
            assert!(
                judged.count() as u64 >= super::traffic::stories::MIN_EVENTS,
                "{rows} rows, minute {minute}"
            );
        }
    }
}

#[test]
fn other_logs_are_never_mixed_with_a_sample() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &settings(1, 100)).unwrap();
    assert!(write(dir.path(), &settings(1, 100)).unwrap_err().to_string().contains("new folder"));
}
