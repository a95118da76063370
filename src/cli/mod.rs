//! The command line, one file per command: the only part that reads the run's clock and prints.

mod ack;
mod check;
mod diff;
mod engine;
mod explain;
mod formats;
mod head;
mod history;
mod init;
mod inspect;
mod overrides;
mod place;
mod repair;
mod report;
mod run;
pub mod sample;
mod setup;
mod signals;
mod verify;
mod voice;
mod worker;

use std::io::{IsTerminal, Write};

use clap::{Parser, Subcommand};
use miette::{GraphicalReportHandler, GraphicalTheme, NarratableReportHandler};

use crate::document::{Mistake, Mistakes};
use crate::error::{Cancellation, ExitCode, Trouble};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed; the day it stopped at is not published, or its reports could not be drawn
  2  usage or configuration error, nothing published
  3  done, also with nothing new to publish, and an attention stands open: something that needs a person, until it is
     acknowledged (`ack`), settled, or sealed away with its day";

/// Uptime and SLA accounting for a messaging API: every log row in exactly one account.
#[derive(Parser)]
#[command(name = "uptime-ledger", version, after_help = EXIT_CODES, max_term_width = 100)]
struct Cli {
    /// Log what happens to stderr (-v steps, -vv details)
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Account one day or several from the logs, and publish the reports
    Run(run::RunArgs),
    /// Say what logs are and what they say: format, times, statuses, what looks wrong
    Inspect(inspect::Inspect),
    /// Write a config for logs that runs at once, with the reasons as comments
    Init(init::Init),
    /// List the built-in log formats, or print one to begin your own from
    Formats(formats::Formats),
    /// Acknowledge what needs a person, or list what stands open
    Ack(ack::Ack),
    /// Find every mistake in config, formats, policy, catalogue and overrides; reads no log
    Check(check::Check),
    /// Say why a minute is red, or is not: the rules, the numbers, the log rows behind it
    Explain(explain::Explain),
    /// Print a checkpoint of the journal, by which a rewritten one is found
    Head(head::HeadArgs),
    /// List the editions of a day, and what changed with each
    History(history::History),
    /// Compare two editions, or see what another policy would change; writes nothing
    Diff(diff::Diff),
    /// Write a row for the override file
    Override(Box<overrides::OverrideArgs>),
    /// Draw the reports from the ledger alone, as they are or as they were
    Report(report::Report),
    /// Rebuild damaged files that follow from others, and name the rest
    Repair(repair::Repair),
    /// Work out every hash, balance and table of the ledger again, and name what is off
    Verify(verify::Verify),
    /// Run one task of a run on behalf of its engine
    #[command(hide = true)]
    Worker(worker::WorkerArgs),
    /// Write realistic sample logs, with a truth.json that says what the right answer is
    Sample(sample::Sample),
}

impl Command {
    /// True for the commands that write to a ledger or to reports.
    const fn keeps_books(&self) -> bool {
        matches!(
            self,
            Self::Run(_) | Self::Ack(_) | Self::Report(_) | Self::Repair(_) | Self::Head(_) | Self::Worker(_)
        )
    }
}

/// Keeps what the job writes from everybody but its own user and group: files 0640, folders 0750.
///
/// A copy for everybody is made by `[outputs] publish`. A umask that is narrower stays as it is.
fn narrow_umask() {
    use rustix::fs::Mode;
    use rustix::process::umask;

    let narrow = Mode::WGRP | Mode::RWXO;
    let before = umask(narrow);
    umask(before | narrow);
}

/// Runs the command line of the process, and returns its exit code.
pub fn main() -> u8 {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // Help and version are no errors; clap prints them to stdout.
            let code = if e.use_stderr() { ExitCode::Usage } else { ExitCode::Done };
            let code = match e.print() {
                Err(error) if code == ExitCode::Done => unheard(code, &error),
                _ => code,
            };
            return code as u8;
        }
    };
    log_to_stderr(cli.verbose);
    if cli.command.keeps_books() {
        narrow_umask();
    }
    let cancellation = Cancellation::default();
    if let Err(error) = signals::listen(&cancellation) {
        return show(&error) as u8;
    }
    let result = match cli.command {
        Command::Run(run) => run.run(&cancellation),
        Command::Inspect(inspect) => inspect.run(),
        Command::Init(init) => init.run(),
        Command::Formats(formats) => formats.run(),
        Command::Ack(ack) => ack.run(),
        Command::Check(check) => check.run(),
        Command::Explain(explain) => explain.run(),
        Command::Head(head) => head.run(),
        Command::History(history) => history.run(),
        Command::Diff(diff) => diff.run(),
        Command::Override(row) => row.run(),
        Command::Report(report) => report.run(),
        Command::Repair(repair) => repair.run(),
        Command::Verify(verify) => verify.run(),
        Command::Sample(sample) => sample.run().map(|()| ExitCode::Done),
        Command::Worker(worker) => return worker.run(&cancellation) as u8,
    };
    let code = result.unwrap_or_else(|error| show(&error));
    voice::unheard().map_or(code, |error| unheard(code, error)) as u8
}

/// Tells that standard output did not take everything, and returns the exit code that this leaves.
///
/// A reader that closed the pipe (`uptime-ledger diff ... | head`) wanted no more; a full disk is a
/// failure.
fn unheard(code: ExitCode, error: &std::io::Error) -> ExitCode {
    let is_closed = error.kind() == std::io::ErrorKind::BrokenPipe;
    let _ = if is_closed {
        writeln!(voice::stderr(), "note: standard output was closed before everything was written to it")
    } else {
        writeln!(
            voice::stderr(),
            "error: writing to standard output failed: {error}; all else was done as asked. Give it a place with room, and run \
             again: what is done is not done twice"
        )
    };
    match code {
        ExitCode::Done | ExitCode::Attention if !is_closed => ExitCode::Failed,
        code => code,
    }
}

fn log_to_stderr(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => tracing::Level::INFO,
        _ => tracing::Level::DEBUG,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(voice::log)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}

/// Shows an error on stderr, and returns the exit code of its kind.
fn show(error: &anyhow::Error) -> ExitCode {
    let mut out = voice::stderr();
    if let Some(mistakes) = error.downcast_ref::<Mistakes>() {
        // Excerpts are made safe where they are drawn, and the colours are ours.
        let _ = writeln!(out.0, "{}", render(&mistakes.0));
        let _ = writeln!(out.0, "error: {mistakes}; nothing was published");
        return exit_code(error);
    }
    let _ = writeln!(out, "error: {error:#}");
    exit_code(error)
}

fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.is::<Mistakes>() {
        return ExitCode::Usage;
    }
    error.downcast_ref::<Trouble>().map_or(ExitCode::Failed, Trouble::exit_code)
}

/// Renders mistakes with their excerpts: drawn on a terminal, in plain sentences elsewhere.
fn render(mistakes: &[Mistake]) -> String {
    let mut text = String::new();
    for mistake in mistakes {
        let drawn = if std::io::stderr().is_terminal() {
            GraphicalReportHandler::new()
                .with_theme(GraphicalTheme::unicode())
                .render_report(&mut text, mistake)
        } else {
            NarratableReportHandler::new().render_report(&mut text, mistake)
        };
        if drawn.is_err() {
            text.push_str(&mistake.to_string());
        }
        text.push('\n');
    }
    text
}

/// Returns the number of threads that the machine can run in parallel, 1 if unknown.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
