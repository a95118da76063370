//! `uptime-ledger head`: prints the checkpoint of the journal, or keeps it for those who sign it.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::place::ReportsPlace;
use super::voice;
use crate::error::{ExitCode, Trouble};
use crate::ledger::{keep, proof, take_answer};

#[derive(Args)]
pub struct HeadArgs {
    #[command(flatten)]
    place: ReportsPlace,
    /// Print the proof that the first N lines are its beginning, a hash a line in base64
    #[arg(long, value_name = "N", conflicts_with_all = ["keep", "answer"])]
    prove: Option<u64>,
    /// Write it into `heads/` of the reports folder, and print its path: the file to sign, and to copy elsewhere
    #[arg(long)]
    keep: bool,
    /// Write a request for a timestamp beside it (RFC 3161, .tsq)
    #[arg(long, requires = "keep")]
    request: bool,
    /// Store the answer of a timestamp authority (.tsr) beside the head that it is about
    #[arg(long, value_name = "FILE", conflicts_with = "keep")]
    answer: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl HeadArgs {
    pub fn run(self) -> Result<ExitCode> {
        if let Some(answer) = &self.answer {
            return self.take(answer);
        }
        let ledger = self.place.ledger()?;
        let checkpoint = ledger.checkpoint()?;
        if self.keep {
            let path = keep(&self.place.reports()?, &checkpoint, self.request)?;
            if self.json {
                voice::json(
                    &json!({ "kept": path.display().to_string(), "lines": checkpoint.lines }),
                    false,
                )?;
            } else {
                writeln!(voice::stdout(), "{}", path.display())?;
            }
            return Ok(ExitCode::Done);
        }
        let lines = self.prove.map(|lines| usize::try_from(lines).unwrap_or(usize::MAX));
        let tree = ledger.tree()?;
        if let Some(lines) = lines.filter(|lines| *lines == 0 || *lines > tree.len()) {
            let text =
                format!("--prove {lines}: the journal has {} lines; give 1 to {}", tree.len(), tree.len());
            return Err(Trouble::Usage(text).into());
        }
        let nodes = lines.map(|lines| proof(&tree.consistency(lines)));
        if self.json {
            let (seq, hash) = ledger.head();
            let proof = nodes.map(|nodes| nodes.lines().map(str::to_owned).collect::<Vec<_>>());
            let text = checkpoint.to_string();
            let head = json!({ "line": seq, "hash": hash, "checkpoint": text, "consistency": proof });
            voice::json(&head, false)?;
        } else {
            write!(voice::stdout(), "{}", nodes.unwrap_or_else(|| checkpoint.to_string()))?;
        }
        Ok(ExitCode::Done)
    }

    /// Stores the answer of a timestamp authority.
    fn take(&self, answer: &Path) -> Result<ExitCode> {
        let (head, time) = take_answer(&self.place.reports()?, answer)?;
        if self.json {
            voice::json(&json!({ "head": head.display().to_string(), "time": time }), false)?;
        } else {
            writeln!(voice::stdout(), "{}: seen by the authority at {time}", head.display())?;
        }
        Ok(ExitCode::Done)
    }
}
