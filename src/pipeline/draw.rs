//! Drawing: writes the reports from the ledger, as far as they may have changed since.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;

use super::Job;
use super::days::Booked;
use crate::attention::{Attention, AttentionKind, Look};
use crate::day::{Day, Month};
use crate::error::Trouble;
use crate::ledger::{self, Entry, KnownOutlines, Ledger, Outline, Settings};
use crate::measure::{self, Figures};
use crate::queries::booked_day::BookedDay;
use crate::queries::{DayExplainer, reported};
use crate::report::{self, DamagedDays, DayDrawing, Days, Destination, Drawing, NotPublished, Rendered};

/// What was drawn.
pub(super) struct Drawn {
    pub figures: Figures,
    pub rendered: Rendered,
    /// Days that keep the reports drawn before, because the ledger can no longer read them.
    pub damaged: BTreeMap<Day, String>,
}

/// Draws the reports that may have changed; if they show the newest line, only the asked days.
///
/// # Errors
/// The ledger cannot be read or the reports cannot be written.
pub(super) fn changed(
    job: &Job,
    ledger: &Ledger,
    settings: &Settings,
    booked: &mut Booked,
) -> anyhow::Result<Drawn> {
    job.cancellation.check()?;
    let asked: BTreeSet<Day> = booked.accounted.iter().map(|done| done.published.edition.day).collect();
    let largest = booked.largest.take().and_then(|day| day.standing(ledger));
    draw(ledger, &job.config.reports, &asked, settings, largest, job.workers)
}

/// Copies the reports to the bucket or folder that the config names; tells a person if that fails.
///
/// The run stands in any case, and the next one tries again.
///
/// # Errors
/// The reports folder cannot be read or written.
pub(super) fn publish(job: &Job, ledger: &Ledger) -> Result<Option<Attention>, Trouble> {
    let config = &job.config;
    let (Some(text), Some(newest)) = (&config.publish, ledger.days().last().copied()) else {
        return Ok(None);
    };
    let to = match Destination::parse(text, &config.path(""), &config.reports) {
        Ok(to) => to,
        // The reports folder of the command line may lie in the folder that the config names.
        Err(why) => {
            let message = format!("no report is published: {why}");
            return Ok(Some(Attention::new(AttentionKind::Publish, newest, &[], message)));
        }
    };
    let failed = report::publish(&config.reports, &to, &config.stores)?;
    Ok(failed.map(|NotPublished { trouble, waiting }| {
        let message =
            format!("{waiting} reports wait to be published, and the next run tries again: {trouble}");
        Attention::new(AttentionKind::Publish, newest, &[&to.to_string()], message)
    }))
}

/// Draws what may have changed since the reports were last drawn, and the asked days.
///
/// # Errors
/// As for [`changed`].
pub(super) fn draw(
    ledger: &Ledger,
    reports: &Path,
    asked: &BTreeSet<Day>,
    settings: &Settings,
    booked_day: Option<BookedDay>,
    workers: usize,
) -> anyhow::Result<Drawn> {
    drawn(ledger, reports, asked, settings, booked_day, workers).context(
        "the ledger is up to date, but the reports could not be drawn; mend what is named here and run again",
    )
}

fn drawn(
    ledger: &Ledger,
    reports: &Path,
    asked: &BTreeSet<Day>,
    settings: &Settings,
    booked_day: Option<BookedDay>,
    workers: usize,
) -> anyhow::Result<Drawn> {
    let damaged = DamagedDays::default();
    let read = drawings(ledger, booked_day, &damaged);
    let drawn = ledger::Drawn::read(reports)?;
    let is_line = |drawn: &ledger::Drawn| ledger.journal().hash_of(drawn.seq) == Some(&drawn.hash);
    let of_this_job = drawn.filter(|drawn| drawn.is_of_this_job() && is_line(drawn));
    let (seq, hash) = ledger.head();
    let (figures, rendered) = match of_this_job {
        Some(drawn) if (drawn.seq, &drawn.hash) == (seq, &hash) => {
            let figures = reported::figures(ledger, asked, &settings.config())?;
            let days: Vec<Day> = asked.iter().copied().collect();
            (figures, report::render_days(reports, &Days { days: &days, read: &read, workers })?)
        }
        Some(drawn) => {
            let changed = Changed::since(ledger, drawn.seq, asked);
            draw_all(ledger, reports, settings, changed.as_ref(), &read, &damaged, workers)?
        }
        // Another version of the job may draw every report differently, and so may another journal.
        None => draw_all(ledger, reports, settings, None, &read, &damaged, workers)?,
    };
    drop(read);
    Ok(Drawn { figures, rendered, damaged: damaged.into_inner() })
}

/// Returns a function that reads a day for drawing; `booked_day` is used instead of its files.
///
/// It reads nothing of a day that is `damaged`, and notes why.
fn drawings<'l>(
    ledger: &'l Ledger,
    booked_day: Option<BookedDay>,
    damaged: &'l DamagedDays,
) -> impl Fn(Day) -> anyhow::Result<Option<DayDrawing>> + Sync + 'l {
    let booked_day = Mutex::new(booked_day);
    let read = move |day| {
        let at_hand =
            booked_day.lock().unwrap_or_else(PoisonError::into_inner).take_if(|p| p.edition.day == day);
        let books = at_hand
            .map_or_else(|| DayExplainer::read(ledger, day), |at_hand| DayExplainer::of(ledger, at_hand))?;
        let failures = report::failures(books.postings())?;
        let red = books.red();
        let (edition, gaps) = books.into_parts();
        let line = ledger.line_of(day, edition.number);
        anyhow::Ok(DayDrawing { edition, line, gaps, failures, red })
    };
    move |day| match read(day) {
        Ok(drawing) => Ok(Some(drawing)),
        Err(error) if is_damage(&error) => {
            damaged.note(day, &format!("{error:#}"));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn note(damaged: &DamagedDays, found: &BTreeMap<Day, Trouble>) {
    for (day, trouble) in found {
        damaged.note(*day, trouble);
    }
}

/// Returns whether something that the ledger keeps cannot be read.
fn is_damage(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Trouble>().is_some_and(Trouble::is_of_stored)
}

/// Looks at days of which something was damaged, and returns why each still cannot be drawn.
pub(super) fn still_damaged(
    ledger: &Ledger,
    days: impl IntoIterator<Item = Day>,
) -> anyhow::Result<BTreeMap<Day, Option<String>>> {
    let damaged = DamagedDays::default();
    let read = drawings(ledger, None, &damaged);
    let standing = ledger.standing();
    let mut found = BTreeMap::new();
    for day in days {
        if let Some(number) = standing.get(&day) {
            read(day)?;
            note(&damaged, &ledger.known_outlines([(day, *number)])?.damaged);
        }
        found.insert(day, damaged.take(day));
    }
    Ok(found)
}

/// Days and months whose reports may differ from the ones drawn before.
pub struct Changed {
    /// Days whose own reports may differ.
    days: BTreeSet<Day>,
    /// Months to draw in addition to the months of `days`.
    months: BTreeSet<Month>,
}

impl Changed {
    /// Finds what has changed after a line of the journal; `None` means everything.
    fn since(ledger: &Ledger, seq: u64, asked: &BTreeSet<Day>) -> Option<Self> {
        let mut days = asked.clone();
        let record = ledger.record();
        let published = ledger.days();
        let mut touched: Vec<(i64, i64)> = Vec::new();
        let mut decided: BTreeSet<Month> = BTreeSet::new();
        for line in ledger.lines().filter(|line| line.seq > seq) {
            match &line.entry {
                Entry::Settings { .. } | Entry::Resumed(_) => return None,
                Entry::Edition(publication) => {
                    // The pages of the published days before and after it link to it, and an outage
                    // may cross midnight.
                    let at = publication.day;
                    days.extend((-2..=2).map(|n| at.plus(n)));
                    days.extend(published.iter().rfind(|day| **day < at));
                    days.extend(published.iter().find(|day| **day > at));
                }
                Entry::Sealed { day, .. } => _ = days.insert(*day),
                Entry::Frozen { days: frozen } => days.extend(frozen.iter().map(|frozen| frozen.day)),
                // The statement of its month lists a decision.
                Entry::Acknowledged(said) => decided.extend(said.day().map(Day::month)),
                Entry::Reported { figures } => days.extend(figures.iter().map(|figure| figure.day)),
                Entry::Overrides { seen, gone, .. } => {
                    let gone = gone.iter().filter_map(|row| record.filed(row)).map(|filed| &filed.row);
                    touched.extend(seen.iter().chain(gone).map(|row| (row.start_us, row.end_us)));
                }
                Entry::Judged { rows } => {
                    let rows = rows.iter().filter_map(|judged| record.filed(&judged.row));
                    touched.extend(rows.map(|filed| (filed.row.start_us, filed.row.end_us)));
                }
                // A day that could not be read was not drawn.
                Entry::Attention { looked } => {
                    let stored = |look: Look| if let Look::Stored(day) = look { Some(day) } else { None };
                    days.extend(looked.iter().filter_map(|looked| stored(looked.at)));
                }
                Entry::Repaired { files } => days.extend(files.iter().map(|file| file.day)),
                Entry::Ledger { .. }
                | Entry::Read(_)
                | Entry::Confirmed { .. }
                | Entry::MoreTime { .. }
                | Entry::Pruned { .. }
                | Entry::Malformed { .. } => {}
            }
        }
        let is_touched =
            |day: &Day| touched.iter().any(|(start, end)| *start < day.end_us() && day.start_us() < *end);
        days.extend(published.iter().filter(|day| is_touched(day)));

        // A month may have become final since, by the clock alone.
        let editions = ledger.record().days.values().flat_map(|record| &record.editions);
        let then = editions.filter(|e| e.seq <= seq && !e.publication.is_adjusting).map(|e| e.at).max();
        let was_open = |month: &Month| then.is_none_or(|then| Day::of(then) < month.final_at());
        let is_touched = |month: &Month| touched.iter().any(|(start, end)| month.overlaps(*start, *end));
        let is_wanted = |m: &Month| was_open(m) || is_touched(m) || decided.contains(m);
        let months = known_months(ledger).into_iter().filter(is_wanted).collect();
        Some(Self { days, months })
    }

    /// Adds the days and months that share an outage or an override row with a changed day.
    ///
    /// Their reports show the whole outage or row, so its change elsewhere changes them too.
    fn with_spans(&self, ledger: &Ledger, figures: &Figures) -> Self {
        let known = ledger.days();
        let outages = figures.outages.iter().map(|outage| (outage.start_us, outage.end_us));
        let rows = ledger.record().rows.values().map(|filed| (filed.row.start_us, filed.row.end_us));
        let mut days = self.days.clone();
        for (start, end) in outages.chain(rows) {
            let first = known.partition_point(|day| day.end_us() <= start);
            let last = known.partition_point(|day| day.start_us() < end);
            let within = known.get(first..last).unwrap_or_default();
            if within.len() > 1 && within.iter().any(|day| self.days.contains(day)) {
                days.extend(within);
            }
        }
        let months = days.iter().map(|day| day.month()).chain(self.months.iter().copied()).collect();
        Self { days, months }
    }
}

fn known_months(ledger: &Ledger) -> BTreeSet<Month> {
    ledger.days().into_iter().map(Day::month).collect()
}

/// Draws the reports of a ledger, as of its last line that counts, from the ledger alone.
///
/// Only the days and months in `changed` are drawn, or all if it is `None`; `workers` days are
/// drawn in parallel. A day of which something stored is damaged is left out, with the reason.
///
/// # Errors
/// The ledger cannot be read or the reports cannot be written.
pub fn redraw(
    ledger: &Ledger,
    reports: &Path,
    settings: &Settings,
    changed: Option<&Changed>,
    workers: usize,
) -> anyhow::Result<(Rendered, BTreeMap<Day, String>)> {
    let damaged = DamagedDays::default();
    let read = drawings(ledger, None, &damaged);
    let (_, rendered) = draw_all(ledger, reports, settings, changed, &read, &damaged, workers)?;
    drop(read);
    Ok((rendered, damaged.into_inner()))
}

fn draw_all(
    ledger: &Ledger,
    reports: &Path,
    settings: &Settings,
    changed: Option<&Changed>,
    read: &(dyn Fn(Day) -> anyhow::Result<Option<DayDrawing>> + Sync),
    damaged: &DamagedDays,
    workers: usize,
) -> anyhow::Result<(Figures, Rendered)> {
    let config = settings.config();
    let KnownOutlines { outlines: standing, damaged: found } = ledger.known_outlines(ledger.standing())?;
    note(damaged, &found);
    let figures = measure::draw(&standing, &config);
    let overridden = overridden(standing);
    let (adjusting, adjusted) = if reported::has_adjusting_figures(ledger) {
        let editions = ledger.known_outlines(reported::with_adjustments(ledger))?;
        note(damaged, &editions.damaged);
        let editions = reported::as_known_now(editions.outlines);
        let months = reported::parallel(&figures.months, measure::draw(&editions, &config).months);
        (Some(self::overridden(editions)), months)
    } else {
        (None, figures.months.clone())
    };
    let drawing = Drawing {
        ledger,
        settings,
        figures: &figures,
        adjusted: &adjusted,
        overridden: &overridden,
        adjusting: adjusting.as_deref().unwrap_or(&overridden),
        damaged,
    };
    let changed = changed.map(|changed| changed.with_spans(ledger, &figures));
    let months = changed.as_ref().map(|changed| &changed.months);
    let is_wanted = |day: &Day| changed.as_ref().is_none_or(|changed| changed.days.contains(day));
    // A day whose outline is damaged could be drawn with other states than before.
    let days: Vec<Day> =
        ledger.days().into_iter().filter(|day| is_wanted(day) && !damaged.has(*day)).collect();
    let rendered = report::render(reports, &drawing, months, &Days { days: &days, read, workers })?;
    Ok((figures, rendered))
}

/// Keeps the editions that apply overrides.
fn overridden(mut editions: Vec<Outline>) -> Vec<Outline> {
    editions.retain(|edition| !edition.overrides.is_empty());
    editions
}
