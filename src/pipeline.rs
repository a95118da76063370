//! The whole journey of a day, on one screen.

use std::fmt;
use std::path::Path;

use anyhow::Context;
use chrono::{DateTime, Utc};

use crate::config::Config;
use crate::day::{Day, SlotLength, rfc3339};
use crate::error::Trouble;
use crate::intake::{self, FileBalance, Gap, Intake, Meter};
use crate::ledger::{Edition, Ledger, Lock, Published, check_balance};
use crate::measure::{self, Figures};
use crate::policy::{Group, Policy};
use crate::report;
use crate::slots::{ALL_REGIONS, ScopeKind, Slots, State};

/// What a run works with beside the logs and the clock.
pub struct Desk {
    pub config: Config,
    pub policy: Policy,
    /// Threads that read logs.
    pub workers: usize,
    /// Whether an edition may be replaced by one for which some of its logs are no longer there.
    pub may_lose_logs: bool,
}

/// A day after its run.
pub struct Accounted {
    pub published: Published,
    pub spilled_bytes: u64,
    /// Why a person should look (exit code 3).
    pub attention: Vec<Attention>,
}

/// One reason for a person to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attention {
    pub day: Day,
    /// Short and stable, for programs: `suspense`, `unreadable-file`, ...
    pub kind: &'static str,
    pub message: String,
}

/// Accounts one day: from its logs to its edition in the ledger. The caller holds the lock.
///
/// # Errors
/// [`Trouble`]; nothing is published then.
pub fn account(
    desk: &Desk,
    ledger: &Ledger,
    day: Day,
    as_of: DateTime<Utc>,
    meter: &Meter,
) -> anyhow::Result<Accounted> {
    let config = &desk.config;
    let intake = intake::facts(config, day, desk.workers, &config.reports, meter)?;
    let gaps = intake::gaps(&intake.facts, &config.sources);
    let Intake { facts, receipt } = intake;
    let (spilled_bytes, unseen) = (receipt.spilled_bytes, receipt.unseen_columns.clone());

    let postings = desk.policy.classify(facts).context("classifying the facts")?;
    let slots = Slots::count(&postings, &gaps, config).context("counting the slots")?;
    check_balance(&receipt.files, &postings, &slots)?;

    let fingerprint = desk.policy.fingerprint();
    let draft = Edition::draft(&postings, slots, receipt, config, &fingerprint, as_of)
        .context("drafting the edition")?;
    let mut attention = attention(&draft, &gaps, config);
    attention.extend(unseen.into_iter().map(|(source, name)| Attention {
        day,
        kind: "unseen-column",
        message: format!(
            "source {source}: no row has `{name}`, which [source.columns] names; is it misspelt?"
        ),
    }));
    if !desk.may_lose_logs {
        keep_logs(ledger, &draft)?;
    }
    let published = ledger.publish(draft)?;
    Ok(Accounted { published, spilled_bytes, attention })
}

/// Measures the whole ledger and draws the reports of the days given.
///
/// # Errors
/// The ledger cannot be read or the reports cannot be written.
pub fn redraw(desk: &Desk, ledger: &Ledger, days: &[Day]) -> anyhow::Result<(Figures, report::Rendered)> {
    let editions = ledger.editions()?;
    let figures = measure::draw(&editions, &desk.config);
    let changed: Vec<Edition> = editions.into_iter().filter(|e| days.contains(&e.day)).collect();
    let rendered = report::render(&desk.config.reports, &figures, &changed)?;
    Ok((figures, rendered))
}

/// Opens the ledger of a reports folder for writing, alone.
///
/// # Errors
/// The folder cannot be made or written to, or another run holds it.
pub fn open(reports: &Path) -> Result<(Lock, Ledger), Trouble> {
    let lock = Lock::acquire(reports)?;
    Ok((lock, Ledger::open(reports)?))
}

/// A day whose logs have been rotated away must not be run again by accident: what was published would be lost.
fn keep_logs(ledger: &Ledger, draft: &Edition) -> Result<(), Trouble> {
    if !ledger.days()?.contains(&draft.day) {
        return Ok(());
    }
    let standing = ledger.read(draft.day)?;
    let is_there = |path: &str| draft.intake.iter().any(|f| f.path == path && f.failure.is_none());
    let gone: Vec<String> = standing
        .intake
        .iter()
        .filter(|f| f.accepted > 0 && !is_there(&f.path))
        .map(|f| f.path.clone())
        .collect();
    let accepted = |edition: &Edition| edition.intake.iter().map(|f| f.accepted).sum::<u64>();
    if accepted(&standing) > 0 && accepted(draft) == 0 && gone.is_empty() {
        return Err(Trouble::RowsGone {
            day: draft.day,
            edition: standing.number,
            events: accepted(&standing),
        });
    }
    if gone.is_empty() {
        return Ok(());
    }
    Err(Trouble::LogsGone { day: draft.day, edition: standing.number, gone })
}

fn attention(edition: &Edition, gaps: &[Gap], config: &Config) -> Vec<Attention> {
    let limits = &config.limits;
    let day = edition.day;
    let mut found = Vec::new();
    let mut say = |kind, message: String| found.push(Attention { day, kind, message });

    if edition.intake.is_empty() {
        say("no-logs", "no log file was found; every slot of the day is unobserved".into());
    } else if edition.intake.iter().all(|f| f.accepted == 0 && f.failure.is_none()) {
        let first = edition.intake.iter().filter_map(|f| f.first_ts_us).min();
        let last = edition.intake.iter().filter_map(|f| f.last_ts_us).max();
        let span = match (first, last) {
            (Some(first), Some(last)) => {
                format!("; the logs reach from {} to {}", rfc3339(first), rfc3339(last))
            }
            _ => String::new(),
        };
        say("no-rows", format!("the log files hold no row of this day{span}"));
    }
    for file in &edition.intake {
        if let Some(failure) = &file.failure {
            say("unreadable-file", format!("{}: {failure}; nothing of it is counted", file.path));
        }
        if is_above(file, limits.quarantine_ppm) {
            say(
                "quarantine",
                format!("{}: {} of {} rows could not be read", file.path, file.quarantine, file.rows_read),
            );
        }
    }
    let suspense: i64 = edition
        .accounts
        .iter()
        .filter(|line| line.account.parse().map(crate::policy::Account::group) == Ok(Group::Suspense))
        .map(|line| line.events_net)
        .sum();
    if suspense > 0 {
        say("suspense", format!("{suspense} events match no rule of the policy; see daily/{day}/accounts"));
    }
    let unassigned: i64 =
        edition.accounts.iter().filter(|l| l.service == intake::UNASSIGNED).map(|l| l.events_net).sum();
    if unassigned > 0 {
        let why = "their paths match no pattern under `endpoints`";
        say("unassigned", format!("events that belong to no service, because {why}: {unassigned}"));
    }
    for source in config.sources.iter().filter(|_| !edition.intake.is_empty()) {
        if !edition.intake.iter().any(|f| f.source == source.name && f.role == intake::Role::Own.name()) {
            say("missing-source", format!("source {}: no log file of this day was found", source.name));
        }
    }
    for region in &config.regions {
        let has_rows = edition.accounts.iter().any(|line| line.region == *region);
        if !has_rows && edition.intake.iter().any(|f| f.accepted > 0) {
            say("gap", format!("region {region}: no row all day; its slots are unobserved"));
        }
    }
    for gap in gaps {
        say("gap", gap_message(gap, edition.slot_length(), day));
    }
    let components =
        edition.slots.scopes().iter().filter(|s| s.kind == ScopeKind::Component && s.is_all_regions());
    for scope in components {
        let slots: Vec<_> = edition.slots.cells(scope).collect();
        let observed = slots.iter().filter(|c| c.net.state != State::Unobserved).count();
        if (observed as u64) * 1_000_000 < slots.len() as u64 * u64::from(limits.coverage_ppm) {
            let name = &scope.name;
            say(
                "coverage",
                format!("{name}: {observed} of {} slots have something to judge by", slots.len()),
            );
        }
    }
    found
}

fn is_above(file: &FileBalance, ppm: u32) -> bool {
    file.role == intake::Role::Own.name() && file.quarantine * 1_000_000 > file.rows_read * u64::from(ppm)
}

fn gap_message(gap: &Gap, length: SlotLength, day: Day) -> String {
    if gap.region == ALL_REGIONS {
        return format!(
            "source {}: no rows all day, only sources further out had some; nothing can be judged by those alone, \
             so every slot is unobserved",
            gap.source
        );
    }
    let at = |slot: u32| rfc3339(day.start_us() + i64::from(slot) * length.us());
    format!(
        "source {}: no rows of region {} from {} to {} while others went on (about {} were to be expected); \
         those slots are unobserved",
        gap.source,
        gap.region,
        at(gap.start_slot),
        at(gap.end_slot),
        gap.expected
    )
}

impl fmt::Display for Attention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.day, self.message)
    }
}
