//! Kinds of attention: the closed list of what can need a person.

/// A cause for a person to look; each has an entry of its name in `reports/runbook.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttentionKind {
    /// No log file of a day was found.
    NoLogs,
    /// The files of a day hold no row of it.
    NoRows,
    /// A source has no file of a day.
    MissingSource,
    /// A file could not be read to its end; nothing of it is counted.
    UnreadableFile,
    /// The share of unreadable rows in a file is above the limit.
    Quarantine,
    /// A column that the config names is in no row.
    UnseenColumn,
    /// No row of a file can tell what became of its call.
    NoOutcome,
    /// Statuses of messages have words that nobody knows.
    UnknownStatus,
    /// Calls have a scope that is not of the list.
    UndeclaredScope,
    /// A log is silent while others go on.
    Gap,
    /// Too few slots of a component have anything to judge by.
    Coverage,
    /// Most statuses name no message of the request logs.
    Orphans,
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
    /// The override file could not be read.
    OverridesUnreadable,
    /// The config no longer names the override file.
    OverridesNotNamed,
    /// A day whose window has passed cannot be sealed.
    Unsealed,
    /// Days without an edition lie too far back to be caught up.
    MissedDays,
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
}

impl AttentionKind {
    pub const ALL: [Self; 26] = [
        Self::NoLogs,
        Self::NoRows,
        Self::MissingSource,
        Self::UnreadableFile,
        Self::Quarantine,
        Self::UnseenColumn,
        Self::NoOutcome,
        Self::UnknownStatus,
        Self::UndeclaredScope,
        Self::Gap,
        Self::Coverage,
        Self::Orphans,
        Self::Suspense,
        Self::Unassigned,
        Self::UndeclaredService,
        Self::UndeclaredRegion,
        Self::OverrideRefused,
        Self::OverridesUnreadable,
        Self::OverridesNotNamed,
        Self::Unsealed,
        Self::MissedDays,
        Self::NotReadAgain,
        Self::NotSettled,
        Self::OtherSettings,
        Self::MissingDaybook,
        Self::UnreadableDaybook,
    ];

    /// Returns the stable short name, for programs and for the heading in the runbook.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoLogs => "no-logs",
            Self::NoRows => "no-rows",
            Self::MissingSource => "missing-source",
            Self::UnreadableFile => "unreadable-file",
            Self::Quarantine => "quarantine",
            Self::UnseenColumn => "unseen-column",
            Self::NoOutcome => "no-outcome",
            Self::UnknownStatus => "unknown-status",
            Self::UndeclaredScope => "undeclared-scope",
            Self::Gap => "gap",
            Self::Coverage => "coverage",
            Self::Orphans => "orphans",
            Self::Suspense => "suspense",
            Self::Unassigned => "unassigned",
            Self::UndeclaredService => "undeclared-service",
            Self::UndeclaredRegion => "undeclared-region",
            Self::OverrideRefused => "override-refused",
            Self::OverridesUnreadable => "overrides-unreadable",
            Self::OverridesNotNamed => "overrides-not-named",
            Self::Unsealed => "unsealed",
            Self::MissedDays => "missed-days",
            Self::NotReadAgain => "not-read-again",
            Self::NotSettled => "not-settled",
            Self::OtherSettings => "other-settings",
            Self::MissingDaybook => "missing-daybook",
            Self::UnreadableDaybook => "unreadable-daybook",
        }
    }
}
