//! The month statement, which a reliability review signs.

use maud::{Markup, html};

use super::parts::{Page, count, data, percent, scope_name, table, text};
use super::words::Words;
use crate::attention::Acknowledgement;
use crate::day::Month;
use crate::measure::{CountingRule, Figure, FigureStatus, Period};
use crate::report::tables::rules::PolicyInForce;
use crate::report::view::{DEFINITION, is_whole_component};
use crate::report::{Drawing, Summary};
use crate::table::Row;

pub(super) fn page(
    w: &Words,
    drawing: &Drawing<'_>,
    summary: &Summary,
    month: Month,
    policies: &[PolicyInForce],
) -> String {
    let (from, until) = (month.first().start_us(), month.last().end_us());
    let touches = |row: &Row<'_>| {
        let at = |name| row.number(name).ok();
        at("start").is_some_and(|us| us < until) && at("end").is_some_and(|us| us > from)
    };
    let is_of_month = |row: &Row<'_>| {
        let dates = [month.first(), month.last()].map(|day| day.start_us() / crate::day::DAY_US);
        row.number("day").is_ok_and(|day| (dates[0]..=dates[1]).contains(&day))
    };
    let is_main = |row: &Row<'_>| {
        let is = |name, text: &str| row.text(name).is_ok_and(|found| found == text);
        is("scope_kind", "component") && is("region", "*")
    };
    let is_counted = |row: &Row<'_>| row.number("is_counted") == Ok(1);
    let Summary { availability, outages, overrides, restatements, .. } = summary;
    let root = "../";
    let body = html! {
        p.note { (w.statement_help) }
        (figures(w, drawing, month))
        @let columns = ["scope", "start", "end", "duration_seconds", "at_least_seconds", "at_most_seconds", "is_ongoing",
                        "class", "events_bad", "callers_hit", "leave_out", "top_error_codes",
                        "top_callers_share_percent", "overrides"];
        h2 { (w.counted) }
        p.note { (w.long_enough) }
        @match table(w, w.counted, &columns, outages, |row| touches(row) && is_main(row) && is_counted(row)) {
            Some(table) => (table),
            None => p { (w.no_outages) }
        }
        h2 { (w.not_counted) }
        p.note { (w.too_short) }
        @match table(w, w.not_counted, &columns, outages, |row| touches(row) && is_main(row) && !is_counted(row)) {
            Some(table) => (table),
            None => p { (w.no_outages) }
        }
        (data(w, root, &["outages"]))
        h2 { (w.overrides) }
        @let columns = ["id", "direction", "status", "why", "start", "end", "service", "region", "business_id", "error_code",
                        "account", "account_to", "reason", "ticket", "author", "approver", "first_seen_at", "events_moved",
                        "slots_changed", "note"];
        @match table(w, w.overrides, &columns, overrides, touches) {
            Some(table) => { (table) (data(w, root, &["overrides"])) }
            None => p { (w.no_overrides) }
        }
        (decisions(w, drawing, month))
        h2 { (w.restatements) }
        @let columns = ["published_at", "day", "scope", "definition", "edition_from", "edition_to", "cause", "is_adjusting",
                        "availability_percent_before", "availability_percent_after", "slots_counted_delta", "events_good_delta",
                        "events_bad_delta"];
        @match table(w, w.restatements, &columns, restatements, is_of_month) {
            Some(table) => { (table) (data(w, root, &["restatements"])) }
            None => p { (w.no_restatements) }
        }
        h2 { (w.days) }
        @let columns = ["day", "scope", "availability_percent_net", "availability_percent_gross", "slots_counted", "slots_down",
                        "slots_doubtful", "slots_unobserved", "coverage_percent", "edition", "state"];
        @let is_day = |row: &Row<'_>| {
            is_of_month(row) && is_main(row) && row.text("definition").is_ok_and(|name| name == DEFINITION.name)
        };
        (table(w, w.days, &columns, availability, is_day).unwrap_or_default())
        (data(w, root, &["availability"]))
        h2 { (w.rules) }
        p.note { (w.rules_help) }
        @for policy in policies { (in_force(w, policy)) }
        section.sign aria-label=(w.signed) { @for name in w.signatures { p { (name) } } }
    };
    let title = format!("{} {month}", w.statement);
    let last = figures_of(drawing, month).map(|(figure, _)| figure.days_published).max();
    let newest = drawing.ledger.days().into_iter().rfind(|day| day.month() == month);
    let link = newest.filter(|_| last.is_some());
    let links = link.map(|day| (format!("../daily/{day}/index.html"), format!("{} {day}", w.day)));
    let site = &*drawing.title();
    let put_back = drawing.put_back(Some(month));
    Page { words: w, site, title, root, put_back, links: links.into_iter().collect(), body }.html()
}

/// Lists what two persons have decided about days of the month.
fn decisions(w: &Words, drawing: &Drawing<'_>, month: Month) -> Markup {
    let is_of_month = |said: &&Acknowledgement| said.day().is_some_and(|day| day.month() == month);
    let said: Vec<&Acknowledgement> =
        drawing.ledger.record().attention.decisions().iter().filter(is_of_month).collect();
    html! {
        @if !said.is_empty() {
            h2 { (w.decisions) }
            ul {
                @for Acknowledgement { key, author, approver, reason, .. } in said {
                    li { code { (key) } ": " (reason) " (" (author) ", " (approver.as_deref().unwrap_or_default()) ")" }
                }
            }
        }
    }
}

fn figures_of<'a>(drawing: &'a Drawing<'_>, month: Month) -> impl Iterator<Item = (&'a Figure, &'a Figure)> {
    let is_of = move |(figure, _): &(&Figure, &Figure)| {
        figure.period == Period::Month(month) && is_whole_component(&figure.scope)
    };
    drawing.figures.months.iter().zip(drawing.adjusted).filter(is_of)
}

/// Draws the figures of every component under every definition, with the formula.
fn figures(w: &Words, drawing: &Drawing<'_>, month: Month) -> Markup {
    html! {
        @for (figure, adjusted) in figures_of(drawing, month) {
            section.card aria-label={ (scope_name(&figure.scope)) ", " (figure.definition.name) } {
                h2 { (scope_name(&figure.scope)) }
                span.badge { (figure.definition.name) }
                p.formula { (formula(figure)) }
                dl.facts {
                    dt { (w.gross) } dd { (percent(figure.gross_micro_percent)) }
                    dt { (w.net) } dd { (percent(figure.net_micro_percent)) }
                    @if adjusted.net_micro_percent != figure.net_micro_percent {
                        dt { (w.with_adjustments) } dd { (percent(adjusted.net_micro_percent)) }
                    }
                    @if let Some(budget) = &figure.budget {
                        dt { (w.target) }
                        dd {
                            (percent(Some(budget.target_micro_percent))) ", " (count(budget.remaining())) " / "
                            (count(budget.allowed)) " " (budget.unit) " " (w.budget_left)
                        }
                    }
                    @if is_below(figure) { dt { (w.at_least) } dd { (percent(figure.at_least_micro_percent)) } }
                    @if let [first, .., last] = *figure.rule_versions {
                        dt { (w.column("rule_version")) }
                        dd { (figure.definition.name) "@" (first) ", " (figure.definition.name) "@" (last) }
                    }
                    dt { (w.coverage) } dd { (percent(figure.coverage_micro_percent)) }
                    dt { (w.column("days_published")) } dd { (figure.days_published) }
                    dt { (w.column("status")) }
                    dd {
                        (w.status(figure.status)) ", " (figure.state.name())
                        @if matches!(figure.status, FigureStatus::Running | FigureStatus::Provisional) { " (" (w.status(FigureStatus::Final)) " " (month.final_at()) ")" }
                    }
                }
            }
        }
        p.note { (w.definition_note) }
    }
}

/// Returns whether unobserved or doubtful slots leave room for a lower percentage.
pub(super) fn is_below(figure: &Figure) -> bool {
    figure.at_least_micro_percent.is_some_and(|least| Some(least) != figure.net_micro_percent)
}

/// Formats a figure as `100 × (A − B) / A = 100 × (28,800 − 63) / 28,800 = 99.781250 %`.
fn formula(figure: &Figure) -> String {
    let result = percent(figure.net_micro_percent);
    match figure.definition.rule {
        CountingRule::Runs => {
            let [all, down] = [figure.net.slots, figure.net.slots_counted].map(count);
            format!("100 × (A − B) / A = 100 × ({all} − {down}) / {all} = {result}")
        }
        CountingRule::Occurrences => {
            let [good, bad] = [figure.net.events.good(), figure.net.events.bad()].map(count);
            format!("100 × good / (good + bad) = 100 × {good} / ({good} + {bad}) = {result}")
        }
    }
}

fn in_force(w: &Words, policy: &PolicyInForce) -> Markup {
    html! {
        h3 { (w.policy) " " code { (&policy.fingerprint[..policy.fingerprint.len().min(12)]) } ", " (policy.days) " " (w.days) }
        div.scroll tabindex="0" role="region" aria-label={ (w.rules) " " (policy.fingerprint) } {
            table.sortable {
                thead { tr {
                    @for (head, is_number) in
                        [("rule", false), ("account", false), ("events_net", true), ("events_gross", true), ("why", false)] {
                        th scope="col" .number[is_number] { button type="button" { (w.column(head)) } }
                    }
                } }
                tbody { @for rule in &policy.rules {
                    tr {
                        td { (text(&rule.id)) }
                        td { (text(&rule.account)) }
                        td.number data-v=(rule.events_net) { (count(rule.events_net)) }
                        td.number data-v=(rule.events_gross) { (count(rule.events_gross)) }
                        td { (text(&rule.because)) @if !rule.cites.is_empty() { " [" (text(&rule.cites.join(", "))) "]" } }
                    }
                } }
            }
        }
    }
}
