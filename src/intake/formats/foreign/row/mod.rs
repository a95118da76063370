//! Row: the names of one line, the conditions that hold, and the values of its fields.

use std::borrow::Cow;

use chrono_tz::Tz;
use hashbrown::HashMap;

use super::compile::{CompiledExpression, CompiledFormat, CompiledOrigin, Mask, NameRef, NameTests};
use super::named_value::{NamedValue, part};
use crate::config::Cast;
use crate::formats::Unit;
use crate::formats::{RequestPart, Take};
use crate::intake::rows::instant;
use crate::intake::rows::raw_row::LogValue;

/// Texts whose bits are remembered for each name, and their longest length.
const REMEMBERED: usize = 1_024;
const LONGEST_REMEMBERED: usize = 48;

/// Bits of texts that were looked at before, by position of the test.
#[derive(Debug, Default)]
pub struct KnownTexts(Vec<HashMap<Box<[u8]>, Mask, foldhash::fast::RandomState>>);

/// Returns whether a text is one of those that mean *empty*.
#[inline]
pub fn is_missing(text: &[u8], missing: &[Vec<u8>]) -> bool {
    missing.iter().any(|token| token.as_slice() == text)
}

/// Makes cells that hold a text for *empty* empty.
pub fn empty_missing(cells: &mut [NamedValue<'_>], missing: &[Vec<u8>]) {
    for cell in cells {
        if let NamedValue::Text(text) = cell
            && is_missing(text, missing)
        {
            *cell = NamedValue::Empty;
        }
    }
}

/// Returns the bits of all conditions that hold for a cell.
fn bits_of(tests: &NameTests, cell: &NamedValue<'_>, at: usize, known: &mut KnownTexts) -> Mask {
    match cell {
        NamedValue::NotLogged => 0,
        NamedValue::Empty => tests.empty,
        NamedValue::Text(text) | NamedValue::Object(text) => {
            tests.present | text_bits(tests, text, at, known)
        }
        NamedValue::List(members) => {
            members.iter().fold(tests.present, |bits, member| bits | text_bits(tests, member, at, known))
        }
    }
}

fn text_bits(tests: &NameTests, text: &[u8], at: usize, known: &mut KnownTexts) -> Mask {
    if tests.by_text.is_empty() {
        return 0;
    }
    if known.0.len() <= at {
        known.0.resize_with(at + 1, HashMap::default);
    }
    if let Some(bits) = known.0[at].get(text) {
        return *bits;
    }
    let wanted = |wants: &[crate::formats::Want]| wants.iter().any(|want| want.matches(text));
    let bits = tests.by_text.iter().filter(|(_, wants)| wanted(wants)).fold(0, |bits, (bit, _)| bits | bit);
    if text.len() <= LONGEST_REMEMBERED && known.0[at].len() < REMEMBERED {
        known.0[at].insert(text.into(), bits);
    }
    bits
}

/// Returns the bits of the conditions on cells alone, for envelopes.
pub fn plain_bits(tests: &[NameTests], cells: &[NamedValue<'_>], known: &mut KnownTexts) -> Mask {
    tests.iter().enumerate().fold(0, |bits, (at, test)| match test.name {
        NameRef::Name(name) => bits | bits_of(test, &cells[name], at, known),
        NameRef::Let(_) | NameRef::Line => bits,
    })
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
            if let NameRef::Let(number) = test.name {
                let cell = self.first(&format.lets[number]).map_or_else(|empty| empty, |(_, cell)| cell);
                self.bits |= bits_of(test, &cell, at, known);
            }
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

    fn value(&self, read: &'f CompiledExpression) -> NamedValue<'b> {
        if !self.holds(read.when) {
            return NamedValue::Empty;
        }
        let cell = match &read.origin {
            CompiledOrigin::Constant(text) => return NamedValue::Text(Cow::Borrowed(text)),
            CompiledOrigin::Join { names, with } => return self.joined(names, with),
            CompiledOrigin::Sum(names) => return self.sum(names, read.unit),
            CompiledOrigin::Minus(names) => return self.difference(names, read.unit),
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

    /// Returns a name of the log, or a helper value.
    fn referred(&self, name: NameRef) -> NamedValue<'b> {
        match name {
            NameRef::Name(name) => self.cells[name].clone(),
            NameRef::Let(number) => {
                self.first(&self.format.lets[number]).map_or_else(|empty| empty, |(_, cell)| cell)
            }
            NameRef::Line => NamedValue::NotLogged,
        }
    }

    fn joined(&self, names: &'f [NameRef], with: &[u8]) -> NamedValue<'b> {
        let mut text = Vec::new();
        let mut is_empty = false;
        for (at, name) in names.iter().enumerate() {
            match self.referred(*name) {
                NamedValue::NotLogged => return NamedValue::NotLogged,
                NamedValue::Empty => is_empty = true,
                cell => {
                    if at > 0 {
                        text.extend_from_slice(with);
                    }
                    text.extend_from_slice(cell.text().map_or(&b""[..], |text| text));
                }
            }
        }
        if is_empty { NamedValue::Empty } else { NamedValue::Text(Cow::Owned(text)) }
    }

    /// Returns a sum in seconds, as a text of a decimal number.
    fn sum(&self, names: &'f [NameRef], unit: Option<Unit>) -> NamedValue<'b> {
        let mut total = None;
        for name in names {
            match self.referred(*name) {
                NamedValue::NotLogged => return NamedValue::NotLogged,
                cell => {
                    let found = cell.text().and_then(|text| nanoseconds(text, unit, self.zone));
                    if let Some(found) = found {
                        total = Some(total.unwrap_or(0) + found.max(0));
                    }
                }
            }
        }
        total.map_or(NamedValue::Empty, |total| NamedValue::Text(Cow::Owned(seconds_text(total))))
    }

    fn difference(&self, [first, second]: &'f [NameRef; 2], unit: Option<Unit>) -> NamedValue<'b> {
        let (first, second) = (self.referred(*first), self.referred(*second));
        if !first.is_logged() || !second.is_logged() {
            return NamedValue::NotLogged;
        }
        let of = |cell: &NamedValue<'_>| cell.text().and_then(|text| nanoseconds(text, unit, self.zone));
        match (of(&first), of(&second)) {
            (Some(first), Some(second)) => NamedValue::Text(Cow::Owned(seconds_text(first - second))),
            _ => NamedValue::Empty,
        }
    }

    /// Takes members of a list, or of a text that is cut.
    fn taken(&self, cell: NamedValue<'b>, read: &CompiledExpression) -> NamedValue<'b> {
        let members = match cell {
            NamedValue::Text(text) if !read.split.is_empty() => split(&text, &read.split),
            NamedValue::List(members) => members,
            other => return other,
        };
        let is_value = |member: &&Cow<'_, [u8]>| {
            !is_missing(member, &self.format.missing) && !is_missing(member, &read.missing)
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
        if is_missing(&text, &read.missing) {
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

/// Returns the place of a part of a request line, a URL or a path.
fn part_of(text: &[u8], wanted: RequestPart) -> Option<std::ops::Range<usize>> {
    let blank = memchr::memchr(b' ', text);
    if wanted == RequestPart::Method {
        return blank.map(|end| 0..end);
    }
    let (mut from, mut end) = match blank {
        Some(at) => {
            let rest = &text[at + 1..];
            (at + 1, at + 1 + memchr::memchr(b' ', rest).unwrap_or(rest.len()))
        }
        None => (0, text.len()),
    };
    if let Some(at) = memchr::memmem::find(&text[from..end], b"://") {
        let host = from + at + 3;
        from = host + memchr::memchr(b'/', &text[host..end])?;
    }
    if let Some(query) = memchr::memchr(b'?', &text[from..end]) {
        end = from + query;
    }
    (text.get(from) == Some(&b'/')).then_some(from..end)
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

/// Reads a duration or an instant in nanoseconds: a written suffix goes before the unit.
pub fn nanoseconds(text: &[u8], unit: Option<Unit>, zone: Tz) -> Option<i128> {
    let text = text.trim_ascii();
    if let Some(nanoseconds) = number_with_unit(text, unit) {
        return Some(nanoseconds);
    }
    instant::instant_of_text(text, &Cast::Auto, zone).map(|us| i128::from(us) * 1_000)
}

/// Reads a number with a suffix (`0.005s`, `12ms`, `1.2\u{b5}s`), else in a unit (default seconds).
pub fn number_with_unit(text: &[u8], unit: Option<Unit>) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?;
    let text = text.strip_prefix('+').unwrap_or(text);
    let end =
        text.find(|c: char| !matches!(c, '0'..='9' | '.' | '-' | 'e' | 'E' | '+')).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let scale: i128 = match suffix {
        "" => match unit.unwrap_or(Unit::Seconds) {
            Unit::Seconds => 1_000_000_000,
            Unit::Milliseconds => 1_000_000,
            Unit::Microseconds => 1_000,
            Unit::Nanoseconds => 1,
        },
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        _ => return None,
    };
    decimal(number, scale)
}

/// Returns a decimal number times a scale, without a float unless it has an exponent.
fn decimal(text: &str, scale: i128) -> Option<i128> {
    if text.contains(['e', 'E']) {
        let number: f64 = text.parse().ok()?;
        let scaled = number * scale as f64;
        return (scaled.is_finite() && scaled.abs() < 1e30).then_some(scaled.round() as i128);
    }
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty())
        || !is_number(whole)
        || !is_number(fraction)
        || whole.len() > 24
    {
        return None;
    }
    let mut value = if whole.is_empty() { 0 } else { whole.parse::<i128>().ok()? }.checked_mul(scale)?;
    let mut place = scale;
    for digit in fraction.bytes() {
        place /= 10;
        value += i128::from(digit - b'0') * place;
    }
    Some(sign * value)
}

fn seconds_text(nanoseconds: i128) -> Vec<u8> {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let n = nanoseconds.unsigned_abs();
    format!("{sign}{}.{:09}", n / 1_000_000_000, n % 1_000_000_000).into_bytes()
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
        let cast = Cast::Format(format.clone());
        return match instant::instant_of_text(&text, &cast, zone) {
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
    fn numbers_are_exact_and_a_suffix_goes_before_the_unit() {
        let of = |text: &str, unit| number_with_unit(text.as_bytes(), unit);
        assert_eq!(of("0.005192s", Some(Unit::Milliseconds)), Some(5_192_000));
        assert_eq!(of("1.2\u{b5}s", None), Some(1_200));
        assert_eq!(of("+2002", Some(Unit::Milliseconds)), Some(2_002_000_000));
        assert_eq!(of("1795835421.615", None), Some(1_795_835_421_615_000_000));
        assert_eq!(of("-0.5", None), Some(-500_000_000));
        assert_eq!(of("1.5e-05", None), Some(15_000));
        for text in ["", "-", "x", "1,2", "1.2.3", "12 ms", "5h"] {
            assert_eq!(of(text, None), None, "{text}");
        }
    }

    #[test]
    fn a_path_is_found_in_a_line_a_url_and_a_path() {
        let path =
            |text: &str| part_of(text.as_bytes(), RequestPart::Path).map(|range| text[range].to_owned());
        for text in ["GET /a?b HTTP/1.1", "/a", "/a?x=/y", "https://h:443/a?b", "POST http://h/a HTTP/1.1"] {
            assert_eq!(path(text).as_deref(), Some("/a"), "{text}");
        }
        for text in ["-", "a/b", "https://h", r"\x16\x03", ""] {
            assert_eq!(path(text), None, "{text}");
        }
        assert_eq!(part_of(b"GET /a", RequestPart::Method), Some(0..3));
    }

    #[test]
    fn texts_are_cut_at_the_nearest_separator() {
        let separators = [b",".to_vec(), b" : ".to_vec()];
        let text = Cow::Borrowed(&b"a, b : c,"[..]);
        let members: Vec<_> = split(&text, &separators).iter().map(|m| m.to_vec()).collect();
        assert_eq!(members, [b"a".to_vec(), b"b".to_vec(), b"c".to_vec(), Vec::new()]);
    }
}
