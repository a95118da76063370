//! Carry: the rows of a day grouped by message and by notification. What is decided for good becomes facts, what other
//! days may still decide or must hear of becomes items.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::daybook::{Closed, Delays, ItemWriter, Lane, Measure, MessageItem, NotificationItem, Role, Tally};
use super::engine::{Pass, Settings};
use super::ids::{Id, short};
use super::merge::Merged;
use super::messages::{Said, Saying, State};
use super::notifications::{Attempt, Delivery};
use super::partitions::{PARTITIONS, Partitions};
use super::settle::Map;
use super::{Fact, Outcome, workers};
use crate::day::DAY_US;
use crate::error::Trouble;

/// What the join brought beside the items, which it wrote down.
#[derive(Default)]
pub struct Carried {
    /// Per fact of the calls: events that are messages now.
    pub moved: Map<u32, i64>,
    /// Messages and notifications that nothing can change any more.
    pub facts: Vec<Fact>,
    pub delays: Delays,
    pub lanes: Vec<Lane>,
    /// Copies of webhook rows, by file.
    pub duplicates: Map<u32, u64>,
    /// Webhook rows of the day without copies.
    pub attempts: u64,
    pub tally: Tally,
}

/// One worker's part.
#[derive(Default)]
struct Sums {
    open: Map<u32, i64>,
    closed: Map<u32, i64>,
    /// Closed notifications by slot, kind and HTTP status.
    notifications: Map<(u32, u32, u16), i64>,
    /// By measure, kind and value.
    delays: Map<(Measure, u32, i64), i64>,
    duplicates: Map<u32, u64>,
    /// Webhook rows by slot and kind of their notification.
    rows: Map<(u32, u32), u32>,
    attempts: u64,
    tally: Tally,
}

/// The items of one partition.
#[derive(Default)]
struct Items {
    messages: Vec<MessageItem>,
    notifications: Vec<NotificationItem>,
    closed_messages: Vec<u64>,
    closed_notifications: Vec<u64>,
}

/// Groups what the workers remembered; the items go to `folder`, ascending by id.
///
/// # Errors
/// Records cannot be read back, or items not be written.
pub fn carry(
    pass: &Pass,
    merged: &Merged,
    admitted: &[Partitions],
    settings: &Settings<'_>,
    folder: &Path,
) -> Result<Carried, Trouble> {
    let desk = Desk { pass, merged, admitted, settings };
    let next = AtomicUsize::new(0);
    let out = Mutex::new((ItemWriter::create(folder)?, 0, BTreeMap::new()));
    let work = || -> Result<Sums, Trouble> {
        let mut sums = Sums::default();
        loop {
            let at = next.fetch_add(1, Relaxed);
            if at >= PARTITIONS || !settings.is_joined {
                return Ok(sums);
            }
            let mut items = Items::default();
            desk.messages(at, &mut sums, &mut items)?;
            desk.notifications(at, &mut sums, &mut items)?;
            // Partitions are written in their order, so that the files ascend.
            let mut out = out.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let (writer, turn, waiting) = &mut *out;
            waiting.insert(at, items);
            while let Some(items) = waiting.remove(turn) {
                write(writer, items)?;
                *turn += 1;
            }
        }
    };
    let count = settings.workers.clamp(1, PARTITIONS);
    let sums = workers::run(count, work).into_iter().collect::<Result<Vec<_>, _>>()?;
    let (writer, _, _) = out.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    writer.close()?;
    Ok(desk.carried(sums))
}

fn write(writer: &mut ItemWriter, items: Items) -> Result<(), Trouble> {
    items.messages.into_iter().try_for_each(|item| writer.message(item))?;
    items.notifications.into_iter().try_for_each(|item| writer.notification(item))?;
    items.closed_messages.into_iter().try_for_each(|short| writer.closed(Closed::Messages, short))?;
    items.closed_notifications.into_iter().try_for_each(|short| writer.closed(Closed::Notifications, short))
}

struct Desk<'a> {
    pass: &'a Pass,
    merged: &'a Merged,
    admitted: &'a [Partitions],
    settings: &'a Settings<'a>,
}

impl Desk<'_> {
    fn messages(&self, at: usize, sums: &mut Sums, items: &mut Items) -> Result<(), Trouble> {
        let start_us = self.settings.day.start_us();
        let mut rows: Vec<(Saying, Option<i64>)> = Vec::new();
        for (worker, book) in self.pass.books.iter().enumerate() {
            book.messages.take(at, self.settings.spill, |bytes| {
                let mut saying = Saying::unpack(bytes);
                let mut code = None;
                match &mut saying.said {
                    Said::Admitted { fact, caller } => {
                        *fact = self.merged.of_worker[worker][*fact as usize];
                        *caller = self.merged.caller(worker, *caller);
                    }
                    Said::Status { code: number, .. } => {
                        let failure = (*number as usize).checked_sub(1);
                        code = failure.map(|at| book.failures[at]);
                    }
                }
                rows.push((saying, code));
            })?;
        }
        for survivors in self.admitted {
            survivors.take(at, self.settings.spill, |bytes| rows.push((Saying::unpack(bytes), None)))?;
        }
        rows.sort_unstable_by_key(|(saying, _)| saying.id);
        for group in rows.chunk_by(|a, b| a.0.id == b.0.id) {
            let (mut own, mut ahead) = (State::NONE, State::NONE);
            let mut admissions: Vec<(i64, u32, u32)> = Vec::new();
            for (saying, code) in group {
                match saying.said {
                    Said::Admitted { fact, caller } => admissions.push((saying.offset_us, fact, caller)),
                    Said::Status { word, is_ahead, .. } => {
                        let state = State::of(word, start_us + saying.offset_us, *code);
                        if is_ahead { ahead.join(&state) } else { own.join(&state) }
                    }
                }
            }
            self.message(group[0].0.id, &admissions, (own, ahead), sums, items);
        }
        Ok(())
    }

    fn message(
        &self,
        id: Id,
        admissions: &[(i64, u32, u32)],
        (own, ahead): (State, State),
        sums: &mut Sums,
        items: &mut Items,
    ) {
        let start_us = self.settings.day.start_us();
        sums.tally.statuses += u64::from(own.statuses());
        let rank = &self.merged.rank;
        // Of several calls that name one message the first to be told so admitted it; the others remain calls.
        let content = |(offset, fact, caller): &(i64, u32, u32)| {
            let (slot, kind, _) = self.merged.facts[*fact as usize];
            let is_error = !self.merged.kinds[kind as usize].has_admitted();
            (is_error, *offset, slot, rank.kinds[kind as usize], rank.callers[*caller as usize])
        };
        let Some(&(offset, fact, caller)) = admissions.iter().min_by_key(|a| content(a)) else {
            if own.words != 0 {
                items.messages.push(MessageItem {
                    id,
                    role: Role::Foreign,
                    at_us: 0,
                    kind: 0,
                    caller: 0,
                    state: own,
                });
            }
            return;
        };
        sums.tally.admitted_again += admissions.len() as u64 - 1;
        sums.tally.messages_told += u64::from(own.words != 0);
        let at_us = start_us + offset;
        let (_, kind, _) = self.merged.facts[fact as usize];
        let due_us = at_us + self.settings.first_status_us;
        let is_in_time = own.first_us <= due_us || self.merged.kinds[kind as usize].is_held();
        if own.is_delivered() && !own.is_contradicted() && is_in_time {
            *sums.closed.entry(fact).or_default() += 1;
            let delay = (own.first_us - at_us).max(0);
            *sums.delays.entry((Measure::FirstStatus, kind, bucketed(delay))).or_default() += 1;
            items.closed_messages.push(short(id));
            return;
        }
        *sums.open.entry(fact).or_default() += 1;
        let open = MessageItem {
            id,
            role: Role::Open,
            at_us,
            kind: rank.kinds[kind as usize],
            caller: rank.callers[caller as usize],
            state: own,
        };
        items.messages.push(open);
        if ahead.words != 0 {
            items.messages.push(MessageItem { role: Role::Ahead, state: ahead, ..open });
        }
    }

    fn notifications(&self, at: usize, sums: &mut Sums, items: &mut Items) -> Result<(), Trouble> {
        let mut rows: Vec<Attempt> = Vec::new();
        for (worker, book) in self.pass.books.iter().enumerate() {
            book.attempts.take(at, self.settings.spill, |bytes| {
                let attempt = Attempt::unpack(bytes);
                rows.push(Attempt {
                    attempted: self.merged.attempted_of[worker][attempt.attempted as usize],
                    caller: self.merged.caller(worker, attempt.caller),
                    ..attempt
                });
            })?;
        }
        // Of copies the first in the order of files stays.
        let file = |a: &Attempt| self.merged.attempted[a.attempted as usize].0.file;
        rows.sort_unstable_by_key(|a| {
            (a.id, a.offset_us, a.identity, file(a), a.event_offset_us, a.attempted)
        });
        for group in rows.chunk_by(|a, b| a.id == b.id) {
            self.notification(group, sums, items);
        }
        Ok(())
    }

    fn notification(&self, group: &[Attempt], sums: &mut Sums, items: &mut Items) {
        let (start_us, rank) = (self.settings.day.start_us(), &self.merged.rank);
        let (mut own, mut ahead): (Option<Delivery>, Option<Delivery>) = (None, None);
        let mut last: Option<&Attempt> = None;
        for attempt in group {
            let is_ahead = attempt.offset_us >= DAY_US;
            let (shared, _) = &self.merged.attempted[attempt.attempted as usize];
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
                sums.attempts += 1;
                let slot = (attempt.offset_us / self.settings.slot_length.us()) as u32;
                *sums.rows.entry((slot, self.merged.attempted[attempt.attempted as usize].1)).or_default() +=
                    1;
            }
        }
        let first = &group[0];
        let kind = self.merged.attempted[first.attempted as usize].1;
        let item = |role, delivery| NotificationItem {
            id: first.id,
            role,
            kind: rank.kinds[kind as usize],
            caller: rank.callers[first.caller as usize],
            delivery,
        };
        let is_ours = |d: &Delivery| (0..DAY_US).contains(&(d.event_us - start_us));
        let Some(own) = own else {
            items.notifications.extend(ahead.filter(is_ours).map(|d| item(Role::Ahead, d)));
            return;
        };
        if !is_ours(&own) {
            items.notifications.push(item(Role::Foreign, own));
            return;
        }
        let is_in_time = own.delay_us().is_none_or(|us| us <= self.settings.first_attempt_us);
        if own.outcome() == Outcome::Delivered && is_in_time {
            let slot = ((own.event_us - start_us) / self.settings.slot_length.us()) as u32;
            *sums.notifications.entry((slot, kind, own.delivered_status)).or_default() += 1;
            sums.tally.notifications_closed += 1;
            if own.first_no == 0 {
                items.closed_notifications.push(short(first.id));
            }
            for (measure, value) in measured(&own) {
                *sums.delays.entry((measure, kind, bucketed(value))).or_default() += 1;
            }
            return;
        }
        sums.tally.notifications_open += 1;
        items.notifications.push(item(Role::Open, own));
        items.notifications.extend(ahead.map(|d| item(Role::Ahead, d)));
    }

    fn carried(&self, sums: Vec<Sums>) -> Carried {
        let mut carried = Carried::default();
        let mut admitted: BTreeMap<&str, (BTreeMap<u32, u32>, Vec<String>)> = BTreeMap::new();
        let kinds = &self.merged.kinds;
        let rank = &self.merged.rank;
        for sum in &sums {
            for (fact, n) in sum.open.iter().chain(&sum.closed) {
                *carried.moved.entry(*fact).or_default() += n;
                let (slot, kind, _) = self.merged.facts[*fact as usize];
                let kind = &kinds[kind as usize];
                // A failing answer admits nothing that a status would be due for.
                if kind.has_admitted() {
                    let (slots, services) = admitted.entry(&kind.region).or_default();
                    *slots.entry(slot).or_default() += *n as u32;
                    if !services.contains(&kind.service) {
                        services.push(kind.service.clone());
                    }
                }
            }
            for (fact, events) in &sum.closed {
                let (slot, kind, caller) = self.merged.facts[*fact as usize];
                let kind = rank.kinds[self.merged.closed[&(kind, 0)] as usize];
                let caller = rank.callers[caller as usize];
                carried.facts.push(Fact { slot, kind, caller, events: *events });
            }
            for ((slot, kind, status), events) in &sum.notifications {
                let kind = rank.kinds[self.merged.closed[&(*kind, *status)] as usize];
                carried.facts.push(Fact { slot: *slot, kind, caller: rank.callers[0], events: *events });
            }
            for ((measure, kind, value), n) in &sum.delays {
                let kind = &kinds[*kind as usize];
                carried.delays.add(*measure, &kind.service, &kind.region, *value, *n);
            }
            sum.duplicates.iter().for_each(|(file, n)| *carried.duplicates.entry(*file).or_default() += n);
            carried.attempts += sum.attempts;
            let (t, s) = (&mut carried.tally, &sum.tally);
            t.messages_open += sum.open.values().sum::<i64>().unsigned_abs();
            t.messages_closed += sum.closed.values().sum::<i64>().unsigned_abs();
            t.notifications_open += s.notifications_open;
            t.notifications_closed += s.notifications_closed;
            t.statuses += s.statuses;
            t.messages_told += s.messages_told;
            t.admitted_again += s.admitted_again;
        }
        carried.lanes = self.lanes(&admitted, &sums);
        carried
    }

    fn lanes(
        &self,
        admitted: &BTreeMap<&str, (BTreeMap<u32, u32>, Vec<String>)>,
        sums: &[Sums],
    ) -> Vec<Lane> {
        let mut lanes: BTreeMap<String, (Lane, BTreeMap<u32, u32>)> = BTreeMap::new();
        for (region, (slots, services)) in admitted {
            let (lane, _) = lanes.entry((*region).to_owned()).or_default();
            lane.admitted = slots.iter().map(|(slot, n)| (*slot, *n)).collect();
            lane.services.clone_from(services);
            lane.services.sort();
        }
        for ((slot, kind), n) in sums.iter().flat_map(|sum| &sum.rows) {
            let region = &self.merged.kinds[*kind as usize].region;
            let (_, rows) = lanes.entry(region.clone()).or_default();
            *rows.entry(*slot).or_default() += n;
        }
        for book in &self.pass.books {
            for (region, heard) in &book.lanes {
                let (lane, _) = lanes.entry(book.names.regions.text(*region).to_owned()).or_default();
                lane.last_us = lane.last_us.max(heard.last_us);
                lane.ahead_us = lane.ahead_us.max(heard.ahead_us);
            }
        }
        let finish = |(region, (lane, rows)): (String, (Lane, BTreeMap<u32, u32>))| Lane {
            region,
            rows: rows.into_iter().collect(),
            ..lane
        };
        lanes.into_iter().map(finish).collect()
    }
}

/// What a delivered notification is measured by.
pub fn measured(delivery: &Delivery) -> impl Iterator<Item = (Measure, i64)> {
    let delay = delivery.delay_us().map(|us| (Measure::FirstAttempt, us.max(0)));
    let attempts = delivery.attempts_to_success().map(|n| (Measure::AttemptsToSuccess, n.into()));
    delay.into_iter().chain(attempts)
}

/// The value that stands for all of its bucket, so that few different ones are kept.
pub fn bucketed(value: i64) -> i64 {
    let bucket = super::latency::bucket(u64::try_from(value).unwrap_or(0));
    super::latency::bucket_floor(bucket) as i64
}
