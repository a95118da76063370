//! NDJSON templates: sketch lines with the keys of an earlier line, without a parser.
//!
//! A template expects the same keys in the same order. A line with anything else (an escape, a
//! nested value, another key, a number in another form) is no mistake: it goes to the parser, which
//! alone decides what is JSON.

use super::ndjson::{FieldTarget, Tree};
use super::swar;
use crate::intake::rows::sketch::{FieldRole, Scalar, Sketch, is_sketchable};
use crate::intake::rows::source_reader::SourceReader;

/// Limit on remembered templates; ordinary rows need few.
const MOST: usize = 16;

/// Templates of one work item.
#[derive(Debug, Default)]
pub struct Templates {
    known: Vec<Template>,
    is_fit: bool,
}

/// Text between the values of a line, and the role of each value.
#[derive(Debug, PartialEq)]
struct Template {
    pieces: Vec<Piece>,
    /// From the last value to the end of the line.
    after: Box<[u8]>,
}

#[derive(Debug, PartialEq)]
struct Piece {
    /// From the value before to this one, quotes included.
    before: Box<[u8]>,
    is_text: bool,
    /// `None` for keys that no field is mapped to.
    target: Option<(usize, FieldRole)>,
}

impl Templates {
    pub fn of(source_reader: &SourceReader) -> Self {
        Self { known: Vec::new(), is_fit: is_sketchable(source_reader) }
    }

    /// Sketches a line if it fits a template, and returns whether it did.
    pub fn sketch<'b>(&mut self, line: &'b [u8], sketch: &mut Sketch<'b>) -> bool {
        if self.known.is_empty() || !line.is_ascii() {
            return false;
        }
        let found = (0..self.known.len()).find(|at| self.known[*at].sketch(*at, line, sketch).is_some());
        found.is_some()
    }

    /// Remembers a line that the parser has read as a template for others.
    pub fn learn(&mut self, line: &[u8], tree: &Tree, source_reader: &SourceReader) {
        if self.is_fit && self.known.len() < MOST {
            self.known
                .extend(Template::of(line, tree, source_reader).filter(|new| !self.known.contains(new)));
        }
    }
}

impl Template {
    /// Makes the template of a line that is a JSON object; `None` if some value is not plain.
    fn of(line: &[u8], tree: &Tree, source_reader: &SourceReader) -> Option<Self> {
        let mut pieces = Vec::new();
        let (mut at, mut from) = (skip(line, 0, b'{')?, 0);
        loop {
            at = skip(line, at, b'"')?;
            let end = at + swar::string_end(&line[at..])?;
            let targets = tree.targets(&line[at..end])?;
            let target = match targets {
                [] => None,
                [FieldTarget { field, .. }] => {
                    Some((*field, FieldRole::of(*field, source_reader.source().log)))
                }
                _ => return None,
            };
            // The parser decides about a field that is there twice.
            if target.is_some() && pieces.iter().any(|piece: &Piece| piece.target == target) {
                return None;
            }
            at = blanks(line, skip(line, end + 1, b':')?);
            let is_text = line.get(at) == Some(&b'"');
            at += usize::from(is_text);
            let before = line.get(from..at)?.into();
            pieces.push(Piece { before, is_text, target });
            let length = if is_text { swar::string_end(&line[at..])? } else { bare_end(&line[at..]) };
            if !is_text {
                bare(&line[at..at + length])?;
            }
            from = at + length;
            at = blanks(line, from + usize::from(is_text));
            match line.get(at)? {
                b',' => at += 1,
                b'}' => return Some(Self { pieces, after: line[from..].into() }),
                _ => return None,
            }
        }
    }

    fn sketch<'b>(&self, number: usize, line: &'b [u8], sketch: &mut Sketch<'b>) -> Option<()> {
        sketch.clear();
        let mut rest = line;
        // Adjacent keys are taken as one piece of the line; the text between them is the
        // template's.
        let mut keys: Option<usize> = None;
        for piece in &self.pieces {
            let begin = line.len() - rest.len();
            let is_key = matches!(piece.target, Some((_, FieldRole::SketchKey)));
            if let (false, Some(from)) = (is_key, keys) {
                sketch.key.bytes.extend_from_slice(&line[from..begin]);
                keys = None;
            }
            rest = rest.strip_prefix(&*piece.before)?;
            let length = if piece.is_text { swar::string_end(rest)? } else { bare_end(rest) };
            let text = &rest[..length];
            rest = &rest[length..];
            match piece.target {
                Some(_) if is_key => keys = keys.or(Some(begin)),
                Some((field, part)) if piece.is_text => sketch.take_text(field, part, text),
                Some((field, part)) => sketch.take(field, part, bare(text)?),
                None if piece.is_text => {}
                None => _ = bare(text)?,
            }
        }
        if let Some(from) = keys {
            sketch.key.bytes.extend_from_slice(&line[from..line.len() - rest.len()]);
        }
        // The fields that a row has are part of its key.
        sketch.key.number |= (number as u64) << 32;
        (rest == &*self.after).then_some(())
    }
}

fn blanks(line: &[u8], from: usize) -> usize {
    from + line
        .get(from..)
        .unwrap_or_default()
        .iter()
        .take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'))
        .count()
}

/// Returns the position after `expected`, which stands at `from` or after blanks.
fn skip(line: &[u8], from: usize, expected: u8) -> Option<usize> {
    let at = blanks(line, from);
    (line.get(at) == Some(&expected)).then_some(at + 1)
}

fn bare_end(text: &[u8]) -> usize {
    text.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+')).count()
}

/// Reads a value without quotes as the parser does; `None` if only the parser may judge it.
#[inline]
fn bare<'b>(text: &[u8]) -> Option<Scalar<'b>> {
    match text {
        b"true" | b"false" => return Some(Scalar::Odd),
        b"null" => return Some(Scalar::Missing),
        // Leading zeros are not JSON; long numbers are rounded, or kept as text.
        [] | [b'0', b'0'..=b'9', ..] => return None,
        _ if text.len() > 17 => return None,
        _ => {}
    }
    let (mut number, mut dot) = (0_u64, None);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => number = number * 10 + u64::from(byte - b'0'),
            b'.' if dot.is_none() && at > 0 && at + 1 < text.len() => dot = Some(at),
            _ => return None,
        }
    }
    let Some(dot) = dot else { return i64::try_from(number).ok().map(Scalar::Int) };
    if number >= 1 << f64::MANTISSA_DIGITS {
        return std::str::from_utf8(text).ok()?.parse().ok().map(Scalar::Float);
    }
    // Both are exact, so their quotient is the float nearest to the decimal number (W. D. Clinger,
    // "How to Read Floating Point Numbers Accurately").
    Some(Scalar::Float(number as f64 / TENS[text.len() - dot - 1]))
}

const TENS: [f64; 17] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_are_read_as_the_library_reads_them(text in "(0|[1-9][0-9]{0,9})(\\.[0-9]{1,12})?") {
            let want = if text.contains('.') { text.parse().ok().map(f64::to_bits) } else { None };
            match bare(text.as_bytes()) {
                Some(Scalar::Float(found)) => prop_assert_eq!(Some(found.to_bits()), want),
                Some(Scalar::Int(found)) => prop_assert_eq!(Ok(found), text.parse()),
                found => prop_assert!(text.len() > 17, "{:?} of {}", found, text),
            }
        }
    }
}
