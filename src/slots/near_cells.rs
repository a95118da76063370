//! Near cells: the slots of a day that runs over its midnights can depend on.

use super::Judged;
use crate::config::SlotRule;

/// Lists the slots that the verdict of a longer timeline needs, in order; all others keep the
/// state that they have with the day alone, and say nothing of other slots.
///
/// These are: slots no farther than `max_gap_minutes` from one that is failing with every unknown
/// event a failure, or from an end of the day, the success next to each of these on either side,
/// and the first and last success of the day. Slots without an event are left out.
pub fn near_cells(day: &[Judged], slot_seconds: i64, rule: &SlotRule) -> Vec<(u32, Judged)> {
    let reach = (i64::from(rule.max_gap_seconds) / slot_seconds) as usize;
    let mut is_near = vec![false; day.len()];
    let mut mark = |from: usize, to: usize| is_near[from..to.min(day.len())].fill(true);
    mark(0, reach);
    mark(day.len().saturating_sub(reach), day.len());
    let successes: Vec<usize> =
        day.iter().enumerate().filter(|(_, judged)| judged.has_success()).map(|(at, _)| at).collect();
    for at in successes.first().into_iter().chain(successes.last()) {
        mark(*at, at + 1);
    }
    for (at, _) in day.iter().enumerate().filter(|(_, judged)| judged.at_worst().is_failing(rule)) {
        mark(at.saturating_sub(reach), at + reach + 1);
        let behind = successes.partition_point(|success| *success <= at);
        let before = successes[..behind].iter().rev().find(|success| **success < at);
        for success in successes.get(behind).into_iter().chain(before) {
            mark(*success, success + 1);
        }
    }
    let cells = (0..).zip(day).zip(is_near).filter(|((_, judged), is_near)| *is_near && !judged.is_empty());
    cells.map(|((slot, judged), _)| (slot, *judged)).collect()
}
