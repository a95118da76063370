//! `uptime-ledger init`: writes a config for logs that runs at once.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use chrono::Utc;
use clap::Args;

use super::{inspect, setup, voice};
use crate::config;
use crate::day::Day;
use crate::document::Document;
use crate::error::{ExitCode, Trouble};
use crate::intake::inspect::{GlimpseLimits, draft};

#[derive(Args)]
pub struct Init {
    #[command(flatten)]
    logs: inspect::Logs,
    /// Config file to write
    #[arg(long, value_name = "FILE", default_value = setup::DEFAULT_CONFIG)]
    out: PathBuf,
    /// Replace a file that is there
    #[arg(long)]
    force: bool,
}

impl Init {
    pub fn run(self) -> Result<ExitCode> {
        if self.out.exists() && !self.force {
            let text = format!(
                "{} exists; name another file with --out, or replace it with --force",
                self.out.display()
            );
            return Err(Trouble::Usage(text).into());
        }
        let now = Utc::now();
        let inspected = self.logs.inspect(GlimpseLimits::default(), now)?;
        for (path, why) in &inspected.unread {
            writeln!(voice::stderr(), "left out: {path}: {why}")?;
        }
        if inspected.logs.is_empty() {
            return Err(Trouble::Usage(
                "no preset reads any of these logs; no config was written".to_owned(),
            )
            .into());
        }
        let base = self.out.parent().unwrap_or(Path::new(""));
        let is_here = base.as_os_str().is_empty() || base == Path::new(".");
        let path_of = |path: &str| {
            let found = if is_here { None } else { std::path::absolute(path).ok() };
            found.map_or_else(|| path.to_owned(), |path| path.display().to_string())
        };
        let draft = draft(&inspected, &path_of);
        config::config(&Document::new(self.out.to_string_lossy(), draft.text.clone()), base)?;
        if !base.as_os_str().is_empty() {
            std::fs::create_dir_all(base).map_err(|e| Trouble::io(base, "creating the folder", e))?;
        }
        std::fs::write(&self.out, &draft.text).map_err(|e| Trouble::io(&self.out, "writing", e))?;
        let mut out = voice::stdout();
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let read: Vec<&str> = inspected.logs.iter().map(|log| log.preset.as_str()).collect();
        writeln!(
            out,
            "wrote {}: {} ({}), {}; read it, then run",
            self.out.display(),
            count(draft.sources, "source"),
            read.join(", "),
            count(draft.services, "service")
        )?;
        let today = Day::of(now);
        let Some((first, last)) = draft.days else { return Ok(ExitCode::Done) };
        if first >= today {
            writeln!(out, "tomorrow, as a day is accounted when it is over (UTC):")?;
        }
        let last = if first < today { last.min(today.plus(-1)) } else { last };
        let days =
            if first == last { format!("--date {first}") } else { format!("--from {first} --to {last}") };
        writeln!(out, "  uptime-ledger run --config {} {days}", shell(&self.out))?;
        Ok(ExitCode::Done)
    }
}

/// Returns a path as a shell takes it.
fn shell(path: &Path) -> String {
    let path = path.display().to_string();
    let is_plain = path.chars().all(|c| c.is_alphanumeric() || "/._-+,@:".contains(c));
    if is_plain { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}
