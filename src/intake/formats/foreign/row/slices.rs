//! Slices: values that stand in the line as they are, which is most of them.
//!
//! Fast path of [`FormatRow::first`]: a slice is held in two registers. A whole [`NamedValue`] is
//! copied at each step, and each copy waits until its parts have been written.

use std::borrow::Cow;

use super::super::compile::{CompiledExpression, CompiledOrigin};
use super::super::named_value::NamedValue;
use super::FormatRow;
use crate::formats::{RequestPart, Take};

/// A value as a part of the line.
#[derive(Debug, Clone, Copy)]
pub enum ValueSlice<'f, 'b> {
    NotLogged,
    Empty,
    /// The expression that gives the value, and the value.
    Text(&'f CompiledExpression, &'b [u8]),
    /// It is copied, or a list, so that [`FormatRow::first`] must find it.
    Other,
}

impl<'f: 'b, 'b> FormatRow<'f, 'b> {
    /// Returns the first alternative with a value.
    #[inline]
    pub fn first_slice(&self, alternatives: &'f [CompiledExpression]) -> ValueSlice<'f, 'b> {
        let mut best = ValueSlice::NotLogged;
        for one in alternatives {
            match self.slice(one) {
                ValueSlice::NotLogged => {}
                ValueSlice::Empty => best = ValueSlice::Empty,
                found => return found,
            }
        }
        best
    }

    #[inline]
    pub(super) fn slice(&self, read: &'f CompiledExpression) -> ValueSlice<'f, 'b> {
        if !self.holds(read.when) {
            return ValueSlice::Empty;
        }
        let CompiledOrigin::Names(names) = &read.origin else { return ValueSlice::Other };
        if !read.is_sliced {
            return ValueSlice::Other;
        }
        let mut best = ValueSlice::NotLogged;
        for name in names {
            match &self.cells[*name] {
                NamedValue::NotLogged => {}
                NamedValue::Empty => best = ValueSlice::Empty,
                NamedValue::Text(Cow::Borrowed(text)) => {
                    return match self.cut(text, read) {
                        Some([]) => ValueSlice::Empty,
                        Some(text) => ValueSlice::Text(read, text),
                        None => ValueSlice::Other,
                    };
                }
                NamedValue::Text(_) | NamedValue::Object(_) | NamedValue::List(_) => {
                    return ValueSlice::Other;
                }
            }
        }
        best
    }

    /// Returns what an expression takes of a text, which may be nothing; `None` for a list.
    #[inline]
    fn cut(&self, text: &'b [u8], read: &CompiledExpression) -> Option<&'b [u8]> {
        let mut text = text;
        if let Some(after) = &read.after {
            let Some(at) = memchr::memmem::find(text, after) else { return Some(&[]) };
            text = &text[at + after.len()..];
        }
        if let Some(before) = &read.before {
            text = &text[..memchr::memmem::find(text, before).unwrap_or(text.len())];
        }
        if text.is_empty() {
            return Some(&[]);
        }
        if !read.split.is_empty() {
            text = only_member(text, read)?;
            if self.format.missing.has(text) {
                return Some(&[]);
            }
        }
        if read.missing.has(text) {
            return Some(&[]);
        }
        Some(match read.part {
            Some(wanted) => part_of(text, wanted).map_or(&[], |range| &text[range]),
            None => text,
        })
    }
}

/// Returns the only member of a text without separators; `None` if it must be cut.
///
/// Its blanks are taken away, as those of the members of any list.
fn only_member<'t>(text: &'t [u8], read: &CompiledExpression) -> Option<&'t [u8]> {
    let is_first = matches!(read.take, None | Some(Take::First | Take::Last | Take::Any | Take::At(1)));
    let is_cut = match read.split_at[..] {
        [one] => memchr::memchr(one, text).is_some(),
        [one, two] => memchr::memchr2(one, two, text).is_some(),
        ref all => text.iter().any(|byte| all.contains(byte)),
    };
    (is_first && !is_cut).then(|| text.trim_ascii())
}

/// Returns the place of a part of a request line, a URL or a path.
pub fn part_of(text: &[u8], wanted: RequestPart) -> Option<std::ops::Range<usize>> {
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
    if let Some(at) = scheme_end(&text[from..end]) {
        let host = from + at;
        from = host + memchr::memchr(b'/', &text[host..end])?;
    }
    if let Some(query) = memchr::memchr(b'?', &text[from..end]) {
        end = from + query;
    }
    (text.get(from) == Some(&b'/')).then_some(from..end)
}

/// Returns the position behind the first `://`.
fn scheme_end(text: &[u8]) -> Option<usize> {
    // Preparing a search for a text takes longer than the search.
    memchr::memchr_iter(b':', text)
        .map(|at| at + 1)
        .find(|at| text[*at..].starts_with(b"//"))
        .map(|at| at + 2)
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;
    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;

    use super::super::super::compile::{CompiledFormat, Mask};
    use super::*;
    use crate::config::FormatChoice;
    use crate::intake::trial::source_of_format;

    /// Texts of the samples of a format, whole and cut in several ways.
    fn texts(choice: &FormatChoice) -> Vec<String> {
        let lines = || choice.file.samples.iter().flat_map(|sample| &sample.lines);
        let pieces = |at: &'static [char]| lines().flat_map(move |line| line.split(at).map(str::to_owned));
        let mut texts: Vec<String> = pieces(&['"']).chain(pieces(&[' ', '"', ','])).collect();
        let two = |with: &str| texts.windows(2).map(|pair| pair.join(with)).collect::<Vec<_>>();
        let joined = [two(", "), two(" : "), two(","), two("|"), two(" ")].concat();
        texts.extend(joined);
        texts.extend(["", " ", "-", ",", " : ", "a://b", "GET /x?y HTTP/1.1"].map(str::to_owned));
        texts
    }

    #[test]
    fn slices_are_the_values_that_expressions_give() {
        let mut slices = 0;
        for choice in FormatChoice::all() {
            let format = CompiledFormat::of(&source_of_format(&choice), &choice);
            let texts = texts(&choice);
            let cell = (0..8_u8, any::<prop::sample::Index>());
            let rows = (prop::collection::vec(cell, format.names.len()), any::<Mask>(), any::<bool>());
            let mut runner = TestRunner::new(ProptestConfig { cases: 512, ..ProptestConfig::default() });
            let check = |(cells, bits, holds_all): (Vec<(u8, prop::sample::Index)>, Mask, bool)| {
                let cell = |(kind, at): &(u8, prop::sample::Index)| match kind {
                    0 => NamedValue::NotLogged,
                    1 => NamedValue::Empty,
                    _ => NamedValue::Text(Cow::Borrowed(texts[at.index(texts.len())].as_bytes())),
                };
                let cells = cells.iter().map(cell).collect();
                let bits = if holds_all { Mask::MAX } else { bits };
                let row = FormatRow { format: &format, cells, bits, zone: Tz::UTC };
                for alternatives in format.lets.iter().chain(format.fields.iter().map(|(_, read)| read)) {
                    match (row.first_slice(alternatives), row.first(alternatives)) {
                        (ValueSlice::NotLogged, Err(NamedValue::NotLogged))
                        | (ValueSlice::Empty, Err(NamedValue::Empty)) => {}
                        (ValueSlice::Text(read, text), Ok((by, cell))) => {
                            prop_assert!(std::ptr::eq(read, by));
                            prop_assert_eq!(Some(text), cell.text().map(AsRef::as_ref));
                        }
                        (ValueSlice::Other, _) => {}
                        (slice, cell) => prop_assert!(false, "{}: {:?} for {:?}", choice.name, slice, cell),
                    }
                }
                Ok(())
            };
            runner.run(&rows, check).unwrap();
            slices += format.fields.iter().filter(|(_, read)| read.iter().all(|read| read.is_sliced)).count();
        }
        assert!(slices > 50, "{slices} fields");
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
}
