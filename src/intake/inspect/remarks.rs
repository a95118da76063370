//! Remarks: what looks wrong in a log, and what to do about it.

use chrono_tz::Tz;

use super::{InspectedLog, TRIED_LINES};
use crate::config::{Field, Identity, Log, LogPreset, Source};
use crate::formats::LayoutShape;
use crate::intake::trial::{TriedRow, try_text};

/// Middle duration from which on it is likely that milliseconds were read as seconds.
const LONG_US: u64 = 20_000_000;
/// Duration that almost no call exceeds if seconds were read as milliseconds.
const SHORT_US: u64 = 3_000;
/// Repeated ids in a hundred from which on they are told.
const MANY_REPEATED: u64 = 1;
/// Keys by which logs tell that they are a sample, in small letters.
const SAMPLE_KEYS: [&str; 6] =
    ["sample_rate", "samplerate", "sampling_rate", "samplingrate", "sampleinterval", "sampling_fraction"];

/// What a person should know of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// A stable word for programs.
    pub kind: &'static str,
    pub text: String,
}

impl InspectedLog {
    /// Returns what looks wrong in the log.
    pub fn remarks(&self) -> Vec<Remark> {
        let found = &self.findings;
        let mut remarks = Vec::new();
        let mut say = |kind: &'static str, text: String| remarks.push(Remark { kind, text });
        if let Some((middle, most)) = found.durations_us() {
            let has_durations = found.filled.get(&Field::Duration).is_some_and(|n| *n >= 10);
            if has_durations && middle >= LONG_US {
                let seconds = middle / 1_000_000;
                say(
                    "long-durations",
                    format!(
                        "half of the calls take more than {seconds} s: if these are milliseconds, set the unit: duration = {{ from = \"...\", unit = \"ms\" }}"
                    ),
                );
            } else if has_durations && most > 0 && most <= SHORT_US {
                say(
                    "short-durations",
                    format!(
                        "99 % of the calls take at most {:.3} ms: if these are seconds, set the unit: duration = {{ from = \"...\", unit = \"s\" }}",
                        most as f64 / 1_000.0
                    ),
                );
            }
        }
        if self.is_without_zone {
            let zone = self.source.zone.name();
            say(
                "no-zone",
                format!(
                    "its times name no zone and are read as {zone}; if that is wrong, set `zone` of the source"
                ),
            );
        }
        if found.in_future > 0 {
            let n = found.in_future;
            say(
                "future",
                format!(
                    "{n} calls begin after now: the clock of the writer, the zone or the unit of the time is wrong"
                ),
            );
        }
        if self.source.identity == Identity::Unique
            && found.with_id > 0
            && found.repeated_ids * 100 >= found.with_id * MANY_REPEATED
        {
            let percent = found.repeated_ids * 100 / found.with_id;
            say(
                "repeated-ids",
                format!(
                    "{percent} % of the ids repeat: rows shipped twice count once; if clients set the ids, set identity = \"client\""
                ),
            );
        }
        if self.is_sampled {
            say("sampled", "it seems to be a sample of the calls: availability of a sample is that of the calls in it alone; log every call".to_owned());
        }
        if self.source.log == Log::Requests
            && self.source.preset != LogPreset::WhatsappWebhook
            && found.calls > 0
        {
            if found.statuses.keys().all(|status| *status == 0) {
                say(
                    "no-status",
                    "no call has a status: without one failures cannot be told from successes".to_owned(),
                );
            }
            if !found.has(Field::Endpoint) && !found.has(Field::Service) {
                say("no-path", "it has neither path nor service: everything is one service".to_owned());
            }
            if found.with_id == 0 {
                say("no-id", "it has no id of calls: rows that are shipped twice count twice".to_owned());
            }
        }
        remarks
    }
}

/// Returns whether instants of a log depend on the zone of its source.
pub fn lacks_zone(source: &Source, probe: &[u8]) -> bool {
    // W3C logs are in UTC by definition.
    let is_w3c = |shape: &LayoutShape| matches!(shape, LayoutShape::Delimited(one) if one.header.is_some());
    if source.format.as_ref().is_some_and(|choice| choice.file.layouts.iter().any(|one| is_w3c(&one.shape))) {
        return false;
    }
    let lines: Vec<&[u8]> = probe.split_inclusive(|byte| *byte == b'\n').take(TRIED_LINES).collect();
    let starts = |zone: Tz| -> Vec<i64> {
        let rows = try_text(&Source { zone, ..source.clone() }, &lines.concat());
        let start = |row: &TriedRow| if let TriedRow::Call(call) = row { Some(call.start_us) } else { None };
        rows.iter().filter_map(start).collect()
    };
    starts(Tz::UTC) != starts(Tz::Asia__Tokyo)
}

/// Returns whether keys of a log tell that it is a sample.
pub fn names_a_sample(probe: &[u8]) -> bool {
    let line = probe.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let text = String::from_utf8_lossy(&line[..line.len().min(1 << 16)]).to_ascii_lowercase();
    SAMPLE_KEYS.iter().any(|key| text.contains(key))
}
