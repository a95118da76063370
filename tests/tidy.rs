//! Tidy: documents that must match the code, and the rules of the house.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use uptime_ledger::config::{self, Field};
use uptime_ledger::policy::{self, Account};
use uptime_ledger::report;

/// `BLESS=1 cargo test --test main tidy` rewrites the column tables; the prose around them is ours.
#[test]
fn the_dictionary_of_reports_matches_their_schemas() {
    let path = root().join("reports/README.md");
    let found = std::fs::read_to_string(&path).unwrap();
    let mut want = found.clone();
    for (place, spec) in report::schema() {
        let (open, close) = (format!("<!-- columns of {place} -->\n"), "<!-- end of columns -->");
        let start =
            want.find(&open).unwrap_or_else(|| panic!("{}: no `{open}`", path.display())) + open.len();
        let end = start + want[start..].find(close).expect("an end after each begin");
        let mut table =
            format!("A row is: {}.\n\n| column | type | meaning |\n| --- | --- | --- |\n", spec.row);
        for column in spec.columns {
            assert!(!column.doc.is_empty(), "{place}.{} says nothing", column.name);
            writeln!(table, "| `{}` | {} | {} |", column.name, column.kind.name(), column.doc).unwrap();
        }
        want.replace_range(start..end, &table);
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &want).unwrap();
    } else {
        assert_eq!(found, want, "reports/README.md is not what the code writes; run again with BLESS=1");
    }
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

#[test]
fn every_source_file_says_what_it_is() {
    for (path, text) in sources() {
        assert!(text.starts_with("//! "), "{path}: the first line says what the file is");
        assert!(text.lines().count() <= 500, "{path}: more than 500 lines");
    }
}

/// A stage may use what stands before it on this list, and itself. So there is no cycle either.
const STREET: [&str; 11] = [
    "day",
    "clock",
    "error",
    "config",
    "table",
    "intake",
    "policy",
    "overrides",
    "slots",
    "ledger",
    "measure",
];
/// Further rooms: who they are and whom they may use. `pipeline` and `cli` know all.
const ROOMS: [(&str, &[&str]); 3] = [
    (
        "report",
        &[
            "day",
            "clock",
            "error",
            "config",
            "table",
            "intake",
            "policy",
            "overrides",
            "slots",
            "ledger",
            "measure",
        ],
    ),
    // Stands apart on purpose: it must know the right answer from elsewhere than the stages.
    ("sample", &["day", "error"]),
    (
        "pipeline",
        &[
            "day",
            "clock",
            "error",
            "config",
            "intake",
            "policy",
            "overrides",
            "slots",
            "ledger",
            "measure",
            "report",
        ],
    ),
];

#[test]
fn stages_import_only_what_stands_before_them() {
    for (path, text) in sources() {
        let room = room(&path);
        let allowed: Vec<&str> = match (STREET.iter().position(|r| *r == room), room) {
            (Some(at), _) => STREET[..at].to_vec(),
            (None, "cli" | "lib" | "main") => continue,
            (None, room) => {
                let known = ROOMS.iter().find(|(name, _)| *name == room);
                known.unwrap_or_else(|| panic!("{path}: `{room}` has no place in the street yet")).1.to_vec()
            }
        };
        for (number, line) in code(&text) {
            for (at, _) in line.match_indices("crate::") {
                let rest = &line[at + "crate::".len()..];
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                let used = &rest[..end];
                assert!(
                    used == room || allowed.contains(&used),
                    "{path}:{number}: {room} must not know {used}"
                );
            }
        }
    }
}

#[test]
fn only_the_edges_touch_disk_clock_and_voice() {
    // The lock's holder says since when, for the person who finds it held; that reaches no figure.
    const CLOCK: [&str; 2] = ["cli", "ledger/lock.rs"];
    const DISK: [&str; 5] = ["intake", "ledger", "report", "sample", "cli"];
    const RULES: [(&str, &[&str], &[&str]); 3] = [
        ("the clock", &["Utc::now", "Local::now", "SystemTime", "Instant::now"], &CLOCK),
        ("the disk", &["std::fs", "fs::", "File::"], &DISK),
        ("a voice", &["print!(", "println!(", "io::stdout", "io::stderr"], &["cli"]),
    ];
    for (path, text) in sources() {
        for (what, words, allowed) in RULES {
            if allowed.iter().any(|a| room(&path) == *a || path == *a) {
                continue;
            }
            for (number, line) in code(&text) {
                let hit = words.iter().find(|word| line.contains(*word));
                assert!(hit.is_none(), "{path}:{number}: `{}` needs {what}", hit.unwrap_or(&""));
            }
        }
    }
}

#[test]
fn the_dictionary_of_data_names_every_key() {
    let text = std::fs::read_to_string(root().join("data/README.md")).unwrap();
    let known: BTreeSet<&str> = text.split('`').skip(1).step_by(2).collect();
    let fields = Field::ALL.iter().flat_map(|f| [f.name(), f.column()]);
    let keys = config::KEYS.iter().chain(&policy::KEYS).flat_map(|(_, keys)| keys.iter().copied());
    let accounts = Account::ALL.iter().map(|a| a.name());
    for word in fields.chain(keys).chain(accounts) {
        assert!(known.contains(word), "data/README.md does not say what `{word}` is");
    }
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
    let written: Vec<&str> =
        readme.match_indices("uptime-ledger ").map(|(at, m)| &readme[at + m.len()..]).collect();
    let is_prose = |text: &&str| !text.starts_with(|c: char| c.is_ascii_lowercase());
    for text in written.iter().filter(|text| !is_prose(text)) {
        let word = text.split(|c: char| !c.is_ascii_lowercase()).next().unwrap_or_default();
        assert!(commands.contains(&word), "README.md: `uptime-ledger {word}` is no command");
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

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file under src/ but unit tests, by its path from there.
fn sources() -> Vec<(String, String)> {
    let src = root().join("src");
    let mut folders = vec![src.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
                let shown = path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
                files.push((shown, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    assert!(files.len() > 50, "{} files", files.len());
    files
}

/// The folder of src/ that a file lies in, or the file's own name.
fn room(path: &str) -> &str {
    path.split('/').next().unwrap_or(path).trim_end_matches(".rs")
}

/// The lines of a file that are neither comments nor unit tests, which may look further.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    lines.take_while(|(_, line)| *line != "mod tests {").filter(|(_, l)| !l.trim_start().starts_with("//"))
}
