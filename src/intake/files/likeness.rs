//! Likeness: the preset by which a file that could not be read seems to be written.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::detect::{self, LogFormat};
use crate::config::{LogPreset, Source};
use crate::intake::formats::access_log;
use crate::intake::rows::raw_row::RawRow;

/// Bytes within which a first line is looked for.
const REACH: u64 = 1 << 16;
/// Variables of nginx that its JSON logs name.
const NGINX: [&str; 5] = ["time_iso8601", "msec", "remote_addr", "upstream_status", "request_time"];

/// Returns the name of the preset that the first line of a file fits, if it is not the source's.
pub fn likeness(path: &Path, source: &Source) -> Option<&'static str> {
    let file = Arc::new(File::open(path).ok()?);
    let (format, compression) = detect::detect(path, &file, source).ok()?;
    if format == LogFormat::Parquet {
        return None;
    }
    let mut text = Vec::new();
    let reader = detect::reader(detect::from_start(file.try_clone().ok()?), compression).ok()?;
    // What can be read of a broken file is enough.
    let _ = reader.take(REACH).read_to_end(&mut text);
    let line = text.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty())?;
    let preset = of_line(line.trim_ascii())?;
    (preset != source.preset).then(|| name(preset))
}

fn of_line(line: &[u8]) -> Option<LogPreset> {
    if line.starts_with(b"{") {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(line).ok()?;
        let has = |key: &str| object.contains_key(key);
        return match () {
            () if has("entry") || has("object") => Some(LogPreset::WhatsappWebhook),
            () if NGINX.into_iter().any(has) => Some(LogPreset::NginxJson),
            () if has("ts") => Some(LogPreset::Canonical),
            () => None,
        };
    }
    access_log::read(line, &mut RawRow::new()).is_ok().then_some(LogPreset::Combined)
}

const fn name(preset: LogPreset) -> &'static str {
    match preset {
        LogPreset::Canonical => "canonical",
        LogPreset::Combined => "combined",
        LogPreset::NginxJson => "nginx-json",
        LogPreset::WhatsappWebhook => "whatsapp-webhook",
        LogPreset::Format => "format",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_line_tells_its_preset() {
        let of = |line: &str| of_line(line.as_bytes()).map(name);
        let access = r#"1.2.3.4 - - [18/Nov/2026:10:00:00 +0000] "GET /1/messages HTTP/1.1" 200 12 "-" "x""#;
        assert_eq!(of(access), Some("combined"));
        assert_eq!(of(r#"{"object":"whatsapp_business_account","entry":[]}"#), Some("whatsapp-webhook"));
        assert_eq!(of(r#"{"time_iso8601":"2026-11-18T10:00:00Z","status":200}"#), Some("nginx-json"));
        assert_eq!(of(r#"{"ts":"2026-11-18T10:00:00Z","http_status":200}"#), Some("canonical"));
        assert_eq!([r#"{"a":1}"#, "a,b", ""].map(of), [None; 3]);
    }
}
