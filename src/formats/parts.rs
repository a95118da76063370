//! Parts: the meaning of a format by key, in a form that outlives this code.
//!
//! Comments, samples, hints and the proposed vantage are no part of it. Two files with equal parts
//! read every log alike.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::expression::UNITS;
use super::{
    Expression, FormatFile, Glob, LayoutShape, LineLayout, NameCondition, NoCall, Origin, Program,
    RequestPart, Take, Want,
};
use crate::formats::{Field, Identity, TimeBasis};

impl FormatFile {
    /// Returns the parts, with these fields in place of its own.
    pub fn parts(&self, fields: &[(Field, Vec<Expression>)]) -> BTreeMap<String, Value> {
        let mut parts = BTreeMap::new();
        let mut put = |key: String, value: Value| {
            parts.insert(key, value);
        };
        put("program".to_owned(), json!(program(self.program)));
        put("missing".to_owned(), json!(self.missing));
        put("omits_empty".to_owned(), json!(self.omits_empty));
        let texts = |globs: &[Glob]| globs.iter().map(Glob::text).collect::<Vec<_>>();
        for (key, globs) in [
            ("list", &self.types.list),
            ("blanks", &self.types.blanks),
            ("braced", &self.types.braced),
            ("quoted", &self.types.quoted),
            ("free", &self.types.free),
        ] {
            if !globs.is_empty() {
                put(format!("types.{key}"), json!(texts(globs)));
            }
        }
        for (at, layout) in (1..).zip(&self.layouts) {
            put(format!("layout.{at:02}"), self::layout(layout));
        }
        if let Some(only) = &self.only {
            put("only".to_owned(), no_call(only));
        }
        for (at, rule) in (1..).zip(&self.not_a_call) {
            put(format!("not_a_call.{at:02}"), no_call(rule));
        }
        for (at, mark) in (1..).zip(&self.marks) {
            let mut said = serde_json::Map::new();
            said.insert("when".to_owned(), condition(&mark.when));
            said.extend(mark.sets.iter().map(|(field, word)| (field.name().to_owned(), json!(word))));
            put(format!("mark.{at:02}"), Value::Object(said));
        }
        for (name, read) in &self.lets {
            put(format!("let.{name}"), to_json(read));
        }
        for (field, read) in fields {
            put(format!("field.{}", field.name()), to_json(read));
        }
        parts
    }
}

const fn program(program: Program) -> &'static str {
    match program {
        Program::Nginx => "nginx",
        Program::Apache => "apache",
        Program::Haproxy => "haproxy",
        Program::Envoy => "envoy",
        Program::ApiGateway => "apigateway",
        Program::Plain => "plain",
    }
}

fn condition(when: &NameCondition) -> Value {
    let tests =
        when.0.iter().map(|(name, wants)| (name.clone(), wants.iter().map(super::Want::to_json).collect()));
    Value::Object(tests.collect())
}

fn no_call(rule: &NoCall) -> Value {
    json!({ "when": condition(&rule.when), "why": rule.why })
}

fn layout(layout: &LineLayout) -> Value {
    let mut said = match &layout.shape {
        LayoutShape::Template(text) => json!({ "template": text }),
        LayoutShape::Json => json!({ "json": true }),
        LayoutShape::Delimited(cut) => json!({
            "delimited": char::from(cut.delimiter).to_string(),
            "quote": cut.quote.map(|quote| char::from(quote).to_string()),
            "columns": cut.columns,
            "least": cut.least,
            "header": cut.header,
        }),
    };
    if !layout.when.is_empty() {
        said["when"] = condition(&layout.when);
    }
    if let Some(why) = &layout.not_a_call {
        said["not_a_call"] = json!(why);
    }
    said
}

/// Returns alternatives in a JSON form that outlives this code, with defaults left out.
pub fn to_json(alternatives: &[Expression]) -> serde_json::Value {
    alternatives.iter().map(Expression::to_json).collect()
}

impl Expression {
    fn to_json(&self) -> serde_json::Value {
        use serde_json::json;
        let mut said = serde_json::Map::new();
        let mut put = |key: &str, value: serde_json::Value| {
            said.insert(key.to_owned(), value);
        };
        match &self.origin {
            Origin::Names(names) => put("from", json!(names)),
            Origin::Constant(text) => put("value", json!(text)),
            Origin::Join { names, with } => {
                put("join", json!(names));
                put("with", json!(with));
            }
            Origin::Sum(names) => put("sum", json!(names)),
            Origin::Minus(names) => put("minus", json!(names)),
        }
        if !self.split.is_empty() {
            put("split", json!(self.split));
        }
        match self.take {
            None => {}
            Some(Take::At(at)) => put("take", json!(at)),
            Some(Take::First) => put("take", json!("first")),
            Some(Take::Last) => put("take", json!("last")),
            Some(Take::Any) => put("take", json!("any")),
        }
        for (key, text) in [("after", &self.after), ("before", &self.before), ("format", &self.format)] {
            if let Some(text) = text {
                put(key, json!(text));
            }
        }
        match self.part {
            None => {}
            Some(RequestPart::Path) => put("part", json!("path")),
            Some(RequestPart::Method) => put("part", json!("method")),
        }
        if !self.words.is_empty() {
            let words: Vec<_> = self.words.iter().map(|(word, by)| json!([word.text(), by])).collect();
            put("words", json!(words));
        }
        if self.lower {
            put("lower", json!(true));
        }
        if !self.missing.is_empty() {
            put("missing", json!(self.missing));
        }
        if let Some((word, _)) = UNITS.iter().find(|(_, unit)| Some(*unit) == self.unit) {
            put("unit", json!(word));
        }
        if self.basis == TimeBasis::End {
            put("basis", json!("end"));
        }
        match self.identity {
            None | Some(Identity::Unique) => {}
            Some(Identity::Client) => put("identity", json!("client")),
            Some(Identity::None) => put("identity", json!("none")),
        }
        if !self.when.is_empty() {
            let tests = self
                .when
                .0
                .iter()
                .map(|(name, wants)| (name.clone(), wants.iter().map(Want::to_json).collect()));
            put("when", serde_json::Value::Object(tests.collect()));
        }
        serde_json::Value::Object(said)
    }
}
