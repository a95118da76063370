//! Error catalogue: the side at fault for each error code, by documentation.

use std::collections::btree_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::document::csv::{CsvCell, CsvRow, CsvSheet};
use crate::document::spelling::advice;
use crate::document::toml::MistakeNotes;
use crate::document::{Document, Mistake};

pub(super) const COLUMNS: [&str; 10] =
    ["code", "subcode", "http_status", "title", "family", "fault", "retryable", "review", "note", "source"];
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
    pub title: String,
    pub family: String,
    /// The side at fault.
    ///
    /// `platform`, `caller`, `throttling`, `recipient`, `policy`, or `ambiguous` where the
    /// documentation leaves it open.
    pub fault: String,
    /// The reason to review the code: `auth` (R8), `validation` (R9), or nothing.
    pub review: String,
}

/// All rows of the catalogue.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    exact: BTreeMap<(i64, Option<i64>), CatalogueEntry>,
    ranges: Vec<CatalogueEntry>,
}

impl Catalogue {
    /// Reads the catalogue, and every mistake in it.
    pub fn read(document: &Document) -> (Self, Vec<Mistake>) {
        let notes = MistakeNotes::new(document);
        let sheet = CsvSheet::read(document.text(), &COLUMNS, &notes);
        let mut catalogue = Self::default();
        for row in &sheet.rows {
            if let Some(entry) = entry(row, &notes) {
                catalogue.insert(entry, row.cell(0), &notes);
            }
        }
        (catalogue, notes.into_mistakes())
    }

    /// Returns the row of a code: exact subcode before exact code before range.
    pub fn entry(&self, code: i64, subcode: Option<i64>) -> Option<&CatalogueEntry> {
        let with_subcode = subcode.and_then(|subcode| self.exact.get(&(code, Some(subcode))));
        with_subcode
            .or_else(|| self.exact.get(&(code, None)))
            .or_else(|| self.ranges.iter().find(|entry| entry.codes.contains(&code)))
    }

    /// Returns all rows, by code; ranges come last.
    pub fn entries(&self) -> impl Iterator<Item = &CatalogueEntry> {
        self.exact.values().chain(&self.ranges)
    }

    /// Returns every row that a code can lead to, whatever its subcode.
    pub fn entries_of(&self, code: i64) -> impl Iterator<Item = &CatalogueEntry> {
        let with_subcodes = self.exact.range((code, None)..=(code, Some(i64::MAX))).map(|(_, entry)| entry);
        let range = self.ranges.iter().find(move |entry| entry.codes.contains(&code));
        with_subcodes.chain(range.filter(move |_| !self.exact.contains_key(&(code, None))))
    }

    /// Returns the families of all rows.
    pub fn families(&self) -> BTreeSet<&str> {
        self.entries().map(|entry| entry.family.as_str()).collect()
    }

    fn insert(&mut self, entry: CatalogueEntry, place: &CsvCell, notes: &MistakeNotes<'_>) {
        let (first, last) = (*entry.codes.start(), *entry.codes.end());
        if first != last {
            if let Some(other) =
                self.ranges.iter().find(|r| *r.codes.start() <= last && first <= *r.codes.end())
            {
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
        match self.exact.entry((first, entry.subcode)) {
            Slot::Vacant(free) => {
                free.insert(entry);
            }
            Slot::Occupied(taken) => {
                let subcode = taken.key().1.map(|s| format!(" with subcode {s}")).unwrap_or_default();
                let message = format!("code {first}{subcode} stands twice");
                notes.mistake(place.span.clone(), message, "the second row", "keep one of the two rows");
            }
        }
    }
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
    let is_status = |text: &str| text.parse().is_ok_and(|status| (100..600).contains(&status));
    if !cell.text.is_empty() && !cell.text.split('|').all(is_status) {
        let message = format!("`{}` is not a list of HTTP statuses", cell.text);
        wrong(cell, message, "write statuses from 100 to 599 with | between them, or nothing".to_owned());
    }
    let (title, family, fault) = (present(3), present(4), word(5, &FAULTS, false));
    let (retryable, review) = (word(6, &RETRYABLE, false), word(7, &REVIEWS, true));
    retryable?;
    Some(CatalogueEntry {
        codes: codes?,
        subcode: subcode?,
        title: title?,
        family: family?,
        fault: fault?,
        review: review?,
    })
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

    fn built_in() -> Catalogue {
        let (catalogue, mistakes) = Catalogue::read(&Document::new("c.csv", BUILT_IN_CATALOGUE));
        assert!(mistakes.is_empty(), "{mistakes:?}");
        catalogue
    }

    #[test]
    fn subcode_comes_before_code_and_code_before_range() {
        let catalogue = built_in();
        let fault = |code, subcode| catalogue.entry(code, subcode).map(|entry| entry.fault.as_str());
        assert_eq!(fault(100, None), Some("caller"));
        assert_eq!(fault(100, Some(2_494_100)), Some("platform"));
        assert_eq!(fault(100, Some(1)), Some("caller"));
        assert_eq!(catalogue.entry(200, None).map(|e| *e.codes.end()), Some(200));
        assert_eq!(catalogue.entry(250, Some(7)).map(|e| *e.codes.end()), Some(299));
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
            assert_eq!(catalogue.entry(code, None).map(|e| e.fault.as_str()), Some(fault), "{code}");
        }
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
