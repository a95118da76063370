//! The page of a day, and the pages that explain its red minutes.

use std::collections::BTreeMap;

use maud::{Markup, PreEscaped, html};

use super::chart;
use super::parts::{Page, count, data, missing, percent, scope_name, second, table, text};
use super::strip::strips;
use super::words::Words;
use crate::day::{Day, SlotLength};
use crate::ledger::{Edition, LatencyLine};
use crate::measure::{Figure, Figures, Period};
use crate::report::missing_evidence::unknown_events;
use crate::report::tables::{daily, failures};
use crate::report::view::DEFINITION;
use crate::report::{DayDrawing, Summary};
use crate::slots::{Scope, ScopeKind};
use crate::table::Row;

/// Input of a day's page in addition to the day itself.
pub(super) struct Around<'a> {
    pub site: &'a str,
    pub put_back: Vec<String>,
    pub figures: &'a Figures,
    pub summary: &'a Summary,
    /// The published days before and after it.
    pub earlier: Option<Day>,
    pub later: Option<Day>,
}

pub(super) fn page(w: &Words, day: &DayDrawing, around: &Around<'_>) -> String {
    let DayDrawing { edition, gaps, red, .. } = day;
    let at = edition.day;
    let body = html! {
        p {
            (w.edition) " " (edition.number) ", " b { (edition.state.name()) } ", " (w.updated) " "
            (second(edition.as_of)) "."
        }
        h2 { (w.by_scope) }
        (scopes(w, at, around))
        (missing(w, edition, unknown_events(edition), gaps))
        h2 { (w.timeline) }
        p.note { (w.timeline_help) }
        (strips(w, edition))
        (data(w, "", &["slots"]))
        h3 { (w.red_minutes) }
        @if red.is_empty() { p { (w.no_red_minutes) } } @else { p.note { (w.red_help) } (red_list(w, edition, red.keys())) }
        (tables_over_days(w, at, around))
        h2 { (w.failures) }
        (failed(w, day))
        h2 { (w.latency) }
        (latency(w, edition))
        h2 { (w.callers) }
        p.note { (w.callers_help) }
        @let columns = ["caller", "events_bad_net", "events_bad_gross", "share_percent"];
        @match table(w, w.callers, &columns, &failures::callers(edition), |_| true) {
            Some(table) => { (table) (data(w, "", &["callers"])) }
            None => p { (w.no_failures) }
        }
        h2 { (w.intake) }
        p.note { (w.intake_help) }
        @let columns = ["path", "source", "role", "rows_read", "accepted", "duplicate", "conflict", "outside", "quarantine", "not_a_call", "not_a_call_reasons", "failure"];
        (table(w, w.intake, &columns, &daily::intake(edition), |_| true).unwrap_or_default())
        (data(w, "", &["intake"]))
        h2 { (w.suspense) }
        @let columns = ["stream", "service", "region", "error_code", "events_net"];
        @let is_suspense = |row: &Row<'_>| row.text("account").is_ok_and(|account| account == "suspense");
        @match table(w, w.suspense, &columns, &daily::accounts(edition), is_suspense) {
            Some(table) => (table),
            None => p { (w.no_suspense) }
        }
        h2 { (w.downloads) }
        (data(w, "", &["accounts", "slots", "failures", "callers", "intake", "deliveries", "delays", "fields", "reconciliation"]))
    };
    let link = |day: Day, name: &str| (format!("../{day}/index.html"), format!("{name}: {day}"));
    let month = at.month();
    let mut links = vec![(format!("../../months/{month}.html"), format!("{} {month}", w.month))];
    links.extend(around.earlier.map(|day| link(day, w.earlier)));
    links.extend(around.later.map(|day| link(day, w.later)));
    let title = format!("{} {at}", w.day);
    let put_back = around.put_back.clone();
    Page { words: w, site: around.site, title, root: "../../", put_back, links, body }.html()
}

/// Makes one page per hour, with its file name: the text of `explain` for every red minute.
pub(super) fn explanations(w: &Words, around: &Around<'_>, day: &DayDrawing) -> Vec<(String, String)> {
    let edition = &day.edition;
    let length = edition.slot_length();
    let mut hours: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for slot in day.red.keys() {
        hours.entry(clock(length, *slot)[..2].to_owned()).or_default().push(*slot);
    }
    let page = |(hour, slots): (String, Vec<u32>)| {
        let body = html! {
            p.note { (w.why_help) }
            (red_list(w, edition, slots.iter()))
            @for slot in &slots {
                @let clock = clock(length, *slot);
                h2 id={ "t" (clock.replace(':', "")) } { (clock) }
                @for answer in day.red.get(slot).into_iter().flatten() {
                    h3 { (scope_name(&answer.scope)) }
                    pre.why tabindex="0" { (shown(&answer.text)) }
                }
            }
        };
        let title = format!("{}: {} {hour}:00", w.why, edition.day);
        let links = vec![("index.html".to_owned(), format!("{} {}", w.day, edition.day))];
        let (site, put_back) = (around.site, around.put_back.clone());
        let html = Page { words: w, site, title, root: "../../", put_back, links, body }.html();
        (format!("explain-{hour}.html"), html)
    };
    hours.into_iter().map(page).collect()
}

/// Makes the lines safe one by one, so that line ends, which are our own, stay.
fn shown(answer: &str) -> String {
    answer.lines().map(|line| text(line) + "\n").collect()
}

/// Formats the start of a slot as `10:07`, with seconds if slots are shorter than a minute.
fn clock(length: SlotLength, slot: u32) -> String {
    let second = slot * length.seconds();
    let minute = format!("{:02}:{:02}", second / 3_600, second / 60 % 60);
    if length.seconds() < 60 { format!("{minute}:{:02}", second % 60) } else { minute }
}

fn red_list<'a>(w: &Words, edition: &Edition, slots: impl Iterator<Item = &'a u32>) -> Markup {
    let clocks: Vec<String> = slots.map(|slot| clock(edition.slot_length(), *slot)).collect();
    html! {
        ul.minutes aria-label=(w.red_minutes) {
            @for clock in &clocks {
                li { a href={ "explain-" (&clock[..2]) ".html#t" (clock.replace(':', "")) } { (clock) } }
            }
        }
    }
}

/// Draws the figures of components and services in all regions, under [`DEFINITION`].
fn scopes(w: &Words, day: Day, around: &Around<'_>) -> Markup {
    let is_shown = |f: &&Figure| {
        f.period == Period::Day(day) && f.scope.is_all_regions() && f.definition.name == DEFINITION.name
    };
    let figures: Vec<&Figure> = around.figures.days.iter().filter(is_shown).collect();
    let heads = ["availability_percent_net", "availability_percent_gross", "slots_counted", "slots_down"];
    let more = ["slots_degraded", "slots_doubtful", "slots_unobserved", "events_bad", "coverage_percent"];
    html! {
        div.scroll tabindex="0" role="region" aria-label=(w.by_scope) {
            table {
                thead { tr {
                    th scope="col" { (w.column("scope")) }
                    @for head in heads.iter().chain(&more) { th.number scope="col" { (w.column(head)) } }
                } }
                tbody { @for figure in figures {
                    tr {
                        th scope="row" {
                            (scope_name(&figure.scope))
                            @if figure.scope.kind == ScopeKind::Component { " (" (figure.scope.kind.name()) ")" }
                        }
                        td.number { (percent(figure.net_micro_percent)) }
                        td.number { (percent(figure.gross_micro_percent)) }
                        td.number { (count(figure.net.slots_counted)) }
                        td.number { (count(figure.net.slots_down)) }
                        td.number { (count(figure.net.slots_degraded)) }
                        td.number { (count(figure.net.slots_doubtful)) }
                        td.number { (count(figure.net.slots_unobserved)) }
                        td.number { (count(figure.net.events.bad())) }
                        td.number { (percent(figure.coverage_micro_percent)) }
                    }
                } }
            }
        }
    }
}

/// Draws the outages, overrides and restatements that touch the day.
fn tables_over_days(w: &Words, day: Day, around: &Around<'_>) -> Markup {
    let Summary { outages, overrides, restatements, .. } = around.summary;
    let touches = |row: &Row<'_>| {
        let at = |name| row.number(name).ok();
        at("start").is_some_and(|us| us < day.end_us()) && at("end").is_some_and(|us| us > day.start_us())
    };
    let is_of_day = |row: &Row<'_>| row.value("day") == crate::report::tables::summary::date(day);
    let root = "../../";
    html! {
        h2 { (w.outages) }
        @let columns = ["scope", "region", "start", "end", "duration_seconds", "at_least_seconds", "at_most_seconds",
                        "is_ongoing", "class", "is_counted", "events_bad", "top_error_codes", "callers_hit",
                        "callers_active", "leave_out", "top_callers_share_percent", "overrides"];
        @match table(w, w.outages, &columns, outages, touches) {
            Some(table) => { (table) (data(w, root, &["outages"])) }
            None => p { (w.no_outages) }
        }
        h2 { (w.overrides) }
        @let columns = ["id", "direction", "status", "why", "start", "end", "service", "region", "account_to", "reason", "ticket",
                        "author", "approver", "events_moved", "slots_changed", "note"];
        @match table(w, w.overrides, &columns, overrides, touches) {
            Some(table) => { (table) (data(w, root, &["overrides"])) }
            None => p { (w.no_overrides) }
        }
        h2 { (w.restatements) }
        @let columns = ["published_at", "scope", "definition", "edition_from", "edition_to", "cause", "is_adjusting",
                        "availability_percent_before", "availability_percent_after", "slots_down_delta", "slots_counted_delta",
                        "events_good_delta", "events_bad_delta"];
        @match table(w, w.restatements, &columns, restatements, is_of_day) {
            Some(table) => { (table) (data(w, root, &["restatements"])) }
            None => p { (w.no_restatements) }
        }
    }
}

fn failed(w: &Words, day: &DayDrawing) -> Markup {
    let mut sums: BTreeMap<(&str, Option<i64>), [i64; 2]> = BTreeMap::new();
    for line in &day.failures {
        let sum = sums.entry((line.account.name(), line.error_code)).or_default();
        *sum = [sum[0] + line.events_gross, sum[1] + line.events_net];
    }
    if sums.is_empty() {
        return html! { p { (w.no_failures) } };
    }
    let svg = chart::failures(day.edition.day, &day.failures);
    html! {
        p.note { (w.failures_help) }
        div.chart role="img" aria-label=(w.failures) { (PreEscaped(svg)) }
        p.legend { @for (group, _) in chart::STACK {
            span.key.(group.name()) { (w.group(group)) } " "
        } }
        h3 { (w.by_account) }
        div.scroll tabindex="0" role="region" aria-label=(w.by_account) {
            table.sortable {
                thead { tr {
                    @for (head, is_number) in [("account", false), ("error_code", true), ("events_net", true), ("events_gross", true)] {
                        th scope="col" .number[is_number] { button type="button" { (w.column(head)) } }
                    }
                } }
                tbody { @for ((account, code), [gross, net]) in &sums {
                    tr {
                        td { (account) }
                        td.number data-v=[*code] { (code.map_or("—".to_owned(), |code| code.to_string())) }
                        td.number data-v=(net) { (count(*net)) }
                        td.number data-v=(gross) { (count(*gross)) }
                    }
                } }
            }
        }
        (data(w, "", &["failures"]))
    }
}

/// Draws one latency chart per service in all regions.
fn latency(w: &Words, edition: &Edition) -> Markup {
    let mut scopes: BTreeMap<&Scope, Vec<&LatencyLine>> = BTreeMap::new();
    for line in &edition.latency {
        if line.scope.kind == ScopeKind::Service && line.scope.is_all_regions() {
            scopes.entry(&line.scope).or_default().push(line);
        }
    }
    if scopes.is_empty() {
        return html! { p { (w.no_latency) } };
    }
    html! {
        p.note { (w.latency_help) }
        @for (scope, lines) in &scopes {
            h3 { (scope_name(scope)) }
            div.chart role="img" aria-label={ (w.latency) " " (scope_name(scope)) } {
                (PreEscaped(chart::latency(edition.slot_length().us(), lines)))
            }
        }
        p.legend { @for quantile in ["p50", "p90", "p99"] { span.key.(quantile) { (quantile) } " " } }
        (data(w, "", &["slots"]))
    }
}
