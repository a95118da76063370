//! `uptime-ledger sample`: writes realistic logs of any size, together with their right answer.

use std::io::Write;
use std::path::PathBuf;

use super::voice;
use crate::day::Day;
use crate::sample::{self, Compression, SampleFormat, SampleSettings};

/// Write realistic request and webhook logs, a config that runs them, and truth.json with the right answer
///
/// The same arguments give the same bytes. From three days on the logs tell 28 stories (outages that count and that do
/// not, an API update, an expired token, missed successes, a backlog of webhooks, endpoints that cannot be reached, a
/// lost file, contradicting statuses and more); truth.json says what each must lead to.
#[derive(Debug, clap::Args)]
pub struct Sample {
    /// Folder to write to; must not hold logs yet
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Days to write
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=366))]
    days: u32,
    /// Ordinary calls per day, with 1.4 webhook rows each; below 20000 some minutes hold too few to be judged
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=4_000_000_000))]
    rows: u64,
    /// Another seed gives other logs
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// First day
    #[arg(long, value_name = "YYYY-MM-DD", default_value = "2026-11-18")]
    from: Day,
    #[arg(long, value_enum, default_value_t = SampleFormat::Ndjson)]
    format: SampleFormat,
    /// Of text files, or inside Parquet; by default text is plain and Parquet has zstd
    #[arg(long, value_enum)]
    compression: Option<Compression>,
    /// Files per day and region
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=99))]
    files: u32,
    /// Plain traffic only
    #[arg(long)]
    no_stories: bool,
}

impl Sample {
    pub fn run(self) -> anyhow::Result<()> {
        let settings = SampleSettings {
            from: self.from,
            days: self.days,
            rows: self.rows,
            seed: self.seed,
            format: self.format,
            compression: self.compression,
            files: self.files,
            stories: !self.no_stories,
        };
        let truth = sample::write(&self.out, &settings)?;
        let mut out = voice::stdout();
        writeln!(
            out,
            "{} rows in {} files, {} stories: {}",
            truth.totals.rows_read,
            truth.files.len(),
            truth.stories.len(),
            self.out.join("truth.json").display()
        )?;
        writeln!(out, "its config: {}", self.out.join("uptime-ledger.toml").display())?;
        Ok(())
    }
}
