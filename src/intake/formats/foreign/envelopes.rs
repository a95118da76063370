//! Envelopes: finds the line or the objects inside a line of another program.

use std::borrow::Cow;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::compile::{CompiledConditions, Mask};
use super::json::{self, KeyTree};
use super::named_value::NamedValue;
use super::row::{KnownTexts, plain_bits};
use super::template::Template;
use crate::document::Document;
use crate::formats::{Base64, ENVELOPES, Envelope, EnvelopeShape, Glob, NameTypes, Program, Want, envelopes};

/// Name of the line in the template of an envelope.
const LINE: &str = "line";

/// The built-in envelopes, compiled.
pub static BUILTIN: LazyLock<Vec<CompiledEnvelope>> = LazyLock::new(|| {
    // A test reads the file: a mistake in it cannot be met in the field.
    envelopes(&Document::new("envelopes.toml", ENVELOPES))
        .unwrap_or_default()
        .into_iter()
        .map(CompiledEnvelope::new)
        .collect()
});

/// An envelope with its names as numbers.
#[derive(Debug)]
pub struct CompiledEnvelope {
    envelope: Envelope,
    conditions: CompiledConditions,
    when: Mask,
    only: Mask,
    more: Option<Mask>,
    tree: KeyTree,
    templates: Vec<Template>,
    /// For elements of a list: the names of the line in each.
    inner: KeyTree,
    /// First keys of the names that must have a value.
    keys: Vec<String>,
}

/// What an envelope held.
#[derive(Debug, PartialEq, Eq)]
pub struct Inside<'b> {
    pub content: Content<'b>,
    /// Time at which the line was taken, as the envelope has it.
    pub time: Option<Cow<'b, [u8]>>,
    /// Stream whose pieces belong together, and whether this piece goes on.
    pub piece: Option<(Vec<u8>, bool)>,
    /// The element of a list that has the line, for logs that write what they know beside it.
    pub element: Option<(&'b [u8], Vec<&'b [u8]>)>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Content<'b> {
    Line(Cow<'b, [u8]>),
    /// An object, and the objects around it, the nearest first.
    Object(&'b [u8], Vec<&'b [u8]>),
    /// The envelope has no line.
    Nothing,
    /// The line is of a stream that holds no calls.
    OtherStream,
}

impl CompiledEnvelope {
    fn new(envelope: Envelope) -> Self {
        let mut needed: Vec<&str> = envelope.per.iter().chain(&envelope.time).map(String::as_str).collect();
        if envelope.each.is_none() {
            needed.extend(envelope.inner.iter().map(String::as_str));
        }
        if let (Base64::If(name), None) = (&envelope.base64, &envelope.each) {
            needed.push(name);
        }
        if matches!(envelope.shape, EnvelopeShape::Templates(_)) {
            needed.push(LINE);
        }
        let nothing = crate::formats::NameCondition::default();
        let more = envelope.more.as_ref().unwrap_or(&nothing);
        let conditions = CompiledConditions::of(&[&envelope.when, &envelope.only, more], &needed);
        let mut tree = KeyTree::default();
        conditions.names.iter().enumerate().for_each(|(at, name)| tree.insert_name(name, at));
        let mut inner = KeyTree::default();
        envelope.inner.iter().enumerate().for_each(|(at, name)| inner.insert_name(name, at));
        if let Base64::If(name) = &envelope.base64 {
            inner.insert_name(name, envelope.inner.len());
        }
        let types = NameTypes { blanks: vec![Glob::new(LINE)], ..NameTypes::default() };
        let number = |name: &str| conditions.names.iter().position(|known| known == name);
        let templates = match &envelope.shape {
            EnvelopeShape::Json => Vec::new(),
            EnvelopeShape::Templates(texts) => {
                texts.iter().map(|text| Template::new(text, Program::Plain, &types, number)).collect()
            }
        };
        let needs_value = |wants: &Vec<Want>| !wants.contains(&Want::Empty);
        let needed = envelope.when.0.iter().filter(|(_, wants)| needs_value(wants));
        let keys = needed.filter_map(|(name, _)| json::steps(name).into_iter().next()).collect();
        let [when, only, more_mask] = [0, 1, 2].map(|at| conditions.masks[at]);
        let more = envelope.more.is_some().then_some(more_mask);
        Self { envelope, conditions, when, only, more, tree, templates, inner, keys }
    }

    /// Returns the name of the envelope.
    pub fn name(&self) -> &str {
        &self.envelope.name
    }

    /// Opens a line; `None` if it is not in this envelope.
    pub fn open<'b>(&self, line: &'b [u8]) -> Option<Vec<Inside<'b>>> {
        if self.envelope.shape == EnvelopeShape::Json {
            return self.open_json(line);
        }
        for template in &self.templates {
            let mut cells = vec![NamedValue::NotLogged; self.conditions.names.len()];
            if template.read(line, &mut cells).is_none() {
                continue;
            }
            empty_blank(&mut cells);
            let bits = plain_bits(&self.conditions.tests, &cells, &mut KnownTexts::default());
            if bits & self.when == self.when {
                let inner = self.cell(&cells, LINE).and_then(|cell| cell.text().cloned());
                return Some(vec![self.inside(&cells, bits, inner)]);
            }
        }
        None
    }

    /// Returns whether a line has the keys that the envelope must have, somewhere in its text.
    ///
    /// A look for a few words is ten times faster than to parse the line for each envelope.
    fn may_hold(&self, line: &[u8]) -> bool {
        // An escape can spell any letter of a key.
        let is_spelled_out = memchr::memmem::find(line, b"\\u").is_some();
        is_spelled_out || self.keys.iter().all(|key| memchr::memmem::find(line, key.as_bytes()).is_some())
    }

    fn open_json<'b>(&self, line: &'b [u8]) -> Option<Vec<Inside<'b>>> {
        if line.first() != Some(&b'{') || !self.may_hold(line) {
            return None;
        }
        let mut cells = vec![NamedValue::Empty; self.conditions.names.len()];
        let mut ranks = vec![u8::MAX; cells.len()];
        let read = self.tree.read(line, &mut |name, rank, cell| {
            if rank < ranks[name] {
                (ranks[name], cells[name]) = (rank, cell);
            }
        });
        read.ok()?;
        empty_blank(&mut cells);
        let bits = plain_bits(&self.conditions.tests, &cells, &mut KnownTexts::default());
        if bits & self.when != self.when {
            return None;
        }
        if let Some(each) = &self.envelope.each {
            let mut elements = Vec::new();
            list(line, &mut Vec::new(), each, &mut elements);
            let inside = |(element, around): (&'b [u8], Vec<&'b [u8]>)| {
                let line = self.inner_of(element);
                let (content, element) = match line {
                    _ if bits & self.only != self.only => (Content::OtherStream, None),
                    None => (Content::Object(element, around), None),
                    Some(line) => (Content::Line(line), Some((element, around))),
                };
                Inside { content, time: self.time(&cells), piece: None, element }
            };
            return Some(elements.into_iter().map(inside).collect());
        }
        let has_list = |cell: &NamedValue<'_>| matches!(cell, NamedValue::List(_));
        let cell = self
            .envelope
            .inner
            .iter()
            .filter_map(|name| self.cell(&cells, name))
            .find(|cell| matches!(cell, NamedValue::Text(_)) || has_list(cell))?;
        let inner = match cell {
            // journald writes a line that is not UTF-8 as a list of its bytes.
            NamedValue::List(bytes) => {
                Some(Cow::Owned(bytes.iter().map_while(|byte| number(byte)).collect()))
            }
            cell => cell.text().cloned(),
        };
        let encoding = match &self.envelope.base64 {
            Base64::If(name) => self.cell(&cells, name).cloned().unwrap_or_default(),
            Base64::Always | Base64::Never => NamedValue::NotLogged,
        };
        let inner = inner.and_then(|text| self.decoded(text, &encoding));
        Some(vec![self.inside(&cells, bits, inner)])
    }

    fn inside<'b>(&self, cells: &[NamedValue<'b>], bits: Mask, inner: Option<Cow<'b, [u8]>>) -> Inside<'b> {
        if bits & self.only != self.only {
            return Inside { content: Content::OtherStream, time: None, piece: None, element: None };
        }
        let Some(mut text) = inner else {
            return Inside { content: Content::Nothing, time: None, piece: None, element: None };
        };
        let mut piece = None;
        let stream = || -> Vec<u8> {
            let per = self.envelope.per.as_ref().and_then(|per| self.cell(cells, per));
            per.and_then(|cell| cell.text()).map(|text| text.to_vec()).unwrap_or_default()
        };
        if let Some(end) = &self.envelope.end {
            match text.strip_suffix(end.as_bytes()) {
                Some(whole) => {
                    let length = whole.len();
                    text = super::named_value::part(&text, 0..length);
                    piece = Some((stream(), false));
                }
                None => piece = Some((stream(), true)),
            }
        } else if let Some(more) = self.more {
            piece = Some((stream(), bits & more == more));
        }
        if let Some(bare) = text.strip_prefix(b"\xef\xbb\xbf") {
            let from = text.len() - bare.len();
            text = super::named_value::part(&text, from..text.len());
        }
        Inside { content: Content::Line(text), time: self.time(cells), piece, element: None }
    }

    fn time<'b>(&self, cells: &[NamedValue<'b>]) -> Option<Cow<'b, [u8]>> {
        self.envelope.time.as_ref().and_then(|name| self.cell(cells, name)?.text().cloned())
    }

    fn cell<'c, 'b>(&self, cells: &'c [NamedValue<'b>], name: &str) -> Option<&'c NamedValue<'b>> {
        let at = self.conditions.names.iter().position(|known| known == name)?;
        cells.get(at)
    }

    /// Returns the line of an element of a list.
    fn inner_of<'b>(&self, element: &'b [u8]) -> Option<Cow<'b, [u8]>> {
        let mut found: Vec<(u8, NamedValue<'_>)> =
            vec![(u8::MAX, NamedValue::Empty); self.envelope.inner.len() + 1];
        let read = self.inner.read(element, &mut |name, rank, cell| {
            if rank < found[name].0 {
                found[name] = (rank, cell);
            }
        });
        read.ok()?;
        let (_, encoding) = found.pop()?;
        let text = found.into_iter().find_map(|(_, cell)| match cell {
            NamedValue::Text(text) => Some(text),
            _ => None,
        })?;
        self.decoded(text, &encoding)
    }

    /// Returns a text, decoded if `encoding` says that it is base64.
    fn decoded<'b>(&self, text: Cow<'b, [u8]>, encoding: &NamedValue<'_>) -> Option<Cow<'b, [u8]>> {
        let is_encoded = match &self.envelope.base64 {
            Base64::Never => false,
            Base64::Always => true,
            Base64::If(_) => encoding.text().is_some_and(|text| text.as_ref() == b"true"),
        };
        if is_encoded { STANDARD.decode(text).ok().map(Cow::Owned) } else { Some(text) }
    }
}

/// First line or object in an envelope.
#[derive(Debug)]
pub struct Opened {
    /// Name of the envelope.
    pub envelope: &'static str,
    pub inner: Vec<u8>,
    /// True if it is an object, which a format may read together with the objects around it.
    pub is_object: bool,
}

/// Opens a line; `None` if it is in no envelope.
pub fn opened(line: &[u8]) -> Option<Opened> {
    let (envelope, inside) = BUILTIN.iter().find_map(|one| Some((one.name(), one.open(line)?)))?;
    let first = inside.into_iter().find_map(|one| match one.content {
        Content::Line(text) => Some((text.into_owned(), false)),
        Content::Object(text, _) => Some((text.to_vec(), true)),
        Content::Nothing | Content::OtherStream => None,
    });
    let (inner, is_object) = first.unwrap_or_default();
    Some(Opened { envelope, inner, is_object })
}

fn empty_blank(cells: &mut [NamedValue<'_>]) {
    for cell in cells {
        if matches!(cell, NamedValue::Text(text) if text.is_empty()) {
            *cell = NamedValue::Empty;
        }
    }
}

fn number(byte: &[u8]) -> Option<u8> {
    std::str::from_utf8(byte).ok()?.parse().ok()
}

/// Returns the elements of the lists at the end of a path such as `a[].b[]`, each with the objects
/// around it, the nearest first; nothing if the line is no JSON object.
pub fn elements_at<'b>(line: &'b [u8], path: &str) -> Vec<(&'b [u8], Vec<&'b [u8]>)> {
    let mut found = Vec::new();
    if KeyTree::default().read(line, &mut |_, _, _| {}).is_ok() {
        list(line, &mut Vec::new(), path, &mut found);
    }
    found
}

/// Collects the objects at the end of a path (`a[].b[]`, `a`), with the objects around them.
fn list<'b>(
    object: &'b [u8],
    around: &mut Vec<&'b [u8]>,
    path: &str,
    found: &mut Vec<(&'b [u8], Vec<&'b [u8]>)>,
) {
    let Some((first, rest)) = path.split_once("[]") else {
        let found_at = json::raw_at(object, &json::steps(path.trim_matches('.')));
        around.insert(0, object);
        found.extend(found_at.filter(|raw| raw.first() == Some(&b'{')).map(|raw| (raw, around.clone())));
        around.remove(0);
        return;
    };
    let keys = json::steps(first.trim_matches('.'));
    let Some(raw) = json::raw_at(object, &keys) else { return };
    around.insert(0, object);
    for element in json::elements(raw) {
        if rest.trim_matches('.').is_empty() {
            found.push((element, around.clone()));
        } else {
            list(element, around, rest, found);
        }
    }
    around.remove(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(line: &str) -> Vec<String> {
        let inside =
            BUILTIN.iter().find_map(|envelope| Some((envelope.name(), envelope.open(line.as_bytes())?)));
        let Some((name, inside)) = inside else { return vec!["bare".to_owned()] };
        let shown = |inside: &Inside<'_>| match &inside.content {
            Content::Line(text) => format!("{name}: {}", String::from_utf8_lossy(text)),
            Content::Object(text, around) => {
                format!("{name}: {} in {}", String::from_utf8_lossy(text), around.len())
            }
            other => format!("{name}: {other:?}"),
        };
        inside.iter().map(shown).collect()
    }

    #[test]
    fn lines_are_taken_out_of_their_envelopes() {
        for (line, want) in [
            (r#"{"log":"a \"b\"\n","stream":"stdout","time":"2026-11-28T03:10:21Z"}"#, r#"docker: a "b""#),
            ("2026-11-28T03:10:21.6Z stdout F a b", "cri: a b"),
            (r#"{"__REALTIME_TIMESTAMP":"1795835421615000","MESSAGE":[97,32,98]}"#, "journald: a b"),
            ("<134>1 2026-11-28T03:10:21Z h app 7 - - a b", "syslog-5424: a b"),
            ("<134>Nov 28 03:10:21 h app[7]: a b", "syslog-3164: a b"),
            ("nginx: [1795835421.615000000, {\"log\":\"a b\"}]", "fluent-bit-file: {\"log\":\"a b\"}"),
            (r#"{"logName":"l","jsonPayload":{"a":1}}"#, r#"gcp-json: {"a":1} in 1"#),
            ("a b", "bare"),
        ] {
            assert_eq!(opened(line), [want], "{line}");
        }
        let line = r#"{"messageType":"DATA_MESSAGE","logEvents":[{"message":"a"},{"message":"b"}]}"#;
        assert_eq!(opened(line), ["cloudwatch: a", "cloudwatch: b"]);
        let line = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"a":1},{"a":2}]}]}]}"#;
        assert_eq!(opened(line), [r#"otlp-spans: {"a":1} in 3"#, r#"otlp-spans: {"a":2} in 3"#]);
    }
}
