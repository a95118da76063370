//! Canonical settings: what gives one fingerprint, and what another.

use super::*;
use crate::document::Document;

const USUAL: &str = r#"
[[source]]
name = "edge"
paths = ["logs/{date}.csv", "more/*.csv"]
[source.columns]
http_status = { from = "s", words = { ok = "200", bad = "500" } }
[[source]]
name = "hooks"
log = "webhooks"
paths = ["hooks/{date}.csv"]
[[service]]
name = "messages"
endpoints = ["/{id}/messages", "/v21.0/{phone}/calls"]
[[service]]
name = "media"
endpoints = ["/{id}/media", "/media*"]
"#;

fn read(text: &str, base: &str) -> Config {
    crate::config::config(&Document::new("a.toml", text), Path::new(base)).unwrap()
}

fn reading(text: &str) -> String {
    Canonical::of_reading(&read(text, "/srv/ul")).fingerprint()
}

#[test]
fn what_means_the_same_has_the_same_fingerprint() {
    let usual = reading(USUAL);
    assert_eq!(usual.len(), 34);
    for (from, to) in [
        ("logs/{date}.csv", "./logs/{date}.csv"),
        ("logs/{date}.csv", "logs/old/../{date}.csv"),
        ("logs/{date}.csv", "/srv/ul/logs/{date}.csv"),
        (r#"["logs/{date}.csv", "more/*.csv"]"#, r#"["more/*.csv", "logs/{date}.csv"]"#),
        (r#"{ ok = "200", bad = "500" }"#, r#"{ bad = "500", ok = "200" }"#),
        ("/{id}/messages", "/v19.0/{number}/messages"),
        ("name = \"hooks\"", "name = \"hooks\"\nneighbours = 1"),
        ("name = \"hooks\"", "name = \"hooks\"\nids = \"exact\""),
        ("name = \"edge\"", "name = \"edge\"\nidentity = \"unique\""),
        ("[[source]]\nname = \"edge\"", "slot = \"1m\"\n[[source]]\nname = \"edge\""),
    ] {
        assert!(USUAL.contains(from), "{from}");
        assert_eq!(reading(&USUAL.replacen(from, to, 1)), usual, "{to}");
    }
    assert_eq!(Canonical::of_reading(&read(USUAL, "/elsewhere/ul")).fingerprint(), usual, "a moved folder");
}

#[test]
fn what_ids_say_and_how_they_are_compared_are_settings() {
    let usual = reading(USUAL);
    for to in ["identity = \"client\"", "identity = \"none\"", "ids = \"loose\""] {
        let changed = USUAL.replacen("name = \"edge\"", &format!("name = \"edge\"\n{to}"), 1);
        assert_ne!(reading(&changed), usual, "{to}");
    }
}

#[test]
fn the_order_of_services_counts_where_two_patterns_can_match_one_path() {
    let service =
        |name: &str, pattern: &str| format!("[[service]]\nname = \"{name}\"\nendpoints = [\"{pattern}\"]\n");
    let source = "[[source]]\nname = \"a\"\npaths = [\"a\"]\n";
    for (one, other, is_same) in [
        ("/{id}/messages", "/{id}/media", true),
        ("/{id}/messages", "/{phone}/{kind}", false),
        ("/{id}/messages", "/7/{kind}", false),
        ("/{id}/messages", "/{id}/mess*", false),
        ("/{id}/messages", "/{id}/messages/{x}", true),
        ("/flows/*", "/flows", false),
        ("/flows/a*", "/flows/b*", true),
        ("/flow*", "/{id}", false),
        ("/*", "/7", false),
    ] {
        let (a, b) = (service("a", one), service("b", other));
        let found = reading(&format!("{source}{a}{b}")) == reading(&format!("{source}{b}{a}"));
        assert_eq!(found, is_same, "{one} and {other}");
    }
}

#[test]
fn another_setting_is_named_with_both_values() {
    let before = Canonical::of(&read(USUAL, "/srv/ul"), Some("abc"));
    let after = USUAL.replace("more/*.csv", "*.csv") + "[webhooks]\nretry_days = 3\n";
    let after = after.replace("\"/{id}/media\", ", "");
    let found = Canonical::of_reading(&read(&after, "/srv/ul")).differences(&before);
    let told: Vec<String> = found.iter().map(|d| format!("{} {} {}", d.key, d.old, d.new)).collect();
    let want = [
        r#"service.media.endpoints ["/media*","/{}/media"] ["/media*"]"#,
        r#"source.edge.paths ["logs/{date}.csv","more/*.csv"] ["*.csv","logs/{date}.csv"]"#,
        "webhooks.retry_days 7 3",
    ];
    assert_eq!(told, want);
    let gone = read(&USUAL[..USUAL.find("[[source]]\nname = \"hooks").unwrap()], "/srv/ul");
    let found = Canonical::of_reading(&gone).differences(&before);
    assert!(found.iter().any(|d| d.key == "source.hooks.paths" && d.new.is_empty()), "{found:?}");
}

#[test]
fn settings_survive_the_way_to_json_and_hold_no_secret() {
    let config = read(&format!("salt = \"hush\"\n{USUAL}"), "/srv/ul");
    let settings = Canonical::of(&config, Some("0123"));
    let text = settings.to_json();
    assert_eq!(Canonical::from_json(&text).as_ref(), Ok(&settings));
    assert!(text.contains("fingerprint 0123") && !text.contains("hush"), "{text}");
    assert!(Canonical::from_json("[]").is_err());
}

#[test]
fn numbers_are_written_as_people_write_them() {
    assert_eq!([decimal(500_000, 6), decimal(1_000, 4), decimal(99_900_000, 6)], ["0.5", "0.1", "99.9"]);
    assert_eq!([decimal(7, 6), decimal(0, 6), decimal(1_000_000, 6)], ["0.000007", "0", "1"]);
    assert_eq!(
        [relative(Path::new("/a/b"), "../c.csv"), relative(Path::new(""), "./x/y")],
        ["../c.csv", "x/y"]
    );
}

/// What is stored must not change with the code: a value of this version, for good.
#[test]
fn a_fingerprint_stays_what_it_is() {
    assert_eq!(reading(USUAL), "2-7aff3c390397419275616c57cc526073");
}
