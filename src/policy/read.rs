//! Reading `policy.toml`: rules, client versions, restrictions and reasons out, with every mistake.

use toml::de::DeValue;

use crate::document::spelling::advice;
use crate::document::toml::{Notes, Table, Value};
use crate::error::{Document, Mistake};
use super::clients::{self, Clients};
use super::condition::Condition;
use super::reason::{self, Reason};
use super::restrictions::{self, Restrictions};
use super::rule::{Review, Rule, Validity};
use super::{Account, NO_RULE};

pub(super) const TOP: [&str; 4] = ["rule", "client", "restriction", "reason"];
pub(super) const RULE: [&str; 8] =
    ["id", "when", "account", "because", "cites", "valid_from", "valid_until", "review"];
const REVIEWS: [(&str, Review); 2] = [("R8", Review::Authorization), ("R9", Review::Validation)];
/// Rules that the platform documents, R1 to R20, and rules of this house, H1 to H7: listed in data/policy.md.
const LAST_SOURCE_RULE: u32 = 20;
const LAST_HOUSE_RULE: u32 = 7;
/// Policies of version 0.1.0 cited sections of its design; they are read as long as their ledgers are.
const LANDED_SECTIONS: (&str, u32) = ("DESIGN ", 12);

/// What a policy file holds.
#[derive(Debug, Default)]
pub struct Tables {
    pub rules: Vec<Rule>,
    pub clients: Clients,
    pub restrictions: Restrictions,
    pub reasons: Vec<Reason>,
}

pub fn tables(document: &Document) -> (Tables, Vec<Mistake>) {
    let notes = Notes::new(document);
    let root = notes.parse();
    let top = Table::open(&notes, root.get_ref(), root.span(), "the top level", &TOP);
    let list = |key: &str, title, keys: &[&'static str]| {
        top.get(key).map(|value| value.tables(title, keys)).unwrap_or_default()
    };
    if notes.is_whole() && top.get("rule").is_none_or(|value| value.items().is_empty()) {
        let help = "write [[rule]] tables; the policy that comes with the program is a start";
        top.wrong("the policy has no rule", "nothing could be booked", help);
    }
    let tables = Tables {
        rules: rules(&list("rule", "[[rule]]", &RULE)),
        clients: Clients::read(&list("client", "[[client]]", &clients::KEYS)),
        restrictions: Restrictions::read(&list("restriction", "[[restriction]]", &restrictions::KEYS)),
        reasons: reason::read(&list("reason", "[[reason]]", &reason::KEYS)),
    };
    (tables, notes.into_mistakes())
}

fn rules(tables: &[Table<'_>]) -> Vec<Rule> {
    let mut ids: Vec<&str> = Vec::new();
    tables.iter().filter_map(|table| rule(table, &mut ids)).collect()
}

fn rule<'t>(table: &Table<'t>, ids: &mut Vec<&'t str>) -> Option<Rule> {
    let id = table
        .need("id", "\"what-it-books\"")
        .and_then(|value| Some((id(&value, "rule", ids)?, value.span())));
    let when = table.need("when", "{ ... }").map(|value| Condition::read(&value));
    let account = table.need("account", "\"user:caller\"").and_then(|value| account(&value));
    let because = table.need("because", "\"...\"").and_then(|value| value.text());
    let cites = table.need("cites", "[\"R6\"]").map(|value| cites(&value));
    let validity = Validity::read(table);
    let review = table.get("review").and_then(|value| value.choice(&REVIEWS));
    let (id, place) = id?;
    Some(Rule {
        id: id.to_owned(),
        account: account?,
        because: because?.to_owned(),
        cites: cites?,
        validity,
        review,
        when: when?,
        place,
    })
}

/// A kebab-case id; `what` it names, and the ids that are taken.
pub(super) fn id<'t>(value: &Value<'t>, what: &str, ids: &mut Vec<&'t str>) -> Option<&'t str> {
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

pub(super) fn account(value: &Value<'_>) -> Option<Account> {
    let text = value.text()?;
    let account = text.parse().ok();
    if account.is_none() {
        let help = advice(text, Account::ALL.iter().map(|account| account.name()));
        value.wrong(format!("`{text}` is not an account"), "unknown account", help);
    }
    account
}

pub(super) fn cites(value: &Value<'_>) -> Vec<String> {
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

fn is_source(text: &str) -> bool {
    let within = |number: &str, last| {
        !number.starts_with(['0', '+'])
            && number.parse().is_ok_and(|number: u32| number >= 1 && number <= last)
    };
    let known = [("R", LAST_SOURCE_RULE), ("H", LAST_HOUSE_RULE), LANDED_SECTIONS];
    known.iter().any(|(prefix, last)| text.strip_prefix(prefix).is_some_and(|number| within(number, *last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_rules_of_the_platform_or_of_the_house() {
        assert!(["R1", "R20", "H1", "H7", "DESIGN 4"].into_iter().all(is_source));
        assert!(
            !["R0", "R21", "R", "R04", "r6", "H0", "H8", "DESIGN", "DESIGN 13", "6"]
                .into_iter()
                .any(is_source)
        );
    }

    #[test]
    fn all_mistakes_of_a_rule_are_told() {
        let text = "[[rule]]\nid = \"Bad Id\"\nwhen = { http_status = \"5xx\", vantage = \"edge\" }\naccount = \"bad\"\n";
        let (_, mistakes) = tables(&Document::new("p", text));
        let places: Vec<_> = mistakes.iter().map(Mistake::place).collect();
        assert_eq!(places, ["p:1:1", "p:1:1", "p:2:6", "p:3:24", "p:3:41", "p:4:11"]);
    }
}
