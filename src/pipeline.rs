//! The whole journey of a day, on one screen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use anyhow::Context;
use chrono::{DateTime, Utc};

use crate::config::Config;
use crate::day::{Day, SlotLength, rfc3339};
use crate::error::Trouble;
use crate::intake::{self, Daybooks, FileBalance, Gap, Intake, Lost, Meter, Notes, Salt};
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

/// A day whose logs have been read into its daybook.
pub struct Read {
    pub day: Day,
    pub notes: Notes,
}

/// A day after its run.
pub struct Accounted {
    pub published: Published,
    pub spilled_bytes: u64,
    /// Why a person should look (exit code 3).
    pub attention: Vec<Attention>,
}

/// Below this, statuses without a message may be those of the day before the first one.
const MIN_ORPHANS: i64 = 20;

/// One reason for a person to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attention {
    pub day: Day,
    /// Short and stable, for programs: `suspense`, `unreadable-file`, ...
    pub kind: &'static str,
    pub message: String,
}

/// Reads the logs of a day into its daybook: the only heavy step. The caller holds the lock.
///
/// # Errors
/// [`Trouble`]; what was kept of the day before stays then.
pub fn read(desk: &Desk, ledger: &Ledger, day: Day, meter: &Meter) -> Result<Read, Trouble> {
    let config = &desk.config;
    let salt = config.salt.clone().map_or_else(|| ledger.salt(), Ok)?;
    let scratch = ledger.scratch()?;
    let places = (config.reports.as_path(), scratch.path());
    let (daybook, notes) = intake::read(config, day, desk.workers, &Salt::new(&salt), places, meter)?;
    if !desk.may_lose_logs {
        keep_logs(ledger, day, &daybook.files)?;
    }
    if config.salt.is_none() {
        ledger.keep_salt(&salt)?;
    }
    ledger.keep(day, scratch)?;
    Ok(Read { day, notes })
}

/// What can be settled after some days were read.
#[derive(Default)]
pub struct Settled {
    /// Days beside those read that lie within reach of their webhook logs.
    pub others: BTreeSet<Day>,
    /// All daybooks that can be read.
    pub daybooks: Daybooks,
    pub attention: Vec<Attention>,
}

/// Looks which other days the days just read may settle. One whose daybook cannot be read, or was made under other
/// settings than today's, stays as it is, and a person should look.
///
/// # Errors
/// The ledger cannot be listed.
pub fn settled_by(desk: &Desk, ledger: &Ledger, read: &[Read]) -> Result<Settled, Trouble> {
    let config = &desk.config;
    let mut settled = Settled { daybooks: ledger.daybooks()?, ..Settled::default() };
    if !config.has_webhooks() {
        return Ok(settled);
    }
    let reach = i64::from(config.webhooks.retry_days);
    let salt = Salt::new(&config.salt.clone().map_or_else(|| ledger.salt(), Ok)?).fingerprint();
    let settings = intake::settings_fingerprint(config);
    let is_near =
        |day: Day, by: i64| read.iter().any(|read| (read.day.plus(-by)..=read.day.plus(by)).contains(&day));
    let mut near = BTreeSet::new();
    for (day, folder) in settled.daybooks.clone() {
        if !is_near(day, 2 * reach) {
            continue;
        }
        let mut say = |kind, message| settled.attention.push(Attention { day, kind, message });
        let is_read = read.iter().any(|read| read.day == day);
        match intake::check(&folder) {
            Err(trouble) => {
                say(
                    "unreadable-daybook",
                    format!("it stays as it is, and no other day can be settled by it: {trouble}"),
                );
                settled.daybooks.remove(&day);
            }
            Ok(head) if head.salt != salt => {
                say("other-settings", "it was read under another salt; run that day again".to_owned());
                settled.daybooks.remove(&day);
            }
            Ok(head) if head.settings != settings && is_near(day, reach) => say(
                "other-settings",
                "it stays as it is: it was read under another slot, [webhooks] or services; run that day again"
                    .to_owned(),
            ),
            Ok(_) if is_near(day, reach) && !is_read => _ = near.insert(day),
            Ok(_) => {}
        }
    }
    // A day is not settled anew with less than it was settled with before.
    let published = ledger.days()?;
    let is_lost = |day: &&Day| !settled.daybooks.contains_key(day);
    for day in near.iter().copied().chain(read.iter().map(|read| read.day)) {
        let needed = day.plus(-1)..=day.plus(reach);
        let lost: Vec<String> =
            published.iter().filter(|d| needed.contains(d)).filter(is_lost).map(Day::to_string).collect();
        if lost.is_empty() {
            settled.others.extend(near.get(&day));
            continue;
        }
        let what =
            if near.contains(&day) { "it stays as it is" } else { "it may be less settled than it was" };
        let message = format!("{what}: there is no daybook to use of {}; run them again", lost.join(", "));
        settled.attention.push(Attention { day, kind: "missing-daybook", message });
    }
    Ok(settled)
}

/// Accounts one day: from its daybook, and those around it, to its edition in the ledger. The caller holds the lock.
///
/// # Errors
/// [`Trouble`]; nothing of the day is published then.
pub fn account(
    desk: &Desk,
    ledger: &Ledger,
    day: Day,
    daybooks: &Daybooks,
    notes: Notes,
    as_of: DateTime<Utc>,
) -> anyhow::Result<Accounted> {
    let config = &desk.config;
    let Intake { facts, receipt } = intake::resolve(day, daybooks, config)?;
    let mut gaps = intake::gaps(&facts, &config.sources);
    gaps.extend(receipt.gaps.iter().cloned());

    let postings = desk.policy.classify(facts).context("classifying the facts")?;
    let slots = Slots::count(&postings, &gaps, config).context("counting the slots")?;
    check_balance(&receipt, &postings, &slots)?;
    let fingerprint = desk.policy.fingerprint();
    let draft = Edition::draft(&postings, slots, receipt, config, &fingerprint, as_of)
        .context("drafting the edition")?;
    let mut attention = attention(&draft, &gaps, config);
    attention.extend(notes.unseen_columns.into_iter().map(|(source, name)| Attention {
        day,
        kind: "unseen-column",
        message: format!(
            "source {source}: no row has `{name}`, which [source.columns] names; is it misspelt?"
        ),
    }));
    let published = ledger.publish(draft)?;
    Ok(Accounted { published, spilled_bytes: notes.spilled_bytes, attention })
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
fn keep_logs(ledger: &Ledger, day: Day, files: &[FileBalance]) -> Result<(), Trouble> {
    let mut before: BTreeMap<String, u64> = BTreeMap::new();
    let mut edition = 0;
    if ledger.days()?.contains(&day) {
        let standing = ledger.read(day)?;
        edition = standing.number;
        before.extend(standing.intake.into_iter().map(|f| (f.path, f.accepted)));
    }
    // A run that was killed before it published has left what it read all the same.
    if let Some(folder) = ledger.daybooks()?.get(&day)
        && let Ok(kept) = intake::head(folder)
    {
        before.extend(kept.files.into_iter().map(|f| (f.path, f.accepted)));
    }
    let is_there = |path: &str| files.iter().any(|f| f.path == path && f.failure.is_none());
    let gone: Vec<String> =
        before.iter().filter(|(path, n)| **n > 0 && !is_there(path)).map(|(path, _)| path.clone()).collect();
    let events: u64 = before.values().sum();
    if events > 0 && files.iter().all(|f| f.accepted == 0) && gone.is_empty() {
        return Err(Trouble::RowsGone { day, edition, events });
    }
    if gone.is_empty() {
        return Ok(());
    }
    Err(Trouble::LogsGone { day, edition, gone })
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
    let counted = |item: &str| edition.reconciliation.iter().find(|l| l.item == item).map_or(0, |l| l.count);
    let (statuses, orphans) = (counted("statuses"), counted("orphan_statuses"));
    if orphans * 2 > statuses && orphans >= MIN_ORPHANS {
        say(
            "orphans",
            format!(
                "{orphans} of {statuses} statuses name no message of the request logs; is a request log missing, or do the two \
                 logs write message ids in different ways?"
            ),
        );
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
                format!(
                    "{name}: {observed} of {} slots have something to judge by, less than `limits.coverage_percent` asks for",
                    slots.len()
                ),
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
    let Gap { source, region, expected, .. } = gap;
    let (start, end) = (at(gap.start_slot), at(gap.end_slot));
    match gap.lost {
        Lost::Events => format!(
            "source {source}: no rows of region {region} from {start} to {end} while others went on (about {expected} were \
             to be expected); those slots are unobserved"
        ),
        Lost::Outcomes => format!(
            "source {source}: next to no rows of region {region} from {start} to {end}, in which {expected} messages were \
             admitted; what became of them is not known, and those slots are unobserved"
        ),
    }
}

impl fmt::Display for Attention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.day, self.message)
    }
}
