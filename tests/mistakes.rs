//! The catalogue of error messages: bad files in, and what a person is told about them.
//!
//! A folder of `tests/mistakes/` is a case: `uptime-ledger.toml` is read as config, `policy.toml` and
//! `error_catalog.csv` as policy and catalogue (the built-in one where a case holds only one of the two). When the files
//! hold no mistake, the warnings about the policy are shown. `BLESS=1` writes `expected.txt` anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use uptime_ledger::config;
use uptime_ledger::error::{Document, Mistakes};
use uptime_ledger::policy::{BUILT_IN_CATALOGUE, BUILT_IN_POLICY, Policy};

#[test]
fn messages_are_as_in_the_catalogue() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    assert!(cases.len() >= 12, "{} cases", cases.len());

    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = String::new();
    for case in cases {
        let said = said_about(&case);
        let expected = case.join("expected.txt");
        if bless {
            std::fs::write(&expected, &said).unwrap();
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != said {
            writeln!(wrong, "{}:\n{said}", case.display()).unwrap();
        }
    }
    assert!(wrong.is_empty(), "messages have changed; if that is right, run again with BLESS=1\n\n{wrong}");
}

fn said_about(case: &Path) -> String {
    let document = |name: &str| {
        let text = std::fs::read_to_string(case.join(name)).ok()?;
        Some(Document::new(name, text))
    };
    let mut said = Vec::new();
    if let Some(config) = document("uptime-ledger.toml") {
        said.extend(config::config(&config, case).err());
    }
    let (policy, catalogue) = (document("policy.toml"), document("error_catalog.csv"));
    if policy.is_some() || catalogue.is_some() {
        let policy = policy.unwrap_or_else(|| Document::new("built-in policy.toml", BUILT_IN_POLICY));
        let built_in = || Document::new("built-in error_catalog.csv", BUILT_IN_CATALOGUE);
        said.push(match Policy::read(&policy, &catalogue.unwrap_or_else(built_in)) {
            Ok(policy) => Mistakes(policy.warnings()),
            Err(mistakes) => mistakes,
        });
    }
    let messages: Vec<String> = said.iter().flat_map(|mistakes| &mistakes.0).map(|m| rendered(m)).collect();
    messages.join("\n")
}

fn rendered(mistake: &dyn Diagnostic) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    let mut text = String::new();
    handler.render_report(&mut text, mistake).unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}
