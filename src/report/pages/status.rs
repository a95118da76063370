//! The status page: how every component is now, its last 90 days, its month, and what was down.

use maud::{Markup, html};

use super::parts::{Page, count, data, percent, scope_name, second, table};
use super::words::Words;
use crate::day::Day;
use crate::ledger::{Edition, Ledger};
use crate::measure::{Figure, Period, condition};
use crate::report::Drawing;
use crate::slots::{Scope, ScopeKind};
use crate::table::Table;

/// Days of the bars.
const DAYS: i64 = 90;
/// The definition whose figures are shown first; the tables hold all.
pub(super) const MAIN: &str = "whatsapp";

pub(super) fn page(w: &Words, drawing: &Drawing<'_>, newest: &Edition, outages: &Table) -> String {
    let Drawing { ledger, settings, figures, .. } = drawing;
    let scopes = components(newest);
    let from_us = newest.day.plus(1 - DAYS).start_us();
    let recent = |row: &crate::table::Row<'_>| {
        let is = |name, text: &str| row.text(name).is_ok_and(|found| found == text);
        is("scope_kind", "component") && is("region", "*") && row.number("end").is_ok_and(|us| us > from_us)
    };
    let columns =
        ["scope", "start", "end", "duration_seconds", "class", "is_counted", "top_error_codes", "overrides"];
    let as_of = figures.as_of.map(second);
    let body = html! {
        p { (w.through) " " b { (newest.day) } ", " (w.updated) " " (as_of.unwrap_or_default()) "." }
        p.note { (w.bars_help) }
        @for scope in &scopes {
            section.card aria-label=(scope_name(scope)) {
                h2 { (scope_name(scope)) }
                @let now = condition(newest, scope);
                span.badge.(now.name()) { (w.condition(now)) }
                (numbers(w, drawing, scope))
                (bars(w, drawing, scope, newest.day))
            }
        }
        h2 { (w.recent_outages) }
        @match table(w, w.recent_outages, &columns, outages, recent) {
            Some(table) => { (table) (data(w, "", &["outages"])) }
            None => p { (w.no_outages) }
        }
        h2 { (w.months) }
        ul { @for month in months(drawing) { li { a href={ "months/" (month) ".html" } { (month) } } } }
        h2 { (w.definition) }
        p { (w.definition_note) }
        dl.facts {
            dt { (w.definition) } dd { (MAIN) ": " (w.definition(&newest.definition)) }
            dt { (w.policy) } dd { code { (newest.policy) } }
            dt { (w.edition) } dd { (newest.day) " / " (newest.number) ", " (newest.state.name()) }
            dt { (w.newest_seal) } dd { (newest_seal(w, ledger)) }
            dt { (w.ledger) } dd { (ledger.head().0) " " code { (ledger.head().1) } }
        }
        h2 { (w.downloads) }
        (data(w, "", &["availability", "months", "outages", "overrides", "restatements"]))
    };
    let title = w.status.to_owned();
    let day = (format!("daily/{}/index.html", newest.day), format!("{} {}", w.day, newest.day));
    let month = newest.day.month();
    let month = (format!("months/{month}.html"), format!("{} {month}", w.month));
    Page { words: w, site: &settings.outputs.title, title, root: "", links: vec![day, month], body }.html()
}

/// Components in all regions, in the order of reports.
fn components(edition: &Edition) -> Vec<Scope> {
    let is_whole = |scope: &&Scope| scope.kind == ScopeKind::Component && scope.is_all_regions();
    edition.slots.scopes().iter().filter(is_whole).cloned().collect()
}

/// The months that have a statement, newest first.
fn months(drawing: &Drawing<'_>) -> Vec<String> {
    let mut months: Vec<String> = drawing
        .figures
        .months
        .iter()
        .filter_map(|figure| match figure.period {
            Period::Month(month) => Some(month.to_string()),
            Period::Day(_) => None,
        })
        .collect();
    months.dedup();
    months.reverse();
    months
}

fn newest_seal(w: &Words, ledger: &Ledger) -> String {
    let sealed = ledger.record().days.iter().rev().find_map(|(day, record)| record.sealed.map(|n| (day, n)));
    sealed.map_or_else(|| w.no_seal.to_owned(), |(day, number)| format!("{day} / {number}"))
}

/// This month and the one before, with target and budget.
fn numbers(w: &Words, drawing: &Drawing<'_>, scope: &Scope) -> Markup {
    let mine = |(figure, _): &(&Figure, &Figure)| figure.scope == *scope && figure.definition.name == MAIN;
    let pairs = drawing.figures.months.iter().zip(drawing.adjusted).filter(mine);
    let newest: Vec<(&Figure, &Figure)> = pairs.collect();
    html! {
        dl.numbers {
            @for (figure, adjusted) in newest.iter().rev().take(2) {
                @let Period::Month(month) = figure.period else { unreachable!("figures.months hold months") };
                div {
                    dt { (month) " · " (w.status(figure.status)) }
                    dd.main { (percent(figure.net_micro_percent)) }
                    dd { (percent(figure.gross_micro_percent)) " " (w.gross) }
                    @if adjusted.net_micro_percent != figure.net_micro_percent {
                        dd { (percent(adjusted.net_micro_percent)) " " (w.with_adjustments) }
                    }
                    @match &figure.budget {
                        Some(budget) => {
                            dd { (w.target) " " (percent(Some(budget.target_micro_percent))) }
                            dd { (count(budget.remaining())) " / " (count(budget.allowed)) " " (budget.unit) " " (w.budget_left) }
                        }
                        None => dd { (w.no_target) }
                    }
                    dd { (w.coverage) " " (percent(figure.coverage_micro_percent)) }
                }
            }
        }
    }
}

/// One bar a day, each a link that says its numbers.
fn bars(w: &Words, drawing: &Drawing<'_>, scope: &Scope, newest: Day) -> Markup {
    let figure = |day: Day| {
        let days = &drawing.figures.days;
        // Figures are sorted by day.
        let from = days.partition_point(|f| f.period < Period::Day(day));
        let of_day = days[from..].iter().take_while(move |f| f.period == Period::Day(day));
        of_day.into_iter().find(|f| f.scope == *scope && f.definition.name == MAIN)
    };
    html! {
        ol.bars aria-label=(w.bars) {
            @for day in newest.plus(1 - DAYS).through(newest) {
                li {
                    @match figure(day) {
                        Some(figure) => {
                            @let said = said(w, day, figure);
                            a.bar.(class(figure)) href={ "daily/" (day) "/index.html" } aria-label=(said) {
                                span.tip aria-hidden="true" { (said) }
                            }
                        }
                        None => { span.bar {} span.tip { (day) ": " (w.not_published) } }
                    }
                }
            }
        }
    }
}

fn class(figure: &Figure) -> &'static str {
    match &figure.net {
        net if net.slots_counted > 0 => "down",
        net if net.slots_down + net.slots_degraded > 0 => "degraded",
        _ if figure.net_micro_percent.is_none() => "none",
        _ => "up",
    }
}

/// `2026-11-18: 96.111111 %, 65 slots down, 56 counted, coverage 84.097222 %, edition 2, restated`.
fn said(w: &Words, day: Day, figure: &Figure) -> String {
    let Figure { net, edition, state, .. } = figure;
    let Some(_) = figure.net_micro_percent else {
        return format!("{day}: {}, {} {edition}", w.nothing_observed, w.edition);
    };
    format!(
        "{day}: {}, {} {}, {} {}, {} {}, {} {edition}, {}",
        percent(figure.net_micro_percent),
        count(net.slots_down),
        w.minutes_down,
        count(net.slots_counted),
        w.minutes_counted,
        w.coverage,
        percent(figure.coverage_micro_percent),
        w.edition,
        state.name()
    )
}
