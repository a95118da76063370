//! `outages.atom`: a feed with one entry per outage.

use atom_syndication::{Content, Entry, Feed, FixedDateTime, Generator, Link, Person, Text, WriteConfig};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::LINE;
use crate::config::Format;
use crate::day::Day;
use crate::ledger::DayRecord;
use crate::measure::Outage;
use crate::redact::line;
use crate::report::tables::outages::ids_within;
use crate::report::view::{DEFINITION, View};

const DAY: &str = "%Y-%m-%d";
const MINUTE: &str = "%H:%M";
const SECOND: &str = "%H:%M:%S";

/// Writes the feed, newest outage first.
pub fn feed(view: &View<'_>) -> String {
    let outputs = &view.drawing.settings.outputs;
    let mut entries: Vec<Entry> = view.outages().map(|outage| entry(view, outage)).collect();
    entries.reverse();
    let as_of = clock(view.drawing.figures.as_of.unwrap_or_default());
    let link = |rel: &str, href: String, mime: &str| Link {
        href,
        rel: rel.to_owned(),
        mime_type: Some(mime.to_owned()),
        ..Link::default()
    };
    let mut links = Vec::new();
    if let Some(url) = &outputs.url {
        links.push(link("self", format!("{url}outages.atom"), "application/atom+xml"));
        if outputs.has(Format::Html) {
            links.push(link("alternate", format!("{url}index.html"), "text/html"));
        }
    }
    let feed = Feed {
        title: Text::plain(line(&view.drawing.title(), LINE)),
        id: urn(view, "outages"),
        // A change that touches no outage is no news.
        updated: entries.iter().map(|entry| entry.updated).max().unwrap_or(as_of),
        authors: vec![Person { name: line(&view.drawing.title(), LINE), ..Person::default() }],
        generator: Some(Generator {
            value: "uptime-ledger".to_owned(),
            uri: None,
            version: Some(view.drawing.figures.job_version.clone()),
        }),
        links,
        entries,
        ..Feed::default()
    };
    let config = WriteConfig { indent_size: Some(2), ..WriteConfig::default() };
    let written = feed.write_with_config(Vec::new(), config).map(String::from_utf8);
    match written {
        Ok(Ok(text)) => text + "\n",
        _ => unreachable!("writing text to memory does not fail"),
    }
}

fn entry(view: &View<'_>, outage: &Outage) -> Entry {
    let outputs = &view.drawing.settings.outputs;
    let name = line(&outage.scope.name, LINE);
    let counts = if outage.is_counted { "counts" } else { "does not count" };
    let title = format!("{name} down {}, {counts}", span(outage));
    let mut parts = vec![
        format!(
            "{} down, class {}; under the definition {} it {counts}.",
            length(outage.down_seconds),
            outage.class.name(),
            DEFINITION.name
        ),
        format!("Bad events: {}.", outage.events_bad),
    ];
    if let Some((least, most)) = outage.at_least_seconds.zip(outage.at_most_seconds) {
        parts.push(format!("It took at least {} and at most {}.", length(least), length(most)));
    }
    if outage.is_ongoing {
        parts.push("No success has followed up to the end of the data: it may go on.".to_owned());
    }
    if !outage.top_error_codes.is_empty() {
        parts.push(format!("Error codes and their bad events: {}.", outage.top_error_codes));
    }
    let ids = ids_within(outage, view.drawing.overridden);
    if !ids.is_empty() {
        let ids: Vec<String> = ids.into_iter().map(|id| line(id, 80)).collect();
        parts.push(line(&format!("Corrected by overrides: {}.", ids.join(" ")), 2_000));
    }
    let text = parts.join(" ");
    let page = outputs.url.as_ref().zip(Day::of_us(outage.start_us)).filter(|_| outputs.has(Format::Html));
    let link = page.map(|(url, day)| Link {
        href: format!("{url}daily/{day}/index.html"),
        rel: "alternate".to_owned(),
        mime_type: Some("text/html".to_owned()),
        ..Link::default()
    });
    Entry {
        title: Text::plain(title),
        id: urn(view, &outage.id),
        updated: updated(view, outage),
        links: link.into_iter().collect(),
        summary: Some(Text::plain(text.clone())),
        // An entry without a link must have content.
        content: Some(Content {
            value: Some(text),
            content_type: Some("text".to_owned()),
            ..Content::default()
        }),
        ..Entry::default()
    }
}

/// Returns when one of the outage's days was last published: nothing else can change an outage.
fn updated(view: &View<'_>, outage: &Outage) -> FixedDateTime {
    let (first, last) = (Day::of_us(outage.start_us), Day::of_us(outage.end_us - 1));
    let days = &view.drawing.ledger.record().days;
    let published = |record: &DayRecord| record.standing().map(|edition| edition.at);
    let records = first.zip(last).into_iter().flat_map(|(first, last)| days.range(first..=last));
    let newest = records.filter_map(|(_, record)| published(record)).max();
    clock(newest.or(view.drawing.figures.as_of).unwrap_or_default())
}

/// Cuts an instant to whole seconds, which are enough for a feed.
fn clock(at: DateTime<Utc>) -> FixedDateTime {
    DateTime::from_timestamp(at.timestamp(), 0).unwrap_or_default().fixed_offset()
}

/// Formats the span of an outage as `2026-11-18 10:00-10:25 UTC`.
fn span(outage: &Outage) -> String {
    let [start, end] = [outage.start_us, outage.end_us]
        .map(|us| DateTime::<Utc>::from_timestamp_micros(us).unwrap_or_default());
    let is_whole = [outage.start_us, outage.end_us].iter().all(|us| us % 60_000_000 == 0);
    let clock = if is_whole { MINUTE } else { SECOND };
    let from = start.format(&format!("{DAY} {clock}")).to_string();
    if start.date_naive() == end.date_naive() {
        format!("{from}-{} UTC", end.format(clock))
    } else {
        format!("{from} to {} UTC", end.format(&format!("{DAY} {clock}")))
    }
}

/// Formats a duration as `1 h 05 min`, `25 min` or `4 min 30 s`.
fn length(seconds: i64) -> String {
    let [hours, minutes, rest] = [seconds / 3_600, seconds / 60 % 60, seconds % 60];
    let mut parts = Vec::new();
    if hours > 0 {
        parts.push(format!("{hours} h"));
    }
    if minutes > 0 {
        parts.push(format!("{minutes} min"));
    }
    if rest > 0 || parts.is_empty() {
        parts.push(format!("{rest} s"));
    }
    parts.join(" ")
}

/// Returns an id unique to this ledger: a UUID of version 8 (RFC 9562) from journal and name.
fn urn(view: &View<'_>, name: &str) -> String {
    // The third line names the hash of the second, which depends on the first logs read and their
    // salt.
    let beginning = view.drawing.ledger.lines().nth(2).map_or("", |line| &line.previous);
    let hash = Sha256::digest(format!("{beginning}\n{name}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
