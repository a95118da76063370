//! Condition: what the names of a row must be, for a mark or for a row to be one.

use serde::{Deserialize, Serialize};
use toml::de::DeValue;

use super::Glob;
use crate::document::toml::TomlValue;

/// Names with what is wanted of each; all must hold. It holds for every row if it is empty.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NameCondition(pub Vec<(String, Vec<Want>)>);

/// What is wanted of a name. Nothing is fulfilled by a name that is not logged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Want {
    /// A value.
    Present,
    /// Logged without a value.
    Empty,
    Text(Glob),
    Number(WantedNumber),
}

/// Numbers from one to another, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WantedNumber {
    pub from: f64,
    /// `None` for all larger ones.
    pub to: Option<f64>,
}

impl WantedNumber {
    /// Returns whether a text is such a number.
    pub fn matches(&self, text: &[u8]) -> bool {
        let number = match text {
            // Statuses, which almost all these numbers are.
            [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => {
                f64::from(u32::from(a - b'0') * 100 + u32::from(b - b'0') * 10 + u32::from(c - b'0'))
            }
            _ => match std::str::from_utf8(text).ok().and_then(|text| text.trim().parse::<f64>().ok()) {
                Some(number) => number,
                None => return false,
            },
        };
        number >= self.from && self.to.is_none_or(|to| number <= to)
    }
}

impl Want {
    /// Returns whether a value, which is there, is wanted.
    pub fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Present => true,
            Self::Empty => false,
            Self::Text(glob) => glob.matches(text),
            Self::Number(number) => number.matches(text),
        }
    }

    /// Returns what is wanted in a JSON form that outlives this code.
    pub(super) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Present => serde_json::json!(true),
            Self::Empty => serde_json::json!(false),
            Self::Text(glob) => serde_json::json!(glob.text()),
            Self::Number(WantedNumber { from, to }) => serde_json::json!([from, to]),
        }
    }

    fn of_text(text: &str) -> Self {
        let number = |text: &str| text.parse::<f64>().ok();
        if let Some((from, to)) = text.split_once("..")
            && let Some(from) = number(from)
            && (to.is_empty() || number(to).is_some())
        {
            return Self::Number(WantedNumber { from, to: number(to) });
        }
        Self::Text(Glob::new(text))
    }
}

impl NameCondition {
    /// Reads the table of a `when`; a value that cannot be read is noted and left out.
    pub fn read(value: &TomlValue<'_>) -> Self {
        let Some(table) = value.map("a condition") else { return Self::default() };
        let tests = table.entries().map(|(name, span, value)| {
            let wants: Vec<Want> = value.items().iter().filter_map(want).collect();
            if wants.is_empty() {
                let help = "write true (has a value), false (is empty), a text with `*`, a number or a range";
                table.notes().mistake(span, format!("nothing is wanted of `{name}`"), "empty list", help);
            }
            (name.to_owned(), wants)
        });
        Self(tests.collect())
    }

    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the names that it asks for.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

fn want(value: &TomlValue<'_>) -> Option<Want> {
    match value.raw() {
        DeValue::Boolean(true) => Some(Want::Present),
        DeValue::Boolean(false) => Some(Want::Empty),
        DeValue::String(text) => Some(Want::of_text(text)),
        DeValue::Integer(_) => {
            let number = value.integer(&(i64::MIN..=i64::MAX))? as f64;
            Some(Want::Number(WantedNumber { from: number, to: Some(number) }))
        }
        _ => {
            let help = "write true (has a value), false (is empty), a text with `*`, a number or a range";
            value.wrong(format!("`{}` cannot be wanted so", value.key()), "neither text nor number", help);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_numbers_and_ranges_are_told_apart() {
        let is = |want: &str, text: &str| Want::of_text(want).matches(text.as_bytes());
        for (want, text) in [
            ("400..499", "404"),
            ("100..", "599"),
            ("0..1", "0.5"),
            ("200", "200"),
            ("2*", "204"),
            ("-1..", "-0.5"),
        ] {
            assert!(is(want, text), "{want} {text}");
        }
        for (want, text) in [("400..499", "500"), ("100..", "000"), ("400..499", "x"), ("a..b", "404")] {
            assert!(!is(want, text), "{want} {text}");
        }
        assert_eq!(Want::of_text("a..b"), Want::Text(Glob::new("a..b")));
    }
}
