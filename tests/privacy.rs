//! Privacy: what may identify a person or open a door is planted everywhere in the logs and must stand nowhere in what the
//! job leaves behind or says.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::job;

const DAY: &str = "2026-11-18";
const AS_OF: [&str; 5] = ["--date", DAY, "--simulate", "--as-of", "2026-11-19T06:00:00Z"];

// All of these are made up.
const PHONE: &str = "4917698543276";
const DISPLAY_PHONE: &str = "15550783881";
const WAMID: &str = "wamid.HBgNNDkxNzY5ODU0MzI3NhUCABEYEjlBMDFRN1NlY3JldE1zZ0lkAA==";
const TOKEN: &str = "EAAGm0PX4ZCpsBAKZCZA9ZCxQ7vU2mR8sTtWZD";
const BUSINESS: &str = "100469583927164";
const PHONE_NUMBER_ID: &str = "106540352242922";
const WEBHOOK: &str = "wh-7730182945566";
const MAIL: &str = "erika.mustermann@example.org";

const SECRETS: [&str; 8] = [PHONE, DISPLAY_PHONE, WAMID, TOKEN, BUSINESS, PHONE_NUMBER_ID, WEBHOOK, MAIL];

fn url() -> String {
    format!("/v21.0/{PHONE_NUMBER_ID}/messages?access_token={TOKEN}&to={PHONE}")
}

/// What must not be found: the secrets, the tell-tale part of a message id, and every run of seven digits in them.
fn needles() -> Vec<String> {
    let mut needles: Vec<String> = SECRETS.iter().map(ToString::to_string).collect();
    needles.extend(["HBgNNDkxNzY5", "access_token=E", "mustermann"].map(str::to_owned));
    for secret in SECRETS {
        for run in secret.split(|c: char| !c.is_ascii_digit()).filter(|run| run.len() >= 7) {
            needles.extend((0..=run.len() - 7).map(|at| run[at..at + 7].to_owned()));
        }
    }
    needles.sort();
    needles.dedup();
    needles
}

/// A time to fields that are times, and a code to `error_code`: then it is what the log says it is.
fn is_number(text: &str) -> bool {
    text.trim_matches('"').parse::<f64>().is_ok()
}

/// Calls: good, failed, in network trouble; then rows that cannot be read.
fn requests_csv() -> String {
    let mut text = String::from(
        "ts,request_id,trace_id,business_id,endpoint,http_status,error_code,message_id,message_status,symptom,is_transient,to,note\n",
    );
    let url = url();
    for (minute, (status, code, symptom)) in [
        ("200", "", ""),
        ("400", "131026", ""),
        ("503", "131016", ""),
        ("", "", "timeout"),
        ("401", "190", ""),
    ]
    .into_iter()
    .enumerate()
    {
        let id = if status == "200" { WAMID } else { "" };
        writeln!(
            text,
            "{DAY}T10:{minute:02}:00Z,{PHONE}-{minute},{TOKEN},{BUSINESS},{url},{status},{code},{id},,{symptom},,{PHONE},{MAIL}"
        )
        .unwrap();
    }
    let good = [
        &format!("{DAY}T11:00:00Z"),
        "r-1",
        "t-1",
        BUSINESS,
        &url,
        "200",
        "",
        WAMID,
        "",
        "",
        "",
        PHONE,
        MAIL,
    ];
    // Something personal where something else belongs.
    for at in [0, 5, 6, 8, 9, 10] {
        for wrong in [PHONE, WAMID, TOKEN, BUSINESS, &url, MAIL, &format!("+{PHONE}")] {
            if is_number(wrong) && [0, 6].contains(&at) {
                continue;
            }
            let mut row = good.map(str::to_owned);
            wrong.clone_into(&mut row[at]);
            writeln!(text, "{}", row.join(",")).unwrap();
        }
    }
    // Too few fields and too many.
    writeln!(text, "{DAY}T11:00:00Z,r-2,{TOKEN},{BUSINESS},{url},{PHONE}").unwrap();
    writeln!(text, "{},{PHONE},{MAIL},{MAIL}", good.join(",")).unwrap();
    text
}

fn requests_ndjson() -> Vec<u8> {
    let url = url();
    let row = |field: &str, value: &str| {
        format!(
            r#"{{"ts":"{DAY}T12:00:00Z","{field}":{value},"business_id":"{BUSINESS}","endpoint":"{url}","message_id":"{WAMID}","to":"{PHONE}","token":"{TOKEN}"}}"#
        ) + "\n"
    };
    let mut text = row("http_status", "200");
    for field in
        ["http_status", "error_code", "request_id", "reached", "symptom", "is_success", "message_status"]
    {
        for value in [
            PHONE,
            &format!("-{PHONE}"),
            &format!("\"{PHONE}\""),
            &format!("\"{WAMID}\""),
            &format!("\"{url}\""),
            &format!("[\"{PHONE}\"]"),
            &format!("{{\"input\":\"{PHONE}\",\"wa_id\":\"{PHONE}\"}}"),
        ] {
            if !(is_number(value) && field == "error_code") {
                text += &row(field, value);
            }
        }
    }
    let mut bytes = text.into_bytes();
    let broken = [
        format!("{{\"to\":\"{PHONE}\",\"ts\":"),
        PHONE.to_owned(),
        format!("\"{WAMID}\""),
        format!("[\"{TOKEN}\",\"{PHONE}\"]"),
        format!("POST {url} HTTP/1.1 Authorization: Bearer {TOKEN}"),
        format!("{{\"ts\":\"{DAY}T12:00:00Z\",\"to\":\"{PHONE}\",\"to\":\"\\x{PHONE}\"}}"),
    ];
    for line in broken {
        bytes.extend(line.as_bytes());
        bytes.push(b'\n');
        // The same with a byte that is no text.
        bytes.extend(b"\xff");
        bytes.extend(line.as_bytes());
        bytes.push(b'\n');
    }
    bytes
}

fn webhooks_csv() -> String {
    let mut text = String::from(
        "ts,event_ts,webhook_id,business_id,message_id,status,error_code,attempt_no,outcome,http_status,recipient_id,url,name\n",
    );
    let at = format!("{DAY}T10:00:01Z");
    let url = url();
    let good = [&at, &at, WEBHOOK, BUSINESS, WAMID, "sent", "", "1", "http", "200", PHONE, &url, MAIL];
    writeln!(text, "{}", good.join(",")).unwrap();
    for column in [0, 1, 6, 7, 8, 9] {
        for wrong in [PHONE, WAMID, TOKEN, BUSINESS, &url, MAIL, WEBHOOK, &format!("-{PHONE}")] {
            if is_number(wrong) && [0, 1, 6].contains(&column) {
                continue;
            }
            let mut row = good.map(str::to_owned);
            wrong.clone_into(&mut row[column]);
            row[2] = format!("{WEBHOOK}-{column}");
            writeln!(text, "{}", row.join(",")).unwrap();
        }
    }
    // A status of no message, and a row that is cut off.
    writeln!(text, "{at},{at},{WEBHOOK},{BUSINESS},,{PHONE},,1,http,200,{PHONE},{url},{MAIL}").unwrap();
    writeln!(text, "{at},{at},{WEBHOOK},{BUSINESS},{WAMID},{PHONE}").unwrap();
    text
}

fn webhooks_ndjson() -> String {
    let url = url();
    let row = |field: &str, value: &str| {
        let known = [
            ("outcome", "\"http\""),
            ("http_status", "200"),
            ("webhook_id", "\"w\""),
            ("message_id", "\"m\""),
        ];
        let known = known.into_iter().filter(|(name, _)| *name != field);
        let known = known.fold(String::new(), |text, (name, value)| text + &format!(r#","{name}":{value}"#));
        format!(
            r#"{{"{field}":{value},"ts":"{DAY}T10:00:02Z","business_id":"{BUSINESS}","recipient_id":"{PHONE}","url":"{url}"{known}}}"#
        ) + "\n"
    };
    let mut text = String::new();
    for field in [
        "outcome",
        "http_status",
        "attempt_no",
        "event_ts",
        "status",
        "message_id",
        "webhook_id",
        "error_code",
    ] {
        for value in [
            PHONE,
            &format!("\"{PHONE}\""),
            &format!("\"{WAMID}\""),
            &format!("\"{url}\""),
            &format!("[{PHONE}]"),
            &format!("{{\"id\":\"{WAMID}\"}}"),
        ] {
            if !(is_number(value) && ["error_code", "event_ts"].contains(&field)) {
                text += &row(field, value);
            }
        }
    }
    text
}

fn payloads() -> String {
    let at = 1_795_000_000; // 2026-11-18
    let wrong = [
        format!(r#""{PHONE}""#),
        format!(r#""{WAMID}""#),
        format!(r#"["{PHONE}"]"#),
        format!(r#"{{"wa_id":"{PHONE}","token":"{TOKEN}"}}"#),
    ];
    let payload = |id: &str, status: &str, timestamp: &str, list: Option<&str>| {
        let status = format!(
            r#"{{"id":{id},"status":{status},"timestamp":{timestamp},"recipient_id":"{PHONE}","errors":[{{"code":131026,"title":"{PHONE}"}}]}}"#
        );
        let statuses = list.map_or(format!("[{status}]"), str::to_owned);
        format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"{BUSINESS}","changes":[{{"field":"messages","value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"{DISPLAY_PHONE}","phone_number_id":"{PHONE_NUMBER_ID}"}},"contacts":[{{"wa_id":"{PHONE}","profile":{{"name":"{MAIL}"}}}}],"statuses":{statuses}}}}}]}}]}}"#
        )
    };
    let (id, word, time) = (format!("\"{WAMID}\""), "\"failed\"", format!("\"{at}\""));
    let good = payload(&id, word, &time, None);
    let mut lines = vec![good.clone()];
    for wrong in &wrong {
        lines.push(payload(wrong, word, &time, None));
        lines.push(payload(&id, wrong, &time, None));
        if !is_number(wrong) {
            lines.push(payload(&id, word, wrong, None));
            lines.push(format!(r#"{{"received_at":{wrong},"payload":{good}}}"#));
        }
        lines.push(payload(&id, word, &time, Some(wrong)));
        lines.push(format!(r#"{{"received_at":{at},"payload":{wrong}}}"#));
        lines.push(format!(r#"{{"received_at":{at},"url":"{}","payload":{wrong}}}"#, url()));
    }
    lines.push(format!(r#"{{"ts":{at},"body":{}}}"#, serde_json::to_string(&good).unwrap()));
    lines.push(format!(
        r#"{{"ts":{at},"body":{}}}"#,
        serde_json::to_string(&good[..good.len() - 20]).unwrap()
    ));
    // Cut off wherever a disk may have been full.
    lines.extend((30..good.len()).step_by(17).map(|to| good[..to].to_owned()));
    lines.join("\n") + "\n"
}

/// Text of every value, and raw bytes, of every file below a folder.
fn all_that_is_written(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for path in job::paths(folder) {
        let bytes = fs::read(&path).unwrap();
        if path.extension().is_some_and(|e| e == "parquet") {
            let reader = SerializedFileReader::new(fs::File::open(&path).unwrap()).unwrap();
            let metadata = reader.metadata().file_metadata();
            let mut text = format!("{:?} {metadata:?}\n", reader.metadata());
            for row in reader.get_row_iter(None).unwrap() {
                for (name, value) in row.unwrap().get_column_iter() {
                    let shown = match value {
                        parquet::record::Field::Bytes(bytes) => {
                            String::from_utf8_lossy(bytes.data()).into_owned()
                        }
                        parquet::record::Field::Str(text) => text.clone(),
                        other => other.to_string(),
                    };
                    writeln!(text, "{name}={shown}").unwrap();
                }
            }
            found.push((path.with_extension("parquet values"), text.into_bytes()));
        }
        found.push((path, bytes));
    }
    found
}

/// Where which secret was found, with what stands around it.
fn leaks(places: &[(PathBuf, Vec<u8>)], needles: &[String]) -> String {
    let mut text = String::new();
    for (path, bytes) in places {
        let mut found = 0;
        for needle in needles {
            if found == 3 {
                break;
            }
            if let Some(at) = bytes.windows(needle.len()).position(|w| w == needle.as_bytes()) {
                let around = &bytes[at.saturating_sub(80)..(at + needle.len() + 40).min(bytes.len())];
                let around = String::from_utf8_lossy(around);
                writeln!(text, "{}: {needle}: {around:?}", path.display()).unwrap();
                found += 1;
            }
        }
    }
    text
}

/// Runs and returns everything that was written or said.
fn told(logs: &[(&str, &str, Vec<u8>)]) -> (tempfile::TempDir, Vec<(PathBuf, Vec<u8>)>) {
    let dir = tempfile::tempdir().unwrap();
    let mut config = String::from("salt = \"the salt of a test\"\nslot = \"5m\"\n");
    for (name, settings, bytes) in logs {
        fs::write(dir.path().join(name), bytes).unwrap();
        writeln!(config, "[[source]]\nname = \"{name}\"\npaths = \"{name}\"\n{settings}").unwrap();
    }
    let path = dir.path().join("uptime-ledger.toml");
    fs::write(&path, config).unwrap();
    let out = dir.path().join("reports");
    let mut places = Vec::new();
    for args in [&[][..], &["--json"], &["--quiet", "--threads", "1"]] {
        let ran = job::run(&path, &out, &[&AS_OF, args].concat());
        assert!(matches!(ran.code, Some(0 | 3)), "{ran:?}");
        places.push((format!("stdout {args:?}").into(), ran.stdout.into_bytes()));
        places.push((format!("stderr {args:?}").into(), ran.stderr.into_bytes()));
    }
    job::assert_balanced(&out);
    places.extend(all_that_is_written(&out));
    (dir, places)
}

#[test]
fn nothing_personal_of_the_logs_is_written_or_said() {
    let webhooks = "log = \"webhooks\"";
    let logs = [
        ("requests.csv", "", requests_csv().into_bytes()),
        ("requests.ndjson", "vantage = \"edge_ingress\"", requests_ndjson()),
        ("webhooks.csv", webhooks, webhooks_csv().into_bytes()),
        ("webhooks.ndjson", webhooks, webhooks_ndjson().into_bytes()),
        ("payloads.ndjson", "preset = \"whatsapp-webhook\"", payloads().into_bytes()),
    ];
    for secret in SECRETS {
        let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
        assert!(logs.iter().filter(|(_, _, bytes)| holds(bytes)).count() >= 1, "{secret} is not planted");
    }
    let (dir, places) = told(&logs);
    for (name, _, _) in &logs {
        let intake = job::table(&dir.path().join("reports/daily").join(DAY), "intake");
        let file = intake.iter().find(|file| file["path"] == *name).unwrap();
        assert!(job::n(file, "accepted") > 0 && job::n(file, "quarantine") > 10, "{file:?}");
    }
    // Callers are there, as pseudonyms.
    let is_told =
        |text: &str| places.iter().any(|(_, b)| b.windows(text.len()).any(|w| w == text.as_bytes()));
    assert!(is_told("caller=c-"), "{:?}", places.iter().map(|(p, _)| p).collect::<Vec<_>>());
    let wrong = leaks(&places, &needles());
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_number_with_a_fraction_is_masked_in_the_reason() {
    let row = format!(r#"{{"ts":"{DAY}T12:00:00Z","http_status":{PHONE}.5}}"#) + "\n";
    let (_dir, places) = told(&[("a.ndjson", "", row.into_bytes())]);
    let wrong = leaks(&places, &needles());
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_token_that_an_excerpt_cuts_in_two_is_masked_too() {
    let mut text = String::new();
    for pad in 60..160 {
        writeln!(text, "{} {TOKEN} {WAMID}", "x ".repeat(pad / 2) + &"y".repeat(pad % 2)).unwrap();
    }
    let good = format!(r#"{{"ts":"{DAY}T12:00:00Z","http_status":200}}"#);
    let (_dir, places) = told(&[("a.ndjson", "", (good + "\n" + &text).into_bytes())]);
    let parts = |secret: &str| -> Vec<String> {
        (0..=secret.len() - 12).map(|at| secret[at..at + 12].to_owned()).collect()
    };
    let wrong = leaks(&places, &[parts(TOKEN), parts(WAMID)].concat());
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_number_of_a_person_in_a_free_field_is_not_kept() {
    let row =
        |field: &str| format!(r#"{{"ts":"{DAY}T12:00:00Z","http_status":400,"{field}":"{PHONE}"}}"#) + "\n";
    let mut wrong = String::new();
    for field in
        ["recipient_area", "client_platform", "client_version", "scope", "error_code", "error_subcode"]
    {
        let (_dir, places) = told(&[("a.ndjson", "", row(field).into_bytes())]);
        let found = leaks(&places, &needles());
        if let Some(first) = found.lines().next() {
            writeln!(wrong, "{field}: {first}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
