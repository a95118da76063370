//! `[outputs]`: the files for people and other programs, with their title and address.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::document::toml::TomlTable;

pub(super) const KEYS: [&str; 4] = ["title", "url", "formats", "publish"];

/// An output in addition to the tables, which are always written as CSV and Parquet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Pages for people: status, days, months.
    Html,
    /// `status.json`, under a published schema.
    Json,
    /// `outages.atom`, a feed.
    Atom,
    /// `metrics.prom`, for the textfile collector of `node_exporter`.
    Prometheus,
    /// A workbook per month.
    Excel,
    /// An `hledger` journal per month.
    Hledger,
}

impl Format {
    /// All formats with their words in configs.
    pub const ALL: [(&str, Self); 6] = [
        ("html", Self::Html),
        ("json", Self::Json),
        ("atom", Self::Atom),
        ("prometheus", Self::Prometheus),
        ("excel", Self::Excel),
        ("hledger", Self::Hledger),
    ];
}

/// The outputs of a config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outputs {
    /// Title of pages and feed.
    pub title: String,
    /// Address of the reports folder, with a slash at its end; the feed then links to the pages.
    pub url: Option<String>,
    pub formats: BTreeSet<Format>,
}

impl Default for Outputs {
    fn default() -> Self {
        let formats = Format::ALL.into_iter().map(|(_, format)| format).collect();
        Self { title: "Service status".to_owned(), url: None, formats }
    }
}

impl Outputs {
    pub fn has(&self, format: Format) -> bool {
        self.formats.contains(&format)
    }
}

/// Reads the address to which reports are published.
///
/// It is checked where no message shows it, because it may have a secret.
pub(super) fn publish(top: &TomlTable<'_>) -> Option<String> {
    let table = top.get("outputs").and_then(|value| value.map("[outputs]"))?;
    table.get("publish").and_then(|value| value.text()).map(str::to_owned)
}

/// Reads the table `[outputs]`; defaults where it is absent.
pub(super) fn read(top: &TomlTable<'_>) -> Outputs {
    let usual = Outputs::default();
    let Some(table) = top.get("outputs").and_then(|value| value.table("[outputs]", &KEYS)) else {
        return usual;
    };
    let title = table.get("title").and_then(|value| value.text()).map_or(usual.title, str::to_owned);
    let url = table.get("url").and_then(|value| {
        let text = value.text()?;
        if ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme)) {
            return Some(format!("{}/", text.trim_end_matches('/')));
        }
        let help = "write the address of the folder, for example \"https://status.example.com/reports\"";
        value.wrong(format!("`{text}` is not a web address"), "no `https://`", help);
        None
    });
    let formats = table.get("formats").map(|value| {
        let known = value.texts().into_iter().filter_map(|(_, item)| item.choice(&Format::ALL));
        known.collect()
    });
    Outputs { title, url, formats: formats.unwrap_or(usual.formats) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::document::Document;

    fn outputs(text: &str) -> Result<Outputs, Vec<String>> {
        let document = Document::new("a.toml", format!("[outputs]\n{text}"));
        crate::config::config(&document, Path::new(""))
            .map(|config| config.outputs)
            .map_err(|mistakes| mistakes.0.iter().map(crate::document::Mistake::place).collect())
    }

    #[test]
    fn everything_is_on_unless_a_list_says_otherwise() {
        let all = outputs("").unwrap();
        assert_eq!(all.formats.len(), Format::ALL.len());
        let text =
            "title = \"Messaging\"\nurl = \"https://status.example.com/r\"\nformats = [\"html\", \"atom\"]";
        let some = outputs(text).unwrap();
        assert_eq!(
            (some.title.as_str(), some.url.as_deref()),
            ("Messaging", Some("https://status.example.com/r/"))
        );
        assert!(some.has(Format::Atom) && !some.has(Format::Excel));
        assert_eq!(outputs("formats = []").unwrap().formats.len(), 0);
    }

    #[test]
    fn unknown_formats_and_addresses_are_mistakes() {
        let bad = "title = \"\"\nurl = \"status\"\nformats = [\"html\", \"pdf\", \"html\"]\n";
        assert_eq!(
            outputs(bad),
            Err(["2:9", "3:7", "4:20", "4:27"].map(|at| format!("a.toml:{at}")).to_vec())
        );
    }
}
