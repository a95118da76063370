//! TOML: a walker through a file that a person wrote, with typed values and every mistake.
//!
//! The walker knows the valid keys of each table and the type of each value, so the readers of
//! config and policy only name what they need. It never stops at a mistake: a value that cannot be
//! read is `None`, and noted.

use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::spelling::advice;
use super::{Document, Mistake};
use crate::day::Day;

/// The mistakes found in one document.
#[derive(Debug)]
pub struct MistakeNotes<'t> {
    document: &'t Document,
    found: RefCell<Vec<(usize, Mistake)>>,
    broken_lines: RefCell<Vec<usize>>,
}

impl<'t> MistakeNotes<'t> {
    pub const fn new(document: &'t Document) -> Self {
        Self { document, found: RefCell::new(Vec::new()), broken_lines: RefCell::new(Vec::new()) }
    }

    /// Parses the document; the first syntax error of each line is noted, and the rest still read.
    pub fn parse(&self) -> Spanned<DeTable<'t>> {
        let (root, errors) = DeTable::parse_recoverable(self.document.text());
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            let line = self.document.position(span.start).0;
            if !self.broken_lines.borrow().contains(&line) {
                let mistake = self.document.mistake(span.clone(), error.message(), "here", SYNTAX_HELP);
                self.found.borrow_mut().push((span.start, mistake));
                self.broken_lines.borrow_mut().push(line);
            }
        }
        root
    }

    /// False after a syntax error: then a key may only seem to be missing.
    pub fn is_whole(&self) -> bool {
        self.broken_lines.borrow().is_empty()
    }

    /// Notes a mistake, unless its line already has a syntax error.
    pub fn mistake(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        if !self.broken_lines.borrow().contains(&self.document.position(span.start).0) {
            let mistake = self.document.mistake(span.clone(), message, label, help);
            self.found.borrow_mut().push((span.start, mistake));
        }
    }

    /// Takes mistakes of another document, which a value at `at` names.
    pub fn adopt(&self, at: usize, mistakes: impl IntoIterator<Item = Mistake>) {
        self.found.borrow_mut().extend(mistakes.into_iter().map(|mistake| (at, mistake)));
    }

    /// Returns all mistakes, in the order of the file.
    pub fn into_mistakes(self) -> Vec<Mistake> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|(start, _)| *start);
        found.into_iter().map(|(_, mistake)| mistake).collect()
    }
}

const SYNTAX_HELP: &str = "the file is TOML: key = value, text in quotes, lists in [ ], see https://toml.io";

/// One table of a document; its keys were checked when it was opened.
#[derive(Clone, Copy)]
pub struct TomlTable<'t> {
    notes: &'t MistakeNotes<'t>,
    entries: &'t DeTable<'t>,
    span: (usize, usize),
    title: &'static str,
}

impl<'t> TomlTable<'t> {
    /// Opens a table and notes every key that is not valid in it.
    pub fn open(
        notes: &'t MistakeNotes<'t>,
        entries: &'t DeTable<'t>,
        span: Range<usize>,
        title: &'static str,
        keys: &[&'static str],
    ) -> Self {
        for key in entries.keys().filter(|key| !keys.contains(&key.get_ref().as_ref())) {
            notes.mistake(
                key.span(),
                format!("unknown key `{}`", key.get_ref()),
                format!("not a key of {title}"),
                advice(key.get_ref(), keys.iter().copied()),
            );
        }
        Self { notes, entries, span: (span.start, span.end), title }
    }

    pub const fn notes(&self) -> &'t MistakeNotes<'t> {
        self.notes
    }

    /// Returns the value of a key, if it is there.
    pub fn get(&self, key: &str) -> Option<TomlValue<'t>> {
        let (key, item) = self.entries.get_key_value(key)?;
        Some(TomlValue { notes: self.notes, key: key.get_ref(), item })
    }

    /// Returns the value of a key that has no default; notes a mistake if it is missing.
    pub fn need(&self, key: &str, example: &str) -> Option<TomlValue<'t>> {
        let value = self.get(key);
        if value.is_none() && self.notes.is_whole() {
            let message = format!("{} has no `{key}`", self.title);
            self.wrong(message, "it must be given here", format!("add {key} = {example}"));
        }
        value
    }

    /// Notes a mistake about the table as a whole.
    pub fn wrong(&self, message: impl Into<String>, label: impl Into<String>, help: impl Into<String>) {
        self.notes.mistake(self.span.0..self.span.1, message, label, help);
    }

    /// Iterates over all keys and values, for tables whose keys are data.
    pub fn entries(&self) -> impl Iterator<Item = (&'t str, Range<usize>, TomlValue<'t>)> + use<'t> {
        let notes = self.notes;
        self.entries.iter().map(move |(key, item)| {
            (key.get_ref().as_ref(), key.span(), TomlValue { notes, key: key.get_ref(), item })
        })
    }
}

/// One value; reading it as the wrong type notes a mistake.
#[derive(Clone, Copy)]
pub struct TomlValue<'t> {
    notes: &'t MistakeNotes<'t>,
    key: &'t str,
    item: &'t Spanned<DeValue<'t>>,
}

impl<'t> TomlValue<'t> {
    pub fn raw(&self) -> &'t DeValue<'t> {
        self.item.get_ref()
    }

    pub const fn key(&self) -> &'t str {
        self.key
    }

    pub fn span(&self) -> Range<usize> {
        self.item.span()
    }

    pub const fn notes(&self) -> &'t MistakeNotes<'t> {
        self.notes
    }

    /// Notes a mistake about the value.
    pub fn wrong(&self, message: impl Into<String>, label: impl Into<String>, help: impl Into<String>) {
        self.notes.mistake(self.span(), message, label, help);
    }

    /// Notes a mistake about bytes of a text; about the whole text if escapes hide their place.
    pub fn wrong_in(
        &self,
        part: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        let inside = self.span().start + 1;
        let text = if let DeValue::String(text) = self.raw() { text.as_ref() } else { "" };
        let is_plain = self.notes.document.text().get(inside..inside + text.len()) == Some(text);
        let span = if is_plain { inside + part.start..inside + part.end } else { self.span() };
        self.notes.mistake(span, message, label, help);
    }

    fn mistyped(&self, wanted: &str, help: &str) {
        let found = match self.raw() {
            DeValue::String(_) => "text",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a decimal number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.wrong(format!("`{}` must be {wanted}", self.key), format!("this is {found}"), help);
    }

    /// Reads a text that is not blank.
    pub fn text(&self) -> Option<&'t str> {
        match self.raw() {
            DeValue::String(text) if text.trim().is_empty() => {
                self.wrong(
                    format!("`{}` is empty", self.key),
                    "nothing in the quotes",
                    "write a value or remove the key",
                );
                None
            }
            DeValue::String(text) => Some(text.as_ref()),
            _ => {
                self.mistyped("text", "put it in quotes");
                None
            }
        }
    }

    /// Reads `true` or `false`.
    pub fn flag(&self) -> Option<bool> {
        if let DeValue::Boolean(flag) = self.raw() {
            return Some(*flag);
        }
        self.mistyped("true or false", "write true or false, without quotes");
        None
    }

    /// Reads a whole number within bounds.
    pub fn integer(&self, bounds: &RangeInclusive<i64>) -> Option<i64> {
        let help = format!("write a whole number from {} to {}", bounds.start(), bounds.end());
        let DeValue::Integer(number) = self.raw() else {
            self.mistyped("a whole number", &help);
            return None;
        };
        let number = i64::from_str_radix(number.as_str(), number.radix()).ok().filter(|n| bounds.contains(n));
        if number.is_none() {
            self.wrong(format!("`{}` is out of bounds", self.key), "this number", help);
        }
        number
    }

    /// Reads a decimal number in units of `10^-places`, exactly; text in quotes is allowed.
    pub fn decimal(&self, places: usize, example: &str) -> Option<u64> {
        let text = match self.raw() {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
            DeValue::Float(number) => number.as_str(),
            DeValue::String(text) => text.as_ref(),
            _ => {
                self.mistyped("a number", &format!("for example {example}"));
                return None;
            }
        };
        let number = scaled(text, places);
        if number.is_none() {
            let message = format!("`{}` is not a decimal number with at most {places} places", self.key);
            self.wrong(message, "not understood", format!("for example {example}"));
        }
        number
    }

    /// Reads one of a closed list of words.
    pub fn choice<T: Copy>(&self, valid: &[(&str, T)]) -> Option<T> {
        let word = self.text()?;
        let found = valid.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
        if found.is_none() {
            self.wrong(
                format!("`{word}` is not a value of `{}`", self.key),
                "not one of the valid words",
                advice(word, valid.iter().map(|(name, _)| *name)),
            );
        }
        found
    }

    /// Reads a date, as TOML date or as text.
    pub fn day(&self) -> Option<Day> {
        let text = match self.raw() {
            DeValue::Datetime(date) if date.time.is_none() => date.to_string(),
            DeValue::String(text) => text.to_string(),
            _ => {
                self.mistyped("a date", "write it as YYYY-MM-DD, for example 2026-11-21");
                return None;
            }
        };
        let day = text.parse().ok();
        if day.is_none() {
            let help = "write it as YYYY-MM-DD, for example 2026-11-21";
            self.wrong(format!("`{}` is not a date", self.key), "no such day", help);
        }
        day
    }

    /// Returns the items of a list; a single value counts as a list of one.
    pub fn items(&self) -> Vec<Self> {
        match self.raw() {
            DeValue::Array(items) => items.iter().map(|item| Self { item, ..*self }).collect(),
            _ => vec![*self],
        }
    }

    /// Reads a text that may be blank, such as a separator.
    pub fn raw_text(&self) -> Option<String> {
        match self.raw() {
            DeValue::String(text) if !text.is_empty() => Some(text.to_string()),
            _ => self.text().map(str::to_owned),
        }
    }

    /// Reads texts of which one may be empty.
    pub fn any_texts(&self) -> Vec<String> {
        let text = |item: Self| match item.raw() {
            DeValue::String(text) => Some(text.to_string()),
            _ => item.text().map(str::to_owned),
        };
        self.items().into_iter().filter_map(text).collect()
    }

    /// Reads the texts of a list or of a single value; a repeated text is a mistake.
    pub fn texts(&self) -> Vec<(&'t str, Self)> {
        let mut texts: Vec<(&str, Self)> = Vec::new();
        for item in self.items() {
            let Some(text) = item.text() else { continue };
            if texts.iter().any(|(earlier, _)| *earlier == text) {
                item.wrong(format!("`{text}` stands twice in `{}`", self.key), "the second one", "remove it");
            } else {
                texts.push((text, item));
            }
        }
        texts
    }

    /// Reads a table with these keys.
    pub fn table(&self, title: &'static str, keys: &[&'static str]) -> Option<TomlTable<'t>> {
        if let DeValue::Table(entries) = self.raw() {
            return Some(TomlTable::open(self.notes, entries, self.span(), title, keys));
        }
        self.mistyped("a table", &format!("write {title} on a line of its own, with its keys below"));
        None
    }

    /// Reads a table whose keys are data.
    pub fn map(&self, title: &'static str) -> Option<TomlTable<'t>> {
        if let DeValue::Table(entries) = self.raw() {
            let Range { start, end } = self.span();
            return Some(TomlTable { notes: self.notes, entries, span: (start, end), title });
        }
        self.mistyped("a table", "write it as { key = value, ... }");
        None
    }

    /// Reads a list of tables with these keys.
    pub fn tables(&self, title: &'static str, keys: &[&'static str]) -> Vec<TomlTable<'t>> {
        let help = format!("write {title}, with double brackets, before each of them");
        let DeValue::Array(items) = self.raw() else {
            self.mistyped("a list of tables", &help);
            return Vec::new();
        };
        let tables = items.iter().map(|item| Self { item, ..*self });
        tables
            .filter_map(|value| {
                let DeValue::Table(entries) = value.raw() else {
                    value.mistyped("a list of tables", &help);
                    return None;
                };
                Some(TomlTable::open(self.notes, entries, value.span(), title, keys))
            })
            .collect()
    }
}

/// Scales a plain decimal: `12.5` with two places is 1250; `None` if it has more places.
fn scaled(text: &str, places: usize) -> Option<u64> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.trim_end_matches('0');
    let is_plain = !whole.is_empty() && whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit());
    if !is_plain || fraction.len() > places {
        return None;
    }
    format!("{whole}{fraction:0<places$}").parse().ok()
}

/// Reads a list of tables by its key; empty if it is absent.
pub fn tables<'t>(
    top: &TomlTable<'t>,
    key: &str,
    title: &'static str,
    keys: &[&'static str],
) -> Vec<TomlTable<'t>> {
    top.get(key).map(|value| value.tables(title, keys)).unwrap_or_default()
}

/// Reads the name of a table in a list; two tables of one list must not share a name.
pub fn name<'t>(table: &TomlTable<'t>, taken: &mut Vec<&'t str>, example: &str) -> Option<&'t str> {
    let value = table.need("name", example)?;
    let name = value.text()?;
    if taken.contains(&name) {
        value.wrong(format!("the name `{name}` is taken"), "used a second time", "give each its own name");
    }
    taken.push(name);
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_kept_exactly_or_not_at_all() {
        assert_eq!(scaled("99.9", 6), Some(99_900_000));
        assert_eq!(scaled("100", 6), Some(100_000_000));
        assert_eq!(scaled("99.9999990", 6), Some(99_999_999));
        assert_eq!(scaled("0.5", 0), None);
        for bad in ["", ".5", "-1", "1e3", "99,9", "1.2.3", "99.9999999", "1_000"] {
            assert_eq!(scaled(bad, 6), None, "{bad}");
        }
    }

    #[test]
    fn a_broken_line_hides_other_mistakes_of_that_line_only() {
        let document = Document::new("a.toml", "x = \ny = 5\nz = \n");
        let notes = MistakeNotes::new(&document);
        let root = notes.parse();
        let table = TomlTable::open(&notes, root.get_ref(), root.span(), "the top level", &["x", "y"]);
        assert!(table.get("x").unwrap().flag().is_none());
        assert!(table.get("y").unwrap().flag().is_none());
        assert!(table.need("missing", "1").is_none());
        let places: Vec<_> = notes.into_mistakes().iter().map(Mistake::place).collect();
        assert_eq!(places, ["a.toml:1:5", "a.toml:2:5", "a.toml:3:5"]);
    }

    #[test]
    fn parts_of_texts_are_pointed_at_unless_escapes_hide_them() {
        let document = Document::new("a.toml", "x = \"a{b}\"\ny = \"\\ta{b}\"\n");
        let notes = MistakeNotes::new(&document);
        let root = notes.parse();
        let table = TomlTable::open(&notes, root.get_ref(), root.span(), "the top level", &["x", "y"]);
        table.get("x").unwrap().wrong_in(1..4, "m", "l", "h");
        table.get("y").unwrap().wrong_in(2..5, "m", "l", "h");
        let places: Vec<_> = notes.into_mistakes().iter().map(Mistake::place).collect();
        assert_eq!(places, ["a.toml:1:7", "a.toml:2:5"]);
    }
}
