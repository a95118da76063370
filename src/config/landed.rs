//! Landed fingerprints: those of settings as version 0.1.0 wrote them, frozen.
//!
//! They were hashes of the text that Rust's `Debug` gave for the structs of that version. The text
//! is written out here with the names that these structs had then, so that a ledger of that version
//! is read whatever the code calls things today. Nothing here may change; what today's version
//! writes stands in [`super::Canonical`].

use sha2::{Digest, Sha256};

use super::{Cast, Column, ColumnSource, Config, Field, Log, LogPreset, Source, TimeBasis, Unit, Vantage};
use crate::day::SlotLength;

/// Whether a stored fingerprint has the form of version 0.1.0: twelve hexadecimal digits.
pub fn is_landed(fingerprint: &str) -> bool {
    fingerprint.len() == 12 && fingerprint.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Identified the settings that shape a daybook in addition to its logs.
pub fn settings_fingerprint(config: &Config) -> String {
    hash(&format!("{} {} {}", slot(config), services(config), webhooks(config)))
}

/// Identified everything in addition to the logs that decides what a daybook holds.
pub fn reading_fingerprint(config: &Config) -> String {
    let sources: Vec<String> = config.sources.iter().map(source).collect();
    hash(&format!("{} [{}]", settings_fingerprint(config), sources.join(", ")))
}

fn hash(text: &str) -> String {
    Sha256::digest(text)[..6].iter().map(|b| format!("{b:02x}")).collect()
}

/// A text in quotes, as `str` is shown.
fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn list(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", quoted.join(", "))
}

const fn slot(config: &Config) -> &'static str {
    match config.slot {
        SlotLength::Seconds10 => "Seconds10",
        SlotLength::Seconds30 => "Seconds30",
        SlotLength::Minute => "Minute",
        SlotLength::Minutes5 => "Minutes5",
    }
}

fn services(config: &Config) -> String {
    let service = |s: &super::Service| {
        format!("Service {{ name: {}, endpoints: {} }}", quoted(&s.name), list(&s.endpoints))
    };
    let services: Vec<String> = config.services.iter().map(service).collect();
    format!("[{}]", services.join(", "))
}

fn webhooks(config: &Config) -> String {
    let w = &config.webhooks;
    format!(
        "Webhooks {{ first_status_seconds: {}, first_attempt_seconds: {}, retry_days: {}, \
         max_retry_pause_seconds: {}, success: ({}, {}) }}",
        w.first_status_seconds,
        w.first_attempt_seconds,
        w.retry_days,
        w.max_retry_pause_seconds,
        w.success.0,
        w.success.1
    )
}

fn source(s: &Source) -> String {
    let log = match s.log {
        Log::Requests => "Requests",
        Log::Webhooks => "Webhooks",
    };
    let preset = match s.preset {
        LogPreset::Canonical => "Canonical",
        LogPreset::Combined => "Combined",
        LogPreset::NginxJson => "NginxJson",
        LogPreset::WhatsappWebhook => "WhatsappWebhook",
        // No version of that time knew it: the fingerprint then is that of no landed day.
        LogPreset::Format => "Format",
    };
    let vantage = match s.vantage {
        Vantage::CallerEgress => "CallerEgress",
        Vantage::EdgeIngress => "EdgeIngress",
        Vantage::FirstLayer => "FirstLayer",
        Vantage::WebhookEgress => "WebhookEgress",
    };
    let time_basis = match s.time_basis {
        TimeBasis::Start => "Start",
        TimeBasis::End => "End",
    };
    let columns: Vec<String> = s.columns.iter().map(column).collect();
    format!(
        "Source {{ name: {}, log: {log}, paths: {}, is_named_by_hand: {}, preset: {preset}, vantage: {vantage}, \
         time_basis: {time_basis}, zone: {}, neighbours: {}, has_header: {}, delimiter: {}, columns: [{}] }}",
        quoted(&s.name),
        list(&s.paths),
        s.is_named_by_hand,
        s.zone.name(),
        s.neighbours,
        s.has_header,
        s.delimiter,
        columns.join(", ")
    )
}

fn column(c: &Column) -> String {
    let from = match &c.from {
        ColumnSource::Name(name) => format!("Name({})", quoted(name)),
        ColumnSource::Value(value) => format!("Value({})", quoted(value)),
        // No version of that time knew it.
        ColumnSource::Off => "Off".to_owned(),
    };
    let cast = match &c.cast {
        Cast::Auto => "Auto".to_owned(),
        Cast::Unit(unit) => {
            let unit = match unit {
                Unit::Seconds => "Seconds",
                Unit::Milliseconds => "Milliseconds",
                Unit::Microseconds => "Microseconds",
                Unit::Nanoseconds => "Nanoseconds",
            };
            format!("Unit({unit})")
        }
        Cast::Format(format) => format!("Format({})", quoted(format)),
    };
    let mut words = c.words.clone();
    words.sort();
    let words: Vec<String> =
        words.iter().map(|(word, by)| format!("({}, {})", quoted(word), quoted(by))).collect();
    let field = field(c.field);
    format!("Column {{ field: {field}, from: {from}, cast: {cast}, words: [{}] }}", words.join(", "))
}

const fn field(field: Field) -> &'static str {
    match field {
        Field::Ts => "Ts",
        Field::Duration => "Duration",
        Field::RequestId => "RequestId",
        Field::TraceId => "TraceId",
        Field::BusinessId => "BusinessId",
        Field::Service => "Service",
        Field::Endpoint => "Endpoint",
        Field::Region => "Region",
        Field::HttpStatus => "HttpStatus",
        Field::UpstreamStatus => "UpstreamStatus",
        Field::Reached => "Reached",
        Field::Symptom => "Symptom",
        Field::ErrorCode => "ErrorCode",
        Field::ErrorSubcode => "ErrorSubcode",
        Field::IsTransient => "IsTransient",
        Field::IsSuccess => "IsSuccess",
        Field::MessageId => "MessageId",
        Field::MessageStatus => "MessageStatus",
        Field::Correlation => "Correlation",
        Field::Scope => "Scope",
        Field::RecipientArea => "RecipientArea",
        Field::ClientPlatform => "ClientPlatform",
        Field::ClientVersion => "ClientVersion",
        Field::EventTs => "EventTs",
        Field::WebhookId => "WebhookId",
        Field::Topic => "Topic",
        Field::Status => "Status",
        Field::AttemptNo => "AttemptNo",
        Field::Outcome => "Outcome",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::document::Document;

    /// Every word that a setting can have, and characters that a text is shown with otherwise.
    const RICH: &str = r#"
slot = "10s"
regions = ["eu"]
[[source]]
name = "edge \"x\""
paths = ["./logs/{region}/{date:%Y/%m}/*.log", "é\u0007.csv"]
vantage = "edge_ingress"
time_basis = "end"
zone = "America/Sao_Paulo"
neighbours = 3
header = false
delimiter = "\t"
[source.columns]
ts = { from = "1", format = "%d/%b/%Y:%H:%M:%S %z" }
duration = { from = 2, unit = "s" }
http_status = { from = 3, words = { success = "200", failed = "500" } }
region = { value = "eu" }
[[source]]
name = "c"
paths = ["a"]
preset = "combined"
[[source]]
name = "n"
paths = ["b"]
preset = "nginx-json"
vantage = "caller_egress"
[[source]]
name = "w"
log = "webhooks"
paths = ["c"]
[source.columns]
event_ts = { from = "e", unit = "us" }
ts = { from = "t", unit = "ms" }
[[source]]
name = "p"
preset = "whatsapp-webhook"
paths = ["d"]
[[source]]
name = "q"
paths = ["e"]
[source.columns]
ts = { from = "t", unit = "ns" }
[[service]]
name = "messages"
endpoints = ["/{id}/messages", "/x*"]
[[service]]
name = "rest"
[webhooks]
success = "200"
first_status_minutes = 5
"#;

    /// The expected values were printed by version 0.1.0.
    #[test]
    fn fingerprints_are_those_that_version_0_1_0_wrote() {
        let rich = crate::config::config(&Document::new("a", RICH), Path::new("/x")).unwrap();
        let bare = Config::bare("");
        let by_hand = Source { is_named_by_hand: true, ..Source::bare("requests", Log::Requests) };
        let by_hand = Config { sources: vec![by_hand], ..Config::bare("") };
        let found = [&rich, &bare, &by_hand].map(|c| (settings_fingerprint(c), reading_fingerprint(c)));
        let want = [
            ("fd4e582f5a3e", "3627b7bcb14a"),
            ("f7d8140dcc55", "7d8f6eca7e40"),
            ("f7d8140dcc55", "3cddd15538d1"),
        ];
        assert_eq!(found, want.map(|(a, b)| (a.to_owned(), b.to_owned())));
        assert!(found.iter().all(|(a, b)| is_landed(a) && is_landed(b)));
    }
}
