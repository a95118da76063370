//! Canonical policy: the name of its decisions, whatever the files look like.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::condition::RuleCondition;
use super::{CatalogueEntry, Policy, Reason, Rule, Validity};

/// Prefix of every name; raised when the spelling of an already named value changes.
const VERSION: &str = "rules1";

/// Returns the name of rules, tables and catalogue without `because` and `cites`.
///
/// It is the version of the form and 128 bits of a SHA-256.
///
/// Rules count in their order, because the first match wins; tables and the catalogue do not.
pub(super) fn rules_name(policy: &Policy) -> String {
    let text = json!({
        "rules": policy.rules.iter().map(rule).collect::<Vec<_>>(),
        "clients": sorted(policy.clients.iter().map(|(platform, minimum)| json!([platform, minimum])).collect()),
        "restrictions":
            sorted(policy.restrictions.iter().map(|(area, valid)| json!([area, validity(valid)])).collect()),
        "reasons": sorted(policy.reasons.iter().map(reason).collect()),
        "catalogue": sorted(policy.catalogue.entries().map(entry).collect()),
    })
    .to_string();
    let hex: String = Sha256::digest(text)[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{VERSION}-{hex}")
}

/// Returns the named parts of a policy, of which `rules_name` is one hash.
pub(super) fn parts(policy: &Policy) -> BTreeMap<String, String> {
    let mut parts: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut add = |key: String, value: Value| parts.entry(key).or_default().push(value);
    let order: Vec<&String> = policy.rules.iter().map(|rule| &rule.id).collect();
    add("policy.order".to_owned(), json!(order));
    for one in &policy.rules {
        add(format!("policy.rule.{}", one.id), rule(one));
    }
    for (platform, minimum) in policy.clients.iter() {
        add(format!("policy.client.{platform}"), json!(minimum));
    }
    for (area, valid) in policy.restrictions.iter() {
        add(format!("policy.restriction.{area}"), validity(valid));
    }
    for one in &policy.reasons {
        add(format!("policy.reason.{}", one.id), reason(one));
    }
    for one in policy.catalogue.entries() {
        add(format!("catalogue.{}", one.codes.start()), entry(one));
    }
    parts.into_iter().map(|(key, values)| (key, json!(sorted(values)).to_string())).collect()
}

fn sorted(values: Vec<Value>) -> Vec<Value> {
    let mut values = values;
    values.sort_by_cached_key(Value::to_string);
    values
}

fn rule(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "when": condition(&rule.when),
        "account": rule.account.name(),
        "valid": validity(&rule.validity),
        "review": rule.review.map(|review| review.to_string()),
    })
}

fn condition(condition: &RuleCondition) -> Value {
    let asked = condition.iter().map(|(key, values)| {
        let mut words = values.words.clone();
        words.sort();
        words.dedup();
        let asked =
            json!({ "none": values.none, "any": values.any, "words": words, "ranges": values.ranges });
        (key.name().to_owned(), asked)
    });
    Value::Object(asked.collect())
}

fn validity(validity: &Validity) -> Value {
    json!([validity.from.map(|day| day.to_string()), validity.until.map(|day| day.to_string())])
}

fn reason(reason: &Reason) -> Value {
    json!([reason.id, reason.direction.name(), reason.to.name()])
}

fn entry(entry: &CatalogueEntry) -> Value {
    let CatalogueEntry { codes, subcode, http_status: _, title, family, fault, review, validity: valid } =
        entry;
    // A row for all days keeps the spelling that it had before rows had days.
    if *valid == Validity::default() {
        return json!([codes.start(), codes.end(), subcode, title, family, fault, review]);
    }
    json!([codes.start(), codes.end(), subcode, title, family, fault, review, validity(valid)])
}

#[cfg(test)]
mod tests {
    use crate::document::Document;
    use crate::policy::{BUILT_IN_CATALOGUE, BUILT_IN_POLICY, Policy};

    fn name(policy: &str, catalogue: &str) -> String {
        let (policy, catalogue) = (Document::new("p", policy), Document::new("c", catalogue));
        Policy::read(&policy, &catalogue).unwrap().rules_name().to_owned()
    }

    #[test]
    fn a_comment_a_reason_why_and_a_source_name_no_other_rules() {
        let usual = name(BUILT_IN_POLICY, BUILT_IN_CATALOGUE);
        assert_eq!(usual.len(), "rules1-".len() + 32);
        let argued = BUILT_IN_POLICY
            .replace("because = \"", "because = \"In other words: ")
            .replace("[\"R4\"]", "[\"R6\"]");
        assert_ne!(argued, BUILT_IN_POLICY);
        assert_eq!(name(&format!("# A comment.\n{argued}"), BUILT_IN_CATALOGUE), usual);
    }

    #[test]
    fn the_order_of_tables_means_nothing_and_that_of_rules_counts() {
        let rule = |id: &str, account: &str| {
            format!(
                "[[rule]]\nid = \"{id}\"\nwhen = {{ http_status = [500, 400] }}\naccount = \"{account}\"\nbecause = \"b\"\ncites = [\"R6\"]\n"
            )
        };
        let client = |platform: &str| format!("[[client]]\nplatform = \"{platform}\"\nminimum = \"1.2\"\n");
        let (a, b) = (rule("a", "good"), rule("b", "user:caller"));
        let (c, d) = (client("web"), client("ios"));
        let usual = name(&format!("{a}{b}{c}{d}"), BUILT_IN_CATALOGUE);
        assert_eq!(
            name(&format!("{d}{c}{a}{b}").replace("[500, 400]", "[400, 500]"), BUILT_IN_CATALOGUE),
            usual
        );
        for other in
            [format!("{b}{a}{c}{d}"), format!("{a}{b}{c}"), format!("{a}{b}{c}{d}").replace("1.2", "1.3")]
        {
            assert_ne!(name(&other, BUILT_IN_CATALOGUE), usual, "{other}");
        }
        let fault = BUILT_IN_CATALOGUE.replacen(",caller,", ",platform,", 1);
        assert_ne!(name(&format!("{a}{b}{c}{d}"), &fault), usual);
    }

    /// What is stored must not change with the code: a value of this version, for good.
    #[test]
    fn a_name_stays_what_it_is() {
        let rule = "[[rule]]\nid = \"a\"\nwhen = { http_status = \"500-599\", scope = \"none\" }\naccount = \"good\"\nbecause = \"b\"\ncites = [\"R6\"]\nvalid_from = 2026-01-01\n";
        let catalogue = "code,subcode,http_status,title,family,fault,retryable,review,note,source\n2,,503,t,f,platform,yes,,,\n";
        assert_eq!(name(rule, catalogue), "rules1-78a8fe3cb7044ec523654c42d4bec301");
    }
}
