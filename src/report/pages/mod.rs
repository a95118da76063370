//! Pages: the reports for people, each one HTML file that needs no network and no other file.

mod chart;
mod day;
mod month;
mod parts;
mod status;
mod strip;
mod words;

use words::{ENGLISH, Words};

use super::tables::rules;
use super::view::View;
use super::write::{FileBatch, Writer};
use super::{DayDrawing, Drawing, Summary};
use crate::day::{Day, Month};
use crate::error::Trouble;

const WORDS: &Words = &ENGLISH;

/// Writes the status page, and the statements of the given months.
///
/// # Errors
/// An edition or a policy cannot be read, or a file cannot be written.
pub(super) fn spanning(
    writer: &mut Writer<'_>,
    view: &View<'_>,
    summary: &Summary,
    months: &[Month],
) -> Result<(), Trouble> {
    let drawing = view.drawing;
    let Some(newest) = &view.newest else { return Ok(()) };
    writer.text("index.html", &status::page(WORDS, view, newest, &summary.outages))?;
    for month in months {
        let policies = rules::in_force(drawing.ledger, *month, drawing.damaged)?;
        let page = month::page(WORDS, drawing, summary, *month, &policies);
        writer.text(&format!("months/{month}.html"), &page)?;
    }
    Ok(())
}

/// Makes the page of a day, and the pages that explain its red minutes.
pub(super) fn day(
    batch: &mut FileBatch,
    drawn: &DayDrawing,
    drawing: &Drawing<'_>,
    summary: &Summary,
    days: &[Day],
) {
    let at = drawn.edition.day;
    let site = &*drawing.title();
    let around = day::Around {
        site,
        figures: drawing.figures,
        summary,
        earlier: days.iter().copied().rfind(|day| *day < at),
        later: days.iter().copied().find(|day| *day > at),
    };
    let folder = format!("daily/{at}");
    batch.text(format!("{folder}/index.html"), day::page(WORDS, drawn, &around));
    let mut names = Vec::new();
    for (name, html) in day::explanations(WORDS, site, drawn) {
        batch.text(format!("{folder}/{name}"), html);
        names.push(name);
    }
    batch.no_others(&folder, "explain-", names);
}

/// Removes the pages of a day.
pub(super) fn no_day(batch: &mut FileBatch, day: Day) {
    let folder = format!("daily/{day}");
    batch.no(format!("{folder}/index.html"));
    batch.no_others(&folder, "explain-", Vec::new());
}
