//! `uptime-ledger run`: the daily job.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::{ArgGroup, Args, ValueEnum};

use super::progress::Progress;
use super::{setup, summary};
use crate::config::{Config, Log, Preset, Source, TimeBasis};
use crate::day::Day;
use crate::error::{ExitCode, Trouble};
use crate::intake::{Meter, Notes, Vantage};
use crate::ledger::Published;
use crate::pipeline::{self, Accounted, Attention, Desk, Read};

#[derive(Args)]
#[command(group(ArgGroup::new("logs").args(["requests", "webhooks"]).multiple(true)))]
pub struct Run {
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
    /// Reports folder, instead of the config's
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What intake may hold in memory before it spills to disk, such as 256MiB, instead of the config's
    #[arg(long, value_name = "SIZE", value_parser = crate::config::memory)]
    memory: Option<u64>,
    /// Threads that read logs [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=256))]
    threads: Option<usize>,
    /// Publish a day again although logs of its standing edition are gone
    #[arg(long)]
    accept_missing_logs: bool,
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

fn log(Published { edition, is_new, .. }: &Published) {
    tracing::info!(day = %edition.day, edition = edition.number, is_new, "published");
}

impl Run {
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
        let as_of = self.as_of.unwrap_or_else(Utc::now);
        let days = self.days(as_of)?;
        let desk = self.desk()?;
        let (_lock, ledger) = pipeline::open(&desk.config.reports)?;

        let mut read: Vec<Read> = Vec::new();
        let mut failure = None;
        for day in &days {
            tracing::info!(%day, "reading");
            let meter = Arc::new(Meter::default());
            let progress = Progress::show(*day, &meter, self.quiet || self.json);
            let result = pipeline::read(&desk, &ledger, *day, &meter);
            drop(progress);
            match result {
                Ok(done) => read.push(done),
                Err(error) => {
                    failure = Some(anyhow::Error::from(error).context(format!("reading {day}")));
                    break;
                }
            }
        }
        // All are read before any is published: a day may settle an earlier one.
        let settled = pipeline::settled_by(&desk, &ledger, &read)?;
        let (mut accounted, mut restated): (Vec<Accounted>, Vec<Accounted>) = (Vec::new(), Vec::new());
        let mut done: BTreeSet<Day> = BTreeSet::new();
        for Read { day, notes } in read {
            match pipeline::account(&desk, &ledger, day, &settled.daybooks, notes, as_of) {
                Ok(day) => {
                    log(&day.published);
                    done.insert(day.published.edition.day);
                    accounted.push(day);
                }
                Err(error) => {
                    failure = Some(error.context(format!("accounting {day}")));
                    break;
                }
            }
        }
        // Days before a failure are published: their reports must say so.
        if accounted.is_empty()
            && let Some(error) = failure
        {
            return Err(error);
        }
        let mut attention = settled.attention;
        for day in settled.others {
            match pipeline::account(&desk, &ledger, day, &settled.daybooks, Notes::default(), as_of) {
                Ok(other) => {
                    log(&other.published);
                    done.insert(day);
                    restated.extend(other.published.is_new.then_some(other));
                }
                // The days that were asked for stand; this one can be tried again.
                Err(error) => attention.push(Attention {
                    day,
                    kind: "not-settled",
                    message: format!("what later webhook logs tell of it could not be booked: {error:#}"),
                }),
            }
        }
        let done: Vec<Day> = done.into_iter().collect();
        let (figures, rendered) = pipeline::redraw(&desk, &ledger, &done).context(
            "the ledger is up to date, but the reports could not be drawn; mend what is named here and run the same days again",
        )?;
        tracing::info!(written = rendered.written.len(), unchanged = rendered.unchanged, "rendered");

        attention.extend(accounted.iter().flat_map(|a| a.attention.clone()));
        // Of other days what is new is worth a word: what can be judged of them was told when they were run.
        let of_others = restated.iter().flat_map(|a| &a.attention).filter(|a| a.kind == "suspense");
        attention.extend(of_others.cloned());
        let code = if attention.is_empty() { ExitCode::Done } else { ExitCode::Attention };
        let summary = summary::Summary {
            accounted: &accounted,
            restated: &restated,
            attention: &attention,
            figures: &figures,
            desk: &desk,
            code,
        };
        if self.json {
            summary.print_json()?;
        } else {
            summary.print(self.quiet)?;
        }
        match failure {
            Some(error) => {
                Err(error.context(format!("{} of {} days are published", accounted.len(), days.len())))
            }
            None => Ok(code),
        }
    }

    /// The days to account, all of them over by the job's clock.
    fn days(&self, as_of: DateTime<Utc>) -> Result<Vec<Day>> {
        let today = Day::of(as_of);
        let (first, last) = match (self.date, self.from, self.to) {
            (Some(date), _, _) => (date, date),
            (_, Some(from), Some(to)) => (from, to),
            _ => (today.plus(-1), today.plus(-1)),
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
        Ok(first.through(last).collect())
    }

    fn desk(&self) -> Result<Desk> {
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
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Desk {
            config,
            policy,
            workers: self.threads.unwrap_or(cores),
            may_lose_logs: self.accept_missing_logs,
        })
    }

    /// A config out of the command line alone.
    fn bare(&self) -> Config {
        let preset = match self.preset {
            PresetName::Canonical => Preset::Canonical,
            PresetName::Combined => Preset::Combined,
            PresetName::NginxJson => Preset::NginxJson,
        };
        let requests = Source {
            preset,
            vantage: match self.vantage {
                VantageName::CallerEgress => Vantage::CallerEgress,
                VantageName::EdgeIngress => Vantage::EdgeIngress,
                VantageName::FirstLayer => Vantage::FirstLayer,
            },
            time_basis: if preset == Preset::NginxJson { TimeBasis::End } else { TimeBasis::Start },
            ..self.source("requests", Log::Requests, &self.requests)
        };
        let webhooks = Source {
            preset: match self.webhook_preset {
                WebhookPresetName::Canonical => Preset::Canonical,
                WebhookPresetName::WhatsappWebhook => Preset::WhatsappWebhook,
            },
            vantage: Vantage::WebhookEgress,
            ..self.source("webhooks", Log::Webhooks, &self.webhooks)
        };
        let sources = [requests, webhooks].into_iter().filter(|source| !source.paths.is_empty()).collect();
        Config { sources, ..Config::bare(std::path::Path::new("")) }
    }

    fn source(&self, name: &str, log: Log, paths: &[String]) -> Source {
        Source {
            name: name.into(),
            log,
            paths: paths.to_vec(),
            is_named_by_hand: true,
            preset: Preset::Canonical,
            vantage: Vantage::FirstLayer,
            time_basis: TimeBasis::Start,
            zone: self.zone,
            neighbours: 0,
            has_header: true,
            delimiter: b',',
            columns: Vec::new(),
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
        run: Run,
    }

    fn bare(args: &str) -> Option<Vec<(String, Log, Preset, Vantage)>> {
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
            Some(vec![requests(Preset::Combined, Vantage::EdgeIngress)])
        );
        assert_eq!(bare("--webhooks a b --out o"), Some(vec![webhooks(Preset::Canonical)]));
        assert_eq!(
            bare("--webhooks a --webhook-preset whatsapp-webhook --requests b --out o --zone Europe/Berlin"),
            Some(vec![requests(Preset::Canonical, Vantage::FirstLayer), webhooks(Preset::WhatsappWebhook)])
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
