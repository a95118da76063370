//! Waiting: calls without an answer, and the correlations of messages that may be theirs.

use super::JoinStep;
use super::items::Items;
use crate::daybook::{ItemRole, WaitingCall};
use crate::facts::ids::{Id, Map, WaitingKey, short};
use crate::intake::join::merge::MergedFact;
use crate::intake::join::sums::Sums;
use crate::intake::records::message_records::AdmissionRecord;
use crate::intake::records::numbers::DayFact;

impl JoinStep<'_> {
    /// Stores the correlations of the messages without a call; `told` has all that statuses name.
    pub fn correlations(told: &[(Id, u64)], items: &mut Items) {
        if told.is_empty() {
            return;
        }
        let foreign = items.messages.iter().filter(|item| item.role == ItemRole::Foreign);
        let mut of: Map<Id, u64> = foreign.map(|item| (item.id, 0)).collect();
        for (id, told) in told {
            // Several correlations of one message are no usual log, but any order of rows must
            // find the same one.
            if let Some(known) = of.get_mut(id) {
                *known = if *known == 0 { *told } else { (*told).min(*known) };
            }
        }
        items.correlations.extend(of.into_iter().filter(|(_, correlation)| *correlation != 0));
        items.correlations.sort_unstable();
    }

    /// Keeps calls without an answer apart until it is known whether a message proves them.
    pub fn waiting(&self, id: Id, calls: &[AdmissionRecord<DayFact>], sums: &mut Sums, items: &mut Items) {
        let (start_us, rank) = (self.settings.day.start_us(), &self.merged.rank);
        let correlation = match WaitingKey::of(id) {
            Some(WaitingKey::Correlation(id)) => short(id),
            Some(WaitingKey::Caller(_)) | None => 0,
        };
        let first = items.waiting_calls.len();
        for AdmissionRecord { offset_us, fact, .. } in calls {
            let MergedFact { kind, caller, .. } = self.merged.fact(*fact);
            // Of a file without outcomes, every call looks like one without an answer.
            if correlation == 0 && !self.merged.kind(kind).untold_by.is_empty() {
                *sums.calls_again.entry(*fact).or_default() |= self.bit(*offset_us);
                continue;
            }
            *sums.waiting.entry(*fact).or_default() += 1;
            items.waiting_calls.push(WaitingCall {
                correlation,
                at_us: start_us + offset_us,
                kind: rank.kinds[kind.at()],
                caller: rank.callers[caller as usize],
            });
        }
        // Workers meet calls in any order.
        items.waiting_calls[first..].sort_unstable_by_key(|call| (call.at_us, call.kind, call.caller));
    }
}
