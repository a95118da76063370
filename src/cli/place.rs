//! The reports folder of commands that only read the ledger.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::setup;
use crate::error::Trouble;
use crate::ledger::Ledger;

#[derive(Args)]
pub struct ReportsPlace {
    /// Config file, for the folder that its `reports` names [default: uptime-ledger.toml]
    #[arg(long, value_name = "FILE", conflicts_with = "out")]
    pub config: Option<PathBuf>,
    /// Reports folder that a run wrote to, instead of the config's
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

impl ReportsPlace {
    /// Returns the absolute path of the reports folder.
    pub fn reports(&self) -> Result<PathBuf> {
        match &self.out {
            Some(out) => Ok(std::path::absolute(out)?),
            None => {
                let config = setup::config(self.config.as_deref())?;
                Ok(config.path(&config.reports))
            }
        }
    }

    /// Opens the ledger of the reports folder.
    ///
    /// # Errors
    /// The ledger cannot be read, or has no edition yet.
    pub fn ledger(&self) -> Result<Ledger> {
        let reports = self.reports()?;
        let ledger = Ledger::open(&reports)?;
        if ledger.days().is_empty() {
            let text =
                format!("{}: no day has been published there; name the folder with --out", reports.display());
            return Err(Trouble::Usage(text).into());
        }
        Ok(ledger)
    }
}
