//! Tests of the webhook logs of samples, checked on small ones.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::tests::{made, settings};
use super::traffic::stories::{CALLED, COMPONENTS, Doing, REGIONS, StoryScope};
use super::traffic::webhook_stories::WEBHOOK_STORIES;
use super::truth::{DayTruth, Truth};
use super::*;

/// Readable webhook rows of all files, each with its file.
fn rows(truth: &Truth, files: &BTreeMap<String, Vec<u8>>) -> Vec<(String, Value)> {
    let mut rows = Vec::new();
    for file in truth.files.iter().filter(|file| file.source == "webhooks") {
        let text = String::from_utf8(files[&file.path].clone()).unwrap();
        let readable =
            |row: &Value| row["ts"].is_string() && row.get("http_status").is_none_or(Value::is_number);
        let good = text.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(readable);
        rows.extend(good.map(|row| (file.path.clone(), row)));
    }
    rows
}

fn events(day: &DayTruth, stream: &str, account: &str, code: Option<i64>) -> u64 {
    let mine = |e: &&truth::TruthEntry| e.stream == stream && e.account == account && e.error_code == code;
    day.entries.iter().filter(mine).map(|entry| entry.events).sum()
}

fn text<'v>(row: &'v Value, key: &str) -> &'v str {
    row[key].as_str().unwrap_or("")
}

#[test]
fn attempts_are_complete_and_in_order_but_for_the_lost_file() {
    let (truth, files) = made(&settings(3, 18_000));
    assert_eq!(truth.lost, ["logs/webhooks-2026-11-19-us.ndjson"]);
    assert!(!files.contains_key(&truth.lost[0]));
    let mut attempts: BTreeMap<String, BTreeSet<(u64, String)>> = BTreeMap::new();
    let mut touched_by_loss = BTreeSet::new();
    let mut copies = 0;
    let mut seen = BTreeSet::new();
    for (path, row) in rows(&truth, &files) {
        let id = text(&row, "webhook_id").to_owned();
        copies += u64::from(!seen.insert(row.to_string()));
        // Other regions lose nothing, and the lost region nothing on other days.
        if path.contains("-us") {
            touched_by_loss.insert(id.clone());
        }
        attempts
            .entry(id)
            .or_default()
            .insert((row["attempt_no"].as_u64().unwrap(), text(&row, "ts").into()));
    }
    assert!(copies > 250);
    for (id, attempts) in attempts.iter().filter(|(id, _)| !touched_by_loss.contains(*id)) {
        let numbers: Vec<u64> = attempts.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, (1..=attempts.len() as u64).collect::<Vec<_>>(), "{id}");
        assert!(attempts.iter().zip(attempts.iter().skip(1)).all(|(a, b)| a.1 < b.1), "{id}");
    }
}

#[test]
fn rows_keep_to_the_schema() {
    let (truth, files) = made(&settings(1, 6_000));
    let known = super::files::webhook_rows::WEBHOOK_FIELDS;
    for (path, row) in rows(&truth, &files) {
        assert!(row.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())), "{path}: {row}");
        assert_eq!(row["message_id"].is_string(), row["status"].is_string(), "{row}");
        assert_eq!(row["error_code"].is_number(), row["status"] == "failed", "{row}");
        assert_eq!(row["http_status"].is_number(), row["outcome"] == "http", "{row}");
        assert!(row["status"].is_null() || row["field"] == "messages", "{row}");
        assert!(text(&row, "event_ts") <= text(&row, "ts"), "{row}");
    }
    let (truth, files) = made(&SampleSettings { format: SampleFormat::Csv, ..settings(1, 3_000) });
    let file = truth.files.iter().find(|file| file.source == "webhooks").unwrap();
    let csv = String::from_utf8(files[&file.path].clone()).unwrap();
    assert_eq!(csv.lines().next().unwrap(), known.join(","));
}

#[test]
fn the_region_can_be_told_from_the_path_with_several_files_too() {
    let (truth, files) = made(&SampleSettings { files: 3, ..settings(1, 3_000) });
    let config = String::from_utf8(files["uptime-ledger.toml"].clone()).unwrap();
    assert!(config.contains(r#""logs/webhooks-{date}-{region}/*.ndjson""#));
    assert!(toml::from_str::<toml::Table>(&config).is_ok());
    for file in truth.files.iter().filter(|file| file.source == "webhooks") {
        let (region, day) = (file.region.unwrap(), file.shipped_on);
        assert!(file.path.starts_with(&format!("logs/webhooks-{day}-{region}/0")), "{}", file.path);
    }
}

#[test]
fn nothing_that_could_change_an_account_happens_after_the_first_hour() {
    for days in [1, 3] {
        let (truth, files) = made(&settings(days, 18_000));
        let after = settings(days, 0).from.plus(i64::from(days));
        let mut last: BTreeMap<&str, String> = BTreeMap::new();
        for (path, row) in rows(&truth, &files) {
            let region = REGIONS.into_iter().find(|region| path.contains(region)).unwrap();
            let last = last.entry(region).or_default();
            *last = (*last).clone().max(text(&row, "ts").to_owned());
        }
        for (region, last) in last {
            assert!(last.starts_with(&format!("{after}T00:39")), "{region}: {last}");
        }
    }
}

#[test]
fn webhooks_come_in_proportion_and_do_not_change_the_calls() {
    let (plain, _) = made(&SampleSettings { stories: false, ..settings(1, 100_000) });
    let admitted: u64 = plain.days[0].messages.iter().map(|region| region.admitted).sum();
    let share = plain.days[0].attempts * 100 / admitted;
    assert!((225..260).contains(&share), "{share} rows per hundred messages");
    let told: u64 =
        plain.days[0].entries.iter().filter(|e| e.stream == "notification").map(|e| e.events).sum();
    assert_eq!(told, plain.days[0].notifications);
    assert_eq!(plain.lost, Vec::<String>::new());
    let trouble = &plain.days[0].reconciliation;
    assert_eq!((trouble.orphan_statuses, trouble.orphan_attempts, trouble.contradicted_messages), (0, 0, 0));
    // Plain traffic is never missed; all failures are the users'.
    for region in &plain.days[0].messages {
        assert_eq!((region.late, region.overdue, region.unseen), (0, 0, 0));
        assert!(region.failed > 0 && region.none == 0 && region.not_due > 0);
    }
}

#[test]
fn every_webhook_story_leads_to_what_it_says() {
    // With seed 3, the status before its admission is logged in the previous minute.
    for seed in [1, 3] {
        let (truth, _) = made(&SampleSettings { seed, ..settings(3, 18_000) });
        let names: Vec<&str> = truth.stories.iter().map(|story| story.name).collect();
        assert!(WEBHOOK_STORIES.iter().all(|story| names.contains(&story.name)));
        let [first, second, third] = &truth.days[..] else { panic!("three days") };
        let region = |day: &DayTruth, name: &str| *day.messages.iter().find(|m| m.region == name).unwrap();

        // missed-success
        let silent = region(first, "eu");
        assert!(silent.overdue > 100);
        assert!(events(first, "message", "bad:platform:missed", None) >= silent.overdue);
        // status-deadline: four are a microsecond late.
        assert_eq!(silent.late, 4);
        assert_eq!(region(third, "eu").late, 6);
        // contradictions, and messages that failed by the platform and were delivered
        assert_eq!(first.reconciliation.contradicted_messages, 12 + 4);
        assert_eq!(events(first, "message", "bad:platform:error", Some(131_016)), 4);
        // retries-stop, told-days-later and attempt-deadline, in addition to the backlog
        assert!(events(first, "notification", "bad:platform:missed", None) >= 20 + 8 + 4 + 12 * 6);
        // A broken row, or the lost file of the day after, may hold the attempt that some wait for.
        let errors = events(first, "notification", "bad:platform:error", None);
        let unknown = events(first, "notification", "unknown", None);
        assert!(errors <= 20 && errors + unknown >= 20, "{errors} errors, {unknown} unknown");
        // lost-webhook-file
        let lost = region(second, "us");
        assert!(lost.unseen > 2_000 && lost.unseen * 10 > lost.admitted * 9, "{lost:?}");
        assert!(events(second, "message", "unknown", None) > 2_000);
        let scope = StoryScope { service: "messages", region: "us" };
        let slots = second.slots.iter().find(|slots| slots.scope == scope).unwrap();
        assert!(slots.states.unobserved > 1_380, "{:?}", slots.states);
        let slots = second.slots.iter().find(|s| s.scope == StoryScope { region: "*", ..scope }).unwrap();
        assert!(slots.states.unobserved < 60 && slots.states.down >= 7, "{:?}", slots.states);
        // endpoint-refuses, endpoint-unreachable
        assert!(events(second, "notification", "user:caller", None) >= 12);
        assert!(events(third, "notification", "excluded:network:webhook", None) >= 180 * 2);
        // update-but-sent: a third shows no status.
        assert_eq!(events(second, "message", "good", Some(2)), 12);
        let unsent = second.entries.iter().filter(|e| e.service == "messages" && e.error_code == Some(2));
        assert_eq!(unsent.filter(|e| e.stream == "request").map(|e| e.events).sum::<u64>(), 6);
        // late-success with lost first attempts; the gap of the requests, and orphans on purpose
        assert!(second.reconciliation.orphan_attempts >= 4);
        assert!(third.reconciliation.orphan_statuses > 50);
        let webhooks: Vec<_> = truth.outages.iter().filter(|outage| outage.scope == "webhooks").collect();
        assert_eq!(webhooks.len(), 1);
        assert_eq!((webhooks[0].seconds, webhooks[0].counted), (12 * 60, true));
    }
}

#[test]
fn stories_that_need_later_days_wait_for_them() {
    let names = |days| stories(days).into_iter().map(|story| story.name).collect::<BTreeSet<_>>();
    assert!(names(1).contains("missed-success") && !names(1).contains("contradictions"));
    assert!(names(2).contains("retries-stop") && !names(2).contains("lost-webhook-file"));
    assert_eq!(names(3).len(), 28);
    let lost = |story: &&super::traffic::stories::Story| matches!(story.doing, Doing::LostFile { .. });
    assert_eq!(stories(30).iter().filter(lost).count(), 1);
}

#[test]
fn webhooks_are_a_service_that_nobody_calls() {
    assert_eq!(
        COMPONENTS[0].1,
        [
            super::traffic::stories::MESSAGES,
            super::traffic::stories::MEDIA,
            super::traffic::stories::WEBHOOKS
        ]
    );
    let (truth, _) = made(&settings(1, 3_000));
    for entry in truth.days.iter().flat_map(|day| &day.entries) {
        let is_notification = entry.stream == "notification";
        assert_eq!(is_notification, entry.service == super::traffic::stories::SERVICES[CALLED], "{entry:?}");
        assert_eq!(is_notification, entry.source == "webhooks", "{entry:?}");
        assert!(entry.stream != "message" || (entry.service, entry.source) == ("messages", "requests"));
    }
}
