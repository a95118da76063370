//! `uptime-ledger run`: the daily job.

use std::any::Any;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::{ArgGroup, Args, ValueEnum};

use super::engine::{self, EngineArgs};
use super::voice::progress::ProgressLine;
use super::voice::summary;
use super::{setup, voice};
use crate::clock::{Clock, ClockSource};
use crate::config::{Config, Log, LogPreset, Source, Vantage};
use crate::day::Day;
use crate::error::{Cancellation, ExitCode, Trouble};
use crate::intake::Meter;
use crate::intake::inspect::{Candidate, GlimpseLimits, LogLook, inspect};
use crate::ledger;
use crate::pipeline::{self, Asked, Job};
use crate::plain_file::SpooledInput;
use crate::report::Rendered;

/// Days that a run without config and without a day accounts at most.
const MOST_DAYS: usize = 31;

#[derive(Args)]
#[command(group(ArgGroup::new("logs").args(["requests", "webhooks"]).multiple(true)))]
pub struct RunArgs {
    /// Config file [default: uptime-ledger.toml]
    #[arg(long, value_name = "FILE", conflicts_with = "logs")]
    config: Option<PathBuf>,
    /// Request logs (files, folders, patterns, or - for standard input), for a run without config
    #[arg(long, value_name = "PATH", num_args = 1.., requires = "out")]
    requests: Vec<String>,
    /// How the request logs are written: canonical, combined, nginx-json, a built-in format (`formats` lists them) or
    /// the path of a format file [default: what they look like, else canonical]
    #[arg(long, value_name = "NAME", requires = "requests")]
    preset: Option<String>,
    /// Where the request logs were written [default: what the format proposes, else `first_layer`]
    #[arg(long, value_enum, requires = "requests")]
    vantage: Option<VantageName>,
    /// Webhook logs, for a run without config; - is standard input
    #[arg(long, value_name = "PATH", num_args = 1.., requires = "out")]
    webhooks: Vec<String>,
    /// How the webhook logs are written: canonical, whatsapp-webhook, or as for --preset
    #[arg(long, value_name = "NAME", requires = "webhooks")]
    webhook_preset: Option<String>,
    /// IANA zone of timestamps that carry none
    #[arg(long, requires = "logs", default_value = "UTC")]
    zone: Tz,
    /// The UTC day to account [default: yesterday; without config the days found in the logs, at most the last 31]
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
    #[command(flatten)]
    engine: EngineArgs,
    /// Say nothing but errors and what needs attention
    #[arg(long)]
    quiet: bool,
    /// Print one machine-readable summary instead of the table
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum VantageName {
    CallerEgress,
    EdgeIngress,
    FirstLayer,
}

/// What the command line and a look at the logs say, for a run without config.
struct FirstLook {
    config: Config,
    /// Days that the logs cover, if the command line names none.
    days: BTreeSet<Day>,
    /// What a person should know of what was chosen.
    told: Vec<String>,
}

impl RunArgs {
    pub fn run(self, cancellation: &Cancellation) -> Result<ExitCode> {
        let is_json = self.json;
        let result = self.account(cancellation);
        if let (true, Err(error)) = (is_json, &result) {
            let code = super::exit_code(error) as u8;
            let failure = serde_json::json!({ "exit_code": code, "error": format!("{error:#}") });
            voice::json(&failure, false)?;
        }
        result
    }

    fn account(self, cancellation: &Cancellation) -> Result<ExitCode> {
        let input = self.standard_input()?;
        let look = self.has_logs().then(|| self.first_look(input)).transpose()?;
        let (config, found, mut told) = match look {
            Some(look) => (look.config, look.days, look.told),
            None => (setup::config(self.config.as_deref())?, BTreeSet::new(), Vec::new()),
        };
        let mut job = self.job(config, cancellation)?;
        let clock = self.clock(&mut job)?;
        let asked = self.asked(clock.at, &found, &mut told)?;
        let is_silent = self.quiet || self.json;
        if !is_silent {
            told.iter().try_for_each(|line| writeln!(voice::stderr(), "{line}"))?;
        }
        let watch =
            |day, meter: &Arc<Meter>| Box::new(ProgressLine::show(day, meter, is_silent)) as Box<dyn Any>;
        cancellation.watch();
        let outcome = pipeline::run(&job, &asked, clock, &watch);
        if let Some(engine) = &job.engine {
            let has_failed = outcome.as_ref().map_or(true, |outcome| outcome.failure.is_some());
            engine::close(engine, has_failed, is_silent)?;
        }
        let outcome = outcome?;
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

    /// Copies standard input, if a path names it.
    fn standard_input(&self) -> Result<Option<SpooledInput>> {
        let is_one_day = self.date.is_some() || (self.from.is_some() && self.from == self.to);
        let folder = std::path::absolute(self.out.as_deref().unwrap_or(std::path::Path::new(".")))?;
        let paths = self.requests.iter().chain(&self.webhooks);
        Ok(setup::standard_input(paths, is_one_day, &folder)?)
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
    fn asked(&self, as_of: DateTime<Utc>, found: &BTreeSet<Day>, told: &mut Vec<String>) -> Result<Asked> {
        let today = Day::of(as_of);
        let (first, last) = match (self.date, self.from, self.to) {
            (Some(date), _, _) => (date, date),
            (_, Some(from), Some(to)) => (from, to),
            _ if found.is_empty() => return Ok(Asked::Due),
            _ => return over(found, today, told),
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

    const fn has_logs(&self) -> bool {
        !self.requests.is_empty() || !self.webhooks.is_empty()
    }

    fn job(&self, mut config: Config, cancellation: &Cancellation) -> Result<Job> {
        config.reports = match &self.out {
            Some(out) => std::path::absolute(out)?,
            None => config.path(&config.reports),
        };
        if let Some(memory) = self.memory {
            config.memory_bytes = memory;
        }
        let policy = setup::policy(&config)?;
        let override_file = setup::override_file(&config);
        let workers = self.threads.unwrap_or_else(super::cores);
        Ok(Job {
            engine: self.engine.engine(&config, workers)?,
            config,
            policy,
            override_file,
            workers,
            clock_source: if self.simulate { ClockSource::Given } else { ClockSource::Real },
            cancellation: cancellation.clone(),
        })
    }

    /// Makes a config from the command line, and from the logs what it does not say.
    fn first_look(&self, standard_input: Option<SpooledInput>) -> Result<FirstLook> {
        let mut look = FirstLook {
            config: Config { standard_input, ..Config::bare(std::path::Path::new("")) },
            days: BTreeSet::new(),
            told: Vec::new(),
        };
        for (name, log, paths, preset) in [
            ("requests", Log::Requests, &self.requests, &self.preset),
            ("webhooks", Log::Webhooks, &self.webhooks, &self.webhook_preset),
        ] {
            if paths.is_empty() {
                continue;
            }
            let named = preset.as_deref().map(|word| setup::preset(word, Some(log))).transpose()?;
            let candidate = self.look_at(name, log, paths, named, &mut look);
            let vantage = match (log, self.vantage) {
                (Log::Requests, Some(VantageName::CallerEgress)) => Vantage::CallerEgress,
                (Log::Requests, Some(VantageName::EdgeIngress)) => Vantage::EdgeIngress,
                (Log::Requests, Some(VantageName::FirstLayer)) => Vantage::FirstLayer,
                _ => candidate.source.vantage,
            };
            look.config.sources.push(Source {
                name: name.to_owned(),
                paths: paths.clone(),
                is_named_by_hand: true,
                vantage,
                zone: self.zone,
                neighbours: 0,
                ..candidate.source
            });
        }
        Ok(look)
    }

    /// Returns how logs are read, and notes the days that they cover.
    ///
    /// Paths that cannot be looked at are told by the run itself.
    fn look_at(
        &self,
        name: &str,
        log: Log,
        paths: &[String],
        named: Option<Candidate>,
        look: &mut FirstLook,
    ) -> Candidate {
        let needs_days = self.date.is_none() && self.from.is_none();
        let canonical = Candidate::of_preset(LogPreset::Canonical, log);
        if named.is_some() && !needs_days {
            return named.unwrap_or(canonical);
        }
        let (limits, now_us) = (GlimpseLimits::times(), i64::MAX);
        let asked = LogLook {
            paths,
            standard_input: look.config.standard_input.as_ref(),
            zone: self.zone,
            limits,
            preset: named.clone(),
            log: Some(log),
            now_us,
        };
        let Ok(inspected) = inspect(&asked) else { return named.unwrap_or(canonical) };
        if needs_days {
            look.days.extend(inspected.days());
        }
        let Some(found) = inspected.logs.first().filter(|_| named.is_none()) else {
            return named.unwrap_or(canonical);
        };
        let found_as = Candidate { name: found.preset.clone(), source: found.source.clone() };
        if found.preset != "canonical" {
            let option = if log == Log::Requests { "--preset" } else { "--webhook-preset" };
            let or = match found.ties.as_slice() {
                [] => String::new(),
                ties => format!(", as which {} would do as well", ties.join(", ")),
            };
            look.told.push(format!("{name}: read as `{}`{or}; {option} chooses another", found.preset));
        }
        for other in inspected.logs.iter().skip(1) {
            let first = other.files.first().map_or("", |file| file.path.as_str());
            let n = other.files.len();
            look.told.push(format!(
                "{name}: {n} of the files looked at, {first} first, are `{}`; give them a run or a source of their own",
                other.preset
            ));
        }
        found_as
    }
}

/// Returns the days of logs that are over, the last of them if there are many.
fn over(found: &BTreeSet<Day>, today: Day, told: &mut Vec<String>) -> Result<Asked> {
    let days: Vec<Day> = found.iter().copied().filter(|day| *day < today).collect();
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        let first = found.first().map(ToString::to_string).unwrap_or_default();
        return Err(Trouble::Usage(format!(
            "the logs begin on {first}, which is not over yet by the job's clock; run it tomorrow, or name logs of days that are over"
        ))
        .into());
    };
    if days.len() > MOST_DAYS {
        told.push(format!(
            "the logs cover {} days, {first} to {last}: the last {MOST_DAYS} are accounted; --from and --to choose others",
            days.len()
        ));
    } else if days.len() > 1 {
        told.push(format!(
            "days found in the logs: {first} to {last}; --date, or --from and --to, choose others"
        ));
    }
    Ok(Asked::Days(days[days.len().saturating_sub(MOST_DAYS)..].to_vec()))
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
        let sources = program.run.first_look(None).ok()?.config.sources;
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
            bare("--requests a --out o --preset nginx"),
            Some(vec![requests(LogPreset::Format, Vantage::EdgeIngress)])
        );
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
            "--requests a --out o --preset svix",
            "--requests a --out o --preset whatsapp-webhook",
        ] {
            assert_eq!(bare(args), None, "{args}");
        }
    }
}
