//! Report: figures → files that people open. Every table as CSV and as Parquet, with one schema and one row order.

mod daily;
mod joined;
mod outages;
mod summary;
mod write;

use std::path::{Path, PathBuf};

use crate::error::Trouble;
use crate::ledger::Edition;
use crate::measure::Figures;
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
pub fn schema() -> [(&'static str, &'static Spec); 9] {
    [
        ("availability", &summary::AVAILABILITY),
        ("months", &summary::MONTHS),
        ("outages", &outages::OUTAGES),
        ("daily/<day>/accounts", &daily::ACCOUNTS),
        ("daily/<day>/slots", &daily::SLOTS),
        ("daily/<day>/intake", &daily::INTAKE),
        ("daily/<day>/deliveries", &joined::DELIVERIES),
        ("daily/<day>/delays", &joined::DELAYS),
        ("daily/<day>/reconciliation", &joined::RECONCILIATION),
    ]
}

/// The tables that span days, by file name.
pub fn summary_tables(figures: &Figures) -> [Table; 3] {
    [summary::availability(figures), summary::months(figures), outages::outages(figures)]
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

/// Writes the summary tables, and the daily tables of the editions given. Give those that changed; giving all of them
/// is as right and only slower, because a file that already says the same is left alone.
pub fn render(reports: &Path, figures: &Figures, editions: &[Edition]) -> Result<Rendered, Trouble> {
    let mut writer = Writer::new(reports);
    let as_of = figures.as_of.map(|at| crate::day::rfc3339(at.timestamp_micros())).unwrap_or_default();
    let metadata = Metadata(vec![
        ("job_version", figures.job_version.clone()),
        ("as_of", as_of),
        ("policy_fingerprint", figures.policy.clone()),
        ("definition", figures.definition.clone()),
    ]);
    for table in summary_tables(figures) {
        writer.table("", &table, &metadata)?;
    }
    for edition in editions {
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
        writer.text(&format!("{folder}/quarantine.ndjson"), &daily::quarantine(edition))?;
    }
    writer.done()
}
