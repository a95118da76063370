//! `uptime-ledger repair`: rebuilds damaged files of the ledger, and names what only a backup has.

use std::io::Write;

use anyhow::Result;
use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::json;

use super::place::ReportsPlace;
use super::{setup, voice};
use crate::error::ExitCode;
use crate::ledger::{self, verify};
use crate::pipeline;

#[derive(Args)]
pub struct Repair {
    #[command(flatten)]
    place: ReportsPlace,
    /// The clock of a simulated ledger
    #[arg(long, value_name = "INSTANT")]
    as_of: Option<DateTime<Utc>>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Repair {
    pub fn run(self) -> Result<ExitCode> {
        let reports = self.place.reports()?;
        let (clock, source) = setup::clock(ledger::clock_source(&reports), self.as_of)?;
        let rebuilt = pipeline::repair(&reports, clock, source, super::cores())?;
        let left = verify(&reports).findings;
        if self.json {
            let paths: Vec<_> = rebuilt.iter().map(|path| path.display().to_string()).collect();
            let left: Vec<_> = left
                .iter()
                .map(|f| json!({ "path": f.path.display().to_string(), "what": f.what }))
                .collect();
            voice::json(&json!({ "rebuilt": paths, "left": left }), false)?;
        } else {
            for path in &rebuilt {
                writeln!(voice::stdout(), "rebuilt: {}", path.display())?;
            }
            if left.is_empty() {
                writeln!(voice::stdout(), "{}: the ledger is whole", reports.display())?;
            }
            left.iter().try_for_each(|finding| writeln!(voice::stderr(), "off: {finding}"))?;
            if !left.is_empty() {
                writeln!(
                    voice::stderr(),
                    "What is named here follows from nothing else in the ledger. Restore it from a backup; for a daybook run its \
                     day again (`run --date`) while its logs are there. See reports/failures.md"
                )?;
            }
        }
        Ok(if left.is_empty() { ExitCode::Done } else { ExitCode::Failed })
    }
}
