//! Formats of other programs, as a `[[source]]` names them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use sha2::{Digest, Sha256};

use super::{Field, FormatChoice, Identity, Log};
use crate::document::Document;
use crate::document::spelling::advice;
use crate::document::toml::{TomlTable, TomlValue};
use crate::formats::{self, BUILTIN, ENVELOPES, FormatFile};

/// Presets that are no format files.
const OTHERS: [&str; 4] = ["canonical", "combined", "nginx-json", "whatsapp-webhook"];
/// Limit on bytes of a format file.
const MOST_BYTES: u64 = 1 << 20;

/// The built-in formats, each read once.
static FILES: LazyLock<Vec<(Arc<str>, Arc<FormatFile>)>> = LazyLock::new(|| {
    let read = |(name, text): &(&str, &str)| {
        let file = formats::format(&Document::new(format!("{name}.toml"), *text)).ok()?;
        Some((Arc::from(*text), Arc::new(file)))
    };
    BUILTIN.iter().filter_map(read).collect()
});

impl FormatChoice {
    /// Returns a built-in format as it is.
    pub fn builtin(name: &str) -> Option<Self> {
        let (text, file) = FILES.iter().find(|(_, file)| file.name == name)?;
        Some(Self {
            name: name.to_owned(),
            text: text.clone(),
            file: file.clone(),
            log_format: None,
            columns: Vec::new(),
        })
    }

    /// Returns all built-in formats, by name.
    pub fn all() -> impl Iterator<Item = Self> {
        BUILTIN.iter().filter_map(|(name, _)| Self::builtin(name))
    }

    /// Returns a format that is read from a document.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn of_document(name: &str, document: &Document) -> Result<Self, crate::document::Mistakes> {
        let file = formats::format(document).map_err(crate::document::Mistakes)?;
        Ok(Self {
            name: name.to_owned(),
            text: Arc::from(document.text()),
            file: Arc::new(file),
            log_format: None,
            columns: Vec::new(),
        })
    }

    /// Returns the fields with those of the config laid over them.
    pub fn fields(&self) -> Vec<(Field, Vec<formats::Expression>)> {
        let mut fields = self.file.fields.clone();
        for (field, read) in &self.columns {
            fields.retain(|(known, _)| known != field);
            fields.extend(read.clone().map(|read| (*field, read)));
        }
        fields
    }

    /// Returns the meaning of the format by key, with the columns of the config in it.
    ///
    /// The envelopes are part of it, because lines are looked for in them.
    pub fn parts(&self) -> BTreeMap<String, serde_json::Value> {
        let mut parts = self.file.parts(&self.fields());
        let envelopes: String =
            Sha256::digest(ENVELOPES)[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        parts.insert("envelopes".to_owned(), serde_json::Value::String(envelopes));
        parts
    }

    /// Returns what the ids of calls say: of ids that a client can set, rows with one instant too.
    pub fn identity(&self) -> Identity {
        let fields = self.fields();
        let ids = fields.iter().filter(|(field, _)| *field == Field::RequestId);
        let mut told = ids.flat_map(|(_, read)| read).filter_map(|one| one.identity);
        told.find(|identity| *identity != Identity::Unique).unwrap_or_default()
    }
}

/// Returns whether the word of a preset is the path of a format file.
pub fn is_format_file(word: &str) -> bool {
    Path::new(word).extension().is_some_and(|ending| ending == "toml")
}

/// Reads a built-in format or a format file; a mistake is noted.
pub fn read(value: &TomlValue<'_>, word: &str, base: &Path) -> Option<FormatChoice> {
    if !is_format_file(word) {
        let format = FormatChoice::builtin(word);
        if format.is_none() {
            let names: Vec<&str> = OTHERS.into_iter().chain(BUILTIN.map(|(name, _)| name)).collect();
            let help = format!("{}, or the path of a format file that ends in .toml", advice(word, names));
            value.wrong(format!("`{word}` is not a preset"), "not one of the formats", help);
        }
        return format;
    }
    let document = match Document::read(&base.join(word), MOST_BYTES) {
        Ok(document) => document,
        Err(error) => {
            let help = "name a file relative to the config, for example one that \
                        `uptime-ledger formats show nginx > my.toml` wrote";
            value.wrong(format!("`{word}` cannot be read: {error}"), "no such format file", help);
            return None;
        }
    };
    match FormatChoice::of_document(word, &document) {
        Ok(format) => Some(format),
        Err(mistakes) => {
            value.notes().adopt(value.span().start, mistakes.0);
            None
        }
    }
}

/// Returns a name that `only` asks for and a pasted layout lacks.
fn lacking(format: &FormatChoice) -> Option<String> {
    let (template, only) = (format.log_format.as_ref()?, format.file.only.as_ref()?);
    let (pieces, _) = formats::pieces(template, format.file.program);
    let is_there = |name: &str| {
        let made_of = format.file.made_of(name);
        name == "line" || made_of.iter().any(|raw| pieces.iter().any(|piece| piece.name == *raw))
    };
    only.when.names().find(|name| !is_there(name)).map(str::to_owned)
}

/// Reads what a source says in addition to the name of its format.
pub fn of_source(table: &TomlTable<'_>, format: &mut FormatChoice) {
    let log = format.file.log;
    if let Some(value) = table.get("log_format") {
        format.log_format = formats::template_text(&value, format.file.program);
    }
    if let (Some(value), Some(name)) = (table.get("log_format"), lacking(format)) {
        let why = "every row would be no call";
        let message = format!("`only` of the format asks for `{name}`, which this `log_format` lacks");
        value.wrong(message, why, "add it to the log_format, or read the log by a format without `only`");
    }
    if let Some(columns) = table.get("columns").and_then(|value| value.map("[source.columns]")) {
        format.columns = formats::columns(&columns, log);
    }
    for key in ["time_basis", "header", "delimiter"] {
        if let Some(value) = table.get(key) {
            let help = match key {
                "time_basis" => "remove it; a column can have it: ts = { from = \"name\", basis = \"end\" }",
                _ => "remove it; the format says how its lines are cut",
            };
            value.wrong(format!("`{key}` is not for formats of programs"), "the format says it", help);
        }
    }
    if log == Log::Webhooks && format.log_format.is_some() {
        table.wrong("`log_format` is for request logs", "this format reads webhooks", "remove it");
    }
}
