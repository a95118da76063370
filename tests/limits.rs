//! Limits: what a log cannot do to the job, and what of it leaves the job in clear.

use std::fmt::Write as _;
use std::fs;

use crate::attention::Desk;
use crate::job::{n, table};

const AT: &str = "2026-11-21T03:00:00Z";
const SOURCE: &str = "[[source]]\nname = \"edge\"\npaths = [\"edge.csv\"]\n[limits]\ncoverage_percent = 0\n";

/// A desk with calls of these services and regions, one call each.
fn calls(config: &str, names: &[(String, String)]) -> Desk {
    let desk = Desk::new(&format!("{config}{SOURCE}"));
    let mut log = "ts,request_id,service,region,http_status\n".to_owned();
    for (at, (service, region)) in names.iter().enumerate() {
        let second = at % 60;
        writeln!(log, "2026-11-20T10:00:{second:02}Z,r-{at},{service},{region},200").unwrap();
    }
    desk.file("edge.csv", &log);
    desk
}

/// Events by service and region.
fn booked(desk: &Desk) -> Vec<(String, String, u64)> {
    let accounts = table(&desk.path("reports/daily/2026-11-20"), "accounts");
    let line = |row: &crate::job::Row| (row["service"].clone(), row["region"].clone(), n(row, "events_net"));
    accounts.iter().map(line).collect()
}

#[test]
fn of_many_undeclared_names_some_are_kept_whatever_their_order() {
    let mut names: Vec<(String, String)> = (0..300).map(|at| (format!("svc{at}"), "eu".to_owned())).collect();
    let desk = calls("regions = [\"eu\"]\n", &names);
    let told = "services beyond those that are kept without being declared (at most 64): 236 events of them";
    desk.night(AT).expect(3).says(&["attention[undeclared-service]", told]);
    let found = booked(&desk);
    assert_eq!((found.len(), found.iter().map(|(.., events)| events).sum::<u64>()), (65, 300));
    assert_eq!(found[0], ("(other)".to_owned(), "eu".to_owned(), 236));
    names.reverse();
    let other = calls("regions = [\"eu\"]\n", &names);
    other.night(AT).expect(3);
    assert_eq!(booked(&other), found);
}

#[test]
fn pairs_of_services_and_regions_have_a_limit_and_declared_names_stay() {
    let names: Vec<(String, String)> = (0..900)
        .map(|at| {
            (if at == 0 { "messages".to_owned() } else { format!("s{}", at % 30) }, format!("r{}", at / 30))
        })
        .collect();
    let desk = calls("[[service]]\nname = \"messages\"\n", &names);
    desk.night(AT).expect(3).says(&["attention[undeclared-region]", "counted together as `(other)`"]);
    let found = booked(&desk);
    assert!(found.len() <= 256 && found.len() > 100, "{}", found.len());
    assert!(found.iter().any(|(service, ..)| service == "messages"));
    assert_eq!(found.iter().map(|(.., events)| events).sum::<u64>(), 900);
}

#[test]
fn texts_in_the_place_of_names_are_pseudonyms_and_long_ones_are_no_rows() {
    let long = "x".repeat(300);
    let names =
        [("messages", "eu-1"), ("messages", "Erika Mustermann"), ("messages", "r12345"), ("messages", &long)];
    let names = names.map(|(service, region)| (service.to_owned(), region.to_owned()));
    let desk = calls("", &names);
    desk.night(AT).expect(0);
    let regions: Vec<String> = booked(&desk).into_iter().map(|(_, region, _)| region).collect();
    assert_eq!((regions.len(), regions[0].as_str()), (3, "eu-1"), "{regions:?}");
    assert!(regions[1..].iter().all(|region| region.starts_with("n-") && region.len() == 14), "{regions:?}");
    let bad = fs::read_to_string(desk.path("reports/daily/2026-11-20/quarantine.ndjson")).unwrap();
    assert!(bad.contains("region has 300 bytes, more than 256"), "{bad}");

    let id = "y".repeat(9_000);
    let desk = calls("", &names[..1]);
    let row = format!("2026-11-20T10:00:00Z,{id},messages,eu,200\n");
    let log = fs::read_to_string(desk.path("edge.csv")).unwrap();
    desk.file("edge.csv", &(log + &row));
    desk.night(AT).expect(0);
    let bad = fs::read_to_string(desk.path("reports/daily/2026-11-20/quarantine.ndjson")).unwrap();
    assert!(bad.contains("request_id is a text of more than 8 KiB"), "{bad}");
}

#[test]
fn a_value_that_is_too_long_is_told_though_its_row_is_plainly_good() {
    let long = "x".repeat(9_000);
    let row = |n: u32, rest: &str| {
        format!(
            r#"{{"ts":"2026-11-20T10:00:{n:02}Z","request_id":"r-{n}","service":"media","http_status":200{rest}}}"#
        ) + "\n"
    };
    let fields = ["business_id", "trace_id", "scope", "endpoint", "error_subcode", "client_version"];
    let csv = |n: usize, field: &str| {
        let at = fields.iter().position(|known| *known == field);
        let cells: Vec<&str> =
            (0..fields.len()).map(|one| if Some(one) == at { &*long } else { "" }).collect();
        format!("2026-11-20T10:00:{n:02}Z,r-{n},media,200,{}\n", cells.join(","))
    };
    let all = |long_field: Option<&str>| -> String {
        let value = |field: &str| {
            if Some(field) == long_field {
                long.clone()
            } else if field == "error_subcode" {
                "0".to_owned()
            } else {
                "a".to_owned()
            }
        };
        fields
            .iter()
            .filter(|field| **field != "scope" || long_field == Some("scope"))
            .map(|field| format!(r#","{field}":"{}""#, value(field)))
            .collect()
    };
    // Rows of one shape take the fast path, whether a value of theirs is long or not.
    let ndjson: String = (0..10).map(|n| row(n, &all(None))).collect::<String>()
        + &fields.iter().zip(10..).map(|(field, n)| row(n, &all(Some(field)))).collect::<String>();
    let table = format!("ts,request_id,service,http_status,{}\n", fields.join(","))
        + &(0..10).map(|n| csv(n, "")).collect::<String>()
        + &fields.iter().zip(10..).map(|(field, n)| csv(n, field)).collect::<String>();
    for (name, text) in [("edge.ndjson", ndjson), ("edge.csv", table)] {
        let desk = Desk::new(&format!("{}[[service]]\nname = \"media\"\n", SOURCE.replace("edge.csv", name)));
        desk.file(name, &text);
        let ran = desk.night(AT);
        let bad = fs::read_to_string(desk.path("reports/daily/2026-11-20/quarantine.ndjson")).unwrap();
        for field in fields {
            assert!(
                bad.contains(&format!("{field} is a text of more than 8 KiB")),
                "{name} {field}: {bad} {ran:?}"
            );
        }
        assert_eq!(booked(&desk).iter().map(|(.., events)| events).sum::<u64>(), 10, "{name}");
    }
}

#[test]
fn quarantine_shows_shapes_unless_the_config_wants_texts() {
    for (config, shown) in
        [("", "aaaaa-99-99,Aaaaa 9999"), ("excerpts = \"text\"\n", "never-20-11,Erika 1234")]
    {
        let desk = calls(config, &[("messages".to_owned(), "eu".to_owned())]);
        let log = fs::read_to_string(desk.path("edge.csv")).unwrap();
        desk.file("edge.csv", &(log + "never-20-11,Erika 1234,messages,eu,200\n"));
        desk.night(AT).expect(0);
        let bad = fs::read_to_string(desk.path("reports/daily/2026-11-20/quarantine.ndjson")).unwrap();
        assert!(bad.contains(shown), "{bad}");
    }
}

#[test]
fn a_new_ledger_needs_a_salt_that_cannot_be_tried() {
    let desk = calls("", &[("messages".to_owned(), "eu".to_owned())]);
    let config = fs::read_to_string(desk.path("uptime-ledger.toml")).unwrap();
    desk.file("uptime-ledger.toml", &config.replace("the salt of a desk", "fifteen letters"));
    desk.night(AT).expect(2).says(&["`salt` has 15 characters, and a new ledger needs at least 16"]);
    desk.file("uptime-ledger.toml", &config.replace("the salt of a desk", "sixteen letters."));
    desk.night(AT).expect(0);
    // A ledger that has one keeps it.
    desk.file("uptime-ledger.toml", &config.replace("the salt of a desk", "short"));
    assert_ne!(desk.night("2026-11-22T03:00:00Z").code, Some(2));
}

#[test]
fn a_day_that_does_not_fit_into_memory_is_refused_with_field_and_file_and_others_go_on() {
    let source = "[[source]]\nname = \"edge\"\npaths = [\"edge-{date}.csv\"]\nneighbours = 0\n";
    let limits = "[limits]\ncoverage_percent = 0\n";
    let desk = Desk::new(&format!("memory = \"1MiB\"\n{limits}{source}"));
    let log = |day: &str, rows: usize, callers: usize| {
        let mut log = "ts,request_id,business_id,http_status\n".to_owned();
        for at in 0..rows {
            let (hour, minute, second) = (at / 3_600 % 24, at / 60 % 60, at % 60);
            let time = format!("{day}T{hour:02}:{minute:02}:{second:02}Z");
            writeln!(log, "{time},r-{at},b-{},500", at % callers).unwrap();
        }
        desk.file(&format!("edge-{day}.csv"), &log);
    };
    // Each failure is a fact of a caller of its own.
    log("2026-11-19", 450_000, 450_000);
    log("2026-11-20", 6_000, 3);
    let what =
        ["edge-2026-11-19.csv: the day does not fit into 512 MiB", "different values of `business_id`"];
    desk.night("2026-11-20T03:00:00Z").expect(1).says(&what);
    assert!(!desk.path("reports/ledger/editions").exists(), "nothing of it is noted");
    let both = ["run", "--from", "2026-11-19", "--to", "2026-11-20", "--simulate", "--as-of", AT];
    desk.ask(&both)
        .expect(3)
        .says(&["attention[not-published]: 2026-11-19", "give the run more: --memory 11"]);
    assert_eq!(n(&table(&desk.path("reports/daily/2026-11-20"), "intake")[0], "accepted"), 6_000);
    // As the message says: the field is switched off.
    let off = "[source.columns]\nbusiness_id = false\n";
    let text = format!("reports = \"reports\"\nsalt = \"the salt of a desk\"\n{limits}{source}{off}");
    desk.file("uptime-ledger.toml", &text);
    desk.ask(&["run", "--from", "2026-11-19", "--to", "2026-11-19", "--as-of", AT]);
    assert_eq!(n(&table(&desk.path("reports/daily/2026-11-19"), "intake")[0], "accepted"), 450_000);
    desk.ask(&["verify"]).expect(0);
}
