//! `uptime-ledger check`: reports all mistakes in config, formats, policy, catalogue, overrides.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use super::setup;
use super::voice;
use crate::config::{Config, FormatChoice, is_format_file};
use crate::document::{Document, Mistake, Mistakes};
use crate::error::ExitCode;
use crate::facts::Salt;
use crate::intake::inspect::lint;
use crate::overrides;
use crate::policy::{CodeDifference, CodeList, Policy};

#[derive(Args)]
pub struct Check {
    /// Config file
    #[arg(long, value_name = "FILE", default_value = setup::DEFAULT_CONFIG)]
    config: PathBuf,
    /// Table of error codes (CSV, data/catalogue.md) to compare the catalogue with: names new, gone
    /// and changed codes
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Format files to check alone, with their samples
    #[arg(long = "format", value_name = "FILE", num_args = 1.., conflicts_with_all = ["config", "against"])]
    formats: Vec<PathBuf>,
}

impl Check {
    pub fn run(self) -> Result<ExitCode> {
        if !self.formats.is_empty() {
            return formats(&self.formats);
        }
        let config = setup::config(Some(&self.config));
        // Policy and catalogue are checked even if the config is wrong: the paths it names may be
        // right.
        let fallback = Config::bare(self.config.parent().unwrap_or(std::path::Path::new("")));
        let policy = setup::policy(config.as_ref().unwrap_or(&fallback));
        let (config, policy) = match &self.against {
            Some(path) if !self.config.exists() => return against(path, &policy?),
            _ => setup::both(config, policy)?,
        };
        let rows = rows(&config, &policy)?;
        Mistakes(of_formats(&config)).or(())?;
        let mut warnings = unescaped(&setup::document(&self.config)?, &config);
        warnings.extend(policy.warnings());
        let mut err = voice::stderr();
        if !warnings.is_empty() {
            // Excerpts are made safe where they are drawn, and the colours are ours.
            writeln!(err.0, "{}", super::render(&warnings))?;
        }
        writeln!(
            voice::stdout(),
            "{}: {} sources, {} services, {} components; policy {}: {} rules, {} warnings{rows}",
            self.config.display(),
            config.sources.len(),
            config.services.len(),
            config.components.len(),
            &policy.fingerprint()[..12],
            policy.rules().len(),
            warnings.len()
        )?;
        let compared = self.against.as_ref().map_or(Ok(ExitCode::Done), |path| against(path, &policy))?;
        Ok(if warnings.is_empty() { compared } else { ExitCode::Attention })
    }
}

/// Checks format files alone.
fn formats(paths: &[PathBuf]) -> Result<ExitCode> {
    let mut mistakes = Vec::new();
    let mut read = Vec::new();
    for path in paths {
        let document = setup::document(path)?;
        match FormatChoice::of_document(document.name(), &document) {
            Ok(choice) => {
                mistakes.extend(lint(&choice, &document));
                read.push(choice);
            }
            Err(found) => mistakes.extend(found.0),
        }
    }
    Mistakes(mistakes).or(())?;
    let mut out = voice::stdout();
    for choice in read {
        let file = &choice.file;
        let (layouts, marks, samples) = (file.layouts.len(), file.marks.len(), file.samples.len());
        writeln!(
            out,
            "{}: {layouts} layouts, {marks} marks, {samples} samples, all as they say",
            choice.name
        )?;
    }
    Ok(ExitCode::Done)
}

/// Returns what is wrong with the samples of the format files that sources name.
fn of_formats(config: &Config) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let mut known = Vec::new();
    let files = config.sources.iter().filter_map(|source| source.format.as_ref());
    for choice in files.filter(|choice| is_format_file(&choice.name)) {
        if !known.contains(&&choice.name) {
            known.push(&choice.name);
            // The samples are of the file alone.
            let alone = FormatChoice { log_format: None, columns: Vec::new(), ..choice.clone() };
            let path = config.path(&choice.name);
            let document = Document::new(path.to_string_lossy(), choice.text.to_string());
            mistakes.extend(lint(&alone, &document));
        }
    }
    mistakes
}

/// Returns a warning for each pasted format that writes what clients send without escaping it.
fn unescaped(document: &Document, config: &Config) -> Vec<Mistake> {
    const UNESCAPED: &str = "escape=none";
    let pasted = config.sources.iter().filter_map(|source| source.format.as_ref()?.log_format.as_ref());
    let count = pasted.filter(|text| text.contains(UNESCAPED)).count();
    let places = document.text().match_indices(UNESCAPED).take(count);
    let warning = |(at, _): (usize, &str)| {
        let help = "use escape=json or the default: with escape=none a client can write quotes and line ends into the log, \
                    and so rows of its own";
        document.mistake(at..at + UNESCAPED.len(), "the log is written without escapes", "not escaped", help)
    };
    places.map(warning).collect()
}

/// Prints how the catalogue differs from a table of codes; any difference needs a person.
fn against(path: &Path, policy: &Policy) -> Result<ExitCode> {
    let list = CodeList::read(&setup::document(path)?)?;
    let differences = list.compare(policy.catalogue());
    let mut out = voice::stdout();
    for difference in &differences {
        writeln!(out, "{difference}")?;
    }
    let count = |is_it: fn(&CodeDifference) -> bool| differences.iter().filter(|d| is_it(d)).count();
    writeln!(
        out,
        "{}: {} codes; {} new, {} gone, {} changed",
        path.display(),
        list.len(),
        count(|difference| matches!(difference, CodeDifference::New { .. })),
        count(|difference| matches!(difference, CodeDifference::Gone { .. })),
        count(|difference| matches!(difference, CodeDifference::Changed { .. })),
    )?;
    Ok(if differences.is_empty() { ExitCode::Done } else { ExitCode::Attention })
}

/// Says how many rows the override file has; empty if there is no file.
///
/// Rows are checked as far as that is possible without the ledger.
fn rows(config: &Config, policy: &Policy) -> Result<String> {
    let Some(document) = setup::override_file(config) else { return Ok(String::new()) };
    let salt = Salt::new(config.salt.as_deref().unwrap_or_default());
    let sheet = overrides::read(&document?, policy, config, &salt)?;
    Mistakes(sheet.mistakes()).or(())?;
    Ok(format!("; {} overrides", sheet.rows.len()))
}
