//! Counts: events by account, minutes by good and bad events, and log rows, booked in passing.

use super::MessagesTruth;
use super::accounts::{Fold, MessageFate, MessageTiming, Verdict, VerdictEntry};
use super::explained::{Waiting, explained};
use super::gaps::{DUE_MINUTES, Gaps};
use crate::day::{DAY_US, Day, MINUTE_US};
use crate::sample::traffic::outcomes::{End, EndGroup};
use crate::sample::traffic::stories::{DAY, MESSAGES, REGIONS, SERVICES, WEBHOOKS};
use crate::sample::traffic::{Event, SOURCES};

/// The events of one minute, service and region.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    pub good: u32,
    pub bad: u32,
    pub user: u32,
    /// Bad events with a code other than 2.
    pub plain_bad: u32,
    /// Messages without a status in time that a gap of the log may have hidden.
    pub unknown: u32,
}

impl Tally {
    fn add(&mut self, group: EndGroup, error_code: Option<i64>) {
        match group {
            EndGroup::Good => self.good += 1,
            EndGroup::Bad => {
                self.bad += 1;
                self.plain_bad += u32::from(error_code != Some(2));
            }
            EndGroup::User => self.user += 1,
            EndGroup::Unknown => self.unknown += 1,
            EndGroup::Aside => {}
        }
    }
}

/// Messages admitted in one minute and region.
#[derive(Debug, Clone, Copy, Default)]
struct Admitted {
    /// Admitted by a success answer.
    all: u32,
    /// Without a status in time: late ones, and ones without any status.
    open: [u32; 2],
    /// The same, outside the service.
    open_aside: [u32; 2],
}

/// The two kinds of events that webhooks tell of: messages and notifications.
pub const TOLD: usize = 2;

/// The books of one day.
#[derive(Debug, Clone)]
pub struct DayBook {
    /// Calls by source, service, region and end.
    pub calls: [[[[u64; End::ALL.len()]; REGIONS.len()]; SERVICES.len()]; SOURCES.len()],
    /// Messages, then notifications: by region and verdict.
    pub told: [[[u64; Verdict::ALL.len()]; REGIONS.len()]; TOLD],
    pub messages: [MessagesTruth; REGIONS.len()],
    pub duplicate_calls: u64,
    pub attempts: u64,
    pub duplicate_attempts: u64,
    pub orphan_statuses: u64,
    pub orphan_attempts: u64,
    pub contradicted_messages: u64,
}

/// The counts of a whole sample.
pub struct Books {
    first_us: i64,
    pub days: Vec<Box<DayBook>>,
    /// By minute of the sample.
    pub tallies: Vec<[[Tally; REGIONS.len()]; SERVICES.len()]>,
    admitted: Vec<[Admitted; REGIONS.len()]>,
    /// Notifications that a missing attempt may explain.
    waiting: [Vec<Waiting>; REGIONS.len()],
    /// Instants of the webhook rows that cannot be read.
    broken_us: [Vec<i64>; REGIONS.len()],
    /// The lost webhook file: its region and its day.
    pub lost: Option<(u8, [i64; 2])>,
    /// Webhook rows of the region in each minute, without copies.
    lanes: [Vec<u64>; REGIONS.len()],
    /// Webhook rows of the day after the last one, copies included.
    pub later_rows: u64,
}

impl Books {
    pub fn new(first: Day, days: u32) -> Self {
        let empty = DayBook {
            calls: [[[[0; End::ALL.len()]; REGIONS.len()]; SERVICES.len()]; SOURCES.len()],
            told: [[[0; Verdict::ALL.len()]; REGIONS.len()]; TOLD],
            messages: REGIONS.map(MessagesTruth::of),
            duplicate_calls: 0,
            attempts: 0,
            duplicate_attempts: 0,
            orphan_statuses: 0,
            orphan_attempts: 0,
            contradicted_messages: 0,
        };
        let minutes = (days * DAY) as usize;
        Self {
            first_us: first.start_us(),
            days: (0..days).map(|_| Box::new(empty.clone())).collect(),
            tallies: vec![Default::default(); minutes],
            admitted: vec![Default::default(); minutes],
            waiting: Default::default(),
            broken_us: Default::default(),
            lost: None,
            lanes: std::array::from_fn(|_| vec![0; minutes]),
            later_rows: 0,
        }
    }

    fn minute(&self, us: i64) -> usize {
        ((us - self.first_us) / MINUTE_US) as usize
    }

    /// Returns the day of an instant, if it is in the sample.
    fn day(&mut self, us: i64) -> Option<&mut DayBook> {
        self.days.get_mut(((us - self.first_us) / DAY_US) as usize).map(Box::as_mut)
    }

    /// Books the row of a call, unless it may be a message: its outcome is known only later.
    pub fn row(&mut self, event: &Event) {
        if event.flaw != 0 {
            return;
        }
        if event.is_copy {
            self.days[event.day as usize].duplicate_calls += 1;
        } else if !event.has_message() {
            self.call(event);
        }
    }

    fn call(&mut self, event: &Event) {
        let (source, service, region) =
            (usize::from(event.source), usize::from(event.service), usize::from(event.region));
        self.days[event.day as usize].calls[source][service][region][event.end as usize] += 1;
        let outcome = event.end.outcome();
        let minute = self.minute(event.ts_us);
        self.tallies[minute][service][region].add(outcome.group, outcome.error_code);
    }

    /// Books a call whose answer has a message id, by its statuses.
    pub fn message(&mut self, event: &Event, fold: &Fold) {
        let is_update = event.end == End::ApiUpdateWithId;
        if is_update && !matches!(fold.state(), MessageFate::Delivered | MessageFate::Sent) {
            return self.call(event);
        }
        let (minute, region) = (self.minute(event.ts_us), usize::from(event.region));
        let timing = fold.timing(event.ts_us, event.end);
        let verdict = fold.verdict(timing, event.end);
        let day = &mut self.days[event.day as usize];
        day.contradicted_messages += u64::from(fold.is_contradicted());
        let messages = &mut day.messages[region];
        messages.admitted += 1;
        *match fold.state() {
            MessageFate::Delivered => &mut messages.delivered,
            MessageFate::Failed => &mut messages.failed,
            MessageFate::Sent => &mut messages.sent,
            MessageFate::None => &mut messages.none,
        } += 1;
        let admitted = &mut self.admitted[minute][region];
        admitted.all += u32::from(!is_update);
        let open = match verdict {
            Some(verdict) if verdict.is_out_of_scope() => Some(&mut admitted.open_aside),
            None => Some(&mut admitted.open),
            _ => None,
        };
        match (timing, open) {
            (MessageTiming::InTime, _) => messages.in_time += 1,
            (MessageTiming::NotDue, _) => messages.not_due += 1,
            (MessageTiming::Late, Some(open)) => open[0] += 1,
            (MessageTiming::Overdue, Some(open)) => open[1] += 1,
            (MessageTiming::Late | MessageTiming::Overdue, None) => messages.late += 1,
        }
        if let Some(verdict) = verdict {
            day.told[0][region][verdict as usize] += 1;
            let VerdictEntry { group, error_code, .. } = verdict.entry();
            self.tallies[minute][MESSAGES][region].add(group, error_code);
        }
    }

    /// Keeps a notification that is bad unless a missing attempt explains it.
    pub fn waiting(&mut self, region: u8, waiting: Waiting) {
        self.waiting[usize::from(region)].push(waiting);
    }

    /// Notes a webhook row that cannot be read.
    pub fn broken_row(&mut self, ts_us: i64, region: u8) {
        self.broken_us[usize::from(region)].push(ts_us);
    }

    /// Books a notification in the minute of its event, which must be in the sample.
    pub fn notification(&mut self, event_us: i64, region: u8, verdict: Verdict) {
        let (minute, region) = (self.minute(event_us), usize::from(region));
        if let Some(day) = self.day(event_us) {
            day.told[1][region][verdict as usize] += 1;
            let VerdictEntry { group, error_code, .. } = verdict.entry();
            self.tallies[minute][WEBHOOKS][region].add(group, error_code);
        }
    }

    /// Books one attempt and its number of rows, copies included.
    pub fn attempt(&mut self, ts_us: i64, region: u8, rows: u64) {
        let minute = self.minute(ts_us);
        if let Some(day) = self.day(ts_us) {
            day.attempts += 1;
            day.duplicate_attempts += rows - 1;
            self.lanes[usize::from(region)][minute] += 1;
        } else {
            self.later_rows += rows;
        }
    }

    /// Counts an attempt of a notification that cannot be judged on the day of its event.
    pub fn orphan_attempt(&mut self, event_us: i64) {
        if let Some(day) = self.day(event_us) {
            day.orphan_attempts += 1;
        }
    }

    /// Counts a status of a message that no request row has, on the day of its attempt.
    pub fn orphan_status(&mut self, ts_us: i64) {
        if let Some(day) = self.day(ts_us) {
            day.orphan_statuses += 1;
        }
    }

    /// Returns good and bad notifications of the other regions, of events in this minute.
    pub fn notifications_beside(&self, minute: u32, region: usize) -> u32 {
        let tallies = self.tallies[minute as usize][WEBHOOKS].iter().enumerate();
        tallies.filter(|(at, _)| *at != region).map(|(_, tally)| tally.good + tally.bad).sum()
    }

    /// Returns the broken rows of a day and of the day after it, which the day is settled by.
    fn broken_near(&self, region: usize, day: usize) -> Vec<i64> {
        let start_us = self.first_us + day as i64 * DAY_US;
        let near = start_us..start_us + 2 * DAY_US;
        self.broken_us[region].iter().copied().filter(|us| near.contains(us)).collect()
    }

    /// Books notifications as unknown, at the end, if a lost file or a broken row explains them.
    fn settle_waiting(&mut self, region: usize) {
        let waiting = std::mem::take(&mut self.waiting[region]);
        let lost = self.lost.filter(|(lost, _)| usize::from(*lost) == region).map(|(_, span)| span);
        let in_lost =
            |item: &Waiting| lost.is_some_and(|[from, to]| from <= item.due_us[1] && item.due_us[0] < to);
        for day in 0..self.days.len() {
            let start_us = self.first_us + day as i64 * DAY_US;
            let of_day = waiting.iter().filter(|item| (start_us..start_us + DAY_US).contains(&item.event_us));
            let (lost, left): (Vec<&Waiting>, Vec<&Waiting>) = of_day.partition(|item| in_lost(item));
            let open: Vec<&Waiting> = left.into_iter().filter(|item| item.is_decided).collect();
            let spans: Vec<[i64; 2]> = open.iter().map(|item| item.due_us).collect();
            let explained = explained(&self.broken_near(region, day), &spans);
            let found = open.iter().zip(explained).filter(|(_, is_explained)| *is_explained);
            for item in lost.iter().chain(found.map(|(item, _)| item)) {
                self.notification(item.event_us, region as u8, Verdict::Unknown);
                self.take_back(item, region);
            }
        }
    }

    /// Takes back a notification that was booked as bad: it is unknown.
    fn take_back(&mut self, item: &Waiting, region: usize) {
        let minute = self.minute(item.event_us);
        let Some(day) = self.day(item.event_us) else { return };
        day.told[1][region][item.verdict as usize] -= 1;
        let tally = &mut self.tallies[minute][WEBHOOKS][region];
        tally.bad -= 1;
        tally.plain_bad -= 1;
        tally.unknown += 1;
    }

    /// Returns how many missed messages of each minute a row that cannot be read explains.
    fn explained_messages(&self, region: usize, gaps: &Gaps) -> Vec<u32> {
        let mut explained = vec![0; self.admitted.len()];
        for day in 0..self.days.len() {
            let minutes = day * DAY as usize..(day + 1) * DAY as usize;
            let mut rows = self.broken_near(region, day);
            rows.sort_unstable();
            for row in rows {
                let at = ((row - self.first_us) / MINUTE_US) as usize;
                let waits = |minute: &usize| {
                    let open: u32 = self.admitted[*minute][region].open.iter().sum();
                    minutes.contains(minute) && !gaps.touched[*minute] && open > explained[*minute]
                };
                let near = at.saturating_sub(DUE_MINUTES)..=at.min(explained.len() - 1);
                if let Some(minute) = near.clone().find(waits) {
                    explained[minute] += 1;
                }
            }
        }
        explained
    }

    /// Settles messages without a status in time, at the end, and returns the gaps by region.
    ///
    /// They were missed, or are unknown where the log has a gap.
    pub fn settle(&mut self) -> [Gaps; REGIONS.len()] {
        std::array::from_fn(|region| {
            let admitted: Vec<u64> = self.admitted.iter().map(|all| u64::from(all[region].all)).collect();
            let gaps = Gaps::find(&self.lanes[region], &admitted);
            self.settle_waiting(region);
            let explained = self.explained_messages(region, &gaps);
            for (minute, tallies) in self.tallies.iter_mut().enumerate() {
                let Admitted { open, open_aside, .. } = self.admitted[minute][region];
                let day = &mut self.days[minute / DAY as usize];
                let messages = &mut day.messages[region];
                let [late, overdue] = [0, 1].map(|at| u64::from(open[at] + open_aside[at]));
                let judged = open[0] + open[1];
                let tally = &mut tallies[MESSAGES][region];
                let verdict = if gaps.touched[minute] {
                    messages.unseen += late + overdue;
                    tally.unknown += judged;
                    Verdict::Unknown
                } else {
                    messages.late += late;
                    messages.overdue += overdue;
                    Verdict::Missed
                };
                // A message without any status is explained before one that came late.
                let known = if verdict == Verdict::Missed { explained[minute] } else { 0 };
                let overdue = u64::from(known.min(open[1]));
                messages.overdue -= overdue;
                messages.late -= u64::from(known) - overdue;
                messages.unseen += u64::from(known);
                tally.unknown += known;
                if verdict == Verdict::Missed {
                    tally.bad += judged - known;
                    tally.plain_bad += judged - known;
                }
                day.told[0][region][verdict as usize] += u64::from(judged - known);
                day.told[0][region][Verdict::Unknown as usize] += u64::from(known);
            }
            gaps
        })
    }
}
