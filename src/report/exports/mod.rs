//! Exports: files for other programs, each switched on or off by `[outputs]`.
//!
//! Like the tables, each depends on the ledger alone: no clock, one order, the same bytes every
//! time.

mod atom;
mod excel;
mod hledger;
mod prometheus;
mod status_json;

use std::collections::{BTreeMap, BTreeSet};

use super::view::View;
use super::write::Writer;
use super::{Drawing, Summary};
use crate::config::Format;
use crate::day::{Day, Month};
use crate::measure::Period;
use crate::slots::Scope;
use crate::table::{Row, Value};

pub use status_json::schema as status_schema;

/// Writes the exports that are switched on, and removes the others.
///
/// Of the exports per month, only `months` are written; all if it is `None`.
pub fn draw(
    writer: &mut Writer<'_>,
    view: &View<'_>,
    summary: &Summary,
    months: Option<&BTreeSet<Month>>,
) -> anyhow::Result<()> {
    let drawing = view.drawing;
    let outputs = &drawing.settings.outputs;
    if outputs.has(Format::Json) {
        writer.text("status.json", &status_json::status(view))?;
    } else {
        writer.no("status.json")?;
    }
    if outputs.has(Format::Atom) {
        writer.text("outages.atom", &atom::feed(view))?;
    } else {
        writer.no("outages.atom")?;
    }
    if outputs.has(Format::Prometheus) {
        writer.text("metrics.prom", &prometheus::metrics(view, summary.overdue_events)?)?;
    } else {
        writer.no("metrics.prom")?;
    }

    let known: BTreeSet<Month> = drawing.ledger.days().into_iter().map(Day::month).collect();
    let is_wanted = |month: &&Month| months.is_none_or(|months| months.contains(month));
    if outputs.has(Format::Excel) {
        let rows = by_month(drawing, summary, &known);
        for month in known.iter().filter(is_wanted) {
            writer
                .bytes(&format!("months/{month}.xlsx"), &excel::workbook(drawing, *month, &rows[month])?)?;
        }
    } else {
        for month in &known {
            writer.no(&format!("months/{month}.xlsx"))?;
        }
    }
    if outputs.has(Format::Hledger) {
        for month in known.iter().filter(is_wanted) {
            let put_back = drawing.put_back(Some(*month));
            let text =
                hledger::journal(drawing.ledger, *month, &drawing.title(), &put_back, drawing.damaged)?;
            writer.text(&format!("months/{month}.journal"), &text)?;
        }
    } else {
        for month in &known {
            writer.no(&format!("months/{month}.journal"))?;
        }
    }
    Ok(())
}

/// Rows of a month for each sheet: months, days, outages, overrides, restatements.
type MonthRows<'a> = [Vec<Row<'a>>; 5];

/// Splits the tables that span days by month; a row that touches two months is in both.
fn by_month<'a>(
    drawing: &Drawing<'_>,
    summary: &'a Summary,
    known: &BTreeSet<Month>,
) -> BTreeMap<Month, MonthRows<'a>> {
    let mut found: BTreeMap<Month, MonthRows<'a>> =
        known.iter().map(|m| (*m, MonthRows::default())).collect();
    let Summary { availability: days, months, outages, overrides, restatements, .. } = summary;
    let names: BTreeMap<String, Month> = known.iter().map(|month| (month.to_string(), *month)).collect();
    let of_day = |row: &Row<'_>| match row.value("day") {
        Value::Date(days) => Day::of_us(days * crate::day::DAY_US).map(Day::month),
        _ => None,
    };
    // Figures of a month are drawn for every scope that ever existed; a scope without any day in
    // the month is left out.
    let seen: BTreeSet<(Month, &Scope)> = (drawing.figures.days.iter())
        .filter_map(|figure| match figure.period {
            Period::Day(day) => Some((day.month(), &figure.scope)),
            Period::Month(_) => None,
        })
        .collect();
    for (row, figure) in months.rows().zip(&drawing.figures.months) {
        let month = row.text("month").ok().and_then(|name| names.get(name).copied());
        if let Some(month) = month.filter(|month| seen.contains(&(*month, &figure.scope))) {
            found.entry(month).or_default()[0].push(row);
        }
    }
    for (at, table) in [(1, days), (4, restatements)] {
        for row in table.rows() {
            if let Some(rows) = of_day(&row).and_then(|month| found.get_mut(&month)) {
                rows[at].push(row);
            }
        }
    }
    for (at, table) in [(2, outages), (3, overrides)] {
        for row in table.rows() {
            let [Value::Instant(start), Value::Instant(end)] = [row.value("start"), row.value("end")] else {
                continue;
            };
            for (_, rows) in found.iter_mut().filter(|(month, _)| month.overlaps(start, end)) {
                rows[at].push(row);
            }
        }
    }
    found
}

/// Longest text in the formats for people, in characters.
const LINE: usize = 300;
