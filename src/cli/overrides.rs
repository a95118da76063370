//! `uptime-ledger override new`: writes an override row, so that nobody types ids and instants.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Result;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};

use super::place::ReportsPlace;
use super::voice::{self, text};
use crate::day::{Day, rfc3339};
use crate::error::{ExitCode, Trouble};
use crate::ledger::Extent;
use crate::overrides::{COLUMNS, Code, Override, selects};
use crate::policy::{Account, Direction};
use crate::queries::{self, Question};

#[derive(Args)]
pub struct OverrideArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a row from what `explain` shows
    New(New),
}

#[derive(Args)]
struct New {
    #[command(flatten)]
    place: ReportsPlace,
    /// An instant in the outage: the row spans the run of down slots that holds it, or else its slot
    #[arg(long, value_name = "INSTANT", value_parser = text::instant)]
    at: DateTime<Utc>,
    /// End of the span, instead of the end of the run; then it begins with the slot of --at
    #[arg(long, value_name = "INSTANT", value_parser = text::instant)]
    until: Option<DateTime<Utc>>,
    #[arg(long, value_enum)]
    direction: DirectionName,
    /// A reason of the policy
    #[arg(long, value_name = "ID")]
    reason: String,
    /// Service [default: any]
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Region [default: any]
    #[arg(long, value_name = "NAME")]
    region: Option<String>,
    /// Caller, as `explain` names it (c-...) or by its id [default: any]
    #[arg(long, value_name = "ID")]
    caller: Option<String>,
    /// Error code, or `none` [default: any]
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// Account, or a group such as `user:*` [default: any that the direction can move]
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    #[arg(long)]
    ticket: String,
    #[arg(long)]
    author: String,
    #[arg(long)]
    approver: String,
    #[arg(long, default_value = "")]
    note: String,
    /// Name of the row [default: its start and reason]
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Add it to this file, instead of printing it
    #[arg(long, value_name = "FILE")]
    append: Option<PathBuf>,
    /// When it is written [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = text::instant)]
    created_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum DirectionName {
    ToUptime,
    ToDowntime,
}

impl OverrideArgs {
    pub fn run(self) -> Result<ExitCode> {
        let Command::New(new) = self.command;
        let append = new.append.clone();
        let line = new.row()?.to_csv();
        let header = COLUMNS.join(",");
        let Some(path) = append else {
            // On a terminal for people; in a file for the job.
            if std::io::stdout().is_terminal() {
                writeln!(voice::stdout(), "{header}\n{line}")?;
            } else {
                writeln!(voice::data(), "{header}\n{line}")?;
            }
            return Ok(ExitCode::Done);
        };
        let trouble = |e| Trouble::io(&path, "adding a row", e);
        let before = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => format!("{header}\n"),
            Err(e) => return Err(trouble(e).into()),
        };
        let end = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
        std::fs::write(&path, format!("{before}{end}{line}\n")).map_err(trouble)?;
        writeln!(voice::stdout(), "{}: added {line}", path.display())?;
        Ok(ExitCode::Done)
    }
}

impl New {
    fn row(self) -> Result<Override> {
        let wrong = |text: String| Err(Trouble::Usage(text).into());
        let ledger = self.place.ledger()?;
        let question = Question { at: self.at, scope: self.service.clone(), region: self.region.clone() };
        let answer = queries::explain(&ledger, &question)?;
        let day = Day::of(self.at);
        let edition = ledger.read(day, Extent::Slots)?;
        let policy = ledger.policy(&edition.policy)?;
        let direction = match self.direction {
            DirectionName::ToUptime => Direction::ToUptime,
            DirectionName::ToDowntime => Direction::ToDowntime,
        };
        let fitting = policy.reasons().iter().filter(|reason| reason.direction == direction);
        let Some(reason) = fitting.clone().find(|reason| reason.id == self.reason) else {
            let valid: Vec<&str> = fitting.map(|reason| reason.id.as_str()).collect();
            return wrong(format!(
                "`{}` is no reason to go {}; valid: {}",
                self.reason,
                direction.name(),
                valid.join(", ")
            ));
        };
        if let Some(account) =
            self.account.as_deref().filter(|a| !Account::ALL.iter().any(|known| selects(a, *known)))
        {
            return wrong(format!(
                "`{account}` is neither an account nor the beginning of some, such as `user:*`"
            ));
        }
        let code: Option<Code> = match self.code.map(Code::try_from).transpose() {
            Ok(code) => code,
            Err(why) => return wrong(format!("--code: {why}")),
        };
        if direction == Direction::ToDowntime && code.is_none() && self.account.is_none() {
            return wrong(
                "to_downtime needs --code or --account: which failures were the platform's?".to_owned(),
            );
        }
        let run = answer.run.as_ref().filter(|_| self.until.is_none());
        let start = run.map_or(&answer.slot_start, |run| &run.start);
        let end = run.map_or(&answer.slot_end, |run| &run.end);
        let us = |text: &str| text.parse::<DateTime<Utc>>().map(|at| at.timestamp_micros());
        let until = self.until.map(|at| at.timestamp_micros());
        let (start_us, end_us) = (us(start)?, until.map_or_else(|| us(end), Ok)?);
        if end_us <= start_us {
            return wrong(format!("--until does not lie after {}", rfc3339(start_us)));
        }
        Ok(Override {
            id: self
                .id
                .unwrap_or_else(|| format!("{}-{}", rfc3339(start_us).replace([':', 'Z'], ""), reason.id)),
            direction,
            start_us,
            end_us,
            service: self.service,
            region: self.region,
            business_id: self.caller,
            error_code: code,
            account: self.account,
            reason: reason.id.clone(),
            to: reason.to.name().to_owned(),
            ticket: self.ticket,
            author: self.author,
            approver: self.approver,
            created_at_us: self.created_at.unwrap_or_else(Utc::now).timestamp_micros() / 1_000_000
                * 1_000_000,
            note: self.note,
            also_business_id: Vec::new(),
        })
    }
}
