//! Parts that pages share: frame (style, script, security policy), tables, numbers, links.

use base64::prelude::{BASE64_STANDARD, Engine};
use chrono::{DateTime, Utc};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::words::Words;
use crate::facts::Gap;
use crate::ledger::Edition;
use crate::redact::printable;
use crate::report::missing_evidence::missing_evidence;
use crate::slots::Scope;
use crate::table::{ColumnKind, Row, Table, Value, decimal};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("page.js");
/// Characters after which texts of logs and override files are cut; the tables hold them whole.
const TEXT: usize = 300;
/// Rows of a table on a page; the data files hold the others.
const ROWS: usize = 400;

/// The content of a page, before the frame is added.
pub(super) struct Page<'a> {
    pub words: &'a Words,
    /// Title of all reports.
    pub site: &'a str,
    pub title: String,
    /// Relative path from the page to the reports folder: empty, or `../` once or more.
    pub root: &'static str,
    /// What older journals that were put back have changed about it.
    pub put_back: Vec<String>,
    /// Links in addition to the one to the status page: address and text.
    pub links: Vec<(String, String)>,
    pub body: Markup,
}

impl Page<'_> {
    /// Returns the page as a file that loads nothing else.
    ///
    /// The content security policy allows only this style and this script. If text from a log came
    /// through as a tag, it would still do nothing.
    pub fn html(self) -> String {
        let Self { words: w, site, title, root, put_back, links, body } = self;
        let hash = |text: &str| format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)));
        let policy = format!(
            "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
            hash(STYLE),
            hash(SCRIPT)
        );
        let page = html! {
            (DOCTYPE)
            html lang=(w.language) {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(policy);
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (title) " · " (text(site)) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    a.skip href="#content" { (w.skip) }
                    header {
                        nav aria-label=(w.status) {
                            a.site href={ (root) "index.html" } { (text(site)) }
                            @for (to, name) in &links { " " a href=(to) { (name) } }
                        }
                        h1 { (title) }
                    }
                    main id="content" tabindex="-1" {
                        @for sentence in &put_back { p.put-back { b { (printable(sentence.as_bytes(), 4 * TEXT)) } } }
                        (body)
                    }
                    footer { p { (w.utc) } }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        };
        page.into_string()
    }
}

/// Makes text from outside safe to show, and cuts it; `html!` escapes tags when it is inserted.
pub(super) fn text(text: &str) -> String {
    printable(text.as_bytes(), TEXT)
}

/// Formats a percentage with all six decimals, or as a dash.
pub(super) fn percent(micro: Option<i64>) -> String {
    micro.map_or_else(|| "—".to_owned(), |micro| format!("{} %", decimal(micro)))
}

/// Formats a number as `12,345`.
pub(super) fn count(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::from(if n < 0 { "−" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Formats microseconds as `2026-11-18 10:07`, with seconds only if they are not zero.
pub(super) fn instant(us: i64) -> String {
    let text = crate::day::rfc3339(us).replace('T', " ");
    let text = text.trim_end_matches('Z');
    text.strip_suffix(":00").filter(|_| text.len() == 19).unwrap_or(text).to_owned()
}

/// Formats an instant like [`instant`], cut to the second.
pub(super) fn second(at: DateTime<Utc>) -> String {
    instant(at.timestamp() * crate::day::SECOND_US)
}

/// Formats a scope as `messages · eu`, or `Cloud API` in all regions.
pub(super) fn scope_name(scope: &Scope) -> String {
    let name = text(&scope.name);
    if scope.is_all_regions() { name } else { format!("{name} · {}", text(&scope.region)) }
}

/// Draws the number of unknown events with the logs that a day lacks; nothing if it lacks none.
pub(super) fn missing(w: &Words, edition: &Edition, unknown: i64, gaps: &[Gap]) -> Markup {
    let logs = missing_evidence(gaps, edition.slot_length().per_day());
    html! {
        @if unknown > 0 || !logs.is_empty() {
            h2 { (w.missing_evidence) }
            p.note { (w.missing_evidence_help) }
            p { (w.unknown_events) ": " b { (count(unknown)) } " (" (edition.day) ")" }
            @if !logs.is_empty() {
                ul { @for log in &logs { li { (text(&log.told)) ". " (log.remedy) } } }
            }
        }
    }
}

/// Draws chosen columns of a report table, sortable by their heads; `None` if no row is wanted.
pub(super) fn table<'a>(
    w: &Words,
    caption: &str,
    columns: &[&'static str],
    table: &'a Table,
    is_wanted: impl Fn(&Row<'a>) -> bool,
) -> Option<Markup> {
    let rows: Vec<Row<'_>> = table.rows().filter(is_wanted).collect();
    if rows.is_empty() {
        return None;
    }
    let kind = |name: &str| {
        table.spec().columns.iter().find(|c| c.name == name).map_or(ColumnKind::Text, |c| c.kind)
    };
    let is_number = |name: &str| matches!(kind(name), ColumnKind::Integer | ColumnKind::Decimal);
    Some(html! {
        div.scroll tabindex="0" role="region" aria-label=(caption) {
            table.sortable {
                thead { tr {
                    @for column in columns {
                        th scope="col" .number[is_number(column)] { button type="button" { (w.column(column)) } }
                    }
                } }
                tbody {
                    @for row in rows.iter().take(ROWS) {
                        tr { @for column in columns { (cell(w, column, &row.value(column))) } }
                    }
                }
            }
        }
        @if rows.len() > ROWS { p.note { (count((rows.len() - ROWS) as i64)) " " (w.more_rows) } }
    })
}

fn cell(w: &Words, column: &str, value: &Value) -> Markup {
    match value {
        Value::Null => html! { td { "—" } },
        // Error codes are names, so they get no thousands separators.
        Value::Integer(n) if column == "error_code" => html! { td.number data-v=(n) { (n) } },
        Value::Integer(n) => html! { td.number data-v=(n) { (count(*n)) } },
        Value::Decimal(n) => html! { td.number data-v=(n) { (decimal(*n)) } },
        Value::Boolean(is) => html! { td { (if *is { w.yes } else { w.no }) } },
        Value::Instant(us) => html! { td.time { (instant(*us)) } },
        Value::Date(days) => {
            html! { td.time { (instant(days * crate::day::DAY_US).trim_end_matches(" 00:00")) } }
        }
        Value::Text(found) => html! { td { (text(found)) } },
    }
}

/// Draws links to the data files behind a part of a page.
pub(super) fn data(w: &Words, root: &str, names: &[&str]) -> Markup {
    html! {
        p.data { (w.data) ":"
            @for name in names {
                " " a href={ (root) (name) ".csv" } { (name) ".csv" } " " a href={ (root) (name) ".parquet" } { "Parquet" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_instants_are_short_and_exact() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(-1_000), "−1,000");
        assert_eq!(count(999), "999");
        assert_eq!(percent(Some(99_999_999)), "99.999999 %");
        let us = crate::day::Day::of_us(0).map_or(0, crate::day::Day::start_us);
        assert_eq!(instant(us + 36_420 * 1_000_000), "1970-01-01 10:07");
        assert_eq!(instant(us + 36_430 * 1_000_000), "1970-01-01 10:07:10");
    }
}
