//! Canonical settings: the meaning of a config, by its own keys, in a form that outlives this code.
//!
//! Two configs that mean the same have the same canonical settings: defaults are filled in, paths
//! are relative to the config's folder, and lists are sorted where their order means nothing.
//! Nothing here is made from a name of the code; a changed spelling of a value needs a new
//! [`VERSION`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    Cast, Column, ColumnSource, Config, Excerpts, Format, IdSpelling, Identity, Limits, LogPreset, Outputs,
    Overrides, Placeholder, ReviewRules, Service, SlotRule, Source, TimeBasis, Unit, Vantage, Webhooks,
    landed, lexical,
};
use crate::day::SlotLength;

/// Begins every fingerprint; raised when a value that was written before is spelled otherwise.
const VERSION: &str = "2";

/// Tables and keys of [`Canonical::of_reading`].
const READING_TABLES: [&str; 5] = ["slot", "webhooks", "service", "ignore", "source"];

/// Settings by the key of the config file: `webhooks.retry_days`, `source.edge.paths`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Canonical(BTreeMap<String, String>);

/// A setting that differs between two configs. A side without the key is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub key: String,
    /// JSON text.
    pub old: String,
    pub new: String,
}

impl Canonical {
    /// All settings of a config but those that move no figure: `reports`, `memory`, `publish`,
    /// `[store]` and `[engine]`.
    ///
    /// The salt, which is secret, stands as the given fingerprint.
    pub fn of(config: &Config, salt_fingerprint: Option<&str>) -> Self {
        // A new setting compiles only after it has its place here, or a reason to have none.
        let Config {
            base: _,
            reports: _,
            memory_bytes: _,
            standard_input: _,
            stores: _,
            engine: _,
            publish: _,
            salt: _,
            policy: _,
            catalogue: _,
            slot: _,
            sources: _,
            services: _,
            ignore: _,
            components: _,
            regions: _,
            excerpts: _,
            measure:
                SlotRule {
                    version: _,
                    unable_ppm: _,
                    min_events: _,
                    min_run_seconds: _,
                    max_gap_seconds: _,
                    min_callers: _,
                    user_counts_as_good: _,
                },
            limits: Limits { quarantine_ppm: _, coverage_ppm: _, min_rows: _ },
            webhooks:
                Webhooks {
                    first_status_seconds: _,
                    held_seconds: _,
                    first_attempt_seconds: _,
                    retry_days: _,
                    max_retry_pause_seconds: _,
                    success: _,
                },
            overrides:
                Overrides {
                    path: _,
                    review: ReviewRules { review_days: _, grace_hours: _, needs_two_persons: _, approvers: _ },
                },
            outputs: Outputs { title: _, url: _, formats: _ },
        } = config;
        let mut settings = Self::of_reading(config);
        for (key, path) in [("policy", &config.policy), ("catalogue", &config.catalogue)] {
            settings.put(key, path.as_ref().map(|path| relative(&config.base, &path.to_string_lossy())));
        }
        settings.put("regions", config.regions.iter().collect::<BTreeSet<_>>());
        // Only if unusual, as below: it moves no figure, but what becomes known of persons.
        if config.excerpts == Excerpts::Text {
            settings.put("excerpts", "text");
        }
        settings.put("services", config.services.iter().map(|s| &s.name).collect::<BTreeSet<_>>());
        for component in &config.components {
            let key = |name: &str| format!("component.{}.{name}", component.name);
            settings.put(&key("services"), component.services.iter().collect::<BTreeSet<_>>());
            settings.put(&key("target_percent"), component.target_micro_percent.map(|n| decimal(n, 6)));
        }
        settings.put("components", config.components.iter().map(|c| &c.name).collect::<BTreeSet<_>>());
        let measure = &config.measure;
        settings.put("definition.unable_ratio", decimal(measure.unable_ppm, 6));
        settings.put("definition.min_events", measure.min_events);
        settings.put("definition.min_run_minutes", shown_minutes(measure.min_run_seconds));
        settings.put("definition.max_gap_minutes", shown_minutes(measure.max_gap_seconds));
        // Only if unusual: fingerprints of earlier versions, which had no such keys, still hold.
        if measure.min_callers != SlotRule::default().min_callers {
            settings.put("definition.min_callers", measure.min_callers);
        }
        settings
            .put("definition.user_counts_as", if measure.user_counts_as_good { "good" } else { "excluded" });
        settings.put("limits.quarantine_percent", decimal(config.limits.quarantine_ppm, 4));
        settings.put("limits.coverage_percent", decimal(config.limits.coverage_ppm, 4));
        if config.limits.min_rows != Limits::default().min_rows {
            settings.put("limits.min_rows", config.limits.min_rows);
        }
        let overrides = &config.overrides;
        let path = overrides.path.as_ref().map(|path| relative(&config.base, &path.to_string_lossy()));
        settings.put("overrides.path", path);
        let review = &overrides.review;
        settings.put("overrides.review_days", review.review_days);
        settings.put("overrides.grace_hours", review.grace_hours);
        settings.put("overrides.two_persons", review.needs_two_persons);
        if !review.approvers.is_empty() {
            settings.put("overrides.approvers", review.approvers.iter().collect::<BTreeSet<_>>());
        }
        for source in config.sources.iter().filter(|source| source.may_be_empty) {
            settings.put(&format!("source.{}.may_be_empty", source.name), true);
        }
        settings.put_outputs(config);
        settings.put("salt", salt_fingerprint.map(|fingerprint| format!("fingerprint {fingerprint}")));
        settings
    }

    /// Returns the settings that decide what a daybook holds: where rows are, and their meaning.
    pub fn of_reading(config: &Config) -> Self {
        let mut settings = Self::of_joining(config);
        for source in &config.sources {
            settings.put_source(source, &config.base);
        }
        settings
    }

    /// Returns the settings that shape a daybook next to its logs: slots, deadlines, services.
    ///
    /// Under other settings, its open items would be judged by one deadline and its closed ones by
    /// another.
    pub fn of_joining(config: &Config) -> Self {
        let mut settings = Self::default();
        settings.put("slot", slot_name(config.slot));
        let webhooks = &config.webhooks;
        settings.put("webhooks.first_status_minutes", shown_minutes(webhooks.first_status_seconds));
        settings.put("webhooks.first_attempt_minutes", shown_minutes(webhooks.first_attempt_seconds));
        // Only if unusual: fingerprints of earlier versions, which had no such key, still hold.
        if webhooks.held_seconds != Webhooks::default().held_seconds {
            settings.put("webhooks.held_hours", shown_hours(webhooks.held_seconds));
        }
        settings.put("webhooks.retry_days", webhooks.retry_days);
        settings.put("webhooks.max_retry_pause_hours", shown_hours(webhooks.max_retry_pause_seconds));
        settings.put("webhooks.success", [webhooks.success.0, webhooks.success.1]);
        settings.put_endpoints(config);
        settings
    }

    /// Identifies these settings: the version of their form and 128 bits of their SHA-256, in hex.
    pub fn fingerprint(&self) -> String {
        self.fingerprint_of(VERSION)
    }

    /// Returns the fingerprint of these settings as a version of this form has written it.
    pub fn fingerprint_of(&self, version: &str) -> String {
        let digest = Sha256::digest(self.to_json());
        let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{version}-{hex}")
    }

    /// Returns whether the config has a salt of its own.
    pub fn has_salt(&self) -> bool {
        self.0.get("salt").is_some_and(|salt| salt != "null")
    }

    /// One JSON object, its keys sorted, a key a line.
    pub fn to_json(&self) -> String {
        let lines: Vec<String> =
            self.0.iter().map(|(key, value)| format!("  {}: {value}", json!(key))).collect();
        format!("{{\n{}\n}}\n", lines.join(",\n"))
    }

    /// Reads what [`Canonical::to_json`] wrote, of this version or of an earlier one.
    ///
    /// # Errors
    /// The text is not one JSON object.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let read: BTreeMap<String, Value> = serde_json::from_str(text).map_err(|e| e.to_string())?;
        Ok(Self(read.into_iter().map(|(key, value)| (key, value.to_string())).collect()))
    }

    /// Returns the settings that differ from `before`, by key.
    ///
    /// A key of `before` alone counts if these settings have keys of the same table.
    pub fn differences(&self, before: &Self) -> Vec<Difference> {
        let table = |key: &str| key.split('.').next().unwrap_or_default().to_owned();
        let own: BTreeSet<String> = self.0.keys().map(|key| table(key)).collect();
        let keys: BTreeSet<&String> =
            self.0.keys().chain(before.0.keys().filter(|key| own.contains(&table(key)))).collect();
        let of = |settings: &Self, key: &String| settings.0.get(key).cloned().unwrap_or_default();
        keys.into_iter()
            .map(|key| Difference { key: key.clone(), old: of(before, key), new: of(self, key) })
            .filter(|difference| difference.old != difference.new)
            .collect()
    }

    /// Returns whether logs are read alike under both settings: where rows are, and their meaning.
    pub fn reads_like(&self, other: &Self) -> bool {
        self.reading_changes(other).is_empty()
    }

    /// Returns the keys of settings that differ and decide where rows are, or their meaning.
    pub fn reading_changes(&self, before: &Self) -> Vec<String> {
        let is_of_reading = |key: &String| {
            let table = key.split('.').next().unwrap_or_default();
            READING_TABLES.contains(&table) && !key.ends_with(".may_be_empty")
        };
        self.differences(before).into_iter().map(|difference| difference.key).filter(is_of_reading).collect()
    }

    /// Returns whether a setting is part of a format: `source.edge.format.mark.03`.
    pub fn is_of_format(key: &str) -> bool {
        key.starts_with("source.") && (key.contains(".format.") || key.ends_with(".log_format"))
    }

    fn put(&mut self, key: &str, value: impl serde::Serialize) {
        let value = serde_json::to_value(value).unwrap_or_default();
        self.0.insert(key.to_owned(), value.to_string());
    }

    fn put_source(&mut self, source: &Source, base: &Path) {
        // As in `of`.
        let Source {
            name: _,
            log: _,
            paths: _,
            is_named_by_hand: _,
            preset: _,
            vantage: _,
            time_basis: _,
            zone: _,
            neighbours: _,
            may_be_empty: _,
            has_header: _,
            delimiter: _,
            identity: _,
            ids: _,
            columns: _,
            format: _,
        } = source;
        let key = |name: &str| format!("source.{}.{name}", source.name);
        self.put(&key("log"), source.log.name());
        // Without a config, every run names its own files.
        if !source.is_named_by_hand {
            self.put(&key("paths"), paths(source, base));
        }
        let preset = match source.preset {
            LogPreset::Canonical => "canonical",
            LogPreset::Combined => "combined",
            LogPreset::NginxJson => "nginx-json",
            LogPreset::WhatsappWebhook => "whatsapp-webhook",
            LogPreset::Format => "format",
        };
        self.put(&key("preset"), preset);
        if let Some(format) = &source.format {
            for (part, value) in format.parts() {
                self.put(&key(&format!("format.{part}")), value);
            }
            if let Some(text) = &format.log_format {
                self.put(&key("log_format"), text);
            }
        }
        let vantage = match source.vantage {
            Vantage::CallerEgress => "caller_egress",
            Vantage::EdgeIngress => "edge_ingress",
            Vantage::FirstLayer => "first_layer",
            Vantage::WebhookEgress => "webhook_egress",
        };
        self.put(&key("vantage"), vantage);
        let time_basis = match source.time_basis {
            TimeBasis::Start => "start",
            TimeBasis::End => "end",
        };
        self.put(&key("time_basis"), time_basis);
        self.put(&key("zone"), source.zone.name());
        self.put(&key("neighbours"), source.neighbours);
        self.put(&key("header"), source.has_header);
        self.put(&key("delimiter"), char::from(source.delimiter).to_string());
        // Keys that are younger than the form are written only if they differ from the default, so
        // that the fingerprints of older ledgers stand.
        match source.identity {
            Identity::Unique => {}
            Identity::Client => self.put(&key("identity"), "client"),
            Identity::None => self.put(&key("identity"), "none"),
        }
        match source.ids {
            IdSpelling::Exact => {}
            IdSpelling::Loose => self.put(&key("ids"), "loose"),
        }
        for column in &source.columns {
            self.put(&format!("source.{}.columns.{}", source.name, column.field.name()), spelled(column));
        }
    }

    /// Adds the endpoints of all services.
    ///
    /// The first pattern that matches a path decides its service, so order counts only where
    /// patterns of two services can match one path.
    fn put_endpoints(&mut self, config: &Config) {
        let patterns = |service: &Service| -> BTreeSet<String> {
            service.endpoints.iter().map(|pattern| normal(pattern)).collect()
        };
        let services: Vec<(&str, BTreeSet<String>)> =
            config.services.iter().map(|service| (service.name.as_str(), patterns(service))).collect();
        // Rows of no endpoint belong to `unassigned` if any service is declared, else to `all`.
        self.put("service", if services.is_empty() { "none declared" } else { "declared" });
        let mut order = BTreeSet::new();
        for (at, (name, own)) in services.iter().enumerate() {
            if !own.is_empty() {
                self.put(&format!("service.{name}.endpoints"), own);
            }
            for (later, others) in &services[at + 1..] {
                if own.iter().any(|a| others.iter().any(|b| can_match_one_path(a, b))) {
                    order.insert(format!("{name} before {later}"));
                }
            }
        }
        self.put("service.order", order);
        if !config.ignore.is_empty() {
            self.put("ignore", config.ignore.iter().map(|pattern| normal(pattern)).collect::<BTreeSet<_>>());
        }
    }

    fn put_outputs(&mut self, config: &Config) {
        let outputs = &config.outputs;
        let is_written = |(_, format): &&(&str, Format)| outputs.has(*format);
        let formats: BTreeSet<&str> = Format::ALL.iter().filter(is_written).map(|(name, _)| *name).collect();
        self.put("outputs.title", &outputs.title);
        self.put("outputs.url", &outputs.url);
        self.put("outputs.formats", formats);
    }
}

impl Config {
    /// True if a daybook whose journal line names these settings would be read the same today.
    pub fn reads_like(&self, fingerprint: &str) -> bool {
        if landed::is_landed(fingerprint) {
            return landed::reading_fingerprint(self) == fingerprint;
        }
        Canonical::of_reading(self).fingerprint() == fingerprint
    }

    /// True if today's slots, deadlines and services shape a daybook as the named settings did.
    pub fn joins_like(&self, fingerprint: &str) -> bool {
        if landed::is_landed(fingerprint) {
            return landed::settings_fingerprint(self) == fingerprint;
        }
        Canonical::of_joining(self).fingerprint() == fingerprint
    }
}

/// Returns paths in search order if that can decide a constant of a file, else sorted.
fn paths(source: &Source, base: &Path) -> Vec<String> {
    let mut paths: Vec<String> = source.paths.iter().map(|path| relative(base, path)).collect();
    let decides = |path: &String| {
        Placeholder::all(path).iter().any(|(_, p)| matches!(p, Placeholder::Service | Placeholder::Region))
    };
    if !paths.iter().any(decides) {
        paths.sort();
        paths.dedup();
    }
    paths
}

/// Returns a path relative to the config's folder, by its text alone.
///
/// An absolute path that is not below the folder stays absolute, wherever the folder lies.
fn relative(base: &Path, path: &str) -> String {
    // `absolute` knows no empty path; it stands for the current folder.
    let base = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    let base = std::path::absolute(base).unwrap_or_else(|_| base.to_path_buf());
    let (whole, base) = (lexical(&base.join(path).to_string_lossy()), lexical(&base.to_string_lossy()));
    if let Some(below) = whole.strip_prefix(&base).and_then(|rest| rest.strip_prefix('/')) {
        return below.to_owned();
    }
    if Path::new(path).is_absolute() { whole } else { lexical(path) }
}

/// A column as the config file spells it.
fn spelled(column: &Column) -> Value {
    let mut said = serde_json::Map::new();
    match &column.from {
        ColumnSource::Name(name) => said.insert("from".to_owned(), json!(name)),
        ColumnSource::Value(value) => said.insert("value".to_owned(), json!(value)),
        ColumnSource::Off => said.insert("off".to_owned(), json!(true)),
    };
    match &column.cast {
        Cast::Auto => {}
        Cast::Unit(unit) => {
            let unit = match unit {
                Unit::Seconds => "s",
                Unit::Milliseconds => "ms",
                Unit::Microseconds => "us",
                Unit::Nanoseconds => "ns",
            };
            said.insert("unit".to_owned(), json!(unit));
        }
        Cast::Format(format) => _ = said.insert("format".to_owned(), json!(format)),
    }
    if !column.words.is_empty() {
        let words: BTreeMap<&String, &String> = column.words.iter().map(|(word, by)| (word, by)).collect();
        said.insert("words".to_owned(), json!(words));
    }
    Value::Object(said)
}

/// Returns an endpoint pattern without a version, empty segments and names of placeholders.
fn normal(pattern: &str) -> String {
    let is_version = |part: &&str| {
        part.strip_prefix('v')
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
    };
    let mut parts = pattern.split('/').filter(|part| !part.is_empty()).peekable();
    let _ = parts.next_if(is_version);
    let named = |part: &str| match part {
        _ if part.ends_with('*') => part.to_owned(),
        _ if part.starts_with('{') => "{}".to_owned(),
        _ => part.to_owned(),
    };
    parts.map(|part| format!("/{}", named(part))).collect()
}

/// Whether some path matches both patterns, which are [`normal`].
fn can_match_one_path(a: &str, b: &str) -> bool {
    let parts = |pattern: &str| pattern.split('/').skip(1).map(str::to_owned).collect::<Vec<_>>();
    let (a, b) = (parts(a), parts(b));
    let mut at = 0;
    loop {
        match (a.get(at).map(String::as_str), b.get(at).map(String::as_str)) {
            (None, None) => return true,
            (Some(rest), other) | (other, Some(rest)) if rest.ends_with('*') => {
                let start = &rest[..rest.len() - 1];
                return match other {
                    _ if start.is_empty() => true,
                    None => false,
                    Some("{}") => true,
                    Some(other) => match other.strip_suffix('*') {
                        Some(other) => start.starts_with(other) || other.starts_with(start),
                        None => other.starts_with(start),
                    },
                };
            }
            (Some(a), Some(b)) if a == b || a == "{}" || b == "{}" => at += 1,
            _ => return false,
        }
    }
}

const fn slot_name(slot: SlotLength) -> &'static str {
    match slot {
        SlotLength::Seconds10 => "10s",
        SlotLength::Seconds30 => "30s",
        SlotLength::Minute => "1m",
        SlotLength::Minutes5 => "5m",
    }
}

/// A whole number of `10^-places` as a person writes it: 500,000 millionths are `0.5`.
fn decimal(n: u32, places: usize) -> String {
    let digits = format!("{n:0width$}", width = places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    let part = part.trim_end_matches('0');
    if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
}

fn shown_minutes(seconds: u32) -> String {
    if seconds.is_multiple_of(60) { (seconds / 60).to_string() } else { format!("{seconds} s") }
}

fn shown_hours(seconds: u32) -> String {
    if seconds.is_multiple_of(3_600) { (seconds / 3_600).to_string() } else { format!("{seconds} s") }
}

#[cfg(test)]
mod tests;
