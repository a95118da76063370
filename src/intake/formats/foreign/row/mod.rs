//! Row: the names of one line, the conditions that hold, and the values of its fields.

mod conditions;
mod numbers;
mod slices;

use std::borrow::Cow;

use chrono_tz::Tz;

use super::compile::{CompiledExpression, CompiledFormat, CompiledOrigin, Mask, NameRef};
use super::named_value::{MissingTexts, NamedValue, part};
use crate::formats::{Take, Unit};
use crate::intake::rows::instant;
use crate::intake::rows::raw_row::LogValue;

pub use conditions::{KnownTexts, plain_bits};
use conditions::{bits_of, text_bits};
use numbers::{nanoseconds, number_with_unit, seconds_text};
pub use slices::ValueSlice;
use slices::part_of;

/// Makes cells that hold a text for *empty* empty.
pub fn empty_missing(cells: &mut [NamedValue<'_>], missing: &MissingTexts) {
    for cell in cells {
        if let NamedValue::Text(text) = cell
            && missing.has(text)
        {
            cell.put_empty();
        }
    }
}

/// Why an expression has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    NotLogged,
    Empty,
}

/// The names of one row.
pub struct FormatRow<'f, 'b> {
    pub format: &'f CompiledFormat,
    pub cells: Vec<NamedValue<'b>>,
    pub bits: Mask,
    pub zone: Tz,
}

impl<'f: 'b, 'b> FormatRow<'f, 'b> {
    /// Finds the conditions that hold; `line_bits` are those on the whole line.
    pub fn look(&mut self, line_bits: Mask, known: &mut KnownTexts) {
        self.bits = line_bits;
        let format = self.format;
        // Conditions on names come first: a helper value may ask for them.
        for (at, test) in format.tests.iter().enumerate() {
            if let NameRef::Name(name) = test.name {
                self.bits |= bits_of(test, &self.cells[name], at, known);
            }
        }
        for (at, test) in format.tests.iter().enumerate() {
            let NameRef::Let(number) = test.name else { continue };
            let alternatives = &format.lets[number];
            self.bits |= match self.first_slice(alternatives) {
                ValueSlice::NotLogged => 0,
                ValueSlice::Empty => test.empty,
                ValueSlice::Text(_, text) => test.present | text_bits(test, text, at, known),
                ValueSlice::Other => {
                    let cell = self.first(alternatives).map_or_else(|empty| empty, |(_, cell)| cell);
                    bits_of(test, &cell, at, known)
                }
            };
        }
    }

    pub const fn holds(&self, mask: Mask) -> bool {
        self.bits & mask == mask
    }

    /// Returns the first alternative with a value.
    ///
    /// # Errors
    /// None has: the cell is empty if any is logged, else not logged.
    pub fn first(
        &self,
        alternatives: &'f [CompiledExpression],
    ) -> Result<(&'f CompiledExpression, NamedValue<'b>), NamedValue<'b>> {
        let mut best = NamedValue::NotLogged;
        for one in alternatives {
            match self.value(one) {
                NamedValue::NotLogged => {}
                NamedValue::Empty => best = NamedValue::Empty,
                cell => return Ok((one, cell)),
            }
        }
        Err(best)
    }

    /// Returns the duration of the first alternative with a value; `None` if it cannot be read.
    ///
    /// # Errors
    /// None has, as for [`FormatRow::first`].
    pub fn first_duration(&self, alternatives: &'f [CompiledExpression]) -> Result<Option<i128>, Absent> {
        let mut best = Absent::NotLogged;
        for one in alternatives {
            let found = match self.number(one) {
                Some(found) => found.map(Some),
                None => match self.slice(one) {
                    ValueSlice::NotLogged => Err(Absent::NotLogged),
                    ValueSlice::Empty => Err(Absent::Empty),
                    ValueSlice::Text(_, text) => Ok(nanoseconds(text, one.unit, self.zone)),
                    ValueSlice::Other => match self.value(one) {
                        NamedValue::NotLogged => Err(Absent::NotLogged),
                        NamedValue::Empty => Err(Absent::Empty),
                        cell => Ok(cell.text().and_then(|text| nanoseconds(text, one.unit, self.zone))),
                    },
                },
            };
            match found {
                Ok(found) => return Ok(found),
                Err(Absent::NotLogged) => {}
                Err(Absent::Empty) => best = Absent::Empty,
            }
        }
        Err(best)
    }

    fn value(&self, read: &'f CompiledExpression) -> NamedValue<'b> {
        if !self.holds(read.when) {
            return NamedValue::Empty;
        }
        let cell = match &read.origin {
            CompiledOrigin::Constant(text) => return NamedValue::Text(Cow::Borrowed(text)),
            CompiledOrigin::Join { names, with } => return self.joined(names, with),
            CompiledOrigin::Sum(_) | CompiledOrigin::Minus(_) => {
                return match self.number(read) {
                    Some(Ok(nanoseconds)) => NamedValue::Text(Cow::Owned(seconds_text(nanoseconds))),
                    Some(Err(Absent::Empty)) => NamedValue::Empty,
                    Some(Err(Absent::NotLogged)) | None => NamedValue::NotLogged,
                };
            }
            CompiledOrigin::Names(names) => self.named(names),
        };
        let cell = match cell {
            NamedValue::NotLogged | NamedValue::Empty => return cell,
            NamedValue::Text(text) | NamedValue::Object(text) => match cut_out(text, read) {
                Some(text) => NamedValue::Text(text),
                None => return NamedValue::Empty,
            },
            list @ NamedValue::List(_) => list,
        };
        let cell = self.taken(cell, read);
        finished(cell, read)
    }

    /// Returns the first of several names that has a value.
    fn named(&self, names: &[usize]) -> NamedValue<'b> {
        let mut best = NamedValue::NotLogged;
        for name in names {
            match &self.cells[*name] {
                NamedValue::NotLogged => {}
                NamedValue::Empty => best = NamedValue::Empty,
                cell => return cell.clone(),
            }
        }
        best
    }

    /// Applies `look` to a name of the log, or to a helper value.
    fn referred<T>(&self, name: NameRef, look: impl FnOnce(&NamedValue<'b>) -> T) -> T {
        match name {
            NameRef::Name(name) => look(&self.cells[name]),
            NameRef::Let(number) => {
                look(&self.first(&self.format.lets[number]).map_or_else(|empty| empty, |(_, cell)| cell))
            }
            NameRef::Line => look(&NamedValue::NotLogged),
        }
    }

    fn joined(&self, names: &'f [NameRef], with: &[u8]) -> NamedValue<'b> {
        let length = |name: &NameRef| match name {
            NameRef::Name(name) => self.cells[*name].text().map_or(0, |text| text.len()) + with.len(),
            NameRef::Let(_) | NameRef::Line => 0,
        };
        // One allocation: a text that grows from name to name is moved each time.
        let mut text = Vec::with_capacity(names.iter().map(length).sum());
        let (mut is_empty, mut is_logged) = (false, true);
        for (at, name) in names.iter().enumerate() {
            self.referred(*name, |cell| match cell {
                NamedValue::NotLogged => is_logged = false,
                NamedValue::Empty => is_empty = true,
                cell => {
                    if at > 0 {
                        text.extend_from_slice(with);
                    }
                    text.extend_from_slice(cell.text().map_or(&b""[..], |text| text));
                }
            });
        }
        match (is_logged, is_empty) {
            (false, _) => NamedValue::NotLogged,
            (true, true) => NamedValue::Empty,
            (true, false) => NamedValue::Text(Cow::Owned(text)),
        }
    }

    /// Returns a sum or a difference in nanoseconds; `None` if the expression is neither.
    fn number(&self, read: &'f CompiledExpression) -> Option<Result<i128, Absent>> {
        let found = match &read.origin {
            CompiledOrigin::Names(_) | CompiledOrigin::Constant(_) | CompiledOrigin::Join { .. } => {
                return None;
            }
            CompiledOrigin::Sum(_) | CompiledOrigin::Minus(_) if !self.holds(read.when) => Err(Absent::Empty),
            CompiledOrigin::Sum(names) => self.sum(names, read.unit),
            CompiledOrigin::Minus(names) => self.difference(names, read.unit),
        };
        Some(found)
    }

    /// Returns a part of a sum; `None` if it has no value that is a time.
    ///
    /// # Errors
    /// The name is not logged.
    fn term(&self, name: NameRef, unit: Option<Unit>) -> Result<Option<i128>, Absent> {
        self.referred(name, |cell| match cell {
            NamedValue::NotLogged => Err(Absent::NotLogged),
            cell => Ok(cell.text().and_then(|text| nanoseconds(text, unit, self.zone))),
        })
    }

    fn sum(&self, names: &'f [NameRef], unit: Option<Unit>) -> Result<i128, Absent> {
        let mut total = None;
        for name in names {
            if let Some(found) = self.term(*name, unit)? {
                total = Some(total.unwrap_or(0) + found.max(0));
            }
        }
        total.ok_or(Absent::Empty)
    }

    fn difference(&self, names: &'f [NameRef; 2], unit: Option<Unit>) -> Result<i128, Absent> {
        match (self.term(names[0], unit)?, self.term(names[1], unit)?) {
            (Some(first), Some(second)) => Ok(first - second),
            _ => Err(Absent::Empty),
        }
    }

    /// Takes members of a list, or of a text that is cut.
    fn taken(&self, cell: NamedValue<'b>, read: &CompiledExpression) -> NamedValue<'b> {
        let is_value =
            |member: &&Cow<'_, [u8]>| !self.format.missing.has(member) && !read.missing.has(member);
        let members = match cell {
            NamedValue::Text(text) if !read.split.is_empty() => split(&text, &read.split),
            NamedValue::List(members) => members,
            other => return other,
        };
        let one = match read.take {
            Some(Take::Last) => members.last().filter(is_value),
            Some(Take::First) => members.first().filter(is_value),
            Some(Take::Any) => members.iter().find(is_value),
            Some(Take::At(at)) => members.get(at - 1).filter(is_value),
            None => {
                let kept: Vec<_> = members.iter().filter(is_value).cloned().collect();
                return if kept.is_empty() { NamedValue::Empty } else { NamedValue::List(kept) };
            }
        };
        one.map_or(NamedValue::Empty, |member| NamedValue::Text(member.clone()))
    }
}

/// Returns what stands behind `after` and before `before`; `None` if nothing does.
fn cut_out<'b>(text: Cow<'b, [u8]>, read: &CompiledExpression) -> Option<Cow<'b, [u8]>> {
    let mut text = text;
    if let Some(after) = &read.after {
        let at = memchr::memmem::find(&text, after)?;
        text = part(&text, at + after.len()..text.len());
    }
    if let Some(before) = &read.before {
        let end = memchr::memmem::find(&text, before).unwrap_or(text.len());
        text = part(&text, 0..end);
    }
    (!text.is_empty()).then_some(text)
}

fn finished<'b>(cell: NamedValue<'b>, read: &CompiledExpression) -> NamedValue<'b> {
    let finish = |text: Cow<'b, [u8]>| -> Option<Cow<'b, [u8]>> {
        let mut text = text;
        if read.missing.has(&text) {
            return None;
        }
        if read.is_lowered {
            text = Cow::Owned(text.to_ascii_lowercase());
        }
        if let Some(wanted) = read.part {
            let range = part_of(&text, wanted)?;
            text = part(&text, range);
        }
        if let Some((_, by)) = read.words.iter().find(|(word, _)| word.matches(&text)) {
            text = Cow::Owned(by.clone());
        }
        (!text.is_empty()).then_some(text)
    };
    match cell {
        NamedValue::Text(text) => finish(text).map_or(NamedValue::Empty, NamedValue::Text),
        NamedValue::List(members) => {
            let kept: Vec<_> = members.into_iter().filter_map(finish).collect();
            if kept.is_empty() { NamedValue::Empty } else { NamedValue::List(kept) }
        }
        other => other,
    }
}

/// Cuts a text at separators, and takes the blanks around the pieces away.
fn split<'b>(text: &Cow<'b, [u8]>, separators: &[Vec<u8>]) -> Vec<Cow<'b, [u8]>> {
    let mut members = Vec::new();
    let mut from = 0;
    loop {
        let rest = &text[from..];
        let next = separators
            .iter()
            .filter_map(|separator| Some((memchr::memmem::find(rest, separator)?, separator.len())))
            .min_by_key(|(at, _)| *at);
        let (end, behind) = next.map_or((text.len(), text.len()), |(at, n)| (from + at, from + at + n));
        let member = &text[from..end];
        let start = end - member.trim_ascii_start().len();
        members.push(part(text, start..start + member.trim_ascii().len()));
        if next.is_none() {
            return members;
        }
        from = behind;
    }
}

/// Returns an instant that a text tells in a unit or by a format; other texts stay as they are.
///
/// # Errors
/// The text does not fit the unit or the format.
pub fn instant_value<'b>(
    text: Cow<'b, [u8]>,
    read: &CompiledExpression,
    zone: Tz,
) -> Result<LogValue<'b>, String> {
    let shown = |text: &Cow<'_, [u8]>| LogValue::Text(Cow::Borrowed(text.as_ref())).excerpt();
    let unreadable = |text: &Cow<'_, [u8]>| Err(format!("timestamp {} cannot be read", shown(text)));
    let unit = match read.origin {
        // Sums are in seconds, whatever their parts are in.
        CompiledOrigin::Sum(_) => Some(Unit::Seconds),
        _ => read.unit,
    };
    if let Some(format) = &read.format {
        return match instant::instant_of_text(&text, format, zone) {
            Some(us) => Ok(LogValue::Instant(us)),
            None => unreadable(&text),
        };
    }
    if let Some(unit) = unit {
        let us = number_with_unit(text.trim_ascii(), Some(unit)).map(|ns| ns.div_euclid(1_000));
        return match us.and_then(|us| i64::try_from(us).ok()).filter(|us| instant::is_possible(*us)) {
            Some(us) => Ok(LogValue::Instant(us)),
            None => unreadable(&text),
        };
    }
    let inner = text.strip_prefix(b"[").unwrap_or(&text);
    let inner = inner.strip_suffix(b"]").unwrap_or(inner);
    let from = usize::from(text.starts_with(b"["));
    let range = from..from + inner.len();
    Ok(LogValue::from_text(part(&text, range)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_the_nearest_separator() {
        let separators = [b",".to_vec(), b" : ".to_vec()];
        let text = Cow::Borrowed(&b"a, b : c,"[..]);
        let members: Vec<_> = split(&text, &separators).iter().map(|m| m.to_vec()).collect();
        assert_eq!(members, [b"a".to_vec(), b"b".to_vec(), b"c".to_vec(), Vec::new()]);
    }
}
