//! Accounts: the places where events are booked; every event is in exactly one.

use std::fmt;
use std::str::FromStr;

use crate::table::{CellValue, ColumnKind, Row, Value};

/// An account for events.
///
/// The intake accounts (`duplicate`, `outside`, `quarantine`) hold rows, not events; they are in
/// the intake balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    Good,
    BadPlatformError,
    BadPlatformMissed,
    UserCaller,
    UserThrottled,
    UserRecipient,
    UserPolicy,
    ExcludedNetworkIngress,
    ExcludedNetworkWebhook,
    ExcludedScope,
    /// Calls to paths that the config ignores, such as health checks.
    ExcludedIgnored,
    Pending,
    Suspense,
    /// The log does not say what became of the call or message.
    Unknown,
}

/// The part of an account in an availability number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    Good,
    Bad,
    User,
    Excluded,
    Pending,
    Suspense,
    /// In no ratio, like excluded events; unlike them, evidence of the outcome may still come.
    Unknown,
}

impl Account {
    /// All accounts, in the order of every report.
    pub const ALL: [Self; 14] = [
        Self::Good,
        Self::BadPlatformError,
        Self::BadPlatformMissed,
        Self::UserCaller,
        Self::UserThrottled,
        Self::UserRecipient,
        Self::UserPolicy,
        Self::ExcludedNetworkIngress,
        Self::ExcludedNetworkWebhook,
        Self::ExcludedScope,
        Self::ExcludedIgnored,
        Self::Pending,
        Self::Suspense,
        Self::Unknown,
    ];

    /// Returns the name in policies and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::BadPlatformError => "bad:platform:error",
            Self::BadPlatformMissed => "bad:platform:missed",
            Self::UserCaller => "user:caller",
            Self::UserThrottled => "user:throttled",
            Self::UserRecipient => "user:recipient",
            Self::UserPolicy => "user:policy",
            Self::ExcludedNetworkIngress => "excluded:network:ingress",
            Self::ExcludedNetworkWebhook => "excluded:network:webhook",
            Self::ExcludedScope => "excluded:scope",
            Self::ExcludedIgnored => "excluded:ignored",
            Self::Pending => "pending",
            Self::Suspense => "suspense",
            Self::Unknown => "unknown",
        }
    }

    pub const fn group(self) -> Group {
        match self {
            Self::Good => Group::Good,
            Self::BadPlatformError | Self::BadPlatformMissed => Group::Bad,
            Self::UserCaller | Self::UserThrottled | Self::UserRecipient | Self::UserPolicy => Group::User,
            Self::ExcludedNetworkIngress
            | Self::ExcludedNetworkWebhook
            | Self::ExcludedScope
            | Self::ExcludedIgnored => Group::Excluded,
            Self::Pending => Group::Pending,
            Self::Suspense => Group::Suspense,
            Self::Unknown => Group::Unknown,
        }
    }

    /// Returns the position in [`Account::ALL`], which frames hold.
    pub const fn code(self) -> u32 {
        self as u32
    }
}

impl Group {
    pub const ALL: [Self; 7] =
        [Self::Good, Self::Bad, Self::User, Self::Excluded, Self::Pending, Self::Suspense, Self::Unknown];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::User => "user",
            Self::Excluded => "excluded",
            Self::Pending => "pending",
            Self::Suspense => "suspense",
            Self::Unknown => "unknown",
        }
    }
}

impl Group {
    /// Number of groups that every version knows; later ones follow them in [`Group::ALL`].
    const LEAST_STORED: usize = 6;

    /// Reads stored numbers of groups; groups that an older version did not know have none.
    ///
    /// # Errors
    /// There are fewer numbers than any version stored, or more than there are groups.
    pub fn of_stored(numbers: &[i64]) -> Result<[i64; Self::ALL.len()], String> {
        let (least, most) = (Self::LEAST_STORED, Self::ALL.len());
        if !(least..=most).contains(&numbers.len()) {
            return Err(format!("{} numbers, not one for each of {least} to {most} groups", numbers.len()));
        }
        let mut all = [0; Self::ALL.len()];
        all[..numbers.len()].copy_from_slice(numbers);
        Ok(all)
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Account {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|a| a.name() == text).ok_or_else(|| {
            let valid: Vec<_> = Self::ALL.iter().map(|a| a.name()).collect();
            format!("`{text}` is not an account; valid are {}", valid.join(", "))
        })
    }
}

impl CellValue for Account {
    fn put(&self, _: ColumnKind) -> Value {
        Value::text(self.name())
    }

    fn take(row: Row<'_>, column: &str) -> Result<Self, String> {
        row.text(column)?.parse().map_err(|e| format!("column `{column}`: {e}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_lead_back_to_the_account() {
        for account in Account::ALL {
            assert_eq!(account.name().parse(), Ok(account));
            assert_eq!(Account::ALL[account.code() as usize], account);
        }
    }
}
