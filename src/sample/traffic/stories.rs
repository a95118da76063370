//! Stories: planted events of the sample, each with its time and its right answer.

use serde::Serialize;

use super::outcomes::End;
use crate::sample::webhooks::attempts::Course;
use crate::sample::webhooks::statuses::Fate;

/// Minutes in a day.
pub const DAY: u32 = 1_440;

pub const SERVICES: [&str; 4] = ["messages", "media", "management", "webhooks"];
/// Number of services with calls; they are the first of [`SERVICES`].
pub const CALLED: usize = 3;
pub const MESSAGES: usize = 0;
pub const MEDIA: usize = 1;
pub const MANAGEMENT: usize = 2;
pub const WEBHOOKS: usize = 3;

pub const REGIONS: [&str; 3] = ["eu", "us", "apac"];
pub const EU: usize = 0;
pub const US: usize = 1;
pub const APAC: usize = 2;

/// Components with their services (indices into [`SERVICES`]).
pub const COMPONENTS: [(&str, &[usize]); 2] =
    [("Cloud API", &[MESSAGES, MEDIA, WEBHOOKS]), ("Account Management", &[MANAGEMENT])];

/// The settings by which `truth.json` is judged; the written config has the same.
pub const UNABLE_PERCENT: u64 = 50;
pub const MIN_EVENTS: u64 = 5;
pub const MIN_RUN_MINUTES: u32 = 10;
pub const MAX_GAP_MINUTES: u32 = 15;

/// The effect of a story on the traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// Every call of the service that would be good ends like this, in all regions.
    Fails { service: usize, end: End },
    /// One caller sends more calls, in thousandths of a day's rows; all of them end like this.
    CallerStorm { service: usize, end: End, per_mille: u32 },
    /// Calls that never reach the platform, in thousandths of a day's rows.
    ///
    /// Only the callers' proxies log them.
    NetworkStorm { per_mille: u32 },
    /// Twelve calls of `messages` end like this.
    Dozen { end: End },
    /// No row of the region is ever logged.
    Gap { region: usize },
    /// Messages are admitted in the region, more than in all others, and never get a status.
    Silent { region: usize },
    /// Additional calls of `messages` in the region; the fates of their messages rotate.
    Fated { region: usize, end: End, fates: &'static [Fate], calls: u32 },
    /// Additional notifications of the region; their courses rotate.
    Notices { region: usize, courses: &'static [Course], notices: u32 },
    /// All notifications of the region, more than in all others, are first attempted late.
    Backlog { region: usize },
    /// All notifications to one business are attempted like this.
    ///
    /// The two biggest regions get one more notification every five minutes.
    Endpoint { caller: u16, course: Course },
    /// The webhook files of the region that are shipped on the day of the story are missing.
    LostFile { region: usize },
}

/// A planted story.
#[derive(Debug, Clone, Copy)]
pub struct Story {
    pub name: &'static str,
    /// Day of the sample, from 1.
    pub day: u32,
    /// Minute of that day.
    pub from: u32,
    pub minutes: u32,
    pub doing: Doing,
    pub reason: &'static str,
}

/// Returns a minute of the day.
pub const fn at(hour: u32, minute: u32) -> u32 {
    hour * 60 + minute
}

/// The stories of the request log; `WEBHOOK_STORIES` follow them.
pub const STORIES: [Story; 9] = [
    Story {
        name: "messages-outage",
        day: 1,
        from: at(10, 0),
        minutes: 25,
        doing: Doing::Fails { service: MESSAGES, end: End::ServiceUnavailable },
        reason: "25 minutes without a success (131016 at 503) in all regions: an outage that counts in full (R20)",
    },
    Story {
        name: "media-outage-too-short",
        day: 1,
        from: at(15, 30),
        minutes: 9,
        doing: Doing::Fails { service: MEDIA, end: End::ServiceUnavailable },
        reason: "9 minutes are down, but fewer than 10 in a row: not counted under `whatsapp` (R20)",
    },
    Story {
        name: "messages-outage-over-midnight",
        day: 1,
        from: at(23, 53),
        minutes: 14,
        doing: Doing::Fails { service: MESSAGES, end: End::ServiceUnavailable },
        reason: "7 minutes on either side of midnight are one run of 14: it counts, 7 minutes on each day (R20)",
    },
    Story {
        name: "api-update",
        day: 2,
        from: at(9, 0),
        minutes: 4,
        doing: Doing::Fails { service: MANAGEMENT, end: End::ApiUpdate },
        reason: "only code 2 and at most 5:00: an outage of class `update` (R13)",
    },
    Story {
        name: "api-update-too-long",
        day: 2,
        from: at(13, 0),
        minutes: 7,
        doing: Doing::Fails { service: MANAGEMENT, end: End::ApiUpdate },
        reason: "only code 2 but longer than 5:00: an ordinary outage for its whole length (R13), and under 10 minutes",
    },
    Story {
        name: "expired-token-storm",
        day: 2,
        from: at(16, 0),
        minutes: 20,
        doing: Doing::CallerStorm { service: MESSAGES, end: End::TokenExpired, per_mille: 100 },
        reason: "one caller goes on with an expired token (190 at 401): user:caller, no downtime (R19)",
    },
    Story {
        name: "network-storm",
        day: 3,
        from: at(8, 0),
        minutes: 15,
        doing: Doing::NetworkStorm { per_mille: 50 },
        reason: "callers' proxies cannot connect: before the first layer, excluded:network:ingress (R4)",
    },
    Story {
        name: "unknown-code",
        day: 3,
        from: at(11, 0),
        minutes: 2,
        doing: Doing::Dozen { end: End::UnknownCode },
        reason: "error code 199999 at 400 is in no catalogue: suspense until somebody writes a rule for it",
    },
    Story {
        name: "apac-gap",
        day: 3,
        from: at(14, 0),
        minutes: 45,
        doing: Doing::Gap { region: APAC },
        reason: "no row from apac while the other regions have theirs: unobserved there, neither up nor down",
    },
];

impl Story {
    /// Returns the first minute of the sample that the story touches.
    pub const fn start(&self) -> u32 {
        (self.day - 1) * DAY + self.from
    }

    /// Returns the first minute after the story.
    pub const fn end(&self) -> u32 {
        self.start() + self.minutes
    }

    /// True if the story touches this minute of the sample.
    pub const fn holds(&self, minute: u32) -> bool {
        self.start() <= minute && minute < self.end()
    }

    /// Returns the number of days after it that the story needs.
    pub const fn days_after(&self) -> u32 {
        match self.doing {
            Doing::LostFile { .. }
            | Doing::Endpoint { course: Course::LateSuccess, .. }
            | Doing::Notices { courses: [Course::Stops, ..], .. }
            | Doing::Fated { fates: [Fate::OverMidnight, ..], .. } => 1,
            Doing::Fated { fates: [Fate::ToldTwoDaysLater | Fate::DeliveredThenFailed, ..], .. } => 2,
            _ => 0,
        }
    }

    /// Returns the place of the story: service and region, `*` for all.
    pub const fn scope(&self) -> StoryScope {
        let (service, region) = match self.doing {
            Doing::Silent { region } | Doing::Fated { region, .. } => (SERVICES[MESSAGES], REGIONS[region]),
            Doing::Notices { region, .. } | Doing::Backlog { region } => {
                (SERVICES[WEBHOOKS], REGIONS[region])
            }
            Doing::Endpoint { .. } => (SERVICES[WEBHOOKS], "*"),
            Doing::Fails { service, .. } | Doing::CallerStorm { service, .. } => (SERVICES[service], "*"),
            Doing::Dozen { .. } => (SERVICES[MESSAGES], "*"),
            Doing::NetworkStorm { .. } => ("*", "*"),
            Doing::Gap { region } | Doing::LostFile { region } => ("*", REGIONS[region]),
        };
        StoryScope { service, region }
    }
}

/// A service in a region; `*` stands for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StoryScope {
    pub service: &'static str,
    pub region: &'static str,
}
