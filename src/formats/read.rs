//! Reading: the text of a format file into a [`FormatFile`], with every mistake in it.

use toml::de::DeValue;

use super::condition::NameCondition;
use super::expression::{self, Expression, columns};
use super::glob::Glob;
use super::pasted;
use super::{
    Delimited, FormatFile, FormatSample, LayoutShape, LineLayout, Mark, NameTypes, NoCall, Program, SampleRow,
};
use crate::document::spelling::advice;
use crate::document::toml::{MistakeNotes, TomlTable, TomlValue, tables};
use crate::document::{Document, Mistake};
use crate::formats::Vantage;
use crate::formats::{Field, Log};

/// Keys at the top of a format file.
pub const FORMAT_KEYS: [&str; 15] = [
    "name",
    "about",
    "program",
    "log",
    "vantage",
    "missing",
    "omits_empty",
    "types",
    "layout",
    "only",
    "not_a_call",
    "mark",
    "let",
    "fields",
    "sample",
];
const TYPES: [&str; 5] = ["list", "blanks", "braced", "quoted", "free"];
const LAYOUT: [&str; 11] = [
    "name",
    "template",
    "json",
    "delimited",
    "columns",
    "least",
    "quote",
    "header",
    "when",
    "hint",
    "not_a_call",
];
const NO_CALL: [&str; 2] = ["when", "why"];
const MARK: [&str; 6] = ["when", "reached", "symptom", "scope", "outcome", "http_status"];
const SAMPLE: [&str; 3] = ["line", "lines", "gives"];
/// All tables of a format file with their keys; a test compares them with the page of the language.
pub const TABLES: [(&str, &[&str]); 8] = [
    ("the top level", &FORMAT_KEYS),
    ("[types]", &TYPES),
    ("[[layout]]", &LAYOUT),
    ("[[not_a_call]]", &NO_CALL),
    ("[[mark]]", &MARK),
    ("[[sample]]", &SAMPLE),
    ("an expression", &expression::KEYS),
    ("[[envelope]]", &super::envelope::KEYS),
];

const PROGRAMS: [(&str, Program); 6] = [
    ("nginx", Program::Nginx),
    ("apache", Program::Apache),
    ("haproxy", Program::Haproxy),
    ("envoy", Program::Envoy),
    ("apigateway", Program::ApiGateway),
    ("plain", Program::Plain),
];
const LOGS: [(&str, Log); 2] = [("requests", Log::Requests), ("webhooks", Log::Webhooks)];
const VANTAGES: [(&str, Vantage); 4] = [
    ("caller_egress", Vantage::CallerEgress),
    ("edge_ingress", Vantage::EdgeIngress),
    ("first_layer", Vantage::FirstLayer),
    ("webhook_egress", Vantage::WebhookEgress),
];
/// Limit on distinct conditions of a format: the bits of a mask.
const MOST_CONDITIONS: usize = 128;
const REACHED: [&str; 3] = ["yes", "no", "unknown"];
/// Words of the field `symptom`.
pub const SYMPTOMS: [&str; 10] = [
    "none",
    "dns",
    "connect",
    "tls",
    "proxy_local",
    "client_abort_early",
    "client_abort_waiting",
    "reset",
    "timeout",
    "cut_off",
];
const SCOPES: [&str; 2] = ["test", "localized"];
const OUTCOMES: [&str; 7] = ["http", "dns", "connect", "tls", "reset", "timeout", "none"];

/// Reads a format file.
///
/// # Errors
/// Every mistake in it, each with its place.
pub fn format(document: &Document) -> Result<FormatFile, Vec<Mistake>> {
    let notes = MistakeNotes::new(document);
    let root = notes.parse();
    let top = TomlTable::open(&notes, root.get_ref(), root.span(), "the top level", &FORMAT_KEYS);
    let read = whole(&top);
    let mistakes = notes.into_mistakes();
    match read {
        Some(read) if mistakes.is_empty() => Ok(read),
        _ => Err(mistakes),
    }
}

fn whole(top: &TomlTable<'_>) -> Option<FormatFile> {
    let program = top.get("program").map_or(Some(Program::Plain), |value| value.choice(&PROGRAMS));
    let log =
        top.get("log").map_or(Some(Log::Requests), |value| value.choice(&LOGS)).unwrap_or(Log::Requests);
    let vantage = top.need("vantage", "\"edge_ingress\"").and_then(|value| value.choice(&VANTAGES));
    let program = program.unwrap_or(Program::Plain);
    let layouts: Vec<LineLayout> = tables(top, "layout", "[[layout]]", &LAYOUT)
        .iter()
        .filter_map(|table| layout(table, program))
        .collect();
    let fields = top.need("fields", "{ ts = \"time\" }").and_then(|value| value.map("[fields]"));
    let fields: Vec<(Field, Vec<Expression>)> = fields
        .map(|table| columns(&table, log))
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(field, read)| Some((field, read?)))
        .collect();
    let lets = top.get("let").and_then(|value| value.map("[let]"));
    let lets: Vec<(String, Vec<Expression>)> = lets
        .map(|table| {
            table.entries().map(|(name, _, value)| (name.to_owned(), Expression::read(&value))).collect()
        })
        .unwrap_or_default();
    check_lets(top, &lets);
    let read = FormatFile {
        name: top.need("name", "\"nginx\"").and_then(|value| value.text()).unwrap_or_default().to_owned(),
        about: top
            .need("about", "\"what it reads\"")
            .and_then(|value| value.text())
            .unwrap_or_default()
            .to_owned(),
        program,
        log,
        vantage: vantage?,
        missing: top
            .get("missing")
            .map_or_else(|| vec!["-".into(), String::new()], |value| value.any_texts()),
        omits_empty: top.get("omits_empty").and_then(|value| value.flag()).unwrap_or(false),
        types: top.get("types").map(|value| types(&value)).unwrap_or_default(),
        layouts,
        only: top.get("only").and_then(|value| no_call(&value.table("only", &NO_CALL)?)),
        not_a_call: tables(top, "not_a_call", "[[not_a_call]]", &NO_CALL)
            .iter()
            .filter_map(no_call)
            .collect(),
        marks: tables(top, "mark", "[[mark]]", &MARK).iter().map(mark).collect(),
        lets,
        fields,
        samples: tables(top, "sample", "[[sample]]", &SAMPLE).iter().filter_map(sample).collect(),
    };
    let conditions = read.conditions().collect::<Vec<_>>();
    let distinct = conditions.iter().enumerate().filter(|(at, one)| !conditions[..*at].contains(one)).count();
    if distinct > MOST_CONDITIONS {
        let message = format!("{distinct} distinct conditions, more than {MOST_CONDITIONS}");
        top.wrong(message, "too many", "ask for fewer things, or make two formats of it");
    }
    if !read.fields.iter().any(|(field, _)| *field == Field::Ts) {
        top.wrong("no field `ts`", "a row without a time cannot be counted", "add ts = \"name\" to [fields]");
    }
    Some(read)
}

/// Notes helper values that are made of each other in a circle.
fn check_lets(top: &TomlTable<'_>, lets: &[(String, Vec<Expression>)]) {
    for (name, _) in lets {
        let (mut seen, mut open) = (Vec::new(), vec![name.as_str()]);
        while let Some(next) = open.pop() {
            let below = lets.iter().filter(|(known, _)| known == next).flat_map(|(_, read)| read);
            for other in below.flat_map(Expression::references) {
                if other == name {
                    top.wrong(
                        format!("`{name}` of [let] is made of itself"),
                        "a circle",
                        "take one of its names away",
                    );
                    return;
                }
                if !seen.contains(&other) {
                    seen.push(other);
                    open.push(other);
                }
            }
        }
    }
}

fn types(value: &TomlValue<'_>) -> NameTypes {
    let Some(table) = value.table("[types]", &TYPES) else { return NameTypes::default() };
    let globs = |key: &str| -> Vec<Glob> {
        let Some(value) = table.get(key) else { return Vec::new() };
        value.texts().iter().map(|(text, _)| Glob::new(text)).collect()
    };
    NameTypes {
        list: globs("list"),
        blanks: globs("blanks"),
        braced: globs("braced"),
        quoted: globs("quoted"),
        free: globs("free"),
    }
}

fn layout(table: &TomlTable<'_>, program: Program) -> Option<LineLayout> {
    let condition = |key: &str| table.get(key).map(|value| NameCondition::read(&value));
    let text = |key: &str| table.get(key).and_then(|value| value.text()).map(str::to_owned);
    let is_json = table.get("json").and_then(|value| value.flag()).unwrap_or(false);
    let shape = match (table.get("template"), table.get("delimited")) {
        (Some(template), None) => LayoutShape::Template(template_text(&template, program)?),
        (None, Some(delimiter)) => LayoutShape::Delimited(delimited(table, &delimiter)?),
        (None, None) if is_json => LayoutShape::Json,
        _ => {
            table.wrong(
                "a layout has one shape",
                "none, or several",
                "give one of template, json = true and delimited",
            );
            return None;
        }
    };
    Some(LineLayout {
        name: text("name").unwrap_or_default(),
        shape,
        when: condition("when").unwrap_or_default(),
        hint: condition("hint"),
        not_a_call: text("not_a_call"),
    })
}

/// Reads a template, and notes that it has no variables or is no JSON.
pub fn template_text(value: &TomlValue<'_>, program: Program) -> Option<String> {
    let text = value.text()?;
    let (pieces, _) = pasted::pieces(text, program);
    if pieces.is_empty() {
        value.wrong(
            format!("`{}` has no variables", value.key()),
            "nothing to read",
            "paste the format string as the program's config has it, and name the program whose format it is",
        );
        return None;
    }
    if let (true, Err(why)) = (pasted::is_json(text, program), pasted::json_keys(text, program)) {
        value.wrong("the template is no JSON object", why, "write it as the program's config has it");
        return None;
    }
    Some(text.to_owned())
}

fn delimited(table: &TomlTable<'_>, delimiter: &TomlValue<'_>) -> Option<Delimited> {
    let byte = |value: &TomlValue<'_>| match value.raw_text()?.as_bytes() {
        [byte] if byte.is_ascii() => Some(*byte),
        _ => {
            value.wrong(
                format!("`{}` is not one ASCII character", value.key()),
                "this",
                "for example \" \" or \"\\t\"",
            );
            None
        }
    };
    let columns = table
        .get("columns")
        .map(|value| value.texts().into_iter().map(|(text, _)| text.to_owned()).collect::<Vec<_>>());
    let header = table.get("header").and_then(|value| value.text()).map(str::to_owned);
    if columns.is_none() && header.is_none() {
        table.wrong(
            "a delimited layout has no columns",
            "no names",
            "add columns = [...] or header = \"#Fields:\"",
        );
    }
    Some(Delimited {
        delimiter: byte(delimiter)?,
        quote: table.get("quote").and_then(|value| byte(&value)),
        columns: columns.unwrap_or_default(),
        least: table.get("least").and_then(|value| value.integer(&(1..=1_000))).map(|least| least as usize),
        header,
    })
}

fn no_call(table: &TomlTable<'_>) -> Option<NoCall> {
    let when = table.need("when", "{ line = \"Proxy *\" }").map(|value| NameCondition::read(&value))?;
    let why = table.need("why", "\"start-up message\"").and_then(|value| value.text())?;
    Some(NoCall { when, why: why.to_owned() })
}

fn mark(table: &TomlTable<'_>) -> Mark {
    let when = table.get("when").map(|value| NameCondition::read(&value)).unwrap_or_default();
    let mut sets = Vec::new();
    for (key, field, words) in [
        ("reached", Field::Reached, REACHED.as_slice()),
        ("symptom", Field::Symptom, &SYMPTOMS),
        ("scope", Field::Scope, &SCOPES),
        ("outcome", Field::Outcome, &OUTCOMES),
    ] {
        let Some(value) = table.get(key) else { continue };
        let Some(word) = value.text() else { continue };
        if words.contains(&word) {
            sets.push((field, word.to_owned()));
        } else {
            let help = advice(word, words.iter().copied());
            value.wrong(format!("`{word}` is not a value of `{key}`"), "not one of the valid words", help);
        }
    }
    if let Some(status) = table.get("http_status").and_then(|value| value.integer(&(100..=999))) {
        sets.push((Field::HttpStatus, status.to_string()));
    }
    if sets.is_empty() {
        table.wrong("a mark says nothing", "no value", "add reached, symptom, scope, outcome or http_status");
    }
    Mark { when, sets }
}

fn sample(table: &TomlTable<'_>) -> Option<FormatSample> {
    let lines = match (table.get("line"), table.get("lines")) {
        (Some(line), None) => vec![line.raw_text()?],
        (None, Some(lines)) => lines.any_texts(),
        _ => {
            table.wrong("a sample has `line` or `lines`", "none, or both", "add line = '...'");
            return None;
        }
    };
    let value = table.need("gives", "{ http_status = 200 }")?;
    let span = value.span();
    let gives = value.map("what a sample gives")?;
    let mut row = Vec::new();
    for (name, span, value) in gives.entries() {
        let text = match value.raw() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.as_str().to_owned(),
            DeValue::Float(number) => number.as_str().to_owned(),
            _ => value.text()?.to_owned(),
        };
        if name == "row" {
            let rows = [("not_a_call", SampleRow::NotACall), ("quarantine", SampleRow::Quarantine)];
            let row = rows.iter().find(|(word, _)| *word == text).map(|(_, row)| row.clone());
            if row.is_none() {
                value.wrong(format!("`{text}` is no row"), "this", "write not_a_call or quarantine");
            }
            return Some(FormatSample { lines, gives: row?, span: (span.start, span.end) });
        }
        let is_known = name == "duration_ms" || Field::ALL.iter().any(|field| field.name() == name);
        if !is_known {
            let help = advice(name, Field::ALL.iter().map(|field| field.column()));
            gives.notes().mistake(span, format!("unknown field `{name}`"), "not a canonical field", help);
        }
        row.push((name.to_owned(), text));
    }
    Some(FormatSample { lines, gives: SampleRow::Call(row), span: (span.start, span.end) })
}
