//! NDJSON: one JSON object per line into a row of borrowed values, in a single pass.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::intake::rows::mapping::Mapping;
use crate::intake::rows::raw_row::{LogValue, RawRow};

/// Limit on nesting; a deeper line is refused, so that no line can exhaust the stack.
///
/// A mapped path cannot be deeper either.
pub const MAX_DEPTH: usize = 64;

/// Mapped names as a tree of keys.
#[derive(Debug, Default)]
pub struct Tree {
    keys: Vec<SketchKey>,
}

/// A field that a key fills, and the rank of the key among the names of the field.
#[derive(Debug, Clone, Copy)]
pub struct FieldTarget {
    pub field: usize,
    pub rank: u8,
}

#[derive(Debug)]
struct SketchKey {
    name: String,
    targets: Vec<FieldTarget>,
    below: Tree,
}

impl Tree {
    pub fn of(mapping: &Mapping) -> Self {
        let mut tree = Self::default();
        for entry in &mapping.entries {
            // A key that itself contains dots is tried as a whole, in addition to its path.
            let target = FieldTarget { field: entry.field, rank: entry.rank };
            tree.insert(&[entry.name.as_str()], target);
            let path: Vec<&str> = entry.name.split('.').collect();
            if path.len() > 1 {
                tree.insert(&path, target);
            }
        }
        tree
    }

    fn insert(&mut self, path: &[&str], target: FieldTarget) {
        let Some((name, rest)) = path.split_first() else { return };
        let at = self.keys.iter().position(|k| k.name == *name).unwrap_or_else(|| {
            self.keys.push(SketchKey {
                name: (*name).to_owned(),
                targets: Vec::new(),
                below: Self::default(),
            });
            self.keys.len() - 1
        });
        if rest.is_empty() {
            self.keys[at].targets.push(target);
        } else {
            self.keys[at].below.insert(rest, target);
        }
    }

    /// Returns the fields that a top-level key fills; `None` if it is part of a path.
    pub fn targets(&self, name: &[u8]) -> Option<&[FieldTarget]> {
        match self.keys.iter().find(|key| key.name.as_bytes() == name) {
            None => Some(&[]),
            Some(key) if key.below.keys.is_empty() => Some(&key.targets),
            Some(_) => None,
        }
    }

    /// Finds a key, starting after the last hit: logs repeat their keys in the same order.
    fn find(&self, name: &str, hint: &Cell<usize>) -> Option<&SketchKey> {
        let n = self.keys.len();
        let start = hint.get();
        for step in 0..n {
            let at = if start + step < n { start + step } else { start + step - n };
            if self.keys[at].name == name {
                hint.set(if at + 1 < n { at + 1 } else { 0 });
                return Some(&self.keys[at]);
            }
        }
        None
    }
}

/// Reads one line into `row`, which must be clear.
///
/// # Errors
/// The line is no JSON object (the message says why), or a mapped field appears twice.
pub fn read<'b>(line: &'b [u8], tree: &Tree, row: &mut RawRow<'b>) -> Result<(), String> {
    if depth_exceeds(line, MAX_DEPTH) {
        return Err(format!("nested deeper than {MAX_DEPTH} levels"));
    }
    check_escapes(line)?;
    let mut json = sonic_rs::Deserializer::from_slice(line);
    let seed = Object { tree, row };
    seed.deserialize(&mut json).and_then(|()| json.end()).map_err(|e| reason(&e))
}

/// Checks the escapes of a line.
///
/// The parser does not look into strings that it skips, but a bad escape there still makes the line
/// invalid.
///
/// # Errors
/// An escape is invalid; the message gives its position.
pub fn check_escapes(line: &[u8]) -> Result<(), String> {
    let mut at = 0;
    while let Some(n) = memchr::memchr(b'\\', &line[at..]) {
        at += n;
        let is_valid = match line.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => true,
            Some(b'u') => line.get(at + 2..at + 6).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)),
            _ => false,
        };
        if !is_valid {
            return Err(format!("not a JSON object: invalid escape at byte {}", at + 1));
        }
        at += 2;
    }
    Ok(())
}

/// Returns the parser's message without its excerpt, because quarantine adds a redacted one.
pub fn reason(error: &sonic_rs::Error) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default().trim_end_matches(':').trim_end();
    let reason = first.rsplit_once(" at line ").map_or(first, |(before, _)| before);
    format!("not a JSON object: {}", crate::redact::redacted(reason.as_bytes(), 120))
}

/// Returns whether a line is nested deeper than `limit` levels.
///
/// Most lines have fewer brackets than that, and are not looked at byte by byte.
pub fn depth_exceeds(line: &[u8], limit: usize) -> bool {
    let mut openings = memchr::memchr2_iter(b'{', b'[', line);
    if openings.nth(limit).is_none() {
        return false;
    }
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    for byte in line {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

struct Object<'t, 'r, 'b> {
    tree: &'t Tree,
    row: &'r mut RawRow<'b>,
}

impl<'b> DeserializeSeed<'b> for Object<'_, '_, 'b> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'b>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'b> Visitor<'b> for Object<'_, '_, 'b> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'b>>(self, mut map: A) -> Result<(), A::Error> {
        let hint = Cell::new(0);
        while let Some(found) = map.next_key_seed(Name { tree: self.tree, hint: &hint })? {
            match found {
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
                Some(key) => {
                    map.next_value_seed(Mapped { key, row: self.row })?;
                }
            }
        }
        Ok(())
    }
}

/// A key, looked up while it is still borrowed.
struct Name<'t, 'h> {
    tree: &'t Tree,
    hint: &'h Cell<usize>,
}

impl<'b, 't> DeserializeSeed<'b> for Name<'t, '_> {
    type Value = Option<&'t SketchKey>;

    fn deserialize<D: serde::Deserializer<'b>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'b, 't> Visitor<'b> for Name<'t, '_> {
    type Value = Option<&'t SketchKey>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.tree.find(name, self.hint))
    }
}

/// Value of a mapped key: a scalar for the row, or an object with mapped keys below.
struct Mapped<'t, 'r, 'b> {
    key: &'t SketchKey,
    row: &'r mut RawRow<'b>,
}

impl<'b> Mapped<'_, '_, 'b> {
    fn set<E: Error>(self, value: LogValue<'b>) -> Result<(), E> {
        let mut is_first = true;
        if let [first, others @ ..] = self.key.targets.as_slice() {
            for other in others {
                is_first &= self.row.set(other.field, other.rank, value.clone());
            }
            is_first &= self.row.set(first.field, first.rank, value);
        }
        if is_first {
            return Ok(());
        }
        Err(E::custom(format_args!("the field `{}` appears twice", self.key.name)))
    }
}

impl<'b> DeserializeSeed<'b> for Mapped<'_, '_, 'b> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'b>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'b> Visitor<'b> for Mapped<'_, '_, 'b> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, v: bool) -> Result<(), E> {
        self.set(LogValue::Bool(v))
    }

    fn visit_i64<E: Error>(self, v: i64) -> Result<(), E> {
        self.set(LogValue::Int(v))
    }

    fn visit_u64<E: Error>(self, v: u64) -> Result<(), E> {
        // Ids may use all 64 bits; as text they are compared digit by digit.
        self.set(
            i64::try_from(v)
                .map_or_else(|_| LogValue::from_text(v.to_string().into_bytes().into()), LogValue::Int),
        )
    }

    fn visit_f64<E: Error>(self, v: f64) -> Result<(), E> {
        self.set(LogValue::Float(v))
    }

    fn visit_str<E: Error>(self, v: &str) -> Result<(), E> {
        self.set(LogValue::from_text(Cow::Owned(v.as_bytes().to_vec())))
    }

    fn visit_borrowed_str<E: Error>(self, v: &'b str) -> Result<(), E> {
        self.set(LogValue::text(v.as_bytes()))
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.set(LogValue::Missing)
    }

    fn visit_map<A: MapAccess<'b>>(self, map: A) -> Result<(), A::Error> {
        if self.key.below.keys.is_empty() {
            let mut map = map;
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return self.set(LogValue::Odd("an object"));
        }
        Object { tree: &self.key.below, row: self.row }.visit_map(map)
    }

    fn visit_seq<A: SeqAccess<'b>>(self, mut seq: A) -> Result<(), A::Error> {
        if self.key.below.keys.is_empty() {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            return self.set(LogValue::Odd("an array"));
        }
        // `messages.0.id`: the position of an element is its key.
        for at in 0_usize.. {
            let key = self.key.below.keys.iter().find(|key| key.name.parse() == Ok(at));
            let is_there = match key {
                Some(key) => seq.next_element_seed(Mapped { key, row: &mut *self.row })?.is_some(),
                None => seq.next_element::<IgnoredAny>()?.is_some(),
            };
            if !is_there {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Field;

    fn tree(names: &[(&str, Field)]) -> Tree {
        let mut tree = Tree::default();
        for (name, field) in names {
            tree.insert(
                &name.split('.').collect::<Vec<_>>(),
                FieldTarget { field: *field as usize, rank: 0 },
            );
        }
        tree
    }

    #[test]
    fn nested_keys_and_escapes_are_read_in_any_order() {
        let tree = tree(&[("a", Field::RequestId), ("error.code", Field::ErrorCode), ("ts", Field::Ts)]);
        for line in [
            r#"{"ts":"t","error":{"x":[1,{}],"code":131016},"a":"q\u0041\n","z":null}"#,
            r#" { "z" : {"code":1} , "a" : "qA\n" , "error" : { "code" : 131016 } , "t\u0073" : "t" } "#,
        ] {
            let mut row = RawRow::new();
            assert_eq!(read(line.as_bytes(), &tree, &mut row), Ok(()), "{line}");
            assert_eq!(row.get(Field::RequestId), &LogValue::Text(Cow::Borrowed(b"qA\n")));
            assert_eq!(row.get(Field::ErrorCode), &LogValue::Int(131_016));
            assert_eq!(row.get(Field::Ts), &LogValue::text(b"t"));
        }
    }

    #[test]
    fn elements_of_arrays_have_their_position_as_a_name() {
        let tree = tree(&[("messages.1.id", Field::MessageId), ("codes", Field::ErrorCode)]);
        let mut row = RawRow::new();
        let line = br#"{"messages":[{"id":"a"},{"x":1,"id":"b"},{"id":"c"}],"codes":[1]}"#;
        assert_eq!(read(line, &tree, &mut row), Ok(()));
        assert_eq!(row.get(Field::MessageId), &LogValue::text(b"b"));
        assert_eq!(row.get(Field::ErrorCode), &LogValue::Odd("an array"));
    }

    #[test]
    fn one_key_may_fill_two_fields() {
        let tree = tree(&[("id", Field::RequestId), ("id", Field::TraceId)]);
        let mut row = RawRow::new();
        assert_eq!(read(br#"{"id":18446744073709551615}"#, &tree, &mut row), Ok(()));
        assert_eq!(row.get(Field::RequestId), &LogValue::text(b"18446744073709551615"));
        assert_eq!(row.get(Field::TraceId), row.get(Field::RequestId));
    }

    #[test]
    fn broken_lines_say_why() {
        let tree = tree(&[("a", Field::RequestId)]);
        for line in
            ["", "null", "[1]", r#"{"a":1"#, r#"{"a":1}x"#, r#"{"a":1}{"a":2}"#, r#"{"b":tru}"#, "{'a':1}"]
        {
            let mut row = RawRow::new();
            assert!(read(line.as_bytes(), &tree, &mut row).is_err(), "{line}");
        }
        let twice = read(br#"{"a":1,"a":2}"#, &tree, &mut RawRow::new());
        assert!(twice.unwrap_err().contains("`a` appears twice"));
        let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
        let line = [br#"{"x":"#.as_slice(), &deep, b"}"].concat();
        assert!(read(&line, &tree, &mut RawRow::new()).unwrap_err().contains("nested deeper"));
    }
}
