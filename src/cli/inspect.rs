//! `uptime-ledger inspect`: says what logs are and what they say.

use std::fmt::Write as _;
use std::io::Write;

use anyhow::Result;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::Args;
use serde_json::json;

use super::{setup, voice};
use crate::day::rfc3339;
use crate::error::ExitCode;
use crate::intake::inspect::{GlimpseLimits, Inspected, InspectedLog, LogLook, by_count, inspect};

/// Lines of each list.
const SHOWN: usize = 8;

/// The logs that a command looks at, and how.
#[derive(Args)]
pub struct Logs {
    /// Logs: files, folders, patterns; also compressed with gzip or zstd, and Parquet
    #[arg(required = true, value_name = "LOG")]
    paths: Vec<String>,
    /// Read them by this preset: canonical, combined, whatsapp-webhook, a built-in format (`formats` lists them) or the
    /// path of a format file [default: the one that reads them best]
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// IANA zone of timestamps that carry none
    #[arg(long, default_value = "UTC")]
    zone: Tz,
}

impl Logs {
    /// Looks at the logs.
    ///
    /// # Errors
    /// A path does not exist, or there is no such preset.
    pub fn inspect(&self, limits: GlimpseLimits, now: DateTime<Utc>) -> Result<Inspected> {
        let preset = self.preset.as_deref().map(|word| setup::preset(word, None)).transpose()?;
        let now_us = now.timestamp_micros();
        Ok(inspect(&LogLook {
            paths: &self.paths,
            standard_input: None,
            zone: self.zone,
            limits,
            preset,
            log: None,
            now_us,
        })?)
    }
}

#[derive(Args)]
pub struct Inspect {
    #[command(flatten)]
    logs: Logs,
    /// MiB that are read from the beginning and from the end of each file
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1024))]
    mib: usize,
    /// Files that are read; of more, those read are spread evenly
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    files: usize,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub fn run(self) -> Result<ExitCode> {
        let bytes = self.mib << 20;
        let limits = GlimpseLimits { head_bytes: bytes, tail_bytes: bytes, files: self.files };
        let inspected = self.logs.inspect(limits, Utc::now())?;
        if self.json {
            voice::json(&in_json(&inspected), false)?;
        } else {
            self.print(&inspected)?;
        }
        Ok(if inspected.logs.is_empty() { ExitCode::Failed } else { ExitCode::Done })
    }

    fn print(&self, inspected: &Inspected) -> Result<()> {
        let mut out = voice::stdout();
        for log in &inspected.logs {
            self.print_log(&mut out, log)?;
        }
        for (path, why) in inspected.unread.iter().take(SHOWN) {
            writeln!(out, "not read: {path}: {why}")?;
        }
        if inspected.unread.len() > SHOWN {
            writeln!(out, "not read: {} more files", inspected.unread.len() - SHOWN)?;
        }
        if inspected.looked_at < inspected.found {
            let (looked_at, found) = (inspected.looked_at, inspected.found);
            writeln!(out, "looked at {looked_at} of {found} files, spread evenly (--files)")?;
        }
        if !inspected.logs.is_empty() {
            let logs = self.logs.paths.join(" ");
            writeln!(out, "next: `uptime-ledger init {logs}` writes a config that reads them")?;
        }
        Ok(())
    }

    fn print_log(&self, out: &mut impl Write, log: &InspectedLog) -> Result<()> {
        let found = &log.findings;
        let about = log.source.format.as_ref().map_or("", |choice| choice.file.about.as_str());
        writeln!(out, "{}{}{about}", log.preset, if about.is_empty() { "" } else { ": " })?;
        let mut line = |name: &str, text: String| writeln!(out, "  {name:<11}{text}");
        let mut how: Vec<String> = log.layout.iter().map(|name| format!("layout {name}")).collect();
        how.extend(log.envelopes.iter().map(|name| format!("inside {name}")));
        if !how.is_empty() {
            line("lines", how.join(", "))?;
        }
        if !log.ties.is_empty() {
            line("or", format!("{}: the lines do not tell which; --preset decides", log.ties.join(", ")))?;
        }
        line("files", self.files_of(log))?;
        line("rows", rows(log))?;
        if let Some(first) = &found.first_unreadable {
            line(
                "unreadable",
                format!(
                    "{} rows, the first in {}, line {}: {}",
                    found.unreadable, first.file, first.line, first.why
                ),
            )?;
        }
        if let Some((first, last)) = found.span_us {
            line("times", format!("{} to {}", rfc3339(first), rfc3339(last)))?;
        }
        let statuses: Vec<(String, u64)> =
            found.statuses.iter().map(|(status, n)| (status_name(*status), *n)).collect();
        line("statuses", shares(statuses.iter().map(|(name, n)| (name.as_str(), *n)), found.calls))?;
        for (name, counts) in [("services", &found.services), ("regions", &found.regions)] {
            if !counts.is_empty() {
                line(name, shares(by_count(counts).into_iter(), found.calls))?;
            }
        }
        for (at, (path, n)) in by_count(&found.templates).into_iter().take(SHOWN).enumerate() {
            line(if at == 0 { "paths" } else { "" }, format!("{:>6}  {path}", share(n, found.calls)))?;
        }
        if found.templates.len() > SHOWN {
            line("", format!("        and {} more", found.templates.len() - SHOWN))?;
        }
        if found.failures.all() > 0 && log.source.format.is_some() {
            let (all, known) = (found.failures.all(), found.failures.yes + found.failures.no);
            line(
                "failures",
                format!(
                    "{all}; of {} the log says whether the call arrived: {} did, {} did not",
                    share(known, all),
                    found.failures.yes,
                    found.failures.no
                ),
            )?;
        }
        if !log.not_logged.is_empty() {
            line(
                "not logged",
                format!("{}: log them, and more failures can be judged", log.not_logged.join(", ")),
            )?;
        }
        for remark in log.remarks() {
            line("look at", remark.text)?;
        }
        Ok(())
    }

    fn files_of(&self, log: &InspectedLog) -> String {
        let bytes: u64 = log.files.iter().map(|file| file.bytes).sum();
        let first = log.files.first().map_or("", |file| file.path.as_str());
        let more = match log.files.len() {
            0 | 1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        let cut = log.files.iter().filter(|file| !file.is_whole).count();
        let cut = match cut {
            0 => String::new(),
            n => format!("; of {n} of them the first and last {} MiB were read (--mib)", self.mib),
        };
        let open = match log.files.iter().filter(|file| file.is_open).count() {
            0 => String::new(),
            n => format!("; the ends of {n} were not reached"),
        };
        format!("{first}{more}, {:.1} MiB{cut}{open}", bytes as f64 / f64::from(1 << 20))
    }
}

fn rows(log: &InspectedLog) -> String {
    let found = &log.findings;
    let mut text = format!("{}, {} of them calls", found.rows(), found.calls);
    for (why, n) in &found.not_calls {
        let _ = write!(text, "; {n} no calls ({why})");
    }
    text
}

fn status_name(status: u16) -> String {
    if status == 0 { "none".to_owned() } else { status.to_string() }
}

/// Returns the largest shares in one line.
fn shares<'n>(counts: impl Iterator<Item = (&'n str, u64)>, of: u64) -> String {
    let mut all: Vec<(&str, u64)> = counts.collect();
    all.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let more = all.len().saturating_sub(SHOWN);
    let shown: Vec<String> =
        all.iter().take(SHOWN).map(|(name, n)| format!("{name} {}", share(*n, of))).collect();
    let more = if more > 0 { format!(", {more} more") } else { String::new() };
    shown.join(", ") + &more
}

fn share(n: u64, of: u64) -> String {
    format!("{:.1} %", n as f64 * 100.0 / of.max(1) as f64)
}

fn in_json(inspected: &Inspected) -> serde_json::Value {
    let logs: Vec<_> = inspected.logs.iter().map(log_in_json).collect();
    let unread: Vec<_> =
        inspected.unread.iter().map(|(path, why)| json!({ "path": path, "reason": why })).collect();
    let days: Vec<_> = inspected.days().iter().map(ToString::to_string).collect();
    json!({
        "logs": logs,
        "unread": unread,
        "days": days,
        "files_found": inspected.found,
        "files_looked_at": inspected.looked_at,
    })
}

fn log_in_json(log: &InspectedLog) -> serde_json::Value {
    let found = &log.findings;
    let statuses: serde_json::Map<_, _> =
        found.statuses.iter().map(|(status, n)| (status_name(*status), json!(n))).collect();
    let files: Vec<_> = log
        .files
        .iter()
        .map(|file| {
            json!({
                "path": file.path,
                "bytes": file.bytes,
                "stored": file.stored,
                "is_whole": file.is_whole,
                "first_day": file.days.map(|(first, _)| first.to_string()),
                "last_day": file.days.map(|(_, last)| last.to_string()),
            })
        })
        .collect();
    let remarks: Vec<_> =
        log.remarks().into_iter().map(|remark| json!({ "kind": remark.kind, "text": remark.text })).collect();
    let first = found.first_unreadable.as_ref();
    json!({
        "preset": log.preset,
        "log": log.source.log.name(),
        "vantage": log.source.vantage,
        "ties": log.ties,
        "layout": log.layout,
        "envelopes": log.envelopes,
        "files": files,
        "rows": found.rows(),
        "calls": found.calls,
        "not_calls": found.not_calls,
        "unreadable": found.unreadable,
        "first_unreadable": first.map(|one| json!({ "path": one.file, "line": one.line, "reason": one.why })),
        "first_at": found.span_us.map(|(first, _)| rfc3339(first)),
        "last_at": found.span_us.map(|(_, last)| rfc3339(last)),
        "statuses": statuses,
        "services": found.services,
        "regions": found.regions,
        "paths": found.templates,
        "failures": { "reached": found.failures.yes, "not_reached": found.failures.no, "unknown": found.failures.unknown },
        "not_logged": log.not_logged,
        "remarks": remarks,
    })
}
