//! The status page: each component now, its last 90 days and its month, and recent outages.

use maud::{Markup, html};

use super::month::is_below;
use super::parts::{Page, count, data, missing, percent, scope_name, second, table};
use super::words::Words;
use crate::attention::Standing;
use crate::day::Day;
use crate::ledger::Edition;
use crate::measure::{Figure, Figures, Period, condition};
use crate::report::Drawing;
use crate::report::view::{DAYS, DEFINITION, View};
use crate::slots::Scope;
use crate::table::Table;

pub(super) fn page(w: &Words, view: &View<'_>, newest: &Edition, outages: &Table) -> String {
    let Drawing { ledger, figures, .. } = view.drawing;
    let from_us = newest.day.plus(1 - DAYS).start_us();
    let recent = |row: &crate::table::Row<'_>| {
        let is = |name, text: &str| row.text(name).is_ok_and(|found| found == text);
        is("scope_kind", "component") && is("region", "*") && row.number("end").is_ok_and(|us| us > from_us)
    };
    let columns = [
        "scope",
        "start",
        "end",
        "duration_seconds",
        "at_least_seconds",
        "at_most_seconds",
        "is_ongoing",
        "class",
        "is_counted",
        "callers_hit",
        "top_error_codes",
        "overrides",
    ];
    let as_of = figures.as_of.map(second);
    let body = html! {
        p { (w.through) " " b { (newest.day) } ", " (w.updated) " " (as_of.unwrap_or_default()) "." }
        p.note { (w.bars_help) }
        @for scope in view.components() {
            section.card aria-label=(scope_name(scope)) {
                h2 { (scope_name(scope)) }
                @let now = condition(newest, scope);
                span.badge.(now.name()) { (w.condition(now)) }
                (numbers(w, view, scope))
                (bars(w, view, scope, newest.day))
            }
        }
        (missing(w, newest, view.unknown, &view.gaps))
        (standing(w, &view.standing()))
        h2 { (w.recent_outages) }
        @match table(w, w.recent_outages, &columns, outages, recent) {
            Some(table) => { (table) (data(w, "", &["outages"])) }
            None => p { (w.no_outages) }
        }
        h2 { (w.months) }
        ul { @for month in months(figures) { li { a href={ "months/" (month) ".html" } { (month) } } } }
        h2 { (w.definition) }
        p { (w.definition_note) }
        dl.facts {
            dt { (w.definition) } dd { (DEFINITION.name) ": " (w.definition(&newest.definition)) }
            dt { (w.policy) } dd { code { (newest.policy) } }
            dt { (w.edition) } dd { (newest.day) " / " (newest.number) ", " (newest.state.name()) }
            dt { (w.newest_seal) } dd { (newest_seal(w, view)) }
            dt { (w.ledger) } dd { (ledger.head().0) " " code { (ledger.head().1) } }
        }
        h2 { (w.downloads) }
        (data(w, "", &["availability", "months", "outages", "overrides", "restatements"]))
    };
    let title = w.status.to_owned();
    let day = (format!("daily/{}/index.html", newest.day), format!("{} {}", w.day, newest.day));
    let month = newest.day.month();
    let month = (format!("months/{month}.html"), format!("{} {month}", w.month));
    let put_back = view.drawing.put_back(None);
    Page { words: w, site: &view.drawing.title(), title, root: "", put_back, links: vec![day, month], body }
        .html()
}

/// Lists what stands open, if anything does.
fn standing(w: &Words, all: &[Standing]) -> Markup {
    html! {
        @if !all.is_empty() {
            h2 { (w.attention) }
            p.note { (w.attention_help) }
            ul {
                @for Standing { key, since, attention, .. } in all {
                    li { code { (key) } " " (w.since) " " (Day::of(*since)) ": " (attention.message) }
                }
            }
        }
    }
}

/// Lists the months that have a statement, newest first.
fn months(figures: &Figures) -> Vec<String> {
    let mut months: Vec<String> = figures
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

fn newest_seal(w: &Words, view: &View<'_>) -> String {
    view.newest_sealed().map_or_else(|| w.no_seal.to_owned(), |(day, number)| format!("{day} / {number}"))
}

/// Draws this month and the one before, with target and budget.
fn numbers(w: &Words, view: &View<'_>, scope: &Scope) -> Markup {
    let months = view.this_and_last_month().into_iter().flatten();
    let known = months.filter_map(|month| Some((month, view.month(scope, month)?)));
    html! {
        dl.numbers {
            @for (month, (figure, adjusted)) in known {
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
                    @if is_below(figure) { dd { (w.at_least) " " (percent(figure.at_least_micro_percent)) } }
                    dd { (w.coverage) " " (percent(figure.coverage_micro_percent)) }
                }
            }
        }
    }
}

/// Draws one bar per day, each a link with its numbers as text.
fn bars(w: &Words, view: &View<'_>, scope: &Scope, newest: Day) -> Markup {
    let figure = |day: Day| {
        let days = &view.drawing.figures.days;
        // Figures are sorted by day.
        let from = days.partition_point(|f| f.period < Period::Day(day));
        let of_day = days[from..].iter().take_while(move |f| f.period == Period::Day(day));
        of_day.into_iter().find(|f| f.scope == *scope && f.definition.name == DEFINITION.name)
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

/// Formats the numbers of a bar.
///
/// `2026-11-18: 96.111111 %, 65 slots down, 56 counted, coverage 84.097222 %, edition 2, restated`
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
