//! Files that people write: config, policy, catalogue, overrides. The first byte chooses which. Whatever is wrong with them can be
//! shown with its place.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use uptime_ledger::config::{self, Config};
use uptime_ledger::document::{Document, Mistake};
use uptime_ledger::facts::Salt;
use uptime_ledger::overrides;
use uptime_ledger::policy::Policy;

static BUILT_IN: LazyLock<(Document, Document, Policy)> = LazyLock::new(|| {
    let (policy, catalogue) = Policy::built_in_documents();
    (policy, catalogue, Policy::built_in())
});

fn show(mistakes: &[Mistake]) {
    let theme = miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::none());
    for mistake in mistakes {
        assert!(!mistake.place().is_empty() && !mistake.told().is_empty());
        theme.render_report(&mut String::new(), mistake).expect("it can be shown");
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((way, text)) = data.split_first() else { return };
    let document = Document::new("fuzz", String::from_utf8_lossy(text));
    let (policy, catalogue, built_in) = &*BUILT_IN;
    match way % 4 {
        0 => match config::config(&document, Path::new("")) {
            Ok(config) => drop(format!("{config:?}")),
            Err(mistakes) => show(&mistakes.0),
        },
        1 => match Policy::read(&document, catalogue) {
            Ok(policy) => show(&policy.warnings()),
            Err(mistakes) => show(&mistakes.0),
        },
        2 => match Policy::read(policy, &document) {
            Ok(policy) => show(&policy.warnings()),
            Err(mistakes) => show(&mistakes.0),
        },
        _ => match overrides::read(&document, built_in, &Config::bare(""), &Salt::new("fuzz")) {
            Ok(sheet) => sheet.refused.iter().for_each(|row| show(&row.mistakes)),
            Err(mistakes) => show(&mistakes.0),
        },
    }
});
