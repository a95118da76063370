//! Callers, recipients and their ids, written as the fields of a log row.

use std::fmt::Write as _;

use super::outcomes::{CallOutcome, Recipient};
use super::stories::{MANAGEMENT, MEDIA, MESSAGES, REGIONS, SERVICES};
use super::{CALLERS, EGRESS, Event, Message};
use crate::day::{DAY_US, Day, SECOND_US};

/// Paths of the services; the two of `management` alternate.
const PATHS: [&str; 4] = ["messages", "media", "message_templates", "phone_numbers"];

/// Areas of recipients, most frequent first.
///
/// Ukraine as a whole is served; Türkiye from 2024-05-15 (R17).
const AREAS: [&str; 10] = ["US", "BR", "IN", "DE", "GB", "ES", "MX", "ID", "UA", "TR"];
const SANCTIONED: [&str; 7] = ["CU", "IR", "KP", "SY", "UA-43", "UA-14", "UA-09"];
/// Clients at or above the minimum version, some only if compared number by number (R16).
const CLIENTS: [(&str, &str); 8] = [
    ("android", "2.24.6.77"),
    ("android", "2.23.20.76"),
    ("ios", "2.24.10.75"),
    ("smba", "2.23.25.80"),
    ("web", "2.3000.1019"),
    ("kaios", "2.2130.10"),
    ("smbi", "2.21.170.4"),
    ("android", "2.21.15.15"),
];
const OLD_CLIENTS: [(&str, &str); 5] = [
    ("android", "2.21.9.99"),
    ("ios", "2.21.99.8"),
    ("kaios", "2.2130.9"),
    ("web", "2.2123.10"),
    ("smba", "2.21.15.9"),
];

/// The fields of one row, reused from row to row; empty text stands for an empty field.
pub struct CallerRow<'a> {
    pub ts_us: i64,
    pub ts: String,
    pub duration_tenths: u32,
    pub request_id: String,
    pub trace_id: String,
    pub business_id: &'a str,
    pub service: &'static str,
    pub endpoint: &'a str,
    pub region: &'static str,
    pub outcome: &'static CallOutcome,
    pub message_id: String,
    pub message_status: &'static str,
    pub recipient_area: &'static str,
    pub client_platform: &'static str,
    pub client_version: &'static str,
}

/// The texts of all callers and days, prepared once.
pub struct CallerCast {
    first: Day,
    business_ids: Vec<String>,
    /// By caller and path.
    endpoints: Vec<[String; PATHS.len()]>,
    /// `20261118` for each day of the sample and the one after it.
    dates: Vec<String>,
    /// `2026-11-18T` for the same days.
    prefixes: Vec<String>,
    turkiye_is_served: Vec<bool>,
}

impl CallerCast {
    pub fn new(first: Day, days: u32) -> Self {
        let id = |k: usize, salt: u64| {
            100_000_000_000_000 + (k as u64 * 7_368_787 + salt) * 104_729 % 900_000_000_000
        };
        let endpoint = |k: usize, path: usize| {
            let owner = if path < MANAGEMENT { id(k, 11) } else { id(k, 23) };
            format!("/v21.0/{owner}/{}", PATHS[path])
        };
        let days: Vec<Day> = (0..=days).map(|n| first.plus(i64::from(n))).collect();
        Self {
            first,
            business_ids: (0..CALLERS).map(|k| id(k, 5).to_string()).collect(),
            endpoints: (0..CALLERS).map(|k| std::array::from_fn(|path| endpoint(k, path))).collect(),
            dates: days.iter().map(|day| day.to_string().replace('-', "")).collect(),
            prefixes: days.iter().map(|day| format!("{day}T")).collect(),
            turkiye_is_served: days.iter().map(|day| day.to_string().as_str() >= "2024-05-15").collect(),
        }
    }

    /// Returns an empty row, to be filled again and again.
    pub fn row(&self) -> CallerRow<'_> {
        CallerRow {
            ts_us: 0,
            ts: String::new(),
            duration_tenths: 0,
            request_id: String::new(),
            trace_id: String::new(),
            business_id: "",
            service: "",
            endpoint: "",
            region: "",
            outcome: super::outcomes::End::Good.outcome(),
            message_id: String::new(),
            message_status: "",
            recipient_area: "",
            client_platform: "",
            client_version: "",
        }
    }

    /// Fills a row with the fields of a call.
    pub fn fill<'a>(&'a self, row: &mut CallerRow<'a>, event: &Event) {
        let (caller, day, service) =
            (usize::from(event.caller), event.day as usize, usize::from(event.service));
        let outcome = event.end.outcome();
        let is_egress = usize::from(event.source) == EGRESS;
        row.ts_us = event.ts_us;
        row.duration_tenths = event.duration_tenths;
        row.business_id = &self.business_ids[caller];
        // A caller's proxy does not know the platform's services; there the endpoint decides.
        row.service = if is_egress { "" } else { SERVICES[service] };
        let path = if service == MANAGEMENT { MANAGEMENT + event.number as usize % 2 } else { service };
        row.endpoint = &self.endpoints[caller][path];
        row.region = REGIONS[usize::from(event.region)];
        row.outcome = outcome;

        row.ts.clear();
        self.instant(&mut row.ts, event.ts_us);

        row.request_id.clear();
        row.request_id.push_str(if is_egress { "x-" } else { "r-" });
        row.request_id.push_str(&self.dates[day]);
        digits(&mut row.request_id, u64::from(event.number), 8);

        row.trace_id.clear();
        if !is_egress {
            // Only the first layer gives trace ids.
            row.trace_id
                .push_str(["AeuF8or2yhqkZ", "AusKd1vXq0mTR", "AapW5bnLc7sJE"][usize::from(event.region)]);
            base62(&mut row.trace_id, u64::from(event.number), 6);
        }

        let is_message = service == MESSAGES && !is_egress;
        row.message_id.clear();
        row.message_status = "";
        if is_message && outcome.has_message {
            wamid(&mut row.message_id, &Message::of(event));
            row.message_status = outcome.message_status;
        }
        (row.recipient_area, row.client_platform, row.client_version) = ("", "", "");
        if is_message {
            let recipient = event.recipient as usize;
            let skewed = (recipient % AREAS.len()).min(recipient / 16 % AREAS.len());
            row.recipient_area = match (outcome.recipient, AREAS[skewed]) {
                (Recipient::Sanctioned, _) => SANCTIONED[recipient % SANCTIONED.len()],
                (_, "TR") if !self.turkiye_is_served[day] => "DE",
                (_, area) => area,
            };
            (row.client_platform, row.client_version) = match outcome.recipient {
                Recipient::OldClient => OLD_CLIENTS[recipient % OLD_CLIENTS.len()],
                _ => CLIENTS[(recipient / 256 % CLIENTS.len()).min(recipient / 32 % CLIENTS.len())],
            };
        }
        assert!(service != MEDIA || row.message_id.is_empty());
    }

    /// Writes an instant of the sample or of the day after it.
    pub fn instant(&self, out: &mut String, us: i64) {
        let (day, us_of_day) = self.place(us);
        out.push_str(&self.prefixes[day]);
        clock(out, us_of_day);
    }

    fn place(&self, us: i64) -> (usize, i64) {
        let since = us - self.first.start_us();
        ((since / DAY_US) as usize, since % DAY_US)
    }

    pub fn business_id(&self, caller: u16) -> &str {
        &self.business_ids[usize::from(caller)]
    }

    /// Returns a day as `20261118`.
    pub fn date(&self, day: usize) -> &str {
        &self.dates[day]
    }
}

/// Writes an instant within the day as `10:00:00.123456Z`.
fn clock(out: &mut String, us_of_day: i64) {
    let seconds = (us_of_day / SECOND_US) as u64;
    digits(out, seconds / 3_600, 2);
    out.push(':');
    digits(out, seconds / 60 % 60, 2);
    out.push(':');
    digits(out, seconds % 60, 2);
    out.push('.');
    digits(out, (us_of_day % SECOND_US) as u64, 6);
    out.push('Z');
}

/// Writes a number with leading zeros; a longer one is written in full.
pub fn digits(out: &mut String, number: u64, width: usize) {
    in_base::<10>(out, b"0123456789", number, width);
}

fn base62(out: &mut String, number: u64, width: usize) {
    in_base::<62>(out, b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", number, width);
}

fn in_base<const BASE: usize>(out: &mut String, alphabet: &[u8; BASE], mut number: u64, width: usize) {
    let mut text = [alphabet[0]; 20];
    let mut at = text.len();
    while number > 0 && at > 0 {
        at -= 1;
        text[at] = alphabet[(number % BASE as u64) as usize];
        number /= BASE as u64;
    }
    out.extend(text[at.min(text.len() - width)..].iter().map(|byte| char::from(*byte)));
}

/// Writes a message id as the platform does.
///
/// It is base64 around the recipient's phone number (here always +1 555) and a counter. Such ids
/// are personal data, as a test of their hashing needs.
pub fn wamid(out: &mut String, message: &Message) {
    let mut inside = String::with_capacity(39);
    inside.push_str("\u{1c}\u{18}\u{b}1555");
    digits(&mut inside, u64::from(message.recipient) * 337 + 1_000_003, 7);
    inside.push_str("\u{15}\u{2}\0\u{11}\u{18}\u{12}");
    // Writing to a String cannot fail.
    let _ = write!(inside, "{:02X}{:06X}{:010X}", message.region + 0xA0, message.day, message.number);
    inside.push('\0');
    out.push_str("wamid.");
    base64(out, inside.as_bytes());
}

/// Writes base64 of a whole number of triples.
fn base64(out: &mut String, bytes: &[u8]) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for triple in bytes.chunks_exact(3) {
        let bits = u32::from(triple[0]) << 16 | u32::from(triple[1]) << 8 | u32::from(triple[2]);
        for shift in [18, 12, 6, 0] {
            out.push(char::from(ALPHABET[(bits >> shift & 63) as usize]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_zeros_and_their_length() {
        let mut out = String::new();
        digits(&mut out, 42, 8);
        base62(&mut out, 61, 3);
        digits(&mut out, 123_456_789, 8);
        assert_eq!(out, "0000004200z123456789");
    }

    #[test]
    fn base64_is_base64() {
        let mut out = String::new();
        base64(&mut out, b"\x1c\x18\x0b165038");
        assert_eq!(out, "HBgLMTY1MDM4");
    }
}
