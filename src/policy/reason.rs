//! Reasons: the closed list of reasons to move counts, each with the account it books to.

use serde::{Deserialize, Serialize};

use super::cells::{account, cites, id};
use super::{Account, Group};
use crate::document::toml::TomlTable;

pub(super) const KEYS: [&str; 5] = ["id", "direction", "to", "because", "cites"];
const DIRECTIONS: [(&str, Direction); 2] = [
    (Direction::ToUptime.name(), Direction::ToUptime),
    (Direction::ToDowntime.name(), Direction::ToDowntime),
];

/// The direction in which an override moves counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From bad to the user's accounts or to good (R2).
    ToUptime,
    /// From the user's or excluded accounts to bad (R8, R9).
    ToDowntime,
}

impl Direction {
    pub const ALL: [Self; 2] = [Self::ToUptime, Self::ToDowntime];

    pub const fn name(self) -> &'static str {
        match self {
            Self::ToUptime => "to_uptime",
            Self::ToDowntime => "to_downtime",
        }
    }

    /// True if counts may be taken from accounts of this group.
    ///
    /// Bad events are never booked as bad twice (R10); good and undecided events stay.
    pub const fn takes_from(self, group: Group) -> bool {
        match self {
            Self::ToUptime => matches!(group, Group::Bad),
            Self::ToDowntime => {
                matches!(group, Group::User | Group::Excluded | Group::Unknown | Group::Suspense)
            }
        }
    }

    /// True if counts may be given to accounts of this group.
    pub const fn gives_to(self, group: Group) -> bool {
        match self {
            Self::ToUptime => matches!(group, Group::User | Group::Good),
            Self::ToDowntime => matches!(group, Group::Bad),
        }
    }
}

/// One reason that an override may give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Kebab-case, unique, never reused.
    pub id: String,
    pub direction: Direction,
    /// The account that receives the counts.
    pub to: Account,
    /// The cases in which it is the right reason, in plain English.
    pub because: String,
    pub cites: Vec<String>,
}

/// Reads the tables `[[reason]]`.
pub fn read(tables: &[TomlTable<'_>]) -> Vec<Reason> {
    let mut ids: Vec<&str> = Vec::new();
    tables.iter().filter_map(|table| reason(table, &mut ids)).collect()
}

fn reason<'t>(table: &TomlTable<'t>, ids: &mut Vec<&'t str>) -> Option<Reason> {
    let id = table.need("id", "\"caller-misuse\"").and_then(|value| id(&value, "reason", ids));
    let direction = table.need("direction", "\"to_uptime\"").and_then(|value| value.choice(&DIRECTIONS));
    let to = table.need("to", "\"user:caller\"").and_then(|value| {
        let to = account(&value)?;
        if let Some(direction) = direction
            && !direction.gives_to(to.group())
        {
            let valid = Account::ALL.iter().filter(|a| direction.gives_to(a.group()));
            let valid: Vec<String> = valid.map(|a| format!("`{a}`")).collect();
            value.wrong(
                format!("`{}` cannot book to `{to}`", direction.name()),
                "not an account that this direction leads to",
                format!("valid: {}", valid.join(", ")),
            );
        }
        Some(to)
    });
    let because = table.need("because", "\"...\"").and_then(|value| value.text());
    let cites = table.need("cites", "[\"R2\"]").map(|value| cites(&value));
    Some(Reason {
        id: id?.to_owned(),
        direction: direction?,
        to: to?,
        because: because?.to_owned(),
        cites: cites?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Mistake};
    use crate::policy::{BUILT_IN_CATALOGUE, Policy};

    #[test]
    fn the_built_in_reasons_lead_both_ways() {
        let policy = Policy::built_in();
        for direction in Direction::ALL {
            assert!(policy.reasons().iter().filter(|r| r.direction == direction).count() >= 3);
        }
        let caller = policy.reason("caller-misuse").unwrap();
        assert_eq!((caller.direction, caller.to), (Direction::ToUptime, Account::UserCaller));
        assert_eq!(policy.reason("authorization-fault").map(|r| r.to), Some(Account::BadPlatformError));
        assert_eq!(policy.reason("nonsense"), None);
    }

    #[test]
    fn a_reason_books_where_its_direction_leads() {
        let rule = "[[rule]]\nid = \"a\"\nwhen = { scope = \"any\" }\naccount = \"good\"\nbecause = \"b\"\ncites = [\"R6\"]\n";
        let read = |direction: &str, to: &str| {
            let reason = format!(
                "[[reason]]\nid = \"x\"\ndirection = \"{direction}\"\nto = \"{to}\"\nbecause = \"b\"\ncites = [\"R2\"]\n"
            );
            let document = Document::new("p", format!("{rule}{reason}"));
            Policy::read(&document, &Document::new("c", BUILT_IN_CATALOGUE))
                .map(|policy| policy.reasons().len())
                .map_err(|mistakes| mistakes.0.iter().map(Mistake::place).collect::<Vec<_>>())
        };
        assert_eq!(read("to_uptime", "good"), Ok(1));
        assert_eq!(read("to_uptime", "user:policy"), Ok(1));
        assert_eq!(read("to_downtime", "bad:platform:missed"), Ok(1));
        for (direction, to, place) in [
            ("to_uptime", "bad:platform:error", "p:10:6"),
            ("to_uptime", "pending", "p:10:6"),
            ("to_downtime", "user:caller", "p:10:6"),
            ("to_downtime", "bad", "p:10:6"),
            ("upwards", "good", "p:9:13"),
        ] {
            assert_eq!(read(direction, to), Err(vec![place.to_owned()]), "{direction} {to}");
        }
    }
}
