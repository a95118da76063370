//! `uptime-ledger check`: reports all mistakes in config, policy, catalogue and overrides at once.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::setup;
use crate::config::Config;
use crate::document::Mistakes;
use crate::error::ExitCode;
use crate::facts::Salt;
use crate::overrides;
use crate::policy::Policy;

#[derive(Args)]
pub struct Check {
    /// Config file
    #[arg(long, value_name = "FILE", default_value = setup::DEFAULT_CONFIG)]
    config: PathBuf,
}

impl Check {
    pub fn run(self) -> Result<ExitCode> {
        let config = setup::config(Some(&self.config));
        // Policy and catalogue are checked even if the config is wrong: the paths it names may be
        // right.
        let fallback = Config::bare(self.config.parent().unwrap_or(std::path::Path::new("")));
        let policy = setup::policy(config.as_ref().unwrap_or(&fallback));
        let (config, policy) = setup::both(config, policy)?;
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
        Ok(if warnings.is_empty() { ExitCode::Done } else { ExitCode::Attention })
    }
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
