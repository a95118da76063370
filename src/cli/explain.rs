//! `uptime-ledger explain`: says why a minute is red, or is not.

use std::io::Write;

use anyhow::Result;
use chrono::{DateTime, Utc};
use clap::Args;

use super::place::ReportsPlace;
use super::voice::{self, text};
use crate::error::ExitCode;
use crate::queries::{self, Question};

#[derive(Args)]
pub struct Explain {
    #[command(flatten)]
    place: ReportsPlace,
    /// An instant in the slot, such as 2026-11-20T10:07Z
    #[arg(long, value_name = "INSTANT", value_parser = text::instant)]
    at: DateTime<Utc>,
    /// Service or component [default: the component that is worst off]
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Region [default: all together]
    #[arg(long, value_name = "NAME")]
    region: Option<String>,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

impl Explain {
    pub fn run(self) -> Result<ExitCode> {
        let question = Question { at: self.at, scope: self.service, region: self.region };
        let answer = queries::explain(&self.place.ledger()?, &question)?;
        if self.json {
            voice::json(&answer, true)?;
        } else {
            write!(voice::stdout(), "{answer}")?;
        }
        Ok(ExitCode::Done)
    }
}
