//! Text: a row as one line of CSV or NDJSON in the canonical schema, or a line broken on purpose.

use crate::sample::traffic::callers::CallerRow;

/// The canonical fields, in the order of every format.
pub const FIELDS: [&str; 21] = [
    "ts",
    "duration_ms",
    "request_id",
    "trace_id",
    "business_id",
    "service",
    "endpoint",
    "region",
    "http_status",
    "reached",
    "symptom",
    "error_code",
    "error_subcode",
    "is_transient",
    "is_success",
    "message_id",
    "message_status",
    "scope",
    "recipient_area",
    "client_platform",
    "client_version",
];

pub fn csv_header(out: &mut Vec<u8>) {
    out.extend_from_slice(FIELDS.join(",").as_bytes());
    out.push(b'\n');
}

/// Writes a CSV line; no value needs quoting.
///
/// Flaws: 1 too few fields, 2 a status that is no number, 3 a timestamp that cannot be read.
pub fn csv(out: &mut Vec<u8>, row: &CallerRow<'_>, flaw: u8) {
    let line = out.len();
    if flaw == 3 {
        out.extend_from_slice(row.ts.replace('T', " at ").as_bytes());
    } else {
        out.extend_from_slice(row.ts.as_bytes());
    }
    out.push(b',');
    tenths(out, row.duration_tenths);
    for text in [
        row.request_id.as_str(),
        row.trace_id.as_str(),
        row.business_id,
        row.service,
        row.endpoint,
        row.region,
    ] {
        cell(out, text);
    }
    out.push(b',');
    if flaw == 2 {
        out.extend_from_slice(b"2o0");
    } else if let Some(status) = row.outcome.http_status {
        integer(out, i64::from(status));
    }
    cell(out, row.outcome.reached);
    cell(out, row.outcome.symptom);
    for number in [row.outcome.error_code, row.outcome.error_subcode] {
        out.push(b',');
        if let Some(number) = number {
            integer(out, number);
        }
    }
    for flag in [row.outcome.is_transient, row.outcome.is_success] {
        cell(out, flag.map_or("", boolean));
    }
    for text in [
        row.message_id.as_str(),
        row.message_status,
        row.outcome.scope,
        row.recipient_area,
        row.client_platform,
        row.client_version,
    ] {
        cell(out, text);
    }
    if flaw == 1 {
        let fifth = memchr::memchr_iter(b',', &out[line..]).nth(4).unwrap_or(0);
        out.truncate(line + fifth);
    }
    out.push(b'\n');
}

/// Writes an NDJSON line.
///
/// Flaws: 1 cut off in the middle, 2 a status that is no number, 3 a line that is no object.
pub fn ndjson(out: &mut Vec<u8>, row: &CallerRow<'_>, flaw: u8) {
    let line = out.len();
    if flaw == 3 {
        out.extend_from_slice(b"[\"");
        out.extend_from_slice(row.ts.as_bytes());
        out.extend_from_slice(b"\",\"not an object\"]\n");
        return;
    }
    let outcome = row.outcome;
    out.extend_from_slice(b"{\"ts\":\"");
    out.extend_from_slice(row.ts.as_bytes());
    out.extend_from_slice(b"\",\"duration_ms\":");
    tenths(out, row.duration_tenths);
    member(out, "request_id", &row.request_id);
    member(out, "trace_id", &row.trace_id);
    member(out, "business_id", row.business_id);
    member(out, "service", row.service);
    member(out, "endpoint", row.endpoint);
    member(out, "region", row.region);
    if flaw == 2 {
        member(out, "http_status", "two hundred");
    } else if let Some(status) = outcome.http_status {
        key(out, "http_status");
        integer(out, i64::from(status));
    }
    member(out, "reached", outcome.reached);
    member(out, "symptom", outcome.symptom);
    for (name, number) in [("error_code", outcome.error_code), ("error_subcode", outcome.error_subcode)] {
        if let Some(number) = number {
            key(out, name);
            integer(out, number);
        }
    }
    for (name, flag) in [("is_transient", outcome.is_transient), ("is_success", outcome.is_success)] {
        if let Some(flag) = flag {
            key(out, name);
            out.extend_from_slice(boolean(flag).as_bytes());
        }
    }
    member(out, "message_id", &row.message_id);
    member(out, "message_status", row.message_status);
    member(out, "scope", outcome.scope);
    member(out, "recipient_area", row.recipient_area);
    member(out, "client_platform", row.client_platform);
    member(out, "client_version", row.client_version);
    if flaw == 1 {
        out.truncate(line + (out.len() - line) / 2);
    } else {
        out.push(b'}');
    }
    out.push(b'\n');
}

/// Appends a comma and a CSV cell.
pub fn cell(out: &mut Vec<u8>, text: &str) {
    out.push(b',');
    out.extend_from_slice(text.as_bytes());
}

/// Appends a comma and the key of a JSON member.
pub fn key(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Writes a text member, unless it is empty; no value of the sample needs escaping.
pub fn member(out: &mut Vec<u8>, name: &str, text: &str) {
    if !text.is_empty() {
        key(out, name);
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    }
}

const fn boolean(flag: bool) -> &'static str {
    if flag { "true" } else { "false" }
}

fn tenths(out: &mut Vec<u8>, tenths: u32) {
    integer(out, i64::from(tenths / 10));
    out.push(b'.');
    out.push(b'0' + (tenths % 10) as u8);
}

pub fn integer(out: &mut Vec<u8>, number: i64) {
    let mut text = [0; 20];
    let mut at = text.len();
    let mut rest = number.unsigned_abs();
    loop {
        at -= 1;
        text[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&text[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_plainly() {
        let mut out = Vec::new();
        for number in [0, 7, -200, 131_016] {
            integer(&mut out, number);
            out.push(b' ');
        }
        tenths(&mut out, 1_234);
        assert_eq!(out, b"0 7 -200 131016 123.4");
    }
}
