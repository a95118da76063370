//! `uptime-ledger ack`: acknowledges an attention, or lists those that stand open.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Result;
use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::json;

use super::place::ReportsPlace;
use super::{setup, voice};
use crate::attention::{Closing, Standing};
use crate::clock::Clock;
use crate::day::Day;
use crate::error::{ExitCode, Trouble};
use crate::ledger::{self, Ledger, Resumption};
use crate::pipeline::{self, Word};

#[derive(Args)]
pub struct Ack {
    #[command(flatten)]
    place: ReportsPlace,
    /// The attention, as `run` prints its key [default: list all that stand open]
    #[arg(value_name = "KEY", requires = "author", requires = "reason")]
    key: Option<String>,
    /// Who acknowledges it
    #[arg(long, value_name = "NAME", requires = "key")]
    author: Option<String>,
    /// Why it needs nobody any more
    #[arg(long, value_name = "TEXT", requires = "key")]
    reason: Option<String>,
    /// Last day on which a notice is acknowledged [default: 90 days from now]
    #[arg(long, value_name = "YYYY-MM-DD", requires = "key", conflicts_with = "approver")]
    until: Option<Day>,
    /// The second person of a decision
    #[arg(long, value_name = "NAME", requires = "key")]
    approver: Option<String>,
    /// The clock of a simulated ledger
    #[arg(long, value_name = "INSTANT")]
    as_of: Option<DateTime<Utc>>,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

impl Ack {
    pub fn run(self) -> Result<ExitCode> {
        let reports = self.place.reports()?;
        let (clock, source) = setup::clock(ledger::clock_source(&reports), self.as_of)?;
        let (Some(key), Some(author), Some(reason)) =
            (self.key.clone(), self.author.clone(), self.reason.clone())
        else {
            return self.list(&self.place.ledger()?, clock);
        };
        let word = Word { key, author, approver: self.approver.clone(), reason, until: self.until };
        let said = pipeline::acknowledge(&reports, word, clock, source, super::cores())?;
        if self.json {
            voice::json(&said, false)?;
        } else {
            let until = said.until.map_or_else(|| "for good".to_owned(), |until| format!("until {until}"));
            writeln!(voice::stdout(), "{} is acknowledged {until}", said.key)?;
            let ledger = Ledger::open(&reports)?;
            if let Some((_, resumed)) = ledger.record().resumed.last().filter(|(_, it)| it.said == said) {
                writeln!(voice::stdout(), "{}", went_on(resumed))?;
            }
        }
        Ok(ExitCode::Done)
    }

    /// Lists what stands open; the exit code is that of a run that publishes nothing.
    fn list(&self, ledger: &Ledger, clock: Clock) -> Result<ExitCode> {
        if let Some(obstacle) = ledger.obstacle(clock)? {
            return Err(Trouble::Refused(obstacle.to_string()).into());
        }
        let today = Day::of(ledger.steady(clock).wall);
        let standing = ledger.record().standing(today);
        if self.json {
            let lines: Vec<_> = standing.iter().map(line).collect();
            voice::json(&lines, true)?;
        } else if standing.is_empty() {
            writeln!(voice::stdout(), "Nothing stands open.")?;
        } else {
            for one in &standing {
                writeln!(voice::stdout(), "{}\n  since {}: {}", one.key, Day::of(one.since), ways_out(one))?;
            }
        }
        Ok(if standing.is_empty() { ExitCode::Done } else { ExitCode::Attention })
    }
}

/// Returns what became of the days that the given up lines told of.
fn went_on(resumed: &Resumption) -> String {
    let Resumption { from, given_up, open, taken_back, reopened, .. } = resumed;
    let listed = |days: Vec<Day>| match days.as_slice() {
        [] => "none".to_owned(),
        days => days.iter().map(Day::to_string).collect::<Vec<_>>().join(", "),
    };
    format!(
        "The ledger goes on from line {}; {} is given up.\n  stay sealed: {}\n  reopened: {}\n  are published anew: {}",
        from.seq,
        given_up
            .as_ref()
            .map_or_else(|| "what came after it".to_owned(), |line| format!("line {}", line.seq)),
        listed(taken_back.iter().map(|back| back.day).collect()),
        listed(reopened.clone()),
        listed(open.clone())
    )
}

/// Returns what a program is told of an attention.
pub fn line(standing: &Standing) -> serde_json::Value {
    let Standing { key, since, measure, days, attention, is_new, .. } = standing;
    json!({
        "key": key,
        "kind": attention.kind.name(),
        "day": attention.day.to_string(),
        "since": Day::of(*since).to_string(),
        "days": days,
        "measure": measure,
        "is_new": is_new,
        "is_decision": attention.kind.closing() == Closing::Decision,
        "message": attention.message,
    })
}

/// Returns one line for all attentions that an earlier run has told.
pub fn stood_before(standing: &[Standing]) -> Option<String> {
    let before: Vec<&Standing> = standing.iter().filter(|standing| !standing.is_new).collect();
    let since = before.iter().map(|standing| standing.since).min()?;
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for standing in &before {
        *kinds.entry(standing.attention.kind.name()).or_default() += 1;
    }
    let shown = |(kind, n): (&str, usize)| if n == 1 { kind.to_owned() } else { format!("{n} {kind}") };
    let kinds: Vec<String> = kinds.into_iter().map(shown).collect();
    let (n, verb) = (before.len(), if before.len() == 1 { "stands" } else { "stand" });
    Some(format!(
        "attention: {n} {verb} since {} ({}); `uptime-ledger ack` lists what stands open, and acknowledges it",
        Day::of(since),
        kinds.join(", ")
    ))
}

/// Returns the message of an attention, with the command that acknowledges it.
fn ways_out(standing: &Standing) -> String {
    let person = match standing.attention.kind.closing() {
        Closing::Notice => "--author NAME --reason TEXT [--until YYYY-MM-DD]",
        Closing::Decision => "--author NAME --approver NAME --reason TEXT",
    };
    format!("{}\n  uptime-ledger ack '{}' {person}", standing.attention.message, standing.key)
}
