//! Notifications: the outcome of each notification of one day, from all days within reach.

use super::merge_join::{Merge, Shorts};
use super::unreadable::UndecidedNotification;
use super::{DaybookFolders, Resolver, Speaks};
use crate::day::{DAY_US, Day, SECOND_US};
use crate::daybook::delivery::{AttemptTraits, Delivery, measured};
use crate::daybook::{self, Closed, IdRange, ItemRole, NotificationItem};
use crate::error::Trouble;
use crate::facts::ids::short;
use crate::facts::{Kind, Outcome, Timing};

/// The known attempts of one notification, joined.
struct Told {
    delivery: Delivery,
    /// The item whose kind and caller count: that of the day's own rows, else the earliest.
    item: NotificationItem,
    from: Day,
}

impl Told {
    fn is_own(&self, day: Day) -> bool {
        self.from == day && self.item.role == ItemRole::Open
    }
}

impl Resolver<'_> {
    /// Resolves the notifications of the day in a range of ids, from daybooks within `reach` days.
    ///
    /// Every attempt in the day's own rows is counted on exactly one day: in an account, as an
    /// orphan, as a stray or as an attempt after delivery.
    pub fn notifications(
        &mut self,
        daybooks: &DaybookFolders,
        reach: i64,
        ids: IdRange,
    ) -> Result<(), Trouble> {
        let mut streams = Vec::new();
        let mut days = Vec::new();
        let mut closed_before = Vec::new();
        for (other, folder) in daybooks.range(self.day.plus(-reach)..=self.day.plus(reach)) {
            streams.push(daybook::notifications(folder, ids)?);
            days.push(*other);
            if *other < self.day {
                let closed = daybook::closed(folder, Closed::Notifications, ids)?;
                closed_before.push(Shorts::new(closed)?);
            }
        }
        let mut closed = match daybooks.get(&self.day) {
            Some(folder) => Shorts::new(daybook::closed(folder, Closed::Notifications, ids)?)?,
            None => return Ok(()),
        };
        let mut merge = Merge::new(streams, |item: &NotificationItem| item.id)?;
        while let Some((id, group)) = merge.next()? {
            self.unmatched(&days, &group);
            let Some(told) = self.told(&days, &group) else { continue };
            let attempts = u64::from(told.delivery.attempts);
            let is_own = told.is_own(self.day);
            let mut is_delivered_before = !is_own && closed.has(short(id))?;
            if is_own && told.item.delivery.first_no == 0 {
                for shorts in &mut closed_before {
                    is_delivered_before |= shorts.has(short(id))?;
                }
            }
            if is_delivered_before {
                self.counts.attempts_after_delivery += attempts;
            } else if told.delivery.lacks_first() {
                self.counts.orphan_attempts += attempts;
            } else {
                self.notification(&told)?;
            }
        }
        Ok(())
    }

    /// Counts the day's own attempts of notifications that no day judges.
    ///
    /// `days` are the days within reach that have a daybook.
    fn unmatched(&mut self, days: &[Day], group: &[(usize, NotificationItem)]) {
        let own = group.iter().filter(|(at, item)| days[*at] == self.day && item.role == ItemRole::Foreign);
        let mut attempts = 0;
        for delivery in own.map(|(_, item)| item.delivery) {
            let of_item = u64::from(delivery.attempts);
            if delivery.has_event() {
                let event = Day::of_us(delivery.event_us);
                let is_near = event.is_some_and(|day| day <= self.day.plus(1) && days.contains(&day));
                self.counts.stray_attempts += if is_near { 0 } else { of_item };
            } else {
                attempts += of_item;
            }
        }
        if attempts == 0 {
            return;
        }
        // The day of the event counts them, if any row tells it.
        let tells = |(at, item): &(usize, NotificationItem)| {
            let from = days[*at];
            let event = Day::of_us(item.delivery.event_us);
            item.role != ItemRole::Ahead
                && item.delivery.has_event()
                && event.is_some_and(|e| e <= self.day && days.contains(&e) && e <= from.plus(1))
        };
        self.counts.orphan_attempts += if group.iter().any(tells) { 0 } else { attempts };
    }

    /// Joins a group of items into a notification of the day; `None` if it belongs to another day.
    fn told(&self, days: &[Day], group: &[(usize, NotificationItem)]) -> Option<Told> {
        let (start_us, end_us) = (self.day.start_us(), self.day.end_us());
        let mut told: Option<Told> = None;
        // Later attempts that do not tell the instant of the event, or tell one of a later day.
        // They belong to the day of the first attempt.
        let mut undated: Option<Delivery> = None;
        let mut continued: Option<Delivery> = None;
        let join = |all: &mut Option<Delivery>, delivery: &Delivery| match all {
            Some(all) => all.join(delivery),
            none => *none = Some(*delivery),
        };
        let mut is_begun_before = false;
        let first_us = group.iter().map(|(_, item)| item.delivery.first_us).min();
        let until_us = first_us.map_or(i64::MAX, |first_us| first_us + self.window_us());
        for (at, item) in group {
            let (from, delivery) = (days[*at], item.delivery);
            // After its last hour nothing changes a notification any more.
            let counted = delivery.until(until_us);
            let is_own = from == self.day;
            match item.role {
                ItemRole::Open if from < self.day => {
                    is_begun_before = true;
                    continue;
                }
                ItemRole::Open if !is_own => {
                    if is_continuation(&delivery) {
                        join(&mut continued, &counted);
                    }
                    continue;
                }
                ItemRole::Foreign if !delivery.has_event() => {
                    if from >= self.day {
                        join(&mut undated, &counted);
                    }
                    continue;
                }
                ItemRole::Foreign if is_own || from < self.day.plus(-1) => continue,
                ItemRole::Foreign if (start_us..end_us).contains(&delivery.event_us) => {}
                ItemRole::Open => {}
                ItemRole::Ahead if is_own && !self.has_next() => {}
                _ => continue,
            }
            let rank = |from: Day, item: &NotificationItem| {
                (from != self.day || item.role != ItemRole::Open, item.delivery.first_us, from)
            };
            match &mut told {
                None => told = Some(Told { delivery: counted, item: *item, from }),
                Some(told) => {
                    told.delivery.join(&counted);
                    if rank(from, item) < rank(told.from, &told.item) {
                        (told.item, told.from) = (*item, from);
                    }
                }
            }
        }
        let mut told = told?;
        let is_own = told.is_own(self.day);
        if is_own && is_begun_before && is_continuation(&told.item.delivery) {
            return None;
        }
        let continued = continued.filter(|_| is_own);
        undated.iter().chain(&continued).for_each(|later| told.delivery.join(later));
        Some(told)
    }

    fn notification(&mut self, told: &Told) -> Result<(), Trouble> {
        let Told { delivery, item, from } = told;
        let (kind, caller) = match self.around.get(from) {
            None => (self.kind_of(item.kind, item.id)?.clone(), self.caller_of(item.caller, item.id)?),
            Some(other) => {
                let kind = other.kinds.get(item.kind as usize);
                let caller = other.callers.get(item.caller as usize);
                let (Some(kind), Some(caller)) = (kind, caller) else {
                    return Err(self.damaged(*from, item.id));
                };
                let (kind, caller) = (kind.clone(), caller.clone());
                (kind, self.caller(&caller))
            }
        };
        for (measure, value) in measured(delivery) {
            self.delays.add(measure, &kind.service, &kind.region, value, 1);
        }
        let timing = self.promptness(&kind.region, delivery);
        let is_bad = matches!(timing, Timing::Late | Timing::Stopped);
        if is_bad && self.has_unreadable_rows(&kind.region) {
            let delivery = *delivery;
            self.undecided.notifications.push(UndecidedNotification { delivery, kind, caller, timing });
            return Ok(());
        }
        self.resolve_notification(delivery, kind, caller, timing);
        Ok(())
    }

    /// Counts a notification, with its timing as decided.
    pub fn resolve_notification(&mut self, delivery: &Delivery, kind: Kind, caller: u32, timing: Timing) {
        let outcome = delivery.outcome();
        let is_good = outcome == Outcome::Delivered && timing == Timing::InTime;
        let kind = Kind {
            outcome,
            timing,
            http_status: delivery.http_status(),
            symptom: delivery.symptom(),
            ..kind
        };
        let kind = self.kind(kind);
        let caller = if is_good { self.caller("") } else { caller };
        self.resolve_one(delivery.event_us, kind, caller);
    }

    /// Judges the platform's part: a first attempt in time, then retries until the end (R7).
    fn promptness(&mut self, region: &str, delivery: &Delivery) -> Timing {
        let webhooks = &self.config.webhooks;
        let late_us = i64::from(webhooks.first_attempt_seconds) * SECOND_US;
        let due_us = delivery.event_us + late_us;
        if delivery.delay_us().is_some_and(|us| us > late_us) {
            // An earlier attempt may stand in a log that is missing.
            let is_lost = self.has_lost_webhooks(region, delivery.event_us, due_us);
            return if is_lost { Timing::Unseen } else { Timing::Late };
        }
        let given_up_us = delivery.event_us + i64::from(webhooks.retry_days) * DAY_US;
        let pause_us = i64::from(webhooks.max_retry_pause_seconds) * SECOND_US;
        let is_open = delivery.outcome() != Outcome::Delivered && delivery.last_us < given_up_us;
        let next_us = (delivery.last_us + pause_us).min(given_up_us);
        let may_go_on = is_open && self.has_lost_webhooks(region, delivery.last_us, next_us);
        // Later attempts of a notification without an id could not be assigned to it.
        if !is_open || delivery.is_alone() {
            return Timing::InTime;
        }
        // An internal error is bad if no attempt follows, also while more may come.
        let is_internal = delivery.outcome() == Outcome::Internal;
        // After the end of the retry period no attempt is expected.
        let known_us = self.watermark(region, Speaks::OfItself).map(|last| last.min(given_up_us));
        let has_stopped = known_us.is_some_and(|last| last - delivery.last_us > pause_us);
        match has_stopped || is_internal {
            true if may_go_on => Timing::Unseen,
            _ if has_stopped => Timing::Stopped,
            _ => Timing::InTime,
        }
    }
}

/// True if the attempts can be retries of a notification that began on an earlier day.
const fn is_continuation(delivery: &Delivery) -> bool {
    delivery.first_no != 1 && delivery.first_no < AttemptTraits::ALONE
}
