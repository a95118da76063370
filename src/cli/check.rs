//! `uptime-ledger check`: reports all mistakes in config, policy, catalogue and overrides at once.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use super::setup;
use super::text::TerminalSafe;
use crate::config::Config;
use crate::document::Mistakes;
use crate::error::ExitCode;
use crate::facts::Salt;
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
}

impl Check {
    pub fn run(self) -> Result<ExitCode> {
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
        let warnings = policy.warnings();
        let mut err = std::io::stderr().lock();
        if !warnings.is_empty() {
            writeln!(err, "{}", super::render(&warnings))?;
        }
        writeln!(
            std::io::stdout(),
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

/// Prints how the catalogue differs from a table of codes; any difference needs a person.
fn against(path: &Path, policy: &Policy) -> Result<ExitCode> {
    let list = CodeList::read(&setup::document(path)?)?;
    let differences = list.compare(policy.catalogue());
    let mut out = TerminalSafe(std::io::stdout().lock());
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
