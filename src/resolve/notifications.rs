//! Notifications: the outcome of each notification of one day, from all days within reach.

use super::merge_join::{Merge, Shorts};
use super::unreadable::UndecidedNotification;
use super::{DaybookFolders, Resolver, Speaks};
use crate::day::{DAY_US, Day, SECOND_US};
use crate::daybook::delivery::{Delivery, measured};
use crate::daybook::{self, Closed, ItemRole, NotificationItem};
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

impl Resolver<'_> {
    /// Resolves the notifications of the day, from the day before and `reach` days after it.
    pub fn notifications(&mut self, daybooks: &DaybookFolders, reach: i64) -> Result<(), Trouble> {
        let mut streams = Vec::new();
        let mut days = Vec::new();
        for (other, folder) in daybooks.range(self.day.plus(-1)..=self.day.plus(reach)) {
            streams.push(daybook::notifications(folder)?);
            days.push(*other);
        }
        let mut closed = match daybooks.get(&self.day) {
            Some(folder) => Shorts::new(daybook::closed(folder, Closed::Notifications)?)?,
            None => return Ok(()),
        };
        let mut merge = Merge::new(streams, |item: &NotificationItem| item.id)?;
        while let Some((id, group)) = merge.next()? {
            let Some(told) = self.told(&days, &group, reach) else { continue };
            let attempts = u64::from(told.delivery.attempts);
            let is_elsewhere = told.from != self.day || told.item.role != ItemRole::Open;
            if is_elsewhere && closed.has(short(id))? {
                self.counts.attempts_after_delivery += attempts;
            } else if is_elsewhere && !told.delivery.has_first() {
                self.counts.orphan_attempts += attempts;
            } else {
                self.notification(&told)?;
            }
        }
        Ok(())
    }

    /// Joins a group of items into a notification of the day; `None` if it belongs to another day.
    fn told(&mut self, days: &[Day], group: &[(usize, NotificationItem)], reach: i64) -> Option<Told> {
        let (start_us, end_us) = (self.day.start_us(), self.day.end_us());
        let mut told: Option<Told> = None;
        // Later attempts without the instant of their event: they belong to the day of the first
        // attempt.
        let mut undated: Option<Delivery> = None;
        for (at, item) in group {
            let (from, delivery) = (days[*at], item.delivery);
            let is_own = from == self.day;
            match item.role {
                ItemRole::Foreign if is_own => {
                    let reached = self.day.plus(-reach)..=self.day.plus(1);
                    let is_near = Day::of_us(delivery.event_us).is_some_and(|e| reached.contains(&e));
                    if delivery.has_event() && !is_near {
                        self.counts.stray_attempts += u64::from(delivery.attempts);
                    }
                    continue;
                }
                ItemRole::Foreign if !delivery.has_event() => {
                    match &mut undated {
                        Some(all) => all.join(&delivery),
                        none => *none = Some(delivery),
                    }
                    continue;
                }
                ItemRole::Foreign if (start_us..end_us).contains(&delivery.event_us) => {}
                ItemRole::Open if is_own => {}
                ItemRole::Ahead if is_own && !self.has_next() => {}
                _ => continue,
            }
            let rank = |from: Day, item: &NotificationItem| {
                (from != self.day || item.role != ItemRole::Open, item.delivery.first_us, from)
            };
            match &mut told {
                None => told = Some(Told { delivery, item: *item, from }),
                Some(told) => {
                    told.delivery.join(&delivery);
                    if rank(from, item) < rank(told.from, &told.item) {
                        (told.item, told.from) = (*item, from);
                    }
                }
            }
        }
        if let (Some(told), Some(undated)) = (&mut told, undated) {
            told.delivery.join(&undated);
        }
        told
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
            self.own.delays.add(measure, &kind.service, &kind.region, value, 1);
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
        self.resolve_one(self.slot(delivery.event_us), kind, caller);
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
        // Without further attempts, this one was the last or one that failed inside: bad either way.
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
