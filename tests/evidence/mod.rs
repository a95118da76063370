//! Evidence: what was not read or not understood is told, and never becomes an outage.
//!
//! A small platform writes its logs: two regions with two nodes each, a log of calls and one of webhooks per node, and a proxy
//! of the callers. Files are then lost, renamed, split, merged, spoiled or written anew.

mod failed_days;
mod fallen;
mod later;
mod rewritten;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use crate::job::{self, Ran, n, table};

const REGIONS: [&str; 2] = ["eu", "us"];
const NODES: [&str; 2] = ["node1", "node2"];
/// Minutes of the day in which there is traffic, and messages that each node admits in one of them.
const BUSY: std::ops::Range<u32> = 600..720;
const MESSAGES: u32 = 4;

struct Platform {
    dir: tempfile::TempDir,
    /// Minutes in which no message of eu gets a status.
    outage: std::ops::Range<u32>,
}

impl Platform {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("logs")).unwrap();
        fs::write(
            dir.path().join("uptime-ledger.toml"),
            r#"
[[source]]
name = "calls"
paths = ["logs/calls-{date}-*.csv"]

[[source]]
name = "proxy"
paths = ["logs/proxy-{date}.csv"]
vantage = "caller_egress"

[[source]]
name = "hooks"
log = "webhooks"
paths = ["logs/hooks-{date}-*.csv"]

[[service]]
name = "messages"
[[component]]
name = "API"
services = ["messages"]
[limits]
coverage_percent = 0
"#,
        )
        .unwrap();
        Self { dir, outage: 0..0 }
    }

    fn log(&self, name: &str) -> PathBuf {
        self.dir.path().join("logs").join(name)
    }

    fn reports(&self) -> PathBuf {
        self.dir.path().join("reports")
    }

    /// Writes the logs of a day.
    fn day(&self, day: &str) {
        let mut proxy = "ts,request_id,business_id,region,service,http_status,symptom\n".to_owned();
        for region in REGIONS {
            for node in NODES {
                let (calls, hooks) = self.node(day, region, node, &mut proxy);
                fs::write(self.log(&format!("calls-{day}-{region}-{node}.csv")), calls).unwrap();
                fs::write(self.log(&format!("hooks-{day}-{region}-{node}.csv")), hooks).unwrap();
            }
        }
        fs::write(self.log(&format!("proxy-{day}.csv")), proxy).unwrap();
    }

    /// Returns the logs of calls and of webhooks of a node; the calls that time out at the proxy are answered further in.
    fn node(&self, day: &str, region: &str, node: &str, proxy: &mut String) -> (String, String) {
        let mut calls = "ts,request_id,business_id,region,service,http_status,message_id\n".to_owned();
        let mut hooks = "ts,webhook_id,event_ts,region,message_id,status,http_status\n".to_owned();
        for minute in BUSY {
            for at in 0..MESSAGES {
                let id = format!("{region}-{node}-{day}-{minute}-{at}");
                let ts = |second: u32| format!("{day}T{:02}:{:02}:{second:02}Z", minute / 60, minute % 60);
                let sent = ts(10 * at);
                writeln!(calls, "{sent},r-{id},b{at},{region},messages,200,m-{id}").unwrap();
                let (status, symptom) =
                    if minute % 10 == 0 && at == 0 { ("", "timeout") } else { ("200", "") };
                writeln!(proxy, "{sent},r-{id},b{at},{region},messages,{status},{symptom}").unwrap();
                if region == "eu" && self.outage.contains(&minute) {
                    continue;
                }
                // A status may be told by the other node.
                for (word, second) in [("sent", 1), ("delivered", 3)] {
                    let told = ts(10 * at + second);
                    writeln!(hooks, "{told},w-{id}-{word},{told},{region},m-{id},{word},200").unwrap();
                }
            }
            // Webhooks that tell of no message show that the log goes on.
            let at = format!("{day}T{:02}:{:02}:59Z", minute / 60, minute % 60);
            for more in 0..2 * MESSAGES {
                writeln!(hooks, "{at},w-{region}-{node}-{minute}-{more},{at},{region},,,200").unwrap();
            }
        }
        (calls, hooks)
    }

    /// Accounts the day before a morning, as cron does.
    fn night(&self, morning: &str) -> Ran {
        let config = self.dir.path().join("uptime-ledger.toml");
        let as_of = format!("{morning}T03:00:00Z");
        job::run(&config, &self.reports(), &["--simulate", "--as-of", &as_of])
    }

    /// Returns the kinds of attention that stand open and whose cause the day shows, being the newest that does.
    fn shown(&self, day: &str, morning: &str) -> Vec<String> {
        let (out, as_of) = (self.reports(), format!("{morning}T03:00:00Z"));
        let standing = job::job(["ack", "--json", "--out", out.to_str().unwrap(), "--as-of", &as_of]).json();
        let of_day = standing.as_array().unwrap().iter().filter(|one| one["day"] == day);
        of_day.map(|one| one["kind"].as_str().unwrap().to_owned()).collect()
    }

    /// Returns the events of a day by stream and account.
    fn accounts(&self, day: &str) -> BTreeMap<(String, String), u64> {
        let mut sums = BTreeMap::new();
        for row in table(&self.reports(), &format!("daily/{day}/accounts")) {
            *sums.entry((row["stream"].clone(), row["account"].clone())).or_default() +=
                n(&row, "events_net");
        }
        sums
    }

    fn events(&self, day: &str, account: &str) -> u64 {
        self.accounts(day).into_iter().filter(|((_, name), _)| name == account).map(|(_, n)| n).sum()
    }

    /// Returns the slots of the component over all regions that are down.
    fn down(&self, day: &str) -> u64 {
        let is_whole = |row: &&job::Row| {
            row["day"] == day
                && row["scope_kind"] == "component"
                && row["region"] == "*"
                && row["definition"] == "whatsapp"
        };
        let rows = table(&self.reports(), "availability");
        rows.iter().find(is_whole).map_or(0, |row| n(row, "slots_down"))
    }

    fn edition(&self, day: &str) -> String {
        let rows = table(&self.reports(), "availability");
        rows.iter().find(|row| row["day"] == day).map(|row| row["edition"].clone()).unwrap_or_default()
    }
}

/// Returns the kinds of attention of a run, in their order.
fn kinds(ran: &Ran) -> Vec<String> {
    let kind = |line: &str| line.strip_prefix("attention[")?.split(']').next().map(str::to_owned);
    ran.stderr.lines().filter_map(kind).collect()
}

#[test]
fn a_lost_file_adds_no_missed_success_and_is_told() {
    let (first, second) = ("2026-11-17", "2026-11-18");
    let names = |platform: &Platform| -> Vec<String> {
        let found = fs::read_dir(platform.log("")).unwrap();
        let names = found.map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name.contains(second)).collect();
        names.sort();
        names
    };
    let whole = Platform::new();
    whole.day(first);
    whole.day(second);
    whole.night(second).expect(0);
    whole.night("2026-11-19").expect(0);
    assert_eq!(whole.events(second, "bad:platform:missed"), 0);
    assert_eq!(names(&whole).len(), 9);
    for lost in names(&whole) {
        let platform = Platform::new();
        platform.day(first);
        platform.night(second).expect(0);
        platform.day(second);
        fs::remove_file(platform.log(&lost)).unwrap();
        let ran = platform.night("2026-11-19").expect(3);
        let told = lost.replace(second, "*");
        // The proxy has one file a day, so its source has none.
        let kind = if lost.starts_with("proxy") { "missing-source" } else { "missing-file" };
        assert!(ran.stderr.contains(&told) || kind == "missing-source", "{lost}: {}", ran.stderr);
        assert!(kinds(&ran).iter().any(|found| found == kind), "{lost}: {}", ran.stderr);
        assert_eq!(
            platform.events(second, "bad:platform:missed"),
            0,
            "{lost}: {:?}",
            platform.accounts(second)
        );
        assert_eq!(platform.down(second), 0, "{lost}");
        // It comes a day late: the day is what it would have been.
        platform.day(second);
        platform.day("2026-11-19");
        let ran = platform.night("2026-11-20").expect(0);
        assert_eq!(kinds(&ran), [""; 0], "{lost}: {}", ran.stderr);
        assert_eq!(platform.accounts(second), whole.accounts(second), "{lost}");
        assert_eq!(platform.edition(second), "2", "{lost}");
    }
}

#[test]
fn the_very_first_day_is_judged_by_the_files_of_the_next() {
    let platform = Platform::new();
    platform.day("2026-11-17");
    platform.day("2026-11-18");
    fs::remove_file(platform.log("hooks-2026-11-17-eu-node2.csv")).unwrap();
    let ran = platform.night("2026-11-18").expect(3);
    assert_eq!(kinds(&ran), ["missing-file"], "{}", ran.stderr);
    assert_eq!(platform.events("2026-11-17", "bad:platform:missed"), 0);
    assert!(platform.events("2026-11-17", "unknown") > 0);
}

#[test]
fn an_outage_stays_one_beside_unreadable_rows_and_a_lost_file_of_elsewhere() {
    let outage = |lost: &str, spoil: bool| {
        let mut platform = Platform::new();
        platform.day("2026-11-17");
        platform.night("2026-11-18").expect(0);
        platform.outage = 630..660;
        platform.day("2026-11-18");
        if spoil {
            let path = platform.log("hooks-2026-11-18-eu-node1.csv");
            let text = fs::read_to_string(&path).unwrap();
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            for at in [3, 300, 301] {
                lines[at] = "broken".to_owned();
            }
            fs::write(&path, lines.join("\n") + "\n").unwrap();
        }
        if !lost.is_empty() {
            fs::remove_file(platform.log(lost)).unwrap();
        }
        let ran = platform.night("2026-11-19");
        (platform.events("2026-11-18", "bad:platform:missed"), platform.events("2026-11-18", "unknown"), ran)
    };
    let all = u64::from(30 * MESSAGES) * NODES.len() as u64;
    assert_eq!(outage("", false).0, all);
    let (missed, unknown, _) = outage("", true);
    assert!(missed >= all - 3 && missed + unknown >= all, "{missed} missed, {unknown} unknown");
    let (missed, _, ran) = outage("hooks-2026-11-18-us-node1.csv", false);
    assert_eq!(missed, all);
    assert_eq!(kinds(&ran), ["missing-file"], "{}", ran.stderr);
    // Beside a lost file of its own region it is unknown, and more than the file explains.
    let (missed, unknown, ran) = outage("hooks-2026-11-18-eu-node1.csv", false);
    assert_eq!(missed, 0);
    assert!(unknown > all, "{unknown}");
    assert!(kinds(&ran).contains(&"suspected-outage".to_owned()), "{}", ran.stderr);
    let row = "to_downtime,2026-11-18T10:";
    assert!(ran.stderr.contains(row), "{}", ran.stderr);
}

#[test]
fn ids_that_are_spelled_in_two_ways_accuse_nobody() {
    let day = "2026-11-18";
    let of_region = |ran: &Ran, kind: &str| {
        let told = ran.stderr.lines().filter(|line| line.starts_with(&format!("attention[{kind}]")));
        told.map(str::to_owned).collect::<Vec<_>>()
    };
    // Statuses of eu name messages that nobody admitted; `is_down` leaves the others out.
    let spelled = |is_down: &dyn Fn(u32) -> bool| {
        let platform = Platform::new();
        platform.day("2026-11-17");
        platform.night(day).expect(0);
        platform.day(day);
        for node in NODES {
            let path = platform.log(&format!("hooks-{day}-eu-{node}.csv"));
            let text = fs::read_to_string(&path).unwrap();
            let mut minute = 0;
            let lines = text.lines().filter_map(|line| {
                if let Some((hour, rest)) = line.strip_prefix("2026-11-18T").and_then(|l| l.split_once(':')) {
                    minute = 60 * hour.parse::<u32>().unwrap() + rest[..2].parse::<u32>().unwrap();
                }
                let is_lost = line.contains(",m-eu") && is_down(minute);
                (!is_lost).then(|| line.replace(",m-eu", ",M-EU") + "\n")
            });
            let text: String = lines.collect();
            fs::write(&path, text).unwrap();
        }
        let ran = platform.night("2026-11-19");
        (platform.events(day, "bad:platform:missed"), platform.events(day, "unknown"), platform, ran)
    };
    // Those of the last ten minutes are pending: the log ends before their deadline.
    let of_eu = u64::from(MESSAGES) * (BUSY.len() as u64 - 10) * NODES.len() as u64;
    for (missed, unknown, platform, ran) in [spelled(&|_| false), spelled(&|minute| minute < 660)] {
        assert_eq!((missed, unknown), (0, of_eu), "{}", ran.stderr);
        assert_eq!(platform.down(day), 0);
        let told = of_region(&ran, "suspected-outage");
        assert_eq!(told.len(), 1, "{}", ran.stderr);
        let row = "to_downtime,2026-11-18T10:00:00Z,2026-11-18T12:00:00Z,messages,eu,,,unknown,";
        assert!(told[0].contains(row), "{told:?}");
    }
    // Beside fewer orphans than twenty, all was down.
    let (missed, unknown, ..) = spelled(&|minute| minute > 600);
    assert_eq!((missed, unknown), (of_eu, 0));
}

#[test]
fn other_names_for_the_same_rows_restate_nothing() {
    let day = "2026-11-18";
    let platform = Platform::new();
    platform.day("2026-11-17");
    platform.night(day).expect(0);
    platform.day(day);
    platform.night("2026-11-19").expect(0);
    let before = platform.accounts(day);
    let read = |name: &str| fs::read_to_string(platform.log(name)).unwrap();
    // Renamed.
    fs::rename(
        platform.log(&format!("calls-{day}-eu-node1.csv")),
        platform.log(&format!("calls-{day}-a.csv")),
    )
    .unwrap();
    // Merged.
    let (one, two) = (format!("hooks-{day}-us-node1.csv"), format!("hooks-{day}-us-node2.csv"));
    let merged = read(&one) + read(&two).split_once('\n').unwrap().1;
    fs::write(platform.log(&one), merged).unwrap();
    fs::remove_file(platform.log(&two)).unwrap();
    // Split, and the halves in the other order.
    let whole = format!("calls-{day}-us-node2.csv");
    let text = read(&whole);
    let (header, rows) = text.split_once('\n').unwrap();
    let half = rows.len() / 2 + rows[rows.len() / 2..].find('\n').unwrap() + 1;
    fs::write(platform.log(&format!("calls-{day}-us-z.csv")), format!("{header}\n{}", &rows[..half]))
        .unwrap();
    fs::write(platform.log(&whole), format!("{header}\n{}", &rows[half..])).unwrap();
    platform.day("2026-11-19");
    let ran = platform.night("2026-11-20").expect(0);
    assert!(!ran.stderr.contains(day), "{}", ran.stderr);
    assert_eq!((platform.edition(day), platform.accounts(day)), ("1".to_owned(), before));
}

#[test]
fn a_published_day_is_not_replaced_by_a_poorer_one() {
    let day = "2026-11-18";
    let spoiled = |change: &dyn Fn(Vec<String>) -> Vec<String>| {
        let platform = Platform::new();
        platform.day(day);
        // Some calls fail, in a minute that is no outage.
        let path = platform.log(&format!("calls-{day}-eu-node1.csv"));
        let text = fs::read_to_string(&path).unwrap();
        let failing = |(at, line): (usize, &str)| match at {
            5..8 => line.rsplit_once(",200,").unwrap().0.to_owned() + ",503,",
            _ => line.to_owned(),
        };
        let lines: Vec<String> = text.lines().enumerate().map(failing).collect();
        fs::write(&path, lines.join("\n") + "\n").unwrap();
        platform.night("2026-11-19").expect(0);
        fs::write(&path, change(lines).join("\n") + "\n").unwrap();
        platform.day("2026-11-19");
        let ran = platform.night("2026-11-20");
        (kinds(&ran), platform.edition(day), ran.stderr)
    };
    // The first rows are gone: rotation.
    let (kinds, edition, told) = spoiled(&|lines| [&lines[..1], &lines[200..]].concat());
    assert_eq!((kinds, edition.as_str()), (vec![], "1"), "{told}");
    assert!(told.contains("kept: 2026-11-18 keeps its edition"), "{told}");
    // Rows are gone, and in another hour there are new ones.
    let (kinds, edition, told) = spoiled(&|lines| {
        let new = lines[1].replace("T10:00", "T23:00").replace("r-eu", "r-new").replace("m-eu", "m-new");
        [&lines[..1], &lines[200..], &[new]].concat()
    });
    assert_eq!((kinds, edition.as_str()), (vec!["fewer".to_owned()], "1"), "{told}");
    // The same rows, of which fewer fail.
    let (kinds, edition, told) =
        spoiled(&|lines| lines.into_iter().map(|line| line.replace(",503,", ",200,")).collect());
    assert_eq!((kinds, edition.as_str()), (vec!["rewritten-log".to_owned()], "2"), "{told}");
    // More rows are an ordinary late log.
    let (kinds, edition, told) = spoiled(&|lines| {
        let new = lines[1].replace("r-eu", "r-new").replace("m-eu", "");
        [&lines[..], &[new]].concat()
    });
    assert_eq!((kinds, edition.as_str()), (vec![], "2"), "{told}");
}

#[test]
fn rows_that_no_run_reads_are_told() {
    let platform = Platform::new();
    platform.day("2026-11-18");
    let path = platform.log("calls-2026-11-18-eu-node1.csv");
    let late = "2026-11-15T13:00:00Z,r-late,b1,eu,messages,503,\n";
    fs::write(&path, fs::read_to_string(&path).unwrap() + late).unwrap();
    // A file of the day with rows of another day alone.
    let header = "ts,request_id,business_id,region,service,http_status,message_id\n";
    let other = "2026-11-17T13:00:00Z,r-other,b1,eu,messages,200,\n";
    fs::write(platform.log("calls-2026-11-18-clock.csv"), format!("{header}{other}")).unwrap();
    // A whole header and no row is a quiet node.
    fs::write(platform.log("calls-2026-11-18-quiet.csv"), header).unwrap();
    let ran = platform.night("2026-11-19").expect(3);
    assert_eq!(kinds(&ran), ["file-without-rows", "unread-rows"], "{}", ran.stderr);
    assert!(ran.stderr.contains("calls-2026-11-18-clock.csv"), "{}", ran.stderr);
    let parts = ["1 rows of 2026-11-15", "neighbours = 3"];
    assert!(parts.iter().all(|part| ran.stderr.contains(part)), "{}", ran.stderr);
}

#[test]
fn three_good_weeks_are_quiet_but_for_a_node_that_rests_at_weekends() {
    let platform = Platform::new();
    let first: chrono::NaiveDate = "2026-11-02".parse().unwrap();
    let mut told = Vec::new();
    for at in 0..21 {
        let day = first + chrono::Days::new(at);
        platform.day(&day.to_string());
        for log in ["calls", "hooks"] {
            let name = |node: &str| platform.log(&format!("{log}-{day}-{node}.csv"));
            // Instances that come and go, and a day that is split by size.
            fs::rename(name("us-node1"), name(&format!("us-web-{at:x}9f4c7d{at:x}b2"))).unwrap();
            if at % 5 == 2 {
                let text = fs::read_to_string(name("us-node2")).unwrap();
                let (header, rows) = text.split_once('\n').unwrap();
                let half = rows.len() / 2 + rows[rows.len() / 2..].find('\n').unwrap() + 1;
                fs::write(name("us-node2"), format!("{header}\n{}", &rows[..half])).unwrap();
                fs::write(name("us-node3"), format!("{header}\n{}", &rows[half..])).unwrap();
            }
        }
        // A node of a region of its own that rests on Saturdays and Sundays.
        let mut none = String::new();
        if at % 7 < 5 {
            let (calls, _) = platform.node(&day.to_string(), "apac", "node1", &mut none);
            // Its calls admit no message.
            let calls = calls.lines().map(|line| match line.split_once(",m-") {
                Some((call, _)) => call.to_owned() + ",\n",
                None => line.to_owned() + "\n",
            });
            let calls: String = calls.collect();
            fs::write(platform.log(&format!("calls-{day}-apac-node1.csv")), calls).unwrap();
        }
        let morning = (day + chrono::Days::new(1)).to_string();
        let ran = platform.night(&morning);
        // In full the node is told once: it stands from then on.
        assert_eq!(kinds(&ran), ["missing-file"][..usize::from(at == 5)], "{day}: {}", ran.stderr);
        assert_eq!(ran.code, Some(if at < 5 { 0 } else { 3 }), "{day}: {}", ran.stderr);
        told.extend(platform.shown(&day.to_string(), &morning).into_iter().map(|kind| (at, kind)));
    }
    let weekend = |at: u64| (at, "missing-file".to_owned());
    assert_eq!(told, [5, 6, 12, 13, 19, 20].map(weekend));
}

#[test]
fn a_node_that_is_gone_for_good_is_told_for_thirty_days_that_are_never_restated() {
    let platform = Platform::new();
    let first: chrono::NaiveDate = "2026-10-01".parse().unwrap();
    let mut told = Vec::new();
    for at in 0..40 {
        let day = first + chrono::Days::new(at);
        platform.day(&day.to_string());
        if at >= 4 {
            fs::remove_file(platform.log(&format!("hooks-{day}-eu-node2.csv"))).unwrap();
        }
        let morning = (day + chrono::Days::new(1)).to_string();
        let ran = platform.night(&morning);
        if platform.shown(&day.to_string(), &morning).iter().any(|kind| kind == "missing-file") {
            told.push(at);
        }
        for earlier in (4..=at.min(33)).map(|at| (first + chrono::Days::new(at)).to_string()) {
            assert_eq!(platform.edition(&earlier), "1", "{earlier}, after {day}: {}", ran.stderr);
        }
    }
    assert_eq!(told, (4..34).collect::<Vec<u64>>());
    // From then on the file is no longer expected, and its messages are missed. Those of the last ten minutes are pending until
    // the log of the next day reaches beyond their deadline: each such day is settled once more, because of webhooks.
    let (settled, last) =
        ((first + chrono::Days::new(38)).to_string(), (first + chrono::Days::new(39)).to_string());
    assert_eq!((platform.edition(&settled).as_str(), platform.edition(&last).as_str()), ("2", "1"));
    let of_node = u64::from(MESSAGES) * BUSY.len() as u64;
    let open = |day: &str| (platform.events(day, "pending"), platform.events(day, "bad:platform:missed"));
    let pending = u64::from(MESSAGES) * 10;
    assert_eq!((open(&settled), open(&last)), ((0, of_node), (pending, of_node - pending)));
}
