//! Figures: the integers behind a percentage, gross and net, and how settled they are.

use std::fmt;

use crate::config::SlotRule;
use crate::day::{Day, Month};
use crate::ledger::DayState;
use crate::slots::Scope;

use super::{Definition, PeriodSums};

/// The period of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    Day(Day),
    Month(Month),
}

/// The status of a figure by the calendar (R20).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FigureStatus {
    /// The month is not over: its figure covers the days up to the last published one.
    Running,
    /// The month is over but not final yet.
    Provisional,
    /// The 10th business day of the following month has come, and all its days are sealed.
    Final,
    /// The month is over and days of it have no edition: it is never final.
    Incomplete { published: u32, days: u32 },
}

impl FigureStatus {
    /// Returns the status as one word, without the number of days.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Provisional => "provisional",
            Self::Final => "final",
            Self::Incomplete { .. } => "incomplete",
        }
    }
}

impl fmt::Display for FigureStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Incomplete { published, days } => write!(f, " ({published} of {days} days)"),
            Self::Running | Self::Provisional | Self::Final => Ok(()),
        }
    }
}

/// The error budget of a month under one definition: allowed by the target, and used (net).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    pub target_micro_percent: i64,
    /// `slots` of the whole calendar month, or `events` judged so far.
    pub unit: &'static str,
    pub allowed: i64,
    pub used: i64,
}

impl Budget {
    /// Returns the remaining budget; negative if overspent.
    pub const fn remaining(&self) -> i64 {
        self.allowed - self.used
    }
}

/// One availability number with the sums behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    pub period: Period,
    pub scope: Scope,
    pub definition: &'static Definition,
    pub gross: PeriodSums,
    pub net: PeriodSums,
    /// Millionths of a percent, rounded down; `None` without any success and any down slot.
    pub gross_micro_percent: Option<i64>,
    pub net_micro_percent: Option<i64>,
    /// The net percentage if every unobserved and doubtful slot had been down.
    ///
    /// `None` for a definition that counts events.
    pub at_least_micro_percent: Option<i64>,
    pub coverage_micro_percent: Option<i64>,
    pub status: FigureStatus,
    /// For a month, the highest edition of its days.
    pub edition: u32,
    /// For a month, provisional if one of its days is.
    pub state: DayState,
    /// Versions of the rule for slots that its days were judged by, ascending.
    pub rule_versions: Vec<u32>,
    /// Days with an edition.
    pub days_published: u32,
    /// The error budget, for months of components with a target, over all regions.
    pub budget: Option<Budget>,
}

impl Figure {
    /// Returns the sort key of reports: period, scope and definition.
    pub(super) fn key(&self) -> (Period, &Scope, usize) {
        let at = super::DEFINITIONS.iter().position(|d| d.name == self.definition.name);
        (self.period, &self.scope, at.unwrap_or(usize::MAX))
    }

    /// Fills in the percentages from the sums.
    pub(super) fn percents(mut self, measure: &SlotRule) -> Self {
        self.gross_micro_percent = self.definition.micro_percent(&self.gross, measure);
        self.net_micro_percent = self.definition.micro_percent(&self.net, measure);
        self.at_least_micro_percent = self.definition.at_least_micro_percent(&self.net);
        self
    }
}
