//! Tests of webhook payloads: shapes, times, statuses and identity.

mod envelopes;
mod siblings;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

const SENT_US: i64 = 1_698_266_945_000_000;

fn read(line: &str) -> Payload<'_> {
    super::read(line.as_bytes(), Tz::UTC).unwrap_or_else(|why| panic!("{why}: {line}"))
}

fn refused(line: &str) -> String {
    super::read(line.as_bytes(), Tz::UTC).expect_err(line)
}

/// Returns a `value` with these statuses.
fn value(statuses: &str) -> String {
    format!(
        r#"{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550783881","phone_number_id":"106540352242922"}},"statuses":[{statuses}]}}"#
    )
}

/// Returns a payload with these statuses.
fn payload(statuses: &str) -> String {
    format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"5467539754836534","changes":[{{"value":{},"field":"messages"}}]}}]}}"#,
        value(statuses)
    )
}

const SENT: &str =
    r#"{"id":"wamid.a","status":"sent","timestamp":"1698266945","recipient_id":"972987654321"}"#;

fn sent() -> PayloadStatus<'static> {
    PayloadStatus {
        message_id: "wamid.a".into(),
        status: "sent".into(),
        ts_us: Some(SENT_US),
        error_code: None,
        correlation: None,
        origin: StatusOrigin::Own,
        participant: 0,
    }
}

fn quoted(json: &str) -> String {
    serde_json::to_string(json).unwrap()
}

#[test]
fn all_three_shapes_tell_the_same_statuses() {
    let whole = payload(SENT);
    let change = format!(r#"{{"field":"messages","value":{}}}"#, value(SENT));
    let alone = value(SENT);
    let found = [&whole, &change, &alone].map(|line| read(line));
    for payload in &found {
        assert_eq!(payload.statuses, [sent()]);
        assert_eq!((payload.earliest_us, payload.latest_us), (Some(SENT_US), Some(SENT_US)));
        assert_eq!(payload.received_us, None);
    }
    let ids = found.each_ref().map(|p| p.business_id.as_ref());
    assert_eq!(ids, ["5467539754836534", "106540352242922", "106540352242922"]);
    let fields = found.each_ref().map(|p| (p.fields.len(), p.fields[0].name.as_ref(), p.fields[0].statuses));
    assert_eq!(fields, [(1, "messages", 1), (1, "messages", 1), (1, "", 0)]);
    assert!(matches!(found[0].statuses[0].message_id, Cow::Borrowed(_)));
}

#[test]
fn many_entries_and_changes_are_read_in_their_order() {
    let line = format!(
        r#"{{"entry":[{{"changes":[]}},{{"id":1,"time":1698266000,"changes":[{{"field":"flows","value":{{}}}},{{"field":"messages","value":{v}}}]}},{{"id":"2","changes":[{{"value":{v},"field":"messages"}}]}}]}}"#,
        v = value(&format!(
            r#"{SENT},{{"id":"wamid.b","status":"held_by_aliens","timestamp":1698266999000}},{{"id":7,"status":"read"}}"#
        ))
    );
    let payload = read(&line);
    let words: Vec<&str> = payload.statuses.iter().map(|s| s.status.as_ref()).collect();
    assert_eq!(words, ["sent", "held_by_aliens", "read", "sent", "held_by_aliens", "read"]);
    assert_eq!((payload.statuses[2].message_id.as_ref(), payload.statuses[2].ts_us), ("7", None));
    let fields: Vec<_> = payload.fields.iter().map(|f| (f.name.as_ref(), f.statuses)).collect();
    assert_eq!(
        (payload.business_id.as_ref(), fields.as_slice()),
        ("1", [("flows", 0), ("messages", 6)].as_slice())
    );
    assert_eq!(payload.earliest_us, Some(1_698_266_000_000_000));
    assert_eq!(payload.latest_us, Some(1_698_266_999_000_000));
    // A message to a group has one status per participant under one id.
    let group = payload_of_group();
    let ids: Vec<Cow<str>> = read(&group).statuses.into_iter().map(|s| s.message_id).collect();
    assert_eq!(ids, ["wamid.g", "wamid.g"]);
}

fn payload_of_group() -> String {
    let status = |who: &str| {
        format!(
            r#"{{"id":"wamid.g","status":"read","timestamp":"1698266945","recipient_type":"group","recipient_participant_id":"{who}"}}"#
        )
    };
    payload(&[status("972987654321"), status("972987654322")].join(","))
}

#[test]
fn an_envelope_changes_nothing_but_the_receive_time() {
    let bare = payload(SENT);
    let pretty: serde_json::Value = serde_json::from_str(&bare).unwrap();
    let pretty = serde_json::to_string_pretty(&pretty).unwrap();
    let want = Payload { received_us: Some(1_795_169_220_000_000), ..read(&bare) };
    let times = [
        r#""2026-11-20T10:07:00Z""#,
        r#""2026-11-20T12:07:00.000+02:00""#,
        "1795169220",
        r#""1795169220""#,
        "1795169220.0",
        "1795169220000",
        "1795169220000000",
        r#""1795169220000000000""#,
    ];
    for (n, time) in times.into_iter().enumerate() {
        let time = format!(r#""{}":{time}"#, RECEIVED[n % RECEIVED.len()]);
        for carrier in CARRIERS {
            for inner in [bare.clone(), pretty.clone(), quoted(&bare), quoted(&pretty)] {
                let line = format!(r#"{{"level":"info",{time},"{carrier}":{inner},"headers":{{}}}}"#);
                assert_eq!(read(&line), want, "{line}");
            }
        }
    }
    // An envelope key with other contents does not hide the payload.
    let line = format!(r#"{{"message":"got a webhook","data":{{"x":1}},"payload":{bare},"ts":null}}"#);
    assert_eq!(read(&line), read(&bare));
    // A receive time that was merged into the payload still counts.
    let merged = bare.replacen('{', r#"{"received_at":"2026-11-20T10:07:00Z","#, 1);
    assert_eq!(read(&merged), want);
}

#[test]
fn receive_times_that_are_none_are_told() {
    let with = |times: &str| format!(r#"{{{times},"body":{}}}"#, payload(SENT));
    // The key `time` may hold a duration.
    let readable = with(r#""time":12,"timestamp":"2026-11-20T10:07:00Z""#);
    assert_eq!(read(&readable).received_us, Some(1_795_169_220_000_000));
    for times in [r#""ts":"yesterday""#, r#""received_at":{"$date":1}"#, r#""time":12"#, r#""ts":true"#] {
        assert!(refused(&with(times)).starts_with("the receive time under `"), "{times}");
    }
    assert_eq!(read(&with(r#""ts":null,"time":"""#)).received_us, None);
}

#[test]
fn only_failed_messages_have_an_error() {
    let code = |status: &str| {
        let line = payload(status);
        read(&line).statuses[0].error_code
    };
    let failed = |errors: &str| {
        code(&format!(r#"{{"id":"wamid.a","status":"failed","timestamp":"1698266945","errors":{errors}}}"#))
    };
    assert_eq!(failed(r#"[{"code":131053,"title":"Media upload error"},{"code":1}]"#), Some(131_053));
    assert_eq!(failed(r#"[{"code":"131026","title":"x","details":"y"}]"#), Some(131_026));
    assert_eq!(failed(r#"{"code":470}"#), Some(470));
    for none in ["[]", "null", "{}", r#"[{"title":"x"}]"#, r#"[{"code":"x"}]"#, "[7]", r#""text""#] {
        assert_eq!(failed(none), None, "{none}");
    }
    assert_eq!(code(r#"{"id":"wamid.a","status":"delivered","errors":[{"code":131053}]}"#), None);
    // Errors of the account, of an inbound message and of a call do not concern outbound messages.
    let line = payload(SENT).replace(
        r#""statuses""#,
        r#""errors":[{"code":131000}],"messages":[{"id":"wamid.in","timestamp":"1698266990","errors":[{"code":131051}]}],"calls":[{"id":"wacid.x","timestamp":"nonsense","status":"FAILED","errors":[{"code":138000}]}],"statuses""#,
    );
    let payload = read(&line);
    assert_eq!(payload.statuses, [sent()]);
    assert_eq!(payload.latest_us, Some(1_698_266_990_000_000));
}

#[test]
fn statuses_of_calls_and_payments_are_not_of_messages() {
    let call = r#"{"id":"wacid.x","timestamp":"1671644824","type":"call","status":"RINGING"}"#;
    let payment = r#"{"id":"wamid.p","timestamp":"1671644825","type":"payment","status":"failed"}"#;
    let both = payload(&format!("{call},{payment}"));
    let field = payload(&call.replace(r#""type":"call","#, "")).replace(r#""messages""#, r#""calls""#);
    for line in [both, field] {
        let payload = read(&line);
        assert_eq!(payload.statuses, []);
        assert_eq!(payload.earliest_us, Some(1_671_644_824_000_000));
    }
    let old = payload(r#"{"id":"wamid.a","type":"message","status":"sent","timestamp":"1698266945"}"#);
    assert_eq!(read(&old).statuses, [sent()]);
}

#[test]
fn statuses_that_cannot_be_understood_say_where_and_what() {
    for (status, why) in [
        (r#"{"status":"sent"}"#, "no `id`"),
        (r#"{"id":"","status":"sent"}"#, "no `id`"),
        (r#"{"id":["wamid.a"],"status":"sent"}"#, "no `id`"),
        (r#"{"id":"wamid.HBgL"}"#, "no `status`"),
        (r#"{"id":"wamid.HBgL","status":null}"#, "no `status`"),
        (r#"{"id":"wamid.HBgL","status":"sent","timestamp":"972987654321x"}"#, "`timestamp` is neither"),
        (r#"{"id":"wamid.HBgL","status":"sent","timestamp":"0"}"#, "`timestamp` is neither"),
        (r#"{"id":"wamid.HBgL","status":"sent","timestamp":-1698266945}"#, "`timestamp` is neither"),
        (r#"{"id":"wamid.HBgL","status":"sent","timestamp":{}}"#, "`timestamp` is neither"),
        ("7", "a number, not an object"),
        ("null", "null, not an object"),
    ] {
        let line = payload(&format!("{SENT},{status}"));
        let found = refused(&line);
        let place = "webhook payload: entry[0].changes[0].value.statuses[1]: ";
        assert!(found.starts_with(&format!("{place}{why}")), "{found}");
        assert!(["HBgL", "97298"].iter().all(|secret| !found.contains(secret)), "{found}");
    }
    let found = refused(r#"{"entry":[{"changes":[{"value":{"statuses":{}}}]}]}"#);
    assert_eq!(found, "webhook payload: entry[0].changes[0].value.statuses: an object, not a list");
    assert_eq!(refused(r#"{"entry":[7]}"#), "webhook payload: entry[0]: a number, not an object");
    let found = refused(r#"{"field":"messages","value":{"statuses":[{}]}}"#);
    assert_eq!(found, "webhook payload: value.statuses[0]: no `id`");
}

#[test]
fn what_is_no_payload_is_refused() {
    for line in [
        "[]".to_owned(),
        format!("[{}]", payload(SENT)),
        "7".into(),
        quoted(&payload(SENT)),
        "null".into(),
        "{}".into(),
        r#"{"entry":"main"}"#.into(),
        r#"{"metric":"x","value":3}"#.into(),
        r#"{"ts":1795169220,"message":"GET / 200","data":[1]}"#.into(),
        // The answer to a send request, and the request itself.
        r#"{"messaging_product":"whatsapp","contacts":[{"input":"1"}],"messages":[{"id":"wamid.a"}]}"#.into(),
        r#"{"body":{"messaging_product":"whatsapp","to":"1","type":"text","text":{"body":"x"}}}"#.into(),
    ] {
        let found = refused(&line);
        assert!(found.starts_with("not a webhook payload: "), "{found}");
        assert!(found.ends_with(EXPECTED), "{found}");
    }
    let cut = refused(&format!(r#"{{"body":{}}}"#, quoted(&payload(SENT)[..90])));
    assert!(cut.starts_with("not a webhook payload: the text of `body` is not a JSON object: "), "{cut}");
}

#[test]
fn json_is_strict_wherever_it_is_broken() {
    let good = payload(SENT);
    let deep = format!(r#"{{"entry":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    for line in [
        "",
        " ",
        "{",
        &format!("{good}x"),
        &format!("{good}{good}"),
        &good.replace("whatsapp\"", "what\\qsapp\""),
        &good.replace("whatsapp\"", "what\u{1}sapp\""),
        &good.replace("\"15550783881\"", "015"),
        &good.replace("\"15550783881\"", "tru"),
        &good.replace("}]", "},]"),
        &deep,
        &format!(r#"{{"body":{}}}"#, quoted(&deep)),
    ] {
        let why = refused(line);
        assert!(why.contains("not a JSON object: ") || why.contains("nested deeper than 64"), "{why}");
    }
    let latin1 = [good.as_bytes(), b"\xe9"].concat();
    let why = super::read(&latin1, Tz::UTC).unwrap_err();
    assert_eq!(why, format!("not a JSON object: invalid UTF-8 at byte {}", good.len() + 1));
    // Half an emoji is left where a text was cut; the status still counts.
    for half in [r"x\ud83d", r"\ud83dx", r"\ude00", r"\ud83d\ud83d\ude00"] {
        assert_eq!(read(&good.replace("15550783881", half)).statuses, [sent()], "{half}");
    }
    // Of a repeated key the last value counts.
    let twice = payload(&SENT.replacen('{', r#"{"id":"x","status":"failed","#, 1));
    assert_eq!(read(&twice).statuses, [sent()]);
}

#[test]
fn identity_is_what_is_said_and_not_how() {
    let line = payload(SENT);
    let identity = read(&line).identity;
    for same in [
        line.replace(':', " :\t"),
        line.replace("whatsapp\"", "what\\u0073app\""),
        line.replace(
            r#""id":"wamid.a","status":"sent","timestamp""#,
            r#""status":"sent","id":"wamid.a","timestamp""#,
        ),
        format!(r#"{{"ts":1795169220,"payload":{line}}}"#),
        format!(r#"{{"body":{},"time":1795169999}}"#, quoted(&line)),
    ] {
        assert_eq!(read(&same).identity, identity, "{same}");
    }
    for other in [
        line.replace("wamid.a", "wamid.b"),
        line.replace(r#""1698266945""#, "1698266945"),
        line.replace("recipient_id", "recipient"),
        line.replace(r#""972987654321""#, "true"),
        line.replace(r#""972987654321""#, "[]"),
        line.replace(r#""972987654321""#, "{}"),
        line.replace(r#""972987654321""#, r#"["972987654321"]"#),
        payload(&format!("{SENT},{SENT}")),
    ] {
        assert_ne!(read(&other).identity, identity, "{other}");
    }
    let (a, b) = (value(r#"{"id":"1","status":"2"}"#), value(r#"{"id":"2","status":"1"}"#));
    assert_ne!(read(&a).identity, read(&b).identity);
}

/// Returns the folder of real payloads, if there is one.
fn real() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/realdata/whatsapp");
    folder.is_dir().then_some(folder)
}

fn documents(folder: &Path, found: &mut Vec<(String, serde_json::Value)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            documents(&path, found);
        } else if path.extension().is_some_and(|e| e == "json") {
            let text = std::fs::read_to_string(&path).unwrap();
            // One file has extra text after its document.
            let json = serde_json::Deserializer::from_str(&text).into_iter().next().unwrap();
            found.push((path.display().to_string(), json.unwrap()));
        }
    }
}

/// Returns all payloads with their names; files of pywa hold many, by name.
fn real_payloads() -> Vec<(String, serde_json::Value)> {
    let mut files = Vec::new();
    if let Some(folder) = real() {
        documents(&folder, &mut files);
    }
    let mut payloads = Vec::new();
    for (path, json) in files {
        match json {
            serde_json::Value::Object(named) if path.contains("tests/data/updates") => {
                payloads.extend(named.into_iter().map(|(name, json)| (format!("{path}#{name}"), json)));
            }
            json => payloads.push((path, json)),
        }
    }
    payloads
}

#[test]
fn real_payloads_are_read() {
    let payloads = real_payloads();
    let mut refusals = String::new();
    for (name, json) in &payloads {
        let line = json.to_string();
        let is_webhook = json.get("entry").is_some();
        match super::read(line.as_bytes(), Tz::UTC) {
            Ok(payload) => {
                assert!(
                    is_webhook && !payload.business_id.is_empty() && !payload.fields.is_empty(),
                    "{name}"
                );
                let enveloped = format!(r#"{{"received_at":1795169220,"body":{}}}"#, quoted(&line));
                let want = Payload { received_us: Some(1_795_169_220_000_000), ..payload };
                assert_eq!(read(&enveloped), want, "{name}");
            }
            Err(why) if is_webhook => writeln!(refusals, "{name}: {why}").unwrap(),
            Err(why) => assert!(why.starts_with("not a webhook payload: "), "{name}: {why}"),
        }
    }
    assert_eq!(refusals, "");
    let statuses: Vec<(String, String, Option<i64>, Option<i64>)> = payloads
        .iter()
        .filter(|(name, _)| name.contains("/message_status.json#"))
        .flat_map(|(name, json)| {
            let line = json.to_string();
            let statuses = read(&line).into_owned::<'static>().statuses;
            let name = name.rsplit('#').next().unwrap().to_owned();
            statuses.into_iter().map(move |s| (name.clone(), s.status.into(), s.ts_us, s.error_code))
        })
        .collect();
    if payloads.is_empty() {
        return;
    }
    let want = [
        ("sent", "sent", 1_698_266_945, None),
        ("delivered", "delivered", 1_698_266_945, None),
        ("read", "read", 1_689_380_458, None),
        ("played", "played", 1_689_380_458, None),
        ("failed", "failed", 1_689_380_458, Some(130_472)),
        ("with_tracker", "sent", 1_698_266_945, None),
        ("group", "read", 1_698_266_945, None),
    ];
    let want =
        want.map(|(name, word, s, code)| (name.to_owned(), word.to_owned(), Some(s * 1_000_000), code));
    assert_eq!(statuses, want);
    for (file, code) in [("mediaUploadError", 131_053), ("reEngagementMessageError", 131_047)] {
        let (_, json) = payloads.iter().find(|(name, _)| name.contains(file)).unwrap();
        assert_eq!(read(&json.to_string()).statuses[0].error_code, Some(code));
    }
}

#[test]
fn real_graph_calls_are_no_payloads() {
    let Some(folder) = real() else { return };
    let exchanges = std::fs::read_to_string(folder.join("graph_exchanges.jsonl")).unwrap();
    for line in exchanges.lines() {
        assert!(refused(line).starts_with("not a webhook payload: "), "{line}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(line in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = super::read(&line, Tz::UTC);
    }

    #[test]
    fn no_text_of_json_pieces_makes_it_panic(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "d83d", "\"entry\":[{", "\"changes\":", "\"value\":{",
            "\"statuses\":[", "\"body\":\"{", "\"time\":", "\"timestamp\":", "1e999", "-", "1698266945", "null", "é",
        ]), 0..40)
    ) {
        let _ = super::read(pieces.concat().as_bytes(), Tz::UTC);
    }

    #[test]
    fn mutated_payloads_are_read_or_refused_with_a_reason(
        enveloped in any::<bool>(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..4, any::<u8>()), 1..6),
    ) {
        let bare = payload_of_group();
        let line = if enveloped { format!(r#"{{"ts":1795169220,"body":{}}}"#, quoted(&bare)) } else { bare };
        let mut line = line.into_bytes();
        for (at, kind, byte) in cuts {
            let at = at.index(line.len().max(1)).min(line.len().saturating_sub(1));
            match kind {
                0 => line[at] = byte,
                1 => line.insert(at, byte),
                2 => drop(line.remove(at)),
                _ => line[at] = b"{}[]\",:0"[usize::from(byte % 8)],
            }
        }
        if let Err(why) = super::read(&line, Tz::UTC) {
            prop_assert!(!why.is_empty());
            prop_assert!(!why.contains("972987654"), "{}", why);
        }
    }

    /// Any value in the place of any part of a payload is read without a panic.
    #[test]
    fn odd_values_anywhere_are_read_or_refused(place in 0_usize..14, odd in 0_usize..9) {
        let odd = ["null", "true", "7", "1.5", "\"\"", "\"x\"", "[]", "[null]", "{}"][odd];
        let keys = ["object", "entry", "id", "changes", "value", "field", "statuses", "messaging_product", "metadata",
            "phone_number_id", "status", "timestamp", "recipient_id", "nothing"];
        let key = format!("\"{}\":", keys[place]);
        let line = payload(SENT);
        for (at, _) in line.match_indices(&key) {
            // The repeated key goes after the first object that ends after the key, so it counts.
            let end = at + line[at..].find('}').unwrap_or(0);
            let line = format!("{},{key}{odd}{}", &line[..end], &line[end..]);
            let _ = super::read(line.as_bytes(), Tz::UTC);
            let line = format!("{{{key}{odd},{}", &line[1..]);
            let _ = super::read(line.as_bytes(), Tz::UTC);
        }
    }
}
