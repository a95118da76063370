//! Report: writes figures as files that people and programs open.
//!
//! Every table is written as CSV and as Parquet, with one schema and one row order. In addition,
//! `[outputs]` switches on pages for people and exports for other programs.

mod destination;
mod exports;
pub mod missing_evidence;
mod pages;
mod publish;
mod put_back;
mod tables;
mod view;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use view::View;
use write::{FileBatch, Writer};

use crate::config::Format;
use crate::day::{Day, Month};
use crate::error::Trouble;
use crate::ledger::{DRAWN, Drawn, Edition, Ledger, Outline, Settings};
use crate::measure::{Figure, Figures};
use crate::slots::Scope;
use crate::table::{Metadata, Spec, Table};

pub use destination::Destination;
pub use exports::status_schema;
pub use publish::{NotPublished, publish};
use tables::breaks::Breaks;
pub use tables::failures::{FailureLine, failures};

/// The effect of rendering on the reports folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// Files whose content is new.
    pub written: Vec<PathBuf>,
    /// Number of files that had the same content already.
    pub unchanged: usize,
}

/// Returns the schema of every table, with its path in the reports folder without ending.
///
/// `reports/tables.md` and `reports/daily.md` are checked against it.
pub fn schema() -> [(&'static str, &'static Spec); 15] {
    [
        ("availability", &tables::summary::AVAILABILITY),
        ("months", &tables::summary::MONTHS),
        ("outages", &tables::outages::OUTAGES),
        ("overrides", &tables::overrides::OVERRIDES),
        ("restatements", &tables::restatements::RESTATEMENTS),
        ("breaks", &tables::breaks::BREAKS),
        ("daily/<day>/accounts", &tables::daily::ACCOUNTS),
        ("daily/<day>/slots", &tables::daily::SLOTS),
        ("daily/<day>/failures", &tables::failures::FAILURES),
        ("daily/<day>/callers", &tables::failures::CALLERS),
        ("daily/<day>/intake", &tables::daily::INTAKE),
        ("daily/<day>/deliveries", &tables::deliveries::DELIVERIES),
        ("daily/<day>/delays", &tables::deliveries::DELAYS),
        ("daily/<day>/fields", &tables::deliveries::FIELDS),
        ("daily/<day>/reconciliation", &tables::deliveries::RECONCILIATION),
    ]
}

/// Input of the reports that span days.
pub struct Drawing<'a> {
    pub ledger: &'a Ledger,
    pub settings: &'a Settings,
    pub figures: &'a Figures,
    /// Figures of months with adjusting entries, parallel to the months of `figures`.
    pub adjusted: &'a [Figure],
    /// Standing editions that apply overrides.
    pub overridden: &'a [Outline],
    /// The same with adjusting editions in place of the sealed ones that they adjust.
    pub adjusting: &'a [Outline],
    /// Notes days of which something cannot be read, and is left out.
    pub damaged: &'a DamagedDays,
}

/// Days of which the ledger keeps something damaged, and what.
#[derive(Debug, Default)]
pub struct DamagedDays(Mutex<BTreeMap<Day, String>>);

impl DamagedDays {
    pub fn note(&self, day: Day, why: &dyn std::fmt::Display) {
        self.all().entry(day).or_insert_with(|| why.to_string());
    }

    pub fn has(&self, day: Day) -> bool {
        self.all().contains_key(&day)
    }

    /// Takes out what was noted of a day.
    pub fn take(&self, day: Day) -> Option<String> {
        self.all().remove(&day)
    }

    pub fn into_inner(self) -> BTreeMap<Day, String> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Day, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what was read of a day; nothing, with a note, if it is damaged.
    ///
    /// # Errors
    /// Trouble that is not of one day.
    pub fn or_note<T>(&self, day: Day, read: Result<T, Trouble>) -> Result<Option<T>, Trouble> {
        match read {
            Ok(read) => Ok(Some(read)),
            Err(trouble) if trouble.stops_all() => Err(trouble),
            Err(trouble) => {
                self.note(day, &trouble);
                Ok(None)
            }
        }
    }
}

impl Drawing<'_> {
    /// Returns the title of all reports, marked if the ledger is a simulation.
    pub fn title(&self) -> String {
        let mark = if self.ledger.is_simulated() { " (simulated)" } else { "" };
        format!("{}{mark}", self.settings.outputs.title)
    }

    /// Returns what is said of older journals on the pages of a month, or of all months.
    fn put_back(&self, month: Option<Month>) -> Vec<String> {
        put_back::sentences(self.ledger, month)
    }
}

/// Input of the reports of one day.
pub struct DayDrawing {
    pub edition: Edition,
    /// Number and hash of the line that published it.
    pub line: String,
    /// Spans in which a log of the day is missing.
    pub gaps: Vec<crate::facts::Gap>,
    /// Events of the standing edition that are not good, before and after overrides.
    pub failures: Vec<FailureLine>,
    /// The explanations of every slot in which a scope was down, by slot.
    pub red: BTreeMap<u32, Vec<RedSlot>>,
}

/// The text of `explain` for a scope that was down in a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedSlot {
    pub scope: Scope,
    pub text: String,
}

/// The tables that span days.
pub struct Summary {
    pub availability: Table,
    pub months: Table,
    pub outages: Table,
    pub overrides: Table,
    pub restatements: Table,
    pub breaks: Table,
    /// Events of open days that should be explained by now.
    pub overdue_events: i64,
}

impl Summary {
    /// Works out the tables.
    ///
    /// # Errors
    /// The ledger cannot be read; of a damaged day nothing is listed among the breaks.
    pub fn new(drawing: &Drawing<'_>) -> Result<Self, Trouble> {
        let Drawing { ledger, figures, adjusted, overridden, adjusting, damaged, .. } = drawing;
        let Breaks { table: breaks, overdue_events } = tables::breaks::breaks(ledger, damaged)?;
        Ok(Self {
            breaks,
            overdue_events,
            availability: tables::summary::availability(figures),
            months: tables::summary::months(figures, adjusted, &|month| put_back::mark(ledger, month)),
            outages: tables::outages::outages(figures, overridden),
            overrides: tables::overrides::overrides(ledger, adjusting),
            restatements: tables::restatements::restatements(ledger),
        })
    }

    /// Returns the tables; each is named by its spec.
    pub const fn tables(&self) -> [&Table; 6] {
        let Self { availability, months, outages, overrides, restatements, breaks, .. } = self;
        [availability, months, outages, overrides, restatements, breaks]
    }
}

/// Works out the tables of one day; each is named by its spec.
pub fn daily_tables(day: &DayDrawing) -> [Table; 9] {
    let edition = &day.edition;
    [
        tables::daily::accounts(edition),
        tables::daily::slots(edition),
        tables::failures::table(&day.failures),
        tables::failures::callers(edition),
        tables::daily::intake(edition),
        tables::deliveries::deliveries(edition),
        tables::deliveries::delays(edition),
        tables::deliveries::fields(edition),
        tables::deliveries::reconciliation(edition),
    ]
}

/// The days whose own reports are drawn, how to read one, and how many are drawn in parallel.
///
/// A day of which nothing is read keeps the reports that were drawn of it.
pub struct Days<'a> {
    pub days: &'a [Day],
    pub read: &'a (dyn Fn(Day) -> anyhow::Result<Option<DayDrawing>> + Sync),
    pub workers: usize,
}

impl Days<'_> {
    /// Makes the files of `workers` days in parallel, and writes them in the order of days.
    fn write(
        &self,
        writer: &mut Writer<'_>,
        make: &(dyn Fn(&DayDrawing, &mut FileBatch) + Sync),
    ) -> anyhow::Result<()> {
        let draw = |day: Day| -> anyhow::Result<FileBatch> {
            let mut batch = FileBatch::default();
            let Some(drawn) = (self.read)(day)? else { return Ok(batch) };
            tables_of(&drawn, &mut batch)?;
            make(&drawn, &mut batch);
            Ok(batch)
        };
        for some in self.days.chunks(self.workers.max(1)) {
            let sheaves: Vec<anyhow::Result<FileBatch>> = std::thread::scope(|scope| {
                let drawing: Vec<_> = some.iter().map(|day| scope.spawn(|| draw(*day))).collect();
                let batch = |thread: std::thread::ScopedJoinHandle<'_, _>| {
                    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                };
                drawing.into_iter().map(batch).collect()
            });
            for batch in sheaves {
                writer.batch(batch?)?;
            }
        }
        Ok(())
    }
}

/// Writes the reports that span days, and the files of the given months and days.
///
/// `months` is `None` for all months. Months and days that have not changed may be given too; that
/// is only slower, because a file with the same content is left alone. The mark `.drawn` is written
/// last.
///
/// # Errors
/// A day cannot be read, or a file cannot be written.
pub fn render(
    reports: &Path,
    drawing: &Drawing<'_>,
    months: Option<&BTreeSet<Month>>,
    days: &Days<'_>,
) -> anyhow::Result<Rendered> {
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
    let summary = Summary::new(drawing)?;
    for table in summary.tables() {
        writer.table(table, &metadata)?;
    }
    let view = View::new(drawing)?;
    exports::draw(&mut writer, &view, &summary, months)?;
    let has_pages = drawing.settings.outputs.has(Format::Html);
    let all_days = drawing.ledger.days();
    days.write(&mut writer, &|drawn, batch| {
        if has_pages {
            pages::day(batch, drawn, drawing, &summary, &all_days);
        } else {
            pages::no_day(batch, drawn.edition.day);
        }
    })?;
    let all_months: BTreeSet<Month> = all_days.iter().map(|day| day.month()).collect();
    let is_wanted = |month: &Month| months.is_none_or(|months| months.contains(month));
    let months: Vec<Month> = all_months.into_iter().filter(is_wanted).collect();
    if has_pages {
        pages::spanning(&mut writer, &view, &summary, &months)?;
    } else {
        writer.no("index.html")?;
        for month in &months {
            writer.no(&format!("months/{month}.html"))?;
        }
    }
    let mut rendered = writer.done()?;
    let mut mark = Writer::new(reports)?;
    mark.text(DRAWN, &Drawn::of(drawing.ledger).to_json())?;
    mark.done()?;
    rendered.written.sort();
    Ok(rendered)
}

/// Writes the tables of the given days, and nothing else.
///
/// # Errors
/// A day cannot be read, or a file cannot be written.
pub fn render_days(reports: &Path, days: &Days<'_>) -> anyhow::Result<Rendered> {
    let mut writer = Writer::new(reports)?;
    days.write(&mut writer, &|_, _| ())?;
    Ok(writer.done()?)
}

fn tables_of(drawn: &DayDrawing, batch: &mut FileBatch) -> Result<(), Trouble> {
    let edition = &drawn.edition;
    let metadata = Metadata(vec![
        ("job_version", edition.job_version.clone()),
        ("edition", format!("{} {}", edition.day, edition.number)),
        ("ledger", drawn.line.clone()),
        ("policy_fingerprint", edition.policy.clone()),
        ("definition", edition.definition.settings()),
    ]);
    let folder = format!("daily/{}", edition.day);
    for table in daily_tables(drawn) {
        batch.table(&folder, &table, &metadata)?;
    }
    batch.text(format!("{folder}/quarantine.ndjson"), tables::daily::quarantine(edition));
    Ok(())
}
