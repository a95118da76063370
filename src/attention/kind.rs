//! Kinds of attention: the closed list of what can need a person.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::day::Day;

/// A cause for a person to look; each has an entry of its name in the runbook (`reports/`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttentionKind {
    /// No log file of a day was found.
    NoLogs,
    /// The files of a day hold no row of it.
    NoRows,
    /// A source has no file of a day.
    MissingSource,
    /// A file that is there on other days, or that the config names, is not.
    MissingFile,
    /// Files of a name have almost no rows in an hour in which they usually have some.
    FallenRows,
    /// A file of a day holds no row of it.
    FileWithoutRows,
    /// A file holds rows of days that look for their rows in other files.
    UnreadRows,
    /// Rows of a day's logs are gone and others are new; its edition stands.
    FewerRows,
    /// No row of a day's logs is gone, but fewer of them fail than before.
    RewrittenLog,
    /// So many events have no outcome that a missing file alone does not explain them.
    SuspectedOutage,
    /// One or two callers alone make an outage count.
    SuspectedCaller,
    /// A file could not be read to its end; nothing of it is counted.
    UnreadableFile,
    /// A pipe, a socket or a device lies among the log files.
    SpecialFile,
    /// A file has the text of another file of its source; it is not counted.
    CopiedFile,
    /// The share of unreadable rows in a file is above the limit.
    Quarantine,
    /// A column that the config names is in no row.
    UnseenColumn,
    /// Rows have the id of an earlier row and are no copies of it.
    Conflict,
    /// Rows have a local time that their zone has twice, and nothing tells which is meant.
    RepeatedHour,
    /// Two request logs tell of the same calls, and their ids do not meet.
    TwiceTold,
    /// No row of a file can tell what became of its call.
    NoOutcome,
    /// Statuses of messages have words that nobody knows.
    UnknownStatus,
    /// A webhook field that nobody knows.
    UnknownField,
    /// Most failures of a source do not say whether their calls had arrived.
    Undecided,
    /// Calls have a scope that is not of the list.
    UndeclaredScope,
    /// A log is silent while others go on.
    Gap,
    /// Too few slots of a component have anything to judge by.
    Coverage,
    /// A service was neither clearly up nor clearly down for ten minutes.
    Doubtful,
    /// Most statuses name no message of the request logs.
    Orphans,
    /// Calls without an answer may have sent messages, and no correlation proves it.
    UnprovenSends,
    /// Events match no rule.
    Suspense,
    /// Events belong to no service.
    Unassigned,
    /// Rows name a service that the config does not declare.
    UndeclaredService,
    /// Rows name a region that the config does not declare.
    UndeclaredRegion,
    /// A row of the override file was refused.
    OverrideRefused,
    /// A row came after its window, and moves nothing until two persons agree.
    LateRow,
    /// A row that was applied is gone from the file, or moves less since it was edited.
    RowGone,
    /// An applied row moves more than twice what it moved at first.
    RowGrown,
    /// The override file could not be read.
    OverridesUnreadable,
    /// The config no longer names the override file.
    OverridesNotNamed,
    /// Open days were restated by another version of the rule for slots.
    NewDefinition,
    /// A day whose window has passed cannot be sealed.
    Unsealed,
    /// Days cannot be sealed because no rows of a later day were published.
    End,
    /// Settings have changed that can move a figure, a window, a person, a limit or an attention.
    Settings,
    /// Days without an edition lie too far back to be caught up.
    MissedDays,
    /// A day that is due could not be read or booked.
    NotPublished,
    /// Logs have changed and could not be read again.
    NotReadAgain,
    /// An open day could not be booked again.
    NotSettled,
    /// Days were read under settings that have changed since.
    OtherSettings,
    /// A day is settled by fewer daybooks than it needs.
    MissingDaybook,
    /// The daybook of a day can no longer be read.
    UnreadableDaybook,
    /// What the ledger keeps of a day is damaged.
    DamagedDay,
    /// Files, links or folders stood in the ledger that it does not know.
    LostAndFound,
    /// A day was sealed by lines that were given up, and its edition is gone.
    Reopened,
    /// Reports could not be published to their bucket.
    Publish,
}

impl AttentionKind {
    pub const ALL: [Self; 54] = [
        Self::NoLogs,
        Self::NoRows,
        Self::MissingSource,
        Self::MissingFile,
        Self::FallenRows,
        Self::FileWithoutRows,
        Self::UnreadRows,
        Self::FewerRows,
        Self::RewrittenLog,
        Self::SuspectedOutage,
        Self::SuspectedCaller,
        Self::UnreadableFile,
        Self::SpecialFile,
        Self::CopiedFile,
        Self::Quarantine,
        Self::UnseenColumn,
        Self::Conflict,
        Self::RepeatedHour,
        Self::TwiceTold,
        Self::NoOutcome,
        Self::UnknownStatus,
        Self::UnknownField,
        Self::Undecided,
        Self::UndeclaredScope,
        Self::Gap,
        Self::Coverage,
        Self::Doubtful,
        Self::Orphans,
        Self::UnprovenSends,
        Self::Suspense,
        Self::Unassigned,
        Self::UndeclaredService,
        Self::UndeclaredRegion,
        Self::OverrideRefused,
        Self::LateRow,
        Self::RowGone,
        Self::RowGrown,
        Self::OverridesUnreadable,
        Self::OverridesNotNamed,
        Self::NewDefinition,
        Self::Unsealed,
        Self::End,
        Self::Settings,
        Self::MissedDays,
        Self::NotPublished,
        Self::NotReadAgain,
        Self::NotSettled,
        Self::OtherSettings,
        Self::MissingDaybook,
        Self::UnreadableDaybook,
        Self::DamagedDay,
        Self::LostAndFound,
        Self::Reopened,
        Self::Publish,
    ];

    /// Returns the stable short name, for programs and for the heading in the runbook.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoLogs => "no-logs",
            Self::NoRows => "no-rows",
            Self::MissingSource => "missing-source",
            Self::MissingFile => "missing-file",
            Self::FallenRows => "fallen-rows",
            Self::FileWithoutRows => "file-without-rows",
            Self::UnreadRows => "unread-rows",
            Self::FewerRows => "fewer",
            Self::RewrittenLog => "rewritten-log",
            Self::SuspectedOutage => "suspected-outage",
            Self::SuspectedCaller => "suspected-caller",
            Self::UnreadableFile => "unreadable-file",
            Self::SpecialFile => "special-file",
            Self::CopiedFile => "copied-file",
            Self::Quarantine => "quarantine",
            Self::UnseenColumn => "unseen-column",
            Self::Conflict => "conflict",
            Self::RepeatedHour => "repeated-hour",
            Self::TwiceTold => "twice-told",
            Self::NoOutcome => "no-outcome",
            Self::UnknownStatus => "unknown-status",
            Self::UnknownField => "unknown-field",
            Self::Undecided => "undecided",
            Self::UndeclaredScope => "undeclared-scope",
            Self::Gap => "gap",
            Self::Coverage => "coverage",
            Self::Doubtful => "doubtful",
            Self::Orphans => "orphans",
            Self::UnprovenSends => "unproven-sends",
            Self::Suspense => "suspense",
            Self::Unassigned => "unassigned",
            Self::UndeclaredService => "undeclared-service",
            Self::UndeclaredRegion => "undeclared-region",
            Self::OverrideRefused => "override-refused",
            Self::LateRow => "late-row",
            Self::RowGone => "row-gone",
            Self::RowGrown => "row-grown",
            Self::OverridesUnreadable => "overrides-unreadable",
            Self::OverridesNotNamed => "overrides-not-named",
            Self::NewDefinition => "new-definition",
            Self::Unsealed => "unsealed",
            Self::End => "end",
            Self::Settings => "settings",
            Self::MissedDays => "missed-days",
            Self::NotPublished => "not-published",
            Self::NotReadAgain => "not-read-again",
            Self::NotSettled => "not-settled",
            Self::OtherSettings => "other-settings",
            Self::MissingDaybook => "missing-daybook",
            Self::UnreadableDaybook => "unreadable-daybook",
            Self::DamagedDay => "damaged-day",
            Self::LostAndFound => "lost-and-found",
            Self::Reopened => "reopened",
            Self::Publish => "publish",
        }
    }

    /// Returns the kind of a stored name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns whether its key names a day: what it tells of is over when the day is.
    pub const fn tells_of_a_day(self) -> bool {
        matches!(
            self,
            Self::NoLogs
                | Self::NoRows
                | Self::FewerRows
                | Self::RewrittenLog
                | Self::SuspectedOutage
                | Self::SuspectedCaller
                | Self::RepeatedHour
                | Self::Gap
                | Self::Doubtful
                | Self::Unsealed
                | Self::End
                | Self::LateRow
                | Self::RowGone
                | Self::RowGrown
                | Self::NotPublished
                | Self::NotReadAgain
                | Self::NotSettled
                | Self::MissingDaybook
                | Self::UnreadableDaybook
                | Self::DamagedDay
                | Self::Reopened
        )
    }

    /// Returns the key of a kind that tells of a day and of nothing else.
    pub fn key_on(self, day: Day) -> String {
        format!("{}:{day}", self.name())
    }

    /// Returns whether figures of a day depend on its cause: it stands while the day is open.
    pub const fn changes_figures(self) -> bool {
        matches!(
            self,
            Self::MissingSource
                | Self::MissingFile
                | Self::FallenRows
                | Self::FileWithoutRows
                | Self::UnreadRows
                | Self::UnreadableFile
                | Self::Quarantine
                | Self::TwiceTold
                | Self::NoOutcome
                | Self::UnknownStatus
                | Self::UnprovenSends
                | Self::Suspense
        )
    }

    /// Returns whether it tells of missing, unreadable or changed evidence.
    ///
    /// Then any growth opens an acknowledged key again.
    pub const fn is_evidence(self) -> bool {
        matches!(
            self,
            Self::NoLogs
                | Self::NoRows
                | Self::MissingSource
                | Self::MissingFile
                | Self::FallenRows
                | Self::FileWithoutRows
                | Self::UnreadableFile
                | Self::FewerRows
                | Self::RewrittenLog
                | Self::Gap
                | Self::MissingDaybook
                | Self::UnreadableDaybook
                | Self::DamagedDay
                | Self::LostAndFound
        )
    }

    /// Returns whether it tells of one row of the override file.
    pub const fn is_of_a_row(self) -> bool {
        matches!(self, Self::OverrideRefused | Self::LateRow | Self::RowGone | Self::RowGrown)
    }

    /// Returns whether the same key may have another reason later, which is told in full again.
    pub const fn has_reasons(self) -> bool {
        matches!(self, Self::OverrideRefused | Self::OverridesUnreadable)
    }

    /// Returns what it takes to acknowledge it.
    pub const fn closing(self) -> Closing {
        match self {
            Self::SuspectedOutage
            | Self::RewrittenLog
            | Self::FewerRows
            | Self::End
            | Self::Settings
            | Self::LateRow
            | Self::RowGone
            | Self::Reopened => Closing::Decision,
            _ => Closing::Notice,
        }
    }
}

/// What it takes to acknowledge an attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// An author and a reason; it holds for a while.
    Notice,
    /// A second person in addition; it holds for good.
    Decision,
}

impl Serialize for AttentionKind {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for AttentionKind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        Self::of_name(&name)
            .ok_or_else(|| de::Error::custom(format!("`{name}` is no kind of attention of this version")))
    }
}
