//! Config, `uptime-ledger.toml`: where the logs are, which services there are, and all limits.
//!
//! This file holds the types; `read` turns text into a [`Config`] and collects every mistake.

mod canonical;
mod columns;
mod engine;
mod formats;
mod landed;
mod outputs;
mod overrides;
mod paths;
mod read;
mod slot_rule;
mod sources;
mod webhooks;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::day::SlotLength;
use crate::formats::{Expression, FormatFile};
use crate::plain_file::SpooledInput;
use crate::store::{StoreLimits, Stores};

pub use crate::formats::Vantage;
pub use crate::formats::{Field, Identity, Log, TimeBasis, Unit};
pub use canonical::{Canonical, Difference};
pub use engine::{EngineKind, EngineSettings, PARTITION_BITS};
pub use formats::is_format_file;
pub use outputs::{Format, Outputs};
pub use overrides::{ReviewHistory, ReviewRules};
pub use paths::{PathCaptures, PathPattern, Placeholder, is_beside_logs, lexical};
pub use read::config;
pub use slot_rule::{RuleVersion, SlotRule};
pub use sources::IdSpelling;

/// The path of standard input, on the command line.
pub const STANDARD_INPUT: &str = "-";

/// Limit on services, and on regions, that the config does not declare and that are kept apart.
pub const MOST_UNDECLARED: usize = 64;
/// Limit on pairs of a service and a region with undeclared names among them.
///
/// Each pair has slots of its own: a byte for each, and 64 more for each one with events.
pub const MOST_PAIRS: usize = 256;

/// The service of webhook rows without a service.
pub const WEBHOOK_SERVICE: &str = "webhooks";

/// The tables of the config with their keys; a test compares them with data/config.md.
pub const KEYS: [(&str, &[&str]); 12] = [
    ("the top level", &read::TOP),
    ("[[source]]", &sources::SOURCE),
    ("[source.columns]", &columns::KEYS),
    ("[[service]]", &read::SERVICE),
    ("[[component]]", &read::COMPONENT),
    ("[definition]", &read::DEFINITION),
    ("[limits]", &read::LIMITS),
    ("[webhooks]", &webhooks::KEYS),
    ("[overrides]", &overrides::KEYS),
    ("[outputs]", &outputs::KEYS),
    ("[store]", &read::STORE),
    ("[engine]", &engine::KEYS),
];

/// All settings of a run; its other inputs are the logs, the policy and the clock.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder of the config file, from which relative paths start.
    pub base: PathBuf,
    /// Folder of the reports.
    pub reports: PathBuf,
    /// Policy file; the built-in one when absent.
    pub policy: Option<PathBuf>,
    /// Error catalogue; the built-in one when absent.
    pub catalogue: Option<PathBuf>,
    pub slot: SlotLength,
    pub sources: Vec<Source>,
    pub services: Vec<Service>,
    /// Path patterns of calls that are no part of the platform, such as health checks.
    pub ignore: Vec<String>,
    pub components: Vec<Component>,
    /// Regions that appear in the reports even on a day without a row from them.
    pub regions: Vec<String>,
    pub excerpts: Excerpts,
    pub measure: SlotRule,
    pub limits: Limits,
    pub webhooks: Webhooks,
    pub overrides: Overrides,
    pub outputs: Outputs,
    /// Address of a bucket, and of a folder in it, to which finished reports are copied.
    pub publish: Option<String>,
    /// Secret mixed into every stored id and caller; if absent, the ledger keeps a random one.
    pub salt: Option<String>,
    pub memory_bytes: u64,
    /// Content of the path [`STANDARD_INPUT`] of a run without a config file.
    pub standard_input: Option<SpooledInput>,
    /// Where addresses such as `s3://bucket/logs` lead.
    pub stores: Stores,
    pub engine: EngineSettings,
}

/// How rows that cannot be read are shown in quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Excerpts {
    /// What they are made of, and not what they say: `{"aa":"9999"}`.
    #[default]
    Shape,
    /// What they say, without what is known to identify persons.
    Text,
}

impl Config {
    /// Returns the config of a run without a config file: defaults, and no source yet.
    pub fn bare(base: impl Into<PathBuf>) -> Self {
        Self {
            base: base.into(),
            reports: PathBuf::from("reports"),
            policy: None,
            catalogue: None,
            slot: SlotLength::default(),
            sources: Vec::new(),
            services: Vec::new(),
            ignore: Vec::new(),
            components: Vec::new(),
            regions: Vec::new(),
            excerpts: Excerpts::default(),
            measure: SlotRule::default(),
            limits: Limits::default(),
            webhooks: Webhooks::default(),
            overrides: Overrides::default(),
            outputs: Outputs::default(),
            publish: None,
            salt: None,
            memory_bytes: 1 << 30,
            standard_input: None,
            stores: Stores::new(StoreLimits::default()),
            engine: EngineSettings::default(),
        }
    }

    /// True if any source is a webhook log, so that the outcomes of messages are known.
    pub fn has_webhooks(&self) -> bool {
        self.sources.iter().any(|source| source.log == Log::Webhooks)
    }

    /// Returns a path of the config with the folder of the config file before a relative one.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.base.join(path)
    }
}

const MEMORY_UNITS: [(&str, u64); 6] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

/// Parses an amount of memory such as `512MiB` into bytes.
///
/// # Errors
/// The help text, if the number or the unit is not valid, or the amount is 0 or beyond 64 bits.
pub fn memory(text: &str) -> Result<u64, &'static str> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit = text[digits..].trim();
    MEMORY_UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .and_then(|(_, factor)| text[..digits].parse::<u64>().ok()?.checked_mul(*factor))
        .filter(|bytes| *bytes > 0)
        .ok_or("write a whole number and KiB, MiB, GiB, KB, MB or GB, for example \"512MiB\"")
}

/// One log source: its files, their format and their vantage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Source {
    pub name: String,
    pub log: Log,
    /// Globs with `{date}` or `{date:%Y/%m/%d}` for the day, and with `{service}` and `{region}`.
    pub paths: Vec<String>,
    /// True if the paths come from the command line, where a missing path is a usage error.
    pub is_named_by_hand: bool,
    pub preset: LogPreset,
    pub vantage: Vantage,
    pub time_basis: TimeBasis,
    /// Time zone of timestamps that carry none.
    pub zone: Tz,
    /// Days before and after whose files may hold rows of the day; for paths with `{date}`.
    pub neighbours: u32,
    /// True if a day without a file or a row is nothing unusual, as in a log of failures alone.
    pub may_be_empty: bool,
    /// True if a CSV file has a header line; with the delimiter, for CSV only.
    pub has_header: bool,
    pub delimiter: u8,
    pub identity: Identity,
    pub ids: IdSpelling,
    /// Mapping of the fields that differ from the preset.
    pub columns: Vec<Column>,
    /// The format by which rows of another program are read, with [`LogPreset::Format`].
    pub format: Option<FormatChoice>,
}

/// A format as a source uses it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FormatChoice {
    /// Name of a built-in format, or the path of a file as the config has it.
    pub name: String,
    /// Text of the file.
    pub text: Arc<str>,
    pub file: Arc<FormatFile>,
    /// The program's format string, as its config has it; the only layout then.
    pub log_format: Option<String>,
    /// Fields that differ from those of the file; `None` switches one off.
    pub columns: Vec<(Field, Option<Vec<Expression>>)>,
}

/// A log format with its mapping to the canonical fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogPreset {
    /// The product's own schema, in CSV, NDJSON or Parquet by file name.
    Canonical,
    /// Apache and nginx access log text, common or combined.
    Combined,
    /// nginx `log_format ... escape=json`, fields named as nginx's variables.
    NginxJson,
    /// Cloud API notification payloads, one per line, bare or in an envelope with a receive time.
    WhatsappWebhook,
    /// The log of another program, as a format file says ([`Source::format`]).
    Format,
}

/// The origin of one canonical field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    pub field: Field,
    pub from: ColumnSource,
    pub cast: Cast,
    /// Words to replace (`success` by `200`); other words stay as they are.
    pub words: Vec<(String, String)>,
}

/// The origin of a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ColumnSource {
    /// A column name, a dotted JSON path (`error.code`), or a position from 1 without header.
    Name(String),
    /// The same value for every row.
    Value(String),
    /// Nowhere: a column of that name is another program's, and is not read.
    Off,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum Cast {
    /// By the look of the value.
    #[default]
    Auto,
    /// A number in this unit: of a duration, or of a timestamp since 1970.
    Unit(Unit),
    /// A chrono format string, for timestamps.
    Format(String),
}

/// A service with an SLI; its endpoints select its rows when the logs name no service.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Service {
    pub name: String,
    /// Patterns like `/{id}/messages`: `{id}` is one segment, `/v21.0` is skipped, `*` is any rest.
    pub endpoints: Vec<String>,
}

/// A line of the status page; down if any of its services is down (R20: send *or* receive).
#[derive(Debug, Clone)]
pub struct Component {
    pub name: String,
    pub services: Vec<String>,
    /// Internal monthly target, millionths of a percent (99.9 % = `99_900_000`); no SLA (R11).
    pub target_micro_percent: Option<u32>,
}

/// Limits from which on a run needs attention (exit code 3).
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Highest share of unreadable rows of a file, in millionths.
    pub quarantine_ppm: u32,
    /// Lowest share of observed slots of a component, in millionths.
    pub coverage_ppm: u32,
    /// Unreadable rows, or events of a component, below which a share tells nothing.
    pub min_rows: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { quarantine_ppm: 1_000, coverage_ppm: 950_000, min_rows: 10 }
    }
}

/// Deadlines of messages and notifications; the platform publishes only `retry_days` (R7).
#[derive(Debug, Clone, PartialEq)]
pub struct Webhooks {
    /// Longest time from the admission of a message to its first status, inclusive.
    pub first_status_seconds: u32,
    /// Longest time from the admission of a held or paused message to its first status, inclusive.
    pub held_seconds: u32,
    /// Longest time from an event to the first attempt of its notification, inclusive.
    pub first_attempt_seconds: u32,
    /// Days in which an undelivered notification is retried and a message can change.
    pub retry_days: u32,
    /// Longest pause between two attempts; after a longer one the retries have stopped.
    pub max_retry_pause_seconds: u32,
    /// First and last HTTP status, both inclusive, by which an endpoint accepts a notification.
    pub success: (u16, u16),
}

impl Webhooks {
    /// Returns how many days before and after a day can have rows of its events.
    ///
    /// What happens in the last hours of the window may be logged on the day after them.
    pub fn reach_days(&self) -> i64 {
        i64::from(self.retry_days) + 1
    }
}

impl Default for Webhooks {
    fn default() -> Self {
        Self {
            first_status_seconds: 600,
            held_seconds: 86_400,
            first_attempt_seconds: 600,
            retry_days: 7,
            max_retry_pause_seconds: 86_400,
            success: (200, 299),
        }
    }
}

/// The override file, and the rules that its rows are reviewed by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The override file, if there is one.
    pub path: Option<PathBuf>,
    pub review: ReviewRules,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_names_lead_back_to_the_field() {
        for (position, field) in Field::ALL.into_iter().enumerate() {
            assert_eq!(field.name().parse(), Ok(field));
            assert_eq!(field as usize, position);
        }
        assert!("http_satus".parse::<Field>().unwrap_err().contains("did you mean `http_status`"));
    }
}
