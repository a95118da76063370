//! Tests of siblings: other orders of keys, unknown keys, and numbers as texts say the same.

use serde_json::{Map, Value, json};

use super::*;

/// Shapes that documentation shows, each with the time in it that counts last.
fn shapes() -> Vec<(&'static str, Value, u64)> {
    let status = |id: &str, word: &str| json!({"id": id, "status": word, "timestamp": "1698266945"});
    let failed = json!({"id": "wamid.f", "status": "failed", "timestamp": "1698266945",
        "errors": [{"code": 131_026, "title": "no"}], "biz_opaque_callback_data": "c-1"});
    let group = json!({"id": "wamid.g", "status": "read", "timestamp": "1698266945",
        "recipient_participant_id": "15550100"});
    let at = 1_698_266_945;
    vec![
        ("messages", json!({"statuses": [status("wamid.a", "sent"), failed, group]}), at),
        ("messages", json!({"messages": [{"id": "wamid.in", "timestamp": "1698266950"}]}), at + 5),
        ("standby", json!({"standby": {"statuses": [status("wamid.s", "delivered")]}}), at),
        (
            "standby",
            json!({"standby": {"messages": [{"id": "wamid.in", "timestamp": "1698266951"}]}}),
            at + 6,
        ),
        (
            "standby",
            json!({"standby": {"message_echoes": [{"id": "wamid.e", "timestamp": "1698266952"}]}}),
            at + 7,
        ),
        (
            "smb_message_echoes",
            json!({"message_echoes": [{"id": "wamid.e", "timestamp": "1698266953"}]}),
            at + 8,
        ),
        ("group_status_update", json!({"groups": [{"timestamp": "1698266954", "group_id": "g"}]}), at + 9),
        ("automatic_events", json!({"automatic_events": [{"id": "x", "timestamp": 1_698_266_955}]}), at + 10),
        ("smb_app_state_sync", json!({"state_sync": [{"metadata": {"timestamp": "1698266956"}}]}), at + 11),
        ("user_preferences", json!({"user_preferences": [{"timestamp": 1_698_266_957}]}), at + 12),
        ("messaging_handovers", json!({"type": "control_taken", "timestamp": "1698266958"}), at + 13),
        (
            "calls",
            json!({"statuses": [{"id": "wacid.x", "status": "RINGING", "timestamp": "1698266959"}]}),
            at + 14,
        ),
    ]
}

/// Returns the same value with its keys backwards, and an unknown key in each object.
fn turned(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut turned: Map<String, Value> =
                object.iter().rev().map(|(key, value)| (key.clone(), turned(value))).collect();
            turned.insert("a_new_key".into(), json!({"timestamp_of_nothing": [1, null, {"id": "x"}]}));
            Value::Object(turned)
        }
        Value::Array(list) => Value::Array(list.iter().map(turned).collect()),
        other => other.clone(),
    }
}

/// Returns the same value with numbers as texts, and texts that are numbers as numbers.
fn swapped(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            Value::Object(object.iter().map(|(key, value)| (key.clone(), swapped(value))).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(swapped).collect()),
        Value::Number(number) => Value::String(number.to_string()),
        Value::String(text) => text.parse::<u64>().map_or_else(|_| value.clone(), Value::from),
        other => other.clone(),
    }
}

#[test]
fn a_shape_and_its_siblings_say_the_same() {
    for (field, inner, latest) in shapes() {
        let mut value = json!({"messaging_product": "whatsapp", "metadata": {"phone_number_id": "7"}});
        value.as_object_mut().unwrap().extend(inner.as_object().unwrap().clone());
        let whole =
            json!({"object": "o", "entry": [{"id": "100", "changes": [{"field": field, "value": value}]}]});
        let line = whole.to_string();
        let want = read(&line);
        assert_eq!(want.latest_us, Some(latest as i64 * 1_000_000), "{line}");
        for sibling in [turned(&whole), swapped(&whole), swapped(&turned(&whole))] {
            let line = sibling.to_string();
            let found = Payload { identity: want.identity, ..read(&line) };
            assert_eq!(found, want, "{line}");
        }
    }
}

#[test]
fn statuses_say_whose_they_are() {
    let line = json!({"entry": [{"changes": [
        {"field": "standby", "value": {
            "statuses": [{"id": "wamid.own", "status": "sent"}],
            "standby": {"statuses": [{"id": "wamid.heard", "status": "sent"}],
                "message_echoes": [{"id": "wamid.copy"}, {"timestamp": "1698266945"}]}}}]}]})
    .to_string();
    let told = read(&line);
    let found: Vec<_> = told.statuses.iter().map(|s| (s.message_id.as_ref(), s.origin)).collect();
    let want = [
        ("wamid.own", StatusOrigin::Own),
        ("wamid.copy", StatusOrigin::Echo),
        ("wamid.heard", StatusOrigin::Overheard),
    ];
    assert_eq!(found, want);
    assert_eq!((told.fields.len(), told.fields[0].statuses), (1, 2));
    // A participant has one bit, whichever key names it.
    let who = |key: &str| {
        let status = json!({"id": "m", "status": "read", key: "15550100"}).to_string();
        read(&payload(&status)).statuses[0].participant
    };
    let bits =
        ["recipient_participant_user_id", "recipient_participant_id", "participant_recipient_id"].map(who);
    assert!(bits[0] > 0 && bits.iter().all(|bit| *bit == bits[0]), "{bits:?}");
    assert_eq!(who("recipient_id"), 0);
}

#[test]
fn what_is_told_of_others_is_refused_with_its_place() {
    let line =
        r#"{"entry":[{"changes":[{"field":"standby","value":{"standby":{"statuses":[{"id":"x"}]}}}]}]}"#;
    assert_eq!(refused(line), "webhook payload: entry[0].changes[0].value.standby.statuses[0]: no `status`");
}
