//! The catalogue of error messages: bad files in, and what a person is told about them.
//!
//! A folder of `tests/mistakes/` is a case: `uptime-ledger.toml` is read as config, `policy.toml` and
//! `error_catalog.csv` as policy and catalogue (the built-in one where a case holds only one of the two). When the files
//! hold no mistake, the warnings about the policy are shown. `overrides.csv` is read under these, or under a bare config and
//! the built-in policy; when its first line names the run that first sees it, good rows are judged by it on the books of
//! [`postings`]. `BLESS=1` writes `expected.txt` anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use uptime_ledger::config::{self, Config, ReviewHistory};
use uptime_ledger::day::{Day, SlotLength};
use uptime_ledger::document::{Document, Mistake, Mistakes};
use uptime_ledger::facts::Salt;
use uptime_ledger::overrides::{self, Decision, Filed, OverrideSheet, Touched, Windows};
use uptime_ledger::policy::{Account, BUILT_IN_CATALOGUE, BUILT_IN_POLICY, Policy, Postings};

use crate::given::{self, Event};

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
    let mut config = Config::bare("");
    if let Some(document) = document("uptime-ledger.toml") {
        match config::config(&document, case) {
            Ok(read) => config = read,
            Err(mistakes) => said.push(mistakes),
        }
    }
    let mut policy = Policy::built_in();
    let (own_policy, own_catalogue) = (document("policy.toml"), document("error_catalog.csv"));
    if own_policy.is_some() || own_catalogue.is_some() {
        let own_policy = own_policy.unwrap_or_else(|| Document::new("built-in policy.toml", BUILT_IN_POLICY));
        let built_in = || Document::new("built-in error_catalog.csv", BUILT_IN_CATALOGUE);
        match Policy::read(&own_policy, &own_catalogue.unwrap_or_else(built_in)) {
            Ok(read) => {
                said.push(Mistakes(read.warnings()));
                policy = read;
            }
            Err(mistakes) => said.push(mistakes),
        }
    }
    if let Some(document) = document("overrides.csv") {
        match overrides::read(&document, &policy, &config, &Salt::new("pinch")) {
            Ok(sheet) => said.extend([Mistakes(sheet.mistakes()), refused(&document, &sheet, &config)]),
            Err(mistakes) => said.push(mistakes),
        }
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

/// What is said of good rows that are refused, if the first line says by which run.
fn refused(document: &Document, sheet: &OverrideSheet, config: &Config) -> Mistakes {
    let comment = document.text().lines().next().unwrap_or_default();
    let seen = comment.strip_prefix("# The run of ").and_then(|rest| rest.split(' ').next());
    let Some(seen) = seen.map(|at| at.parse::<chrono::DateTime<chrono::Utc>>().unwrap()) else {
        return Mistakes(Vec::new());
    };
    let filed: Vec<Filed> =
        (sheet.rows.iter().cloned()).map(|row| Filed::new(row, seen.timestamp_micros())).collect();
    let days = [given::day("2026-11-19"), given::day("2026-11-20")].map(|day| (day, postings(day)));
    let touched: Vec<Touched<'_>> = (days.iter().zip([Some(&[][..]), None]))
        .map(|((day, postings), sealed)| Touched { day: *day, postings, sealed })
        .collect();
    let judged = overrides::plan(
        &filed,
        &touched,
        &Windows::of_review(ReviewHistory::of_rules(config.overrides.review.clone())),
    )
    .unwrap();
    let said = |judged: &overrides::Decided| -> Option<Mistake> {
        let Decision::Refused(refusal) = &judged.verdict else { return None };
        Some(sheet.refusal(&judged.row.id, refusal).unwrap())
    };
    Mistakes(judged.iter().filter_map(said).collect())
}

/// Of 2026-11-19, which is sealed, and of 2026-11-20, which is open: from 10:00 to 10:11 the platform fails (131016), from 12:00
/// to 12:11 it turns callers away (190), each time with ten events a minute in `eu`.
fn postings(day: Day) -> Postings {
    let event = |slot, account, code| Event {
        slot,
        service: "messages",
        region: "eu",
        account,
        code: Some(code),
        caller: 1,
        events: 10,
    };
    let failed = (600..612).map(|slot| event(slot, Account::BadPlatformError, 131_016));
    let turned_away = (720..732).map(|slot| event(slot, Account::UserCaller, 190));
    let events: Vec<Event> = failed.chain(turned_away).collect();
    given::postings(day, &given::config(SlotLength::Minute), &events)
}
