//! Older journals that were put back: what every page of the months concerned says permanently.

use crate::day::{Day, Month};
use crate::ledger::{HeadName, Ledger, Resumption};

/// Days that a sentence lists at most.
const MOST_DAYS: usize = 31;

/// Returns what is said of older journals on the pages of a month, or of all months.
pub(super) fn sentences(ledger: &Ledger, month: Option<Month>) -> Vec<String> {
    let is_of =
        |resumed: &Resumption| month.is_none_or(|month| resumed.days().iter().any(|d| d.month() == month));
    let resumed = ledger.record().resumed.iter().filter(|(_, resumed)| is_of(resumed));
    resumed.map(|(line, resumed)| sentence(*line, resumed, month)).collect()
}

/// Returns what follows the status of a month: `, older journal at line 31`, or nothing.
pub(super) fn mark(ledger: &Ledger, month: Month) -> String {
    ledger.record().resumed_in(month).map(|(line, _)| format!(", older journal at line {line}")).collect()
}

fn sentence(line: u64, resumed: &Resumption, month: Option<Month>) -> String {
    let Resumption { said, from, given_up, taken_back, reopened, .. } = resumed;
    let named =
        |HeadName { seq, hash }: &HeadName| format!("line {seq} ({})", hash.get(..16).unwrap_or(hash));
    let is_of = |day: &Day| month.is_none_or(|month| day.month() == month);
    let listed = |days: Vec<Day>| {
        let shown: Vec<String> = days.iter().filter(|day| is_of(day)).map(Day::to_string).collect();
        let more = shown.len().saturating_sub(MOST_DAYS);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!("{}{more}", shown.into_iter().take(MOST_DAYS).collect::<Vec<_>>().join(", "))
    };
    let given_up = given_up.as_ref().map_or_else(|| "later lines".to_owned(), named);
    let mut text = format!(
        "An older journal was put back: line {line} of the journal goes on from {}, and {given_up}, which had been published, was \
         given up ({}, {}: {}). What had been published before of these days may differ: {}.",
        named(from),
        said.author,
        said.approver.as_deref().unwrap_or_default(),
        said.reason,
        listed(resumed.days())
    );
    for (what, days) in [
        ("Taken back as sealed", taken_back.iter().map(|back| back.day).collect::<Vec<_>>()),
        ("Reopened, because the sealed edition was gone", reopened.clone()),
    ] {
        if days.iter().any(is_of) {
            text.extend([" ", what, ": ", &listed(days), "."]);
        }
    }
    text
}
