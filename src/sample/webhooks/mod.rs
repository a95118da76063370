//! Webhook traffic: the notifications of each minute, their attempts, and the rows of these.

pub mod attempts;
pub mod shipping_queue;
pub mod statuses;

use attempts::{Course, Reply, Try};
use statuses::{Fate, News, Status, Statuses};

use super::files::webhook_rows::{Attempt, TOPICS};
use super::rng::Dice;
use super::traffic::curve::Curve;
use super::traffic::stories::{DAY, Doing, EU, REGIONS, Story, US};
use super::traffic::{Admitted, Message, callers};
use super::truth::accounts::{Fold, Verdict, due_attempt, notification};
use super::truth::counts::Books;
use super::truth::explained::Waiting;
use crate::day::{DAY_US, Day, MINUTE_US, SECOND_US};

/// Time after the last day in which events still happen, in microseconds; later ones are left out.
///
/// Up to then every region logs something, so that every outcome of the sample is due.
const AFTERMATH_US: i64 = 40 * MINUTE_US;

/// The missing webhook files.
#[derive(Debug, Clone, Copy, Default)]
pub struct LostLogs {
    /// Region, start and end of the day.
    file: Option<(u8, i64, i64)>,
}

impl LostLogs {
    /// Finds the lost files among the stories.
    pub fn of(stories: &[Story], first: Day) -> Self {
        let file = stories.iter().find_map(|story| match story.doing {
            Doing::LostFile { region } => {
                let day = first.plus(i64::from(story.day) - 1);
                Some((region as u8, day.start_us(), day.end_us()))
            }
            _ => None,
        });
        Self { file }
    }

    /// True if rows of the region that are shipped at this instant are lost.
    pub fn holds(self, region: u8, shipped_us: i64) -> bool {
        self.file.is_some_and(|(lost, start, end)| lost == region && (start..end).contains(&shipped_us))
    }
}

/// The content of a notification, and its recipient.
#[derive(Debug, Clone, Copy)]
struct Notice {
    event_us: i64,
    region: u8,
    caller: u16,
    topic: u8,
    status: Option<(Message, Status)>,
    error_code: u32,
    course: Option<Course>,
}

/// The webhooks of a whole sample, generated minute by minute.
pub struct WebhookTraffic<'a> {
    rows: u64,
    parts: u64,
    first_us: i64,
    end_us: i64,
    /// Start of the current minute: no row can be shipped before it.
    now_us: i64,
    stories: &'a [Story],
    lost: LostLogs,
    // A generator of its own, so that webhooks do not change the calls.
    dice: Dice,
    curve: Curve,
    callers: Vec<u16>,
    day: u16,
    next_number: u32,
    /// Minutes of the day that get a malformed row.
    flaws: Vec<u32>,
    news: Vec<News>,
    tries: Vec<Try>,
    /// Logged attempts of one notification.
    seen: Vec<Try>,
    /// Logged statuses of one message: status, day and instant of the attempt.
    told: Vec<(Status, i64, i64)>,
    out: Vec<Attempt>,
}

impl<'a> WebhookTraffic<'a> {
    pub fn new(first: Day, days: u32, rows: u64, parts: u32, seed: u64, stories: &'a [Story]) -> Self {
        Self {
            rows,
            parts: u64::from(parts),
            first_us: first.start_us(),
            end_us: first.plus(i64::from(days)).start_us(),
            now_us: first.start_us(),
            stories,
            lost: LostLogs::of(stories, first),
            dice: Dice::new(seed ^ 0x7765_6268_6f6f_6b73),
            curve: Curve::new(),
            callers: callers(),
            day: 0,
            next_number: 0,
            flaws: Vec::new(),
            news: Vec::new(),
            tries: Vec::new(),
            seen: Vec::new(),
            told: Vec::new(),
            out: Vec::new(),
        }
    }

    /// Books the messages admitted in this minute of the sample, and all other notifications.
    ///
    /// Returns the rows, which may be shipped much later.
    pub fn minute(&mut self, minute: u32, admitted: &[Admitted], books: &mut Books) -> &[Attempt] {
        self.out.clear();
        self.now_us = self.first_us + i64::from(minute) * MINUTE_US;
        books.lost = self.lost.file.map(|(region, start, end)| (region, [start, end]));
        if minute.is_multiple_of(DAY) {
            self.day = (minute / DAY) as u16;
            self.next_number = 0;
            self.flaws = (0..4).map(|_| self.dice.between(0, DAY)).collect();
        }
        for admission in admitted {
            self.message(minute, admission, books);
        }
        // Notifications without a status: messages that users write, and news of accounts.
        for _ in 0..self.curve.count(self.rows * 16 / 100, (minute % DAY) as usize) {
            let region = self.curve.region((minute % DAY) as usize, &mut self.dice);
            self.plain(region, None, None, books);
        }
        self.story_notices(minute, books);
        self.broken_rows(minute, books);
        if i64::from(minute + 1) * MINUTE_US == self.end_us - self.first_us {
            self.last_words(books);
        }
        &self.out
    }

    fn message(&mut self, minute: u32, admission: &Admitted, books: &mut Books) {
        let event = &admission.event;
        let is_silent = |story: &Story| {
            matches!(story.doing, Doing::Silent { region } if region == usize::from(event.region))
                && story.holds(minute)
        };
        let fate = if self.stories.iter().any(is_silent) { Fate::Silent } else { event.fate };
        let mut news = std::mem::take(&mut self.news);
        Statuses::tell(&mut self.dice, event.ts_us, event.end, fate, &mut news);
        let mut fold = Fold::default();
        self.told.clear();
        for news in &news {
            let notice = Notice {
                event_us: news.event_us,
                region: event.region,
                caller: event.caller,
                topic: 0,
                status: Some((Message::of(event), news.status)),
                error_code: news.code,
                course: news.course,
            };
            let mut is_seen = self.notify(notice, books);
            if news.is_told_twice {
                is_seen |= self.notify(notice, books);
            }
            if is_seen {
                fold.add(news.status, news.event_us, news.code);
            }
        }
        self.news = news;
        if admission.is_lost {
            self.told.sort_unstable();
            self.told.dedup_by_key(|(status, day, _)| (*status, *day));
            for (_, _, ts_us) in &self.told {
                books.orphan_status(*ts_us);
            }
        } else {
            books.message(event, &fold);
        }
    }

    /// Sends a notification without a status, of an event in this minute.
    fn plain(&mut self, region: u8, caller: Option<u16>, course: Option<Course>, books: &mut Books) {
        let event_us = self.now_us + self.dice.below(MINUTE_US as u64) as i64;
        self.plain_at(event_us, region, caller, course, books);
    }

    fn plain_at(
        &mut self,
        event_us: i64,
        region: u8,
        caller: Option<u16>,
        course: Option<Course>,
        books: &mut Books,
    ) {
        let anyone = self.callers[self.dice.below(self.callers.len() as u64) as usize];
        let topic = if self.dice.chance(850_000) { 0 } else { self.dice.below(TOPICS.len() as u64) as u8 };
        let caller = caller.unwrap_or(anyone);
        let notice = Notice { event_us, region, caller, topic, status: None, error_code: 0, course };
        self.notify(notice, books);
    }

    /// Makes all attempts of a notification and books it; returns true if any of them is logged.
    fn notify(&mut self, notice: Notice, books: &mut Books) -> bool {
        if notice.event_us >= self.end_us + AFTERMATH_US {
            return false;
        }
        let course = self.course(&notice);
        let mut tries = std::mem::take(&mut self.tries);
        course.tries(notice.event_us, self.end_us, &mut self.dice, &mut tries);
        let number = self.next_number;
        self.next_number += 1;
        self.seen.clear();
        for attempt in &tries {
            let rows = self.rows_of(&notice, number, *attempt);
            if rows > 0 {
                self.seen.push(*attempt);
                books.attempt(attempt.ts_us, notice.region, rows);
                if let Some((_, status)) = notice.status {
                    self.told.push((status, attempt.ts_us / DAY_US, attempt.ts_us));
                }
            }
        }
        self.tries = tries;
        match notification(notice.event_us, &self.seen, self.end_us + AFTERMATH_US) {
            Some(verdict) => self.book(&notice, verdict, books),
            None => self.seen.iter().for_each(|_| books.orphan_attempt(notice.event_us)),
        }
        !self.seen.is_empty()
    }

    /// Books a notification, and notes it if a missing attempt may explain that it is bad.
    fn book(&self, notice: &Notice, verdict: Verdict, books: &mut Books) {
        let Notice { event_us, region, .. } = *notice;
        books.notification(event_us, region, verdict);
        let due = due_attempt(event_us, &self.seen).filter(|_| verdict.is_bad());
        let Some(due_us) = due else { return };
        let last_us = self.seen.last().map_or(event_us, |attempt| attempt.ts_us);
        let is_late = due_us[0] == event_us;
        let is_decided = is_late || self.end_us + AFTERMATH_US > last_us + DAY_US;
        books.waiting(region, Waiting { event_us, verdict, due_us, is_decided });
    }

    fn course(&self, notice: &Notice) -> Course {
        if notice.event_us >= self.end_us {
            return Course::Prompt;
        }
        if let Some(course) = notice.course {
            return course;
        }
        let minute = ((notice.event_us - self.first_us) / MINUTE_US) as u32;
        let planned = self.stories.iter().find_map(|story| match story.doing {
            Doing::Backlog { region } if region == usize::from(notice.region) && story.holds(minute) => {
                Some(Course::Backlog)
            }
            Doing::Endpoint { caller, course } if caller == notice.caller && story.holds(minute) => {
                Some(course)
            }
            _ => None,
        });
        planned.unwrap_or(Course::Ordinary)
    }

    /// Ships the rows of one attempt like those of calls; returns how many are not lost.
    fn rows_of(&mut self, notice: &Notice, number: u32, attempt: Try) -> u64 {
        let mut row = Attempt {
            ts_us: attempt.ts_us,
            shipped_us: self.now_us.max(attempt.ts_us + self.dice.below(3 * SECOND_US as u64) as i64),
            event_us: notice.event_us,
            number,
            day: self.day,
            topic: notice.topic,
            region: notice.region,
            status: notice.status,
            error_code: notice.error_code,
            caller: notice.caller,
            part: self.dice.below(self.parts) as u16,
            nth: attempt.number,
            reply: attempt.reply,
            is_copy: false,
            flaw: 0,
        };
        if self.dice.chance(10_000) {
            row.shipped_us += (1 + self.dice.below(59)) as i64 * MINUTE_US;
        }
        self.out.push(row);
        let mut rows = u64::from(!self.lost.holds(row.region, row.shipped_us));
        if self.dice.chance(5_000) {
            let mut copy = Attempt { is_copy: true, part: self.dice.below(self.parts) as u16, ..row };
            let later_us = if self.dice.chance(500_000) { 120 * MINUTE_US } else { 2 * SECOND_US };
            copy.shipped_us += self.dice.below(later_us as u64) as i64;
            self.out.push(copy);
            rows += u64::from(!self.lost.holds(copy.region, copy.shipped_us));
        }
        rows
    }

    fn story_notices(&mut self, minute: u32, books: &mut Books) {
        let stories = self.stories;
        for story in stories {
            match story.doing {
                // The retries show that the log goes on while no first attempt is made.
                Doing::Backlog { region } if minute + 1 == story.start() => {
                    self.plain(region as u8, None, Some(Course::Trickle), books);
                }
                _ if !story.holds(minute) => {}
                Doing::Backlog { region } => {
                    // Enough notifications to decide the state over all regions.
                    for _ in 0..books.notifications_beside(minute, region) + 6 {
                        self.plain(region as u8, None, None, books);
                    }
                }
                Doing::Silent { region } => {
                    self.plain(region as u8, None, Some(Course::Prompt), books);
                }
                Doing::Notices { region, courses, notices } => {
                    let before = |minute: u32| notices * (minute - story.start()) / story.minutes;
                    for at in before(minute)..before(minute + 1) {
                        let course = courses[at as usize % courses.len()];
                        self.plain(region as u8, None, Some(course), books);
                    }
                }
                Doing::Endpoint { caller, .. } if minute.is_multiple_of(5) => {
                    for region in [EU, US] {
                        self.plain(region as u8, Some(caller), None, books);
                    }
                }
                _ => {}
            }
        }
    }

    fn broken_rows(&mut self, minute: u32, books: &mut Books) {
        for at in 0..self.flaws.len() {
            if self.flaws[at] == minute % DAY {
                let region = self.curve.region((minute % DAY) as usize, &mut self.dice);
                let ts_us =
                    self.first_us + i64::from(minute) * MINUTE_US + self.dice.below(MINUTE_US as u64) as i64;
                if !self.lost.holds(region, ts_us + SECOND_US) {
                    books.broken_row(ts_us, region);
                }
                self.out.push(Attempt {
                    ts_us,
                    shipped_us: ts_us + SECOND_US,
                    event_us: ts_us - SECOND_US,
                    number: self.next_number,
                    day: self.day,
                    topic: 0,
                    region,
                    status: None,
                    error_code: 0,
                    caller: self.callers[at],
                    part: self.dice.below(self.parts) as u16,
                    nth: 1,
                    reply: Reply::Http(200),
                    is_copy: false,
                    flaw: 1 + (at % 3) as u8,
                });
                self.next_number += 1;
            }
        }
    }

    /// Keeps the first 40 minutes after the last day quiet, but not silent.
    fn last_words(&mut self, books: &mut Books) {
        for region in 0..REGIONS.len() as u8 {
            let mut event_us = self.end_us;
            while event_us < self.end_us + AFTERMATH_US {
                self.plain_at(event_us, region, None, None, books);
                event_us += MINUTE_US;
            }
        }
    }
}
