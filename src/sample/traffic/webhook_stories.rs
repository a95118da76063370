//! Webhook stories: planted fates of messages and notifications, with their right answers.

use super::outcomes::End;
use super::stories::{APAC, DAY, Doing, EU, STORIES, Story, US, at};
use crate::sample::webhooks::attempts::Course;
use crate::sample::webhooks::statuses::Fate;

pub const WEBHOOK_STORIES: [Story; 19] = [
    Story {
        name: "retries-stop",
        day: 1,
        from: at(9, 0),
        minutes: 20,
        doing: Doing::Notices { region: APAC, courses: &[Course::Stops], notices: 20 },
        reason: "two attempts do not connect and no third is made, though 7 days have not passed: \
                 bad:platform:missed (R7)",
    },
    Story {
        name: "contradictions",
        day: 1,
        from: at(11, 0),
        minutes: 12,
        doing: Doing::Fated {
            region: EU,
            end: End::Good,
            fates: &[
                Fate::DeliveredThenFailed,
                Fate::FailedThenDelivered,
                Fate::FailedThenDeliveredTwoDaysLater,
                Fate::DeliveredThenFailedTwoDaysLater,
            ],
            calls: 12,
        },
        reason: "delivered and failed for one message, in both orders and up to two days apart: \
                 delivered, so good (R18)",
    },
    Story {
        name: "read-without-delivered",
        day: 1,
        from: at(11, 30),
        minutes: 12,
        doing: Doing::Fated { region: EU, end: End::Good, fates: &[Fate::ReadOnly], calls: 12 },
        reason: "read in an open chat, never reported as delivered: good (R18)",
    },
    Story {
        name: "statuses-to-two-apps",
        day: 1,
        from: at(11, 45),
        minutes: 12,
        doing: Doing::Fated { region: EU, end: End::Good, fates: &[Fate::TwoApps], calls: 12 },
        reason: "every status is told twice under ids of its own: two notifications each, one message",
    },
    Story {
        name: "missed-success",
        day: 1,
        from: at(12, 30),
        minutes: 12,
        doing: Doing::Silent { region: EU },
        reason: "messages are admitted and never get a status, while other webhooks go on: \
                 bad:platform:missed, an outage that counts (R6, R20)",
    },
    Story {
        name: "told-days-later",
        day: 1,
        from: at(13, 30),
        minutes: 12,
        doing: Doing::Fated {
            region: EU,
            end: End::Good,
            fates: &[Fate::ToldTwoDaysLater, Fate::FailedTwoDaysLater, Fate::DeliveredTwoDaysLater],
            calls: 12,
        },
        reason: "statuses in time whose first attempt comes two days later: message good, notification \
                 bad:platform:missed; failed two days after sent: user:recipient; delivered two days \
                 after sent: good (R7, R15)",
    },
    Story {
        name: "status-deadline",
        day: 1,
        from: at(14, 30),
        minutes: 12,
        doing: Doing::Fated {
            region: EU,
            end: End::Good,
            fates: &[Fate::AtDeadline, Fate::PastDeadline, Fate::BeforeAdmission],
            calls: 12,
        },
        reason: "first status exactly 10:00 after the admission or before it: good; a microsecond later \
                 than 10:00: bad:platform:missed (R6)",
    },
    Story {
        name: "attempt-deadline",
        day: 1,
        from: at(15, 0),
        minutes: 8,
        doing: Doing::Notices {
            region: EU,
            courses: &[Course::AtDeadline, Course::PastDeadline],
            notices: 8,
        },
        reason: "first attempt exactly 10:00 after the event: good; a microsecond later: \
                 bad:platform:missed (R7)",
    },
    Story {
        name: "failed-by-platform",
        day: 1,
        from: at(16, 30),
        minutes: 8,
        doing: Doing::Fated {
            region: EU,
            end: End::Good,
            fates: &[Fate::FailedByPlatform, Fate::FailedByPlatformThenDelivered],
            calls: 8,
        },
        reason: "failed with 131016: bad:platform:error, unless it was delivered all the same: good (R6, \
                 R18)",
    },
    Story {
        name: "internal-errors",
        day: 1,
        from: at(17, 0),
        minutes: 20,
        doing: Doing::Notices {
            region: EU,
            courses: &[Course::Internal, Course::InternalThenGood],
            notices: 40,
        },
        reason: "the platform did not get to make the attempt and made no other: bad:platform:error; it \
                 made one later: good (R7)",
    },
    Story {
        name: "webhook-backlog",
        day: 1,
        from: at(19, 0),
        minutes: 12,
        doing: Doing::Backlog { region: US },
        reason: "first attempts come 15 to 25 minutes after their events: webhooks are down for 12 \
                 minutes and it counts; the statuses they bring were in time, so messages stay good (R7, \
                 R20)",
    },
    Story {
        name: "lost-webhook-file",
        day: 2,
        from: at(0, 0),
        minutes: 1_440,
        doing: Doing::LostFile { region: US },
        reason: "the webhook log of the region and day is not there: where it is silent its messages are \
                 unknown and unobserved, not missed",
    },
    Story {
        name: "endpoint-refuses",
        day: 2,
        from: at(10, 0),
        minutes: 60,
        doing: Doing::Endpoint { caller: 41, course: Course::Refuses },
        reason: "one business's endpoint answers 500 to the notifications of an hour until the end of the \
                 sample: user:caller (R7)",
    },
    Story {
        name: "update-but-sent",
        day: 2,
        from: at(18, 0),
        minutes: 12,
        doing: Doing::Fated {
            region: EU,
            end: End::ApiUpdateWithId,
            fates: &[Fate::Ordinary, Fate::Silent, Fate::LateFirst],
            calls: 18,
        },
        reason: "answers with code 2 and a message id: good when a status shows that the message was \
                 sent, else bad:platform:error (R13)",
    },
    Story {
        name: "late-success",
        day: 2,
        from: at(20, 0),
        minutes: 60,
        doing: Doing::Endpoint { caller: 42, course: Course::LateSuccess },
        reason: "the fifth attempt succeeds hours later, for some after midnight: good (R7); where the \
                 first four are in the lost file, the fifth is an orphan",
    },
    Story {
        name: "statuses-over-midnight",
        day: 2,
        from: at(23, 59),
        minutes: 1,
        doing: Doing::Fated {
            region: EU,
            end: End::Good,
            fates: &[Fate::OverMidnight, Fate::LoggedOverMidnight],
            calls: 8,
        },
        reason: "admitted just before midnight, first status or its log row after it: good, on the day of \
                 the admission",
    },
    Story {
        name: "endpoint-unreachable",
        day: 3,
        from: at(9, 0),
        minutes: 900,
        doing: Doing::Endpoint { caller: 40, course: Course::Unreachable },
        reason: "one business's endpoint refuses connections, and the platform goes on trying: \
                 excluded:network:webhook (R5)",
    },
    Story {
        name: "orphan-statuses",
        day: 3,
        from: at(9, 30),
        minutes: 6,
        doing: Doing::Fated { region: EU, end: End::Good, fates: &[Fate::Orphan], calls: 6 },
        reason: "statuses whose message no request row knows: counted as orphans, judged nowhere; their \
                 notifications are events like any",
    },
    Story {
        name: "late-first-status",
        day: 3,
        from: at(10, 0),
        minutes: 6,
        doing: Doing::Fated { region: EU, end: End::Good, fates: &[Fate::LateFirst], calls: 6 },
        reason: "sent and delivered, but the first status is 20 minutes late: bad:platform:missed (R6)",
    },
];

/// The stories that fit into a sample of this many days.
pub fn stories(days: u32) -> Vec<Story> {
    let all = STORIES.into_iter().chain(WEBHOOK_STORIES);
    all.filter(|story| story.end() + story.days_after() * DAY <= days * DAY).collect()
}
