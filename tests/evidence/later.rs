//! What other days and the end of the review window make of evidence that a day lacks.

use super::{Platform, kinds};
use std::fs;

#[test]
fn what_is_pending_when_the_window_has_passed_is_unknown() {
    let mut platform = Platform::new();
    let day = "2026-11-17";
    platform.outage = 715..720;
    platform.day(day);
    platform.night("2026-11-18").expect(0);
    let of_account = |account: &str| platform.events(day, account);
    let pending = of_account("pending");
    assert!(pending > 0, "{:?}", platform.accounts(day));
    // For a week, no log comes.
    let ran = platform.night("2026-11-25");
    assert_eq!((of_account("pending"), platform.edition(day).as_str()), (pending, "1"), "{}", ran.stderr);
    // Rows of a day after the window show that its time has passed.
    platform.day("2026-11-26");
    let ran = platform.night("2026-11-27");
    assert!(ran.stderr.contains("2026-11-17 is now edition 2, because of window"), "{}", ran.stderr);
    assert!(!kinds(&ran).contains(&"unsealed".to_owned()), "{}", ran.stderr);
    assert_eq!((of_account("pending"), of_account("unknown")), (0, pending));
    let journal = fs::read_to_string(platform.reports().join("ledger/journal.ndjson")).unwrap();
    assert!(journal.contains(r#""window""#) && journal.contains(r#""sealed""#), "{journal}");
    let before = platform.accounts(day);
    platform.night("2026-11-28");
    assert_eq!((platform.edition(day).as_str(), platform.accounts(day)), ("2", before));
}

#[test]
fn a_file_that_told_of_outcomes_in_the_week_before_tells_of_calls_without_an_answer() {
    let day = "2026-11-18";
    let without_outcomes = |is_known: bool| {
        let platform = Platform::new();
        if is_known {
            platform.day("2026-11-14");
            platform.night("2026-11-15").expect(0);
        }
        platform.day(day);
        // Only instant, id, caller, region and service are left of each row.
        let path = platform.log(&format!("calls-{day}-eu-node1.csv"));
        let text = fs::read_to_string(&path).unwrap();
        let text: String = text
            .lines()
            .map(|line| line.splitn(6, ',').take(5).collect::<Vec<_>>().join(",") + "\n")
            .collect();
        fs::write(&path, text).unwrap();
        let args = ["--date", day, "--simulate", "--as-of", "2026-11-19T03:00:00Z"];
        let ran =
            crate::job::run(&platform.dir.path().join("uptime-ledger.toml"), &platform.reports(), &args);
        let is_told = kinds(&ran).contains(&"no-outcome".to_owned());
        assert_eq!(is_told, !is_known, "{}", ran.stderr);
        (platform.events(day, "unknown"), platform.accounts(day))
    };
    let (unknown, accounts) = without_outcomes(false);
    assert_eq!(unknown, 480, "{accounts:?}");
    let (unknown, accounts) = without_outcomes(true);
    assert_eq!(unknown, 0, "{accounts:?}");
}

#[test]
fn pages_and_status_name_what_is_missing() {
    let day = "2026-11-18";
    let platform = Platform::new();
    let config = platform.dir.path().join("uptime-ledger.toml");
    let text = fs::read_to_string(&config).unwrap() + "[outputs]\nformats = [\"html\", \"json\"]\n";
    fs::write(&config, text).unwrap();
    let read = |name: &str| fs::read_to_string(platform.reports().join(name)).unwrap();
    let status = || serde_json::from_str::<serde_json::Value>(&read("status.json")).unwrap();
    platform.day("2026-11-17");
    platform.night(day).expect(0);
    assert!(!read("index.html").contains("Missing evidence"));
    assert!(status()["missing_evidence"].is_null());
    platform.day(day);
    fs::remove_file(platform.log(&format!("hooks-{day}-eu-node2.csv"))).unwrap();
    platform.night("2026-11-19").expect(3);
    let told = "source hooks: logs/hooks-*-eu-node2.csv has rows of region eu from 10:00 to 12:00 on other days, and was not \
                there; what could have stood there is unknown, not missed";
    let remedy = "Ship the file: the next run reads the day again.";
    for page in ["index.html", &format!("daily/{day}/index.html")] {
        let text = read(page);
        assert!(text.contains(told) && text.contains(remedy), "{page}: {text}");
        assert!(text.contains("Unknown events: <b>480</b>"), "{page}: {text}");
    }
    let missing = &status()["missing_evidence"];
    assert_eq!(missing["events_unknown"], 480);
    let log = &missing["logs"][0];
    assert_eq!(
        (log["file"].as_str(), log["region"].as_str()),
        (Some("logs/hooks-*-eu-node2.csv"), Some("eu"))
    );
    assert_eq!((log["told"].as_str(), log["remedy"].as_str()), (Some(told), Some(remedy)));
    // It comes: nothing is missing any more.
    platform.day(day);
    platform.day("2026-11-19");
    platform.night("2026-11-20").expect(0);
    assert!(!read(&format!("daily/{day}/index.html")).contains("Missing evidence"));
}
