//! Strays: what stood in the ledger without being a part of it, and days that lost their seal.

use super::names::MOST_NAMES;
use crate::attention::{Attention, AttentionKind};
use crate::day::Day;
use crate::ledger::{DayRecord, Ledger, Writer};
use crate::redact::harmless;

/// Reports what stands in `lost+found/`, and what could not be moved there.
pub fn of_strays(ledger: &Writer, today: Day) -> Option<Attention> {
    let strays = ledger.strays();
    let (moved, stuck) = (strays.moved.len(), strays.stuck.len());
    if moved + stuck == 0 {
        return None;
    }
    let listed = |names: Vec<String>| {
        let more = names.len().saturating_sub(MOST_NAMES);
        let shown: Vec<String> = names.into_iter().take(MOST_NAMES).map(|name| harmless(&name)).collect();
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        format!("{}{more}", shown.join(", "))
    };
    let mut parts = Vec::new();
    if moved > 0 {
        parts.push(format!(
            "{moved} files, links or folders stood in the ledger that no line of its journal tells of, and were moved to \
             ledger/lost+found: {}; nothing was deleted. Look at each: a backup belongs elsewhere, and what nobody misses can be \
             deleted; then this is closed",
            listed(strays.moved.clone())
        ));
    }
    if stuck > 0 {
        let stuck_shown = strays.stuck.iter().map(|(path, why)| format!("{path} ({why})")).collect();
        parts.push(format!(
            "{stuck} could not be moved there, and still stand in the ledger: {}; move them out of it",
            listed(stuck_shown)
        ));
    }
    // The day only says when; it must not change before something else does.
    let day = ledger.days().last().copied().unwrap_or(today);
    let told = Attention::new(AttentionKind::LostAndFound, day, &[], parts.join(". "));
    Some(told.of_measure((moved + stuck) as u64))
}

/// Reports the days that were sealed by lines that were given up, and are open again.
pub fn of_reopened(ledger: &Ledger) -> Vec<Attention> {
    let is_reopened = |record: &DayRecord| record.is_reopened && record.sealed.is_none();
    let days = ledger.record().days.iter().filter(|(_, record)| is_reopened(record)).map(|(day, _)| *day);
    let message = "it was sealed by a line of the journal that was given up, and the edition that it was sealed with is not found: it \
                   is a day like any other again, but is sealed only when two persons say that its figures are right. Compare \
                   them with reports that were published before (its log may be run again with --date), then acknowledge it";
    days.map(|day| Attention::new(AttentionKind::Reopened, day, &[], message.to_owned())).collect()
}
