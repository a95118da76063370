//! `[[source]]`: the files of each log, their format and their vantage.

use std::path::Path;

use chrono_tz::{TZ_VARIANTS, Tz};
use serde::{Deserialize, Serialize};
use toml::de::DeValue;

use super::{Field, Identity, Log, LogPreset, Source, TimeBasis, Vantage, columns, paths};
use super::{FormatChoice, formats};
use crate::document::spelling::closest;
use crate::document::toml::{TomlTable, TomlValue, name, tables};

pub(super) const SOURCE: [&str; 15] = [
    "name",
    "paths",
    "log",
    "preset",
    "log_format",
    "vantage",
    "time_basis",
    "zone",
    "neighbours",
    "may_be_empty",
    "header",
    "delimiter",
    "identity",
    "ids",
    "columns",
];
const LOGS: [(&str, Log); 2] = [("requests", Log::Requests), ("webhooks", Log::Webhooks)];
const PRESETS: [(&str, LogPreset); 4] = [
    ("canonical", LogPreset::Canonical),
    ("combined", LogPreset::Combined),
    ("nginx-json", LogPreset::NginxJson),
    ("whatsapp-webhook", LogPreset::WhatsappWebhook),
];
const VANTAGES: [(&str, Vantage); 4] = [
    ("caller_egress", Vantage::CallerEgress),
    ("edge_ingress", Vantage::EdgeIngress),
    ("first_layer", Vantage::FirstLayer),
    ("webhook_egress", Vantage::WebhookEgress),
];
/// Fields that may be constants for notification payloads; the payload holds all others.
const PAYLOAD_CONSTANTS: [Field; 3] = [Field::BusinessId, Field::Service, Field::Region];
const TIME_BASES: [(&str, TimeBasis); 2] = [("start", TimeBasis::Start), ("end", TimeBasis::End)];

const IDENTITIES: [(&str, Identity); 3] =
    [("unique", Identity::Unique), ("client", Identity::Client), ("none", Identity::None)];
const SPELLINGS: [(&str, IdSpelling); 2] = [("exact", IdSpelling::Exact), ("loose", IdSpelling::Loose)];

/// How the ids of a source are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum IdSpelling {
    /// Byte by byte.
    #[default]
    Exact,
    /// Without hyphens and without regard to case.
    Loose,
}

/// Reads all tables `[[source]]`; a source with a mistake in its name is left out.
pub fn read(top: &TomlTable<'_>, base: &Path) -> Vec<Source> {
    let mut taken = Vec::new();
    tables(top, "source", "[[source]]", &SOURCE)
        .iter()
        .filter_map(|table| source(table, &mut taken, base))
        .collect()
}

/// Reads the preset: one of ours, a built-in format, or the path of a format file.
///
/// Both are `None` after a mistake.
fn preset(value: &TomlValue<'_>, base: &Path) -> (Option<LogPreset>, Option<FormatChoice>) {
    let Some(word) = value.text() else { return (None, None) };
    if let Some((_, preset)) = PRESETS.iter().find(|(name, _)| *name == word) {
        return (Some(*preset), None);
    }
    let format = formats::read(value, word, base);
    (format.as_ref().map(|_| LogPreset::Format), format)
}

/// Refuses named columns where only constants are possible.
///
/// Access log text has fixed places, and payloads have a shape of their own.
fn refuse_names(columns: &TomlValue<'_>, preset: LogPreset) {
    let (place, why, constants) = match preset {
        LogPreset::Canonical | LogPreset::NginxJson | LogPreset::Format => return,
        LogPreset::Combined => {
            ("access log text", "preset = \"combined\" reads fields by their place", Field::of(Log::Requests))
        }
        LogPreset::WhatsappWebhook => (
            "notification payloads",
            "preset = \"whatsapp-webhook\" knows where fields stand",
            PAYLOAD_CONSTANTS.as_slice(),
        ),
    };
    // `columns::read` reports names that are no fields of the log.
    let known = Field::of(if preset == LogPreset::Combined { Log::Requests } else { Log::Webhooks });
    let Some(entries) = columns.map("[source.columns]") else { return };
    for (name, span, value) in entries.entries() {
        let Some(field) = known.iter().find(|field| field.name() == name) else { continue };
        let is_constant =
            matches!(value.raw(), DeValue::Table(keys) if keys.keys().any(|k| k.get_ref() == "value"));
        if !constants.contains(field) {
            let message = format!("`{name}` cannot be given for {place}");
            let valid: Vec<String> = constants.iter().map(|field| format!("`{}`", field.name())).collect();
            let help = format!("remove it; constants can be given for {}", valid.join(", "));
            entries.notes().mistake(span, message, why, help);
        } else if !is_constant {
            let message = format!("`{name}` cannot be named in {place}");
            let help = "write { value = \"...\" } for a constant, or remove it";
            entries.notes().mistake(span, message, why, help);
        }
    }
}

fn source<'t>(table: &TomlTable<'t>, taken: &mut Vec<&'t str>, base: &Path) -> Option<Source> {
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
    let (written, mut format) = match table.get("preset") {
        None => (Some(LogPreset::Canonical), None),
        Some(value) => preset(&value, base),
    };
    let preset = written.unwrap_or(LogPreset::Canonical);
    let log = log(table, written, format.as_ref());
    if let Some(format) = &mut format {
        formats::of_source(table, format);
    } else if let Some(value) = table.get("log_format") {
        let help = "name the program's format, for example preset = \"nginx\"";
        value.wrong("`log_format` is for formats of programs", "this preset has no such thing", help);
    }
    for value in ["header", "delimiter"].into_iter().filter_map(|key| table.get(key)) {
        if preset != LogPreset::Canonical {
            let message = format!("`{}` is for CSV files of the canonical preset", value.key());
            value.wrong(
                message,
                "this preset has no such thing",
                "remove it, or choose preset = \"canonical\"",
            );
        }
    }
    if let Some(columns) = table.get("columns") {
        refuse_names(&columns, preset);
    }
    let has_header = table.get("header").and_then(|value| value.flag()).unwrap_or(true);
    // Apache's %t is when the request came in. nginx's $time_local in the same place is when it was
    // answered, but that format has no duration to subtract, so it is taken as the start unless the
    // config says otherwise.
    let usual_basis = if preset == LogPreset::NginxJson { TimeBasis::End } else { TimeBasis::Start };
    let bare = Source::bare(name.unwrap_or_default(), log.unwrap_or(Log::Requests));
    let source = Source {
        paths: paths.unwrap_or_default(),
        preset,
        vantage: vantage(table, log, format.as_ref()),
        time_basis: table.get("time_basis").and_then(|value| time_basis(&value, log)).unwrap_or(usual_basis),
        zone: table.get("zone").and_then(|value| zone(&value)).unwrap_or(bare.zone),
        neighbours: table
            .get("neighbours")
            .and_then(|value| value.integer(&(0..=7)))
            .and_then(|days| u32::try_from(days).ok())
            .unwrap_or(bare.neighbours),
        may_be_empty: table.get("may_be_empty").and_then(|value| value.flag()).unwrap_or(bare.may_be_empty),
        has_header,
        delimiter: table.get("delimiter").and_then(|value| delimiter(&value)).unwrap_or(bare.delimiter),
        identity: table
            .get("identity")
            .and_then(|value| identity(&value, log))
            .unwrap_or_else(|| format.as_ref().map(FormatChoice::identity).unwrap_or_default()),
        ids: table.get("ids").and_then(|value| value.choice(&SPELLINGS)).unwrap_or_default(),
        columns: match (table.get("columns"), &format) {
            (Some(value), None) => columns::read(&value, log, has_header),
            _ => Vec::new(),
        },
        format,
        ..bare
    };
    name.map(|_| source)
}

impl LogPreset {
    /// Returns the preset of a word; `None` for formats of programs.
    pub fn named(word: &str) -> Option<Self> {
        PRESETS.iter().find(|(name, _)| *name == word).map(|(_, preset)| *preset)
    }

    /// Returns the word of `preset`; `format` for all formats of programs.
    pub fn name(self) -> &'static str {
        PRESETS.iter().find(|(_, preset)| *preset == self).map_or("format", |(name, _)| name)
    }
}

impl Source {
    /// Returns a source with all defaults: canonical rows, and no path yet.
    pub fn bare(name: impl Into<String>, log: Log) -> Self {
        Self {
            name: name.into(),
            log,
            paths: Vec::new(),
            is_named_by_hand: false,
            preset: LogPreset::Canonical,
            vantage: Vantage::usual(log),
            time_basis: TimeBasis::Start,
            zone: Tz::UTC,
            neighbours: 1,
            may_be_empty: false,
            has_header: true,
            delimiter: b',',
            identity: Identity::Unique,
            ids: IdSpelling::Exact,
            columns: Vec::new(),
            format: None,
        }
    }
}

/// Reads the type of rows; `None` after a mistake, so that no second mistake follows from it.
fn log(table: &TomlTable<'_>, preset: Option<LogPreset>, format: Option<&FormatChoice>) -> Option<Log> {
    let Some(value) = table.get("log") else {
        return Some(match preset? {
            LogPreset::WhatsappWebhook => Log::Webhooks,
            LogPreset::Canonical | LogPreset::Combined | LogPreset::NginxJson => Log::Requests,
            LogPreset::Format => format?.file.log,
        });
    };
    let log = value.choice(&LOGS)?;
    match (preset, log) {
        (Some(LogPreset::WhatsappWebhook), Log::Requests) => {
            let help = "remove it, or write log = \"webhooks\"; request logs are read with canonical, combined or nginx-json";
            value.wrong(
                "preset = \"whatsapp-webhook\" does not read request logs",
                "its rows are notifications",
                help,
            );
            None
        }
        (Some(LogPreset::Combined | LogPreset::NginxJson), Log::Webhooks) => {
            let help = "webhook logs are read with preset = \"canonical\" or \"whatsapp-webhook\"";
            value.wrong("this preset does not read webhook logs", "its rows are requests", help);
            None
        }
        (Some(LogPreset::Format), log) if format.is_some_and(|format| format.file.log != log) => {
            let of = format.map_or("", |format| format.file.log.name());
            let help = "remove it: the format says which rows it gives";
            value.wrong(format!("this format reads logs of {of}"), "another kind of rows", help);
            None
        }
        _ => Some(log),
    }
}

fn vantage(table: &TomlTable<'_>, log: Option<Log>, format: Option<&FormatChoice>) -> Vantage {
    let usual =
        format.map_or_else(|| Vantage::usual(log.unwrap_or(Log::Requests)), |format| format.file.vantage);
    let Some(value) = table.get("vantage") else { return usual };
    let valid = match log {
        None => &VANTAGES[..],
        Some(Log::Requests) => &VANTAGES[..3],
        Some(Log::Webhooks) => &VANTAGES[3..],
    };
    let knows = |list: &[(&str, Vantage)], word: &str| list.iter().any(|(name, _)| *name == word);
    match (value.raw(), log) {
        (DeValue::String(word), Some(log)) if knows(&VANTAGES, word) && !knows(valid, word) => {
            let (message, label, help) = if log == Log::Requests {
                (
                    "is not a vantage of request logs",
                    "outbound webhooks only",
                    "write log = \"webhooks\" for a webhook log; a request log is written at caller_egress, edge_ingress or first_layer",
                )
            } else {
                (
                    "is not a vantage of webhook logs",
                    "requests only",
                    "remove it: webhook logs are always written at webhook_egress",
                )
            };
            value.wrong(format!("`{word}` {message}"), label, help);
            usual
        }
        _ => value.choice(valid).unwrap_or(usual),
    }
}

fn time_basis(value: &TomlValue<'_>, log: Option<Log>) -> Option<TimeBasis> {
    let basis = value.choice(&TIME_BASES)?;
    if (basis, log) == (TimeBasis::End, Some(Log::Webhooks)) {
        let help = "remove it; `ts` must be when the attempt began, and there is no duration to subtract";
        value.wrong("`end` is not a time basis of webhook logs", "a webhook row has no end", help);
        return None;
    }
    Some(basis)
}

fn identity(value: &TomlValue<'_>, log: Option<Log>) -> Option<Identity> {
    let identity = value.choice(&IDENTITIES)?;
    if log == Some(Log::Webhooks) {
        let help = "remove it: attempts with one `webhook_id` are of one notification";
        value.wrong("`identity` is for request logs", "of the ids of calls", help);
        return None;
    }
    Some(identity)
}

fn zone(value: &TomlValue<'_>) -> Option<Tz> {
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

fn delimiter(value: &TomlValue<'_>) -> Option<u8> {
    // Not read as text, because text must not be blank and a tab is.
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
