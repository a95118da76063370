//! `uptime-ledger report`: draws the reports from the ledger alone, as they are or were.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use chrono::{DateTime, Utc};
use clap::Args;

use super::place::ReportsPlace;
use super::voice;
use super::voice::text::{self, EditionName};
use crate::error::{ExitCode, Trouble};
use crate::ledger::{Ledger, Lock, Obstacle};
use crate::pipeline;

#[derive(Args)]
pub struct Report {
    #[command(flatten)]
    place: ReportsPlace,
    /// An instant, or an edition such as 2026-11-18/2: the reports as the run left them that had published it
    #[arg(long, value_name = "WHEN", value_parser = when, requires = "into")]
    as_of: Option<When>,
    /// Folder to draw them into [default: the reports folder itself]
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

#[derive(Clone, Copy)]
enum When {
    Instant(DateTime<Utc>),
    Edition(EditionName),
}

fn when(text: &str) -> Result<When, String> {
    if let Ok(edition) = text::edition(text) {
        return Ok(When::Edition(edition));
    }
    text::instant(text).map(When::Instant).map_err(|_| {
        format!("`{text}` is neither an instant (2026-11-20T10:07Z) nor an edition (2026-11-18/2)")
    })
}

impl Report {
    pub fn run(self) -> Result<ExitCode> {
        let reports = self.place.reports()?;
        let into = self.into.as_ref().map_or_else(|| Ok(reports.clone()), std::path::absolute)?;
        if self.as_of.is_some() && into == reports {
            let text =
                "--into names the reports folder itself; what is shown there is never older than its ledger";
            return Err(Trouble::Usage(text.to_owned()).into());
        }
        let _lock = if into == reports { Some(Lock::acquire(&reports)?) } else { None };
        let mut ledger = self.place.ledger()?;
        if let Some(older) = ledger.older_journal()?.filter(|_| into == reports) {
            return Err(Obstacle::older_journal(&older).refusal(&reports).into());
        }
        if let Some(as_of) = self.as_of {
            let seq = line(&ledger, as_of)?;
            ledger = ledger.cut(seq);
        }
        let Some(settings) = ledger.record().settings.clone() else {
            return Err(Trouble::Usage("nothing had been published by then".to_owned()).into());
        };
        let (rendered, damaged) = pipeline::redraw(&ledger, &into, &settings, None, super::cores())?;
        writeln!(
            voice::stdout(),
            "{}: {} files written, {} as they were; {} days, as of entry {} of the ledger",
            into.display(),
            rendered.written.len(),
            rendered.unchanged,
            ledger.days().len(),
            ledger.head().0
        )?;
        for (day, why) in &damaged {
            writeln!(
                voice::stderr(),
                "attention[damaged-day]: {day} was not drawn; months and the days around it show the figures of it that were \
                 last noted: {why}"
            )?;
        }
        Ok(if damaged.is_empty() { ExitCode::Done } else { ExitCode::Attention })
    }
}

/// Finds the last line of the run that published an edition, or the last one by an instant.
///
/// Runs under the same clock count as one.
fn line(ledger: &Ledger, when: When) -> Result<u64, Trouble> {
    let at = match when {
        When::Instant(at) => at,
        When::Edition(EditionName { day, number }) => {
            let record = ledger.record().days.get(&day);
            let found = record.and_then(|r| r.editions.iter().find(|e| e.publication.edition == number));
            let known = record.map_or(0, |r| r.editions.len());
            found.map(|e| e.at).ok_or_else(|| {
                Trouble::Usage(format!("{day} has no edition {number}, only {known}; `history` lists them"))
            })?
        }
    };
    match ledger.line_at(at) {
        0 => Err(Trouble::Usage(
            "nothing had been published by then; `history` lists what was when".to_owned(),
        )),
        seq => Ok(seq),
    }
}
