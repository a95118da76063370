//! NDJSON: one JSON object per line into a row of borrowed values, in a single pass.

pub mod repair;
mod tree;

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::config::Field;
use crate::intake::rows::raw_row::{FIELDS, LogValue, RawRow};

use tree::TreeKey;
pub use tree::{FieldTarget, Tree};

/// Limit on nesting; a deeper line is refused, so that no line can exhaust the stack.
///
/// A mapped path cannot be deeper either.
pub const MAX_DEPTH: usize = 64;

/// Reads one line into `row`, which must be clear.
///
/// Bytes that are not UTF-8 are read as they are, and `NaN` and the like as floats that are no
/// numbers.
///
/// # Errors
/// The line is no JSON object (the message says why), or a mapped field appears twice, perhaps in
/// two spellings.
pub fn read<'b>(line: &'b [u8], tree: &mut Tree, row: &mut RawRow<'b>) -> Result<(), String> {
    let read = read_json(line, tree, row);
    if let (Err(_), Some(line)) = (&read, repair::repaired(line)) {
        row.clear();
        let mut found = RawRow::new();
        read_json(&line, tree, &mut found)?;
        for field in 0..FIELDS {
            row.set(field, 0, repair::restored(found.at(field)));
        }
        return Ok(());
    }
    read
}

/// Reads one line into `row`, which may have values of other fields.
///
/// # Errors
/// As [`read`]; a line that needs repairs is refused as well.
pub fn read_json<'b>(line: &'b [u8], tree: &mut Tree, row: &mut RawRow<'b>) -> Result<(), String> {
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
    tree: &'t mut Tree,
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
        let Self { tree, row } = self;
        while let Some(found) = map.next_key_seed(Name { tree: &mut *tree, hint: &hint })? {
            match found.map(|at| tree.at(at)) {
                Some(key) if key.is_mapped() => {
                    map.next_value_seed(Mapped { key, row: &mut *row })?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// A key, looked up while it is still borrowed.
struct Name<'t, 'h> {
    tree: &'t mut Tree,
    hint: &'h Cell<usize>,
}

impl<'b> DeserializeSeed<'b> for Name<'_, '_> {
    type Value = Option<usize>;

    fn deserialize<D: serde::Deserializer<'b>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'b> Visitor<'b> for Name<'_, '_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.tree.find(name, self.hint))
    }
}

/// Value of a mapped key: a scalar for the row, or an object with mapped keys below.
struct Mapped<'t, 'r, 'b> {
    key: &'t mut TreeKey,
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
        let TreeKey { name, others, targets, .. } = &*self.key;
        if others.is_empty() {
            return Err(E::custom(format_args!("the field `{name}` appears twice")));
        }
        let field = targets.first().and_then(|target| Field::ALL.get(target.field));
        let field = field.map_or(name.as_str(), |field| field.column());
        let others = others.join("`, `");
        Err(E::custom(format_args!("the field `{field}` appears twice, as `{name}` and as `{others}`")))
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
        self.set(LogValue::number(v))
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
        if self.key.below.is_empty() {
            let mut map = map;
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return self.set(LogValue::Odd("an object"));
        }
        Object { tree: &mut self.key.below, row: self.row }.visit_map(map)
    }

    fn visit_seq<A: SeqAccess<'b>>(self, mut seq: A) -> Result<(), A::Error> {
        if self.key.below.is_empty() {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            return self.set(LogValue::Odd("an array"));
        }
        // `messages.0.id`: the position of an element is its key.
        for at in 0_usize.. {
            let is_there = match self.key.below.element(at) {
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
        let mut tree = tree(&[("a", Field::RequestId), ("error.code", Field::ErrorCode), ("ts", Field::Ts)]);
        for line in [
            r#"{"ts":"t","error":{"x":[1,{}],"code":131016},"a":"q\u0041\n","z":null}"#,
            r#" { "z" : {"code":1} , "a" : "qA\n" , "error" : { "code" : 131016 } , "t\u0073" : "t" } "#,
        ] {
            let mut row = RawRow::new();
            assert_eq!(read(line.as_bytes(), &mut tree, &mut row), Ok(()), "{line}");
            assert_eq!(row.get(Field::RequestId), &LogValue::text(b"qA"));
            assert_eq!(row.get(Field::ErrorCode), &LogValue::Int(131_016));
            assert_eq!(row.get(Field::Ts), &LogValue::text(b"t"));
        }
    }

    #[test]
    fn elements_of_arrays_have_their_position_as_a_name() {
        let mut tree = tree(&[("messages.1.id", Field::MessageId), ("codes", Field::ErrorCode)]);
        let mut row = RawRow::new();
        let line = br#"{"messages":[{"id":"a"},{"x":1,"id":"b"},{"id":"c"}],"codes":[1]}"#;
        assert_eq!(read(line, &mut tree, &mut row), Ok(()));
        assert_eq!(row.get(Field::MessageId), &LogValue::text(b"b"));
        assert_eq!(row.get(Field::ErrorCode), &LogValue::Odd("an array"));
    }

    #[test]
    fn bytes_that_are_not_utf8_and_words_for_no_number_do_not_spoil_a_line() {
        let mut tree =
            tree(&[("uri", Field::Endpoint), ("id", Field::RequestId), ("code", Field::ErrorCode)]);
        let mut row = RawRow::new();
        let line =
            b"{\"uri\":\"/a?n=Jos\xe9\",\"id\":\"\xff\xfe\",\"code\":NaN,\"other \xe9\":[NaN,\"\xe9\"]}";
        assert_eq!(read(line, &mut tree, &mut row), Ok(()));
        assert_eq!(row.get(Field::Endpoint), &LogValue::text(b"/a?n=Jos\xe9"));
        assert_eq!(row.get(Field::RequestId), &LogValue::text(b"\xff\xfe"));
        assert!(matches!(row.get(Field::ErrorCode), LogValue::Float(x) if x.is_nan()));
        assert!(read(b"{\"uri\":\"\xe9\"", &mut tree, &mut RawRow::new()).is_err());
    }

    #[test]
    fn one_key_may_fill_two_fields() {
        let mut tree = tree(&[("id", Field::RequestId), ("id", Field::TraceId)]);
        let mut row = RawRow::new();
        assert_eq!(read(br#"{"id":18446744073709551615}"#, &mut tree, &mut row), Ok(()));
        assert_eq!(row.get(Field::RequestId), &LogValue::text(b"18446744073709551615"));
        assert_eq!(row.get(Field::TraceId), row.get(Field::RequestId));
    }

    #[test]
    fn broken_lines_say_why() {
        let mut tree = tree(&[("a", Field::RequestId)]);
        for line in
            ["", "null", "[1]", r#"{"a":1"#, r#"{"a":1}x"#, r#"{"a":1}{"a":2}"#, r#"{"b":tru}"#, "{'a':1}"]
        {
            let mut row = RawRow::new();
            assert!(read(line.as_bytes(), &mut tree, &mut row).is_err(), "{line}");
        }
        let twice = read(br#"{"a":1,"a":2}"#, &mut tree, &mut RawRow::new());
        assert!(twice.unwrap_err().contains("`a` appears twice"));
        let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
        let line = [br#"{"x":"#.as_slice(), &deep, b"}"].concat();
        assert!(read(&line, &mut tree, &mut RawRow::new()).unwrap_err().contains("nested deeper"));
    }

    fn code_of(line: &str, tree: &mut Tree) -> Result<LogValue<'static>, String> {
        let mut row = RawRow::new();
        read(line.as_bytes(), tree, &mut row)?;
        Ok(match row.get(Field::ErrorCode) {
            LogValue::Int(n) => LogValue::Int(*n),
            _ => LogValue::Missing,
        })
    }

    #[test]
    fn keys_are_found_in_any_spelling_and_the_exact_one_wins() {
        let mut tree = tree(&[("error.error_code", Field::ErrorCode), ("ts", Field::Ts)]);
        for (line, code) in [
            (r#"{"error":{"error_code":1}}"#, 1),
            (r#"{"Error":{"errorCode":2},"Ts":"x"}"#, 2),
            (r#"{"ERROR":{"error_code":3,"x":{"error_code":9}}}"#, 3),
            (r#"{"Error":{"errorCode":4},"error":{"error_code":5}}"#, 5),
            (r#"{"error":{"error_code":6,"ERROR-CODE":7},"Error":8}"#, 6),
            (r#"{"Error":{"errorCode":10},"note":1}"#, 10),
        ] {
            for _ in 0..2 {
                assert_eq!(code_of(line, &mut tree), Ok(LogValue::Int(code)), "{line}");
            }
        }
        let twice = code_of(r#"{"ERROR":{"errorCode":1},"error":{"Error-Code":2}}"#, &mut tree);
        assert!(twice.unwrap_err().contains("appears twice"));
    }

    #[test]
    fn two_spellings_in_one_line_are_named() {
        let mut tree = tree(&[("error_code", Field::ErrorCode)]);
        let twice = |line, tree: &mut Tree| code_of(line, tree).unwrap_err();
        let why = twice(r#"{"ERROR_CODE":1,"errorCode":2}"#, &mut tree);
        assert!(why.contains("`error_code` appears twice, as `errorCode` and as `ERROR_CODE`"), "{why}");
        let why = twice(r#"{"errorCode":1,"ERROR_CODE":2}"#, &mut tree);
        assert!(why.contains("`error_code` appears twice, as `ERROR_CODE` and as `errorCode`"), "{why}");
    }
}
