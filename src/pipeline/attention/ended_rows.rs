//! Ended rows: what was told of a row on the day on which nothing of it was left to decide.

use std::collections::{BTreeMap, BTreeSet};

use crate::attention::{Attention, AttentionKind, Look, Looks};
use crate::day::Day;
use crate::ledger::{DayRecord, FiledRow, LedgerState};
use crate::overrides::Direction;

/// Returns what stood open of rows until a run of today has sealed their days.
///
/// Such a row is not judged again. What was told of it today is told until the day ends, so that
/// another run at once finds the same; a row that is taken out of the file ends it before.
pub fn of_ended_rows(record: &LedgerState, looks: &Looks, today: Day) -> Vec<Attention> {
    let now: BTreeSet<String> = looks.found_by(Look::Run).iter().map(Attention::key).collect();
    let mut by_id: BTreeMap<&str, Vec<&FiledRow>> = BTreeMap::new();
    for filed in record.rows.values() {
        by_id.entry(&filed.row.id).or_default().push(filed);
    }
    let has_ended_today = |told: &Attention| {
        let id = told.subject.split(':').next().unwrap_or_default();
        let is_of_gone = told.kind == AttentionKind::RowGone;
        let rows = by_id.get(id).into_iter().flatten();
        let Some(filed) = rows.copied().find(|filed| filed.gone.is_some() == is_of_gone) else {
            return false;
        };
        let is_open = |day: &DayRecord| day.sealed.is_none();
        if record.days.get(&told.day).is_none_or(is_open) {
            return false;
        }
        // The last open day of a month may end the windows of all rows that find fault with it.
        let ends = |day: Day| match filed.row.direction {
            Direction::ToUptime => day == told.day,
            Direction::ToDowntime => day.month() == told.day.month(),
        };
        let days = record.days.iter().filter(|(day, _)| ends(**day));
        let sealed_at = days.filter_map(|(_, day)| day.sealed_at).max();
        // An edited row has the key of the one before, and may be told since then.
        let told_at = record.attention.since(&told.key()).max(filed.judged_at);
        sealed_at.max(told_at).is_some_and(|at| Day::of(at) == today)
    };
    let told = record.attention.found_by(Look::Run).iter().filter(|told| told.kind.is_of_a_row());
    told.filter(|told| !now.contains(&told.key()) && has_ended_today(told)).cloned().collect()
}
