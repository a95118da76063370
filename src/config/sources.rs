//! `[[source]]`: which files hold the logs, how they are written, where they were written.

use chrono_tz::{TZ_VARIANTS, Tz};
use toml::de::DeValue;

use super::read::{name, tables};
use super::spelling::closest;
use super::table::{Table, Value};
use super::{Log, Preset, Source, TimeBasis, Vantage, columns, paths};

pub(super) const SOURCE: [&str; 10] = [
    "name",
    "paths",
    "preset",
    "vantage",
    "time_basis",
    "zone",
    "neighbours",
    "header",
    "delimiter",
    "columns",
];
const PRESETS: [(&str, Preset); 3] =
    [("canonical", Preset::Canonical), ("combined", Preset::Combined), ("nginx-json", Preset::NginxJson)];
const VANTAGES: [(&str, Vantage); 3] = [
    ("caller_egress", Vantage::CallerEgress),
    ("edge_ingress", Vantage::EdgeIngress),
    ("first_layer", Vantage::FirstLayer),
];
const TIME_BASES: [(&str, TimeBasis); 2] = [("start", TimeBasis::Start), ("end", TimeBasis::End)];

pub fn read(top: &Table<'_>) -> Vec<Source> {
    let mut taken = Vec::new();
    tables(top, "source", "[[source]]", &SOURCE)
        .iter()
        .filter_map(|table| source(table, &mut taken))
        .collect()
}

/// Access log text has places, not names: only constants and words can be said of its fields.
fn refuse_names(columns: &Value<'_>) {
    let Some(entries) = columns.map("[source.columns]") else { return };
    for (field, span, value) in entries.entries() {
        let is_constant =
            matches!(value.raw(), DeValue::Table(keys) if keys.keys().any(|k| k.get_ref() == "value"));
        if !is_constant {
            entries.notes().mistake(
                span,
                format!("`{field}` cannot be named in access log text"),
                "preset = \"combined\" reads fields by their place",
                "write { value = \"...\" } for a constant, or remove it",
            );
        }
    }
}

fn source<'t>(table: &Table<'t>, taken: &mut Vec<&'t str>) -> Option<Source> {
    let name = name(table, taken, "\"edge\"");
    let paths = table.need("paths", "[\"logs/{date}/*.ndjson.gz\"]").map(|value| {
        let texts = value.texts();
        if value.items().is_empty() {
            value.wrong(
                "`paths` is empty",
                "no path",
                "name at least one file or pattern, or remove the source",
            );
        }
        for (path, value) in &texts {
            paths::check(path, value);
        }
        texts.into_iter().map(|(path, _)| path.to_owned()).collect()
    });
    let preset = table.get("preset").and_then(|value| value.choice(&PRESETS)).unwrap_or(Preset::Canonical);
    for value in ["header", "delimiter"].into_iter().filter_map(|key| table.get(key)) {
        if preset != Preset::Canonical {
            let message = format!("`{}` is for CSV files of the canonical preset", value.key());
            value.wrong(
                message,
                "this preset has no such thing",
                "remove it, or choose preset = \"canonical\"",
            );
        }
    }
    if let (Preset::Combined, Some(columns)) = (preset, table.get("columns")) {
        refuse_names(&columns);
    }
    let has_header = table.get("header").and_then(|value| value.flag()).unwrap_or(true);
    // Apache's %t is when the request came in. nginx's $time_local in the same place is when it was answered, but that
    // format has no duration to subtract, so it is taken as the start unless the config says otherwise.
    let usual_basis = if preset == Preset::NginxJson { TimeBasis::End } else { TimeBasis::Start };
    let source = Source {
        name: name.unwrap_or_default().to_owned(),
        log: Log::Requests,
        paths: paths.unwrap_or_default(),
        is_named_by_hand: false,
        preset,
        vantage: table.get("vantage").and_then(|value| vantage(&value)).unwrap_or(Vantage::FirstLayer),
        time_basis: table
            .get("time_basis")
            .and_then(|value| value.choice(&TIME_BASES))
            .unwrap_or(usual_basis),
        zone: table.get("zone").and_then(|value| zone(&value)).unwrap_or(Tz::UTC),
        neighbours: table
            .get("neighbours")
            .and_then(|value| value.integer(&(0..=7)))
            .and_then(|days| u32::try_from(days).ok())
            .unwrap_or(1),
        has_header,
        delimiter: table.get("delimiter").and_then(|value| delimiter(&value)).unwrap_or(b','),
        columns: table.get("columns").map(|value| columns::read(&value, has_header)).unwrap_or_default(),
    };
    name.map(|_| source)
}

fn vantage(value: &Value<'_>) -> Option<Vantage> {
    if matches!(value.raw(), DeValue::String(word) if word == "webhook_egress") {
        let help = "webhook logs are not read yet; a request log is written at caller_egress, edge_ingress or first_layer";
        value.wrong("`webhook_egress` is not a vantage of request logs", "outbound webhooks only", help);
        return None;
    }
    value.choice(&VANTAGES)
}

fn zone(value: &Value<'_>) -> Option<Tz> {
    let text = value.text()?;
    let zone = text.parse::<Tz>().ok();
    if zone.is_none() {
        let guess = closest(text, TZ_VARIANTS.iter().map(|zone| zone.name()));
        let guess = guess.map(|zone| format!("did you mean `{zone}`? ")).unwrap_or_default();
        let help = format!("{guess}Write an IANA name such as UTC, Europe/Berlin or America/Sao_Paulo");
        value.wrong(format!("`{text}` is not a time zone"), "not in the IANA database", help);
    }
    zone
}

fn delimiter(value: &Value<'_>) -> Option<u8> {
    // Not read as text, which must not be blank: a tab is.
    let byte = match value.raw() {
        DeValue::String(text) => match text.as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Some(*byte),
            _ => None,
        },
        _ => None,
    };
    if byte.is_none() {
        let help = "write one ASCII character, for example \",\" or \";\" or \"\\t\"";
        value.wrong("`delimiter` is not one character that can separate columns", "this", help);
    }
    byte
}
