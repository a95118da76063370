//! `uptime-ledger head`: prints the checkpoint of the journal, for those who keep or sign it.

use std::io::Write;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::place::ReportsPlace;
use crate::error::{ExitCode, Trouble};
use crate::ledger::proof;

#[derive(Args)]
pub struct HeadArgs {
    #[command(flatten)]
    place: ReportsPlace,
    /// Print the proof that the first N lines are its beginning, a hash a line in base64
    #[arg(long, value_name = "N")]
    prove: Option<u64>,
    /// Print it as JSON, with number and hash of the last line
    #[arg(long)]
    json: bool,
}

impl HeadArgs {
    pub fn run(self) -> Result<ExitCode> {
        let ledger = self.place.ledger()?;
        let checkpoint = ledger.checkpoint()?;
        let lines = self.prove.map(|lines| usize::try_from(lines).unwrap_or(usize::MAX));
        let tree = ledger.tree()?;
        if let Some(lines) = lines.filter(|lines| *lines == 0 || *lines > tree.len()) {
            let text =
                format!("--prove {lines}: the journal has {} lines; give 1 to {}", tree.len(), tree.len());
            return Err(Trouble::Usage(text).into());
        }
        let nodes = lines.map(|lines| proof(&tree.consistency(lines)));
        let mut out = std::io::stdout().lock();
        if self.json {
            let (seq, hash) = ledger.head();
            let proof = nodes.map(|nodes| nodes.lines().map(str::to_owned).collect::<Vec<_>>());
            let text = checkpoint.to_string();
            let head = json!({ "line": seq, "hash": hash, "checkpoint": text, "consistency": proof });
            writeln!(out, "{head}")?;
        } else {
            write!(out, "{}", nodes.unwrap_or_else(|| checkpoint.to_string()))?;
        }
        Ok(ExitCode::Done)
    }
}
