//! Sealed: override rows that come too late because of what the run itself has sealed.

use super::{Desired, live, refuse, windows};
use crate::clock::Clock;
use crate::day::Day;
use crate::ledger::{Entry, JudgedRow, RowStatus, Writer};
use crate::overrides::{Direction, Filed, Refusal, RowTiming};

/// Refuses the rows that came too late because of what this run has sealed.
///
/// They were judged while the last open day of their month, or the day itself, was open; the next
/// run would refuse them.
///
/// # Errors
/// The journal cannot be written.
pub fn note_sealed(desired: &mut Desired, ledger: &mut Writer, clock: Clock) -> anyhow::Result<()> {
    let windows = windows(ledger, clock);
    let mut decided = Vec::new();
    let record = ledger.record();
    let is_sealed = |day: &Day| record.days.get(day).is_some_and(|record| record.sealed.is_some());
    for Filed { row, first_seen_us, was_applied, .. } in live(ledger, clock) {
        let refusal = match row.direction {
            // Its window ends when its month becomes final.
            Direction::ToDowntime => match windows.timing(&row, first_seen_us) {
                RowTiming::Refused(refusal) => Some(refusal),
                _ => None,
            },
            // Its window ends at a fixed instant, but a sealed day only gets worse.
            Direction::ToUptime => row.days().find(is_sealed).map(|day| Refusal::Sealed { day }),
        };
        let identity = row.identity();
        let Some(refusal) = refusal.filter(|_| !was_applied && !desired.held.contains(&identity)) else {
            continue;
        };
        let day = row.first_day().unwrap_or(Day::of(clock.wall));
        let filed = record.rows.get(&identity);
        let known = filed.and_then(|filed| filed.judged.as_ref());
        if known.is_some_and(|known| known.status == RowStatus::Refused && refusal.is_told_by(&known.why)) {
            continue;
        }
        let why = refuse(&row, filed, &refusal, desired, day);
        decided.push(JudgedRow { row: identity, status: RowStatus::Refused, why, events: None });
    }
    if !decided.is_empty() {
        ledger.append(clock, Entry::Judged { rows: decided })?;
    }
    Ok(())
}
