//! Error catalogue: the side at fault for each error code, by documentation.

mod code_list;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

pub use code_list::{CodeDifference, CodeList};

use super::Validity;
use crate::day::Day;
use crate::document::csv::{CsvCell, CsvRow, CsvSheet};
use crate::document::spelling::advice;
use crate::document::toml::MistakeNotes;
use crate::document::{Document, Mistake};

pub(super) const COLUMNS: [&str; 10] =
    ["code", "subcode", "http_status", "title", "family", "fault", "retryable", "review", "note", "source"];
/// Columns that a catalogue may lack: the days on which a row holds.
pub(super) const OPTIONAL: [&str; 2] = ["valid_from", "valid_until"];
const FAULTS: [&str; 6] = ["platform", "caller", "throttling", "recipient", "policy", "ambiguous"];
const RETRYABLE: [&str; 4] = ["yes", "backoff", "after_fix", "no"];
const REVIEWS: [&str; 2] = ["auth", "validation"];

/// Words that a rule may ask for: the faults of the catalogue, and `unknown` for other codes.
pub const FAULT_WORDS: [&str; 7] =
    ["platform", "caller", "throttling", "recipient", "policy", "ambiguous", "unknown"];
pub const REVIEW_WORDS: [&str; 2] = REVIEWS;

/// One row: an error code, one subcode of it, or a range of codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueEntry {
    pub codes: RangeInclusive<i64>,
    pub subcode: Option<i64>,
    /// Documented HTTP statuses with `|` between them; empty if none is.
    pub http_status: String,
    pub title: String,
    pub family: String,
    /// The side at fault.
    ///
    /// `platform`, `caller`, `throttling`, `recipient`, `policy`, or `ambiguous` where the
    /// documentation leaves it open.
    pub fault: String,
    /// The reason to review the code: `auth` (R8), `validation` (R9), or nothing.
    pub review: String,
    pub validity: Validity,
}

/// All rows of the catalogue.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// Rows of a code; those of one code and subcode hold on different days.
    exact: BTreeMap<(i64, Option<i64>), Vec<CatalogueEntry>>,
    ranges: Vec<CatalogueEntry>,
}

impl Catalogue {
    /// Reads the catalogue, and every mistake in it.
    pub fn read(document: &Document) -> (Self, Vec<Mistake>) {
        let notes = MistakeNotes::new(document);
        let sheet = CsvSheet::read(document.text(), &COLUMNS, &OPTIONAL, &notes);
        let mut catalogue = Self::default();
        for row in &sheet.rows {
            if let Some(entry) = entry(row, &notes) {
                catalogue.insert(entry, row.cell(0), &notes);
            }
        }
        (catalogue, notes.into_mistakes())
    }

    /// Returns the row that a code has on a day: exact subcode before exact code before range.
    pub fn entry(&self, code: i64, subcode: Option<i64>, day: Day) -> Option<&CatalogueEntry> {
        let holds = |entry: &&CatalogueEntry| entry.validity.holds(day);
        let exact = |subcode| self.exact.get(&(code, subcode))?.iter().find(holds);
        let with_subcode = subcode.and_then(|subcode| exact(Some(subcode)));
        with_subcode
            .or_else(|| exact(None))
            .or_else(|| self.ranges.iter().filter(holds).find(|entry| entry.codes.contains(&code)))
    }

    /// Returns all rows, by code; ranges come last.
    pub fn entries(&self) -> impl Iterator<Item = &CatalogueEntry> {
        self.exact.values().flatten().chain(&self.ranges)
    }

    /// Returns every row that a code can lead to, whatever its subcode and the day.
    pub fn entries_of(&self, code: i64) -> impl Iterator<Item = &CatalogueEntry> {
        let with_subcodes = self.exact.range((code, None)..=(code, Some(i64::MAX))).flat_map(|(_, all)| all);
        let has_own = self.exact.get(&(code, None)).is_some_and(is_gapless);
        let ranges = self.ranges.iter().filter(move |entry| !has_own && entry.codes.contains(&code));
        with_subcodes.chain(ranges)
    }

    /// True if a code without a subcode has a row on every day.
    pub fn is_always_known(&self, code: i64) -> bool {
        let own = self.exact.get(&(code, None)).into_iter().flatten();
        let ranges = self.ranges.iter().filter(|entry| entry.codes.contains(&code));
        is_gapless(own.chain(ranges))
    }

    /// Returns the families of all rows.
    pub fn families(&self) -> BTreeSet<&str> {
        self.entries().map(|entry| entry.family.as_str()).collect()
    }

    fn insert(&mut self, entry: CatalogueEntry, place: &CsvCell, notes: &MistakeNotes<'_>) {
        let (first, last) = (*entry.codes.start(), *entry.codes.end());
        let holds_too = |other: &&CatalogueEntry| other.validity.overlaps(&entry.validity);
        if first != last {
            let mut met = self.ranges.iter().filter(holds_too);
            if let Some(other) = met.find(|r| *r.codes.start() <= last && first <= *r.codes.end()) {
                let message = format!(
                    "the range {} overlaps {}-{}",
                    place.text,
                    other.codes.start(),
                    other.codes.end()
                );
                let help = "a code must lead to one row: split or shorten one of the ranges";
                notes.mistake(place.span.clone(), message, "overlaps an earlier row", help);
                return;
            }
            self.ranges.push(entry);
            return;
        }
        let rows = self.exact.entry((first, entry.subcode)).or_default();
        if let Some(other) = rows.iter().find(holds_too) {
            let subcode = entry.subcode.map(|s| format!(" with subcode {s}")).unwrap_or_default();
            let is_for_good = [other, &entry].map(|e| e.validity == Validity::default()) == [true; 2];
            let (when, help) = if is_for_good {
                ("", "keep one of the two rows")
            } else {
                (" on some day", "let one row end (valid_until) on the day on which the other begins")
            };
            let message = format!("code {first}{subcode} stands twice{when}");
            notes.mistake(place.span.clone(), message, "the second row", help);
            return;
        }
        rows.push(entry);
    }
}

/// True if on every day one of these rows holds.
fn is_gapless<'e>(rows: impl IntoIterator<Item = &'e CatalogueEntry>) -> bool {
    let mut spans: Vec<Validity> = rows.into_iter().map(|entry| entry.validity).collect();
    spans.sort_by_key(|span| span.from);
    let mut spans = spans.into_iter();
    let Some(first) = spans.next().filter(|span| span.from.is_none()) else { return false };
    let mut until = first.until;
    for span in spans {
        match until {
            Some(end) if span.from.is_none_or(|from| from <= end) => {
                until = span.until.map(|until| until.max(end));
            }
            _ => break,
        }
    }
    until.is_none()
}

fn entry(row: &CsvRow, notes: &MistakeNotes<'_>) -> Option<CatalogueEntry> {
    let wrong = |cell: &CsvCell, message: String, help: String| {
        notes.mistake(cell.span.clone(), message, "this cell", help);
    };
    let word = |column: usize, valid: &[&'static str], may_be_empty: bool| {
        let cell = row.cell(column);
        let is_valid = valid.contains(&cell.text.as_str()) || (may_be_empty && cell.text.is_empty());
        if !is_valid {
            let message = format!("`{}` is not a value of `{}`", cell.text, COLUMNS[column]);
            wrong(cell, message, advice(&cell.text, valid.iter().copied()));
        }
        is_valid.then(|| cell.text.clone())
    };
    let present = |column: usize| {
        let cell = row.cell(column);
        if cell.text.is_empty() {
            wrong(cell, format!("`{}` is empty", COLUMNS[column]), "every row needs one".to_owned());
        }
        (!cell.text.is_empty()).then(|| cell.text.clone())
    };

    let codes = codes(&row.cell(0).text);
    if codes.is_none() {
        let message = format!("`{}` is not an error code", row.cell(0).text);
        wrong(row.cell(0), message, "write a number, or a range such as 200-299".to_owned());
    }
    let cell = row.cell(1);
    let subcode = if cell.text.is_empty() { Some(None) } else { cell.text.parse().ok().map(Some) };
    let is_range = codes.as_ref().is_some_and(|codes| codes.start() != codes.end());
    if subcode.is_none() {
        wrong(cell, format!("`{}` is not a subcode", cell.text), "write a number or nothing".to_owned());
    } else if is_range && subcode != Some(None) {
        wrong(
            cell,
            "a range of codes has no subcode".to_owned(),
            "write one row per code instead".to_owned(),
        );
    }
    let cell = row.cell(2);
    if !is_http_statuses(&cell.text) {
        let message = format!("`{}` is not a list of HTTP statuses", cell.text);
        wrong(cell, message, "write statuses from 100 to 599 with | between them, or nothing".to_owned());
    }
    let (title, family, fault) = (present(3), present(4), word(5, &FAULTS, false));
    let (retryable, review) = (word(6, &RETRYABLE, false), word(7, &REVIEWS, true));
    let validity = validity(row, notes);
    retryable?;
    Some(CatalogueEntry {
        codes: codes?,
        subcode: subcode?,
        http_status: row.cell(2).text.clone(),
        title: title?,
        family: family?,
        fault: fault?,
        review: review?,
        validity: validity?,
    })
}

/// Reads the days on which a row holds; both ends may be open.
fn validity(row: &CsvRow, notes: &MistakeNotes<'_>) -> Option<Validity> {
    let day = |column: usize| {
        let cell = row.cell(COLUMNS.len() + column);
        let day = if cell.text.is_empty() { Ok(None) } else { cell.text.parse::<Day>().map(Some) };
        day.map_err(|why| {
            let message = format!("`{}` of `{}`: not a date", cell.text, OPTIONAL[column]);
            let help = why.split_once("; ").map_or(why.as_str(), |(_, help)| help);
            notes.mistake(cell.span.clone(), message, "this cell", help);
        })
        .ok()
    };
    let (from, until) = (day(0), day(1));
    let validity = Validity { from: from?, until: until? };
    if validity.is_empty() {
        let help = "valid_from must be before valid_until, which is the first day without the row";
        let place = row.cell(COLUMNS.len() + 1).span.clone();
        notes.mistake(place, "the row is valid on no day", "not after valid_from", help);
        return None;
    }
    Some(validity)
}

/// True for nothing, and for HTTP statuses with `|` between them.
fn is_http_statuses(text: &str) -> bool {
    let is_status = |text: &str| text.parse().is_ok_and(|status| (100..600).contains(&status));
    text.is_empty() || text.split('|').all(is_status)
}

fn codes(text: &str) -> Option<RangeInclusive<i64>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number =
        |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<i64>().ok()).flatten();
    let range = number(first)?..=number(last)?;
    (!range.is_empty()).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::BUILT_IN_CATALOGUE;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn built_in() -> Catalogue {
        let (catalogue, mistakes) = Catalogue::read(&Document::new("c.csv", BUILT_IN_CATALOGUE));
        assert!(mistakes.is_empty(), "{mistakes:?}");
        catalogue
    }

    #[test]
    fn subcode_comes_before_code_and_code_before_range() {
        let catalogue = built_in();
        let today = day("2026-11-20");
        let fault = |code, subcode| catalogue.entry(code, subcode, today).map(|entry| entry.fault.as_str());
        assert_eq!(fault(100, None), Some("caller"));
        assert_eq!(fault(100, Some(2_494_100)), Some("platform"));
        assert_eq!(fault(100, Some(1)), Some("caller"));
        assert_eq!(catalogue.entry(200, None, today).map(|e| *e.codes.end()), Some(200));
        assert_eq!(catalogue.entry(250, Some(7), today).map(|e| *e.codes.end()), Some(299));
        assert_eq!(fault(300, None), None);
    }

    #[test]
    fn a_code_leads_to_all_its_rows() {
        let catalogue = built_in();
        let count = |code| catalogue.entries_of(code).count();
        assert_eq!((count(2), count(10), count(200), count(250), count(4711)), (1, 2, 1, 1, 0));
    }

    #[test]
    fn http_class_is_not_fault_class() {
        let catalogue = built_in();
        for (code, fault) in [(3, "caller"), (131_045, "caller"), (138_007, "caller"), (1, "ambiguous")] {
            let entry = catalogue.entry(code, None, day("2026-11-20"));
            assert_eq!(entry.map(|e| e.fault.as_str()), Some(fault), "{code}");
        }
    }

    #[test]
    fn a_row_holds_on_its_days_alone() {
        let text = "code,subcode,http_status,title,family,fault,retryable,review,note,source,valid_from,valid_until\n\
                    5,,,old,f,caller,no,,,,,2026-04-29\n\
                    5,,,new,f,policy,no,,,,2026-04-29,\n\
                    6,,,brief,f,policy,no,,,,2026-01-01,2026-02-01\n";
        let (catalogue, mistakes) = Catalogue::read(&Document::new("c.csv", text));
        assert!(mistakes.is_empty(), "{mistakes:?}");
        let title = |code, at| catalogue.entry(code, None, day(at)).map(|entry| entry.title.as_str());
        assert_eq!((title(5, "2026-04-28"), title(5, "2026-04-29")), (Some("old"), Some("new")));
        let brief = ["2025-12-31", "2026-01-01", "2026-01-31", "2026-02-01"].map(|at| title(6, at));
        assert_eq!(brief, [None, Some("brief"), Some("brief"), None]);
        assert_eq!([5, 6, 7].map(|code| catalogue.is_always_known(code)), [true, false, false]);
        assert_eq!(catalogue.entries_of(5).count(), 2);
    }

    #[test]
    fn codes_are_numbers_or_ranges() {
        assert_eq!(codes("200-299"), Some(200..=299));
        assert_eq!(codes("2"), Some(2..=2));
        for bad in ["", "-5", "5-", "9-1", "x", "1-2-3", "+1"] {
            assert_eq!(codes(bad), None, "{bad}");
        }
    }
}
