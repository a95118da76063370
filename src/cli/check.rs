//! `uptime-ledger check`: every mistake in config, policy and catalogue at once, without reading a log.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::setup;
use crate::config::Config;
use crate::error::ExitCode;

#[derive(Args)]
pub struct Check {
    /// Config file
    #[arg(long, value_name = "FILE", default_value = setup::DEFAULT_CONFIG)]
    config: PathBuf,
}

impl Check {
    pub fn run(self) -> Result<ExitCode> {
        let config = setup::config(Some(&self.config));
        // Policy and catalogue are looked at even when the config is wrong: the paths it names may be right.
        let fallback = Config::bare(self.config.parent().unwrap_or(std::path::Path::new("")));
        let policy = setup::policy(config.as_ref().unwrap_or(&fallback));
        let (config, policy) = setup::both(config, policy)?;
        let warnings = policy.warnings();
        let mut err = std::io::stderr().lock();
        if !warnings.is_empty() {
            writeln!(err, "{}", super::render(&warnings))?;
        }
        writeln!(
            std::io::stdout(),
            "{}: {} sources, {} services, {} components; policy {}: {} rules, {} warnings",
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
