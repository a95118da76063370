//! Groups of files, of which one is missing or cut without a name being absent.

use super::{Platform, kinds};
use std::fs;

/// Splits the webhook log of a node by hour, as some proxies write it.
fn split_by_hour(platform: &Platform, day: &str) {
    let whole = platform.log(&format!("hooks-{day}-eu-node1.csv"));
    let text = fs::read_to_string(&whole).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    for hour in [10, 11] {
        let of_hour = |row: &&str| row.starts_with(&format!("{day}T{hour}"));
        let rows: Vec<&str> = rows.lines().filter(of_hour).collect();
        let path = platform.log(&format!("hooks-{day}-eu-node1-h{hour}.csv"));
        fs::write(path, format!("{header}\n{}\n", rows.join("\n"))).unwrap();
    }
    fs::remove_file(whole).unwrap();
}

#[test]
fn an_hourly_file_that_is_gone_is_told_by_the_rows_of_its_hour() {
    let platform = Platform::new();
    let days = ["2026-11-16", "2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20"];
    for at in 0..3 {
        platform.day(days[at]);
        split_by_hour(&platform, days[at]);
        let ran = platform.night(days[at + 1]);
        assert_eq!(kinds(&ran), [""; 0], "{}", ran.stderr);
    }
    let day = days[3];
    platform.day(day);
    split_by_hour(&platform, day);
    let lost = platform.log(&format!("hooks-{day}-eu-node1-h10.csv"));
    let text = fs::read_to_string(&lost).unwrap();
    fs::remove_file(&lost).unwrap();
    let ran = platform.night(days[4]).expect(3);
    assert_eq!(kinds(&ran), ["fallen-rows"], "{}", ran.stderr);
    let told = "logs/hooks-*-eu-node1-h*.csv has less than a tenth of the rows of region eu that it has on the days before, from \
                10:00 to 11:00 (0, else 960)";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    // It is told, and books nothing otherwise.
    assert!(platform.events(day, "bad:platform:missed") > 0);
    fs::write(&lost, text).unwrap();
    platform.day(days[4]);
    split_by_hour(&platform, days[4]);
    let ran = platform.night("2026-11-21");
    assert_eq!(kinds(&ran), [""; 0], "{}", ran.stderr);
    assert_eq!(platform.events(day, "bad:platform:missed"), 0);
}

#[test]
fn an_instance_that_is_gone_is_told_only_if_messages_lack_their_statuses() {
    let days = ["2026-11-16", "2026-11-17", "2026-11-18", "2026-11-19"];
    // The webhook logs of eu, spread over three instances, or over two; `is_lost` leaves one of three out.
    let last_night = |instances: usize, is_lost: bool| {
        let platform = Platform::new();
        let mut ran = None;
        for (at, day) in days.iter().enumerate() {
            platform.day(day);
            let mut rows = Vec::new();
            for node in ["node1", "node2"] {
                let path = platform.log(&format!("hooks-{day}-eu-{node}.csv"));
                let text = fs::read_to_string(&path).unwrap();
                rows.extend(text.lines().skip(1).map(str::to_owned));
                fs::remove_file(path).unwrap();
            }
            let of = if at < 3 { 3 } else { instances };
            for instance in 0..of {
                if at == 3 && is_lost && instance == 0 {
                    continue;
                }
                // Both statuses of a message are in one log.
                let of_instance = |(at, _): &(usize, &String)| at / 2 % of == instance;
                let own: Vec<String> =
                    rows.iter().enumerate().filter(of_instance).map(|row| row.1.clone()).collect();
                let own = own.join("\n");
                let header = "ts,webhook_id,event_ts,region,message_id,status,http_status";
                let path = platform.log(&format!("hooks-{day}-eu-{instance}{at}9f4c7d{at}b2.csv"));
                fs::write(path, format!("{header}\n{own}\n")).unwrap();
            }
            let next = (day.parse::<chrono::NaiveDate>().unwrap() + chrono::Days::new(1)).to_string();
            let done = platform.night(&next);
            assert!(at == 3 || kinds(&done).is_empty(), "{day}: {}", done.stderr);
            ran = Some(done);
        }
        ran.unwrap()
    };
    let ran = last_night(2, false);
    assert_eq!(kinds(&ran), [""; 0], "{}", ran.stderr);
    let ran = last_night(3, true);
    assert_eq!(kinds(&ran), ["fallen-rows"], "{}", ran.stderr);
    assert!(ran.stderr.contains("has 2 files, on each of the days before at least 3"), "{}", ran.stderr);
}
