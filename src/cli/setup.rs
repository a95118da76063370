//! Setup shared by commands: reads config, policy, catalogue and override file.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use anyhow::Result;
use chrono::{DateTime, Utc};

use crate::clock::{Clock, ClockSource};
use crate::config::{self, Config, FormatChoice, Log, LogPreset, STANDARD_INPUT};
use crate::document::{Document, Mistakes};
use crate::error::Trouble;
use crate::intake::inspect::Candidate;
use crate::plain_file::SpooledInput;
use crate::policy::Policy;
use crate::report::Destination;
use crate::store::StoreAddress;

/// Config file used if the command line names none.
pub const DEFAULT_CONFIG: &str = "uptime-ledger.toml";

/// Returns the clock of a command that writes: the machine's, or `--as-of` in a simulated ledger.
///
/// # Errors
/// [`Trouble::Usage`] if `--as-of` is lacking there, or given elsewhere.
pub fn clock(
    source: Option<ClockSource>,
    as_of: Option<DateTime<Utc>>,
) -> Result<(Clock, ClockSource), Trouble> {
    match (source.unwrap_or_default(), as_of) {
        (ClockSource::Given, Some(at)) => Ok((Clock::given(at), ClockSource::Given)),
        (ClockSource::Given, None) => {
            let text = "the clock of this ledger is given (it was begun with --simulate); say what time it is with --as-of";
            Err(Trouble::Usage(text.to_owned()))
        }
        (ClockSource::Real, None) => Ok((Clock::given(Utc::now()), ClockSource::Real)),
        (ClockSource::Real, Some(_)) => {
            Err(Trouble::Usage("the clock of this ledger is the machine's; leave --as-of out".to_owned()))
        }
    }
}

/// Reads a file that a person wrote.
///
/// # Errors
/// [`Trouble::Missing`]; [`Trouble::Usage`] with line and column if it is not UTF-8; else
/// [`Trouble::Io`].
pub fn document(path: &Path) -> Result<Document, Trouble> {
    match std::fs::read(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Document::new(path.display().to_string(), text)),
            Err(e) => {
                let valid = e.utf8_error().valid_up_to();
                let byte = e.as_bytes()[valid];
                let text = String::from_utf8_lossy(&e.as_bytes()[..valid]);
                let document = Document::new(path.display().to_string(), text);
                let (line, column) = document.position(valid);
                Err(Trouble::Usage(format!(
                    "{}:{line}:{column}: byte 0x{byte:02X} is not UTF-8; save the file as UTF-8",
                    path.display()
                )))
            }
        },
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            Err(Trouble::Missing { path: path.to_path_buf() })
        }
        Err(e) => Err(Trouble::io(path, "reading", e)),
    }
}

/// Copies standard input to a file in `folder`, if one of the paths on the command line names it.
///
/// Later runs cannot read it again, so it must be clear which day it is for.
///
/// # Errors
/// [`Trouble::Usage`] if it is named twice, for several days, or nothing is piped in.
pub fn standard_input<'p>(
    paths: impl Iterator<Item = &'p String>,
    is_one_day: bool,
    folder: &Path,
) -> Result<Option<SpooledInput>, Trouble> {
    let refused = |why: &str| Err(Trouble::Usage(format!("`-` is standard input, {why}")));
    match paths.filter(|path| *path == STANDARD_INPUT).count() {
        0 => return Ok(None),
        1 => {}
        _ => return refused("which can be read only once; write the other log to a file"),
    }
    if !is_one_day {
        return refused("which can be read only once; name its day with --date");
    }
    let mut input = std::io::stdin();
    if input.is_terminal() {
        return refused("and nothing is piped into it; for example: zcat FILE | uptime-ledger run");
    }
    SpooledInput::copy(&mut input, folder).map(Some)
}

/// Refuses addresses of stores that cannot be used, without showing them: they may hold a secret.
fn check_addresses(config: &Config) -> Result<(), Trouble> {
    for source in &config.sources {
        if let Some(why) = source.paths.iter().find_map(|path| StoreAddress::parse(path)?.err()) {
            let name = &source.name;
            return Err(Trouble::Usage(format!(
                "source {name}: an address in `paths` cannot be used: {why}"
            )));
        }
    }
    if let Some(publish) = &config.publish {
        Destination::parse(publish, &config.path(""), &config.path(&config.reports))
            .map_err(|why| Trouble::Usage(format!("[outputs] publish: the address cannot be used: {why}")))?;
    }
    Ok(())
}

/// Reads a config file, whose paths are relative to its folder, and requires at least one source.
pub fn config(path: Option<&Path>) -> Result<Config> {
    let path = path.map_or_else(|| PathBuf::from(DEFAULT_CONFIG), Path::to_path_buf);
    if !path.exists() && path == Path::new(DEFAULT_CONFIG) {
        return Err(Trouble::Usage(format!(
            "there is no {DEFAULT_CONFIG} here; name one with --config FILE, or logs with --requests PATH"
        ))
        .into());
    }
    let document = document(&path)?;
    let base = path.parent().unwrap_or(Path::new("")).to_path_buf();
    let config = config::config(&document, &base)?;
    check_addresses(&config)?;
    if config.sources.is_empty() {
        return Err(Trouble::Usage(format!(
            "{} names no log: add a [[source]] with name and paths (data/config.md)",
            path.display()
        ))
        .into());
    }
    Ok(config)
}

/// Reads the policy and catalogue that a config names, or else the built-in ones.
pub fn policy(config: &Config) -> Result<Policy> {
    let (built_in_policy, built_in_catalogue) = Policy::built_in_documents();
    let or_built_in = |path: &Option<PathBuf>, built_in: Document| match path {
        Some(path) => document(&config.base.join(path)),
        None => Ok(built_in),
    };
    let policy = or_built_in(&config.policy, built_in_policy)?;
    let catalogue = or_built_in(&config.catalogue, built_in_catalogue)?;
    Ok(Policy::read(&policy, &catalogue)?)
}

/// Reads the override file that a config names; an unreadable file does not stop the run.
pub fn override_file(config: &Config) -> Option<Result<Document, Trouble>> {
    config.overrides.path.as_ref().map(|path| document(&config.base.join(path)))
}

/// Returns both results, or the mistakes of both together.
pub fn both<A, B>(a: Result<A>, b: Result<B>) -> Result<(A, B)> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(a), Err(b)) => match (a.downcast::<Mistakes>(), b.downcast::<Mistakes>()) {
            (Ok(mut a), Ok(b)) => {
                a.0.extend(b.0);
                Err(a.into())
            }
            (Err(other), _) | (_, Err(other)) => Err(other),
        },
        (Err(e), _) | (_, Err(e)) => Err(e),
    }
}

/// Reads the preset that the command line names: one of ours, a built-in format, or a format file.
///
/// # Errors
/// There is no such preset, it reads another type of logs, or the file has mistakes.
pub fn preset(word: &str, log: Option<Log>) -> Result<Candidate> {
    let found = if let Some(preset) = LogPreset::named(word) {
        let own = match preset {
            LogPreset::WhatsappWebhook => Log::Webhooks,
            LogPreset::Canonical => log.unwrap_or(Log::Requests),
            _ => Log::Requests,
        };
        Candidate::of_preset(preset, own)
    } else if config::is_format_file(word) {
        Candidate::of_format(&FormatChoice::of_document(word, &document(Path::new(word))?)?)
    } else if let Some(choice) = FormatChoice::builtin(word) {
        Candidate::of_format(&choice)
    } else {
        return Err(Trouble::Usage(format!("`{word}` is not a preset; {}", presets(log))).into());
    };
    match log {
        Some(log) if found.source.log != log => {
            let name = found.source.log.name();
            Err(Trouble::Usage(format!("`{word}` reads logs of {name}; {}", presets(Some(log)))).into())
        }
        _ => Ok(found),
    }
}

/// Says which presets there are.
fn presets(log: Option<Log>) -> String {
    let own = match log {
        Some(Log::Webhooks) => "canonical, whatsapp-webhook",
        Some(Log::Requests) => "canonical, combined, nginx-json",
        None => "canonical, combined, nginx-json, whatsapp-webhook",
    };
    let formats: Vec<String> = FormatChoice::all()
        .filter(|choice| log.is_none_or(|log| log == choice.file.log))
        .map(|choice| choice.name)
        .collect();
    format!("valid are {own}, {}, and the path of a format file that ends in .toml", formats.join(", "))
}
