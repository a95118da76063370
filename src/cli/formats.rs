//! `uptime-ledger formats`: lists the built-in log formats, or prints the file of one.

use std::io::Write;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use super::voice::{self, text};
use crate::config::FormatChoice;
use crate::document::spelling::advice;
use crate::error::{ExitCode, Trouble};
use crate::formats::{BUILTIN, builtin};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Formats {
    #[command(subcommand)]
    what: Option<What>,
    /// Print the list as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum What {
    /// Print the file of a format: `uptime-ledger formats show nginx > my.toml`, then `preset = "my.toml"`
    Show {
        /// Name of the format
        name: String,
    },
}

impl Formats {
    pub fn run(self) -> Result<ExitCode> {
        let mut out = voice::data();
        if let Some(What::Show { name }) = &self.what {
            let names = BUILTIN.map(|(name, _)| name);
            let unknown =
                || Trouble::Usage(format!("`{name}` is not a built-in format; {}", advice(name, names)));
            out.write_all(builtin(name).ok_or_else(unknown)?.as_bytes())?;
            return Ok(ExitCode::Done);
        }
        let formats = FormatChoice::all().map(|choice| choice.file);
        if self.json {
            let list: Vec<_> = formats
                .map(|f| json!({ "name": f.name, "log": f.log.name(), "vantage": f.vantage, "about": f.about }))
                .collect();
            voice::json(&list, false)?;
            return Ok(ExitCode::Done);
        }
        let mut table = text::table(&["Format", "Log", "Vantage", "About"]);
        for format in formats {
            let vantage = serde_json::to_value(format.vantage)?;
            let vantage = vantage.as_str().unwrap_or_default();
            table.add_row([&format.name, format.log.name(), vantage, &format.about]);
        }
        writeln!(out, "{table}")?;
        Ok(ExitCode::Done)
    }
}
