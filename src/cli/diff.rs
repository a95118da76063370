//! `uptime-ledger diff`: compares two editions, or the ledger with another policy; writes nothing.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::place::ReportsPlace;
use super::setup;
use super::voice;
use super::voice::text::{self, EditionName};
use crate::day::Day;
use crate::error::{ExitCode, Trouble};
use crate::policy::Policy;
use crate::queries::{self, Differences};
use crate::table::decimal;

#[derive(Args)]
pub struct Diff {
    #[command(flatten)]
    place: ReportsPlace,
    /// Two editions of a day, such as 2026-11-18/1 2026-11-18/2
    #[arg(value_name = "EDITION", num_args = 2, value_parser = text::edition, conflicts_with_all = ["policy", "catalogue"])]
    editions: Vec<EditionName>,
    /// What would change if this were the policy
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// What would change if this were the error catalogue
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,
    /// First day to look at [default: the first of the ledger]
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with = "editions")]
    from: Option<Day>,
    /// Last day to look at [default: the last of the ledger]
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with = "editions")]
    to: Option<Day>,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

/// Flips and accounts listed for people.
const SHOWN: usize = 40;

impl Diff {
    pub fn run(self) -> Result<ExitCode> {
        let ledger = self.place.ledger()?;
        let differences = match self.editions.as_slice() {
            [a, b] if a.day == b.day => queries::between(&ledger, a.day, [a.number, b.number])?,
            [a, b] => {
                let text =
                    format!("{} and {} are different days; name two editions of one day", a.day, b.day);
                return Err(Trouble::Usage(text).into());
            }
            _ if self.policy.is_none() && self.catalogue.is_none() => {
                let text =
                    "name two editions (2026-11-18/1 2026-11-18/2), or another --policy or --catalogue";
                return Err(Trouble::Usage(text.to_owned()).into());
            }
            _ => {
                let (from, to) = (self.from, self.to);
                let is_meant =
                    |day: &Day| from.is_none_or(|from| from <= *day) && to.is_none_or(|to| *day <= to);
                let days: Vec<Day> = ledger.days().into_iter().filter(is_meant).collect();
                let (policy, catalogue) = Policy::built_in_documents();
                let or_built_in = |path: &Option<PathBuf>, usual| match path {
                    Some(path) => setup::document(path),
                    None => Ok(usual),
                };
                let documents =
                    (or_built_in(&self.policy, policy)?, or_built_in(&self.catalogue, catalogue)?);
                let policy = Policy::read(&documents.0, &documents.1)?;
                let name = format!("policy {}", &policy.fingerprint()[..12]);
                queries::under(&ledger, &days, &policy, &name)?
            }
        };
        if self.json {
            voice::json(&differences, true)?;
        } else {
            print(&mut voice::stdout(), &differences)?;
        }
        Ok(ExitCode::Done)
    }
}

fn print(out: &mut impl Write, d: &Differences) -> io::Result<()> {
    if d.figures.is_empty() && d.flips.is_empty() && d.moved.is_empty() {
        return writeln!(out, "{} and {}: no difference", d.before, d.after);
    }
    writeln!(out, "{} -> {}\n", d.before, d.after)?;
    let mut table =
        text::table(&["Day", "Scope", "Definition", "Down", "Counted", "Good", "Bad", "Availability"]);
    let both = |pair: [i64; 2]| {
        if pair[0] == pair[1] { pair[0].to_string() } else { format!("{} -> {}", pair[0], pair[1]) }
    };
    for c in &d.figures {
        let percent =
            c.availability_micro_percent.map(|p| p.map_or("-".to_owned(), |p| format!("{} %", decimal(p))));
        table.add_row(vec![
            c.day.to_string(),
            format!("{} {}", c.scope_kind.name(), c.scope),
            c.definition.clone(),
            both(c.slots_down),
            both(c.slots_counted),
            both(c.events_good),
            both(c.events_bad),
            percent.join(" -> "),
        ]);
    }
    text::align(&mut table, 3);
    writeln!(out, "{table}")?;
    let more = |n: usize| {
        if n > SHOWN { format!("\n  ... and {} more (--json lists all)", n - SHOWN) } else { String::new() }
    };
    writeln!(out, "\nSlots that flip: {}", d.flips.len())?;
    for f in d.flips.iter().take(SHOWN) {
        writeln!(
            out,
            "  {} {} {}: {} -> {}",
            f.slot_start,
            f.scope_kind.name(),
            f.scope,
            f.state[0],
            f.state[1]
        )?;
    }
    write!(out, "{}", more(d.flips.len()))?;
    writeln!(out, "\nEvents by account and rule: {} differ", d.moved.len())?;
    for m in d.moved.iter().take(SHOWN) {
        let code = m.error_code.map(|code| format!(" code {code}")).unwrap_or_default();
        writeln!(out, "  {} {:+} {} by {}{code}", m.day, m.events, m.account, m.rule)?;
    }
    writeln!(out, "{}", more(d.moved.len()).trim_start_matches('\n'))
}
