//! Cells: values that several tables of a policy share, read with their mistakes.

use toml::de::DeValue;

use super::{Account, NO_RULE};
use crate::document::spelling::advice;
use crate::document::toml::TomlValue;

/// Rules of the platform, R1 to R20, and rules of this product, H1 to H7, as in data/policy.md.
const LAST_SOURCE_RULE: u32 = 20;
const LAST_HOUSE_RULE: u32 = 7;
/// Policies of version 0.1.0 cited sections of a design document; their ledgers must stay readable.
const LANDED_SECTIONS: (&str, u32) = ("DESIGN ", 12);

/// Reads a kebab-case id; `what` is the thing it names, `ids` are the taken ids.
pub fn id<'t>(value: &TomlValue<'t>, what: &str, ids: &mut Vec<&'t str>) -> Option<&'t str> {
    let id = value.text()?;
    let is_kebab = id
        .split('-')
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
    if !is_kebab {
        let help = "write it in kebab-case, for example \"caller-network-down\"";
        value.wrong(
            format!("`{id}` is not a {what} id"),
            "small letters, digits and single hyphens only",
            help,
        );
    } else if id == NO_RULE {
        let message = format!("`{id}` stands for events that no rule matched");
        value.wrong(message, "reserved", "choose another id");
    } else if ids.contains(&id) {
        let help = format!("ids stand in reports and overrides: give each {what} its own");
        value.wrong(format!("the id `{id}` is taken"), "used a second time", help);
    }
    ids.push(id);
    Some(id)
}

/// Reads the name of an account.
pub fn account(value: &TomlValue<'_>) -> Option<Account> {
    let text = value.text()?;
    let account = text.parse().ok();
    if account.is_none() {
        let help = advice(text, Account::ALL.iter().map(|account| account.name()));
        value.wrong(format!("`{text}` is not an account"), "unknown account", help);
    }
    account
}

/// Reads the sources of a rule or reason.
pub fn cites(value: &TomlValue<'_>) -> Vec<String> {
    if matches!(value.raw(), DeValue::Array(items) if items.is_empty()) {
        value.wrong("`cites` is empty", "no source", "name what the rule rests on, for example [\"R6\"]");
    }
    let mut cites = Vec::new();
    for (text, value) in value.texts() {
        if is_source(text) {
            cites.push(text.to_owned());
        } else {
            let help = format!(
                "write R1 to R{LAST_SOURCE_RULE}, or H1 to H{LAST_HOUSE_RULE}; data/policy.md lists them"
            );
            value.wrong(format!("`{text}` is not a source"), "nothing to look up", help);
        }
    }
    cites
}

/// True for `R1` to `R20`, `H1` to `H7` and the sections that version 0.1.0 cited.
pub fn is_source(text: &str) -> bool {
    let within = |number: &str, last| {
        !number.starts_with(['0', '+'])
            && number.parse().is_ok_and(|number: u32| number >= 1 && number <= last)
    };
    let known = [("R", LAST_SOURCE_RULE), ("H", LAST_HOUSE_RULE), LANDED_SECTIONS];
    known.iter().any(|(prefix, last)| text.strip_prefix(prefix).is_some_and(|number| within(number, *last)))
}
