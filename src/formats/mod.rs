//! Formats: how the logs of other programs are read, as data.
//!
//! A format file describes one *program* (nginx, Envoy, a load balancer), not one layout of lines.
//! It speaks of the program's own names. [`LineLayout`]s say where these names stand in a line;
//! fields and marks hold for every layout. The language is described in `data/formats/language.md`.
//!
//! A name in a row is a value, *empty* (logged without a value), or *not logged*. Nothing follows
//! from what is not logged.

use serde::{Deserialize, Serialize};

mod builtin;
mod condition;
mod envelope;
mod expression;
mod field;
mod glob;
mod parts;
mod pasted;
mod read;
mod unlogged;
mod vantage;

pub use builtin::{BUILTIN, ENVELOPES, builtin};
pub use condition::{NameCondition, Want, WantedNumber};
pub use envelope::{Base64, Envelope, EnvelopeShape, envelopes};
pub use expression::{Expression, Origin, RequestPart, Take, columns, names_of};
pub use field::{Field, Identity, Log, TimeBasis, Unit};
pub use glob::Glob;
pub use pasted::{Piece, is_json, json_keys, pieces};
pub use read::{FORMAT_KEYS, SYMPTOMS, TABLES, format, template_text};
pub use vantage::Vantage;

/// What a format file says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FormatFile {
    pub name: String,
    pub about: String,
    pub program: Program,
    /// The type of rows that it gives.
    pub log: Log,
    /// The vantage that `init` proposes.
    pub vantage: Vantage,
    /// Texts that mean *empty*.
    pub missing: Vec<String>,
    /// True if a JSON key that is not there is *empty*, not *not logged*.
    pub omits_empty: bool,
    pub types: NameTypes,
    /// Tried in this order, for every line.
    pub layouts: Vec<LineLayout>,
    /// Rows that do not fulfil it are no calls.
    pub only: Option<NoCall>,
    pub not_a_call: Vec<NoCall>,
    /// The first that fits decides; if none does, whether the call arrived is unknown.
    pub marks: Vec<Mark>,
    /// Helper values, for conditions.
    pub lets: Vec<(String, Vec<Expression>)>,
    /// Canonical fields, each with alternatives: the first that gives a value.
    pub fields: Vec<(Field, Vec<Expression>)>,
    pub samples: Vec<FormatSample>,
}

/// How a template writes its variables, and what it escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Program {
    Nginx,
    Apache,
    Haproxy,
    Envoy,
    ApiGateway,
    /// `{name}`.
    Plain,
}

/// Names of a template that are not plain words; `*` is any text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameTypes {
    /// `a, b` and `a : b` are one value.
    pub list: Vec<Glob>,
    /// May hold blanks.
    pub blanks: Vec<Glob>,
    /// Vanishes with its braces and one blank.
    pub braced: Vec<Glob>,
    /// Vanishes with its quotes and one blank.
    pub quoted: Vec<Glob>,
    /// Written unescaped by a client: everything behind it is read from the end of the line.
    pub free: Vec<Glob>,
}

/// Where the names stand in a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineLayout {
    pub name: String,
    pub shape: LayoutShape,
    /// The row is of this layout only if it holds.
    pub when: NameCondition,
    /// Evidence for `inspect` where several formats read a line.
    pub hint: Option<NameCondition>,
    /// Why every line of this layout is no call.
    pub not_a_call: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum LayoutShape {
    /// The program's own format string.
    Template(String),
    /// The keys of an object are the names.
    Json,
    Delimited(Delimited),
}

/// Cells between delimiters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delimited {
    pub delimiter: u8,
    pub quote: Option<u8>,
    /// Names in order; empty until a header line names them.
    pub columns: Vec<String>,
    /// Cells that must be there, of which more are ignored; `None`: exactly all.
    pub least: Option<usize>,
    /// Beginning of the line that names the columns (`#Fields:`).
    pub header: Option<String>,
}

/// Rows that are no calls, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoCall {
    pub when: NameCondition,
    pub why: String,
}

/// What a row proves if a condition holds: values of canonical fields, as words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    pub when: NameCondition,
    /// Of `reached`, `symptom`, `scope`, `outcome` and `http_status`.
    pub sets: Vec<(Field, String)>,
}

/// Lines, and the row that they must give.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FormatSample {
    pub lines: Vec<String>,
    pub gives: SampleRow,
    /// Place in the file, in bytes.
    pub span: (usize, usize),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SampleRow {
    NotACall,
    Quarantine,
    /// Fields by name, with their values as text; `duration_ms` in milliseconds.
    Call(Vec<(String, String)>),
}

impl FormatFile {
    /// Returns every name with what is wanted of it, in every condition of the file.
    fn conditions(&self) -> impl Iterator<Item = &(String, Vec<Want>)> {
        let expressions =
            self.lets.iter().map(|(_, read)| read).chain(self.fields.iter().map(|(_, read)| read));
        let of_rows =
            self.marks.iter().map(|mark| &mark.when).chain(self.not_a_call.iter().map(|one| &one.when));
        let of_layouts =
            self.layouts.iter().flat_map(|layout| std::iter::once(&layout.when).chain(&layout.hint));
        of_rows
            .chain(self.only.iter().map(|only| &only.when))
            .chain(of_layouts)
            .chain(expressions.flatten().map(|one| &one.when))
            .flat_map(|condition| &condition.0)
    }
}
