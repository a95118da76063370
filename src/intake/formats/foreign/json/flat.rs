//! Flat: objects of plain values, read without a parser.
//!
//! An object with anything else (an escape, an object or a list in it, a number in another form, a
//! byte that is no text) is no mistake: it goes to the parser, which alone decides what is JSON.

use super::{KeyTree, NamedValue, below};
use crate::intake::formats::swar;

/// Limit on bytes of a number; a longer one may be none for the parser.
const LONGEST_NUMBER: usize = 18;

/// Takes the names of a flat object.
pub trait TakeNames<'t> {
    /// Takes a text, or nothing, under a name with its preference.
    fn text(&mut self, name: usize, rank: u8, value: Option<&'t [u8]>);
    /// Takes any value that stands in a text.
    fn cell(&mut self, name: usize, rank: u8, cell: NamedValue<'t>);
}

impl KeyTree {
    /// Reads a flat object as [`KeyTree::read`] does; `None` if it is not flat.
    ///
    /// `found` may have got some names by then.
    pub fn read_flat<'t>(&self, text: &'t [u8], found: &mut impl TakeNames<'t>) -> Option<()> {
        let mut at = skip(text, 0, b'{')?;
        // Most lines have the keys in one order: the next key is likely the one behind the last.
        let mut next = 0;
        loop {
            let (key, end) = string(text, blanks(text, at))?;
            let place = match self.keys.get(next) {
                Some((likely, _)) if **likely == *key => Some(next),
                _ => self.places.get(key).copied(),
            };
            let from = blanks(text, skip(text, blanks(text, end), b':')?);
            let (value, end) = value(text, from)?;
            if let Some(place) = place {
                let node = &self.keys[place].1;
                for (name, rank) in &node.names {
                    found.text(*name, *rank, value);
                }
                if !node.below.is_empty() {
                    below(&node.below, &text[from..end], &mut |name, rank, cell| {
                        found.cell(name, rank, cell);
                    });
                }
                next = place + 1;
            }
            at = blanks(text, end);
            match text.get(at)? {
                b',' => at += 1,
                b'}' => break,
                _ => return None,
            }
        }
        (blanks(text, at + 1) == text.len() && std::str::from_utf8(text).is_ok()).then_some(())
    }
}

/// Returns a plain value (`None` for `null`), and where it ends.
fn value(text: &[u8], from: usize) -> Option<(Option<&[u8]>, usize)> {
    let literal = |word: &[u8]| text[from..].starts_with(word).then_some(from + word.len());
    let end = match text.get(from)? {
        b'"' => {
            let (value, end) = string(text, from)?;
            return Some((Some(value), end));
        }
        b'n' => return Some((None, literal(b"null")?)),
        b't' => literal(b"true")?,
        b'f' => literal(b"false")?,
        _ => number_end(text, from)?,
    };
    Some((Some(&text[from..end]), end))
}

/// Returns where a number without an exponent ends.
fn number_end(text: &[u8], from: usize) -> Option<usize> {
    let digits = |from: usize| from + text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = from + usize::from(text[from] == b'-');
    let mut end = digits(whole);
    if end == whole || (text[whole] == b'0' && end > whole + 1) {
        return None;
    }
    if text.get(end) == Some(&b'.') {
        let fraction = end + 1;
        end = digits(fraction);
        if end == fraction {
            return None;
        }
    }
    (end - from <= LONGEST_NUMBER).then_some(end)
}

/// Returns a string without escapes that begins at `from`, and where it ends.
fn string(text: &[u8], from: usize) -> Option<(&[u8], usize)> {
    let from = skip(text, from, b'"')?;
    let end = from + swar::string_end(&text[from..])?;
    Some((&text[from..end], end + 1))
}

fn skip(text: &[u8], at: usize, byte: u8) -> Option<usize> {
    (text.get(at) == Some(&byte)).then_some(at + 1)
}

fn blanks(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    use super::super::super::compile::{CompiledFormat, CompiledShape};
    use super::*;
    use crate::config::FormatChoice;
    use crate::intake::trial::source_of_format;

    type Found = Vec<(usize, u8, NamedValue<'static>)>;

    impl<'t> TakeNames<'t> for Found {
        fn text(&mut self, name: usize, rank: u8, value: Option<&'t [u8]>) {
            let cell = value.map_or(NamedValue::Empty, |text| NamedValue::Text(text.into()));
            self.cell(name, rank, cell);
        }

        fn cell(&mut self, name: usize, rank: u8, cell: NamedValue<'t>) {
            self.push((name, rank, cell.into_owned()));
        }
    }

    fn read(names: &[&str], text: &[u8], is_flat: bool) -> Option<Found> {
        let mut tree = KeyTree::default();
        names.iter().enumerate().for_each(|(at, name)| tree.insert_name(name, at));
        found(&tree, text, is_flat)
    }

    fn found(tree: &KeyTree, text: &[u8], is_flat: bool) -> Option<Found> {
        let mut found = Found::new();
        let is_read = if is_flat {
            tree.read_flat(text, &mut found).is_some()
        } else {
            tree.read(text, &mut |name, rank, cell| found.cell(name, rank, cell)).is_ok()
        };
        is_read.then_some(found)
    }

    #[test]
    fn objects_of_plain_values_are_flat() {
        let names = ["a", "b", "c.d"];
        for line in [
            r#"{"a":"x","b":12,"z":-0.5,"c.d":null}"#,
            r#"{ "b" : true , "a" : "é" } "#,
            r#"{"z":0,"a":"x","a":"y"}"#,
        ] {
            assert!(read(&names, line.as_bytes(), true).is_some(), "{line}");
        }
        for line in [
            "{}",
            r#"{"a":"\n"}"#,
            r#"{"a":{}}"#,
            r#"{"a":01}"#,
            r#"{"a":1.}"#,
            r#"{"a":1e5}"#,
            r#"{"a":1}x"#,
            r#"{"a":1,}"#,
            r#"{"a":nul}"#,
        ] {
            assert!(read(&names, line.as_bytes(), true).is_none(), "{line}");
        }
    }

    /// Trees of keys of a built-in format, and its samples that are objects.
    fn objects(choice: &FormatChoice) -> (CompiledFormat, Vec<&str>) {
        let compiled = CompiledFormat::of(&source_of_format(choice), choice);
        let lines = choice.file.samples.iter().flat_map(|sample| &sample.lines);
        (compiled, lines.map(String::as_str).filter(|line| line.starts_with('{')).collect())
    }

    #[test]
    fn damaged_samples_are_read_without_a_parser_as_by_the_parser() {
        let mut runner = TestRunner::deterministic();
        let bytes = prop::sample::select(br#""\{}[],:-.0159aen "#.to_vec());
        let damage = prop::collection::vec((any::<prop::sample::Index>(), bytes, 0..4_u8), 0..3);
        let (mut formats, mut flat) = (0, 0);
        for choice in FormatChoice::all() {
            let (compiled, lines) = objects(&choice);
            formats += usize::from(!lines.is_empty());
            for (line, layout) in
                lines.iter().flat_map(|line| compiled.layouts.iter().map(move |l| (line, l)))
            {
                let CompiledShape::Json { tree, .. } = &layout.shape else { continue };
                for _ in 0..64 {
                    let mut text = line.as_bytes().to_vec();
                    for (at, byte, kind) in damage.new_tree(&mut runner).unwrap().current() {
                        let at = at.index(text.len());
                        match kind {
                            0 => text[at] = byte,
                            1 => text.insert(at, byte),
                            2 => _ = text.remove(at),
                            _ => text.truncate(at + 1),
                        }
                    }
                    let read = found(tree, &text, true);
                    if read.is_some() {
                        flat += 1;
                        let shown = String::from_utf8_lossy(&text);
                        assert_eq!(read, found(tree, &text, false), "{}: {shown}", choice.name);
                    }
                }
            }
        }
        assert!(formats >= 8 && flat > 1_000, "{formats} formats, {flat} objects");
    }

    proptest! {
        #[test]
        fn what_is_read_without_a_parser_is_what_the_parser_reads(
            members in prop::collection::vec((
                prop::sample::select(vec!["a", "b", "c.d", "c", "z", "", "e", "\u{e9}"]),
                prop::sample::select(vec![
                    "1", "-1", "0", "-0", "01", "1.5", "1.", ".5", "-", "1e5", "1E-5", "123456789012345678",
                    "1234567890123456789", "true", "false", "null", "nul", "True", "{}", "[]", "[1,\"x\"]",
                    "\"\"", "\"x\"", "\"\u{e9}\"", "\"\\n\"", "\"\t\"", "\"[1,2]\"", "\"{\"", " 7 ", "",
                    "{\"d\":1}", "\"{}\"",
                ]),
            ), 0..5),
            blank in prop::sample::select(vec!["", " ", "\t", "\u{b}"]),
            damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        ) {
            let members: Vec<String> =
                members.iter().map(|(key, value)| format!("{blank}\"{key}\":{blank}{value}")).collect();
            let mut text = format!("{{{}}}", members.join(",")).into_bytes();
            if let Some((at, byte)) = damage {
                let at = at.index(text.len());
                text[at] = byte;
            }
            let names = ["a", "b", "c.d", "c", "e.1", "b[0]"];
            if let Some(found) = read(&names, &text, true) {
                prop_assert_eq!(Some(found), read(&names, &text, false), "{}", String::from_utf8_lossy(&text));
            }
        }
    }
}
