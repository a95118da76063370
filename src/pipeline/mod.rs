//! The whole journey, on one screen: logs are read, days are booked, what changed is published, and reports are drawn.

mod attention;
mod attention_kind;
mod book;
mod draw;
mod overrides;
mod read;

use crate::queries::booked_day::BookedDay;
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context;
use read::LogState;

use crate::clock::{Clock, ClockSource};
use crate::config::{Canonical, Config};
use crate::day::{DAY_US, Day, SECOND_US};
use crate::document::{Document, Mistake};
use crate::error::Trouble;
use crate::facts::Salt;
use crate::intake::{Meter, Notes};
use crate::ledger::{self, Confirmation, DayState, Entry, Extent, Ledger, Settings, Writer};
use crate::measure::Figures;
use crate::overrides::Override;
use crate::policy::Policy;
use crate::report::Rendered;

pub use attention::Attention;
pub use attention_kind::AttentionKind;
pub use book::Accounted;
pub use draw::redraw;

/// What a run works with beside the logs and the clock.
pub struct Job {
    pub config: Config,
    pub policy: Policy,
    /// The override file, when the config names one.
    pub override_file: Option<Result<Document, Trouble>>,
    /// Threads that read logs.
    pub workers: usize,
    /// Whether an edition may be replaced by one for which some of its logs are no longer there.
    pub may_lose_logs: bool,
    /// Where the clock of a ledger comes from that begins with this run.
    pub clock_source: ClockSource,
}

impl Job {
    /// The settings of the config, as the ledger keeps them.
    pub fn settings(&self) -> Canonical {
        let salt = self.config.salt.as_ref().map(|salt| Salt::new(salt).fingerprint());
        Canonical::of(&self.config, salt.as_deref())
    }
}

/// Which days a run accounts.
pub enum Asked {
    /// These, read again whatever is known of them.
    Days(Vec<Day>),
    /// Yesterday and what was missed before it.
    Due,
}

/// What a run came to.
pub struct RunSummary {
    /// The days that were asked for.
    pub accounted: Vec<Accounted>,
    /// Other days that have a new edition.
    pub restated: Vec<Accounted>,
    pub sealed: Vec<Day>,
    pub attention: Vec<Attention>,
    /// Mistakes in the override file: they refuse rows, not the run.
    pub mistakes: Vec<Mistake>,
    /// Of the days that were asked for, at least.
    pub figures: Figures,
    pub rendered: Rendered,
    /// Why a day that was asked for, and those after it, were not accounted.
    pub failure: Option<anyhow::Error>,
    /// How many days were asked for.
    pub days: usize,
    /// Whether the clock of the ledger is given, not read.
    pub is_simulated: bool,
}

/// Is told when the reading of a day begins; what it gives is dropped when that ends.
pub type Watch<'a> = &'a dyn Fn(Day, &Arc<Meter>) -> Box<dyn Any>;

/// The daily job.
///
/// # Errors
/// Nothing that was asked for could be published, or its reports could not be drawn.
pub fn run(job: &Job, asked: &Asked, clock: Clock, watch: Watch<'_>) -> anyhow::Result<RunSummary> {
    let mut ledger = Writer::open(&job.config.reports, clock, job.clock_source)?;
    let (days, missed) = match asked {
        Asked::Days(days) => (days.clone(), None),
        Asked::Due => read::due(&ledger, clock),
    };
    let (read, mut failure, unread) = read_logs(job, &mut ledger, asked, &days, clock, watch)?;
    if let Some(error) = failure.take_if(|_| read.is_empty()) {
        return Err(error);
    }

    let settings = Settings::of(&job.config);
    if ledger.record().settings.as_ref().is_none_or(|before| !before.is_like(&settings)) {
        ledger.append(clock, Entry::Settings { settings: settings.clone() })?;
    }
    let mut desired = overrides::file(job, &mut ledger, clock)?;
    let mut booked = book(job, &mut ledger, &days, read, &mut desired, clock, &mut failure)?;
    let mut attention: Vec<Attention> = missed.into_iter().chain(unread).collect();
    attention.append(&mut desired.attention);
    attention.append(&mut booked.attention);

    let sealed = seal(job, &mut ledger, clock, &mut attention)?;
    prune(job, &mut ledger, clock)?;
    crate::queries::reported::note(&mut ledger, &settings, clock)?;

    let asked: BTreeSet<Day> = booked.accounted.iter().map(|a| a.published.edition.day).collect();
    let papers = booked.papers.and_then(|papers| papers.standing(&ledger));
    let reports = &job.config.reports;
    let (figures, rendered) = draw::draw(&ledger, reports, &asked, &settings, papers, job.workers).context(
        "the ledger is up to date, but the reports could not be drawn; mend what is named here and run again",
    )?;
    for accounted in &booked.accounted {
        attention.extend(accounted.attention.iter().cloned());
    }
    // Of other days what is new is worth a word: what can be judged of them was told when they were run.
    let of_others =
        booked.restated.iter().flat_map(|a| &a.attention).filter(|a| a.kind == AttentionKind::Suspense);
    attention.extend(of_others.cloned());
    Ok(RunSummary {
        accounted: booked.accounted,
        restated: booked.restated,
        sealed,
        attention,
        mistakes: desired.mistakes,
        figures,
        rendered,
        failure,
        days: days.len(),
        is_simulated: ledger.is_simulated(),
    })
}

/// Reads the days that were asked for, and open days whose logs have changed since they were read.
fn read_logs(
    job: &Job,
    ledger: &mut Writer,
    asked: &Asked,
    days: &[Day],
    clock: Clock,
    watch: Watch<'_>,
) -> anyhow::Result<(Vec<read::Read>, Option<anyhow::Error>, Vec<Attention>)> {
    let mut read: Vec<read::Read> = Vec::new();
    let one = |ledger: &mut Writer, day: Day| -> Result<read::Read, Trouble> {
        tracing::info!(%day, "reading");
        let meter = Arc::new(Meter::default());
        let watching = watch(day, &meter);
        let done = read::read(job, ledger, day, clock, &meter);
        drop(watching);
        done
    };
    for day in days {
        let is_due = matches!(asked, Asked::Due) && ledger.days().contains(day);
        if is_due && read::look(job, ledger, *day)? == LogState::Same {
            continue;
        }
        match one(ledger, *day) {
            Ok(done) => read.push(done),
            Err(error) => {
                let error = anyhow::Error::from(error).context(format!("reading {day}"));
                return Ok((read, Some(error), Vec::new()));
            }
        }
    }
    let mut unread = Vec::new();
    for day in open_days(ledger) {
        // A log that cannot be read now can be read by the next run; the day stands as it is.
        if !days.contains(&day) && read::look(job, ledger, day)? == LogState::Changed {
            match one(ledger, day) {
                Ok(done) => read.push(done),
                Err(error) => unread.push(Attention {
                    day,
                    kind: AttentionKind::NotReadAgain,
                    message: format!("its logs have changed and could not be read again: {error}"),
                }),
            }
        }
    }
    unread.extend(read::read_otherwise(job, ledger)?);
    Ok((read, None, unread))
}

/// Days with an edition that is not final.
fn open_days(ledger: &Ledger) -> Vec<Day> {
    let is_open = |day: &Day| ledger.record().days.get(day).is_some_and(|record| record.sealed.is_none());
    ledger.days().into_iter().filter(is_open).collect()
}

#[derive(Default)]
struct Booked {
    accounted: Vec<Accounted>,
    restated: Vec<Accounted>,
    attention: Vec<Attention>,
    /// Editions that came out as they were.
    confirmed: Vec<Confirmation>,
    /// Those of one day, the one with the most facts: to remember all days would take memory for each.
    papers: Option<BookedDay>,
}

/// Books the days that were read, and every open day that something else has changed: webhook logs of other days,
/// overrides, policy, definition.
fn book(
    job: &Job,
    ledger: &mut Writer,
    asked: &[Day],
    read: Vec<read::Read>,
    desired: &mut overrides::Desired,
    clock: Clock,
    failure: &mut Option<anyhow::Error>,
) -> anyhow::Result<Booked> {
    let read_days: Vec<Day> = read.iter().map(|read| read.day).collect();
    let mut notes: BTreeMap<Day, Notes> = read.into_iter().map(|read| (read.day, read.notes)).collect();
    let usable = read::usable(job, ledger, &read_days)?;
    let prepare = |ledger: &Ledger, day: Day| {
        let is_settled = usable.daybooks.contains_key(&day) && !usable.stay.contains(&day);
        let is_sealed = ledger.record().days.get(&day).is_some_and(|record| record.sealed.is_some());
        if read_days.contains(&day) || (is_settled && !is_sealed) {
            book::from_daybooks(job, ledger, day, &usable.daybooks)
        } else {
            book::from_edition(job, ledger, day)
        }
    };
    let mut days: BTreeSet<Day> = open_days(ledger).into_iter().chain(read_days.iter().copied()).collect();
    days.extend(asked.iter().filter(|day| ledger.days().contains(day)));

    // Rows are decided over all days they touch before any of them is booked.
    let mut prepared: BTreeMap<Day, book::ClassifiedDay> = BTreeMap::new();
    for day in overrides::touched(job, ledger, clock) {
        if days.contains(&day) || ledger.days().contains(&day) {
            prepared.insert(day, prepare(ledger, day)?);
        }
    }
    let postings = prepared.iter().map(|(day, prepared)| (*day, &prepared.postings)).collect();
    let plan = overrides::plan(job, ledger, &postings, clock)?;
    drop(postings);
    days.extend(plan.days());

    let mut booked = Booked { attention: usable.attention.clone(), ..Booked::default() };
    // Those that were asked for come first, in order: when one fails, those before it are published.
    let others = days.iter().copied().filter(|day| !asked.contains(day));
    for day in asked.iter().copied().filter(|day| days.contains(day)).chain(others) {
        let is_asked = asked.contains(&day);
        let rows = rows_in_force(ledger, &plan, day)?;
        if !read_days.contains(&day) && is_as_before(job, ledger, day, &rows, &usable)? {
            if is_asked {
                booked.accounted.push(standing(ledger, day)?);
            }
            continue;
        }
        let prepared = prepared.remove(&day).map_or_else(|| prepare(ledger, day), Ok);
        match prepared.and_then(|prepared| book::publish(job, ledger, prepared, rows, clock)) {
            Ok((mut done, papers)) => {
                let facts = |papers: &BookedDay| papers.postings.facts().frame().height();
                // One that came out as it was keeps its files and with them their numbers, which those of today may not be.
                let is_new = done.published.is_new;
                if is_new && booked.papers.as_ref().is_none_or(|kept| facts(kept) < facts(&papers)) {
                    booked.papers = Some(papers);
                }
                let notes = notes.remove(&day).unwrap_or_default();
                done.spilled_bytes = notes.spilled_bytes;
                done.attention.extend(attention::of_columns(day, notes));
                if !done.published.is_new {
                    booked.confirmed.extend(confirmation(job, ledger, day, &usable)?);
                }
                let edition = &done.published.edition;
                tracing::info!(%day, edition = edition.number, is_new = done.published.is_new, "published");
                match (is_asked, done.published.is_new) {
                    (true, _) => booked.accounted.push(done),
                    (false, true) => booked.restated.push(done),
                    (false, false) => {}
                }
            }
            Err(error) if is_asked => {
                *failure = Some(error.context(format!("accounting {day}")));
                break;
            }
            // The days that were asked for stand; this one can be tried again.
            Err(error) => booked.attention.push(Attention {
                day,
                kind: AttentionKind::NotSettled,
                message: format!("what has changed about it could not be booked: {error:#}"),
            }),
        }
    }
    if booked.accounted.is_empty()
        && let Some(error) = failure.take()
    {
        return Err(error);
    }
    overrides::note(&plan, desired, ledger, clock)?;
    if !booked.confirmed.is_empty() {
        booked.confirmed.sort_by_key(|confirmed| confirmed.day);
        let days = std::mem::take(&mut booked.confirmed);
        ledger.append(clock, Entry::Confirmed { days })?;
    }
    Ok(booked)
}

/// The rows that apply to a day. A sealed day that no row has been decided anew for keeps those it has.
fn rows_in_force(ledger: &Ledger, plan: &overrides::Plan, day: Day) -> anyhow::Result<Vec<Override>> {
    let is_sealed = ledger.record().days.get(&day).is_some_and(|record| record.sealed.is_some());
    match plan.rows(day) {
        Some(rows) => Ok(rows),
        None if is_sealed => Ok(ledger.made_from(day)?.map(|made| made.rows).unwrap_or_default()),
        None => Ok(Vec::new()),
    }
}

/// Is the newest edition of a day made from just what it would be made from now?
fn is_as_before(
    job: &Job,
    ledger: &Ledger,
    day: Day,
    rows: &[Override],
    usable: &read::Usable,
) -> anyhow::Result<bool> {
    let Some(made) = ledger.made_from(day)? else { return Ok(false) };
    if made.rows != rows {
        return Ok(false);
    }
    if ledger.record().days.get(&day).is_some_and(|record| record.sealed.is_some()) {
        return Ok(true);
    }
    let is_settled = usable.daybooks.contains_key(&day) && !usable.stay.contains(&day);
    let daybooks = book::around(job, ledger, day, &usable.daybooks);
    Ok((!is_settled || made.daybooks == daybooks || is_confirmed(ledger, day, &daybooks))
        && made.rules == job.policy.rules_name()
        && made.definition.is_of(&job.config))
}

/// Has the newest edition of a day come out the same from just these daybooks before?
fn is_confirmed(ledger: &Ledger, day: Day, daybooks: &BTreeMap<Day, String>) -> bool {
    let Some(record) = ledger.record().days.get(&day) else { return false };
    let Some((confirmed, newest)) = record.confirmed.as_ref().zip(record.newest()) else { return false };
    confirmed.edition == newest.publication.edition && confirmed.daybooks == ledger::fingerprint(daybooks)
}

/// What is to be noted of a day that came out as it was, so that the next run need not book it again.
fn confirmation(
    job: &Job,
    ledger: &Ledger,
    day: Day,
    usable: &read::Usable,
) -> anyhow::Result<Option<Confirmation>> {
    let is_settled = usable.daybooks.contains_key(&day) && !usable.stay.contains(&day);
    let record = ledger.record().days.get(&day).filter(|record| record.sealed.is_none() && is_settled);
    let Some(newest) = record.and_then(|record| record.newest()) else { return Ok(None) };
    let daybooks = book::around(job, ledger, day, &usable.daybooks);
    let is_known = ledger.made_from(day)?.is_some_and(|made| made.daybooks == daybooks);
    if is_known || is_confirmed(ledger, day, &daybooks) {
        return Ok(None);
    }
    let edition = newest.publication.edition;
    Ok(Some(Confirmation { day, edition, daybooks: ledger::fingerprint(&daybooks) }))
}

/// A day as it stands, for the one who asked for it.
fn standing(ledger: &Ledger, day: Day) -> anyhow::Result<Accounted> {
    let edition = ledger.read(day, Extent::Whole)?;
    let published =
        crate::ledger::Published { edition, is_new: false, causes: Vec::new(), is_adjusting: false };
    Ok(Accounted { published, spilled_bytes: 0, attention: Vec::new() })
}

/// Seals the days whose window has passed, and says which ones cannot be sealed.
fn seal(
    job: &Job,
    ledger: &mut Writer,
    clock: Clock,
    attention: &mut Vec<Attention>,
) -> anyhow::Result<Vec<Day>> {
    let overrides = &job.config.overrides;
    let retries = if job.config.has_webhooks() { job.config.webhooks.retry_days } else { 0 };
    let window_us = i64::from(overrides.review_days.max(retries)) * DAY_US
        + i64::from(overrides.grace_hours) * 3_600 * SECOND_US;
    let mut sealed = Vec::new();
    for day in open_days(ledger) {
        let Some(record) = ledger.record().days.get(&day) else { continue };
        let (Some(first), Some(newest)) = (record.editions.first(), record.newest()) else { continue };
        // A day that is published late can be looked at as long as one that is published the next morning.
        let from_us = day.end_us().max(first.at.timestamp_micros());
        if clock.at.timestamp_micros() <= from_us + window_us {
            continue;
        }
        let open = match newest.publication.state {
            DayState::Provisional => ledger.open_events(day, newest.publication.edition)?,
            _ => 0,
        };
        if open == 0 {
            ledger.seal(day, clock)?;
            sealed.push(day);
        } else {
            let message = format!(
                "its review window has passed, but it cannot be sealed: {open} events are pending or in suspense"
            );
            attention.push(Attention { day, kind: AttentionKind::Unsealed, message });
        }
    }
    Ok(sealed)
}

/// DaybookFolders that no open day can be settled by are no longer needed.
fn prune(job: &Job, ledger: &mut Writer, clock: Clock) -> anyhow::Result<()> {
    let reach = i64::from(job.config.webhooks.retry_days);
    let open = open_days(ledger);
    let is_needed = |day: Day| {
        day.plus(2 * reach + 2) > Day::of(clock.at)
            || open.iter().any(|open| (day.plus(-reach)..=day.plus(reach)).contains(open))
            || !ledger.days().contains(&day)
    };
    let spent: Vec<Day> = ledger.daybooks().keys().copied().filter(|day| !is_needed(*day)).collect();
    for day in spent {
        ledger.prune(day, clock)?;
    }
    Ok(())
}
