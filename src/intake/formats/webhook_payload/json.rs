//! JSON of a payload: any value, with a hash of its content.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::intake::rows::mapping::is_alike;

/// A JSON value with a hash of its content, which does not depend on its notation.
///
/// A value of any kind may stand anywhere: an unexpected value makes its key useless, but not the
/// line.
#[derive(Debug)]
pub struct Node<'a> {
    pub kind: JsonKind<'a>,
    pub hash: u128,
}

#[derive(Debug)]
pub enum JsonKind<'a> {
    Null,
    Bool(bool),
    /// Wide enough for every integer that the parser accepts.
    Int(i128),
    Float(f64),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Object(Vec<(Node<'a>, Node<'a>)>),
}

/// Seeds of hashes, so that equal bytes of different kinds differ.
const NULL: u64 = 0;
const BOOL: u64 = 1;
const INT: u64 = 2;
const FLOAT: u64 = 3;
const TEXT: u64 = 4;
const LIST: u64 = 5;
const OBJECT: u64 = 6;
const PAIR: u64 = 7;

impl<'a> Node<'a> {
    fn new(kind: JsonKind<'a>, seed: u64, bytes: &[u8]) -> Self {
        Self { kind, hash: xxh3_128_with_seed(bytes, seed) }
    }

    fn of_text(text: Cow<'a, str>) -> Self {
        let hash = xxh3_128_with_seed(text.as_bytes(), TEXT);
        Self { kind: JsonKind::Text(text), hash }
    }

    /// Returns the value of a key; `null` and empty text are none.
    ///
    /// Of a repeated key the last value counts, as is usual.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let JsonKind::Object(pairs) = &self.kind else { return None };
        let is_it = |name: &Self| matches!(&name.kind, JsonKind::Text(text) if text == key);
        let (_, value) = pairs.iter().rfind(|(name, _)| is_it(name))?;
        (!matches!(value.kind, JsonKind::Null)
            && !matches!(&value.kind, JsonKind::Text(text) if text.is_empty()))
        .then_some(value)
    }

    /// Returns the value of a key of an envelope, in another spelling if none is exact.
    ///
    /// # Errors
    /// Two keys are equally alike.
    pub fn get_alike(&self, key: &str) -> Result<Option<&Self>, String> {
        let JsonKind::Object(pairs) = &self.kind else { return Ok(None) };
        let names = pairs.iter().filter_map(|(name, _)| match &name.kind {
            JsonKind::Text(text) => Some(text.as_ref()),
            _ => None,
        });
        if names.clone().any(|name| name == key) {
            return Ok(self.get(key));
        }
        let mut found = None;
        for name in names.filter(|name| is_alike(name.as_bytes(), key.as_bytes())) {
            match found {
                Some(other) if other != name => {
                    return Err(format!(
                        "the keys `{other}` and `{name}` can both be meant by `{key}`; keep one"
                    ));
                }
                _ => found = Some(name),
            }
        }
        Ok(found.and_then(|name| self.get(name)))
    }

    /// Returns text, or an integer as text: ids and codes are written as both.
    pub fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        match &self.get(key)?.kind {
            JsonKind::Text(text) => Some(text.clone()),
            JsonKind::Int(n) => Some(n.to_string().into()),
            _ => None,
        }
    }

    /// Returns the elements of a list; none for other values.
    pub fn elements(&self) -> impl Iterator<Item = &Self> {
        let list = if let JsonKind::List(list) = &self.kind { list.as_slice() } else { &[] };
        list.iter()
    }

    /// Visits the objects of the list under `key`, which may be absent.
    pub fn each(&self, key: &str, mut visit: impl FnMut(&Self) -> Result<(), String>) -> Result<(), String> {
        let Some(list) = self.get(key) else { return Ok(()) };
        if !matches!(list.kind, JsonKind::List(_)) {
            return Err(format!(".{key}: {}, not a list", list.what()));
        }
        for (n, element) in list.elements().enumerate() {
            let done = match element.kind {
                JsonKind::Object(_) => visit(element),
                _ => Err(format!(": {}, not an object", element.what())),
            };
            done.map_err(|why| format!(".{key}[{n}]{why}"))?;
        }
        Ok(())
    }

    pub fn what(&self) -> &'static str {
        match self.kind {
            JsonKind::Null => "null",
            JsonKind::Bool(_) => "true or false",
            JsonKind::Int(_) | JsonKind::Float(_) => "a number",
            JsonKind::Text(_) => "text",
            JsonKind::List(_) => "an array",
            JsonKind::Object(_) => "an object",
        }
    }
}

fn paired(a: u128, b: u128, seed: u64) -> u128 {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&a.to_le_bytes());
    bytes[16..].copy_from_slice(&b.to_le_bytes());
    xxh3_128_with_seed(&bytes, seed)
}

impl<'de> Deserialize<'de> for Node<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Nodes)
    }
}

struct Nodes;

impl<'de> Visitor<'de> for Nodes {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Node::new(JsonKind::Null, NULL, &[]))
    }

    fn visit_bool<E>(self, v: bool) -> Result<Self::Value, E> {
        Ok(Node::new(JsonKind::Bool(v), BOOL, &[u8::from(v)]))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Self::Value, E> {
        Ok(Node::new(JsonKind::Int(v.into()), INT, &i128::from(v).to_le_bytes()))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Self::Value, E> {
        Ok(Node::new(JsonKind::Int(v.into()), INT, &i128::from(v).to_le_bytes()))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Self::Value, E> {
        Ok(Node::new(JsonKind::Float(v), FLOAT, &v.to_bits().to_le_bytes()))
    }

    fn visit_str<E>(self, v: &str) -> Result<Self::Value, E> {
        Ok(Node::of_text(Cow::Owned(v.to_owned())))
    }

    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Self::Value, E> {
        Ok(Node::of_text(Cow::Borrowed(v)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let (mut list, mut hash) = (Vec::new(), LIST.into());
        while let Some(node) = seq.next_element::<Node>()? {
            hash = paired(hash, node.hash, LIST);
            list.push(node);
        }
        Ok(Node { kind: JsonKind::List(list), hash })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        // A sum, because the order of keys does not matter.
        let (mut pairs, mut sum) = (Vec::new(), 0_u128);
        while let Some((key, value)) = map.next_entry::<Node, Node>()? {
            sum = sum.wrapping_add(paired(key.hash, value.hash, PAIR));
            pairs.push((key, value));
        }
        Ok(Node { kind: JsonKind::Object(pairs), hash: paired(sum, 0, OBJECT) })
    }
}
