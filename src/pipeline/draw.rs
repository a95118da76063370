//! Drawing: figures and days of the ledger → reports, and only what may have changed since they were drawn.

use std::collections::BTreeSet;
use std::path::Path;

use chrono::{DateTime, Utc};

use super::{DayBooks, adjusted, reported};
use crate::day::{Day, Month};
use crate::ledger::{Edition, Entry, Extent, Ledger, Settings};
use crate::measure::{self, Figures};
use crate::report::{self, DayDrawing, Drawing, Rendered};

/// Draws the reports when they do not show the newest line of the ledger yet; else only the days that were asked for.
pub(super) fn draw(
    ledger: &Ledger,
    reports: &Path,
    asked: &BTreeSet<Day>,
    settings: &Settings,
) -> anyhow::Result<(Figures, Rendered)> {
    let drawn = report::drawn(reports);
    let of_this_job = drawn.filter(report::Drawn::is_of_this_job);
    let (seq, hash) = ledger.head();
    match of_this_job {
        Some(drawn) if (drawn.seq, &drawn.hash) == (seq, &hash) => {
            let figures = reported::figures(ledger, asked, &settings.config())?;
            let days = asked.iter().map(|day| drawing_of(ledger, *day));
            Ok((figures, report::render_days(reports, days)?))
        }
        Some(drawn) => redraw(ledger, reports, settings, changed_since(ledger, drawn.seq, asked).as_ref()),
        // Another version of the job may draw anything otherwise.
        None => redraw(ledger, reports, settings, None),
    }
}

/// Days whose own reports may say something else than after a line of the journal; `None` is all of them.
fn changed_since(ledger: &Ledger, seq: u64, asked: &BTreeSet<Day>) -> Option<BTreeSet<Day>> {
    let mut days = asked.clone();
    let known = &ledger.record().rows;
    let mut touched: Vec<(i64, i64)> = Vec::new();
    for line in ledger.lines().filter(|line| line.seq > seq) {
        match &line.entry {
            Entry::Settings { .. } => return None,
            // The pages of the days beside it lead there, and an outage may reach over midnight.
            Entry::Edition(publication) => days.extend((-2..=2).map(|n| publication.day.plus(n))),
            Entry::Sealed { day, .. } => _ = days.insert(*day),
            Entry::Reported { figures } => days.extend(figures.iter().map(|figure| figure.day)),
            Entry::Overrides { seen, gone } => {
                let gone = gone.iter().filter_map(|row| known.get(row)).map(|filed| &filed.row);
                touched.extend(seen.iter().chain(gone).map(|row| (row.start_us, row.end_us)));
            }
            Entry::Judged { rows } => {
                let rows = rows.iter().filter_map(|judged| known.get(&judged.row));
                touched.extend(rows.map(|filed| (filed.row.start_us, filed.row.end_us)));
            }
            Entry::Ledger { .. } | Entry::Read(_) | Entry::Pruned { .. } | Entry::Malformed { .. } => {}
        }
    }
    let is_touched =
        |day: &Day| touched.iter().any(|(start, end)| *start < day.end_us() && day.start_us() < *end);
    days.extend(ledger.days().into_iter().filter(is_touched));
    Some(days)
}

/// Draws all reports of a ledger, as far as it counts, from nothing but itself. `days` are those whose own reports may have
/// changed; all of them when `None`.
///
/// # Errors
/// The ledger cannot be read or the reports cannot be written.
pub fn redraw(
    ledger: &Ledger,
    reports: &Path,
    settings: &Settings,
    days: Option<&BTreeSet<Day>>,
) -> anyhow::Result<(Figures, Rendered)> {
    let config = settings.config();
    let editions = ledger.editions(Extent::Figures)?;
    let figures = measure::draw(&editions, &config);
    let overridden = overridden(ledger, &editions)?;
    let adjusted = if adjusted(ledger).is_empty() {
        figures.months.clone()
    } else {
        measure::draw(&reported::with_adjustments(ledger, editions)?, &config).months
    };
    let drawing =
        Drawing { ledger, settings, figures: &figures, adjusted: &adjusted, overridden: &overridden };
    let is_wanted = |day: &Day| days.is_none_or(|days| days.contains(day));
    let whole = ledger.days().into_iter().filter(is_wanted).map(|day| drawing_of(ledger, day));
    let months = days.map(|days| months(days, figures.as_of));
    let rendered = report::render(reports, &drawing, months.as_ref(), whole)?;
    Ok((figures, rendered))
}

/// Months whose statements may have changed: those of days that have, and those that have lately become final.
fn months(days: &BTreeSet<Day>, as_of: Option<DateTime<Utc>>) -> BTreeSet<Month> {
    /// Longer than a job stands still while its days are sealed.
    const LATELY: i64 = 62;
    let mut months: BTreeSet<Month> = days.iter().map(|day| day.month()).collect();
    if let Some(today) = as_of.map(Day::of) {
        // A month is final by the middle of the next one.
        months.extend(today.plus(-LATELY - 45).through(today).map(Day::month));
    }
    months
}

/// All that the reports of one day are drawn from.
fn drawing_of(ledger: &Ledger, day: Day) -> anyhow::Result<DayDrawing> {
    let books = DayBooks::read(ledger, day)?;
    let failures = report::failures(books.postings())?;
    let red = books.red();
    Ok(DayDrawing { edition: books.into_edition(), failures, red })
}

/// Editions that apply overrides: those that stand, or the adjusting ones beside them.
fn overridden(ledger: &Ledger, standing: &[Edition]) -> anyhow::Result<Vec<Edition>> {
    let adjusted = adjusted(ledger);
    let mut found: Vec<Edition> = Vec::new();
    for edition in standing {
        match adjusted.get(&edition.day) {
            Some(number) => found.push(ledger.edition(edition.day, *number, Extent::Figures)?),
            None => found.push(edition.clone()),
        }
    }
    found.retain(|edition| !edition.overrides.is_empty());
    Ok(found)
}
