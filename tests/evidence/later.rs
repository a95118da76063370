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
    // No log comes any more.
    let ran = platform.night("2026-11-25");
    assert_eq!((of_account("pending"), platform.edition(day).as_str()), (pending, "1"), "{}", ran.stderr);
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
