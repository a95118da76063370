//! Traffic: the calls of each minute, ordinary ones and those of the stories.

pub mod callers;
pub mod curve;
pub mod outcomes;
pub mod stories;
pub mod webhook_stories;

use curve::Curve;
use outcomes::{End, EndGroup, ordinary};
use stories::{CALLED, DAY, Doing, MANAGEMENT, MESSAGES, REGIONS, Story};

use super::rng::Dice;
use super::webhooks::shipping_queue::Due;
use super::webhooks::statuses::Fate;
use crate::day::{Day, MINUTE_US, SECOND_US};

/// The logs of the platform's first layer, of the callers' proxies, and of the webhook proxy.
pub const SOURCES: [&str; 3] = ["requests", "egress", "webhooks"];
pub const REQUESTS: usize = 0;
pub const EGRESS: usize = 1;
pub const WEBHOOKS: usize = 2;
/// Number of callers.
pub const CALLERS: usize = 500;
/// The caller whose token expires.
const STORM_CALLER: u16 = 7;

/// One row of a call, to be written.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    pub ts_us: i64,
    /// The instant at which the row is shipped; it decides the file and the place in it.
    pub shipped_us: i64,
    /// Number within the day; with the day it identifies the call.
    pub number: u32,
    /// Days since the first day of the sample.
    pub day: u32,
    pub recipient: u32,
    pub duration_tenths: u32,
    pub caller: u16,
    /// Number of the file among those of its day and region.
    pub part: u16,
    pub source: u8,
    pub service: u8,
    pub region: u8,
    pub end: End,
    /// The fate of the message that it admitted, if any.
    pub fate: Fate,
    /// A copy of another row, which may be written before or after it.
    pub is_copy: bool,
    /// 1 to 3 for a row that is broken in one of three ways; 0 for a good one.
    pub flaw: u8,
}

impl Event {
    /// True if the answer has a message id.
    pub fn has_message(&self) -> bool {
        usize::from(self.source) == REQUESTS
            && usize::from(self.service) == MESSAGES
            && self.end.outcome().has_message
    }
}

impl Due for Event {
    type Order = (i64, u32, bool, u16);

    fn shipped_us(&self) -> i64 {
        self.shipped_us
    }

    fn order(&self) -> Self::Order {
        (self.shipped_us, self.number, self.is_copy, self.part)
    }
}

/// The parts of a message id.
#[derive(Debug, Clone, Copy)]
pub struct Message {
    pub number: u32,
    pub recipient: u32,
    /// Day of the call that admitted it.
    pub day: u16,
    pub region: u8,
}

impl Message {
    pub const fn of(event: &Event) -> Self {
        Self { number: event.number, recipient: event.recipient, day: event.day as u16, region: event.region }
    }
}

/// A call whose answer has a message id.
#[derive(Debug, Clone, Copy)]
pub struct Admitted {
    pub event: Event,
    /// No row of the call is ever logged.
    pub is_lost: bool,
}

/// Returns Zipf's law as a table: a uniform draw picks callers by their size.
pub fn callers() -> Vec<u16> {
    let weight = |k: usize| 1_000_000_000 / (k as u64 + 3);
    let total: u64 = (0..CALLERS).map(weight).sum();
    let mut callers = Vec::with_capacity(1 << 16);
    let mut sum = 0;
    for k in 0..CALLERS {
        sum += weight(k);
        callers.resize(((sum << 16) / total) as usize, k as u16);
    }
    callers
}

/// The traffic of a whole sample, generated minute by minute.
pub struct Traffic<'a> {
    rows: u64,
    parts: u64,
    first: Day,
    stories: &'a [Story],
    dice: Dice,
    curve: Curve,
    callers: Vec<u16>,
    next_number: u32,
    /// Minutes of the day that get a malformed row, each with its log.
    flaws: Vec<(u32, usize)>,
    calls: Vec<(u8, End)>,
}

impl<'a> Traffic<'a> {
    pub fn new(first: Day, rows: u64, parts: u32, seed: u64, stories: &'a [Story]) -> Self {
        Self {
            rows,
            parts: u64::from(parts),
            first,
            stories,
            dice: Dice::new(seed),
            curve: Curve::new(),
            callers: callers(),
            next_number: 0,
            flaws: Vec::new(),
            calls: Vec::new(),
        }
    }

    /// Adds all rows of calls that began in this minute, and the calls that admitted a message.
    ///
    /// Rows include copies and malformed ones. Admissions include calls whose row is lost.
    pub fn minute(&mut self, minute: u32, out: &mut Vec<Event>, admitted: &mut Vec<Admitted>) {
        if minute.is_multiple_of(DAY) {
            self.next_number = 0;
            self.flaws = (0..4).map(|_| (self.dice.between(0, DAY), REQUESTS)).collect();
            self.flaws.push((self.dice.between(0, DAY), EGRESS));
        }
        let start = out.len();
        for service in 0..CALLED {
            self.ordinary_calls(service, minute, out);
        }
        self.unreached_calls(minute, out);
        self.story_calls(minute, out);
        self.broken_rows(minute, out);
        // Ids ascend with time.
        out[start..].sort_unstable_by_key(|event| (event.ts_us, event.number));
        let before = self.next_number - (out.len() - start) as u32;
        for (event, number) in out[start..].iter_mut().zip(before..) {
            event.number = number;
        }
        let lost = self.stories.iter().filter(|s| s.holds(minute)).find_map(|story| match story.doing {
            Doing::Gap { region } => Some(region),
            _ => None,
        });
        let is_lost = |event: &Event| lost == Some(usize::from(event.region)) || event.fate == Fate::Orphan;
        let admissions = out[start..].iter().filter(|event| event.flaw == 0 && event.has_message());
        admitted.extend(admissions.map(|event| Admitted { event: *event, is_lost: is_lost(event) }));
        let mut at = 0;
        out.retain(|event| {
            at += 1;
            at <= start || !is_lost(event)
        });
        self.copies(start, out);
    }

    fn ordinary_calls(&mut self, service: usize, minute: u32, out: &mut Vec<Event>) {
        const SHARE_PERCENT: [u64; CALLED] = [60, 22, 18];
        let minute_of_day = (minute % DAY) as usize;
        let failing = self.stories.iter().find_map(|story| match story.doing {
            Doing::Fails { service: failing, end } if failing == service && story.holds(minute) => Some(end),
            _ => None,
        });
        let mut count = self.curve.count(self.rows * SHARE_PERCENT[service] / 100, minute_of_day);
        if count >= 40 {
            let spread = count.isqrt();
            count = count + self.dice.below(2 * spread + 1) - spread;
        }
        if failing.is_some() {
            // Callers retry: even a small sample has enough events to judge.
            count = count.max(8);
        }

        let good = if service == MANAGEMENT { End::GoodManagement } else { End::Good };
        let mut calls = std::mem::take(&mut self.calls);
        calls.clear();
        // At least this many calls must be judged, so that the states of small samples are clear.
        let keep = if service == MESSAGES || failing.is_some() { 6 } else { 1 };
        let mut may_fail = count.saturating_sub(keep);
        for _ in 0..count {
            let region = self.curve.region(minute_of_day, &mut self.dice);
            let mut end = self.ordinary_end(service, good);
            if end.outcome().group != EndGroup::Good {
                if may_fail == 0 {
                    end = good;
                } else {
                    may_fail -= 1;
                }
            }
            calls.push((region, end));
        }
        match failing {
            Some(failure) => {
                for (_, end) in calls.iter_mut().filter(|(_, end)| end.outcome().group == EndGroup::Good) {
                    *end = failure;
                }
            }
            None => self.platform_noise(&mut calls),
        }
        for (region, end) in calls.drain(..) {
            let event = self.event(REQUESTS, service, region, minute, end);
            out.push(event);
        }
        self.calls = calls;
    }

    fn ordinary_end(&mut self, service: usize, good: End) -> End {
        let mut throw = self.dice.below(100_000);
        for (end, weight) in ordinary(service) {
            if throw < *weight {
                return *end;
            }
            throw -= weight;
        }
        good
    }

    /// Adds a few platform errors that never bring a minute near `down`.
    ///
    /// There are none where fewer than 20 calls of a service and region can be judged, and at most
    /// a tenth of the calls elsewhere.
    fn platform_noise(&mut self, calls: &mut [(u8, End)]) {
        for region in 0..REGIONS.len() as u8 {
            let mine = |call: &&mut (u8, End)| call.0 == region && call.1.outcome().group == EndGroup::Good;
            let judged = calls.iter_mut().filter(mine).count();
            let mut left = if judged < 20 { 0 } else { judged / 10 };
            for call in calls.iter_mut().filter(mine) {
                if left > 0 && self.dice.chance(2_500) {
                    call.1 =
                        if self.dice.chance(250_000) { End::Unanswered } else { End::ServiceUnavailable };
                    left -= 1;
                }
            }
        }
    }

    /// Adds calls that do not reach the platform at all: one in a thousand.
    fn unreached_calls(&mut self, minute: u32, out: &mut Vec<Event>) {
        let count = self.curve.count(self.rows / 1_000, (minute % DAY) as usize);
        for _ in 0..count {
            let event = self.unreached(minute);
            out.push(event);
        }
    }

    fn unreached(&mut self, minute: u32) -> Event {
        let service = [MESSAGES, MESSAGES, MESSAGES, 1, MANAGEMENT][self.dice.below(5) as usize];
        let end = [End::NoConnection, End::NoConnection, End::NoDns, End::NoTls][self.dice.below(4) as usize];
        let region = self.curve.region((minute % DAY) as usize, &mut self.dice);
        self.event(EGRESS, service, region, minute, end)
    }

    fn story_calls(&mut self, minute: u32, out: &mut Vec<Event>) {
        let stories = self.stories;
        for story in stories.iter().filter(|story| story.holds(minute)) {
            // An even share of the story's calls for each of its minutes.
            let share = |total: u64| {
                let before = |m: u32| total * u64::from(m) / u64::from(story.minutes);
                let minute = minute - story.start();
                before(minute + 1) - before(minute)
            };
            let of_rows = |per_mille: u32| (self.rows * u64::from(per_mille) / 1_000).max(60);
            match story.doing {
                Doing::Silent { region } => {
                    // As many again, so that the region decides the state over all regions as well.
                    let is_mine = |event: &&Event| {
                        usize::from(event.source) == REQUESTS && usize::from(event.service) == MESSAGES
                    };
                    for _ in 0..out.iter().filter(is_mine).count() + 6 {
                        let event = self.event(REQUESTS, MESSAGES, region as u8, minute, End::Good);
                        out.push(event);
                    }
                }
                Doing::Fated { region, end, fates, calls } => {
                    let done =
                        u64::from(calls) * u64::from(minute - story.start()) / u64::from(story.minutes);
                    for at in done..done + share(u64::from(calls)) {
                        let event = self.event(REQUESTS, MESSAGES, region as u8, minute, end);
                        out.push(Event { fate: fates[at as usize % fates.len()], ..event });
                    }
                }
                Doing::CallerStorm { service, end, per_mille } => {
                    for _ in 0..share(of_rows(per_mille)) {
                        let mut event = self.event(REQUESTS, service, 0, minute, end);
                        event.caller = STORM_CALLER;
                        out.push(event);
                    }
                }
                Doing::NetworkStorm { per_mille } => {
                    for _ in 0..share(of_rows(per_mille)) {
                        let event = self.unreached(minute);
                        out.push(event);
                    }
                }
                Doing::Dozen { end } => {
                    for _ in 0..share(12) {
                        let region = self.curve.region((minute % DAY) as usize, &mut self.dice);
                        let event = self.event(REQUESTS, MESSAGES, region, minute, end);
                        out.push(event);
                    }
                }
                _ => {}
            }
        }
    }

    fn broken_rows(&mut self, minute: u32, out: &mut Vec<Event>) {
        for at in 0..self.flaws.len() {
            let (flawed, source) = self.flaws[at];
            if flawed == minute % DAY {
                let region = self.curve.region(flawed as usize, &mut self.dice);
                let end = if source == EGRESS { End::NoDns } else { End::Good };
                let event = self.event(source, MESSAGES, region, minute, end);
                out.push(Event { flaw: 1 + (at % 3) as u8, ..event });
            }
        }
    }

    fn event(&mut self, source: usize, service: usize, region: u8, minute: u32, end: End) -> Event {
        let ts_us =
            self.first.start_us() + i64::from(minute) * MINUTE_US + self.dice.below(MINUTE_US as u64) as i64;
        let (shortest, longest) = end.outcome().duration_tenths;
        let duration_tenths = self.dice.skewed(shortest, longest);
        let number = self.next_number;
        self.next_number += 1;
        let mut event = Event {
            ts_us,
            shipped_us: ts_us + i64::from(duration_tenths) * 100,
            number,
            day: minute / DAY,
            recipient: self.dice.below(20_000) as u32,
            duration_tenths,
            caller: self.callers[self.dice.below(self.callers.len() as u64) as usize],
            part: self.dice.below(self.parts) as u16,
            source: source as u8,
            service: service as u8,
            region,
            end,
            fate: Fate::Ordinary,
            is_copy: false,
            flaw: 0,
        };
        event.shipped_us += self.dice.below(3 * SECOND_US as u64) as i64;
        if self.dice.chance(10_000) {
            event.shipped_us += (1 + self.dice.below(59)) as i64 * MINUTE_US;
        }
        event
    }

    /// Copies one row in two hundred, as at-least-once shipping does, within two hours.
    fn copies(&mut self, start: usize, out: &mut Vec<Event>) {
        for at in start..out.len() {
            if out[at].flaw == 0 && self.dice.chance(5_000) {
                let mut copy = Event { is_copy: true, ..out[at] };
                copy.part = self.dice.below(self.parts) as u16;
                copy.shipped_us += if self.dice.chance(500_000) {
                    self.dice.below(120 * MINUTE_US as u64) as i64
                } else {
                    self.dice.below(2 * SECOND_US as u64) as i64
                };
                out.push(copy);
            }
        }
    }
}
