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
    /// Days without an edition lie too far back to be caught up.
    MissedDays,
    /// Logs have changed and could not be read again.
    NotReadAgain,
    /// Days were read under settings that have changed since.
    OtherSettings,
    /// The daybook of a day can no longer be read.
    UnreadableDaybook,
    /// A day is settled by fewer daybooks than it needs.
    MissingDaybook,
    /// An open day could not be booked again.
    NotSettled,
    /// A day whose window has passed cannot be sealed.
    Unsealed,
    /// The config no longer names the override file.
    OverridesNotNamed,
    /// The override file could not be read.
    OverridesUnreadable,
    /// A row of the override file was refused.
    OverrideRefused,
}

impl AttentionKind {
    pub const ALL: [Self; 21] = [
        Self::NoLogs,
        Self::NoRows,
        Self::MissingSource,
        Self::UnreadableFile,
        Self::Quarantine,
        Self::UnseenColumn,
        Self::Gap,
        Self::Coverage,
        Self::Orphans,
        Self::Suspense,
        Self::Unassigned,
        Self::MissedDays,
        Self::NotReadAgain,
        Self::OtherSettings,
        Self::UnreadableDaybook,
        Self::MissingDaybook,
        Self::NotSettled,
        Self::Unsealed,
        Self::OverridesNotNamed,
        Self::OverridesUnreadable,
        Self::OverrideRefused,
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
            Self::Gap => "gap",
            Self::Coverage => "coverage",
            Self::Orphans => "orphans",
            Self::Suspense => "suspense",
            Self::Unassigned => "unassigned",
            Self::MissedDays => "missed-days",
            Self::NotReadAgain => "not-read-again",
            Self::OtherSettings => "other-settings",
            Self::UnreadableDaybook => "unreadable-daybook",
            Self::MissingDaybook => "missing-daybook",
            Self::NotSettled => "not-settled",
            Self::Unsealed => "unsealed",
            Self::OverridesNotNamed => "overrides-not-named",
            Self::OverridesUnreadable => "overrides-unreadable",
            Self::OverrideRefused => "override-refused",
        }
    }
}
