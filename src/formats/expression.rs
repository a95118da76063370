//! Expression: how a canonical field or a helper value is made of the names of a row.

use serde::{Deserialize, Serialize};
use toml::de::DeValue;

use super::condition::NameCondition;
use super::glob::Glob;
use crate::document::spelling::advice;
use crate::document::toml::{TomlTable, TomlValue};
use crate::formats::{Field, Identity, Log, TimeBasis, Unit};

pub(super) const KEYS: [&str; 19] = [
    "from", "value", "join", "with", "sum", "minus", "split", "take", "after", "before", "part", "words",
    "lower", "missing", "unit", "format", "basis", "identity", "when",
];
pub(super) const UNITS: [(&str, Unit); 4] =
    [("s", Unit::Seconds), ("ms", Unit::Milliseconds), ("us", Unit::Microseconds), ("ns", Unit::Nanoseconds)];

/// One way to a value; what is not there gives none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expression {
    pub origin: Origin,
    /// Separators at which the text is cut.
    pub split: Vec<String>,
    pub take: Option<Take>,
    /// Text behind which, and text before which, the value stands.
    pub after: Option<String>,
    pub before: Option<String>,
    pub part: Option<RequestPart>,
    /// Replacements in order; a text that none fits stays.
    pub words: Vec<(Glob, String)>,
    pub lower: bool,
    /// Further texts that mean *empty*.
    pub missing: Vec<String>,
    pub unit: Option<Unit>,
    /// Chrono format of a date.
    pub format: Option<String>,
    pub basis: TimeBasis,
    pub identity: Option<Identity>,
    /// The alternative counts only if it holds.
    pub when: NameCondition,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// The first of these names that has a value.
    Names(Vec<String>),
    Constant(String),
    /// Several names as one text; empty if one is.
    Join {
        names: Vec<String>,
        with: String,
    },
    /// A sum of durations and instants, in which an empty or negative one counts 0.
    Sum(Vec<String>),
    /// The first name less the second; both must have a value.
    Minus([String; 2]),
}

/// What is taken of a text that was cut, or of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Take {
    /// A member by its position from 1.
    At(usize),
    First,
    Last,
    /// The first member with a value.
    Any,
}

/// A part of a request line, a URL or a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RequestPart {
    /// The path, never the query.
    Path,
    Method,
}

impl Expression {
    /// Returns the expression that gives a name as it is.
    pub fn name(name: impl Into<String>) -> Self {
        Self::of(Origin::Names(vec![name.into()]))
    }

    const fn of(origin: Origin) -> Self {
        Self {
            origin,
            split: Vec::new(),
            take: None,
            after: None,
            before: None,
            part: None,
            words: Vec::new(),
            lower: false,
            missing: Vec::new(),
            unit: None,
            format: None,
            basis: TimeBasis::Start,
            identity: None,
            when: NameCondition(Vec::new()),
        }
    }

    /// Returns the names that the value is made of, without those of its condition.
    pub fn names(&self) -> &[String] {
        match &self.origin {
            Origin::Names(names) | Origin::Join { names, .. } | Origin::Sum(names) => names,
            Origin::Minus(names) => names,
            Origin::Constant(_) => &[],
        }
    }

    /// Returns the names that may be helper values: those of the condition, and all but of `from`.
    pub(super) fn references(&self) -> impl Iterator<Item = &str> {
        let names = if matches!(self.origin, Origin::Names(_)) { &[] } else { self.names() };
        names.iter().map(String::as_str).chain(self.when.names())
    }

    /// Reads one expression or a list of alternatives; mistakes are noted.
    pub fn read(value: &TomlValue<'_>) -> Vec<Self> {
        value.items().iter().filter_map(one).collect()
    }
}

/// Returns all names in alternatives, conditions included.
pub fn names_of(alternatives: &[Expression]) -> impl Iterator<Item = &str> {
    alternatives.iter().flat_map(|one| one.names().iter().map(String::as_str).chain(one.when.names()))
}

/// Reads a table of canonical fields; `None` switches a field off.
pub fn columns(table: &TomlTable<'_>, log: Log) -> Vec<(Field, Option<Vec<Expression>>)> {
    let fields = Field::of(log);
    let mut read = Vec::new();
    for (name, span, value) in table.entries() {
        let Some(field) = fields.iter().copied().find(|field| field.name() == name) else {
            let label = format!("not a field of logs of {}", log.name());
            let help = advice(name, fields.iter().map(|field| field.name()));
            table.notes().mistake(span, format!("unknown field `{name}`"), label, help);
            continue;
        };
        match value.raw() {
            DeValue::Boolean(false) => read.push((field, None)),
            DeValue::Boolean(true) => {
                value.wrong(
                    "`true` is no value",
                    "this",
                    "write a name of the log, or false to switch the field off",
                );
            }
            _ => read.push((field, Some(Expression::read(&value)))),
        }
    }
    read.sort_by_key(|(field, _)| *field);
    read
}

fn one(value: &TomlValue<'_>) -> Option<Expression> {
    if !matches!(value.raw(), DeValue::Table(_)) {
        return Some(Expression::name(value.text()?));
    }
    let table = value.table("an expression", &KEYS)?;
    let mut read = Expression::of(origin(&table)?);
    read.split = table.get("split").map(|value| separators(&value)).unwrap_or_default();
    read.take = table.get("take").and_then(|value| take(&value));
    read.after = table.get("after").and_then(|value| value.raw_text());
    read.before = table.get("before").and_then(|value| value.raw_text());
    read.part = table
        .get("part")
        .and_then(|value| value.choice(&[("path", RequestPart::Path), ("method", RequestPart::Method)]));
    read.words = table.get("words").map(|value| words(&value)).unwrap_or_default();
    read.lower = table.get("lower").and_then(|value| value.flag()).unwrap_or(false);
    read.missing = table.get("missing").map(|value| value.any_texts()).unwrap_or_default();
    read.unit = table.get("unit").and_then(|value| value.choice(&UNITS));
    read.format = table.get("format").and_then(|value| value.text()).map(str::to_owned);
    let basis = [("start", TimeBasis::Start), ("end", TimeBasis::End)];
    read.basis = table.get("basis").and_then(|value| value.choice(&basis)).unwrap_or(TimeBasis::Start);
    let identities = [("unique", Identity::Unique), ("client", Identity::Client), ("none", Identity::None)];
    read.identity = table.get("identity").and_then(|value| value.choice(&identities));
    read.when = table.get("when").map(|value| NameCondition::read(&value)).unwrap_or_default();
    Some(read)
}

fn origin(table: &TomlTable<'_>) -> Option<Origin> {
    const ORIGINS: [&str; 5] = ["from", "value", "join", "sum", "minus"];
    let mut given = ORIGINS.iter().filter_map(|key| table.get(key));
    let Some(value) = given.next() else {
        table.wrong(
            "an expression has no origin",
            "no name to read",
            "give one of from, value, join, sum and minus",
        );
        return None;
    };
    for other in given {
        let message = format!("`{}` and `{}` exclude each other", value.key(), other.key());
        other.wrong(message, "there is an origin already", "remove one of the two");
    }
    let names = || -> Vec<String> { value.texts().into_iter().map(|(text, _)| text.to_owned()).collect() };
    Some(match value.key() {
        "from" => Origin::Names(names()),
        "value" => Origin::Constant(value.text()?.to_owned()),
        "join" => {
            let with = table.get("with").and_then(|with| with.raw_text()).unwrap_or_else(|| " ".to_owned());
            Origin::Join { names: names(), with }
        }
        "sum" => Origin::Sum(names()),
        _ => match <[String; 2]>::try_from(names()) {
            Ok(pair) => Origin::Minus(pair),
            Err(_) => {
                value.wrong("`minus` needs two names", "this", "write [\"end\", \"begin\"]");
                return None;
            }
        },
    })
}

fn separators(value: &TomlValue<'_>) -> Vec<String> {
    value.items().iter().filter_map(TomlValue::raw_text).collect()
}

fn take(value: &TomlValue<'_>) -> Option<Take> {
    if let DeValue::Integer(_) = value.raw() {
        return value.integer(&(1..=1_000)).map(|at| Take::At(at as usize));
    }
    value.choice(&[("first", Take::First), ("last", Take::Last), ("any", Take::Any)])
}

fn words(value: &TomlValue<'_>) -> Vec<(Glob, String)> {
    let Some(table) = value.map("words") else { return Vec::new() };
    let mut words: Vec<_> = table
        .entries()
        .filter_map(|(word, span, by)| match by.raw() {
            DeValue::String(by) => Some((span.start, Glob::new(word), by.to_string())),
            _ => by.text().map(|by| (span.start, Glob::new(word), by.to_owned())),
        })
        .collect();
    // The order of the file decides, whatever order a table has in memory.
    words.sort_by_key(|(at, _, _)| *at);
    words.into_iter().map(|(_, word, by)| (word, by)).collect()
}
