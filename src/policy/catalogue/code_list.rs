//! Code list: a table of error codes from elsewhere, and what the catalogue says differently.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;

use super::{COLUMNS, Catalogue, CatalogueEntry, OPTIONAL, codes, is_http_statuses};
use crate::document::csv::{CsvCell, CsvSheet};
use crate::document::toml::MistakeNotes;
use crate::document::{Document, Mistakes};

/// A code, or a range of codes, with a subcode if the row is of one alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct CodeKey {
    first: i64,
    last: i64,
    subcode: Option<i64>,
}

impl CodeKey {
    fn new(codes: &RangeInclusive<i64>, subcode: Option<i64>) -> Self {
        Self { first: *codes.start(), last: *codes.end(), subcode }
    }

    /// True if each code of the other is one of these, whatever its subcode here.
    const fn holds(&self, other: &Self) -> bool {
        self.subcode.is_none() && self.first <= other.first && other.last <= self.last
    }
}

impl fmt::Display for CodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        if self.last != self.first {
            write!(f, "-{}", self.last)?;
        }
        self.subcode.map_or(Ok(()), |subcode| write!(f, "/{subcode}"))
    }
}

/// A row of the list; an empty value says nothing.
#[derive(Debug)]
struct ListedCode {
    http_status: String,
    title: String,
}

/// A table of error codes: the column `code`, and `subcode`, `http_status` and `title` if it has
/// them.
#[derive(Debug)]
pub struct CodeList {
    rows: BTreeMap<CodeKey, ListedCode>,
    has_subcodes: bool,
}

/// A difference between the catalogue and a list of codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeDifference {
    /// The list has a code that the catalogue lacks.
    New { code: String, title: String },
    /// The catalogue has a code that the list lacks.
    Gone { code: String, title: String },
    /// Both have the code and disagree: in each thing, the value here, then that of the list.
    Changed { code: String, what: Vec<(&'static str, String, String)> },
}

impl fmt::Display for CodeDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, code, title) = match self {
            Self::New { code, title } => ("new", code, title),
            Self::Gone { code, title } => ("gone", code, title),
            Self::Changed { code, what } => {
                let or_none = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
                let one = |(name, here, there): &(&str, String, String)| {
                    format!("{name} is {} here, {} there", or_none(here), or_none(there))
                };
                return write!(f, "changed {code}: {}", what.iter().map(one).collect::<Vec<_>>().join("; "));
            }
        };
        write!(f, "{word} {code}")?;
        if title.is_empty() { Ok(()) } else { write!(f, ": {title}") }
    }
}

impl CodeList {
    /// Reads a list; other columns of a catalogue may be there and are not looked at.
    ///
    /// # Errors
    /// Every mistake of the file: columns, codes, subcodes, HTTP statuses, codes that stand twice.
    pub fn read(document: &Document) -> Result<Self, Mistakes> {
        let notes = MistakeNotes::new(document);
        let (needed, rest) = COLUMNS.split_at(1);
        let optional = [rest, &OPTIONAL].concat();
        let sheet = CsvSheet::read(document.text(), needed, &optional, &notes);
        let wrong = |cell: &CsvCell, message: String, help: &str| {
            notes.mistake(cell.span.clone(), message, "this cell", help);
        };
        let mut rows: BTreeMap<CodeKey, ListedCode> = BTreeMap::new();
        for row in &sheet.rows {
            let [code, subcode, http_status, title] = [0, 1, 2, 3].map(|column| row.cell(column));
            let Some(codes) = codes(&code.text) else {
                let help = "write a number, or a range such as 200-299";
                wrong(code, format!("`{}` is not an error code", code.text), help);
                continue;
            };
            let number = if subcode.text.is_empty() { Ok(None) } else { subcode.text.parse().map(Some) };
            let Ok(number) = number else {
                let help = "write a number or nothing";
                wrong(subcode, format!("`{}` is not a subcode", subcode.text), help);
                continue;
            };
            if !is_http_statuses(&http_status.text) {
                let help = "write statuses from 100 to 599 with | between them, or nothing";
                let message = format!("`{}` is not a list of HTTP statuses", http_status.text);
                wrong(http_status, message, help);
                continue;
            }
            let key = CodeKey::new(&codes, number);
            let listed = ListedCode { http_status: http_status.text.clone(), title: title.text.clone() };
            if rows.insert(key, listed).is_some() {
                wrong(code, format!("code {key} stands twice"), "keep one of the two rows");
            }
        }
        let has_subcodes = sheet.columns.iter().any(|name| *name == COLUMNS[1]);
        Mistakes(notes.into_mistakes()).or(Self { rows, has_subcodes })
    }

    /// Returns the number of its rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True if it has no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns how a catalogue differs from the list, by code.
    ///
    /// A code in a range of the other side is known there. Rows that ended (`valid_until`) are not
    /// missed in the list, and rows of subcodes only if the list has subcodes.
    pub fn compare(&self, catalogue: &Catalogue) -> Vec<CodeDifference> {
        let mut here: BTreeMap<CodeKey, &CatalogueEntry> = BTreeMap::new();
        for entry in catalogue.entries() {
            let known = here.entry(CodeKey::new(&entry.codes, entry.subcode)).or_insert(entry);
            if known.validity.until.is_some() {
                *known = entry;
            }
        }
        let mut found: BTreeMap<CodeKey, CodeDifference> = BTreeMap::new();
        for (key, listed) in &self.rows {
            let code = key.to_string();
            match here.get(key) {
                Some(entry) => {
                    let what = differing(entry, listed);
                    if !what.is_empty() {
                        found.insert(*key, CodeDifference::Changed { code, what });
                    }
                }
                None if key.subcode.is_none() && here.keys().any(|known| known.holds(key)) => {}
                None => _ = found.insert(*key, CodeDifference::New { code, title: listed.title.clone() }),
            }
        }
        for (key, entry) in here {
            let is_listed = self.rows.contains_key(&key)
                || key.subcode.is_none() && self.rows.keys().any(|listed| listed.holds(&key));
            let is_asked = key.subcode.is_none() || self.has_subcodes;
            if !is_listed && is_asked && entry.validity.until.is_none() {
                let (code, title) = (key.to_string(), entry.title.clone());
                found.insert(key, CodeDifference::Gone { code, title });
            }
        }
        found.into_values().collect()
    }
}

/// Returns what a row of the list says differently, as far as it says something.
fn differing(entry: &CatalogueEntry, listed: &ListedCode) -> Vec<(&'static str, String, String)> {
    let statuses = |text: &str| text.split('|').map(str::to_owned).collect::<BTreeSet<_>>();
    let words = |text: &str| text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>();
    let mut what = Vec::new();
    let there = &listed.http_status;
    if !there.is_empty() && statuses(there) != statuses(&entry.http_status) {
        what.push(("http_status", entry.http_status.clone(), there.clone()));
    }
    if !listed.title.is_empty() && words(&listed.title) != words(&entry.title) {
        what.push(("title", format!("`{}`", entry.title), format!("`{}`", listed.title)));
    }
    what
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str =
        "code,subcode,http_status,title,family,fault,retryable,review,note,source,valid_until";

    fn differences(catalogue: &str, list: &str) -> Vec<String> {
        let text = format!("{HEADER}\n{catalogue}");
        let (catalogue, mistakes) = Catalogue::read(&Document::new("c.csv", text));
        assert!(mistakes.is_empty(), "{mistakes:?}");
        let list = CodeList::read(&Document::new("l.csv", list)).unwrap();
        list.compare(&catalogue).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn new_gone_and_changed_codes_are_named() {
        let catalogue = "2,,503,API Service,f,platform,yes,,,,\n\
                         100,33,400,No object,f,caller,no,,,,\n\
                         200-299,,403,Permission,f,caller,no,,,,\n\
                         300,,,Older,f,caller,no,,,,2026-01-01\n\
                         301,,,Left out,f,caller,no,,,,\n";
        let list =
            "code,subcode,http_status,title\n2,,500|503,Api  service\n210,,,x\n100,34,,Other\n400,,,\n";
        let want = [
            "changed 2: http_status is 503 here, 500|503 there",
            "gone 100/33: No object",
            "new 100/34: Other",
            "gone 200-299: Permission",
            "gone 301: Left out",
            "new 400",
        ];
        assert_eq!(differences(catalogue, list), want);
    }

    #[test]
    fn a_list_of_codes_alone_says_nothing_of_subcodes_and_titles() {
        let catalogue = "2,,503,API Service,f,platform,yes,,,,\n100,33,400,No object,f,caller,no,,,,\n";
        assert_eq!(differences(catalogue, "code\n2\n"), [""; 0]);
        assert_eq!(
            differences(catalogue, "title,code\nSomething,2\n"),
            ["changed 2: title is `API Service` here, `Something` there"]
        );
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        let text = "code,subcode,http_status,reason\nx,,,\n2,y,,\n3,,9000,\n4,,,\n4,,,\n";
        let mistakes = CodeList::read(&Document::new("l.csv", text)).unwrap_err();
        let places: Vec<String> = mistakes.0.iter().map(crate::document::Mistake::place).collect();
        assert_eq!(places, ["l.csv:1:26", "l.csv:2:1", "l.csv:3:3", "l.csv:4:4", "l.csv:6:1"]);
    }
}
