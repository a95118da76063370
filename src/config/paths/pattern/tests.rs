//! Tests of path patterns: the meaning of wildcards, hidden names, placeholders.

use super::*;
use proptest::prelude::*;

fn region(pattern: &str, path: &str) -> Option<String> {
    PathPattern::of(pattern).unwrap().captures(path).and_then(|found| found.region)
}

#[test]
fn placeholders_are_read_beside_wildcards_of_every_kind() {
    for (pattern, path) in [
        ("{region}/a.csv", "eu/a.csv"),
        ("**/{region}.csv", "eu.csv"),
        ("**/{region}.csv", "a/b/eu.csv"),
        ("logs [[]x]/{region}/*.csv", "logs [x]/eu/a.csv"),
        ("logs [[]x[]]/{region}/*.csv", "logs [x]/eu/a.csv"),
        ("{region}[[]1[]].csv", "eu[1].csv"),
        ("{region}/node[0-9]-x.csv", "eu/node7-x.csv"),
        ("{region}/[!ab]*.csv", "eu/c.csv"),
        ("{region}/[]a]?.csv", "eu/]7.csv"),
        ("{region}*/a.csv", "eu/a.csv"),
        ("/logs/**/{region}/**/*.csv", "/logs/x/eu/a.csv"),
    ] {
        assert_eq!(region(pattern, path).as_deref(), Some("eu"), "{pattern}");
    }
    let both = PathPattern::of("{region}/{service}_report.log*").unwrap();
    let found = both.captures("eu/api_report.log.gz").unwrap();
    assert_eq!(found, PathCaptures { service: Some("api".into()), region: Some("eu".into()) });
}

#[test]
fn a_pattern_without_meaning_is_an_error() {
    for bad in [
        "{region}/[a",
        "{region}/[a/b]",
        "[{region}]",
        "{region}**",
        "{region}/{region}",
        "a**b",
        "{region}{service}",
    ] {
        assert!(PathPattern::of(bad).is_err(), "{bad}");
    }
    assert_eq!(PathPattern::wildcard("a/**/{region}*{service}/*.csv"), "a/**/*/*.csv");
}

#[test]
fn hidden_names_are_found_only_by_patterns_that_begin_as_they_do() {
    for (pattern, path, is_found) in [
        ("logs/*", "logs/part-0.parquet", true),
        ("logs/*", "logs/_SUCCESS", false),
        ("logs/*", "logs/.part-0.parquet.crc", false),
        ("logs/*", "logs/part-0.parquet.crc", false),
        ("logs/*.csv", "logs/.csv", false),
        ("logs/?metadata", "logs/_metadata", false),
        ("logs/[_]metadata", "logs/_metadata", false),
        ("logs/_meta*", "logs/_metadata", true),
        ("logs/*.crc", "logs/a.crc", true),
        ("logs/{region}.csv", "logs/_eu.csv", false),
        ("logs/**/*.csv", "logs/_temporary/0/a.csv", false),
        ("logs/**/*.csv", "logs/.snapshot/a.csv", false),
        ("logs/*/a.csv", "logs/_old/a.csv", false),
        ("logs/**/*.csv", "logs/_day=20/a.csv", true),
        ("logs/_old/*.csv", "logs/_old/a.csv", true),
        ("logs/**/_old/*.csv", "logs/x/_old/a.csv", true),
        ("../.logs/*.csv", "../.logs/a.csv", true),
    ] {
        let found = PathPattern::of(pattern).unwrap().captures(path);
        assert_eq!(found.is_some(), is_found, "{pattern} and {path}");
    }
    let pattern = PathPattern::of("logs/**/*.csv").unwrap();
    assert!(pattern.may_lie_in("logs") && pattern.may_lie_in("logs/a/b"));
    assert!(!pattern.may_lie_in("logs/_temporary/a") && !pattern.may_lie_in("other"));
}

proptest! {
    #[test]
    fn wildcards_mean_what_they_mean_to_glob(
        pattern in r"([]\[!a-c?*^&~\\.|-]{0,4}(\[!?[]!a-c^&~\\-]{1,4}\])?){1,3}",
        names in prop::collection::vec(r"[]\[!a-c^&~\\.|-]{0,6}", 12),
    ) {
        match (glob::Pattern::new(&pattern), wildcards(&pattern)) {
            (Err(_), ours) => prop_assert!(ours.is_err()),
            // `**` alone is any folders, not a name.
            (Ok(_), Ok(_)) if pattern.contains("**") => {}
            (Ok(theirs), ours) => {
                let ours = Regex::new(&format!("(?s)^{}$", ours.unwrap())).unwrap();
                for name in &names {
                    prop_assert_eq!(ours.is_match(name), theirs.matches(name), "{} and {}", pattern, name);
                }
            }
        }
    }

    #[test]
    fn paths_are_matched_as_glob_matches_them(
        pattern in r"(\*\*/|[ab*?]{1,2}/|\[a-b\]/){0,4}([ab?]{1,2}\*?|\[!a\]b?)",
        paths in prop::collection::vec("([abc]{1,2}/){0,4}[abc]{1,2}", 12),
    ) {
        let theirs = glob::Pattern::new(&pattern);
        prop_assume!(theirs.is_ok());
        let options = glob::MatchOptions { require_literal_separator: true, ..Default::default() };
        for path in &paths {
            let found = PathPattern::of(&pattern).unwrap().captures(path).is_some();
            let wanted = theirs.as_ref().unwrap().matches_with(path, options);
            prop_assert_eq!(found, wanted, "{} and {}", pattern, path);
        }
    }
}
