//! Tests of envelopes: bodies in base64, receive times and spellings of keys.

use super::*;

/// An event as an API gateway hands it on: the body as it came, its bytes as base64.
fn gateway_event(body: &str, is_base64: &str) -> String {
    format!(
        r#"{{"version":"2.0","headers":{{"host":"h"}},"requestContext":{{"timeEpoch":1}},"body":"{body}","isBase64Encoded":{is_base64}}}"#
    )
}

#[test]
fn a_body_in_base64_is_the_payload_that_it_encodes() {
    let json = payload(SENT);
    let standard = base64::engine::general_purpose::STANDARD.encode(&json);
    let wrapped = standard.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap());
    let wrapped = wrapped.collect::<Vec<_>>().join(r"\r\n");
    let url = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&json);
    let want = read(&json);
    for (body, flag) in [
        (standard.as_str(), "true"),
        (standard.as_str(), "\"True\""),
        // What it is shows even where nothing says so.
        (standard.as_str(), "false"),
        (wrapped.as_str(), "true"),
        (url.as_str(), "true"),
        (standard.trim_end_matches('='), "true"),
    ] {
        let line = gateway_event(body, flag);
        let found = read(&line);
        assert_eq!((found.statuses, found.identity), (want.statuses.clone(), want.identity), "{line}");
    }
    let plain = gateway_event(quoted(&json).trim_matches('"'), "true");
    assert_eq!(read(&plain).statuses, [sent()]);
    let whole = format!(r#"{{"body":{json},"isBase64Encoded":false}}"#);
    assert_eq!(read(&whole).statuses, [sent()]);
}

#[test]
fn a_body_that_is_no_base64_is_refused_with_the_reason() {
    let why = refused(&gateway_event("not base64!", "true"));
    assert_eq!(
        why,
        "not a webhook payload: the text of `body` is no base64, but `isBase64Encoded` says that it is"
    );
    let binary = base64::engine::general_purpose::STANDARD.encode([0x1f, 0x8b, 8, 0]);
    let why = refused(&gateway_event(&binary, "true"));
    assert!(why.starts_with("not a webhook payload: the text of `body` is not a JSON object: "), "{why}");
    // A word without a claim says nothing, whatever it would decode to.
    assert!(refused(&gateway_event("abcd", "false")).contains("an object that has none of it"));
}

#[test]
fn a_receive_time_without_a_zone_is_in_that_of_the_source() {
    let line = format!(r#"{{"received_at":"2026-11-18 11:00:02","payload":{}}}"#, payload(SENT));
    let at = |zone| super::super::read(line.as_bytes(), zone).unwrap().received_us.unwrap();
    let utc: i64 = 1_794_999_602_000_000;
    assert_eq!((at(Tz::UTC), at(Tz::Europe__Berlin)), (utc, utc - 3_600_000_000));
    // A time that names its zone keeps it.
    let line = line.replace("11:00:02", "11:00:02+00:00");
    let found = super::super::read(line.as_bytes(), Tz::Europe__Berlin).unwrap();
    assert_eq!(found.received_us, Some(utc));
}

#[test]
fn keys_of_an_envelope_are_found_in_another_spelling() {
    let line = format!(r#"{{"ReceivedAt":"2026-11-18T11:00:02Z","Body":{}}}"#, quoted(&payload(SENT)));
    let found = read(&line);
    assert_eq!((found.received_us, found.statuses), (Some(1_794_999_602_000_000), vec![sent()]));
    // The exact one wins, and two others are not chosen between.
    let line = format!(r#"{{"Body":"x","body":{}}}"#, payload(SENT));
    assert_eq!(read(&line).statuses, [sent()]);
    let why = refused(&format!(r#"{{"Body":{0},"BODY":{0}}}"#, payload(SENT)));
    assert_eq!(why, "the keys `Body` and `BODY` can both be meant by `body`; keep one");
}
