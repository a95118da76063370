//! Correlate: joins calls with webhook rows, by message and by notification.
//!
//! An outcome that can no longer change is counted as a fact. An outcome that another day's webhook
//! log may still change, or that belongs to another day, is stored as an open item for `resolve`.

pub mod carried;
pub mod items;
mod waiting;

use std::ops::Range;

use items::Items;

use super::merge::{Merged, MergedFact, StatusKind};
use super::sums::{Sums, entry};
use crate::day::DAY_US;
use crate::daybook::delivery::{Delivery, measured};
use crate::daybook::message::{MessageState, StatusOrigin, StatusWord};
use crate::daybook::{ItemRole, MessageItem, NotificationItem};
use crate::error::Trouble;
use crate::facts::ids::{Id, short};
use crate::facts::{Admission, DelayKind, Outcome};
use crate::intake::pass::settings::PassSettings;
use crate::intake::records::attempt_record::AttemptRecord;
use crate::intake::records::group;
use crate::intake::records::message_records::{AdmissionRecord, StatusRecord};
use crate::intake::records::numbers::{DayFact, DayKind, WorkerFact};
use crate::intake::records::record_sets::{AnyRecords, RecordSource};
use crate::intake::workers;

/// Buffers for the rows of one partition, kept from one partition to the next.
#[derive(Default)]
struct Room {
    admissions: Vec<AdmissionRecord<DayFact>>,
    statuses: Vec<StatusRecord>,
    attempts: Vec<AttemptRecord>,
    /// Correlations that statuses name, of any message.
    correlations: Vec<(Id, u64)>,
    spare_admissions: Vec<AdmissionRecord<DayFact>>,
    spare_statuses: Vec<StatusRecord>,
    spare_attempts: Vec<AttemptRecord>,
}

/// The join of some partitions.
pub struct JoinStep<'a> {
    pub merged: &'a Merged,
    /// By worker.
    pub records: &'a [AnyRecords],
    /// Calls with an id that admitted a message, after dedupe.
    pub survivors: &'a [Box<dyn RecordSource>],
    pub settings: &'a PassSettings<'a>,
    pub partitions: Range<usize>,
}

impl JoinStep<'_> {
    /// Joins the partitions on several threads; `out` gets their items in order.
    ///
    /// # Errors
    /// Records cannot be read back, or `out` fails.
    pub fn run(
        &self,
        out: impl FnMut(usize, Items) -> Result<(), Trouble> + Send,
    ) -> Result<Vec<Sums>, Trouble> {
        let state = || (Sums::new(self.merged.facts.len()), Room::default());
        let work = |(sums, room): &mut (Sums, Room), at: usize| {
            let mut items = Items::default();
            self.messages(at, room, sums, &mut items)?;
            self.notifications(at, room, sums, &mut items)?;
            Ok(items)
        };
        // Partitions are written in order, so that ids ascend in the files.
        let all = workers::in_order(self.settings.workers, self.partitions.clone(), state, work, out)?;
        Ok(all.into_iter().map(|(sums, _)| sums).collect())
    }
}

/// The statuses of one message in the rows that were read.
struct Said {
    own: MessageState,
    /// In rows of the day after.
    ahead: MessageState,
    /// Instant of the earliest of its own, with the ranks of its kind and caller.
    first: Option<(i64, u32, u32)>,
    /// The same of its copies, if it was sent without a call.
    echo: Option<(i64, u32, u32)>,
}

impl JoinStep<'_> {
    fn messages(
        &self,
        at: usize,
        room: &mut Room,
        sums: &mut Sums,
        items: &mut Items,
    ) -> Result<(), Trouble> {
        let Room { admissions, statuses, correlations, spare_admissions, spare_statuses, .. } = room;
        admissions.clear();
        statuses.clear();
        correlations.clear();
        let (spill, bits) = (self.settings.spill, self.settings.partition_bits);
        for (worker, records) in self.records.iter().enumerate() {
            records.admitted.take(at, spill, &mut |bytes| {
                admissions.extend(bytes.chunks_exact(AdmissionRecord::BYTES).map(|bytes| {
                    let admission = AdmissionRecord::<WorkerFact>::unpack(bytes);
                    let fact = self.merged.day_fact(worker, admission.fact);
                    admission.numbered(fact, self.merged.caller(worker, admission.caller))
                }));
            })?;
            let before = self.merged.statuses_before[worker];
            records.statuses.take(at, spill, &mut |bytes| {
                statuses.extend(bytes.chunks_exact(StatusRecord::BYTES).map(|bytes| {
                    let status = StatusRecord::unpack(bytes);
                    correlations.extend(StatusRecord::correlation_of(bytes).map(|told| (status.id, told)));
                    let caller = self.merged.caller(worker, status.caller);
                    StatusRecord { traits: status.traits + before, caller, ..status }
                }));
            })?;
        }
        for survivors in self.survivors {
            survivors.take(at, spill, &mut |bytes| {
                admissions.extend(
                    bytes.chunks_exact(AdmissionRecord::BYTES).map(AdmissionRecord::<DayFact>::unpack),
                );
            })?;
        }
        group::sort(bits, admissions, spare_admissions, |admission| admission.id);
        group::sort(bits, statuses, spare_statuses, |status| status.id);
        let mut admissions = admissions.chunk_by(|a, b| a.id == b.id).peekable();
        let mut statuses = statuses.chunk_by(|a, b| a.id == b.id).peekable();
        loop {
            let id = match (admissions.peek(), statuses.peek()) {
                (Some(a), Some(s)) => a[0].id.min(s[0].id),
                (Some(all), None) => all[0].id,
                (None, Some(all)) => all[0].id,
                (None, None) => break,
            };
            let admitted = admissions.next_if(|all| all[0].id == id).unwrap_or_default();
            let told = statuses.next_if(|all| all[0].id == id).unwrap_or_default();
            self.message(id, admitted, told, sums, items);
        }
        Self::correlations(correlations, items);
        Ok(())
    }

    /// Returns what the statuses of one message say together.
    fn said(&self, told: &[StatusRecord]) -> Said {
        let start_us = self.settings.day.start_us();
        let (own, ahead) = (MessageState::NONE, MessageState::NONE);
        let mut said = Said { own, ahead, first: None, echo: None };
        for status in told {
            let StatusKind { code, kind, origin, participant } = self.merged.statuses[status.traits as usize];
            let us = start_us + status.offset_us;
            let rank = &self.merged.rank;
            let one = (us, rank.kinds[kind.at()], rank.callers[status.caller as usize]);
            let first = match (origin, status.is_ahead) {
                (StatusOrigin::Echo, true) => continue,
                (StatusOrigin::Echo, false) => &mut said.echo,
                (_, is_ahead) => {
                    let state = MessageState::of_participant(status.word, us, code, participant);
                    if is_ahead {
                        said.ahead.join(&state);
                        continue;
                    }
                    said.own.join(&state);
                    &mut said.first
                }
            };
            *first = Some(first.map_or(one, |first| first.min(one)));
        }
        said
    }

    /// Counts the rows of the day that report a message as failed, without copies.
    fn count_failed(&self, told: &[StatusRecord], sums: &mut Sums) {
        // Some payloads bear times long before the day of their log.
        let is_of_day = |status: &StatusRecord| !status.is_ahead && (0..DAY_US).contains(&status.offset_us);
        let is_failed = |status: &&StatusRecord| status.word == StatusWord::Failed && is_of_day(status);
        let mut failed: Vec<(DayKind, i64)> = told
            .iter()
            .filter(is_failed)
            .map(|status| (self.merged.statuses[status.traits as usize].kind, status.offset_us))
            .collect();
        failed.sort_unstable();
        failed.dedup();
        for (kind, offset_us) in failed {
            let slot = (offset_us / self.settings.slot_length.us()) as u32;
            *entry(sums.failing.entry(kind).or_default(), slot) += 1;
        }
    }

    /// Returns the statuses of one message by word and code, as far as they are of the day.
    ///
    /// The window of a message may end between two of them, which a joined state could not tell.
    fn parts(&self, told: &[StatusRecord]) -> Vec<(ItemRole, MessageState)> {
        let start_us = self.settings.day.start_us();
        let mut parts: Vec<(ItemRole, MessageState)> = Vec::with_capacity(1);
        for status in told.iter().filter(|status| !status.is_ahead) {
            let StatusKind { code, origin, participant, .. } = self.merged.statuses[status.traits as usize];
            let role = match origin {
                StatusOrigin::Own => ItemRole::Foreign,
                StatusOrigin::Overheard => ItemRole::Overheard,
                StatusOrigin::Echo => continue,
            };
            let us = start_us + status.offset_us;
            let part = MessageState::of_participant(status.word, us, code, participant);
            let is_like = |known: &(ItemRole, MessageState)| {
                known.0 == role && (known.1.words, known.1.code) == (part.words, part.code)
            };
            match parts.iter_mut().find(|known| is_like(known)) {
                Some((_, known)) => known.join(&part),
                None => parts.push((role, part)),
            }
        }
        // Workers meet statuses in any order.
        parts.sort_unstable_by_key(|(role, part)| (*role, part.words, part.code));
        parts
    }

    fn message(
        &self,
        id: Id,
        admissions: &[AdmissionRecord<DayFact>],
        told: &[StatusRecord],
        sums: &mut Sums,
        items: &mut Items,
    ) {
        let start_us = self.settings.day.start_us();
        let Said { own, ahead, first: first_told, echo } = self.said(told);
        sums.tally.statuses += u64::from(own.statuses());
        self.count_failed(told, sums);
        let rank = &self.merged.rank;
        // Of several calls that name one message, the first that succeeded admitted it (the first
        // of all, if none did). The others remain calls.
        let content = |a: &AdmissionRecord<DayFact>| {
            let MergedFact { slot, kind, .. } = self.merged.fact(a.fact);
            let is_error = !self.merged.kind(kind).has_admitted();
            (is_error, a.offset_us, slot, rank.kinds[kind.at()], rank.callers[a.caller as usize])
        };
        let first = match admissions {
            [alone] => Some(alone),
            several => several.iter().min_by_key(|a| content(a)),
        };
        let Some(&AdmissionRecord { offset_us, fact, caller, .. }) = first else {
            let item =
                |(at_us, kind, caller), role, state| MessageItem { id, role, at_us, kind, caller, state };
            if let Some(first) = first_told {
                let parts = self.parts(told).into_iter();
                items.messages.extend(parts.map(|(role, state)| item(first, role, state)));
            }
            items.messages.extend(echo.map(|echo| item(echo, ItemRole::Echoed, MessageState::NONE)));
            return;
        };
        let kind = self.merged.fact(fact).kind;
        // The id of a call that admitted no message is the key under which it waits.
        if self.merged.kind(kind).admission == Admission::None {
            self.waiting(id, admissions, sums, items);
            return;
        }
        sums.tally.admitted_again += admissions.len() as u64 - 1;
        for again in admissions.iter().filter(|a| first.is_some_and(|first| !std::ptr::eq(*a, first))) {
            *sums.calls_again.entry(again.fact).or_default() |= self.bit(again.offset_us);
        }
        sums.tally.messages_told += u64::from(own.words != 0);
        let at_us = start_us + offset_us;
        let due_us = at_us + self.settings.first_status_us;
        // A held message has longer; if it needs longer, `resolve` judges it.
        let is_in_time = own.first_us <= due_us;
        // A later `failed` of a participant may contradict this one's `delivered`, or another's.
        let is_whole = !own.is_contradicted() && !own.has_participants();
        if own.is_delivered() && is_whole && is_in_time {
            sums.closed[fact.at()] += 1;
            sums.closed_sixtieths[fact.at()] |= self.bit(offset_us);
            sums.measure(kind, DelayKind::FirstStatus, own.first_us - at_us);
            items.closed_messages.push(short(id));
            return;
        }
        sums.open[fact.at()] += 1;
        let open = MessageItem {
            id,
            role: ItemRole::Open,
            at_us,
            kind: rank.kinds[kind.at()],
            caller: rank.callers[caller as usize],
            state: own,
        };
        items.messages.push(open);
        if ahead.words != 0 {
            items.messages.push(MessageItem { role: ItemRole::Ahead, state: ahead, ..open });
        }
    }

    fn notifications(
        &self,
        at: usize,
        room: &mut Room,
        sums: &mut Sums,
        items: &mut Items,
    ) -> Result<(), Trouble> {
        let Room { attempts: rows, spare_attempts: spare, .. } = room;
        rows.clear();
        for (worker, records) in self.records.iter().enumerate() {
            records.attempts.take(at, self.settings.spill, &mut |bytes| {
                rows.extend(bytes.chunks_exact(AttemptRecord::BYTES).map(|bytes| {
                    let attempt = AttemptRecord::unpack(bytes);
                    AttemptRecord {
                        attempted: self.merged.attempted_of[worker][attempt.attempted as usize],
                        caller: self.merged.caller(worker, attempt.caller),
                        ..attempt
                    }
                }));
            })?;
        }
        // Of two copies the first in the order of files stays, then the smaller content. Content is
        // compared by rank, because merged numbers depend on which worker read which row.
        let rank = &self.merged.rank;
        group::sort(self.settings.partition_bits, rows, spare, |a| {
            let (shared, kind) = &self.merged.attempted[a.attempted as usize];
            let said = (a.event_offset_us, rank.kinds[kind.at()], rank.callers[a.caller as usize]);
            (a.id, a.offset_us, a.identity, shared.file, said)
        });
        for group in rows.chunk_by(|a, b| a.id == b.id) {
            self.notification(group, sums, items);
        }
        Ok(())
    }

    fn notification(&self, group: &[AttemptRecord], sums: &mut Sums, items: &mut Items) {
        let (start_us, rank) = (self.settings.day.start_us(), &self.merged.rank);
        let (mut own, mut ahead): (Option<Delivery>, Option<Delivery>) = (None, None);
        let mut apart: Vec<Delivery> = Vec::new();
        let mut last: Option<&AttemptRecord> = None;
        for attempt in group {
            let is_ahead = attempt.offset_us >= DAY_US;
            let (shared, kind) = &self.merged.attempted[attempt.attempted as usize];
            if last.is_some_and(|l| (l.offset_us, l.identity) == (attempt.offset_us, attempt.identity)) {
                if !is_ahead {
                    *sums.duplicates.entry(shared.file).or_default() += 1;
                }
                continue;
            }
            last = Some(attempt);
            let one = Delivery::of(start_us + attempt.event_offset_us, start_us + attempt.offset_us, shared);
            let all = if is_ahead { &mut ahead } else { &mut own };
            match all {
                Some(all) => all.join(&one),
                none => *none = Some(one),
            }
            if !is_ahead {
                apart.push(one);
                sums.attempts += 1;
                let slot = (attempt.offset_us / self.settings.slot_length.us()) as u32;
                *entry(sums.rows.entry(*kind).or_default(), slot) += 1;
                if !shared.is_success {
                    *entry(sums.failing.entry(*kind).or_default(), slot) += 1;
                }
            }
        }
        let first = &group[0];
        let kind = self.merged.attempted[first.attempted as usize].1;
        let item = |role, delivery| NotificationItem {
            id: first.id,
            role,
            kind: rank.kinds[kind.at()],
            caller: rank.callers[first.caller as usize],
            delivery,
        };
        let is_ours = |d: &Delivery| (0..DAY_US).contains(&(d.event_us - start_us));
        let Some(own) = own else {
            items.notifications.extend(ahead.filter(is_ours).map(|d| item(ItemRole::Ahead, d)));
            return;
        };
        if !is_ours(&own) {
            // Its last hour may end between two of them, which a joined delivery could not tell.
            items.notifications.extend(apart.into_iter().map(|d| item(ItemRole::Foreign, d)));
            return;
        }
        let is_in_time = own.delay_us().is_none_or(|us| us <= self.settings.first_attempt_us);
        if own.outcome() == Outcome::Delivered && is_in_time && !own.lacks_first() {
            let place = self.settings.slot_length.place(own.event_us - start_us);
            let counts =
                entry(sums.notifications.entry((kind, own.delivered_status)).or_default(), place.slot);
            counts.events += 1;
            counts.sixtieths |= place.bit();
            sums.tally.notifications_closed += 1;
            if own.first_no == 0 {
                items.closed_notifications.push(short(first.id));
            }
            for (measure, value) in measured(&own) {
                sums.measure(kind, measure, value);
            }
            return;
        }
        sums.tally.notifications_open += 1;
        items.notifications.push(item(ItemRole::Open, own));
        items.notifications.extend(ahead.map(|d| item(ItemRole::Ahead, d)));
    }

    /// Returns the set of the sixtieth in which a call of the day began.
    fn bit(&self, offset_us: i64) -> u64 {
        self.settings.slot_length.place(offset_us).bit()
    }
}
