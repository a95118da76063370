//! Override row: one reviewed correction, complete in itself.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::day::{Day, rfc3339};
use crate::policy::{Account, Direction};

/// The columns of an override file; they may stand in any order.
pub const COLUMNS: [&str; 15] = [
    "id",
    "direction",
    "start",
    "end",
    "service",
    "region",
    "business_id",
    "error_code",
    "account",
    "reason",
    "ticket",
    "author",
    "approver",
    "created_at",
    "note",
];

/// One row of an override file; a selector that is `None` matches everything.
///
/// It holds the account it moves counts to, so a later policy does not change its meaning.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    pub id: String,
    pub direction: Direction,
    /// First instant of its first slot, microseconds since 1970.
    pub start_us: i64,
    /// First instant after its last slot, microseconds since 1970.
    pub end_us: i64,
    pub service: Option<String>,
    pub region: Option<String>,
    /// The caller's pseudonym (`c-` and 12 hex digits), never the id itself.
    pub business_id: Option<String>,
    pub error_code: Option<Code>,
    /// An account, or a beginning of accounts: `user:*`.
    pub account: Option<String>,
    /// Id of a reason of the policy.
    pub reason: String,
    /// The account of the reason, as it was in the policy when the row was read.
    pub to: String,
    pub ticket: String,
    pub author: String,
    pub approver: String,
    pub created_at_us: i64,
    pub note: String,
    /// Pseudonyms that the caller of `business_id` got under later salts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_business_id: Vec<String>,
}

impl Override {
    /// Identifies the row: SHA-256 of the values of its columns, in hex.
    ///
    /// Ticket and note are texts for people, and the target follows from the reason when the row is
    /// first seen: none of the three makes another row.
    pub fn identity(&self) -> String {
        let values = json!([
            self.id,
            self.direction.name(),
            self.start_us,
            self.end_us,
            self.service,
            self.region,
            self.business_id,
            self.error_code.map(String::from),
            self.account,
            self.reason,
            self.author,
            self.approver,
            self.created_at_us,
        ]);
        Sha256::digest(values.to_string()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Returns whether both are one row, whatever their tickets, notes and targets.
    ///
    /// The values compared are those of [`Override::identity`].
    pub fn is_same_row(&self, other: &Self) -> bool {
        let what = |row: &Self| (row.direction, row.start_us, row.end_us, row.error_code, row.created_at_us);
        self.id == other.id
            && what(self) == what(other)
            && [&self.service, &self.region, &self.business_id, &self.account]
                == [&other.service, &other.region, &other.business_id, &other.account]
            && [&self.reason, &self.author, &self.approver] == [&other.reason, &other.author, &other.approver]
    }

    /// Returns whether both lists move the same counts in the same order.
    pub fn are_same_rows(some: &[Self], others: &[Self]) -> bool {
        let is_same = |(a, b): (&Self, &Self)| {
            a.is_same_row(b) && a.also_business_id == b.also_business_id && a.to == b.to
        };
        some.len() == others.len() && some.iter().zip(others).all(is_same)
    }

    /// Identifies the whole content, as versions without [`Override::identity`] named rows.
    pub fn fingerprint(&self) -> String {
        // Fields are in the order of the struct and instants are numbers, so one content has one
        // text.
        let Ok(json) = serde_json::to_string(self) else { unreachable!("texts and numbers are always JSON") };
        Sha256::digest(json).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Returns the first day of the row, by which its window is judged.
    pub fn first_day(&self) -> Option<Day> {
        Day::of_us(self.start_us)
    }

    /// Returns the days of the row, ascending.
    pub fn days(&self) -> impl Iterator<Item = Day> + use<> {
        let ends = self.first_day().zip(Day::of_us(self.end_us - 1));
        ends.into_iter().flat_map(|(first, last)| first.through(last))
    }

    /// Returns the account to which it moves counts.
    pub fn target(&self) -> Option<Account> {
        self.to.parse().ok()
    }

    /// True if its caller selector matches this pseudonym, or if it has none.
    pub fn takes_caller(&self, caller: &str) -> bool {
        let is_it = |selected: &String| selected == caller;
        self.business_id.as_ref().is_none_or(is_it) || self.also_business_id.iter().any(is_it)
    }

    /// True if its account selector matches this account, or if it has none.
    pub fn takes_account(&self, account: Account) -> bool {
        self.account.as_deref().is_none_or(|selector| selects(selector, account))
    }

    /// Returns the row as one line of an override file, in the order of [`COLUMNS`].
    pub fn to_csv(&self) -> String {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let cells = [
            self.id.clone(),
            self.direction.name().to_owned(),
            rfc3339(self.start_us),
            rfc3339(self.end_us),
            text(&self.service),
            text(&self.region),
            text(&self.business_id),
            self.error_code.map(|code| code.to_string()).unwrap_or_default(),
            text(&self.account),
            self.reason.clone(),
            self.ticket.clone(),
            self.author.clone(),
            self.approver.clone(),
            rfc3339(self.created_at_us),
            self.note.clone(),
        ];
        let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
        let written = writer.write_record(&cells);
        match (written, writer.into_inner().map(String::from_utf8)) {
            (Ok(()), Ok(Ok(line))) => line.trim_end_matches('\n').to_owned(),
            _ => unreachable!("writing text to memory does not fail"),
        }
    }
}

/// True if a selector (an account's name, or a beginning such as `bad:*`) matches an account.
pub fn selects(selector: &str, account: Account) -> bool {
    match selector.strip_suffix('*') {
        Some(beginning) => beginning.ends_with(':') && account.name().starts_with(beginning),
        None => account.name() == selector,
    }
}

/// The error code that a row selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Code {
    /// Events without an error code; written `none`.
    None,
    Number(i64),
}

impl Code {
    /// True if the selector matches the error code of an event.
    pub const fn takes(self, code: Option<i64>) -> bool {
        match (self, code) {
            (Self::None, None) => true,
            (Self::Number(wanted), Some(code)) => wanted == code,
            _ => false,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Number(code) => code.fmt(f),
        }
    }
}

impl FromStr for Code {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = || if text.starts_with('+') { None } else { text.parse().ok().map(Self::Number) };
        if text == "none" { Some(Self::None) } else { number() }
            .ok_or_else(|| format!("`{text}` is not an error code"))
    }
}

impl TryFrom<String> for Code {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Code> for String {
    fn from(code: Code) -> Self {
        code.to_string()
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::day::DAY_US;

    pub fn us(text: &str) -> i64 {
        chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros()
    }

    /// A row over one hour of 2026-11-20, created the next morning.
    pub fn row(id: &str, direction: Direction) -> Override {
        let (reason, to) = match direction {
            Direction::ToUptime => ("caller-misuse", "user:caller"),
            Direction::ToDowntime => ("authorization-fault", "bad:platform:error"),
        };
        Override {
            id: id.to_owned(),
            direction,
            start_us: us("2026-11-20T10:00:00Z"),
            end_us: us("2026-11-20T11:00:00Z"),
            service: None,
            region: None,
            business_id: None,
            error_code: None,
            account: (direction == Direction::ToDowntime).then(|| "user:*".to_owned()),
            reason: reason.to_owned(),
            to: to.to_owned(),
            ticket: "INC-1".to_owned(),
            author: "ann".to_owned(),
            approver: "bob".to_owned(),
            created_at_us: us("2026-11-21T09:00:00Z"),
            note: String::new(),
            also_business_id: Vec::new(),
        }
    }

    #[test]
    fn the_fingerprint_is_of_the_whole_content() {
        let a = row("a", Direction::ToUptime);
        assert_eq!(a.fingerprint(), row("a", Direction::ToUptime).fingerprint());
        assert_eq!(a.fingerprint().len(), 64);
        let edited = Override { note: "x".to_owned(), ..a.clone() };
        assert_ne!(a.fingerprint(), edited.fingerprint());
        let json = serde_json::to_string(&Override { error_code: Some(Code::Number(190)), ..a }).unwrap();
        assert!(json.contains(r#""direction":"to_uptime""#) && json.contains(r#""error_code":"190""#));
        assert_eq!(serde_json::from_str::<Override>(&json).unwrap().error_code, Some(Code::Number(190)));
    }

    #[test]
    fn the_identity_is_of_all_but_ticket_note_and_target() {
        let a = row("a", Direction::ToUptime);
        let texts =
            Override { ticket: "x".to_owned(), note: "y".to_owned(), to: "good".to_owned(), ..a.clone() };
        assert!(a.is_same_row(&texts) && a.identity() == texts.identity());
        let others = [
            Override { id: "b".to_owned(), ..a.clone() },
            Override { end_us: a.end_us + 1, ..a.clone() },
            Override { region: Some("eu".to_owned()), ..a.clone() },
            Override { error_code: Some(Code::None), ..a.clone() },
            Override { approver: "carol".to_owned(), ..a.clone() },
            Override { created_at_us: a.created_at_us + 1, ..a.clone() },
        ];
        for other in others {
            assert!(!a.is_same_row(&other) && a.identity() != other.identity(), "{other:?}");
        }
    }

    #[test]
    fn a_row_touches_the_days_of_its_slots() {
        let mut row = row("a", Direction::ToUptime);
        let days = |row: &Override| row.days().map(|day| day.to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(days(&row), "2026-11-20");
        row.end_us = us("2026-11-21T00:00:00Z");
        assert_eq!(days(&row), "2026-11-20");
        row.end_us += DAY_US + 1;
        assert_eq!(days(&row), "2026-11-20 2026-11-21 2026-11-22");
    }

    #[test]
    fn accounts_are_selected_by_name_or_beginning() {
        let taken = |selector| Account::ALL.into_iter().filter(|a| selects(selector, *a)).count();
        assert_eq!((taken("user:*"), taken("bad:platform:*"), taken("bad:platform:error")), (4, 2, 1));
        assert_eq!((taken("*"), taken("us*"), taken("user"), taken("")), (0, 0, 0, 0));
    }

    #[test]
    fn codes_are_numbers_or_none() {
        assert_eq!("none".parse(), Ok(Code::None));
        assert_eq!("-1".parse(), Ok(Code::Number(-1)));
        assert!(["", "+1", "1.0", "None", "x"].into_iter().all(|bad| bad.parse::<Code>().is_err()));
        assert!(Code::None.takes(None) && Code::Number(2).takes(Some(2)));
        assert!(!Code::None.takes(Some(0)) && !Code::Number(2).takes(None));
    }
}
