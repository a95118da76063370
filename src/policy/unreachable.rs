//! Unreachable rules: shadowed by an earlier rule, or with a condition that no kind satisfies.
//!
//! Only certain cases are reported: a rule shadowed by several earlier rules together is not found.

use std::collections::BTreeSet;

use super::Policy;
use super::condition::{ConditionKey, RuleCondition, Values};
use super::rule::Rule;
use crate::document::Mistake;

/// Longest range of codes that is looked up code by code.
const MOST_CODES: i64 = 1_000;

/// Returns a warning for each rule that can never decide, and for unknown codes and families.
pub fn warnings(policy: &Policy) -> Vec<Mistake> {
    let mut found = Vec::new();
    for (at, rule) in policy.rules.iter().enumerate() {
        let mut warn = |message: String, label: &str, help: String| {
            found.push(policy.document.mistake(rule.place.clone(), message, label, help));
        };
        let id = &rule.id;
        if rule.validity.is_empty() {
            let help = "valid_from must be before valid_until, which is the first day without the rule";
            warn(format!("rule `{id}` is valid on no day"), "never valid", help.to_owned());
            continue;
        }
        if let Some(why) = contradiction(&rule.when, policy) {
            warn(format!("rule `{id}` can never match"), "never matches", why);
            continue;
        }
        for code in strange_codes(&rule.when, policy) {
            let help = format!("correct the code, or add a row for {code} to the catalogue");
            warn(format!("rule `{id}` names code {code}, which is not in the catalogue"), "not known", help);
        }
        for family in strange_families(&rule.when, policy) {
            let help = crate::document::spelling::advice(family, policy.catalogue.families());
            warn(format!("rule `{id}` names family `{family}`, which no code has"), "not known", help);
        }
        if let Some(earlier) = policy.rules[..at].iter().find(|earlier| shadows(earlier, rule, policy)) {
            let help = format!(
                "`{}` comes first and takes all of it: move `{id}` before it, or remove one",
                earlier.id
            );
            warn(format!("rule `{id}` never decides"), "shadowed by an earlier rule", help);
        }
    }
    found
}

/// True if `earlier` matches whenever `later` does: each key of it accepts at least as much.
fn shadows(earlier: &Rule, later: &Rule, policy: &Policy) -> bool {
    earlier.validity.covers(&later.validity)
        && earlier.when.iter().all(|(key, values)| {
            values.is_everything(key)
                || later.when.get(key).is_some_and(|asked| values.cover(asked))
                || implied(key, &later.when, policy).is_some_and(|implied| values.cover(&implied))
        })
}

/// Returns a correction if no kind satisfies the condition.
///
/// No kind does if the condition asks for a fault, family or review that the catalogue does not
/// have for its codes.
fn contradiction(when: &RuleCondition, policy: &Policy) -> Option<String> {
    [ConditionKey::Fault, ConditionKey::Family, ConditionKey::Review].into_iter().find_map(|key| {
        let (asked, implied) = (when.get(key)?, implied(key, when, policy)?);
        let name = key.name();
        let words = || {
            let none = implied.none.then(|| "none".to_owned());
            none.into_iter().chain(implied.words.iter().cloned()).collect::<Vec<_>>().join(", ")
        };
        let says = if implied.any { "something".to_owned() } else { words() };
        let help = format!("`{name}` of these codes is {says}: correct `{name}` or `error_code`");
        asked.exclude(&implied).then_some(help)
    })
}

/// Returns all values that a key of the catalogue can have, given the codes of the condition.
fn implied(key: ConditionKey, when: &RuleCondition, policy: &Policy) -> Option<Values> {
    if !matches!(key, ConditionKey::Fault | ConditionKey::Family | ConditionKey::Review) {
        return None;
    }
    let codes = when.get(ConditionKey::ErrorCode)?;
    let mut implied = Values { none: codes.none, ..Values::default() };
    if codes.any {
        implied.any = true;
        // A code outside the catalogue has a fault, `unknown`, but neither family nor review.
        implied.none |= key != ConditionKey::Fault;
        return Some(implied);
    }
    let mut words = BTreeSet::new();
    for code in each(codes)? {
        // A code without a row of its own is unknown, unless its subcode has a row.
        let has_row = policy.catalogue.is_always_known(code);
        let unknown = (!has_row).then_some(if key == ConditionKey::Fault { "unknown" } else { "" });
        let entries = policy.catalogue.entries_of(code).map(|entry| match key {
            ConditionKey::Fault => entry.fault.as_str(),
            ConditionKey::Family => entry.family.as_str(),
            _ => entry.review.as_str(),
        });
        words.extend(entries.chain(unknown));
    }
    implied.none |= words.remove("");
    implied.words = words.into_iter().map(str::to_owned).collect();
    Some(implied)
}

fn each(codes: &Values) -> Option<impl Iterator<Item = i64>> {
    let is_short = codes.ranges.iter().all(|(first, last)| last.saturating_sub(*first) < MOST_CODES);
    is_short.then(|| codes.ranges.iter().flat_map(|(first, last)| *first..=*last))
}

/// Returns single codes that are not in the catalogue; ranges may have gaps.
fn strange_codes(when: &RuleCondition, policy: &Policy) -> Vec<i64> {
    let asks_for_unknown =
        when.get(ConditionKey::Fault).is_some_and(|f| f.words.iter().any(|word| word == "unknown"));
    let ranges = when.get(ConditionKey::ErrorCode).map(|codes| codes.ranges.as_slice()).unwrap_or_default();
    let single = ranges.iter().filter(|(first, last)| first == last).map(|(code, _)| *code);
    single.filter(|code| !asks_for_unknown && policy.catalogue.entries_of(*code).next().is_none()).collect()
}

fn strange_families<'a>(when: &'a RuleCondition, policy: &Policy) -> Vec<&'a str> {
    let known = policy.catalogue.families();
    let asked = when.get(ConditionKey::Family).map(|families| families.words.as_slice()).unwrap_or_default();
    asked.iter().map(String::as_str).filter(|family| !known.contains(family)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;
    use crate::policy::BUILT_IN_CATALOGUE;

    fn warnings_of(rules: &[&str]) -> Vec<String> {
        let rule = |(at, rest): (usize, &&str)| {
            format!(
                "[[rule]]\nid = \"rule-{at}\"\naccount = \"good\"\nbecause = \"b\"\ncites = [\"R6\"]\n{rest}\n"
            )
        };
        let text: String = rules.iter().enumerate().map(rule).collect();
        let (policy, catalogue) = (Document::new("p", text), Document::new("c", BUILT_IN_CATALOGUE));
        let policy = Policy::read(&policy, &catalogue).unwrap();
        policy.warnings().iter().map(|w| w.to_string().split(": ").skip(1).collect()).collect()
    }

    #[test]
    fn the_built_in_policy_has_no_warnings() {
        let policy = Policy::built_in();
        assert_eq!(
            policy.warnings().iter().map(Mistake::to_string).collect::<Vec<_>>(),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_wider_rule_shadows_a_narrower_one() {
        let narrow = "when = { http_status = [500, 503], reached = \"yes\" }";
        let wide = "when = { http_status = \"500-599\", reached = [\"yes\", \"no\", \"unknown\"] }";
        assert_eq!(warnings_of(&[wide, narrow]), ["rule `rule-1` never decides"]);
        assert_eq!(warnings_of(&[narrow, wide]), Vec::<String>::new());
    }

    #[test]
    fn a_shadow_needs_every_key_and_every_day() {
        let wide = "when = { http_status = \"500-599\", symptom = \"none\" }";
        let narrow = "when = { http_status = 500 }";
        assert_eq!(warnings_of(&[wide, narrow]), Vec::<String>::new());
        let always = "when = { reached = \"no\" }";
        let dated = "when = { reached = \"no\" }\nvalid_from = 2026-01-01";
        assert_eq!(warnings_of(&[dated, always]), Vec::<String>::new());
        assert_eq!(warnings_of(&[always, dated]), ["rule `rule-1` never decides"]);
    }

    #[test]
    fn the_catalogue_tells_what_a_code_implies() {
        let by_fault = "when = { fault = \"platform\" }";
        assert_eq!(warnings_of(&[by_fault, "when = { error_code = 2 }"]), ["rule `rule-1` never decides"]);
        // Code 100 has a subcode that is the platform's fault, and rows that are not.
        assert_eq!(warnings_of(&[by_fault, "when = { error_code = 100 }"]), Vec::<String>::new());
        assert_eq!(warnings_of(&["when = { error_code = 100, fault = \"platform\" }"]), Vec::<String>::new());
    }

    #[test]
    fn contradictions_never_match() {
        for rule in [
            "when = { error_code = 2, fault = \"none\" }",
            "when = { error_code = 2, fault = \"caller\" }",
            "when = { error_code = \"none\", family = \"authorization\" }",
            "when = { error_code = \"any\", fault = \"none\" }",
            "when = { error_code = 4711, fault = \"platform\" }",
        ] {
            assert_eq!(warnings_of(&[rule]), ["rule `rule-0` can never match"], "{rule}");
        }
        for rule in [
            "when = { error_code = \"any\", family = \"none\" }",
            "when = { error_code = 4711, fault = \"unknown\" }",
            "when = { error_code = [2, \"none\"], fault = \"none\" }",
            "when = { error_code = \"200-299\", family = \"authorization\" }",
        ] {
            assert_eq!(warnings_of(&[rule]), Vec::<String>::new(), "{rule}");
        }
    }

    #[test]
    fn strange_names_and_empty_validities_are_told() {
        assert_eq!(
            warnings_of(&["when = { error_code = [2, 4711] }", "when = { family = \"authorisation\" }"]),
            [
                "rule `rule-0` names code 4711, which is not in the catalogue",
                "rule `rule-1` names family `authorisation`, which no code has"
            ]
        );
        let never = "when = { reached = \"no\" }\nvalid_from = 2026-01-02\nvalid_until = 2026-01-02";
        assert_eq!(warnings_of(&[never]), ["rule `rule-0` is valid on no day"]);
    }

    /// Tries every pair of a list of conditions on every kind of the table test.
    ///
    /// A rule called shadowed is shadowed, and a rule that can never match never matches.
    #[test]
    fn no_warning_is_false() {
        let conditions = [
            "",
            "fault = \"platform\"",
            "fault = \"any\"",
            "fault = \"none\"",
            "fault = [\"caller\", \"unknown\"]",
            "fault = [\"platform\", \"caller\", \"throttling\", \"recipient\", \"policy\", \"ambiguous\", \"unknown\"]",
            "error_code = 2",
            "error_code = [2, 131016]",
            "error_code = 100",
            "error_code = \"200-299\"",
            "error_code = \"any\"",
            "error_code = \"none\"",
            "error_code = [100, \"none\"]",
            "error_code = 4711",
            "error_code = 100, fault = \"platform\"",
            "error_code = 2, fault = \"caller\"",
            "error_code = 100, error_subcode = \"none\"",
            "family = \"authorization\"",
            "family = \"any\"",
            "family = \"none\"",
            "review = \"validation\"",
            "review = \"none\"",
            "error_code = \"any\", review = \"none\"",
            "http_status = \"500-599\"",
            "http_status = [500, 503]",
            "http_status = \"any\"",
            "http_status = \"none\"",
            "reached = [\"yes\", \"no\", \"unknown\"]",
            "reached = \"yes\"",
            "is_transient = true",
            "is_transient = [true, false, \"none\"]",
            "scope = [\"any\", \"none\"]",
            "scope = \"test\"",
            "recipient = \"restricted\"",
            "client = \"below_minimum\", fault = \"recipient\"",
            "stream = \"message\"",
            "stream = \"message\", outcome = [\"sent\", \"delivered\"]",
            "outcome = \"delivered\"",
            "outcome = \"none\", timing = \"none\"",
            "timing = [\"none\", \"in_time\", \"late\", \"overdue\", \"open\", \"stopped\", \"unseen\"]",
        ];
        let rule = |(at, when): (usize, &&str)| {
            format!(
                "[[rule]]\nid = \"rule-{at}\"\naccount = \"good\"\nbecause = \"b\"\ncites = [\"R6\"]\nwhen = {{ {when} }}\n"
            )
        };
        let text: String = conditions.iter().enumerate().map(rule).collect();
        let tables: String = crate::policy::BUILT_IN_POLICY
            .split("[[client]]")
            .skip(1)
            .map(|t| format!("[[client]]{t}"))
            .collect();
        let document = Document::new("p", text + &tables);
        let policy = Policy::read(&document, &Document::new("c", BUILT_IN_CATALOGUE)).unwrap();

        let day = "2026-11-20".parse().unwrap();
        let kinds: Vec<_> =
            crate::policy::tests::cases().into_iter().flat_map(|(_, _, kinds)| kinds).collect();
        let seen: Vec<_> =
            kinds.iter().map(|kind| crate::policy::attributes::attributes(kind, day, &policy)).collect();
        let mut shadowed = 0;
        for later in &policy.rules {
            let never = contradiction(&later.when, &policy).is_some();
            assert!(!never || !seen.iter().any(|seen| later.when.holds(seen)), "{}", later.id);
            for earlier in &policy.rules {
                if shadows(earlier, later, &policy) {
                    shadowed += 1;
                    let escapes = seen.iter().any(|seen| later.when.holds(seen) && !earlier.when.holds(seen));
                    assert!(!escapes, "{} does not shadow {}", earlier.id, later.id);
                }
            }
        }
        assert!(shadowed > 200, "{shadowed} pairs");
    }
}
