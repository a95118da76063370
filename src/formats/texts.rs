//! Texts: values of a format file that may be blank or empty.

use toml::de::DeValue;

use crate::document::toml::TomlValue;

/// Reads a text that may be blank, such as a separator.
pub(super) fn raw_text(value: &TomlValue<'_>) -> Option<String> {
    match value.raw() {
        DeValue::String(text) if !text.is_empty() => Some(text.to_string()),
        _ => value.text().map(str::to_owned),
    }
}

/// Reads texts of which one may be empty.
pub(super) fn any_texts(value: &TomlValue<'_>) -> Vec<String> {
    let text = |item: TomlValue<'_>| match item.raw() {
        DeValue::String(text) => Some(text.to_string()),
        _ => item.text().map(str::to_owned),
    };
    value.items().into_iter().filter_map(text).collect()
}
