//! World: what happens in sixty nights, drawn from one number: rows of logs and their fates.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Days, NaiveDate, SecondsFormat, TimeDelta, Utc};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{RngCore, SeedableRng};

use super::acts::Script;
use super::hostile;

/// Days of a world, each with its night.
pub const NIGHTS: i64 = 60;
pub const SECOND_US: i64 = 1_000_000;
pub const MINUTE_US: i64 = 60 * SECOND_US;
pub const HOUR_US: i64 = 60 * MINUTE_US;
pub const DAY_US: i64 = 24 * HOUR_US;
pub const REGIONS: [&str; 2] = ["eu", "us"];

/// The only chance in a world.
pub struct Dice(Xoshiro256PlusPlus);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// Returns a number from `0..n`.
    pub fn below(&mut self, n: i64) -> i64 {
        ((u128::from(self.0.next_u64()) * u128::from(n.unsigned_abs())) >> 64) as i64
    }

    pub fn one_in(&mut self, n: i64) -> bool {
        self.below(n) == 0
    }

    pub fn pick<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as i64) as usize].clone()
    }
}

/// What a row of a log tells.
#[derive(Debug, Clone)]
pub enum Tale {
    Call(Call),
    Attempt(Attempt),
    /// No call and no attempt: nobody can read it.
    Broken,
}

/// A call. Instants are microseconds since the first midnight of the world.
#[derive(Debug, Clone)]
pub struct Call {
    pub us: i64,
    pub id: String,
    pub service: &'static str,
    pub region: &'static str,
    pub answer: Answer,
    /// The message that it admitted.
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Good,
    /// 503 with code 131016.
    Unavailable,
    /// 500 without a code.
    ServerError,
    /// 401 with code 190.
    Refused,
    /// 429 with code 131048.
    Throttled,
    /// A code that the catalogue does not have.
    UnknownCode,
    Timeout,
    /// Nobody was reached: the platform's fault if its own edge says so.
    Unconnected,
    Test,
    Admitted,
    Held,
    /// 503 with code 2, and the id of a message.
    Update,
}

/// An attempt to deliver a notification, with the status that it carries.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub us: i64,
    pub event_us: i64,
    pub id: String,
    pub number: u32,
    pub region: &'static str,
    pub trial: Trial,
    pub status: Option<Status>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trial {
    Http(u16),
    Network(&'static str),
    Internal,
}

#[derive(Debug, Clone)]
pub struct Status {
    pub message: String,
    pub word: &'static str,
    pub code: Option<i64>,
}

impl Tale {
    pub const fn call(&self) -> Option<&Call> {
        match self {
            Self::Call(call) => Some(call),
            _ => None,
        }
    }

    /// Returns the instant of the row, if it has one.
    pub const fn us(&self) -> Option<i64> {
        match self {
            Self::Call(call) => Some(call.us),
            Self::Attempt(attempt) => Some(attempt.us),
            Self::Broken => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Log {
    Requests,
    Webhooks,
}

/// A line of a file, from some night on.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    pub log: Log,
    /// The day whose file it is in.
    pub file: i64,
    pub night: i64,
    /// The row that it is, by its place in [`World::rows`].
    pub row: usize,
}

/// A row as it is logged, and what it tells.
pub struct LogRow {
    pub tale: Tale,
    pub text: Vec<u8>,
}

pub struct World {
    pub base: NaiveDate,
    pub slot_minutes: i64,
    /// Days in which a message or notification can change.
    pub retry_days: i64,
    pub rows: Vec<LogRow>,
    /// Lines in the order in which they are written.
    pub lines: Vec<Line>,
    /// Nights by which whole files are late.
    pub late_files: BTreeMap<(Log, i64), i64>,
    pub script: Script,
    dice: Dice,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let base = NaiveDate::from_ymd_opt(2026, 1, 3).unwrap() + Days::new(dice.below(300) as u64);
        let slot_minutes = if dice.one_in(8) { 1 } else { 5 };
        let retry_days = dice.pick(&[1, 1, 1, 2, 2, 3]);
        let mut world = Self {
            base,
            slot_minutes,
            retry_days,
            rows: Vec::new(),
            lines: Vec::new(),
            late_files: BTreeMap::new(),
            script: Script::default(),
            dice,
        };
        world.late_files();
        let mut outages = Vec::new();
        let mut hostility = Dice::new(seed ^ 0xbad);
        for day in 0..NIGHTS {
            let before = world.rows.len();
            outages.push(world.calls(day));
            let calls: Vec<Call> =
                world.rows[before..].iter().filter_map(|row| row.tale.call().cloned()).collect();
            world.beats(day);
            hostile::add(&mut world, &mut hostility, day, &calls);
        }
        world.script = Script::new(&mut world.dice, &outages);
        world.lines.retain(|line| line.file < NIGHTS && line.night < NIGHTS);
        world.lines.sort_by_key(|line| line.night);
        world
    }

    /// Returns an instant as logs and clocks say it.
    pub fn instant(&self, us: i64) -> String {
        self.time(us).to_rfc3339_opts(SecondsFormat::Micros, true)
    }

    pub fn time(&self, us: i64) -> DateTime<Utc> {
        self.base.and_hms_opt(0, 0, 0).unwrap().and_utc() + TimeDelta::microseconds(us)
    }

    pub fn date(&self, day: i64) -> NaiveDate {
        self.base + TimeDelta::days(day)
    }

    /// A file is expected when it stood before; so the first days have all of theirs, and one is lost at a time.
    fn late_files(&mut self) {
        let mut day = 4 + self.dice.below(6);
        while day < NIGHTS - 3 {
            let log = self.dice.pick(&[Log::Requests, Log::Webhooks]);
            self.late_files.insert((log, day), 1 + self.dice.below(4));
            day += 6 + self.dice.below(12);
        }
    }

    fn late(&self, log: Log, file: i64) -> i64 {
        self.late_files.get(&(log, file)).copied().unwrap_or_default()
    }

    /// Writes a row into one file or two, now or later.
    pub fn log(&mut self, log: Log, tale: Tale, text: impl Into<Vec<u8>>, is_sure: bool) {
        let us = tale.us().unwrap_or_default();
        let (day, in_day) = (us.div_euclid(DAY_US), us.rem_euclid(DAY_US));
        let row = self.rows.len();
        self.rows.push(LogRow { tale, text: text.into() });
        let beside = if in_day < DAY_US / 2 { day - 1 } else { day + 1 };
        let is_near_midnight = !(10 * MINUTE_US..DAY_US - 10 * MINUTE_US).contains(&in_day);
        let mut files = vec![(day, 0)];
        if !is_sure {
            match self.dice.below(40) {
                0 | 1 => files[0].1 = 1 + self.dice.below(9),
                2 => files.push((day, 0)),
                3 => files.push((beside, 0)),
                4 => files.push((day, 1 + self.dice.below(6))),
                5.. if is_near_midnight && self.dice.one_in(2) => files[0].0 = beside,
                _ => {}
            }
        }
        for (file, after) in files {
            let night = file.max(day) + after;
            let night = night.max(file + self.late(log, file));
            if file >= 0 {
                self.lines.push(Line { log, file, night, row });
            }
        }
    }

    /// Writes a row that nobody can read into the log of calls of a day.
    pub fn log_broken(&mut self, day: i64, text: Vec<u8>) {
        let row = self.rows.len();
        self.rows.push(LogRow { tale: Tale::Broken, text });
        let late = if self.dice.one_in(8) { 1 + self.dice.below(4) } else { 0 };
        let night = day + late.max(self.late(Log::Requests, day));
        self.lines.push(Line { log: Log::Requests, file: day, night, row });
    }

    /// An instant of a day, sometimes close to its ends.
    fn us(&mut self, day: i64) -> i64 {
        let in_day = match self.dice.below(12) {
            0 => self.dice.below(10 * MINUTE_US),
            1 => DAY_US - 1 - self.dice.below(10 * MINUTE_US),
            _ => self.dice.below(DAY_US),
        };
        day * DAY_US + in_day
    }

    /// The calls of a day. Returns its outage, if it has one.
    fn calls(&mut self, day: i64) -> Option<Outage> {
        let calls = 15 + self.dice.below(30);
        for at in 0..calls {
            let us = self.us(day);
            let region = self.dice.pick(&REGIONS);
            let id = format!("c{day}-{at}");
            if self.dice.one_in(2) {
                self.message(us, region, &id);
                continue;
            }
            let answer = match self.dice.below(20) {
                0 => Answer::Unavailable,
                1 => Answer::ServerError,
                2 | 3 => Answer::Refused,
                4 => Answer::Throttled,
                5 => Answer::Timeout,
                6 => Answer::Unconnected,
                7 => Answer::Test,
                8 if self.dice.one_in(60) => Answer::UnknownCode,
                _ => Answer::Good,
            };
            let service = self.dice.pick(&["media", "messages"]);
            self.call(Call { us, id, service, region, answer, message: String::new() });
        }
        self.dice.one_in(4).then(|| self.outage(day))
    }

    /// Half an hour in which most calls of one service and region fail, sometimes over midnight.
    fn outage(&mut self, day: i64) -> Outage {
        let minutes = 5 * (2 + self.dice.below(5));
        let from = if self.dice.one_in(3) { 1_440 - minutes } else { 5 * self.dice.below(280) };
        let (service, region) = (self.dice.pick(&["media", "messages"]), self.dice.pick(&REGIONS));
        let answer = self.dice.pick(&[Answer::Unavailable, Answer::Unavailable, Answer::Refused]);
        for minute in from..(from + minutes).min(1_440) {
            let us = day * DAY_US + minute * MINUTE_US + self.dice.below(MINUTE_US);
            let answer = if self.dice.one_in(8) { Answer::Good } else { answer };
            let id = format!("o{day}-{minute}");
            self.call(Call { us, id, service, region, answer, message: String::new() });
        }
        Outage { day, from, to: (from + minutes).min(1_440), service, region, answer }
    }

    fn call(&mut self, call: Call) {
        let text = self.request(&call, "");
        self.log(Log::Requests, Tale::Call(call), text, false);
    }

    /// A row of a request log.
    pub fn request(&self, call: &Call, more: &str) -> String {
        let Call { us, id, service, region, answer, message } = call;
        let rest = match answer {
            Answer::Good | Answer::Admitted => r#""http_status":200"#,
            Answer::Held => r#""http_status":200,"message_status":"held_for_quality_assessment""#,
            Answer::Unavailable => r#""http_status":503,"error_code":131016"#,
            Answer::Update => r#""http_status":503,"error_code":2"#,
            Answer::ServerError => r#""http_status":500"#,
            Answer::Refused => r#""http_status":401,"error_code":190"#,
            Answer::Throttled => r#""http_status":429,"error_code":131048"#,
            Answer::UnknownCode => r#""http_status":400,"error_code":199999"#,
            Answer::Timeout => r#""symptom":"timeout""#,
            Answer::Unconnected => r#""symptom":"connect""#,
            Answer::Test => r#""http_status":200,"scope":"test""#,
        };
        // Callers without an answer have names of their own: nobody looks for their messages among those of others.
        let caller = if matches!(answer, Answer::Timeout | Answer::Unconnected) { id } else { "b1" };
        let mut text = format!(
            r#"{{"ts":"{}","request_id":"{id}","business_id":"{caller}","service":"{service}","region":"{region}",{rest}"#,
            self.instant(*us)
        );
        if !message.is_empty() {
            write!(text, r#","message_id":"{message}""#).unwrap();
        }
        text + more + "}"
    }

    /// A message: the call that admits it, and what is told of it.
    fn message(&mut self, us: i64, region: &'static str, id: &str) {
        let message = format!("m-{id}");
        let answer = match self.dice.below(16) {
            0 => Answer::Held,
            1 => Answer::Update,
            _ => Answer::Admitted,
        };
        let call =
            Call { us, id: id.to_owned(), service: "messages", region, answer, message: message.clone() };
        self.call(call);
        let in_time = 1 + self.dice.below(590 * SECOND_US);
        let too_late = 601 * SECOND_US + self.dice.below(5 * HOUR_US);
        let days_later = HOUR_US + self.dice.below(4 * DAY_US);
        let code = self.dice.pick(&[Some(131_026), Some(131_049), Some(131_016), Some(131_056), None, None]);
        let statuses: Vec<(&'static str, i64)> = match self.dice.below(24) {
            0 => vec![],
            1 => vec![("sent", too_late)],
            2 => vec![("failed", in_time)],
            3 => vec![("failed", too_late)],
            4 => vec![("sent", in_time), ("failed", days_later)],
            5 => vec![("failed", in_time), ("delivered", days_later)],
            6 => vec![("accepted", in_time)],
            7 | 8 => vec![("sent", in_time), ("delivered", in_time + days_later), ("read", days_later * 2)],
            _ => vec![("delivered", in_time)],
        };
        for (word, delay) in statuses {
            let event_us = us + delay;
            // Some are told late of what happened in time.
            let told_us = if self.dice.one_in(30) { self.dice.below(2 * DAY_US) } else { 0 };
            let us = event_us + told_us + self.dice.below(5 * SECOND_US);
            let status = Status { message: message.clone(), word, code: code.filter(|_| word == "failed") };
            self.attempt(
                Attempt {
                    us,
                    event_us,
                    id: format!("{message}-{word}"),
                    number: 1,
                    region,
                    trial: Trial::Http(200),
                    status: Some(status),
                },
                false,
            );
        }
    }

    pub fn attempt(&mut self, attempt: Attempt, is_sure: bool) {
        let text = self.webhook(&attempt);
        self.log(Log::Webhooks, Tale::Attempt(attempt), text, is_sure);
    }

    /// A row of a webhook log.
    fn webhook(&self, attempt: &Attempt) -> String {
        let Attempt { us, event_us, id, number, region, trial, status } = attempt;
        let (ts, event_ts) = (self.instant(*us), self.instant(*event_us));
        let mut text = format!(
            r#"{{"ts":"{ts}","event_ts":"{event_ts}","webhook_id":"{id}","attempt_no":{number},"business_id":"b1","region":"{region}","#
        );
        match trial {
            Trial::Http(status) => write!(text, r#""outcome":"http","http_status":{status}"#),
            Trial::Network(symptom) => write!(text, r#""outcome":"{symptom}""#),
            Trial::Internal => write!(text, r#""outcome":"none""#),
        }
        .unwrap();
        if let Some(Status { message, word, code }) = status {
            write!(text, r#","message_id":"{message}","status":"{word}""#).unwrap();
            if let Some(code) = code {
                write!(text, r#","error_code":{code}"#).unwrap();
            }
        }
        text + "}"
    }

    /// Notifications without a status: one an hour and region, so that the log is known to go on, and some that fail.
    fn beats(&mut self, day: i64) {
        for hour in 0..24 {
            for region in REGIONS {
                let event_us = day * DAY_US + hour * HOUR_US + self.dice.below(HOUR_US - MINUTE_US);
                let us = event_us + SECOND_US;
                let id = format!("w{day}-{hour}-{region}");
                let trial = Trial::Http(200);
                let one = Attempt { us, event_us, id, number: 1, region, trial, status: None };
                self.attempt(one, true);
            }
        }
        for at in 0..self.dice.below(4) {
            self.retried(day, at);
        }
    }

    /// A notification that is not taken at once: delivered later, or never.
    fn retried(&mut self, day: i64, at: i64) {
        let event_us = self.us(day);
        let late = if self.dice.one_in(6) { 700 * SECOND_US } else { 0 };
        let region = self.dice.pick(&REGIONS);
        let failed =
            self.dice.pick(&[Trial::Http(500), Trial::Http(404), Trial::Network("dns"), Trial::Internal]);
        let mut us = event_us + SECOND_US + late;
        for number in 1..=1 + self.dice.below(4) {
            let trial = if number > 1 && self.dice.one_in(2) { Trial::Http(204) } else { failed };
            let id = format!("r{day}-{at}");
            let one = Attempt { us, event_us, id, number: number as u32, region, trial, status: None };
            self.attempt(one, false);
            us += self.dice.pick(&[MINUTE_US, HOUR_US, 5 * HOUR_US, 23 * HOUR_US]);
        }
    }
}

/// A stretch of failures of one service and region, in minutes of its day.
#[derive(Debug, Clone, Copy)]
pub struct Outage {
    pub day: i64,
    pub from: i64,
    pub to: i64,
    pub service: &'static str,
    pub region: &'static str,
    pub answer: Answer,
}
