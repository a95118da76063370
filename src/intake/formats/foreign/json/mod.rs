//! JSON: the values of the names of a format in an object, found in one pass.

mod flat;

use std::borrow::Cow;
use std::fmt;

use hashbrown::HashMap;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use sonic_rs::LazyValue;

use super::named_value::NamedValue;
use crate::intake::formats::ndjson::{MAX_DEPTH, check_escapes, depth_exceeds, reason};
use flat::TakeNames;

/// Keys of an object, with the names that their values fill.
#[derive(Debug, Default)]
pub struct KeyTree {
    /// Keys in the order in which they were added, which for a template is that of most lines.
    keys: Vec<(Vec<u8>, KeyNode)>,
    places: HashMap<Vec<u8>, usize, foldhash::fast::RandomState>,
}

#[derive(Debug, Default)]
struct KeyNode {
    /// Numbers of the names, each with its preference: 0 is first.
    names: Vec<(usize, u8)>,
    below: KeyTree,
}

impl KeyTree {
    /// Adds a name: a key as it is, else a path (`a.b`, `a.0`, `a[key.with.dots]`).
    pub fn insert_name(&mut self, name: &str, number: usize) {
        self.insert(&[name], number, 0);
        let steps = steps(name);
        if steps.len() > 1 || steps.first().is_some_and(|step| step != name) {
            self.insert(&steps.iter().map(String::as_str).collect::<Vec<_>>(), number, 1);
        }
    }

    /// Adds the name at the end of a path of keys.
    pub fn insert(&mut self, path: &[&str], number: usize, rank: u8) {
        let [key, rest @ ..] = path else { return };
        let place = *self.places.entry_ref(key.as_bytes()).or_insert(self.keys.len());
        if place == self.keys.len() {
            self.keys.push((key.as_bytes().to_vec(), KeyNode::default()));
        }
        let node = &mut self.keys[place].1;
        if rest.is_empty() {
            node.names.push((number, rank));
        } else {
            node.below.insert(rest, number, rank);
        }
    }

    fn find(&self, key: &str) -> Option<&KeyNode> {
        self.places.get(key.as_bytes()).map(|place| &self.keys[*place].1)
    }

    const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Reads an object; `found` gets the number, the preference and the cell of each name.
    ///
    /// # Errors
    /// The text is no JSON object; the message says why.
    pub fn read<'t>(
        &self,
        text: &'t [u8],
        found: &mut dyn FnMut(usize, u8, NamedValue<'t>),
    ) -> Result<(), String> {
        if depth_exceeds(text, MAX_DEPTH) {
            return Err(format!("nested deeper than {MAX_DEPTH} levels"));
        }
        check_escapes(text)?;
        // Raw values are handed on as text, so all of it must be.
        let text =
            std::str::from_utf8(text).map_err(|e| format!("not UTF-8 at byte {}", e.valid_up_to() + 1))?;
        let mut json = sonic_rs::Deserializer::from_str(text);
        let seed = Members { tree: self, found };
        json.deserialize_map(seed).and_then(|()| json.end()).map_err(|e| reason(&e))
    }
}

/// Names found in an object, each by the key that is preferred.
#[derive(Debug)]
pub struct FoundNames<'t> {
    pub cells: Vec<NamedValue<'t>>,
    ranks: Vec<u8>,
    /// Number of keys of names that were there.
    pub count: usize,
}

impl<'t> FoundNames<'t> {
    /// Takes cells of which none is logged.
    pub fn new(cells: Vec<NamedValue<'t>>, mut ranks: Vec<u8>) -> Self {
        ranks.clear();
        ranks.resize(cells.len(), u8::MAX);
        Self { cells, ranks, count: 0 }
    }

    /// Reads the names of an object, in addition to those that were found before.
    ///
    /// # Errors
    /// As for [`KeyTree::read`].
    pub fn read(&mut self, tree: &KeyTree, text: &'t [u8]) -> Result<(), String> {
        if self.count == 0 {
            if tree.read_flat(text, self).is_some() {
                return Ok(());
            }
            // What it found before it met something else.
            self.count = 0;
            self.ranks.fill(u8::MAX);
            self.cells.fill(NamedValue::NotLogged);
        }
        tree.read(text, &mut |name, rank, cell| self.cell(name, rank, cell))
    }

    /// Returns the place for a value under a name, unless a preferred key has already given one.
    fn place(&mut self, name: usize, rank: u8) -> Option<&mut NamedValue<'t>> {
        self.count += 1;
        let known = self.ranks.get_mut(name).filter(|known| rank < **known)?;
        *known = rank;
        self.cells.get_mut(name)
    }

    /// Returns the cells, and the memory of their ranks.
    pub fn into_cells(self) -> (Vec<NamedValue<'t>>, Vec<u8>) {
        (self.cells, self.ranks)
    }
}

impl<'t> TakeNames<'t> for FoundNames<'t> {
    #[inline]
    fn text(&mut self, name: usize, rank: u8, value: Option<&'t [u8]>) {
        match (self.place(name, rank), value) {
            (Some(place), Some(text)) => place.put(text),
            (Some(place), None) => *place = NamedValue::Empty,
            (None, _) => {}
        }
    }

    fn cell(&mut self, name: usize, rank: u8, cell: NamedValue<'t>) {
        if let Some(place) = self.place(name, rank) {
            *place = cell;
        }
    }
}

/// Cuts a path into its keys.
pub fn steps(path: &str) -> Vec<String> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some((key, behind)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            steps.push(key.to_owned());
            rest = behind.strip_prefix('.').unwrap_or(behind);
            continue;
        }
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        if end > 0 {
            steps.push(rest[..end].to_owned());
        }
        rest = match rest.as_bytes().get(end) {
            Some(b'.') => &rest[end + 1..],
            Some(_) if end == 0 => &rest[1..],
            _ => &rest[end..],
        };
    }
    steps
}

struct Members<'a, 'f, 't> {
    tree: &'a KeyTree,
    found: &'f mut dyn FnMut(usize, u8, NamedValue<'t>),
}

impl<'t> Visitor<'t> for Members<'_, '_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(node) = map.next_key_seed(Key(self.tree))? {
            let Some(node) = node else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = map.next_value::<LazyValue<'t>>()?.as_raw_cow();
            match value {
                Cow::Borrowed(raw) => take(node, raw.as_bytes(), self.found),
                Cow::Owned(raw) => take(node, raw.as_bytes(), &mut |name, rank, cell| {
                    (self.found)(name, rank, cell.into_owned());
                }),
            }
        }
        Ok(())
    }
}

struct Key<'a>(&'a KeyTree);

impl<'t, 'a> DeserializeSeed<'t> for Key<'a> {
    type Value = Option<&'a KeyNode>;

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for Key<'a> {
    type Value = Option<&'a KeyNode>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.find(key))
    }
}

/// Hands on the value of a key, and what stands below it.
fn take<'t>(node: &KeyNode, raw: &'t [u8], found: &mut dyn FnMut(usize, u8, NamedValue<'t>)) {
    let raw = raw.trim_ascii();
    for (name, rank) in &node.names {
        found(*name, *rank, cell(raw));
    }
    if !node.below.is_empty() {
        below(&node.below, raw, found);
    }
}

fn below<'t>(tree: &KeyTree, raw: &'t [u8], found: &mut dyn FnMut(usize, u8, NamedValue<'t>)) {
    match raw.first() {
        // What of it can be read is enough: the whole line was found to be JSON.
        Some(b'{') => _ = tree.read(raw, found),
        Some(b'[') => {
            for (at, element) in elements(raw).enumerate() {
                if let Some(node) = tree.find(&at.to_string()) {
                    take(node, element, found);
                }
                if let Some((key, value)) = pair(element)
                    && let Some(node) = tree.find(&key)
                {
                    take(node, value, found);
                }
            }
        }
        // Text that is JSON is entered.
        Some(b'"') => {
            if let NamedValue::Text(text) = cell(raw)
                && matches!(text.trim_ascii().first(), Some(b'{' | b'['))
            {
                below(tree, text.trim_ascii(), &mut |name, rank, cell| found(name, rank, cell.into_owned()));
            }
        }
        _ => {}
    }
}

/// Returns the raw elements of a list; the list ends where it cannot be read.
pub fn elements(raw: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut list = sonic_rs::to_array_iter(std::str::from_utf8(raw).unwrap_or_default());
    std::iter::from_fn(move || match list.next()?.ok()?.as_raw_cow() {
        Cow::Borrowed(raw) => Some(raw.as_bytes()),
        // Only strings with escapes are copied; their place in the list is kept.
        Cow::Owned(_) => Some(&b"null"[..]),
    })
}

/// Returns the raw elements of a list; `None` if it cannot be read or is nested too deep.
pub fn whole_list(raw: &[u8]) -> Option<Vec<&[u8]>> {
    if depth_exceeds(raw, MAX_DEPTH) || serde_json::from_slice::<IgnoredAny>(raw).is_err() {
        return None;
    }
    Some(elements(raw).collect())
}

/// Returns the raw value at a path of keys.
pub fn raw_at<'t>(object: &'t [u8], keys: &[String]) -> Option<&'t [u8]> {
    let mut raw = object;
    for key in keys {
        if raw.first() != Some(&b'{') {
            return None;
        }
        raw = sonic_rs::to_object_iter(raw).find_map(|member| {
            let (name, value) = member.ok()?;
            match value.as_raw_cow() {
                Cow::Borrowed(raw) if *name == **key => Some(raw.as_bytes()),
                _ => None,
            }
        })?;
    }
    Some(raw)
}

/// Returns key and value of an element `{"key": ..., "value": {"stringValue": ...}}`.
fn pair(element: &[u8]) -> Option<(String, &[u8])> {
    if element.first() != Some(&b'{') {
        return None;
    }
    let (mut key, mut value) = (None, None);
    for member in sonic_rs::to_object_iter(element) {
        let (name, raw) = member.ok()?;
        let raw = match raw.as_raw_cow() {
            Cow::Borrowed(raw) => raw.as_bytes(),
            Cow::Owned(_) => continue,
        };
        match &*name {
            "key" => key = text_of(raw),
            "value" => value = Some(raw),
            _ => {}
        }
    }
    let value = value?;
    let inner = match value.first() {
        Some(b'{') => match sonic_rs::to_object_iter(value).next()?.ok()?.1.as_raw_cow() {
            Cow::Borrowed(raw) => raw.as_bytes(),
            Cow::Owned(_) => return None,
        },
        _ => value,
    };
    Some((String::from_utf8_lossy(&key?).into_owned(), inner))
}

/// Returns the text of a JSON string.
pub fn text_of(raw: &[u8]) -> Option<Cow<'_, [u8]>> {
    let inner = raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if memchr::memchr(b'\\', inner).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_slice::<String>(raw).ok().map(|text| Cow::Owned(text.into_bytes()))
}

/// Returns the cell of a raw value.
pub fn cell(raw: &[u8]) -> NamedValue<'_> {
    match raw.first() {
        None | Some(b'n') => NamedValue::Empty,
        Some(b'"') => text_of(raw).map_or(NamedValue::Empty, NamedValue::Text),
        Some(b'[') => {
            let member = |raw: &'_ [u8]| match raw.first() {
                Some(b'"') => text_of(raw).map(Cow::into_owned),
                Some(b'n') | None => None,
                _ => Some(raw.to_vec()),
            };
            let members: Vec<Cow<'_, [u8]>> = elements(raw).filter_map(member).map(Cow::Owned).collect();
            if members.is_empty() { NamedValue::Empty } else { NamedValue::List(members) }
        }
        Some(b'{') => NamedValue::Object(Cow::Borrowed(raw)),
        _ => NamedValue::Text(Cow::Borrowed(raw)),
    }
}

/// Returns a line in which values that were never quoted are JSON; `None` if there are none.
///
/// nginx writes `"t":,` for nothing, `"t":0.1, 0.2` for two tries and `"s":009` for a status.
pub fn quoted(line: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(line.len() + 32);
    let (mut at, mut in_string, mut is_changed) = (0, false, false);
    while at < line.len() {
        let byte = line[at];
        out.push(byte);
        at += 1;
        match byte {
            b'\\' if in_string => {
                out.extend(line.get(at));
                at += 1;
            }
            b'"' => in_string = !in_string,
            b':' if !in_string => {
                let end = at + bare_end(&line[at..])?;
                let value = line[at..end].trim_ascii();
                match value {
                    [b'"' | b'{' | b'[', ..] => continue,
                    [] | b"-" => out.extend_from_slice(b"null"),
                    _ if is_scalar(value) => out.extend_from_slice(value),
                    _ => {
                        out.extend(serde_json::to_vec(&String::from_utf8_lossy(value)).ok()?);
                    }
                }
                is_changed |= !is_scalar(value);
                at = end;
            }
            _ => {}
        }
    }
    is_changed.then_some(out)
}

/// Returns where a value without quotes ends: before a brace, or a comma in front of a key.
fn bare_end(text: &[u8]) -> Option<usize> {
    if let Some(b'"' | b'{' | b'[') = text.trim_ascii_start().first() {
        return Some(text.len() - text.trim_ascii_start().len() + 1);
    }
    let mut from = 0;
    loop {
        let at = from + memchr::memchr3(b',', b'}', b'"', &text[from..])?;
        match text[at] {
            b'}' => return Some(at),
            b',' if text[at + 1..].trim_ascii_start().first() == Some(&b'"') => return Some(at),
            b',' => from = at + 1,
            _ => return None,
        }
    }
}

fn is_scalar(value: &[u8]) -> bool {
    matches!(value, b"true" | b"false" | b"null")
        || (value.first().is_some_and(|b| matches!(b, b'-' | b'0'..=b'9'))
            && serde_json::from_slice::<serde_json::Number>(value).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(names: &[&str], line: &str) -> Result<Vec<String>, String> {
        let mut tree = KeyTree::default();
        names.iter().enumerate().for_each(|(at, name)| tree.insert_name(name, at));
        let mut cells = vec![(u8::MAX, NamedValue::NotLogged); names.len()];
        tree.read(line.as_bytes(), &mut |name, rank, cell| {
            if rank < cells[name].0 {
                cells[name] = (rank, cell);
            }
        })?;
        let text = |text: &Cow<'_, [u8]>| String::from_utf8_lossy(text).into_owned();
        let shown = |(_, cell): &(u8, NamedValue<'_>)| match cell {
            NamedValue::NotLogged => "not logged".to_owned(),
            NamedValue::Empty => "empty".to_owned(),
            NamedValue::Text(value) | NamedValue::Object(value) => text(value),
            NamedValue::List(members) => members.iter().map(text).collect::<Vec<_>>().join("+"),
        };
        Ok(cells.iter().map(shown).collect())
    }

    #[test]
    fn names_are_keys_and_paths() {
        let names = ["a", "b.c", "b.l.1", "h[x.y]", "j.k", "d.e", "none"];
        let line = r#"{"b":{"l":[1,"two"],"c":1.50},"a":"q\"\u0041","h":[{"key":"z","value":{"intValue":"1"}},{"key":"x.y","value":{"stringValue":"v"}}],"j":"{\"k\":7}","d.e":true,"d":{"e":false}}"#;
        assert_eq!(read(&names, line).unwrap(), ["q\"A", "1.50", "two", "v", "7", "true", "not logged"]);
        let line = r#"{"a":null,"b":{"c":["x",2]}}"#;
        assert_eq!(read(&["a", "b.c"], line).unwrap(), ["empty", "x+2"]);
    }

    #[test]
    fn other_texts_are_refused() {
        for line in ["", "[1]", "{", r#"{"a":1"#, r#"{"a":1}x"#, r#"{"a":1}{"a":2}"#, r#"{"b":tru}"#] {
            assert!(read(&["a"], line).is_err(), "{line}");
        }
    }

    #[test]
    fn values_that_were_never_quoted_are_repaired() {
        let repaired = |line: &str| quoted(line.as_bytes()).map(|line| String::from_utf8(line).unwrap());
        assert_eq!(repaired(r#"{"a":1,"b":"x: ,"}"#), None);
        let line = r#"{"t":1.5,"u":,"v":0.1, 0.2,"s":009,"w":-,"x":"-"}"#;
        let want = r#"{"t":1.5,"u":null,"v":"0.1, 0.2","s":"009","w":null,"x":"-"}"#;
        assert_eq!(repaired(line).unwrap(), want);
        assert_eq!(repaired(r#"{"a":{"b": },"c":x}"#).unwrap(), r#"{"a":{"b":null},"c":"x"}"#);
        assert_eq!(repaired(r#"{"a":1,"b"#), None);
    }
}
