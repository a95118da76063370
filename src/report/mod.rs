//! Report: figures → files that people open. Every table as CSV and as Parquet, with one schema and one row order.

mod daily;
mod joined;
mod outages;
mod overrides;
mod restatements;
mod summary;
mod write;

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::Trouble;
use crate::ledger::{Edition, Ledger, Outline};
use crate::measure::{Figure, Figures};
use crate::table::{Metadata, Spec, Table};

use write::Writer;

/// What rendering did to the reports folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// Files whose content is new.
    pub written: Vec<PathBuf>,
    /// Files that already said the same.
    pub unchanged: usize,
}

/// Every table and where it is found, without its ending: what `reports/README.md` is checked against.
pub fn schema() -> [(&'static str, &'static Spec); 11] {
    [
        ("availability", &summary::AVAILABILITY),
        ("months", &summary::MONTHS),
        ("outages", &outages::OUTAGES),
        ("overrides", &overrides::OVERRIDES),
        ("restatements", &restatements::RESTATEMENTS),
        ("daily/<day>/accounts", &daily::ACCOUNTS),
        ("daily/<day>/slots", &daily::SLOTS),
        ("daily/<day>/intake", &daily::INTAKE),
        ("daily/<day>/deliveries", &joined::DELIVERIES),
        ("daily/<day>/delays", &joined::DELAYS),
        ("daily/<day>/reconciliation", &joined::RECONCILIATION),
    ]
}

/// What the tables that span days are drawn from.
pub struct Drawing<'a> {
    pub ledger: &'a Ledger,
    pub figures: &'a Figures,
    /// Figures of months with adjusting entries in place of what they adjust, parallel to those without.
    pub adjusted: &'a [Figure],
    /// Editions that apply overrides.
    pub overridden: &'a [Outline],
}

/// The tables that span days, by file name.
pub fn summary_tables(drawing: &Drawing<'_>) -> [Table; 5] {
    let Drawing { ledger, figures, adjusted, overridden } = drawing;
    [
        summary::availability(figures),
        summary::months(figures, adjusted),
        outages::outages(figures, overridden),
        overrides::overrides(ledger, overridden),
        restatements::restatements(ledger),
    ]
}

/// The tables of one day, by file name.
pub fn daily_tables(edition: &Edition) -> [Table; 6] {
    [
        daily::accounts(edition),
        daily::slots(edition),
        daily::intake(edition),
        joined::deliveries(edition),
        joined::delays(edition),
        joined::reconciliation(edition),
    ]
}

/// Writes the tables that span days, and those of the editions given, which are read one by one. Give those that changed;
/// giving all of them is as right and only slower, because a file that already says the same is left alone. Last comes the
/// mark that says which line of the ledger is shown.
///
/// # Errors
/// An edition cannot be read, or a file not be written.
pub fn render(
    reports: &Path,
    drawing: &Drawing<'_>,
    editions: impl Iterator<Item = Result<Edition, Trouble>>,
) -> Result<Rendered, Trouble> {
    let figures = drawing.figures;
    let mut writer = Writer::new(reports)?;
    let as_of = figures.as_of.map(|at| crate::day::rfc3339(at.timestamp_micros())).unwrap_or_default();
    let (seq, hash) = drawing.ledger.head();
    let metadata = Metadata(vec![
        ("job_version", figures.job_version.clone()),
        ("as_of", as_of),
        ("ledger", format!("{seq} {hash}")),
        ("policy_fingerprint", figures.policy.clone()),
        ("definition", figures.definition.clone()),
    ]);
    for table in summary_tables(drawing) {
        writer.table("", &table, &metadata)?;
    }
    for edition in editions {
        day(&mut writer, &edition?)?;
    }
    let mut rendered = writer.done()?;
    let mut mark = Writer::new(reports)?;
    mark.text(DRAWN, &format!("{}\n", serde_json::json!({ "seq": seq, "hash": hash })))?;
    mark.done()?;
    rendered.written.sort();
    Ok(rendered)
}

/// Writes the tables of the editions given, and nothing else.
///
/// # Errors
/// A file cannot be written.
pub fn render_days(reports: &Path, editions: &[Edition]) -> Result<Rendered, Trouble> {
    let mut writer = Writer::new(reports)?;
    for edition in editions {
        day(&mut writer, edition)?;
    }
    writer.done()
}

fn day(writer: &mut Writer<'_>, edition: &Edition) -> Result<(), Trouble> {
    let metadata = Metadata(vec![
        ("job_version", edition.job_version.clone()),
        ("edition", format!("{} {}", edition.day, edition.number)),
        ("policy_fingerprint", edition.policy.clone()),
        ("definition", edition.definition.settings()),
    ]);
    let folder = format!("daily/{}", edition.day);
    for table in daily_tables(edition) {
        writer.table(&folder, &table, &metadata)?;
    }
    writer.text(&format!("{folder}/quarantine.ndjson"), &daily::quarantine(edition))
}

/// The file that says which line of the ledger the reports show.
const DRAWN: &str = ".drawn";

/// The line of the ledger that the reports show.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Drawn {
    pub seq: u64,
    pub hash: String,
}

/// What the reports show; `None` when they were never drawn whole.
pub fn drawn(reports: &Path) -> Option<Drawn> {
    serde_json::from_slice(&std::fs::read(reports.join(DRAWN)).ok()?).ok()
}
