//! `uptime-ledger run`: the daily job.

use std::any::Any;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::{ArgGroup, Args, ValueEnum};

use super::progress::ProgressLine;
use super::{setup, summary};
use crate::clock::{Clock, ClockSource};
use crate::config::{Config, Log, LogPreset, Source, TimeBasis, Vantage};
use crate::day::Day;
use crate::error::{ExitCode, Trouble};
use crate::intake::Meter;
use crate::ledger;
use crate::pipeline::{self, Asked, Job};
use crate::report::Rendered;

#[derive(Args)]
#[command(group(ArgGroup::new("logs").args(["requests", "webhooks"]).multiple(true)))]
pub struct RunArgs {
    /// Config file [default: uptime-ledger.toml]
    #[arg(long, value_name = "FILE", conflicts_with = "logs")]
    config: Option<PathBuf>,
    /// Request logs (files, folders, patterns), for a run without config
    #[arg(long, value_name = "PATH", num_args = 1.., requires = "out")]
    requests: Vec<String>,
    /// How the request logs are written
    #[arg(long, value_enum, requires = "requests", default_value = "canonical")]
    preset: PresetName,
    /// Where the request logs were written
    #[arg(long, value_enum, requires = "requests", default_value = "first_layer")]
    vantage: VantageName,
    /// Webhook logs, for a run without config
    #[arg(long, value_name = "PATH", num_args = 1.., requires = "out")]
    webhooks: Vec<String>,
    /// How the webhook logs are written
    #[arg(long, value_enum, requires = "webhooks", default_value = "canonical")]
    webhook_preset: WebhookPresetName,
    /// IANA zone of timestamps that carry none
    #[arg(long, requires = "logs", default_value = "UTC")]
    zone: Tz,
    /// The UTC day to account [default: yesterday]
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with_all = ["from", "to"])]
    date: Option<Day>,
    /// First day of several
    #[arg(long, value_name = "YYYY-MM-DD", requires = "to")]
    from: Option<Day>,
    /// Last day of several
    #[arg(long, value_name = "YYYY-MM-DD", requires = "from")]
    to: Option<Day>,
    /// The job's clock; a past run can be repeated with the clock of that time [default: now]
    #[arg(long, value_name = "INSTANT")]
    as_of: Option<DateTime<Utc>>,
    /// Take --as-of for the wall clock too; only for a new ledger, which says so on every page and never becomes a real one
    #[arg(long, requires = "as_of")]
    simulate: bool,
    /// Reports folder, instead of the config's
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What intake may hold in memory before it spills to disk, such as 256MiB, instead of the config's
    #[arg(long, value_name = "SIZE", value_parser = crate::config::memory)]
    memory: Option<u64>,
    /// Threads that read logs [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=256))]
    threads: Option<usize>,
    /// Say nothing but errors and what needs attention
    #[arg(long)]
    quiet: bool,
    /// Print one machine-readable summary instead of the table
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "kebab-case")]
enum PresetName {
    Canonical,
    Combined,
    NginxJson,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "kebab-case")]
enum WebhookPresetName {
    Canonical,
    WhatsappWebhook,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum VantageName {
    CallerEgress,
    EdgeIngress,
    FirstLayer,
}

impl RunArgs {
    pub fn run(self) -> Result<ExitCode> {
        let is_json = self.json;
        let result = self.account();
        if let (true, Err(error)) = (is_json, &result) {
            let code = super::exit_code(error) as u8;
            let failure = serde_json::json!({ "exit_code": code, "error": format!("{error:#}") });
            writeln!(std::io::stdout(), "{failure}")?;
        }
        result
    }

    fn account(self) -> Result<ExitCode> {
        let mut job = self.job()?;
        let clock = self.clock(&mut job)?;
        let asked = self.asked(clock.at)?;
        let is_silent = self.quiet || self.json;
        let watch =
            |day, meter: &Arc<Meter>| Box::new(ProgressLine::show(day, meter, is_silent)) as Box<dyn Any>;
        let outcome = pipeline::run(&job, &asked, clock, &watch)?;
        let Rendered { written, unchanged } = &outcome.rendered;
        tracing::info!(written = written.len(), unchanged, "rendered");

        let code = if outcome.attention.is_empty() { ExitCode::Done } else { ExitCode::Attention };
        let summary = summary::SummaryText { outcome: &outcome, job: &job, code };
        if self.json {
            summary.print_json()?;
        } else {
            summary.print(self.quiet)?;
        }
        match outcome.failure {
            Some(error) => Err(error.context(format!(
                "{} of {} days are published",
                outcome.accounted.len(),
                outcome.days
            ))),
            None => Ok(code),
        }
    }

    /// Returns the clock of this run: the machine's, or `--as-of` if the ledger is a simulation.
    fn clock(&self, job: &mut Job) -> Result<Clock> {
        let source = ledger::clock_source(&job.config.reports);
        let is_simulated = self.simulate || source == Some(ClockSource::Given);
        job.clock_source = if is_simulated { ClockSource::Given } else { ClockSource::Real };
        match self.as_of {
            Some(at) if is_simulated => Ok(Clock::given(at)),
            Some(at) => Ok(Clock { at, wall: Utc::now() }),
            None if is_simulated => Err(Trouble::Usage(format!(
                "{}: the clock of this ledger is given (it was begun with --simulate); say what time it is with --as-of",
                job.config.reports.display()
            ))
            .into()),
            None => Ok(Clock::given(Utc::now())),
        }
    }

    /// Returns the days to account, and refuses days that are not over by the job's clock.
    fn asked(&self, as_of: DateTime<Utc>) -> Result<Asked> {
        let today = Day::of(as_of);
        let (first, last) = match (self.date, self.from, self.to) {
            (Some(date), _, _) => (date, date),
            (_, Some(from), Some(to)) => (from, to),
            _ => return Ok(Asked::Due),
        };
        if last < first {
            return Err(Trouble::Usage(format!("--from {first} lies after --to {last}; swap them")).into());
        }
        if last >= today {
            return Err(Trouble::Usage(format!(
                "{last} is not over yet by the job's clock ({}); the last day that can be accounted is {}",
                as_of.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
                today.plus(-1)
            ))
            .into());
        }
        Ok(Asked::Days(first.through(last).collect()))
    }

    fn job(&self) -> Result<Job> {
        let mut config = if self.requests.is_empty() && self.webhooks.is_empty() {
            setup::config(self.config.as_deref())?
        } else {
            self.bare()
        };
        config.reports = match &self.out {
            Some(out) => std::path::absolute(out)?,
            None => config.path(&config.reports),
        };
        if let Some(memory) = self.memory {
            config.memory_bytes = memory;
        }
        let policy = setup::policy(&config)?;
        let override_file = setup::override_file(&config);
        Ok(Job {
            config,
            policy,
            override_file,
            workers: self.threads.unwrap_or_else(super::cores),
            clock_source: if self.simulate { ClockSource::Given } else { ClockSource::Real },
        })
    }

    /// Makes a config from the command line alone.
    fn bare(&self) -> Config {
        let preset = match self.preset {
            PresetName::Canonical => LogPreset::Canonical,
            PresetName::Combined => LogPreset::Combined,
            PresetName::NginxJson => LogPreset::NginxJson,
        };
        let requests = Source {
            preset,
            vantage: match self.vantage {
                VantageName::CallerEgress => Vantage::CallerEgress,
                VantageName::EdgeIngress => Vantage::EdgeIngress,
                VantageName::FirstLayer => Vantage::FirstLayer,
            },
            time_basis: if preset == LogPreset::NginxJson { TimeBasis::End } else { TimeBasis::Start },
            ..self.source("requests", Log::Requests, &self.requests)
        };
        let webhooks = Source {
            preset: match self.webhook_preset {
                WebhookPresetName::Canonical => LogPreset::Canonical,
                WebhookPresetName::WhatsappWebhook => LogPreset::WhatsappWebhook,
            },
            ..self.source("webhooks", Log::Webhooks, &self.webhooks)
        };
        let sources = [requests, webhooks].into_iter().filter(|source| !source.paths.is_empty()).collect();
        Config { sources, ..Config::bare(std::path::Path::new("")) }
    }

    fn source(&self, name: &str, log: Log, paths: &[String]) -> Source {
        Source {
            paths: paths.to_vec(),
            is_named_by_hand: true,
            zone: self.zone,
            neighbours: 0,
            ..Source::bare(name, log)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        run: RunArgs,
    }

    fn bare(args: &str) -> Option<Vec<(String, Log, LogPreset, Vantage)>> {
        let program = Program::try_parse_from(format!("run {args}").split(' ')).ok()?;
        let sources = program.run.bare().sources;
        Some(sources.into_iter().map(|s| (s.name, s.log, s.preset, s.vantage)).collect())
    }

    #[test]
    fn logs_of_either_sort_make_a_config() {
        let requests = |preset, vantage| ("requests".to_owned(), Log::Requests, preset, vantage);
        let webhooks = |preset| ("webhooks".to_owned(), Log::Webhooks, preset, Vantage::WebhookEgress);
        assert_eq!(
            bare("--requests a b --out o --preset combined --vantage edge_ingress"),
            Some(vec![requests(LogPreset::Combined, Vantage::EdgeIngress)])
        );
        assert_eq!(bare("--webhooks a b --out o"), Some(vec![webhooks(LogPreset::Canonical)]));
        assert_eq!(
            bare("--webhooks a --webhook-preset whatsapp-webhook --requests b --out o --zone Europe/Berlin"),
            Some(vec![
                requests(LogPreset::Canonical, Vantage::FirstLayer),
                webhooks(LogPreset::WhatsappWebhook)
            ])
        );
    }

    #[test]
    fn options_of_logs_that_are_not_there_are_refused() {
        for args in [
            "--webhooks a",
            "--webhooks a --out o --config c",
            "--webhooks a --out o --preset combined",
            "--requests a --out o --webhook-preset canonical",
            "--zone UTC",
        ] {
            assert_eq!(bare(args), None, "{args}");
        }
    }
}
