//! Upgrade: ledgers of earlier versions, as they left them, are whole for this version, and it goes on with them.
//!
//! `tests/ledgers/<version>/` has a config, its logs and, packed, the reports folder of five nights; `tests/ledgers/make.sh`
//! has made it. What another spelling of the same settings changes is nothing; what other settings change is told.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use uptime_ledger::clock::{Clock, ClockSource};
use uptime_ledger::config;
use uptime_ledger::document::Document;
use uptime_ledger::error::Cancellation;
use uptime_ledger::pipeline::{self, Asked, Job, RunSummary, Word};
use uptime_ledger::policy::Policy;

use crate::job;

const PLAIN: &str = "0.1.0";
const OWN_POLICY: &str = "0.1.0-own-policy";
/// Every ledger of an earlier version.
const ALL: [&str; 2] = [PLAIN, OWN_POLICY];

/// The open days of the ledgers, as this version restates them.
const OPEN: [&str; 4] = ["2026-11-11/2", "2026-11-12/4", "2026-11-13/3", "2026-11-14/2"];

/// The last night of the ledgers, an hour later; the two nights after it.
const AGAIN: &str = "2026-11-15T04:00:00Z";
const NEXT: &str = "2026-11-16T03:00:00Z";
const AFTER: &str = "2026-11-17T03:00:00Z";

/// Runs the daily job over the days that are due. The clock comes through the library: the ledgers are no simulations, and the
/// real clock is another one.
fn run(job: &Job, at: &str) -> RunSummary {
    let clock = Clock::given(at.parse().unwrap());
    pipeline::run(job, &Asked::Due, clock, &|_, _| Box::new(())).unwrap()
}

/// A copy of a ledger, with the config and the logs that it was made from.
struct Office {
    dir: tempfile::TempDir,
}

/// What a run came to.
#[derive(Debug)]
struct Night {
    /// Editions with their causes, as the journal has them: `2026-11-14/2 logs`.
    published: Vec<String>,
    /// Kind and message.
    attention: Vec<(String, String)>,
}

impl Office {
    fn of(version: &str) -> Self {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ledgers").join(version);
        let office = Self { dir: tempfile::tempdir().unwrap() };
        for (path, bytes) in job::files(&from) {
            fs::create_dir_all(office.path(&path).parent().unwrap()).unwrap();
            fs::write(office.path(&path), bytes).unwrap();
        }
        unpack(&office.path("reports.tar.zst"), office.dir.path());
        office
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Replaces a part of a file, which stands in it once.
    #[track_caller]
    fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert_eq!(text.matches(from).count(), 1, "`{from}` in {name}");
        fs::write(self.path(name), text.replace(from, to)).unwrap();
    }

    fn append(&self, name: &str, text: &str) {
        fs::write(self.path(name), self.read(name) + text).unwrap();
    }

    /// Logs of a day after the last one: two good calls every hour, one of which admits a message that arrives.
    fn ship(&self, day: &str) {
        let mut calls =
            "ts,request_id,business_id,region,endpoint,http_status,error_code,message_id\n".to_owned();
        let mut told = String::new();
        for hour in 0..24 {
            writeln!(calls, "{day}T{hour:02}:05:01Z,{day}-{hour}-a,b1,eu,/1/media,200,,").unwrap();
            writeln!(calls, "{day}T{hour:02}:05:02Z,{day}-{hour}-b,b2,eu,/1/messages,200,,{day}-{hour}")
                .unwrap();
            writeln!(
                told,
                r#"{{"ts":"{day}T{hour:02}:05:20Z","webhook_id":"{day}-{hour}","service":"messages","region":"eu","message_id":"{day}-{hour}","status":"delivered","outcome":"http","http_status":200}}"#
            )
            .unwrap();
        }
        fs::write(self.path(format!("logs/requests-{day}.csv")), calls).unwrap();
        fs::write(self.path(format!("logs/webhooks-{day}.ndjson")), told).unwrap();
    }

    fn job(&self) -> Job {
        let document = |name: &Path| {
            let path = self.path(name);
            Document::new(path.display().to_string(), fs::read_to_string(path).unwrap())
        };
        let mut config = config::config(&document(Path::new("uptime-ledger.toml")), self.dir.path()).unwrap();
        config.reports = self.path("reports");
        // The rules of that version, so that a night shows what else would restate a day.
        let built_in_catalogue = Document::new("catalogue.csv", include_str!("ledgers/catalogue-0.1.0.csv"));
        let built_in_policy = Document::new("policy.toml", include_str!("ledgers/policy-0.1.0.toml"));
        let policy = config.policy.as_deref().map_or(built_in_policy, document);
        let catalogue = config.catalogue.as_deref().map_or(built_in_catalogue, document);
        let policy = Policy::read(&policy, &catalogue).unwrap();
        let override_file = config.overrides.path.as_deref().map(|path| Ok(document(path)));
        Job {
            engine: None,
            config,
            policy,
            override_file,
            workers: 1,
            clock_source: ClockSource::Real,
            cancellation: Cancellation::default(),
        }
    }

    /// Editions in the order of the journal.
    fn editions(&self) -> Vec<String> {
        let journal = self.read("reports/ledger/journal.ndjson");
        let entries = journal.lines().map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["entry"].clone()
        });
        let words = |value: &serde_json::Value| -> Vec<String> {
            value.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
        };
        entries
            .filter(|entry| entry["kind"] == "edition")
            .map(|e| {
                format!("{}/{} {}", e["day"].as_str().unwrap(), e["edition"], words(&e["causes"]).join(" "))
            })
            .collect()
    }

    /// A nightly run.
    #[track_caller]
    fn night(&self, at: &str) -> Night {
        let before = self.editions().len();
        let outcome = run(&self.job(), at);
        assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
        let new =
            outcome.attention.iter().filter(|standing| standing.is_new).map(|standing| &standing.attention);
        let attention = new.map(|a| (a.kind.name().to_owned(), a.message.clone())).collect();
        Night { published: self.editions().split_off(before), attention }
    }

    /// A nightly run that publishes just these editions and has nothing new to say.
    #[track_caller]
    fn quiet_night(&self, at: &str, published: &[&str]) {
        let night = self.night(at);
        assert_eq!(night.published, published, "{night:?}");
        assert_eq!(night.attention, [], "nothing new");
    }

    /// The first night of this version: it restates the open days by its rule for slots, says so in one line, and publishes
    /// just these editions in addition.
    #[track_caller]
    fn first_night(&self, at: &str, published: &[&str]) {
        let night = self.night(at);
        let (mut restated, others): (Vec<String>, Vec<String>) =
            night.published.iter().cloned().partition(|edition| edition.ends_with(" definition"));
        restated.sort();
        assert_eq!(restated, OPEN.map(|edition| format!("{edition} definition")), "{night:?}");
        assert_eq!(others, published, "{night:?}");
        assert_eq!((night.told("new-definition").len(), night.attention.len()), (1, 1), "{night:?}");
    }

    /// A person knows of what stands under a key; then nothing stands open.
    #[track_caller]
    fn acknowledge(&self, key: &str, at: &str) {
        let word = Word {
            key: key.to_owned(),
            author: "Ann".to_owned(),
            approver: None,
            reason: "known".to_owned(),
            until: None,
        };
        let clock = Clock::given(at.parse().unwrap());
        pipeline::acknowledge(&self.path("reports"), word, clock, ClockSource::Real, 1).unwrap();
        assert_eq!(run(&self.job(), at).attention, []);
    }

    #[track_caller]
    fn verify(&self) {
        let out = self.path("reports");
        job::job(["verify".as_ref(), "--out".as_ref(), out.as_os_str()]).expect(0).says(&[]);
    }
}

/// Unpacks an archive in the format `ustar`: a header of 512 bytes before each file, which is filled up to whole blocks.
fn unpack(archive: &Path, to: &Path) {
    let tar = zstd::decode_all(fs::File::open(archive).unwrap()).unwrap();
    let mut rest = tar.as_slice();
    // Blocks of zeros are the end.
    while rest[0] != 0 {
        let (header, after) = rest.split_at(512);
        let text = |from: usize, to: usize| {
            let bytes = header[from..to].split(|byte| *byte == 0).next().unwrap();
            std::str::from_utf8(bytes).unwrap().trim()
        };
        let size = usize::from_str_radix(text(124, 136), 8).unwrap();
        let path = to.join(text(345, 500)).join(text(0, 100));
        if header[156] == b'0' {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, &after[..size]).unwrap();
        }
        rest = &after[size.next_multiple_of(512)..];
    }
}

impl Night {
    /// Messages of one kind of attention.
    fn told(&self, kind: &str) -> Vec<&str> {
        self.attention
            .iter()
            .filter(|(found, _)| found == kind)
            .map(|(_, message)| message.as_str())
            .collect()
    }
}

#[test]
fn a_ledger_of_an_earlier_version_is_whole() {
    for version in ALL {
        let office = Office::of(version);
        let before = job::files(office.dir.path());
        let journal = office.read("reports/ledger/journal.ndjson");
        // Enough has happened in it.
        for kind in ["read", "overrides", "judged", "edition", "confirmed", "sealed", "reported"] {
            assert!(journal.contains(&format!(r#""kind":"{kind}""#)), "{version}: no {kind}");
        }
        let editions = office.editions().join("\n");
        for cause in ["/1 first", "logs", "webhooks", "overrides"] {
            assert!(editions.contains(cause), "{version}: no {cause} in\n{editions}");
        }
        office.verify();
        assert!(job::files(office.dir.path()) == before, "{version}: to verify a ledger changes nothing");
    }
}

#[test]
fn a_night_with_nothing_new_publishes_its_own_day_alone() {
    for version in ALL {
        let office = Office::of(version);
        office.first_night(AGAIN, &[]);
        office.quiet_night(AGAIN, &[]);
        office.acknowledge("new-definition", AGAIN);
        office.ship("2026-11-15");
        office.quiet_night(NEXT, &["2026-11-15/1 first"]);
        office.ship("2026-11-16");
        office.quiet_night(AFTER, &["2026-11-16/1 first"]);
        office.verify();
    }
}

/// A call that failed, on a day that is open and is not the newest: nobody asks for it to be read again.
const MORE: &str = "2026-11-13T16:00:00Z,2026-11-13-more,b1,eu,/1/media,503,131016,\n";
const ITS_LOG: &str = "logs/requests-2026-11-13.csv";

#[test]
fn a_row_that_is_added_to_a_log_of_an_open_day_restates_it() {
    for version in ALL {
        let office = Office::of(version);
        office.first_night(AGAIN, &[]);
        office.append(ITS_LOG, MORE);
        office.quiet_night(AGAIN, &["2026-11-13/4 logs"]);
        office.verify();
    }
}

#[test]
fn paths_that_are_spelt_otherwise_are_the_same_paths() {
    for version in ALL {
        let office = Office::of(version);
        // The first night of this version notes what the days were read with.
        office.first_night(AGAIN, &[]);
        for name in ["logs/requests-", "logs/webhooks-"] {
            office.edit("uptime-ledger.toml", name, &format!("./{name}"));
        }
        office.quiet_night(AGAIN, &[]);
        office.append(ITS_LOG, MORE);
        office.quiet_night(AGAIN, &["2026-11-13/4 logs"]);
        office.verify();
    }
}

#[test]
fn services_that_share_no_endpoint_may_change_places() {
    const MESSAGES: &str = "[[service]]\nname = \"messages\"\nendpoints = [\"/{id}/messages\"]\n\n";
    const MEDIA: &str = "[[service]]\nname = \"media\"\nendpoints = [\"/{id}/media\"]\n\n";
    for version in ALL {
        let office = Office::of(version);
        office.first_night(AGAIN, &[]);
        office.edit("uptime-ledger.toml", &[MESSAGES, MEDIA].concat(), &[MEDIA, MESSAGES].concat());
        office.ship("2026-11-15");
        let night = office.night(NEXT);
        assert!(night.told("other-settings").is_empty(), "{night:?}");
        office.append(ITS_LOG, MORE);
        let night = office.night(NEXT);
        assert!(night.told("other-settings").is_empty(), "{night:?}");
        assert!(night.published.iter().any(|edition| edition.starts_with("2026-11-13/")), "{night:?}");
        office.verify();
    }
}

#[test]
fn a_setting_that_has_changed_is_named_with_both_values() {
    for version in ALL {
        let office = Office::of(version);
        // From here on the ledger knows the config.
        office.ship("2026-11-15");
        office.first_night(NEXT, &["2026-11-15/1 first"]);
        office.edit("uptime-ledger.toml", "[webhooks]\n", "[webhooks]\nfirst_status_minutes = 4\n");
        office.ship("2026-11-16");
        let night = office.night(AFTER);
        let told = night.told("other-settings");
        let is_named = |message: &&str| {
            let words: Vec<&str> =
                message.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '.').collect();
            message.contains("first_status_minutes") && words.contains(&"10") && words.contains(&"4")
        };
        assert!(told.iter().any(is_named), "{night:?}");
        office.verify();
    }
}

#[test]
fn a_setting_that_has_changed_with_the_version_is_told_at_least() {
    for version in ALL {
        let office = Office::of(version);
        office.edit("uptime-ledger.toml", "[webhooks]\n", "[webhooks]\nfirst_status_minutes = 4\n");
        office.ship("2026-11-15");
        let night = office.night(NEXT);
        assert!(!night.told("other-settings").is_empty(), "{night:?}");
        office.verify();
    }
}

/// Version 0.1.0 kept a hash that no other spelling gives, so this cannot be told from other settings.
#[test]
fn paths_that_are_spelt_otherwise_with_the_version_are_told() {
    for version in ALL {
        let office = Office::of(version);
        office.edit("uptime-ledger.toml", "logs/requests-", "./logs/requests-");
        let night = office.night(AGAIN);
        assert!(night.told("other-settings").iter().any(|told| told.contains("[[source]]")), "{night:?}");
        office.verify();
    }
}

#[test]
fn the_words_of_a_policy_restate_nothing() {
    let office = Office::of(OWN_POLICY);
    office.append("policy.toml", "\n# A comment.\n");
    office.first_night(AGAIN, &[]);
    office.edit("policy.toml", "What was admitted has to arrive.", "Who is told yes has to be served.");
    office.quiet_night(AGAIN, &[]);
    office.ship("2026-11-15");
    office.quiet_night(NEXT, &["2026-11-15/1 first"]);
    office.verify();
}

#[test]
fn a_rule_that_has_changed_restates_open_days() {
    let office = Office::of(OWN_POLICY);
    office.edit("policy.toml", "account = \"user:caller\"", "account = \"bad:platform:error\"");
    let night = office.night(AGAIN);
    // The first day is sealed and goes on under the policy of its time.
    let open = ["2026-11-11", "2026-11-12", "2026-11-13", "2026-11-14"];
    let days: Vec<&str> = night.published.iter().map(|edition| &edition[..10]).collect();
    let mut sorted = days.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, open, "{night:?}");
    assert!(night.published.iter().all(|edition| edition.ends_with(" policy definition")), "{night:?}");
    office.verify();
}

#[test]
fn what_a_day_showed_that_an_earlier_version_sealed_is_stored_and_stays() {
    for version in ALL {
        let office = Office::of(version);
        let sealed = || -> Vec<job::Row> {
            let rows = job::table(&office.path("reports"), "availability").into_iter();
            rows.filter(|row| row["state"] == "sealed").collect()
        };
        let before = sealed();
        assert!(!before.is_empty(), "{version}");
        let frozen = || office.read("reports/ledger/journal.ndjson").matches(r#""kind":"frozen""#).count();
        office.first_night(AGAIN, &[]);
        assert_eq!(frozen(), 1, "{version}");
        office.ship("2026-11-15");
        office.night(NEXT);
        assert_eq!(frozen(), 1, "{version}: once");
        let after = sealed();
        for row in &before {
            // This version has more columns.
            let is_same = |now: &&job::Row| row.iter().all(|(column, value)| now.get(column) == Some(value));
            assert!(after.iter().any(|now| is_same(&now)), "{version}: {row:?} is not in {after:#?}");
        }
        let restated = job::table(&office.path("reports"), "restatements");
        assert!(restated.iter().all(|row| row["is_adjusting"] == "false"), "{version}: {restated:#?}");
        office.verify();
    }
}
