//! Envelope: a line or an object of a log inside a line of another program.

use serde::{Deserialize, Serialize};

use super::condition::NameCondition;
use crate::document::toml::{MistakeNotes, TomlTable, tables};
use crate::document::{Document, Mistake};

pub(super) const KEYS: [&str; 12] =
    ["name", "json", "template", "when", "inner", "base64", "each", "only", "per", "end", "more", "time"];

/// An envelope; they are tried in the order of their file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    pub name: String,
    pub shape: EnvelopeShape,
    /// The line is in this envelope only if it holds; a key that is not there is empty.
    pub when: NameCondition,
    /// Names that may hold the line; the first that is there does. None: each element is a row.
    pub inner: Vec<String>,
    pub base64: Base64,
    /// Path of a list whose elements are wrapped one by one (`records[]`).
    pub each: Option<String>,
    /// Rows that do not fulfil it are no calls.
    pub only: NameCondition,
    /// Name of the stream whose pieces belong together.
    pub per: Option<String>,
    /// A piece that does not end so goes on in the next of its stream.
    pub end: Option<String>,
    /// A piece for which it holds goes on.
    pub more: Option<NameCondition>,
    /// Name of the time at which the line was taken.
    pub time: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnvelopeShape {
    Json,
    /// Plain templates, each with the name `line`.
    Templates(Vec<String>),
}

/// Whether the inner text is base64 of the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Base64 {
    Never,
    Always,
    /// If the value of this name is true.
    If(String),
}

/// Reads a file of envelopes.
///
/// # Errors
/// Every mistake in it.
pub fn envelopes(document: &Document) -> Result<Vec<Envelope>, Vec<Mistake>> {
    let notes = MistakeNotes::new(document);
    let root = notes.parse();
    let top = TomlTable::open(&notes, root.get_ref(), root.span(), "the top level", &["envelope"]);
    let read = tables(&top, "envelope", "[[envelope]]", &KEYS).iter().filter_map(envelope).collect();
    let mistakes = notes.into_mistakes();
    if mistakes.is_empty() { Ok(read) } else { Err(mistakes) }
}

fn envelope(table: &TomlTable<'_>) -> Option<Envelope> {
    let texts = |key: &str| -> Vec<String> {
        let Some(value) = table.get(key) else { return Vec::new() };
        value.texts().into_iter().map(|(text, _)| text.to_owned()).collect()
    };
    let text = |key: &str| table.get(key).and_then(|value| value.raw_text());
    let condition = |key: &str| table.get(key).map(|value| NameCondition::read(&value));
    let templates = texts("template");
    let base64 = match table.get("base64") {
        None => Base64::Never,
        Some(value) => match value.raw() {
            toml::de::DeValue::Boolean(true) => Base64::Always,
            toml::de::DeValue::Boolean(false) => Base64::Never,
            _ => Base64::If(value.text()?.to_owned()),
        },
    };
    Some(Envelope {
        name: table.need("name", "\"docker\"")?.text()?.to_owned(),
        shape: if templates.is_empty() { EnvelopeShape::Json } else { EnvelopeShape::Templates(templates) },
        when: condition("when").unwrap_or_default(),
        inner: texts("inner"),
        base64,
        each: text("each"),
        only: condition("only").unwrap_or_default(),
        per: text("per"),
        end: text("end"),
        more: condition("more"),
        time: text("time"),
    })
}
