//! Tidy: documents that must match the code. `sources`: the rules that the sources keep.
//! `supply`: what the program is made of.

mod sources;
mod supply;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use uptime_ledger::attention::AttentionKind;
use uptime_ledger::config::{self, Field};
use uptime_ledger::overrides;
use uptime_ledger::policy::{self, Account};
use uptime_ledger::report;

/// `BLESS=1 cargo test --test main tidy` rewrites the column tables; the prose around them is ours.
#[test]
fn the_dictionary_of_reports_matches_their_schemas() {
    const OPEN: &str = "<!-- columns of ";
    const CLOSE: &str = "<!-- end of columns -->";
    let mut schema = BTreeMap::from_iter(report::schema());
    for (path, found) in pages().into_iter().filter(|(path, _)| path.starts_with("reports/")) {
        let mut want = found.clone();
        let places = found.split(OPEN).skip(1).map(|rest| rest.split(" -->").next().unwrap_or_default());
        for place in places {
            let spec = schema.remove(place);
            let spec = spec.unwrap_or_else(|| panic!("{path}: no table `{place}`, or a second time"));
            let open = format!("{OPEN}{place} -->\n");
            let start = want.find(&open).expect("it was found before") + open.len();
            let end = start + want[start..].find(CLOSE).expect("an end after each begin");
            let mut table =
                format!("A row is: {}.\n\n| column | type | meaning |\n| --- | --- | --- |\n", spec.row);
            for column in spec.columns {
                assert!(!column.doc.is_empty(), "{place}.{} says nothing", column.name);
                writeln!(table, "| `{}` | {} | {} |", column.name, column.kind.name(), column.doc).unwrap();
            }
            want.replace_range(start..end, &table);
        }
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(root().join(&path), &want).unwrap();
        } else {
            assert_eq!(found, want, "{path} is not what the code writes; run again with BLESS=1");
        }
    }
    assert!(schema.is_empty(), "no page of reports/ has the columns of {:?}", schema.keys());
}

#[test]
fn the_schema_of_the_status_is_the_one_that_is_written() {
    let path = root().join("reports/status.schema.json");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, report::status_schema()).unwrap();
    } else {
        let found = std::fs::read_to_string(&path).unwrap();
        assert_eq!(found, report::status_schema(), "it is not what the code writes; run again with BLESS=1");
    }
}

/// Every field, key, account, column and refusal is named (in backticks) by the page where it belongs.
#[test]
fn the_dictionary_of_data_names_every_key() {
    let refusals = std::fs::read_to_string(root().join("src/overrides/refusal.rs")).unwrap();
    let refusals = refusals.split("fn name(").nth(1).unwrap().split("    }\n\n").next().unwrap();
    let refusals: Vec<&str> = refusals.split('"').skip(1).step_by(2).collect();
    assert_eq!(refusals.len(), 8, "{refusals:?}");
    let accounts: Vec<&str> = Account::ALL.iter().map(|a| a.name()).collect();
    let config: Vec<&str> = config::KEYS.iter().flat_map(|(_, keys)| keys.to_vec()).collect();
    let (of_catalogue, of_policy): (Vec<_>, Vec<_>) =
        policy::KEYS.iter().partition(|(name, _)| *name == "the catalogue");
    let keys_of = |tables: Vec<&(&str, &[&'static str])>| -> Vec<&str> {
        tables.into_iter().flat_map(|(_, keys)| keys.to_vec()).collect()
    };
    let (of_catalogue, of_policy) = (keys_of(of_catalogue), keys_of(of_policy));
    let fields: Vec<&str> = Field::ALL.iter().flat_map(|f| [f.name(), f.column()]).collect();
    let pages = [
        ("data/logs.md", fields),
        ("data/config.md", config),
        ("data/policy.md", [of_policy, accounts].concat()),
        ("data/catalogue.md", of_catalogue),
        ("data/overrides.md", [overrides::COLUMNS.to_vec(), refusals].concat()),
    ];
    for (page, words) in pages {
        let text = read(page);
        let known = words_in_backticks(&text);
        for word in words {
            assert!(known.contains(word), "{page} does not say what `{word}` is");
        }
    }
}

#[test]
fn what_rules_cite_is_explained() {
    let (policy, page) = (read("data/policy.toml"), read("data/policy.md"));
    let known = words_in_backticks(&page);
    let cited = policy.lines().filter_map(|line| line.strip_prefix("cites = "));
    let cited: BTreeSet<&str> = cited.flat_map(|list| list.split('"').skip(1).step_by(2)).collect();
    assert!(cited.len() > 10, "{cited:?}");
    for source in cited {
        assert!(known.contains(source), "data/policy.md does not say what `{source}` is");
    }
}

#[test]
fn every_attention_has_an_entry_in_the_runbook() {
    let pages = ["runbook.md", "runbook-rows.md", "runbook-books.md"];
    let runbook: String = pages.iter().map(|page| read(&format!("reports/{page}"))).collect();
    let entries: Vec<&str> = runbook.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let kinds = AttentionKind::ALL.map(AttentionKind::name);
    assert_eq!(
        entries, kinds,
        "the pages of reports/runbook.md have one heading for each kind of attention, in their order"
    );
}

/// Every example of a config in the documents is one that `check` lets pass; that of data/example.md has every key.
#[test]
fn configs_in_documents_pass_check() {
    let mut checked = Vec::new();
    for (path, text) in pages() {
        let blocks = text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
        for block in blocks.filter(|block| block.contains("[[source]]")) {
            let place = tempfile::tempdir().unwrap();
            for name in ["policy.toml", "error_catalog.csv", "overrides.csv"] {
                std::fs::copy(root().join("data").join(name), place.path().join(name)).unwrap();
            }
            let config = place.path().join("uptime-ledger.toml");
            std::fs::write(&config, block).unwrap();
            let job = env!("CARGO_BIN_EXE_uptime-ledger");
            let said = Command::new(job).arg("check").arg("--config").arg(config).output().unwrap();
            assert!(said.status.success(), "{path}: {}", String::from_utf8_lossy(&said.stderr));
            checked.push(path.clone());
            if path == "data/example.md" {
                for key in config::KEYS.iter().flat_map(|(_, keys)| keys.iter()) {
                    let ways = [format!("{key} = "), format!("[{key}]"), format!("[source.{key}]")];
                    let is_there = ways.iter().any(|way| block.contains(way.as_str()));
                    assert!(is_there, "{path}: the full example has no `{key}`");
                }
            }
        }
    }
    assert_eq!(checked, ["README.md", "data/example.md", "data/services.md"]);
}

/// Bytes of a page that one can read in one go, and of the README.
const LONGEST_PAGE: usize = 12_288;
const LONGEST_README: usize = 6_144;
/// Pages that may be longer, each with the reason.
const LONG_PAGES: [(&str, &str); 0] = [];

#[test]
fn pages_are_short() {
    for (path, text) in pages() {
        let most = if path == "README.md" { LONGEST_README } else { LONGEST_PAGE };
        let is_excepted = LONG_PAGES.iter().any(|(page, _)| *page == path);
        assert!(is_excepted || text.len() <= most, "{path}: {} bytes, more than {most}", text.len());
    }
}

#[test]
fn links_between_pages_lead_somewhere() {
    for (path, text) in pages() {
        let folder = root().join(&path).parent().unwrap().to_path_buf();
        for (number, line) in prose(&text) {
            // Without what stands in backticks.
            let line: String = line.split('`').step_by(2).collect();
            let targets = line.split("](").skip(1).map(|rest| rest.split(')').next().unwrap_or_default());
            for target in targets.filter(|target| !target.starts_with("http")) {
                let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
                let to = if file.is_empty() { root().join(&path) } else { folder.join(file) };
                assert!(to.exists(), "{path}:{number}: there is no `{file}`");
                if !anchor.is_empty() {
                    let there = std::fs::read_to_string(&to).unwrap();
                    let is_there = prose(&there).any(|(_, line)| anchor_of(line).as_deref() == Some(anchor));
                    assert!(is_there, "{path}:{number}: no heading for `{target}`");
                }
            }
        }
    }
}

#[test]
fn no_page_refers_to_what_is_not_in_the_repository() {
    for (path, text) in pages() {
        for word in ["DESIGN.md", "HOUSE.md", "STYLE.md", "/work/", "/root/"] {
            assert!(!text.contains(word), "{path}: `{word}` is not in the repository");
        }
    }
}

#[test]
fn decisions_are_short_and_newest_first() {
    let text = read("src/decisions.md");
    let (_, entries) = text.split_once("\n## ").unwrap();
    let mut dates = vec![];
    for entry in format!("## {entries}").split("\n\n").map(str::trim) {
        if let Some(date) = entry.strip_prefix("## ") {
            dates.push(date.to_owned());
            continue;
        }
        assert!(entry.starts_with("**"), "an entry begins with its decision: {entry}");
        assert!(entry.lines().count() <= 5, "more than 5 lines: {entry}");
        assert!(entry.lines().all(|line| line.chars().count() <= 150), "a line of more than 150: {entry}");
    }
    assert!(dates.len() > 1 && dates.is_sorted_by(|a, b| a > b), "{dates:?}");
}

#[test]
fn the_readme_and_the_recipe_run_the_same_sample() {
    let recipe = read("justfile");
    let command = recipe.lines().find(|line| line.contains("data/sample/uptime-ledger.toml")).unwrap().trim();
    assert!(read("README.md").contains(command), "README.md: no `{command}`");
}

#[test]
fn the_readme_knows_the_commands_and_exit_codes() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let help = Command::new(env!("CARGO_BIN_EXE_uptime-ledger")).arg("--help").output().unwrap();
    assert!(help.status.success() && help.stderr.is_empty());
    let help = String::from_utf8(help.stdout).unwrap();
    let (commands, rest) = help.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap();
    let commands: Vec<&str> = commands.lines().filter_map(|line| line.split_whitespace().next()).collect();
    for command in commands.iter().filter(|c| **c != "help") {
        assert!(
            readme.contains(&format!("uptime-ledger {command}")),
            "README.md: no `uptime-ledger {command}`"
        );
    }
    for (path, text) in pages() {
        let written = text.match_indices("uptime-ledger ").map(|(at, m)| &text[at + m.len()..]);
        for rest in written.filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase())) {
            let word = rest.split(|c: char| !c.is_ascii_lowercase()).next().unwrap_or_default();
            // Engines alone start workers, so the help does not list them.
            let is_known = commands.contains(&word) || word == "worker";
            assert!(is_known, "{path}: `uptime-ledger {word}` is no command");
        }
    }
    // `  0  done` in the help is `| 0 | done |` in the README.
    let codes = rest.split_once("Exit codes:\n").unwrap().1;
    let numbers: Vec<&str> = codes.lines().filter_map(|l| l.strip_prefix("  ")?.split("  ").next()).collect();
    let numbers: Vec<&str> = numbers.into_iter().filter(|n| n.parse::<u8>().is_ok()).collect();
    assert_eq!(numbers, ["0", "1", "2", "3"]);
    let rows: Vec<&str> = readme
        .lines()
        .filter_map(|l| l.strip_prefix("| ")?.split(" |").next())
        .filter(|n| n.parse::<u8>().is_ok())
        .collect();
    assert_eq!(rows, numbers, "README.md: the table of exit codes");
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn words_in_backticks(text: &str) -> BTreeSet<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Every page of the documents, by its path from the root.
fn pages() -> Vec<(String, String)> {
    const OTHERS: [&str; 5] = ["target", ".git", "node_modules", "corpus", "artifacts"];
    let mut folders = vec![root().to_path_buf()];
    let mut pages = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() && !OTHERS.contains(&name) {
                folders.push(path);
            } else if path.is_file() && path.extension().is_some_and(|e| e == "md") {
                let shown = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                pages.push((shown, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    pages.sort();
    assert!(pages.len() > 15, "{} pages", pages.len());
    pages
}

/// The lines of a page that are not in a block of code.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        (!is_fence && !is_code).then_some((at + 1, line))
    })
}

/// How a link names a heading.
fn anchor_of(line: &str) -> Option<String> {
    let title = line.trim_start_matches('#');
    if title == line {
        return None;
    }
    let kept = title.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    Some(kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect())
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
