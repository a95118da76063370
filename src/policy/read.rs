//! Reader of `policy.toml`: rules, client versions, restrictions and reasons, with every mistake.

use super::cells::{account, cites, id};
use super::clients::{self, Clients};
use super::condition::RuleCondition;
use super::reason::{self, Reason};
use super::restrictions::{self, Restrictions};
use super::rule::{Review, Rule};
use super::validity::Validity;
use crate::document::toml::{MistakeNotes, TomlTable};
use crate::document::{Document, Mistake};

pub(super) const TOP: [&str; 4] = ["rule", "client", "restriction", "reason"];
pub(super) const RULE: [&str; 8] =
    ["id", "when", "account", "because", "cites", "valid_from", "valid_until", "review"];
const REVIEWS: [(&str, Review); 2] = [("R8", Review::Authorization), ("R9", Review::Validation)];

/// The tables of a policy file.
#[derive(Debug, Default)]
pub struct PolicyTables {
    pub rules: Vec<Rule>,
    pub clients: Clients,
    pub restrictions: Restrictions,
    pub reasons: Vec<Reason>,
}

/// Reads the tables of a policy file, and every mistake in it.
pub fn tables(document: &Document) -> (PolicyTables, Vec<Mistake>) {
    let notes = MistakeNotes::new(document);
    let root = notes.parse();
    let top = TomlTable::open(&notes, root.get_ref(), root.span(), "the top level", &TOP);
    let list = |key: &str, title, keys: &[&'static str]| {
        top.get(key).map(|value| value.tables(title, keys)).unwrap_or_default()
    };
    if notes.is_whole() && top.get("rule").is_none_or(|value| value.items().is_empty()) {
        let help = "write [[rule]] tables; the policy that comes with the program is a start";
        top.wrong("the policy has no rule", "nothing could be booked", help);
    }
    let tables = PolicyTables {
        rules: rules(&list("rule", "[[rule]]", &RULE)),
        clients: Clients::read(&list("client", "[[client]]", &clients::KEYS)),
        restrictions: Restrictions::read(&list("restriction", "[[restriction]]", &restrictions::KEYS)),
        reasons: reason::read(&list("reason", "[[reason]]", &reason::KEYS)),
    };
    (tables, notes.into_mistakes())
}

fn rules(tables: &[TomlTable<'_>]) -> Vec<Rule> {
    let mut ids: Vec<&str> = Vec::new();
    tables.iter().filter_map(|table| rule(table, &mut ids)).collect()
}

fn rule<'t>(table: &TomlTable<'t>, ids: &mut Vec<&'t str>) -> Option<Rule> {
    let id = table
        .need("id", "\"what-it-books\"")
        .and_then(|value| Some((id(&value, "rule", ids)?, value.span())));
    let when = table.need("when", "{ ... }").map(|value| RuleCondition::read(&value));
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

#[cfg(test)]
mod tests {
    use super::super::cells::is_source;
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
